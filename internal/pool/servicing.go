package pool

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/money"
)

// Collection is what happened in one collection period, as the bank and the
// servicer tell it. It is all that [Deal.Close] needs beside the state before.
type Collection struct {
	Period   int        `json:"period"` // counted from 1; 0 is the next
	Lines    []BankLine `json:"lines"`
	Accounts Accounts   `json:"accounts"`
	Marks    []Mark     `json:"marks,omitempty"`    // what the servicer says a line is for
	Defaults []string   `json:"defaults,omitempty"` // assets declared in default, beside those unpaid for too long
	Final    bool       `json:"final,omitempty"`    // the plan is wound up with this payment
	Events   []Event    `json:"events,omitempty"`
}

// Uses of a bank line.
const (
	UseDue        = "due"        // 应收: interest and principal owed, the oldest first
	UsePrepayment = "prepayment" // 早偿
	UseRecovery   = "recovery"   // 回收: on a receivable in default
	UseFee        = "fee"        // 违约金、手续费
	UseSupport    = "support"    // 差额支付、担保代偿
	UseRefund     = "refund"     // 退款: out of the plan account, of money held as unexplained
)

// Mark says what a bank line is for. It may name a line of this period or one
// held as unexplained since an earlier one.
type Mark struct {
	Line   string     `json:"line"`
	Asset  string     `json:"asset,omitempty"`
	Use    string     `json:"use"`
	Amount *money.Fen `json:"amount,omitempty"` // null is the whole line
}

// State is a plan between two payments: what every asset owes, what every class
// is owed, and where the money is.
type State struct {
	Period int           `json:"period"` // payments made
	AsOf   calendar.Date `json:"as_of"`  // end of the last collection period
	Assets []Standing    `json:"assets"`
	Notes  []NoteState   `json:"notes"`

	Cash       money.Fen   `json:"cash"` // plan account, free
	Reserve    money.Fen   `json:"reserve"`
	Kept       money.Fen   `json:"principal_kept"` // principal on the plan account not paid yet
	Transit    money.Fen   `json:"in_transit"`     // collected in regulated accounts, not passed on
	Suspense   []BankLine  `json:"suspense"`       // received and not understood, with what is left of each
	Held       []money.Fen `json:"support_held"`   // paid in by each support and not needed yet
	Used       []money.Fen `json:"support_used"`
	FeeArrears money.Fen   `json:"fee_arrears"`
	Line       money.Fen   `json:"liquidity_drawn"`
	LineCost   money.Fen   `json:"liquidity_cost"`

	Defaulted   money.Fen  `json:"defaulted"` // since the cut-off
	Recovered   money.Fen  `json:"recovered"`
	Years       []YearLoss `json:"losses_by_year"`
	Accelerated int        `json:"accelerated_after"` // period after which all cash goes to the first class; 0 not
	Ended       bool       `json:"ended"`
	Totals      Ledger     `json:"totals"`
	SeenLines   []string   `json:"lines_seen"`
}

// Standing is one receivable in a [State].
type Standing struct {
	Asset     string    `json:"asset"`
	Status    string    `json:"status"`    // performing, late, defaulted, repaid
	Principal money.Fen `json:"principal"` // outstanding; 0 once in default
	Overdue   []Owed    `json:"overdue"`   // dues not paid in full
	Defaulted money.Fen `json:"defaulted"` // principal outstanding at default
	Recovered money.Fen `json:"recovered"`
}

// Owed is one due and what of it is open.
type Owed struct {
	Due       calendar.Date `json:"due"`
	Principal money.Fen     `json:"principal"`
	Interest  money.Fen     `json:"interest"`
}

// NoteState is one class in a [State].
type NoteState struct {
	Name    string    `json:"name"`
	Balance money.Fen `json:"balance"`
	Arrears money.Fen `json:"interest_arrears"`
}

// YearLoss is what a plan lost in an accounting year, less what was recovered in
// it, and the steps of 10% of the securities outstanding already announced.
type YearLoss struct {
	Year      int       `json:"year"`
	Loss      money.Fen `json:"loss"`
	Announced float64   `json:"announced"`
}

// Collected is what one asset paid in a period.
type Collected struct {
	Asset           string    `json:"asset"`
	Obligor         string    `json:"obligor"`
	DuePrincipal    money.Fen `json:"due_principal"` // of this period
	DueInterest     money.Fen `json:"due_interest"`
	Principal       money.Fen `json:"principal"` // received of dues of this period
	Interest        money.Fen `json:"interest"`
	LatePrincipal   money.Fen `json:"late_principal"` // received of dues of earlier periods
	LateInterest    money.Fen `json:"late_interest"`
	Prepaid         money.Fen `json:"prepaid"`
	Recovered       money.Fen `json:"recovered"`
	Fee             money.Fen `json:"fee"`
	Defaulted       money.Fen `json:"defaulted"`
	Overdue         money.Fen `json:"overdue"` // unpaid at the end, interest and principal
	Balance         money.Fen `json:"balance"`
	Status          string    `json:"status"`
	LostToDefaulted money.Fen `json:"interest_written_off"` // interest due and unpaid when the asset went into default
}

