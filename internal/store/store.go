// Package store keeps everything in PostgreSQL: one file per aggregate, each a
// set of methods on [DB], and all SQL of the project. Start with [Open].
package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	pgxvec "github.com/pgvector/pgvector-go/pgx"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"zhijia/internal/fault"
	"zhijia/migrations"
)

// DB is a pool of connections to the product's database. It is safe for
// concurrent use.
type DB struct {
	pool  scoped
	queue *pgxpool.Pool // of the job queue and its tables: every connection is the service's own
	// serialIndexBuild keeps HNSW builds to one process: parallel builds of
	// pgvector before 0.8.4 can overflow a buffer (CVE-2026-3172).
	serialIndexBuild bool
	replica          *replica // nil: none is configured
}

// Role is what every statement runs under, whoever logs in: it owns no table, so
// that no row passes by its wall. The first migration makes it.
const Role = "zhijia_app"

// Options configure [Open].
type Options struct {
	MaxConns int32 // of requests; default: pgxpool's, the greater of 4 and the number of CPUs. Background work and its queue have half as many each, sessions and health two
	Trace    bool  // record an OpenTelemetry span per query
	// Institution is whose every statement is that names none, in a program
	// that works for one: the command line. Empty in a service.
	Institution string
	Log         *slog.Logger
	// Read is a server that follows this one; what may be a little old is read
	// from it, see [DB.OnReplica]. Empty: none.
	Read        string
	ReadMostOld time.Duration // farther behind it is not asked; 0: 30 seconds
}

// patience bounds how long one connection may keep others waiting, in milliseconds and seconds as the server reads them: a
// process that is frozen, cut off or waiting holds its locks no longer. Each may be set in DATABASE_URL. Requests have
// shorter deadlines of their own; what may take longer, such as an index of vectors, has a connection of its own.
var patience = map[string]string{
	"idle_in_transaction_session_timeout": "15000",
	"lock_timeout":                        "30000",
	"statement_timeout":                   "600000",
	"client_connection_check_interval":    "10000", // a statement nobody waits for ends
	"tcp_keepalives_idle":                 "30",
	"tcp_keepalives_interval":             "10",
	"tcp_keepalives_count":                "3",
	"tcp_user_timeout":                    "30000",
}

// Open connects to the database at url, which must hold a migrated schema; see
// [Migrate]. It refuses pgvector before 0.8.0 and warns before 0.8.4.
func Open(ctx context.Context, url string, o Options) (_ *DB, err error) {
	defer fault.Wrap(&err, "store.Open")
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fault.New(fault.Invalid, "database.url", "DATABASE_URL 格式有误。", "DATABASE_URL cannot be parsed.").Because(redact(err))
	}
	if o.MaxConns > 0 {
		config.MaxConns = o.MaxConns
	}
	if o.Trace {
		config.ConnConfig.Tracer = otelpgx.NewTracer()
	}
	config.ConnConfig.RuntimeParams["role"] = Role
	config.ConnConfig.RuntimeParams["timezone"] = "UTC"
	config.ConnConfig.RuntimeParams["application_name"] = "zhijia"
	for name, bound := range patience {
		if _, own := config.ConnConfig.RuntimeParams[name]; !own {
			config.ConnConfig.RuntimeParams[name] = bound
		}
	}
	if t := config.ConnConfig.ConnectTimeout; t == 0 || t > connectTimeout && !strings.Contains(url, "connect_timeout") {
		config.ConnConfig.ConnectTimeout = connectTimeout
	}
	config.ConnConfig.OnPgError = func(_ *pgconn.PgConn, e *pgconn.PgError) bool {
		// A server that only reads is no longer the one to write to: the next connection looks for that among the hosts.
		return e.Code != "25006" && e.SeverityUnlocalized != "FATAL" && e.SeverityUnlocalized != "PANIC"
	}
	db := &DB{}
	room, err := db.probe(ctx, config.ConnConfig, o.Log)
	if err != nil {
		return nil, err
	}
	config.AfterConnect = pgxvec.RegisterTypes
	requests := config.MaxConns
	if requests > 1 && room < 2*requests+2 { // others connect too: what there is too little of is waited for, see [scoped.send]
		requests = max(2, (room-3)/2)
		if o.Log != nil {
			o.Log.Warn("the database allows few connections; raise its max_connections", "allowed", room, "for requests", requests)
		}
	}
	pool := func(most int32, institution string) (*pgxpool.Pool, error) {
		c := config.Copy()
		c.MaxConns, c.MinConns = most, min(c.MinConns, most)
		if institution != "" {
			c.ConnConfig.RuntimeParams["zhijia.institution"] = institution
		}
		p, err := pgxpool.NewWithConfig(ctx, c)
		if err != nil {
			return nil, unreachable(err)
		}
		return p, nil
	}
	db.pool.otherwise = o.Institution
	if db.replica, err = following(ctx, o, config); err != nil {
		return nil, err
	}
	background := max(2, requests/2)
	for _, p := range []struct {
		to   **pgxpool.Pool
		most int32
		as   string
	}{{&db.pool.pool, requests, ""}, {&db.pool.work, background, ""}, {&db.pool.vital, 2, ""}, {&db.queue, background, Everyone}} {
		if *p.to, err = pool(p.most, p.as); err != nil {
			db.Close()
			return nil, err
		}
	}
	return db, nil
}

