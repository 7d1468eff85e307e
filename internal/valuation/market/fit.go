package market

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/optimize"
	"gonum.org/v1/gonum/stat/distuv"
)

// maximise finds the scales of the greatest posterior: marginal likelihood times the log-normal priors of the scales.
func (d *design) maximise() (*solved, bool) {
	start := d.prior.Scales.vector()
	var free []int
	var med, sd [nScales]float64
	for i, name := range scaleNames {
		p := d.prior.ScalePriors[name]
		if p.LogSD > 0 && start[i] > 0 {
			free = append(free, i)
			med[i], sd[i] = math.Log(p.Median), p.LogSD
		}
	}
	at := func(x []float64) [nScales]float64 {
		v := start
		for k, i := range free {
			v[i] = math.Exp(min(max(x[k], -9), 5))
		}
		return v
	}
	var last []float64
	var lastSolved *solved
	eval := func(x []float64) *solved {
		if last != nil && equal(last, x) {
			return lastSolved
		}
		s, ok := d.solve(at(x))
		if !ok {
			s = nil
		}
		last, lastSolved = append([]float64(nil), x...), s
		return s
	}
	problem := optimize.Problem{
		Func: func(x []float64) float64 {
			s := eval(x)
			if s == nil {
				return math.Inf(1)
			}
			f := -s.logLik
			for k, i := range free {
				t := (x[k] - med[i]) / sd[i]
				f += t * t / 2
			}
			return f
		},
		Grad: func(g, x []float64) {
			s := eval(x)
			for k, i := range free {
				g[k] = (x[k] - med[i]) / (sd[i] * sd[i])
				if s != nil {
					g[k] -= s.grad[i]
				}
			}
		},
	}
	x := make([]float64, len(free))
	for k, i := range free {
		x[k] = math.Log(start[i])
	}
	r, err := optimize.Minimize(problem, x, &optimize.Settings{GradientThreshold: 1e-6, MajorIterations: 200}, &optimize.LBFGS{})
	if r == nil {
		return nil, false
	}
	_ = err // the line search stops at rounding: the best point found stands
	s := eval(r.X)
	return s, s != nil
}

func equal(a, b []float64) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

var errSingular = errors.New("market: the deals and the prior give no covariance that can be inverted")

// Report tells what a fit did and whether it is better than what it started from.
type Report struct {
	Deals  int      `json:"deals"`
	Events int      `json:"events"`
	From   int      `json:"from_year"`
	To     int      `json:"to_year"`
	Before Scales   `json:"before"`
	After  Scales   `json:"after"`
	LogLik float64  `json:"log_likelihood"`
	Notes  []string `json:"notes,omitempty"` // e.g. a slope whose data want the other sign

	// Out of time: each block of deals from all deals before it, with the fit made on those alone, against the prior it
	// started from on the same deals.
	Tested      int     `json:"tested_deals"`
	TestedEvent int     `json:"tested_events"`
	Error       float64 `json:"median_abs_log_error"`
	ErrorPrior  float64 `json:"median_abs_log_error_prior"`
	CRPS        float64 `json:"crps"`
	CRPSPrior   float64 `json:"crps_prior"`
	Difference  float64 `json:"crps_difference"` // fit less prior; below 0 is better
	Low         float64 `json:"crps_difference_low"`
	High        float64 `json:"crps_difference_high"`
	Coverage    float64 `json:"coverage_80"`
	Worse       bool    `json:"worse"` // the fit lost out of time: do not switch to it unasked
}

// blocks is the number of blocks of the out-of-time comparison.
const blocks = 5

// Fit refits scales, slopes and calibration on the deals by maximum marginal likelihood and compares the result out of
// time with the prior it starts from. The levels need no fit: the deals move them in every [Solve].
func Fit(p Prior, deals []Deal, year int) (Prior, Report, error) {
	if err := p.Check(); err != nil {
		return p, Report{}, err
	}
	sorted := slices.Clone(deals)
	slices.SortStableFunc(sorted, compare)
	fitted, ll, notes, err := p.fit(sorted)
	if err != nil {
		return p, Report{}, err
	}
	r := Report{Deals: len(deals), Events: countEvents(sorted), Before: p.Scales, After: fitted.Scales, LogLik: ll, Notes: notes}
	for i := range sorted {
		if y := sorted[i].Date.Year; y > 0 {
			r.From, r.To = min(cmp.Or(r.From, y), y), max(r.To, y)
		}
	}
	if v, err := Solve(fitted, sorted, year); err == nil {
		fitted.Calibration = Calibration{Scores: v.LeaveEventOut(), Source: fmt.Sprintf("leave one event out, %d deals of %d events", r.Deals, r.Events)}
		for _, level := range [...]float64{.8, .9, .95} {
			fitted.Calibration.Held = append(fitted.Calibration.Held, fitted.Calibration.Measure(level))
		}
	}
	fitted.Learned = Source{Reason: "maximum marginal likelihood", Source: fmt.Sprintf("%d deals of %d events", r.Deals, r.Events), Provenance: "computed", From: r.From, To: r.To}
	if err := r.outOfTime(p, sorted); err != nil {
		return p, r, err
	}
	return fitted, r, nil
}

func countEvents(deals []Deal) int {
	seen := map[string]bool{}
	for i := range deals {
		seen[cmp.Or(deals[i].Event, "\x00"+deals[i].ID)] = true
	}
	return len(seen)
}

