package valuation

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat/distuv"

	"zhijia/internal/calendar"
	"zhijia/internal/money"
	"zhijia/internal/valuation/damages"
	"zhijia/internal/valuation/market"
	"zhijia/internal/valuation/terms"
)

// PurposeRule says which figure answers a purpose: its basis, premise and
// scope, the approaches that are reconciled into it, each with its
// applicability, and whose inputs an income forecast is taken for when nobody
// says. Figures of other bases stand beside it and are never averaged with it.
type PurposeRule struct {
	Basis      terms.Basis        `json:"basis"`
	Premise    terms.Premise      `json:"premise"`
	Scope      terms.Scope        `json:"scope"`
	Approaches map[string]float64 `json:"approaches"` // by family, in (0, 1]; empty: no amount by approaches
	Inputs     terms.Inputs       `json:"income_inputs"`
	Reason     string             `json:"reason"`
	Source     string             `json:"source"`
	Provenance string             `json:"provenance"`
}

func (r PurposeRule) check() error {
	switch {
	case !slices.Contains(terms.Bases[:], r.Basis) || !slices.Contains(terms.Premises[:], r.Premise) || r.Scope == "":
		return fmt.Errorf("want a basis, a premise and a scope")
	case !slices.Contains(terms.AllInputs[:], r.Inputs):
		return fmt.Errorf("income_inputs %q: want one of %v", r.Inputs, terms.AllInputs)
	case r.Source == "" || r.Reason == "":
		return fmt.Errorf("want a reason and a source")
	}
	for id, a := range r.Approaches {
		if !(a > 0 && a <= 1) {
			return fmt.Errorf("approach %s: %v is outside (0, 1]", id, a)
		}
	}
	return nil
}

// BasisFigure is one figure beside others: four words say what it is (basis,
// premise, scope, approach). Money is yuan.
type BasisFigure struct {
	Basis    terms.Basis   `json:"basis"`
	Premise  terms.Premise `json:"premise"`
	Scope    terms.Scope   `json:"scope"`
	Approach string        `json:"approach"`         // ids, joined by + when several are reconciled
	Market   market.Sale   `json:"market,omitempty"` // of a figure that is a price
	Value    float64       `json:"value"`            // median
	Low      float64       `json:"low"`
	High     float64       `json:"high"`
	Headline bool          `json:"headline"`
	IfSold   bool          `json:"if_sold"`
	Zh       string        `json:"zh"` // how it differs from the headline
	En       string        `json:"en"`
}

// rule is the purpose's, with basis and premise as asked for.
func (j *job) rule() PurposeRule {
	r := j.as.Purposes[j.asg.Purpose]
	if b := j.asg.Basis; b != "" && b != r.Basis {
		r.Basis = b
		r.Approaches = map[terms.Basis]map[string]float64{
			terms.BasisMarket: {"market": 1, "income": 1}, terms.BasisFair: {"market": 1, "income": 1}, terms.BasisRecoverable: {"market": 1, "income": 1},
			terms.BasisLiquidation: {"market": 1}, terms.BasisInUse: {"income": 1}, terms.BasisInvestment: {"income": 1}, terms.BasisContract: {"income": 1},
		}[b]
	}
	if j.asg.Premise != "" {
		r.Premise = j.asg.Premise
	}
	return r
}

// family is the approach that a method belongs to.
func family(id string) string {
	id, _, _ = strings.Cut(id, ".")
	return id
}

// basisOf is the basis of an approach's figure under a headline; "" when the
// approach is information and no figure on any basis.
func (j *job) basisOf(id string, headline terms.Basis) terms.Basis {
	switch family(id) {
	case "market":
		if headline == terms.BasisFair || headline == terms.BasisLiquidation || headline == terms.BasisRecoverable {
			return headline
		}
		return terms.BasisMarket
	case "income":
		switch j.inputs() {
		case terms.InputsMarket:
			if headline == terms.BasisFair {
				return headline
			}
			return terms.BasisMarket
		case terms.InputsBuyer:
			return terms.BasisInvestment
		case terms.InputsContract:
			return terms.BasisContract
		}
		if headline == terms.BasisRecoverable {
			return headline
		}
		return terms.BasisInUse
	case "option":
		return terms.BasisInvestment
	}
	return ""
}

