// Package mark decides a pledge of registered trademarks, and checks what a
// geographical indication adds to a loan.
//
// Start with [Decide] for marks and [Enhance] for geographical indications. A
// mark's value comes from the royalty that its owner is spared, with what it cost
// as the floor; there is no market range, because no priced deals of marks are on
// file.
package mark

import (
	_ "embed"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/lending"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/ruling"
)

//go:embed rules.json
var rulesJSON []byte

// Rules are the rules and figures in force in this version.
var Rules = ruling.Load(rulesJSON)

// Mark is one registration. What a field does not say is unknown.
type Mark struct {
	Number     string        `json:"reg_no" zh:"注册号"` // with G before it: by Madrid
	Name       string        `json:"name,omitempty" zh:"商标"`
	Kind       string        `json:"kind,omitempty" zh:"商标类型" words:"普通商标=ordinary,集体商标=collective,证明商标=certification"`
	Classes    []string      `json:"classes" zh:"国际分类"` // Nice, 1 to 45
	Goods      string        `json:"goods,omitempty" zh:"商品或服务"`
	Registrant string        `json:"registrant,omitempty" zh:"注册人"`
	Co         []string      `json:"co_registrants,omitempty" zh:"共有人"`
	CoConsent  patent.Truth  `json:"co_consent,omitempty" zh:"共有人同意"`
	Registered calendar.Date `json:"registered_on,omitzero" zh:"注册日"`
	TermEnd    calendar.Date `json:"term_end,omitzero" zh:"有效期至"` // last day
	State      string        `json:"state,omitempty" zh:"状态" words:"已注册=registered,有效=registered,已失效=lapsed,已撤销=revoked,已无效=invalid"`

	NonUsePending patent.Truth  `json:"non_use_pending,omitempty" zh:"撤三申请"`
	Challenged    patent.Truth  `json:"invalidation_pending,omitempty" zh:"无效宣告申请"`
	LastUse       calendar.Date `json:"last_use,omitzero" zh:"最近使用证据日"`
	Pledged       patent.Truth  `json:"pledged,omitempty" zh:"已质押"`
	Preserved     patent.Truth  `json:"preserved,omitempty" zh:"已保全"`
	Licensed      patent.Truth  `json:"exclusively_licensed,omitempty" zh:"已独占许可"`

	Family  string       `json:"family,omitempty" zh:"近似组"`   // marks that are alike on like goods
	Offered patent.Truth `json:"offered,omitempty" zh:"本次出质"` // no: the owner's, and left out of the pledge
	Cost    *money.Fen   `json:"cost,omitempty" zh:"形成成本"`    // registration and promotion, documented
}

// Revenue is what was sold under the brand in one year.
type Revenue struct {
	Year   int       `json:"year" zh:"年度"`
	Amount money.Fen `json:"amount" zh:"品牌收入"`
	Source string    `json:"source,omitempty" zh:"来源"`
}

// Income is what the relief from royalty rests on. It has no defaults but the tax.
type Income struct {
	RoyaltyLow  *float64 `json:"royalty_low,omitempty" zh:"许可费率下限"`
	Royalty     *float64 `json:"royalty,omitempty" zh:"许可费率"`
	RoyaltyHigh *float64 `json:"royalty_high,omitempty" zh:"许可费率上限"`
	Source      string   `json:"royalty_source,omitempty" zh:"费率来源"`
	Discount    *float64 `json:"discount,omitempty" zh:"折现率"`
	DiscountBy  string   `json:"discount_source,omitempty" zh:"折现率来源"`
	Horizon     int      `json:"horizon_years,omitempty" zh:"收益年限"`
	Survival    *float64 `json:"renewal_survival,omitempty" zh:"续展概率"` // at each renewal; nil: none is counted on
}

