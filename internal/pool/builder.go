package pool

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"zhijia/internal/fault"
	"zhijia/internal/money"
)

// BuildLimits are the limits a chosen pool must keep. Zero values take the
// rule set's thresholds for the deal's class, or none where it has none.
type BuildLimits struct {
	Objective    string    `json:"objective"` // "value": Σ IP value at point; "coverage": IP value at the lower bound / principal
	MaxPrincipal money.Fen `json:"max_principal"`
	MinPrincipal money.Fen `json:"min_principal"`
	MinObligors  int       `json:"min_obligors"`
	MaxSingle    float64   `json:"max_single"`
	MaxTop5      float64   `json:"max_top5"`
	MinIPShare   float64   `json:"min_ip_share"` // of principal
}

// Chosen is one asset of the built pool.
type Chosen struct {
	Asset    string  `json:"asset"`
	Marginal float64 `json:"marginal"` // fall of the objective without it
}

// Built is the outcome of the builder.
type Built struct {
	Objective string      `json:"objective"`
	Value     float64     `json:"value"` // yuan, or a ratio for coverage
	Bound     float64     `json:"bound"` // no feasible pool exceeds this
	Gap       float64     `json:"gap"`   // (bound − value)/bound
	Exact     bool        `json:"exact"` // proved optimal
	Principal money.Fen   `json:"principal"`
	Obligors  int         `json:"obligors"`
	Chosen    []Chosen    `json:"chosen"`
	Left      []LeftOut   `json:"left_out"`
	Binding   []string    `json:"binding"`
	Marginals string      `json:"marginals"` // how the marginal values were computed
	Limits    BuildLimits `json:"limits"`
	Deal      *Deal       `json:"-"`
}

// LeftOut is one candidate not chosen, and why.
type LeftOut struct {
	Asset  string `json:"asset"`
	Reason Reason `json:"reason"`
}

// Work limits of the search: nodes of the main problem, and the size up to
// which marginals and binding limits are found by solving again.
const (
	buildNodes   = 2_000_000
	resolveNodes = 200_000
	resolveSize  = 24
)

// Build chooses among the deal's assets. Ineligible assets are left out with
// the reason; a family of patents counts once, with its best member; excluded
// patents count nothing. Branch and bound proves the optimum or, when it runs
// out of nodes, reports the best pool found and a bound on what it missed.
func (d *Deal) Build(limits BuildLimits) (Built, error) { return d.BuildUntil(limits, nil) }

// BuildUntil is [Deal.Build] that ends with the error of stop, which is asked
// every few nodes of the search.
func (d *Deal) BuildUntil(limits BuildLimits, stop func() error) (Built, error) {
	if err := d.Check(); err != nil {
		return Built{}, err
	}
	if err := limits.check(); err != nil {
		return Built{}, err
	}
	p, left := d.problem(&limits)
	var stopped error
	p.stop, p.stopped = stop, &stopped
	out := Built{Objective: limits.Objective, Limits: limits, Left: left}
	best, exact, bound := p.optimum(buildNodes)
	if stopped != nil {
		return Built{}, stopped
	}
	if best == nil {
		return Built{}, fault.New(fault.Invalid, "pool.build.infeasible", "在给定限制下没有可行的资产组合。", "no set of assets keeps the limits")
	}
	out.Value, out.Bound, out.Exact = p.objective(best), bound, exact
	if exact {
		out.Bound = out.Value
	}
	if out.Bound > 0 {
		out.Gap = max(0, (out.Bound-out.Value)/out.Bound)
	}
	small := exact && len(p.items) <= resolveSize
	out.Marginals = "目标值在剔除该资产后的变化（其余不变）"
	if small {
		out.Marginals = "剔除该资产后重新求最优的变化"
	}
	chosen := *d
	chosen.Assets = nil
	groups := map[int]bool{}
	for i, in := range best {
		it := &p.items[i]
		if !in {
			out.Left = append(out.Left, LeftOut{it.asset.ID, Reason{"build.not_chosen", "在限制下未被选入"}})
			continue
		}
		out.Principal += it.asset.Principal
		groups[it.group] = true
		chosen.Assets = append(chosen.Assets, it.asset)
		out.Chosen = append(out.Chosen, Chosen{it.asset.ID, p.marginal(best, i, out.Value, small)})
	}
	slices.SortFunc(out.Chosen, func(a, b Chosen) int { return cmp.Compare(a.Asset, b.Asset) })
	slices.SortFunc(out.Left, func(a, b LeftOut) int { return cmp.Compare(a.Asset, b.Asset) })
	out.Obligors = len(groups)
	out.Binding = p.binding(best, out.Value, small)
	out.Deal = chosen.withPatentsOfAssets()
	return out, stopped
}

