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
	"zhijia/internal/patent"
	"zhijia/internal/valuation"
)

const wan = money.Fen(money.Wan)

var today = calendar.MustParse("2026-11-23")

// clean is a row that nothing speaks against under [open].
func clean(line int, borrower, contract, number string, value money.Fen) Valued {
	revenue := 5_000 * wan
	v := Valued{
		Row: Row{
			Line: line, Borrower: borrower, Contract: contract, Number: number, Kind: patent.Invention, Owners: []string{borrower},
			Revenue: &revenue, Loan: value / 10, Maturity: today.AddMonths(12), RegisterAsOf: today.AddDays(-3),
		},
		Status: valuation.Valued, Point: value, Low: value / 2, High: value * 2, Forced: value / 4, Calibration: "conformal",
		Comparables: []string{"a", "b", "c"}, Expiry: today.AddYears(10),
	}
	for _, g := range patent.Grounds {
		v.Eligibility.Findings = append(v.Eligibility.Findings, patent.Finding{Ground: g, Outcome: patent.Clear})
	}
	return v
}

// open is a policy with round ceilings and no rules.
func open(invention, utility float64) Policy {
	f := func(x float64) Figure { return Figure{x, "test"} }
	return Policy{
		ID: "T", Version: "1", Label: "own", Basis: AppraisedIncome, Caps: map[patent.Kind]Figure{patent.Invention: f(invention), patent.UtilityModel: f(utility), patent.Design: f(0)},
		Yellow: f(.15), Red: f(.25), Revaluation: f(6), StaleDays: f(90), InternalLimit: Limit{1000 * wan, "test"}, Review: f(.2), RedDeviation: f(.3),
	}
}

func codes(d Decision) (out []string) {
	for _, r := range d.Reasons {
		out = append(out, r.Code)
	}
	slices.Sort(out)
	return out
}

func TestPresets(t *testing.T) {
	all := Policies()
	for id, want := range map[string][3]float64{"TEMPLATE": {.30, 0, 0}, "BOCOM-HIST": {.25, .15, 0}, "CCB-NB": {.30, .30, 0}} {
		p, ok := all[id]
		if !ok || p.Label == "own" {
			t.Fatalf("%s: missing, or not labelled as a preset: %+v", id, p)
		}
		for i, k := range []patent.Kind{patent.Invention, patent.UtilityModel, patent.Design} {
			if p.Caps[k].Value != want[i] || p.Caps[k].Source == "" {
				t.Errorf("%s %s: %+v, want %g with a source", id, k, p.Caps[k], want[i])
			}
		}
	}
	if tenor := all["BOCOM-HIST"].TenorMonths; tenor == nil || tenor.Value != 36 {
		t.Errorf("BOCOM-HIST tenor: %+v", tenor)
	}
	if tenor := all["CCB-NB"].TenorMonths; tenor == nil || tenor.Value != 12 {
		t.Errorf("CCB-NB tenor: %+v", tenor)
	}
	if _, err := PolicyByID("none"); fault.KindOf(err) != fault.NotFound || !strings.Contains(fault.Public(err).Zh, "TEMPLATE") {
		t.Errorf("unknown policy: %v", err)
	}
	if _, err := LoadPolicy([]byte(`{"id":"x","caps":{"invention":{"value":1.2,"source":"s"}}}`)); len(fault.Public(err).Fields) < 5 {
		t.Errorf("a bad policy names its fields: %v", err)
	}
}

// The vendor template's worked example: 1,000 against 1,000 at 70% and 500 at
// 50% is 1000/950, 105%, which fails.
func TestMixedCollateral(t *testing.T) {
	a, b := clean(2, "甲公司", "C1", "CN1", 1000*wan), clean(3, "甲公司", "C1", "CN2", 500*wan)
	b.Row.Kind = patent.UtilityModel
	a.Row.Loan, b.Row.Loan = 1000*wan, 1000*wan
	a.Low, b.Low = a.Point, b.Point
	d := Decide([]Valued{a, b}, Options{Policy: open(.7, .5)}, today)
	c := d.Contracts[0]
	if *c.Mixed != 1000.0/950 || *c.LTV != 1000.0/1500 {
		t.Fatalf("mixed %v, LTV %v", *c.Mixed, *c.LTV)
	}
	if c.Recommended != 950*wan || c.Binding != "collateral" || c.Verdict != Supplement || c.Headroom != -50*wan {
		t.Errorf("%+v", c)
	}
	for _, r := range d.Rows {
		if !slices.Contains(codes(r), "L01") || !slices.Contains(codes(r), "L05") {
			t.Errorf("line %d: %v", r.Line, codes(r))
		}
	}
	if d.Rows[0].Recommended+d.Rows[1].Recommended != 950*wan {
		t.Errorf("parts %s and %s", d.Rows[0].Recommended, d.Rows[1].Recommended)
	}
}

