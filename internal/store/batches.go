package store

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"zhijia/internal/civil"
	"zhijia/internal/fault"
)

// BatchStatus is where a batch stands.
type BatchStatus string

// Statuses of a batch.
const (
	BatchRunning   BatchStatus = "running"
	BatchCancelled BatchStatus = "cancelled"
	BatchFinished  BatchStatus = "finished"
)

// RowStatus is where a row stands. Each but RowWaiting is an end.
type RowStatus string

// Statuses of a row.
const (
	RowWaiting RowStatus = "waiting"
	RowDone    RowStatus = "done"
	RowFailed  RowStatus = "failed"  // not for a fault of the row; may be tried again
	RowRefused RowStatus = "refused" // the row is faulty
)

// Batch is a desk's file.
type Batch struct {
	ID        string          `json:"id"`
	Tenant    string          `json:"-"`
	CreatedAt time.Time       `json:"created_at"`
	CreatedBy string          `json:"created_by"`
	Name      string          `json:"name"`
	Content   []byte          `json:"-"` // SHA-256 of the file
	Key       []byte          `json:"-"` // SHA-256 of content and options
	Options   json.RawMessage `json:"options"`
	AsOf      civil.Date      `json:"valuation_date"`
	Priority  int             `json:"priority"`
	Rows      int             `json:"rows"`
	Status    BatchStatus     `json:"status"`
	Finished  *time.Time      `json:"finished_at,omitempty"`
	Contracts json.RawMessage `json:"-"`
	Digest    []byte          `json:"-"`                         // SHA-256 over all decisions
	Ignored   []string        `json:"ignored_columns,omitempty"` // headers of the file that name no column
}

// BatchRow is one line of a batch.
type BatchRow struct {
	Line      int             `json:"line"`
	Input     json.RawMessage `json:"input"`
	Status    RowStatus       `json:"status"`
	Fault     json.RawMessage `json:"fault,omitempty"`
	Valuation string          `json:"valuation,omitempty"`
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

const batchColumns = `id, tenant, created_at, created_by, name, content, key, options, as_of, priority, rows, status, finished_at, contracts, digest, ignored`

func scanBatch(row pgx.CollectableRow) (b Batch, err error) {
	err = row.Scan(&b.ID, &b.Tenant, &b.CreatedAt, &b.CreatedBy, &b.Name, &b.Content, &b.Key, (*[]byte)(&b.Options), &b.AsOf, &b.Priority, &b.Rows, &b.Status, &b.Finished, (*[]byte)(&b.Contracts), &b.Digest, &b.Ignored)
	b.CreatedAt = b.CreatedAt.UTC()
	return b, err
}

// PutBatch stores a batch with all its rows, or nothing. queue is called in
// the same transaction, after the last row, to put the waiting rows to work; it
// may complete the batch's Ignored. When the tenant sent the same file with the same options before, that batch is
// returned and nothing is stored.
func (db *DB) PutBatch(ctx context.Context, b Batch, rows iter.Seq[BatchRow], queue func(pgx.Tx, *Batch) error) (_ Batch, fresh bool, err error) {
	defer fault.Wrap(&err, "store.PutBatch(%s)", b.ID)
	err = db.transact(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			INSERT INTO batches (id, tenant, created_at, created_by, name, content, key, options, as_of, priority, rows, status)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, 'running') ON CONFLICT (tenant, key) DO NOTHING`,
			b.ID, b.Tenant, b.CreatedAt, b.CreatedBy, b.Name, b.Content, b.Key, []byte(b.Options), b.AsOf, b.Priority)
		if err != nil {
			return err
		}
		if fresh = tag.RowsAffected() == 1; !fresh {
			got, err := tx.Query(ctx, `SELECT `+batchColumns+` FROM batches WHERE tenant = $1 AND key = $2`, b.Tenant, b.Key)
			if err != nil {
				return err
			}
			b, err = pgx.CollectExactlyOneRow(got, scanBatch)
			return err
		}
		next, stop := iter.Pull(rows)
		defer stop()
		n, err := tx.CopyFrom(ctx, pgx.Identifier{"batch_rows"}, []string{"batch", "line", "input", "status", "fault"}, pgx.CopyFromFunc(func() ([]any, error) {
			r, ok := next()
			if !ok {
				return nil, nil
			}
			return []any{b.ID, r.Line, []byte(r.Input), string(r.Status), []byte(r.Fault)}, nil
		}))
		if err != nil {
			return err
		}
		b.Rows, b.Status = int(n), BatchRunning
		if err := queue(tx, &b); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE batches SET rows = $2, ignored = coalesce($3::text[], '{}') WHERE id = $1`, b.ID, n, b.Ignored); err != nil {
			return err
		}
		return record(ctx, tx, Act{b.Tenant, b.CreatedBy, "batch.submit", b.ID, map[string]any{"file": b.Name, "file_sha256": b.Content, "options": b.Options, "rows": n}})
	})
	return b, fresh, err
}

