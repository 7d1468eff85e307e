package pool

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"zhijia/internal/fault"
	"zhijia/internal/money"
)

// Simulation is a deal prepared for Monte Carlo: a Gaussian copula with a
// common factor, an industry and a region factor, default times by period,
// random recoveries and the full waterfall on every path, in integer fen.
//
// Path i is a function of (seed, i) alone, and a [Tally] holds only integers,
// so any split of the paths into ranges, in any order, on any number of
// machines, merges to the same result. The assets are the pool at the cut-off;
// assets of a revolving period are not simulated.
type Simulation struct {
	deal       *Deal
	periods    int
	obligors   []simObligor
	supports   []simSupport
	sectors    int
	regions    int
	loads      [4]float64 // common, sector, region, own
	base       *flows
	lag        int
	seed       uint64
	replicates int
	sequence   *sobol
	total      int64
	lgd        [3]float64
}

type simObligor struct {
	contract
	sector, region int
	threshold      []float64 // Φ⁻¹ of the cumulative PD by the end of each period with a balance
}

type simSupport struct {
	load, own float64
	threshold []float64
}

// Limits of a simulation.
const (
	maxScenarios = 500_000
	rateBins     = 2000 // resolution of default and loss rates: 0.05%
	maxFactors   = 200
)

// defaultReplicates is the number of independent randomisations of the
// quasi-random sequence; their spread gives the standard errors.
const defaultReplicates = 16