func TestVerdicts(t *testing.T) {
	set := func(f func(*Valued)) Valued { v := clean(2, "甲公司", "C1", "CN1", 1000*wan); f(&v); return v }
	found := func(code string, o patent.Outcome) func(*Valued) {
		return func(v *Valued) {
			for i := range v.Eligibility.Findings {
				if v.Eligibility.Findings[i].Code == code {
					v.Eligibility.Findings[i].Outcome = o
				}
			}
		}
	}
	template := Policies()["TEMPLATE"]
	unreviewed := func(rules map[string]Rule) Policy {
		p := open(.5, .5)
		p.Unreviewed = true
		if rules != nil {
			p.Rules = rules
		}
		return p
	}
	for name, c := range map[string]struct {
		v      Valued
		policy Policy
		want   Verdict
		code   string
	}{
		"clean":                {set(func(*Valued) {}), open(.5, .5), Accept, ""},
		"owner differs":        {set(found("E01", patent.Met)), open(.5, .5), Refuse, "E01"},
		"already pledged":      {set(found("E09", patent.Met)), open(.5, .5), Refuse, "E09"},
		"fees not known":       {set(found("E04", patent.Open)), open(.5, .5), Supplement, "E04"},
		"invalidation pending": {set(found("E11", patent.Met)), open(.5, .5), Supplement, "E11"},
		"declared":             {set(found("E11", patent.Declared)), open(.5, .5), Accept, "E11"},
		"dead":                 {set(func(v *Valued) { v.Status = valuation.Zero }), open(.5, .5), Refuse, "V03"},
		"abstained":            {set(func(v *Valued) { v.Status = valuation.Abstained }), open(.5, .5), Supplement, "V02"},
		"range only":           {set(func(v *Valued) { v.Status = valuation.RangeOnly }), open(.5, .5), Supplement, "V01"},
		"faulty row":           {Refused(Row{Line: 2}, fault.Field{Code: "number.check_digit", Zh: "校验位不符"}), open(.5, .5), Supplement, "number.check_digit"},
		"design":               {set(func(v *Valued) { v.Row.Kind = patent.Design }), template, Refuse, "P01"},
		"utility model":        {set(func(v *Valued) { v.Row.Kind = patent.UtilityModel }), template, Refuse, "P02"},
		"two years left":       {set(func(v *Valued) { v.Expiry = today.AddYears(2) }), template, Refuse, "P03"},
		"no revenue":           {set(func(v *Valued) { v.Row.Revenue = nil }), template, Supplement, "P04"},
		"old appraisal": {set(func(v *Valued) {
			x := 1000 * wan
			v.Row.External, v.Row.ExternalDate = &x, today.AddMonths(-7)
		}), template, Supplement, "P05"},
		"few comparables":    {set(func(v *Valued) { v.Comparables = nil }), template, Accept, "P06"},
		"over market":        {set(func(v *Valued) { v.Methods = []Method{{"market", 7e6, 1}} }), template, Accept, "P08"},
		"long loan":          {set(func(v *Valued) { v.Row.Maturity = today.AddMonths(13) }), Policies()["CCB-NB"], Refuse, "P09"},
		"unknown kind":       {set(func(v *Valued) { v.Row.Kind = "" }), template, Supplement, "P10"},
		"state at the limit": {set(func(v *Valued) { v.Row.RegisterAsOf = today.AddDays(-90) }), template, Accept, ""},
		"fresh news beside old words": {set(func(v *Valued) {
			v.Row.RegisterAsOf, v.Row.Pledged, v.OnWord, v.State.LastSeen = today.AddDays(-91), patent.No, []string{"E09"}, today.AddDays(-3)
		}), template, Supplement, "P11"},
		"fresh words beside old news": {set(func(v *Valued) {
			v.Row.RegisterAsOf, v.Row.Pledged, v.Row.Preserved, v.OnWord, v.State.LastSeen = today.AddDays(-90), patent.No, patent.No, []string{"E05"}, today.AddDays(-400)
		}), template, Accept, ""},
		"old news that no word repeats": {set(func(v *Valued) {
			v.Row.RegisterAsOf, v.Row.Preserved, v.OnWord, v.State.LastSeen = today, patent.No, []string{"E05"}, today.AddDays(-91)
		}), template, Supplement, "P11"},
		"stale state":      {set(func(v *Valued) { v.Row.RegisterAsOf = today.AddDays(-91) }), template, Supplement, "P11"},
		"a person":         {set(func(v *Valued) { v.Row.Owners = []string{"张三"} }), template, Supplement, "P12"},
		"not reviewed":     {set(func(*Valued) {}), unreviewed(nil), Accept, ""},
		"must be reviewed": {set(func(*Valued) {}), unreviewed(map[string]Rule{"P16": {Severity: Supplements, Source: "x"}}), Supplement, "P16"},
		"no amount":        {set(func(v *Valued) { v.Row.Loan = 0 }), open(.5, .5), Supplement, "L02"},
		"over the cap":     {set(func(v *Valued) { v.Row.Loan = 251 * wan }), open(.5, .5), Supplement, "L05"},
		"above 10 million": {set(func(v *Valued) {
			v.Point, v.Low, v.Row.Loan = 90_000*wan, 80_000*wan, 1001*wan
		}), open(.5, .5), Supplement, "R01"},
		"unknown programme": {set(func(v *Valued) { v.Row.Product = "ZZ" }), open(.5, .5), Supplement, "G03"},
	} {
		d := Decide([]Valued{c.v}, Options{Policy: c.policy}, today).Rows[0]
		if d.Verdict != c.want || c.code != "" && !slices.Contains(codes(d), c.code) {
			t.Errorf("%s: %s %v, want %s with %s", name, d.Verdict, codes(d), c.want, c.code)
		}
		if marked := slices.ContainsFunc(d.Conditions, func(r Reason) bool { return r.Code == "W02" }); marked != c.policy.Unreviewed {
			t.Errorf("%s: marked 未经复核 %v", name, marked)
		}
		for _, r := range d.Reasons {
			if r.Zh == "" || r.En == "" || r.Basis == "" || r.Severity == "" {
				t.Errorf("%s: incomplete reason %+v", name, r)
			}
		}
	}
}

