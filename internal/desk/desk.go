// Package desk works a loan desk's files: rows in, decisions out. Start with
// [New].
//
// A file becomes a batch of durable rows and jobs of some rows each in the same
// transaction. Workers, in this process or others, value the rows; each row
// gets exactly one result, stored with its valuation, its audit entry and the
// end of its job in one transaction. When no row waits any more the batch is
// decided as a whole by lending.Decide. Any process may be killed at any time.
package desk

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"iter"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/deskfile"
	"zhijia/internal/fault"
	"zhijia/internal/jobs"
	"zhijia/internal/lending"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/sheet"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/terms"
)

// Desk takes files and works them. It is safe for concurrent use.
type Desk struct {
	db        *store.DB
	appraisal *appraisal.Service
	log       *slog.Logger
	now       func() time.Time
	queue     *jobs.Queue
	value     func(context.Context, *store.DB, *appraisal.Service, appraisal.Actor, lending.Row, calendar.Date, bool) (lending.Valued, *appraisal.Draft, error) // Value; tests make rows misbehave
}

// New returns a desk over a migrated database.
func New(db *store.DB, service *appraisal.Service, log *slog.Logger) (_ *Desk, err error) {
	defer fault.Wrap(&err, "desk.New")
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	d := &Desk{db: db, appraisal: service, log: log, now: time.Now, value: Value}
	d.queue, err = jobs.New(db, log)
	return d, err
}

// Options are what a file is decided under.
type Options struct {
	Policy     lending.Policy               `json:"policy"`
	Programmes map[string]lending.Programme `json:"programmes,omitempty"`
	Date       calendar.Date                `json:"valuation_date"`            // zero: today
	Limits     map[string]money.Fen         `json:"borrower_limits,omitempty"` // the bank's limit, by credit code or name
	Bearable   map[string]money.Fen         `json:"bearable,omitempty"`        // loan the cash flow bears (DSCR), by credit code or name
	Product    string                       `json:"product,omitempty"`         // programme of rows that name none
	Unit       string                       `json:"unit,omitempty"`            // of amounts whose column does not say: 元 or 万元
	Columns    map[string]string            `json:"columns,omitempty"`         // what headers mean: key or name of a column by header, "" for one not to be read
	Readings   string                       `json:"readings,omitempty"`        // [ReadingsKept], or empty: awaited
	Priority   int                          `json:"-"`                         // 1 first … 4; 0: 3
}

// MaxRows bounds a file.
const MaxRows = 200_000

const (
	maxName    = 200 // characters
	maxIgnored = 100 // columns named
)

