package api

import (
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"zhijia/internal/accuracy"
	"zhijia/internal/calendar"
	"zhijia/internal/claim"
	"zhijia/internal/deal"
	"zhijia/internal/encumbrance"
	"zhijia/internal/harness"
	"zhijia/internal/ledger"
	"zhijia/internal/lending"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/pool"
	"zhijia/internal/ruling"
	"zhijia/internal/scheme"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/market"
	"zhijia/internal/valuation/terms"
)

// vocabularies holds the values of each closed vocabulary that a body may
// name. A test compares each with the constants of its type.
var vocabularies = map[reflect.Type][]any{}

// aliases holds what describes a type of a body to the specification instead of itself.
var aliases = map[reflect.Type]reflect.Type{
	reflect.TypeFor[money.Fen]():          reflect.TypeFor[moneySchema](),
	reflect.TypeFor[calendar.Date]():      reflect.TypeFor[dateSchema](),
	reflect.TypeFor[terms.Quantity]():     reflect.TypeFor[quantitySchema](),
	reflect.TypeFor[terms.YearQuantity](): reflect.TypeFor[yearQuantitySchema](),
}

// wordSchema describes a closed vocabulary to the specification.
type wordSchema[T ~string] struct{}

// Schema implements huma.SchemaProvider. The values are told and not enforced
// by the library: whoever reads a request says in Chinese, with a code, which
// words he takes, and takes the Chinese ones too.
func (wordSchema[T]) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Extensions: map[string]any{"enum": vocabularies[reflect.TypeFor[T]()]}}
}

func words[T ~string](values ...T) {
	all := make([]any, len(values))
	for i, v := range values {
		all[i] = string(v)
	}
	vocabularies[reflect.TypeFor[T]()] = all
	aliases[reflect.TypeFor[T]()] = reflect.TypeFor[wordSchema[T]]()
}

// plainWords names the vocabulary of each member that its type holds as plain
// text, because a person or a file may have told it.
var plainWords = map[string]reflect.Type{
	"AppraisalRequest.purpose":  reflect.TypeFor[terms.Purpose](),
	"AppraisalRequest.basis":    reflect.TypeFor[terms.Basis](),
	"AppraisalRequest.premise":  reflect.TypeFor[terms.Premise](),
	"AppraisalRequest.market":   reflect.TypeFor[market.Sale](),
	"AppraisalFacts.kind":       reflect.TypeFor[patent.Kind](),
	"AppraisalFacts.owner_type": reflect.TypeFor[terms.OwnerType](),
	"AppraisalCompared.purpose": reflect.TypeFor[terms.Purpose](),
	"ValuationSummary.purpose":  reflect.TypeFor[terms.Purpose](),
	"LedgerDeal.deal_kind":      reflect.TypeFor[terms.DealKind](),
	"LedgerDeal.price_kind":     reflect.TypeFor[terms.PriceKind](),
	"LedgerDeal.source_type":    reflect.TypeFor[terms.SourceType](),
}

