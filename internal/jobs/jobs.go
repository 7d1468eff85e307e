// Package jobs carries out the product's background work: rows of files, model
// runs, webhook messages, sweeps, revaluations, simulations. Start with [New];
// [Queue.Add] orders work, [Queue.Run] does it.
//
// A job is a row of the table jobs and is worked in turns, each short: some
// rows of a batch, some ranges of a simulation, some messages. A turn is a job
// of River, which queues it, wakes a worker, bounds its time and tries again
// what could not be begun. What the work is stands in the row, so any turn may
// be lost, repeated or late without harm: it is taken in hand under a token with
// a lease, and only who holds the token may write results or let the turn go.
//
// Fairness comes from feeding: of one institution and kind a bounded number of
// turns is in the queue, and each that ends lets the next in. Who has few there
// goes before who has many.
package jobs

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/bits"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"zhijia/internal/fault"
	"zhijia/internal/store"
)

// Kind is a kind of work whose jobs carry an A, with what one institution may
// have of it.
type Kind[A any] struct {
	Name    string        // also of the queue: letters, digits, hyphens
	Queued  int           // turns in the queue or in hand at once; 0: no bound
	Open    int           // jobs that have not ended; 0: no bound
	Timeout time.Duration // of a turn
}

func (k Kind[A]) bounds() store.JobBounds { return store.JobBounds{Queued: k.Queued, Open: k.Open} }

// Order is a job to be added.
type Order[A any] struct {
	Key      string // within the kind: the same work is there once
	Subject  string // what it is cancelled with
	Args     A
	Rank     int // among what the institution has waiting: the lowest first
	Failures int // so far
	Deaths   int
	Wait     time.Duration // before the first turn
}

func (k Kind[A]) jobs(orders []Order[A]) ([]store.Job, error) {
	list := make([]store.Job, len(orders))
	for i, o := range orders {
		args, err := json.Marshal(o.Args)
		if err != nil {
			return nil, err
		}
		list[i] = store.Job{Key: o.Key, Subject: o.Subject, Args: args, Rank: o.Rank, Failures: o.Failures, Deaths: o.Deaths, Wait: o.Wait}
	}
	return list, nil
}

// Add orders jobs of an institution within the caller's transaction. One that
// is there already is called for: it takes a turn soon, and another when it is
// in hand.
func (k Kind[A]) Add(ctx context.Context, q *Queue, tx pgx.Tx, institution string, orders ...Order[A]) error {
	list, err := k.jobs(orders)
	if err != nil {
		return err
	}
	turns, err := q.db.AddJobs(ctx, tx, institution, k.Name, k.bounds(), list)
	if err != nil {
		return err
	}
	return insert(ctx, q.client, tx, turns, true)
}

// Again is what a turn ends with when there is more to do, of other arguments.
func (k Kind[A]) Again(args A) (Next, error) {
	body, err := json.Marshal(args)
	return Next{end: store.TurnEnd{Args: body}}, err
}

// Set changes what a turn in hand works on: what another turn would do if this
// process died now.
func (k Kind[A]) Set(ctx context.Context, tx pgx.Tx, t *Turn, args A) error {
	body, err := json.Marshal(args)
	if err != nil {
		return err
	}
	return t.db.SetJobArgs(ctx, tx, &t.Job, body)
}

// Worker does one kind of work in this process. Make one by [Kind.Worker].
type Worker struct {
	name    string
	bounds  store.JobBounds
	timeout time.Duration
	turns   int // at once
	do      func(context.Context, *Turn) (Next, error)
	died    func(context.Context, pgx.Tx, *store.Job) (ended bool, err error)
	every   time.Duration
}

// Worker returns a worker that takes up to turns turns at once. do takes one:
// it stops soon after ctx ends or [Turn.Over] holds. What it writes within ctx
// is written only while the turn is in hand.
func (k Kind[A]) Worker(turns int, do func(context.Context, *Turn, A) (Next, error)) Worker {
	return Worker{name: k.Name, bounds: k.bounds(), timeout: k.Timeout, turns: turns, do: func(ctx context.Context, t *Turn) (Next, error) {
		var args A
		if err := json.Unmarshal(t.Args, &args); err != nil {
			return Next{}, err
		}
		return do(ctx, t, args)
	}}
}

