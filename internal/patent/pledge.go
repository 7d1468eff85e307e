package patent

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"zhijia/internal/calendar"
)

// Severity says what a ground for refusing a pledge does to the case.
type Severity string

// Severities.
const (
	Block  Severity = "BLOCK"  // the registration will be refused
	Warn   Severity = "WARN"   // a declaration of the parties clears it
	Review Severity = "REVIEW" // for a person to decide
)

// Ground is one of the statutory grounds on which the office refuses to
// register a patent pledge (专利权质押登记办法, CNIPA announcement 461 of 2021).
type Ground struct {
	Code     string   `json:"code"`
	Severity Severity `json:"severity"`
	Zh       string   `json:"zh"`
	En       string   `json:"en"`
}

// Grounds are the twelve, in order.
var Grounds = []Ground{
	{"E01", Block, "出质人与专利登记簿记载的专利权人不一致", "The pledgor is not the owner in the register."},
	{"E02", Block, "专利权已终止或已被宣告无效", "The right has ended or was declared invalid."},
	{"E03", Block, "专利申请尚未授权", "The application has not been granted."},
	{"E04", Block, "未按规定缴纳年费", "Annual fees are in arrears."},
	{"E05", Block, "权属纠纷中止或法院保全", "Proceedings are suspended over ownership, or a court has preserved the right."},
	{"E06", Block, "债务履行期限超过专利权有效期", "The debt runs beyond the term of the patent."},
	{"E07", Block, "质押合同缺少第八条要求的内容", "The contract lacks an element that article 8 requires."},
	{"E08", Block, "共有专利未取得全体共有人同意", "Not every co-owner has agreed."},
	{"E09", Block, "已办理质押登记且在质押期间", "A pledge is already registered and in force."},
	{"E10", Warn, "同一申请人同日就同样的发明创造另申请了发明专利", "The applicant filed the same invention on the same day as the other kind."},
	{"E11", Warn, "专利权已被启动无效宣告程序", "An invalidation is pending."},
	{"E12", Review, "其他不符合出质条件", "Another condition is not met."},
}

// ContractFields are what article 8 requires a pledge contract to state.
var ContractFields = []string{"parties", "debt", "period", "patents", "scope"}

var contractZh = map[string]string{
	"parties": "当事人名称和地址", "debt": "被担保债权的种类和数额", "period": "债务人履行债务的期限",
	"patents": "专利权项数及每项的名称、专利号、申请日、授权公告日", "scope": "质押担保的范围",
}

// PledgeFacts are the case: the patent's state on the day it is decided and
// what the parties state. A field left empty is not known.
type PledgeFacts struct {
	State  State         `json:"state"`
	Ended  calendar.Date `json:"ended,omitzero"` // the parties say that the right had ended by this day; zero: the register's word
	Expiry calendar.Date `json:"expiry"`         // the right has ended on this day; see [Expiry]
	Fees   FeeState      `json:"fees"`

	Pledgors       []string      `json:"pledgors,omitempty"`
	Maturity       calendar.Date `json:"maturity"`                   // last day of the debt
	Contract       []string      `json:"contract,omitempty"`         // of [ContractFields], those the contract states; nil: no contract seen
	CoOwnerConsent Truth         `json:"co_owner_consent,omitempty"` // of all of them together
	Consents       []Consent     `json:"consents,omitempty"`         // of each that is named
	Agreement      bool          `json:"agreement,omitempty"`        // the co-owners are said to have agreed otherwise (article 4)
	SoleOwner      Truth         `json:"sole_owner,omitempty"`       // what the parties say: there is no co-owner
	Debtor         string        `json:"debtor,omitempty"`           // an owner who is the debtor pledges himself
	Kind           Kind          `json:"kind,omitempty"`             // E10 concerns utility models; empty: not known
	Twin           Truth         `json:"twin,omitempty"`             // same-day application of an invention by the same applicant
	TwinNumber     string        `json:"twin_number,omitempty"`
	Challenged     Truth         `json:"challenged,omitempty"` // invalidation, as the parties or the office state; the gazette does not
	Other          string        `json:"other,omitempty"`      // E12: what an officer found; "none" when nothing

	// Conflicts hold what contradicts a ground's clear answer, by its code, in
	// Chinese: the ground is then open, for that reason.
	Conflicts map[string]string `json:"conflicts,omitempty"`

	// Declarations hold the statement that clears a ground, by code. Only E10
	// and E11 can be cleared.
	Declarations map[string]string `json:"declarations,omitempty"`
}

