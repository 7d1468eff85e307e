package pool

import (
	"fmt"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/money"
)

// Structure is the liability side: tranches, costs, accounts, triggers,
// supports.
type Structure struct {
	EveryMonths int        `json:"every_months"` // payment period: 1, 3, 6 or 12
	Tranches    []Tranche  `json:"tranches"`     // senior first; the last is subordinated and takes the residual
	ServiceRate float64    `json:"service_rate"` // annual, on performing principal
	FixedFee    money.Fen  `json:"fixed_fee"`    // per period while notes or assets remain
	UpfrontFee  money.Fen  `json:"upfront_fee"`  // with the first period
	TaxRate     float64    `json:"tax_rate"`     // on interest collected, e.g. 增值税及附加
	Reserve     money.Fen  `json:"reserve"`      // funded at closing by the originator; also the level topped up to
	TrapExcess  bool       `json:"trap_excess"`  // nothing to the subordinated tranche before the others are repaid
	Triggers    Triggers   `json:"triggers"`
	Supports    []Support  `json:"supports,omitempty"`
	Retained    *float64   `json:"retained"` // share of the issue held by originator and affiliates
	Revolving   *Revolving `json:"revolving,omitempty"`
}

// Tranche is one class of notes.
type Tranche struct {
	Name      string      `json:"name"`
	Principal money.Fen   `json:"principal"`
	Coupon    float64     `json:"coupon"`            // annual, simple, months/12
	Pay       string      `json:"pay"`               // "pass_through", "bullet" or "scheduled"
	Maturity  int         `json:"maturity"`          // period by whose end (1-based) principal is due; 0 is the last
	Targets   []money.Fen `json:"targets,omitempty"` // scheduled: balance allowed after each period
	Rating    string      `json:"rating,omitempty"`  // supplied, with the agency named in parties
}

// Triggers are the thresholds of acceleration; a zero disables one. They read
// the pool and the notes without reserve and supports, so that enhancement
// cannot switch a trigger off.
type Triggers struct {
	DefaultRate    float64 `json:"default_rate"`    // cumulative defaults / initial principal
	PrincipalShort bool    `json:"principal_short"` // performing principal + cash < senior principal
	CollectionMiss float64 `json:"collection_miss"` // a period's collections below (1−x) of schedule, e.g. 0.2
}

// Support is an obligation of somebody outside the pool.
type Support struct {
	Name      string    `json:"name"`
	Kind      string    `json:"kind"` // "shortfall": pays what senior notes are short; "guarantee": pays defaulted receivables
	PD        *float64  `json:"pd"`   // annual, supplied
	PDSource  string    `json:"pd_source,omitempty"`
	Rho       float64   `json:"rho"`       // loading² on the common factor
	Cap       money.Fen `json:"cap"`       // over the life; 0 is unlimited
	Cover     float64   `json:"cover"`     // guarantee: share of the unrecovered default it pays
	Affiliate Fact      `json:"affiliate"` // of the originator: the weak link
	Evidence  string    `json:"evidence,omitempty"`
}

func (s *Structure) every() int {
	if s.EveryMonths == 0 {
		return 3
	}
	return s.EveryMonths
}

