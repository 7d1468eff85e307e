package patent

import (
	"testing"

	"zhijia/internal/calendar"

	"pgregory.net/rapid"
)

func TestExpiryGolden(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind   Kind
		filing string
		added  int
		want   string
	}{
		{Invention, "2013-11-05", 0, "2033-11-05"},
		{UtilityModel, "2013-11-05", 0, "2023-11-05"},
		{Design, "2021-05-31", 0, "2031-05-31"}, // the day before the reform
		{Design, "2021-06-01", 0, "2036-06-01"},
		{Invention, "2012-02-29", 0, "2032-02-29"},
		{UtilityModel, "2012-02-29", 0, "2022-02-28"},
		{Invention, "2013-11-05", 100, "2034-02-13"},
		{"", "2013-11-05", 0, ""},
		{Invention, "", 0, ""},
		{Invention, "1985-03-31", 0, ""}, // before the first Patent Law
		{Invention, "1985-04-01", 0, "2000-04-01"},
		{Invention, "1986-12-11", 0, "2001-12-11"}, // had ended when the treaty took effect
		{Invention, "1986-12-12", 0, "2006-12-12"}, // was in force on 2001-12-11
		{Invention, "1992-12-31", 0, "2012-12-31"},
		{Invention, "1993-01-01", 0, "2013-01-01"},
		{UtilityModel, "1992-12-31", 0, "2000-12-31"},
		{UtilityModel, "1993-01-01", 0, "2003-01-01"},
		{Design, "1992-12-31", 0, "2000-12-31"},
		{Design, "1993-01-01", 0, "2003-01-01"},
	} {
		if c.filing == "" {
			if got := Expiry(c.kind, calendar.Date{}, c.added); !got.IsZero() {
				t.Errorf("without a filing date: %s", got)
			}
			continue
		}
		if got := Expiry(c.kind, on(c.filing), c.added); got.String() != c.want {
			t.Errorf("%s %s +%d: %s, want %s", c.kind, c.filing, c.added, got, c.want)
		}
	}
}

func TestAdjustmentGolden(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind                       Kind
		filing, examination, grant string
		reasonable, applicant      int
		twin                       bool
		want                       int
	}{
		"four years after filing decide":  {Invention, "2015-01-10", "2015-06-01", "2020-01-10", 0, 0, false, 365}, // from 2019-01-10
		"three after the request decide":  {Invention, "2015-01-10", "2016-12-01", "2020-01-10", 0, 0, false, 40},  // from 2019-12-01
		"delays are taken off":            {Invention, "2015-01-10", "2015-06-01", "2020-01-10", 100, 65, false, 200},
		"more delay than time":            {Invention, "2015-01-10", "2015-06-01", "2020-01-10", 300, 100, false, 0},
		"granted in time":                 {Invention, "2015-01-10", "2015-06-01", "2018-01-10", 0, 0, false, 0},
		"a utility model of the same day": {Invention, "2015-01-10", "2015-06-01", "2020-01-10", 0, 0, true, 0},
		"no invention":                    {UtilityModel, "2015-01-10", "2015-06-01", "2020-01-10", 0, 0, false, 0},
	} {
		if got := Adjustment(c.kind, on(c.filing), on(c.examination), on(c.grant), c.reasonable, c.applicant, c.twin); got != c.want {
			t.Errorf("%s: %d days, want %d", name, got, c.want)
		}
	}
	if got := AdjustmentBy(on("2025-10-31"), calendar.Shipped()); got != on("2026-02-02") { // 31 January is a Saturday
		t.Errorf("ask by %s", got)
	}
}

func TestExtensionGolden(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		filing, approval string
		adjustment, want int
	}{
		"six years: already fourteen left":   {"2010-03-01", "2016-03-01", 0, 0},
		"six years and a half":               {"2010-03-01", "2016-09-01", 0, 184}, // 2030-03-01 to 2030-09-01
		"fourteen years after approval":      {"2010-03-01", "2017-03-01", 0, 365}, // not the 731 of approval less filing less five years
		"five years at most":                 {"2010-03-01", "2022-03-01", 0, 1826},
		"approved within five years":         {"2010-03-01", "2015-03-01", 0, 0},
		"an adjustment uses up the fourteen": {"2010-03-01", "2017-03-01", 300, 65},
		"approved after the end":             {"2000-03-01", "2021-03-01", 0, 0},
	} {
		got := Extension(on(c.filing), on(c.approval), c.adjustment)
		if got != c.want {
			t.Errorf("%s: %d days, want %d", name, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		filing := on("2000-01-01").AddDays(rapid.IntRange(0, 9000).Draw(t, "filing"))
		approval := filing.AddDays(rapid.IntRange(0, 7200).Draw(t, "approval"))
		adjustment := rapid.IntRange(0, 900).Draw(t, "adjustment")
		days := Extension(filing, approval, adjustment)
		expiry, base := Expiry(Invention, filing, adjustment+days), Expiry(Invention, filing, adjustment)
		if days < 0 || days > 0 && (expiry.After(approval.AddYears(14)) || expiry.After(base.AddYears(5))) {
			t.Fatalf("filed %s, approved %s, adjusted %d: %d days to %s", filing, approval, adjustment, days, expiry)
		}
	})
}

// The article is that of the law in force at filing.
func TestTermArticle(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind   Kind
		filing string
		want   string
	}{
		{Invention, "1986-12-11", "专利法（1984）第四十五条"},
		{Invention, "1986-12-12", "专利法（1984）第四十五条，国家知识产权局公告第80号（2001-12-11起延长至二十年）"},
		{UtilityModel, "1990-01-01", "专利法（1984）第四十五条（五年，可续展三年，按八年计）"},
		{Invention, "1993-01-01", "专利法（1992）第四十五条"},
		{Invention, "2001-06-30", "专利法（1992）第四十五条"},
		{Invention, "2001-07-01", "专利法（2000）第四十二条"},
		{UtilityModel, "2009-09-30", "专利法（2000）第四十二条"},
		{UtilityModel, "2009-10-01", "专利法（2008）第四十二条"},
		{Design, "2021-05-31", "专利法（2008）第四十二条"},
		{Design, "2021-06-01", "专利法（2020）第四十二条"},
		{"", "2021-06-01", ""},
	} {
		if got := TermArticle(c.kind, on(c.filing)); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.kind, c.filing, got, c.want)
		}
	}
}

// A pledge's ground, the watch's alert and one comparison agree on every day
// around the end of the right.
func TestDebtAgainstTerm(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		filing := on("2010-01-01").AddDays(rapid.IntRange(0, 3000).Draw(t, "filing"))
		expiry := Expiry(Invention, filing, 0)
		maturity := expiry.AddDays(rapid.IntRange(-3, 3).Draw(t, "days"))
		today := expiry.AddMonths(-12)
		w := Watched{Number: "CN1", Fees: FeeAccount{Kind: Invention, Filing: filing}, Loans: []Loan{{Reference: "C", Maturity: maturity, Since: today}}, Days: calendar.Shipped()}
		alerted := len(w.Alerts(today.AddDays(-1), today)) == 1
		met := CheckPledge(PledgeFacts{Expiry: expiry, Maturity: maturity}).Findings[5].Outcome == Met
		if want := !OutlivesDebt(expiry, maturity); alerted != want || met != want || want != (expiry.DaysUntil(maturity) >= 0) {
			t.Fatalf("ends %s, due %s: alert %v, ground %v", expiry, maturity, alerted, met)
		}
	})
}