// inputs says whose expectations the income facts state.
func (j *job) inputs() terms.Inputs {
	if f := j.ev.Income; f != nil && f.Inputs != "" {
		return f.Inputs
	}
	return j.as.Purposes[j.asg.Purpose].Inputs
}

// doubtInputs flags a forecast that nobody says is whose, where the purpose
// takes it for more than the owner's own plans.
func (j *job) doubtInputs() {
	f, taken := j.ev.Income, j.inputs()
	if f == nil || taken == terms.InputsOwner {
		return
	}
	if f.Inputs != "" {
		if j.asg.Purpose == terms.PurposePledge && taken == terms.InputsMarket {
			j.flag("INC-STATED", "review", "收益资料被声明为市场参与者的预期，因而计入质押的市场价值；请核对依据，权利人自身的预测不应如此声明", "the income facts are declared to be market participants' and so enter the market value of a pledge: check what they rest on; the owner's own plans must not be declared so")
		}
		return
	}
	zh := map[terms.Inputs]string{terms.InputsMarket: "市场参与者的预期", terms.InputsContract: "许可合同约定的金额"}[taken]
	j.flag("INC-INPUTS", "review", "未说明收益资料的口径，按"+zh+"采用，请核对依据", "nobody says whose expectations the income facts state: they are taken for the "+string(taken)+"'s; check what they rest on")
}

// answering marks every approach with its basis and returns those that are
// reconciled into the headline.
func (j *job) answering() (in []int) {
	for i := range j.app {
		r := &j.app[i].result
		r.Basis = j.basisOf(r.ID, j.rules.Basis)
		if !r.Applicable || j.app[i].sd0 <= 0 {
			continue
		}
		if r.Basis == "" {
			r.Applicable, r.ReasonCode = false, "purpose.not_applicable"
			continue
		}
		if a := j.rules.Approaches[family(r.ID)]; r.Basis == j.rules.Basis && a > 0 {
			r.Applicability = a
			in = append(in, i)
		}
	}
	if j.rules.Basis == terms.BasisRecoverable {
		return j.recoverable(in)
	}
	return in
}

// recoverable keeps the higher of fair value less the costs of disposal and
// value in use.
func (j *job) recoverable(in []int) []int {
	best, without, neutral := -1, math.Inf(-1), math.Inf(-1)
	for _, i := range in {
		a := &j.app[i]
		if family(a.result.ID) == "market" {
			d := math.Log(1 - j.as.Lending.DisposalShare.Value)
			a.theta, a.thetaModel, a.neutral, a.plain = a.theta+d, a.thetaModel+d, a.neutral+d, a.plain+d
			if c := a.ask; c != nil {
				a.ask = &ceiling{c.at + d, c.sd, c.theta + d, c.thetaModel + d, c.neutral + d}
			}
			a.parts = append(a.parts, part{"disposal_costs", "rule", d})
		}
		if best < 0 || a.theta > j.app[best].theta {
			best = i
		}
		without, neutral = max(without, a.thetaModel), max(neutral, a.neutral)
	}
	if best < 0 {
		return nil
	}
	// Which of the two is higher without the model's scores may differ.
	j.app[best].thetaModel, j.app[best].neutral = without, neutral
	for _, i := range in {
		if i != best {
			j.lower = append(j.lower, &j.app[i])
		}
	}
	return []int{best}
}

