package pool

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"zhijia/internal/money"
)

// Answer is the outcome of a rule test.
type Answer string

// The answers. There is no silent pass: what cannot be decided is unknown and
// names what is missing.
const (
	Pass   Answer = "pass"
	Fail   Answer = "fail"
	Waived Answer = "waived"
	Unsure Answer = "unknown"
)

// Zh returns the answer as an arranger reads it.
func (a Answer) Zh() string {
	switch a {
	case Pass:
		return "通过"
	case Fail:
		return "不通过"
	case Waived:
		return "豁免"
	}
	return "无法判断"
}

// Rule is one test of the rule set: its thresholds and where they stand.
type Rule struct {
	ID      string  `json:"id"`
	Zh      string  `json:"zh"`
	En      string  `json:"en"`
	Cite    string  `json:"cite"`
	Note    string  `json:"note"`
	Classes []Class `json:"classes"`
	Limit   float64 `json:"limit,omitempty"` // the threshold, in Unit
	Unit    string  `json:"unit,omitempty"`

	// Further thresholds of single rules, 0 elsewhere.
	BusinessShare  float64 `json:"business_share,omitempty"`  // online small loans: of one business loan; Limit is of one consumer loan
	ConsumerYuan   float64 `json:"consumer_yuan,omitempty"`   // online small loans: amount of one consumer loan
	GroupShare     float64 `json:"group_share,omitempty"`     // important providers: of a group of affiliates; Limit is of one alone
	WeakShare      float64 `json:"weak_share,omitempty"`      // important providers: above which weak credit fails
	EnhancedMonths float64 `json:"enhanced_months,omitempty"` // collection cycle with enhancement; Limit is without

	Waivable bool `json:"waivable,omitempty"` // with sound originator and effective enhancement, on evidence
}

// RuleSet is a versioned list of rules.
type RuleSet struct {
	Version    string `json:"version"`
	Reviewed   string `json:"reviewed"`
	Provenance string `json:"provenance"`
	Rules      []Rule `json:"rules"`
}

//go:embed rules.json
var rulesJSON []byte

// Rules is the rule set the binary ships.
var Rules = sync.OnceValue(func() RuleSet {
	var s RuleSet
	if err := json.Unmarshal(rulesJSON, &s); err != nil {
		panic(err) // the embedded file is broken: a build defect
	}
	return s
})

// Result is the answer to one rule.
type Result struct {
	Rule     string   `json:"rule"`
	Name     string   `json:"name"` // Chinese
	Answer   Answer   `json:"answer"`
	Measured *float64 `json:"measured"` // in the rule's unit; null when not a number
	Limit    float64  `json:"limit,omitempty"`
	Unit     string   `json:"unit,omitempty"`
	Why      string   `json:"why"`                // Chinese
	Missing  []string `json:"missing,omitempty"`  // fields that would decide it
	Evidence string   `json:"evidence,omitempty"` // of a waiver
	Cite     string   `json:"cite"`
}

// Skipped is a rule that does not apply, and why.
type Skipped struct {
	Rule string `json:"rule"`
	Name string `json:"name"`
	Why  string `json:"why"`
}

// Report is every rule's answer.
type Report struct {
	Version       string    `json:"rules_version"`
	Passes        bool      `json:"passes"` // nothing fails and nothing is unknown
	Results       []Result  `json:"results"`
	NotApplicable []Skipped `json:"not_applicable"`
}

func (r Report) byRule() map[string]Result {
	m := make(map[string]Result, len(r.Results))
	for _, x := range r.Results {
		m[x.Rule] = x
	}
	return m
}

// Count returns how many results have the answer.
func (r Report) Count(a Answer) int {
	n := 0
	for _, x := range r.Results {
		if x.Answer == a {
			n++
		}
	}
	return n
}

// finding is what a test function returns before waivers are applied.
type finding struct {
	answer   Answer
	measured *float64
	why      string
	missing  []string
	skip     string // why the rule does not apply
}

