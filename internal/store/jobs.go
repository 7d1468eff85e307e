package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/fault"
)

// JobStatus is where a piece of background work stands.
type JobStatus string

// Statuses of a job. Done, failed and cancelled are ends.
const (
	JobIdle      JobStatus = "idle"    // nothing to do until it is called for
	JobWaiting   JobStatus = "waiting" // until its time
	JobParked    JobStatus = "parked"  // the institution has as many turns queued as it may
	JobQueued    JobStatus = "queued"
	JobRunning   JobStatus = "running"
	JobDone      JobStatus = "done"
	JobFailed    JobStatus = "failed"
	JobCancelled JobStatus = "cancelled"
)

// Ended reports that a job takes no turn any more.
func (s JobStatus) Ended() bool { return s == JobDone || s == JobFailed || s == JobCancelled }

// Job is a piece of background work.
type Job struct {
	ID          string     `json:"id"`
	Kind        string     `json:"kind"`
	Institution string     `json:"-"`
	Subject     string     `json:"subject,omitempty"`
	CreatedAt   time.Time  `json:"created_at"`
	CreatedBy   string     `json:"created_by"`
	Status      JobStatus  `json:"status"`
	RunAt       time.Time  `json:"next_turn_at"`
	Done        int64      `json:"done"` // progress, in the units of Total
	Total       int64      `json:"total"`
	Estimate    float64    `json:"estimated_seconds"` // of processor time, when it was ordered
	Used        float64    `json:"used_seconds"`      // of processor time so far
	Failures    int        `json:"failures"`          // turns that failed since the last good one
	Deaths      int        `json:"deaths"`            // processes that died with a turn in hand
	Note        string     `json:"waits_for,omitempty"`
	Error       string     `json:"error,omitempty"`
	EndedAt     *time.Time `json:"ended_at,omitempty"`

	Turn  int64  `json:"-"` // number of the turn
	Owner string `json:"-"` // token of the turn in hand
}

const jobColumns = `id, kind, institution, subject, created_at, created_by, status, run_at, done, total, estimate, used, failures, deaths, note, error, ended_at, turn, coalesce(owner, '')`

func scanJob(row pgx.CollectableRow) (j Job, err error) {
	err = row.Scan(&j.ID, &j.Kind, &j.Institution, &j.Subject, &j.CreatedAt, &j.CreatedBy, &j.Status, &j.RunAt, &j.Done, &j.Total, &j.Estimate, &j.Used,
		&j.Failures, &j.Deaths, &j.Note, &j.Error, &j.EndedAt, &j.Turn, &j.Owner)
	j.CreatedAt, j.RunAt = j.CreatedAt.UTC(), j.RunAt.UTC()
	return j, err
}

// Turn is one turn of a job to be given to the queue.
type Turn struct {
	Job   string
	Kind  string
	Turn  int64
	RunAt time.Time // zero: now
	First bool      // the institution had nothing of the kind queued
}

// JobBounds are what one institution may have of a kind.
type JobBounds struct {
	Queued int // turns queued or running at once; 0: no bound
	Open   int // jobs that have not ended; 0: no bound
}

