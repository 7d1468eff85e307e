package pool

import (
	"fmt"
	"math"
	"math/rand/v2"

	"zhijia/internal/calendar"
	"zhijia/internal/money"
	"zhijia/internal/patent"
)

// ExampleLabel marks the worked example wherever it is shown.
const ExampleLabel = "生成数据：仅规模（17户、102件、1.05亿元）仿首单浦东项目，企业、专利、金额均为虚构"

// Example generates the worked example: 17 firms, 102 patents, 105 million
// yuan of claims for licence fees, the shape of the first Pudong deal and nothing
// of its substance. The same seed gives the same deal.
func Example(seed uint64) Deal {
	r := rand.New(rand.NewPCG(seed, 17))
	f := func(x float64) *float64 { return &x }
	const firms, patents = 17, 102
	cutOff := calendar.New(2026, 9, 30)
	d := Deal{
		Name: "示例知识产权资产支持专项计划（生成）", Label: ExampleLabel, Generated: true,
		Venue: SSE, Class: Licence, CutOff: cutOff, Closing: calendar.New(2026, 11, 20),
		Parties: Parties{
			Originator: "示例融资租赁有限公司", Manager: "示例证券资产管理有限公司", Servicer: "示例融资租赁有限公司",
			Custodian: "示例银行股份有限公司", Lawyer: "示例律师事务所", Appraiser: "示例资产评估有限公司", Rater: "示例资信评估有限公司",
		},
		Facts: DealFacts{
			OriginatorYears: f(6), OriginatorProfitable: Yes, OriginatorSound: Yes, RelatedDisclosed: Yes, ProviderDisclosed: Yes,
			CashRoute: "regulated", RouteOnlyToPlan: Yes, CycleMonths: f(1), ReinvestInPlan: Yes, ReinvestEquity: No,
			HistoryYears: f(3), StaticPreWriteOff: Yes,
			ForecastDimensions: []string{"default", "recovery", "prepayment", "yield"},
			StressDimensions:   []string{"default", "recovery", "revolving", "yield"}, StressCoverage: Yes,
			ForecastReportWaived: No, CashFlowsCertain: Yes, VisibleToInvestors: Yes,
			DisposalOnly: No, UncertainCash: No, MixedUnrelated: No, LocalGovDebt: No, SpecialOriginator: No, SpecialOriginatorSound: Yes, OriginatorDishonest: No,
		},
		Credit: Credit{
			Rho: 0.15, RhoSector: 0.05, LGDLow: 0.5, LGD: 0.7, LGDHigh: 0.9, LagMonths: 6, CPR: 0,
			Source: "示例输入，非统计结果",
		},
	}
	d.Facts.OriginatorNetAssets = new(money.Fen)
	*d.Facts.OriginatorNetAssets = money.Fen(3 * money.Yi)
	industries := []string{"生物医药", "集成电路", "人工智能", "高端装备"}
	ratings := []string{"sA", "sBBB+", "sBBB", "sBBB-"}
	weights := make([]int64, firms)
	for i := range weights {
		weights[i] = 600 + r.Int64N(800) // no firm far above a tenth of the pool
	}
	amounts, err := money.Fen(10500 * money.Wan / 10000).Allocate(weights) // ten-thousands of yuan first, for round contracts
	if err != nil {
		panic(err) // weights are positive by construction
	}
	for i := range firms {
		id := fmt.Sprintf("F%02d", i+1)
		k := r.IntN(len(ratings))
		d.Obligors = append(d.Obligors, Obligor{
			ID: id, Name: "示例企业" + id[1:], Region: "示例新区", Industry: industries[r.IntN(len(industries))],
			ShadowRating: ratings[k], PD: f([]float64{0.02, 0.03, 0.04, 0.06}[k]), PDSource: "示例输入（非评级、非评分）",
			Related: No, Dishonest: No, BadRecord: No, WeakCredit: No, SubsidiaryDishonest: No,
		})
		zero := 0
		d.Assets = append(d.Assets, Asset{
			ID: fmt.Sprintf("A%02d", i+1), Obligor: id, Kind: Licence, Contract: fmt.Sprintf("示例许字第%02d号", i+1),
			Principal: amounts[i] * 10000, Rate: float64(500+25*r.IntN(7)) / 10000, Start: cutOff.AddMonths(-r.IntN(6) - 1),
			Maturity: calendar.New(2026, 12, 15).AddMonths(3 * (7 + r.IntN(4))), Amortise: "level", EveryMonth: 3,
			IPFormed: Yes, Performed: Yes, NoDefence: Yes, Overdue: &zero, Whole: Yes, Online: No, Consumer: No, Unencumbered: Yes,
		})
	}
	for i := range patents {
		firm := i % firms
		kind, code, years := patent.Invention, 1, 20
		if r.IntN(5) == 0 {
			kind, code, years = patent.UtilityModel, 2, 10
		}
		filed := calendar.New(2019+r.IntN(4), 1, 1).AddDays(r.IntN(365))
		point := math.Exp(14.4 + 0.8*r.NormFloat64()) // about 1.8 million yuan
		p := IP{
			Number: exampleNumber(filed.Year, code, 9_000_000+r.IntN(999_999)), Title: fmt.Sprintf("示例专利%03d", i+1), Kind: kind,
			Owner: d.Obligors[firm].Name, Filed: filed, Granted: filed.AddMonths(10 + r.IntN(20)), Expires: filed.AddYears(years).AddDays(-1),
			State: "alive", StateAsOf: cutOff, Registered: "许可备案（示例）", Encumbrance: []string{"exclusive_licence"}, Consent: Yes,
			LicenceUse: "独占许可", Advancement: "示例：技术先进性说明", Benefit: "示例：预期经济效益说明",
			Value: &Value{
				Low: money.Round(point*0.4, 2), Point: money.Round(point, 3), High: money.Round(point*2.5, 2), Level: 0.8,
				Date: cutOff, Source: "示例数值",
			},
		}
		if i >= 96 { // the last six share families with the first six
			p.Family = fmt.Sprintf("示例同族%d", i-95)
			d.Patents[i-96].Family = p.Family
		}
		d.Patents = append(d.Patents, p)
		d.Assets[firm].Patents = append(d.Assets[firm].Patents, p.Number)
	}
	for k := range 36 { // what earlier contracts of the kind paid, month by month
		for c, share := range []float64{0.5, 0.3, 0.2} {
			d.History = append(d.History, HistoryRow{
				Month: calendar.New(2026, 9, 1).AddMonths(k - 35), Contract: fmt.Sprintf("示例前期许字第%02d号", c+1), Source: fmt.Sprintf("示例前期企业%02d", c+1),
				Amount: money.Fen(money.Round(share*1e8*(1+0.1*math.Sin(float64(k))), 4)),
			})
		}
	}
	d.Structure = Structure{
		EveryMonths: 3,
		Tranches: []Tranche{
			{Name: "优先级", Principal: money.Fen(9450 * money.Wan), Coupon: 0.0359, Pay: "pass_through", Rating: "示例"},
			{Name: "次级", Principal: money.Fen(1050 * money.Wan)},
		},
		ServiceRate: 0.001, FixedFee: money.Fen(5 * money.Wan), UpfrontFee: money.Fen(20 * money.Wan), TaxRate: 0.0326,
		Reserve: money.Fen(50 * money.Wan), TrapExcess: true,
		Triggers: Triggers{DefaultRate: 0.1, PrincipalShort: true, CollectionMiss: 0},
		Retained: f(0.1),
		Supports: []Support{{
			Name: "示例科创集团有限公司", Kind: "shortfall", PD: f(0.002), PDSource: "示例输入（非评级）", Rho: 0.2,
			Affiliate: Yes, Evidence: "差额支付承诺函（示例）", Dishonest: No,
		}},
	}
	return d
}

// exampleNumber completes a number with its check digit (GB/T-style mod 11
// over weights 2..9, 2..5).
func exampleNumber(year, kind, serial int) string {
	body := fmt.Sprintf("%04d%d%07d", year, kind, serial)
	sum := 0
	for i, c := range body {
		sum += int(c-'0') * (2 + i%8)
	}
	check := "0123456789X"[sum%11]
	return body + "." + string(check)
}
