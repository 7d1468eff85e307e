package desk

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/jobs"
	"zhijia/internal/lending"
	"zhijia/internal/llm/llmtest"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
	"zhijia/internal/watch"
)

const booked = "CN201310543019.6"

func stockBooked(t *testing.T, d *Desk, db *store.DB) {
	t.Helper()
	one, no := 1, false
	err := db.MergePatents(t.Context(), []store.Patent{{
		Number: booked, Kind: "invention", Title: "一种激光器相对强度噪声的测量装置及方法", IPC: []string{"G01M 11/00"}, Filing: calendar.New(2013, 11, 5), Grant: calendar.New(2016, 5, 4),
		Owners: []string{"甲公司"}, OwnerType: "firm", Source: "test",
	}}, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	var deals []store.Deal
	for i, amount := range []float64{1e9, 3e9, 6e9, 2e9, 8e9, 5e8} { // dear, so that loans of some ten thousand are covered
		deals = append(deals, store.Deal{
			ID: "D" + string(rune('1'+i)), Title: "激光器测量装置专利转让", IPC: []string{"G01M 11/00"}, Amount: &amount, Currency: "CNY", DealKind: "assignment", Patents: &one,
			Date: calendar.New(2020+i%5, 3, 1), DateUnit: "day", RelatedParty: &no, SourceType: "own_ledger", OwnerType: "firm",
		})
	}
	if err := db.PutDeals(t.Context(), deals); err != nil {
		t.Fatal(err)
	}
	if err := d.appraisal.Spaces().EmbedStored(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}

func kinds(alerts []store.Alert) (out []string) {
	for _, a := range alerts {
		out = append(out, a.Level+" "+string(a.Book.Kind)+" "+string(a.Book.Trigger))
	}
	return out
}

func TestBook(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t, storetest.URL(t))
	stockBooked(t, d, db)
	loan, err := d.Book(t.Context(), officer, Loan{
		Approval: "信贷审批委员会同意", Contract: "DB-1", Borrower: "甲公司", Balance: 50_000_00, Maturity: on.AddYears(2), Policy: "BOCOM-HIST",
		Rows: []lending.Row{{Number: "ZL201310543019.6"}, {Number: booked}},
	})
	if err != nil || len(loan.Patents) != 1 || loan.Patents[0].Value <= 0 || loan.Patents[0].Due != on.AddMonths(6) {
		t.Fatalf("%+v %v", loan, err)
	}
	if _, err := d.Book(t.Context(), officer, Loan{Approval: "信贷审批委员会同意", Contract: "DB-1", Borrower: "甲公司", Balance: 1, Maturity: on.AddYears(2), Rows: []lending.Row{{Number: booked}}}); fault.KindOf(err) != fault.Conflict {
		t.Errorf("booked twice: %v", err)
	}
	if n, err := d.RevalueDue(t.Context(), store.Everyone); n != 0 || err != nil {
		t.Errorf("nothing is due: %d %v", n, err)
	}

	// Booking checks what deciding checks, on what is on file at that moment.
	for code, want := range map[string][2]string{"": {"book.approval", ""}, "PP01": {"book.refused", "book.refused"}, "CF01": {"book.refused", "book.refused"}, "PE01": {"book.approval", ""}} {
		number := mustKey(t, "CN2014101234"+map[string]string{"": "01", "PP01": "02", "CF01": "03", "PE01": "04"}[code]+"."+string(patent.CheckDigit("2014101234"+map[string]string{"": "01", "PP01": "02", "CF01": "03", "PE01": "04"}[code])))
		if code != "" {
			if err := db.MergeEvents(t.Context(), []store.LegalEvent{{Number: number, Event: patent.Event{Code: code, Effective: on.AddMonths(-2), Registration: "Y2026", Party: "丙银行", Source: "test"}}}); err != nil {
				t.Fatal(err)
			}
		}
		l := Loan{Contract: "B-" + code, Borrower: "甲公司", Balance: 1_00, Maturity: on.AddYears(2), Policy: "BOCOM-HIST", Rows: []lending.Row{{Number: number, Title: "一种激光器测量装置", Kind: patent.Invention, Filing: calendar.New(2014, 1, 5), Grant: calendar.New(2016, 5, 4), Owners: []string{"甲公司"}}}}
		if _, err := d.Book(t.Context(), officer, l); fault.Public(err).Code != want[0] || len(fault.Public(err).Fields) == 0 {
			t.Errorf("%q on file: %v, want %s", code, err, want[0])
		}
		l.Approval = "信贷审批委员会同意"
		got, err := d.Book(t.Context(), officer, l)
		if fault.Public(err).Code != want[1] && err != nil || want[1] != "" && err == nil {
			t.Errorf("%q on file, approved: %v", code, err)
			continue
		}
		if err == nil {
			if told := slices.Contains(got.Standing, "ground:E09:"+number); told != (code == "PE01") {
				t.Errorf("%q on file: standing %v", code, got.Standing)
			}
			if err := d.SetBalance(t.Context(), officer, l.Contract, 0, nil); err != nil {
				t.Error(err)
			}
		}
	}

	// The schedule: half a year on it is valued again, without alarm.
	later := func(day calendar.Date) {
		d.now = func() time.Time { return day.Time().Add(9 * time.Hour) }
		svc, err := appraisal.New(t.Context(), db, appraisal.Options{Now: d.now})
		if err != nil {
			t.Fatal(err)
		}
		d.appraisal = svc
	}
	later(on.AddMonths(6))
	if n, err := d.RevalueDue(t.Context(), store.Everyone); n != 1 || err != nil {
		t.Fatalf("%d %v", n, err)
	}
	if n, _ := d.RevalueDue(t.Context(), store.Everyone); n != 0 {
		t.Errorf("valued again at once: %d", n)
	}
	alerts, err := db.Alerts(t.Context(), officer.Institution, store.AlertFilter{Book: true, Open: true, Limit: 10})
	if err != nil || slices.Contains(kinds(alerts), "red ended schedule") {
		t.Errorf("%v %v", kinds(alerts), err)
	}
	before := len(alerts)
	watcher, err := watch.New(db, watch.Options{Key: bytes.Repeat([]byte{7}, 32), Now: func() time.Time { return d.now() }})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := watcher.Subscribe(t.Context(), officer.Institution, "desk-a", "https://example.org/alerts", []string{"book_ended", "book_breach"}); err != nil {
		t.Fatal(err)
	}

	// An event: the right lapsed. The same event again calls for nothing.
	event := store.LegalEvent{Number: booked, Event: patent.Event{Code: "CF01", Effective: on.AddMonths(5), Gazette: on.AddMonths(6).AddDays(3), Source: "test"}}
	for range 2 {
		if err := db.MergeEvents(t.Context(), []store.LegalEvent{event}); err != nil {
			t.Fatal(err)
		}
	}
	later(on.AddMonths(6).AddDays(10))
	var wg sync.WaitGroup
	for range 3 { // several processes look at once
		wg.Go(func() {
			if _, err := d.RevalueDue(t.Context(), store.Everyone); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	alerts, err = db.Alerts(t.Context(), officer.Institution, store.AlertFilter{Book: true, Open: true, Limit: 10})
	if err != nil || len(alerts) != before+2 || !slices.Contains(kinds(alerts), "red ended event") || !slices.Contains(kinds(alerts), "red breach event") {
		t.Fatalf("%v %v", kinds(alerts), err)
	}
	// What fell and broke is in the one list of alerts and in the one stream of
	// messages, once, beside what the register told.
	for range 2 {
		if _, err := watcher.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	sent, err := db.Deliveries(t.Context(), officer.Institution, "", 0, 100)
	if err != nil || len(sent) != 2 || !strings.Contains(string(sent[0].Body), `"book_ended"`) || !strings.Contains(string(sent[1].Body), `"level":"red"`) {
		t.Errorf("%+v %v", sent, err)
	}
	listed, err := db.Alerts(t.Context(), officer.Institution, store.AlertFilter{Open: true, Number: booked, Limit: 100})
	if err != nil || !slices.ContainsFunc(listed, func(a store.Alert) bool { return a.Code == "book_ended" && a.Loan == "DB-1" }) || !slices.ContainsFunc(listed, func(a store.Alert) bool { return a.Code == "lapse" }) {
		t.Errorf("%+v %v", listed, err)
	}
	a := alerts[before]
	var w why
	if err := json.Unmarshal(a.Book.Detail, &w); err != nil || a.Book.New != 0 || a.Book.Old <= 0 || w.Status[1] != "zero" || len(w.Events) != 1 || w.Zh == "" {
		t.Errorf("%+v %+v %v", a, w, err)
	}
	if _, err := db.AcknowledgeAlert(t.Context(), "bank-b", a.ID, "x", "", d.now()); fault.KindOf(err) != fault.NotFound {
		t.Errorf("another bank acknowledges: %v", err)
	}
	if _, err := db.AcknowledgeAlert(t.Context(), officer.Institution, a.ID, "desk-a", "要求补充押品", d.now()); err != nil {
		t.Error(err)
	}
	if left, _ := db.Alerts(t.Context(), officer.Institution, store.AlertFilter{Book: true, Open: true, Limit: 10}); len(left) != before+1 {
		t.Errorf("%d open", len(left))
	}
	if err := d.SetBalance(t.Context(), officer, "DB-1", 0, nil); err != nil {
		t.Error(err)
	}
	if loans, _ := db.BookLoans(t.Context(), officer.Institution, "", 10); len(loans) != 0 {
		t.Errorf("a loan paid off stays: %d", len(loans))
	}
	_, breaks, err := db.VerifyAudit(t.Context(), nil, appraisal.Intact)
	if err != nil || len(breaks) > 0 {
		t.Errorf("audit: %v %v", breaks, err)
	}
}

// clock moves a desk's clock.
func clock(t *testing.T, d *Desk, db *store.DB, day calendar.Date) {
	t.Helper()
	d.now = func() time.Time { return day.Time().Add(9 * time.Hour) }
	svc, err := appraisal.New(t.Context(), db, appraisal.Options{Now: d.now})
	if err != nil {
		t.Fatal(err)
	}
	d.appraisal = svc
}

// While a model is asked about a booked patent no transaction is open. A process
// that loses its turn between reading and writing, as one that dies does, leaves
// the patent as it was, due, and the next one values it once. What two patents of
// a loan lose together breaks the ceiling once, however many processes look.
func TestBookUnderFire(t *testing.T) {
	t.Parallel()
	var asked atomic.Pointer[func()] // what happens when the model is asked
	d, db, model := modelDesk(t, func(r llmtest.Request) llmtest.Reply {
		if f := asked.Load(); f != nil {
			(*f)()
		}
		return llmtest.Always(60)(r)
	}, nil)
	admin := owner(t, db.Queue().Config().ConnString())
	stockBooked(t, d, db)
	const second = "CN202010123456.2"
	if err := db.MergePatents(t.Context(), []store.Patent{{
		Number: second, Kind: "invention", Title: "一种激光器测量装置", IPC: []string{"G01M 11/00"}, Filing: calendar.New(2014, 1, 5), Grant: calendar.New(2016, 5, 4), Owners: []string{"甲公司"}, OwnerType: "firm", Source: "test",
	}}, 0, nil); err != nil {
		t.Fatal(err)
	}
	if err := d.appraisal.Spaces().EmbedStored(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	loan, err := d.Book(t.Context(), officer, Loan{
		Approval: "信贷审批委员会同意", Contract: "DB-2", Borrower: "甲公司", Balance: 1000_00, Maturity: on.AddYears(2), Policy: "BOCOM-HIST", Rows: []lending.Row{{Number: booked}, {Number: second}},
	})
	if err != nil || len(loan.Patents) != 2 || len(loan.Standing) != 0 {
		t.Fatalf("%+v %v", loan, err)
	}
	if _, err := d.Book(t.Context(), officer, Loan{Approval: "信贷审批委员会同意", Contract: "DB-3", Borrower: "甲公司", Balance: 1, Maturity: on.AddYears(2), Rows: []lending.Row{{Number: second}}}); fault.Public(err).Code != "book.pledged_elsewhere" {
		t.Errorf("pledged twice: %v", err)
	}
	// What another bank noted is no register: it is told, and blocks nobody.
	other := appraisal.Actor{Name: "b", Institution: "bank-b"}
	if _, err := d.Book(t.Context(), other, Loan{Approval: "信贷审批委员会同意", Contract: "X", Borrower: "甲公司", Balance: 1, Maturity: on.AddYears(2), Rows: []lending.Row{{Number: second}}}); err != nil {
		t.Errorf("another bank's loan blocks: %v", err)
	}
	storetest.Authorise(t, db, other.Institution, second)
	if noted, err := db.Interests(t.Context(), other.Institution, []string{second}); err != nil || len(noted) != 1 {
		t.Errorf("another bank's loan is not told: %+v %v", noted, err)
	}
	if err := d.SetBalance(t.Context(), other, "X", 0, nil); err != nil {
		t.Fatal(err)
	}
	// The balance grows to just under what the two bear: the fall of either
	// alone breaks it.
	var bears money.Fen
	for _, p := range loan.Patents {
		bears += p.Value.MulRate(p.Ceiling)
	}
	if err := d.SetBalance(t.Context(), officer, "DB-2", bears, nil); err != nil {
		t.Fatal(err)
	}
	alerts := func() []string {
		t.Helper()
		all, err := db.Alerts(t.Context(), officer.Institution, store.AlertFilter{Book: true, Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range all {
			var w why
			if err := json.Unmarshal(a.Book.Detail, &w); err != nil || w.Zh == "" {
				t.Errorf("%s says nothing: %v", a.Book.Kind, err)
			}
		}
		return kinds(all)
	}
	if got := alerts(); !slices.Equal(got, []string{"yellow cover request"}) {
		t.Errorf("at the limit, with terms running down: %v", got)
	}
	day := on.AddMonths(6)
	d.now = func() time.Time { return day.Time().Add(9 * time.Hour) }
	if _, err := admin.Exec(t.Context(), `DELETE FROM judgements`); err != nil { // so that the model is asked again
		t.Fatal(err)
	}

	// One process stands still while it asks, and the other finds the loan in hand.
	calls := model.Calls()
	started, release, open := make(chan struct{}), make(chan struct{}), 0
	standStill := sync.OnceFunc(func() {
		if err := admin.QueryRow(context.Background(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL`).Scan(&open); err != nil {
			t.Error(err)
		}
		close(started)
		<-release
	})
	asked.Store(&standStill)
	died := make(chan error, 1)
	go func() {
		_, err := d.RevalueDue(t.Context(), store.Everyone)
		died <- err
	}()
	<-started
	if open != 0 {
		t.Errorf("%d transactions are open while a model is asked", open)
	}
	if n, err := d.RevalueDue(t.Context(), store.Everyone); n != 0 || err != nil {
		t.Errorf("two processes have one loan in hand: %d %v", n, err)
	}
	// Its lease is over: the turn is taken from it.
	if _, err := admin.Exec(t.Context(), `UPDATE jobs SET status = 'parked', owner = NULL, leased_until = NULL WHERE kind = 'revaluations'`); err != nil {
		t.Fatal(err)
	}
	close(release)
	if err := <-died; !store.TurnLost(err) {
		t.Fatalf("a process that lost its turn stored its work: %v", err)
	}
	if got := alerts(); len(got) != 1 || model.Calls() == calls {
		t.Errorf("what a process without a turn found: %v, after %d calls", got, model.Calls()-calls)
	}

	// Both rights end; four processes look at once.
	for _, number := range []string{booked, second} {
		if err := db.MergeEvents(t.Context(), []store.LegalEvent{{Number: number, Event: patent.Event{Code: "CF01", Effective: on.AddMonths(5), Gazette: on.AddMonths(5).AddDays(9), Source: "test"}}}); err != nil {
			t.Fatal(err)
		}
	}
	total := make(chan int, 4)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			n, err := d.RevalueDue(t.Context(), store.Everyone)
			if err != nil {
				t.Error(err)
			}
			total <- n
		})
	}
	wg.Wait()
	sum := 0
	for range 4 {
		sum += <-total
	}
	if n, err := d.RevalueDue(t.Context(), store.Everyone); err != nil {
		t.Error(err)
	} else {
		sum += n // one may have found the loan in another's hand
	}
	got := alerts()
	slices.Sort(got)
	if want := []string{"red breach schedule", "red ended schedule", "red ended schedule", "yellow cover request"}; sum != 2 || !slices.Equal(got, want) {
		t.Errorf("%d revalued, %v, want %v", sum, got, want)
	}
	entries, err := db.Audit(t.Context(), officer.Institution, "", 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	revalued := 0
	for _, e := range entries {
		if e.Action == "book.revalue" {
			revalued++
		}
	}
	if _, breaks, err := db.VerifyAudit(t.Context(), nil, appraisal.Intact); err != nil || len(breaks) > 0 || revalued != 2 {
		t.Errorf("%d revaluations on record, %v %v", revalued, breaks, err)
	}
	proceeds := money.Fen(12_345_67)
	if err := d.SetBalance(t.Context(), officer, "DB-2", bears, &store.Outcome{Kind: "lost"}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("an unknown outcome: %v", err)
	}
	if err := d.SetBalance(t.Context(), officer, "DB-2", bears-proceeds, &store.Outcome{Kind: "sold", Proceeds: &proceeds}); err != nil {
		t.Error(err)
	}
	if loans, err := db.BookLoans(t.Context(), officer.Institution, "", 10); err != nil || loans[0].Outcome != "sold" || loans[0].Proceeds == nil || *loans[0].Proceeds != proceeds {
		t.Errorf("the outcome is not kept: %+v %v", loans, err)
	}
	rows, _, err := d.Collateral(t.Context(), officer, "", 10)
	if err != nil || len(rows) != 2 || rows[0].First == nil || *rows[0].First != loan.Patents[0].FirstValue || rows[0].Latest != 0 || rows[0].State != "失效" || rows[0].Type != "发明专利权" || rows[0].Contract != "DB-2" {
		t.Errorf("%+v %v", rows, err)
	}
}

// As its term runs down a patent loses a little each half-year. The fall is
// measured against the value first recognised, told once a level, and the alert
// says what changed since then.
func TestBookSlowSlide(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t, storetest.URL(t))
	stockBooked(t, d, db)
	revenue, royalty := money.Fen(3_000_000_00), 0.03
	loan, err := d.Book(t.Context(), officer, Loan{Approval: "信贷审批委员会同意", Contract: "DB-4", Borrower: "甲公司", Balance: 100_00, Maturity: on.AddYears(6), Policy: "BOCOM-HIST", Rows: []lending.Row{{Number: booked, Revenue: &revenue, Royalty: &royalty}}})
	if err != nil {
		t.Fatal(err)
	}
	watcher, err := watch.New(db, watch.Options{Key: bytes.Repeat([]byte{7}, 32), Now: func() time.Time { return d.now() }})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := watcher.Subscribe(t.Context(), officer.Institution, "desk-a", "https://example.org/alerts", []string{"book_drop"}); err != nil {
		t.Fatal(err)
	}
	policy := lending.Policies()["BOCOM-HIST"]
	last := loan.Patents[0]
	follow, base := lending.Reference{Base: last.Value}, last
	var want, steps []string
	for k := 1; k <= 12; k++ {
		clock(t, d, db, on.AddMonths(6*k))
		if k == 1 { // as the service does it: a job looks, another values
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- d.queue.Run(ctx, jobs.RunOptions{}, d.Monitor(time.Hour)...) }()
			for tick := time.Tick(10 * time.Millisecond); ; <-tick {
				loans, err := db.BookLoans(t.Context(), officer.Institution, "", 1)
				if err != nil {
					t.Fatal(err)
				}
				if loans[0].Patents[0].ValuedOn == on.AddMonths(6) {
					break
				}
			}
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		} else if n, err := d.RevalueDue(t.Context(), store.Everyone); n != 1 || err != nil {
			t.Fatalf("half-year %d: %d %v", k, n, err)
		}
		loans, err := db.BookLoans(t.Context(), officer.Institution, "", 1)
		if err != nil {
			t.Fatal(err)
		}
		p := loans[0].Patents[0]
		if p.Due != on.AddMonths(6*k+6) {
			t.Errorf("half-year %d: due %s", k, p.Due)
		}
		steps = append(steps, p.Value.String())
		var a *lending.Alert
		var rebased bool
		follow, a, rebased = policy.Follow(follow, p.Value)
		if a != nil {
			want = append(want, a.Level+" "+a.Old.String()+" "+a.New.String()+" "+base.Valuation)
		}
		if rebased {
			base = p
		}
		if p.Base != follow.Base || p.BaseValuation != base.Valuation || p.Alerted != follow.Alerted {
			t.Errorf("half-year %d: %+v, want %+v", k, p, follow)
		}
	}
	all, err := db.Alerts(t.Context(), officer.Institution, store.AlertFilter{Book: true, Open: true, Limit: 50})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range all {
		if a.Book.Kind != lending.AlertDrop {
			continue
		}
		var w why
		if err := json.Unmarshal(a.Book.Detail, &w); err != nil {
			t.Fatal(err)
		}
		got = append(got, a.Level+" "+a.Book.Old.String()+" "+a.Book.New.String()+" "+w.Before)
		if len(w.Causes) == 0 || w.Threshold == "" {
			t.Errorf("an alert without a cause: %+v", w)
		}
	}
	if len(got) < 2 || !slices.Equal(got, want) {
		t.Errorf("values %v, told %v, want %v", steps, got, want)
	}
	// Each fall is in the one stream of messages, with both values.
	if _, err := watcher.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	sent, err := db.Deliveries(t.Context(), officer.Institution, "", 0, 100)
	if err != nil || len(sent) != len(got) {
		t.Fatalf("%d messages of %d falls, %v", len(sent), len(got), err)
	}
	for i := range sent {
		var body watch.Message
		if err := json.Unmarshal(sent[i].Body, &body); err != nil || body.Type != "alert.raised" || body.Data.Book == nil || body.Data.Level+" "+body.Data.Book.Old.String()+" "+body.Data.Book.New.String() != got[i][:strings.LastIndexByte(got[i], ' ')] {
			t.Errorf("message %d: %s, want %s, %v", i, sent[i].Body, got[i], err)
		}
	}
}
