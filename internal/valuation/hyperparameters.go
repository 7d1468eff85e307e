package valuation

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/optimize"

	"zhijia/internal/calendar"
	"zhijia/internal/patent"
	"zhijia/internal/valuation/terms"
)

// ModelCard documents fitted hyperparameters: what they were fitted on, when,
// and how wrong the model was out of time.
type ModelCard struct {
	Version     string             `json:"version"` // of the parameters, addressable
	Fitted      calendar.Date      `json:"fitted"`
	DataHash    string             `json:"data_hash"`
	N           int                `json:"n"`
	From        calendar.Date      `json:"from"`
	To          calendar.Date      `json:"to"`
	Seed        uint64             `json:"seed"`
	Parameters  map[string]float64 `json:"parameters"`
	LogLik      float64            `json:"log_likelihood"`
	Baseline    float64            `json:"log_likelihood_at_start"`
	Iterations  int                `json:"iterations"`
	TestN       int                `json:"test_n"`           // latest deals held out
	TestMdALE   *float64           `json:"test_mdale"`       // median |ln price - ln estimate| on them
	TestPriorLE *float64           `json:"test_mdale_prior"` // the same for the population prior
	TestCover   *float64           `json:"test_coverage_80"` // share inside the 80% range
	Method      string             `json:"method"`
}

// FitDeal is one deal of the store with the vector its similarity is taken
// from.
type FitDeal struct {
	Comparable
	Vector []float32 `json:"vector,omitempty"` // unit length; deals without one are unlike every other
}

// FitOptions steer [FitMarket].
type FitOptions struct {
	Date calendar.Date // of the fit; only deals before it count
	Seed uint64
	// Similarity in [0, 1] of two deals; nil is the cosine of their vectors.
	Similarity func(a, b *FitDeal) float64
}

const (
	fitBlock = 120 // deals per block of the likelihood
	fitNear  = 50  // neighbours of a held-out deal

	surfaceGain = 0.0  // nats a surface must gain to be as likely as none: equal odds
	flatSignal  = 0.02 // sd of the surface when there is none
)

// FitMarket fits the kernel's signal, length and noise by maximum a
// posteriori marginal likelihood with its gradient (Rasmussen, Williams 2006,
// 5.8-5.9). The likelihood is a composite one: deals are gathered into blocks
// of at most 120 mutually similar ones, and blocks are taken as independent,
// so that n deals cost O(n·120²). The latest tenth is held out and predicted
// from the rest. It returns the kernel to put into the assumptions, with its
// card, and the calibration scores of the held-out deals. Stored valuations
// are never touched.
func FitMarket(as Assumptions, deals []FitDeal, opt FitOptions) (Kernel, Calibration, error) {
	if opt.Similarity == nil {
		opt.Similarity = cosine
	}
	kept := make([]FitDeal, 0, len(deals))
	for i := range deals {
		d := deals[i]
		d.Similar = &Similarity{Total: 1}
		if as.refuse(&d.Comparable, terms.PurposeAssignment, opt.Date) == "" {
			kept = append(kept, d)
		}
	}
	slices.SortStableFunc(kept, func(a, b FitDeal) int {
		return cmp.Or(lastDay(a.Date, a.DateUnit).Compare(lastDay(b.Date, b.DateUnit)), compareDeals(&a.Comparable, &b.Comparable))
	})
	kept = slices.CompactFunc(kept, func(a, b FitDeal) bool { return a.DealID == b.DealID })
	if len(kept) < 10 {
		return Kernel{}, Calibration{}, fmt.Errorf("%d usable deals: at least 10 are needed to fit hyperparameters", len(kept))
	}
	cut := len(kept) - len(kept)/10
	train := kept[:cut]
	k, iterations, start, end, err := fitKernel(as, train, opt)
	if err != nil {
		return Kernel{}, Calibration{}, err
	}
	card := &ModelCard{
		Fitted: opt.Date, N: len(kept), From: kept[0].Date, To: kept[len(kept)-1].Date, Seed: opt.Seed, DataHash: fitHash(kept),
		LogLik: end, Baseline: start, Iterations: iterations, TestN: len(kept) - cut,
		Parameters: map[string]float64{"signal": k.Signal.Value, "length": k.Length.Value, "noise": k.Noise.Value},
		Method:     fmt.Sprintf("maximum a posteriori, composite marginal likelihood in blocks of %d, L-BFGS with gradient; latest tenth held out", fitBlock),
	}
	card.Version = "kernel-" + opt.Date.String() + "-" + card.DataHash[:8]
	as.Kernel = k
	cal := Calibration{Mode: "split", Source: card.Version + ", held-out deals"}
	var errs, prior []float64
	inside := 0.0
	for i := cut; i < len(kept); i++ {
		p, y := as.predictDeal(kept, i, cut, opt.Similarity)
		errs = append(errs, math.Abs(y-p.mean))
		q, _ := as.population(kept[i].Owner, terms.DealAssignment)
		prior = append(prior, math.Abs(y-math.Log(q.Median.Value)))
		if math.Abs(y-p.mean) <= terms.Z10*p.sd {
			inside++
		}
		cal.Scores = append(cal.Scores, CalibrationScore{ID: kept[i].DealID, Cluster: kept[i].FamilyID, Kind: kept[i].Kind, Error: y - p.mean, SD: p.sd})
	}
	if len(errs) < MinCalibration(0.95) {
		cal = LeaveOneOut(as, kept, opt.Similarity)
		cal.Source = card.Version + ", leave-one-deal-out"
	}
	if n := len(errs); n > 0 {
		slices.Sort(errs)
		slices.Sort(prior)
		a, b, c := median(errs), median(prior), inside/float64(n)
		card.TestMdALE, card.TestPriorLE, card.TestCover = &a, &b, &c
	}
	k.Card = card
	return k, cal, nil
}

