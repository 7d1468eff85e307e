package valuation

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"testing"
)

// The gradient against central differences, and the likelihood against the
// textbook form computed by elimination.
func TestMarginalLikelihoodGradient(t *testing.T) {
	t.Parallel()
	as := DefaultAssumptions()
	deals := generatedMarket{seed: 3, signal: 1, noise: .7}.deals(80)
	blocks := as.blocks(deals, FitOptions{Date: testDate, Seed: 1, Similarity: cosine})
	x := []float64{-.3, -1.2, -.2}
	grad := make([]float64, 3)
	for _, b := range blocks {
		b.logLik(x, grad)
	}
	at := func(x []float64) (s float64) {
		for _, b := range blocks {
			s += b.logLik(x, nil)
		}
		return s
	}
	for i := range x {
		up, down := slices.Clone(x), slices.Clone(x)
		up[i] += 1e-5
		down[i] -= 1e-5
		want(t, "gradient", grad[i], (at(up)-at(down))/2e-5, 1e-5)
	}
	// Two deals by hand.
	b := &block{n: 2, resid: []float64{1, -.5}, fixed: []float64{2, 0, 1, 3}, distance: []float64{0, 0, .4, 0}, noise: []float64{1, 2}}
	s, l, n := math.Exp(2*x[0]), math.Exp(x[1]), math.Exp(2*x[2])
	c11, c22, c12 := 2+s+n, 3+s+2*n, 1+s*math.Exp(-.4/l)
	det := c11*c22 - c12*c12
	quad := (c22*1 - 2*c12*(-.5)*1 + c11*.25) / det
	want(t, "two deals", b.logLik(x, nil), -math.Log(2*math.Pi)-.5*math.Log(det)-.5*quad, 1e-12)
}

func TestFitMarket(t *testing.T) {
	t.Parallel()
	as := DefaultAssumptions()
	deals := generatedMarket{seed: 5, signal: 1.2, noise: .6}.deals(400)
	k, cal, err := FitMarket(as, deals, FitOptions{Date: testDate, Seed: 9})
	if err != nil {
		t.Fatal(err)
	}
	if c := k.Card; c.N != 400 || c.TestN != 40 || c.LogLik < c.Baseline || c.TestMdALE == nil || *c.TestMdALE >= *c.TestPriorLE || len(c.DataHash) != 64 {
		t.Errorf("card %+v", c)
	}
	if len(cal.Scores) != 40 {
		t.Errorf("%d calibration scores", len(cal.Scores))
	}
	// Deterministic, and blind to the order of the deals.
	slices.Reverse(deals)
	again, _, err := FitMarket(as, deals, FitOptions{Date: testDate, Seed: 9})
	if err != nil {
		t.Fatal(err)
	}
	x, _ := json.Marshal(k)
	y, _ := json.Marshal(again)
	if !bytes.Equal(x, y) {
		t.Errorf("the order of the deals changed the fit:\n%s\n%s", x, y)
	}
	// The fitted assumptions survive their file and calibrate an opinion.
	as.Kernel, as.Calibration, as.Version = k, cal, k.Card.Version
	raw, err := json.Marshal(as)
	if err != nil {
		t.Fatal(err)
	}
	back, err := LoadAssumptions(raw)
	if err != nil {
		t.Fatal(err)
	}
	if back.Hash() != as.Hash() {
		t.Error("the file does not hold all of the assumptions")
	}
	c := conclude(t, anAssignment(), someEvidence(20), back)
	if c.Value.Calibration != "conformal" || c.Value.N != 40 || c.Value.Coverage == nil || c.Versions["kernel"] != k.Card.Version {
		t.Errorf("calibration %q n %d", c.Value.Calibration, c.Value.N)
	}
	if _, _, err := FitMarket(as, deals[:5], FitOptions{Date: testDate}); err == nil {
		t.Error("five deals were fitted")
	}
}

// Without a measured pair of similarities the posterior of two equal deals at
// the subject itself follows by hand: a normal mean with known variances.
func TestKrigingByHand(t *testing.T) {
	t.Parallel()
	as := DefaultAssumptions()
	as.Trend, as.Market.Outlier.Value, as.Kernel.Year.Value, as.Market.MinSD.Value = nil, 0, 0, 0
	asg, ev := anAssignment(), Evidence{Comparables: []Comparable{aDeal("a", 9e5, 1, 2024), aDeal("b", 4e5, 1, 2024)}}
	ev.Pairwise = [][]float64{{1, 1}, {1, 1}}
	sub := as.subjectOf(&asg, asg.Subject, nil)
	deals, _ := as.admit(&asg, &ev, &sub)
	p := as.krige(deals, ev.Pairwise, &sub, false, true, 0)
	tau, noise := 2.3, deals[0].noise
	signal := tau*tau - as.Kernel.Noise.Value*as.Kernel.Noise.Value // level and surface together
	mu := math.Log(300000)
	r := (math.Log(9e5)+math.Log(4e5))/2 - mu
	w := signal / (signal + noise/2)
	want(t, "mean", p.mean, mu+w*r, 1e-9)
	want(t, "variance", p.sd*p.sd, signal*(1-w)+as.Kernel.Noise.Value*as.Kernel.Noise.Value, 1e-9)
	want(t, "weights", p.weight[0]+p.weight[1], w, 1e-9)
	// Leaving one out, recomputed from scratch.
	one := as.krige(deals[1:], nil, &sub, false, true, 0)
	want(t, "leave-one-out", p.mean+p.loo[0], one.mean, 1e-9)
}
