package store_test

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

// app opens a connection under the program's role that works for nobody yet.
func app(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	config.RuntimeParams["role"] = store.Role
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// as runs f in one transaction that works for an institution and is rolled back.
func as(t *testing.T, conn *pgx.Conn, institution string, f func(pgx.Tx)) {
	t.Helper()
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background())
	if _, err := tx.Exec(t.Context(), `SELECT set_config('zhijia.institution', $1, true)`, institution); err != nil {
		t.Fatal(err)
	}
	f(tx)
}

func tables(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), `SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(names, func(n string) bool { return strings.HasPrefix(n, "river_") })
}

// The program's role owns nothing and passes by nothing, and every table that
// is not listed above names an institution and keeps its rows apart also from
// its owner.
func TestEveryTableHasAWall(t *testing.T) {
	t.Parallel()
	conn := app(t, storetest.URL(t))
	var privileged bool
	if err := conn.QueryRow(t.Context(), `SELECT rolsuper OR rolbypassrls OR EXISTS (SELECT FROM pg_class WHERE relowner = r.oid) OR current_user <> rolname FROM pg_roles r WHERE rolname = $1`, store.Role).Scan(&privileged); err != nil || privileged {
		t.Errorf("the role is privileged: %v, %v", privileged, err)
	}
	for _, table := range tables(t, conn) {
		var forced, column, policies bool
		err := conn.QueryRow(t.Context(), `
			SELECT relrowsecurity AND relforcerowsecurity,
				EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'institution' AND attnotnull),
				(SELECT count(*) FROM pg_policy WHERE polrelid = c.oid AND polname IN ('own', 'service')) = 2
			FROM pg_class c WHERE oid = $1::regclass`, table).Scan(&forced, &column, &policies)
		if err != nil {
			t.Fatal(err)
		}
		if _, listed := store.Nobodys[table]; listed {
			if forced || column {
				t.Errorf("%s is listed as nobody's and names an institution", table)
			}
			continue
		}
		if !forced || !policies || !column && table != "institutions" {
			t.Errorf("%s: forced %v, names an institution %v, policies %v; call wall in its migration", table, forced, column, policies)
		}
	}
}

// fill writes rows into every table for a and b by the owner, who checks no
// references meanwhile: each table gets at least one row of each, whatever its
// columns.
func fill(t *testing.T, url string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), `SET session_replication_role = replica`); err != nil {
		t.Fatal(err)
	}
	for _, table := range tables(t, conn) {
		if _, listed := store.Nobodys[table]; listed || table == "institutions" {
			continue
		}
		// Constraints on values are no matter here.
		rows, err := conn.Query(t.Context(), `SELECT conname FROM pg_constraint WHERE conrelid = $1::regclass AND contype = 'c'`, table)
		if err != nil {
			t.Fatal(err)
		}
		checks, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range checks {
			if _, err := conn.Exec(t.Context(), `ALTER TABLE `+table+` DROP CONSTRAINT `+c); err != nil {
				t.Fatal(err)
			}
		}
		for i, institution := range []string{"a", "b", store.Public} {
			if err := insertAny(t.Context(), conn, table, institution, i+1); err != nil {
				t.Fatalf("%s: %v", table, err)
			}
		}
	}
}

type execer interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// insertAny inserts a row with something in every column that wants it; n tells
// rows apart.
func insertAny(ctx context.Context, db execer, table, institution string, n int) error {
	rows, err := db.Query(ctx, `
		SELECT attname, format_type(atttypid, NULL) FROM pg_attribute
		WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attidentity = '' AND attname <> 'institution'
		AND (attnotnull AND NOT atthasdef OR attname IN ('seq', 'id', 'number')) ORDER BY attnum`, table)
	if err != nil {
		return err
	}
	var names, values []string
	var name, kind string
	if _, err := pgx.ForEachRow(rows, []any{&name, &kind}, func() error {
		names = append(names, name)
		v := map[string]string{
			"text": fmt.Sprintf("'x%d'", n), "bytea": fmt.Sprintf(`decode(repeat('0%d', 32), 'hex')`, n), "date": "date '2020-01-01'", "boolean": "true", "json": "'{}'", "jsonb": "'{}'",
			"timestamp with time zone": "now()", "text[]": "ARRAY['x']", "uuid": "gen_random_uuid()", "halfvec": "'[1,2]'", "real[]": "ARRAY[1]::real[]",
		}[kind]
		if v == "" {
			v = fmt.Sprint(n)
		}
		values = append(values, v)
		return nil
	}); err != nil {
		return err
	}
	_, err = db.Exec(ctx, fmt.Sprintf(`INSERT INTO %s (institution, %s) VALUES ('%s', %s)`, table, strings.Join(names, ", "), institution, strings.Join(values, ", ")))
	return err
}

// Statements without any condition on the institution, under the program's
// role: what one institution reads, changes, deletes and inserts is its own, and
// the public rows it only reads. Without an institution nothing but those is
// seen, also after an error on the same connection.
func TestWallsHoldWithoutConditions(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	fill(t, url)
	conn := app(t, url)
	ctx := t.Context()
	read := func(tx pgx.Tx, table string) []string {
		rows, err := tx.Query(ctx, `SELECT institution FROM `+table+` ORDER BY 1`)
		if err != nil {
			t.Fatalf("%s: %v", table, err)
		}
		seen, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatalf("%s: %v", table, err)
		}
		return seen
	}
	for _, table := range tables(t, conn) {
		if _, listed := store.Nobodys[table]; listed || table == "institutions" {
			continue
		}
		var shared bool
		if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_policy WHERE polrelid = $1::regclass AND polname = 'corpus')`, table).Scan(&shared); err != nil {
			t.Fatal(err)
		}
		public := []string{}
		if shared {
			public = []string{store.Public}
		}
		for _, nobody := range []string{"", "nobody", "A", "a'--", "public'"} {
			as(t, conn, nobody, func(tx pgx.Tx) {
				if seen := read(tx, table); !slices.Equal(seen, public) {
					t.Errorf("%s as %q: %v", table, nobody, seen)
				}
			})
		}
		for _, who := range []string{"a", "b"} {
			as(t, conn, who, func(tx pgx.Tx) {
				if seen := read(tx, table); !slices.Equal(seen, append([]string{who}, public...)) {
					t.Errorf("%s as %s: %v", table, who, seen)
				}
			})
			for _, other := range []string{"a", "b", store.Public} {
				if other == who {
					continue
				}
				as(t, conn, who, func(tx pgx.Tx) {
					var pg *pgconn.PgError
					if err := insertAny(ctx, tx, table, other, 9); !errors.As(err, &pg) || pg.Code != "42501" {
						t.Errorf("%s: %s inserts a row of %s: %v", table, who, other, err)
					}
				})
				as(t, conn, who, func(tx pgx.Tx) { // gives its own row away
					var pg *pgconn.PgError
					_, err := tx.Exec(ctx, fmt.Sprintf(`UPDATE %s SET institution = '%s'`, table, other))
					if !errors.As(err, &pg) || pg.Code != "42501" && pg.Code != "23001" { // or append-only
						t.Errorf("%s: %s gives its row to %s: %v", table, who, other, err)
					}
				})
			}
			for _, change := range []string{`UPDATE %s SET institution = institution`, `DELETE FROM %s`} {
				as(t, conn, who, func(tx pgx.Tx) {
					tag, err := tx.Exec(ctx, fmt.Sprintf(change, table))
					var pg *pgconn.PgError
					switch {
					case errors.As(err, &pg) && (pg.Code == "23001" || pg.Code == "23503"): // append-only, or referred to
					case err != nil:
						t.Errorf("%s: %v", table, err)
					case tag.RowsAffected() != 1:
						t.Errorf(change+" as %s: %d rows", table, who, tag.RowsAffected())
					}
				})
			}
		}
		as(t, conn, "a", func(tx pgx.Tx) { // TRUNCATE knows no walls
			if _, err := tx.Exec(ctx, `TRUNCATE `+table+` CASCADE`); err == nil {
				t.Errorf("%s can be truncated", table)
			}
		})
	}
	// An error ends the transaction and its scope with it.
	_, err := conn.Exec(ctx, `SELECT set_config('zhijia.institution', 'a', true); SELECT 1 / 0`)
	if err == nil {
		t.Fatal("no error")
	}
	var n int
	if err := conn.QueryRow(ctx, `SELECT count(*) FROM valuations`).Scan(&n); err != nil || n != 0 {
		t.Errorf("after an error %d valuations are seen, %v", n, err)
	}
}