// Test runs every rule on the deal, affiliates merged first.
func (d *Deal) Test() Report {
	set := Rules()
	rep := Report{Version: set.Version, Passes: true}
	p := facts{d: d, total: d.Total(), groups: d.groups()}
	for _, r := range set.Rules {
		if !slices.Contains(r.Classes, d.Class) {
			rep.NotApplicable = append(rep.NotApplicable, Skipped{r.ID, r.Zh, "不适用于" + d.Class.Zh()})
			continue
		}
		f := tests[r.ID](&p, r)
		if f.skip != "" {
			rep.NotApplicable = append(rep.NotApplicable, Skipped{r.ID, r.Zh, f.skip})
			continue
		}
		res := Result{
			Rule: r.ID, Name: r.Zh, Answer: f.answer, Measured: f.measured, Limit: r.Limit, Unit: r.Unit,
			Why: f.why, Missing: f.missing, Cite: r.Cite,
		}
		if res.Answer == Fail && r.Waivable {
			d.waive(&res)
		}
		if res.Answer == Fail || res.Answer == Unsure {
			rep.Passes = false
		}
		rep.Results = append(rep.Results, res)
	}
	return rep
}

// waive turns a fail into a recorded waiver when the conditions and the
// evidence are there.
func (d *Deal) waive(r *Result) {
	i := slices.IndexFunc(d.Waivers, func(w Waiver) bool { return w.Rule == r.Rule })
	if i < 0 {
		return
	}
	switch {
	case strings.TrimSpace(d.Waivers[i].Evidence) == "":
		r.Why += "；豁免无效：未附证据"
	case r.Rule != "risk_retention" && d.Facts.OriginatorSound != Yes:
		r.Why += "；豁免无效：未确认原始权益人资信良好"
	case !d.enhanced():
		r.Why += "；豁免无效：无有效增信（需注明增信文件）"
	default:
		r.Answer, r.Evidence = Waived, d.Waivers[i].Evidence
		r.Why += "；已豁免，依据见证据"
	}
}

// enhanced reports an external enhancement with a document behind it.
func (d *Deal) enhanced() bool {
	return slices.ContainsFunc(d.Structure.Supports, func(s Support) bool { return strings.TrimSpace(s.Evidence) != "" })
}

// facts are computed once for all rules.
type facts struct {
	d      *Deal
	total  money.Fen
	groups []group
}

// over reports part > limit·total, exact to the fen.
func over(part, total money.Fen, limit float64) bool { return part > total.MulRate(limit) }

func (p *facts) share(x money.Fen) *float64 {
	if p.total == 0 {
		return nil
	}
	s := float64(x) / float64(p.total)
	return &s
}

func verdict(ok bool, measured *float64, format string, args ...any) finding {
	f := finding{answer: Fail, measured: measured, why: fmt.Sprintf(format, args...)}
	if ok {
		f.answer = Pass
	}
	return f
}

func missing(why string, fields ...string) finding {
	return finding{answer: Unsure, why: why, missing: fields}
}

// need answers from one fact: want passes, the opposite fails, unknown says so.
func need(f, want Fact, field, zh string) finding {
	switch f {
	case want:
		return finding{answer: Pass, why: zh + "：符合"}
	case Unknown:
		return missing(zh+"：资料缺失", field)
	}
	return finding{answer: Fail, why: zh + "：不符合"}
}

// eachAsset fails when one asset fails, else is unknown when one is unknown.
func (p *facts) eachAsset(field, zh string, fact func(*Asset) Fact) finding {
	var bad, open []string
	for i := range p.d.Assets {
		a := &p.d.Assets[i]
		switch fact(a) {
		case No:
			bad = append(bad, a.ID)
		case Unknown:
			open = append(open, "assets["+a.ID+"]."+field)
		}
	}
	switch {
	case len(bad) > 0:
		return finding{answer: Fail, why: fmt.Sprintf("%s：%d笔不符合（%s）", zh, len(bad), some(bad))}
	case len(open) > 0:
		return missing(fmt.Sprintf("%s：%d笔资料缺失", zh, len(open)), open...)
	}
	return finding{answer: Pass, why: fmt.Sprintf("%s：全部%d笔符合", zh, len(p.d.Assets))}
}

func some(ids []string) string {
	if len(ids) > 5 {
		return strings.Join(ids[:5], "、") + "等"
	}
	return strings.Join(ids, "、")
}