// NewSimulation prepares a deal. Every obligor needs a PD with a source, and
// so does every support; those missing are named.
func (d *Deal) NewSimulation(seed uint64) (*Simulation, error) {
	if err := d.Check(); err != nil {
		return nil, err
	}
	var bad []fault.Field
	need := func(field string, pd *float64, source string) {
		if pd == nil || source == "" {
			bad = append(bad, fault.Field{Field: field, Code: "pool.pd", Zh: "缺少违约率或其来源", En: "the probability of default or its source is missing"})
		}
	}
	for i, o := range d.Obligors {
		need(fmt.Sprintf("obligors[%d].pd", i), o.PD, o.PDSource)
	}
	for i, s := range d.Structure.Supports {
		need(fmt.Sprintf("structure.supports[%d].pd", i), s.PD, s.PDSource)
	}
	if len(d.Structure.Tranches) < 2 {
		bad = append(bad, fault.Field{Field: "structure.tranches", Code: "pool.tranches", Zh: "请先设置优先级与次级", En: "set a senior and a subordinated tranche first"})
	}
	if len(bad) > 0 {
		return nil, fault.New(fault.Invalid, "pool.simulate", "模拟所需资料缺失。", "the simulation lacks inputs", bad...)
	}
	static := *d
	static.Structure.Revolving = nil
	periods := static.periods()
	every := static.Structure.every()
	s := &Simulation{
		deal: &static, periods: periods, seed: seed, replicates: defaultReplicates, total: int64(d.Total()),
		lag: (d.Credit.LagMonths + every - 1) / every, lgd: [3]float64{d.Credit.LGDLow, d.Credit.LGD, d.Credit.LGDHigh},
		loads: [4]float64{
			math.Sqrt(d.Credit.Rho), math.Sqrt(d.Credit.RhoSector), math.Sqrt(d.Credit.RhoRegion),
			math.Sqrt(1 - d.Credit.Rho - d.Credit.RhoSector - d.Credit.RhoRegion),
		},
		sequence: newSobol(seed, defaultReplicates),
	}
	smm := scaled(1 - math.Pow(1-d.Credit.CPR, float64(every)/12))
	cs := static.contracts(periods)
	sectors, regions := map[string]int{}, map[string]int{}
	number := func(m map[string]int, key string) int {
		if _, ok := m[key]; !ok {
			m[key] = len(m)
		}
		return m[key]
	}
	s.base = newFlows(periods)
	// In the order of ids, so that permuting rows changes nothing.
	ids := slices.Clone(d.Obligors)
	slices.SortFunc(ids, func(a, b Obligor) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	for _, o := range ids {
		f := newFlows(periods)
		owes := false
		for i := range d.Assets {
			if d.Assets[i].Obligor == o.ID {
				f.run(&cs[i], smm)
				owes = true
			}
		}
		if !owes {
			continue
		}
		so := simObligor{contract: contract{f.principal, f.interest, f.open}, sector: number(sectors, o.Industry), region: number(regions, o.Region)}
		for t := range periods {
			if f.open[t] > 0 {
				so.threshold = append(so.threshold, PhiInv(cumulativePD(*o.PD, float64(t+1)*float64(every)/12)))
			}
			s.base.principal[t] += f.principal[t]
			s.base.interest[t] += f.interest[t]
			s.base.open[t] += f.open[t]
			s.base.close[t] += f.close[t]
		}
		s.obligors = append(s.obligors, so)
	}
	s.sectors, s.regions = len(sectors), len(regions)
	if s.sectors > maxFactors || s.regions > maxFactors {
		return nil, fault.New(fault.Invalid, "pool.simulate.factors", "行业或地区种类过多。", "more than 200 industries or regions")
	}
	for _, p := range d.Structure.Supports {
		x := simSupport{load: math.Sqrt(p.Rho), own: math.Sqrt(1 - p.Rho)}
		for t := range periods {
			x.threshold = append(x.threshold, PhiInv(cumulativePD(*p.PD, float64(t+1)*float64(every)/12)))
		}
		s.supports = append(s.supports, x)
	}
	return s, nil
}

// cumulativePD is 1−(1−pd)^years: a constant annual hazard.
func cumulativePD(pd, years float64) float64 { return -math.Expm1(years * math.Log1p(-pd)) }

// Tally is the mergeable record of a range of paths. Every field is an
// integer, so merging is exact and in any order.
type Tally struct {
	Paths       int64        `json:"paths"`
	Count       []int64      `json:"count"`        // paths by number of defaults
	DefaultRate []int64      `json:"default_rate"` // paths by cumulative default rate by contract (initial principal of the defaulted obligors), in bins of 0.05%
	AmountRate  []int64      `json:"amount_rate"`  // paths by cumulative default rate by amount (balance at default)
	LossRate    []int64      `json:"loss_rate"`    // paths by loss share of principal
	Replicates  []ReplicateT `json:"replicates"`
}

// ReplicateT are the sums of one randomisation.
type ReplicateT struct {
	Paths       int64 `json:"paths"`
	Defaults    int64 `json:"defaults"`
	Exposed     int64 `json:"exposed"`   // fen, initial principal of the defaulted obligors
	Defaulted   int64 `json:"defaulted"` // fen, their balance at default
	Loss        int64 `json:"loss"`      // fen, after recoveries
	Senior      int64 `json:"senior"`    // fen, reserve but no external support
	SeniorHit   int64 `json:"senior_hit"`
	Late        int64 `json:"late"` // senior not in full and on time
	Supported   int64 `json:"supported"`
	SupportHit  int64 `json:"support_hit"`
	Residual    int64 `json:"residual_loss"` // fen unpaid to the subordinated tranche, no support
	Accelerated int64 `json:"accelerated"`
}

func (s *Simulation) newTally() Tally {
	return Tally{
		Count: make([]int64, len(s.obligors)+1), DefaultRate: make([]int64, rateBins+1), AmountRate: make([]int64, rateBins+1), LossRate: make([]int64, rateBins+1),
		Replicates: make([]ReplicateT, s.replicates),
	}
}

// Merge adds another range's tally.
func (t *Tally) Merge(o Tally) {
	if t.Count == nil {
		t.Count, t.DefaultRate, t.LossRate = make([]int64, len(o.Count)), make([]int64, len(o.DefaultRate)), make([]int64, len(o.LossRate))
		t.AmountRate = make([]int64, len(o.AmountRate))
		t.Replicates = make([]ReplicateT, len(o.Replicates))
	}
	t.Paths += o.Paths
	for i, v := range o.Count {
		t.Count[i] += v
	}
	for i, v := range o.DefaultRate {
		t.DefaultRate[i] += v
	}
	for i, v := range o.AmountRate {
		t.AmountRate[i] += v
	}
	for i, v := range o.LossRate {
		t.LossRate[i] += v
	}
	for i, v := range o.Replicates {
		r := &t.Replicates[i]
		r.Paths += v.Paths
		r.Defaults += v.Defaults
		r.Exposed += v.Exposed
		r.Defaulted += v.Defaulted
		r.Loss += v.Loss
		r.Senior += v.Senior
		r.SeniorHit += v.SeniorHit
		r.Late += v.Late
		r.Supported += v.Supported
		r.SupportHit += v.SupportHit
		r.Residual += v.Residual
		r.Accelerated += v.Accelerated
	}
}

// Range simulates the paths from ≤ i < to. It is safe to call from several
// goroutines on one Simulation; after its set-up it does not allocate.
func (s *Simulation) Range(from, to int64) (Tally, error) { return s.RangeUntil(from, to, nil) }

// RangeUntil is [Simulation.Range] that ends with the error of stop, which is
// asked every few paths.
func (s *Simulation) RangeUntil(from, to int64, stop func() error) (Tally, error) {
	if from < 0 || to < from || to > maxScenarios {
		return Tally{}, badScenario("scenarios", "scenarios must be 1 to 500000")
	}
	tally := s.newTally()
	w, err := newWaterfall(s.deal, s.periods)
	if err != nil {
		return Tally{}, err
	}
	f := newFlows(s.periods)
	factors := make([]float64, 1+s.sectors+s.regions)
	dead := make([]int, len(s.supports))
	at := make([]int, len(s.supports))
	for i := range dead {
		dead[i] = -1
	}
	src := rand.NewPCG(0, 0)
	r := rand.New(src)
	for path := from; path < to; path++ {
		if stop != nil && path%64 == 0 {
			if err := stop(); err != nil {
				return Tally{}, err
			}
		}
		replicate := int(path % int64(s.replicates))
		index := uint32(path / int64(s.replicates))
		src.Seed(s.seed^0x9e3779b97f4a7c15, uint64(path))
		for k := range factors {
			switch {
			case k == 0 || s.loads[1] > 0 && k <= s.sectors || s.loads[2] > 0 && k > s.sectors:
				if k < sobolDims {
					factors[k] = PhiInv(s.sequence.at(replicate, index, k))
				} else {
					factors[k] = r.NormFloat64()
				}
			}
		}
		n, exposed, defaulted, recovered := s.path(f, factors, r)
		// Supports draw last, so that adding one leaves the pool's path alone.
		for i := range s.supports {
			p := &s.supports[i]
			at[i] = math.MaxInt
			if t := firstBelow(p.threshold, p.load*factors[0]+p.own*r.NormFloat64()); t >= 0 {
				at[i] = t
			}
		}
		rep := &tally.Replicates[replicate]
		trigger := w.trigger(f)
		out := w.run(f, trigger, true, dead, nil)
		senior, hit, late := int64(out.Loss[0]), out.Loss[0] > 0, !out.OnTime
		rep.Residual += int64(out.Loss[len(out.Loss)-1])
		if len(s.supports) > 0 {
			w.guarantee(f, at)
			out = w.run(f, trigger, true, at, nil)
		}
		rep.Supported += int64(out.Loss[0])
		if out.Loss[0] > 0 {
			rep.SupportHit++
		}
		rep.Paths++
		rep.Defaults += int64(n)
		rep.Exposed += exposed
		rep.Defaulted += defaulted
		rep.Loss += defaulted - recovered
		rep.Senior += senior
		if hit {
			rep.SeniorHit++
		}
		if late {
			rep.Late++
		}
		if trigger >= 0 {
			rep.Accelerated++
		}
		tally.Paths++
		tally.Count[n]++
		tally.DefaultRate[mulDiv(exposed, rateBins, s.total)]++
		tally.AmountRate[mulDiv(defaulted, rateBins, s.total)]++
		tally.LossRate[mulDiv(max(0, defaulted-recovered), rateBins, s.total)]++
	}
	return tally, nil
}

// path draws the defaults of one scenario into f.
func (s *Simulation) path(f *flows, factors []float64, r *rand.Rand) (n int, exposed, defaulted, recovered int64) {
	copy(f.interest, s.base.interest)
	copy(f.principal, s.base.principal)
	copy(f.open, s.base.open)
	copy(f.close, s.base.close)
	clear(f.recovery)
	clear(f.guarantee)
	clear(f.defaulted)
	clear(f.salvaged)
	for i := range s.obligors {
		o := &s.obligors[i]
		x := s.loads[0]*factors[0] + s.loads[1]*factors[1+o.sector] + s.loads[2]*factors[1+s.sectors+o.region] + s.loads[3]*r.NormFloat64()
		t := firstBelow(o.threshold, x)
		if t < 0 {
			continue
		}
		n++
		exposed += o.open[0]
		lost := o.open[t]
		rec := mulDiv(lost, scaled(1-s.severity(r)), rateScale)
		defaulted += lost
		recovered += rec
		f.defaulted[t] += lost
		f.salvaged[t] += rec
		f.recovery[min(t+s.lag, s.periods-1)] += rec
		f.close[t] -= lost - o.principal[t]
		f.interest[t] -= o.interest[t]
		f.principal[t] -= o.principal[t]
		for u := t + 1; u < len(o.open); u++ {
			f.interest[u] -= o.interest[u]
			f.principal[u] -= o.principal[u]
			f.open[u] -= o.open[u]
			f.close[u] -= o.open[u] - o.principal[u]
		}
	}
	return n, exposed, defaulted, recovered
}

// severity draws a loss given default from the triangle (low, mid, high).
func (s *Simulation) severity(r *rand.Rand) float64 {
	a, c, b := s.lgd[0], s.lgd[1], s.lgd[2]
	if a == b {
		return a
	}
	u := r.Float64()
	if u*(b-a) < c-a {
		return a + math.Sqrt(u*(b-a)*(c-a))
	}
	return b - math.Sqrt((1-u)*(b-a)*(b-c))
}

// firstBelow is the first period whose ascending threshold exceeds x, or −1.
func firstBelow(threshold []float64, x float64) int {
	n := len(threshold)
	if n == 0 || x >= threshold[n-1] {
		return -1
	}
	lo, hi := 0, n-1
	for lo < hi {
		mid := (lo + hi) / 2
		if x < threshold[mid] {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// Estimate is a Monte Carlo mean with its standard error across replicates.
type Estimate struct {
	Mean float64 `json:"mean"`
	SE   float64 `json:"se"`
}

// CreditReport is the credit analysis of a pool.
type CreditReport struct {
	Scenarios     int64            `json:"scenarios"`
	Seed          uint64           `json:"seed"`
	Obligors      int              `json:"obligors"`
	DefaultRate   Estimate         `json:"default_rate"`   // mean cumulative default rate, by initial principal
	Defaulted     Estimate         `json:"defaulted"`      // mean balance at default / initial principal
	ExpectedLoss  Estimate         `json:"expected_loss"`  // share of the pool
	Senior        SeniorRisk       `json:"senior"`         // reserve, no external support
	WithSupport   *SeniorRisk      `json:"with_support"`   // null without support
	Quantiles     []QuantileRow    `json:"quantiles"`      // of the number of defaults and the default rate
	Loss          []LossQuantile   `json:"loss_quantiles"` // of the pool loss
	LossRange     []LossRange      `json:"loss_range"`     // exact expected loss at low, mid and high LGD
	Count         []float64        `json:"count"`          // exact probability of k defaults
	Cushions      []Cushion        `json:"cushions"`       // scenario default rate against break-even
	Support       *SupportAnalysis `json:"support,omitempty"`
	Notes         []string         `json:"notes"`
	PDSources     []string         `json:"pd_sources"`
	ExactFactors  string           `json:"exact_factors"`
	AsymptoticRho float64          `json:"asymptotic_rho"`
}

// SeniorRisk is what the senior notes may lose.
type SeniorRisk struct {
	ExpectedLoss Estimate `json:"expected_loss"` // share of senior principal
	LossProb     Estimate `json:"loss_probability"`
}

// QuantileRow sets the finite pool beside the infinitely granular one.
type QuantileRow struct {
	Level      float64 `json:"level"`
	Defaults   int     `json:"defaults"`            // exact mixture
	ByCount    float64 `json:"by_count"`            // defaults / obligors
	Simulated  float64 `json:"simulated"`           // cumulative default rate by initial principal, Monte Carlo, to 0.05%
	ByAmount   float64 `json:"simulated_by_amount"` // cumulative default rate by balance at default, Monte Carlo, to 0.05%
	Asymptotic float64 `json:"asymptotic"`          // conditional PD at the level
}

// LossQuantile is one quantile of the pool loss, share of principal.
type LossQuantile struct {
	Level     float64 `json:"level"`
	Exact     float64 `json:"exact"`     // mixture at the mid LGD, exposure at the cut-off
	Simulated float64 `json:"simulated"` // Monte Carlo with amortisation and random LGD, to 0.05%
}

// LossRange is the exact expected and 99% loss at one LGD.
type LossRange struct {
	LGD  float64 `json:"lgd"`
	Mean float64 `json:"mean"`
	Q99  float64 `json:"q99"`
}

// Cushion is break-even minus the default rate of one target level.
type Cushion struct {
	Target       string  `json:"target"` // user's label with its source
	Level        float64 `json:"level"`
	SDR          float64 `json:"sdr"`             // quantile of the cumulative default rate, by amount
	SDRContracts float64 `json:"sdr_by_contract"` // the same by contract, initial principal of the defaulted obligors
	BreakEven
	Cushion float64 `json:"cushion"` // by amount: break-even − sdr
}

// Target is a user's target default probability, e.g. of a rating table, with
// its source. No agency's table is shipped.
type Target struct {
	Label  string  `json:"label"`
	PD     float64 `json:"pd"` // over the life
	Source string  `json:"source"`
}

// SupportAnalysis is the closed-form joint default beside the simulation.
type SupportAnalysis struct {
	PoolShort   float64  `json:"pool_short"`  // P(senior loses without support), simulated
	PayerPD     float64  `json:"payer_pd"`    // over the life
	Rho         float64  `json:"rho"`         // assumed between pool shortfall and payer
	Joint       float64  `json:"joint"`       // Φ₂
	WeakLinks   []string `json:"weak_links"`  // supports affiliated with the originator, or unknown
	Independent float64  `json:"independent"` // product of the two, for comparison
}

// Conclude turns a tally into the report. horizonYears for the asymptotic and
// exact rows is each obligor's own remaining life.
func (s *Simulation) Conclude(t Tally, targets []Target) (CreditReport, error) {
	d := s.deal
	if t.Paths == 0 || len(t.Replicates) != s.replicates {
		return CreditReport{}, badScenario("scenarios", "no path was simulated")
	}
	rep := CreditReport{Scenarios: t.Paths, Seed: s.seed, Obligors: len(s.obligors), Notes: []string{
		"违约率、相关系数与违约损失率均为使用者提供的输入；本分析不构成信用评级，也不对借款人评分。",
	}}
	total, senior := float64(s.total), float64(d.Structure.Tranches[0].Principal)
	rep.DefaultRate = t.estimate(func(r ReplicateT) float64 { return float64(r.Exposed) / total })
	rep.Defaulted = t.estimate(func(r ReplicateT) float64 { return float64(r.Defaulted) / total })
	rep.ExpectedLoss = t.estimate(func(r ReplicateT) float64 { return float64(r.Loss) / total })
	if senior > 0 {
		rep.Senior = SeniorRisk{
			t.estimate(func(r ReplicateT) float64 { return float64(r.Senior) / senior }),
			t.estimate(func(r ReplicateT) float64 { return float64(r.SeniorHit) }),
		}
		if len(d.Structure.Supports) > 0 {
			rep.WithSupport = &SeniorRisk{
				t.estimate(func(r ReplicateT) float64 { return float64(r.Supported) / senior }),
				t.estimate(func(r ReplicateT) float64 { return float64(r.SupportHit) }),
			}
		}
	}
	exposures := make([]Exposure, len(s.obligors))
	meanPD := 0.0
	for i, o := range s.obligors {
		exposures[i] = Exposure{EAD: o.open[0], PD: Phi(o.threshold[len(o.threshold)-1]), LGD: d.Credit.LGD}
		meanPD += exposures[i].PD * float64(o.open[0]) / total
	}
	rho := d.Credit.Rho + d.Credit.RhoSector + d.Credit.RhoRegion
	rep.AsymptoticRho = rho
	rep.ExactFactors = "single common factor with the sum of the correlations"
	mix, err := ExactMixture(exposures, rho)
	switch {
	case errors.Is(err, ErrMixtureDomain):
		rep.Notes = append(rep.Notes, "超过2000户或相关系数合计超过0.95：不列示精确分布，只列模拟结果。")
	case err != nil:
		return CreditReport{}, err
	default:
		rep.Notes = append(rep.Notes, "两种预期损失口径不同：模拟值计入摊还、随机损失率与违约时点；“精确”各行按基准日全部敞口、固定损失率计，未计摊还，故通常更高。")
		if err := s.exact(&rep, &t, mix, exposures, meanPD, rho); err != nil {
			return CreditReport{}, err
		}
	}
	if len(targets) > 0 {
		bdr, err := d.BreakEven(Scenario{Recovery: 1 - d.Credit.LGD, Lag: s.lag, CPR: d.Credit.CPR})
		if err != nil {
			return CreditReport{}, err
		}
		for _, x := range targets {
			if !(x.PD > 0 && x.PD < 1) || x.Source == "" {
				return CreditReport{}, badScenario("targets", "a target needs a probability in (0, 1) and a source")
			}
			sdr := binQuantile(t.AmountRate, t.Paths, 1-x.PD)
			rep.Cushions = append(rep.Cushions, Cushion{x.Label + "（" + x.Source + "）", 1 - x.PD, sdr, binQuantile(t.DefaultRate, t.Paths, 1-x.PD), bdr, bdr.Amount - sdr})
		}
	}
	rep.Support = s.supportAnalysis(rep.Senior.LossProb.Mean)
	if rep.Support != nil {
		for _, l := range rep.Support.WeakLinks {
			rep.Notes = append(rep.Notes, "弱链接提示："+l)
		}
	}
	for _, o := range d.Obligors {
		if !slices.Contains(rep.PDSources, o.PDSource) {
			rep.PDSources = append(rep.PDSources, o.PDSource)
		}
	}
	slices.Sort(rep.PDSources)
	return rep, nil
}

// exact adds the rows of the finite pool's exact distribution.
func (s *Simulation) exact(rep *CreditReport, t *Tally, mix Mixture, exposures []Exposure, meanPD, rho float64) error {
	d := s.deal
	rep.Count = mix.Count
	for _, level := range []float64{0.95, 0.99, 0.999} {
		k := mix.CountQuantile(level)
		rep.Quantiles = append(rep.Quantiles, QuantileRow{level, k, float64(k) / float64(len(exposures)), binQuantile(t.DefaultRate, t.Paths, level), binQuantile(t.AmountRate, t.Paths, level), ConditionalPD(meanPD, rho, level)})
		rep.Loss = append(rep.Loss, LossQuantile{level, mix.LossQuantile(level), binQuantile(t.LossRate, t.Paths, level)})
	}
	for _, lgd := range []float64{d.Credit.LGDLow, d.Credit.LGD, d.Credit.LGDHigh} {
		mean, total := 0.0, 0.0 // the mean needs no grid of losses, and is not rounded to one
		for i := range exposures {
			exposures[i].LGD = lgd
			mean += exposures[i].PD * lgd * float64(exposures[i].EAD)
			total += float64(exposures[i].EAD)
		}
		m, err := ExactMixture(exposures, rho)
		if err != nil {
			return err
		}
		rep.LossRange = append(rep.LossRange, LossRange{lgd, mean / total, m.LossQuantile(0.99)})
	}
	return nil
}

func (s *Simulation) supportAnalysis(short float64) *SupportAnalysis {
	if len(s.supports) == 0 {
		return nil
	}
	p := s.supports[0]
	a := SupportAnalysis{PoolShort: short, PayerPD: Phi(p.threshold[len(p.threshold)-1]), Rho: s.loads[0] * p.load}
	a.Joint = JointShortfall(a.PoolShort, a.PayerPD, a.Rho)
	a.Independent = a.PoolShort * a.PayerPD
	for _, x := range s.deal.Structure.Supports {
		switch x.Affiliate {
		case Yes:
			a.WeakLinks = append(a.WeakLinks, x.Name+"为原始权益人的关联方，两者可能同时违约")
		case Unknown:
			a.WeakLinks = append(a.WeakLinks, x.Name+"与原始权益人的关联关系未知")
		}
	}
	return &a
}

// estimate is the mean over paths and its standard error across replicates.
func (t Tally) estimate(value func(ReplicateT) float64) Estimate {
	var sum, ss float64
	var means []float64
	for _, r := range t.Replicates {
		sum += value(r)
		if r.Paths > 0 {
			means = append(means, value(r)/float64(r.Paths))
		}
	}
	e := Estimate{Mean: sum / float64(t.Paths)}
	for _, m := range means {
		ss += (m - e.Mean) * (m - e.Mean)
	}
	if n := float64(len(means)); n > 1 {
		e.SE = math.Sqrt(ss / (n - 1) / n)
	}
	return e
}

func binQuantile(bins []int64, paths int64, level float64) float64 {
	var c int64
	for i, n := range bins {
		c += n
		if float64(c) >= level*float64(paths)-1e-9 {
			return float64(i) / rateBins
		}
	}
	return 1
}

// SeniorLoss returns the mean senior loss in yuan without and with support.
func (t Tally) SeniorLoss() (without, with float64) {
	for _, r := range t.Replicates {
		without += float64(r.Senior)
		with += float64(r.Supported)
	}
	n := float64(t.Paths) * 100
	return without / n, with / n
}

// Principal is the simulated pool's principal.
func (s *Simulation) Principal() money.Fen { return money.Fen(s.total) }
