package lending

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/money"
)

func TestSchemesToTheFen(t *testing.T) {
	for _, s := range Schemes() {
		if err := s.Check(); err != nil && s.Incomplete == "" || s.Source == "" || s.Label == "own" {
			t.Errorf("%s: %v, source %q, label %q", s.ID, err, s.Source, s.Label)
		}
	}
	for _, c := range []struct {
		id    string
		claim Claim
		want  map[string]money.Fen
	}{
		{"ZHONGSHAN", Claim{Principal: 300 * wan, Recoveries: 100 * wan}, map[string]money.Fen{"fund": 108 * wan, "bank": 52 * wan, "insurer": 32 * wan, "valuer": 8 * wan}},
		{"ZHONGSHAN", Claim{Principal: 1_000_000_01}, map[string]money.Fen{"fund": 540_000_01, "bank": 260_000_00, "insurer": 160_000_00, "valuer": 40_000_00}},
		{"ZHUHAI", Claim{Principal: 500 * wan, Interest: 9 * wan}, map[string]money.Fen{"bank": 300 * wan, "fund": 200 * wan}},
		{"SHENZHEN", Claim{Principal: 3}, map[string]money.Fen{"fund": 2, "bank": 1}},
		{"SHANGHAI-GUARANTEE", Claim{Principal: 1000 * wan, Recoveries: 1001 * wan}, map[string]money.Fen{"guarantor": 0, "bank": 0}},
		{"SHANGHAI-DEPOSIT", Claim{Principal: 1000 * wan, Recoveries: 250 * wan}, map[string]money.Fen{"government": 600 * wan, "bank": 150 * wan}},
	} {
		s, err := SchemeByID(c.id)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Share(c.claim, today)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range got.Payments {
			if p.Bears != c.want[p.Party] {
				t.Errorf("%s %+v: %s bears %s, want %s", c.id, c.claim, p.Party, p.Bears, c.want[p.Party])
			}
		}
	}
	if _, err := SchemeByID("4:2:2:2"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a scheme nobody could confirm is not shipped: %v", err)
	}
	for _, s := range []Scheme{
		{Whole: 100, Shares: []Share{{Party: "bank", Parts: 50}, {Party: "fund", Parts: 49}}},
		{Whole: 2, Shares: []Share{{Party: "fund", Parts: 2}}},
		{Whole: 2, Shares: []Share{{Party: "bank", Parts: 1}, {Party: "bank", Parts: 1}}},
	} {
		if _, err := s.Share(Claim{Principal: 1}, today); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

func TestSharingLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5).Draw(t, "parties")
		s := Scheme{ID: "X", Interest: rapid.Bool().Draw(t, "interest")}
		for i := range n {
			x := Share{Party: []string{Bank, "fund", "insurer", "valuer", "guarantor"}[i], Parts: rapid.Int64Range(0, 100).Draw(t, "parts")}
			if i == 0 {
				x.Parts++
			}
			if rapid.Bool().Draw(t, "capped") {
				c := money.Fen(rapid.Int64Range(0, 1e9).Draw(t, "cap"))
				x.Cap = &c
			}
			s.Shares = append(s.Shares, x)
			s.Whole += x.Parts
		}
		draw := func(label string) money.Fen { return money.Fen(rapid.Int64Range(0, 1e12).Draw(t, label)) }
		c := Claim{Principal: draw("principal"), Interest: draw("interest"), Recoveries: draw("recoveries")}
		got, err := s.Share(c, today)
		if err != nil {
			t.Fatal(err)
		}
		var sum money.Fen
		for i, p := range got.Payments {
			sum += p.Bears
			if limit := s.Shares[i].Cap; p.Party != Bank && limit != nil && p.Bears > *limit || p.Bears < 0 {
				t.Fatalf("%+v over its cap %v", p, limit)
			}
		}
		if sum != got.NetLoss {
			t.Fatalf("payments sum to %s, the loss is %s", sum, got.NetLoss)
		}
		more := c
		more.Principal += draw("more")
		worse, err := s.Share(more, today)
		if err != nil {
			t.Fatal(err)
		}
		for i := range worse.Payments {
			// The largest remainder may move one fen between parties.
			if worse.Payments[i].Bears+1 < got.Payments[i].Bears {
				t.Fatalf("a larger loss costs %s less", worse.Payments[i].Party)
			}
		}
		recovered := draw("recovered")
		back, err := got.Return(recovered)
		if err != nil {
			t.Fatal(err)
		}
		sum = 0
		for i, p := range back {
			sum += p.Bears
			if p.Party != Bank && p.Bears > got.Payments[i].Bears {
				t.Fatalf("%s gets %s back of %s", p.Party, p.Bears, got.Payments[i].Bears)
			}
		}
		if sum != recovered {
			t.Fatalf("%s returned of %s", sum, recovered)
		}
	})
}

