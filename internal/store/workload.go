package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/fault"
)

// Connections of this process to the database.
type Connections struct{ Busy, Idle, Most int32 }

// Connections counts them, of both pools.
func (db *DB) Connections() Connections {
	a, b := db.pool.pool.Stat(), db.queue.Stat()
	return Connections{a.AcquiredConns() + b.AcquiredConns(), a.IdleConns() + b.IdleConns(), a.MaxConns() + b.MaxConns()}
}

// Workload is what waits in the database, of all institutions.
type Workload struct {
	Bytes int64
	Jobs  []JobsOfKind
	Kinds map[string]KindState
}

// JobsOfKind counts the work of a kind in a status.
type JobsOfKind struct {
	Kind, Status string
	Open         int64
}

// KindState is how the work of a kind fares.
type KindState struct {
	Oldest  float64 // seconds since it was ordered
	Failing int64   // whose last turn failed, or whose process died
}

// Workload asks how much background work there is and how it fares.
func (db *DB) Workload(ctx context.Context) (w Workload, err error) {
	defer fault.Wrap(&err, "store.Workload")
	if err := db.queue.QueryRow(ctx, `SELECT pg_database_size(current_database())`).Scan(&w.Bytes); err != nil {
		return w, err
	}
	rows, err := db.queue.Query(ctx, `SELECT kind, status, count(*), max(extract(epoch FROM now() - created_at))::float8, count(*) FILTER (WHERE failures > 0 OR deaths > 0) FROM jobs GROUP BY kind, status ORDER BY kind, status`)
	if err != nil {
		return w, err
	}
	w.Kinds = map[string]KindState{}
	var j JobsOfKind
	var oldest float64
	var failing int64
	_, err = pgx.ForEachRow(rows, []any{&j.Kind, &j.Status, &j.Open, &oldest, &failing}, func() error {
		k := w.Kinds[j.Kind]
		w.Kinds[j.Kind] = KindState{max(k.Oldest, oldest), k.Failing + failing}
		w.Jobs = append(w.Jobs, j)
		return nil
	})
	return w, err
}

// ServerFacts are settings and state of the server that decide how it fares.
func (db *DB) ServerFacts(ctx context.Context) (_ map[string]string, err error) {
	defer fault.Wrap(&err, "store.ServerFacts")
	rows, err := db.pool.Query(ctx, `
		SELECT name, setting || coalesce(' ' || unit, '') FROM pg_settings WHERE name IN ('server_version', 'shared_buffers', 'work_mem', 'maintenance_work_mem', 'effective_cache_size', 'random_page_cost',
			'max_connections', 'max_wal_size', 'wal_level', 'synchronous_commit', 'fsync', 'jit', 'autovacuum', 'max_parallel_workers_per_gather', 'shared_preload_libraries', 'server_encoding', 'TimeZone')
		UNION ALL SELECT 'pgvector', extversion FROM pg_extension WHERE extname = 'vector'
		UNION ALL SELECT 'in_recovery', pg_is_in_recovery()::text
		UNION ALL SELECT 'started', pg_postmaster_start_time()::text
		UNION ALL SELECT 'connections', count(*)::text FROM pg_stat_activity`)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	var name, value string
	_, err = pgx.ForEachRow(rows, []any{&name, &value}, func() error { out[name] = value; return nil })
	return out, err
}
