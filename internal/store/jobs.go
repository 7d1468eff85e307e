package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"zhijia/internal/fault"
)

// Job is a piece of background work that has not ended.
type Job struct {
	ID          int64
	Institution string
	Kind        string
	Key         string
	Subject     string
	Args        json.RawMessage
	Rank        int
	Failures    int // turns in a row that failed
	Deaths      int // processes that died with a turn in hand

	Wait time.Duration // before the first turn of a new one

	Turn  int64  // number of the turn
	Owner string // token of the turn in hand
}

const jobColumns = `id, institution, kind, key, subject, args, rank, failures, deaths, turn, coalesce(owner, '')`

func scanJob(row pgx.CollectableRow) (j Job, err error) {
	err = row.Scan(&j.ID, &j.Institution, &j.Kind, &j.Key, &j.Subject, (*[]byte)(&j.Args), &j.Rank, &j.Failures, &j.Deaths, &j.Turn, &j.Owner)
	return j, err
}

// Turn is one turn of a job to be given to the queue.
type Turn struct {
	Job  int64
	Turn int64
	Kind string
	Wait time.Duration

	Before int // turns of the institution and kind in the queue or in hand that go before this one
}

// JobBounds are what one institution may have of a kind.
type JobBounds struct {
	Queued int // turns queued or running at once; 0: no bound
	Open   int // jobs that have not ended; 0: no bound
}

// CodeJobs is the code of the fault that an institution has too many jobs of a
// kind open.
const CodeJobs = "jobs.open"

