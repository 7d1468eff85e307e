package intake

import (
	"context"

	"zhijia/internal/appraisal"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/market"
	"zhijia/internal/valuation/terms"
)

// assumptions are those whose bounds the rules of admission have.
var assumptions = valuation.DefaultAssumptions()

// comparable is a deal as a valuation sees it.
func comparable(d *store.Deal) *valuation.Comparable {
	return &valuation.Comparable{
		DealID: d.ID, Amount: d.Amount, Currency: d.Currency, Rate: d.Rate, Patents: d.Patents, Date: d.Date, DateUnit: terms.Precision(d.DateUnit),
		Kind: terms.DealKind(d.DealKind), Patent: patent.Kind(d.PatentKind), Owner: terms.OwnerType(d.OwnerType), Source: terms.SourceType(d.SourceType),
		Related: d.RelatedParty, Price: terms.PriceKind(d.PriceKind), Term: d.LicenceTerm, Royalty: d.RoyaltyRate, Numbers: d.Numbers, IPC: d.IPC, Title: d.Title,
		Parties: valuation.Parties{Seller: d.Seller, Buyer: d.Buyer}, URL: d.SourceURL, RemainingLife: d.RemainingLife, Claims: d.Claims, Family: d.Family,
		Assignees: d.Assignees, Quality: d.Quality, Market: market.Sale(d.Market), Channel: d.Channel, Event: d.Event, FamilyID: d.FamilyID, DuplicateOf: d.DuplicateOf,
	}
}

// ScreenReport is what a screening found of an institution's own deals.
type ScreenReport struct {
	Deals   int            `json:"deals"`
	Valid   int            `json:"valid"`
	Changed int64          `json:"changed"`
	Codes   map[string]int `json:"codes"`
	Refused []Refused      `json:"refused"` // by id
}

// Refused is a deal that is no comparable.
type Refused struct {
	ID string `json:"id"`
	valuation.Validity
	Decided *Judged `json:"decided,omitempty"`
}

// Judged is what a person said of a deal's validity.
type Judged store.Decided

// Screen judges every own deal anew by the rules of [valuation.Assumptions.Screen]
// and writes down what it finds. What a file stated and what a person decided
// stays. Repeats were found when the deals came in.
func Screen(ctx context.Context, db *store.DB, actor appraisal.Actor) (rep ScreenReport, err error) {
	defer fault.Wrap(&err, "intake.Screen")
	ctx = store.As(ctx, actor.Institution)
	own, err := db.SeenDeals(ctx, store.LedgerFilter{Own: true})
	if err != nil {
		return rep, err
	}
	rows := make([]valuation.Screened, len(own))
	for i := range own {
		rows[i] = valuation.Screened{Comparable: *comparable(&own[i].Deal), Method: own[i].Method, Notes: own[i].Notes}
	}
	found := assumptions.Screen(rows)
	rep = ScreenReport{Deals: len(own), Codes: map[string]int{}, Refused: []Refused{}}
	codes := map[string]string{}
	for i := range own {
		d := &own[i]
		v := found[d.ID]
		switch {
		case d.Decided != nil:
			v = valuation.Validity{}
			if d.Decided.Code != "" {
				v = valuation.ValidityOf(d.Decided.Code)
			}
		case d.Exclusion != "" && v.Code == "" && !valuation.Derived(d.Exclusion):
			v = valuation.ValidityOf(d.Exclusion) // the file states it
		default:
			codes[d.ID] = kept(v.Code)
		}
		if v.Code == "" && d.DuplicateOf != "" {
			v = valuation.ValidityOf("DUPLICATE")
			v.Zh += "：" + d.DuplicateOf
			v.En += ": " + d.DuplicateOf
		}
		if v.Code == "" {
			rep.Valid++
			continue
		}
		rep.Codes[v.Code]++
		rep.Refused = append(rep.Refused, Refused{d.ID, v, (*Judged)(d.Decided)})
	}
	rep.Changed, err = db.SetExclusions(ctx, codes, actor.Name)
	return rep, err
}
