package store

import (
	"context"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/valuation"
)

// FitDeals returns every admissible deal before the date, and the similarity
// of any two of them, for fitting hyperparameters. It is the similarity the
// comparables are retrieved by.
func (db *DB) FitDeals(ctx context.Context, space int, before calendar.Date) (deals []valuation.FitDeal, of func(a, b *valuation.FitDeal) float64, err error) {
	defer fault.Wrap(&err, "store.FitDeals")
	found, err := db.fetchCandidates(ctx, ComparableQuery{Space: space, Before: before}, `$3::text[] IS NULL`, nil)
	if err != nil {
		return nil, nil, err
	}
	if err := db.complete(ctx, space, found); err != nil {
		return nil, nil, err
	}
	byID := make(map[string]*features, len(found))
	for i := range found {
		byID[found[i].DealID] = &found[i].features
		deals = append(deals, valuation.FitDeal{Comparable: found[i].Comparable, Vector: found[i].vector})
	}
	return deals, func(a, b *valuation.FitDeal) float64 {
		s, _ := similarity(*byID[a.DealID], *byID[b.DealID])
		return s.Total
	}, nil
}
