package pool

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"zhijia/internal/calendar"
	"zhijia/internal/money"
	"zhijia/internal/patent"
)

func TestExampleShape(t *testing.T) {
	d := Example(1)
	if err := d.Check(); err != nil {
		t.Fatal(err)
	}
	if d.Total() != money.Fen(10500*money.Wan) || len(d.Obligors) != 17 || len(d.Patents) != 102 || !d.Generated || d.Label == "" {
		t.Fatalf("total %s, %d firms, %d patents", d.Total(), len(d.Obligors), len(d.Patents))
	}
	rep := d.Test()
	for _, r := range rep.Results {
		if r.Answer != Pass {
			t.Errorf("%s: %s %s %v", r.Rule, r.Answer, r.Why, r.Missing)
		}
	}
	if !rep.Passes {
		t.Error("the worked example must pass")
	}
}

// as turns the example into a passing deal of another class.
func as(c Class) Deal {
	d := Example(1)
	d.Class = c
	for i := range d.Assets {
		d.Assets[i].Kind, d.Assets[i].LeaseEligible = c, Yes
	}
	if c == Lease { // sold to the lessor and leased back
		for i := range d.Patents {
			d.Patents[i].Owner, d.Patents[i].Encumbrance = d.Parties.Originator, []string{}
		}
	}
	return d
}

// The example is a licence-fee pool like the first Pudong deal; called leases,
// it is refused by the rules of the leased object, because the licensees own
// the patents and others hold licences.
func TestRelabelledExampleIsRefused(t *testing.T) {
	d := Example(1)
	if d.Class != Licence || !d.Test().Passes {
		t.Fatal("the example is no passing licence-fee pool")
	}
	d.Class = Lease
	for i := range d.Assets {
		d.Assets[i].Kind = Lease
	}
	r := d.Test()
	for rule, want := range map[string]Answer{"lease_owned": Fail, "lease_free": Fail, "lease_eligible": Unsure} {
		if got := r.byRule()[rule].Answer; got != want {
			t.Errorf("%s: %s, want %s", rule, got, want)
		}
	}
	if r.Passes {
		t.Error("licence fees pass as leases")
	}
}

// A rule that is not yet, or no longer, in force does not apply.
func TestRulesInForceOnTheDay(t *testing.T) {
	for closing, applies := range map[string]bool{"2022-12-29": false, "2022-12-30": true} {
		d := Example(1)
		d.CutOff, d.Closing = calendar.MustParse(closing).AddDays(-30), calendar.MustParse(closing)
		_, tested := d.Test().byRule()["single_obligor"]
		if tested != applies {
			t.Errorf("set up %s: single_obligor tested %v", closing, tested)
		}
	}
	for closing, applies := range map[string]bool{"2024-03-28": false, "2024-03-29": true} {
		d := Example(1)
		d.CutOff, d.Closing = calendar.MustParse(closing).AddDays(-30), calendar.MustParse(closing)
		if _, tested := d.Test().byRule()["neg_local_debt"]; tested != applies {
			t.Errorf("set up %s: neg_local_debt tested %v", closing, tested)
		}
	}
}

