package income

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"zhijia/internal/calendar"
	"zhijia/internal/valuation/terms"
)

var methods = []Method{ReliefFromRoyalty, ExcessEarningsMethod, WithAndWithout}

// limits are the four terms that can end an income, each set to a number of
// years, exactly or as a narrow range about it.
var limits = map[string]func(s *Subject, f *Facts, q *terms.Quantity){
	"legal":    func(s *Subject, _ *Facts, q *terms.Quantity) { s.Legal = q.Dist().Quantile(.5) },
	"licence":  func(s *Subject, _ *Facts, q *terms.Quantity) { s.Licence = q.Dist().Quantile(.5) },
	"contract": func(_ *Subject, f *Facts, q *terms.Quantity) { f.ContractTerm = q },
	"economic": func(_ *Subject, f *Facts, q *terms.Quantity) { f.EconomicLife = q },
}

// everyFact gives each method ten years of a million, from the year of T.
func everyFact() (Subject, *Facts) {
	f := &Facts{
		Royalty: terms.Exactly(1), Tax: terms.Exactly(.25), Discount: terms.Exactly(.1), Hazard: terms.Exactly(0), Decay: terms.Exactly(0), EconomicLife: terms.Exactly(9),
		ExcessEarnings: &ExcessEarnings{},
	}
	for y := 2026; y < 2036; y++ {
		row := terms.YearQuantity{Year: y, Quantity: *terms.Exactly(1e6)}
		f.Revenue, f.ExcessEarnings.Earnings, f.With = append(f.Revenue, row), append(f.ExcessEarnings.Earnings, row), append(f.With, row)
	}
	return Subject{Date: calendar.New(2026, 1, 1), Legal: 12, Licence: math.Inf(1)}, f
}

func resolve(s Subject, f *Facts) *Inputs {
	rules := Rules{Convention: terms.MidPeriod, RevenueSD: terms.Figure{Value: .3}}
	return Resolve(s, f, &rules, &RoyaltyTable{Cap: terms.Figure{Value: 1}}, &DiscountTable{High: terms.Figure{Value: 1}}, TableScore{R: .5}, &BuildUp{})
}

func simulated(t rapid.TB, m Method, s Subject, f *Facts) Result {
	in := resolve(s, f)
	r, ok := in.Simulate(m, nil, 512, 1)
	if in.Missing[m] != "" || !ok {
		t.Fatalf("method %d: %q, %v", m, in.Missing[m], ok)
	}
	return r
}

// The shortest of the four terms binds in every method, and binds alike
// whether it, or the term beside it, is known exactly or as a narrow range.
func TestTheShortestTermBindsInEveryMethod(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		short := rapid.Float64Range(.2, 5).Draw(t, "short")
		long := short + rapid.Float64Range(.5, 4).Draw(t, "beyond")
		for _, m := range methods {
			want := math.NaN()
			for binding, bind := range limits {
				for other, let := range limits {
					if other == binding {
						continue
					}
					for _, how := range [][2]bool{{false, false}, {true, false}, {false, true}, {true, true}} {
						as := func(v float64, ranged bool) *terms.Quantity {
							if ranged {
								return terms.Range(v*.999, v, v*1.001)
							}
							return terms.Exactly(v)
						}
						s, f := everyFact()
						bind(&s, f, as(short, how[0]))
						let(&s, f, as(long, how[1]))
						v := simulated(t, m, s, f).P50
						if math.IsNaN(want) {
							want = v
						}
						if math.Abs(v/want-1) > .01 {
							t.Fatalf("method %d: %s of %.2f binds beside %s of %.2f (ranges %v): %.0f yuan, elsewhere %.0f", m, binding, short, other, long, how, v, want)
						}
					}
				}
			}
		}
	})
}

