package patent

import (
	"testing"

	"pgregory.net/rapid"

	"zhijia/internal/calendar"
	"zhijia/internal/money"
)

func TestAnnualFeeGolden(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind     Kind
		from, to int
		yuan     int64
	}{
		{Invention, 1, 20, 82_300},
		{Invention, 8, 20, 74_000},
		{UtilityModel, 1, 10, 600*3 + 900*2 + 1200*3 + 2000*2},
		{Design, 1, 15, 600*3 + 900*2 + 1200*3 + 2000*2 + 3000*5},
		{Invention, 21, 25, 0},
		{UtilityModel, 11, 20, 0},
		{"", 1, 20, 0},
	} {
		var sum money.Fen
		for y := c.from; y <= c.to; y++ {
			sum += AnnualFee(c.kind, y)
		}
		if sum != money.Fen(c.yuan*100) {
			t.Errorf("%s years %d-%d: %s, want %d", c.kind, c.from, c.to, sum, c.yuan)
		}
	}
	paid := 7
	a := FeeAccount{Kind: Invention, Filing: on("2015-03-01"), Granted: on("2018-01-01"), PaidThrough: &paid}
	if cost, ok := a.CostToKeep(); !ok || cost != 74_000_00 {
		t.Errorf("cost to keep from year 8: %s %t", cost, ok)
	}
	// Granted in year 3 with 85 % off: years 3 to 12 pay 15 %.
	a.Reduction = 85
	for year, want := range map[int]money.Fen{2: 900_00, 3: 135_00, 4: 180_00, 12: 600_00, 13: 6000_00} {
		if got := a.Fee(year); got != want {
			t.Errorf("reduced year %d: %s, want %s", year, got, want)
		}
	}
	a.Reduction = 70
	if got := a.Fee(4); got != 360_00 {
		t.Errorf("joint applicants, year 4: %s", got)
	}
}

// Filed 1997-06-03, the fee of year 5 paid at grant: that of year 6 is due by
// 2002-06-03.
func TestFeeStateGolden(t *testing.T) {
	t.Parallel()
	paid := 5
	a := FeeAccount{Kind: Invention, Filing: on("1997-06-03"), Granted: on("2001-08-01"), PaidThrough: &paid}
	for _, c := range []struct {
		day       string
		status    FeeStatus
		zh        string
		surcharge money.Fen
	}{
		{"2002-03-04", FeesPaid, "正常", 0},
		{"2002-03-05", FeesDue90, "90天内到期", 0},
		{"2002-04-04", FeesDue60, "60天内到期", 0},
		{"2002-05-04", FeesDue30, "30天内到期", 0},
		{"2002-06-03", FeesDue30, "30天内到期", 0},
		{"2002-06-04", FeesGrace, "滞纳期第1月（+0%）", 0},
		{"2002-07-03", FeesGrace, "滞纳期第1月（+0%）", 0},
		{"2002-07-04", FeesGrace, "滞纳期第2月（+5%）", 60_00},
		{"2002-09-03", FeesGrace, "滞纳期第3月（+10%）", 120_00},
		{"2002-10-03", FeesGrace, "滞纳期第4月（+15%）", 180_00},
		{"2002-11-03", FeesGrace, "滞纳期第5月（+20%）", 240_00},
		{"2002-12-03", FeesGrace, "滞纳期第6月（+25%）", 300_00},
		{"2002-12-04", FeesRestorable, "已终止（可恢复）", 0},
		{"2003-02-08", FeesRestorable, "已终止（可恢复）", 0}, // a worked Saturday after the Spring Festival
		{"2003-02-09", FeesLapsed, "已终止", 0},
		{"2017-06-03", FeesOver, "保护期已届满，不再缴纳年费", 0},
		{"2001-07-31", FeesNotDue, "尚未授权，不缴纳年费", 0},
	} {
		s := a.On(on(c.day), calendar.Shipped())
		if s.Status != c.status || s.Zh != c.zh || s.Surcharge != c.surcharge {
			t.Errorf("%s: %s %s %s, want %+v", c.day, s.Status, s.Zh, s.Surcharge, c)
		}
		if s.Status == FeesLapsed && s.Lapsed != on("2002-06-03") {
			t.Errorf("lapsed as of %s", s.Lapsed)
		}
	}
	a.PaidThrough = nil
	if s := a.On(on("2002-05-04"), calendar.Shipped()); s.Status != FeesUnknown {
		t.Errorf("payments not known: %s", s.Status)
	}
	if s := a.On(on("2001-10-01"), calendar.Shipped()); s.Status != FeesPaid {
		t.Errorf("in the year of grant: %s", s.Status)
	}
}

