package pool

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"zhijia/internal/calendar"
	"zhijia/internal/money"
)

// Guarantors of all that is lost pay what is lost, once, whatever their number.
func TestGuarantorsTogether(t *testing.T) {
	d := Example(1)
	pd := 0.002
	for _, name := range []string{"甲担保公司", "乙担保公司", "丙担保公司"} {
		d.Structure.Supports = append(d.Structure.Supports, Support{Name: name, Kind: "guarantee", PD: &pd, PDSource: "t", Cover: 1})
		cf, err := d.CashFlow(Scenario{Default: 0.2, Recovery: 0.3, Lag: 2, Support: true})
		if err != nil {
			t.Fatal(err)
		}
		var defaulted, recovered, paid money.Fen
		for _, p := range cf.Periods {
			defaulted, recovered, paid = defaulted+p.Defaulted, recovered+p.Ledger.Recovery, paid+p.Ledger.Guarantee
		}
		if paid != defaulted-recovered {
			t.Errorf("%d guarantors: defaulted %s, recovered %s, guaranteed %s", len(d.Structure.Supports), defaulted, recovered, paid)
		}
	}
}

// Guarantors never pay more than the loss, their share of it or their cap; the
// recovery of one default never lowers what is paid on another.
func TestGuaranteeBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Example(1)
		d.Structure.Supports = nil
		alive := []int{}
		for i := range rapid.IntRange(1, 4).Draw(t, "guarantors") {
			d.Structure.Supports = append(d.Structure.Supports, Support{
				Name: string(rune('a' + i)), Kind: "guarantee", Cover: rapid.Float64Range(0, 1).Draw(t, "cover"), Cap: money.Fen(rapid.SampledFrom([]int64{0, 50, 1e6}).Draw(t, "cap")),
			})
			alive = append(alive, rapid.SampledFrom([]int{-1, 3, math.MaxInt}).Draw(t, "alive"))
		}
		periods := d.periods()
		w, err := newWaterfall(&d, periods)
		if err != nil {
			t.Fatal(err)
		}
		f := newFlows(periods)
		lag := rapid.IntRange(0, 4).Draw(t, "lag")
		single := map[int]int64{}
		for range rapid.IntRange(1, 5).Draw(t, "defaults") {
			at := rapid.IntRange(0, periods-1).Draw(t, "at")
			lost := rapid.Int64Range(0, 1e9).Draw(t, "lost")
			rec := rapid.Int64Range(0, lost).Draw(t, "recovered")
			f.defaulted[at] += lost
			f.salvaged[at] += rec
			f.recovery[min(at+lag, periods-1)] += rec
			single[at] += lost - rec
		}
		w.guarantee(f, alive)
		share, capped, sum := 0.0, int64(0), int64(0)
		unlimited := false
		for i, s := range d.Structure.Supports {
			if alive[i] > 0 {
				share += s.Cover
				capped += int64(s.Cap)
				unlimited = unlimited || s.Cap == 0
			}
		}
		for at := range f.guarantee {
			loss := single[at]
			if g := f.guarantee[at]; g < 0 || g > loss || float64(g) > share*float64(loss)+1 {
				t.Fatalf("period %d: loss %d, guaranteed %d of share %v", at, loss, g, share)
			}
			sum += f.guarantee[at]
		}
		if !unlimited && sum > capped {
			t.Fatalf("guaranteed %d, caps %d", sum, capped)
		}
	})
	// Two defaults in the last two periods, both recovering in the last: the
	// recoveries belong each to its own.
	d := Example(1)
	d.Structure.Supports = []Support{{Name: "甲", Kind: "guarantee", Cover: 1}}
	w, err := newWaterfall(&d, d.periods())
	if err != nil {
		t.Fatal(err)
	}
	f := newFlows(d.periods())
	last := d.periods() - 1
	for _, at := range []int{last - 1, last} {
		f.defaulted[at], f.salvaged[at] = 100_00, 50_00
		f.recovery[last] += 50_00
	}
	w.guarantee(f, []int{math.MaxInt})
	if got := f.guarantee[last-1] + f.guarantee[last]; got != 100_00 {
		t.Errorf("two losses of 50: guaranteed %s", money.Fen(got))
	}
}

