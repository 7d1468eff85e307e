package desk

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/jobs"
	"zhijia/internal/lending"
	"zhijia/internal/store"
)

// Rows are worked in chunks, a few of one batch in order; each chunk is stored
// in the transaction that lets the next one into the queue. Rows that were
// tried before, or whose process died, are suspects, alone in their chunk: a
// process works one at a time, so that a row that kills its process takes no
// others with it a second time and a slow one holds up only its like. A batch
// is decided when its last row has ended.
var (
	rowKind     = jobs.Kind[chunk]{Name: "rows", Queued: 16, Timeout: 15 * time.Minute}
	suspectKind = jobs.Kind[chunk]{Name: "suspects", Queued: 16, Timeout: 15 * time.Minute}
	decideKind  = jobs.Kind[decision]{Name: "decisions", Queued: 4, Timeout: 15 * time.Minute}
)

// chunk is some rows of a batch, by line.
type chunk struct {
	Batch string `json:"batch"`
	Lines []int  `json:"lines"`
}

// decision asks for a batch to be decided.
type decision struct {
	Batch string `json:"batch"`
}

// chunkRows is how many rows a chunk has at most, and politeRows after how many
// it looks whether another institution has not had a turn yet and gives it this
// worker: few enough that a new file does not wait for whole chunks of a large
// one, and so many that the looks cost a hundredth.
const (
	chunkRows  = 10
	politeRows = 2
)

// attempts is how often a row may fail, panic or exceed its time, and deaths
// how often its process may die with it in hand. The second is larger because
// a death proves less: other rows were in hand, or somebody stopped the
// machine. An outage of the database is neither.
const (
	attempts = 3
	deaths   = 5
)

// WorkOptions configure [Desk.Workers].
type WorkOptions struct {
	Rows    int           // chunks at once; 0: 8
	Timeout time.Duration // of one row; 0: two minutes
	Run     jobs.RunOptions
}

// order is a chunk to be worked. Its key says nothing: no row is in two chunks.
func order(b *store.Batch, lines ...int) jobs.Order[chunk] {
	return jobs.Order[chunk]{Key: rand.Text(), Subject: b.ID, Rank: b.Priority, Args: chunk{b.ID, lines}}
}

// enqueue puts rows of a batch to work, or has it decided when there are none.
func (d *Desk) enqueue(ctx context.Context, tx pgx.Tx, b *store.Batch, lines []int) error {
	if len(lines) == 0 {
		return d.toDecide(ctx, tx, b.Institution, b.ID)
	}
	var orders []jobs.Order[chunk]
	for part := range slices.Chunk(lines, chunkRows) {
		orders = append(orders, order(b, part...))
	}
	return rowKind.Add(ctx, d.queue, tx, b.Institution, orders...)
}

func (d *Desk) toDecide(ctx context.Context, tx pgx.Tx, institution, batch string) error {
	return decideKind.Add(ctx, d.queue, tx, institution, jobs.Order[decision]{Key: batch, Subject: batch, Args: decision{batch}})
}

// Work works desks' files, and nothing else, in this process until ctx ends.
// Any number of processes may, and any of them may be killed.
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
	do := func(ctx context.Context, t *jobs.Turn, c chunk) (jobs.Next, error) {
		return d.chunk(ctx, t, c, o.Timeout)
	}
	return append(d.readers(),
		rowKind.Died(rowKind.Worker(o.Rows, do), d.died),
		suspectKind.Worker(1, do),
		decideKind.Worker(1, func(ctx context.Context, _ *jobs.Turn, x decision) (jobs.Next, error) {
			return jobs.Done, d.finish(ctx, x.Batch)
		}),
	)
}

// died makes every row of a chunk whose process is gone a suspect.
func (d *Desk) died(ctx context.Context, tx pgx.Tx, j *store.Job, c chunk) (ended bool, err error) {
	return true, d.suspect(ctx, tx, j, c.Batch, c.Lines, j.Failures, j.Deaths+1, 0)
}

func (d *Desk) suspect(ctx context.Context, tx pgx.Tx, j *store.Job, batch string, lines []int, failures, deaths int, wait time.Duration) error {
	orders := make([]jobs.Order[chunk], len(lines))
	for i, line := range lines {
		orders[i] = jobs.Order[chunk]{Key: rand.Text(), Subject: batch, Rank: j.Rank, Args: chunk{batch, []int{line}}, Failures: failures, Deaths: deaths, Wait: wait}
	}
	return suspectKind.Add(ctx, d.queue, tx, j.Institution, orders...)
}

