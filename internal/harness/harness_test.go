package harness

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"zhijia/eval"
	"zhijia/internal/accuracy"
	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/jobs"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
	"zhijia/internal/valuation"
	price "zhijia/internal/valuation/market"
	"zhijia/internal/valuation/terms"
)

// who asks in these tests.
var who = appraisal.Actor{Name: "evaluator", Institution: store.Default}

// service runs the shipped tasks over a database per market, and keeps its runs
// in another.
func service(t *testing.T) *Service {
	t.Helper()
	return kept(t, &Service{
		Files: eval.FS, Product: Product{Scratch: func(context.Context) (*store.DB, func(), error) { return storetest.New(t), func() {}, nil }},
	})
}

// kept gives a service a database for its runs.
func kept(t *testing.T, s *Service) *Service {
	t.Helper()
	var err error
	s.DB, s.Reports, s.Program = storetest.New(t), t.TempDir(), "test"
	if s.Queue, err = jobs.New(s.DB, nil); err != nil {
		t.Fatal(err)
	}
	return s
}

func run(t *testing.T, s *Service, o Options) *Run {
	t.Helper()
	r, err := s.Run(context.Background(), who, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestShippedTasksAreWellFormed(t *testing.T) {
	t.Parallel()
	tasks, err := Registry(eval.FS)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[Kind]bool{}
	for _, task := range tasks {
		kinds[task.Kind] = true
		if task.Kind == KindPrice && task.Primary == "abs_log_error" && len(task.Baselines) < 4 {
			t.Errorf("%s: a price task runs beside at least four naive baselines", task.Name)
		}
		for _, b := range task.Baselines {
			if baselines[b] == nil {
				t.Errorf("%s: baseline %q is unknown", task.Name, b)
			}
		}
	}
	for _, k := range []Kind{KindPrice, KindRetrieval, KindRank, KindRegistry, KindMatching, KindLending, KindLatency, KindClasses} {
		if !kinds[k] {
			t.Errorf("no task of kind %s", k)
		}
	}
}

func TestTaskFileFaults(t *testing.T) {
	t.Parallel()
	good, err := eval.FS.ReadFile("tasks/price-leave-one-out.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new string }{
		{"kind: price", "kind: guess"},
		{"split: leave_one_deal_out", "split: sometimes"},
		{"bound: high", "bound: mean"},
		{"primary: abs_log_error", "primarry: abs_log_error"},
		{"cluster: deal", "cluster: \"\""},
	} {
		bad := strings.Replace(string(good), c.old, c.new, 1)
		if _, err := parseTask([]byte(bad)); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: err = %v", c.new, err)
		}
	}
}

// priceFiles are the shipped price task over every n-th shipped deal.
func priceFiles(t *testing.T, n int) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	for _, name := range []string{"tasks/price-leave-one-out.yaml", "datasets/deals.csv"} {
		raw, err := eval.FS.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: raw}
	}
	var kept strings.Builder
	i := 0
	for line := range strings.Lines(string(files["datasets/deals.csv"].Data)) {
		if i%n == 0 { // the first is the header
			kept.WriteString(line)
		}
		i++
	}
	files["datasets/deals.csv"].Data = []byte(kept.String())
	return files
}

// A run has a record and a log line per case; running it again moves no case.
func TestRunCompareGateReport(t *testing.T) {
	t.Parallel()
	s := service(t)
	s.Files = priceFiles(t, 4)
	a := run(t, s, Options{Tasks: []string{"price-leave-one-out"}, Type: RunBaseline, Note: "first"})
	b := run(t, s, Options{Tasks: []string{"price-leave-one-out"}, Type: RunCandidate})
	if a.Status != StatusFinished || a.Tasks[0].Summary.Failed > 0 || a.Tasks[0].Summary.Answered < 8 {
		t.Fatalf("run: %+v", a.Tasks[0].Summary)
	}
	samplesA, err := s.Samples(t.Context(), who, a.ID)
	if err != nil {
		t.Fatal(err)
	}
	samplesB, err := s.Samples(t.Context(), who, b.ID)
	if err != nil {
		t.Fatal(err)
	}
	ja, _ := json.Marshal(samplesA)
	jb, _ := json.Marshal(samplesB)
	if string(ja) != string(jb) {
		t.Error("the same run gave other samples the second time")
	}
	cmp, err := s.Compare(t.Context(), who, a.ID, b.ID, accuracy.Options{Iterations: 500})
	if err != nil {
		t.Fatal(err)
	}
	if cmp.Worse() || len(cmp.Tasks[0].Moved) != 0 {
		t.Errorf("a no-op moved cases: %+v", cmp.Tasks[0])
	}
	page, text, err := s.Report(t.Context(), who, b.ID, a.ID)
	if err != nil {
		t.Fatal(err)
	}
	html, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, needle := range []string{"误差表", "校准", "误差最大的十例", "Tiers", "<svg", "no case moved", "T0"} {
		if !strings.Contains(string(html), needle) {
			t.Errorf("the report does not contain %q", needle)
		}
	}
	for _, needle := range []string{"src=", "<link", "@import", "<script", "url("} {
		if strings.Contains(string(html), needle) {
			t.Errorf("the report must need no network and no script; it contains %q", needle)
		}
	}
	md, err := os.ReadFile(text)
	if err != nil || !strings.Contains(string(md), "### Error table") {
		t.Errorf("markdown: %v", err)
	}
}

