package valuation

import (
	"math"

	"zhijia/internal/calendar"
)

// Assignment says what is to be valued, for whom, on which basis and as of
// which day. Nothing in it is evidence.
type Assignment struct {
	ID      string   `json:"id,omitempty"`
	Subject []Patent `json:"subject"` // one patent, or the members of a bundle; order carries no meaning
	Purpose Purpose  `json:"purpose"`
	Basis   Basis    `json:"basis,omitempty"`   // empty: the purpose's basis, standards 4.1
	Premise Premise  `json:"premise,omitempty"` // empty: the purpose's premise

	// ExploitationScenario says how the patent earns (own use, licence out,
	// block, sell); mandatory under DIN 77100, reported as missing when empty.
	ExploitationScenario string `json:"exploitation_scenario,omitempty"`

	Date  calendar.Date `json:"date"`            // valuation date T: only facts public before T count
	Level float64       `json:"level,omitempty"` // of the range, in (0, 1); 0 means 0.80

	Owner      OwnerType `json:"owner_type,omitempty"` // who sells; decides the population of the prior
	Encumbered *bool     `json:"encumbered,omitempty"` // pledge, exclusive licence or preservation on the register; nil unknown

	// RightFraction is the licensed or co-owned share of the whole right, in
	// (0, 1]; 0 means 1.
	RightFraction float64  `json:"right_fraction,omitempty"`
	LicenceTerm   *float64 `json:"licence_term_years,omitempty"` // purpose licence: years granted
	LicenceKind   DealKind `json:"licence_kind,omitempty"`       // purpose licence: exclusive, sole or plain

	// Override is an officer's own figure. It never replaces the conclusion:
	// both are reported with the reason.
	Override *Override `json:"override,omitempty"`
}

// Override is an officer's figure beside the model's.
type Override struct {
	Value   float64       `json:"value"` // yuan
	Reason  string        `json:"reason"`
	Officer string        `json:"officer"`
	Date    calendar.Date `json:"date"`
}

// Patent is one member of the subject. Unknown counts are nil, never 0.
type Patent struct {
	Number string     `json:"number"`
	Kind   PatentKind `json:"kind"`
	Title  string     `json:"title,omitempty"`
	IPC    []string   `json:"ipc,omitempty"` // main symbol first, e.g. "H01M 4/36"

	Filing calendar.Date `json:"filing_date"`
	Grant  calendar.Date `json:"grant_date"`
	Expiry calendar.Date `json:"expiry_date"` // end of the statutory term with adjustments; zero: computed from Filing and Kind

	Claims     *int `json:"claims,omitempty"`
	Family     *int `json:"family,omitempty"` // offices in the family
	Assignees  *int `json:"assignees,omitempty"`
	Inventors  *int `json:"inventors,omitempty"`
	CitedBy    *int `json:"cited_by,omitempty"` // public before T; carries no weight in the price model
	Subclasses *int `json:"ipc_subclasses,omitempty"`

	FamilyID string   `json:"family_id,omitempty"` // members of one family are discounted in a bundle
	Quality  *float64 `json:"quality,omitempty"`   // member's own score in [0, 100] for the allocation of a bundle
	TextHash string   `json:"text_hash,omitempty"` // content hash of the text the scores and the vector come from
}

// Evidence is everything gathered about the subject as of T. A missing fact
// is nil, an empty list or an absent record; it widens the range and is named
// in the conclusion.
type Evidence struct {
	Legal       []LegalState     `json:"legal,omitempty"` // by patent number
	Comparables []Comparable     `json:"comparables,omitempty"`
	Pairwise    [][]float64      `json:"pairwise,omitempty"` // total similarity between comparables, rows and columns as in Comparables; nil: assumed conditionally independent given the subject
	Excluded    []Comparable     `json:"excluded,omitempty"` // found but refused upstream, each with its code
	Retrieval   Retrieval        `json:"retrieval"`
	Indicators  []IndicatorScore `json:"indicators,omitempty"`
	Income      *IncomeFacts     `json:"income,omitempty"`
	Cost        *CostFacts       `json:"cost,omitempty"`
	Option      *OptionFacts     `json:"option,omitempty"`
	Rank        *Rank            `json:"rank,omitempty"`
	Fees        *FeeFacts        `json:"fees,omitempty"`

	SaleChance *Quantity `json:"sale_chance,omitempty"` // operator's chance of sale within 12 months, in [0, 1]

	ModelUse   *ModelUse         `json:"model_use,omitempty"` // nil: no model was asked
	Warnings   []Note            `json:"warnings,omitempty"`  // of the gathering steps, passed through to the flags
	Missing    []Note            `json:"missing,omitempty"`   // what the gathering steps could not get
	DataCutoff calendar.Date     `json:"data_cutoff"`         // latest date of any record consulted; must be before T
	Versions   map[string]string `json:"versions,omitempty"`  // of data sets, embedders, prompts, models
}