// Died returns the worker with what is done, in the transaction that takes the
// turn of a process that is gone from it, instead of another turn of the same
// job: ended says that the job is no more.
func (k Kind[A]) Died(w Worker, died func(context.Context, pgx.Tx, *store.Job, A) (ended bool, err error)) Worker {
	w.died = func(ctx context.Context, tx pgx.Tx, j *store.Job) (bool, error) {
		var args A
		if err := json.Unmarshal(j.Args, &args); err != nil {
			return false, err
		}
		return died(ctx, tx, j, args)
	}
	return w
}

// Every returns the worker with its one job, of the house and without
// arguments, called for at an interval by whichever process leads.
func (w Worker) Every(interval time.Duration) Worker {
	w.every = interval
	return w
}

// Next says what follows a turn. The zero value is Again.
type Next struct {
	end  store.TurnEnd
	with func(context.Context, pgx.Tx) error
}

// What follows a turn.
var (
	Done  = Next{end: store.TurnEnd{Gone: true}} // nothing: the work has ended
	Again = Next{}                               // another turn
)

// After asks for the next turn after a time.
func After(wait time.Duration) Next {
	return Next{end: store.TurnEnd{Wait: max(wait, time.Millisecond)}}
}

// With has f write, in the transaction that lets the turn go. When it fails the
// turn has failed.
func (n Next) With(f func(context.Context, pgx.Tx) error) Next {
	n.with = f
	return n
}

// slice is how long a turn is worked before others get theirs.
const slice = time.Second

// Turn is a turn in hand.
type Turn struct {
	store.Job
	db       *store.DB
	begun    time.Time
	draining <-chan struct{}
}

// Over reports that the turn has had its time, or that the process is about to
// stop: what is left is for the next turn.
func (t *Turn) Over() bool {
	select {
	case <-t.draining:
		return true
	default:
		return time.Since(t.begun) >= slice
	}
}

// Starves reports that another institution waits for its first turn of this kind
// while this one goes on. It is a small query, for work that can stop between
// two pieces.
func (t *Turn) Starves(ctx context.Context) bool {
	starved, err := t.db.Starved(ctx, t.Kind, t.Institution)
	return starved && err == nil // what follows meets the error too
}

// Draining is closed when the process is about to stop.
func (t *Turn) Draining() <-chan struct{} { return t.draining }

// UntilDrain returns a context that also ends when the process is about to
// stop, for work that can be broken off anywhere.
func (t *Turn) UntilDrain(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-t.draining:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// turnArgs is a turn in the queue.
type turnArgs struct {
	Job  int64     `json:"job"`
	Turn int64     `json:"turn"`
	At   time.Time `json:"at,omitzero"` // not before
}

// Kind implements river.JobArgs.
func (turnArgs) Kind() string { return "turn" }

// callArgs calls for the one job of a kind, periodically.
type callArgs struct {
	Name string `json:"name"`
}

// Kind implements river.JobArgs.
func (callArgs) Kind() string { return "call" }

// Queue takes orders for work. It is safe for concurrent use.
type Queue struct {
	db     *store.DB
	log    *slog.Logger
	client *river.Client[pgx.Tx] // inserts only
}

// New returns a queue over a migrated database. A nil log discards.
func New(db *store.DB, log *slog.Logger) (_ *Queue, err error) {
	defer fault.Wrap(&err, "jobs.New")
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	client, err := river.NewClient(riverpgxv5.New(db.Queue()), &river.Config{Logger: quiet(log)})
	return &Queue{db, log, client}, err
}

// quiet keeps what River says of its ordinary day out of the log.
func quiet(log *slog.Logger) *slog.Logger { return slog.New(warnings{log.Handler()}) }

type warnings struct{ slog.Handler }

// Enabled implements slog.Handler.
func (w warnings) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && w.Handler.Enabled(ctx, l)
}

// soon is how long a wait is spent in the queue itself. A longer one is
// scheduled, which needs the queue's leader to end it, and is spent in steps by
// a guest, who may be alone.
const soon = 5 * time.Second

// atOnce is a wait that is spent in the worker: the queue is asked no more often.
const atOnce = 500 * time.Millisecond

// insert gives turns to the queue. The first of every institution go before the
// next of any, so that who has few does not wait behind who has many.
func insert(ctx context.Context, client *river.Client[pgx.Tx], tx pgx.Tx, turns []store.Turn, scheduled bool) error {
	if len(turns) == 0 {
		return nil
	}
	many := make([]river.InsertManyParams, len(turns))
	for i, t := range turns {
		args, o := turnArgs{Job: t.Job, Turn: t.Turn}, &river.InsertOpts{Queue: t.Kind, Priority: 1 + min(bits.Len(uint(t.Before)/2), 3)}
		if t.Wait > 0 {
			args.At = time.Now().Add(t.Wait)
		}
		if t.Wait > soon && scheduled {
			o.ScheduledAt = args.At
		}
		many[i] = river.InsertManyParams{Args: args, InsertOpts: o}
	}
	_, err := client.InsertManyFastTx(ctx, tx, many)
	return err
}

