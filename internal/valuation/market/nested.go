package market

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"zhijia/internal/calendar"
)

// Trial is one own deal priced from what was known before it: by the shipped
// model without the institution's deals, and by the model fitted and calibrated
// on them. Neither has seen the deal.
type Trial struct {
	ID     string `json:"id"`
	Event  string `json:"event"`
	Market Sale   `json:"market"`
	Year   int    `json:"year"`

	Before Forecast `json:"before"`
	After  Forecast `json:"after"`
}

// Forecast is a predictive range of ln price and how far the price lay from it.
type Forecast struct {
	Error float64 `json:"error"` // ln price - ln estimate
	Half  float64 `json:"half"`  // half the range at the level asked for
}

func (f Forecast) in() bool { return math.Abs(f.Error) <= f.Half }

// Line is one row of an error table.
type Line struct {
	Market Sale    `json:"market,omitempty"` // empty: all
	Deals  int     `json:"deals"`
	Events int     `json:"events"`
	Before Measure `json:"before"` // the shipped model without the ledger
	After  Measure `json:"after"`  // fitted and calibrated on what came before each deal
}

// Measure says how good forecasts were.
type Measure struct {
	MedianError  float64 `json:"median_abs_log_error"`
	MeanError    float64 `json:"mean_abs_log_error"`
	Coverage     float64 `json:"coverage"`
	CoverageLow  float64 `json:"coverage_low"` // 95% interval over events
	CoverageHigh float64 `json:"coverage_high"`
	MedianWidth  float64 `json:"median_width"` // of the range, as a factor: high over low

	worth float64 // independent deals that would tell as much of the coverage
}

// nestedBlocks is the number of blocks of own deals; the first is never tested.
const nestedBlocks = 5

// nestedLeast is the number of own deals below which nothing is fitted.
const nestedLeast = 10

// Nested prices own deals in blocks by date, each from a model fitted and
// calibrated on the deals before the block alone. A deal of a session that began
// before its block is left out. level is that of the range.
func Nested(p Prior, deals []Deal, level float64) (trials []Trial, err error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	byDate := func(a, b Deal) int { return cmp.Or(a.Date.Compare(b.Date), compare(a, b)) }
	dated := slices.DeleteFunc(slices.Clone(deals), func(d Deal) bool { return d.Date.IsZero() })
	slices.SortStableFunc(dated, byDate)
	own := slices.DeleteFunc(slices.Clone(dated), func(d Deal) bool { return !d.Own })
	shipped := p.Calibration.Ready()
	for b := 1; b < nestedBlocks; b++ {
		from, to := len(own)*b/nestedBlocks, len(own)*(b+1)/nestedBlocks
		if from < nestedLeast || from == to {
			continue
		}
		start := own[from].Date
		early := slices.DeleteFunc(slices.Clone(dated), func(d Deal) bool { return !d.Date.Before(start) })
		public := slices.DeleteFunc(slices.Clone(early), func(d Deal) bool { return d.Own })
		seen := map[string]bool{}
		for i := range early {
			seen[early[i].Event] = early[i].Event != ""
		}
		if len(early)-len(public) < nestedLeast {
			continue
		}
		var years []int
		for i := from; i < to; i++ {
			years = append(years, own[i].Date.Year)
		}
		fitted, _, _, err := p.calibrated(early, years[0])
		if err != nil {
			return nil, err
		}
		after, err := solveFor(fitted, early, years)
		if err != nil {
			return nil, err
		}
		before, err := solveFor(p, public, years)
		if err != nil {
			return nil, err
		}
		ready := fitted.Calibration.Ready()
		for i := from; i < to; i++ {
			d := &own[i]
			if seen[d.Event] {
				continue
			}
			one := func(v *View, r *Ready) Forecast {
				m, sd := v.expect(d)
				half := r.At(d.Market, level).Half
				if math.IsInf(half, 1) {
					half = largestHalf
				}
				return Forecast{d.Log - m, half * sd}
			}
			trials = append(trials, Trial{d.ID, cmp.Or(d.Event, "\x00"+d.ID), d.Market, d.Date.Year, one(before, shipped), one(after, ready)})
		}
	}
	return trials, nil
}

