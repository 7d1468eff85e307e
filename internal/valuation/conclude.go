package valuation

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat/distuv"

	"zhijia/internal/fault"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/valuation/cost"
	"zhijia/internal/valuation/income"
	"zhijia/internal/valuation/indicator"
	"zhijia/internal/valuation/market"
	"zhijia/internal/valuation/option"
	"zhijia/internal/valuation/terms"
)

// approach is one approach on its way into the reconciliation. Three
// opinions of it are kept: with every score, with the model's scores unknown
// (for the cap), and with every score unknown at the middle of its table (for
// the width and the weights, so that no score can narrow the range except by
// being known).
type approach struct {
	result                     ApproachResult
	theta, thetaModel, neutral float64 // ln yuan: with all, without the model's, neutral
	plain                      float64 // ln yuan before scores and the facts of small terms
	sd0                        float64 // log sd with every score known
	weigh                      float64 // log sd that its weight follows, where facts of the subject move sd0; 0: sd0
	unknown                    float64 // further variance for what is unknown
	unscored                   float64 // the same had nobody scored anything
	ask                        *ceiling
	parts                      []part // theta = ln prior median + Σ parts
	width                      []WidthContribution
}

// ceiling is what nobody pays more than, and the figure had it not been known.
type ceiling struct {
	at                         float64 // ln yuan
	sd                         float64 // of prices below it: as for a patent of which no fact is known
	theta, thetaModel, neutral float64
}

// ends are the ends of the approach's own range in ln yuan, half its half width in sd.
func (a *approach) ends(half float64) (low, high float64) {
	low, high = a.theta-half*math.Sqrt(a.sd0*a.sd0+a.unscored), a.theta+half*math.Sqrt(a.sd0*a.sd0+a.unknown)
	if c := a.ask; c != nil {
		low = min(low+c.theta-a.theta, c.at-half*c.sd)
	}
	return low, high
}

// apart is how far two approaches lie from each other before scores and facts of small terms, with the public ask and
// without.
func (a *approach) apart(b *approach) float64 {
	d := math.Abs(a.plain - b.plain)
	for _, c := range []*ceiling{a.ask, b.ask} {
		if c != nil {
			d = max(d, math.Abs(min(a.plain, c.at)-min(b.plain, c.at)))
		}
	}
	return d
}

// job carries one valuation through its steps.
type job struct {
	asg     *Assignment
	ev      *Evidence
	as      *Assumptions
	out     Conclusion
	live    []terms.Patent
	all     []member
	count   float64 // members counted after family discounts
	ind     []terms.IndicatorScore
	sheet   indicator.Result
	z, zOwn *float64 // normal score of the sheet: by all scores, and without the model's
	base    float64  // ln of the market's level, with what the deals did to it
	sale    market.Sale
	led     *Ledger // that the market approach answered from
	level   float64

	rules     PurposeRule
	ownership *BasisFigure // of a licence: the whole right

	licence      float64 // log factor of the right against ownership
	part         float64 // log of the fraction of the right
	app          []approach
	lower        []*approach // of a recoverable amount: those that are not the higher
	legalUnknown int
}

// Conclude values the subject. It is pure and deterministic: the order of
// comparables, patents and scores changes nothing, and equal inputs give
// equal bytes. The error is a *fault.Error that names every malformed field;
// missing evidence is never an error but part of the conclusion.
func Conclude(asg Assignment, ev Evidence, as Assumptions) (Conclusion, error) {
	return ConcludeBy(ModelVersion, asg, ev, as)
}

// ConcludeBy is [Conclude] by the named version of the mathematics, for the
// replay of what was concluded by it. A version this program does not know is
// fault.Unsupported.
func ConcludeBy(model string, asg Assignment, ev Evidence, as Assumptions) (Conclusion, error) {
	j, done, err := begin(model, &asg, &ev, &as)
	if err != nil {
		return Conclusion{}, err
	}
	if done {
		return j.out, nil
	}
	j.scores()
	j.market()
	j.income()
	j.cost()
	j.option()
	j.renewal()
	j.conclude()
	return j.out, nil
}

