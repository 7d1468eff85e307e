package mark

import (
	"cmp"
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"zhijia/internal/calendar"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/ruling"
)

//go:embed gi.json
var giJSON []byte

// GIRules are the rules and figures for geographical indications in this version.
var GIRules = ruling.Load(giJSON)

// GI is a geographical indication with those who apply for loans on its strength.
type GI struct {
	Label     string        `json:"label,omitempty" zh:"标注"`
	On        calendar.Date `json:"on" zh:"基准日"`
	ID        string        `json:"gi_id" zh:"地理标志编号"`
	Name      string        `json:"name" zh:"地理标志名称"`
	Basis     string        `json:"basis" zh:"保护方式" words:"地理标志产品=product,证明商标=certification,集体商标=collective"`
	Holder    string        `json:"holder,omitempty" zh:"持有人"`
	Suspended patent.Truth  `json:"suspended,omitempty" zh:"标志停用"`

	// Yuan a kilogram, of the last three years.
	PriceLow    *money.Fen    `json:"price_low,omitempty" zh:"三年最低价"`
	PriceMean   *money.Fen    `json:"price_mean,omitempty" zh:"三年均价"`
	PriceSource string        `json:"price_source,omitempty" zh:"价格来源"`
	PriceDate   calendar.Date `json:"price_date,omitzero" zh:"价格日期"`

	Alpha      *float64   `json:"alpha,omitempty" zh:"授信系数"`        // of the income expected
	Beta       *float64   `json:"beta,omitempty" zh:"保险系数"`         // of the sum insured
	CostShare  *float64   `json:"cost_share,omitempty" zh:"成本比例"`   // of the gross income
	TermSource string     `json:"terms_source,omitempty" zh:"系数来源"` // of the three
	SchemeCap  *money.Fen `json:"scheme_cap,omitempty" zh:"方案单户上限"`
	BankCap    *money.Fen `json:"bank_cap,omitempty" zh:"银行单户上限"`
	Line       *money.Fen `json:"association_line,omitempty" zh:"协会集体额度"`

	Members []Member `json:"members" zh:"申请人"`
	Users   []User   `json:"users" zh:"合法使用人"`
}

// User is one who may use the special sign, as announced.
type User struct {
	Name    string        `json:"name" zh:"名称"`
	Code    string        `json:"credit_code,omitempty" zh:"统一社会信用代码"`
	From    calendar.Date `json:"announced_on" zh:"公告日"`
	Until   calendar.Date `json:"removed_on,omitzero" zh:"取消日"` // no longer a user on this day
	Article string        `json:"announcement,omitempty" zh:"公告"`
}

// Member is one who applies.
type Member struct {
	Seq       int           `json:"seq,omitempty" zh:"序号"`
	Name      string        `json:"name" zh:"名称"`
	Code      string        `json:"credit_code,omitempty" zh:"统一社会信用代码"`
	Area      *float64      `json:"area_mu,omitempty" zh:"面积(亩)"`
	Bearing   *float64      `json:"bearing_share,omitempty" zh:"结果面积占比"` // nil: all bears
	YieldLow  *float64      `json:"yield_low,omitempty" zh:"三年最低亩产"`     // kg a mu
	YieldMean *float64      `json:"yield_mean,omitempty" zh:"三年平均亩产"`
	YieldMax  *float64      `json:"yield_max,omitempty" zh:"三年最高亩产"`
	Claimed   *float64      `json:"claimed_kg,omitempty" zh:"申报产量"`
	Quota     *float64      `json:"quota_kg,omitempty" zh:"标志配额"`
	Insured   patent.Truth  `json:"insured,omitempty" zh:"有保险"`
	Sum       *money.Fen    `json:"sum_insured,omitempty" zh:"保险金额"`
	Insurer   string        `json:"insurer,omitempty" zh:"保险人"`
	Peril     string        `json:"peril,omitempty" zh:"险种"`
	Through   calendar.Date `json:"insured_through,omitzero" zh:"保险止期"`
	Contracts *money.Fen    `json:"contracts,omitempty" zh:"订单金额"`
	Wanted    *money.Fen    `json:"wanted,omitempty" zh:"申请额度"`
}

// MemberLine is what one applicant may have.
type MemberLine struct {
	Name    string         `json:"name" zh:"名称"`
	Factor  *float64       `json:"factor" zh:"增信系数"` // line over the gross income at the low price; 0: not a lawful user; null: not known
	Output  *float64       `json:"output_kg" zh:"认可产量"`
	Income  *money.Fen     `json:"income_low" zh:"毛收入(低价)"`
	Line    *money.Fen     `json:"line" zh:"建议额度"` // null: not known
	Binding string         `json:"binding" zh:"约束"`
	Parts   []LineLimit    `json:"limits"`
	Granted *money.Fen     `json:"granted" zh:"集体额度内"`
	Outcome ruling.Outcome `json:"outcome" zh:"结论"`
}

