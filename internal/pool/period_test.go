package pool

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"zhijia/internal/calendar"
	"zhijia/internal/money"
)

// owedIn is what the schedule expects in a period of the closing's plan.
func owedIn(d *Deal, period int) []Expected {
	from, to, err := d.PeriodDays(period)
	if err != nil {
		return nil
	}
	return d.ExpectedReceipts(from, to)
}

func inflow(lines []BankLine, acc Accounts) (sum money.Fen) {
	for _, l := range lines {
		loop := l.Account == acc.Plan || slices.Contains(acc.Regulated, l.Account)
		if l.In && loop && !(l.Account == acc.Plan && slices.Contains(acc.Regulated, l.PartyAcc)) {
			sum += l.Amount
		}
	}
	return sum
}

// conserves checks that what was there and came in is there or went out.
func conserves(t interface{ Fatalf(string, ...any) }, before *State, in Collection, c *Closed) {
	refund := money.Fen(0)
	for _, l := range in.Lines {
		if !l.In && l.Use == UseRefund {
			refund += l.Amount
		}
	}
	l := c.Row.Ledger
	was := before.Money() + inflow(in.Lines, in.Accounts) + l.Liquidity
	is := c.State.Money() + l.Tax + l.Fees + l.LineRepaid + l.NoteInterest + l.NotePrincipal + l.Residual + l.Leaked + refund
	if was != is || l.In() != l.Out() {
		t.Fatalf("period %d: %s was there and came in, %s is there and went out; ledger %+v", c.Period, was, is, l)
	}
	var causes, assets money.Fen
	for _, x := range c.Causes {
		causes += x.Amount
	}
	for i, a := range c.State.Assets {
		b := before.Assets[i]
		g := c.Collections[i]
		if a.Principal < 0 || a.Principal != b.Principal-g.Principal-g.LatePrincipal-g.Prepaid-g.Defaulted || a.Recovered > a.Defaulted {
			t.Fatalf("period %d: %+v from %+v by %+v", c.Period, a, b, g)
		}
		assets += a.Principal
	}
	if assets != c.Row.Performing {
		t.Fatalf("assets owe %s, reported %s", assets, c.Row.Performing)
	}
	if p := c.Planned; p != nil && causes != c.Received-(p.Ledger.Interest+p.Ledger.Principal+p.Ledger.Recovery) {
		t.Fatalf("period %d: causes of %s, received %s, planned %+v", c.Period, causes, c.Received, p.Ledger)
	}
}