// A statement prepared under one institution does not answer under another.
func TestPreparedStatementsFollowTheScope(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	url, _ := storetest.BareURL(t, storetest.URL(t)) // also without the store's own conditions
	db, err := store.Open(ctx, url, store.Options{MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	put := func(institution, title string) {
		t.Helper()
		if err := db.MergePatents(store.As(ctx, institution), []store.Patent{{Number: "CN201310543019.6", Title: title, Claims: title, Source: "test", Confidential: true}}, 0, nil); err != nil {
			t.Fatal(err)
		}
	}
	put("a", "甲的")
	put("b", "乙的")
	for range 12 { // past the point at which a plan is kept for any parameter
		for institution, want := range map[string]string{"a": "甲的", "b": "乙的"} {
			if p, err := db.Patent(store.As(ctx, institution), "CN201310543019.6"); err != nil || p.Claims != want {
				t.Fatalf("%s reads %q, %v", institution, p.Claims, err)
			}
		}
		if p, err := db.Patent(ctx, "CN201310543019.6"); err == nil {
			t.Fatalf("nobody reads %q", p.Claims)
		}
		if p, err := db.Patent(store.As(ctx, store.Everyone), "CN201310543019.6"); err == nil {
			t.Fatalf("a caller that names himself everyone reads %q", p.Claims)
		}
	}
	if err := db.MergePatents(ctx, []store.Patent{{Number: "CN201310543019.7", Title: "x", Source: "test"}}, 0, nil); err == nil {
		t.Error("nobody wrote")
	}
}

// What a unique key says does not tell of another's row: the same keys are free
// to everybody.
func TestKeysDoNotTellOfOthers(t *testing.T) {
	t.Parallel()
	ctx, db := t.Context(), storetest.New(t)
	for _, institution := range []string{"a", "b", store.Public} {
		own := store.As(ctx, institution)
		if err := db.PutDeals(own, []store.Deal{{ID: "same", Title: institution, Currency: "CNY", DealKind: "assignment"}}); err != nil {
			t.Errorf("%s: %v", institution, err)
		}
		if err := db.PutLendingPolicy(ctx, store.Actor{Name: "x", Institution: institution}, "P", "1", []byte(`{"of":"`+institution+`"}`), time.Now()); err != nil {
			t.Errorf("%s: %v", institution, err)
		}
		if err := db.PutAssumptions(own, "mine", []byte(`{"of":"`+institution+`"}`), ""); err != nil {
			t.Errorf("%s: %v", institution, err)
		}
		if _, err := db.PutSpace(own, store.Space{Provider: "p", Model: "m", Version: "v", Dimension: 3}); err != nil {
			t.Errorf("%s: %v", institution, err)
		}
		if err := db.PutJudgement(own, store.Judgement{Key: "k", Content: institution}); err != nil {
			t.Errorf("%s: %v", institution, err)
		}
		if j, ok, err := db.Judgement(own, "k", time.Hour); err != nil || !ok || j.Content != institution {
			t.Errorf("%s reads %q, %v", institution, j.Content, err)
		}
		if a, ok, err := db.Assumptions(own, "mine"); err != nil || !ok || string(a.Body) != `{"of":"`+institution+`"}` {
			t.Errorf("%s reads %s, %v", institution, a.Body, err)
		}
	}
}

// The interest of another institution in a patent is told as a day and whether
// it is registered, and nothing else; a licence and what was released are none.
func TestInterestsElsewhere(t *testing.T) {
	t.Parallel()
	ctx, db := t.Context(), storetest.NewBare(t)         // also without the store's own conditions
	at := time.Date(2026, 11, 23, 17, 0, 0, 0, time.UTC) // the 24th in China
	put := func(institution, number string, p patent.Product, status store.OfferStatus) {
		t.Helper()
		if _, err := db.PutOffers(ctx, institution, "test", []patent.Offer{{Number: number, Product: p, Reference: "R", Party: "甲"}}, status, at); err != nil {
			t.Fatal(err)
		}
	}
	put("a", "CN1", "pledge", store.Committed)
	put("b", "CN1", "pool", store.Offered)
	put("b", "CN2", "licence", store.Committed)
	put("b", "CN3", "pledge", store.Committed)
	if _, err := db.SetOffers(ctx, "b", "test", "pledge", "R", store.Released, at); err != nil {
		t.Fatal(err)
	}
	numbers := []string{"CN1", "CN2", "CN3"}
	// Without the borrower's written word nothing is told, nor by one that ended or does not begin before it is signed.
	now := time.Now()
	today := calendar.InChina(now)
	if err := db.PutAuthorisation(ctx, store.Actor{Institution: "a"}, store.Authorisation{Numbers: numbers, Borrower: "甲", SignedOn: today.AddDays(-9), Until: today.AddDays(-1), Document: "D"}, now); err != nil {
		t.Fatal(err)
	}
	for _, x := range []store.Authorisation{{Numbers: numbers, Borrower: "甲", SignedOn: today.AddDays(1), Document: "D"}, {Numbers: numbers, Borrower: "甲", SignedOn: today}, {Numbers: numbers, SignedOn: today, Document: "D"}} {
		if err := db.PutAuthorisation(ctx, store.Actor{Institution: "a"}, x, now); fault.Public(err).Code != "authorisation.invalid" {
			t.Errorf("%+v: %v", x, err)
		}
	}
	for _, asker := range []string{"a", "b"} {
		if got, err := db.Interests(ctx, asker, numbers); err != nil || len(got) != 0 {
			t.Errorf("%s is told %+v without an authorisation, %v", asker, got, err)
		}
	}
	for _, asker := range []string{"a", "b", "other"} {
		storetest.Authorise(t, db, asker, numbers...)
	}
	for institution, want := range map[string]int{"a": 1, "b": 1, "other": 1, "": 0, store.Everyone: 0} {
		got, err := db.Interests(ctx, institution, numbers)
		if err != nil || len(got) != want || want == 1 && (got[0].Number != "CN1" || got[0].Noted.String() != "2026-11-24" || got[0].Registered) {
			t.Errorf("%q: %+v, %v", institution, got, err)
		}
	}
	if offers, err := db.Offers(ctx, "b", numbers); err != nil || len(offers) != 2 {
		t.Errorf("%+v, %v", offers, err)
	}
	if err := db.PutInstitution(ctx, "x", "甲\u202e乙", "test"); fault.Public(err).Code != "institution.id" {
		t.Errorf("a name that turns the direction: %v", err)
	}
	// Both sides have it on record once the chains are tied.
	if _, err := db.TieAudit(ctx); err != nil {
		t.Fatal(err)
	}
	for institution, actions := range map[string]string{"a": "interests.asked interests.told_of", "b": "interests.asked interests.told_of", "other": "interests.asked"} {
		entries, err := db.Audit(ctx, institution, today.String(), 0, 10)
		var got []string
		for _, e := range entries {
			got = append(got, e.Action)
		}
		if err != nil || strings.Join(got, " ") != actions {
			t.Errorf("on record of %s: %v, %v", institution, got, err)
		}
	}
	// Who does not tell is not told, and what he noted is not told of.
	for _, kept := range []string{"a", "b"} {
		if err := db.ShareInterests(ctx, kept, false, "test"); err != nil {
			t.Fatal(err)
		}
		for _, asker := range []string{"a", "b"} {
			if got, err := db.Interests(ctx, asker, numbers); err != nil || len(got) != 0 {
				t.Errorf("%s keeps to itself, %s is told %+v, %v", kept, asker, got, err)
			}
		}
		if err := db.ShareInterests(ctx, kept, true, "test"); err != nil {
			t.Fatal(err)
		}
	}
	// A day's limit is an error, never a silent none.
	var many []patent.Offer
	var asked []string
	for i := range 1001 {
		asked = append(asked, fmt.Sprintf("CN9%04d", i))
		many = append(many, patent.Offer{Number: asked[i], Product: "pledge", Reference: "R2", Party: "甲"})
	}
	if _, err := db.PutOffers(ctx, "bank", "test", many, store.Committed, at); err != nil {
		t.Fatal(err)
	}
	storetest.Authorise(t, db, "other", asked...)
	storetest.Authorise(t, db, "a", asked...)
	if _, err := db.Interests(ctx, "other", asked); fault.Public(err).Code != "interests.limit" {
		t.Errorf("beyond the limit: %v", err)
	}
	if got, err := db.Interests(ctx, "a", asked[:10]); err != nil || len(got) != 10 {
		t.Errorf("%d, %v", len(got), err)
	}
}

// COPY in and out keep to the wall, and a connection of the pool that met an
// error works for the next institution alone.
func TestWallsHoldForCopyAndAfterErrors(t *testing.T) {
	t.Parallel()
	ctx, url := t.Context(), storetest.URL(t)
	conn := app(t, url)
	put := func(institution, of string) error {
		tx, err := conn.Begin(ctx)
		if err != nil {
			return err
		}
		defer tx.Rollback(context.Background())
		if _, err := tx.Exec(ctx, `SELECT set_config('zhijia.institution', $1, true)`, institution); err != nil {
			return err
		}
		_, err = tx.CopyFrom(ctx, pgx.Identifier{"citations"}, []string{"institution", "citing", "cited", "source"}, pgx.CopyFromRows([][]any{{of, "CN1", "CN2", of}}))
		if err != nil {
			return err
		}
		return tx.Commit(ctx)
	}
	var pg *pgconn.PgError
	if err := put("a", "a"); err == nil { // COPY FROM is refused on a walled table as a whole
		t.Error("COPY into a walled table passes by its policies")
	} else if !errors.As(err, &pg) || pg.Code != "0A000" && pg.Code != "42501" {
		t.Error(err)
	}
	as(t, conn, "a", func(tx pgx.Tx) {
		if _, err := tx.Exec(ctx, `INSERT INTO citations (citing, cited, source) VALUES ('CN1', 'CN2', 'a')`); err != nil {
			t.Fatal(err)
		}
		if err := tx.Commit(ctx); err != nil {
			t.Fatal(err)
		}
	})
	as(t, conn, "b", func(tx pgx.Tx) {
		var out strings.Builder
		if _, err := tx.Conn().PgConn().CopyTo(ctx, &out, `COPY (SELECT * FROM citations) TO STDOUT`); err != nil || out.Len() > 0 {
			t.Errorf("COPY out as b: %q, %v", out.String(), err)
		}
	})
	db, err := store.Open(ctx, url, store.Options{MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.PutAssumptions(store.As(ctx, "a"), "mine", []byte(`{}`), ""); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := db.PutAssumptions(store.As(ctx, "a"), "mine", []byte(`not json`), ""); err == nil {
			t.Fatal("no error")
		}
		if _, ok, err := db.Assumptions(store.As(ctx, "b"), "mine"); ok || err != nil {
			t.Fatalf("after an error b reads a's: %v", err)
		}
	}
}

// An institution is exported with a file a table and deleted from every table,
// also from one that nobody wrote a rule for; another's rows and the public ones
// stay, no secret leaves, and a table without an owner fails the walls' test.
func TestInstitutionLeaves(t *testing.T) {
	t.Parallel()
	ctx, url := t.Context(), storetest.URL(t)
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(ctx, `CREATE TABLE novel (institution text NOT NULL DEFAULT institution_now(), note text NOT NULL, other text REFERENCES batches (id)); CALL wall('novel')`); err != nil {
		t.Fatal(err)
	}
	fill(t, url)
	db, err := store.Open(ctx, url, store.Options{MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	count := func() map[string]map[string]int {
		t.Helper()
		n := map[string]map[string]int{}
		for _, table := range tables(t, conn) {
			if _, nobodys := store.Nobodys[table]; nobodys || table == "institutions" || table == "audit" {
				continue
			}
			n[table] = map[string]int{}
			for _, who := range []string{"a", "b", store.Public} {
				var rows int
				if err := conn.QueryRow(ctx, `SELECT count(*) FROM `+table+` WHERE institution = $1`, who).Scan(&rows); err != nil {
					t.Fatal(err)
				}
				n[table][who] = rows
			}
		}
		return n
	}
	before := count()
	var file bytes.Buffer
	m, err := db.ExportInstitution(ctx, "a", "test", &file, func(*zip.Writer) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		t.Fatal(err)
	}
	inside := map[string]bool{}
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		inside[strings.TrimSuffix(f.Name, ".jsonl")] = true
		for line := range strings.Lines(string(body)) {
			if f.Name == "manifest.json" {
				break
			}
			var row map[string]any
			if err := json.Unmarshal([]byte(line), &row); err != nil {
				t.Fatalf("%s: %v: %s", f.Name, err, line)
			}
			if who := cmp.Or(row["institution"], row["id"]); who != "a" {
				t.Errorf("%s holds a row of %v", f.Name, who)
			}
			for column := range row {
				if secret := regexp.MustCompile(`secret|password|token$|token_|^previous$`); secret.MatchString(column) && column != "prompt_tokens" && column != "answer_tokens" {
					t.Errorf("%s holds %s", f.Name, column)
				}
			}
		}
	}
	for table, n := range before {
		withheld := slices.Contains(m.Withheld, table)
		if n["a"] == 0 || inside[table] == withheld || !withheld && m.Rows[table] != int64(n["a"]) {
			t.Errorf("%s: %d rows, in the export %v with %d, withheld %v", table, n["a"], inside[table], m.Rows[table], withheld)
		}
	}
	for _, kept := range []string{store.Public, store.Default, "nobody"} {
		if _, err := db.DeleteInstitution(ctx, kept, "test"); err == nil {
			t.Errorf("%s was deleted", kept)
		}
	}
	if _, err := db.DeleteInstitution(ctx, "a", "test"); err != nil {
		t.Fatal(err)
	}
	for table, n := range count() {
		want := before[table]
		if table != "audit_tie_heads" {
			want["a"] = 0
		}
		if !maps.Equal(n, want) {
			t.Errorf("%s: %v, want %v", table, n, want)
		}
	}
	var there bool
	if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM institutions WHERE id = 'a') OR EXISTS (SELECT FROM audit WHERE institution = 'a')`).Scan(&there); err != nil || there {
		t.Errorf("a is still there: %v, %v", there, err)
	}
	entries, err := db.Audit(ctx, store.Public, "a", 0, 10)
	if err != nil || len(entries) != 1 || entries[0].Action != "institution.delete" {
		t.Errorf("%+v, %v", entries, err)
	}
	// The service's role deletes nothing that is append-only.
	role := app(t, url)
	as(t, role, "b", func(tx pgx.Tx) {
		_, err := tx.Exec(ctx, `SELECT set_config('zhijia.leaving', 'b', true)`)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(ctx, `DELETE FROM audit`); err == nil {
			t.Error("the service's role deletes the record")
		}
	})
}

// The proxy of the tests takes the conditions on the owner out: without the walls
// one institution then reads another's record, and with them it does not.
func TestBareStatements(t *testing.T) {
	t.Parallel()
	ctx, url := t.Context(), storetest.URL(t)
	through, stripped := storetest.BareURL(t, url)
	db, err := store.Open(ctx, through, store.Options{MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Record(ctx, store.Act{Institution: "a", Actor: "x", Action: "x", Subject: "x"}); err != nil {
		t.Fatal(err)
	}
	for _, walls := range []bool{true, false} {
		if entries, err := db.Audit(ctx, "b", "", 0, 10); err != nil || (len(entries) == 0) != walls || stripped.Load() == 0 {
			t.Errorf("walls %v: b reads %d entries of a, %d statements stripped, %v", walls, len(entries), stripped.Load(), err)
		}
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			t.Fatal(err)
		}
		_, err = conn.Exec(ctx, `ALTER TABLE audit DISABLE ROW LEVEL SECURITY`)
		if err := errors.Join(err, conn.Close(ctx)); err != nil {
			t.Fatal(err)
		}
	}
}

// After an institution left, the chains of the others and the ties hold.
func TestRecordHoldsAfterLeaving(t *testing.T) {
	t.Parallel()
	ctx, db := t.Context(), storetest.New(t)
	for _, institution := range []string{"a", "b", "a"} {
		if err := db.Record(ctx, store.Act{Institution: institution, Actor: "x", Action: "x", Subject: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	tie, err := db.TieAudit(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.DeleteInstitution(ctx, "a", "test"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.TieAudit(ctx); err != nil {
		t.Fatal(err)
	}
	state, breaks, err := db.VerifyAudit(ctx, []store.AuditHead{tie.AuditHead}, nil)
	if err != nil || len(breaks) > 0 || state.Chains != 2 {
		t.Errorf("%+v, %v, %v", state, breaks, err)
	}
}
