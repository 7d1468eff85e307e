package desk

import (
	"slices"
	"testing"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/lending"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

// One patent from two borrowers is found at once, whichever way it comes in:
// by files of two institutions, by a check, by a booked loan, by a lease.
func TestOneWayOrAnother(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t, storetest.URL(t))
	stockBooked(t, d, db)
	other := appraisal.Actor{Name: "王五", Institution: "another"}
	file := func(borrower, contract string) [][]string {
		return [][]string{{"借款人名称", "专利号", "担保合同号"}, {borrower, "ZL201310543019.6", contract}}
	}
	conflicts := func(actor appraisal.Actor, b store.Batch) []store.OfferConflict {
		t.Helper()
		found, err := d.Conflicts(t.Context(), actor, b.ID)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	for _, a := range []appraisal.Actor{officer, other} {
		storetest.Authorise(t, db, a.Institution, "CN201310543019.6")
	}
	first := mustSubmit(t, d, officer, file("甲公司", "DB-1"))
	if found := conflicts(officer, first); len(found) != 0 {
		t.Fatalf("the first: %+v", found)
	}
	second := mustSubmit(t, d, other, file("乙公司", "DB-9"))
	if found := conflicts(other, second); len(found) != 1 || found[0].Code != "elsewhere" || !found[0].OtherDesk || found[0].Allowed != patent.Allowed || found[0].Party != "" || found[0].Reference != "" {
		t.Errorf("another institution's file: %+v", found)
	}
	if found := conflicts(officer, first); len(found) != 1 || found[0].Code != "elsewhere" { // and who came first sees it, too
		t.Errorf("the first, looked at again: %+v", found)
	}
	if _, err := d.Conflicts(t.Context(), officer, second.ID); err == nil {
		t.Error("another institution's batch was shown")
	}
	// The same borrower corrects its file: nothing new is offered.
	if found := conflicts(officer, mustSubmit(t, d, officer, append(file("甲公司", "DB-1"), []string{"甲公司", "201710601862.3", "DB-1"}))); len(found) != 1 {
		t.Errorf("corrected: %+v", found)
	}

	check, err := d.Check(t.Context(), officer, []lending.Row{{Number: booked, Borrower: "丙公司", Contract: "DB-3", Loan: money.Fen(100_00)}}, Options{Policy: lending.Policies()["BOCOM-HIST"], Date: on})
	if err != nil || len(check.Conflicts) != 2 {
		t.Errorf("a check: %+v, %v", check.Conflicts, err)
	}
	if _, err := d.Book(t.Context(), officer, Loan{Approval: "信贷审批委员会同意", Contract: "DB-1", Borrower: "甲公司", Balance: 50_000_00, Maturity: on.AddYears(2), Policy: "BOCOM-HIST", Rows: []lending.Row{{Number: booked}}}); err != nil {
		t.Fatal(err)
	}
	lease := []patent.Offer{{Number: booked, Product: patent.ByLease, Reference: "L-1", Party: "甲公司"}}
	committed := func() (n int) {
		t.Helper()
		found, err := db.OfferConflicts(t.Context(), officer.Institution, lease)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range found {
			if c.Status == store.Committed {
				n++
			}
		}
		return n
	}
	if n := committed(); n != 1 {
		t.Errorf("a lease meets %d booked loans", n)
	}
	if err := db.SetBookBalance(t.Context(), officer.Institution, "DB-1", 0, nil, officer.Name, calendar.InChina(d.now()), d.now(), nil); err != nil {
		t.Fatal(err)
	}
	if n := committed(); n != 0 {
		t.Errorf("paid off, %d booked loans are left", n)
	}
}

// A pledgor that an officer decided to be the owner under another name is the
// owner in the desk's rows from then on.
func TestDecidedPledgor(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t, storetest.URL(t))
	stockBooked(t, d, db)
	refused := func() bool {
		t.Helper()
		v, _, err := Value(t.Context(), d.db, d.appraisal, officer, lending.Row{Number: booked, Owners: []string{"甲实业有限公司"}, Borrower: "甲实业有限公司"}, on, false)
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(v.Eligibility.Findings, func(f patent.Finding) bool { return f.Code == "E01" && f.Outcome == patent.Met })
	}
	if !refused() {
		t.Error("another name passes for the owner")
	}
	pair := store.MatchPair{Institution: officer.Institution, Kind: store.MatchParty, A: store.PartyKey("甲公司"), B: store.PartyKey("甲实业有限公司"), Score: 0.7, Band: patent.Uncertain, Reasons: []string{"名称相近"}}
	if _, err := db.PutMatches(t.Context(), officer.Institution, []store.MatchPair{pair}, officer.Name, d.now()); err != nil {
		t.Fatal(err)
	}
	list, err := db.Matches(t.Context(), officer.Institution, store.MatchFilter{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := db.DecideMatch(t.Context(), officer.Institution, list[0].ID, patent.Same, "核对营业执照", officer.Name, d.now()); err != nil {
		t.Fatal(err)
	}
	if refused() {
		t.Error("the decision is not used")
	}
}
