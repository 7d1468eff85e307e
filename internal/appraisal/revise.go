package appraisal

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/terms"
)

// Revision is a valuation with the model's reading in it, beside the one that
// was given before the model had read.
type Revision struct {
	Record     *Record
	Difference valuation.Difference // by cause, summing to the change
}

// Revise has the model read the subject of a stored valuation, waiting for it,
// and stores a new valuation of the same evidence with that reading in place of
// what stood there. Nothing else is gathered anew, so the difference is the
// reading and nothing else; the earlier record stays. A reading that does not
// come to its end is a fault and leaves nothing.
func (s *Service) Revise(ctx context.Context, actor Actor, id string) (Revision, error) {
	return s.ReviseRow(ctx, actor, store.BatchReading{Valuation: id}, "")
}

// ReviseRow is [Service.Revise] of a row's valuation, and stores with the revision
// that it is one of that row.
func (s *Service) ReviseRow(ctx context.Context, actor Actor, row store.BatchReading, batch string) (_ Revision, err error) {
	id := row.Valuation
	defer fault.Wrap(&err, "appraisal.Revise(%s)", id)
	if s.judge == nil {
		return Revision{}, fault.New(fault.Unavailable, "model.off", "未启用模型评分，无法修订；请配置 ZHIJIA_LLM_BASE_URL。", "Model scoring is off, so there is nothing to revise by; set ZHIJIA_LLM_BASE_URL.")
	}
	ctx = store.As(ctx, actor.Institution)
	v, err := s.db.Valuation(ctx, actor.Institution, id)
	if err != nil {
		return Revision{}, err
	}
	var snap snapshot
	var req Request
	var before valuation.Conclusion
	for _, part := range []struct {
		body []byte
		into any
	}{{v.Snapshot, &snap}, {v.Request, &req}, {v.Conclusion, &before}} {
		if err := json.Unmarshal(part.body, part.into); err != nil {
			return Revision{}, err
		}
	}
	now := s.now().UTC().Truncate(time.Microsecond)
	number, err := req.check(calendar.InChina(now))
	if err != nil {
		return Revision{}, err
	}
	req.Wait = true
	g := &gathering{Service: s, actor: actor, req: &req, asOf: req.Date}
	if err := g.subjects(ctx, number); err != nil {
		return Revision{}, err
	}
	judged := s.judge.Judge(ctx, g.subject(&g.patents[0]))
	if len(judged.Scores) == 0 {
		return Revision{}, unread(judged.Notes)
	}
	ev := &snap.Evidence
	ev.Indicators = append(slices.DeleteFunc(ev.Indicators, func(x terms.IndicatorScore) bool { return x.Evaluator == terms.ByModel }), judged.Scores...)
	ev.Warnings = append(slices.DeleteFunc(ev.Warnings, func(n terms.Note) bool { return strings.HasPrefix(n.Code, "MODEL-") }), judged.Notes...)
	ev.ModelUse, snap.Revises = judged.Use, id
	if judged.Unreviewed && !slices.Contains(ev.Unreviewed, "rubric") {
		ev.Unreviewed = append(ev.Unreviewed, "rubric")
	}
	assumptions, err := s.assumptions(ctx, snap.Assumptions)
	if err != nil {
		return Revision{}, err
	}
	if err := s.attach(ctx, ev, snap.Assignment.Date, assumptions); err != nil {
		return Revision{}, err
	}
	revised, after, err := conclude(actor, &req, &snap, assumptions, now)
	if err != nil {
		return Revision{}, err
	}
	d := valuation.Explain(before, after)
	if err := s.db.PutRevision(ctx, &revised, store.Act{Institution: actor.Institution, Actor: actor.Name, Action: "valuation.revise", Subject: revised.ID, Detail: map[string]any{
		"valuation": revised.ID, "valuation_hash": revised.Hash, "revises": id, "before": before.Value.Median, "after": after.Value.Median, "versions": after.Versions,
	}}, batch, row); err != nil {
		return Revision{}, err
	}
	return Revision{record(revised), d}, nil
}

// unread is the fault of a reading that gave no score.
func unread(notes []terms.Note) error {
	zh, en := "模型没有给出可用的评分。", "The model gave no score that can be used."
	if len(notes) > 0 {
		zh, en = notes[len(notes)-1].Zh, notes[len(notes)-1].En
	}
	return fault.New(fault.Unavailable, "model.unread", zh, en)
}