// LegalState is the standing of one patent as public before T.
type LegalState struct {
	Number string        `json:"number"`
	State  Standing      `json:"state"`
	Reason string        `json:"reason,omitempty"` // stable code, e.g. "fee_unpaid", "expired", "invalidated", "withdrawn", "abandoned", "refused"
	Since  calendar.Date `json:"since"`            // when it took that state; on or after T it does not count
	AsOf   calendar.Date `json:"as_of"`            // of the source
	Source string        `json:"source,omitempty"`
}

// Comparable is one priced deal. Amount is the whole consideration; the model
// works with the natural logarithm of Amount/Patents.
type Comparable struct {
	DealID   string        `json:"deal_id"`
	Amount   *float64      `json:"amount"`   // in Currency, whole deal; nil unknown
	Currency string        `json:"currency"` // ISO 4217; anything but CNY needs Rate
	Rate     *float64      `json:"rate,omitempty"`
	Patents  *int          `json:"patents"` // number of patents conveyed; nil unknown
	Date     calendar.Date `json:"date"`    // first day of the period the precision names
	DateUnit Precision     `json:"date_precision,omitempty"`
	Kind     DealKind      `json:"deal_kind"`
	Patent   PatentKind    `json:"patent_kind,omitempty"`
	Owner    OwnerType     `json:"owner_type,omitempty"` // of the seller or licensor
	Source   SourceType    `json:"source_type,omitempty"`
	Related  *bool         `json:"related_party,omitempty"` // nil unknown
	Price    PriceKind     `json:"price_kind,omitempty"`
	Term     *float64      `json:"licence_term_years,omitempty"`
	Royalty  *float64      `json:"royalty_rate,omitempty"` // running royalty as a fraction of sales
	Numbers  []string      `json:"patent_numbers,omitempty"`
	IPC      []string      `json:"ipc,omitempty"`
	Title    string        `json:"title,omitempty"`
	Parties  Parties       `json:"parties"`
	URL      string        `json:"source_url,omitempty"`
	Similar  *Similarity   `json:"similarity,omitempty"`
	IPCLevel IPCLevel      `json:"ipc_level,omitempty"` // nearest common IPC level with the subject

	RemainingLife *float64 `json:"remaining_life_years,omitempty"` // at the deal date
	Claims        *float64 `json:"claims,omitempty"`               // mean over the deal's patents
	Family        *float64 `json:"family,omitempty"`
	Assignees     *float64 `json:"assignees,omitempty"`
	Quality       *float64 `json:"quality,omitempty"` // quality score in [0, 100] under the same sheet

	FamilyID    string `json:"family_id,omitempty"`
	DuplicateOf string `json:"duplicate_of,omitempty"` // deal id this row repeats
	Exclusion   string `json:"exclusion_code,omitempty"`
}

// Parties are the two sides of a deal, as printed in the source.
type Parties struct {
	Seller string `json:"seller,omitempty"`
	Buyer  string `json:"buyer,omitempty"`
}

// Similarity of a deal to the subject, each part in [-1, 1] or nil when that
// part could not be computed; Total in [0, 1] is what the kernel sees.
type Similarity struct {
	Text    *float64 `json:"text,omitempty"`
	Lexical *float64 `json:"lexical,omitempty"`
	IPC     *float64 `json:"ipc,omitempty"`
	Kind    *float64 `json:"kind,omitempty"`
	Total   float64  `json:"total"`
}

// Retrieval says how the comparables were found.
type Retrieval struct {
	Path       string   `json:"path,omitempty"`  // exact, hnsw, lexical, none
	Level      IPCLevel `json:"level,omitempty"` // widest IPC level used
	Widened    int      `json:"widened"`         // steps beyond the subclass; each adds variance
	Space      string   `json:"space,omitempty"` // embedding space
	Considered int      `json:"considered"`
	Returned   int      `json:"returned"`
}