// Difference sets a figure of the plan beside what came, and says why.
type Difference struct {
	Key        string    `json:"key"`
	Zh         string    `json:"zh"`
	Planned    money.Fen `json:"planned"`
	Actual     money.Fen `json:"actual"`
	Difference money.Fen `json:"difference"` // actual − planned
}

// Cause is one reason why collections differ from the plan; the causes of a
// period add up to the difference.
type Cause struct {
	Key    string    `json:"key"`
	Zh     string    `json:"zh"`
	Asset  string    `json:"asset,omitempty"`
	Amount money.Fen `json:"amount"` // positive: more came than planned
}

// Closed is a closed period: the distribution report.
type Closed struct {
	Title         string         `json:"title"`
	Label         string         `json:"label,omitempty"`
	Period        int            `json:"period"`
	Version       int            `json:"version"`
	From          calendar.Date  `json:"from"` // collection period
	To            calendar.Date  `json:"to"`
	Determination calendar.Date  `json:"determination"`
	PayDate       calendar.Date  `json:"pay_date"`
	ReportDue     Deadline       `json:"report_due"`
	Collections   []Collected    `json:"collections"`
	Received      money.Fen      `json:"received"` // interest, principal, fees and recoveries, all assets
	Row           Period         `json:"row"`      // what was paid
	Planned       *Period        `json:"planned"`  // what the deal planned at closing; null beyond its last period
	Differences   []Difference   `json:"differences"`
	Causes        []Cause        `json:"causes"`
	Triggers      []string       `json:"triggers"` // set off in this period, Chinese
	Cash          Reconciliation `json:"cash"`
	Notices       []Notice       `json:"notices"`
	Class         string         `json:"risk_class"`
	Reasons       []string       `json:"reasons"`
	Before        []NoteState    `json:"notes_before"`
	State         State          `json:"state"` // after; the next period starts from it
	Limit         string         `json:"limit"`
	Statement     string         `json:"statement"`
	Review        string         `json:"review,omitempty"` // of a kept period: whether another person stands by it
}

// Opening is the state at the closing of the deal.
func (d *Deal) Opening() (State, error) {
	if err := d.Check(); err != nil {
		return State{}, err
	}
	if len(d.Structure.Tranches) < 2 {
		return State{}, fault.New(fault.Invalid, "pool.tranches", "请先设置优先级与次级的规模。", "set a senior and a subordinated tranche first")
	}
	s := State{
		AsOf: d.CutOff, Reserve: d.Structure.Reserve, Suspense: []BankLine{}, Years: []YearLoss{}, SeenLines: []string{},
		Held: make([]money.Fen, len(d.Structure.Supports)), Used: make([]money.Fen, len(d.Structure.Supports)),
	}
	for _, a := range d.Assets {
		s.Assets = append(s.Assets, Standing{Asset: a.ID, Status: "performing", Principal: a.Principal, Overdue: []Owed{}})
	}
	for _, t := range d.Structure.Tranches {
		s.Notes = append(s.Notes, NoteState{Name: t.Name, Balance: t.Principal})
	}
	return s, nil
}

// Money is all the money the plan holds in a state.
func (s *State) Money() money.Fen {
	sum := s.Cash + s.Reserve + s.Transit
	for _, l := range s.Suspense {
		sum += l.Amount
	}
	for _, h := range s.Held {
		sum += h
	}
	return sum
}

func (s *State) clone() (State, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return State{}, err
	}
	var out State
	return out, json.Unmarshal(b, &out)
}

func badLine(id, zh, en string) error {
	return fault.New(fault.Invalid, "pool.period.line", "流水“"+id+"”："+zh+"。", "line "+id+": "+en)
}

