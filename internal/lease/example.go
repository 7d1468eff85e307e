package lease

import (
	"fmt"
	"math/rand/v2"
	"time"

	"zhijia/internal/calendar"
	"zhijia/internal/money"
	"zhijia/internal/patent"
)

// Example is a generated lease that every rule passes: a leasing company in
// Shanghai buys three generated patents and lets them back.
func Example(seed uint64) Input {
	r := rand.New(rand.NewPCG(seed, 7))
	yuan := func(wan int) *money.Fen { x := money.Fen(wan) * money.Fen(money.Wan); return &x }
	rate, limit := 0.055, 0.12
	in := Input{
		Label: "生成数据（示例）", On: calendar.New(2026, time.November, 28), Form: SaleLeaseback, Price: *yuan(500), Deposit: *yuan(20), Fee: *yuan(5),
		Rate: &rate, Start: calendar.New(2026, time.December, 1), Periods: 12, Every: 3, Method: AnnuityArrears, RateCap: &limit, RateCapSource: "本机构规定（示例）",
		Lessor: Lessor{
			Name: "示例融资租赁有限公司", Kind: LeasingCompany, Region: "上海市", NetAssets: yuan(50000), RiskAssets: yuan(200000), TotalAssets: yuan(300000), LeaseAssets: yuan(240000),
			Securities: yuan(1000), ToLessee: yuan(0), ToGroup: yuan(0), ToRelated: yuan(0), ToAllRelated: yuan(0),
		},
		Lessee: Lessee{Name: "示例科技有限公司", InGroup: patent.No, Related: patent.No},
	}
	for k := range 3 {
		number := fmt.Sprintf("2022101%05d", r.IntN(100000))
		value := 180 + r.IntN(60)
		filed := calendar.New(2022, time.March, 1+k)
		in.Objects = append(in.Objects, Object{
			Number: "ZL" + number + "." + string(patent.CheckDigit(number)), Title: fmt.Sprintf("示例发明%d", k+1), OwnerBefore: in.Lessee.Name, OwnerNow: in.Lessor.Name, Transferred: calendar.New(2026, time.November, 20),
			Expiry: patent.Expiry(patent.Invention, filed, 0), Low: yuan(value * 8 / 10), Value: yuan(value), High: yuan(value * 13 / 10), Source: "生成数据",
			Pledged: patent.No, Preserved: patent.No, Pooled: patent.No, Exclusive: patent.No, Leased: patent.No, Earns: patent.Yes,
		})
	}
	return in
}