// patience is how long a chunk waits for one row before the others go to
// another worker.
const patience = 2 * time.Second

// chunk works rows in order. What it has not begun when its time is over is for
// the next turn, and for another worker when one row takes long.
func (d *Desk) chunk(ctx context.Context, t *jobs.Turn, c chunk, timeout time.Duration) (jobs.Next, error) {
	b, rows, err := d.db.ChunkRows(ctx, c.Batch, c.Lines)
	if err != nil || len(rows) == 0 {
		return jobs.Done, err
	}
	alone := t.Kind == suspectKind.Name
	if t.Failures > 0 && !alone { // one of them will not go in: each by itself
		return jobs.Done.With(func(ctx context.Context, tx pgx.Tx) error {
			return d.suspect(ctx, tx, &t.Job, c.Batch, c.Lines, t.Failures, 0, 0)
		}), nil
	}
	w := chunkWork{d: d, t: t, batch: &b, timeout: timeout, alone: alone}
	if err := json.Unmarshal(b.Options, &w.options); err != nil {
		return jobs.Done, err
	}
	hurry := time.NewTimer(patience)
	defer hurry.Stop()
	for i := 0; i < len(rows); i++ {
		if i > 0 && (t.Over() || i%politeRows == 0 && t.Starves(ctx)) {
			next, err := rowKind.Again(chunk{c.Batch, linesOf(rows[i:])})
			return next.With(w.put), err
		}
		ended := make(chan outcome, 1)
		go func() { ended <- w.row(ctx, &rows[i]) }()
		var o outcome
		select {
		case o = <-ended:
		case <-hurry.C:
			err = w.split(ctx, rows[i].Line, linesOf(rows[i+1:]))
			rows = rows[:i+1]
			o = <-ended
		}
		if err = errors.Join(err, o.err); err != nil {
			return jobs.Done, err
		}
		if o.again {
			w.again = append(w.again, rows[i].Line)
		} else {
			w.ended = append(w.ended, o.end)
		}
	}
	return jobs.Done.With(w.put), nil
}

func linesOf(rows []store.BatchRow) []int {
	lines := make([]int, len(rows))
	for i := range rows {
		lines[i] = rows[i].Line
	}
	return lines
}

// chunkWork is the rows of one turn.
type chunkWork struct {
	d       *Desk
	t       *jobs.Turn
	batch   *store.Batch
	options struct {
		Policy   struct{ ID, Version string } `json:"policy"`
		Readings string                       `json:"readings"`
	}
	timeout time.Duration
	alone   bool
	ended   []store.EndRow
	again   []int // lines to be tried again
}

// outcome is how working a row ended: with a result, to be tried again, or
// with an error of the whole turn.
type outcome struct {
	end   store.EndRow
	again bool
	err   error
}

// split stores what has ended and gives the rows behind the one in hand to
// others.
func (w *chunkWork) split(ctx context.Context, line int, rest []int) error {
	if len(w.ended)+len(w.again)+len(rest) == 0 {
		return nil
	}
	err := w.d.db.Transact(ctx, func(tx pgx.Tx) error {
		if err := w.put(ctx, tx); err != nil {
			return err
		}
		if len(rest) > 0 {
			if err := rowKind.Add(ctx, w.d.queue, tx, w.batch.Institution, order(w.batch, rest...)); err != nil {
				return err
			}
		}
		return rowKind.Set(ctx, tx, w.t, chunk{w.batch.ID, []int{line}})
	})
	w.ended, w.again = nil, nil
	return err
}

// put stores what has ended, and has the batch decided after its last row.
func (w *chunkWork) put(ctx context.Context, tx pgx.Tx) error {
	if len(w.again) > 0 {
		if err := w.d.suspect(ctx, tx, &w.t.Job, w.batch.ID, w.again, 1, 0, time.Second); err != nil {
			return err
		}
	}
	if len(w.ended) == 0 {
		return nil
	}
	waiting, err := w.d.db.PutRowResults(ctx, tx, w.batch.ID, w.ended)
	if err != nil || waiting > 0 {
		return err
	}
	return w.d.toDecide(ctx, tx, w.batch.Institution, w.batch.ID)
}

