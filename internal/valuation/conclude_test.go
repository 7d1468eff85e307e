package valuation

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
	"zhijia/internal/valuation/cost"
	"zhijia/internal/valuation/damages"
	"zhijia/internal/valuation/income"
	"zhijia/internal/valuation/market"
	"zhijia/internal/valuation/terms"
)

func conclude(t rapid.TB, asg Assignment, ev Evidence, as Assumptions) Conclusion {
	t.Helper()
	c, err := Conclude(asg, ev, as)
	if err != nil {
		t.Fatalf("Conclude: %v", err)
	}
	checkOpinion(t, &c)
	return c
}

// checkOpinion holds every law that can be read off one opinion.
func checkOpinion(t rapid.TB, c *Conclusion) {
	t.Helper()
	v := &c.Value
	if c.Status == Abstained {
		if v.Point != nil || c.ReasonCode == "" || c.Reason == nil || c.Reason.Next == "" {
			t.Fatalf("an abstention needs a reason and what to supply next: %+v", c)
		}
		return
	}
	point := v.Median
	if v.Point != nil {
		point = *v.Point
	}
	if !(v.Low <= point && point <= v.High && v.Low >= 0) || math.IsInf(v.High, 0) {
		t.Fatalf("low %v, point %v, high %v", v.Low, point, v.High)
	}
	sum := 0.0
	for _, x := range c.Contributions {
		sum += x.Yuan
	}
	if math.Abs(sum-v.Median) > math.Max(1, 1e-9*v.Median) {
		t.Fatalf("contributions sum to %v, the value is %v", sum, v.Median)
	}
	if c.Status == Zero || c.Status == Graded || c.Basis == terms.BasisDamages { // no approach answers
		return
	}
	width := 0.0
	for _, x := range c.WidthContributions {
		width += x.Share
	}
	if math.Abs(width-1) > 1e-9 {
		t.Fatalf("width contributions sum to %v: %+v", width, c.WidthContributions)
	}
	weights := 0.0
	for _, a := range c.Approaches {
		weights += a.Weight
		if a.Applicable == (a.ReasonCode != "") {
			t.Fatalf("approach %s: applicable %v with reason %q", a.ID, a.Applicable, a.ReasonCode)
		}
	}
	if math.Abs(weights-1) > 1e-9 {
		t.Fatalf("weights sum to %v", weights)
	}
	if len(c.Members) > 0 {
		s := 0.0
		for _, m := range c.Members {
			s += m.Value
		}
		if math.Abs(s-v.Median) > 0.01 {
			t.Fatalf("members sum to %v, the bundle is worth %v", s, v.Median)
		}
	}
	if c.Lending.Forced > v.Median*(1+1e-12) || c.Lending.LowerBound > v.Median {
		t.Fatalf("liquidation above market: %+v", c.Lending)
	}
	for i := 1; i < 4; i++ {
		if c.PWithin[i].Chance < c.PWithin[i-1].Chance {
			t.Fatalf("p_within falls: %+v", c.PWithin)
		}
	}
	if !slices.Contains([]string{"A", "B", "C", "D", "E"}, c.Grade) {
		t.Fatalf("grade %q", c.Grade)
	}
	if _, err := json.Marshal(c); err != nil {
		t.Fatalf("not JSON: %v", err)
	}
}

func sameBytes(t rapid.TB, what string, a, b Conclusion) {
	t.Helper()
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	if !bytes.Equal(x, y) {
		t.Fatalf("%s changed the opinion:\n%s\n%s", what, x, y)
	}
}

func TestConcludeFull(t *testing.T) {
	t.Parallel()
	asg, ev := anAssignment(), someEvidence(20)
	ev.Income, ev.Cost = someIncome(), &cost.Facts{Replacement: terms.Exactly(600000), Functional: ptr(0.2)}
	ev.Indicators = everyScore(60, terms.ByModel)
	c := conclude(t, asg, ev, DefaultAssumptions())
	if c.Status != Valued || len(c.Comparables) != 20 {
		t.Fatalf("status %s, %d comparables, flags %+v", c.Status, len(c.Comparables), c.Flags)
	}
	n := 0
	for _, a := range c.Approaches {
		if a.Applicable {
			n++
		}
	}
	if n != 2 { // cost is information, never averaged
		t.Errorf("%d approaches apply: %+v", n, c.Approaches)
	}
	b, _ := json.MarshalIndent(c, "", " ")
	t.Logf("%.3000s", b)
}

