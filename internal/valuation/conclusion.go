package valuation

import (
	"zhijia/internal/calendar"
	"zhijia/internal/valuation/income"
	"zhijia/internal/valuation/indicator"
	"zhijia/internal/valuation/market"
	"zhijia/internal/valuation/terms"
)

// Conclusion is the opinion with its own workings. Money is yuan.
type Conclusion struct {
	Status     Status        `json:"status"`
	ReasonCode string        `json:"reason_code,omitempty"` // why zero, abstained or range only
	Reason     *terms.Note   `json:"reason,omitempty"`
	Value      Estimate      `json:"value"` // all zero when Status is zero; meaningless when abstained
	Currency   string        `json:"currency"`
	Basis      terms.Basis   `json:"basis"`
	Premise    terms.Premise `json:"premise"`
	Scope      terms.Scope   `json:"scope"`

	// Bases are the figures that stand side by side, the headline first: other
	// bases, premises and scopes, never averaged.
	Bases []BasisFigure `json:"bases,omitempty"`

	// Market is the market of sale the value stands for; Markets is the ladder of markets, in each "if sold" there.
	Market           market.Sale    `json:"market"`
	Markets          []MarketFigure `json:"markets,omitempty"`
	MarketFact       *MarketFact    `json:"market_fact,omitempty"`
	MarketUnreviewed bool           `json:"market_unreviewed,omitempty"` // 未经复核

	Date       calendar.Date `json:"valuation_date"`
	DataCutoff calendar.Date `json:"data_cutoff"`

	FSD     float64    `json:"fsd"`             // forecast standard deviation of ln price
	Grade   string     `json:"grade,omitempty"` // A to E
	PWithin [4]PWithin `json:"p_within"`        // 10, 20, 30, 50 percent

	Approaches  []ApproachResult   `json:"approaches"`
	Comparables []ComparableResult `json:"comparables"` // admitted, by influence
	Excluded    []ExcludedDeal     `json:"excluded"`
	Retrieval   Retrieval          `json:"retrieval"`
	NEff        float64            `json:"n_eff"` // effective number of comparables
	Indicators  *indicator.Result  `json:"indicators,omitempty"`
	Members     []MemberValue      `json:"members,omitempty"` // of a bundle; sums to Value.Median

	Contributions      []Contribution      `json:"contributions"`       // sum to Value.Median within one yuan
	WidthContributions []WidthContribution `json:"width_contributions"` // shares of FSD², sum to 1

	MissingEvidence []terms.Note `json:"missing_evidence"`
	Flags           []terms.Flag `json:"flags"`

	Model    ModelInfluence    `json:"model_influence"`
	ModelUse *ModelUse         `json:"model_use,omitempty"` // of the scoring; nil: no model was asked
	Lending  LendingView       `json:"lending"`
	Override *OverrideResult   `json:"override,omitempty"`
	Workings []terms.Working   `json:"workings"`
	Versions map[string]string `json:"versions"`
}

// Estimate is a figure with its range. Point is nil when only a range is
// given; Median is the centre of the distribution and always set.
type Estimate struct {
	Point  *float64 `json:"point"`
	Median float64  `json:"median"`
	Low    float64  `json:"low"`
	High   float64  `json:"high"`
	Level  float64  `json:"level"` // nominal, e.g. 0.80

	// Calibration is "conformal" when the width was measured on N past deals,
	// "uncalibrated" when it is the model's own.
	Calibration  string   `json:"calibration"`
	Coverage     *float64 `json:"measured_coverage,omitempty"`     // share of the N calibration deals inside their own leave-one-out range
	CoverageLow  *float64 `json:"measured_coverage_low,omitempty"` // 95% interval over events
	CoverageHigh *float64 `json:"measured_coverage_high,omitempty"`
	CoverageFrom int      `json:"measured_from_year,omitempty"` // first year of own deals that entered neither fit nor calibration; 0: each event was left out alone
	CoverageTo   int      `json:"measured_to_year,omitempty"`
	N            int      `json:"n"`      // deals
	Events       int      `json:"events"` // source pages or sessions they come from

	LowerBound float64 `json:"lower_bound"` // one-sided at Level, for lenders: below Low's chance is (1-Level)/2, below this 1-Level

	Rounded Rounded `json:"rounded"` // for people: point to 3, ends to 2 significant figures
}

// Rounded is the estimate as printed.
type Rounded struct {
	Point *float64 `json:"point"`
	Low   float64  `json:"low"`
	High  float64  `json:"high"`
}

