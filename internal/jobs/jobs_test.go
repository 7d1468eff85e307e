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

type args struct{ N int }

type bench struct {
	*testing.T
	db    *store.DB
	queue *jobs.Queue
}

// Every test has kinds of its own, so that they share a database.
func setup(t *testing.T) *bench {
	db := storetest.New(t)
	for _, id := range []string{"bank", "another"} {
		if err := db.PutInstitution(t.Context(), id, id, "test"); err != nil {
			t.Fatal(err)
		}
	}
	q, err := jobs.New(db, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &bench{t, db, q}
}

func (b *bench) add(k jobs.Kind[args], institution string, orders ...jobs.Order[args]) error {
	ctx := store.As(b.Context(), institution)
	return b.db.Transact(ctx, func(tx pgx.Tx) error { return k.Add(ctx, b.queue, tx, institution, orders...) })
}

func (b *bench) mustAdd(k jobs.Kind[args], institution string, keys ...string) {
	b.Helper()
	orders := make([]jobs.Order[args], len(keys))
	for i, key := range keys {
		orders[i] = jobs.Order[args]{Key: key, Subject: key, Args: args{i}}
	}
	if err := b.add(k, institution, orders...); err != nil {
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

// until waits until the jobs of a kind satisfy a condition.
func (b *bench) until(what, sql string, arguments ...any) {
	b.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(time.Minute); ; {
		var ok bool
		if err := b.db.Queue().QueryRow(b.Context(), sql, arguments...).Scan(&ok); err != nil {
			b.Fatal(err)
		}
		if ok {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			b.Fatalf("%s: not within a minute", what)
		}
	}
}

func (b *bench) untilGone(kind string) {
	b.Helper()
	b.until(kind+" has no job left", `SELECT NOT EXISTS (SELECT FROM jobs WHERE kind = $1)`, kind)
}

func TestJobs(t *testing.T) {
	b := setup(t)
	for name, test := range map[string]func(*bench){
		"double start": doubleStart, "feeding": feeding, "lost": lost, "cancel": cancelled, "drain": drain, "quota": quota, "failures": failures, "periodic": periodic,
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); test(&bench{t, b.db, b.queue}) })
	}
}

// A job ordered many times at once is worked one turn at a time by whichever
// process, and once more after an order that came while it was in hand.
func doubleStart(b *bench) {
	k := jobs.Kind[args]{Name: "double", Timeout: time.Minute}
	var inHand, most, turns atomic.Int64
	first, release := make(chan struct{}), make(chan struct{})
	w := k.Worker(4, func(context.Context, *jobs.Turn, args) (jobs.Next, error) {
		n := inHand.Add(1)
		defer inHand.Add(-1)
		most.Store(max(most.Load(), n))
		if turns.Add(1) == 1 {
			close(first)
			<-release
		}
		return jobs.Done, nil
	})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { b.mustAdd(k, "bank", "one") })
	}
	wg.Wait()
	b.run(jobs.RunOptions{}, w)
	b.run(jobs.RunOptions{}, w) // a second process
	<-first
	for range 8 {
		b.mustAdd(k, "bank", "one")
	}
	if taken, err := b.queue.Once(b.Context(), w, "bank", "one", args{}); taken || err != nil {
		b.Errorf("taken twice: %t %v", taken, err)
	}
	close(release)
	b.untilGone("double")
	if turns.Load() != 2 || most.Load() != 1 {
		b.Errorf("%d turns, %d at once", turns.Load(), most.Load())
	}
	if taken, err := b.queue.Once(b.Context(), w, "bank", "one", args{}); !taken || err != nil || turns.Load() != 3 {
		b.Errorf("not taken though nobody has it: %t %v", taken, err)
	}
}