// largestHalf bounds half a range in sd where the deals are too few to measure
// it.
const largestHalf = 10

// calibrated fits on deals and measures the errors with each event left out.
func (p Prior) calibrated(deals []Deal, year int) (fitted Prior, logLik float64, notes []string, err error) {
	slices.SortStableFunc(deals, compare)
	if fitted, logLik, notes, err = p.fit(deals); err != nil {
		return p, 0, nil, err
	}
	v, err := Solve(fitted, deals, year)
	if err != nil {
		return p, 0, nil, err
	}
	fitted.Calibration = Calibration{Scores: v.LeaveEventOut(), Source: fmt.Sprintf("leave one event out, %d deals of %d events", len(deals), countEvents(deals))}
	return fitted, logLik, notes, nil
}

// Table sums trials up: all of them first, then each market that has any.
func Table(trials []Trial) []Line {
	out := []Line{line("", trials)}
	for _, s := range Sales {
		if some := slices.DeleteFunc(slices.Clone(trials), func(t Trial) bool { return t.Market != s }); len(some) > 0 {
			out = append(out, line(s, some))
		}
	}
	return out
}

func line(s Sale, trials []Trial) Line {
	events := map[string]bool{}
	for i := range trials {
		events[trials[i].Event] = true
	}
	return Line{
		s, len(trials), len(events),
		measure(trials, func(t *Trial) Forecast { return t.Before }), measure(trials, func(t *Trial) Forecast { return t.After }),
	}
}

// measure takes the interval of the coverage over events: the errors of one
// session are one experience. The variance of the ratio over events gives the
// number of independent deals that would tell as much, and Wilson's interval for
// that number holds at the ends also.
func measure(trials []Trial, of func(*Trial) Forecast) Measure {
	if len(trials) == 0 {
		return Measure{CoverageHigh: 1}
	}
	var abs, width []float64
	hits, size := map[string]float64{}, map[string]float64{}
	var order []string
	in, sum := 0.0, 0.0
	for i := range trials {
		t := &trials[i]
		f := of(t)
		abs, width = append(abs, math.Abs(f.Error)), append(width, 2*f.Half)
		sum += math.Abs(f.Error)
		if size[t.Event] == 0 {
			order = append(order, t.Event)
		}
		size[t.Event]++
		if f.in() {
			hits[t.Event]++
			in++
		}
	}
	n, m := float64(len(trials)), float64(len(order))
	c := in / n
	ss := 0.0
	for _, e := range order {
		r := hits[e] - c*size[e]
		ss += r * r
	}
	worth := m // independent deals: no more than events when all hit or all miss
	if m > 1 && ss > 0 {
		worth = min(c*(1-c)/(ss*m/(m-1)/(n*n)), n)
	}
	low, high := wilson(c, worth)
	return Measure{median(abs), sum / n, c, low, high, math.Exp(median(width)), worth}
}

// wilson is the 95% interval of a share measured on n independent cases (Wilson
// 1927).
func wilson(c, n float64) (low, high float64) {
	const z = 1.959964
	mid, half := (c+z*z/(2*n))/(1+z*z/n), z/(1+z*z/n)*math.Sqrt(c*(1-c)/n+z*z/(4*n*n))
	return max(mid-half, 0), min(mid+half, 1)
}

// Held turns the line's coverage into what an opinion states of a model
// calibrated on so many events: measured on deals that entered neither fit nor
// calibration. The trials tell how models so made cover; how this one covers
// differs from that by its own draw of calibration events, with the variance
// c(1-c)/events (Vovk 2012). Both err together: deals that happen to lie close
// cover well in the trials and calibrate a range too narrow for the next. So the
// two deviations are added, not their squares.
func (l *Line) Held(level float64, events, from, to int) Held {
	m := &l.After
	d := 1/math.Sqrt(m.worth) + 1/math.Sqrt(float64(events))
	low, high := wilson(m.Coverage, 1/(d*d))
	return Held{Level: level, Coverage: m.Coverage, Low: low, High: high, Deals: l.Deals, Events: l.Events, From: from, To: to}
}