func cosine(a, b *FitDeal) float64 {
	if len(a.Vector) == 0 || len(a.Vector) != len(b.Vector) {
		return 0
	}
	s := 0.0
	for i, v := range a.Vector {
		s += float64(v) * float64(b.Vector[i])
	}
	return min(max(s, 0), 1)
}

func fitHash(deals []FitDeal) string {
	h := sha256.New()
	for i := range deals {
		d := &deals[i]
		fmt.Fprintf(h, "%q %v %v %s %s %s\n", d.DealID, terms.ValueOr(d.Amount, -1), derefInt(d.Patents, -1), d.Date, d.Kind, d.Source)
		_ = binary.Write(h, binary.LittleEndian, d.Vector) // writing to a hash cannot fail
	}
	return hex.EncodeToString(h.Sum(nil))
}

// subjectAs makes a deal the subject: its own features and population.
func (a *Assumptions) subjectAs(c *Comparable) subjectFacts {
	var s subjectFacts
	s.pop, s.owned = a.population(c.Owner, terms.DealAssignment)
	set := func(f int, p *float64, log bool) {
		if p == nil || log && *p <= 0 {
			return
		}
		v := *p
		if log {
			v = math.Log(v)
		}
		s.value[f], s.known[f] = v, true
	}
	if c.Patent == patent.UtilityModel {
		s.value[fUtility] = 1
	}
	s.known[fUtility] = c.Patent != ""
	s.value[fBundle], s.known[fBundle] = math.Log(float64(max(derefInt(c.Patents, 1), 1))), true
	set(fLife, c.RemainingLife, false)
	set(fClaims, c.Claims, true)
	set(fFamily, c.Family, true)
	set(fAssignees, c.Assignees, true)
	set(fQuality, c.Quality, true)
	return s
}

