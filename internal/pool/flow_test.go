package pool

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"zhijia/internal/calendar"
	"zhijia/internal/money"
)

// bullet is the check case of the design: pool 100 at 5% for two years, senior
// at 3%, loss given default 70%, fees 0.5 in all. By hand: performing assets
// return 110·(1−D) and recoveries 30·D; senior 95 needs 95·1.06 + 0.5 = 101.2,
// so D = 8.8/80 = 11.0%; senior 90 needs 95.9, so D = 14.1/80 = 17.625%.
func bullet(senior money.Fen) Deal {
	pd := 0.05
	d := Deal{
		Name: "bullet", Venue: SSE, Class: Receivable, CutOff: calendar.New(2024, 1, 1), Closing: calendar.New(2024, 1, 1),
		Obligors: []Obligor{{ID: "o", Name: "o", PD: &pd, PDSource: "test"}},
		Assets: []Asset{{
			ID: "a", Obligor: "o", Kind: Receivable, Principal: money.Fen(100 * money.Yi), Rate: 0.05,
			Maturity: calendar.New(2026, 1, 1), Amortise: "bullet", EveryMonth: 12,
		}},
		Structure: Structure{
			EveryMonths: 12, FixedFee: money.Fen(25 * money.Yi / 100), TrapExcess: true,
			Tranches: []Tranche{
				{Name: "A", Principal: senior, Coupon: 0.03, Pay: "bullet"},
				{Name: "B", Principal: money.Fen(100*money.Yi) - senior},
			},
		},
		Credit: Credit{LGDLow: 0.7, LGD: 0.7, LGDHigh: 0.7},
	}
	return d
}

func TestBreakEvenOfTheBullet(t *testing.T) {
	for _, c := range []struct {
		senior money.Fen
		bdr    float64
	}{{money.Fen(95 * money.Yi), 0.11}, {money.Fen(90 * money.Yi), 0.17625}} {
		d := bullet(c.senior)
		got, err := d.BreakEven(Scenario{Recovery: 0.3, Timing: FrontLoaded()})
		if err != nil {
			t.Fatal(err)
		}
		near(t, "BDR", got.Amount, c.bdr, 1e-8)
	}
}

func TestBulletYieldAndLife(t *testing.T) {
	d := bullet(money.Fen(95 * money.Yi))
	cf, err := d.CashFlow(Scenario{})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "senior yield", *cf.Tranches[0].Yield, 0.03, 1e-9)
	near(t, "senior WAL", *cf.Tranches[0].WAL, 2, 1e-12)
	if cf.Tranches[1].Paid != money.Fen(88*money.Yi/10) { // 110 − 95·1.06 − 0.5
		t.Errorf("subordinated received %s", cf.Tranches[1].Paid)
	}
}

func TestLevelScheduleAgainstAnnuity(t *testing.T) {
	a := Asset{Principal: money.Fen(1200 * money.Wan), Rate: 0.06, Maturity: calendar.New(2027, 1, 1), Amortise: "level", EveryMonth: 1}
	dues := a.Dues(calendar.New(2025, 1, 1))
	want := 1.2e9 * 0.005 / (1 - math.Pow(1.005, -24))
	var sum money.Fen
	for k, x := range dues {
		sum += x.Principal
		if k < 23 && math.Abs(float64(x.Principal+x.Interest)-want) > 1 {
			t.Fatalf("payment %d = %s, want %.2f", k, x.Principal+x.Interest, want/100)
		}
	}
	if len(dues) != 24 || sum != a.Principal {
		t.Errorf("%d dues of %s", len(dues), sum)
	}
}

