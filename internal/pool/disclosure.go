package pool

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"zhijia/internal/calendar"
	"zhijia/internal/money"
)

// Annex is the intellectual-property annex filed at issue (guide no. 2 art. 17;
// 深交所 guide art. 11). Every required field is there or named as missing.
type Annex struct {
	Title      string        `json:"title"`
	Label      string        `json:"label,omitempty"`
	Deal       string        `json:"deal"`
	CutOff     calendar.Date `json:"cut_off"`
	Fields     []Field       `json:"fields"` // of the deal
	Items      []AnnexIP     `json:"items"`
	Missing    []string      `json:"missing"` // every missing field by name
	Tests      Report        `json:"tests"`
	Statistics Statistics    `json:"statistics"`
	Collateral Collateral    `json:"collateral"`
	Limit      string        `json:"limit"`
}

// Field is one required field.
type Field struct {
	Key   string `json:"key"`
	Zh    string `json:"zh"`
	Value string `json:"value,omitempty"` // empty is missing
}

// AnnexIP is one row of the IP list.
type AnnexIP struct {
	Number string  `json:"number"`
	Fields []Field `json:"fields"`
}

// Disclaimer stands on every paper we produce.
const Disclaimer = "本文件由系统依据使用者提供的资料生成，其中价值为估值参考意见，不构成资产评估报告、信用评级或法律意见。"

// Annex assembles the annex. Names of natural persons are masked.
func (d *Deal) Annex() Annex {
	a := Annex{
		Title: "知识产权资产支持专项计划 知识产权信息披露附件", Label: d.Label, Deal: d.Name, CutOff: d.CutOff,
		Tests: d.Test(), Statistics: d.Statistics(), Collateral: d.Collateral(), Limit: Disclaimer,
	}
	senior, sub := "", ""
	if t := d.Structure.Tranches; len(t) >= 2 {
		for _, x := range t[:len(t)-1] {
			senior += fmt.Sprintf("%s %s元，预期收益率%.2f%%；", x.Name, x.Principal.Grouped(), x.Coupon*100)
		}
		sub = fmt.Sprintf("%s %s元", t[len(t)-1].Name, t[len(t)-1].Principal.Grouped())
	}
	support := ""
	for _, s := range d.Structure.Supports {
		support += s.Name + "（" + map[string]string{"shortfall": "差额支付", "guarantee": "保证担保"}[s.Kind] + "）"
	}
	a.Fields = []Field{
		{"originator", "原始权益人", d.Parties.Originator},
		{"manager", "计划管理人", d.Parties.Manager},
		{"servicer", "资产服务机构", d.Parties.Servicer},
		{"custodian", "托管人", d.Parties.Custodian},
		{"lawyer", "律师事务所", d.Parties.Lawyer},
		{"appraiser", "评估机构（如有评估）", d.Parties.Appraiser},
		{"rater", "资信评级机构", d.Parties.Rater},
		{"class", "基础资产类别", d.Class.Zh()},
		{"principal", "资产池未偿本金（元）", d.Total().Grouped()},
		{"senior", "次级以外各档证券", senior},
		{"subordinated", "次级证券", sub},
		{"enhancement", "增信安排", support},
		{"closing", "设立日", d.Closing.String()},
		{"pay_dates", "兑付日", d.payDates()},
		{"expected_maturity", "各档预期到期日", d.maturities()},
		{"statement", "声明", d.Statement()},
		{"cash_route", "现金流归集路径", map[string]string{"direct": "直接进入专项计划账户", "regulated": "经监管账户划入专项计划账户"}[d.Facts.CashRoute]},
	}
	for _, f := range a.Fields {
		if f.Value == "" {
			a.Missing = append(a.Missing, f.Zh)
		}
	}
	ips := slices.Clone(d.Patents)
	slices.SortStableFunc(ips, func(x, y IP) int { return cmp.Compare(x.Number, y.Number) })
	for i := range ips {
		item := AnnexIP{Number: ips[i].Number, Fields: ips[i].annexFields(d.assetsOf(ips[i].Number))}
		for _, f := range item.Fields {
			if f.Value == "" && f.Key != "appraisal" {
				a.Missing = append(a.Missing, ips[i].Number+"："+f.Zh)
			}
		}
		a.Items = append(a.Items, item)
	}
	if len(ips) == 0 {
		a.Missing = append(a.Missing, "知识产权清单")
	}
	return a
}

