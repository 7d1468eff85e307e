package pool

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"zhijia/internal/calendar"
	"zhijia/internal/money"
)

func TestReconcileNamesEverything(t *testing.T) {
	day := func(n int) calendar.Date { return calendar.New(2026, 3, n) }
	exp := []Expected{
		{ID: "1", Payer: "甲", Due: day(10), Amount: 10000},
		{ID: "2", Payer: "乙", Due: day(10), Amount: 20000},
		{ID: "3", Payer: "丙", Due: day(10), Amount: 30000},
		{ID: "4", Payer: "丁", Due: day(10), Amount: 40000},
		{ID: "5", Payer: "戊", Due: day(30), Amount: 50000},
	}
	lines := []BankLine{
		{ID: "b1", Date: day(9), Account: "plan", Party: "甲", In: true, Amount: 10000},
		{ID: "b2", Date: day(20), Account: "reg", Party: "乙", In: true, Amount: 20000},
		{ID: "b3", Date: day(10), Account: "plan", Party: "丙", In: true, Amount: 29999},
		{ID: "b4", Date: day(10), Account: "originator", Party: "丁", In: true, Amount: 40000},
		{ID: "b5", Date: day(21), Account: "reg", Party: "某公司", PartyAcc: "elsewhere", Amount: 7},
		{ID: "b6", Date: day(22), Account: "plan", Party: "路人", In: true, Amount: 5},
	}
	r := Reconcile(exp, lines, Accounts{Plan: "plan", Regulated: []string{"reg"}, GraceDays: 3, AsOf: day(25)})
	want := []string{Matched, Late, Short, Missing, NotDue}
	for i, m := range r.Matches {
		if m.Status != want[i] {
			t.Errorf("%s: %s, want %s", m.Expected.ID, m.Status, want[i])
		}
	}
	if r.Matches[2].Open != 1 {
		t.Errorf("short by %s, want one fen", r.Matches[2].Open)
	}
	if r.Leaked != 40007 || r.Closed || len(r.Findings) != 3 {
		t.Errorf("leaked %s, findings %+v", r.Leaked, r.Findings)
	}
	r = Reconcile(exp[:1], lines[:1], Accounts{Plan: "plan", AsOf: day(25)})
	if !r.Closed {
		t.Errorf("a clean loop: %+v", r)
	}
	// Collected in the regulated account and not passed on within the cycle.
	r = Reconcile(exp[1:2], lines[1:2], Accounts{Plan: "plan", Regulated: []string{"reg"}, GraceDays: 30, AsOf: calendar.New(2026, 5, 25)})
	if r.Stuck != 20000 || r.Closed {
		t.Errorf("stuck %s", r.Stuck)
	}
}

func TestReconcileConserves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		payers := []string{"甲", "乙", "丙"}
		date := func() calendar.Date { return calendar.New(2026, 1, 1).AddDays(rapid.IntRange(0, 90).Draw(t, "day")) }
		var exp []Expected
		for i := range rapid.IntRange(0, 8).Draw(t, "n") {
			exp = append(exp, Expected{ID: fmt.Sprint(i), Payer: rapid.SampledFrom(payers).Draw(t, "payer"), Due: date(), Amount: money.Fen(rapid.Int64Range(1, 5).Draw(t, "amount"))})
		}
		var lines []BankLine
		for i := range rapid.IntRange(0, 10).Draw(t, "m") {
			lines = append(lines, BankLine{
				ID: fmt.Sprint(i), Date: date(), Account: rapid.SampledFrom([]string{"plan", "reg", "x"}).Draw(t, "acc"),
				Party: rapid.SampledFrom(append(payers, "丁")).Draw(t, "party"), PartyAcc: rapid.SampledFrom([]string{"plan", "y"}).Draw(t, "to"),
				In: rapid.Bool().Draw(t, "in"), Amount: money.Fen(rapid.Int64Range(1, 5).Draw(t, "amount")),
			})
		}
		r := Reconcile(exp, lines, Accounts{Plan: "plan", Regulated: []string{"reg"}, AsOf: calendar.New(2026, 3, 1)})
		var in, out money.Fen
		for _, l := range lines {
			known := false
			for _, e := range exp {
				known = known || e.Payer == l.Party
			}
			switch {
			case l.In && known && l.Account == "x":
				in += l.Amount
				out += l.Amount
			case l.In && known:
				in += l.Amount
			case !l.In && l.Account == "reg" && l.PartyAcc != "plan":
				out += l.Amount
			}
		}
		if r.BankIn != in || r.Leaked != out {
			t.Fatalf("bank in %s want %s, leaked %s want %s", r.BankIn, in, r.Leaked, out)
		}
		var inLeak money.Fen
		for _, f := range r.Findings {
			if f.Status == Leaked && f.Line.In {
				inLeak += f.Amount
			}
		}
		if r.Received+r.Unclaimed+inLeak != r.BankIn || r.Received+r.Open != r.Expected {
			t.Fatalf("received %s + unclaimed %s + leaked %s of %s; open %s of %s", r.Received, r.Unclaimed, inLeak, r.BankIn, r.Open, r.Expected)
		}
	})
}

