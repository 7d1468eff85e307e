// Package scheme knows the public schemes that carry loans on intellectual
// property: what each pays, to whom, up to which caps and until when. Start with
// [Scheme.Quote].
package scheme

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/lending"
	"zhijia/internal/money"
)

// Instrument is how a scheme helps.
type Instrument string

// Instruments.
const (
	LossShare       Instrument = "loss_share"
	InterestSubsidy Instrument = "interest_subsidy"
	PremiumSubsidy  Instrument = "premium_subsidy"
	FeeSubsidy      Instrument = "fee_subsidy"
	IssueSubsidy    Instrument = "issue_subsidy"
	Relending       Instrument = "relending" // the central bank funds a share of the loan
	Bonus           Instrument = "bonus"     // a share of what was lent, to the lender
	SpecialLoan     Instrument = "special_loan"
	Guarantee       Instrument = "guarantee"
	Relief          Instrument = "relief"
)

// Instruments are all of them.
var Instruments = []Instrument{LossShare, InterestSubsidy, PremiumSubsidy, FeeSubsidy, IssueSubsidy, Relending, Bonus, SpecialLoan, Guarantee, Relief}

// Zh returns the instrument's Chinese name.
func (i Instrument) Zh() string {
	return map[Instrument]string{
		LossShare: "风险补偿（损失分担）", InterestSubsidy: "贷款贴息", PremiumSubsidy: "保费补贴", FeeSubsidy: "费用补助", IssueSubsidy: "证券化发行补助",
		Relending: "再贷款", Bonus: "放贷奖励", SpecialLoan: "专项贷款产品", Guarantee: "担保增信", Relief: "纾困（复工复产）",
	}[i]
}

// subsidy reports whether the instrument pays a part of what a firm pays, and
// may never pay more than that.
func (i Instrument) subsidy() bool {
	return i == InterestSubsidy || i == PremiumSubsidy || i == FeeSubsidy || i == IssueSubsidy
}

// Scheme is one scheme with its figures. A figure that nobody found is nil or
// empty and named in Missing: it is not zero, and what rests on it cannot be
// worked out.
type Scheme struct {
	ID         string        `json:"id"`
	Version    string        `json:"version"`
	Name       string        `json:"name"`
	Region     string        `json:"region"`
	Issuer     string        `json:"issuer,omitempty"`
	Document   string        `json:"document"` // number or title; 未见 where the report names none
	URL        string        `json:"url"`
	Published  calendar.Date `json:"published,omitzero"`
	From       calendar.Date `json:"from,omitzero"`
	Until      calendar.Date `json:"until,omitzero"` // last day
	Status     string        `json:"status"`         // in_force, reported, expired, unavailable
	VerifiedOn calendar.Date `json:"verified_on"`    // the day the source was read
	Instrument Instrument    `json:"instrument"`
	Summary    string        `json:"summary"` // Chinese
	Missing    []string      `json:"missing"` // Chinese: figures no public source gave

	Beneficiaries []string `json:"beneficiaries,omitempty"` // one of these tags is needed; empty: none is stated

	Ratio      *float64   `json:"ratio,omitempty"`       // of interest, fee, issue, loss or principal
	FirstExtra *float64   `json:"first_extra,omitempty"` // added to the ratio for a firm's first loan
	ByYear     []float64  `json:"by_year,omitempty"`     // ratio of the premium in the policy's first, second … year
	RateCap    *float64   `json:"rate_cap,omitempty"`    // interest above it is not subsidised
	MaxMonths  int        `json:"max_months,omitempty"`  // subsidised per loan; 0: not limited
	CapLoan    *money.Fen `json:"cap_per_loan,omitempty"`
	CapFirm    *money.Fen `json:"cap_per_firm,omitempty"`
	MaxLoan    *money.Fen `json:"max_loan,omitempty"` // a larger loan is outside the scheme
	Budget     *money.Fen `json:"budget,omitempty"`
	Leverage   *float64   `json:"leverage,omitempty"` // loans carried per yuan of the fund
	Shares     string     `json:"shares,omitempty"`   // loss-share preset that splits the loss
	Rate       *float64   `json:"rate,omitempty"`     // a year; of a relending or a loan
	Months     *int       `json:"months,omitempty"`   // tenor
	Extensions *int       `json:"extensions,omitempty"`
	StopDue    *money.Fen `json:"stop_overdue,omitempty"` // overdue principal at which the scheme stops
	StopNPL    *float64   `json:"stop_npl,omitempty"`     // share of bad loans at which it stops
	Stacks     *bool      `json:"stacks,omitempty"`       // with other subsidies of the same cost; nil: not stated
}