// payDates are the first and the last payment date and how they are moved.
func (d *Deal) payDates() string {
	n := d.lifePeriods()
	moved := map[string]string{"": "遇非交易日不调整", "following": "遇非交易日顺延", "modified_following": "遇非交易日顺延、跨月则提前", "preceding": "遇非交易日提前"}[d.Structure.Roll]
	return fmt.Sprintf("自%s起每%d个月，至%s，共%d期（%s）", d.PayDate(0), d.Structure.every(), d.PayDate(n-1), n, moved)
}

// maturities are when each class is planned to be repaid.
func (d *Deal) maturities() string {
	if len(d.Structure.Tranches) < 2 {
		return ""
	}
	cf, err := d.CashFlow(Scenario{CPR: d.Credit.CPR})
	if err != nil {
		return ""
	}
	var out []string
	for _, t := range cf.Tranches {
		day := "存续期末仍有余额"
		if t.PaidBy >= 0 {
			day = cf.Periods[t.PaidBy].Date.String()
		}
		out = append(out, t.Name+" "+day)
	}
	return strings.Join(out, "；")
}

func (x *IP) annexFields(assets string) []Field {
	owner := x.Owner
	if x.OwnerPerson && owner != "" {
		owner = Mask(owner)
	}
	term := ""
	from := x.Filed
	if x.Kind == Trademark || from.IsZero() {
		from = x.Granted
	}
	if last := x.LastDay(); !from.IsZero() && !last.IsZero() {
		term = from.String() + " 至 " + last.String()
	}
	state := map[Fact]string{Yes: "有效", No: "失效"}[x.standing()]
	if r, known := x.register(); known {
		state = r.Zh
	}
	if state != "" && !x.StateAsOf.IsZero() {
		state += "（截至" + x.StateAsOf.String() + "）"
	}
	use := x.LicenceUse
	if x.Encumbrance != nil && use == "" {
		use = "无许可"
	}
	value := ""
	if v := x.Value; v != nil {
		value = fmt.Sprintf("%s（%s至%s，%.0f%%区间，基准日%s）", money.Zh(v.Point, 3), money.Zh(v.Low, 2), money.Zh(v.High, 2), v.Level*100, v.Date)
	}
	kind := KindZh(x.Kind)
	appraised := ""
	if a := x.Appraisal; a != nil {
		for _, f := range []struct{ name, value string }{{"机构", a.Institution}, {"方法", a.Method}, {"基准日", a.Date.String()}, {"报告号", a.ReportNo}} {
			if f.value == "" {
				f.value = "【缺失】"
			}
			appraised += f.name + f.value + "，"
		}
		appraised += money.Zh(a.Yuan, 4)
		if v := x.Value; v != nil && v.Point > 0 {
			appraised += fmt.Sprintf("（较价值参考意见%+.1f%%）", (a.Yuan/v.Point-1)*100)
		}
	}
	return []Field{
		{"title", "名称", x.Title},
		{"kind", "类型", kind},
		{"owner", "权利人", owner},
		{"state", "权利状态", state},
		{"registration", "登记情况", x.Registered},
		{"licence", "许可及使用状况", use},
		{"term", "保护期限", term},
		{"assets", "对应基础资产", assets},
		{"value", "价值参考意见（非评估报告）", value},
		{"appraisal", "评估价值（如有）", appraised},
		{"advancement", "技术先进性", x.Advancement},
		{"benefit", "预期经济效益", x.Benefit},
	}
}

