package option

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"zhijia/internal/valuation/terms"
)

// BlackScholes is the value of the right to develop: a European call on the
// developed product worth s, at cost x, with volatility sigma, over t years at
// continuous rate r and cost of delay q:
// C = s·e^(-qt)·Φ(d1) - x·e^(-rt)·Φ(d2), d1 = [ln(s/x) + (r-q+σ²/2)t]/(σ√t)
// (Black, Scholes 1973; Merton 1973 for q). s and x must be positive.
func BlackScholes(s, x, sigma, t, r, q float64) (c, d1, d2 float64) {
	sd := sigma * math.Sqrt(t)
	fs, fx := s*math.Exp(-q*t), x*math.Exp(-r*t)
	if sd < 1e-12 { // certain: develop when it pays
		return max(fs-fx, 0), math.Inf(sign(fs - fx)), math.Inf(sign(fs - fx))
	}
	d1 = (math.Log(s/x)+(r-q)*t)/sd + sd/2
	d2 = d1 - sd
	return fs*distuv.UnitNormal.CDF(d1) - fx*distuv.UnitNormal.CDF(d2), d1, d2
}

func sign(x float64) int {
	if x < 0 {
		return -1
	}
	return 1
}

// Rules are the assumptions of the option.
type Rules struct {
	MinSD terms.Figure `json:"min_log_sd"` // least log sd of the option's value against a price
}

// Facts are the facts of the real-option method.
type Facts struct {
	Project    *terms.Quantity `json:"project_value,omitempty"` // present value of the developed product's cash flow, yuan
	Cost       *terms.Quantity `json:"development_cost,omitempty"`
	Volatility *terms.Quantity `json:"volatility,omitempty"` // per root year
	Years      *terms.Quantity `json:"years,omitempty"`      // until the right to develop is lost
	RiskFree   *terms.Quantity `json:"risk_free_rate,omitempty"`
	Delay      *terms.Quantity `json:"cost_of_delay,omitempty"` // per year; nil: 1/Years
}
