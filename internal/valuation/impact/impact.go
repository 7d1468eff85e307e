package impact

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"zhijia/internal/accuracy"
)

// ImpactRow is one patent of the corpus an impact model is fitted on.
type Row struct {
	Cohort string             // IPC class and filing year; the percentile is taken within it
	Year   int                // of filing; 0 unknown
	Cited  float64            // forward citations
	Facts  map[string]float64 // bibliographic counts known at T; a missing one is unknown
	Vector []float32          // of title and abstract; empty: none
}

// ImpactCard says what an impact model is worth.
type Card struct {
	N        int     `json:"n"`
	Design   string  `json:"design"` // "out_of_time" or "cross_validated"
	TestN    int     `json:"test_n"`
	Spearman float64 `json:"spearman"` // of prediction and citation percentile on rows not fitted on

	SpearmanInterval *[2]float64 `json:"spearman_95,omitempty"`
	Gain             float64     `json:"gain"` // Spearman less the best single feature's, on the same rows
	GainInterval     *[2]float64 `json:"gain_95,omitempty"`

	Best       string  `json:"best_single_feature"`
	BestRho    float64 `json:"best_single_spearman"` // |rho| on the same rows
	BiblioOnly float64 `json:"bibliographic_only_spearman"`
	Ridge      float64 `json:"ridge"`
}

// ImpactModel predicts the citation percentile of a patent within its cohort.
type Model struct {
	Features  []string  `json:"features"` // bibliographic, in the order of the coefficients
	Mean      []float64 `json:"mean"`     // of every column
	Scale     []float64 `json:"scale"`
	Weights   []float64 `json:"weights"`
	Intercept float64   `json:"intercept"`
	Spread    []float64 `json:"spread"` // sorted predictions on the corpus, 101 points, to turn a prediction into a percentile
	Space     string    `json:"space"`  // embedding space of the vectors
	Card      Card      `json:"card"`
}

// ErrImpactRows says that there are too few rows to fit on.
var ErrRows = errors.New("an impact model needs at least 100 patents with citation counts")

// FitImpact fits a ridge regression from facts and text vector to the
// percentile of citations within the cohort. With dates the newest fifth is
// the test set, otherwise five folds by position. draws is the number of
// bootstrap draws of the card's 95% intervals; 0 leaves them out.
func Fit(rows []Row, space string, draws int) (Model, error) {
	if len(rows) < 100 {
		return Model{}, ErrRows
	}
	var features []string
	seen := map[string]bool{}
	dim, dated := 0, true
	for _, r := range rows {
		for f := range r.Facts {
			if !seen[f] {
				seen[f] = true
				features = append(features, f)
			}
		}
		dim = max(dim, len(r.Vector))
		dated = dated && r.Year > 0
	}
	slices.Sort(features)
	target := impactTarget(rows)
	test := make([]int, len(rows)) // fold of each row; -1 is never tested
	folds, design := 5, "cross_validated"
	if years := rowYears(rows); dated && years[0] != years[len(years)-1] {
		folds, design = 1, "out_of_time"
		from := years[len(years)*4/5]
		if from == years[0] {
			from++
		}
		for i, r := range rows {
			if test[i] = -1; r.Year >= from {
				test[i] = 0
			}
		}
	} else {
		for i := range rows {
			test[i] = i % folds
		}
	}
	evaluate := func(dim int, lambda float64) (rho float64, pred, truth []float64, at []int, err error) {
		for fold := range folds {
			var train []int
			for i := range rows {
				if test[i] != fold {
					train = append(train, i)
				}
			}
			m, err := ridge(rows, target, train, features, dim, lambda)
			if err != nil {
				return 0, nil, nil, nil, err
			}
			for i := range rows {
				if test[i] == fold {
					pred, truth, at = append(pred, m.raw(rows[i])), append(truth, target[i]), append(at, i)
				}
			}
		}
		rho, err = accuracy.Spearman(pred, truth)
		return rho, pred, truth, at, err
	}
	// The penalty is a fixed share of the rows: choosing it on the test rows
	// would flatter the card.
	lambda := 0.1 * float64(len(rows))
	rho, pred, truth, at, err := evaluate(dim, lambda)
	if err != nil {
		return Model{}, err
	}
	biblio, _, _, _, err := evaluate(0, 1)
	if err != nil {
		return Model{}, err
	}
	card := Card{N: len(rows), Design: design, TestN: len(truth), Spearman: rho, BiblioOnly: biblio, Ridge: lambda}
	for _, f := range features {
		x := make([]float64, len(at))
		for k, i := range at {
			x[k] = rows[i].Facts[f]
		}
		r, err := accuracy.Spearman(x, truth)
		if err == nil && math.Abs(r) > card.BestRho {
			card.Best, card.BestRho = f, math.Abs(r)
		}
	}
	card.Gain = card.Spearman - card.BestRho
	if draws > 0 && card.Best != "" {
		best := make([]float64, len(at))
		for k, i := range at {
			best[k] = rows[i].Facts[card.Best]
		}
		over := func(x []float64) func(at []int) float64 {
			return func(at []int) float64 {
				u, v := make([]float64, len(at)), make([]float64, len(at))
				for k, i := range at {
					u[k], v[k] = x[i], truth[i]
				}
				r, err := accuracy.Spearman(u, v)
				if err != nil {
					return math.NaN()
				}
				return r
			}
		}
		model, single := over(pred), over(best)
		card.SpearmanInterval = spearmanInterval(len(at), draws, model)
		card.GainInterval = spearmanInterval(len(at), draws, func(at []int) float64 { return model(at) - math.Abs(single(at)) })
	}
	all := make([]int, len(rows))
	for i := range all {
		all[i] = i
	}
	m, err := ridge(rows, target, all, features, dim, lambda)
	if err != nil {
		return Model{}, err
	}
	preds := make([]float64, len(rows))
	for i := range rows {
		preds[i] = m.raw(rows[i])
	}
	slices.Sort(preds)
	for q := range 101 {
		m.Spread = append(m.Spread, preds[q*(len(preds)-1)/100])
	}
	m.Card, m.Space = card, space
	return m, nil
}