// assetsOf names the receivables a right stands behind.
func (d *Deal) assetsOf(number string) string {
	var ids []string
	for i := range d.Assets {
		if slices.Contains(d.Assets[i].Patents, number) {
			ids = append(ids, d.Assets[i].ID)
		}
	}
	return strings.Join(ids, "、")
}

// Event is something that happened to a plan and may need a notice.
type Event struct {
	Kind   string        `json:"kind"` // see [EventKinds]
	Date   calendar.Date `json:"date"`
	Detail string        `json:"detail,omitempty"`
	Amount money.Fen     `json:"amount,omitempty"`
	Base   money.Fen     `json:"base,omitempty"`  // what the amount is measured against
	Prior  float64       `json:"prior,omitempty"` // loss share already announced, for "loss"

	// Protected says whether measures protect the holders against the event;
	// without them it counts one class worse.
	Protected Fact `json:"protected,omitempty"`

	Public      Fact        `json:"public_market,omitempty"` // "default": of debt in the public market, whatever its amount
	Outstanding []NoteState `json:"outstanding,omitempty"`   // of every class on the day, where it is known
}

// EventKind says when an event needs a notice.
type EventKind struct {
	Kind  string  `json:"kind"`
	Zh    string  `json:"zh"`
	Cite  string  `json:"cite"`
	Share float64 `json:"share,omitempty"` // threshold of Amount/Base
}

const (
	guideDisclosure = "证监会资产证券化业务信息披露指引（证监会公告〔2014〕49号）"
	guideNo5        = "上交所债券自律监管规则适用指引第5号（上证发〔2024〕30号）"
	guideSZ2        = "深交所资产支持证券存续期监管业务指引第2号（深证上〔2024〕242号）"
)

// eventArticles are the article of Shanghai's guide no. 5 and of Shenzhen's
// guide no. 2 an event rests on.
var eventArticles = map[string][2]string{
	"loss": {"5.2.1", "第十九条"}, "operation": {"5.2.2", "第二十条"}, "cash_flow": {"5.2.4", "第二十二条"}, "undone": {"5.2.5", "第二十三条"}, "title": {"5.2.6", "第二十四条"},
	"account": {"5.2.7", "第二十五条"}, "litigation": {"5.2.8、5.3.1", "第二十六条、第二十九条"}, "purchase": {"5.2.9", "第二十七条"}, "purchase_change": {"5.2.10", "第二十八条"},
	"breach": {"5.3.2", "第三十条"}, "party_change": {"5.3.4", "第三十一条"}, "party_rating": {"5.3.5", "第三十二条"}, "publicity": {"5.3.6", "第三十三条"}, "business": {"5.3.7", "第三十四条"},
	"dishonesty": {"5.3.8", "第三十五条"}, "default": {"5.3.8", "第三十五条"}, "dissolution": {"5.3.9", "第三十六条"},
	"unpaid": {"5.4.1", "第三十七条"}, "downgrade": {"5.4.2", "第三十八条"}, "amendment": {"5.4.3", "第三十九条"}, "liquidation": {"5.4.14", "第五十条"}, "value_fall": {"5.1.2", "第八条"},
}

