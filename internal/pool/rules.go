package pool

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"zhijia/internal/calendar"
	"zhijia/internal/money"
	"zhijia/internal/patent"
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

	From  calendar.Date `json:"from"`           // first day in force
	Until calendar.Date `json:"until,omitzero"` // last day in force; zero is still
	URL   string        `json:"url,omitempty"`  // of the text

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
	URL      string   `json:"url,omitempty"`
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
		if r.From.After(d.Closing) || !r.Until.IsZero() && r.Until.Before(d.Closing) {
			rep.NotApplicable = append(rep.NotApplicable, Skipped{r.ID, r.Zh, fmt.Sprintf("设立日%s不在该规则施行期间（自%s起）", d.Closing, r.From)})
			continue
		}
		f := tests[r.ID](&p, r)
		if f.skip != "" {
			rep.NotApplicable = append(rep.NotApplicable, Skipped{r.ID, r.Zh, f.skip})
			continue
		}
		res := Result{
			Rule: r.ID, Name: r.Zh, Answer: f.answer, Measured: f.measured, Limit: r.Limit, Unit: r.Unit,
			Why: f.why, Missing: f.missing, Cite: r.Cite, URL: r.URL,
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
		return stressCoverage(p)
	},
	"neg_local_debt": func(p *facts, r Rule) finding {
		return need(p.d.Facts.LocalGovDebt, No, "facts.local_gov_debt", "不涉及地方政府性债务")
	},
	"asset_unencumbered": func(p *facts, r Rule) finding {
		return p.eachAsset("unencumbered", r.Zh, func(a *Asset) Fact { return a.Unencumbered })
	},
	"special_originator": specialOriginator,
	"party_record":       partyRecord,
	"enhancement_terms": func(p *facts, r Rule) finding {
		for _, x := range p.d.Structure.Supports {
			if strings.TrimSpace(x.Evidence) == "" {
				return verdict(false, nil, "%s的增信未附文件", x.Name)
			}
		}
		return verdict(true, nil, "%d项增信均有文件", len(p.d.Structure.Supports))
	},
	"lease_owned":      leaseOwned,
	"lease_registered": leaseRegistered,
	"lease_free":       leaseFree,
	"lease_eligible": func(p *facts, r Rule) finding {
		return p.eachAsset("lease_eligible", r.Zh, func(a *Asset) Fact { return a.LeaseEligible })
	},
	"lessor_sound":    lessorSound,
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

