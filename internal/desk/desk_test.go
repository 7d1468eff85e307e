package desk

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/deskfile"
	"zhijia/internal/fault"
	"zhijia/internal/lending"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

var officer = appraisal.Actor{Name: "desk-a", Institution: "bank-a"}

func newDesk(tb testing.TB, url string) (*Desk, *store.DB) {
	tb.Helper()
	db, err := store.Open(tb.Context(), url, store.Options{MaxConns: 12, Institution: store.Public})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(db.Close)
	// The clock moves by a microsecond at each look, for batches are told apart and
	// put in order by the time they were taken in.
	var looks atomic.Int64
	now := func() time.Time {
		return on.Time().Add(9*time.Hour + time.Duration(looks.Add(1))*time.Microsecond)
	}
	svc, err := appraisal.New(tb.Context(), db, appraisal.Options{Now: now})
	if err != nil {
		tb.Fatal(err)
	}
	d, err := New(db, svc, nil)
	if err != nil {
		tb.Fatal(err)
	}
	d.now = now
	return d, db
}

func template() Options {
	return Options{Policy: lending.Policies()["BOCOM-HIST"], Date: on}
}

func mustSubmit(tb testing.TB, d *Desk, actor appraisal.Actor, table [][]string) store.Batch {
	tb.Helper()
	b, _, err := d.Submit(tb.Context(), actor, "file.xlsx", workbook(tb, table), template())
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// work runs workers in this process until stop is called.
func work(tb testing.TB, d *Desk) (stop func()) {
	tb.Helper()
	ctx, cancel := context.WithCancel(tb.Context())
	done := make(chan error, 1)
	go func() { done <- d.Work(ctx, WorkOptions{Rows: 6}) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			tb.Error(err)
		}
	}
}

func wait(tb testing.TB, d *Desk, actor appraisal.Actor, id string) store.Progress {
	tb.Helper()
	var last store.Progress
	for p, err := range d.Watch(tb.Context(), actor, id, 20*time.Millisecond) {
		if err != nil {
			tb.Fatal(err)
		}
		last = p
	}
	return last
}

// rowsOf is the number of rows of a big test.
func rowsOf(name string, usual int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return usual
}

// size is the number of rows of the tests that run in this process, under the
// race detector too; ZHIJIA_BATCH_ROWS=10000 is the full measure, which
// TestServiceWorkersAndPostgresKilled always is.
func size() int { return rowsOf("ZHIJIA_BATCH_ROWS", 600) }

// A file with every kind of dirt: every dirty row is named with its reason,
// every clean row is valued, and the same file makes the same bytes in another
// database.
func TestDirtyFile(t *testing.T) {
	t.Parallel()
	table, want := generateDirty(2*len(dirts), 2)
	if len(want) != len(dirts) {
		t.Fatalf("%d of %d kinds of dirt", len(want), len(dirts))
	}
	var books, tables [2]bytes.Buffer
	for run := range 2 {
		d, db := newDesk(t, storetest.URL(t))
		b := mustSubmit(t, d, officer, table)
		stop := work(t, d)
		p := wait(t, d, officer, b.ID)
		stop()
		if p.Status != store.BatchFinished || p.Refused != len(want) || p.Done != len(table)-1-len(want) {
			t.Fatalf("%+v, want %d refused of %d", p, len(want), len(table)-1)
		}
		r, err := d.Result(t.Context(), officer, b.ID)
		if err != nil {
			t.Fatal(err)
		}
		line := 1
		for out, err := range r.Rows {
			if err != nil {
				t.Fatal(err)
			}
			line++
			code, dirty := want[line]
			named := slices.ContainsFunc(out.Faults, func(f fault.Field) bool { return f.Code == code && f.Zh != "" })
			switch {
			case out.Valued.Row.Line != line:
				t.Fatalf("line %d where %d was due", out.Valued.Row.Line, line)
			case dirty && (!named || out.Status != "refused"):
				t.Errorf("line %d: %s %v, want %s", line, out.Status, out.Faults, code)
			case !dirty && (out.Status != "done" || out.Decision.Verdict == "" || out.Valued.Low > out.Valued.Point):
				t.Errorf("line %d: %s %v", line, out.Status, out.Faults)
			}
		}
		if err := deskfile.WriteBook(&books[run], r); err != nil {
			t.Fatal(err)
		}
		if err := deskfile.WriteCSV(&tables[run], r); err != nil {
			t.Fatal(err)
		}
		_, breaks, err := db.VerifyAudit(t.Context(), nil, appraisal.Intact)
		if err != nil || len(breaks) > 0 {
			t.Errorf("audit: %v %v", breaks, err)
		}
	}
	if !bytes.Equal(books[0].Bytes(), books[1].Bytes()) {
		t.Error("the workbook differs between two runs")
	}
	if !bytes.Equal(tables[0].Bytes(), tables[1].Bytes()) {
		t.Error("the CSV differs between two runs")
	}
}