// EventKinds is the list of events of the disclosure rules.
func EventKinds() []EventKind {
	list := []EventKind{
		{Kind: "loss", Zh: "一个会计年度内资产损失累计超过全部证券未偿还本金余额的10%及每增加10%", Share: 0.10},
		{Kind: "operation", Zh: "基础资产运行情况、产生现金流的能力发生重大变化"},
		{Kind: "cash_flow", Zh: "实际或重新预测的现金流较最近一次预测下降20%以上", Share: 0.20},
		{Kind: "title", Zh: "基础资产权属变化或争议、设置权利负担"},
		{Kind: "account", Zh: "归集账户被查封、冻结，或资金被滞留、截留、挪用"},
		{Kind: "undone", Zh: "约定或承诺事项履行期间届满"},
		{Kind: "purchase", Zh: "循环购买"},
		{Kind: "purchase_change", Zh: "未按约定循环购买或提前结束循环期"},
		{Kind: "breach", Zh: "业务参与人违反约定"},
		{Kind: "party_change", Zh: "业务参与人变更"},
		{Kind: "party_rating", Zh: "业务参与人评级或展望调整"},
		{Kind: "publicity", Zh: "重大不利报道或负面市场传闻"},
		{Kind: "business", Zh: "业务参与人经营情况发生重大变化"},
		{Kind: "dishonesty", Zh: "业务参与人失信、受处罚或被立案"},
		{Kind: "dissolution", Zh: "业务参与人减资、合并、分立、解散或破产"},
		{Kind: "litigation", Zh: "法律纠纷"},
		{Kind: "downgrade", Zh: "资产支持证券评级下调、展望负面或列入观察名单"},
		{Kind: "default", Zh: "业务参与人债务违约超过净资产5%且超过5000万元", Share: 0.05},
		{Kind: "value_fall", Zh: "抵质押物灭失或价值较大减损"},
		{Kind: "unpaid", Zh: "未按约定的时间、金额、方式分配收益"},
		{Kind: "amendment", Zh: "专项计划文件主要约定变更"},
		{Kind: "liquidation", Zh: "专项计划终止并清算完毕"},
	}
	for i := range list {
		list[i].Cite = guideNo5 + eventArticles[list[i].Kind][0]
	}
	return list
}

// citation is the text an event of the deal's exchange rests on.
func (d *Deal) citation(k EventKind, on calendar.Date) string {
	switch {
	case on.Before(calendar.New(2024, 3, 29)):
		return guideDisclosure
	case d.Venue == SZSE:
		return guideSZ2 + eventArticles[k.Kind][1]
	}
	return k.Cite
}

// Notice is the answer for one event.
type Notice struct {
	Event    Event         `json:"event"`
	Required bool          `json:"required"`
	Due      calendar.Date `json:"due"` // zero when the calendar does not cover it

	// Provisional says that Due counts trading days of a year whose holidays are
	// not announced yet.
	Provisional bool `json:"provisional,omitempty"`

	DueError string `json:"due_error,omitempty"`

	Cite        string `json:"cite,omitempty"`         // of the deadline
	URL         string `json:"url,omitempty"`          // of the text
	TradingDays int    `json:"trading_days,omitempty"` // from the event to Due
	WorkingDays int    `json:"working_days,omitempty"` // in place of trading days

	Title string  `json:"title"`
	Why   string  `json:"why"`
	Class string  `json:"risk_class"` // at least this class: 正常, 一般关注, 重点关注, 风险, 违约
	Body  []Field `json:"body"`
}