// fit finds scales and slopes for the deals.
func (p Prior) fit(deals []Deal) (Prior, float64, []string, error) {
	var free []int
	for i := range factNames {
		known := 0
		for k := range deals {
			if deals[k].Facts.at(i) != nil {
				known++
			}
		}
		if known >= 10 && p.slopeOf(i).SD > 0 {
			free = append(free, i)
		}
	}
	var notes []string
	if cell := p.ScalePriors["market_kind"]; p.Scales.Cell == 0 && cell.LogSD > 0 {
		p.Scales.Cell = cell.Median // left out of the shipped model, whose deals are too few to tell it
	}
	for {
		s, ok := layout(&p, deals, free, nil).maximise()
		if !ok {
			return p, 0, nil, errSingular
		}
		out := p
		out.Scales = scalesOf(s.scale)
		wrong := -1
		for _, i := range free {
			v := p.slopeOf(i).PerUnit + s.mean[s.slope[i]]
			if v < 0 {
				wrong = i
				break
			}
			out.slopeOf(i).PerUnit = v
		}
		if wrong < 0 {
			return out, s.logLik, notes, nil
		}
		p.slopeOf(wrong).PerUnit = 0
		free = slices.DeleteFunc(free, func(i int) bool { return i == wrong })
		notes = append(notes, factNames[wrong]+": the deals want the other sign; the slope is 0")
	}
}

// outOfTime compares the fit with the prior on blocks of later deals.
func (r *Report) outOfTime(p Prior, deals []Deal) error {
	dated := slices.DeleteFunc(slices.Clone(deals), func(d Deal) bool { return d.Date.IsZero() })
	slices.SortStableFunc(dated, func(a, b Deal) int { return cmp.Or(a.Date.Compare(b.Date), cmp.Compare(a.ID, b.ID)) })
	type pair struct{ fit, prior float64 }
	byEvent := map[string][]pair{}
	var order []string
	var abs, absPrior []float64
	in := 0
	for b := 1; b < blocks; b++ {
		from, to := len(dated)*b/blocks, len(dated)*(b+1)/blocks
		if from < 10 || from == to {
			continue
		}
		start := dated[from].Date
		early := slices.DeleteFunc(slices.Clone(dated), func(d Deal) bool { return !d.Date.Before(start) })
		if len(early) < 10 {
			continue
		}
		slices.SortStableFunc(early, compare)
		fitted, _, _, err := p.fit(early)
		if err != nil {
			return err
		}
		inEarly := map[string]bool{}
		for i := range early {
			inEarly[early[i].Event] = early[i].Event != ""
		}
		priors := [...]Prior{fitted, p}
		var years []int
		for i := from; i < to; i++ {
			years = append(years, dated[i].Date.Year)
		}
		var views [2]*View
		for k, q := range priors {
			if views[k], err = solveFor(q, early, years); err != nil {
				return err
			}
		}
		for i := from; i < to; i++ {
			d := &dated[i]
			var e, sd [2]float64
			for k, v := range views {
				if inEarly[d.Event] { // a session over several days: its earlier lots do not count
					rest := slices.DeleteFunc(slices.Clone(early), func(e Deal) bool { return e.Event == d.Event })
					if v, err = solveFor(priors[k], rest, years); err != nil {
						return err
					}
				}
				m, s := v.expect(d)
				e[k], sd[k] = d.Log-m, s
			}
			key := cmp.Or(d.Event, "\x00"+d.ID)
			if byEvent[key] == nil {
				order = append(order, key)
			}
			byEvent[key] = append(byEvent[key], pair{crpsNormal(e[0], sd[0]), crpsNormal(e[1], sd[1])})
			abs, absPrior = append(abs, math.Abs(e[0])), append(absPrior, math.Abs(e[1]))
			if math.Abs(e[0]) <= distuv.UnitNormal.Quantile(.9)*sd[0] {
				in++
			}
		}
	}
	r.Tested, r.TestedEvent = len(abs), len(order)
	if r.Tested == 0 {
		r.Worse = true // nothing shows that it is better
		return nil
	}
	n := float64(r.Tested)
	for _, k := range order {
		for _, x := range byEvent[k] {
			r.CRPS += x.fit / n
			r.CRPSPrior += x.prior / n
		}
	}
	r.Difference = r.CRPS - r.CRPSPrior
	ss, m := 0.0, float64(len(order))
	for _, k := range order {
		t := 0.0
		for _, x := range byEvent[k] {
			t += x.fit - x.prior - r.Difference
		}
		ss += t * t
	}
	se := 0.0
	if m > 1 {
		se = math.Sqrt(ss*m/(m-1)) / n
	}
	r.Low, r.High = r.Difference-1.96*se, r.Difference+1.96*se
	r.Error, r.ErrorPrior = median(abs), median(absPrior)
	r.Coverage = float64(in) / n
	r.Worse = r.Difference > 0
	return nil
}

func median(x []float64) float64 {
	slices.Sort(x)
	n := len(x)
	return (x[n/2] + x[(n-1)/2]) / 2
}

// crpsNormal is the continuous ranked probability score of a normal forecast whose error is e (Gneiting, Raftery 2007).
func crpsNormal(e, sd float64) float64 {
	z := e / sd
	n := distuv.UnitNormal
	return sd * (z*(2*n.CDF(z)-1) + 2*n.Prob(z) - 1/math.Sqrt(math.Pi))
}
