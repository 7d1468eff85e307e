package appraisal

import (
	"slices"

	"zhijia/internal/calendar"
	"zhijia/internal/opinion"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
)

// Opinion decodes a stored valuation for people, with the officers' latest
// figure that nobody refused beside it.
func (r *Record) Opinion(overrides []store.Override) (o opinion.Opinion, err error) {
	o.ID, o.Hash, o.CreatedAt = r.ID(), r.Hash(), r.CreatedAt()
	if o.Assignment, o.Evidence, err = r.Snapshot(); err != nil {
		return o, err
	}
	if o.Conclusion, err = r.Conclusion(); err != nil {
		return o, err
	}
	req, err := r.Request()
	if err != nil {
		return o, err
	}
	o.Client, o.Officer = req.Borrower, r.stored.CreatedBy
	overrides = slices.DeleteFunc(slices.Clone(overrides), func(x store.Override) bool { return x.Status == store.Refused || x.Status == store.Withdrawn })
	if n := len(overrides); n > 0 && o.Conclusion.Value.Point != nil {
		last, v := overrides[n-1], o.Conclusion.Value
		x := &valuation.OverrideResult{
			Override: valuation.Override{Value: last.Value, Reason: last.Reason, Officer: last.Officer, Date: calendar.InChina(last.CreatedAt), ApprovedBy: last.ApprovedBy},
			Model:    *v.Point, Difference: last.Value - *v.Point, InRange: last.Value >= v.Low && last.Value <= v.High,
		}
		if *v.Point > 0 {
			x.Ratio = last.Value / *v.Point
		}
		o.Conclusion.Override = x
	}
	return o, nil
}
