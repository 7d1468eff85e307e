package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/lending"
)

// BatchStatus is where a batch stands.
type BatchStatus string

// Statuses of a batch.
const (
	BatchRunning   BatchStatus = "running"
	BatchCancelled BatchStatus = "cancelled"
	BatchFinished  BatchStatus = "finished"
)

// Zh names the state in Chinese.
func (s BatchStatus) Zh() string {
	return map[BatchStatus]string{BatchRunning: "进行中", BatchCancelled: "已取消", BatchFinished: "已完成"}[s]
}

// RowStatus is where a row stands. Each but RowWaiting is an end.
type RowStatus string

// Statuses of a row.
const (
	RowWaiting RowStatus = "waiting"
	RowDone    RowStatus = "done"
	RowFailed  RowStatus = "failed"  // not for a fault of the row; may be tried again
	RowRefused RowStatus = "refused" // the row is faulty
)

// Zh names the state in Chinese.
func (s RowStatus) Zh() string {
	return map[RowStatus]string{RowWaiting: "待处理", RowDone: "已估值", RowFailed: "处理失败", RowRefused: "数据有误"}[s]
}

// Batch is a desk's file.
type Batch struct {
	ID          string          `json:"id"`
	Institution string          `json:"-"`
	CreatedAt   time.Time       `json:"created_at"`
	CreatedBy   string          `json:"created_by"`
	Name        string          `json:"name"`
	Content     []byte          `json:"-"` // SHA-256 of the file
	Key         []byte          `json:"-"` // SHA-256 of content and options
	Options     json.RawMessage `json:"options"`
	AsOf        calendar.Date   `json:"valuation_date"`
	Priority    int             `json:"priority"`
	Rows        int             `json:"rows"`
	Status      BatchStatus     `json:"status"`
	Finished    *time.Time      `json:"finished_at,omitempty"`
	Contracts   json.RawMessage `json:"-"`
	Digest      []byte          `json:"-"`                         // SHA-256 over all decisions
	Ignored     []string        `json:"ignored_columns,omitempty"` // headers of the file that name no column
}

// BatchRow is one line of a batch.
type BatchRow struct {
	Line      int             `json:"line"`
	Input     json.RawMessage `json:"input"`
	Status    RowStatus       `json:"status"`
	Fault     json.RawMessage `json:"fault,omitempty"`
	Valuation string          `json:"valuation,omitempty"`
	EndedAt   *time.Time      `json:"-"` // of a row of [DB.ChunkRows] that was valued before
	Valued    json.RawMessage `json:"valued,omitempty"`
	Decision  json.RawMessage `json:"decision,omitempty"`
}

// Progress counts the rows of a batch.
type Progress struct {
	Status  BatchStatus `json:"status"`
	Rows    int         `json:"rows"`
	Waiting int         `json:"waiting"`
	Done    int         `json:"done"`
	Failed  int         `json:"failed"`
	Refused int         `json:"refused"`
}

// Ended counts the rows that came to an end.
func (p Progress) Ended() int { return p.Rows - p.Waiting }

const batchColumns = `id, institution, created_at, created_by, name, content, key, options, as_of, priority, (SELECT waiting + done + failed + refused FROM batch_progress WHERE batch = id) AS rows, status, finished_at, contracts, digest, ignored`

func scanBatch(row pgx.CollectableRow) (b Batch, err error) {
	err = row.Scan(&b.ID, &b.Institution, &b.CreatedAt, &b.CreatedBy, &b.Name, &b.Content, &b.Key, (*[]byte)(&b.Options), &b.AsOf, &b.Priority, &b.Rows, &b.Status, &b.Finished, (*[]byte)(&b.Contracts), &b.Digest, &b.Ignored)
	b.CreatedAt = b.CreatedAt.UTC()
	return b, err
}

