package insurance

import (
	"fmt"
	"math/rand/v2"
	"time"

	"zhijia/internal/calendar"
	"zhijia/internal/money"
	"zhijia/internal/patent"
)

// Example is a generated guarantee cover under the reported Qingdao scheme: a loan
// of five million, of whose premium of 100,000 the firm pays 20,000.
func Example(seed uint64) Input {
	r := rand.New(rand.NewPCG(seed, 2))
	wan := func(x int) *money.Fen { f := money.Fen(x) * money.Fen(money.Wan); return &f }
	pd, lgd, own := 0.03, 0.6, 0.002
	in := Input{
		Label: "生成数据（示例）", On: calendar.New(2026, time.November, 28), Kind: Guarantee, Insurer: "示例财产保险", Policy: "示例-001", Insured: "示例科技有限公司",
		From: calendar.New(2026, time.November, 1), Through: calendar.New(2027, time.October, 31), Scheme: "QINGDAO", SubsidyYear: 1,
		Loan: wan(500), PD: &pd, LGD: &lgd, InsurerPD: &own, Value: wan(900),
	}
	for range 2 {
		digits := fmt.Sprintf("2020101%05d", r.IntN(100000))
		in.Patents = append(in.Patents, Patent{Number: "ZL" + digits + "." + string(patent.CheckDigit(digits)), Owners: []string{in.Insured}, Expiry: calendar.New(2040, time.May, 20), Alive: patent.Yes, Dispute: patent.No})
	}
	return in
}
