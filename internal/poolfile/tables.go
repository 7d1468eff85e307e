package poolfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/money"
	"zhijia/internal/pool"
	"zhijia/internal/sheet"
	"zhijia/internal/strict"
)

// poolKind is how a cell of a pool table is read.
type poolKind byte

const (
	poolText   poolKind = 's'
	poolNumber poolKind = 'n' // decimal
	poolMoney  poolKind = 'm' // in the unit the deal sheet declares
	poolFact   poolKind = 'f' // 是, 否, empty is unknown
	poolBool   poolKind = 'b' // 是, 否, empty is 否
	poolDate   poolKind = 'd'
	poolMonth  poolKind = 'M' // a day, or a month as 2026-03 or 2026年3月
	poolList   poolKind = 'l' // separated by ；or ; "无" is the empty list, empty is unknown
)

type poolColumn struct {
	key, zh string // key is the path in the JSON form
	kind    poolKind
}

// poolWords are the words a cell may hold in place of a code.
var poolWords = map[string]map[string]string{
	"venue":    {"上交所": "SSE", "上海证券交易所": "SSE", "深交所": "SZSE", "深圳证券交易所": "SZSE"},
	"class":    classWords,
	"amortise": {"等额本息": "level", "等额本金": "equal_principal", "到期一次还本": "bullet", "一次性还本": "bullet", "按期付息到期还本": "bullet", "按计划": "schedule", "还款计划": "schedule"},
	"kind": merged(classWords, map[string]string{
		"发明": "invention", "发明专利": "invention", "实用新型": "utility_model", "utility": "utility_model", "外观设计": "design", "外观": "design",
		"商标": "trademark", "注册商标": "trademark", "著作权": "copyright", "作品著作权": "copyright", "软件著作权": "copyright", "集成电路布图设计": "layout_design", "布图设计": "layout_design",
		"差额支付": "shortfall", "差额补足": "shortfall", "保证": "guarantee", "保证担保": "guarantee", "担保": "guarantee",
	}),
	"pay":              {"过手摊还": "pass_through", "过手": "pass_through", "到期还本": "bullet", "固定摊还": "scheduled", "计划摊还": "scheduled", "加速摊还": "turbo"},
	"state":            {"有效": "alive", "存续": "alive", "失效": "dead", "无效": "dead", "终止": "dead"},
	"facts.cash_route": {"直接": "direct", "直接归集": "direct", "监管账户": "regulated", "经监管账户": "regulated", "混同": "commingled"},
	"day_count":        {"实际/365": "act365", "ACT/365": "act365", "实际/实际": "actact", "ACT/ACT": "actact", "30/360": "30360"},
	"base":             {"资产池": "pool", "基础资产": "pool", "证券": "notes", "证券余额": "notes", "回款": "collections"},
	"structure.roll":   {"顺延": "following", "向后顺延": "following", "修正顺延": "modified_following", "提前": "preceding"},
}

// listWords are the words for the codes of a list; a step of the order of payment
// may name classes after a colon.
var listWords = map[string]map[string]string{
	"encumbrance":                        {"质押": "pledge", "独占许可": "exclusive_licence", "排他许可": "exclusive_licence", "保全": "preservation", "查封": "preservation"},
	"facts.forecast_dimensions":          dimensionWords,
	"facts.stress_dimensions":            dimensionWords,
	"structure.order":                    stepWords,
	"structure.order_after_acceleration": stepWords,
}

var (
	dimensionWords = map[string]string{"违约": "default", "违约率": "default", "回收": "recovery", "回收率": "recovery", "早偿": "prepayment", "早偿率": "prepayment", "收益率": "yield", "预期收益率": "yield", "循环购买": "revolving"}
	stepWords      = map[string]string{"税金": "tax", "税费": "tax", "费用": "fees", "流动性支持": "liquidity", "储备金": "reserve", "利息": "interest", "本金": "principal"}
)

// listWord is the code of one entry of a list.
func listWord(key, s string) string {
	word, classes, named := strings.Cut(strings.ReplaceAll(s, "：", ":"), ":")
	code, known := listWords[key][strings.TrimSpace(word)]
	if !known {
		return s
	}
	if named {
		return code + ":" + strings.ReplaceAll(strings.TrimSpace(classes), "＋", "+")
	}
	return code
}

var classWords = map[string]string{
	"许可费": "licence", "专利许可费": "licence", "许可费债权": "licence", "专利许可费债权": "licence", "应收账款": "receivable", "应收账款债权": "receivable",
	"融资租赁": "lease", "融资租赁债权": "lease", "租赁": "lease", "小额贷款": "small_loan", "小额贷款债权": "small_loan", "企业融资": "corporate_claim", "企业融资债权": "corporate_claim",
}

