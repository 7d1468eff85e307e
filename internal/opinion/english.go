package opinion

import (
	"regexp"
	"strings"
)

// next is what to supply next, in the language of the opinion: the notes of a
// conclusion carry it in Chinese.
func (w writer) next(zh string) string { return w.known(nextEn, zh) }

// indicator is the name of an item of the sheet, which the assumptions carry in
// Chinese.
func (w writer) indicator(zh string) string { return w.known(indicatorEn, zh) }

// ground is why an item has its score: a rule's reason is one of a few sentences,
// a person's and a model's are their own words.
func (w writer) ground(zh string) string {
	if w.lang != En {
		return zh
	}
	for _, g := range groundsEn {
		if m := g.re.FindStringSubmatch(zh); m != nil {
			out := g.en
			for _, x := range m[1:] {
				out = strings.Replace(out, "%", x, 1)
			}
			return out
		}
	}
	return zh
}

func (w writer) known(words map[string]string, zh string) string {
	if en := words[zh]; w.lang == En && en != "" {
		return en
	}
	return zh
}

var nextEn = map[string]string{
	"导入同类专利的成交合同、登记备案或拍卖记录": "bring in contracts, filings or auction records of like patents", "导入已成交交易并运行校准": "bring in closed deals and run the calibration",
	"导入该专利，或在请求中提供题名、摘要、权利要求和分类号": "bring the patent in, or give its title, abstract, claims and classes", "提供专利号或专利类型": "give the number or the kind of the patent",
	"提供产品收入、增长率和许可费率或行业": "give revenue of the product, its growth, and a royalty rate or the industry", "提供同族信息": "give its family", "提供权利人名称或类型（高校、科研院所、企业、个人）": "give the owner's name or kind (university, institute, company, individual)",
	"提供权利要求书": "give the claims", "提供生效判决，或宣告无效决定已被撤销的证明": "give the final judgment, or proof that the invalidation was set aside", "提供申请日": "give the filing date",
	"提供研发投入、申请费用和贬值因素": "give cost of development, filing fees and obsolescence", "提供著录项目": "give its bibliographic data", "查询登记簿": "ask the register", "查询登记簿或导入法律状态公告": "ask the register, or bring in its legal events",
	"核对各方法的输入，由评估人员选定方法并说明理由": "check the inputs of each approach; the valuer chooses one and says why", "由经办机构填写变现概率": "the institution gives the chance of sale", "补充主 IPC 分类号": "give the main IPC class",
	"补充权利要求书、说明书全文或人工评分": "give claims, the full description, or an officer's scores", "说明拟以何种方式成交，并提供挂牌公告、意向书或买方": "say how it is to be sold, with the listing, letter of intent or buyer",
	"说明是发明、实用新型还是外观设计": "say whether it is an invention, a utility model or a design", "说明自用、许可、防御或出售": "say whether it is for own use, licence, defence or sale", "提供买方的收入预测及其依据": "give the buyer's forecast of revenue and what it rests on",
	"提供实际损失、侵权获利或可参照的许可使用费": "give actual loss, infringer's gain or a royalty to compare", "提供许可合同的金额、期限与付款日程": "give amounts, terms and payment dates of the licence contracts", "核对收入、许可费率与成本": "check revenue, royalty rate and cost",
	"补充估值所需资料": "give what the valuation needs",
}