// LineLimit is one limit of a line.
type LineLimit struct {
	Code   string    `json:"code"`
	Zh     string    `json:"zh"`
	Amount money.Fen `json:"amount"`
}

// Enhancement is what a geographical indication adds.
type Enhancement struct {
	Label    string          `json:"label,omitempty" zh:"标注"`
	Name     string          `json:"name" zh:"地理标志名称"`
	On       calendar.Date   `json:"on" zh:"基准日"`
	Decision ruling.Decision `json:"decision" zh:"结论"`
	Value    *money.Fen      `json:"value"` // always null: it is no pledge value
	WhyNone  string          `json:"value_why" zh:"不计质押价值的原因"`
	Lines    []MemberLine    `json:"lines" zh:"申请人额度"`
	Total    money.Fen       `json:"total" zh:"建议额度合计"`
	Granted  money.Fen       `json:"granted" zh:"集体额度内合计"`
	Room     *money.Fen      `json:"room" zh:"集体额度剩余"`
}

// Check refuses what cannot be checked, each fault under its own code.
func (in *GI) Check() error {
	var f ruling.Faults
	f.Wrong(in.On.IsZero(), "on", "gi.on", "请填写基准日", "is missing")
	f.Wrong(strings.TrimSpace(in.Name) == "", "name", "gi.name", "请填写地理标志名称", "is missing")
	f.Wrong(in.Basis != "product" && in.Basis != "certification" && in.Basis != "collective", "basis", "gi.basis", "应为地理标志产品（product）、证明商标（certification）或集体商标（collective）", "must be product, certification or collective")
	f.Wrong(in.PriceLow != nil && *in.PriceLow <= 0 || in.PriceLow != nil && in.PriceMean != nil && *in.PriceMean < *in.PriceLow, "price_low", "gi.price", "最低价应大于 0 且不高于均价", "must be above zero and not above the mean")
	f.Wrong(in.PriceDate.After(in.On), "price_date", "gi.price_date", "价格日期不得晚于基准日", "may not lie after the day")
	for _, x := range []*float64{in.Alpha, in.Beta, in.CostShare} {
		f.Wrong(x != nil && !(*x >= 0 && *x <= 1), "alpha", "gi.ratio", "系数和成本比例应在 0 到 1 之间", "ratios must lie between 0 and 1")
	}
	for _, x := range []*money.Fen{in.SchemeCap, in.BankCap, in.Line} {
		f.Wrong(x != nil && (*x < 0 || *x > money.Max), "scheme_cap", "gi.cap", "上限不得为负", "a cap may not be negative")
	}
	f.Wrong(len(in.Members) == 0 || len(in.Members) > 5000, "members", "gi.members", "申请人应为 1 到 5000 户", "must be 1 to 5,000")
	seen := map[string]int{}
	for i, m := range in.Members {
		at := fmt.Sprintf("members[%d]", i)
		f.Wrong(strings.TrimSpace(m.Name) == "", at+".name", "gi.member", "请填写名称", "is missing")
		who := cmp.Or(strings.ToUpper(m.Code), m.Name)
		j, twice := seen[who]
		f.Wrong(twice, at+".name", "gi.member_twice", fmt.Sprintf("与第 %d 户重复", j+1), fmt.Sprintf("repeats applicant %d", j+1))
		seen[who] = i
		for _, x := range []*float64{m.Area, m.YieldLow, m.YieldMean, m.YieldMax, m.Claimed, m.Quota} {
			f.Wrong(x != nil && !(*x >= 0 && *x <= 1e9), at, "gi.quantity", "面积、亩产和产量不得为负", "area, yield and output may not be negative")
		}
		f.Wrong(m.Bearing != nil && !(*m.Bearing >= 0 && *m.Bearing <= 1), at+".bearing_share", "gi.bearing", "应在 0 到 1 之间", "must lie between 0 and 1")
		f.Wrong(m.YieldMean != nil && m.YieldMax != nil && *m.YieldMean > *m.YieldMax || m.YieldLow != nil && m.YieldMean != nil && *m.YieldLow > *m.YieldMean, at+".yield_mean", "gi.yield", "应为最低 ≤ 平均 ≤ 最高", "must be in order low, mean, max")
		for _, x := range []*money.Fen{m.Sum, m.Contracts, m.Wanted} {
			f.Wrong(x != nil && (*x < 0 || *x > money.Max), at, "gi.amount", "金额不得为负", "an amount may not be negative")
		}
	}
	for i, u := range in.Users {
		f.Wrong(u.Name == "" || u.From.IsZero() || !u.Until.IsZero() && u.Until.Before(u.From), fmt.Sprintf("users[%d]", i), "gi.user", "使用人须有名称和公告日，取消日不早于公告日", "a user needs a name and the day it was announced, not after its removal")
	}
	return f.Err()
}