// Whatever the structure and the path, every fen of every period comes from
// somewhere and goes somewhere, and what was in the account is what is there
// at the start of the next.
func TestEveryFenIsAccountedFor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Example(uint64(rapid.IntRange(1, 5).Draw(t, "seed")))
		total := d.Total()
		senior := money.Fen(float64(total) * rapid.Float64Range(0.1, 0.9).Draw(t, "senior"))
		mezzanine := money.Fen(float64(total-senior) * rapid.Float64Range(0, 0.9).Draw(t, "mezzanine"))
		pay := rapid.SampledFrom([]string{"pass_through", "bullet", "scheduled"})
		d.Structure.Tranches = []Tranche{
			{Name: "A", Principal: senior, Coupon: rapid.Float64Range(0, 0.1).Draw(t, "coupon"), Pay: pay.Draw(t, "A"), Maturity: rapid.IntRange(0, 8).Draw(t, "maturity"), Targets: []money.Fen{senior / 2}},
			{Name: "B", Principal: mezzanine, Coupon: rapid.Float64Range(0, 0.1).Draw(t, "coupon"), Pay: pay.Draw(t, "B")},
			{Name: "次级", Principal: total - senior - mezzanine},
		}
		d.Structure.Reserve = money.Fen(rapid.Int64Range(0, 1e9).Draw(t, "reserve"))
		d.Structure.TrapExcess = rapid.Bool().Draw(t, "trap")
		d.Structure.FixedFee = money.Fen(rapid.Int64Range(0, 1e8).Draw(t, "fee"))
		d.Structure.Triggers = Triggers{DefaultRate: rapid.Float64Range(0, 0.3).Draw(t, "trigger"), PrincipalShort: rapid.Bool().Draw(t, "short"), CollectionMiss: rapid.Float64Range(0, 0.5).Draw(t, "miss")}
		d.Structure.Supports = []Support{
			{Name: "g", Kind: "guarantee", Cover: rapid.Float64Range(0, 1).Draw(t, "cover")},
			{Name: "s", Kind: "shortfall", Cap: money.Fen(rapid.Int64Range(0, 1e9).Draw(t, "cap"))},
		}
		cf, err := d.CashFlow(Scenario{
			Default: rapid.Float64Range(0, 1).Draw(t, "default"), Recovery: rapid.Float64Range(0, 1).Draw(t, "recovery"),
			Lag: rapid.IntRange(0, 4).Draw(t, "lag"), CPR: rapid.Float64Range(0, 0.5).Draw(t, "cpr"), Support: rapid.Bool().Draw(t, "support"),
		})
		if err != nil {
			t.Fatal(err)
		}
		carried := d.Structure.Reserve
		for i, p := range cf.Periods {
			if p.Ledger.In() != p.Ledger.Out() || p.Ledger.FromCash != carried || p.Ledger.ToCash != p.Cash+p.Reserve {
				t.Fatalf("period %d: in %s, out %s, carried %s: %+v", i, p.Ledger.In(), p.Ledger.Out(), carried, p.Ledger)
			}
			carried = p.Ledger.ToCash
			if p.Coverage != nil && (math.IsNaN(*p.Coverage) || *p.Coverage < 0) {
				t.Fatalf("coverage %v", *p.Coverage)
			}
		}
		if carried != 0 {
			t.Fatalf("%s is left at the end", carried)
		}
	})
}