// predictDeal predicts deal i from its nearest among the first n deals
// (itself left out), as of its own date, and returns its own ln price on the
// ownership footing with its press premium taken out.
func (a *Assumptions) predictDeal(deals []FitDeal, i, n int, similarity func(a, b *FitDeal) float64) (prediction, float64) {
	type near struct {
		at  int
		sim float64
	}
	self := &deals[i]
	all := make([]near, 0, n)
	for j := range n {
		if j != i && deals[j].DealID != self.DealID && (self.FamilyID == "" || deals[j].FamilyID != self.FamilyID) {
			all = append(all, near{j, similarity(self, &deals[j])})
		}
	}
	slices.SortStableFunc(all, func(x, y near) int { return cmp.Compare(y.sim, x.sim) })
	all = all[:min(len(all), fitNear)]
	sub := a.subjectAs(&self.Comparable)
	asg := Assignment{Purpose: terms.PurposeAssignment, Date: lastDay(self.Date, self.DateUnit).AddDays(1)}
	comps := make([]Comparable, len(all))
	ds := make([]deal, len(all))
	pair := make([][]float64, len(all))
	for k, x := range all {
		comps[k] = deals[x.at].Comparable
		comps[k].Similar = &Similarity{Total: x.sim}
		ds[k] = a.normalise(&comps[k], &asg, &sub)
		ds[k].at = k
		pair[k] = make([]float64, len(all))
		for l := range k {
			s := similarity(&deals[x.at], &deals[all[l].at])
			pair[k][l], pair[l][k] = s, s
		}
		pair[k][k] = 1
	}
	own := self.Comparable
	own.Similar = &Similarity{Total: 1}
	d := a.normalise(&own, &asg, &sub)
	if d.press {
		d.y -= a.Source.Mean.Value
	}
	return a.krige(ds, pair, &sub, true, true, 0), d.y
}

// LeaveOneOut calibrates on the deals the kernel was fitted on, each predicted
// from the others (leave-one-deal-out, for when too few can be held out). The
// errors are widened by √(n/(n-3)) for the three parameters they share. At
// most about 400 deals, evenly spread, are scored.
func LeaveOneOut(as Assumptions, deals []FitDeal, similarity func(a, b *FitDeal) float64) Calibration {
	if similarity == nil {
		similarity = cosine
	}
	n := len(deals)
	cal := Calibration{Mode: "split", Source: "leave-one-deal-out"}
	if n < 5 {
		return cal
	}
	widen := math.Sqrt(float64(n) / float64(n-3))
	for i := 0; i < n; i += max(n/400, 1) {
		p, y := as.predictDeal(deals, i, n, similarity)
		cal.Scores = append(cal.Scores, CalibrationScore{ID: deals[i].DealID, Cluster: deals[i].FamilyID, Kind: deals[i].Kind, Error: (y - p.mean) * widen, SD: p.sd})
	}
	return cal
}

// block is one term of the composite likelihood.
type block struct {
	n        int
	resid    []float64 // ln price less its prior mean
	fixed    []float64 // covariance that does not depend on the parameters
	distance []float64 // 1 - similarity
	noise    []float64 // noise variance multipliers
}

