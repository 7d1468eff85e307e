package deskfile

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"zhijia/internal/patent"
)

// What a cell on the state of a right says of pledge, preservation,
// invalidation and exclusive licence: y, n, - for what it does not say; then
// the standing. "?" is a cell that was not understood.
func TestRegisterGrammar(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"无": "nnnn", "均无": "nnnn", "无任何权利负担": "nnnn", "不存在他项权利": "nnnn", "没有": "nnnn",
		"无质押、保全、无效、许可": "nnnn", "无质押/保全/无效/许可": "nnnn", "质押、保全、无效、许可均无": "nnnn", "质押、保全：无": "nn--", "无质押、无保全": "nn--", "未质押且未查封": "nn--",
		"质押：无；保全：有": "ny--", "无质押;有保全": "ny--", "质押": "y---", "已质押": "y---", "已质押给建行": "y---", "质押（建设银行苏州分行）": "y---", "质押登记 Y2024980012345": "y---",
		"质押已解除": "n---", "已解除质押": "n---", "质押登记已注销": "n---", "专利权质押合同登记的注销": "n---", "专利权质押合同登记的生效": "y---", "质押（已解除）": "n---", "质押未解除": "y---", "质押尚未注销": "y---", "质押终止": "n---",
		"专利权的保全": "-y--", "专利权保全的解除": "-n--", "查封": "-y--", "轮候查封": "-y--", "司法冻结已解除": "-n--", "未被查封": "-n--", "无查封、冻结": "-n--",
		"无效宣告请求": "--y-", "被请求无效": "--y-", "未被提起无效宣告": "--n-", "独占许可": "---y", "普通许可": "---n", "独占许可;无质押、保全": "nn-y", "专利实施许可合同备案的注销": "---n",
		"有效": "----alive", "授权": "----alive", "正常": "----alive", "专利权维持": "----alive", "有效，无质押": "n---alive", "授权;质押": "y---alive",
		"失效": "----dead", "未缴年费终止失效": "----dead:fee_unpaid", "专利权的终止(未缴年费专利权终止)": "----dead:fee_unpaid", "专利权有效期届满": "----dead:expired", "已宣告全部无效": "----dead:invalidated", "无效": "----dead:invalidated", "专利权的主动放弃": "----dead:abandoned", "无权": "----dead",
		"专利权部分无效": "----partly", "实质审查的生效": "----pending", "未失效": "----alive", "未被宣告无效": "----", "审中": "----pending",
		"因权属纠纷中止程序": "-y--", "曾质押，现已注销": "n---", "曾被查封；已解除": "-n--", "已质押，尚未解除": "y---", "未质押，未查封，未被请求宣告无效，未许可他人": "nnnn", "国家知识产权局已受理无效宣告请求": "--y-", "无效请求审查中": "--y-", "专利权的恢复": "----alive",
		"无效宣告请求已被驳回": "--n-", "驳回无效宣告请求": "--n-", "无效宣告请求撤回;有效": "--n-alive", "他项权利：质押": "y---", "他项权利：无": "nnnn", "无/无/无/无": "nnnn", "在押": "y---", "未在押": "n---", "已解押": "n---", "未解押": "y---", "已解封": "-n--", "查封未解冻": "?",
		"有权-审定授权": "----alive", "失效-未缴年费": "----dead:fee_unpaid", "失效-全部无效": "----dead:invalidated", "避重放弃": "----dead:abandoned", "有效期限届满": "----dead:expired", "状态：有效": "----alive",
		"质押：已质押": "y---", "是否质押：否，是否查封：否，是否涉无效：否，是否许可：否": "nnnn", "质押状态：未质押；保全状态：无；无效状态：无；许可状态：无": "nnnn", "质押(无) 保全(无) 无效(无) 许可(普通许可)": "nnnn", "无权利限制": "nnnn", "无他项权登记": "nnnn", "已办理质押登记": "y---", "质押登记已办理注销手续": "n---",
		"未发现质押、查封、无效及许可记录": "nnnn", "经查询登记簿，均无": "nnnn", "登记簿显示无质押、查封、无效、许可": "nnnn", "既无质押又无查封": "nn--", "无质押但有查封": "ny--", "质押已解除（建行），现质押给工行": "y---", "无争议、无质押、无查封": "nn--", "无权属纠纷": "----", "权属纠纷": "-y--", "已质押（工商银行，登记号Y2024110000123）": "y---",
		"无效宣告决定：权利要求1-3无效，在权利要求4-10基础上维持有效": "----partly", "部分权利要求被宣告无效": "----partly", "正常，无质押，无冻结，无诉讼": "nn--alive", "Active": "----alive", "Expired - fee related": "----dead", "等待颁证公告": "----pending",
		"保全期限届满": "?", "尚未查询": "----", "无质押；查封情况待查询": "n---", "有争议": "?", "涉诉": "?", "未必质押": "?", "质押次数不详；涉诉": "?",
		// not understood, or understood to say nothing sure
		"未缴年费": "?", "质押到期": "?", "质押（已到期）": "?", "质押已结清": "?", "有效；诉讼中": "?", "无；诉讼中": "?", "质押登记申请被驳回": "?", "驳回质押": "?", "无效宣告请求未受理": "?", "无，查封": "?",
		"曾质押": "?", "拟质押": "?", "可能存在质押": "?", "质押办理中": "?", "无质押，查封": "?", "质押情况见卷宗": "?", "不无质押": "?", "有效;失效": "?", "质押已解除;质押": "?", "即将届满": "?", "质押给甲后又还清": "?", "无质押解除": "?", "看情况": "?", "没有不质押": "?",
	} {
		got := readRegister(text, "", false)
		if s := spell(got); s != want {
			t.Errorf("%s: %s, want %s", text, s, want)
		}
	}
	if got := readRegister("授权;质押", "", true); got.pledged != "" {
		t.Errorf("an event that a vendor lists may have ended: %+v", got)
	}
}