func TestAnnexNamesWhatIsMissingAndMasks(t *testing.T) {
	d := Example(1)
	if a := d.Annex(); len(a.Missing) != 0 || len(a.Items) != 102 || a.Label == "" {
		t.Fatalf("missing %v", a.Missing)
	}
	d.Patents[0].Owner, d.Patents[0].OwnerPerson = "欧阳某某", true
	d.Patents[1].Value, d.Patents[2].Benefit, d.Parties.Lawyer = nil, "", ""
	a := d.Annex()
	if len(a.Missing) != 3 {
		t.Errorf("missing %v", a.Missing)
	}
	if s := fmt.Sprint(a); len(s) == 0 || containsAny(s, "欧阳某某") {
		t.Error("a natural person's name is in the annex")
	}
	d.Obligors[0].Name, d.Obligors[0].NaturalPerson = "张三丰", true
	if containsAny(fmt.Sprint(d.Annex().Statistics, d.Test()), "张三丰") {
		t.Error("a natural person's name is in the statistics")
	}
}

func TestPeriodicReport(t *testing.T) {
	d := Example(1)
	d.Obligors[0].Name, d.Obligors[0].NaturalPerson = "张三丰", true
	from, to := d.CutOff.AddDays(1), d.PayDate(0)
	exp := d.ExpectedReceipts(from, to)
	var lines []BankLine
	for i, e := range exp {
		lines = append(lines, BankLine{ID: e.ID, Date: e.Due, Account: "plan", Party: e.Payer, In: true, Amount: e.Amount})
		if i == 0 {
			lines[0].Account = "elsewhere"
		}
	}
	cal, err := calendar.Shipped().Extend([]byte(`{"version":"test","years":{"2027":{"holidays":["2027-01-01","2027-10-01"],"exchange_closed":["2027-02-22"]}}}`))
	if err != nil {
		t.Fatal(err)
	}
	acc := Accounts{Plan: "plan", AsOf: to}
	p, err := d.Periodic(0, Reconcile(exp, lines, acc), nil, cal)
	if err != nil {
		t.Fatal(err)
	}
	// The notice counts from the day the money left, 2026-12-15, not from the payment date.
	if p.Class != "一般关注" || len(p.Notices) != 1 || p.Notices[0].Due != calendar.New(2026, 12, 17) || len(p.Missing) != 0 {
		t.Errorf("class %s, notices %+v, missing %v", p.Class, p.Notices, p.Missing)
	}
	if containsAny(fmt.Sprintf("%+v", p), "张三丰") {
		t.Error("a natural person's name is in the report")
	}
	lines[0].Account = "plan"
	clean, err := d.Periodic(0, Reconcile(exp, lines, acc), nil, cal)
	if err != nil || clean.Class != "正常" || len(clean.Notices) != 0 || !clean.Cash.Closed {
		t.Errorf("a clean period: %s %v %v", clean.Class, clean.Notices, err)
	}
}

func containsAny(s, sub string) bool {
	for i := 0; i+len(sub) <= len(s); i++ {
		if s[i:i+len(sub)] == sub {
			return true
		}
	}
	return false
}

