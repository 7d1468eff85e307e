package income

import (
	"math"
	"testing"

	"zhijia/internal/calendar"
	"zhijia/internal/valuation/terms"
)

// The mean of the draws is the distribution's mean, and correlation shows.
func TestDrawsAreJoint(t *testing.T) {
	t.Parallel()
	in := Inputs{timing: terms.MidPeriod, subject: Subject{Date: calendar.New(2026, 1, 1), Legal: 10, Licence: math.Inf(1)}, first: 1}
	for i := range in.dist {
		in.dist[i] = terms.Point(0)
	}
	in.forecast[ReliefFromRoyalty].spread = terms.Point(1)
	in.dist[iRoyalty], in.dist[iTax] = terms.Range(0, .1, .5).Dist(), terms.Range(.2, .3, .4).Dist()
	s, ok := newSampler(ReliefFromRoyalty, in.random(ReliefFromRoyalty), []Correlation{{A: "royalty_rate", B: "tax_rate", Rho: .8}}, 7)
	if !ok {
		t.Fatal("refused")
	}
	const n = 20000
	var xs, ys []float64
	u := Median()
	for range n {
		s.next(&u)
		xs, ys = append(xs, in.dist[iRoyalty].Quantile(u[iRoyalty])), append(ys, in.dist[iTax].Quantile(u[iTax]))
	}
	mean := func(v []float64) (m float64) {
		for _, x := range v {
			m += x / n
		}
		return m
	}
	mx, my := mean(xs), mean(ys)
	var sxy, sx, sy float64
	for i := range xs {
		sxy += (xs[i] - mx) * (ys[i] - my)
		sx += (xs[i] - mx) * (xs[i] - mx)
		sy += (ys[i] - my) * (ys[i] - my)
	}
	if math.Abs(mx-.2) > 4e-4 || math.Abs(my-.3) > 6e-4 {
		t.Errorf("means %v and %v, of triangles .2 and .3", mx, my)
	}
	if r := sxy / math.Sqrt(sx*sy); math.Abs(r-.78) > .03 { // of the scores .8; of the values a little less
		t.Errorf("correlation %v", r)
	}
	in.dist[iHazard] = terms.Range(0, .1, .2).Dist()
	impossible := []Correlation{{A: "royalty_rate", B: "tax_rate", Rho: .99}, {A: "tax_rate", B: "hazard", Rho: .99}, {A: "royalty_rate", B: "hazard", Rho: -.99}}
	if _, ok := newSampler(ReliefFromRoyalty, in.random(ReliefFromRoyalty), impossible, 1); ok {
		t.Error("an impossible correlation matrix was accepted")
	}
}
