package lending

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/valuation"
)

// Verdict is what the desk may do with a row.
type Verdict string

// Verdicts, the gravest first.
const (
	Refuse     Verdict = "refuse"
	Supplement Verdict = "supplement"
	Accept     Verdict = "accept"
)

// Zh returns the verdict in Chinese.
func (v Verdict) Zh() string {
	return map[Verdict]string{Refuse: "不予受理", Supplement: "需补充", Accept: "可受理"}[v]
}

var gravity = map[Verdict]int{Refuse: 0, Supplement: 1, Accept: 2}

// worse returns the graver of two verdicts.
func worse(a, b Verdict) Verdict {
	if gravity[b] < gravity[a] {
		return b
	}
	return a
}

// Basis says whose rule a reason rests on: law and the institution are never
// mixed.
type Basis string

// Bases.
const (
	Statutory Basis = "statutory" // 专利权质押登记办法
	OfPolicy  Basis = "policy"    // the institution's own
	OfProduct Basis = "programme" // of the loan product
	OfValue   Basis = "valuation"
	OfFile    Basis = "file" // the rows contradict each other or are faulty
)

// Reason is one reason of a decision.
type Reason struct {
	Code     string   `json:"code"`
	Basis    Basis    `json:"basis"`
	Severity Severity `json:"severity"`
	Zh       string   `json:"zh"`
	En       string   `json:"en"`
	Evidence string   `json:"evidence,omitempty"` // Chinese: the facts of this case
	Supply   string   `json:"supply,omitempty"`   // Chinese: what to bring
	Source   string   `json:"source,omitempty"`   // of the rule
}

// Options are what a batch is decided under.
type Options struct {
	Policy     Policy
	Programmes map[string]Programme // by id, those a row may name
	Drawn      []Draw               // under the programmes before this batch
	Booked     []Booked             // patents of the batch that secure something else already

	BorrowerLimit map[string]money.Fen // the bank's limit of a borrower, by credit code or name
	Bearable      map[string]money.Fen // loan the borrower's cash flow bears (DSCR), by credit code or name; the bank's figure
}

// Part is one limit of a loan.
type Part struct {
	Code   string    `json:"code"` // collateral, requested, internal.., see limitWords
	Zh     string    `json:"zh"`
	Amount money.Fen `json:"amount"`
	Source string    `json:"source,omitempty"`
}

var limitZh = map[string]string{
	"collateral": "押品可担保额", "requested": "申请金额", "borrower": "借款人限额", "dscr": "偿债能力限额",
	"programme": "产品剩余额度", "programme_borrower": "产品单户限额", "programme_loan": "产品单笔限额",
}

// Contract is one security contract with its collateral as a whole.
type Contract struct {
	Key      string        `json:"key"` // the contract's number, else "行" and the line
	Borrower string        `json:"borrower,omitempty"`
	Product  string        `json:"product,omitempty"`
	Lines    []int         `json:"lines"`
	Loan     money.Fen     `json:"loan"`
	Maturity calendar.Date `json:"maturity,omitzero"`

	Value  money.Fen `json:"value"` // each patent once, those that may serve as collateral
	Low    money.Fen `json:"value_low"`
	Forced money.Fen `json:"forced_sale"`

	LTV      *float64  `json:"ltv"`         // loan / value, of the whole contract; nil without a value
	LTVLow   *float64  `json:"ltv_low"`     // loan / lower end
	Mixed    *float64  `json:"mixed_ltv"`   // 综合抵押率: loan / sum of value times ceiling; must not exceed 1
	Ceiling  *float64  `json:"ltv_ceiling"` // sum of value times ceiling / value
	Headroom money.Fen `json:"headroom"`    // recommended less asked for, negative when short

	Limits      []Part    `json:"limits"`
	Binding     string    `json:"binding"` // code of the smallest limit
	Recommended money.Fen `json:"recommended"`
	Route       Route     `json:"route"`
	Verdict     Verdict   `json:"verdict"`

	Outlook *Outlook `json:"outlook,omitempty"` // nil: no maturity, no value, or the policy does not look ahead
}

// Route is who must value.
type Route string

// Routes.
const (
	Internal   Route = "internal"   // our valuation carries the loan
	Negotiated Route = "negotiated" // lender and borrower agree on the value, within our range
	External   Route = "external"   // an appraisal institution
)

