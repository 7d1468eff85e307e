package desk

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/lending"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

type valueFunc = func(context.Context, *store.DB, *appraisal.Service, appraisal.Actor, lending.Row, calendar.Date, bool) (lending.Valued, *appraisal.Draft, error)

// misbehave lets rows do something before they are valued, by their line.
func misbehave(before func(ctx context.Context, row *lending.Row) error) valueFunc {
	return func(ctx context.Context, db *store.DB, s *appraisal.Service, a appraisal.Actor, row lending.Row, on calendar.Date, wait bool) (lending.Valued, *appraisal.Draft, error) {
		if err := before(ctx, &row); err != nil {
			return lending.Valued{}, nil, err
		}
		return Value(ctx, db, s, a, row, on, wait)
	}
}

func workFor(tb testing.TB, d *Desk, o WorkOptions) (stop func()) {
	tb.Helper()
	ctx, cancel := context.WithCancel(tb.Context())
	done := make(chan error, 1)
	go func() { done <- d.Work(ctx, o) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			tb.Error(err)
		}
	}
}

// A worker that comes back after its batch was cancelled stores nothing: no
// result, no valuation, no entry in the record.
func TestCancelledBatchTakesNothing(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t, storetest.URL(t))
	table, want := generate(30)
	b := mustSubmit(t, d, officer, table)
	in, out := make(chan int, len(table)), make(chan struct{})
	d.value = misbehave(func(_ context.Context, row *lending.Row) error {
		in <- row.Line
		<-out
		return nil
	})
	stop := work(t, d)
	<-in // at least one row is in hand
	if err := d.Cancel(t.Context(), officer, b.ID); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := db.Queue().QueryRow(t.Context(), `SELECT count(*) FROM jobs`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d chunks of a cancelled batch are still to be worked, %v", left, err)
	}
	close(out)
	stop() // waits for what is in hand
	counts := func() (ended, valuations, entries int) {
		err := db.Queue().QueryRow(t.Context(), `SELECT (SELECT count(*) FROM batch_rows WHERE status NOT IN ('waiting', 'refused')), (SELECT count(*) FROM valuations), (SELECT count(*) FROM audit WHERE action = 'batch.row')`).Scan(&ended, &valuations, &entries)
		if err != nil {
			t.Fatal(err)
		}
		return ended, valuations, entries
	}
	if e, v, a := counts(); e+v+a != 0 {
		t.Errorf("after the cancellation: %d rows ended, %d valuations, %d entries", e, v, a)
	}
	d.value = Value
	if err := d.Resume(t.Context(), officer, b.ID); err != nil {
		t.Fatal(err)
	}
	stop = work(t, d)
	defer stop()
	if p := wait(t, d, officer, b.ID); p.Status != store.BatchFinished || p.Done != 30-len(want) {
		t.Errorf("%+v", p)
	}
	checkOnce(t, db, b.ID, 30, len(want))
}

// A row that panics, one that never ends and one that fails once: the first
// two are given up with their reason, the third gets its result, and while
// they are at it every other row gets its own.
func TestBadRowsDelayNobody(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t, storetest.URL(t))
	table, want := generate(60)
	b := mustSubmit(t, d, officer, unearning(table))
	var failedOnce atomic.Bool
	others := make(chan struct{})
	var left atomic.Int64
	left.Store(int64(60 - len(want) - 3))
	d.value = misbehave(func(ctx context.Context, row *lending.Row) error {
		switch row.Line {
		case 3:
			panic("a bad row")
		case 4:
			<-others // it hangs until all the others are through; if they waited for it, for ever
			<-ctx.Done()
			return ctx.Err()
		case 5:
			if !failedOnce.Swap(true) {
				return errors.New("once")
			}
		default:
			if left.Add(-1) == 0 {
				close(others)
			}
		}
		return nil
	})
	stop := workFor(t, d, WorkOptions{Rows: 2, Timeout: time.Second})
	defer stop()
	p := wait(t, d, officer, b.ID)
	if p.Status != store.BatchFinished || p.Failed != 2 || p.Done != 60-len(want)-2 {
		t.Errorf("%+v", p)
	}
	for line, code := range map[int]string{3: "row.poison", 4: "row.slow"} {
		out, _, err := d.Outcome(t.Context(), officer, b.ID, line)
		if err != nil || out.Status != "failed" || out.Faults[0].Code != code || out.Faults[0].Zh == "" {
			t.Errorf("line %d: %+v %v", line, out, err)
		}
	}
	var entries int
	if err := db.Queue().QueryRow(t.Context(), `SELECT count(*) FROM audit WHERE action = 'batch.row'`).Scan(&entries); err != nil || entries != p.Done+p.Failed {
		t.Errorf("%d entries for %d rows, %v", entries, p.Done+p.Failed, err)
	}
	// What failed is tried again on request, and only that.
	d.value = Value
	if n, err := d.Retry(t.Context(), officer, b.ID); n != 2 || err != nil {
		t.Errorf("%d retried, %v", n, err)
	}
	if p := wait(t, d, officer, b.ID); p.Failed != 0 || p.Done != 60-len(want) {
		t.Errorf("%+v", p)
	}
}

