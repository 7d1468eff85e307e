package store

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

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
	Digest    []byte          `json:"-"` // SHA-256 over all decisions
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

const batchColumns = `id, tenant, created_at, created_by, name, content, key, options, as_of, priority, rows, status, finished_at, contracts, digest`

func scanBatch(row pgx.CollectableRow) (b Batch, err error) {
	err = row.Scan(&b.ID, &b.Tenant, &b.CreatedAt, &b.CreatedBy, &b.Name, &b.Content, &b.Key, (*[]byte)(&b.Options), &b.AsOf, &b.Priority, &b.Rows, &b.Status, &b.Finished, (*[]byte)(&b.Contracts), &b.Digest)
	b.CreatedAt = b.CreatedAt.UTC()
	return b, err
}

// PutBatch stores a batch with all its rows, or nothing. queue is called in
// the same transaction with the waiting rows to put them to work. When the
// tenant sent the same file with the same options before, that batch is
// returned and nothing is stored.
func (db *DB) PutBatch(ctx context.Context, b Batch, rows iter.Seq[BatchRow], queue func(pgx.Tx) error) (_ Batch, fresh bool, err error) {
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
		if _, err := tx.Exec(ctx, `UPDATE batches SET rows = $2 WHERE id = $1`, b.ID, n); err != nil {
			return err
		}
		if err := queue(tx); err != nil {
			return err
		}
		return record(ctx, tx, Act{b.Tenant, b.CreatedBy, "batch.submit", b.ID, map[string]any{"file": b.Name, "file_sha256": b.Content, "options": b.Options, "rows": n}})
	})
	return b, fresh, err
}

// VirtualTime reserves n steps of a desk's virtual time and returns the first:
// start-time fair queueing (Goyal et al. 1996). A desk starts where the queue
// of the given kind of job stands, or where its own earlier work ends, so its
// rows interleave with what other desks have waiting. Steps are milliseconds
// of a clock that lies in the past and has nothing to do with the day.
func (db *DB) VirtualTime(ctx context.Context, tx pgx.Tx, tenant, kind string, n int) (start time.Time, err error) {
	defer fault.Wrap(&err, "store.VirtualTime")
	err = tx.QueryRow(ctx, `
		WITH now AS (
			SELECT coalesce(
				(SELECT min(scheduled_at) FROM river_job WHERE state = 'available' AND kind = $2),
				(SELECT max(last) FROM desk_clock),
				timestamptz '2000-01-01') AS at
		)
		INSERT INTO desk_clock (tenant, last) SELECT $1, at + $3 * interval '1 ms' FROM now
		ON CONFLICT (tenant) DO UPDATE SET last = greatest(desk_clock.last, (SELECT at FROM now)) + $3 * interval '1 ms'
		RETURNING last - $3 * interval '1 ms'`, tenant, kind, n).Scan(&start)
	return start, err
}

// ReleaseScheduled makes jobs inserted with a virtual time available at once:
// the queue holds back whatever carries a time until it is due.
func (db *DB) ReleaseScheduled(ctx context.Context, tx pgx.Tx, kind string, from, to time.Time) (err error) {
	defer fault.Wrap(&err, "store.ReleaseScheduled")
	_, err = tx.Exec(ctx, `UPDATE river_job SET state = 'available' WHERE state = 'scheduled' AND kind = $1 AND scheduled_at >= $2 AND scheduled_at < $3`, kind, from, to)
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
	Status    RowStatus
	Fault     json.RawMessage
	Valuation *Valuation // of a row that is done
	Valued    json.RawMessage
	Act       Act
}

// ErrRowEnded says that a row has its result already.
var ErrRowEnded = errors.New("the row has ended")

