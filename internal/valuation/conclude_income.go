package valuation

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"zhijia/internal/valuation/income"
	"zhijia/internal/valuation/terms"
)

// income runs relief from royalty, excess earnings and incremental income,
// each when its facts are given.
func (j *job) income() {
	f := j.ev.Income
	if f == nil {
		j.notApplicable("income", "relief_from_royalty", "income.revenue_missing", nil)
		j.missing("income.revenue", "未提供使用该专利的产品收入预测", "no revenue forecast of the products that use the patent", "提供产品收入、增长率和许可费率或行业")
		return
	}
	as := j.as
	rf := as.Discount.RiskFree.Value
	if f.RiskFree != nil {
		rf = f.RiskFree.Dist().Quantile(0.5)
	}
	roy := income.FactorScores(as.Royalty.Groups, j.ind, j.live, true)
	royNo := income.FactorScores(as.Royalty.Groups, j.ind, j.live, false)
	risk := income.FactorScores(as.Discount.Risks, j.ind, j.live, false) // the model never moves the discount rate
	r, rNo := income.ScoreTable(as.Royalty.Groups, roy), income.ScoreTable(as.Royalty.Groups, royNo)
	b := as.Discount.Build(rf, risk)

	c := as.reliefCase(j.asg, f, j.live, r, &b)
	j.incomeApproach(c, f, func(neutral bool) *incomeCase {
		if neutral {
			bn := b
			bn.Rate = b.Neutral
			return as.reliefCase(j.asg, f, j.live, income.TableScore{R: 0.5}, &bn)
		}
		return as.reliefCase(j.asg, f, j.live, rNo, &b)
	}, r, roy)
	if c.royaltyKind == "score" && c.reason == "" && c.build != nil {
		j.doubleCounting(c, f, r, roy, risk, rf)
	}
	if x := f.ExcessEarnings; x != nil {
		charge := 0.0
		for _, a := range x.Assets {
			charge += a.Value * a.Return
		}
		attrition := 0.0
		if x.Attrition != nil {
			attrition = x.Attrition.Dist().Quantile(0.5)
		}
		mpeem := func(b *income.BuildUp) *incomeCase {
			return as.flowCase(j.asg, f, b, j.live, "income.mpeem", "multi_period_excess_earnings", x.Earnings, func(t int, gross, tax float64) float64 {
				return (gross - charge) * (1 - tax) * math.Pow(1-attrition, float64(t))
			})
		}
		j.flowApproach(mpeem, &b)
	}
	if len(f.With) > 0 {
		without := map[int]*terms.Quantity{}
		for i := range f.Without {
			without[f.Without[i].Year] = &f.Without[i].Quantity
		}
		incremental := func(b *income.BuildUp) *incomeCase {
			return as.flowCase(j.asg, f, b, j.live, "income.incremental", "with_and_without", f.With, func(t int, gross, _ float64) float64 {
				if q := without[j.asg.Date.Year+t]; q != nil {
					gross -= q.Dist().Quantile(0.5)
				}
				return gross
			})
		}
		j.flowApproach(incremental, &b)
	}
}

// doubleCounting flags risks that lower both the royalty and the discount rate
// and shows the value with those risks left out of the rate.
func (j *job) doubleCounting(c *incomeCase, f *income.Facts, r income.TableScore, roy, risk map[string]income.FactorScore, rf float64) {
	as := j.as
	twice := income.DoubleCounted(as.Royalty.Groups, as.Discount.Risks, roy, risk)
	if len(twice) == 0 {
		return
	}
	once := maps.Clone(risk)
	for _, g := range as.Discount.Risks {
		for _, x := range g.Factors {
			if slices.Contains(twice, x.Concept) {
				delete(once, x.Code)
			}
		}
	}
	b := as.Discount.Build(rf, once)
	without := as.reliefCase(j.asg, f, j.live, r, &b)
	with, free := c.base.Value(), without.base.Value()
	j.out.Workings = append(j.out.Workings, terms.Working{Key: "double_counting", Value: free, Unit: "yuan", Formula: "relief from royalty at medians with the risks left out of the rate", Children: []terms.Working{
		{Key: "with", Value: with, Unit: "yuan"}, {Key: "without", Value: free, Unit: "yuan"}, {Key: "rate_without", Value: b.Rate, Unit: "rate"},
	}})
	names := strings.Join(twice, ", ")
	j.flag("DBL-01", "review", fmt.Sprintf("同一因素既影响许可费率又影响折现率（%s）；折现率不计该因素时为 %.0f 元，计入时为 %.0f 元", names, free, with),
		fmt.Sprintf("counted in the royalty and in the discount rate (%s): %.0f yuan with it left out of the rate, %.0f with it", names, free, with))
}

