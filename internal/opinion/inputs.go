package opinion

import (
	"encoding/json"
	"fmt"
	"strings"

	"zhijia/internal/calendar"
	"zhijia/internal/valuation/terms"
)

// factNames are the facts of income, cost and damages that may be stated, in the
// order of the form; unit says how each is written.
var factNames = []struct{ part, key, unit, zh, en string }{
	{"income", "revenue_current", "yuan", "使用该专利的产品年收入", "yearly revenue of the products that use it"},
	{"income", "revenue_growth", "rate", "收入年增长率", "growth of revenue a year"},
	{"income", "revenue", "years", "逐年收入", "revenue by year"},
	{"income", "royalty_rate", "rate", "许可费率", "royalty rate"},
	{"income", "royalty_per_unit", "yuan", "每件提成", "royalty per unit"},
	{"income", "units_per_year", "count", "年产量", "units a year"},
	{"income", "lump_sum", "yuan", "入门费", "lump sum"},
	{"income", "operating_margin", "rate", "产品营业利润率", "operating margin"},
	{"income", "profit_share", "rate", "利润分成率", "share of the profit"},
	{"income", "attribution", "rate", "本专利的贡献份额", "share of this patent"},
	{"income", "share_decay", "rate", "贡献份额每年递减", "decay of the share a year"},
	{"income", "hazard", "rate", "每年失效、被无效的可能", "chance of lapse a year"},
	{"income", "tax_rate", "rate", "所得税率", "tax rate"},
	{"income", "discount_rate", "rate", "折现率", "discount rate"},
	{"income", "risk_free_rate", "rate", "无风险利率", "risk-free rate"},
	{"income", "economic_life_years", "years_n", "剩余经济寿命", "remaining economic life"},
	{"income", "contract_term_years", "years_n", "合同期限", "term of the contract"},
	{"income", "contract_begins_in_years", "years_n", "合同几年后开始", "contract begins in"},
	{"income", "annual_cost", "yuan", "年维持成本", "yearly upkeep"},
	{"cost", "reproduction", "yuan", "复原重置成本", "reproduction cost"},
	{"cost", "replacement", "yuan", "更新重置成本", "replacement cost"},
	{"cost", "labour", "yuan", "研发人工成本", "labour"},
	{"cost", "expenses", "yuan", "研发其他成本", "expenses"},
	{"cost", "overhead", "yuan", "管理费用", "overhead"},
	{"cost", "fees", "yuan", "申请、代理与官费", "filing, attorney and official fees"},
	{"cost", "opportunity", "yuan", "资金成本", "cost of capital"},
	{"cost", "profit", "yuan", "合理利润", "developer's profit"},
	{"cost", "functional", "rate", "功能性贬值", "functional obsolescence"},
	{"cost", "technological", "rate", "技术性贬值", "technological obsolescence"},
	{"cost", "economic", "rate", "经济性贬值", "economic obsolescence"},
	{"damages", "loss", "yuan", "权利人的实际损失", "the owner's loss"},
	{"damages", "gain", "yuan", "侵权人获得的利益", "the infringer's gain"},
	{"damages", "licence_fee", "yuan", "同等使用的许可费", "fee of an equal licence"},
	{"damages", "reasonable_costs", "yuan", "制止侵权的合理开支", "costs of stopping it"},
}

// inputs lists what the figure was computed from: each fact as it was given, and
// each that the program assumed where none was, marked so.
func (w writer) inputs() section {
	s := section{Title: w.t("所用资料", "What it was computed from")}
	given := map[string]map[string]any{}
	for part, facts := range map[string]any{"income": w.Evidence.Income, "cost": w.Evidence.Cost, "damages": w.Evidence.Damages} {
		raw, err := json.Marshal(facts)
		fields := map[string]any{}
		if err == nil && json.Unmarshal(raw, &fields) == nil { // what is absent states nothing
			given[part] = fields
		}
	}
	assumed := map[string]terms.Working{}
	for _, a := range w.Conclusion.Approaches {
		if part, _, _ := strings.Cut(a.ID, "."); part == "income" && a.Applicable {
			for _, x := range a.Workings {
				assumed[x.Key] = x
			}
		}
	}
	t := &table{Head: []string{w.t("项目", "Item"), w.t("数值", "Figure"), w.t("来源", "From")}, Numeric: []bool{false, true, false}}
	defaults := false
	for _, f := range factNames {
		text, from := w.stated(given[f.part][f.key], f.unit), w.t("给定", "given")
		if source := sourceOf(given[f.part][f.key]); source != "" && w.lang != En {
			from += "（" + source + "）"
		}
		if text == "" && f.part == "income" {
			x, ok := assumed[strings.TrimSuffix(f.key, "_years")]
			if !ok {
				continue
			}
			text, from, defaults = w.stated(x.Value, f.unit), w.t("系统默认", "assumed by default"), true
			if x.Key == "royalty_rate" || x.Key == "discount_rate" {
				from = w.t("系统按评分取定", "by the program, from the scores")
			}
		}
		if text != "" {
			t.Rows = append(t.Rows, []string{w.t(f.zh, f.en), text, from})
		}
	}
	if len(t.Rows) == 0 {
		return s
	}
	s.Blocks = []block{{Table: t}}
	if defaults {
		s.Blocks = append(s.Blocks, block{Note: w.t("注明“系统”的各项没有人给定，请核对是否符合实际。", "Nobody gave what is marked as the program's: check that it fits.")})
	}
	return s
}

