package insurance_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/insurance"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/ruling"
)

func wan(x int) *money.Fen { f := money.Fen(x) * money.Fen(money.Wan); return &f }

func decide(t interface{ Fatal(...any) }, in insurance.Input) insurance.Result {
	out, err := insurance.Decide(in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Qingdao: 2% of five million is 100,000, of which the firm pays 20,000 in the
// first year, 40,000 in the second and 60,000 in the third (“只交2万元保费”).
// Beijing: 25,000 for 2.4 million is 1.04%, 10,000 for 850,000 is 1.18%, paid by
// the city in the first year, then to 90, 80 and 50%.
func TestGoldenPremiums(t *testing.T) {
	for year, pays := range map[int]money.Fen{1: 20_000_00, 2: 40_000_00, 3: 60_000_00} {
		in := insurance.Example(1)
		in.SubsidyYear = year
		out := decide(t, in)
		if *out.Gross != 100_000_00 || *out.Net != pays || *out.Gross != *out.Net+*out.Subsidy {
			t.Errorf("year %d: %s, the firm %s", year, *out.Gross, *out.Net)
		}
	}
	in := insurance.Example(1)
	in.SubsidyYear = 4
	if out := decide(t, in); !out.Decision.Has("I09", ruling.Unknown) || *out.Net != *out.Gross {
		t.Error("a fourth year was found")
	}
	for id, want := range map[string]struct {
		rate float64
		net  money.Fen
	}{"BEIJING-CHAMPION": {0.0104, 2_500_00}, "BEIJING-SME": {0.0118, 1_000_00}} {
		in := insurance.Example(1)
		in.Kind, in.Scheme, in.SubsidyYear, in.Patents = insurance.Loss, id, 2, in.Patents[:1]
		out := decide(t, in)
		if math.Abs(*out.Rate-want.rate) > 5e-5 || *out.Net != want.net || out.Decision.Verdict != ruling.Accept {
			t.Errorf("%s: %.4f %s %+v", id, *out.Rate, *out.Net, out.Decision)
		}
	}
	if insurance.Rules.Figures["overseas_tariff"].Value != nil {
		t.Error("a tariff of overseas liability was invented")
	}
}

// The parties' shares sum to the loss, and are those of the report: of three
// million lost in default 60 : 20 : 20; Deyang 3 : 2 : 5.
func TestSharesAreTheSchemes(t *testing.T) {
	for id, want := range map[string][]money.Fen{"QINGDAO": {54_000_00, 18_000_00, 18_000_00}, "DEYANG": {27_000_00, 18_000_00, 45_000_00}} {
		in := insurance.Example(1)
		in.Scheme = id
		rate := 0.02
		in.Rate = &rate
		if id == "DEYANG" {
			in.SubsidyYear = 0
		}
		out := decide(t, in)
		for i, p := range out.Relief.Parties {
			if p.Bears != want[i] {
				t.Errorf("%s: %+v", id, out.Relief.Parties)
			}
		}
	}
}

// A cover never raises a value and never raises a loss; without the insurer's own
// PD it lowers none; a worse insurer never helps more.
func TestInsuranceNeverRaisesValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := insurance.Example(1)
		in.Scheme, in.SubsidyYear = "", 0
		share := rapid.Float64Range(0, 1).Draw(t, "share")
		pd := rapid.Float64Range(0, 1).Draw(t, "insurer's pd")
		lgd := rapid.Float64Range(0, 1).Draw(t, "lgd")
		in.InsuredShare, in.InsurerPD, in.LGD = &share, &pd, &lgd
		in.Deductible = money.Fen(rapid.Int64Range(0, 1e9).Draw(t, "deductible"))
		rate := 0.02
		in.Rate = &rate
		out := decide(t, in)
		if *out.Value != *in.Value || out.Relief.ELAfter > out.Relief.EL+1 || out.Relief.LGDAfter > out.Relief.LGD+1e-9 || out.Relief.ELAfter < 0 {
			t.Fatalf("%+v", out.Relief)
		}
		worse := min(1, pd+0.1)
		in.InsurerPD = &worse
		if with := decide(t, in); with.Relief.ELAfter < out.Relief.ELAfter {
			t.Fatalf("a worse insurer helps more: %+v %+v", with.Relief, out.Relief)
		}
		in.InsurerPD = nil
		if bare := decide(t, in); bare.Relief.ELAfter != bare.Relief.EL || bare.Decision.Verdict == ruling.Accept {
			t.Fatalf("an unknown insurer counts: %+v", bare.Relief)
		}
	})
}

