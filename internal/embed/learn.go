package embed

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
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

// matrix is dense and row-major, of float32: what is solved for is kept in
// eight bits, and half the memory is read in half the time.
type matrix struct {
	rows, width int
	data        []float32
}

func newMatrix(rows, width int) *matrix {
	return &matrix{rows, width, make([]float32, rows*width)}
}

func (m *matrix) row(i int) []float32 { return m.data[i*m.width:][:m.width] }

func (m *matrix) general() blas32.General {
	return blas32.General{Rows: m.rows, Cols: m.width, Stride: m.width, Data: m.data}
}

// from and dense convert.
func from(m *mat.Dense) *matrix {
	rows, width := m.Dims()
	out := newMatrix(rows, width)
	for i := range rows {
		for k, x := range m.RawRowView(i) {
			out.data[i*width+k] = float32(x)
		}
	}
	return out
}

func (m *matrix) dense() *mat.Dense {
	out := mat.NewDense(m.rows, m.width, nil)
	for i := range m.rows {
		row := out.RawRowView(i)
		for k, x := range m.row(i) {
			row[k] = float64(x)
		}
	}
	return out
}

// learn fits a linear map from weighted terms to labels by ridge regression
// and keeps the directions in which the predicted labels vary most: with X
// the terms and Y the labels, W = (XᵀX + λI)⁻¹ XᵀY, and the columns of W V,
// V being the leading eigenvectors of Yᵀ X W. It returns W V (terms x rank)
// and V (labels x rank), levelled.
//
// W itself is never formed. The eigenvectors are found by subspace iteration,
// each step solving for rank columns by conjugate gradients from where the
// step before ended, so that time and memory grow with the number of terms
// and not with its square, nor with the number of labels.
func learn(rows [][]entry, terms int, y *targets, seed uint64) (projection, directions *mat.Dense) {
	labels := len(y.names)
	rank := min(learnedDimension, labels, terms)
	cross := func(v *matrix) *matrix { // XᵀY v, terms x rank
		scaled := newMatrix(labels, rank)
		middle := make([]float32, rank)
		for j := range labels {
			dst := scaled.row(j)
			axpy(float32(y.scale[j]), v.row(j), dst)
			axpy(float32(y.mean[j]), dst, middle)
		}
		return gather(rows, terms, rank, func(i int, t []float32) {
			for k := range t {
				t[k] = -middle[k]
			}
			for _, j := range y.rows[i] {
				axpy(1, scaled.row(int(j)), t)
			}
		})
	}
	back := func(b *matrix) *mat.Dense { // YᵀX b, labels x rank
		out := newMatrix(labels, rank)
		t := make([]float32, rank)
		total := make([]float32, rank)
		for i, row := range rows {
			clear(t)
			for _, e := range row {
				axpy(e.weight, b.row(int(e.term)), t)
			}
			axpy(1, t, total)
			for _, j := range y.rows[i] {
				axpy(1, t, out.row(int(j)))
			}
		}
		for j := range labels {
			dst := out.row(j)
			axpy(-float32(y.mean[j]), total, dst)
			blas32.Scal(float32(y.scale[j]), blas32.Vector{N: rank, Inc: 1, Data: dst})
		}
		return out.dense()
	}
	rng := rand.New(rand.NewPCG(seed, 0x6c6162656c))
	v := mat.NewDense(labels, rank, nil)
	for j := range labels {
		for k := range rank {
			v.Set(j, k, rng.NormFloat64())
		}
	}
	v = orthonormal(v)
	b := newMatrix(terms, rank)
	diagonal := make([]float64, terms)
	for _, row := range rows {
		for _, e := range row {
			diagonal[e.term] += float64(e.weight) * float64(e.weight)
		}
	}
	for step := range learnSteps {
		solve(rows, diagonal, cross(from(v)), b)
		if step == learnSteps-1 {
			break
		}
		next := orthonormal(back(b))
		// b solves for the old directions; turned into the new ones it is the
		// start of the next solution.
		var turn mat.Dense
		turn.Mul(v.T(), next)
		start := newMatrix(terms, rank)
		blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, b.general(), from(&turn).general(), 0, start.general())
		v, b = next, start
	}
	level(rows, b, v)
	return b.dense(), v
}

