package market

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/optimize"
)

// maximise finds the scales of the greatest posterior: marginal likelihood times the log-normal priors of the scales.
func (d *design) maximise() (*solved, bool) {
	start := d.prior.Scales.vector()
	var free []int
	var med, sd [nScales]float64
	for i, name := range scaleNames {
		p := d.prior.ScalePriors[name]
		if p.LogSD > 0 && start[i] > 0 {
			free = append(free, i)
			med[i], sd[i] = math.Log(p.Median), p.LogSD
		}
	}
	at := func(x []float64) [nScales]float64 {
		v := start
		for k, i := range free {
			v[i] = math.Exp(min(max(x[k], -9), 5))
		}
		return v
	}
	var last []float64
	var lastSolved *solved
	eval := func(x []float64) *solved {
		if last != nil && equal(last, x) {
			return lastSolved
		}
		s, ok := d.solve(at(x))
		if !ok {
			s = nil
		}
		last, lastSolved = append([]float64(nil), x...), s
		return s
	}
	problem := optimize.Problem{
		Func: func(x []float64) float64 {
			s := eval(x)
			if s == nil {
				return math.Inf(1)
			}
			f := -s.logLik
			for k, i := range free {
				t := (x[k] - med[i]) / sd[i]
				f += t * t / 2
			}
			return f
		},
		Grad: func(g, x []float64) {
			s := eval(x)
			for k, i := range free {
				g[k] = (x[k] - med[i]) / (sd[i] * sd[i])
				if s != nil {
					g[k] -= s.grad[i]
				}
			}
		},
	}
	x := make([]float64, len(free))
	for k, i := range free {
		x[k] = math.Log(start[i])
	}
	r, err := optimize.Minimize(problem, x, &optimize.Settings{GradientThreshold: 1e-6, MajorIterations: 200}, &optimize.LBFGS{})
	if r == nil {
		return nil, false
	}
	_ = err // the line search stops at rounding: the best point found stands
	s := eval(r.X)
	return s, s != nil
}

func equal(a, b []float64) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

var errSingular = errors.New("market: the deals and the prior give no covariance that can be inverted")