// orderJobs orders the changes to how many turns of an institution and kind are
// queued.
func orderJobs(ctx context.Context, tx pgx.Tx, kind, institution string) error {
	_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1, hashtext($2))`, lockJobs, kind+" "+institution)
	return err
}

// CodeJobs is the code of the fault that an institution has too many jobs of a
// kind open.
const CodeJobs = "jobs.open"

// CallJobs calls for a turn of each job of one kind and institution, storing
// those that are not there yet. A job in hand takes another turn after the one
// it is in. It returns the turns to be given to the queue.
func (db *DB) CallJobs(ctx context.Context, tx pgx.Tx, b JobBounds, list []Job) (_ []Turn, err error) {
	defer fault.Wrap(&err, "store.CallJobs")
	if len(list) == 0 {
		return nil, nil
	}
	kind, institution := list[0].Kind, list[0].Institution
	if err := orderJobs(ctx, tx, kind, institution); err != nil {
		return nil, err
	}
	ids := make([]string, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	if b.Open > 0 {
		var open int
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM jobs WHERE institution = $1 AND kind = $2 AND status IN ('waiting', 'parked', 'queued', 'running') AND id <> ALL ($3)`,
			institution, kind, ids).Scan(&open); err != nil {
			return nil, err
		}
		if open+len(list) > b.Open {
			return nil, fault.New(fault.RateLimited, CodeJobs, fmt.Sprintf("本机构此类任务最多 %d 个同时未完成，请等待或取消其中之一。", b.Open),
				fmt.Sprintf("At most %d jobs of this kind may be open at once; wait for one or cancel it.", b.Open))
		}
	}
	for i := range list {
		j := &list[i]
		if _, err := tx.Exec(ctx, `INSERT INTO jobs (id, kind, institution, subject, created_by, total, estimate) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING`,
			j.ID, j.Kind, j.Institution, j.Subject, j.CreatedBy, j.Total, j.Estimate); err != nil {
			return nil, err
		}
	}
	if _, err := tx.Exec(ctx, `UPDATE jobs SET again = true WHERE id = ANY ($1) AND status = 'running'`, ids); err != nil {
		return nil, err
	}
	var busy int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM jobs WHERE institution = $1 AND kind = $2 AND status IN ('queued', 'running')`, institution, kind).Scan(&busy); err != nil {
		return nil, err
	}
	free := len(list)
	if b.Queued > 0 {
		free = max(b.Queued-busy, 0)
	}
	rows, err := tx.Query(ctx, `
		UPDATE jobs j SET status = CASE WHEN p.n <= $2 THEN 'queued' ELSE 'parked' END, turn = turn + 1, run_at = clock_timestamp(), note = '', ended_at = NULL
		FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM jobs WHERE id = ANY ($1) AND status IN ('idle', 'waiting')) p
		WHERE j.id = p.id AND j.status IN ('idle', 'waiting') RETURNING j.id, j.turn, j.status`, ids, free)
	if err != nil {
		return nil, err
	}
	var out []Turn
	t := Turn{Kind: kind}
	var status JobStatus
	_, err = pgx.ForEachRow(rows, []any{&t.Job, &t.Turn, &status}, func() error {
		if status == JobQueued {
			t.First = busy == 0 && len(out) == 0
			out = append(out, t)
		}
		return nil
	})
	return out, err
}

// Taking asks for a turn to be taken in hand.
type Taking struct {
	Job    string
	Turn   int64
	Owner  string // token of the turn
	River  int64  // the queue's id of it
	Lease  time.Duration
	Bounds JobBounds
	Budget float64 // processor seconds of an institution and day; 0: no bound
}

// TakeTurn takes a turn in hand. taken is false when the turn is void, the
// institution has as many in hand as it may, or its budget of the day is used
// up; put then gives the queue what follows.
func (db *DB) TakeTurn(ctx context.Context, t Taking, put func(pgx.Tx, []Turn) error) (j Job, taken bool, err error) {
	defer fault.Wrap(&err, "store.TakeTurn(%s, %d)", t.Job, t.Turn)
	const take = `UPDATE jobs j SET status = 'running', owner = $3, leased_until = now() + $4::float8 * interval '1 second', river = $5
		WHERE id = $1 AND turn = $2 AND status = 'queued'`
	const spent = `coalesce((SELECT u.seconds FROM processor_use u WHERE u.institution = j.institution AND u.day = (now() AT TIME ZONE 'Asia/Shanghai')::date), 0)`
	args := []any{t.Job, t.Turn, t.Owner, t.Lease.Seconds(), t.River, t.Budget}
	one := func(tx querier, sql string) error {
		rows, err := tx.Query(ctx, sql+` RETURNING `+jobColumns, args...)
		if err != nil {
			return err
		}
		j, err = pgx.CollectExactlyOneRow(rows, scanJob)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		taken = err == nil
		return err
	}
	if err := one(db.pool, take+` AND ($6::float8 = 0 OR institution = '' OR `+spent+` < $6)`); err != nil || taken {
		return j, taken, err
	}
	// Not simply queued: void, waiting until now, or without budget.
	err = db.transact(ctx, func(tx pgx.Tx) error {
		var kind, institution string
		err := tx.QueryRow(ctx, `SELECT kind, institution FROM jobs WHERE id = $1`, t.Job).Scan(&kind, &institution)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := orderJobs(ctx, tx, kind, institution); err != nil {
			return err
		}
		var status JobStatus
		var poor bool
		err = tx.QueryRow(ctx, `SELECT status, $3::float8 > 0 AND institution <> '' AND `+spent+` >= $3 FROM jobs j WHERE id = $1 AND turn = $2 AND status IN ('queued', 'waiting') FOR UPDATE`,
			t.Job, t.Turn, t.Budget).Scan(&status, &poor)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil // void
		}
		if err != nil {
			return err
		}
		if poor {
			next := Turn{Job: t.Job, Kind: kind}
			if err := tx.QueryRow(ctx, `
				UPDATE jobs SET status = 'waiting', turn = turn + 1, note = 'budget', run_at = (date_trunc('day', now() AT TIME ZONE 'Asia/Shanghai') + interval '1 day') AT TIME ZONE 'Asia/Shanghai'
				WHERE id = $1 RETURNING turn, run_at`, t.Job).Scan(&next.Turn, &next.RunAt); err != nil {
				return err
			}
			later := []Turn{next}
			if status == JobQueued {
				more, err := unpark(ctx, tx, kind, institution)
				if err != nil {
					return err
				}
				later = append(later, more...)
			}
			return put(tx, later)
		}
		if status == JobWaiting && t.Bounds.Queued > 0 {
			var busy int
			if err := tx.QueryRow(ctx, `SELECT count(*) FROM jobs WHERE institution = $1 AND kind = $2 AND status IN ('queued', 'running')`, institution, kind).Scan(&busy); err != nil {
				return err
			}
			if busy >= t.Bounds.Queued {
				_, err := tx.Exec(ctx, `UPDATE jobs SET status = 'parked', run_at = now() WHERE id = $1`, t.Job)
				return err
			}
		}
		if _, err := tx.Exec(ctx, `UPDATE jobs SET status = 'queued' WHERE id = $1`, t.Job); err != nil {
			return err
		}
		args = args[:5]
		return one(tx, take)
	})
	return j, taken && err == nil, err
}

// TakeNow takes a job's turn in hand at once, past the queue. taken is false
// when it is in other hands or at its end.
func (db *DB) TakeNow(ctx context.Context, tx pgx.Tx, job Job, owner string, lease time.Duration) (j Job, taken bool, err error) {
	defer fault.Wrap(&err, "store.TakeNow(%s)", job.ID)
	if err := orderJobs(ctx, tx, job.Kind, job.Institution); err != nil {
		return j, false, err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO jobs (id, kind, institution, subject, created_by) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING`,
		job.ID, job.Kind, job.Institution, job.Subject, job.CreatedBy); err != nil {
		return j, false, err
	}
	rows, err := tx.Query(ctx, `UPDATE jobs SET status = 'running', turn = turn + 1, owner = $2, leased_until = now() + $3::float8 * interval '1 second', river = NULL
		WHERE id = $1 AND status IN ('idle', 'waiting', 'parked', 'queued') RETURNING `+jobColumns, job.ID, owner, lease.Seconds())
	if err != nil {
		return j, false, err
	}
	if j, err = pgx.CollectExactlyOneRow(rows, scanJob); errors.Is(err, pgx.ErrNoRows) {
		return j, false, nil
	}
	return j, err == nil, err
}

