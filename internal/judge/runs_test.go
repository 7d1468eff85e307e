package judge_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/judge"
	"zhijia/internal/llm"
	"zhijia/internal/llm/llmtest"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
	"zhijia/internal/valuation/terms"
	"zhijia/prompts"
)

// The test binary is also the worker that is killed.
const (
	workerDB  = "ZHIJIA_TEST_MODEL_DB"
	workerURL = "ZHIJIA_TEST_MODEL_URL"
)

func TestMain(m *testing.M) {
	if url := os.Getenv(workerDB); url != "" {
		db, err := store.Open(context.Background(), url, store.Options{MaxConns: 6, Institution: store.Public})
		if err == nil {
			var r *judge.Rubric
			if r, err = newRubric(db, runConfig(os.Getenv(workerURL))); err == nil {
				err = r.Work(context.Background(), judge.RunOptions{Poll: pollForTest})
			}
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

var actor = appraisal.Actor{Name: "officer", Institution: "bank"}

const pollForTest = 20 * time.Millisecond

func runConfig(url string) llm.Config {
	return llm.Config{BaseURL: url, Model: "test-model", Key: llmtest.Key, Oppose: true, Attempts: 2, Concurrency: 16, Batch: "auto", PriceIn: 2, PriceOut: 8, BatchPrice: 0.5}
}

func newRubric(db *store.DB, cfg llm.Config) (*judge.Rubric, error) {
	set, err := prompts.Load("")
	if err != nil {
		return nil, err
	}
	return judge.NewRubric(context.Background(), db, cfg, set, nil, llm.WithBackoff(time.Millisecond))
}

func rubricOf(t *testing.T, db *store.DB, cfg llm.Config) *judge.Rubric {
	t.Helper()
	r, err := newRubric(db, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// corpus stores published patents with different texts.
func corpus(t *testing.T, db *store.DB, n int) (numbers []string) {
	t.Helper()
	var all []store.Patent
	for i := range n {
		number := numberOf(i)
		numbers = append(numbers, number)
		all = append(all, store.Patent{
			Number: number, Kind: "invention", Title: fmt.Sprintf("一种正极材料%d", i), Abstract: "本发明公开了一种正极材料的制备方法。", Claims: claim, IPC: []string{"H01M 4/36"}, Source: "test",
			Filing: calendar.New(2019, 5, 6), Grant: calendar.New(2021, 5, 6), Published: calendar.New(2019, 11, 6),
		})
	}
	if err := db.MergePatents(t.Context(), all, 0, nil); err != nil {
		t.Fatal(err)
	}
	return numbers
}

// numberOf makes application numbers with their check digit.
func numberOf(i int) string {
	body := fmt.Sprintf("20191%07d", i+1)
	sum := 0
	for k, c := range body {
		sum += int(c-'0') * []int{2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5}[k]
	}
	return "CN" + body + "." + string("0123456789X"[sum%11])
}

// working runs a worker until the returned function is called.
func working(t *testing.T, r *judge.Rubric) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Work(ctx, judge.RunOptions{Poll: pollForTest}) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("work: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// counted holds the counters of a run against the rows they count, as both are
// at one moment.
func counted(t *testing.T, db *store.DB, id string) {
	t.Helper()
	var counters, rows string
	if err := db.Queue().QueryRow(t.Context(), `
		SELECT row (r.waiting, r.done, r.partly, r.forbidden, r.unknown, r.files, r.open_files, r.asked, r.answered, r.failed)::text,
			row (s.waiting, s.done, s.partly, s.forbidden, s.unknown, b.files, b.open_files, b.asked, b.answered, b.failed)::text
		FROM model_runs r,
			LATERAL (SELECT count(*) FILTER (WHERE status = 'waiting') AS waiting, count(*) FILTER (WHERE status = 'done') AS done, count(*) FILTER (WHERE status = 'partly') AS partly,
				count(*) FILTER (WHERE status = 'forbidden') AS forbidden, count(*) FILTER (WHERE status = 'unknown') AS unknown FROM model_run_subjects WHERE run = r.id) s,
			LATERAL (SELECT count(*) AS files, count(*) FILTER (WHERE ended_at IS NULL) AS open_files, coalesce(sum(requests), 0) AS asked, coalesce(sum(completed), 0) AS answered,
				coalesce(sum(failed), 0) AS failed FROM model_batches WHERE run = r.id) b
		WHERE r.id = $1`, id).Scan(&counters, &rows); err != nil {
		t.Fatal(err)
	}
	if counters != rows {
		t.Errorf("counters %s, rows %s", counters, rows)
	}
}

// until looks at a run until cond holds.
func until(t *testing.T, db *store.DB, id string, cond func(store.RunProgress) bool) store.RunProgress {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(2 * time.Minute)
	for {
		p, err := db.RunProgress(t.Context(), actor.Institution, id)
		if err != nil {
			t.Fatal(err)
		}
		if cond(p) {
			counted(t, db, id)
			return p
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("still %+v", p)
		}
	}
}

func ended(p store.RunProgress) bool { return p.Run.Status != store.RunRunning && p.Open == 0 }

func submitted(t *testing.T, r *judge.Rubric, numbers []string) store.ModelRun {
	t.Helper()
	run, _, err := r.Submit(t.Context(), actor, numbers, false)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func batchServer(t *testing.T, chat func(llmtest.Request) llmtest.Reply) *llmtest.Server {
	t.Helper()
	return llmtest.New(t, func(r llmtest.Request) llmtest.Reply {
		if r.Probe() {
			return llmtest.Always(60)(r)
		}
		return chat(r)
	})
}

// sixty finds one indicator near a boundary, and sure when asked again.
func sixty(r llmtest.Request) llmtest.Reply {
	whole := len(r.Items()) > 1
	return llmtest.Reply{Content: llmtest.Read(r, func(i llmtest.Item) llmtest.Choice {
		c := llmtest.Choice{Letter: i.Letter(60)}
		if whole && i.Code == "L2.1" {
			c.Also = i.Letter(40)
		}
		return c
	})}
}

const (
	firstRound  = 1 // all indicators
	secondRound = 1 // the one near a boundary
	perPatent   = firstRound + secondRound
)

// valuedFrom checks that valuations of the patents find every answer: no call
// is made and fifteen indicators are the model's.
func valuedFrom(t *testing.T, db *store.DB, s *llmtest.Server, r *judge.Rubric, numbers []string) {
	t.Helper()
	svc, err := appraisal.New(t.Context(), db, appraisal.Options{Judge: r})
	if err != nil {
		t.Fatal(err)
	}
	calls := s.Calls()
	for _, number := range numbers {
		rec, err := svc.Value(t.Context(), actor, appraisal.Request{Number: number, Patent: &appraisal.Facts{OwnerType: "university"}})
		if err != nil {
			t.Fatal(err)
		}
		_, ev, err := rec.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, x := range ev.Indicators {
			if x.Evaluator == terms.ByModel && x.Score != nil {
				n++
			}
		}
		if n != 15 {
			t.Errorf("%s: %d indicators by the model, want 15", number, n)
		}
	}
	if got := s.Calls() - calls; got != 0 {
		t.Errorf("valuations made %d calls although everything was answered ahead", got)
	}
}

// Through batches: two rounds, every answer kept under the key of a single
// call, every text logged before, the day's account settled on what was used,
// and nothing left at the endpoint.
func TestRunThroughBatches(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := batchServer(t, sixty)
	s.Batches(nil)
	r := rubricOf(t, db, runConfig(s.URL))
	numbers := corpus(t, db, 3)
	run := submitted(t, r, append(numbers, numberOf(99)))
	working(t, r)
	p := until(t, db, run.ID, ended)
	if p.Done != 3 || p.Unknown != 1 || p.Batches != 2 || p.Answers != 3*perPatent || p.Failed != 0 {
		t.Errorf("%+v", p)
	}
	if s.Lines() != 3*perPatent || s.Files() != 0 {
		t.Errorf("%d requests in batches, want %d; %d files left", s.Lines(), 3*perPatent, s.Files())
	}
	valuedFrom(t, db, s, r, numbers)
	log, err := db.EgressLog(t.Context(), actor.Institution, 0, 1000)
	// The run probes for itself when the probe at the start has not ended.
	log = slices.DeleteFunc(log, func(e store.Egress) bool { return strings.HasPrefix(e.What, "probe ") })
	if err != nil || len(log) != 3*perPatent || log[0].Bytes == 0 || len(log[0].Hash) != 64 || log[0].Actor != actor.Name || !strings.HasPrefix(log[0].What, "batch score ") {
		t.Errorf("%d entries of the egress log, %v", len(log), err)
	}
	use, err := accounts(t.Context(), db)
	if err != nil || use.Requests != int64(s.Lines()+s.Calls()) || use.Tokens == 0 || use.MicroYuan == 0 {
		t.Errorf("%+v, %v", use, err)
	}
	var kept int64
	if err := db.Queue().QueryRow(t.Context(), `SELECT sum(prompt_tokens + answer_tokens) FROM judgements`).Scan(&kept); err != nil || use.Tokens-kept <= 0 || use.Tokens-kept > 20_000 {
		t.Errorf("%d tokens on the account, %d with the answers, %v: only the probe may differ", use.Tokens, kept, err)
	}
	// The same order again finds everything kept.
	again := submitted(t, r, numbers)
	until(t, db, again.ID, ended)
	if s.Lines() != 3*perPatent {
		t.Errorf("%d more requests", s.Lines()-3*perPatent)
	}
}

// What a batch can come to: partial answers are kept, and only what is missing
// is asked again.
func TestRunMendsWhatABatchLeftOut(t *testing.T) {
	t.Parallel()
	const n = 2
	for name, c := range map[string]struct {
		first llmtest.BatchPlan
		lines int // requests in all batches together
		made  int
	}{
		"expired":            {llmtest.BatchPlan{End: "expired", Answered: 1}, n*perPatent + n*firstRound - 1, 3},
		"expired, none":      {llmtest.BatchPlan{End: "expired"}, n*perPatent + n*firstRound, 3},
		"cancelled there":    {llmtest.BatchPlan{End: "cancelled", Answered: 1}, n*perPatent + n*firstRound - 1, 3},
		"failed":             {llmtest.BatchPlan{End: "failed"}, n * perPatent, 3},
		"reply lost":         {llmtest.BatchPlan{LoseReply: true}, n * perPatent, 2},
		"foreign lines":      {llmtest.BatchPlan{Foreign: true}, n * perPatent, 2},
		"gone from endpoint": {llmtest.BatchPlan{Gone: true}, n*perPatent + n*firstRound, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			s := batchServer(t, sixty)
			s.Batches(func(k int) llmtest.BatchPlan {
				if k == 1 {
					return c.first
				}
				return llmtest.BatchPlan{}
			})
			r := rubricOf(t, db, runConfig(s.URL))
			numbers := corpus(t, db, n)
			run := submitted(t, r, numbers)
			working(t, r)
			p := until(t, db, run.ID, ended)
			// Opposing questions of what was answered go out with the second
			// try, so a third batch may carry the rest.
			if p.Done != n || s.Lines() != c.lines || s.BatchesMade() < c.made || s.BatchesMade() > c.made+1 {
				t.Errorf("%d done, %d requests want %d, %d batches want %d: %+v", p.Done, s.Lines(), c.lines, s.BatchesMade(), c.made, p)
			}
			valuedFrom(t, db, s, r, numbers[:1])
			use, _ := accounts(t.Context(), db)
			var kept int64
			if err := db.Queue().QueryRow(t.Context(), `SELECT sum(prompt_tokens + answer_tokens) FROM judgements`).Scan(&kept); err != nil || use.Tokens-kept <= 0 || use.Tokens-kept > 20_000 {
				t.Errorf("%d tokens on the account, %d with the answers, %v", use.Tokens, kept, err)
			}
		})
	}
}

// Lines the endpoint refuses, and answers that cannot be used, end a patent as
// partly answered, and none is kept as sound.
func TestRunWithUnusableAnswers(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]llmtest.Reply{
		"refused line": {Status: 400, Message: "content policy"},
		"refusal":      {Refusal: "I cannot"},
		"truncated":    {Content: "{", Finish: "length"},
		"no answer":    {Raw: `{"choices":[]}`},
		"not a reply":  {Raw: `<html>`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t)
			s := batchServer(t, func(r llmtest.Request) llmtest.Reply {
				return bad
			})
			s.Batches(nil)
			r := rubricOf(t, db, runConfig(s.URL))
			numbers := corpus(t, db, 1)
			run := submitted(t, r, numbers)
			working(t, r)
			p := until(t, db, run.ID, ended)
			if p.Partly != 1 || p.Failed == 0 {
				t.Errorf("%+v", p)
			}
			var kept int
			if err := db.Queue().QueryRow(t.Context(), `SELECT count(*) FROM judgements WHERE void = ''`).Scan(&kept); err != nil || kept != 0 {
				t.Errorf("%d answers kept as sound (%v)", kept, err)
			}
		})
	}
}

// An endpoint without batches is asked patent by patent through the job queue.
func TestRunThroughTheQueue(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := batchServer(t, sixty)
	r := rubricOf(t, db, runConfig(s.URL))
	numbers := corpus(t, db, 5)
	run := submitted(t, r, numbers)
	working(t, r)
	p := until(t, db, run.ID, ended)
	if p.Done != 5 || p.Batches != 0 || s.Calls() != 5*perPatent+1 {
		t.Errorf("%d calls, %+v", s.Calls(), p)
	}
	e, err := db.Endpoint(t.Context(), s.URL, "test-model")
	if err != nil || e.Mode != "json_schema" || e.Batches == nil || *e.Batches {
		t.Errorf("stored %+v, %v", e, err)
	}
	valuedFrom(t, db, s, r, numbers[:1])
}

// An endpoint that says it takes batches and does not is asked one by one.
func TestRunFallsBackToTheQueue(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := batchServer(t, sixty)
	r := rubricOf(t, db, runConfig(s.URL))
	numbers := corpus(t, db, 2)
	yes := true
	if err := db.PutEndpoint(t.Context(), s.URL, "test-model", store.Endpoint{Mode: "json_schema", Batches: &yes}); err != nil {
		t.Fatal(err)
	}
	run := submitted(t, r, numbers)
	working(t, r)
	if p := until(t, db, run.ID, ended); p.Done != 2 || p.Open != 0 {
		t.Errorf("%+v", p)
	}
	use, _ := accounts(t.Context(), db)
	if use.Requests != int64(s.Calls()) {
		t.Errorf("%d requests on the account, %d made", use.Requests, s.Calls())
	}
	valuedFrom(t, db, s, r, numbers[:1])
}

// A model the provider has no batches of is asked one by one, and the file
// does not stay there.
func TestRunFallsBackWhenBatchesAreRefused(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := batchServer(t, sixty)
	s.Batches(func(int) llmtest.BatchPlan { return llmtest.BatchPlan{Refuse: true} })
	r := rubricOf(t, db, runConfig(s.URL))
	numbers := corpus(t, db, 2)
	run := submitted(t, r, numbers)
	working(t, r)
	if p := until(t, db, run.ID, ended); p.Done != 2 || s.BatchesMade() != 0 || s.Files() != 0 {
		t.Errorf("%d files left, %+v", s.Files(), p)
	}
	use, _ := accounts(t.Context(), db)
	if use.Requests != int64(s.Calls()) {
		t.Errorf("%d requests on the account, %d made", use.Requests, s.Calls())
	}
	valuedFrom(t, db, s, r, numbers[:1])
}

// The guards of single calls hold: consent of the institution, unpublished texts,
// the day's budget.
func TestRunKeepsTheGuards(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := batchServer(t, sixty)
	s.Batches(nil)
	numbers := corpus(t, db, 2)
	secret := numberOf(50)
	if err := db.MergePatents(t.Context(), []store.Patent{{Number: secret, Title: "未公开", Claims: claim, Source: "test", Confidential: true}}, 0, nil); err != nil {
		t.Fatal(err)
	}
	r := rubricOf(t, db, runConfig(s.URL))
	working(t, r)
	if _, err := db.SetModelConsent(t.Context(), actor, false, time.Now()); err != nil {
		t.Fatal(err)
	}
	if p := until(t, db, submitted(t, r, numbers).ID, ended); p.Forbidden != 2 || s.BatchesMade() != 0 {
		t.Errorf("forbidden: %+v, %d batches", p, s.BatchesMade())
	}
	if _, err := db.SetModelConsent(t.Context(), actor, true, time.Now()); err != nil {
		t.Fatal(err)
	}
	if p := until(t, db, submitted(t, r, append(numbers, secret)).ID, ended); p.Forbidden != 1 || p.Done != 2 {
		t.Errorf("unpublished: %+v", p)
	}
	lines := s.Lines()
	run, _, err := r.Submit(t.Context(), actor, []string{secret}, true)
	if err != nil {
		t.Fatal(err)
	}
	if p := until(t, db, run.ID, ended); p.Done != 1 || s.Lines() == lines {
		t.Errorf("allowed: %+v", p)
	}
	log, _ := db.EgressLog(t.Context(), actor.Institution, 0, 10_000)
	if len(log) != s.Lines() {
		t.Errorf("%d texts logged, %d sent", len(log), s.Lines())
	}
	if _, err := newRubric(db, llm.Config{BaseURL: "https://api.example.com/v1", Model: "m"}); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("an endpoint off the allow-list: %v", err)
	}
}

// accounts adds up what the institution and the operator spent today: the
// probe at the start is the operator's, the readings are the institution's, and
// a run that comes before the first probe ended pays for one itself.
func accounts(ctx context.Context, db *store.DB) (sum store.ModelUse, err error) {
	for _, institution := range []string{actor.Institution, store.Public} {
		use, err := db.ModelUseToday(store.As(ctx, institution))
		if err != nil {
			return sum, err
		}
		sum.Requests, sum.Tokens, sum.MicroYuan = sum.Requests+use.Requests, sum.Tokens+use.Tokens, sum.MicroYuan+use.MicroYuan
	}
	return sum, nil
}

// A day's budget that does not hold the run is used up and not passed, and the
// run says what it waits for.
func TestRunStopsAtTheBudget(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := batchServer(t, sixty)
	s.Batches(nil)
	cfg := runConfig(s.URL)
	cfg.DayTokens = 60_000
	r := rubricOf(t, db, cfg)
	run := submitted(t, r, corpus(t, db, 20))
	working(t, r)
	until(t, db, run.ID, func(p store.RunProgress) bool { return p.Run.Note == store.CodeBudget && p.Answers > 0 })
	use, err := accounts(t.Context(), db)
	if err != nil || use.Tokens > cfg.DayTokens || s.Lines() == 0 {
		t.Errorf("%d of %d tokens, %d requests, %v", use.Tokens, cfg.DayTokens, s.Lines(), err)
	}
}

// A cancelled run stops its batch at the endpoint and keeps what was answered.
func TestRunCancelled(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := batchServer(t, sixty)
	var hold atomic.Bool
	hold.Store(true)
	s.Batches(func(int) llmtest.BatchPlan { return llmtest.BatchPlan{Hold: hold.Load(), Answered: 4} })
	r := rubricOf(t, db, runConfig(s.URL))
	run := submitted(t, r, corpus(t, db, 6))
	working(t, r)
	until(t, db, run.ID, func(p store.RunProgress) bool { return p.Open == 1 && s.BatchesMade() == 1 })
	if err := db.EndRun(t.Context(), actor.Institution, run.ID, store.RunCancelled, actor.Name); err != nil {
		t.Fatal(err)
	}
	p := until(t, db, run.ID, ended)
	if p.Answers != 4 || s.BatchesMade() != 1 {
		t.Errorf("%+v, %d batches", p, s.BatchesMade())
	}
	use, _ := accounts(t.Context(), db)
	if use.Requests != 4+int64(s.Calls()) {
		t.Errorf("%d requests on the account", use.Requests)
	}
}

// Workers killed at any moment, kill -9, lose no answer that was paid for and
// pay for none twice: no question is in two batches.
func TestRunSurvivesKills(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	db, err := store.Open(t.Context(), url, store.Options{MaxConns: 4, Institution: store.Public})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	s := batchServer(t, sixty)
	var looks atomic.Int64
	s.Batches(func(int) llmtest.BatchPlan { return llmtest.BatchPlan{Hold: looks.Add(1) < 12} })
	r := rubricOf(t, db, runConfig(s.URL))
	numbers := corpus(t, db, 3)
	run := submitted(t, r, numbers)
	start := func() (kill func()) {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), workerDB+"="+url, workerURL+"="+s.URL)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		kill = sync.OnceFunc(func() { _ = cmd.Process.Signal(syscall.SIGKILL); _ = cmd.Wait() })
		t.Cleanup(kill)
		return kill
	}
	for _, at := range []func(store.RunProgress) bool{
		func(p store.RunProgress) bool { return p.Open > 0 },                              // stored, perhaps not sent
		func(p store.RunProgress) bool { return s.BatchesMade() > 0 && looks.Load() > 4 }, // under way
		func(p store.RunProgress) bool { return s.BatchesMade() > 0 && looks.Load() > 8 },
		func(p store.RunProgress) bool { return p.Answers > 0 }, // answered, perhaps not collected
	} {
		kill := start()
		until(t, db, run.ID, func(p store.RunProgress) bool { return at(p) || ended(p) })
		kill()
	}
	start()
	p := until(t, db, run.ID, ended)
	if p.Done != 3 {
		t.Errorf("%+v", p)
	}
	if s.Lines() != 3*perPatent {
		t.Errorf("%d requests in batches, want %d: a question was paid for twice or never", s.Lines(), 3*perPatent)
	}
	valuedFrom(t, db, s, rubricOf(t, db, runConfig(s.URL)), numbers)
}

// The same order twice is one run, and two workers send no question twice.
func TestRunTwice(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := batchServer(t, sixty)
	s.Batches(nil)
	a, b := rubricOf(t, db, runConfig(s.URL)), rubricOf(t, db, runConfig(s.URL))
	numbers := corpus(t, db, 3)
	run := submitted(t, a, numbers)
	same, fresh, err := b.Submit(t.Context(), actor, append(numbers, numbers...), false)
	if err != nil || fresh || same.ID != run.ID {
		t.Errorf("%s after %s, fresh %v, %v", same.ID, run.ID, fresh, err)
	}
	other := submitted(t, b, numbers[:2]) // overlaps
	working(t, a)
	working(t, b)
	until(t, db, run.ID, ended)
	until(t, db, other.ID, ended)
	if s.Lines() != 3*perPatent {
		t.Errorf("%d requests, want %d", s.Lines(), 3*perPatent)
	}
	if _, _, err := a.Submit(t.Context(), actor, []string{"12", "not a number"}, false); fault.KindOf(err) != fault.Invalid || len(fault.Public(err).Fields) != 2 {
		t.Errorf("bad numbers: %v", err)
	}
}
