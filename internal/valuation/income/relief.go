package income

import (
	"math"

	"zhijia/internal/valuation/terms"
)

// ReliefFromRoyalty are the resolved inputs of the relief-from-royalty method
// (standards 2.3): V = Σ R_t·K·(1-d)^(t-1)·s_t·(1-T)·DF_t less upkeep.
type ReliefFromRoyalty struct {
	Revenue    []float64        // yuan a year, by calendar year from that of T; beyond the last it grows at Growth when Extend is set
	Extend     bool             // the stream goes on beyond the forecast
	Growth     float64          // per year, beyond the forecast
	Royalty    float64          // fraction of revenue in the first year
	Decay      float64          // yearly fall of the share
	Hazard     float64          // lapse and invalidation per year, survival e^(-hazard·τ)
	Tax        float64          // of the owner
	Discount   float64          // after tax, nominal
	Life       float64          // years from T: the shortest of legal, economic and contract life
	First      float64          // length of the first period in years; its revenue is the full year's
	Convention terms.Convention // of discounting
	Upkeep     []float64        // yuan a year before tax, by period; beyond the last, the last
	Lump       float64          // received at T, before tax
	Scale      float64          // multiplies every revenue; 0 means 1
}

// Value returns the value in yuan. It may be negative when upkeep exceeds
// income.
func (m *ReliefFromRoyalty) Value() float64 { return m.Each(nil) }

// value evaluates the stream; each is called per period when not nil.
func (m *ReliefFromRoyalty) Each(each func(start, length, revenue, share, survival, df, flow float64)) float64 {
	scale := m.Scale
	if scale == 0 {
		scale = 1
	}
	first := m.First
	if first <= 0 || first > 1 {
		first = 1
	}
	v, force := 1/(1+m.Discount), math.Log1p(m.Discount)
	keep := 1 - m.Tax
	sum := m.Lump * keep
	share := m.Royalty
	survive := 1.0
	if m.Hazard > 0 {
		survive = math.Exp(-m.Hazard)
	}
	start, length := 0.0, min(first, m.Life)
	df, alive := 1.0, 1.0 // at the middle of a whole year that starts at start
	growth, last := 1.0, 0.0
	for j := 0; start < m.Life-1e-12; j++ {
		at := start + length/2
		if m.Convention == terms.PeriodEnd {
			at = start + length
		}
		if j <= 1 || length < 1 { // whole years after the second follow by multiplication
			df = math.Exp(-at * force)
			if m.Hazard > 0 {
				alive = math.Exp(-m.Hazard * at)
			}
		} else {
			df *= v
			alive *= survive
		}
		revenue := 0.0
		switch {
		case j < len(m.Revenue):
			revenue = m.Revenue[j]
			last = revenue
		case m.Extend:
			growth *= 1 + m.Growth
			revenue = last * growth
		default:
			return sum
		}
		flow := revenue * scale * length * share * alive * keep
		if u := len(m.Upkeep); u > 0 {
			flow -= m.Upkeep[min(j, u-1)] * length * keep
		}
		sum += flow * df
		if each != nil {
			each(start, length, revenue*scale, share, alive, df, flow)
		}
		start += length
		length = min(1, m.Life-start)
		share *= 1 - m.Decay
	}
	return sum
}