// After acceleration all senior principal is due, so coverage cannot jump when
// the trigger fires: it does not rise above what was left to pay it with.
func TestCoverageKeepsSeniorPrincipal(t *testing.T) {
	d := Example(1)
	cf, err := d.CashFlow(Scenario{Default: 0.99, Recovery: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	accelerated := false
	for i, p := range cf.Periods {
		if !p.Accelerated || i == 0 || cf.Periods[i-1].TrancheBalance[0] == 0 {
			continue
		}
		accelerated = true
		if want := cf.Periods[i-1].TrancheBalance[0]; p.SeniorDue < want || *p.Coverage > float64(p.Ledger.Interest+p.Ledger.Principal+p.Ledger.Recovery+cf.Periods[i-1].Cash)/float64(want) {
			t.Errorf("period %d: senior balance %s, due %s, coverage %v", i, want, p.SeniorDue, *p.Coverage)
		}
	}
	if !accelerated {
		t.Fatal("the scenario does not accelerate")
	}
}

// The tests after a purchase measure what the pool still owes.
func TestConcentrationOnPrincipalNotRepaid(t *testing.T) {
	d := Example(1)
	d.Structure.Tranches[0].Principal = 1 // no stop for want of principal
	d.Structure.Revolving = &Revolving{Periods: 1, TermPeriods: 4}
	big := candidate("n1", "F01", Licence, money.Fen(50*100*money.Wan), nil)
	cycle := Cycle{Date: calendar.New(2026, 12, 31), Cash: money.Fen(55 * 100 * money.Wan), Repaid: money.Fen(60 * 100 * money.Wan), Candidates: []Asset{big}}
	if res, _, err := d.Revolve([]Cycle{cycle}, calendar.Shipped()); err != nil || res[0].Purchases[0].Bought {
		t.Errorf("50 million of one debtor in a pool of 95 million: %+v, %v", res, err)
	}
	cycle.Repaid = 0
	if res, _, err := d.Revolve([]Cycle{cycle}, calendar.Shipped()); err != nil || !res[0].Purchases[0].Bought {
		t.Errorf("the same in a pool of 155 million: %+v, %v", res, err)
	}
	// All repaid, and more than an asset owes.
	cycle.Repaid = d.Total()
	if _, _, err := d.Revolve([]Cycle{cycle}, calendar.Shipped()); err != nil {
		t.Error(err)
	}
	cycle.RepaidBy = map[string]money.Fen{d.Assets[0].ID: d.Assets[0].Principal + 1}
	if _, _, err := d.Revolve([]Cycle{cycle}, calendar.Shipped()); err == nil {
		t.Error("an asset repaid more than it owed")
	}
}

// Repayments come off the balances to the fen, as named, as scheduled, in
// proportion; no asset goes below zero.
func TestRepaid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Example(uint64(rapid.IntRange(1, 3).Draw(t, "seed")))
		balance := map[string]money.Fen{}
		var before, after money.Fen
		for _, a := range d.Assets {
			balance[a.ID] = a.Principal
			before += a.Principal
		}
		c := Cycle{Date: d.CutOff.AddMonths(rapid.IntRange(0, 60).Draw(t, "months")), Repaid: money.Fen(rapid.Int64Range(0, int64(2*before)).Draw(t, "repaid"))}
		if id := d.Assets[0].ID; rapid.Bool().Draw(t, "named") && c.Repaid >= d.Assets[0].Principal {
			c.RepaidBy = map[string]money.Fen{id: d.Assets[0].Principal / 3}
		}
		got, err := d.repaid(&c, d.CutOff, balance)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range balance {
			if b < 0 {
				t.Fatal("a negative balance")
			}
			after += b
		}
		for id, amount := range c.RepaidBy {
			if got < before && balance[id] != d.Assets[0].Principal-amount {
				t.Fatalf("%s was named with %s", id, amount)
			}
		}
		if before-after != got || got > c.Repaid {
			t.Fatalf("repaid %s of %s, balances fell by %s", got, c.Repaid, before-after)
		}
	})
}

// A due on the cut-off itself is not in the pool, as the message says.
func TestDueOnTheCutOff(t *testing.T) {
	d := Example(1)
	a := d.Assets[0]
	for days, ok := range map[int]bool{-1: false, 0: false, 1: true} {
		a.Amortise, a.Schedule = "schedule", []Due{{Date: d.CutOff.AddDays(days), Principal: a.Principal}}
		if err := a.checkSchedule(d.CutOff); (err == nil) != ok {
			t.Errorf("%+d days: %v", days, err)
		}
	}
}

// The distribution report is due by the rule of the exchange in force on the
// payment date; both sides of the change of 2024-03-29 and of a holiday.
func TestDistributionDeadlines(t *testing.T) {
	for _, c := range []struct {
		venue   Venue
		closing string // one quarter before the payment date
		want    string
	}{
		{SSE, "2026-02-20", "2026-05-13"}, // paid 2026-05-20
		{SZSE, "2026-02-20", "2026-05-15"},
		{SZSE, "2026-07-08", "2026-09-28"}, // paid 2026-10-08
		{SZSE, "2023-12-28", "2024-03-26"}, // the day before Shenzhen's rule: two days
		{SZSE, "2023-12-29", "2024-03-26"}, // three
		{SSE, "2026-07-08", "2026-09-23"},  // paid 2026-10-08, after two holidays
		{SSE, "2023-12-28", "2024-03-26"},  // paid 2024-03-28, the day before the rule: two days
		{SSE, "2023-12-29", "2024-03-22"},  // paid 2024-03-29: five
	} {
		d := Example(1)
		d.Venue, d.Closing, d.Structure.EveryMonths = c.venue, calendar.MustParse(c.closing), 3
		x := d.DisclosureCalendar(1, calendar.Shipped())[0]
		if x.Due.String() != c.want || x.Cite == "" || x.Error != "" {
			t.Errorf("%s, set up %s, paid %s: report due %s, want %s (%s)", c.venue, c.closing, d.PayDate(0), x.Due, c.want, x.Error)
		}
	}
	// A plan set up less than two months before the end of the year owes no annual report for it.
	for closing, owed := range map[string]bool{"2026-10-31": true, "2026-11-01": false, "2026-11-20": false} {
		d := Example(1)
		d.Closing = calendar.MustParse(closing)
		found := false
		for _, x := range d.DisclosureCalendar(4, calendar.Shipped()) {
			found = found || x.Kind == "annual" && x.Due.Year == 2027
		}
		if found != owed {
			t.Errorf("set up %s: annual report for 2026 owed %v", closing, found)
		}
	}
}

