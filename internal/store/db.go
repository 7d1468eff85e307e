// Package store keeps everything in PostgreSQL: one file per aggregate, each a
// set of methods on [DB].
package store

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"
)

// DB is a pool of connections to the product's database.
type DB struct{ pool *pgxpool.Pool }

// Ping reports whether the database answers.
func (db *DB) Ping(ctx context.Context) error { return db.pool.Ping(ctx) }
