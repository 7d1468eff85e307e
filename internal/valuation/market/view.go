package market

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// View is the model solved for one set of deals: an institution's view of the ledger at one cut-off. It is immutable and
// may be shared.
type View struct {
	s     *solved
	prior Prior
	year  int
}

// Solve solves the model for the deals, which the caller has admitted for one cut-off, and for questions asked in that
// year. The order of the deals changes nothing. It fails only for a prior that does not pass [Prior.Check].
func Solve(p Prior, deals []Deal, year int) (*View, error) { return solveFor(p, deals, []int{year}) }

func solveFor(p Prior, deals []Deal, years []int) (*View, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	sorted := slices.Clone(deals)
	slices.SortStableFunc(sorted, compare)
	v := &View{prior: p, year: years[0]}
	d := newDesign(&v.prior, sorted, years...)
	if v.s = d.robust(p.Scales.vector()); v.s == nil {
		return nil, errSingular
	}
	return v, nil
}

func compare(a, b Deal) int {
	return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Log, b.Log), cmp.Compare(a.Event, b.Event))
}

// Price answers one question.
func (v *View) Price(q Question) Figure {
	f := v.price(q)
	if f.Mean == math.Inf(-1) {
		return f
	}
	// A utility model is worth no more than an invention, all else equal: few sales of one of them may say otherwise.
	if q.Kind == "utility_model" {
		as := q
		as.Kind = "invention"
		f = f.capped(v.price(as), "order")
	}
	// So is a right sold by force worth no more than one sold in private, and that no more than one shown with support.
	switch q.Market {
	case Distress:
		as := q
		as.Market, as.Channel = Private, Ordinary(Private, q.Owner, q.Kind).Channel
		f = f.capped(v.Price(as), "order")
	case Showcase, Corporate:
		as := q
		as.Market, as.Channel = Private, Ordinary(Private, q.Owner, q.Kind).Channel
		f = f.raised(v.Price(as), "order")
	}
	return f
}

func (f Figure) capped(by Figure, key string) Figure {
	if d := by.Mean - f.Mean; d < 0 {
		f.Mean += d
		f.Parts = append(f.Parts, Part{key, d})
	}
	return f
}

func (f Figure) raised(by Figure, key string) Figure {
	if d := by.Mean - f.Mean; d > 0 {
		f.Mean += d
		f.Parts = append(f.Parts, Part{key, d})
	}
	return f
}

// price answers one question without the order of kinds and markets.
func (v *View) price(q Question) Figure {
	s, p := v.s, &v.prior
	year := cmp.Or(q.Year, v.year)
	col, val := s.place(&q.Labels, year)
	known := s.variance(col, val) + s.unseen(&q.Labels)
	if q.Owner == "" && p.Ordinary {
		// An owner nobody names leaves at least as much open as any owner would.
		for _, owner := range OwnerTypes {
			as := Ordinary(q.Market, owner, q.Kind)
			as.Deal = q.Deal
			c, x := s.place(&as, year)
			known = max(known, s.variance(c, x)+s.unseen(&as))
		}
	}
	facts, missing := p.facts(&q.Facts)
	noise := s.scale[gNoise] * s.scale[gNoise]
	rest := noise + s.scale[gEvent]*s.scale[gEvent] + s.scale[gSeller]*s.scale[gSeller]
	f := Figure{Known: math.Sqrt(known), SD: math.Sqrt(known + rest + missing)}
	part := func(key string, log float64) {
		f.Mean += log
		f.Parts = append(f.Parts, Part{key, log})
	}
	effect := func(g int) float64 {
		if c, ok := s.column[g][label(g, &q.Labels)]; ok {
			return s.mean[c]
		}
		return 0
	}
	part("market", math.Log(p.Levels[q.Market].Median)+effect(gMarket))
	part("channel", effect(gChannel))
	part("owner", effect(gOwner))
	part("deal", effect(gDeal))
	part("kind", p.Kinds[q.Kind].Log+effect(gKind)+effect(gCell))
	for i, x := range facts {
		part(factNames[i], x)
	}
	common := s.mean[colIntercept]
	if at, ok := slices.BinarySearch(s.years, year); ok {
		common += s.mean[int(s.yearCol)+at]
	}
	part("deals", common)
	part("score", p.score(q.Score, math.Sqrt(rest)))
	return f
}

