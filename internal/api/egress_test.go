package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/gate"
	"zhijia/internal/gate/gatetest"
	"zhijia/internal/judge"
	"zhijia/internal/llm"
	"zhijia/internal/llm/llmtest"
	"zhijia/internal/paging"
	"zhijia/internal/people"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
	"zhijia/prompts"
)

// modelled is a world whose valuations ask a model.
func modelled(t *testing.T, db *store.DB, s *llmtest.Server, key string, log *slog.Logger, change func(*llm.Config)) (gatetest.Client, *judge.Rubric) {
	t.Helper()
	set, err := prompts.Load("")
	if err != nil {
		t.Fatal(err)
	}
	cfg := llm.Config{BaseURL: s.URL, Model: "test-model", Key: key, Attempts: 2, Concurrency: 16}
	if change != nil {
		change(&cfg)
	}
	rubric, err := judge.NewRubric(t.Context(), db, cfg, set, log, llm.WithBackoff(time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	svc, err := appraisal.New(t.Context(), db, appraisal.Options{Judge: rubric, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, gatetest.Over(t, db, svc), options{Options: gate.Options{Log: log}}, people.Officer).Client, rubric
}

// modelAnswer is sure of everything but one indicator.
func modelAnswer(r llmtest.Request) llmtest.Reply {
	whole := len(r.Items()) > 1
	return llmtest.Reply{Content: llmtest.Read(r, func(i llmtest.Item) llmtest.Choice {
		c := llmtest.Choice{Letter: i.Letter(60)}
		if whole && i.Code == "L2.1" {
			c.Also = i.Letter(40)
		}
		return c
	})}
}

func asking(i int) map[string]any {
	return map[string]any{
		"text":   map[string]any{"title": fmt.Sprintf("一种正极材料%d", i), "abstract": "本发明公开了一种正极材料的制备方法。", "claims": "1. 一种正极材料，包括镍、钴和锰。"},
		"patent": map[string]any{"kind": "invention", "ipc": []string{"H01M 4/36"}, "owner_type": "university"}, "allow_model": true, "wait": true,
	}
}

// An officer reads what left, of his own institution only, page by page and on the
// officer's page; an admin decides whether anything may, and both are on
// record.
func TestEgressAndConsent(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := llmtest.New(t, modelAnswer)
	c, _ := modelled(t, db, s, llmtest.Key, nil, nil)
	if w := c.Post("/v1/valuations", asking(1)); w.Code != http.StatusCreated {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if err := db.PutEgress(t.Context(), store.Egress{Institution: "other", Actor: "x", What: "secret of others", Host: "h", Bytes: 1, Hash: strings.Repeat("a", 64)}); err != nil {
		t.Fatal(err)
	}
	var all []store.Egress
	cursor := ""
	for range 10 {
		w := c.Get("/v1/egress?limit=2&cursor=" + url.QueryEscape(cursor))
		var got struct {
			Entries    []store.Egress
			NextCursor string `json:"next_cursor"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		all = append(all, got.Entries...)
		if cursor = got.NextCursor; cursor == "" {
			break
		}
	}
	if len(all) != s.Calls() || len(all) != 3 {
		t.Errorf("%d entries, %d calls", len(all), s.Calls())
	}
	for i, e := range all {
		if e.Institution != "default" || len(e.Hash) != 64 || i > 0 && e.ID >= all[i-1].ID {
			t.Errorf("%+v", e)
		}
	}
	for _, bad := range []string{"x", paging.Place{At: time.Now(), ID: "abc"}.Cursor(), paging.Place{At: time.Now(), ID: "-1"}.Cursor()} {
		if w := c.Get("/v1/egress?cursor=" + bad); w.Code != http.StatusUnprocessableEntity || gatetest.Problem(t, w).Code != "cursor.invalid" {
			t.Errorf("cursor %q: %d %s", bad, w.Code, w.Body)
		}
	}

	admin := gatetest.Client{T: t, H: c.H, Key: gatetest.NewKey(t, db, time.Time{}, people.Admin)}
	if w := c.Post("/v1/model-consents", map[string]any{"institution": "default", "allowed": false}); w.Code != http.StatusForbidden {
		t.Errorf("an officer decides: %d", w.Code)
	}
	if w := admin.Post("/v1/model-consents", map[string]any{"institution": "default"}); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("no decision: %d %s", w.Code, w.Body)
	}
	if w := admin.Post("/v1/model-consents", map[string]any{"institution": "default", "allowed": false}); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	calls := s.Calls()
	if w := c.Post("/v1/valuations", asking(2)); w.Code != http.StatusCreated || !strings.Contains(w.Body.String(), "MODEL-FORBIDDEN") || s.Calls() != calls {
		t.Errorf("%d after the institution forbade it, %d calls", w.Code, s.Calls()-calls)
	}
	if w := admin.Get("/v1/model-consents"); !strings.Contains(w.Body.String(), `"allowed":false`) {
		t.Errorf("%s", w.Body)
	}
	entries, err := db.Audit(t.Context(), "default", "default", 0, 10)
	if err != nil || len(entries) != 1 || entries[0].Action != "model.consent" || !strings.Contains(string(entries[0].Detail), `"after":false`) {
		t.Errorf("%+v, %v", entries, err)
	}
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}
func (b *safeBuffer) String() string { b.mu.Lock(); defer b.mu.Unlock(); return b.b.String() }

// Whatever the endpoint says, the key is in no log line at any level, no
// answer, no record.
func TestModelKeyReachesNoLog(t *testing.T) {
	t.Parallel()
	const key = "sk-very-secret-4f6c1d"
	for name, c := range map[string]struct {
		key   string
		reply llmtest.Reply
		batch bool
	}{
		"the endpoint repeats the key it refuses": {key: key},
		"in an error":          {key: llmtest.Key, reply: llmtest.Reply{Status: 500, Message: "bad key " + llmtest.Key}},
		"in what is no answer": {key: llmtest.Key, reply: llmtest.Reply{Raw: "<html>" + llmtest.Key}},
		"in an answer":         {key: llmtest.Key, reply: llmtest.Reply{Content: `{"score":"60","confidence":1,"quotes":[],"reason":"` + llmtest.Key + `"}`}},
		"in a batch":           {key: llmtest.Key, reply: llmtest.Reply{Status: 400, Message: "bad key " + llmtest.Key}, batch: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			s := llmtest.New(t, func(r llmtest.Request) llmtest.Reply {
				if r.Probe() && c.batch {
					return modelAnswer(r)
				}
				return c.reply
			})
			if c.batch {
				s.Batches(nil)
			}
			logged := &safeBuffer{}
			log := slog.New(slog.NewJSONHandler(logged, &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}))
			w, rubric := modelled(t, db, s, c.key, log, nil)
			out := w.Post("/v1/valuations", asking(1))
			if out.Code != http.StatusCreated {
				t.Fatalf("%d %s", out.Code, out.Body)
			}
			if err := db.MergePatents(t.Context(), []store.Patent{{Number: "CN201310543019.6", Title: "一种正极材料", Abstract: "本发明公开了一种正极材料的制备方法。", Claims: "1. 一种正极材料。", Source: "test"}}, 0, nil); err != nil {
				t.Fatal(err)
			}
			run, _, err := rubric.Submit(store.As(t.Context(), store.Default), appraisal.Actor{Name: "a", Institution: "default"}, []string{"CN201310543019.6"}, false)
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(store.As(t.Context(), store.Default))
			done := make(chan error, 1)
			go func() { done <- rubric.Work(ctx, judge.RunOptions{Poll: 10 * time.Millisecond}) }()
			for range time.Tick(20 * time.Millisecond) {
				p, err := db.RunProgress(store.As(t.Context(), store.Default), run.Institution, run.ID)
				if err != nil {
					t.Fatal(err)
				}
				if p.Failed > 0 || p.Run.Status != store.RunRunning || strings.Contains(p.Run.Note, "llm.") {
					break
				}
			}
			stop()
			if err := <-done; err != nil {
				t.Error(err)
			}
			record := w.Get(out.Header().Get("Location")).Body.String()
			audit := w.Get("/v1/audit").Body.String() + w.Get("/v1/egress").Body.String()
			var rows string
			if err := db.Queue().QueryRow(t.Context(), `SELECT coalesce(string_agg(error, ' '), '') || (SELECT string_agg(note, ' ') FROM model_runs) || (SELECT coalesce(string_agg(errors::text, ' '), '') FROM river_job) FROM model_batches`).Scan(&rows); err != nil {
				t.Fatal(err)
			}
			for where, text := range map[string]string{"log": logged.String(), "answer": out.Body.String(), "record": record, "audit and egress": audit, "runs": rows} {
				if strings.Contains(text, c.key) {
					t.Errorf("the key is in the %s: …%s…", where, text[max(0, strings.Index(text, c.key)-200):])
				}
			}
			if logged.String() == "" {
				t.Error("nothing was logged: the test has no grip")
			}
		})
	}
}

// While a slow endpoint is waited for, no valuation holds a connection: with
// four connections and 24 valuations waiting, the service still answers.
func TestSlowModelHoldsNoConnection(t *testing.T) {
	t.Parallel()
	db, err := store.Open(t.Context(), storetest.URL(t), store.Options{MaxConns: 4, Institution: store.Default})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	release := make(chan struct{})
	var waiting sync.WaitGroup
	waiting.Add(16) // as many as the client has in flight
	var count sync.Mutex
	n := 0
	s := llmtest.New(t, func(r llmtest.Request) llmtest.Reply {
		if r.Probe() {
			return modelAnswer(r)
		}
		count.Lock()
		if n++; n <= 16 {
			waiting.Done()
		}
		count.Unlock()
		<-release
		return modelAnswer(r)
	})
	c, _ := modelled(t, db, s, llmtest.Key, nil, func(cfg *llm.Config) { cfg.Deadline, cfg.RequestTimeout = time.Minute, time.Minute })
	const valuations = 24
	codes := make(chan int, valuations)
	for i := range valuations {
		go func() { codes <- c.Post("/v1/valuations", asking(i)).Code }()
	}
	waiting.Wait()
	idle := 0
	for range time.Tick(5 * time.Millisecond) { // until every valuation has come to its wait
		if db.Queue().Stat().AcquiredConns() == 0 {
			idle++
		} else {
			idle = 0
		}
		if idle == 20 {
			break
		}
	}
	for range 8 {
		if w := c.Get("/v1/valuations"); w.Code != http.StatusOK {
			t.Errorf("%d while valuations wait", w.Code)
		}
	}
	if open := db.Queue().Stat().AcquiredConns(); open != 0 {
		t.Errorf("%d connections are held", open)
	}
	close(release)
	for range valuations {
		if code := <-codes; code != http.StatusCreated {
			t.Errorf("a valuation answered %d", code)
		}
	}
}

// A caller who leaves stops the calls still under way, and what was answered
// before serves the next request.
func TestLeavingCallerStopsTheModel(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	left := make(chan struct{})
	var mu sync.Mutex
	answered, slow := 0, true
	ctx, leave := context.WithCancel(store.As(t.Context(), store.Default))
	s := llmtest.New(t, func(r llmtest.Request) llmtest.Reply {
		if r.Probe() {
			return modelAnswer(r)
		}
		mu.Lock()
		defer mu.Unlock()
		if answered++; slow && answered > 1 {
			leave()
			return llmtest.Reply{Delay: time.Hour} // ends when the client leaves
		}
		return modelAnswer(r)
	})
	c, _ := modelled(t, db, s, llmtest.Key, nil, func(cfg *llm.Config) { cfg.Concurrency, cfg.Deadline, cfg.RequestTimeout = 1, time.Hour, time.Hour })
	body, err := json.Marshal(asking(1))
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(left)
		r := httptest.NewRequest(http.MethodPost, "/v1/valuations", bytes.NewReader(body)).WithContext(ctx)
		r.Header.Set("Authorization", "Bearer "+c.Key)
		r.Header.Set("Content-Type", "application/json")
		c.H.ServeHTTP(httptest.NewRecorder(), r)
	}()
	<-left // within the test's time limit, not after an hour
	mu.Lock()
	slow = false
	before := answered
	mu.Unlock()
	var kept int
	if err := db.Queue().QueryRow(t.Context(), `SELECT count(*) FROM judgements`).Scan(&kept); err != nil || kept != 1 {
		t.Errorf("%d answers kept, want 1 (%v)", kept, err)
	}
	w := c.Post("/v1/valuations", asking(1))
	var got struct {
		Conclusion struct {
			Use struct{ Requests, Kept int } `json:"model_use"`
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusCreated {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if use := got.Conclusion.Use; use.Kept != 1 || use.Requests != 1 || answered-before != 1 {
		t.Errorf("%+v, %d further calls: want 1 kept and 1 new", use, answered-before)
	}
	if use, _ := db.ModelUseToday(store.As(t.Context(), store.Default)); use.Requests != 4 { // probe, two, and what was broken off, which the provider may bill
		t.Errorf("%d requests on the account", use.Requests)
	}
}