func merged(a, b map[string]string) map[string]string {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// poolTable is one sheet (or CSV file) of the deal.
type poolTable struct {
	sheet, file, path string
	columns           []poolColumn
}

// The first sheet lists field, name and value in rows.
var poolDealFields = []poolColumn{
	{"name", "专项计划名称", poolText},
	{"label", "标注", poolText},
	{"generated", "是否生成数据", poolBool},
	{"venue", "挂牌场所（SSE/SZSE）", poolText},
	{"class", "基础资产类别（licence/receivable/lease/small_loan/corporate_claim）", poolText},
	{"cut_off", "初始基准日", poolDate},
	{"closing", "设立日", poolDate},
	{"parties.originator", "原始权益人", poolText},
	{"parties.manager", "计划管理人", poolText},
	{"parties.servicer", "资产服务机构", poolText},
	{"parties.custodian", "托管人", poolText},
	{"parties.lawyer", "律师事务所", poolText},
	{"parties.appraiser", "评估机构", poolText},
	{"parties.rater", "评级机构", poolText},
	{"facts.originator_years", "原始权益人经营年限", poolNumber},
	{"facts.originator_net_assets", "原始权益人净资产", poolMoney},
	{"facts.originator_profitable", "最近一年盈利", poolFact},
	{"facts.originator_sound", "原始权益人资信良好", poolFact},
	{"facts.proceeds_to_ip", "募集资金用于取得知识产权比例", poolNumber},
	{"facts.related_disclosed", "关联方现金流专项披露", poolFact},
	{"facts.provider_disclosed", "重要现金流提供方披露", poolFact},
	{"facts.cash_route", "归集路径（direct/regulated/commingled）", poolText},
	{"facts.route_only_to_plan", "监管账户仅付专项计划账户", poolFact},
	{"facts.cycle_months", "归集周期（月）", poolNumber},
	{"facts.reinvest_in_plan", "再投资仅在计划账户内", poolFact},
	{"facts.reinvest_equity", "再投资涉及权益类", poolFact},
	{"facts.history_years", "历史数据年限", poolNumber},
	{"facts.static_pre_write_off", "违约率为静态核销前口径", poolFact},
	{"facts.forecast_dimensions", "现金流预测因素", poolList},
	{"facts.stress_dimensions", "压力测试因素", poolList},
	{"facts.stress_coverage", "列示各期覆盖倍数", poolFact},
	{"facts.forecast_report_waived", "不出具现金流预测报告", poolFact},
	{"facts.cash_flows_certain", "金额时点确定且笔数少", poolFact},
	{"facts.visible_to_investors", "向投资者列示", poolFact},
	{"facts.disposal_only", "仅依托处置资产产生现金流", poolFact},
	{"facts.uncertain_cash", "现金流不确定", poolFact},
	{"facts.mixed_unrelated", "不同类型且无关联的组合", poolFact},
	{"facts.local_gov_debt", "涉及地方政府性债务", poolFact},
	{"facts.special_originator", "特定原始权益人", poolFact},
	{"facts.special_originator_sound", "特定原始权益人最近三年无重大违约、虚假披露或违法", poolFact},
	{"facts.lessor_listed", "出租人为上市公司或其子公司", poolFact},
	{"facts.originator_dishonest", "原始权益人最近两年失信且被限制融资", poolFact},
	{"structure.every_months", "付息周期（月）", poolNumber},
	{"structure.first_pay", "首个兑付日", poolDate},
	{"structure.roll", "兑付日顺延规则（following/modified_following/preceding）", poolText},
	{"structure.collection_lag_days", "收款期间截止（兑付日前天数）", poolNumber},
	{"structure.determination_days", "计算日（兑付日前交易日数）", poolNumber},
	{"structure.default_days", "转为违约的逾期天数", poolNumber},
	{"structure.clean_up", "清仓回购比例", poolNumber},
	{"structure.order", "分配顺序", poolList},
	{"structure.order_after_acceleration", "加速清偿后分配顺序", poolList},
	{"structure.service_rate", "服务费年率", poolNumber},
	{"structure.fixed_fee", "每期固定费用", poolMoney},
	{"structure.upfront_fee", "发行费用", poolMoney},
	{"structure.tax_rate", "利息税率", poolNumber},
	{"structure.reserve", "储备金", poolMoney},
	{"structure.trap_excess", "优先级清偿前次级不分配", poolBool},
	{"structure.retained", "自留比例", poolNumber},
	{"structure.liquidity.limit", "流动性支持额度", poolMoney},
	{"structure.liquidity.rate", "流动性支持利率", poolNumber},
	{"structure.liquidity.commitment", "流动性支持承诺费率", poolNumber},
	{"structure.triggers.default_rate", "加速清偿：累计违约率", poolNumber},
	{"structure.triggers.principal_short", "加速清偿：本金不足", poolBool},
	{"structure.triggers.collection_miss", "加速清偿：回款低于计划比例", poolNumber},
	{"structure.revolving.periods", "循环期数", poolNumber},
	{"structure.revolving.term_periods", "循环资产期限（期）", poolNumber},
	{"structure.revolving.yield", "循环资产收益率", poolNumber},
	{"structure.revolving.min_rate", "循环资产最低利率", poolNumber},
	{"structure.revolving.max_months", "循环资产最长剩余月数", poolNumber},
	{"structure.revolving.max_price", "循环购买价格上限（价格/未偿本金）", poolNumber},
	{"structure.revolving.max_age_months", "循环资产最长账龄（月）", poolNumber},
	{"structure.revolving.min_pool_rate", "购买后加权平均利率下限", poolNumber},
	{"structure.revolving.max_pool_months", "购买后加权平均剩余月数上限", poolNumber},
	{"structure.revolving.max_single", "购买后单一债务人占比上限", poolNumber},
	{"structure.revolving.approval_required", "循环购买须经批准", poolBool},
	{"structure.revolving.cycles_per_year", "每年循环购买次数", poolNumber},
	{"structure.revolving.short_share", "合格资产不足比例", poolNumber},
	{"structure.revolving.short_cycles", "合格资产不足期数", poolNumber},
	{"structure.revolving.bad_share", "不良资产占比上限", poolNumber},
	{"structure.revolving.bad_cycles", "不良资产超限期数", poolNumber},
	{"credit.rho", "资产相关系数", poolNumber},
	{"credit.rho_sector", "行业相关系数", poolNumber},
	{"credit.rho_region", "区域相关系数", poolNumber},
	{"credit.lgd_low", "违约损失率（低）", poolNumber},
	{"credit.lgd", "违约损失率（中）", poolNumber},
	{"credit.lgd_high", "违约损失率（高）", poolNumber},
	{"credit.lag_months", "回收滞后（月）", poolNumber},
	{"credit.cpr", "年早偿率", poolNumber},
	{"credit.source", "信用参数来源", poolText},
	{"shelf.approved", "储架批复额度", poolMoney},
	{"shelf.expires", "储架有效期至", poolDate},
	{"shelf.homogeneous", "储架各期资产同类", poolFact},
	{"shelf.real_first_pool", "首期有真实资产池", poolFact},
	{"shelf.supply", "后续资产供给能力", poolFact},
}

var poolTables = []poolTable{
	{"债务人", "obligors", "obligors", []poolColumn{
		{"id", "编号", poolText},
		{"name", "名称", poolText},
		{"group", "关联集团", poolText},
		{"natural_person", "自然人", poolBool},
		{"region", "地区", poolText},
		{"industry", "行业", poolText},
		{"shadow_rating", "影子评级", poolText},
		{"pd", "年违约率", poolNumber},
		{"pd_source", "违约率来源", poolText},
		{"related", "原始权益人关联方", poolFact},
		{"dishonest", "失信被执行人", poolFact},
		{"bad_record", "不良记录", poolFact},
		{"weak_credit", "资信较弱", poolFact},
		{"subsidiary_dishonest", "重要子公司失信", poolFact},
	}},
	{"应收债权", "assets", "assets", []poolColumn{
		{"id", "编号", poolText},
		{"obligor", "债务人编号", poolText},
		{"kind", "类别", poolText},
		{"contract", "合同编号", poolText},
		{"principal", "未偿本金", poolMoney},
		{"rate", "年利率", poolNumber},
		{"start", "起始日", poolDate},
		{"maturity", "到期日", poolDate},
		{"amortise", "还款方式（level/equal_principal/bullet）", poolText},
		{"every_months", "还款间隔（月）", poolNumber},
		{"ip_formed", "知识产权形成", poolFact},
		{"performed", "已履约", poolFact},
		{"no_defence", "无抗辩抵销", poolFact},
		{"overdue_days", "逾期天数", poolNumber},
		{"whole_contract", "整笔入池", poolFact},
		{"online", "网络贷款", poolFact},
		{"consumer", "消费用途", poolFact},
		{"price", "购买价格", poolMoney},
		{"patents", "对应知识产权", poolList},
		{"unencumbered", "无权利负担", poolFact},
		{"lease_eligible", "租赁物适格可处置", poolFact},
		{"lease_form", "租赁形式", poolText},
		{"enhancer", "增信方", poolText},
		{"security", "抵质押", poolText},
	}},
	{"知识产权", "patents", "patents", []poolColumn{
		{"number", "专利号", poolText},
		{"title", "名称", poolText},
		{"kind", "类型（发明/实用新型/外观设计/商标/著作权/布图设计）", poolText},
		{"owner", "权利人", poolText},
		{"owner_person", "权利人为自然人", poolBool},
		{"family", "同族", poolText},
		{"filed", "申请日", poolDate},
		{"granted", "授权日", poolDate},
		{"expires", "届满日", poolDate},
		{"state", "状态（alive/dead）", poolText},
		{"registry_state", "登记簿状态", poolText},
		{"state_reason", "失效原因", poolText},
		{"state_as_of", "状态截至", poolDate},
		{"registered", "登记情况", poolText},
		{"encumbrance", "权利负担", poolList},
		{"consent", "权利人同意", poolFact},
		{"other_pool", "其他资产池", poolText},
		{"licence_use", "许可及使用状况", poolText},
		{"advancement", "技术先进性", poolText},
		{"benefit", "预期经济效益", poolText},
		{"value.low", "价值下限（元）", poolNumber},
		{"value.point", "价值（元）", poolNumber},
		{"value.high", "价值上限（元）", poolNumber},
		{"value.level", "区间水平", poolNumber},
		{"value.date", "价值基准日", poolDate},
		{"value.source", "价值来源", poolText},
		{"appraisal.institution", "评估机构", poolText},
		{"appraisal.method", "评估方法", poolText},
		{"appraisal.date", "评估基准日", poolDate},
		{"appraisal.report_no", "评估报告号", poolText},
		{"appraisal.value", "评估价值（元）", poolNumber},
	}},
	{"证券", "tranches", "structure.tranches", []poolColumn{
		{"name", "名称", poolText},
		{"principal", "规模", poolMoney},
		{"coupon", "票面年利率", poolNumber},
		{"pay", "还本方式（pass_through/bullet/scheduled）", poolText},
		{"maturity", "到期期数", poolNumber},
		{"rating", "评级", poolText},
		{"day_count", "计息规则（act365/actact/30360）", poolText},
		{"code", "证券代码", poolText},
		{"index", "基准利率名称", poolText},
		{"cap", "利率上限", poolNumber},
		{"floor", "利率下限", poolNumber},
		{"put.period", "回售期次", poolNumber},
		{"put.share", "回售比例", poolNumber},
	}},
	{"目标余额", "targets", poolTargets, []poolColumn{{"tranche", "证券", poolText}, {"balance", "各期末余额（按期次顺序）", poolMoney}}},
	{"利率调整", "steps", poolSteps, []poolColumn{{"tranche", "证券", poolText}, {"from", "起始日", poolDate}, {"rate", "利率", poolNumber}}},
	{"基准利率", "indices", poolIndices, []poolColumn{{"index", "名称", poolText}, {"from", "起始日", poolDate}, {"rate", "利率", poolNumber}}},
	{"费用", "fees", "structure.fees", []poolColumn{{"name", "名称", poolText}, {"base", "基数（pool/notes/collections）", poolText}, {"rate", "费率", poolNumber}, {"flat", "每期固定金额", poolMoney}, {"minimum", "每期最低金额", poolMoney}}},
	{"增信", "supports", "structure.supports", []poolColumn{
		{"name", "名称", poolText},
		{"kind", "类型（shortfall/guarantee）", poolText},
		{"pd", "年违约率", poolNumber},
		{"pd_source", "违约率来源", poolText},
		{"rho", "相关系数", poolNumber},
		{"cap", "上限", poolMoney},
		{"cover", "担保比例", poolNumber},
		{"affiliate", "原始权益人关联方", poolFact},
		{"evidence", "文件", poolText},
		{"dishonest", "最近两年失信", poolFact},
	}},
	{"历史现金流", "history", "history", []poolColumn{{"month", "月份", poolMonth}, {"contract", "合同", poolText}, {"source", "来源", poolText}, {"amount", "金额", poolMoney}}},
	{"豁免", "waivers", "waivers", []poolColumn{{"rule", "规则", poolText}, {"evidence", "证据", poolText}}},
	{"还款计划", "dues", poolDues, []poolColumn{{"asset", "资产编号", poolText}, {"date", "日期", poolDate}, {"principal", "本金", poolMoney}, {"interest", "利息", poolMoney}}},
	{"储架系列", "series", "shelf.series", []poolColumn{{"name", "名称", poolText}, {"date", "发行日", poolDate}, {"amount", "规模", poolMoney}, {"criteria", "标准（名称=值；…）", poolList}}},
}

// poolDues is where the rows of 还款计划 wait until they join their assets.
const poolDues = "dues"

// Where the rows of 目标余额, 利率调整 and 基准利率 wait until they join their class
// or their index.
const (
	poolTargets = "targets"
	poolSteps   = "steps"
	poolIndices = "indices"
)

// nest moves what a table keeps flat to where the JSON form has it: dues under
// their asset, criteria from "name=value" to an object.
func nest(doc map[string]any) error {
	dues, _ := doc[poolDues].([]any)
	delete(doc, poolDues)
	assets, _ := doc["assets"].([]any)
	for _, x := range dues {
		due := x.(map[string]any)
		at := slices.IndexFunc(assets, func(a any) bool { return due["asset"] != nil && a.(map[string]any)["id"] == due["asset"] })
		if at < 0 {
			return fmt.Errorf("还款计划的资产编号 %.40q 不在应收债权中", due["asset"])
		}
		a := assets[at].(map[string]any)
		delete(due, "asset")
		list, _ := a["dues"].([]any)
		a["dues"] = append(list, due)
	}
	if err := nestClasses(doc); err != nil {
		return err
	}
	series, _ := get(doc, "shelf.series").([]any)
	for _, x := range series {
		item := x.(map[string]any)
		list, _ := item["criteria"].([]string)
		criteria := map[string]string{}
		for _, c := range list {
			k, v, ok := strings.Cut(c, "=")
			if !ok {
				return fmt.Errorf("储架系列的标准 %.40q 应为 名称=值", c)
			}
			criteria[k] = v
		}
		item["criteria"] = criteria
	}
	return nil
}

// nestClasses moves planned balances and steps of the rate under their class, and
// rates under their index.
func nestClasses(doc map[string]any) error {
	tranches, _ := get(doc, "structure.tranches").([]any)
	for path, name := range map[string]string{poolTargets: "目标余额", poolSteps: "利率调整"} {
		rows, _ := doc[path].([]any)
		delete(doc, path)
		for _, x := range rows {
			row := x.(map[string]any)
			at := slices.IndexFunc(tranches, func(a any) bool { return row["tranche"] != nil && a.(map[string]any)["name"] == row["tranche"] })
			if at < 0 {
				return fmt.Errorf("%s的证券 %.40q 不在证券表中", name, row["tranche"])
			}
			t := tranches[at].(map[string]any)
			delete(row, "tranche")
			if path == poolTargets {
				list, _ := t["targets"].([]any)
				t["targets"] = append(list, row["balance"])
			} else {
				list, _ := t["step_up"].([]any)
				t["step_up"] = append(list, row)
			}
		}
	}
	rows, _ := doc[poolIndices].([]any)
	delete(doc, poolIndices)
	indices := map[string]any{}
	for _, x := range rows {
		row := x.(map[string]any)
		name, _ := row["index"].(string)
		if name == "" {
			return fmt.Errorf("基准利率缺少名称")
		}
		delete(row, "index")
		list, _ := indices[name].([]any)
		indices[name] = append(list, row)
	}
	if len(indices) > 0 {
		set(doc, "structure.indices", indices)
	}
	return nil
}

// flattenClasses is the inverse of nestClasses.
func flattenClasses(doc map[string]any) {
	tranches, _ := get(doc, "structure.tranches").([]any)
	var targets, steps, indices []any
	for _, x := range tranches {
		t := x.(map[string]any)
		list, _ := t["targets"].([]any)
		for _, b := range list {
			targets = append(targets, map[string]any{"tranche": t["name"], "balance": b})
		}
		list, _ = t["step_up"].([]any)
		for _, r := range list {
			row := r.(map[string]any)
			row["tranche"] = t["name"]
			steps = append(steps, row)
		}
	}
	of, _ := get(doc, "structure.indices").(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(of)) {
		list, _ := of[name].([]any)
		for _, r := range list {
			row := r.(map[string]any)
			row["index"] = name
			indices = append(indices, row)
		}
	}
	doc[poolTargets], doc[poolSteps], doc[poolIndices] = targets, steps, indices
}

// flatten is the inverse of nest, for writing.
func flatten(doc map[string]any) {
	flattenClasses(doc)
	var dues []any
	assets, _ := doc["assets"].([]any)
	for _, x := range assets {
		a := x.(map[string]any)
		list, _ := a["dues"].([]any)
		for _, d := range list {
			due := d.(map[string]any)
			due["asset"] = a["id"]
			dues = append(dues, due)
		}
	}
	doc[poolDues] = dues
	series, _ := get(doc, "shelf.series").([]any)
	for _, x := range series {
		item := x.(map[string]any)
		criteria, _ := item["criteria"].(map[string]any)
		list := []any{}
		for _, k := range slices.Sorted(maps.Keys(criteria)) {
			list = append(list, fmt.Sprintf("%s=%v", k, criteria[k]))
		}
		item["criteria"] = list
	}
}

const (
	poolDealSheet = "交易"
	poolUnitKey   = "unit"
	// poolRows bounds a table.
	poolRows = 20_000
)

// Tables are the raw cells of a deal by sheet name (or CSV file stem).
type Tables map[string][][]string

// ReadBook reads a workbook of the form [WriteBook] writes.
func ReadBook(r io.Reader) (pool.Deal, error) {
	tables, err := sheet.Tables(r, poolRows+1)
	if pub := fault.Public(err); err != nil && pub.Code == "file.xlsx" {
		return pool.Deal{}, fault.New(fault.Unsupported, "pool.book", "无法读取工作簿，请使用 XLSX 格式。", "not a readable XLSX workbook").Because(err)
	}
	if err != nil {
		return pool.Deal{}, err
	}
	rows := Tables{}
	for _, t := range tables {
		rows[t.Name] = t.Rows
	}
	return rows.Deal()
}

// Deal assembles the deal, naming every bad cell.
func (rows Tables) Deal() (pool.Deal, error) {
	var bad []fault.Field
	doc := map[string]any{}
	unit := money.Yuan
	deal := rows.find(poolDealSheet, "deal")
	if deal == nil {
		return pool.Deal{}, fault.New(fault.Invalid, "pool.book.deal", "缺少“交易”工作表（或 deal.csv）。", "there is no deal sheet")
	}
	for _, row := range deal {
		if cell(row, 0) == poolUnitKey {
			u, err := money.ParseUnit(cell(row, 2))
			if err != nil {
				bad = append(bad, badCell("交易!金额单位", err))
			} else {
				unit = u
			}
		}
	}
	for i, row := range deal {
		key := cell(row, 0)
		at := slices.IndexFunc(poolDealFields, func(c poolColumn) bool { return c.key == key })
		if at < 0 {
			if i > 0 && key != poolUnitKey && key != "" {
				bad = append(bad, badCell(fmt.Sprintf("交易!%d行", i+1), fmt.Errorf("字段代码 %.40q 无法识别", key)))
			}
			continue
		}
		if err := put(doc, poolDealFields[at], cell(row, 2), unit); err != nil {
			bad = append(bad, badCell("交易!"+key, err))
		}
	}
	for _, t := range poolTables {
		cells := rows.find(t.sheet, t.file)
		if len(cells) == 0 {
			continue
		}
		if len(cells) > poolRows {
			return pool.Deal{}, fault.New(fault.TooLarge, "pool.book.rows", t.sheet+"超过20000行。", "more than 20,000 rows")
		}
		cols := make([]int, len(cells[0]))
		for k, h := range cells[0] {
			h = strings.TrimSpace(h)
			cols[k] = slices.IndexFunc(t.columns, func(c poolColumn) bool {
				short, _, _ := strings.Cut(c.zh, "（")
				return h == c.key || h == c.zh || h == short
			})
			if cols[k] < 0 && h != "" {
				bad = append(bad, badCell(t.sheet+"!第1行", fmt.Errorf("列名 %.40q 无法识别", h)))
			}
		}
		var list []any
		for i, row := range cells[1:] {
			item := map[string]any{}
			for k := range row {
				if k >= len(cols) || cols[k] < 0 {
					continue
				}
				if err := put(item, t.columns[cols[k]], cell(row, k), unit); err != nil {
					bad = append(bad, badCell(fmt.Sprintf("%s!第%d行 %s", t.sheet, i+2, t.columns[cols[k]].zh), err))
				}
			}
			if len(item) > 0 {
				list = append(list, item)
			}
		}
		if len(list) > 0 {
			set(doc, t.path, list)
		}
	}
	if err := nest(doc); err != nil {
		bad = append(bad, badCell("还款计划/储架系列", err))
	}
	if len(bad) > 0 {
		return pool.Deal{}, fault.New(fault.Invalid, "pool.book.cells", "资产池数据有单元格无法识别，请按提示修改。", "some cells cannot be read", bad...)
	}
	b, err := json.Marshal(doc)
	if err != nil {
		return pool.Deal{}, err
	}
	return ReadJSON(bytes.NewReader(b))
}

// ReadJSON reads the JSON form; unknown fields are refused.
func ReadJSON(r io.Reader) (pool.Deal, error) {
	b, err := io.ReadAll(io.LimitReader(r, 64<<20))
	if err != nil {
		return pool.Deal{}, err
	}
	var d pool.Deal
	if err := strict.Decode(b, &d, "pool.json", "资产池 JSON 无法解析，请检查字段与取值。", "The deal does not parse; check its fields and values."); err != nil {
		return pool.Deal{}, err
	}
	return d, d.Check()
}

func (rows Tables) find(names ...string) [][]string {
	for _, n := range names {
		if r, ok := rows[n]; ok {
			return r
		}
	}
	return nil
}

func badCell(at string, err error) fault.Field {
	return fault.Field{Field: at, Code: "pool.cell", Zh: err.Error(), En: err.Error()}
}

func cell(row []string, i int) string {
	if i >= len(row) {
		return ""
	}
	return strings.TrimPrefix(strings.TrimSpace(row[i]), "'")
}

// put parses a cell into the JSON document; an empty cell leaves the field
// unknown.
func put(doc map[string]any, c poolColumn, s string, unit money.Unit) error {
	if s == "" {
		return nil
	}
	var v any
	switch c.kind {
	case poolText:
		v = s
		if code, ok := poolWords[c.key][s]; ok {
			v = code
		}
	case poolNumber:
		clean := strings.ReplaceAll(s, ",", "")
		scale := 1.0
		if p, ok := strings.CutSuffix(clean, "%"); ok {
			clean, scale = p, 0.01
		}
		x, err := strconv.ParseFloat(clean, 64)
		if err != nil {
			return fmt.Errorf("%.40q 不是数字", s)
		}
		v = x * scale
	case poolMoney:
		m, err := money.Parse(s, unit)
		if err != nil {
			return fmt.Errorf("%.40q 不是金额", s)
		}
		v = m
	case poolFact, poolBool:
		yes, ok := map[string]bool{"是": true, "yes": true, "Y": true, "y": true, "true": true, "TRUE": true, "1": true, "否": false, "no": false, "N": false, "n": false, "false": false, "FALSE": false, "0": false}[s]
		if !ok {
			return fmt.Errorf("%.40q 应为 是 或 否", s)
		}
		v = yes
		if c.kind == poolFact {
			v = map[bool]pool.Fact{true: pool.Yes, false: pool.No}[yes]
		}
	case poolDate, poolMonth:
		if m := monthText.FindStringSubmatch(s); c.kind == poolMonth && m != nil {
			s = m[1] + "-" + m[2] + "-1"
		}
		d, err := calendar.Parse(s)
		if n, isNumber := strconv.ParseFloat(s, 64); isNumber == nil && n > 20000 && n < 80000 { // a spreadsheet's serial day
			d, err = calendar.New(1899, 12, 30).AddDays(int(n)), nil
		}
		if err != nil {
			return fmt.Errorf("%.40q 不是日期", s)
		}
		v = d
	case poolList:
		list := []string{}
		if s != "无" {
			for _, p := range strings.FieldsFunc(s, func(r rune) bool { return r == ';' || r == '；' }) {
				list = append(list, listWord(c.key, strings.TrimSpace(p)))
			}
		}
		v = list
	}
	set(doc, c.key, v)
	return nil
}

var monthText = regexp.MustCompile(`^(\d{4})[-/.年](\d{1,2})月?$`)

// set places v at a dotted path.
func set(doc map[string]any, path string, v any) {
	parts := strings.Split(path, ".")
	for _, p := range parts[:len(parts)-1] {
		next, ok := doc[p].(map[string]any)
		if !ok {
			next = map[string]any{}
			doc[p] = next
		}
		doc = next
	}
	doc[parts[len(parts)-1]] = v
}

// WriteBook writes the deal as a workbook that [ReadBook] reads back.
// An empty deal makes the template.
func WriteBook(w io.Writer, d pool.Deal) error {
	b, err := json.Marshal(d)
	if err != nil {
		return err
	}
	var doc map[string]any
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber() // amounts must not pass through floating point
	if err := dec.Decode(&doc); err != nil {
		return err
	}
	flatten(doc)
	f := excelize.NewFile()
	defer f.Close()
	head, err := sheet.HeadStyle(f)
	if err != nil {
		return err
	}
	if err := f.SetSheetName("Sheet1", poolDealSheet); err != nil {
		return err
	}
	rows := [][]string{{"字段代码", "字段", "值"}, {poolUnitKey, "金额单位（元/万元/亿元）", "元"}}
	for _, c := range poolDealFields {
		rows = append(rows, []string{c.key, c.zh, show(get(doc, c.key), c.kind)})
	}
	if err := sheet.Fill(f, poolDealSheet, rows, head, []float64{30, 44, 40}); err != nil {
		return err
	}
	for _, t := range poolTables {
		if _, err := f.NewSheet(t.sheet); err != nil {
			return err
		}
		header := make([]string, len(t.columns))
		widths := make([]float64, len(t.columns))
		for i, c := range t.columns {
			header[i] = c.zh
			widths[i] = 16
		}
		rows := [][]string{header}
		list, _ := get(doc, t.path).([]any)
		for _, x := range list {
			item, _ := x.(map[string]any)
			row := make([]string, len(t.columns))
			for i, c := range t.columns {
				row[i] = show(get(item, c.key), c.kind)
			}
			rows = append(rows, row)
		}
		if err := sheet.Fill(f, t.sheet, rows, head, widths); err != nil {
			return err
		}
	}
	return f.Write(w)
}

func get(doc map[string]any, path string) any {
	parts := strings.Split(path, ".")
	for _, p := range parts[:len(parts)-1] {
		doc, _ = doc[p].(map[string]any)
	}
	return doc[parts[len(parts)-1]]
}

func show(v any, kind poolKind) string {
	switch x := v.(type) {
	case nil:
		return ""
	case string:
		if kind == poolFact {
			return map[string]string{"yes": "是", "no": "否"}[x]
		}
		return x
	case bool:
		return map[bool]string{true: "是", false: "否"}[x]
	case []any:
		if len(x) == 0 {
			return "无"
		}
		var s []string
		for _, e := range x {
			s = append(s, fmt.Sprint(e))
		}
		return strings.Join(s, "；")
	}
	return fmt.Sprint(v)
}

// uses are the words for what a bank line is for.
var uses = map[string]string{
	"应收": pool.UseDue, "本息": pool.UseDue, "due": pool.UseDue,
	"早偿": pool.UsePrepayment, "提前还款": pool.UsePrepayment, "prepayment": pool.UsePrepayment,
	"回收": pool.UseRecovery, "违约回收": pool.UseRecovery, "recovery": pool.UseRecovery,
	"费用": pool.UseFee, "违约金": pool.UseFee, "手续费": pool.UseFee, "fee": pool.UseFee,
	"增信": pool.UseSupport, "差额支付": pool.UseSupport, "代偿": pool.UseSupport, "support": pool.UseSupport,
	"退款": pool.UseRefund, "refund": pool.UseRefund,
}

// bankColumns are the columns of a statement by their usual names.
var bankColumns = [][]string{
	{"流水号", "交易流水号", "id"},
	{"日期", "交易日期", "记账日期", "date"},
	{"账户", "账号", "本方账号", "account"},
	{"对方", "对方户名", "对方名称", "party"},
	{"对方账户", "对方账号", "party_account"},
	{"方向", "收支", "借贷", "借贷标志", "direction"},
	{"金额", "交易金额", "发生额", "amount"},
	{"附言", "摘要", "用途摘要", "ref"},
	{"资产编号", "asset"},
	{"用途", "use"},
	{"收入金额", "贷方金额", "贷方发生额", "收入", "credit"},
	{"支出金额", "借方金额", "借方发生额", "支出", "debit"},
}

const (
	bankID = iota
	bankDate
	bankAccount
	bankParty
	bankPartyAccount
	bankDirection
	bankAmount
	bankRef
	bankAsset
	bankUse
	bankCredit
	bankDebit
)

// ReadBankLines reads a bank statement: 流水号, 日期, 账户, 对方, 对方账户,
// 方向（收/付）with 金额, or 收入金额 and 支出金额, 附言, 资产编号, 用途. The
// account's own view counts: what is credited came in.
func ReadBankLines(rows [][]string, unit money.Unit) ([]pool.BankLine, error) {
	if len(rows) == 0 {
		return nil, fault.New(fault.Invalid, "pool.bank.empty", "银行流水为空。", "the statement is empty")
	}
	at := make([]int, len(bankColumns))
	var bad []fault.Field
	for i, names := range bankColumns {
		at[i] = slices.IndexFunc(rows[0], func(h string) bool { return slices.Contains(names, strings.TrimSpace(h)) })
	}
	sided := at[bankCredit] >= 0 && at[bankDebit] >= 0
	for _, i := range []int{bankID, bankDate, bankAccount, bankParty, bankDirection, bankAmount} {
		if at[i] < 0 && !(sided && (i == bankDirection || i == bankAmount)) {
			bad = append(bad, badCell("第1行", fmt.Errorf("缺少列 %s", bankColumns[i][0])))
		}
	}
	if len(bad) > 0 {
		return nil, fault.New(fault.Invalid, "pool.bank.columns", "银行流水缺少必需的列。", "the statement lacks columns", bad...)
	}
	read := func(row []string, i int) string {
		if at[i] < 0 {
			return ""
		}
		return cell(row, at[i])
	}
	var out []pool.BankLine
	for i, row := range rows[1:] {
		if strings.Join(row, "") == "" {
			continue
		}
		l := pool.BankLine{
			ID: read(row, bankID), Account: read(row, bankAccount), Party: read(row, bankParty), PartyAcc: read(row, bankPartyAccount), Ref: read(row, bankRef), Asset: read(row, bankAsset),
		}
		doc := map[string]any{}
		where := fmt.Sprintf("第%d行", i+2)
		if err := put(doc, poolColumn{"date", "", poolDate}, read(row, bankDate), unit); err != nil || doc["date"] == nil {
			bad = append(bad, badCell(where, fmt.Errorf("日期无效")))
		} else {
			l.Date = doc["date"].(calendar.Date)
		}
		if use := read(row, bankUse); use != "" {
			if l.Use = uses[use]; l.Use == "" {
				bad = append(bad, badCell(where, fmt.Errorf("用途应为 应收、早偿、回收、费用、增信 或 退款")))
			}
		}
		amount := read(row, bankAmount)
		if sided && at[bankDirection] < 0 {
			in, out := read(row, bankCredit), read(row, bankDebit)
			l.In = blankAmount(out)
			if blankAmount(in) == blankAmount(out) {
				bad = append(bad, badCell(where, fmt.Errorf("收入金额与支出金额应恰有一项")))
			}
			if amount = out; l.In {
				amount = in
			}
		} else {
			switch read(row, bankDirection) {
			case "收", "收入", "收款", "in", "贷", "贷方":
				l.In = true
			case "付", "支", "支出", "付款", "out", "借", "借方":
			default:
				bad = append(bad, badCell(where, fmt.Errorf("方向应为 收（收入、贷）或 付（支、支出、借）")))
			}
		}
		m, err := money.Parse(amount, unit)
		if err != nil || m <= 0 {
			bad = append(bad, badCell(where, fmt.Errorf("金额无效")))
		}
		l.Amount = m
		out = append(out, l)
	}
	if len(bad) > 0 {
		return nil, fault.New(fault.Invalid, "pool.bank.cells", "银行流水有单元格无法识别。", "some cells of the statement cannot be read", bad...)
	}
	return out, nil
}

// blankAmount says that an amount cell is empty or nought.
func blankAmount(s string) bool {
	s = strings.ReplaceAll(s, ",", "")
	x, err := strconv.ParseFloat(s, 64)
	return s == "" || s == "-" || err == nil && x == 0
}
