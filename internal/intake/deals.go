package intake

import (
	"encoding/csv"
	"io"
	"regexp"
	"strconv"
	"strings"

	"zhijia/internal/deal"
	"zhijia/internal/sheet"
	"zhijia/internal/store"
)

// ReadDeal is a row that was read out of a text, with the text's name.
type ReadDeal struct {
	Source string `json:"source"`       // the file
	ID     string `json:"id,omitempty"` // empty: by what the row says
	deal.Row
}

// ledgerColumns are columns of the transactions dataset, in the order in which
// [WriteDeals] writes them.
var ledgerColumns = []string{
	"id", "title", "numbers", "patents", "amount", "currency", "price_kind", "deal_kind", "appraised", "licence_term_years", "royalty_rate",
	"date", "related_party", "seller", "buyer", "owner_type", "source_type", "market", "source_url", "notes",
}

// importPrice says what the import calls a price; a kind without a word there
// has no single price.
var importPrice = map[deal.PriceKind]string{
	deal.Each:  "total", // the row holds the one patent
	deal.Total: "total", deal.Hammer: "total", deal.UpfrontPlusRoyalty: "structured", deal.RunningRoyalty: "running_royalty",
	deal.Cap: "cap", deal.Ask: "ask", deal.Free: "free",
}

// importMarket says what the import calls a market of sale; without a word the
// import derives it from the source.
var importMarket = map[deal.Market]string{
	deal.Private: "private", deal.Showcase: "showcase", deal.Corporate: "corporate", deal.Court: "court", deal.Distress: "distress",
}

// WriteDeals writes rows as CSV in the columns of the transactions dataset, so
// that Run takes the file. Rows that wait for a person and deals that were
// called off are left out; it returns how many were written.
func WriteDeals(w io.Writer, rows []ReadDeal) (written int, err error) {
	out := csv.NewWriter(w)
	if err := out.Write(ledgerColumns); err != nil {
		return 0, err
	}
	number := func(x *float64) string {
		if x == nil {
			return ""
		}
		return strconv.FormatFloat(*x, 'f', -1, 64)
	}
	for _, r := range rows {
		if r.Waits || r.Status == deal.Cancelled {
			continue
		}
		kind := importPrice[r.PriceKind]
		if kind == "ask" && r.DealKind == deal.Auction {
			kind = "starting_price"
		}
		title := r.Title
		if title == "" {
			title = strings.Join(r.Numbers, ";")
		}
		patents := ""
		if r.Patents > 0 {
			patents = strconv.Itoa(r.Patents)
		}
		cells := []string{
			r.ID, clipBytes(title, 1000), strings.Join(r.Numbers, ";"), patents, number(r.Amount), r.Currency, kind, string(r.DealKind), number(r.Appraised), number(r.TermYears), number(r.Royalty),
			r.Date, map[string]string{"yes": "是", "no": "否"}[r.RelatedParty], clipBytes(r.Seller, 500), clipBytes(r.Buyer, 500), ownerOf(r.Seller), sourceOf(r.Row), importMarket[r.Market], clipBytes(r.Source, 2000), "status=" + string(r.Status),
		}
		for i := range cells {
			cells[i] = sheet.Inert(cells[i])
		}
		if err := out.Write(cells); err != nil {
			return written, err
		}
		written++
	}
	out.Flush()
	return written, out.Error()
}

// WriteLedger writes stored deals as CSV in the columns of the transactions
// dataset and two more, which the import ignores: whether the row counts, by
// note, and who accepted it.
func WriteLedger(w io.Writer, deals []store.LedgerDeal, note func(*store.LedgerDeal) string) error {
	out := csv.NewWriter(w)
	header := append(append([]string{}, ledgerColumns...), "patent_kind", "ipc", "event", "remaining_life", "claim_count", "family_size", "validity", "provenance")
	if err := out.Write(header); err != nil {
		return err
	}
	number := func(x *float64) string {
		if x == nil {
			return ""
		}
		return strconv.FormatFloat(*x, 'f', -1, 64)
	}
	for i := range deals {
		d := &deals[i]
		patents, related, date := "", "", ""
		if d.Patents != nil {
			patents = strconv.Itoa(*d.Patents)
		}
		if d.RelatedParty != nil {
			related = map[bool]string{true: "是", false: "否"}[*d.RelatedParty]
		}
		if !d.Date.IsZero() {
			date = d.Date.String()
			switch d.DateUnit {
			case "year":
				date = date[:4]
			case "month":
				date = date[:7]
			}
		}
		cells := []string{
			d.ID, d.Title, strings.Join(d.Numbers, ";"), patents, number(d.Amount), d.Currency, d.PriceKind, d.DealKind, number(d.Appraised), number(d.LicenceTerm), number(d.RoyaltyRate),
			date, related, d.Seller, d.Buyer, d.OwnerType, d.SourceType, d.Market, d.SourceURL, d.Notes,
			d.PatentKind, strings.Join(d.IPC, ";"), d.Event, number(d.RemainingLife), number(d.Claims), number(d.Family), note(d), string(d.Provenance),
		}
		for j := range cells {
			cells[j] = sheet.Inert(cells[j])
		}
		if err := out.Write(cells); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// clipBytes cuts a text to what a column holds, at a character's edge.
func clipBytes(s string, n int) string {
	for len(s) > n {
		s = s[:n]
		for s != "" && s[len(s)-1]&0xc0 == 0x80 {
			s = s[:len(s)-1]
		}
		if s != "" {
			s = s[:len(s)-1]
		}
	}
	return s
}

var (
	universityName = regexp.MustCompile(`大学|学院|大學|學院|University|College`)
	instituteName  = regexp.MustCompile(`研究所|研究院|科学院|研究中心|Institute`)
	firmName       = regexp.MustCompile(`公司|厂|集团|合伙|Ltd|Inc|Corp|LLC|GmbH|\bAS$|\bAG$`)
	personName     = regexp.MustCompile(`^[\p{Han}·]{2,4}$`)
)

// ownerOf says what kind of owner a name is, as the import calls it.
func ownerOf(name string) string {
	switch {
	case firmName.MatchString(name):
		return "firm"
	case universityName.MatchString(name):
		return "university"
	case instituteName.MatchString(name):
		return "institute"
	case personName.MatchString(name):
		return "individual"
	}
	return "unknown"
}

// sourceOf says what kind of source a row is from, as the import calls it.
func sourceOf(r deal.Row) string {
	switch r.Market {
	case deal.Corporate:
		return "listed_company_announcement"
	case deal.Court:
		return "court"
	case deal.Showcase, deal.Distress:
		return "auction"
	}
	if owner := ownerOf(r.Seller); owner == "university" || owner == "institute" {
		return "university_notice"
	}
	return "contract_notice"
}
