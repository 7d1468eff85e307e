// Package pool is the mathematics of intellectual-property securitisation
// (知识产权证券化): rule tests, pool statistics, cash flow and waterfall,
// tranche sizing, revolving purchase, credit simulation, cash reconciliation,
// disclosure and the choice of assets.
//
// Start from [Deal], the plain value an arranger brings, and [Test]. Amounts
// are exact fen; probabilities and rates are decimals (0.05 is 5%). Default
// probabilities, recoveries and shadow ratings are inputs with a named source:
// the package issues no rating and no score of a borrower.
//
// Rule thresholds live in rules.json with their citations; formulas name their
// source where they stand.
package pool

import (
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/money"
	"zhijia/internal/patent"
)

// Fact is a yes, a no, or not known. The zero value is unknown, so a fact
// nobody supplied is never taken for a yes or a no.
type Fact string

// The three states of a [Fact].
const (
	Unknown Fact = ""
	Yes     Fact = "yes"
	No      Fact = "no"
)

// Class is the asset class that selects the rule set.
type Class string

// The asset classes of exchange guide no. 4.
const (
	Licence        Class = "licence"         // 专利许可费债权
	Receivable     Class = "receivable"      // 应收账款 / 供应链
	Lease          Class = "lease"           // 融资租赁债权
	SmallLoan      Class = "small_loan"      // 小额贷款债权
	CorporateClaim Class = "corporate_claim" // 企业融资债权
)

// Zh returns the class as people write it.
func (c Class) Zh() string {
	switch c {
	case Licence:
		return "专利许可费债权"
	case Receivable:
		return "应收账款债权"
	case Lease:
		return "融资租赁债权"
	case SmallLoan:
		return "小额贷款债权"
	case CorporateClaim:
		return "企业融资债权"
	}
	return string(c)
}

// Venue is the exchange whose wording of the IP label applies.
type Venue string

// The two exchanges.
const (
	SSE  Venue = "SSE"  // 上交所: share of cash flow
	SZSE Venue = "SZSE" // 深交所: share of assets
)

// Deal is everything an arranger brings: parties, receivables, patents and
// structure. A field left empty is unknown; the tests that need it say so.
type Deal struct {
	Name      string        `json:"name"`
	Label     string        `json:"label,omitempty"` // e.g. that the data are generated
	Venue     Venue         `json:"venue"`
	Class     Class         `json:"class"`
	CutOff    calendar.Date `json:"cut_off"`   // 初始基准日: statistics and schedules start here
	Closing   calendar.Date `json:"closing"`   // establishment of the plan; first interest day
	Generated bool          `json:"generated"` // true for invented data, shown wherever the deal is shown
	Parties   Parties       `json:"parties"`
	Facts     DealFacts     `json:"facts"`
	Obligors  []Obligor     `json:"obligors"`
	Assets    []Asset       `json:"assets"`
	Patents   []IP          `json:"patents"`
	Structure Structure     `json:"structure"`
	Waivers   []Waiver      `json:"waivers,omitempty"`
	Shelf     *Shelf        `json:"shelf,omitempty"`
	Credit    Credit        `json:"credit"`
	History   []HistoryRow  `json:"history,omitempty"` // of the same kind of assets, month by month before the cut-off

	// Days are the trading days known where the program runs; nil is what it
	// ships with. It is no part of the deal.
	Days *calendar.Working `json:"-"`
}

// Parties are the named roles of a plan.
type Parties struct {
	Originator string `json:"originator"`
	Manager    string `json:"manager"`
	Servicer   string `json:"servicer"`
	Custodian  string `json:"custodian"`
	Lawyer     string `json:"lawyer"`
	Appraiser  string `json:"appraiser"`
	Rater      string `json:"rater"`
}

