package desk

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/jobs"
	"zhijia/internal/judge"
	"zhijia/internal/llm"
	"zhijia/internal/llm/llmtest"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
	"zhijia/prompts"
)

// modelDesk is a desk whose rows are put to a model that answers by chat.
func modelDesk(tb testing.TB, chat func(llmtest.Request) llmtest.Reply, change func(*llm.Config)) (*Desk, *store.DB, *llmtest.Server) {
	tb.Helper()
	db, err := store.Open(tb.Context(), storetest.URL(tb), store.Options{MaxConns: 12, Institution: store.Public})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(db.Close)
	s := llmtest.New(tb, func(r llmtest.Request) llmtest.Reply {
		if r.Probe() {
			return llmtest.Always(60)(r)
		}
		return chat(r)
	})
	cfg := llm.Config{BaseURL: s.URL, Model: "test-model", Key: llmtest.Key, Attempts: 1, Concurrency: 16, Deadline: 20 * time.Second, RequestTimeout: 20 * time.Second}
	if change != nil {
		change(&cfg)
	}
	set, err := prompts.Load("")
	if err != nil {
		tb.Fatal(err)
	}
	rubric, err := judge.NewRubric(tb.Context(), db, cfg, set, nil, llm.WithBackoff(time.Millisecond))
	if err != nil {
		tb.Fatal(err)
	}
	now := func() time.Time { return on.Time().Add(9 * time.Hour) }
	var d *Desk
	svc, err := appraisal.New(tb.Context(), db, appraisal.Options{Judge: rubric, Now: func() time.Time {
		if d != nil {
			return d.now()
		}
		return now()
	}})
	if err != nil {
		tb.Fatal(err)
	}
	if d, err = New(db, svc, nil); err != nil {
		tb.Fatal(err)
	}
	d.now = now
	return d, db, s
}

// With an endpoint, a batch's rows are put to the model like any valuation:
// under the institution's consent, and never so that a row waits beyond its
// deadline or fails. What the model does not say is unknown and widens the
// range.
func TestModelInABatch(t *testing.T) {
	t.Parallel()
	vote := llmtest.Always(60)
	for name, c := range map[string]struct {
		chat   func(llmtest.Request) llmtest.Reply
		change func(*llm.Config)
		forbid bool
		calls  bool
		noted  string
	}{
		"answers":   {chat: vote, calls: true},
		"forbidden": {chat: vote, forbid: true, noted: "MODEL-FORBIDDEN"},
		"down":      {chat: func(llmtest.Request) llmtest.Reply { return llmtest.Reply{Status: 500} }, calls: true, noted: "MODEL-UNAVAILABLE"},
		"never answers": {
			chat: func(llmtest.Request) llmtest.Reply { return llmtest.Reply{Delay: time.Minute, Status: 500} }, calls: true, noted: "MODEL-UNAVAILABLE",
			change: func(cfg *llm.Config) { cfg.Deadline, cfg.RequestTimeout = 200*time.Millisecond, 200*time.Millisecond },
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, db, s := modelDesk(t, c.chat, c.change)
			if c.forbid {
				if _, err := db.SetModelConsent(t.Context(), officer, false, time.Now()); err != nil {
					t.Fatal(err)
				}
			}
			table, _ := generate(10)
			b := mustSubmit(t, d, officer, table)
			stop := work(t, d)
			p := wait(t, d, officer, b.ID)
			stop()
			if p.Status != store.BatchFinished || p.Done != 10 {
				t.Errorf("%+v", p)
			}
			if (s.Calls() > 0) != c.calls {
				t.Errorf("%d calls", s.Calls())
			}
			var noted int
			if err := db.Queue().QueryRow(t.Context(), `SELECT count(*) FROM valuations WHERE position($1 IN conclusion::text) > 0`, `"`+c.noted+`"`).Scan(&noted); err != nil || c.noted != "" && noted != p.Done {
				t.Errorf("%d of %d valuations say %s, %v", noted, p.Done, c.noted, err)
			}
		})
	}
}