// AddJobs adds jobs of one kind and institution and returns the turns to be
// given to the queue. One that is there already is called for: when it is
// running it takes another turn after the one it is in.
func (db *DB) AddJobs(ctx context.Context, tx pgx.Tx, institution, kind string, b JobBounds, list []Job) (_ []Turn, err error) {
	defer fault.Wrap(&err, "store.AddJobs(%s)", kind)
	if len(list) == 0 {
		return nil, nil
	}
	var open, busy int
	if err := tx.QueryRow(ctx, `
		SELECT CASE WHEN $3 THEN (SELECT count(*) FROM jobs WHERE kind = $1 AND institution = $2) ELSE 0 END,
			(SELECT count(*) FROM jobs WHERE kind = $1 AND institution = $2 AND status IN ('queued', 'running'))`, kind, institution, b.Open > 0).Scan(&open, &busy); err != nil {
		return nil, err
	}
	n := len(list)
	keys, subjects, args := make([]string, n), make([]string, n), make([][]byte, n)
	ranks, failures, deaths, waits := make([]int, n), make([]int, n), make([]int, n), make([]bool, n)
	var out []Turn
	byKey := map[string]*Job{}
	for i := range list {
		j := &list[i]
		keys[i], subjects[i], args[i], ranks[i], failures[i], deaths[i], waits[i] = j.Key, j.Subject, j.Args, j.Rank, j.Failures, j.Deaths, j.Wait > 0
		byKey[j.Key] = j
	}
	rows, err := tx.Query(ctx, `
		INSERT INTO jobs AS j (institution, kind, key, subject, args, rank, failures, deaths, status, turn)
		SELECT $1, $2, x.key, x.subject, x.args, x.rank, x.failures, x.deaths, CASE WHEN x.wait THEN 'waiting' ELSE 'parked' END, x.wait::integer
		FROM unnest($3::text[], $4::text[], $5::json[], $6::int[], $7::int[], $8::int[], $9::bool[]) AS x (key, subject, args, rank, failures, deaths, wait)
		ON CONFLICT (kind, key) DO UPDATE SET again = j.status = 'running', status = CASE WHEN j.status = 'waiting' THEN 'parked' ELSE j.status END
		RETURNING j.id, j.key, j.turn, j.status, (xmax = 0)`, institution, kind, keys, subjects, args, ranks, failures, deaths, waits)
	if err != nil {
		return nil, err
	}
	fresh := 0
	t := Turn{Kind: kind}
	var key, status string
	var isFresh bool
	if _, err := pgx.ForEachRow(rows, []any{&t.Job, &key, &t.Turn, &status, &isFresh}, func() error {
		if isFresh {
			fresh++
		}
		if status == "waiting" {
			t.Wait = byKey[key].Wait
			out = append(out, t)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	if b.Open > 0 && fresh > 0 && open+fresh > b.Open {
		return nil, fault.New(fault.RateLimited, CodeJobs, fmt.Sprintf("本机构此类任务最多同时有 %d 个未完成，请等待其中之一完成或先取消。", b.Open),
			fmt.Sprintf("At most %d jobs of this kind may be open at once; wait for one to end or cancel it.", b.Open))
	}
	free := n
	if b.Queued > 0 {
		// What is in the queue gives way to what goes before it.
		tag, err := tx.Exec(ctx, `
			UPDATE jobs SET status = 'parked' WHERE id IN (
				SELECT id FROM jobs WHERE kind = $1 AND institution = $2 AND status = 'queued' AND rank > $3 FOR NO KEY UPDATE SKIP LOCKED)`, kind, institution, slices.Min(ranks))
		if err != nil {
			return nil, err
		}
		free = max(b.Queued-busy+int(tag.RowsAffected()), 0)
	}
	next, err := feed(ctx, tx, institution, kind, free)
	return append(out, next...), err
}

// feed lets up to n parked jobs of an institution and kind into the queue.
func feed(ctx context.Context, tx pgx.Tx, institution, kind string, n int) ([]Turn, error) {
	if n <= 0 {
		return nil, nil
	}
	rows, err := tx.Query(ctx, `
		WITH next AS (SELECT id, rank FROM jobs WHERE kind = $1 AND institution = $2 AND status = 'parked' ORDER BY rank, id LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED),
		placed AS (SELECT id, row_number() OVER (ORDER BY rank, id) - 1
			+ (SELECT count(*) FROM jobs b WHERE kind = $1 AND institution = $2 AND status IN ('queued', 'running') AND (b.rank, b.id) < (next.rank, next.id)) AS place FROM next)
		UPDATE jobs j SET status = 'queued', turn = turn + 1 FROM placed WHERE j.id = placed.id RETURNING j.id, j.turn, placed.place`, kind, institution, n)
	if err != nil {
		return nil, err
	}
	turns, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Turn, error) {
		t := Turn{Kind: kind}
		return t, row.Scan(&t.Job, &t.Turn, &t.Before)
	})
	slices.SortFunc(turns, func(a, b Turn) int { return cmp.Compare(a.Before, b.Before) })
	return turns, err
}

// FeedJobs lets parked jobs of some kinds into the queue wherever there is
// room: what two transactions at once left undone.
func (db *DB) FeedJobs(ctx context.Context, bounds map[string]JobBounds, put func(pgx.Tx, []Turn) error) (err error) {
	defer fault.Wrap(&err, "store.FeedJobs")
	ctx = across(ctx)
	kinds := make([]string, 0, len(bounds))
	for k := range bounds {
		kinds = append(kinds, k)
	}
	type room struct {
		Kind, Institution string
		Busy              int
	}
	rows, err := db.pool.Query(ctx, `
		SELECT p.kind, p.institution, (SELECT count(*) FROM jobs b WHERE b.kind = p.kind AND b.institution = p.institution AND b.status IN ('queued', 'running'))
		FROM (SELECT DISTINCT kind, institution FROM jobs WHERE status = 'parked' AND kind = ANY ($1)) p`, kinds)
	if err != nil {
		return err
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[room])
	if err != nil {
		return err
	}
	for _, r := range found {
		free := 1000
		if q := bounds[r.Kind].Queued; q > 0 {
			free = q - r.Busy
		}
		if free <= 0 {
			continue
		}
		if err := db.transact(ctx, func(tx pgx.Tx) error {
			turns, err := feed(ctx, tx, r.Institution, r.Kind, free)
			if err != nil {
				return err
			}
			return put(tx, turns)
		}); err != nil {
			return err
		}
	}
	return nil
}

// TakeTurn takes a turn in hand. taken is false when the turn is void.
func (db *DB) TakeTurn(ctx context.Context, id, turn int64, owner string, lease time.Duration) (j Job, taken bool, err error) {
	defer fault.Wrap(&err, "store.TakeTurn(%d, %d)", id, turn)
	ctx = across(ctx)
	rows, err := db.pool.Query(ctx, `
		UPDATE jobs SET status = 'running', owner = $3, leased_until = now() + $4 * interval '1 second'
		WHERE id = $1 AND turn = $2 AND status IN ('queued', 'waiting') RETURNING `+jobColumns, id, turn, owner, lease.Seconds())
	if err != nil {
		return j, false, err
	}
	j, err = pgx.CollectExactlyOneRow(rows, scanJob)
	if errors.Is(err, pgx.ErrNoRows) {
		return j, false, nil
	}
	return j, err == nil, err
}

// TakeNow takes a job in hand at once, past the queue, adding it when it is not
// there. taken is false when it is in other hands.
func (db *DB) TakeNow(ctx context.Context, j Job, owner string, lease time.Duration) (_ Job, taken bool, err error) {
	defer fault.Wrap(&err, "store.TakeNow(%s)", j.Key)
	ctx = across(ctx)
	rows, err := db.pool.Query(ctx, `
		INSERT INTO jobs AS j (institution, kind, key, subject, args, status, turn, owner, leased_until) VALUES ($1, $2, $3, $4, $5, 'running', 1, $6, now() + $7 * interval '1 second')
		ON CONFLICT (kind, key) DO UPDATE SET status = 'running', turn = j.turn + 1, owner = EXCLUDED.owner, leased_until = EXCLUDED.leased_until WHERE j.status <> 'running'
		RETURNING `+jobColumns, j.Institution, j.Kind, j.Key, j.Subject, []byte(j.Args), owner, lease.Seconds())
	if err != nil {
		return j, false, err
	}
	j, err = pgx.CollectExactlyOneRow(rows, scanJob)
	if errors.Is(err, pgx.ErrNoRows) {
		return j, false, nil
	}
	return j, err == nil, err
}

var errTurnLost = errors.New("the turn is in other hands")

// TurnLost reports that a turn is not, or no longer, in the hands of who wants
// to write or to let it go.
func TurnLost(err error) bool {
	var pg *pgconn.PgError
	return errors.Is(err, errTurnLost) || errors.As(err, &pg) && pg.Code == "ZJ002" // of hold_job
}

// TurnEnd is how a turn ended.
type TurnEnd struct {
	Gone   bool            // the work has ended
	Wait   time.Duration   // otherwise: until the next turn; 0: behind what is parked
	Failed bool            // counts as a failure; otherwise the count begins anew
	Keep   bool            // neither failed nor good, e.g. the process stops: the count stays
	Died   bool            // the process is gone: counts as a death
	Args   json.RawMessage // of the next turn; nil: as they are
}

// EndTurn lets a turn go and returns the turns to be given to the queue: the
// job's next, or the one its place passes to.
func (db *DB) EndTurn(ctx context.Context, tx pgx.Tx, j *Job, e TurnEnd) (_ []Turn, err error) {
	defer fault.Wrap(&err, "store.EndTurn(%d)", j.ID)
	if e.Gone {
		tag, err := tx.Exec(ctx, `DELETE FROM jobs WHERE id = $1 AND owner = $2 AND NOT again`, j.ID, j.Owner)
		if err != nil {
			return nil, err
		}
		if tag.RowsAffected() == 1 {
			return feed(ctx, tx, j.Institution, j.Kind, 1)
		}
		e = TurnEnd{} // called for meanwhile, or lost
	}
	status := "parked"
	if e.Wait > 0 {
		status = "waiting"
	}
	t := Turn{Job: j.ID, Kind: j.Kind, Wait: e.Wait}
	err = tx.QueryRow(ctx, `
		UPDATE jobs SET status = CASE WHEN again THEN 'parked' ELSE $3 END, again = false, owner = NULL, leased_until = NULL, turn = turn + 1, args = coalesce($4, args),
			failures = CASE WHEN $5 THEN failures + 1 WHEN $6 THEN failures ELSE 0 END, deaths = deaths + $7::boolean::integer
		WHERE id = $1 AND owner = $2 RETURNING status, turn`,
		j.ID, j.Owner, status, []byte(e.Args), e.Failed, e.Keep || e.Died, e.Died).Scan(&status, &t.Turn)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, errTurnLost
	}
	if err != nil {
		return nil, err
	}
	next, err := feed(ctx, tx, j.Institution, j.Kind, 1)
	if status == "waiting" {
		next = append(next, t)
	}
	return next, err
}

