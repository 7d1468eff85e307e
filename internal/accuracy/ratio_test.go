package accuracy

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"zhijia/internal/fault"
)

func near(t *testing.T, what string, got, want, rel float64) {
	t.Helper()
	if !(math.Abs(got-want) <= rel*max(1, math.Abs(want))) {
		t.Errorf("%s = %.17g, want %.17g", what, got, want)
	}
}

// The worked tables of the IAAO Standard on Ratio Studies, in
// testdata/ratio_study_cases.json.
func TestRatioStudyPublishedTables(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/ratio_study_cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			ID       string
			Estimate []float64
			Price    []float64 `json:"sale_price"`
			Expected struct {
				Median   float64    `json:"median_ratio"`
				Mean     float64    `json:"mean_ratio"`
				Weighted float64    `json:"weighted_mean_ratio"`
				COD      float64    `json:"cod"`
				PRD      float64    `json:"prd"`
				PRB      float64    `json:"prb"`
				PRBCI    [2]float64 `json:"prb_ci95"`
				MKI      float64    `json:"mki"`
				KI       float64    `json:"ki"`
				VEI      *float64   `json:"vei_iaao_proxy_half_half"`
			}
		}
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	for _, c := range file.Cases {
		s, err := StudyRatios(c.Estimate, c.Price, nil, Options{Iterations: 500, Workers: 2})
		if err != nil {
			t.Fatal(err)
		}
		w := c.Expected
		near(t, c.ID+" median", s.MedianRatio.Value, w.Median, 1e-12)
		near(t, c.ID+" mean", s.MeanRatio.Value, w.Mean, 1e-12)
		near(t, c.ID+" weighted mean", s.WeightedMeanRatio.Value, w.Weighted, 1e-12)
		near(t, c.ID+" COD", s.COD.Value, w.COD, 1e-12)
		near(t, c.ID+" PRD", s.PRD.Value, w.PRD, 1e-12)
		near(t, c.ID+" PRB", s.PRB.Value, w.PRB, 1e-12)
		near(t, c.ID+" PRB low", s.PRB.Low, w.PRBCI[0], 1e-12)
		near(t, c.ID+" PRB high", s.PRB.High, w.PRBCI[1], 1e-12)
		near(t, c.ID+" MKI", s.MKI.Value, w.MKI, 1e-12)
		near(t, c.ID+" KI", s.KI.Value, w.KI, 1e-12)
		if w.VEI != nil {
			near(t, c.ID+" VEI", s.VEI.Value, *w.VEI, 1e-12)
		} else if s.VEI.Defined() || s.VEI.Reason == "" {
			t.Errorf("%s: VEI of %d samples = %v, want undefined with a reason", c.ID, s.N, s.VEI.Value)
		}
	}
}

func TestVEIGroups(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]int{19: 0, 20: 2, 50: 2, 51: 4, 500: 4, 501: 10, 502: 10} {
		est, price := lognormalPairs(n, 1)
		s, err := StudyRatios(est, price, nil, Options{Iterations: 20})
		if err != nil {
			t.Fatal(err)
		}
		if len(s.VEIGroups) != want || s.VEI.Defined() != (want > 0) {
			t.Errorf("n = %d: %d groups, VEI %v", n, len(s.VEIGroups), s.VEI)
		}
	}
}

func lognormalPairs(n int, seed uint64) (est, price []float64) {
	rng := rand.New(rand.NewPCG(seed, 0))
	est, price = make([]float64, n), make([]float64, n)
	for i := range est {
		price[i] = math.Exp(12 + 1.5*rng.NormFloat64())
		est[i] = price[i] * math.Exp(0.5*rng.NormFloat64())
	}
	return est, price
}

// The counting bootstrap must agree with the definition: build the resample,
// study it afresh.
func TestReplicateMeasuresWhatTheResampleIs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 700).Draw(t, "n")
		est, price := lognormalPairs(n, rapid.Uint64().Draw(t, "seed"))
		if rapid.Bool().Draw(t, "rounded") { // ties
			for i := range est {
				est[i], price[i] = math.Ceil(est[i]/1e5)*1e5, math.Ceil(price[i]/1e5)*1e5
			}
		}
		var clusters []string
		if rapid.Bool().Draw(t, "clustered") {
			for i := range est {
				clusters = append(clusters, string(rune('a'+i%17)))
			}
		}
		s, err := newSorted(est, price, clusters)
		if err != nil {
			t.Fatal(err)
		}
		r := newReplicate(s)
		rng := stream(7, rapid.IntRange(0, 1000).Draw(t, "draw"))
		r.draw(&rng)
		draws := make([][]float64, drawKinds)
		for k := range draws {
			draws[k] = make([]float64, 1)
		}
		r.measure(draws, 0)
		var e2, p2 []float64
		for _, i := range r.s.byPrice { // price order settles ties as the counts do
			for range r.count[i] {
				e2, p2 = append(e2, s.estimate[i]), append(p2, s.price[i])
			}
		}
		if clusters == nil && len(e2) != n {
			t.Fatalf("drew %d of %d", len(e2), n)
		}
		if len(e2) < 2 {
			return
		}
		fresh, err := newSorted(e2, p2, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := fresh.points(0.95)
		for kind, f := range map[int]Figure{
			drawMedian: want.MedianRatio, drawMean: want.MeanRatio, drawWeighted: want.WeightedMeanRatio,
			drawCOD: want.COD, drawPRD: want.PRD, drawMKI: want.MKI, drawKI: want.KI,
		} {
			got := draws[kind][0]
			if !f.Defined() {
				continue
			}
			if math.Abs(got-f.Value) > 1e-8*max(1, math.Abs(f.Value)) {
				t.Errorf("statistic %d = %v, want %v", kind, got, f.Value)
			}
		}
	})
}

