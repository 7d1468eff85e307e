package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/url"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/fault"
)

// Scratch creates an empty, migrated database on the server at address and
// opens it; the returned function closes and drops it. Evaluations run in one,
// so that they never see or touch an operator's records.
func Scratch(ctx context.Context, address string) (_ *DB, drop func(), err error) {
	defer fault.Wrap(&err, "store.Scratch")
	u, err := url.Parse(address)
	if err != nil {
		return nil, nil, fault.New(fault.Invalid, "database.url", "DATABASE_URL 格式有误。", "DATABASE_URL cannot be parsed.")
	}
	var suffix [6]byte
	_, _ = rand.Read(suffix[:])
	name := "scratch_" + hex.EncodeToString(suffix[:])
	admin := func(ctx context.Context, query string) error {
		conn, err := pgx.Connect(ctx, address)
		if err != nil {
			return unreachable(err)
		}
		defer conn.Close(ctx)
		_, err = conn.Exec(ctx, query)
		return err
	}
	if err := admin(ctx, `CREATE DATABASE `+name); err != nil {
		return nil, nil, err
	}
	remove := func() {
		_ = admin(context.WithoutCancel(ctx), `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`) // a database left behind is named scratch_… and holds nothing of value
	}
	u.Path = "/" + name
	if err := Migrate(ctx, u.String()); err != nil {
		remove()
		return nil, nil, err
	}
	db, err := Open(ctx, u.String(), Options{MaxConns: 4})
	if err != nil {
		remove()
		return nil, nil, err
	}
	return db, func() { db.Close(); remove() }, nil
}
