package valuation

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zhijia/internal/calendar"
	"zhijia/internal/valuation/damages"
	"zhijia/internal/valuation/income"
	"zhijia/internal/valuation/market"
	"zhijia/internal/valuation/terms"
)

// Each purpose gives the headline, premise, scope and approaches of the table,
// and no figure of another basis is averaged into it.
func TestPurposesGiveTheirBases(t *testing.T) {
	t.Parallel()
	for purpose, want := range map[terms.Purpose]struct {
		inputs  terms.Inputs
		basis   terms.Basis
		premise terms.Premise
		scope   terms.Scope
		by      string // approaches of the headline
		status  Status
	}{
		terms.PurposeAssignment:     {"", terms.BasisMarket, terms.PremiseOrderly, terms.ScopeBare, "market", Valued},
		terms.PurposeLicence:        {"", terms.BasisMarket, terms.PremiseCurrentUse, terms.ScopeUse, "market+income", Valued},
		terms.PurposeContribution:   {"", terms.BasisMarket, terms.PremiseHighestBestUse, terms.ScopeBare, "market+income", RangeOnly}, // of an unknown market
		terms.PurposePledge:         {"", terms.BasisMarket, terms.PremiseOrderly, terms.ScopeBare, "market", Valued},
		terms.PurposeSecuritisation: {"", terms.BasisContract, terms.PremiseCurrentUse, terms.ScopeContracts, "income", Valued},
		terms.PurposeReporting:      {"", terms.BasisFair, terms.PremiseHighestBestUse, terms.ScopeBare, "market+income", Valued},
		terms.PurposeImpairment:     {"", terms.BasisRecoverable, terms.PremiseContinuedUse, terms.ScopeBare, "market", Valued}, // here the higher
		terms.PurposeInfringement:   {"", terms.BasisDamages, terms.PremiseInForce, terms.ScopeBare, "", RangeOnly},
		terms.PurposeDisposal:       {"", terms.BasisLiquidation, terms.PremiseForced, terms.ScopeBare, "market", Valued},
		terms.PurposeManagement:     {"", terms.BasisMarket, terms.PremiseCurrentUse, terms.ScopeBare, "", Graded},
	} {
		asg, ev := anAssignment(), someEvidence(20)
		asg.Purpose, ev.Income = purpose, someIncome()
		ev.Income.Inputs = want.inputs
		for i := range ev.Income.Revenue { // of the order of the deals, so that a point remains
			ev.Income.Revenue[i].Value = ptr(2e6)
		}
		ev.Indicators = everyScore(60, terms.ByOfficer)
		c := conclude(t, asg, ev, DefaultAssumptions())
		if c.Basis != want.basis || c.Premise != want.premise || c.Scope != want.scope || c.Status != want.status {
			t.Errorf("%s: %s %s %s %s", purpose, c.Basis, c.Premise, c.Scope, c.Status)
		}
		if want.by != "" && (len(c.Bases) < 2 || !c.Bases[0].Headline || c.Bases[0].Approach != want.by || c.Bases[0].Value != c.Value.Median) {
			t.Errorf("%s: the headline is %+v", purpose, c.Bases)
		}
		for i, b := range c.Bases {
			if b.Headline != (i == 0) || b.Zh == "" || b.En == "" || b.Scope == "" || b.Low > b.Value || b.Value > b.High {
				t.Errorf("%s: %+v", purpose, b)
			}
		}
		for _, a := range c.Approaches {
			if a.Weight > 0 && a.Basis != c.Basis {
				t.Errorf("%s: %s of basis %s is averaged into %s", purpose, a.ID, a.Basis, c.Basis)
			}
		}
	}
}

// What a borrower says of his own revenue moves neither the market value nor
// the liquidation value of a pledge; it shows as value in use.
func TestOwnRevenueMovesNoCollateral(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		asg, ev := anAssignment(), someEvidence(8)
		asg.Purpose = rapid.SampledFrom([]terms.Purpose{terms.PurposePledge, terms.PurposeAssignment, terms.PurposeDisposal}).Draw(t, "purpose")
		without := conclude(t, asg, ev, lawAssumptions)
		ev.Income = &income.Facts{Current: terms.Exactly(rapid.Float64Range(0, 1e12).Draw(t, "revenue")), Industry: "machinery"}
		with := conclude(t, asg, ev, lawAssumptions)
		if with.Value.Median != without.Value.Median || with.Value.LowerBound != without.Value.LowerBound || with.Status != without.Status || with.Lending.Forced != without.Lending.Forced {
			t.Fatalf("%s: %v became %v", asg.Purpose, without.Value, with.Value)
		}
		if !slices.ContainsFunc(with.Bases, func(b BasisFigure) bool { return b.Basis == terms.BasisInUse && !b.IfSold }) {
			t.Fatalf("no value in use: %+v", with.Bases)
		}
	})
}