// Open questions that only the contract or a declaration can answer are
// conditions, not gaps; and so is that revenue which only the file states is borne
// out, where the ceiling was made for income.
func TestConditions(t *testing.T) {
	v := clean(2, "甲公司", "C1", "CN1", 1000*wan)
	for i := range v.Eligibility.Findings {
		if slices.Contains([]string{"E07", "E10", "E11", "E12"}, v.Eligibility.Findings[i].Code) {
			v.Eligibility.Findings[i].Outcome = patent.Open
		}
	}
	d := Decide([]Valued{v}, Options{Policy: open(.5, .5)}, today).Rows[0]
	if d.Verdict != Accept || len(d.Conditions) != 5 || d.Conditions[4].Code != "W03" {
		t.Errorf("%s, conditions %+v", d.Verdict, d.Conditions)
	}
	market := open(.5, .5)
	market.Basis = MarketBare
	if d := Decide([]Valued{v}, Options{Policy: market}, today).Rows[0]; slices.ContainsFunc(d.Conditions, func(r Reason) bool { return r.Code == "W03" }) {
		t.Errorf("asked of a market value: %+v", d.Conditions)
	}
}

func TestDuplicates(t *testing.T) {
	two := Decide([]Valued{clean(2, "甲公司", "C1", "CN1", 1000*wan), clean(3, "乙公司", "C2", "CN1", 1000*wan)}, Options{Policy: open(.5, .5)}, today)
	for i, d := range two.Rows {
		if !slices.Contains(codes(d), "D01") || d.Counted || d.Lendable != 0 || two.Contracts[i].Value != 0 {
			t.Errorf("two borrowers, line %d: %v counted %v", d.Line, codes(d), d.Counted)
		}
	}
	same := Decide([]Valued{clean(2, "甲公司", "C1", "CN1", 1000*wan), clean(3, "甲公司", "C1", "CN1", 1000*wan)}, Options{Policy: open(.5, .5)}, today)
	if c := same.Contracts[0]; c.Value != 1000*wan || c.Verdict != Accept {
		t.Errorf("twice under one contract counts once: %+v", c)
	}
	other := Decide([]Valued{clean(2, "甲公司", "C1", "CN1", 1000*wan), clean(3, "甲公司", "C2", "CN1", 1000*wan)}, Options{Policy: open(.5, .5)}, today)
	for _, d := range other.Rows {
		if !slices.Contains(codes(d), "D03") || d.Verdict != Supplement {
			t.Errorf("two contracts, line %d: %v", d.Line, codes(d))
		}
	}
	spelled := Decide([]Valued{clean(2, "甲（上海）有限公司", "C1", "CN1", 1000*wan), clean(3, "甲(上海)有限责任公司", "C1", "CN1", 1000*wan)}, Options{Policy: open(.5, .5)}, today)
	if !slices.Contains(codes(spelled.Rows[1]), "D02") {
		t.Errorf("one borrower spelled twice is one: %v", codes(spelled.Rows[1]))
	}
}

