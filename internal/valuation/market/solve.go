package market

import (
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"
)

// A column of the design: the three common ones, then one per label of each group and one per year.
const (
	colIntercept = iota
	colBundle
	colRelated
	nCommon
)

// row is one observation: the sparse row of the design, what it measures beside the prior, and how well.
type row struct {
	col  []int32
	val  []float64
	y    float64 // ln price less the prior mean and the facts
	more float64 // λ: its noise variance in units of the common one; above 1 for an outlier
	add  float64 // further variance of its own
	fix  float64 // whole variance of an anchor; 0: a deal
	deal int     // index of the deal, -1 an anchor
}

// weight is the row's precision in units of 1/s2.
func (r *row) weight(s2 float64) float64 { return s2 / (s2*r.more + r.add) }

// cluster is a set of deals tied by common events and sellers. Between clusters nothing is shared but the labels.
type cluster struct {
	rows   []int   // of the design
	event  []int   // of each row, local
	seller []int   // of each row, local; -1 none
	events int     // number of them
	seats  int     // events + sellers
	cols   []int32 // columns any row touches, sorted
}

// design is the model of one set of deals, before any scale is chosen.
type design struct {
	prior    *Prior
	deals    []Deal
	rows     []row
	clusters []cluster
	column   [nScales]map[string]int32 // of each label group
	years    []int                     // ascending
	yearCol  int32
	yearInv  *mat.SymDense // prior precision of the years' effects, per scale²
	yearLog  float64       // ln of its determinant
	slope    map[int]int32 // column of each fact whose slope is free, by its place in factNames
	p        int
	group    []int // of each column, -1 the common ones
}

// memory is the number of years after which the level of a year says nothing of another's: the effects of two years have
// the covariance scale²·max(memory - |difference|, 0), a walk within the memory whose level is itself unknown.
const memory = 30

func label(group int, l *Labels) string {
	switch group {
	case gMarket:
		return string(l.Market)
	case gChannel:
		return l.Channel
	case gOwner:
		return l.Owner
	case gDeal:
		return l.Deal
	case gKind:
		return l.Kind
	case gCell:
		if l.Kind != "" {
			return string(l.Market) + " " + l.Kind
		}
	}
	return ""
}

var labelGroups = [...]int{gMarket, gChannel, gOwner, gDeal, gKind, gCell}

// newDesign lays out the columns and ties the deals into clusters. The order of the deals changes nothing but rounding;
// callers pass them sorted by id.
func newDesign(p *Prior, deals []Deal, ask ...int) *design { return layout(p, deals, nil, ask) }