// Submit takes a file: its rows are read, checked and stored, good and faulty
// ones alike, and the good ones put to work. The file is refused whole, and
// nothing stored, when it cannot be read. The same file with the same options is
// the same batch while nothing in the store has changed: fresh is false and that
// batch is returned. Once something has, it is decided anew on today's facts.
func (d *Desk) Submit(ctx context.Context, actor appraisal.Actor, name string, file io.ReadSeeker, o Options) (_ store.Batch, fresh bool, err error) {
	defer fault.Wrap(&err, "desk.Submit")
	ctx = store.As(ctx, actor.Institution)
	now := d.now().UTC().Truncate(time.Microsecond)
	if o.Date.IsZero() {
		o.Date = calendar.InChina(now)
	}
	if o.Date.After(calendar.InChina(now)) {
		return store.Batch{}, false, fault.New(fault.Invalid, "date.future", "估值基准日不得晚于今天。", "The valuation date may not lie in the future.")
	}
	if o.Priority == 0 {
		o.Priority = 3
	}
	if o.Priority < 1 || o.Priority > 4 {
		return store.Batch{}, false, fault.New(fault.Invalid, "batch.priority", "优先级应为 1 到 4。", "The priority must be 1 to 4.")
	}
	if err := o.Check(); err != nil {
		return store.Batch{}, false, err
	}
	if name = filepath.Base(name); utf8.RuneCountInString(name) > maxName || !utf8.ValidString(name) {
		return store.Batch{}, false, fault.New(fault.Invalid, "batch.name", "文件名过长或含有非法字符。", "The file's name is too long or not valid text.")
	}
	if o.Columns, err = d.columns(ctx, actor, name, file, o.Columns); err != nil {
		return store.Batch{}, false, err
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return store.Batch{}, false, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return store.Batch{}, false, err
	}
	b := store.Batch{
		ID: store.NewID("bat", now), Institution: actor.Institution, CreatedAt: now, CreatedBy: actor.Name, Name: name,
		Content: sum.Sum(nil), AsOf: o.Date, Priority: o.Priority,
	}
	if b.Options, err = json.Marshal(o); err != nil {
		return store.Batch{}, false, err
	}
	stamp, err := d.db.FactsStamp(ctx, actor.Institution)
	if err != nil {
		return store.Batch{}, false, err
	}
	key := sha256.New()
	fmt.Fprintf(key, "%s\n%s\n%x\n%s\n", lending.RulesVersion, deskfile.Reader, b.Content, stamp)
	key.Write(b.Options)
	b.Key = key.Sum(nil)

	var waiting []int
	var ignored []string
	var offers []patent.Offer
	var broken error
	rows := func(yield func(store.BatchRow) bool) {
		n := 0
		for line, err := range deskfile.Read(sheet.Within(ctx, file), name, deskfile.Options{Unit: o.Unit, On: o.Date, Programmes: slices.Sorted(maps.Keys(o.Programmes)), Map: o.Columns}) {
			if n++; n > MaxRows {
				err = fault.New(fault.TooLarge, "file.rows", fmt.Sprintf("文件超过 %d 行，请拆分。", MaxRows), fmt.Sprintf("The file has more than %d rows; split it.", MaxRows))
			}
			if err != nil {
				broken = err
				return
			}
			if line.Skipped {
				n--
				ignored = append(ignored, line.Ignored...)
				continue
			}
			if line.Row.Product == "" {
				line.Row.Product = o.Product
			}
			if ignored = append(ignored, line.Ignored...); len(ignored) > maxIgnored {
				ignored = ignored[:maxIgnored]
			}
			r := store.BatchRow{Line: line.Row.Line, Status: store.RowWaiting}
			if r.Input, broken = json.Marshal(line.Row); broken != nil {
				return
			}
			if len(line.Faults) > 0 {
				r.Status = store.RowRefused
				if r.Fault, broken = json.Marshal(line.Faults); broken != nil {
					return
				}
			} else {
				waiting = append(waiting, r.Line)
				if o, ok := offer(&line.Row); ok {
					offers = append(offers, o)
				}
			}
			if !yield(r) {
				return
			}
		}
		if n == 0 && broken == nil {
			broken = fault.New(fault.Invalid, "file.empty", "文件中没有数据行。", "The file has no rows.")
		}
	}
	spool, err := spoolRows(rows)
	if err != nil {
		return store.Batch{}, false, err
	}
	defer spool.Close()
	if broken != nil {
		return store.Batch{}, false, broken
	}
	b, fresh, err = d.db.PutBatch(ctx, b, spooled(spool, &broken), func(tx pgx.Tx, b *store.Batch) error {
		if broken != nil {
			return broken
		}
		b.Ignored = ignored
		if err := d.enqueue(ctx, tx, b, waiting); err != nil {
			return err
		}
		return d.db.KeepOffers(ctx, tx, b.Institution, actor.Name, offers, store.Offered, now) // last: its lock is held until the commit
	})
	if err != nil {
		return store.Batch{}, false, err
	}
	if fresh && len(waiting) == 0 {
		return b, true, d.finish(ctx, b.ID)
	}
	return b, fresh, nil
}