// Queue is where the rows of desks wait.
type Queue struct {
	Kind     string // of the jobs
	Rows     string // name of the queue; its jobs carry a virtual time
	Suspects string // queue for rows tried before, whose jobs carry the time of the next try
}

// virtualEnd parts virtual times, milliseconds since 2000 counted in rows, from
// times of the day.
const virtualEnd = `timestamptz '2020-01-01'`

// VirtualTime reserves n steps of a desk's virtual time and returns the first:
// start-time fair queueing (Goyal et al. 1996). A desk starts where the queue
// stands, or where its own earlier work ends, so its rows interleave with what
// other desks have waiting. What the desk itself has waiting in batches of a
// lower priority is put back by n steps and follows: priority orders the work
// of one desk and takes nothing from another. Steps are milliseconds of a clock
// that lies in the past and has nothing to do with the day.
func (db *DB) VirtualTime(ctx context.Context, tx pgx.Tx, tenant string, priority int, q Queue, n int) (start time.Time, err error) {
	defer fault.Wrap(&err, "store.VirtualTime")
	var at time.Time
	err = tx.QueryRow(ctx, `
		SELECT coalesce(
			(SELECT min(scheduled_at) FROM river_job WHERE state = 'available' AND queue = $1 AND priority = 1 AND scheduled_at < `+virtualEnd+`),
			(SELECT max(last) FROM desk_clock),
			timestamptz '2000-01-01')`, q.Rows).Scan(&at)
	if err != nil {
		return start, err
	}
	// The desk's own row is locked from here: one submission of a desk at a time.
	err = tx.QueryRow(ctx, `
		INSERT INTO desk_clock (tenant, last) VALUES ($1, $2::timestamptz + $3 * interval '1 ms')
		ON CONFLICT (tenant) DO UPDATE SET last = greatest(desk_clock.last, $2) + $3 * interval '1 ms'
		RETURNING last - $3 * interval '1 ms'`, tenant, at, n).Scan(&start)
	if err != nil {
		return start, err
	}
	var first *time.Time
	err = tx.QueryRow(ctx, `
		WITH later AS (
			SELECT j.id, j.scheduled_at FROM batches b JOIN river_job j ON j.args->>'batch' = b.id
			WHERE b.tenant = $1 AND b.status = 'running' AND b.priority > $2
			AND j.state = 'available' AND j.queue = $3 AND j.kind = $4 AND j.scheduled_at < `+virtualEnd+`
			FOR UPDATE OF j SKIP LOCKED
		), moved AS (
			UPDATE river_job j SET scheduled_at = j.scheduled_at + $5 * interval '1 ms' FROM later WHERE j.id = later.id
		)
		SELECT min(scheduled_at) FROM later`, tenant, priority, q.Rows, q.Kind, n).Scan(&first)
	if err == nil && first != nil {
		start = *first
	}
	return start, err
}

// ReleaseScheduled makes jobs inserted with a virtual time available at once:
// the queue holds back whatever carries a time until it is due.
func (db *DB) ReleaseScheduled(ctx context.Context, tx pgx.Tx, kind string) (err error) {
	defer fault.Wrap(&err, "store.ReleaseScheduled")
	_, err = tx.Exec(ctx, `UPDATE river_job SET state = 'available' WHERE state = 'scheduled' AND kind = $1 AND scheduled_at < `+virtualEnd, kind)
	return err
}

