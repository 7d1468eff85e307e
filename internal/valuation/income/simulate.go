package income

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"zhijia/internal/valuation/terms"
)

// Result is the distribution of a method's value over its uncertain inputs,
// in yuan.
type Result struct {
	P10, P50, P90 float64
	Tornado       []TornadoBar // widest first
}

// TornadoBar is the value with one input at its 10th and 90th percentile and
// the others at their medians.
type TornadoBar struct {
	Input string  `json:"input"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// Simulate draws the uncertain inputs n times, together and under their
// correlations, and prices each draw. The same seed gives the same draws. It is
// false when the correlations contradict each other.
func (in *Inputs) Simulate(m Method, corr []Correlation, n int, seed uint64) (Result, bool) {
	random := in.random(m)
	s, ok := newSampler(m, random, corr, seed)
	if !ok {
		return Result{}, false
	}
	var r Result
	at := func(u Uniforms) float64 {
		d := in.At(m, u)
		return m.Value(&d)
	}
	median := Median()
	if len(random) == 0 {
		v := at(median)
		return Result{P10: v, P50: v, P90: v}, true
	}
	values := make([]float64, n)
	u := median
	for i := range values {
		s.next(&u)
		values[i] = at(u)
	}
	slices.Sort(values)
	q := func(p float64) float64 { return stat.Quantile(p, stat.LinInterp, values, nil) }
	r.P10, r.P50, r.P90 = q(0.1), q(0.5), q(0.9)
	for _, i := range random {
		low, high := median, median
		low[i], high[i] = 0.1, 0.9
		r.Tornado = append(r.Tornado, TornadoBar{Input: m.name(i), Low: at(low), High: at(high)})
	}
	slices.SortStableFunc(r.Tornado, func(a, b TornadoBar) int {
		return cmp.Compare(math.Abs(b.High-b.Low), math.Abs(a.High-a.Low))
	})
	return r, true
}

// sampler gives the uniforms of the random inputs by a quasi-random sequence:
// the additive recurrence x_i = frac(s + i·α) with α_j = φ_d^-j, φ_d the root
// of x^(d+1) = x + 1 (Roberts' R_d, a Kronecker sequence). The seed shifts it.
type sampler struct {
	random   []int
	lower    *mat.TriDense // factor of the correlation of the normal scores, nil when independent
	alpha, x []float64
	z        []float64
}

func newSampler(m Method, random []int, corr []Correlation, seed uint64) (*sampler, bool) {
	d := len(random)
	s := &sampler{random: random, alpha: make([]float64, d), x: make([]float64, d), z: make([]float64, d)}
	phi := 2.0
	for range 64 {
		phi = math.Pow(1+phi, 1/float64(d+1))
	}
	state := seed
	for j := range d {
		s.alpha[j] = math.Pow(phi, -float64(j+1))
		state += 0x9e3779b97f4a7c15 // splitmix64
		z := state
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		s.x[j] = float64((z^z>>31)>>11) / (1 << 53)
	}
	index := func(name string) int {
		return slices.IndexFunc(random, func(i int) bool { return m.name(i) == name })
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
		s.lower = new(mat.TriDense)
		c.LTo(s.lower)
	}
	return s, true
}

// next moves the sequence on and writes the random inputs' uniforms into u.
func (s *sampler) next(u *Uniforms) {
	const edge = 1e-12 // keeps the quantiles finite
	for j := range s.x {
		if s.x[j] += s.alpha[j]; s.x[j] >= 1 {
			s.x[j]--
		}
		u[s.random[j]] = min(max(s.x[j], edge), 1-edge)
	}
	if s.lower == nil {
		return
	}
	for j, i := range s.random {
		s.z[j] = distuv.UnitNormal.Quantile(u[i])
	}
	for j, i := range s.random {
		v := 0.0
		for k := range j + 1 {
			v += s.lower.At(j, k) * s.z[k]
		}
		u[i] = min(max(distuv.UnitNormal.CDF(v), edge), 1-edge)
	}
}

// series is a yearly forecast. Its years move together: all at one quantile,
// or, when every year is a single number, all by one lognormal factor.
type series struct {
	years  []terms.Dist
	middle []float64
	spread terms.Dist // of the factor; a point when a year is a range
	ranged bool
}

// newSeries makes a forecast of the calendar years from first on; a year that
// is not given is 0. logSD is of the factor of a forecast of single numbers.
func newSeries(rows []terms.YearQuantity, first int, logSD float64) series {
	var s series
	for i := range rows {
		if at := rows[i].Year - first; at >= 0 {
			for len(s.years) <= at {
				s.years = append(s.years, terms.Point(0))
			}
			s.years[at] = rows[i].Dist()
		}
	}
	for _, y := range s.years {
		s.ranged = s.ranged || !y.IsPoint()
		s.middle = append(s.middle, y.Quantile(0.5))
	}
	s.spread = terms.Point(1)
	if len(s.years) > 0 && !s.ranged {
		s.spread = terms.LogNormal(logSD)
	}
	return s
}

// at returns the years and the factor at probability u.
func (s *series) at(u float64) ([]float64, float64) {
	if !s.ranged || u == 0.5 {
		return s.middle, s.spread.Quantile(u)
	}
	out := make([]float64, len(s.years))
	for i, y := range s.years {
		out[i] = y.Quantile(u)
	}
	return out, 1
}
