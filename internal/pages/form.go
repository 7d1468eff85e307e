package pages

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/gate"
	"zhijia/internal/money"
	"zhijia/internal/opinion"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/cost"
	"zhijia/internal/valuation/damages"
	"zhijia/internal/valuation/income"
	"zhijia/internal/valuation/option"
	"zhijia/internal/valuation/terms"
	"zhijia/prompts"
)

// formField is one entry of the valuation form: how it is shown, where the
// request holds it, and how it is taken over.
type formField struct {
	Name, Label, Hint string
	Unit              string  // behind the label; amounts are in 万元 throughout
	As                string  // text, long, date, number, range, choice
	Path              string  // of the request, as faults name it
	Scale             float64 // of a number as written, against the request's
	Choices           []choice
	take              func(f *filling, text string)
}

// formGroup is one part of the form, in the order of the officer's papers. It is
// shown for the purposes it is for, none meaning all.
type formGroup struct {
	Legend string
	Folded bool // closed until one of its fields is filled
	For    []string
	Fields []formField
}

// filling is a request that a form fills, with what is wrong so far.
type filling struct {
	req         appraisal.Request
	faults      []fault.Field
	scoreReason string
}

func (f *filling) wrong(field, code, zh, en string) {
	f.faults = append(f.faults, fault.Field{Field: field, Code: code, Zh: zh, En: en})
}

func (f *filling) patent() *appraisal.Facts {
	if f.req.Patent == nil {
		f.req.Patent = &appraisal.Facts{}
	}
	return f.req.Patent
}

func (f *filling) text() *appraisal.Text {
	if f.req.Text == nil {
		f.req.Text = &appraisal.Text{}
	}
	return f.req.Text
}

func (f *filling) income() *income.Facts {
	if f.req.Income == nil {
		f.req.Income = &income.Facts{}
	}
	return f.req.Income
}

func (f *filling) wacc() *income.WACC {
	if f.income().WACC == nil {
		f.req.Income.WACC = &income.WACC{}
	}
	return f.req.Income.WACC
}

func (f *filling) excess() *income.ExcessEarnings {
	if f.income().ExcessEarnings == nil {
		f.req.Income.ExcessEarnings = &income.ExcessEarnings{}
	}
	return f.req.Income.ExcessEarnings
}

func (f *filling) option() *option.Facts {
	if f.req.Option == nil {
		f.req.Option = &option.Facts{}
	}
	return f.req.Option
}

func (f *filling) cost() *cost.Facts {
	if f.req.Cost == nil {
		f.req.Cost = &cost.Facts{}
	}
	return f.req.Cost
}

func (f *filling) damages() *damages.Facts {
	if f.req.Damages == nil {
		f.req.Damages = &damages.Facts{}
	}
	return f.req.Damages
}

func (f *filling) fact() *valuation.MarketFact {
	if f.req.MarketFact == nil {
		f.req.MarketFact = &valuation.MarketFact{}
	}
	return f.req.MarketFact
}

// text, day and the others make fields that are written into the request as they
// stand, in another form, or times a unit.
func textField(name, label, path, hint string, put func(*filling) *string) formField {
	return formField{Name: name, Label: label, Path: path, Hint: hint, As: "text", take: func(f *filling, text string) { *put(f) = text }}
}

func longField(name, label, path string, put func(*filling) *string) formField {
	return formField{Name: name, Label: label, Path: path, As: "long", take: func(f *filling, text string) { *put(f) = text }}
}

func choiceField(name, label, path string, choices []choice, put func(*filling, string)) formField {
	return formField{Name: name, Label: label, Path: path, As: "choice", Choices: choices, take: put}
}

func dayField(name, label, path string, put func(*filling) *calendar.Date) formField {
	return formField{Name: name, Label: label, Path: path, As: "date", take: func(f *filling, text string) {
		d, err := calendar.Parse(text)
		if err != nil {
			f.wrong(name, "field.date", "不是有效日期，请按 YYYY-MM-DD 填写", "not a date; want YYYY-MM-DD")
		}
		*put(f) = d
	}}
}

func countField(name, label, path string, put func(*filling) **int) formField {
	return formField{Name: name, Label: label, Path: path, Scale: 1, As: "number", take: func(f *filling, text string) {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			f.wrong(name, "field.count", "应为 0 或正整数", "want 0 or a whole number above")
			return
		}
		*put(f) = &n
	}}
}

func numberField(name, label, unit, path string, scale float64, put func(*filling) **float64) formField {
	return formField{Name: name, Label: label, Unit: unit, Path: path, Scale: scale, As: "number", take: func(f *filling, text string) {
		v, err := number(text, name)
		if err != nil {
			f.faults = append(f.faults, fault.Public(err).Fields...)
		} else if v != nil {
			x := *v * scale
			*put(f) = &x
		}
	}}
}

