package pool

import (
	"testing"

	"zhijia/internal/calendar"
	"zhijia/internal/money"
)

// waterfallOf pays one period of a plain pool: interest and principal collected.
func one(t *testing.T, s Structure, interest, principal money.Fen) Period {
	t.Helper()
	d := bullet(money.Fen(90 * money.Yi))
	s.EveryMonths = 12
	d.Structure = s
	w, err := newWaterfall(&d, 3)
	if err != nil {
		t.Fatal(err)
	}
	f := newFlows(3)
	f.interest[0], f.principal[0] = int64(interest), int64(principal)
	for i := range f.open {
		f.open[i], f.close[i] = int64(100*money.Yi), int64(100*money.Yi)
	}
	w.begin(true, make([]int, len(s.Supports)))
	p := period{}
	w.payPeriod(f, &p)
	return w.row(f, &p)
}

// Ten million of principal and 0.3 of interest: the usual order pays the
// interest of B before the principal of A; class by class pays A first.
func TestOrderOfClasses(t *testing.T) {
	wan := func(n money.Unit) money.Fen { return money.Fen(n * money.Wan) }
	s := Structure{Tranches: []Tranche{
		{Name: "A", Principal: wan(5000), Coupon: 0.005, Pay: "pass_through"}, {Name: "B", Principal: wan(1000), Coupon: 0.01, Pay: "pass_through"}, {Name: "次", Principal: wan(500)},
	}}
	p := one(t, s, wan(30), wan(1000))
	if p.TrancheInterest[0] != wan(25) || p.TrancheInterest[1] != wan(10) || p.TranchePrincipal[0] != wan(995) {
		t.Errorf("interest first: %+v", p)
	}
	s.Order = []string{"tax", "fees", "interest:A", "principal:A", "interest:B", "principal:B", "reserve"}
	p = one(t, s, wan(30), wan(1000))
	if p.TrancheInterest[1] != wan(5) || p.TranchePrincipal[0] != wan(1000) {
		t.Errorf("class by class: %+v", p)
	}
	// Pari passu: what there is in proportion to what is due.
	s.Order = []string{"tax", "fees", "interest:A+B", "principal:A+B", "reserve"}
	p = one(t, s, wan(14), 0)
	if p.TrancheInterest[0] != wan(10) || p.TrancheInterest[1] != wan(4) {
		t.Errorf("pari passu, short: %v", p.TrancheInterest)
	}
	p = one(t, s, wan(35), wan(600))
	if p.TranchePrincipal[0] != wan(500) || p.TranchePrincipal[1] != wan(100) {
		t.Errorf("pari passu principal: %v", p.TranchePrincipal)
	}
	// Turbo takes the excess.
	s.Order, s.Tranches[0].Pay = nil, "turbo"
	if p = one(t, s, wan(135), 0); p.TranchePrincipal[0] != wan(100) {
		t.Errorf("turbo: %v", p.TranchePrincipal)
	}
	// A put is due from cash, then from who owes the shortfall.
	s.Tranches[0].Pay, s.Tranches[0].Put = "bullet", &Put{Period: 1, Share: 0.4}
	s.Supports = []Support{{Name: "差额支付", Kind: "shortfall"}}
	d := bullet(0)
	s.EveryMonths = 12
	d.Structure = s
	cf, err := d.CashFlow(Scenario{Support: true})
	if err != nil || cf.Periods[0].TranchePrincipal[0] != wan(2000) {
		t.Errorf("put: %v, %v", cf.Periods[0].TranchePrincipal, err)
	}
	// Costs: a rate, a flat amount, a minimum.
	s.Supports, s.Tranches[0].Put = nil, nil
	s.Fees = []Fee{{Name: "甲", Base: "notes", Rate: 0.001}, {Name: "乙", Flat: wan(2), Minimum: wan(3)}, {Name: "丙", Base: "collections", Rate: 0.01}}
	if p = one(t, s, wan(100), 0); p.Ledger.Fees != wan(6)+wan(3)+wan(1) {
		t.Errorf("fees %s", p.Ledger.Fees)
	}
	// A line pays senior interest and is repaid first, with its cost.
	s.Fees, s.Liquidity = nil, &Liquidity{Limit: wan(20), Rate: 0.1, Commitment: 0.01}
	p = one(t, s, 0, 0)
	if p.TrancheInterest[0] != wan(20) || p.Ledger.Liquidity != wan(20) || p.Short != wan(5) || p.Ledger.In() != p.Ledger.Out() {
		t.Errorf("liquidity: %+v", p.Ledger)
	}
	for _, bad := range [][]string{{"tax"}, {"tax", "fees", "interest:A", "principal:A"}, {"tax", "fees", "interest:A+B", "principal:A+B", "interest:A"}, {"tax", "fees", "coupon:A"}, {"tax", "fees", "interest:次", "principal:A", "interest:A", "interest:B", "principal:B"}} {
		s.Order = bad
		d.Structure = s
		if err := d.Check(); err == nil {
			t.Errorf("accepted the order %v", bad)
		}
	}
}

