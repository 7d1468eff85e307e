// Package jobs carries out the product's background work: batch rows, model
// runs, webhook messages, sweeps, revaluations, simulations, evaluations. Start
// with [New]; [Queue.Call] asks for work, [Queue.Run] does it.
//
// A job is a row of the table jobs and is worked in turns, each short: rows of
// a batch, ranges of a simulation, one message. A turn is a job of River, which
// queues it, wakes a worker, bounds its time, tries again what could not be
// begun and rescues what got stuck. What the work is and how far it got is in
// the row, so any turn may be lost, repeated or late without harm: a turn is
// taken in hand under a token with a lease, and only who holds the token may
// write results or let the turn go.
//
// Fairness comes from feeding: of one institution and kind a bounded number of
// turns is in the queue, and each that ends lets in the next.
package jobs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime/debug"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"zhijia/internal/fault"
	"zhijia/internal/store"
)

// Kind is a kind of work, with what one institution may have of it.
type Kind struct {
	Name    string // also of the queue
	Queued  int    // turns in the queue or in hand at once; 0: no bound
	Open    int    // jobs not at their end; 0: no bound
	Timeout time.Duration
}

func (k Kind) bounds() store.JobBounds { return store.JobBounds{Queued: k.Queued, Open: k.Open} }

// Worker does one kind of work.
type Worker struct {
	Kind
	Turns int // at once in this process

	// Do takes one turn. It stops soon after ctx ends or [Turn.Over] holds.
	// Transactions of the store within ctx commit only while the turn is in hand.
	Do func(ctx context.Context, t *Turn) (Next, error)

	// Free lets go, within the transaction that ends a turn, of what was
	// claimed under its token; died says that its process is gone. Optional.
	Free func(ctx context.Context, tx pgx.Tx, j *store.Job, died bool) error

	Failures int // in a row after which the job has failed; 0: it is tried for ever
	Deaths   int // of processes after which the job has failed; 0: never

	// Every has the job of the kind's name called for at this interval, by
	// whichever process leads. 0: not.
	Every time.Duration
}

// Next says what follows a turn. The zero value is [Idle].
type Next struct {
	status store.JobStatus
	wait   time.Duration
	note   string
}

// What follows a turn.
var (
	Idle  = Next{status: store.JobIdle}   // nothing, until it is called for
	Done  = Next{status: store.JobDone}   // nothing: the job is at its end
	Again = Next{status: store.JobQueued} // another turn, behind those of others
)

// After asks for the next turn after a time; note is a stable code of what is
// waited for.
func After(wait time.Duration, note string) Next {
	return Next{status: store.JobWaiting, wait: max(wait, 0), note: note}
}

// errFailed marks an error that no further turn mends.
type errFailed struct{ error }

func (e errFailed) Unwrap() error { return e.error }

// Fail marks an error as final: the job has failed.
func Fail(err error) error { return errFailed{err} }

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
func (t *Turn) Over() bool { return time.Since(t.begun) >= slice || t.Draining() }

// Draining reports that the process is about to stop.
func (t *Turn) Draining() bool {
	select {
	case <-t.draining:
		return true
	default:
		return false
	}
}

// UntilDrain returns a context that also ends when the process is about to
// stop.
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

// Progress stores how far the job is.
func (t *Turn) Progress(ctx context.Context, done, total int64) error {
	return t.db.NoteProgress(ctx, t.Owner, done, total)
}

// turnArgs is a turn in the queue.
type turnArgs struct {
	Job  string    `json:"job"`
	Turn int64     `json:"turn"`
	At   time.Time `json:"at,omitzero"` // not before
}

// Kind implements river.JobArgs.
func (turnArgs) Kind() string { return "turn" }

// callArgs calls for a job of the house itself, periodically.
type callArgs struct {
	Job string `json:"job"`
}

// Kind implements river.JobArgs.
func (callArgs) Kind() string { return "call" }

