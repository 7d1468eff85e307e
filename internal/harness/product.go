package harness

import (
	"context"
	"maps"
	"math"

	"zhijia/internal/ngram"
	"zhijia/internal/valuation"
)

// Product is the product under test.
type Product struct {
	// Assumptions the valuations are made with; nil: the ones that ship.
	Assumptions *valuation.Assumptions
}

// prepare makes a task ready to run.
func (s *Service) prepare(ctx context.Context, t Task, live bool) (*plan, error) {
	switch t.Kind {
	case KindPrice:
		return s.preparePrice(ctx, t)
	case KindRetrieval:
		return s.prepareRetrieval(ctx, t)
	}
	return nil, taskFault("kind %q cannot be run", t.Kind)
}

// pricer concludes over deals in memory.
func (p Product) pricer(_ context.Context, set *dealSet, t Task) (pricer, map[string]string, func(), error) {
	as := p.Assumptions
	if as == nil {
		shipped := valuation.DefaultAssumptions()
		as = &shipped
	}
	versions := map[string]string{"assumptions": as.Version}
	return func(_ context.Context, c *deal, v view) (outcome, error) {
		asg := valuation.Assignment{Purpose: valuation.PurposeAssignment, Date: v.date, Owner: c.Owner, Level: 0.8}
		for range *c.Patents {
			asg.Subject = append(asg.Subject, valuation.Patent{Number: "", Kind: c.Patent, Title: c.Title, IPC: c.IPC})
		}
		ev := valuation.Evidence{DataCutoff: v.date.AddDays(-1), Retrieval: valuation.Retrieval{Path: "exact", Space: "ngram-hash"}}
		q := ngram.Hash(c.Text)
		for _, d := range v.seen {
			text, lexical := ngram.Cosine(q, ngram.Hash(d.Text)), ngram.Overlap(c.grams, d.grams)
			x := d.Comparable
			x.Similar = &valuation.Similarity{Text: &text, Lexical: &lexical, Total: math.Max(0, (text+lexical)/2)}
			ev.Comparables = append(ev.Comparables, x)
		}
		ev.Retrieval.Considered, ev.Retrieval.Returned = len(v.seen), len(v.seen)
		con, err := valuation.Conclude(asg, ev, *as)
		if err != nil {
			return outcome{}, err
		}
		return conclude(con), nil
	}, maps.Clone(versions), nil, nil
}

// conclude reads what the harness measures from a conclusion.
func conclude(con valuation.Conclusion) outcome {
	o := outcome{status: "ok", grade: con.Grade, estimate: con.Value.Median, low: con.Value.Low, high: con.Value.High, level: con.Value.Level}
	for _, c := range con.Comparables {
		e := Evidence{ID: c.DealID, Title: c.Title, Date: c.Date.String(), UnitPrice: c.UnitPrice, Weight: c.Weight}
		if c.Similar != nil {
			e.Similarity = c.Similar.Total
		}
		o.evidence = append(o.evidence, e)
	}
	if con.Status != valuation.Valued && con.Status != valuation.RangeOnly || con.Value.Median <= 0 {
		o.status, o.reason = "abstained", string(con.Status)+": "+con.ReasonCode
		return o
	}
	if con.Value.Point != nil {
		o.estimate = *con.Value.Point
	}
	o.logMean, o.logSD = math.Log(con.Value.Median), con.FSD
	return o
}