// layout is [newDesign] with the slopes of the facts named left free.
func layout(p *Prior, deals []Deal, free, ask []int) *design {
	d := &design{prior: p, deals: deals, slope: map[int]int32{}}
	for _, g := range labelGroups {
		d.column[g] = map[string]int32{}
	}
	d.p = nCommon
	d.group = []int{-1, -1, -1}
	add := func(g int, name string) {
		if _, ok := d.column[g][name]; !ok && name != "" && p.Scales.vector()[g] > 0 {
			d.column[g][name] = int32(d.p)
			d.group = append(d.group, g)
			d.p++
		}
	}
	years := slices.Clone(ask)
	for _, g := range labelGroups {
		var names []string
		for i := range deals {
			names = append(names, label(g, &deals[i].Labels))
		}
		for i := range p.Anchors {
			names = append(names, label(g, &p.Anchors[i].Labels))
		}
		slices.Sort(names)
		for _, n := range slices.Compact(names) {
			add(g, n)
		}
	}
	for i := range deals {
		years = append(years, p.year(&deals[i]))
	}
	for i := range p.Anchors {
		years = append(years, p.Anchors[i].Year)
	}
	slices.Sort(years)
	d.years = slices.Compact(years)
	d.yearCol = int32(d.p)
	if p.Scales.Year > 0 {
		for range d.years {
			d.group = append(d.group, gYear)
			d.p++
		}
	} else {
		d.years = nil
	}
	if q := len(d.years); q > 0 {
		k := mat.NewSymDense(q, nil)
		for i, a := range d.years {
			for j, b := range d.years[i:] {
				k.SetSym(i, i+j, float64(max(memory-(b-a), 0)))
			}
		}
		var ch mat.Cholesky
		ch.Factorize(k) // positive definite: a triangular kernel
		d.yearInv = mat.NewSymDense(q, nil)
		_ = ch.InverseTo(d.yearInv)
		d.yearLog = -ch.LogDet()
	}
	for _, f := range free {
		d.slope[f] = int32(d.p)
		d.group = append(d.group, -1)
		d.p++
	}
	for i := range deals {
		x := &deals[i]
		col, val := d.place(&x.Labels, p.year(x))
		if x.Patents > 1 {
			col, val = append(col, colBundle), append(val, math.Log(float64(x.Patents)))
		}
		if x.Related {
			col, val = append(col, colRelated), append(val, 1)
		}
		for _, f := range free {
			if v := x.Facts.at(f); v != nil {
				col, val = append(col, d.slope[f]), append(val, *v-p.slopeOf(f).Reference)
			}
		}
		parts, _ := p.facts(&x.Facts)
		m := p.mean(&x.Labels) + p.Bundle*math.Log(float64(max(x.Patents, 1)))
		for _, v := range parts {
			m += v
		}
		d.rows = append(d.rows, row{col: col, val: val, y: x.Log - m, more: 1, add: p.undated(x) + p.unlabelled(&x.Labels), deal: i})
	}
	d.tie()
	for i := range p.Anchors {
		a := &p.Anchors[i]
		col, val := d.place(&a.Labels, a.Year)
		d.rows = append(d.rows, row{col: col, val: val, y: math.Log(a.Median) - p.mean(&a.Labels), more: 1, fix: a.SD * a.SD, deal: -1})
		slices.Sort(col)
		d.clusters = append(d.clusters, cluster{rows: []int{len(d.rows) - 1}, event: []int{-1}, seller: []int{-1}, cols: slices.Clone(col)})
	}
	return d
}

// place returns the design row of one patent under the labels, without bundle.
func (d *design) place(l *Labels, year int) (col []int32, val []float64) {
	col, val = append(col, colIntercept), append(val, 1)
	for _, g := range labelGroups {
		if c, ok := d.column[g][label(g, l)]; ok {
			col, val = append(col, c), append(val, 1)
		}
	}
	if at, ok := slices.BinarySearch(d.years, year); ok {
		col, val = append(col, d.yearCol+int32(at)), append(val, 1)
	}
	return col, val
}

// tie joins deals that share an event or a seller.
func (d *design) tie() {
	n := len(d.deals)
	parent := make([]int, n)
	for i := range parent {
		parent[i] = i
	}
	find := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	first := map[string]int{}
	join := func(key string, i int) {
		if j, ok := first[key]; ok {
			parent[find(i)] = find(j)
		} else {
			first[key] = i
		}
	}
	for i := range d.deals {
		if e := d.deals[i].Event; e != "" && d.prior.Scales.Event > 0 {
			join("e:"+e, i)
		}
		if s := d.deals[i].Seller; s != "" && d.prior.Scales.Seller > 0 {
			join("s:"+s, i)
		}
	}
	at := map[int]int{}
	for i := range d.deals {
		r := find(i)
		k, ok := at[r]
		if !ok {
			k = len(d.clusters)
			at[r] = k
			d.clusters = append(d.clusters, cluster{})
		}
		d.clusters[k].rows = append(d.clusters[k].rows, i)
	}
	for k := range d.clusters {
		c := &d.clusters[k]
		local := map[string]int{}
		seat := func(key string) int {
			s, ok := local[key]
			if !ok {
				s = len(local)
				local[key] = s
			}
			return s
		}
		for _, i := range c.rows {
			e := d.deals[i].Event
			if e == "" {
				e = "\x00" + d.deals[i].ID // its own
			}
			s := -1
			if d.prior.Scales.Event > 0 {
				s = seat("e:" + e)
			}
			c.event = append(c.event, s)
		}
		c.events = len(local)
		for _, i := range c.rows {
			s := -1
			if d.prior.Scales.Seller > 0 {
				name := d.deals[i].Seller
				if name == "" { // nobody else's
					name = "\x00" + strings.TrimSpace(d.deals[i].Event) + "\x00" + d.deals[i].ID
				}
				s = seat("s:" + name)
			}
			c.seller = append(c.seller, s)
		}
		c.seats = len(local)
		for _, i := range c.rows {
			c.cols = append(c.cols, d.rows[i].col...)
		}
		slices.Sort(c.cols)
		c.cols = slices.Compact(c.cols)
	}
}

