// Package madeledger draws made ledgers of patent deals whose law is known.
//
// Four families, none of which is a linear mixed model with normal random
// effects: HeavyTails, TwoPoint, SellerLots and WrongLabels. Each comes with
// one market only ("private") or with five. The law of a family is fixed; a
// seed redraws deals, never parameters. Every name is invented.
//
// The package imports nothing but the standard library and knows nothing of
// any model of prices.
//
// # Columns, common to all families
//
// For each deal, in this order, from the true market m:
//
//   - m: private .38, showcase .14, corporate .10, court .18, distress .20
//     (mixed), or private (not mixed; WrongLabels differs, see there).
//   - Seller: a seller seen before in the same ledger and market returns with
//     the family's probability, else a new one comes; the owner type is drawn
//     once per seller from ownerLaw[m].
//   - Kind from kindLaw[m], Transfer from transferLaw[m].
//   - Date: uniform over the days of 2014-01-01 to 2025-12-31.
//   - Life left: inventions .3 + 18.2 Beta(1.5, 1.2) years, utility models and
//     designs .3 + 9.2 Beta(1.5, 1.2), rounded to .1. The term is taken as 20
//     years for inventions and 10 for the others: age = term - life.
//   - Score: 100 times the mean of two uniforms (triangular), rounded to 1.
//   - Patents: by family.
//
// After pricing, Score is unknown (NaN) with probability .30 and LifeLeft with
// .15, independently of everything. The price used the true figures.
//
// B[m] is a constant of family and market, set by simulation so that the
// median price of one assigned invention sold alone in true market m, all
// other columns drawn, is 50,000 (private), 1,000,000 (showcase), 5,000,000
// (corporate), 300,000 (court) and 4,000 (distress) yuan.
// Amounts are whole yuan, at least 1 and at most 5e9.
package madeledger

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"sort"
	"time"
)

// Deal is one row of a ledger. Yuan is the price of the whole row: all its
// Patents together. LifeLeft and Score are NaN where unknown.
type Deal struct {
	ID, Event, Seller, Market, Owner, Kind, Transfer string
	Date                                             time.Time
	LifeLeft                                         float64
	Score                                            float64
	Patents                                          int
	Yuan                                             float64
}

// Family names a generator.
type Family string

const (
	HeavyTails  Family = "heavytails"
	TwoPoint    Family = "twopoint"
	SellerLots  Family = "sellerlots"
	WrongLabels Family = "wronglabels"
)

// Families lists the four generators in a fixed order.
func Families() []Family { return []Family{HeavyTails, TwoPoint, SellerLots, WrongLabels} }

// Markets lists the markets in the order of the tables below.
func Markets() []string { return []string{"private", "showcase", "corporate", "court", "distress"} }

// Median is the designed median, in yuan, of one assigned invention sold alone
// in the true market, NaN for an unknown market.
func Median(market string) float64 {
	for m, s := range Markets() {
		if s == market {
			return target[m]
		}
	}
	return math.NaN()
}

var (
	target      = [5]float64{50e3, 1e6, 5e6, 300e3, 4e3}
	marketShare = [5]float64{.38, .14, .10, .18, .20}

	owners    = [5]string{"university", "institute", "hospital", "firm", "individual"}
	kinds     = [3]string{"invention", "utility_model", "design"}
	transfers = [3]string{"assignment", "exclusive_licence", "plain_licence"}

	ownerLaw = [5][5]float64{
		{.25, .10, .08, .42, .15},
		{.45, .25, .10, .15, .05},
		{.10, .10, .02, .75, .03},
		{.01, .01, .01, .80, .17},
		{.005, .005, .005, .955, .03},
	}
	kindLaw = [5][3]float64{
		{.50, .40, .10},
		{.85, .14, .01},
		{.88, .10, .02},
		{.55, .37, .08},
		{.38, .52, .10},
	}
	transferLaw = [5][3]float64{
		{.80, .08, .12},
		{.60, .25, .15},
		{.55, .30, .15},
		{1, 0, 0},
		{1, 0, 0},
	}
)

const (
	invention, utility, design = 0, 1, 2

	university, institute, hospital, firm, individual = 0, 1, 2, 3, 4

	private, showcase, corporate, court, distress = 0, 1, 2, 3, 4

	maxYuan = 5e9
)