func init() {
	words(accuracy.Worse, accuracy.Better, accuracy.Inconclusive, accuracy.TooFew)
	words(claim.Product, claim.Method, claim.Use, claim.Unknown)
	words(claim.Independent, claim.Dependent, claim.Referring, claim.Unclear)
	words(claim.Subject, claim.Preamble, claim.Transition, claim.Characterising)
	words(deal.Assignment, deal.ExclusiveLicence, deal.SoleLicence, deal.PlainLicence, deal.Contribution, deal.Auction)
	words(deal.Private, deal.Showcase, deal.Corporate, deal.Court, deal.Distress)
	words(deal.Each, deal.Total, deal.UpfrontPlusRoyalty, deal.RunningRoyalty, deal.Cap, deal.Hammer, deal.Ask, deal.Free, deal.AppraisedOnly, deal.None)
	words(deal.Proposed, deal.Concluded, deal.Asked, deal.Cancelled)
	words(encumbrance.Patent, encumbrance.Trademark, encumbrance.Copyright, encumbrance.Layout)
	words(encumbrance.Offered, encumbrance.Committed, encumbrance.Registered, encumbrance.Released, encumbrance.Disputed)
	words(harness.KindPrice, harness.KindRetrieval, harness.KindRank, harness.KindScorer, harness.KindLending, harness.KindRegistry, harness.KindClasses, harness.KindMatching, harness.KindLatency)
	words(harness.StatusRunning, harness.StatusFinished, harness.StatusInterrupted, harness.StatusFailed)
	words(ledger.Better, ledger.NoWorse, ledger.Worse, ledger.TooFew, ledger.Off)
	words(lending.AlertDrop, lending.AlertEnded, lending.AlertBreach, lending.AlertCover, lending.AlertExpiry, lending.AlertFailed, lending.AlertGround)
	words(lending.Statutory, lending.OfPolicy, lending.OfProduct, lending.OfValue, lending.OfFile)
	words(lending.Appraiser, lending.Guarantor, lending.Lessor, lending.Broker, lending.Rater)
	words(lending.Internal, lending.Negotiated, lending.External)
	words(lending.Refuses, lending.Supplements, lending.Warns)
	words(lending.TriggerSchedule, lending.TriggerEvent, lending.TriggerRequest)
	words(lending.MarketBare, lending.LiquidationNet, lending.AppraisedIncome, lending.InUse)
	words(lending.Refuse, lending.Supplement, lending.Accept)
	words(market.Distress, market.Private, market.Court, market.Showcase, market.Corporate, market.Unknown)
	words(patent.Transfer, patent.License, patent.OpenLicense, patent.Pledge, patent.Securitise)
	words(patent.Allowed, patent.WithConsent, patent.Forbidden, patent.NotKnown)
	words(patent.FeesUnknown, patent.FeesNotDue, patent.FeesPaid, patent.FeesDue90, patent.FeesDue60, patent.FeesDue30, patent.FeesGrace, patent.FeesRestorable, patent.FeesLapsed, patent.FeesOver)
	words(patent.Invention, patent.UtilityModel, patent.Design)
	words(patent.Clear, patent.Met, patent.Declared, patent.Open)
	words(patent.Refused, patent.Supplement, patent.Refer, patent.Eligible)
	words(patent.Alive, patent.Pending, patent.Dead, patent.Unknown)
	words(pool.Pass, pool.Fail, pool.Waived, pool.Unsure)
	words(pool.Licence, pool.Receivable, pool.Lease, pool.SmallLoan, pool.CorporateClaim)
	words(pool.Unknown, pool.Yes, pool.No)
	words(pool.SSE, pool.SZSE)
	words(ruling.Block, ruling.Unknown, ruling.Review, ruling.Warn, ruling.Pass)
	words(ruling.Refuse, ruling.Supplement, ruling.Accept)
	words(scheme.LossShare, scheme.InterestSubsidy, scheme.PremiumSubsidy, scheme.FeeSubsidy, scheme.IssueSubsidy, scheme.Relending, scheme.Bonus, scheme.SpecialLoan, scheme.Guarantee, scheme.Relief)
	words(terms.BasisMarket, terms.BasisFair, terms.BasisLiquidation, terms.BasisInUse, terms.BasisInvestment, terms.BasisContract, terms.BasisRecoverable, terms.BasisDamages)
	words(terms.DealAssignment, terms.DealExclusiveLicence, terms.DealSoleLicence, terms.DealPlainLicence, terms.DealContribution, terms.DealAuction, terms.DealDamages, terms.DealAsk)
	words(terms.LevelSubclass, terms.LevelClass, terms.LevelSection, terms.LevelNone)
	words(harness.RunTest, harness.RunBaseline, harness.RunCandidate, harness.RunFinal)
	words(patent.Block, patent.Warn, patent.Review)
	words(terms.ByData, terms.ByModel, terms.ByStatistical, terms.ByOfficer)
	words(terms.InputsMarket, terms.InputsOwner, terms.InputsBuyer, terms.InputsContract)
	words(terms.OwnerUniversity, terms.OwnerInstitute, terms.OwnerFirm, terms.OwnerIndividual, terms.OwnerUnknown)
	words(terms.PremiseHighestBestUse, terms.PremiseCurrentUse, terms.PremiseContinuedUse, terms.PremiseOrderly, terms.PremiseForced, terms.PremiseInForce)
	words(terms.PriceTotal, terms.PricePerPatent, terms.PriceUpfront, terms.PriceStructured, terms.PriceCap, terms.PriceAsk, terms.PriceAggregate, terms.PriceRoyalty, terms.PriceStarting, terms.PriceFree)
	words(terms.PurposeAssignment, terms.PurposeLicence, terms.PurposeContribution, terms.PurposePledge, terms.PurposeSecuritisation, terms.PurposeReporting, terms.PurposeImpairment, terms.PurposeInfringement, terms.PurposeDisposal, terms.PurposeManagement)
	words(terms.ScopeBare, terms.ScopeSupported, terms.ScopeUse, terms.ScopeContracts)
	words(terms.SourceOwnLedger, terms.SourceRegistry, terms.SourceContract, terms.SourceAnnouncement, terms.SourceUniversity, terms.SourceAuction, terms.SourcePress, terms.SourcePlatform, terms.SourceExchange, terms.SourceIPO, terms.SourceCourt, terms.SourceBankruptcy, terms.SourceLiterature, terms.SourceSEC)
	words(valuation.Alive, valuation.Dead, valuation.StateUnknown)
	words(valuation.Valued, valuation.RangeOnly, valuation.Abstained, valuation.Zero, valuation.Graded)
}

