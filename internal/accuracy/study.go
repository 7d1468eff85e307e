package accuracy

import (
	"cmp"
	"math"
	"slices"
)

// Rating is what each rater said of one indicator of one patent: a grade from
// 0 up, nil where the rater abstained.
type Rating struct {
	Patent    string // what is drawn whole: its indicators are not independent
	Indicator string
	Class     string // of technology; may be empty
	Officers  []*int
	Model     *int
}

// AgreementRow is how well a model agrees with officers, beside how well they
// agree with each other, on one indicator, in one class, or on all ("").
type AgreementRow struct {
	Indicator string `json:"indicator,omitempty"`
	Class     string `json:"class,omitempty"`
	Pairs     int    `json:"pairs"` // ratings that two officers and the model gave
	Patents   int    `json:"patents"`

	ModelKappa   Figure `json:"kappa_model"`      // quadratic-weighted, mean over the officers
	OfficerKappa Figure `json:"kappa_officers"`   // mean over their pairs
	Difference   Figure `json:"kappa_difference"` // model less officers
	ICC          Figure `json:"icc"`              // ICC(2,1) of the model and the officers' mean
	Bias         Figure `json:"bias"`             // grades, model less officers' mean

	ModelAbstains   float64 `json:"model_abstains"` // share of all ratings
	OfficerAbstains float64 `json:"officers_abstain"`
	Commonest       float64 `json:"commonest"` // share of the model's commonest grade; 1: it always says the same
}

// AgreementStudy is a study with its verdict.
type AgreementStudy struct {
	Rows   []AgreementRow `json:"rows"` // all together first, then by indicator, then by class
	Passed bool           `json:"passed"`
	Why    string         `json:"why"`    // English; the command says it in Chinese
	Needed int            `json:"needed"` // pairs for a verdict at the width now seen; 0: there are enough
}

// Limits of a study that passes: enough double ratings, a model that is worse
// than officers among themselves by no more than the margin, at the interval's
// worse end, and one that tells grades apart.
const (
	MinPairs     = 100
	KappaMargin  = 0.1
	MaxCommonest = 0.9
)

// StudyAgreement holds a model against officers, clustered by patent. Every
// rating has the same number of officers, at least two.
func StudyAgreement(ratings []Rating, levels int, opt Options) (*AgreementStudy, error) {
	if len(ratings) == 0 || len(ratings[0].Officers) < 2 {
		return nil, invalid("officers", "至少需要两位人员对同一批样本评分", "at least two officers must rate the same samples")
	}
	var indicators, classes []string
	for i, r := range ratings {
		if len(r.Officers) != len(ratings[0].Officers) {
			return nil, invalid("officers", "各行的人员数不一致", "rating %d has %d officers, the first %d", i+1, len(r.Officers), len(ratings[0].Officers))
		}
		for _, g := range append(slices.Clone(r.Officers), r.Model) {
			if g != nil && (*g < 0 || *g >= levels) {
				return nil, invalid("grade", "等级超出范围", "grade %d of rating %d is outside 0..%d", *g, i+1, levels-1)
			}
		}
		if !slices.Contains(indicators, r.Indicator) {
			indicators = append(indicators, r.Indicator)
		}
		if r.Class != "" && !slices.Contains(classes, r.Class) {
			classes = append(classes, r.Class)
		}
	}
	slices.Sort(indicators)
	slices.Sort(classes)
	s := &AgreementStudy{}
	for _, code := range append([]string{""}, indicators...) {
		row, err := agreementRow(ratings, code, "", levels, opt)
		if err != nil {
			return nil, err
		}
		s.Rows = append(s.Rows, row)
	}
	for _, class := range classes {
		row, err := agreementRow(ratings, "", class, levels, opt)
		if err != nil {
			return nil, err
		}
		s.Rows = append(s.Rows, row)
	}
	s.judge()
	return s, nil
}