// begin checks what is asked and opens the conclusion; done says that no approach has anything to add to it.
func begin(model string, asg *Assignment, ev *Evidence, as *Assumptions) (j *job, done bool, err error) {
	if model != ModelVersion {
		return nil, false, fault.New(fault.Unsupported, "model.version", "本程序不含估值模型版本“"+model+"”，请用当时的程序版本重算。", "This program does not have the valuation model "+model+"; replay it with the program of that time.")
	}
	if err := validate(asg, ev); err != nil {
		return nil, false, err
	}
	if l := ev.Ledger; l != nil && !l.Solved.fits(as, asg.Date) {
		return nil, false, errLedger
	}
	j = &job{asg: asg, ev: ev, as: as}
	j.open()
	if j.rules.Basis == terms.BasisDamages { // owed for past acts, also after the right ended
		j.withoutAmount()
		return j, true, nil
	}
	return j, j.dead() || j.abstainEarly(), nil
}

// open fills what is known before any approach.
func (j *job) open() {
	o := &j.out
	o.Status, o.Currency, o.Date, o.DataCutoff, o.Retrieval = Valued, "CNY", j.asg.Date, j.ev.DataCutoff, j.ev.Retrieval
	o.ModelUse = j.ev.ModelUse
	j.rules = j.rule()
	o.Basis, o.Premise, o.Scope = j.rules.Basis, j.rules.Premise, j.rules.Scope
	j.level = cmp.Or(j.asg.Level, 0.80)
	o.Value.Level = j.level
	o.Value.Calibration = "uncalibrated"
	o.Approaches, o.Comparables, o.Excluded = []ApproachResult{}, []ComparableResult{}, []ExcludedDeal{}
	o.Contributions, o.WidthContributions = []Contribution{}, []WidthContribution{}
	o.MissingEvidence, o.Flags, o.Workings = []terms.Note{}, []terms.Flag{}, []terms.Working{}
	for i, p := range [...]int{10, 20, 30, 50} {
		o.PWithin[i].Percent = p
	}
	o.Versions = maps.Clone(j.ev.Versions)
	if o.Versions == nil {
		o.Versions = map[string]string{}
	}
	o.Versions["assumptions"] = j.as.Version
	o.Versions["assumptions_hash"] = j.as.Hash()
	o.Versions["valuation_model"] = ModelVersion
	o.Versions["price_model"] = j.as.Prices.Version
	o.MissingEvidence = append(o.MissingEvidence, j.ev.Missing...)
	j.unreviewed()
	for _, w := range j.ev.Warnings {
		o.Flags = append(o.Flags, terms.Flag{Note: w, Severity: "note"})
	}
	if !j.ev.DataCutoff.IsZero() && !j.ev.DataCutoff.Before(j.asg.Date) {
		j.flag("PIT-01", "review", "数据截止日不早于评估基准日", "the data cut-off is not before the valuation date")
	}
	_, checked := Check(j.asg, j.ev)
	o.Flags = append(o.Flags, checked...)
	j.all, j.live, j.count, j.legalUnknown = j.as.members(j.asg, j.ev)
	j.part = math.Log(cmp.Or(j.asg.RightFraction, 1))
}

// ModelVersion names the mathematics of this package; it changes whenever
// equal inputs would give another value.
const ModelVersion = "valuation/6"

// FlagUnreviewed marks a value that rests on what no second person approved.
const FlagUnreviewed = "UNREVIEWED"

var partZh = map[string]string{"assumptions": "参数或拟合", "space": "向量空间", "impact": "技术影响力模型", "validity": "成交效力判定", "rubric": "评分标准（提示词）"}

func (j *job) unreviewed() {
	if len(j.ev.Unreviewed) == 0 {
		return
	}
	zh := make([]string, len(j.ev.Unreviewed))
	for i, part := range j.ev.Unreviewed {
		zh[i] = cmp.Or(partZh[part], part)
	}
	j.flag(FlagUnreviewed, "review", "未经复核："+strings.Join(zh, "、"), "not approved by a second person: "+strings.Join(j.ev.Unreviewed, ", "))
}

