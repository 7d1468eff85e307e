package lease_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/lease"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/ruling"
)

func decide(t *testing.T, in lease.Input) lease.Result {
	t.Helper()
	out, err := lease.Decide(in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestTheExamplePasses(t *testing.T) {
	out := decide(t, lease.Example(1))
	if out.Decision.Verdict != ruling.Accept || out.Pool == nil || out.Implied == nil || *out.Implied <= 0.055 {
		t.Fatalf("%+v %v", out.Decision, out.Implied)
	}
	for _, g := range lease.Regions() {
		if g.Source == "" || g.Dated.IsZero() {
			t.Errorf("%+v", g)
		}
	}
}

// The figures of the specification: 408,000 at 4.375% over 360 months (a public
// mortgage engine) and 1,200 at 12% a period over 24 (Hastructure's calcPmt).
func TestGoldenRents(t *testing.T) {
	in := lease.Example(1)
	in.Deposit, in.Fee, in.Price, in.Periods, in.Every = 0, 0, 408_000_00, 360, 1
	rate := 0.04375
	in.Rate = &rate
	if s := in.Rents(); s.Rents[0].Rent != 2037_08 {
		t.Errorf("rent %s", s.Rents[0].Rent)
	}
	in.Price, in.Periods, in.Every = 1200_00, 24, 12
	rate = 0.12
	if s := in.Rents(); math.Abs(s.Exact-154.1561) > 5e-5 {
		t.Errorf("rent %.6f", s.Exact)
	}
	in.Method = lease.AnnuityAdvance
	if s := in.Rents(); math.Abs(s.Exact-154.1561/1.12) > 5e-5 {
		t.Errorf("rent in advance %.6f", s.Exact)
	}
}

var methods = []string{lease.AnnuityArrears, lease.AnnuityAdvance, lease.EqualPrincipal, lease.Bullet}

// Rents and residual sum to price and interest to the fen, the balance ends at
// zero, and without fee and deposit the implied rate is the rate agreed on.
func TestRentsSumToTheFen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := lease.Example(2)
		in.Method = rapid.SampledFrom(methods).Draw(t, "method")
		in.Price = money.Fen(rapid.Int64Range(1_000_00, 1e13).Draw(t, "price"))
		in.Periods = rapid.IntRange(1, 120).Draw(t, "periods")
		in.Every = rapid.SampledFrom([]int{1, 2, 3, 4, 6, 12}).Draw(t, "every")
		rate := float64(rapid.IntRange(0, 2000).Draw(t, "rate")) / 1e4
		in.Rate = &rate
		in.Residual = in.Price.MulRate(float64(rapid.IntRange(0, 90).Draw(t, "residual")) / 100)
		in.Deposit, in.Fee = 0, 0
		s := in.Rents()
		if s.Total+s.Residual != in.Price+s.Interest {
			t.Fatalf("rents %s and residual %s are not price %s and interest %s", s.Total, s.Residual, in.Price, s.Interest)
		}
		var sum money.Fen
		for _, r := range s.Rents {
			sum += r.Principal
			if r.Rent != r.Principal+r.Interest || r.Balance != in.Price-sum {
				t.Fatalf("%+v", r)
			}
		}
		out, err := lease.Decide(in)
		if err != nil {
			t.Fatal(err)
		}
		if in.Method == lease.AnnuityAdvance && in.Periods == 1 && in.Residual == 0 {
			if out.Implied != nil {
				t.Fatalf("a rate of what is paid back on the first day: %v", *out.Implied)
			}
			return
		}
		if out.Implied == nil || math.Abs(*out.Implied-rate) > 1e-4 && in.Price > 1_000_000_00 {
			t.Fatalf("implied %v of %v (%s)", out.Implied, rate, out.NoRate)
		}
	})
}

