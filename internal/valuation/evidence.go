package valuation

import (
	"zhijia/internal/calendar"
	"zhijia/internal/patent"
	"zhijia/internal/valuation/cost"
	"zhijia/internal/valuation/damages"
	"zhijia/internal/valuation/income"
	"zhijia/internal/valuation/market"
	"zhijia/internal/valuation/option"
	"zhijia/internal/valuation/terms"
)

// Assignment says what is to be valued, for whom, on which basis and as of
// which day. Nothing in it is evidence.
type Assignment struct {
	ID      string         `json:"id,omitempty"`
	Subject []terms.Patent `json:"subject"` // one patent, or the members of a bundle; order carries no meaning
	Purpose terms.Purpose  `json:"purpose"`
	Basis   terms.Basis    `json:"basis,omitempty"`   // empty: the purpose's basis, standards 4.1
	Premise terms.Premise  `json:"premise,omitempty"` // empty: the purpose's premise

	// ExploitationScenario says how the patent earns (own use, licence out,
	// block, sell); mandatory under DIN 77100, reported as missing when empty.
	ExploitationScenario string `json:"exploitation_scenario,omitempty"`

	Date  calendar.Date `json:"date"`            // valuation date T: only facts public before T count
	Level float64       `json:"level,omitempty"` // of the range, in (0, 1); 0 means 0.80

	Owner terms.OwnerType `json:"owner_type,omitempty"` // who sells

	// Market is the market of sale asked for; empty: the purpose decides. For pledge, securitisation and disposal it cannot
	// be changed. A market above private needs MarketFact.
	Market     market.Sale `json:"market,omitempty"`
	MarketFact *MarketFact `json:"market_fact,omitempty"`

	Encumbered *bool `json:"encumbered,omitempty"` // pledge, exclusive licence or preservation on the register; nil unknown

	// RightFraction is the licensed or co-owned share of the whole right, in
	// (0, 1]; 0 means 1.
	RightFraction float64        `json:"right_fraction,omitempty"`
	LicenceTerm   *float64       `json:"licence_term_years,omitempty"` // purpose licence: years granted
	LicenceKind   terms.DealKind `json:"licence_kind,omitempty"`       // purpose licence: exclusive, sole or plain

	// Override is an officer's own figure. It never replaces the conclusion:
	// both are reported with the reason.
	Override *Override `json:"override,omitempty"`
}

// MarketFact is the fact of its own that a market above private rests on. One person proposes it, another approves it.
type MarketFact struct {
	Kind       string        `json:"kind"` // listing_notice, exchange_number, term_sheet, named_buyer
	Date       calendar.Date `json:"date"`
	Document   string        `json:"document"`
	ProposedBy string        `json:"proposed_by,omitempty"`
	ApprovedBy string        `json:"approved_by,omitempty"`
}

// MarketFactKinds lists what a market above private may rest on.
var MarketFactKinds = [...]string{"listing_notice", "exchange_number", "term_sheet", "named_buyer"}

// Override is an officer's figure beside the model's.
type Override struct {
	Value   float64       `json:"value"` // yuan
	Reason  string        `json:"reason"`
	Officer string        `json:"officer"`
	Date    calendar.Date `json:"date"`

	ApprovedBy string `json:"approved_by,omitempty"` // another person; empty: 未经复核
}

// Evidence is everything gathered about the subject as of T. A missing fact
// is nil, an empty list or an absent record; it widens the range and is named
// in the conclusion.
type Evidence struct {
	Legal       []LegalState           `json:"legal,omitempty"`       // by patent number
	Comparables []Comparable           `json:"comparables,omitempty"` // the deals; with Ledger those alike in text, for the reader
	Ledger      *LedgerRef             `json:"ledger,omitempty"`
	Excluded    []Comparable           `json:"excluded,omitempty"` // found but refused upstream, each with its code
	Retrieval   Retrieval              `json:"retrieval"`
	Indicators  []terms.IndicatorScore `json:"indicators,omitempty"`
	Income      *income.Facts          `json:"income,omitempty"`
	Cost        *cost.Facts            `json:"cost,omitempty"`
	Option      *option.Facts          `json:"option,omitempty"`
	Damages     *damages.Facts         `json:"damages,omitempty"`
	Rank        *Rank                  `json:"rank,omitempty"`
	Fees        *income.FeeFacts       `json:"fees,omitempty"`

	// Ask is the lowest current public ask or open-licence fee for the very subject, yuan: no private price is above it.
	Ask *float64 `json:"ask,omitempty"`

	// Open are the declarations of open licence of the very subject that stand on the day: whoever wants may
	// take a plain licence at the fee, so nobody pays more for one.
	Open []OpenLicence `json:"open_licence,omitempty"`

	SaleChance *terms.Quantity `json:"sale_chance,omitempty"` // operator's chance of sale within 12 months, in [0, 1]

	// Unreviewed are the parts the value rests on that no second person approved:
	// assumptions, space, impact, validity, rubric.
	Unreviewed []string `json:"unreviewed,omitempty"`

	ModelUse   *ModelUse         `json:"model_use,omitempty"` // nil: no model was asked
	Warnings   []terms.Note      `json:"warnings,omitempty"`  // of the gathering steps, passed through to the flags
	Missing    []terms.Note      `json:"missing,omitempty"`   // what the gathering steps could not get
	DataCutoff calendar.Date     `json:"data_cutoff"`         // latest date of any record consulted; must be before T
	Versions   map[string]string `json:"versions,omitempty"`  // of data sets, embedders, prompts, models
}