// DealFacts are facts about the originator and the plan that the rules read.
type DealFacts struct {
	OriginatorYears      *float64   `json:"originator_years"`       // years in operation
	OriginatorNetAssets  *money.Fen `json:"originator_net_assets"`  // latest, yuan
	OriginatorProfitable Fact       `json:"originator_profitable"`  // last financial year
	OriginatorSound      Fact       `json:"originator_sound"`       // good standing, for a waiver
	ProceedsToIP         *float64   `json:"proceeds_to_ip"`         // share of proceeds used to acquire IP
	RelatedDisclosed     Fact       `json:"related_disclosed"`      // special disclosure of related-party cash flow
	ProviderDisclosed    Fact       `json:"provider_disclosed"`     // disclosure of important cash-flow providers
	CashRoute            string     `json:"cash_route"`             // "direct", "regulated" or "commingled"
	RouteOnlyToPlan      Fact       `json:"route_only_to_plan"`     // regulated account pays only the plan account
	CycleMonths          *float64   `json:"cycle_months"`           // collection transfer cycle
	ReinvestInPlan       Fact       `json:"reinvest_in_plan"`       // reinvestment only inside the plan account
	ReinvestEquity       Fact       `json:"reinvest_equity"`        // reinvestment touches equity products
	HistoryYears         *float64   `json:"history_years"`          // years of cash-flow history
	StaticPreWriteOff    Fact       `json:"static_pre_write_off"`   // default rates static and before write-offs
	ForecastDimensions   []string   `json:"forecast_dimensions"`    // of default, recovery, prepayment, yield
	StressDimensions     []string   `json:"stress_dimensions"`      // of default, recovery, revolving, yield
	StressCoverage       Fact       `json:"stress_coverage"`        // period coverage multiples reported
	ForecastReportWaived Fact       `json:"forecast_report_waived"` // the plan goes without a forecast report
	CashFlowsCertain     Fact       `json:"cash_flows_certain"`     // amounts and dates certain and few, conditions met
	VisibleToInvestors   Fact       `json:"visible_to_investors"`   // schedule shown to investors
	DisposalOnly         Fact       `json:"disposal_only"`          // cash only from disposing of the asset
	UncertainCash        Fact       `json:"uncertain_cash"`         // e.g. film box office
	MixedUnrelated       Fact       `json:"mixed_unrelated"`        // unrelated asset types in one pool
	LocalGovDebt         Fact       `json:"local_gov_debt"`         // adds to, or breaks the rules of, local-government debt

	SpecialOriginator      Fact `json:"special_originator"`       // 特定原始权益人; a revolving pool's always is
	SpecialOriginatorSound Fact `json:"special_originator_sound"` // no grave default, false disclosure or breach of law in three years
	LessorListed           Fact `json:"lessor_listed"`            // a listed company or its subsidiary of weight
	OriginatorDishonest    Fact `json:"originator_dishonest"`     // on a list of the dishonest and barred from raising money, in the last two years
}

// Obligor owes the receivables. Affiliates share a Group and count as one.
type Obligor struct {
	ID            string   `json:"id"`
	Name          string   `json:"name"`
	Group         string   `json:"group,omitempty"` // affiliation group; empty is the obligor alone
	NaturalPerson bool     `json:"natural_person,omitempty"`
	Region        string   `json:"region,omitempty"`
	Industry      string   `json:"industry,omitempty"`
	ShadowRating  string   `json:"shadow_rating,omitempty"` // supplied, with its source
	PD            *float64 `json:"pd"`                      // annual probability of default, supplied
	PDSource      string   `json:"pd_source,omitempty"`
	Related       Fact     `json:"related"`     // related to the originator
	Dishonest     Fact     `json:"dishonest"`   // on a list of the dishonest (失信被执行人、失信生产经营单位、其他失信单位)
	BadRecord     Fact     `json:"bad_record"`  // serious default, false disclosure
	WeakCredit    Fact     `json:"weak_credit"` // judged by the arranger, with evidence on file

	SubsidiaryDishonest Fact `json:"subsidiary_dishonest"` // an important subsidiary (30% of assets, net assets or revenue) is on such a list
}

func (o Obligor) group() string {
	if o.Group != "" {
		return "g:" + o.Group
	}
	return "o:" + o.ID
}

