package valuation

import (
	"cmp"
	"math"
	"slices"

	"zhijia/internal/valuation/terms"
)

// Difference explains how one opinion became another.
type Difference struct {
	Before float64 `json:"before"` // median, yuan
	After  float64 `json:"after"`
	Change float64 `json:"change"` // After - Before
	Ratio  float64 `json:"ratio,omitempty"`

	StatusBefore Status  `json:"status_before"`
	StatusAfter  Status  `json:"status_after"`
	FSDBefore    float64 `json:"fsd_before"`
	FSDAfter     float64 `json:"fsd_after"`
	GradeBefore  string  `json:"grade_before,omitempty"`
	GradeAfter   string  `json:"grade_after,omitempty"`

	Causes     []Cause          `json:"causes"` // sum to Change within one yuan, largest first
	Approaches []ApproachChange `json:"approaches"`
	Appeared   []string         `json:"flags_appeared,omitempty"`
	Vanished   []string         `json:"flags_vanished,omitempty"`
}

// Cause is one item's part of the change.
type Cause struct {
	Key  string  `json:"key"`
	Yuan float64 `json:"yuan"`
}

// ApproachChange is one approach before and after.
type ApproachChange struct {
	ID           string  `json:"id"`
	ValueBefore  float64 `json:"value_before"`
	ValueAfter   float64 `json:"value_after"`
	WeightBefore float64 `json:"weight_before"`
	WeightAfter  float64 `json:"weight_after"`
}

// Explain says why after differs from before: the difference of each item's
// part on the log scale, turned into yuan by the logarithmic mean of the two
// values, so that the causes sum to the change.
func Explain(before, after Conclusion) Difference {
	d := Difference{
		Before: before.Value.Median, After: after.Value.Median, Change: after.Value.Median - before.Value.Median,
		StatusBefore: before.Status, StatusAfter: after.Status, FSDBefore: before.FSD, FSDAfter: after.FSD,
		GradeBefore: before.Grade, GradeAfter: after.Grade, Causes: []Cause{}, Approaches: []ApproachChange{},
	}
	if d.Before > 0 {
		d.Ratio = d.After / d.Before
	}
	switch {
	case d.Before > 0 && d.After > 0:
		logs := map[string]float64{}
		for _, c := range after.Contributions {
			logs[c.Key] += c.Log
		}
		for _, c := range before.Contributions {
			logs[c.Key] -= c.Log
		}
		mean := d.Before // logarithmic mean of the two values
		if l := math.Log(d.After / d.Before); math.Abs(l) > 1e-12 {
			mean = d.Change / l
		}
		rest := d.Change
		for k, l := range logs {
			if y := l * mean; math.Abs(y) >= halfFen {
				d.Causes = append(d.Causes, Cause{k, y})
			}
		}
		sortCauses(d.Causes)
		for _, c := range d.Causes {
			rest -= c.Yuan
		}
		if math.Abs(rest) >= halfFen { // parts too small to name
			d.Causes = append(d.Causes, Cause{"other", rest})
		}
	case d.Change != 0: // one of them is zero or abstained: the state is the cause
		d.Causes = []Cause{{"status", d.Change}}
	}
	byID := map[string]*ApproachChange{}
	for _, a := range before.Approaches {
		byID[a.ID] = &ApproachChange{ID: a.ID, ValueBefore: a.Value, WeightBefore: a.Weight}
	}
	for _, a := range after.Approaches {
		c := byID[a.ID]
		if c == nil {
			c = &ApproachChange{ID: a.ID}
			byID[a.ID] = c
		}
		c.ValueAfter, c.WeightAfter = a.Value, a.Weight
	}
	for _, c := range byID {
		d.Approaches = append(d.Approaches, *c)
	}
	slices.SortFunc(d.Approaches, func(a, b ApproachChange) int { return cmp.Compare(a.ID, b.ID) })
	d.Appeared, d.Vanished = flagsBeyond(after, before), flagsBeyond(before, after)
	return d
}

func sortCauses(c []Cause) {
	slices.SortFunc(c, func(a, b Cause) int {
		return cmp.Or(cmp.Compare(math.Abs(b.Yuan), math.Abs(a.Yuan)), cmp.Compare(a.Key, b.Key))
	})
}

// flagsBeyond lists the codes of a that b does not carry.
func flagsBeyond(a, b Conclusion) []string {
	var out []string
	for _, f := range a.Flags {
		if !slices.ContainsFunc(b.Flags, func(g terms.Flag) bool { return g.Code == f.Code }) {
			out = append(out, f.Code)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
