package harness

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"

	"zhijia/internal/appraisal"
	"zhijia/internal/patent"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
	price "zhijia/internal/valuation/market"
	"zhijia/internal/valuation/terms"
)

// Product is the product under test: the same query for comparables and the
// same conclusion as a request gets, over a database of the harness's own.
type Product struct {
	// Scratch opens an empty, migrated database and a function that drops it.
	Scratch func(ctx context.Context) (*store.DB, func(), error)
	// Judge makes the model judge over a client whose transport replays or
	// records; it also names what judges. nil: none is built in, and the tasks
	// that need one do not run.
	Judge func(client *http.Client) (judge appraisal.Judge, version string, err error)
	// Embed makes the function that embeds texts through an endpoint, and names
	// the model; nil: no endpoint is configured, and the tasks that need one do
	// not run.
	Embed func() (embed func(ctx context.Context, texts []string) ([][]float32, error), model string, err error)
	// Assumptions the valuations are made with; nil: the ones that ship.
	Assumptions *valuation.Assumptions
}

// prepare makes a task ready to run.
func (s *Service) prepare(ctx context.Context, t Task, live bool) (*plan, error) {
	switch t.Kind {
	case KindPrice:
		return s.preparePrice(ctx, t)
	case KindRetrieval:
		return s.prepareRetrieval(ctx, t)
	case KindRank:
		return s.prepareRank(t)
	case KindRegistry:
		return s.prepareRegistry(t)
	case KindMatching:
		return s.prepareMatching(t)
	case KindClasses:
		return s.prepareClasses(t)
	case KindScorer:
		return s.prepareScorer(ctx, t, live)
	case KindLending:
		return s.prepareLending(ctx, t)
	case KindLatency:
		return s.prepareLatency(ctx, t)
	}
	return nil, taskFault("kind %q cannot be run", t.Kind)
}

func (p Product) assumptions() valuation.Assumptions {
	if p.Assumptions != nil {
		return *p.Assumptions
	}
	return valuation.DefaultAssumptions()
}

// market is a scratch database that holds one priced data set, and the
// service that values patents over it.
type market struct {
	db      *store.DB
	service *appraisal.Service
	numbers map[string][]string // of a deal's patents, by deal id
	open    bool                // let a request see past sales of its own subject
	drop    func()
}

// market stores the deals of the set and, for each, the patents it conveyed.
// Deals of one right (the same patents, family or text) share a family id, so
// that a blind request leaves all of them out together. A deal whose source
// prints no usable number gets numbers of the harness's own.
func (p Product) market(ctx context.Context, set *dealSet) (_ *market, err error) {
	ctx = store.As(ctx, store.Public) // the scratch corpus is the operator's
	db, drop, err := p.Scratch(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			drop()
		}
	}()
	m := &market{db: db, numbers: map[string][]string{}, drop: drop}
	deals := make([]store.Deal, len(set.deals))
	var patents []store.Patent
	for i, d := range set.deals {
		family := set.familyOf(d)
		deals[i] = d.record(family)
		if !d.isCase() {
			continue
		}
		for k := range *d.Patents {
			number, kind := standIn(i, k, d.Patent), d.Patent
			if k < len(d.Numbers) {
				if n, err := patent.ParseNumber(d.Numbers[k]); err == nil && n.NamesApplication() {
					number, kind = string(n.Key()), n.Kind // a deal of both kinds has members of either
				}
			}
			m.numbers[d.DealID] = append(m.numbers[d.DealID], number)
			p := store.Patent{Number: number, Kind: string(kind), Title: d.Title, Abstract: deals[i].Description, IPC: d.IPC, OwnerType: string(d.Owner), Source: set.name}
			if k == 0 { // one member is enough to leave the right's deals out; what is sold together is no family
				p.FamilyID = family
			}
			patents = append(patents, p)
		}
		deals[i].Numbers = m.numbers[d.DealID]
	}
	if err := db.PutDeals(ctx, deals); err != nil {
		return nil, err
	}
	if err := db.MergePatents(ctx, patents, 0, nil); err != nil {
		return nil, err
	}
	if m.service, err = appraisal.New(ctx, db, appraisal.Options{}); err != nil {
		return nil, err
	}
	if p.Assumptions != nil {
		body, err := json.Marshal(p.Assumptions)
		if err != nil {
			return nil, err
		}
		if err := db.PutAssumptions(ctx, p.Assumptions.Version, body, "evaluation"); err != nil {
			return nil, err
		}
		if err := db.ActivateAssumptions(ctx, p.Assumptions.Version); err != nil {
			return nil, err
		}
	}
	return m, m.service.Spaces().EmbedStored(ctx, nil)
}

// standIn is a well-formed application number for the k-th patent of the i-th
// deal: of an international application, whose year says nothing of when the
// term began. No filing date is stored beside it.
func standIn(i, k int, kind patent.Kind) string {
	code := map[patent.Kind]int{patent.Invention: 8, patent.UtilityModel: 9, patent.Design: 3}[kind]
	digits := fmt.Sprintf("2003%d%05d%02d", cmp.Or(code, 8), 50000+i, k%100)
	return "CN" + digits + "." + string(patent.CheckDigit(digits))
}