// Of one institution a bounded number of turns is in hand, however many jobs
// it has, in the order of their ranks, and who comes later is served before its
// backlog.
func feeding(b *bench) {
	k := jobs.Kind[args]{Name: "feeding", Queued: 2, Timeout: time.Minute}
	var mu sync.Mutex
	inHand, most, begun := map[string]int{}, map[string]int{}, []string{}
	w := k.Worker(3, func(_ context.Context, turn *jobs.Turn, _ args) (jobs.Next, error) {
		mu.Lock()
		defer mu.Unlock()
		begun = append(begun, turn.Institution)
		inHand[turn.Institution]++
		most[turn.Institution] = max(most[turn.Institution], inHand[turn.Institution])
		return jobs.Done.With(func(context.Context, pgx.Tx) error {
			mu.Lock()
			defer mu.Unlock()
			inHand[turn.Institution]--
			return nil
		}), nil
	})
	const many = 60
	var keys []string
	for i := range many {
		keys = append(keys, fmt.Sprintf("large-%d", i))
	}
	b.mustAdd(k, "bank", keys...)
	b.mustAdd(k, "another", "small-0", "small-1", "small-2")
	b.run(jobs.RunOptions{}, w)
	b.untilGone("feeding")
	before, seen := 0, 0
	for _, who := range begun {
		if who == "another" {
			seen++
		} else if seen < 3 {
			before++
		}
	}
	if len(begun) != many+3 || most["bank"] > 2 || before > 2*3+2*k.Queued+3 {
		b.Errorf("%d turns, %d of the large one at once, %d before the three of the small one", len(begun), most["bank"], before)
	}
}

// The turn of a process that lost its lease is given to another; what the first
// writes then is refused, by command and by transaction, and it cannot let the
// turn go. Who died is counted.
func lost(b *bench) {
	k := jobs.Kind[args]{Name: "lost", Timeout: time.Minute}
	write := func(ctx context.Context, by string) error {
		return b.db.PutWebhook(ctx, store.Webhook{ID: "wh_" + by, Institution: "bank", URL: "https://example.org/", CreatedAt: time.Now(), CreatedBy: by, Secret: []byte{1}})
	}
	b.mustAdd(k, "bank", "one")
	took, refused := make(chan struct{}), make(chan error, 1)
	stopFirst := b.run(jobs.RunOptions{Lease: time.Second}, k.Worker(1, func(ctx context.Context, t *jobs.Turn, _ args) (jobs.Next, error) {
		close(took)
		<-ctx.Done() // told by the lease: the database says it is another's
		ctx = store.As(store.InTurn(context.WithoutCancel(ctx), t.Owner), "bank")
		err := write(ctx, "first")
		if again := b.db.Transact(ctx, func(pgx.Tx) error { return nil }); !store.TurnLost(again) {
			err = again
		}
		refused <- err
		return jobs.Done, nil
	}))
	<-took
	// As if the first process had been frozen for long: the turn is another's,
	// who died in turn.
	if _, err := b.db.Queue().Exec(b.Context(), `UPDATE jobs SET owner = 'ANOTHER', leased_until = now() - interval '1 second' WHERE kind = 'lost'`); err != nil {
		b.Fatal(err)
	}
	if err := <-refused; !store.TurnLost(err) {
		b.Errorf("what a process without the lease wrote: %v", err)
	}
	stopFirst()
	deaths := make(chan int, 1)
	b.run(jobs.RunOptions{Lease: time.Second}, k.Worker(1, func(ctx context.Context, t *jobs.Turn, _ args) (jobs.Next, error) {
		deaths <- t.Deaths
		return jobs.Done, write(ctx, "second")
	}))
	b.untilGone("lost")
	var by string
	if err := b.db.Queue().QueryRow(b.Context(), `SELECT string_agg(created_by, ' ') FROM webhooks`).Scan(&by); err != nil || by != "second" {
		b.Errorf("written by %q, %v", by, err)
	}
	if n := <-deaths; n != 1 {
		b.Errorf("%d deaths counted", n)
	}
}

// A job cancelled with its subject is told to stop and writes nothing; one that
// waits is never begun.
func cancelled(b *bench) {
	k := jobs.Kind[args]{Name: "cancel", Queued: 1, Timeout: time.Minute}
	took, wrote := make(chan string, 3), make(chan error, 1)
	b.mustAdd(k, "bank", "a-running", "b-parked", "c-next")
	b.run(jobs.RunOptions{Lease: time.Second}, k.Worker(3, func(ctx context.Context, t *jobs.Turn, _ args) (jobs.Next, error) {
		took <- t.Key
		if t.Key == "a-running" {
			<-ctx.Done()
			wrote <- b.db.Transact(store.InTurn(b.Context(), t.Owner), func(pgx.Tx) error { return nil })
			return jobs.Again, ctx.Err()
		}
		return jobs.Done, nil
	}))
	if got := <-took; got != "a-running" {
		b.Fatal(got)
	}
	ctx := store.As(b.Context(), "bank")
	for _, key := range []string{"b-parked", "a-running", "a-running"} { // twice is once
		if err := b.db.Transact(ctx, func(tx pgx.Tx) error { return b.queue.Cancel(ctx, tx, "bank", key) }); err != nil {
			b.Error(err)
		}
	}
	if err := <-wrote; !store.TurnLost(err) {
		b.Errorf("what a cancelled turn wrote: %v", err)
	}
	b.untilGone("cancel") // its place in the queue went on
	if got := <-took; got != "c-next" {
		b.Errorf("%s was begun", got)
	}
}

