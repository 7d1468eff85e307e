package calendar

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"zhijia/internal/fault"
)

// Days on both sides of holidays, bridge days and make-up days, as announced
// (国办发明电 for 2015, 2024, 2026; the exchanges' own notices for closures).
func TestWorkingDays(t *testing.T) {
	t.Parallel()
	w := Shipped()
	for _, c := range []struct {
		day           string
		work, trading bool
	}{
		{"2026-02-14", true, false},  // a Saturday worked before the Spring Festival
		{"2026-02-15", false, false}, // bridge day
		{"2026-02-23", false, false},
		{"2026-02-24", true, true},
		{"2026-10-01", false, false},
		{"2026-10-08", true, true},
		{"2026-10-10", true, false}, // a worked Saturday is no trading day
		{"2024-02-09", true, false}, // New Year's Eve: worked, exchanges closed
		{"2024-02-08", true, true},
		{"2026-11-28", false, false}, // a plain Saturday
		{"2026-11-27", true, true},
		{"2027-01-01", false, false},
		{"2027-02-14", true, false},
	} {
		d := MustParse(c.day)
		trading, err := w.TradingDay(d)
		if w.Workday(d) != c.work || err != nil || trading != c.trading {
			t.Errorf("%s: worked %v, traded %v, %v; want %v, %v", d, w.Workday(d), trading, err, c.work, c.trading)
		}
	}
	if got := w.NextWorkday(MustParse("2015-09-03")); got != MustParse("2015-09-06") { // the 70th anniversary of victory, then a worked Sunday
		t.Errorf("after the parade: %s", got)
	}
	for _, c := range []struct {
		from string
		n    int
		want string
	}{{"2026-09-30", 2, "2026-10-09"}, {"2026-02-24", -2, "2026-02-12"}, {"2026-12-31", 2, "2027-01-05"}, {"2027-02-04", 1, "2027-02-15"}, {"2024-02-08", 1, "2024-02-19"}} {
		if got, err := w.AddTradingDays(MustParse(c.from), c.n); err != nil || got.String() != c.want {
			t.Errorf("%s %+d: %s, %v, want %s", c.from, c.n, got, err, c.want)
		}
	}
	if _, err := w.TradingDay(MustParse("2020-01-02")); err == nil {
		t.Error("closures of 2020 are not on record")
	}
}

// Of a year without an announcement the law's own days are known, with those
// that fall on a weekend made up for, and the year is said to be provisional.
func TestProvisionalYears(t *testing.T) {
	t.Parallel()
	w := Shipped()
	for _, free := range []string{
		"2028-01-25", "2028-01-28", // from New Year's Eve to the third day
		"2028-04-04", "2028-05-01", "2028-05-02", "2028-05-29", "2028-10-02", "2028-10-05", // the mid-autumn festival falls on 3 October
		"2033-01-30", "2033-02-02", "1995-02-02", "2001-05-03",
	} {
		if d := MustParse(free); w.Workday(d) || !w.Provisional(d) {
			t.Errorf("%s: worked %v, provisional %v", free, w.Workday(d), w.Provisional(d))
		}
	}
	for _, worked := range []string{"2028-01-31", "2028-05-03", "2028-10-06", "1995-04-05", "2006-10-09"} {
		if d := MustParse(worked); !w.Workday(d) {
			t.Errorf("%s is worked", worked)
		}
	}
	if w.Provisional(MustParse("2027-12-31")) || !w.Provisional(MustParse("2028-01-01")) {
		t.Error("the last announced year is 2027")
	}
}

// What the law gives is among the days announced: the rule for years to come is
// held against the years on record. Twice the announcement made up otherwise
// for a weekend holiday: by the Friday before (2012), not at all (2015).
func TestLawAgainstAnnouncements(t *testing.T) {
	t.Parallel()
	w := Shipped()
	otherwise := []string{"2012-06-25", "2015-09-28"}
	for y := 2008; y <= 2027; y++ {
		law := statutory(y)
		for d := New(y, 1, 1); d.Year == y; d = d.AddDays(1) {
			if law[d.Month][d.Day] == holiday && w.Workday(d) && !slices.Contains(otherwise, d.String()) {
				t.Errorf("%s is free by law and worked by announcement", d)
			}
		}
	}
}

