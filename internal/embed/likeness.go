package embed

import (
	"cmp"
	_ "embed" // the weights are part of the program
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"sync"

	"gonum.org/v1/gonum/mat"

	"zhijia/internal/accuracy"
)

// Containment is how far the smaller of two sets as returned by [Bigrams] lies
// in the other: |A∩B| / (min(|A|,|B|) + 2), in [0, 1). A title in its own
// abstract reaches almost 1, which [Overlap] does not; the 2 keeps a text of
// one or two pairs from being contained everywhere.
func Containment(a, b []int32) float64 {
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	return float64(common(a, b)) / float64(min(len(a), len(b))+2)
}

// Relation is the deepest level of the IPC that two lists of symbols share.
type Relation int

// The levels, each of which includes those before it.
const (
	NoRelation Relation = iota
	SameSection
	SameClass
	SameSubclass
)

// Parts are what two patents are compared by; nil where one side lacks it.
type Parts struct {
	Text    *float64  // cosine of two vectors of one space
	Lexical *float64  // [Containment]
	IPC     *Relation // of the stated symbols
}

// Likeness turns the parts into one number: the probability that two patents
// share an IPC subclass, and where symbols are stated one more than those say.
// It grows with every part, is the same in both directions and depends on
// nothing else that is stored. Start with [FittedLikeness].
type Likeness struct {
	Card  LikenessCard `json:"card"`
	Power float64      `json:"power"` // to which the containment is raised
	// Weights by which parts there are: every set of parts has its own fit,
	// so that a missing part is neither for nor against.
	Weights []Weights `json:"weights"`
}

// Weights are the logistic regression for one set of parts, in log-odds, and
// the curve that brings them to what was found.
type Weights struct {
	Parts    string  `json:"parts"` // "text+lexical+ipc" or some of these
	Base     float64 `json:"base"`
	Text     float64 `json:"text,omitempty"`     // of the cosine, cut at 0
	Lexical  float64 `json:"lexical,omitempty"`  // of the containment, raised to the power
	Section  float64 `json:"section,omitempty"`  // of a common section
	Class    float64 `json:"class,omitempty"`    // of a common class, on top
	Subclass float64 `json:"subclass,omitempty"` // of a common subclass, on top
	Pairs    int     `json:"pairs"`              // fitted on
	Same     int     `json:"same"`               // of which the same subclass
	// Curve takes what the weights add up to, to the log-odds found: points
	// that rise, with straight lines between and a slope of 1 beyond.
	Curve [][2]float64 `json:"curve"`
}

// LikenessCard says what the weights were fitted on, and what they reach on
// texts that neither the weights nor the vectors were fitted on.
type LikenessCard struct {
	Data   string `json:"data"`
	Hash   string `json:"hash"`      // SHA-256 of the examples
	Made   string `json:"made"`      // YYYY-MM-DD
	Fitted int    `json:"fitted_on"` // texts of the pairs
	// Wording is the weight of the raised containment beside the cosine's 1,
	// chosen with the power for the reciprocal rank of a title's own abstract
	// among those that find the same subclass, on the fitted texts, hardly worse
	// than the cosine alone.
	Wording float64           `json:"wording"`
	Figures []LikenessFigures `json:"figures"`
	// Reliability is of the tested pairs, by the likeness given them.
	Reliability []Reliability `json:"reliability"`
}

// Reliability holds what was said of some pairs or texts against what was
// found.
type Reliability struct {
	From  float64 `json:"from"`
	To    float64 `json:"to"`
	Given float64 `json:"given"` // mean of what was said
	Found float64 `json:"found"` // share in which it was so
	Low   float64 `json:"low"`   // 95% interval of the share; texts, not pairs, are drawn
	High  float64 `json:"high"`
	Pairs int     `json:"pairs"`
}