func TestInsuranceAndSubsidy(t *testing.T) {
	f := func(x float64) *float64 { return &x }
	q, err := QuoteInput{Loan: 1000 * wan, PD: f(.05), LGD: f(.4), Share: f(.5)}.Quote(nil, today)
	if err != nil || q.ExpectedLoss != 20*wan || q.InsuredLoss != 10*wan || q.OwnLoss != 10*wan || q.SumInsured != 500*wan {
		t.Errorf("%+v %v", q, err)
	}
	// 0.1·0.7 is 0.07000000000000001 as a float; a fen would be lost on 10 billion yuan.
	if q, err := (QuoteInput{Loan: 1e12 + 50, PD: f(.1), LGD: f(.7), Share: f(1)}).Quote(nil, today); err != nil || q.InsuredLoss != 7e10+4 {
		t.Errorf("not exact: %d %v", q.InsuredLoss, err)
	}
	zhongshan, err := SchemeByID("ZHONGSHAN")
	if err != nil {
		t.Fatal(err)
	}
	forced := 400 * wan
	q, err = QuoteInput{Loan: 1000 * wan, PD: f(.05), Forced: &forced}.Quote(&zhongshan, today)
	if err != nil || q.LGD != .6 || q.ExpectedLoss != 30*wan || q.Parties[0].Bears != 162_000_00 || q.Parties[1].Bears != 78_000_00 {
		t.Errorf("from the collateral: %+v %v", q, err)
	}
	if q.InsuredLoss != 48_000_00 || q.SumInsured != 160*wan || q.InsuredLoss != q.Parties[2].Bears {
		t.Errorf("the insurer's part is the scheme's 16%%: %+v", q)
	}
	if _, err := (QuoteInput{Loan: 1000 * wan, PD: f(.05), Forced: &forced, Share: f(.7)}).Quote(&zhongshan, today); err == nil || fault.Public(err).Code != "quote.share" {
		t.Errorf("a share beside the scheme's: %v", err)
	}
	for code, in := range map[string]QuoteInput{
		"pd.missing": {Loan: wan, LGD: f(.4)}, "lgd.missing": {Loan: wan, PD: f(.1)}, "rate.range": {Loan: wan, PD: f(math.NaN()), LGD: f(.4)}, "claim.amount": {Loan: -1, PD: f(.1), LGD: f(.4)},
	} {
		if _, err := in.Quote(nil, today); err == nil || fault.Public(err).Code != code {
			t.Errorf("%v, want %s", err, code)
		}
	}

	at := calendar.MustParse
	in := SubsidyInput{Balance: 1000 * wan, Rate: .0365, From: at("2026-01-01"), To: at("2026-04-11"), Ratio: .5, Source: "test"}
	if got, err := in.Subsidy(); err != nil || got.Days != 100 || got.Amount != 5*wan || got.Interest != 10*wan || got.Capped {
		t.Errorf("%+v %v", got, err)
	}
	cap := 3 * wan
	in.Cap = &cap
	if got, err := in.Subsidy(); err != nil || got.Amount != cap || !got.Capped {
		t.Errorf("capped: %+v %v", got, err)
	}
	in.Cap, in.SchemeFrom, in.SchemeUntil = nil, at("2026-01-11"), at("2026-01-20")
	if got, err := in.Subsidy(); err != nil || got.Days != 10 || got.Amount != 5000_00 {
		t.Errorf("ten days of the scheme's time: %+v %v", got, err)
	}
	in.SchemeFrom, in.SchemeUntil = calendar.Date{}, at("2025-12-31")
	if _, err := in.Subsidy(); err == nil || fault.Public(err).Code != "subsidy.closed" {
		t.Errorf("an ended scheme pays: %v", err)
	}
}