// connectTimeout is how long one host may take to answer a new connection.
const connectTimeout = 5 * time.Second

// following opens the replica as the primary is opened. It need not answer now.
func following(ctx context.Context, o Options, like *pgxpool.Config) (*replica, error) {
	if o.Read == "" {
		return nil, nil
	}
	config, err := pgxpool.ParseConfig(o.Read)
	if err != nil {
		return nil, fault.New(fault.Invalid, "database.url_read", "DATABASE_URL_READ 格式有误。", "DATABASE_URL_READ cannot be parsed.").Because(redact(err))
	}
	config.MaxConns, config.AfterConnect, config.ConnConfig.Tracer = like.MaxConns, like.AfterConnect, like.ConnConfig.Tracer
	for name, value := range like.ConnConfig.RuntimeParams {
		if _, own := config.ConnConfig.RuntimeParams[name]; !own {
			config.ConnConfig.RuntimeParams[name] = value
		}
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, unreachable(err)
	}
	return &replica{pool: pool, most: cmp.Or(o.ReadMostOld, 30*time.Second)}, nil
}

// Close returns every connection.
func (db *DB) Close() {
	if db.replica != nil {
		db.replica.pool.Close()
	}
	for _, p := range []*pgxpool.Pool{db.pool.pool, db.pool.work, db.pool.vital, db.queue} {
		if p != nil {
			p.Close()
		}
	}
}

// login opens a connection of its own, in the name of whoever logs in and not
// in the program's role.
func (db *DB) login(ctx context.Context) (*pgx.Conn, error) {
	config := db.queue.Config().ConnConfig.Copy()
	delete(config.RuntimeParams, "role")
	config.RuntimeParams["statement_timeout"] = "0" // an index of vectors takes what it takes,
	config.RuntimeParams["lock_timeout"] = "0"      // and waits for whoever reads, a chain being verified, too
	return pgx.ConnectConfig(ctx, config)
}

// Ping reports whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	if err := db.pool.vital.Ping(ctx); err != nil {
		return unreachable(err)
	}
	return nil
}

func unreachable(err error) error {
	return fault.New(fault.Unavailable, "database.unreachable", "数据库无法连接，请稍后重试。", "The database cannot be reached; try again.").Because(redact(err))
}

// redact keeps a password in a connection string out of logs: pgx prints the
// string only in parse errors, whose text is dropped.
func redact(err error) error {
	if strings.Contains(err.Error(), "://") {
		return fmt.Errorf("connection string not shown (%T)", err)
	}
	return err
}