// Queue puts work into the queue. It is safe for concurrent use.
type Queue struct {
	db     *store.DB
	log    *slog.Logger
	client *river.Client[pgx.Tx] // inserts only
}

// New returns a queue over a migrated database. A nil log discards.
func New(db *store.DB, log *slog.Logger) (*Queue, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	client, err := river.NewClient(riverpgxv5.New(db.Queue()), &river.Config{Logger: log})
	return &Queue{db, log, client}, err
}

// DB is the database the queue is in.
func (q *Queue) DB() *store.DB { return q.db }

// Call asks, within the caller's transaction, for a turn of each job. They are
// stored when they are not there yet, and must be of one kind and institution.
func (q *Queue) Call(ctx context.Context, tx pgx.Tx, k Kind, list ...store.Job) error {
	for i := range list {
		list[i].Kind = k.Name
	}
	turns, err := q.db.CallJobs(ctx, tx, k.bounds(), list)
	if err != nil {
		return err
	}
	return insert(ctx, q.client, tx, turns, true)
}

// soon is how often the queue's leader looks at what is scheduled. A shorter
// wait is spent among what is available, see river.JobSnooze, and so is, in
// steps, any wait of a process that may not lead: it may be the only one.
const soon = 5 * time.Second

func insert(ctx context.Context, client *river.Client[pgx.Tx], tx pgx.Tx, turns []store.Turn, scheduled bool) error {
	if len(turns) == 0 {
		return nil
	}
	many := make([]river.InsertManyParams, len(turns))
	for i, t := range turns {
		priority := 2
		if t.First { // who has nothing queued yet waits for one turn at most
			priority = 1
		}
		o := &river.InsertOpts{Queue: t.Kind, Priority: priority}
		if scheduled && time.Until(t.RunAt) > soon {
			o.ScheduledAt = t.RunAt
		}
		many[i] = river.InsertManyParams{Args: turnArgs{t.Job, t.Turn, t.RunAt}, InsertOpts: o}
	}
	_, err := client.InsertManyTx(ctx, tx, many)
	return err
}

// Cancel ends a job of an institution: the turn in hand is told to stop, and
// writes nothing from now on. A job at its end stays as it is.
func (q *Queue) Cancel(ctx context.Context, institution, id, by string) (j store.Job, err error) {
	defer fault.Wrap(&err, "jobs.Cancel(%s)", id)
	err = q.db.Transact(ctx, func(tx pgx.Tx) error {
		var inHand int64
		var next []store.Turn
		if j, inHand, next, err = q.db.CancelJob(ctx, tx, institution, id, by); err != nil {
			return err
		}
		if inHand != 0 {
			if _, err := q.client.JobCancelTx(ctx, tx, inHand); err != nil && !errors.Is(err, river.ErrNotFound) {
				return err
			}
		}
		return insert(ctx, q.client, tx, next, true)
	})
	return j, err
}

// Interrupt tells turns in hand, by their tokens, to stop when the caller's
// transaction commits. Their jobs go on with the next turn.
func (q *Queue) Interrupt(ctx context.Context, tx pgx.Tx, owners []string) error {
	ids, err := q.db.TurnsInHand(ctx, tx, owners)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, err := q.client.JobCancelTx(ctx, tx, id); err != nil && !errors.Is(err, river.ErrNotFound) {
			return err
		}
	}
	return nil
}

// Once takes one turn of a job in this process, at once and whatever the queue
// holds. taken is false when it is in other hands or at its end.
func (q *Queue) Once(ctx context.Context, w Worker, j store.Job) (taken bool, err error) {
	defer fault.Wrap(&err, "jobs.Once(%s)", j.ID)
	r := &runner{q: q, client: q.client, leads: true, draining: make(chan struct{}), hands: map[string]context.CancelCauseFunc{}}
	r.opt.Lease = w.Timeout // nobody prolongs it
	j.Kind = w.Name
	var held store.Job
	err = q.db.Transact(ctx, func(tx pgx.Tx) error {
		held, taken, err = q.db.TakeNow(ctx, tx, j, rand.Text(), w.Timeout)
		return err
	})
	if err != nil || !taken {
		return false, err
	}
	work, stop := context.WithTimeout(ctx, w.Timeout)
	defer stop()
	t := &Turn{Job: held, db: q.db, begun: time.Now(), draining: r.draining}
	began := r.take(held.Owner, nil)
	next, err := do(store.As(store.InTurn(work, held.Owner), held.Institution), &w, t)
	e := r.judge(ctx, work, &w, t, next, err)
	return true, errors.Join(err, r.letGo(ctx, work, &w, t, &e, began))
}