func spell(r registered) string {
	if r.unread {
		return "?"
	}
	var s strings.Builder
	for _, x := range []patent.Truth{r.pledged, r.preserved, r.challenged, r.licensed} {
		s.WriteString(map[patent.Truth]string{patent.Yes: "y", patent.No: "n", "": "-"}[x])
	}
	s.WriteString(string(r.standing))
	if r.ended != "" {
		s.WriteString(":" + r.ended)
	}
	if r.partly {
		s.WriteString("partly")
	}
	return s.String()
}

const (
	firstOwner  = "苏州清越新材料股份有限公司"
	secondOwner = "浙江大学"
	thirdOwner  = "苏州大学"
)

// consentOf is what a cell comes to for owners: the answer of the ground.
func consentOf(cell string, owners ...string) patent.Outcome {
	said := readConsent(cell, owners)
	f := patent.PledgeFacts{State: patent.State{Owners: owners}, Pledgors: owners, Debtor: firstOwner, CoOwnerConsent: said.all, Consents: said.each, Agreement: said.agreement}
	if said.none {
		f.SoleOwner = patent.Yes
	}
	return patent.CheckPledge(f).Findings[7].Outcome
}

// Every named co-owner needs a yes of his own, in words that say yes and
// nothing else.
func TestConsentGrammar(t *testing.T) {
	t.Parallel()
	two := []string{firstOwner, secondOwner}
	three := []string{firstOwner, secondOwner, thirdOwner}
	for cell, want := range map[string]patent.Outcome{
		"浙江大学;Y": patent.Clear, "浙江大学 Y": patent.Clear, "浙江大学：同意": patent.Clear, "浙江大学已书面同意": patent.Clear, "浙江大学（同意）": patent.Clear, "浙江大学;是": patent.Clear, "浙江大学;y": patent.Clear, "浙江大学 √": patent.Clear,
		"浙江大学已出具同意书": patent.Clear, "已取得浙江大学书面同意": patent.Clear, "浙江大学-Y": patent.Clear, "浙江大学=同意": patent.Clear, "未取得浙江大学书面同意": patent.Met, "需浙江大学同意": patent.Open, "经浙江大学同意": patent.Open, "无需浙江大学同意": patent.Open, "Y": patent.Clear, "同意": patent.Clear, "全体共有人均同意": patent.Clear, "浙江大学，同意质押": patent.Clear, "浙江大学：同意，已盖章": patent.Clear, "浙江大学：已出具《同意函》": patent.Clear, "浙江大学：同意为" + firstOwner + "的借款提供质押担保": patent.Clear, "共有人：无": patent.Open, "浙江大学：同意质押给建设银行": patent.Open, "浙江大学同意（2026-10-01）": patent.Clear,
		"浙江大学;N": patent.Met, "浙江大学不同意": patent.Met, "浙江大学没有同意": patent.Met, "浙江大学：未同意": patent.Met, "浙江大学拒绝": patent.Met, "浙江大学反对": patent.Met, "浙江大学拒绝同意": patent.Met, "浙江大学尚未取得书面同意": patent.Met, "N": patent.Met, "浙江大学 否": patent.Met,
		"": patent.Open, "无": patent.Open, "-": patent.Open, "同上": patent.Open, "详见附件": patent.Open, "浙江大学": patent.Open, "浙江大学：待同意": patent.Open, "浙江大学：不反对": patent.Open, "浙江大学并非不同意": patent.Open, "浙江大学拟同意": patent.Open,
		"浙江大学：待董事会通过后同意": patent.Open, "浙江大学原则上同意": patent.Open, "浙江大学口头同意": patent.Open, "浙江大学部分同意": patent.Open, "浙江大学同意后撤回": patent.Open, "浙江大学曾同意": patent.Open, "浙江大学同意，但需学校批准": patent.Open, "浙江大学同意;撤回": patent.Open,
		"浙江大学如期同意": patent.Open, "浙江大学同意其一": patent.Open, "按共有协议可单独质押（2025-03-01，附协议）": patent.Open, "苏州大学;Y": patent.Open, "浙江大学是否同意": patent.Open, "Tsinghua University": patent.Open,
	} {
		if got := consentOf(cell, two...); got != want {
			t.Errorf("two owners, %q: %s, want %s", cell, got, want)
		}
	}
	for cell, want := range map[string]patent.Outcome{
		"浙江大学;Y;苏州大学;Y": patent.Clear, "浙江大学同意；苏州大学同意": patent.Clear, "浙江大学同意，苏州大学同意": patent.Clear, "浙江大学、苏州大学均同意": patent.Clear, "全体共有人同意": patent.Clear,
		"浙江大学;Y;苏州大学": patent.Open, "浙江大学;苏州大学;Y": patent.Open, "浙江大学、苏州大学;Y": patent.Open, "Y": patent.Open, "同意": patent.Open, "除苏州大学外均同意": patent.Open, "多数共有人同意": patent.Open,
		"浙江大学;Y;苏州大学;N": patent.Met, "浙江大学同意，苏州大学不同意": patent.Met,
	} {
		if got := consentOf(cell, three...); got != want {
			t.Errorf("three owners, %q: %s, want %s", cell, got, want)
		}
	}
	if got := consentOf("Tsinghua University", firstOwner, "Tsinghua University"); got != patent.Open {
		t.Errorf("a name that ends in y: %s", got)
	}
	if got := consentOf("Tsinghua University;Y", firstOwner, "Tsinghua University"); got != patent.Clear {
		t.Errorf("a name that ends in y, and a yes: %s", got)
	}
}

