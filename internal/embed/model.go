package embed

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// Model is a fitted embedder. It is immutable and safe for concurrent use.
//
// Its vectors have parts, each of unit length before it is weighted: a
// projection of the terms, which is the learned map to patent classes where
// labelled examples were given and the truncated SVD of the corpus otherwise;
// beside a learned map the square roots of the probabilities of the classes,
// whose inner product is 1 for two texts of one certain class; and a feature
// hash weighted by inverse document frequency.
type Model struct {
	documents int
	terms     map[gram]int32 // row of the blocks
	names     []gram         // in row order
	frequency []int32        // documents with the term, in row order
	weights   []float64      // its IDF, in row order
	rare      float64        // IDF of a term never seen
	block     *block         // the projection
	classes   *classes       // what the projection was learned from; nil for an SVD
	card      Card
	version   string // of a model that was read, hashed once; else empty
}

// block is a projection of the terms to a few dimensions, kept in eight bits
// an entry with one scale a term, and unfolded for use.
type block struct {
	width int
	scale []float32 // by term
	small []int8    // terms x width, row-major
	basis []float32 // small times scale
}

func newBlock(m mat.Matrix) *block {
	terms, width := m.Dims()
	b := &block{width: width, scale: make([]float32, terms), small: make([]int8, terms*width)}
	for i := range terms {
		largest := 0.0
		for j := range width {
			largest = max(largest, math.Abs(m.At(i, j)))
		}
		if largest == 0 {
			continue
		}
		b.scale[i] = float32(largest / 127)
		for j := range width {
			b.small[i*width+j] = int8(math.Round(m.At(i, j) / float64(b.scale[i])))
		}
	}
	b.unfold()
	return b
}

func (b *block) unfold() {
	b.basis = make([]float32, len(b.small))
	for i, s := range b.scale {
		for j := i * b.width; j < (i+1)*b.width; j++ {
			b.basis[j] = s * float32(b.small[j])
		}
	}
}

// project returns the weighted sum of the rows of a text's terms.
func (b *block) project(row []entry) []float32 {
	v := make([]float32, b.width)
	for _, e := range row {
		axpy(e.weight, b.row(int(e.term)), v)
	}
	return v
}

func (b *block) row(i int) []float32 { return b.basis[i*b.width:][:b.width] }

// Shares of the inner product of two vectors of a learned map; the rest is the
// projection's. The map finds the class, and its probabilities count what is
// nearly certain for more than a sum of scores does: the nDCG@10 of the same
// subclass rises by .012 to .018 on the shared texts held out. The hash keeps
// exact wording. Beside a plain SVD the hash counts as much as the SVD.
const (
	shareOfClasses    = 0.2
	hashBesideLearned = 0.24
	hashBesideSVD     = 0.5
	mostClasses       = 512 // with a place of their own in a vector
)

// Limits of a fit, which bound its time and memory: beyond them the most
// frequent terms and an even sample of the documents are taken.
const (
	maxTerms     = 24_000
	maxDocuments = 20_000
	oversampling = 16
	powerSteps   = 2
)

// vocabulary returns a model that knows the terms of a corpus and nothing else.
func vocabulary(corpus []string) (*Model, error) {
	if len(corpus) < 2 {
		return nil, fmt.Errorf("fitting needs at least 2 documents, got %d", len(corpus))
	}
	df := map[gram]int32{}
	for _, text := range corpus {
		for _, c := range counts(text) {
			df[c.gram]++
		}
	}
	m := &Model{documents: len(corpus), terms: map[gram]int32{}}
	for term, n := range df {
		if n >= 2 {
			m.names = append(m.names, term)
		}
	}
	slices.SortFunc(m.names, func(a, b gram) int {
		return cmp.Or(cmp.Compare(df[b], df[a]), cmp.Compare(a, b))
	})
	if len(m.names) > maxTerms {
		m.names = m.names[:maxTerms]
	}
	slices.Sort(m.names)
	m.frequency = make([]int32, len(m.names))
	for i, term := range m.names {
		m.frequency[i] = df[term]
	}
	m.index()
	return m, nil
}

// index derives what is not stored.
func (m *Model) index() {
	m.rare = idf(m.documents, 0)
	m.weights = make([]float64, len(m.names))
	for i, term := range m.names {
		m.terms[term] = int32(i)
		m.weights[i] = idf(m.documents, int(m.frequency[i]))
	}
}

func idf(documents, frequency int) float64 {
	return math.Log((1+float64(documents))/(1+float64(frequency))) + 1
}

func sample(corpus []string) []string {
	if len(corpus) <= maxDocuments {
		return corpus
	}
	out := make([]string, maxDocuments)
	for i := range out {
		out[i] = corpus[i*len(corpus)/maxDocuments]
	}
	return out
}

type entry struct {
	term   int32
	weight float32
}

