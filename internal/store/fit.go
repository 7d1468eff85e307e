package store

import (
	"context"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/valuation"
)

// FitDeals returns every admissible deal before the date.
func (db *DB) FitDeals(ctx context.Context, before calendar.Date) (deals []valuation.Comparable, err error) {
	defer fault.Wrap(&err, "store.FitDeals")
	found, err := db.fetchCandidates(ctx, ComparableQuery{Before: before}, `$3::text[] IS NULL`, nil)
	if err != nil {
		return nil, err
	}
	if err := db.complete(ctx, found); err != nil {
		return nil, err
	}
	for i := range found {
		deals = append(deals, found[i].Comparable)
	}
	return deals, nil
}
