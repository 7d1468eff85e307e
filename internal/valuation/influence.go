package valuation

import (
	"cmp"
	"math"
	"slices"

	"zhijia/internal/calendar"
	"zhijia/internal/valuation/market"
)

// Influence is what one deal does to the market figure of a valuation.
type Influence struct {
	Deal    string        `json:"deal"`
	Title   string        `json:"title"`
	Date    calendar.Date `json:"date"`
	Market  market.Sale   `json:"market"`
	Unit    float64       `json:"unit_price"` // yuan of one patent, as paid
	Weight  float64       `json:"weight"`     // of its logarithm in the figure's; of the first patent of a bundle
	Without float64       `json:"without"`    // the market figure when this deal alone is left out, yuan
	Change  float64       `json:"change"`     // Without less the figure, yuan
}

// Influences are what the deals did to one figure.
type Influences struct {
	Market market.Sale `json:"market"` // in which the subject is priced
	Figure float64     `json:"figure"` // yuan, of the market approach
	Deals  []Influence `json:"deals"`  // that moved it most first
}

// InfluencesBy says what each deal does to the market figure of a valuation: how far it would move if that deal alone were
// not known. Scales and calibration stay. It is empty where the market gives no figure: damages, a dead right, no grade.
func InfluencesBy(model string, asg Assignment, ev Evidence, as Assumptions) (out Influences, err error) {
	out.Deals = []Influence{}
	j, done, err := begin(model, &asg, &ev, &as)
	if err != nil || done {
		return out, err
	}
	j.scores()
	j.market()
	if j.led == nil {
		return out, nil
	}
	out.Market = j.sale
	if out.Market == market.Unknown {
		out.Market = market.Private
	}
	l, top := j.led, math.Inf(1)
	scale := math.Exp(j.part + j.licence)
	if j.ev.Ask != nil && *j.ev.Ask > 0 && out.Market == market.Private {
		top = *j.ev.Ask
	}
	by := map[string]*Influence{}
	without := map[string]float64{}
	sum := 0.0
	for i := range j.all {
		m := &j.all[i]
		if m.share == 0 {
			continue
		}
		q := j.question(m.Patent, out.Market)
		q.Score = j.z
		one := m.share * math.Exp(l.view.Price(q).Mean)
		sum += one
		for _, x := range l.view.Influences(q) {
			if by[x.Deal.ID] == nil {
				c := l.of[x.Deal.ID]
				by[x.Deal.ID] = &Influence{Deal: x.Deal.ID, Title: c.Title, Date: x.Deal.Date, Market: x.Deal.Market, Unit: math.Exp(x.Deal.Log) / float64(x.Deal.Patents), Weight: x.Weight.Weight}
			}
			without[x.Deal.ID] += one * math.Expm1(x.Without)
		}
	}
	out.Figure = min(sum, top) * scale
	for id, x := range by {
		x.Without = min(sum+without[id], top) * scale
		x.Change = x.Without - out.Figure
		out.Deals = append(out.Deals, *x)
	}
	slices.SortFunc(out.Deals, func(a, b Influence) int {
		return cmp.Or(cmp.Compare(math.Abs(b.Change), math.Abs(a.Change)), cmp.Compare(a.Deal, b.Deal))
	})
	return out, nil
}