// OpenLicence is a declaration of open licence (专利法 50, 51) that stands before T.
type OpenLicence struct {
	Number   string        `json:"number"`
	Declared calendar.Date `json:"declared"`
	Fee      float64       `json:"fee"`   // yuan, of the whole term; yearly fees are discounted
	Years    float64       `json:"years"` // of the licence
	Source   string        `json:"source,omitempty"`
}

// LegalState is the standing of one patent as public before T.
type LegalState struct {
	Number string   `json:"number"`
	State  Standing `json:"state"`

	// Contested says that the right was declared invalid and the decision is
	// not final: it is in force until then, and nothing lends on it.
	Contested bool `json:"contested,omitempty"`

	Reason string        `json:"reason,omitempty"` // stable code, e.g. "fee_unpaid", "expired", "invalidated", "withdrawn", "abandoned", "refused"
	Since  calendar.Date `json:"since"`            // when it took that state; on or after T it does not count
	AsOf   calendar.Date `json:"as_of"`            // of the source
	Source string        `json:"source,omitempty"`
}

// Comparable is one priced deal. Amount is the whole consideration; the model
// works with the natural logarithm of Amount/Patents.
type Comparable struct {
	DealID   string           `json:"deal_id"`
	Amount   *float64         `json:"amount"`   // in Currency, whole deal; nil unknown
	Currency string           `json:"currency"` // ISO 4217; anything but CNY needs Rate
	Rate     *float64         `json:"rate,omitempty"`
	Patents  *int             `json:"patents"` // number of patents conveyed; nil unknown
	Date     calendar.Date    `json:"date"`    // first day of the period the precision names
	DateUnit terms.Precision  `json:"date_precision,omitempty"`
	Kind     terms.DealKind   `json:"deal_kind"`
	Patent   patent.Kind      `json:"patent_kind,omitempty"`
	Owner    terms.OwnerType  `json:"owner_type,omitempty"` // of the seller or licensor
	Source   terms.SourceType `json:"source_type,omitempty"`
	Related  *bool            `json:"related_party,omitempty"` // nil unknown
	Price    terms.PriceKind  `json:"price_kind,omitempty"`
	Term     *float64         `json:"licence_term_years,omitempty"`
	Royalty  *float64         `json:"royalty_rate,omitempty"` // running royalty as a fraction of sales
	Numbers  []string         `json:"patent_numbers,omitempty"`
	IPC      []string         `json:"ipc,omitempty"`
	Title    string           `json:"title,omitempty"`
	Parties  Parties          `json:"parties"`
	URL      string           `json:"source_url,omitempty"`
	Similar  *Similarity      `json:"similarity,omitempty"`
	IPCLevel terms.IPCLevel   `json:"ipc_level,omitempty"` // nearest common IPC level with the subject

	RemainingLife *float64 `json:"remaining_life_years,omitempty"` // at the deal date
	Claims        *float64 `json:"claims,omitempty"`               // mean over the deal's patents
	Family        *float64 `json:"family,omitempty"`
	Assignees     *float64 `json:"assignees,omitempty"`
	Quality       *float64 `json:"quality,omitempty"` // quality score in [0, 100] under the same sheet

	Market  market.Sale `json:"market,omitempty"`  // as recorded; empty: by source and kind
	Channel string      `json:"channel,omitempty"` // as recorded
	Event   string      `json:"event,omitempty"`   // session or page that several deals share; empty: the source page

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
	Path       string         `json:"path,omitempty"`  // exact, hnsw, lexical, none
	Level      terms.IPCLevel `json:"level,omitempty"` // widest IPC level used
	Widened    int            `json:"widened"`         // steps beyond the subclass; each adds variance
	Space      string         `json:"space,omitempty"` // embedding space
	Considered int            `json:"considered"`
	Returned   int            `json:"returned"`

	Proposed []ProposedClass `json:"proposed_classes,omitempty"` // sought in, of a subject without a symbol
}

// ProposedClass is an IPC subclass that the subject's text speaks for.
type ProposedClass struct {
	Subclass    string  `json:"subclass"`
	Probability float64 `json:"probability"` // in [0, 1]
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

// Rank is the subject's standing within its IPC class and filing year.
type Rank struct {
	Percentile float64 `json:"percentile"` // (0, 1)
	Cohort     string  `json:"cohort"`
	Size       int     `json:"n"`
	Basis      string  `json:"basis,omitempty"` // which counts were ranked
}