var consentWords = []string{"同意", "已同意", "书面同意", "已书面同意", "同意质押", "同意出质", "已出具同意函", "Y", "是"}

// A negation, condition or doubt before a consent, or one behind it, never
// leaves a yes.
func TestConsentIsNeverYesBehindANegation(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{secondOwner, "北京同意科技有限公司", "Tsinghua University", "某某（苏州）有限公司", "张三"}).Draw(t, "name")
		joint := rapid.SampledFrom([]string{"", ":", "：", " ", "（", ";"}).Draw(t, "joint")
		consent := rapid.SampledFrom(consentWords).Draw(t, "consent")
		doubt := rapid.SampledFrom([]string{"不", "未", "没有", "尚未", "并未", "待", "拟", "暂未", "拒绝", "不再", "非", "从未", "如获批准", "视情况", "原则上", "曾", "部分", "口头", "若银行", "经董事会批准后", "否认"}).Draw(t, "doubt")
		cell := name + joint + doubt + consent
		if rapid.Bool().Draw(t, "behind") {
			cell = name + joint + consent + rapid.SampledFrom([]string{"，后撤回", "（已撤回）", "但有条件", "，不含许可", "一半", "吗", "？待定", "；作废", "的可能", "已过期"}).Draw(t, "after")
		}
		if got := consentOf(cell, firstOwner, name); got == patent.Clear {
			t.Fatalf("%s: a yes", cell)
		}
	})
}

// Characters that no word of the grammar holds, put anywhere in a cell, never
// leave an answer.
func TestWhatIsNotUnderstoodIsUnknown(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cell := []rune(rapid.SampledFrom([]string{"无", "无质押、保全、无效、许可", "质押已解除", "有效", "未质押", "专利权部分无效", "失效", "查封"}).Draw(t, "cell"))
		at := rapid.IntRange(0, len(cell)).Draw(t, "at")
		strange := rapid.SampledFrom([]string{"鲲", "嘉", "xyz", "驷马", "7"}).Draw(t, "strange")
		text := string(cell[:at]) + strange + string(cell[at:])
		if got := readRegister(text, "", false); got != (registered{unread: true}) {
			t.Fatalf("%s: %+v", text, got)
		}
	})
}

func FuzzCells(f *testing.F) {
	f.Add("无质押、保全 2026-11-01")
	f.Add("浙江大学;Y;(((")
	f.Add("E11：双方知悉无效程序并坚持登记")
	f.Fuzz(func(t *testing.T, text string) {
		r := readRegister(text, "", false)
		if r.unread && r != (registered{unread: true}) {
			t.Fatalf("%q: %+v", text, r)
		}
		readConsent(text, []string{firstOwner, secondOwner})
		readDeclaration(text)
		readNames(text, firstOwner)
	})
}

