package store

import (
	"encoding/binary"
	"math"

	"zhijia/internal/embed"
	"zhijia/internal/patent"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/terms"
)

// SimilarityVersion names the weights below; it is stored with every result.
const SimilarityVersion = "similarity-4"

// The one similarity between two patents or deals is [embed.Likeness]: the
// probability that they share an IPC subclass, with weights that were fitted
// and ship with the program (internal/embed/likeness.json says on what).
// Text is the cosine of the vectors of one embedding space, lexical the
// containment of character bigrams, IPC the deepest common level. Every part
// is symmetric and independent of what else is stored, so a deal's similarity
// does not move when other deals arrive. The kind of right is shown and has no
// weight: the texts the fit read do not state it.

// The IPC part as it is shown: 1 for a common subclass, 0.6 for a common
// class, 0.3 for a common section (standards 3.3, g).
const (
	ipcSubclass = 1.0
	ipcClass    = 0.6
	ipcSection  = 0.3
)

// features are what similarity is computed from.
type features struct {
	vector []float32 // nil: none in the active space, or cosine says it all
	cosine *float64  // to the subject, where the database has taken it
	terms  []int32
	ipc    []string
	kind   patent.Kind
}

func similarity(a, b features) (valuation.Similarity, terms.IPCLevel) {
	var s valuation.Similarity
	var parts embed.Parts
	part := func(dst **float64, x float64) *float64 {
		x = math.Round(x*1e6) / 1e6 // halfvec carries no more
		*dst = &x
		return &x
	}
	switch {
	case b.cosine != nil:
		parts.Text = part(&s.Text, *b.cosine)
	case a.vector != nil && b.vector != nil:
		parts.Text = part(&s.Text, embed.Cosine(a.vector, b.vector))
	}
	if len(a.terms) > 0 && len(b.terms) > 0 {
		parts.Lexical = part(&s.Lexical, embed.Containment(a.terms, b.terms))
	}
	level := ipcLevel(a.ipc, b.ipc)
	if len(a.ipc) > 0 && len(b.ipc) > 0 {
		shown, relation := 0.0, embed.NoRelation
		switch level {
		case terms.LevelSubclass:
			shown, relation = ipcSubclass, embed.SameSubclass
		case terms.LevelClass:
			shown, relation = ipcClass, embed.SameClass
		case terms.LevelSection:
			shown, relation = ipcSection, embed.SameSection
		}
		part(&s.IPC, shown)
		parts.IPC = &relation
	}
	if a.kind != "" && b.kind != "" {
		same := 0.0
		if a.kind == b.kind {
			same = 1
		}
		part(&s.Kind, same)
	}
	s.Total = math.Round(embed.FittedLikeness().Of(parts)*1e6) / 1e6
	return s, level
}

// ipcLevel returns the deepest level two lists of symbols have in common.
func ipcLevel(a, b []string) terms.IPCLevel {
	depth := 0
	for _, x := range a {
		for _, y := range b {
			n := 0
			for n < 4 && n < len(x) && n < len(y) && x[n] == y[n] {
				n++
			}
			depth = max(depth, n)
		}
	}
	switch {
	case depth >= 4:
		return terms.LevelSubclass
	case depth == 3:
		return terms.LevelClass
	case depth >= 1:
		return terms.LevelSection
	}
	return terms.LevelNone
}

// packTerms writes bigram hashes as the column terms holds them: one value is
// read far faster than an array's elements.
func packTerms(terms []int32) []byte {
	b := make([]byte, 0, 4*len(terms))
	for _, t := range terms {
		b = binary.LittleEndian.AppendUint32(b, uint32(t))
	}
	return b
}

func unpackTerms(b []byte) []int32 {
	terms := make([]int32, len(b)/4)
	for i := range terms {
		terms[i] = int32(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return terms
}