func (s *Structure) check() (bad []fault.Field) {
	add := func(field, zh, en string) {
		bad = append(bad, fault.Field{Field: "structure." + field, Code: "pool.structure." + field, Zh: zh, En: en})
	}
	switch s.EveryMonths {
	case 0, 1, 3, 6, 12:
	default:
		add("every_months", "付息周期应为1、3、6或12个月", "payment period must be 1, 3, 6 or 12 months")
	}
	rate := func(x float64) bool { return x >= 0 && x < 1 }
	if !rate(s.ServiceRate) || !rate(s.TaxRate) || s.FixedFee < 0 || s.UpfrontFee < 0 || s.Reserve < 0 {
		add("fees", "费率、税率与储备金不得为负，费率应小于1", "fees, tax and reserve must not be negative")
	}
	var total money.Fen
	for i, t := range s.Tranches {
		at := fmt.Sprintf("tranches[%d]", i)
		if t.Principal < 0 || t.Principal > maxTotal || !rate(t.Coupon) {
			add(at, "证券规模或票面利率无效", "principal or coupon is out of range")
		}
		total += t.Principal
		switch t.Pay {
		case "pass_through", "bullet", "scheduled", "":
		default:
			add(at+".pay", "还本方式应为 pass_through、bullet 或 scheduled", "pay must be pass_through, bullet or scheduled")
		}
		if t.Maturity < 0 || t.Maturity > maxDues {
			add(at+".maturity", "到期期数无效", "maturity period is out of range")
		}
	}
	if total > maxTotal {
		add("tranches", "证券总规模超过上限", "issue is beyond 100 billion yuan")
	}
	for i, p := range s.Supports {
		at := fmt.Sprintf("supports[%d]", i)
		if p.Kind != "shortfall" && p.Kind != "guarantee" {
			add(at+".kind", "增信类型应为 shortfall 或 guarantee", "kind must be shortfall or guarantee")
		}
		if p.PD != nil && !(*p.PD >= 0 && *p.PD <= 1) || !(p.Rho >= 0 && p.Rho < 1) || !(p.Cover >= 0 && p.Cover <= 1) || p.Cap < 0 {
			add(at, "增信参数无效", "pd, rho, cover or cap is out of range")
		}
	}
	if r := s.Revolving; r != nil && (r.Periods < 0 || r.Periods > 120 || r.TermPeriods < 1 || r.TermPeriods > 120) {
		add("revolving", "循环期与新资产期限无效", "revolving periods must be 0 to 120 and term 1 to 120")
	}
	return bad
}

// Ledger is where every fen of a period came from and went.
type Ledger struct {
	// In. Cash is the plan account and the reserve.
	Interest  money.Fen `json:"interest"`
	Principal money.Fen `json:"principal"`
	Recovery  money.Fen `json:"recovery"`
	Guarantee money.Fen `json:"guarantee"`
	Support   money.Fen `json:"support"`
	FromCash  money.Fen `json:"from_cash"`
	// Out.
	Tax           money.Fen `json:"tax"`
	Fees          money.Fen `json:"fees"`
	NoteInterest  money.Fen `json:"note_interest"`
	NotePrincipal money.Fen `json:"note_principal"`
	Residual      money.Fen `json:"residual"`
	ToCash        money.Fen `json:"to_cash"`
}

// In is every yuan that came in.
func (l Ledger) In() money.Fen {
	return l.Interest + l.Principal + l.Recovery + l.Guarantee + l.Support + l.FromCash
}

// Out is every yuan that went out.
func (l Ledger) Out() money.Fen {
	return l.Tax + l.Fees + l.NoteInterest + l.NotePrincipal + l.Residual + l.ToCash
}

func (l *Ledger) add(o Ledger) {
	l.Interest += o.Interest
	l.Principal += o.Principal
	l.Recovery += o.Recovery
	l.Guarantee += o.Guarantee
	l.Support += o.Support
	l.FromCash += o.FromCash
	l.Tax += o.Tax
	l.Fees += o.Fees
	l.NoteInterest += o.NoteInterest
	l.NotePrincipal += o.NotePrincipal
	l.Residual += o.Residual
	l.ToCash += o.ToCash
}

// Period is one row of the waterfall.
type Period struct {
	Date             calendar.Date `json:"date"`
	Ledger           Ledger        `json:"ledger"`
	Performing       money.Fen     `json:"performing"` // principal at the end
	Defaulted        money.Fen     `json:"defaulted"`
	TrancheInterest  []money.Fen   `json:"tranche_interest"`
	TranchePrincipal []money.Fen   `json:"tranche_principal"` // for the last tranche: all it receives
	TrancheBalance   []money.Fen   `json:"tranche_balance"`
	Cash             money.Fen     `json:"cash"`       // plan account at the end, without the reserve
	Reserve          money.Fen     `json:"reserve"`    // at the end
	Coverage         *float64      `json:"coverage"`   // cash before reserve and support / (tax + fees + senior interest + senior principal due); null when nothing is due
	OC               *float64      `json:"oc"`         // (performing + cash) / senior balance; null when none
	SeniorDue        money.Fen     `json:"senior_due"` // interest and principal
	Accelerated      bool          `json:"accelerated"`
	Short            money.Fen     `json:"short"` // senior interest and principal due and not paid, after support
}