// Deviation compares an appraiser's figure with ours.
type Deviation struct {
	Ratio float64 `json:"ratio"` // external / ours - 1
	Band  string  `json:"band"`  // ok, review, red
}

// Decision is what the desk may do with one row.
type Decision struct {
	Line       int      `json:"line"`
	Number     string   `json:"number"`
	Contract   string   `json:"contract"` // key of the contract
	Verdict    Verdict  `json:"verdict"`
	Zh         string   `json:"zh"`
	Reasons    []Reason `json:"reasons"`
	Conditions []Reason `json:"conditions"` // to be met at registration; they decide nothing now
	Policy     string   `json:"policy"`     // id@version
	Rules      string   `json:"rules"`      // version

	Ceiling     float64   `json:"ltv_ceiling"` // of this kind of patent
	Haircut     float64   `json:"haircut"`     // product of the haircuts; 1 is none
	Lendable    money.Fen `json:"lendable"`    // low · ceiling · haircut; 0 where it may not serve
	Recommended money.Fen `json:"recommended"` // this row's part of the contract's
	Counted     bool      `json:"counted"`     // false: its value counts on no contract

	Deviation   *Deviation    `json:"deviation,omitempty"`
	HumanOnly   bool          `json:"human_only"` // a person owns it: no decision by automation alone
	NextRevalue calendar.Date `json:"next_revaluation"`
}

// Decisions are a batch decided.
type Decisions struct {
	On            calendar.Date `json:"on"`
	Policy        string        `json:"policy"`
	PolicyVersion string        `json:"policy_version"`
	Rules         string        `json:"rules"`
	Rows          []Decision    `json:"rows"`      // in the order of the batch
	Contracts     []Contract    `json:"contracts"` // in queue order
}

// BorrowerKey names a borrower across rows and batches: the credit code, else
// the folded name.
func BorrowerKey(r *Row) string {
	if r.CreditCode != "" {
		return r.CreditCode
	}
	return foldName(r.Borrower)
}

func foldName(name string) string {
	core, form := patent.NormalName(name)
	return core + form
}

// Decide decides a whole batch as of a day. It depends on the rows and not on
// their order. A patent offered by two borrowers, or under two contracts,
// counts for neither; twice under one contract it counts once.
func Decide(batch []Valued, o Options, on calendar.Date) Decisions {
	d := Decisions{On: on, Policy: o.Policy.ID, PolicyVersion: o.Policy.Version, Rules: RulesVersion, Rows: make([]Decision, len(batch))}
	b := book{batch: batch, o: &o, on: on, rows: d.Rows, limits: foldKeys(o.BorrowerLimit), bearable: foldKeys(o.Bearable)}
	for i := range batch {
		b.row(i)
	}
	b.duplicates()
	b.booked()
	d.Contracts = b.contracts()
	for i := range d.Rows {
		d.Rows[i].Zh = d.Rows[i].Verdict.Zh()
	}
	return d
}

// book is a batch being decided.
type book struct {
	batch []Valued
	o     *Options
	on    calendar.Date
	rows  []Decision

	limits, bearable map[string]money.Fen // by credit code or folded name
}

func foldKeys(m map[string]money.Fen) map[string]money.Fen {
	out := make(map[string]money.Fen, len(m))
	for k, x := range m {
		k = foldName(k)
		if old, twice := out[k]; twice {
			x = min(x, old)
		}
		out[k] = x
	}
	return out
}

func (b *book) add(i int, basis Basis, severity Severity, code, evidence, supply, source string) {
	w, ok := fixed[code]
	if !ok {
		w = Rules[code]
	}
	b.reason(i, Reason{Code: code, Basis: basis, Severity: severity, Zh: w.Zh, En: w.En, Evidence: evidence, Supply: supply, Source: source})
}

func (b *book) reason(i int, r Reason) {
	d := &b.rows[i]
	d.Reasons = append(d.Reasons, r)
	switch r.Severity {
	case Refuses:
		d.Verdict = worse(d.Verdict, Refuse)
	case Supplements:
		d.Verdict = worse(d.Verdict, Supplement)
	}
}

// policy applies one of the institution's rules, when it has it.
func (b *book) policy(i int, code, evidence, supply string) {
	if r, ok := b.o.Policy.Rules[code]; ok {
		b.add(i, OfPolicy, r.Severity, code, evidence, supply, r.Source)
	}
}

