package mark_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/mark"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/ruling"
)

var day = calendar.MustParse

func wan(x int) *money.Fen { f := money.Fen(x) * money.Fen(money.Wan); return &f }

func TestTheExamplesDecide(t *testing.T) {
	out, err := mark.Decide(mark.Example(1))
	if err != nil || out.Decision.Verdict != ruling.Accept || out.Lendable == nil || out.Value.Low > out.Value.Point {
		t.Fatalf("%+v %v", out, err)
	}
	gi, err := mark.Enhance(mark.GIExample(1))
	if err != nil || gi.Value != nil || len(gi.Lines) != 5 || *gi.Lines[4].Factor != 0 || *gi.Lines[4].Line != 0 || gi.Granted > *wan(60) || gi.Decision.Verdict != ruling.Refuse {
		t.Fatalf("%+v %v", gi, err)
	}
}

func TestNumbers(t *testing.T) {
	for in, want := range map[string]string{"第1234567号": "1234567", " 商标注册第 40123456 号": "40123456", "g1234567": "G1234567", "１２３４５６７": "1234567", "1234567A": "1234567A"} {
		if got, err := mark.ParseNumber(in); err != nil || got != want {
			t.Errorf("%q: %q %v", in, got, err)
		}
	}
	for _, in := range []string{"", "123456789", "G12", "ZL202010123456.2", "00000000", "1234567-A", "CN1234567A1", "第号"} {
		if got, err := mark.ParseNumber(in); err == nil {
			t.Errorf("%q is %q", in, got)
		}
	}
}

// Registered on 2016-05-14: valid to 2026-05-13, renewed from 2025-05-14, in grace
// to 2026-11-13, over on the 14th. Every boundary turns on its day.
func TestTermTurnsOnItsDay(t *testing.T) {
	end := mark.TermEnd(day("2016-05-14"))
	if end != day("2026-05-13") {
		t.Fatal(end)
	}
	for on, want := range map[string]string{
		"2025-05-13": "running", "2025-05-14": "window", "2026-05-13": "window", "2026-05-14": "grace", "2026-11-13": "grace", "2026-11-14": "over",
	} {
		if got, _, _, _ := mark.Term(end, day(on)); got != want {
			t.Errorf("%s: %s, not %s", on, got, want)
		}
	}
}

