package pages

import (
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
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/cost"
	"zhijia/internal/valuation/damages"
	"zhijia/internal/valuation/income"
	"zhijia/internal/valuation/terms"
)

// formField is one entry of the valuation form: how it is shown, where the
// request holds it, and how it is taken over.
type formField struct {
	Name, Label, Hint string
	Unit              string // behind the label; amounts are in 万元 throughout
	As                string // text, long, date, number, range, choice
	Path              string // of the request, as faults name it
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
	req    appraisal.Request
	faults []fault.Field
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
	return formField{Name: name, Label: label, Path: path, As: "number", take: func(f *filling, text string) {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			f.wrong(name, "field.count", "应为 0 或正整数", "want 0 or a whole number above")
			return
		}
		*put(f) = &n
	}}
}

func numberField(name, label, unit, path string, scale float64, put func(*filling) **float64) formField {
	return formField{Name: name, Label: label, Unit: unit, Path: path, As: "number", take: func(f *filling, text string) {
		v, err := number(text, name)
		if err != nil {
			f.faults = append(f.faults, fault.Public(err).Fields...)
		} else if v != nil {
			x := *v * scale
			*put(f) = &x
		}
	}}
}

func quantityField(name, label, unit, path string, scale float64, put func(*filling) **terms.Quantity) formField {
	return formField{Name: name, Label: label, Unit: unit, Path: path, As: "range", Hint: "一个数，或 低/可能/高", take: func(f *filling, text string) {
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
func readYears(text string) (out []terms.YearQuantity, problem *fault.Field) {
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(";；\n", r) }) {
		year, amount, ok := strings.Cut(strings.NewReplacer("：", ":", "年", "").Replace(part), ":")
		y, err := strconv.Atoi(strings.TrimSpace(year))
		if !ok || err != nil || y < 1985 || y > 2100 {
			return nil, &fault.Field{Field: "revenue_years", Code: "field.years", Zh: "请按 年份:万元 填写，用分号隔开（例：2027:1200；2028:1500/1800/2000）", En: "want year:amount, e.g. 2027:1200; 2028:1500"}
		}
		q, problem := readQuantity(strings.TrimSpace(amount), "revenue_years", 1e4)
		if problem != nil || q == nil {
			return nil, &fault.Field{Field: "revenue_years", Code: "field.years", Zh: fmt.Sprintf("%d 年的金额无法读出", y), En: fmt.Sprintf("the amount of %d is not a number", y)}
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
// valuation has its entry here, but for real options, scores and the model.
var valuationForm = []formGroup{
	{Legend: "没有专利号，或库中没有：填写文本", Folded: true, Fields: []formField{
		textField("title", "名称", "text.title", "", func(f *filling) *string { return &f.text().Title }),
		longField("abstract", "摘要", "text.abstract", func(f *filling) *string { return &f.text().Abstract }),
		longField("claims", "权利要求", "text.claims", func(f *filling) *string { return &f.text().Claims }),
	}},
	{Legend: "权利", Folded: true, Fields: []formField{
		choiceField("kind", "类型", "patent.kind", []choice{{"", "未知"}, {"invention", "发明"}, {"utility_model", "实用新型"}, {"design", "外观设计"}}, func(f *filling, v string) { f.patent().Kind = v }),
		{Name: "ipc", Label: "IPC（主分类在前，分号隔开）", Hint: "H01M 4/36; H01M 10/0525", Path: "patent.ipc", As: "text", take: func(f *filling, text string) {
			for _, symbol := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(";；,，、", r) }) {
				if symbol = strings.TrimSpace(symbol); symbol != "" {
					f.patent().IPC = append(f.patent().IPC, symbol)
				}
			}
		}},
		dayField("filing", "申请日", "patent.filing_date", func(f *filling) *calendar.Date { return &f.patent().Filing }),
		dayField("grant", "授权日", "patent.grant_date", func(f *filling) *calendar.Date { return &f.patent().Grant }),
		choiceField("owner", "权利人性质", "patent.owner_type", []choice{{"", "未知"}, {"university", "高校"}, {"institute", "科研院所"}, {"firm", "企业"}, {"individual", "个人"}}, func(f *filling, v string) { f.patent().OwnerType = v }),
		countField("claim_count", "权利要求项数", "patent.claims", func(f *filling) **int { return &f.patent().Claims }),
		countField("family", "同族件数", "patent.family", func(f *filling) **int { return &f.patent().Family }),
		countField("cited_by", "被引用次数", "patent.cited_by", func(f *filling) **int { return &f.patent().CitedBy }),
		numberField("share", "本方所占权利份额", "%", "right_fraction", 0.01, func(f *filling) **float64 { return &f.req.Share }),
		{Name: "bundle", Label: "一并处置的其他专利号（分号隔开）", Path: "bundle", As: "text", take: func(f *filling, text string) {
			for _, n := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(";；,，、\n", r) }) {
				if n = strings.TrimSpace(n); n != "" {
					f.req.Bundle = append(f.req.Bundle, n)
				}
			}
		}},
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
		{Name: "revenue_years", Label: "或逐年收入", Unit: "万元", Hint: "2027:1200；2028:1500/1800/2000", Path: "income.revenue", As: "text", take: func(f *filling, text string) {
			years, problem := readYears(text)
			if problem != nil {
				f.faults = append(f.faults, *problem)
			}
			f.income().Revenue = years
		}},
		quantityField("royalty", "许可费率", "%", "income.royalty_rate", 0.01, func(f *filling) **terms.Quantity { return &f.income().Royalty }),
		choiceField("industry", "或按行业取费率", "income.industry", industries(), func(f *filling, v string) { f.income().Industry = v }),
		quantityField("margin", "产品营业利润率", "%", "income.operating_margin", 0.01, func(f *filling) **terms.Quantity { return &f.income().Margin }),
		quantityField("profit_share", "利润分成率", "%", "income.profit_share", 0.01, func(f *filling) **terms.Quantity { return &f.income().ProfitShare }),
		quantityField("attribution", "本专利的贡献份额", "%", "income.attribution", 0.01, func(f *filling) **terms.Quantity { return &f.income().Attribution }),
		quantityField("life", "剩余经济寿命", "年", "income.economic_life_years", 1, func(f *filling) **terms.Quantity { return &f.income().EconomicLife }),
		quantityField("contract_term", "合同期限", "年", "income.contract_term_years", 1, func(f *filling) **terms.Quantity { return &f.income().ContractTerm }),
		quantityField("discount", "折现率（税后、名义）", "%", "income.discount_rate", 0.01, func(f *filling) **terms.Quantity { return &f.income().Discount }),
		quantityField("tax", "所得税率", "%", "income.tax_rate", 0.01, func(f *filling) **terms.Quantity { return &f.income().Tax }),
		quantityField("annual_cost", "年维持成本", "万元", "income.annual_cost", wan, func(f *filling) **terms.Quantity { return &f.income().AnnualCost }),
	}},
	{Legend: "成本", Folded: true, For: append([]string{"securitisation"}, earning...), Fields: []formField{
		quantityField("labour", "研发人工成本", "万元", "cost.labour", wan, func(f *filling) **terms.Quantity { return &f.cost().Labour }),
		quantityField("expenses", "研发其他成本", "万元", "cost.expenses", wan, func(f *filling) **terms.Quantity { return &f.cost().Expenses }),
		quantityField("overhead", "管理费用", "万元", "cost.overhead", wan, func(f *filling) **terms.Quantity { return &f.cost().Overhead }),
		quantityField("fees", "申请、代理与官费", "万元", "cost.fees", wan, func(f *filling) **terms.Quantity { return &f.cost().Fees }),
		numberField("functional", "功能性贬值", "%", "cost.functional", 0.01, func(f *filling) **float64 { return &f.cost().Functional }),
		numberField("technological", "技术性贬值", "%", "cost.technological", 0.01, func(f *filling) **float64 { return &f.cost().Technological }),
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
}

// showForm lays the form out for its purpose: what was typed stands where it was
// typed, and each fault at its field. Faults that no field shown is to blame for
// stay in the problem; the others are named there by their field's label. What was
// typed for another purpose is kept unseen.
func showForm(form url.Values, problem *gate.Problem) (groups []shownGroup, kept []choice, numberWrong string) {
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
			v := shownField{x, form.Get(x.Name), wrong(x.Name, x.Path)}
			if v.Value != "" || v.Wrong != "" {
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
	return groups, kept, numberWrong
}