// Batch returns a tenant's batch, or a NotFound fault. An empty tenant sees
// every one.
func (db *DB) Batch(ctx context.Context, tenant, id string) (_ Batch, err error) {
	defer fault.Wrap(&err, "store.Batch(%s)", id)
	rows, err := db.pool.Query(ctx, `SELECT `+batchColumns+` FROM batches WHERE id = $1 AND ($2 = '' OR tenant = $2)`, id, tenant)
	if err != nil {
		return Batch{}, err
	}
	b, err := pgx.CollectExactlyOneRow(rows, scanBatch)
	if errors.Is(err, pgx.ErrNoRows) {
		return Batch{}, fault.New(fault.NotFound, "batch.unknown", "没有这个批次。", "There is no such batch.")
	}
	return b, err
}

// Batches returns a tenant's batches, newest first, after a position.
func (db *DB) Batches(ctx context.Context, tenant string, before time.Time, beforeID string, limit int) (_ []Batch, err error) {
	defer fault.Wrap(&err, "store.Batches")
	rows, err := db.pool.Query(ctx, `
		SELECT `+batchColumns+` FROM batches
		WHERE tenant = $1 AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3))
		ORDER BY created_at DESC, id DESC LIMIT $4`, tenant, nullTime(before), beforeID, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanBatch)
}

// BatchProgress counts the rows of a batch by status.
func (db *DB) BatchProgress(ctx context.Context, id string) (p Progress, err error) {
	defer fault.Wrap(&err, "store.BatchProgress(%s)", id)
	err = db.pool.QueryRow(ctx, `
		SELECT b.status, b.rows, count(*) FILTER (WHERE r.status = 'waiting'), count(*) FILTER (WHERE r.status = 'done'),
			count(*) FILTER (WHERE r.status = 'failed'), count(*) FILTER (WHERE r.status = 'refused')
		FROM batches b LEFT JOIN batch_rows r ON r.batch = b.id WHERE b.id = $1 GROUP BY b.id`, id).
		Scan(&p.Status, &p.Rows, &p.Waiting, &p.Done, &p.Failed, &p.Refused)
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
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (r BatchRow, err error) {
		err = row.Scan(&r.Line, (*[]byte)(&r.Input), &r.Status, (*[]byte)(&r.Fault), &r.Valuation, (*[]byte)(&r.Valued), (*[]byte)(&r.Decision))
		return r, err
	})
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

// RowInput returns a row to be worked on with its batch; waiting is false when
// it has ended or its batch is not running.
func (db *DB) RowInput(ctx context.Context, id string, line int) (b Batch, input json.RawMessage, waiting bool, err error) {
	defer fault.Wrap(&err, "store.RowInput(%s, %d)", id, line)
	err = db.pool.QueryRow(ctx, `
		SELECT b.id, b.tenant, b.created_by, b.options, b.as_of, r.input, r.status = 'waiting' AND b.status = 'running'
		FROM batch_rows r JOIN batches b ON b.id = r.batch WHERE r.batch = $1 AND r.line = $2`, id, line).
		Scan(&b.ID, &b.Tenant, &b.CreatedBy, (*[]byte)(&b.Options), &b.AsOf, (*[]byte)(&input), &waiting)
	if errors.Is(err, pgx.ErrNoRows) {
		return b, nil, false, nil
	}
	return b, input, waiting, err
}

// EndRow is the one result of a row.
type EndRow struct {
	Batch     string
	Line      int
	Job       int64 // that worked it, to be ended
	Status    RowStatus
	Fault     json.RawMessage
	Valuation *Valuation // of a row that is done
	Valued    json.RawMessage
	Act       Act
}

// ErrRowEnded says that a row takes no result: it has one, or its batch is not
// running any more.
var ErrRowEnded = errors.New("the row has ended")