func TestVerdictsTurnExactlyThere(t *testing.T) {
	type in = mark.Input
	for name, c := range map[string]struct {
		change  func(*in)
		code    string
		outcome ruling.Outcome
	}{
		"another registrant":    {func(x *in) { x.Pledgor = "别人" }, "M01", ruling.Block},
		"registrant unknown":    {func(x *in) { x.Marks[0].Registrant = "" }, "M01", ruling.Unknown},
		"past the grace":        {func(x *in) { term(x, x.On.AddMonths(-6).AddDays(-1)) }, "M02", ruling.Block},
		"last day of grace":     {func(x *in) { term(x, x.On.AddMonths(-6)) }, "M03", ruling.Warn},
		"first day of grace":    {func(x *in) { term(x, x.On.AddDays(-1)) }, "M03", ruling.Warn},
		"first day of window":   {func(x *in) { term(x, x.On.AddMonths(12).AddDays(-1)) }, "M03", ruling.Warn},
		"day before the window": {func(x *in) { term(x, x.On.AddMonths(12)) }, "M03", ruling.Pass},
		"revoked":               {func(x *in) { x.Marks[0].State = "revoked" }, "M02", ruling.Block},
		"state unknown":         {func(x *in) { x.Marks[0].State = "" }, "M02", ruling.Unknown},
		"family left out":       {func(x *in) { x.Marks[2].Offered = patent.No }, "M04", ruling.Block},
		"same name and class": {func(x *in) {
			x.Marks[2].Offered, x.Marks[2].Family, x.Marks[2].Classes = patent.No, "", x.Marks[0].Classes
		}, "M04", ruling.Block},
		"not searched":         {func(x *in) { x.Searched = calendar.Date{} }, "M04", ruling.Unknown},
		"ends before the debt": {func(x *in) { x.Maturity = x.Marks[0].TermEnd.AddDays(1) }, "M05", ruling.Warn},
		"ends with the debt":   {func(x *in) { x.Maturity = x.Marks[0].TermEnd; x.Marks = x.Marks[:1] }, "M05", ruling.Pass},
		"used three years ago": {func(x *in) { x.Marks[0].LastUse = x.On.AddYears(-3) }, "M06", ruling.Pass},
		"a day longer":         {func(x *in) { x.Marks[0].LastUse = x.On.AddYears(-3).AddDays(-1) }, "M06", ruling.Warn},
		"no use, three years old": {func(x *in) {
			x.Marks[0].LastUse, x.Marks[0].Registered, x.Marks[0].TermEnd = calendar.Date{}, x.On.AddYears(-3), calendar.Date{}
		}, "M06", ruling.Unknown},
		"no use, a day younger": {func(x *in) {
			x.Marks[0].LastUse, x.Marks[0].Registered, x.Marks[0].TermEnd = calendar.Date{}, x.On.AddYears(-3).AddDays(1), calendar.Date{}
		}, "M06", ruling.Pass},
		"cancellation pending":   {func(x *in) { x.Marks[0].NonUsePending = patent.Yes }, "M06", ruling.Warn},
		"no haircut for it":      {func(x *in) { x.Marks[0].NonUsePending = patent.Yes }, "M14", ruling.Unknown},
		"pledged":                {func(x *in) { x.Marks[0].Pledged = patent.Yes }, "M07", ruling.Block},
		"pledge not known":       {func(x *in) { x.Marks[0].Pledged = patent.DontSay }, "M07", ruling.Unknown},
		"certification mark":     {func(x *in) { x.Marks[0].Kind = "certification" }, "M08", ruling.Review},
		"term a day off":         {func(x *in) { x.Marks[0].TermEnd = x.Marks[0].TermEnd.AddDays(1) }, "M09", ruling.Review},
		"co-registrant silent":   {func(x *in) { x.Marks[0].Co = []string{"乙公司"} }, "M10", ruling.Unknown},
		"no ceiling":             {func(x *in) { x.Ceiling = nil }, "M12", ruling.Unknown},
		"no royalty":             {func(x *in) { x.Income.Royalty = nil }, "M13", ruling.Unknown},
		"invalidation pending":   {func(x *in) { x.Marks[0].Challenged = patent.Yes }, "M15", ruling.Review},
		"36 months":              {func(x *in) { x.Ceiling, x.Policy, x.Maturity = nil, "BOCOM-HIST", x.On.AddMonths(36) }, "M16", ruling.Pass},
		"a day more":             {func(x *in) { x.Ceiling, x.Policy, x.Maturity = nil, "BOCOM-HIST", x.On.AddMonths(36).AddDays(1) }, "M16", ruling.Block},
		"a policy without marks": {func(x *in) { x.Ceiling, x.Policy = nil, "TEMPLATE" }, "M12", ruling.Unknown},
	} {
		x := mark.Example(1)
		c.change(&x)
		out, err := mark.Decide(x)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !out.Decision.Has(c.code, c.outcome) {
			t.Errorf("%s: want %s %s, got %+v", name, c.code, c.outcome, out.Decision.Findings)
		}
		if c.outcome == ruling.Unknown && out.Decision.Verdict == ruling.Accept {
			t.Errorf("%s: what is not known was accepted", name)
		}
	}
}

func term(x *mark.Input, end calendar.Date) {
	x.Marks[0].TermEnd, x.Marks[0].Registered = end, end.AddDays(1).AddYears(-10)
}

// 中强: appraised near 12 million, lent 4.5 million: 37.5% (reported 2015).
// BoCom: 50% of the value, three years.
func TestGoldenRatios(t *testing.T) {
	x := mark.Example(1)
	x.External, x.Loan = wan(1200), wan(450)
	x.Ceiling, x.Policy = nil, "BOCOM-HIST"
	out, err := mark.Decide(x)
	if err != nil || math.Abs(*out.LTVExternal-0.375) > 1e-12 || *out.Ceiling != 0.5 {
		t.Errorf("%+v %v", out, err)
	}
	mean := func(sum, n string) float64 { return mark.GIRules.Value(sum) / mark.GIRules.Value(n) }
	if m := mean("guangdong_line", "guangdong_users"); math.Abs(m-15936254.98) > 1 {
		t.Errorf("Guangdong %.2f", m)
	}
	if m := mean("guangdong_first", "guangdong_first_users"); math.Abs(m-7388888.89) > 1 {
		t.Errorf("Guangdong, first %.2f", m)
	}
	if mark.GIRules.Figures["nanhui_cap"].Value != nil {
		t.Error("a figure of the peach scheme was invented")
	}
}

