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

	Royalty  RoyaltyTable  `json:"royalty"`
	Discount DiscountTable `json:"discount"`
	Income   IncomeRules   `json:"income"`

	Sheet   Sheet        `json:"sheet"`
	Renewal RenewalPrior `json:"renewal"`
	Rank    RankPrior    `json:"rank"`

	Reconciliation Reconciliation `json:"reconciliation"`
	Calibration    Calibration    `json:"calibration"`
	Grades         Grades         `json:"grades"`
	Model          ModelRules     `json:"model"`
	Lending        LendingRules   `json:"lending"`
	Bundle         BundleRules    `json:"bundle"`
	Simulation     Simulation     `json:"simulation"`
}

// Figure is a number with its reason and source. Provenance is "verified",
// "computed", "inference" or "recalled, unverified".
type Figure struct {
	Value      float64 `json:"value"`
	Reason     string  `json:"reason"`
	Source     string  `json:"source"`
	Provenance string  `json:"provenance"`
}

// Population is a log-normal prior of the unit price in one population of
// deals: ln price ~ N(ln Median, LogSD²). It is an illustrative prior, to be
// replaced once the operator has ten own deals of the kind.
type Population struct {
	ID     string      `json:"id"`
	Owners []OwnerType `json:"owners"`
	Deals  []DealKind  `json:"deals"`
	Median Figure      `json:"median"` // yuan per patent
	LogSD  Figure      `json:"log_sd"`
	Label  string      `json:"label"`
}

// SourceIntercept is the level by which deals one can read about exceed
// recorded ones, N(Mean, SD²) on the log scale.
type SourceIntercept struct {
	Mean    Figure       `json:"mean"`
	SD      Figure       `json:"sd"`
	Sources []SourceType `json:"sources"` // of comparables it is removed from
	Owners  []OwnerType  `json:"owners"`  // of subjects it applies to; "" is unknown
}

// Kernel are the hyperparameters of the market approach:
// k(s) = Signal²·exp(-(1-s)/Length) between similarities s in [0, 1], and
// noise variance (Noise·multiplier)² by deal quality.
type Kernel struct {
	Signal Figure                 `json:"signal"` // sd of the residual surface, ln yuan
	Length Figure                 `json:"length"` // in units of 1 - similarity
	Noise  Figure                 `json:"noise"`  // sd of a registry-quality price, ln yuan
	Deal   map[SourceType]float64 `json:"noise_multiplier"`
	Year   Figure                 `json:"year_sd"` // sd of the shrunken year effect, a random walk per root year; 0 is none
	Card   *ModelCard             `json:"model_card,omitempty"`
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
	Method            string   `json:"method"` // of [Estimators]; kriging
	MinComparables    int      `json:"min_comparables"`
	MaxBundle         int      `json:"max_bundle"`
	MaxAdjust         Figure   `json:"max_adjust"`         // |total log adjustment| beyond which a deal is excluded
	WidenVariance     Figure   `json:"widen_variance"`     // added per widening of the IPC level
	PlainToExclusive  Figure   `json:"plain_to_exclusive"` // log multiplier
	PlainToExclSD     Figure   `json:"plain_to_exclusive_sd"`
	LicenceDiscount   Figure   `json:"licence_discount_rate"` // of the annuity ratio that puts terms on one footing
	MissingFeatureVar Figure   `json:"missing_feature_variance"`
	CrossPopulation   Figure   `json:"cross_population"` // correlation of the levels of two populations
	Outlier           Figure   `json:"outlier"`          // leave-one-out error, in sd, beyond which a deal's noise is widened; 0 is never
	MinSD             Figure   `json:"min_sd"`           // floor of the predictive log sd
	Currencies        []string `json:"currencies"`
}

// KernelShrink are the constants of standards 3.3, the plain baseline.
type KernelShrink struct {
	Width    float64                `json:"width"`     // h
	HalfLife float64                `json:"half_life"` // H, years
	Quality  map[SourceType]float64 `json:"quality"`
	Level    map[IPCLevel]float64   `json:"level"`
	MaxShare float64                `json:"max_share"`
	MinSD    float64                `json:"min_sd"`
	Nu       float64                `json:"nu_0"`
	Source   string                 `json:"source"`
}

// RoyaltyTable is the 综合评价 table: K = m + (n-m)·r.
type RoyaltyTable struct {
	Provenance string        `json:"provenance"`
	Source     string        `json:"source"`
	Groups     []FactorGroup `json:"groups"`
	Bands      []RoyaltyBand `json:"bands"`
	Default    string        `json:"default_band"`
	Cap        Figure        `json:"cap"` // share of net sales above which a flag is raised
}

// FactorGroup is a weighted group of scored factors.
type FactorGroup struct {
	Code    string   `json:"code"`
	Name    string   `json:"name"`
	Weight  float64  `json:"weight"`
	Factors []Factor `json:"factors"`
}

// Factor is one scored factor. Its score is the indicator of its own code, or
// the mean of the sheet indicators in From; a factor with neither is unknown.
type Factor struct {
	Code    string   `json:"code"`
	Name    string   `json:"name"`
	Weight  float64  `json:"weight"` // within the group
	From    []string `json:"from,omitempty"`
	Anchors []Anchor `json:"anchors"`
	Rule    string   `json:"rule,omitempty"`    // computed from records: "right_status"
	UsedIn  []string `json:"used_in,omitempty"` // rate, royalty, survival: the double-counting guard
	Concept string   `json:"concept,omitempty"` // equal concepts in two tables count one risk twice
}

