package pool

import (
	_ "embed"
	"encoding/json"
	"sync"

	"zhijia/internal/calendar"
)

//go:embed deadlines.json
var deadlinesJSON []byte

// deadlineRule is how long before or after a day a paper is due, under one text
// from the day it took effect.
type deadlineRule struct {
	Kind        string        `json:"kind"`            // distribution, event, a kind of event with a text of its own, annual, rating
	Venue       Venue         `json:"venue,omitempty"` // empty: both exchanges, where the own has no text
	From        calendar.Date `json:"from,omitzero"`   // first day in force
	TradingDays int           `json:"trading_days"`
	WorkingDays int           `json:"working_days"`     // 工作日, in place of trading days
	By          string        `json:"by,omitempty"`     // of the year after, MM-DD
	Months      int           `json:"months,omitempty"` // a plan set up for less than this by the end of the year owes none
	Delisted    bool          `json:"unless_delisted"`  // nor one whose securities have all gone by the day it is due
	Cite        string        `json:"cite"`
	URL         string        `json:"url,omitempty"` // of the text
}

// after is the day a paper is due that is counted from an event.
func (r *deadlineRule) after(day calendar.Date, cal *calendar.Working) (calendar.Date, error) {
	if r.WorkingDays == 0 {
		return cal.AddTradingDays(day, r.TradingDays)
	}
	for range r.WorkingDays {
		day = cal.NextWorkday(day.AddDays(1))
	}
	return day, nil
}

var deadlineRules = sync.OnceValue(func() []deadlineRule {
	var f struct {
		Rules []deadlineRule `json:"rules"`
	}
	if err := json.Unmarshal(deadlinesJSON, &f); err != nil {
		panic(err) // the embedded file is broken: a build defect
	}
	return f.Rules
})

// deadlineOn returns the rule of a kind in force on a day: the exchange's own
// text before the common one, the later before the earlier. False when there
// is none.
func (d *Deal) deadlineOn(kind string, on calendar.Date) (best deadlineRule, ok bool) {
	for _, r := range deadlineRules() {
		if r.Kind != kind || r.Venue != "" && r.Venue != d.Venue || r.From.After(on) {
			continue
		}
		own, was := r.Venue != "", best.Venue != ""
		if !ok || own && !was || own == was && !r.From.Before(best.From) {
			best, ok = r, true
		}
	}
	return best, ok
}