// deals draws a structure and a small pool.
func deals() *rapid.Generator[Deal] {
	return rapid.Custom(func(t *rapid.T) Deal {
		d := Deal{Name: "drawn", Venue: SSE, Class: Lease, CutOff: calendar.New(2026, 9, 30), Closing: calendar.New(2026, 10, 20)}
		n := rapid.IntRange(1, 8).Draw(t, "assets")
		for i := range n {
			id := fmt.Sprint("x", i)
			pd := rapid.Float64Range(0, 0.4).Draw(t, "pd")
			d.Obligors = append(d.Obligors, Obligor{ID: id, Name: id, PD: &pd, PDSource: "drawn", Industry: fmt.Sprint(i % 2)})
			d.Assets = append(d.Assets, Asset{
				ID: id, Obligor: id, Kind: Lease, Principal: money.Fen(rapid.Int64Range(1, 1e9).Draw(t, "principal")),
				Rate: rapid.Float64Range(0, 0.12).Draw(t, "rate"), Maturity: d.CutOff.AddMonths(rapid.IntRange(1, 40).Draw(t, "months")),
				Amortise: rapid.SampledFrom([]string{"bullet", "level", "equal_principal"}).Draw(t, "amortise"), EveryMonth: rapid.SampledFrom([]int{1, 3, 6, 12}).Draw(t, "every"),
			})
		}
		total := d.Total()
		senior := total.MulRate(rapid.Float64Range(0.3, 1.05).Draw(t, "senior"))
		mezz := (total - min(senior, total)).MulRate(rapid.Float64Range(0, 1).Draw(t, "mezz"))
		pay := rapid.SampledFrom([]string{"pass_through", "bullet", "scheduled"}).Draw(t, "pay")
		d.Structure = Structure{
			EveryMonths: rapid.SampledFrom([]int{1, 3, 6}).Draw(t, "pay every"),
			Tranches: []Tranche{
				{Name: "A", Principal: senior, Coupon: rapid.Float64Range(0, 0.08).Draw(t, "coupon"), Pay: pay, Targets: []money.Fen{senior * 3 / 4, senior / 2, senior / 4}},
				{Name: "M", Principal: mezz, Coupon: rapid.Float64Range(0, 0.1).Draw(t, "coupon M"), Pay: "pass_through"},
				{Name: "S", Principal: max(0, total-senior-mezz)},
			},
			ServiceRate: rapid.Float64Range(0, 0.01).Draw(t, "service"), FixedFee: money.Fen(rapid.Int64Range(0, 1e6).Draw(t, "fixed")),
			TaxRate: rapid.Float64Range(0, 0.1).Draw(t, "tax"), TrapExcess: rapid.Bool().Draw(t, "trap"),
			Triggers: Triggers{
				DefaultRate: rapid.SampledFrom([]float64{0, 0.02, 0.1}).Draw(t, "trigger"), PrincipalShort: rapid.Bool().Draw(t, "short"),
				CollectionMiss: rapid.SampledFrom([]float64{0, 0.2}).Draw(t, "miss"),
			},
		}
		d.Credit = Credit{
			Rho: 0.15, RhoSector: 0.05, LGDLow: 0.4, LGD: 0.6, LGDHigh: 0.9, LagMonths: rapid.IntRange(0, 9).Draw(t, "lag"),
			CPR: rapid.SampledFrom([]float64{0, 0.1}).Draw(t, "cpr"),
		}
		if rapid.Bool().Draw(t, "revolving") {
			d.Structure.Revolving = &Revolving{Periods: rapid.IntRange(1, 4).Draw(t, "cycles"), TermPeriods: rapid.IntRange(1, 6).Draw(t, "term"), Yield: 0.06}
		}
		return d
	})
}

func scenarios() *rapid.Generator[Scenario] {
	return rapid.Custom(func(t *rapid.T) Scenario {
		s := Scenario{
			Default: rapid.Float64Range(0, 1).Draw(t, "default"), Recovery: rapid.Float64Range(0, 1).Draw(t, "recovery"),
			Lag: rapid.IntRange(0, 3).Draw(t, "lag"), CPR: rapid.Float64Range(0, 0.5).Draw(t, "cpr"), Yield: 0.05, Support: rapid.Bool().Draw(t, "support"),
		}
		if rapid.Bool().Draw(t, "front") {
			s.Timing = FrontLoaded()
		}
		return s
	})
}

