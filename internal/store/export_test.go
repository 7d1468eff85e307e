package store

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Freeze stops where a process that records an act may be stopped: with the lock of the chain in hand. What it returns goes on.
func Freeze(ctx context.Context, db *DB, a Act) (goOn func() error, err error) {
	tx, err := db.pool.Begin(ctx)
	if err != nil {
		return nil, err
	}
	return func() error { return tx.Commit(ctx) }, record(ctx, tx, a)
}

// Connection returns one connection of the pool as it is opened.
func Connection(ctx context.Context, db *DB, f func(*pgx.Conn) error) error {
	c, err := db.pool.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release()
	return f(c.Conn())
}

// PatentQuery is the statement of [DB.Patent], for the test of its plan.
const PatentQuery = patentQuery

// DueLoansQuery is the statement of [DB.DueLoans], for the test of its plan.
const DueLoansQuery = dueLoans