// The bands at their exact ends: 20% passes, a fen more is reviewed; 30% is
// reviewed, a fen more is red.
func TestDeviationBands(t *testing.T) {
	p := open(.5, .5)
	ours := 1000 * wan
	for external, want := range map[money.Fen]string{
		1000 * wan: "ok", 1200 * wan: "ok", 800 * wan: "ok", 1200*wan + 1: "review", 800*wan - 1: "review",
		1300 * wan: "review", 700 * wan: "review", 1300*wan + 1: "red", 700*wan - 1: "red",
	} {
		if got := Deviate(external, ours, &p).Band; got != want {
			t.Errorf("%s against %s: %s, want %s", external, ours, got, want)
		}
	}
}

func TestProgramme(t *testing.T) {
	g := Programme{ID: "ZYD", Version: "1", Name: "知易贷", Total: Limit{250 * wan, "test"}}
	var batch []Valued
	for i := range 3 {
		v := clean(i+2, string(rune('甲'+i))+"公司", string(rune('A'+i)), "CN"+string(rune('1'+i)), 1000*wan)
		v.Row.Seq, v.Row.Product = string(rune('1'+i)), "ZYD"
		batch = append(batch, v)
	}
	o := Options{Policy: open(.5, .5), Programmes: map[string]Programme{"ZYD": g}}
	d := Decide(batch, o, today)
	got := []money.Fen{d.Contracts[0].Recommended, d.Contracts[1].Recommended, d.Contracts[2].Recommended}
	if !slices.Equal(got, []money.Fen{100 * wan, 100 * wan, 50 * wan}) {
		t.Fatalf("recommended %v", got)
	}
	last := d.Contracts[2]
	if last.Binding != "programme" || last.Verdict != Supplement || !slices.Contains(codes(d.Rows[2]), "G01") {
		t.Errorf("the third meets the limit: %+v %v", last, codes(d.Rows[2]))
	}
	if !strings.Contains(fixed["G01"].En, "额度用尽") {
		t.Error("the desk's word is missing")
	}
	g.Until = today.AddDays(-1)
	o.Programmes["ZYD"] = g
	if d := Decide(batch, o, today); d.Rows[0].Verdict != Refuse || !slices.Contains(codes(d.Rows[0]), "G02") {
		t.Errorf("an ended scheme cannot be chosen: %v", codes(d.Rows[0]))
	}
}

