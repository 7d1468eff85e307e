package valuation

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"zhijia/internal/money"
	"zhijia/internal/valuation/market"
	"zhijia/internal/valuation/terms"
)

// conclude reconciles the approaches into the opinion: point, range, grade,
// causes of the value and of the width.
func (j *job) conclude() {
	as, o := j.as, &j.out
	j.doubtInputs()
	in := j.answering()
	if len(in) == 0 {
		j.withoutAmount()
		return
	}
	rho := as.Reconciliation.Rho.Value
	joint := j.join(in)
	cal, cal80 := j.calibrated(j.level), j.calibrated(0.80)
	theta := j.capModel(joint.sum(func(a *approach) float64 { return a.theta }), joint.sum(func(a *approach) float64 { return a.thetaModel }))
	wide := joint.views(func(a *approach) float64 { return a.unknown })
	down, up := joint.ends(wide, rho, cal80.half)
	s := (down + up) / (2 * cal80.half)
	fsd := s * cal80.half / distuv.UnitNormal.Quantile(0.90)
	width := joint.reconciled
	width.spread(wide, rho)
	width.between = max(s*s-width.within, 0)

	low, high := j.ends(&joint, cal.half)
	bound, _ := j.ends(&joint, cal.lower)
	liquidation := 0.0
	if o.Basis == terms.BasisLiquidation || o.Premise == terms.PremiseForced {
		liquidation = min(math.Log(j.forced())-theta, 0)
	}
	j.rangeOf(theta+liquidation, low+liquidation, high+liquidation, bound+liquidation, &cal)
	theta += liquidation
	o.FSD = fsd
	for i, p := range o.PWithin {
		x := float64(p.Percent) / 100
		o.PWithin[i].Chance = distuv.UnitNormal.CDF(math.Log1p(x)/fsd) - distuv.UnitNormal.CDF(math.Log1p(-x)/fsd)
	}

	j.results(in, joint.weight)
	disagree := j.triangulate(in, joint.weight)
	if disagree {
		o.Status, o.ReasonCode = RangeOnly, "approaches.disagree"
		o.Reason = &terms.Note{Code: o.ReasonCode, Zh: "各方法结果相差 5 倍以上，只给区间", En: "the approaches differ by more than a factor of 5: a range only", Next: "核对各方法的输入，由评估人员选定方法并说明理由"}
		o.Value.Point, o.Value.Rounded.Point = nil, nil
	}
	if j.sale == market.Unknown && o.Status == Valued {
		o.Status, o.ReasonCode = RangeOnly, "market.unknown"
		o.Reason = &terms.Note{Code: o.ReasonCode, Zh: "成交市场不明：按私下转让、展示交易、企业并购分别给出金额，不给单一点值", En: "the market of sale is unknown: a figure for private, showcase and corporate each, and no point", Next: "说明拟以何种方式成交，并提供挂牌公告、意向书或买方"}
		o.Value.Point, o.Value.Rounded.Point = nil, nil
	}
	j.grade(in, fsd, cal80.measured)
	j.causes(in, joint.weight, theta, liquidation)
	j.widths(in, &width, wide, rho)
	j.net()
	j.allocate(o.Value.Median)
	o.Lending = LendingView{IfSold: o.Value.Median, Forced: min(as.Lending.net(j.forced()), o.Value.Median), LowerBound: o.Value.LowerBound, ChanceOfSale: j.ev.SaleChance}
	j.bases(in)
	j.override(o.Value.Median)
	j.wants()
	j.narrow(in, cal.half)
	multiplier := 0.0
	if cal.measured {
		multiplier = cal.half
	}
	o.Workings = append(o.Workings,
		terms.Working{Key: "log_value", Value: theta, Unit: "log", Formula: "Σ weight·ln approach value", Source: "standards 7"},
		terms.Working{Key: "sd_within", Value: math.Sqrt(width.within), Unit: "log", Formula: "√Σ w_i w_j s_i s_j ρ_ij"},
		terms.Working{Key: "sd_between", Value: math.Sqrt(width.between), Unit: "log", Formula: "√(sd_model² - sd_within²): ends of approaches beyond the joined range"},
		terms.Working{Key: "sd_model", Value: s, Unit: "log", Formula: "half the 80% range over the multiplier"},
		terms.Working{Key: "calibration_multiplier", Value: multiplier, Unit: "ratio", Formula: "conformal quantile of |error|/sd", Source: as.Prices.Calibration.Source},
		terms.Working{Key: "fsd", Value: fsd, Unit: "log"})
}

