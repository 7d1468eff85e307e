package income

import (
	"zhijia/internal/patent"
	"zhijia/internal/valuation/terms"
)

// RoyaltyTable is the 综合评价 table: K = m + (n-m)·r.
type RoyaltyTable struct {
	Provenance string        `json:"provenance"`
	Source     string        `json:"source"`
	Groups     []FactorGroup `json:"groups"`
	Bands      []RoyaltyBand `json:"bands"`
	Default    string        `json:"default_band"`
	Cap        terms.Figure  `json:"cap"` // share of net sales above which a flag is raised
}

// FactorGroup is a weighted group of scored factors.
type FactorGroup struct {
	Code    string   `json:"code"`
	Name    string   `json:"name"`
	Weight  float64  `json:"weight,omitempty"` // of the royalty table's groups; the risks of the discount rate add up
	Factors []Factor `json:"factors"`
}

// Factor is one scored factor. Its score is the indicator of its own code, or
// the mean of the sheet indicators in From; a factor with neither is unknown.
type Factor struct {
	Code    string             `json:"code"`
	Name    string             `json:"name"`
	Weight  float64            `json:"weight"` // within the group
	From    []string           `json:"from,omitempty"`
	Anchors []terms.Anchor     `json:"anchors"`
	ByRight map[string]float64 `json:"by_right,omitempty"` // score by the state of the right: granted_invention, pending_invention, utility_model
	Concept string             `json:"concept,omitempty"`  // equal concepts in two tables count one risk twice
}

// RoyaltyBand is a range of royalties as a fraction of net sales.
type RoyaltyBand struct {
	Industry   string  `json:"industry"`
	Name       string  `json:"name"`
	Low        float64 `json:"low"`
	High       float64 `json:"high"`
	Source     string  `json:"source"`
	Provenance string  `json:"provenance"`
}

// DiscountTable is the build-up k = r_f + Σ R_max·score/100.
type DiscountTable struct {
	Provenance string        `json:"provenance"`
	Source     string        `json:"source"`
	RiskFree   terms.Figure  `json:"risk_free"`
	MaxRisk    terms.Figure  `json:"max_risk"` // R_max of each risk
	Low        terms.Figure  `json:"low"`      // flag below r_f + low
	High       terms.Figure  `json:"high"`     // flag above r_f + high
	Risks      []FactorGroup `json:"risks"`
}

// IncomeRules are the conventions and defaults of the income approach.
type Rules struct {
	Convention  terms.Convention          `json:"convention"`
	Tax         terms.Figure              `json:"tax_rate"`
	Hazard      terms.Figure              `json:"hazard"`
	Decay       terms.Figure              `json:"decay"`
	Economic    terms.Figure              `json:"economic_life"` // remaining, when not given
	TABLife     terms.Figure              `json:"tab_life"`
	TABPurposes []terms.Purpose           `json:"tab_purposes"`
	RateSD      terms.Figure              `json:"royalty_log_sd"` // of ln royalty given all factors known
	RevenueSD   terms.Figure              `json:"revenue_log_sd"` // of ln revenue when a forecast is a single number
	ModelSD     terms.Figure              `json:"model_log_sd"`   // of an income value against a price, beyond its inputs
	Fees        map[patent.Kind][]float64 `json:"annual_fees"`    // yuan by patent year, from year 1
}

// RenewalPrior are the Schankerman-Pakes parameters.
type RenewalPrior struct {
	Decay terms.Figure `json:"decay"`
	Rate  terms.Figure `json:"rate"`
}

// Simulation of uncertain inputs.
type PathRules struct {
	Paths int    `json:"paths"`
	Seed  uint64 `json:"seed"`
}