func (l *BuildLimits) check() error {
	share := func(x float64) bool { return x >= 0 && x <= 1 }
	if l.Objective != "" && l.Objective != "value" && l.Objective != "coverage" {
		return badScenario("objective", "objective must be value or coverage")
	}
	if l.MaxPrincipal < 0 || l.MinPrincipal < 0 || l.MinObligors < 0 || !share(l.MaxSingle) || !share(l.MaxTop5) || !share(l.MinIPShare) {
		return badScenario("limits", "amounts and counts must not be negative, shares must be between 0 and 1")
	}
	return nil
}

// withPatentsOfAssets keeps the obligors and patents the assets refer to.
func (d Deal) withPatentsOfAssets() *Deal {
	used, owes := map[string]bool{}, map[string]bool{}
	for _, a := range d.Assets {
		owes[a.Obligor] = true
		for _, n := range a.Patents {
			used[n] = true
		}
	}
	d.Patents = slices.DeleteFunc(slices.Clone(d.Patents), func(x IP) bool { return !used[x.Number] })
	d.Obligors = slices.DeleteFunc(slices.Clone(d.Obligors), func(o Obligor) bool { return !owes[o.ID] })
	return &d
}

type buildItem struct {
	asset  Asset
	group  int
	worth  []familyWorth // families (or single patents) the asset brings
	single float64       // its worth alone
	ip     bool
}

type familyWorth struct {
	family int
	value  float64
}

// problem is the choice with its limits, items in order of density.
type problem struct {
	items    []buildItem
	families int
	groups   int
	limits   BuildLimits
	lambda   float64 // price per fen of principal, for the ratio objective
	off      int     // an item barred from the set, −1 none

	stop    func() error
	stopped *error // what stop said; the search then runs out of nodes
}

func (d *Deal) problem(limits *BuildLimits) (*problem, []LeftOut) {
	if limits.Objective != "coverage" {
		limits.Objective = "value"
	}
	for _, r := range Rules().Rules {
		if !slices.Contains(r.Classes, d.Class) {
			continue
		}
		switch r.ID {
		case "obligor_count":
			if limits.MinObligors == 0 {
				limits.MinObligors = int(r.Limit)
			}
		case "single_obligor":
			if limits.MaxSingle == 0 {
				limits.MaxSingle = r.Limit
			}
		case "lease_top5":
			if limits.MaxTop5 == 0 {
				limits.MaxTop5 = r.Limit
			}
		case "ip_label":
			if limits.MinIPShare == 0 {
				limits.MinIPShare = r.Limit
			}
		}
	}
	if limits.MaxPrincipal == 0 {
		limits.MaxPrincipal = d.Total()
	}
	p := &problem{limits: *limits, off: -1}
	var left []LeftOut
	families, groups := map[string]int{}, map[string]int{}
	byNumber := map[string]*IP{}
	for i := range d.Patents {
		if _, out := d.Patents[i].exclusion(); !out {
			byNumber[d.Patents[i].Number] = &d.Patents[i]
		}
	}
	assets := slices.Clone(d.Assets)
	slices.SortFunc(assets, func(a, b Asset) int { return cmp.Compare(a.ID, b.ID) })
	for _, a := range assets {
		o, _ := d.obligor(a.Obligor)
		if why, bad := unfit(&a, &o); bad {
			left = append(left, LeftOut{a.ID, why})
			continue
		}
		it := buildItem{asset: a, ip: a.IPFormed == Yes}
		g, ok := groups[o.group()]
		if !ok {
			g = len(groups)
			groups[o.group()] = g
		}
		it.group = g
		best := map[int]float64{}
		for _, n := range a.Patents {
			x := byNumber[n]
			if x == nil || x.Value == nil {
				continue
			}
			v := x.Value.Point
			if limits.Objective == "coverage" {
				v = x.Value.Low
			}
			key := "f:" + x.Family
			if x.Family == "" {
				key = "n:" + x.Number
			}
			f, ok := families[key]
			if !ok {
				f = len(families)
				families[key] = f
			}
			best[f] = max(best[f], v)
		}
		for f, v := range best {
			it.worth = append(it.worth, familyWorth{f, v})
			it.single += v
		}
		slices.SortFunc(it.worth, func(a, b familyWorth) int { return cmp.Compare(a.family, b.family) })
		it.single = 0
		for _, w := range it.worth { // in a fixed order: sums must not depend on map order
			it.single += w.value
		}
		p.items = append(p.items, it)
	}
	p.families, p.groups = len(families), len(groups)
	slices.SortStableFunc(p.items, func(a, b buildItem) int {
		return cmp.Or(cmp.Compare(b.single*float64(a.asset.Principal), a.single*float64(b.asset.Principal)), cmp.Compare(a.asset.ID, b.asset.ID))
	})
	return p, left
}