// Close works out one period from the state before: bank lines become
// collections by asset, go through the order of payment and leave the state the
// next period starts from. The state before is not changed. Money that is not
// understood is held and named, never distributed.
func (d *Deal) Close(before State, in Collection) (Closed, error) {
	if in.Period == 0 {
		in.Period = before.Period + 1
	}
	switch {
	case before.Ended:
		return Closed{}, fault.New(fault.Conflict, "pool.period.ended", "专项计划已清算完毕，没有后续期间。", "the plan is wound up; no period follows")
	case in.Period != before.Period+1:
		return Closed{}, fault.New(fault.Conflict, "pool.period.order", fmt.Sprintf("应结第%d期；更正已结期间请先重新打开。", before.Period+1), fmt.Sprintf("period %d is next; reopen a closed one to change it", before.Period+1))
	case in.Accounts.Plan == "":
		return Closed{}, fault.New(fault.Invalid, "pool.period.account", "请提供专项计划账户。", "give the account of the plan")
	case len(before.Assets) != len(d.Assets) || len(before.Notes) != len(d.Structure.Tranches) || len(before.Held) != len(d.Structure.Supports):
		return Closed{}, fault.New(fault.Invalid, "pool.period.state", "期初状态与资产池不符。", "the state is not of this deal")
	}
	state, err := before.clone()
	if err != nil {
		return Closed{}, err
	}
	t := in.Period - 1
	c := closing{d: d, t: t, in: &in, s: &state}
	c.from, c.to = d.CutOff.AddDays(1), d.collected(t)
	if t > 0 {
		c.from = d.collected(t - 1).AddDays(1)
	}
	if in.Accounts.AsOf.IsZero() {
		in.Accounts.AsOf = c.to
	}
	if err := c.dues(); err != nil {
		return Closed{}, err
	}
	if err := c.receive(); err != nil {
		return Closed{}, err
	}
	if err := c.classify(); err != nil {
		return Closed{}, err
	}
	out, err := c.distribute(&before)
	if err != nil {
		return Closed{}, err
	}
	return out, c.report(&before, &out)
}

// Replay closes the periods of a plan's life in order, from its opening.
func (d *Deal) Replay(life []Collection) (State, []Closed, error) {
	s, err := d.Opening()
	if err != nil {
		return State{}, nil, err
	}
	var out []Closed
	for _, in := range life {
		c, err := d.Close(s, in)
		if err != nil {
			return State{}, nil, err
		}
		s = c.State
		out = append(out, c)
	}
	return s, out, nil
}

// closing is one period while it is worked out.
type closing struct {
	d        *Deal
	t        int
	in       *Collection
	s        *State
	from, to calendar.Date

	got     []Collected // by asset
	now     [][]bool    // of each asset's overdue list: due in this period
	open    money.Fen   // performing principal at the start
	rec     Reconciliation
	regular money.Fen // attributed receipts on regulated accounts
	supp    []money.Fen
}

// dues adds what falls due in the period to what is overdue. After a
// prepayment the schedule is what is left of it in proportion.
func (c *closing) dues() error {
	c.got, c.now = make([]Collected, len(c.d.Assets)), make([][]bool, len(c.d.Assets))
	c.supp = make([]money.Fen, len(c.d.Structure.Supports))
	for i := range c.d.Assets {
		a, s := &c.d.Assets[i], &c.s.Assets[i]
		if s.Asset != a.ID {
			return fault.New(fault.Invalid, "pool.period.state", "期初状态与资产池不符。", "the state is not of this deal")
		}
		c.got[i] = Collected{Asset: a.ID, Obligor: a.Obligor}
		c.open += s.Principal
		c.now[i] = make([]bool, len(s.Overdue))
		free := s.Principal
		for _, o := range s.Overdue {
			free -= o.Principal
		}
		left := a.Principal // scheduled and not due before this one
		for _, due := range a.Dues(c.d.CutOff) {
			if !due.Date.Before(c.from) && !due.Date.After(c.to) && free > 0 {
				o := Owed{due.Date, money.Fen(mulDiv(int64(free), int64(due.Principal), int64(left))), money.Fen(mulDiv(int64(free), int64(due.Interest), int64(left)))}
				free -= o.Principal
				c.got[i].DuePrincipal += o.Principal
				c.got[i].DueInterest += o.Interest
				if o.Principal+o.Interest > 0 {
					s.Overdue, c.now[i] = append(s.Overdue, o), append(c.now[i], true)
				}
			}
			left -= due.Principal
			if left <= 0 {
				break
			}
		}
	}
	return nil
}