// PutRowResults stores the results of waiting rows, each with its valuation,
// its audit entry and the end of its job: all in one transaction and one round
// trip, or, when one of them will not go in, each in its own. A row that has a
// result keeps it, and a cancelled batch gets none: ErrRowEnded, and nothing of
// that row is stored. Many rows share one transaction because entries of the
// record are put in order by a lock held until the commit is on the disk.
func (db *DB) PutRowResults(ctx context.Context, rows []EndRow) []error {
	errs := make([]error, len(rows))
	if err := db.putRowResults(ctx, rows); err == nil || len(rows) == 1 {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	for i := range rows {
		errs[i] = db.putRowResults(ctx, rows[i:i+1])
	}
	return errs
}

func (db *DB) putRowResults(ctx context.Context, rows []EndRow) (err error) {
	defer fault.Wrap(&err, "store.PutRowResults(%s, %d, …%d)", rows[0].Batch, rows[0].Line, len(rows))
	var b pgx.Batch // without a control statement, a batch is one transaction
	for i := range rows {
		if v := rows[i].Valuation; v != nil {
			b.Queue(insertValuation, v.values()...)
		}
	}
	for i := range rows { // what needs the record's lock comes last
		r := &rows[i]
		detail, err := json.Marshal(r.Act.Detail)
		if err != nil {
			return err
		}
		var valuation *string
		if r.Valuation != nil {
			valuation = &r.Valuation.ID
		}
		b.Queue(`SELECT audit_append($1, $2, $3, $4, $5)`, r.Act.Tenant, r.Act.Actor, r.Act.Action, r.Act.Subject, detail)
		b.Queue(`SELECT desk_end_row($1, $2, $3, $4, $5, $6, $7)`, r.Batch, r.Line, string(r.Status), []byte(r.Fault), valuation, []byte(r.Valued), r.Job)
	}
	err = db.pool.SendBatch(ctx, &b).Close()
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "ZJ001" {
		return ErrRowEnded
	}
	return err
}

// Unfinished returns running batches no row of which waits any more.
func (db *DB) Unfinished(ctx context.Context) (_ []Batch, err error) {
	defer fault.Wrap(&err, "store.Unfinished")
	rows, err := db.pool.Query(ctx, `
		SELECT `+batchColumns+` FROM batches b WHERE status = 'running'
		AND NOT EXISTS (SELECT FROM batch_rows r WHERE r.batch = b.id AND r.status = 'waiting')`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanBatch)
}

// RowsWait reports whether a row of the batch has no result yet.
func (db *DB) RowsWait(ctx context.Context, id string) (wait bool, err error) {
	err = db.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM batch_rows WHERE batch = $1 AND status = 'waiting')`, id).Scan(&wait)
	return wait, err
}

// FinishBatch stores the decisions of a batch all of whose rows ended, once:
// false when it is not running or another process was first. decisions yields
// each row's line and decision.
func (db *DB) FinishBatch(ctx context.Context, b *Batch, contracts json.RawMessage, digest []byte, decisions iter.Seq2[int, []byte]) (done bool, err error) {
	defer fault.Wrap(&err, "store.FinishBatch(%s)", b.ID)
	err = db.transact(ctx, func(tx pgx.Tx) error {
		var open bool
		err := tx.QueryRow(ctx, `SELECT status = 'running' AND NOT EXISTS (SELECT FROM batch_rows WHERE batch = $1 AND status = 'waiting') FROM batches WHERE id = $1 FOR UPDATE`, b.ID).Scan(&open)
		if err != nil || !open {
			return err
		}
		const page = 1000
		var lines []int32
		var bodies [][]byte
		flush := func() error {
			_, err := tx.Exec(ctx, `UPDATE batch_rows r SET decision = d.body FROM unnest($2::int[], $3::bytea[]) AS d (line, body) WHERE r.batch = $1 AND r.line = d.line`, b.ID, lines, bodies)
			lines, bodies = lines[:0], bodies[:0]
			return err
		}
		for line, body := range decisions {
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
		if _, err := tx.Exec(ctx, `UPDATE batches SET status = 'finished', finished_at = now(), contracts = $2, digest = $3 WHERE id = $1`, b.ID, []byte(contracts), digest); err != nil {
			return err
		}
		done = true
		return record(ctx, tx, Act{b.Tenant, "system", "batch.finish", b.ID, map[string]any{"decisions_sha256": digest, "options": b.Options}})
	})
	return done && err == nil, err
}

// CancelBatch stops a running batch: rows that wait stay without a result, and
// so do those in hand.
func (db *DB) CancelBatch(ctx context.Context, tenant, id, by, kind string) error {
	return db.setBatch(ctx, tenant, id, by, "batch.cancel", BatchRunning, BatchCancelled, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM river_job WHERE kind = $2 AND state IN ('available', 'retryable', 'scheduled') AND args->>'batch' = $1`, id, kind)
		return err
	})
}