// LikenessFigures compare orders by retrieval among the tested texts of one
// set, each searched for among all the others of it.
type LikenessFigures struct {
	Set    string `json:"set"`
	Texts  int    `json:"texts"`
	Titles int    `json:"titles"` // with an abstract to find
	// By these weights, by the cosine alone, by the learned part of it alone and
	// by wording alone.
	Likeness Found `json:"likeness"`
	Cosine   Found `json:"cosine"`
	Learned  Found `json:"learned"`
	Wording  Found `json:"wording"`
	// What the cosine loses to the likeness in finding the same subclass; below
	// 0 the cosine alone is better.
	Gain Figure `json:"gain"`
}

// Found is how well an order finds what belongs together.
type Found struct {
	Class    Figure  `json:"same_subclass_ndcg10"`         // a text of another group with a common subclass
	Abstract *Figure `json:"own_abstract_mrr10,omitempty"` // from a title, the abstract of the same patent
}

// Figure is a mean over texts with its 95% interval.
type Figure struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// LabelledSet is a named set of examples.
type LabelledSet struct {
	Name     string
	Examples []Example
}

//go:embed likeness.json
var likenessBody []byte

// FittedLikeness returns the weights that come with the program, made by
// `zhijia embed weigh`.
var FittedLikeness = sync.OnceValue(func() *Likeness {
	var l Likeness
	if err := json.Unmarshal(likenessBody, &l); err != nil {
		panic("the weights of the similarity cannot be read: " + err.Error()) // a build without them is broken
	}
	return &l
})

// Of returns the likeness of two patents, in [0, 1]; .5 means even odds. It is
// 0 when the parts are all unknown.
func (l *Likeness) Of(p Parts) float64 {
	name := p.name()
	for i := range l.Weights {
		if w := &l.Weights[i]; w.Parts == name {
			return 1 / (1 + math.Exp(-w.bend(w.score(p.row(l.Power)))))
		}
	}
	return 0
}

func (p Parts) name() string {
	name := ""
	add := func(has bool, s string) {
		if has && name != "" {
			name += "+"
		}
		if has {
			name += s
		}
	}
	add(p.Text != nil, "text")
	add(p.Lexical != nil, "lexical")
	add(p.IPC != nil, "ipc")
	return name
}

func (w *Weights) score(x [partColumns]float64) float64 {
	return w.Base + w.Text*x[1] + w.Lexical*x[2] + w.Section*x[3] + w.Class*x[4] + w.Subclass*x[5]
}

// bend takes a score along the curve.
func (w *Weights) bend(score float64) float64 {
	if len(w.Curve) == 0 {
		return score
	}
	i := sort.Search(len(w.Curve), func(i int) bool { return w.Curve[i][0] >= score })
	switch {
	case i == 0:
		return w.Curve[0][1] + score - w.Curve[0][0]
	case i == len(w.Curve):
		return w.Curve[i-1][1] + score - w.Curve[i-1][0]
	}
	a, b := w.Curve[i-1], w.Curve[i]
	return a[1] + (b[1]-a[1])*(score-a[0])/(b[0]-a[0])
}

const partColumns = 6

// row is what the weights are multiplied with; the first entry is the base's.
func (p Parts) row(power float64) [partColumns]float64 {
	x := [partColumns]float64{1}
	if p.Text != nil {
		x[1] = max(0, *p.Text)
	}
	if p.Lexical != nil {
		x[2] = math.Pow(*p.Lexical, power)
	}
	if p.IPC != nil {
		for level := SameSection; level <= *p.IPC; level++ {
			x[2+int(level)] = 1
		}
	}
	return x
}

// labelledText is one text of a pair.
type labelledText struct {
	Example
	vector  []float32
	grams   []int32
	symbols []string
	shown   string // one of several subclasses; "" when there is only one
}

// rest is the subclasses that are not shown.
func (t *labelledText) rest() []string {
	return slices.DeleteFunc(slices.Clone(t.symbols), func(s string) bool { return s == t.shown })
}

func relate(a, b string) Relation {
	switch {
	case a == b:
		return SameSubclass
	case a[:3] == b[:3]:
		return SameClass
	case a[0] == b[0]:
		return SameSection
	}
	return NoRelation
}

// What is tried of wording: its weight beside the cosine's 1, and the power of
// the containment. A high power leaves the middle to the cosine and decides
// only where one text lies almost whole in the other.
var (
	wordings = []float64{0, 0.25, 0.5, 0.75, 1, 1.5}
	powers   = []float64{2, 3, 4, 6}
)