// PWithin is the chance that a price lies within Percent of the point.
type PWithin struct {
	Percent int     `json:"percent"`
	Chance  float64 `json:"chance"`
}

// ApproachResult is one approach's outcome, applicable or not.
type ApproachResult struct {
	ID            string              `json:"id"` // market, income, cost, option, rank, renewal
	Method        string              `json:"method,omitempty"`
	Basis         terms.Basis         `json:"basis,omitempty"` // of its figure; empty: information only
	Applicable    bool                `json:"applicable"`
	ReasonCode    string              `json:"reason_code,omitempty"` // when not
	Value         float64             `json:"value"`                 // median, yuan
	Low           float64             `json:"low"`                   // at the assignment's level
	High          float64             `json:"high"`
	LogSD         float64             `json:"log_sd"`
	Weight        float64             `json:"weight"`                  // in the reconciliation
	Applicability float64             `json:"applicability,omitempty"` // a in [0, 1]
	Percentiles   map[string]float64  `json:"percentiles,omitempty"`   // p10, p50, p90 of a simulation
	Tornado       []income.TornadoBar `json:"tornado,omitempty"`
	Flags         []terms.Flag        `json:"flags,omitempty"`
	Workings      []terms.Working     `json:"workings,omitempty"`
}

// ComparableResult is an admitted deal and its part in the market value.
type ComparableResult struct {
	Comparable
	UnitPrice  float64 `json:"unit_price"` // yuan per patent, as printed
	Normalised float64 `json:"normalised"` // yuan per patent in the subject's market, of its kind and facts
	Weight     float64 `json:"weight"`     // of its residual in ln value; may be negative
	Pull       float64 `json:"pull"`       // yuan this deal moves the market value away from the prior
	Influence  float64 `json:"influence"`  // yuan the market value would change if this deal were left out
	Moved      bool    `json:"moved"`      // false: shown for the reader, it did not move the figure (under half a percent)
}

// ExcludedDeal is a deal that was seen and not used.
type ExcludedDeal struct {
	DealID   string        `json:"deal_id"`
	Code     string        `json:"code"`
	Zh       string        `json:"zh"`
	En       string        `json:"en"`
	Title    string        `json:"title,omitempty"`
	Date     calendar.Date `json:"date"`
	Amount   *float64      `json:"amount,omitempty"` // in Currency
	Currency string        `json:"currency,omitempty"`
	URL      string        `json:"source_url,omitempty"`
}

// Contribution is one item of the value.
type Contribution struct {
	Key  string  `json:"key"` // e.g. "prior", "comparable:T002", "indicator:T5.1", "income.revenue"
	Kind string  `json:"kind"`
	Yuan float64 `json:"yuan"`
	Log  float64 `json:"log"` // the same on the log scale
}

// WidthContribution is one item's share of the variance of ln value.
type WidthContribution struct {
	Key   string  `json:"key"`
	Share float64 `json:"share"`
}

// ModelInfluence shows how far model-scored indicators moved the value.
type ModelInfluence struct {
	Factor  float64 `json:"factor"`          // value / value with every model score unknown
	Cap     float64 `json:"cap"`             // largest ratio between any two sets of model scores
	Clamped bool    `json:"clamped"`         // the cap was reached
	Without float64 `json:"without"`         // value with every model score unknown, yuan
	Scores  int     `json:"scores"`          // model scores used
	Theory  float64 `json:"theory,omitzero"` // (n/m)·AF(k_min)/AF(k_max) of the royalty seat
}

// LendingView is the pledge desk's part.
type LendingView struct {
	IfSold       float64         `json:"value_if_sold"`
	Forced       float64         `json:"forced_sale"`
	LowerBound   float64         `json:"lower_bound"`
	ChanceOfSale *terms.Quantity `json:"chance_of_sale,omitempty"` // operator's; never invented
}

// OverrideResult keeps the officer's figure beside the model's.
type OverrideResult struct {
	Override
	Model      float64 `json:"model_value"`
	Ratio      float64 `json:"ratio"` // officer / model
	InRange    bool    `json:"in_range"`
	Difference float64 `json:"difference"`
}

// MemberValue is one patent's part of a bundle.
type MemberValue struct {
	Number     string  `json:"number"`
	Value      float64 `json:"value"`
	Share      float64 `json:"share"`
	Discount   float64 `json:"discount"` // 1 for the first of a family, less for later members, 0 when dead
	ReasonCode string  `json:"reason_code,omitempty"`
}
