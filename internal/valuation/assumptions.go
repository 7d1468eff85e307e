package valuation

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"zhijia/internal/valuation/cost"
	"zhijia/internal/valuation/income"
	"zhijia/internal/valuation/indicator"
	"zhijia/internal/valuation/option"
	"zhijia/internal/valuation/terms"
)

// Assumptions are every number that can change a value, versioned. Each
// figure states its reason, source and provenance; [DefaultAssumptions] is
// the reviewed file that ships with the package.
type Assumptions struct {
	Version string `json:"version"`

	Populations []Population    `json:"populations"`
	Source      SourceIntercept `json:"source_intercept"`
	Kernel      Kernel          `json:"kernel"`
	Trend       []TrendPrior    `json:"trend"`
	Market      MarketRules     `json:"market"`
	Baseline    KernelShrink    `json:"kernel_shrink"`

	Royalty  income.RoyaltyTable  `json:"royalty"`
	Discount income.DiscountTable `json:"discount"`
	Income   income.Rules         `json:"income"`
	Cost     cost.Rules           `json:"cost"`
	Option   option.Rules         `json:"option"`

	Sheet   indicator.Sheet     `json:"sheet"`
	Renewal income.RenewalPrior `json:"renewal"`
	Rank    RankPrior           `json:"rank"`

	Reconciliation Reconciliation   `json:"reconciliation"`
	Calibration    Calibration      `json:"calibration"`
	Grades         Grades           `json:"grades"`
	Model          ModelRules       `json:"model"`
	Lending        LendingRules     `json:"lending"`
	Bundle         BundleRules      `json:"bundle"`
	Simulation     income.PathRules `json:"simulation"`
}

// Population is a log-normal prior of the unit price in one population of
// deals: ln price ~ N(ln Median, LogSD²). It is an illustrative prior, to be
// replaced once the operator has ten own deals of the kind.
type Population struct {
	ID     string            `json:"id"`
	Owners []terms.OwnerType `json:"owners"`
	Deals  []terms.DealKind  `json:"deals"`
	Median terms.Figure      `json:"median"` // yuan per patent
	LogSD  terms.Figure      `json:"log_sd"`
	Label  string            `json:"label"`
}

// SourceIntercept is the level by which deals one can read about exceed
// recorded ones, N(Mean, SD²) on the log scale.
type SourceIntercept struct {
	Mean    terms.Figure       `json:"mean"`
	SD      terms.Figure       `json:"sd"`
	Sources []terms.SourceType `json:"sources"` // of comparables it is removed from
	Owners  []terms.OwnerType  `json:"owners"`  // of subjects it applies to; "" is unknown
}

// Kernel are the hyperparameters of the market approach:
// k(s) = Signal²·exp(-(1-s)/Length) between similarities s in [0, 1], and
// noise variance (Noise·multiplier)² by deal quality.
type Kernel struct {
	Signal terms.Figure                 `json:"signal"` // sd of the residual surface, ln yuan
	Length terms.Figure                 `json:"length"` // in units of 1 - similarity
	Noise  terms.Figure                 `json:"noise"`  // sd of a registry-quality price, ln yuan
	Deal   map[terms.SourceType]float64 `json:"noise_multiplier"`
	Year   terms.Figure                 `json:"year_sd"` // sd of the shrunken year effect, a random walk per root year; 0 is none
	Card   *ModelCard                   `json:"model_card,omitempty"`
}

// TrendPrior is the normal prior of one hedonic coefficient on the difference
// (comparable - subject) of a feature.
type TrendPrior struct {
	Feature string  `json:"feature"`
	Mean    float64 `json:"mean"`
	SD      float64 `json:"sd"`
	Reason  string  `json:"reason"`
	Source  string  `json:"source"`
}

// MarketRules decide admission and normalisation (standards 3.1, 3.2).
type MarketRules struct {
	Method            string       `json:"method"` // of [Estimators]; kriging
	MinComparables    int          `json:"min_comparables"`
	MaxBundle         int          `json:"max_bundle"`
	MaxAdjust         terms.Figure `json:"max_adjust"`         // |total log adjustment| beyond which a deal is excluded
	WidenVariance     terms.Figure `json:"widen_variance"`     // added per widening of the IPC level
	PlainToExclusive  terms.Figure `json:"plain_to_exclusive"` // log multiplier
	PlainToExclSD     terms.Figure `json:"plain_to_exclusive_sd"`
	LicenceDiscount   terms.Figure `json:"licence_discount_rate"` // of the annuity ratio that puts terms on one footing
	MissingFeatureVar terms.Figure `json:"missing_feature_variance"`
	CrossPopulation   terms.Figure `json:"cross_population"` // correlation of the levels of two populations
	Outlier           terms.Figure `json:"outlier"`          // leave-one-out error, in sd, beyond which a deal's noise is widened; 0 is never
	MinSD             terms.Figure `json:"min_sd"`           // floor of the predictive log sd
}

