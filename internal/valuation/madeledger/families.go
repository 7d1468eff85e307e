package madeledger

import (
	"math"
	"math/rand/v2"
)

// level[f][m] is ln B[m], the constant of family and market.
var level = map[Family][5]float64{
	HeavyTails:  {10.5116, 13.3817, 15.1005, 12.3728, 7.9956},
	TwoPoint:    {12.8777, 15.5771, 15.4590, 14.6043, 10.7392},
	SellerLots:  {11.0217, 14.1712, 15.8283, 12.9800, 8.4297},
	WrongLabels: {10.9764, 13.5556, 15.1929, 12.5453, 8.1749},
}

// heavyTails prices a row of family HeavyTails: skew noise with 2.6 degrees of
// freedom, whose scale depends on market and owner.
//
//	ln P = ln B[m] + K + O + T
//	     + 0.5 ln(life/8)                        elasticity, not a slope per year
//	     + 0.9 max(0, (score-60)/40)             a hinge
//	     + 0.35 sin(2 pi (year-2014)/7)          a cycle
//	     + 0.8 ln(patents)
//	     + u[seller] + c s[m] A
//
//	K: invention 0, utility model -ln 7, design -ln 14
//	O: university .25, institute .20, hospital -.20, firm 0, individual -.50
//	T: assignment 0, exclusive licence -.6, plain licence -1.6
//	u: Laplace, density exp(-|u|/.25)/.5; a seller returns with probability .25
//	A: with probability 1/2 each 1.5|S| or -0.8|S|, S Student with 2.6 degrees
//	   of freedom, |S| cut at 15 (so the median of A is 0, its right arm is
//	   nearly twice the left, and its density jumps at 0)
//	s: private .55, showcase .70, corporate .45, court .55, distress .80
//	c: 1.3 for individuals, else 1
//	patents: 1 (75%), else 2 plus a geometric number of mean 3, at most 20
//
// Every deal is its own event.
func heavyTails(r *rand.Rand, w *row) float64 {
	x := level[HeavyTails][w.market]
	x += [3]float64{0, -math.Log(7), -math.Log(14)}[w.kind]
	x += [5]float64{.25, .20, -.20, 0, -.50}[w.owner]
	x += [3]float64{0, -.6, -1.6}[w.transfer]
	x += .5 * math.Log(w.life/8)
	x += .9 * math.Max(0, (w.score-60)/40)
	x += .35 * math.Sin(2*math.Pi*(w.year()-2014)/7)
	x += .8 * math.Log(float64(w.patents))
	x += w.seller.level
	a := math.Min(math.Abs(student(r, 2.6)), 15)
	if r.Uint64()&1 == 0 {
		a *= 1.5
	} else {
		a *= -.8
	}
	s := [5]float64{.55, .70, .45, .55, .80}[w.market]
	if w.owner == individual {
		s *= 1.3
	}
	return math.Exp(x + s*a)
}

// twoPoint prices a row of family TwoPoint: each patent of the row is dear or
// cheap, which nobody sees, and the row costs the sum.
//
//	P = tr * sum over patents i of P[i]
//	P[i] = B[m] k1 exp(0.4 G)                    with probability p (dear)
//	P[i] = B[m]/D[m] k2 exp(U)                   otherwise (cheap)
//	logit p = a[m] + o + 0.03 (score-50) + 2 (life/term - 1/2) - 0.06 (year-2019)
//
//	G standard Gumbel (largest value), U uniform on (-0.6, 0.6)
//	k1: invention 1, utility model 1/10, design 1/20
//	k2: invention 1, utility model 1/6, design 1/12
//	D: private 12, showcase 8, corporate 6, court 10, distress 15
//	a: private -.5, showcase -1.2, corporate 1.2, court -.6, distress -.9
//	o: university .6, institute .8, hospital .5, firm 0, individual -1.2
//	tr: assignment 1, exclusive licence .6, plain licence .2
//	patents: 1 (80%), else 2 to 8 alike
//
// Owner, score, life and date act on the share only. Sellers (back with
// probability .15) and events carry nothing.
func twoPoint(r *rand.Rand, w *row) float64 {
	b := math.Exp(level[TwoPoint][w.market])
	z := [5]float64{-.5, -1.2, 1.2, -.6, -.9}[w.market]
	z += [5]float64{.6, .8, .5, 0, -1.2}[w.owner]
	z += .03*(w.score-50) + 2*(w.life/w.term()-.5) - .06*(w.year()-2019)
	p := 1 / (1 + math.Exp(-z))
	k1 := [3]float64{1, 1. / 10, 1. / 20}[w.kind]
	k2 := [3]float64{1, 1. / 6, 1. / 12}[w.kind]
	gap := [5]float64{12, 8, 6, 10, 15}[w.market]
	sum := 0.
	for range w.patents {
		if r.Float64() < p {
			sum += b * k1 * math.Exp(.4*gumbel(r))
		} else {
			sum += b / gap * k2 * math.Exp(1.2*r.Float64()-.6)
		}
	}
	return sum * [3]float64{1, .6, .2}[w.transfer]
}