// PutBatch stores a batch with all its rows, or nothing. queue is called in
// the same transaction, after the last row, to put the waiting rows to work; it
// may complete the batch's Ignored. When the institution sent the same file with the same options before, that batch is
// returned and nothing is stored.
func (db *DB) PutBatch(ctx context.Context, b Batch, rows iter.Seq[BatchRow], queue func(pgx.Tx, *Batch) error) (_ Batch, fresh bool, err error) {
	defer fault.Wrap(&err, "store.PutBatch(%s)", b.ID)
	ctx = As(ctx, b.Institution)
	err = db.transact(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			INSERT INTO batches (id, institution, created_at, created_by, name, content, key, options, as_of, priority, status)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'running') ON CONFLICT (institution, key) DO NOTHING`,
			b.ID, b.Institution, b.CreatedAt, b.CreatedBy, b.Name, b.Content, b.Key, []byte(b.Options), b.AsOf, b.Priority)
		if err != nil {
			return err
		}
		if fresh = tag.RowsAffected() == 1; !fresh {
			got, err := tx.Query(ctx, `SELECT `+batchColumns+` FROM batches WHERE institution = $1 AND key = $2`, b.Institution, b.Key)
			if err != nil {
				return err
			}
			b, err = pgx.CollectExactlyOneRow(got, scanBatch)
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO batch_progress (batch, institution) VALUES ($1, $2)`, b.ID, b.Institution); err != nil {
			return err
		}
		next, stop := iter.Pull(rows)
		defer stop()
		// COPY does not pass by the walls between institutions, so it ends beside them.
		if _, err := tx.Exec(ctx, `CREATE TEMP TABLE staging (line integer, input json, status text, fault json) ON COMMIT DROP`); err != nil {
			return err
		}
		_, err = tx.CopyFrom(ctx, pgx.Identifier{"staging"}, []string{"line", "input", "status", "fault"}, pgx.CopyFromFunc(func() ([]any, error) {
			r, ok := next()
			if !ok {
				return nil, nil
			}
			return []any{r.Line, []byte(r.Input), string(r.Status), []byte(r.Fault)}, nil
		}))
		if err != nil {
			return err
		}
		tag, err = tx.Exec(ctx, `INSERT INTO batch_rows (batch, line, institution, input, status, fault) SELECT $1, line, $2, input, status, fault FROM staging`, b.ID, b.Institution)
		if err != nil {
			return err
		}
		n := tag.RowsAffected()
		b.Rows, b.Status = int(n), BatchRunning
		if err := queue(tx, &b); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE batches SET ignored = coalesce($2::text[], '{}') WHERE id = $1`, b.ID, b.Ignored); err != nil {
			return err
		}
		return record(ctx, tx, Act{b.Institution, b.CreatedBy, "batch.submit", b.ID, map[string]any{"file": b.Name, "file_sha256": b.Content, "options": b.Options, "rows": n}})
	})
	return b, fresh, err
}

// Batch returns an institution's batch, or a NotFound fault. An institution of Everyone sees
// every one.
func (db *DB) Batch(ctx context.Context, institution, id string) (_ Batch, err error) {
	defer fault.Wrap(&err, "store.Batch(%s)", id)
	ctx = whose(ctx, institution)
	rows, err := db.pool.Query(ctx, `SELECT `+batchColumns+` FROM batches WHERE id = $1 AND ($2 = '*' OR institution = $2)`, id, institution)
	if err != nil {
		return Batch{}, err
	}
	b, err := pgx.CollectExactlyOneRow(rows, scanBatch)
	if errors.Is(err, pgx.ErrNoRows) {
		return Batch{}, fault.New(fault.NotFound, "batch.unknown", "没有这个批次。", "There is no such batch.")
	}
	return b, err
}

// Batches returns an institution's batches, newest first, after a position.
func (db *DB) Batches(ctx context.Context, institution string, before time.Time, beforeID string, limit int) (_ []Batch, err error) {
	defer fault.Wrap(&err, "store.Batches")
	ctx = As(ctx, institution)
	rows, err := db.pool.Query(ctx, `
		SELECT `+batchColumns+` FROM batches
		WHERE institution = $1 AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3))
		ORDER BY created_at DESC, id DESC LIMIT $4`, institution, nullTime(before), beforeID, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanBatch)
}

// BatchProgress counts the rows of a batch by status.
func (db *DB) BatchProgress(ctx context.Context, id string) (p Progress, err error) {
	defer fault.Wrap(&err, "store.BatchProgress(%s)", id)
	err = db.pool.QueryRow(ctx, `
		SELECT b.status, p.waiting, p.done, p.failed, p.refused FROM batches b JOIN batch_progress p ON p.batch = b.id WHERE b.id = $1`, id).
		Scan(&p.Status, &p.Waiting, &p.Done, &p.Failed, &p.Refused)
	p.Rows = p.Waiting + p.Done + p.Failed + p.Refused
	if errors.Is(err, pgx.ErrNoRows) {
		return p, fault.New(fault.NotFound, "batch.unknown", "没有这个批次。", "There is no such batch.")
	}
	return p, err
}

// BatchRows returns rows after a line, in order. An empty status asks for all.
func (db *DB) BatchRows(ctx context.Context, id string, status RowStatus, after, limit int) (_ []BatchRow, err error) {
	defer fault.Wrap(&err, "store.BatchRows(%s)", id)
	rows, err := db.pool.Query(ctx, `
		SELECT line, input, status, fault, coalesce(valuation, ''), valued, decision FROM batch_rows
		WHERE batch = $1 AND line > $2 AND ($3 = '' OR status = $3) ORDER BY line LIMIT $4`, id, after, string(status), limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanBatchRow)
}

func scanBatchRow(row pgx.CollectableRow) (r BatchRow, err error) {
	err = row.Scan(&r.Line, (*[]byte)(&r.Input), &r.Status, (*[]byte)(&r.Fault), &r.Valuation, (*[]byte)(&r.Valued), (*[]byte)(&r.Decision))
	return r, err
}

// EachBatchRow visits every row of a batch in order, a page at a time.
func (db *DB) EachBatchRow(ctx context.Context, id string, visit func(*BatchRow) error) error {
	const page = 500
	for after := -1; ; {
		rows, err := db.BatchRows(ctx, id, "", after, page)
		if err != nil {
			return err
		}
		for i := range rows {
			if err := visit(&rows[i]); err != nil {
				return err
			}
			after = rows[i].Line
		}
		if len(rows) < page {
			return nil
		}
	}
}

// ChunkRows returns those of some rows that have no result yet, in order, with
// their batch; none when it is not running.
func (db *DB) ChunkRows(ctx context.Context, id string, lines []int) (b Batch, rows []BatchRow, err error) {
	defer fault.Wrap(&err, "store.ChunkRows(%s)", id)
	got, err := db.pool.Query(ctx, `
		SELECT b.id, b.institution, b.created_by, b.options, b.as_of, b.priority, r.line, r.input, coalesce(r.valuation, ''), r.valued, r.ended_at
		FROM batch_rows r JOIN batches b ON b.id = r.batch WHERE r.batch = $1 AND r.line = ANY ($2) AND r.status = 'waiting' AND b.status = 'running' ORDER BY r.line`, id, lines)
	if err != nil {
		return b, nil, err
	}
	rows, err = pgx.CollectRows(got, func(row pgx.CollectableRow) (r BatchRow, err error) {
		return r, row.Scan(&b.ID, &b.Institution, &b.CreatedBy, (*[]byte)(&b.Options), &b.AsOf, &b.Priority, &r.Line, (*[]byte)(&r.Input), &r.Valuation, (*[]byte)(&r.Valued), &r.EndedAt)
	})
	return b, rows, err
}

// EndRow is the one result of a row.
type EndRow struct {
	Line      int
	Status    RowStatus
	Fault     json.RawMessage
	Valuation *Valuation // of a row that is done
	Kept      string     // id of the valuation that stays, of a row that was valued anew and came to the same
	Valued    json.RawMessage
	Act       Act
}

// ErrRowEnded says that a row takes no result: it has one, or its batch is not
// running any more.
var ErrRowEnded = errors.New("the row has ended")

// PutRowResults stores the results of waiting rows of a batch, each with its
// valuation and its audit entry, within the transaction that lets go of the
// turn that worked them. They go in together because entries of the record are
// put in order by a lock held until the commit is on the disk. It returns how
// many rows of the batch wait after that. A row that has a result keeps it, and
// a cancelled batch gets none: ErrRowEnded, and the transaction cannot commit.
func (db *DB) PutRowResults(ctx context.Context, tx pgx.Tx, batch string, rows []EndRow) (waiting int, err error) {
	defer fault.Wrap(&err, "store.PutRowResults(%s, %d rows)", batch, len(rows))
	var b pgx.Batch
	for i := range rows {
		if v := rows[i].Valuation; v != nil {
			v.Batch = batch
			b.Queue(insertValuation, v.values()...)
		}
	}
	for i := range rows { // what needs the record's lock comes last
		r := &rows[i]
		detail, err := json.Marshal(r.Act.Detail)
		if err != nil {
			return 0, err
		}
		var valuation *string
		switch {
		case r.Valuation != nil:
			valuation = &r.Valuation.ID
		case r.Kept != "":
			valuation = &r.Kept
		}
		b.Queue(`SELECT audit_append($1, $2, $3, $4, $5)`, r.Act.Institution, r.Act.Actor, r.Act.Action, r.Act.Subject, detail)
		b.Queue(`SELECT desk_end_row($1, $2, $3, $4, $5, $6)`, batch, r.Line, string(r.Status), []byte(r.Fault), valuation, []byte(r.Valued))
	}
	b.Queue(`SELECT waiting FROM batch_progress WHERE batch = $1`, batch).QueryRow(func(row pgx.Row) error { return row.Scan(&waiting) })
	err = tx.SendBatch(ctx, &b).Close()
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "ZJ001" {
		return 0, ErrRowEnded
	}
	return waiting, err
}

// Facts are what stood in store when a batch was decided. They are kept with
// the batch: with them it can be decided again to the byte.
type Facts struct {
	Drawn  []lending.Draw   `json:"drawn,omitempty"`
	Booked []lending.Booked `json:"booked,omitempty"`
	Later  []lending.Later  `json:"later,omitempty"` // what the register said after the rows were valued
	Again  *lending.Again   `json:"again,omitempty"` // of a batch that was decided before
}

// FactsQuery asks for the facts a batch is decided on.
type FactsQuery struct {
	Institution string
	Programmes  []string // whose draws are asked for
	Revolving   []string // of them, those in which what is repaid is free again
	Contracts   []string // decided now: what they draw or hold already is left out
	Numbers     []string // patents
	Today       calendar.Date
	Batch       string        // asks for what the register said after its rows were valued; empty: nothing is asked
	AsOf        calendar.Date // of the batch
}

// Finished is a batch decided.
type Finished struct {
	Unknown   int // rows that missing facts alone hold up
	Contracts json.RawMessage
	Again     *lending.Again         // of a batch that was decided before
	Digest    []byte                 // SHA-256 over all decisions and the facts
	Holds     []Hold                 // on the programmes
	Decisions iter.Seq2[int, []byte] // each row's line and decision
}

// Hold is what an accepted contract holds of a programme.
type Hold struct {
	lending.Draw
	Contract  string        `json:"contract"`
	Batch     string        `json:"batch"`
	DecidedOn calendar.Date `json:"decided_on"`
	Until     calendar.Date `json:"until,omitzero"` // last day; zero: until released
}

// FinishBatch decides a batch all of whose rows ended and stores what came of
// it, once: false when it is not running or another process was first. Two
// batches of an institution that draw on programmes are decided one after the other,
// so the second sees what the first holds.
func (db *DB) FinishBatch(ctx context.Context, b *Batch, q FactsQuery, decide func(Facts) (Finished, error)) (done bool, err error) {
	defer fault.Wrap(&err, "store.FinishBatch(%s)", b.ID)
	ctx = As(ctx, b.Institution)
	err = db.transact(ctx, func(tx pgx.Tx) error {
		var open bool
		err := tx.QueryRow(ctx, `SELECT status = 'running' AND NOT EXISTS (SELECT FROM batch_rows WHERE batch = $1 AND status = 'waiting') FROM batches WHERE id = $1 FOR UPDATE`, b.ID).Scan(&open)
		if err != nil || !open {
			return err
		}
		if len(q.Programmes) > 0 {
			if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1, hashtext($2))`, lockFinish, b.Institution); err != nil {
				return err
			}
		}
		facts, err := lendingFacts(ctx, tx, q)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, thoughtful); err != nil { // 150,000 rows are decided next
			return err
		}
		f, err := decide(facts)
		if err != nil {
			return err
		}
		const page = 1000
		var lines []int32
		var bodies [][]byte
		flush := func() error {
			_, err := tx.Exec(ctx, `UPDATE batch_rows r SET decision = d.body FROM unnest($2::int[], $3::json[]) AS d (line, body) WHERE r.batch = $1 AND r.line = d.line`, b.ID, lines, bodies)
			lines, bodies = lines[:0], bodies[:0]
			return err
		}
		for line, body := range f.Decisions {
			lines, bodies = append(lines, int32(line)), append(bodies, body)
			if len(lines) == page {
				if err := flush(); err != nil {
					return err
				}
			}
		}
		if err := flush(); err != nil {
			return err
		}
		if len(q.Programmes) > 0 {
			if err := putHolds(ctx, tx, b, q.Contracts, f.Holds); err != nil {
				return err
			}
		}
		facts.Again = f.Again
		kept, err := json.Marshal(facts)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE batches SET status = 'finished', finished_at = now(), contracts = $2, digest = $3, facts = $4,
			verdicts = (SELECT coalesce(json_object_agg(verdict, n), '{}') FROM (SELECT decision ->> 'verdict' AS verdict, count(*) AS n FROM batch_rows WHERE batch = $1 AND decision IS NOT NULL GROUP BY 1
				UNION ALL SELECT 'unknown', $5::bigint) v)
			WHERE id = $1`, b.ID, []byte(f.Contracts), f.Digest, kept, f.Unknown); err != nil {
			return err
		}
		done = true
		return record(ctx, tx, Act{b.Institution, "system", "batch.finish", b.ID, map[string]any{"decisions_sha256": f.Digest, "rules": lending.RulesVersion, "facts": facts, "holds": len(f.Holds), "options": b.Options}})
	})
	return done && err == nil, err
}

// BatchFacts returns the facts a finished batch was decided on.
func (db *DB) BatchFacts(ctx context.Context, id string) (f Facts, err error) {
	defer fault.Wrap(&err, "store.BatchFacts(%s)", id)
	var body []byte
	if err := db.pool.QueryRow(ctx, `SELECT facts FROM batches WHERE id = $1`, id).Scan(&body); err != nil || body == nil {
		return f, err
	}
	return f, json.Unmarshal(body, &f)
}

// BatchEnd is what the audit record says of a finished batch, and the digest
// kept with it.
type BatchEnd struct {
	Seq            int64
	Batch, Rules   string
	Digest, Stored []byte
}

// BatchEnds returns the last end of every batch on record, whoever's.
func (db *DB) BatchEnds(ctx context.Context) (_ []BatchEnd, err error) {
	defer fault.Wrap(&err, "store.BatchEnds")
	ctx = across(ctx)
	rows, err := db.pool.Query(ctx, `
		SELECT DISTINCT ON (a.subject) a.seq, a.subject, a.detail, b.digest FROM audit a LEFT JOIN batches b ON b.id = a.subject
		WHERE a.action = 'batch.finish' ORDER BY a.subject, a.seq DESC`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (e BatchEnd, err error) {
		var body []byte
		if err := row.Scan(&e.Seq, &e.Batch, &body, &e.Stored); err != nil {
			return e, err
		}
		var d struct {
			Digest []byte `json:"decisions_sha256"`
			Rules  string `json:"rules"`
		}
		if json.Unmarshal(body, &d) == nil { // an altered entry is found where the record is walked
			e.Digest, e.Rules = d.Digest, d.Rules
		}
		return e, nil
	})
}

// UnsealedRows returns the lines of a batch whose input or values differ from
// what the record last said of them, or that ended without an entry.
func (db *DB) UnsealedRows(ctx context.Context, id string) (lines []int, err error) {
	defer fault.Wrap(&err, "store.UnsealedRows(%s)", id)
	rows, err := db.pool.Query(ctx, `
		SELECT r.line, r.input, r.valued, r.status = 'refused' AND r.ended_at IS NULL, a.detail FROM batch_rows r
		LEFT JOIN LATERAL (SELECT detail FROM audit WHERE subject = r.batch || '/' || r.line AND action = 'batch.row' ORDER BY seq DESC LIMIT 1) a ON true
		WHERE r.batch = $1 AND r.status <> 'waiting' ORDER BY r.line`, id)
	if err != nil {
		return nil, err
	}
	var line int
	var input, valued, detail []byte
	var unread bool
	_, err = pgx.ForEachRow(rows, []any{&line, &input, &valued, &unread, &detail}, func() error {
		var d struct {
			Input  []byte `json:"input_sha256"`
			Valued []byte `json:"valued_sha256"`
		}
		sum := func(b []byte) []byte { s := sha256.Sum256(b); return s[:] }
		switch {
		case detail == nil && unread: // refused when it was read, without an entry of its own
		case detail == nil || json.Unmarshal(detail, &d) != nil || !bytes.Equal(d.Input, sum(input)) || valued != nil && d.Valued != nil && !bytes.Equal(d.Valued, sum(valued)):
			lines = append(lines, line)
		}
		return nil
	})
	return lines, err
}

// CancelBatch stops a running batch: rows that wait stay without a result, and
// so do those in hand.
func (db *DB) CancelBatch(ctx context.Context, institution, id, by string) error {
	ctx = As(ctx, institution)
	return db.setBatch(ctx, institution, id, by, "batch.cancel", BatchRunning, BatchCancelled, func(tx pgx.Tx) error {
		return db.DropJobs(ctx, tx, institution, id)
	})
}

// ReopenBatch opens a finished batch to be decided again. The rows about whose
// patents the register, the store or the ledger has said more since they ended
// wait to be valued anew, and keep what they came to until they are; the others
// keep it. queue puts the waiting lines to work, in the same transaction.
func (db *DB) ReopenBatch(ctx context.Context, institution, id, by string, today calendar.Date, queue func(tx pgx.Tx, lines []int) error) error {
	ctx = As(ctx, institution)
	return db.setBatch(ctx, institution, id, by, "batch.reopen", BatchFinished, BatchRunning, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			UPDATE batch_rows r SET status = 'waiting' FROM batches b
			WHERE b.id = $1 AND r.batch = b.id AND r.status = 'done' AND (
				r.ended_at < (SELECT max(updated_at) FROM deals)
				OR EXISTS (SELECT FROM patents p WHERE p.number IN (r.input->>'number', r.valued->>'key') AND p.updated_at > r.ended_at)
				OR EXISTS (SELECT FROM events e WHERE e.number IN (r.input->>'number', r.valued->>'key') AND `+newsSQL+`))
			RETURNING r.line`, id, today)
		if err != nil {
			return err
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[int])
		if err != nil {
			return err
		}
		slices.Sort(lines)
		return queue(tx, lines)
	})
}

