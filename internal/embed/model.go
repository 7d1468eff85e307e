package embed

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"
)

// Model is a fitted embedder. It is immutable and safe for concurrent use.
type Model struct {
	documents int
	terms     map[string]int32 // row of the projection, or -1
	names     []string         // in row order
	frequency []int32          // documents with the term, in row order
	rare      float64          // IDF of a term never seen
	basis     []float32        // len(names) x svdDimension, row-major
}

// Limits of a fit, which bound its time and memory: beyond them the most
// frequent terms and an even sample of the documents are taken.
const (
	maxTerms     = 30_000
	maxDocuments = 20_000
	oversampling = 16
	powerSteps   = 2
)

// Fit learns a model from a corpus. The same corpus in the same order and the
// same seed give the same model. It needs at least two documents.
func Fit(corpus []string, seed uint64) (*Model, error) {
	if len(corpus) < 2 {
		return nil, fmt.Errorf("fitting needs at least 2 documents, got %d", len(corpus))
	}
	df := map[string]int32{}
	for _, text := range corpus {
		for term := range counts(text) {
			df[term]++
		}
	}
	m := &Model{documents: len(corpus), terms: map[string]int32{}}
	for term, n := range df {
		if n >= 2 {
			m.names = append(m.names, term)
		}
	}
	slices.SortFunc(m.names, func(a, b string) int {
		return cmp.Or(cmp.Compare(df[b], df[a]), strings.Compare(a, b))
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
	m.project(sample(corpus), seed)
	return m, nil
}

// index derives what is not stored.
func (m *Model) index() {
	m.rare = idf(m.documents, 0)
	for i, term := range m.names {
		m.terms[term] = int32(i)
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
	weight float64
}

// weigh returns the L2-normalised TF-IDF row of a text over the model's terms.
func (m *Model) weigh(tf map[string]int) []entry {
	row := make([]entry, 0, len(tf))
	for term, n := range tf {
		i, ok := m.terms[term]
		if !ok {
			continue
		}
		w := (1 + math.Log(float64(n))) * idf(m.documents, int(m.frequency[i]))
		row = append(row, entry{i, w})
	}
	slices.SortFunc(row, func(a, b entry) int { return cmp.Compare(a.term, b.term) })
	var sum float64
	for _, e := range row {
		sum += e.weight * e.weight
	}
	if sum > 0 {
		for i := range row {
			row[i].weight /= math.Sqrt(sum)
		}
	}
	return row
}

// project computes the right singular vectors of the TF-IDF matrix by
// randomised subspace iteration (Halko, Martinsson, Tropp 2011, algorithm 4.4
// and 5.1).
func (m *Model) project(corpus []string, seed uint64) {
	n, v := len(corpus), len(m.names)
	m.basis = make([]float32, v*svdDimension)
	k := min(svdDimension+oversampling, n, v)
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
					dst[j] += e.weight * x
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
					dst[j] += e.weight * x
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
			m.basis[i*svdDimension+d] = float32(sign * right.AtVec(i))
		}
	}
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

// Embed returns the vector of a text. A text without letters or digits has
// the zero vector.
func (m *Model) Embed(text string) []float32 {
	tf := counts(text)
	v := make([]float32, Dimension)
	for _, e := range m.weigh(tf) {
		w := float32(e.weight)
		row := m.basis[int(e.term)*svdDimension:][:svdDimension]
		for j, x := range row {
			v[j] += w * x
		}
	}
	normalise(v[:svdDimension])
	hashed := v[svdDimension:]
	for _, term := range sortedTerms(tf) {
		weight := m.rare
		if i, ok := m.terms[term]; ok {
			weight = idf(m.documents, int(m.frequency[i]))
		}
		w := float32((1 + math.Log(float64(tf[term]))) * weight)
		for slot := range hashSlots {
			h := fnv64(term, byte(slot+1))
			x := w
			if h>>63 == 1 {
				x = -x
			}
			hashed[h%hashDimension] += x
		}
	}
	normalise(hashed)
	normalise(v)
	return v
}

const magic = "zhijia-ngram-1\n"

// Save writes the model. Load reads it back to an equal one.
func (m *Model) Save(w io.Writer) error {
	var b bytes.Buffer
	b.WriteString(magic)
	put := func(x uint32) { b.Write(binary.LittleEndian.AppendUint32(nil, x)) }
	put(uint32(m.documents))
	put(uint32(len(m.names)))
	for i, term := range m.names {
		b.WriteByte(byte(len(term)))
		b.WriteString(term)
		put(uint32(m.frequency[i]))
	}
	for _, x := range m.basis {
		put(math.Float32bits(x))
	}
	_, err := w.Write(b.Bytes())
	return err
}

// Version identifies the model by its content.
func (m *Model) Version() string {
	h := sha256.New()
	if err := m.Save(h); err != nil {
		panic(err) // a hash never fails to write
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// ErrFormat is returned by [Load] for bytes that [Model.Save] did not write.
var ErrFormat = errors.New("not an n-gram model")

// Load reads a model written by [Model.Save].
func Load(body []byte) (*Model, error) {
	rest, ok := bytes.CutPrefix(body, []byte(magic))
	if !ok || len(rest) < 8 {
		return nil, ErrFormat
	}
	m := &Model{documents: int(binary.LittleEndian.Uint32(rest)), terms: map[string]int32{}}
	n := int(binary.LittleEndian.Uint32(rest[4:]))
	rest = rest[8:]
	if n > maxTerms {
		return nil, ErrFormat
	}
	for range n {
		if len(rest) < 1 {
			return nil, ErrFormat
		}
		size := int(rest[0])
		if len(rest) < 1+size+4 {
			return nil, ErrFormat
		}
		m.names = append(m.names, string(rest[1:1+size]))
		m.frequency = append(m.frequency, int32(binary.LittleEndian.Uint32(rest[1+size:])))
		rest = rest[1+size+4:]
	}
	if len(rest) != n*svdDimension*4 {
		return nil, ErrFormat
	}
	m.basis = make([]float32, n*svdDimension)
	for i := range m.basis {
		m.basis[i] = math.Float32frombits(binary.LittleEndian.Uint32(rest[4*i:]))
	}
	m.index()
	return m, nil
}