// A term of two to ten years has a downside and an upside.
func TestATermAsARangeMovesBothWays(t *testing.T) {
	t.Parallel()
	for _, m := range methods {
		for _, name := range []string{"contract", "economic"} {
			s, f := everyFact()
			limits[name](&s, f, terms.Range(2, 5, 8))
			found := false
			for _, b := range simulated(t, m, s, f).Tornado {
				if b.Input != name+"_term" && b.Input != name+"_life" {
					continue
				}
				found = true
				in := resolve(s, f)
				mid := in.At(m, Median())
				if v := m.Value(&mid); !(b.Low < v*.99 && b.High > v*1.01) {
					t.Errorf("method %d, %s: %.0f at p10, %.0f at the median, %.0f at p90", m, name, b.Low, v, b.High)
				}
			}
			if !found {
				t.Errorf("method %d does not draw the %s term", m, name)
			}
		}
	}
}

// Already ended, ends today, ends tomorrow, not begun: for every term and
// every method.
func TestTermsAtTheirEnds(t *testing.T) {
	t.Parallel()
	day := 1 / 365.25
	for _, m := range methods {
		s, f := everyFact()
		whole := simulated(t, m, s, f).P50
		for name, set := range limits {
			for what, c := range map[string]struct {
				years     float64
				low, high float64
			}{"already ended": {-1, 0, 0}, "ends today": {0, 0, 0}, "ends tomorrow": {day, 1, 3000}} {
				for _, ranged := range []bool{false, true} {
					s, f := everyFact()
					q := terms.Exactly(c.years)
					if ranged && c.years > 0 {
						q = terms.Range(c.years*.9, c.years, c.years*1.1)
					}
					set(&s, f, q)
					if v := simulated(t, m, s, f).P50; v < c.low || v > c.high {
						t.Errorf("method %d, %s %s: %v yuan, want %v to %v", m, name, what, v, c.low, c.high)
					}
				}
			}
		}
		last := whole
		for _, begin := range []float64{0, day, 2, 8.9, 9, 20} { // the economic life is 9 years
			for _, ranged := range []bool{false, true} {
				s, f := everyFact()
				if f.ContractFrom = terms.Exactly(begin); ranged && begin > 0 {
					f.ContractFrom = terms.Range(begin*.999, begin, begin*1.001)
				}
				v := simulated(t, m, s, f).P50
				if v > last*(1+1e-3) || begin >= 9.1 && v != 0 || begin == 2 && math.Abs(v/whole-1) < .1 {
					t.Errorf("method %d, a contract that begins in %v years (range %v): %v yuan after %v, %v when it runs", m, begin, ranged, v, last, whole)
				}
				last = v
			}
		}
	}
}

// A right whose fees exceed what it earns is left to lapse: no income is
// negative, and no fee to come lowers one below what it earns before.
func TestFeesAreAnOptionToKeep(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := Draw{
			Forecast: []float64{rapid.Float64Range(0, 1e6).Draw(t, "sales")}, Extend: true, Growth: rapid.Float64Range(-.5, .2).Draw(t, "growth"), Scale: 1, Step: 1,
			Royalty: rapid.Float64Range(0, .1).Draw(t, "royalty"), Tax: .25, Discount: rapid.Float64Range(.01, .4).Draw(t, "rate"), First: rapid.Float64Range(.01, 1).Draw(t, "first"),
			Life: rapid.Float64Range(0, 20).Draw(t, "life"), Cost: rapid.Float64Range(0, 1e4).Draw(t, "cost"), Convention: terms.MidPeriod,
		}
		v := d.Relief()
		longer, dearer := d, d
		longer.Life++
		dearer.Cost *= 1.5
		if v < 0 || dearer.Relief() > v*(1+1e-12) {
			t.Fatalf("%v, with dearer fees %v", v, dearer.Relief())
		}
		// A last broken year pays its fee for its part only.
		if w := longer.Relief(); w < v*(1-1e-9) {
			t.Fatalf("a longer life is worth less: %v after %v", w, v)
		}
	})
}