//go:embed library.json
var libraryJSON []byte

// Library returns the schemes that ship, in order of region and id.
func Library() []Scheme {
	var all []Scheme
	dec := json.NewDecoder(bytes.NewReader(libraryJSON))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&all); err != nil {
		panic(err) // embedded, checked by a test
	}
	slices.SortFunc(all, func(a, b Scheme) int { return strings.Compare(a.Region+"\x00"+a.ID, b.Region+"\x00"+b.ID) })
	for i := range all {
		if all[i].Missing == nil {
			all[i].Missing = []string{}
		}
	}
	return all
}

// ByID returns a scheme of the library.
func ByID(id string) (Scheme, error) {
	all := Library()
	if k := slices.IndexFunc(all, func(s Scheme) bool { return strings.EqualFold(s.ID, id) }); k >= 0 {
		return all[k], nil
	}
	return Scheme{}, fault.New(fault.NotFound, "scheme.unknown", "方案库中没有“"+id+"”；可用 zhijia schemes list 查看。", "There is no scheme "+id+" in the library.")
}

// Check refuses a scheme of one's own that cannot be worked out.
func (s *Scheme) Check() error {
	bad := func(code, zh, en string) error { return fault.New(fault.Invalid, code, zh, en) }
	switch {
	case strings.TrimSpace(s.ID) == "" || strings.TrimSpace(s.Document) == "":
		return bad("scheme.source", "方案须有编号和依据文件。", "A scheme has an id and a document.")
	case !slices.Contains(Instruments, s.Instrument):
		return bad("scheme.instrument", "方案工具“"+string(s.Instrument)+"”不认识。", "The instrument is not known.")
	case !s.Until.IsZero() && s.Until.Before(s.From):
		return bad("scheme.dates", "方案的截止日早于起始日。", "The scheme ends before it begins.")
	}
	for _, r := range append([]*float64{s.Ratio, s.FirstExtra, s.RateCap, s.Rate, s.StopNPL}, pointers(s.ByYear)...) {
		if r != nil && !(*r >= 0 && *r <= 1) {
			return bad("scheme.ratio", "比例和利率应在 0 到 1 之间。", "Ratios and rates lie between 0 and 1.")
		}
	}
	for _, a := range []*money.Fen{s.CapLoan, s.CapFirm, s.MaxLoan, s.Budget, s.StopDue} {
		if a != nil && (*a < 0 || *a > money.Max) {
			return bad("scheme.amount", "上限和预算不得为负或超出范围。", "Caps and budgets may not be negative or out of range.")
		}
	}
	if s.MaxMonths < 0 {
		return bad("scheme.months", "补贴月数不得为负。", "The months may not be negative.")
	}
	return nil
}

func pointers(list []float64) (out []*float64) {
	for i := range list {
		out = append(out, &list[i])
	}
	return out
}

// StatusZh says in Chinese whether the scheme can be chosen on a day.
func (s *Scheme) StatusZh(on calendar.Date) string {
	switch {
	case s.Status == "unavailable":
		return "不可选：公开资料未给出" + strings.Join(s.Missing, "、")
	case !s.From.IsZero() && on.Before(s.From):
		return "不可选：" + s.From.String() + " 起施行"
	case !s.Until.IsZero() && on.After(s.Until):
		return "不可选：" + s.Until.String() + " 已到期"
	case s.Status == "expired" && s.Until.IsZero():
		return "不可选：已过期（截止日未见）"
	case s.Status == "reported":
		return "可选；见于报道，是否仍在施行须自行核实"
	}
	return "可选"
}