// weigh returns the L2-normalised TF-IDF row of a text over the model's terms.
func (m *Model) weigh(tf []counted) []entry {
	row := make([]entry, 0, len(tf))
	var sum float64
	for _, c := range tf { // in the order of the rows, because both are sorted
		i, ok := m.terms[c.gram]
		if !ok {
			continue
		}
		w := sublinear(c.n) * m.weights[i]
		sum += w * w
		row = append(row, entry{i, float32(w)})
	}
	if sum > 0 {
		scale := float32(1 / math.Sqrt(sum))
		for i := range row {
			row[i].weight *= scale
		}
	}
	return row
}

func sublinear(n int) float64 {
	if n == 1 {
		return 1
	}
	return 1 + math.Log(float64(n))
}

// project computes the right singular vectors of the TF-IDF matrix by
// randomised subspace iteration (Halko, Martinsson, Tropp 2011, algorithm 4.4
// and 5.1).
func (m *Model) project(corpus []string, seed uint64) {
	n, v := len(corpus), len(m.names)
	k := min(svdDimension+oversampling, n, v)
	m.block = newBlock(mat.NewDense(max(v, 1), svdDimension, nil))
	if k == 0 {
		return
	}
	rows := make([][]entry, n)
	for i, text := range corpus {
		rows[i] = m.weigh(counts(text))
	}
	times := func(b *mat.Dense) *mat.Dense { // A b, n x k
		out := mat.NewDense(n, k, nil)
		for i, row := range rows {
			dst := out.RawRowView(i)
			for _, e := range row {
				for j, x := range b.RawRowView(int(e.term)) {
					dst[j] += float64(e.weight) * x
				}
			}
		}
		return out
	}
	transposed := func(b *mat.Dense) *mat.Dense { // Aᵀ b, v x k
		out := mat.NewDense(v, k, nil)
		for i, row := range rows {
			src := b.RawRowView(i)
			for _, e := range row {
				dst := out.RawRowView(int(e.term))
				for j, x := range src {
					dst[j] += float64(e.weight) * x
				}
			}
		}
		return out
	}
	rng := rand.New(rand.NewPCG(seed, 0x6e6772616d))
	omega := mat.NewDense(v, k, nil)
	for i := range v {
		for j := range k {
			omega.Set(i, j, rng.NormFloat64())
		}
	}
	q := orthonormal(times(omega))
	for range powerSteps {
		q = orthonormal(times(orthonormal(transposed(q))))
	}
	bt := transposed(q) // v x k: Bᵀ with B = QᵀA
	var gram mat.SymDense
	gram.SymOuterK(1, bt.T()) // B Bᵀ, k x k
	var eigen mat.EigenSym
	if !eigen.Factorize(&gram, true) {
		return
	}
	values := eigen.Values(nil) // ascending
	var u mat.Dense
	eigen.VectorsTo(&u)
	basis := mat.NewDense(v, svdDimension, nil)
	for d := range min(svdDimension, k) {
		j := k - 1 - d
		if values[j] <= 1e-12*values[k-1] {
			break
		}
		column := mat.NewVecDense(k, mat.Col(nil, j, &u))
		var right mat.VecDense
		right.MulVec(bt, column)
		right.ScaleVec(1/math.Sqrt(values[j]), &right)
		// A singular vector's sign is arbitrary: make its largest entry positive.
		largest := 0.0
		for i := range v {
			if x := right.AtVec(i); math.Abs(x) > math.Abs(largest) {
				largest = x
			}
		}
		sign := math.Copysign(1, largest)
		for i := range v {
			basis.Set(i, d, sign*right.AtVec(i))
		}
	}
	m.block = newBlock(basis)
}

// orthonormal returns an orthonormal basis of the columns of a by two rounds
// of Cholesky QR, which costs two products where Householder's costs many
// passes; columns that vanish are dropped to zero.
func orthonormal(a *mat.Dense) *mat.Dense {
	for range 2 {
		n, k := a.Dims()
		var gram mat.SymDense
		gram.SymOuterK(1, a.T())
		trace := 0.0
		for i := range k {
			trace += gram.At(i, i)
		}
		for i := range k {
			gram.SetSym(i, i, gram.At(i, i)+1e-12*trace/float64(k)+math.SmallestNonzeroFloat64)
		}
		var chol mat.Cholesky
		if !chol.Factorize(&gram) {
			return a
		}
		var u mat.TriDense
		chol.UTo(&u)
		var inverse mat.TriDense
		if err := inverse.InverseTri(&u); err != nil {
			return a
		}
		out := mat.NewDense(n, k, nil)
		out.Mul(a, &inverse)
		a = out
	}
	return a
}

// Documents returns how many documents the model was fitted on.
func (m *Model) Documents() int { return m.documents }

