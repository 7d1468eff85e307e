package lending

import "cmp"

// RulesVersion names this set of rules; it is stored with every decision.
const RulesVersion = "lending-6"

// firstRules decided before a decision named its rules.
const firstRules = "lending-1"

// RulesOf returns the rules under which a stored decision was made; empty when
// there is no decision yet.
func RulesOf(d *Decision) string {
	if d.Verdict == "" {
		return ""
	}
	return cmp.Or(d.Rules, firstRules)
}

// words of a reason in both languages.
type words struct{ Zh, En string }

// Rules are the institution's own rules a policy may switch on. Thresholds:
// P03 years, P05 months, P06 deals, P07 share of one patent, P08 ratio, P13
// share of one kind, P15 share of the loan; the others take none.
var Rules = map[string]words{
	"P01": {"本机构不接受外观设计质押", "The institution does not accept designs."},
	"P02": {"本机构不接受实用新型质押", "The institution does not accept utility models."},
	"P03": {"专利剩余有效期不足", "The patent has too little time left."},
	"P04": {"未实施或没有产品收入", "The patent is not practised or has no product revenue."},
	"P05": {"外部评估基准日过早", "The external appraisal is too old."},
	"P06": {"可比交易过少", "Too few comparable deals."},
	"P07": {"单项专利占押品价值比例过高", "One patent makes up too much of the collateral."},
	"P08": {"估值高于市场法参考值过多", "The value lies too far above the market reference."},
	"P09": {"贷款期限超过本机构或产品的上限", "The loan runs longer than the policy or product allows."},
	"P10": {"无法确定专利类型，不能套用质押率", "The kind of patent is not known, so no ceiling applies."},
	"P11": {"法律状态未知或已过时，不能直接通过", "The legal state is unknown or old and may not pass straight through."},
	"P12": {"权利人为自然人，须由人工作出决定", "The owner is a person: a human must decide."},
	"P14": {"预计在贷款期内质押率将超过上限", "The ceiling will be exceeded before the loan ends, as the patents' term runs down."},
	"P15": {"押品未覆盖的部分超过本机构可承担的信用敞口", "More of the loan is credit than the institution takes."},
	"P16": {"所用质押政策未经另一人复核", "Nobody but its author stands by the policy."},
	"P17": {"估值所依据的参数、拟合、向量空间、评分标准或成交效力未经另一人复核", "Nobody but who brought it stands by what the value rests on."},
	"P18": {"放款超过须复核的限额而未经另一人复核", "The loan lies above the limit of booking and no other person approved it."},
	"P13": {"单一类型专利占押品价值比例过高", "One kind of patent makes up too much of the collateral."},
}

