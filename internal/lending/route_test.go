package lending

import (
	"slices"
	"testing"

	"zhijia/internal/calendar"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/valuation"
)

// Who must value: up to the internal limit we, above it the parties where the
// policy lets them, above both an appraiser; a value in dispute may be settled
// by agreement, which never raises it.
func TestRoutes(t *testing.T) {
	policy := open(.5, .5)
	policy.InternalLimit = Limit{500 * wan, "test"}
	negotiable := policy
	negotiable.NegotiatedLimit = &Limit{1000 * wan, "test"}
	amount := func(x money.Fen) *money.Fen { return &x }
	for name, c := range map[string]struct {
		policy  Policy
		row     func(*Valued)
		route   Route
		code    string
		verdict Verdict
		most    money.Fen // collateral's limit
	}{
		"internal":               {negotiable, func(v *Valued) { v.Row.Loan = 500 * wan }, Internal, "", Accept, 2500 * wan},
		"a fen more":             {negotiable, func(v *Valued) { v.Row.Loan = 500*wan + 1 }, Negotiated, "R02", Supplement, 2500 * wan},
		"agreed":                 {negotiable, func(v *Valued) { v.Row.Loan = 1000 * wan; v.Row.Agreed = amount(8000 * wan) }, Negotiated, "", Accept, 2500 * wan},
		"agreed below the low":   {negotiable, func(v *Valued) { v.Row.Loan = 1000 * wan; v.Row.Agreed = amount(3000 * wan) }, Negotiated, "", Accept, 1500 * wan},
		"agreed above the range": {negotiable, func(v *Valued) { v.Row.Loan = 1000 * wan; v.Row.Agreed = amount(20_001 * wan) }, Negotiated, "R04", Supplement, 2500 * wan},
		"above both":             {negotiable, func(v *Valued) { v.Row.Loan = 1000*wan + 1 }, External, "R01", Supplement, 2500 * wan},
		"none is agreed on":      {policy, func(v *Valued) { v.Row.Loan = 500*wan + 1 }, External, "R01", Supplement, 2500 * wan},
		"external is there": {policy, func(v *Valued) {
			v.Row.Loan, v.Row.External, v.Row.ExternalDate = 2000*wan, amount(10_000*wan), today
		}, External, "R01", Accept, 2500 * wan},
		"state assets":       {negotiable, func(v *Valued) { v.Row.StateOwned = patent.Yes }, External, "R03", Supplement, 2500 * wan},
		"range only":         {negotiable, func(v *Valued) { v.Status = valuation.RangeOnly }, Negotiated, "V01", Supplement, 2500 * wan},
		"range only, agreed": {negotiable, func(v *Valued) { v.Status, v.Row.Agreed = valuation.RangeOnly, amount(9000*wan) }, Negotiated, "V01", Accept, 2500 * wan},
		"an appraiser differs": {negotiable, func(v *Valued) {
			v.Row.External, v.Row.ExternalDate = amount(12_500*wan), today
		}, Negotiated, "X01", Supplement, 2500 * wan},
		"and they agree": {negotiable, func(v *Valued) {
			v.Row.External, v.Row.ExternalDate, v.Row.Agreed = amount(12_500*wan), today, amount(11_000*wan)
		}, Negotiated, "X01", Accept, 2500 * wan},
	} {
		v := clean(2, "甲公司", "C1", "CN1", 10_000*wan)
		v.Row.Loan = 100 * wan
		c.row(&v)
		d := Decide([]Valued{v}, Options{Policy: c.policy}, today)
		k := d.Contracts[0]
		if k.Route != c.route || k.Verdict != c.verdict || c.code != "" && !slices.Contains(codes(d.Rows[0]), c.code) || k.Limits[0].Amount != c.most {
			t.Errorf("%s: %s %s %v, collateral %s", name, k.Route, k.Verdict, codes(d.Rows[0]), k.Limits[0].Amount)
		}
	}
	for id, p := range Policies() {
		if l := p.NegotiatedLimit; l == nil || l.Amount != 1000*wan || p.InternalLimit.Amount != 1000*wan || l.Source == "" {
			t.Errorf("%s: %+v", id, l)
		}
	}
}