func TestFeeLaws(t *testing.T) {
	t.Parallel()
	rank := map[FeeStatus]int{FeesNotDue: 0, FeesPaid: 1, FeesDue90: 2, FeesDue60: 3, FeesDue30: 4, FeesGrace: 5, FeesRestorable: 6, FeesLapsed: 7, FeesOver: 8}
	rapid.Check(t, func(t *rapid.T) {
		filing := calendar.New(1990, 1, 1).AddDays(rapid.IntRange(0, 12000).Draw(t, "filing"))
		kind := rapid.SampledFrom([]Kind{Invention, UtilityModel, Design}).Draw(t, "kind")
		paid := rapid.IntRange(1, TermYears(kind, filing)).Draw(t, "paid")
		a := FeeAccount{
			Kind: kind, Filing: filing, Granted: filing.AddDays(rapid.IntRange(0, 1500).Draw(t, "grant")), PaidThrough: &paid,
			Reduction: rapid.SampledFrom([]int{0, 70, 85}).Draw(t, "reduction"),
		}
		day := filing.AddDays(rapid.IntRange(0, 8000).Draw(t, "day"))
		s, next := a.On(day, calendar.Shipped()), a.On(day.AddDays(1), calendar.Shipped())
		if rank[next.Status] < rank[s.Status] || next.Month < s.Month && next.Status == FeesGrace {
			t.Fatalf("%s %s, then %s", day, s.Zh, next.Zh)
		}
		full := a
		full.Reduction = 0
		reduced, _ := a.CostToKeep()
		whole, _ := full.CostToKeep()
		if reduced > whole || reduced < 0 {
			t.Fatalf("reduced %s of %s", reduced, whole)
		}
		// Paying one more year never makes matters worse.
		more := paid + 1
		a.PaidThrough = &more
		if better := a.On(day, calendar.Shipped()); rank[better.Status] > rank[s.Status] {
			t.Fatalf("%s: paid %d %s, paid %d %s", day, paid, s.Zh, more, better.Zh)
		}
	})
}

// A period that ends on a day on which the office is closed ends on the first
// working day after it, which may be a worked Sunday; the right still ends as
// of the anniversary.
func TestFeePeriodsEndOnWorkdays(t *testing.T) {
	t.Parallel()
	for day, want := range map[string]string{
		"2026-01-31": "2026-02-02", // Saturday
		"2026-08-02": "2026-08-03", // Sunday
		"2026-01-01": "2026-01-04", // Thursday, New Year; the Sunday after is worked
		"2021-01-01": "2021-01-04", // Friday, New Year, then a weekend
		"2026-05-01": "2026-05-06", // five days of Labour Day
		"2026-10-01": "2026-10-08", // a week of National Day
		"2025-10-03": "2025-10-09", // with the mid-autumn festival
		"2026-02-14": "2026-02-14", // a worked Saturday
		"2026-02-16": "2026-02-24",
		"2026-06-03": "2026-06-03",
	} {
		if got := calendar.Shipped().NextWorkday(on(day)); got != on(want) {
			t.Errorf("%s: %s, want %s", day, got, want)
		}
	}
	paid := 10
	a := FeeAccount{Kind: Invention, Filing: on("2016-01-31"), Granted: on("2019-01-01"), PaidThrough: &paid}
	for _, c := range []struct {
		day    string
		status FeeStatus
		month  int
	}{
		{"2026-01-31", FeesDue30, 0},                               // Saturday, the anniversary
		{"2026-02-02", FeesDue30, 0},                               // Monday: in time
		{"2026-02-03", FeesGrace, 1},                               //
		{"2026-02-28", FeesGrace, 1}, {"2026-03-02", FeesGrace, 2}, // 28 February is a worked Saturday
		{"2026-07-31", FeesGrace, 6}, {"2026-08-01", FeesRestorable, 0}, // 31 July is a Friday
		{"2026-09-30", FeesRestorable, 0}, {"2026-10-01", FeesLapsed, 0}, // 30 September is a Wednesday
	} {
		s := a.On(on(c.day), calendar.Shipped())
		if s.Status != c.status || s.Month != c.month || s.Due != on("2026-01-31") || s.PayBy != on("2026-02-02") {
			t.Errorf("%s: %+v", c.day, s)
		}
	}
	if s := a.On(on("2027-01-01"), calendar.Shipped()); s.Lapsed != on("2026-01-31") {
		t.Errorf("the right ended as of %s", s.Lapsed)
	}
}
