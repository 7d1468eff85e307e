package opinion

import (
	"cmp"
	"strings"

	"zhijia/internal/valuation/terms"
)

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
		"impairment": {"减值测试", "impairment test"}, "infringement": {"侵权救济", "infringement"}, "disposal": {"司法处置、破产", "disposal"}, "management": {"管理", "management"},
	}
	bases = words{
		"market_value": {"市场价值", "market value"}, "fair_value": {"公允价值", "fair value"}, "liquidation_value": {"清算价值", "liquidation value"},
		"value_in_use": {"在用价值", "value in use"}, "investment_value": {"投资价值", "investment value"}, "contract_cash_flow": {"合同现金流价值", "value of the contract cash flow"},
		"recoverable_amount": {"可收回金额", "recoverable amount"}, "damages": {"侵权赔偿（非价值）", "damages (no value)"},
	}
	premises = words{
		"highest_and_best_use": {"最佳使用", "highest and best use"}, "current_use": {"现状使用", "current use"}, "orderly": {"有序交易", "orderly sale"},
		"forced_sale": {"强制变现", "forced sale"}, "continued_use": {"持续使用", "continued use"}, "time_in_force": {"权利有效期间的行为", "acts while in force"},
	}
	scopes = words{
		"bare_right": {"裸权利", "bare right"}, "supported_right": {"含技术支持的权利", "right with know-how and support"},
		"right_of_use": {"使用权（许可）", "right of use"}, "contracts": {"许可合同债权", "receivables of licence contracts"},
	}
	patentKinds = words{
		"invention": {"发明", "invention"}, "utility_model": {"实用新型", "utility model"}, "design": {"外观设计", "design"},
	}
	standings = words{
		"alive": {"有效", "alive"}, "dead": {"失效", "dead"}, "unknown": {"未知", "unknown"},
	}
	deaths = words{
		"fee_unpaid": {"未缴年费终止", "annual fee unpaid"}, "ended": {"权利终止，原因未说明", "ended, cause not told"}, "expired": {"保护期届满", "term expired"}, "invalidated": {"被宣告无效", "invalidated"},
		"withdrawn": {"撤回", "withdrawn"}, "abandoned": {"放弃", "abandoned"}, "refused": {"驳回", "refused"},
	}
	stateSources = words{
		"request": {"申请人自述", "stated in the request"}, "gazette": {"专利公报", "gazette"}, "events": {"导入的法律事件", "imported legal events"},
	}
	approaches = words{
		"market": {"市场法", "Market"}, "income": {"收益法", "Income"}, "cost": {"成本法", "Cost"}, "option": {"实物期权", "Real option"},
		"rank": {"分位推断", "Rank prior"}, "renewal": {"续费下限", "Renewal bound"},
	}
	methods = words{
		"random_effects":      {"成交市场的一般水平与已有成交", "level of the market and deals on file"},
		"relief_from_royalty": {"许可费节省", "relief from royalty"},
		"excess_earnings":     {"多期超额收益", "excess earnings"}, "mpeem": {"多期超额收益", "excess earnings"},
		"incremental_income": {"增量收益", "incremental income"}, "incremental": {"增量收益", "incremental income"},
		"replacement_cost_less_obsolescence": {"重置成本扣减贬值", "replacement cost less obsolescence"},
		"black_scholes":                      {"布莱克-斯科尔斯", "Black-Scholes"}, "rank_to_quantile": {"价值曲线分位", "quantile of the value curve"},
		"population_prior": {"总体先验", "population prior"}, "schankerman_pakes_bound": {"续费行为下限", "renewal bound"},
	}
	// exclusions are the codes a deal carries from its import; those the
	// conclusion gives come with their own text.
	exclusions = words{
		"STRUCTURED": {"结构性价款，不是单一成交价", "structured price"}, "RELATED-PARTY": {"关联方交易", "related parties"},
		"AGGREGATE": {"汇总金额，不是单笔成交", "an aggregate"}, "AMOUNT-UNKNOWN": {"成交金额不明", "amount unknown"},
		"COUNT-UNKNOWN": {"专利件数不明", "number of patents unknown"}, "CURRENCY": {"外币成交且无折算率", "foreign currency without a rate"},
		"PORTFOLIO": {"资产包件数超过上限", "portfolio above the size limit"}, "ASK": {"挂牌价，不是成交价", "an ask, not a price"},
		"DATE-UNKNOWN": {"成交日期不明", "date unknown"}, "DAMAGES": {"赔偿金额，不是交易价", "damages, not a trade"},
		"OWN-DEAL": {"标的自身的交易", "a deal of the subject itself"}, "FAMILY": {"同族专利的交易", "a deal of the subject's family"},
		"DUPLICATE": {"与另一条记录为同一交易", "the same deal as another row"}, "CAP": {"里程碑上限金额，不是成交价", "a ceiling of milestones"},
		"STARTING": {"起拍价，不是成交价", "a starting price"}, "ROYALTY-ONLY": {"仅有提成，无总价", "running royalty only"},
		"NOT-PATENT": {"标的不是专利", "not a patent"}, "DEAD-AT-SALE": {"成交时专利已失效", "dead when sold"},
		"TREATMENT": {"数据来源标明不作可比价", "marked by its source as no comparable price"}, "APPRAISED": {"评估值，不是成交价", "an appraisal, not a price"},
	}
	reasons = words{
		"purpose.not_applicable": {"本评估目的不适用", "not for this purpose"}, "rank.in_market_prior": {"分位已并入市场法的先验，不重复计", "the rank is already in the market approach's prior"}, "rank.missing": {"没有同类分位", "no rank in its cohort"},
		"income.revenue_missing": {"缺少收入预测", "revenue forecast missing"},
		"income.no_life":         {"没有剩余收益期", "no remaining life"},
		"income.life_unknown":    {"收益期不明", "life unknown"}, "income.cash_flow_missing": {"缺少现金流", "cash flow missing"}, "income.correlations": {"输入的相关系数不成立", "inconsistent correlations"},
		"cost.missing": {"缺少成本资料", "costs missing"}, "cost.zero": {"成本为零", "cost is zero"}, "cost.obsolete": {"贬值已达全部", "fully obsolete"},
		"option.facts_missing": {"缺少实物期权所需资料", "option facts missing"}, "option.not_positive": {"期权输入不为正", "option inputs not positive"}, "option.worthless": {"期权价值为零", "the option is worthless"},
		"renewal.fees_missing": {"缺少年费缴纳记录", "fee records missing"}, "renewal.lower_bound_only": {"只给下限，不参与加权", "a lower bound only, not weighed"},
		"market.no_comparables": {"没有可比交易", "no comparables"}, "market.few_comparables": {"可比交易不足三笔", "fewer than three comparables"},
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
	inputs = words{
		"revenue": {"收入", "revenue"}, "revenue_current": {"当前收入", "current revenue"}, "revenue_growth": {"收入增长率", "revenue growth"},
		"royalty_rate": {"许可费率", "royalty rate"}, "tax_rate": {"税率", "tax rate"}, "discount_rate": {"折现率", "discount rate"},
		"economic_life_years": {"经济寿命", "economic life"}, "hazard": {"失效率", "hazard"}, "share_decay": {"贡献衰减", "share decay"},
		"attribution": {"专利贡献份额", "attribution"}, "annual_cost": {"年维持成本", "annual cost"}, "operating_margin": {"营业利润率", "operating margin"},
		"profit_share": {"利润分成率", "profit share"},
	}
	items = words{
		"prior": {"先验水平（同类专利总体）", "prior level (the population)"}, "market": {"市场法", "market approach"}, "income": {"收益法", "income approach"},
		"cost": {"成本法", "cost approach"}, "option": {"实物期权", "real option"}, "rank": {"分位推断", "rank prior"}, "renewal": {"续费下限", "renewal bound"},
		"disagreement": {"各方法之间的分歧", "disagreement between approaches"}, "market.level": {"价格总体水平不确定", "level of prices"},
		"market.price_noise": {"成交价自身的离散", "noise of prices"}, "market.widening": {"检索范围放宽", "widened retrieval"},
		"market.residual_surface": {"同类专利之间的差异", "differences among similar patents"}, "market.comparables": {"可比交易", "comparables"},
		"market.unknown_facts": {"市场法中未知的事实", "facts unknown to the market approach"}, "income.unknown_facts": {"收益法中未知的事实", "facts unknown to the income approach"},
		"cost.unknown_facts": {"成本法中未知的事实", "facts unknown to the cost approach"}, "option.unknown_facts": {"期权法中未知的事实", "facts unknown to the option"},
		"income.revenue": {"收入预测", "revenue forecast"}, "income.royalty_rate": {"许可费率", "royalty rate"}, "income.discount_rate": {"折现", "discounting"},
		"income.cash_flow": {"节省的许可费现金流", "royalty cash flow"}, "income.tax_rate": {"税", "tax"}, "income.terms": {"收益法其他条件", "other terms of the income approach"},
		"income.hazard": {"失效风险", "hazard"}, "income.share_decay": {"贡献衰减", "decay of the share"}, "income.economic_life_years": {"经济寿命", "economic life"},
		"income.revenue_growth": {"收入增长", "revenue growth"}, "income.revenue_current": {"当前收入", "current revenue"}, "income.attribution": {"专利贡献份额", "attribution"},
		"licence_terms": {"许可方式与期限", "kind and term of the licence"}, "model_cap": {"指标评分影响的上限", "limit of what scores may move"}, "forced_sale": {"强制变现的折减", "allowance for a forced sale"},
		"other": {"其余小项", "smaller items"}, "status": {"结论的状态改变", "the state of the conclusion"}, "legal_state": {"法律状态", "legal state"}, "damages": {"赔偿金额", "damages"}, "income.model": {"收益法其余输入", "other inputs of the income approach"},
		"disposal_costs": {"处置费用", "costs of disposal"}, "right_fraction": {"权利份额", "share of the right"}, "calibration": {"校准放宽", "calibration"},
	}
	versions = words{
		"assumptions": {"参数版本", "assumptions"}, "price_model": {"价格模型版本", "price model"}, "model": {"模型版本", "model"}, "sheet": {"指标表版本", "sheet"}, "program": {"程序版本", "program"},
		"assumptions_hash": {"参数文件哈希", "hash of the assumptions"}, "rules": {"规则版本", "rules"}, "similarity": {"相似度版本", "similarity"},
		"space": {"向量空间", "embedding space"}, "valuation_model": {"估值模型", "valuation model"},
		"embedding": {"向量空间", "embedding space"}, "prompts": {"提示词版本", "prompts"}, "schema": {"记录格式", "record schema"},
	}
	// workings are the keys of a working; one that ends in a dot stands for a
	// family of keys.
	workings = words{
		"log_value": {"加权对数价值", "weighted log value"}, "sd_within": {"各方法自身的误差", "error within approaches"}, "sd_between": {"各方法之间的差异", "spread between approaches"},
		"sd_model": {"合成标准差", "combined sd"}, "calibration_multiplier": {"校准倍数", "calibration multiplier"}, "fsd": {"预测标准差（FSD）", "forecast sd (FSD)"},
		"market_level": {"该成交市场的一般水平", "level of the market"}, "log_price": {"对数价格", "log price"}, "level_sd": {"水平的标准差", "sd of the level"},
		"part.market": {"成交市场", "market"}, "part.channel": {"成交渠道", "channel"}, "part.owner": {"权利人类型", "owner"}, "part.deal": {"交易方式", "kind of deal"},
		"part.kind": {"专利类型", "kind of patent"}, "part.life": {"剩余保护期", "remaining life"}, "part.family": {"同族", "family"}, "part.claims": {"权利要求数", "claims"},
		"part.citations": {"被引用", "citations"}, "part.deals": {"已有成交的影响", "what deals on file did"}, "part.score": {"指标评分", "score"}, "part.year": {"年份", "year"},
		"part.bundle_count": {"打包件数", "number of patents"}, "part.public_ask": {"公开报价上限", "cap by the public ask"},
		"statutory_low": {"法定赔偿下限", "statutory lower limit"}, "statutory_high": {"法定赔偿上限", "statutory upper limit"}, "reasonable_costs": {"合理开支", "reasonable costs"},
		"loss": {"实际损失", "actual loss"}, "statutory": {"法定赔偿", "statutory damages"}, "gain": {"侵权获利", "infringer's gain"}, "licence_fee": {"许可费的合理倍数", "multiple of a licence fee"}, "share_in_force": {"权利有效期间占比", "share in force"},
		"multiplier": {"惩罚性倍数", "punitive multiple"}, "damages": {"赔偿金额", "damages"},
		"predictive_sd": {"预测标准差", "predictive sd"}, "scale": {"件数与份额折算", "scale"},
		"comparable.": {"可比交易 ", "comparable "}, "weight": {"权重", "weight"}, "residual": {"与先验之差", "residual"}, "similarity": {"相似度", "similarity"},
		"legal_state": {"法律状态", "legal state"}, "value": {"价值", "value"}, "value_at_medians": {"输入取中值时的价值", "value at the median inputs"}, "lower_bound": {"下限", "lower bound"},
		"period.": {"第 %s 期", "period %s"}, "revenue.": {"%s 年收入", "revenue of %s"}, "revenue": {"收入", "revenue"}, "length": {"本期长度", "length of the period"}, "time": {"折现时点", "time of discounting"},
		"share": {"分成份额", "share"}, "survival": {"存续概率", "survival"}, "retention": {"留存率", "retention"}, "cash_flow": {"现金流", "cash flow"},
		"discount_factor": {"折现系数", "discount factor"}, "discount_rate": {"折现率", "discount rate"}, "discount_rate_range": {"折现率区间", "range of the discount rate"}, "risk.": {"风险溢价 ", "risk premium "},
		"royalty_rate_scored": {"按评分取定的许可费率", "royalty rate by score"}, "r": {"综合评分 r", "score r"}, "r_unknown_worst": {"未知项取最差时的 r", "r, unknown worst"},
		"r_unknown_best": {"未知项取最好时的 r", "r, unknown best"}, "m": {"费率下限 m", "lower rate m"}, "n": {"费率上限 n", "upper rate n"}, "profit_share": {"利润分成率", "profit share"},
		"attribution": {"专利贡献份额", "attribution"}, "rate_without": {"不计评分的费率", "rate without scores"}, "with": {"使用专利时", "with the patent"}, "without": {"不使用专利时", "without the patent"},
		"double_counting": {"重复计量提示", "double counting"}, "tab_factor": {"税收摊销系数", "tax amortisation factor"}, "life": {"收益期", "life"}, "years": {"年数", "years"}, "index": {"价格指数", "index"},
		"royalty_rate": {"许可费率", "royalty rate"}, "share_decay": {"贡献逐年衰减", "share decay"}, "hazard": {"失效率", "hazard"}, "tax_rate": {"税率", "tax rate"}, "economic_life": {"经济寿命", "economic life"},
		"revenue_current": {"当前收入", "current revenue"}, "revenue_growth": {"收入增长率", "revenue growth"}, "economic_life_years": {"经济寿命", "economic life"}, "annual_cost": {"年维持成本", "annual cost"}, "operating_margin": {"营业利润率", "operating margin"},
		"replacement": {"重置成本", "replacement cost"}, "reproduction": {"复原重置成本", "reproduction cost"}, "labour": {"研发人工", "labour"}, "expenses": {"研发其他支出", "expenses"}, "overhead": {"管理费用", "overhead"},
		"fees": {"申请与维持费", "fees"}, "opportunity": {"机会成本", "opportunity cost"}, "profit": {"合理利润", "developer's profit"},
		"gross_cost": {"重置全价", "gross replacement cost"}, "obsolescence.functional": {"功能性贬值", "functional obsolescence"}, "obsolescence.technological": {"技术性贬值", "technological obsolescence"},
		"obsolescence.economic": {"经济性贬值", "economic obsolescence"}, "obsolescence.age": {"时效性贬值", "obsolescence by age"},
		"S": {"标的现值 S", "underlying S"}, "X": {"投入 X", "exercise price X"}, "d1": {"d1", "d1"}, "d2": {"d2", "d2"}, "volatility": {"波动率", "volatility"}, "cost_of_delay": {"延迟成本", "cost of delay"},
	}
	units = words{
		"yuan": {"元", "yuan"}, "log": {"对数", "log"}, "rate": {"率", "rate"}, "ratio": {"倍", "ratio"}, "years": {"年", "years"},
	}
)

