package fund_test

import (
	"encoding/json"
	"math"
	"os"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"zhijia/internal/fault"
	"zhijia/internal/fund"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/ruling"
)

func roll(t interface{ Fatal(...any) }, in fund.Input) fund.Result {
	out, err := fund.Roll(in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestTheExampleRollsUp(t *testing.T) {
	out := roll(t, fund.Example(1))
	if out.Decision.Verdict != ruling.Accept || out.Distinct != 24 || len(out.Ranges) != 3 || len(out.Left) != 0 {
		t.Fatalf("%+v", out)
	}
	ind, common, together := out.Ranges[0], out.Ranges[1], out.Ranges[2]
	if !(ind.Low > common.Low && common.Low > together.Low && ind.High < common.High && common.High < together.High) {
		t.Errorf("the ranges do not widen: %+v", out.Ranges)
	}
}

// The common share is the market model's own: its prior scales that are common
// to two patents of one market, over all of them.
func TestTheCommonShareIsTheMarketModels(t *testing.T) {
	raw, err := os.ReadFile("../valuation/market/2026-11.json")
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Intercept float64            `json:"intercept_sd"`
		Scales    map[string]float64 `json:"scales"`
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	all := m.Intercept * m.Intercept
	common := all
	for name, s := range m.Scales {
		all += s * s
		if slices.Contains([]string{"market", "channel", "year"}, name) {
			common += s * s
		}
	}
	if got := fund.Rules.Value("common_share"); math.Abs(got-common/all) > 5e-4 {
		t.Errorf("%.4f, the model says %.4f", got, common/all)
	}
}

// Adding what is there already, in whatever order, changes nothing.
func TestADuplicateChangesNoRollUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := fund.Example(rapid.Uint64Range(1, 50).Draw(t, "seed"))
		in.Patents = in.Patents[:4]
		before := roll(t, in)
		more := in
		more.Patents = slices.Clone(in.Patents)
		x := in.Patents[rapid.IntRange(0, len(in.Patents)-1).Draw(t, "which")]
		x.Number = x.Number[2:] // the same patent, written otherwise
		more.Patents = slices.Insert(more.Patents, rapid.IntRange(0, len(more.Patents)).Draw(t, "at"), x)
		more.Positions = append(slices.Clone(in.Positions), in.Positions[0])
		slices.Reverse(more.Positions)
		after := roll(t, more)
		for _, r := range []*fund.Result{&before, &after} { // as it was written
			r.Decision = ruling.Decision{}
			for i := range r.Stress {
				r.Stress[i].Lost = nil
			}
		}
		if !reflect.DeepEqual(before, after) {
			t.Fatalf("\n%+v\n%+v", before, after)
		}
	})
}

// Without width the three assumptions agree with the sum of the parts.
func TestPointsSum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := fund.Example(rapid.Uint64Range(1, 50).Draw(t, "seed"))
		in.Patents = in.Patents[:3]
		var sum money.Fen
		for i := range in.Patents {
			x := &in.Patents[i]
			x.Low, x.High = x.Value, x.Value
			for _, p := range in.Positions {
				if p.ID == x.Position {
					sum += x.Value.MulRate(*p.Stake)
				}
			}
		}
		out := roll(t, in)
		var lines money.Fen
		for _, l := range out.Lines {
			lines += l.Value
		}
		for _, r := range out.Ranges {
			if r.Low != sum || r.Mid != sum || r.High != sum || lines != sum || out.Sum != sum {
				t.Fatalf("%s %s %s of %s", r.Low, r.Mid, r.High, sum)
			}
		}
	})
}