// Every row's figure can be formed again from what is stored with it, to the
// same bytes, and its number in the result is the hash of that.
func TestRowsReplay(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t, storetest.URL(t))
	table, want := generate(20)
	b := mustSubmit(t, d, officer, table)
	stop := work(t, d)
	wait(t, d, officer, b.ID)
	stop()
	rows, err := db.BatchRows(store.As(t.Context(), officer.Institution), b.ID, store.RowDone, 0, 100)
	if err != nil || len(rows) != 20-len(want) {
		t.Fatal(len(rows), err)
	}
	for i := range rows {
		out, err := ReadOutcome(&rows[i])
		if err != nil {
			t.Fatal(err)
		}
		again, err := d.appraisal.Replay(t.Context(), officer, rows[i].Valuation)
		if err != nil || !again.Identical || !again.Intact || again.Hash != out.Valued.Valuation {
			t.Errorf("line %d: %+v, %s, %v", rows[i].Line, again, out.Valued.Valuation, err)
		}
	}
}

func TestSameFileIsOneBatch(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t, storetest.URL(t))
	table, _ := generate(30)
	first := mustSubmit(t, d, officer, table)
	again := mustSubmit(t, d, officer, table)
	if first.ID != again.ID {
		t.Errorf("%s and %s", first.ID, again.ID)
	}
	other := mustSubmit(t, d, appraisal.Actor{Name: "x", Institution: "bank-b"}, table)
	if other.ID == first.ID {
		t.Error("another desk got the batch")
	}
	if _, err := d.Batch(t.Context(), officer, other.ID); fault.KindOf(err) != fault.NotFound {
		t.Errorf("another desk's batch: %v", err)
	}
	o := template()
	o.Policy = lending.Policies()["CCB-NB"]
	changed, _, err := d.Submit(t.Context(), officer, "file.xlsx", workbook(t, table), o)
	if err != nil || changed.ID == first.ID {
		t.Errorf("another policy is another batch: %v", err)
	}
	var n int
	if err := db.Queue().QueryRow(t.Context(), `SELECT sum(json_array_length(args->'lines')) FROM jobs`).Scan(&n); err != nil || n != 3*29 {
		t.Errorf("%d rows to be worked, %v", n, err)
	}
}

func TestFileRefusedWhole(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t, storetest.URL(t))
	for name, c := range map[string]struct{ content, code string }{
		"no number":     {"借款人名称,拟贷金额(万元)\n甲,1\n", "file.no_number"},
		"no unit":       {"专利号,拟贷金额\n202010123456.2,1\n", "unit.missing"},
		"two units":     {"专利号,拟贷金额(万元),上年产品收入(元)\n202010123456.2,1,1\n", "unit.contradiction"},
		"no rows":       {"专利号,借款人名称\n", "file.empty"},
		"not a file":    {"PK\x03\x04junk", "file.xlsx"},
		"header twice":  {"专利号,借款人名称,拟贷金额(元),贷款金额(元)\n202010123456.2,1,1,1\n", "file.header_twice"},
		"empty content": {"", "file.empty"},
	} {
		_, _, err := d.Submit(t.Context(), officer, "f.csv", strings.NewReader(c.content), template())
		if got := fault.Public(err); got == nil || got.Code != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	var n int
	if err := db.Queue().QueryRow(t.Context(), `SELECT (SELECT count(*) FROM batches) + (SELECT count(*) FROM batch_rows) + (SELECT count(*) FROM jobs)`).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d rows of refused files, %v", n, err)
	}
}