// Asset is one receivable.
type Asset struct {
	ID         string        `json:"id"`
	Obligor    string        `json:"obligor"`
	Kind       Class         `json:"kind"`
	Contract   string        `json:"contract,omitempty"`
	Principal  money.Fen     `json:"principal"` // outstanding at the cut-off, yuan
	Rate       float64       `json:"rate"`      // annual, simple, actual months/12
	Start      calendar.Date `json:"start"`
	Maturity   calendar.Date `json:"maturity"`
	Amortise   string        `json:"amortise"`        // "bullet", "level", "equal_principal", "schedule"
	EveryMonth int           `json:"every_months"`    // months between instalments: 1, 3, 6, 12
	Schedule   []Due         `json:"dues,omitempty"`  // for "schedule"
	Price      *money.Fen    `json:"price,omitempty"` // for a revolving purchase
	IPFormed   Fact          `json:"ip_formed"`       // IP income, or a claim formed by IP financing
	Performed  Fact          `json:"performed"`       // originator has performed
	NoDefence  Fact          `json:"no_defence"`      // no defence or set-off
	Overdue    *int          `json:"overdue_days"`    // 0 is not overdue; null is unknown
	Whole      Fact          `json:"whole_contract"`  // the whole contract is in the pool
	Online     Fact          `json:"online"`          // small loan made online
	Consumer   Fact          `json:"consumer"`        // online loan for consumption
	Patents    []string      `json:"patents,omitempty"`

	Unencumbered  Fact   `json:"unencumbered"`         // the claim and its cash are free of pledges and other limits
	LeaseEligible Fact   `json:"lease_eligible"`       // lease: the object may be leased, is disposable and of no public use
	LeaseForm     string `json:"lease_form,omitempty"` // 直租, 售后回租
	Enhancer      string `json:"enhancer,omitempty"`   // who stands behind the claim
	Security      string `json:"security,omitempty"`   // 抵质押
}

// Due is one contractual payment.
type Due struct {
	Date      calendar.Date `json:"date"`
	Principal money.Fen     `json:"principal"`
	Interest  money.Fen     `json:"interest"`
}

// IP is one patent (or other right) behind the receivables.
type IP struct {
	Number      string        `json:"number"`
	Title       string        `json:"title,omitempty"`
	Kind        patent.Kind   `json:"kind,omitempty"`
	Owner       string        `json:"owner,omitempty"`
	OwnerPerson bool          `json:"owner_person,omitempty"` // the owner is a natural person
	Family      string        `json:"family,omitempty"`
	Filed       calendar.Date `json:"filed"`
	Granted     calendar.Date `json:"granted"`
	Expires     calendar.Date `json:"expires"`
	State       string        `json:"state,omitempty"`          // "alive", "dead"; empty is what the register's word says, else unknown
	Register    string        `json:"registry_state,omitempty"` // the register's own word, by kind: see [RegistryStates]
	StateReason string        `json:"state_reason,omitempty"`   // why dead
	StateAsOf   calendar.Date `json:"state_as_of"`
	Registered  string        `json:"registered,omitempty"` // pledge or title registration
	Encumbrance []string      `json:"encumbrance"`          // "pledge", "exclusive_licence", "preservation"; null is unknown
	Consent     Fact          `json:"consent"`              // of the holder of the encumbrance
	OtherPool   string        `json:"other_pool,omitempty"` // a pool or pledge that already holds it
	LicenceUse  string        `json:"licence_use,omitempty"`
	Advancement string        `json:"advancement,omitempty"` // 技术先进性
	Benefit     string        `json:"benefit,omitempty"`     // 预期经济效益
	Value       *Value        `json:"value,omitempty"`
	Appraisal   *Appraisal    `json:"appraisal,omitempty"`
}

// Appraisal is an appraisal institution's value of a right.
type Appraisal struct {
	Institution string        `json:"institution"`
	Method      string        `json:"method"`
	Date        calendar.Date `json:"date"`
	ReportNo    string        `json:"report_no"`
	Yuan        float64       `json:"value"`
}

// Kinds of rights beside patents: 著作权、专利权、商标权以及相关专有权利 (指引第4号
// 第十七条).
const (
	Trademark    patent.Kind = "trademark"
	Copyright    patent.Kind = "copyright"
	LayoutDesign patent.Kind = "layout_design"
)

// RightKinds are the kinds of rights a pool may hold.
var RightKinds = []patent.Kind{patent.Invention, patent.UtilityModel, patent.Design, Trademark, Copyright, LayoutDesign}

// KindZh names a kind of right.
func KindZh(k patent.Kind) string {
	switch k {
	case Trademark:
		return "注册商标"
	case Copyright:
		return "著作权"
	case LayoutDesign:
		return "集成电路布图设计"
	case "":
		return ""
	}
	return k.Zh()
}

// RegistryState is one word of a register.
type RegistryState struct {
	Word  string
	Zh    string
	Alive Fact // Unknown: the word does not decide it
}