// reasons of this package that are no policy's choice.
var fixed = map[string]words{
	"F01": {"该行数据有误，未估值", "The row is faulty and was not valued."},
	"F02": {"单元格未能理解，按未知处理", "A cell was not understood and counts as unknown."},
	"F03": {"仅凭专利号估值：库中没有该专利，来文也没有写明名称", "Valued by its number alone: the store does not know the patent, and the file does not name it."},
	"T01": {"专利权人不是借款人，由第三人出质", "The owner is not the borrower: a third party pledges."},
	"W01": {"所依据的权利状况只有来文所填，须以专利登记簿副本核实", "The state of the right rests on the file alone: a copy of the register must bear it out."},
	"W03": {"押品价值按收益计，所依据的收入只有来文所填，须以审计报告或合同核实", "The collateral is valued by income, and the income rests on the file alone: audited accounts or contracts must bear it out."},
	"W02": {"所用质押政策未经复核", "The policy was not approved by a second person."},
	"V01": {"各方法分歧过大，只给出区间，须由估值人员选定", "The approaches disagree too much: range only, an officer must choose."},
	"V02": {"证据不足，未给出估值", "Too little evidence for a value."},
	"V03": {"权利已失效，价值为零", "The right has ended; its value is zero."},
	"V04": {"单项估值超出政策的复核区间，须人工复核", "The value of one patent lies outside the policy's range: review by a person."},
	"B01": {"没有质押率所对应价值类型的估值，质押率不适用", "There is no value of the basis the ceiling was made for."},
	"V05": {"贷款金额高于公开的平均水平", "The loan is above every published average of patent pledges."},
	"D01": {"同一专利由不同借款人提供质押", "The same patent is offered by different borrowers."},
	"D02": {"同一合同内重复提供，只计一次", "Named twice under one contract; it counts once."},
	"D03": {"同一专利在不同担保合同项下重复提供", "The same patent is offered under different contracts."},
	"D04": {"同一合同各行的拟贷金额不一致", "The rows of one contract state different loan amounts."},
	"D05": {"同一合同各行的到期日不一致", "The rows of one contract state different maturities."},
	"D06": {"同一合同各行的借款人不一致", "The rows of one contract name different borrowers."},
	"D07": {"专利已在册，为其他债务提供担保", "The patent secures another debt of the book already."},
	"D08": {"同一合同各行的产品代码不一致", "The rows of one contract name different programmes."},
	"D09": {"各行的号码可能是同一件专利", "Numbers of these rows may be one patent."},
	"D10": {"估值之后登记簿有新的公告，该结论早于登记簿", "The register has said more since the row was valued."},
	"D11": {"事实有变，重新决定时该行已重新估值", "The facts have changed: the row was valued anew when the batch was decided again."},
	"L01": {"综合抵押率超过 100%", "The loan exceeds the sum of value times ceiling."},
	"L02": {"未填写拟贷金额", "No loan amount is stated."},
	"L03": {"银行限额或产品额度不足以支持全部拟贷金额", "A limit of the bank or of the product is below the loan asked for."},
	"L05": {"押品未覆盖全部贷款，未覆盖部分属信用敞口，由政策决定", "The collateral does not cover the whole loan; the rest is credit, for the policy to decide on."},
	"S01": {"清单没有借款人，按专利组合估值和初筛，未判断贷款", "The list names no borrowers: the patents are valued and screened, no loan is judged."},
	"X03": {"外部评估未比较（价值类型不同）", "The external appraisal was not compared: it is of another basis."},
	"M12": {"政策没有规定商标质押率上限", "The policy has no ceiling for trademarks; there is no default."},
	"L04": {"建议额度为零", "Nothing can be lent on this collateral."},
	"G01": {"产品额度用尽", "额度用尽: the programme's limit is used up."},
	"G02": {"产品不在有效期内", "The programme is not open on this day."},
	"G03": {"没有这个产品代码", "There is no such programme."},
	"G04": {"借款人在该产品项下的额度用尽", "额度用尽: the borrower's limit under the programme is used up."},
	"G05": {"该产品适用另一质押政策，请按该政策另行提交", "The programme lends under another policy; submit the row under that one."},
	"G06": {"贷款期限超过产品上限", "The loan runs longer than the programme allows."},
	"R01": {"贷款金额超过内部估值和协商估值上限，须委托外部评估", "Above the limits for internal and negotiated valuation: an external appraisal is required."},
	"R02": {"须由借贷双方协商确定押品价值", "Lender and borrower must agree on the value."},
	"R03": {"涉及国有资产或其他法定评估情形，须由资产评估机构评估", "State assets or another case in which the law demands an appraisal institution."},
	"R04": {"协商价值高于估值区间上限", "The agreed value lies above the range."},
	"X01": {"外部评估与本系统估值偏离，须人工复核", "The external appraisal deviates from our value: review by a person."},
	"X02": {"外部评估与本系统估值严重偏离", "The external appraisal deviates grossly from our value."},
}

// unknownGround words the statutory grounds while nothing is known of them: an
// unknown is not told as if it were so.
var unknownGround = map[string]words{
	"E01": {"出质人与登记簿记载是否一致未知", "Whether the pledgor is the registered owner is unknown."},
	"E02": {"专利权是否仍然有效未知", "Whether the right is still in force is unknown."},
	"E03": {"是否已授权未知", "Whether the patent was granted is unknown."},
	"E04": {"年费是否缴清未知", "Whether the annual fees are paid is unknown."},
	"E05": {"是否有保全或权属纠纷未知", "Whether a court has preserved the right is unknown."},
	"E06": {"债务期限是否在专利有效期内未知", "Whether the debt ends within the patent's term is unknown."},
	"E07": {"质押合同是否写全第八条的各项未知", "The pledge contract has not been seen."},
	"E08": {"全体共有人是否同意未知", "Whether every co-owner agrees is unknown."},
	"E09": {"是否已有质押登记未知", "Whether a pledge is registered is unknown."},
	"E10": {"是否另有同日申请的发明专利未知", "Whether an invention was filed on the same day is unknown."},
	"E11": {"是否被请求宣告无效未知", "Whether an invalidation is pending is unknown."},
	"E12": {"其他出质条件待核对", "Other conditions have not been checked."},
}
