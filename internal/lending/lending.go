// Package lending decides what a pledge desk may lend against patents: whether
// a pledge can be registered, whether the institution's policy accepts it, how
// much may be lent and what binds, and how a loss is shared.
//
// Start with [Decide]. Everything here is a function of its arguments: values
// come from valuation, legal states from patent, the probability of default
// from the bank. Nothing here scores a borrower.
package lending

import (
	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/terms"
)

// Row is one line of a desk's file: one patent offered under one contract. A
// field that the line leaves empty is zero, nil or "", and means unknown.
type Row struct {
	Line int    `json:"line,omitempty"` // of the file, from 1, the header included
	Seq  string `json:"seq,omitempty"`  // 序号 as written

	Borrower   string `json:"borrower,omitempty"`
	CreditCode string `json:"credit_code,omitempty"` // unified social credit code of the borrower
	Contract   string `json:"contract,omitempty"`    // number of the security contract
	Product    string `json:"product,omitempty"`     // programme the loan is drawn under

	Portfolio bool `json:"portfolio,omitempty"` // of a list without borrowers: the patent is valued and screened, no loan is asked for

	Number string        `json:"number"` // normal form
	Title  string        `json:"title,omitempty"`
	Kind   patent.Kind   `json:"kind,omitempty"`
	Filing calendar.Date `json:"filing_date,omitzero"`
	Grant  calendar.Date `json:"grant_date,omitzero"`
	Owners []string      `json:"owners,omitempty"`

	// What the row says on consent: of all co-owners at once, of each that it
	// names, that there is none, that they agreed otherwise; and of a third party
	// who pledges for the borrower.
	CoOwners       []string         `json:"co_owners,omitempty"`
	CoConsent      patent.Truth     `json:"co_owner_consent,omitempty"`
	Consents       []patent.Consent `json:"consents,omitempty"`
	SoleOwner      patent.Truth     `json:"sole_owner,omitempty"`
	Agreement      bool             `json:"co_owner_agreement,omitempty"`
	Pledgors       []string         `json:"pledgors,omitempty"`
	PledgorConsent patent.Truth     `json:"pledgor_consent,omitempty"`

	ContractStates []string `json:"contract_states,omitempty"` // of article 8, see [patent.ContractFields]; empty: unknown

	FeesPaidTo   *int          `json:"fees_paid_to,omitempty"` // patent year up to which the annual fees are paid
	Pledged      patent.Truth  `json:"pledged,omitempty"`
	Preserved    patent.Truth  `json:"preserved,omitempty"`
	Challenged   patent.Truth  `json:"challenged,omitempty"`
	Licensed     patent.Truth  `json:"exclusively_licensed,omitempty"`
	RegisterAsOf calendar.Date `json:"register_as_of,omitzero"` // day the answers above and below were true

	Standing   patent.Standing `json:"standing,omitempty"` // whether the right stands; empty: the row does not say
	Ended      string          `json:"ended,omitempty"`    // why it does not, see [patent.State]
	PartlyVoid bool            `json:"partly_void,omitempty"`
	Twin       patent.Truth    `json:"twin,omitempty"` // same-day application, as the parties state it

	Revenue *money.Fen `json:"revenue,omitempty"`      // of the products that use the patent, last year
	Royalty *float64   `json:"royalty_rate,omitempty"` // share of revenue

	Loan     money.Fen     `json:"loan,omitempty"` // asked for under the contract
	Maturity calendar.Date `json:"maturity,omitzero"`

	External     *money.Fen    `json:"external_value,omitempty"` // an appraiser's figure
	ExternalDate calendar.Date `json:"external_date,omitzero"`

	ExternalBasis ValueBasis `json:"external_basis,omitempty"` // of the appraiser's figure; empty: the row does not say

	Agreed     *money.Fen   `json:"agreed_value,omitempty"` // 协商价值: what lender and borrower agreed on in writing
	StateOwned patent.Truth `json:"state_owned,omitempty"`  // state assets, or another case in which the law demands an appraisal

	BorrowerLimit *money.Fen `json:"borrower_limit,omitempty"` // the bank's limit of the borrower
	Bearable      *money.Fen `json:"bearable,omitempty"`       // loan the borrower's cash flow bears (DSCR); the bank's figure

	// Of a trademark, whose register number stands in Number and whose day of
	// registration in Grant.
	TermEnd calendar.Date `json:"term_end,omitzero"` // last day of the term as renewed
	LastUse calendar.Date `json:"last_use,omitzero"` // of the latest evidence of use
	NonUse  patent.Truth  `json:"non_use_pending,omitempty"`

	Declarations map[string]string `json:"declarations,omitempty"` // statements that clear E10 and E11, by code

	Unread []Unread `json:"unread,omitempty"` // cells that were not understood
}

// Unread is a cell whose text was not understood: what it says is unknown.
type Unread struct {
	Column string `json:"column"`
	Text   string `json:"text"`
}