// receive gives every line its use: as marked, as the schedule expects, as a
// recovery or a named prepayment, else to what is held as unexplained.
func (c *closing) receive() error {
	lines := slices.Clone(c.s.Suspense)
	for i := range lines {
		lines[i].Account = c.in.Accounts.Plan // held there whatever account it first came to
	}
	old := len(lines)
	seen := map[string]bool{}
	for _, id := range c.s.SeenLines {
		seen[id] = true
	}
	for _, l := range c.in.Lines {
		switch {
		case l.ID == "" || seen[l.ID]:
			return badLine(l.ID, "流水号缺失或已在本期、前期使用", "its id is missing or was used before")
		case l.Amount <= 0 || l.Amount > money.Max:
			return badLine(l.ID, "金额应为正数", "its amount must be positive")
		case l.Date.Before(c.from) || l.Date.After(c.to):
			return badLine(l.ID, fmt.Sprintf("日期%s不在收款期间%s至%s内", l.Date, c.from, c.to), fmt.Sprintf("%s is outside the collection period %s to %s", l.Date, c.from, c.to))
		}
		seen[l.ID] = true
		c.s.SeenLines = append(c.s.SeenLines, l.ID)
		lines = append(lines, l)
	}
	c.s.Suspense = []BankLine{}
	marks := slices.Clone(c.in.Marks)
	for _, l := range lines[old:] {
		if l.Use != "" {
			marks = append(marks, Mark{Line: l.ID, Asset: l.Asset, Use: l.Use})
		}
	}
	for _, m := range marks {
		at := slices.IndexFunc(lines, func(l BankLine) bool { return l.ID == m.Line })
		if at < 0 {
			return badLine(m.Line, "没有这笔流水，或其款项已用完", "there is no such line, or it is used up")
		}
		if err := c.mark(&lines[at], m, lines); err != nil {
			return err
		}
	}
	regulated := func(l *BankLine) bool { return slices.Contains(c.in.Accounts.Regulated, l.Account) }
	byAsset := map[string]int{}
	var expected []Expected
	type item struct{ asset, due int }
	items := map[string]item{}
	for i := range c.s.Assets {
		s, a := &c.s.Assets[i], &c.d.Assets[i]
		byAsset[a.ID] = i
		o, _ := c.d.obligor(a.Obligor)
		for k, due := range s.Overdue {
			if sum := due.Principal + due.Interest; sum > 0 {
				id := fmt.Sprintf("%s@%s#%d", a.ID, due.Due, k)
				items[id] = item{i, k}
				expected = append(expected, Expected{ID: id, Payer: o.Name, Due: due.Due, Amount: sum, Contract: a.Contract})
			}
		}
	}
	rest := slices.DeleteFunc(lines, func(l BankLine) bool { return l.Amount == 0 })
	c.rec = Reconcile(expected, rest, c.in.Accounts)
	for _, m := range c.rec.Matches {
		x := items[m.Expected.ID]
		c.pay(x.asset, x.due, m.Received)
	}
	var surplus money.Fen // on regulated accounts, held
	for _, f := range c.rec.Findings {
		if f.Status != Over && f.Status != Unclaimed {
			continue
		}
		l := f.Line
		l.Amount = f.Amount
		c.surplus(&l)
		if l.Amount > 0 {
			c.s.Suspense = append(c.s.Suspense, l)
			if regulated(&l) {
				surplus += l.Amount
			}
		}
	}
	slices.SortStableFunc(c.s.Suspense, func(a, b BankLine) int { return cmp.Or(a.Date.Compare(b.Date), cmp.Compare(a.ID, b.ID)) })
	for i := range c.in.Lines {
		if l := &c.in.Lines[i]; l.In && regulated(l) {
			c.regular += l.Amount
		}
	}
	c.regular -= surplus
	return nil
}

// pay puts an amount to one due: interest before principal.
func (c *closing) pay(i, k int, amount money.Fen) {
	o, g := &c.s.Assets[i].Overdue[k], &c.got[i]
	interest := min(amount, o.Interest)
	principal := min(amount-interest, o.Principal)
	o.Interest -= interest
	o.Principal -= principal
	c.s.Assets[i].Principal -= principal
	if c.now[i][k] {
		g.Interest += interest
		g.Principal += principal
	} else {
		g.LateInterest += interest
		g.LatePrincipal += principal
	}
}