// Outcome is how a path ended.
type Outcome struct {
	Trigger   int         `json:"trigger"` // period of acceleration, -1 never
	Loss      []money.Fen `json:"loss"`    // per tranche, unpaid at the end
	OnTime    bool        `json:"on_time"` // senior paid in full and on time
	FirstMiss int         `json:"first_miss"`
}

// waterfall is a deal's liability side prepared for many runs. It allocates
// only in newWaterfall. All amounts are in fen.
type waterfall struct {
	s        *Structure
	periods  int
	notes    int     // tranches before the residual one
	coupon   []int64 // per period, over rateScale
	initial  []int64
	maturity []int // 0-based period
	pay      []payment
	service  int64
	tax      int64
	total    int64   // initial pool principal
	expected []int64 // scheduled collections, for CollectionMiss

	// The state of a run, carried from period to period.
	enhanced   bool    // reserve, guarantees and shortfall payers count
	defaultsAt []int   // period in which each support defaults
	balance    []int64 // of each tranche
	arrears    []int64 // of its interest
	supUsed    []int64 // of each support's cap
	cash       int64   // on the plan account
	reserve    int64
	kept       int64 // principal on the plan account that is not interest
	feeArrears int64
	defaulted  int64 // since the cut-off

	intPaid  []int64 // to each tranche in the period
	prinPaid []int64
	loss     []money.Fen
}

// payment says how a class is repaid before its maturity.
type payment uint8

const (
	payPassThrough payment = iota // from what the pool repaid
	payBullet                     // not at all
	payScheduled                  // down to a target, which must be met
)

// period is what one payment date is worked out with and came to, in fen.
type period struct {
	t           int // 0-based
	last        bool
	accelerated bool

	opening   int64 // plan account and reserve at the start; the reserve funded at closing counts as coming in
	guarantee int64 // received
	available int64 // plan account before anything is paid
	due       int64 // taxes and fees, with arrears
	tax       int64 // paid
	fees      int64 // paid
	support   int64 // paid by shortfall payers
	seniorDue int64 // interest and principal due to the first class
	short     int64 // of it unpaid
	residual  int64 // to the last tranche

	collected int64 // principal that the classes after this one may still be paid from
	missed    bool  // a class was not paid what was due: those after it wait
}

func newWaterfall(d *Deal, periods int) (*waterfall, error) {
	s := &d.Structure
	n := len(s.Tranches)
	w := &waterfall{
		s: s, periods: periods, notes: n - 1, total: int64(d.Total()),
		coupon: make([]int64, n), initial: make([]int64, n), maturity: make([]int, n), pay: make([]payment, n),
		balance: make([]int64, n), arrears: make([]int64, n), intPaid: make([]int64, n), prinPaid: make([]int64, n),
		supUsed: make([]int64, len(s.Supports)), loss: make([]money.Fen, n), expected: make([]int64, periods),
	}
	per := float64(s.every()) / 12
	w.service, w.tax = scaled(s.ServiceRate*per), scaled(s.TaxRate)
	for k, t := range s.Tranches {
		w.coupon[k], w.initial[k], w.maturity[k] = scaled(t.Coupon*per), int64(t.Principal), periods-1
		switch t.Pay {
		case "bullet":
			w.pay[k] = payBullet
		case "scheduled":
			w.pay[k] = payScheduled
		}
		if t.Maturity > 0 {
			w.maturity[k] = min(periods, t.Maturity) - 1
		}
	}
	if s.Triggers.CollectionMiss == 0 {
		return w, nil
	}
	base, err := d.project(Scenario{CPR: d.Credit.CPR, Yield: w.revolvingYield()}, periods)
	if err != nil {
		return nil, err
	}
	for t := range periods {
		w.expected[t] = base.interest[t] + base.principal[t]
	}
	return w, nil
}

