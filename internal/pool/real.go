package pool

import (
	"fmt"

	"zhijia/internal/calendar"
	"zhijia/internal/money"
)

// RealDeal models a deal from public facts; false where none has the name. What is not published is assumed,
// and the label says what: equal claims, a rate of the claims above the coupon by
// the costs, no prepayment. Nothing of it tells how the deal went.
//
//   - gaoxintou5: 南山区-高新投5号, Shenzhen, set up 2022-04-14: 206 million, one
//     year, 3.80%, twelve firms, 26 rights, claims of small loans, a shortfall payer
//     (CITIC Securities, 2022-04-22).
//   - wenke1: 第一创业-文科租赁一期, Shenzhen: 733 million, senior 696 million rated
//     AAA in three classes, subordinated 37 million held by the originator (First
//     Capital's product page). The day, the coupons and the rents are assumed.
func RealDeal(name string) (Deal, bool) {
	f := func(x float64) *float64 { return &x }
	share := func(total money.Fen, n int64) []money.Fen {
		weights := make([]int64, n)
		for i := range weights {
			weights[i] = 1
		}
		parts, err := total.Allocate(weights)
		if err != nil {
			panic(err) // weights are positive by construction
		}
		return parts
	}
	d := Deal{Venue: SZSE, Credit: Credit{LGDLow: 0.5, LGD: 0.7, LGDHigh: 0.9, Source: "假设"}}
	claims := func(kind Class, total money.Fen, n int64, rate float64, maturity calendar.Date, amortise string, every int) {
		d.Class = kind
		for i, p := range share(total, n) {
			id := fmt.Sprintf("%02d", i+1)
			d.Obligors = append(d.Obligors, Obligor{ID: "F" + id, Name: "企业" + id + "（未披露）"})
			d.Assets = append(d.Assets, Asset{ID: "A" + id, Obligor: "F" + id, Kind: kind, Principal: p, Rate: rate, Start: d.Closing, Maturity: maturity, Amortise: amortise, EveryMonth: every, IPFormed: Yes})
		}
	}
	switch name {
	case "gaoxintou5":
		d.Name, d.Closing = "南山区-高新投5号知识产权资产支持专项计划", calendar.New(2022, 4, 14)
		d.CutOff = d.Closing
		d.Label = "据公开信息建模。公开：规模2.06亿元、一年期、3.80%、12户、26件、设有差额支付。假设：次级5%由原始权益人持有；12笔等额，到期一次还本付息，年利率4.30%；托管等费用合计每年20万元；税率3.26%"
		d.Parties.Originator = "深圳市高新投小额贷款有限公司"
		claims(SmallLoan, money.Fen(206*money.Yi/100), 12, 0.043, d.Closing.AddYears(1), "bullet", 12)
		senior := money.Fen(206 * money.Yi / 100).MulRate(0.95)
		d.Structure = Structure{
			EveryMonths: 12, Roll: "following", FixedFee: money.Fen(20 * money.Wan), TaxRate: 0.0326, Retained: f(0.05),
			Tranches: []Tranche{{Name: "优先级", Principal: senior, Coupon: 0.038, Pay: "bullet", DayCount: calendar.Actual365}, {Name: "次级", Principal: money.Fen(206*money.Yi/100) - senior}},
			Supports: []Support{{Name: "差额支付承诺人", Kind: "shortfall", Evidence: "差额支付承诺函（据公开信息）"}},
		}
	case "wenke1":
		d.Name, d.Closing = "第一创业-文科租赁一期资产支持专项计划", calendar.New(2019, 3, 28)
		d.CutOff = d.Closing
		d.Label = "据公开信息建模。公开：规模7.33亿元，优先级6.96亿元（AAA，A1、A2、A3三档），次级0.37亿元由原始权益人认购，面值100元。假设：设立日2019-03-28；13笔等额租金，按季等额本息三年，年利率6.50%；三档各2.32亿元顺序到期，票面4.50%、4.80%、5.20%；服务费年率0.10%"
		d.Parties.Originator = "北京市文化科技融资租赁股份有限公司"
		claims(Lease, money.Fen(733*money.Yi/100), 13, 0.065, d.Closing.AddYears(3), "level", 3)
		each := money.Fen(232 * money.Yi / 100)
		d.Structure = Structure{
			EveryMonths: 3, Roll: "following", ServiceRate: 0.001, TaxRate: 0.0326, Retained: f(37.0 / 733), TrapExcess: true,
			Tranches: []Tranche{
				{Name: "A1", Principal: each, Coupon: 0.045, Pay: "pass_through", Rating: "AAA", DayCount: calendar.Actual365},
				{Name: "A2", Principal: each, Coupon: 0.048, Pay: "pass_through", Rating: "AAA", DayCount: calendar.Actual365},
				{Name: "A3", Principal: each, Coupon: 0.052, Pay: "pass_through", Rating: "AAA", DayCount: calendar.Actual365},
				{Name: "次级", Principal: money.Fen(37 * money.Yi / 100)},
			},
		}
	default:
		return Deal{}, false
	}
	return d, true
}