// Twelve periods with late, short, prepaid, defaulted, leaked and recovered
// lines: to the fen each period and in total; the notes are paid from what
// came; the whole is replayed from its events.
func TestTwelvePeriodsOfALife(t *testing.T) {
	d := Example(1)
	d.Structure.DefaultDays = 90
	acc := Accounts{Plan: "6222PLAN", Regulated: []string{"6222REG"}, GraceDays: 3}
	state, err := d.Opening()
	if err != nil {
		t.Fatal(err)
	}
	var life []Collection
	var closed []Closed
	var came, paid money.Fen = d.Structure.Reserve, 0
	for n := 1; n <= 12 && !state.Ended; n++ {
		in := Collection{Period: n, Accounts: acc}
		from, to, err := d.PeriodDays(n)
		if err != nil {
			t.Fatal(err)
		}
		id := 0
		line := func(day calendar.Date, party string, amount money.Fen, ref string) *BankLine {
			id++
			in.Lines = append(in.Lines, BankLine{ID: fmt.Sprintf("p%d-%03d", n, id), Date: day, Account: acc.Plan, Party: party, In: true, Amount: amount, Ref: ref})
			return &in.Lines[len(in.Lines)-1]
		}
		for _, e := range owedIn(&d, n) {
			asset := e.ID[:3]
			i := slices.IndexFunc(d.Assets, func(a Asset) bool { return a.ID == asset })
			s := state.Assets[i]
			switch {
			case s.Status == "defaulted" || s.Status == "repaid":
			case asset == "A02" && n == 2: // late: comes in the next period
			case asset == "A03" && n == 2: // short
				line(e.Due, e.Payer, e.Amount-12345, "")
			case asset == "A04" && n >= 3: // never pays again
			case asset == "A05" && n == 3: // leaked to the originator's own account
				line(e.Due, e.Payer, e.Amount, "").Account = "6222OWN"
			case asset == "A06" && n == 4: // through the regulated account, not passed on in time
				line(e.Due, e.Payer, e.Amount, "").Account = "6222REG"
			case asset == "A08" && n > 3: // repaid early
			default:
				line(e.Due, e.Payer, e.Amount, "")
			}
		}
		switch n {
		case 3:
			e := owedIn(&d, 2)
			at := slices.IndexFunc(e, func(x Expected) bool { return x.ID[:3] == "A02" })
			line(from, e[at].Payer, e[at].Amount, "")
			line(from.AddDays(1), d.Obligors[2].Name, 12345, "")
			line(to, d.Obligors[7].Name, 0, "提前还款").Amount = state.Assets[7].Principal - due(&d, "A08", n)
			line(to, "路人公司", 777, "")
		case 4: // the leaked money comes back from the originator, and says for what
			e := owedIn(&d, 3)
			at := slices.IndexFunc(e, func(x Expected) bool { return x.ID[:3] == "A05" })
			l := line(from, d.Parties.Originator, e[at].Amount, "补划")
			l.Asset, l.Use = "A05", UseDue
			in.Lines = append(in.Lines, BankLine{ID: "p4-refund", Date: to, Account: acc.Plan, Party: "路人公司", Amount: 777, Use: UseRefund})
		case 5:
			var reg money.Fen = state.Transit
			in.Lines = append(in.Lines, BankLine{ID: "p5-sweep", Date: from, Account: "6222REG", Party: "专项计划", PartyAcc: acc.Plan, Amount: reg})
		case 6:
			line(to, d.Obligors[3].Name, state.Assets[3].Defaulted/2, "处置回收")
		}
		before := state
		c, err := d.Close(state, in)
		if err != nil {
			t.Fatalf("period %d: %v", n, err)
		}
		conserves(t, &before, in, &c)
		came += inflow(in.Lines, acc)
		l := c.Row.Ledger
		paid += l.Tax + l.Fees + l.NoteInterest + l.NotePrincipal + l.Residual + l.Leaked
		state = c.State
		life, closed = append(life, in), append(closed, c)
		// The file between two periods is the state, as JSON.
		b, err := json.Marshal(state)
		if err != nil {
			t.Fatal(err)
		}
		var back State
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		state = back
	}
	if came-777 != paid+state.Money() {
		t.Errorf("%s came in all, %s paid, %s there", came, paid, state.Money())
	}
	check := func(what string, ok bool) {
		t.Helper()
		if !ok {
			t.Error(what)
		}
	}
	check("A02 was late", closed[1].Collections[1].Status == "late" && closed[2].Collections[1].LatePrincipal > 0 && closed[2].Collections[1].Status == "performing")
	check("A03 was short by 123.45", closed[1].Collections[2].Overdue == 12345 && closed[2].Collections[2].Overdue == 0)
	check("A04 is in default", closed[3].Collections[3].Defaulted > 0 || closed[4].Collections[3].Defaulted > 0)
	check("A04 recovered half", state.Assets[3].Recovered == state.Assets[3].Defaulted/2 && state.Recovered == state.Assets[3].Recovered)
	check("A05 leaked and came back", closed[2].Cash.Leaked > 0 && closed[3].Collections[4].LatePrincipal > 0)
	check("the leak is announced from its day", slices.ContainsFunc(closed[2].Notices, func(n Notice) bool { return n.Event.Kind == "account" && n.Due.Before(closed[2].PayDate) }))
	check("A06 stayed in the regulated account", closed[3].State.Transit > 0 && closed[4].State.Transit == 0)
	check("A08 is repaid", closed[2].Collections[7].Prepaid > 0 && closed[2].State.Assets[7].Status == "repaid")
	check("a stranger's 7.77 were held and given back", len(closed[2].State.Suspense) == 1 && len(closed[3].State.Suspense) == 0)
	check("a report is due", !closed[0].ReportDue.Due.IsZero() && closed[0].ReportDue.Due.Before(closed[0].PayDate))

	again, all, err := d.Replay(life)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(closed[len(closed)-1].State, again); diff != "" || len(all) != len(life) {
		t.Errorf("the replay differs: %s", diff)
	}
}