func enhance(t *rapid.T, d Deal) Deal {
	pd := 0.01
	d.Structure.Reserve = money.Fen(rapid.Int64Range(0, 5e7).Draw(t, "reserve"))
	d.Structure.Supports = []Support{
		{Name: "shortfall", Kind: "shortfall", PD: &pd, PDSource: "drawn", Rho: 0.3, Cap: money.Fen(rapid.Int64Range(0, 1e9).Draw(t, "cap"))},
		{Name: "guarantee", Kind: "guarantee", PD: &pd, PDSource: "drawn", Cover: rapid.Float64Range(0, 1).Draw(t, "cover")},
	}
	return d
}

// Every fen in equals every fen out, per period and in total; principal is
// collected, defaulted or still owed, nothing else.
func TestCashIsConserved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := enhance(t, deals().Draw(t, "deal"))
		s := scenarios().Draw(t, "scenario")
		cf, err := d.CashFlow(s)
		if err != nil {
			t.Fatal(err)
		}
		var principal, defaulted money.Fen
		for i, p := range cf.Periods {
			if p.Ledger.In() != p.Ledger.Out() {
				t.Fatalf("period %d: in %s, out %s: %+v", i, p.Ledger.In(), p.Ledger.Out(), p.Ledger)
			}
			if i > 0 && p.Ledger.FromCash != cf.Periods[i-1].Ledger.ToCash {
				t.Fatalf("period %d opens with %s, the last closed with %s", i, p.Ledger.FromCash, cf.Periods[i-1].Ledger.ToCash)
			}
			principal += p.Ledger.Principal
			defaulted += p.Defaulted
		}
		last := cf.Periods[len(cf.Periods)-1]
		if cf.Totals.In() != cf.Totals.Out() || last.Ledger.ToCash != 0 {
			t.Fatalf("total in %s, out %s, left %s", cf.Totals.In(), cf.Totals.Out(), last.Ledger.ToCash)
		}
		if principal+defaulted+last.Performing != d.Total() {
			t.Fatalf("principal %s + defaulted %s + owed %s of %s", principal, defaulted, last.Performing, d.Total())
		}
	})
}

// byClass pays class by class, the order of older deeds.
var byClass = []string{"tax", "fees", "interest:A", "principal:A", "interest:M", "principal:M", "reserve"}

// Once senior interest is missed or the deal has accelerated, nothing goes to a
// junior class in that period while the senior one is owed anything; where the
// deed pays class by class, neither once senior principal is missed.
func TestSeniorIsNeverPaidAfterSubordinated(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := enhance(t, deals().Draw(t, "deal"))
		strict := rapid.Bool().Draw(t, "class by class")
		if strict {
			d.Structure.Order = byClass
		}
		cf, err := d.CashFlow(scenarios().Draw(t, "scenario"))
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range cf.Periods {
			junior := p.TranchePrincipal[1] + p.TranchePrincipal[2]
			if strict || p.Accelerated {
				junior += p.TrancheInterest[1]
			}
			if junior == 0 {
				continue
			}
			if p.Short > 0 || p.Accelerated && p.TrancheBalance[0] > 0 || d.Structure.TrapExcess && p.TranchePrincipal[2] > 0 && p.TrancheBalance[0] > 0 {
				t.Fatalf("period %d pays %s to junior classes: %+v", i, junior, p)
			}
		}
	})
}