func (w *waterfall) revolvingYield() float64 {
	if w.s.Revolving == nil {
		return 0
	}
	return w.s.Revolving.Yield
}

// guarantee fills what guarantors pay on receivables that default while they
// are alive: each its share of the loss that remains after the recoveries of
// those very defaults, in the order of the deed and together no more than that
// loss, at the default.
func (w *waterfall) guarantee(f *flows, alive []int) {
	clear(f.guarantee)
	clear(w.supUsed)
	for t := range f.defaulted {
		loss := f.defaulted[t] - f.salvaged[t]
		left := loss
		if loss == 0 {
			continue
		}
		for i := range w.s.Supports {
			p := &w.s.Supports[i]
			if left <= 0 || p.Kind != "guarantee" || t >= alive[i] {
				continue
			}
			pay := min(left, mulDiv(loss, scaled(p.Cover), rateScale))
			if p.Cap > 0 {
				pay = min(pay, int64(p.Cap)-w.supUsed[i])
			}
			w.supUsed[i] += pay
			f.guarantee[t] += pay
			left -= pay
		}
	}
}

// trigger finds the period whose end sets off acceleration, on a run without
// reserve, guarantee and support; -1 when none does.
func (w *waterfall) trigger(f *flows) int {
	return w.run(f, shadow, false, nil, nil).Trigger
}

// shadow asks run to find the trigger itself and to ignore enhancement.
const shadow = -2

// run pays one path. accelerate is the period after which all cash goes to
// the senior notes (-1 never, shadow to find it). supports[i] is the period in
// which support i defaults. It does not allocate when rows is nil.
func (w *waterfall) run(f *flows, accelerate int, enhanced bool, defaultsAt []int, rows *[]Period) Outcome {
	finding := accelerate == shadow
	if finding {
		accelerate = -1
	}
	w.begin(enhanced, defaultsAt)
	out := Outcome{Trigger: accelerate, Loss: w.loss, OnTime: true, FirstMiss: -1}
	for t := range w.periods {
		p := period{t: t, last: t == w.periods-1, accelerated: out.Trigger >= 0 && t > out.Trigger}
		// The steps in the order of the deed.
		w.collect(f, &p)
		w.payCosts(f, &p)
		w.payNotes(&p)
		w.keepOrRelease(&p)

		w.defaulted += f.defaulted[t]
		if p.short > 0 && out.OnTime {
			out.OnTime, out.FirstMiss = false, t
		}
		if finding && out.Trigger < 0 && w.breached(f, &p) {
			out.Trigger = t
			return out // nothing else is asked of a shadow run
		}
		if rows != nil {
			*rows = append(*rows, w.row(f, &p))
		}
	}
	for k := range w.notes {
		w.loss[k] = money.Fen(w.balance[k] + w.arrears[k])
	}
	w.loss[w.notes] = money.Fen(w.balance[w.notes])
	return out
}

func (w *waterfall) begin(enhanced bool, defaultsAt []int) {
	w.enhanced, w.defaultsAt = enhanced, defaultsAt
	copy(w.balance, w.initial)
	clear(w.arrears)
	clear(w.supUsed)
	w.cash, w.reserve, w.kept, w.feeArrears, w.defaulted = 0, 0, 0, 0, 0
	if enhanced {
		w.reserve = int64(w.s.Reserve)
	}
}

// collect takes in what the pool paid in the period.
func (w *waterfall) collect(f *flows, p *period) {
	p.opening = w.cash + w.reserve
	principal := f.principal[p.t] + f.recovery[p.t]
	if w.enhanced {
		p.guarantee = f.guarantee[p.t]
		principal += p.guarantee
	}
	w.cash += f.interest[p.t] + principal
	w.kept += principal
	p.available = w.cash
}