func TestNotices(t *testing.T) {
	d, cal := Example(1), calendar.Shipped()
	for _, c := range []struct {
		e        Event
		required bool
		due      string
		class    string
	}{
		{Event{Kind: "litigation", Date: calendar.New(2026, 9, 30)}, true, "2026-10-09", "一般关注"},
		{Event{Kind: "value_fall", Date: calendar.New(2026, 11, 20)}, true, "2026-11-24", "一般关注"},
		{Event{Kind: "loss", Date: calendar.New(2026, 11, 20), Amount: 999, Base: 10000}, false, "", "正常"},
		{Event{Kind: "loss", Date: calendar.New(2026, 11, 20), Amount: 1000, Base: 10000}, false, "", "正常"}, // 每超过: ten per cent is not more than ten
		{Event{Kind: "loss", Date: calendar.New(2026, 11, 20), Amount: 1001, Base: 10000}, true, "2026-11-24", "一般关注"},
		{Event{Kind: "loss", Date: calendar.New(2026, 11, 20), Amount: 1500, Base: 10000, Prior: 0.1}, false, "", "正常"},
		{Event{Kind: "loss", Date: calendar.New(2026, 11, 20), Amount: 2001, Base: 10000, Prior: 0.1, Protected: No}, true, "2026-11-24", "重点关注"},
		{Event{Kind: "cash_flow", Date: calendar.New(2026, 11, 20), Amount: 2000, Base: 10000}, true, "2026-11-24", "一般关注"},
		{Event{Kind: "cash_flow", Date: calendar.New(2026, 11, 20), Amount: 2000, Base: 10000, Protected: No}, true, "2026-11-24", "重点关注"},
		{Event{Kind: "cash_flow", Date: calendar.New(2026, 11, 20), Amount: 1999, Base: 10000}, false, "", "正常"},
		{Event{Kind: "default", Date: calendar.New(2026, 11, 20), Amount: money.Fen(5000 * money.Wan), Base: money.Fen(money.Yi)}, false, "", "正常"},
		{Event{Kind: "default", Date: calendar.New(2026, 11, 20), Amount: money.Fen(5001 * money.Wan), Base: money.Fen(money.Yi)}, true, "2026-11-24", "重点关注"},
		{Event{Kind: "default", Date: calendar.New(2026, 11, 20), Amount: 1, Public: Yes, Protected: No}, true, "2026-11-24", "风险"},
		{Event{Kind: "purchase", Date: calendar.New(2026, 12, 31)}, true, "2027-01-05", "正常"},
		{Event{Kind: "unpaid", Date: calendar.New(2026, 11, 20)}, true, "2026-11-24", "违约"},
		{Event{Kind: "account", Date: calendar.New(2026, 3, 15)}, true, "2026-03-17", "一般关注"},
		{Event{Kind: "liquidation", Date: calendar.New(2026, 9, 30)}, true, "2026-10-21", "正常"}, // ten trading days
		{Event{Kind: "purchase", Date: calendar.New(2028, 4, 28)}, true, "2028-05-04", "正常"},    // the holidays of 2028 are not announced
		{Event{Kind: "purchase", Date: calendar.New(2020, 4, 28)}, true, "", "正常"},              // closures of 2020 are not on record
	} {
		n, err := d.Notice(c.e, cal)
		if err != nil || n.Required != c.required || n.Due.String() != c.due || n.Class != c.class {
			t.Errorf("%+v: required %v due %s class %s, %v", c.e, n.Required, n.Due, n.Class, err)
		}
		if (n.DueError != "") != (c.e.Date.Year == 2020) || n.Provisional != (c.e.Date.Year == 2028) {
			t.Errorf("%s: %q, provisional %v", c.e.Date, n.DueError, n.Provisional)
		}
	}
}

func candidate(id, ob string, kind Class, principal money.Fen, price *money.Fen) Asset {
	zero := 0
	return Asset{
		ID: id, Obligor: ob, Kind: kind, Principal: principal, Price: price, Rate: 0.06, Maturity: calendar.New(2028, 1, 1),
		Amortise: "level", EveryMonth: 3, IPFormed: Yes, Performed: Yes, NoDefence: Yes, Overdue: &zero, Whole: Yes, Online: No, Consumer: No, Unencumbered: Yes,
	}
}