// A model whose prior level is off by e³ is flagged by compare and by gate.
func TestWorseModelIsFlagged(t *testing.T) {
	t.Parallel()
	s := service(t)
	files := priceFiles(t, 1) // fewer do not tell a worse model beyond doubt
	s.Files = priceFiles(t, 1)
	good := run(t, s, Options{Tasks: []string{"price-leave-one-out"}, Type: RunBaseline})
	dir := t.TempDir()
	if _, err := s.SaveBaselines(t.Context(), who, good.ID, dir); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "price-leave-one-out.json"))
	if err != nil {
		t.Fatal(err)
	}
	files["baselines/price-leave-one-out.json"] = &fstest.MapFile{Data: raw}

	as := valuation.DefaultAssumptions()
	as.Version += "-worse"
	levels := map[price.Sale]price.Level{}
	for k, l := range as.Prices.Levels {
		l.Median *= math.Exp(-6)
		levels[k] = l
	}
	as.Prices.Levels, as.Prices.Anchors = levels, nil
	s.Product.Assumptions = &as
	s.Files = files
	g, err := s.Gate(t.Context(), who, Options{Tasks: []string{"price-leave-one-out"}})
	if err != nil {
		t.Fatal(err)
	}
	if g.Passed || !slices.ContainsFunc(g.Checks, func(c Check) bool { return c.What == "baseline" && !c.Passed }) {
		t.Errorf("the gate let a worse model pass: %+v", g.Checks)
	}
	cmp, err := s.Compare(t.Context(), who, good.ID, g.Run.ID, accuracy.Options{Iterations: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if !cmp.Worse() || len(cmp.Tasks[0].Moved) == 0 {
		t.Errorf("compare did not flag a worse model: %+v", cmp.Tasks[0].Result)
	}
}

// An interrupted run is continued, and ends as an uninterrupted one. One that a
// process died over reads as interrupted when its lease is over, and its samples
// are kept.
func TestResume(t *testing.T) {
	t.Parallel()
	s := service(t)
	ctx, cancel := context.WithCancel(t.Context())
	r, err := s.Run(ctx, who, Options{Tasks: []string{"registry-accuracy"}, Progress: func(_ string, done, _ int) {
		if done == 20 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || r.Status != StatusInterrupted || r.Tasks[0].Done != 20 {
		t.Fatalf("%+v, err %v", r, err)
	}
	half, err := s.Samples(t.Context(), who, r.ID)
	if err != nil || len(half) != 20 {
		t.Fatalf("%d samples, %v", len(half), err)
	}
	// As if it had been killed: nobody said how it ended, and its job is there.
	for _, step := range []struct {
		sql  string
		want Status
	}{
		{`UPDATE eval_runs SET status = 'running'`, StatusInterrupted},
		{`INSERT INTO jobs (institution, kind, key, subject, args, status, owner, leased_until) SELECT institution, queue, id, id, '{}', 'running', 'GONE', now() + interval '1 minute' FROM eval_runs`, StatusRunning},
		{`UPDATE jobs SET leased_until = now()`, StatusInterrupted},
	} {
		if _, err := s.DB.Queue().Exec(t.Context(), step.sql); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Status(t.Context(), who, r.ID); err != nil || got.Status != step.want {
			t.Errorf("%s: %+v, %v", step.sql, got, err)
		}
		if step.want == StatusRunning {
			if _, err := s.Run(t.Context(), who, Options{Resume: r.ID}); fault.Public(err).Code != "eval.busy" {
				t.Errorf("resumed while it runs: %v", err)
			}
		}
	}
	if err := s.DB.PruneEvalJobs(t.Context(), time.Now().Add(time.Hour)); err != nil { // and nobody came for long
		t.Fatal(err)
	}
	done := run(t, s, Options{Resume: r.ID})
	whole := run(t, s, Options{Tasks: []string{"registry-accuracy"}})
	a, _ := json.Marshal(done.Tasks[0].Summary)
	b, _ := json.Marshal(whole.Tasks[0].Summary)
	if done.Status != StatusFinished || string(a) != string(b) {
		t.Errorf("resumed and whole runs differ:\n%s\n%s", a, b)
	}
	if _, err := s.Run(t.Context(), who, Options{Resume: r.ID}); fault.KindOf(err) != fault.Conflict {
		t.Errorf("resuming a finished run: %v", err)
	}
	var left int
	if err := s.DB.Queue().QueryRow(t.Context(), `SELECT count(*) FROM jobs`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d jobs left, %v", left, err)
	}
}

// A run that was ordered is worked by any process, a task a turn, and seen by
// all of the institution and nobody else. Of a process that dies with one in
// hand it is taken, and what was answered is not answered again; one that is
// stopped writes nothing more; an institution has one worked at a time and so
// many open.
func TestOrderedRuns(t *testing.T) {
	t.Parallel()
	s := service(t)
	another := &Service{DB: s.DB, Queue: s.Queue, Files: s.Files, Program: s.Program, Product: s.Product}
	first, err := s.Start(t.Context(), who, Options{Tasks: []string{"registry-accuracy", "registry-accuracy-large"}})
	if err != nil || first.Status != StatusRunning || len(first.Tasks) != 2 {
		t.Fatalf("%+v, %v", first, err)
	}
	stopped, err := s.Start(t.Context(), who, Options{Tasks: []string{"registry-accuracy"}})
	if err != nil {
		t.Fatal(err)
	}
	other := appraisal.Actor{Name: "x", Institution: "another"}
	if err := s.DB.PutInstitution(t.Context(), other.Institution, "another", "test"); err != nil {
		t.Fatal(err)
	}
	if err := another.Stop(t.Context(), other, first.ID); fault.KindOf(err) != fault.NotFound {
		t.Errorf("another institution stops a run: %v", err)
	}
	if runs, err := s.Runs(t.Context(), other, 10); err != nil || len(runs) != 0 {
		t.Errorf("another institution sees %d runs, %v", len(runs), err)
	}
	if err := another.Stop(t.Context(), who, stopped.ID); err != nil {
		t.Error(err)
	}
	if err := another.Stop(t.Context(), who, stopped.ID); fault.Public(err).Code != codeEnded {
		t.Errorf("stopped twice: %v", err)
	}
	if got, err := another.Status(t.Context(), who, stopped.ID); err != nil || got.Status != StatusInterrupted || got.Finished == nil {
		t.Errorf("stopped: %+v, %v", got, err)
	}
	// A process took the first, answered ten cases and died.
	if _, err := s.DB.Queue().Exec(t.Context(), `UPDATE jobs SET status = 'running', owner = 'GONE', leased_until = now() - interval '1 second'`); err != nil {
		t.Fatal(err)
	}
	for at := range 10 {
		for range 2 { // written twice is once
			if err := s.DB.PutEvalSamples(t.Context(), who.Institution, first.ID, 0, []store.EvalSample{{At: at, Body: json.RawMessage(`{"task":"registry-accuracy","case":"kept","status":"failed"}`)}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	worked := make(chan error, 1)
	go func() { worked <- another.Queue.Run(ctx, jobs.RunOptions{Lease: time.Second}, another.Worker()) }()
	got := first
	for tick := time.Tick(20 * time.Millisecond); got.Status == StatusRunning; <-tick {
		if got, err = s.Status(t.Context(), who, first.ID); err != nil {
			t.Fatal(err)
		}
	}
	if got.Status != StatusFinished || got.Tasks[0].Done != got.Tasks[0].Total || got.Tasks[0].Summary.Failed != 10 || got.Tasks[1].Skipped == "" {
		t.Errorf("%+v", got)
	}
	samples, err := s.Samples(t.Context(), who, first.ID)
	if err != nil || len(samples) != got.Tasks[0].Total+got.Tasks[1].Total || samples[9].Case != "kept" || samples[10].Case == "kept" {
		t.Errorf("%d samples, %v", len(samples), err)
	}
	// A process dies over a run again and again: it has failed, and says so.
	doomed, err := s.Start(t.Context(), who, Options{Tasks: []string{"no-such"}})
	if fault.KindOf(err) != fault.NotFound || doomed != nil {
		t.Errorf("an unknown task: %v", err)
	}
	stop()
	if err := <-worked; err != nil {
		t.Error(err)
	}
	if doomed, err = s.Start(t.Context(), who, Options{Tasks: []string{"registry-accuracy"}}); err != nil {
		t.Fatal(err)
	}
	for range evaluations.Open - 1 {
		if _, err := s.Start(t.Context(), who, Options{Tasks: []string{"registry-accuracy"}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Start(t.Context(), who, Options{Tasks: []string{"registry-accuracy"}}); fault.Public(err).Code != store.CodeJobs {
		t.Errorf("beyond the quota: %v", err)
	}
	if _, err := s.DB.Queue().Exec(t.Context(), `UPDATE jobs SET status = 'running', owner = 'GONE', leased_until = now() - interval '1 second', deaths = $2 WHERE key = $1`, doomed.ID, deaths-1); err != nil {
		t.Fatal(err)
	}
	if _, err := s.DB.Queue().Exec(t.Context(), `DELETE FROM jobs WHERE key <> $1`, doomed.ID); err != nil {
		t.Fatal(err)
	}
	ctx, stop = context.WithCancel(t.Context())
	defer stop()
	go func() { worked <- another.Queue.Run(ctx, jobs.RunOptions{Lease: time.Second}, another.Worker()) }()
	for tick := time.Tick(20 * time.Millisecond); doomed.Status == StatusRunning; <-tick {
		if doomed, err = s.Status(t.Context(), who, doomed.ID); err != nil {
			t.Fatal(err)
		}
	}
	if doomed.Status != StatusFailed || !strings.Contains(doomed.Error, "died") {
		t.Errorf("%+v", doomed)
	}
	stop()
	if err := <-worked; err != nil {
		t.Error(err)
	}
	for _, id := range []string{"", "..", "../" + first.ID, "nope"} {
		if _, err := s.Status(t.Context(), who, id); fault.KindOf(err) != fault.NotFound {
			t.Errorf("Status(%q): %v", id, err)
		}
	}
}

// deals loads the shipped facts.
func deals(t *testing.T) *dealSet {
	t.Helper()
	s := &Service{Files: eval.FS}
	set, err := s.loadDeals("deals.csv")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// fewDeals is every fourth of the shipped facts, and those named.
func fewDeals(t *testing.T, named ...string) *dealSet {
	t.Helper()
	set := *deals(t)
	var kept []*deal
	for i, d := range set.deals {
		if i%4 == 0 || slices.Contains(named, d.DealID) {
			kept = append(kept, d)
		}
	}
	set.deals = kept
	return &set
}

func (set *dealSet) byID(t *testing.T, id string) *deal {
	t.Helper()
	for _, d := range set.deals {
		if d.DealID == id {
			return d
		}
	}
	t.Fatalf("no deal %s", id)
	return nil
}

func taskOf(t *testing.T, name string) Task {
	t.Helper()
	tasks, err := Registry(eval.FS)
	if err != nil {
		t.Fatal(err)
	}
	task, err := find(tasks, name)
	if err != nil {
		t.Fatal(err)
	}
	return task
}

func concludeIn(t *testing.T, p Product, set *dealSet, task Task, id string) valuation.Conclusion {
	t.Helper()
	m, err := p.market(context.Background(), set)
	if err != nil {
		t.Fatal(err)
	}
	c := set.byID(t, id)
	con, err := m.value(context.Background(), c, set.look(task, c))
	if err != nil {
		t.Fatal(err)
	}
	return con
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// with returns the set and one more deal.
func (set *dealSet) with(d *deal) *dealSet {
	more := *set
	more.deals = append(slices.Clone(set.deals), d)
	return &more
}

// No deal at or after T is seen: adding one with an absurd price changes no
// byte of the conclusion, on the product's own path.
func TestNoDealAtOrAfterTheValuationDateIsSeen(t *testing.T) {
	t.Parallel()
	p, task, set := service(t).Product, taskOf(t, "price-out-of-time"), fewDeals(t, "T038", "T039")
	const id = "T038"
	before := concludeIn(t, p, set, task, id)
	c := set.byID(t, id)
	for name, shift := range map[string]calendar.Date{"same day": c.Date, "later": c.Date.AddDays(30), "same month stated as a month": calendar.New(c.Date.Year, c.Date.Month, 1)} {
		late := *set.byID(t, "T039")
		amount := 9e9
		late.DealID, late.Amount, late.Date, late.Cluster = "LATE", &amount, shift, "LATE"
		late.Text, late.Title = c.Text+" 另一种", c.Title+" 另一种"
		late.Numbers = nil
		if strings.Contains(name, "month stated") {
			late.DateUnit = terms.PrecisionMonth
		}
		after := concludeIn(t, p, set.with(&late), task, id)
		if a, b := asJSON(t, before.Value), asJSON(t, after.Value); a != b {
			t.Errorf("%s: a deal not public before T moved the value:\n%s\n%s", name, a, b)
		}
		if slices.ContainsFunc(after.Comparables, func(x valuation.ComparableResult) bool { return x.DealID == "LATE" }) {
			t.Errorf("%s: the deal is listed as a comparable", name)
		}
	}
}

// An ordinary firm's patent of either kind, sold in private or by force, lies where prices and asks say.
func TestLevelsByKind(t *testing.T) {
	t.Parallel()
	var sum Summary
	if err := levelTests(deals(t), valuation.DefaultAssumptions(), &sum); err != nil {
		t.Fatal(err)
	}
	for _, row := range sum.Tables[0].Rows {
		// A utility model sold by force lies below its bound, and the table says so: docs/proof/level.md.
		if forced := strings.HasPrefix(row[0], "utility model, by force"); strings.HasPrefix(row[3], "yes") == forced {
			t.Errorf("the level of %s", row)
		}
	}
}

// Sales-chasing: when the subject's own deal is in the store and may be used,
// the market value moves by no more than that deal's own weight allows; a
// blind request does not move at all.
func TestOwnDealMovesTheValueByItsOwnWeightOnly(t *testing.T) {
	t.Parallel()
	p, task, set := service(t).Product, taskOf(t, "price-leave-one-out"), fewDeals(t, "T039")
	const id = "T039"
	c := set.byID(t, id)
	without := *set
	without.deals = slices.DeleteFunc(slices.Clone(set.deals), func(d *deal) bool { return d == c })
	m, err := p.market(context.Background(), set)
	if err != nil {
		t.Fatal(err)
	}
	v := set.look(task, c)
	blind, err := m.value(context.Background(), c, v)
	if err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(blind.Comparables, func(x valuation.ComparableResult) bool { return x.DealID == id }) {
		t.Fatal("a blind request used the case's own deal")
	}
	m.open = true
	open, err := m.value(context.Background(), c, v)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(open.Comparables, func(x valuation.ComparableResult) bool { return x.DealID == id })
	if i < 0 {
		t.Fatal("an open request does not see the past sale of its own subject")
	}
	own := open.Comparables[i]
	market := func(con valuation.Conclusion) float64 {
		for _, a := range con.Approaches {
			if a.ID == "market" {
				return math.Log(a.Value)
			}
		}
		t.Fatal("no market approach")
		return 0
	}
	moved := math.Abs(market(open) - market(blind))
	allowed := math.Abs(own.Weight) * math.Abs(math.Log(own.Normalised)-market(blind))
	if moved > allowed*1.05+0.02 {
		t.Errorf("the own deal (weight %.3f, ln ratio %.2f) moved ln value by %.3f; its weight allows %.3f", own.Weight, math.Log(own.Normalised)-market(blind), moved, allowed)
	}
	// Blind, the deal's presence changes nothing.
	absurd := *c
	amount := *c.Amount * 1e4
	absurd.Amount = &amount
	swapped := *set
	swapped.deals = slices.Clone(set.deals)
	swapped.deals[slices.Index(set.deals, c)] = &absurd
	again := concludeIn(t, p, &swapped, task, id)
	if asJSON(t, again.Value) != asJSON(t, blind.Value) {
		t.Errorf("the price of the case reached its own valuation: %+v and %+v", again.Value, blind.Value)
	}
}

// Near-duplicates, shared numbers and family members of the case are not its
// comparables.
func TestTheSameRightIsNoComparable(t *testing.T) {
	t.Parallel()
	p, task, set := service(t).Product, taskOf(t, "price-leave-one-out"), fewDeals(t, "T038", "T043")
	const id = "T038"
	c := set.byID(t, id)
	before := concludeIn(t, p, set, task, id)
	amount := 7e8
	for name, change := range map[string]func(*deal){
		"near-duplicate text": func(d *deal) { d.Text, d.Title = c.Text, c.Title },
		"same family":         func(d *deal) { d.FamilyID = "F1" },
		"declared duplicate":  func(d *deal) { d.DuplicateOf = id },
	} {
		twin := *set.byID(t, "T043")
		twin.DealID, twin.Cluster, twin.Amount, twin.Numbers = "TWIN", "TWIN", &amount, nil
		change(&twin)
		twin.regram()
		more := set.with(&twin)
		if name == "same family" {
			mine := *c
			mine.FamilyID = "F1"
			more.deals[slices.Index(more.deals, c)] = &mine
		}
		after := concludeIn(t, p, more, task, id)
		if slices.ContainsFunc(after.Comparables, func(x valuation.ComparableResult) bool { return x.DealID == "TWIN" }) {
			t.Errorf("%s: used as a comparable", name)
		}
		if asJSON(t, after.Value) != asJSON(t, before.Value) {
			t.Errorf("%s: moved the value", name)
		}
	}
}

// Asking prices, appraisals and claims are reported apart: never cases, never
// comparables of a baseline.
func TestAsksAndAppraisalsAreApart(t *testing.T) {
	t.Parallel()
	set := deals(t)
	task := taskOf(t, "price-leave-one-out")
	for _, c := range set.cases(task) {
		for _, d := range set.look(task, c).visible {
			if d.Price == terms.PriceAsk || d.Kind == terms.DealAsk || d.Kind == terms.DealDamages || d.NotACase != "" {
				t.Errorf("deal %s (%s) feeds a baseline", d.DealID, d.NotACase)
			}
		}
	}
	ask := set.byID(t, "T069")
	if ask.isCase() {
		t.Error("an asking price is a case")
	}
	if v, ok := appraisedValue(set.byID(t, "T076"), nil); !ok || v != 39200 {
		t.Errorf("appraised value %v, %v", v, ok)
	}
}

// The plan itself fails when a product cheats.
func TestALeakingProductIsCaught(t *testing.T) {
	t.Parallel()
	set, task := deals(t), taskOf(t, "price-out-of-time")
	c := set.byID(t, "T038")
	for name, e := range map[string]Evidence{
		"own deal": {ID: "T038"},
		"later":    {ID: "T074", Date: "2024-01-01"},
		"same day": {ID: "T074", Date: c.Date.String()},
	} {
		_, err := answerPrice(context.Background(), task, set, c, func(context.Context, *deal, view) (outcome, error) {
			return outcome{status: "ok", estimate: 1, evidence: []Evidence{e}}, nil
		})
		if err == nil || !strings.Contains(err.Error(), "leak") {
			t.Errorf("%s: err = %v", name, err)
		}
	}
}

// An evaluator's own deals, with inline text and no patent number, run
// without code.
func TestOwnDeals(t *testing.T) {
	t.Parallel()
	s := service(t)
	var b strings.Builder
	b.WriteString("\ufeffid,title,abstract,price,currency,n_patents,patent_type,seller,method,date,source_type\n")
	words := []string{"电池正极材料", "电机控制装置", "疫苗及其制备方法", "污水处理方法", "激光测量装置", "轴承润滑结构"}
	for i := range 12 {
		fmt.Fprintf(&b, "D%d,一种%s%d,本发明公开了一种%s，第%d型。,%d,CNY,1,发明,某某大学,转让,20%02d-03-0%d,registry\n", i, words[i%6], i, words[i%6], i, 50_000*(1+i%4), 10+i, 1+i%9)
	}
	name := filepath.Join(t.TempDir(), "own.csv")
	if err := os.WriteFile(name, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	r := run(t, s, Options{Tasks: []string{"price-out-of-time"}, Dataset: name})
	sum := r.Tasks[0].Summary
	if sum.N != 12 || sum.Answered < 10 {
		t.Errorf("answered %d of %d: %+v", sum.Answered, sum.N, sum.Notes)
	}
	if _, ok := sum.figure("class_median.mdape"); !ok {
		t.Error("no baseline ran")
	}
	zh, err := readDeals(strings.NewReader("编号,专利名称,成交价（万元）,件数,成交日期,专利类型,交易方式,权利人类型\nA,一种电池,12.5,2,2020-03,发明,转让,高校\n"), "own.csv")
	if err != nil || *zh[0].Amount != 125_000 || *zh[0].Patents != 2 || zh[0].DateUnit != terms.PrecisionMonth || zh[0].Owner != terms.OwnerUniversity {
		t.Errorf("Chinese headers with a unit: %+v, %v", zh, err)
	}
	each, err := readDeals(strings.NewReader("id,price,date,n_patents,price_kind\nA,5000,2020-01-01,3,per_patent\n"), "own.csv")
	if err != nil || each[0].price() != 15_000 {
		t.Errorf("a price per patent: %+v, %v", each, err)
	}
	for _, bad := range []string{"", "id,price\n1,2\n", "id,price,date,n_patents\nA,x,2020-01-01,1\n", "id,price,date,n_patents\nA,5,2020-01-01,1\nA,5,2020-01-01,1\n"} {
		if _, err := readDeals(strings.NewReader(bad), "own.csv"); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestRetrievalSets(t *testing.T) {
	t.Parallel()
	s := service(t)
	write := func(text string) string {
		name := filepath.Join(t.TempDir(), "set.jsonl")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	labelled := write(`{"id":"a","title":"锂离子电池正极材料","abstract":"一种磷酸铁锂正极","labels":["H01M"]}
{"id":"b","title":"锂离子电池负极材料","abstract":"一种石墨负极","labels":["H01M"]}
{"id":"c","title":"轴承座润滑结构","abstract":"油槽与密封圈","labels":["F16C"]}
{"id":"d","title":"滚动轴承保持架","abstract":"轴承滚子","labels":["F16C"]}
`)
	r := run(t, s, Options{Tasks: []string{"retrieval-same-subclass"}, Dataset: labelled})
	m, ok := r.Tasks[0].Summary.figure("lexical.ndcg")
	if !ok || m.Figure.Value < 0.9 || r.Tasks[0].Summary.N != 4 {
		t.Errorf("labelled set: %+v", m)
	}
	sum := run(t, s, Options{Tasks: []string{"class-prediction-titles"}, Dataset: labelled}).Tasks[0].Summary
	if m, ok := sum.figure("classes.first"); !ok || m.N != 4 || m.Figure.Value < 0.5 || len(sum.Calibration) == 0 {
		t.Errorf("classes of the labelled set: %+v", m)
	}
	known := write(`{"id":"1","query":"磷酸铁锂正极","text":"一种磷酸铁锂正极材料的制备方法"}
{"id":"2","query":"轴承润滑","text":"一种滚动轴承的润滑油槽"}
`)
	for _, task := range []string{"retrieval-same-subclass", "retrieval-claim-abstract"} {
		r := run(t, s, Options{Tasks: []string{task}, Dataset: known})
		if m, ok := r.Tasks[0].Summary.figure("bm25.mrr"); !ok || m.Figure.Value != 1 {
			t.Errorf("%s: %+v", task, m)
		}
	}
	if _, err := s.Run(t.Context(), who, Options{Tasks: []string{"retrieval-same-subclass"}, Dataset: write(`{"id":"a"`)}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("broken set: %v", err)
	}
}

// A set that the shipped model learned from is divided, and no text is asked of
// a model that learned from it or from another text of its owner.
func TestDividedSet(t *testing.T) {
	t.Parallel()
	words := []string{"电池正极", "轴承滚子", "鹦鹉巢箱"}
	var titles strings.Builder
	titles.WriteString("publication_numbers,title,ipc_subclasses\n")
	for i := range 300 {
		fmt.Fprintf(&titles, "CN%d,一种%s及其%s第%d号,%s\n", i, words[i%3], words[i%3], i, []string{"H01M", "F16C", "A01K"}[i%3])
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"cn_titles_ipc.csv":         titles.String(),
		"cn_city_abstracts_ipc.csv": "application_number,title,applicant,main_ipc,abstract\nCN1,一种电池,甲,H01M4/36,电池的正极\nCN2,一种轴承,甲,F16C1/00,轴承的滚子\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := service(t)
	s.DataDir = dir
	r := run(t, s, Options{Tasks: []string{"class-prediction-titles"}})
	if m, ok := r.Tasks[0].Summary.figure("classes.first"); !ok || m.N != 300 || m.Figure.Value < 0.9 || len(r.Tasks[0].Versions) != 3 {
		t.Errorf("%+v, models %v", m, r.Tasks[0].Versions)
	}
	// An endpoint's vectors, with a map learned from the other parts and without;
	// where none is configured the task says so.
	yaml, err := eval.FS.ReadFile("tasks/retrieval-endpoint.yaml")
	if err != nil {
		t.Fatal(err)
	}
	yaml = []byte(strings.Replace(strings.Replace(string(yaml), "data:cn_city_abstracts_ipc.csv", "data:cn_titles_ipc.csv", 1), "systems: [endpoint_head, endpoint, learned, bm25]", "systems: [endpoint_head, endpoint]", 1))
	shipped := s.Files
	s.Files = fstest.MapFS{"tasks/retrieval-endpoint.yaml": {Data: yaml}}
	if r := run(t, s, Options{Tasks: []string{"retrieval-endpoint"}}); r.Tasks[0].Skipped == "" {
		t.Error("texts were embedded without an endpoint")
	}
	s.Product.Embed = func() (func(context.Context, []string) ([][]float32, error), string, error) {
		return func(_ context.Context, texts []string) ([][]float32, error) {
			out := make([][]float32, len(texts))
			for i, text := range texts {
				out[i] = make([]float32, 32)
				add := func(key string, size float64) {
					sum := sha256.Sum256([]byte(key))
					rng := rand.New(rand.NewPCG(binary.BigEndian.Uint64(sum[:]), 1))
					for k := range out[i] {
						out[i][k] += float32(size * rng.NormFloat64())
					}
				}
				add(text, 4) // which nobody can learn
				for _, w := range words {
					if strings.Contains(text, w) {
						add(w, 1)
					}
				}
			}
			return out, nil
		}, "double", nil
	}
	sum := run(t, s, Options{Tasks: []string{"retrieval-endpoint"}}).Tasks[0].Summary
	with, _ := sum.figure("endpoint_head.ndcg")
	if without, ok := sum.figure("endpoint.ndcg"); !ok || with.Figure.Value <= without.Figure.Value {
		t.Errorf("with a map %.3f, without %.3f", with.Figure.Value, without.Figure.Value)
	}
	s.Files = shipped
	task := Task{Dataset: "data:cn_city_abstracts_ipc.csv", Folds: 2, Learn: []string{"data:cn_titles_ipc.csv"}}
	raw, err := s.open(task.Dataset)
	if err != nil {
		t.Fatal(err)
	}
	set, err := readDocuments(raw, task)
	if err != nil {
		t.Fatal(err)
	}
	parts, _, err := s.divide(task, set)
	if err != nil || len(parts[0].docs)*len(parts[1].docs) != 0 || !slices.Equal(set.docs[0].labels, []string{"H01M"}) {
		t.Errorf("one applicant in two parts: %v, %v", parts, err)
	}
}

// Every search path on the data shared with the project, when it is there.
func TestRetrievalOnSharedData(t *testing.T) {
	t.Parallel()
	dir := sharedData(t)
	s := service(t)
	s.DataDir = dir
	r := run(t, s, Options{Tasks: []string{"retrieval-claim-abstract"}})
	sum := r.Tasks[0].Summary
	for _, name := range []string{"hybrid", "fitted", "lexical", "hash"} {
		if m, ok := sum.figure(name + ".mrr"); !ok || m.Figure.Value < 0.9 {
			t.Errorf("%s: %+v", name, m)
		}
	}
	if m, _ := sum.figure("random.mrr"); m.Figure.Value > 0.2 {
		t.Errorf("random order scores %v", m.Figure.Value)
	}
}

func sharedData(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if info, err := os.Stat(filepath.Join(dir, "..", "shared", "data")); err == nil && info.IsDir() {
			return filepath.Join(dir, "..", "shared", "data")
		}
	}
	t.Skip("needs ../shared/data")
	return ""
}

func TestRegistryTaskFindsErrors(t *testing.T) {
	t.Parallel()
	good := checkNumber("CN200810027800.7", "2008-04-30")
	if good.Loss["errors"] != 0 {
		t.Errorf("a right number: %v", good.Values)
	}
	if bad := checkNumber("CN200810027800.6", "2008-04-30"); bad.Values["accepted"] != 0 {
		t.Errorf("a wrong check digit was accepted: %v", bad.Values)
	}
	if wrong := checkNumber("CN200810027800.7", "2009-04-30"); wrong.Values["year"] != 0 || wrong.Values["term"] != 1 {
		t.Errorf("another year: %v", maps.Clone(wrong.Values))
	}
}
