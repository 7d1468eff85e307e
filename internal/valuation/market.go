package valuation

import (
	"math"
	"slices"

	"zhijia/internal/patent"
	"zhijia/internal/valuation/terms"
)

// Estimators of the market approach, all behind [Assumptions.estimate]. The
// first is the product's; the others are the baselines it must beat.
var Estimators = [...]string{"kriging", "prior", "class_median", "nearest", "kernel_shrink", "quality_ratio", "hedonic"}

// prediction is a log-normal predictive distribution of the subject's unit
// price, with what each deal did to it.
type prediction struct {
	mean, sd float64   // of ln yuan
	weight   []float64 // of each deal's residual
	residual []float64 // ln price less its own prior mean
	loo      []float64 // change of mean if the deal were left out
	noiseSD  []float64
	nEff     float64
	source   float64    // posterior mean of the source intercept
	share    [4]float64 // of the variance: level, surface, noise, widening
}

// krige is the market approach: local kriging with an informative prior.
//
//	y_i = μ(population) + x_i'β + b·press_i + f_i + g(age_i) + e_i
//
// β has the trend priors, b the source prior, f the kernel of the similarity,
// g a random walk back in time, e noise by deal quality. The level of each
// population is itself uncertain, so that with no deal at all the prediction
// is the population prior exactly. Everything being normal, the posterior is
// the kriging system C w = k (Rasmussen, Williams 2006, 2.23-2.27), and the
// leave-one-out change is w_i·α_i/[C⁻¹]_ii (ibid. 5.12). Deals whose leave-
// one-out error exceeds the outlier bound get a wider noise and the system is
// solved once more, a normal scale mixture that keeps one absurd price from
// moving the value.
func (a *Assumptions) krige(deals []deal, pairwise [][]float64, sub *subjectFacts, applySource, surface bool, widened int) prediction {
	n := len(deals)
	k := &a.Kernel
	sf2, sn2, ell := k.Signal.Value*k.Signal.Value, k.Noise.Value*k.Noise.Value, k.Length.Value
	if !surface {
		sn2 += sf2
		sf2 = 0
	}
	mu0, tau0 := math.Log(sub.pop.Median.Value), sub.pop.LogSD.Value
	level0 := levelVariance(tau0, sf2+sn2)
	widen := float64(widened) * a.Market.WidenVariance.Value
	p := prediction{mean: mu0}
	if n == 0 {
		p.sd = math.Sqrt(level0 + sf2 + sn2 + widen)
		p.source = a.Source.Mean.Value
		p.share = [4]float64{level0, sf2, sn2, widen}
		return p
	}
	trend := a.trend()
	cross := a.Market.CrossPopulation.Value
	srcVar := a.Source.SD.Value * a.Source.SD.Value
	year := k.Year.Value * k.Year.Value

	buf := make([]float64, 3*n*n+7*n)
	c, inv, smooth := buf[:n*n], buf[n*n:2*n*n], buf[2*n*n:3*n*n]
	rest := buf[3*n*n:]
	take := func() []float64 { v := rest[:n:n]; rest = rest[n:]; return v }
	kvec, resid, alpha, weight, loo, noise, level := take(), take(), take(), take(), take(), take(), take()
	for i := range deals {
		d := &deals[i]
		level[i] = math.Sqrt(levelVariance(d.tau, sf2+sn2))
		m := d.mu
		for f := range trend {
			m += trend[f].Mean * d.dx[f]
		}
		if applySource && d.press {
			m += a.Source.Mean.Value
		}
		resid[i] = d.y - m
		same := cross
		if d.pop == sub.pop.ID {
			same = 1
		}
		kvec[i] = math.Sqrt(level0)*level[i]*same + sf2*math.Exp(-(1-d.sim)/ell)
		noise[i] = d.noise
		if !surface {
			noise[i] += k.Signal.Value * k.Signal.Value
		}
	}
	for i := range deals {
		di := &deals[i]
		for j := 0; j <= i; j++ {
			dj := &deals[j]
			same := cross
			if di.pop == dj.pop {
				same = 1
			}
			v := level[i]*level[j]*same + year*min(di.age, dj.age)
			if sf2 > 0 {
				s := 1.0
				if i != j {
					s = pairSimilarity(pairwise, di, dj)
				}
				v += sf2 * math.Exp(-(1-s)/ell)
			}
			for f := range trend {
				if x := di.dx[f] * dj.dx[f]; x != 0 {
					v += trend[f].SD * trend[f].SD * x
				}
			}
			if applySource && di.press && dj.press {
				v += srcVar
			}
			smooth[i*n+j] = v
		}
	}
	jitter := 0.0
	solve := func() {
		for {
			copy(c, smooth)
			for i := 0; i < n; i++ {
				c[i*n+i] += noise[i] + jitter
			}
			if cholesky(c, n) {
				break
			}
			// Similarities that are not a Gram matrix can make C indefinite;
			// the doubt they cause is noise.
			jitter = max(2*jitter, 1e-6*(sf2+sn2))
		}
		invertLower(c, inv, n)
		mulInverse(inv, resid, alpha, n)
		mulInverse(inv, kvec, weight, n)
	}
	solve()
	if bound := a.Market.Outlier.Value; bound > 0 && n > 2 {
		wide := false
		for i := 0; i < n; i++ {
			if t := math.Abs(alpha[i]) / math.Sqrt(inverseDiagonal(inv, i, n)); t > bound {
				noise[i] += (t*t/(bound*bound) - 1) / inverseDiagonal(inv, i, n)
				wide = true
			}
		}
		if wide {
			solve()
		}
	}
	reduction, sumAbs, sumSq, press := 0.0, 0.0, 0.0, 0.0
	for i := 0; i < n; i++ {
		p.mean += weight[i] * resid[i]
		reduction += weight[i] * kvec[i]
		loo[i] = -weight[i] * alpha[i] / inverseDiagonal(inv, i, n)
		sumAbs += math.Abs(weight[i])
		sumSq += weight[i] * weight[i]
		if deals[i].press {
			press += alpha[i]
		}
		noise[i] = math.Sqrt(noise[i] + jitter)
	}
	if sumSq > 0 {
		p.nEff = sumAbs * sumAbs / sumSq
	}
	p.source = a.Source.Mean.Value + srcVar*press
	known := max(level0+sf2-reduction, 0)
	floor := a.Market.MinSD.Value * a.Market.MinSD.Value
	p.sd = math.Sqrt(max(known+sn2, floor) + widen)
	// What the deals leave unknown of level and surface, in their prior ratio.
	p.share = [4]float64{known * level0 / (level0 + sf2), known * sf2 / (level0 + sf2), max(sn2, floor-known), widen}
	p.weight, p.residual, p.loo, p.noiseSD = weight, resid, loo, noise
	return p
}