// probe refuses a pgvector that is too old and returns how many connections the server allows.
func (db *DB) probe(ctx context.Context, config *pgx.ConnConfig, log *slog.Logger) (room int32, err error) {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return 0, unreachable(err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var version string
	if err := conn.QueryRow(ctx, `
		SELECT extversion, current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int - coalesce(current_setting('reserved_connections', true), '0')::int
		FROM pg_extension WHERE extname = 'vector'`).Scan(&version, &room); err != nil {
		return 0, unreachable(fmt.Errorf("reading the version of pgvector: %w", err))
	}
	switch v := ordinal(version); {
	case v < ordinal("0.8.0"):
		return 0, fault.New(fault.Unsupported, "database.pgvector", "pgvector 版本过低（"+version+"），需要 0.8.4 以上。", "pgvector "+version+" is too old; 0.8.4 or later is needed.")
	case v < ordinal("0.8.4"):
		db.serialIndexBuild = true
		if log != nil {
			log.Warn("pgvector before 0.8.4 can corrupt HNSW indexes; building them in one process", "version", version)
		}
	}
	return room, nil
}

// ordinal makes dotted versions comparable: three parts below 1,000 each.
func ordinal(version string) int {
	n := 0
	parts := strings.SplitN(version+".0.0", ".", 4)
	for _, p := range parts[:3] {
		v, _ := strconv.Atoi(p)
		n = n*1000 + v
	}
	return n
}

// Migrate brings the schema at url up to this program's version, one migrator
// at a time. Steps only go forward.
func Migrate(ctx context.Context, url string) (err error) {
	defer fault.Wrap(&err, "store.Migrate")
	provider, conn, err := migrator(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err = provider.Up(ctx); err != nil {
		return err
	}
	return migrateQueue(ctx, url)
}

// MigrationState is one step of the schema.
type MigrationState struct {
	Version int64  `json:"version"`
	Name    string `json:"name"`
	Applied bool   `json:"applied"`
}

// MigrationStates lists every step and whether the schema at url has it.
func MigrationStates(ctx context.Context, url string) (_ []MigrationState, err error) {
	defer fault.Wrap(&err, "store.MigrationStates")
	provider, conn, err := migrator(ctx, url)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	steps, err := provider.Status(ctx)
	if err != nil {
		return nil, err
	}
	states := make([]MigrationState, len(steps))
	for i, s := range steps {
		states[i] = MigrationState{s.Source.Version, s.Source.Path, s.State == goose.StateApplied}
	}
	return states, nil
}

func migrator(ctx context.Context, url string) (*goose.Provider, *sql.DB, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, nil, fault.New(fault.Invalid, "database.url", "DATABASE_URL 格式有误。", "DATABASE_URL cannot be parsed.").Because(redact(err))
	}
	conn := stdlib.OpenDB(*config)
	// The types of pgvector are registered on every connection of the pool,
	// so the extension must be there before the pool opens.
	if _, err := conn.ExecContext(ctx, fmt.Sprintf(`SELECT pg_advisory_lock(%[1]d); CREATE EXTENSION IF NOT EXISTS vector; SELECT pg_advisory_unlock(%[1]d)`, lockExtend)); err != nil {
		conn.Close()
		return nil, nil, unreachable(fmt.Errorf("creating the extension vector: %w", err))
	}
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, conn, migrations.FS, goose.WithSessionLocker(locker))
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	return provider, conn, nil
}

// Outage reports that an error says the server is away, stopping, starting, full or crowded, or that others kept the
// statement waiting too long, and nothing about what was asked of it.
func Outage(err error) bool {
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) { // before what the server said: it may refuse whoever comes
		return true
	}
	var server *pgconn.PgError
	if errors.As(err, &server) {
		switch server.Code {
		case "55P03", "57014", "25P03", "25006": // lock_not_available, query_canceled, idle_in_transaction_session_timeout, read_only_sql_transaction: a standby
			return true
		}
		return strings.HasPrefix(server.Code, "57P") || strings.HasPrefix(server.Code, "08") || strings.HasPrefix(server.Code, "53")
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) { // network errors by their methods
		return false
	}
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed)
}

// Outward gives an outage its name and its advice for whoever asked: unreachable, full or crowded. Any other error it returns
// as it is.
func Outward(err error) error {
	var named *fault.Error
	if err == nil || errors.As(err, &named) || !Outage(err) {
		return err
	}
	var server *pgconn.PgError
	if errors.As(err, &server) {
		switch server.Code {
		case "53100": // disk_full
			return fault.New(fault.Unavailable, "database.full", "数据库磁盘空间不足，本次未保存；请联系管理员后重试。", "The database's disk is full and nothing was saved; tell the administrator and try again.").Because(redact(err))
		case "53200", "53300", "55P03", "57014": // out_of_memory, too_many_connections, lock_not_available, query_canceled
			return fault.New(fault.Unavailable, "database.crowded", "数据库繁忙，请稍后重试。", "The database is busy; try again later.").Because(redact(err))
		}
	}
	return unreachable(err)
}

// transact runs f in one transaction: committed when f returns nil, rolled
// back otherwise.
func (db *DB) transact(ctx context.Context, f func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, db.pool, f)
}