// ResumeBatch takes a cancelled batch up again; queue puts its waiting rows to
// work in the same transaction.
func (db *DB) ResumeBatch(ctx context.Context, institution, id, by string, queue func(tx pgx.Tx, lines []int) error) error {
	ctx = As(ctx, institution)
	return db.setBatch(ctx, institution, id, by, "batch.resume", BatchCancelled, BatchRunning, func(tx pgx.Tx) error {
		lines, err := waitingLines(ctx, tx, id)
		if err != nil {
			return err
		}
		return queue(tx, lines)
	})
}

// RetryBatch puts the failed rows of a finished or running batch to work
// again, and only those.
func (db *DB) RetryBatch(ctx context.Context, institution, id, by string, queue func(tx pgx.Tx, lines []int) error) (n int, err error) {
	defer fault.Wrap(&err, "store.RetryBatch(%s)", id)
	ctx = As(ctx, institution)
	err = db.transact(ctx, func(tx pgx.Tx) error {
		var status BatchStatus
		err := tx.QueryRow(ctx, `SELECT status FROM batches WHERE id = $1 AND institution = $2 FOR UPDATE`, id, institution).Scan(&status)
		if errors.Is(err, pgx.ErrNoRows) {
			return fault.New(fault.NotFound, "batch.unknown", "没有这个批次。", "There is no such batch.")
		}
		if err != nil {
			return err
		}
		if status == BatchCancelled {
			return fault.New(fault.Conflict, "batch.status", "批次已取消，请先恢复。", "The batch is cancelled; resume it first.")
		}
		rows, err := tx.Query(ctx, `UPDATE batch_rows SET status = 'waiting', fault = NULL, ended_at = NULL WHERE batch = $1 AND status = 'failed' RETURNING line`, id)
		if err != nil {
			return err
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[int])
		if err != nil {
			return err
		}
		if n = len(lines); n == 0 {
			return nil
		}
		if _, err := tx.Exec(ctx, `UPDATE batches SET status = 'running', finished_at = NULL WHERE id = $1`, id); err != nil {
			return err
		}
		if err := queue(tx, lines); err != nil {
			return err
		}
		return record(ctx, tx, Act{institution, by, "batch.retry", id, map[string]any{"rows": n}})
	})
	return n, err
}

