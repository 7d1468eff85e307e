package store_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/calendar"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

// Entries of many institutions and connections make a chain of each without a
// gap, and a tie over all.
func TestAuditUnderConcurrency(t *testing.T) {
	db := storetest.New(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 25 {
				ctx := store.WithOrigin(t.Context(), store.Origin{Request: "req-0001", Roles: []string{"officer"}})
				if err := db.Record(ctx, store.Act{Institution: string(rune('a' + i)), Actor: "x", Action: "test", Subject: "s", Detail: map[string]any{"n": i}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	tie, err := db.TieAudit(t.Context())
	if err != nil || len(tie.Heads) != 8 || tie.Heads[3].Institution != "d" || tie.Heads[3].Seq != 25 {
		t.Fatalf("%+v, %v", tie, err)
	}
	whole := func(*store.Valuation) bool { return true }
	state, breaks, err := db.VerifyAudit(t.Context(), []store.AuditHead{tie.AuditHead}, whole)
	if err != nil || state.Entries != 200 || state.Chains != 8 || state.Tie.Seq != 1 || len(breaks) > 0 {
		t.Errorf("%+v, %v, %v", state, breaks, err)
	}
	entries, err := db.Audit(t.Context(), "a", "", 0, 100)
	if err != nil || len(entries) != 25 || !strings.HasPrefix(string(entries[0].Detail), `{"origin":{"request":"req-0001","roles":["officer"]},"n":0}`) {
		t.Errorf("%d entries, %s, %v", len(entries), entries[0].Detail, err)
	}
	heads := []store.AuditHead{tie.AuditHead, {Seq: tie.Seq, Hash: make([]byte, 32)}}
	if _, _, err := db.VerifyAudit(t.Context(), heads, whole); err == nil {
		t.Error("two hashes of one tie are taken")
	}
	heads = []store.AuditHead{{Seq: 1, Hash: make([]byte, 32)}, {Seq: 2, Hash: make([]byte, 32)}}
	if _, breaks, err := db.VerifyAudit(t.Context(), heads, whole); err != nil || len(breaks) != 2 || breaks[0].Kind != "altered" || breaks[1].Kind != "cut" {
		t.Errorf("%v %v", breaks, err)
	}
}

// What the chain costs: entries a second by connections,
// beside the same row without the chain.
func BenchmarkAudit(b *testing.B) {
	for _, chained := range []bool{true, false} {
		for _, workers := range []int{1, 2, 4, 8} {
			name := map[bool]string{true: "chained", false: "plain"}[chained]
			b.Run(name+"/"+string(rune('0'+workers)), func(b *testing.B) {
				db := storetest.New(b)
				if _, err := db.Queue().Exec(b.Context(), `CREATE TABLE plain (LIKE audit)`); err != nil {
					b.Fatal(err)
				}
				var n atomic.Int64
				var wg sync.WaitGroup
				b.ResetTimer()
				for range workers {
					wg.Go(func() {
						for k := n.Add(1); k <= int64(b.N); k = n.Add(1) {
							var err error
							if chained {
								err = db.Record(b.Context(), store.Act{Institution: "a", Actor: "x", Action: "batch.row", Subject: "bat/1", Detail: map[string]string{"valuation": ""}})
							} else {
								_, err = db.Queue().Exec(b.Context(), `INSERT INTO plain VALUES ($1, now(), 'a', 'x', 'batch.row', 'bat/1', '{"valuation":""}', '', sha256('x'))`, k)
							}
							if err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
			})
		}
	}
}

// A person's figure, its approval and its approver are as they were put on
// record, or it is said that they are not.
func TestAlteredWordsOfPersons(t *testing.T) {
	t.Parallel()
	ctx, url := t.Context(), storetest.URL(t)
	db, err := store.Open(ctx, url, store.Options{MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	exec := func(sql string) {
		t.Helper()
		if _, err := conn.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	exec(`SET session_replication_role = replica`)
	exec(`INSERT INTO valuations (id, institution, created_at, created_by, title, purpose, as_of, status, low, high, assumptions, request, snapshot, conclusion, hash)
		VALUES ('val_1', 'a', now(), 'x', 'x', 'pledge', now(), 'valued', 1, 2, 'x', '{}', '{}', '{}', '')`)
	exec(`INSERT INTO people (id, institution, login, name, roles, created_at) VALUES ('p1', 'a', 'one', '一', '{officer}', now()), ('p2', 'a', 'two', '二', '{approver}', now())`)
	now := time.Now().UTC().Truncate(time.Microsecond)
	one := store.Actor{Name: "一", Institution: "a", Person: "p1"}
	o := store.Override{ID: "ovr_1", ValuationID: "val_1", CreatedAt: now, Officer: "一", Value: 5, Reason: "订单"}
	if err := db.PutOverride(ctx, one, o, nil, store.Act{Institution: "a", Actor: "一", Action: "valuation.override", Subject: "val_1", Detail: map[string]any{"after": 5, "reason": "订单", "override": "ovr_1"}}); err != nil {
		t.Fatal(err)
	}
	id, err := db.ProposalAbout(ctx, "a", store.ProposeOverride, "ovr_1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.DecideProposal(ctx, store.Actor{Name: "二", Institution: "a", Person: "p2"}, id, store.Approved, "", now); err != nil {
		t.Fatal(err)
	}
	altered := func() int {
		t.Helper()
		_, breaks, err := db.VerifyAudit(ctx, nil, func(*store.Valuation) bool { return true })
		n := 0
		for _, b := range breaks {
			if b.Kind == "word_altered" && b.Institution == "a" {
				n++
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := altered(); n != 0 {
		t.Errorf("%d altered before", n)
	}
	for _, change := range []string{
		`UPDATE overrides SET value = 99`, `UPDATE overrides SET value = 5, reason = 'x'`, `UPDATE overrides SET reason = '订单', officer = 'x'`, `UPDATE overrides SET officer = '一'; UPDATE proposals SET decided_by = 'x'`,
		`UPDATE proposals SET decided_by = '二', status = 'open', decided_at = NULL`, `DELETE FROM proposals`,
	} {
		if exec(change); altered() == 0 {
			t.Errorf("not found: %s", change)
		}
	}
}

// Every row that a chained act made is compared with the act: what is altered, gone or there without an act is found, whoever
// did it, and an act that speaks of a row that never was.
func TestAlteredRows(t *testing.T) {
	t.Parallel()
	ctx, url := t.Context(), storetest.URL(t)
	db, err := store.Open(ctx, url, store.Options{MaxConns: 2, Institution: "a"})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	exec := func(sql string) {
		t.Helper()
		if _, err := conn.Exec(ctx, sql); err != nil {
			t.Fatal(sql, err)
		}
	}
	now := time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)
	today := calendar.New(2026, 11, 28)
	one := store.Actor{Name: "一", Institution: "a", Person: "p1"}
	for _, err := range []error{
		db.InsertPerson(ctx, store.Person{ID: "p1", Institution: "a", Login: "one", Name: "一", Roles: []string{"officer"}, CreatedAt: now}, "cli"),
		db.InsertKey(ctx, store.Key{ID: "k1", Name: "系统", Institution: "a", Roles: []string{"desk"}, SecretSHA256: make([]byte, 32), CreatedAt: now, ExpiresAt: now.AddDate(1, 0, 0)}, "cli"),
		db.InsertKey(ctx, store.Key{ID: "k2", Name: "一", Institution: "a", Roles: []string{"officer"}, SecretSHA256: make([]byte, 32), CreatedAt: now, Person: "p1"}, "cli"),
		db.PutAssumptions(ctx, "own/1", []byte(`{"a":1}`), ""),
		db.PutLendingPolicy(ctx, one, "p", "1", []byte(`{"x":1}`), now),
		db.PutBookLoan(ctx, store.BookLoan{ID: "l1", Institution: "a", Contract: "HT-1", Borrower: "甲", Principal: 500_00, Balance: 400_00, Maturity: calendar.New(2028, 1, 1), Policy: []byte(`{}`), CreatedAt: now, CreatedBy: "一"}, nil, today, nil),
		db.SetBookBalance(ctx, "a", "HT-1", 300_50, nil, "一", today, now, func(store.BookLoan) (store.Told, error) { return store.Told{}, nil }),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.RevokeKey(ctx, "k2", now, "cli"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ChangePerson(ctx, "a", "one", store.PersonChange{Roles: []string{"approver"}}, "person.roles", "cli", now); err != nil {
		t.Fatal(err)
	}
	if _, err := db.SetModelConsent(ctx, one, true, now); err != nil {
		t.Fatal(err)
	}
	found := func() []store.AuditBreak {
		t.Helper()
		_, breaks, err := db.VerifyAudit(ctx, nil, func(*store.Valuation) bool { return true })
		if err != nil {
			t.Fatal(err)
		}
		return breaks
	}
	if breaks := found(); len(breaks) > 0 {
		t.Fatalf("before: %+v", breaks)
	}
	// As the owner, whom no trigger and no wall stops; each is undone before the next.
	for _, change := range []string{
		`UPDATE book_loans SET balance = 1`, `UPDATE book_loans SET contract = 'x'`, `DELETE FROM book_loans`,
		`UPDATE api_keys SET roles = '{admin}' WHERE id = 'k1'`, `UPDATE api_keys SET revoked_at = NULL WHERE id = 'k2'`, `UPDATE api_keys SET revoked_at = now() WHERE id = 'k1'`, `UPDATE api_keys SET expires_at = NULL`,
		`UPDATE api_keys SET person = NULL WHERE id = 'k2'`, `UPDATE api_keys SET name = 'x'`, `DELETE FROM api_keys`, `UPDATE api_keys SET institution = 'b'`,
		`INSERT INTO api_keys (id, institution, name, roles, secret_sha256, created_at) VALUES ('forged', 'a', 'x', '{admin}', sha256('x'), now())`,
		`UPDATE people SET roles = '{admin}'`, `UPDATE people SET disabled_at = now()`, `DELETE FROM people`,
		`INSERT INTO people (id, institution, login, name, roles, created_at) VALUES ('forged', 'a', 'x', 'x', '{admin}', now())`,
		`UPDATE model_consent SET allowed = false`, `DELETE FROM model_consent`, `UPDATE model_consent SET approved_by = 'x'`,
		`UPDATE assumptions SET body = '{"a":2}' WHERE institution = 'a'`, `UPDATE lending_policies SET body = '{"x":2}'`, `DELETE FROM lending_policies`,
	} {
		tables := []string{"book_loans", "api_keys", "people", "model_consent", "assumptions", "lending_policies"}
		for _, table := range tables {
			exec(`CREATE TEMP TABLE kept_` + table + ` AS SELECT * FROM ` + table)
		}
		exec(`BEGIN; SET LOCAL session_replication_role = replica; ` + change + `; COMMIT`)
		if len(found()) == 0 {
			t.Errorf("not found: %s", change)
		}
		for _, table := range tables {
			exec(`BEGIN; SET LOCAL session_replication_role = replica; DELETE FROM ` + table + `; INSERT INTO ` + table + ` SELECT * FROM kept_` + table + `; DROP TABLE kept_` + table + `; COMMIT`)
		}
	}
	if breaks := found(); len(breaks) > 0 {
		t.Fatalf("after: %+v", breaks)
	}
	// As the service's role: entries that nothing stands behind.
	for _, act := range []string{"key.create", "key.revoke", "person.add", "book.add", "book.balance", "policy.put", "pool.put"} {
		if err := db.Record(ctx, store.Act{Institution: "a", Actor: "x", Action: act, Subject: "forged-" + act, Detail: map[string]any{"after": 5}}); err != nil {
			t.Fatal(err)
		}
		breaks := found()
		if !slices.ContainsFunc(breaks, func(b store.AuditBreak) bool { return strings.Contains(b.En, "forged-"+act) }) {
			t.Errorf("%s, forged, is not found: %+v", act, breaks)
		}
	}
}
