package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/fault"
)

// HasOtherThan reports whether the institution holds a patent or a deal that is
// not of a source: of a deal its notes say so.
func (db *DB) HasOtherThan(ctx context.Context, source string) (has bool, err error) {
	defer fault.Wrap(&err, "store.HasOtherThan")
	err = db.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM patents WHERE institution = institution_now() AND source <> $1) OR EXISTS (SELECT FROM deals WHERE institution = institution_now() AND notes IS DISTINCT FROM $1)`, source).Scan(&has)
	return has, err
}

// HasPatent reports whether the institution itself has the patent.
func (db *DB) HasPatent(ctx context.Context, number string) (has bool, err error) {
	defer fault.Wrap(&err, "store.HasPatent")
	err = db.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM patents WHERE institution = (SELECT institution_now()) AND number = $1)`, number).Scan(&has)
	return has, err
}

// HasEvent reports whether the institution itself has the event.
func (db *DB) HasEvent(ctx context.Context, e LegalEvent) (has bool, err error) {
	defer fault.Wrap(&err, "store.HasEvent")
	err = db.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM events WHERE institution = (SELECT institution_now()) AND number = $1 AND effective = $2 AND code = $3 AND registration = $4 AND party = $5)`,
		e.Number, e.Effective, e.Code, e.Registration, e.Party).Scan(&has)
	return has, err
}

// ValuationsHeld counts the institution's valuations.
func (db *DB) ValuationsHeld(ctx context.Context) (n int, err error) {
	defer fault.Wrap(&err, "store.ValuationsHeld")
	err = db.pool.QueryRow(ctx, `SELECT count(*) FROM valuations WHERE institution = institution_now()`).Scan(&n)
	return n, err
}

// repeater stands as who made what [DB.RepeatValuations] makes.
const repeater = "lab"

// RepeatValuations stores, for each number, what one of the institution's
// valuations holds again, under an id and a day of its own: to fill a database
// for a measurement.
func (db *DB) RepeatValuations(ctx context.Context, numbers []string) (err error) {
	defer fault.Wrap(&err, "store.RepeatValuations")
	return db.transact(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			WITH first AS MATERIALIZED (
				SELECT row_number() OVER (ORDER BY created_at, id) - 1 AS n, v.* FROM valuations v WHERE institution = institution_now() AND created_by <> '`+repeater+`' ORDER BY created_at, id LIMIT 200),
			of AS (
				SELECT number, row_number() OVER () AS k, 'val_' || md5(random()::text || number || clock_timestamp()::text) AS id FROM unnest($1::text[]) AS number),
			made AS (
				INSERT INTO valuations (id, created_at, created_by, title, purpose, as_of, status, point, low, high, assumptions, request, snapshot, conclusion, hash)
				SELECT of.id, now() - k * interval '97 seconds', '`+repeater+`', title, purpose, as_of, status, point, low, high, assumptions, request, snapshot, conclusion, hash
				FROM of JOIN first ON first.n = of.k % (SELECT count(*) FROM first) RETURNING id, created_at)
			INSERT INTO valuation_patents (valuation, position, number, created_at) SELECT made.id, 0, of.number, made.created_at FROM made JOIN of USING (id)`, numbers)
		return err
	})
}

// Analyze has the planner learn how large the tables have become. Only their
// owner may.
func (db *DB) Analyze(ctx context.Context) (err error) {
	defer fault.Wrap(&err, "store.Analyze")
	conn, err := db.login(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, `ANALYZE`)
	return err
}

// TableSize is how much disk a table and its indexes take.
type TableSize struct {
	Table   string `json:"table"`
	Rows    int64  `json:"rows"` // as last estimated by the server
	Bytes   int64  `json:"bytes"`
	Indexes int64  `json:"index_bytes"`
}

// TableSizes lists the tables of 1 MB and more, the largest first.
func (db *DB) TableSizes(ctx context.Context) (_ []TableSize, err error) {
	defer fault.Wrap(&err, "store.TableSizes")
	rows, err := db.pool.Query(ctx, `
		SELECT relname, greatest(reltuples, 0)::bigint, pg_table_size(oid), pg_indexes_size(oid) FROM pg_class
		WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_total_relation_size(oid) > 1000000 ORDER BY pg_total_relation_size(oid) DESC, relname`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[TableSize])
}