// levelVariance is what is left of a population's variance for its unknown
// level once the surface and the noise have theirs; a tenth at least.
func levelVariance(tau, inner float64) float64 { return max(tau*tau-inner, 0.1*tau*tau) }

// pairSimilarity of two deals: as measured, or, when it was not, the product
// of their similarities to the subject (conditionally independent given it,
// which keeps the matrix positive definite).
func pairSimilarity(m [][]float64, a, b *deal) float64 {
	if a.at < len(m) && b.at < len(m[a.at]) {
		if s := m[a.at][b.at]; !math.IsNaN(s) {
			return min(max(s, 0), 1)
		}
	}
	return a.sim * b.sim
}

// cholesky factors the lower triangle of c (n×n, row-major) in place; false
// when it is not positive definite.
func cholesky(c []float64, n int) bool {
	for j := 0; j < n; j++ {
		cj := c[j*n : j*n+j+1]
		for i := j; i < n; i++ {
			ci := c[i*n : i*n+j+1]
			s := ci[j]
			for k, v := range cj[:j] {
				s -= ci[k] * v
			}
			if i == j {
				if !(s > 1e-12) {
					return false
				}
				ci[j] = math.Sqrt(s)
			} else {
				ci[j] = s / cj[j]
			}
		}
	}
	return true
}

// invertLower writes L⁻¹ (lower) of the factor l into inv.
func invertLower(l, inv []float64, n int) {
	for i := 0; i < n; i++ {
		row := inv[i*n : i*n+i+1]
		clear(row)
		for k, v := range l[i*n : i*n+i] {
			for j, w := range inv[k*n : k*n+k+1] {
				row[j] -= v * w
			}
		}
		d := 1 / l[i*n+i]
		for j := range row[:i] {
			row[j] *= d
		}
		row[i] = d
	}
}