func valueField(name, label, unit, path string, scale float64, put func(*filling) *float64) formField {
	x := numberField(name, label, unit, path, scale, nil)
	x.take = func(f *filling, text string) {
		v, err := number(text, name)
		if err != nil {
			f.faults = append(f.faults, fault.Public(err).Fields...)
		} else if v != nil {
			*put(f) = *v * scale
		}
	}
	return x
}

func yearsField(name, label, path string, put func(*filling) *[]terms.YearQuantity) formField {
	return formField{Name: name, Label: label, Unit: "万元", Hint: "2027:1200；2028:1500/1800/2000", Path: path, As: "text", take: func(f *filling, text string) {
		years, problem := readYears(text, name)
		if problem != nil {
			f.faults = append(f.faults, *problem)
			return
		}
		*put(f) = years
	}}
}

// takeAssets reads contributory assets: a name, a value in 万元 and a return in
// percent each.
func takeAssets(f *filling, text string) {
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(";；\n", r) }) {
		name, rest, named := strings.Cut(strings.ReplaceAll(part, "：", ":"), ":")
		value, rate, rated := strings.Cut(rest, "@")
		v, err := number(value, "assets")
		r, err2 := number(strings.TrimSuffix(strings.TrimSpace(rate), "%"), "assets")
		if name = strings.TrimSpace(name); !named || !rated || name == "" || err != nil || err2 != nil || v == nil || r == nil {
			f.wrong("assets", "field.assets", "请按 名称:价值@回报率 填写，用分号隔开（例：营运资金:500@4）", "want name:value@return, e.g. working capital:500@4")
			return
		}
		f.excess().Assets = append(f.excess().Assets, income.ContributoryAsset{Name: name, Value: *v * wan, Return: *r * 0.01})
	}
}

func quantityField(name, label, unit, path string, scale float64, put func(*filling) **terms.Quantity) formField {
	return formField{Name: name, Label: label, Unit: unit, Path: path, Scale: scale, As: "range", Hint: "一个数，或 低/可能/高", take: func(f *filling, text string) {
		q, problem := readQuantity(text, name, scale)
		if problem != nil {
			f.faults = append(f.faults, *problem)
		} else if q != nil {
			*put(f) = q
		}
	}}
}

// readQuantity reads one number, or a low, a likely and a high one with strokes
// between them (3/5/8); two of them are the ends alone (3~8).
func readQuantity(text, field string, scale float64) (*terms.Quantity, *fault.Field) {
	parts := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("/／~～至", r) })
	var v []float64
	for _, p := range parts {
		x, err := number(p, field)
		if err != nil || x == nil || len(parts) > 3 {
			return nil, &fault.Field{Field: field, Code: "field.number", Zh: "请填一个数，或用 / 隔开的低、可能、高三个数（例：3/5/8）", En: "want one number, or low/likely/high, e.g. 3/5/8"}
		}
		v = append(v, *x*scale)
	}
	if !slices.IsSorted(v) {
		return nil, &fault.Field{Field: field, Code: "field.order", Zh: "区间应由低到高（例：3/5/8）", En: "want them from low to high, e.g. 3/5/8"}
	}
	switch len(v) {
	case 0:
		return nil, nil
	case 1:
		return terms.Exactly(v[0]), nil
	case 2:
		return &terms.Quantity{Low: &v[0], High: &v[1]}, nil
	}
	return terms.Range(v[0], v[1], v[2]), nil
}

// readYears reads sales by calendar year, 2027:1200; 2028:1500/1800/2000.
func readYears(text, field string) (out []terms.YearQuantity, problem *fault.Field) {
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(";；\n", r) }) {
		year, amount, ok := strings.Cut(strings.NewReplacer("：", ":", "年", "").Replace(part), ":")
		y, err := strconv.Atoi(strings.TrimSpace(year))
		if !ok || err != nil || y < 1985 || y > 2100 {
			return nil, &fault.Field{Field: field, Code: "field.years", Zh: "请按 年份:万元 填写，用分号隔开（例：2027:1200；2028:1500/1800/2000）", En: "want year:amount, e.g. 2027:1200; 2028:1500"}
		}
		q, problem := readQuantity(strings.TrimSpace(amount), field, 1e4)
		if problem != nil || q == nil {
			return nil, &fault.Field{Field: field, Code: "field.years", Zh: fmt.Sprintf("%d 年的金额无法读出", y), En: fmt.Sprintf("the amount of %d is not a number", y)}
		}
		out = append(out, terms.YearQuantity{Year: y, Quantity: *q})
	}
	return out, nil
}

const wan = 1e4 // yuan

var (
	earning = []string{"licence", "contribution", "pledge", "securitisation", "reporting", "impairment", "assignment"}
	selling = []string{"assignment", "contribution", "reporting", "impairment"}
)