// capModel keeps the model's scores within the cap: the value stays within
// √cap either way of what it is with every model score unknown, so any two
// sets of scores differ by at most cap.
func (j *job) capModel(theta, without float64) float64 {
	m := &j.out.Model
	m.Cap = j.as.Model.Cap.Value
	if m.Cap > j.as.Model.Alarm.Value {
		j.flag("MDL-CAP", "alarm", "模型评分影响上限高于 4 倍", "the cap on model scores is above a factor of 4")
	}
	capped := j.clamp(theta, without)
	if capped != theta {
		m.Clamped = true
		j.flag("MDL-CLAMP", "review", "模型评分的影响已达上限，超出部分未计入", "model scores reached their cap; the rest was left out")
	}
	theta = capped
	m.Factor, m.Without = math.Exp(theta-without), math.Exp(without)
	return theta
}

// clamp keeps theta within √cap of the figure without the model's scores.
func (j *job) clamp(theta, without float64) float64 {
	half := math.Log(j.as.Model.Cap.Value) / 2
	return min(max(theta, without-half), without+half)
}

// joint is the approaches that answer, with their weights.
type joint struct {
	reconciled
	app []*approach
}

// join weighs the approaches by widths that no fact of the subject moves: a better fact must not shift weight to a lower
// figure.
func (j *job) join(in []int) joint {
	var g joint
	v := make([]view, len(in))
	for k, i := range in {
		a := &j.app[i]
		g.app = append(g.app, a)
		v[k] = view{a.neutral, cmp.Or(a.weigh, a.sd0), a.result.Applicability}
	}
	g.reconciled = reconcile(v, j.as.Reconciliation.Rho.Value)
	return g
}

// sum is the weighted mean of what pick says of each approach.
func (g *joint) sum(pick func(*approach) float64) float64 {
	t := 0.0
	for k, a := range g.app {
		t += g.weight[k] * pick(a)
	}
	return t
}

// views are the opinions that give the width: scores at their middle, with the variance of what is unknown.
func (g *joint) views(unknown func(*approach) float64) []view {
	v := make([]view, len(g.app))
	for k, a := range g.app {
		v[k] = view{theta: a.neutral, sd: math.Sqrt(a.sd0*a.sd0 + unknown(a))}
	}
	return v
}

// ends are the low and the high end of the range in ln yuan, half its half width in units of the model's sd. What a score
// leaves less open it takes from the high end only: a score told at its worst never raises the low end.
func (j *job) ends(g *joint, half float64) (low, high float64) {
	rho := j.as.Reconciliation.Rho.Value
	low, high = math.Inf(1), math.Inf(1)
	for _, under := range []bool{false, true} { // without the public ask, and as if the price were the ask
		if under && !slices.ContainsFunc(g.app, func(a *approach) bool { return a.ask != nil }) {
			break
		}
		shut, open := g.views(func(a *approach) float64 { return a.unscored }), g.views(func(a *approach) float64 { return a.unknown })
		theta, without := 0.0, 0.0
		for k, a := range g.app {
			t, m := a.theta, a.thetaModel
			if c := a.ask; c != nil && under {
				t, m = c.at, c.at
				shut[k], open[k] = view{theta: c.at, sd: c.sd}, view{theta: c.at, sd: c.sd}
			} else if c != nil {
				t, m = c.theta, c.thetaModel
				shut[k].theta, open[k].theta = c.neutral, c.neutral
			}
			theta += g.weight[k] * t
			without += g.weight[k] * m
		}
		theta = j.clamp(theta, without)
		down, _ := g.reconciled.ends(shut, rho, half)
		_, up := g.reconciled.ends(open, rho, half)
		low, high = min(low, theta-down), min(high, theta+up)
	}
	for _, a := range j.lower { // of two figures the higher counts, so neither end lies below that of the other
		low = max(low, j.clamp(a.theta, a.thetaModel)-half*math.Sqrt(a.sd0*a.sd0+a.unscored))
		high = max(high, j.clamp(a.theta, a.thetaModel)+half*math.Sqrt(a.sd0*a.sd0+a.unknown))
	}
	return low, high
}

