package pool

import (
	"fmt"
	"slices"

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

	// When payments fall. Interest runs to the scheduled day; the payment moves.
	FirstPay          calendar.Date `json:"first_pay,omitzero"`           // first scheduled payment; zero is one period after the closing
	Roll              string        `json:"roll,omitempty"`               // "", "following", "modified_following" or "preceding" trading day
	CollectionLag     int           `json:"collection_lag_days"`          // a collection period ends so many days before the scheduled payment
	DeterminationDays int           `json:"determination_days,omitempty"` // trading days before the payment on which it is worked out (计算日)

	// In what order cash is paid: see [Steps]. Empty orders are the usual ones:
	// interest of every class before principal of any, and after acceleration
	// class by class.
	Order      []string `json:"order,omitempty"`
	AfterOrder []string `json:"order_after_acceleration,omitempty"`

	Fees      []Fee                  `json:"fees,omitempty"` // beside the service rate, the fixed and the upfront fee
	Liquidity *Liquidity             `json:"liquidity,omitempty"`
	CleanUp   float64                `json:"clean_up,omitempty"` // the originator buys what performs, at par, once it is at most this share of the initial principal
	Indices   map[string][]RatePoint `json:"indices,omitempty"`  // reference rates by name, supplied

	// A receivable unpaid for so many days is in default (servicing); 0 is 90.
	DefaultDays int `json:"default_days,omitempty"`
}

// Fee is a cost paid before the notes: a rate, a flat amount, or both, no less
// than a minimum.
type Fee struct {
	Name    string    `json:"name"` // e.g. 资产服务费（甲公司）
	Base    string    `json:"base"` // of the rate: "pool" (performing principal), "notes" (outstanding), "collections" (of the period, not annual)
	Rate    float64   `json:"rate"`
	Flat    money.Fen `json:"flat"` // per period
	Minimum money.Fen `json:"minimum"`
}

// Liquidity is a line that pays senior interest the pool and the reserve do not,
// and is repaid before it.
type Liquidity struct {
	Limit      money.Fen `json:"limit"`
	Rate       float64   `json:"rate"`       // annual, on what is drawn
	Commitment float64   `json:"commitment"` // annual, on what is not
}

// RatePoint is a rate from a day on.
type RatePoint struct {
	From calendar.Date `json:"from"`
	Rate float64       `json:"rate"`
}

// Put is the holders' right to be repaid early (回售): the share of the class
// that is due at the end of a period, counted from 1.
type Put struct {
	Period int     `json:"period"`
	Share  float64 `json:"share"`
}