// row is a deal with what is not printed.
type row struct {
	market, owner, kind, transfer int // true ones
	day                           int // days after 2014-01-01
	life, score                   float64
	patents                       int
	seller                        trait
	haggle                        float64 // SellerLots: factor of the event
}

// trait is what a seller brings along.
type trait struct {
	id     int
	owner  int
	market int
	level  float64 // factor on the price (SellerLots), log effect (HeavyTails)
	ladder bool    // SellerLots: rounds to 1-2-5
}

const days = 4383 // of 2014 to 2025

var origin = time.Date(2014, 1, 1, 0, 0, 0, 0, time.UTC)

func (w *row) year() float64 { return 2014 + float64(w.day)/365.25 }

func (w *row) term() float64 {
	if w.kind == invention {
		return 20
	}
	return 10
}

// Draw makes a training ledger of n rows. The same arguments give the same
// bytes; ledgers of different n or seed are independent.
func Draw(f Family, mixed bool, n int, seed uint64) []Deal {
	d, _ := build(f, mixed, n, seed, "T")
	return d
}

// Fresh makes n deals of the same world for scoring. No seller or event in it
// occurs in any training ledger of any seed, and every row has a seller and an
// event of its own: the law of one row is that of a row of a training ledger
// (large lots weigh by their rows), the clustering is gone, so that n rows are
// n independent trials. Labels of WrongLabels err as in training: see Truth.
func Fresh(f Family, mixed bool, n int, seed uint64) []Deal {
	d, _ := build(f, mixed, n, seed, "F")
	return d
}

// Truth gives the true market of each row of Draw (fresh false) or Fresh
// (fresh true) with the same arguments. It differs from the printed Market in
// WrongLabels only.
func Truth(f Family, mixed bool, n int, seed uint64, fresh bool) []string {
	s := "T"
	if fresh {
		s = "F"
	}
	_, t := build(f, mixed, n, seed, s)
	return t
}

// Oracle gives the 10%, 50% and 90% points of ln yuan under the true law given
// the printed columns of d (not its seller, event or price), by draws draws
// (2,000 are enough for .05 in logs).
func Oracle(f Family, mixed bool, d Deal, draws int, seed uint64) (lo, median, hi float64) {
	w, ok := parse(d)
	if !ok || draws < 1 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	r := stream(f, mixed, draws, seed, "O")
	printed := w.market
	x := make([]float64, draws)
	for i := range x {
		v := w
		v.market = truthGiven(r, f, mixed, printed, w)
		if math.IsNaN(d.LifeLeft) {
			v.life = drawLife(r, v.kind)
		}
		if math.IsNaN(d.Score) {
			v.score = drawScore(r)
		}
		v.seller = drawTrait(r, f, v.market)
		v.seller.owner = v.owner
		v.haggle = drawHaggle(r)
		x[i] = math.Log(price(r, f, &v))
	}
	sort.Float64s(x)
	q := func(p float64) float64 { return x[min(draws-1, int(p*float64(draws)))] }
	return q(.1), q(.5), q(.9)
}

func build(f Family, mixed bool, n int, seed uint64, s string) ([]Deal, []string) {
	if n <= 0 {
		return nil, nil
	}
	r := stream(f, mixed, n, seed, s)
	b := &book{r: r, f: f, mixed: mixed, n: n, tag: tag(f, mixed, n, seed, s)}
	switch {
	case s == "F":
		for len(b.deals) < n {
			b.fresh()
		}
	case f == SellerLots:
		for len(b.deals) < n {
			b.lot()
		}
	default:
		for len(b.deals) < n {
			b.single()
		}
	}
	return b.deals, b.truth
}

func tag(f Family, mixed bool, n int, seed uint64, s string) string {
	m := "1"
	if mixed {
		m = "5"
	}
	return fmt.Sprintf("%s-%s%s-%d-%d", s, f, m, n, seed)
}

func stream(f Family, mixed bool, n int, seed uint64, s string) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprintf(h, "madeledger/1 %s %t %d %s", f, mixed, n, s)
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

type book struct {
	r       *rand.Rand
	f       Family
	mixed   bool
	n       int
	tag     string
	deals   []Deal
	truth   []string
	sellers [5][]trait
	all     int
	events  int
}