// A process that is told to stop lets turns end, and tells those to stop that
// take too long: they go on elsewhere and count neither as failed nor as dead.
func drain(b *bench) {
	k := jobs.Kind[args]{Name: "drain", Timeout: time.Minute}
	took := make(chan struct{}, 2)
	b.mustAdd(k, "bank", "quick", "slow")
	stop := b.run(jobs.RunOptions{Drain: 100 * time.Millisecond}, k.Worker(2, func(ctx context.Context, t *jobs.Turn, _ args) (jobs.Next, error) {
		took <- struct{}{}
		if t.Key == "slow" {
			<-ctx.Done() // it does not look whether the process drains
			return jobs.Again, ctx.Err()
		}
		<-t.Draining()
		return jobs.Done, nil
	}))
	<-took
	<-took
	stop()
	b.until("what was slow is handed back", `SELECT count(*) = 1 AND min(key) = 'slow' AND min(status) = 'queued' AND sum(failures + deaths) = 0 FROM jobs WHERE kind = 'drain'`)
	b.run(jobs.RunOptions{}, k.Worker(1, func(context.Context, *jobs.Turn, args) (jobs.Next, error) { return jobs.Done, nil }))
	b.untilGone("drain")
}

// An institution may have so many jobs of a kind open; others do not notice.
func quota(b *bench) {
	k := jobs.Kind[args]{Name: "quota", Open: 2, Timeout: time.Minute}
	b.mustAdd(k, "bank", "one", "two")
	b.mustAdd(k, "bank", "one") // called for again, not another
	if err := b.add(k, "bank", jobs.Order[args]{Key: "three"}); fault.Public(err).Code != store.CodeJobs {
		b.Errorf("a third: %v", err)
	}
	b.mustAdd(k, "another", "four")
	b.until("three are open", `SELECT count(*) = 3 FROM jobs WHERE kind = 'quota'`)
}

// What fails is tried again later, what panics or takes longer than its kind may
// too, and the count begins anew after a good turn. New arguments are those of the next turn. What is written
// with the end of a turn is written with it or not at all.
func failures(b *bench) {
	k := jobs.Kind[args]{Name: "failures", Timeout: time.Second}
	var mu sync.Mutex
	var seen []string
	b.mustAdd(k, "bank", "one")
	b.run(jobs.RunOptions{}, k.Worker(1, func(ctx context.Context, t *jobs.Turn, a args) (jobs.Next, error) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, fmt.Sprint(a.N, t.Failures))
		switch len(seen) {
		case 1:
			panic("once")
		case 2:
			next, err := k.Again(args{7})
			return next.With(func(context.Context, pgx.Tx) error { return errors.New("will not go in") }), err
		case 3:
			return k.Again(args{9})
		case 4:
			<-ctx.Done()
			return jobs.Done, ctx.Err()
		}
		return jobs.Done, nil
	}))
	b.untilGone("failures")
	if got, want := fmt.Sprint(seen), "[0 0 0 1 0 2 9 0 9 1]"; got != want {
		b.Errorf("arguments and failures: %s, not %s", got, want)
	}
}

// The house's own jobs are called for by the clock.
func periodic(b *bench) {
	turns := make(chan string, 100)
	k := jobs.Kind[struct{}]{Name: "periodic", Timeout: time.Minute}
	b.run(jobs.RunOptions{}, k.Worker(1, func(_ context.Context, t *jobs.Turn, _ struct{}) (jobs.Next, error) {
		turns <- t.Institution
		return jobs.Done, nil
	}).Every(time.Second))
	<-turns
	if whose := <-turns; whose != store.Public {
		b.Error(whose)
	}
}