// Reserve, guarantee, shortfall payer: whatever the path, the senior loss with
// them is not above the one without.
func TestEnhancementNeverRaisesSeniorLoss(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := deals().Draw(t, "deal")
		s := scenarios().Draw(t, "scenario")
		s.Support = true
		bare, err := d.CashFlow(s)
		if err != nil {
			t.Fatal(err)
		}
		e := enhance(t, d)
		with, err := e.CashFlow(s)
		if err != nil {
			t.Fatal(err)
		}
		if with.Outcome.Loss[0] > bare.Outcome.Loss[0] {
			t.Fatalf("senior loss %s bare, %s enhanced", bare.Outcome.Loss[0], with.Outcome.Loss[0])
		}
		// More subordination, with excess trapped and acceleration at the same
		// time: a smaller senior class loses no more. (Left to itself the
		// smaller class may accelerate later and pay its coupon on idle cash
		// for longer, which is the documents' doing, not the arithmetic's.)
		d.Structure.TrapExcess, d.Structure.Tranches[1].Principal = true, 0
		less := d.withSenior(d.Structure.Tranches[0].Principal * 9 / 10)
		f, err := d.project(s, d.periods())
		if err != nil {
			t.Fatal(err)
		}
		thin, err := newWaterfall(&d, d.periods())
		if err != nil {
			t.Fatal(err)
		}
		thick, err := newWaterfall(&less, d.periods())
		if err != nil {
			t.Fatal(err)
		}
		trigger := thin.trigger(f)
		a := thin.run(f, trigger, true, nil, nil).Loss[0]
		if b := thick.run(f, trigger, true, nil, nil).Loss[0]; b > a {
			t.Fatalf("senior loss %s, with more subordination %s", a, b)
		}
	})
}

// The same on every simulated path: expected loss with support is not above
// the one without, and a reserve does not raise it.
func TestSimulatedEnhancement(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := deals().Draw(t, "deal")
		e := enhance(t, d)
		bare, err := d.NewSimulation(7)
		if err != nil {
			t.Fatal(err)
		}
		with, err := e.NewSimulation(7)
		if err != nil {
			t.Fatal(err)
		}
		a, err := bare.Range(0, 64)
		if err != nil {
			t.Fatal(err)
		}
		b, err := with.Range(0, 64)
		if err != nil {
			t.Fatal(err)
		}
		without, supported := b.SeniorLoss()
		if supported > without {
			t.Fatalf("support raises senior loss from %g to %g", without, supported)
		}
		if before, _ := a.SeniorLoss(); without > before {
			t.Fatalf("a reserve raises senior loss from %g to %g", before, without)
		}
	})
}

func TestSimulationSplitsAndOrderDoNotMatter(t *testing.T) {
	d := Example(1)
	sim, err := d.NewSimulation(42)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := sim.Range(0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var parts Tally
	for _, r := range [][2]int64{{700, 1000}, {0, 13}, {13, 700}} {
		p, err := sim.Range(r[0], r[1])
		if err != nil {
			t.Fatal(err)
		}
		parts.Merge(p)
	}
	if diff := cmp.Diff(whole, parts); diff != "" {
		t.Error(diff)
	}
	r := rand.New(rand.NewPCG(9, 9))
	r.Shuffle(len(d.Assets), func(i, j int) { d.Assets[i], d.Assets[j] = d.Assets[j], d.Assets[i] })
	r.Shuffle(len(d.Obligors), func(i, j int) { d.Obligors[i], d.Obligors[j] = d.Obligors[j], d.Obligors[i] })
	shuffled, err := d.NewSimulation(42)
	if err != nil {
		t.Fatal(err)
	}
	again, _ := shuffled.Range(0, 1000)
	a, b := whole.Replicates, again.Replicates
	for i := range a {
		if a[i].Defaults != b[i].Defaults || a[i].Defaulted != b[i].Defaulted || a[i].Senior != b[i].Senior {
			t.Fatal("permuting rows changed the simulation")
		}
	}
}

// Monte Carlo against the exact mixture within its own error bars: mean
// default rate, and the probability of each small number of defaults.
func TestSimulationAgainstExactMixture(t *testing.T) {
	d := Example(1)
	d.Credit.RhoSector = 0
	for i := range d.Assets { // bullets, so that exposure does not fall
		d.Assets[i].Amortise, d.Assets[i].Maturity = "bullet", d.Closing.AddMonths(36)
	}
	sim, err := d.NewSimulation(1)
	if err != nil {
		t.Fatal(err)
	}
	const paths = 40_000
	tally, err := sim.Range(0, paths)
	if err != nil {
		t.Fatal(err)
	}
	e := make([]Exposure, 0, 17)
	for _, o := range sim.obligors {
		e = append(e, Exposure{EAD: o.open[0], PD: Phi(o.threshold[len(o.threshold)-1]), LGD: 1})
	}
	m, err := ExactMixture(e, 0.15)
	if err != nil {
		t.Fatal(err)
	}
	rep, err := sim.Conclude(tally, nil)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "mean default rate", rep.DefaultRate.Mean, m.ExpectedLoss(), 4*rep.DefaultRate.SE)
	if rep.DefaultRate.SE <= 0 || rep.DefaultRate.SE > 0.002 {
		t.Errorf("standard error %g", rep.DefaultRate.SE)
	}
	for k := range 7 {
		p := m.Count[k]
		near(t, fmt.Sprintf("P(%d)", k), float64(tally.Count[k])/paths, p, 4*math.Sqrt(p*(1-p)/paths))
	}
	for _, q := range rep.Quantiles {
		if float64(q.Defaults) < 1 || q.ByCount <= q.Asymptotic*0.5 {
			t.Errorf("quantile row %+v", q)
		}
	}
}