// Cancel ends every job of a subject within the caller's transaction. Who has
// one in hand is told to stop, and writes nothing after the commit.
func (q *Queue) Cancel(ctx context.Context, tx pgx.Tx, institution, subject string) error {
	return q.db.DropJobs(ctx, tx, institution, subject)
}

// RunOptions configure [Queue.Run]. The zero value of each means its default.
type RunOptions struct {
	Lease time.Duration // how long a process may be silent before its turns are given to others; default 5 s
	Drain time.Duration // how long a stop waits for the turns in hand; default 30 s
	// Guest says that the process works beside a service or for a moment: it
	// never leads, so that what the service does at intervals goes on.
	Guest bool
}

// Run works until ctx ends. Then it takes nothing new, waits for the turns in
// hand, and tells those to stop that are not at their end in time. Any number
// of processes may run, and any may be killed.
func (q *Queue) Run(ctx context.Context, o RunOptions, workers ...Worker) (err error) {
	defer fault.Wrap(&err, "jobs.Run")
	if o.Lease == 0 {
		o.Lease = 5 * time.Second
	}
	if o.Drain == 0 {
		o.Drain = 30 * time.Second
	}
	r := &runner{q: q, lease: o.Lease, guest: o.Guest, workers: map[string]*Worker{}, hands: map[string]context.CancelCauseFunc{}, draining: make(chan struct{})}
	queues := map[string]river.QueueConfig{}
	var periodic []*river.PeriodicJob
	for i := range workers {
		w := &workers[i]
		r.workers[w.name] = w
		queues[w.name] = river.QueueConfig{MaxWorkers: w.turns}
		if w.every > 0 && !o.Guest {
			periodic = append(periodic, river.NewPeriodicJob(river.PeriodicInterval(w.every), func() (river.JobArgs, *river.InsertOpts) {
				return callArgs{w.name}, &river.InsertOpts{Queue: w.name, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
					rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning, rivertype.JobStateRetryable, rivertype.JobStateScheduled,
				}}}
			}, &river.PeriodicJobOpts{ID: w.name, RunOnStart: true}))
		}
	}
	bundle := river.NewWorkers()
	if err := errors.Join(river.AddWorkerSafely(bundle, &turnWorker{r: r}), river.AddWorkerSafely(bundle, &callWorker{r: r})); err != nil {
		return err
	}
	r.client, err = river.NewClient(riverpgxv5.New(q.db.Queue()), &river.Config{
		Queues: queues, Workers: bundle, PeriodicJobs: periodic, Logger: quiet(q.log), SoftStopTimeout: o.Drain, LeaderElectionDisabled: o.Guest,
		FetchCooldown: 5 * time.Millisecond, FetchPollInterval: atOnce, // turns are short: who is free asks at once
		RetryPolicy: retrySoon{}, CompletedJobRetentionPeriod: time.Hour, CancelledJobRetentionPeriod: time.Hour,
	})
	if err != nil {
		return err
	}
	alive, stop := context.WithCancel(context.WithoutCancel(ctx)) // turns outlive ctx: Stop lets them end
	defer stop()
	if err := r.client.Start(alive); err != nil {
		return err
	}
	kept := make(chan struct{})
	go func() { defer close(kept); r.keep(alive) }()
	<-ctx.Done()
	close(r.draining)
	err = r.client.Stop(alive) // tells turns to stop after SoftStopTimeout
	stop()
	<-kept
	return err
}

// retrySoon is for turns that could not be taken in hand or let go because the
// database was away.
type retrySoon struct{}

// NextRetry implements river.ClientRetryPolicy.
func (retrySoon) NextRetry(job *rivertype.JobRow) time.Time {
	return time.Now().Add(time.Duration(min(len(job.Errors)+1, 30)) * time.Second)
}

// runner is one Run.
type runner struct {
	q        *Queue
	lease    time.Duration
	guest    bool
	client   *river.Client[pgx.Tx]
	workers  map[string]*Worker
	draining chan struct{}

	mu    sync.Mutex
	hands map[string]context.CancelCauseFunc // turns in hand, by token
}

