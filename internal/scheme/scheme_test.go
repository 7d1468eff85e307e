package scheme

import (
	"testing"

	"pgregory.net/rapid"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/lending"
	"zhijia/internal/money"
)

func yuan(x float64) *money.Fen { f, _ := money.FromYuan(x); return &f }

func number(x float64) *float64 { return &x }

func day(s string) calendar.Date { return calendar.MustParse(s) }

func TestLibrary(t *testing.T) {
	t.Parallel()
	all, seen, cities := Library(), map[string]bool{}, map[string]int{}
	if len(all) < 15 {
		t.Fatalf("%d schemes", len(all))
	}
	for i := range all {
		s := &all[i]
		if err := s.Check(); err != nil {
			t.Errorf("%s: %v", s.ID, err)
		}
		if seen[s.ID] || s.Region == "" || s.URL == "" || s.Status == "" || s.VerifiedOn.IsZero() || s.Summary == "" {
			t.Errorf("%s lacks a field or is there twice", s.ID)
		}
		if s.Shares != "" {
			if _, err := lending.SchemeByID(s.Shares); err != nil {
				t.Errorf("%s: %v", s.ID, err)
			}
		}
		if worked := s.Ratio != nil || s.Shares != "" || s.ByYear != nil; !worked && len(s.Missing) == 0 {
			t.Errorf("%s says not what is missing", s.ID)
		}
		seen[s.ID] = true
		cities[s.Region]++
	}
	for _, c := range []string{"深圳", "广州", "南京", "青岛", "上海", "北京", "韩国"} {
		if cities[c] == 0 {
			t.Errorf("nothing of %s", c)
		}
	}
}

// Golden figures of the review's section D; each source stands in the library.
func TestGolden(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	for name, c := range map[string]struct {
		id     string
		ask    Ask
		amount float64
	}{
		"relending 2022": {"PBC-2022", Ask{On: day("2022-04-28"), Principal: yuan(1e7)}, 6e6},
		"relending 2024": {"PBC-2024", Ask{On: day("2024-04-07"), Principal: yuan(1e7)}, 6e6},
		"上海 55%":         {"SH-CREDIT-2024", Ask{On: day("2025-06-30"), NetLoss: yuan(1e6), FirstLoan: &no}, 550000},
		"上海 first loan":  {"SH-CREDIT-2024", Ask{On: day("2025-12-31"), NetLoss: yuan(1e6), FirstLoan: &yes}, 600000},
		"青岛 premium, 2% of 500万, first year": {"QD-PREMIUM", Ask{On: day("2026-01-01"), Principal: yuan(5e6), Premium: yuan(1e5), Year: 1}, 80000},
		"青岛 third year":                      {"QD-PREMIUM", Ask{On: day("2026-01-01"), Principal: yuan(5e6), Premium: yuan(1e5), Year: 3}, 40000},
		"北京 first year":                      {"BJ-INS-2020", Ask{On: day("2026-01-01"), Premium: yuan(25000), Year: 1}, 25000},
		"北京 fourth year":                     {"BJ-INS-2020", Ask{On: day("2026-01-01"), Premium: yuan(10000), Year: 4}, 5000},
		"广州 1% of 2亿":                        {"GZ-ISSUE-2023", Ask{On: day("2026-01-01"), Issue: yuan(2e8)}, 2e6},
		"广州 capped at 400万":                  {"GZ-ISSUE-2023", Ask{On: day("2026-01-01"), Issue: yuan(5e8)}, 4e6},
		"南京 2% capped at 200万":               {"NJ-ISSUE-2021", Ask{On: day("2026-01-01"), Issue: yuan(1e8)}, 2e6},
		"中山 bank keeps 26%":                  {"ZHONGSHAN", Ask{On: day("2026-01-01"), NetLoss: yuan(1000000.01)}, 740000.01},
		"德阳 below its stop":                  {"DEYANG", Ask{On: day("2026-01-01"), NetLoss: yuan(1e6), Overdue: yuan(4999999.99)}, 800000},
	} {
		s, err := ByID(c.id)
		if err != nil {
			t.Fatal(err)
		}
		c.ask.Firm, c.ask.Loan = "甲公司", "L"
		q, err := s.Quote(c.ask, nil)
		if err != nil || q.Verdict != Usable || q.Amount == nil || *q.Amount != *yuan(c.amount) {
			t.Errorf("%s: %+v, %v", name, q, err)
		}
	}
	s, _ := ByID("PBC-2024")
	q, err := s.Quote(Ask{On: day("2024-04-07"), Firm: "甲公司", Principal: yuan(1e7)}, nil)
	if err != nil || *q.CostAYear != *yuan(105000) {
		t.Errorf("a year of 6m at 1.75%%: %v, %v", q.CostAYear, err)
	}
}