// Embed returns the vector of a text, of [Dimension] entries and unit length.
// A text without letters or digits has the zero vector.
func (m *Model) Embed(text string) []float32 {
	tf := counts(text)
	v := make([]float32, 0, Dimension)
	add := func(part []float32, share float64) {
		normalise(part)
		w := float32(math.Sqrt(share))
		for _, x := range part {
			v = append(v, w*x)
		}
	}
	projected := m.block.project(m.weigh(tf))
	hash := hashBesideSVD
	if m.classes == nil {
		add(projected, 1-hash)
	} else {
		hash = hashBesideLearned
		probable := m.classes.roots(projected)
		add(projected, 1-hash-shareOfClasses)
		add(probable, shareOfClasses)
	}
	hashed := make([]float32, Dimension-len(v))
	slots := uint64(len(hashed))
	for _, c := range tf {
		weight := m.rare
		if i, ok := m.terms[c.gram]; ok {
			weight = m.weights[i]
		}
		w := float32(sublinear(c.n) * weight)
		h := c.gram.scatter()
		for range hashSlots { // 16 bits for each: 15 choose the slot, one the sign
			x := w
			if h&1 == 1 {
				x = -x
			}
			hashed[(h>>1&0x7fff)*slots>>15] += x
			h >>= 16
		}
	}
	add(hashed, hash)
	normalise(v)
	return v
}

const magic = "zhijia-embed-4\n"

// header is what a stored model holds beside its terms and blocks.
type header struct {
	Documents int      `json:"documents"`
	Terms     int      `json:"terms"`
	Width     int      `json:"width"` // of the projection
	Classes   *classes `json:"classes,omitempty"`
	Card      Card     `json:"card"`
}

// Save writes the model. Load reads it back to an equal one.
func (m *Model) Save(w io.Writer) error {
	h := header{Documents: m.documents, Terms: len(m.names), Width: m.block.width, Classes: m.classes, Card: m.card}
	head, err := json.Marshal(h)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	b.WriteString(magic)
	put := func(x uint32) { b.Write(binary.LittleEndian.AppendUint32(nil, x)) }
	put(uint32(len(head)))
	b.Write(head)
	for i, term := range m.names {
		name := term.String()
		b.WriteByte(byte(len(name)))
		b.WriteString(name)
		put(uint32(m.frequency[i]))
	}
	blocks := []*block{m.block}
	if m.classes != nil {
		blocks = append(blocks, m.classes.directions)
	}
	for _, k := range blocks {
		for _, x := range k.scale {
			put(math.Float32bits(x))
		}
		small := make([]byte, len(k.small))
		for i, q := range k.small {
			small[i] = byte(q)
		}
		b.Write(small)
	}
	_, err = w.Write(b.Bytes())
	return err
}

// Version identifies the model by its content.
func (m *Model) Version() string {
	if m.version != "" {
		return m.version
	}
	var b bytes.Buffer
	if err := m.Save(&b); err != nil {
		panic(err) // a buffer never fails to write, and the header is plain data
	}
	return versionOf(b.Bytes())
}

// versionOf returns the version of the model that a body is the saved form of.
func versionOf(body []byte) string {
	h := sha256.Sum256(body)
	return hex.EncodeToString(h[:])[:12]
}

// ErrFormat is returned by [Load] for bytes that [Model.Save] did not write.
var ErrFormat = errors.New("not a text embedding model of this version")

// Load reads a model written by [Model.Save].
func Load(body []byte) (*Model, error) {
	rest, ok := bytes.CutPrefix(body, []byte(magic))
	take := func(n int) []byte {
		if !ok || n < 0 || len(rest) < n {
			ok = false
			return nil
		}
		out := rest[:n]
		rest = rest[n:]
		return out
	}
	number := func() uint32 {
		if b := take(4); ok {
			return binary.LittleEndian.Uint32(b)
		}
		return 0
	}
	var h header
	if head := take(int(number())); !ok || json.Unmarshal(head, &h) != nil {
		return nil, ErrFormat
	}
	if h.Terms < 0 || h.Terms > maxTerms || h.Documents < 0 || h.Width < 0 || h.Width >= Dimension {
		return nil, ErrFormat
	}
	if h.Classes != nil && !h.Classes.valid(h.Width) {
		return nil, ErrFormat
	}
	m := &Model{documents: h.Documents, terms: map[gram]int32{}, classes: h.Classes, card: h.Card, version: versionOf(body)}
	for range h.Terms {
		size := take(1)
		if !ok {
			return nil, ErrFormat
		}
		term, known := gramOf(string(take(int(size[0]))))
		if n := len(m.names); !known || n > 0 && m.names[n-1] >= term {
			return nil, ErrFormat
		}
		m.names = append(m.names, term)
		m.frequency = append(m.frequency, int32(number()))
	}
	read := func(rows int) *block {
		if !ok || len(rest) < rows*(4+h.Width) {
			ok = false
			return nil
		}
		b := &block{width: h.Width, scale: make([]float32, rows), small: make([]int8, rows*h.Width)}
		for i := range b.scale {
			b.scale[i] = math.Float32frombits(number())
		}
		for i, q := range take(len(b.small)) {
			b.small[i] = int8(q)
		}
		b.unfold()
		return b
	}
	m.block = read(h.Terms)
	if m.classes != nil {
		m.classes.directions = read(len(m.classes.Names))
		m.classes.place()
	}
	if !ok || len(rest) != 0 {
		return nil, ErrFormat
	}
	m.index()
	return m, nil
}
