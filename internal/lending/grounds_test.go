package lending

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"zhijia/internal/calendar"
	"zhijia/internal/money"
	"zhijia/internal/patent"
)

var update = flag.Bool("update", false, "write the golden files")

// One case for each of the twelve statutory grounds, from the facts of the
// register to the decision the desk reads; the golden file is
// testdata/grounds.txt.
func TestGroundsGolden(t *testing.T) {
	sound := func() patent.PledgeFacts {
		paid := 9
		kind, filing, granted := patent.Invention, calendar.New(2018, 6, 1), calendar.New(2020, 6, 1)
		return patent.PledgeFacts{
			State: patent.State{
				Standing: patent.Alive, Since: granted, Granted: granted, Owners: []string{"甲公司"}, Pledged: patent.No, Preserved: patent.No, Challenged: patent.No, LastSeen: today.AddDays(-3),
			},
			Expiry: patent.Expiry(kind, filing, 0), Fees: patent.FeeAccount{Kind: kind, Filing: filing, Granted: granted, PaidThrough: &paid}.On(today, calendar.Shipped()),
			Pledgors: []string{"甲公司"}, Maturity: today.AddYears(1), Contract: patent.ContractFields, CoOwnerConsent: patent.Yes, Twin: patent.No, Challenged: patent.No, Other: "none",
		}
	}
	cases := []struct {
		name   string
		change func(*patent.PledgeFacts)
	}{
		{"无不利情形", func(*patent.PledgeFacts) {}},
		{"E01", func(f *patent.PledgeFacts) { f.Pledgors = []string{"乙公司"} }},
		{"E02", func(f *patent.PledgeFacts) {
			f.State.Standing, f.State.Since, f.State.Reason = patent.Dead, today.AddDays(-40), "fee_unpaid"
		}},
		{"E03", func(f *patent.PledgeFacts) { f.State.Standing, f.State.Granted = patent.Pending, calendar.Date{} }},
		{"E04", func(f *patent.PledgeFacts) {
			paid := 7
			f.Fees = patent.FeeAccount{Kind: patent.Invention, Filing: calendar.New(2018, 6, 1), Granted: calendar.New(2020, 6, 1), PaidThrough: &paid}.On(today, calendar.Shipped())
		}},
		{"E05", func(f *patent.PledgeFacts) { f.State.Preserved = patent.Yes }},
		{"E06", func(f *patent.PledgeFacts) { f.Maturity = f.Expiry.AddDays(1) }},
		{"E07", func(f *patent.PledgeFacts) { f.Contract = []string{"parties", "debt"} }},
		{"E08", func(f *patent.PledgeFacts) {
			f.State.Owners, f.Pledgors, f.CoOwnerConsent = []string{"甲公司", "丙大学"}, []string{"甲公司", "丙大学"}, patent.No
		}},
		{"E09", func(f *patent.PledgeFacts) { f.State.Pledged = patent.Yes }},
		{"E10", func(f *patent.PledgeFacts) { f.Twin = patent.Yes }},
		{"E10 已声明", func(f *patent.PledgeFacts) {
			f.Twin, f.Declarations = patent.Yes, map[string]string{"E10": "已放弃实用新型"}
		}},
		{"E11", func(f *patent.PledgeFacts) { f.Challenged = patent.Yes }},
		{"E11 已声明", func(f *patent.PledgeFacts) {
			f.Challenged, f.Declarations = patent.Yes, map[string]string{"E11": "双方知悉并坚持登记"}
		}},
		{"E12", func(f *patent.PledgeFacts) { f.Other = "专利权人正在清算" }},
	}
	policy := open(.5, .5)
	policy.Haircuts = map[string]Figure{"E10": {.9, "test"}, "E11": {.5, "test"}}
	var b strings.Builder
	fmt.Fprintln(&b, RulesVersion, "（本文件的内容变化时，规则版本须随之更新）")
	for _, c := range cases {
		v := clean(2, "甲公司", "C1", "CN1", 1000*wan)
		facts := sound()
		c.change(&facts)
		v.Eligibility, v.Row.Owners = patent.CheckPledge(facts), facts.Pledgors
		d := Decide([]Valued{v}, Options{Policy: policy}, today)
		r := d.Rows[0]
		fmt.Fprintf(&b, "%s：%s，可担保%s元，折扣%g\n", c.name, r.Zh, r.Lendable, r.Haircut)
		for _, x := range r.Reasons {
			fmt.Fprintf(&b, "  %s %s %s %s（%s）%s\n", x.Code, x.Basis, x.Severity, x.Zh, x.Evidence, x.Supply)
		}
		code, _, _ := strings.Cut(c.name, " ")
		if strings.HasPrefix(code, "E") && (len(r.Reasons) == 0 || r.Reasons[0].Code != code || r.Reasons[0].Zh == "" || r.Reasons[0].Source == "") {
			t.Errorf("%s: %+v", c.name, r.Reasons)
		}
	}

	// Three appraisals, one in each band.
	for _, external := range []money.Fen{1150 * wan, 1250 * wan, 1400 * wan} {
		v := clean(2, "甲公司", "C1", "CN1", 1000*wan)
		v.Row.External, v.Row.ExternalDate = &external, today.AddMonths(-1)
		d := Decide([]Valued{v}, Options{Policy: policy}, today)
		fmt.Fprintf(&b, "外部评估%s元：%s，%s", external, d.Rows[0].Deviation.Band, d.Rows[0].Zh)
		for _, x := range d.Rows[0].Reasons {
			fmt.Fprintf(&b, "；%s %s", x.Code, x.Zh)
		}
		fmt.Fprintln(&b)
	}
	const name = "testdata/grounds.txt"
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != b.String() {
		t.Errorf("differs from %s; run with -update and read the difference:\n%s", name, b.String())
	}
}