// calibrated is the width of a range in units of the model's sd, as the errors on past deals were in the market of sale.
func (j *job) calibrated(level float64) calibrated {
	c := &j.as.Prices.Calibration
	w := c.Ready().At(j.headline(), level)
	out := calibrated{half: w.Half, lower: w.Lower, how: "uncalibrated", measured: true}
	z, z1 := distuv.UnitNormal.Quantile((1+level)/2), distuv.UnitNormal.Quantile(level)
	if math.IsInf(out.half, 1) {
		out.half, out.measured = max(z, c.Largest()), false
	}
	if math.IsInf(out.lower, 1) {
		out.lower = c.Largest()
	}
	// Published deals are dearer than ordinary ones, so their errors say too
	// little of prices below the figure: a lender's bound is no nearer than the
	// normal one.
	out.lower = max(out.lower, z1)
	if len(c.Scores) > 0 {
		out.how = "conformal"
		for _, h := range c.Held {
			out.n, out.events = h.Deals, h.Events
			if math.Abs(h.Level-level) < 1e-9 {
				held := h
				out.held = &held
				out.n, out.events = h.Deals, h.Events
				break
			}
		}
	}
	return out
}

// headline is the market of sale the figures stand for: private where nobody knows.
func (j *job) headline() market.Sale {
	if j.sale == market.Unknown || j.sale == "" {
		return market.Private
	}
	return j.sale
}

// calibrated is the outcome of calibration in units of the model's sd.
type calibrated struct {
	half, lower float64 // where the events are too few, as the largest error was, and no less than the normal
	measured    bool    // the events sufficed for the level
	n, events   int
	held        *market.Held
	how         string
}

// forced is the price by force: that of the disposals on file, three bulk sales in bankruptcies.
func (j *job) forced() float64 {
	for _, f := range j.out.Markets {
		if f.Market == market.Distress {
			return f.Median
		}
	}
	return 0
}

// rangeOf sets point, low, high and lower bound, all given in ln yuan.
func (j *job) rangeOf(theta, low, high, bound float64, cal *calibrated) {
	v := &j.out.Value
	v.N, v.Events, v.Calibration = cal.n, cal.events, cal.how
	if cal.held != nil {
		v.Coverage, v.CoverageLow, v.CoverageHigh = &cal.held.Coverage, &cal.held.Low, &cal.held.High
		v.CoverageFrom, v.CoverageTo = cal.held.From, cal.held.To
	}
	if !cal.measured {
		v.Calibration = "uncalibrated"
		j.flag("CAL-N", "review", fmt.Sprintf("校准样本 %d 件，不足以支持该水平，采用先验区间", cal.n), fmt.Sprintf("%d calibration deals are too few for this level: the prior's range is used", cal.n))
	}
	v.Median = math.Exp(theta)
	point := v.Median
	v.Point = &point
	v.Low, v.High = math.Exp(low), math.Exp(high)
	v.LowerBound = min(math.Exp(bound), v.Median)
	g := &j.as.Grades
	rp := money.Round(point, g.Point)
	v.Rounded = Rounded{Point: &rp, Low: money.Round(v.Low, g.Ends), High: money.Round(v.High, g.Ends)}
	if alarm := math.Log(j.as.Reconciliation.AlarmFactor.Value); j.level >= 0.8 && min(theta-low, high-theta) < alarm {
		j.flag("RNG-NARROW", "alarm", "区间窄于上下 2 倍，窄于已知的价格离散程度，请核对输入", "the range is narrower than a factor of 2 either way: published price dispersion does not support it")
	}
	if cal.how == "uncalibrated" {
		j.missing("calibration", "区间未经本机构历史成交校准", "the range is not calibrated on own past deals", "导入已成交交易并运行校准")
	}
}

