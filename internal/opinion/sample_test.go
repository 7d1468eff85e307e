package opinion

import (
	"time"

	"zhijia/internal/calendar"
	"zhijia/internal/patent"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/indicator"
	"zhijia/internal/valuation/terms"
)

func ptr[T any](v T) *T { return &v }

// sample is an opinion with every section filled. The figures are invented
// and hang together; the deals are named so.
func sample() Opinion {
	T := calendar.New(2026, 11, 1)
	deal := func(id, title string, amount float64, n int, date calendar.Date, unit terms.Precision, kind terms.DealKind, sim, norm, weight, pull float64) valuation.ComparableResult {
		return valuation.ComparableResult{
			Comparable: valuation.Comparable{
				DealID: id, Title: title, Amount: &amount, Currency: "CNY", Patents: &n, Date: date, DateUnit: unit, Kind: kind,
				Source: terms.SourceUniversity, Parties: valuation.Parties{Seller: "示例大学", Buyer: "示例新能源有限公司"},
				IPC: []string{"H01M 4/36", "H01M 10/0525"}, URL: "https://example.org/notice/" + id, Similar: &valuation.Similarity{Text: ptr(sim), Total: sim},
			},
			UnitPrice: amount / float64(n), Normalised: norm, Weight: weight, Pull: pull, Moved: true,
		}
	}
	return Opinion{
		ID: "val_01JD3Q5Z8N", Hash: "9f2c0a7e5b1d4c3f8a6e2b9d7c5f1a3e0b8d6c4f2a1e9b7d5c3f1a0e8b6d4c2f", CreatedAt: time.Date(2026, 11, 23, 8, 30, 0, 0, time.UTC),
		Assignment: valuation.Assignment{
			Subject: []terms.Patent{{
				Number: "CN202010123456.7", Kind: patent.Invention, Title: "一种锂离子电池正极材料及其制备方法", IPC: []string{"H01M 4/36", "H01M 4/525", "H01M 10/0525"},
				Filing: calendar.New(2020, 2, 27), Grant: calendar.New(2022, 8, 12), Expiry: calendar.New(2040, 2, 27), Claims: ptr(10),
			}},
			Purpose: terms.PurposePledge, Date: T, Level: 0.8,
		},
		Evidence: valuation.Evidence{
			Legal: []valuation.LegalState{{Number: "CN202010123456.7", State: valuation.Alive, AsOf: calendar.New(2026, 10, 20), Source: "导入的法律事件"}},
			Indicators: []terms.IndicatorScore{{
				Code: "T1.2", Score: ptr(60.0), Evaluator: terms.ByModel, Reason: "独立权利要求限定了包覆层厚度，绕开需要改变工艺",
				Evidence: []terms.Quote{{Document: "claims", Text: "所述包覆层的厚度为5-20nm"}},
			}},
		},
		Conclusion: valuation.Conclusion{
			Status: valuation.Valued, Currency: "CNY", Basis: terms.BasisLiquidation, Premise: terms.PremiseOrderly,
			Value: valuation.Estimate{
				Point: ptr(1234567.0), Median: 1234567, Low: 310000, High: 4900000, Level: 0.8, Calibration: "uncalibrated", N: 25, LowerBound: 482000,
				Rounded: valuation.Rounded{Point: ptr(1230000.0), Low: 310000, High: 4900000},
			},
			Date: T, DataCutoff: calendar.New(2026, 10, 30), FSD: 1.08, Grade: "C", NEff: 4.3,
			PWithin: [4]valuation.PWithin{{Percent: 10, Chance: .07}, {Percent: 20, Chance: .15}, {Percent: 30, Chance: .22}, {Percent: 50, Chance: .38}},
			Approaches: []valuation.ApproachResult{
				{ID: "market", Method: "kriging", Applicable: true, Value: 1410000, Low: 340000, High: 5800000, Weight: .71},
				{ID: "income", ReasonCode: "revenue_forecast_missing"},
				{ID: "cost", ReasonCode: "cost_missing"},
				{ID: "rank", Method: "quantile", Applicable: true, Value: 820000, Low: 110000, High: 6100000, Weight: .29},
			},
			Comparables: []valuation.ComparableResult{
				deal("T014", "高镍三元正极材料专利转让", 3.2e6, 2, calendar.New(2025, 3, 14), "", terms.DealAssignment, .81, 960000, .31, 214000),
				deal("T007", "电池隔膜涂覆技术独占许可", 9.5e5, 1, calendar.New(2024, 6, 1), terms.PrecisionMonth, terms.DealExclusiveLicence, .64, 530000, .18, -152000),
				deal("T002", "固态电解质两项专利作价入股", 1.2e7, 5, calendar.New(2023, 1, 1), terms.PrecisionYear, terms.DealContribution, .55, 1450000, .12, 88000),
			},
			Excluded: []valuation.ExcludedDeal{
				{DealID: "T031", Code: "price.cap", Zh: "里程碑上限不是成交价", En: "a milestone cap is not a price", Title: "某石墨烯许可", Date: calendar.New(2024, 5, 1), Amount: ptr(1e8)},
				{DealID: "T044", Code: "party.related", Zh: "关联方交易", En: "related parties", Title: "某电池技术转让", Date: calendar.New(2022, 9, 1), Amount: ptr(3e6)},
				{DealID: "T045", Code: "party.related", Zh: "关联方交易", En: "related parties", Title: "某电芯专利转让", Amount: nil},
			},
			Retrieval: valuation.Retrieval{Path: "exact", Level: terms.LevelClass, Widened: 1, Considered: 78, Returned: 3},
			Indicators: &indicator.Result{
				Standard: "工作指标表", Edition: "2026-11", Provenance: "本项目自拟，非国家标准附表", Score: ptr(58.4), Low: 31, High: 79, Unknown: .38, Withheld: true,
				Nodes: []indicator.NodeScore{
					{Code: "L", Name: "法律价值", Weight: .35, Score: ptr(64.0), Evaluator: ""},
					{Code: "L1.1", Name: "剩余保护期", Weight: .12, Score: ptr(75.0), Evaluator: terms.ByData},
					{Code: "T1.2", Name: "不可规避性", Weight: .08, Score: ptr(60.0), Evaluator: terms.ByModel},
					{Code: "E2.1", Name: "市场规模", Weight: .1},
				},
			},
			Contributions: []valuation.Contribution{
				{Key: "prior", Yuan: 902000},
				{Key: "comparable:T014", Yuan: 214000},
				{Key: "comparable:T007", Yuan: -152000},
				{Key: "comparable:T002", Yuan: 88000},
				{Key: "rank", Yuan: -171000},
				{Key: "indicator:L1.1", Yuan: 353567},
			},
			WidthContributions: []valuation.WidthContribution{{Key: "market.price_noise", Share: .61}, {Key: "disagreement", Share: .2}, {Key: "market.level", Share: .12}, {Key: "market.unknown_facts", Share: .07}},
			MissingEvidence: []terms.Note{
				{Code: "income.revenue", Zh: "没有使用该专利的产品的收入", En: "no revenue of the products that use the patent", Next: "近三年分产品销售收入及未来五年预测"},
				{Code: "legal.encumbrance", Zh: "未核实质押与独占许可登记", En: "pledges and exclusive licences not checked", Next: "专利登记簿副本"},
			},
			Flags: []terms.Flag{
				{Note: terms.Note{Code: "range.uncalibrated", Zh: "区间未经校准", En: "the range is uncalibrated"}, Severity: "review"},
				{Note: terms.Note{Code: "sheet.provenance", Zh: "指标权重为自拟", En: "indicator weights are our own"}, Severity: "note"},
			},
			Model:   valuation.ModelInfluence{Factor: 1.04, Cap: 1.5, Without: 1190000, Scores: 1},
			Lending: valuation.LendingView{IfSold: 1234567, Forced: 741000, LowerBound: 482000},
			Override: &valuation.OverrideResult{
				Override: valuation.Override{Value: 1000000, Reason: "经办人掌握该企业近期订单下滑", Officer: "张经办", Date: calendar.New(2026, 11, 23)},
				Model:    1234567, Ratio: .81, InRange: true, Difference: -234567,
			},
			Versions: map[string]string{"assumptions": "2026.1", "program": "0.1.0"},
		},
	}
}