// Input is a pledge of marks as proposed.
type Input struct {
	Label    string        `json:"label,omitempty" zh:"标注"`
	On       calendar.Date `json:"on" zh:"基准日"`
	Borrower string        `json:"borrower,omitempty" zh:"借款人"`
	Pledgor  string        `json:"pledgor" zh:"出质人"`
	Pledgee  string        `json:"pledgee,omitempty" zh:"质权人"`
	Contract string        `json:"contract,omitempty" zh:"合同号"` // of this pledge, so that its own entry in the ledger is no obstacle
	Loan     *money.Fen    `json:"loan,omitempty" zh:"拟贷金额"`
	Maturity calendar.Date `json:"maturity,omitzero" zh:"到期日"`
	Searched calendar.Date `json:"family_searched_on,omitzero" zh:"近似商标检索日"` // the registrant's marks were searched for like ones

	Policy        string     `json:"policy,omitempty" zh:"质押政策"` // id of a preset
	Ceiling       *float64   `json:"ltv_ceiling,omitempty" zh:"质押率上限"`
	CeilingSource string     `json:"ltv_ceiling_source,omitempty" zh:"质押率依据"`
	Haircut       *float64   `json:"non_use_haircut,omitempty" zh:"不使用折扣"` // what is left of the value of a mark not used
	HaircutSource string     `json:"non_use_haircut_source,omitempty" zh:"折扣依据"`
	External      *money.Fen `json:"external_value,omitempty" zh:"外部评估价值"`

	Income   Income    `json:"income" zh:"收益"`
	Marks    []Mark    `json:"marks" zh:"商标"`
	Revenues []Revenue `json:"revenues,omitempty" zh:"品牌收入"`

	Ledger []ruling.Burden `json:"ledger,omitempty"` // what the ledger of rights said
}

// Row is one mark decided.
type Row struct {
	Number  string         `json:"reg_no" zh:"注册号"`
	Name    string         `json:"name,omitempty" zh:"商标"`
	Outcome ruling.Outcome `json:"outcome" zh:"结论"`
	State   string         `json:"state" zh:"期限状态"` // running, window, grace, over, unknown
	StateZh string         `json:"state_zh" zh:"期限状态（中文）"`
	Opens   calendar.Date  `json:"renewal_from" zh:"可续展日"` // first day of the window
	Grace   calendar.Date  `json:"grace_until" zh:"宽展期至"`  // last day
}

// Result is a pledge of marks decided.
type Result struct {
	Label    string          `json:"label,omitempty" zh:"标注"`
	On       calendar.Date   `json:"on" zh:"基准日"`
	Decision ruling.Decision `json:"decision" zh:"结论"`
	Rows     []Row           `json:"marks" zh:"逐件结论"`

	Value *Value `json:"value" zh:"价值"` // null: see M13

	Ceiling     *float64   `json:"ltv_ceiling" zh:"质押率上限"`
	Haircut     float64    `json:"haircut" zh:"折扣"`
	Lendable    *money.Fen `json:"lendable" zh:"可担保额"` // lower end · haircut · ceiling
	LTV         *float64   `json:"ltv" zh:"抵质押率"`
	LTVExternal *float64   `json:"ltv_external" zh:"按外部评估的抵质押率"`
	Market      string     `json:"market" zh:"市场法"`
}

// Value is what the marks pledged are worth together.
type Value struct {
	Low    money.Fen  `json:"low" zh:"下限"`
	Point  money.Fen  `json:"point" zh:"价值"`
	High   money.Fen  `json:"high" zh:"上限"`
	Floor  *money.Fen `json:"cost_floor" zh:"成本下限"`
	Years  float64    `json:"years" zh:"计算年限"` // weighted by survival
	Basis  string     `json:"basis" zh:"方法"`
	Source string     `json:"source" zh:"来源"`
}

var regNo = regexp.MustCompile(`^(G[0-9]{5,8}[A-Z]?|[0-9]{1,8}[A-Z]?)$`)

