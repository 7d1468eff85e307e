package desk

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"zhijia/internal/appraisal"
	"zhijia/internal/fault"
	"zhijia/internal/lending"
	"zhijia/internal/store"
)

// Queues of the desk. Rows that were tried before, or whose worker died, wait
// among the suspects, which a process works one at a time: a row that kills its
// process takes no others with it a second time, and a slow one holds up only
// its like.
const (
	rowsQueue     = "rows"
	suspectsQueue = "suspects"
)

// rowJob asks for one row to be worked.
type rowJob struct {
	Batch string `json:"batch"`
	Line  int    `json:"line"`
}

// Kind implements river.JobArgs.
func (rowJob) Kind() string { return rowKind }

const rowKind = "desk_row"

var rowQueue = store.Queue{Kind: rowKind, Rows: rowsQueue, Suspects: suspectsQueue}

// attempts is how often a row may fail, panic or exceed its time, and deaths
// how often its process may die with it in hand. The second is larger because
// a death proves less: other rows were in hand, or somebody stopped the
// machine. An outage of the database is neither.
const (
	attempts = 3
	deaths   = 5
)

// WorkOptions configure [Desk.Work].
type WorkOptions struct {
	Rows    int           // at once; 0: 8
	Timeout time.Duration // of one row; 0: two minutes
}

// enqueue puts rows to work under the desk's virtual time. The queue's own
// priorities hold across desks and are not used.
func (d *Desk) enqueue(ctx context.Context, tx pgx.Tx, institution, batch string, priority int, lines []int) error {
	if len(lines) == 0 {
		return nil
	}
	start, err := d.db.VirtualTime(ctx, tx, institution, priority, rowQueue, len(lines))
	if err != nil {
		return err
	}
	const page = 5000
	for from := 0; from < len(lines); from += page {
		part := lines[from:min(from+page, len(lines))]
		jobs := make([]river.InsertManyParams, len(part))
		for i, line := range part {
			jobs[i] = river.InsertManyParams{Args: rowJob{batch, line}, InsertOpts: &river.InsertOpts{
				Queue: rowsQueue, Priority: 1, MaxAttempts: 25, ScheduledAt: start.Add(time.Duration(from+i) * time.Millisecond),
			}}
		}
		if _, err := d.client.InsertManyFastTx(ctx, tx, jobs); err != nil {
			return err
		}
	}
	return d.db.ReleaseScheduled(ctx, tx, rowKind)
}

// Work values rows until ctx ends, then waits for those in hand. Any number of
// processes may work at once, and any of them may be killed.
func (d *Desk) Work(ctx context.Context, o WorkOptions) (err error) {
	defer fault.Wrap(&err, "desk.Work")
	if o.Rows == 0 {
		o.Rows = 8
	}
	if o.Timeout == 0 {
		o.Timeout = 2 * time.Minute
	}
	id := "desk-" + rand.Text()
	workers := river.NewWorkers()
	ends := make(chan ended)
	if err := river.AddWorkerSafely(workers, &rowWorker{desk: d, timeout: o.Timeout, ends: ends}); err != nil {
		return err
	}
	client, err := d.db.NewQueue(river.Config{
		ID: id, Workers: workers,
		Queues:        map[string]river.QueueConfig{rowsQueue: {MaxWorkers: o.Rows}, suspectsQueue: {MaxWorkers: 1}},
		FetchCooldown: 2 * time.Millisecond, FetchPollInterval: 200 * time.Millisecond, // jobs are released by hand, without a notification
		CompletedJobRetentionPeriod: time.Hour, SoftStopTimeout: o.Timeout,
		RetryPolicy: retrySoon{}, ErrorHandler: &errorLog{d.log},
	})
	if err != nil {
		return err
	}
	held := make(chan struct{}, 1)
	watch, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	go d.db.KeepWorker(watch, id, held, d.log)
	go d.store(watch, ends)
	select {
	case <-held: // before the first job is taken, or another process would take it for dead
	case <-ctx.Done():
		return nil
	}
	if err := client.Start(watch); err != nil {
		return err
	}
	sweep := time.NewTicker(2 * time.Second)
	defer sweep.Stop()
	for {
		select {
		case <-ctx.Done():
			return client.Stop(watch)
		case <-sweep.C:
			if err := d.sweep(ctx); err != nil && ctx.Err() == nil {
				d.log.WarnContext(ctx, "sweeping", "error", err)
			}
		}
	}
}

