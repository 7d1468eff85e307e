// Package damages computes what a court may award for an infringement, in the
// order of article 71 of the patent law. Start at [Award].
//
// Damages are no value of the patent: they belong to the acts, of which only
// those while the right was in force count, also when it has ended since.
package damages

import (
	"zhijia/internal/calendar"
	"zhijia/internal/valuation/terms"
)

// Facts about the acts. Amounts are yuan over the whole period of the acts.
type Facts struct {
	From calendar.Date `json:"from,omitzero"` // first act
	To   calendar.Date `json:"to,omitzero"`   // last act

	Loss       *terms.Quantity `json:"loss,omitempty"`             // the owner's actual loss
	Gain       *terms.Quantity `json:"gain,omitempty"`             // what the infringer gained
	LicenceFee *terms.Quantity `json:"licence_fee,omitempty"`      // of a licence for the same use
	Multiple   *float64        `json:"licence_multiple,omitempty"` // of that fee, as asked for; nil: 1
	Costs      *terms.Quantity `json:"reasonable_costs,omitempty"` // of stopping the infringement

	Wilful     *bool    `json:"wilful_and_grave,omitempty"`    // nil: unknown, and not assumed
	Multiplier *float64 `json:"punitive_multiplier,omitempty"` // 1 to 5, as asked for; counts when wilful and grave
}

// Rules are the law's amounts, by the day of the acts.
type Rules struct {
	Since         calendar.Date `json:"since"` // acts from this day on are judged by the law of 2020
	Low           terms.Figure  `json:"statutory_low"`
	High          terms.Figure  `json:"statutory_high"`
	LowBefore     terms.Figure  `json:"statutory_low_before"`
	HighBefore    terms.Figure  `json:"statutory_high_before"`
	MaxMultiplier terms.Figure  `json:"max_multiplier"` // punitive; none before Since
}

// Bases of an award, in the order of the law.
const (
	ByLoss       = "loss"
	ByGain       = "gain"
	ByLicenceFee = "licence_fee"
	Statutory    = "statutory" // the court's discretion within limits
)

// Award is what the facts support.
type Award struct {
	By         string   // the basis that counts
	Point      *float64 // yuan; nil under the statutory limits: within them the court decides, and nothing says where
	Low, High  float64  // yuan
	Multiplier float64  // punitive; 1: none
	Costs      float64  // yuan, contained in the figures
	InForce    float64  // years of the acts while the right was in force
	Workings   []terms.Working

	Outside            bool // no act while the right was in force: nothing is awarded
	UnknownPeriod      bool // when the acts were is not stated
	OldLaw             bool // judged by the law before [Rules.Since]
	MultiplierRefused  bool // asked for, and the facts do not say wilful and grave
	MultiplierOfOldLaw bool // asked for acts that the law of 2020 does not reach
}

// Of computes the award for acts against a right in force from grant until
// end. A period that is not stated is taken to lie in force, under the law of
// 2020. The amounts are those of the whole period, so acts outside count for
// nothing in proportion to their days.
func (r *Rules) Of(f *Facts, grant, end calendar.Date) Award {
	a := Award{Multiplier: 1, UnknownPeriod: f.From.IsZero() || f.To.IsZero()}
	part := 1.0
	if !a.UnknownPeriod {
		from, to := f.From, f.To
		whole := float64(from.DaysUntil(to) + 1)
		if !grant.IsZero() && from.Before(grant) {
			from = grant
		}
		if !end.IsZero() && !to.Before(end) {
			to = end.AddDays(-1)
		}
		days := float64(from.DaysUntil(to) + 1)
		if days <= 0 {
			a.Outside = true
			return a
		}
		part, a.InForce = days/whole, from.YearsUntil(to.AddDays(1))
		a.OldLaw = to.Before(r.Since)
	}
	amount, low, high := 0.0, 0.0, 0.0
	take := func(by string, q *terms.Quantity, scale float64) {
		if a.By != "" || q == nil {
			return
		}
		d := q.Dist()
		a.By, amount, low, high = by, d.Quantile(0.5)*scale, d.Quantile(0.1)*scale, d.Quantile(0.9)*scale
	}
	take(ByLoss, f.Loss, part)
	take(ByGain, f.Gain, part)
	take(ByLicenceFee, f.LicenceFee, part*terms.ValueOr(f.Multiple, 1))
	if m := terms.ValueOr(f.Multiplier, 1); m > 1 && a.By != "" {
		switch {
		case a.OldLaw:
			a.MultiplierOfOldLaw = true
		case f.Wilful == nil || !*f.Wilful:
			a.MultiplierRefused = true
		default:
			a.Multiplier = min(m, r.MaxMultiplier.Value)
		}
	}
	if f.Costs != nil {
		a.Costs = f.Costs.Dist().Quantile(0.5)
	}
	if a.By == "" {
		a.By, a.Low, a.High = Statutory, r.Low.Value, r.High.Value
		if a.OldLaw {
			a.Low, a.High = r.LowBefore.Value, r.HighBefore.Value
		}
		a.Low, a.High = a.Low+a.Costs, a.High+a.Costs
		a.Workings = []terms.Working{
			{Key: "statutory_low", Value: a.Low - a.Costs, Unit: "yuan", Source: r.Low.Source},
			{Key: "statutory_high", Value: a.High - a.Costs, Unit: "yuan", Source: r.High.Source},
			{Key: "reasonable_costs", Value: a.Costs, Unit: "yuan"},
		}
		return a
	}
	point := amount*a.Multiplier + a.Costs
	a.Point, a.Low, a.High = &point, low*a.Multiplier+a.Costs, high*a.Multiplier+a.Costs
	a.Workings = []terms.Working{
		{Key: a.By, Value: amount, Unit: "yuan", Formula: "amount · days in force / days of the acts", Source: "专利法 art. 71"},
		{Key: "share_in_force", Value: part, Unit: "ratio"},
		{Key: "multiplier", Value: a.Multiplier, Unit: "ratio", Source: "专利法 art. 71(1)"},
		{Key: "reasonable_costs", Value: a.Costs, Unit: "yuan", Source: "专利法 art. 71(3)"},
		{Key: "damages", Value: point, Unit: "yuan", Formula: "amount·multiplier + costs"},
	}
	return a
}