// RunOptions configure [Queue.Run]. The zero value of each means its default.
type RunOptions struct {
	Lease  time.Duration // how long a process may be silent before its turns are given to others; default 10 s
	Drain  time.Duration // how long a stop waits for the turns in hand; default 30 s
	Budget float64       // processor seconds of one institution and day; 0: no bound
}

// Run works until ctx ends. Then it takes nothing new, waits for the turns in
// hand, and tells those to stop that are not at their end in time. Any number
// of processes may run, with the same kinds or others, and any may be killed.
func (q *Queue) Run(ctx context.Context, o RunOptions, workers ...Worker) (err error) {
	defer fault.Wrap(&err, "jobs.Run")
	if o.Lease == 0 {
		o.Lease = 10 * time.Second
	}
	if o.Drain == 0 {
		o.Drain = 30 * time.Second
	}
	r := &runner{q: q, opt: o, workers: map[string]*Worker{}, hands: map[string]context.CancelCauseFunc{}, draining: make(chan struct{})}
	queues := map[string]river.QueueConfig{}
	var periodic []*river.PeriodicJob
	for i := range workers {
		w := &workers[i]
		r.workers[w.Name] = w
		r.kinds = append(r.kinds, w.Name)
		queues[w.Name] = river.QueueConfig{MaxWorkers: w.Turns}
		if w.Every > 0 {
			periodic = append(periodic, river.NewPeriodicJob(river.PeriodicInterval(w.Every), func() (river.JobArgs, *river.InsertOpts) {
				return callArgs{w.Name}, &river.InsertOpts{Queue: w.Name, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
					rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning, rivertype.JobStateRetryable, rivertype.JobStateScheduled,
				}}}
			}, &river.PeriodicJobOpts{ID: w.Name, RunOnStart: true}))
		}
	}
	r.leads = len(periodic) > 0 // who leads must call for what is periodic
	bundle := river.NewWorkers()
	if err := errors.Join(river.AddWorkerSafely(bundle, &turnWorker{r: r}), river.AddWorkerSafely(bundle, &callWorker{r: r})); err != nil {
		return err
	}
	r.client, err = river.NewClient(riverpgxv5.New(q.db.Queue()), &river.Config{
		Queues: queues, Workers: bundle, PeriodicJobs: periodic, Logger: q.log, SoftStopTimeout: o.Drain,
		LeaderElectionDisabled: !r.leads,
		FetchCooldown:          5 * time.Millisecond, // turns are short: a worker that is free asks at once
		FetchPollInterval:      500 * time.Millisecond,
		RetryPolicy:            retrySoon{}, CompletedJobRetentionPeriod: time.Hour, CancelledJobRetentionPeriod: time.Hour,
	})
	if err != nil {
		return err
	}
	// Turns outlive ctx: Stop lets them end.
	alive, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	if err := r.client.Start(alive); err != nil {
		return err
	}
	kept := make(chan struct{})
	go func() { defer close(kept); r.keep(alive) }()
	<-ctx.Done()
	close(r.draining)
	err = r.client.Stop(alive) // escalates by itself after SoftStopTimeout
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
	opt      RunOptions
	client   *river.Client[pgx.Tx]
	leads    bool // may become the queue's leader
	workers  map[string]*Worker
	kinds    []string
	draining chan struct{}

	mu    sync.Mutex
	hands map[string]context.CancelCauseFunc // turns in hand, by token
	last  time.Duration                      // processor time of the process when the number of hands changed last
	share time.Duration                      // processor time that a turn had that was in hand from the beginning
}