// A fee or a deposit never lowers the implied rate.
func TestTheFeeRaisesTheRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := lease.Example(3)
		in.Method = rapid.SampledFrom(methods).Draw(t, "method")
		in.Deposit, in.Fee = 0, 0
		bare, err := lease.Decide(in)
		if err != nil {
			t.Fatal(err)
		}
		in.Fee = money.Fen(rapid.Int64Range(1, 50_000_00).Draw(t, "fee"))
		with, err := lease.Decide(in)
		if err != nil || *with.Implied < *bare.Implied || *with.Effective < *with.Implied {
			t.Fatalf("%v %v %v", *bare.Implied, *with.Implied, err)
		}
	})
}

// The same file before two kinds of lessor; a region; each date off by a day; a
// fen over each limit.
func TestVerdictsTurnExactlyThere(t *testing.T) {
	day := calendar.MustParse
	for name, c := range map[string]struct {
		change  func(*lease.Input)
		code    string
		outcome ruling.Outcome
	}{
		"financial leasing company": {func(in *lease.Input) { in.Lessor.Kind = lease.FinancialLeasing }, "L01", ruling.Block},
		"with approval":             {func(in *lease.Input) { in.Lessor.Kind, in.Lessor.Approval = lease.FinancialLeasing, "示例批复" }, "L01", ruling.Review},
		"no regional rule":          {func(in *lease.Input) { in.Lessor.Region = "成都市" }, "L01", ruling.Review},
		"region unknown":            {func(in *lease.Input) { in.Lessor.Region = "" }, "L01", ruling.Unknown},
		"Xiamen on the day":         {func(in *lease.Input) { in.Lessor.Region, in.On = "厦门市", day("2020-09-07") }, "L01", ruling.Pass},
		"Xiamen the day before":     {func(in *lease.Input) { in.Lessor.Region, in.On = "厦门市", day("2020-09-06") }, "L01", ruling.Review},
		"registered today":          {func(in *lease.Input) { in.Objects[0].Transferred = in.On }, "L02", ruling.Pass},
		"registered tomorrow":       {func(in *lease.Input) { in.Objects[0].Transferred = in.On.AddDays(1) }, "L02", ruling.Unknown},
		"not registered":            {func(in *lease.Input) { in.Objects[0].Transferred = calendar.Date{} }, "L02", ruling.Unknown},
		"registered to another":     {func(in *lease.Input) { in.Objects[0].OwnerNow = "别的公司" }, "L02", ruling.Block},
		"ends the day after":        {func(in *lease.Input) { in.Objects[0].Expiry = day("2029-12-02") }, "L04", ruling.Pass},
		"ends on the day":           {func(in *lease.Input) { in.Objects[0].Expiry = day("2029-12-01") }, "L04", ruling.Block},
		"expiry unknown":            {func(in *lease.Input) { in.Objects[0].Expiry = calendar.Date{} }, "L04", ruling.Unknown},
		"seller is not the owner":   {func(in *lease.Input) { in.Objects[0].OwnerBefore = "别的公司" }, "L05", ruling.Block},
		"pledged":                   {func(in *lease.Input) { in.Objects[0].Pledged = patent.Yes }, "L06", ruling.Block},
		"pool not known":            {func(in *lease.Input) { in.Objects[0].Pooled = "" }, "L06", ruling.Unknown},
		"price at the upper end":    {func(in *lease.Input) { in.Price = high(in) }, "L03", ruling.Warn},
		"price a fen above":         {func(in *lease.Input) { in.Price = high(in) + 1 }, "L03", ruling.Block},
		"no value":                  {func(in *lease.Input) { in.Objects[0].High = nil }, "L03", ruling.Unknown},
		"no cap":                    {func(in *lease.Input) { in.RateCap = nil }, "L08", ruling.Unknown},
		"above the cap":             {func(in *lease.Input) { x := 0.01; in.RateCap = &x }, "L08", ruling.Block},
		"eight times":               {func(in *lease.Input) { x := in.Lessor.NetAssets.MulRatio(8, 1) - in.Price; in.Lessor.RiskAssets = &x }, "L11", ruling.Pass},
		"a fen above eight times": {func(in *lease.Input) {
			x := in.Lessor.NetAssets.MulRatio(8, 1) - in.Price + 1
			in.Lessor.RiskAssets = &x
		}, "L11", ruling.Block},
		"one lessee at the limit": {func(in *lease.Input) { x := in.Lessor.NetAssets.MulRatio(3, 10) - in.Price; in.Lessor.ToLessee = &x }, "L14", ruling.Pass},
		"one lessee a fen above": {func(in *lease.Input) {
			x := in.Lessor.NetAssets.MulRatio(3, 10) - in.Price + 1
			in.Lessor.ToLessee = &x
		}, "L14", ruling.Block},
		"group not known":      {func(in *lease.Input) { in.Lessee.InGroup = "" }, "L15", ruling.Unknown},
		"net assets not known": {func(in *lease.Input) { in.Lessor.NetAssets = nil }, "L11", ruling.Unknown},
		"lease assets below": {func(in *lease.Input) {
			x := in.Lessor.TotalAssets.MulRatio(6, 10) - in.Price - 1
			in.Lessor.LeaseAssets = &x
		}, "L12", ruling.Block},
		"low value does not cover it": {func(in *lease.Input) { in.Price = high(in) }, "L09", ruling.Warn},
	} {
		in := lease.Example(1)
		c.change(&in)
		out := decide(t, in)
		if !out.Decision.Has(c.code, c.outcome) {
			t.Errorf("%s: want %s %s, got %+v", name, c.code, c.outcome, out.Decision.Findings)
		}
		if c.outcome == ruling.Unknown && out.Decision.Verdict == ruling.Accept {
			t.Errorf("%s: what is not known was accepted", name)
		}
		for _, f := range out.Decision.Findings {
			if f.Outcome != ruling.Pass && f.Supply == "" {
				t.Errorf("%s: %s says nothing to supply", name, f.Code)
			}
		}
	}
}