// Notice decides whether an event must be announced, by when under the rule in
// force on its day, and drafts the notice with its missing fields empty.
func (d *Deal) Notice(e Event, cal *calendar.Working) (Notice, error) {
	i := slices.IndexFunc(EventKinds(), func(k EventKind) bool { return k.Kind == e.Kind })
	if i < 0 {
		return Notice{}, badScenario("kind", "unknown kind of event")
	}
	if e.Date.IsZero() {
		return Notice{}, badScenario("date", "the event has no date")
	}
	k := EventKinds()[i]
	n := Notice{Event: e, Title: "关于" + d.Name + k.Zh + "的公告", Required: true, Class: "正常", Why: k.Zh + "（" + d.citation(k, e.Date) + "）"}
	if k.Share > 0 && !(e.Kind == "default" && e.Public == Yes) {
		if e.Base <= 0 {
			return Notice{}, badScenario("base", "the event needs the amount it is measured against")
		}
		share := float64(e.Amount) / float64(e.Base)
		switch e.Kind {
		case "loss": // 每超过: a step is reached by more than it
			steps := 0
			if e.Amount > 0 {
				steps = int((int64(e.Amount)*10 - 1) / int64(e.Base))
			}
			n.Required = steps > int(e.Prior/k.Share+1e-9)
		case "default":
			n.Required = (share > k.Share || share == k.Share && d.Venue == SZSE) && e.Amount > money.Fen(5000*money.Wan)
		default:
			n.Required = share >= k.Share-1e-12
		}
		n.Why += fmt.Sprintf("；本次%.2f%%", share*100)
	}
	if n.Required {
		n.Class = classOf(&e)
	}
	if n.Required {
		rule, ok := d.deadlineOn(e.Kind, e.Date)
		if !ok {
			rule, ok = d.deadlineOn("event", e.Date)
		}
		if !ok {
			return Notice{}, badScenario("date", "no disclosure rule was in force on the day of the event")
		}
		n.Cite, n.URL, n.TradingDays, n.WorkingDays = rule.Cite, rule.URL, rule.TradingDays, rule.WorkingDays
		due, err := rule.after(e.Date, cal)
		if err != nil {
			n.DueError = "没有该年的交易所休市记录，请补充工作日历文件后重算"
		}
		n.Due, n.Provisional = due, cal.Provisional(due)
	}
	n.Body = d.noticeBody(&e, k)
	return n, nil
}

// attention are the events that move a deal to 一般关注 (上交所债券自律监管规则适用
// 指引第4号 art. 34).
var attention = []string{
	"value_fall", "title", "account", "loss", "downgrade", "litigation", "cash_flow", "operation", "breach", "party_change", "party_rating",
	"publicity", "business", "dishonesty", "dissolution", "purchase_change",
}

// classOf is the least class an event moves a deal to: without measures that
// protect the holders it counts one class worse (art. 35, 36).
func classOf(e *Event) string {
	class := "正常"
	switch {
	case slices.Contains(attention, e.Kind):
		class = "一般关注"
	case e.Kind == "default": // 可能触发交叉违约、提前终止
		class = "重点关注"
	case e.Kind == "unpaid": // art. 37
		return "违约"
	}
	if class != "正常" && e.Protected == No {
		class = riskClasses[slices.Index(riskClasses, class)+1]
	}
	return class
}

// Statement is the sentence every disclosed paper carries (第5号 2.1.2（四）;
// 深交所第2号 第十七条).
func (d *Deal) Statement() string {
	if d.Venue == SZSE {
		return "管理人保证本报告的真实、准确、完整，不存在虚假记载、误导性陈述或者重大遗漏，并承担相应的法律责任。"
	}
	return "信息披露义务人保证信息披露文件的真实、准确、完整，不存在虚假记载、误导性陈述或者重大遗漏。"
}

