package appraisal

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"zhijia/internal/fault"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
)

// Figure is one figure of the assumptions, and what the stored valuations would
// have been had it been another.
type Figure struct {
	Path   string  `json:"path"`
	Value  float64 `json:"value"`
	Source string  `json:"source"`
	Reason string  `json:"reason"`

	Down    *float64 `json:"down"` // median ratio of the point with the figure a share smaller; null: refused
	Up      *float64 `json:"up"`   // the same, a share larger
	Largest float64  `json:"largest_change"`
	Moved   int      `json:"moved"` // valuations whose point changed at all
}

// Sensitivity values stored valuations again with each figure of the assumptions
// a share smaller and larger, everything else as it was. Figures that only other
// methods read move nothing, and say so.
func (s *Service) Sensitivity(ctx context.Context, actor Actor, ids []string, share float64) (_ []Figure, valued int, err error) {
	defer fault.Wrap(&err, "appraisal.Sensitivity")
	ctx = store.As(ctx, actor.Institution)
	type subject struct {
		snap snapshot
		base float64
	}
	var subjects []subject
	var version string
	for _, id := range ids {
		v, err := s.db.Valuation(ctx, actor.Institution, id)
		if err != nil {
			return nil, 0, err
		}
		var x subject
		if err := json.Unmarshal(v.Snapshot, &x.snap); err != nil {
			return nil, 0, err
		}
		if version = cmp.Or(version, x.snap.Assumptions); x.snap.Assumptions != version || v.Point == nil {
			continue // one set of assumptions is looked at, and what abstained has no point
		}
		a, err := s.assumptions(ctx, version)
		if err != nil {
			return nil, 0, err
		}
		if x.base, err = s.pointUnder(ctx, &x.snap, a); err != nil {
			return nil, 0, err
		}
		if x.base > 0 {
			subjects = append(subjects, x)
		}
	}
	if len(subjects) == 0 {
		return nil, 0, nil
	}
	stored, _, err := s.db.Assumptions(ctx, version)
	if err != nil {
		return nil, 0, err
	}
	var tree map[string]any
	if err := json.Unmarshal(stored.Body, &tree); err != nil {
		return nil, 0, err
	}
	var out []Figure
	err = figures(tree, "", func(path string, f map[string]any) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		was := f["value"].(float64)
		line := Figure{Path: path, Value: was, Source: textOf(f["source"]), Reason: textOf(f["reason"])}
		moved := map[int]bool{}
		try := func(by float64) (*float64, error) {
			f["value"] = was * by
			body, err := json.Marshal(tree)
			f["value"] = was
			if err != nil {
				return nil, err
			}
			changed, err := valuation.LoadAssumptions(body)
			if err != nil {
				return nil, nil // not a set of assumptions any more: weights that must sum to one
			}
			under := &hashed{changed, changed.Hash()}
			var ratios []float64
			for i := range subjects {
				point, err := s.pointUnder(ctx, &subjects[i].snap, under)
				if err != nil {
					return nil, nil
				}
				r := point / subjects[i].base
				ratios = append(ratios, r)
				if math.Abs(r-1) > 1e-9 {
					moved[i] = true
				}
				line.Largest = max(line.Largest, math.Abs(r-1))
			}
			slices.Sort(ratios)
			return &ratios[len(ratios)/2], nil
		}
		var err error
		if line.Down, err = try(1 - share); err != nil {
			return err
		}
		if line.Up, err = try(1 + share); err != nil {
			return err
		}
		line.Moved = len(moved)
		out = append(out, line)
		return nil
	})
	slices.SortStableFunc(out, func(a, b Figure) int {
		return cmp.Or(cmp.Compare(b.Largest, a.Largest), strings.Compare(a.Path, b.Path))
	})
	return out, len(subjects), err
}

// pointUnder concludes a snapshot under assumptions; 0: no point.
func (s *Service) pointUnder(ctx context.Context, snap *snapshot, a *hashed) (float64, error) {
	ev := snap.Evidence
	if ev.Ledger != nil {
		own := *ev.Ledger
		ev.Ledger = &own
	}
	if err := s.attach(ctx, &ev, snap.Assignment.Date, a); err != nil {
		return 0, err
	}
	c, err := valuation.Conclude(snap.Assignment, ev, a.Assumptions)
	if err != nil || c.Value.Point == nil {
		return 0, err
	}
	return *c.Value.Point, nil
}

func textOf(x any) string { s, _ := x.(string); return s }

// figures calls use for every figure of a tree of assumptions, in order.
func figures(x any, path string, use func(string, map[string]any) error) error {
	switch v := x.(type) {
	case map[string]any:
		if _, number := v["value"].(float64); number && textOf(v["source"]) != "" {
			return use(path, v)
		}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if err := figures(v[k], strings.TrimPrefix(path+"."+k, "."), use); err != nil {
				return err
			}
		}
	case []any:
		for i := range v {
			if err := figures(v[i], path+"["+strconv.Itoa(i)+"]", use); err != nil {
				return err
			}
		}
	}
	return nil
}