// TestNoDeals values on the stated levels and the asks alone: an ordinary invention and utility model of a firm lie where
// the asks of ordinary patents lie (docs/market-model.md: 18,800 and 5,000), and forced <= private <= showcase.
func TestNoDeals(t *testing.T) {
	t.Parallel()
	a := DefaultAssumptions()
	for kind, span := range map[patent.Kind][2]float64{patent.Invention: {8000, 60000}, patent.UtilityModel: {1500, 15000}} {
		asg := anAssignment()
		asg.Subject[0].Number = "Y" // of no kind
		asg.Subject[0].Kind, asg.Subject[0].Filing, asg.Subject[0].Grant = kind, calendar.New(2021, 5, 1), calendar.New(2022, 9, 6)
		c := conclude(t, asg, Evidence{Legal: []LegalState{{Number: "Y", State: Alive, AsOf: calendar.New(2026, 11, 1)}}}, a)
		if c.Value.Median < span[0] || c.Value.Median > span[1] || c.Grade != "E" {
			t.Errorf("%s: %v, grade %s", kind, c.Value.Median, c.Grade)
		}
		last := 0.0
		for _, m := range c.Markets[:3] {
			if m.Median < last {
				t.Errorf("%s: %s is worth %v, less than %v", kind, m.Market, m.Median, last)
			}
			last = m.Median
		}
	}
}

// TestMarketOfSale holds the label: purposes fix it, a label above private needs its fact, and without a second person it
// is marked.
func TestMarketOfSale(t *testing.T) {
	t.Parallel()
	a := DefaultAssumptions()
	base := conclude(t, anAssignment(), someEvidence(5), a)
	for _, purpose := range []terms.Purpose{terms.PurposePledge, terms.PurposeSecuritisation, terms.PurposeDisposal} {
		asg := anAssignment()
		asg.Purpose, asg.Market = purpose, market.Showcase
		asg.MarketFact = &MarketFact{Kind: "listing_notice", Date: calendar.New(2026, 1, 1), Document: "x"}
		if _, err := Conclude(asg, someEvidence(5), a); err == nil {
			t.Errorf("%s: the market was changed", purpose)
		}
	}
	asg := anAssignment()
	asg.Market = market.Showcase
	if _, err := Conclude(asg, someEvidence(5), a); err == nil {
		t.Error("a market above private without its fact")
	}
	asg.MarketFact = &MarketFact{Kind: "exchange_number", Date: calendar.New(2026, 1, 1), Document: "G32026", ProposedBy: "a"}
	c := conclude(t, asg, someEvidence(5), a)
	if !c.MarketUnreviewed || c.Value.Median <= base.Value.Median {
		t.Errorf("unreviewed %v, %v after %v", c.MarketUnreviewed, c.Value.Median, base.Value.Median)
	}
	asg.MarketFact.ApprovedBy = "b"
	if c := conclude(t, asg, someEvidence(5), a); c.MarketUnreviewed {
		t.Error("an approved label is marked")
	}
	asg = anAssignment()
	asg.Market = market.Unknown
	if c := conclude(t, asg, someEvidence(5), a); c.Status != RangeOnly || c.Value.Point != nil || len(c.Markets) != 4 {
		t.Errorf("unknown market: %s, point %v, %d figures", c.Status, c.Value.Point, len(c.Markets))
	}
	ev := someEvidence(5)
	ev.Ask = ptr(5000.0)
	if c := conclude(t, anAssignment(), ev, a); c.Value.Median > 5000*(1+1e-9) {
		t.Errorf("above the public ask: %v", c.Value.Median)
	}
	// A bundle is worth its members: splitting it changes no total.
	two := anAssignment()
	p := aPatent()
	p.Number, p.Kind = "CN201720543019.X", patent.UtilityModel
	two.Subject = append(two.Subject, p)
	ev = someEvidence(5)
	ev.Legal = append(ev.Legal, LegalState{Number: p.Number, State: Alive, AsOf: calendar.New(2026, 11, 1)})
	one, other := anAssignment(), anAssignment()
	other.Subject = []terms.Patent{p}
	x, y, both := conclude(t, one, ev, a), conclude(t, other, ev, a), conclude(t, two, ev, a)
	want(t, "bundle", both.Value.Median, x.Value.Median+y.Value.Median, 1e-9)
}

func TestDeadIsZeroForEveryPurpose(t *testing.T) {
	t.Parallel()
	a := DefaultAssumptions()
	for _, purpose := range terms.Purposes {
		if purpose == terms.PurposeInfringement {
			continue // damages are owed for past acts
		}
		asg, ev := anAssignment(), someEvidence(10)
		asg.Purpose = purpose
		ev.Income = someIncome()
		ev.Legal = []LegalState{{Number: asg.Subject[0].Number, State: Dead, Reason: "fee_unpaid", Since: calendar.New(2024, 1, 1)}}
		c := conclude(t, asg, ev, a)
		if c.Status != Zero || *c.Value.Point != 0 || c.ReasonCode != "legal.fee_unpaid" {
			t.Errorf("%s: %s %v %s", purpose, c.Status, c.Value.Point, c.ReasonCode)
		}
		// It died after T: at T it lived.
		ev.Legal[0].Since = testDate
		if c := conclude(t, asg, ev, a); c.Status == Zero {
			t.Errorf("%s: an event on T counted", purpose)
		}
	}
	asg := anAssignment()
	asg.Subject[0].Filing = calendar.New(2006, 11, 23)
	if c := conclude(t, asg, someEvidence(5), a); c.Status != Zero || c.ReasonCode != "legal.expired" {
		t.Errorf("expired: %s %s", c.Status, c.ReasonCode)
	}
}