// noticeItems are what the notice of an event must tell beside the plan and its
// securities, by the articles of [eventArticles].
var noticeItems = map[string][]string{
	"loss":            {"损失发生时间、原因", "对资产支持证券的影响", "已采取和拟采取的应对措施"},
	"operation":       {"基础资产的基本情况", "重大变化的基本情况", "资产评估报告（如有）", "发生重大变化的原因", "对资产支持证券的影响分析"},
	"cash_flow":       {"基础资产的基本情况", "修正后的现金流预测报告（如有）", "现金流减少的原因", "对资产支持证券的影响分析", "已采取和拟采取的应对措施"},
	"undone":          {"约定或者承诺事项内容及履行情况", "未完成的原因（如有）", "对资产支持证券的影响分析", "已采取和拟采取的应对措施（如有）"},
	"title":           {"权属变化或者争议的情况及占比", "权利受限种类、权利人、受限金额及占比", "原因", "有权决策机构的决策情况", "是否符合专项计划文件约定", "对资产支持证券的影响分析", "已采取和拟采取的应对措施"},
	"account":         {"账户名称、受限机构、受限金额及进展", "滞留、截留、挪用的原因与涉及主体", "对资产支持证券的影响分析", "已采取或者拟采取的应对措施"},
	"litigation":      {"涉及主体的名称和职责", "当事人、案由、进展", "对资产支持证券的影响分析", "已采取和拟采取的应对措施"},
	"purchase":        {"循环购买的时间、次数与可用资金", "买方及卖方、合格标准、价款公允性、资金划转", "新增基础资产的特征", "购买完成后基础资产的特征", "购买条件、程序和确认依据", "律师意见"},
	"purchase_change": {"循环购买的有关约定", "违反约定或者提前结束的原因", "进展情况", "对资产支持证券的影响分析"},
	"breach":          {"违反约定的主体名称和职责", "约定内容与违反情况", "违约责任的承担", "对资产支持证券的影响分析", "已采取和拟采取的应对措施"},
	"party_change":    {"变更的主体及对应关系", "原因与生效时间", "决策与协议签署情况", "是否符合规定和约定", "变更后主体的基本信息与职责", "工作移交", "对资产支持证券的影响分析"},
	"party_rating":    {"涉及主体的名称及职责", "评级机构、时间、前后结论", "原因", "对履约能力和资产支持证券的影响分析"},
	"publicity":       {"涉及主体的名称及职责", "报道或者传闻的内容", "核实情况", "是否存在应披露未披露事项", "对资产支持证券的影响分析"},
	"business":        {"涉及主体的名称及职责", "变化情况及原因", "预计持续时间", "对资产支持证券的影响分析"},
	"dishonesty":      {"案件、处罚或者调查的情况", "知道时间", "对资产支持证券的影响分析", "已采取和拟采取的应对措施"},
	"default":         {"债务基本情况", "违约时间、原因", "处置进展与目前资信情况", "对资产支持证券的影响分析", "已采取和拟采取的应对措施"},
	"dissolution":     {"主体、原因及依据", "实施方案", "职责的承继", "决策情况", "登记情况（如有）", "对资产支持证券的影响分析", "已采取和拟采取的应对措施"},
	"unpaid":          {"原定的分配时间、金额和方式", "未按约定分配的情况和原因", "对各档资产支持证券的影响", "持有人权益保护措施", "后续资金筹措与分配安排"},
	"downgrade":       {"涉及的简称和代码", "评级机构、时间、前后结论", "原因", "对资产支持证券的影响分析"},
	"amendment":       {"变更前后的约定内容", "原因", "有权决策机构的决策情况", "对资产支持证券的影响分析"},
	"liquidation":     {"终止时间、原因", "清偿顺序", "剩余资产情况", "分配安排"},
	"value_fall":      {"减损的情况与原因", "对资产支持证券的影响分析", "已采取和拟采取的应对措施"},
}

// noticeBody drafts the notice; what the deal does not tell stays empty.
func (d *Deal) noticeBody(e *Event, k EventKind) []Field {
	amount := ""
	if e.Amount > 0 {
		amount = e.Amount.Grouped()
		if e.Base > 0 {
			amount += fmt.Sprintf("（对照%s元，%.2f%%）", e.Base.Grouped(), float64(e.Amount)/float64(e.Base)*100)
		}
	}
	issue, classes := money.Fen(0), ""
	for i, x := range d.Structure.Tranches {
		issue += x.Principal
		code := x.Code
		if code == "" {
			code = "证券代码缺失"
		}
		rate := fmt.Sprintf("发行利率%.2f%%", x.Coupon*100)
		if i == len(d.Structure.Tranches)-1 && x.Coupon == 0 {
			rate = "不设票面利率"
		}
		classes += fmt.Sprintf("%s（%s）发行金额%s元，%s；", x.Name, code, x.Principal.Grouped(), rate)
	}
	size, matures, left := "", "", ""
	if issue > 0 {
		size, matures = issue.Grouped(), d.maturities()
	}
	for _, n := range e.Outstanding {
		left += fmt.Sprintf("%s %s元；", n.Name, n.Balance.Grouped())
	}
	if left == "" && issue > 0 && e.Date.Before(d.PayDate(0)) { // nothing is repaid yet
		for _, x := range d.Structure.Tranches {
			left += fmt.Sprintf("%s %s元；", x.Name, x.Principal.Grouped())
		}
	}
	body := []Field{
		{"statement", "声明", d.Statement()},
		{"deal", "专项计划全称", d.Name},
		{"issue", "发行规模（元）", size},
		{"closing", "设立日（发行日）", d.Closing.String()},
		{"expected_maturity", "预期到期日", matures},
		{"classes", "各档证券", classes},
		{"outstanding", "各档存续金额", left},
		{"event", "事项", k.Zh},
		{"date", "知道或者应当知道之日", e.Date.String()},
		{"detail", "事实与成因", e.Detail},
		{"amount", "涉及金额（元）", amount},
	}
	for i, item := range noticeItems[e.Kind] {
		body = append(body, Field{fmt.Sprintf("item_%d", i+1), item, ""})
	}
	return append(body, Field{"manager", "计划管理人", d.Parties.Manager})
}

