package indicator

import (
	"cmp"
	"slices"

	"zhijia/internal/calendar"
	"zhijia/internal/valuation/terms"
)

// canonicalScores drops scores not yet public at t, and keeps one score per
// code: officer before data before the models, then the lower.
func Canonical(in []terms.IndicatorScore, t calendar.Date) (out []terms.IndicatorScore, late []string) {
	order := map[terms.Evaluator]int{terms.ByOfficer: 0, terms.ByData: 1, terms.ByModel: 2, terms.ByStatistical: 3}
	s := slices.Clone(in)
	slices.SortStableFunc(s, func(a, b terms.IndicatorScore) int {
		known := func(x terms.IndicatorScore) int {
			if x.Score == nil {
				return 1
			}
			return 0
		}
		return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(known(a), known(b)), cmp.Compare(order[a.Evaluator], order[b.Evaluator]),
			cmp.Compare(terms.ValueOr(a.Score, -1), terms.ValueOr(b.Score, -1)), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Reason, b.Reason))
	})
	for _, x := range s {
		if !x.AsOf.IsZero() && !x.AsOf.Before(t) && !x.Evaluator.ModelScored() && x.Evaluator != terms.ByOfficer {
			late = append(late, x.Code)
			continue
		}
		if len(out) == 0 || out[len(out)-1].Code != x.Code {
			out = append(out, x)
		}
	}
	return out, late
}
