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
	between float64 // Σ w (θ_m - θ)²
}

// sd is √(within + between): disagreement widens the range.
func (r *reconciled) sd() float64 { return math.Sqrt(r.within + r.between) }

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