// OwnerTypes are the types an owner can have.
var OwnerTypes = [...]string{"university", "institute", "hospital", "firm", "individual"}

// score is the shift sqrt(R²)·s·z of the indicator sheet, s being the sd of prices about their level.
func (p *Prior) score(z *float64, sd float64) float64 {
	if z == nil {
		return 0
	}
	return math.Sqrt(p.ScoreR2.PerUnit) * sd * min(max(*z, -3), 3)
}

// variance is z'Az.
func (s *solved) variance(col []int32, val []float64) float64 {
	t := 0.0
	for i, a := range col {
		for j, b := range col {
			t += val[i] * val[j] * s.cov.At(int(a), int(b))
		}
	}
	return t
}

// unseen is the variance of the labels that no deal and no anchor has.
func (s *solved) unseen(l *Labels) float64 {
	t := 0.0
	for _, g := range labelGroups {
		if _, ok := s.column[g][label(g, l)]; !ok {
			t += s.scale[g] * s.scale[g]
		}
	}
	return t
}

// Weight is what one deal did to a figure.
type Weight struct {
	Deal     *Deal
	Weight   float64 // of the deal's residual in the figure's logarithm
	Residual float64 // ln price less its prior mean
}

// Base is ln of the price in yuan that the prior states for a question by its level, kind and facts, before any deal. A
// deal's residual on top of it is the deal's price on the question's terms.
func (v *View) Base(q Question) float64 {
	facts, _ := v.prior.facts(&q.Facts)
	base := v.prior.mean(&q.Labels)
	for _, x := range facts {
		base += x
	}
	return base
}

// Weights returns the weights of the top deals by what they did to the figure, largest first, and of those named in also,
// with the effective number of deals (Σ|w|)²/Σw² of all. The weights times the residuals, with those of the anchors, are
// what the deals moved the figure away from its prior.
func (v *View) Weights(q Question, top int, also map[string]bool) (out []Weight, effective float64) {
	s := v.s
	az := s.reach(q, v.year)
	weight := make([]float64, len(s.rows))
	var strongest []float64 // sizes of the top pulls, ascending: many deals pull little, and only the top is put in order
	sum, sq := 0.0, 0.0
	for r := range s.rows {
		if s.rows[r].deal < 0 {
			continue
		}
		w := s.weigh(r, az)
		weight[r] = w
		sum += math.Abs(w)
		sq += w * w
		if size := math.Abs(w * s.rows[r].y); top > 0 && (len(strongest) < top || size > strongest[0]) {
			at, _ := slices.BinarySearch(strongest, size)
			strongest = slices.Insert(strongest, at, size)
			strongest = strongest[max(len(strongest)-top, 0):]
		}
	}
	if sq > 0 {
		effective = sum * sum / sq
	}
	least := 0.0
	if top > 0 && len(strongest) == top {
		least = strongest[0]
	}
	for r := range s.rows {
		if s.rows[r].deal < 0 {
			continue
		}
		d := &s.deals[s.rows[r].deal]
		if math.Abs(weight[r]*s.rows[r].y) >= least || also[d.ID] {
			out = append(out, Weight{d, weight[r], s.rows[r].y})
		}
	}
	slices.SortStableFunc(out, func(a, b Weight) int {
		return cmp.Compare(math.Abs(b.Weight*b.Residual), math.Abs(a.Weight*a.Residual))
	})
	return out, effective
}

// Influence is what one deal does to a figure.
type Influence struct {
	Weight
	Without float64 // change of the figure's logarithm when the deal is left out and the rest is solved again
}

