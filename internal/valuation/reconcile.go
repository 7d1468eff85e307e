package valuation

import (
	"math"
)

// view is one approach's log-normal opinion.
type view struct {
	theta         float64 // ln value
	sd            float64 // of ln value
	applicability float64 // a in [0, 1]
}

// reconciled is the joined opinion (standards 7).
type reconciled struct {
	weight  []float64
	theta   float64
	within  float64 // variance of the weighted mean with correlated errors
	between float64 // Σ w (θ_m - θ)²: what disagreement adds
}

// reconcile weighs views by applicability and precision, u = a/s², with common
// correlation rho of their errors: Var = Σ_ij w_i w_j s_i s_j ρ_ij.
func reconcile(views []view, rho float64) reconciled {
	r := reconciled{weight: make([]float64, len(views))}
	sum := 0.0
	for i, v := range views {
		r.weight[i] = v.applicability / (v.sd * v.sd)
		sum += r.weight[i]
	}
	for i, v := range views {
		r.weight[i] /= sum
		r.theta += r.weight[i] * v.theta
	}
	r.spread(views, rho)
	return r
}

// spread recomputes both variances of fixed weights.
func (r *reconciled) spread(views []view, rho float64) {
	r.within, r.between = 0, 0
	for i, v := range views {
		d := v.theta - r.theta
		r.between += r.weight[i] * d * d
		for j, u := range views {
			c := rho
			if i == j {
				c = 1
			}
			r.within += r.weight[i] * r.weight[j] * v.sd * u.sd * c
		}
	}
}

// ends is how far below and above the joined opinion its range reaches, in ln
// yuan, at half times the views' sd. The mean with correlated errors has a range
// of its own; a view whose end lies beyond it pulls it outward by the view's
// weight, so that disagreement widens the range. Neither end moves against an end
// or the middle of any view: a view that falls and becomes surer, but whose own
// low end does not rise, never raises the joined low end.
func (r *reconciled) ends(views []view, rho, half float64) (down, up float64) {
	x := *r
	x.theta = 0
	for i, v := range views {
		x.theta += x.weight[i] * v.theta
	}
	x.spread(views, rho)
	low, high := x.theta-half*math.Sqrt(x.within), x.theta+half*math.Sqrt(x.within)
	for i, v := range views {
		down += x.weight[i] * max(low-(v.theta-half*v.sd), 0)
		up += x.weight[i] * max(v.theta+half*v.sd-high, 0)
	}
	return x.theta - low + down, high - x.theta + up
}