// withoutAmount concludes where no approach answers the purpose: damages, a
// grade, or the reason why there is no figure. Other bases stand beside it.
func (j *job) withoutAmount() {
	o := &j.out
	j.results(nil, nil)
	switch {
	case j.asg.Purpose == terms.PurposeManagement:
		o.Status, o.Grade = Graded, ""
		if !j.sheet.Withheld {
			o.Grade = j.sheet.Grade
		}
		o.Reason = &terms.Note{Code: "purpose.graded", Zh: "分级管理只按指标评级，不给金额", En: "for management the indicators give a grade and no amount"}
		o.ReasonCode = o.Reason.Code
		o.Value = Estimate{Level: j.level, Calibration: "none"}
		for i := range o.Approaches {
			o.Approaches[i] = ApproachResult{ID: o.Approaches[i].ID, Method: o.Approaches[i].Method, ReasonCode: "purpose.not_applicable"}
		}
		o.Markets, o.Comparables, o.Workings = nil, []ComparableResult{}, []terms.Working{}
	case j.rules.Basis == terms.BasisDamages:
		j.damages()
	case j.worthless():
		o.Status, o.ReasonCode = Zero, "income.none"
		o.Reason = &terms.Note{Code: o.ReasonCode, Zh: "按所给资料，净收益现值为零", En: "on the facts given the income is worth nothing", Next: "核对收入、许可费率与成本"}
		zero := 0.0
		o.Value = Estimate{Point: &zero, Level: j.level, Calibration: "uncalibrated", Rounded: Rounded{Point: &zero}}
	default:
		note := map[terms.Basis]terms.Note{
			terms.BasisContract:   {Code: "contract.missing", Zh: "未提供许可合同的现金流，不给出金额；市场价值与清算价值仅作支持", En: "no cash flow of licence contracts was given: no figure; market and liquidation value are support", Next: "提供许可合同的金额、期限与付款日程"},
			terms.BasisInUse:      {Code: "income.missing", Zh: "未提供权利人自身的收入预测，无法给出在用价值", En: "no forecast of the owner's was given, so there is no value in use", Next: "提供产品收入、增长率和许可费率或行业"},
			terms.BasisInvestment: {Code: "buyer.missing", Zh: "未提供特定买方的收入预测，无法给出投资价值", En: "no forecast of a named buyer was given, so there is no investment value", Next: "提供买方的收入预测及其依据"},
		}[j.rules.Basis]
		if note.Code == "" {
			note = terms.Note{Code: "approaches.none", Zh: "没有可用的方法", En: "no approach applies", Next: "补充估值所需资料"}
		}
		j.abstain(note.Code, note.Zh, note.En, note.Next)
	}
	if o.Status != Graded {
		j.bases(nil)
	}
	j.override(o.Value.Median)
	j.wants()
}

// worthless reports whether the facts for the headline say that nothing comes
// in.
func (j *job) worthless() bool {
	return slices.ContainsFunc(j.app, func(a approach) bool {
		return a.result.Applicable && a.sd0 == 0 && a.result.Basis == j.rules.Basis && j.rules.Approaches[family(a.result.ID)] > 0
	})
}