// RegistryStates are the words of the register of each kind of right: the patent
// register, the trademark register, the registers of works and software, the
// register of layout-designs.
var RegistryStates = map[patent.Kind][]RegistryState{
	patent.Invention: patentStates, patent.UtilityModel: patentStates, patent.Design: patentStates,
	Trademark: {
		{"registered", "已注册", Yes},
		{"renewed", "已续展", Yes},
		{"non_use_pending", "撤三审理中", Yes},
		{"invalidation_pending", "无效宣告审理中", Yes},
		{"lapsed", "期满未续展", No},
		{"revoked", "已撤销", No},
		{"invalid", "已宣告无效", No},
		{"cancelled", "已注销", No},
	},
	Copyright: {
		{"registered", "已登记", Yes}, {"transferred", "已转让登记", Yes}, {"disputed", "权属争议", Unknown}, {"registration_revoked", "登记已撤销", Unknown}, {"expired", "保护期届满", No},
	},
	LayoutDesign: {
		{"registered", "已登记", Yes}, {"revocation_pending", "撤销审查中", Yes}, {"revoked", "已撤销", No}, {"abandoned", "已放弃", No}, {"expired", "保护期届满", No},
	},
}

var patentStates = []RegistryState{
	{"granted", "专利权维持", Yes},
	{"invalidation_pending", "无效宣告审理中", Yes},
	{"restored", "已恢复", Yes},
	{"lapsed", "未缴年费终止", No},
	{"expired", "期限届满", No},
	{"invalid", "已宣告无效", No},
	{"abandoned", "已放弃", No},
}

// register finds the right's word in the register of its kind.
func (x *IP) register() (s RegistryState, known bool) {
	for _, r := range RegistryStates[x.Kind] {
		if x.Register == r.Word || x.Register == r.Zh {
			return r, true
		}
	}
	return s, false
}

// standing is whether the right is alive: what the deal states, else what the
// register's word says. A dead word is never overruled.
func (x *IP) standing() Fact {
	r, known := x.register()
	switch {
	case x.State == "dead" || known && r.Alive == No:
		return No
	case x.State == "alive":
		return Yes
	case known:
		return r.Alive
	}
	return Unknown
}

// LastDay is the last day of protection: as stated, else by the kind's law from
// the days stated: ten years from registration for a mark (商标法第39条), ten from
// filing for a layout-design (保护条例第12条), fifty to the year's end for a legal
// person's work (著作权法第23条), from its first publication. Zero when unknown.
func (x *IP) LastDay() calendar.Date {
	switch {
	case !x.Expires.IsZero():
		return x.Expires
	case x.Kind == Trademark && !x.Granted.IsZero():
		return x.Granted.AddYears(10).AddDays(-1)
	case x.Kind == LayoutDesign && !x.Filed.IsZero():
		return x.Filed.AddYears(10).AddDays(-1)
	case x.Kind == Copyright && !x.Filed.IsZero() && !x.OwnerPerson:
		return calendar.New(x.Filed.Year+50, 12, 31)
	}
	return calendar.Date{}
}

// over reports whether the protection has ended by a day; a mark may still be
// renewed in the six months after its term (商标法第40条).
func (x *IP) over(day calendar.Date) bool {
	last := x.LastDay()
	if x.Kind == Trademark && !last.IsZero() {
		last = last.AddMonths(6)
	}
	return !last.IsZero() && last.Before(day)
}

// IsPatent says that the right is a patent, or not said to be anything else.
func (x *IP) IsPatent() bool {
	return x.Kind != Trademark && x.Kind != Copyright && x.Kind != LayoutDesign
}

// HistoryRow is what one source paid under one contract in one month before the
// cut-off.
type HistoryRow struct {
	Month    calendar.Date `json:"month"` // any day of it
	Contract string        `json:"contract"`
	Source   string        `json:"source"`
	Amount   money.Fen     `json:"amount"`
}

// History is what the rows of a deal's history come to.
type History struct {
	Years  float64            `json:"years"` // months with a row, of those without a gap up to the cut-off
	CV     float64            `json:"cv"`    // of the monthly sums
	Shares map[string]float64 `json:"shares"`
}

// history sums the deal's monthly history back from the cut-off, up to the
// first month without any; false when there is none.
func (d *Deal) history() (h History, ok bool) {
	if len(d.History) == 0 {
		return h, false
	}
	months, sources, all := map[calendar.Date]float64{}, map[string]float64{}, 0.0
	for _, r := range d.History {
		months[calendar.New(r.Month.Year, r.Month.Month, 1)] += float64(r.Amount)
		sources[r.Source] += float64(r.Amount)
		all += float64(r.Amount)
	}
	at := calendar.New(d.CutOff.Year, d.CutOff.Month, 1)
	if _, has := months[at]; !has {
		at = at.AddMonths(-1)
	}
	var sums []float64
	for ; ; at = at.AddMonths(-1) {
		m, has := months[at]
		if !has {
			break
		}
		sums = append(sums, m)
	}
	h.Years, h.Shares = float64(len(sums))/12, map[string]float64{}
	if len(sums) > 1 {
		mean, sd := stat.MeanStdDev(sums, nil)
		if mean > 0 {
			h.CV = sd / mean
		}
	}
	for s, x := range sources {
		if all > 0 {
			h.Shares[s] = x / all
		}
	}
	return h, true
}