// Every paper that is due by a day has a golden date on both sides of a holiday
// and of the change of the texts on 2024-03-29.
func TestDeadlinesByTheTextInForce(t *testing.T) {
	cal := calendar.Shipped()
	const csrc, sse, szse = "证监会公告〔2014〕49号", "上证发〔2024〕30号", "深证上〔2024〕242号"
	for _, c := range []struct {
		venue     Venue
		kind, day string
		due, cite string
	}{
		{SSE, "litigation", "2024-03-28", "2024-04-01", csrc},
		{SSE, "litigation", "2024-03-29", "2024-04-02", sse},
		{SZSE, "litigation", "2024-03-28", "2024-04-01", csrc},
		{SZSE, "litigation", "2024-03-29", "2024-04-02", szse},
		{SSE, "unpaid", "2026-09-30", "2026-10-09", sse},
		{SSE, "unpaid", "2026-10-08", "2026-10-12", sse}, // the make-up Saturday is no trading day
		{SZSE, "unpaid", "2026-09-29", "2026-10-08", szse},
		{SZSE, "unpaid", "2026-09-28", "2026-09-30", szse},
		{SSE, "purchase", "2026-04-30", "2026-05-07", sse + "）5.2.9"},
		{SZSE, "purchase", "2026-05-06", "2026-05-08", szse + "）第二十七条"},
		{SSE, "purchase", "2024-03-28", "2024-04-01", csrc},
		// Ten working days until 2024-03-28, the make-up Sunday of Qingming counted; ten trading days after.
		{SSE, "liquidation", "2024-03-28", "2024-04-12", csrc},
		{SZSE, "liquidation", "2024-03-28", "2024-04-12", csrc},
		{SSE, "liquidation", "2024-03-29", "2024-04-16", sse + "）5.4.14"},
		{SZSE, "liquidation", "2024-03-29", "2024-04-16", szse + "）第五十条"},
		{SSE, "liquidation", "2026-09-30", "2026-10-21", sse},
		{SZSE, "liquidation", "2026-10-08", "2026-10-22", szse},
	} {
		d := Example(1)
		d.Venue = c.venue
		n, err := d.Notice(Event{Kind: c.kind, Date: calendar.MustParse(c.day)}, cal)
		if err != nil || n.Due.String() != c.due || !strings.Contains(n.Cite, c.cite) || n.URL == "" {
			t.Errorf("%s %s of %s: due %s, want %s, by %s %s, %v", c.venue, c.kind, c.day, n.Due, c.due, n.Cite, n.URL, err)
		}
		for _, f := range n.Body {
			if f.Key == "statement" && f.Value == "" || f.Key == "outstanding" && calendar.MustParse(c.day).Before(d.PayDate(0)) && f.Value == "" {
				t.Errorf("%s: %s is missing", c.kind, f.Zh)
			}
		}
	}
	// The year's papers: who sets up when owes what, and what ends before it is due is not owed.
	papers := func(venue Venue, closing string, periods int, rated bool) (out []string) {
		d := Example(1)
		d.Venue, d.Closing = venue, calendar.MustParse(closing)
		if d.CutOff.After(d.Closing) {
			d.CutOff = d.Closing
		}
		if !rated {
			d.Parties.Rater, d.Structure.Tranches[0].Rating = "", ""
		}
		for _, x := range d.DisclosureCalendar(periods, cal) {
			if x.Kind == "annual" || x.Kind == "rating" {
				out = append(out, x.Due.String()+" "+x.Cite[:len("证")])
			}
		}
		return out
	}
	for _, c := range []struct {
		venue   Venue
		closing string
		periods int
		rated   bool
		want    []string
	}{
		{SSE, "2026-10-31", 3, true, []string{"2027-04-30 上", "2027-06-30 上"}},
		{SSE, "2026-11-01", 3, true, nil},
		{SZSE, "2026-10-31", 3, true, []string{"2027-04-30 深", "2027-06-30 深"}},
		{SSE, "2026-10-31", 3, false, []string{"2027-04-30 上"}},
		{SSE, "2026-06-25", 3, true, nil},                                      // the last payment is 2027-03-25
		{SSE, "2026-06-30", 4, true, []string{"2027-04-30 上", "2027-06-30 上"}}, // paid last on 2027-06-30
		{SSE, "2023-06-25", 2, true, nil},
		{SSE, "2022-11-20", 3, true, []string{"2023-06-30 证"}},
		{SSE, "2022-06-25", 3, true, []string{"2023-04-30 证", "2023-06-30 证"}},
	} {
		if got := papers(c.venue, c.closing, c.periods, c.rated); !slices.Equal(got, c.want) {
			t.Errorf("%s set up %s, %d payments: %v, want %v", c.venue, c.closing, c.periods, got, c.want)
		}
	}
}
