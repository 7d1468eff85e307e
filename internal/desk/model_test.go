package desk

import (
	"testing"
	"time"

	"zhijia/internal/appraisal"
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
