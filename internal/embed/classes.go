package embed

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"unicode"
)

// Card says what a model was fitted on and how it did on texts it had not
// seen. Figures are of held-out examples, none of which shares a group (an
// applicant, a publication) with one the figures' model was fitted on.
type Card struct {
	Data     string  `json:"data,omitempty"`        // what the examples are, in words
	Hash     string  `json:"hash,omitempty"`        // SHA-256 of the examples
	Made     string  `json:"made,omitempty"`        // day the model was fitted, YYYY-MM-DD
	Examples int     `json:"examples,omitempty"`    // labelled texts
	Held     int     `json:"held_out,omitempty"`    // texts the figures below are of
	First    float64 `json:"first_right,omitempty"` // share of the texts whose most probable subclass is one of theirs
	FirstOf5 float64 `json:"among_five,omitempty"`  // share with one of theirs among the five most probable
	// LogLoss is the mean of -ln p of the main subclass. Two numbers of the
	// calibration were fitted on the same held-out texts, so it is a little low.
	LogLoss float64 `json:"log_loss,omitempty"`
}

// classes turns the learned part of a vector into probabilities of subclasses.
type classes struct {
	Names     []string    `json:"names"`     // subclasses, sorted
	Direction [][]float32 `json:"direction"` // by subclass, in the learned dimensions
	Prior     []float64   `json:"prior"`     // logarithm of the share of examples
	Sharpness float64     `json:"sharpness"` // factor of the score before the softmax, fitted on held-out texts
	Weight    float64     `json:"weight"`    // of the prior, fitted on held-out texts
	Faint     float64     `json:"faint"`     // length of the projection below which a text is unlike the examples
}

func (c *classes) valid(width int) error {
	if c == nil {
		return nil
	}
	if len(c.Names) != len(c.Direction) || len(c.Names) != len(c.Prior) {
		return errors.New("classes of unequal length")
	}
	for _, d := range c.Direction {
		if len(d) != width {
			return errors.New("a class of another width")
		}
	}
	return nil
}

// Class is a subclass proposed for a text, with its probability in [0, 1].
type Class struct {
	Subclass    string  `json:"subclass"`
	Probability float64 `json:"probability"`
}

// Card returns what the model was fitted on and its held-out figures.
func (m *Model) Card() Card { return m.card }

// Classes returns the k most probable IPC subclasses of a text, most probable
// first. It returns none when the model learned no classes or the text is
// unlike everything it learned from (another language, nonsense, a name).
func (m *Model) Classes(text string, k int) []Class {
	if m.classes == nil || !chinese(text) {
		return nil
	}
	v := m.block.project(m.weigh(counts(text)))
	if length(v) < m.classes.Faint {
		return nil
	}
	p := m.classes.probabilities(v, m.classes.Sharpness, m.classes.Weight)
	out := make([]Class, len(p))
	for i, x := range p {
		out[i] = Class{m.classes.Names[i], x}
	}
	slices.SortFunc(out, func(a, b Class) int {
		return cmp.Or(cmp.Compare(b.Probability, a.Probability), cmp.Compare(a.Subclass, b.Subclass))
	})
	return out[:min(k, len(out))]
}

func (c *classes) probabilities(v []float32, sharpness, weight float64) []float64 {
	p := make([]float64, len(c.Names))
	largest := math.Inf(-1)
	for i, d := range c.Direction {
		p[i] = sharpness*Cosine(v, d) + weight*c.Prior[i]
		largest = max(largest, p[i])
	}
	sum := 0.0
	for i := range p {
		p[i] = math.Exp(p[i] - largest)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// chinese reports whether at least half of a text's letters are Han and there
// are at least four of them.
func chinese(text string) bool {
	han, letters := 0, 0
	for _, r := range text {
		if unicode.Is(unicode.Han, r) {
			han++
		}
		if unicode.IsLetter(r) {
			letters++
		}
	}
	return han >= 4 && 2*han >= letters
}

func length(v []float32) float64 { return math.Sqrt(Cosine(v, v)) }
