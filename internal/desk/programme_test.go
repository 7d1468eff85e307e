package desk

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/fault"
	"zhijia/internal/lending"
	"zhijia/internal/money"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

// lenient is a policy that accepts the patent of [stockBooked] on what the
// store knows of it.
func lenient() lending.Policy {
	p := lending.Policies()["BOCOM-HIST"]
	p.ID, p.Label, p.Rules, p.Basis, p.Gates = "LENIENT", "own", nil, lending.MarketBare, nil
	return p
}

// productFile is a file of one contract that draws on the programme.
func productFile(seq, borrower, contract, loan string) string {
	return "序号,借款人名称,专利号,专利权人,共有人及同意,年费缴至年度,法律状态,拟贷金额(元),拟到期日,担保合同号,产品代码\n" +
		strings.Join([]string{seq, borrower, booked, borrower, "无", "14", "无 " + on.String(), loan, on.AddYears(1).String(), contract, "ZYD"}, ",") + "\n"
}

// Two files of a desk draw on one programme one after the other: the second
// sees what the first holds, what is booked counts in its place, and what is
// let go is free. Each batch decides to the same again from what is kept.
func TestProgrammeAcrossBatches(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t, storetest.URL(t))
	stockBooked(t, d, db)
	g := lending.Programme{ID: "ZYD", Version: "1", Name: "知易贷", Total: lending.Limit{Amount: 15_000_00, Source: "test"}, PerBorrower: &lending.Limit{Amount: 11_000_00, Source: "test"}}
	if err := d.PutProgramme(t.Context(), officer, g); err != nil {
		t.Fatal(err)
	}
	stop := work(t, d)
	defer stop()
	run := func(name, content string) (lending.Contract, []string) {
		t.Helper()
		o := Options{Policy: lenient(), Date: on}
		var err error
		if o.Programmes, err = d.WithProgrammes(t.Context(), officer, nil); err != nil {
			t.Fatal(err)
		}
		b, _, err := d.Submit(t.Context(), officer, name+".csv", strings.NewReader(content), o)
		if err != nil {
			t.Fatal(err)
		}
		wait(t, d, officer, b.ID)
		r, err := d.Result(t.Context(), officer, b.ID)
		if err != nil || len(r.Contracts) != 1 {
			t.Fatalf("%+v %v", r, err)
		}
		out, _, err := d.Outcome(t.Context(), officer, b.ID, 2)
		if err != nil {
			t.Fatal(err)
		}
		if same, err := d.Redecide(t.Context(), b.ID); !same || err != nil {
			t.Errorf("%s: decided again it differs (%v)", name, err)
		}
		var reasons []string
		for _, r := range out.Decision.Reasons {
			reasons = append(reasons, r.Code)
		}
		return r.Contracts[0], reasons
	}

	first, why := run("a", productFile("1", "甲公司", "C-1", "10000"))
	if first.Verdict != lending.Accept || first.Recommended != 10_000_00 {
		t.Fatalf("first: %+v %v", first, why)
	}
	second, why := run("b", productFile("1", "甲公司", "C-2", "6000"))
	if second.Verdict != lending.Supplement || second.Recommended != 1_000_00 || second.Binding != "programme_borrower" || !slices.Contains(why, "G04") {
		t.Errorf("one borrower's limit across batches: %+v %v", second, why)
	}
	again, why := run("c", productFile("9", "甲公司", "C-1", "10000"))
	if again.Verdict != lending.Accept || again.Recommended != 10_000_00 {
		t.Errorf("a contract decided again draws once: %+v %v", again, why)
	}
	other, why := run("d", strings.ReplaceAll(productFile("1", "乙公司", "C-3", "8000"), booked+",乙公司", booked+",甲公司"))
	if other.Recommended != 5_000_00 || other.Binding != "programme" || !slices.Contains(why, "G01") {
		t.Errorf("额度用尽 across batches: %+v %v", other, why)
	}

	rooms, err := d.Rooms(t.Context(), officer)
	if err != nil || len(rooms) != 1 || rooms[0].Left != 5_000_00 || len(rooms[0].Holds) != 1 || rooms[0].Holds[0].Contract != "C-1" {
		t.Fatalf("%+v %v", rooms, err)
	}
	// Booked, the loan takes the place of its hold; repaid, a programme that does
	// not revolve stays drawn.
	if _, err := d.Book(t.Context(), officer, Loan{Approval: "信贷审批委员会同意", Contract: "C-1", Borrower: "甲公司", Product: "ZYD", Balance: 9_000_00, Maturity: on.AddYears(1), Policy: "BOCOM-HIST", Rows: []lending.Row{{Number: booked}}}); err != nil {
		t.Fatal(err)
	}
	if rooms, err = d.Rooms(t.Context(), officer); err != nil || rooms[0].Left != 6_000_00 || len(rooms[0].Holds) != 0 {
		t.Errorf("booked: %+v %v", rooms, err)
	}
	taken, why := run("e", productFile("1", "甲公司", "C-4", "1000"))
	if taken.Verdict == lending.Accept || !slices.Contains(why, "D07") || taken.Value != 0 {
		t.Errorf("a patent of the book offered again: %+v %v", taken, why)
	}
	if err := d.SetBalance(t.Context(), officer, "C-1", 0, nil); err != nil {
		t.Fatal(err)
	}
	if rooms, err = d.Rooms(t.Context(), officer); err != nil || rooms[0].Left != 6_000_00 {
		t.Errorf("repaid: %+v %v", rooms, err)
	}
	g.Version, g.Revolving = "2", true
	if err := d.PutProgramme(t.Context(), officer, g); err != nil {
		t.Fatal(err)
	}
	if rooms, err = d.Rooms(t.Context(), officer); err != nil || rooms[0].Left != 15_000_00 {
		t.Errorf("repaid and revolving: %+v %v", rooms, err)
	}

	held, _ := run("f", productFile("2", "甲公司", "C-5", "4000"))
	if held.Verdict != lending.Accept {
		t.Fatalf("%+v", held)
	}
	if err := d.ReleaseHold(t.Context(), appraisal.Actor{Institution: "bank-b"}, "C-5", "x"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("another desk releases: %v", err)
	}
	tight, why := run("g", productFile("3", "甲公司", "C-6", "8000"))
	if tight.Verdict == lending.Accept || !slices.Contains(why, "G04") {
		t.Fatalf("%+v %v", tight, why)
	}
	if err := d.ReleaseHold(t.Context(), officer, "C-5", "客户放弃"); err != nil {
		t.Error(err)
	}
	// The room let go, the file can be decided again, and only on the facts: it
	// holds what it is given once.
	batches, err := db.Batches(t.Context(), officer.Institution, time.Time{}, "", 50)
	if err != nil {
		t.Fatal(err)
	}
	batches = slices.DeleteFunc(batches, func(b store.Batch) bool { return b.Name != "g.csv" })
	for range 2 {
		if err := d.DecideAgain(t.Context(), officer, batches[0].ID); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := d.Result(t.Context(), officer, batches[0].ID); err != nil || r.Contracts[0].Verdict != lending.Accept {
		t.Errorf("decided again: %+v %v", r.Contracts, err)
	}
	if rooms, err = d.Rooms(t.Context(), officer); err != nil || rooms[0].Left != 7_000_00 || len(rooms[0].Holds) != 1 {
		t.Errorf("held once: %+v %v", rooms, err)
	}
	if err := d.ReleaseHold(t.Context(), officer, "C-6", "客户放弃"); err != nil {
		t.Error(err)
	}
	if rooms, err = d.Rooms(t.Context(), officer); err != nil || rooms[0].Left != 15_000_00 {
		t.Errorf("released: %+v %v", rooms, err)
	}

	breaks, err := d.VerifyBatches(t.Context())
	if err != nil || len(breaks) > 0 {
		t.Errorf("%v %v", breaks, err)
	}
	if _, err := db.Queue().Exec(t.Context(), `UPDATE batch_rows SET decision = replace(decision::text, '10000', '10001')::json WHERE line = 2`); err != nil {
		t.Fatal(err)
	}
	if breaks, err = d.VerifyBatches(t.Context()); err != nil || len(breaks) == 0 || breaks[0].Kind != "batch_altered" {
		t.Errorf("an altered decision: %v %v", breaks, err)
	}
	if _, breaks, err := db.VerifyAudit(t.Context(), nil, appraisal.Intact); err != nil || len(breaks) > 0 {
		t.Errorf("audit: %v %v", breaks, err)
	}
}