// unpark lets the next of an institution's parked turns into the queue.
func unpark(ctx context.Context, tx pgx.Tx, kind, institution string) ([]Turn, error) {
	t := Turn{Kind: kind}
	err := tx.QueryRow(ctx, `
		UPDATE jobs SET status = 'queued', turn = turn + 1 WHERE id = (
			SELECT id FROM jobs WHERE institution = $2 AND kind = $1 AND status = 'parked' ORDER BY run_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
		RETURNING id, turn, NOT EXISTS (SELECT FROM jobs o WHERE o.institution = $2 AND o.kind = $1 AND o.status = 'queued')`, kind, institution).Scan(&t.Job, &t.Turn, &t.First)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return []Turn{t}, err
}

// ErrLeaseLost says that a turn is not, or no longer, in the hands of who wants
// to write or free it.
var ErrLeaseLost = errors.New("the turn is in other hands")

// TurnEnd is how a turn ended.
type TurnEnd struct {
	Status JobStatus     // queued: another turn at the end of the queue; waiting: after Wait; idle; done; failed
	Wait   time.Duration // of JobWaiting
	Used   float64       // processor seconds
	Failed bool          // counts as a failure; otherwise the count begins anew
	Died   bool          // the process is gone: counts as a death
	Keep   bool          // neither failed nor good, e.g. the process stops: counts stay
	Note   string
	Error  string
}