// unfit says why an asset may not enter a pool.
func unfit(a *Asset, o *Obligor) (Reason, bool) {
	var why []string
	for _, c := range []struct {
		ok bool
		zh string
	}{
		{a.Performed == Yes, "履约未确认"},
		{a.NoDefence == Yes, "抗辩抵销未排除"},
		{a.Overdue != nil && *a.Overdue == 0, "逾期或未知"},
		{a.Whole == Yes, "合同未整笔入池"},
		{o.BadRecord == No, "债务人不良记录未排除"},
		{o.Dishonest == No, "债务人失信未排除"},
	} {
		if !c.ok {
			why = append(why, c.zh)
		}
	}
	return Reason{"build.ineligible", strings.Join(why, "、")}, len(why) > 0
}

// objective of a set: worth with every family counted once at its best, for
// coverage divided by the principal.
func (p *problem) objective(in []bool) float64 {
	v, principal := p.worth(in), money.Fen(0)
	for i, x := range in {
		if x {
			principal += p.items[i].asset.Principal
		}
	}
	if p.limits.Objective == "coverage" {
		if principal == 0 {
			return 0
		}
		return v / principal.Yuan()
	}
	return v
}

func (p *problem) worth(in []bool) float64 {
	best := make([]float64, p.families)
	for i, x := range in {
		if x {
			for _, w := range p.items[i].worth {
				best[w.family] = max(best[w.family], w.value)
			}
		}
	}
	v := 0.0
	for _, b := range best {
		v += b
	}
	return v
}

// feasible checks every limit on a complete set.
func (p *problem) feasible(in []bool) bool {
	by := make([]money.Fen, p.groups)
	var total, ip money.Fen
	n := 0
	for i, x := range in {
		if !x {
			continue
		}
		it := &p.items[i]
		if by[it.group] == 0 {
			n++
		}
		by[it.group] += it.asset.Principal
		total += it.asset.Principal
		if it.ip {
			ip += it.asset.Principal
		}
	}
	l := &p.limits
	if total == 0 || total > l.MaxPrincipal || total < l.MinPrincipal || n < l.MinObligors {
		return false
	}
	slices.SortFunc(by, func(a, b money.Fen) int { return cmp.Compare(b, a) })
	var top5 money.Fen
	for _, g := range by[:min(5, len(by))] {
		top5 += g
	}
	return !over(by[0], total, l.MaxSingle) && (l.MaxTop5 == 0 || !over(top5, total, l.MaxTop5)) && ip >= total.MulRate(l.MinIPShare)
}