// Many files that end at the same moment together draw no more than the
// programme has.
func TestProgrammeUnderConcurrency(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t, storetest.URL(t))
	stockBooked(t, d, db)
	g := lending.Programme{ID: "ZYD", Version: "1", Name: "知易贷", Total: lending.Limit{Amount: 25_000_00, Source: "test"}}
	if err := d.PutProgramme(t.Context(), officer, g); err != nil {
		t.Fatal(err)
	}
	o := Options{Policy: lenient(), Date: on, Programmes: map[string]lending.Programme{"ZYD": g}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if err := d.Work(ctx, WorkOptions{Rows: 3}); err != nil {
				t.Error(err)
			}
		})
	}
	ids := make([]string, 6)
	for i := range ids {
		b, _, err := d.Submit(t.Context(), officer, "f.csv", strings.NewReader(productFile("1", "甲公司", "K-"+string(rune('1'+i)), "10000")), o)
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = b.ID
	}
	var drawn money.Fen
	accepted := 0
	for _, id := range ids {
		wait(t, d, officer, id)
		r, err := d.Result(t.Context(), officer, id)
		if err != nil {
			t.Fatal(err)
		}
		if c := r.Contracts[0]; c.Verdict == lending.Accept {
			accepted++
			drawn += c.Recommended
		}
		if same, err := d.Redecide(t.Context(), id); !same || err != nil {
			t.Errorf("%s differs when decided again: %v", id, err)
		}
	}
	cancel()
	wg.Wait()
	if accepted != 2 || drawn != 20_000_00 {
		t.Errorf("%d accepted, %s drawn of %s", accepted, drawn, g.Total.Amount)
	}
}

