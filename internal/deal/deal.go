// Package deal reads priced deals in patents out of notices, contracts,
// auction results, announcements and judgments, by rules alone. Start with
// [Read].
//
// Every field of a row carries the piece of text it was read from, word for
// word, with its byte offset; a field without one is void. No amount, number
// or party is in a row that is not in the text. What the rules cannot decide
// waits for a person ([Row.Waits]) and says why ([Row.Warnings]).
//
// The package reads text. Files, markup and encodings are opened elsewhere.
package deal

import (
	"fmt"

	"zhijia/internal/fault"
)

// MaxText is the longest text that is read, in bytes.
const MaxText = 1 << 20

// MaxRows bounds the rows of one text.
const MaxRows = 2000

// PriceKind says what an amount is.
type PriceKind string

// Kinds of prices. Ask covers a starting price and a fee asked of everybody;
// None is a row whose text names no single price.
const (
	Each               PriceKind = "each"                 // one price for each patent of several
	Total              PriceKind = "total"                // one price for everything in the row
	UpfrontPlusRoyalty PriceKind = "upfront_plus_royalty" // the amount is the upfront part alone
	RunningRoyalty     PriceKind = "running_royalty"      // a share of sales and no amount
	Cap                PriceKind = "cap"                  // a ceiling with milestones below it
	Hammer             PriceKind = "hammer"
	Ask                PriceKind = "ask"
	Free               PriceKind = "free"
	AppraisedOnly      PriceKind = "appraised_only"
	None               PriceKind = "none"
)

// Kind says what was dealt in; the words are those of the import.
type Kind string

// Kinds of deals.
const (
	Assignment       Kind = "assignment"
	ExclusiveLicence Kind = "exclusive_licence"
	SoleLicence      Kind = "sole_licence"
	PlainLicence     Kind = "plain_licence"
	Contribution     Kind = "contribution"
	Auction          Kind = "auction"
)

// Status says how far a deal has come.
type Status string

// Statuses.
const (
	Proposed  Status = "proposed"
	Concluded Status = "concluded"
	Asked     Status = "ask" // offered, and nobody has taken it
	Cancelled Status = "cancelled"
)

// Market is the market of sale, as the valuation knows it.
type Market string

// Markets.
const (
	Private   Market = "private"
	Showcase  Market = "showcase" // an exchange or an auction of technology
	Corporate Market = "corporate"
	Court     Market = "court"
	Distress  Market = "distress"
)

// Quote is a literal piece of the text.
type Quote struct {
	Text  string `json:"text"`
	Start int    `json:"start"` // byte offsets
	End   int    `json:"end"`
}

// Warning says what a person should look at.
type Warning struct {
	Code string `json:"code"`
	Zh   string `json:"zh"`
	En   string `json:"en"`
}

// Row is one deal: one patent where prices are given each, a package where one
// price is given for several. An empty field is one the text does not tell.
type Row struct {
	Numbers      []string  `json:"numbers"` // as the register writes them: 202110345678.3
	Title        string    `json:"title"`   // several are parted by ;
	Patents      int       `json:"patents"` // 0 when the text does not tell
	Amount       *float64  `json:"amount"`  // in yuan, or in units of the currency
	Currency     string    `json:"currency"`
	PriceKind    PriceKind `json:"price_kind"`
	DealKind     Kind      `json:"deal_kind"`
	Seller       string    `json:"seller"`
	Buyer        string    `json:"buyer"`
	Date         string    `json:"date"` // 2023-05-08, or 2023-05 where no day is told
	Market       Market    `json:"market"`
	RelatedParty string    `json:"related_party"` // yes, no or unknown
	TermYears    *float64  `json:"licence_term_years"`
	Royalty      *float64  `json:"royalty_rate"` // a share of sales, 0 to 1
	Appraised    *float64  `json:"appraised"`    // in yuan
	Status       Status    `json:"status"`

	Quotes   map[string][]Quote `json:"quotes"` // by field
	Warnings []Warning          `json:"warnings"`
	Waits    bool               `json:"waits"` // for a person to decide
}

// Reading is what one text tells.
type Reading struct {
	Rows []Row `json:"rows"`
	// Notes say why a text that speaks of patents gave no row.
	Notes []Warning `json:"notes"`
}

// Read reads the deals of a text. Tables are lines of cells parted by tabs,
// bars or two blanks; a cell that spans rows is 〃 in the rows below. The work
// grows linearly with the text; a text over [MaxText] is refused.
func Read(text string) (Reading, error) {
	if len(text) > MaxText {
		return Reading{}, fault.New(fault.TooLarge, "deal.text_too_long",
			fmt.Sprintf("文本超过 %d 字节的上限，请分成几份。", MaxText), fmt.Sprintf("The text is longer than %d bytes; split it.", MaxText))
	}
	d := newDocument(text)
	rows := d.rows()
	out := Reading{Rows: []Row{}, Notes: d.notes}
	if len(rows) > MaxRows {
		rows = rows[:MaxRows]
		out.Notes = append(out.Notes, Warning{"rows_left_out", fmt.Sprintf("一份文本最多取 %d 行，其余未取。", MaxRows), fmt.Sprintf("At most %d rows are taken of one text; the rest was left out.", MaxRows)})
	}
	for i := range rows {
		rows[i].void(text)
		out.Rows = append(out.Rows, rows[i])
	}
	if out.Notes == nil {
		out.Notes = []Warning{}
	}
	return out, nil
}

// void empties every field whose quotes are not verbatim in the text.
func (r *Row) void(text string) {
	for field, quotes := range r.Quotes {
		for _, q := range quotes {
			if q.Start >= 0 && q.End <= len(text) && q.Start < q.End && text[q.Start:q.End] == q.Text {
				continue
			}
			delete(r.Quotes, field)
			r.warn("quote_void", "字段 "+field+" 的引文不在原文中，已作废。", "The quote of "+field+" is not in the text; the field is void.")
			r.Waits = true
			break
		}
	}
	cited := func(field string) bool { return len(r.Quotes[field]) > 0 }
	if !cited("amount") {
		r.Amount = nil
	}
	if !cited("appraised") {
		r.Appraised = nil
	}
	if !cited("numbers") {
		r.Numbers = []string{}
	}
	if !cited("seller") {
		r.Seller = ""
	}
	if !cited("buyer") {
		r.Buyer = ""
	}
	if !cited("date") {
		r.Date = ""
	}
	if !cited("title") {
		r.Title = ""
	}
	if !cited("licence_term_years") {
		r.TermYears = nil
	}
	if !cited("royalty_rate") {
		r.Royalty = nil
	}
	if r.Warnings == nil {
		r.Warnings = []Warning{}
	}
}

func (r *Row) warn(code, zh, en string) {
	for _, w := range r.Warnings {
		if w.Code == code {
			return
		}
	}
	r.Warnings = append(r.Warnings, Warning{code, zh, en})
}

func (r *Row) cite(field string, q ...Quote) {
	if r.Quotes == nil {
		r.Quotes = map[string][]Quote{}
	}
	r.Quotes[field] = append(r.Quotes[field], q...)
}