// The value by hand: one mark, ten years left, 100 million a year, 1%, tax 25%,
// 15% a year: 750,000 times the annuity of ten years, 5.018769.
func TestTheValueByHand(t *testing.T) {
	x := mark.Example(1)
	x.Marks = x.Marks[:1]
	x.Marks[0].Registered, x.Marks[0].TermEnd = x.On, calendar.Date{}
	x.Marks[0].LastUse = x.On
	rate := 0.01
	x.Income.RoyaltyLow, x.Income.Royalty, x.Income.RoyaltyHigh, x.Income.Survival = nil, &rate, nil, nil
	x.Revenues = []mark.Revenue{{Year: 2025, Amount: *wan(10000)}}
	out, err := mark.Decide(x)
	if err != nil || math.Abs(out.Value.Point.Yuan()-750_000*5.018769) > 5 || out.Value.Years != 10 {
		t.Fatalf("%+v %v", out.Value, err)
	}
}

// Cost is a floor; a survival never lowers a value, nor does a longer horizon.
func TestBetterFactsNeverLowerAValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := mark.Example(rapid.Uint64Range(1, 30).Draw(t, "seed"))
		x.Income.Survival = nil
		x.Income.Horizon = rapid.IntRange(1, 30).Draw(t, "years")
		bare, err := mark.Decide(x)
		if err != nil {
			t.Fatal(err)
		}
		cost := money.Fen(rapid.Int64Range(0, 1e10).Draw(t, "cost"))
		x.Marks[0].Cost = &cost
		s := rapid.Float64Range(0, 1).Draw(t, "survival")
		x.Income.Survival = &s
		x.Income.Horizon++
		better, err := mark.Decide(x)
		if err != nil || better.Value.Point < bare.Value.Point || better.Value.Low < bare.Value.Low || better.Value.Point < cost {
			t.Fatalf("%+v %+v %v", bare.Value, better.Value, err)
		}
	})
}