// A scheme cannot be used a day outside its dates, and what nobody found cannot
// be worked out.
func TestClosed(t *testing.T) {
	t.Parallel()
	code := func(id, on string) string {
		s, _ := ByID(id)
		_, err := s.Quote(Ask{On: day(on), Firm: "甲公司", NetLoss: yuan(1)}, nil)
		if err == nil {
			return ""
		}
		return fault.Public(err).Code
	}
	for at, want := range map[string]string{"2020-07-07": "scheme.closed", "2020-07-08": "", "2023-07-13": "", "2023-07-14": "scheme.closed"} {
		if got := code("GZ-RISK-2020", at); got != want {
			t.Errorf("%s: %q", at, got)
		}
	}
	for _, id := range []string{"PD-ZHIYIDAI", "PD-RELIEF-2022", "SH-ADVANCE", "KR-IPPLUS", "PD-2011"} {
		if got := code(id, "2026-11-28"); got != "scheme.closed" {
			t.Errorf("%s: %q", id, got)
		}
	}
	s, _ := ByID("GZ-RISK-2020") // in force then, its ratio unknown
	if q, err := s.Quote(Ask{On: day("2021-01-01"), Firm: "甲公司", NetLoss: yuan(1e6)}, nil); err != nil || q.Verdict != Supply || q.Amount != nil {
		t.Errorf("%+v, %v", q, err)
	}
}

