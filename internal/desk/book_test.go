package desk

import (
	"encoding/json"
	"slices"
	"sync"
	"testing"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/civil"
	"zhijia/internal/fault"
	"zhijia/internal/lending"
	"zhijia/internal/patent"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

const booked = "CN201310543019.6"

func stockBooked(t *testing.T, d *Desk, db *store.DB) {
	t.Helper()
	one, no := 1, false
	err := db.MergePatents(t.Context(), []store.Patent{{
		Number: booked, Kind: "invention", Title: "一种激光器相对强度噪声的测量装置及方法", IPC: []string{"G01M 11/00"}, Filing: civil.New(2013, 11, 5), Grant: civil.New(2016, 5, 4),
		Owners: []string{"甲公司"}, OwnerType: "firm", Source: "test",
	}}, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	var deals []store.Deal
	for i, amount := range []float64{300_000, 800_000, 1_500_000, 450_000, 2_000_000, 120_000} {
		deals = append(deals, store.Deal{
			ID: "D" + string(rune('1'+i)), Title: "激光器测量装置专利转让", IPC: []string{"G01M 11/00"}, Amount: &amount, Currency: "CNY", DealKind: "assignment", Patents: &one,
			Date: civil.New(2020+i%5, 3, 1), DateUnit: "day", RelatedParty: &no, SourceType: "own_ledger", OwnerType: "firm",
		})
	}
	if err := db.PutDeals(t.Context(), deals); err != nil {
		t.Fatal(err)
	}
	if err := d.appraisal.EmbedStored(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}

func kinds(alerts []store.BookAlert) (out []string) {
	for _, a := range alerts {
		out = append(out, a.Level+" "+a.Kind+" "+a.Cause)
	}
	return out
}

func TestBook(t *testing.T) {
	d, db := newDesk(t, storetest.URL(t))
	stockBooked(t, d, db)
	loan, err := d.Book(t.Context(), officer, Loan{
		Contract: "DB-1", Borrower: "甲公司", Balance: 50_000_00, Maturity: on.AddYears(2), Policy: "BOCOM-HIST",
		Rows: []lending.Row{{Number: "ZL201310543019.6"}, {Number: booked}},
	})
	if err != nil || len(loan.Patents) != 1 || loan.Patents[0].Value <= 0 || loan.Patents[0].Due != on.AddMonths(6) {
		t.Fatalf("%+v %v", loan, err)
	}
	if _, err := d.Book(t.Context(), officer, Loan{Contract: "DB-1", Borrower: "甲公司", Balance: 1, Maturity: on.AddYears(2), Rows: []lending.Row{{Number: booked}}}); fault.KindOf(err) != fault.Conflict {
		t.Errorf("booked twice: %v", err)
	}
	if n, err := d.RevalueDue(t.Context(), ""); n != 0 || err != nil {
		t.Errorf("nothing is due: %d %v", n, err)
	}

	// The schedule: half a year on it is valued again, without alarm.
	later := func(day civil.Date) {
		d.now = func() time.Time { return day.Time().Add(9 * time.Hour) }
		svc, err := appraisal.New(t.Context(), db, appraisal.Options{Now: d.now})
		if err != nil {
			t.Fatal(err)
		}
		d.appraisal = svc
	}
	later(on.AddMonths(6))
	if n, err := d.RevalueDue(t.Context(), ""); n != 1 || err != nil {
		t.Fatalf("%d %v", n, err)
	}
	if n, _ := d.RevalueDue(t.Context(), ""); n != 0 {
		t.Errorf("valued again at once: %d", n)
	}
	alerts, err := db.BookAlerts(t.Context(), officer.Tenant, true, 0, 10)
	if err != nil || slices.Contains(kinds(alerts), "red ended schedule") {
		t.Errorf("%v %v", kinds(alerts), err)
	}
	before := len(alerts)

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
			if _, err := d.RevalueDue(t.Context(), ""); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	alerts, err = db.BookAlerts(t.Context(), officer.Tenant, true, 0, 10)
	if err != nil || len(alerts) != before+2 || !slices.Contains(kinds(alerts), "red ended event") || !slices.Contains(kinds(alerts), "red breach event") {
		t.Fatalf("%v %v", kinds(alerts), err)
	}
	a := alerts[before]
	var w why
	if err := json.Unmarshal(a.Detail, &w); err != nil || a.New != 0 || a.Old <= 0 || w.Status[1] != "zero" || len(w.Events) != 1 || w.Zh == "" {
		t.Errorf("%+v %+v %v", a, w, err)
	}
	if err := db.AcknowledgeAlert(t.Context(), "bank-b", a.ID, "x", "", d.now()); fault.KindOf(err) != fault.NotFound {
		t.Errorf("another bank acknowledges: %v", err)
	}
	if err := db.AcknowledgeAlert(t.Context(), officer.Tenant, a.ID, "desk-a", "要求补充押品", d.now()); err != nil {
		t.Error(err)
	}
	if left, _ := db.BookAlerts(t.Context(), officer.Tenant, true, 0, 10); len(left) != before+1 {
		t.Errorf("%d open", len(left))
	}
	if err := d.SetBalance(t.Context(), officer, "DB-1", 0); err != nil {
		t.Error(err)
	}
	if loans, _ := db.BookLoans(t.Context(), officer.Tenant, "", 10); len(loans) != 0 {
		t.Errorf("a loan paid off stays: %d", len(loans))
	}
	_, breaks, err := db.VerifyAudit(t.Context(), store.AuditHead{}, appraisal.Intact)
	if err != nil || len(breaks) > 0 {
		t.Errorf("audit: %v %v", breaks, err)
	}
}