// results fills the approaches' values, ranges and weights.
func (j *job) results(in []int, weight []float64) {
	z := distuv.UnitNormal.Quantile((1 + j.level) / 2)
	for k, i := range in {
		j.app[i].result.Weight = weight[k]
	}
	for i := range j.app {
		a := &j.app[i]
		r := &a.result
		if a.sd0 > 0 {
			r.LogSD = math.Sqrt(a.sd0*a.sd0 + a.unknown)
			r.Value = math.Exp(a.theta)
			low, high := a.ends(z)
			r.Low, r.High = math.Exp(low), math.Exp(high)
		}
		j.out.Approaches = append(j.out.Approaches, *r)
	}
}

// triangulate compares the approaches that speak of the subject itself, and
// reports whether they differ too much for a point value. It compares them
// before scores and before the claims, family and citations, whose small terms
// must not decide: a worse one told must not bring two approaches together.
func (j *job) triangulate(in []int, weight []float64) bool {
	t := &j.as.Reconciliation
	worst, tooFar := 0.0, false
	var a, b string
	for k, i := range in {
		for l, m := range in[:k] {
			d := j.app[i].apart(&j.app[m])
			if d > worst {
				worst, a, b = d, j.app[m].result.ID, j.app[i].result.ID
			}
			if d > math.Log(t.RangeOnly.Value) && weight[k] >= t.MinApart.Value && weight[l] >= t.MinApart.Value {
				tooFar = true
			}
		}
	}
	ratio := math.Exp(worst)
	switch {
	case worst > math.Log(t.RangeOnly.Value):
		j.flag("TRI-5", "alarm", fmt.Sprintf("%s 与 %s 结果相差 %.1f 倍", approachZh[a], approachZh[b], ratio), fmt.Sprintf("%s and %s differ by a factor of %.1f", a, b, ratio))
	case worst > math.Log(t.Review.Value):
		j.flag("TRI-2", "review", fmt.Sprintf("%s 与 %s 结果相差 %.1f 倍，须选定方法并说明理由", approachZh[a], approachZh[b], ratio), fmt.Sprintf("%s and %s differ by a factor of %.1f: choose one and say why", a, b, ratio))
	case worst > math.Log(t.Note.Value):
		j.flag("TRI-20", "note", fmt.Sprintf("%s 与 %s 结果相差超过 20%%", approachZh[a], approachZh[b]), fmt.Sprintf("%s and %s differ by more than 20%%", a, b))
	}
	if len(in) < 2 {
		j.flag("TRI-ONE", "review", "只有一种方法可用，未能相互验证", "one approach only: nothing to check it against")
	}
	return tooFar
}

// grade is A to E by the width, capped by the evidence.
func (j *job) grade(in []int, fsd float64, finite bool) {
	g := &j.as.Grades
	grade := "D"
	switch {
	case fsd < g.A.Value:
		grade = "A"
	case fsd < g.B.Value:
		grade = "B"
	case fsd < g.C.Value:
		grade = "C"
	}
	cap := "A"
	worse := func(x string) { cap = max(cap, x) }
	onlyPrior, market, income := true, false, false
	for _, i := range in {
		if j.app[i].result.ID != "market" || j.out.NEff > 0 {
			onlyPrior = false
		}
		market = market || j.app[i].result.ID == "market"
		income = income || j.app[i].result.ID != "market"
	}
	switch {
	case onlyPrior:
		worse("E")
	case market && !income && j.out.NEff < g.MinNEff.Value:
		worse("C")
	}
	if !finite {
		worse("D")
	}
	if j.legalUnknown > 0 {
		worse("C")
	}
	j.out.Grade = max(grade, cap)
}

