package harness

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"zhijia/internal/embed"
	"zhijia/internal/patent"
	"zhijia/internal/valuation/terms"
)

// baselines are the naive valuations every price task runs beside the
// product. Each sees what the product sees, the clean deals before the
// valuation date, and answers false when it has nothing to go by.
var baselines = map[string]func(c *deal, visible []*deal) (float64, bool){
	"class_median": classMedian,
	"nearest_deal": nearestDeal,
	"cost_rule":    costRule,
	"regression":   plainRegression,
	"appraised":    appraisedValue,
}

// classMedian is the median unit price of the deals of the same kind of right
// and kind of deal, of the same kind of right when there are fewer than three,
// of all when there are still fewer, times the number of patents.
func classMedian(c *deal, visible []*deal) (float64, bool) {
	for _, same := range []func(d *deal) bool{
		func(d *deal) bool { return d.Patent == c.Patent && d.Kind == c.Kind },
		func(d *deal) bool { return d.Patent == c.Patent },
		func(*deal) bool { return true },
	} {
		var logs []float64
		for _, d := range visible {
			if same(d) {
				logs = append(logs, d.logUnit())
			}
		}
		if len(logs) >= 3 {
			slices.Sort(logs)
			m := len(logs) / 2
			v := logs[m]
			if len(logs)%2 == 0 {
				v = (logs[m-1] + logs[m]) / 2
			}
			return math.Exp(v) * float64(*c.Patents), true
		}
	}
	return 0, false
}

// nearestDeal is the unit price of the deal whose text shares most character
// bigrams with the case's, times the number of patents; ties go to the later
// deal, then to the smaller id.
func nearestDeal(c *deal, visible []*deal) (float64, bool) {
	var best *deal
	bestScore := -1.0
	for _, d := range visible {
		score := embed.Overlap(c.grams, d.grams)
		if best == nil || score > bestScore || score == bestScore && (best.Date.Before(d.Date) || best.Date == d.Date && d.DealID < best.DealID) {
			best, bestScore = d, score
		}
	}
	if best == nil {
		return 0, false
	}
	return math.Exp(best.logUnit()) * float64(*c.Patents), true
}

// unitCost is what obtaining a right costs in agents' and official fees, yuan:
// an order of magnitude of ours, not a tariff. A deal that states its cost is
// valued at that.
var unitCost = map[patent.Kind]float64{
	patent.Invention:    12_000,
	patent.UtilityModel: 5_000,
	patent.Design:       2_500,
	"":                  10_000,
}

// costRule is the stated replacement cost, or unitCost times the number of
// patents.
func costRule(c *deal, _ []*deal) (float64, bool) {
	if c.CostFacts > 0 {
		return c.CostFacts, true
	}
	return unitCost[c.Patent] * float64(*c.Patents), true
}

// appraisedValue is what an appraiser said before the sale, where a source
// states it.
func appraisedValue(c *deal, _ []*deal) (float64, bool) { return c.Appraised, c.Appraised > 0 }

// plainRegression is ordinary least squares of ln unit price on ln number of
// patents and dummies for auction and for a university or institute as
// seller, with a ridge of 1e-6 so that a constant column does no harm. It
// needs twice as many deals as columns.
func plainRegression(c *deal, visible []*deal) (float64, bool) {
	const columns = 4
	if len(visible) < 2*columns {
		return 0, false
	}
	row := func(d *deal) []float64 {
		is := func(b bool) float64 {
			if b {
				return 1
			}
			return 0
		}
		return []float64{
			1, math.Log(float64(*d.Patents)), is(d.Kind == terms.DealAuction), is(d.Owner == terms.OwnerUniversity || d.Owner == terms.OwnerInstitute),
		}
	}
	gram := mat.NewSymDense(columns, nil)
	right := mat.NewVecDense(columns, nil)
	for _, d := range visible {
		x := mat.NewVecDense(columns, row(d))
		gram.SymRankOne(gram, 1, x)
		right.AddScaledVec(right, d.logUnit(), x)
	}
	for i := range columns {
		gram.SetSym(i, i, gram.At(i, i)+1e-6)
	}
	var chol mat.Cholesky
	if !chol.Factorize(gram) {
		return 0, false
	}
	beta := mat.NewVecDense(columns, nil)
	if err := chol.SolveVecTo(beta, right); err != nil {
		return 0, false
	}
	v := mat.Dot(mat.NewVecDense(columns, row(c)), beta)
	return math.Exp(v) * float64(*c.Patents), !math.IsNaN(v)
}