// mulInverse writes C⁻¹ x = L⁻ᵀ(L⁻¹ x) into out.
func mulInverse(inv, x, out []float64, n int) {
	clear(out)
	for i := 0; i < n; i++ {
		row := inv[i*n : i*n+i+1]
		t := 0.0
		for j, v := range row {
			t += v * x[j]
		}
		for j, v := range row {
			out[j] += v * t
		}
	}
}

// inverseDiagonal returns [C⁻¹]_ii = Σ_k (L⁻¹_ki)².
func inverseDiagonal(inv []float64, i, n int) float64 {
	s := 0.0
	for k := i; k < n; k++ {
		s += inv[k*n+i] * inv[k*n+i]
	}
	return s
}

// estimate runs one estimator of [Estimators].
func (a *Assumptions) estimate(method string, deals []deal, pairwise [][]float64, sub *subjectFacts, applySource bool, widened int) prediction {
	switch method {
	case "kriging":
		return a.krige(deals, pairwise, sub, applySource, true, widened)
	case "hedonic":
		return a.krige(deals, pairwise, sub, applySource, false, widened)
	}
	return a.baseline(method, deals, sub, applySource, widened)
}

// subjectOf gathers the subject's features from its live members.
func (a *Assumptions) subjectOf(asg *Assignment, live []terms.Patent, quality *float64) subjectFacts {
	kind := terms.DealAssignment
	if asg.Purpose == terms.PurposeContribution {
		kind = terms.DealContribution
	}
	var s subjectFacts
	s.pop, s.owned = a.population(asg.Owner, kind)
	mean := func(f int, value func(terms.Patent) (float64, bool)) {
		sum, n := 0.0, 0
		for _, p := range live {
			if v, ok := value(p); ok {
				sum += v
				n++
			}
		}
		if n > 0 {
			s.value[f], s.known[f] = sum/float64(n), true
		}
	}
	count := func(pick func(terms.Patent) *int) func(terms.Patent) (float64, bool) {
		return func(p terms.Patent) (float64, bool) {
			if c := pick(p); c != nil && *c > 0 {
				return math.Log(float64(*c)), true
			}
			return 0, false
		}
	}
	mean(fUtility, func(p terms.Patent) (float64, bool) {
		if p.Kind == patent.UtilityModel {
			return 1, true
		}
		return 0, p.Kind == patent.Invention
	})
	s.value[fBundle], s.known[fBundle] = math.Log(float64(max(len(live), 1))), true
	mean(fLife, func(p terms.Patent) (float64, bool) { l, ok := p.Life(asg.Date); return l, ok })
	s.life = s.value[fLife]
	mean(fClaims, count(func(p terms.Patent) *int { return p.Claims }))
	mean(fFamily, count(func(p terms.Patent) *int { return p.Family }))
	mean(fAssignees, count(func(p terms.Patent) *int { return p.Assignees }))
	if quality != nil && *quality > 0 {
		s.value[fQuality], s.known[fQuality] = math.Log(*quality), true
	}
	return s
}

// comparableResults turns the prediction into the deals' part of the opinion,
// by influence. scale turns one patent's price into the subject's value.
func comparableResults(deals []deal, p prediction, scale float64) []ComparableResult {
	if len(p.weight) != len(deals) {
		return []ComparableResult{}
	}
	pulls := make([]float64, len(deals))
	for i := range deals {
		pulls[i] = p.weight[i] * p.residual[i]
	}
	base := p.mean
	for _, v := range pulls {
		base -= v
	}
	yuan := splitByLog(base, pulls)
	value := math.Exp(p.mean)
	out := make([]ComparableResult, len(deals))
	for i := range deals {
		d := &deals[i]
		total := 0.0
		for _, x := range d.adjust {
			total += x.Log
		}
		log := math.Log(d.unit) + total
		out[i] = ComparableResult{
			Comparable: *d.c, UnitPrice: d.unit, Normalised: math.Exp(log), Adjustments: d.adjust, AdjustGrade: d.grade,
			Weight: p.weight[i], Pull: yuan[i] * scale, Influence: value * math.Expm1(p.loo[i]) * scale, NoiseSD: p.noiseSD[i],
		}
	}
	slices.SortStableFunc(out, func(x, y ComparableResult) int {
		ax, ay := math.Abs(x.Influence), math.Abs(y.Influence)
		switch {
		case ax > ay:
			return -1
		case ax < ay:
			return 1
		}
		return 0
	})
	return out
}