// Selectable refuses a scheme that cannot be chosen on a day.
func (s *Scheme) Selectable(on calendar.Date) error {
	if st := s.StatusZh(on); strings.HasPrefix(st, "不可选") {
		span := s.From.String() + "…" + s.Until.String()
		return fault.New(fault.Invalid, "scheme.closed", "方案“"+s.ID+"”（"+span+"）在 "+on.String()+" "+st+"。", "The scheme "+s.ID+" ("+span+") cannot be used on "+on.String()+": it is incomplete or not in force.")
	}
	return nil
}

// Ask is what a firm or bank asks of a scheme.
type Ask struct {
	On       calendar.Date `json:"on"` // the day it is used
	Firm     string        `json:"firm"`
	FirmCode string        `json:"credit_code,omitempty"`
	Tags     []string      `json:"tags,omitempty"` // 专精特新, 高企, 科小, 小微, …; what the firm proves
	Loan     string        `json:"loan,omitempty"` // contract, bond or policy

	Principal *money.Fen    `json:"principal,omitempty"` // of the loan
	Rate      *float64      `json:"rate,omitempty"`      // a year
	From      calendar.Date `json:"from,omitzero"`       // first day interest accrues
	To        calendar.Date `json:"to,omitzero"`         // day it is paid to; this day does not count
	FirstLoan *bool         `json:"first_loan,omitempty"`
	Expiry    calendar.Date `json:"expiry,omitzero"`   // of the right; a loan may not outlive it
	Maturity  calendar.Date `json:"maturity,omitzero"` // of the loan

	Premium *money.Fen `json:"premium,omitempty"`
	Year    int        `json:"policy_year,omitempty"`
	Fee     *money.Fen `json:"fee,omitempty"`
	Issue   *money.Fen `json:"issue,omitempty"`
	NetLoss *money.Fen `json:"net_loss,omitempty"`

	Overdue *money.Fen `json:"overdue,omitempty"` // of the scheme's loans now
	NPL     *float64   `json:"npl,omitempty"`
}

// Use is what was used of a scheme before.
type Use struct {
	Scheme     string        `json:"scheme"`
	Instrument Instrument    `json:"instrument"`
	Firm       string        `json:"firm"`
	FirmCode   string        `json:"credit_code,omitempty"`
	Loan       string        `json:"loan,omitempty"`
	Amount     money.Fen     `json:"amount"`
	From       calendar.Date `json:"from,omitzero"`
	To         calendar.Date `json:"to,omitzero"`
	Year       int           `json:"policy_year,omitempty"`
	On         calendar.Date `json:"on"`
}

func (u *Use) same(a *Ask) bool {
	if u.FirmCode != "" && a.FirmCode != "" {
		return u.FirmCode == a.FirmCode
	}
	return u.Firm == a.Firm
}

// Reason says what decided a quote.
type Reason struct {
	Code   string `json:"code"`
	Zh     string `json:"zh"`
	Supply string `json:"supply,omitempty"` // Chinese
}

// Verdicts.
const (
	Usable = "usable"
	Supply = "supply"
	Refuse = "refused"
)

var verdictZh = map[string]string{Usable: "可受理", Supply: "需补充", Refuse: "不予受理"}

// Limit is one bound on what a scheme pays, and what is left under it.
type Limit struct {
	Code string    `json:"code"` // paid, cap_loan, cap_firm, budget
	Zh   string    `json:"zh"`
	Left money.Fen `json:"left"`
}

// Quote is a scheme's answer.
type Quote struct {
	Scheme     string            `json:"scheme"`
	Version    string            `json:"version"`
	Instrument Instrument        `json:"instrument"`
	On         calendar.Date     `json:"on"`
	Verdict    string            `json:"verdict"`
	VerdictZh  string            `json:"verdict_zh"`
	Reasons    []Reason          `json:"reasons"`
	Base       *money.Fen        `json:"base"`           // interest, premium, fee, issue, loss or principal
	Days       int               `json:"days,omitempty"` // of interest counted
	Before     *money.Fen        `json:"before_limits"`  // base times ratio
	Amount     *money.Fen        `json:"amount"`         // what the scheme pays or funds; nil: cannot be said
	Limits     []Limit           `json:"limits"`
	Binding    string            `json:"binding,omitempty"`
	CostAYear  *money.Fen        `json:"cost_a_year,omitempty"` // of a relending
	Parties    []lending.Payment `json:"parties,omitempty"`
}