// wordingMayCost is how much nDCG@10 of the same subclass wording may cost, a
// twentieth of its interval: without it a title no longer finds its own abstract
// (.81 against .94).
const wordingMayCost = 0.002

// FitLikeness learns the weights from labelled texts. A fifth, groups whole,
// is held out from the map that makes the vectors; on half of these the
// weights are fitted, on the other half the card's figures are made. Pairs
// within a group are left out. What a stated symbol tells is learned from
// texts with several subclasses: one of each text is shown, and the question
// is whether the others have one in common.
//
// A text of more than one line is a title and an abstract.
func FitLikeness(sets []LabelledSet, about LikenessCard, seed uint64) (*Likeness, error) {
	var examples, seen []Example
	held := make([][]Example, len(sets))
	for i, s := range sets {
		examples = append(examples, s.Examples...)
		var known []Example
		known, held[i] = Split(s.Examples)
		seen = append(seen, known...)
	}
	m, err := labelled(seen, nil, seed)
	if err != nil {
		return nil, err
	}
	about.Hash = hashOf(examples)
	return likenessOf(m, sets, held, about, seed)
}

// likenessOf fits on half of the texts that a map did not see and measures on
// the other half.
func likenessOf(m *Model, sets []LabelledSet, held [][]Example, about LikenessCard, seed uint64) (*Likeness, error) {
	var fit []labelledText
	test := make([][]labelledText, len(sets))
	for i := range sets {
		for _, e := range held[i] {
			t := labelledText{Example: e, vector: m.Embed(e.Text), grams: Bigrams(e.Text), symbols: Subclasses(e.IPC)}
			if len(t.symbols) > 1 {
				t.shown = t.symbols[fnv64(e.Text, 1)%uint64(len(t.symbols))]
			}
			if fnv64(e.Group, 2)%2 == 0 {
				fit = append(fit, t)
			} else {
				test[i] = append(test[i], t)
			}
		}
	}
	l := &Likeness{Card: about}
	c := &l.Card
	c.Fitted = len(fit)
	classes, own := tableOf(fit, fit), tableOf(halves(m, fit))
	floor := mean(classes.findsClass(fit, classes.cosine))
	best := math.Inf(-1)
	for _, power := range powers {
		for _, w := range wordings {
			if mean(classes.findsClass(fit, classes.with(w, power))) < floor-wordingMayCost {
				continue
			}
			if f := mean(own.findsOwn(own.with(w, power))); f > best {
				best, c.Wording, l.Power = f, w, power
			}
		}
	}
	for _, use := range [][3]bool{{true, true, true}, {true, true, false}, {true, false, true}, {true, false, false}, {false, true, true}, {false, true, false}, {false, false, true}} {
		w, err := weigh(fit, use, c.Wording, l.Power)
		if err != nil {
			return nil, err
		}
		l.Weights = append(l.Weights, w)
	}
	opt := accuracy.Options{Iterations: 1000, Seed: seed}
	var err error
	for i, s := range sets {
		classes, own := tableOf(test[i], test[i]), tableOf(halves(m, test[i]))
		f := LikenessFigures{Set: s.Name, Texts: len(test[i]), Titles: len(own.of)}
		var each [4][]float64
		for k, to := range []*Found{&f.Likeness, &f.Cosine, &f.Learned, &f.Wording} {
			order := func(t *table) func(i, j int) float64 {
				return []func(i, j int) float64{
					func(i, j int) float64 {
						text, lexical := t.cosine(i, j), t.containment(i, j)
						return l.Of(Parts{Text: &text, Lexical: &lexical})
					}, t.cosine, t.learned(m), t.containment,
				}[k]
			}
			each[k] = classes.findsClass(test[i], order(classes))
			if to.Class, err = figure(each[k], opt); err != nil {
				return nil, err
			}
			if len(own.of) > 0 {
				a, err := figure(own.findsOwn(order(own)), opt)
				if err != nil {
					return nil, err
				}
				to.Abstract = &a
			}
		}
		gain := make([]float64, len(each[0]))
		for j := range gain {
			gain[j] = each[0][j] - each[1][j]
		}
		if f.Gain, err = figure(gain, opt); err != nil {
			return nil, err
		}
		c.Figures = append(c.Figures, f)
	}
	c.Reliability = reliability(l, slices.Concat(test...), seed)
	return l, nil
}