// IndicatorScore is one scored item of the sheet. Score is in [0, 100], nil
// when unknown.
type IndicatorScore struct {
	Code       string        `json:"code"` // of the sheet, e.g. "T5.1", or a royalty or risk factor
	Score      *float64      `json:"score"`
	Evaluator  Evaluator     `json:"evaluator"`
	Evidence   []Quote       `json:"evidence,omitempty"`
	Dispersion *float64      `json:"dispersion,omitempty"` // share of votes unlike the median, [0, 1]
	Confidence *float64      `json:"confidence,omitempty"` // agreement of the votes times the share that told, [0, 1]; nil: nothing against it
	Reason     string        `json:"reason,omitempty"`
	Version    string        `json:"version,omitempty"` // of the prompt, rule or model
	AsOf       calendar.Date `json:"as_of"`
}

// ModelUse is what a valuation used of a model endpoint. Answers kept from
// before cost nothing.
type ModelUse struct {
	Host         string  `json:"host"`
	Model        string  `json:"model"`
	Requests     int     `json:"requests"` // new calls
	Kept         int     `json:"kept"`     // answers from the store
	PromptTokens int64   `json:"prompt_tokens"`
	AnswerTokens int64   `json:"answer_tokens"`
	Yuan         float64 `json:"yuan"` // at the configured prices; exact to 10⁻⁶
}

// doubt is the share of a score that counts as unknown for the width: the
// judges who did not agree with it or could not tell. A score nobody doubts
// has none, an unknown one has it all.
func (s *IndicatorScore) doubt() float64 {
	d := 0.0
	if s.Dispersion != nil {
		d = *s.Dispersion
	}
	if s.Confidence != nil {
		d = max(d, 1-*s.Confidence)
	}
	if math.IsNaN(d) {
		return 1
	}
	return min(max(d, 0), 1)
}

// Quote is a literal piece of a document, by byte offsets.
type Quote struct {
	Document string `json:"doc"`
	Start    int    `json:"start"`
	End      int    `json:"end"`
	Text     string `json:"text"`
}

// Quantity is a number or a range. With Value alone it is exact. A range is
// {low, mode, high}, low and high being the ends of the distribution for
// triangular, pert and uniform, and the 10th and 90th percentiles for normal
// and lognormal.
type Quantity struct {
	Value        *float64 `json:"value,omitempty"`
	Low          *float64 `json:"low,omitempty"`
	Mode         *float64 `json:"mode,omitempty"`
	High         *float64 `json:"high,omitempty"`
	Distribution string   `json:"distribution,omitempty"` // point, triangular (default for a range), pert, uniform, normal, lognormal
	Source       string   `json:"source,omitempty"`
}

// YearQuantity is a quantity of one calendar year.
type YearQuantity struct {
	Year int `json:"year"`
	Quantity
}

// IncomeFacts are the facts the income approach needs. Rates are fractions
// per year, money is yuan, nominal, before tax.
type IncomeFacts struct {
	Revenue []YearQuantity `json:"revenue,omitempty"` // sales of the products that use the subject, by calendar year
	Current *Quantity      `json:"revenue_current,omitempty"`
	Growth  *Quantity      `json:"revenue_growth,omitempty"` // applied to Current, or beyond the last year of Revenue

	Royalty      *Quantity `json:"royalty_rate,omitempty"`     // stated: fraction of revenue
	RoyaltyRange *[2]Rate  `json:"royalty_range,omitempty"`    // [m, n] of K = m + (n-m) r
	Margin       *Quantity `json:"operating_margin,omitempty"` // with ProfitShare: royalty by profit split
	ProfitShare  *Quantity `json:"profit_share,omitempty"`
	PerUnit      *Quantity `json:"royalty_per_unit,omitempty"` // yuan per unit, with Units
	Units        *Quantity `json:"units_per_year,omitempty"`
	LumpSum      *Quantity `json:"lump_sum,omitempty"` // received at T
	Industry     string    `json:"industry,omitempty"` // key of the royalty bands
	Attribution  *Quantity `json:"attribution,omitempty"`

	Tax          *Quantity `json:"tax_rate,omitempty"`
	Discount     *Quantity `json:"discount_rate,omitempty"` // stated, after tax, nominal
	RiskFree     *Quantity `json:"risk_free_rate,omitempty"`
	WACC         *WACC     `json:"wacc,omitempty"`
	EconomicLife *Quantity `json:"economic_life_years,omitempty"` // remaining at T
	ContractTerm *Quantity `json:"contract_term_years,omitempty"`
	Hazard       *Quantity `json:"hazard,omitempty"`      // lapse and invalidation, per year
	Decay        *Quantity `json:"share_decay,omitempty"` // of the royalty share, per year
	AnnualCost   *Quantity `json:"annual_cost,omitempty"` // annual fees and upkeep, yuan a year
	TABLife      *float64  `json:"tab_life_years,omitempty"`

	ExcessEarnings *ExcessEarnings `json:"excess_earnings,omitempty"`
	With           []YearQuantity  `json:"cash_flow_with,omitempty"` // after tax
	Without        []YearQuantity  `json:"cash_flow_without,omitempty"`

	Correlations []Correlation `json:"correlations,omitempty"` // between named inputs, e.g. "revenue" and "royalty_rate"
}

