// Package ledger makes an institution's own deals improve its figures: it lists
// and judges them, fits and calibrates on them, watches how later deals fare
// against the model, and shares a fit without showing a deal. Start with
// [Service.Calibrate].
package ledger

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/intake"
	"zhijia/internal/paging"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/market"
)

// What is read of the ledger is as stored.
type (
	Deal    = store.LedgerDeal
	Decided = store.Decided
)

// Service works on the ledgers of a migrated database.
type Service struct {
	db  *store.DB
	now func() time.Time
}

// New returns the service.
func New(db *store.DB, now func() time.Time) *Service { return &Service{db, now} }

// Query chooses deals of the view.
type Query struct {
	Own     bool   // the institution's own only
	Refused bool   // those that are no comparables only
	Market  string // empty: any
}

// Listed is a deal with why it is no comparable; Validity.Code is empty when it
// is one.
type Listed struct {
	Deal
	Validity valuation.Validity `json:"validity"`
}

func listed(d Deal) Listed {
	l := Listed{Deal: d}
	if l.Market == "" { // by source and kind, as the valuation reads it
		sale, _ := market.SaleOf(d.SourceType, d.DealKind, d.Method)
		l.Market = string(sale)
	}
	switch {
	case d.Exclusion != "":
		l.Validity = valuation.ValidityOf(d.Exclusion)
	case d.DuplicateOf != "":
		l.Validity = valuation.ValidityOf("DUPLICATE")
	case l.Market == string(market.Unknown):
		l.Validity = valuation.ValidityOf("MARKET-UNKNOWN")
	}
	return l
}

// List returns one page of the deals an institution sees and the cursor of the
// next.
func (s *Service) List(ctx context.Context, actor appraisal.Actor, q Query, cursor string, limit int) (_ []Listed, next string, err error) {
	at, err := paging.Read(cursor)
	if err != nil {
		return nil, "", err
	}
	ctx = store.As(ctx, actor.Institution)
	var out []Listed
	for after := at.ID; len(out) <= limit; {
		found, err := s.db.SeenDeals(ctx, store.LedgerFilter{Own: q.Own, After: after, Limit: limit + 1})
		if err != nil {
			return nil, "", err
		}
		for _, d := range found {
			if l := listed(d); (!q.Refused || l.Validity.Code != "") && (q.Market == "" || l.Market == q.Market) {
				out = append(out, l)
			}
		}
		if len(found) <= limit {
			break
		}
		after = found[len(found)-1].ID
	}
	page, next := paging.Cut(out, limit, func(l *Listed) paging.Place { return paging.Place{ID: l.ID} })
	return page, next, nil
}

// Conflicts lists pairs of records in view that seem to be of one sale and do not agree.
func (s *Service) Conflicts(ctx context.Context, actor appraisal.Actor) ([]Conflict, error) {
	all, err := s.db.SeenDeals(store.As(ctx, actor.Institution), store.LedgerFilter{})
	if err != nil {
		return nil, err
	}
	return conflicts(all), nil
}

// Screen judges every own deal anew; see [intake.Screen].
func (s *Service) Screen(ctx context.Context, actor appraisal.Actor) (intake.ScreenReport, error) {
	return intake.Screen(ctx, s.db, actor)
}

// Judge records what a person says of the validity of an own deal, against the
// rules; an empty code says that it counts. Every decision stays on record;
// waiting says that it counts once another person approves it.
func (s *Service) Judge(ctx context.Context, actor appraisal.Actor, id, code, reason string) (history []Decided, waiting bool, err error) {
	code, reason = strings.ToUpper(strings.TrimSpace(code)), strings.TrimSpace(reason)
	if code != "" && !valuation.KnownValidity(code) {
		return nil, false, fault.New(fault.Invalid, "deal.validity", "没有效力代码 "+code+"。", "There is no validity code "+code+".")
	}
	if reason == "" {
		return nil, false, fault.New(fault.Invalid, "deal.reason", "请写明理由。", "Give the reason.")
	}
	return s.db.DecideValidity(ctx, actor, id, code, reason, s.now().UTC().Truncate(time.Microsecond))
}

// deals are the admitted prices of the view before a day, as the model sees
// them.
func (s *Service) deals(ctx context.Context, as *valuation.Assumptions, before calendar.Date) ([]market.Deal, error) {
	rows, err := s.db.FitDeals(ctx, before)
	if err != nil {
		return nil, err
	}
	own, err := s.db.SeenDeals(ctx, store.LedgerFilter{Own: true})
	if err != nil {
		return nil, err
	}
	mine := make(map[string]bool, len(own))
	for i := range own {
		mine[own[i].ID] = true
	}
	var out []market.Deal
	for i := range rows {
		if c := &rows[i]; c.Exclusion == "" && c.DuplicateOf == "" && as.Unpriced(c) == "" {
			d := as.MarketDeal(c)
			d.Own = mine[d.ID]
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(a, b market.Deal) int { return cmp.Compare(a.ID, b.ID) })
	return out, nil
}