// sourceOf is what a stated quantity is said to come from, in Chinese.
func sourceOf(v any) string {
	m, _ := v.(map[string]any)
	source, _ := m["source"].(string)
	if strings.ContainsFunc(source, func(r rune) bool { return r >= 0x4e00 && r <= 0x9fff }) {
		return source
	}
	return ""
}

// stated writes a fact: a number, a range low to high with its likeliest, or
// years with an amount each. Empty when it states nothing.
func (w writer) stated(v any, unit string) string {
	number := func(x float64) string {
		switch unit {
		case "yuan", "years":
			return w.yuan(x, 6)
		case "rate":
			return plain(float64(int64(x*1e6+.5))/1e4) + "%"
		case "years_n":
			return plain(x) + w.t("年", " years")
		}
		return grouped(x)
	}
	switch v := v.(type) {
	case float64:
		return number(v)
	case []any:
		var parts []string
		for _, x := range v {
			if m, ok := x.(map[string]any); ok {
				if year, ok := m["year"].(float64); ok {
					parts = append(parts, fmt.Sprintf("%.0f%s%s", year, w.t("年 ", ": "), w.stated(m, unit)))
				}
			}
		}
		return strings.Join(parts, w.t("；", "; "))
	case map[string]any:
		if x, ok := v["value"].(float64); ok {
			return number(x)
		}
		low, isRange := v["low"].(float64)
		high, _ := v["high"].(float64)
		if !isRange {
			return ""
		}
		text := number(low) + w.t(" 至 ", " to ") + number(high)
		if mode, ok := v["mode"].(float64); ok {
			text += w.t("，最可能 ", ", likeliest ") + number(mode)
		}
		return text
	}
	return ""
}

// validYears is how long an opinion may be used: the guidelines let a report be
// used while its date lies within a year of the transaction (资产评估执业准则—资产评估报告,
// article 10).
const validYears = 1

// validUntil is the last day on which the opinion may be used: not beyond the term
// of any of the rights.
func (o Opinion) validUntil() calendar.Date {
	if o.Assignment.Date.IsZero() {
		return calendar.Date{}
	}
	last := o.Assignment.Date.AddYears(validYears).AddDays(-1)
	for _, p := range o.Assignment.Subject {
		if !p.Expiry.IsZero() && p.Expiry.After(o.Assignment.Date) && !p.Expiry.After(last) {
			last = p.Expiry.AddDays(-1)
		}
	}
	return last
}

// signatures is where the persons sign who answer for the opinion.
func (w writer) signatures() section {
	s := section{Title: w.t("使用与签署", "Use and signatures")}
	if until := w.validUntil(); !until.IsZero() {
		s.Blocks = append(s.Blocks, block{Facts: []fact{{w.t("有效期", "Valid until"), until.String() + w.t("；其间法律状态、年费、许可、质押或收益情况有变化的，应重新估值", "; to be valued anew if the legal state, fees, licences, pledges or income change before")}}})
	}
	approved := ""
	if x := w.Conclusion.Override; x != nil {
		approved = x.ApprovedBy
	}
	s.Blocks = append(s.Blocks, block{Signs: []fact{{w.t("经办", "Prepared by"), w.Officer}, {w.t("复核", "Reviewed by"), approved}, {w.t("负责人", "Responsible"), ""}}})
	return s
}