// solved is the posterior of the columns' effects under given scales.
type solved struct {
	*design
	scale [nScales]float64
	mean  []float64     // b
	cov   *mat.SymDense // A
	wz    [][]float64   // of each row: V⁻¹Z over its cluster's columns
	wr    []float64     // of each row: (V⁻¹ r)
	pr    []float64     // of each row: (P r), P the inverse of the whole covariance
	at    []int         // of each row: its cluster
	kinv  []*mat.SymDense

	logLik float64
	grad   [nScales]float64 // by ln scale
}

// precision fills the prior precision of the columns and returns ln of its determinant.
func (d *design) precision(m *mat.SymDense, scale *[nScales]float64) float64 {
	log := 0.0
	for i, sd := range [...]float64{d.prior.Intercept, d.prior.BundleSD, d.prior.RelatedSD} {
		v := 1 / (sd * sd)
		m.SetSym(i, i, m.At(i, i)+v)
		log += math.Log(v)
	}
	for c := nCommon; c < int(d.yearCol); c++ {
		sd := scale[d.group[c]]
		v := 1 / (sd * sd)
		m.SetSym(c, c, m.At(c, c)+v)
		log += math.Log(v)
	}
	for f, c := range d.slope {
		sd := d.prior.slopeOf(f).SD
		v := 1 / (sd * sd)
		m.SetSym(int(c), int(c), m.At(int(c), int(c))+v)
		log += math.Log(v)
	}
	v := 1 / (scale[gYear] * scale[gYear])
	for a := range d.years {
		for b := a; b < len(d.years); b++ {
			i, j := int(d.yearCol)+a, int(d.yearCol)+b
			m.SetSym(i, j, m.At(i, j)+v*d.yearInv.At(a, b))
		}
		log += math.Log(v)
	}
	return log + d.yearLog
}