func waitingLines(ctx context.Context, tx pgx.Tx, id string) ([]int, error) {
	rows, err := tx.Query(ctx, `SELECT line FROM batch_rows WHERE batch = $1 AND status = 'waiting' ORDER BY line`, id)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int])
}

func (db *DB) setBatch(ctx context.Context, institution, id, by, action string, from, to BatchStatus, also func(pgx.Tx) error) (err error) {
	defer fault.Wrap(&err, "store.%s(%s)", action, id)
	return db.transact(ctx, func(tx pgx.Tx) error {
		var status BatchStatus
		err := tx.QueryRow(ctx, `SELECT status FROM batches WHERE id = $1 AND institution = $2 FOR UPDATE`, id, institution).Scan(&status)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return fault.New(fault.NotFound, "batch.unknown", "没有这个批次。", "There is no such batch.")
		case err != nil:
			return err
		case status == to:
			return nil
		case status != from:
			return fault.New(fault.Conflict, "batch.status", "批次当前状态为 "+string(status)+"，不能进行此操作。", "The batch is "+string(status)+"; this cannot be done to it.")
		}
		if _, err := tx.Exec(ctx, `UPDATE batches SET status = $2 WHERE id = $1`, id, string(to)); err != nil {
			return err
		}
		if also != nil {
			if err := also(tx); err != nil {
				return err
			}
		}
		return record(ctx, tx, Act{institution, by, action, id, nil})
	})
}

// BatchVerdicts returns how many rows of a finished batch were decided how.
func (db *DB) BatchVerdicts(ctx context.Context, id string) (counts map[string]int, err error) {
	defer fault.Wrap(&err, "store.BatchVerdicts(%s)", id)
	err = db.pool.QueryRow(ctx, `SELECT coalesce(verdicts, '{}') FROM batches WHERE id = $1`, id).Scan(&counts)
	return counts, err
}

// BatchRowsDecided returns rows after a line whose decision has the verdict,
// in order.
func (db *DB) BatchRowsDecided(ctx context.Context, id, verdict string, after, limit int) (_ []BatchRow, err error) {
	defer fault.Wrap(&err, "store.BatchRowsDecided(%s)", id)
	rows, err := db.pool.Query(ctx, `
		SELECT line, input, status, fault, coalesce(valuation, ''), valued, decision FROM batch_rows
		WHERE batch = $1 AND line > $2 AND decision IS NOT NULL AND decision ->> 'verdict' = $3 ORDER BY line LIMIT $4`, id, after, verdict, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanBatchRow)
}