var (
	lotLevel      = [5]float64{.2, .5, 1, 2, 7}
	lotLevelShare = [5]float64{.20, .25, .25, .15, .15}
)

const lotMost = 30

// lotSize is proportional to the law of the number of patents of a lot.
var lotSize = func() (p [lotMost]float64) {
	for i := range p {
		p[i] = 1 / float64(i+1)
	}
	return p
}()

// lot adds one event of family SellerLots; the law of its prices is stated at
// sellerLots.
//
// An event is the sale of a lot of k patents, k = 1 to 30 with P(k)
// proportional to 1/k, by one seller on one day by one kind of transfer. With
// probability 1/2 a lot of two or more is one row (Patents = k, all of one
// kind, life and score those of all), else k rows of one patent, each with its
// own kind, life and score. A seller returns with probability .45 and stays in
// its market: 50 rows hold about 12 events of about 7 sellers.
func (b *book) lot() {
	m := b.trueMarket()
	t := b.sellerIn(m)
	size, whole := drawLot(b.r)
	haggle := drawHaggle(b.r)
	b.events++
	var first row
	for i := 0; i < size; i++ {
		w := row{market: m, seller: t, owner: t.owner, haggle: haggle}
		columns(b.r, b.f, &w)
		if i == 0 {
			first = w
		}
		w.day, w.transfer = first.day, first.transfer
		if whole {
			w.patents = size
			b.add(&w)
			return
		}
		b.add(&w)
	}
}

func drawLot(r *rand.Rand) (size int, whole bool) {
	size = 1 + pick(r, lotSize[:])
	return size, size == 1 || r.Uint64()&1 == 0
}

// drawHaggle is 1 in half the events (list price paid), else uniform on
// (.6, 1.1).
func drawHaggle(r *rand.Rand) float64 {
	u, v := r.Float64(), r.Float64()
	if u < .5 {
		return 1
	}
	return .6 + .5*v
}

// sellerLots prices a row of family SellerLots: list prices of few sellers,
// without any noise of the single row.
//
//	P = round( B[m] V[seller] g l d k o tr H[event] * patents * tier )
//
//	V: .2 (20%), .5 (25%), 1 (25%), 2 (15%), 7 (15%), once per seller; it
//	   multiplies everything the seller ever sells
//	g: 3 for score >= 70, 1 for 45 to 69, 1/2 below 45
//	l: 0.4 for less than 4 years left, else 1
//	d: 1.4 from 2018-07-01, else 1
//	k: invention 1, utility model 1/8, design 1/16
//	o: individual .6, else 1
//	tr: assignment 1, exclusive licence .6, plain licence .25
//	H: 1 in half the events, else uniform on (.6, 1.1), one draw per event
//	tier: 1 for 1 to 4 patents in the row, .8 for 5 to 9, .6 from 10
//	round: half the sellers name the nearest (in logs) of 1, 2, 5 times a power
//	   of ten, the others two significant figures; at least 100 yuan
//
// Rows of one event with equal grade, life class and kind cost exactly the
// same. See lot for events.
func sellerLots(w *row) float64 {
	x := math.Exp(level[SellerLots][w.market]) * w.seller.level * w.haggle
	switch {
	case w.score >= 70:
		x *= 3
	case w.score < 45:
		x *= .5
	}
	if w.life < 4 {
		x *= .4
	}
	if w.day >= 1642 { // 2018-07-01
		x *= 1.4
	}
	x *= [3]float64{1, 1. / 8, 1. / 16}[w.kind]
	if w.owner == individual {
		x *= .6
	}
	x *= [3]float64{1, .6, .25}[w.transfer]
	x *= float64(w.patents)
	switch {
	case w.patents >= 10:
		x *= .6
	case w.patents >= 5:
		x *= .8
	}
	if w.seller.ladder {
		x = ladder(x)
	} else {
		x = twoFigures(x)
	}
	return math.Max(x, 100)
}