// important lists the groups that are important cash-flow providers: by what
// they have yet to pay of all that is to be paid (负面清单第二项).
func (p *facts) important(r Rule) (out []group) {
	by, all := map[string]money.Fen{}, money.Fen(0)
	for i := range p.d.Assets {
		a := &p.d.Assets[i]
		for _, due := range a.Dues(p.d.CutOff) {
			by[a.Obligor] += due.Principal + due.Interest
			all += due.Principal + due.Interest
		}
	}
	for _, g := range p.groups {
		sum, alone := money.Fen(0), false
		for _, id := range g.ids {
			sum += by[id]
			alone = alone || over(by[id], all, r.Limit)
		}
		if alone || g.members > 1 && over(sum, all, r.GroupShare) {
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
			switch o.SubsidiaryDishonest {
			case Yes:
				return verdict(false, p.share(g.principal), "重要现金流提供方%s的重要子公司为失信单位", o.display())
			case Unknown:
				open = append(open, "obligors["+id+"].subsidiary_dishonest")
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
	h, ok := p.d.history()
	if !ok {
		return missing("未提供逐月历史现金流（月份、合同、来源、金额）", "history")
	}
	years := h.Years
	if years < r.Limit && (f.OriginatorYears == nil || *f.OriginatorYears > years+0.1) { // 未满三年的自开始运营之日起
		return verdict(false, &years, "逐月历史数据%.1f年，要求最近%.0f年（未满的自开始运营起）", years, r.Limit)
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
	for i := range p.d.Patents {
		x := &p.d.Patents[i]
		switch {
		case x.over(p.d.CutOff):
			return verdict(false, nil, "%s的保护期已于%s届满", x.Number, x.LastDay())
		case x.Kind == "":
			open = append(open, "patents["+x.Number+"].kind")
		case x.standing() == Unknown:
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
	kinds := map[patent.Kind]int{}
	for _, x := range p.d.Patents {
		kinds[x.Kind]++
	}
	var parts []string
	for _, k := range RightKinds {
		if kinds[k] > 0 {
			parts = append(parts, fmt.Sprintf("%s%d件", KindZh(k), kinds[k]))
		}
	}
	return verdict(true, nil, "%d件有效（%s），权利负担已获同意", len(p.d.Patents), strings.Join(parts, "、"))
}

// stressCoverage works the coverage of every payment date out under the hardest
// cell of the illustrative grid: it passes because it was computed.
func stressCoverage(p *facts) finding {
	if p.d.Facts.StressCoverage == No {
		return finding{answer: Fail, why: "压力测试未列示各兑付期覆盖倍数"}
	}
	grid := IllustrativeGrid()
	cf, err := p.d.CashFlow(Scenario{Default: slices.Max(grid.Default), Recovery: slices.Min(grid.Recovery)})
	if err != nil {
		return missing("分层未设置，无法测算各兑付期覆盖倍数", "structure.tranches")
	}
	return verdict(true, cf.MinCoverage(), "已测算%d个兑付期的覆盖倍数（违约%.0f%%、回收%.0f%%情形），见压力测试", len(cf.covers()), slices.Max(grid.Default)*100, slices.Min(grid.Recovery)*100)
}

// partyRecord: neither the originator nor an enhancer is on a list of the
// dishonest.
func partyRecord(p *facts, _ Rule) finding {
	var open []string
	switch p.d.Facts.OriginatorDishonest {
	case Yes:
		return verdict(false, nil, "原始权益人最近两年为失信单位且被限制融资")
	case Unknown:
		open = append(open, "facts.originator_dishonest")
	}
	for i, x := range p.d.Structure.Supports {
		switch x.Dishonest {
		case Yes:
			return verdict(false, nil, "增信机构%s最近两年为失信单位", x.Name)
		case Unknown:
			open = append(open, fmt.Sprintf("structure.supports[%d].dishonest", i))
		}
	}
	if len(open) > 0 {
		return missing("原始权益人或增信机构失信情况未知", open...)
	}
	return verdict(true, nil, "原始权益人与增信机构最近两年均非失信单位")
}

func specialOriginator(p *facts, _ Rule) finding {
	special := p.d.Facts.SpecialOriginator
	why := "申报"
	if p.d.Structure.Revolving != nil {
		special, why = Yes, "设有循环购买"
	}
	switch special {
	case No:
		return verdict(true, nil, "原始权益人不属于特定原始权益人")
	case Unknown:
		return missing("是否特定原始权益人未知", "facts.special_originator")
	}
	return need(p.d.Facts.SpecialOriginatorSound, Yes, "facts.special_originator_sound", "特定原始权益人（"+why+"）最近三年无重大违约、虚假披露或重大违法")
}

// leased visits the rights an asset leases: not, unknown or fine.
func (p *facts) leased(field, zh string, test func(*IP) Fact) finding {
	by := map[string]*IP{}
	for i := range p.d.Patents {
		by[p.d.Patents[i].Number] = &p.d.Patents[i]
	}
	var bad, open []string
	n := 0
	for i := range p.d.Assets {
		a := &p.d.Assets[i]
		if len(a.Patents) == 0 {
			open = append(open, "assets["+a.ID+"].patents")
		}
		for _, number := range a.Patents {
			n++
			x := by[number]
			if x == nil {
				open = append(open, "patents["+number+"]")
				continue
			}
			switch test(x) {
			case No:
				bad = append(bad, number)
			case Unknown:
				open = append(open, "patents["+number+"]."+field)
			}
		}
	}
	switch {
	case len(bad) > 0:
		return finding{answer: Fail, why: fmt.Sprintf("%s：%d件不符合（%s）", zh, len(bad), some(bad))}
	case len(open) > 0:
		return missing(fmt.Sprintf("%s：%d件资料缺失", zh, len(open)), open...)
	}
	return finding{answer: Pass, why: fmt.Sprintf("%s：全部%d件符合", zh, n)}
}

func leaseOwned(p *facts, _ Rule) finding {
	return p.leased("owner", "租赁物登记权利人为原始权益人", func(x *IP) Fact {
		switch {
		case x.Owner == "" || p.d.Parties.Originator == "":
			return Unknown
		case x.Owner == p.d.Parties.Originator:
			return Yes
		}
		return No
	})
}

func leaseRegistered(p *facts, _ Rule) finding {
	return p.leased("registered", "租赁物已登记", func(x *IP) Fact {
		if strings.TrimSpace(x.Registered) == "" {
			return Unknown
		}
		if x.Registered == "未登记" {
			return No
		}
		return Yes
	})
}

func leaseFree(p *facts, _ Rule) finding {
	return p.leased("encumbrance", "租赁物无他人权利负担", func(x *IP) Fact {
		switch {
		case x.Encumbrance == nil:
			return Unknown
		case len(x.Encumbrance) > 0:
			return No
		}
		return Yes
	})
}

func lessorSound(p *facts, _ Rule) finding {
	f := p.d.Facts
	switch {
	case f.LessorListed == Yes:
		return verdict(true, nil, "出租人为上市公司或其子公司")
	case f.OriginatorSound == Yes:
		return verdict(true, nil, "出租人信用良好")
	case p.d.enhanced():
		return verdict(true, nil, "设有信用良好的增信机构，有文件")
	case f.LessorListed == No && f.OriginatorSound == No:
		return verdict(false, nil, "出租人非上市公司（子公司）、资信不佳，且无有效增信")
	}
	return missing("出租人是否上市、资信情况未知", "facts.lessor_listed", "facts.originator_sound")
}
