package mark

import (
	"fmt"
	"math/rand/v2"
	"time"

	"zhijia/internal/calendar"
	"zhijia/internal/money"
	"zhijia/internal/patent"
)

func wan(x int) *money.Fen { f := money.Fen(x) * money.Fen(money.Wan); return &f }

// Example is a generated pledge of three marks of one brand.
func Example(seed uint64) Input {
	r := rand.New(rand.NewPCG(seed, 3))
	low, mid, high, discount, ceiling, survival := 0.01, 0.015, 0.02, 0.15, 0.5, 0.8
	on := calendar.New(2026, time.November, 28)
	in := Input{
		Label: "生成数据（示例）", On: on, Borrower: "示例食品有限公司", Pledgor: "示例食品有限公司", Loan: wan(80), Maturity: calendar.New(2028, time.November, 27), Searched: on,
		Ceiling: &ceiling, CeilingSource: "本机构政策（示例）",
		Income: Income{RoyaltyLow: &low, Royalty: &mid, RoyaltyHigh: &high, Source: "许可合同（示例）", Discount: &discount, DiscountBy: "本机构规定（示例）", Horizon: 10, Survival: &survival},
	}
	for k := range 3 {
		registered := calendar.New(2021, time.March, 7+7*k)
		in.Marks = append(in.Marks, Mark{
			Number: fmt.Sprintf("%08d", 40_000_000+r.IntN(9_000_000)), Name: "示例", Kind: "ordinary", Classes: []string{fmt.Sprint(29 + k)}, Goods: "示例商品", Registrant: in.Pledgor,
			Registered: registered, TermEnd: TermEnd(registered), State: "registered", NonUsePending: patent.No, Challenged: patent.No, LastUse: calendar.New(2026, time.June, 30),
			Pledged: patent.No, Preserved: patent.No, Licensed: patent.No, Family: "示例", Offered: patent.Yes,
		})
	}
	for year := 2023; year <= 2025; year++ {
		in.Revenues = append(in.Revenues, Revenue{Year: year, Amount: *wan(5000 + r.IntN(2000)), Source: "审计报告（示例）"})
	}
	return in
}

// GIExample is a generated geographical indication with five applicants, of which
// one is no lawful user and one claims more than its land bears.
func GIExample(seed uint64) GI {
	r := rand.New(rand.NewPCG(seed, 4))
	alpha, beta, cost := 0.5, 0.6, 0.55
	yuan := func(x money.Fen) *money.Fen { return &x }
	in := GI{
		Label: "生成数据（示例）", On: calendar.New(2026, time.November, 28), ID: "AGI-示例", Name: "示例水蜜桃", Basis: "product", Holder: "示例桃业协会", Suspended: patent.No,
		PriceLow: yuan(8_00), PriceMean: yuan(11_00), PriceSource: "收购价记录（示例）", PriceDate: calendar.New(2026, time.September, 1),
		Alpha: &alpha, Beta: &beta, CostShare: &cost, TermSource: "方案（示例）", SchemeCap: wan(30), BankCap: wan(50), Line: wan(60),
	}
	for k := range 5 {
		area, mean, most := float64(30+r.IntN(100)), float64(1200+r.IntN(200)), 1600.0
		claimed := area * mean
		name, code := fmt.Sprintf("示例合作社%d", k+1), fmt.Sprintf("9131011500000000%dX", k)
		if k == 3 {
			claimed = area * 2000
		}
		in.Members = append(in.Members, Member{Seq: k + 1, Name: name, Code: code, Area: &area, YieldMean: &mean, YieldMax: &most, Claimed: &claimed, Insured: patent.Yes, Sum: wan(40 + k), Insurer: "示例保险", Peril: "气象指数", Through: calendar.New(2027, time.May, 1), Contracts: wan(20)})
		if k < 4 {
			in.Users = append(in.Users, User{Name: name, Code: code, From: calendar.New(2025, time.January, 10), Article: "公告（示例）"})
		}
	}
	return in
}