// Influences returns what every deal does to a figure, in the order of their ids. Without is exact under the view's scales
// for a view without tails: with P the inverse of the whole covariance, a figure that gives the deal the weight w moves by
// -w·(Pr)/P of the deal when its row is struck out. The order of kinds and markets ([View.Price]) is not applied.
func (v *View) Influences(q Question) []Influence {
	s := v.s
	az := s.reach(q, v.year)
	out := make([]Influence, 0, len(s.deals))
	for r := range s.rows {
		if s.rows[r].deal < 0 {
			continue
		}
		w := s.weigh(r, az)
		out = append(out, Influence{Weight{&s.deals[s.rows[r].deal], w, s.rows[r].y}, -w * s.pr[r] / s.own(r)})
	}
	return out
}

// reach is A z of a question: what a unit of each column's evidence does to its figure.
func (s *solved) reach(q Question, year int) []float64 {
	col, val := s.place(&q.Labels, cmp.Or(q.Year, year))
	az := make([]float64, s.p)
	for i, c := range col {
		for j := range az {
			az[j] += val[i] * s.cov.At(int(c), j)
		}
	}
	return az
}

// weigh is the weight of a row in the figure that reaches az.
func (s *solved) weigh(r int, az []float64) float64 {
	w := 0.0
	for x, c := range s.clusters[s.at[r]].cols {
		w += s.wz[r][x] * az[c]
	}
	return w
}

// expect is the predictive distribution of the logarithm of the whole price of a deal of others, its event unknown. A
// reported top lot is asked for as an ordinary lot: that it became the top lot was not known before the sale.
func (v *View) expect(d *Deal) (mean, sd float64) {
	s, p := v.s, &v.prior
	x := *d
	// An owner nobody names is, in private, the ordinary owner of the asks.
	if x.Owner == "unknown" && x.Market == Private && p.Ordinary {
		x.Owner = ""
	}
	if x.Channel == "auction_top" {
		x.Channel = "auction"
	}
	col, val := s.place(&x.Labels, p.year(&x))
	ln := math.Log(float64(max(x.Patents, 1)))
	col, val = append(col, colBundle), append(val, ln)
	if x.Related {
		col, val = append(col, colRelated), append(val, 1)
	}
	facts, missing := p.facts(&x.Facts)
	mean = p.mean(&x.Labels) + p.Bundle*ln
	for _, f := range facts {
		mean += f
	}
	for i, c := range col {
		mean += val[i] * s.mean[c]
	}
	rest := s.scale[gNoise]*s.scale[gNoise] + s.scale[gEvent]*s.scale[gEvent] + s.scale[gSeller]*s.scale[gSeller] + p.undated(&x)
	if len(s.years) > 0 {
		if _, ok := slices.BinarySearch(s.years, p.year(&x)); !ok {
			rest += memory * s.scale[gYear] * s.scale[gYear]
		}
	}
	return mean, math.Sqrt(s.variance(col, val) + s.unseen(&x.Labels) + rest + missing)
}

// robust solves the model; with a tail it gives deals far from what the others say a wider noise, as the Student
// distribution of that many degrees of freedom does, until the weights stand still.
func (d *design) robust(scale [nScales]float64) *solved {
	s, ok := d.solve(scale)
	if !ok {
		return nil
	}
	nu := d.prior.Tail
	for range 8 {
		if nu <= 0 {
			break
		}
		moved := 0.0
		s2 := scale[gNoise] * scale[gNoise]
		for r := range d.rows {
			x := &d.rows[r]
			if x.fix > 0 {
				continue
			}
			e := s.pr[r] * (s2*x.more + x.add) // the posterior mean of its noise
			v := s2 * x.more * max(1-s2*x.more*s.own(r), 0)
			more := (nu + (e*e+v)/s2) / (nu + 1)
			moved = max(moved, math.Abs(more-x.more)/x.more)
			x.more = more
		}
		if s, ok = d.solve(scale); !ok {
			return nil
		}
		if moved < 1e-3 {
			break
		}
	}
	return s
}

// own is the diagonal of P at a row.
func (s *solved) own(r int) float64 {
	c := &s.clusters[s.at[r]]
	k := slices.Index(c.rows, r)
	s2 := s.scale[gNoise] * s.scale[gNoise]
	w := s.rows[r].weight(s2)
	v := w / s2
	if m := s.kinv[s.at[r]]; m != nil {
		for _, e := range [...]int{c.event[k], c.seller[k]} {
			for _, f := range [...]int{c.event[k], c.seller[k]} {
				if e >= 0 && f >= 0 {
					v -= w * w * m.At(e, f) / s2
				}
			}
		}
	}
	for x, a := range c.cols {
		for y, b := range c.cols {
			v -= s.wz[r][x] * s.cov.At(int(a), int(b)) * s.wz[r][y]
		}
	}
	return v
}