func TestRevolving(t *testing.T) {
	d := Example(1)
	d.Structure.Revolving = &Revolving{Periods: 2, TermPeriods: 4, Yield: 0.055, MinRate: 0.05, MaxMonths: 36, ShortShare: 0.5, ShortCycles: 2}
	cash := money.Fen(500 * money.Wan)
	over := candidate("n3", "F03", Licence, money.Fen(100*money.Wan), nil)
	late := 5
	over.Overdue = &late
	unknown := candidate("n4", "F04", Licence, money.Fen(100*money.Wan), nil)
	unknown.IPFormed = Unknown
	dear := money.Fen(101 * money.Wan)
	cycles := []Cycle{
		{Date: calendar.New(2026, 9, 30), Cash: cash, Reserves: money.Fen(50 * money.Wan), Candidates: []Asset{
			candidate("n1", "F01", Licence, money.Fen(300*money.Wan), nil), over, unknown,
			candidate("n5", "F05", Licence, money.Fen(100*money.Wan), &dear),
			candidate("n6", "F06", Licence, money.Fen(200*money.Wan), nil), candidate("n7", "F07", Licence, money.Fen(150*money.Wan), nil),
		}},
		{Date: calendar.New(2026, 10, 20), Cash: cash, Candidates: nil},
		{Date: calendar.New(2026, 11, 20), Cash: cash, Candidates: nil},
		{Date: calendar.New(2026, 12, 1), Cash: cash, Candidates: []Asset{candidate("n8", "F08", Licence, money.Fen(100*money.Wan), nil)}},
	}
	res, after, err := d.Revolve(cycles, calendar.Shipped())
	if err != nil {
		t.Fatal(err)
	}
	var bought []string
	for _, c := range res {
		for _, p := range c.Purchases {
			if p.Bought {
				bought = append(bought, p.Asset)
			} else if len(p.Reasons) == 0 {
				t.Errorf("%s not bought without a reason", p.Asset)
			}
		}
	}
	if fmt.Sprint(bought) != "[n1 n7]" { // n6 does not fit the cash left, n7 does; n8 comes after the stop
		t.Errorf("bought %v", bought)
	}
	if res[0].NoticeDue != calendar.New(2026, 10, 9) || res[0].Spent != money.Fen(450*money.Wan) {
		t.Errorf("notice %s, spent %s", res[0].NoticeDue, res[0].Spent)
	}
	if len(res[1].Stopped) != 0 || len(res[2].Stopped) != 1 || res[2].Stopped[0].Code != "revolving.short" {
		t.Errorf("stops: %v %v", res[1].Stopped, res[2].Stopped)
	}
	if len(after.Assets) != len(d.Assets)+2 {
		t.Errorf("%d assets after", len(after.Assets))
	}
	breach := []Cycle{{Date: calendar.New(2026, 9, 30), Repaid: d.Total() / 2, Candidates: []Asset{candidate("n1", "F01", Licence, 100, nil)}, Cash: 1000}}
	if res, _, _ = d.Revolve(breach, calendar.Shipped()); len(res[0].Stopped) == 0 || res[0].Purchases[0].Bought {
		t.Error("principal and cash below the senior notes must stop the purchases")
	}
}

// An ineligible asset is never bought, and after every purchase no test fails.
func TestIneligibleIsNeverBought(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Example(3)
		d.Structure.Revolving = &Revolving{Periods: 1, TermPeriods: 4, MinRate: 0.05, MaxMonths: 36}
		fact := rapid.SampledFrom([]Fact{Yes, Yes, Yes, No, Unknown})
		var c Cycle
		c.Date, c.Cash = calendar.New(2026, 9, 30), money.Fen(rapid.Int64Range(0, 3e10).Draw(t, "cash"))
		for i := range rapid.IntRange(1, 4).Draw(t, "n") {
			a := candidate(fmt.Sprint("n", i), fmt.Sprintf("F%02d", rapid.IntRange(1, 20).Draw(t, "ob")), rapid.SampledFrom([]Class{Licence, Licence, Licence, SmallLoan}).Draw(t, "kind"),
				money.Fen(rapid.Int64Range(1, 2e10).Draw(t, "principal")), nil)
			a.IPFormed, a.Performed, a.Whole = fact.Draw(t, "ip"), fact.Draw(t, "performed"), fact.Draw(t, "whole")
			a.Rate = rapid.SampledFrom([]float64{0.04, 0.06}).Draw(t, "rate")
			c.Candidates = append(c.Candidates, a)
		}
		res, after, err := d.Revolve([]Cycle{c}, calendar.Shipped())
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range res[0].Purchases {
			a := c.Candidates[i]
			bad := a.IPFormed != Yes || a.Performed != Yes || a.Whole != Yes || a.Rate < 0.05 || a.Kind != Licence || a.Obligor > "F17"
			if p.Bought && bad {
				t.Fatalf("bought %+v", a)
			}
		}
		if res[0].Spent > res[0].Available || after.Test().Count(Fail) > 0 {
			t.Fatalf("spent %s of %s; %d tests fail", res[0].Spent, res[0].Available, after.Test().Count(Fail))
		}
	})
}