func (j *job) flag(code, severity, zh, en string) {
	j.out.Flags = append(j.out.Flags, terms.NewFlag(code, severity, zh, en))
}

func (j *job) missing(code, zh, en, next string) {
	j.out.MissingEvidence = append(j.out.MissingEvidence, terms.Note{Code: code, Zh: zh, En: en, Next: next})
}

// dead concludes zero when no member of the subject is in force.
func (j *job) dead() bool {
	if len(j.live) > 0 {
		return false
	}
	reason := ""
	for _, m := range j.all {
		if m.reason == "subject.kind_unsupported" {
			return false // not dead: outside the guideline
		}
		reason = cmp.Or(reason, m.reason)
	}
	o := &j.out
	o.Status, o.ReasonCode = Zero, reason
	o.Reason = &terms.Note{Code: reason, Zh: "专利权已失效，价值为零", En: "the right is no longer in force: it is worth nothing for any purpose"}
	zero := 0.0
	o.Value = Estimate{Point: &zero, Level: j.level, Calibration: "certain", Rounded: Rounded{Point: &zero}}
	o.Grade = "A"
	for i := range o.PWithin {
		o.PWithin[i].Chance = 1
	}
	o.Contributions = []Contribution{{Key: "legal_state", Kind: "fact"}}
	for _, m := range j.all {
		if len(j.all) > 1 {
			o.Members = append(o.Members, MemberValue{Number: m.Number, ReasonCode: m.reason})
		}
	}
	o.Workings = []terms.Working{{Key: "value", Unit: "yuan", Formula: "0: " + reason, Source: "专利法 art. 42-44"}}
	j.override(0)
	return true
}

func (j *job) abstain(code, zh, en, next string) {
	o := &j.out
	o.Status, o.ReasonCode = Abstained, code
	o.Reason = &terms.Note{Code: code, Zh: zh, En: en, Next: next}
	o.Grade = ""
	o.Value = Estimate{Level: j.level, Calibration: "none"}
}

// abstainEarly refuses what no approach can value.
func (j *job) abstainEarly() bool {
	for _, l := range j.ev.Legal {
		if l.Contested && slices.ContainsFunc(j.live, func(p terms.Patent) bool { return p.Number == l.Number }) {
			j.abstain("legal.contested", "已被宣告无效，决定尚未生效（可自收到通知之日起三个月内起诉）：不给出金额，作为质押物按零计", "declared invalid by a decision that is not final (a suit is open for three months): no figure, and nothing as collateral", "提供生效判决，或宣告无效决定已被撤销的证明")
			return true
		}
	}
	if len(j.live) == 0 {
		j.abstain("subject.kind_unsupported", "外观设计不在评估范围内", "designs are outside the guideline and are not valued", "换为发明或实用新型专利")
		return true
	}
	for _, p := range j.live {
		if p.Kind != patent.Invention && p.Kind != patent.UtilityModel {
			j.abstain("subject.kind_unknown", "专利类型不明", "the kind of patent is unknown", "提供专利号或专利类型")
			return true
		}
	}
	return false
}

// scores resolves the indicators and the sheet.
func (j *job) scores() {
	var late []string
	j.ind, late = indicator.Canonical(j.ev.Indicators, j.asg.Date)
	for _, c := range late {
		j.flag("PIT-02", "review", "指标 "+c+" 的数据不早于基准日，未采用", "indicator "+c+" is not public before the valuation date and was not used")
	}
	j.sheet = j.as.Sheet.Score(j.asg.Purpose, j.ind, j.as.Grades.Unknown.Value)
	j.out.Indicators = &j.sheet
	j.z, j.zOwn = j.zScore(j.ind), j.zScore(withoutModel(j.ind))
	for _, s := range j.ind {
		if s.Evaluator.ModelScored() && s.Score != nil {
			j.out.Model.Scores++
		}
	}
	if j.sheet.Unknown > j.as.Grades.Unknown.Value {
		j.missing("indicators.unknown", fmt.Sprintf("指标表有 %.0f%% 的权重未评分", 100*j.sheet.Unknown), fmt.Sprintf("%.0f%% of the indicator weight is unscored", 100*j.sheet.Unknown), "补充权利要求书、说明书全文或人工评分")
	}
}