// gather returns Xᵀt for rows t that fill computes, in two fixed halves, so
// that the sums are the same on any number of processors.
func gather(rows [][]entry, terms, width int, fill func(i int, t []float32)) *matrix {
	var halves [2]*matrix
	var wg sync.WaitGroup
	for h := range halves {
		wg.Go(func() {
			out := newMatrix(terms, width)
			t := make([]float32, width)
			for i := h * len(rows) / 2; i < (h+1)*len(rows)/2; i++ {
				fill(i, t)
				for _, e := range rows[i] {
					axpy(e.weight, t, out.row(int(e.term)))
				}
			}
			halves[h] = out
		})
	}
	wg.Wait()
	axpy(1, halves[1].data, halves[0].data)
	return halves[0]
}

// solve improves b towards (XᵀX + λI) b = c by conjugate gradients,
// preconditioned by the diagonal, all columns at once.
func solve(rows [][]entry, diagonal []float64, c, b *matrix) {
	terms, width := c.rows, c.width
	apply := func(p *matrix) *matrix {
		out := gather(rows, terms, width, func(i int, t []float32) {
			clear(t)
			for _, e := range rows[i] {
				axpy(e.weight, p.row(int(e.term)), t)
			}
		})
		axpy(ridge, p.data, out.data)
		return out
	}
	dot := func(x, y *matrix, weigh bool) []float64 { // by column
		out := make([]float64, width)
		for i := range terms {
			w := 1.0
			if weigh {
				w = 1 / (diagonal[i] + ridge)
			}
			a, c := x.row(i), y.row(i)
			for k := range out {
				out[k] += w * float64(a[k]) * float64(c[k])
			}
		}
		return out
	}
	r := apply(b)
	for i, x := range c.data {
		r.data[i] = x - r.data[i]
	}
	p := newMatrix(terms, width)
	norm := dot(c, c, true)
	rz := dot(r, r, true)
	alpha, beta := make([]float32, width), make([]float32, width)
	for range solveSteps {
		done := true
		for k := range width {
			done = done && rz[k] <= solveTolerance*solveTolerance*norm[k]
		}
		if done {
			return
		}
		for i := range terms { // p = M⁻¹ r + β p
			w := float32(1 / (diagonal[i] + ridge))
			x, src := p.row(i), r.row(i)
			for k, b := range beta {
				x[k] = w*src[k] + b*x[k]
			}
		}
		ap := apply(p)
		pap := dot(p, ap, false)
		for k := range alpha {
			alpha[k] = 0
			if pap[k] > 0 {
				alpha[k] = float32(rz[k] / pap[k])
			}
		}
		for i := range terms {
			x, rr, pp, aa := b.row(i), r.row(i), p.row(i), ap.row(i)
			for k, a := range alpha {
				x[k] += a * pp[k]
				rr[k] -= a * aa[k]
			}
		}
		next := dot(r, r, true)
		for k := range beta {
			beta[k] = 0
			if rz[k] > 0 {
				beta[k] = float32(next[k] / rz[k])
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
func level(rows [][]entry, projection *matrix, directions *mat.Dense) {
	const power = -0.2 // of the mean square
	square := make([]float64, projection.width)
	v := make([]float32, projection.width)
	for _, row := range rows {
		clear(v)
		for _, e := range row {
			axpy(e.weight, projection.row(int(e.term)), v)
		}
		for k, x := range v {
			square[k] += float64(x) * float64(x) / float64(len(rows))
		}
	}
	least := 1e-6 * slices.Max(square)
	if least == 0 {
		return
	}
	labels, _ := directions.Dims()
	for k, x := range square {
		scale := math.Pow(max(x, least), power)
		for i := range projection.rows {
			projection.data[i*projection.width+k] *= float32(scale)
		}
		for j := range labels {
			directions.Set(j, k, directions.At(j, k)/scale)
		}
	}
}

func axpy(a float32, x, y []float32) {
	blas32.Axpy(a, blas32.Vector{N: len(x), Inc: 1, Data: x}, blas32.Vector{N: len(y), Inc: 1, Data: y})
}