// optimum solves the value problem directly and the coverage problem by
// Dinkelbach's iteration: maximise worth − λ·principal until λ stands still.
func (p *problem) optimum(nodes int) (best []bool, exact bool, bound float64) {
	if p.limits.Objective != "coverage" {
		s := search{p: p, nodes: nodes}
		s.solve()
		return s.best, !s.out, max(s.bestValue, s.open)
	}
	exact = true
	ceiling := 0.0 // no pool covers better than its best asset
	for i := range p.items {
		ceiling = max(ceiling, p.items[i].single/p.items[i].asset.Principal.Yuan())
	}
	p.lambda = -math.MaxFloat64
	for range 30 {
		q := *p
		if p.lambda == -math.MaxFloat64 {
			q.lambda = 0
		}
		s := search{p: &q, nodes: nodes}
		s.solve()
		exact = exact && !s.out
		if s.best == nil {
			break
		}
		ratio := p.objective(s.best)
		if best != nil && ratio <= p.objective(best)+1e-12 {
			break
		}
		best, p.lambda = s.best, ratio
	}
	p.lambda = 0
	return best, exact, ceiling
}

// search is depth-first branch and bound, densest item first.
type search struct {
	p         *problem
	nodes     int
	out       bool    // ran out of nodes
	open      float64 // best bound among abandoned nodes
	best      []bool
	bestValue float64

	in       []bool
	familyAt []float64
	suffix   []money.Fen // principal of items from i on
	newGroup []int       // groups that first appear at or after i, at most
}

func (s *search) solve() {
	n := len(s.p.items)
	s.in, s.familyAt = make([]bool, n), make([]float64, s.p.families)
	s.suffix, s.newGroup = make([]money.Fen, n+1), make([]int, n+1)
	s.bestValue, s.open = math.Inf(-1), math.Inf(-1)
	seen := map[int]bool{}
	for i := n - 1; i >= 0; i-- {
		s.suffix[i] = s.suffix[i+1] + s.p.items[i].asset.Principal
		seen[s.p.items[i].group] = true
		s.newGroup[i] = len(seen)
	}
	s.greedy()
	s.branch(0, 0, 0, make([]money.Fen, s.p.groups), 0)
}

// greedy gives the first incumbent: densest first within the cap, then the
// largest groups trimmed while a limit is broken.
func (s *search) greedy() {
	in := make([]bool, len(s.p.items))
	var total money.Fen
	for i := range s.p.items {
		if i != s.p.off && total+s.p.items[i].asset.Principal <= s.p.limits.MaxPrincipal {
			in[i] = true
			total += s.p.items[i].asset.Principal
		}
	}
	for range s.p.items {
		if s.p.feasible(in) {
			s.take(in)
			return
		}
		worst := -1
		for i, x := range in {
			if x && (worst < 0 || s.p.items[i].asset.Principal > s.p.items[worst].asset.Principal) {
				worst = i
			}
		}
		if worst < 0 {
			return
		}
		in[worst] = false
	}
}

func (s *search) take(in []bool) {
	v := s.p.priced(in)
	if v > s.bestValue {
		s.best, s.bestValue = slices.Clone(in), v
	}
}

func (p *problem) priced(in []bool) float64 {
	v := p.worth(in)
	if p.lambda != 0 {
		for i, x := range in {
			if x {
				v -= p.lambda * p.items[i].asset.Principal.Yuan()
			}
		}
	}
	return v
}