// Rights of other kinds stand in a pool under their own names; an unknown kind
// is unknown, a wrong one is refused, an expired one fails.
func TestRightsOfOtherKinds(t *testing.T) {
	d := Example(1)
	d.Patents[0].Number, d.Patents[0].Kind = "12345678", Trademark
	d.Patents[1].Number, d.Patents[1].Kind = "软著登字第1234567号", Copyright
	d.Patents[2].Number, d.Patents[2].Kind = "BS.205001234", LayoutDesign
	d.Assets[0].Patents[0], d.Assets[1].Patents[0], d.Assets[2].Patents[0] = d.Patents[0].Number, d.Patents[1].Number, d.Patents[2].Number
	r := d.Test().byRule()["ip_rights"]
	for _, want := range []string{"注册商标1件", "著作权1件", "集成电路布图设计1件"} {
		if r.Answer != Pass || !strings.Contains(r.Why, want) {
			t.Errorf("%s: %s", r.Answer, r.Why)
		}
	}
	d.Patents[0].Kind = ""
	if r := d.Test().byRule()["ip_rights"]; r.Answer != Unsure {
		t.Errorf("a right of no kind: %s", r.Answer)
	}
	rights := func() Result { return d.Test().byRule()["ip_rights"] }
	// A mark may be renewed for six months after its term; a layout-design may not.
	last := d.CutOff.AddMonths(-6)
	for _, c := range []struct {
		kind    patent.Kind
		expires calendar.Date
		want    Answer
	}{{Trademark, last, Pass}, {Trademark, last.AddDays(-1), Fail}, {LayoutDesign, d.CutOff.AddDays(-1), Fail}, {LayoutDesign, d.CutOff, Pass}} {
		d.Patents[0].Kind, d.Patents[0].Expires = c.kind, c.expires
		if r := rights(); r.Answer != c.want {
			t.Errorf("%s ended %s: %s, %s", c.kind, c.expires, r.Answer, r.Why)
		}
	}
	// Where no end is stated, the law of the kind gives it.
	d.Patents[0].Expires = calendar.Date{}
	for _, c := range []struct {
		kind           patent.Kind
		filed, granted string
		want           string
	}{
		{Trademark, "2015-01-05", "2016-10-14", "2026-10-13"}, {LayoutDesign, "2017-03-01", "", "2027-02-28"}, {Copyright, "1977-05-06", "", "2027-12-31"}, {Copyright, "", "", ""},
	} {
		x := IP{Kind: c.kind}
		if c.filed != "" {
			x.Filed = calendar.MustParse(c.filed)
		}
		if c.granted != "" {
			x.Granted = calendar.MustParse(c.granted)
		}
		if got := x.LastDay().String(); got != c.want {
			t.Errorf("%s: last day %s, want %s", c.kind, got, c.want)
		}
	}
	// Every register has its own words; each says alive, dead, or that it does not
	// tell; a word of another register is refused.
	for kind, states := range RegistryStates {
		for _, s := range states {
			d.Patents[0].Kind, d.Patents[0].State, d.Patents[0].Register, d.Patents[0].Expires = kind, "", s.Zh, d.CutOff.AddYears(1)
			want := map[Fact]Answer{Yes: Pass, No: Fail, Unknown: Unsure}[s.Alive]
			if err := d.Check(); err != nil || rights().Answer != want {
				t.Errorf("%s %s: %s, want %s, %v", kind, s.Word, rights().Answer, want, err)
			}
		}
	}
	d.Patents[0].Kind, d.Patents[0].Register = Copyright, "lapsed"
	if d.Check() == nil {
		t.Error("a copyright lapses like a patent")
	}
	d.Patents[0].Register = ""
	d.Patents[0].Kind = "domain_name"
	if d.Check() == nil {
		t.Error("a domain name is a right of the guide")
	}
}

func withShelf() Deal {
	d := Example(1)
	c := map[string]string{"class": "lease", "max_single": "0.5"}
	d.Shelf = &Shelf{
		Approved: money.Fen(10 * money.Yi), Homogeneous: Yes, RealFirstPool: Yes, Supply: Yes,
		Series: []Series{{"1期", calendar.New(2026, 3, 3), money.Fen(5000 * money.Wan), c}, {"2期", calendar.New(2026, 11, 20), money.Fen(10500 * money.Wan), c}},
	}
	return d
}

// weigh sets the first firm's principal to the given share of an unchanged
// total, the others in proportion.
func weigh(d *Deal, shares ...float64) {
	total := d.Total()
	rest := 1.0
	for _, s := range shares {
		rest -= s
	}
	left := total
	for i := range d.Assets {
		share := rest / float64(len(d.Assets)-len(shares))
		if i < len(shares) {
			share = shares[i]
		}
		d.Assets[i].Principal = total.MulRate(share)
		left -= d.Assets[i].Principal
	}
	d.Assets[len(d.Assets)-1].Principal += left
}

