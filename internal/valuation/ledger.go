package valuation

import (
	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/valuation/market"
)

// Ledger is a set of priced deals, admitted and solved once under one assumptions file, from which any number of questions
// are answered. It is immutable.
type Ledger struct {
	assumptions string // version of the file it was solved under
	year        int    // of the valuation dates it answers
	last        calendar.Date

	view     *market.View
	ready    *market.Ready
	of       map[string]*Comparable
	sales    map[market.Sale]int // deals by market
	excluded []ExcludedDeal
}

// LedgerRef names the deals a figure was inferred from, where they are more than a reader can be shown.
type LedgerRef struct {
	ID      string   `json:"id"`                 // hash of the deals, in hexadecimal
	Deals   int      `json:"deals"`              // that ended before the valuation date
	LeftOut []string `json:"left_out,omitempty"` // ids: deals of the subject itself and of its family, in a blind valuation

	Solved *Ledger `json:"-"`
}

// Ledger admits the deals for the valuation date t and solves the market model over them. The order of the deals changes
// nothing; so does a deal given twice.
func (a *Assumptions) Ledger(deals []Comparable, t calendar.Date) (*Ledger, error) {
	admitted, of, excluded := a.admit(deals, t)
	v, err := market.Solve(a.Prices, admitted, t.Year)
	if err != nil {
		return nil, err
	}
	l := &Ledger{assumptions: a.Version, year: t.Year, view: v, ready: a.Prices.Calibration.Ready(), of: of, sales: map[market.Sale]int{}, excluded: excluded}
	for i := range admitted {
		l.sales[admitted[i].Market]++
		if d := admitted[i].Date; d.After(l.last) {
			l.last = d
		}
	}
	return l, nil
}

// Deals is the number of deals that count.
func (l *Ledger) Deals() int { return len(l.of) }

// fits says whether the ledger may answer for the date under the assumptions.
func (l *Ledger) fits(a *Assumptions, t calendar.Date) bool {
	return l != nil && l.assumptions == a.Version && l.year == t.Year && l.last.Before(t)
}

var errLedger = fault.New(fault.Internal, "ledger.absent", "估值所依据的成交清单不在，或不属于该基准日和参数版本。", "The ledger named by the evidence is not here, or is not of this valuation date and these assumptions.")

// ledger is what the market approach answers from: the ledger the evidence names, else its comparables themselves. Of a
// named ledger only the comparables given for the reader tell why they were left out.
func (j *job) ledger() (*Ledger, []ExcludedDeal, error) {
	ref := j.ev.Ledger
	if ref == nil {
		l, err := j.as.Ledger(j.ev.Comparables, j.asg.Date)
		if err != nil {
			return nil, nil, err
		}
		return l, append(l.excluded, j.as.refused(j.ev.Excluded, j.asg.Date)...), nil
	}
	refused := j.as.refused(j.ev.Excluded, j.asg.Date)
	for i := range j.ev.Comparables {
		c := &j.ev.Comparables[i]
		if code := j.as.refuse(c, j.asg.Date); code != "" {
			refused = append(refused, excludedDeal(c, code))
		}
	}
	return ref.Solved, refused, nil
}

// shown are the comparables given for the reader, by deal.
func (j *job) shown() map[string]*Comparable {
	out := map[string]*Comparable{}
	for i := range j.ev.Comparables {
		out[j.ev.Comparables[i].DealID] = &j.ev.Comparables[i]
	}
	return out
}

// refused gives each deal that was set aside before the valuation its code.
func (a *Assumptions) refused(deals []Comparable, t calendar.Date) (out []ExcludedDeal) {
	for i := range deals {
		c := &deals[i]
		code := c.Exclusion
		if code == "" {
			if code = a.refuse(c, t); code == "" {
				code = "DUPLICATE"
			}
		}
		out = append(out, excludedDeal(c, code))
	}
	return out
}