// Anchor is a labelled score.
type Anchor struct {
	Score float64 `json:"score"`
	Label string  `json:"label"`
}

// RoyaltyBand is a range of royalties as a fraction of net sales.
type RoyaltyBand struct {
	Industry   string  `json:"industry"`
	Name       string  `json:"name"`
	Low        float64 `json:"low"`
	High       float64 `json:"high"`
	Source     string  `json:"source"`
	Provenance string  `json:"provenance"`
}

// DiscountTable is the build-up k = r_f + Σ R_max·score/100.
type DiscountTable struct {
	Provenance string        `json:"provenance"`
	Source     string        `json:"source"`
	RiskFree   Figure        `json:"risk_free"`
	MaxRisk    Figure        `json:"max_risk"` // R_max of each risk
	Low        Figure        `json:"low"`      // flag below r_f + low
	High       Figure        `json:"high"`     // flag above r_f + high
	Risks      []FactorGroup `json:"risks"`
}

// IncomeRules are the conventions and defaults of the income approach.
type IncomeRules struct {
	Convention  Convention               `json:"convention"`
	Tax         Figure                   `json:"tax_rate"`
	Hazard      Figure                   `json:"hazard"`
	Decay       Figure                   `json:"decay"`
	Economic    Figure                   `json:"economic_life"` // remaining, when not given
	TABLife     Figure                   `json:"tab_life"`
	TABPurposes []Purpose                `json:"tab_purposes"`
	RateSD      Figure                   `json:"royalty_log_sd"` // of ln royalty given all factors known
	RevenueSD   Figure                   `json:"revenue_log_sd"` // of ln revenue when a forecast is a single number
	ModelSD     Figure                   `json:"model_log_sd"`   // of an income value against a price, beyond its inputs
	Fees        map[PatentKind][]float64 `json:"annual_fees"`    // yuan by patent year, from year 1
}

// RenewalPrior are the Schankerman-Pakes parameters.
type RenewalPrior struct {
	Decay  Figure `json:"decay"`
	Rate   Figure `json:"rate"`
	Mu     Figure `json:"mu"` // of ln initial yearly return
	Sigma  Figure `json:"sigma"`
	Weight bool   `json:"reconciled"` // false: shown as a lower bound only
}

// RankPrior says how much of ln value a percentile explains.
type RankPrior struct {
	R2 Figure `json:"r2"`
}

// Reconciliation weighs the approaches (standards 7).
type Reconciliation struct {
	Rho           Figure                        `json:"rho"`
	Applicability map[string]map[string]float64 `json:"applicability"` // by approach, then purpose or "default"
	Note          Figure                        `json:"note_ratio"`
	Review        Figure                        `json:"review_ratio"`
	RangeOnly     Figure                        `json:"range_only_ratio"`
	AlarmFactor   Figure                        `json:"alarm_factor"` // an 80% range narrower than ×/÷ this is an alarm
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
	ID      string   `json:"id"`
	Cluster string   `json:"cluster,omitempty"` // deal or family: members share one error
	Kind    DealKind `json:"kind,omitempty"`
	Error   float64  `json:"error"` // ln price - ln estimate
	SD      float64  `json:"sd"`
	Weight  float64  `json:"weight,omitempty"` // covariate-shift weight; 0 means 1
}

// Grades are the upper bounds of the log sd.
type Grades struct {
	A       Figure `json:"a"`
	B       Figure `json:"b"`
	C       Figure `json:"c"`
	MinNEff Figure `json:"min_n_eff"` // fewer effective comparables: not better than C
	Unknown Figure `json:"unknown"`   // unknown weight above which the sheet's grade is withheld
	Point   int    `json:"point_figures"`
	Ends    int    `json:"end_figures"`
}

// ModelRules cap what model scores may do.
type ModelRules struct {
	Cap        Figure `json:"cap"`         // largest value ratio between any two sets of model scores
	Alarm      Figure `json:"alarm"`       // a configured cap above this raises a flag
	QualityMax Figure `json:"quality_max"` // bound of |ln(Q subject / Q comparable)|
	QualityRef Figure `json:"quality_ref"` // score of an average patent
	QualitySD  Figure `json:"quality_log_sd"`
}

// LendingRules shape the lending view.
type LendingRules struct {
	ForcedQuantile Figure `json:"forced_quantile"`
}

// BundleRules discount a bundle.
type BundleRules struct {
	FamilyShare Figure `json:"family_share"` // worth of a further member of a family, as a share of the first
}

// Simulation of uncertain inputs.
type Simulation struct {
	Paths int    `json:"paths"`
	Seed  uint64 `json:"seed"`
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
func (a *Assumptions) population(owner OwnerType, kind DealKind) (Population, bool) {
	for _, p := range a.Populations {
		if slices.Contains(p.Deals, kind) && slices.Contains(p.Owners, owner) {
			return p, owner != "" && owner != OwnerUnknown
		}
	}
	for _, p := range a.Populations {
		if slices.Contains(p.Owners, owner) && slices.Contains(p.Deals, DealAssignment) {
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
	for _, groups := range [][]FactorGroup{a.Royalty.Groups, a.Discount.Risks} {
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
	if c := a.Income.Convention; c != MidPeriod && c != PeriodEnd {
		return fmt.Errorf("convention %q: want %s or %s", c, MidPeriod, PeriodEnd)
	}
	if a.Model.Cap.Value < 1 {
		return fmt.Errorf("model cap must be at least 1")
	}
	return a.Sheet.check()
}
