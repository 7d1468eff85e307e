package pool

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"zhijia/internal/fault"
	"zhijia/internal/money"
)

// Scenario is one deterministic path of the pool. Rates are of amounts: a
// default rate of x means that x of the initial principal is lost to default at
// the balance then outstanding: without a timing curve by the same share of the
// outstanding balance in every period (a constant CDR), with one as the curve
// says, no more than is outstanding. With the basis "contract" x is the share of contracts by initial principal; what is lost
// then is the balance still outstanding, so late defaults cost less.
type Scenario struct {
	Name     string    `json:"name,omitempty"`
	Default  float64   `json:"default"`          // lifetime default rate, share of initial principal
	Basis    string    `json:"basis,omitempty"`  // "amount" (also when empty) or "contract"
	Timing   []float64 `json:"timing,omitempty"` // share of the defaulted amount in each period; empty is a constant share of what is outstanding (by contract: even over the contractual life)
	Recovery float64   `json:"recovery"`         // of the defaulted principal
	Lag      int       `json:"lag_periods"`      // periods from default to recovery
	CPR      float64   `json:"cpr"`              // annual prepayment rate
	Yield    float64   `json:"revolving_yield"`  // of assets bought in the revolving period

	CDR     []float64      `json:"cdr,omitempty"`              // annual default rate of the balance outstanding, by period, the last one standing on; in place of default and timing
	CPRs    []float64      `json:"cpr_by_period,omitempty"`    // annual prepayment rate by period, the last one standing on; in place of cpr
	Named   map[string]int `json:"obligor_defaults,omitempty"` // obligor to the period, from 1, at whose start all it owes defaults, beside the rates
	Support bool           `json:"support,omitempty"`          // external supports perform; the reserve always does
}

// FrontLoaded puts every default at the start, before the first payment.
func FrontLoaded() []float64 { return []float64{1} }

// flows are what the pool pays in each period, in fen.
type flows struct {
	interest, principal, recovery []int64
	guarantee                     []int64
	open, close                   []int64 // performing principal
	defaulted                     []int64
	salvaged                      []int64 // what the defaults of the period will recover, whenever that arrives
}

func newFlows(periods int) *flows {
	b := make([]int64, 8*periods)
	cut := func(i int) []int64 { return b[i*periods : (i+1)*periods : (i+1)*periods] }
	return &flows{cut(0), cut(1), cut(2), cut(3), cut(4), cut(5), cut(6), cut(7)}
}

func (s *Scenario) check(periods int) error {
	ok := func(x float64) bool { return x >= 0 && x <= 1 }
	sum := 0.0
	for _, w := range s.Timing {
		if !ok(w) {
			return badScenario("timing", "timing shares must be between 0 and 1")
		}
		sum += w
	}
	switch {
	case !ok(s.Default) || !ok(s.Recovery) || !ok(s.CPR) || !ok(s.Yield):
		return badScenario("default", "default, recovery, prepayment and yield must be between 0 and 1")
	case len(s.Timing) > 0 && math.Abs(sum-1) > 1e-9:
		return badScenario("timing", "timing shares must sum to 1")
	case len(s.Timing) > periods:
		return badScenario("timing", "more timing shares than periods")
	case s.Lag < 0 || s.Lag > 120:
		return badScenario("lag_periods", "lag must be 0 to 120 periods")
	case s.Basis != "" && s.Basis != "amount" && s.Basis != "contract":
		return badScenario("basis", "basis must be amount or contract")
	case len(s.CDR) > 0 && (s.Default > 0 || len(s.Timing) > 0):
		return badScenario("cdr", "give cdr, or default and timing, not both")
	case len(s.CDR) > maxDues || len(s.CPRs) > maxDues:
		return badScenario("cdr", "more than 600 rates")
	}
	for _, x := range append(slices.Clone(s.CDR), s.CPRs...) {
		if !ok(x) {
			return badScenario("cdr", "annual rates must be between 0 and 1")
		}
	}
	for _, t := range s.Named {
		if t < 1 || t > periods {
			return badScenario("obligor_defaults", "an obligor defaults in a period of the deal, counted from 1")
		}
	}
	return nil
}

