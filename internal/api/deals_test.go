package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"zhijia/internal/deal"
	"zhijia/internal/gate/gatetest"
	"zhijia/internal/people"
)

func TestDealsAreReadOverREST(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{}, people.Evaluator)
	text := "青山大学专利转让公示\n\n受让方：海川科技有限公司\n\n专利号\t专利名称\t转让价（万元）\nZL202110345678.3\t一种泵\t6.8\nZL202010877213.8\t一种阀门检测方法\t4.2\n\n公示期：2023年5月8日至2023年5月22日\n青山大学科技处\n2023年5月8日\n"
	made := w.Post("/v1/deals:read", map[string]any{"text": text})
	if made.Code != http.StatusOK {
		t.Fatalf("%d %s", made.Code, made.Body)
	}
	reading := gatetest.Decode[deal.Reading](t, made.Body.Bytes())
	if len(reading.Rows) != 2 || len(reading.Notes) != 0 {
		t.Fatalf("%s", made.Body)
	}
	for i, want := range []float64{68_000, 42_000} {
		r := reading.Rows[i]
		if r.Amount == nil || *r.Amount != want || r.Buyer != "海川科技有限公司" || r.Date != "2023-05-08" {
			t.Errorf("row %d: %+v", i, r)
		}
		for field, quotes := range r.Quotes {
			for _, q := range quotes {
				if text[q.Start:q.End] != q.Text {
					t.Errorf("row %d, %s: %q is not at %d", i, field, q.Text, q.Start)
				}
			}
		}
	}
	if got := w.Post("/v1/deals:read", map[string]any{"text": "今天天气很好。"}); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), `"rows":[]`) || !strings.Contains(got.Body.String(), `"no_deal"`) {
		t.Errorf("no deal: %d %s", got.Code, got.Body)
	}

	// Kept, its rows wait for a person; read again it is one text.
	for range 2 {
		if got := w.Post("/v1/deals:read", map[string]any{"text": text, "keep": true, "source": "公示 12 号"}); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), `"reading":"dr_`) {
			t.Errorf("kept: %d %s", got.Code, got.Body)
		}
	}
	if got := w.Get("/v1/ledger/readings"); got.Code != http.StatusOK || strings.Count(got.Body.String(), `"waiting":2`) != 1 || !strings.Contains(got.Body.String(), "公示 12 号") {
		t.Errorf("readings: %d %s", got.Code, got.Body)
	}

	for name, c := range map[string]struct {
		body   any
		status int
		code   string
	}{
		"no text":              {`{}`, 422, "field.required"},
		"an empty text":        {`{"text":""}`, 422, "field.too_short"},
		"another field":        {`{"text":"转让","model":"x"}`, 422, "field.unknown"},
		"a number":             {`{"text":1}`, 422, "field.type"},
		"not JSON":             {`text=转让`, 422, "json.syntax"},
		"more than 1 MiB":      {map[string]any{"text": strings.Repeat("专利", deal.MaxText/6+1)}, 413, "deal.text_too_long"},
		"a body beyond bounds": {map[string]any{"text": strings.Repeat("x", maxReadBody+1)}, 413, "body.too_large"},
	} {
		if p := gatetest.Problem(t, w.Post("/v1/deals:read", c.body)); p.Status != c.status || p.Code != c.code && !strings.Contains(fmt.Sprint(p), c.code) {
			t.Errorf("%s: %+v, want %d %s", name, p, c.status, c.code)
		}
	}
	for _, role := range []people.Role{people.Desk, people.Admin} {
		other := gatetest.Client{T: t, H: w.gate, Key: gatetest.NewKey(t, w.DB, time.Time{}, role)}
		if p := gatetest.Problem(t, other.Post("/v1/deals:read", map[string]any{"text": text})); p.Status != http.StatusForbidden {
			t.Errorf("%s: %+v", role, p)
		}
	}
}