func drawBatch(t *rapid.T) []Valued {
	n := rapid.IntRange(1, 12).Draw(t, "n")
	batch := make([]Valued, n)
	for i := range batch {
		v := clean(i+2, rapid.SampledFrom([]string{"甲公司", "乙公司", "丙公司"}).Draw(t, "borrower"), rapid.SampledFrom([]string{"", "C1", "C2"}).Draw(t, "contract"),
			rapid.SampledFrom([]string{"CN1", "CN2", "CN3", "CN4", "CN5"}).Draw(t, "number"), money.Fen(rapid.Int64Range(0, 1e10).Draw(t, "value")))
		v.Row.Loan = money.Fen(rapid.Int64Range(0, 1e10).Draw(t, "loan"))
		v.Row.CreditCode = rapid.SampledFrom([]string{"", "91310115MA1K35JX1D"}).Draw(t, "code")
		figure := func(label string) *money.Fen {
			if !rapid.Bool().Draw(t, label+" given") {
				return nil
			}
			x := money.Fen(rapid.Int64Range(0, 2e10).Draw(t, label))
			return &x
		}
		v.Row.Agreed, v.Row.BorrowerLimit, v.Row.Bearable, v.Row.External = figure("agreed"), figure("limit"), figure("bearable"), figure("external")
		v.Row.StateOwned = rapid.SampledFrom([]patent.Truth{"", patent.Yes, patent.No}).Draw(t, "state owned")
		v.Row.Product = rapid.SampledFrom([]string{"", "ZYD"}).Draw(t, "product")
		v.Row.Kind = rapid.SampledFrom([]patent.Kind{patent.Invention, patent.UtilityModel, patent.Design, ""}).Draw(t, "kind")
		v.Status = rapid.SampledFrom([]valuation.Status{valuation.Valued, valuation.Valued, valuation.RangeOnly, valuation.Abstained, valuation.Zero}).Draw(t, "status")
		batch[i] = v
	}
	return batch
}

func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount := func(label string, most int64) money.Fen { return money.Fen(rapid.Int64Range(0, most).Draw(t, label)) }
		o := Options{
			Policy:     Policies()[rapid.SampledFrom([]string{"BOCOM-HIST", "CCB-NB", "TEMPLATE"}).Draw(t, "policy")],
			Programmes: map[string]Programme{"ZYD": {ID: "ZYD", Name: "知易贷", Total: Limit{3000 * wan, "test"}, PerBorrower: &Limit{1500 * wan, "test"}}},
		}
		if rapid.Bool().Draw(t, "lenient") {
			o.Policy.Rules = nil
		}
		for range rapid.IntRange(0, 4).Draw(t, "draws") {
			o.Drawn = append(o.Drawn, Draw{
				"ZYD", rapid.SampledFrom([]string{"甲公司", "乙公司", "丁公司"}).Draw(t, "drawn by"), rapid.SampledFrom([]string{"", "91310115MA1K35JX1D"}).Draw(t, "drawn code"), amount("drawn", int64(1000*wan)),
			})
		}
		o.BorrowerLimit = map[string]money.Fen{"甲公司": amount("limit of 甲", 2e10)}
		batch := drawBatch(t)
		d := Decide(batch, o, today)

		order := rapid.Permutation(slices.Collect(func(yield func(int) bool) {
			for i := range batch {
				if !yield(i) {
					return
				}
			}
		})).Draw(t, "order")
		shuffled := make([]Valued, len(batch))
		for k, i := range order {
			shuffled[k] = batch[i]
		}
		e := Decide(shuffled, o, today)
		for k, i := range order {
			x, y := d.Rows[i], e.Rows[k]
			if x.Verdict != y.Verdict || x.Recommended != y.Recommended || !slices.Equal(codes(x), codes(y)) {
				t.Fatalf("the order of rows matters: %+v and %+v", x, y)
			}
		}

		var drawn money.Fen
		by := newLedger(o.Drawn)
		for _, x := range o.Drawn {
			drawn += x.Amount
		}
		before := drawn
		for _, c := range d.Contracts {
			var parts, lendable money.Fen
			least := money.Fen(math.MaxInt64)
			for _, l := range c.Limits {
				least = min(least, l.Amount)
			}
			for i := range d.Rows {
				if d.Rows[i].Contract == c.Key {
					parts += d.Rows[i].Recommended
					lendable += d.Rows[i].Lendable
				}
			}
			if c.Recommended != least || parts != c.Recommended && lendable > 0 || c.Recommended > lendable {
				t.Fatalf("recommended %s, least limit %s, parts %s, lendable %s", c.Recommended, least, parts, lendable)
			}
			if c.Recommended < 0 || c.Product == "ZYD" && c.Recommended > max(0, 3000*wan-before) {
				t.Fatalf("recommended %s of a programme with %s drawn before", c.Recommended, before)
			}
			if c.Product == "ZYD" && c.Verdict == Accept {
				drawn += c.Recommended
			}
			if c.Route == Internal && c.Loan > o.Policy.InternalLimit.Amount || c.Route == Negotiated && c.Loan > o.Policy.NegotiatedLimit.Amount {
				t.Fatalf("%s is valued by the route %s", c.Loan, c.Route)
			}
		}
		if drawn > max(before, 3000*wan) {
			t.Fatalf("the programme lends %s over its limit", drawn)
		}
		draws, keys := d.Draws(batch, &o)
		if len(draws) != len(keys) {
			t.Fatalf("%d draws of %d contracts", len(draws), len(keys))
		}
		for i, x := range draws {
			row := Row{Borrower: x.Borrower, CreditCode: x.CreditCode}
			if had := by.of("ZYD", &row); x.Amount > 0 && had+x.Amount > 1500*wan {
				t.Fatalf("%s draws %s over %s, above its limit", keys[i], x.Amount, had)
			}
			by.add(x)
		}

		i := rapid.IntRange(0, len(batch)-1).Draw(t, "falls")
		lower := slices.Clone(batch)
		if rapid.Bool().Draw(t, "agreed lower") {
			less := lower[i].Low / 2
			lower[i].Row.Agreed = &less
			if a := batch[i].Row.Agreed; a != nil {
				less = min(less, *a)
			}
		} else {
			lower[i].Low /= 2
		}
		for k, c := range Decide(lower, Options{Policy: o.Policy}, today).Contracts {
			if before := Decide(batch, Options{Policy: o.Policy}, today).Contracts[k]; c.Recommended > before.Recommended {
				t.Fatalf("a lower value lends more: %s after %s", c.Recommended, before.Recommended)
			}
		}
	})
}