// mark uses a line, or a part of it, as the servicer says.
func (c *closing) mark(l *BankLine, m Mark, all []BankLine) error {
	amount := l.Amount
	if m.Amount != nil {
		amount = *m.Amount
	}
	if amount <= 0 || amount > l.Amount {
		return badLine(m.Line, "标注金额超过该笔流水的余额", "the mark is for more than is left of the line")
	}
	if m.Use == UseRefund {
		if l.In || l.Account != c.in.Accounts.Plan {
			return badLine(m.Line, "退款应为专项计划账户的支出", "a refund is paid out of the plan's account")
		}
		left := amount
		for i := range all {
			x := &all[i]
			if !x.In || x.Party != l.Party || left == 0 || x.Account != c.in.Accounts.Plan {
				continue
			}
			take := min(left, x.Amount)
			x.Amount -= take
			left -= take
		}
		if left > 0 {
			return badLine(m.Line, "退款超过该付款人待查明的款项", "more is refunded than is held of that payer's money")
		}
		l.Amount -= amount
		return nil
	}
	if !l.In || l.Account != c.in.Accounts.Plan && !slices.Contains(c.in.Accounts.Regulated, l.Account) {
		return badLine(m.Line, "不是专项计划账户或监管账户的收款，不能标注用途", "it is no receipt of the plan's or a regulated account")
	}
	if m.Use == UseSupport {
		if l.Account != c.in.Accounts.Plan {
			return badLine(m.Line, "增信款项应付至专项计划账户", "a support pays into the plan's account")
		}
		k := slices.IndexFunc(c.d.Structure.Supports, func(s Support) bool { return s.Name == l.Party || m.Asset != "" && s.Name == m.Asset })
		if k < 0 {
			return badLine(m.Line, "付款人不是增信机构", "the payer is no support of the deal")
		}
		c.supp[k] += amount
		l.Amount -= amount
		return nil
	}
	i := slices.IndexFunc(c.d.Assets, func(a Asset) bool { return a.ID == m.Asset })
	if i < 0 {
		return badLine(m.Line, "标注的资产编号“"+m.Asset+"”不存在", "there is no asset "+m.Asset)
	}
	used, err := c.use(i, m.Use, amount)
	if err != nil {
		return badLine(m.Line, err.Error(), "it cannot be used as "+m.Use+" of "+m.Asset)
	}
	if m.Amount != nil && used < amount {
		return badLine(m.Line, "标注金额超过该资产在此用途下的应付", "the mark is for more than the asset owes in that way")
	}
	l.Amount -= used
	return nil
}

// use puts money to an asset and returns how much of it fits.
func (c *closing) use(i int, as string, amount money.Fen) (used money.Fen, err error) {
	s, g := &c.s.Assets[i], &c.got[i]
	switch as {
	case UseDue:
		for k := range s.Overdue {
			part := min(amount-used, s.Overdue[k].Interest+s.Overdue[k].Principal)
			c.pay(i, k, part)
			used += part
		}
	case UsePrepayment:
		free := s.Principal
		for _, o := range s.Overdue {
			free -= o.Principal
		}
		used = min(amount, free)
		s.Principal -= used
		g.Prepaid += used
	case UseRecovery:
		if s.Status != "defaulted" {
			return 0, fmt.Errorf("该资产未违约，不能作为回收")
		}
		used = min(amount, s.Defaulted-s.Recovered)
		s.Recovered += used
		g.Recovered += used
	case UseFee:
		g.Fee += amount
		used = amount
	default:
		return 0, fmt.Errorf("用途应为 due、prepayment、recovery、fee、support 或 refund")
	}
	return used, nil
}

// surplus finds a use for money beyond what was due: what a support pays in,
// a recovery of its payer's receivable in default, a prepayment that says so.
// The line keeps what is not understood.
func (c *closing) surplus(l *BankLine) {
	if k := slices.IndexFunc(c.d.Structure.Supports, func(s Support) bool { return s.Name == l.Party }); k >= 0 && l.Account == c.in.Accounts.Plan {
		c.supp[k] += l.Amount
		l.Amount = 0
		return
	}
	var own []int
	for i := range c.d.Assets {
		if o, _ := c.d.obligor(c.d.Assets[i].Obligor); o.Name == l.Party {
			own = append(own, i)
		}
	}
	if named := slices.DeleteFunc(slices.Clone(own), func(i int) bool {
		n := c.d.Assets[i].Contract
		return n == "" || !strings.Contains(l.Ref, n)
	}); len(named) > 0 {
		own = named
	}
	for _, i := range own {
		if c.s.Assets[i].Status == "defaulted" {
			used, _ := c.use(i, UseRecovery, l.Amount)
			l.Amount -= used
		}
	}
	early := strings.Contains(l.Ref, "提前") || strings.Contains(l.Ref, "早偿") || strings.Contains(strings.ToLower(l.Ref), "prepay")
	if early && len(own) == 1 {
		used, _ := c.use(own[0], UsePrepayment, l.Amount)
		l.Amount -= used
	}
}

