package income

import (
	"zhijia/internal/valuation/terms"
)

// IncomeFacts are the facts the income approach needs. Rates are fractions
// per year, money is yuan, nominal, before tax.
type Facts struct {
	// Inputs says whose expectations the facts state, and so the basis of the
	// figure; empty: as the purpose takes them.
	Inputs terms.Inputs `json:"inputs,omitempty"`

	Revenue []terms.YearQuantity `json:"revenue,omitempty"` // sales of the products that use the subject, by calendar year
	Current *terms.Quantity      `json:"revenue_current,omitempty"`
	Growth  *terms.Quantity      `json:"revenue_growth,omitempty"` // applied to Current, or beyond the last year of Revenue

	Royalty      *terms.Quantity `json:"royalty_rate,omitempty"`     // stated: fraction of revenue
	RoyaltyRange *[2]terms.Rate  `json:"royalty_range,omitempty"`    // [m, n] of K = m + (n-m) r
	Margin       *terms.Quantity `json:"operating_margin,omitempty"` // with ProfitShare: royalty by profit split
	ProfitShare  *terms.Quantity `json:"profit_share,omitempty"`
	PerUnit      *terms.Quantity `json:"royalty_per_unit,omitempty"` // yuan per unit, with Units
	Units        *terms.Quantity `json:"units_per_year,omitempty"`
	LumpSum      *terms.Quantity `json:"lump_sum,omitempty"` // received at T
	Industry     string          `json:"industry,omitempty"` // key of the royalty bands
	Attribution  *terms.Quantity `json:"attribution,omitempty"`

	Tax          *terms.Quantity `json:"tax_rate,omitempty"`
	Discount     *terms.Quantity `json:"discount_rate,omitempty"` // stated, after tax, nominal
	RiskFree     *terms.Quantity `json:"risk_free_rate,omitempty"`
	WACC         *WACC           `json:"wacc,omitempty"`
	EconomicLife *terms.Quantity `json:"economic_life_years,omitempty"`      // remaining at T
	ContractTerm *terms.Quantity `json:"contract_term_years,omitempty"`      // from its beginning, or from T when it runs
	ContractFrom *terms.Quantity `json:"contract_begins_in_years,omitempty"` // years from T until the contract begins; nil: it runs
	Hazard       *terms.Quantity `json:"hazard,omitempty"`                   // lapse and invalidation, per year
	Decay        *terms.Quantity `json:"share_decay,omitempty"`              // of the royalty share, per year
	AnnualCost   *terms.Quantity `json:"annual_cost,omitempty"`              // annual fees and upkeep, yuan a year
	TABLife      *float64        `json:"tab_life_years,omitempty"`

	ExcessEarnings *ExcessEarnings      `json:"excess_earnings,omitempty"`
	With           []terms.YearQuantity `json:"cash_flow_with,omitempty"` // after tax
	Without        []terms.YearQuantity `json:"cash_flow_without,omitempty"`

	Correlations []Correlation `json:"correlations,omitempty"` // between named inputs, e.g. "revenue" and "royalty_rate"
}

// WACC holds the parts of a weighted average cost of capital.
type WACC struct {
	Equity       float64  `json:"equity"`
	Debt         float64  `json:"debt"`
	CostOfEquity *float64 `json:"cost_of_equity,omitempty"` // given, or by CAPM
	CostOfDebt   float64  `json:"cost_of_debt"`
	RiskFree     *float64 `json:"risk_free_rate,omitempty"`
	Beta         *float64 `json:"beta,omitempty"`
	Premium      *float64 `json:"equity_risk_premium,omitempty"`
	Tax          float64  `json:"tax_rate"`
}

// ExcessEarnings are the inputs of the multi-period excess earnings method.
type ExcessEarnings struct {
	Earnings  []terms.YearQuantity `json:"earnings"` // before tax and charges
	Assets    []ContributoryAsset  `json:"contributory_assets,omitempty"`
	Attrition *terms.Quantity      `json:"attrition,omitempty"` // per year
}

// ContributoryAsset is charged Value·Return a year.
type ContributoryAsset struct {
	Name   string     `json:"name"`
	Value  float64    `json:"value"`  // yuan
	Return terms.Rate `json:"return"` // required, per year
}

// Correlation of two named inputs, on the normal scores (Gaussian copula).
type Correlation struct {
	A   string  `json:"a"`
	B   string  `json:"b"`
	Rho float64 `json:"rho"` // (-1, 1)
}

// FeeFacts are the annual fees paid, for the renewal bound.
type FeeFacts struct {
	PaidThrough int       `json:"paid_through_year"` // last patent year whose fee is paid
	Schedule    []float64 `json:"schedule"`          // yuan by patent year, from year 1; 0 before grant
}