func (b *book) row(i int) {
	v, d := &b.batch[i], &b.rows[i]
	*d = Decision{
		Line: v.Row.Line, Number: v.Row.Number, Contract: contractKey(&v.Row), Verdict: Accept, Haircut: 1, Counted: true,
		Policy: b.o.Policy.ID + "@" + b.o.Policy.Version, Rules: RulesVersion, Reasons: []Reason{}, Conditions: []Reason{}, NextRevalue: b.on.AddMonths(int(b.o.Policy.Revaluation.Value)),
	}
	if v.Fault != nil {
		b.reason(i, Reason{Code: cmp.Or(v.Fault.Code, "F01"), Basis: OfFile, Severity: Supplements, Zh: fixed["F01"].Zh, En: fixed["F01"].En, Evidence: v.Fault.Zh})
		d.Counted = false
		return
	}
	b.grounds(i)
	switch v.Status {
	case valuation.Zero:
		b.add(i, OfValue, Refuses, "V03", v.Reason, "", "")
		d.Counted = false
	case valuation.Abstained:
		b.add(i, OfValue, Supplements, "V02", v.Reason, "补充收入、许可或成交资料后重新估值", "")
		d.Counted = false
	case valuation.RangeOnly:
		if a := v.Row.Agreed; a != nil && *a <= v.High {
			b.add(i, OfValue, Warns, "V01", v.Reason+"；协商价值"+a.String()+"元", "", "")
		} else {
			b.add(i, OfValue, Supplements, "V01", v.Reason, "估值人员选定数值并写明理由，或由借贷双方书面协商", "")
		}
	}
	if v.Status == valuation.Valued || v.Status == valuation.RangeOnly {
		if v.Point < unitLow || v.Point > unitHigh {
			b.add(i, OfValue, Supplements, "V04", "估值"+v.Point.String()+"元", "估值人员复核并写明依据", "docs/ip-finance.md 2.4：单项专利价格的合理区间")
		}
		if a := v.Row.Agreed; a != nil && *a > v.High {
			b.add(i, OfValue, Supplements, "R04", "协商价值"+a.String()+"元，区间上限"+v.High.String()+"元", "按不高于区间上限重新协商", "")
		}
	}
	b.policies(i)
	if d.Verdict == Refuse {
		d.Counted = false
	}
	ceiling := b.o.Policy.Caps[v.Row.Kind]
	d.Ceiling = ceiling.Value
	for _, flag := range haircutFlags(v, b.on, &b.o.Policy) {
		if h, ok := b.o.Policy.Haircuts[flag]; ok {
			d.Haircut *= h.Value
		}
	}
}

// grounds takes over the twelve statutory grounds. Those that only the signed
// contract, a declaration or the office can answer are conditions of the
// registration while they are open, not gaps of the file.
func (b *book) grounds(i int) {
	for _, f := range b.batch[i].Eligibility.Findings {
		r := Reason{Code: f.Code, Basis: Statutory, Zh: f.Zh, En: f.En, Evidence: f.Reason, Supply: f.Supply, Source: "专利权质押登记办法（国家知识产权局公告第461号，2021）"}
		switch {
		case f.Outcome == patent.Met && f.Severity == patent.Block:
			r.Severity = Refuses
			b.reason(i, r)
		case f.Outcome == patent.Met:
			r.Severity = Supplements
			b.reason(i, r)
		case f.Outcome == patent.Declared:
			r.Severity, r.Evidence = Warns, strings.TrimSpace(f.Reason+"；声明："+f.Declared)
			b.reason(i, r)
		case f.Outcome == patent.Open && slices.Contains([]string{"E07", "E10", "E11", "E12"}, f.Code):
			r.Severity = Warns
			b.rows[i].Conditions = append(b.rows[i].Conditions, r)
		case f.Outcome == patent.Open:
			r.Severity = Supplements
			b.reason(i, r)
		}
	}
}

