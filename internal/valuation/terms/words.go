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
	PurposeReporting      Purpose = "reporting"      // 财务报告，企业合并
	PurposeImpairment     Purpose = "impairment"     // 减值测试
	PurposeInfringement   Purpose = "infringement"   // 侵权救济
	PurposeDisposal       Purpose = "disposal"       // 司法处置、破产
	PurposeManagement     Purpose = "management"     // 管理
)

// Purposes lists every purpose.
var Purposes = [...]Purpose{
	PurposeAssignment, PurposeLicence, PurposeContribution, PurposePledge,
	PurposeSecuritisation, PurposeReporting, PurposeImpairment, PurposeInfringement, PurposeDisposal, PurposeManagement,
}

// Basis of value: what kind of figure it is. Figures of different bases are
// never averaged.
type Basis string

// Bases.
const (
	BasisMarket      Basis = "market_value"
	BasisFair        Basis = "fair_value"
	BasisLiquidation Basis = "liquidation_value"
	BasisInUse       Basis = "value_in_use"       // to its owner, by the owner's own inputs
	BasisInvestment  Basis = "investment_value"   // to a named buyer, by the buyer's inputs
	BasisContract    Basis = "contract_cash_flow" // of the licence contracts that are sold
	BasisRecoverable Basis = "recoverable_amount" // the higher of fair value less disposal and value in use
	BasisDamages     Basis = "damages"            // no value: what the law awards for the acts
)

// Bases lists every basis.
var Bases = [...]Basis{BasisMarket, BasisFair, BasisLiquidation, BasisInUse, BasisInvestment, BasisContract, BasisRecoverable, BasisDamages}

// Premise of value: under which circumstances the right changes hands or is
// used.
type Premise string

// Premises.
const (
	PremiseHighestBestUse Premise = "highest_and_best_use"
	PremiseCurrentUse     Premise = "current_use"
	PremiseContinuedUse   Premise = "continued_use"
	PremiseOrderly        Premise = "orderly" // offered long enough, by nobody who must sell
	PremiseForced         Premise = "forced_sale"
	PremiseInForce        Premise = "time_in_force" // of damages: the acts while the right was in force
)

// Premises lists every premise.
var Premises = [...]Premise{PremiseHighestBestUse, PremiseCurrentUse, PremiseContinuedUse, PremiseOrderly, PremiseForced, PremiseInForce}

// Scope of the asset: what changes hands.
type Scope string

// Scopes.
const (
	ScopeBare      Scope = "bare_right"      // the right alone
	ScopeSupported Scope = "supported_right" // with know-how, support and what else was sold with it
	ScopeUse       Scope = "right_of_use"    // a licence by kind and term
	ScopeContracts Scope = "contracts"       // the receivables of licence contracts
)

// Inputs says whose expectations an income forecast states. They decide the
// basis of the figure: an approach is no basis.
type Inputs string

// Inputs.
const (
	InputsMarket   Inputs = "market"   // what market participants expect: market or fair value
	InputsOwner    Inputs = "owner"    // the owner's own plans: value in use
	InputsBuyer    Inputs = "buyer"    // a named buyer's: investment value
	InputsContract Inputs = "contract" // amounts that licence contracts fix: the contracts' cash flow
)

// AllInputs lists whose expectations a forecast may state.
var AllInputs = [...]Inputs{InputsMarket, InputsOwner, InputsBuyer, InputsContract}

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