// ladder is the nearest in logs of 1, 2, 5 times a power of ten.
func ladder(x float64) float64 {
	e := math.Pow(10, math.Floor(math.Log10(x)))
	f := x / e
	switch {
	case f < math.Sqrt(2):
		return e
	case f < math.Sqrt(10):
		return 2 * e
	case f < math.Sqrt(50):
		return 5 * e
	}
	return 10 * e
}

func twoFigures(x float64) float64 {
	e := math.Pow(10, math.Floor(math.Log10(x))-1)
	return math.Round(x/e) * e
}

const wrongShare = .10

// wrongLabels prices a row of family WrongLabels: the level is a product of
// powers, thresholds and interactions of market and kind, and a tenth of the
// printed markets is wrong.
//
//	P = B[m] k[m] a[m](life) s[m](score) o[m] tr(life) patents^b[m] exp(0.45 L)
//
//	m the true market, L standard logistic
//	k: invention 1; utility model 1 over 8.5, 11, 8, 8, 7 by market (private,
//	   showcase, corporate, court, distress); design half the utility model's
//	a: private, showcase, corporate: (age/6)^-0.5 with age at least 1, times
//	   life/3 below three years; court, distress: 1, but 0.2 below three years
//	s: 1 + c (score/100)^4, c = 6 in corporate, else 2
//	o: university in showcase 2; hospital .6 anywhere; individual .4 in
//	   private, else .7; others 1
//	tr: assignment 1; exclusive licence 1 - exp(-life/6); plain licence .3 of it
//	b: private .9, showcase .6, corporate 1, court .75, distress .5
//	patents: 1 (70%), else 2 to 12 alike
//
// Labels, mixed: with probability .10 per row the printed market is one of the
// other four, each alike. Not mixed: every row is printed private, but with
// probability .10 its true market is one of the other four, each alike. Fresh
// deals err in the same way; Truth tells which. Sellers (back with probability
// .15, within the true market) and events carry nothing.
func wrongLabels(r *rand.Rand, w *row) float64 {
	x := math.Exp(level[WrongLabels][w.market])
	um := [5]float64{8.5, 11, 8, 8, 7}[w.market]
	switch w.kind {
	case utility:
		x /= um
	case design:
		x /= 2 * um
	}
	if w.market == court || w.market == distress {
		if w.life < 3 {
			x *= .2
		}
	} else {
		x /= math.Sqrt(math.Max(w.term()-w.life, 1) / 6)
		if w.life < 3 {
			x *= w.life / 3
		}
	}
	c := 2.
	if w.market == corporate {
		c = 6
	}
	x *= 1 + c*math.Pow(w.score/100, 4)
	switch {
	case w.owner == university && w.market == showcase:
		x *= 2
	case w.owner == hospital:
		x *= .6
	case w.owner == individual && w.market == private:
		x *= .4
	case w.owner == individual:
		x *= .7
	}
	switch w.transfer {
	case 1:
		x *= 1 - math.Exp(-w.life/6)
	case 2:
		x *= .3 * (1 - math.Exp(-w.life/6))
	}
	x *= math.Pow(float64(w.patents), [5]float64{.9, .6, 1, .75, .5}[w.market])
	return x * math.Exp(.45*logistic(r))
}