// Value is a patent's estimate as the valuation store holds it, in yuan.
type Value struct {
	Low         float64       `json:"low"`
	Point       float64       `json:"point"`
	High        float64       `json:"high"`
	Level       float64       `json:"level"` // of the range, e.g. 0.8
	Date        calendar.Date `json:"date"`
	ValuationID string        `json:"valuation_id,omitempty"`
	Source      string        `json:"source,omitempty"`
}

// Waiver records that a rule was waived and on what evidence. It is never
// reported as a pass.
type Waiver struct {
	Rule     string `json:"rule"`
	Evidence string `json:"evidence"`
}

// Credit holds the correlation assumptions and loss severities of the pool.
type Credit struct {
	Rho       float64 `json:"rho"`        // loading² on the common factor
	RhoSector float64 `json:"rho_sector"` // loading² on the industry factor
	RhoRegion float64 `json:"rho_region"` // loading² on the region factor
	LGDLow    float64 `json:"lgd_low"`
	LGD       float64 `json:"lgd"`
	LGDHigh   float64 `json:"lgd_high"`
	LagMonths int     `json:"lag_months"` // default to recovery
	CPR       float64 `json:"cpr"`        // annual prepayment rate
	Source    string  `json:"source,omitempty"`
}

// obligor returns the obligor of the given id.
func (d *Deal) obligor(id string) (Obligor, bool) {
	for i := range d.Obligors {
		if d.Obligors[i].ID == id {
			return d.Obligors[i], true
		}
	}
	return Obligor{}, false
}

// Total returns the outstanding principal of all assets at the cut-off.
func (d *Deal) Total() money.Fen {
	var t money.Fen
	for _, a := range d.Assets {
		t += a.Principal
	}
	return t
}