// row brings one row to its end, or puts it off.
func (w *chunkWork) row(ctx context.Context, row *store.BatchRow) (o outcome) {
	d, b, t := w.d, w.batch, w.t
	end := store.EndRow{Line: row.Line}
	detail := rowDetail{Input: hash(row.Input)}
	if t.Failures >= attempts || t.Deaths >= deaths {
		end.Status, end.Fault = store.RowFailed, poison(t.Failures+t.Deaths)
	} else {
		var err error
		end, detail, err = w.value(ctx, row, end, detail)
		switch {
		case err == nil:
		case outage(ctx, err):
			return outcome{err: err}
		case retryable(err) && !w.alone:
			d.log.WarnContext(ctx, "row", "batch", b.ID, "line", row.Line, "error", err)
			return outcome{again: true}
		case retryable(err) && t.Failures+1 < attempts:
			return outcome{err: err}
		default:
			d.log.WarnContext(ctx, "row failed", "batch", b.ID, "line", row.Line, "error", err)
			end.Status, end.Fault = store.RowFailed, given(err, t.Failures+1)
		}
	}
	detail.Status = end.Status
	end.Act = store.Act{Institution: b.Institution, Actor: b.CreatedBy, Action: "batch.row", Subject: fmt.Sprintf("%s/%d", b.ID, row.Line), Detail: detail}
	return outcome{end: end}
}

// poison is the fault of a row that failed, or whose processes died, too often.
func poison(n int) json.RawMessage {
	return faults(fault.Field{
		Field: "row", Code: "row.poison", Zh: fmt.Sprintf("处理中断 %d 次，已停止重试。", n), En: fmt.Sprintf("Working on the row broke off %d times; it is not tried again.", n),
	})
}

// given is the fault of a row that is given up for an error.
func given(err error, n int) json.RawMessage {
	if errors.Is(err, errPanic) {
		return poison(n)
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
func (w *chunkWork) value(ctx context.Context, r *store.BatchRow, end store.EndRow, detail rowDetail) (_ store.EndRow, _ rowDetail, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v\n%s", errPanic, p, debug.Stack())
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	d, b := w.d, w.batch
	var row lending.Row
	if err := json.Unmarshal(r.Input, &row); err != nil {
		return end, detail, err
	}
	day := b.AsOf
	if r.Valued != nil { // of a batch that is decided again
		if today := calendar.InChina(d.now()); today.After(day) {
			day = today
		}
	}
	v, draft, err := d.value(ctx, d.db, d.appraisal, appraisal.Actor{Name: b.CreatedBy, Institution: b.Institution}, row, day, w.options.Readings != ReadingsKept)
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
	end.Status = store.RowDone
	if draft != nil {
		end.Valuation = &draft.Valuation
	}
	if r.Valued != nil {
		if v, err = w.compared(ctx, r, v, day); err != nil {
			return end, detail, err
		}
		if v.Before == nil && r.Valuation != "" {
			end.Valuation, end.Kept = nil, r.Valuation
		}
	}
	if end.Valued, err = json.Marshal(v); err != nil {
		return end, detail, err
	}
	detail.Valued = hash(end.Valued)
	if detail.Policy = w.options.Policy.ID + " " + w.options.Policy.Version; end.Kept != "" {
		detail.Valuation = end.Kept
		return end, detail, nil
	}
	if draft != nil {
		detail.Valuation, detail.Hash, detail.Versions = draft.Valuation.ID, draft.Valuation.Hash, v.Versions
	}
	return end, detail, nil
}

// compared holds a row that was valued anew against what it came to before. One
// that comes to the same keeps its value, and says since when it stands.
func (w *chunkWork) compared(ctx context.Context, r *store.BatchRow, v lending.Valued, day calendar.Date) (lending.Valued, error) {
	var was lending.Valued
	if err := json.Unmarshal(r.Valued, &was); err != nil {
		return v, err
	}
	since := was.Stands
	switch {
	case !since.IsZero():
	case was.Before != nil:
		since = was.Before.Now
	default:
		since = w.batch.AsOf
	}
	if was.Status == v.Status && was.Point == v.Point && was.Low == v.Low && was.High == v.High && was.Forced == v.Forced && slices.Equal(was.Bases, v.Bases) {
		was.State, was.Eligibility, was.Facts, was.OnWord, was.Expiry, was.Before, was.Stands = v.State, v.Eligibility, v.Facts, v.OnWord, v.Expiry, nil, since
		return was, nil
	}
	news, err := w.d.db.RowNews(ctx, w.batch.ID, r.Line, calendar.InChina(w.d.now()))
	v.Before = &lending.Before{On: since, Now: day, Status: was.Status, Point: was.Point, News: news}
	return v, err
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