func (b *book) policies(i int) {
	v, d := &b.batch[i], &b.rows[i]
	p, row := &b.o.Policy, &v.Row
	switch {
	case row.Kind == "":
		b.policy(i, "P10", "", "填写专利类型")
	case p.Caps[row.Kind].Value == 0 && row.Kind == patent.Design:
		b.policy(i, "P01", "", "")
	case p.Caps[row.Kind].Value == 0 && row.Kind == patent.UtilityModel:
		b.policy(i, "P02", "", "")
	}
	if rule := p.Rules["P03"]; !v.Expiry.IsZero() {
		if left := b.on.YearsUntil(v.Expiry); left < rule.Threshold {
			b.policy(i, "P03", fmt.Sprintf("剩余%.1f年，要求不少于%g年", max(left, 0), rule.Threshold), "")
		}
	}
	if row.Revenue == nil || *row.Revenue == 0 {
		b.policy(i, "P04", map[bool]string{true: "未填写上年产品收入", false: "上年产品收入为零"}[row.Revenue == nil], "补充使用该专利的产品收入")
	}
	if rule := p.Rules["P05"]; row.External != nil && (row.ExternalDate.IsZero() || row.ExternalDate.AddMonths(int(rule.Threshold)).Before(b.on)) {
		b.policy(i, "P05", "评估基准日 "+dateOr(row.ExternalDate, "未填写"), "提供基准日在期限内的评估报告")
	}
	if rule := p.Rules["P06"]; v.Status == valuation.Valued && float64(len(v.Comparables)) < rule.Threshold {
		b.policy(i, "P06", fmt.Sprintf("可比交易%d笔，要求不少于%g笔", len(v.Comparables), rule.Threshold), "")
	}
	if rule := p.Rules["P08"]; v.Status == valuation.Valued {
		for _, m := range v.Methods {
			if m.Name == "market" && m.Value > 0 && v.Point.Yuan() > rule.Threshold*m.Value {
				b.policy(i, "P08", fmt.Sprintf("估值为市场法参考值的%.2f倍", v.Point.Yuan()/m.Value), "")
			}
		}
	}
	if t := p.TenorMonths; t != nil && row.Maturity.After(b.on.AddMonths(int(t.Value))) {
		b.policy(i, "P09", fmt.Sprintf("到期日%s，最长%g个月", row.Maturity, t.Value), "")
	}
	if stale := b.stale(v); stale != "" {
		b.policy(i, "P11", stale, "提供近期专利登记簿副本")
	}
	if d.HumanOnly = slices.ContainsFunc(slices.Concat(row.Owners, v.State.Owners), person); d.HumanOnly {
		b.policy(i, "P12", "", "")
	}
	if row.Loan == 0 {
		b.add(i, OfFile, Supplements, "L02", "", "填写拟贷金额", "")
	}
	if row.Product != "" {
		b.product(i)
	}
	if row.External != nil && v.Status == valuation.Valued && v.Point > 0 {
		d.Deviation = Deviate(*row.External, v.Point, p)
		evidence := fmt.Sprintf("外部评估为本系统估值的%.2f倍", 1+d.Deviation.Ratio)
		switch d.Deviation.Band {
		case "review":
			if a := row.Agreed; a != nil && *a <= v.High {
				b.add(i, OfValue, Warns, "X01", evidence+"；协商价值"+a.String()+"元", "", p.Review.Source)
				break
			}
			b.add(i, OfValue, Supplements, "X01", evidence, "人工复核意见", p.Review.Source)
		case "red":
			b.add(i, OfValue, Supplements, "X02", evidence, "说明差异原因并由有权人审批", p.RedDeviation.Source)
		}
	}
}

// Deviate compares an appraiser's figure with ours: up to the review threshold
// it passes, above the red one it is red, both ends belonging to the milder
// band. The comparison is exact to the fen.
func Deviate(external, ours money.Fen, p *Policy) *Deviation {
	gap := external - ours
	if gap < 0 {
		gap = -gap
	}
	d := &Deviation{Ratio: float64(external-ours) / float64(ours), Band: "ok"}
	switch {
	case gap > ours.MulRate(p.RedDeviation.Value):
		d.Band = "red"
	case gap > ours.MulRate(p.Review.Value):
		d.Band = "review"
	}
	return d
}

