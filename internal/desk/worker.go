package desk

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/appraisal"
	"zhijia/internal/fault"
	"zhijia/internal/jobs"
	"zhijia/internal/lending"
	"zhijia/internal/store"
)

// Rows are worked by lanes: jobs of an institution, not of a batch, so that its
// files share what it has in the queue and the most urgent goes first. A lane's
// turn works a few rows in order. Rows that were tried before, or whose process
// died, are suspects: a process works one at a time, so that a row that kills
// its process takes no others with it a second time and a slow one holds up
// only its like. Batches all of whose rows ended are decided one at a time.
var (
	rowKind     = jobs.Kind{Name: "rows", Queued: lanes, Timeout: turnTimeout}
	suspectKind = jobs.Kind{Name: "suspects", Queued: 1, Timeout: turnTimeout}
	decideKind  = jobs.Kind{Name: "decisions", Queued: 1, Timeout: turnTimeout}
)

const (
	lanes       = 8 // turns of one institution in the queue or in hand
	chunk       = 8 // rows of a turn at most: the unit that others wait for
	turnTimeout = 15 * time.Minute
)

// attempts is how often a row may fail, panic or exceed its time, and deaths
// how often its process may die with it in hand. The second is larger because
// a death proves less: other rows were in hand, or somebody stopped the
// machine. An outage of the database is neither.
const (
	attempts = 3
	deaths   = 5
)

// call asks for turns of an institution's lanes, as many as rows rows need.
func (d *Desk) call(ctx context.Context, tx pgx.Tx, institution string, rows int) error {
	list := make([]store.Job, min((rows+chunk-1)/chunk, lanes))
	for i := range list {
		list[i] = store.Job{ID: fmt.Sprintf("rows/%s/%d", institution, i), Institution: institution, CreatedBy: "system"}
	}
	return d.queue.Call(ctx, tx, rowKind, list...)
}

// callOne asks for a turn of the one job of a kind and institution.
func (d *Desk) callOne(ctx context.Context, tx pgx.Tx, k jobs.Kind, institution string) error {
	return d.queue.Call(ctx, tx, k, store.Job{ID: k.Name + "/" + institution, Institution: institution, CreatedBy: "system"})
}

// callAll asks for whatever an institution's batches need.
func (d *Desk) callAll(ctx context.Context, tx pgx.Tx, institution string) error {
	return errors.Join(d.callOne(ctx, tx, suspectKind, institution), d.call(ctx, tx, institution, lanes*chunk))
}

// WorkOptions configure [Desk.Workers].
type WorkOptions struct {
	Rows    int           // worked at once; 0: 8
	Timeout time.Duration // of one row; 0: two minutes
	Run     jobs.RunOptions
}

// Work works desks' files, and nothing else, in this process until ctx ends.
func (d *Desk) Work(ctx context.Context, o WorkOptions) error {
	return d.queue.Run(ctx, o.Run, d.Workers(o)...)
}

// Workers work desks' files.
func (d *Desk) Workers(o WorkOptions) []jobs.Worker {
	if o.Rows == 0 {
		o.Rows = 8
	}
	if o.Timeout == 0 {
		o.Timeout = 2 * time.Minute
	}
	return []jobs.Worker{
		{Kind: rowKind, Turns: o.Rows, Free: d.free, Do: func(ctx context.Context, t *jobs.Turn) (jobs.Next, error) { return d.turn(ctx, t, chunk, o.Timeout) }},
		{Kind: suspectKind, Turns: 1, Free: d.free, Do: func(ctx context.Context, t *jobs.Turn) (jobs.Next, error) { return d.turn(ctx, t, 1, o.Timeout) }},
		{Kind: decideKind, Turns: 1, Do: func(ctx context.Context, t *jobs.Turn) (jobs.Next, error) {
			ids, err := d.db.Unfinished(ctx, t.Institution)
			if err != nil || len(ids) == 0 {
				return jobs.Idle, err
			}
			return jobs.Again, d.finish(ctx, ids[0])
		}},
	}
}

// free lets go of the rows of a turn that ends.
func (d *Desk) free(ctx context.Context, tx pgx.Tx, j *store.Job, died bool) error {
	suspects, err := store.FreeRows(ctx, tx, j.Owner, 0, died)
	if err == nil && suspects {
		err = d.callOne(ctx, tx, suspectKind, j.Institution)
	}
	return err
}

// turn works a few rows. What it has not begun when its time is over, or when
// one row takes all of it, is let go for others.
func (d *Desk) turn(ctx context.Context, t *jobs.Turn, limit int, timeout time.Duration) (jobs.Next, error) {
	c, err := d.db.ClaimRows(ctx, t.Owner, t.Institution, t.Kind == suspectKind.Name, limit)
	switch {
	case err != nil:
		return jobs.Idle, err
	case len(c.Rows) == 0 && c.Wait == 0:
		return jobs.Again, nil
	case len(c.Rows) == 0:
		return d.nothing(ctx, t, c.Wait)
	}
	w := chunkWork{d: d, t: t, batch: &c.Batch, timeout: timeout}
	if err := json.Unmarshal(c.Batch.Options, &w.options); err != nil {
		return jobs.Idle, err
	}
	type outcome struct {
		end *store.EndRow
		err error
	}
	patience := time.NewTimer(time.Second)
	defer patience.Stop()
	slow := false
	for i := 0; i < len(c.Rows) && err == nil && !slow && (i == 0 || !t.Over()); i++ {
		row, ended := &c.Rows[i], make(chan outcome, 1)
		go func() {
			end, err := w.row(ctx, row)
			ended <- outcome{end, err}
		}()
		var o outcome
		select {
		case o = <-ended:
		case <-patience.C: // the others of the chunk do not wait for a slow row
			slow = true
			err = errors.Join(w.store(ctx), w.leave(ctx, row.Line))
			o = <-ended
		}
		if err = errors.Join(err, o.err); o.end != nil {
			w.ended = append(w.ended, *o.end)
		}
	}
	return jobs.Again, errors.Join(err, w.store(context.WithoutCancel(ctx)))
}