// reliability holds the likeness against what is found, by tenths.
func reliability(l *Likeness, texts []labelledText, seed uint64) []Reliability {
	const bins, draws = 10, 500
	type pair struct {
		a, b *labelledText
		same bool
	}
	var held [bins][]pair
	out := make([]Reliability, bins)
	eachPair(texts, func(a, b *labelledText) {
		p := l.Of(partsOf(a, b, [3]bool{true, true, false}))
		k := min(bins-1, int(p*bins))
		held[k] = append(held[k], pair{a, b, share(a.symbols, b.symbols)})
		out[k].Given += p
	})
	rng := rand.New(rand.NewPCG(seed, 0x72656c))
	times := map[*labelledText]float64{}
	var found [bins][]float64
	for draw := range draws + 1 {
		clear(times)
		for i := range texts {
			if draw == 0 { // as found
				times[&texts[i]] = 1
			} else {
				times[&texts[rng.IntN(len(texts))]]++
			}
		}
		for k := 1; k < bins; k++ { // the first holds nearly all pairs, and its share is certain
			n, same := 0.0, 0.0
			for _, p := range held[k] {
				w := times[p.a] * times[p.b]
				n += w
				if p.same {
					same += w
				}
			}
			if n > 0 {
				found[k] = append(found[k], same/n)
			}
		}
	}
	for k := range out {
		r := &out[k]
		r.From, r.To, r.Pairs = float64(k)/bins, float64(k+1)/bins, len(held[k])
		if r.Pairs == 0 {
			continue
		}
		r.Given = round3(r.Given / float64(r.Pairs))
		same := 0
		for _, p := range held[k] {
			if p.same {
				same++
			}
		}
		r.Found = round3(float64(same) / float64(r.Pairs))
		r.Low, r.High = r.Found, r.Found
		if f := found[k]; len(f) > 1 {
			slices.Sort(f)
			r.Low, r.High = round3(f[len(f)/40]), round3(f[len(f)-1-len(f)/40])
		}
	}
	return out
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / max(1, float64(len(v)))
}

func figure(v []float64, opt accuracy.Options) (Figure, error) {
	if len(v) == 0 {
		return Figure{}, nil
	}
	f, err := accuracy.MeanFigure(v, nil, opt)
	if err != nil {
		return Figure{}, err
	}
	out := Figure{Value: round3(f.Value), Low: round3(f.Value), High: round3(f.Value)}
	if f.HasInterval() {
		out.Low, out.High = round3(f.Low), round3(f.High)
	}
	return out, nil
}

// table holds the parts of every text of one list with every text of another.
type table struct {
	of, among []labelledText
	text      []float32
	lexical   []float32
}

func tableOf(of, among []labelledText) *table {
	t := &table{of: of, among: among, text: make([]float32, len(of)*len(among)), lexical: make([]float32, len(of)*len(among))}
	for i := range of {
		for j := range among {
			t.text[i*len(among)+j] = float32(Cosine(of[i].vector, among[j].vector))
			t.lexical[i*len(among)+j] = float32(Containment(of[i].grams, among[j].grams))
		}
	}
	return t
}

func (t *table) cosine(i, j int) float64      { return float64(t.text[i*len(t.among)+j]) }
func (t *table) containment(i, j int) float64 { return float64(t.lexical[i*len(t.among)+j]) }

func (t *table) with(wording, power float64) func(i, j int) float64 {
	return func(i, j int) float64 { return max(0, t.cosine(i, j)) + wording*math.Pow(t.containment(i, j), power) }
}

// learned is the cosine of the projections alone, without the hash.
func (t *table) learned(m *Model) func(i, j int) float64 {
	return func(i, j int) float64 {
		return Cosine(t.of[i].vector[:m.block.width], t.among[j].vector[:m.block.width])
	}
}

