package listing_test

import (
	"testing"

	"pgregory.net/rapid"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/listing"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/ruling"
)

var day = calendar.MustParse

func fen(yuan int64) *money.Fen { f := money.Fen(yuan * 100); return &f }

// small is a firm at equality: below three hundred million a year, so that growth
// counts, and R&D below 5% of nothing large, so that its amount counts.
func small(on string, rd int64, growth, inventions int) listing.Input {
	in := listing.Example(1)
	in.On = day(on)
	in.Patents = in.Patents[:min(inventions, 7)]
	for i := range in.Patents {
		in.Patents[i].Date, in.Patents[i].Filing, in.Patents[i].Grant = in.On, day("2019-01-10"), day("2020-03-05")
		in.Patents[i].Expiry = day("2039-01-10")
	}
	in.StaffDate = in.On
	for i := range in.Technologies {
		in.Technologies[i].Date = in.On
	}
	year := in.On.Year - 3
	scale := int64(10_000 + growth)
	first := int64(1_0000_0000)
	in.Years = []listing.Year{{year, fen(first), fen(rd), "审计报告"}, {year + 1, fen(first), fen(0), "审计报告"}, {year + 2, fen(first / 10_000 * scale / 10_000 * scale), fen(0), "审计报告"}}
	// Of sales beyond any, so that the share of R&D is out of reach.
	in.Years[1].Revenue = fen(1_000_000_000_000)
	return in
}

func decide(t interface{ Fatal(...any) }, in listing.Input) listing.Result {
	out, err := listing.Decide(in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// The figures of the two versions at equality; one short fails alone; the same firm
// passes on 2024-04-29 and fails on 2024-04-30.
func TestGoldenAttributes(t *testing.T) {
	out := decide(t, listing.Example(1))
	if out.Attribute != ruling.Pass || out.Decision.Verdict != ruling.Accept || out.Blank != 0 {
		t.Fatalf("%+v %d", out.Decision, out.Blank)
	}
	for name, c := range map[string]struct {
		in    listing.Input
		fails string
	}{
		"2024 at equality":             {small("2026-11-28", 80_000_000, 2500, 7), ""},
		"six inventions":               {small("2026-11-28", 80_000_000, 2500, 6), "S3"},
		"a yuan less of R&D":           {small("2026-11-28", 79_999_999, 2500, 7), "S1"},
		"growth a basis point less":    {small("2026-11-28", 80_000_000, 2499, 7), "S4"},
		"the old rule on its last day": {small("2024-04-29", 60_000_000, 2000, 5), ""},
		"R&D below the old rule":       {small("2024-04-29", 59_999_999, 2000, 5), "S1"},
		"four under the old rule":      {small("2024-04-29", 60_000_000, 2000, 4), "S3"},
	} {
		out := decide(t, c.in)
		for _, code := range []string{"S1", "S2", "S3", "S4"} {
			want := ruling.Pass
			if code == c.fails {
				want = ruling.Block
			}
			if !out.Decision.Has(code, want) {
				t.Errorf("%s: %s is not %s: %+v", name, code, want, out.Decision.Findings[:4])
			}
		}
		if (out.Attribute == ruling.Pass) != (c.fails == "") {
			t.Errorf("%s: %s", name, out.Attribute)
		}
	}
	out = decide(t, small("2024-04-30", 60_000_000, 2000, 5))
	if out.Attribute != ruling.Block || out.Version != "2024-04" || !out.Decision.Has("S1", ruling.Block) || !out.Decision.Has("S3", ruling.Block) || !out.Decision.Has("S4", ruling.Block) {
		t.Errorf("on 2024-04-30: %+v", out.Decision)
	}
	in := small("2026-11-28", 80_000_000, 2500, 7)
	less := 49
	in.RDStaff = &less
	if out := decide(t, in); !out.Decision.Has("S2", ruling.Block) {
		t.Error("49 of 500 is 10%")
	}
	if v := listing.InForce(day("2020-03-30")); v != nil {
		t.Error("a rule before the first")
	}
}

// An exception with its evidence replaces the indicators; without evidence it does not.
func TestExceptions(t *testing.T) {
	in := small("2026-11-28", 0, 0, 1)
	in.Leading, in.Evidence = patent.Yes, "主管部门认定（示例）"
	if out := decide(t, in); out.Attribute != ruling.Pass {
		t.Errorf("%+v", out.Decision)
	}
	in.Evidence = ""
	if out := decide(t, in); out.Attribute != ruling.Unknown || out.Decision.Verdict == ruling.Accept {
		t.Errorf("%+v", out.Decision)
	}
}

// Taking any fact away never turns the test into a pass, and never an unknown
// attribute into acceptance.
func TestUnknownIsNeverAPass(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := small("2026-11-28", int64(rapid.IntRange(70_000_000, 90_000_000).Draw(t, "rd")), rapid.IntRange(2000, 3000).Draw(t, "growth"), rapid.IntRange(4, 7).Draw(t, "inventions"))
		before := decide(t, in)
		switch rapid.IntRange(0, 6).Draw(t, "gone") {
		case 0:
			in.Staff = nil
		case 1:
			in.Years[rapid.IntRange(0, 2).Draw(t, "year")].Revenue = nil
		case 2:
			in.Years[rapid.IntRange(0, 2).Draw(t, "year")].RD = nil
		case 3:
			in.Patents[0].Main = ""
		case 4:
			in.Patents[0].Alive = patent.DontSay
		case 5:
			in.Patents[0].Owners = nil
		case 6:
			in.Years = in.Years[1:]
		}
		after := decide(t, in)
		if after.Attribute == ruling.Pass && before.Attribute != ruling.Pass || after.Attribute == ruling.Unknown && after.Decision.Verdict == ruling.Accept {
			t.Fatalf("%s became %s", before.Attribute, after.Attribute)
		}
	})
}

