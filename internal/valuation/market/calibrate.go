package market

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Calibration are the errors the estimator made on deals whose event it had not seen. The range of an answer is as wide as
// these errors were, so that a stated level is measured and not assumed.
type Calibration struct {
	Scores []Score `json:"scores,omitempty"`
	Held   []Held  `json:"held,omitempty"`   // at 80, 90 and 95%
	Source string  `json:"source,omitempty"` // data and day of the run
}

// Score is one deal's error in ln price, its event left out, and the sd the estimator stated.
type Score struct {
	ID     string  `json:"id"`
	Event  string  `json:"event"`
	Market Sale    `json:"market"`
	Error  float64 `json:"error"` // ln price - ln estimate
	SD     float64 `json:"sd"`
	Own    bool    `json:"own,omitempty"`
}

// strength is the number of deals of a market that weigh as much in its scale as all markets together.
const strength = 5

// Width is what the calibration says for one market and level.
type Width struct {
	Half  float64 // half the range in units of the stated sd: conformal quantile times the market's scale; +Inf: too few events
	Lower float64 // one-sided, likewise
}

// Ready is a calibration made ready for many questions.
type Ready struct{ t *sums }

// Ready sorts the scores once.
func (c *Calibration) Ready() *Ready { return &Ready{tally(c.Scores, "")} }

// At returns the width for the market and the level, in (0, 1). The scale of a market is shrunk to that of all deals,
// s_g² = (5·s0² + Σe²)/(5 + n_g); one quantile then serves all. An event weighs as one observation: each of its deals has
// the weight 1/size. Without scores the errors are taken to be normal.
func (r *Ready) At(s Sale, level float64) Width {
	if r.t.events == 0 {
		return Width{distuv.UnitNormal.Quantile((1 + level) / 2), distuv.UnitNormal.Quantile(level)}
	}
	half, lower := r.t.quantiles(level)
	g := r.t.scale(s) // positive, so that too few events stay infinite
	return Width{half * g, lower * g}
}

// Largest is the largest error in stated sd.
func (c *Calibration) Largest() float64 {
	l := 0.0
	for i := range c.Scores {
		l = max(l, math.Abs(c.Scores[i].Error)/c.Scores[i].SD)
	}
	return l
}

// Held is the coverage of the range, measured with each event left out of scale and quantile.
type Held struct {
	Level    float64 `json:"level"`
	Coverage float64 `json:"coverage"`
	Low      float64 `json:"low"` // 95% interval over events
	High     float64 `json:"high"`
	Deals    int     `json:"deals"`
	Events   int     `json:"events"`

	// First and last year of deals that entered neither fit nor calibration; 0:
	// each event was left out of scale and quantile alone.
	From int `json:"from_year,omitempty"`
	To   int `json:"to_year,omitempty"`
}

// apartEvents is the number of events up to which each is left out by itself; of more, one moves scale and quantile by
// less than a thousandth.
const apartEvents = 1000

// Measure returns the coverage at the level. It costs the square of the number of events, up to apartEvents: ask once.
func (c *Calibration) Measure(level float64) Held {
	h := Held{Level: level, Deals: len(c.Scores)}
	in := map[string][2]float64{}
	byEvent := map[string][]*Score{}
	var events []string
	for i := range c.Scores {
		x := &c.Scores[i]
		if byEvent[x.Event] == nil {
			events = append(events, x.Event)
		}
		byEvent[x.Event] = append(byEvent[x.Event], x)
	}
	h.Events = len(events)
	if h.Events < 2 {
		return h
	}
	hit := 0.0
	whole := tally(c.Scores, "")
	for _, e := range events {
		t := whole
		if h.Events <= apartEvents {
			t = tally(c.Scores, e)
		}
		half, _ := t.quantiles(level)
		v := [2]float64{0, float64(len(byEvent[e]))}
		for _, x := range byEvent[e] {
			if math.Abs(x.Error) <= half*t.scale(x.Market)*x.SD {
				v[0]++
			}
		}
		in[e] = v
		hit += v[0]
	}
	all := float64(h.Deals)
	h.Coverage = hit / all
	ss := 0.0 // of the ratio's residuals by event
	for _, e := range events {
		r := in[e][0] - h.Coverage*in[e][1]
		ss += r * r
	}
	n := float64(len(events))
	se := math.Sqrt(ss*n/(n-1)) / all
	h.Low, h.High = max(h.Coverage-1.96*se, 0), min(h.Coverage+1.96*se, 1)
	return h
}

// sums are the scores of all events but one, made ready.
type sums struct {
	events int
	s0     float64
	market map[Sale][2]float64 // Σw·t², Σw
	abs    []weighted
	down   []weighted
}

type weighted struct{ x, w float64 }

func tally(scores []Score, without string) *sums {
	size := map[string]float64{}
	for i := range scores {
		size[scores[i].Event]++
	}
	t := &sums{market: map[Sale][2]float64{}}
	total, weight := 0.0, 0.0
	for i := range scores {
		x := &scores[i]
		if without != "" && x.Event == without {
			continue
		}
		z := x.Error / x.SD
		g := t.market[x.Market]
		g[0] += z * z
		g[1]++
		t.market[x.Market] = g
		w := 1 / size[x.Event]
		total += w * z * z
		weight += w
	}
	t.events = int(math.Round(weight))
	t.s0 = 1
	if weight > 0 {
		t.s0 = math.Sqrt(total / weight)
	}
	for i := range scores {
		x := &scores[i]
		if without != "" && x.Event == without {
			continue
		}
		z := x.Error / (x.SD * t.scale(x.Market))
		w := 1 / size[x.Event]
		t.abs = append(t.abs, weighted{math.Abs(z), w})
		t.down = append(t.down, weighted{-z, w})
	}
	for _, l := range [...][]weighted{t.abs, t.down} {
		slices.SortFunc(l, func(a, b weighted) int { return cmp.Compare(a.x, b.x) })
	}
	return t
}

func (t *sums) scale(s Sale) float64 {
	g := t.market[s]
	return max(math.Sqrt((strength*t.s0*t.s0+g[0])/(strength+g[1])), 1e-6)
}

// quantiles are the conformal ones: the next event, not seen, has the weight of one.
func (t *sums) quantiles(level float64) (half, lower float64) {
	return conformal(t.abs, 1, level), conformal(t.down, 1, level)
}

// conformal is the level quantile of sorted scores, each with its weight, where the next one, not seen, lies at infinity
// with a weight of its own: coverage of at least the level when it is exchangeable with them, +Inf when they are too few
// (Vovk; Lei et al. 2018; with weights Tibshirani et al. 2019).
func conformal(sorted []weighted, next, level float64) float64 {
	total := next
	for _, x := range sorted {
		total += x.w
	}
	sum := 0.0
	for _, x := range sorted {
		if sum += x.w; sum >= level*total-1e-9 {
			return x.x
		}
	}
	return math.Inf(1)
}
