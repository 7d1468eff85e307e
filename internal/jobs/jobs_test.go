package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"zhijia/internal/fault"
	"zhijia/internal/jobs"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

func TestMain(m *testing.M) {
	// The database server of the tests outlives them; localdb waits for it.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("os/exec.(*Cmd).Wait"))
}

type bench struct {
	*testing.T
	db    *store.DB
	queue *jobs.Queue
}

func setup(t *testing.T) *bench {
	t.Helper()
	db := storetest.New(t)
	q, err := jobs.New(db, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &bench{t, db, q}
}

func (b *bench) call(k jobs.Kind, list ...store.Job) error {
	return b.db.Transact(b.Context(), func(tx pgx.Tx) error { return b.queue.Call(b.Context(), tx, k, list...) })
}

func (b *bench) mustCall(k jobs.Kind, institution string, ids ...string) {
	b.Helper()
	list := make([]store.Job, len(ids))
	for i, id := range ids {
		list[i] = store.Job{ID: id, Institution: institution, CreatedBy: "test"}
	}
	if err := b.call(k, list...); err != nil {
		b.Fatal(err)
	}
}

// run works until the returned function is called.
func (b *bench) run(o jobs.RunOptions, workers ...jobs.Worker) (stop func()) {
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- b.queue.Run(ctx, o, workers...) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
	b.Cleanup(stop)
	return stop
}

// until waits for a condition of a job.
func (b *bench) until(id string, cond func(store.Job) bool) store.Job {
	b.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for {
		j, err := b.db.Job(b.Context(), "", id)
		if err != nil {
			b.Fatal(err)
		}
		if cond(j) {
			return j
		}
		select {
		case <-tick.C:
		case <-deadline:
			b.Fatalf("%+v", j)
		}
	}
}

func is(s store.JobStatus) func(store.Job) bool {
	return func(j store.Job) bool { return j.Status == s }
}

// A job called for many times at once is worked one turn at a time, and once
// more after a call that came while it was in hand.
func TestDoubleStart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	k := jobs.Kind{Name: "test", Timeout: time.Minute}
	var inHand, most, turns atomic.Int64
	first, release := make(chan struct{}), make(chan struct{})
	w := jobs.Worker{Kind: k, Turns: 4, Do: func(ctx context.Context, _ *jobs.Turn) (jobs.Next, error) {
		n := inHand.Add(1)
		defer inHand.Add(-1)
		most.Store(max(most.Load(), n))
		if turns.Add(1) == 1 {
			close(first)
			<-release
		}
		return jobs.Idle, nil
	}}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { b.mustCall(k, "bank", "one") })
	}
	wg.Wait()
	b.run(jobs.RunOptions{}, w)
	b.run(jobs.RunOptions{}, w) // a second process
	<-first
	for range 8 {
		b.mustCall(k, "bank", "one")
	}
	close(release)
	b.until("one", func(j store.Job) bool { return j.Status == store.JobIdle && turns.Load() >= 2 })
	if turns.Load() != 2 || most.Load() != 1 {
		t.Errorf("%d turns, %d at once", turns.Load(), most.Load())
	}
}

// Of one institution a bounded number of turns is in hand, however many jobs
// it has, and who comes later is served before its backlog.
func TestFeeding(t *testing.T) {
	t.Parallel()
	b := setup(t)
	k := jobs.Kind{Name: "test", Queued: 2, Timeout: time.Minute}
	var mu sync.Mutex
	inHand, most, begun := map[string]int{}, map[string]int{}, []string{}
	w := jobs.Worker{Kind: k, Turns: 3, Do: func(ctx context.Context, turn *jobs.Turn) (jobs.Next, error) {
		mu.Lock()
		begun = append(begun, turn.Institution)
		inHand[turn.Institution]++
		most[turn.Institution] = max(most[turn.Institution], inHand[turn.Institution])
		mu.Unlock()
		defer func() {
			mu.Lock()
			inHand[turn.Institution]--
			mu.Unlock()
		}()
		return jobs.Done, nil
	}}
	const many = 60
	var ids []string
	for i := range many {
		ids = append(ids, fmt.Sprintf("large-%d", i))
	}
	b.mustCall(k, "large", ids...)
	b.mustCall(k, "small", "small-0", "small-1", "small-2")
	b.run(jobs.RunOptions{}, w)
	for _, id := range append(ids, "small-0", "small-1", "small-2") {
		b.until(id, is(store.JobDone))
	}
	mu.Lock()
	defer mu.Unlock()
	before, seen := 0, 0
	for _, who := range begun {
		if who == "small" {
			seen++
		} else if seen < 3 {
			before++
		}
	}
	if len(begun) != many+3 || most["large"] > 2 || before > 2*3+k.Queued {
		t.Errorf("%d turns, %d of the large one at once, %d before the three of the small one", len(begun), most["large"], before)
	}
}

