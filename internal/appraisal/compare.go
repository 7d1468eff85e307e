package appraisal

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
)

// Comparison is two to six stored valuations side by side: what was asked differently, and by what each figure differs from
// the first. Nothing is stored.
type Comparison struct {
	Valuations []Compared   `json:"valuations"`
	Asked      []AskedField `json:"asked" doc:"What was stated, by its path in the request; what differs stands first."`
}

// Compared is one of the valuations compared.
type Compared struct {
	ID        string           `json:"id"`
	CreatedAt time.Time        `json:"created_at"`
	CreatedBy string           `json:"created_by"`
	Numbers   []string         `json:"numbers"`
	Title     string           `json:"title"`
	Purpose   string           `json:"purpose"`
	AsOf      calendar.Date    `json:"valuation_date"`
	Status    valuation.Status `json:"status"`
	Point     *float64         `json:"point"`
	Median    float64          `json:"median"`
	Low       float64          `json:"low"`
	High      float64          `json:"high"`
	Grade     string           `json:"grade"`
	Version   string           `json:"assumptions"`

	Change float64      `json:"change" doc:"Of the median against the first's, yuan."`
	Causes []SinceCause `json:"causes" doc:"What makes the change, summing to it; in the order in which one thing after another of the first was put in this one's place."`

	Request    Request              `json:"-"`
	Conclusion valuation.Conclusion `json:"-"`
}

// AskedField is one thing that a request states, in each of the valuations.
type AskedField struct {
	Path    string            `json:"path"`
	Differs bool              `json:"differs"`
	Values  []json.RawMessage `json:"values" doc:"In the order of the valuations; null: not stated."`
}

// MaxCompared bounds a comparison.
const MaxCompared = 6

// Compare puts stored valuations side by side. The causes of a difference are found as those of [Service.Since] are.
func (s *Service) Compare(ctx context.Context, actor Actor, ids []string) (out Comparison, err error) {
	defer fault.Wrap(&err, "appraisal.Compare")
	ctx = store.As(ctx, actor.Institution)
	if n := len(ids); n < 2 || n > MaxCompared {
		return out, fault.New(fault.Invalid, "compare.count", fmt.Sprintf("请选择 2 到 %d 份估值。", MaxCompared), fmt.Sprintf("Choose 2 to %d valuations.", MaxCompared),
			fault.Field{Field: "ids", Code: "compare.count", Zh: fmt.Sprintf("选了 %d 份", n), En: fmt.Sprintf("%d chosen", n)})
	}
	for i, id := range ids {
		if slices.Contains(ids[:i], id) {
			return out, fault.New(fault.Invalid, "compare.twice", "同一份估值选了两次。", "The same valuation was chosen twice.", fault.Field{Field: "ids", Code: "compare.twice", Zh: id, En: id})
		}
	}
	var first snapshot
	var asked []map[string]json.RawMessage
	for i, id := range ids {
		v, err := s.db.Valuation(ctx, actor.Institution, id)
		if err != nil {
			return out, err
		}
		var snap snapshot
		c := Compared{
			ID: v.ID, CreatedAt: v.CreatedAt, CreatedBy: v.CreatedBy, Numbers: v.Numbers, Title: v.Title, Purpose: v.Purpose, AsOf: v.AsOf,
			Status: valuation.Status(v.Status), Point: v.Point, Low: v.Low, High: v.High, Version: v.Assumptions, Causes: []SinceCause{},
		}
		request := map[string]json.RawMessage{}
		for _, x := range []struct {
			raw  []byte
			into any
		}{{v.Snapshot, &snap}, {v.Conclusion, &c.Conclusion}, {v.Request, &c.Request}, {v.Request, &request}} {
			if err := json.Unmarshal(x.raw, x.into); err != nil {
				return out, err
			}
		}
		c.Median, c.Grade = c.Conclusion.Value.Median, c.Conclusion.Grade
		if i == 0 {
			first = snap
		} else {
			under, err := s.assumptions(ctx, snap.Assumptions)
			if err != nil {
				return out, err
			}
			before := out.Valuations[0].Median
			var end valuation.Conclusion
			if c.Causes, end, err = s.steps(ctx, first, snap, under, before); err != nil {
				return out, err
			}
			if rest := c.Median - end.Value.Median; math.Abs(rest) >= 1e-9*max(c.Median, 1) { // it was concluded by another version of the program
				c.Causes = append(c.Causes, SinceCause{"versions", "模型与参数的版本", "version of the model and of its assumptions", rest})
			}
			c.Change = c.Median - before
		}
		out.Valuations = append(out.Valuations, c)
		asked = append(asked, flat("", request, map[string]json.RawMessage{}))
	}
	out.Asked = sideBySide(asked)
	return out, nil
}

// flat lays a request's objects out by their paths; a quantity stays whole.
func flat(prefix string, in, out map[string]json.RawMessage) map[string]json.RawMessage {
	for k, raw := range in {
		var inner map[string]json.RawMessage
		if prefix == "" && json.Unmarshal(raw, &inner) == nil && inner != nil {
			flat(k+".", inner, out)
			continue
		}
		out[prefix+k] = raw
	}
	return out
}

// sideBySide aligns what was asked, what differs first and then by path.
func sideBySide(asked []map[string]json.RawMessage) []AskedField {
	paths := map[string]bool{}
	for _, a := range asked {
		for p := range a {
			paths[p] = true
		}
	}
	out := []AskedField{}
	for p := range paths {
		f := AskedField{Path: p}
		for _, a := range asked {
			value := json.RawMessage("null")
			if raw, ok := a[p]; ok {
				value = raw
			}
			f.Differs = f.Differs || len(f.Values) > 0 && !bytes.Equal(value, f.Values[0])
			f.Values = append(f.Values, value)
		}
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b AskedField) int {
		if a.Differs != b.Differs {
			if a.Differs {
				return -1
			}
			return 1
		}
		return bytes.Compare([]byte(a.Path), []byte(b.Path))
	})
	return out
}

// comparedCauses names the causes of a difference between two valuations.
var comparedCauses = map[string]string{
	"versions": "模型与参数的版本", "time": "估值基准日不同", "deals": "所据的成交不同", "register": "法律状态与年费不同", "subject": "专利本身与委托事项不同", "scores": "指标评分不同", "facts": "收益、成本及其他资料不同",
}

// ComparedCause names a cause of a difference between two valuations in Chinese: what stands otherwise in the one than in the
// other, where [SinceCause] says what has happened since.
func ComparedCause(key string) string { return comparedCauses[key] }