// valuationForm is the form, complete: what the request of REST takes of one
// valuation has its entry here, but for what TestFormHoldsTheRequest names.
var valuationForm = append([]formGroup{
	{Legend: "没有专利号，或库中没有：填写文本", Folded: true, Fields: []formField{
		textField("title", "名称", "text.title", "", func(f *filling) *string { return &f.text().Title }),
		longField("abstract", "摘要", "text.abstract", func(f *filling) *string { return &f.text().Abstract }),
		longField("claims", "权利要求", "text.claims", func(f *filling) *string { return &f.text().Claims }),
		longField("description", "说明书", "text.description", func(f *filling) *string { return &f.text().Description }),
		longField("examination", "审查意见、检索报告", "text.examination", func(f *filling) *string { return &f.text().Examination }),
	}},
	{Legend: "权利", Folded: true, Fields: []formField{
		choiceField("kind", "类型", "patent.kind", []choice{{"", "未知"}, {"invention", "发明"}, {"utility_model", "实用新型"}, {"design", "外观设计"}}, func(f *filling, v string) { f.patent().Kind = v }),
		{Name: "ipc", Label: "IPC（主分类在前，分号隔开）", Hint: "H01M 4/36; H01M 10/0525", Path: "patent.ipc", As: "text", take: func(f *filling, text string) { f.patent().IPC = split(text) }},
		dayField("filing", "申请日", "patent.filing_date", func(f *filling) *calendar.Date { return &f.patent().Filing }),
		dayField("grant", "授权日", "patent.grant_date", func(f *filling) *calendar.Date { return &f.patent().Grant }),
		choiceField("owner", "权利人性质", "patent.owner_type", []choice{{"", "未知"}, {"university", "高校"}, {"institute", "科研院所"}, {"firm", "企业"}, {"individual", "个人"}}, func(f *filling, v string) { f.patent().OwnerType = v }),
		{Name: "owners", Label: "权利人（分号隔开）", Path: "patent.owners", As: "text", take: func(f *filling, text string) { f.patent().Owners = split(text) }},
		dayField("published", "公开日", "patent.publication_date", func(f *filling) *calendar.Date { return &f.patent().Published }),
		countField("inventors", "发明人数", "patent.inventors", func(f *filling) **int { return &f.patent().Inventors }),
		countField("claim_count", "权利要求项数", "patent.claims", func(f *filling) **int { return &f.patent().Claims }),
		countField("family", "同族件数", "patent.family", func(f *filling) **int { return &f.patent().Family }),
		countField("cited_by", "被引用次数", "patent.cited_by", func(f *filling) **int { return &f.patent().CitedBy }),
		numberField("share", "本方所占权利份额", "%", "right_fraction", 0.01, func(f *filling) **float64 { return &f.req.Share }),
		{Name: "bundle", Label: "一并处置的其他专利号（分号隔开）", Path: "bundle", As: "text", take: func(f *filling, text string) { f.req.Bundle = split(text) }},
		choiceField("invalid", "无效宣告", "patent.declared_invalid", []choice{{"", "未见"}, {"yes", "已宣告无效，尚未生效"}}, func(f *filling, v string) { f.patent().DeclaredInvalid = v == "yes" }),
	}},
	{Legend: "市场", Folded: true, For: selling, Fields: []formField{
		choiceField("market", "成交市场", "market", []choice{{"", "按目的确定"}, {"private", "私下转让"}, {"showcase", "展示交易（技术拍卖、挂牌）"}, {"corporate", "企业并购"}}, func(f *filling, v string) { f.req.Market = v }),
		choiceField("fact_kind", "高于私下转让时的依据", "market_fact.kind", []choice{{"", "无"}, {"listing_notice", "挂牌公告"}, {"exchange_number", "交易所编号"}, {"term_sheet", "已签署的意向书"}, {"named_buyer", "具名买方"}}, func(f *filling, v string) { f.fact().Kind = v }),
		dayField("fact_date", "依据的日期", "market_fact.date", func(f *filling) *calendar.Date { return &f.fact().Date }),
		textField("fact_document", "依据的文件", "market_fact.document", "", func(f *filling) *string { return &f.fact().Document }),
		numberField("ask", "该专利目前的公开报价或开放许可费", "万元", "public_ask", wan, func(f *filling) **float64 { return &f.req.Ask }),
	}},
	{Legend: "许可", For: []string{"licence"}, Fields: []formField{
		choiceField("licence_kind", "许可方式", "licence_kind", []choice{{"", "未定（按普通许可）"}, {"exclusive_licence", "独占许可"}, {"sole_licence", "排他许可"}, {"plain_licence", "普通许可"}}, func(f *filling, v string) { f.req.LicenceKind = v }),
		numberField("licence_term", "许可期限", "年", "licence_term_years", 1, func(f *filling) **float64 { return &f.req.LicenceTerm }),
	}},
	{Legend: "收入（不知道就留空，留空不按零计）", For: earning, Fields: []formField{
		quantityField("revenue", "使用该专利的产品年收入", "万元", "income.revenue_current", wan, func(f *filling) **terms.Quantity { return &f.income().Current }),
		quantityField("growth", "收入年增长率", "%", "income.revenue_growth", 0.01, func(f *filling) **terms.Quantity { return &f.income().Growth }),
		yearsField("revenue_years", "或逐年收入", "income.revenue", func(f *filling) *[]terms.YearQuantity { return &f.income().Revenue }),
		quantityField("royalty", "许可费率", "%", "income.royalty_rate", 0.01, func(f *filling) **terms.Quantity { return &f.income().Royalty }),
		choiceField("industry", "或按行业取费率", "income.industry", industries(), func(f *filling, v string) { f.income().Industry = v }),
		quantityField("life", "剩余经济寿命", "年", "income.economic_life_years", 1, func(f *filling) **terms.Quantity { return &f.income().EconomicLife }),
		quantityField("discount", "折现率（税后、名义）", "%", "income.discount_rate", 0.01, func(f *filling) **terms.Quantity { return &f.income().Discount }),
	}},
	{Legend: "收入的其他资料", Folded: true, For: earning, Fields: []formField{
		choiceField("inputs", "收益资料说的是谁的预期", "income.inputs", []choice{{"", "按目的确定"}, {"market", "市场参与者"}, {"owner", "权利人自己"}, {"buyer", "某一买方"}, {"contract", "已签合同"}}, func(f *filling, v string) { f.income().Inputs = terms.Inputs(v) }),
		quantityField("margin", "产品营业利润率", "%", "income.operating_margin", 0.01, func(f *filling) **terms.Quantity { return &f.income().Margin }),
		quantityField("profit_share", "利润分成率", "%", "income.profit_share", 0.01, func(f *filling) **terms.Quantity { return &f.income().ProfitShare }),
		quantityField("attribution", "本专利的贡献份额", "%", "income.attribution", 0.01, func(f *filling) **terms.Quantity { return &f.income().Attribution }),
		quantityField("per_unit", "或每件提成", "元", "income.royalty_per_unit", 1, func(f *filling) **terms.Quantity { return &f.income().PerUnit }),
		quantityField("units", "年产量", "件", "income.units_per_year", 1, func(f *filling) **terms.Quantity { return &f.income().Units }),
		quantityField("lump_sum", "入门费", "万元", "income.lump_sum", wan, func(f *filling) **terms.Quantity { return &f.income().LumpSum }),
		quantityField("contract_term", "合同期限", "年", "income.contract_term_years", 1, func(f *filling) **terms.Quantity { return &f.income().ContractTerm }),
		quantityField("risk_free", "或无风险利率（加评分所得的风险报酬）", "%", "income.risk_free_rate", 0.01, func(f *filling) **terms.Quantity { return &f.income().RiskFree }),
		quantityField("hazard", "每年失效、被无效的可能", "%", "income.hazard", 0.01, func(f *filling) **terms.Quantity { return &f.income().Hazard }),
		quantityField("decay", "贡献份额每年递减", "%", "income.share_decay", 0.01, func(f *filling) **terms.Quantity { return &f.income().Decay }),
		quantityField("contract_from", "合同几年后开始", "年", "income.contract_begins_in_years", 1, func(f *filling) **terms.Quantity { return &f.income().ContractFrom }),
		quantityField("tax", "所得税率", "%", "income.tax_rate", 0.01, func(f *filling) **terms.Quantity { return &f.income().Tax }),
		quantityField("annual_cost", "年维持成本", "万元", "income.annual_cost", wan, func(f *filling) **terms.Quantity { return &f.income().AnnualCost }),
		{Name: "royalty_range", Label: "或费率的区间（按评分取其间）", Unit: "%", Hint: "低/高，例：2/6", Scale: 0.01, Path: "income.royalty_range", As: "range", take: func(f *filling, text string) {
			q, problem := readQuantity(text, "royalty_range", 0.01)
			switch {
			case problem != nil:
				f.faults = append(f.faults, *problem)
			case q == nil || q.Low == nil || q.High == nil || q.Mode != nil:
				f.wrong("royalty_range", "field.ends", "请填低、高两个数，用 / 隔开（例：2/6）", "want a low and a high, e.g. 2/6")
			default:
				f.income().RoyaltyRange = &[2]terms.Rate{*q.Low, *q.High}
			}
		}},
		numberField("tab_life", "税务摊销年限", "年", "income.tab_life_years", 1, func(f *filling) **float64 { return &f.income().TABLife }),
	}},
	{Legend: "折现率由各部分得出（加权平均资本成本）", Folded: true, For: earning, Fields: []formField{
		valueField("wacc_equity", "权益", "万元", "income.wacc.equity", wan, func(f *filling) *float64 { return &f.wacc().Equity }),
		valueField("wacc_debt", "有息负债", "万元", "income.wacc.debt", wan, func(f *filling) *float64 { return &f.wacc().Debt }),
		valueField("wacc_cost_debt", "负债成本", "%", "income.wacc.cost_of_debt", 0.01, func(f *filling) *float64 { return &f.wacc().CostOfDebt }),
		valueField("wacc_tax", "所得税率（用于负债）", "%", "income.wacc.tax_rate", 0.01, func(f *filling) *float64 { return &f.wacc().Tax }),
		numberField("wacc_cost_equity", "权益成本", "%", "income.wacc.cost_of_equity", 0.01, func(f *filling) **float64 { return &f.wacc().CostOfEquity }),
		numberField("wacc_risk_free", "或无风险利率", "%", "income.wacc.risk_free_rate", 0.01, func(f *filling) **float64 { return &f.wacc().RiskFree }),
		numberField("wacc_beta", "贝塔系数", "", "income.wacc.beta", 1, func(f *filling) **float64 { return &f.wacc().Beta }),
		numberField("wacc_premium", "市场风险溢价", "%", "income.wacc.equity_risk_premium", 0.01, func(f *filling) **float64 { return &f.wacc().Premium }),
	}},
	{Legend: "超额收益与增量收益", Folded: true, For: earning, Fields: []formField{
		yearsField("earnings", "逐年税前收益（未扣贡献资产）", "income.excess_earnings.earnings", func(f *filling) *[]terms.YearQuantity { return &f.excess().Earnings }),
		{Name: "assets", Label: "贡献资产：名称:价值（万元）@年回报率（%）", Hint: "营运资金:500@4；设备:2000@6", Path: "income.excess_earnings.contributory_assets", As: "text", take: takeAssets},
		quantityField("attrition", "客户等每年流失", "%", "income.excess_earnings.attrition", 0.01, func(f *filling) **terms.Quantity { return &f.excess().Attrition }),
		yearsField("with", "有本专利时的逐年税后现金流", "income.cash_flow_with", func(f *filling) *[]terms.YearQuantity { return &f.income().With }),
		yearsField("without", "没有本专利时的逐年税后现金流", "income.cash_flow_without", func(f *filling) *[]terms.YearQuantity { return &f.income().Without }),
	}},
	{Legend: "实物期权（权利尚未实施，可待时机）", Folded: true, For: earning, Fields: []formField{
		quantityField("project", "开发完成后的产品现值", "万元", "option.project_value", wan, func(f *filling) **terms.Quantity { return &f.option().Project }),
		quantityField("development", "开发投入", "万元", "option.development_cost", wan, func(f *filling) **terms.Quantity { return &f.option().Cost }),
		quantityField("volatility", "产品价值的年波动率", "%", "option.volatility", 0.01, func(f *filling) **terms.Quantity { return &f.option().Volatility }),
		quantityField("option_years", "可以等待的年限", "年", "option.years", 1, func(f *filling) **terms.Quantity { return &f.option().Years }),
		quantityField("option_risk_free", "期权所用无风险利率", "%", "option.risk_free_rate", 0.01, func(f *filling) **terms.Quantity { return &f.option().RiskFree }),
		quantityField("delay", "每年延迟的成本（空为剩余年限的倒数）", "%", "option.cost_of_delay", 0.01, func(f *filling) **terms.Quantity { return &f.option().Delay }),
	}},
	{Legend: "成本", Folded: true, For: append([]string{"securitisation"}, earning...), Fields: []formField{
		quantityField("labour", "研发人工成本", "万元", "cost.labour", wan, func(f *filling) **terms.Quantity { return &f.cost().Labour }),
		quantityField("expenses", "研发其他成本", "万元", "cost.expenses", wan, func(f *filling) **terms.Quantity { return &f.cost().Expenses }),
		quantityField("overhead", "管理费用", "万元", "cost.overhead", wan, func(f *filling) **terms.Quantity { return &f.cost().Overhead }),
		quantityField("fees", "申请、代理与官费", "万元", "cost.fees", wan, func(f *filling) **terms.Quantity { return &f.cost().Fees }),
		quantityField("reproduction", "或复原重置成本", "万元", "cost.reproduction", wan, func(f *filling) **terms.Quantity { return &f.cost().Reproduction }),
		quantityField("replacement", "或更新重置成本", "万元", "cost.replacement", wan, func(f *filling) **terms.Quantity { return &f.cost().Replacement }),
		quantityField("opportunity", "资金成本", "万元", "cost.opportunity", wan, func(f *filling) **terms.Quantity { return &f.cost().Opportunity }),
		quantityField("profit", "合理利润", "万元", "cost.profit", wan, func(f *filling) **terms.Quantity { return &f.cost().Profit }),
		numberField("index", "价格指数（发生日至基准日，1 为不调）", "", "cost.index", 1, func(f *filling) **float64 { return &f.cost().Index }),
		numberField("age", "已使用", "年", "cost.age_years", 1, func(f *filling) **float64 { return &f.cost().Age }),
		numberField("left", "尚可使用", "年", "cost.remaining_life_years", 1, func(f *filling) **float64 { return &f.cost().RemainingLife }),
		numberField("functional", "功能性贬值", "%", "cost.functional", 0.01, func(f *filling) **float64 { return &f.cost().Functional }),
		numberField("technological", "技术性贬值", "%", "cost.technological", 0.01, func(f *filling) **float64 { return &f.cost().Technological }),
		choiceField("obsolescence", "各项贬值如何合并", "cost.form", []choice{{"", "相乘"}, {"additive", "相加"}}, func(f *filling, v string) { f.cost().Form = v }),
		numberField("economic", "经济性贬值", "%", "cost.economic", 0.01, func(f *filling) **float64 { return &f.cost().Economic }),
	}},
	{Legend: "侵权（专利法第七十一条）", For: []string{"infringement"}, Fields: []formField{
		dayField("acts_from", "侵权行为开始", "damages.from", func(f *filling) *calendar.Date { return &f.damages().From }),
		dayField("acts_to", "侵权行为结束", "damages.to", func(f *filling) *calendar.Date { return &f.damages().To }),
		quantityField("loss", "权利人的实际损失", "万元", "damages.loss", wan, func(f *filling) **terms.Quantity { return &f.damages().Loss }),
		quantityField("gain", "侵权人获得的利益", "万元", "damages.gain", wan, func(f *filling) **terms.Quantity { return &f.damages().Gain }),
		quantityField("licence_fee", "同等使用的许可费", "万元", "damages.licence_fee", wan, func(f *filling) **terms.Quantity { return &f.damages().LicenceFee }),
		numberField("licence_multiple", "所请求的许可费倍数", "倍", "damages.licence_multiple", 1, func(f *filling) **float64 { return &f.damages().Multiple }),
		quantityField("stopping", "制止侵权的合理开支", "万元", "damages.reasonable_costs", wan, func(f *filling) **terms.Quantity { return &f.damages().Costs }),
		choiceField("wilful", "故意且情节严重", "damages.wilful_and_grave", []choice{{"", "未知"}, {"yes", "是"}, {"no", "否"}}, func(f *filling, v string) { yes := v == "yes"; f.damages().Wilful = &yes }),
		numberField("multiplier", "所请求的惩罚性倍数", "倍", "damages.punitive_multiplier", 1, func(f *filling) **float64 { return &f.damages().Multiplier }),
	}},
	{Legend: "价值类型、实施方式与外发", Folded: true, Fields: []formField{
		choiceField("basis", "价值类型", "basis", bases(), func(f *filling, v string) { f.req.Basis = v }),
		choiceField("premise", "价值前提", "premise", premises(), func(f *filling, v string) { f.req.Premise = v }),
		quantityField("sale_chance", "限期内售出的可能", "%", "sale_chance", 0.01, func(f *filling) **terms.Quantity { return &f.req.SaleChance }),
		textField("scenario", "如何实施（自用、许可、阻挡、出售）", "exploitation_scenario", "", func(f *filling) *string { return &f.req.Scenario }),
		choiceField("allow_model", "文本可否送模型服务评分", "allow_model", []choice{{"", "按本机构的设定"}, {"yes", "可以"}, {"no", "不可以"}}, func(f *filling, v string) { yes := v == "yes"; f.req.AllowModel = &yes }),
	}},
}, scoreGroup())