// The turn of a process that lost its lease is given to another; what the first
// writes then is refused, and it cannot let the turn go.
func TestLostLease(t *testing.T) {
	t.Parallel()
	b := setup(t)
	k := jobs.Kind{Name: "test", Timeout: time.Minute}
	if _, err := b.db.Queue().Exec(t.Context(), `CREATE TABLE written (by text)`); err != nil {
		t.Fatal(err)
	}
	write := func(ctx context.Context, who string) error {
		return b.db.Transact(ctx, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO written VALUES ($1)`, who)
			return err
		})
	}
	b.mustCall(k, "bank", "one")
	took, lost := make(chan struct{}), make(chan error, 1)
	freed := make(chan bool, 4)
	free := func(_ context.Context, _ pgx.Tx, _ *store.Job, died bool) error { freed <- died; return nil }
	stopFirst := b.run(jobs.RunOptions{Lease: time.Second}, jobs.Worker{Kind: k, Turns: 1, Free: free, Do: func(ctx context.Context, _ *jobs.Turn) (jobs.Next, error) {
		close(took)
		<-ctx.Done() // told by the lease: the database says it is another's
		lost <- errors.Join(context.Cause(ctx), write(context.WithoutCancel(ctx), "first"))
		return jobs.Done, nil
	}})
	<-took
	// As if the first process had been frozen for long: the turn is another's,
	// who died in turn.
	if _, err := b.db.Queue().Exec(t.Context(), `UPDATE jobs SET owner = 'another', leased_until = now() - interval '1 second'`); err != nil {
		t.Fatal(err)
	}
	if err := <-lost; !errors.Is(err, store.ErrLeaseLost) {
		t.Errorf("what a process without the lease wrote: %v", err)
	}
	stopFirst()
	b.run(jobs.RunOptions{Lease: time.Second}, jobs.Worker{
		Kind: k, Turns: 1, Free: free,
		Do: func(ctx context.Context, _ *jobs.Turn) (jobs.Next, error) {
			return jobs.Done, write(ctx, "second")
		},
	})
	j := b.until("one", is(store.JobDone))
	var by string
	if err := b.db.Queue().QueryRow(t.Context(), `SELECT string_agg(by, ' ') FROM written`).Scan(&by); err != nil || by != "second" {
		t.Errorf("written by %q, %v", by, err)
	}
	deaths := 0
	for range len(freed) {
		if <-freed {
			deaths++
		}
	}
	if deaths != 1 || j.Deaths != 1 {
		t.Errorf("freed for %d deaths, %d counted", deaths, j.Deaths)
	}
}

// A cancelled job's turn is told to stop at once and writes nothing; one that
// waits is never begun.
func TestCancel(t *testing.T) {
	t.Parallel()
	b := setup(t)
	k := jobs.Kind{Name: "test", Queued: 1, Timeout: time.Minute}
	took := make(chan string, 3)
	lost := make(chan error, 1)
	b.mustCall(k, "bank", "a-running", "b-parked", "c-next")
	b.run(jobs.RunOptions{}, jobs.Worker{Kind: k, Turns: 3, Do: func(ctx context.Context, turn *jobs.Turn) (jobs.Next, error) {
		took <- turn.ID
		if turn.ID == "a-running" {
			<-ctx.Done()
			lost <- b.db.Transact(context.WithoutCancel(ctx), func(pgx.Tx) error { return nil })
			return jobs.Again, ctx.Err()
		}
		return jobs.Done, nil
	}})
	if got := <-took; got != "a-running" {
		t.Fatal(got)
	}
	if _, err := b.queue.Cancel(t.Context(), "another", "a-running", "x"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("cancelled by another institution: %v", err)
	}
	for _, id := range []string{"b-parked", "a-running", "a-running"} { // twice is once
		if j, err := b.queue.Cancel(t.Context(), "bank", id, "officer"); err != nil || j.Status != store.JobCancelled {
			t.Errorf("%s: %+v %v", id, j, err)
		}
	}
	if err := <-lost; !errors.Is(err, store.ErrLeaseLost) {
		t.Errorf("what a cancelled turn wrote: %v", err)
	}
	b.until("c-next", is(store.JobDone)) // its place in the queue went on
	if got := <-took; got != "c-next" {
		t.Errorf("%s was begun", got)
	}
	if j := b.until("a-running", is(store.JobCancelled)); j.EndedAt == nil {
		t.Errorf("%+v", j)
	}
}

// A process that is told to stop lets turns end, and tells those to stop that
// take too long: they go on elsewhere and count neither as failed nor as dead.
func TestDrain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	k := jobs.Kind{Name: "test", Timeout: time.Minute}
	took := make(chan struct{}, 2)
	b.mustCall(k, "bank", "quick", "slow")
	stop := b.run(jobs.RunOptions{Drain: 300 * time.Millisecond}, jobs.Worker{Kind: k, Turns: 2, Do: func(ctx context.Context, turn *jobs.Turn) (jobs.Next, error) {
		took <- struct{}{}
		if turn.ID == "slow" {
			<-ctx.Done() // it does not look whether the process drains
			return jobs.Idle, ctx.Err()
		}
		for !turn.Draining() {
			if err := ctx.Err(); err != nil {
				return jobs.Idle, err
			}
		}
		return jobs.Done, nil
	}})
	<-took
	<-took
	stop()
	if j := b.until("quick", is(store.JobDone)); j.Failures+j.Deaths != 0 {
		t.Errorf("%+v", j)
	}
	if j := b.until("slow", func(store.Job) bool { return true }); j.Status != store.JobQueued || j.Failures+j.Deaths != 0 {
		t.Errorf("%+v", j)
	}
	b.run(jobs.RunOptions{}, jobs.Worker{Kind: k, Turns: 1, Do: func(context.Context, *jobs.Turn) (jobs.Next, error) { return jobs.Done, nil }})
	b.until("slow", is(store.JobDone))
}

// An institution may have so many jobs open and so much processor time a day;
// others do not notice.
func TestQuotas(t *testing.T) {
	t.Parallel()
	b := setup(t)
	k := jobs.Kind{Name: "test", Open: 2, Timeout: time.Minute}
	b.mustCall(k, "bank", "one", "two")
	b.mustCall(k, "bank", "one") // called for again, not another
	if err := b.call(k, store.Job{ID: "three", Institution: "bank", CreatedBy: "test"}); fault.Public(err).Code != store.CodeJobs {
		t.Errorf("a third: %v", err)
	}
	b.mustCall(k, "another", "four")
	if _, err := b.db.Queue().Exec(t.Context(), `INSERT INTO processor_use VALUES ('bank', (now() AT TIME ZONE 'Asia/Shanghai')::date, 3600)`); err != nil {
		t.Fatal(err)
	}
	b.run(jobs.RunOptions{Budget: 3600}, jobs.Worker{Kind: k, Turns: 2, Do: func(context.Context, *jobs.Turn) (jobs.Next, error) { return jobs.Done, nil }})
	b.until("four", is(store.JobDone))
	for _, id := range []string{"one", "two"} {
		if j := b.until(id, is(store.JobWaiting)); j.Note != "budget" || time.Until(j.RunAt) <= 0 || time.Until(j.RunAt) > 24*time.Hour {
			t.Errorf("%+v", j)
		}
	}
}

// What fails is tried again later, what panics too, and after so many failures
// in a row the job has failed; what says itself that it is final, at once.
func TestFailures(t *testing.T) {
	t.Parallel()
	b := setup(t)
	k := jobs.Kind{Name: "test", Timeout: time.Minute}
	var tries atomic.Int64
	b.mustCall(k, "bank", "flaky", "hopeless", "final")
	b.run(jobs.RunOptions{}, jobs.Worker{Kind: k, Turns: 3, Failures: 2, Do: func(_ context.Context, turn *jobs.Turn) (jobs.Next, error) {
		switch {
		case turn.ID == "hopeless":
			panic("always")
		case turn.ID == "final":
			return jobs.Idle, jobs.Fail(fault.New(fault.Invalid, "test.final", "不行", "no"))
		case tries.Add(1) == 1:
			return jobs.Idle, errors.New("once")
		}
		return jobs.Done, nil
	}})
	if j := b.until("flaky", is(store.JobDone)); j.Failures != 0 || j.Error != "" {
		t.Errorf("%+v", j)
	}
	if j := b.until("hopeless", is(store.JobFailed)); j.Failures != 2 || j.EndedAt == nil {
		t.Errorf("%+v", j)
	}
	if j := b.until("final", is(store.JobFailed)); j.Failures != 1 || j.Error != "不行" {
		t.Errorf("%+v", j)
	}
}

// The house's own jobs are called for by the clock.
func TestPeriodic(t *testing.T) {
	t.Parallel()
	b := setup(t)
	turns := make(chan struct{}, 100)
	b.run(jobs.RunOptions{}, jobs.Worker{Kind: jobs.Kind{Name: "test", Queued: 1, Timeout: time.Minute}, Turns: 1, Every: time.Second, Do: func(context.Context, *jobs.Turn) (jobs.Next, error) {
		turns <- struct{}{}
		return jobs.Idle, nil
	}})
	<-turns
	<-turns
}