// at is the value of a vector for period t, the last one standing on.
func at(v []float64, t int) float64 { return v[min(t, len(v)-1)] }

func badScenario(field, en string) error {
	return fault.New(fault.Invalid, "pool.scenario", "情景参数无效，请检查 "+field+"。", en,
		fault.Field{Field: field, Code: "pool.scenario." + field, Zh: "取值超出范围", En: en})
}

// project runs the receivables through a scenario, period by period. All lose
// the same share of their performing balance in a period, but for the obligors
// named; every step is integer fen, so scheduled + prepaid + defaulted
// principal equals the pool exactly.
func (d *Deal) project(s Scenario, periods int) (*flows, error) {
	m := model{d: d, periods: periods, contracts: d.contracts(periods)}
	return m.project(s)
}

// model is a deal prepared for many scenarios: its schedules laid on the
// periods once, its waterfall built once. It is for one goroutine.
type model struct {
	d         *Deal
	periods   int
	contracts []contract
	w         *waterfall

	// What is outstanding without default, for the last prepayment rate and yield asked for.
	open       []int64
	openCPR    float64
	openYield  float64
	openListed bool

	stop func() error // nil: nobody stops it
}

// prepare checks the deal and lays out what every scenario of it needs. stop is
// asked before every scenario and ends the work with its error.
func (d *Deal) prepare(stop func() error) (*model, error) {
	if err := d.Check(); err != nil {
		return nil, err
	}
	if len(d.Structure.Tranches) < 2 {
		return nil, fault.New(fault.Invalid, "pool.tranches", "请先设置优先级与次级的规模。", "set a senior and a subordinated tranche first")
	}
	m := &model{d: d, periods: d.periods(), stop: stop}
	m.contracts = d.contracts(m.periods)
	var err error
	m.w, err = newWaterfall(d, m.periods)
	return m, err
}

// undefaulted is what is outstanding at the start of every period when nothing
// defaults.
func (m *model) undefaulted(s Scenario) ([]int64, error) {
	plain := len(s.CPRs) == 0 && len(s.Named) == 0
	if plain && m.openListed && m.openCPR == s.CPR && m.openYield == s.Yield {
		return m.open, nil
	}
	s.Default = 0
	f, err := m.project(s)
	if err != nil {
		return nil, err
	}
	if plain {
		m.open, m.openCPR, m.openYield, m.openListed = f.open, s.CPR, s.Yield, true
	}
	return f.open, nil
}