// EndTurn lets a turn go and returns the turns to be given to the queue: the
// job's next, or the one that its place in the queue passes to.
func (db *DB) EndTurn(ctx context.Context, tx pgx.Tx, j *Job, e TurnEnd) (_ []Turn, err error) {
	defer fault.Wrap(&err, "store.EndTurn(%s, %d)", j.ID, j.Turn)
	if e.Used > 0 && j.Institution != "" {
		if _, err := tx.Exec(ctx, `INSERT INTO processor_use AS u VALUES ($1, (now() AT TIME ZONE 'Asia/Shanghai')::date, $2)
			ON CONFLICT (institution, day) DO UPDATE SET seconds = u.seconds + $2`, j.Institution, e.Used); err != nil {
			return nil, err
		}
	}
	stays := e.Status == JobQueued
	if !stays { // the number of turns queued changes
		if err := orderJobs(ctx, tx, j.Kind, j.Institution); err != nil {
			return nil, err
		}
	}
	var status JobStatus
	t := Turn{Job: j.ID, Kind: j.Kind}
	err = tx.QueryRow(ctx, `
		UPDATE jobs SET status = CASE WHEN again AND $3 IN ('idle', 'waiting') THEN 'queued' ELSE $3 END, again = false, owner = NULL, leased_until = NULL, turn = turn + 1,
			run_at = CASE WHEN $3 = 'waiting' AND NOT again THEN now() + $4::float8 * interval '1 second' ELSE now() END,
			used = used + $5, failures = CASE WHEN $6 THEN failures + 1 WHEN $7 THEN failures ELSE 0 END, deaths = deaths + $8::boolean::integer, note = $9, error = $10,
			ended_at = CASE WHEN $3 IN ('done', 'failed') THEN now() END
		WHERE id = $1 AND owner = $2 RETURNING status, turn, run_at`,
		j.ID, j.Owner, string(e.Status), e.Wait.Seconds(), e.Used, e.Failed, e.Keep || e.Died, e.Died, e.Note, e.Error).Scan(&status, &t.Turn, &t.RunAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrLeaseLost
	}
	if err != nil {
		return nil, err
	}
	switch status {
	case JobQueued: // behind what is parked
		next, err := unpark(ctx, tx, j.Kind, j.Institution)
		if err != nil {
			return nil, err
		}
		if next != nil {
			_, err := tx.Exec(ctx, `UPDATE jobs SET status = 'parked' WHERE id = $1`, j.ID)
			return next, err
		}
		t.RunAt = time.Time{}
		err = tx.QueryRow(ctx, `SELECT NOT EXISTS (SELECT FROM jobs WHERE institution = $1 AND kind = $2 AND status = 'queued' AND id <> $3)`, j.Institution, j.Kind, j.ID).Scan(&t.First)
		return []Turn{t}, err
	case JobWaiting:
		next, err := unpark(ctx, tx, j.Kind, j.Institution)
		return append(next, t), err
	}
	return unpark(ctx, tx, j.Kind, j.Institution)
}