// Each mutation makes one rule fail and no other.
func TestOneMutationFailsOneRule(t *testing.T) {
	f := func(x float64) *float64 { return &x }
	two := 2
	cases := []struct {
		rule string
		base Deal
		mut  func(*Deal)
	}{
		{"ip_label", Example(1), func(d *Deal) {
			for i := range 8 {
				d.Assets[i].IPFormed = No
			}
			d.Facts.ProceedsToIP = f(0.2)
		}},
		{"obligor_count", Example(1), func(d *Deal) {
			weigh(d)
			for i := range d.Obligors {
				d.Obligors[i].Group = fmt.Sprint("集团", i%9)
			}
		}},
		{"single_obligor", Example(1), func(d *Deal) { weigh(d, 0.51) }},
		{"lease_top5", as(Lease), func(d *Deal) { weigh(d, 0.142, 0.142, 0.142, 0.142, 0.142) }},
		{"online_small_loan", as(SmallLoan), func(d *Deal) { d.Assets[0].Online = Yes }},
		{"related_party", Example(1), func(d *Deal) {
			weigh(d, 0.12)
			d.Obligors[0].Related, d.Facts.RelatedDisclosed = Yes, No
		}},
		{"important_provider", Example(1), func(d *Deal) { weigh(d, 0.2); d.Facts.ProviderDisclosed = No }},
		{"risk_retention", Example(1), func(d *Deal) { d.Structure.Retained = f(0.0499) }},
		{"asset_performed", Example(1), func(d *Deal) { d.Assets[3].Performed = No }},
		{"asset_no_defence", Example(1), func(d *Deal) { d.Assets[3].NoDefence = No }},
		{"asset_overdue", Example(1), func(d *Deal) { d.Assets[3].Overdue = &two }},
		{"asset_whole", Example(1), func(d *Deal) { d.Assets[3].Whole = No }},
		{"obligor_record", Example(1), func(d *Deal) { d.Obligors[3].BadRecord = Yes }},
		{"originator_years", as(Lease), func(d *Deal) { d.Facts.OriginatorYears = f(1.9) }},
		{"originator_strength", as(SmallLoan), func(d *Deal) { d.Facts.OriginatorProfitable = No }},
		{"cash_route", Example(1), func(d *Deal) { d.Facts.CashRoute = "commingled" }},
		{"cash_cycle", Example(1), func(d *Deal) { d.Facts.CycleMonths = f(4) }},
		{"reinvestment", Example(1), func(d *Deal) { d.Facts.ReinvestEquity = Yes }},
		{"forecast", Example(1), func(d *Deal) { d.History = d.History[36:] }},
		{"stress_report", Example(1), func(d *Deal) { d.Facts.StressDimensions = []string{"default"} }},
		{"forecast_waiver", Example(1), func(d *Deal) {
			d.Facts.ForecastReportWaived, d.Facts.CashFlowsCertain = Yes, No
		}},
		{"shelf", withShelf(), func(d *Deal) {
			d.Shelf.Series[1].Criteria = map[string]string{"class": "lease", "max_single": "0.6"}
		}},
		{"N5", Example(1), func(d *Deal) { d.Facts.DisposalOnly = Yes }},
		{"neg_uncertain", Example(1), func(d *Deal) { d.Facts.UncertainCash = Yes }},
		{"neg_mixed", Example(1), func(d *Deal) { d.Facts.MixedUnrelated = Yes }},
		{"neg_dishonest", Example(1), func(d *Deal) { weigh(d, 0.2); d.Obligors[0].Dishonest = Yes }},
		{"ip_rights", Example(1), func(d *Deal) { d.Patents[7].State, d.Patents[7].StateReason = "dead", "未缴年费终止" }},
		{"neg_local_debt", Example(1), func(d *Deal) { d.Facts.LocalGovDebt = Yes }},
		{"asset_unencumbered", Example(1), func(d *Deal) { d.Assets[2].Unencumbered = No }},
		{"special_originator", Example(1), func(d *Deal) { d.Facts.SpecialOriginator, d.Facts.SpecialOriginatorSound = Yes, No }},
		{"enhancement_terms", Example(1), func(d *Deal) {
			d.Structure.Supports = append(d.Structure.Supports, Support{Name: "某公司", Kind: "guarantee", Dishonest: No})
		}},
		{"party_record", Example(1), func(d *Deal) { d.Structure.Supports[0].Dishonest = Yes }},
		{"lease_owned", as(Lease), func(d *Deal) { d.Patents[5].Owner = "承租人" }},
		{"lease_eligible", as(Lease), func(d *Deal) { d.Assets[5].LeaseEligible = No }},
		{"lease_registered", as(Lease), func(d *Deal) { d.Patents[5].Registered = "未登记" }},
		{"lease_free", as(Lease), func(d *Deal) { d.Patents[5].Encumbrance, d.Patents[5].Consent = []string{"pledge"}, Yes }},
		{"lessor_sound", as(Lease), func(d *Deal) {
			d.Facts.LessorListed, d.Facts.OriginatorSound, d.Structure.Supports = No, No, nil
		}},
	}
	covered := map[string]bool{}
	for _, c := range cases {
		covered[c.rule] = true
		if !c.base.Test().Passes {
			t.Errorf("%s: the base does not pass", c.rule)
		}
		c.mut(&c.base)
		if err := c.base.Check(); err != nil {
			t.Errorf("%s: %v", c.rule, err)
			continue
		}
		for _, r := range c.base.Test().Results {
			want := Pass
			if r.Rule == c.rule {
				want = Fail
			}
			if r.Answer != want {
				t.Errorf("mutation %s: rule %s is %s (%s), want %s", c.rule, r.Rule, r.Answer, r.Why, want)
			}
		}
	}
	for _, r := range Rules().Rules {
		if !covered[r.ID] || tests[r.ID] == nil || r.Cite == "" || r.Note == "" || r.URL == "" || r.From.IsZero() {
			t.Errorf("rule %s has no mutation, test, citation or text", r.ID)
		}
	}
}