// The expected loss never falls as the loan grows against the same collateral,
// the two parts sum to it, and the sum insured stays within the loan.
func TestQuoteLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := func(label string) *float64 {
			x := float64(rapid.IntRange(0, 10_000).Draw(t, label)) / 10_000
			return &x
		}
		forced := money.Fen(rapid.Int64Range(0, 1e12).Draw(t, "forced"))
		in := QuoteInput{Loan: money.Fen(rapid.Int64Range(0, 1e12).Draw(t, "loan")), PD: rate("pd"), Forced: &forced, Share: rate("share")}
		if rapid.Bool().Draw(t, "lgd given") {
			in.LGD = rate("lgd")
		}
		q, err := in.Quote(nil, today)
		if err != nil {
			t.Fatal(err)
		}
		if q.InsuredLoss+q.OwnLoss != q.ExpectedLoss || q.SumInsured > in.Loan || q.ExpectedLoss > in.Loan || q.InsuredLoss < 0 || q.OwnLoss < 0 {
			t.Fatalf("%+v of %s", q, in.Loan)
		}
		in.Loan += money.Fen(rapid.Int64Range(0, 1e12).Draw(t, "more"))
		if more, err := in.Quote(nil, today); err != nil || more.ExpectedLoss < q.ExpectedLoss || more.InsuredLoss < q.InsuredLoss {
			t.Fatalf("a higher LTV costs less: %+v after %+v, %v", more, q, err)
		}
	})
}

// A scheme that is incomplete or not in force cannot be chosen; every preset
// tells source, date and status.
func TestSchemesInForce(t *testing.T) {
	for _, s := range Schemes() {
		if s.Source == "" || s.Dated.IsZero() && !strings.Contains(s.Source, "日期未见") || s.Status(today) == "" {
			t.Errorf("%s: source %q, date %s, status %q", s.ID, s.Source, s.Dated, s.Status(today))
		}
	}
	own := Scheme{ID: "OWN", Whole: 2, Shares: []Share{{Party: "fund", Parts: 1}, {Party: "bank", Parts: 1}}, From: today.AddDays(-10), Until: today}
	for on, ok := range map[calendar.Date]bool{today: true, today.AddDays(1): false, today.AddDays(-10): true, today.AddDays(-11): false} {
		if _, err := own.Share(Claim{Principal: 100}, on); (err == nil) != ok || err != nil && fault.Public(err).Code != "scheme.closed" {
			t.Errorf("on %s: %v", on, err)
		}
	}
	for _, id := range []string{"SHANGHAI-ADVANCE", "PUDONG-2011"} {
		s, err := SchemeByID(id)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Share(Claim{Principal: 100}, today); err == nil || fault.Public(err).Code != "scheme.closed" {
			t.Errorf("%s shares a loss: %v", id, err)
		}
	}
}