// damages answers the purpose of infringement by the law's order.
func (j *job) damages() {
	o := &j.out
	f := j.ev.Damages
	if f == nil {
		f = &damages.Facts{}
	}
	p := j.asg.Subject[0]
	a := j.as.Damages.Of(f, p.Grant, j.endOf(p))
	o.Workings = append(o.Workings, a.Workings...)
	o.Markets = nil
	if a.UnknownPeriod {
		j.missing("damages.period", "未说明侵权行为的起止日期，按全部发生在权利有效期间、适用现行法计算", "when the acts were is not stated: they are taken to lie in the time in force, under the present law", "提供侵权行为的起止日期")
	}
	if a.OldLaw {
		j.flag("DMG-LAW", "note", "侵权行为发生在 2021年6月1日之前，适用修改前的专利法", "the acts lie before 2021-06-01: the law before the amendment applies")
	}
	if a.MultiplierRefused || a.MultiplierOfOldLaw {
		j.flag("DMG-PUN", "review", "惩罚性倍数须为故意且情节严重，并只适用于 2021年6月1日起的行为；未计入", "a punitive multiple needs a wilful and grave act on or after 2021-06-01; it was not counted")
	}
	if m := j.as.Damages.MaxMultiplier.Value; terms.ValueOr(f.Multiplier, 1) > m && a.Multiplier == m {
		j.flag("DMG-MAX", "review", fmt.Sprintf("惩罚性倍数最高为 %g 倍（专利法第七十一条），超出部分未计入", m), fmt.Sprintf("the law ends at %g times (patent law, art. 71): what was asked for beyond was not counted", m))
	}
	zero := 0.0
	v := Estimate{Level: j.level, Calibration: "none"}
	switch {
	case a.Outside:
		o.Status, o.ReasonCode = Zero, "damages.outside"
		o.Reason = &terms.Note{Code: o.ReasonCode, Zh: "侵权行为均不在权利有效期间，无赔偿", En: "no act lies in the time in force: nothing is awarded"}
		v.Point, v.Rounded.Point = &zero, &zero
	case a.Point == nil:
		o.Status, o.ReasonCode = RangeOnly, "damages.statutory"
		o.Reason = &terms.Note{Code: o.ReasonCode, Zh: "损失、获利与许可费均未提供，只能列出法定赔偿幅度，由法院酌定", En: "neither loss, gain nor licence fee is known: only the statutory limits, within which the court decides", Next: "提供实际损失、侵权获利或可参照的许可使用费"}
		v.Low, v.High = a.Low, a.High
		v.Median = math.Sqrt(a.Low * a.High) // the middle of the axis on which it is drawn; nothing says the court ends there
	default:
		v.Point, v.Median, v.Low, v.High = a.Point, *a.Point, a.Low, a.High
	}
	g := &j.as.Grades
	v.LowerBound = v.Low
	v.Rounded.Low, v.Rounded.High = money.Round(v.Low, g.Ends), money.Round(v.High, g.Ends)
	if v.Point != nil {
		x := money.Round(*v.Point, g.Point)
		v.Rounded.Point = &x
	}
	o.Value = v
	o.Contributions = []Contribution{{Key: "damages." + a.By, Kind: "rule", Yuan: v.Median}}
	if a.By == "" {
		o.Contributions[0].Key = "damages"
	}
	o.WidthContributions = []WidthContribution{{o.Contributions[0].Key, 1}}
}

// endOf is the day a patent's right ended or ends; zero when unknown.
func (j *job) endOf(p terms.Patent) calendar.Date {
	end := p.End()
	for _, l := range j.ev.Legal {
		if l.Number == p.Number && l.State == Dead && !l.Since.IsZero() && (end.IsZero() || l.Since.Before(end)) {
			end = l.Since
		}
	}
	return end
}

// net turns the headline of a liquidation into what is left after the costs
// of the sale.
func (j *job) net() {
	if j.rules.Basis != terms.BasisLiquidation {
		return
	}
	o, r, g := &j.out, &j.as.Lending, &j.as.Grades
	v := &o.Value
	gross := v.Median
	v.Median, v.Low, v.High, v.LowerBound = r.net(gross), r.net(v.Low), r.net(v.High), r.net(v.LowerBound)
	v.Rounded.Low, v.Rounded.High = money.Round(v.Low, g.Ends), money.Round(v.High, g.Ends)
	if v.Point != nil {
		point, rounded := v.Median, money.Round(v.Median, g.Point)
		v.Point, v.Rounded.Point = &point, &rounded
	}
	o.Contributions = append(o.Contributions, Contribution{Key: "disposal_costs", Kind: "rule", Yuan: v.Median - gross})
	if v.Median == 0 && o.Status == Valued {
		o.Status, o.ReasonCode = Zero, "liquidation.costs"
		o.Reason = &terms.Note{Code: o.ReasonCode, Zh: "处置费用不低于预计变现金额，清算价值为零", En: "the costs of the sale exceed what it brings: the liquidation value is zero"}
	}
}