// The bank's figures of a borrower bind, whether given with the file or in it.
func TestBankFigures(t *testing.T) {
	t.Parallel()
	d, db := newDesk(t, storetest.URL(t))
	stockBooked(t, d, db)
	row := lending.Row{Number: booked, Borrower: "甲（上海）公司", Owners: []string{"甲公司"}, Contract: "C", Loan: 8_000_00, Maturity: on.AddYears(1), RegisterAsOf: on}
	limit := money.Fen(2_000_00)
	for name, c := range map[string]struct {
		o    Options
		row  func(*lending.Row)
		want string
	}{
		"none":        {Options{}, func(*lending.Row) {}, "requested"},
		"by name":     {Options{Limits: map[string]money.Fen{"甲(上海)公司": limit}}, func(*lending.Row) {}, "borrower"},
		"cash flow":   {Options{Bearable: map[string]money.Fen{"甲（上海）公司": limit}}, func(*lending.Row) {}, "dscr"},
		"in the file": {Options{Limits: map[string]money.Fen{"甲（上海）公司": 2 * limit}}, func(r *lending.Row) { r.BorrowerLimit = &limit }, "borrower"},
	} {
		c.o.Policy, c.o.Date = lenient(), on
		r := row
		c.row(&r)
		got, err := d.Check(t.Context(), officer, []lending.Row{r}, c.o)
		if err != nil {
			t.Fatal(err)
		}
		k := got.Decisions.Contracts[0]
		if k.Binding != c.want || c.want != "requested" && k.Recommended != limit {
			t.Errorf("%s: %+v", name, k)
		}
		entries, err := db.Audit(t.Context(), officer.Institution, got.ID, 0, 10)
		if err != nil || len(entries) != 1 || !strings.Contains(string(entries[0].Detail), `"binding":"`+c.want) {
			t.Errorf("%s: the decision is not on record: %d entries, %v", name, len(entries), err)
		}
	}
	g := lending.Programme{ID: "ZYD", Version: "1", Name: "知易贷", Total: lending.Limit{Amount: 1_00, Source: "test"}}
	given := Options{Policy: lenient(), Date: on, Programmes: map[string]lending.Programme{"ZYD": g}, Product: "ZYD"}
	b, _, err := d.Submit(t.Context(), officer, "f.csv", strings.NewReader(strings.ReplaceAll(productFile("1", "甲公司", "P-1", "1000"), ",ZYD", ",")), given)
	if err != nil {
		t.Fatal(err)
	}
	if out, _, err := d.Outcome(t.Context(), officer, b.ID, 2); err != nil || out.Valued.Row.Product != "ZYD" {
		t.Errorf("the file's product: %+v %v", out, err)
	}
	given.Product = "NONE"
	if _, _, err := d.Submit(t.Context(), officer, "f.csv", strings.NewReader(productFile("1", "甲公司", "P-2", "1000")), given); fault.Public(err).Code != "programme.unknown" {
		t.Errorf("an unknown product: %v", err)
	}
	o := Options{Limits: map[string]money.Fen{"x": -1}}
	if err := o.Check(); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a negative limit: %v", err)
	}
}