// classify says how every asset stands at the end of the collection period.
func (c *closing) classify() error {
	days := c.d.Structure.DefaultDays
	if days == 0 {
		days = 90
	}
	for _, id := range c.in.Defaults {
		if !slices.ContainsFunc(c.d.Assets, func(a Asset) bool { return a.ID == id }) {
			return fault.New(fault.Invalid, "pool.period.default", "宣告违约的资产“"+id+"”不存在。", "there is no asset "+id)
		}
	}
	for i := range c.s.Assets {
		s, g := &c.s.Assets[i], &c.got[i]
		s.Overdue = slices.DeleteFunc(s.Overdue, func(o Owed) bool { return o.Principal+o.Interest == 0 })
		late := false
		for _, o := range s.Overdue {
			late = late || o.Due.DaysUntil(c.to) >= days
			g.Overdue += o.Principal + o.Interest
		}
		declared := slices.Contains(c.in.Defaults, s.Asset)
		switch {
		case s.Status == "defaulted":
		case s.Principal > 0 && (late || declared):
			s.Status, s.Defaulted = "defaulted", s.Principal
			for _, o := range s.Overdue {
				g.LostToDefaulted += o.Interest
			}
			g.Defaulted, g.Overdue = s.Principal, 0
			s.Principal, s.Overdue = 0, []Owed{}
		case len(s.Overdue) > 0:
			s.Status = "late"
		case s.Principal == 0:
			s.Status = "repaid"
		default:
			s.Status = "performing"
		}
		g.Status, g.Balance = s.Status, s.Principal
	}
	return nil
}

// distribute takes what came in through the order of payment.
func (c *closing) distribute(before *State) (Closed, error) {
	d, s, t := c.d, c.s, c.t
	w, err := newWaterfall(d, max(d.periods(), t+1))
	if err != nil {
		return Closed{}, err
	}
	f := newFlows(w.periods)
	for i := range c.got {
		g := &c.got[i]
		f.interest[t] += int64(g.Interest + g.LateInterest + g.Fee)
		f.principal[t] += int64(g.Principal + g.LatePrincipal + g.Prepaid)
		f.recovery[t] += int64(g.Recovered)
		f.defaulted[t] += int64(g.Defaulted)
		f.close[t] += int64(s.Assets[i].Principal)
	}
	f.open[t] = int64(c.open)
	w.begin(true, make([]int, len(d.Structure.Supports)))
	w.paidIn = make([]int64, len(d.Structure.Supports))
	for k := range s.Notes {
		w.balance[k], w.arrears[k] = int64(s.Notes[k].Balance), int64(s.Notes[k].Arrears)
	}
	for i, x := range d.Structure.Supports {
		w.paidIn[i], w.supUsed[i] = int64(s.Held[i]+c.supp[i]), int64(s.Used[i])
		if x.Kind == "guarantee" { // pays defaulted receivables: it comes in with the collections
			f.guarantee[t] += w.paidIn[i]
			w.supUsed[i] += w.paidIn[i]
			w.paidIn[i] = 0
		}
	}
	w.cash, w.reserve, w.kept, w.feeArrears, w.line, w.lineCost = int64(s.Cash), int64(s.Reserve), int64(s.Kept), int64(s.FeeArrears), int64(s.Line), int64(s.LineCost)
	w.defaulted = int64(s.Defaulted)
	// Money in regulated accounts is collected but cannot be paid out.
	there := s.Transit + c.regular
	leaked := money.Fen(0)
	for _, x := range c.rec.Findings {
		if x.Status == Leaked && !x.Line.In {
			leaked += x.Amount
		}
	}
	leaked = min(leaked, there)
	transit := max(0, there-leaked-c.rec.Swept)
	p := period{
		t: t, last: c.in.Final || t >= d.periods()-1 && c.settled(), accelerated: s.Accelerated > 0 && c.in.Period > s.Accelerated,
		transit: int64(transit - s.Transit), leaked: int64(leaked),
	}
	if c.in.Final && (len(s.Suspense) > 0 || transit > 0) {
		return Closed{}, fault.New(fault.Conflict, "pool.period.final", "清算前应先处理待查明款项与监管账户在途资金。", "money is held as unexplained or is still in regulated accounts; deal with it before winding up")
	}
	w.payPeriod(f, &p)
	out := Closed{
		Title: fmt.Sprintf("%s 第%d期收益分配报告", d.Name, c.in.Period), Label: d.Label, Period: c.in.Period, Version: 1, From: c.from, To: c.to,
		PayDate: d.PayDate(t), Collections: c.got, Row: w.row(f, &p), Before: before.Notes, Class: "正常", Limit: Disclaimer, Statement: d.Statement(),
	}
	out.Row.Date = out.PayDate
	for i := range c.got {
		g := &c.got[i]
		out.Received += g.Interest + g.LateInterest + g.Fee + g.Principal + g.LatePrincipal + g.Prepaid + g.Recovered
		s.Defaulted += g.Defaulted
		s.Recovered += g.Recovered
	}
	if s.Accelerated == 0 {
		if out.Triggers = w.why(f, &p); len(out.Triggers) > 0 {
			s.Accelerated = c.in.Period
		}
	}
	s.Period, s.AsOf, s.Transit = c.in.Period, c.to, transit
	s.Cash, s.Reserve, s.Kept, s.FeeArrears, s.Line, s.LineCost = money.Fen(w.cash), money.Fen(w.reserve), money.Fen(w.kept), money.Fen(w.feeArrears), money.Fen(w.line), money.Fen(w.lineCost)
	open := money.Fen(0)
	for k := range s.Notes {
		s.Notes[k].Balance, s.Notes[k].Arrears = money.Fen(w.balance[k]), money.Fen(w.arrears[k])
		if k < len(s.Notes)-1 {
			open += s.Notes[k].Balance + s.Notes[k].Arrears
		}
	}
	for i := range s.Held {
		s.Held[i], s.Used[i] = money.Fen(w.paidIn[i]), money.Fen(w.supUsed[i])
	}
	s.Totals.add(out.Row.Ledger)
	s.Ended = c.in.Final || c.settled() && open == 0 && s.Money() == 0
	return out, nil
}