var indicatorEn = map[string]string{
	"与最接近现有技术的距离": "distance from the closest prior art", "专利类型及法律状态": "kind and legal state", "举证难度": "difficulty of proof", "产品收入/实施": "revenue or use", "价值链位置": "place in the value chain", "供求关系": "supply and demand",
	"依赖度": "dependence", "侵权判定": "finding infringement", "侵权可判定性": "whether infringement can be found", "侵权可观察性": "whether infringement can be seen", "保护范围": "scope of protection", "先进性": "advance", "共有、许可、质押、保全": "co-ownership, licences, pledges, seizures",
	"创新性": "novelty", "剩余法定寿命": "legal life left", "剩余经济寿命": "economic life left", "地域保护（同族）": "territory (family)", "对在先专利的依赖": "dependence on earlier patents", "对配套技术的依赖": "dependence on other technology", "小类申请增长": "growth of filings in the subclass",
	"市场容量": "market capacity", "市场应用情况": "use in the market", "市场规模与增长": "size and growth of the market", "市场风险": "market risk", "应用范围": "range of use", "应用领域": "fields of use", "开创或改进": "pioneering or improving", "成熟度": "maturity", "成熟度（TRL）": "maturity (TRL)",
	"所属领域": "field", "技术价值": "technical value", "技术先进性": "technical advance", "技术因素": "technical factors", "技术开发": "development", "技术成熟度": "technical maturity", "技术替代性": "substitutes", "技术独立性": "technical independence", "技术适用范围": "technical range",
	"技术防御力": "technical defence", "技术领域发展态势": "trend of the field", "技术风险": "technical risk", "整合风险": "integration risk", "无效及复审历史": "invalidations and re-examinations", "替代技术": "alternative technology", "替代方案数量": "number of alternatives", "替代风险": "risk of substitution",
	"权利人商业化能力": "owner's power to commercialise", "权利人经营情况": "owner's business", "权利保护范围": "scope of the right", "权利有效且归属清楚": "in force and clearly owned", "权利稳定性": "stability of the right", "权利要求结构": "structure of the claims", "权利风险": "legal risk",
	"法律价值": "legal value", "法律因素": "legal factors", "流动资金风险": "risk of working capital", "潜在竞争·投资及转换费用": "potential competition: investment and switching", "潜在竞争·规模经济": "potential competition: scale", "潜在竞争·销售网络": "potential competition: sales network",
	"独立权利要求宽度": "breadth of the independent claim", "现有竞争": "present competition", "生命周期阶段": "stage of the life cycle", "相对现有技术的效果": "effect against the prior art", "竞争态势": "competition", "竞争者与集中度": "competitors and concentration", "管理风险": "management risk",
	"经济价值": "economic value", "经济因素": "economic factors", "融资风险": "financing risk", "规避设计难度": "difficulty of designing around", "许可转让记录": "licences and assignments on record", "说明书支持与充分公开": "support and sufficiency of the description", "质量管理": "quality management", "资金风险": "financial risk",
	"转化风险": "risk of transfer", "销售服务": "sales and service",
}

type groundEn struct {
	re *regexp.Regexp
	en string
}

var groundsEn = func() (out []groundEn) {
	for zh, en := range map[string]string{
		"公告记录中无质押、保全、许可，权利单独所有。": "no pledge, seizure or licence in the gazette; solely owned.", "公告记录中无转让、许可。": "no assignment or licence in the gazette.", "剩余法定保护期 % 年。": "% years of legal protection left.",
		"同小类申请下降，处于衰退期。": "filings in the subclass fall: in decline.", "同小类申请增长，处于成长期。": "filings in the subclass grow: growing.", "同小类申请平稳，处于成熟期。": "filings in the subclass are steady: mature.",
		"同小类近三年 % 个申请人，人均 % 件。": "% applicants in the subclass in three years, % filings each.", "同小类近三年在库申请 % 件，前三年 % 件。": "% filings in the subclass in three years, % in the three before.", "同族覆盖 % 个局。": "family at % offices.",
		"处于财产保全。": "under seizure.", "已办理质押登记。": "pledged.", "无效宣告请求正在审理。": "a request for invalidation is pending.", "无无效宣告记录，权利未经检验。": "never challenged: untested.", "曾被宣告部分无效。": "once invalidated in part.", "曾被请求无效宣告，权利维持有效。": "once challenged and upheld.",
		"有备案的实施许可。": "a licence is on record.", "权利共有。": "co-owned.", "权利要求 % 项。": "% claims.", "涉及 % 个 IPC 小类。": "% IPC subclasses.", "转让 % 次、许可备案 % 次。": "% assignments, % licences on record.",
	} {
		out = append(out, groundEn{regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(zh), "%", `([0-9.,]+)`) + "$"), en})
	}
	return out
}()