// A batch that does not wait is decided once: what is read later makes revisions,
// leaves the decision as it was to the byte, and raises an alert where it takes a
// loan across what its collateral bears. A row that cannot be read says why and is
// tried again on request.
func TestReadLater(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	d, db, s := modelDesk(t, func(r llmtest.Request) llmtest.Reply {
		if down.Load() {
			return llmtest.Reply{Status: 500}
		}
		return llmtest.Always(80)(r)
	}, nil)
	stockBooked(t, d, db)
	text := strings.Repeat("本发明公开一种激光器相对强度噪声的测量装置，包括依次连接的探测器、放大器与频谱仪，放大器的带宽大于激光器的弛豫振荡频率。", 8)
	if err := db.MergePatents(t.Context(), []store.Patent{{Number: booked, Kind: "invention", Title: "一种激光器相对强度噪声的测量装置及方法", Filing: calendar.New(2013, 11, 5), Owners: []string{"甲公司"}, Abstract: text, Claims: "1. 一种激光器相对强度噪声的测量装置，其特征在于，包括探测器、放大器和频谱仪。", Description: text, Source: "test"}}, 0, nil); err != nil {
		t.Fatal(err)
	}
	submit := func(contract, loan string) store.Batch {
		t.Helper()
		body := "借款人名称,专利号,专利权人,共有人及同意,年费缴至年度,法律状态,上年产品收入(元),拟贷金额(元),拟到期日,担保合同号\n甲公司," + booked + ",甲公司,无,14,无 " + on.String() + ",30000000," + loan + "," + on.AddYears(1).String() + "," + contract + "\n"
		b, _, err := d.Submit(t.Context(), officer, "f.csv", strings.NewReader(body), Options{Policy: lenient(), Date: on, Readings: ReadingsKept})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	// decide works a batch without its later readings.
	decide := func(id string) {
		t.Helper()
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- d.queue.Run(ctx, jobs.RunOptions{}, d.Workers(WorkOptions{Rows: 1})[len(d.readers()):]...)
		}()
		wait(t, d, officer, id)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	alerts := func() (out []string) {
		t.Helper()
		all, err := db.Alerts(t.Context(), officer.Institution, store.AlertFilter{Open: true, Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range all {
			if a.Code == "reading_cap" {
				out = append(out, a.Loan)
			}
		}
		return out
	}

	down.Store(true)
	first := submit("C-1", "1000")
	decide(first.ID)
	if s.Calls() != 0 {
		t.Errorf("%d calls before the decision", s.Calls())
	}
	r, err := d.ReadLater(t.Context(), officer, first.ID)
	if err != nil || len(r.Rows) != 1 || r.Rows[0].Revision != "" || r.Rows[0].Note == "" || len(r.Contracts) != 0 {
		t.Fatalf("a model that is down: %+v %v", r, err)
	}
	down.Store(false)
	before, err := d.Batch(t.Context(), officer, first.ID)
	if err != nil {
		t.Fatal(err)
	}
	if r, err = d.ReadLater(t.Context(), officer, first.ID); err != nil || len(r.Rows) != 1 || r.Rows[0].Revision == "" || len(r.Contracts) != 1 || r.Contracts[0].Crossed || len(alerts()) != 0 {
		t.Fatalf("read: %+v %v, alerts %v", r, err, alerts())
	}
	after, err := d.Batch(t.Context(), officer, first.ID)
	if err != nil || !bytes.Equal(before.Digest, after.Digest) || !bytes.Equal(before.Contracts, after.Contracts) {
		t.Errorf("the decision moved: %v", err)
	}
	if same, err := d.Redecide(t.Context(), first.ID); !same || err != nil {
		t.Errorf("decided again on what is stored: %v %v", same, err)
	}
	rec, err := d.appraisal.Get(t.Context(), officer, r.Rows[0].Revision)
	if err != nil || rec.Revises() != r.Rows[0].Valuation {
		t.Errorf("the revision: %v", err)
	}
	calls := s.Calls()
	if again, err := d.ReadLater(t.Context(), officer, first.ID); err != nil || again.Rows[0].Revision != r.Rows[0].Revision || s.Calls() != calls {
		t.Errorf("read twice: %+v %v, %d calls", again, err, s.Calls()-calls)
	}

	// A loan between what the collateral bore and what it bears: crossed, and told
	// once, by the service's own workers.
	if _, err := owner(t, db.Queue().Config().ConnString()).Exec(t.Context(), `DELETE FROM judgements`); err != nil {
		t.Fatal(err)
	}
	second := submit("C-2", ((r.Contracts[0].Before + r.Contracts[0].After) / 2).String())
	stop := work(t, d)
	wait(t, d, officer, second.ID)
	for tick := time.Tick(20 * time.Millisecond); len(alerts()) == 0; <-tick {
		if t.Context().Err() != nil {
			t.Fatal("no alert")
		}
	}
	stop()
	if later, err := d.LaterReadings(t.Context(), officer, second.ID); err != nil || len(later.Contracts) != 1 || !later.Contracts[0].Crossed || !slices.Equal(alerts(), []string{"C-2"}) {
		t.Errorf("crossed: %+v %v, alerts %v", later, err, alerts())
	}
	if _, breaks, err := db.VerifyAudit(t.Context(), nil, appraisal.Intact); err != nil || len(breaks) > 0 {
		t.Errorf("audit: %v %v", breaks, err)
	}
}
