package valuation

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"zhijia/internal/valuation/cost"
	"zhijia/internal/valuation/damages"
	"zhijia/internal/valuation/income"
	"zhijia/internal/valuation/indicator"
	"zhijia/internal/valuation/market"
	"zhijia/internal/valuation/option"
	"zhijia/internal/valuation/terms"
)

// Assumptions are every number that can change a value, versioned. Each
// figure states its reason, source and provenance; [DefaultAssumptions] is
// the reviewed file that ships with the package.
type Assumptions struct {
	Version string `json:"version"`

	Market MarketRules `json:"market"`

	Screening ScreeningRules `json:"screening"` // a file without it gets the one that ships

	Prices market.Prior `json:"price_model"` // of the market approach; a file without it gets the one that ships

	Royalty  income.RoyaltyTable  `json:"royalty"`
	Discount income.DiscountTable `json:"discount"`
	Income   income.Rules         `json:"income"`
	Cost     cost.Rules           `json:"cost"`
	Option   option.Rules         `json:"option"`

	Sheet   indicator.Sheet     `json:"sheet"`
	Renewal income.RenewalPrior `json:"renewal"`

	Purposes map[terms.Purpose]PurposeRule `json:"purposes"`

	Damages damages.Rules `json:"damages"`

	Reconciliation Reconciliation   `json:"reconciliation"`
	Grades         Grades           `json:"grades"`
	Model          ModelRules       `json:"model"`
	Lending        LendingRules     `json:"lending"`
	Bundle         BundleRules      `json:"bundle"`
	Simulation     income.PathRules `json:"simulation"`
}

// MarketRules decide admission and normalisation (standards 3.1, 3.2).
type MarketRules struct {
	MaxBundle         int          `json:"max_bundle"`
	PlainToExclusive  terms.Figure `json:"plain_to_exclusive"` // log multiplier
	PlainToExclSD     terms.Figure `json:"plain_to_exclusive_sd"`
	LicenceDiscount   terms.Figure `json:"licence_discount_rate"` // of the annuity ratio that puts terms on one footing
	MissingFeatureVar terms.Figure `json:"missing_feature_variance"`

	// A reference table for patents whose cohort nobody has measured.
	ScoreMean    terms.Figure `json:"score_mean"` // of the indicator sheet, 0 to 100
	ScoreSD      terms.Figure `json:"score_sd"`
	ClaimsMedian terms.Figure `json:"claims_median"`
	ClaimsLogSD  terms.Figure `json:"claims_log_sd"`
	CitedMedian  terms.Figure `json:"cited_median"` // of 1 + the number of citations received
	CitedLogSD   terms.Figure `json:"cited_log_sd"`
	FamilyAlone  terms.Figure `json:"family_alone"` // share of patents with a family of one office
	FamilyTail   terms.Figure `json:"family_tail"`  // exponent of the share with more offices
}

// family is the percentile of a family among patents, by its number of offices; nil when unknown.
func (m *MarketRules) family(offices float64) *float64 {
	if offices < 1 {
		return nil
	}
	p := 1 - (1-m.FamilyAlone.Value/2)*math.Pow(offices, -m.FamilyTail.Value)
	return &p
}

// claims is the percentile of a number of claims among patents; nil when unknown.
func (m *MarketRules) claims(n float64) *float64 {
	if n < 1 {
		return nil
	}
	p := percentile(distuv.UnitNormal.CDF(math.Log(n/m.ClaimsMedian.Value) / m.ClaimsLogSD.Value))
	return &p
}

// cited is the percentile of a number of citations received among patents, where the patent's own cohort is not known.
func (m *MarketRules) cited(n float64) *float64 {
	p := percentile(distuv.UnitNormal.CDF(math.Log((n+1)/m.CitedMedian.Value) / m.CitedLogSD.Value))
	return &p
}

// percentile keeps a share off the ends, where its normal score has no bound.
func percentile(x float64) float64 { return min(max(x, 1e-3), 1-1e-3) }

// ScreeningRules are the bounds of what is taken for a price when deals are screened, before any of them counts.
type ScreeningRules struct {
	Token   terms.Figure `json:"token"`   // yuan a patent: for less it was given away
	Largest terms.Figure `json:"largest"` // yuan a patent
	Far     terms.Figure `json:"far"`     // factor from the median of its market and kind beyond which the unit is doubted
	Blind   terms.Figure `json:"blind"`   // the same where only the prior tells the level
	Near    terms.Figure `json:"near"`    // factor within which ten thousand times more or less must bring it back
	Few     terms.Figure `json:"few"`     // deals of one market and kind whose median is a level
}