func high(in *lease.Input) (sum money.Fen) {
	for _, o := range in.Objects {
		sum += *o.High
	}
	return sum
}

func TestBadLeases(t *testing.T) {
	for code, change := range map[string]func(*lease.Input){
		"lease.on":            func(in *lease.Input) { in.On = calendar.Date{} },
		"lease.lessor_kind":   func(in *lease.Input) { in.Lessor.Kind = "bank" },
		"lease.form":          func(in *lease.Input) { in.Form = "" },
		"lease.price":         func(in *lease.Input) { in.Price = -1; in.Deposit, in.Fee = 0, 0 },
		"lease.rate":          func(in *lease.Input) { x := math.NaN(); in.Rate = &x },
		"lease.periods":       func(in *lease.Input) { in.Periods = 0 },
		"lease.every":         func(in *lease.Input) { in.Every = 5 },
		"lease.method":        func(in *lease.Input) { in.Method = "balloon" },
		"lease.residual":      func(in *lease.Input) { in.Residual = in.Price },
		"lease.outlay":        func(in *lease.Input) { in.Deposit = in.Price },
		"lease.objects":       func(in *lease.Input) { in.Objects = nil },
		"lease.object_twice":  func(in *lease.Input) { in.Objects[1].Number = in.Objects[0].Number[2:] },
		"lease.object_number": func(in *lease.Input) { in.Objects[0].Number = "" },
		"lease.value":         func(in *lease.Input) { x := money.Fen(1); in.Objects[0].High = &x },
		"lease.rate_cap":      func(in *lease.Input) { in.RateCapSource = "" },
		"lease.amount":        func(in *lease.Input) { x := money.Fen(-1); in.Lessor.ToLessee = &x },
	} {
		in := lease.Example(1)
		change(&in)
		if _, err := lease.Decide(in); err == nil || fault.Public(err).Code != code {
			t.Errorf("%s: %v", code, err)
		}
	}
}