func (b *book) product(i int) {
	row := &b.batch[i].Row
	g, ok := b.o.Programmes[row.Product]
	switch {
	case !ok:
		b.add(i, OfProduct, Supplements, "G03", "产品代码 "+row.Product, "填写有效的产品代码，或留空", "")
	case !g.From.IsZero() && b.on.Before(g.From), !g.Until.IsZero() && b.on.After(g.Until):
		b.add(i, OfProduct, Refuses, "G02", fmt.Sprintf("%s：%s 至 %s", g.Name, dateOr(g.From, "不限"), dateOr(g.Until, "不限")), "", g.Source)
	case g.Policy != "" && g.Policy != b.o.Policy.ID:
		b.add(i, OfProduct, Supplements, "G05", fmt.Sprintf("%s适用%s，本批适用%s", g.Name, g.Policy, b.o.Policy.ID), "按该政策另行提交", g.Source)
	}
	if t := g.TenorMonths; t != nil && row.Maturity.After(b.on.AddMonths(int(t.Value))) {
		b.add(i, OfProduct, Refuses, "G06", fmt.Sprintf("到期日%s，%s最长%g个月", row.Maturity, g.Name, t.Value), "", t.Source)
	}
}

// Sanity of the value of one patent, and the highest of the published averages
// of a patent pledge (Pudong, 2022; ip-finance 2.4 and 2.5).
const (
	unitLow, unitHigh = 1e4 * money.Fen(money.Yuan), 1e8 * money.Fen(money.Yuan)
	averagePledge     = 2622 * money.Fen(money.Wan)
)

// stale says why the legal state is too old to rely on, or "".
func (b *book) stale(v *Valued) string {
	asOf := v.State.LastSeen
	if v.Row.RegisterAsOf.After(asOf) {
		asOf = v.Row.RegisterAsOf
	}
	switch {
	case asOf.IsZero():
		return "没有注明日期的法律状态"
	case asOf.AddDays(int(b.o.Policy.StaleDays.Value)).Before(b.on):
		return fmt.Sprintf("最近的法律状态为%s，距今%d天", asOf, asOf.DaysUntil(b.on))
	}
	return ""
}

func haircutFlags(v *Valued, on calendar.Date, p *Policy) (flags []string) {
	for _, f := range v.Eligibility.Findings {
		if f.Outcome == patent.Met || f.Outcome == patent.Declared {
			flags = append(flags, f.Code)
		}
	}
	if v.Row.Licensed == patent.Yes || slices.ContainsFunc(v.State.Licences, func(c patent.Claim) bool { return strings.Contains(c.Kind, "独占") }) {
		flags = append(flags, "licensed")
	}
	if v.Calibration != "conformal" {
		flags = append(flags, "uncalibrated")
	}
	if (&book{o: &Options{Policy: *p}, on: on}).stale(v) != "" {
		flags = append(flags, "stale")
	}
	return flags
}

// corporate are endings and words a body's name has and a person's has not.
var corporate = []string{"公司", "大学", "学院", "研究", "中心", "厂", "所", "院", "集团", "企业", "合作社", "学校", "医院", "局", "部队", "基金", "协会", "ltd", "inc", "co.", "gmbh", "corp", "university", "institute"}

// person reports whether a name reads like that of a natural person: two to
// four characters, or more around a middle dot, without any word of a body.
func person(name string) bool {
	name = strings.TrimSpace(name)
	n := len([]rune(name))
	lower := strings.ToLower(name)
	return (n >= 2 && n <= 4 || n <= 20 && strings.ContainsAny(name, "·•・")) && !slices.ContainsFunc(corporate, func(w string) bool { return strings.Contains(lower, w) })
}

// contractKey is the contract a row belongs to; a row without one stands alone.
func contractKey(r *Row) string {
	if r.Contract != "" {
		return r.Contract
	}
	return "行" + strconv.Itoa(r.Line)
}

// duplicates finds patents offered more than once in the batch.
func (b *book) duplicates() {
	at := map[string][]int{}
	for i := range b.batch {
		if v := &b.batch[i]; v.Fault == nil && v.Row.Number != "" {
			at[v.Row.Number] = append(at[v.Row.Number], i)
		}
	}
	for _, rows := range at {
		if len(rows) == 1 {
			continue
		}
		slices.SortFunc(rows, func(i, j int) int { return cmp.Compare(b.batch[i].Row.Line, b.batch[j].Row.Line) })
		borrowers, contracts := map[string]bool{}, map[string]bool{}
		lines := make([]string, len(rows))
		for k, i := range rows {
			borrowers[BorrowerKey(&b.batch[i].Row)] = true
			contracts[b.rows[i].Contract] = true
			lines[k] = strconv.Itoa(b.batch[i].Row.Line)
		}
		evidence := "见第 " + strings.Join(lines, "、") + " 行"
		for k, i := range rows {
			switch {
			case len(borrowers) > 1:
				b.add(i, OfFile, Supplements, "D01", evidence, "核实专利由谁提供质押，删去其余各行", "专利权质押登记办法：已质押的不再登记")
				b.rows[i].Counted = false
			case len(contracts) > 1:
				b.add(i, OfFile, Supplements, "D03", evidence, "同一专利只能登记一次质押，删去其余各行", "专利权质押登记办法：已质押的不再登记")
				b.rows[i].Counted = false
			case k > 0:
				b.add(i, OfFile, Warns, "D02", evidence, "", "")
				b.rows[i].Counted = false
			}
		}
	}
}