type turnKey struct{}

// InTurn returns a context whose transactions and commands go through only
// while the turn with this token is in hand: a process that lost it gets
// [ErrTurnLost] and writes nothing.
func InTurn(ctx context.Context, owner string) context.Context {
	return context.WithValue(ctx, turnKey{}, owner)
}

var ownerToken = regexp.MustCompile(`^[A-Z0-9]{1,64}$`)

// turnOf returns the token of the context's turn; empty: none.
func turnOf(ctx context.Context) string {
	owner, _ := ctx.Value(turnKey{}).(string)
	if !ownerToken.MatchString(owner) {
		return ""
	}
	return owner
}

// KeepTurns prolongs the leases of the turns a process has in hand and returns
// those that still are.
func (db *DB) KeepTurns(ctx context.Context, owners []string, lease time.Duration) (_ []string, err error) {
	defer fault.Wrap(&err, "store.KeepTurns")
	ctx = across(ctx)
	// What is locked is being let go this moment.
	if _, err := db.pool.Exec(ctx, `UPDATE jobs SET leased_until = now() + $2 * interval '1 second'
		WHERE id IN (SELECT id FROM jobs WHERE owner = ANY ($1) FOR NO KEY UPDATE SKIP LOCKED)`, owners, lease.Seconds()); err != nil {
		return nil, err
	}
	rows, err := db.pool.Query(ctx, `SELECT owner FROM jobs WHERE owner = ANY ($1)`, owners)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// LapsedTurns returns turns of some kinds whose lease has run out. While the
// server has just started none has: who lives must have had the time to say so.
func (db *DB) LapsedTurns(ctx context.Context, kinds []string, lease time.Duration) (_ []Job, err error) {
	defer fault.Wrap(&err, "store.LapsedTurns")
	ctx = across(ctx)
	rows, err := db.pool.Query(ctx, `SELECT `+jobColumns+` FROM jobs WHERE owner IS NOT NULL AND leased_until < now() AND kind = ANY ($1)
		AND pg_postmaster_start_time() < now() - $2 * interval '1 second' ORDER BY leased_until LIMIT 100`, kinds, lease.Seconds())
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanJob)
}