// spearmanInterval is a 95% percentile bootstrap interval over patents, nil
// when the statistic cannot be drawn.
func spearmanInterval(n, draws int, stat func(at []int) float64) *[2]float64 {
	f, err := accuracy.Bootstrap(n, nil, stat, accuracy.Percentile, accuracy.Options{Seed: 1, Iterations: draws, Level: 0.95})
	if err != nil || f.Reason != "" {
		return nil
	}
	return &[2]float64{f.Low, f.High}
}

func rowYears(rows []Row) []int {
	out := make([]int, len(rows))
	for i, r := range rows {
		out[i] = r.Year
	}
	slices.Sort(out)
	return out
}

// impactTarget is the mid-rank percentile of citations within the cohort.
func impactTarget(rows []Row) []float64 {
	groups := map[string][]int{}
	for i, r := range rows {
		groups[r.Cohort] = append(groups[r.Cohort], i)
	}
	out := make([]float64, len(rows))
	for _, g := range groups {
		slices.SortFunc(g, func(a, b int) int { return cmp.Compare(rows[a].Cited, rows[b].Cited) })
		for lo := 0; lo < len(g); {
			hi := lo
			for hi < len(g) && rows[g[hi]].Cited == rows[g[lo]].Cited {
				hi++
			}
			for k := lo; k < hi; k++ {
				out[g[k]] = (float64(lo+hi) / 2) / float64(len(g))
			}
			lo = hi
		}
	}
	return out
}

// columns are log counts, a mark for each unknown count, and the vector.
func (m *Model) columns(r Row, dim int) []float64 {
	x := make([]float64, 0, 2*len(m.Features)+dim)
	for _, f := range m.Features {
		v, ok := r.Facts[f]
		missing := 0.0
		if !ok {
			missing = 1
		}
		x = append(x, math.Log1p(max(v, 0)), missing)
	}
	for i := range dim {
		v := 0.0
		if i < len(r.Vector) {
			v = float64(r.Vector[i])
		}
		x = append(x, v)
	}
	return x
}

// ridge fits standardised columns by the normal equations. Facts are few and
// are penalised a hundredth as much as the vector's columns.
func ridge(rows []Row, target []float64, train []int, features []string, dim int, lambda float64) (Model, error) {
	m := Model{Features: features}
	p, n := 2*len(features)+dim, len(train)
	if p == 0 || n < 50 {
		return m, ErrRows
	}
	x := mat.NewDense(n, p, nil)
	y := mat.NewVecDense(n, nil)
	for k, i := range train {
		x.SetRow(k, m.columns(rows[i], dim))
		m.Intercept += target[i] / float64(n)
	}
	m.Mean, m.Scale = make([]float64, p), make([]float64, p)
	for j := range p {
		var sum, sq float64
		for k := range n {
			sum += x.At(k, j)
		}
		mean := sum / float64(n)
		for k := range n {
			d := x.At(k, j) - mean
			sq += d * d
		}
		if m.Mean[j], m.Scale[j] = mean, math.Sqrt(sq/float64(n)); m.Scale[j] < 1e-9 {
			m.Scale[j] = 0
		}
		for k := range n {
			v := 0.0
			if m.Scale[j] > 0 {
				v = (x.At(k, j) - mean) / m.Scale[j]
			}
			x.Set(k, j, v)
		}
	}
	for k, i := range train {
		y.SetVec(k, target[i]-m.Intercept)
	}
	var xtx mat.SymDense
	xtx.SymOuterK(1, x.T())
	for j := range p {
		penalty := lambda
		if j < 2*len(features) {
			penalty = max(lambda/100, 1)
		}
		xtx.SetSym(j, j, xtx.At(j, j)+penalty)
	}
	var xty, w mat.VecDense
	xty.MulVec(x.T(), y)
	var chol mat.Cholesky
	if !chol.Factorize(&xtx) {
		return m, errors.New("the normal equations are singular")
	}
	if err := chol.SolveVecTo(&w, &xty); err != nil {
		return m, fmt.Errorf("solving the normal equations: %w", err)
	}
	m.Weights = slices.Clone(w.RawVector().Data)
	return m, nil
}

func (m *Model) raw(r Row) float64 {
	out := m.Intercept
	for j, v := range m.columns(r, len(m.Weights)-2*len(m.Features)) {
		if m.Scale[j] > 0 {
			out += m.Weights[j] * (v - m.Mean[j]) / m.Scale[j]
		}
	}
	return out
}

// Percentile predicts the citation percentile within the cohort, in [0, 100].
func (m *Model) Percentile(r Row) float64 {
	i, _ := slices.BinarySearch(m.Spread, m.raw(r))
	return float64(min(i, 100))
}