func (m *model) project(s Scenario) (*flows, error) {
	d, periods := m.d, m.periods
	if err := s.check(periods); err != nil {
		return nil, err
	}
	f := newFlows(periods)
	cs := slices.Clone(m.contracts)
	steady := int64(0) // the constant hazard that comes to the default rate
	if s.Default > 0 && len(s.Timing) == 0 && s.Basis != "contract" {
		open, err := m.undefaulted(s)
		if err != nil {
			return nil, err
		}
		steady = constantHazard(open, s.Default*float64(d.Total()))
	}
	owner := make([]string, len(cs))
	balance := make([]int64, len(cs), len(cs)+d.revolvingPeriods())
	life, total := 0, int64(0)
	for i := range cs {
		owner[i], balance[i] = d.Assets[i].Obligor, cs[i].open[0]
		total += balance[i]
		for t := range periods {
			if cs[i].open[t] > 0 {
				life = max(life, t+1)
			}
		}
	}
	for name := range s.Named {
		if !slices.Contains(owner, name) {
			return nil, badScenario("obligor_defaults", fmt.Sprintf("no obligor %.40q owes anything", name))
		}
	}
	timing := s.Timing
	if len(timing) == 0 {
		timing = make([]float64, life)
		for t := range timing {
			timing[t] = 1 / float64(life)
		}
	}
	years := float64(d.Structure.every()) / 12
	left := 1.0 // contracts not in default, for that basis
	first := 0  // the period in which a contract of the revolving plan begins
	var begins []int
	for t := range periods {
		open := int64(0)
		for i := range cs {
			if i < len(d.Assets) || begins[i-len(d.Assets)] <= t {
				open += balance[i]
			}
		}
		// hazard is the share of what still performs that defaults in t.
		hazard := int64(0)
		switch {
		case len(s.CDR) > 0:
			hazard = scaled(1 - math.Pow(1-at(s.CDR, t), years))
		case steady > 0:
			hazard = steady
		case t >= len(timing):
		case s.Basis == "contract":
			now := s.Default * timing[t]
			if left > 1e-15 {
				hazard = scaled(min(1, now/left))
			}
			left -= now
		case open > 0:
			hazard = scaled(min(1, s.Default*timing[t]*float64(total)/float64(open)))
		}
		smm := scaled(1 - math.Pow(1-s.CPR, years))
		if len(s.CPRs) > 0 {
			smm = scaled(1 - math.Pow(1-at(s.CPRs, t), years))
		}
		for i := range cs {
			if i >= len(d.Assets) && begins[i-len(d.Assets)] > t {
				continue
			}
			h := hazard
			if i < len(owner) {
				if n, named := s.Named[owner[i]]; named && n == t+1 {
					h = rateScale
				}
			}
			balance[i] = f.step(&cs[i], t, balance[i], h, smm)
		}
		if r := d.Structure.Revolving; r != nil && t < r.Periods {
			if spend := f.principal[t]; spend > 0 {
				f.principal[t] -= spend
				f.close[t] += spend
				first = t + 1
				cs = append(cs, revolvingAsset(spend, s.Yield*years, first, r.TermPeriods, periods))
				balance, begins = append(balance, spend), append(begins, first)
			}
		}
	}
	f.cleanUp(d.Structure.CleanUp, total)
	for t := range periods {
		if at := t + s.Lag; f.defaulted[t] > 0 {
			f.salvaged[t] = mulDiv(f.defaulted[t], scaled(s.Recovery), rateScale)
			f.recovery[min(at, periods-1)] += f.salvaged[t]
		}
	}
	return f, nil
}

// constantHazard is the share of the outstanding balance whose default in every
// period comes to the given amount in all: open is what is outstanding without
// default, and what is left of it after t periods is (1−h)^t of that.
func constantHazard(open []int64, amount float64) int64 {
	comes := func(h float64) float64 {
		sum, left := 0.0, 1.0
		for _, o := range open {
			sum += h * left * float64(o)
			left *= 1 - h
		}
		return sum
	}
	lo, hi := 0.0, 1.0
	for range 60 {
		if mid := (lo + hi) / 2; comes(mid) < amount {
			lo = mid
		} else {
			hi = mid
		}
	}
	return scaled(hi)
}

func (d *Deal) revolvingPeriods() int {
	if d.Structure.Revolving == nil {
		return 0
	}
	return d.Structure.Revolving.Periods
}

// step takes one receivable through period t and returns what still performs.
func (f *flows) step(c *contract, t int, balance, hazard, smm int64) int64 {
	if balance == 0 {
		return 0
	}
	f.open[t] += balance
	lost := mulDiv(balance, hazard, rateScale)
	balance -= lost
	f.defaulted[t] += lost
	if c.open[t] > 0 {
		f.interest[t] += mulDiv(balance, c.interest[t], c.open[t])
		paid := mulDiv(balance, c.principal[t], c.open[t])
		balance -= paid
		early := mulDiv(balance, smm, rateScale)
		balance -= early
		f.principal[t] += paid + early
	}
	f.close[t] += balance
	return balance
}

