package pool

import (
	"errors"
	"math"
	"slices"

	"zhijia/internal/fault"
	"zhijia/internal/money"
)

// Scenario is one deterministic path of the pool. A default rate of x means
// that contracts with x of the initial principal default at some time; what is
// lost then is the balance still outstanding, so late defaults cost less.
type Scenario struct {
	Name     string    `json:"name,omitempty"`
	Default  float64   `json:"default"`           // lifetime default rate, share of initial principal
	Timing   []float64 `json:"timing,omitempty"`  // share of the defaults in each period; empty is even over the contractual life
	Recovery float64   `json:"recovery"`          // of the defaulted principal
	Lag      int       `json:"lag_periods"`       // periods from default to recovery
	CPR      float64   `json:"cpr"`               // annual prepayment rate
	Yield    float64   `json:"revolving_yield"`   // of assets bought in the revolving period
	Support  bool      `json:"support,omitempty"` // external supports perform; the reserve always does
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
	}
	return nil
}

func badScenario(field, en string) error {
	return fault.New(fault.Invalid, "pool.scenario", "情景参数无效，请检查 "+field+"。", en,
		fault.Field{Field: field, Code: "pool.scenario." + field, Zh: "取值超出范围", En: en})
}

// project runs the receivables through a scenario. Each receivable loses the
// same share of its performing balance in a period; every step is integer
// fen, so scheduled + prepaid + defaulted principal equals the pool exactly.
func (d *Deal) project(s Scenario, periods int) (*flows, error) {
	if err := s.check(periods); err != nil {
		return nil, err
	}
	f := newFlows(periods)
	cs := d.contracts(periods)
	life := 0
	for i := range cs {
		for t := range periods {
			if cs[i].open[t] > 0 {
				life = max(life, t+1)
			}
		}
	}
	timing := s.Timing
	if len(timing) == 0 {
		timing = make([]float64, life)
		for t := range timing {
			timing[t] = 1 / float64(life)
		}
	}
	// hazard[t] is the share of what still performs that defaults in t.
	hazard := make([]int64, periods)
	left := 1.0
	for t := range timing {
		now := s.Default * timing[t]
		if left > 1e-15 {
			hazard[t] = scaled(min(1, now/left))
		}
		left -= now
	}
	smm := scaled(1 - math.Pow(1-s.CPR, float64(d.Structure.every())/12))
	var bought []contract // by the revolving plan, one per period
	for i := range cs {
		f.run(&cs[i], 0, hazard, smm)
	}
	if r := d.Structure.Revolving; r != nil {
		for t := 0; t < r.Periods && t < periods; t++ {
			spend := f.principal[t]
			if spend == 0 {
				continue
			}
			f.principal[t] -= spend
			f.close[t] += spend
			bought = append(bought, revolvingAsset(spend, s.Yield*float64(d.Structure.every())/12, t+1, r.TermPeriods, periods))
			f.run(&bought[len(bought)-1], t+1, hazard, smm)
		}
	}
	for t := range periods {
		if at := t + s.Lag; f.defaulted[t] > 0 {
			f.salvaged[t] = mulDiv(f.defaulted[t], scaled(s.Recovery), rateScale)
			f.recovery[min(at, periods-1)] += f.salvaged[t]
		}
	}
	return f, nil
}

// run adds one receivable from period `from` on.
func (f *flows) run(c *contract, from int, hazard []int64, smm int64) {
	if from >= len(c.open) {
		return
	}
	balance := c.open[from]
	for t := from; t < len(c.open) && balance > 0; t++ {
		f.open[t] += balance
		lost := mulDiv(balance, hazard[t], rateScale)
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
	if err := d.Check(); err != nil {
		return CashFlow{}, err
	}
	if len(d.Structure.Tranches) < 2 {
		return CashFlow{}, fault.New(fault.Invalid, "pool.tranches", "请先设置优先级与次级的规模。", "set a senior and a subordinated tranche first")
	}
	periods := d.periods()
	f, err := d.project(s, periods)
	if err != nil {
		return CashFlow{}, err
	}
	w, err := newWaterfall(d, periods)
	if err != nil {
		return CashFlow{}, err
	}
	alive := make([]int, len(d.Structure.Supports))
	for i := range alive {
		alive[i] = -1 // defaulted before the first period
		if s.Support {
			alive[i] = math.MaxInt
		}
	}
	if s.Support {
		w.guarantee(f, alive)
	}
	trigger := w.trigger(f)
	rows := make([]Period, 0, periods)
	out := w.run(f, trigger, true, alive, &rows) // the reserve is the deal's own
	cf := CashFlow{Scenario: s, Periods: rows, Outcome: out}
	for t := range rows {
		rows[t].Date = d.PayDate(t)
		cf.Totals.add(rows[t].Ledger)
	}
	every := float64(d.Structure.every()) / 12
	for k, tr := range d.Structure.Tranches {
		cf.Tranches = append(cf.Tranches, trancheYield(tr, k, rows, out, every))
	}
	return cf, nil
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