// Why joins the quote's reasons in Chinese.
func (q *Quote) Why() string {
	list := make([]string, len(q.Reasons))
	for i, r := range q.Reasons {
		list[i] = r.Zh + "（" + r.Code + "）"
	}
	return strings.Join(list, "；")
}

func (q *Quote) reason(verdict, code, zh, supply string) {
	rank := map[string]int{Usable: 0, Supply: 1, Refuse: 2}
	if rank[verdict] > rank[q.Verdict] {
		q.Verdict = verdict
	}
	q.Reasons = append(q.Reasons, Reason{code, zh, supply})
}

// Quote works out what the scheme pays on a day beside what was used before. A
// subsidy never exceeds what the firm paid, nor with other schemes' of the same
// cost, nor a cap, nor the budget. Interest counts from the later of the first
// day and the scheme's, to its last day; balance·rate·days/365·ratio, rounded
// once.
func (s *Scheme) Quote(a Ask, used []Use) (Quote, error) {
	if err := s.Check(); err != nil {
		return Quote{}, err
	}
	if err := a.check(); err != nil {
		return Quote{}, err
	}
	if err := s.Selectable(a.On); err != nil {
		return Quote{}, err
	}
	q := Quote{Scheme: s.ID, Version: s.Version, Instrument: s.Instrument, On: a.On, Verdict: Usable, Reasons: []Reason{}, Limits: []Limit{}}
	s.admit(&a, &q)
	if q.Verdict != Refuse {
		if err := s.amount(&a, used, &q); err != nil {
			return Quote{}, err
		}
	}
	if q.Verdict == Refuse {
		zero := money.Fen(0)
		q.Amount = &zero
	}
	q.VerdictZh = verdictZh[q.Verdict]
	return q, nil
}

func (a *Ask) check() error {
	bad := func(code, zh, en string) error { return fault.New(fault.Invalid, code, zh, en) }
	if a.On.IsZero() {
		return bad("scheme.day", "请填写使用日。", "Give the day of use.")
	}
	if strings.TrimSpace(a.Firm) == "" {
		return bad("scheme.firm", "请填写企业名称。", "Name the firm.")
	}
	for _, x := range []*money.Fen{a.Principal, a.Premium, a.Fee, a.Issue, a.NetLoss, a.Overdue} {
		if x != nil && (*x < 0 || *x > money.Max) {
			return bad("claim.amount", "金额不得为负或超出范围。", "Amounts may not be negative or out of range.")
		}
	}
	for _, x := range []*float64{a.Rate, a.NPL} {
		if x != nil && !(*x >= 0 && *x <= 1) {
			return bad("rate.range", "利率和不良率应在 0 到 1 之间。", "The rate and the share of bad loans lie between 0 and 1.")
		}
	}
	if a.From.IsZero() != a.To.IsZero() || !a.From.IsZero() && (!a.To.After(a.From) || a.From.YearsUntil(a.To) > 60) {
		return bad("subsidy.period", "计息截止日应晚于起息日，且不超过 60 年。", "The period must end after it begins and last 60 years at most.")
	}
	if a.Year < 0 || a.Year > 50 {
		return bad("scheme.policy_year", "保单年度应为 1 到 50。", "The policy's year lies between 1 and 50.")
	}
	return nil
}

