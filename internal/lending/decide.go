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
	"zhijia/internal/valuation/terms"
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
	Unknown  bool     `json:"unknown,omitempty"`  // the facts are missing: nothing says that the ground applies
}

// Options are what a batch is decided under.
type Options struct {
	Policy     Policy
	Programmes map[string]Programme // by id, those a row may name
	Drawn      []Draw               // under the programmes before this batch
	Booked     []Booked             // patents of the batch that secure something else already
	Later      []Later              // what the register said after the rows were valued

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

	// Uncovered is the part of the loan that no collateral covers: credit, for the
	// policy to decide on.
	Uncovered money.Fen `json:"uncovered"`

	Shared []SchemeShare `json:"shared,omitempty"` // who would bear the uncovered part under a scheme

	Sale  *Sale  `json:"if_sold,omitempty"`   // what the rights cover when they are sold; nil without a value
	Repay *Repay `json:"repayment,omitempty"` // what carries the repayment; nil when no income is known

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

	// Pledgeable answers the first of three questions, whether the law lets the
	// right be pledged: yes, no, or unknown while a ground is open.
	Pledgeable patent.Truth `json:"pledgeable,omitempty"`

	Deviation   *Deviation    `json:"deviation,omitempty"`
	NotCompared string        `json:"not_compared,omitempty"` // why the external appraisal was not compared, Chinese
	HumanOnly   bool          `json:"human_only"`             // a person owns it: no decision by automation alone
	NextRevalue calendar.Date `json:"next_revaluation"`

	// UnchangedSince is the day a row of a batch that was decided again was valued
	// as of, when it still comes to the same.
	UnchangedSince calendar.Date `json:"unchanged_since,omitzero"`
}