// fitKernel maximises the posterior of (ln signal, ln length, ln noise).
func fitKernel(as Assumptions, deals []FitDeal, opt FitOptions) (k Kernel, iterations int, start, end float64, err error) {
	blocks := as.blocks(deals, opt)
	k = as.Kernel
	prior := [3]float64{math.Log(max(k.Signal.Value, 0.05)), math.Log(k.Length.Value), math.Log(k.Noise.Value)}
	width := [3]float64{1.5, 0.35, 0.35} // sd of the prior on each log parameter
	objective := func(x, grad []float64) float64 {
		f := 0.0
		clear(grad)
		for _, b := range blocks {
			f -= b.logLik(x, grad)
		}
		for i := range x {
			d := (x[i] - prior[i]) / width[i]
			f += d * d / 2
			if grad != nil {
				grad[i] = -grad[i] + d/width[i]
			}
		}
		return f
	}
	scale := 1 / float64(len(deals)) // keeps the line search's first step sensible
	problem := optimize.Problem{
		Func: func(x []float64) float64 { return scale * objective(x, nil) },
		Grad: func(grad, x []float64) {
			objective(x, grad)
			for i := range grad {
				grad[i] *= scale
			}
		},
	}
	settings := &optimize.Settings{MajorIterations: 40, FuncEvaluations: 90, Converger: &optimize.FunctionConverge{Absolute: 1e-5, Iterations: 2}}
	start = -objective(prior[:], nil)
	best := slices.Clone(prior[:])
	end = start
	r := rand.New(rand.NewPCG(opt.Seed, 0x6b726967))
	for attempt := range 2 { // the prior's centre, then a seeded start beside it
		x0 := slices.Clone(prior[:])
		if attempt > 0 {
			for i := range x0 {
				x0[i] += r.NormFloat64() * width[i] / 2
			}
		}
		res, _ := optimize.Minimize(problem, x0, settings, &optimize.LBFGS{})
		if res == nil {
			continue
		}
		iterations += res.MajorIterations
		if v := -res.F / scale; v > end && !slices.ContainsFunc(res.X, math.IsNaN) {
			end = v
			best = slices.Clone(res.X)
		}
	}
	// A surface must earn its keep. The variances are averaged with those of
	// the best model without a surface, by their likelihoods less surfaceGain
	// nats, so that noise is not read as signal when deals are few.
	flat := []float64{math.Log(flatSignal), best[1], best[2]}
	flatLik := func(x float64) float64 {
		sum := 0.0
		for _, b := range blocks {
			sum += b.logLik([]float64{flat[0], flat[1], x}, nil)
		}
		return sum
	}
	flat[2] = goldenMax(flatLik, best[2]-1, best[2]+1.5, 16)
	full := 0.0
	for _, b := range blocks {
		full += b.logLik(best, nil)
	}
	w := 1 / (1 + math.Exp(surfaceGain-(full-flatLik(flat[2]))))
	for _, i := range [...]int{0, 2} {
		best[i] = 0.5 * math.Log(w*math.Exp(2*best[i])+(1-w)*math.Exp(2*flat[i]))
	}
	fig := func(f terms.Figure, v float64, what string) terms.Figure {
		return terms.Figure{Value: v, Reason: what + " fitted by marginal likelihood", Source: fmt.Sprintf("own deals, n = %d", len(deals)), Provenance: "computed"}
	}
	k.Signal = fig(k.Signal, math.Exp(best[0]), "sd of the residual surface")
	k.Length = fig(k.Length, math.Exp(best[1]), "kernel length")
	k.Noise = fig(k.Noise, math.Exp(best[2]), "price noise")
	if !(k.Signal.Value > 0 && k.Length.Value > 0 && k.Noise.Value > 0) {
		return k, iterations, start, end, fmt.Errorf("the likelihood has no maximum on these deals")
	}
	return k, iterations, start, end, nil
}

// goldenMax maximises a unimodal f on [lo, hi] by golden section in n steps.
func goldenMax(f func(float64) float64, lo, hi float64, n int) float64 {
	const g = 0.6180339887498949
	a, b := hi-g*(hi-lo), lo+g*(hi-lo)
	fa, fb := f(a), f(b)
	for range n {
		if fa > fb {
			hi, b, fb = b, a, fa
			a = hi - g*(hi-lo)
			fa = f(a)
		} else {
			lo, a, fa = a, b, fb
			b = lo + g*(hi-lo)
			fb = f(b)
		}
	}
	return (lo + hi) / 2
}

// blocks gathers deals around seeded pivots: each block is a pivot and its
// nearest unassigned neighbours.
func (a *Assumptions) blocks(deals []FitDeal, opt FitOptions) []*block {
	r := rand.New(rand.NewPCG(opt.Seed, 0x626c6f63))
	free := make([]int, len(deals))
	for i := range free {
		free[i] = i
	}
	centre := subjectFacts{pop: a.Populations[0]}
	for f := range centre.known {
		centre.known[f] = true
	}
	asg := Assignment{Purpose: terms.PurposeAssignment, Date: opt.Date}
	rows := make([]deal, len(deals))
	for i := range deals {
		deals[i].Similar = &Similarity{Total: 1}
		rows[i] = a.normalise(&deals[i].Comparable, &asg, &centre)
	}
	a.centre(rows)
	var out []*block
	for len(free) > 0 {
		p := free[r.IntN(len(free))]
		sim := make(map[int]float64, len(free))
		for _, i := range free {
			sim[i] = opt.Similarity(&deals[p], &deals[i])
		}
		slices.SortStableFunc(free, func(x, y int) int { return cmp.Or(cmp.Compare(sim[y], sim[x]), cmp.Compare(x, y)) })
		n := min(fitBlock, len(free))
		if rest := len(free) - n; rest > 0 && rest < fitBlock/4 {
			n = len(free) // no tiny last block
		}
		out = append(out, a.newBlock(deals, rows, free[:n], opt.Similarity))
		free = slices.Clone(free[n:])
	}
	return out
}