// Consent is what one co-owner said to the pledge. Said is empty when that is
// not known; Party is empty when the co-owner is not named.
type Consent struct {
	Party string `json:"party,omitempty"`
	Said  Truth  `json:"said,omitempty"`
	Text  string `json:"text,omitempty"` // as written
}

// Outcome is what became of one ground.
type Outcome string

// Outcomes.
const (
	Clear    Outcome = "clear"    // the ground does not apply
	Met      Outcome = "met"      // the ground applies
	Declared Outcome = "declared" // it applies and a declaration clears it
	Open     Outcome = "unknown"  // facts are missing
)

// Finding is one ground answered.
type Finding struct {
	Ground
	Outcome  Outcome `json:"outcome"`
	Reason   string  `json:"reason,omitempty"`   // Chinese: the facts behind the answer
	Supply   string  `json:"supply,omitempty"`   // Chinese: what to bring when it is unknown or met
	Declared string  `json:"declared,omitempty"` // the declaration
}

// PledgeAnswer sums the grounds up: whether a pledge is registered.
type PledgeAnswer string

// Answers, the gravest first.
const (
	Refused    PledgeAnswer = "refused"    // 不予受理
	Supplement PledgeAnswer = "supplement" // 补充材料
	Refer      PledgeAnswer = "review"     // 人工复核
	Eligible   PledgeAnswer = "eligible"   // 可受理
)

// Zh returns the verdict in Chinese.
func (v PledgeAnswer) Zh() string {
	switch v {
	case Refused:
		return "不予受理"
	case Supplement:
		return "补充材料"
	case Refer:
		return "人工复核"
	}
	return "可受理"
}

// Eligibility answers whether a pledge can be registered.
type Eligibility struct {
	Verdict  PledgeAnswer `json:"verdict"`
	Zh       string       `json:"zh"`
	Findings []Finding    `json:"findings"`
}

// CheckPledge answers the twelve grounds in order. What is not known is
// answered unknown with what to supply, never as "no".
func CheckPledge(f PledgeFacts) Eligibility {
	e := Eligibility{Verdict: Eligible}
	tests := [...]func(*PledgeFacts, *Finding){
		ownerTest, endedTest, grantTest, feeTest, seizureTest, termTest, contractTest, consentTest, secondPledgeTest, twinTest, challengeTest, otherTest,
	}
	rank := map[PledgeAnswer]int{Refused: 0, Supplement: 1, Refer: 2, Eligible: 3}
	for i, test := range tests {
		x := Finding{Ground: Grounds[i], Outcome: Clear}
		test(&f, &x)
		if why := f.Conflicts[x.Code]; why != "" && (x.Outcome == Clear || x.Outcome == Open) {
			x.open(registerCopy, why)
		}
		if text := strings.TrimSpace(f.Declarations[x.Code]); x.Severity == Warn && text != "" && x.Outcome != Clear {
			x.Outcome, x.Declared, x.Supply = Declared, text, ""
		}
		v := Eligible
		switch {
		case x.Outcome == Met && x.Severity == Block:
			v = Refused
		case (x.Outcome == Met || x.Outcome == Open) && x.Severity == Review:
			v = Refer
		case x.Outcome == Met || x.Outcome == Open:
			v = Supplement
		}
		if rank[v] < rank[e.Verdict] {
			e.Verdict = v
		}
		e.Findings = append(e.Findings, x)
	}
	e.Zh = e.Verdict.Zh()
	return e
}

func (x *Finding) met(supply, format string, args ...any) {
	x.Outcome, x.Supply, x.Reason = Met, supply, fmt.Sprintf(format, args...)
}

func (x *Finding) open(supply, reason string) {
	x.Outcome, x.Supply, x.Reason = Open, supply, reason
}

const registerCopy = "专利登记簿副本"

func ownerTest(f *PledgeFacts, x *Finding) {
	switch {
	case len(f.State.Owners) == 0:
		x.open(registerCopy, "库中没有登记簿记载的专利权人")
	case len(f.Pledgors) == 0:
		x.open("出质人名称", "未说明出质人")
	case !SameParties(f.Pledgors, f.State.Owners):
		former := ""
		for _, n := range f.State.Former {
			if slices.ContainsFunc(f.Pledgors, func(p string) bool { return SameName(p, n.Name) }) {
				former += fmt.Sprintf("（%s是%s至%s的曾用名）", n.Name, n.Now, n.Until)
			}
		}
		x.met("由登记的专利权人以现用名称出质，或先办理著录项目变更", "出质人为%s，登记簿记载为%s%s", strings.Join(f.Pledgors, "、"), strings.Join(f.State.Owners, "、"), former)
	}
}

