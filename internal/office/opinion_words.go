package office

import "strings"

// The words of the codes an opinion shows, Chinese and English. A code that is
// not listed is shown as it is, so a new one is visible and never blank.
type words map[string][2]string

func (w writer) word(m words, code string) string {
	if code == "" {
		return w.t("未知", "unknown")
	}
	p, ok := m[code]
	if !ok {
		return strings.ReplaceAll(code, "_", " ")
	}
	return w.t(p[0], p[1])
}

var (
	purposes = words{
		"assignment": {"转让", "assignment"}, "licence": {"许可", "licence"}, "contribution": {"作价入股", "contribution in kind"},
		"pledge": {"质押", "pledge"}, "securitisation": {"证券化", "securitisation"}, "reporting": {"财务报告", "financial reporting"},
		"infringement": {"侵权救济", "infringement"}, "management": {"管理", "management"},
	}
	bases = words{
		"market_value": {"市场价值", "market value"}, "fair_value": {"公允价值", "fair value"}, "liquidation_value": {"清算价值", "liquidation value"},
		"investment_value": {"投资价值", "investment value"}, "reasonable_royalty": {"合理许可费", "reasonable royalty"},
	}
	premises = words{
		"highest_and_best_use": {"最佳使用", "highest and best use"}, "current_use": {"现状使用", "current use"}, "orderly_liquidation": {"有序清算", "orderly liquidation"},
		"forced_sale": {"快速变现", "forced sale"}, "hypothetical_negotiation": {"假想谈判", "hypothetical negotiation"},
	}
	patentKinds = words{
		"invention": {"发明", "invention"}, "utility_model": {"实用新型", "utility model"}, "design": {"外观设计", "design"},
	}
	standings = words{
		"alive": {"有效", "alive"}, "dead": {"失效", "dead"}, "unknown": {"未知", "unknown"},
	}
	deaths = words{
		"fee_unpaid": {"未缴年费终止", "annual fee unpaid"}, "expired": {"保护期届满", "term expired"}, "invalidated": {"被宣告无效", "invalidated"},
		"withdrawn": {"撤回", "withdrawn"}, "abandoned": {"放弃", "abandoned"}, "refused": {"驳回", "refused"},
	}
	approaches = words{
		"market": {"市场法", "Market"}, "income": {"收益法", "Income"}, "cost": {"成本法", "Cost"}, "option": {"实物期权", "Real option"},
		"rank": {"分位推断", "Rank prior"}, "renewal": {"续费下限", "Renewal bound"},
	}
	methods = words{
		"kriging": {"可比交易加权", "kriging of comparables"}, "relief_from_royalty": {"许可费节省", "relief from royalty"},
		"excess_earnings": {"多期超额收益", "excess earnings"}, "incremental_income": {"增量收益", "incremental income"},
		"replacement_cost": {"重置成本", "replacement cost"}, "reproduction_cost": {"复原重置成本", "reproduction cost"},
		"binomial": {"二叉树", "binomial"}, "black_scholes": {"布莱克-斯科尔斯", "Black-Scholes"}, "quantile": {"价值曲线分位", "quantile of the value curve"},
	}
	reasons = words{
		"revenue_forecast_missing": {"缺少收入预测", "revenue forecast missing"}, "cost_missing": {"缺少成本资料", "costs missing"},
		"option_inputs_missing": {"缺少期权参数", "option inputs missing"}, "comparables_missing": {"缺少可比交易", "no comparables"},
		"rank_missing": {"缺少同类分位", "rank missing"},
	}
	dealKinds = words{
		"assignment": {"转让", "assignment"}, "exclusive_licence": {"独占许可", "exclusive licence"}, "sole_licence": {"排他许可", "sole licence"},
		"plain_licence": {"普通许可", "plain licence"}, "contribution": {"作价入股", "contribution"}, "auction": {"拍卖", "auction"},
		"damages": {"侵权赔偿", "damages"}, "ask": {"挂牌价", "asking price"},
	}
	sources = words{
		"own_ledger": {"本机构台账", "own ledger"}, "registry": {"登记备案", "registry"}, "contract_notice": {"合同公示", "contract notice"},
		"listed_company_announcement": {"上市公司公告", "listed-company announcement"}, "university_notice": {"高校公示", "university notice"},
		"auction": {"拍卖成交", "auction"}, "press": {"新闻报道", "press"},
	}
	paths = words{
		"exact": {"精确检索", "exact"}, "hnsw": {"近似检索", "HNSW"}, "lexical": {"词面检索", "lexical"}, "none": {"未检索", "none"},
	}
	evaluators = words{
		"data": {"数据", "data"}, "model": {"模型（AI）", "model (AI)"}, "statistical": {"统计模型", "statistical"}, "officer": {"经办人", "officer"},
	}
	severities = words{
		"note": {"提示", "note"}, "review": {"需复核", "review"}, "alarm": {"警示", "alarm"},
	}
	adjustments = words{
		"kind": {"交易方式修正", "deal kind"}, "source": {"来源水平修正", "source level"}, "bundle": {"打包规模修正", "bundle size"}, "package": {"打包规模修正", "bundle size"},
		"life": {"剩余年限修正", "remaining life"}, "type": {"专利类型修正", "patent kind"}, "time": {"时间修正", "time"}, "quality": {"质量修正", "quality"},
		"claims": {"权利要求数修正", "claims"}, "family": {"同族修正", "family"}, "assignees": {"权利人数修正", "assignees"}, "year": {"年份修正", "year"},
		"exclusivity": {"排他性修正", "exclusivity"}, "term": {"许可期限修正", "licence term"},
	}
	inputs = words{
		"revenue": {"收入", "revenue"}, "revenue_current": {"当前收入", "current revenue"}, "revenue_growth": {"收入增长率", "revenue growth"},
		"royalty_rate": {"许可费率", "royalty rate"}, "tax_rate": {"税率", "tax rate"}, "discount_rate": {"折现率", "discount rate"},
		"economic_life_years": {"经济寿命", "economic life"}, "hazard": {"失效率", "hazard"}, "share_decay": {"贡献衰减", "share decay"},
		"attribution": {"专利贡献份额", "attribution"}, "annual_cost": {"年维持成本", "annual cost"}, "operating_margin": {"营业利润率", "operating margin"},
		"profit_share": {"利润分成率", "profit share"},
	}
	items = words{
		"prior": {"先验水平（同类专利总体）", "prior level (the population)"}, "population": {"总体水平", "population level"},
		"trend": {"特征趋势", "hedonic trend"}, "noise": {"成交价自身的离散", "noise of prices"}, "between_methods": {"方法之间的分歧", "disagreement between approaches"},
		"parameter": {"参数不确定", "parameters"}, "calibration": {"校准放宽", "calibration"}, "market": {"市场法", "market approach"}, "income": {"收益法", "income approach"},
		"cost": {"成本法", "cost approach"}, "option": {"实物期权", "real option"}, "rank": {"分位推断", "rank prior"}, "renewal": {"续费下限", "renewal bound"},
		"missing_evidence": {"证据缺失", "missing evidence"}, "widening": {"检索放宽", "widened retrieval"},
	}
	versions = words{
		"assumptions": {"假设版本", "assumptions"}, "model": {"模型版本", "model"}, "sheet": {"指标表版本", "sheet"}, "program": {"程序版本", "program"},
		"embedding": {"向量空间", "embedding space"}, "prompts": {"提示词版本", "prompts"}, "schema": {"记录格式", "record schema"},
	}
)