// Reconciliation weighs the approaches (standards 7).
type Reconciliation struct {
	Rho         terms.Figure `json:"rho"`
	Note        terms.Figure `json:"note_ratio"`
	Review      terms.Figure `json:"review_ratio"`
	RangeOnly   terms.Figure `json:"range_only_ratio"`
	AlarmFactor terms.Figure `json:"alarm_factor"`     // an 80% range narrower than ×/÷ this is an alarm
	MinApart    terms.Figure `json:"min_weight_apart"` // weight below which an approach does not decide that approaches disagree
}

// Grades are the upper bounds of the log sd.
type Grades struct {
	A       terms.Figure `json:"a"`
	B       terms.Figure `json:"b"`
	C       terms.Figure `json:"c"`
	MinNEff terms.Figure `json:"min_n_eff"` // fewer effective comparables: not better than C
	Unknown terms.Figure `json:"unknown"`   // unknown weight above which the sheet's grade is withheld
	Point   int          `json:"point_figures"`
	Ends    int          `json:"end_figures"`
}

// ModelRules cap what model scores may do.
type ModelRules struct {
	Cap   terms.Figure `json:"cap"`   // largest value ratio between any two sets of model scores
	Alarm terms.Figure `json:"alarm"` // a configured cap above this raises a flag
}

// LendingRules are the costs of turning a right into money: what an auction,
// its appraisal, the lawyer and the taxes take.
type LendingRules struct {
	DisposalShare terms.Figure `json:"disposal_share"` // of the price
	DisposalFixed terms.Figure `json:"disposal_fixed"` // yuan a sale
}

// net is what is left of a price after the costs of the sale, yuan; it may be 0.
func (r *LendingRules) net(price float64) float64 {
	return max(0, price*(1-r.DisposalShare.Value)-r.DisposalFixed.Value)
}

// BundleRules discount a bundle.
type BundleRules struct {
	FamilyShare terms.Figure `json:"family_share"` // worth of a further member of a family, as a share of the first
}

//go:embed assumptions/2026-11.json
var assumptionsJSON []byte

// DefaultAssumptions returns the assumptions that ship with the package.
func DefaultAssumptions() Assumptions {
	a, err := LoadAssumptions(assumptionsJSON)
	if err != nil {
		panic(err) // the embedded file is checked by a test
	}
	return a
}

// LoadAssumptions reads an assumptions file, refusing unknown fields,
// weights that do not sum to 1 and figures without a source.
func LoadAssumptions(b []byte) (Assumptions, error) {
	var a Assumptions
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&a); err != nil {
		return Assumptions{}, fmt.Errorf("assumptions: %w", err)
	}
	if a.Prices.Version == "" {
		a.Prices = market.Default()
	}
	if a.Screening == (ScreeningRules{}) {
		a.Screening = DefaultAssumptions().Screening
	}
	if err := a.check(); err != nil {
		return Assumptions{}, fmt.Errorf("assumptions %s: %w", a.Version, err)
	}
	return a, nil
}

// Hash is the SHA-256 of the assumptions' canonical JSON, in hex. Two
// conclusions under equal hashes used the same numbers.
func (a *Assumptions) Hash() string {
	b, err := json.Marshal(a)
	if err != nil {
		panic(err) // plain data
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// check refuses assumptions that are not coherent.
func (a *Assumptions) check() error {
	if a.Version == "" {
		return fmt.Errorf("no version")
	}
	if err := a.Prices.Check(); err != nil {
		return err
	}
	for _, groups := range [][]income.FactorGroup{a.Royalty.Groups, a.Discount.Risks} {
		for _, g := range groups {
			sum := 0.0
			for _, f := range g.Factors {
				sum += f.Weight
			}
			if math.Abs(sum-1) > 1e-9 {
				return fmt.Errorf("factor group %s: weights sum to %v, want 1", g.Code, sum)
			}
		}
	}
	sum := 0.0
	for _, g := range a.Royalty.Groups {
		sum += g.Weight
	}
	if len(a.Royalty.Groups) > 0 && math.Abs(sum-1) > 1e-9 {
		return fmt.Errorf("royalty groups: weights sum to %v, want 1", sum)
	}
	if _, ok := a.Royalty.Band(a.Royalty.Default); !ok {
		return fmt.Errorf("royalty: no band is the default %q", a.Royalty.Default)
	}
	for _, b := range a.Royalty.Bands {
		if !(b.Low > 0 && b.High >= b.Low && b.High < 1) || b.Source == "" {
			return fmt.Errorf("royalty band %s: want 0 < low <= high < 1 and a source", b.Industry)
		}
	}
	if c := a.Income.Convention; c != terms.MidPeriod && c != terms.PeriodEnd {
		return fmt.Errorf("convention %q: want %s or %s", c, terms.MidPeriod, terms.PeriodEnd)
	}
	if a.Model.Cap.Value < 1 {
		return fmt.Errorf("model cap must be at least 1")
	}
	for _, p := range terms.Purposes {
		if err := a.Purposes[p].check(); err != nil {
			return fmt.Errorf("purpose %s: %w", p, err)
		}
	}
	return a.Sheet.Check()
}
