package embed

import (
	"cmp"
	_ "embed" // the weights are part of the program
	"encoding/json"
	"fmt"
	"math"
	"slices"
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
	Card LikenessCard `json:"card"`
	// Weights by which parts there are: every set of parts has its own fit,
	// so that a missing part is neither for nor against.
	Weights []Weights `json:"weights"`
}

// Weights are the logistic regression for one set of parts, in log-odds.
type Weights struct {
	Parts    string  `json:"parts"` // "text+lexical+ipc" or some of these
	Base     float64 `json:"base"`
	Text     float64 `json:"text,omitempty"`     // of the cosine, cut at 0
	Lexical  float64 `json:"lexical,omitempty"`  // of the square of the containment
	Section  float64 `json:"section,omitempty"`  // of a common section
	Class    float64 `json:"class,omitempty"`    // of a common class, on top
	Subclass float64 `json:"subclass,omitempty"` // of a common subclass, on top
	Pairs    int     `json:"pairs"`              // fitted on
	Same     int     `json:"same"`               // of which the same subclass
}

// LikenessCard says what the weights were fitted on, and what they reach on
// texts that neither the weights nor the vectors were fitted on.
type LikenessCard struct {
	Data   string `json:"data"`
	Hash   string `json:"hash"`      // SHA-256 of the examples
	Made   string `json:"made"`      // YYYY-MM-DD
	Fitted int    `json:"fitted_on"` // texts of the pairs
	// Wording is the weight of the squared containment beside the cosine's 1,
	// chosen among a few for the sum of two figures on the fitted texts: nDCG@10
	// of the same subclass, and MRR@10 of a title's own abstract.
	Wording float64           `json:"wording"`
	Figures []LikenessFigures `json:"figures"`
	// Of the tested pairs given a likeness of .3 to .7: the mean of it, and
	// the share that has a common subclass.
	MiddleGiven float64 `json:"middle_given"`
	MiddleFound float64 `json:"middle_found"`
	MiddlePairs int     `json:"middle_pairs"`
}

// LikenessFigures compare orders by retrieval among the tested texts of one
// set, each searched for among all the others of it.
type LikenessFigures struct {
	Set    string `json:"set"`
	Texts  int    `json:"texts"`
	Titles int    `json:"titles"` // with an abstract to find
	// By these weights, by the cosine alone, and by the weights set by hand
	// that these replaced.
	Likeness Found `json:"likeness"`
	Cosine   Found `json:"cosine"`
	ByHand   Found `json:"by_hand"`
}