// listed finds an applicant among the users in force on the day: from the day
// announced, and no longer on the day removed.
func (in *GI) listed(m *Member) (o ruling.Outcome, evidence string) {
	if len(in.Users) == 0 {
		return ruling.Unknown, "没有合法使用人名单"
	}
	o, evidence = ruling.Block, "不在合法使用人名单中"
	for _, u := range in.Users {
		byCode := m.Code != "" && strings.EqualFold(u.Code, m.Code)
		byName := patent.SameName(u.Name, m.Name) && (u.Code == "" || m.Code == "")
		switch {
		case !byCode && !byName:
		case in.On.Before(u.From):
			evidence = u.From.String() + "才公告为使用人"
		case !u.Until.IsZero() && !in.On.Before(u.Until):
			evidence = u.Until.String() + "已取消使用资格"
		case byCode:
			return ruling.Pass, u.From.String() + "公告" + u.Article
		default:
			return ruling.Review, "仅名称相符，没有统一社会信用代码可核对"
		}
	}
	return o, evidence
}

// Enhance checks the applicants and finds the line of each:
// min(α·output·low price·(1−cost share), β·sum insured, the scheme's and the
// bank's cap, what is asked for), the output being what is claimed, at most area
// times the mean yield. Together they stay within the association's line, in
// order of 序号. It is an enhancement and never a value.
func Enhance(in GI) (Enhancement, error) {
	if err := in.Check(); err != nil {
		return Enhancement{}, err
	}
	out := Enhancement{Label: in.Label, Name: in.Name, On: in.On}
	r := GIRules.Under()
	if in.Basis == "product" {
		out.WhyNone = "地理标志产品专用标志不属于使用人可以转让的财产权，只作增信"
		r.Add("G5", ruling.Pass, "", out.WhyNone, "")
	} else {
		out.WhyNone = "证明商标、集体商标属于注册人（协会），使用人不能出质；由协会出质的，按商标质押另行复核"
		r.Add("G5", ruling.Warn, "", out.WhyNone, "协会出质的：章程和成员授权")
	}
	switch in.Suspended {
	case patent.Yes:
		r.Add("G3", ruling.Block, "", "标志已停用", "恢复使用的文件")
	case patent.No:
		r.Add("G3", ruling.Pass, "", "没有停用", "")
	default:
		r.Add("G3", ruling.Unknown, "", "不知是否停用", "管理部门的证明")
	}
	terms := in.Alpha != nil && in.CostShare != nil && in.TermSource != ""
	if terms {
		r.Cite("G7", ruling.Pass, "", fmt.Sprintf("授信系数%g，成本比例%g", *in.Alpha, *in.CostShare), "", in.TermSource)
	} else {
		r.Add("G7", ruling.Unknown, "", "没有填写授信系数、成本比例或其来源；本系统没有缺省值", "方案文件或本机构规定的系数")
	}
	switch {
	case in.PriceLow == nil || in.PriceSource == "" || in.PriceDate.IsZero():
		r.Add("G8", ruling.Unknown, "", "没有三年最低价、来源或日期", "价格指数或收购价记录")
	case in.On.After(in.PriceDate.AddYears(1)):
		r.Add("G8", ruling.Review, "", "价格日期"+in.PriceDate.String()+"，超过一年", "最近一年的价格")
	default:
		r.Add("G8", ruling.Pass, "", in.PriceLow.String()+"元/公斤，"+in.PriceDate.String()+"，"+in.PriceSource, "")
	}
	order := make([]int, len(in.Members))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(in.Members[a].Seq, in.Members[b].Seq) })
	if in.Line != nil {
		x := *in.Line
		out.Room = &x
	}
	for _, i := range order {
		l := in.member(r, &in.Members[i], terms)
		if l.Line != nil {
			out.Total += *l.Line
			x := *l.Line
			if out.Room != nil {
				x = min(x, *out.Room)
				*out.Room -= x
				if x < *l.Line {
					r.Add("G9", ruling.Review, l.Name, fmt.Sprintf("建议%s元，集体额度只剩%s元", *l.Line, x), "等待额度释放或追加集体额度")
				}
			}
			l.Granted = &x
			out.Granted += x
		}
		l.Outcome = r.Worst(l.Name)
		out.Lines = append(out.Lines, l)
	}
	if in.Line == nil {
		r.Add("G9", ruling.Warn, "", "没有填写协会集体额度，各户单独计算", "集体授信协议")
	}
	out.Decision = r.Decide()
	return out, nil
}