// Rate is a fraction.
type Rate = float64

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
	Earnings  []YearQuantity      `json:"earnings"` // before tax and charges
	Assets    []ContributoryAsset `json:"contributory_assets,omitempty"`
	Attrition *Quantity           `json:"attrition,omitempty"` // per year
}

// ContributoryAsset is charged Value·Return a year.
type ContributoryAsset struct {
	Name   string  `json:"name"`
	Value  float64 `json:"value"`  // yuan
	Return Rate    `json:"return"` // required, per year
}

// Correlation of two named inputs, on the normal scores (Gaussian copula).
type Correlation struct {
	A   string  `json:"a"`
	B   string  `json:"b"`
	Rho float64 `json:"rho"` // (-1, 1)
}

// CostFacts are the facts of the cost approach, yuan at T unless indexed.
type CostFacts struct {
	Reproduction *Quantity `json:"reproduction,omitempty"` // the same thing again
	Replacement  *Quantity `json:"replacement,omitempty"`  // the same use by present means
	Labour       *Quantity `json:"labour,omitempty"`
	Expenses     *Quantity `json:"expenses,omitempty"`
	Overhead     *Quantity `json:"overhead,omitempty"`
	Fees         *Quantity `json:"fees,omitempty"` // filing, attorney, official
	Opportunity  *Quantity `json:"opportunity,omitempty"`
	Profit       *Quantity `json:"profit,omitempty"`
	Index        *float64  `json:"index,omitempty"` // price index from the cost date to T; 1 is none

	Functional    *Rate  `json:"functional,omitempty"` // obsolescence, [0, 1]
	Technological *Rate  `json:"technological,omitempty"`
	Economic      *Rate  `json:"economic,omitempty"`
	Form          string `json:"form,omitempty"` // multiplicative (default) or additive
	Age           *Rate  `json:"age_years,omitempty"`
	RemainingLife *Rate  `json:"remaining_life_years,omitempty"` // with Age: straight-line age obsolescence
}

// OptionFacts are the facts of the real-option method.
type OptionFacts struct {
	Project    *Quantity `json:"project_value,omitempty"` // present value of the developed product's cash flow, yuan
	Cost       *Quantity `json:"development_cost,omitempty"`
	Volatility *Quantity `json:"volatility,omitempty"` // per root year
	Years      *Quantity `json:"years,omitempty"`      // until the right to develop is lost
	RiskFree   *Quantity `json:"risk_free_rate,omitempty"`
	Delay      *Quantity `json:"cost_of_delay,omitempty"` // per year; nil: 1/Years
}

// Rank is the subject's standing within its IPC class and filing year.
type Rank struct {
	Percentile float64 `json:"percentile"` // (0, 1)
	Cohort     string  `json:"cohort"`
	Size       int     `json:"n"`
	Basis      string  `json:"basis,omitempty"` // which counts were ranked
}

// FeeFacts are the annual fees paid, for the renewal bound.
type FeeFacts struct {
	PaidThrough int       `json:"paid_through_year"` // last patent year whose fee is paid
	Schedule    []float64 `json:"schedule"`          // yuan by patent year, from year 1; 0 before grant
}

// Note is a coded message.
type Note struct {
	Code string `json:"code"`
	Zh   string `json:"zh"`
	En   string `json:"en"`
	Next string `json:"next,omitempty"` // what to supply next
}
