package pool

import (
	"fmt"
	"math"

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
// only in newWaterfall.
type waterfall struct {
	s        *Structure
	periods  int
	notes    int     // tranches before the residual one
	coupon   []int64 // per period, over rateScale
	initial  []int64
	maturity []int // 0-based period
	service  int64
	tax      int64
	total    int64   // initial pool principal
	expected []int64 // scheduled collections, for CollectionMiss
	balance  []int64
	arrears  []int64 // interest unpaid
	intPaid  []int64
	prinPaid []int64
	supUsed  []int64
	loss     []money.Fen
}

func newWaterfall(d *Deal, periods int) (*waterfall, error) {
	s := &d.Structure
	n := len(s.Tranches)
	w := &waterfall{
		s: s, periods: periods, notes: n - 1, total: int64(d.Total()),
		coupon: make([]int64, n), initial: make([]int64, n), maturity: make([]int, n),
		balance: make([]int64, n), arrears: make([]int64, n), intPaid: make([]int64, n), prinPaid: make([]int64, n),
		supUsed: make([]int64, len(s.Supports)), loss: make([]money.Fen, n), expected: make([]int64, periods),
	}
	per := float64(s.every()) / 12
	w.service, w.tax = scaled(s.ServiceRate*per), scaled(s.TaxRate)
	for k, t := range s.Tranches {
		w.coupon[k], w.initial[k], w.maturity[k] = scaled(t.Coupon*per), int64(t.Principal), periods-1
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

// guarantee adds what guarantors pay on defaulted receivables, at the default
// and net of the recovery expected, while they are alive.
func (w *waterfall) guarantee(f *flows, recovery float64, alive []int) {
	for i, p := range w.s.Supports {
		if p.Kind != "guarantee" || p.Cover == 0 {
			continue
		}
		left := int64(p.Cap)
		if left == 0 {
			left = math.MaxInt64
		}
		share := scaled(p.Cover * (1 - recovery))
		for t := range f.defaulted {
			if t >= alive[i] || f.defaulted[t] == 0 {
				continue
			}
			pay := min(left, mulDiv(f.defaulted[t], share, rateScale))
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
	copy(w.balance, w.initial)
	clear(w.arrears)
	clear(w.supUsed)
	n := w.notes
	var cash, reserve, principalKept, feeArrears, cumDefault int64
	if enhanced {
		reserve = int64(w.s.Reserve)
	}
	out := Outcome{Trigger: accelerate, Loss: w.loss, OnTime: true, FirstMiss: -1}
	for t := range w.periods {
		last := t == w.periods-1
		acc := out.Trigger >= 0 && t > out.Trigger
		open := cash + reserve
		if t == 0 {
			open = reserve // funded from outside: counts as coming in
		}
		inflow := f.interest[t] + f.principal[t] + f.recovery[t]
		if enhanced {
			inflow += f.guarantee[t]
		}
		cash += inflow
		principalKept += f.principal[t] + f.recovery[t]
		if enhanced {
			principalKept += f.guarantee[t]
		}
		clear(w.intPaid)
		clear(w.prinPaid)
		var supportPaid, short int64
		before := cash

		// Senior of everything: taxes and fees. The reserve may serve them.
		notesOut := int64(0)
		for k := range n {
			notesOut += w.balance[k]
		}
		tax := mulDiv(f.interest[t], w.tax, rateScale)
		fee := feeArrears + mulDiv(f.open[t], w.service, rateScale)
		if notesOut > 0 || f.open[t] > 0 {
			fee += int64(w.s.FixedFee)
		}
		if t == 0 {
			fee += int64(w.s.UpfrontFee)
		}
		taxPaid := draw(&cash, &reserve, tax)
		feePaid := draw(&cash, &reserve, fee)
		feeArrears = tax + fee - taxPaid - feePaid
		due := tax + fee

		// Then class by class: interest, principal. After acceleration all cash
		// goes to the first class still outstanding.
		if acc {
			cash += reserve
			reserve = 0
		}
		var seniorDue int64
		collected, missed := principalKept, false
		for k := range n {
			d := w.arrears[k] + mulDiv(w.balance[k], w.coupon[k], rateScale)
			if missed {
				w.arrears[k] = d
				continue
			}
			p := draw(&cash, &reserve, d)
			sp := w.support(d-p, defaultsAt, t, enhanced && k == 0)
			w.intPaid[k], w.arrears[k] = p+sp, d-p-sp
			supportPaid += sp
			final := last || t >= w.maturity[k]
			soft, hard := w.principalDue(k, t, collected), int64(0)
			switch {
			case final:
				soft, hard = w.balance[k], w.balance[k]
			case w.s.Tranches[k].Pay == "scheduled":
				hard = soft
			}
			if acc {
				soft = w.balance[k]
			}
			q := min(soft, cash)
			cash -= q
			if final && hard > q {
				r := min(hard-q, reserve)
				reserve -= r
				q += r
			}
			sq := w.support(hard-q, defaultsAt, t, enhanced && k == 0)
			supportPaid += sq
			w.prinPaid[k] = q + sq
			w.balance[k] -= q + sq
			principalKept -= min(principalKept, q)
			collected -= min(collected, q)
			unpaid := w.arrears[k] + max(0, hard-q-sq)
			if k == 0 {
				short, seniorDue = unpaid, d+max(soft*b2i(!acc), hard)
			}
			missed = unpaid > 0 || acc && w.balance[k] > 0
		}

		// What is left: reserve, kept principal, residual.
		notesOut = 0
		for k := range n {
			notesOut += w.balance[k] + w.arrears[k]
		}
		residual := int64(0)
		switch {
		case notesOut == 0:
			cash += reserve
			reserve = 0
			open := f.close[t] > 0
			keep := int64(0)
			if feeArrears > 0 && open {
				keep = min(cash, feeArrears)
			}
			residual = cash - keep
			cash = keep
			if last {
				residual += cash
				cash = 0
			}
		case last:
			// Notes are unpaid, so everything was drawn above.
		case acc:
		default:
			if enhanced {
				top := min(cash, max(0, int64(w.s.Reserve)-reserve))
				reserve += top
				cash -= top
			}
			if !w.s.TrapExcess && !missed && feeArrears == 0 {
				keep := min(cash, max(0, principalKept))
				residual = cash - keep
				cash = keep
			}
		}
		w.prinPaid[n] = residual
		w.balance[n] = max(0, w.balance[n]-residual)

		cumDefault += f.defaulted[t]
		if short > 0 && out.OnTime {
			out.OnTime, out.FirstMiss = false, t
		}
		if finding && out.Trigger < 0 && w.breached(f, t, cumDefault, cash, short) {
			out.Trigger = t
		}
		if rows != nil {
			*rows = append(*rows, w.row(f, t, enhanced, acc, open, before, due, seniorDue, taxPaid, feePaid, supportPaid, cash, reserve, residual, short))
		}
	}
	for k := range n {
		w.loss[k] = money.Fen(w.balance[k] + w.arrears[k])
	}
	w.loss[n] = money.Fen(w.balance[n])
	return out
}

func b2i(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// draw pays up to want from cash and then from the reserve.
func draw(cash, reserve *int64, want int64) int64 {
	p := min(want, *cash)
	*cash -= p
	r := min(want-p, *reserve)
	*reserve -= r
	return p + r
}

// principalDue is what a class expects at t before its maturity.
func (w *waterfall) principalDue(k, t int, collected int64) int64 {
	tr := &w.s.Tranches[k]
	switch tr.Pay {
	case "bullet":
		return 0
	case "scheduled":
		target := int64(0)
		if t < len(tr.Targets) {
			target = int64(tr.Targets[t])
		}
		return max(0, w.balance[k]-target)
	}
	return min(w.balance[k], collected)
}

// support draws a shortfall payer for a shortage of the senior class.
func (w *waterfall) support(short int64, defaultsAt []int, t int, on bool) int64 {
	if !on || short <= 0 {
		return 0
	}
	paid := int64(0)
	for i := range w.s.Supports {
		p := &w.s.Supports[i]
		if p.Kind != "shortfall" || t >= defaultsAt[i] {
			continue
		}
		pay := short - paid
		if p.Cap > 0 {
			pay = min(pay, int64(p.Cap)-w.supUsed[i])
		}
		w.supUsed[i] += pay
		paid += pay
	}
	return paid
}

// breached evaluates the triggers at the end of period t of a shadow run. A
// missed senior due is always one.
func (w *waterfall) breached(f *flows, t int, cumDefault, cash, short int64) bool {
	g := &w.s.Triggers
	if short > 0 {
		return true
	}
	if g.DefaultRate > 0 && float64(cumDefault) > g.DefaultRate*float64(w.total) {
		return true
	}
	if g.PrincipalShort && w.balance[0] > 0 && f.close[t]+cash < w.balance[0] {
		return true
	}
	return g.CollectionMiss > 0 && w.expected[t] > 0 &&
		float64(f.interest[t]+f.principal[t]+f.recovery[t]) < (1-g.CollectionMiss)*float64(w.expected[t])
}

func (w *waterfall) row(f *flows, t int, enhanced, acc bool, open, before, due, seniorDue, tax, fee, support, cash, reserve, residual, short int64) Period {
	n := w.notes
	p := Period{
		Performing: money.Fen(f.close[t]), Defaulted: money.Fen(f.defaulted[t]), Cash: money.Fen(cash), Reserve: money.Fen(reserve),
		Accelerated: acc, Short: money.Fen(short), SeniorDue: money.Fen(seniorDue),
		TrancheInterest: make([]money.Fen, n+1), TranchePrincipal: make([]money.Fen, n+1), TrancheBalance: make([]money.Fen, n+1),
		Ledger: Ledger{
			Interest: money.Fen(f.interest[t]), Principal: money.Fen(f.principal[t]), Recovery: money.Fen(f.recovery[t]),
			Support: money.Fen(support), FromCash: money.Fen(open),
			Tax: money.Fen(tax), Fees: money.Fen(fee), Residual: money.Fen(residual), ToCash: money.Fen(cash + reserve),
		},
	}
	if enhanced {
		p.Ledger.Guarantee = money.Fen(f.guarantee[t])
	}
	for k := range n + 1 {
		p.TrancheInterest[k] = money.Fen(w.intPaid[k])
		p.TranchePrincipal[k] = money.Fen(w.prinPaid[k])
		p.TrancheBalance[k] = money.Fen(w.balance[k])
		if k < n {
			p.Ledger.NoteInterest += money.Fen(w.intPaid[k])
			p.Ledger.NotePrincipal += money.Fen(w.prinPaid[k])
		}
	}
	if due += seniorDue; due > 0 {
		c := float64(before) / float64(due)
		p.Coverage = &c
	}
	if w.balance[0] > 0 {
		c := float64(f.close[t]+cash) / float64(w.balance[0])
		p.OC = &c
	}
	return p
}