// Deadline is one date of the disclosure calendar.
type Deadline struct {
	Kind  string        `json:"kind"`
	Zh    string        `json:"zh"`
	Due   calendar.Date `json:"due"`
	Error string        `json:"error,omitempty"` // calendar unknown

	Provisional bool   `json:"provisional,omitempty"` // see [Notice]
	Cite        string `json:"cite,omitempty"`        // the text the date follows
	URL         string `json:"url,omitempty"`
}

// DisclosureCalendar lists the periodic papers from the closing to the last
// payment date of the given number of periods (0: of the whole contractual
// life): the distribution report some
// trading days before each payment date, by the rule of the exchange in force
// on that date; the annual report and, where there is a rating, the tracking
// rating, unless the plan was set up too late in the year or its securities are
// gone by then.
func (d *Deal) DisclosureCalendar(periods int, cal *calendar.Working) []Deadline {
	var out []Deadline
	if periods == 0 {
		periods = d.lifePeriods()
	}
	for t := range periods {
		pay, err := cal.NextTradingDay(d.PayDate(t))
		x := Deadline{Kind: "distribution", Zh: fmt.Sprintf("第%d期收益分配报告", t+1)}
		if rule, ok := d.deadlineOn("distribution", pay); err == nil && ok {
			x.Cite, x.URL = rule.Cite, rule.URL
			x.Due, err = cal.AddTradingDays(pay, -rule.TradingDays)
			x.Provisional = cal.Provisional(pay) || cal.Provisional(x.Due)
		}
		if err != nil {
			x.Due, x.Error = calendar.Date{}, fmt.Sprintf("兑付日%s：没有该年的交易所休市记录", d.PayDate(t))
		}
		out = append(out, x)
	}
	last := d.PayDate(max(0, periods-1))
	rated := d.Parties.Rater != "" || slices.ContainsFunc(d.Structure.Tranches, func(t Tranche) bool { return t.Rating != "" })
	for y := d.Closing.Year + 1; y <= last.Year; y++ {
		for _, x := range []Deadline{
			{Kind: "annual", Zh: fmt.Sprintf("%d年度资产管理报告（托管报告同日）", y-1)},
			{Kind: "rating", Zh: fmt.Sprintf("%d年定期跟踪评级报告", y)},
		} {
			rule, ok := d.deadlineOn(x.Kind, calendar.New(y, 1, 1))
			if !ok || x.Kind == "rating" && !rated {
				continue
			}
			x.Due, x.Cite, x.URL = calendar.MustParse(fmt.Sprintf("%d-%s", y, rule.By)), rule.Cite, rule.URL
			end := calendar.New(y-1, 12, 31)
			short := d.Closing.AddMonths(rule.Months).After(end)
			if rule.Months > 0 && short || rule.Delisted && last.Before(x.Due) {
				continue
			}
			out = append(out, x)
		}
	}
	return out
}