// scoreReason is the field in which an officer says why he scored as he did.
const scoreReason = "score_reason"

// scoreGroup lets the officer score the indicators that have anchors: each by the
// wording of an anchor, not by a number.
func scoreGroup() formGroup {
	g := formGroup{Legend: "指标评分（由经办人判断，不知道就留空）", Folded: true, Fields: []formField{
		{Name: scoreReason, Label: "评分依据（一并用于下列各项）", As: "text", Path: "scores", take: func(f *filling, text string) { f.scoreReason = text }},
	}}
	scales := map[string][]prompts.Anchor{}
	set, err := prompts.Load("")
	if err != nil {
		panic(err) // they are part of the program
	}
	for _, p := range set.All() {
		if p.Kind == prompts.Rubric {
			scales[p.Indicator] = p.Anchors // the newest comes last
		}
	}
	for _, n := range valuation.DefaultAssumptions().Sheet.Nodes {
		if n.Kind == "gate" || !slices.Contains(n.Evaluator, terms.ByOfficer) && !slices.Contains(n.Evaluator, terms.ByModel) {
			continue
		}
		x := formField{Name: "score_" + n.Code, Label: n.Name, As: "choice", Choices: []choice{{"", "未评"}}, take: func(f *filling, text string) {
			v, err := number(text, "score_"+n.Code)
			if err != nil || v == nil {
				f.wrong("score_"+n.Code, "field.choice", "请从所列各档中选择", "choose one of the grades listed")
				return
			}
			f.req.Scores = append(f.req.Scores, appraisal.OfficerScore{Code: n.Code, Score: *v, Reason: f.scoreReason})
		}}
		scale := scales[n.Code]
		if len(scale) == 0 {
			scale = []prompts.Anchor{{Score: 0, Label: "很差"}, {Score: 25, Label: "较差"}, {Score: 50, Label: "一般"}, {Score: 75, Label: "较好"}, {Score: 100, Label: "很好"}}
		}
		for _, a := range scale {
			x.Choices = append(x.Choices, choice{strconv.Itoa(a.Score), a.Label})
		}
		g.Fields = append(g.Fields, x)
	}
	return g
}