func TestWhatDoesNotCount(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*fund.Input)
		code    string
		outcome ruling.Outcome
		left    int
	}{
		"expires today":     {func(in *fund.Input) { in.Patents[0].Expiry = in.On }, "F05", ruling.Warn, 1},
		"expires tomorrow":  {func(in *fund.Input) { in.Patents[0].Expiry = in.On.AddDays(1) }, "F02", ruling.Pass, 0},
		"dead":              {func(in *fund.Input) { in.Patents[0].Alive = patent.No }, "F05", ruling.Warn, 1},
		"state unknown":     {func(in *fund.Input) { in.Patents[0].Alive = "" }, "F05", ruling.Unknown, 0},
		"family":            {func(in *fund.Input) { in.Patents[0].Family, in.Patents[1].Family = "f", "f" }, "F06", ruling.Warn, 1},
		"no value":          {func(in *fund.Input) { in.Patents[0].Value = nil }, "F02", ruling.Unknown, 1},
		"no stake":          {func(in *fund.Input) { in.Positions[0].Stake = nil }, "F07", ruling.Unknown, 4},
		"technique changed": {func(in *fund.Input) { in.Positions[0].Technique = "市场法" }, "F03", ruling.Review, 0},
		"and said why": {func(in *fund.Input) {
			in.Positions[0].Technique, in.Positions[0].Reason = "市场法", "新一轮融资"
		}, "F03", ruling.Warn, 0},
		"technique not known":  {func(in *fund.Input) { in.Positions[0].Technique = "" }, "F03", ruling.Unknown, 0},
		"cost at the limit":    {func(in *fund.Input) { x := in.Committed.MulRate(*in.Limit); in.Positions[0].Cost = &x }, "F01", ruling.Pass, 0},
		"cost a fen above":     {func(in *fund.Input) { x := in.Committed.MulRate(*in.Limit) + 1; in.Positions[0].Cost = &x }, "F01", ruling.Block, 0},
		"no limit":             {func(in *fund.Input) { in.Limit = nil }, "F01", ruling.Unknown, 0},
		"exit without a value": {func(in *fund.Input) { in.Positions[5].LastValue = nil }, "F04", ruling.Unknown, 0},
	} {
		in := fund.Example(1)
		c.change(&in)
		out := roll(t, in)
		if !out.Decision.Has(c.code, c.outcome) || len(out.Left) != c.left {
			t.Errorf("%s: %+v %+v", name, out.Decision, out.Left)
		}
	}
	in := fund.Example(1)
	in.Patents[3].Low = nil
	if out := roll(t, in); out.NoRange == "" || len(out.Ranges) != 0 || out.Sum == 0 {
		t.Error("a patent without a range has one of the fund")
	}
}

func TestBadFunds(t *testing.T) {
	bad := 1.5
	minus := money.Fen(-1)
	for code, change := range map[string]func(*fund.Input){
		"fund.on":        func(in *fund.Input) { in.On.Year = 0; in.On.Month = 0; in.On.Day = 0 },
		"fund.name":      func(in *fund.Input) { in.Name = " " },
		"fund.committed": func(in *fund.Input) { in.Committed = &minus },
		"fund.limit":     func(in *fund.Input) { in.LimitSource = "" },
		"fund.rho":       func(in *fund.Input) { in.Rho = &bad },
		"fund.positions": func(in *fund.Input) { in.Positions, in.Patents = nil, nil },
		"fund.position":  func(in *fund.Input) { in.Positions[0].Company = "" },
		"fund.stake":     func(in *fund.Input) { in.Positions[0].Stake = &bad },
		"fund.amount":    func(in *fund.Input) { in.Positions[0].Cost = &minus },
		"fund.future":    func(in *fund.Input) { in.Positions[0].LastDate = in.On.AddDays(1) },
		"fund.position_twice": func(in *fund.Input) {
			p := in.Positions[0]
			p.Company = "另一家"
			in.Positions = append(in.Positions, p)
		},
		"fund.position_unknown": func(in *fund.Input) { in.Patents[0].Position = "P99" },
		"fund.number":           func(in *fund.Input) { in.Patents[0].Number = "" },
		"fund.value":            func(in *fund.Input) { in.Patents[0].Value = &minus },
		"fund.value_future":     func(in *fund.Input) { in.Patents[0].Date = in.On.AddDays(1) },
		"fund.patent_twice":     func(in *fund.Input) { x := in.Patents[0]; x.Position = "P06"; in.Patents = append(in.Patents, x) },
		"fund.patent_differs":   func(in *fund.Input) { x := in.Patents[0]; x.Value = x.High; in.Patents = append(in.Patents, x) },
		"fund.haircut":          func(in *fund.Input) { in.Haircuts[0].Share = 2 },
	} {
		in := fund.Example(1)
		change(&in)
		if _, err := fund.Roll(in); err == nil || fault.Public(err).Code != code {
			t.Errorf("%s: %v", code, err)
		}
	}
}