// due is what an asset owes of principal in a period.
func due(d *Deal, asset string, period int) (sum money.Fen) {
	from, to, _ := d.PeriodDays(period)
	for i := range d.Assets {
		if d.Assets[i].ID != asset {
			continue
		}
		for _, x := range d.Assets[i].Dues(d.CutOff) {
			if !x.Date.Before(from) && !x.Date.After(to) {
				sum += x.Principal
			}
		}
	}
	return sum
}

// When everybody pays in time, what is paid is what was planned, to the fen.
func TestAPlanThatCameTrue(t *testing.T) {
	d := Example(1)
	d.Structure.Tranches[0].DayCount, d.Structure.Roll = calendar.Actual365, "following"
	s, err := d.Opening()
	if err != nil {
		t.Fatal(err)
	}
	plan, err := d.CashFlow(Scenario{})
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= d.lifePeriods(); n++ {
		in := Collection{Accounts: Accounts{Plan: "p"}}
		for _, e := range owedIn(&d, n) {
			in.Lines = append(in.Lines, BankLine{ID: e.ID, Date: e.Due, Account: "p", Party: e.Payer, In: true, Amount: e.Amount})
		}
		c, err := d.Close(s, in)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(plan.Periods[n-1].Ledger, c.Row.Ledger); diff != "" || len(c.Causes) > 0 || c.Class != "正常" && !c.State.Ended {
			t.Fatalf("period %d: %s, causes %v, class %s", n, diff, c.Causes, c.Class)
		}
		s = c.State
	}
	if !s.Ended || s.Money() != 0 || s.Notes[0].Balance != 0 {
		t.Errorf("ended %v with %s, senior owed %s", s.Ended, s.Money(), s.Notes[0].Balance)
	}
	if _, err := d.Close(s, Collection{Accounts: Accounts{Plan: "p"}}); err == nil {
		t.Error("a period after the end")
	}
}