// payCosts pays taxes and fees before the notes; the reserve may serve them.
func (w *waterfall) payCosts(f *flows, p *period) {
	outstanding := int64(0)
	for k := range w.notes {
		outstanding += w.balance[k]
	}
	tax := mulDiv(f.interest[p.t], w.tax, rateScale)
	fee := w.feeArrears + mulDiv(f.open[p.t], w.service, rateScale)
	if outstanding > 0 || f.open[p.t] > 0 {
		fee += int64(w.s.FixedFee)
	}
	if p.t == 0 {
		fee += int64(w.s.UpfrontFee)
	}
	p.due = tax + fee
	p.tax = w.draw(tax)
	p.fees = w.draw(fee)
	w.feeArrears = p.due - p.tax - p.fees
}

// payNotes pays class by class, interest and then principal. After acceleration
// all cash, with the reserve, goes to the first class still outstanding.
func (w *waterfall) payNotes(p *period) {
	clear(w.intPaid)
	clear(w.prinPaid)
	if p.accelerated {
		w.cash += w.reserve
		w.reserve = 0
	}
	p.collected = w.kept
	for k := range w.notes {
		interest := w.arrears[k] + mulDiv(w.balance[k], w.coupon[k], rateScale)
		if p.missed {
			w.arrears[k] = interest
			continue
		}
		w.payInterest(p, k, interest)
		principal, hard := w.payPrincipal(p, k)
		unpaid := w.arrears[k] + hard
		if k == 0 {
			p.short, p.seniorDue = unpaid, interest+principal
		}
		p.missed = unpaid > 0 || p.accelerated && w.balance[k] > 0
	}
}

func (w *waterfall) payInterest(p *period, k int, due int64) {
	paid := w.draw(due)
	if paid < due {
		paid += w.support(p, k, due-paid)
	}
	w.intPaid[k], w.arrears[k] = paid, due-paid
}

// payPrincipal pays a class what it may receive from cash (soft) and what it
// must be paid (hard), the latter from the reserve at its maturity and from
// shortfall payers as well. It returns what was due and what of it is unpaid.
func (w *waterfall) payPrincipal(p *period, k int) (due, unpaid int64) {
	final := p.last || p.t >= w.maturity[k]
	soft, hard := w.principalDue(k, p.t, p.collected), int64(0)
	switch {
	case final:
		soft, hard = w.balance[k], w.balance[k]
	case w.pay[k] == payScheduled:
		hard = soft
	}
	due = max(soft, hard)
	if p.accelerated {
		soft, due = w.balance[k], w.balance[k]
	}
	paid := min(soft, w.cash)
	w.cash -= paid
	if final && hard > paid {
		r := min(hard-paid, w.reserve)
		w.reserve -= r
		paid += r
	}
	w.kept -= min(w.kept, paid)
	p.collected -= min(p.collected, paid)
	if paid < hard {
		paid += w.support(p, k, hard-paid)
	}
	w.prinPaid[k] = paid
	w.balance[k] -= paid
	return due, max(0, hard-paid)
}

// keepOrRelease tops up the reserve, keeps principal on the plan account and
// gives what is left to the last tranche; everything once the notes are repaid.
func (w *waterfall) keepOrRelease(p *period) {
	outstanding := int64(0)
	for k := range w.notes {
		outstanding += w.balance[k] + w.arrears[k]
	}
	switch {
	case outstanding == 0:
		p.residual = w.cash + w.reserve
		w.cash, w.reserve = 0, 0
	case p.last || p.accelerated:
		// Notes are unpaid, so everything was drawn above.
	default:
		if w.enhanced {
			top := min(w.cash, max(0, int64(w.s.Reserve)-w.reserve))
			w.reserve += top
			w.cash -= top
		}
		if !w.s.TrapExcess && !p.missed && w.feeArrears == 0 {
			keep := min(w.cash, max(0, w.kept))
			p.residual = w.cash - keep
			w.cash = keep
		}
	}
	n := w.notes
	w.prinPaid[n] = p.residual
	w.balance[n] = max(0, w.balance[n]-p.residual)
}

