package pool

import (
	"fmt"
	"math"
	"slices"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/money"
)

// withSenior returns a copy of the deal whose first tranche has the given
// principal; the subordinated tranche takes up the difference, so the issue
// keeps its size.
func (d *Deal) withSenior(senior money.Fen) Deal {
	c := *d
	c.Structure.Tranches = slices.Clone(d.Structure.Tranches)
	t := c.Structure.Tranches
	sub := &t[len(t)-1]
	sub.Principal = max(0, sub.Principal+t[0].Principal-senior)
	t[0].Principal = senior
	return c
}

// issue has the model pay the classes of another tranching of the same deal.
func (m *model) issue(d *Deal) {
	m.d = d
	m.w.s = &d.Structure
	for k, t := range d.Structure.Tranches {
		m.w.initial[k] = int64(t.Principal)
	}
}

// BreakEven is the highest lifetime default rate at which the senior notes are
// paid in full and on time, other scenario parameters held.
type BreakEven struct {
	Amount    float64 `json:"break_even"`             // defaulted balance / initial principal; negative when senior is not paid even without default
	Contracts float64 `json:"break_even_by_contract"` // the same path by contract: share of contracts by initial principal
	Reached   bool    `json:"break_even_reached"`     // false: senior is paid at the most that can default with this timing, which is what the rates say
}

// Zh is the rate as a reader must take it: a timing under which senior cannot
// be broken shows no rate but the most that was tried.
func (b BreakEven) Zh() string {
	switch {
	case b.Amount < 0:
		return "无违约时亦不能按期足额偿付"
	case !b.Reached:
		return fmt.Sprintf("未触及（该时点分布下最多违约%.2f%%，优先级仍获足额偿付）", b.Amount*100)
	}
	if b.Contracts > 0.99995 {
		return fmt.Sprintf("%.2f%%（按金额；届时存续的合同全部违约）", b.Amount*100)
	}
	return fmt.Sprintf("%.2f%%（按金额；按合同数口径%.2f%%）", b.Amount*100, b.Contracts*100)
}

// BreakEven finds the break-even default rate (BDR) by bisection to 1e-9, on
// the basis of the scenario, and tells it by amount and by contract.
func (d *Deal) BreakEven(s Scenario) (BreakEven, error) {
	m, err := d.prepare(nil)
	if err != nil {
		return BreakEven{}, err
	}
	return m.breakEven(s)
}

func (m *model) breakEven(s Scenario) (BreakEven, error) {
	s.CDR = nil
	pays := func(rate float64) (bool, Rates, error) {
		s.Default = rate
		return m.pays(s)
	}
	if ok, _, err := pays(0); err != nil || !ok {
		return BreakEven{-1, -1, true}, err
	}
	if ok, r, err := pays(1); err != nil || ok {
		return BreakEven{r.Default, r.Contracts, false}, err
	}
	lo, hi := 0.0, 1.0
	var best Rates
	for hi-lo > 1e-9 {
		mid := (lo + hi) / 2
		ok, r, err := pays(mid)
		if err != nil {
			return BreakEven{}, err
		}
		if ok {
			lo, best = mid, r
		} else {
			hi = mid
		}
	}
	return BreakEven{best.Default, best.Contracts, true}, nil
}

// Size is a proposed tranching and how it was reached.
type Size struct {
	Senior       money.Fen `json:"senior"`
	Subordinated money.Fen `json:"subordinated"`
	SeniorShare  float64   `json:"senior_share"`
	Target       string    `json:"target"`       // the binding target in words of the request
	MinCoverage  *float64  `json:"min_coverage"` // lowest period coverage at that size
	BreakEven
	Basis     string   `json:"basis"`               // of the default rates: amount or contract
	Retention *float64 `json:"retention,omitempty"` // least subordinated share kept for risk retention; null where the rule does not bind
	Bound     string   `json:"bound_by"`            // what stops a larger senior class: "target", "retention" or "issue"
	BoundZh   string   `json:"bound_by_zh,omitempty"`
}

// SizeTarget is what the senior notes must withstand. At least one is set.
type SizeTarget struct {
	Scenario  Scenario  `json:"scenario"`   // in which senior must be paid in full and on time
	Coverage  float64   `json:"coverage"`   // least coverage of every period with a senior due; 0 is none
	BreakEven float64   `json:"break_even"` // least break-even default rate (SDR of the target); 0 is none
	Source    string    `json:"source"`     // where the target default rate comes from
	Step      money.Fen `json:"step"`       // senior is a multiple of this; default 10,000 yuan
}