// Tranche is one class of notes.
type Tranche struct {
	Name      string      `json:"name"`
	Principal money.Fen   `json:"principal"`
	Coupon    float64     `json:"coupon"`            // annual, simple
	Pay       string      `json:"pay"`               // "pass_through", "turbo", "bullet" or "scheduled"
	Maturity  int         `json:"maturity"`          // period by whose end (1-based) principal is due; 0 is the last
	Targets   []money.Fen `json:"targets,omitempty"` // scheduled: balance allowed after each period
	Rating    string      `json:"rating,omitempty"`  // supplied, with the agency named in parties
	Code      string      `json:"code,omitempty"`    // 证券代码

	DayCount calendar.DayCount `json:"day_count,omitempty"` // "act365", "actact", "30360"; empty is months/12
	StepUp   []RatePoint       `json:"step_up,omitempty"`   // the coupon from a day on
	Index    string            `json:"index,omitempty"`     // floating: the reference rate at the start of the period, plus the coupon as spread
	Cap      *float64          `json:"cap,omitempty"`
	Floor    *float64          `json:"floor,omitempty"`
	Put      *Put              `json:"put,omitempty"`
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
	Dishonest Fact      `json:"dishonest,omitempty"` // 失信被执行人、重大税收违法案件当事人、涉金融严重失信人, in the last two years
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
		case "pass_through", "turbo", "bullet", "scheduled", "":
		default:
			add(at+".pay", "还本方式应为 pass_through、turbo、bullet 或 scheduled", "pay must be pass_through, turbo, bullet or scheduled")
		}
		if err := s.checkCoupon(&t); err != nil {
			add(at+".coupon", "计息方式、基准利率或回售条款无效", err.Error())
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
	for _, f := range s.Fees {
		if !rate(f.Rate) || f.Flat < 0 || f.Minimum < 0 || f.Rate > 0 && f.Base != "pool" && f.Base != "notes" && f.Base != "collections" {
			add("fees", "费用“"+f.Name+"”的费率、金额或基数（pool、notes、collections）无效", "a fee's rate, amount or base (pool, notes, collections) is out of range")
		}
	}
	if l := s.Liquidity; l != nil && (l.Limit < 0 || !rate(l.Rate) || !rate(l.Commitment)) {
		add("liquidity", "流动性支持的额度或费率无效", "the liquidity line's limit or rate is out of range")
	}
	switch s.Roll {
	case "", "following", "modified_following", "preceding":
	default:
		add("roll", "兑付日顺延规则应为 following、modified_following 或 preceding", "roll must be following, modified_following or preceding")
	}
	if s.CollectionLag < 0 || s.CollectionLag > 60 || s.DeterminationDays < 0 || s.DeterminationDays > 30 || s.DefaultDays < 0 || !(s.CleanUp >= 0 && s.CleanUp < 1) {
		add("dates", "收款期间、计算日、违约天数或清仓回购比例无效", "collection lag, determination days, default days or clean-up share is out of range")
	}
	if len(s.Tranches) > 0 {
		for field, list := range map[string][]string{"order": s.Order, "order_after_acceleration": s.AfterOrder} {
			if _, err := s.steps(list, field != "order"); err != nil {
				add(field, "分配顺序无效："+err.Error(), err.Error())
			}
		}
	}
	if r := s.Revolving; r != nil && (r.MaxAgeMonths < 0 || !rate(r.MinPoolRate) || r.MaxPoolMonths < 0 || !(r.MaxSingle >= 0 && r.MaxSingle <= 1)) {
		add("revolving", "循环购买的账龄、平均利率、平均期限或单一占比无效", "age, average rate, average term or single share is out of range")
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
	Liquidity money.Fen `json:"liquidity"` // drawn
	FromCash  money.Fen `json:"from_cash"`
	// Out.
	Tax           money.Fen `json:"tax"`
	Fees          money.Fen `json:"fees"`
	LineRepaid    money.Fen `json:"liquidity_repaid"` // with its interest and commitment fee
	NoteInterest  money.Fen `json:"note_interest"`
	NotePrincipal money.Fen `json:"note_principal"`
	Residual      money.Fen `json:"residual"`
	InTransit     money.Fen `json:"in_transit"` // servicing: kept back in regulated accounts; negative when it came on
	Leaked        money.Fen `json:"leaked"`     // servicing: gone from regulated accounts
	ToCash        money.Fen `json:"to_cash"`
}

// In is every yuan that came in.
func (l Ledger) In() money.Fen {
	return l.Interest + l.Principal + l.Recovery + l.Guarantee + l.Support + l.Liquidity + l.FromCash
}

// Out is every yuan that went out.
func (l Ledger) Out() money.Fen {
	return l.Tax + l.Fees + l.LineRepaid + l.NoteInterest + l.NotePrincipal + l.Residual + l.InTransit + l.Leaked + l.ToCash
}

func (l *Ledger) add(o Ledger) {
	l.Interest += o.Interest
	l.Principal += o.Principal
	l.Recovery += o.Recovery
	l.Guarantee += o.Guarantee
	l.Support += o.Support
	l.Liquidity += o.Liquidity
	l.FromCash += o.FromCash
	l.Tax += o.Tax
	l.Fees += o.Fees
	l.LineRepaid += o.LineRepaid
	l.NoteInterest += o.NoteInterest
	l.NotePrincipal += o.NotePrincipal
	l.Residual += o.Residual
	l.InTransit += o.InTransit
	l.Leaked += o.Leaked
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
	notes    int       // tranches before the residual one
	coupon   [][]int64 // of each tranche and period, over rateScale
	initial  []int64
	maturity []int // 0-based period
	pay      []payment
	rank     []int  // classes paid interest together have one rank; 0 is senior
	order    []step // before acceleration
	after    []step // after it
	service  int64
	tax      int64
	fraction float64 // of a year in a period
	total    int64   // initial pool principal
	expected []int64 // scheduled collections, for CollectionMiss

	reserveStep bool // the order says where the reserve is filled

	// The state of a run, carried from period to period.
	enhanced   bool    // reserve, guarantees and shortfall payers count
	defaultsAt []int   // period in which each support defaults
	paidIn     []int64 // servicing: what each support has paid in and was not used; nil in projections
	balance    []int64 // of each tranche
	arrears    []int64 // of its interest
	supUsed    []int64 // of each support's cap
	cash       int64   // on the plan account
	reserve    int64
	kept       int64 // principal on the plan account that is not interest
	feeArrears int64
	defaulted  int64 // since the cut-off
	line       int64 // drawn on the liquidity line and not repaid
	lineCost   int64 // its interest and commitment fee, not paid

	intPaid  []int64 // to each tranche in the period
	prinPaid []int64
	soft     []int64 // principal a class may receive, and must be paid, while it is worked out
	hard     []int64
	loss     []money.Fen
}

// payment says how a class is repaid before its maturity.
type payment uint8

const (
	payPassThrough payment = iota // from what the pool repaid
	payBullet                     // not at all
	payScheduled                  // down to a target, which must be met
	payTurbo                      // from all cash left when its turn comes
)

// period is what one payment date is worked out with and came to, in fen.
type period struct {
	t           int // 0-based
	last        bool
	accelerated bool

	transit   int64 // servicing: collected and kept in regulated accounts, more than before
	leaked    int64 // servicing: gone from regulated accounts to others
	opening   int64 // plan account and reserve at the start; the reserve funded at closing counts as coming in
	guarantee int64 // received
	available int64 // plan account before anything is paid
	taxDue    int64
	feeDue    int64 // with arrears
	tax       int64 // paid
	fees      int64 // paid
	support   int64 // paid by shortfall payers
	drawn     int64 // on the liquidity line
	line      int64 // paid to the liquidity line
	seniorDue int64 // interest and principal due to the senior classes
	short     int64 // of it unpaid
	residual  int64 // to the last tranche

	collected int64 // principal that the classes after this one may still be paid from
	missed    int   // rank of the first class not paid what was due, those after it wait; the number of tranches when none is
}

func newWaterfall(d *Deal, periods int) (*waterfall, error) {
	s := &d.Structure
	n := len(s.Tranches)
	w := &waterfall{
		s: s, periods: periods, notes: n - 1, total: int64(d.Total()), fraction: float64(s.every()) / 12,
		coupon: make([][]int64, n), initial: make([]int64, n), maturity: make([]int, n), pay: make([]payment, n), rank: make([]int, n),
		balance: make([]int64, n), arrears: make([]int64, n), intPaid: make([]int64, n), prinPaid: make([]int64, n), soft: make([]int64, n), hard: make([]int64, n),
		supUsed: make([]int64, len(s.Supports)), loss: make([]money.Fen, n), expected: make([]int64, periods),
	}
	w.service, w.tax = scaled(s.ServiceRate*w.fraction), scaled(s.TaxRate)
	var err error
	if w.order, err = s.steps(s.Order, false); err != nil {
		return nil, badScenario("order", err.Error())
	}
	if w.after, err = s.steps(s.AfterOrder, true); err != nil {
		return nil, badScenario("order_after_acceleration", err.Error())
	}
	for i := range w.rank {
		w.rank[i] = i
	}
	for _, x := range w.order {
		switch x.kind {
		case stepInterest:
			for _, k := range x.classes {
				w.rank[k] = slices.Min(x.classes)
			}
		case stepReserve:
			w.reserveStep = true
		}
	}
	for k, t := range s.Tranches {
		w.initial[k], w.maturity[k] = int64(t.Principal), periods-1
		w.coupon[k] = make([]int64, periods)
		for i := range periods {
			if w.coupon[k][i], err = d.couponOf(&t, i); err != nil {
				return nil, err
			}
		}
		switch t.Pay {
		case "bullet":
			w.pay[k] = payBullet
		case "scheduled":
			w.pay[k] = payScheduled
		case "turbo":
			w.pay[k] = payTurbo
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

// senior is what the senior classes are owed.
func (w *waterfall) senior() int64 {
	sum := int64(0)
	for k := range w.notes {
		if w.rank[k] == 0 {
			sum += w.balance[k]
		}
	}
	return sum
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
		w.payPeriod(f, &p)
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
	w.cash, w.reserve, w.kept, w.feeArrears, w.defaulted, w.line, w.lineCost = 0, 0, 0, 0, 0, 0, 0
	if enhanced {
		w.reserve = int64(w.s.Reserve)
	}
}

// payPeriod works out one payment date: what came in, then the steps in the
// order of the deed, then what is left.
func (w *waterfall) payPeriod(f *flows, p *period) {
	w.collect(f, p)
	w.costs(f, p)
	clear(w.intPaid)
	clear(w.prinPaid)
	p.missed = len(w.balance)
	p.collected = w.kept
	steps := w.order
	if p.accelerated {
		steps = w.after
	}
	freed := !p.accelerated
	for i := range steps {
		x := &steps[i]
		if !freed && (x.kind == stepInterest || x.kind == stepPrincipal) { // the reserve serves the notes
			w.cash += w.reserve
			w.reserve, freed = 0, true
		}
		switch x.kind {
		case stepTax:
			p.tax = w.draw(p.taxDue)
		case stepFees:
			p.fees = w.draw(p.feeDue)
			w.feeArrears = p.feeDue - p.fees
		case stepLiquidity:
			w.repayLine(p)
		case stepInterest:
			w.payInterest(p, x.classes)
		case stepPrincipal:
			w.payPrincipal(p, x.classes)
		case stepReserve:
			w.fillReserve(p)
		}
	}
	w.keepOrRelease(p)
	w.defaulted += f.defaulted[p.t]
}

// collect takes in what the pool paid in the period.
func (w *waterfall) collect(f *flows, p *period) {
	p.opening = w.cash + w.reserve
	principal := f.principal[p.t] + f.recovery[p.t]
	if w.enhanced {
		p.guarantee = f.guarantee[p.t]
		principal += p.guarantee
	}
	w.cash += f.interest[p.t] + principal - p.transit - p.leaked
	w.kept += principal
	p.available = w.cash
}

// costs works out taxes and fees.
func (w *waterfall) costs(f *flows, p *period) {
	outstanding := int64(0)
	for k := range w.notes {
		outstanding += w.balance[k]
	}
	p.taxDue = mulDiv(f.interest[p.t], w.tax, rateScale)
	p.feeDue = w.feeArrears + mulDiv(f.open[p.t], w.service, rateScale)
	if outstanding > 0 || f.open[p.t] > 0 {
		p.feeDue += int64(w.s.FixedFee)
		for i := range w.s.Fees {
			x := &w.s.Fees[i]
			base, rate := f.open[p.t], x.Rate*w.fraction
			switch x.Base {
			case "notes":
				base = outstanding
			case "collections":
				base, rate = f.interest[p.t]+f.principal[p.t]+f.recovery[p.t], x.Rate
			}
			p.feeDue += max(int64(x.Minimum), int64(x.Flat)+mulDiv(base, scaled(rate), rateScale))
		}
	}
	if p.t == 0 {
		p.feeDue += int64(w.s.UpfrontFee)
	}
}

// repayLine pays the liquidity line its interest, its commitment fee and what
// is drawn. What is not paid stays drawn.
func (w *waterfall) repayLine(p *period) {
	l := w.s.Liquidity
	if l == nil || !w.enhanced {
		return
	}
	w.lineCost += mulDiv(w.line, scaled(l.Rate*w.fraction), rateScale) + mulDiv(int64(l.Limit)-w.line, scaled(l.Commitment*w.fraction), rateScale)
	w.payLine(p)
}

// payLine pays the line from the plan account, its cost first.
func (w *waterfall) payLine(p *period) {
	cost := min(w.cash, w.lineCost)
	repaid := min(w.cash-cost, w.line)
	w.lineCost -= cost
	w.line -= repaid
	w.cash -= cost + repaid
	p.line += cost + repaid
}

// waits reports whether a class before this one was not paid what was due.
func (w *waterfall) waits(p *period, k int) bool { return w.rank[k] > p.missed }

// payInterest pays the interest of classes that share: in full, or in proportion
// to what is due.
func (w *waterfall) payInterest(p *period, classes []int) {
	total := int64(0)
	for _, k := range classes {
		w.soft[k] = w.arrears[k] + mulDiv(w.balance[k], w.coupon[k][p.t], rateScale)
		w.arrears[k] = w.soft[k]
		if w.waits(p, k) {
			w.soft[k] = 0
		}
		total += w.soft[k]
	}
	cash := w.draw(total)
	for _, k := range classes {
		due := w.soft[k]
		paid := int64(0)
		if due > 0 {
			paid = mulDiv(cash, due, total)
		}
		cash, total = cash-paid, total-due
		if paid < due && w.rank[k] == 0 {
			paid += w.drawLine(p, due-paid)
		}
		if paid < due {
			paid += w.support(p, k, due-paid)
		}
		w.intPaid[k] += paid
		w.arrears[k] -= paid
		if w.rank[k] == 0 {
			p.seniorDue += due
			p.short += due - paid
		}
		if w.arrears[k] > 0 && w.rank[k] < p.missed {
			p.missed = w.rank[k]
		}
	}
}

// drawLine draws on the liquidity line.
func (w *waterfall) drawLine(p *period, short int64) int64 {
	if w.s.Liquidity == nil || !w.enhanced {
		return 0
	}
	pay := min(short, int64(w.s.Liquidity.Limit)-w.line)
	w.line += pay
	p.drawn += pay
	return pay
}

// payPrincipal pays classes that share what they may receive from cash (soft)
// and what they must be paid (hard), the latter from the reserve at maturity
// and from shortfall payers as well.
func (w *waterfall) payPrincipal(p *period, classes []int) {
	owed, total := int64(0), int64(0)
	for _, k := range classes {
		if !w.waits(p, k) {
			owed += w.balance[k]
		}
	}
	collected := p.collected
	for _, k := range classes {
		w.soft[k], w.hard[k] = 0, 0
		if w.waits(p, k) {
			continue
		}
		share := collected
		if len(classes) > 1 && owed > 0 {
			share = mulDiv(collected, w.balance[k], owed)
			collected, owed = collected-share, owed-w.balance[k]
		}
		w.soft[k], w.hard[k] = w.asked(p, k, share)
		total += w.soft[k]
	}
	cash := min(total, w.cash)
	w.cash -= cash
	for _, k := range classes {
		if w.waits(p, k) {
			continue
		}
		soft, hard := w.soft[k], w.hard[k]
		paid := int64(0)
		if soft > 0 {
			paid = mulDiv(cash, soft, total)
		}
		cash, total = cash-paid, total-soft
		if final := p.last || p.t >= w.maturity[k]; final && hard > paid {
			r := min(hard-paid, w.reserve)
			w.reserve -= r
			paid += r
		}
		w.kept -= min(w.kept, paid)
		p.collected -= min(p.collected, paid)
		if paid < hard {
			paid += w.support(p, k, hard-paid)
		}
		w.prinPaid[k] += paid
		w.balance[k] -= paid
		unpaid := max(0, hard-paid)
		if w.rank[k] == 0 {
			p.seniorDue += max(soft, hard)
			p.short += unpaid
		}
		if (unpaid > 0 || w.arrears[k] > 0 || p.accelerated && w.balance[k] > 0) && w.rank[k] < p.missed {
			p.missed = w.rank[k]
		}
	}
}

// asked is the principal a class may receive and the principal it must be paid.
func (w *waterfall) asked(p *period, k int, collected int64) (soft, hard int64) {
	soft = w.principalDue(k, p.t, collected)
	if put := w.s.Tranches[k].Put; put != nil && p.t == put.Period-1 {
		hard = mulDiv(w.balance[k], scaled(put.Share), rateScale)
		soft = max(soft, hard)
	}
	switch {
	case p.last || p.t >= w.maturity[k]:
		soft, hard = w.balance[k], w.balance[k]
	case w.pay[k] == payScheduled:
		hard = max(hard, soft)
	}
	if p.accelerated {
		soft = w.balance[k]
	}
	return soft, hard
}

// fillReserve tops the reserve up to its level.
func (w *waterfall) fillReserve(p *period) {
	if !w.enhanced || p.accelerated || p.last {
		return
	}
	top := min(w.cash, max(0, int64(w.s.Reserve)-w.reserve))
	w.reserve += top
	w.cash -= top
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
		w.cash, w.reserve = w.cash+w.reserve, 0
		w.payLine(p)
		p.residual, w.cash = w.cash, 0
	case p.last || p.accelerated:
		// Notes are unpaid, so everything was drawn above.
	default:
		if !w.reserveStep {
			w.fillReserve(p)
		}
		if !w.s.TrapExcess && p.missed == len(w.balance) && w.feeArrears == 0 && w.line+w.lineCost == 0 {
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
	case payTurbo:
		return min(w.balance[k], w.cash)
	case payScheduled:
		target := int64(0)
		if targets := w.s.Tranches[k].Targets; t < len(targets) {
			target = int64(targets[t])
		}
		return max(0, w.balance[k]-target)
	}
	return min(w.balance[k], collected)
}

// support draws the shortfall payers for what the first class is short of: in a
// projection what they owe, in servicing what they have paid in.
func (w *waterfall) support(p *period, k int, short int64) int64 {
	if !w.enhanced || w.rank[k] > 0 {
		return 0
	}
	paid := int64(0)
	for i := range w.s.Supports {
		x := &w.s.Supports[i]
		if x.Kind != "shortfall" || w.paidIn == nil && p.t >= w.defaultsAt[i] {
			continue
		}
		pay := short - paid
		if w.paidIn != nil {
			pay = min(pay, w.paidIn[i])
			w.paidIn[i] -= pay
		}
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
	if g.PrincipalShort && w.senior() > 0 && f.close[p.t]+w.cash < w.senior() {
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
			Guarantee: money.Fen(p.guarantee), Support: money.Fen(p.support), Liquidity: money.Fen(p.drawn), LineRepaid: money.Fen(p.line), FromCash: money.Fen(p.opening),
			Tax: money.Fen(p.tax), Fees: money.Fen(p.fees), Residual: money.Fen(p.residual), InTransit: money.Fen(p.transit), Leaked: money.Fen(p.leaked), ToCash: money.Fen(w.cash + w.reserve),
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
	if due := p.taxDue + p.feeDue + p.seniorDue; due > 0 {
		c := float64(p.available) / float64(due)
		out.Coverage = &c
	}
	if senior := w.senior(); senior > 0 {
		c := float64(f.close[t]+w.cash) / float64(senior)
		out.OC = &c
	}
	return out
}