// causes lists what made the value, in yuan that sum to it.
func (j *job) causes(in []int, weight []float64, theta, liquidation float64) {
	sum := map[string]*part{}
	var keys []string
	rest := theta - j.base - liquidation
	for k, i := range in {
		for _, p := range j.app[i].parts {
			log := weight[k] * p.log
			rest -= log
			if q := sum[p.key]; q != nil {
				q.log += log
				continue
			}
			sum[p.key] = &part{p.key, p.kind, log}
			keys = append(keys, p.key)
		}
	}
	slices.Sort(keys)
	parts := make([]part, 0, len(keys)+2)
	for _, k := range keys {
		parts = append(parts, *sum[k])
	}
	if j.out.Model.Clamped {
		parts = append(parts, part{"model_cap", "rule", rest})
	} else if len(parts) > 0 { // rounding of the last bits
		parts[len(parts)-1].log += rest
	}
	if liquidation != 0 {
		parts = append(parts, part{"forced_sale", "rule", liquidation})
	}
	j.out.Contributions = contributions(part{"prior", "prior", j.base}, parts)
	slices.SortStableFunc(j.out.Contributions[1:], func(a, b Contribution) int {
		return cmp.Or(cmp.Compare(math.Abs(b.Yuan), math.Abs(a.Yuan)), cmp.Compare(a.Key, b.Key))
	})
}

// widths lists what made the variance of ln value, in shares of 1.
func (j *job) widths(in []int, r *reconciled, views []view, rho float64) {
	total := r.within + r.between
	var out []WidthContribution
	for k, i := range in {
		share := 0.0
		for l := range in {
			c := rho
			if k == l {
				c = 1
			}
			share += r.weight[k] * r.weight[l] * views[k].sd * views[l].sd * c
		}
		a := &j.app[i]
		own := views[k].sd * views[k].sd
		for _, w := range a.width {
			out = append(out, WidthContribution{w.Key, share * w.Share * a.sd0 * a.sd0 / own / total})
		}
		if a.unknown > 0 {
			out = append(out, WidthContribution{a.result.ID + ".unknown_facts", share * a.unknown / own / total})
		}
	}
	if r.between > 0 {
		out = append(out, WidthContribution{"disagreement", r.between / total})
	}
	slices.SortStableFunc(out, func(a, b WidthContribution) int {
		return cmp.Or(cmp.Compare(b.Share, a.Share), cmp.Compare(a.Key, b.Key))
	})
	j.out.WidthContributions = out
}

// wants names the facts whose absence widened the range.
func (j *job) wants() {
	if j.legalUnknown > 0 {
		j.missing("legal_state", "法律状态不明", "the legal state is unknown", "查询登记簿或导入法律状态公告")
	}
	if j.asg.ExploitationScenario == "" {
		j.missing("exploitation_scenario", "未说明实施方式", "the exploitation scenario is not stated", "说明自用、许可、防御或出售")
	}
	has := map[string]bool{}
	for _, p := range j.live {
		has["expiry"] = has["expiry"] || p.End().IsZero()
		has["claims"] = has["claims"] || p.Claims == nil
		has["family"] = has["family"] || p.Family == nil
		has["assignees"] = has["assignees"] || p.Assignees == nil
	}
	for _, f := range []struct{ code, zh, en, next string }{
		{"expiry", "申请日不明，剩余寿命不明", "the filing date is unknown, so is the remaining life", "提供申请日"},
		{"claims", "权利要求数不明", "the number of claims is unknown", "提供权利要求书"},
		{"family", "同族情况不明", "the family is unknown", "提供同族信息"},
		{"assignees", "权利人数不明", "the number of assignees is unknown", "提供著录项目"},
	} {
		if has[f.code] {
			j.missing("subject."+f.code, f.zh, f.en, f.next)
		}
	}
	if j.asg.Purpose == terms.PurposePledge && j.ev.SaleChance == nil {
		j.missing("sale_chance", "未提供十二个月内变现概率", "no chance of sale within 12 months was supplied", "由经办机构填写变现概率")
	}
	if j.asg.Encumbered == nil && (j.asg.Purpose == terms.PurposePledge || j.asg.Purpose == terms.PurposeAssignment) {
		j.missing("encumbrance", "质押、许可、保全情况不明", "encumbrances are unknown", "查询登记簿")
	}
	slices.SortStableFunc(j.out.MissingEvidence, func(a, b terms.Note) int { return cmp.Compare(a.Code, b.Code) })
	j.out.MissingEvidence = slices.CompactFunc(j.out.MissingEvidence, func(a, b terms.Note) bool { return a == b })
}

// approachZh names the approaches in Chinese.
var approachZh = map[string]string{
	"market": "市场法", "income": "收益法", "cost": "成本法", "option": "实物期权法", "rank": "分位推断", "renewal": "续费下限",
}
