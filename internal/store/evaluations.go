package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/fault"
)

// EvalRun is one run of the evaluation harness over one or more tasks.
type EvalRun struct {
	ID          string
	Institution string
	Actor       string
	Type        string
	Note        string
	Seed        uint64
	Live        bool
	Queue       string // kind of the job that works it
	Versions    json.RawMessage
	Dataset     []byte // only to store; read by [DB.EvalDataset]
	Status      string
	Error       string
	Started     time.Time
	Finished    *time.Time
	Tasks       []EvalTask
}

// EvalTask is one task of a run.
type EvalTask struct {
	Task     json.RawMessage
	Dataset  json.RawMessage
	Total    int
	Done     int
	Skipped  string
	Versions json.RawMessage
	Summary  json.RawMessage
	Millis   int64
}

// EvalSample is what came of the case at a place among a task's.
type EvalSample struct {
	At   int
	Body json.RawMessage
}

var errNoEvalRun = fault.New(fault.NotFound, "eval.no_run", "没有这次评测。", "There is no such run.")

// PutEvalRun stores a new run and puts it to work by queue, in one transaction.
func (db *DB) PutEvalRun(ctx context.Context, r *EvalRun, queue func(pgx.Tx) error) (err error) {
	defer fault.Wrap(&err, "store.PutEvalRun(%s)", r.ID)
	ctx = As(ctx, r.Institution)
	return db.transact(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `
			INSERT INTO eval_runs (id, institution, actor, type, note, seed, live, queue, versions, dataset, status, started_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'running', $11)`,
			r.ID, r.Institution, r.Actor, r.Type, r.Note, int64(r.Seed), r.Live, r.Queue, []byte(r.Versions), r.Dataset, r.Started); err != nil { //nolint:gosec // the bits come back
			return err
		}
		for i := range r.Tasks {
			t := &r.Tasks[i]
			if _, err := tx.Exec(ctx, `INSERT INTO eval_tasks (institution, run, place, task, dataset) VALUES ($1, $2, $3, $4, $5)`, r.Institution, r.ID, i, []byte(t.Task), []byte(t.Dataset)); err != nil {
				return err
			}
		}
		if err := queue(tx); err != nil {
			return err
		}
		return record(ctx, tx, Act{r.Institution, r.Actor, "eval.start", r.ID, map[string]any{"type": r.Type, "tasks": len(r.Tasks), "live": r.Live, "own_data": len(r.Dataset) > 0}})
	})
}

// A run that a process works with settings of its own is interrupted when that
// process is gone: its lease is over, or it never came to take it.
const evalRunColumns = `r.id, r.institution, r.actor, r.type, r.note, r.seed, r.live, r.queue, r.versions,
	CASE WHEN r.status = 'running' AND r.queue <> $2 AND NOT EXISTS (SELECT FROM jobs j WHERE j.kind = r.queue AND j.key = r.id
		AND coalesce(j.leased_until, j.created_at + interval '1 minute') > now()) THEN 'interrupted' ELSE r.status END,
	r.error, r.started_at, r.finished_at`

func scanEvalRun(row pgx.CollectableRow) (r EvalRun, err error) {
	var seed int64
	err = row.Scan(&r.ID, &r.Institution, &r.Actor, &r.Type, &r.Note, &seed, &r.Live, &r.Queue, (*[]byte)(&r.Versions), &r.Status, &r.Error, &r.Started, &r.Finished)
	r.Seed, r.Started = uint64(seed), r.Started.UTC() //nolint:gosec // the bits as stored
	if r.Finished != nil {
		utc := r.Finished.UTC()
		r.Finished = &utc
	}
	return r, err
}

// EvalRuns returns an institution's runs with their tasks, newest first; shared
// is the queue of those that any process works. An id names the only one.
func (db *DB) EvalRuns(ctx context.Context, institution, shared, id string, limit int) (_ []EvalRun, err error) {
	defer fault.Wrap(&err, "store.EvalRuns(%s)", id)
	ctx = As(ctx, institution)
	rows, err := db.pool.Query(ctx, `SELECT `+evalRunColumns+` FROM eval_runs r WHERE r.institution = $1 AND ($3 = '' OR r.id = $3) ORDER BY r.id DESC LIMIT $4`, institution, shared, id, limit)
	if err != nil {
		return nil, err
	}
	runs, err := pgx.CollectRows(rows, scanEvalRun)
	if err != nil {
		return nil, err
	}
	byID, ids := map[string]*EvalRun{}, make([]string, len(runs))
	for i := range runs {
		ids[i], byID[runs[i].ID] = runs[i].ID, &runs[i]
	}
	rows, err = db.pool.Query(ctx, `SELECT run, task, dataset, total, done, skipped, versions, summary, ms FROM eval_tasks WHERE run = ANY ($1) ORDER BY run, place`, ids)
	if err != nil {
		return nil, err
	}
	var run string
	var t EvalTask
	_, err = pgx.ForEachRow(rows, []any{&run, (*[]byte)(&t.Task), (*[]byte)(&t.Dataset), &t.Total, &t.Done, &t.Skipped, (*[]byte)(&t.Versions), (*[]byte)(&t.Summary), &t.Millis}, func() error {
		byID[run].Tasks = append(byID[run].Tasks, t)
		t = EvalTask{} // the next row must not share its memory
		return nil
	})
	return runs, err
}