// Pudong's letter: 46, 58 and 114 pledges of 865, 1,521 and 1,748 million yuan
// make averages of 18.80, 26.22 and 15.33 million.
func TestPublishedAverages(t *testing.T) {
	got := Statistics([]Pledge{
		{Period: "3", Amount: 174_800 * wan, Count: 114}, {Period: "1", Amount: 86_500 * wan, Count: 46}, {Period: "2", Amount: 152_100 * wan, Count: 58},
	}, nil)
	for i, want := range []float64{1880, 2622, 1533} {
		if math.Round(got[i].Average.Yuan()/1e4) != want {
			t.Errorf("period %s: %s, want %g万", got[i].Period, got[i].Average, want)
		}
	}
	by := Statistics([]Pledge{{Period: "1", Amount: 3, Kind: "a"}, {Period: "1", Amount: 4, Kind: "b"}, {Period: "1", Amount: 1, Kind: "a"}}, func(p *Pledge) string { return p.Kind })
	if len(by) != 3 || by[0].Count != 3 || by[1] != (Total{"1", "a", 2, 4, 2}) || by[2].Count != 1 {
		t.Errorf("%+v", by)
	}
}

func TestCoverRunsDown(t *testing.T) {
	at := calendar.MustParse
	in := CoverInput{
		On: at("2026-01-01"), Maturity: at("2029-01-01"), Loan: 300 * wan, Ceiling: .3,
		Items: []CoverItem{{Number: "a", Value: 1000 * wan, Low: 600 * wan, Expiry: at("2028-01-01")}, {Number: "b", Value: 200 * wan, Low: 100 * wan}},
	}
	points, unknown, err := Forecast(in, .1)
	if err != nil || unknown != 1 || len(points) != 7 {
		t.Fatalf("%d points, %d unknown, %v", len(points), unknown, err)
	}
	if p := points[0]; p.Value != 1200*wan || *p.LTV != .25 || p.Breach {
		t.Errorf("start: %+v", p)
	}
	// One year of two left: (1-1.1^-1)/(1-1.1^-2) = 0.52381.
	if p := points[2]; math.Abs(p.Value.Yuan()/1e4-200-523.81) > 1 {
		t.Errorf("after a year: %s", p.Value)
	}
	if p := points[4]; p.Value != 200*wan || !p.Breach {
		t.Errorf("ended right: %+v", p)
	}
	for i := 1; i < len(points); i++ {
		if points[i].Value > points[i-1].Value {
			t.Errorf("value rises at %s", points[i].Date)
		}
	}
	in.Repay = "equal"
	points, _, err = Forecast(in, .1)
	if err != nil || points[6].Balance != 0 || points[6].Cover != nil || points[3].Balance != 150*wan {
		t.Errorf("equal parts: %v %+v", err, points)
	}
}

func TestDropAlerts(t *testing.T) {
	p := Policies()["TEMPLATE"]
	for now, want := range map[money.Fen]string{1000 * wan: "", 850*wan + 1: "", 850 * wan: "yellow", 750*wan + 1: "yellow", 750 * wan: "red", 0: "red", 1200 * wan: ""} {
		got := ""
		if a := p.Drop(1000*wan, now); a != nil {
			got = a.Level
		}
		if got != want {
			t.Errorf("1,000万 to %s: %q, want %q", now, got, want)
		}
	}
}

func TestReportForTheRegulator(t *testing.T) {
	v := clean(2, "甲公司", "DB-1", "CN202010123456.2", 1000*wan)
	v.Row.Title, v.Row.CreditCode = "一种电池", "91310115MA1K35JX1D"
	d := Decide([]Valued{v}, Options{Policy: open(.5, .5)}, today)
	r := Report(&v, &d.Rows[0], &d.Contracts[0], nil, today)
	if r.Contract != "DB-1" || r.Latest != 1000*wan || r.First == nil || *r.First != 1000*wan || r.Pledged != 0 || r.Rank != 1 || math.Abs(*r.LTV-10) > 1e-9 ||
		r.Title != v.Row.Number || r.Type != "发明专利权" || r.OwnerCode != v.Row.CreditCode || r.Currency != "CNY" || r.Collected != today {
		t.Errorf("%+v", r)
	}
	if !slices.Contains([]string{"有效", "未知"}, r.State) {
		t.Errorf("state %q", r.State)
	}
}