// back is the probability that a seller already seen returns.
func back(f Family) float64 {
	switch f {
	case HeavyTails:
		return .25
	case SellerLots:
		return .45
	}
	return .15
}

func (b *book) sellerIn(m int) trait {
	if k := len(b.sellers[m]); k > 0 && b.r.Float64() < back(b.f) {
		return b.sellers[m][b.r.IntN(k)]
	}
	t := drawTrait(b.r, b.f, m)
	b.all++
	t.id = b.all
	b.sellers[m] = append(b.sellers[m], t)
	return t
}

func drawTrait(r *rand.Rand, f Family, m int) trait {
	t := trait{market: m, owner: pick(r, ownerLaw[m][:])}
	switch f {
	case HeavyTails:
		t.level = .25 * laplace(r)
	case SellerLots:
		t.level = lotLevel[pick(r, lotLevelShare[:])]
		t.ladder = r.Float64() < .5
	}
	return t
}

func (b *book) trueMarket() int {
	if b.mixed {
		return pick(b.r, marketShare[:])
	}
	if b.f == WrongLabels && b.r.Float64() < wrongShare {
		return 1 + b.r.IntN(4)
	}
	return private
}

// columns draws what a row has beside market and seller.
func columns(r *rand.Rand, f Family, w *row) {
	w.kind = pick(r, kindLaw[w.market][:])
	w.transfer = pick(r, transferLaw[w.market][:])
	w.day = r.IntN(days)
	w.life = drawLife(r, w.kind)
	w.score = drawScore(r)
	w.patents = drawPatents(r, f)
}

func drawLife(r *rand.Rand, kind int) float64 {
	span := 9.2
	if kind == invention {
		span = 18.2
	}
	x, y := gamma(r, 1.5), gamma(r, 1.2)
	return math.Round(10*(.3+span*x/(x+y))) / 10
}

func drawScore(r *rand.Rand) float64 { return math.Round(50 * (r.Float64() + r.Float64())) }

func drawPatents(r *rand.Rand, f Family) int {
	switch f {
	case HeavyTails: // 1 (75%), else 2 + geometric of mean 3, at most 20
		if r.Float64() < .75 {
			return 1
		}
		k := 2
		for k < 20 && r.Float64() < .75 {
			k++
		}
		return k
	case TwoPoint: // 1 (80%), else 2 to 8 alike
		if r.Float64() < .8 {
			return 1
		}
		return 2 + r.IntN(7)
	case WrongLabels: // 1 (70%), else 2 to 12 alike
		if r.Float64() < .7 {
			return 1
		}
		return 2 + r.IntN(11)
	}
	return 1
}

func (b *book) single() {
	m := b.trueMarket()
	w := row{market: m, seller: b.sellerIn(m), haggle: 1}
	w.owner = w.seller.owner
	columns(b.r, b.f, &w)
	b.events++
	b.add(&w)
}

func (b *book) fresh() {
	m := b.trueMarket()
	t := drawTrait(b.r, b.f, m)
	w := row{market: m, seller: t, owner: t.owner, haggle: 1}
	if b.f == SellerLots {
		size, whole := drawLot(b.r)
		rows := size
		if whole {
			rows = 1
		}
		if b.r.Float64()*lotMost >= float64(rows) {
			return // events count by their rows
		}
		columns(b.r, b.f, &w)
		w.haggle = drawHaggle(b.r)
		if whole {
			w.patents = size
		}
	} else {
		columns(b.r, b.f, &w)
	}
	b.all++
	b.events++
	w.seller.id = b.all
	b.add(&w)
}