// withoutModel returns the scores with the model's taken out.
func withoutModel(in []terms.IndicatorScore) []terms.IndicatorScore {
	out := make([]terms.IndicatorScore, 0, len(in))
	for _, s := range in {
		if !s.Evaluator.ModelScored() {
			out = append(out, s)
		}
	}
	return out
}

// add records an approach that applies, or why it does not.
func (j *job) add(a approach) {
	if j.legalUnknown > 0 {
		a.unknown += j.as.Market.MissingFeatureVar.Value
		a.unscored += j.as.Market.MissingFeatureVar.Value
	}
	j.app = append(j.app, a)
}

func (j *job) notApplicable(id, method, reason string, w []terms.Working) {
	j.app = append(j.app, approach{result: ApproachResult{ID: id, Method: method, ReasonCode: reason, Workings: w}})
}

// cost runs the cost approach.
func (j *job) cost() {
	age, life := j.ages()
	v, sd, w, reason := cost.Value(j.ev.Cost, &j.as.Cost, age, life)
	if reason != "" {
		j.notApplicable("cost", "", reason, w)
		if reason == "cost.missing" {
			j.missing("cost.facts", "未提供研发或重置成本", "no development or replacement cost given", "提供研发投入、申请费用和贬值因素")
		}
		return
	}
	theta := math.Log(v) + j.part + j.licence
	j.add(approach{
		theta: theta, thetaModel: theta, neutral: theta, plain: theta, sd0: sd,
		parts:  []part{{"cost", "fact", theta - j.base}},
		width:  []WidthContribution{{"cost", 1}},
		result: ApproachResult{ID: "cost", Method: "replacement_cost_less_obsolescence", Applicable: true, Workings: w, Flags: []terms.Flag{terms.NewFlag("COST-FLOOR", "note", "成本法结果只作下限参考", "cost is a floor for young, unpractised patents, never a ceiling")}},
	})
}

// ages are the mean age of the live members at T in years since filing, and
// the legal life that is left, as the income approach takes it; NaN and +Inf
// when unknown.
func (j *job) ages() (age, life float64) {
	n := 0.0
	for _, p := range j.live {
		if p.Filing.IsZero() {
			return math.NaN(), j.incomeSubject().Legal
		}
		age += max(p.Filing.YearsUntil(j.asg.Date), 0)
		n++
	}
	return age / n, j.incomeSubject().Legal
}