func TestRatioStudyDoesNotDependOnWorkersOrOrder(t *testing.T) {
	t.Parallel()
	est, price := lognormalPairs(300, 3)
	one, err := StudyRatios(est, price, nil, Options{Iterations: 300, Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	three, err := StudyRatios(est, price, nil, Options{Iterations: 300, Seed: 5, Workers: 3})
	if err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(one)
	b, _ := json.Marshal(three)
	if string(a) != string(b) {
		t.Errorf("1 worker and 3 workers differ:\n%s\n%s", a, b)
	}
	slices.Reverse(est)
	slices.Reverse(price)
	rev, err := StudyRatios(est, price, nil, Options{Iterations: 300, Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "COD of the reversed sample", rev.COD.Value, one.COD.Value, 1e-12)
	near(t, "MKI of the reversed sample", rev.MKI.Value, one.MKI.Value, 1e-12)
}

func TestInvalidSamplesAreErrors(t *testing.T) {
	t.Parallel()
	ok := []float64{1, 2, 3}
	for name, c := range map[string]struct {
		est, price []float64
		code       string
	}{
		"unequal lengths": {ok, ok[:2], "accuracy.unequal_lengths"},
		"empty":           {nil, nil, "accuracy.empty"},
		"one sample":      {ok[:1], ok[:1], "accuracy.too_few"},
		"zero price":      {ok, []float64{1, 0, 2}, "accuracy.not_positive"},
		"zero estimate":   {[]float64{1, 0, 2}, ok, "accuracy.not_positive"},
		"negative":        {ok, []float64{1, -1, 2}, "accuracy.not_positive"},
		"NaN":             {ok, []float64{1, math.NaN(), 2}, "accuracy.nan"},
		"+Inf":            {[]float64{1, math.Inf(1), 2}, ok, "accuracy.infinite"},
		"-Inf":            {[]float64{1, math.Inf(-1), 2}, ok, "accuracy.infinite"},
		"overflow":        {[]float64{1e300, 1, 1}, []float64{1e-300, 1, 1}, "accuracy.out_of_range"},
	} {
		_, err := StudyRatios(c.est, c.price, nil, Options{})
		if fault.KindOf(err) != fault.Invalid || err == nil || fault.Public(err).Code != c.code {
			t.Errorf("%s: err = %v, want %s", name, err, c.code)
		}
	}
	if _, err := StudyRatios(ok, ok, nil, Options{Level: 1.5}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("level 1.5: %v", err)
	}
	if _, err := StudyRatios(ok, ok, []string{"a"}, Options{}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("short clusters: %v", err)
	}
}

func TestConstantSamples(t *testing.T) {
	t.Parallel()
	same := []float64{5, 5, 5, 5}
	s, err := StudyRatios(same, same, nil, Options{Iterations: 50})
	if err != nil {
		t.Fatal(err)
	}
	if s.COD.Value != 0 || s.MedianRatio.Value != 1 || s.PRD.Value != 1 {
		t.Errorf("perfect estimates: %+v", s)
	}
	if s.MKI.Defined() || s.PRB.Defined() || s.PRB.Reason == "" || s.MKI.Reason == "" {
		t.Errorf("equal prices have no MKI and no PRB: %+v %+v", s.MKI, s.PRB)
	}
}

func TestTrim(t *testing.T) {
	t.Parallel()
	est := []float64{1, 1.1, 0.9, 1.05, 0.95, 1, 1, 50}
	price := []float64{1, 1, 1, 1, 1, 1, 1, 1}
	if keep := Trim(est, price); !slices.Equal(keep, []int{0, 1, 2, 3, 4, 5, 6}) {
		t.Errorf("kept %v", keep)
	}
}

func BenchmarkRatioStudy100kDraws2000(b *testing.B) {
	est, price := lognormalPairs(100_000, 1)
	for b.Loop() {
		if _, err := StudyRatios(est, price, nil, Options{Iterations: 2000, Workers: 2}); err != nil {
			b.Fatal(err)
		}
	}
}
