package income

import (
	"math"

	"zhijia/internal/valuation/terms"
)

// CAPM is the cost of equity r_f + β·premium (Sharpe 1964).
func CAPM(riskFree, beta, premium float64) float64 { return riskFree + beta*premium }

// Rate is the weighted average cost of capital after tax, and false when it
// cannot be computed.
func (w *WACC) Rate() (float64, bool) {
	ke := math.NaN()
	switch {
	case w.CostOfEquity != nil:
		ke = *w.CostOfEquity
	case w.RiskFree != nil && w.Beta != nil && w.Premium != nil:
		ke = CAPM(*w.RiskFree, *w.Beta, *w.Premium)
	}
	v := w.Equity + w.Debt
	if !(v > 0) || math.IsNaN(ke) {
		return 0, false
	}
	return w.Equity/v*ke + w.Debt/v*w.CostOfDebt*(1-w.Tax), true
}

// BuildUp is the discount rate k = r_f + Σ R_max·s_j/100 of a scored table,
// with the range its unknowns leave and the neutral rate of a table in which
// every risk is at the middle.
type BuildUp struct {
	Rate, Low, High, Neutral float64
	Unknown                  float64 // mean weight of the four risks that is unknown or doubted
	Span                     float64 // Σ R_max
	Premia                   []terms.Working
}

// BuildUpRate adds the risks of a table to the risk-free rate (standards 2.5).
func (t *DiscountTable) Build(riskFree float64, scores map[string]FactorScore) BuildUp {
	b := BuildUp{Rate: riskFree, Low: riskFree, High: riskFree}
	max1 := t.MaxRisk.Value
	for _, g := range t.Risks {
		s := ScoreTable([]FactorGroup{{Code: g.Code, Weight: 1, Factors: g.Factors}}, scores)
		b.Rate += max1 * s.R
		b.Low += max1 * s.Low
		b.High += max1 * s.High
		b.Unknown += (s.Unknown + s.Doubted) / float64(len(t.Risks))
		b.Span += max1
		b.Premia = append(b.Premia, terms.Working{Key: "risk." + g.Code, Value: max1 * s.R, Unit: "rate", Formula: "R_max·Σ w·s/100", Source: t.Source})
	}
	b.Neutral = riskFree + b.Span/2
	return b
}