// split reads a list that a person typed with the usual marks between its parts.
func split(text string) (out []string) {
	for _, x := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(";；,，、\n", r) }) {
		if x = strings.TrimSpace(x); x != "" {
			out = append(out, x)
		}
	}
	return out
}

// formOf is the form of a stored request: what was asked, as the officer would
// have written it. What the form has no field for is left out.
func formOf(req appraisal.Request) url.Values {
	form := url.Values{"number": {req.Number}, "purpose": {purposeOf(req.Purpose)}}
	if !req.Date.IsZero() {
		form.Set("date", req.Date.String())
	}
	if req.Level != 0 {
		form.Set("level", strconv.FormatFloat(req.Level, 'f', -1, 64))
	}
	if req.Borrower != "" {
		form.Set("borrower", req.Borrower)
	}
	raw, err := json.Marshal(req)
	var body any
	if err != nil || json.Unmarshal(raw, &body) != nil {
		return form
	}
	for _, g := range valuationForm {
		for _, x := range g.Fields {
			v := body
			for _, part := range strings.Split(x.Path, ".") {
				m, _ := v.(map[string]any) // what is no object has no parts
				v = m[part]
			}
			if text := x.write(v); text != "" {
				form.Set(x.Name, text)
			}
		}
	}
	for _, sc := range req.Scores {
		form.Set("score_"+sc.Code, strconv.FormatFloat(sc.Score, 'f', -1, 64))
		form.Set(scoreReason, sc.Reason)
	}
	return form
}