func dateOr(d calendar.Date, otherwise string) string {
	if d.IsZero() {
		return otherwise
	}
	return d.String()
}

// contracts sums the collateral of each contract up, finds what may be lent
// and draws on the programmes in queue order: by 序号, then contract number.
func (b *book) contracts() []Contract {
	index := map[string]int{}
	var out []Contract
	var members [][]int
	for i := range b.rows {
		key := b.rows[i].Contract
		k, ok := index[key]
		if !ok {
			k = len(out)
			index[key] = k
			out, members = append(out, Contract{Key: key, Verdict: Accept}), append(members, nil)
		}
		members[k] = append(members[k], i)
	}
	order := make([]int, len(out))
	for k := range out {
		order[k] = k
		slices.SortFunc(members[k], func(i, j int) int { return cmp.Compare(b.rows[i].Line, b.rows[j].Line) })
		b.collateral(&out[k], members[k])
	}
	slices.SortFunc(order, func(i, j int) int {
		return cmp.Or(compareSeq(b.batch[members[i][0]].Row.Seq, b.batch[members[j][0]].Row.Seq), cmp.Compare(out[i].Key, out[j].Key))
	})
	used := newLedger(b.o.Drawn)
	sorted := make([]Contract, 0, len(out))
	for _, k := range order {
		b.lend(&out[k], members[k], used)
		sorted = append(sorted, out[k])
	}
	return sorted
}

// compareSeq orders 序号: numbers by size, before anything else.
func compareSeq(a, b string) int {
	x, errA := strconv.Atoi(a)
	y, errB := strconv.Atoi(b)
	switch {
	case errA == nil && errB == nil:
		return cmp.Compare(x, y)
	case errA == nil:
		return -1
	case errB == nil:
		return 1
	}
	return cmp.Compare(a, b)
}

func (b *book) each(rows []int, f func(i int)) {
	for _, i := range rows {
		f(i)
	}
}

// collateral adds the contract's collateral up, each patent once.
func (b *book) collateral(c *Contract, rows []int) {
	first := &b.batch[rows[0]].Row
	c.Borrower, c.Product, c.Loan, c.Maturity = first.Borrower, first.Product, first.Loan, first.Maturity
	loans, maturities, borrowers := map[money.Fen]bool{}, map[calendar.Date]bool{}, map[string]bool{}
	kinds := map[patent.Kind]money.Fen{}
	for _, i := range rows {
		v, d := &b.batch[i], &b.rows[i]
		c.Lines = append(c.Lines, v.Row.Line)
		if v.Row.Loan != 0 {
			loans[v.Row.Loan] = true
			c.Loan = max(c.Loan, v.Row.Loan)
		}
		if !v.Row.Maturity.IsZero() {
			maturities[v.Row.Maturity] = true
			if c.Maturity.IsZero() || v.Row.Maturity.After(c.Maturity) {
				c.Maturity = v.Row.Maturity
			}
		}
		borrowers[BorrowerKey(&v.Row)] = true
		if !d.Counted {
			continue
		}
		point, low, forced := v.worth()
		d.Lendable = low.MulRate(d.Ceiling * d.Haircut)
		c.Value += point
		c.Low += low
		c.Forced += forced
		kinds[v.Row.Kind] += point
	}
	conflict := func(n int, code, supply string) {
		if n > 1 {
			b.each(rows, func(i int) { b.add(i, OfFile, Supplements, code, "", supply, "") })
		}
	}
	conflict(len(loans), "D04", "各行填写同一合同金额")
	conflict(len(maturities), "D05", "各行填写同一到期日")
	conflict(len(borrowers), "D06", "同一合同只填一个借款人")
	if c.Value == 0 {
		return
	}
	var lendable money.Fen
	for _, i := range rows {
		v, d := &b.batch[i], &b.rows[i]
		if !d.Counted {
			continue
		}
		point, _, _ := v.worth()
		lendable += point.MulRate(d.Ceiling)
		if rule, ok := b.o.Policy.Rules["P07"]; ok && len(rows) > 1 && float64(point) > rule.Threshold*float64(c.Value) {
			b.policy(i, "P07", fmt.Sprintf("占%.1f%%，上限%.0f%%", 100*float64(point)/float64(c.Value), 100*rule.Threshold), "")
		}
		if rule, ok := b.o.Policy.Rules["P13"]; ok && len(kinds) > 1 && float64(kinds[v.Row.Kind]) > rule.Threshold*float64(c.Value) {
			b.policy(i, "P13", fmt.Sprintf("占%.1f%%，上限%.0f%%", 100*float64(kinds[v.Row.Kind])/float64(c.Value), 100*rule.Threshold), "")
		}
	}
	ratio := func(over money.Fen) *float64 {
		if over == 0 {
			return nil
		}
		x := float64(c.Loan) / float64(over)
		return &x
	}
	c.LTV, c.LTVLow, c.Mixed = ratio(c.Value), ratio(c.Low), ratio(lendable)
	ceiling := float64(lendable) / float64(c.Value)
	c.Ceiling = &ceiling
	b.lookAhead(c, rows)
}

