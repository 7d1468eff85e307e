package calendar

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2024-02-29": "2024-02-29", "2024.02.29": "2024-02-29", "2024/2/9": "2024-02-09", "20240229": "2024-02-29", "2024年2月29日": "2024-02-29",
		"2023-02-29": "", "2024-13-01": "", "": "", "29-02-2024": "", "2024-02-30": "",
	} {
		d, err := Parse(text)
		if (err == nil) != (want != "") || d.String() != want {
			t.Errorf("Parse(%q) = %s, %v, want %q", text, d, err, want)
		}
	}
}

// A period of months ends on the corresponding day, or on the last day of a
// month without one (专利法实施细则 rule 5).
func TestMonthsAndYears(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from   string
		months int
		want   string
	}{{"2024-01-31", 1, "2024-02-29"}, {"2023-01-31", 1, "2023-02-28"}, {"2024-02-29", 12, "2025-02-28"}, {"2024-02-29", 48, "2028-02-29"}, {"2024-03-31", -1, "2024-02-29"}, {"2024-01-15", -13, "2022-12-15"}} {
		if got := MustParse(c.from).AddMonths(c.months).String(); got != c.want {
			t.Errorf("%s and %d months: %s, want %s", c.from, c.months, got, c.want)
		}
	}
}

func TestYearsUntil(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want float64
	}{{"2020-01-01", "2021-01-01", 1}, {"2020-02-29", "2040-02-29", 20}, {"2021-01-01", "2021-07-02", 182.0 / 365}, {"2021-01-01", "2020-01-01", -1}, {"2020-06-01", "2020-06-01", 0}} {
		if got := MustParse(c.a).YearsUntil(MustParse(c.b)); got != c.want {
			t.Errorf("from %s to %s: %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

func TestRoundTrips(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := New(1900, time.January, 1).AddDays(rapid.IntRange(0, 100_000).Draw(t, "days"))
		b, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		var back Date
		if err := json.Unmarshal(b, &back); err != nil || back != d {
			t.Fatalf("%s reads as %s, %v", b, back, err)
		}
		v, err := d.Value()
		if err != nil {
			t.Fatal(err)
		}
		var scanned Date
		if err := scanned.Scan(v); err != nil || scanned != d {
			t.Fatalf("%v scans as %s, %v", v, scanned, err)
		}
		n := rapid.IntRange(-5000, 5000).Draw(t, "n")
		if got := d.DaysUntil(d.AddDays(n)); got != n {
			t.Fatalf("%d days are %d", n, got)
		}
		later := d.AddDays(1)
		if e := MustParse("2100-01-01"); d.YearsUntil(e) < later.YearsUntil(e) {
			t.Fatal("a later start has longer to go")
		}
	})
	var unknown Date
	if err := json.Unmarshal([]byte("null"), &unknown); err != nil || !unknown.IsZero() {
		t.Error("null is not unknown")
	}
	if v, _ := unknown.Value(); v != nil {
		t.Error("unknown is not NULL")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("2024-02-29")
	f.Fuzz(func(t *testing.T, s string) {
		d, err := Parse(s)
		if err == nil {
			if again, err := Parse(d.String()); err != nil || again != d {
				t.Fatalf("%q reads as %s, which reads as %s", s, d, again)
			}
		}
	})
}

// Half past midnight in Beijing is a new day although the machine's clock says
// the day before.
func TestInChina(t *testing.T) {
	t.Parallel()
	for at, want := range map[time.Time]Date{
		time.Date(2026, 11, 25, 15, 59, 59, 0, time.UTC): New(2026, 11, 25),
		time.Date(2026, 11, 25, 16, 30, 0, 0, time.UTC):  New(2026, 11, 26),
		{}: {},
	} {
		if got := InChina(at); got != want {
			t.Errorf("%s: %s, want %s", at, got, want)
		}
	}
}