func TestCancelResumeRetry(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t, storetest.URL(t))
	table, want := generate(40)
	b := mustSubmit(t, d, officer, unearning(table))
	if err := d.Cancel(t.Context(), officer, b.ID); err != nil {
		t.Fatal(err)
	}
	if err := d.Cancel(t.Context(), appraisal.Actor{Institution: "bank-b"}, b.ID); fault.KindOf(err) != fault.NotFound {
		t.Errorf("another desk cancels: %v", err)
	}
	stop := work(t, d)
	defer stop()
	if _, err := d.Result(t.Context(), officer, b.ID); fault.KindOf(err) != fault.Conflict {
		t.Errorf("result of a cancelled batch: %v", err)
	}
	if err := d.Resume(t.Context(), officer, b.ID); err != nil {
		t.Fatal(err)
	}
	if p := wait(t, d, officer, b.ID); p.Status != store.BatchFinished || p.Done != 40-len(want) {
		t.Fatalf("%+v", p)
	}
	if n, err := d.Retry(t.Context(), officer, b.ID); n != 0 || err != nil {
		t.Errorf("nothing failed, %d retried, %v", n, err)
	}
	// A row that failed for a reason outside it is worked again, alone.
	if _, err := db.Queue().Exec(t.Context(), `UPDATE batch_rows SET status = 'failed', valuation = NULL, valued = NULL WHERE batch = $1 AND line = 2`, b.ID); err != nil {
		t.Fatal(err)
	}
	if n, err := d.Retry(t.Context(), officer, b.ID); n != 1 || err != nil {
		t.Fatalf("%d retried, %v", n, err)
	}
	if p := wait(t, d, officer, b.ID); p.Status != store.BatchFinished || p.Failed != 0 {
		t.Errorf("%+v", p)
	}
}

// The small file of one desk is not starved by the large file of another: rows
// are worked in turn from the moment the small one arrives.
func TestFairBetweenDesks(t *testing.T) {
	d, db := newDesk(t, storetest.URL(t))
	large, _ := generate(150)
	small, _ := generate(40)
	a := mustSubmit(t, d, officer, unearning(large))
	b := mustSubmit(t, d, appraisal.Actor{Name: "desk-b", Institution: "bank-b"}, unearning(small))
	stop := workFor(t, d, WorkOptions{Rows: 3})
	wait(t, d, appraisal.Actor{Institution: "bank-b"}, b.ID)
	stop()
	// In turn, 38 rows of each, and the chunks a process may have had in hand.
	worked := endedBefore(t, db, a, b)
	if worked > 38+3*chunkRows {
		t.Errorf("%d rows of the large file were worked before the small one of 40 ended", worked)
	}
	t.Logf("when the small file of 40 rows ended, %d rows of the large file of 150 were done", worked)
}

// Who comes while every worker is busy with another's large file waits for a few
// rows of it, and not for the chunks in hand.
func TestFirstRowOfAnotherDesk(t *testing.T) {
	d, db := newDesk(t, storetest.URL(t))
	bank := appraisal.Actor{Name: "desk-b", Institution: "bank-b"}
	var mu sync.Mutex
	begun := map[string][]time.Time{} // rows, by institution
	busy := make(chan struct{})
	value := d.value
	d.value = func(ctx context.Context, db *store.DB, service *appraisal.Service, actor appraisal.Actor, row lending.Row, on calendar.Date, wait bool) (lending.Valued, *appraisal.Draft, error) {
		mu.Lock()
		begun[actor.Institution] = append(begun[actor.Institution], time.Now())
		if len(begun[officer.Institution]) == 60 && len(begun[bank.Institution]) == 0 {
			close(busy)
		}
		mu.Unlock()
		return value(ctx, db, service, actor, row, on, wait)
	}
	large, _ := generate(400)
	small, _ := generate(5)
	mustSubmit(t, d, officer, unearning(large))
	defer work(t, d)()
	<-busy
	b := mustSubmit(t, d, bank, small)
	wait(t, d, bank, b.ID)
	var taken time.Time // in the last statement before the commit
	if err := db.Queue().QueryRow(t.Context(), `SELECT at FROM audit WHERE subject = $1 ORDER BY seq LIMIT 1`, b.ID).Scan(&taken); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	stood := 0
	for _, at := range begun[officer.Institution] {
		if at.After(taken) && at.Before(begun[bank.Institution][0]) {
			stood++
		}
	}
	if stood > 3*6*politeRows { // of six workers, and a margin for a loaded machine
		t.Errorf("%d rows of a large file stood before another's first row", stood)
	}
	t.Logf("%d rows of a large file stood before another's first row", stood)
}