// Industry and region factors: when every obligor shares one industry and one
// region the three factors are one, of the summed correlation; when each has
// its own, only the common factor is left.
func TestSectorAndRegionFactorsAgainstExactMixture(t *testing.T) {
	for _, c := range []struct {
		label func(int) string
		rho   float64
	}{{func(int) string { return "同" }, 0.15}, {func(i int) string { return fmt.Sprint(i) }, 0.08}} {
		d := Example(1)
		d.Credit.Rho, d.Credit.RhoSector, d.Credit.RhoRegion = 0.08, 0.05, 0.02
		for i := range d.Assets {
			d.Assets[i].Amortise, d.Assets[i].Maturity = "bullet", d.Closing.AddMonths(36)
			d.Obligors[i].Industry, d.Obligors[i].Region = c.label(i), c.label(i)
		}
		sim, err := d.NewSimulation(11)
		if err != nil {
			t.Fatal(err)
		}
		const paths = 40_000
		tally, err := sim.Range(0, paths)
		if err != nil {
			t.Fatal(err)
		}
		var e []Exposure
		for _, o := range sim.obligors {
			e = append(e, Exposure{EAD: 1, PD: Phi(o.threshold[len(o.threshold)-1]), LGD: 1})
		}
		m, err := ExactMixture(e, c.rho)
		if err != nil {
			t.Fatal(err)
		}
		for k := range 7 {
			p := m.Count[k]
			near(t, fmt.Sprintf("rho %g P(%d)", c.rho, k), float64(tally.Count[k])/paths, p, 4*math.Sqrt(p*(1-p)/paths))
		}
	}
}

// The joint default of pool and support payer on simulated paths against Φ₂:
// a payer that moves with the pool's only factor.
func TestSimulatedSupportAgainstClosedForm(t *testing.T) {
	pd := 0.05
	d := bullet(money.Fen(95 * money.Yi))
	d.Credit.Rho, d.Structure.EveryMonths = 0.15, 12
	d.Structure.Supports = []Support{{Name: "s", Kind: "shortfall", PD: &pd, PDSource: "test", Rho: 0.3, Affiliate: No}}
	sim, err := d.NewSimulation(3)
	if err != nil {
		t.Fatal(err)
	}
	const paths = 100_000
	tally, err := sim.Range(0, paths)
	if err != nil {
		t.Fatal(err)
	}
	// One obligor: senior loses exactly when it defaults, and with support when
	// the payer has defaulted by the final period too.
	var hit, supported int64
	for _, r := range tally.Replicates {
		hit += r.SeniorHit
		supported += r.SupportHit
	}
	two := cumulativePD(pd, 2)
	se := func(p float64) float64 { return 4 * math.Sqrt(p*(1-p)/paths) }
	near(t, "pool", float64(hit)/paths, two, se(two))
	joint := JointShortfall(two, two, math.Sqrt(0.15*0.3))
	near(t, "joint", float64(supported)/paths, joint, se(joint))
}

