package accuracy

import (
	"cmp"
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestErrorTable(t *testing.T) {
	t.Parallel()
	price := []float64{100, 100, 100, 100}
	est := []float64{100, 125, 50, 400} // e = 0, ln 1.25, -ln 2, ln 4
	s, err := LogErrors(est, price, nil, Options{Iterations: 200})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "bias", s.MedianLogError.Value, math.Log(1.25)/2, 1e-12)
	near(t, "median |e|", s.MedianAbsLogError.Value, (math.Log(1.25)+math.Log(2))/2, 1e-12)
	near(t, "within 25", s.Within25.Value, 0.5, 0)
	near(t, "within 100", s.Within100.Value, 0.75, 0)
	near(t, "MdAPE", s.MdAPE.Value, 0.375, 1e-12)
	near(t, "PE30", s.PE30.Value, 0.5, 0)
	// Clopper-Pearson of 2 in 4: [0.0676, 0.9324] (R: binom.test(2, 4)).
	near(t, "within 25 low", s.Within25.Low, 0.06758599, 1e-6)
	near(t, "within 25 high", s.Within25.High, 0.93241401, 1e-6)
	for _, bad := range [][2][]float64{{nil, nil}, {{1}, {1, 2}}, {{-1}, {1}}, {{1}, {math.Inf(1)}}, {{math.NaN()}, {1}}} {
		if _, err := LogErrors(bad[0], bad[1], nil, Options{}); err == nil {
			t.Errorf("%v accepted", bad)
		}
	}
	one, err := LogErrors([]float64{2}, []float64{1}, nil, Options{Iterations: 10})
	if err != nil || one.FSD.Defined() || one.MedianLogError.HasInterval() {
		t.Errorf("one sample: %+v, %v", one, err)
	}
	if _, err := json.Marshal(one); err != nil {
		t.Error(err)
	}
}

// Scaling estimates and prices alike changes no error statistic.
func TestErrorTableIsScaleFree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 60).Draw(t, "n")
		c := rapid.Float64Range(1e-3, 1e6).Draw(t, "scale")
		est, price := lognormalPairs(n, rapid.Uint64().Draw(t, "seed"))
		a, err := LogErrors(est, price, nil, Options{Iterations: 20})
		if err != nil {
			t.Fatal(err)
		}
		for i := range est {
			est[i] *= c
			price[i] *= c
		}
		b, err := LogErrors(est, price, nil, Options{Iterations: 20})
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(a.MedianAbsLogError.Value-b.MedianAbsLogError.Value) > 1e-9 || math.Abs(a.MdAPE.High-b.MdAPE.High) > 1e-9*(1+a.MdAPE.High) {
			t.Errorf("%v and %v", a.MedianAbsLogError, b.MedianAbsLogError)
		}
	})
}

// Golden scores of docs/accuracy.md; Winkler [11, 13] at 80%.
func TestScores(t *testing.T) {
	t.Parallel()
	near(t, "Winkler inside", Winkler(11, 13, 12, 0.8), 2, 1e-12)
	near(t, "Winkler above", Winkler(11, 13, 13.5, 0.8), 7, 1e-12)
	v, err := CRPSNormal(0, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "CRPS at the mean", v, (math.Sqrt2-1)/math.Sqrt(math.Pi), 1e-12)
	// A large sample of the same normal has the same score.
	rng := rand.New(rand.NewPCG(1, 1))
	draws := make([]float64, 40_000)
	for i := range draws {
		draws[i] = rng.NormFloat64()
	}
	for _, y := range []float64{-1.3, 0, 2} {
		a, _ := CRPSNormal(0, 1, y)
		near(t, "CRPS of draws", crpsOfDraws(draws, y), a, 0.02)
	}
	if _, err := CRPSNormal(0, -1, 0); err == nil {
		t.Error("negative sd accepted")
	}
}

// crpsOfDraws is the continuous ranked probability score of equally likely
// draws by its definition: mean|x - y| - mean|x - x'|/2 over all pairs.
func crpsOfDraws(draws []float64, actual float64) float64 {
	x := slices.Sorted(slices.Values(draws))
	m := float64(len(x))
	var toActual, spread float64
	for i, v := range x {
		toActual += math.Abs(v - actual)
		spread += v * (2*float64(i+1) - m - 1)
	}
	return toActual/m - spread/(m*m)
}