// An operator's year replaces the computed one, and leaves the others alone.
func TestExtend(t *testing.T) {
	t.Parallel()
	file := `{"version":"bank-2028","years":{"2028":{"source":"n","holidays":["2028-01-01..2028-01-03","2028-01-24..2028-01-31","2028-10-01..2028-10-08"],"workdays":["2028-01-22"]}}}`
	w, err := Shipped().Extend([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	if d := MustParse("2028-01-31"); w.Workday(d) || w.Provisional(d) || !w.Workday(MustParse("2028-01-22")) || Shipped().Workday(d) == w.Workday(d) {
		t.Error("the operator's year does not hold")
	}
	if w.Workday(MustParse("2026-10-01")) || w.Version != Shipped().Version+"+bank-2028" {
		t.Error("the shipped years are gone")
	}
	for name, bad := range map[string]string{
		"no json": `{`, "no version": `{"years":{"2028":{}}}`, "no years": `{"version":"x"}`,
		"half a year": `{"version":"x","years":{"2028":{"holidays":["2028-01-01"]}}}`,
		"other year":  strings.Replace(file, "2028-01-22", "2029-01-22", 1),
		"a weekday":   strings.Replace(file, `"2028-01-22"`, `"2028-02-01"`, 1),
		"twice":       strings.Replace(file, `"2028-01-22"`, `"2028-01-29"`, 1),
		"backwards":   strings.Replace(file, "2028-01-24..2028-01-31", "2028-01-31..2028-01-24", 1),
		"no date":     strings.Replace(file, "2028-01-22", "2028-02-30", 1),
	} {
		if _, err := Shipped().Extend([]byte(bad)); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Trading days are counted forth and back alike, and are always worked or on
// no record of closure.
func TestTradingDays(t *testing.T) {
	t.Parallel()
	w := Shipped()
	rapid.Check(t, func(t *rapid.T) {
		d := New(2025, 1, 1).AddDays(rapid.IntRange(0, 3000).Draw(t, "day"))
		n := rapid.IntRange(1, 40).Draw(t, "n")
		there, err := w.AddTradingDays(d, n)
		if err != nil {
			t.Fatal(err)
		}
		if ok, _ := w.TradingDay(there); !ok || !w.Workday(there) || !there.After(d) {
			t.Fatalf("%s and %d trading days: %s", d, n, there)
		}
		start, err := w.NextTradingDay(d)
		if err != nil || start.Before(d) {
			t.Fatal(start, err)
		}
		if back, err := w.AddTradingDays(there, -n); err != nil || back.After(d) || back.AddDays(20).Before(d) {
			t.Fatalf("%s, %d forth and back: %s, %v", d, n, back, err)
		}
		if next := w.NextWorkday(d); next.Before(d) || !w.Workday(next) || d.DaysUntil(next) > 10 {
			t.Fatalf("%s: next worked %s", d, next)
		}
	})
}

// A date of less precision ends with its period.
func TestLastDay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		day  string
		p    Precision
		want string
	}{{"2024-02-10", ToMonth, "2024-02-29"}, {"2024-02-10", ToYear, "2024-12-31"}, {"2024-02-10", ToDay, "2024-02-10"}, {"2024-02-10", "", "2024-02-10"}, {"2023-12-01", ToMonth, "2023-12-31"}} {
		if got := MustParse(c.day).LastDay(c.p).String(); got != c.want {
			t.Errorf("%s to the %s: %s, want %s", c.day, c.p, got, c.want)
		}
	}
	if !(Date{}).LastDay(ToYear).IsZero() {
		t.Error("an unknown date has a last day")
	}
}

func FuzzExtend(f *testing.F) {
	f.Add([]byte(`{"version":"x","years":{"2028":{"holidays":["2028-01-01..2028-01-03","2028-10-01"]}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if w, err := Shipped().Extend(b); err == nil && w.Workday(New(2026, 10, 1)) && !strings.Contains(string(b), "2026") {
			t.Fatal("the shipped years are gone")
		}
	})
}