// write is the inverse of take: a value of the request as a person writes it.
func (x *formField) write(v any) string {
	plain := func(v float64) string { return strconv.FormatFloat(money.Round(v/cmp.Or(x.Scale, 1), 12), 'f', -1, 64) }
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return map[bool]string{true: "yes", false: "no"}[v]
	case float64:
		return plain(v)
	case []any:
		var parts, ends []string
		for _, e := range v {
			switch e := e.(type) {
			case string:
				parts = append(parts, e)
			case float64:
				ends = append(ends, plain(e))
			case map[string]any:
				if name, ok := e["name"].(string); ok {
					value, _ := e["value"].(float64)
					rate, _ := e["return"].(float64)
					parts = append(parts, name+":"+(&formField{Scale: wan}).write(value)+"@"+(&formField{Scale: 0.01}).write(rate))
				} else if year, ok := e["year"].(float64); ok {
					years := formField{Scale: wan}
					parts = append(parts, fmt.Sprintf("%.0f:%s", year, years.write(e)))
				}
			}
		}
		if len(ends) > 0 {
			return strings.Join(ends, "/")
		}
		return strings.Join(parts, "；")
	case map[string]any:
		if one, ok := v["value"].(float64); ok {
			return plain(one)
		}
		var parts []string
		for _, k := range []string{"low", "mode", "high"} {
			if n, ok := v[k].(float64); ok {
				parts = append(parts, plain(n))
			}
		}
		return strings.Join(parts, "/")
	}
	return ""
}