// OnlyUnknown reports of a row to be supplemented that nothing speaks against it
// but facts that are missing; such rows are counted apart.
func (d *Decision) OnlyUnknown() bool {
	decisive := 0
	for i := range d.Reasons {
		if r := &d.Reasons[i]; r.Severity != Warns {
			if decisive++; !r.Unknown {
				return false
			}
		}
	}
	return d.Verdict == Supplement && decisive > 0
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

// key names the row's patent, whichever of its numbers the row gives.
func (v *Valued) key() patent.Key {
	if v.Key != "" {
		return v.Key
	}
	return keyOf(v.Row.Number)
}

func keyOf(number string) patent.Key {
	n, err := patent.ParseNumber(number)
	if err != nil {
		return patent.Key(number)
	}
	return n.Key()
}

// perhapsOne finds rows that name different documents of one serial number,
// such as the publication and the grant of one application: they may be one
// patent, which only a record of it can tell.
func (b *book) perhapsOne(documents map[string][]int) {
	for _, rows := range documents {
		different := false
		var numbers []string
		for _, i := range rows {
			different = different || b.batch[i].key() != b.batch[rows[0]].key()
			numbers = append(numbers, fmt.Sprintf("第 %d 行 %s", b.batch[i].Row.Line, b.batch[i].Row.Number))
		}
		if !different {
			continue
		}
		for _, i := range rows {
			b.add(i, OfFile, Supplements, "D09", strings.Join(numbers, "、"), "改填申请号，或附专利登记簿副本", groundsSource)
			b.rows[i].Counted = false
		}
	}
}

// borrowers counts the borrowers that rows name: rows with one credit code, or
// with one name, name the same, and two codes are two borrowers whatever the
// names are.
func (b *book) borrowers(rows []int) int {
	group := make([]int, len(rows))
	join := func(x, y int) {
		for k, g := range group {
			if g == y {
				group[k] = x
			}
		}
	}
	codes := map[string]bool{}
	for k, i := range rows {
		group[k] = k
		r := &b.batch[i].Row
		if r.CreditCode != "" {
			codes[foldName(r.CreditCode)] = true
		}
		for l := range k {
			o := &b.batch[rows[l]].Row
			if r.CreditCode != "" && foldName(r.CreditCode) == foldName(o.CreditCode) || foldName(r.Borrower) == foldName(o.Borrower) && (r.CreditCode == "" || o.CreditCode == "") {
				join(group[l], group[k])
			}
		}
	}
	different := map[int]bool{}
	for _, g := range group {
		different[g] = true
	}
	return max(len(different), len(codes))
}

// borrower is who a contract's rows name, with the credit code that any of them
// gives.
func (b *book) borrower(rows []int) *Row {
	named := b.batch[rows[0]].Row
	for _, i := range rows {
		named.CreditCode = cmp.Or(named.CreditCode, b.batch[i].Row.CreditCode)
	}
	return &named
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
	batch = slices.Clone(batch)
	bare := map[int]bool{} // rows without a value of the policy's basis
	for i := range batch {
		of, has := batch[i].on(o.Policy.Basis)
		batch[i] = *of
		bare[i] = !has
	}
	b := book{batch: batch, bare: bare, o: &o, on: on, rows: d.Rows, limits: foldKeys(o.BorrowerLimit), bearable: foldKeys(o.Bearable)}
	for i := range batch {
		b.row(i)
	}
	b.duplicates()
	b.twins()
	b.booked()
	b.later()
	d.Contracts = b.contracts()
	for i := range d.Rows {
		d.Rows[i].Zh = d.Rows[i].Verdict.Zh()
		d.Rows[i].Pledgeable = b.pledgeable(i)
	}
	return d
}

// book is a batch being decided.
type book struct {
	batch []Valued     // with the figures of the policy's basis
	bare  map[int]bool // rows that have none
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
	b.thirdParty(i)
	b.evidence(i)
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
		if b.bare[i] {
			b.add(i, OfValue, Supplements, "B01", "质押率按"+b.o.Policy.Basis.Zh()+"制定，没有该价值类型的估值", "按该价值类型估值，或采用与现有估值相应的政策", "")
			d.Counted = false
		}
		for _, g := range b.o.Policy.Gates {
			if !b.bare[i] && g.Kind == v.Row.Kind && g.Basis == b.o.Policy.Basis && (v.Point < g.Low || v.Point > g.High) {
				b.add(i, OfValue, Supplements, "V04", "估值"+v.Point.String()+"元，区间"+g.Low.String()+"元至"+g.High.String()+"元（"+g.Basis.Zh()+"）", "估值人员复核并写明依据", g.Source)
			}
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

const groundsSource = "专利权质押登记办法第十一条（国家知识产权局公告第461号，2021）"

// grounds takes over the twelve statutory grounds. Those that only the signed
// contract, a declaration or the office can answer are conditions of the
// registration while they are open, not gaps of the file.
func (b *book) grounds(i int) {
	for _, f := range b.batch[i].Eligibility.Findings {
		r := Reason{Code: f.Code, Basis: Statutory, Zh: f.Zh, En: f.En, Evidence: f.Reason, Supply: f.Supply, Source: groundsSource}
		mark := b.batch[i].Row.Kind == Trademark
		if mark {
			r.Source = marksSource
		}
		if f.Outcome == patent.Open {
			w := unknownGround[f.Code]
			r.Zh, r.En, r.Unknown = cmp.Or(w.Zh, r.Zh), cmp.Or(w.En, r.En), true
			if _, why, ok := strings.Cut(r.Evidence, "未知："); ok { // said by the ground already
				r.Evidence = why
			}
		}
		switch {
		case f.Outcome == patent.Met && f.Severity == patent.Block:
			r.Severity = Refuses
			b.reason(i, r)
		case f.Outcome == patent.Met && f.Severity == patent.Warn && mark: // what a patent's declaration clears, a mark's renewal does later
			r.Severity = Warns
			b.reason(i, r)
		case f.Outcome == patent.Met:
			r.Severity = Supplements
			b.reason(i, r)
		case f.Outcome == patent.Declared:
			r.Severity, r.Evidence = Warns, strings.TrimSpace(f.Reason+"；声明："+f.Declared)
			b.reason(i, r)
		case f.Outcome == patent.Open && slices.Contains([]string{"E07", "E10", "E11", "E12"}, f.Code),
			f.Outcome == patent.Open && b.batch[i].Row.Portfolio && slices.Contains([]string{"E01", "E06", "E08"}, f.Code): // who borrows and for how long is asked later
			r.Severity = Warns
			b.rows[i].Conditions = append(b.rows[i].Conditions, r)
		case f.Outcome == patent.Open:
			r.Severity = Supplements
			b.reason(i, r)
		}
	}
}

// thirdParty asks for the consent of owners who are not the borrower: they
// pledge for another's debt and sign the contract themselves.
func (b *book) thirdParty(i int) {
	if b.batch[i].Row.Kind == Trademark {
		return // ground M01 asks who pledges
	}
	const source = "民法典第三百九十四条、第四百二十五条：第三人可以提供质押，须由其订立质押合同"
	v, d := &b.batch[i], &b.rows[i]
	owners := v.State.Owners
	if len(owners) == 0 {
		owners = v.Row.Owners
	}
	borrower := cmp.Or(v.Debtor, v.Row.Borrower)
	if slices.ContainsFunc(d.Reasons, func(r Reason) bool { return r.Code == "E01" && r.Severity == Refuses }) {
		return // who owns it comes first
	}
	if len(owners) == 0 || borrower == "" || slices.ContainsFunc(owners, func(o string) bool { return patent.SameName(o, borrower) }) {
		return
	}
	refused := v.Row.PledgorConsent == patent.No
	var silent []string
	for _, o := range owners {
		said := v.Row.PledgorConsent
		for _, c := range v.Row.Consents {
			if patent.SameName(c.Party, o) && c.Said != "" {
				said = c.Said
			}
		}
		refused = refused || said == patent.No
		if said != patent.Yes {
			silent = append(silent, o)
		}
	}
	evidence := "专利权人" + strings.Join(owners, "、") + "，借款人" + borrower
	switch {
	case refused:
		b.add(i, Statutory, Refuses, "T01", evidence+"；不同意出质", "由专利权人出质，或更换押品", source)
	case len(silent) > 0:
		b.add(i, Statutory, Supplements, "T01", evidence+"；未见同意："+strings.Join(silent, "、"), "在“出质人及同意”列填写专利权人名称及其同意，并附书面文件", source)
	default:
		w := fixed["T01"]
		d.Conditions = append(d.Conditions, Reason{Code: "T01", Basis: Statutory, Severity: Warns, Zh: w.Zh, En: w.En, Evidence: evidence, Supply: "由专利权人签署质押合同", Source: source})
	}
}

// evidence says on whose word the row rests: cells that were not understood are
// unknown, and what only the row states must be borne out by the register.
func (b *book) evidence(i int) {
	v, d := &b.batch[i], &b.rows[i]
	for _, u := range v.Row.Unread {
		b.add(i, OfFile, Supplements, "F02", "“"+u.Column+"”一格写的是“"+u.Text+"”", "改用明确的写法，或附证明文件", "")
	}
	if v.FromRow && v.Row.Title == "" {
		b.add(i, OfFile, Supplements, "F03", v.Row.Number, "填写专利名称，或提供专利登记簿副本", "")
	}
	if basis := b.o.Policy.Basis; v.Row.Revenue != nil && !b.bare[i] && (basis == AppraisedIncome || basis == InUse) {
		w := fixed["W03"]
		d.Conditions = append(d.Conditions, Reason{
			Code: "W03", Basis: OfFile, Severity: Warns, Zh: w.Zh, En: w.En, Evidence: "所填上年产品收入" + money.Zh(v.Row.Revenue.Yuan(), 6) + "，政策按" + basis.Zh() + "计押品价值",
			Supply: "经审计的专利产品收入明细，或销售、许可合同与完税凭证",
		})
	}
	if len(v.OnWord) == 0 {
		return
	}
	w := fixed["W01"]
	asOf := "所填日期不详"
	if !v.Row.RegisterAsOf.IsZero() {
		asOf = "所填截至" + v.Row.RegisterAsOf.String()
	}
	d.Conditions = append(d.Conditions, Reason{
		Code: "W01", Basis: Statutory, Severity: Warns, Zh: w.Zh, En: w.En, Evidence: strings.Join(v.OnWord, "、") + "，" + asOf,
		Supply: "专利登记簿副本（出具日期不早于" + b.on.AddDays(-int(b.o.Policy.StaleDays.Value)).String() + "）", Source: "专利权质押登记办法第十一条：登记机关以登记簿记载为准",
	})
}

func (b *book) policies(i int) {
	v, d := &b.batch[i], &b.rows[i]
	p, row := &b.o.Policy, &v.Row
	right, register := "专利", "专利登记簿副本"
	if row.Kind == Trademark {
		right, register = "商标", "商标档案"
	}
	if p.Unreviewed {
		b.policy(i, "P16", p.ID+"@"+p.Version, "由另一人复核该政策")
		d.Conditions = append(d.Conditions, Reason{Code: "W02", Basis: OfPolicy, Severity: Warns, Zh: fixed["W02"].Zh, En: fixed["W02"].En, Evidence: p.ID + "@" + p.Version + "，未经复核", Supply: "由另一人复核该政策"})
	}
	if f := slices.IndexFunc(v.Flags, func(f terms.Flag) bool { return f.Code == valuation.FlagUnreviewed }); f >= 0 {
		b.policy(i, "P17", v.Flags[f].Zh, "由另一人复核")
	}
	switch {
	case row.Kind == "":
		b.policy(i, "P10", "", "填写专利类型")
	case row.Kind == Trademark:
		if _, has := p.Caps[Trademark]; !has {
			b.add(i, OfPolicy, Supplements, "M12", p.ID+"@"+p.Version, "本机构商标质押率上限及依据", p.Source)
		}
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
	if (row.Revenue == nil || *row.Revenue == 0) && !row.Portfolio {
		b.policy(i, "P04", revenueGap(row), "补充使用该"+right+"的产品收入")
		if k := len(d.Reasons) - 1; row.Revenue == nil && k >= 0 && d.Reasons[k].Code == "P04" { // an unknown is not told as if it were so
			d.Reasons[k].Zh, d.Reasons[k].En, d.Reasons[k].Unknown = "产品收入未知", "The product revenue is unknown.", true
		}
	}
	if rule := p.Rules["P05"]; row.External != nil && (row.ExternalDate.IsZero() || row.ExternalDate.AddMonths(int(rule.Threshold)).Before(b.on)) {
		b.policy(i, "P05", "评估基准日 "+dateOr(row.ExternalDate, "未填写"), "提供基准日在期限内的评估报告")
	}
	if rule := p.Rules["P06"]; row.Kind != Trademark && v.Status == valuation.Valued && float64(len(v.Comparables)) < rule.Threshold {
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
	if stale := staleReason(v, b.on, p); stale != "" {
		b.policy(i, "P11", stale, "提供近期"+register)
	}
	if d.HumanOnly = slices.ContainsFunc(slices.Concat(row.Owners, v.State.Owners), person); d.HumanOnly {
		b.policy(i, "P12", "", "")
	}
	switch {
	case row.Portfolio:
		b.add(i, OfFile, Warns, "S01", "", "", "")
	case row.Loan == 0:
		b.add(i, OfFile, Supplements, "L02", "", "填写拟贷金额", "")
	}
	if row.Product != "" {
		b.product(i)
	}
	b.appraisal(i)
}

// appraisal compares an appraiser's figure with ours of the same basis, and
// with no other. Appraisals for a pledge discount income, so a figure whose
// basis the row does not say is taken for that.
func (b *book) appraisal(i int) {
	v, d := &b.batch[i], &b.rows[i]
	p, row := &b.o.Policy, &v.Row
	if row.External == nil || v.Status != valuation.Valued {
		return
	}
	basis := cmp.Or(row.ExternalBasis, AppraisedIncome)
	ours, has := v.on(basis)
	if !has || ours.Point <= 0 || len(v.Bases) == 0 && row.ExternalBasis != "" && row.ExternalBasis != p.Basis {
		d.NotCompared = "未比较（价值类型不同）"
		b.add(i, OfValue, Warns, "X03", "外部评估按"+basis.Zh()+"，本系统没有该价值类型的估值", "", "")
		return
	}
	d.Deviation = Deviate(*row.External, ours.Point, p)
	evidence := fmt.Sprintf("外部评估为本系统同类估值（%s）的%.2f倍", basis.Zh(), 1+d.Deviation.Ratio)
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

func revenueGap(r *Row) string {
	if r.Revenue == nil {
		return "未填写上年产品收入"
	}
	return "上年产品收入为零"
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

// averagePledge is the highest of the published averages of a patent pledge
// (Pudong, 2022).
const averagePledge = 2622 * money.Fen(money.Wan)

// stateAsOf is the day of the oldest answer that the state of a right rests on.
// A fresh event about one thing makes no older answer to another fresher, and a
// row speaks for what it states.
func stateAsOf(v *Valued) calendar.Date {
	seen, stated := v.State.LastSeen, v.Row.RegisterAsOf
	asOf := seen
	if stated.After(asOf) {
		asOf = stated
	}
	for _, x := range []struct {
		code string
		said patent.Truth
	}{{"E05", v.Row.Preserved}, {"E09", v.Row.Pledged}} {
		if slices.ContainsFunc(v.Eligibility.Findings, func(f patent.Finding) bool { return f.Code == x.code && f.Outcome != patent.Clear }) {
			continue // told by a reason of its own
		}
		var of calendar.Date
		if x.said != "" {
			of = stated
		}
		if seen.After(of) && !slices.Contains(v.OnWord, x.code) {
			of = seen
		}
		if !of.IsZero() && of.Before(asOf) {
			asOf = of
		}
	}
	return asOf
}

// staleReason says why the legal state is too old to rely on, or "".
func staleReason(v *Valued, on calendar.Date, p *Policy) string {
	asOf := stateAsOf(v)
	switch {
	case asOf.IsZero():
		return "没有注明日期的法律状态"
	case asOf.AddDays(int(p.StaleDays.Value)).Before(on):
		return fmt.Sprintf("最近的法律状态为%s，距今%d天", asOf, asOf.DaysUntil(on))
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
	if v.Calibration != "conformal" && v.Row.Kind != Trademark {
		flags = append(flags, "uncalibrated")
	}
	if staleReason(v, on, p) != "" {
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
	at := map[patent.Key][]int{}
	documents := map[string][]int{} // rows by the digits of a publication number
	for i := range b.batch {
		v := &b.batch[i]
		if v.Fault != nil || v.Row.Number == "" {
			continue
		}
		key := v.key()
		at[key] = append(at[key], i)
		if n, err := patent.ParseNumber(string(key)); err == nil && n.Form == patent.Publication && !n.NamesApplication() {
			digits := strings.TrimRight(string(key), "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
			documents[digits] = append(documents[digits], i)
		}
	}
	b.perhapsOne(documents)
	for _, rows := range at {
		if len(rows) == 1 {
			continue
		}
		slices.SortFunc(rows, func(i, j int) int { return cmp.Compare(b.batch[i].Row.Line, b.batch[j].Row.Line) })
		contracts := map[string]bool{}
		lines := make([]string, len(rows))
		for k, i := range rows {
			contracts[b.rows[i].Contract] = true
			lines[k] = strconv.Itoa(b.batch[i].Row.Line)
		}
		evidence := "见第 " + strings.Join(lines, "、") + " 行"
		for k, i := range rows {
			switch {
			case b.borrowers(rows) > 1:
				b.add(i, OfFile, Supplements, "D01", evidence, "核实专利由谁提供质押，删去其余各行", "专利权质押登记办法：已质押的不再登记")
				b.rows[i].Counted = false
			case len(contracts) > 1 && !b.batch[i].Row.Portfolio:
				b.add(i, OfFile, Supplements, "D03", evidence, "同一专利只能登记一次质押，删去其余各行", "专利权质押登记办法：已质押的不再登记")
				b.rows[i].Counted = false
			case k > 0:
				b.add(i, OfFile, Warns, "D02", evidence, "", "")
				b.rows[i].Counted = false
			}
		}
	}
}

// twins finds utility models of the batch whose applicant filed the same
// invention on the same day as an invention of the batch (article 11, no. 10).
func (b *book) twins() {
	type key struct {
		day    calendar.Date
		title  string
		owners string
	}
	at := map[key]*[2][]int{}
	for i := range b.batch {
		r := &b.batch[i].Row
		if b.batch[i].Fault != nil || r.Filing.IsZero() || r.Title == "" || len(r.Owners) == 0 || r.Kind != patent.Invention && r.Kind != patent.UtilityModel {
			continue
		}
		owners := make([]string, len(r.Owners))
		for k, o := range r.Owners {
			owners[k] = foldName(o)
		}
		slices.Sort(owners)
		k := key{r.Filing, foldTitle(r.Title), strings.Join(owners, "|")}
		if at[k] == nil {
			at[k] = new([2][]int)
		}
		side := 0
		if r.Kind == patent.UtilityModel {
			side = 1
		}
		at[k][side] = append(at[k][side], i)
	}
	for _, pair := range at {
		if len(pair[0]) == 0 {
			continue
		}
		for _, i := range pair[1] {
			if slices.ContainsFunc(b.rows[i].Reasons, func(r Reason) bool { return r.Code == "E10" }) {
				continue
			}
			evidence := fmt.Sprintf("与第 %d 行的发明专利 %s 同日申请、名称和权利人相同", b.batch[pair[0][0]].Row.Line, b.batch[pair[0][0]].Row.Number)
			b.rows[i].Conditions = slices.DeleteFunc(b.rows[i].Conditions, func(r Reason) bool { return r.Code == "E10" })
			g := patent.Grounds[9]
			b.reason(i, Reason{Code: g.Code, Basis: Statutory, Severity: Supplements, Zh: g.Zh, En: g.En, Evidence: evidence, Supply: "关于同日申请的声明", Source: groundsSource})
		}
	}
}

// foldTitle leaves out of a title what is the same in most.
func foldTitle(title string) string {
	core, _ := patent.NormalName(title)
	return strings.TrimPrefix(core, "一种")
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
	loans, maturities, products := map[money.Fen]bool{}, map[calendar.Date]bool{}, map[string]bool{}
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
		if v.Row.Product != "" {
			products[v.Row.Product] = true
			c.Product = cmp.Or(c.Product, v.Row.Product)
		}
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
	conflict(len(products), "D08", "同一合同只填一个产品代码")
	conflict(b.borrowers(rows), "D06", "同一合同只填一个借款人")
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
	b.forecastCover(c, rows)
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
	first := b.borrower(rows)
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
	c.Uncovered = max(c.Loan-collateral, 0)
	b.threeQuestions(c, rows)
	least := slices.MinFunc(c.Limits, func(x, y Part) int { return cmp.Compare(x.Amount, y.Amount) })
	c.Binding, c.Recommended = least.Code, least.Amount
	b.route(c, rows)
	if c.Loan > averagePledge {
		b.each(rows, func(i int) {
			b.add(i, OfValue, Warns, "V05", "拟贷"+c.Loan.String()+"元；公开平均：浦东单笔1533万至2622万元，上海2023年单笔1661万元，证券化单户618万元", "", "浦东、上海知识产权金融年度公开数据（2022、2023）")
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
			if b.rows[i].Verdict != Refuse && b.batch[i].Fault == nil && !b.batch[i].Row.Portfolio { // those rows say more
				b.add(i, OfValue, Supplements, "L04", "", "补充押品或资料", "")
			}
		})
	case least.Code == "collateral" && c.Uncovered > 0:
		severity, source := Supplements, ""
		if rule, ok := b.o.Policy.Rules["P15"]; ok {
			if source = rule.Source; float64(c.Uncovered) <= rule.Threshold*float64(c.Loan) {
				severity = Warns
			}
		}
		b.each(rows, func(i int) {
			b.add(i, OfPolicy, severity, "L05", fmt.Sprintf("拟贷%s元，押品可担保%s元，未覆盖%s元%s", c.Loan, collateral, c.Uncovered, sharedZh(c.Shared)), "增加押品，或由风险分担方案、信用额度承担未覆盖的"+c.Uncovered.String()+"元", source)
		})
	case c.Recommended < c.Loan:
		b.each(rows, func(i int) {
			b.add(i, OfPolicy, Supplements, "L03", fmt.Sprintf("拟贷%s元，建议%s元，受限于%s；押品未覆盖%s元", c.Loan, c.Recommended, least.Zh, c.Uncovered), "调整限额，或按建议额度办理", "")
		})
	}
	if c.Mixed != nil && *c.Mixed > 1 {
		b.each(rows, func(i int) {
			b.add(i, OfPolicy, Supplements, "L01", fmt.Sprintf("综合抵押率%.1f%%", 100**c.Mixed), "降低金额或增加押品", "厂商发布的银行质押政策模板，非监管规定")
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
		for _, key := range []string{foldName(row.CreditCode), foldName(row.Borrower)} {
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