// LeaveEventOut predicts each deal from all deals of other events under the view's scales, in closed form.
//
// With P the inverse of the whole covariance and E an event's rows, leaving E out moves the effects b by
// -A W_E' P_EE⁻¹ (Pr)_E and their covariance A by + A W_E' P_EE⁻¹ W_E A (block inverse).
func (v *View) LeaveEventOut() []Score {
	s := v.s
	events := map[string][]int{}
	var order []string
	for r := range s.rows {
		i := s.rows[r].deal
		if i < 0 {
			continue
		}
		key := s.deals[i].Event
		if key == "" {
			key = "\x00" + s.deals[i].ID
		}
		if _, ok := events[key]; !ok {
			order = append(order, key)
		}
		events[key] = append(events[key], r)
	}
	out := make([]Score, 0, len(s.deals))
	for _, key := range order {
		rows := events[key]
		n := len(rows)
		pee := mat.NewSymDense(n, nil)
		aw := make([][]float64, n) // A W_E'
		for i, r := range rows {
			aw[i] = make([]float64, s.p)
			for x, c := range s.clusters[s.at[r]].cols {
				if w := s.wz[r][x]; w != 0 {
					for j := range aw[i] {
						aw[i][j] += w * s.cov.At(int(c), j)
					}
				}
			}
		}
		for i, r := range rows {
			for j := i; j < n; j++ {
				t := s.cross(r, rows[j])
				for x, c := range s.clusters[s.at[r]].cols {
					t -= s.wz[r][x] * aw[j][c]
				}
				pee.SetSym(i, j, t)
			}
		}
		var ch mat.Cholesky
		if !ch.Factorize(pee) {
			continue
		}
		pr := mat.NewVecDense(n, nil)
		for i, r := range rows {
			pr.SetVec(i, s.pr[r])
		}
		var e mat.VecDense
		if ch.SolveVecTo(&e, pr) != nil {
			continue
		}
		less := &solved{design: s.design, scale: s.scale, mean: slices.Clone(s.mean), cov: mat.NewSymDense(s.p, nil)}
		for i := range rows {
			for c := range less.mean {
				less.mean[c] -= aw[i][c] * e.AtVec(i)
			}
		}
		less.cov.CopySym(s.cov)
		inv := mat.NewSymDense(n, nil)
		_ = ch.InverseTo(inv)
		for i := range rows {
			for j := range rows {
				less.cov.RankTwo(less.cov, inv.At(i, j)/2, mat.NewVecDense(s.p, aw[i]), mat.NewVecDense(s.p, aw[j]))
			}
		}
		lo := View{s: less, prior: v.prior, year: v.year}
		for _, r := range rows {
			d := &s.deals[s.rows[r].deal]
			m, sd := lo.expect(d)
			out = append(out, Score{ID: d.ID, Event: key, Market: d.Market, Error: d.Log - m, SD: sd})
		}
	}
	slices.SortStableFunc(out, func(a, b Score) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// cross is W between two rows.
func (s *solved) cross(r, t int) float64 {
	if s.at[r] != s.at[t] {
		return 0
	}
	c := &s.clusters[s.at[r]]
	s2 := s.scale[gNoise] * s.scale[gNoise]
	wr, wt := s.rows[r].weight(s2), s.rows[t].weight(s2)
	v := 0.0
	if r == t {
		v = wr
	}
	if m := s.kinv[s.at[r]]; m != nil {
		i, j := slices.Index(c.rows, r), slices.Index(c.rows, t)
		for _, e := range [...]int{c.event[i], c.seller[i]} {
			for _, f := range [...]int{c.event[j], c.seller[j]} {
				if e >= 0 && f >= 0 {
					v -= wr * wt * m.At(e, f)
				}
			}
		}
	}
	return v / s2
}
