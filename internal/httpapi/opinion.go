package httpapi

import (
	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/opinion"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
)

// opinionOf decodes a stored valuation for people, with the officers' latest
// figure beside it.
func opinionOf(rec *appraisal.Record, overrides []store.Override) (o opinion.Opinion, err error) {
	o.ID, o.Hash, o.CreatedAt = rec.ID(), rec.Hash(), rec.CreatedAt()
	if o.Assignment, o.Evidence, err = rec.Snapshot(); err != nil {
		return o, err
	}
	if o.Conclusion, err = rec.Conclusion(); err != nil {
		return o, err
	}
	if n := len(overrides); n > 0 && o.Conclusion.Value.Point != nil {
		last, v := overrides[n-1], o.Conclusion.Value
		r := &valuation.OverrideResult{
			Override: valuation.Override{Value: last.Value, Reason: last.Reason, Officer: last.Officer, Date: calendar.InChina(last.CreatedAt)},
			Model:    *v.Point, Difference: last.Value - *v.Point, InRange: last.Value >= v.Low && last.Value <= v.High,
		}
		if *v.Point > 0 {
			r.Ratio = last.Value / *v.Point
		}
		o.Conclusion.Override = r
	}
	return o, nil
}