type turnKey struct{}

// InTurn returns a context every transaction of which commits only while the
// turn with this token is in hand: a process that lost it gets ErrLeaseLost and
// writes nothing.
func InTurn(ctx context.Context, owner string) context.Context {
	return context.WithValue(ctx, turnKey{}, owner)
}

// holdTurn makes sure, to the end of a transaction, that the context's turn, if
// it has one, is in hand. Its lock lets leases be prolonged and nothing else.
func holdTurn(ctx context.Context, tx pgx.Tx) error {
	owner, ok := ctx.Value(turnKey{}).(string)
	if !ok {
		return nil
	}
	var held bool
	err := tx.QueryRow(ctx, `SELECT true FROM jobs WHERE owner = $1 FOR KEY SHARE`, owner).Scan(&held)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrLeaseLost
	}
	return err
}

// KeepTurns prolongs the leases of the turns a process has in hand and returns
// those that still are.
func (db *DB) KeepTurns(ctx context.Context, owners []string, lease time.Duration) (_ []string, err error) {
	defer fault.Wrap(&err, "store.KeepTurns")
	rows, err := db.pool.Query(ctx, `UPDATE jobs SET leased_until = now() + $2::float8 * interval '1 second' WHERE owner = ANY ($1) RETURNING owner`, owners, lease.Seconds())
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// LapsedTurns returns turns of some kinds whose lease has run out. While the
// server has just started nothing has: who lives must have had the time to say
// so.
func (db *DB) LapsedTurns(ctx context.Context, kinds []string, lease time.Duration) (_ []Job, err error) {
	defer fault.Wrap(&err, "store.LapsedTurns")
	rows, err := db.pool.Query(ctx, `SELECT `+jobColumns+` FROM jobs WHERE owner IS NOT NULL AND leased_until < now() AND kind = ANY ($1)
		AND pg_postmaster_start_time() < now() - $2::float8 * interval '1 second' ORDER BY leased_until LIMIT 100`, kinds, lease.Seconds())
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanJob)
}

// SeizeTurn makes a lapsed turn the caller's within a transaction, to end it in
// the place of the process that is gone. False: somebody else did, the process
// is back, or it is writing this moment.
func (db *DB) SeizeTurn(ctx context.Context, tx pgx.Tx, j *Job) (bool, error) {
	var gone bool
	err := tx.QueryRow(ctx, `SELECT leased_until < now() FROM jobs WHERE owner = $1 FOR UPDATE SKIP LOCKED`, j.Owner).Scan(&gone)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return gone, err
}

// NoteProgress stores how far the work in hand is.
func (db *DB) NoteProgress(ctx context.Context, owner string, done, total int64) (err error) {
	defer fault.Wrap(&err, "store.NoteProgress")
	_, err = db.pool.Exec(ctx, `UPDATE jobs SET done = $2, total = $3 WHERE owner = $1`, owner, done, total)
	return err
}

// Job returns a job of an institution; an empty institution sees every one.
func (db *DB) Job(ctx context.Context, institution, id string) (_ Job, err error) {
	defer fault.Wrap(&err, "store.Job(%s)", id)
	ctx = As(ctx, institution)
	rows, err := db.pool.Query(ctx, `SELECT `+jobColumns+` FROM jobs WHERE id = $1 AND ($2 = '' OR institution = $2)`, id, institution)
	if err != nil {
		return Job{}, err
	}
	j, err := pgx.CollectExactlyOneRow(rows, scanJob)
	if errors.Is(err, pgx.ErrNoRows) {
		return j, errNoJob
	}
	return j, err
}