// run takes one receivable through all periods without a default.
func (f *flows) run(c *contract, smm int64) {
	balance := c.open[0]
	for t := range c.open {
		balance = f.step(c, t, balance, 0, smm)
	}
}

// cleanUp sells what performs, at par, in the first period at whose end it is
// at most a share of the initial principal.
func (f *flows) cleanUp(share float64, total int64) {
	if share == 0 {
		return
	}
	limit := mulDiv(total, scaled(share), rateScale)
	for t := range f.close {
		if f.close[t] == 0 || f.close[t] > limit {
			continue
		}
		f.principal[t] += f.close[t]
		f.close[t] = 0
		for u := t + 1; u < len(f.close); u++ {
			f.interest[u], f.principal[u], f.open[u], f.close[u], f.defaulted[u], f.salvaged[u] = 0, 0, 0, 0, 0, 0
		}
		return
	}
}

// revolvingAsset is what principal buys in the revolving period: equal
// principal over the term at the stated yield per period, bought at par.
func revolvingAsset(principal int64, yield float64, from, term, periods int) contract {
	c := contract{make([]int64, periods), make([]int64, periods), make([]int64, periods)}
	balance, n := principal, int64(max(1, term))
	for t := from; t < periods && balance > 0; t++ {
		c.open[t] = balance
		c.interest[t] = mulDiv(balance, scaled(yield), rateScale)
		c.principal[t] = min(balance, principal/n)
		if t == from+int(n)-1 || t == periods-1 {
			c.principal[t] = balance
		}
		balance -= c.principal[t]
	}
	return c
}

// CashFlow is the pool and every tranche through one scenario.
type CashFlow struct {
	Scenario Scenario       `json:"scenario"`
	Periods  []Period       `json:"periods"`
	Tranches []TrancheYield `json:"tranches"`
	Outcome  Outcome        `json:"outcome"`
	Totals   Ledger         `json:"totals"`
	Rates    Rates          `json:"rates"`
}

// Rates are what a path came to, each by amount, with the share of contracts
// beside the defaults.
type Rates struct {
	Defaulted money.Fen `json:"defaulted"`
	Default   float64   `json:"default_by_amount"`   // balance at default / initial principal
	Contracts float64   `json:"default_by_contract"` // contracts in default by initial principal, under the scenario's common rate
	Recovery  *float64  `json:"recovery_rate"`       // recovered / defaulted; null without default
	Loss      float64   `json:"loss_by_amount"`      // not recovered / initial principal
}

// TrancheYield is what one tranche earned.
type TrancheYield struct {
	Name      string    `json:"name"`
	Principal money.Fen `json:"principal"`
	Paid      money.Fen `json:"paid"`    // interest and principal together
	Loss      money.Fen `json:"loss"`    // principal and interest unpaid at the end
	WAL       *float64  `json:"wal"`     // weighted-average life of the principal received, years; null when none was
	Yield     *float64  `json:"yield"`   // annual effective internal rate of return; null when it does not exist
	PaidBy    int       `json:"paid_by"` // first period after which nothing is outstanding; -1 never
}

// CashFlow projects the deal through a scenario and its waterfall.
func (d *Deal) CashFlow(s Scenario) (CashFlow, error) {
	m, err := d.prepare(nil)
	if err != nil {
		return CashFlow{}, err
	}
	return m.cashFlow(s)
}

// run takes one scenario through the waterfall; rows, when not nil, get the
// periods. The outcome is the caller's until the next run.
func (m *model) run(s Scenario, rows *[]Period) (f *flows, out Outcome, err error) {
	if m.stop != nil {
		if err := m.stop(); err != nil {
			return nil, out, err
		}
	}
	if f, err = m.project(s); err != nil {
		return nil, out, err
	}
	alive := make([]int, len(m.d.Structure.Supports))
	for i := range alive {
		alive[i] = -1 // defaulted before the first period
		if s.Support {
			alive[i] = math.MaxInt
		}
	}
	if s.Support {
		m.w.guarantee(f, alive)
	}
	trigger := m.w.trigger(f)
	return f, m.w.run(f, trigger, true, alive, rows), nil // the reserve is the deal's own
}

