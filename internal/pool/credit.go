package pool

import (
	"errors"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"zhijia/internal/fault"
)

// Phi is the standard normal distribution function.
func Phi(x float64) float64 { return distuv.UnitNormal.CDF(x) }

// PhiInv is the inverse of [Phi]. It is -Inf at 0 and +Inf at 1.
func PhiInv(p float64) float64 { return distuv.UnitNormal.Quantile(min(max(p, 0), 1)) }

// ConditionalPD is the default probability of an obligor given the common
// factor at its adverse quantile q (Vasicek):
// Φ((Φ⁻¹(pd) + √ρ·Φ⁻¹(q))/√(1−ρ)). It is also the asymptotic default-rate
// quantile of an infinitely granular pool.
func ConditionalPD(pd, rho, q float64) float64 {
	return conditional(PhiInv(pd), math.Sqrt(rho), math.Sqrt(1-rho), -PhiInv(q))
}

// conditional is the default probability given the factor at z, low being bad.
func conditional(threshold, load, rest, z float64) float64 {
	return Phi((threshold - load*z) / rest)
}

// BivariatePhi is P(X ≤ a, Y ≤ b) for standard normals of correlation rho,
// by integrating Plackett's identity ∂Φ₂/∂ρ = φ₂(a, b; ρ) from 0 to rho after
// the substitution ρ = sin θ (Simpson's rule, absolute error below 1e-9 for
// |rho| ≤ 0.99).
func BivariatePhi(a, b, rho float64) float64 {
	switch {
	case math.IsInf(a, -1) || math.IsInf(b, -1):
		return 0
	case math.IsInf(a, 1):
		return Phi(b)
	case math.IsInf(b, 1):
		return Phi(a)
	case rho >= 1:
		return Phi(min(a, b))
	case rho <= -1:
		return max(0, Phi(a)+Phi(b)-1)
	}
	top := math.Asin(rho)
	f := func(theta float64) float64 {
		s, c := math.Sincos(theta)
		return math.Exp(-(a*a - 2*s*a*b + b*b) / (2 * c * c))
	}
	const n = 400
	h := top / n
	sum := f(0) + f(top)
	for i := 1; i < n; i++ {
		sum += f(float64(i)*h) * float64(2+2*(i%2))
	}
	return Phi(a)*Phi(b) + sum*h/3/(2*math.Pi)
}

// JointShortfall is the probability that the pool falls short and the support
// payer defaults: Φ₂(Φ⁻¹(pool), Φ⁻¹(support); rho). Senior notes lose only then.
func JointShortfall(pool, support, rho float64) float64 {
	return BivariatePhi(PhiInv(pool), PhiInv(support), rho)
}

// Exposure is one obligor of a credit calculation.
type Exposure struct {
	EAD int64   // exposure at default, any integer unit (fen in practice)
	PD  float64 // over the horizon
	LGD float64 // 0..1
}

// Mixture is the exact default and loss distribution of a finite pool under
// one common factor.
type Mixture struct {
	Count []float64 `json:"count"` // Count[k] = P(exactly k defaults)

	Unit   float64   `json:"unit"`    // size of one loss unit, in EAD units
	Loss   []float64 `json:"loss"`    // Loss[u] = P(loss = u units)
	MaxOff float64   `json:"max_off"` // bound on |exact loss − u·Unit| over all outcomes, EAD units
	Total  int64     `json:"total"`   // Σ EAD
}

// lossUnits is the resolution of the loss grid when exposures share no
// common unit that divides them finely enough.
const lossUnits = 2000

// The domain of [ExactMixture].
const (
	MixtureMaxObligors = 2000
	MixtureMaxRho      = 0.95
)

// factorMax bounds the common factor: the normal density beyond it is below
// 1e-14 of its whole.
const factorMax = 8.0

// mixtureStep is the step of the trapezoid over the common factor. Given the
// factor z, a share of defaults is spread by √(p(1−p)/n) about p(z), so the
// probability of one count is, as a function of z, a bump whose width is at
// least 1.253·√((1−ρ)/(ρ·n)): √(p(1−p)) is never below 1.253·φ(Φ⁻¹(p)), and by
// Cauchy's inequality unequal probabilities and exposures make it no
// narrower. The rule's error falls like exp(−2π²·(width/step)²); at half the
// width it is beyond rounding. Stated accuracy: 1e-10 absolute for every count,
// with n up to 2,000 and ρ up to 0.95.
func mixtureStep(n int, rho float64) float64 {
	return min(0.125, 0.5*1.253*math.Sqrt((1-rho)/(rho*float64(n))))
}

// ErrMixtureDomain says that an exact distribution is not offered.
var ErrMixtureDomain = fault.New(fault.Invalid, "pool.mixture.domain", "精确分布适用于不超过2000户、相关系数不超过0.95的资产池，请改用模拟。", "the exact distribution is for up to 2,000 obligors and a correlation up to 0.95; simulate instead")