// Each statutory ground alone: a blocking one refuses, the two that the parties
// may insist on ask for a declaration and are cleared by it, the last asks for
// a person.
func TestEachGround(t *testing.T) {
	for i, g := range patent.Grounds {
		for outcome, want := range map[patent.Outcome]Verdict{
			patent.Met: map[patent.Severity]Verdict{patent.Block: Refuse, patent.Warn: Supplement, patent.Review: Supplement}[g.Severity], patent.Clear: Accept,
		} {
			v := clean(2, "甲公司", "C1", "CN1", 1000*wan)
			v.Eligibility.Findings[i].Outcome = outcome
			d := Decide([]Valued{v}, Options{Policy: open(.5, .5)}, today).Rows[0]
			if d.Verdict != want || outcome == patent.Met && (d.Reasons[0].Code != g.Code || d.Reasons[0].Basis != Statutory || d.Reasons[0].Zh != g.Zh || d.Reasons[0].Source == "") {
				t.Errorf("%s %s: %s %+v", g.Code, outcome, d.Verdict, d.Reasons)
			}
		}
		v := clean(2, "甲公司", "C1", "CN1", 1000*wan)
		v.Eligibility.Findings[i].Outcome, v.Eligibility.Findings[i].Declared = patent.Declared, "双方知悉"
		d := Decide([]Valued{v}, Options{Policy: open(.5, .5)}, today).Rows[0]
		if d.Verdict != Accept || !strings.Contains(d.Reasons[0].Evidence, "双方知悉") {
			t.Errorf("%s declared: %s %+v", g.Code, d.Verdict, d.Reasons)
		}
	}
}

// A stored decision names the rules it was made under, also one from before
// decisions did; what is not decided names none.
func TestRulesOf(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]Decision{"": {}, "lending-1": {Verdict: Accept}, "lending-9": {Verdict: Refuse, Rules: "lending-9"}} {
		if got := RulesOf(&d); got != want {
			t.Errorf("%+v: %q", d, got)
		}
	}
}