func (s *search) branch(i int, value float64, total money.Fen, by []money.Fen, groups int) {
	p := s.p
	bound := value + s.remaining(i, p.limits.MaxPrincipal-total)
	if bound <= s.bestValue+1e-9*math.Abs(s.bestValue) {
		return
	}
	if s.nodes%128 == 0 && p.stop != nil {
		if err := p.stop(); err != nil {
			*p.stopped, s.nodes = err, 0
		}
	}
	if s.nodes--; s.nodes < 0 {
		s.out = true
		s.open = max(s.open, bound)
		return
	}
	if total+s.suffix[i] < p.limits.MinPrincipal || groups+s.newGroup[i] < p.limits.MinObligors {
		return
	}
	reach := min(p.limits.MaxPrincipal, total+s.suffix[i])
	for _, g := range by {
		if over(g, reach, p.limits.MaxSingle) {
			return
		}
	}
	if i == len(p.items) {
		if p.feasible(s.in) {
			s.take(s.in)
		}
		return
	}
	it := &p.items[i]
	if i != p.off && total+it.asset.Principal <= p.limits.MaxPrincipal {
		gain := -p.lambda * it.asset.Principal.Yuan()
		old := make([]float64, len(it.worth))
		for k, w := range it.worth {
			old[k] = s.familyAt[w.family]
			if w.value > old[k] {
				gain += w.value - old[k]
				s.familyAt[w.family] = w.value
			}
		}
		fresh := 0
		if by[it.group] == 0 {
			fresh = 1
		}
		s.in[i] = true
		by[it.group] += it.asset.Principal
		s.branch(i+1, value+gain, total+it.asset.Principal, by, groups+fresh)
		by[it.group] -= it.asset.Principal
		s.in[i] = false
		for k, w := range it.worth {
			s.familyAt[w.family] = old[k]
		}
	}
	s.branch(i+1, value, total, by, groups)
}

// remaining bounds what items from i on can add within the room left: the
// fractional knapsack in order of density, overlap ignored.
func (s *search) remaining(i int, room money.Fen) float64 {
	v := 0.0
	for ; i < len(s.p.items) && room > 0; i++ {
		it := &s.p.items[i]
		w := it.single - s.p.lambda*it.asset.Principal.Yuan()
		if w <= 0 { // densities fall, so no later item adds either
			break
		}
		if i == s.p.off {
			continue
		}
		if it.asset.Principal > room {
			return v + w*float64(room)/float64(it.asset.Principal)
		}
		v += w
		room -= it.asset.Principal
	}
	return v
}

func (p *problem) marginal(best []bool, i int, value float64, again bool) float64 {
	if !again {
		without := slices.Clone(best)
		without[i] = false
		return value - p.objective(without)
	}
	q := *p
	q.off = i
	other, _, _ := q.optimum(resolveNodes)
	if other == nil {
		return value // no pool without it
	}
	return value - q.objective(other)
}

// binding names the limits that cost something: for small problems those whose
// removal raises the optimum, for large ones those with less than 1% of slack.
func (p *problem) binding(best []bool, value float64, again bool) []string {
	relax := []struct {
		name string
		off  func(*BuildLimits)
	}{
		{"max_principal", func(l *BuildLimits) { l.MaxPrincipal = maxTotal }},
		{"min_principal", func(l *BuildLimits) { l.MinPrincipal = 0 }},
		{"min_obligors", func(l *BuildLimits) { l.MinObligors = 0 }},
		{"max_single", func(l *BuildLimits) { l.MaxSingle = 1 }},
		{"max_top5", func(l *BuildLimits) { l.MaxTop5 = 0 }},
		{"min_ip_share", func(l *BuildLimits) { l.MinIPShare = 0 }},
	}
	var out []string
	for _, r := range relax {
		q := *p
		if again {
			r.off(&q.limits)
			other, _, _ := q.optimum(resolveNodes)
			if other != nil && q.objective(other) > value*(1+1e-9) {
				out = append(out, r.name)
			}
			continue
		}
		l := &q.limits // tighten by 1%: a limit without slack then breaks
		switch r.name {
		case "max_principal":
			l.MaxPrincipal = l.MaxPrincipal * 99 / 100
		case "min_principal":
			l.MinPrincipal = l.MinPrincipal * 101 / 100
		case "min_obligors":
			l.MinObligors++
		case "max_single":
			l.MaxSingle *= 0.99
		case "max_top5":
			l.MaxTop5 *= 0.99
		case "min_ip_share":
			l.MinIPShare = min(1, l.MinIPShare*1.01)
		}
		if !q.feasible(best) {
			out = append(out, r.name)
		}
	}
	return out
}

// String summarises for people.
func (b Built) String() string {
	s := fmt.Sprintf("选入%d笔，本金%s元，目标值%.6g", len(b.Chosen), b.Principal, b.Value)
	if b.Exact {
		return s + "（已证最优）"
	}
	return s + fmt.Sprintf("（距上界%.2f%%）", b.Gap*100)
}