var tests = map[string]func(*facts, Rule) finding{
	"ip_label":           ipLabel,
	"obligor_count":      obligorCount,
	"single_obligor":     singleObligor,
	"lease_top5":         leaseTop5,
	"online_small_loan":  onlineSmallLoan,
	"related_party":      relatedParty,
	"important_provider": importantProvider,
	"neg_dishonest":      dishonestProvider,
	"risk_retention": func(p *facts, r Rule) finding {
		if p.d.Structure.Retained == nil {
			return missing("自留比例未知", "structure.retained")
		}
		v := *p.d.Structure.Retained
		return verdict(v >= r.Limit-1e-12, &v, "自持比例%.2f%%，要求不低于%.0f%%", v*100, r.Limit*100)
	},
	"asset_performed": func(p *facts, r Rule) finding {
		return p.eachAsset("performed", r.Zh, func(a *Asset) Fact { return a.Performed })
	},
	"asset_no_defence": func(p *facts, r Rule) finding {
		return p.eachAsset("no_defence", r.Zh, func(a *Asset) Fact { return a.NoDefence })
	},
	"asset_whole": func(p *facts, r Rule) finding {
		return p.eachAsset("whole_contract", r.Zh, func(a *Asset) Fact { return a.Whole })
	},
	"asset_overdue": func(p *facts, r Rule) finding {
		return p.eachAsset("overdue_days", r.Zh, func(a *Asset) Fact {
			switch {
			case a.Overdue == nil:
				return Unknown
			case *a.Overdue > 0:
				return No
			}
			return Yes
		})
	},
	"obligor_record": func(p *facts, r Rule) finding {
		return p.eachAsset("obligor.bad_record", r.Zh, func(a *Asset) Fact {
			o, _ := p.d.obligor(a.Obligor)
			switch o.BadRecord {
			case Yes:
				return No
			case No:
				return Yes
			}
			return Unknown
		})
	},
	"originator_years": func(p *facts, r Rule) finding {
		y := p.d.Facts.OriginatorYears
		if y == nil {
			return missing("原始权益人经营年限未知", "facts.originator_years")
		}
		return verdict(*y >= r.Limit, y, "正式运营%.1f年，要求满%.0f年", *y, r.Limit)
	},
	"originator_strength": func(p *facts, r Rule) finding {
		n, ok := p.d.Facts.OriginatorNetAssets, p.d.Facts.OriginatorProfitable
		if n != nil && n.Yuan() <= r.Limit || ok == No {
			return finding{answer: Fail, why: "净资产未超过2亿元或最近一年未盈利"}
		}
		if n == nil {
			return missing("净资产未知", "facts.originator_net_assets")
		}
		if ok == Unknown {
			return missing("最近一年盈利情况未知", "facts.originator_profitable")
		}
		v := n.Yuan()
		return finding{answer: Pass, measured: &v, why: "净资产" + money.Zh(v, 4) + "，最近一年盈利"}
	},
	"cash_route":   cashRoute,
	"cash_cycle":   cashCycle,
	"reinvestment": reinvestment,
	"forecast":     forecast,
	"stress_report": func(p *facts, _ Rule) finding {
		want := []string{"default", "recovery", "yield"}
		if p.d.Structure.Revolving != nil {
			want = append(want, "revolving")
		}
		if p.d.Facts.StressDimensions == nil {
			return missing("未提供压力测试", "facts.stress_dimensions")
		}
		for _, w := range want {
			if !slices.Contains(p.d.Facts.StressDimensions, w) {
				return finding{answer: Fail, why: "压力测试缺少维度：" + w}
			}
		}
		return need(p.d.Facts.StressCoverage, Yes, "facts.stress_coverage", "列示各期覆盖倍数")
	},
	"forecast_waiver": forecastWaiver,
	"shelf":           shelfRule,
	"N5": func(p *facts, r Rule) finding {
		return need(p.d.Facts.DisposalOnly, No, "facts.disposal_only", "不依托处置资产即可产生现金流")
	},
	"neg_uncertain": func(p *facts, r Rule) finding {
		return need(p.d.Facts.UncertainCash, No, "facts.uncertain_cash", "现金流金额与时点确定")
	},
	"neg_mixed": func(p *facts, r Rule) finding {
		return need(p.d.Facts.MixedUnrelated, No, "facts.mixed_unrelated", "资产类型一致或相关")
	},
	"ip_rights": ipRights,
}