func TestIntervals(t *testing.T) {
	t.Parallel()
	tab, err := Intervals([]float64{0, 0, 0, 0}, []float64{1, 1, 1, 2}, []float64{0.5, -1, 3, 2}, 0.8, nil, Options{Iterations: 100})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "coverage", tab.Coverage.Value, 0.5, 0)
	near(t, "below", tab.Below, 0.25, 0)
	near(t, "width", tab.MeanWidth.Value, 1.25, 1e-12)
	near(t, "Winkler", tab.Winkler.Value, (1+11+21+2)/4.0, 1e-12)
	if _, err := Intervals([]float64{2}, []float64{1}, []float64{1}, 0.8, nil, Options{}); err == nil {
		t.Error("low above high accepted")
	}
}

func TestCalibration(t *testing.T) {
	t.Parallel()
	u := []float64{0.05, 0.2, 0.5, 0.7, 0.95}
	c, err := Calibration(u, []float64{0.5, 0.8}, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "50%", c[0].Coverage.Value, 0.4, 1e-12)
	near(t, "80%", c[1].Coverage.Value, 0.6, 1e-12)
	if _, err := Calibration([]float64{1.2}, []float64{0.5}, nil, Options{}); err == nil {
		t.Error("u above 1 accepted")
	}
}

func TestRankCorrelations(t *testing.T) {
	t.Parallel()
	x := []float64{1, 2, 2, 3, 4}
	y := []float64{1, 3, 2, 3, 5}
	tau, err := KendallTauB(x, y)
	if err != nil {
		t.Fatal(err)
	}
	// C = 8, D = 0, one tied pair in x, one in y: 8/√(9·9).
	near(t, "tau-b", tau, 8.0/9, 1e-12)
	rho, err := Spearman(x, y)
	if err != nil {
		t.Fatal(err)
	}
	// Mid-ranks 1 2.5 2.5 4 5 and 1 3.5 2 3.5 5: Σ dx dy = 8.75, Σ dx² = Σ dy² = 9.5.
	near(t, "rho", rho, 8.75/9.5, 1e-12)
	if v, _ := Spearman([]float64{1, 1, 1}, []float64{1, 2, 3}); !math.IsNaN(v) {
		t.Errorf("constant column: %v", v)
	}
	// A correlation that is only between cohorts vanishes inside them.
	var xs, ys []float64
	var cohort []string
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range 90 {
		c := i % 3
		xs, ys = append(xs, float64(10*c)+rng.Float64()), append(ys, float64(10*c)+rng.Float64())
		cohort = append(cohort, string(rune('a'+c)))
	}
	r, err := RankCorrelations(xs, ys, cohort, nil, Options{Iterations: 200})
	if err != nil {
		t.Fatal(err)
	}
	if r.Spearman.Value < 0.8 || math.Abs(r.WithinCohortSpearman.Value) > 0.3 || r.Cohorts != 3 {
		t.Errorf("overall %v, within %v of %d cohorts", r.Spearman, r.WithinCohortSpearman, r.Cohorts)
	}
}

// Knight's algorithm agrees with counting pairs.
func TestKendallAgainstPairs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 40).Draw(t, "n")
		x, y := make([]float64, n), make([]float64, n)
		for i := range x {
			x[i], y[i] = float64(rapid.IntRange(0, 8).Draw(t, "x")), float64(rapid.IntRange(0, 8).Draw(t, "y"))
		}
		var s, nx, ny float64
		for i := range x {
			for j := range i {
				dx, dy := cmp.Compare(x[i], x[j]), cmp.Compare(y[i], y[j])
				s += float64(dx * dy)
				nx += float64(dx * dx)
				ny += float64(dy * dy)
			}
		}
		want := s / math.Sqrt(nx*ny)
		got, err := KendallTauB(x, y)
		if err != nil {
			t.Fatal(err)
		}
		if math.IsNaN(want) != math.IsNaN(got) || math.Abs(got-want) > 1e-12 {
			t.Errorf("tau-b %v, want %v", got, want)
		}
	})
}