func TestSobolStratifies(t *testing.T) {
	s := newSobol(3, 1)
	for dim := range sobolDims {
		var hit [256]bool
		for i := range uint32(256) {
			hit[int(s.at(0, i, dim)*256)] = true
		}
		for cell, h := range hit {
			if !h {
				t.Fatalf("dimension %d leaves cell %d of 256 empty", dim, cell)
			}
		}
	}
}

func TestSizing(t *testing.T) {
	d := bullet(money.Fen(95 * money.Yi))
	got, err := d.SizeSenior(SizeTarget{Scenario: Scenario{Recovery: 0.3, Timing: FrontLoaded()}, BreakEven: 0.17625, Source: "test"})
	if err != nil {
		t.Fatal(err)
	}
	if got.Senior != money.Fen(90*money.Yi) { // inverse of the break-even of the check case
		t.Errorf("senior %s, want 90 hundred million", got.Senior)
	}
	near(t, "BDR", got.Amount, 0.17625, 1e-8)
	if _, err := d.SizeSenior(SizeTarget{Scenario: Scenario{Default: 1, Timing: FrontLoaded()}}); err == nil {
		t.Error("nothing can be issued when everything defaults")
	}
}

func TestStressIsMonotone(t *testing.T) {
	d := Example(1)
	rep, err := d.Stress(StressGrid{})
	if err != nil {
		t.Fatal(err)
	}
	if len(rep.Cells) != 4*4*3 || len(rep.BreakEven) != 12 || rep.Label == "" {
		t.Fatalf("%d cells", len(rep.Cells))
	}
	for i := 1; i < len(rep.Cells); i++ {
		a, b := rep.Cells[i-1], rep.Cells[i]
		if a.Timing == b.Timing && a.Recovery == b.Recovery && a.Yield == b.Yield && b.SeniorLoss < a.SeniorLoss {
			t.Errorf("more defaults, less loss: %+v %+v", a, b)
		}
	}
}

func big() Deal {
	d := Example(1)
	d.Obligors, d.Assets, d.Patents = nil, nil, nil
	for i := range 200 {
		pd := 0.02 + 0.0002*float64(i)
		id := fmt.Sprintf("o%03d", i)
		d.Obligors = append(d.Obligors, Obligor{ID: id, Name: id, PD: &pd, PDSource: "bench", Industry: fmt.Sprint(i % 8), Region: fmt.Sprint(i % 5)})
		d.Assets = append(d.Assets, Asset{
			ID: id, Obligor: id, Kind: Lease, Principal: money.Fen(1e8 + int64(i)*1e6), Rate: 0.06,
			Maturity: d.Closing.AddMonths(36 - i%3), Amortise: "level", EveryMonth: 1,
		})
	}
	d.Structure.EveryMonths, d.Credit.LagMonths, d.Credit.RhoRegion = 1, 0, 0.02
	total := d.Total()
	d.Structure.Tranches[0].Principal = total.MulRate(0.9)
	d.Structure.Tranches[1].Principal = total - d.Structure.Tranches[0].Principal
	return d
}

// BenchmarkSimulation200x36 runs 1,000 paths of 200 obligors over 36 periods
// with the full waterfall on one core; 100,000 paths on two cores take fifty
// times as long.
func BenchmarkSimulation200x36(b *testing.B) {
	d := big()
	sim, err := d.NewSimulation(1)
	if err != nil {
		b.Fatal(err)
	}
	if sim.periods != 36 {
		b.Fatal(sim.periods)
	}
	for b.Loop() {
		if _, err := sim.Range(0, 1000); err != nil {
			b.Fatal(err)
		}
	}
}