func TestVerdictsTurnExactlyThere(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*insurance.Input)
		code    string
		outcome ruling.Outcome
	}{
		"three years left":      {func(x *insurance.Input) { x.Patents[0].Expiry = x.From.AddYears(3) }, "I01", ruling.Pass},
		"a day less":            {func(x *insurance.Input) { x.Patents[0].Expiry = x.From.AddYears(3).AddDays(-1) }, "I01", ruling.Block},
		"expiry unknown":        {func(x *insurance.Input) { x.Patents[0].Expiry = calendar.Date{} }, "I01", ruling.Unknown},
		"dead":                  {func(x *insurance.Input) { x.Patents[0].Alive = patent.No }, "I02", ruling.Block},
		"state unknown":         {func(x *insurance.Input) { x.Patents[0].Alive = "" }, "I02", ruling.Unknown},
		"dispute unknown":       {func(x *insurance.Input) { x.Patents[0].Dispute = "" }, "I04", ruling.Unknown},
		"second owner insures":  {func(x *insurance.Input) { x.Patents[0].Owners = []string{"甲公司", x.Insured} }, "I03", ruling.Block},
		"co-owner silent":       {func(x *insurance.Input) { x.Patents[0].Owners = []string{x.Insured, "甲公司"} }, "I03", ruling.Unknown},
		"last day":              {func(x *insurance.Input) { x.On = x.Through }, "I05", ruling.Pass},
		"the day after":         {func(x *insurance.Input) { x.On = x.Through.AddDays(1) }, "I05", ruling.Block},
		"the day before":        {func(x *insurance.Input) { x.On = x.From.AddDays(-1) }, "I05", ruling.Block},
		"loan at the cap":       {func(x *insurance.Input) {}, "I07", ruling.Pass},
		"a fen above":           {func(x *insurance.Input) { *x.Loan++ }, "I07", ruling.Block},
		"sum above the loan":    {func(x *insurance.Input) { x.Aggregate = wan(501) }, "I10", ruling.Block},
		"no rate and no scheme": {func(x *insurance.Input) { x.Scheme, x.SubsidyYear = "", 0 }, "I11", ruling.Unknown},
		"above the limit": {func(x *insurance.Input) {
			x.Kind, x.Scheme = insurance.Loss, "BEIJING-SME"
			x.Patents[0].Sum = wan(86)
		}, "I06", ruling.Block},
	} {
		in := insurance.Example(1)
		c.change(&in)
		if out := decide(t, in); !out.Decision.Has(c.code, c.outcome) {
			t.Errorf("%s: want %s %s, got %+v", name, c.code, c.outcome, out.Decision.Findings)
		}
	}
}

// What losses pay never exceeds what was lost, a patent's sum or the aggregate.
func TestClaimsStayWithinTheirLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := insurance.Example(1)
		in.Kind, in.Scheme, in.SubsidyYear = insurance.Loss, "", 0
		in.Aggregate, in.Patents[0].Sum, in.Patents[1].Sum = wan(100), wan(80), wan(60)
		in.Deductible = money.Fen(rapid.Int64Range(0, 1e7).Draw(t, "deductible"))
		for range rapid.IntRange(0, 6).Draw(t, "claims") {
			x := in.Patents[rapid.IntRange(0, 1).Draw(t, "which")].Number
			in.Claims = append(in.Claims, insurance.Claim{Number: x, Date: in.On.AddDays(-rapid.IntRange(0, 40).Draw(t, "day")), Amount: money.Fen(rapid.Int64Range(0, 2e8).Draw(t, "loss"))})
		}
		out := decide(t, in)
		var sum money.Fen
		by := map[string]money.Fen{}
		for _, p := range out.Paid {
			sum += p.Pays
			by[p.Number] += p.Pays
			if p.Pays > max(p.Amount-in.Deductible, 0) || p.Pays > 0 && p.Date.Before(in.From) {
				t.Fatalf("%+v", p)
			}
		}
		if sum > *in.Aggregate || sum+*out.Left != *in.Aggregate || by[in.Patents[0].Number] > *wan(80) {
			t.Fatalf("%s of %s", sum, *in.Aggregate)
		}
	})
}

func TestBadCovers(t *testing.T) {
	bad, minus := 1.5, money.Fen(-1)
	half := 0.5
	for code, change := range map[string]func(*insurance.Input){
		"insurance.on":             func(x *insurance.Input) { x.On = calendar.Date{} },
		"insurance.kind":           func(x *insurance.Input) { x.Kind = "fire" },
		"insurance.insurer":        func(x *insurance.Input) { x.Insurer = "" },
		"insurance.period":         func(x *insurance.Input) { x.Through = x.From.AddDays(-1) },
		"insurance.retroactive":    func(x *insurance.Input) { x.Retroactive = x.From.AddDays(1) },
		"insurance.ratio":          func(x *insurance.Input) { x.PD = &bad },
		"insurance.rate":           func(x *insurance.Input) { x.Rate = &bad },
		"insurance.amount":         func(x *insurance.Input) { x.Value = &minus },
		"insurance.loan":           func(x *insurance.Input) { x.Loan = nil },
		"insurance.patents":        func(x *insurance.Input) { x.Patents = nil },
		"insurance.patent_twice":   func(x *insurance.Input) { x.Patents[1].Number = x.Patents[0].Number[2:] },
		"insurance.share":          func(x *insurance.Input) { x.InsuredShare = &half },
		"insurance.scheme_kind":    func(x *insurance.Input) { x.Scheme = "BEIJING-SME" },
		"insurance.scheme_unknown": func(x *insurance.Input) { x.Scheme = "NOWHERE" },
		"insurance.subsidy_twice":  func(x *insurance.Input) { x.Subsidy, x.SubsidyBy = &half, "文件" },
		"insurance.claim_number":   func(x *insurance.Input) { x.Claims = []insurance.Claim{{Number: "X", Date: x.On}} },
	} {
		in := insurance.Example(1)
		change(&in)
		if _, err := insurance.Decide(in); err == nil || fault.Public(err).Code != code {
			t.Errorf("%s: %v", code, err)
		}
	}
}