var errNoJob = fault.New(fault.NotFound, "job.unknown", "没有这个任务。", "There is no such job.")

// Jobs returns an institution's jobs, newest first, before a position. An empty
// kind asks for all.
func (db *DB) Jobs(ctx context.Context, institution, kind string, before time.Time, beforeID string, limit int) (_ []Job, err error) {
	defer fault.Wrap(&err, "store.Jobs")
	ctx = As(ctx, institution)
	rows, err := db.pool.Query(ctx, `
		SELECT `+jobColumns+` FROM jobs WHERE institution = $1 AND ($2 = '' OR kind = $2) AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4))
		ORDER BY created_at DESC, id DESC LIMIT $5`, institution, kind, nullTime(before), beforeID, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanJob)
}

// CancelJob ends a job that has not ended. Who has it in hand may write nothing
// from the commit on. It returns the queue's id of the turn in hand, 0 for
// none, and the turns that its place in the queue passes to.
func (db *DB) CancelJob(ctx context.Context, tx pgx.Tx, institution, id, by string) (j Job, river int64, _ []Turn, err error) {
	defer fault.Wrap(&err, "store.CancelJob(%s)", id)
	ctx = As(ctx, institution)
	rows, err := tx.Query(ctx, `SELECT `+jobColumns+` FROM jobs WHERE id = $1 AND institution = $2`, id, institution)
	if err != nil {
		return j, 0, nil, err
	}
	if j, err = pgx.CollectExactlyOneRow(rows, scanJob); errors.Is(err, pgx.ErrNoRows) {
		return j, 0, nil, errNoJob
	} else if err != nil {
		return j, 0, nil, err
	}
	if err := orderJobs(ctx, tx, j.Kind, j.Institution); err != nil {
		return j, 0, nil, err
	}
	var was JobStatus
	if err := tx.QueryRow(ctx, `SELECT status, CASE WHEN status = 'running' THEN coalesce(river, 0) ELSE 0 END FROM jobs WHERE id = $1 FOR UPDATE`, id).Scan(&was, &river); err != nil {
		return j, 0, nil, err
	}
	if was.Ended() {
		j.Status = was
		return j, 0, nil, nil
	}
	if _, err := tx.Exec(ctx, `UPDATE jobs SET status = 'cancelled', turn = turn + 1, owner = NULL, leased_until = NULL, again = false, note = '', ended_at = now() WHERE id = $1`, id); err != nil {
		return j, 0, nil, err
	}
	var next []Turn
	if was == JobQueued || was == JobRunning {
		if next, err = unpark(ctx, tx, j.Kind, j.Institution); err != nil {
			return j, 0, nil, err
		}
	}
	j.Status = JobCancelled
	return j, river, next, record(ctx, tx, Act{institution, by, "job.cancel", id, map[string]any{"kind": j.Kind, "subject": j.Subject}})
}

// TurnsInHand returns the queue's ids of turns in hand, by their tokens.
func (db *DB) TurnsInHand(ctx context.Context, tx pgx.Tx, owners []string) (_ []int64, err error) {
	defer fault.Wrap(&err, "store.TurnsInHand")
	rows, err := tx.Query(ctx, `SELECT river FROM jobs WHERE owner = ANY ($1) AND river IS NOT NULL`, owners)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int64])
}

// ProcessorUse returns the processor seconds of background work an institution
// used today, by the calendar of China.
func (db *DB) ProcessorUse(ctx context.Context, institution string) (seconds float64, err error) {
	defer fault.Wrap(&err, "store.ProcessorUse")
	ctx = As(ctx, institution)
	err = db.pool.QueryRow(ctx, `SELECT coalesce(sum(seconds), 0) FROM processor_use WHERE institution = $1 AND day = (now() AT TIME ZONE 'Asia/Shanghai')::date`, institution).Scan(&seconds)
	return seconds, err
}