// ParseNumber returns the normal form of a trademark's register number: one to
// eight digits with a letter for a part, or G and the number of the international
// register. It has no check digit.
func ParseNumber(s string) (string, error) {
	n := strings.ToUpper(strings.TrimSpace(s))
	n = strings.Map(func(r rune) rune {
		switch {
		case r >= '０' && r <= '９':
			return r - '０' + '0'
		case r == ' ' || r == '　':
			return -1
		}
		return r
	}, n)
	for _, prefix := range []string{"注册", "商标", "注册", "证", "第"} {
		n = strings.TrimPrefix(n, prefix)
	}
	n = strings.TrimSuffix(strings.TrimSuffix(n, "商标"), "号")
	if !regNo.MatchString(n) || strings.Trim(n, "0") == "" {
		return "", fault.New(fault.Invalid, "mark.number", "“"+clip(s)+"”不是商标注册号：应为 1 到 8 位数字，或 G 加国际注册号。", "This is no trademark number: want one to eight digits, or G and the international number.")
	}
	return n, nil
}

func clip(s string) string {
	r := []rune(s)
	return string(r[:min(len(r), 40)])
}

// TermEnd is the last day of a registration's first term.
func TermEnd(registered calendar.Date) calendar.Date {
	return registered.AddYears(int(Rules.Value("term_years"))).AddDays(-1)
}

// Term says where a day stands in a mark's term, whose last day is end: running;
// window, the twelve months before the end in which it is renewed; grace, six
// months after it; over.
func Term(end, on calendar.Date) (state, zh string, opens, grace calendar.Date) {
	if end.IsZero() {
		return "unknown", "有效期未知", opens, grace
	}
	opens = end.AddDays(1).AddMonths(-int(Rules.Value("renewal_months")))
	grace = end.AddMonths(int(Rules.Value("grace_months")))
	switch {
	case on.After(grace):
		return "over", "宽展期已过", opens, grace
	case on.After(end):
		return "grace", "宽展期", opens, grace
	case !on.Before(opens):
		return "window", "续展期", opens, grace
	}
	return "running", "有效期内", opens, grace
}