func TestBadAsks(t *testing.T) {
	t.Parallel()
	s := Scheme{ID: "X", Document: "文件", Instrument: InterestSubsidy, Ratio: number(.5), Until: day("2026-12-31")}
	good := Ask{On: day("2026-06-01"), Firm: "甲公司", Loan: "L", Principal: yuan(1e6), Rate: number(.04), From: day("2026-01-01"), To: day("2026-04-01")}
	for name, c := range map[string]struct {
		change func(*Scheme, *Ask)
		code   string
	}{
		"no day": {func(_ *Scheme, a *Ask) { a.On = calendar.Date{} }, "scheme.day"}, "no firm": {func(_ *Scheme, a *Ask) { a.Firm = " " }, "scheme.firm"},
		"negative": {func(_ *Scheme, a *Ask) { a.Principal = yuan(-1) }, "claim.amount"}, "rate": {func(_ *Scheme, a *Ask) { a.Rate = number(4) }, "rate.range"},
		"period": {func(_ *Scheme, a *Ask) { a.To = a.From }, "subsidy.period"}, "half a period": {func(_ *Scheme, a *Ask) { a.To = calendar.Date{} }, "subsidy.period"},
		"year": {func(_ *Scheme, a *Ask) { a.Year = -1 }, "scheme.policy_year"}, "closed": {func(_ *Scheme, a *Ask) { a.On = day("2027-01-01") }, "scheme.closed"},
		"no document": {func(s *Scheme, _ *Ask) { s.Document = "" }, "scheme.source"}, "instrument": {func(s *Scheme, _ *Ask) { s.Instrument = "gift" }, "scheme.instrument"},
		"ratio": {func(s *Scheme, _ *Ask) { s.Ratio = number(1.1) }, "scheme.ratio"}, "dates": {func(s *Scheme, _ *Ask) { s.From = day("2027-01-01") }, "scheme.dates"}, "cap": {func(s *Scheme, _ *Ask) { s.Budget = yuan(-1) }, "scheme.amount"},
	} {
		x, a := s, good
		c.change(&x, &a)
		if _, err := x.Quote(a, nil); fault.Public(err).Code != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever was used in whatever order: never more than the interest paid over the
// days in common, than a cap, nor than the budget, and never a day outside.
func TestSubsidyLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		stacks := true
		amount := func(label string) *money.Fen {
			if rapid.Bool().Draw(t, label+"?") {
				return nil
			}
			return yuan(float64(rapid.IntRange(0, 60000).Draw(t, label)))
		}
		start := day("2026-01-01")
		schemes := make([]Scheme, 2)
		for i := range schemes {
			schemes[i] = Scheme{
				ID: []string{"A", "B"}[i], Document: "文件", Instrument: InterestSubsidy, Ratio: number(rapid.Float64Range(0, 1).Draw(t, "ratio")), Stacks: &stacks,
				CapLoan: amount("cap loan"), CapFirm: amount("cap firm"), Budget: amount("budget"), From: start.AddDays(rapid.IntRange(0, 200).Draw(t, "from")),
			}
			schemes[i].Until = schemes[i].From.AddDays(rapid.IntRange(0, 400).Draw(t, "until"))
		}
		principal, rate := yuan(1e6), .05
		var used []Use
		covered := map[[2]string]map[calendar.Date]bool{}
		for range rapid.IntRange(1, 8).Draw(t, "uses") {
			s := &schemes[rapid.IntRange(0, 1).Draw(t, "which")]
			a := Ask{On: start.AddDays(rapid.IntRange(0, 700).Draw(t, "on")), Firm: rapid.SampledFrom([]string{"甲", "乙"}).Draw(t, "firm"), Loan: rapid.SampledFrom([]string{"1", "2"}).Draw(t, "loan"), Principal: principal, Rate: &rate}
			a.From = start.AddDays(rapid.IntRange(0, 300).Draw(t, "a"))
			a.To = a.From.AddDays(rapid.IntRange(1, 300).Draw(t, "b"))
			q, err := s.Quote(a, used)
			if outside := a.On.Before(s.From) || a.On.After(s.Until); outside != (fault.Public(err).Code == "scheme.closed") {
				t.Fatalf("used on %s, in force %s…%s: %v", a.On, s.From, s.Until, err)
			}
			if err != nil || q.Amount == nil {
				continue
			}
			key := [2]string{a.Firm, a.Loan}
			if covered[key] == nil {
				covered[key] = map[calendar.Date]bool{}
			}
			for d := a.From; d.Before(a.To); d = d.AddDays(1) {
				if !d.Before(s.From) && !d.After(s.Until) {
					covered[key][d] = true
				}
			}
			used = append(used, Use{Scheme: s.ID, Instrument: s.Instrument, Firm: a.Firm, Loan: a.Loan, Amount: *q.Amount, From: a.From, To: a.To, On: a.On})
		}
		byLoan, byFirm, byScheme, paid := map[[3]string]money.Fen{}, map[[2]string]money.Fen{}, map[string]money.Fen{}, map[[2]string]money.Fen{}
		for _, u := range used {
			byLoan[[3]string{u.Scheme, u.Firm, u.Loan}] += u.Amount
			byFirm[[2]string{u.Scheme, u.Firm}] += u.Amount
			byScheme[u.Scheme] += u.Amount
			paid[[2]string{u.Firm, u.Loan}] += u.Amount
			if u.Amount < 0 {
				t.Fatalf("negative: %+v", u)
			}
		}
		over := func(sum money.Fen, most *money.Fen) bool { return most != nil && sum > *most }
		for _, s := range schemes {
			if over(byScheme[s.ID], s.Budget) {
				t.Fatalf("budget of %s: %v > %v", s.ID, byScheme[s.ID], *s.Budget)
			}
			for k, sum := range byFirm {
				if k[0] == s.ID && over(sum, s.CapFirm) {
					t.Fatalf("firm cap of %v", k)
				}
			}
			for k, sum := range byLoan {
				if k[0] == s.ID && over(sum, s.CapLoan) {
					t.Fatalf("loan cap of %v", k)
				}
			}
		}
		for k, sum := range paid { // reckoned by the day, apart from the code; a fen of rounding a use
			if most := 1e6 * rate * float64(len(covered[k])) / 365; sum.Yuan() > most+.01*float64(len(used)) {
				t.Fatalf("%v: %v paid out, %v paid in", k, sum, most)
			}
		}
	})
}