func (in *GI) member(r *ruling.Ruling, m *Member, terms bool) (l MemberLine) {
	l = MemberLine{Name: m.Name, Parts: []LineLimit{}}
	is, evidence := in.listed(m)
	r.Add("G1", is, m.Name, evidence, "合法使用人公告和统一社会信用代码")
	zero, none := 0.0, money.Fen(0)
	if is == ruling.Block || in.Suspended == patent.Yes {
		l.Factor, l.Line, l.Binding = &zero, &none, "不是合法使用人"
		if is != ruling.Block {
			l.Binding = "标志停用"
		}
		return l
	}
	area := 0.0
	if m.Area != nil {
		area = *m.Area
		if m.Bearing != nil {
			area *= *m.Bearing
		}
	}
	known := m.Area != nil && m.YieldMean != nil && m.YieldMax != nil
	over := false // who claims more than the land bears is refused, and takes nothing of the association's line
	if !known {
		r.Add("G10", ruling.Unknown, m.Name, "面积或三年亩产未知", "土地承包面积和三年亩产记录")
	} else {
		most := area * *m.YieldMax
		if m.Quota != nil {
			most = min(most, *m.Quota)
		}
		output := area * *m.YieldMean
		switch {
		case m.Claimed == nil:
			r.Add("G2", ruling.Unknown, m.Name, "没有申报产量", "申报产量")
			known = false
		case *m.Claimed > most:
			r.Add("G2", ruling.Block, m.Name, fmt.Sprintf("申报%g公斤，上限%g公斤", *m.Claimed, most), "核实产量，疑似虚报或外购")
			over = true
		default:
			r.Add("G2", ruling.Pass, m.Name, fmt.Sprintf("申报%g公斤，上限%g公斤", *m.Claimed, most), "")
		}
		if m.Claimed != nil {
			output = min(output, *m.Claimed, most)
		}
		l.Output = &output
	}
	insured := m.Insured == patent.Yes && (m.Through.IsZero() || !in.On.After(m.Through))
	switch {
	case insured && (m.Sum == nil || m.Through.IsZero()):
		r.Add("G4", ruling.Unknown, m.Name, "保险金额或止期未知", "保险单")
	case insured:
		r.Add("G4", ruling.Pass, m.Name, m.Insurer+m.Peril+"，保险金额"+m.Sum.String()+"元，至"+m.Through.String(), "")
	case m.Insured == patent.Yes:
		r.Add("G4", ruling.Warn, m.Name, "保险"+m.Through.String()+"已止", "续保保单")
	case m.Insured == patent.No:
		r.Add("G4", ruling.Warn, m.Name, "没有保险", "投保")
	default:
		r.Add("G4", ruling.Unknown, m.Name, "不知是否有保险", "保险单")
	}
	if m.Contracts != nil {
		r.Add("G6", ruling.Pass, m.Name, "订单"+m.Contracts.String()+"元", "")
	} else {
		r.Add("G6", ruling.Warn, m.Name, "没有订单", "收购合同")
	}
	if over {
		l.Factor, l.Line, l.Binding = &zero, &none, "申报产量超过上限"
		return l
	}
	if !known || !terms || in.PriceLow == nil || in.PriceSource == "" || is == ruling.Unknown || in.Suspended != patent.No {
		return l
	}
	income, err := money.FromYuan(*l.Output * in.PriceLow.Yuan())
	if err != nil {
		return l
	}
	l.Income = &income
	add := func(code, zh string, amount money.Fen) {
		l.Parts = append(l.Parts, LineLimit{code, zh, max(amount, 0)})
	}
	add("income", "收入测算", income.MulRate(*in.Alpha*(1-*in.CostShare)))
	if insured && m.Sum != nil && in.Beta != nil {
		add("insurance", "保险金额", m.Sum.MulRate(*in.Beta))
	}
	for _, x := range []struct {
		code, zh string
		amount   *money.Fen
	}{{"scheme", "方案单户上限", in.SchemeCap}, {"bank", "银行单户上限", in.BankCap}, {"wanted", "申请额度", m.Wanted}} {
		if x.amount != nil {
			add(x.code, x.zh, *x.amount)
		}
	}
	least := slices.MinFunc(l.Parts, func(a, b LineLimit) int { return cmp.Compare(a.Amount, b.Amount) })
	l.Line, l.Binding = &least.Amount, least.Zh
	factor := 0.0
	if income > 0 {
		factor = float64(least.Amount) / float64(income)
	}
	l.Factor = &factor
	return l
}