// Check refuses what cannot be a pledge of marks, each fault under its own code.
func (in *Input) Check() error {
	var f ruling.Faults
	rate := func(field, code string, x *float64, most float64) {
		f.Wrong(x != nil && !(*x >= 0 && *x <= most), field, code, fmt.Sprintf("应在 0 到 %g 之间", most), fmt.Sprintf("must lie between 0 and %g", most))
	}
	f.Wrong(in.On.IsZero(), "on", "mark.on", "请填写基准日", "is missing")
	f.Wrong(strings.TrimSpace(in.Pledgor) == "", "pledgor", "mark.pledgor", "请填写出质人", "is missing")
	f.Wrong(in.Loan != nil && (*in.Loan <= 0 || *in.Loan > money.Max), "loan", "mark.loan", "拟贷金额应大于 0", "must be above zero")
	f.Wrong(!in.Maturity.IsZero() && !in.Maturity.After(in.On), "maturity", "mark.maturity", "到期日应晚于基准日", "must lie after the day")
	rate("ltv_ceiling", "mark.ceiling", in.Ceiling, 1)
	f.Wrong(in.Ceiling != nil && in.CeilingSource == "", "ltv_ceiling_source", "mark.ceiling_source", "质押率上限须注明依据", "name the source of the ceiling")
	f.Wrong(in.Ceiling != nil && in.Policy != "", "policy", "mark.policy_twice", "质押政策和质押率上限只填一个", "give a policy or a ceiling, not both")
	rate("non_use_haircut", "mark.haircut", in.Haircut, 1)
	f.Wrong(in.Haircut != nil && in.HaircutSource == "", "non_use_haircut_source", "mark.haircut_source", "折扣须注明依据", "name the source of the haircut")
	f.Wrong(in.External != nil && *in.External <= 0, "external_value", "mark.external", "外部评估价值应大于 0", "must be above zero")
	x := &in.Income
	for _, r := range []*float64{x.RoyaltyLow, x.Royalty, x.RoyaltyHigh} {
		rate("income.royalty", "mark.royalty", r, 0.5)
	}
	f.Wrong(x.Royalty != nil && (x.RoyaltyLow != nil && *x.RoyaltyLow > *x.Royalty || x.RoyaltyHigh != nil && *x.RoyaltyHigh < *x.Royalty), "income.royalty", "mark.royalty_order", "应为下限 ≤ 费率 ≤ 上限", "must be in order low, rate, high")
	f.Wrong(x.Royalty != nil && x.Source == "", "income.royalty_source", "mark.royalty_source", "许可费率须注明来源", "name the source of the royalty")
	f.Wrong(x.Discount != nil && !(*x.Discount > 0 && *x.Discount <= 1), "income.discount", "mark.discount", "折现率应大于 0 且不超过 1", "must be above 0 and at most 1")
	f.Wrong(x.Discount != nil && x.DiscountBy == "", "income.discount_source", "mark.discount_source", "折现率须注明来源", "name the source of the discount rate")
	f.Wrong(x.Horizon < 0 || x.Horizon > 50, "income.horizon_years", "mark.horizon", "收益年限应为 1 到 50", "must be 1 to 50")
	rate("income.renewal_survival", "mark.survival", x.Survival, 1)
	f.Wrong(len(in.Marks) == 0 || len(in.Marks) > 1000, "marks", "mark.marks", "商标应为 1 到 1000 件", "must be 1 to 1,000")
	seen := map[string]int{}
	for i := range in.Marks {
		m := &in.Marks[i]
		at := fmt.Sprintf("marks[%d]", i)
		n, err := ParseNumber(m.Number)
		f.Wrong(err != nil, at+".reg_no", "mark.number", "不是商标注册号：应为 1 到 8 位数字，或 G 加国际注册号", "is no trademark number")
		if err == nil {
			j, twice := seen[n]
			f.Wrong(twice, at+".reg_no", "mark.twice", fmt.Sprintf("与第 %d 件重复", j+1), fmt.Sprintf("repeats mark %d", j+1))
			seen[n] = i
		}
		f.Wrong(len(m.Classes) == 0, at+".classes", "mark.classes", "请填写国际分类", "is missing")
		for _, c := range m.Classes {
			k, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(c), "第"), "类"))
			f.Wrong(err != nil || k < 1 || k > 45, at+".classes", "mark.class", "国际分类应为 1 到 45", "a Nice class is 1 to 45")
		}
		f.Wrong(!slices.Contains([]string{"", "ordinary", "collective", "certification"}, m.Kind), at+".kind", "mark.kind", "应为 ordinary、collective 或 certification", "must be ordinary, collective or certification")
		f.Wrong(!slices.Contains([]string{"", "registered", "lapsed", "revoked", "invalid"}, m.State), at+".state", "mark.state", "应为 registered、lapsed、revoked 或 invalid", "must be registered, lapsed, revoked or invalid")
		f.Wrong(!m.Registered.IsZero() && !m.TermEnd.IsZero() && !m.TermEnd.After(m.Registered), at+".term_end", "mark.term", "有效期应晚于注册日", "must lie after the registration")
		f.Wrong(m.LastUse.After(in.On) || m.Registered.After(in.On), at, "mark.future", "注册日和使用证据日不得晚于基准日", "registration and use may not lie after the day")
		f.Wrong(m.Cost != nil && *m.Cost < 0, at+".cost", "mark.cost", "成本不得为负", "may not be negative")
	}
	years := map[int]bool{}
	for i, r := range in.Revenues {
		at := fmt.Sprintf("revenues[%d]", i)
		f.Wrong(r.Amount < 0 || r.Amount > money.Max, at, "mark.revenue", "收入不得为负", "may not be negative")
		f.Wrong(r.Year < 1980 || r.Year > in.On.Year || years[r.Year], at, "mark.revenue_year", "年度重复，或晚于基准日", "the year repeats or lies after the day")
		years[r.Year] = true
	}
	return f.Err()
}