// A row that takes its whole process down, as one that eats all memory does,
// is given up; the rows that died with it get their results.
func TestRowThatKillsItsProcess(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	d, db := newDesk(t, url)
	table, want := generate(60)
	b := mustSubmit(t, d, officer, unearning(table))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	died := 0
	go func() { // somebody starts a worker whenever one died
		defer close(done)
		for ctx.Err() == nil {
			wait, end := runWorker(t, url, "7")
			select {
			case <-wait:
				died++
			case <-ctx.Done():
				end()
			}
		}
	}()
	p := wait(t, d, officer, b.ID)
	cancel()
	<-done
	if p.Failed != 1 || p.Done != 60-len(want)-1 || died != deaths {
		t.Errorf("%+v after %d deaths", p, died)
	}
	out, _, err := d.Outcome(t.Context(), officer, b.ID, 7)
	if err != nil || out.Faults[0].Code != "row.poison" {
		t.Errorf("%+v %v", out, err)
	}
	var valuations int
	if err := db.Queue().QueryRow(t.Context(), `SELECT count(*) FROM valuations`).Scan(&valuations); err != nil || valuations != p.Done {
		t.Errorf("%d valuations, %v", valuations, err)
	}
}

// A row that is tried again does not wait until every desk's queue is empty.
func TestRetriedRowIsNotStarved(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t, storetest.URL(t))
	small, _ := generate(5)
	large, _ := generate(1500) // more than is worked while a row waits to be tried again
	bank := appraisal.Actor{Name: "desk-b", Institution: "bank-b"}
	b := mustSubmit(t, d, bank, small)
	a := mustSubmit(t, d, officer, unearning(large))
	var once atomic.Bool
	d.value = func(ctx context.Context, db *store.DB, s *appraisal.Service, a appraisal.Actor, row lending.Row, on calendar.Date, wait bool) (lending.Valued, *appraisal.Draft, error) {
		if a.Institution == bank.Institution && !once.Swap(true) {
			return lending.Valued{}, nil, errors.New("once")
		}
		return Value(ctx, db, s, a, row, on, wait)
	}
	stop := work(t, d)
	wait(t, d, bank, b.ID)
	stop()
	n := endedBefore(t, db, a, b)
	if n > 1400 { // of 1,425: at the very end
		t.Errorf("the row waited for %d rows of another desk", n)
	}
	t.Logf("when the retried row was through, %d rows of the large file of 1,500 were", n)
}

// Priority orders a desk's own files and takes nothing from another desk.
func TestPriorityWithinADesk(t *testing.T) {
	d, db := newDesk(t, storetest.URL(t))
	file := func(rows, priority int, actor appraisal.Actor, version string) store.Batch {
		table, _ := generate(rows)
		o := template()
		o.Priority, o.Policy.Version = priority, version
		b, _, err := d.Submit(t.Context(), actor, "f.xlsx", workbook(t, unearning(table)), o)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	bank := appraisal.Actor{Name: "desk-b", Institution: "bank-b"}
	plain := file(150, 3, officer, "plain")
	modest := file(150, 4, bank, "modest") // another desk, last of its own only
	urgent := file(40, 1, officer, "urgent")
	middle := file(40, 2, officer, "middle")
	stop := workFor(t, d, WorkOptions{Rows: 2})
	for _, x := range []struct {
		store.Batch
		appraisal.Actor
	}{{urgent, officer}, {middle, officer}} {
		wait(t, d, x.Actor, x.ID)
	}
	stop()
	const inHand = 2 * chunkRows // rows a process may have in hand
	p, q, m := endedBefore(t, db, plain, urgent), endedBefore(t, db, middle, urgent), endedBefore(t, db, modest, urgent)
	later := endedBefore(t, db, plain, middle)
	t.Logf("when the 38 urgent rows were through: %d of the desk's plain file, %d of its middle one, %d of another desk's", p, q, m)
	if p > inHand || q > inHand || later > inHand {
		t.Errorf("the desk's less urgent rows went first: %d, %d, then %d", p, q, later)
	}
	if m < 38-inHand || m > 38+inHand {
		t.Errorf("another desk got %d rows while 38 urgent ones were worked", m)
	}
}

// endedBefore counts the rows of one batch that had their result when the last
// row of another got its own.
func endedBefore(tb testing.TB, db *store.DB, of, last store.Batch) (n int) {
	tb.Helper()
	err := db.Queue().QueryRow(tb.Context(), `
		SELECT count(*) FROM batch_rows WHERE batch = $1 AND status = 'done'
		AND ended_at < (SELECT max(ended_at) FROM batch_rows WHERE batch = $2)`, of.ID, last.ID).Scan(&n)
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

// A file names the columns that were not read.
func TestIgnoredColumnsAreNamed(t *testing.T) {
	t.Parallel()
	d, _ := newDesk(t, storetest.URL(t))
	table, _ := generate(3)
	for i := range table {
		table[i] = append(append([]string{}, table[i]...), fmt.Sprintf("备注%d", min(i, 1)))
	}
	table[0][len(table[0])-1] = "客户经理"
	b := mustSubmit(t, d, officer, table)
	again := mustSubmit(t, d, officer, table)
	got, err := d.Batch(t.Context(), officer, b.ID)
	if err != nil || len(b.Ignored) != 1 || b.Ignored[0] != "客户经理" || len(got.Ignored) != 1 || len(again.Ignored) != 1 {
		t.Errorf("%v %v %v %v", b.Ignored, again.Ignored, got.Ignored, err)
	}
}