// Removing a fact makes its rule unknown, with the field named; never a pass.
func TestMissingFactsAreUnknown(t *testing.T) {
	for _, c := range []struct {
		rule, field string
		base        Deal
		mut         func(*Deal)
	}{
		{"ip_label", "assets[A01].ip_formed", Example(1), func(d *Deal) {
			for i := range d.Assets {
				d.Assets[i].IPFormed = Unknown
			}
		}},
		{"related_party", "obligors[F01].related", Example(1), func(d *Deal) {
			for i := range d.Obligors {
				d.Obligors[i].Related = Unknown
			}
		}},
		{"risk_retention", "structure.retained", Example(1), func(d *Deal) { d.Structure.Retained = nil }},
		{"asset_overdue", "assets[A02].overdue_days", Example(1), func(d *Deal) { d.Assets[1].Overdue = nil }},
		{"obligor_record", "assets[A02].obligor.bad_record", Example(1), func(d *Deal) { d.Obligors[1].BadRecord = Unknown }},
		{"originator_years", "facts.originator_years", as(Lease), func(d *Deal) { d.Facts.OriginatorYears = nil }},
		{"originator_strength", "facts.originator_net_assets", as(SmallLoan), func(d *Deal) { d.Facts.OriginatorNetAssets = nil }},
		{"online_small_loan", "assets[A01].online", as(SmallLoan), func(d *Deal) { d.Assets[0].Online = Unknown }},
		{"cash_route", "facts.cash_route", Example(1), func(d *Deal) { d.Facts.CashRoute = "" }},
		{"cash_cycle", "facts.cycle_months", Example(1), func(d *Deal) { d.Facts.CycleMonths = nil }},
		{"reinvestment", "facts.reinvest_equity", Example(1), func(d *Deal) { d.Facts.ReinvestEquity = Unknown }},
		{"forecast", "history", Example(1), func(d *Deal) { d.History = nil }},
		{"stress_report", "facts.stress_dimensions", Example(1), func(d *Deal) { d.Facts.StressDimensions = nil }},
		{"forecast_waiver", "facts.forecast_report_waived", Example(1), func(d *Deal) { d.Facts.ForecastReportWaived = Unknown }},
		{"N5", "facts.disposal_only", Example(1), func(d *Deal) { d.Facts.DisposalOnly = Unknown }},
		{"shelf", "shelf.supply", withShelf(), func(d *Deal) { d.Shelf.Supply = Unknown }},
		{"ip_rights", "patents[", Example(1), func(d *Deal) { d.Patents[0].State = "" }},
		{"neg_dishonest", "obligors[F01].dishonest", Example(1), func(d *Deal) { weigh(d, 0.2); d.Obligors[0].Dishonest = Unknown }},
	} {
		c.mut(&c.base)
		r := c.base.Test().byRule()[c.rule]
		if r.Answer != Unsure || len(r.Missing) == 0 || len(r.Missing[0]) < len(c.field) || r.Missing[0][:len(c.field)] != c.field {
			t.Errorf("%s: %s, missing %v, want unknown naming %s", c.rule, r.Answer, r.Missing, c.field)
		}
		if c.base.Test().Passes {
			t.Errorf("%s: a pool with an unknown must not pass", c.rule)
		}
	}
	bare := Example(1)
	bare.Facts, bare.Patents, bare.Structure.Retained = DealFacts{}, nil, nil
	if rep := bare.Test(); rep.Passes || rep.Count(Unsure) < 10 {
		t.Errorf("a deal without facts: passes %v, %d unknown", rep.Passes, rep.Count(Unsure))
	}
}

