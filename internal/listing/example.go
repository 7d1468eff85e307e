package listing

import (
	"fmt"
	"math/rand/v2"
	"time"

	"zhijia/internal/calendar"
	"zhijia/internal/money"
	"zhijia/internal/patent"
)

// Example is a generated firm that meets the test of 2024 at equality in each of
// the four indicators: seven inventions, 80 million, 10% and 25%.
func Example(seed uint64) Input {
	r := rand.New(rand.NewPCG(seed, 8))
	fen := func(yuan int64) *money.Fen { f := money.Fen(yuan * 100); return &f }
	staff, rd, half := 500, 50, 0.5
	on := calendar.New(2026, time.November, 28)
	in := Input{
		Label: "生成数据（示例）", On: on, Firm: "示例半导体股份有限公司", Staff: &staff, RDStaff: &rd, StaffSource: "员工名册（示例）", StaffDate: calendar.New(2026, time.October, 31),
		Leading: patent.No, Prize: patent.No, Project: patent.No, Substitute: patent.No, NoDisputes: patent.Yes,
		Years: []Year{
			{2023, fen(160_000_000 * 4), fen(20_000_000), "审计报告（示例）"}, {2024, fen(200_000_000 * 4), fen(25_000_000), "审计报告（示例）"}, {2025, fen(250_000_000 * 4), fen(35_000_000), "审计报告（示例）"},
		},
		Technologies: []Technology{
			{ID: "T1", Name: "示例核心技术一", Product: "示例产品甲", Share: &half, Secret: patent.No, Exported: patent.No, Source: "招股说明书草稿（示例）", Date: on},
			{ID: "T2", Name: "示例核心技术二", Product: "示例产品乙", Share: &half, Secret: patent.No, Exported: patent.Yes, Source: "招股说明书草稿（示例）", Date: on},
		},
	}
	for k := range 7 {
		digits := fmt.Sprintf("2022101%05d", r.IntN(100000))
		filing := calendar.New(2022, time.Month(1+k), 10)
		in.Patents = append(in.Patents, Patent{
			Number: "ZL" + digits + "." + string(patent.CheckDigit(digits)), Title: fmt.Sprintf("示例发明%d", k+1), Kind: patent.Invention, Owners: []string{in.Firm}, Filing: filing, Grant: calendar.New(2024, time.March, 5),
			Expiry: patent.Expiry(patent.Invention, filing, 0), Alive: patent.Yes, Technologies: []string{fmt.Sprintf("T%d", 1+k%2)}, Product: "示例产品", Main: patent.Yes, Industrial: patent.Yes,
			Pledged: patent.No, Preserved: patent.No, Exclusive: patent.No, Challenged: patent.No, Sued: patent.No, Origin: "own", NoFormer: patent.Yes, Foreign: patent.Yes, Source: "登记簿副本（示例）", Date: on,
		})
	}
	return in
}
