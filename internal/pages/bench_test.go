package pages

import (
	"net/url"
	"slices"
	"testing"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/gate/gatetest"
	"zhijia/internal/people"
	"zhijia/internal/valuation/income"
	"zhijia/internal/valuation/terms"
)

// BenchmarkPages measures each page over a house with 100,000 valuations stored,
// one in ten asked for alone; it reports the median. Run it with -benchtime 20x.
func BenchmarkPages(b *testing.B) {
	w := newWorld(b)
	ctx := b.Context()
	who := gatetest.NewPerson(b, w.DB, "default", "bench", people.Officer, people.Desk, people.Approver)
	actor := who.Actor()
	var ids []string
	for _, revenue := range []float64{3e7, 6e7} {
		rec, err := w.Appraisal.Value(ctx, actor, appraisal.Request{Number: gatetest.KnownNumber, Purpose: "licence", Income: &income.Facts{Current: terms.Exactly(revenue)}})
		if err != nil {
			b.Fatal(err)
		}
		ids = append(ids, rec.ID())
	}
	tx, err := w.DB.Queue().Begin(ctx)
	if err != nil {
		b.Fatal(err)
	}
	for _, q := range []string{
		`SELECT set_config('zhijia.institution', 'default', true)`,
		`INSERT INTO valuations (id, created_at, created_by, institution, title, purpose, as_of, status, point, low, high, assumptions, request, snapshot, conclusion, hash, batch)
			SELECT 'val_' || lpad(to_hex(g), 32, '0'), now() - g * interval '1 minute', '经办' || g % 40, 'default',
				(ARRAY['一种轴承的润滑结构', '复合材料的制备方法', '图像识别方法及装置', '锂电池隔膜', '污水处理系统'])[1 + g % 5] || g,
				(ARRAY['pledge', 'licence', 'assignment'])[1 + g % 3], current_date, 'valued', 1e5 + g * 10, 5e4, 1e6, 'x',
				json_build_object('borrower', '公司' || g % 3000, 'number', g), '{}', '{}', '\x00', CASE WHEN g % 10 > 0 THEN 'bat_x' END
			FROM generate_series(1, 100000) g`,
		`INSERT INTO valuation_patents (institution, valuation, position, number, created_at)
			SELECT 'default', 'val_' || lpad(to_hex(g), 32, '0'), 0, 'CN2015' || lpad((g % 50000)::text, 8, '0'), now() - g * interval '1 minute' FROM generate_series(1, 100000) g`,
	} {
		if _, err := tx.Exec(ctx, q); err != nil {
			b.Fatal(err)
		}
	}
	if err := tx.Commit(ctx); err != nil {
		b.Fatal(err)
	}
	if _, err := w.DB.Queue().Exec(ctx, `VACUUM ANALYZE valuations`); err != nil {
		b.Fatal(err)
	}
	at := &browser{t: b, h: w.gate}
	if r := at.send("POST", "/officer/login", url.Values{"institution": {"default"}, "login": {"bench"}, "password": {gatetest.Password}}); at.cookie == nil {
		b.Fatal(r.Code)
	}
	for name, path := range map[string]string{
		"home": "/officer", "list": "/officer/valuations", "own": "/officer/valuations?made=alone", "page": "/officer/valuations/" + ids[0], "what-if": "/officer/valuations/" + ids[0] + "/what-if",
		"opinion": "/officer/valuations/" + ids[0] + "/opinion", "history": "/officer/patents/" + gatetest.KnownNumber + "/history", "dossier": "/officer/patents?number=" + gatetest.KnownNumber,
		"compare": "/officer/compare?id=" + ids[0] + "&id=" + ids[1], "waiting": "/officer/valuations?waiting=1", "alerts": "/officer/alerts", "book": "/officer/book", "batches": "/officer/batches",
		"lending": "/officer/lending", "proposals": "/officer/proposals", "watch": "/officer/watch", "imports": "/officer/imports", "ledger": "/officer/ledger", "pools": "/officer/pools",
		"search-words": "/officer/valuations?q=" + url.QueryEscape("轴承的润滑结构99995"), "search-none": "/officer/valuations?q=" + url.QueryEscape("石墨烯量子点"), "search-number": "/officer/valuations?q=201310543019.6",
		"search-borrower": "/officer/valuations?borrower=" + url.QueryEscape("公司2999"), "search-by": "/officer/valuations?by=" + url.QueryEscape("经办39") + "&purpose=pledge", "search-patents": "/officer/search?q=" + url.QueryEscape("锂离子 正极"),
	} {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				if r := at.send("GET", path, nil); r.Code != 200 {
					b.Fatal(r.Code, r.Body)
				}
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1e3, "p50-ms")
			b.ReportMetric(0, "ns/op")
		})
	}
}