// forced <= bare <= supported, and the liquidation value is net of costs.
func TestLadderOfBases(t *testing.T) {
	t.Parallel()
	as := DefaultAssumptions()
	for _, purpose := range []terms.Purpose{terms.PurposeAssignment, terms.PurposePledge} {
		asg := anAssignment()
		asg.Purpose = purpose
		c := conclude(t, asg, someEvidence(0), as)
		bare, forced := c.Value.Median, -1.0
		for _, b := range c.Bases {
			switch {
			case b.Basis == terms.BasisLiquidation:
				forced = b.Value
			case b.Scope == terms.ScopeSupported && b.Value < bare:
				t.Errorf("supported %v below bare %v", b.Value, bare)
			}
		}
		if forced < 0 || forced > bare || c.Lending.Forced != forced {
			t.Errorf("%s: forced %v, bare %v, lending %v", purpose, forced, bare, c.Lending.Forced)
		}
	}
	asg := anAssignment()
	asg.Purpose = terms.PurposeDisposal
	asg.Subject[0].Filing, asg.Subject[0].Grant = calendar.New(2007, 1, 9), calendar.New(2009, 1, 9) // in its last days
	if c := conclude(t, asg, someEvidence(0), as); c.Status != Zero || c.ReasonCode != "liquidation.costs" || c.Value.High < 0 {
		t.Errorf("a right whose sale costs more than it brings: %s %s %+v", c.Status, c.ReasonCode, c.Value)
	}
}

// A figure of a showcase or of a business is of the supported right, whatever
// scope the purpose has, and stands beside that of the bare one.
func TestScopeFollowsTheMarket(t *testing.T) {
	t.Parallel()
	for _, sale := range []market.Sale{market.Showcase, market.Corporate} {
		for _, purpose := range []terms.Purpose{terms.PurposeAssignment, terms.PurposeContribution, terms.PurposeReporting} {
			asg := anAssignment()
			asg.Purpose, asg.Market = purpose, sale
			asg.MarketFact = &MarketFact{Kind: MarketFactKinds[0], Date: asg.Date.AddDays(-1), Document: "x"}
			c := conclude(t, asg, someEvidence(5), DefaultAssumptions())
			bare := slices.ContainsFunc(c.Bases, func(b BasisFigure) bool {
				return b.Scope == terms.ScopeBare && b.Market == market.Private && !b.Headline
			})
			if c.Scope != terms.ScopeSupported || c.Bases[0].Scope != terms.ScopeSupported || !bare || !c.MarketUnreviewed {
				t.Errorf("%s, %s: %s, %+v", purpose, sale, c.Scope, c.Bases)
			}
		}
	}
}

// A right that was declared invalid by a decision that is not final has no
// figure and is no collateral.
func TestContested(t *testing.T) {
	t.Parallel()
	asg, ev := anAssignment(), someEvidence(5)
	ev.Legal[0].Contested = true
	c := conclude(t, asg, ev, DefaultAssumptions())
	if c.Status != Abstained || c.ReasonCode != "legal.contested" || c.Lending.IfSold != 0 || c.Lending.LowerBound != 0 {
		t.Errorf("%s %s %+v", c.Status, c.ReasonCode, c.Lending)
	}
}