// ended is a row's result on its way into the database.
type ended struct {
	row    store.EndRow
	stored chan<- error
}

// together is how many results share a transaction at most.
const together = 32

// store puts results into the database until ctx ends, together whatever
// arrived while the last ones were being stored.
func (d *Desk) store(ctx context.Context, ends <-chan ended) {
	var waiting []ended
	var rows []store.EndRow
	for {
		waiting, rows = waiting[:0], rows[:0]
		select {
		case <-ctx.Done():
			return
		case e := <-ends:
			waiting = append(waiting, e)
		}
	more:
		for len(waiting) < together {
			select {
			case e := <-ends:
				waiting = append(waiting, e)
			default:
				break more
			}
		}
		for i := range waiting {
			rows = append(rows, waiting[i].row)
		}
		for i, err := range d.db.PutRowResults(ctx, rows) {
			waiting[i].stored <- err
		}
		clear(waiting)
		clear(rows)
	}
}

// sweep frees the rows of dead processes, sets apart those that are tried
// again, and decides batches whose last row ended in a process that died
// before it could.
func (d *Desk) sweep(ctx context.Context) error {
	n, err := d.db.ReleaseDeadWorkers(ctx, rowQueue)
	if err != nil {
		return err
	}
	if n > 0 {
		d.log.WarnContext(ctx, "took over the rows of a dead worker", "rows", n)
	}
	if err := d.db.MoveRetries(ctx, rowQueue); err != nil {
		return err
	}
	open, err := d.db.Unfinished(ctx)
	if err != nil {
		return err
	}
	for i := range open {
		if err := d.finish(ctx, open[i].ID); err != nil {
			return err
		}
	}
	return nil
}

type rowWorker struct {
	river.WorkerDefaults[rowJob]
	desk    *Desk
	timeout time.Duration
	ends    chan<- ended
}

// Timeout is enforced in Work, which can tell a slow row from a stop.
func (w *rowWorker) Timeout(*river.Job[rowJob]) time.Duration { return -1 }

// Work brings one row to its end.
func (w *rowWorker) Work(ctx context.Context, job *river.Job[rowJob]) error {
	d, batch, line := w.desk, job.Args.Batch, job.Args.Line
	b, input, waiting, err := d.db.RowInput(ctx, batch, line)
	if err != nil {
		return later(ctx, err)
	}
	if !waiting { // ended, cancelled or gone
		return nil
	}
	end := store.EndRow{Batch: batch, Line: line, Job: job.ID}
	detail := rowDetail{Input: hash(input)}
	if failed, died := len(job.Errors), job.Attempt-1-len(job.Errors); failed >= attempts || died >= deaths {
		end.Status, end.Fault = store.RowFailed, faults(fault.Field{
			Field: "row", Code: "row.poison", Zh: fmt.Sprintf("处理中断 %d 次，已停止重试。", failed+died), En: fmt.Sprintf("Working on the row broke off %d times; it is not tried again.", failed+died),
		})
	} else {
		end, detail, err = d.work(ctx, w.timeout, &b, input, end, detail)
		switch {
		case err == nil:
		case retryable(ctx, err) && len(job.Errors)+1 < attempts:
			return later(ctx, err)
		case outage(ctx, err):
			return later(ctx, err)
		default:
			pub := fault.Public(err)
			code := pub.Code
			if errors.Is(err, context.DeadlineExceeded) {
				code = "row.slow"
			}
			d.log.WarnContext(ctx, "row failed", "batch", batch, "line", line, "error", err)
			end.Status, end.Fault = store.RowFailed, faults(fault.Field{Field: "row", Code: code, Zh: pub.Zh, En: pub.En})
		}
	}
	detail.Status = end.Status
	end.Act = store.Act{Institution: b.Institution, Actor: b.CreatedBy, Action: "batch.row", Subject: fmt.Sprintf("%s/%d", batch, line), Detail: detail}
	stored := make(chan error, 1)
	select {
	case w.ends <- ended{end, stored}:
		err = <-stored
	case <-ctx.Done():
		err = ctx.Err()
	}
	switch {
	case errors.Is(err, store.ErrRowEnded):
		return nil
	case err != nil:
		return later(ctx, err)
	}
	if wait, err := d.db.RowsWait(ctx, batch); err != nil || wait {
		return nil // what fails here is done by the next sweep
	}
	if err := d.finish(ctx, batch); err != nil {
		d.log.WarnContext(ctx, "deciding a batch", "batch", batch, "error", err)
	}
	return nil
}