func TestWaivers(t *testing.T) {
	d := Example(1)
	weigh(&d, 0.51)
	answer := func() Result { return d.Test().byRule()["single_obligor"] }
	d.Waivers = []Waiver{{Rule: "single_obligor"}}
	if r := answer(); r.Answer != Fail {
		t.Errorf("a waiver without evidence: %s", r.Answer)
	}
	d.Waivers[0].Evidence = "无异议函附件三（示例）"
	if r := answer(); r.Answer != Waived || r.Evidence == "" {
		t.Errorf("want waived with evidence, got %+v", r)
	}
	d.Facts.OriginatorSound = Unknown
	if r := answer(); r.Answer != Fail {
		t.Errorf("originator not known to be sound: %s", r.Answer)
	}
	d.Facts.OriginatorSound, d.Structure.Supports = Yes, nil
	if r := answer(); r.Answer != Fail {
		t.Errorf("no enhancement: %s", r.Answer)
	}
	d = Example(1)
	d.Waivers = []Waiver{{Rule: "cash_cycle", Evidence: "x"}}
	four := 4.0
	d.Facts.CycleMonths = &four
	if r := d.Test().byRule()["cash_cycle"]; r.Answer != Fail {
		t.Errorf("a rule that cannot be waived: %s", r.Answer)
	}
}

// The example of the design: HHI 0.125, effective number 8, top five exactly
// 70.0%, a boundary pass.
func TestConcentrationAtTheBoundary(t *testing.T) {
	w := []float64{20, 15, 15, 10, 10, 10, 5, 5, 5, 5}
	hhi, n, top5 := Concentration(w)
	near(t, "HHI", hhi, 0.125, 1e-12)
	near(t, "N", n, 8, 1e-12)
	near(t, "top5", top5, 0.70, 1e-12)
	d := as(Lease)
	d.Assets, d.Obligors = d.Assets[:10], d.Obligors[:10]
	for i := range d.Assets {
		d.Assets[i].Principal = money.Fen(w[i] * 1e8)
	}
	r := d.Test().byRule()
	if r["lease_top5"].Answer != Pass || r["obligor_count"].Answer != Pass {
		t.Errorf("boundary: top5 %s, count %s", r["lease_top5"].Answer, r["obligor_count"].Answer)
	}
	d.Assets[0].Principal++
	d.Assets[9].Principal--
	if a := d.Test().byRule()["lease_top5"].Answer; a != Fail {
		t.Errorf("one fen beyond 70%%: %s", a)
	}
}

// The letter's shelf figure: 29.53 of 122.7 hundred million used.
func TestShelfLedger(t *testing.T) {
	s := Shelf{Approved: money.Fen(12270 * money.Yi / 100), Series: []Series{{Name: "1", Amount: money.Fen(2953 * money.Yi / 100)}}}
	l := s.Ledger()
	near(t, "used", l.Used, 0.241, 5e-4)
	if l.Room != s.Approved-s.Series[0].Amount {
		t.Errorf("room %s", l.Room)
	}
	s.Series = append(s.Series, Series{Name: "2", Amount: l.Room + 1})
	if l = s.Ledger(); !l.Series[1].Over || l.Series[1].Conforms || l.Room != -1 {
		t.Errorf("one fen over the shelf: %+v", l)
	}
	d := withShelf()
	d.Class = CorporateClaim
	if a := d.Test().byRule()["shelf"].Answer; a != Fail {
		t.Errorf("corporate claims under a shelf: %s", a)
	}
}

func TestPermutingRowsChangesNoAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Example(2)
		weigh(&d, rapid.Float64Range(0.01, 0.6).Draw(t, "share"))
		before, stats, coll := answers(d.Test()), d.Statistics(), d.Collateral()
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "shuffle"), 1))
		r.Shuffle(len(d.Assets), func(i, j int) { d.Assets[i], d.Assets[j] = d.Assets[j], d.Assets[i] })
		r.Shuffle(len(d.Obligors), func(i, j int) { d.Obligors[i], d.Obligors[j] = d.Obligors[j], d.Obligors[i] })
		r.Shuffle(len(d.Patents), func(i, j int) { d.Patents[i], d.Patents[j] = d.Patents[j], d.Patents[i] })
		if after := answers(d.Test()); after != before {
			t.Fatalf("answers changed: %s", after)
		}
		after := d.Statistics()
		if diff := cmp.Diff(stats, after, cmpopts.EquateApprox(1e-9, 0)); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(coll, d.Collateral()); diff != "" {
			t.Fatal(diff)
		}
	})
}

func answers(r Report) string {
	var s []string
	for _, x := range r.Results {
		s = append(s, x.Rule+string(x.Answer))
	}
	slices.Sort(s)
	return fmt.Sprint(s)
}

func TestCollateral(t *testing.T) {
	d := Example(1)
	all := d.Collateral()
	if len(all.Counted) != 102 || !all.Complete || all.FamilyOverlap <= 0 {
		t.Fatalf("counted %d, overlap %g", len(all.Counted), all.FamilyOverlap)
	}
	zero := 0
	for _, c := range all.Counted {
		if c.Weight == 0 {
			zero++
			if c.Reason == nil || c.Point != 0 {
				t.Errorf("%s has weight 0 without a reason", c.Number)
			}
		}
	}
	if zero != 6 {
		t.Errorf("%d family members discounted, want 6", zero)
	}
	d.Patents[20].State = "dead"
	d.Patents[21].OtherPool = "他池"
	d.Patents[22].Value = nil
	d.Patents = append(d.Patents, d.Patents[30])
	c := d.Collateral()
	if len(c.Excluded) != 3 || len(c.Unvalued) != 1 || c.Complete {
		t.Fatalf("excluded %v, unvalued %v", c.Excluded, c.Unvalued)
	}
	want := all.Point - d.Patents[20].Value.Point - d.Patents[21].Value.Point - Example(1).Patents[22].Value.Point
	near(t, "point", c.Point, want, 1e-3)
	if *c.CoverLow >= *c.CoverPoint {
		t.Error("coverage at the lower bound must be below that at the point")
	}
}

func TestCalendar(t *testing.T) {
	c := calendar.Shipped()
	for year, want := range map[int]int{2024: 242, 2025: 243, 2026: 242} { // published counts of trading days
		n := 0
		for d := calendar.New(year, 1, 1); d.Year == year; d = d.AddDays(1) {
			if ok, err := c.TradingDay(d); err != nil {
				t.Fatal(err)
			} else if ok {
				n++
			}
		}
		if n != want {
			t.Errorf("%d has %d trading days, want %d", year, n, want)
		}
	}
	due, err := c.AddTradingDays(calendar.New(2026, 9, 30), 2) // over the National Day week
	if err != nil || due != calendar.New(2026, 10, 9) {
		t.Errorf("T+2 from 2026-09-30 = %s, %v", due, err)
	}
	if due, _ = c.AddTradingDays(calendar.New(2026, 2, 24), -2); due != calendar.New(2026, 2, 12) {
		t.Errorf("two trading days before 2026-02-24 = %s", due)
	}
	if _, err = c.AddTradingDays(calendar.New(2024, 1, 2), -2); err == nil {
		t.Error("2023 is not covered and must be an error")
	}
}
