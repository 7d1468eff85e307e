package lending

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"zhijia/internal/calendar"
	"zhijia/internal/money"
	"zhijia/internal/patent"
)

const creditCode = "91310115MA1K35JX1A"

// The bank's figures of a borrower bind however the borrower is written: by
// name or code, in either case, half or full width, in any row of the contract.
func TestFiguresOfABorrowerBind(t *testing.T) {
	wide := strings.Map(func(r rune) rune { return r - 0x20 + 0xff00 }, creditCode)
	for _, key := range []string{creditCode, strings.ToLower(creditCode), wide, " " + creditCode + " ", "甲科技有限公司", "甲科技（有限公司）", "甲科技有限责任公司"} {
		for _, code := range []string{creditCode, strings.ToLower(creditCode)} {
			for last := range 2 {
				rows := []Valued{clean(2, "甲科技有限公司", "C", "CN1", 1000*wan), clean(3, "甲科技有限公司", "C", "CN2", 1000*wan)}
				rows[last].Row.CreditCode = code
				for name, o := range map[string]Options{
					"borrower": {Policy: open(.5, .5), BorrowerLimit: map[string]money.Fen{key: 7 * wan}},
					"dscr":     {Policy: open(.5, .5), Bearable: map[string]money.Fen{key: 7 * wan}},
				} {
					c := Decide(rows, o, today).Contracts[0]
					if c.Recommended != 7*wan || c.Binding != name {
						t.Errorf("key %q, code %q in row %d: %s bound by %s, want 7 万元 by %s", key, code, last, c.Recommended, c.Binding, name)
					}
				}
			}
		}
	}
}

// One credit code, or one name of which one row gives the code, is one
// borrower; two codes are two.
func TestOneBorrowerInTwoSpellings(t *testing.T) {
	other := "91310115MA1K35JX2C"
	for name, c := range map[string]struct {
		names, codes [2]string
		one          bool
	}{
		"code in one row":          {[2]string{"甲公司", "甲公司"}, [2]string{creditCode, ""}, true},
		"code in the other row":    {[2]string{"甲公司", "甲公司"}, [2]string{"", creditCode}, true},
		"one code, two names":      {[2]string{"甲公司", "甲有限公司"}, [2]string{creditCode, strings.ToLower(creditCode)}, true},
		"one name, in two forms":   {[2]string{"甲有限公司", "甲 有限责任公司"}, [2]string{"", ""}, true},
		"two codes, one name":      {[2]string{"甲公司", "甲公司"}, [2]string{creditCode, other}, false},
		"two names":                {[2]string{"甲公司", "乙公司"}, [2]string{"", ""}, false},
		"two names, one has codes": {[2]string{"甲公司", "乙公司"}, [2]string{creditCode, ""}, false},
	} {
		rows := []Valued{clean(2, c.names[0], "C", "CN1", 1000*wan), clean(3, c.names[1], "C", "CN2", 1000*wan)}
		rows[0].Row.CreditCode, rows[1].Row.CreditCode = c.codes[0], c.codes[1]
		for _, d := range Decide(rows, Options{Policy: open(.5, .5)}, today).Rows {
			if slices.Contains(codes(d), "D06") == c.one {
				t.Errorf("%s: line %d %v", name, d.Line, codes(d))
			}
		}
		rows[1].Row.Number, rows[1].Row.Contract = "CN1", "C2"
		want := "D01"
		if c.one {
			want = "D03"
		}
		for _, d := range Decide(rows, Options{Policy: open(.5, .5)}, today).Rows {
			if !slices.Contains(codes(d), want) {
				t.Errorf("%s, the patent twice: line %d %v, want %s", name, d.Line, codes(d), want)
			}
		}
	}
}

// Rows of one contract that name two programmes contradict each other, whichever
// comes first; a row that names none follows the others.
func TestProgrammesOfOneContract(t *testing.T) {
	programme := func(id string) Programme {
		return Programme{ID: id, Version: "1", Name: id, Total: Limit{1000 * wan, "test"}}
	}
	o := Options{Policy: open(.5, .5), Programmes: map[string]Programme{"P1": programme("P1"), "P2": programme("P2")}, Drawn: []Draw{{"P2", "乙", "", 1000 * wan}}}
	for _, c := range []struct {
		products [2]string
		clash    bool
	}{{[2]string{"P1", "P2"}, true}, {[2]string{"P2", "P1"}, true}, {[2]string{"P1", "P1"}, false}, {[2]string{"", "P1"}, false}, {[2]string{"P1", ""}, false}} {
		rows := []Valued{clean(2, "甲公司", "C", "CN1", 1000*wan), clean(3, "甲公司", "C", "CN2", 1000*wan)}
		rows[0].Row.Product, rows[1].Row.Product = c.products[0], c.products[1]
		d := Decide(rows, o, today)
		if got := slices.Contains(codes(d.Rows[0]), "D08"); got != c.clash || c.clash == (d.Contracts[0].Verdict == Accept) {
			t.Errorf("%v: %v, contract %s", c.products, codes(d.Rows[0]), d.Contracts[0].Verdict)
		}
		if !c.clash && d.Contracts[0].Product != "P1" {
			t.Errorf("%v: drawn on %q", c.products, d.Contracts[0].Product)
		}
	}
}