// Found is how well an order finds what belongs together.
type Found struct {
	Class    float64 `json:"same_subclass_ndcg10"`         // a text of another group with a common subclass
	Abstract float64 `json:"own_abstract_mrr10,omitempty"` // from a title, the abstract of the same patent
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
			return 1 / (1 + math.Exp(-w.score(p)))
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

func (w *Weights) score(p Parts) float64 {
	x := p.row()
	return w.Base + w.Text*x[1] + w.Lexical*x[2] + w.Section*x[3] + w.Class*x[4] + w.Subclass*x[5]
}

const partColumns = 6

// row is what the weights are multiplied with; the first entry is the base's.
func (p Parts) row() [partColumns]float64 {
	x := [partColumns]float64{1}
	if p.Text != nil {
		x[1] = max(0, *p.Text)
	}
	if p.Lexical != nil {
		x[2] = *p.Lexical * *p.Lexical
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

// wordings are the weights of wording that are tried.
var wordings = []float64{0, 0.25, 0.5, 0.75, 1, 1.5, 2, 3}

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
	c.Hash, c.Fitted = hashOf(examples), len(fit)
	titles, abstracts := halves(m, fit)
	best := math.Inf(-1)
	for _, w := range wordings {
		order := func(a, b *labelledText) float64 {
			o := Containment(a.grams, b.grams)
			return max(0, Cosine(a.vector, b.vector)) + w*o*o
		}
		if f := findsClass(fit, order) + findsOwn(titles, abstracts, order); f > best {
			best, c.Wording = f, w
		}
	}
	for _, use := range [][3]bool{{true, true, true}, {true, true, false}, {true, false, true}, {true, false, false}, {false, true, true}, {false, true, false}, {false, false, true}} {
		w, err := weigh(fit, use, c.Wording)
		if err != nil {
			return nil, err
		}
		l.Weights = append(l.Weights, w)
	}
	likeness := func(a, b *labelledText) float64 { return l.Of(partsOf(a, b, [3]bool{true, true, false})) }
	for i, s := range sets {
		titles, abstracts := halves(m, test[i])
		found := func(order func(a, b *labelledText) float64) Found {
			return Found{round3(findsClass(test[i], order)), round3(findsOwn(titles, abstracts, order))}
		}
		c.Figures = append(c.Figures, LikenessFigures{
			Set: s.Name, Texts: len(test[i]), Titles: len(titles), Likeness: found(likeness),
			Cosine: found(func(a, b *labelledText) float64 { return Cosine(a.vector, b.vector) }),
			ByHand: found(func(a, b *labelledText) float64 {
				return .5*max(0, Cosine(a.vector, b.vector)) + .2*Overlap(a.grams, b.grams)
			}),
		})
	}
	eachPair(slices.Concat(test...), func(a, b *labelledText) {
		if p := likeness(a, b); p >= .3 && p <= .7 {
			c.MiddlePairs++
			c.MiddleGiven += p
			if share(a.symbols, b.symbols) {
				c.MiddleFound++
			}
		}
	})
	if c.MiddlePairs > 0 {
		c.MiddleGiven, c.MiddleFound = round3(c.MiddleGiven/float64(c.MiddlePairs)), round3(c.MiddleFound/float64(c.MiddlePairs))
	}
	return l, nil
}

// weigh fits the weights for one set of parts: text, lexical, IPC.
func weigh(texts []labelledText, use [3]bool, wording float64) (Weights, error) {
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
		x := p.row()
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
	w.Base, w.Text, w.Lexical, w.Section, w.Class, w.Subclass = round3(v[0]), round3(v[1]), round3(v[2]), round3(v[3]), round3(v[4]), round3(v[5])
	if use[0] && use[1] {
		w.Lexical = round3(wording * v[1])
	}
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

// findsOwn is the mean over the titles of 1 / the rank of the own abstract, 0
// beyond the tenth.
func findsOwn(titles, abstracts []labelledText, score func(a, b *labelledText) float64) float64 {
	sum := 0.0
	for i := range titles {
		own, rank := score(&titles[i], &abstracts[i]), 1
		for j := range abstracts {
			if j != i && score(&titles[i], &abstracts[j]) >= own {
				rank++
			}
		}
		if rank <= 10 {
			sum += 1 / float64(rank)
		}
	}
	return sum / max(1, float64(len(titles)))
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

// findsClass is the mean nDCG@10 of finding a text of another group with a
// common subclass, over the texts that have one.
func findsClass(texts []labelledText, score func(a, b *labelledText) float64) float64 {
	type found struct {
		score float64
		same  bool
	}
	sum, n := 0.0, 0
	for i := range texts {
		var all []found
		relevant := 0
		for j := range texts {
			a, b := &texts[i], &texts[j]
			if i == j || a.Group != "" && a.Group == b.Group {
				continue
			}
			f := found{score(a, b), share(a.symbols, b.symbols)}
			if f.same {
				relevant++
			}
			all = append(all, f)
		}
		if relevant == 0 {
			continue
		}
		slices.SortStableFunc(all, func(a, b found) int { return cmp.Compare(b.score, a.score) })
		same := make([]bool, len(all))
		for k := range all {
			same[k] = all[k].same
		}
		r, _ := accuracy.ScoreRetrieval(same, relevant, 10) // one at least is relevant, so there is a score
		sum += r.NDCG
		n++
	}
	if n == 0 {
		return 0
	}
	return sum / float64(n)
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