func TestGapsTurnExactlyThere(t *testing.T) {
	type in = listing.Input
	for name, c := range map[string]struct {
		change  func(*in)
		code    string
		outcome ruling.Outcome
	}{
		"technology without invention": {func(x *in) {
			for i := range x.Patents {
				x.Patents[i].Technologies = []string{"T1"}
			}
		}, "T01", ruling.Review},
		"expires in three years":     {func(x *in) { x.Patents[0].Expiry = x.On.AddYears(3).AddDays(-1) }, "T02", ruling.Warn},
		"expires today":              {func(x *in) { x.Patents[0].Expiry = x.On }, "S3", ruling.Block},
		"expires tomorrow":           {func(x *in) { x.Patents[0].Expiry = x.On.AddDays(1) }, "S3", ruling.Pass},
		"co-owned without agreement": {func(x *in) { x.Patents[0].Owners = append(x.Patents[0].Owners, "某大学") }, "T03", ruling.Unknown},
		"pledged":                    {func(x *in) { x.Patents[0].Pledged = patent.Yes }, "T04", ruling.Review},
		"pledge unknown":             {func(x *in) { x.Patents[0].Pledged = "" }, "T04", ruling.Unknown},
		"challenged":                 {func(x *in) { x.Patents[0].Challenged = patent.Yes }, "T05", ruling.Review},
		"major dispute":              {func(x *in) { x.Disputes = []listing.Dispute{{Subject: "案", Core: patent.Yes, Major: patent.Yes}} }, "T06", ruling.Block},
		"no declaration":             {func(x *in) { x.NoDisputes = "" }, "T06", ruling.Unknown},
		"filed a year after leaving": {func(x *in) {
			x.Patents[0].NoFormer, x.Patents[0].LeftFormer = patent.No, x.Patents[0].Filing.AddYears(-1)
		}, "T07", ruling.Review},
		"a day later": {func(x *in) {
			x.Patents[0].NoFormer, x.Patents[0].LeftFormer = patent.No, x.Patents[0].Filing.AddYears(-1).AddDays(-1)
		}, "T07", ruling.Pass},
		"transferred, price unknown": {func(x *in) { x.Patents[0].Origin = "transferred" }, "T08", ruling.Unknown},
		"from a related party": {func(x *in) {
			p := &x.Patents[0]
			p.Origin, p.Transferred, p.Price, p.From, p.Related = "transferred", x.On, fen(1), "关联公司", patent.Yes
		}, "T08", ruling.Review},
		"exported without family": {func(x *in) {
			for i := range x.Patents {
				x.Patents[i].Foreign = patent.No
			}
		}, "T09", ruling.Review},
		"trade secret":      {func(x *in) { x.Technologies[0].Secret = patent.Yes }, "T10", ruling.Warn},
		"another's right":   {func(x *in) { x.Patents[0].Owners = []string{"母公司"} }, "T11", ruling.Review},
		"cell without date": {func(x *in) { x.Patents[0].Date = calendar.Date{} }, "T12", ruling.Unknown},
	} {
		x := listing.Example(1)
		c.change(&x)
		if out := decide(t, x); !out.Decision.Has(c.code, c.outcome) {
			t.Errorf("%s: want %s %s, got %+v", name, c.code, c.outcome, out.Decision.Findings)
		}
	}
}

func TestBadDossiers(t *testing.T) {
	bad, minus, none := 2.0, money.Fen(-1), 0
	for code, change := range map[string]func(*listing.Input){
		"listing.on":                 func(x *listing.Input) { *x = listing.Input{Firm: "甲"} },
		"listing.firm":               func(x *listing.Input) { x.Firm = "" },
		"listing.staff":              func(x *listing.Input) { x.Staff = &none; x.RDStaff = nil },
		"listing.rd_staff":           func(x *listing.Input) { y := 501; x.RDStaff = &y },
		"listing.year":               func(x *listing.Input) { x.Years[2].Year = 2026 },
		"listing.year_twice":         func(x *listing.Input) { x.Years[1].Year = 2023 },
		"listing.amount":             func(x *listing.Input) { x.Years[0].RD = &minus },
		"listing.technology":         func(x *listing.Input) { x.Technologies[0].Name = "" },
		"listing.technology_twice":   func(x *listing.Input) { x.Technologies[0].ID = "T2"; x.Patents = nil },
		"listing.technology_unknown": func(x *listing.Input) { x.Patents[0].Technologies = []string{"T9"} },
		"listing.share":              func(x *listing.Input) { x.Technologies[0].Share = &bad },
		"listing.number":             func(x *listing.Input) { x.Patents[0].Number = "" },
		"listing.patent_twice":       func(x *listing.Input) { x.Patents[1].Number = x.Patents[0].Number[2:] },
		"listing.kind":               func(x *listing.Input) { x.Patents[0].Kind = "plant" },
		"listing.origin":             func(x *listing.Input) { x.Patents[0].Origin = "gift" },
		"listing.future":             func(x *listing.Input) { x.Patents[0].Grant = x.On.AddDays(1) },
		"listing.dispute":            func(x *listing.Input) { x.Disputes = []listing.Dispute{{}} },
	} {
		in := listing.Example(1)
		change(&in)
		if _, err := listing.Decide(in); err == nil || fault.Public(err).Code != code {
			t.Errorf("%s: %v", code, err)
		}
	}
}