// What looks unlikely is said: the price of one patent outside 10^4 to 10^8
// goes to a person, a loan above every published average is marked.
func TestPlausibility(t *testing.T) {
	for value, want := range map[money.Fen]bool{wan: false, wan - 1: true, 10_000 * wan: false, 10_000*wan + 1: true} {
		v := clean(2, "甲公司", "C1", "CN1", value)
		v.Row.Loan = 1
		p := open(.5, .5)
		p.Gates = []Gate{{patent.Invention, AppraisedIncome, wan, 10_000 * wan, "t"}, {patent.UtilityModel, AppraisedIncome, 0, 1, "t"}, {patent.Invention, MarketBare, 0, 1, "t"}}
		d := Decide([]Valued{v}, Options{Policy: p}, today).Rows[0]
		if slices.Contains(codes(d), "V04") != want || want != (d.Verdict == Supplement) {
			t.Errorf("%s: %s %v", value, d.Verdict, codes(d))
		}
	}
	for loan, want := range map[money.Fen]bool{2622 * wan: false, 2622*wan + 1: true} {
		v := clean(2, "甲公司", "C1", "CN1", 10_000*wan)
		v.Row.Loan = loan
		if d := Decide([]Valued{v}, Options{Policy: open(.5, .5)}, today).Rows[0]; slices.Contains(codes(d), "V05") != want {
			t.Errorf("a loan of %s: %v", loan, codes(d))
		}
	}
	for name, want := range map[string]bool{"张三": true, "欧阳娜娜": true, "阿卜杜拉·买买提": true, "华为": true, "清华大学": false, "甲公司": false, "北京某某科技有限公司": false} {
		if person(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

// Terms run down: a contract that holds today and not at its end says when.
func TestOutlook(t *testing.T) {
	policy := open(.5, .5)
	policy.CoverDiscount = &Figure{.12, "test"}
	policy.Rules = map[string]Rule{"P14": {Severity: Warns, Source: "test"}}
	v := clean(2, "甲公司", "C1", "CN1", 1000*wan)
	v.Row.Loan, v.Row.Maturity, v.Expiry = 480*wan, today.AddYears(3), today.AddYears(8)
	d := Decide([]Valued{v}, Options{Policy: policy}, today)
	o := d.Contracts[0].Outlook
	if o == nil || o.Breach != today.AddMonths(12) || o.Cover == nil || *o.Cover >= 1 || o.ExpiryUnknown != 0 || !slices.Contains(codes(d.Rows[0]), "P14") {
		t.Errorf("%+v %v", o, codes(d.Rows[0]))
	}
	v.Expiry = calendar.Date{}
	o = Decide([]Valued{v}, Options{Policy: policy}, today).Contracts[0].Outlook
	if o == nil || !o.Breach.IsZero() || o.ExpiryUnknown != 1 || o.Value != 1000*wan {
		t.Errorf("flat: %+v", o)
	}
	points, _, err := Forecast(CoverOf(&d.Contracts[0], []Valued{v}, d.Rows, today), .12)
	if err != nil || len(points) != 7 || points[0].Value != 1000*wan {
		t.Errorf("%+v %v", points, err)
	}
}

// A loan product lends under its own policy, for its own time and tenor.
func TestProgrammeRules(t *testing.T) {
	g := Programme{ID: "ZYD", Version: "1", Name: "知易贷", Total: Limit{1000 * wan, "test"}, Policy: "OTHER", TenorMonths: &Figure{6, "test"}}
	v := clean(2, "甲公司", "C1", "CN1", 1000*wan)
	v.Row.Product = "ZYD"
	d := Decide([]Valued{v}, Options{Policy: open(.5, .5), Programmes: map[string]Programme{"ZYD": g}}, today).Rows[0]
	if got := codes(d); !slices.Contains(got, "G05") || !slices.Contains(got, "G06") || d.Verdict != Refuse {
		t.Errorf("%s %v", d.Verdict, got)
	}
	for id, g := range Programmes() {
		if g.Source == "" || g.Label != "historical" {
			t.Errorf("%s: %+v", id, g)
		}
	}
	for name, body := range map[string]string{
		"no source": `{"id":"A","version":"1","name":"x","total":{"amount":1}}`, "unknown field": `{"id":"A","version":"1","name":"x","total":{"amount":1,"source":"s"},"x":1}`,
		"ends first": `{"id":"A","version":"1","name":"x","total":{"amount":1,"source":"s"},"from":"2026-02-01","until":"2026-01-01"}`, "tenor": `{"id":"A","version":"1","name":"x","total":{"amount":1,"source":"s"},"tenor_months":{"value":0,"source":"s"}}`,
	} {
		if _, err := LoadProgramme([]byte(body)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// A ceiling made for one basis is applied to values of that basis alone, and
// what no collateral covers is told in yuan.
func TestCeilingOfABasis(t *testing.T) {
	t.Parallel()
	v := clean(2, "甲公司", "C1", "CN1", 1000*wan)
	v.Row.Loan = 300 * wan
	v.Bases = []BasisValue{{MarketBare, 40 * wan, 20 * wan, 80 * wan}, {AppraisedIncome, 1000 * wan, 500 * wan, 2000 * wan}}
	for basis, want := range map[ValueBasis]money.Fen{MarketBare: 10 * wan, AppraisedIncome: 250 * wan} {
		p := open(.5, .5)
		p.Basis = basis
		c := Decide([]Valued{v}, Options{Policy: p}, today).Contracts[0]
		if c.Recommended != want || c.Uncovered != 300*wan-want {
			t.Errorf("%s: recommended %s, uncovered %s", basis, c.Recommended, c.Uncovered)
		}
	}
	p := open(.5, .5)
	p.Basis = InUse
	d := Decide([]Valued{v}, Options{Policy: p}, today)
	if !slices.Contains(codes(d.Rows[0]), "B01") || d.Rows[0].Verdict != Supplement || d.Contracts[0].Recommended != 0 || d.Contracts[0].Uncovered != 300*wan {
		t.Errorf("no value in use: %+v, %v", d.Contracts[0], codes(d.Rows[0]))
	}
}