func agreementRow(ratings []Rating, code, class string, levels int, opt Options) (row AgreementRow, err error) {
	row.Indicator, row.Class = code, class
	var whole []Rating
	var clusters []string
	all, modelAbstains, officerAbstains, officerRatings := 0, 0, 0, 0
	said := map[int]int{}
	patents := map[string]bool{}
	for _, r := range ratings {
		if code != "" && r.Indicator != code || class != "" && r.Class != class {
			continue
		}
		all++
		complete := r.Model != nil
		for _, g := range r.Officers {
			officerRatings++
			if g == nil {
				officerAbstains++
				complete = false
			}
		}
		if r.Model == nil {
			modelAbstains++
		} else {
			said[*r.Model]++
		}
		if complete {
			whole, clusters = append(whole, r), append(clusters, r.Patent)
			patents[r.Patent] = true
		}
	}
	row.Pairs, row.Patents = len(whole), len(patents)
	row.ModelAbstains, row.OfficerAbstains = float64(modelAbstains)/float64(all), float64(officerAbstains)/float64(officerRatings)
	for _, n := range said {
		row.Commonest = max(row.Commonest, float64(n)/float64(all-modelAbstains))
	}
	if len(whole) < 2 {
		none := undefined("fewer than two ratings by everybody")
		row.ModelKappa, row.OfficerKappa, row.Difference, row.ICC, row.Bias = none, none, none, none, none
		return row, nil
	}
	grade := func(at []int, pick func(Rating) int) []int {
		out := make([]int, len(at))
		for k, i := range at {
			out[k] = pick(whole[i])
		}
		return out
	}
	model := func(r Rating) int { return *r.Model }
	officer := func(o int) func(Rating) int { return func(r Rating) int { return *r.Officers[o] } }
	mean := func(r Rating) float64 {
		sum := 0
		for _, g := range r.Officers {
			sum += *g
		}
		return float64(sum) / float64(len(r.Officers))
	}
	raters := len(whole[0].Officers)
	withModel := func(at []int) float64 {
		sum := 0.0
		for o := range raters {
			sum += kappaOf(grade(at, model), grade(at, officer(o)), levels)
		}
		return sum / float64(raters)
	}
	among := func(at []int) float64 {
		sum, n := 0.0, 0
		for a := range raters {
			for b := range a {
				sum += kappaOf(grade(at, officer(a)), grade(at, officer(b)), levels)
				n++
			}
		}
		return sum / float64(n)
	}
	for _, f := range []struct {
		to   *Figure
		stat func(at []int) float64
	}{
		{&row.ModelKappa, withModel},
		{&row.OfficerKappa, among},
		{&row.Difference, func(at []int) float64 { return withModel(at) - among(at) }},
		{&row.ICC, func(at []int) float64 {
			pairs := make([][]float64, len(at))
			for k, i := range at {
				pairs[k] = []float64{float64(*whole[i].Model), mean(whole[i])}
			}
			v, err := ICC21(pairs)
			if err != nil {
				return math.NaN()
			}
			return v
		}},
		{&row.Bias, func(at []int) float64 {
			sum := 0.0
			for _, i := range at {
				sum += float64(*whole[i].Model) - mean(whole[i])
			}
			return sum / float64(len(at))
		}},
	} {
		if *f.to, err = Bootstrap(len(whole), clusters, f.stat, Percentile, opt); err != nil {
			return row, err
		}
	}
	return row, nil
}

// kappaOf is the weighted kappa, NaN where it is not defined.
func kappaOf(a, b []int, levels int) float64 {
	v, err := QuadraticKappa(a, b, levels)
	if err != nil {
		return math.NaN()
	}
	return v
}

// judge reaches the verdict from all indicators together.
func (s *AgreementStudy) judge() {
	all := s.Rows[0]
	d := all.Difference
	width := (d.High - d.Low) / 2
	if d.HasInterval() && width > 0 {
		// The half-width falls with the root of the sample: what is needed to
		// tell the difference seen from the margin.
		if gap := math.Abs(d.Value + KappaMargin); gap > 0 {
			s.Needed = int(math.Min(math.Ceil(float64(all.Pairs)*math.Pow(width/gap, 2)), 1e6))
		}
	}
	s.Needed = max(s.Needed, MinPairs)
	switch {
	case all.Pairs < MinPairs:
		s.Why = "too few double ratings"
	case all.Commonest > MaxCommonest:
		s.Why = "the model says nearly always the same"
	case !d.HasInterval():
		s.Why = cmp.Or(d.Reason, "the difference of the kappas is not defined")
	case d.Low < -KappaMargin && d.High > -KappaMargin:
		s.Why = "undecided: the interval of the difference holds the margin"
	case d.High <= -KappaMargin:
		s.Why = "the model agrees with officers less than they do with each other"
	default:
		s.Passed, s.Why, s.Needed = true, "the model agrees with officers as they do with each other", 0
	}
	if s.Needed <= all.Pairs {
		s.Needed = 0
	}
}