func TestAbstentions(t *testing.T) {
	t.Parallel()
	a := DefaultAssumptions()
	asg := anAssignment()
	asg.Owner = terms.OwnerUnknown
	ev := Evidence{Rank: &Rank{Percentile: .8, Cohort: "H01M 2018", Size: 1000}}
	c := conclude(t, asg, ev, a)
	if c.Status != Valued || c.Grade != "E" {
		t.Errorf("number and rank: %s %s", c.Status, c.Grade)
	}
	lower := conclude(t, asg, Evidence{Rank: &Rank{Percentile: .2}}, a)
	if lower.Value.Median >= c.Value.Median {
		t.Error("a lower rank must be worth less")
	}
	asg.Subject[0].Number, asg.Subject[0].Kind = "D", patent.Design
	if c := conclude(t, asg, someEvidence(5), a); c.Status != Abstained || c.ReasonCode != "subject.kind_unsupported" {
		t.Errorf("design: %s %s", c.Status, c.ReasonCode)
	}
	asg.Subject[0].Kind = ""
	if c := conclude(t, asg, someEvidence(5), a); c.Status != Abstained || c.ReasonCode != "subject.kind_unknown" {
		t.Errorf("unknown kind: %s %s", c.Status, c.ReasonCode)
	}
}

func TestConcludeRefusesAndNamesTheField(t *testing.T) {
	t.Parallel()
	a := DefaultAssumptions()
	for field, spoil := range map[string]func(*Assignment, *Evidence){
		"date":                 func(a *Assignment, _ *Evidence) { a.Date = calendar.Date{} },
		"subject":              func(a *Assignment, _ *Evidence) { a.Subject = nil },
		"purpose":              func(a *Assignment, _ *Evidence) { a.Purpose = "gift" },
		"level":                func(a *Assignment, _ *Evidence) { a.Level = math.NaN() },
		"right_fraction":       func(a *Assignment, _ *Evidence) { a.RightFraction = 1.5 },
		"override.reason":      func(a *Assignment, _ *Evidence) { a.Override = &Override{Value: 1} },
		"income.revenue[2027]": func(_ *Assignment, e *Evidence) { e.Income.Revenue[1].Value = ptr(math.NaN()) },
		"income.tax_rate":      func(_ *Assignment, e *Evidence) { e.Income.Tax = terms.Exactly(1.2) },
		"income.discount_rate": func(_ *Assignment, e *Evidence) { e.Income.Discount = terms.Exactly(math.Inf(1)) },
		"income.royalty_rate":  func(_ *Assignment, e *Evidence) { e.Income.Royalty = terms.Range(.3, .2, .1) },
		"income.royalty_range": func(_ *Assignment, e *Evidence) { e.Income.RoyaltyRange = &[2]terms.Rate{.1, .05} },
		"cost.functional":      func(_ *Assignment, e *Evidence) { e.Cost = &cost.Facts{Functional: ptr(2.0)} },
		"income.inputs":        func(_ *Assignment, e *Evidence) { e.Income.Inputs = "mine" },
		"damages.loss":         func(_ *Assignment, e *Evidence) { e.Damages = &damages.Facts{Loss: terms.Exactly(-1)} },
		"damages.to": func(a *Assignment, e *Evidence) {
			e.Damages = &damages.Facts{From: a.Date.AddDays(-3), To: a.Date.AddDays(-4)}
		},
		"damages.punitive_multiplier": func(_ *Assignment, e *Evidence) { e.Damages = &damages.Facts{Multiplier: ptr(.5)} },
		"damages.licence_multiple":    func(_ *Assignment, e *Evidence) { e.Damages = &damages.Facts{Multiple: ptr(math.NaN())} },
		"rank.percentile":             func(_ *Assignment, e *Evidence) { e.Rank = &Rank{Percentile: 1} },
		"indicators.T1.1.score": func(_ *Assignment, e *Evidence) {
			e.Indicators = []terms.IndicatorScore{{Code: "T1.1", Score: ptr(101.0)}}
		},
		"income.correlations[0].rho": func(_ *Assignment, e *Evidence) {
			e.Income.Correlations = []income.Correlation{{A: "a", B: "b", Rho: 1}}
		},
	} {
		asg, ev := anAssignment(), someEvidence(3)
		ev.Income = someIncome()
		spoil(&asg, &ev)
		_, err := Conclude(asg, ev, a)
		fe := fault.Public(err)
		if err == nil || fe.Kind != fault.Invalid || !slices.ContainsFunc(fe.Fields, func(f fault.Field) bool { return f.Field == field }) {
			t.Errorf("%s: %v", field, err)
		}
	}
}
