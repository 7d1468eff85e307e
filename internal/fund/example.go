package fund

import (
	"fmt"
	"math/rand/v2"
	"time"

	"zhijia/internal/calendar"
	"zhijia/internal/money"
	"zhijia/internal/patent"
)

// Example is a generated fund of six companies and twenty-four patents.
func Example(seed uint64) Input {
	r := rand.New(rand.NewPCG(seed, 5))
	wan := func(x int) *money.Fen { f := money.Fen(x) * money.Fen(money.Wan); return &f }
	limit := 0.2
	in := Input{
		Label: "生成数据（示例）", On: calendar.New(2026, time.November, 28), Name: "示例科创基金", Manager: "示例管理人", Committed: wan(20000), Limit: &limit, LimitSource: "基金合同（示例）",
		Haircuts: []Haircut{{"A", 0.2}, {"B", 0.4}, {"C", 0.6}},
	}
	stages, regions, ipc := []string{"A轮", "B轮", "成长期"}, []string{"上海", "苏州", "深圳"}, []string{"H01M 10/0525", "G06F 17/10", "A61K 31/00", "H04L 9/08"}
	for k := range 6 {
		stake := float64(5+r.IntN(20)) / 100
		p := Position{ID: fmt.Sprintf("P%02d", k+1), Company: fmt.Sprintf("示例企业%d", k+1), Stake: &stake, Region: regions[k%3], Stage: stages[k%3], Cost: wan(1000 + r.IntN(2500)), Technique: "收益法", LastTechnique: "收益法"}
		p.LastValue, p.LastDate = wan(1200+r.IntN(3000)), calendar.New(2025, time.December, 31)
		if k == 5 {
			p.Exit, p.ExitDate = wan(3000), calendar.New(2026, time.September, 30)
		}
		in.Positions = append(in.Positions, p)
		for range 4 {
			digits := fmt.Sprintf("2021101%05d", r.IntN(100000))
			v := 50 + r.IntN(400)
			in.Patents = append(in.Patents, Patent{
				Position: p.ID, Number: "ZL" + digits + "." + string(patent.CheckDigit(digits)), Title: fmt.Sprintf("示例专利%d", len(in.Patents)+1), IPC: ipc[r.IntN(4)], Grade: []string{"A", "B", "C"}[r.IntN(3)],
				Expiry: calendar.New(2041, time.Month(1+r.IntN(12)), 15), Alive: patent.Yes, Low: wan(v / 2), Value: wan(v), High: wan(v * 2), Date: in.On,
			})
		}
	}
	return in
}
