package income

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distuv"

	"zhijia/internal/valuation/terms"
)

// TornadoBar is the value with one input at its 10th and 90th percentile and
// the others at their medians.
type TornadoBar struct {
	Input string  `json:"input"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// RandomInput is a named uncertain input of a simulation.
type RandomInput struct {
	Name string
	Dist terms.Dist
}

// Simulation draws the uncertain inputs by a quasi-random sequence: the
// additive recurrence x_i = frac(s + i·α) with α_j = φ_d^-j, φ_d the root of
// x^(d+1) = x + 1 (Roberts' R_d, a Kronecker sequence). The seed shifts it.
type Simulation struct {
	inputs []RandomInput // those that are not points
	chol   *mat.TriDense // lower factor of the correlation of the normal scores, nil when independent
	alpha  []float64
	shift  []float64
}

// NewSimulation prepares draws of the inputs that are uncertain. The second
// result is false when the correlations are not a correlation matrix.
func NewSimulation(inputs []RandomInput, corr []Correlation, seed uint64) (*Simulation, bool) {
	s := &Simulation{}
	for _, in := range inputs {
		if in.Dist.Kind != "point" {
			s.inputs = append(s.inputs, in)
		}
	}
	d := len(s.inputs)
	phi := 2.0
	for range 64 {
		phi = math.Pow(1+phi, 1/float64(d+1))
	}
	s.alpha, s.shift = make([]float64, d), make([]float64, d)
	state := seed
	for j := range d {
		s.alpha[j] = math.Pow(phi, -float64(j+1))
		state += 0x9e3779b97f4a7c15 // splitmix64
		z := state
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		s.shift[j] = float64((z^z>>31)>>11) / (1 << 53)
	}
	index := func(name string) int {
		return slices.IndexFunc(s.inputs, func(r RandomInput) bool { return r.Name == name })
	}
	var matrix *mat.SymDense
	for _, c := range corr {
		i, j := index(c.A), index(c.B)
		if i < 0 || j < 0 || i == j || c.Rho == 0 {
			continue
		}
		if matrix == nil {
			matrix = mat.NewSymDense(d, nil)
			for k := range d {
				matrix.SetSym(k, k, 1)
			}
		}
		matrix.SetSym(i, j, c.Rho)
	}
	if matrix != nil {
		var c mat.Cholesky
		if !c.Factorize(matrix) {
			return nil, false
		}
		s.chol = new(mat.TriDense)
		c.LTo(s.chol)
	}
	return s, true
}

// Run evaluates f on n draws; x is in the order of inputs and reused.
func (s *Simulation) Run(n int, f func(x []float64) float64) []float64 {
	d := len(s.inputs)
	out := make([]float64, n)
	x, z := make([]float64, d), make([]float64, d)
	u := slices.Clone(s.shift)
	for i := range out {
		for j := range d {
			u[j] += s.alpha[j]
			if u[j] >= 1 {
				u[j]--
			}
			x[j] = min(max(u[j], 1e-12), 1-1e-12)
		}
		if s.chol != nil {
			for j := range d {
				z[j] = distuv.UnitNormal.Quantile(x[j])
			}
			for j := range d {
				v := 0.0
				for k := range j + 1 {
					v += s.chol.At(j, k) * z[k]
				}
				x[j] = min(max(distuv.UnitNormal.CDF(v), 1e-12), 1-1e-12)
			}
		}
		for j := range d {
			x[j] = s.inputs[j].Dist.Quantile(x[j])
		}
		out[i] = f(x)
	}
	return out
}

// medians returns each uncertain input at probability u.
func (s *Simulation) At(u float64) []float64 {
	x := make([]float64, len(s.inputs))
	for j := range x {
		x[j] = s.inputs[j].Dist.Quantile(u)
	}
	return x
}

// Tornado moves one input at a time to its 10th and 90th percentile, the
// others at their medians; widest first.
func (s *Simulation) Tornado(f func(x []float64) float64) []TornadoBar {
	bars := make([]TornadoBar, 0, len(s.inputs))
	for j, in := range s.inputs {
		x := s.At(0.5)
		x[j] = in.Dist.Quantile(0.1)
		low := f(x)
		x[j] = in.Dist.Quantile(0.9)
		bars = append(bars, TornadoBar{Input: in.Name, Low: low, High: f(x)})
	}
	slices.SortStableFunc(bars, func(a, b TornadoBar) int {
		wa, wb := math.Abs(a.High-a.Low), math.Abs(b.High-b.Low)
		switch {
		case wa > wb:
			return -1
		case wa < wb:
			return 1
		}
		return 0
	})
	return bars
}

// QuantileOf sorted values, linear between order statistics (Hyndman, Fan
// type 7).
func QuantileOf(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	h := p * float64(len(sorted)-1)
	i := int(h)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (h-float64(i))*(sorted[i+1]-sorted[i])
}