// weigh fits the weights for one set of parts: text, lexical, IPC.
func weigh(texts []labelledText, use [3]bool, wording, power float64) (Weights, error) {
	var rows [][partColumns]float64
	var same []bool
	w := Weights{}
	eachPair(texts, func(a, b *labelledText) {
		left, right := a.symbols, b.symbols
		if use[2] {
			if a.shown == "" || b.shown == "" {
				return
			}
			left, right = a.rest(), b.rest()
		}
		p := partsOf(a, b, use)
		x := p.row(power)
		if use[0] { // one column, because the ratio of the two is given
			x[1], x[2] = x[1]+wording*x[2], 0
		}
		s := share(left, right)
		if s {
			w.Same++
		}
		w.Parts, rows, same = p.name(), append(rows, x), append(same, s)
	})
	v, err := logistic(rows, same)
	if err != nil {
		return w, fmt.Errorf("%s: %w", w.Parts, err)
	}
	w.Pairs = len(rows)
	scores := make([]float64, len(rows))
	for i, x := range rows {
		for j := range x {
			scores[i] += v[j] * x[j]
		}
	}
	w.Base, w.Text, w.Lexical, w.Section, w.Class, w.Subclass = round3(v[0]), round3(v[1]), round3(v[2]), round3(v[3]), round3(v[4]), round3(v[5])
	if use[0] && use[1] {
		w.Lexical = round3(wording * v[1])
	}
	w.Curve = curve(scores, same)
	return w, nil
}

// halves returns the titles of the texts that have both, and their abstracts.
func halves(m *Model, texts []labelledText) (titles, abstracts []labelledText) {
	one := func(text string) labelledText {
		return labelledText{vector: m.Embed(text), grams: Bigrams(text)}
	}
	for _, t := range texts {
		if title, abstract, both := strings.Cut(t.Text, "\n"); both {
			titles, abstracts = append(titles, one(title)), append(abstracts, one(abstract))
		}
	}
	return titles, abstracts
}

// findsOwn is of each title 1 / the rank of its own abstract, 0 beyond the
// tenth.
func (t *table) findsOwn(score func(i, j int) float64) []float64 {
	out := make([]float64, len(t.of))
	for i := range t.of {
		own, rank := score(i, i), 1
		for j := range t.among {
			if j != i && score(i, j) >= own {
				rank++
			}
		}
		if rank <= 10 {
			out[i] = 1 / float64(rank)
		}
	}
	return out
}

// curve holds scores against what was found, in bins of equally many of the
// same subclass, and makes the log-odds rise throughout.
func curve(scores []float64, same []bool) [][2]float64 {
	order := make([]int, len(scores))
	total := 0
	for i := range order {
		order[i] = i
		if same[i] {
			total++
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[a], scores[b]) })
	size := max(total/20, 50)
	type bin struct{ score, same, n float64 }
	var bins []bin
	var b bin
	for _, i := range order {
		b.n, b.score = b.n+1, b.score+scores[i]
		if same[i] {
			b.same++
		}
		if int(b.same) >= size {
			bins, b = append(bins, b), bin{}
		}
	}
	if len(bins) < 2 {
		return nil
	}
	last := &bins[len(bins)-1]
	last.n, last.score, last.same = last.n+b.n, last.score+b.score, last.same+b.same
	for i := 1; i < len(bins); { // neighbours that fall are taken together
		if p, q := bins[i-1], bins[i]; p.same/p.n >= q.same/q.n {
			bins[i-1] = bin{p.score + q.score, p.same + q.same, p.n + q.n}
			bins = slices.Delete(bins, i, i+1)
			i = max(1, i-1)
			continue
		}
		i++
	}
	var out [][2]float64
	for _, b := range bins {
		p := (b.same + 0.5) / (b.n + 1)
		point := [2]float64{round3(b.score / b.n), round3(math.Log(p / (1 - p)))}
		if n := len(out); n > 0 && (point[0] <= out[n-1][0] || point[1] <= out[n-1][1]) {
			continue
		}
		out = append(out, point)
	}
	return out
}

