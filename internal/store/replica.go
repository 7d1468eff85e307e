package store

import (
	"context"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Reading says from which server an answer was read.
type Reading struct {
	Server string   `json:"server" enum:"primary,replica" doc:"Which server answered."`
	Behind *float64 `json:"behind_seconds,omitempty" doc:"Of a replica: at most so many seconds old is what it was read from; absent: it could not be told."`
	Why    string   `json:"why,omitempty" doc:"Why the primary answered although a replica is configured: replica.away, replica.behind."`
}

// replica is a server that follows the primary, for reads that may be a little
// old: searches and comparables that are only shown.
type replica struct {
	pool *pgxpool.Pool
	most time.Duration // farther behind it is not asked

	mu      sync.Mutex
	checked time.Time
	last    Reading
}

// replicaCheck is how long what was found of a replica is believed.
const replicaCheck = 2 * time.Second

type replicaKey struct{}

// OnReplica lets the statements of a context that only read go to the replica
// while it answers and is not too far behind. The second result goes into the
// answer; it is nil where no replica is configured.
func (db *DB) OnReplica(ctx context.Context) (context.Context, *Reading) {
	if db.replica == nil {
		return ctx, nil
	}
	r := db.replica.state(ctx, db)
	if r.Server == "replica" {
		ctx = context.WithValue(ctx, replicaKey{}, db.replica.pool)
	}
	return ctx, &r
}

// state asks the replica and the primary where they are. A replica that has all
// that the primary wrote is not behind, however long ago that was.
func (r *replica) state(ctx context.Context, db *DB) Reading {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.checked) < replicaCheck {
		return r.last
	}
	ctx, stop := context.WithTimeout(ctx, replicaCheck)
	defer stop()
	var written *string // nil: the primary does not answer, or may not say
	_ = db.queue.QueryRow(ctx, `SELECT pg_current_wal_lsn()::text`).Scan(&written)
	var recovers, all bool
	var age *float64
	err := r.pool.QueryRow(ctx, `SELECT pg_is_in_recovery(), coalesce(pg_last_wal_replay_lsn() >= $1::pg_lsn, false), extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8`, written).Scan(&recovers, &all, &age)
	r.checked = time.Now()
	switch {
	case err != nil:
		r.last = Reading{Server: "primary", Why: "replica.away"}
		return r.last
	case recovers && all:
		age = new(float64)
	case !recovers: // it does not follow by the log: how old it is cannot be told
		age = nil
	}
	if age != nil && *age > r.most.Seconds() {
		r.last = Reading{Server: "primary", Why: "replica.behind"}
	} else {
		r.last = Reading{Server: "replica", Behind: age}
	}
	return r.last
}

var writes = regexp.MustCompile(`(?i)\b(insert|update|delete|merge|lock|for\s+(no\s+key\s+)?update|nextval|pg_advisory\w*|audit_append|hold_job)\b`)

// reader is the pool that a statement of a context is read from.
func (s scoped) reader(ctx context.Context, sql string) *pgxpool.Pool {
	pool, ok := ctx.Value(replicaKey{}).(*pgxpool.Pool)
	if !ok {
		return s.of(ctx)
	}
	start := strings.ToUpper(strings.TrimSpace(sql))
	if !strings.HasPrefix(start, "SELECT") && !strings.HasPrefix(start, "WITH") || writes.MatchString(sql) {
		return s.of(ctx)
	}
	return pool
}

// look runs f in a transaction that only reads, where the context lets it be
// read from.
func (db *DB) look(ctx context.Context, f func(pgx.Tx) error) error {
	pool := db.pool.reader(ctx, "SELECT")
	begin := `BEGIN READ ONLY; SET LOCAL zhijia.institution = '` + db.pool.scope(ctx) + `'`
	return pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{BeginQuery: begin}, f)
}