// PutRowResult stores the result of a waiting row with its valuation and its
// audit entry in one transaction; complete ends the job in the same one. A row
// that has a result keeps it: ErrRowEnded, and nothing is stored.
func (db *DB) PutRowResult(ctx context.Context, r EndRow, complete func(pgx.Tx) error) (err error) {
	defer fault.Wrap(&err, "store.PutRowResult(%s, %d)", r.Batch, r.Line)
	return db.transact(ctx, func(tx pgx.Tx) error {
		var valuation *string
		if r.Valuation != nil {
			if _, err := tx.Exec(ctx, insertValuation, r.Valuation.values()...); err != nil {
				return err
			}
			valuation = &r.Valuation.ID
		}
		tag, err := tx.Exec(ctx, `
			UPDATE batch_rows SET status = $3, fault = $4, valuation = $5, valued = $6, ended_at = now()
			WHERE batch = $1 AND line = $2 AND status = 'waiting'`, r.Batch, r.Line, string(r.Status), []byte(r.Fault), valuation, []byte(r.Valued))
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return ErrRowEnded
		}
		if err := complete(tx); err != nil {
			return err
		}
		return record(ctx, tx, r.Act)
	})
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

// CancelBatch stops a running batch: rows that wait stay without a result.
func (db *DB) CancelBatch(ctx context.Context, tenant, id, by string) error {
	return db.setBatch(ctx, tenant, id, by, "batch.cancel", BatchRunning, BatchCancelled, nil)
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

// workerGone is true of a job j whose process is gone: its session held a
// lock, see [DB.HoldWorker].
const workerGone = `NOT EXISTS (
	SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 7241020
	AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
	AND l.objid = (hashtext(j.attempted_by[array_upper(j.attempted_by, 1)])::bigint & 4294967295)::oid)`

// ReleaseDeadWorkers gives the jobs of processes that are gone back to the
// queue, into the queue for suspects: a row that kills its process must not
// take others with it a second time.
func (db *DB) ReleaseDeadWorkers(ctx context.Context, kind, suspects string) (n int64, err error) {
	defer fault.Wrap(&err, "store.ReleaseDeadWorkers")
	tag, err := db.pool.Exec(ctx, `UPDATE river_job j SET state = 'available', queue = $2 WHERE state = 'running' AND kind = $1 AND `+workerGone, kind, suspects)
	return tag.RowsAffected(), err
}

// ReleaseDeadJobs gives the jobs of one queue whose processes are gone back to
// it.
func (db *DB) ReleaseDeadJobs(ctx context.Context, queue string) (err error) {
	defer fault.Wrap(&err, "store.ReleaseDeadJobs")
	_, err = db.pool.Exec(ctx, `UPDATE river_job j SET state = 'available', scheduled_at = now() WHERE state = 'running' AND queue = $1 AND `+workerGone, queue)
	return err
}

// OpenJobs counts the jobs of a kind and run that are not at their end.
func (db *DB) OpenJobs(ctx context.Context, kind, run string) (n int, err error) {
	defer fault.Wrap(&err, "store.OpenJobs")
	err = db.pool.QueryRow(ctx, `SELECT count(*) FROM river_job WHERE kind = $1 AND args->>'run' = $2 AND finalized_at IS NULL`, kind, run).Scan(&n)
	return n, err
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

// KeepWorker holds the lock of [DB.HoldWorker] until ctx ends, and takes it
// again when the database was away. held is told the first time.
func (db *DB) KeepWorker(ctx context.Context, id string, held chan<- struct{}, log *slog.Logger) {
	for ctx.Err() == nil {
		err := db.HoldWorker(ctx, id, func() {
			select {
			case held <- struct{}{}:
			default:
			}
		})
		if ctx.Err() != nil {
			return
		}
		log.WarnContext(ctx, "lost the worker's lock", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// Queue is the connection pool under the job queue.
func (db *DB) Queue() *pgxpool.Pool { return db.pool }

// JobQueue is a client of the job queue.
type JobQueue = river.Client[pgx.Tx]

// NewQueue returns a client of the job queue; one without queues only inserts.
// Jobs have no time limit and none is taken for stuck because of its age: a
// job is taken over when its worker's lock is gone, see
// [DB.ReleaseDeadWorkers]. A client that did so by age would discard the kinds
// of job it does not know.
func (db *DB) NewQueue(c river.Config) (*JobQueue, error) {
	c.Logger = slog.New(slog.DiscardHandler)
	c.JobTimeout, c.RescueStuckJobsAfter = -1, 100*365*24*time.Hour
	return river.NewClient(riverpgxv5.New(db.pool), &c)
}
