package calendar

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// Published examples: ISDA's 1998 memorandum for actual/actual (1 November 2003
// to 1 May 2004), the bond basis of 30/360 with month ends.
func TestDayCounts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		by       DayCount
		from, to string
		want     float64
	}{
		{ActualActual, "2003-11-01", "2004-05-01", 61.0/365 + 121.0/366},
		{ActualActual, "1999-02-01", "1999-07-01", 150.0 / 365},
		{Actual365, "2027-02-20", "2027-05-20", 89.0 / 365},
		{Actual365, "2024-01-01", "2025-01-01", 366.0 / 365},
		{Thirty360, "2007-01-15", "2007-01-30", 15.0 / 360},
		{Thirty360, "2007-01-31", "2007-03-31", 60.0 / 360},
		{Thirty360, "2006-08-31", "2007-02-28", 178.0 / 360},
		{Thirty360, "2026-11-20", "2027-02-20", 0.25},
	} {
		if got, err := c.by.Years(MustParse(c.from), MustParse(c.to)); err != nil || math.Abs(got-c.want) > 1e-15 {
			t.Errorf("%s from %s to %s: %v, want %v (%v)", c.by, c.from, c.to, got, c.want, err)
		}
	}
	if _, err := DayCount("act360x").Years(MustParse("2026-01-01"), MustParse("2026-02-01")); err == nil {
		t.Error("an unknown convention has a length")
	}
	rapid.Check(t, func(t *rapid.T) { // stretches add up
		a := New(2000, 1, 1).AddDays(rapid.IntRange(0, 12_000).Draw(t, "a"))
		b := a.AddDays(rapid.IntRange(0, 3000).Draw(t, "b"))
		c := b.AddDays(rapid.IntRange(0, 3000).Draw(t, "c"))
		for _, by := range []DayCount{Actual365, ActualActual} {
			x, _ := by.Years(a, b)
			y, _ := by.Years(b, c)
			if z, _ := by.Years(a, c); math.Abs(x+y-z) > 1e-12 {
				t.Fatalf("%s: %v and %v are not %v", by, x, y, z)
			}
		}
	})
}

func TestRoll(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ day, by, want string }{
		{"2027-02-20", "following", "2027-02-22"}, // Saturday
		{"2027-02-20", "", "2027-02-20"},
		{"2027-02-20", "preceding", "2027-02-19"},
		{"2026-10-01", "following", "2026-10-08"},          // the national holiday
		{"2026-10-31", "modified_following", "2026-10-30"}, // Saturday, Monday is in November
		{"2026-10-31", "following", "2026-11-02"},
		{"2026-10-30", "modified_following", "2026-10-30"},
	} {
		if got, err := Shipped().Roll(MustParse(c.day), c.by); err != nil || got.String() != c.want {
			t.Errorf("%s %s: %s, want %s (%v)", c.day, c.by, got, c.want, err)
		}
	}
	if _, err := Shipped().Roll(MustParse("2026-10-31"), "backwards"); err == nil {
		t.Error("an unknown convention moves a day")
	}
}