// Periodic is the asset-management report of one payment period.
type Periodic struct {
	Title      string         `json:"title"`
	Label      string         `json:"label,omitempty"`
	Period     int            `json:"period"`
	Row        Period         `json:"row"`
	Cash       Reconciliation `json:"cash"`
	Class      string         `json:"risk_class"`
	Reasons    []string       `json:"reasons"`
	Statistics Statistics     `json:"statistics"`
	Notices    []Notice       `json:"notices"`
	Missing    []string       `json:"missing"`
	Limit      string         `json:"limit"`
}

// PeriodDays is the first and the last day of a collection period, counted from
// 1; the first begins after the cut-off.
func (d *Deal) PeriodDays(period int) (from, to calendar.Date, err error) {
	if period < 1 || period > d.periods() {
		return from, to, badScenario("period", "no such payment period; periods count from 1")
	}
	from, to = d.CutOff.AddDays(1), d.collected(period-1)
	if period > 1 {
		from = d.collected(period - 2).AddDays(1)
	}
	return from, to, nil
}

// masked hides the names of natural persons in a reconciliation.
func (d *Deal) masked(rec Reconciliation) Reconciliation {
	hide := func(s string) string {
		for _, o := range d.Obligors {
			if o.NaturalPerson && o.Name != "" {
				s = strings.ReplaceAll(s, o.Name, Mask(o.Name))
			}
		}
		return s
	}
	rec.Matches, rec.Findings = slices.Clone(rec.Matches), slices.Clone(rec.Findings)
	for i := range rec.Matches {
		rec.Matches[i].Expected.Payer = hide(rec.Matches[i].Expected.Payer)
	}
	for i := range rec.Findings {
		f := &rec.Findings[i]
		f.Line.Party, f.Line.Ref, f.Zh = hide(f.Line.Party), hide(f.Line.Ref), hide(f.Zh)
	}
	return rec
}

// Periodic reports a payment period (0-based) from the bank reconciliation of
// the period, the planned waterfall and the events.
func (d *Deal) Periodic(period int, rec Reconciliation, events []Event, cal *calendar.Working) (Periodic, error) {
	cf, err := d.CashFlow(Scenario{CPR: d.Credit.CPR})
	if err != nil {
		return Periodic{}, err
	}
	if period < 0 || period >= len(cf.Periods) {
		return Periodic{}, badScenario("period", "no such payment period")
	}
	p := Periodic{
		Title: fmt.Sprintf("%s 第%d期资产管理与收益分配报告", d.Name, period+1), Label: d.Label, Period: period, Row: cf.Periods[period],
		Cash: rec, Class: "正常", Statistics: d.Statistics(), Limit: Disclaimer,
	}
	if rec.Expected > 0 && rec.Open > 0 {
		events = append(slices.Clone(events), Event{Kind: "cash_flow", Date: cf.Periods[period].Date, Amount: rec.Open, Base: rec.Expected, Detail: "本期归集不足"})
	}
	if rec.Leaked > 0 {
		events = append(slices.Clone(events), Event{Kind: "account", Date: rec.firstLeak(cf.Periods[period].Date), Amount: rec.Leaked, Detail: "资金未进入专项计划账户或被划往他处"})
	}
	for _, e := range events {
		n, err := d.Notice(e, cal)
		if err != nil {
			return Periodic{}, err
		}
		if !n.Required {
			continue
		}
		p.Notices = append(p.Notices, n)
		p.Reasons = append(p.Reasons, n.Why)
		p.Class = worse(p.Class, n.Class)
	}
	p.Cash = d.masked(rec)
	if rec.Expected == 0 {
		p.Missing = append(p.Missing, "本期应收计划")
	}
	if rec.BankIn == 0 {
		p.Missing = append(p.Missing, "本期银行流水")
	}
	return p, nil
}