// SeizeTurn locks a lapsed turn within a transaction, to end it in the place of
// the process that is gone. False: somebody else did, the process is back, or
// it is writing this moment.
func (db *DB) SeizeTurn(ctx context.Context, tx pgx.Tx, j *Job) (gone bool, err error) {
	defer fault.Wrap(&err, "store.SeizeTurn")
	err = tx.QueryRow(ctx, `SELECT leased_until < now() FROM jobs WHERE owner = $1 FOR UPDATE SKIP LOCKED`, j.Owner).Scan(&gone)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return gone, err
}

// RenewTurns makes void the turns given to the queue that a process took from
// it and died with before they were in hand, and puts others in their place.
func (db *DB) RenewTurns(ctx context.Context, stuck []Turn, put func(pgx.Tx, []Turn) error) (err error) {
	defer fault.Wrap(&err, "store.RenewTurns")
	ctx = across(ctx)
	ids, turns := make([]int64, len(stuck)), make([]int64, len(stuck))
	for i, t := range stuck {
		ids[i], turns[i] = t.Job, t.Turn
	}
	return db.transact(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			UPDATE jobs j SET turn = j.turn + 1, status = 'queued' FROM unnest($1::bigint[], $2::bigint[]) AS s (id, turn)
			WHERE j.id = s.id AND j.turn = s.turn AND j.status IN ('queued', 'waiting') RETURNING j.id, j.turn, j.kind`, ids, turns)
		if err != nil {
			return err
		}
		next, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t Turn, err error) { return t, row.Scan(&t.Job, &t.Turn, &t.Kind) })
		if err != nil || len(next) == 0 {
			return err
		}
		return put(tx, next)
	})
}

// SetJobArgs changes what a turn in hand works on.
func (db *DB) SetJobArgs(ctx context.Context, tx pgx.Tx, j *Job, args json.RawMessage) (err error) {
	defer fault.Wrap(&err, "store.SetJobArgs")
	tag, err := tx.Exec(ctx, `UPDATE jobs SET args = $3 WHERE id = $1 AND owner = $2`, j.ID, j.Owner, []byte(args))
	if err == nil && tag.RowsAffected() == 0 {
		return errTurnLost
	}
	return err
}

// DropJobs ends every job of a subject: who has one in hand writes nothing
// after the commit.
func (db *DB) DropJobs(ctx context.Context, tx pgx.Tx, institution, subject string) (err error) {
	defer fault.Wrap(&err, "store.DropJobs")
	_, err = tx.Exec(ctx, `DELETE FROM jobs WHERE institution = $1 AND subject = $2`, institution, subject)
	return err
}

// Starved reports whether another institution than the one given waits for a
// turn of a kind and has none in hand.
func (db *DB) Starved(ctx context.Context, kind, besides string) (starved bool, err error) {
	defer fault.Wrap(&err, "store.Starved(%s)", kind)
	err = db.pool.QueryRow(across(ctx), `
		SELECT EXISTS (SELECT FROM jobs q WHERE kind = $1 AND institution <> $2 AND status = 'queued'
			AND NOT EXISTS (SELECT FROM jobs r WHERE r.kind = $1 AND r.institution = q.institution AND r.status = 'running'))`, kind, besides).Scan(&starved)
	return starved, err
}

// OpenJobs reports whether a kind and subject has a job that has not ended.
func (db *DB) OpenJobs(ctx context.Context, kind, subject string) (open bool, err error) {
	defer fault.Wrap(&err, "store.OpenJobs(%s)", kind)
	err = db.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM jobs WHERE kind = $1 AND subject = $2)`, kind, subject).Scan(&open)
	return open, err
}

// Transact runs f in one transaction: committed when f returns nil, rolled back
// otherwise.
func (db *DB) Transact(ctx context.Context, f func(pgx.Tx) error) error { return db.transact(ctx, f) }

// Queue is the connection pool under the job queue and its tables.
func (db *DB) Queue() *pgxpool.Pool { return db.queue }
