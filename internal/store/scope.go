package store

import (
	"cmp"
	"context"
	"errors"
	"net"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The two institutions that are there from the start.
const (
	Default = "default" // of command line, demo, keys and pages unless another is named
	Public  = "public"  // the operator's corpus: every institution reads it
)

type scopeKey struct{}

// As makes every statement of the context work for an institution: it sees
// that institution's records and the public corpus, and what it writes is that
// institution's. Without it a statement sees the public corpus and writes
// nothing. Methods that name an institution set it themselves.
func As(ctx context.Context, institution string) context.Context {
	return context.WithValue(ctx, scopeKey{}, institution)
}

// visible are the rows of a corpus table that an institution reads, its own and
// the operator's, and ownFirst puts its own before them.
const (
	visible  = `institution IN ((SELECT institution_now()), 'public')`
	ownFirst = `institution = 'public'`
)

// Everyone, as the institution of a method that allows it, asks about all of
// them: for the service's own work, never for a caller's.
const Everyone = "*"

// service is the scope of the few statements that look for work or faults
// across institutions. It stays in this package.
type service struct{}

// across makes the statements of the context see every institution.
func across(ctx context.Context) context.Context {
	return context.WithValue(ctx, scopeKey{}, service{})
}

// whose is [As] of a method that also takes Everyone.
func whose(ctx context.Context, institution string) context.Context {
	if institution == Everyone {
		return across(ctx)
	}
	return As(ctx, institution)
}

var institutionID = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)

// scoped is a pool every statement and transaction of which sets the
// institution it works for, and none keeps it: it ends with the transaction,
// also with one that failed.
type scoped struct {
	pool      *pgxpool.Pool // of requests
	work      *pgxpool.Pool // of turns of background work, which requests never wait behind
	vital     *pgxpool.Pool // of health, keys and sessions, which are answered while the others are taken
	otherwise string        // institution where the context names none
}

type vitalKey struct{}

// vital makes the statements of the context use the connections kept for health, keys and sessions. They are short reads.
func vital(ctx context.Context) context.Context { return context.WithValue(ctx, vitalKey{}, true) }

func (s scoped) of(ctx context.Context) *pgxpool.Pool {
	switch {
	case ctx.Value(vitalKey{}) != nil:
		return s.vital
	case turnOf(ctx) != "":
		return s.work
	}
	return s.pool
}

// crowdedFor is how long who finds no connection left on the server waits for one.
const crowdedFor = 5 * time.Second

// patiently calls f again while the server has no connection left, one of the pool's own is free soon, and where the connection
// was cut while nobody used it, see [notBegun].
func patiently(ctx context.Context, f func() error) error {
	until := time.Now().Add(crowdedFor)
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, 200*time.Millisecond) {
		err := f()
		if err == nil || !notBegun(err) || time.Now().After(until) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

// notBegun reports that nothing of what was sent can have been committed: there was no connection, the server said that it
// ends the connection before anything else, or the words did not all leave; the end of a batch commits it.
func notBegun(err error) bool {
	var server *pgconn.PgError
	if errors.As(err, &server) {
		return server.Code == "53300" || server.Code == "57P01" // too_many_connections, admin_shutdown
	}
	var network *net.OpError
	return errors.As(err, &network) && network.Op == "write"
}

// scope returns the institution a context works for; whatever is no id is
// nobody.
func (s scoped) scope(ctx context.Context) string {
	institution := s.otherwise
	switch v := ctx.Value(scopeKey{}).(type) {
	case service:
		return Everyone
	case string:
		institution = v
	}
	if !institutionID.MatchString(institution) {
		return ""
	}
	return institution
}

const setScope = `SELECT set_config('zhijia.institution', $1, true)`

// SendBatch sends statements that make one transaction, in one round trip. A
// turn that was lost sends none, see [InTurn].
func (s scoped) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	return s.send(ctx, s.of(ctx), b, turnOf(ctx))
}

func (s scoped) send(ctx context.Context, pool *pgxpool.Pool, b *pgx.Batch, turn string) pgx.BatchResults {
	var r pgx.BatchResults
	_ = patiently(ctx, func() error { // what failed here fails in every result that follows
		if r != nil {
			_ = r.Close()
		}
		var all pgx.Batch // anew in every try: a batch keeps what its connection prepared
		all.Queue(setScope, s.scope(ctx))
		if turn != "" {
			all.Queue(`SELECT hold_job($1)`, turn)
		}
		for _, q := range b.QueuedQueries {
			all.Queue(q.SQL, q.Arguments...).Fn = q.Fn
		}
		r = pool.SendBatch(ctx, &all)
		_, err := r.Exec()
		return err
	})
	if turn != "" {
		_, _ = r.Exec()
	}
	return r
}

func (s scoped) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	var b pgx.Batch
	b.Queue(sql, args...)
	r := s.SendBatch(ctx, &b)
	tag, err := r.Exec()
	return tag, cmp.Or(err, r.Close())
}

func (s scoped) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	var b pgx.Batch
	b.Queue(sql, args...)
	r := s.send(ctx, s.reader(ctx, sql), &b, "") // reading takes no turn
	rows, err := r.Query()
	if err != nil {
		_ = r.Close()
		return nil, err
	}
	return &batchRows{Rows: rows, batch: r}, nil
}

func (s scoped) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	rows, err := s.Query(ctx, sql, args...)
	return &oneRow{rows, err}
}

// Begin starts a transaction, and none for a turn that was lost.
func (s scoped) Begin(ctx context.Context) (pgx.Tx, error) {
	return s.begin(ctx, `BEGIN`, turnOf(ctx))
}

// thoughtful lets a transaction in which the program works something out between two statements, a batch decided or a chain
// verified, take longer than [patience] allows others.
const thoughtful = `SET LOCAL idle_in_transaction_session_timeout = '10min'`

// beginSnapshot starts a transaction that reads one moment throughout.
func (s scoped) beginSnapshot(ctx context.Context) (pgx.Tx, error) {
	return s.begin(ctx, `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = '1h'; `+thoughtful, "")
}

func (s scoped) begin(ctx context.Context, begin, turn string) (tx pgx.Tx, err error) {
	// The scope is an id, * or nothing, and a turn letters and digits: they need
	// no quoting.
	begin += `; SET LOCAL zhijia.institution = '` + s.scope(ctx) + `'`
	if turn != "" {
		begin += `; SELECT hold_job('` + turn + `')`
	}
	err = patiently(ctx, func() error {
		tx, err = s.of(ctx).BeginTx(ctx, pgx.TxOptions{BeginQuery: begin})
		return err
	})
	return tx, err
}

// batchRows are the rows of the only statement of a batch, which ends with
// them and gives its connection back.
type batchRows struct {
	pgx.Rows
	batch pgx.BatchResults
	ended bool
	err   error
}

func (r *batchRows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.Close()
	return false
}

func (r *batchRows) Close() {
	r.Rows.Close()
	if !r.ended {
		r.ended, r.err = true, r.batch.Close()
	}
}

func (r *batchRows) Err() error { return cmp.Or(r.Rows.Err(), r.err) }

// oneRow reads the first of its rows.
type oneRow struct {
	rows pgx.Rows
	err  error
}

func (r *oneRow) Scan(into ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		return cmp.Or(r.rows.Err(), pgx.ErrNoRows)
	}
	if err := r.rows.Scan(into...); err != nil {
		return err
	}
	r.rows.Close()
	return r.rows.Err()
}
