package main

import (
	"fmt"
	"log/slog"
	"time"

	"zhijia/internal/fault"
	"zhijia/internal/localdb"
	"zhijia/internal/store"
)

// Database are the flags of every command that needs the database.
type Database struct {
	DatabaseURL string        `name:"database-url" env:"DATABASE_URL" help:"PostgreSQL with pgvector 0.8.4 or later. Default: a private cluster, provisioned on first use." placeholder:"URL"`
	ReadURL     string        `name:"database-url-read" env:"DATABASE_URL_READ" secret:"true" help:"A server that follows the database. Searches and comparables are read from it, and the answer says how old it may be; valuations are not." placeholder:"URL"`
	ReadMostOld time.Duration `name:"read-most-old" env:"ZHIJIA_READ_MOST_OLD" help:"Farther behind than this the follower is not asked." default:"30s"`
	NoManagedDB bool          `name:"no-managed-db" help:"Fail rather than use the private cluster."`
	MaxConns    int32         `name:"max-conns" env:"ZHIJIA_MAX_CONNS" help:"Connections to the database at most." default:"16"`

	trace bool // record a span per query; set by the service
}

// url returns where the database is, starting the private cluster when no
// address is configured, and a function that lets go of it.
func (d *Database) url(g *Globals) (string, func(), error) {
	if d.DatabaseURL != "" {
		return d.DatabaseURL, func() {}, nil
	}
	if d.NoManagedDB {
		return "", nil, fault.New(fault.Invalid, "database.none", "未设置 DATABASE_URL。", "DATABASE_URL is not set.")
	}
	c, err := localdb.Start(g.ctx, localdb.Options{
		Grace: time.Second,
		Keep:  true,
		Say:   func(s string) { fmt.Fprintln(g.stderr, "zhijia:", s) },
	})
	if err != nil {
		return "", nil, err
	}
	return c.URL(localdb.Role), func() { c.Close() }, nil
}

// open returns the migrated database and a function that closes it.
func (d *Database) open(g *Globals) (*store.DB, func(), error) {
	url, release, err := d.url(g)
	if err != nil {
		return nil, nil, err
	}
	db, err := openMigrated(g, url, d)
	if err != nil {
		release()
		return nil, nil, err
	}
	if err := g.identify(db); err != nil {
		db.Close()
		release()
		return nil, nil, err
	}
	return db, func() { db.Close(); release() }, nil
}

func openMigrated(g *Globals, url string, d *Database) (*store.DB, error) {
	if err := store.Migrate(g.ctx, url); err != nil {
		return nil, err
	}
	log := slog.New(slog.NewTextHandler(g.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	return store.Open(g.ctx, url, store.Options{MaxConns: d.MaxConns, Log: log, Trace: d.trace, Institution: g.Institution, Read: d.ReadURL, ReadMostOld: d.ReadMostOld})
}
