package terms

import "zhijia/internal/calendar"

// The closed vocabularies of the trade. Every value is stable and appears in
// stored records.

// Purpose of the valuation.
type Purpose string

// Purposes.
const (
	PurposeAssignment     Purpose = "assignment"     // 转让
	PurposeLicence        Purpose = "licence"        // 许可
	PurposeContribution   Purpose = "contribution"   // 作价入股
	PurposePledge         Purpose = "pledge"         // 质押
	PurposeSecuritisation Purpose = "securitisation" // 证券化
	PurposeReporting      Purpose = "reporting"      // 财务报告
	PurposeInfringement   Purpose = "infringement"   // 侵权救济
	PurposeDisposal       Purpose = "disposal"       // 司法处置、破产
	PurposeManagement     Purpose = "management"     // 管理
)

// Purposes lists every purpose.
var Purposes = [...]Purpose{
	PurposeAssignment, PurposeLicence, PurposeContribution, PurposePledge,
	PurposeSecuritisation, PurposeReporting, PurposeInfringement, PurposeDisposal, PurposeManagement,
}

// Basis of value.
type Basis string

// Bases.
const (
	BasisMarket            Basis = "market_value"
	BasisFair              Basis = "fair_value"
	BasisLiquidation       Basis = "liquidation_value"
	BasisInvestment        Basis = "investment_value"
	BasisReasonableRoyalty Basis = "reasonable_royalty"
)

// Premise of value.
type Premise string

// Premises.
const (
	PremiseHighestBestUse Premise = "highest_and_best_use"
	PremiseCurrentUse     Premise = "current_use"
	PremiseOrderly        Premise = "orderly_liquidation"
	PremiseForced         Premise = "forced_sale"
	PremiseHypothetical   Premise = "hypothetical_negotiation"
)

// OwnerType of a seller.
type OwnerType string

// Owner types. The empty value is unknown.
const (
	OwnerUniversity OwnerType = "university"
	OwnerInstitute  OwnerType = "institute"
	OwnerFirm       OwnerType = "firm"
	OwnerIndividual OwnerType = "individual"
	OwnerUnknown    OwnerType = "unknown"
)

// SourceType of a deal record.
type SourceType string

// Source types.
const (
	SourceOwnLedger    SourceType = "own_ledger"
	SourceRegistry     SourceType = "registry"
	SourceContract     SourceType = "contract_notice"
	SourceAnnouncement SourceType = "listed_company_announcement"
	SourceUniversity   SourceType = "university_notice"
	SourceAuction      SourceType = "auction"
	SourcePress        SourceType = "press"
	SourcePlatform     SourceType = "platform"
	SourceExchange     SourceType = "exchange"
	SourceIPO          SourceType = "ipo_disclosure"
	SourceCourt        SourceType = "court"
	SourceBankruptcy   SourceType = "bankruptcy"
	SourceLiterature   SourceType = "literature"
	SourceSEC          SourceType = "sec_filing"
)

// DealKind is what was sold.
type DealKind string

// Deal kinds.
const (
	DealAssignment       DealKind = "assignment"
	DealExclusiveLicence DealKind = "exclusive_licence" // 独占
	DealSoleLicence      DealKind = "sole_licence"      // 排他
	DealPlainLicence     DealKind = "plain_licence"     // 普通
	DealContribution     DealKind = "contribution"      // 作价入股
	DealAuction          DealKind = "auction"
	DealDamages          DealKind = "damages"
	DealAsk              DealKind = "ask"
)

// PriceKind says what the printed amount is.
type PriceKind string

// Price kinds. The empty value is a clean total.
const (
	PriceTotal      PriceKind = "total"
	PricePerPatent  PriceKind = "per_patent"
	PriceUpfront    PriceKind = "upfront"    // upfront part of a structured deal
	PriceStructured PriceKind = "structured" // upfront and royalty or milestones, not separable
	PriceCap        PriceKind = "cap"        // headline ceiling of milestones
	PriceAsk        PriceKind = "ask"
	PriceAggregate  PriceKind = "aggregate" // sum over several deals, or a statistic
	PriceRoyalty    PriceKind = "running_royalty"
	PriceStarting   PriceKind = "starting_price"
	PriceFree       PriceKind = "free"
)

// Precision of a date; [calendar.Date.LastDay] says what it can mean.
type Precision = calendar.Precision

// Precisions. The empty value is a day.
const (
	PrecisionDay   = calendar.ToDay
	PrecisionMonth = calendar.ToMonth
	PrecisionYear  = calendar.ToYear
)

// IPCLevel is the depth of a common IPC class.
type IPCLevel string

// Levels, from near to far.
const (
	LevelSubclass IPCLevel = "subclass"
	LevelClass    IPCLevel = "class"
	LevelSection  IPCLevel = "section"
	LevelNone     IPCLevel = "none"
)

// Evaluator of an indicator.
type Evaluator string

// Evaluators.
const (
	ByData        Evaluator = "data"        // computed from records
	ByModel       Evaluator = "model"       // language model, quotes verified
	ByStatistical Evaluator = "statistical" // local statistical judge
	ByOfficer     Evaluator = "officer"
)

// ModelScored reports whether a score is subject to the model cap.
func (e Evaluator) ModelScored() bool { return e == ByModel || e == ByStatistical }

// Convention of discounting.
type Convention string

// Conventions.
const (
	MidPeriod Convention = "mid_period" // a period's cash flow falls in its middle; the trade's default
	PeriodEnd Convention = "period_end"
)