// take notes that a turn is in hand and returns where its processor time
// begins to count.
func (r *runner) take(owner string, stop context.CancelCauseFunc) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.meter()
	r.hands[owner] = stop
	return r.share
}

// drop notes that a turn is not in hand any more.
func (r *runner) drop(owner string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.meter()
	delete(r.hands, owner)
}

// meter shares the processor time that the process used since the last call
// among the turns in hand. What the process does besides counts as theirs; time
// spent waiting does not.
func (r *runner) meter() {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return
	}
	now := time.Duration(u.Utime.Nano() + u.Stime.Nano())
	if n := len(r.hands); n > 0 {
		r.share += (now - r.last) / time.Duration(n)
	}
	r.last = now
}

// keep prolongs the leases of the turns in hand, stops those that were lost,
// and gives turns of processes that are gone to others.
func (r *runner) keep(ctx context.Context) {
	tick := time.NewTicker(r.opt.Lease / 4)
	defer tick.Stop()
	for {
		if err := errors.Join(r.prolong(ctx), r.reclaim(ctx)); err != nil && ctx.Err() == nil {
			r.q.log.WarnContext(ctx, "keeping the leases of turns", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

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
	ctx, cancel := context.WithTimeout(ctx, r.opt.Lease/2)
	defer cancel()
	held, err := r.q.db.KeepTurns(ctx, owners, r.opt.Lease)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, owner := range owners {
		if stop := r.hands[owner]; stop != nil && !slices.Contains(held, owner) {
			stop(store.ErrLeaseLost)
		}
	}
	return nil
}

func (r *runner) reclaim(ctx context.Context) error {
	lapsed, err := r.q.db.LapsedTurns(ctx, r.kinds, r.opt.Lease)
	if err != nil {
		return err
	}
	for i := range lapsed {
		j := &lapsed[i]
		w := r.workers[j.Kind]
		err := r.q.db.Transact(ctx, func(tx pgx.Tx) error {
			if mine, err := r.q.db.SeizeTurn(ctx, tx, j); err != nil || !mine {
				return err
			}
			end := store.TurnEnd{Status: store.JobQueued, Died: true}
			if w.Deaths > 0 && j.Deaths+1 >= w.Deaths {
				end.Status, end.Error = store.JobFailed, "jobs.deaths"
			}
			return r.end(ctx, tx, w, j, end)
		})
		if err != nil && !errors.Is(err, store.ErrLeaseLost) {
			return err
		}
		r.q.log.WarnContext(ctx, "gave the turn of a process that is gone to others", "job", j.ID, "kind", j.Kind, "deaths", j.Deaths+1)
	}
	return nil
}

// end lets a turn go and puts what follows into the queue.
func (r *runner) end(ctx context.Context, tx pgx.Tx, w *Worker, j *store.Job, e store.TurnEnd) error {
	if w.Free != nil {
		if err := w.Free(ctx, tx, j, e.Died); err != nil {
			return err
		}
	}
	next, err := r.q.db.EndTurn(ctx, tx, j, e)
	if err != nil {
		return err
	}
	return insert(ctx, r.client, tx, next, r.leads)
}

type callWorker struct {
	river.WorkerDefaults[callArgs]
	r *runner
}

// Work calls for a job of the house.
func (c *callWorker) Work(ctx context.Context, job *river.Job[callArgs]) error {
	w := c.r.workers[job.Args.Job]
	if w == nil {
		return nil // a process of another version inserted it
	}
	return c.r.q.db.Transact(ctx, func(tx pgx.Tx) error {
		return c.r.q.Call(ctx, tx, w.Kind, store.Job{ID: w.Name, CreatedBy: "system"})
	})
}

type turnWorker struct {
	river.WorkerDefaults[turnArgs]
	r *runner
}

// Timeout implements river.Worker.
func (t *turnWorker) Timeout(job *river.Job[turnArgs]) time.Duration {
	if w := t.r.workers[job.Queue]; w != nil {
		return w.Timeout
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
	if early := time.Until(job.Args.At); early > 0 {
		return river.JobSnooze(min(early, soon))
	}
	j, taken, err := r.q.db.TakeTurn(ctx, store.Taking{
		Job: job.Args.Job, Turn: job.Args.Turn, Owner: rand.Text(), River: job.ID, Lease: r.opt.Lease, Bounds: w.bounds(), Budget: r.opt.Budget,
	}, func(tx pgx.Tx, later []store.Turn) error { return insert(ctx, r.client, tx, later, r.leads) })
	if err != nil { // the database is away
		r.q.log.WarnContext(ctx, "taking a turn in hand", "job", job.Args.Job, "error", err)
		return river.JobSnooze(time.Second)
	}
	if !taken {
		return nil
	}
	work, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	began := r.take(j.Owner, stop)
	turn := &Turn{Job: j, db: r.q.db, begun: time.Now(), draining: r.draining}
	next, err := do(store.As(store.InTurn(work, j.Owner), j.Institution), w, turn)
	e := r.judge(ctx, work, w, turn, next, err)
	err = r.letGo(ctx, work, w, turn, &e, began)
	r.drop(j.Owner)
	return err
}

// do shields the process from a turn that panics.
func do(ctx context.Context, w *Worker, t *Turn) (next Next, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return w.Do(ctx, t)
}

// judge says how a turn ended.
func (r *runner) judge(ctx, work context.Context, w *Worker, t *Turn, next Next, err error) store.TurnEnd {
	e := store.TurnEnd{Status: next.status, Wait: next.wait, Note: next.note}
	if e.Status == "" {
		e.Status = store.JobIdle
	}
	var final errFailed
	switch {
	case err == nil:
	case errors.As(err, &final):
		e.Status, e.Failed, e.Error = store.JobFailed, true, fault.Public(err).Zh
		r.q.log.WarnContext(ctx, "a job failed", "job", t.ID, "kind", t.Kind, "error", err)
	case work.Err() != nil && !errors.Is(context.Cause(work), context.DeadlineExceeded), store.Outage(err), fault.KindOf(err) == fault.Unavailable:
		// Stopped from outside: the process ends, somebody interrupted the turn,
		// or the database or what the work needs is away.
		if e.Status, e.Keep = store.JobQueued, true; work.Err() == nil {
			e.Status, e.Wait = store.JobWaiting, time.Second
		}
	default:
		e.Failed, e.Note, e.Error = true, fault.Public(err).Code, fault.Public(err).Zh
		r.q.log.WarnContext(ctx, "a turn failed", "job", t.ID, "kind", t.Kind, "failures", t.Failures+1, "error", err)
		if w.Failures > 0 && t.Failures+1 >= w.Failures {
			e.Status = store.JobFailed
			break
		}
		e.Status, e.Wait = store.JobWaiting, min(time.Duration(math.Exp2(float64(min(t.Failures, 10))))*time.Second, 5*time.Minute)
	}
	return e
}

// letGo ends a turn, through an outage of the database if need be: until the
// turn is lost or the process must stop.
func (r *runner) letGo(ctx, work context.Context, w *Worker, t *Turn, e *store.TurnEnd, began time.Duration) error {
	r.mu.Lock()
	r.meter()
	e.Used = (r.share - began).Seconds()
	r.mu.Unlock()
	keep := context.WithoutCancel(ctx)
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := r.q.db.Transact(keep, func(tx pgx.Tx) error { return r.end(keep, tx, w, &t.Job, *e) })
		switch {
		case err == nil || errors.Is(err, store.ErrLeaseLost):
			return nil
		case !store.Outage(err):
			return err
		}
		select {
		case <-r.draining:
			return err
		case <-work.Done():
			if errors.Is(context.Cause(work), store.ErrLeaseLost) {
				return nil
			}
			return err
		case <-time.After(wait):
		}
	}
}