// One altered byte, one entry less, two exchanged, the end cut off: each is
// found.
func TestTamperedAudit(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	d, db := newDesk(t, url)
	table, _ := generate(8)
	b := mustSubmit(t, d, officer, table)
	stop := work(t, d)
	wait(t, d, officer, b.ID)
	stop()
	tie, err := db.TieAudit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	kept := []store.AuditHead{tie.AuditHead}
	state, breaks, err := db.VerifyAudit(t.Context(), kept, appraisal.Intact)
	if err != nil || len(breaks) > 0 || state.Entries != 10 { // submit, 8 rows, finish
		t.Fatalf("before: %d entries, %v, %v", state.Entries, breaks, err)
	}
	conn := owner(t, url)
	if _, err := conn.Exec(t.Context(), `SET session_replication_role = replica`); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ sql, kind string }{
		"one byte":         {`UPDATE audit SET detail = regexp_replace(detail::text, '([a-z])', '\1\1')::json WHERE seq = 4`, "altered"},
		"the actor":        {`UPDATE audit SET actor = 'x' WHERE seq = 4`, "altered"},
		"the time":         {`UPDATE audit SET at = at + interval '1 microsecond' WHERE seq = 4`, "altered"},
		"one missing":      {`DELETE FROM audit WHERE seq = 4`, "missing"},
		"renumbered":       {`DELETE FROM audit WHERE seq = 4; UPDATE audit SET seq = -seq WHERE seq > 4; UPDATE audit SET seq = -seq - 1 WHERE seq < 0`, "reordered"},
		"exchanged":        {`UPDATE audit SET seq = -4 WHERE seq = 4; UPDATE audit SET seq = 4 WHERE seq = 5; UPDATE audit SET seq = 5 WHERE seq = -4`, "reordered"},
		"end cut":          {`DELETE FROM audit WHERE seq > 6`, "cut"},
		"a chain gone":     {`DELETE FROM audit`, "cut"},
		"ties gone":        {`DELETE FROM audit_tie_heads; DELETE FROM audit_ties`, "cut"},
		"a tie":            {`UPDATE audit_ties SET at = at + interval '1 microsecond'`, "altered"},
		"a tied head":      {`UPDATE audit_tie_heads SET seq = seq - 1`, "altered"},
		"valuation":        {`UPDATE valuations SET conclusion = regexp_replace(conclusion::text, '([a-z])', '\1\1')::json WHERE id = (SELECT min(id) FROM valuations)`, "valuation_altered"},
		"valuation's hash": {`UPDATE valuations SET hash = set_byte(hash, 3, get_byte(hash, 3) # 1) WHERE id = (SELECT min(id) FROM valuations)`, "valuation_altered"},
	} {
		if _, err := db.Queue().Exec(t.Context(), strings.Split(c.sql, ";")[0]); err == nil {
			t.Errorf("%s: the record lets itself be changed", name)
		}
		put := altered(t, conn, "audit", "valuations", "audit_ties", "audit_tie_heads")
		for q := range strings.SplitSeq(c.sql, ";") {
			if _, err := conn.Exec(t.Context(), q); err != nil {
				t.Fatal(err)
			}
		}
		_, breaks, err := db.VerifyAudit(t.Context(), kept, appraisal.Intact)
		if err != nil || !slices.ContainsFunc(breaks, func(b store.AuditBreak) bool { return b.Kind == c.kind && b.Zh != "" }) {
			t.Errorf("%s: %v %v, want %s", name, breaks, err, c.kind)
		}
		put()
	}
	if _, breaks, err := db.VerifyAudit(t.Context(), kept, appraisal.Intact); err != nil || len(breaks) > 0 {
		t.Errorf("put back: %v %v", breaks, err)
	}
}