// The example's second period by actual days: 83,271,647.83 at 3.59% for 89
// days is 728,934.91 (the review's figure), 747,363.04 by months.
func TestCouponsByTheDay(t *testing.T) {
	d := Example(1)
	for by, want := range map[calendar.DayCount]int64{calendar.Actual365: 728934_91, "": 747363_04, calendar.Thirty360: 747363_04} {
		d.Structure.Tranches[0].DayCount = by
		c, err := d.couponOf(&d.Structure.Tranches[0], 1)
		if got := mulDiv(8327164783, c, rateScale); err != nil || got != want {
			t.Errorf("%q: %s, want %s (%v)", by, money.Fen(got), money.Fen(want), err)
		}
	}
	// Floating with a cap and a floor, set at the start of the period.
	tr := &d.Structure.Tranches[0]
	capped, floored := 0.035, 0.02
	tr.DayCount, tr.Index, tr.Coupon, tr.Cap, tr.Floor = "", "LPR1Y", 0.005, &capped, &floored
	d.Structure.Indices = map[string][]RatePoint{"LPR1Y": {{calendar.New(2026, 1, 1), 0.031}, {calendar.New(2027, 3, 1), 0.028}, {calendar.New(2027, 6, 1), 0.01}}}
	for i, want := range []float64{0.035, 0.035, 0.033, 0.02} { // from 2026-11-20, 2027-02-20, 2027-05-20, 2027-08-20
		c, err := d.couponOf(tr, i)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "coupon", float64(c)/rateScale, want/4, 1e-12)
	}
	tr.Index, tr.Cap, tr.StepUp, tr.Coupon = "", nil, []RatePoint{{calendar.New(2027, 5, 20), 0.05}}, 0.03
	for i, want := range []float64{0.03, 0.03, 0.05} {
		c, _ := d.couponOf(tr, i)
		near(t, "step-up", float64(c)/rateScale, want/4, 1e-12)
	}
	// A first odd period, days moved to trading days, the day of calculation.
	d.Structure.FirstPay, d.Structure.Roll, d.Structure.DeterminationDays, d.Structure.CollectionLag = calendar.New(2027, 2, 6), "following", 7, 10
	tr.StepUp, tr.Floor = nil, nil
	c, _ := d.couponOf(tr, 0)
	near(t, "first odd period", float64(c)/rateScale, 0.03*78/365, 1e-12)
	if pay := d.PayDate(0); pay != calendar.New(2027, 2, 15) { // after the spring festival
		t.Errorf("paid %s", pay)
	}
	if at, err := d.Determination(0); err != nil || !at.Before(d.PayDate(0)) {
		t.Errorf("worked out on %s, %v", at, err)
	}
	if got := d.periodOf(calendar.New(2027, 1, 28)); got != 1 {
		t.Errorf("a due after the collection period falls in period %d", got)
	}
	if got := d.periodOf(calendar.New(2027, 1, 27)); got != 0 {
		t.Errorf("a due on the last day of the collection period falls in period %d", got)
	}
}

// What is left is sold at par once it is small, and nothing comes after.
func TestCleanUpCall(t *testing.T) {
	d := Example(1)
	d.Structure.CleanUp = 0.2
	cf, err := d.CashFlow(Scenario{})
	if err != nil {
		t.Fatal(err)
	}
	var principal money.Fen
	called := -1
	for i, p := range cf.Periods {
		principal += p.Ledger.Principal
		if called >= 0 && p.Ledger.Principal+p.Ledger.Interest > 0 {
			t.Errorf("period %d collects after the call", i)
		}
		if p.Performing == 0 && called < 0 {
			called = i
		}
	}
	full, _ := Example(1).plain()
	if principal != d.Total() || called < 0 || called >= full {
		t.Errorf("principal %s, called in period %d of %d", principal, called, full)
	}
}

// plain is the last period in which the pool collects anything.
func (d Deal) plain() (last int, err error) {
	cf, err := d.CashFlow(Scenario{})
	for i, p := range cf.Periods {
		if p.Ledger.Principal > 0 {
			last = i
		}
	}
	return last, err
}