// WorkingName returns the name of a key of a working, or the key.
func WorkingName(lang Lang, key string) string {
	w := writer{lang: lang}
	if _, ok := workings[key]; ok {
		return w.word(workings, key)
	}
	for i := len(key) - 1; i >= 0; i-- {
		if key[i] != '.' {
			continue
		}
		if _, ok := workings[key[:i+1]]; ok {
			name := w.word(workings, key[:i+1])
			if strings.Contains(name, "%s") {
				return strings.Replace(name, "%s", key[i+1:], 1)
			}
			return name + key[i+1:]
		}
	}
	return key
}

// UnitName returns the name of a unit of a working, or the unit.
func UnitName(lang Lang, unit string) string {
	if unit == "" {
		return ""
	}
	return writer{lang: lang}.word(units, unit)
}

// ApproachName returns the name of an approach and its method.
func ApproachName(lang Lang, approach, method string) string {
	w := writer{lang: lang}
	return w.word(approaches, approach) + w.t("：", ": ") + w.word(methods, method)
}

// BasisName is a basis of value in words.
func BasisName(lang Lang, b terms.Basis) string { return writer{lang: lang}.word(bases, string(b)) }

// PremiseName is a premise of value in words.
func PremiseName(lang Lang, p terms.Premise) string {
	return writer{lang: lang}.word(premises, string(p))
}

// DealKindName is a kind of deal in Chinese.
func DealKindName(k terms.DealKind) string {
	return cmp.Or(dealKinds[string(k)][0], string(k))
}