// lend finds the recommended amount and draws it on the programme.
func (b *book) lend(c *Contract, rows []int, used *ledger) {
	var collateral money.Fen
	for _, i := range rows {
		collateral += b.rows[i].Lendable
	}
	limit := func(code string, amount money.Fen, source string) {
		c.Limits = append(c.Limits, Part{Code: code, Zh: limitZh[code], Amount: max(amount, 0), Source: source})
	}
	first := &b.batch[rows[0]].Row
	limit("collateral", collateral, "估值下限 × 质押率上限 × 折扣，"+b.o.Policy.ID+" "+b.o.Policy.Version)
	if c.Loan > 0 {
		limit("requested", c.Loan, "")
	}
	if x, ok := b.figure(rows, b.limits, func(r *Row) *money.Fen { return r.BorrowerLimit }); ok {
		limit("borrower", x, "银行")
	}
	if x, ok := b.figure(rows, b.bearable, func(r *Row) *money.Fen { return r.Bearable }); ok {
		limit("dscr", x, "银行")
	}
	g, drawn := b.o.Programmes[c.Product]
	if drawn {
		limit("programme", g.Total.Amount-used.total[c.Product], g.Total.Source)
		if g.PerBorrower != nil {
			limit("programme_borrower", g.PerBorrower.Amount-used.of(c.Product, first), g.PerBorrower.Source)
		}
		if g.PerLoan != nil {
			limit("programme_loan", g.PerLoan.Amount, g.PerLoan.Source)
		}
	}
	least := slices.MinFunc(c.Limits, func(x, y Part) int { return cmp.Compare(x.Amount, y.Amount) })
	c.Binding, c.Recommended = least.Code, least.Amount
	b.route(c, rows)
	if c.Loan > averagePledge {
		b.each(rows, func(i int) {
			b.add(i, OfValue, Warns, "V05", "拟贷"+c.Loan.String()+"元；公开平均：浦东单笔1533万至2622万元，上海2023年单笔1661万元，证券化单户618万元", "", "docs/ip-finance.md 2.5")
		})
	}
	switch {
	case drawn && least.Code == "programme" && c.Recommended < min(c.Loan, collateral):
		b.each(rows, func(i int) {
			b.add(i, OfProduct, Supplements, "G01", fmt.Sprintf("%s剩余%s元", g.Name, least.Amount), "等待额度释放或改用其他产品", g.Total.Source)
		})
	case drawn && least.Code == "programme_borrower" && c.Recommended < min(c.Loan, collateral):
		b.each(rows, func(i int) {
			b.add(i, OfProduct, Supplements, "G04", fmt.Sprintf("%s单户剩余%s元", g.Name, least.Amount), "等待额度释放或改用其他产品", g.PerBorrower.Source)
		})
	case collateral == 0:
		b.each(rows, func(i int) {
			if b.rows[i].Verdict != Refuse && b.batch[i].Fault == nil { // those rows say more
				b.add(i, OfValue, Supplements, "L04", "", "补充押品或资料", "")
			}
		})
	case c.Recommended < c.Loan:
		b.each(rows, func(i int) {
			b.add(i, OfPolicy, Supplements, "L03", fmt.Sprintf("拟贷%s元，建议%s元，受限于%s", c.Loan, c.Recommended, least.Zh), "降低金额或增加押品", "")
		})
	}
	if c.Mixed != nil && *c.Mixed > 1 {
		b.each(rows, func(i int) {
			b.add(i, OfPolicy, Supplements, "L01", fmt.Sprintf("综合抵押率%.1f%%", 100**c.Mixed), "降低金额或增加押品", "厂商发布的银行质押政策模板（docs/ip-finance.md S13），非监管规定")
		})
	}
	weights := make([]int64, len(rows))
	var total int64
	for k, i := range rows {
		weights[k] = int64(b.rows[i].Lendable)
		total += weights[k]
		c.Verdict = worse(c.Verdict, b.rows[i].Verdict)
	}
	if total > 0 {
		parts, err := c.Recommended.Allocate(weights)
		if err == nil {
			for k, i := range rows {
				b.rows[i].Recommended = parts[k]
			}
		}
	}
	c.Headroom = c.Recommended - c.Loan
	if drawn && c.Verdict == Accept {
		used.add(Draw{c.Product, first.Borrower, first.CreditCode, c.Recommended})
	}
}

