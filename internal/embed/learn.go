package embed

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"
)

// Example is a text with the IPC symbols its register entry carries.
type Example struct {
	Text string
	IPC  []string // e.g. "H01M 4/36" or "H01M", main one first; only section, class and subclass are read
	// Group names what belongs together, such as the applicant; a group is held out whole. Empty: the text stands alone.
	Group string
	// Kin names what the text has in common with others beside its symbols, such
	// as a patent family, or a patent that it is or cites. Texts that share one are drawn together like those of a
	// subclass; one that no other text has teaches nothing.
	Kin []string
}

// kinLabel marks a label that is no IPC symbol.
const kinLabel = "kin:"

const (
	learnedDimension = 192
	ridge            = 1.2  // penalty of the squared coefficients; rows have unit length
	learnSteps       = 2    // subspace iterations
	solveSteps       = 40   // of conjugate gradients, at most
	solveTolerance   = 1e-2 // relative residual at which a solution counts
)

// targets are the label columns of a set of examples: one for each subclass,
// class and section that occurs, and for each family of several texts, centred, and divided by the fourth root of
// its variance, so that a rare subclass counts, but less than a common one.
type targets struct {
	names []string  // "H01M", "H01", "H", sorted
	mean  []float64 // share of the examples that carry the label
	scale []float64 // 1 / variance^(1/4)
	rows  [][]int32 // columns of each example, sorted
}

