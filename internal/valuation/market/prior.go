package market

import (
	"fmt"
	"math"
)

// Scales are the standard deviations of the random effects, of ln yuan. A scale of 0 leaves the effect out.
type Scales struct {
	Market  float64 `json:"market"`
	Channel float64 `json:"channel"`
	Owner   float64 `json:"owner"`
	Deal    float64 `json:"deal"`
	Kind    float64 `json:"kind"`
	Cell    float64 `json:"market_kind"` // of a kind of patent within one market; 0 until a fit asks the deals
	Event   float64 `json:"event"`
	Seller  float64 `json:"seller"`
	Year    float64 `json:"year"` // per root year
	Noise   float64 `json:"noise"`
}

// scaleNames orders the scales; the order is that of [Scales.vector].
var scaleNames = [...]string{"market", "channel", "owner", "deal", "kind", "market_kind", "event", "seller", "year", "noise"}

const (
	gMarket = iota
	gChannel
	gOwner
	gDeal
	gKind
	gCell
	gEvent
	gSeller
	gYear
	gNoise
	nScales
)

func (s *Scales) vector() [nScales]float64 {
	return [...]float64{s.Market, s.Channel, s.Owner, s.Deal, s.Kind, s.Cell, s.Event, s.Seller, s.Year, s.Noise}
}

// List returns the scales in the order of [ScaleNames].
func (s *Scales) List() []float64 { v := s.vector(); return v[:] }

// ScaleNames lists the groups that have a scale.
func ScaleNames() []string { return scaleNames[:] }

func scalesOf(v [nScales]float64) Scales {
	return Scales{v[gMarket], v[gChannel], v[gOwner], v[gDeal], v[gKind], v[gCell], v[gEvent], v[gSeller], v[gYear], v[gNoise]}
}

// Source says where a figure comes from and which period it was learned from.
type Source struct {
	Reason     string `json:"reason"`
	Source     string `json:"source"`
	Provenance string `json:"provenance"`             // verified, computed, inference, or recalled, unverified
	From       int    `json:"learned_from,omitempty"` // first year of the evidence; 0: no dated evidence
	To         int    `json:"learned_to,omitempty"`   // last year of the evidence
}

// Level is the prior median price of one invention in one market, yuan.
type Level struct {
	Median float64 `json:"median"`
	Source
}

// Offset is a known step of ln price.
type Offset struct {
	Log float64 `json:"log"`
	SD  float64 `json:"sd,omitempty"` // of the step itself; 0: the group's scale alone
	Source
}

// ScalePrior is a log-normal prior of one scale; LogSD 0 fixes the scale.
type ScalePrior struct {
	Median float64 `json:"median"`
	LogSD  float64 `json:"log_sd"`
	Source
}

// Slope is the step of ln price per unit of a fact. Its sign is known, its size is a point: a refit that wants the other
// sign sets it to 0 and says so, so that a better fact never lowers a price and never widens a range.
type Slope struct {
	PerUnit   float64 `json:"per_unit"`
	SD        float64 `json:"sd"`        // of the prior of the size
	Reference float64 `json:"reference"` // value assumed where the fact is unknown
	Spread    float64 `json:"spread"`    // sd of the fact among patents, which an unknown fact adds to the range
	Source
}

// Anchor is what is known of the level of one kind of price without a single sale: it says that the median price under
// these labels is Median yuan, within SD of its logarithm. The public asks enter so: as figures, never as rows.
type Anchor struct {
	Labels
	Year   int     `json:"year"`
	Median float64 `json:"median"`
	SD     float64 `json:"sd"`
	Source
}

// Prior is every number of the market approach, each with its source.
type Prior struct {
	Version string `json:"version"`

	Levels map[Sale]Level    `json:"levels"`
	Kinds  map[string]Offset `json:"kinds"` // against an invention

	Intercept    float64 `json:"intercept_sd"`
	Bundle       float64 `json:"bundle_exponent"`
	BundleSD     float64 `json:"bundle_exponent_sd"`
	RelatedSD    float64 `json:"related_sd"`
	BundleSource Source  `json:"bundle_source"`

	Scales      Scales                `json:"scales"`       // in force: the prior medians, or fitted
	ScalePriors map[string]ScalePrior `json:"scale_priors"` // by name of the scale

	Life      Slope `json:"life"` // per year of protection left
	Family    Slope `json:"family"`
	Claims    Slope `json:"claims"`
	Citations Slope `json:"citations"`
	ShortLife Slope `json:"short_life"` // Reference: years below which the annuity ratio applies; PerUnit: its rate a year
	ScoreR2   Slope `json:"score_r2"`   // PerUnit: share of the variance of ln price that the sheet's score explains

	// Ordinary says that an owner nobody names is, in private, the ordinary owner of the anchors.
	Ordinary bool `json:"ordinary"`

	Anchors []Anchor `json:"anchors,omitempty"`

	// A deal of unknown date counts as one of the year Undated, with the further variance UndatedVar.
	Undated    int     `json:"undated_year"`
	UndatedVar float64 `json:"undated_variance"`

	// Tail is the number of degrees of freedom of the noise when prices are weighed; 0 is the normal distribution.
	Tail float64 `json:"tail,omitempty"`

	Calibration Calibration `json:"calibration"`
	Learned     Source      `json:"learned"` // the deals and asks behind the scales
}

