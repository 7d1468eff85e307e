package terms

import (
	"math"

	"zhijia/internal/calendar"
	"zhijia/internal/patent"
)

// Patent is one member of the subject. Unknown counts are nil, never 0.
type Patent struct {
	Number string      `json:"number"`
	Kind   patent.Kind `json:"kind"`
	Title  string      `json:"title,omitempty"`
	IPC    []string    `json:"ipc,omitempty"` // main symbol first, e.g. "H01M 4/36"

	Filing calendar.Date `json:"filing_date"`
	Grant  calendar.Date `json:"grant_date"`
	Expiry calendar.Date `json:"expiry_date"` // end of the statutory term with adjustments; zero: computed from Filing and Kind

	Claims    *int `json:"claims,omitempty"`
	Family    *int `json:"family,omitempty"` // offices in the family
	Assignees *int `json:"assignees,omitempty"`
	Inventors *int `json:"inventors,omitempty"`

	CitedBy    *int `json:"cited_by,omitempty"` // public before T; a percentile by the reference table where the cohort is not known
	Subclasses *int `json:"ipc_subclasses,omitempty"`

	FamilyID string `json:"family_id,omitempty"` // members of one family are discounted in a bundle
	TextHash string `json:"text_hash,omitempty"` // content hash of the text the scores and the vector come from
}

// End is the day the right has ended: as given, or by the law in force on the
// filing date (专利法 art. 42); zero when neither is known.
func (p Patent) End() calendar.Date {
	if !p.Expiry.IsZero() {
		return p.Expiry
	}
	return patent.Expiry(patent.Kind(p.Kind), p.Filing, 0)
}

// Life is the remaining legal life at t in years, at least 0; false when
// unknown.
func (p Patent) Life(t calendar.Date) (float64, bool) {
	e := p.End()
	if e.IsZero() {
		return 0, false
	}
	return max(t.YearsUntil(e), 0), true
}

// IndicatorScore is one scored item of the sheet. Score is in [0, 100], nil
// when unknown.
type IndicatorScore struct {
	Code       string        `json:"code"` // of the sheet, e.g. "T5.1", or a royalty or risk factor
	Score      *float64      `json:"score"`
	Evaluator  Evaluator     `json:"evaluator"`
	Evidence   []Quote       `json:"evidence,omitempty"`
	Dispersion *float64      `json:"dispersion,omitempty"` // share of votes unlike the median, [0, 1]
	Confidence *float64      `json:"confidence,omitempty"` // agreement of the votes times the share that told, [0, 1]; nil: nothing against it
	Reason     string        `json:"reason,omitempty"`
	Version    string        `json:"version,omitempty"` // of the prompt, rule or model
	AsOf       calendar.Date `json:"as_of"`
}

// Doubt is the share of a score that counts as unknown for the width: the
// judges who did not agree with it or could not tell. A score nobody doubts
// has none, an unknown one has it all.
func (s *IndicatorScore) Doubt() float64 {
	d := 0.0
	if s.Dispersion != nil {
		d = *s.Dispersion
	}
	if s.Confidence != nil {
		d = max(d, 1-*s.Confidence)
	}
	if math.IsNaN(d) {
		return 1
	}
	return min(max(d, 0), 1)
}

// Quote is a literal piece of a document, by byte offsets.
type Quote struct {
	Document string `json:"doc"`
	Start    int    `json:"start"`
	End      int    `json:"end"`
	Text     string `json:"text"`
}

// Quantity is a number or a range. With Value alone it is exact. A range is
// {low, mode, high}, low and high being the ends of the distribution for
// triangular, pert and uniform, and the 10th and 90th percentiles for normal
// and lognormal.
type Quantity struct {
	Value        *float64 `json:"value,omitempty"`
	Low          *float64 `json:"low,omitempty"`
	Mode         *float64 `json:"mode,omitempty"`
	High         *float64 `json:"high,omitempty"`
	Distribution string   `json:"distribution,omitempty"` // point, triangular (default for a range), pert, uniform, normal, lognormal
	Source       string   `json:"source,omitempty"`
}

// YearQuantity is a quantity of one calendar year.
type YearQuantity struct {
	Year int `json:"year"`
	Quantity
}

// Rate is a fraction.
type Rate = float64

// Note is a coded message.
type Note struct {
	Code string `json:"code"`
	Zh   string `json:"zh"`
	En   string `json:"en"`
	Next string `json:"next,omitempty"` // what to supply next

	// Narrows is the share by which the range, as ln of high over low, is expected to narrow once this is known; nil: not
	// worked out.
	Narrows *float64 `json:"narrows,omitempty"`
}