// settled says that no asset performs any more.
func (c *closing) settled() bool {
	for i := range c.s.Assets {
		if c.s.Assets[i].Principal > 0 || c.s.Assets[i].Status == "late" {
			return false
		}
	}
	return true
}

// report adds the plan, the differences, the notices and the deadline.
func (c *closing) report(before *State, out *Closed) error {
	d, t := c.d, c.t
	cal := d.days()
	out.Determination, _ = d.Determination(t)
	if due := d.DisclosureCalendar(t+1, cal); len(due) > t {
		out.ReportDue = due[t]
	}
	plan, err := d.CashFlow(Scenario{CPR: d.Credit.CPR, Recovery: 1 - d.Credit.LGD})
	if err != nil {
		return err
	}
	if t < len(plan.Periods) {
		out.Planned = &plan.Periods[t]
		c.compare(out)
	}
	c.causes(out)
	events := slices.Clone(c.in.Events)
	known := c.in.Accounts.AsOf
	if out.Planned != nil {
		if planned, got := out.Planned.Ledger.Interest+out.Planned.Ledger.Principal, out.Row.Ledger.Interest+out.Row.Ledger.Principal+out.Row.Ledger.Recovery; planned > got {
			events = append(events, Event{Kind: "cash_flow", Date: known, Amount: planned - got, Base: planned, Detail: "本期实际现金流低于预测"})
		}
	}
	if c.rec.Leaked > 0 {
		events = append(events, Event{Kind: "account", Date: c.rec.firstLeak(known), Amount: c.rec.Leaked, Detail: "资金未进入专项计划账户或被划往他处"})
	}
	if out.Row.Short > 0 {
		events = append(events, Event{Kind: "unpaid", Date: out.PayDate, Amount: out.Row.Short, Detail: "优先级应付未付"})
	}
	if e, ok := c.loss(before, known); ok {
		events = append(events, e)
	}
	if c.s.Ended {
		events = append(events, Event{Kind: "liquidation", Date: out.PayDate})
	}
	for _, e := range events {
		if len(e.Outstanding) == 0 {
			e.Outstanding = before.Notes // a notice is due before the payment
		}
		n, err := d.Notice(e, cal)
		if err != nil {
			return err
		}
		if !n.Required {
			continue
		}
		out.Notices = append(out.Notices, n)
		out.Reasons = append(out.Reasons, n.Why)
		out.Class = worse(out.Class, n.Class)
	}
	out.Cash = d.masked(c.rec)
	out.State = *c.s
	return nil
}

// loss measures the accounting year's losses against all securities outstanding
// at the start of the period (上交所第5号 5.2.1, 深交所第2号 第十九条).
func (c *closing) loss(before *State, known calendar.Date) (Event, bool) {
	now := money.Fen(0)
	for i := range c.got {
		now += c.got[i].Defaulted - c.got[i].Recovered
	}
	base := money.Fen(0)
	for _, n := range before.Notes {
		base += n.Balance
	}
	at := slices.IndexFunc(c.s.Years, func(y YearLoss) bool { return y.Year == known.Year })
	if at < 0 {
		c.s.Years = append(c.s.Years, YearLoss{Year: known.Year})
		at = len(c.s.Years) - 1
	}
	y := &c.s.Years[at]
	y.Loss += now
	if y.Loss <= 0 || base == 0 || now <= 0 {
		return Event{}, false
	}
	e := Event{Kind: "loss", Date: known, Amount: y.Loss, Base: base, Prior: y.Announced, Detail: fmt.Sprintf("%d年度累计损失", known.Year)}
	y.Announced = max(y.Announced, float64(y.Loss)/float64(base))
	return e, true
}

var riskClasses = []string{"正常", "一般关注", "重点关注", "风险", "违约"}

func worse(a, b string) string {
	if slices.Index(riskClasses, b) > slices.Index(riskClasses, a) {
		return b
	}
	return a
}