// Decide values and decides a pledge of marks.
func Decide(in Input) (Result, error) {
	if err := in.Check(); err != nil {
		return Result{}, err
	}
	out := Result{Label: in.Label, On: in.On, Haircut: 1, Market: "没有商标成交数据，不给出市场区间"}
	r := Rules.Under()
	unused := false
	for i := range in.Marks {
		m := &in.Marks[i]
		if m.Offered == patent.No {
			continue
		}
		unused = Grounds(r, m, in.Pledgor, in.Maturity, in.On) || unused
	}
	in.families(r)
	r.Ledger("M17", in.Ledger)
	for i := range in.Marks {
		if m := &in.Marks[i]; m.Offered != patent.No {
			row := Row{Number: m.Number, Name: m.Name, Outcome: r.Worst(m.Number)}
			row.State, row.StateZh, row.Opens, row.Grace = Term(m.end(), in.On)
			out.Rows = append(out.Rows, row)
		}
	}
	var missing string
	if out.Value, missing = in.value(); out.Value == nil {
		r.Add("M13", ruling.Unknown, "", missing, "品牌收入（最近三年）、许可费率、折现率和收益年限，各附来源")
	} else {
		r.Add("M13", ruling.Pass, "", fmt.Sprintf("价值%s元，%s元至%s元", out.Value.Point, out.Value.Low, out.Value.High), "")
	}
	if err := in.lend(r, &out, unused); err != nil {
		return Result{}, err
	}
	out.Decision = r.Decide()
	return out, nil
}

// end is the last day of the term: as told, else of the first term.
func (m *Mark) end() calendar.Date {
	if m.TermEnd.IsZero() && !m.Registered.IsZero() {
		return TermEnd(m.Registered)
	}
	return m.TermEnd
}

