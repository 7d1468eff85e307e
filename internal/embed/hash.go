// Package embed is the local text embedder: it needs no endpoint, no weights
// and no word segmentation.
//
// A text becomes character 1- and 2-grams. Three things are made of them: a
// map to patent classes learned from texts with IPC symbols ([Train]), a
// truncated SVD of a corpus, and a signed feature hash ([Hash] alone before
// anything is fitted). A model that was trained on public titles and
// abstracts ships with the package ([Shipped]). Vectors of different models
// must never be compared with each other.
package embed

import (
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"gonum.org/v1/gonum/blas/blas32"
)

// Dimension is the length of every vector of this package.
const Dimension = 1024

const (
	svdDimension = 256
	// A feature is spread over several slots when it carries a document
	// frequency: one collision then costs a quarter of its weight.
	hashSlots = 4
)

// A gram is a character (its rune) or a pair of characters (the first one's rune
// in the upper half).
type gram uint64

func (g gram) pair() bool { return g>>32 != 0 }

func (g gram) String() string {
	if g.pair() {
		return string([]rune{rune(g >> 32), rune(g & math.MaxUint32)})
	}
	return string(rune(g))
}

// gramOf reads what String wrote.
func gramOf(s string) (gram, bool) {
	switch r := []rune(s); len(r) {
	case 1:
		return gram(r[0]), true
	case 2:
		return gram(r[0])<<32 | gram(r[1]), true
	}
	return 0, false
}

// grams appends every character 1- and 2-gram of the text. Case and width are
// folded; anything but letters and digits separates.
func grams(to []gram, text string) []gram {
	var previous rune
	for _, r := range text {
		if r = fold(r); r != 0 {
			to = append(to, gram(r))
			if previous != 0 {
				to = append(to, gram(previous)<<32|gram(r))
			}
		}
		previous = r
	}
	return to
}

// fold returns the letter or digit in lower case and half width, 0 for
// anything else.
func fold(r rune) rune {
	if r >= 0x4e00 && r <= 0x9fff { // Han, the most of it
		return r
	}
	if r >= 0xff01 && r <= 0xff5e {
		r -= 0xfee0
	}
	if unicode.IsLetter(r) || unicode.IsDigit(r) {
		return unicode.ToLower(r)
	}
	return 0
}

// Bigrams returns the distinct character 2-grams of the text (and its single
// letters standing alone) as sorted 31-bit hashes: the lexical arm's features.
func Bigrams(text string) []int32 {
	var out []int32
	words := strings.FieldsFunc(text, func(r rune) bool { return fold(r) == 0 })
	for _, w := range words {
		rs := []rune(strings.Map(fold, w))
		if len(rs) == 1 {
			out = append(out, int32(fnv32(string(rs))&math.MaxInt32))
		}
		for i := 1; i < len(rs); i++ {
			out = append(out, int32(fnv32(string(rs[i-1:i+1]))&math.MaxInt32))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Overlap is the cosine of two sets as returned by [Bigrams], in [0, 1]:
// |A∩B|/√(|A||B|) (Ochiai). It does not depend on any corpus.
func Overlap(a, b []int32) float64 {
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	return float64(common(a, b)) / math.Sqrt(float64(len(a))*float64(len(b)))
}

func common(a, b []int32) (n int) {
	for i, j := 0, 0; i < len(a) && j < len(b); {
		x, y := a[i], b[j] // three increments without a branch: which list leads cannot be predicted
		if x == y {
			n++
		}
		if x <= y {
			i++
		}
		if y <= x {
			j++
		}
	}
	return n
}

func fnv32(s string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(s))
	return h.Sum32()
}

// fnv64 is FNV-1a, inlined because it runs once per feature and slot.
func fnv64(s string, seed byte) uint64 {
	h := uint64(14695981039346656037)
	h = (h ^ uint64(seed)) * 1099511628211
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	// FNV's low bits are weak for short keys.
	h ^= h >> 29
	h *= 0xbf58476d1ce4e5b9
	return h ^ h>>32
}

// Hash returns the stateless vector of a text: signed feature hashing with
// sublinear term frequency, no document frequency. A text without letters or
// digits has the zero vector.
func Hash(text string) []float32 {
	v := make([]float32, Dimension)
	for _, c := range counts(text) {
		h := fnv64(c.gram.String(), 0)
		w := float32(1 + math.Log(float64(c.n)))
		if h>>63 == 1 {
			w = -w
		}
		v[h%Dimension] += w
	}
	normalise(v)
	return v
}

// A short first line of several is a title: it says what the text is about in
// a few words, so each of them counts like titleTimes in the lines below it.
const (
	titleTimes  = 6
	titleLength = 100 // characters; a longer first line is text like the rest
)

// counted is a gram with how often a text has it.
type counted struct {
	gram gram
	n    int
}

// counts returns the grams of a text in ascending order, so that what is summed
// over them is the same each time.
func counts(text string) []counted {
	title, rest, both := strings.Cut(text, "\n")
	times := 1
	if both && strings.TrimSpace(rest) != "" && utf8.RuneCountInString(title) <= titleLength {
		times = titleTimes
	}
	all := grams(make([]gram, 0, len(text)), title)
	first := len(all)
	all = grams(all, rest)
	slices.Sort(all[:first])
	slices.Sort(all[first:])
	out := make([]counted, 0, len(all))
	for a, b := all[:first], all[first:]; len(a)+len(b) > 0; {
		var c counted
		if len(b) == 0 || len(a) > 0 && a[0] < b[0] {
			c.gram = a[0]
		} else {
			c.gram = b[0]
		}
		for len(a) > 0 && a[0] == c.gram {
			a, c.n = a[1:], c.n+times
		}
		for len(b) > 0 && b[0] == c.gram {
			b, c.n = b[1:], c.n+1
		}
		out = append(out, c)
	}
	return out
}

func normalise(v []float32) {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 {
		return
	}
	scale := float32(1 / math.Sqrt(sum))
	for i := range v {
		v[i] *= scale
	}
}

// scatter mixes the bits of a gram, so that each part of the result serves as a
// hash of its own (splitmix64).
func (g gram) scatter() uint64 {
	h := (uint64(g) + 0x9e3779b97f4a7c15)
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// Cosine returns the inner product of two normalised vectors.
func Cosine(a, b []float32) float64 {
	return float64(blas32.Dot(blas32.Vector{N: len(a), Inc: 1, Data: a}, blas32.Vector{N: len(b), Inc: 1, Data: b}))
}
