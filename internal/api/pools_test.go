package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"zhijia/internal/gate"
	"zhijia/internal/gate/gatetest"
	"zhijia/internal/jobs"
	"zhijia/internal/people"
	"zhijia/internal/pool"
	"zhijia/internal/poolfile"
)

func TestPoolLifeCycle(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{}, people.Desk)
	deal := pool.Example(1)
	made := w.Post("/v1/pools", deal)
	if made.Code != http.StatusCreated {
		t.Fatalf("create: %d %.300s", made.Code, made.Body)
	}
	created := gatetest.Decode[PoolCreated](t, made.Body.Bytes())
	path := "/v1/pools/" + created.ID
	if !created.Tests.Passes || made.Header().Get("Location") != path {
		t.Errorf("passes %v, location %q", created.Tests.Passes, made.Header().Get("Location"))
	}
	for _, c := range []struct {
		method, path string
		body         any
		want         string
	}{
		{"GET", path, nil, `"generated":true`},
		{"GET", "/v1/pools", nil, created.ID},
		{"GET", path + "/statistics", nil, `"effective_n"`},
		{"POST", path + ":test", nil, `"passes":true`},
		{"POST", path + ":cash-flow", map[string]any{"default": 0.05, "recovery": 0.3}, `"tranches"`},
		{"POST", path + ":size", map[string]any{"scenario": map[string]any{"recovery": 0.3, "default": 0.1}}, `"senior_share"`},
		{"POST", path + ":stress", map[string]any{"default": []float64{0.05}, "recovery": []float64{0.3}}, `"break_even"`},
		{"POST", path + ":build", map[string]any{"max_principal": 60000000}, `"exact":true`},
		{"POST", path + ":notice", map[string]any{"kind": "litigation", "date": "2026-11-20"}, `"due":"2026-11-24"`},
		{"POST", path + ":reconcile", map[string]any{"from": "2026-12-01", "to": "2026-12-31", "lines": []any{}, "accounts": map[string]any{"plan": "1"}}, `"matches"`},
		{"POST", path + ":report", map[string]any{"period": 1, "lines": []any{}, "accounts": map[string]any{"plan": "1"}}, `"risk_class":"一般关注"`},
		{"POST", path + ":report?format=html", map[string]any{"period": 1, "lines": []any{}, "accounts": map[string]any{"plan": "1"}}, "未闭环"},
		{"POST", path + ":annex?format=json", nil, `"missing":null`},
	} {
		r := w.Do(c.method, c.path, "application/json", encoded(t, c.body))
		code, text := r.Code, r.Body.String()
		if code != http.StatusOK || !strings.Contains(text, c.want) {
			t.Errorf("%s %s: %d lacks %s: %.300s", c.method, c.path, code, c.want, text)
		}
	}
	// The pool after closing: a period, its report, the next, reopening, replay.
	from, to, err := deal.PeriodDays(1)
	if err != nil {
		t.Fatal(err)
	}
	var lines []pool.BankLine
	for _, e := range deal.ExpectedReceipts(from, to) {
		lines = append(lines, pool.BankLine{ID: e.ID, Date: e.Due, Account: "plan", Party: e.Payer, In: true, Amount: e.Amount})
	}
	in := pool.Collection{Lines: lines[1:], Accounts: pool.Accounts{Plan: "plan"}}
	one := w.Post(path+"/periods", in)
	if first := gatetest.Decode[pool.Closed](t, one.Body.Bytes()); one.Code != http.StatusCreated || first.Period != 1 || len(first.Causes) != 1 || one.Header().Get("Location") != path+"/periods/1" {
		t.Fatalf("close: %d %.300s", one.Code, one.Body)
	}
	for _, c := range []struct {
		method, path string
		body         any
		code         int
		want         string
	}{
		{"POST", path + "/periods", pool.Collection{Period: 1, Accounts: in.Accounts}, 409, "pool.period.order"},
		{"POST", path + "/periods", pool.Collection{Accounts: in.Accounts, Lines: lines[:1]}, 422, "pool.period.line"},
		{"GET", path + "/periods/1?format=html", nil, 200, "实际与计划对照"},
		{"POST", path + "/periods/1:reopen", map[string]any{"reason": " "}, 422, "pool.period.reason"},
		{"POST", path + "/periods/1:reopen", map[string]any{"reason": "漏记一笔流水"}, 200, `"periods":1`},
		{"GET", path + "/periods/1", nil, 404, "pool.period.unknown"},
		{"POST", path + "/periods", pool.Collection{Lines: lines, Accounts: in.Accounts}, 201, `"version":2`},
		{"POST", path + "/periods", pool.Collection{Accounts: in.Accounts}, 201, `"period":2`},
		{"GET", path + "/periods/1?version=1", nil, 200, `"version":1`},
		{"GET", path + "/periods", nil, 200, "漏记一笔流水"},
		{"POST", path + ":replay", nil, 200, `"same":true`},
	} {
		if r := w.Do(c.method, c.path, "application/json", encoded(t, c.body)); r.Code != c.code || !strings.Contains(r.Body.String(), c.want) {
			t.Errorf("%s %s: %d lacks %s: %.400s", c.method, c.path, r.Code, c.want, r.Body)
		}
	}
	html := w.Post(path+":annex", nil)
	if html.Code != 200 || !strings.Contains(html.Body.String(), "信息披露附件") || !strings.HasPrefix(html.Header().Get("Content-Type"), "text/html") {
		t.Errorf("annex: %d %.200s", html.Code, html.Body)
	}
	book := w.Post(path+":annex?format=xlsx", nil)
	if book.Code != 200 || !bytes.HasPrefix(book.Body.Bytes(), []byte("PK")) {
		t.Errorf("workbook: %d", book.Code)
	}

	// What takes long is an order: told beforehand, bounded, and cancelled; nobody
	// works yet.
	var many []float64
	for i := range 40 {
		many = append(many, 0.01*float64(i+1))
	}
	if r := w.Post(path+":stress", map[string]any{"default": many, "recovery": many}); r.Code != 422 || !strings.Contains(r.Body.String(), "pool.stress.size") {
		t.Errorf("a grid too large: %d %s", r.Code, r.Body)
	}
	order := map[string]any{"kind": "stress", "request": map[string]any{"default": many[:16], "recovery": many}}
	if r := w.Post(path+":estimate", order); r.Code != 200 || gatetest.Decode[pool.Cost](t, r.Body.Bytes()).Seconds <= 0 {
		t.Errorf("estimate: %d %s", r.Code, r.Body)
	}
	long := w.Post(path+"/runs", order)
	run := gatetest.Decode[PoolRun](t, long.Body.Bytes())
	if long.Code != 202 || run.Status != "running" || run.Total != 120 || long.Header().Get("Location") != path+"/runs/"+run.ID {
		t.Fatalf("a long grid: %d %.300s", long.Code, long.Body)
	}
	if r := w.Post(path+"/runs/"+run.ID+":cancel", ``); r.Code != 200 || !strings.Contains(r.Body.String(), `"status":"cancelled"`) {
		t.Errorf("cancel: %d %s", r.Code, r.Body)
	}
	half := gatetest.Decode[PoolSimulationStatus](t, w.Post(path+":simulate", map[string]any{"scenarios": 500_000}).Body.Bytes())
	if c := w.Post(path+"/simulations/"+half.ID+":cancel", ``); c.Code != 200 || gatetest.Decode[PoolSimulationStatus](t, c.Body.Bytes()).Status != "cancelled" || half.Seconds <= 0 {
		t.Errorf("cancel: %d %s", c.Code, c.Body)
	}

	started := w.Post(path+":simulate", map[string]any{"scenarios": 6000, "seed": 7, "targets": []any{map[string]any{"label": "t", "pd": 0.01, "source": "test"}}})
	if started.Code != http.StatusAccepted {
		t.Fatalf("simulate: %d %s", started.Code, started.Body)
	}
	where := started.Header().Get("Location")
	var job PoolSimulationStatus
	if job = gatetest.Decode[PoolSimulationStatus](t, w.Get(where).Body.Bytes()); job.Status != "running" || job.Done != 0 {
		t.Errorf("worked on though no worker runs: %+v", job)
	}
	ctx, stop := context.WithCancel(t.Context())
	worked := make(chan error, 1)
	go func() { worked <- w.Jobs.Run(ctx, jobs.RunOptions{}, w.Arranger.Worker()) }()
	defer func() {
		stop()
		if err := <-worked; err != nil {
			t.Error(err)
		}
	}()
	for range 10_000 { // each poll is a query; the job is short
		if job = gatetest.Decode[PoolSimulationStatus](t, w.Get(where).Body.Bytes()); job.Status != "running" {
			break
		}
	}
	var rep pool.CreditReport
	if job.Status != "done" || job.Done != 6000 {
		t.Fatalf("%+v", job)
	}
	if err := json.Unmarshal(job.Report, &rep); err != nil || rep.Scenarios != 6000 || len(rep.Cushions) != 1 {
		t.Errorf("%v %+v", err, rep)
	}

	// An order is answered as the request that asks for the same at once.
	small := w.Post(path+"/runs", map[string]any{"kind": "stress", "request": map[string]any{"default": []float64{0.05}, "recovery": []float64{0.3}}})
	run = gatetest.Decode[PoolRun](t, small.Body.Bytes())
	for range 10_000 {
		if run = gatetest.Decode[PoolRun](t, w.Get(path+"/runs/"+run.ID).Body.Bytes()); run.Status != "running" {
			break
		}
	}
	at := w.Post(path+":stress", map[string]any{"default": []float64{0.05}, "recovery": []float64{0.3}})
	if small.Code != 202 || run.Status != "done" || run.Done != 3 || string(bytes.TrimSpace(at.Body.Bytes())) != string(bytes.TrimSpace(run.Report)) {
		t.Errorf("ordered: %+v\nat once: %s", run, at.Body)
	}
	if r := w.Post(path+"/runs", map[string]any{"kind": "size", "request": map[string]any{"nonsense": 1}}); r.Code != 422 {
		t.Errorf("%d %s", r.Code, r.Body)
	}
	// Another pool's run, and another institution's, are not there.
	if r := w.Get("/v1/pools/other/runs/" + run.ID); r.Code != 404 {
		t.Errorf("under another pool: %d", r.Code)
	}
	// Another person stands by what is closed: the next period waits for him, and so
	// does reopening one.
	other := gatetest.Client{T: t, H: w.gate, Key: gatetest.NewPersonKey(t, w.DB, gatetest.NewPerson(t, w.DB, "default", "two", people.Approver))}
	decide := func(kind, act string) {
		t.Helper()
		for _, p := range gatetest.Decode[proposalList](t, other.Get("/v1/proposals?waiting=true").Body.Bytes()).Proposals {
			if p.Kind == kind {
				if r := other.Post("/v1/proposals/"+p.ID+":"+act, `{}`); r.Code != 200 {
					t.Fatalf("%s %s: %d %s", act, p.Subject, r.Code, r.Body)
				}
			}
		}
	}
	next := pool.Collection{Accounts: in.Accounts}
	if r := w.Post(path+"/periods", next); r.Code != 409 || !strings.Contains(r.Body.String(), "pool.period.review") {
		t.Errorf("a period not approved is followed: %d %s", r.Code, r.Body)
	}
	decide("pool_period", "approve")
	if r := w.Get(path + "/periods/2?format=html"); !strings.Contains(r.Body.String(), "已由人员two") {
		t.Errorf("the report does not say who stood by it")
	}
	if r := w.Post(path+"/periods", next); r.Code != 201 {
		t.Errorf("after the approval: %d %s", r.Code, r.Body)
	}
	decide("pool_period", "refuse") // period 3 counts no more
	if r := w.Get(path + "/periods/3"); r.Code != 404 {
		t.Errorf("a period that was refused counts: %d", r.Code)
	}
	if r := w.Post(path+"/periods/2:reopen", map[string]any{"reason": "更正"}); r.Code != 200 || !strings.Contains(r.Body.String(), `"waiting":true`) {
		t.Errorf("reopening: %d %s", r.Code, r.Body)
	}
	if r := w.Get(path + "/periods/2"); r.Code != 200 {
		t.Errorf("reopened before anybody agreed: %d", r.Code)
	}
	decide("pool_reopen", "approve")
	if r := w.Get(path + "/periods/2"); r.Code != 404 {
		t.Errorf("not reopened: %d", r.Code)
	}

	// The same patents again are doubly offered, from a workbook this time.
	var b bytes.Buffer
	if err := poolfile.WriteBook(&b, deal); err != nil {
		t.Fatal(err)
	}
	again := gatetest.Decode[PoolCreated](t, w.Post("/v1/pools:import", b.String(), "Content-Type", gate.XLSX).Body.Bytes())
	if again.Tests.Passes || len(again.Collateral.Excluded) != 102 {
		t.Errorf("%d of 102 patents found doubly offered", len(again.Collateral.Excluded))
	}
	if r := w.Post(path+":release", nil); r.Code != http.StatusOK {
		t.Fatalf("release: %d %s", r.Code, r.Body)
	}
	w.Post("/v1/pools/"+again.ID+":release", nil)
	third := gatetest.Decode[PoolCreated](t, w.Post("/v1/pools", deal).Body.Bytes())
	if !third.Tests.Passes {
		t.Error("released patents are still held")
	}
}

func encoded(t *testing.T, v any) io.Reader {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(b)
}

func TestPoolRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{}, people.Desk)
	for _, c := range []struct {
		path string
		body any
		code int
		want string
	}{
		{"/v1/pools", map[string]any{"name": "x", "nonsense": 1}, 422, "pool.json"},
		{"/v1/pools", map[string]any{"name": "x"}, 422, "pool.assets"},
		{"/v1/pools", `{"name":"a","name":"b"}`, 422, "json.duplicate_key"},
		{"/v1/pools:import", "not a workbook", 415, "pool.book"},
		{"/v1/pools/none:test", nil, 404, "pool.unknown"},
	} {
		r := w.Post(c.path, c.body)
		if r.Code != c.code || !strings.Contains(r.Body.String(), c.want) {
			t.Errorf("%s: %d %.300s, want %d %s", c.path, r.Code, r.Body, c.code, c.want)
		}
	}
}