// admit says whether the firm and the loan are the scheme's.
func (s *Scheme) admit(a *Ask, q *Quote) {
	if len(s.Beneficiaries) > 0 && !slices.ContainsFunc(s.Beneficiaries, func(t string) bool { return slices.Contains(a.Tags, t) }) {
		need := strings.Join(s.Beneficiaries, "、")
		if len(a.Tags) == 0 {
			q.reason(Supply, "S02", "企业类别未知；本方案面向"+need, "资质证明（"+need+"之一）")
		} else {
			q.reason(Refuse, "S03", "企业不属于受益类别："+need, "")
		}
	}
	if s.StopDue != nil {
		switch {
		case a.Overdue == nil:
			q.reason(Supply, "S05", "方案设有停止条件：逾期本金达 "+wan(*s.StopDue)+"；现有逾期未知", "方案项下逾期本金")
		case *a.Overdue >= *s.StopDue:
			q.reason(Refuse, "S04", "逾期本金 "+wan(*a.Overdue)+" 已达停止条件 "+wan(*s.StopDue), "")
		}
	}
	if s.StopNPL != nil {
		switch {
		case a.NPL == nil:
			q.reason(Supply, "S05", fmt.Sprintf("方案设有停止条件：不良率达 %.2f%%；现有不良率未知", 100**s.StopNPL), "方案项下不良率")
		case *a.NPL >= *s.StopNPL:
			q.reason(Refuse, "S04", fmt.Sprintf("不良率 %.2f%% 已达停止条件 %.2f%%", 100**a.NPL, 100**s.StopNPL), "")
		}
	}
	if s.MaxLoan != nil {
		switch {
		case a.Principal == nil:
			q.reason(Supply, "S06", "方案只适用于 "+wan(*s.MaxLoan)+" 以内的贷款；贷款本金未知", "贷款本金")
		case *a.Principal > *s.MaxLoan:
			q.reason(Refuse, "S07", "贷款 "+wan(*a.Principal)+" 超过方案适用的 "+wan(*s.MaxLoan), "")
		}
	}
	if !a.Maturity.IsZero() && !a.Expiry.IsZero() && !a.Maturity.Before(a.Expiry) {
		q.reason(Refuse, "S08", "贷款到期日 "+a.Maturity.String()+" 不早于权利届满日 "+a.Expiry.String(), "缩短期限")
	}
	if s.Months != nil && !a.Maturity.IsZero() && !a.From.IsZero() {
		last := a.From.AddMonths(*s.Months * (1 + orZero(s.Extensions)))
		if a.Maturity.After(last) && s.Instrument != Relending {
			q.reason(Refuse, "S09", fmt.Sprintf("期限超过方案的 %d 个月", *s.Months), "缩短期限")
		}
	}
}

func orZero(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}

func wan(f money.Fen) string { return money.Zh(f.Yuan(), 6) }

// base returns what the ratio is taken of, and the ratio.
func (s *Scheme) base(a *Ask, q *Quote) (base *money.Fen, ratio *float64) {
	ratio = s.Ratio
	lacking := func(zh string) { q.reason(Supply, "S01", zh+"未知", zh) }
	switch s.Instrument {
	case InterestSubsidy:
		if a.Principal == nil || a.Rate == nil || a.From.IsZero() {
			lacking("贷款本金、利率或计息期间")
			return nil, ratio
		}
		from, to := a.From, a.To
		if s.From.After(from) {
			from = s.From
		}
		if !s.Until.IsZero() && s.Until.AddDays(1).Before(to) {
			to = s.Until.AddDays(1)
		}
		if s.MaxMonths > 0 && a.From.AddMonths(s.MaxMonths).Before(to) {
			to = a.From.AddMonths(s.MaxMonths)
		}
		if !to.After(from) {
			q.reason(Refuse, "S10", "计息期间不在方案施行期内", "")
			return nil, ratio
		}
		q.Days = from.DaysUntil(to)
		rate := *a.Rate
		if s.RateCap != nil {
			rate = min(rate, *s.RateCap)
		}
		in, err := lending.SubsidyInput{Balance: *a.Principal, Rate: rate, From: from, To: to, Ratio: 1, Source: s.Document}.Subsidy()
		if err != nil {
			q.reason(Refuse, "S10", fault.Public(err).Zh, "")
			return nil, ratio
		}
		return &in.Interest, ratio
	case PremiumSubsidy:
		if len(s.ByYear) > 0 {
			if a.Year == 0 {
				lacking("保单年度")
				return nil, nil
			}
			last := s.ByYear[min(a.Year, len(s.ByYear))-1]
			ratio = &last
			if a.Year > len(s.ByYear) {
				q.reason(Supply, "S11", fmt.Sprintf("第%d年的比例未见于方案", a.Year), "该年的申报通知")
				return nil, nil
			}
		}
		if a.Premium == nil {
			lacking("保费")
		}
		return a.Premium, ratio
	case FeeSubsidy:
		if a.Fee == nil {
			lacking("评估费等费用")
		}
		return a.Fee, ratio
	case IssueSubsidy:
		if a.Issue == nil {
			lacking("发行规模")
		}
		return a.Issue, ratio
	case LossShare:
		if a.NetLoss == nil {
			lacking("净损失")
		}
		return a.NetLoss, ratio
	default:
		if a.Principal == nil {
			lacking("贷款本金")
		}
		return a.Principal, ratio
	}
}