// pays reports whether the first class is paid in full and on time.
func (m *model) pays(s Scenario) (bool, Rates, error) {
	f, out, err := m.run(s, nil)
	if err != nil {
		return false, Rates{}, err
	}
	return out.OnTime && out.Loss[0] == 0, f.rates(int64(m.d.Total())), nil
}

func (m *model) cashFlow(s Scenario) (CashFlow, error) {
	d := m.d
	rows := make([]Period, 0, m.periods)
	f, out, err := m.run(s, &rows)
	if err != nil {
		return CashFlow{}, err
	}
	out.Loss = slices.Clone(out.Loss)
	cf := CashFlow{Scenario: s, Periods: rows, Outcome: out}
	for t := range rows {
		rows[t].Date = d.PayDate(t)
		cf.Totals.add(rows[t].Ledger)
	}
	cf.Rates = f.rates(int64(d.Total()))
	every := float64(d.Structure.every()) / 12
	for k, tr := range d.Structure.Tranches {
		cf.Tranches = append(cf.Tranches, trancheYield(tr, k, rows, out, every))
	}
	return cf, nil
}

func (f *flows) rates(total int64) (r Rates) {
	left, recovered := 1.0, int64(0)
	for t, lost := range f.defaulted {
		r.Defaulted += money.Fen(lost)
		recovered += f.recovery[t]
		if f.open[t] > 0 {
			left *= 1 - float64(lost)/float64(f.open[t])
		}
	}
	if total > 0 {
		r.Default, r.Contracts = float64(r.Defaulted)/float64(total), 1-left
		r.Loss = float64(int64(r.Defaulted)-recovered) / float64(total)
	}
	if r.Defaulted > 0 {
		x := float64(recovered) / float64(r.Defaulted)
		r.Recovery = &x
	}
	return r
}

func trancheYield(tr Tranche, k int, rows []Period, out Outcome, years float64) TrancheYield {
	y := TrancheYield{Name: tr.Name, Principal: tr.Principal, Loss: out.Loss[k], PaidBy: -1}
	var weighted, principal float64
	paid := make([]float64, len(rows))
	for t, r := range rows {
		y.Paid += r.TrancheInterest[k] + r.TranchePrincipal[k]
		paid[t] = float64(r.TrancheInterest[k] + r.TranchePrincipal[k])
		weighted += float64(r.TranchePrincipal[k]) * float64(t+1) * years
		principal += float64(r.TranchePrincipal[k])
		if y.PaidBy < 0 && r.TrancheBalance[k] == 0 {
			y.PaidBy = t
		}
	}
	if principal > 0 {
		v := weighted / principal
		y.WAL = &v
	}
	if irr, err := internalRate(float64(tr.Principal), paid, years); err == nil {
		y.Yield = &irr
	}
	return y
}

var errNoRate = errors.New("no internal rate of return")

// internalRate solves price = Σ paid_t/(1+y)^(t·years) by bisection on
// (−99.99%, 10,000%), annual effective, to 1e-12.
func internalRate(price float64, paid []float64, years float64) (float64, error) {
	if price <= 0 || slices.Max(append(paid, 0)) <= 0 {
		return 0, errNoRate
	}
	npv := func(y float64) float64 {
		v := -price
		for t, p := range paid {
			v += p * math.Pow(1+y, -float64(t+1)*years)
		}
		return v
	}
	lo, hi := -0.9999, 100.0
	if npv(lo) < 0 || npv(hi) > 0 {
		return 0, errNoRate
	}
	for range 200 {
		mid := (lo + hi) / 2
		if npv(mid) > 0 {
			lo = mid
		} else {
			hi = mid
		}
	}
	return (lo + hi) / 2, nil
}
