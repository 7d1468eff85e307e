package store_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

// impatient opens the database at address with one bound of patience set.
func impatient(t *testing.T, address, bound, value string) *store.DB {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set(bound, value)
	u.RawQuery = q.Encode()
	db, err := store.Open(t.Context(), u.String(), store.Options{MaxConns: 2, Institution: "default"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// A process that is stopped while it holds the lock of the audit keeps the others waiting for a bounded time, and what it
// had not finished never happened.
func TestFrozenProcess(t *testing.T) {
	ctx, address := t.Context(), storetest.URL(t)
	act := store.Act{Institution: "default", Actor: "x", Action: "frozen", Subject: "s"}
	frozen := impatient(t, address, "idle_in_transaction_session_timeout", "200")
	goOn, err := store.Freeze(ctx, frozen, act)
	if err != nil {
		t.Fatal(err)
	}
	others := impatient(t, address, "lock_timeout", "30000")
	act.Action = "other"
	if err := others.Record(ctx, act); err != nil {
		t.Fatal(err)
	}
	if err := goOn(); fault.KindOf(store.Outward(err)) != fault.Unavailable {
		t.Errorf("the frozen process goes on: %v", err)
	}
	entries, err := others.Audit(ctx, "default", "", 0, 10)
	if err != nil || len(entries) != 1 || entries[0].Action != "other" {
		t.Errorf("%v %v", entries, err)
	}

	// Who waits is told so in time, and his connection is as good as before.
	slow := impatient(t, address, "idle_in_transaction_session_timeout", "60000")
	goOn, err = store.Freeze(ctx, slow, act)
	if err != nil {
		t.Fatal(err)
	}
	hasty := impatient(t, address, "lock_timeout", "100")
	if err := hasty.Record(ctx, act); fault.Public(store.Outward(err)).Code != "database.crowded" {
		t.Errorf("waiting for the lock: %v", err)
	}
	if err := goOn(); err != nil {
		t.Error(err)
	}
	if err := hasty.Record(ctx, act); err != nil {
		t.Error(err)
	}
}

// A batch is decided inside its transaction and takes the time that its rows need: only those who do nothing are cut off.
func TestBatchIsDecidedInPeace(t *testing.T) {
	ctx, address := t.Context(), storetest.URL(t)
	db := impatient(t, address, "idle_in_transaction_session_timeout", "100")
	b := store.Batch{ID: "bat_1", Institution: "default", CreatedAt: time.Now(), CreatedBy: "x", Name: "f.csv", Content: []byte{1}, Key: []byte{1}, Options: []byte(`{}`), AsOf: calendar.New(2026, 1, 2)}
	rows := func(yield func(store.BatchRow) bool) {
		yield(store.BatchRow{Line: 2, Input: []byte(`{}`), Status: store.RowRefused, Fault: []byte(`{}`)})
	}
	b, _, err := db.PutBatch(ctx, b, rows, func(pgx.Tx, *store.Batch) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	watcher := impatient(t, address, "lock_timeout", "30000")
	done, err := db.FinishBatch(ctx, &b, store.FactsQuery{}, func(store.Facts) (f store.Finished, err error) {
		f.Contracts = []byte(`[]`)
		for begun := time.Now(); err == nil && time.Since(begun) < 500*time.Millisecond; { // five times the bound
			err = watcher.Ping(ctx)
		}
		f.Decisions = func(func(int, []byte) bool) {}
		return f, err
	})
	if err != nil || !done {
		t.Errorf("%v, %v", done, err)
	}
}

// Every connection is bounded, and an index of vectors is not.
func TestPatience(t *testing.T) {
	db := impatient(t, storetest.URL(t), "statement_timeout", "100")
	err := store.Connection(t.Context(), db, func(c *pgx.Conn) error {
		for _, name := range []string{"idle_in_transaction_session_timeout", "lock_timeout", "client_connection_check_interval"} {
			var value string
			if err := c.QueryRow(t.Context(), `SELECT current_setting($1)`, name).Scan(&value); err != nil || value == "0" {
				t.Errorf("%s is %s, %v", name, value, err)
			}
		}
		_, err := c.Exec(context.Background(), `SELECT count(*) FROM generate_series(1, 1000000000)`)
		return err
	})
	if fault.Public(store.Outward(err)).Code != "database.crowded" {
		t.Errorf("a statement without end: %v", err)
	}
	if got := store.Outward(err); strings.Contains(fault.Public(got).Zh, "series") {
		t.Error("the statement is shown")
	}
}

// While every connection of requests is taken, health is told and keys are looked up: they have connections of their own.
func TestVitalConnections(t *testing.T) {
	db := impatient(t, storetest.URL(t), "lock_timeout", "1000")
	if err := store.Connection(t.Context(), db, func(*pgx.Conn) error {
		return store.Connection(t.Context(), db, func(*pgx.Conn) error {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if err := db.Ping(ctx); err != nil {
				t.Error(err)
			}
			if _, err := db.Key(ctx, "nobody"); fault.KindOf(err) != fault.NotFound {
				t.Error(err)
			}
			return nil
		})
	}); err != nil {
		t.Error(err)
	}
}