// compare sets the plan beside what was received and paid.
func (c *closing) compare(out *Closed) {
	add := func(key, zh string, planned, actual money.Fen) {
		out.Differences = append(out.Differences, Difference{key, zh, planned, actual, actual - planned})
	}
	a, b := &out.Planned.Ledger, &out.Row.Ledger
	add("interest", "利息及费用回款", a.Interest, b.Interest)
	add("principal", "本金回款", a.Principal, b.Principal)
	add("recovery", "违约回收", a.Recovery, b.Recovery)
	add("support", "外部增信收款", a.Guarantee+a.Support, b.Guarantee+b.Support)
	add("tax", "税金", a.Tax, b.Tax)
	add("fees", "费用", a.Fees, b.Fees)
	for k, tr := range c.d.Structure.Tranches {
		last := k == len(c.d.Structure.Tranches)-1
		if !last {
			add("interest:"+tr.Name, tr.Name+"利息", out.Planned.TrancheInterest[k], out.Row.TrancheInterest[k])
			add("principal:"+tr.Name, tr.Name+"本金", out.Planned.TranchePrincipal[k], out.Row.TranchePrincipal[k])
		} else {
			add("residual:"+tr.Name, tr.Name+"分配", out.Planned.TranchePrincipal[k], out.Row.TranchePrincipal[k])
		}
		add("balance:"+tr.Name, tr.Name+"期末余额", out.Planned.TrancheBalance[k], out.Row.TrancheBalance[k])
	}
	add("cash", "专项计划账户余额", out.Planned.Cash, out.Row.Cash)
	add("reserve", "储备金余额", out.Planned.Reserve, out.Row.Reserve)
}

// causes says why collections differ from the plan. They add up to the
// difference of interest, principal and recoveries, to the fen.
func (c *closing) causes(out *Closed) {
	add := func(key, zh, asset string, amount money.Fen) {
		if amount != 0 {
			out.Causes = append(out.Causes, Cause{key, zh, asset, amount})
		}
	}
	var owed money.Fen
	for i := range c.got {
		g := &c.got[i]
		id := g.Asset
		owed += g.DuePrincipal + g.DueInterest
		unpaid := g.DuePrincipal + g.DueInterest - g.Principal - g.Interest
		switch {
		case g.Defaulted > 0:
			add("defaulted", id+"本期转为违约，当期应收未收", id, -unpaid)
		case unpaid > 0 && g.Principal+g.Interest > 0:
			add("short", id+"到账不足", id, -unpaid)
		default:
			add("missing", id+"到期未到账", id, -unpaid)
		}
		add("late", id+"补缴前期欠款", id, g.LatePrincipal+g.LateInterest)
		add("prepaid", id+"提前还款", id, g.Prepaid)
		add("recovery", id+"违约回收", id, g.Recovered)
		add("fee", id+"违约金及费用", id, g.Fee)
	}
	if out.Planned == nil {
		return
	}
	var contractual money.Fen
	for i := range c.d.Assets {
		for _, due := range c.d.Assets[i].Dues(c.d.CutOff) {
			if !due.Date.Before(c.from) && !due.Date.After(c.to) {
				contractual += due.Principal + due.Interest
			}
		}
	}
	l := &out.Planned.Ledger
	add("earlier", "前期早偿、违约使本期应收减少", "", owed-contractual)
	add("assumed", "计划中假设的早偿与回收", "", contractual-(l.Interest+l.Principal+l.Recovery))
}

// why names the triggers a period of servicing set off. They read the plan as
// it stands, its accounts and its supports' payments included.
func (w *waterfall) why(f *flows, p *period) (out []string) {
	g := &w.s.Triggers
	if p.short > 0 {
		out = append(out, fmt.Sprintf("优先级应付未付%s元", money.Fen(p.short)))
	}
	if g.DefaultRate > 0 && float64(w.defaulted) > g.DefaultRate*float64(w.total) {
		out = append(out, fmt.Sprintf("累计违约率%.2f%%超过%.2f%%", float64(w.defaulted)/float64(w.total)*100, g.DefaultRate*100))
	}
	if g.PrincipalShort && w.senior() > 0 && f.close[p.t]+w.cash < w.senior() {
		out = append(out, "资产池本金与账户现金之和低于优先级未偿本金")
	}
	if got := f.interest[p.t] + f.principal[p.t] + f.recovery[p.t]; g.CollectionMiss > 0 && w.expected[p.t] > 0 && float64(got) < (1-g.CollectionMiss)*float64(w.expected[p.t]) {
		out = append(out, fmt.Sprintf("本期回款低于计划的%.0f%%", (1-g.CollectionMiss)*100))
	}
	return out
}

// Late is what came of dues of earlier periods.
func (c Collected) Late() money.Fen { return c.LatePrincipal + c.LateInterest }