func TestNamesOfOwners(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"甲公司;乙大学": "甲公司|乙大学", "甲公司，乙大学": "甲公司|乙大学", "甲公司、乙大学": "甲公司|乙大学", "甲公司 乙大学": "甲公司|乙大学", "甲公司和浙江大学": "甲公司|浙江大学", "甲公司及乙研究院": "甲公司|乙研究院", "甲公司 | 乙大学": "甲公司|乙大学", "甲公司,乙大学,": "甲公司|乙大学",
		"Sony Group Co., Ltd.": "Sony Group Co., Ltd.", "A Inc.; B University": "A Inc.|B University", "和利时科技有限公司": "和利时科技有限公司", "深圳和顺科技有限公司": "深圳和顺科技有限公司", "张三": "张三", "张三、李四": "张三|李四", "1.甲公司 2.乙大学": "甲公司|乙大学",
		"甲公司（60%）；乙大学(40%)": "甲公司|乙大学", "-": "", "无": "", "甲公司;-": "甲公司", "张三和李四": "张三|李四",
		"甲公司&乙大学": "甲公司|乙大学", "A Co., Ltd. and B University": "A Co., Ltd.|B University", "甲公司——乙大学": "甲公司|乙大学", "AT&T公司": "AT&T公司", "张三+李四": "张三|李四",
		"同上": "?", "详见附件": "?", "浙江大学等3人": "浙江大学?", "甲和浙江大学": "甲和浙江大学?", "浙江大学等": "浙江大学?",
	} {
		names, doubt := readNames(text)
		got := strings.Join(names, "|")
		if doubt {
			got += "?"
		}
		if got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestDeclarations(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"E11：双方知悉无效程序并坚持登记": "E11", "E11:当事人已知晓无效宣告程序，仍同意办理质押登记": "E11", "E10：没有同日申请": "twin no", "E10：无同日申请": "twin no", "E10：不存在同样的发明创造": "twin no", "E10：存在同日申请": "twin yes", "E10：双方知悉同日申请，仍同意办理质押登记": "E10 twin yes", "E11：未被提起无效宣告": "challenged no",
		"E11：质权人不同意继续办理": "?", "E11：出质人知悉并同意继续办理": "?", "E11：质权人知悉无效程序并坚持登记": "?", "E11：质权人、出质人知悉无效程序并坚持登记": "E11", "E11：未涉及无效宣告程序": "challenged no", "E11：双方不知悉": "?", "E11：见附件": "?", "双方知悉": "?", "E11：Y": "?", "E11：知悉": "?", "E11：双方知悉无效程序，银行尚在研究": "?", "E10：可能有同日申请": "?", "E10：确认存在同日申请": "twin yes", "E10：同意": "?", "E11：承诺知悉无效程序": "?", "E10：同日申请已放弃": "?",
	} {
		d := readDeclaration(text)
		var got []string
		for _, code := range []string{"E10", "E11"} {
			if d.statements[code] != "" {
				got = append(got, code)
			}
		}
		if d.twin != "" {
			got = append(got, "twin "+string(d.twin))
		}
		if d.challenged != "" {
			got = append(got, "challenged "+string(d.challenged))
		}
		if d.unread {
			got = append(got, "?")
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s: %s, want %s", text, s, want)
		}
	}
}

// What a cell says of the contract's five elements: the letters of those it
// states, "-" for a cell that does not tell, "?" for one not understood.
func TestContractElements(t *testing.T) {
	t.Parallel()
	letters := map[string]string{"parties": "p", "debt": "d", "period": "t", "patents": "n", "scope": "s"}
	for text, want := range map[string]string{
		"齐全": "pdtns", "五项要素齐全": "pdtns", "合同已签订，要素完整": "pdtns", "符合第八条": "pdtns", "无缺项": "pdtns", "当事人名称和地址、债权种类和数额、履行期限、专利清单、担保范围": "pdtns", "已载明当事人、主债权、债务期限、专利号、担保范围": "pdtns",
		"缺担保范围": "pdtn", "未约定质押担保的范围": "pdtn", "缺少债权数额和履行期限": "pns", "已写明当事人、专利清单，缺担保范围": "pdtn", "没有写明专利号": "pdts",
		"": "-", "-": "-", "未签订": "-", "尚未签订": "-", "质押合同 2026-11-01": "-", "(2026)质字0012号": "-",
		"齐全，缺担保范围": "?", "不齐全": "?", "基本齐全": "?", "应当齐全": "?", "缺": "?", "缺项": "?", "详见附件": "?", "当事人、债权": "?", "已写明担保范围，缺担保范围": "?", "没有齐全": "?", "待补": "?", "未签订，齐全": "?", "Y": "?",
	} {
		states, unread := readContract(text)
		got := ""
		for _, f := range states {
			got += letters[f]
		}
		if unread {
			got += "?"
		} else if states == nil {
			got = "-"
		}
		if got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