// nothing is what a lane does that found no row: it has the batches decided
// whose last row has ended.
func (d *Desk) nothing(ctx context.Context, t *jobs.Turn, wait time.Duration) (jobs.Next, error) {
	ids, err := d.db.Unfinished(ctx, t.Institution)
	if err == nil && len(ids) > 0 {
		err = d.db.Transact(ctx, func(tx pgx.Tx) error { return d.callOne(ctx, tx, decideKind, t.Institution) })
	}
	if err == nil && wait > 0 {
		return jobs.After(wait, "retry"), nil
	}
	return jobs.Idle, err
}

// chunkWork is the rows of one turn.
type chunkWork struct {
	d       *Desk
	t       *jobs.Turn
	batch   *store.Batch
	options struct {
		Policy struct{ ID, Version string } `json:"policy"`
	}
	timeout time.Duration
	ended   []store.EndRow
}

// leave lets go of the rows in hand but one.
func (w *chunkWork) leave(ctx context.Context, line int) error {
	return w.d.db.Transact(ctx, func(tx pgx.Tx) error {
		if _, err := store.FreeRows(ctx, tx, w.t.Owner, line, false); err != nil {
			return err
		}
		return w.d.call(ctx, tx, w.t.Institution, lanes*chunk) // any lane but this one
	})
}

// store puts the results so far into the database, in one transaction.
func (w *chunkWork) store(ctx context.Context) error {
	if len(w.ended) == 0 {
		return nil
	}
	rows := w.ended
	w.ended = nil
	for _, err := range w.d.db.PutRowResults(ctx, rows) {
		if err != nil && !errors.Is(err, store.ErrRowEnded) {
			return err
		}
	}
	return nil
}

// row brings one row to its end, or puts it off: then there is no end.
func (w *chunkWork) row(ctx context.Context, row *store.ClaimedRow) (_ *store.EndRow, err error) {
	d, b := w.d, w.batch
	end := store.EndRow{Batch: b.ID, Line: row.Line, Claim: w.t.Owner}
	detail := rowDetail{Input: hash(row.Input)}
	if row.Failures >= attempts || row.Deaths >= deaths {
		end.Status, end.Fault = store.RowFailed, poison(row)
	} else {
		valued, valuedDetail, err := w.value(ctx, row, end, detail)
		switch {
		case err == nil:
			end, detail = valued, valuedDetail
		case outage(ctx, err):
			return nil, err
		case retryable(err):
			d.log.WarnContext(ctx, "row", "batch", b.ID, "line", row.Line, "failures", row.Failures+1, "error", err)
			if row.Failures++; row.Failures < attempts {
				return nil, d.db.Transact(ctx, func(tx pgx.Tx) error {
					if err := store.RetryRow(ctx, tx, w.t.Owner, b.ID, row.Line, time.Duration(row.Failures)*time.Second); err != nil {
						return err
					}
					return d.callOne(ctx, tx, suspectKind, w.t.Institution)
				})
			}
			end.Status, end.Fault = store.RowFailed, given(err, row)
		default:
			end.Status, end.Fault = store.RowFailed, given(err, row)
		}
	}
	detail.Status = end.Status
	end.Act = store.Act{Institution: b.Institution, Actor: b.CreatedBy, Action: "batch.row", Subject: fmt.Sprintf("%s/%d", b.ID, row.Line), Detail: detail}
	return &end, nil
}

// poison is the fault of a row whose processes failed or died too often.
func poison(row *store.ClaimedRow) json.RawMessage {
	n := row.Failures + row.Deaths
	return faults(fault.Field{
		Field: "row", Code: "row.poison", Zh: fmt.Sprintf("处理中断 %d 次，已停止重试。", n), En: fmt.Sprintf("Working on the row broke off %d times; it is not tried again.", n),
	})
}

// given is the fault of a row that is given up for an error.
func given(err error, row *store.ClaimedRow) json.RawMessage {
	if errors.Is(err, errPanic) {
		return poison(row)
	}
	pub := fault.Public(err)
	code := pub.Code
	if errors.Is(err, context.DeadlineExceeded) {
		code = "row.slow"
	}
	return faults(fault.Field{Field: "row", Code: code, Zh: pub.Zh, En: pub.En})
}

var errPanic = errors.New("panic")

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

// value values a row within its time. A row that panics takes nothing with it.
func (w *chunkWork) value(ctx context.Context, claimed *store.ClaimedRow, end store.EndRow, detail rowDetail) (_ store.EndRow, _ rowDetail, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v\n%s", errPanic, p, debug.Stack())
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	d, b := w.d, w.batch
	var row lending.Row
	if err := json.Unmarshal(claimed.Input, &row); err != nil {
		return end, detail, err
	}
	v, draft, err := d.value(ctx, d.db, d.appraisal, appraisal.Actor{Name: b.CreatedBy, Institution: b.Institution}, row, b.AsOf)
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
	detail.Policy = w.options.Policy.ID + " " + w.options.Policy.Version
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
	return ctx.Err() != nil || fault.KindOf(err) == fault.Unavailable || store.Outage(err)
}

// retryable reports an error that another try may not meet.
func retryable(err error) bool {
	return fault.KindOf(err) == fault.Internal || fault.KindOf(err) == fault.Timeout
}
