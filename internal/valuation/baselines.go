package valuation

import (
	"cmp"
	"math"
	"slices"
)

// The plain estimators the market approach must beat. Each sees the same
// admitted, normalised deals and the same prior.

// shrinkObs is one observation of the kernel estimator.
type shrinkObs struct {
	z        float64 // ln price on the subject's terms
	distance float64 // 1 - similarity
	age      float64 // years
	quality  float64 // source quality times class proximity
}

// shrinkFit is the kernel estimator's result (standards 3.3).
type shrinkFit struct {
	weight []float64
	theta  float64 // weighted mean
	nEff   float64 // (Σw)²/Σw²
	s2     float64 // weighted variance, unbiased by n_eff
	b      float64 // weight of the data against the prior
	mean   float64 // shrunk
	v      float64 // variance of the shrunk mean
	sd     float64 // predictive
}

// kernelShrink is the similarity-weighted mean w = e^(-d/h)·2^(-age/H)·q with
// each share capped, shrunk to the prior N(mu, tau²): B = τ²/(τ² + s²/n_eff),
// v = 1/(1/τ² + n_eff/s²), predictive sd = √(s² + v). s² is not below floor²
// while n_eff < 30.
func kernelShrink(obs []shrinkObs, h, halfLife, mu, tau, floor, maxShare float64) shrinkFit {
	f := shrinkFit{weight: make([]float64, len(obs))}
	sum := 0.0
	for i, o := range obs {
		f.weight[i] = math.Exp(-o.distance/h) * math.Exp2(-o.age/halfLife) * o.quality
		sum += f.weight[i]
	}
	if len(obs) == 0 || sum <= 0 {
		f.mean, f.sd, f.v = mu, tau, tau*tau
		return f
	}
	if maxShare > 0 && maxShare < 1 && len(obs) > 2 {
		for i, w := range f.weight { // the cap binds at most one weight above one half
			if others := sum - w; w/sum > maxShare {
				f.weight[i] = others * maxShare / (1 - maxShare)
			}
		}
	}
	sum = 0
	sumSq := 0.0
	for i, o := range obs {
		sum += f.weight[i]
		sumSq += f.weight[i] * f.weight[i]
		f.theta += f.weight[i] * o.z
	}
	f.theta /= sum
	f.nEff = sum * sum / sumSq
	for i, o := range obs {
		f.s2 += f.weight[i] / sum * (o.z - f.theta) * (o.z - f.theta)
	}
	if f.nEff > 1+1e-9 {
		f.s2 *= f.nEff / (f.nEff - 1)
	} else {
		f.s2 = tau * tau // one deal says nothing of the spread
	}
	if f.nEff < 30 {
		f.s2 = max(f.s2, floor*floor)
	}
	t2 := tau * tau
	f.b = t2 / (t2 + f.s2/f.nEff)
	f.mean = f.b*f.theta + (1-f.b)*mu
	f.v = 1 / (1/t2 + f.nEff/f.s2)
	f.sd = math.Sqrt(f.s2 + f.v)
	return f
}

// weightedQuantile is the smallest z whose cumulative weight reaches p.
func weightedQuantile(z, w []float64, p float64) float64 {
	order := make([]int, len(z))
	total := 0.0
	for i := range order {
		order[i] = i
		total += w[i]
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(z[i], z[j]) })
	sum := 0.0
	for _, i := range order {
		sum += w[i]
		if sum >= p*total-1e-12 {
			return z[i]
		}
	}
	return z[order[len(order)-1]]
}

// baseline runs one of the plain estimators.
func (a *Assumptions) baseline(method string, deals []deal, sub *subjectFacts, applySource bool, widened int) prediction {
	mu, tau := math.Log(sub.pop.Median.Value), sub.pop.LogSD.Value
	p := prediction{mean: mu, sd: tau, source: a.Source.Mean.Value}
	if len(deals) == 0 || method == "prior" {
		return p
	}
	z := make([]float64, len(deals))
	trend := a.trend()
	for i := range deals {
		z[i] = deals[i].y
		for f := range trend {
			z[i] -= trend[f].Mean * deals[i].dx[f]
		}
		if applySource && deals[i].press {
			z[i] -= a.Source.Mean.Value
		}
	}
	switch method {
	case "class_median":
		best := 0.0 // the nearest class that has any deal
		for i := range deals {
			best = max(best, a.Baseline.Level[deals[i].c.IPCLevel])
		}
		var in []float64
		for i := range deals {
			if a.Baseline.Level[deals[i].c.IPCLevel] == best {
				in = append(in, z[i])
			}
		}
		slices.Sort(in)
		p.mean = median(in)
		p.sd = spread(in, p.mean, tau)
		p.nEff = float64(len(in))
	case "nearest":
		at := 0
		for i := range deals {
			if deals[i].sim > deals[at].sim {
				at = i
			}
		}
		p.mean, p.sd, p.nEff = z[at], tau, 1
	case "quality_ratio": // V = (1/n)·Σ V_i·Q/Q_i, standards 1.5
		sum := 0.0
		logs := make([]float64, len(deals))
		for i := range deals {
			ratio := 0.0
			if deals[i].known[fQuality] {
				ratio = -deals[i].dx[fQuality]
			}
			logs[i] = deals[i].y + ratio
			if applySource && deals[i].press {
				logs[i] -= a.Source.Mean.Value
			}
			sum += math.Exp(logs[i])
		}
		p.mean = math.Log(sum / float64(len(deals)))
		p.sd = spread(logs, p.mean, tau)
		p.nEff = float64(len(deals))
	case "kernel_shrink":
		ks := &a.Baseline
		obs := make([]shrinkObs, len(deals))
		for i := range deals {
			q, ok := ks.Quality[deals[i].c.Source]
			if !ok {
				q = ks.Quality[""]
			}
			obs[i] = shrinkObs{z[i], 1 - deals[i].sim, deals[i].age, q * ks.Level[deals[i].c.IPCLevel]}
		}
		f := kernelShrink(obs, ks.Width, ks.HalfLife, mu, tau, ks.MinSD, ks.MaxShare)
		p.mean, p.sd, p.nEff = f.mean, f.sd, f.nEff
	}
	p.sd = math.Sqrt(p.sd*p.sd + float64(widened)*a.Market.WidenVariance.Value)
	return p
}

// spread is the sd of logs about centre plus that of the centre, or fallback
// when there are too few to tell.
func spread(logs []float64, centre, fallback float64) float64 {
	n := float64(len(logs))
	if n < 3 {
		return fallback
	}
	s := 0.0
	for _, v := range logs {
		s += (v - centre) * (v - centre)
	}
	return math.Sqrt(s / (n - 1) * (1 + 1/n))
}

// median of sorted values; NaN of none.
func median(sorted []float64) float64 {
	n := len(sorted)
	if n == 0 {
		return math.NaN()
	}
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}