// check refuses a prior that is not coherent.
func (p *Prior) Check() error {
	if p.Version == "" {
		return fmt.Errorf("market: no version")
	}
	for _, s := range Sales {
		if l, ok := p.Levels[s]; !ok || !(l.Median > 0) || l.Source.Source == "" {
			return fmt.Errorf("market: level of %s: want a positive median with its source", s)
		}
	}
	for i, v := range p.Scales.vector() {
		if !(v >= 0) || math.IsInf(v, 0) || (i == gNoise && v == 0) {
			return fmt.Errorf("market: scale %s: want a finite number, not negative", scaleNames[i])
		}
	}
	for name, s := range map[string]Slope{"life": p.Life, "family": p.Family, "claims": p.Claims, "citations": p.Citations, "score_r2": p.ScoreR2} {
		if !(s.PerUnit >= 0) {
			return fmt.Errorf("market: slope %s: want 0 or more", name)
		}
	}
	for _, a := range p.Anchors {
		if !(a.Median > 0) || !(a.SD > 0) || a.Source.Source == "" {
			return fmt.Errorf("market: anchor %v: want a positive median and sd with their source", a.Labels)
		}
	}
	return nil
}

// mean is the prior mean of ln yuan of one patent under the labels, without facts.
func (p *Prior) mean(l *Labels) float64 {
	return math.Log(p.Levels[l.Market].Median) + p.Kinds[l.Kind].Log
}

func (p *Prior) year(d *Deal) int {
	if d.Date.IsZero() {
		return p.Undated
	}
	return d.Date.Year
}

func (p *Prior) undated(d *Deal) float64 {
	if d.Date.IsZero() {
		return p.UndatedVar
	}
	return 0
}

// unlabelled is the variance that labels leave which the source does not tell, at the prior's scales.
func (p *Prior) unlabelled(l *Labels) float64 {
	v, scale := 0.0, p.Scales.vector()
	for _, g := range labelGroups {
		if label(g, l) == "" {
			v += scale[g] * scale[g]
		}
	}
	return v
}

// at is the factor of ln price for one fact, and the variance it leaves for the low side: an unknown fact, and one
// that is no better than what would be assumed, leaves the whole spread, so that telling a bad fact never pays.
func (s *Slope) at(x *float64) (log, variance float64) {
	v := s.PerUnit * s.Spread
	if x == nil {
		return 0, v * v
	}
	d := *x - s.Reference
	if d <= 0 {
		return s.PerUnit * d, v * v
	}
	return s.PerUnit * d, 0
}

// slopeOf is the slope of the i-th fact of factNames, at the fact itself.
func (p *Prior) slopeOf(i int) *Slope {
	return [...]*Slope{&p.Life, &p.Family, &p.Claims, &p.Citations}[i]
}

func (f *Facts) at(i int) *float64 {
	return [...]*float64{f.Life, f.Family, f.Claims, f.Citations}[i]
}

// facts is the part of ln price that the facts make, by name, and the variance of what is not known.
func (p *Prior) facts(f *Facts) (parts [len(factNames)]float64, variance float64) {
	for i := range factNames {
		log, v := p.slopeOf(i).at(f.at(i))
		parts[i] = log
		variance += v
	}
	parts[0] += p.short(f.Life)
	return parts, variance
}

// short is ln of the annuity ratio for a life below the reference: what is left of a right that soon ends. It is 0 from the
// reference on, and minus infinity at the end of the right.
func (p *Prior) short(life *float64) float64 {
	limit, k := p.ShortLife.Reference, p.ShortLife.PerUnit
	if life == nil || limit <= 0 || *life >= limit {
		return 0
	}
	if *life <= 0 {
		return math.Inf(-1)
	}
	return math.Log(-math.Expm1(-k**life) / -math.Expm1(-k*limit))
}

var factNames = [...]string{"life", "family", "claims", "citations"}