// ipLabel: by cash flow at SSE, by principal at SZSE, or by use of proceeds.
// Assets of unknown origin decide only when the answer is the same either way.
func ipLabel(p *facts, r Rule) finding {
	var yes, open, all float64
	var fields []string
	for i := range p.d.Assets {
		a := &p.d.Assets[i]
		w := float64(a.Principal)
		if p.d.Venue == SSE {
			w = 0
			for _, due := range a.Dues(p.d.CutOff) {
				w += float64(due.Principal + due.Interest)
			}
		}
		all += w
		switch a.IPFormed {
		case Yes:
			yes += w
		case Unknown:
			open += w
			fields = append(fields, "assets["+a.ID+"].ip_formed")
		}
	}
	low, high := yes/all, (yes+open)/all
	proceeds := p.d.Facts.ProceedsToIP
	const eps = 1e-12
	switch {
	case low >= r.Limit-eps:
		return verdict(true, &low, "知识产权相关占比%.1f%%，要求不低于%.0f%%", low*100, r.Limit*100)
	case proceeds != nil && *proceeds >= r.Limit-eps:
		return verdict(true, proceeds, "募集资金用于取得知识产权%.1f%%，要求不低于%.0f%%", *proceeds*100, r.Limit*100)
	case high >= r.Limit-eps:
		return missing(fmt.Sprintf("知识产权相关占比在%.1f%%与%.1f%%之间，无法判断", low*100, high*100), fields...)
	case proceeds == nil:
		f := missing(fmt.Sprintf("知识产权相关占比至多%.1f%%，募集资金用途未知", high*100), "facts.proceeds_to_ip")
		f.measured = &high
		return f
	}
	return verdict(false, &high, "知识产权相关占比至多%.1f%%，募集资金用于取得知识产权%.1f%%，均低于%.0f%%", high*100, *proceeds*100, r.Limit*100)
}

func obligorCount(p *facts, r Rule) finding {
	n := float64(len(p.groups))
	return verdict(n >= r.Limit, &n, "合并关联方后%d户，要求至少%.0f户", len(p.groups), r.Limit)
}

func singleObligor(p *facts, r Rule) finding {
	g := p.groups[0]
	return verdict(!over(g.principal, p.total, r.Limit), p.share(g.principal), "最大债务人%s占%.2f%%，上限%.0f%%", g.name, *p.share(g.principal)*100, r.Limit*100)
}

func leaseTop5(p *facts, r Rule) finding {
	var sum money.Fen
	for _, g := range p.groups[:min(5, len(p.groups))] {
		sum += g.principal
	}
	return verdict(!over(sum, p.total, r.Limit), p.share(sum), "前五大占%.2f%%，上限%.0f%%", *p.share(sum)*100, r.Limit*100)
}

func onlineSmallLoan(p *facts, r Rule) finding {
	var bad, open []string
	for i := range p.d.Assets {
		a := &p.d.Assets[i]
		switch {
		case a.Online == Unknown:
			open = append(open, "assets["+a.ID+"].online")
		case a.Online == No:
		case a.Consumer == Unknown:
			open = append(open, "assets["+a.ID+"].consumer")
		case a.Consumer == Yes && (over(a.Principal, p.total, r.Limit) || a.Principal.Yuan() > r.ConsumerYuan):
			bad = append(bad, a.ID)
		case a.Consumer == No && over(a.Principal, p.total, r.BusinessShare):
			bad = append(bad, a.ID)
		}
	}
	switch {
	case len(bad) > 0:
		return verdict(false, nil, "网络贷款超过单笔上限：%s", some(bad))
	case len(open) > 0:
		return missing("是否网络贷款或用途未知", open...)
	}
	return verdict(true, nil, "无超限的网络贷款")
}

func relatedParty(p *facts, r Rule) finding {
	var yes, open money.Fen
	var fields []string
	for _, a := range p.d.Assets {
		o, _ := p.d.obligor(a.Obligor)
		switch o.Related {
		case Yes:
			yes += a.Principal
		case Unknown:
			open += a.Principal
			fields = append(fields, "obligors["+o.ID+"].related")
		}
	}
	switch {
	case over(yes, p.total, r.Limit):
		f := need(p.d.Facts.RelatedDisclosed, Yes, "facts.related_disclosed", fmt.Sprintf("关联方占比%.2f%%，超过%.0f%%，专项披露", *p.share(yes)*100, r.Limit*100))
		f.measured = p.share(yes)
		return f
	case over(yes+open, p.total, r.Limit):
		return missing("部分债务人关联关系未知", fields...)
	}
	return verdict(true, p.share(yes), "关联方占比%.2f%%，不超过%.0f%%", *p.share(yes)*100, r.Limit*100)
}

