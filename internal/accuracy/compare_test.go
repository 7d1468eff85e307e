package accuracy

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// simulate makes the losses of two runs of n samples in clusters of the given
// size. The difference of a sample is shift + cluster effect + own noise; a
// no-op has shift 0.
func simulate(rng *rand.Rand, n, size int, shift float64) (a, b []float64, clusters []string) {
	effect := 0.0
	for i := range n {
		if i%size == 0 {
			effect = 0.3 * rng.NormFloat64()
		}
		loss := math.Abs(rng.NormFloat64())
		a = append(a, loss)
		b = append(b, loss+shift+effect+0.1*rng.NormFloat64())
		clusters = append(clusters, fmt.Sprint("deal ", i/size))
	}
	return a, b, clusters
}

// A no-op change is not flagged in at least 95 of 100 comparisons, clustered
// or not, few samples or many; a worse run is flagged when the shift is at
// the minimum detectable effect or above.
func TestComparisonOfNoOpAndWorseBySimulation(t *testing.T) {
	t.Parallel()
	for _, design := range []struct{ n, size int }{{25, 1}, {400, 1}, {120, 4}, {500, 10}, {60, 10}} {
		rng := rand.New(rand.NewPCG(uint64(design.n), uint64(design.size)))
		count := func(shift float64) (flagged, worse int) {
			for range 100 {
				a, b, clusters := simulate(rng, design.n, design.size, shift)
				if design.size == 1 {
					clusters = nil
				}
				c, err := Compare(a, b, clusters, Options{Iterations: 1000, Seed: rng.Uint64()})
				if err != nil {
					t.Fatal(err)
				}
				if c.Verdict != Inconclusive {
					flagged++
				}
				if c.Verdict == Worse {
					worse++
				}
			}
			return flagged, worse
		}
		if flagged, _ := count(0); flagged > 5 {
			t.Errorf("n = %d in clusters of %d: a no-op was flagged %d times of 100", design.n, design.size, flagged)
		}
		units := float64(design.n / design.size)
		df := units - 1
		sd := math.Sqrt(0.3*0.3 + 0.1*0.1/float64(design.size))
		mde := (tQuantile(0.5+flagLevel/2, df) + tQuantile(flagPower, df)) * sd / math.Sqrt(units)
		if _, worse := count(mde); worse < 65 {
			t.Errorf("n = %d in clusters of %d: a shift at the minimum detectable effect was flagged %d times of 100, want about 80", design.n, design.size, worse)
		}
		if _, worse := count(2 * mde); worse < 98 {
			t.Errorf("n = %d in clusters of %d: a shift of twice the minimum detectable effect was flagged %d times of 100", design.n, design.size, worse)
		}
	}
}

// Treating clustered samples as independent is the mistake the cluster column
// exists for: the same no-op is then flagged far too often.
func TestIgnoringClustersWouldCryWolf(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	naive := 0
	for range 100 {
		a, b, _ := simulate(rng, 500, 10, 0)
		c, err := Compare(a, b, nil, Options{Iterations: 500})
		if err != nil {
			t.Fatal(err)
		}
		if c.Verdict != Inconclusive {
			naive++
		}
	}
	if naive < 20 {
		t.Errorf("the naive comparison was flagged %d times of 100; the simulation shows no clustering", naive)
	}
}

func TestComparisonEdges(t *testing.T) {
	t.Parallel()
	same := []float64{1, 2, 3, 4, 5, 6}
	c, err := Compare(same, same, nil, Options{Iterations: 100})
	if err != nil || c.Verdict != Inconclusive || c.Difference.Value != 0 {
		t.Errorf("identical runs: %+v, %v", c, err)
	}
	rounded := []float64{1 + 1e-9, 2 + 1e-9, 3 + 1e-9, 4 + 1e-9, 5 + 1e-9, 6 + 1e-9}
	if c, err = Compare(same, rounded, nil, Options{Iterations: 100}); err != nil || c.Verdict != Inconclusive {
		t.Errorf("rounding was flagged: %+v, %v", c, err)
	}
	c, err = Compare(same, []float64{2, 3, 4, 5, 6, 7}, []string{"a", "a", "a", "b", "b", "b"}, Options{Iterations: 100})
	if err != nil || c.Verdict != TooFew {
		t.Errorf("two clusters: %+v, %v", c, err)
	}
	if _, err := json.Marshal(c); err != nil {
		t.Error(err)
	}
	if _, err := Compare(same, same[:3], nil, Options{}); err == nil {
		t.Error("unequal lengths accepted")
	}
	if _, err := Compare(same, []float64{1, 2, 3, 4, 5, math.NaN()}, nil, Options{}); err == nil {
		t.Error("NaN accepted")
	}
}