// option runs the real-option method when its facts are given.
func (j *job) option() {
	f := j.ev.Option
	if f == nil || f.Project == nil || f.Cost == nil || f.Volatility == nil || f.Years == nil {
		j.notApplicable("option", "", "option.facts_missing", nil)
		return
	}
	mid := func(q *terms.Quantity, def float64) float64 {
		if q == nil {
			return def
		}
		return q.Dist().Quantile(0.5)
	}
	s, x, sigma, t := mid(f.Project, 0), mid(f.Cost, 0), mid(f.Volatility, 0), mid(f.Years, 0)
	r := mid(f.RiskFree, j.as.Discount.RiskFree.Value)
	// No right to develop outlives the patent, and the product's cash flow is
	// protected no longer: what is stated for more years counts for its part.
	if life := income.Life(j.incomeSubject().Legal, math.Inf(1), math.Inf(1), t); life < t {
		s *= terms.AnnuityFactor(r, life) / terms.AnnuityFactor(r, t)
		t = life
	}
	q := 0.0
	if t > 0 {
		q = mid(f.Delay, 1/t)
	}
	if s <= 0 || x <= 0 || t <= 0 {
		j.notApplicable("option", "", "option.not_positive", nil)
		return
	}
	c, d1, d2 := option.BlackScholes(s, x, sigma, t, r, q)
	if !(c > 0) {
		j.notApplicable("option", "black_scholes", "option.worthless", nil)
		return
	}
	// ln value moves with ln project value by the elasticity s·e^(-qt)·Φ(d1)/c.
	elastic := s * math.Exp(-q*t) * distuv.UnitNormal.CDF(d1) / c
	rel := j.as.Income.RevenueSD.Value
	if d := f.Project.Dist(); !d.IsPoint() && d.Quantile(0.1) > 0 {
		rel = math.Log(d.Quantile(0.9)/d.Quantile(0.1)) / (2 * terms.Z10)
	}
	theta := math.Log(c) + j.part + j.licence
	w := []terms.Working{{Key: "S", Value: s, Unit: "yuan"}, {Key: "X", Value: x, Unit: "yuan"}, {Key: "volatility", Value: sigma, Unit: "rate"}, {Key: "years", Value: t, Unit: "years"}, {Key: "cost_of_delay", Value: q, Unit: "rate", Formula: "1/T unless given"}, {Key: "d1", Value: d1, Unit: "ratio"}, {Key: "d2", Value: d2, Unit: "ratio"}, {Key: "value", Value: c, Unit: "yuan", Formula: "S·e^(-qT)·Φ(d1) - X·e^(-rT)·Φ(d2)", Source: "Black, Scholes 1973; Merton 1973"}}
	j.add(approach{
		theta: theta, thetaModel: theta, neutral: theta, plain: theta, sd0: max(elastic*rel, j.as.Option.MinSD.Value),
		parts: []part{{"option", "fact", theta - j.base}}, width: []WidthContribution{{"option", 1}},
		result: ApproachResult{ID: "option", Method: "black_scholes", Applicable: true, Workings: w},
	})
}

// renewal shows the lower bound the paid fees prove; it carries no weight.
func (j *job) renewal() {
	f := j.ev.Fees
	if f == nil || f.PaidThrough < 1 {
		j.notApplicable("renewal", "", "renewal.fees_missing", nil)
		return
	}
	p := &j.as.Renewal
	fees := f.Schedule
	if len(fees) == 0 {
		fees = j.as.Income.Fees[j.live[0].Kind]
	}
	v := income.RenewalBound(f.PaidThrough, p.Decay.Value, p.Rate.Value, fees)
	a := approach{result: ApproachResult{ID: "renewal", Method: "schankerman_pakes_bound", Value: v, ReasonCode: "renewal.lower_bound_only", Workings: []terms.Working{{Key: "lower_bound", Value: v, Unit: "yuan", Formula: "Σ (r - c)/(1+i)^t, r ≥ the last fee paid", Source: "Schankerman, Pakes 1986"}}}}
	j.app = append(j.app, a)
}

// allocate splits the value over the members by family discount.
func (j *job) allocate(value float64) {
	if len(j.all) < 2 {
		return
	}
	weights := make([]int64, len(j.all))
	total := int64(0)
	for i, m := range j.all {
		weights[i] = int64(math.Round(1e6 * m.share))
		total += weights[i]
	}
	fen, err := money.FromYuan(value)
	if err != nil || total == 0 {
		return
	}
	parts, err := fen.Allocate(weights)
	if err != nil {
		return
	}
	for i, m := range j.all {
		j.out.Members = append(j.out.Members, MemberValue{
			Number: m.Number, Value: parts[i].Yuan(), Share: float64(weights[i]) / float64(total), Discount: m.share, ReasonCode: m.reason,
		})
	}
}

func (j *job) override(model float64) {
	o := j.asg.Override
	if o == nil {
		return
	}
	r := &OverrideResult{Override: *o, Model: model, Difference: o.Value - model, InRange: o.Value >= j.out.Value.Low && o.Value <= j.out.Value.High}
	if model > 0 {
		r.Ratio = o.Value / model
	}
	j.out.Override = r
}