// incomeApproach values a relief-from-royalty case three ways.
func (j *job) incomeApproach(c *incomeCase, f *income.Facts, again func(neutral bool) *incomeCase, r income.TableScore, roy map[string]income.FactorScore) {
	if c.reason != "" {
		j.notApplicable(c.id, c.method, c.reason, c.workings)
		j.missing("income.revenue", "收益法缺少必要数据："+c.reason, "the income approach lacks "+c.reason, "提供产品收入、增长率和许可费率或行业")
		return
	}
	n := max(j.as.Simulation.Paths, 64)
	a, ok := j.simulate(c, f.Correlations, n)
	if !ok {
		return
	}
	no, neutral := again(false), again(true)
	// Each opinion from its own draws, so that what the cap and the width
	// compare with does not depend on any score it must not depend on.
	an, okNo := j.simulate(no, f.Correlations, n)
	am, okNeutral := j.simulate(neutral, f.Correlations, n)
	if !okNo || !okNeutral {
		return
	}
	right := j.part + j.exclusivity()
	a.theta += right
	a.thetaModel, a.neutral = an.theta+right, am.theta+right
	a.sd0, a.width = am.sd0, am.width
	if c.royaltyKind == "score" {
		w := income.UnknownRoyaltyLog(c.m, c.n, r.Unknown+r.Doubted) / (2 * terms.Z10)
		a.unknown += w * w
		j.out.Model.Theory = c.n / c.m
	}
	if c.build != nil { // half the table's span, in proportion to what is unscored
		low, high := neutral.base, neutral.base
		span := c.build.Span / 2 * c.build.Unknown
		low.Discount, high.Discount = low.Discount-span, high.Discount+span
		if lv, hv := low.Value(), high.Value(); lv > 0 && hv > 0 {
			w := math.Log(lv/hv) / (2 * terms.Z10)
			a.unknown += w * w
		}
	}
	a.parts = j.incomeParts(c, roy, a.theta, right, c.scoreEffect())
	a.result.Flags = c.flags
	j.add(a)
}

// exclusivity is the log factor of a plain licence against an exclusive one;
// the term of a licence already limits the income's life.
func (j *job) exclusivity() float64 {
	if j.asg.Purpose != terms.PurposeLicence {
		return 0
	}
	log, _ := j.as.footing(cmp.Or(j.asg.LicenceKind, terms.DealPlainLicence), 0, 1)
	return -log
}

// scoreEffect is ln of the value as scored against the value with the royalty
// at the middle of its range.
func (c *incomeCase) scoreEffect() float64 {
	if c.royaltyKind != "score" {
		return 0
	}
	m := c.base
	m.Royalty *= income.RoyaltyRate(c.m, c.n, 0.5) / income.RoyaltyRate(c.m, c.n, c.r)
	v, mid := c.base.Value(), m.Value()
	if mid <= 0 || v <= 0 {
		return 0
	}
	return math.Log(v / mid)
}