// important lists the groups that are important cash-flow providers.
func (p *facts) important(r Rule) (out []group) {
	for _, g := range p.groups {
		limit := r.Limit
		if g.members > 1 {
			limit = r.GroupShare
		}
		alone := false
		if g.members > 1 { // one member may be important alone
			by := map[string]money.Fen{}
			for _, a := range p.d.Assets {
				by[a.Obligor] += a.Principal
			}
			for _, id := range g.ids {
				alone = alone || over(by[id], p.total, r.Limit)
			}
		}
		if alone || over(g.principal, p.total, limit) {
			out = append(out, g)
		}
	}
	return out
}

func importantProvider(p *facts, r Rule) finding {
	gs := p.important(r)
	if len(gs) == 0 {
		return verdict(true, p.share(p.groups[0].principal), "无重要现金流提供方")
	}
	for _, g := range gs {
		if !over(g.principal, p.total, r.WeakShare) {
			continue
		}
		for _, id := range g.ids {
			o, _ := p.d.obligor(id)
			switch o.WeakCredit {
			case Yes:
				return verdict(false, p.share(g.principal), "%s占比超过%.0f%%且资信较弱", g.name, r.WeakShare*100)
			case Unknown:
				return missing(g.name+"占比超过50%，资信情况未知", "obligors["+id+"].weak_credit")
			}
		}
	}
	f := need(p.d.Facts.ProviderDisclosed, Yes, "facts.provider_disclosed", fmt.Sprintf("重要现金流提供方%d家，披露", len(gs)))
	f.measured = p.share(gs[0].principal)
	return f
}

func dishonestProvider(p *facts, r Rule) finding {
	var open []string
	for _, g := range p.important(r) {
		for _, id := range g.ids {
			o, _ := p.d.obligor(id)
			switch o.Dishonest {
			case Yes:
				return verdict(false, p.share(g.principal), "重要现金流提供方%s为失信被执行人", o.display())
			case Unknown:
				open = append(open, "obligors["+id+"].dishonest")
			}
		}
	}
	if len(open) > 0 {
		return missing("重要现金流提供方失信情况未知", open...)
	}
	return verdict(true, nil, "重要现金流提供方均非失信被执行人")
}

func cashRoute(p *facts, _ Rule) finding {
	switch p.d.Facts.CashRoute {
	case "direct":
		return verdict(true, nil, "现金流直接进入专项计划账户")
	case "regulated":
		return need(p.d.Facts.RouteOnlyToPlan, Yes, "facts.route_only_to_plan", "监管账户只向专项计划账户划付")
	case "":
		return missing("归集路径未知", "facts.cash_route")
	}
	return verdict(false, nil, "现金流经未受监管的账户")
}

func cashCycle(p *facts, r Rule) finding {
	m := p.d.Facts.CycleMonths
	switch {
	case m == nil:
		return missing("归集周期未知", "facts.cycle_months")
	case *m <= r.Limit:
		return verdict(true, m, "归集周期%.1f个月，不超过%.0f个月", *m, r.Limit)
	case *m <= r.EnhancedMonths && p.d.enhanced():
		return verdict(true, m, "归集周期%.1f个月，有增信安排，不超过%.0f个月", *m, r.EnhancedMonths)
	case *m <= r.EnhancedMonths:
		return verdict(false, m, "归集周期%.1f个月，超过%.0f个月且无增信安排", *m, r.Limit)
	}
	return verdict(false, m, "归集周期%.1f个月，超过%.0f个月", *m, r.EnhancedMonths)
}

func reinvestment(p *facts, _ Rule) finding {
	if p.d.Facts.ReinvestEquity == Yes {
		return verdict(false, nil, "再投资涉及权益类产品")
	}
	f := need(p.d.Facts.ReinvestInPlan, Yes, "facts.reinvest_in_plan", "再投资仅在专项计划账户内")
	if f.answer == Pass && p.d.Facts.ReinvestEquity == Unknown {
		return missing("再投资是否涉及权益类产品未知", "facts.reinvest_equity")
	}
	return f
}

