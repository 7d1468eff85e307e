package opinion

import (
	"strings"
	"testing"

	"zhijia/internal/calendar"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/income"
	"zhijia/internal/valuation/terms"
)

// What was given is printed as it was given; what the program assumed is marked,
// and what neither states is not printed.
func TestInputsAreMarked(t *testing.T) {
	t.Parallel()
	o := sample()
	o.Client, o.Officer = "甲公司", "张三"
	o.Evidence.Income = &income.Facts{
		Current: terms.Exactly(3e7), Royalty: terms.Range(.02, .03, .05),
		Revenue: []terms.YearQuantity{{Year: 2027, Quantity: *terms.Exactly(1.2e7)}},
	}
	o.Conclusion.Approaches[1] = valuation.ApproachResult{ID: "income", Applicable: true, Workings: []terms.Working{{Key: "tax_rate", Value: .25}, {Key: "royalty_rate", Value: .03}, {Key: "discount_rate", Value: .15}, {Key: "economic_life", Value: 8}}}
	var b strings.Builder
	if err := o.Text(&b, Zh); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(b.String()), " ")
	for _, want := range []string{"委托方 甲公司", "使用该专利的产品年收入 3,000万元 给定", "2% 至 5%，最可能 3% 给定", "2027年 1,200万元 给定", "所得税率 25% 系统默认", "折现率 15% 系统按评分取定", "剩余经济寿命 8年 系统默认", "经办 张三", "有效期 2027-10-31"} {
		if !strings.Contains(text, want) {
			t.Errorf("the opinion lacks %q", want)
		}
	}
	if strings.Contains(text, "每件提成") || strings.Contains(text, "许可费率 3% 系统") {
		t.Error("it prints what nobody stated, or a given figure as assumed")
	}
	// It is not valid beyond the right.
	o.Assignment.Subject[0].Expiry = calendar.New(2027, 2, 27)
	if got := o.validUntil(); got != calendar.New(2027, 2, 26) {
		t.Errorf("valid until %s", got)
	}
}