// incomeParts gives each scored factor its share of what the score r did to
// the royalty, and the rest to the cash flow.
func (j *job) incomeParts(c *incomeCase, roy map[string]income.FactorScore, theta, right, byScore float64) []part {
	parts := []part{{"income.terms", "fact", right}}
	scored := 0.0
	if byScore != 0 && c.r != 0.5 {
		for _, g := range j.as.Royalty.Groups {
			mass := 0.0
			for _, f := range g.Factors {
				if roy[f.Code].Score != nil {
					mass += f.Weight
				}
			}
			for _, f := range g.Factors {
				if s := roy[f.Code].Score; s != nil {
					log := byScore * g.Weight * f.Weight / mass * (*s - 50) / 100 / (c.r - 0.5)
					parts = append(parts, part{"indicator:" + f.Code, "indicator", log})
					scored += log
				}
			}
		}
	}
	if c.build != nil {
		m := c.base
		m.Discount = c.build.Neutral
		if v, mid := c.base.Value(), m.Value(); v > 0 && mid > 0 {
			log := math.Log(v / mid)
			parts = append(parts, part{"income.discount_rate", "fact", log})
			scored += log
		}
	}
	return append(parts, part{"income.cash_flow", "fact", theta - j.base - right - scored})
}

// simulate draws the case's uncertain inputs.
func (j *job) simulate(c *incomeCase, corr []income.Correlation, n int) (approach, bool) {
	sim, ok := income.NewSimulation(c.inputs, corr, j.as.Simulation.Seed)
	if !ok {
		j.notApplicable(c.id, c.method, "income.correlations", c.workings)
		return approach{}, false
	}
	c.sim = sim
	var m income.ReliefFromRoyalty
	f := func(x []float64) float64 { return c.value(&m, x) }
	draws := sim.Run(n, f)
	slices.Sort(draws)
	p10, p50, p90 := income.QuantileOf(draws, 0.1), income.QuantileOf(draws, 0.5), income.QuantileOf(draws, 0.9)
	if !(p50 > 0) {
		j.notApplicable(c.id, c.method, "income.not_positive", c.workings)
		return approach{}, false
	}
	sim2 := 0.0 // variance the inputs cause
	switch {
	case p10 > 0:
		sim2 = math.Pow(math.Log(p90/p10)/(2*terms.Z10), 2)
	case p90 > p50:
		sim2 = math.Pow(math.Log(p90/p50)/terms.Z10, 2)
	}
	model := j.as.Income.ModelSD.Value
	sd := math.Sqrt(sim2 + model*model)
	a := approach{theta: math.Log(p50), sd0: sd, result: ApproachResult{
		ID: c.id, Method: c.method, Applicable: true, Percentiles: map[string]float64{"p10": p10, "p50": p50, "p90": p90},
		Tornado: sim.Tornado(f), Workings: c.detailed(),
	}}
	sum := 0.0
	for _, b := range a.result.Tornado {
		d := math.Log(math.Max(b.High, 1e-9) / math.Max(b.Low, 1e-9))
		a.width = append(a.width, WidthContribution{c.id + "." + b.Input, d * d})
		sum += d * d
	}
	for i := range a.width {
		a.width[i].Share *= sim2 / (sd * sd) / max(sum, 1e-300)
	}
	if sum == 0 {
		sim2 = 0
	}
	a.width = append(a.width, WidthContribution{c.id + ".model", 1 - sim2/(sd*sd)})
	return a, true
}

// flowApproach values a case of given cash flows; scores reach it only
// through the discount rate.
func (j *job) flowApproach(build func(*income.BuildUp) *incomeCase, b *income.BuildUp) {
	c := build(b)
	if c.reason != "" {
		j.notApplicable(c.id, c.method, c.reason, c.workings)
		return
	}
	a, ok := j.simulate(c, nil, 256)
	if !ok {
		return
	}
	right := j.part + j.exclusivity()
	a.theta += right
	a.thetaModel, a.neutral = a.theta, a.theta
	if c.build != nil {
		at := func(k float64) float64 {
			x := *b
			x.Rate = k
			cc := build(&x)
			if cc.reason != "" {
				return 0
			}
			return cc.factor([]float64{1})
		}
		v, mid := at(b.Rate), at(b.Neutral)
		span := b.Span / 2 * b.Unknown
		low, high := at(b.Neutral-span), at(b.Neutral+span)
		if v > 0 && mid > 0 {
			a.neutral = a.theta + math.Log(mid/v)
		}
		if low > 0 && high > 0 {
			w := math.Log(low/high) / (2 * terms.Z10)
			a.unknown += w * w
		}
	}
	a.parts = []part{{"income.terms", "fact", right}, {c.id, "fact", a.theta - j.base - right}}
	j.add(a)
}