func endedTest(f *PledgeFacts, x *Finding) {
	switch {
	case f.State.Standing == Dead && f.State.Reason == "invalidated" && !f.Ended.IsZero():
		x.met("", "来文称截至%s已被宣告全部无效（对决定不服的，可自收到通知之日起三个月内起诉）", f.Ended)
	case f.State.Standing == Dead && f.State.Reason == "invalidated":
		x.met("", "已于%s被宣告全部无效（对决定不服的，可自收到通知之日起三个月内起诉）", f.State.Since)
	case f.State.Standing == Dead && !f.Ended.IsZero():
		x.met("", "来文称截至%s已失效，原因：%s", f.Ended, cmp.Or(reasonZh(f.State.Reason), "未说明"))
	case f.State.Standing == Dead:
		x.met("", "自%s起失效，原因：%s", f.State.Since, cmp.Or(reasonZh(f.State.Reason), "未说明"))
	case !f.Expiry.IsZero() && !f.State.On.Before(f.Expiry):
		x.met("", "保护期于%s届满", f.Expiry)
	case f.State.Standing == Unknown:
		x.open(registerCopy, "是否已终止或被宣告无效未知：库中没有授权或失效公告")
	}
}

func reasonZh(reason string) string {
	if zh, ok := map[string]string{
		"fee_unpaid": "未缴年费终止", "expired": "期限届满", "abandoned": "主动放弃", "invalidated": "宣告无效",
		"withdrawn": "视为撤回", "refused": "驳回", "waived": "视为放弃取得专利权", "ended": "权利终止，原因未说明",
	}[reason]; ok {
		return zh
	}
	return reason
}

func grantTest(f *PledgeFacts, x *Finding) {
	switch {
	case !f.State.Granted.IsZero():
	case f.State.Standing == Pending:
		x.met("", "仍在审查中")
	default:
		x.open("授权公告或专利登记簿副本", "是否已授权未知：库中没有授权公告")
	}
}

func feeTest(f *PledgeFacts, x *Finding) {
	switch f.Fees.Status {
	case FeesGrace:
		x.met("补缴第"+fmt.Sprint(f.Fees.Year)+"年度年费及滞纳金的收据", "第%d年度年费应于%s前缴纳，%s", f.Fees.Year, f.Fees.Due, f.Fees.Zh)
	case FeesLapsed, FeesRestorable:
		x.met("恢复权利的证明", "第%d年度年费应于%s前缴纳，未见缴纳，%s", f.Fees.Year, f.Fees.Due, f.Fees.Zh)
	case FeesUnknown, "":
		x.open("最近一次年费缴费收据", "年费缴至年度未知：没有缴费记录")
	}
}

func seizureTest(f *PledgeFacts, x *Finding) {
	switch f.State.Preserved {
	case Yes:
		x.met("保全解除的公告", "专利权处于保全或权属纠纷中止中")
	case No:
	default:
		x.open(registerCopy, "是否有保全或权属纠纷未知：没有保全或中止的信息")
	}
}

func termTest(f *PledgeFacts, x *Finding) {
	switch {
	case f.Expiry.IsZero():
		x.open("申请日（专利登记簿副本）", "保护期未知")
	case f.Maturity.IsZero():
		x.open("债务到期日", "未说明债务履行期限")
	case !OutlivesDebt(f.Expiry, f.Maturity):
		supply := "将债务到期日改为不晚于" + f.Expiry.AddDays(-1).String()
		if !f.State.On.Before(f.Expiry) {
			supply = "更换押品" // no term is short enough
		}
		x.met(supply, "债务于%s到期，专利最后受保护日为%s", f.Maturity, f.Expiry.AddDays(-1))
	}
}

func contractTest(f *PledgeFacts, x *Finding) {
	if f.Contract == nil {
		x.open("质押合同", "未见质押合同")
		return
	}
	var absent []string
	for _, field := range ContractFields {
		if !slices.Contains(f.Contract, field) {
			absent = append(absent, contractZh[field])
		}
	}
	if len(absent) > 0 {
		x.met("补充合同条款："+strings.Join(absent, "；"), "合同缺少：%s", strings.Join(absent, "；"))
	}
}

