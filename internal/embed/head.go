package embed

import (
	"encoding/json"
	"errors"
	"math"
)

// Head is a map to patent classes on top of vectors that come from elsewhere,
// such as an endpoint's. Start with [FitHead].
type Head struct {
	mean    []float32
	block   *block
	classes *classes
}

const (
	// HeadLimit is the most dimensions a vector with a head may have: an HNSW
	// index of half-precision vectors takes no more.
	HeadLimit = 4000
	// HeadEntries bounds the numbers a head is learned from, and with them its
	// memory.
	HeadEntries = 20_000_000
	shareOfRaw  = 0.3
)

// FitHead learns a head from vectors and the IPC symbols of their texts. The
// same vectors in the same order and the same seed give an equal one.
func FitHead(vectors [][]float32, examples []Example, seed uint64) (*Head, error) {
	var with []Example
	var of [][]float32
	for i, e := range examples {
		if len(Subclasses(e.IPC)) > 0 {
			with, of = append(with, e), append(of, vectors[i])
		}
	}
	if len(with) < LeastExamples {
		return nil, errors.New("too few labelled vectors")
	}
	inputs := len(of[0])
	h := &Head{mean: make([]float32, inputs)}
	units := make([][]float32, len(of))
	for i, v := range of {
		if len(v) != inputs {
			return nil, errors.New("vectors of unequal length")
		}
		units[i] = make([]float32, inputs)
		copy(units[i], v)
		normalise(units[i])
		axpy(1/float32(len(of)), units[i], h.mean)
	}
	rows := make([][]entry, len(units))
	for i, v := range units {
		rows[i] = h.centred(v)
	}
	y := newTargets(with)
	projection, directions := learn(rows, inputs, y, seed)
	h.block, h.classes = newBlock(projection), classesOf(y, directions)
	h.classes.placed = h.classes.placed[:max(0, min(len(h.classes.placed), HeadLimit-inputs-h.block.width))]
	return h, nil
}

// centred is a unit vector less the mean of those learned from: what all
// vectors of a model have in common tells nothing.
func (h *Head) centred(unit []float32) []entry {
	row := make([]entry, len(unit))
	for k, x := range unit {
		row[k] = entry{int32(k), x - h.mean[k]}
	}
	return row
}

// Inputs is the dimension of the vectors the head takes.
func (h *Head) Inputs() int { return len(h.mean) }

// Dimension is that of the vectors it makes.
func (h *Head) Dimension() int { return len(h.mean) + h.block.width + len(h.classes.placed) }

// Apply returns the vector with its learned parts, of unit length; the zero
// vector for one of another dimension than Inputs, and for zero.
func (h *Head) Apply(v []float32) []float32 {
	out := make([]float32, 0, h.Dimension())
	if len(v) != len(h.mean) || length(v) == 0 {
		return out[:h.Dimension()]
	}
	add := func(part []float32, share float64) {
		normalise(part)
		w := float32(math.Sqrt(share))
		for _, x := range part {
			out = append(out, w*x)
		}
	}
	unit := make([]float32, len(v))
	copy(unit, v)
	normalise(unit)
	projected := h.block.project(h.centred(unit))
	probable := h.classes.roots(projected)
	add(unit, shareOfRaw)
	add(projected, 1-shareOfRaw-shareOfClasses)
	add(probable, shareOfClasses)
	normalise(out)
	return out
}

// storedHead is a head as JSON.
type storedHead struct {
	Mean       []float32   `json:"mean"`
	Map        storedBlock `json:"map"`
	Classes    *classes    `json:"classes"`
	Directions storedBlock `json:"directions"`
	Placed     []int       `json:"placed"`
}

type storedBlock struct {
	Scale []float32 `json:"scale"`
	Small []byte    `json:"small"`
}

func (b *block) stored() storedBlock {
	small := make([]byte, len(b.small))
	for i, q := range b.small {
		small[i] = byte(q)
	}
	return storedBlock{b.scale, small}
}

func (s storedBlock) block(rows int) (*block, error) {
	if rows == 0 || len(s.Scale) != rows || len(s.Small) == 0 || len(s.Small)%rows != 0 {
		return nil, ErrFormat
	}
	b := &block{width: len(s.Small) / rows, scale: s.Scale, small: make([]int8, len(s.Small))}
	for i, q := range s.Small {
		b.small[i] = int8(q)
	}
	b.unfold()
	return b, nil
}

// MarshalJSON writes what UnmarshalJSON reads.
func (h *Head) MarshalJSON() ([]byte, error) {
	return json.Marshal(storedHead{h.mean, h.block.stored(), h.classes, h.classes.directions.stored(), h.classes.placed})
}

// UnmarshalJSON reads a stored head.
func (h *Head) UnmarshalJSON(body []byte) error {
	var s storedHead
	if err := json.Unmarshal(body, &s); err != nil {
		return err
	}
	if s.Classes == nil || len(s.Classes.Names) != len(s.Classes.Prior) {
		return ErrFormat
	}
	var err error
	if h.block, err = s.Map.block(len(s.Mean)); err != nil {
		return err
	}
	if s.Classes.directions, err = s.Directions.block(len(s.Classes.Names)); err != nil {
		return err
	}
	for _, j := range s.Placed {
		if j < 0 || j >= len(s.Classes.Names) {
			return ErrFormat
		}
	}
	if s.Classes.directions.width != h.block.width || len(s.Mean)+h.block.width+len(s.Placed) > HeadLimit {
		return ErrFormat
	}
	s.Classes.placed = s.Placed
	h.mean, h.classes = s.Mean, s.Classes
	return nil
}