// spoolRows keeps the rows of a file on disk: a file is read, however long that takes, before a connection is held.
func spoolRows(rows iter.Seq[store.BatchRow]) (*os.File, error) {
	f, err := os.CreateTemp("", "zhijia-rows-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	out := bufio.NewWriterSize(f, 64<<10)
	enc := json.NewEncoder(out)
	for r := range rows {
		if err := enc.Encode(r); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return f, errors.Join(out.Flush(), rewind(f))
}

func rewind(f *os.File) error {
	_, err := f.Seek(0, io.SeekStart)
	return err
}

// spooled yields the rows kept on disk, and says in broken why it could not.
func spooled(f *os.File, broken *error) iter.Seq[store.BatchRow] {
	return func(yield func(store.BatchRow) bool) {
		for dec := json.NewDecoder(bufio.NewReaderSize(f, 64<<10)); ; {
			var r store.BatchRow
			err := dec.Decode(&r)
			switch {
			case errors.Is(err, io.EOF):
				return
			case err != nil:
				*broken = err
				return
			case !yield(r):
				return
			}
		}
	}
}

// Batch returns a batch of the actor's institution.
func (d *Desk) Batch(ctx context.Context, actor appraisal.Actor, id string) (store.Batch, error) {
	return d.db.Batch(ctx, actor.Institution, id)
}

// Cancel stops a batch. What has its result keeps it; nothing gets one after
// Cancel has returned, not even what is in hand.
func (d *Desk) Cancel(ctx context.Context, actor appraisal.Actor, id string) error {
	return d.db.CancelBatch(ctx, actor.Institution, id, actor.Name)
}

// Resume takes a cancelled batch up where it stopped.
func (d *Desk) Resume(ctx context.Context, actor appraisal.Actor, id string) error {
	b, err := d.db.Batch(ctx, actor.Institution, id)
	if err != nil {
		return err
	}
	return d.db.ResumeBatch(ctx, actor.Institution, id, actor.Name, func(tx pgx.Tx, lines []int) error {
		return d.enqueue(ctx, tx, &b, lines)
	})
}

// Retry works the failed rows of a batch again, and only those. It returns
// their number.
func (d *Desk) Retry(ctx context.Context, actor appraisal.Actor, id string) (int, error) {
	b, err := d.db.Batch(ctx, actor.Institution, id)
	if err != nil {
		return 0, err
	}
	return d.db.RetryBatch(ctx, actor.Institution, id, actor.Name, func(tx pgx.Tx, lines []int) error {
		return d.enqueue(ctx, tx, &b, lines)
	})
}

// heartbeat is how long Watch is silent at most: what stands between may take
// a silent connection for dead.
const heartbeat = 15 * time.Second

// Watch yields the progress of a batch until it is no longer running: at once,
// then when it changed, at most once in every interval, and now and then when
// it did not.
func (d *Desk) Watch(ctx context.Context, actor appraisal.Actor, id string, every time.Duration) iter.Seq2[store.Progress, error] {
	ctx = store.As(ctx, actor.Institution)
	return func(yield func(store.Progress, error) bool) {
		if _, err := d.db.Batch(ctx, actor.Institution, id); err != nil {
			yield(store.Progress{}, err)
			return
		}
		tick := time.NewTicker(every)
		defer tick.Stop()
		var last store.Progress
		var said time.Time
		for {
			p, err := d.db.BatchProgress(ctx, id)
			if err == nil && p == last && time.Since(said) < heartbeat {
				err = ctx.Err()
			} else if said = time.Now(); !yield(p, err) {
				return
			}
			if last = p; err != nil || p.Status != store.BatchRunning {
				return
			}
			select {
			case <-ctx.Done():
				yield(p, ctx.Err())
				return
			case <-tick.C:
			}
		}
	}
}

// Result returns a finished batch for [deskfile.WriteBook] and its
// siblings. Rows are read as they are written.
func (d *Desk) Result(ctx context.Context, actor appraisal.Actor, id string) (_ deskfile.Result, err error) {
	defer fault.Wrap(&err, "desk.Result(%s)", id)
	ctx = store.As(ctx, actor.Institution)
	b, err := d.db.Batch(ctx, actor.Institution, id)
	if err != nil {
		return deskfile.Result{}, err
	}
	if b.Status != store.BatchFinished {
		return deskfile.Result{}, fault.New(fault.Conflict, "batch.unfinished", "批次尚未完成，不能导出结果。", "The batch is not finished; there is no result yet.")
	}
	r := deskfile.Result{Name: b.Name, Content: b.Content, Digest: b.Digest, On: b.AsOf, Ignored: b.Ignored}
	var o Options
	if err := json.Unmarshal(b.Options, &o); err != nil {
		return r, err
	}
	r.Policy, r.Unit = o.Policy, o.Unit
	if err := json.Unmarshal(b.Contracts, &r.Contracts); err != nil {
		return r, err
	}
	r.Cited = func(id string) ([]valuation.ComparableResult, error) {
		v, err := d.db.Valuation(ctx, actor.Institution, id)
		if err != nil {
			return nil, err
		}
		var c struct {
			Comparables []valuation.ComparableResult `json:"comparables"`
		}
		return c.Comparables, json.Unmarshal(v.Conclusion, &c)
	}
	since, err := d.since(ctx, &b)
	if err != nil {
		return r, err
	}
	r.Rows = func(yield func(*deskfile.Outcome, error) bool) {
		err := d.db.EachBatchRow(ctx, id, func(row *store.BatchRow) error {
			out, err := ReadOutcome(row)
			if err != nil {
				return err
			}
			if out.UnchangedSince = out.Decision.UnchangedSince; out.UnchangedSince.IsZero() && out.Valued.Before == nil {
				out.UnchangedSince = since(out)
			}
			if !yield(out, nil) {
				return errStop
			}
			return nil
		})
		if err != nil && err != errStop {
			yield(nil, err)
		}
	}
	return r, nil
}

// comparedBefore bounds how many earlier batches of a file are looked at.
const comparedBefore = 5

// since returns the day since which a row of a file that was sent before has
// been decided the same; zero when it was not, or was not seen before.
func (d *Desk) since(ctx context.Context, b *store.Batch) (func(*deskfile.Outcome) calendar.Date, error) {
	earlier, err := d.db.EarlierBatches(ctx, b, comparedBefore)
	if err != nil {
		return nil, err
	}
	type said struct {
		same uint64
		day  calendar.Date
	}
	decided := make([]map[int]said, len(earlier))
	for i := range earlier {
		decided[i] = map[int]said{}
		facts, err := d.db.BatchFacts(ctx, earlier[i].ID)
		if err != nil {
			return nil, err
		}
		day := earlier[i].AsOf
		if facts.Again != nil {
			day = facts.Again.On
		}
		err = d.db.EachBatchRow(ctx, earlier[i].ID, func(row *store.BatchRow) error {
			out, err := ReadOutcome(row)
			if err != nil {
				return err
			}
			x := said{sameness(out), day}
			if since := out.Decision.UnchangedSince; !since.IsZero() {
				x.day = since
			}
			decided[i][row.Line] = x
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return func(out *deskfile.Outcome) (day calendar.Date) {
		now := sameness(out)
		for i := range decided { // the latest first
			if was, seen := decided[i][out.Valued.Row.Line]; !seen || was.same != now {
				break
			}
			day = decided[i][out.Valued.Row.Line].day
		}
		return day
	}, nil
}

// sameness is equal for outcomes that tell an officer the same.
func sameness(out *deskfile.Outcome) uint64 {
	h := fnv.New64a()
	fmt.Fprintln(h, out.Status, out.Decision.Verdict, out.Valued.Point, out.Valued.Low, out.Decision.Recommended)
	for _, f := range out.Faults {
		fmt.Fprintln(h, f.Field, f.Code)
	}
	for _, r := range out.Decision.Reasons {
		fmt.Fprintln(h, r.Code, r.Severity, r.Evidence)
	}
	return h.Sum64()
}

var errStop = fmt.Errorf("stopped")

// Outcome returns one row of a batch with its result.
func (d *Desk) Outcome(ctx context.Context, actor appraisal.Actor, id string, line int) (_ *deskfile.Outcome, valuation string, err error) {
	ctx = store.As(ctx, actor.Institution)
	if _, err := d.db.Batch(ctx, actor.Institution, id); err != nil {
		return nil, "", err
	}
	rows, err := d.db.BatchRows(ctx, id, "", line-1, 1)
	if err != nil {
		return nil, "", err
	}
	if len(rows) == 0 || rows[0].Line != line {
		return nil, "", fault.New(fault.NotFound, "batch.row_unknown", fmt.Sprintf("批次中没有第 %d 行。", line), fmt.Sprintf("The batch has no line %d.", line))
	}
	out, err := ReadOutcome(&rows[0])
	return out, rows[0].Valuation, err
}

// ReadOutcome reads a stored row.
func ReadOutcome(row *store.BatchRow) (*deskfile.Outcome, error) {
	out := &deskfile.Outcome{ID: row.Valuation, Status: string(row.Status)}
	if err := json.Unmarshal(row.Input, &out.Valued.Row); err != nil {
		return nil, err
	}
	if row.Valued != nil {
		if err := json.Unmarshal(row.Valued, &out.Valued); err != nil {
			return nil, err
		}
	}
	if row.Fault != nil {
		if err := json.Unmarshal(row.Fault, &out.Faults); err != nil {
			return nil, err
		}
	}
	if row.Decision != nil {
		if err := json.Unmarshal(row.Decision, &out.Decision); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// blank stands for deal ids where only their number matters.
var blank [256]string

// interner keeps one copy of texts that most rows of a batch share.
type interner map[string]string

func (in interner) one(s *string) {
	if kept, ok := in[*s]; ok {
		*s = kept
		return
	}
	in[*s] = *s
}

// slim drops what the decision does not read and shares the rest: a batch of
// 50,000 rows is decided as a whole.
func (in interner) slim(v *lending.Valued) {
	v.State = patent.State{Owners: v.State.Owners, Licences: v.State.Licences, LastSeen: v.State.LastSeen}
	v.Versions, v.Facts = nil, nil
	v.Flags = slices.DeleteFunc(slices.Clone(v.Flags), func(f terms.Flag) bool { return f.Code != valuation.FlagUnreviewed })
	v.Comparables = blank[:min(len(v.Comparables), len(blank))]
	v.Eligibility.Findings = slices.Clone(v.Eligibility.Findings) // decoding leaves room behind the last
	v.Methods = slices.Clone(v.Methods)
	for i := range v.Eligibility.Findings {
		f := &v.Eligibility.Findings[i]
		for _, s := range []*string{&f.Code, (*string)(&f.Severity), &f.Zh, &f.En, (*string)(&f.Outcome), &f.Reason, &f.Supply} {
			in.one(s)
		}
	}
	for i := range v.Methods {
		in.one(&v.Methods[i].Name)
	}
	for _, s := range []*string{(*string)(&v.Status), &v.ReasonCode, &v.Reason, &v.Calibration, &v.Grade, &v.Row.Borrower, &v.Row.Contract, (*string)(&v.Row.Kind), &v.Row.Product, (*string)(&v.Eligibility.Verdict)} {
		in.one(s)
	}
	for _, names := range [][]string{v.Row.Owners, v.State.Owners, v.Row.CoOwners} {
		for i := range names {
			in.one(&names[i])
		}
	}
}

// finish decides a batch all of whose rows have ended. It does nothing when
// one waits or when another process has decided it.
func (d *Desk) finish(ctx context.Context, id string) (err error) {
	defer fault.Wrap(&err, "desk.finish(%s)", id)
	b, err := d.db.Batch(ctx, store.Everyone, id)
	if err != nil || b.Status != store.BatchRunning {
		return err
	}
	ctx = store.As(ctx, b.Institution)
	var o Options
	if err := json.Unmarshal(b.Options, &o); err != nil {
		return err
	}
	var was map[int]uint64 // what the rows told an officer before
	if b.Contracts != nil {
		was = map[int]uint64{}
	}
	batch, err := d.outcomes(ctx, &b, func(row *store.BatchRow, out *deskfile.Outcome) {
		if was != nil && row.Status == store.RowDone && out.Decision.Verdict != "" {
			was[row.Line] = sameness(out)
		}
	})
	if err != nil {
		return err
	}
	if err := d.decide(ctx, &b, batch, o, was); err != nil || o.Readings != ReadingsKept || !d.appraisal.Reads() {
		return err
	}
	return d.db.Transact(ctx, func(tx pgx.Tx) error { // twice changes nothing: the job is called for again
		return readingKind.Add(ctx, d.queue, tx, b.Institution, jobs.Order[decision]{Key: b.ID, Subject: b.ID, Rank: b.Priority, Args: decision{b.ID}})
	})
}

// outcomes reads what the rows of a batch are decided on.
func (d *Desk) outcomes(ctx context.Context, b *store.Batch, each func(*store.BatchRow, *deskfile.Outcome)) ([]lending.Valued, error) {
	batch := make([]lending.Valued, 0, b.Rows)
	words := interner{}
	err := d.db.EachBatchRow(ctx, b.ID, func(row *store.BatchRow) error {
		out, err := ReadOutcome(row)
		if err != nil {
			return err
		}
		each(row, out)
		v := out.Valued
		if row.Status != store.RowDone {
			v = lending.Refused(v.Row, summary(out.Faults, row.Status))
		}
		words.slim(&v)
		batch = append(batch, v)
		return nil
	})
	return batch, err
}

// summary folds the faults of a row into one.
func summary(faults []fault.Field, status store.RowStatus) fault.Field {
	if len(faults) == 0 {
		return fault.Field{Code: "row." + string(status), Zh: "未得到结果", En: "No result."}
	}
	f := faults[0]
	for _, x := range faults[1:] {
		f.Zh += "；" + x.Zh
		f.En += " " + x.En
	}
	return f
}