func (s *Scheme) amount(a *Ask, used []Use, q *Quote) error {
	base, ratio := s.base(a, q)
	if base == nil || q.Verdict == Refuse {
		return nil
	}
	q.Base = base
	var amount money.Fen
	switch {
	case s.Shares != "":
		split, err := lending.SchemeByID(s.Shares)
		if err != nil {
			return err
		}
		settled, err := split.Share(lending.Claim{Principal: *base}, a.On)
		if err != nil {
			return err
		}
		q.Parties = settled.Payments
		for _, p := range settled.Payments {
			if p.Party != lending.Bank {
				amount += p.Bears
			}
		}
	case ratio == nil:
		q.reason(Supply, "S12", "公开资料未给出比例，金额不能测算", "方案文件（"+strings.Join(s.Missing, "、")+"）")
		return nil
	default:
		r := *ratio
		if s.FirstExtra != nil {
			switch {
			case a.FirstLoan == nil:
				q.reason(Supply, "S13", fmt.Sprintf("首贷另加 %.0f 个百分点；是否首贷未知，按非首贷计", 100**s.FirstExtra), "首贷证明")
			case *a.FirstLoan:
				r += *s.FirstExtra
			}
		}
		amount = base.MulRate(min(r, 1))
	}
	before := amount
	q.Before = &before
	if s.Instrument == Relending && s.Rate != nil {
		cost := amount.MulRate(*s.Rate)
		q.CostAYear = &cost
	}
	for _, l := range s.limits(a, *base, used, q) {
		q.Limits = append(q.Limits, l)
		if left := max(l.Left, 0); amount > left {
			amount, q.Binding = left, l.Code
		}
	}
	if q.Binding != "" {
		q.reason(Usable, "S14", "受限于"+q.Limits[slices.IndexFunc(q.Limits, func(l Limit) bool { return l.Code == q.Binding })].Zh, "")
	}
	if q.Verdict != Refuse {
		q.Amount = &amount
	}
	return nil
}

// limits returns what is left under each bound.
func (s *Scheme) limits(a *Ask, base money.Fen, used []Use, q *Quote) (out []Limit) {
	var ofLoan, ofFirm, ofAll, ofCost money.Fen
	for i := range used {
		u := &used[i]
		mine := u.Scheme == s.ID
		if mine {
			ofAll += u.Amount
			if u.same(a) {
				ofFirm += u.Amount
				if u.Loan == a.Loan {
					ofLoan += u.Amount
				}
			}
		}
		if u.Instrument != s.Instrument || u.Loan != a.Loan || !u.same(a) || !overlap(u, a) {
			continue
		}
		ofCost += u.Amount // the same cost was paid for already
		if !mine {
			switch {
			case s.Stacks == nil:
				q.reason(Supply, "S15", "同一笔费用已用方案 "+u.Scheme+"；本方案可否叠加未载明", "主管部门的答复")
			case !*s.Stacks:
				q.reason(Refuse, "S16", "同一笔费用已用方案 "+u.Scheme+"，不得叠加", "")
			}
		}
	}
	if s.Instrument.subsidy() || s.Instrument == LossShare {
		out = append(out, Limit{"paid", "实际支付的费用（含其他方案已补）", base - ofCost})
	}
	for _, c := range []struct {
		code, zh string
		cap      *money.Fen
		used     money.Fen
	}{{"cap_loan", "单笔上限", s.CapLoan, ofLoan}, {"cap_firm", "单户上限", s.CapFirm, ofFirm}, {"budget", "预算余额", s.Budget, ofAll}} {
		if c.cap != nil {
			out = append(out, Limit{c.code, c.zh, *c.cap - c.used})
		}
	}
	return out
}

// overlap reports whether a use paid for a cost of the same time: days of
// interest in common, or the same year of a policy; a cost without a time is one
// cost.
func overlap(u *Use, a *Ask) bool {
	if !u.From.IsZero() && !a.From.IsZero() {
		return u.From.Before(a.To) && a.From.Before(u.To)
	}
	return u.Year == a.Year
}