// Grounds answers whether one mark may be pledged by pledgor for a debt until
// maturity; unused says that its value must be cut for want of use. The desk uses
// it for the marks of a file.
func Grounds(r *ruling.Ruling, m *Mark, pledgor string, maturity, on calendar.Date) (unused bool) {
	s := m.Number
	switch {
	case m.Registrant == "" || pledgor == "":
		r.Add("M01", ruling.Unknown, s, "注册人或出质人未知", "商标注册证或商标档案")
	case !patent.SameName(m.Registrant, pledgor) && !slices.ContainsFunc(m.Co, func(c string) bool { return patent.SameName(c, pledgor) }):
		r.Add("M01", ruling.Block, s, "注册人为"+m.Registrant+"，出质人为"+pledgor, "由注册人出质，或先办理转让、变更")
	default:
		r.Add("M01", ruling.Pass, s, "注册人即出质人", "")
	}
	end := m.end()
	state, zh, opens, grace := Term(end, on)
	switch {
	case m.State == "lapsed" || m.State == "revoked" || m.State == "invalid":
		r.Add("M02", ruling.Block, s, map[string]string{"lapsed": "已失效", "revoked": "已撤销", "invalid": "已宣告无效"}[m.State], "更换质物")
	case state == "over":
		r.Add("M02", ruling.Block, s, "有效期至"+end.String()+"，宽展期至"+grace.String()+"，未见续展", "已续展的，提供续展证明")
	case state == "unknown" || m.State == "":
		r.Add("M02", ruling.Unknown, s, "注册状态或有效期未知", "商标注册证或商标档案（状态、注册日、有效期）")
	default:
		r.Add("M02", ruling.Pass, s, "有效期至"+end.String(), "")
	}
	switch state {
	case "window":
		r.Add("M03", ruling.Warn, s, "有效期至"+end.String()+"，自"+opens.String()+"可以续展", "续展申请或续展证明")
	case "grace":
		r.Add("M03", ruling.Warn, s, "有效期至"+end.String()+"，宽展期至"+grace.String(), "续展申请（宽展期）或续展证明")
	case "running":
		r.Add("M03", ruling.Pass, s, zh, "")
	}
	switch {
	case maturity.IsZero():
		r.Add("M05", ruling.Unknown, s, "债务到期日未知", "到期日")
	case end.IsZero():
	case end.Before(maturity):
		r.Add("M05", ruling.Warn, s, "有效期至"+end.String()+"，债务"+maturity.String()+"到期", "续展承诺")
	default:
		r.Add("M05", ruling.Pass, s, "有效期至"+end.String()+"，债务"+maturity.String()+"到期", "")
	}
	if !m.Registered.IsZero() && !m.TermEnd.IsZero() {
		ok := false
		for k := 1; k <= 20 && !ok; k++ {
			ok = m.Registered.AddYears(10*k).AddDays(-1) == m.TermEnd
		}
		if ok {
			r.Add("M09", ruling.Pass, s, "", "")
		} else {
			r.Add("M09", ruling.Review, s, m.Registered.String()+"注册，有效期至"+m.TermEnd.String()+"，不是整十年", "商标注册证")
		}
	}
	years := int(Rules.Value("non_use_years"))
	switch {
	case m.NonUsePending == patent.Yes:
		unused = true
		r.Add("M06", ruling.Warn, s, "有人申请撤销（连续三年不使用）", "答辩材料和使用证据")
	case !m.LastUse.IsZero() && on.After(m.LastUse.AddYears(years)):
		unused = true
		r.Add("M06", ruling.Warn, s, "最近使用证据为"+m.LastUse.String()+"，已满三年", "最近三年的使用证据")
	case m.NonUsePending != patent.No:
		r.Add("M06", ruling.Unknown, s, "不知是否有撤三申请", "商标档案（撤销申请）")
	case !m.LastUse.IsZero():
		r.Add("M06", ruling.Pass, s, "最近使用证据为"+m.LastUse.String(), "")
	case !m.Registered.IsZero() && on.Before(m.Registered.AddYears(years)):
		r.Add("M06", ruling.Pass, s, m.Registered.String()+"注册，未满三年", "")
	default:
		r.Add("M06", ruling.Unknown, s, "没有使用证据", "最近三年的使用证据（合同、发票、广告）")
	}
	if m.Challenged == patent.Yes {
		r.Add("M15", ruling.Review, s, "有人请求宣告无效", "答辩材料")
	} else if m.Challenged != patent.No {
		r.Add("M15", ruling.Unknown, s, "不知是否有无效宣告请求", "商标档案（无效宣告）")
	} else {
		r.Add("M15", ruling.Pass, s, "没有无效宣告请求", "")
	}
	switch {
	case m.Pledged == patent.Yes || m.Preserved == patent.Yes:
		r.Add("M07", ruling.Block, s, "已质押或已保全", "先办理注销或解除")
	case m.Pledged != patent.No || m.Preserved != patent.No:
		r.Add("M07", ruling.Unknown, s, "不知是否已质押或保全", "商标档案（质权登记、冻结）")
	default:
		r.Add("M07", ruling.Pass, s, "均无", "")
	}
	switch m.Kind {
	case "ordinary":
		r.Add("M08", ruling.Pass, s, "", "")
	case "collective", "certification":
		r.Add("M08", ruling.Review, s, map[string]string{"collective": "集体商标", "certification": "证明商标"}[m.Kind], "注册人（协会）章程和成员授权；使用人增信另见地理标志")
	default:
		r.Add("M08", ruling.Unknown, s, "商标类型未知", "商标注册证")
	}
	if len(m.Co) > 0 {
		switch m.CoConsent {
		case patent.Yes:
			r.Add("M10", ruling.Pass, s, "共有人均同意", "")
		case patent.No:
			r.Add("M10", ruling.Block, s, "共有人不同意", "全体共有人同意书")
		default:
			r.Add("M10", ruling.Unknown, s, "共有人："+strings.Join(m.Co, "、"), "全体共有人同意书")
		}
	}
	switch m.Licensed {
	case patent.Yes:
		r.Add("M11", ruling.Warn, s, "有独占许可，质权人只能就许可收益受偿", "许可合同及备案")
	case patent.No:
		r.Add("M11", ruling.Pass, s, "没有", "")
	default:
		r.Add("M11", ruling.Unknown, s, "不知是否有独占许可", "商标档案（许可备案）")
	}
	return unused
}