func TestBadMarks(t *testing.T) {
	bad, minus := 1.5, money.Fen(-1)
	for code, change := range map[string]func(*mark.Input){
		"mark.on": func(x *mark.Input) {
			x.On = calendar.Date{}
			x.Revenues = nil
			x.Marks = x.Marks[:1]
			x.Marks[0].LastUse, x.Marks[0].Registered = calendar.Date{}, calendar.Date{}
		},
		"mark.pledgor":        func(x *mark.Input) { x.Pledgor = "" },
		"mark.loan":           func(x *mark.Input) { x.Loan = &minus },
		"mark.maturity":       func(x *mark.Input) { x.Maturity = x.On },
		"mark.ceiling":        func(x *mark.Input) { x.Ceiling = &bad },
		"mark.ceiling_source": func(x *mark.Input) { x.CeilingSource = "" },
		"mark.policy_twice":   func(x *mark.Input) { x.Policy = "BOCOM-HIST" },
		"mark.royalty":        func(x *mark.Input) { x.Income.RoyaltyHigh = &bad },
		"mark.royalty_order":  func(x *mark.Input) { y := 0.001; x.Income.RoyaltyHigh = &y },
		"mark.royalty_source": func(x *mark.Input) { x.Income.Source = "" },
		"mark.discount":       func(x *mark.Input) { x.Income.Discount = &bad },
		"mark.number":         func(x *mark.Input) { x.Marks[0].Number = "ZL200810027800.7" },
		"mark.twice":          func(x *mark.Input) { x.Marks[1].Number = "第" + x.Marks[0].Number + "号" },
		"mark.class":          func(x *mark.Input) { x.Marks[0].Classes = []string{"46"} },
		"mark.term":           func(x *mark.Input) { x.Marks[0].TermEnd = x.Marks[0].Registered },
		"mark.future":         func(x *mark.Input) { x.Marks[0].LastUse = x.On.AddDays(1) },
		"mark.revenue_year":   func(x *mark.Input) { x.Revenues[0].Year = x.Revenues[1].Year },
		"mark.marks":          func(x *mark.Input) { x.Marks = nil },
	} {
		x := mark.Example(1)
		change(&x)
		if _, err := mark.Decide(x); err == nil || fault.Public(err).Code != code {
			t.Errorf("%s: %v", code, err)
		}
	}
	for code, change := range map[string]func(*mark.GI){
		"gi.on":           func(x *mark.GI) { x.On = calendar.Date{}; x.PriceDate = calendar.Date{} },
		"gi.name":         func(x *mark.GI) { x.Name = "" },
		"gi.basis":        func(x *mark.GI) { x.Basis = "mark" },
		"gi.price":        func(x *mark.GI) { x.PriceLow = &minus },
		"gi.price_date":   func(x *mark.GI) { x.PriceDate = x.On.AddDays(1) },
		"gi.ratio":        func(x *mark.GI) { x.Alpha = &bad },
		"gi.cap":          func(x *mark.GI) { x.BankCap = &minus },
		"gi.members":      func(x *mark.GI) { x.Members = nil },
		"gi.member_twice": func(x *mark.GI) { x.Members[1].Code = x.Members[0].Code },
		"gi.quantity":     func(x *mark.GI) { y := -1.0; x.Members[0].Area = &y },
		"gi.yield":        func(x *mark.GI) { y := 9e4; x.Members[0].YieldMean = &y },
		"gi.amount":       func(x *mark.GI) { x.Members[0].Sum = &minus },
		"gi.user":         func(x *mark.GI) { x.Users[0].From = calendar.Date{} },
	} {
		x := mark.GIExample(1)
		change(&x)
		if _, err := mark.Enhance(x); err == nil || fault.Public(err).Code != code {
			t.Errorf("%s: %v", code, err)
		}
	}
}

// An applicant is a user from the day announced and no longer on the day removed.
func TestUsersByDay(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*mark.GI)
		factor float64
	}{
		"announced today":    {func(x *mark.GI) { x.Users[0].From = x.On }, 1},
		"announced tomorrow": {func(x *mark.GI) { x.Users[0].From = x.On.AddDays(1) }, 0},
		"removed tomorrow":   {func(x *mark.GI) { x.Users[0].Until = x.On.AddDays(1) }, 1},
		"removed today":      {func(x *mark.GI) { x.Users[0].Until = x.On }, 0},
		"suspended":          {func(x *mark.GI) { x.Suspended = patent.Yes }, 0},
	} {
		x := mark.GIExample(1)
		c.change(&x)
		out, err := mark.Enhance(x)
		if err != nil || (*out.Lines[0].Factor > 0) != (c.factor > 0) || (*out.Lines[0].Line > 0) != (c.factor > 0) {
			t.Errorf("%s: %+v %v", name, out.Lines[0], err)
		}
	}
	x := mark.GIExample(1)
	x.Users = nil
	if out, err := mark.Enhance(x); err != nil || out.Lines[0].Factor != nil || out.Lines[0].Line != nil || !out.Decision.Has("G1", ruling.Unknown) {
		t.Errorf("without a list: %+v %v", out.Lines[0], err)
	}
	x = mark.GIExample(1)
	x.Alpha = nil
	if out, err := mark.Enhance(x); err != nil || out.Lines[0].Line != nil || out.Decision.Verdict == ruling.Accept {
		t.Errorf("without a ratio: %+v %v", out.Lines[0], err)
	}
}

// The lines together stay within the association's, whatever is asked for.
func TestTheCollectiveLineHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := mark.GIExample(rapid.Uint64Range(1, 40).Draw(t, "seed"))
		line := money.Fen(rapid.Int64Range(0, 1e9).Draw(t, "line"))
		x.Line = &line
		out, err := mark.Enhance(x)
		if err != nil || out.Granted > line || out.Granted+*out.Room != line {
			t.Fatalf("%+v %v", out, err)
		}
		for _, l := range out.Lines {
			for _, p := range l.Parts {
				if *l.Line > p.Amount {
					t.Fatalf("%+v", l)
				}
			}
		}
	})
}