// Arrivals prices deals that came after a model was made, in the order of their
// dates, by that model and the deals before the day.
func Arrivals(p Prior, deals []Deal, since calendar.Date, level float64) ([]Trial, error) {
	var early, late []Deal
	var years []int
	seen := map[string]bool{}
	for _, d := range deals {
		switch {
		case d.Date.IsZero():
		case d.Date.Before(since):
			early = append(early, d)
			seen[d.Event] = d.Event != ""
		case d.Own:
			late, years = append(late, d), append(years, d.Date.Year)
		}
	}
	if len(late) == 0 {
		return nil, nil
	}
	v, err := solveFor(p, early, years)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(late, func(a, b Deal) int { return cmp.Or(a.Date.Compare(b.Date), compare(a, b)) })
	ready := p.Calibration.Ready()
	var out []Trial
	for i := range late {
		d := &late[i]
		if seen[d.Event] {
			continue
		}
		m, sd := v.expect(d)
		f := Forecast{d.Log - m, min(ready.At(d.Market, level).Half, largestHalf) * sd}
		out = append(out, Trial{d.ID, cmp.Or(d.Event, "\x00"+d.ID), d.Market, d.Date.Year, f, f})
	}
	return out, nil
}

// Refit fits scales and slopes to the deals and measures the errors with each
// event left out, as [Fit] does without its comparison. trials, when there are
// enough, say the coverage at their level instead: of deals that entered neither
// fit nor calibration.
func Refit(p Prior, deals []Deal, year int, trials []Trial, level float64) (Prior, []string, error) {
	if err := p.Check(); err != nil {
		return p, nil, err
	}
	sorted := slices.Clone(deals)
	fitted, _, notes, err := p.calibrated(sorted, year)
	if err != nil {
		return p, nil, err
	}
	l := Source{Reason: "maximum marginal likelihood", Source: fmt.Sprintf("%d deals of %d events", len(deals), countEvents(sorted)), Provenance: "computed"}
	for i := range sorted {
		if y := sorted[i].Date.Year; y > 0 {
			l.From, l.To = min(cmp.Or(l.From, y), y), max(l.To, y)
		}
	}
	fitted.Learned = l
	for _, at := range [...]float64{.8, .9, .95} {
		fitted.Calibration.Held = append(fitted.Calibration.Held, fitted.Calibration.Measure(at))
	}
	if len(trials) < TrialsNeeded {
		return fitted, notes, nil
	}
	all, from, to := Table(trials)[0], trials[0].Year, trials[0].Year
	for i := range trials {
		from, to = min(from, trials[i].Year), max(to, trials[i].Year)
	}
	for i := range fitted.Calibration.Held {
		if h := &fitted.Calibration.Held[i]; h.Level == level {
			*h = all.Held(level, countEvents(sorted), from, to)
		}
	}
	fitted.Calibration.Source += fmt.Sprintf("; coverage at %.0f%% out of time on %d own deals of %d events, %d to %d", 100*level, all.Deals, all.Events, from, to)
	return fitted, notes, nil
}

// TrialsNeeded is the number of trials from which a coverage is stated.
const TrialsNeeded = 20

// Versus compares the mean absolute error after with before, pair by pair: below
// 0 is better. low and high are the 95% interval over events.
func Versus(trials []Trial) (difference, low, high float64) {
	if len(trials) == 0 {
		return 0, math.Inf(-1), math.Inf(1)
	}
	by := map[string][2]float64{}
	var order []string
	n := float64(len(trials))
	for i := range trials {
		t := &trials[i]
		x, ok := by[t.Event]
		if !ok {
			order = append(order, t.Event)
		}
		d := math.Abs(t.After.Error) - math.Abs(t.Before.Error)
		by[t.Event] = [2]float64{x[0] + d, x[1] + 1}
		difference += d / n
	}
	ss, m := 0.0, float64(len(order))
	for _, e := range order {
		r := by[e][0] - difference*by[e][1]
		ss += r * r
	}
	if m < 2 {
		return difference, math.Inf(-1), math.Inf(1)
	}
	se := math.Sqrt(ss*m/(m-1)) / n
	return difference, difference - 1.96*se, difference + 1.96*se
}
