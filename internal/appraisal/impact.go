package appraisal

import (
	"context"
	"encoding/json"
	"fmt"

	"zhijia/internal/store"
	"zhijia/internal/valuation/impact"
	"zhijia/internal/valuation/terms"
)

// ImpactCode is the technical-impact indicator: an extension beside the sheet,
// shown and labelled statistical, without weight in the total.
const ImpactCode = "X.impact"

// impact scores technical impact by the model fitted on the store's own
// corpus; nil when none was fitted.
func (g *gathering) impact(ctx context.Context, p *store.Patent) (*terms.IndicatorScore, error) {
	if g.inForce.Impact == "" {
		return nil, nil
	}
	version, body, ok, err := g.db.ImpactModel(ctx)
	if err != nil || !ok {
		return nil, err
	}
	var m impact.Model
	if err := json.Unmarshal(body, &m); err != nil {
		return nil, err
	}
	space, err := g.spaces.Numbered(ctx, g.inForce.Space)
	if err != nil || space.String() != m.Space || p.Text() == "" {
		return nil, nil // vectors of another space are not comparable: unknown
	}
	vector, ok, err := g.embed(ctx, space, p)
	if err != nil || !ok {
		return nil, nil // the embedder is off, or the text may not leave for it: unknown
	}
	count := func(n int) *int {
		if n == 0 {
			return nil
		}
		return &n
	}
	length := len([]rune(p.Title + p.Abstract))
	score := m.Percentile(impact.Row{
		Facts:  store.ImpactFacts(p.ClaimCount, p.IndependentClaims, p.Inventors, p.FamilySize, p.Cites, count(len(p.IPC)), count(len(p.Owners)), &length),
		Vector: vector,
	})
	return &terms.IndicatorScore{
		Code: ImpactCode, Score: &score, Evaluator: terms.ByStatistical, Version: version, AsOf: g.asOf.AddDays(-1),
		Reason: fmt.Sprintf("统计模型按文本与著录项推算的同类同年被引百分位（秩相关 %.2f，n = %d）。", m.Card.Spearman, m.Card.TestN),
	}, nil
}
