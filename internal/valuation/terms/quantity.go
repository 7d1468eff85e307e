package terms

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Exactly returns a quantity known without doubt.
func Exactly(v float64) *Quantity { return &Quantity{Value: &v} }

// Range returns a triangular quantity.
func Range(low, mode, high float64) *Quantity {
	return &Quantity{Low: &low, Mode: &mode, High: &high}
}

// UnmarshalJSON reads a bare number as an exact quantity, or the object form.
func (q *Quantity) UnmarshalJSON(b []byte) error {
	if b = bytes.TrimSpace(b); len(b) > 0 && b[0] != '{' {
		if string(b) == "null" {
			return nil
		}
		var v float64
		if err := json.Unmarshal(b, &v); err != nil {
			return err
		}
		*q = Quantity{Value: &v}
		return nil
	}
	type plain Quantity
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	return dec.Decode((*plain)(q))
}

// UnmarshalJSON reads {"year": y} beside the fields of a quantity.
func (y *YearQuantity) UnmarshalJSON(b []byte) error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	year, ok := raw["year"]
	if !ok {
		return fmt.Errorf("a yearly quantity needs a year")
	}
	if err := json.Unmarshal(year, &y.Year); err != nil {
		return fmt.Errorf("year: %w", err)
	}
	delete(raw, "year")
	rest, err := json.Marshal(raw)
	if err != nil {
		return err
	}
	return y.Quantity.UnmarshalJSON(rest)
}

// Dist is a quantity ready to be drawn from: quantile(u) for u in (0, 1).
type Dist struct {
	kind          string
	low, mid, top float64
	mean, sd      float64 // of the normal or of the logarithm
}

// Z10 is Φ⁻¹(0.9), the distance in sd from the median to the 90th percentile.
const Z10 = 1.2815515655446004

// distribution resolves a quantity. A range without a mode takes its middle.
func (q *Quantity) Dist() Dist {
	if q.Low == nil || q.High == nil {
		v := ValueOr(q.Value, math.NaN())
		if q.Value == nil && q.Mode != nil {
			v = *q.Mode
		}
		return Dist{kind: "point", mid: v}
	}
	mode := q.Mode
	if mode == nil {
		mode = q.Value
	}
	d := Dist{kind: q.Distribution, low: *q.Low, top: *q.High}
	if d.kind == "" {
		d.kind = "triangular"
	}
	switch {
	case mode != nil:
		d.mid = *mode
	case d.kind == "lognormal":
		d.mid = math.Sqrt(d.low * d.top)
	default:
		d.mid = (d.low + d.top) / 2
	}
	switch {
	case d.low == d.top:
		return Dist{kind: "point", mid: d.low}
	case d.kind == "normal": // ends are the 10th and 90th percentiles
		d.mean, d.sd = (d.low+d.top)/2, (d.top-d.low)/(2*Z10)
	case d.kind == "lognormal":
		d.mean, d.sd = (math.Log(d.low)+math.Log(d.top))/2, math.Log(d.top/d.low)/(2*Z10)
	}
	return d
}

// Point is a quantity known exactly.
func Point(v float64) Dist { return Dist{kind: "point", mid: v} }

// LogNormal is a factor of median 1 whose logarithm has the given sd.
func LogNormal(sd float64) Dist {
	if sd <= 0 {
		return Point(1)
	}
	return Dist{kind: "lognormal", low: math.Exp(-Z10 * sd), mid: 1, top: math.Exp(Z10 * sd), sd: sd}
}

// Times is the quantity k times as large; k is positive.
func (d Dist) Times(k float64) Dist {
	d.low, d.mid, d.top = k*d.low, k*d.mid, k*d.top
	if d.kind == "lognormal" {
		d.mean += math.Log(k)
	} else {
		d.mean, d.sd = k*d.mean, k*d.sd
	}
	return d
}

// Less is q less the middle of r: the range is q's, moved.
func (q Quantity) Less(r Quantity) Quantity {
	mid := r.Dist().Quantile(0.5)
	for _, p := range []**float64{&q.Value, &q.Low, &q.Mode, &q.High} {
		if *p != nil {
			v := **p - mid
			*p = &v
		}
	}
	if q.Distribution == "lognormal" { // does not survive a shift
		q.Distribution = "normal"
	}
	return q
}

// IsPoint reports whether the quantity is known exactly.
func (d Dist) IsPoint() bool { return d.kind == "point" }

// LogSD is the sd of the logarithm of a quantity with the given 10th and 90th
// percentiles, both positive.
func LogSD(p10, p90 float64) float64 { return math.Log(p90/p10) / (2 * Z10) }

// Quantile returns the value below which the quantity lies with chance u.
func (d Dist) Quantile(u float64) float64 {
	w := d.top - d.low
	switch d.kind {
	case "point":
		return d.mid
	case "uniform":
		return d.low + u*w
	case "normal":
		return d.mean + d.sd*distuv.UnitNormal.Quantile(u)
	case "lognormal":
		return math.Exp(d.mean + d.sd*distuv.UnitNormal.Quantile(u))
	case "pert": // a triangular of the same mean and about the same sd as beta-PERT
		mean := (d.low + 4*d.mid + d.top) / 6
		shrunk := Dist{kind: "triangular", low: mean - (mean-d.low)*0.8, top: mean + (d.top-mean)*0.8}
		shrunk.mid = min(max(3*mean-shrunk.low-shrunk.top, shrunk.low), shrunk.top)
		return shrunk.Quantile(u)
	}
	split := 0.5
	if w > 0 {
		split = (d.mid - d.low) / w
	}
	if u < split {
		return d.low + math.Sqrt(u*w*(d.mid-d.low))
	}
	return d.top - math.Sqrt((1-u)*w*(d.top-d.mid))
}

// Check returns what is wrong with a quantity, or "".
func (q *Quantity) Check(lo, hi float64) string {
	if q == nil {
		return ""
	}
	for _, v := range []*float64{q.Value, q.Low, q.Mode, q.High} {
		if v == nil {
			continue
		}
		if math.IsNaN(*v) || math.IsInf(*v, 0) {
			return "number.not_finite"
		}
		if *v < lo || *v > hi {
			return "number.range"
		}
	}
	switch {
	case (q.Low == nil) != (q.High == nil):
		return "range.half"
	case q.Low == nil && q.Value == nil && q.Mode == nil:
		return "field.required"
	case q.Low != nil && *q.Low > *q.High:
		return "range.order"
	}
	d := q.Dist()
	switch d.kind {
	case "point", "uniform", "normal":
	case "lognormal":
		if d.low <= 0 {
			return "range.positive"
		}
	case "triangular", "pert":
		if d.mid < d.low || d.mid > d.top {
			return "range.mode"
		}
	default:
		return "range.distribution"
	}
	return ""
}

func ValueOr(p *float64, def float64) float64 {
	if p == nil {
		return def
	}
	return *p
}