func consentTest(f *PledgeFacts, x *Finding) {
	const paper = "全体共有人同意出质的书面文件"
	owners := f.State.Owners
	var refused, silent []string
	for _, c := range f.Consents {
		if c.Said == No {
			refused = append(refused, cmp.Or(c.Party, "共有人"))
		}
	}
	for _, owner := range owners {
		if f.Debtor != "" && SameName(owner, f.Debtor) {
			continue
		}
		if !slices.ContainsFunc(f.Consents, func(c Consent) bool { return c.Said == Yes && SameName(c.Party, owner) }) {
			silent = append(silent, owner)
		}
	}
	unnamed := slices.ContainsFunc(f.Consents, func(c Consent) bool { return c.Said == Yes && c.Party == "" })
	stranger := slices.IndexFunc(f.Consents, func(c Consent) bool {
		return c.Party != "" && !slices.ContainsFunc(owners, func(o string) bool { return SameName(c.Party, o) })
	})
	switch {
	case len(owners) == 0:
		x.open(registerCopy, "库中没有登记簿记载的专利权人，是否共有未知")
	case len(owners) > 1 && (f.CoOwnerConsent == No || len(refused) > 0):
		who := "来文称未全部同意"
		if len(refused) > 0 {
			who = strings.Join(refused, "、") + "不同意"
		}
		x.met(paper, "专利权人%d名，%s", len(owners), who)
	case stranger >= 0:
		x.open(registerCopy, fmt.Sprintf("%s不在专利权人（%s）之列，是否共有未知", f.Consents[stranger].Party, strings.Join(owners, "、")))
	case len(owners) == 1:
	case f.SoleOwner == Yes:
		x.open(paper, fmt.Sprintf("来文称无共有人，而专利权人有%d名：%s", len(owners), strings.Join(owners, "、")))
	case f.CoOwnerConsent == Yes, len(silent) == 0, f.Debtor == "" && len(silent) == 1 && len(f.Consents) > 0, unnamed && len(owners) == 2 && len(silent) == 1:
	case f.Agreement:
		x.open("共有人另有约定的书面协议（写明文件与日期）", fmt.Sprintf("专利权人%d名，来文称另有约定，未见协议", len(owners)))
	default:
		x.open(paper, fmt.Sprintf("专利权人%d名，未见%s同意", len(owners), strings.Join(silent, "、")))
	}
}

func secondPledgeTest(f *PledgeFacts, x *Finding) {
	switch f.State.Pledged {
	case Yes:
		if len(f.State.Pledges) == 0 { // stated, without a registration on file
			x.met("质押登记注销通知书", "来文称已质押，库中没有登记信息")
			return
		}
		p := f.State.Pledges[0]
		x.met("质押登记注销通知书", "登记号%s，质权人%s，%s起", p.Registration, p.Party, p.Since)
	case No:
	default:
		x.open(registerCopy, "是否已质押未知：没有质押信息")
	}
}

// twinTest asks whether the applicant of a utility model applied for the same
// invention on the same day (article 11, no. 10): of no other kind is it asked.
func twinTest(f *PledgeFacts, x *Finding) {
	switch {
	case f.Kind == Invention, f.Kind == Design:
	case f.Twin == Yes:
		x.met("当事人知悉同日申请并同意继续办理登记的声明", "%s", cmp.Or(f.TwinNumber, "来文称有"))
	case f.Twin == No:
	default:
		x.open("是否有同日申请的说明", "是否有同日申请未知：没有说明")
	}
}

func challengeTest(f *PledgeFacts, x *Finding) {
	switch {
	case f.State.Challenged == Yes || f.Challenged == Yes:
		x.met("当事人知悉无效宣告程序并同意继续办理登记的声明", "无效宣告请求已受理")
	case f.State.Challenged == No && f.Challenged != Yes, f.Challenged == No:
	default:
		x.open("是否被请求宣告无效的说明", "是否被请求宣告无效未知：公报不公布请求的提出")
	}
}

func otherTest(f *PledgeFacts, x *Finding) {
	if f.State.PartlyVoid {
		x.met("无效宣告请求审查决定，及维持有效的权利要求", "专利权已被宣告部分无效，须核对维持有效的权利要求")
		return
	}
	switch text := strings.TrimSpace(f.Other); text {
	case "none":
	case "":
		x.open("经办人核对意见", "须由经办人核对")
	default:
		x.met("", "%s", text)
	}
}