// dateSchema describes a civil date to the specification.
type dateSchema struct{}

// Schema implements huma.SchemaProvider.
func (dateSchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date", Nullable: true, Description: "Calendar date, YYYY-MM-DD."}
}

// quantitySchema describes a quantity, which may be a bare number.
type quantitySchema struct{}

func quantityProperties() map[string]*huma.Schema {
	number := &huma.Schema{Type: huma.TypeNumber}
	return map[string]*huma.Schema{
		"value": number, "low": number, "mode": number, "high": number, "source": {Type: huma.TypeString},
		"distribution": {Type: huma.TypeString, Enum: []any{"point", "triangular", "pert", "uniform", "normal", "lognormal"}},
	}
}

// Schema implements huma.SchemaProvider.
func (quantitySchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Description: "A number, or a range {low, mode, high} with a distribution.",
		OneOf:       []*huma.Schema{{Type: huma.TypeNumber}, {Type: huma.TypeObject, Properties: quantityProperties(), AdditionalProperties: false}},
	}
}

// yearQuantitySchema describes a quantity of one calendar year.
type yearQuantitySchema struct{}

// Schema implements huma.SchemaProvider.
func (yearQuantitySchema) Schema(huma.Registry) *huma.Schema {
	p := quantityProperties()
	p["year"] = &huma.Schema{Type: huma.TypeInteger}
	return &huma.Schema{Description: "A quantity of one calendar year.", Type: huma.TypeObject, Properties: p, Required: []string{"year"}, AdditionalProperties: false}
}

// moneySchema describes an amount to the specification.
type moneySchema struct{}

// Schema implements huma.SchemaProvider.
func (moneySchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeNumber, Description: "Amount in yuan, at most two decimals."}
}

// anySchema describes a value documented elsewhere.
type anySchema struct{}

// Schema implements huma.SchemaProvider.
func (anySchema) Schema(huma.Registry) *huma.Schema { return &huma.Schema{Type: huma.TypeObject} }

// schemaPrefix stands before the name of a type in a reference to its schema.
const schemaPrefix = "#/components/schemas/"

// tellMore says of the members what their types do not tell the library: the
// vocabulary of plain text, and null of every member that is sent as null when it has no
// value: what a pointer or a map without omitempty holds. The library knows of
// pointers to its own plain types alone.
func tellMore(all huma.Registry) {
	for name, schema := range all.Map() {
		for member, p := range schema.Properties {
			if vocabulary, ok := plainWords[name+"."+member]; ok {
				p.Extensions = map[string]any{"enum": vocabularies[vocabulary]}
			}
		}
		t := all.TypeFromRef(schemaPrefix + name)
		if t == nil || t.Kind() != reflect.Struct {
			continue
		}
		for _, f := range reflect.VisibleFields(t) {
			member, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			p, ok := schema.Properties[member]
			absent := strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero")
			if !ok || absent || f.Type.Kind() != reflect.Pointer && f.Type.Kind() != reflect.Map {
				continue
			}
			if p.Type != "" {
				p.Nullable = true
			}
		}
	}
}