// record is the deal as the store keeps it.
func (d *deal) record(family string) store.Deal {
	_, description, _ := strings.Cut(d.Text, "\n")
	r := store.Deal{
		ID: d.DealID, Title: d.Title, Description: description, Numbers: d.Numbers, Patents: d.Patents, PatentKind: string(d.Patent), IPC: d.IPC,
		Amount: d.Amount, Currency: d.Currency, Rate: d.Rate, PriceKind: string(d.Price), DealKind: string(d.Kind),
		Date: d.Date, DateUnit: string(d.DateUnit), RelatedParty: d.Related, Seller: d.Parties.Seller, Buyer: d.Parties.Buyer,
		OwnerType: string(d.Owner), SourceType: string(d.Source), Market: string(d.Market), Channel: d.Channel, SourceURL: d.URL, FamilyID: family, DuplicateOf: d.DuplicateOf,
		LicenceTerm: d.Term, RoyaltyRate: d.Royalty, Exclusion: cmp.Or(d.Exclusion, d.NotACase),
	}
	if d.Appraised > 0 {
		r.Appraised = &d.Appraised
	}
	return r
}

// familyOf names the right a deal is about: the least id of the deals that
// are of the same right.
func (set *dealSet) familyOf(d *deal) string {
	least := d.DealID
	for _, e := range set.deals {
		if e != d && sameRight(d, e) {
			least = min(least, e.DealID)
		}
	}
	return "right-" + least
}

// pricer values a case as a request for it is valued, through
// appraisal.Service.Value: patents and comparables from the store, before T,
// blind to the case's own right.
func (p Product) pricer(ctx context.Context, set *dealSet, t Task) (pricer, map[string]string, func(), error) {
	m, err := p.market(ctx, set)
	if err != nil {
		return nil, nil, nil, err
	}
	as := p.assumptions()
	versions := map[string]string{"assumptions": as.Version + " " + as.Hash()[:12], "similarity": store.SimilarityVersion}
	return func(ctx context.Context, c *deal, v view) (outcome, error) {
		con, err := m.value(ctx, c, v)
		if err != nil {
			return outcome{}, err
		}
		return conclude(con), nil
	}, versions, m.drop, nil
}

var evaluator = appraisal.Actor{Name: "eval", Institution: store.Default}

func (m *market) value(ctx context.Context, c *deal, v view) (valuation.Conclusion, error) {
	numbers := m.numbers[c.DealID]
	req := appraisal.Request{Number: numbers[0], Bundle: numbers[1:], Purpose: string(purposeOf(c)), Date: v.date, Level: 0.8, Blind: !m.open}
	// How the right is sold is known before the sale: the market is part of the question.
	if req.Market = string(c.Market); c.Market != price.Private && c.Market != price.Unknown && c.Market != price.Distress {
		req.MarketFact = &valuation.MarketFact{Kind: "listing_notice", Date: v.date.AddDays(-1), Document: cmp.Or(c.URL, c.DealID), ProposedBy: "eval"}
	}
	if purposeOf(c) == terms.PurposeLicence {
		req.LicenceKind, req.LicenceTerm = string(c.Kind), c.Term
	}
	record, err := m.service.Value(ctx, evaluator, req)
	if err != nil {
		return valuation.Conclusion{}, err
	}
	return record.Conclusion()
}

// purposeOf is the purpose a deal was made for.
func purposeOf(c *deal) terms.Purpose {
	switch c.Kind {
	case terms.DealExclusiveLicence, terms.DealSoleLicence, terms.DealPlainLicence:
		return terms.PurposeLicence
	case terms.DealContribution:
		return terms.PurposeContribution
	}
	return terms.PurposeAssignment
}

// conclude reads what the harness measures from a conclusion.
func conclude(con valuation.Conclusion) outcome {
	o := outcome{status: "ok", grade: con.Grade, estimate: con.Value.Median, low: con.Value.Low, high: con.Value.High, level: con.Value.Level}
	for _, m := range con.Markets { // what a reader gets who does not know the market of sale
		if m.Market == price.Private {
			o.private = m.Median
		}
	}
	for _, c := range con.Comparables {
		e := Evidence{ID: c.DealID, Title: c.Title, Date: c.Date.String(), UnitPrice: c.UnitPrice, Weight: c.Weight}
		if c.Similar != nil {
			e.Similarity = c.Similar.Total
		}
		o.evidence = append(o.evidence, e)
	}
	if !slices.Contains([]valuation.Status{valuation.Valued, valuation.RangeOnly}, con.Status) || con.Value.Median <= 0 {
		o.status, o.reason = "abstained", string(con.Status)+": "+con.ReasonCode
		return o
	}
	if con.Value.Point != nil {
		o.estimate = *con.Value.Point
	}
	o.logMean, o.logSD = math.Log(con.Value.Median), con.FSD
	return o
}