// draw pays up to want from the plan account and then from the reserve.
func (w *waterfall) draw(want int64) int64 {
	p := min(want, w.cash)
	w.cash -= p
	r := min(want-p, w.reserve)
	w.reserve -= r
	return p + r
}

// principalDue is what a class expects at t before its maturity.
func (w *waterfall) principalDue(k, t int, collected int64) int64 {
	switch w.pay[k] {
	case payBullet:
		return 0
	case payScheduled:
		target := int64(0)
		if targets := w.s.Tranches[k].Targets; t < len(targets) {
			target = int64(targets[t])
		}
		return max(0, w.balance[k]-target)
	}
	return min(w.balance[k], collected)
}

// support draws the shortfall payers for what the first class is short of.
func (w *waterfall) support(p *period, k int, short int64) int64 {
	if !w.enhanced || k > 0 {
		return 0
	}
	paid := int64(0)
	for i := range w.s.Supports {
		x := &w.s.Supports[i]
		if x.Kind != "shortfall" || p.t >= w.defaultsAt[i] {
			continue
		}
		pay := short - paid
		if x.Cap > 0 {
			pay = min(pay, int64(x.Cap)-w.supUsed[i])
		}
		w.supUsed[i] += pay
		paid += pay
	}
	p.support += paid
	return paid
}

// breached evaluates the triggers at the end of a period of a shadow run. A
// missed senior due is always one.
func (w *waterfall) breached(f *flows, p *period) bool {
	g := &w.s.Triggers
	if p.short > 0 {
		return true
	}
	if g.DefaultRate > 0 && float64(w.defaulted) > g.DefaultRate*float64(w.total) {
		return true
	}
	if g.PrincipalShort && w.balance[0] > 0 && f.close[p.t]+w.cash < w.balance[0] {
		return true
	}
	return g.CollectionMiss > 0 && w.expected[p.t] > 0 &&
		float64(f.interest[p.t]+f.principal[p.t]+f.recovery[p.t]) < (1-g.CollectionMiss)*float64(w.expected[p.t])
}

// row is the period as it is reported.
func (w *waterfall) row(f *flows, p *period) Period {
	n, t := w.notes, p.t
	out := Period{
		Performing: money.Fen(f.close[t]), Defaulted: money.Fen(f.defaulted[t]), Cash: money.Fen(w.cash), Reserve: money.Fen(w.reserve),
		Accelerated: p.accelerated, Short: money.Fen(p.short), SeniorDue: money.Fen(p.seniorDue),
		TrancheInterest: make([]money.Fen, n+1), TranchePrincipal: make([]money.Fen, n+1), TrancheBalance: make([]money.Fen, n+1),
		Ledger: Ledger{
			Interest: money.Fen(f.interest[t]), Principal: money.Fen(f.principal[t]), Recovery: money.Fen(f.recovery[t]),
			Guarantee: money.Fen(p.guarantee), Support: money.Fen(p.support), FromCash: money.Fen(p.opening),
			Tax: money.Fen(p.tax), Fees: money.Fen(p.fees), Residual: money.Fen(p.residual), ToCash: money.Fen(w.cash + w.reserve),
		},
	}
	for k := range n + 1 {
		out.TrancheInterest[k] = money.Fen(w.intPaid[k])
		out.TranchePrincipal[k] = money.Fen(w.prinPaid[k])
		out.TrancheBalance[k] = money.Fen(w.balance[k])
		if k < n {
			out.Ledger.NoteInterest += money.Fen(w.intPaid[k])
			out.Ledger.NotePrincipal += money.Fen(w.prinPaid[k])
		}
	}
	if due := p.due + p.seniorDue; due > 0 {
		c := float64(p.available) / float64(due)
		out.Coverage = &c
	}
	if w.balance[0] > 0 {
		c := float64(f.close[t]+w.cash) / float64(w.balance[0])
		out.OC = &c
	}
	return out
}