// altered keeps tables as they are and returns what puts them back.
func altered(t *testing.T, conn *pgx.Conn, tables ...string) (put func()) {
	t.Helper()
	exec := func(sql string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	columns := make([]string, len(tables)) // but for those that the database computes
	for i, table := range tables {
		if err := conn.QueryRow(t.Context(), `SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''`, table).Scan(&columns[i]); err != nil {
			t.Fatal(err)
		}
		exec(`CREATE TEMP TABLE kept_` + table + ` AS SELECT ` + columns[i] + ` FROM ` + table)
	}
	return func() {
		t.Helper()
		for i, table := range tables {
			exec(`DELETE FROM ` + table)
			exec(`INSERT INTO ` + table + ` (` + columns[i] + `) TABLE kept_` + table)
			exec(`DROP TABLE kept_` + table)
		}
	}
}

// owner returns a connection of the database's owner, whom no wall and no
// trigger stops: whoever tampers has that much.
func owner(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// One byte of any column of any kind of entry, and what it records: each is
// found where it lies. An end cut off is found even without a head kept
// elsewhere while what it recorded is there.
func TestTamperedColumns(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	d, db := newDesk(t, url)
	table, _ := generate(8)
	b := mustSubmit(t, d, officer, table)
	stop := work(t, d)
	wait(t, d, officer, b.ID)
	stop()
	conn := owner(t, url)
	exec := func(sql string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	verify := func() []store.AuditBreak {
		t.Helper()
		_, breaks, err := db.VerifyAudit(t.Context(), nil, appraisal.Intact)
		if err != nil {
			t.Fatal(err)
		}
		altered, err := d.VerifyBatches(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return append(breaks, altered...)
	}
	exec(`SET session_replication_role = replica`)
	text := func(column string) string {
		return column + ` = chr(ascii(` + column + `) # 1) || substr(` + column + `, 2)`
	}
	bytea := func(column string) string {
		return column + ` = set_byte(` + column + `, length(` + column + `) / 2, get_byte(` + column + `, length(` + column + `) / 2) # 1)`
	}
	document := func(column string) string {
		return column + ` = regexp_replace(` + column + `::text, '([a-z])', '\1\1')::json`
	}
	const last = 10
	for _, change := range []string{text("institution"), text("actor"), text("action"), text("subject"), document("detail"), bytea("prev"), bytea("hash"), `at = at + interval '1 microsecond'`, `at = at - interval '1 day'`} {
		for _, seq := range []int{1, 5, last} {
			put := altered(t, conn, "audit")
			exec(fmt.Sprintf(`UPDATE audit SET %s WHERE seq = %d`, change, seq))
			found := verify()
			if !slices.ContainsFunc(found, func(b store.AuditBreak) bool { return b.Seq == int64(seq) && b.Zh != "" && b.En != "" }) {
				t.Errorf("%s of entry %d: %v", change, seq, found)
			}
			put()
		}
	}
	for name, c := range map[string]struct{ sql, kind string }{
		"end cut, no head":     {`DELETE FROM audit WHERE seq >= 9`, "unrecorded"},
		"a row's decision":     {`UPDATE batch_rows SET ` + document("decision") + ` WHERE line = 3`, "batch_altered"},
		"a row's values":       {`UPDATE batch_rows SET valued = replace(valued::text, '"low":', '"low":1')::json WHERE line = 3`, "batch_altered"},
		"a row's title":        {`UPDATE batch_rows SET valued = replace(valued::text, '"title":"', '"title":"x')::json WHERE line = 3`, "batch_altered"},
		"a row's input":        {`UPDATE batch_rows SET ` + document("input") + ` WHERE line = 3`, "batch_altered"},
		"the contracts":        {`UPDATE batches SET contracts = replace(contracts::text, '"recommended":', '"recommended":1')::json`, "batch_altered"},
		"the digest":           {`UPDATE batches SET ` + bytea("digest"), "batch_altered"},
		"facts that were none": {`UPDATE batches SET facts = '{"drawn":[{"programme":"X","borrower":"y","amount":1}]}'`, "batch_altered"},
		"another policy":       {`UPDATE batches SET options = replace(options::text, '"value":0.25', '"value":0.35')::json`, "batch_altered"},
	} {
		put := altered(t, conn, "audit", "batches", "batch_rows")
		exec(c.sql)
		if found := verify(); !slices.ContainsFunc(found, func(b store.AuditBreak) bool { return b.Kind == c.kind && b.Zh != "" }) {
			t.Errorf("%s: %v, want %s", name, found, c.kind)
		}
		put()
	}
	if found := verify(); len(found) > 0 {
		t.Errorf("put back: %v", found)
	}
}

func TestOptionsChecked(t *testing.T) {
	d, _ := newDesk(t, storetest.URL(t))
	table, _ := generate(3)
	for code, change := range map[string]func(*Options){
		"date.future":    func(o *Options) { o.Date = on.AddYears(100) },
		"batch.priority": func(o *Options) { o.Priority = 5 },
	} {
		o := template()
		change(&o)
		if _, _, err := d.Submit(t.Context(), officer, "f.xlsx", workbook(t, table), o); fault.Public(err).Code != code {
			t.Errorf("%v, want %s", err, code)
		}
	}
	if _, _, err := d.Submit(t.Context(), officer, fmt.Sprintf("%0300d.xlsx", 1), workbook(t, table), template()); fault.Public(err).Code != "batch.name" {
		t.Errorf("long name: %v", err)
	}
}