// Check refuses a deal that cannot be computed with, naming every fault.
// Missing facts are not faults: the tests answer unknown for them.
func (d *Deal) Check() error {
	var bad []fault.Field
	add := func(field, code, zh, en string) {
		bad = append(bad, fault.Field{Field: field, Code: "pool." + code, Zh: zh, En: en})
	}
	if strings.TrimSpace(d.Name) == "" {
		add("name", "name", "缺少专项计划名称", "the deal has no name")
	}
	if d.CutOff.IsZero() {
		add("cut_off", "cut_off", "缺少初始基准日", "the deal has no cut-off date")
	}
	if d.Closing.Before(d.CutOff) {
		add("closing", "closing", "设立日缺失或早于基准日", "the closing date is missing or before the cut-off")
	}
	if !slices.Contains([]Class{Licence, Receivable, Lease, SmallLoan, CorporateClaim}, d.Class) {
		add("class", "class", "基础资产类别无法识别", "unknown asset class")
	}
	if d.Venue != SSE && d.Venue != SZSE {
		add("venue", "venue", "挂牌场所应为 SSE 或 SZSE", "venue must be SSE or SZSE")
	}
	if len(d.Assets) > maxRows || len(d.Obligors) > maxRows || len(d.Patents) > 4*maxRows {
		return fault.New(fault.TooLarge, "pool.rows", "资产或债务人超过5000条，或知识产权超过20000件。", "more than 5,000 assets or obligors, or 20,000 patents")
	}
	seen := map[string]bool{}
	for i, o := range d.Obligors {
		at := fmt.Sprintf("obligors[%d]", i)
		if o.ID == "" || seen["o"+o.ID] {
			add(at+".id", "obligor.id", "债务人编号缺失或重复", "obligor id is missing or repeated")
		}
		seen["o"+o.ID] = true
		if o.PD != nil && !(*o.PD >= 0 && *o.PD <= 1) {
			add(at+".pd", "obligor.pd", "违约率应在0与1之间", "pd must be between 0 and 1")
		}
	}
	if len(d.Assets) == 0 {
		add("assets", "assets", "资产池没有应收债权", "the pool has no receivable")
	}
	var total money.Fen
	for i := range d.Assets {
		a := &d.Assets[i]
		at := fmt.Sprintf("assets[%d]", i)
		if a.ID == "" || seen["a"+a.ID] {
			add(at+".id", "asset.id", "资产编号缺失或重复", "asset id is missing or repeated")
		}
		seen["a"+a.ID] = true
		if !seen["o"+a.Obligor] {
			add(at+".obligor", "asset.obligor", "资产的债务人不在债务人表中", "the asset's obligor is not listed")
		}
		if a.Principal <= 0 || a.Principal > money.Max {
			add(at+".principal", "asset.principal", "未偿本金应为正数", "outstanding principal must be positive")
			continue
		}
		total += a.Principal
		if !(a.Rate >= 0 && a.Rate <= 1) {
			add(at+".rate", "asset.rate", "年利率应在0与1之间", "annual rate must be between 0 and 1")
		}
		if err := a.checkSchedule(d.CutOff); err != nil {
			add(at+".maturity", "asset.schedule", "还款计划无效："+err.Error(), err.Error())
		}
	}
	for i := range d.Patents {
		x := &d.Patents[i]
		if x.Number == "" {
			add(fmt.Sprintf("patents[%d].number", i), "patent.number", "知识产权号缺失", "the number is missing")
		}
		if x.Kind != "" && !slices.Contains(RightKinds, x.Kind) {
			add(fmt.Sprintf("patents[%d].kind", i), "patent.kind", "知识产权类型应为发明、实用新型、外观设计、商标、著作权或布图设计", "kind must be invention, utility_model, design, trademark, copyright or layout_design")
		}
		if _, known := x.register(); x.Register != "" && x.Kind != "" && !known {
			var words []string
			for _, r := range RegistryStates[x.Kind] {
				words = append(words, r.Zh)
			}
			add(fmt.Sprintf("patents[%d].registry_state", i), "patent.registry_state", KindZh(x.Kind)+"的登记状态应为"+strings.Join(words, "、"), "the register of this kind has no such state")
		}
		if x.State != "" && x.State != "alive" && x.State != "dead" {
			add(fmt.Sprintf("patents[%d].state", i), "patent.state", "权利状态应为有效（alive）或失效（dead），不清楚则留空", "state must be alive or dead, or empty when not known")
		}
		if v := x.Value; v != nil && !(0 <= v.Low && v.Low <= v.Point && v.Point <= v.High && v.High <= 1e15) {
			add(fmt.Sprintf("patents[%d].value", i), "patent.value", "价值应满足 0≤下限≤价值≤上限", "value must satisfy 0 <= low <= point <= high")
		}
	}
	if len(d.History) > 4*maxRows {
		add("history", "history.rows", "历史现金流超过20000行", "more than 20,000 rows of history")
	}
	if total > maxTotal {
		add("assets", "assets.total", "资产池总额超过上限", "pool total is beyond 100 billion yuan")
	}
	c := d.Credit
	if c.Rho < 0 || c.RhoSector < 0 || c.RhoRegion < 0 || !(c.Rho+c.RhoSector+c.RhoRegion < 1) {
		add("credit.rho", "credit.rho", "相关系数应非负且合计小于1", "correlations must be non-negative and sum below 1")
	}
	if !(0 <= c.LGDLow && c.LGDLow <= c.LGD && c.LGD <= c.LGDHigh && c.LGDHigh <= 1) {
		add("credit.lgd", "credit.lgd", "违约损失率应满足 0≤低≤中≤高≤1", "loss given default must satisfy 0 <= low <= mid <= high <= 1")
	}
	if !(c.CPR >= 0 && c.CPR <= 1) || c.LagMonths < 0 || c.LagMonths > 120 {
		add("credit.cpr", "credit.cpr", "早偿率或回收滞后无效", "prepayment rate or recovery lag is out of range")
	}
	bad = append(bad, d.Structure.check()...)
	if len(bad) == 0 && d.periods()*len(d.Assets) > maxCashCells {
		add("assets", "assets.cells", "资产笔数与期数之积超过上限，请合并资产或放宽付息周期", "assets times payment periods is too large")
	}
	if len(bad) > 0 {
		return fault.New(fault.Invalid, "pool.deal", "资产池数据有误，请按字段修改。", "the deal cannot be computed with", bad...)
	}
	return nil
}

// maxRows bounds assets and obligors, maxCashCells assets times periods, so
// that one request cannot exhaust the machine.
const (
	maxRows      = 5_000
	maxCashCells = 1_000_000
)

// maxTotal keeps every sum of a simulation inside int64: 1e11 yuan.
const maxTotal money.Fen = 1e13
