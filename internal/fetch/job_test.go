package fetch

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/connect"
	"zhijia/internal/jobs"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

// A fetch of many numbers goes through the real queue: it stops when its
// requests are used up and when the source is away, goes on where it stopped,
// settles a number by what was asked even where the patent has another, and
// the patents behind open loans are asked for again when their time has come.
func TestFetchAsAJob(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	svc, err := appraisal.New(t.Context(), db, appraisal.Options{Days: calendar.Shipped()})
	if err != nil {
		t.Fatal(err)
	}
	queue, err := jobs.New(db, nil)
	if err != nil {
		t.Fatal(err)
	}
	// OPS has every application but those that end in 7, in bulk; publications
	// by themselves; no family.
	w := newWorld(t)
	down := false
	bulk := func(rw http.ResponseWriter, r *http.Request) {
		if down {
			rw.WriteHeader(503)
			return
		}
		body, _ := io.ReadAll(r.Body)
		lines := strings.Fields(string(body))
		if len(lines) == 0 { // one alone stands in the path
			part := strings.Split(r.URL.Path, "/")
			lines = []string{part[len(part)-2]}
		}
		var docs []string
		for _, l := range lines {
			digits := strings.Split(l, ".")[1]
			application, publication := digits, "1"+digits[4:]
			if len(digits) == 9 {
				application, publication = "2022"+digits[1:], digits
			}
			if strings.HasSuffix(digits, "7") {
				docs = append(docs, `<exchange-document country="CN" doc-number="`+digits+`" kind="A" status="not found"/>`)
				continue
			}
			docs = append(docs, document(application, publication, "B", "20230117", `<invention-title lang="zh">一种泵</invention-title>`, "甲"))
		}
		fmt.Fprint(rw, ops(docs...))
	}
	w.on("/published-data/", bulk)
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	s, err := New(db, svc, queue, connect.Config{OPSURL: w.URL + "/3.2", OPSKey: "k:s", OPSHourMiB: 400, OPSWeekMiB: 3500, PerMinute: 60_000, Timeout: 5 * time.Second, RefreshDays: 7},
		func() time.Time { return now }, func(context.Context, time.Duration) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	var numbers []string
	for i := range 70 {
		numbers = append(numbers, application(fmt.Sprintf("20221%07d", 2000000+i)))
	}
	numbers = append(numbers, numbers[3], "CN120101109B") // one twice, and one by its publication

	work := func(id string) State {
		t.Helper()
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- queue.Run(ctx, jobs.RunOptions{}, s.Workers()...) }()
		var st State
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for timeout := time.After(2 * time.Minute); st.Status == "" || st.Status == "running"; {
			select {
			case <-tick.C:
			case <-timeout:
				t.Fatalf("%+v", st)
			}
			var err error
			if st, err = s.State(t.Context(), officer, id); err != nil {
				t.Fatal(err)
			}
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		return st
	}
	st, err := s.Start(t.Context(), officer, numbers, Options{Most: 10, Only: []string{"epo_ops"}})
	if err != nil || st.Waiting != 71 {
		t.Fatalf("%+v %v", st, err)
	}
	st = work(st.ID)
	if st.Status != "stopped" || st.Requests > 10 || st.Waiting == 0 || st.Error == "" {
		t.Fatalf("a budget of ten: %+v", st)
	}
	// What was found stays settled; the source is away: nothing is called failed.
	down = true
	waiting := st.Waiting
	if st, err = s.Resume(t.Context(), officer, st.ID, 0); err != nil {
		t.Fatal(err)
	}
	if st = work(st.ID); st.Status != "stopped" || st.Failed > 0 || st.Waiting != waiting {
		t.Fatalf("the source away: %+v", st)
	}
	down = false
	if _, err = s.Resume(t.Context(), officer, st.ID, 0); err != nil {
		t.Fatal(err)
	}
	if st = work(st.ID); st.Status != "finished" || st.Missing != 7 || st.Found != 64 || st.Failed+st.Waiting > 0 {
		t.Fatalf("gone on: %+v", st)
	}
	missing, next, err := s.Numbers(t.Context(), officer, st.ID, "missing", "", 5)
	if err != nil || len(missing) != 5 || next == "" {
		t.Errorf("%v %q %v", missing, next, err)
	}
	if more, _, err := s.Numbers(t.Context(), officer, st.ID, "missing", next, 5); err != nil || len(more) != 2 {
		t.Errorf("%v %v", more, err)
	}
	if _, err := s.Resume(t.Context(), officer, st.ID, 0); err == nil {
		t.Error("a finished fetch went on")
	}

	// Eight days later the patent behind an open loan is asked for again, that of
	// a closed loan is not, and neither is asked twice.
	ctx := store.As(t.Context(), "default")
	valued, err := svc.Value(ctx, officer, appraisal.Request{Number: numbers[0], Purpose: "pledge"})
	if err != nil {
		t.Fatal(err)
	}
	for i, closed := range []bool{false, true} {
		if err := db.Transact(ctx, func(tx pgx.Tx) error {
			loan := fmt.Sprintf("L%d", i)
			if _, err := tx.Exec(ctx, `INSERT INTO book_loans (id, contract, borrower, principal, balance, maturity, policy, created_at, created_by, closed_at) VALUES ($1, $1, '甲', 100, 100, '2028-01-01', '{}', $2, 'x', $3)`,
				loan, now, map[bool]any{true: now}[closed]); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `INSERT INTO book_patents (loan, number, input, first_value, value, low, status, valuation, valued_on, arrived, seen, base, base_valuation, ceiling) VALUES ($1, $2, '{}', 1, 1, 1, 'valued', $3, '2026-01-01', 0, 0, 1, $3, .3)`, loan, numbers[i], valued.ID())
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	now = now.AddDate(0, 0, 8)
	for range 2 {
		if err := s.refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var id string
	var n int
	if err := db.Queue().QueryRow(t.Context(), `SELECT min(f.id), count(*) FROM fetches f JOIN fetch_numbers USING (institution) WHERE reason = 'refresh' AND fetch_id = f.id`).Scan(&id, &n); err != nil || n != 1 {
		t.Fatalf("%d numbers to refresh: %v", n, err)
	}
	calls := len(w.calls)
	if st = work(id); st.Status != "finished" || st.Found != 1 || len(w.calls) == calls || st.Reason != "refresh" {
		t.Errorf("%+v", st)
	}
}
