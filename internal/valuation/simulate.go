package valuation

import (
	"math"
	"slices"
)

// randomInput is a named uncertain input of a simulation.
type randomInput struct {
	name string
	dist dist
}

// simulation draws the uncertain inputs by a quasi-random sequence: the
// additive recurrence x_i = frac(s + i·α) with α_j = φ_d^-j, φ_d the root of
// x^(d+1) = x + 1 (Roberts' R_d, a Kronecker sequence). The seed shifts it.
type simulation struct {
	inputs []randomInput // those that are not points
	chol   []float64     // lower factor of the correlation of the normal scores, nil when independent
	alpha  []float64
	shift  []float64
}

// newSimulation prepares draws of the inputs that are uncertain. The second
// result is false when the correlations are not a correlation matrix.
func newSimulation(inputs []randomInput, corr []Correlation, seed uint64) (*simulation, bool) {
	s := &simulation{}
	for _, in := range inputs {
		if in.dist.kind != "point" {
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
		return slices.IndexFunc(s.inputs, func(r randomInput) bool { return r.name == name })
	}
	for _, c := range corr {
		i, j := index(c.A), index(c.B)
		if i < 0 || j < 0 || i == j || c.Rho == 0 {
			continue
		}
		if s.chol == nil {
			s.chol = make([]float64, d*d)
			for k := range d {
				s.chol[k*d+k] = 1
			}
		}
		s.chol[max(i, j)*d+min(i, j)] = c.Rho
	}
	if s.chol != nil && !cholesky(s.chol, d) {
		return nil, false
	}
	return s, true
}

// run evaluates f on n draws; x is in the order of inputs and reused.
func (s *simulation) run(n int, f func(x []float64) float64) []float64 {
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
				z[j] = NormalQuantile(x[j])
			}
			for j := range d {
				v := 0.0
				for k, r := range s.chol[j*d : j*d+j+1] {
					v += r * z[k]
				}
				x[j] = min(max(NormalCDF(v), 1e-12), 1-1e-12)
			}
		}
		for j := range d {
			x[j] = s.inputs[j].dist.quantile(x[j])
		}
		out[i] = f(x)
	}
	return out
}

// medians returns each uncertain input at probability u.
func (s *simulation) at(u float64) []float64 {
	x := make([]float64, len(s.inputs))
	for j := range x {
		x[j] = s.inputs[j].dist.quantile(u)
	}
	return x
}

// tornado moves one input at a time to its 10th and 90th percentile, the
// others at their medians; widest first.
func (s *simulation) tornado(f func(x []float64) float64) []TornadoBar {
	bars := make([]TornadoBar, 0, len(s.inputs))
	for j, in := range s.inputs {
		x := s.at(0.5)
		x[j] = in.dist.quantile(0.1)
		low := f(x)
		x[j] = in.dist.quantile(0.9)
		bars = append(bars, TornadoBar{Input: in.name, Low: low, High: f(x)})
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

// quantileOf sorted values, linear between order statistics (Hyndman, Fan
// type 7).
func quantileOf(sorted []float64, p float64) float64 {
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