// keep prolongs the leases of the turns in hand, stops those that were lost,
// and gives turns of processes that are gone to others.
func (r *runner) keep(ctx context.Context) {
	tick := time.NewTicker(r.lease / 4)
	defer tick.Stop()
	for {
		if err := errors.Join(r.prolong(ctx), r.reclaim(ctx), r.renew(ctx), r.feed(ctx)); err != nil && ctx.Err() == nil {
			r.q.log.WarnContext(ctx, "keeping the turns in hand", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

var errLost = errors.New("the turn is in other hands")

func (r *runner) prolong(ctx context.Context) error {
	r.mu.Lock()
	owners := make([]string, 0, len(r.hands))
	for owner := range r.hands {
		owners = append(owners, owner)
	}
	r.mu.Unlock()
	if len(owners) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.lease/2)
	defer cancel()
	held, err := r.q.db.KeepTurns(ctx, owners, r.lease)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, owner := range owners {
		if stop := r.hands[owner]; stop != nil && !slices.Contains(held, owner) {
			stop(errLost)
		}
	}
	return nil
}

// reclaim ends turns in the place of processes that are gone.
func (r *runner) reclaim(ctx context.Context) error {
	kinds := make([]string, 0, len(r.workers))
	for name := range r.workers {
		kinds = append(kinds, name)
	}
	lapsed, err := r.q.db.LapsedTurns(ctx, kinds, r.lease)
	if err != nil {
		return err
	}
	for i := range lapsed {
		j := &lapsed[i]
		w := r.workers[j.Kind]
		ctx := store.As(ctx, j.Institution)
		err := r.q.db.Transact(ctx, func(tx pgx.Tx) error {
			mine, err := r.q.db.SeizeTurn(ctx, tx, j)
			if err != nil || !mine {
				return err
			}
			end := store.TurnEnd{Died: true}
			if w.died != nil {
				if end.Gone, err = w.died(ctx, tx, j); err != nil {
					return err
				}
			}
			next, err := r.q.db.EndTurn(ctx, tx, j, end)
			if err != nil {
				return err
			}
			r.q.log.WarnContext(ctx, "gave the work of a process that is gone to others", "kind", j.Kind, "job", j.Key, "deaths", j.Deaths+1)
			return insert(ctx, r.client, tx, next, !r.guest)
		})
		if err != nil && !store.TurnLost(err) {
			return err
		}
	}
	return nil
}

// renew replaces turns that a process took from the queue and died with before
// it could take them in hand.
func (r *runner) renew(ctx context.Context) error {
	running, err := r.client.JobList(ctx, river.NewJobListParams().Kinds(turnArgs{}.Kind()).States(rivertype.JobStateRunning).First(1000))
	if err != nil {
		return err
	}
	var stuck []store.Turn
	for _, job := range running.Jobs {
		var args turnArgs
		if job.AttemptedAt != nil && time.Since(*job.AttemptedAt) > r.lease && json.Unmarshal(job.EncodedArgs, &args) == nil {
			stuck = append(stuck, store.Turn{Job: args.Job, Turn: args.Turn})
		}
	}
	if len(stuck) == 0 {
		return nil
	}
	return r.q.db.RenewTurns(ctx, stuck, func(tx pgx.Tx, turns []store.Turn) error { return insert(ctx, r.client, tx, turns, !r.guest) })
}

// feed lets parked jobs in where there is room.
func (r *runner) feed(ctx context.Context) error {
	bounds := map[string]store.JobBounds{}
	for name, w := range r.workers {
		bounds[name] = w.bounds
	}
	return r.q.db.FeedJobs(ctx, bounds, func(tx pgx.Tx, turns []store.Turn) error { return insert(ctx, r.client, tx, turns, !r.guest) })
}

type callWorker struct {
	river.WorkerDefaults[callArgs]
	r *runner
}

// Work calls for the one job of a kind.
func (c *callWorker) Work(ctx context.Context, job *river.Job[callArgs]) error {
	q := c.r.q
	ctx = store.As(ctx, store.Public)
	return q.db.Transact(ctx, func(tx pgx.Tx) error {
		return Kind[struct{}]{Name: job.Args.Name}.Add(ctx, q, tx, store.Public, Order[struct{}]{Key: job.Args.Name})
	})
}

type turnWorker struct {
	river.WorkerDefaults[turnArgs]
	r *runner
}

// Timeout implements river.Worker.
func (t *turnWorker) Timeout(job *river.Job[turnArgs]) time.Duration {
	if w := t.r.workers[job.Queue]; w != nil {
		return w.timeout
	}
	return 0 // the client's
}

// Work takes one turn.
func (t *turnWorker) Work(ctx context.Context, job *river.Job[turnArgs]) error {
	r := t.r
	w := r.workers[job.Queue]
	if w == nil {
		return fmt.Errorf("no worker for %s", job.Queue)
	}
	if early := time.Until(job.Args.At); early > atOnce {
		return river.JobSnooze(min(early, soon-time.Second))
	} else if early > 0 {
		select {
		case <-time.After(early):
		case <-r.draining:
			return river.JobSnooze(early)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	j, taken, err := r.q.db.TakeTurn(ctx, job.Args.Job, job.Args.Turn, rand.Text(), r.lease)
	if err != nil { // the database is away
		r.q.log.WarnContext(ctx, "taking a turn in hand", "job", job.Args.Job, "error", err)
		return river.JobSnooze(time.Second)
	}
	if !taken {
		return nil
	}
	return r.take(ctx, w, j)
}

// Once takes one turn of a job in this process, at once and whatever the queue
// holds. taken is false when it is in other hands.
func (q *Queue) Once(ctx context.Context, w Worker, institution, key string, args any) (taken bool, err error) {
	defer fault.Wrap(&err, "jobs.Once(%s)", key)
	body, err := json.Marshal(args)
	if err != nil {
		return false, err
	}
	ctx, stop := context.WithTimeout(ctx, w.timeout)
	defer stop()
	j, taken, err := q.db.TakeNow(ctx, store.Job{Institution: institution, Kind: w.name, Key: key, Args: body}, rand.Text(), w.timeout)
	if err != nil || !taken {
		return false, err
	}
	r := &runner{q: q, client: q.client, draining: make(chan struct{}), hands: map[string]context.CancelCauseFunc{}}
	return true, r.take(ctx, &w, j)
}

// take works a turn in hand to its end.
func (r *runner) take(ctx context.Context, w *Worker, j store.Job) error {
	work, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r.mu.Lock()
	r.hands[j.Owner] = stop
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		delete(r.hands, j.Owner)
		r.mu.Unlock()
	}()
	turn := &Turn{Job: j, db: r.q.db, begun: time.Now(), draining: r.draining}
	next, err := do(store.As(store.InTurn(work, j.Owner), j.Institution), w, turn)
	if err != nil {
		next = r.failed(ctx, work, turn, err)
	}
	return r.letGo(ctx, work, turn, next)
}

// do shields the process from a turn that panics.
func do(ctx context.Context, w *Worker, t *Turn) (next Next, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return w.do(ctx, t)
}

// failed says what follows a turn that ended with an error.
func (r *runner) failed(ctx, work context.Context, t *Turn, err error) Next {
	stopped := work.Err() != nil && !errors.Is(context.Cause(work), context.DeadlineExceeded)
	select {
	case <-r.draining:
		stopped = stopped || errors.Is(err, context.Canceled)
	default:
	}
	if stopped || store.Outage(err) || fault.KindOf(err) == fault.Unavailable || store.TurnLost(err) {
		// From outside: the process ends, the turn was lost, or what it needs is away.
		next := Next{end: store.TurnEnd{Keep: true}}
		if !stopped {
			next.end.Wait = time.Second
		}
		return next
	}
	r.q.log.WarnContext(ctx, "a turn failed", "kind", t.Kind, "job", t.Key, "failures", t.Failures+1, "error", err)
	wait := min(time.Duration(math.Exp2(float64(min(t.Failures, 10))))*time.Second, 5*time.Minute)
	return Next{end: store.TurnEnd{Failed: true, Wait: wait}}
}

// letGo ends a turn, through an outage of the database if need be: until the
// turn is lost or the process must stop.
func (r *runner) letGo(ctx, work context.Context, t *Turn, next Next) error {
	keep := store.As(store.InTurn(context.WithoutCancel(ctx), t.Owner), t.Institution)
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := r.q.db.Transact(keep, func(tx pgx.Tx) error {
			if next.with != nil {
				if err := next.with(keep, tx); err != nil {
					return err
				}
			}
			turns, err := r.q.db.EndTurn(keep, tx, &t.Job, next.end)
			if err != nil {
				return err
			}
			return insert(keep, r.client, tx, turns, !r.guest)
		})
		switch {
		case err == nil || store.TurnLost(err):
			return nil
		case !store.Outage(err) && next.with != nil:
			next = r.failed(ctx, work, t, err)
			continue
		case !store.Outage(err):
			return err
		}
		select {
		case <-work.Done():
			return err
		case <-time.After(wait):
		}
	}
}
