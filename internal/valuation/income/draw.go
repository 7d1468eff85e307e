package income

import (
	"math"

	"zhijia/internal/valuation/terms"
)

// Draw is one fully drawn set of inputs of the income methods: nothing in it
// is uncertain or missing any more. Money is nominal yuan, rates are fractions
// a year, times are years from the valuation date T.
type Draw struct {
	Forecast []float64 // of calendar years, from that of T: sales (with a fee per unit, units), or earnings before tax and charges, or flows after tax, as the method takes
	Extend   bool      // sales go on beyond the forecast, growing at Growth
	Growth   float64   // of sales beyond the forecast
	Royalty  float64   // fraction of sales in the first year, or yuan per unit
	Decay    float64   // yearly fall of the royalty
	Hazard   float64   // of lapse and invalidation; survival is e^(-hazard·τ)

	Charge    float64 // yuan a year for the contributory assets
	Attrition float64 // yearly fall of the excess earnings

	Scale    float64   // multiplies the forecast; 1 is as given
	Tax      float64   // of the owner
	Discount float64   // after tax
	Cost     float64   // stated annual fees and upkeep, yuan a year before tax
	Fees     []float64 // official annual fees, yuan before tax by period from T; beyond the last, the last
	Lump     float64   // received at T, before tax
	Step     float64   // factor of the tax amortisation benefit, at least 1

	First      float64 // length of what is left of the calendar year of T, in (0, 1]
	Begin      float64 // when the contract begins; 0: it runs
	Life       float64 // when the income ends, by [Life]
	Convention terms.Convention
}

// Life is how long a right earns, in years from T and not below 0: the
// shortest of its legal life, the licence granted, the contract, and its
// economic life. A term that does not exist is +Inf. Every income method takes
// this life and no other.
func Life(legal, licence, contract, economic float64) float64 {
	return max(min(legal, licence, contract, economic), 0)
}

// Period is one calendar year of a draw's life, cut at T and at the life's end.
type Period struct {
	Index         int     // 0 is the calendar year of T
	Start, Length float64 // years
	Earns         float64 // years of it in which the contract runs
	Survival      float64 // chance that the right still stands
	Factor        float64 // discount factor of its flow
	Rate, Sales   float64 // relief from royalty only: royalty and sales of the whole year
	Flow          float64 // yuan after tax
}

// Relief is the present value at T, in yuan, of the royalties the owner is
// relieved of: Σ (sales·royalty·(1-decay)^t·survival - fees)·(1-tax)·factor,
// with the tax amortisation benefit. It is not negative: a right whose fees
// exceed what it earns is left to lapse (standards 2.3).
func (d *Draw) Relief() float64 { return d.relief(nil) }

func (d *Draw) relief(each func(Period)) float64 {
	rate, grown := d.Royalty, 1.0
	return d.present(d.Lump*(1-d.Tax), each, func(p *Period) (more bool) {
		p.Rate, p.Sales = rate, 0
		switch n := len(d.Forecast); {
		case p.Index < n:
			p.Sales = d.Forecast[p.Index] * d.Scale
		case !d.Extend || n == 0:
			return false
		default:
			grown *= 1 + d.Growth
			p.Sales = d.Forecast[n-1] * grown * d.Scale
		}
		p.Flow = (p.Sales*rate*p.Survival*p.Earns - d.upkeep(p.Index)*p.Length) * (1 - d.Tax)
		rate *= 1 - d.Decay
		return true
	})
}

// excess is the present value at T, in yuan, of the earnings beyond the
// charges for the other assets: Σ (earnings - charge)·(1-tax)·(1-attrition)^t·
// factor, with the tax amortisation benefit; not negative (IVS 210).
func (d *Draw) excess(each func(Period)) float64 {
	kept := 1.0
	return d.present(0, each, func(p *Period) bool {
		if p.Index >= len(d.Forecast) {
			return false
		}
		p.Flow = (d.Forecast[p.Index]*d.Scale - d.Charge) * (1 - d.Tax) * kept * p.Earns
		kept *= 1 - d.Attrition
		return true
	})
}

// incremental is the present value at T, in yuan, of the cash flows with the
// right less those without it, after tax, with the tax amortisation benefit;
// not negative (IVS 210).
func (d *Draw) incremental(each func(Period)) float64 {
	return d.present(0, each, func(p *Period) bool {
		if p.Index >= len(d.Forecast) {
			return false
		}
		p.Flow = d.Forecast[p.Index] * d.Scale * p.Earns
		return true
	})
}

// upkeep is the cost of a period, yuan a year before tax.
func (d *Draw) upkeep(index int) float64 {
	if n := len(d.Fees); n > 0 {
		return d.Cost + d.Fees[min(index, n-1)]
	}
	return d.Cost
}

// present discounts the flows of the periods of the life and adds what is
// received at T. The owner may stop at any period's end, and stops where the
// sum is the largest; so no flow that follows lowers the value, and it is
// never below 0. flow fills a period and reports whether there is one.
func (d *Draw) present(lump float64, each func(Period), flow func(*Period) bool) float64 {
	sum := lump
	best := max(sum, 0)
	force := math.Log1p(d.Discount)
	p := Period{Length: min(d.First, d.Life)}
	for ; p.Start < d.Life-1e-12; p.Index++ {
		end := p.Start + p.Length
		at := end
		if d.Convention == terms.MidPeriod {
			at = p.Start + p.Length/2
		}
		p.Earns = max(end-max(p.Start, d.Begin), 0)
		p.Survival, p.Factor = math.Exp(-d.Hazard*at), math.Exp(-at*force)
		if !flow(&p) {
			break
		}
		if sum += p.Flow * p.Factor; sum > best {
			best = sum
		}
		if each != nil {
			each(p)
		}
		p.Start, p.Length = end, min(1, d.Life-end)
	}
	return best * d.Step
}