// EvalRun returns an institution's run.
func (db *DB) EvalRun(ctx context.Context, institution, shared, id string) (EvalRun, error) {
	if id == "" {
		return EvalRun{}, errNoEvalRun
	}
	runs, err := db.EvalRuns(ctx, institution, shared, id, 1)
	if err == nil && len(runs) == 0 {
		err = errNoEvalRun
	}
	if err != nil {
		return EvalRun{}, err
	}
	return runs[0], nil
}

// EvalDataset returns the evaluator's own data of a run; nil: there are none.
func (db *DB) EvalDataset(ctx context.Context, institution, run string) (data []byte, err error) {
	defer fault.Wrap(&err, "store.EvalDataset(%s)", run)
	ctx = As(ctx, institution)
	err = db.pool.QueryRow(ctx, `SELECT dataset FROM eval_runs WHERE id = $1 AND institution = $2`, run, institution).Scan(&data)
	return data, err
}

// ResumeEvalRun has a run that was interrupted or failed worked again by a
// queue; queue puts it there in the same transaction.
func (db *DB) ResumeEvalRun(ctx context.Context, r *EvalRun, by string, queue func(pgx.Tx) error) (err error) {
	defer fault.Wrap(&err, "store.ResumeEvalRun(%s)", r.ID)
	ctx = As(ctx, r.Institution)
	return db.transact(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE eval_runs SET status = 'running', error = '', finished_at = NULL, queue = $3 WHERE id = $1 AND institution = $2`, r.ID, r.Institution, r.Queue); err != nil {
			return err
		}
		if err := queue(tx); err != nil {
			return err
		}
		return record(ctx, tx, Act{r.Institution, by, "eval.resume", r.ID, nil})
	})
}

// PutEvalTask stores what is known of a task of a run, but for its samples.
func (db *DB) PutEvalTask(ctx context.Context, institution, run string, place int, t *EvalTask) (err error) {
	defer fault.Wrap(&err, "store.PutEvalTask(%s, %d)", run, place)
	ctx = As(ctx, institution)
	_, err = db.pool.Exec(ctx, `UPDATE eval_tasks SET dataset = $3, total = $4, skipped = $5, versions = $6, summary = $7, ms = $8 WHERE run = $1 AND place = $2`,
		run, place, []byte(t.Dataset), t.Total, t.Skipped, []byte(t.Versions), []byte(t.Summary), t.Millis)
	return err
}

// PutEvalSamples stores what came of some cases of a task, each once, and counts
// them.
func (db *DB) PutEvalSamples(ctx context.Context, institution, run string, place int, samples []EvalSample) (err error) {
	defer fault.Wrap(&err, "store.PutEvalSamples(%s, %d)", run, place)
	ctx = As(ctx, institution)
	at, bodies := make([]int, len(samples)), make([][]byte, len(samples))
	for i, x := range samples {
		at[i], bodies[i] = x.At, x.Body
	}
	_, err = db.pool.Exec(ctx, `
		WITH put AS (INSERT INTO eval_samples (institution, run, place, at, sample) SELECT $1, $2, $3, x.at, x.body FROM unnest($4::int[], $5::json[]) AS x (at, body) ON CONFLICT DO NOTHING RETURNING 1)
		UPDATE eval_tasks SET done = done + (SELECT count(*) FROM put) WHERE run = $2 AND place = $3`, institution, run, place, at, bodies)
	return err
}

// EvalSamples returns the samples of a run, in the order of its tasks and their
// cases; a place of -1 is every task's.
func (db *DB) EvalSamples(ctx context.Context, institution, run string, place int) (_ []EvalSample, err error) {
	defer fault.Wrap(&err, "store.EvalSamples(%s)", run)
	ctx = As(ctx, institution)
	rows, err := db.pool.Query(ctx, `SELECT at, sample FROM eval_samples WHERE institution = $1 AND run = $2 AND ($3 < 0 OR place = $3) ORDER BY place, at`, institution, run, place)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (x EvalSample, err error) { return x, row.Scan(&x.At, (*[]byte)(&x.Body)) })
}

// EndEvalRun ends a run that is running, within the caller's transaction. False:
// it was not.
func (db *DB) EndEvalRun(ctx context.Context, tx pgx.Tx, institution, run, status, why, by string, at time.Time) (ended bool, err error) {
	defer fault.Wrap(&err, "store.EndEvalRun(%s)", run)
	tag, err := tx.Exec(ctx, `UPDATE eval_runs SET status = $3, error = $4, finished_at = $5 WHERE id = $1 AND institution = $2 AND status = 'running'`, run, institution, status, why, at)
	if err != nil || tag.RowsAffected() == 0 {
		return false, err
	}
	return true, record(ctx, tx, Act{institution, by, "eval." + status, run, nil})
}

// PruneEvalJobs drops the jobs of runs that only their own process could work and
// that nobody resumed: those whose lease ended before a moment.
func (db *DB) PruneEvalJobs(ctx context.Context, before time.Time) (err error) {
	defer fault.Wrap(&err, "store.PruneEvalJobs")
	_, err = db.pool.Exec(across(ctx), `DELETE FROM jobs USING eval_runs r WHERE jobs.kind = r.queue AND jobs.key = r.id AND jobs.kind <> 'evaluations' AND jobs.leased_until < $1`, before)
	return err
}
