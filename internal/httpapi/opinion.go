package httpapi

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"zhijia/internal/civil"
	"zhijia/internal/office"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
)

// opinion decodes a stored valuation for people, with the officers' latest
// figure beside it.
func opinion(v store.Valuation, overrides []store.Override) (office.Opinion, error) {
	o := office.Opinion{ID: v.ID, Hash: hex.EncodeToString(v.Hash), CreatedAt: v.CreatedAt}
	var snapshot struct {
		Assignment valuation.Assignment `json:"assignment"`
		Evidence   valuation.Evidence   `json:"evidence"`
	}
	if err := json.Unmarshal(v.Snapshot, &snapshot); err != nil {
		return o, fmt.Errorf("snapshot of %s: %w", v.ID, err)
	}
	if err := json.Unmarshal(v.Conclusion, &o.Conclusion); err != nil {
		return o, fmt.Errorf("conclusion of %s: %w", v.ID, err)
	}
	o.Assignment, o.Evidence = snapshot.Assignment, snapshot.Evidence
	if n := len(overrides); n > 0 && v.Point != nil {
		last := overrides[n-1]
		o.Conclusion.Override = &valuation.OverrideResult{
			Override: valuation.Override{Value: last.Value, Reason: last.Reason, Officer: last.Officer, Date: civil.Of(last.CreatedAt)},
			Model:    *v.Point, Difference: last.Value - *v.Point, InRange: last.Value >= v.Low && last.Value <= v.High,
		}
		if *v.Point > 0 {
			o.Conclusion.Override.Ratio = last.Value / *v.Point
		}
	}
	return o, nil
}

// newID makes an id that says what it names.
func newID(kind string) string { return kind + "_" + strings.ToLower(rand.Text()[:20]) }