// families is rule M04: of marks that are alike on like goods, all are pledged or
// none. Those of one family are alike; so are those of one name in one class.
func (in *Input) families(r *ruling.Ruling) {
	if in.Searched.IsZero() || in.Searched.After(in.On) {
		r.Add("M04", ruling.Unknown, "", "没有基准日以前的近似商标检索", "注册人名下相同近似商标的检索报告")
		return
	}
	fold := func(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), "")) }
	alike := func(a, b *Mark) bool {
		if a.Family != "" && a.Family == b.Family {
			return true
		}
		return a.Name != "" && fold(a.Name) == fold(b.Name) && slices.ContainsFunc(a.Classes, func(c string) bool { return slices.Contains(b.Classes, c) })
	}
	complete := true
	for i := range in.Marks {
		left := &in.Marks[i]
		if left.Offered != patent.No {
			continue
		}
		for k := range in.Marks {
			if m := &in.Marks[k]; m.Offered != patent.No && alike(left, m) {
				complete = false
				r.Add("M04", ruling.Block, m.Number, "近似商标"+left.Number+"没有一并出质", "将"+left.Number+"一并出质")
				break
			}
		}
	}
	if complete {
		r.Add("M04", ruling.Pass, "", in.Searched.String()+"检索，没有遗漏", "")
	}
}

// value is the relief from royalty of the marks pledged together:
// V = Σ R·k·(1−τ)·s_t/(1+r)^t at the end of each year t, R the brand revenue, k the
// royalty, τ the tax and s_t the share that the registration lives to: 1 to the end
// of the earliest term, then the survival once for each renewal; without a survival
// nothing after the term counts, and the year in which it ends counts in part. The
// lower end takes the least revenue of the years told with the lowest royalty, the
// upper the most with the highest. Years are weighted by that share. What the marks cost is the floor.
func (in *Input) value() (_ *Value, missing string) {
	var end calendar.Date
	var floor *money.Fen
	known := true
	for i := range in.Marks {
		m := &in.Marks[i]
		if m.Offered == patent.No {
			continue
		}
		if e := m.end(); e.IsZero() {
			known = false
		} else if end.IsZero() || e.Before(end) {
			end = e
		}
		if m.Cost != nil {
			x := *m.Cost
			if floor != nil {
				x += *floor
			}
			floor = &x
		}
	}
	x := &in.Income
	var lacks []string
	for _, l := range []struct {
		bad bool
		zh  string
	}{{!known || end.IsZero(), "有效期"}, {len(in.Revenues) == 0, "品牌收入"}, {x.Royalty == nil, "许可费率"}, {x.Discount == nil, "折现率"}, {x.Horizon == 0, "收益年限"}} {
		if l.bad {
			lacks = append(lacks, l.zh)
		}
	}
	if len(lacks) > 0 {
		return nil, "缺少" + strings.Join(lacks, "、")
	}
	low, high, sum := in.Revenues[0].Amount, in.Revenues[0].Amount, money.Fen(0)
	for _, r := range in.Revenues {
		low, high, sum = min(low, r.Amount), max(high, r.Amount), sum+r.Amount
	}
	mean := sum.MulRatio(1, int64(len(in.Revenues)))
	q := 0.0
	if x.Survival != nil {
		q = *x.Survival
	}
	factor, years := 0.0, 0.0
	next, alive := end.AddDays(1), 1.0 // when the term ends, and the share that lives until then
	for t := 1; t <= x.Horizon; t++ {
		from, to := in.On.AddYears(t-1), in.On.AddYears(t)
		s := alive
		if next.Before(to) {
			before := max(from.YearsUntil(next), 0)
			s = alive*before + alive*q*(1-before)
			alive *= q
			next = next.AddYears(int(Rules.Value("term_years")))
		}
		factor += s / math.Pow(1+*x.Discount, float64(t))
		years += s
	}
	factor *= 1 - Rules.Value("tax")
	or := func(p *float64) float64 {
		if p == nil {
			return *x.Royalty
		}
		return *p
	}
	v := &Value{Years: years, Floor: floor, Basis: "收益法（许可费节省），成本为下限", Source: x.Source + "；" + x.DiscountBy}
	v.Low, v.Point, v.High = low.MulRate(factor*or(x.RoyaltyLow)), mean.MulRate(factor**x.Royalty), high.MulRate(factor*or(x.RoyaltyHigh))
	if floor != nil {
		v.Low, v.Point, v.High = max(v.Low, *floor), max(v.Point, *floor), max(v.High, *floor)
	}
	return v, ""
}

