package lending

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"zhijia/internal/money"
)

// A slide of a tenth each time is seen as soon as it adds up, once a level,
// and again after it was told in red.
func TestSlowSlide(t *testing.T) {
	p := Policies()["TEMPLATE"]
	w := Reference{Base: 1000 * wan}
	value := 1000 * wan
	var levels []string
	for range 8 {
		value = value.MulRate(.9)
		var a *Alert
		w, a, _ = p.Follow(w, value)
		level := ""
		if a != nil {
			level = a.Level
		}
		levels = append(levels, level)
	}
	if want := []string{"", "yellow", "red", "", "yellow", "red", "", "yellow"}; !slices.Equal(levels, want) {
		t.Errorf("%q, want %q", levels, want)
	}
	// A rise lifts the base: what was won and is lost again is told.
	w, _, rebased := p.Follow(Reference{Base: 100 * wan, Alerted: "yellow"}, 200*wan)
	if w != (Reference{Base: 200 * wan}) || !rebased {
		t.Errorf("%+v", w)
	}
	if _, a, _ := p.Follow(w, 150*wan); a == nil || a.Level != "red" || a.Old != 200*wan {
		t.Errorf("%+v", a)
	}
}

// However a value moves, the value is never a quarter or more below the last
// one told in red, recognised or reached since, without an alert in red.
func TestFollowLaws(t *testing.T) {
	p := Policies()["TEMPLATE"]
	rapid.Check(t, func(t *rapid.T) {
		reference := money.Fen(rapid.Int64Range(1, 1e12).Draw(t, "first"))
		w := Reference{Base: reference}
		yellow := false
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			now := money.Fen(rapid.Int64Range(0, 2*int64(w.Base)).Draw(t, "value"))
			next, a, rebased := p.Follow(w, now)
			fall := w.Base - now
			switch {
			case fall >= w.Base.MulRate(.25) && fall > 0:
				if a == nil || a.Level != "red" || next.Base != now || !rebased {
					t.Fatalf("%s below %s: %+v", now, w.Base, a)
				}
				yellow = false
			case fall >= w.Base.MulRate(.15) && fall > 0:
				if (a != nil) == yellow || next.Base != w.Base {
					t.Fatalf("%s below %s, told before %v: %+v", now, w.Base, yellow, a)
				}
				yellow = true
			default:
				if a != nil {
					t.Fatalf("%s after %s: %+v", now, w.Base, a)
				}
				if now > w.Base {
					yellow = false
				}
			}
			if next.Base < now {
				t.Fatalf("the base %s lies below the value %s", next.Base, now)
			}
			w = next
			if w.Base == 0 {
				return
			}
		}
	})
}

func TestStanding(t *testing.T) {
	half, third := .5, .3
	in := CoverInput{On: today, Maturity: today.AddYears(3), Loan: 600 * wan, Items: []CoverItem{
		{Number: "CN1", Value: 1000 * wan, Low: 500 * wan, Expiry: today.AddYears(10), Ceiling: &half}, {Number: "CN2", Value: 400 * wan, Low: 100 * wan, Expiry: today.AddYears(10), Ceiling: &third},
	}}
	codes := func(discount float64) (out []string) {
		for _, c := range Standing(in, discount) {
			if c.Zh == "" || c.Level == "" {
				t.Errorf("%+v", c)
			}
			out = append(out, c.Code)
		}
		return out
	}
	// 1,000·50% + 400·30% = 620 bears 600 today and less than that in three years.
	if got := codes(.12); !slices.Equal(got, []string{"cover"}) {
		t.Errorf("%v", got)
	}
	if got := codes(0); got != nil {
		t.Errorf("without a look ahead: %v", got)
	}
	in.Loan = 620*wan + 1
	if got := codes(.12); !slices.Equal(got, []string{"breach"}) {
		t.Errorf("a fen over the mixed ceiling: %v", got)
	}
	in.Loan, in.Items[0].Expiry = 10*wan, today.AddYears(2)
	if got := codes(.12); !slices.Equal(got, []string{"expiry:CN1"}) {
		t.Errorf("%v", got)
	}
}