// Valued is what is known of a row's patent once it was looked up and valued.
type Valued struct {
	Row Row        `json:"row"`
	Key patent.Key `json:"key,omitempty"` // of the patent as the store knows it; empty: of the row's number

	Valuation   string            `json:"valuation,omitempty"`   // hash of the stored valuation
	Status      valuation.Status  `json:"status,omitempty"`      // empty: not valued
	ReasonCode  string            `json:"reason_code,omitempty"` // of zero, abstained, range only
	Reason      string            `json:"reason,omitempty"`      // Chinese
	Point       money.Fen         `json:"point"`                 // the median when only a range is given
	Low         money.Fen         `json:"low"`
	High        money.Fen         `json:"high"`
	Forced      money.Fen         `json:"forced_sale"`
	Bases       []BasisValue      `json:"bases,omitempty"` // values by basis; empty: those above are of the policy's
	Level       float64           `json:"level"`
	Calibration string            `json:"calibration"`
	Grade       string            `json:"grade,omitempty"`
	Methods     []Method          `json:"methods"`
	Comparables []string          `json:"comparables"` // deal ids by influence
	Flags       []terms.Flag      `json:"flags,omitempty"`
	Versions    map[string]string `json:"versions,omitempty"`
	DataCutoff  calendar.Date     `json:"data_cutoff,omitzero"`
	FromRow     bool              `json:"from_row"` // the store does not know the patent: valued from what the row gives

	Facts       []Fact             `json:"facts,omitempty"`   // on whose word the grounds are answered
	OnWord      []string           `json:"on_word,omitempty"` // codes of the grounds that are clear on the row's word alone
	Debtor      string             `json:"debtor,omitempty"`  // the borrower under the name of the owner it is, where an officer decided so
	Expiry      calendar.Date      `json:"expiry,omitzero"`   // the right has ended on this day
	Eligibility patent.Eligibility `json:"eligibility,omitzero"`
	State       patent.State       `json:"state,omitzero"`
	Fault       *fault.Field       `json:"fault,omitempty"` // the row could not be valued

	// Of a row that was looked at anew when its batch was decided again: what it
	// was worth before, or since when its value stands.
	Before *Before       `json:"before,omitempty"`
	Stands calendar.Date `json:"stands,omitzero"`
}

// Before is what a row came to when its batch was decided before.
type Before struct {
	On     calendar.Date    `json:"on"`  // it was valued as of
	Now    calendar.Date    `json:"now"` // it was valued anew as of
	Status valuation.Status `json:"status"`
	Point  money.Fen        `json:"point"`
	News   []Later          `json:"news,omitempty"` // what the register said since; empty: the store or the ledger has changed
}

// Again says that a batch was decided before.
type Again struct {
	On      calendar.Date `json:"on"`
	Changed []int         `json:"changed"` // lines that are decided otherwise than before
}

// Fact says where the answer to a ground comes from.
type Fact struct {
	Code   string        `json:"code"`   // of the ground
	Source string        `json:"source"` // register, import or row
	AsOf   calendar.Date `json:"as_of,omitzero"`
}

// Sources of facts.
const (
	FromRegister = "register" // an event of the register or the gazette
	FromImport   = "import"   // the record in the store
	FromTheRow   = "row"      // the desk's file
)

// BasisValue is the value of one basis.
type BasisValue struct {
	Basis ValueBasis `json:"basis"`
	Point money.Fen  `json:"point"`
	Low   money.Fen  `json:"low"`
	High  money.Fen  `json:"high"`
}

// on returns the row with its figures of a basis; has is false when none of
// that basis was formed.
func (v *Valued) on(basis ValueBasis) (_ *Valued, has bool) {
	if len(v.Bases) == 0 {
		return v, true
	}
	w := *v
	for _, x := range v.Bases {
		if x.Basis == basis {
			w.Point, w.Low, w.High = x.Point, x.Low, x.High
			return &w, true
		}
	}
	w.Point, w.Low, w.High, w.Forced = 0, 0, 0, 0
	return &w, false
}

// Of returns the row with its figures of a basis, or with those of the
// valuation's headline where it has none of that basis: a book must show what
// a right is worth by something.
func (v *Valued) Of(basis ValueBasis) *Valued {
	if w, has := v.on(basis); has {
		return w
	}
	return v
}

// worth is what the patent counts for as collateral. A value agreed between the
// parties can lower it and never raise it.
func (v *Valued) worth() (point, low, forced money.Fen) {
	point, low, forced = v.Point, v.Low, v.Forced
	if a := v.Row.Agreed; a != nil {
		point, low, forced = min(point, *a), min(low, *a), min(forced, *a)
	}
	return point, low, forced
}

// Method is one approach and its weight in the value.
type Method struct {
	Name   string  `json:"name"`
	Value  float64 `json:"value"` // yuan
	Weight float64 `json:"weight"`
}