// Whatever lines come, every fen is somewhere and no state is changed behind
// the caller's back.
func TestServicingConserves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Example(uint64(rapid.IntRange(1, 3).Draw(t, "seed")))
		d.Assets = d.Assets[:6]
		d.Structure.Tranches = []Tranche{
			{Name: "A", Principal: d.Total() / 2, Coupon: 0.03, Pay: "pass_through"}, {Name: "B", Principal: d.Total() / 4, Coupon: 0.05, Pay: "pass_through"}, {Name: "次级", Principal: d.Total() / 4},
		}
		d.Structure.Liquidity = &Liquidity{Limit: money.Fen(money.Wan), Rate: 0.05, Commitment: 0.01}
		d.Structure.TrapExcess = rapid.Bool().Draw(t, "trap")
		s, err := d.Opening()
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "lines"), 7))
		parties := []string{d.Obligors[0].Name, d.Obligors[1].Name, d.Obligors[2].Name, d.Obligors[5].Name, d.Structure.Supports[0].Name, "路人"}
		for n := 1; n <= 4; n++ {
			in := Collection{Accounts: Accounts{Plan: "plan", Regulated: []string{"reg"}}}
			from, to, _ := d.PeriodDays(n)
			var reg money.Fen
			for _, e := range owedIn(&d, n) {
				if r.IntN(3) > 0 {
					in.Lines = append(in.Lines, BankLine{ID: fmt.Sprint(n, e.ID), Date: e.Due, Account: []string{"plan", "reg", "out"}[r.IntN(3)], Party: e.Payer, In: true, Amount: max(1, e.Amount-money.Fen(r.IntN(3)))})
				}
			}
			for k := range r.IntN(6) {
				in.Lines = append(in.Lines, BankLine{
					ID: fmt.Sprint("x", n, k), Date: from.AddDays(r.IntN(from.DaysUntil(to))), Account: []string{"plan", "reg"}[r.IntN(2)], Party: parties[r.IntN(len(parties))], In: true,
					Amount: money.Fen(1 + r.Int64N(1e8)), Ref: []string{"", "提前还款", d.Assets[0].Contract}[r.IntN(3)],
				})
			}
			for _, l := range in.Lines {
				if l.Account == "reg" {
					reg += l.Amount
				}
			}
			if reg > 1 && r.IntN(2) == 0 {
				in.Lines = append(in.Lines, BankLine{ID: fmt.Sprint("s", n), Date: to, Account: "reg", PartyAcc: []string{"plan", "elsewhere"}[r.IntN(2)], Party: "划款", Amount: 1 + money.Fen(r.Int64N(int64(reg)))})
			}
			if r.IntN(3) == 0 {
				in.Defaults = []string{d.Assets[r.IntN(6)].ID}
			}
			was, _ := json.Marshal(s)
			c, err := d.Close(s, in)
			if err != nil {
				t.Fatal(err)
			}
			if is, _ := json.Marshal(s); string(is) != string(was) {
				t.Fatal("closing changed the state before")
			}
			conserves(t, &s, in, &c)
			s = c.State
		}
	})
}

// What cannot be is refused and named.
func TestServicingRefuses(t *testing.T) {
	d := Example(1)
	s, _ := d.Opening()
	from, to, _ := d.PeriodDays(1)
	acc := Accounts{Plan: "p"}
	ok := BankLine{ID: "1", Date: from, Account: "p", Party: "路人", In: true, Amount: 100}
	with := func(f func(*BankLine)) []BankLine {
		l := ok
		f(&l)
		return []BankLine{l}
	}
	big := money.Fen(101)
	for name, in := range map[string]Collection{
		"no account":     {Lines: []BankLine{ok}},
		"wrong period":   {Period: 2, Accounts: acc},
		"twice":          {Accounts: acc, Lines: []BankLine{ok, ok}},
		"too late":       {Accounts: acc, Lines: with(func(l *BankLine) { l.Date = to.AddDays(1) })},
		"nothing":        {Accounts: acc, Lines: with(func(l *BankLine) { l.Amount = 0 })},
		"no asset":       {Accounts: acc, Lines: with(func(l *BankLine) { l.Use, l.Asset = UseDue, "Z" })},
		"no default":     {Accounts: acc, Lines: with(func(l *BankLine) { l.Use, l.Asset = UseRecovery, "A01" })},
		"unknown use":    {Accounts: acc, Lines: with(func(l *BankLine) { l.Use, l.Asset = "gift", "A01" })},
		"no support":     {Accounts: acc, Lines: with(func(l *BankLine) { l.Use = UseSupport })},
		"mark too big":   {Accounts: acc, Lines: []BankLine{ok}, Marks: []Mark{{Line: "1", Asset: "A01", Use: UsePrepayment, Amount: &big}}},
		"no such line":   {Accounts: acc, Marks: []Mark{{Line: "9", Asset: "A01", Use: UseDue}}},
		"refund of none": {Accounts: acc, Lines: with(func(l *BankLine) { l.In, l.Use = false, UseRefund })},
		"no such asset":  {Accounts: acc, Defaults: []string{"Z"}},
		"held at end":    {Accounts: acc, Lines: []BankLine{ok}, Final: true},
	} {
		if _, err := d.Close(s, in); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