// Damages follow article 71: the first basis known counts, acts outside the
// time in force count for nothing, no multiple without a wilful and grave act.
// The figures were worked out by hand.
func TestDamages(t *testing.T) {
	t.Parallel()
	as := DefaultAssumptions()
	d := func(y, m, day int) calendar.Date { return calendar.New(y, time.Month(m), day) }
	for name, c := range map[string]struct {
		f         damages.Facts
		point     float64
		low, high float64
		status    Status
	}{
		"nothing known":            {damages.Facts{}, -1, 30_000, 5_000_000, RangeOnly},
		"nothing known, costs":     {damages.Facts{Costs: terms.Exactly(50_000)}, -1, 80_000, 5_050_000, RangeOnly},
		"before the amendment":     {damages.Facts{From: d(2020, 7, 1), To: d(2021, 5, 31)}, -1, 10_000, 1_000_000, RangeOnly},
		"ends on the day of it":    {damages.Facts{From: d(2020, 7, 1), To: d(2021, 6, 1)}, -1, 30_000, 5_000_000, RangeOnly},
		"loss before gain":         {damages.Facts{Loss: terms.Exactly(200_000), Gain: terms.Exactly(900_000)}, 200_000, 200_000, 200_000, Valued},
		"gain before fee":          {damages.Facts{Gain: terms.Exactly(900_000), LicenceFee: terms.Exactly(1)}, 900_000, 900_000, 900_000, Valued},
		"a multiple of the fee":    {damages.Facts{LicenceFee: terms.Exactly(100_000), Multiple: ptr(3.0), Costs: terms.Exactly(20_000)}, 320_000, 320_000, 320_000, Valued},
		"wilful and grave":         {damages.Facts{Loss: terms.Exactly(200_000), Multiplier: ptr(3.0), Wilful: ptr(true), Costs: terms.Exactly(20_000)}, 620_000, 620_000, 620_000, Valued},
		"more than the law allows": {damages.Facts{Loss: terms.Exactly(200_000), Multiplier: ptr(9.0), Wilful: ptr(true)}, 1_000_000, 1e6, 1e6, Valued},
		"wilful is not known":      {damages.Facts{Loss: terms.Exactly(200_000), Multiplier: ptr(3.0)}, 200_000, 2e5, 2e5, Valued},
		"half before the grant":    {damages.Facts{Loss: terms.Exactly(200_000), From: d(2020, 5, 2), To: d(2020, 6, 30)}, 100_000, 1e5, 1e5, Valued}, // 30 of 60 days
		"all before the grant":     {damages.Facts{Loss: terms.Exactly(200_000), From: d(2019, 5, 2), To: d(2020, 5, 31)}, 0, 0, 0, Zero},
		"ends on the day of grant": {damages.Facts{Loss: terms.Exactly(300_000), From: d(2020, 5, 30), To: d(2020, 6, 1)}, 100_000, 1e5, 1e5, Valued}, // 1 of 3 days
	} {
		asg, ev := anAssignment(), someEvidence(0) // granted on 2020-06-01
		asg.Purpose, ev.Damages = terms.PurposeInfringement, &c.f
		got := conclude(t, asg, ev, as)
		if got.Status != c.status || c.point >= 0 && (got.Value.Point == nil || math.Abs(*got.Value.Point-c.point) > .01) || c.point < 0 && got.Value.Point != nil ||
			math.Abs(got.Value.Low-c.low) > .01 || math.Abs(got.Value.High-c.high) > .01 {
			t.Errorf("%s: %s %+v", name, got.Status, got.Value)
		}
	}
	// The right ended long ago: damages for acts before its end are still owed.
	asg, ev := anAssignment(), someEvidence(0)
	asg.Purpose = terms.PurposeInfringement
	ev.Legal[0].State, ev.Legal[0].Reason, ev.Legal[0].Since = Dead, "fee_unpaid", d(2024, 1, 1)
	ev.Damages = &damages.Facts{Loss: terms.Exactly(365_000), From: d(2023, 1, 1), To: d(2024, 12, 30)} // 365 of 730 days in force
	if got := conclude(t, asg, ev, as); got.Value.Point == nil || math.Abs(*got.Value.Point-182_500) > .01 {
		t.Errorf("after the end: %s %+v", got.Status, got.Value)
	}
}

// An income near what it costs gives finite figures on every basis and for
// every purpose: a median of less than a coin is nothing.
func TestIncomeNearItsCosts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		asg, ev := anAssignment(), someEvidence(3)
		asg.Purpose = rapid.SampledFrom(terms.Purposes[:]).Draw(t, "purpose")
		revenue := math.Exp(rapid.Float64Range(math.Log(1e4), math.Log(1e6)).Draw(t, "ln revenue"))
		ev.Income = &income.Facts{
			Inputs: rapid.SampledFrom(terms.AllInputs[:]).Draw(t, "inputs"), Current: terms.Range(revenue/2, revenue, revenue*2), Industry: "machinery",
			AnnualCost: terms.Exactly(rapid.Float64Range(0, 2e4).Draw(t, "cost")),
		}
		ev.Indicators = everyScore(rapid.Float64Range(0, 100).Draw(t, "score"), terms.ByModel)
		conclude(t, asg, ev, lawAssumptions) // refuses what is not finite, not ordered or does not sum
	})
}