// figure returns the bank's figure of a contract's borrower: the least of those
// given for it and those its rows state.
func (b *book) figure(rows []int, given map[string]money.Fen, stated func(*Row) *money.Fen) (least money.Fen, ok bool) {
	take := func(x money.Fen) {
		if !ok || x < least {
			least, ok = x, true
		}
	}
	for _, i := range rows {
		row := &b.batch[i].Row
		for _, key := range []string{row.CreditCode, foldName(row.Borrower)} {
			if x, found := given[key]; found && key != "" {
				take(x)
			}
		}
		if x := stated(row); x != nil {
			take(*x)
		}
	}
	return least, ok
}

// route says who must value, by the size of the loan; see [Policy]. A value
// that is in dispute, because the approaches or an appraiser disagree with it,
// may be settled by agreement.
func (b *book) route(c *Contract, rows []int) {
	p := &b.o.Policy
	negotiable := p.NegotiatedLimit != nil && c.Loan <= p.NegotiatedLimit.Amount
	internal := c.Loan <= p.InternalLimit.Amount
	owned := slices.ContainsFunc(rows, func(i int) bool { return b.batch[i].Row.StateOwned == patent.Yes })
	disputed := func(i int) bool {
		v, d := &b.batch[i], &b.rows[i]
		return v.Fault == nil && (v.Status == valuation.RangeOnly || d.Deviation != nil && d.Deviation.Band != "ok" || v.Row.Agreed != nil)
	}
	external := func(code, evidence, source string) {
		c.Route = External
		b.each(rows, func(i int) {
			severity := Supplements
			if b.batch[i].Row.External != nil {
				severity = Warns
			}
			b.add(i, OfPolicy, severity, code, evidence, "外部评估报告", source)
		})
	}
	switch {
	case owned:
		external("R03", "", "资产评估法（2016）")
	case !internal && !negotiable:
		limit := p.InternalLimit
		if n := p.NegotiatedLimit; n != nil && n.Amount > limit.Amount {
			limit = *n
		}
		external("R01", fmt.Sprintf("拟贷%s元，上限%s元", c.Loan, limit.Amount), limit.Source)
	case negotiable && (!internal || slices.ContainsFunc(rows, disputed)):
		c.Route = Negotiated
		b.each(rows, func(i int) {
			if b.batch[i].Row.Agreed == nil && b.batch[i].Fault == nil && (!internal || disputed(i)) {
				b.add(i, OfPolicy, Supplements, "R02", "", "借贷双方书面确认的协商价值", p.NegotiatedLimit.Source)
			}
		})
	default:
		c.Route = Internal
	}
}

// Refused returns the decision-ready form of a row that could not be read.
func Refused(row Row, f fault.Field) Valued { return Valued{Row: row, Fault: &f} }