// lend finds what may be lent under the policy's ceiling.
func (in *Input) lend(r *ruling.Ruling, out *Result, unused bool) error {
	source, tenor := in.CeilingSource, (*lending.Figure)(nil)
	out.Ceiling = in.Ceiling
	if in.Policy != "" {
		p, err := lending.PolicyByID(in.Policy)
		if err != nil {
			return err
		}
		if c, ok := p.Caps[lending.Trademark]; ok {
			out.Ceiling, source = &c.Value, c.Source
		}
		tenor = p.TenorMonths
	}
	if out.Ceiling == nil {
		r.Add("M12", ruling.Unknown, "", "政策没有规定商标的质押率上限，本系统没有缺省值", "本机构商标质押率上限及依据")
	} else {
		r.Cite("M12", ruling.Pass, "", fmt.Sprintf("%.0f%%", 100**out.Ceiling), "", source)
	}
	if tenor != nil && !in.Maturity.IsZero() {
		if last := in.On.AddMonths(int(tenor.Value)); in.Maturity.After(last) {
			r.Cite("M16", ruling.Block, "", "到期日"+in.Maturity.String()+"，最迟"+last.String(), "缩短期限", tenor.Source)
		} else {
			r.Cite("M16", ruling.Pass, "", "最迟"+last.String(), "", tenor.Source)
		}
	}
	ratio := func(over money.Fen) *float64 {
		if in.Loan == nil || over == 0 {
			return nil
		}
		x := float64(*in.Loan) / float64(over)
		return &x
	}
	if in.External != nil {
		out.LTVExternal = ratio(*in.External)
	}
	if out.Value == nil {
		return nil
	}
	out.LTV = ratio(out.Value.Point)
	if unused {
		if in.Haircut == nil {
			r.Add("M14", ruling.Unknown, "", "有商标未使用或被申请撤三，没有填写折扣", "本机构对不使用商标的折扣及依据")
			return nil
		}
		out.Haircut = *in.Haircut
	}
	if out.Ceiling == nil {
		return nil
	}
	x := out.Value.Low.MulRate(*out.Ceiling * out.Haircut)
	out.Lendable = &x
	switch {
	case in.Loan == nil:
		r.Add("M14", ruling.Unknown, "", "没有填写拟贷金额；可担保"+x.String()+"元", "拟贷金额")
	case *in.Loan > x:
		r.Add("M14", ruling.Review, "", fmt.Sprintf("拟贷%s元，可担保%s元", *in.Loan, x), "降低金额或增加押品")
	default:
		r.Add("M14", ruling.Pass, "", fmt.Sprintf("拟贷%s元，可担保%s元", *in.Loan, x), "")
	}
	return nil
}