// ResumeBatch takes a cancelled batch up again; queue puts its waiting rows to
// work in the same transaction.
func (db *DB) ResumeBatch(ctx context.Context, tenant, id, by string, queue func(tx pgx.Tx, lines []int) error) error {
	return db.setBatch(ctx, tenant, id, by, "batch.resume", BatchCancelled, BatchRunning, func(tx pgx.Tx) error {
		lines, err := waitingLines(ctx, tx, id)
		if err != nil {
			return err
		}
		return queue(tx, lines)
	})
}

// RetryBatch puts the failed rows of a finished or running batch to work
// again, and only those.
func (db *DB) RetryBatch(ctx context.Context, tenant, id, by string, queue func(tx pgx.Tx, lines []int) error) (n int, err error) {
	defer fault.Wrap(&err, "store.RetryBatch(%s)", id)
	err = db.transact(ctx, func(tx pgx.Tx) error {
		var status BatchStatus
		err := tx.QueryRow(ctx, `SELECT status FROM batches WHERE id = $1 AND tenant = $2 FOR UPDATE`, id, tenant).Scan(&status)
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
		return record(ctx, tx, Act{tenant, by, "batch.retry", id, map[string]any{"rows": n}})
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

func (db *DB) setBatch(ctx context.Context, tenant, id, by, action string, from, to BatchStatus, also func(pgx.Tx) error) (err error) {
	defer fault.Wrap(&err, "store.%s(%s)", action, id)
	return db.transact(ctx, func(tx pgx.Tx) error {
		var status BatchStatus
		err := tx.QueryRow(ctx, `SELECT status FROM batches WHERE id = $1 AND tenant = $2 FOR UPDATE`, id, tenant).Scan(&status)
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
		return record(ctx, tx, Act{tenant, by, action, id, nil})
	})
}

// ReleaseDeadWorkers gives the jobs of processes that are gone back to the
// queue, into the one for suspects: a row that kills its process must not
// take others with it a second time. A process is alive while its session
// holds its lock, see [DB.HoldWorker].
func (db *DB) ReleaseDeadWorkers(ctx context.Context, q Queue) (n int64, err error) {
	defer fault.Wrap(&err, "store.ReleaseDeadWorkers")
	tag, err := db.pool.Exec(ctx, `
		UPDATE river_job j SET state = 'available', queue = $2
		WHERE state = 'running' AND kind = $1 AND NOT EXISTS (
			SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 7241020
			AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
			AND l.objid = (hashtext(j.attempted_by[array_upper(j.attempted_by, 1)])::bigint & 4294967295)::oid)`, q.Kind, q.Suspects)
	return tag.RowsAffected(), err
}

// MoveRetries takes rows that are to be tried again out of the queue they came
// from. Their jobs carry the time of day of the next try, which lies behind
// every virtual time: there they would wait until no desk has work left.
func (db *DB) MoveRetries(ctx context.Context, q Queue) (err error) {
	defer fault.Wrap(&err, "store.MoveRetries")
	_, err = db.pool.Exec(ctx, `
		UPDATE river_job SET queue = $2
		WHERE state IN ('available', 'retryable', 'scheduled') AND queue = $1 AND priority = 1 AND scheduled_at >= `+virtualEnd, q.Rows, q.Suspects)
	return err
}

// HoldWorker takes the lock that shows a process is alive, on a connection of
// its own, and holds it until ctx ends or the connection is lost.
func (db *DB) HoldWorker(ctx context.Context, id string, held func()) (err error) {
	conn, err := pgx.ConnectConfig(ctx, db.pool.Config().ConnConfig.Copy())
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock(7241020, hashtext($1))`, id); err != nil {
		return err
	}
	held()
	_, err = conn.WaitForNotification(ctx) // nothing is sent: it returns when the connection or ctx ends
	return err
}

// Queue is the connection pool, for the job queue, which runs its own SQL.
func (db *DB) Queue() *pgxpool.Pool { return db.pool }
