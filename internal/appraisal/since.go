package appraisal

import (
	"context"
	"encoding/json"
	"math"
	"reflect"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
)

// Since says how a stored valuation differs from the same question asked today, by causes that sum to the difference. The
// later one is not stored.
type Since struct {
	ID     string           `json:"id"`
	Then   calendar.Date    `json:"valuation_date"`
	Now    calendar.Date    `json:"today"`
	Before float64          `json:"before"` // median, yuan
	After  float64          `json:"after"`
	Change float64          `json:"change"`
	Status valuation.Status `json:"status"` // today
	Causes []SinceCause     `json:"causes"` // in the order in which one thing after the other was put in today's place; sum to change

	Today valuation.Conclusion `json:"conclusion"`
}

// SinceCause is one cause of the difference.
type SinceCause struct {
	Key  string  `json:"key" enum:"versions,time,deals,register,subject,scores,facts"`
	Zh   string  `json:"zh"`
	En   string  `json:"en"`
	Yuan float64 `json:"yuan"`
}

// Since asks a stored valuation's question again today. One thing after another of what it rested on gives way to today's:
// the program and its assumptions, the date, the deals, the register, what is asked and known of the patent, the scores, and
// the rest of the evidence. What each moves is its part.
func (s *Service) Since(ctx context.Context, actor Actor, id string) (_ Since, err error) {
	defer fault.Wrap(&err, "appraisal.Since(%s)", id)
	ctx = store.As(ctx, actor.Institution)
	v, err := s.db.Valuation(ctx, actor.Institution, id)
	if err != nil {
		return Since{}, err
	}
	var snap snapshot
	var before valuation.Conclusion
	var req Request
	for _, x := range []struct {
		raw  []byte
		into any
	}{{v.Snapshot, &snap}, {v.Conclusion, &before}, {v.Request, &req}} {
		if err := json.Unmarshal(x.raw, x.into); err != nil {
			return Since{}, err
		}
	}
	req.Date = calendar.Date{}
	asked, g, err := s.gather(ctx, actor, &req, calendar.InChina(s.now()))
	if err != nil {
		return Since{}, err
	}
	out := Since{ID: id, Then: snap.Assignment.Date, Now: asked.Date, Before: before.Value.Median}
	if out.Causes, out.Today, err = s.steps(ctx, snapshot{Assignment: snap.Assignment, Evidence: snap.Evidence}, snapshot{Assignment: asked, Evidence: g.ev}, g.under, out.Before); err != nil {
		return Since{}, err
	}
	out.After = out.Today.Value.Median
	out.Change, out.Status = out.After-out.Before, out.Today.Status
	return out, nil
}

// steps puts one thing after another of what a figure rests on in the place of another figure's, and tells what each moved
// the median by, and where it ends. The causes sum to the difference of the two medians. A step that puts the same in the
// place of the same moves nothing and is not reckoned.
func (s *Service) steps(ctx context.Context, from, to snapshot, under *hashed, before float64) (causes []SinceCause, end valuation.Conclusion, err error) {
	a, ev, last, asked, now := from.Assignment, from.Evidence, before, to.Assignment, &to.Evidence
	causes = []SinceCause{}
	var doneA valuation.Assignment // what the last conclusion rests on, before the ledger was attached
	var doneEv valuation.Evidence
	reckoned := false
	for _, step := range []struct {
		key, zh, en string
		take        func()
	}{
		{"versions", "模型与参数的版本", "version of the model and of its assumptions", func() {}},
		{"time", "时间推移（剩余保护期与年份）", "time passed: remaining life and year", func() { a.Date = asked.Date }},
		{"deals", "此后计入、更正或删除的成交", "deals that came, were corrected or went", func() {
			ev.Ledger, ev.Comparables, ev.Excluded, ev.Retrieval, ev.DataCutoff = now.Ledger, now.Comparables, now.Excluded, now.Retrieval, now.DataCutoff
		}},
		{"register", "法律状态与年费", "legal state and fees", func() { ev.Legal, ev.Fees = now.Legal, now.Fees }},
		{"subject", "专利事实与委托事项", "facts of the patent and what is asked", func() { a, ev.Rank, ev.Ask, ev.Open = asked, now.Rank, now.Ask, now.Open }},
		{"scores", "指标评分", "scores of the indicators", func() { ev.Indicators, ev.ModelUse = now.Indicators, now.ModelUse }},
		{"facts", "收益、成本及其他资料", "income, cost and other facts", func() { ev = *now }},
	} {
		step.take()
		if reckoned && reflect.DeepEqual(a, doneA) && reflect.DeepEqual(ev, doneEv) {
			continue
		}
		restA, restEv := a, ev
		if ev.Ledger != nil {
			ref := *ev.Ledger
			ref.Solved = nil
			ev.Ledger = &ref
			if err := s.attach(ctx, &ev, a.Date, under); err != nil {
				return nil, end, err
			}
		}
		c, err := valuation.Conclude(a, ev, under.Assumptions)
		if err != nil && step.key != "facts" {
			continue // half of today's facts may contradict half of those of then: the next step brings the rest
		} else if err != nil {
			return nil, end, err
		}
		doneA, doneEv, reckoned = restA, restEv, true
		ev.Ledger = restEv.Ledger // unsolved, as it is stored and compared
		if yuan := c.Value.Median - last; math.Abs(yuan) >= 1e-9*max(last, 1) {
			causes = append(causes, SinceCause{step.key, step.zh, step.en, yuan})
		}
		last, end = c.Value.Median, c
	}
	return causes, end, nil
}
