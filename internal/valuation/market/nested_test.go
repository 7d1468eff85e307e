package market

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"zhijia/internal/valuation/madeledger"
)

// TestNestedOnMadeLedgers holds the coverage that a ledger measures of itself,
// out of time, against the coverage on 2,000 deals nobody had seen.
func TestNestedOnMadeLedgers(t *testing.T) {
	for _, family := range []string{"tails", "lots", "messy"} {
		test := readLedger(t, family+"_test.csv.gz")
		deals := readLedger(t, family+"_200.csv")
		trials, err := Nested(Default(), deals, .8)
		if err != nil {
			t.Fatal(err)
		}
		all := Table(trials)[0]
		fitted, _, _, err := Default().calibrated(deals, 2025)
		if err != nil {
			t.Fatal(err)
		}
		v, err := Solve(fitted, deals, 2025)
		if err != nil {
			t.Fatal(err)
		}
		ready, in := fitted.Calibration.Ready(), 0.
		for i := range test {
			m, sd := v.expect(&test[i])
			if math.Abs(test[i].Log-m) <= ready.At(test[i].Market, .8).Half*sd {
				in++
			}
		}
		fresh := in / float64(len(test))
		t.Logf("%s 200: n %d of %d events, error %.2f before, %.2f after, covered %.2f [%.2f, %.2f], on fresh deals %.3f", family, all.Deals, all.Events, all.Before.MedianError, all.After.MedianError, all.After.Coverage, all.After.CoverageLow, all.After.CoverageHigh, fresh)
		if all.After.MedianError > all.Before.MedianError+.1 { // the shipped levels happen to be those of tails
			t.Errorf("%s: the ledger hurts: %.2f, before %.2f", family, all.After.MedianError, all.Before.MedianError)
		}
		if fresh < all.After.CoverageLow-.03 || fresh > all.After.CoverageHigh+.03 {
			t.Errorf("%s: the interval [%.2f, %.2f] is far from the coverage %.3f", family, all.After.CoverageLow, all.After.CoverageHigh, fresh)
		}
		// The order of the rows changes no bit.
		mixed := slices.Clone(deals)
		rand.New(rand.NewPCG(1, 2)).Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		again, err := Nested(Default(), mixed, .8)
		if err != nil || !slices.Equal(trials, again) {
			t.Errorf("%s: another order of the rows, another figure (%v)", family, err)
		}
	}
}

// TestNestedIntervalHolds draws ledgers of 200 from 2,000 made deals and looks
// how often the interval that a ledger states of its coverage holds the coverage
// on the deals it did not draw. ZHIJIA_REPEATS sets the number of ledgers.
func TestNestedIntervalHolds(t *testing.T) {
	repeats := 4
	if n, err := strconv.Atoi(os.Getenv("ZHIJIA_REPEATS")); err == nil {
		repeats = n
	}
	for _, family := range []string{"tails", "mix", "messy"} {
		all := readLedger(t, family+"_test.csv.gz")
		held, low, high, mean := 0, 1., 0., 0.
		for r := range repeats {
			rng := rand.New(rand.NewPCG(uint64(r), 7))
			rows := slices.Clone(all)
			rng.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
			deals, fresh := rows[:200], rows[200:]
			h, c := stateAndMeasure(t, deals, fresh)
			if h.Low <= c && c <= h.High {
				held++
			}
			low, high, mean = min(low, c), max(high, c), mean+c/float64(repeats)
		}
		t.Logf("%s: the interval holds in %d of %d; coverage on fresh deals %.3f to %.3f, mean %.3f", family, held, repeats, low, high, mean)
		if 4*held < 3*repeats {
			t.Errorf("%s: the interval holds in %d of %d", family, held, repeats)
		}
	}
}

// BenchmarkIntervalHolds draws 100 ledgers of each of four families that share no form with the estimator, in five markets,
// and counts those whose stated interval of the coverage holds the coverage on 5,000 fresh deals of the same family.
//
//	go test ./internal/valuation/market -run xxx -bench IntervalHolds -benchtime 1x
func BenchmarkIntervalHolds(b *testing.B) {
	for _, n := range []int{50, 200, 1000} {
		b.Run(fmt.Sprintf("deals=%d", n), func(b *testing.B) {
			for b.Loop() {
				for _, f := range madeledger.Families() {
					held, stated, width := 0, 0, 0.
					for seed := range uint64(100) {
						deals := madeDeals(madeledger.Draw(f, true, n, seed))
						h, c := stateAndMeasure(b, deals, madeDeals(madeledger.Fresh(f, true, 5000, seed)))
						if h.From == 0 {
							continue // too few trials: no coverage out of time is stated
						}
						stated++
						width += h.High - h.Low
						if h.Low <= c && c <= h.High {
							held++
						}
					}
					b.ReportMetric(float64(held), string(f)+"-held")
					b.ReportMetric(float64(stated), string(f)+"-stated")
					b.ReportMetric(width/float64(max(stated, 1)), string(f)+"-width")
				}
			}
		})
	}
}

// stateAndMeasure returns the coverage of the 80% range that a model calibrated on the deals states, and the coverage it
// has on fresh ones.
func stateAndMeasure(tb testing.TB, deals, fresh []Deal) (Held, float64) {
	trials, err := Nested(Default(), deals, .8)
	if err != nil {
		tb.Fatal(err)
	}
	fitted, _, err := Refit(Default(), deals, 2025, trials, .8)
	if err != nil {
		tb.Fatal(err)
	}
	v, err := Solve(fitted, deals, 2025)
	if err != nil {
		tb.Fatal(err)
	}
	ready, in := fitted.Calibration.Ready(), 0.
	for i := range fresh {
		m, sd := v.expect(&fresh[i])
		if math.Abs(fresh[i].Log-m) <= ready.At(fresh[i].Market, .8).Half*sd {
			in++
		}
	}
	return fitted.Calibration.Held[0], in / float64(len(fresh))
}