// ExactMixture computes the distribution by conditioning on the common factor
// and convolving independent obligors by recursion (Andersen, Sidenius and
// Basu). Counts are exact for any PDs to 1e-10; losses too when every EAD·LGD
// is a multiple of one unit with at most 20,000 units in all, otherwise they are
// rounded to a grid with the error bound stated in MaxOff. At most 2,000
// obligors, rho in [0, 0.95]; beyond is refused, not answered less exactly.
func ExactMixture(exposures []Exposure, rho float64) (Mixture, error) {
	n := len(exposures)
	if n > MixtureMaxObligors || rho > MixtureMaxRho {
		return Mixture{}, ErrMixtureDomain
	}
	if n == 0 {
		return Mixture{}, errors.New("want at least one exposure")
	}
	if !(rho >= 0) {
		return Mixture{}, errors.New("rho must not be negative")
	}
	var m Mixture
	for _, e := range exposures {
		if e.EAD <= 0 || !(e.PD >= 0 && e.PD <= 1) || !(e.LGD >= 0 && e.LGD <= 1) {
			return Mixture{}, errors.New("exposure out of range")
		}
		m.Total += e.EAD
	}
	units := m.grid(exposures)
	// Sorted by size so the support grows slowly; the result does not depend
	// on the order except in the last bits, and sorting removes that too.
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		switch a, b := exposures[i], exposures[j]; {
		case units[i] != units[j]:
			return units[i] - units[j]
		case a.PD < b.PD:
			return -1
		case a.PD > b.PD:
			return 1
		}
		return 0
	})
	thr := make([]float64, n)
	maxUnits := 0
	for i, e := range exposures {
		thr[i] = PhiInv(e.PD)
		maxUnits += units[i]
	}
	m.Count, m.Loss = make([]float64, n+1), make([]float64, maxUnits+1)
	count, loss := support{d: make([]float64, n+1)}, support{d: make([]float64, maxUnits+1)}
	load, rest := math.Sqrt(rho), math.Sqrt(1-rho)
	nodes, h := 1, 0.0
	if rho > 0 { // without a factor one node is exact
		nodes = int(math.Ceil(2*factorMax/mixtureStep(n, rho))) + 1
		h = 2 * factorMax / float64(nodes-1)
	}
	weights := 0.0
	for q := range nodes {
		z, w := 0.0, 1.0
		if rho > 0 {
			z = -factorMax + h*float64(q)
			w = math.Exp(-z*z/2) * h / math.Sqrt(2*math.Pi)
		}
		if w < 1e-16*h {
			continue
		}
		weights += w
		count.begin()
		loss.begin()
		for _, i := range order {
			p := conditional(thr[i], load, rest, z)
			if p < 1e-18 {
				continue
			}
			count.add(1, p)
			loss.add(units[i], p)
		}
		for k := count.lo; k <= count.hi; k++ {
			m.Count[k] += w * count.d[k]
		}
		for u := loss.lo; u <= loss.hi; u++ {
			m.Loss[u] += w * loss.d[u]
		}
	}
	for k := range m.Count {
		m.Count[k] /= weights
	}
	for u := range m.Loss {
		m.Loss[u] /= weights
	}
	return m, nil
}

// support is a distribution on whole numbers, held in d[lo:hi+1].
type support struct {
	d      []float64
	lo, hi int
}

func (s *support) begin() { s.lo, s.hi, s.d[0] = 0, 0, 1 }

// add convolves one independent obligor of a size. Mass below 1e-17 at an end
// is folded into the last kept cell, so the distribution still sums to one.
func (s *support) add(size int, p float64) {
	if size == 0 {
		return
	}
	q := 1 - p
	d := s.d[: s.hi+size+1 : s.hi+size+1]
	for u := s.hi + 1; u < len(d); u++ {
		d[u] = 0
	}
	for u := s.hi + size; u >= s.lo+size; u-- {
		d[u] = d[u]*q + d[u-size]*p
	}
	for u := min(s.lo+size-1, s.hi+size); u >= s.lo; u-- {
		d[u] *= q
	}
	s.hi += size
	for tail := 0.0; s.lo < s.hi && tail+d[s.hi] < 1e-17; s.hi-- {
		tail += d[s.hi]
		d[s.hi-1] += d[s.hi]
	}
	for tail := 0.0; s.lo < s.hi && tail+d[s.lo] < 1e-17; s.lo++ {
		tail += d[s.lo]
		d[s.lo+1] += d[s.lo]
	}
}

// grid chooses the loss unit and returns each exposure's loss in units.
func (m *Mixture) grid(exposures []Exposure) []int {
	units := make([]int, len(exposures))
	losses := make([]int64, len(exposures))
	var g, sum int64
	for i, e := range exposures {
		losses[i] = int64(math.Round(float64(e.EAD) * e.LGD))
		g = gcd(g, losses[i])
		sum += losses[i]
	}
	if sum == 0 {
		m.Unit = 1
		return units
	}
	if sum/g <= 10*lossUnits {
		m.Unit = float64(g)
	} else {
		m.Unit = float64(sum) / lossUnits
	}
	for i := range units {
		units[i] = int(math.Round(float64(losses[i]) / m.Unit))
		m.MaxOff += math.Abs(float64(losses[i]) - float64(units[i])*m.Unit)
	}
	return units
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// quantileSlack absorbs rounding of the last bits when a cumulative
// probability equals the level.
const quantileSlack = 1e-12

func quantile(d []float64, level float64) int {
	c := 0.0
	for i, p := range d {
		c += p
		if c >= level-quantileSlack {
			return i
		}
	}
	return len(d) - 1
}

// CountQuantile is the smallest k with P(defaults ≤ k) ≥ level.
func (m Mixture) CountQuantile(level float64) int { return quantile(m.Count, level) }

// LossQuantile is the smallest loss, as a share of total exposure, whose
// cumulative probability reaches level.
func (m Mixture) LossQuantile(level float64) float64 {
	return float64(quantile(m.Loss, level)) * m.Unit / float64(m.Total)
}

// ExpectedLoss is the mean loss as a share of total exposure.
func (m Mixture) ExpectedLoss() float64 {
	s := 0.0
	for u, p := range m.Loss {
		s += float64(u) * p
	}
	return s * m.Unit / float64(m.Total)
}