// bases and premises are those of value, by name.
func bases() []choice {
	out := []choice{{"", "按目的确定"}}
	for _, b := range terms.Bases {
		out = append(out, choice{string(b), opinion.BasisName(opinion.Zh, b)})
	}
	return out
}

func premises() []choice {
	out := []choice{{"", "按目的确定"}}
	for _, p := range terms.Premises {
		out = append(out, choice{string(p), opinion.PremiseName(opinion.Zh, p)})
	}
	return out
}

// industries are the shipped bands of royalty rates, by name.
func industries() []choice {
	out := []choice{{"", "不按行业"}}
	for _, b := range valuation.DefaultAssumptions().Royalty.Bands {
		out = append(out, choice{b.Industry, fmt.Sprintf("%s（%s%%—%s%%）", b.Name, strconv.FormatFloat(math.Round(b.Low*1e4)/100, 'f', -1, 64), strconv.FormatFloat(math.Round(b.High*1e4)/100, 'f', -1, 64))})
	}
	return out
}

// formRequest reads the officer's form. An empty field is unknown, not zero; a
// field that the form of the purpose does not show is not read.
func formRequest(form url.Values) (appraisal.Request, error) {
	get := func(k string) string { return strings.TrimSpace(form.Get(k)) }
	f := &filling{req: appraisal.Request{Number: get("number"), Purpose: get("purpose")}}
	for _, x := range []formField{
		textField("borrower", "", "borrower", "", func(f *filling) *string { return &f.req.Borrower }),
		dayField("date", "估值基准日", "valuation_date", func(f *filling) *calendar.Date { return &f.req.Date }),
		{Name: "level", take: func(f *filling, text string) {
			if l, err := number(text, "level"); err != nil {
				f.faults = append(f.faults, fault.Public(err).Fields...)
			} else if l != nil {
				f.req.Level = *l
			}
		}},
	} {
		if text := get(x.Name); text != "" {
			x.take(f, text)
		}
	}
	for _, g := range valuationForm {
		if !g.shown(f.req.Purpose) {
			continue
		}
		for _, x := range g.Fields {
			if text := get(x.Name); text != "" {
				x.take(f, text)
			}
		}
	}
	if len(f.faults) > 0 {
		return f.req, fault.New(fault.Invalid, "request.invalid", "请求有误，请按下列提示修改后重试。", "The request is not valid; see the fields.", f.faults...)
	}
	return f.req, nil
}

