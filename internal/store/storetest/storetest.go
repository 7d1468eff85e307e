// Package storetest gives each test a database of its own, cloned from a
// migrated template, on a real PostgreSQL. Without one the test fails; it is
// never skipped.
package storetest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/calendar"
	"zhijia/internal/localdb"
	"zhijia/internal/store"
	"zhijia/migrations"
)

// New returns an open, migrated and empty database, dropped when the test ends.
// Statements that name no institution are those of the public corpus.
func New(t testing.TB) *store.DB {
	t.Helper()
	db, err := store.Open(context.Background(), URL(t), store.Options{MaxConns: 8, Institution: store.Public})
	if err != nil {
		t.Fatalf("opening the test database: %v", err)
	}
	t.Cleanup(db.Close)
	return db
}

// NewBare is [New] with the conditions on the owner taken out of every statement
// that runs for an institution, see [BareURL].
func NewBare(t testing.TB) *store.DB {
	t.Helper()
	url, stripped := BareURL(t, URL(t))
	db, err := store.Open(context.Background(), url, store.Options{MaxConns: 8, Institution: store.Public})
	if err != nil {
		t.Fatalf("opening the test database: %v", err)
	}
	t.Cleanup(func() {
		db.Close()
		if stripped.Load() == 0 {
			t.Error("no statement lost a condition on the owner")
		}
	})
	return db
}

// Authorise notes the borrower's written word that other institutions may be asked
// about patents, without which they tell nothing.
func Authorise(t testing.TB, db *store.DB, institution string, numbers ...string) {
	t.Helper()
	x := store.Authorisation{Numbers: numbers, Borrower: "甲公司", SignedOn: calendar.New(2026, 1, 2), Document: "授权书1"}
	if err := db.PutAuthorisation(context.Background(), store.Actor{Name: "test", Institution: institution}, x, time.Now()); err != nil {
		t.Fatal(err)
	}
}

// URL returns the address of a migrated and empty database, dropped when the
// test ends. Tests that start processes of their own use it.
func URL(t testing.TB) string {
	t.Helper()
	ctx := context.Background()
	srv, err := server()
	if err != nil {
		t.Fatalf("no PostgreSQL for tests: %v", err)
	}
	var suffix [6]byte
	rand.Read(suffix[:])
	name := "t_" + hex.EncodeToString(suffix[:])
	if err := srv.exec(ctx, fmt.Sprintf(`CREATE DATABASE %s TEMPLATE %s`, name, srv.template)); err != nil {
		t.Fatalf("cloning the template database: %v", err)
	}
	t.Cleanup(func() {
		if err := srv.exec(context.Background(), fmt.Sprintf(`DROP DATABASE IF EXISTS %s WITH (FORCE)`, name)); err != nil {
			t.Errorf("dropping the test database: %v", err)
		}
	})
	return srv.url(name)
}

type testServer struct {
	url      func(database string) string
	template string
}

// server prepares the server and the template once per process; processes of
// one test run share both.
var server = sync.OnceValues(func() (*testServer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	srv := &testServer{template: "template_" + schemaHash()}
	if given := os.Getenv("DATABASE_URL"); given != "" {
		u, err := url.Parse(given)
		if err != nil {
			return nil, fmt.Errorf("DATABASE_URL cannot be parsed")
		}
		srv.url = func(database string) string {
			v := *u
			v.Path = "/" + database
			return v.String()
		}
	} else {
		// The cluster outlives this process for a minute, so that the packages
		// of one test run find it warm. It is never closed: the process's end
		// lets go of it.
		c, err := localdb.Start(ctx, localdb.Options{DataDir: testDataDir(), Volatile: true, Grace: time.Minute})
		if err != nil {
			return nil, err
		}
		srv.url = c.URL
	}
	return srv, srv.prepare(ctx)
})

// testDataDir must be searchable by the user the server runs as.
func testDataDir() string {
	return fmt.Sprintf("%s/zhijia-test-%d", strings.TrimSuffix(os.TempDir(), "/"), os.Getuid())
}

// prepare creates the template of this schema unless it is there.
func (srv *testServer) prepare(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, srv.url("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock($1)`, store.LockTemplate); err != nil { // released with the connection
		return err
	}
	var ready bool
	if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, srv.template).Scan(&ready); err != nil || ready {
		return err
	}
	building := "building_" + srv.template
	for _, q := range []string{`DROP DATABASE IF EXISTS ` + building + ` WITH (FORCE)`, `CREATE DATABASE ` + building} {
		if _, err := conn.Exec(ctx, q); err != nil {
			return err
		}
	}
	if err := store.Migrate(ctx, srv.url(building)); err != nil {
		return err
	}
	if err := AddInstitutions(ctx, srv.url(building)); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, `ALTER DATABASE `+building+` RENAME TO `+srv.template)
	return err
}

// Institutions are there in every test database, beside those of the schema.
var Institutions = []string{"a", "another", "b", "bank", "bank-a", "bank-b", "other", "test"}

// AddInstitutions puts them into a migrated database that is no clone of the
// template.
func AddInstitutions(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if _, err = conn.Exec(ctx, `UPDATE institutions SET shares_interests = true WHERE id = 'default'`); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, `INSERT INTO institutions (id, name, shares_interests) SELECT id, id, true FROM unnest($1::text[]) AS id`, Institutions)
	return err
}

func (srv *testServer) exec(ctx context.Context, query string) error {
	conn, err := pgx.Connect(ctx, srv.url("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	// Cloning locks the template against other clones for a moment.
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock($1)`, store.LockClone); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, query)
	return err
}

// schemaHash names the template after the schema, so a changed step gets a
// template of its own.
func schemaHash() string {
	h := sha256.New()
	fmt.Fprintln(h, Institutions)
	names, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil {
		panic(err)
	}
	for _, name := range names {
		text, err := migrations.FS.ReadFile(name)
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(h, "%s %d\n", name, len(text))
		h.Write(text)
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}
