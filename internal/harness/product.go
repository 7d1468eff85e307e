package harness

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"zhijia/internal/civil"
	"zhijia/internal/ngram"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
)

// Product is the product under test: the same query for comparables and the
// same conclusion as a request gets, over a database of the harness's own.
type Product struct {
	// Scratch opens an empty, migrated database and a function that drops it.
	Scratch func(ctx context.Context) (*store.DB, func(), error)
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
	}
	return nil, taskFault("kind %q cannot be run", t.Kind)
}

func (p Product) assumptions() valuation.Assumptions {
	if p.Assumptions != nil {
		return *p.Assumptions
	}
	return valuation.DefaultAssumptions()
}

// market is a scratch database that holds one priced data set.
type market struct {
	db    *store.DB
	space store.Space
	drop  func()
}

// market stores the deals of the set. Deals of one right (the same patents,
// family or text) share a family id, so that a blind query leaves all of them
// out together.
func (p Product) market(ctx context.Context, set *dealSet) (_ *market, err error) {
	db, drop, err := p.Scratch(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			drop()
		}
	}()
	deals := make([]store.Deal, len(set.deals))
	for i, d := range set.deals {
		deals[i] = d.record(set.familyOf(d))
	}
	if err := db.PutDeals(ctx, deals); err != nil {
		return nil, err
	}
	space := store.Space{Provider: store.LocalProvider, Model: "char-1-2", Version: store.HashVersion, Dimension: ngram.Dimension}
	if space.ID, err = db.PutSpace(ctx, space); err != nil {
		return nil, err
	}
	rows, err := db.UnembeddedDeals(ctx, space.ID, len(deals))
	if err != nil {
		return nil, err
	}
	vectors := make([][]float32, len(rows))
	for i, r := range rows {
		vectors[i] = ngram.Hash(r.Text)
	}
	if err := db.PutVectors(ctx, space.ID, rows, vectors); err != nil {
		return nil, err
	}
	return &market{db, space, drop}, db.ActivateSpace(ctx, space.ID)
}

// record is the deal as the store keeps it.
func (d *deal) record(family string) store.Deal {
	_, description, _ := strings.Cut(d.Text, "\n")
	r := store.Deal{
		ID: d.DealID, Title: d.Title, Description: description, Numbers: d.Numbers, Patents: d.Patents, PatentKind: string(d.Patent), IPC: d.IPC,
		Amount: d.Amount, Currency: d.Currency, Rate: d.Rate, PriceKind: string(d.Price), DealKind: string(d.Kind),
		Date: d.Date, DateUnit: string(d.DateUnit), RelatedParty: d.Related, Seller: d.Parties.Seller, Buyer: d.Parties.Buyer,
		OwnerType: string(d.Owner), SourceType: string(d.Source), SourceURL: d.URL, FamilyID: family, DuplicateOf: d.DuplicateOf,
		LicenceTerm: d.Term, RoyaltyRate: d.Royalty, Exclusion: d.NotACase,
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

// pricer values a case as a request for it would be valued: comparables from
// the store, before T, blind to the case's own right; then the conclusion.
func (p Product) pricer(ctx context.Context, set *dealSet, t Task) (pricer, map[string]string, func(), error) {
	as := p.assumptions()
	m, err := p.market(ctx, set)
	if err != nil {
		return nil, nil, nil, err
	}
	versions := map[string]string{"assumptions": as.Version, "space": m.space.String(), "similarity": store.SimilarityVersion}
	return func(ctx context.Context, c *deal, v view) (outcome, error) {
		con, err := m.value(ctx, as, c, v, set.familyOf(c))
		if err != nil {
			return outcome{}, err
		}
		return conclude(con), nil
	}, versions, m.drop, nil
}

func (m *market) value(ctx context.Context, as valuation.Assumptions, c *deal, v view, family string) (valuation.Conclusion, error) {
	found, err := m.db.Comparables(ctx, store.ComparableQuery{
		Before: v.date, Space: m.space.ID, Vector: ngram.Hash(c.Text), Text: c.Text, IPC: c.IPC, Kind: c.Patent,
		Numbers: c.Numbers, Family: []string{family}, Blind: true,
	})
	if err != nil {
		return valuation.Conclusion{}, err
	}
	asg := valuation.Assignment{Purpose: purposeOf(c), Date: v.date, Owner: c.Owner, Level: 0.8}
	if asg.Purpose == valuation.PurposeLicence {
		asg.LicenceKind, asg.LicenceTerm = c.Kind, c.Term
	}
	for i := range *c.Patents {
		p := valuation.Patent{Number: fmt.Sprintf("%s/%d", c.DealID, i+1), Kind: c.Patent, Title: c.Title, IPC: c.IPC}
		if i < len(c.Numbers) {
			p.Number = c.Numbers[i]
		}
		asg.Subject = append(asg.Subject, p)
	}
	found.Retrieval.Space = m.space.String()
	return valuation.Conclude(asg, valuation.Evidence{
		Comparables: found.Admitted, Excluded: found.Excluded, Pairwise: found.Pairwise, Retrieval: found.Retrieval, DataCutoff: latest(found.Admitted),
	}, as)
}

// latest is the date of the newest comparable, the data cut-off of the case.
func latest(deals []valuation.Comparable) (cutoff civil.Date) {
	for _, d := range deals {
		if cutoff.Before(d.Date) {
			cutoff = d.Date
		}
	}
	return cutoff
}

// purposeOf is the purpose a deal was made for.
func purposeOf(c *deal) valuation.Purpose {
	switch c.Kind {
	case valuation.DealExclusiveLicence, valuation.DealSoleLicence, valuation.DealPlainLicence:
		return valuation.PurposeLicence
	case valuation.DealContribution:
		return valuation.PurposeContribution
	}
	return valuation.PurposeAssignment
}

// conclude reads what the harness measures from a conclusion.
func conclude(con valuation.Conclusion) outcome {
	o := outcome{status: "ok", grade: con.Grade, estimate: con.Value.Median, low: con.Value.Low, high: con.Value.High, level: con.Value.Level}
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