func (g *formGroup) shown(purpose string) bool {
	return len(g.For) == 0 || slices.Contains(g.For, purpose)
}

// shownGroup is a group as the page shows it for one form.
type shownGroup struct {
	Legend string
	Folded bool
	Fields []shownField
}

type shownField struct {
	formField
	Value, Wrong string
	Notes        []appraisal.Remark // beside the field: what was read, what does not fit, what is proposed
}

// showForm lays the form out for its purpose: what was typed stands where it was
// typed, and each fault at its field. Faults that no field shown is to blame for
// stay in the problem; the others are named there by their field's label. What was
// typed for another purpose is kept unseen.
func showForm(form url.Values, problem *gate.Problem, remarks []appraisal.Remark) (groups []shownGroup, kept []choice, numberWrong string) {
	wrong := func(name, path string) (said string) {
		if problem == nil {
			return ""
		}
		for i, e := range problem.Errors {
			at := strings.TrimPrefix(e.Field, "body.")
			if at == name || path != "" && (at == path || strings.HasPrefix(at, path+".") || strings.HasPrefix(at, path+"[")) {
				said = strings.Trim(said+"；"+e.Detail, "；")
				problem.Errors[i].Field = name
			}
		}
		return said
	}
	name := func(field, label string) {
		if problem == nil {
			return
		}
		for i := range problem.Errors {
			if problem.Errors[i].Field == field {
				problem.Errors[i].Field = label
			}
		}
	}
	for _, g := range valuationForm {
		if !g.shown(form.Get("purpose")) {
			for _, x := range g.Fields {
				if v := form.Get(x.Name); v != "" {
					kept = append(kept, choice{x.Name, v})
				}
			}
			continue
		}
		s := shownGroup{Legend: g.Legend, Folded: g.Folded}
		for _, x := range g.Fields {
			v := shownField{formField: x, Value: form.Get(x.Name), Wrong: wrong(x.Name, x.Path)}
			for _, r := range remarks {
				if x.Path != "" && r.Field == x.Path && r.Kind != appraisal.RemarkFault && (r.Kind != appraisal.RemarkProposed || v.Value == "") {
					v.Notes = append(v.Notes, r)
				}
			}
			if v.Value != "" || v.Wrong != "" || slices.ContainsFunc(v.Notes, func(r appraisal.Remark) bool { return r.Kind == appraisal.RemarkLook }) {
				s.Folded = false
			}
			name(x.Name, x.Label)
			s.Fields = append(s.Fields, v)
		}
		groups = append(groups, s)
	}
	numberWrong = wrong("number", "number")
	name("number", "专利号")
	name("valuation_date", "估值基准日")
	name("date", "估值基准日")
	name("level", "区间置信水平")
	name("purpose", "目的")
	wrong("borrower", "borrower")
	name("borrower", "委托方或借款人")
	return groups, kept, numberWrong
}