// bases lists the figures that stand side by side, the headline first.
func (j *job) bases(in []int) {
	o := &j.out
	add := func(f BasisFigure) { o.Bases = append(o.Bases, f) }
	if o.Status == Valued || o.Status == RangeOnly || o.Status == Zero {
		var ids []string
		for _, i := range in {
			ids = append(ids, j.app[i].result.ID)
		}
		f := BasisFigure{
			Basis: o.Basis, Premise: o.Premise, Scope: o.Scope, Approach: strings.Join(ids, "+"), Value: o.Value.Median, Low: o.Value.Low, High: o.Value.High, Headline: true,
			Zh: "本次估值目的对应的金额", En: "the figure that answers the purpose",
		}
		if slices.Contains(ids, "market") {
			f.Market, f.IfSold = j.headline(), true
		}
		add(f)
	}
	headline := func(basis terms.Basis, s market.Sale) bool {
		return len(o.Bases) > 0 && o.Bases[0].Headline && o.Bases[0].Basis == basis && o.Bases[0].Market == s && o.Bases[0].Approach == "market"
	}
	for _, m := range o.Markets {
		f := BasisFigure{Basis: terms.BasisMarket, Premise: terms.PremiseOrderly, Scope: terms.ScopeBare, Approach: "market", Market: m.Market, Value: m.Median, Low: m.Low, High: m.High, IfSold: true}
		switch m.Market {
		case market.Private:
			f.Zh, f.En = "如以裸权利私下转让", "if the bare right is sold in private"
		case market.Distress:
			r := &j.as.Lending
			f.Basis, f.Premise, f.Value, f.Low, f.High = terms.BasisLiquidation, terms.PremiseForced, r.net(m.Median), r.net(m.Low), r.net(m.High)
			f.Zh, f.En = "如被强制处置，已扣除处置费用；依据三宗破产整体拍卖，n = 3", "if sold by force, net of the costs of the sale; from three bulk sales in bankruptcies, n = 3"
		case market.Showcase:
			f.Scope, f.Zh, f.En = terms.ScopeSupported, "如在展示交易中成交，通常含技术支持，不是裸权利的价格", "if sold at a showcase, mostly with support: no price of the bare right"
		case market.Corporate:
			f.Scope, f.Zh, f.En = terms.ScopeSupported, "如随企业并购成交，含业务与团队，不是裸权利的价格", "if sold with a business: no price of the bare right"
		default:
			f.Zh, f.En = "如依裁判成交", "if sold by a judgment"
		}
		if j.asg.Purpose == terms.PurposeLicence && f.Scope == terms.ScopeBare {
			f.Scope = terms.ScopeUse
		}
		if !headline(f.Basis, f.Market) {
			add(f)
		}
	}
	if j.ownership != nil {
		add(*j.ownership)
	}
	words := map[terms.Basis][2]string{
		terms.BasisMarket:     {"按市场参与者的输入值折现收益", "income by market participants' inputs"},
		terms.BasisFair:       {"按市场参与者的输入值折现收益", "income by market participants' inputs"},
		terms.BasisInUse:      {"按权利人自身的收入预测，是继续使用的收益，不是出售所得", "by the owner's own plans: what continued use earns, not what a sale brings"},
		terms.BasisInvestment: {"对特定买方的价值，不是一般市场的价格", "to a named buyer: no price of the general market"},
		terms.BasisContract:   {"许可合同约定的现金流", "the cash flow that licence contracts promise"},
	}
	for i := range j.app {
		r := &j.app[i].result
		if family(r.ID) != "income" && family(r.ID) != "option" || !r.Applicable || slices.Contains(in, i) && len(in) == 1 {
			continue
		}
		basis := r.Basis
		if basis == terms.BasisRecoverable {
			basis = terms.BasisInUse
		}
		f := BasisFigure{Basis: basis, Premise: terms.PremiseContinuedUse, Scope: o.Scope, Approach: r.ID, Zh: words[basis][0], En: words[basis][1]}
		if basis == terms.BasisMarket || basis == terms.BasisFair || basis == terms.BasisContract {
			f.Premise = o.Premise
		}
		if a := &j.app[i]; a.sd0 > 0 {
			low, high := a.ends(distuv.UnitNormal.Quantile((1 + j.level) / 2))
			f.Value, f.Low, f.High = math.Exp(a.theta), math.Exp(low), math.Exp(high)
		}
		add(f)
	}
}