// small draws a builder problem that brute force can enumerate.
func small(t *rapid.T) (Deal, BuildLimits) {
	d := Example(1)
	n := rapid.IntRange(3, 9).Draw(t, "n")
	d.Assets, d.Patents = d.Assets[:n], nil
	for i := range d.Assets {
		d.Assets[i].Principal = money.Fen(rapid.Int64Range(1, 20).Draw(t, "principal") * 1e6)
		d.Assets[i].Obligor = fmt.Sprintf("F%02d", rapid.IntRange(1, n).Draw(t, "obligor"))
		d.Assets[i].Patents = nil
		if rapid.IntRange(0, 5).Draw(t, "ip") == 0 {
			d.Assets[i].IPFormed = No
		}
		for k := range rapid.IntRange(0, 2).Draw(t, "patents") {
			num := fmt.Sprint(d.Assets[i].ID, "-", k)
			v := float64(rapid.IntRange(1, 1000).Draw(t, "value"))
			x := IP{Number: num, Kind: "invention", State: "alive", Encumbrance: []string{}, Value: &Value{Low: v / 2, Point: v, High: 2 * v}}
			if rapid.Bool().Draw(t, "in family") {
				x.Family = fmt.Sprint("f", rapid.IntRange(0, 3).Draw(t, "family"))
			}
			d.Patents = append(d.Patents, x)
			d.Assets[i].Patents = append(d.Assets[i].Patents, num)
		}
	}
	return d, BuildLimits{
		Objective:    rapid.SampledFrom([]string{"value", "coverage"}).Draw(t, "objective"),
		MaxPrincipal: money.Fen(rapid.Int64Range(5, 120).Draw(t, "cap") * 1e6), MinObligors: rapid.IntRange(1, 3).Draw(t, "min"), MaxSingle: 0.6, MaxTop5: 0.99, MinIPShare: 0.5,
	}
}

func TestBuilderAgainstEnumeration(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, l := small(t)
		got, err := d.Build(l)
		p, _ := d.problem(&l)
		best := math.Inf(-1)
		for mask := range 1 << len(p.items) {
			in := make([]bool, len(p.items))
			for i := range in {
				in[i] = mask>>i&1 == 1
			}
			if p.feasible(in) {
				best = max(best, p.objective(in))
			}
		}
		if math.IsInf(best, -1) {
			if err == nil {
				t.Fatal("infeasible, yet built")
			}
			return
		}
		if err != nil || !got.Exact || math.Abs(got.Value-best) > 1e-9*math.Max(1, best) {
			t.Fatalf("built %g (%v), enumeration %g", got.Value, err, best)
		}
		for _, c := range got.Chosen {
			if c.Marginal < -1e-9 {
				t.Fatalf("removing %s raises the objective by %g", c.Asset, -c.Marginal)
			}
		}
	})
}

func TestAnAssetThatAddsValueNeverLowersTheOptimum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, l := small(t)
		fewer := d
		fewer.Assets = d.Assets[:len(d.Assets)-1]
		a, errA := fewer.Build(l)
		b, errB := d.Build(l)
		if errA == nil && (errB != nil || b.Value < a.Value-1e-9*a.Value) {
			t.Fatalf("%g without, %g with: %v", a.Value, b.Value, errB)
		}
	})
}

func TestBuilderReportsItsGapOnLargeSets(t *testing.T) {
	d := Example(1)
	for i := range 120 {
		a := d.Assets[i%17]
		a.ID = fmt.Sprintf("L%03d", i)
		a.Principal += money.Fen(i * 137_000)
		num := fmt.Sprint("p", i)
		v := 1e5 + float64(i*i%977)*1e4
		a.Patents = []string{num}
		d.Patents = append(d.Patents, IP{Number: num, Kind: "invention", State: "alive", Encumbrance: []string{}, Value: &Value{Low: v / 2, Point: v, High: 2 * v}})
		d.Assets = append(d.Assets, a)
	}
	b, err := d.Build(BuildLimits{MaxPrincipal: money.Fen(20000 * money.Wan)})
	if err != nil {
		t.Fatal(err)
	}
	if b.Gap < 0 || b.Gap > 0.05 || b.Bound < b.Value || !b.Deal.Test().Passes {
		t.Errorf("value %g, bound %g, gap %g", b.Value, b.Bound, b.Gap)
	}
}