// SizeSenior finds the largest senior tranche that meets the target, the
// issue size held and the rest subordinated.
func (d *Deal) SizeSenior(target SizeTarget) (Size, error) { return d.SizeSeniorUntil(target, nil) }

// SizeSeniorUntil is [Deal.SizeSenior] that ends with the error of stop, which
// is asked before every scenario.
func (d *Deal) SizeSeniorUntil(target SizeTarget, stop func() error) (Size, error) {
	m, err := d.prepare(stop)
	if err != nil {
		return Size{}, err
	}
	if !(target.Coverage >= 0 && target.Coverage <= 1000) || !(target.BreakEven >= 0 && target.BreakEven < 1) {
		return Size{}, badScenario("coverage", "the coverage asked for must be 0 to 1000 and the default rate to withstand 0 to 1")
	}
	if target.Step <= 0 {
		target.Step = money.Fen(10_000 * money.Yuan)
	}
	meets := func(senior money.Fen) (bool, *float64, error) {
		c := d.withSenior(senior)
		m.issue(&c)
		cf, err := m.cashFlow(target.Scenario)
		if err != nil {
			return false, nil, err
		}
		low := cf.MinCoverage()
		if !cf.Outcome.OnTime || cf.Outcome.Loss[0] > 0 || target.Coverage > 0 && low != nil && *low < target.Coverage {
			return false, low, nil
		}
		if target.BreakEven > 0 {
			s := target.Scenario
			s.Default = target.BreakEven
			ok, _, err := m.pays(s)
			return ok, low, err
		}
		return true, low, nil
	}
	t := d.Structure.Tranches
	var issue money.Fen
	for _, x := range t {
		issue += x.Principal
	}
	most := t[0].Principal + t[len(t)-1].Principal
	bound, boundZh := "issue", "发行规模"
	retention, binds := d.leastSubordinated()
	if keep := issue.MulRate(retention); binds && keep > 0 && most > 0 {
		most, bound, boundZh = max(0, most-keep), "retention", fmt.Sprintf("风险自留：次级不低于%.0f%%", retention*100)
	}
	lo, hi := int64(0), int64(most/target.Step)
	top := hi
	for lo < hi {
		mid := (lo + hi + 1) / 2
		ok, _, err := meets(money.Fen(mid) * target.Step)
		if err != nil {
			return Size{}, err
		}
		if ok {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	if lo == 0 {
		return Size{}, fault.New(fault.Invalid, "pool.size.none", "在该目标下无法发行优先级证券。", "no senior tranche meets the target")
	}
	c := d.withSenior(money.Fen(lo) * target.Step)
	_, low, err := meets(money.Fen(lo) * target.Step)
	if err != nil {
		return Size{}, err
	}
	bdr, err := m.breakEven(target.Scenario)
	if err != nil {
		return Size{}, err
	}
	if lo < top {
		bound, boundZh = "target", "目标情景"
	}
	basis := target.Scenario.Basis
	if basis == "" {
		basis = "amount"
	}
	tr := c.Structure.Tranches
	out := Size{
		Senior: tr[0].Principal, Subordinated: tr[len(tr)-1].Principal,
		SeniorShare: float64(tr[0].Principal) / float64(tr[0].Principal+tr[len(tr)-1].Principal),
		Target:      fmt.Sprintf("coverage>=%g, default rate>=%g", target.Coverage, target.BreakEven),
		MinCoverage: low, BreakEven: bdr, Basis: basis, Bound: bound, BoundZh: boundZh,
	}
	if binds {
		out.Retention = &retention
	}
	return out, nil
}

// leastSubordinated is the share of the issue that must stay subordinated for
// the originator's risk retention; false where the rule does not apply to the
// class or is waived on evidence.
func (d *Deal) leastSubordinated() (float64, bool) {
	for _, r := range Rules().Rules {
		if r.ID != "risk_retention" || !slices.Contains(r.Classes, d.Class) {
			continue
		}
		res := Result{Rule: r.ID, Answer: Fail}
		d.waive(&res)
		return r.Limit, res.Answer != Waived
	}
	return 0, false
}

// MinCoverage is the lowest coverage of the periods in which something was due
// to the senior notes; nil when none was.
func (c CashFlow) MinCoverage() *float64 {
	var low *float64
	for _, p := range c.Periods {
		if p.Coverage != nil && p.SeniorDue > 0 && (low == nil || *p.Coverage < *low) {
			v := *p.Coverage
			low = &v
		}
	}
	return low
}

func (c CashFlow) covers() (out []Cover) {
	for _, p := range c.Periods {
		if p.SeniorDue > 0 {
			out = append(out, Cover{p.Date, p.Coverage})
		}
	}
	return out
}

// StressGrid asks for every combination of its axes.
type StressGrid struct {
	Default  []float64            `json:"default"`
	Recovery []float64            `json:"recovery"`
	Timing   map[string][]float64 `json:"timing"` // named timing curves; empty runs "even", "front" and "back"
	Yield    []float64            `json:"yield"`  // of revolving purchases; ignored without a revolving period
	Lag      int                  `json:"lag_periods"`
	CPR      float64              `json:"cpr"`
	Basis    string               `json:"basis,omitempty"` // of the default rates: "amount" (also when empty) or "contract"
}

// IllustrativeGrid is the default grid: no verified statistics of Chinese
// pledge pools exist, so it is labelled illustrative wherever it is shown.
func IllustrativeGrid() StressGrid {
	return StressGrid{Default: []float64{0.03, 0.05, 0.08, 0.12}, Recovery: []float64{0, 0.15, 0.30, 0.50}}
}

// StressCell is one cell of the grid.
type StressCell struct {
	Default     float64   `json:"default"`
	Recovery    float64   `json:"recovery"`
	Timing      string    `json:"timing"`
	Yield       float64   `json:"yield"`
	Rates       Rates     `json:"rates"` // what defaulted in the cell, by amount and by contract
	Periods     []Cover   `json:"coverage"`
	SeniorLoss  money.Fen `json:"senior_loss"`
	SubReceived money.Fen `json:"sub_received"`
	SubLoss     money.Fen `json:"sub_loss"`
	OnTime      bool      `json:"on_time"`
	MinCoverage *float64  `json:"min_coverage"`
	WithSupport money.Fen `json:"senior_loss_with_support"`
}

// Cover is the coverage of one payment date in a stress cell (指引第2号 2.2.6).
type Cover struct {
	Date     calendar.Date `json:"date"`
	Coverage *float64      `json:"coverage"` // null when nothing is due
}

// StressReport is the grid with, for every timing, recovery and yield, the
// break-even default rate.
type StressReport struct {
	Label     string          `json:"label"`
	Basis     string          `json:"basis"` // of the default rates: amount or contract
	Cells     []StressCell    `json:"cells"`
	BreakEven []BreakEvenCell `json:"break_even"`
}

// BreakEvenCell is the break-even default rate of one row of the grid.
type BreakEvenCell struct {
	Recovery float64 `json:"recovery"`
	Timing   string  `json:"timing"`
	Yield    float64 `json:"yield"`
	BreakEven
}

// maxCells bounds a stress grid.
const maxCells = 2000

// StressPlan is a grid ready to be worked row by row; a row has one timing,
// recovery and yield, all default rates, and its break-even.
type StressPlan struct {
	grid  StressGrid
	label string
	names []string
	model *model
}

// StressRow is the outcome of one row.
type StressRow struct {
	Cells     []StressCell  `json:"cells"`
	BreakEven BreakEvenCell `json:"break_even"`
}

// PlanStress fills what a grid leaves open and refuses one that is too large.
// stop is asked before every scenario and ends the work with its error; nil
// never does.
func (d *Deal) PlanStress(g StressGrid, stop func() error) (*StressPlan, error) {
	p := &StressPlan{label: "自定义压力情景（参数由使用者提供）"}
	if len(g.Default) == 0 && len(g.Recovery) == 0 {
		i := IllustrativeGrid()
		g.Default, g.Recovery = i.Default, i.Recovery
		p.label = "示例压力情景：无经核实的违约与回收统计，不代表预测"
	}
	if len(g.Default) == 0 || len(g.Recovery) == 0 {
		return nil, badScenario("default", "give both default rates and recoveries, or neither")
	}
	if len(g.Yield) == 0 || d.Structure.Revolving == nil {
		g.Yield = []float64{0}
		if r := d.Structure.Revolving; r != nil {
			g.Yield = []float64{r.Yield, r.Yield / 2}
		}
	}
	var err error
	if p.model, err = d.prepare(stop); err != nil {
		return nil, err
	}
	if len(g.Timing) == 0 {
		life := d.lifePeriods()
		g.Timing = map[string][]float64{"even": nil, "front": curve(life, true), "back": curve(life, false)}
	}
	if cells := len(g.Default) * len(g.Recovery) * len(g.Yield) * len(g.Timing); cells > maxCells {
		return nil, fault.New(fault.Invalid, "pool.stress.size", fmt.Sprintf("压力情景组合%d个，上限2000个，请减少违约率、回收率、时点或收益率的取值。", cells), fmt.Sprintf("%d stress cells; at most 2000: give fewer default rates, recoveries, timings or yields", cells))
	}
	for name := range g.Timing {
		p.names = append(p.names, name)
	}
	slices.Sort(p.names)
	p.grid = g
	return p, nil
}

// Rows is how many rows there are.
func (p *StressPlan) Rows() int { return len(p.grid.Yield) * len(p.names) * len(p.grid.Recovery) }

// Row works out one row.
func (p *StressPlan) Row(i int) (r StressRow, err error) {
	g, recoveries := &p.grid, len(p.grid.Recovery)
	rec, name, y := g.Recovery[i%recoveries], p.names[i/recoveries%len(p.names)], g.Yield[i/recoveries/len(p.names)]
	s := Scenario{Basis: g.Basis, Timing: g.Timing[name], Recovery: rec, Lag: g.Lag, CPR: g.CPR, Yield: y}
	for _, def := range g.Default {
		s.Default = def
		cf, err := p.model.cashFlow(s)
		if err != nil {
			return r, err
		}
		sup := s
		sup.Support = true
		_, with, err := p.model.run(sup, nil)
		if err != nil {
			return r, err
		}
		last := cf.Tranches[len(cf.Tranches)-1]
		r.Cells = append(r.Cells, StressCell{
			Default: def, Recovery: rec, Timing: name, Yield: y, Rates: cf.Rates, Periods: cf.covers(),
			SeniorLoss: cf.Outcome.Loss[0], SubReceived: last.Paid, SubLoss: last.Loss,
			OnTime: cf.Outcome.OnTime, MinCoverage: cf.MinCoverage(), WithSupport: with.Loss[0],
		})
	}
	bdr, err := p.model.breakEven(s)
	r.BreakEven = BreakEvenCell{rec, name, y, bdr}
	return r, err
}

// Report puts the rows together, in their order.
func (p *StressPlan) Report(rows []StressRow) StressReport {
	rep := StressReport{Label: p.label, Basis: "amount"}
	if p.grid.Basis != "" {
		rep.Basis = p.grid.Basis
	}
	for _, r := range rows {
		rep.Cells = append(rep.Cells, r.Cells...)
		rep.BreakEven = append(rep.BreakEven, r.BreakEven)
	}
	return rep
}

// Stress runs the whole grid.
func (d *Deal) Stress(g StressGrid) (StressReport, error) { return d.StressUntil(g, nil) }

// StressUntil is [Deal.Stress] that ends with the error of stop.
func (d *Deal) StressUntil(g StressGrid, stop func() error) (StressReport, error) {
	p, err := d.PlanStress(g, stop)
	if err != nil {
		return StressReport{}, err
	}
	rows := make([]StressRow, p.Rows())
	for i := range rows {
		if rows[i], err = p.Row(i); err != nil {
			return StressReport{}, err
		}
	}
	return p.Report(rows), nil
}

// lifePeriods is the number of periods to the last contractual due.
func (d *Deal) lifePeriods() int {
	n := 1
	for i := range d.Assets {
		dues := d.Assets[i].Dues(d.CutOff)
		n = max(n, d.periodOf(dues[len(dues)-1].Date)+1)
	}
	return n
}

// curve puts the defaults in the first or the last third of the life.
func curve(life int, front bool) []float64 {
	n := max(1, int(math.Ceil(float64(life)/3)))
	c := make([]float64, life)
	for i := range n {
		at := i
		if !front {
			at = life - n + i
		}
		c[at] = 1 / float64(n)
	}
	return c
}