// rowDetail is what the audit record keeps of a row.
type rowDetail struct {
	Input     []byte            `json:"input_sha256"`
	Valued    []byte            `json:"valued_sha256,omitempty"` // what the decision is made on
	Status    store.RowStatus   `json:"status"`
	Valuation string            `json:"valuation,omitempty"`
	Hash      []byte            `json:"valuation_hash,omitempty"`
	Policy    string            `json:"policy,omitempty"`
	Versions  map[string]string `json:"versions,omitempty"`
	Fault     json.RawMessage   `json:"fault,omitempty"`
}

// work values a row within its time.
func (d *Desk) work(ctx context.Context, timeout time.Duration, b *store.Batch, input json.RawMessage, end store.EndRow, detail rowDetail) (store.EndRow, rowDetail, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var row lending.Row
	var o struct {
		Policy struct{ ID, Version string } `json:"policy"`
	}
	if err := errors.Join(json.Unmarshal(input, &row), json.Unmarshal(b.Options, &o)); err != nil {
		return end, detail, err
	}
	v, draft, err := d.value(ctx, d.db, d.appraisal, appraisal.Actor{Name: b.CreatedBy, Institution: b.Institution}, row, b.AsOf, true)
	if kind := fault.KindOf(err); err != nil && (kind == fault.Invalid || kind == fault.NotFound || kind == fault.TooLarge) {
		pub := fault.Public(err)
		fields := pub.Fields
		if len(fields) == 0 {
			fields = []fault.Field{{Field: "row", Code: pub.Code, Zh: pub.Zh, En: pub.En}}
		}
		end.Status, end.Fault = store.RowRefused, faults(fields...)
		detail.Fault = end.Fault
		return end, detail, nil
	}
	if err != nil {
		return end, detail, err
	}
	if end.Valued, err = json.Marshal(v); err != nil {
		return end, detail, err
	}
	detail.Valued = hash(end.Valued)
	end.Status, end.Valuation = store.RowDone, &draft.Valuation
	detail.Valuation, detail.Hash, detail.Versions = draft.Valuation.ID, draft.Valuation.Hash, v.Versions
	detail.Policy = o.Policy.ID + " " + o.Policy.Version
	return end, detail, nil
}

func hash(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:]
}

func faults(fields ...fault.Field) json.RawMessage {
	b, err := json.Marshal(fields)
	if err != nil {
		panic(err) // plain strings
	}
	return b
}

// outage reports that the work was stopped from outside: the process is
// ending or the database is away. It costs the row no attempt.
func outage(ctx context.Context, err error) bool {
	if ctx.Err() != nil || fault.KindOf(err) == fault.Unavailable {
		return true
	}
	return store.Outage(err)
}

func retryable(ctx context.Context, err error) bool {
	return !outage(ctx, err) && (fault.KindOf(err) == fault.Internal || fault.KindOf(err) == fault.Timeout)
}

// later hands the row back: without counting an attempt when the cause lies
// outside it.
func later(ctx context.Context, err error) error {
	if outage(ctx, err) {
		return river.JobSnooze(time.Second)
	}
	return err
}

type retrySoon struct{}

// NextRetry implements river.ClientRetryPolicy.
func (retrySoon) NextRetry(job *rivertype.JobRow) time.Time {
	return time.Now().Add(time.Duration(len(job.Errors)+1) * time.Second)
}

type errorLog struct{ log *slog.Logger }

// HandleError implements river.ErrorHandler.
func (l *errorLog) HandleError(ctx context.Context, job *rivertype.JobRow, err error) *river.ErrorHandlerResult {
	l.log.WarnContext(ctx, "row", "job", job.ID, "attempt", job.Attempt, "error", err)
	return nil
}

// HandlePanic implements river.ErrorHandler.
func (l *errorLog) HandlePanic(ctx context.Context, job *rivertype.JobRow, panicked any, trace string) *river.ErrorHandlerResult {
	l.log.ErrorContext(ctx, "row panicked", "job", job.ID, "attempt", job.Attempt, "panic", panicked, "trace", trace)
	return nil
}