func partsOf(a, b *labelledText, use [3]bool) Parts {
	var p Parts
	if use[0] {
		x := Cosine(a.vector, b.vector)
		p.Text = &x
	}
	if use[1] {
		x := Containment(a.grams, b.grams)
		p.Lexical = &x
	}
	if use[2] {
		r := relate(a.shown, b.shown)
		p.IPC = &r
	}
	return p
}

// eachPair calls use with every two texts of different groups.
func eachPair(texts []labelledText, use func(a, b *labelledText)) {
	for i := range texts {
		for j := range i {
			if a, b := &texts[j], &texts[i]; a.Group == "" || a.Group != b.Group {
				use(a, b)
			}
		}
	}
}

func share(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// findsClass is the nDCG@10 of finding a text of another group with a common
// subclass, of each text that has one.
func (t *table) findsClass(texts []labelledText, score func(i, j int) float64) []float64 {
	type found struct {
		score float64
		same  bool
	}
	var out []float64
	for i := range texts {
		all := make([]found, 0, len(texts))
		relevant := 0
		for j := range texts {
			a, b := &texts[i], &texts[j]
			if i == j || a.Group != "" && a.Group == b.Group {
				continue
			}
			f := found{score(i, j), share(a.symbols, b.symbols)}
			if f.same {
				relevant++
			}
			all = append(all, f)
		}
		if relevant == 0 {
			continue
		}
		slices.SortStableFunc(all, func(a, b found) int { return cmp.Compare(b.score, a.score) })
		same := make([]bool, min(10, len(all)))
		for k := range same {
			same[k] = all[k].same
		}
		r, _ := accuracy.ScoreRetrieval(same, relevant, 10) // one at least is relevant, so there is a score
		out = append(out, r.NDCG)
	}
	return out
}

// logistic is the regression of greatest likelihood under a weak normal prior,
// all weights but the base being at least 0: one that would be below is left
// out.
func logistic(rows [][partColumns]float64, same []bool) ([partColumns]float64, error) {
	const prior = 0.01 // 1/variance, which keeps the weight of a part that decides alone finite
	var w [partColumns]float64
	var in [partColumns]bool
	for j := range in {
		in[j] = j == 0 || slices.ContainsFunc(rows, func(x [partColumns]float64) bool { return x[j] != 0 })
	}
	for {
		w = [partColumns]float64{}
		for range 50 {
			hessian := mat.NewSymDense(partColumns, nil)
			gradient := mat.NewVecDense(partColumns, nil)
			for i, x := range rows {
				z := 0.0
				for j := range x {
					z += w[j] * x[j]
				}
				p := 1 / (1 + math.Exp(-z))
				e := -p
				if same[i] {
					e++
				}
				for j := range x {
					if !in[j] {
						continue
					}
					gradient.SetVec(j, gradient.AtVec(j)+e*x[j])
					for k := range j + 1 {
						if in[k] {
							hessian.SetSym(j, k, hessian.At(j, k)+p*(1-p)*x[j]*x[k])
						}
					}
				}
			}
			for j := range w {
				gradient.SetVec(j, gradient.AtVec(j)-prior*w[j])
				hessian.SetSym(j, j, hessian.At(j, j)+prior)
			}
			var c mat.Cholesky
			if !c.Factorize(hessian) {
				return w, fmt.Errorf("the pairs do not determine the weights")
			}
			var step mat.VecDense
			if err := c.SolveVecTo(&step, gradient); err != nil {
				return w, err
			}
			size := mat.Norm(&step, 2)
			damp := min(1, 2/size) // a first step from 0 may overshoot
			for j := range w {
				if in[j] {
					w[j] += damp * step.AtVec(j)
				}
			}
			if size < 1e-6 {
				break
			}
		}
		worst := 0
		for j := 1; j < partColumns; j++ {
			if w[j] < 0 && (worst == 0 || w[j] < w[worst]) {
				worst = j
			}
		}
		if worst == 0 {
			return w, nil
		}
		in[worst] = false
	}
}