// The day a right ends against the day a loan does: the desk (E06), the book
// and the watch agree on every day around it.
func TestExpiryOnTheDayOfMaturity(t *testing.T) {
	expiry := today.AddYears(1)
	for shift := -2; shift <= 2; shift++ {
		maturity := expiry.AddDays(shift)
		ends := shift >= 0 // the last protected day is the one before
		e := patent.CheckPledge(patent.PledgeFacts{State: patent.State{On: today}, Expiry: expiry, Maturity: maturity})
		if got := e.Findings[5].Outcome == patent.Met; got != ends {
			t.Errorf("%+d days: E06 %v", shift, got)
		}
		in := CoverInput{On: today, Maturity: maturity, Loan: wan, Ceiling: 1, Items: []CoverItem{{Number: "CN1", Value: 10 * wan, Low: 10 * wan, Expiry: expiry}}}
		if got := slices.ContainsFunc(Standing(in, 0), func(c Condition) bool { return c.Kind == "expiry" }); got != ends {
			t.Errorf("%+d days: the book %v", shift, got)
		}
		filed := expiry.AddYears(-20)
		w := patent.Watched{Number: "CN1", Fees: patent.FeeAccount{Kind: patent.Invention, Filing: filed}, Loans: []patent.Loan{{Reference: "L", Maturity: maturity}}}
		if got := slices.ContainsFunc(w.Alerts(calendar.Date{}, today), func(a patent.Alert) bool { return a.Code == "expiry_within_loan" }); got != ends {
			t.Errorf("%+d days: the watch %v", shift, got)
		}
	}
}

// A utility model whose applicant filed the same invention on the same day is
// found within a file, and only that.
func TestTwinsOfOneFile(t *testing.T) {
	pair := func() []Valued {
		rows := []Valued{clean(2, "甲公司", "A", "CN1", 1000*wan), clean(3, "甲公司", "B", "CN2", 1000*wan)}
		for i := range rows {
			rows[i].Row.Title, rows[i].Row.Filing = "一种夹具", today.AddYears(-4)
		}
		rows[1].Row.Kind = patent.UtilityModel
		return rows
	}
	for name, c := range map[string]struct {
		change func(r []Valued)
		found  bool
	}{
		"twins":              {func([]Valued) {}, true},
		"another day":        {func(r []Valued) { r[1].Row.Filing = r[1].Row.Filing.AddDays(1) }, false},
		"another applicant":  {func(r []Valued) { r[0].Row.Owners = []string{"乙公司"} }, false},
		"another title":      {func(r []Valued) { r[1].Row.Title = "一种治具" }, false},
		"two utility models": {func(r []Valued) { r[0].Row.Kind = patent.UtilityModel }, false},
		"title in full form": {func(r []Valued) { r[1].Row.Title = "夹具" }, true},
	} {
		rows := pair()
		c.change(rows)
		d := Decide(rows, Options{Policy: open(.5, .5)}, today)
		if got := slices.Contains(codes(d.Rows[1]), "E10"); got != c.found || slices.Contains(codes(d.Rows[0]), "E10") {
			t.Errorf("%s: %v and %v", name, codes(d.Rows[0]), codes(d.Rows[1]))
		}
	}
}