// KernelShrink are the constants of standards 3.3, the plain baseline.
type KernelShrink struct {
	Width    float64                      `json:"width"`     // h
	HalfLife float64                      `json:"half_life"` // H, years
	Quality  map[terms.SourceType]float64 `json:"quality"`
	Level    map[terms.IPCLevel]float64   `json:"level"`
	MaxShare float64                      `json:"max_share"`
	MinSD    float64                      `json:"min_sd"`
	Source   string                       `json:"source"`
}

// RankPrior says how much of ln value a percentile explains.
type RankPrior struct {
	R2 terms.Figure `json:"r2"`
}

// Reconciliation weighs the approaches (standards 7).
type Reconciliation struct {
	Rho           terms.Figure                  `json:"rho"`
	Applicability map[string]map[string]float64 `json:"applicability"` // by approach, then purpose or "default"
	Note          terms.Figure                  `json:"note_ratio"`
	Review        terms.Figure                  `json:"review_ratio"`
	RangeOnly     terms.Figure                  `json:"range_only_ratio"`
	AlarmFactor   terms.Figure                  `json:"alarm_factor"`     // an 80% range narrower than ×/÷ this is an alarm
	MinApart      terms.Figure                  `json:"min_weight_apart"` // weight below which an approach does not decide that approaches disagree
}

// Calibration is the conformal calibration set: past deals, out of time, each
// with the signed error ln price - ln estimate and the model's sd.
type Calibration struct {
	Scores []CalibrationScore `json:"scores"`
	Mode   string             `json:"mode"`   // split, weighted, mondrian
	Source string             `json:"source"` // data hash and date of the run
}

// CalibrationScore is one past deal's error.
type CalibrationScore struct {
	ID      string         `json:"id"`
	Cluster string         `json:"cluster,omitempty"` // deal or family: members share one error
	Kind    terms.DealKind `json:"kind,omitempty"`
	Error   float64        `json:"error"` // ln price - ln estimate
	SD      float64        `json:"sd"`
	Weight  float64        `json:"weight,omitempty"` // covariate-shift weight; 0 means 1
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
	Cap        terms.Figure `json:"cap"`         // largest value ratio between any two sets of model scores
	Alarm      terms.Figure `json:"alarm"`       // a configured cap above this raises a flag
	QualityMax terms.Figure `json:"quality_max"` // bound of |ln(Q subject / Q comparable)|
	QualitySD  terms.Figure `json:"quality_log_sd"`
}

// LendingRules shape the lending view.
type LendingRules struct {
	ForcedQuantile terms.Figure `json:"forced_quantile"`
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

// population returns the prior of a deal of the given kind by that owner, and
// whether the owner's own row was found.
func (a *Assumptions) population(owner terms.OwnerType, kind terms.DealKind) (Population, bool) {
	for _, p := range a.Populations {
		if slices.Contains(p.Deals, kind) && slices.Contains(p.Owners, owner) {
			return p, owner != "" && owner != terms.OwnerUnknown
		}
	}
	for _, p := range a.Populations {
		if slices.Contains(p.Owners, owner) && slices.Contains(p.Deals, terms.DealAssignment) {
			return p, false
		}
	}
	return a.Populations[0], false
}

// check refuses assumptions that are not coherent.
func (a *Assumptions) check() error {
	if a.Version == "" || len(a.Populations) == 0 {
		return fmt.Errorf("no version or no populations")
	}
	for _, p := range a.Populations {
		if !(p.Median.Value > 0) || !(p.LogSD.Value > 0) || p.Median.Source == "" || p.LogSD.Source == "" {
			return fmt.Errorf("population %s: median and log_sd must be positive and have a source", p.ID)
		}
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
	if a.Kernel.Length.Value <= 0 || a.Kernel.Signal.Value < 0 || a.Kernel.Noise.Value <= 0 {
		return fmt.Errorf("kernel: length and noise must be positive")
	}
	if !slices.Contains(Estimators[:], a.Market.Method) {
		return fmt.Errorf("market method %q: want one of %v", a.Market.Method, Estimators)
	}
	if m := a.Calibration.Mode; m != "split" && m != "weighted" && m != "mondrian" {
		return fmt.Errorf("calibration mode %q: want split, weighted or mondrian", m)
	}
	if c := a.Income.Convention; c != terms.MidPeriod && c != terms.PeriodEnd {
		return fmt.Errorf("convention %q: want %s or %s", c, terms.MidPeriod, terms.PeriodEnd)
	}
	if a.Model.Cap.Value < 1 {
		return fmt.Errorf("model cap must be at least 1")
	}
	return a.Sheet.Check()
}