// Subclasses returns the distinct four-character subclasses of IPC symbols.
func Subclasses(ipc []string) []string {
	var out []string
	for _, s := range ipc {
		if c := Subclass(s); c != "" {
			out = append(out, c)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Subclass returns the four-character subclass of an IPC symbol such as
// "H01M 4/36", or "" when the text is none.
func Subclass(symbol string) string {
	var c [4]byte
	n := 0
	for i := 0; i < len(symbol) && n < 4; i++ {
		b := symbol[i]
		if b == ' ' {
			continue
		}
		if b >= 'a' && b <= 'z' {
			b -= 'a' - 'A'
		}
		c[n] = b
		n++
	}
	digit := func(b byte) bool { return b >= '0' && b <= '9' }
	if n < 4 || c[0] < 'A' || c[0] > 'H' || !digit(c[1]) || !digit(c[2]) || c[3] < 'A' || c[3] > 'Z' {
		return ""
	}
	return string(c[:])
}

// maxKin bounds the labels that are no symbols, and with them the memory.
const maxKin = 20_000

// mostShared returns the kin that several texts have, at most maxKin of it.
func mostShared(shared map[string]int) map[string]bool {
	var names []string
	for k, n := range shared {
		if n > 1 {
			names = append(names, k)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(shared[b], shared[a]), cmp.Compare(a, b)) })
	out := map[string]bool{}
	for _, k := range names[:min(len(names), maxKin)] {
		out[k] = true
	}
	return out
}

func newTargets(examples []Example) *targets {
	columns := map[string]int{}
	shared := map[string]int{}
	for _, e := range examples {
		for _, k := range e.Kin {
			shared[k]++
		}
	}
	kin := mostShared(shared)
	labels := make([][]string, len(examples))
	for i, e := range examples {
		for _, s := range Subclasses(e.IPC) {
			labels[i] = append(labels[i], s, s[:3], s[:1])
		}
		for _, k := range e.Kin {
			if kin[k] {
				labels[i] = append(labels[i], kinLabel+k)
			}
		}
		slices.Sort(labels[i])
		labels[i] = slices.Compact(labels[i])
		for _, l := range labels[i] {
			columns[l]++
		}
	}
	y := &targets{rows: make([][]int32, len(examples))}
	for l := range columns {
		y.names = append(y.names, l)
	}
	slices.Sort(y.names)
	n := float64(len(examples))
	y.mean = make([]float64, len(y.names))
	y.scale = make([]float64, len(y.names))
	at := map[string]int32{}
	for j, l := range y.names {
		at[l] = int32(j)
		p := float64(columns[l]) / n
		y.mean[j] = p
		if v := p * (1 - p); v > 0 {
			y.scale[j] = math.Pow(v, -0.25)
		}
	}
	for i, ls := range labels {
		for _, l := range ls {
			y.rows[i] = append(y.rows[i], at[l])
		}
	}
	return y
}

// learn fits a linear map from weighted terms to labels by ridge regression
// and keeps the directions in which the predicted labels vary most: with X
// the terms and Y the labels, W = (XᵀX + λI)⁻¹ XᵀY, and the columns of W V,
// V being the leading eigenvectors of Yᵀ X W. It returns W V (terms x rank)
// and V (labels x rank).
//
// W itself is never formed. The eigenvectors are found by subspace iteration,
// each step solving for rank columns by conjugate gradients from where the
// step before ended, so that time and memory grow with the number of terms
// and not with its square, nor with the number of labels.
func learn(rows [][]entry, terms int, y *targets, seed uint64) (projection, directions *mat.Dense) {
	labels := len(y.names)
	rank := min(learnedDimension, labels, terms)
	cross := func(v *mat.Dense) *mat.Dense { // XᵀY v, terms x rank
		scaled := mat.NewDense(labels, rank, nil)
		middle := make([]float64, rank)
		for j := range labels {
			dst := scaled.RawRowView(j)
			axpy(y.scale[j], v.RawRowView(j), dst)
			axpy(y.mean[j], dst, middle)
		}
		out := gather(rows, terms, rank, func(i int, t []float64) {
			for k := range t {
				t[k] = -middle[k]
			}
			for _, j := range y.rows[i] {
				axpy(1, scaled.RawRowView(int(j)), t)
			}
		})
		return out
	}
	back := func(b *mat.Dense) *mat.Dense { // YᵀX b, labels x rank
		out := mat.NewDense(labels, rank, nil)
		t := make([]float64, rank)
		total := make([]float64, rank)
		for i, row := range rows {
			clear(t)
			for _, e := range row {
				axpy(e.weight, b.RawRowView(int(e.term)), t)
			}
			axpy(1, t, total)
			for _, j := range y.rows[i] {
				axpy(1, t, out.RawRowView(int(j)))
			}
		}
		for j := range labels {
			dst := out.RawRowView(j)
			axpy(-y.mean[j], total, dst)
			blas64.Scal(y.scale[j], blas64.Vector{N: rank, Inc: 1, Data: dst})
		}
		return out
	}
	rng := rand.New(rand.NewPCG(seed, 0x6c6162656c))
	v := mat.NewDense(labels, rank, nil)
	for j := range labels {
		for k := range rank {
			v.Set(j, k, rng.NormFloat64())
		}
	}
	v = orthonormal(v)
	b := mat.NewDense(terms, rank, nil)
	diagonal := make([]float64, terms)
	for _, row := range rows {
		for _, e := range row {
			diagonal[e.term] += e.weight * e.weight
		}
	}
	for step := range learnSteps {
		solve(rows, diagonal, cross(v), b)
		if step == learnSteps-1 {
			break
		}
		next := orthonormal(back(b))
		// b solves for the old directions; turned into the new ones it is the
		// start of the next solution.
		var turn, start mat.Dense
		turn.Mul(v.T(), next)
		start.Mul(b, &turn)
		v, b = next, &start
	}
	return b, v
}

// gather returns Xᵀt for rows t that fill computes, in two fixed halves, so
// that the sums are the same on any number of processors.
func gather(rows [][]entry, terms, width int, fill func(i int, t []float64)) *mat.Dense {
	var halves [2]*mat.Dense
	var wg sync.WaitGroup
	for h := range halves {
		wg.Go(func() {
			out := mat.NewDense(terms, width, nil)
			t := make([]float64, width)
			for i := h * len(rows) / 2; i < (h+1)*len(rows)/2; i++ {
				fill(i, t)
				for _, e := range rows[i] {
					axpy(e.weight, t, out.RawRowView(int(e.term)))
				}
			}
			halves[h] = out
		})
	}
	wg.Wait()
	halves[0].Add(halves[0], halves[1])
	return halves[0]
}

// solve improves b towards (XᵀX + λI) b = c by conjugate gradients,
// preconditioned by the diagonal, all columns at once.
func solve(rows [][]entry, diagonal []float64, c, b *mat.Dense) {
	terms, width := c.Dims()
	apply := func(p *mat.Dense) *mat.Dense {
		out := gather(rows, terms, width, func(i int, t []float64) {
			clear(t)
			for _, e := range rows[i] {
				axpy(e.weight, p.RawRowView(int(e.term)), t)
			}
		})
		for i := range terms {
			axpy(ridge, p.RawRowView(i), out.RawRowView(i))
		}
		return out
	}
	dot := func(x, y *mat.Dense, weigh bool) []float64 { // by column
		out := make([]float64, width)
		for i := range terms {
			w := 1.0
			if weigh {
				w = 1 / (diagonal[i] + ridge)
			}
			a, c := x.RawRowView(i), y.RawRowView(i)
			for k := range width {
				out[k] += w * a[k] * c[k]
			}
		}
		return out
	}
	r := apply(b)
	r.Sub(c, r)
	p := mat.NewDense(terms, width, nil)
	norm := dot(c, c, true)
	rz := dot(r, r, true)
	beta := make([]float64, width)
	for range solveSteps {
		done := true
		for k := range width {
			done = done && rz[k] <= solveTolerance*solveTolerance*norm[k]
		}
		if done {
			return
		}
		for i := range terms { // p = M⁻¹ r + β p
			w := 1 / (diagonal[i] + ridge)
			x, src := p.RawRowView(i), r.RawRowView(i)
			for k := range width {
				x[k] = w*src[k] + beta[k]*x[k]
			}
		}
		ap := apply(p)
		pap := dot(p, ap, false)
		alpha := make([]float64, width)
		for k := range width {
			if pap[k] > 0 {
				alpha[k] = rz[k] / pap[k]
			}
		}
		for i := range terms {
			x, rr, pp, aa := b.RawRowView(i), r.RawRowView(i), p.RawRowView(i), ap.RawRowView(i)
			for k := range width {
				x[k] += alpha[k] * pp[k]
				rr[k] -= alpha[k] * aa[k]
			}
		}
		next := dot(r, r, true)
		for k := range width {
			beta[k] = 0
			if rz[k] > 0 {
				beta[k] = next[k] / rz[k]
			}
		}
		rz = next
	}
}

// level divides each direction of a projection by a power of its spread over
// the texts, and multiplies the labels' directions by the same, so that what
// is predicted stays. Without it the few directions that tell sections apart
// outweigh in a cosine the many that tell subclasses apart: nDCG@10 of the same
// subclass is .001 to .003 lower on titles and .02 on abstracts.
func level(rows [][]entry, projection, directions *mat.Dense) {
	const power = -0.2 // of the mean square
	_, width := projection.Dims()
	square := make([]float64, width)
	v := make([]float64, width)
	for _, row := range rows {
		clear(v)
		for _, e := range row {
			axpy(e.weight, projection.RawRowView(int(e.term)), v)
		}
		for k, x := range v {
			square[k] += x * x / float64(len(rows))
		}
	}
	least := 1e-6 * slices.Max(square)
	if least == 0 {
		return
	}
	scale := func(m *mat.Dense, sign float64) {
		rows, _ := m.Dims()
		for i := range rows {
			r := m.RawRowView(i)
			for k := range r {
				r[k] *= math.Pow(max(square[k], least), sign*power)
			}
		}
	}
	scale(projection, 1)
	scale(directions, -1)
}

func axpy(a float64, x, y []float64) {
	blas64.Axpy(a, blas64.Vector{N: len(x), Inc: 1, Data: x}, blas64.Vector{N: len(y), Inc: 1, Data: y})
}