func (b *book) add(w *row) {
	if len(b.deals) >= b.n {
		return
	}
	yuan := price(b.r, b.f, w)
	label := w.market
	if b.f == WrongLabels {
		if b.mixed {
			if b.r.Float64() < wrongShare {
				label = (w.market + 1 + b.r.IntN(4)) % 5
			}
		} else {
			label = private
		}
	}
	d := Deal{
		ID:       fmt.Sprintf("D-%s-%d", b.tag, len(b.deals)+1),
		Event:    fmt.Sprintf("E-%s-%d", b.tag, b.events),
		Seller:   fmt.Sprintf("S-%s-%d", b.tag, w.seller.id),
		Market:   Markets()[label],
		Owner:    owners[w.owner],
		Kind:     kinds[w.kind],
		Transfer: transfers[w.transfer],
		Date:     origin.AddDate(0, 0, w.day),
		LifeLeft: w.life,
		Score:    w.score,
		Patents:  w.patents,
		Yuan:     yuan,
	}
	if b.r.Float64() < .30 {
		d.Score = math.NaN()
	}
	if b.r.Float64() < .15 {
		d.LifeLeft = math.NaN()
	}
	b.deals = append(b.deals, d)
	b.truth = append(b.truth, Markets()[w.market])
}

func parse(d Deal) (row, bool) {
	find := func(s string, in []string) int {
		for i, t := range in {
			if s == t {
				return i
			}
		}
		return -1
	}
	w := row{
		market:   find(d.Market, Markets()),
		owner:    find(d.Owner, owners[:]),
		kind:     find(d.Kind, kinds[:]),
		transfer: find(d.Transfer, transfers[:]),
		day:      int(math.Round(d.Date.Sub(origin).Hours() / 24)),
		life:     d.LifeLeft, score: d.Score, patents: d.Patents, haggle: 1,
	}
	return w, w.market >= 0 && w.owner >= 0 && w.kind >= 0 && w.transfer >= 0 && w.patents > 0
}

// truthGiven draws the true market by Bayes' rule from label, owner type, kind
// and transfer.
func truthGiven(r *rand.Rand, f Family, mixed bool, printed int, w row) int {
	if f != WrongLabels {
		return printed
	}
	var p [5]float64
	for m := range p {
		switch {
		case mixed && m == printed:
			p[m] = marketShare[m] * (1 - wrongShare)
		case mixed:
			p[m] = marketShare[m] * wrongShare / 4
		case m == private:
			p[m] = 1 - wrongShare
		default:
			p[m] = wrongShare / 4
		}
		p[m] *= ownerLaw[m][w.owner] * kindLaw[m][w.kind] * transferLaw[m][w.transfer]
	}
	return pick(r, p[:])
}

func price(r *rand.Rand, f Family, w *row) float64 {
	var x float64
	switch f {
	case HeavyTails:
		x = heavyTails(r, w)
	case TwoPoint:
		x = twoPoint(r, w)
	case SellerLots:
		x = sellerLots(w)
	case WrongLabels:
		x = wrongLabels(r, w)
	default:
		x = math.NaN()
	}
	return math.Min(math.Max(math.Round(x), 1), maxYuan)
}

// pick draws an index with weights p, which need not sum to one.
func pick(r *rand.Rand, p []float64) int {
	s := 0.
	for _, x := range p {
		s += x
	}
	u := s * r.Float64()
	last := 0
	for i, x := range p {
		if x == 0 {
			continue
		}
		if u < x {
			return i
		}
		u -= x
		last = i
	}
	return last
}

// gamma draws from the gamma law of the given shape (at least 1) and scale 1
// (Marsaglia and Tsang).
func gamma(r *rand.Rand, shape float64) float64 {
	d := shape - 1./3
	c := 1 / math.Sqrt(9*d)
	for {
		x := r.NormFloat64()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v = v * v * v
		u := 1 - r.Float64()
		if math.Log(u) < .5*x*x+d-d*v+d*math.Log(v) {
			return d * v
		}
	}
}

// student draws from Student's law with nu > 2 degrees of freedom.
func student(r *rand.Rand, nu float64) float64 {
	return r.NormFloat64() / math.Sqrt(2*gamma(r, nu/2)/nu)
}

// laplace has density exp(-|x|)/2.
func laplace(r *rand.Rand) float64 {
	x := r.ExpFloat64()
	if r.Uint64()&1 == 0 {
		return -x
	}
	return x
}

// gumbel is the standard largest-value law: distribution exp(-exp(-x)).
func gumbel(r *rand.Rand) float64 { return -math.Log(r.ExpFloat64()) }

// logistic is the standard logistic law.
func logistic(r *rand.Rand) float64 {
	u := (float64(r.Uint64()>>12) + .5) / (1 << 52)
	return math.Log(u / (1 - u))
}