func forecast(p *facts, r Rule) finding {
	f := p.d.Facts
	if f.ForecastReportWaived == Yes {
		return finding{skip: "不出具现金流预测报告，见 forecast_waiver"}
	}
	if f.HistoryYears == nil {
		return missing("历史数据年限未知", "facts.history_years")
	}
	if *f.HistoryYears < r.Limit {
		return verdict(false, f.HistoryYears, "历史数据%.1f年，要求至少%.0f年", *f.HistoryYears, r.Limit)
	}
	if f.ForecastDimensions == nil {
		return missing("预测因素未知", "facts.forecast_dimensions")
	}
	for _, w := range []string{"default", "recovery", "prepayment", "yield"} {
		if !slices.Contains(f.ForecastDimensions, w) {
			return verdict(false, nil, "预测未考虑：%s", w)
		}
	}
	return need(f.StaticPreWriteOff, Yes, "facts.static_pre_write_off", "违约率为静态且核销前口径")
}

func forecastWaiver(p *facts, _ Rule) finding {
	f := p.d.Facts
	switch f.ForecastReportWaived {
	case No:
		return finding{skip: "出具现金流预测报告"}
	case Unknown:
		return missing("是否出具现金流预测报告未知", "facts.forecast_report_waived")
	}
	if p.d.Structure.Revolving != nil {
		return verdict(false, nil, "设有循环购买，不得不出具现金流预测报告")
	}
	if f.CashFlowsCertain == No || f.VisibleToInvestors == No {
		return verdict(false, nil, "金额时点不确定或未向投资者列示")
	}
	if g := need(f.CashFlowsCertain, Yes, "facts.cash_flows_certain", "金额与时点确定"); g.answer != Pass {
		return g
	}
	return need(f.VisibleToInvestors, Yes, "facts.visible_to_investors", "向投资者列示")
}

func shelfRule(p *facts, _ Rule) finding {
	s := p.d.Shelf
	if s == nil {
		return finding{skip: "非储架发行"}
	}
	if p.d.Class == CorporateClaim {
		return verdict(false, nil, "企业融资债权原则上不适用储架发行")
	}
	l := s.Ledger()
	for _, c := range s.Ledger().Series {
		switch {
		case c.Over:
			return verdict(false, &l.Used, "%s发行后超过批复额度", c.Name)
		case c.Late:
			return verdict(false, &l.Used, "%s晚于批复有效期", c.Name)
		case !c.Conforms:
			return verdict(false, &l.Used, "%s与首期标准不一致：%s", c.Name, strings.Join(c.Different, "；"))
		}
	}
	for _, x := range []struct {
		f         Fact
		field, zh string
	}{
		{s.Homogeneous, "shelf.homogeneous", "各期资产同类"},
		{s.RealFirstPool, "shelf.real_first_pool", "首期有真实资产池"},
		{s.Supply, "shelf.supply", "后续资产供给能力"},
		{p.d.Facts.OriginatorSound, "facts.originator_sound", "原始权益人或增信机构资信良好"},
	} {
		if g := need(x.f, Yes, x.field, x.zh); g.answer != Pass {
			return g
		}
	}
	return verdict(true, &l.Used, "已用额度%.1f%%，各期标准一致", l.Used*100)
}

func ipRights(p *facts, _ Rule) finding {
	if len(p.d.Patents) == 0 {
		return missing("未提供知识产权清单", "patents")
	}
	c := p.d.Collateral()
	if len(c.Excluded) > 0 {
		x := c.Excluded[0]
		return verdict(false, nil, "%d件不能入池，如%s：%s", len(c.Excluded), x.Number, x.Reason.Zh)
	}
	var open []string
	for _, x := range p.d.Patents {
		switch {
		case x.State == "":
			open = append(open, "patents["+x.Number+"].state")
		case x.Encumbrance == nil:
			open = append(open, "patents["+x.Number+"].encumbrance")
		case len(x.Encumbrance) > 0 && x.Consent == Unknown:
			open = append(open, "patents["+x.Number+"].consent")
		}
	}
	if len(open) > 0 {
		return missing(fmt.Sprintf("%d件法律状态或权利负担未知", len(open)), open...)
	}
	return verdict(true, nil, "%d件有效，权利负担已获同意", len(p.d.Patents))
}