// solve computes the posterior, the marginal likelihood and its gradient in the logarithms of the scales.
func (d *design) solve(scale [nScales]float64) (*solved, bool) {
	s := &solved{design: d, scale: scale}
	n, p := len(d.rows), d.p
	s.wz, s.wr, s.at, s.pr = make([][]float64, n), make([]float64, n), make([]int, n), make([]float64, n)
	s.kinv = make([]*mat.SymDense, len(d.clusters))
	prec := mat.NewSymDense(p, nil)
	logPrior := d.precision(prec, &scale)
	zwr := make([]float64, p)
	square := mat.NewSymDense(p, nil) // Σ over rows of w²-weighted ZᵀW·Λ·WZ, for the noise
	byEvent, bySeller := mat.NewSymDense(p, nil), mat.NewSymDense(p, nil)
	logV, rWr := 0.0, 0.0
	trNoise, trEvent, trSeller := 0.0, 0.0, 0.0
	s2 := scale[gNoise] * scale[gNoise]
	add := func(m *mat.SymDense, cols []int32, v []float64, f float64) {
		raw := m.RawSymmetric().Data
		for i, x := range v {
			if x == 0 {
				continue
			}
			line := raw[int(cols[i])*p : (int(cols[i])+1)*p]
			for j := i; j < len(v); j++ {
				line[cols[j]] += f * x * v[j]
			}
		}
	}
	for k := range d.clusters {
		c := &d.clusters[k]
		at := make(map[int32]int, len(c.cols))
		for i, col := range c.cols {
			at[col] = i
		}
		q := len(c.cols)
		dense := make([][]float64, len(c.rows)) // Z over the cluster's columns
		for i, r := range c.rows {
			s.at[r] = k
			dense[i] = make([]float64, q)
			for x, col := range d.rows[r].col {
				dense[i][at[col]] += d.rows[r].val[x]
			}
		}
		if f := d.rows[c.rows[0]].fix; f > 0 { // an anchor
			r := c.rows[0]
			logV += math.Log(f)
			y := d.rows[r].y
			rWr += y * y / f
			s.wz[r] = make([]float64, q)
			for x := range dense[0] {
				s.wz[r][x] = dense[0][x] / f
				zwr[c.cols[x]] += s.wz[r][x] * y
			}
			s.wr[r] = y / f
			add(prec, c.cols, dense[0], 1/f)
			continue
		}
		// W = (L - L U K⁻¹ Uᵀ L)/s², L the weights, K = s² D⁻¹ + Uᵀ L U.
		m := c.seats
		var kinv *mat.SymDense
		if m > 0 {
			kk := mat.NewSymDense(m, nil)
			for e := range m {
				g := gEvent
				if e >= c.events {
					g = gSeller
				}
				sd2 := scale[g] * scale[g]
				kk.SetSym(e, e, s2/sd2)
				logV += math.Log(sd2) - math.Log(s2)
			}
			for i, r := range c.rows {
				w := d.rows[r].weight(s2)
				e, t := c.event[i], c.seller[i]
				if e >= 0 {
					kk.SetSym(e, e, kk.At(e, e)+w)
				}
				if t >= 0 {
					kk.SetSym(t, t, kk.At(t, t)+w)
				}
				if e >= 0 && t >= 0 {
					kk.SetSym(e, t, kk.At(e, t)+w)
				}
			}
			var ch mat.Cholesky
			if !ch.Factorize(kk) {
				return nil, false
			}
			logV += ch.LogDet()
			kinv = mat.NewSymDense(m, nil)
			if ch.InverseTo(kinv) != nil {
				return nil, false
			}
			s.kinv[k] = kinv
		}
		// uz = Uᵀ L Z, ur = Uᵀ L r; then kz = K⁻¹ uz, kr = K⁻¹ ur.
		uz, ur := make([][]float64, m), make([]float64, m)
		for e := range uz {
			uz[e] = make([]float64, q)
		}
		seats := func(i int) [2]int { return [2]int{c.event[i], c.seller[i]} }
		for i, r := range c.rows {
			w := d.rows[r].weight(s2)
			logV += math.Log(s2) - math.Log(w)
			for _, e := range seats(i) {
				if e >= 0 {
					ur[e] += w * d.rows[r].y
					for x, z := range dense[i] {
						uz[e][x] += w * z
					}
				}
			}
		}
		kz, kr := make([][]float64, m), make([]float64, m)
		for e := range m {
			kz[e] = make([]float64, q)
			for f := range m {
				v := kinv.At(e, f)
				kr[e] += v * ur[f]
				for x, u := range uz[f] {
					kz[e][x] += v * u
				}
			}
		}
		for i, r := range c.rows {
			w := d.rows[r].weight(s2)
			y := d.rows[r].y
			wz := slices.Clone(dense[i])
			wr := y
			for _, e := range seats(i) {
				if e >= 0 {
					wr -= kr[e]
					for x := range wz {
						wz[x] -= kz[e][x]
					}
				}
			}
			for x := range wz {
				wz[x] *= w / s2
			}
			wr *= w / s2
			s.wz[r], s.wr[r] = wz, wr
			rWr += y * wr
			for x := range wz {
				zwr[c.cols[x]] += dense[i][x] * wr
			}
			for x, z := range dense[i] {
				if z == 0 {
					continue
				}
				line := prec.RawSymmetric().Data[int(c.cols[x])*p : (int(c.cols[x])+1)*p]
				for t := x; t < q; t++ { // cols ascend: the upper triangle
					line[c.cols[t]] += z * wz[t]
				}
			}
			add(square, c.cols, wz, d.rows[r].more)
			// tr(W Λ): each row's own weight.
			own := 1.0
			for _, e := range seats(i) {
				for _, f := range seats(i) {
					if e >= 0 && f >= 0 {
						own -= w * kinv.At(e, f)
					}
				}
			}
			trNoise += w * own * d.rows[r].more / s2
		}
		// UᵀWZ = D⁻¹ K⁻¹ Uᵀ L Z, UᵀWU = D⁻¹ - s² D⁻¹ K⁻¹ D⁻¹.
		for e := range m {
			g, acc, tr := gEvent, byEvent, &trEvent
			if e >= c.events {
				g, acc, tr = gSeller, bySeller, &trSeller
			}
			sd2 := scale[g] * scale[g]
			*tr += 1/sd2 - s2*kinv.At(e, e)/(sd2*sd2)
			add(acc, c.cols, kz[e], 1/(sd2*sd2))
		}
	}
	var ch mat.Cholesky
	if !ch.Factorize(prec) {
		return nil, false
	}
	s.cov = mat.NewSymDense(p, nil)
	if ch.InverseTo(s.cov) != nil {
		return nil, false
	}
	s.mean = make([]float64, p)
	fit := 0.0
	for i := range p {
		for j := range p {
			s.mean[i] += s.cov.At(i, j) * zwr[j]
		}
		fit += s.mean[i] * zwr[i]
	}
	s.logLik = -0.5 * (float64(n)*math.Log(2*math.Pi) + logV - logPrior + ch.LogDet() + rWr - fit)

	// The gradient.
	for r := range d.rows {
		v := s.wr[r]
		for x, c := range d.clusters[s.at[r]].cols {
			v -= s.wz[r][x] * s.mean[c]
		}
		s.pr[r] = v
	}
	dot := func(m *mat.SymDense) float64 {
		t := 0.0
		for i := range p {
			t += m.At(i, i) * s.cov.At(i, i)
			for j := i + 1; j < p; j++ {
				t += 2 * m.At(i, j) * s.cov.At(i, j)
			}
		}
		return t
	}
	noise, event, seller := 0.0, 0.0, 0.0
	for k := range d.clusters {
		c := &d.clusters[k]
		if d.rows[c.rows[0]].fix > 0 {
			continue
		}
		sum := make([]float64, c.seats)
		for i, r := range c.rows {
			noise += s.pr[r] * s.pr[r] * d.rows[r].more
			for _, e := range [...]int{c.event[i], c.seller[i]} {
				if e >= 0 {
					sum[e] += s.pr[r]
				}
			}
		}
		for e, v := range sum {
			if e < c.events {
				event += v * v
			} else {
				seller += v * v
			}
		}
	}
	s.grad[gNoise] = s2 * (noise - (trNoise - dot(square)))
	s.grad[gEvent] = scale[gEvent] * scale[gEvent] * (event - (trEvent - dot(byEvent)))
	s.grad[gSeller] = scale[gSeller] * scale[gSeller] * (seller - (trSeller - dot(bySeller)))
	for c := nCommon; c < int(d.yearCol); c++ {
		g := d.group[c]
		s.grad[g] += (s.cov.At(c, c)+s.mean[c]*s.mean[c])/(scale[g]*scale[g]) - 1
	}
	walk := 0.0
	for a := range d.years {
		for b := range d.years {
			i, j := int(d.yearCol)+a, int(d.yearCol)+b
			walk += d.yearInv.At(a, b) * (s.cov.At(i, j) + s.mean[i]*s.mean[j])
		}
	}
	s.grad[gYear] = walk/(scale[gYear]*scale[gYear]) - float64(len(d.years))
	return s, true
}