// The deed's own criteria are tried on what is owed after every purchase: age of
// the contract, average rate, average term, the largest obligor; nothing is
// bought that nobody approved, and the notice says when, what and by which text.
func TestRevolvingCriteria(t *testing.T) {
	cal := calendar.Shipped()
	on := calendar.New(2026, 12, 20)
	full := money.Fen(1000 * money.Wan)
	run := func(change func(*Revolving, *Cycle, *Asset)) CycleResult {
		t.Helper()
		d := Example(1)
		r := Revolving{Periods: 4, TermPeriods: 4, Yield: 0.06, Approval: true}
		a := candidate("N1", "F05", Licence, full, nil)
		a.Start = on.AddMonths(-3)
		c := Cycle{Date: on, Cash: full, Approval: &Approval{"投资决策委员会", on, "会议纪要1号"}}
		change(&r, &c, &a)
		c.Candidates = []Asset{a}
		d.Structure.Revolving = &r
		res, _, err := d.Revolve([]Cycle{c}, cal)
		if err != nil {
			t.Fatal(err)
		}
		return res[0]
	}
	for _, c := range []struct {
		reason string // empty: bought
		change func(*Revolving, *Cycle, *Asset)
	}{
		{"", func(*Revolving, *Cycle, *Asset) {}},
		{"revolving.approval", func(_ *Revolving, c *Cycle, _ *Asset) { c.Approval = nil }},
		{"revolving.approval", func(_ *Revolving, c *Cycle, _ *Asset) { c.Approval.Date = on.AddDays(1) }},
		{"revolving.age", func(r *Revolving, _ *Cycle, _ *Asset) { r.MaxAgeMonths = 2 }},
		{"", func(r *Revolving, _ *Cycle, _ *Asset) { r.MaxAgeMonths = 3 }},
		{"revolving.pool_rate", func(r *Revolving, _ *Cycle, a *Asset) { r.MinPoolRate, a.Rate = 0.0575, 0.01 }},
		{"", func(r *Revolving, _ *Cycle, a *Asset) { r.MinPoolRate, a.Rate = 0.0575, 0.09 }}, // better than before
		{"revolving.pool_term", func(r *Revolving, _ *Cycle, a *Asset) { r.MaxPoolMonths, a.Maturity = 27, on.AddYears(8) }},
		{"revolving.pool_single", func(r *Revolving, _ *Cycle, _ *Asset) { r.MaxSingle = 0.12 }},
		{"revolving.encumbered", func(_ *Revolving, _ *Cycle, a *Asset) { a.Unencumbered = Unknown }},
	} {
		res := run(c.change)
		p := res.Purchases[0]
		if c.reason == "" {
			if !p.Bought || res.ApprovedBy == "" {
				t.Errorf("not bought: %v", p.Reasons)
			}
		} else if p.Bought || len(p.Reasons) != 1 || p.Reasons[0].Code != c.reason {
			t.Errorf("want %s: bought %v, %v", c.reason, p.Bought, p.Reasons)
		}
	}
	res := run(func(*Revolving, *Cycle, *Asset) {})
	if res.NoticeDue != calendar.New(2026, 12, 22) || !strings.Contains(res.Cite, "5.2.9") || res.After.Assets != 18 || res.After.Obligors != 17 || res.StopNotice != nil {
		t.Errorf("%+v", res)
	}
	// More often than quarterly: the first ten trading days of the next quarter.
	if res = run(func(r *Revolving, _ *Cycle, _ *Asset) { r.CyclesPerYear = 12 }); res.NoticeDue != calendar.New(2027, 1, 15) || !strings.Contains(res.Cite, "5.2.9第二款") {
		t.Errorf("quarterly: %s by %s", res.NoticeDue, res.Cite)
	}
	// What stops the purchases calls for a notice of its own; the senior trigger reads what is outstanding.
	if res = run(func(_ *Revolving, c *Cycle, _ *Asset) { c.Downgrade = Yes }); res.StopNotice == nil || res.StopNotice.Due != calendar.New(2026, 12, 22) || res.StopNotice.Event.Kind != "purchase_change" {
		t.Errorf("stop: %+v", res.StopNotice)
	}
	owed := money.Fen(2 * money.Yi)
	if res = run(func(_ *Revolving, c *Cycle, _ *Asset) { c.Senior = &owed }); len(res.Stopped) != 1 || res.Stopped[0].Code != "revolving.principal_short" {
		t.Errorf("senior of 200 million: %v", res.Stopped)
	}
}