// better moves one fact of a row in its better direction.
var better = map[string]func(v *Valued, o *Options){
	"more revenue": func(v *Valued, _ *Options) { r := 9_000 * wan; v.Row.Revenue = &r },
	"higher value": func(v *Valued, _ *Options) {
		v.Point, v.Low, v.High, v.Forced = v.Point*2, v.Low*2, v.High*2, v.Forced*2
	},
	"higher low end":            func(v *Valued, _ *Options) { v.Low = v.Point },
	"calibrated":                func(v *Valued, _ *Options) { v.Calibration = "conformal" },
	"more comparables":          func(v *Valued, _ *Options) { v.Comparables = []string{"a", "b", "c", "d", "e", "f"} },
	"register seen today":       func(v *Valued, _ *Options) { v.Row.RegisterAsOf = today },
	"no exclusive licence":      func(v *Valued, _ *Options) { v.Row.Licensed, v.State.Licences = patent.No, nil },
	"longer protection":         func(v *Valued, _ *Options) { v.Expiry = v.Expiry.AddYears(5) },
	"earlier maturity":          func(v *Valued, _ *Options) { v.Row.Maturity = today.AddMonths(6) },
	"smaller loan":              func(v *Valued, _ *Options) { v.Row.Loan /= 2 },
	"on file":                   func(v *Valued, _ *Options) { v.FromRow, v.OnWord = false, nil },
	"owner is the borrower":     func(v *Valued, _ *Options) { v.Row.Owners, v.State.Owners = []string{v.Row.Borrower}, nil },
	"pledgor agrees":            func(v *Valued, _ *Options) { v.Row.PledgorConsent = patent.Yes },
	"nothing unread":            func(v *Valued, _ *Options) { v.Row.Unread = nil },
	"not state owned":           func(v *Valued, _ *Options) { v.Row.StateOwned = patent.No },
	"higher limit of the bank":  func(v *Valued, _ *Options) { x := 5_000 * wan; v.Row.BorrowerLimit = &x },
	"bears more":                func(v *Valued, _ *Options) { x := 5_000 * wan; v.Row.Bearable = &x },
	"appraisal is fresh":        func(v *Valued, _ *Options) { v.Row.ExternalDate = today },
	"appraisal agrees":          func(v *Valued, _ *Options) { x := v.Point; v.Row.External, v.Row.ExternalDate = &x, today },
	"parties agreed in writing": func(v *Valued, _ *Options) { x := v.Point; v.Row.Agreed = &x },
	"limit of the policy":       func(_ *Valued, o *Options) { o.Policy.InternalLimit.Amount *= 10 },
	"ceiling":                   func(v *Valued, o *Options) { o.Policy.Caps[v.Row.Kind] = Figure{.9, "test"} },
	"stale days":                func(_ *Valued, o *Options) { o.Policy.StaleDays.Value = 365 },
	"nothing booked":            func(_ *Valued, o *Options) { o.Booked = nil },
	"fresh policy limits":       func(_ *Valued, o *Options) { o.BorrowerLimit, o.Bearable = nil, nil },
	"valued, not a range":       func(v *Valued, _ *Options) { v.Status = "valued" },
	"higher grade":              func(v *Valued, _ *Options) { v.Grade = "A" },
	"royalty known":             func(v *Valued, _ *Options) { x := 0.03; v.Row.Royalty = &x },
}

func init() {
	for i, g := range patent.Grounds {
		better["cleared "+g.Code] = func(v *Valued, _ *Options) {
			v.Eligibility.Findings = slices.Clone(v.Eligibility.Findings)
			v.Eligibility.Findings[i] = patent.Finding{Ground: g, Outcome: patent.Clear}
		}
	}
}

// A fact moved in its better direction takes no acceptance back.
func TestBetterEvidenceLosesNoAcceptance(t *testing.T) {
	if len(better) < 30 {
		t.Fatalf("%d facts", len(better))
	}
	rapid.Check(t, func(t *rapid.T) {
		v := clean(2, "甲公司", "C", "CN1", 1000*wan)
		pick := func(name string) bool { return rapid.IntRange(0, 4).Draw(t, name) == 0 }
		if pick("third") {
			v.Row.Owners, v.Row.Consents = []string{"乙公司"}, []patent.Consent{{Party: "乙公司", Said: patent.Yes}}
		}
		if pick("licensed") {
			v.Row.Licensed = patent.Yes
		}
		if pick("from row") {
			v.FromRow, v.OnWord = true, []string{"E02", "E05"}
		}
		if pick("uncalibrated") {
			v.Calibration = "uncalibrated"
		}
		if pick("warned") {
			v.Eligibility.Findings[10] = patent.Finding{Ground: patent.Grounds[10], Outcome: patent.Declared, Declared: "双方知悉"}
		}
		if pick("open") {
			v.Eligibility.Findings[6] = patent.Finding{Ground: patent.Grounds[6], Outcome: patent.Open}
		}
		v.Row.Loan = wan * money.Fen(rapid.IntRange(1, 260).Draw(t, "loan"))
		o := func() Options {
			p := open(.5, .5)
			p.Rules = map[string]Rule{"P04": {Severity: Supplements, Source: "t"}, "P06": {Severity: Supplements, Threshold: 3, Source: "t"}, "P11": {Severity: Supplements, Source: "t"}, "P03": {Severity: Refuses, Threshold: 3, Source: "t"}}
			return Options{Policy: p}
		}
		before := Decide([]Valued{v}, o(), today)
		for name, move := range better {
			w, oo := v, o()
			move(&w, &oo)
			after := Decide([]Valued{w}, oo, today)
			if before.Rows[0].Verdict == Accept && after.Rows[0].Verdict != Accept {
				t.Fatalf("%s: accepted before, then %s %v", name, after.Rows[0].Verdict, codes(after.Rows[0]))
			}
			if name != "smaller loan" && after.Contracts[0].Recommended < before.Contracts[0].Recommended {
				t.Fatalf("%s: recommended %s, then %s", name, before.Contracts[0].Recommended, after.Contracts[0].Recommended)
			}
		}
	})
}