// centre moves each feature to zero mean over the deals that know it.
func (a *Assumptions) centre(rows []deal) {
	for f := range nFeatures {
		sum, n := 0.0, 0.0
		for i := range rows {
			if rows[i].known[f] {
				sum += rows[i].dx[f]
				n++
			}
		}
		for i := range rows {
			if rows[i].known[f] {
				rows[i].dx[f] -= sum / n
			}
		}
	}
}

func (a *Assumptions) newBlock(deals []FitDeal, rows []deal, idx []int, similarity func(a, b *FitDeal) float64) *block {
	n := len(idx)
	b := &block{n: n, resid: make([]float64, n), fixed: make([]float64, n*n), distance: make([]float64, n*n), noise: make([]float64, n)}
	trend := a.trend()
	src := a.Source.SD.Value * a.Source.SD.Value
	year := a.Kernel.Year.Value * a.Kernel.Year.Value
	base := a.Kernel.Noise.Value * a.Kernel.Noise.Value
	for i, x := range idx {
		d := &rows[x]
		b.resid[i] = d.y - d.mu
		for f := range trend {
			b.resid[i] -= trend[f].Mean * d.dx[f]
		}
		if d.press {
			b.resid[i] -= a.Source.Mean.Value
		}
		b.noise[i] = d.noise / base
		for j := 0; j <= i; j++ {
			e := &rows[idx[j]]
			same := a.Market.CrossPopulation.Value
			if d.pop == e.pop {
				same = 1
			}
			v := 0.5*d.tau*e.tau*same + year*min(d.age, e.age)
			for f := range trend {
				v += trend[f].SD * trend[f].SD * d.dx[f] * e.dx[f]
			}
			if d.press && e.press {
				v += src
			}
			b.fixed[i*n+j] = v
			if i != j {
				b.distance[i*n+j] = 1 - similarity(&deals[x], &deals[idx[j]])
			}
		}
	}
	return b
}

// logLik returns the block's log likelihood at (ln signal, ln length, ln
// noise) and adds its gradient, ½ tr((αα' - C⁻¹) dC).
func (b *block) logLik(x, grad []float64) float64 {
	n := b.n
	sf2, ell, sn2 := math.Exp(2*x[0]), math.Exp(x[1]), math.Exp(2*x[2])
	c, inv := make([]float64, n*n), make([]float64, n*n)
	kern := make([]float64, n*n)
	jitter := 0.0
	for {
		for i := range n {
			for j := 0; j <= i; j++ {
				kern[i*n+j] = sf2 * math.Exp(-b.distance[i*n+j]/ell)
				c[i*n+j] = b.fixed[i*n+j] + kern[i*n+j]
			}
			c[i*n+i] += sn2*b.noise[i] + jitter
		}
		if cholesky(c, n) {
			break
		}
		if jitter = max(4*jitter, 1e-6*(sf2+sn2)); jitter > 1e6 || math.IsNaN(jitter) {
			return math.Inf(-1)
		}
	}
	invertLower(c, inv, n)
	alpha := make([]float64, n)
	mulInverse(inv, b.resid, alpha, n)
	ll := -0.5 * float64(n) * math.Log(2*math.Pi)
	for i := range n {
		ll -= 0.5*b.resid[i]*alpha[i] + math.Log(c[i*n+i])
	}
	if grad == nil {
		return ll
	}
	// C⁻¹ = L⁻ᵀL⁻¹ into c's lower triangle.
	clear(c)
	for k := range n {
		row := inv[k*n : k*n+k+1]
		for i, v := range row {
			ci := c[i*n : i*n+i+1]
			for j := range ci {
				ci[j] += v * row[j]
			}
		}
	}
	for i := range n {
		for j := 0; j <= i; j++ {
			w := alpha[i]*alpha[j] - c[i*n+j]
			if i == j {
				w /= 2
				grad[2] += w * 2 * sn2 * b.noise[i]
			}
			grad[0] += w * 2 * kern[i*n+j]
			grad[1] += w * kern[i*n+j] * b.distance[i*n+j] / ell
		}
	}
	return ll
}