func TestRetrieval(t *testing.T) {
	t.Parallel()
	r, err := ScoreRetrieval([]bool{false, true, true, false}, 3, 4)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "recall", r.Recall, 2.0/3, 1e-12)
	near(t, "precision", r.Precision, 0.5, 1e-12)
	near(t, "MRR", r.MRR, 0.5, 1e-12)
	near(t, "nDCG", r.NDCG, (1/math.Log2(3)+0.5)/(1+1/math.Log2(3)+0.5), 1e-12)
	if _, err := ScoreRetrieval(nil, 0, 10); err == nil {
		t.Error("no relevant document accepted")
	}
}

func TestAgreement(t *testing.T) {
	t.Parallel()
	k, err := QuadraticKappa([]int{0, 1, 2, 2}, []int{0, 1, 2, 1}, 3)
	if err != nil {
		t.Fatal(err)
	}
	// Grades of A: 1, 1, 2 times; of B: 1, 2, 1. Observed Σ(i−j)² = 1; expected
	// Σ n_i m_j (i−j)² / 4 = (6 + 2 + 12) / 4 = 5.
	near(t, "kappa", k, 1-1/5.0, 1e-12)
	// The worked example of Shrout and Fleiss (1979): ICC(2,1) = 0.29.
	icc, err := ICC21([][]float64{{9, 2, 5, 8}, {6, 1, 3, 2}, {8, 4, 6, 8}, {7, 1, 2, 6}, {10, 5, 6, 9}, {6, 2, 4, 7}})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "ICC(2,1)", icc, 0.28976378, 1e-7)
	if _, err := QuadraticKappa([]int{3}, []int{0}, 3); err == nil {
		t.Error("grade out of range accepted")
	}
}

// On 30 skewed samples both intervals of a mean cover a little less than
// stated (the percentile about 85% at 90%), as the literature says.
func TestBootstrapCoverage(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(5, 6))
	cover := map[Method]int{}
	const runs = 300
	for range runs {
		v := make([]float64, 30)
		for i := range v {
			v[i] = rng.ExpFloat64()
		}
		for _, m := range []Method{Percentile, BCa} {
			f, err := Bootstrap(len(v), nil, func(at []int) float64 {
				s := 0.0
				for _, i := range at {
					s += v[i]
				}
				return s / float64(len(at))
			}, m, Options{Level: 0.9, Iterations: 500, Seed: rng.Uint64()})
			if err != nil {
				t.Fatal(err)
			}
			if f.Low <= 1 && 1 <= f.High {
				cover[m]++
			}
		}
	}
	for m, k := range cover {
		if share := float64(k) / runs; share < 0.80 || share > 0.96 {
			t.Errorf("%s: a 90%% interval covered in %.1f%% of %d runs", m, 100*share, runs)
		}
	}
}

func TestFigureJSONRoundTrip(t *testing.T) {
	t.Parallel()
	for _, f := range []Figure{undefined("why"), point(2), {Value: 1, Low: 0, High: 2}} {
		b, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		var g Figure
		if err := json.Unmarshal(b, &g); err != nil {
			t.Fatal(err)
		}
		if g.Defined() != f.Defined() || g.HasInterval() != f.HasInterval() || g.Reason != f.Reason {
			t.Errorf("%s became %+v", b, g)
		}
	}
}

// The closed form of large samples agrees with resampling.
func TestLargeSampleRankIntervals(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(8, 9))
	x, y := make([]float64, 400), make([]float64, 400)
	for i := range x {
		x[i] = rng.NormFloat64()
		y[i] = x[i] + rng.NormFloat64()
	}
	drawn, err := RankCorrelations(x, y, nil, nil, Options{Iterations: 1000, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	closed, err := largeSample(x, y, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		a, b Figure
	}{{"Spearman", drawn.Spearman, closed.Spearman}, {"Kendall", drawn.Kendall, closed.Kendall}} {
		near(t, c.name, c.b.Value, c.a.Value, 1e-12)
		near(t, c.name+" width", c.b.High-c.b.Low, c.a.High-c.a.Low, 0.03)
	}
}
