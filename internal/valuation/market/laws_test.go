package market

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
	"zhijia/internal/calendar"
)

var kinds = []string{"invention", "utility_model", "design", "application", "mixed", ""}

func someDeals(t *rapid.T) []Deal {
	n := rapid.IntRange(0, 25).Draw(t, "n")
	out := make([]Deal, n)
	for i := range out {
		s := rapid.SampledFrom(Sales[:]).Draw(t, "market")
		d := Deal{ID: string(rune('A' + i)), Log: rapid.Float64Range(5, 18).Draw(t, "log"), Patents: rapid.IntRange(1, 20).Draw(t, "patents")}
		d.Labels = Ordinary(s, rapid.SampledFrom([]string{"firm", "university", "individual", "unknown"}).Draw(t, "owner"), rapid.SampledFrom(kinds).Draw(t, "kind"))
		d.Event = rapid.SampledFrom([]string{"", "e1", "e2"}).Draw(t, "event")
		d.Seller = rapid.SampledFrom([]string{"", "s1", "s2"}).Draw(t, "seller")
		d.Date = calendar.New(rapid.IntRange(1995, 2025).Draw(t, "year"), time.March, 1)
		out[i] = d
	}
	return out
}

func someQuestion(t *rapid.T) Question {
	q := Question{Labels: Ordinary(rapid.SampledFrom(Sales[:]).Draw(t, "asked"), rapid.SampledFrom([]string{"firm", "university", "individual", ""}).Draw(t, "of"), rapid.SampledFrom([]string{"invention", "utility_model"}).Draw(t, "as"))}
	fact := func(name string, most float64) *float64 {
		if rapid.Bool().Draw(t, name+" known") {
			v := rapid.Float64Range(.001, most).Draw(t, name)
			return &v
		}
		return nil
	}
	q.Life, q.Family, q.Claims, q.Citations, q.Score = fact("life", 20), fact("family", .999), fact("claims", .999), fact("citations", .999), fact("score", 3)
	return q
}

const z80 = 1.2815515655446004

func low(f Figure) float64 { return f.Mean - z80*f.SD }

func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		deals, q := someDeals(t), someQuestion(t)
		p := Default()
		v, err := Solve(p, deals, 2026)
		if err != nil {
			t.Fatal(err)
		}
		f := v.Price(q)
		sum := 0.0
		for _, x := range f.Parts {
			sum += x.Log
		}
		if math.Abs(sum-f.Mean) > 1e-9 || !(f.SD > 0) {
			t.Fatalf("parts sum to %v, the mean is %v, sd %v", sum, f.Mean, f.SD)
		}
		// A better fact never lowers the figure or its low end; a fact worse than the unknown default never raises them.
		for i, get := range []func(*Question) **float64{
			func(q *Question) **float64 { return &q.Life }, func(q *Question) **float64 { return &q.Family },
			func(q *Question) **float64 { return &q.Claims }, func(q *Question) **float64 { return &q.Citations },
		} {
			better := q
			x := *get(&q)
			if x != nil {
				more := *x * rapid.Float64Range(1, 2).Draw(t, "more")
				*get(&better) = &more
				if g := v.Price(better); g.Mean < f.Mean-1e-9 || low(g) < low(f)-1e-9 {
					t.Fatalf("%s %v to %v lowers %v to %v", factNames[i], *x, more, f, g)
				}
				unknown := q
				*get(&unknown) = nil
				g := v.Price(unknown)
				if *x <= p.slopeOf(i).Reference && (f.Mean > g.Mean+1e-9 || low(f) > low(g)+1e-9) {
					t.Fatalf("%s %v, no better than the default, raises %v to %v", factNames[i], *x, g, f)
				}
			}
		}
		// Scores shift and never narrow.
		bare := q
		bare.Score = nil
		if g := v.Price(bare); g.SD != f.SD {
			t.Fatalf("a score changes the width: %v, %v", g.SD, f.SD)
		}
		// A utility model is worth no more than an invention; forced <= bare <= supported.
		um, inv := q, q
		um.Kind, inv.Kind = "utility_model", "invention"
		if v.Price(um).Mean > v.Price(inv).Mean+1e-9 {
			t.Fatal("a utility model is worth more than an invention")
		}
		ladder := func(s Sale) float64 {
			x := q
			x.Labels = Ordinary(s, q.Owner, q.Kind)
			return v.Price(x).Mean
		}
		if ladder(Distress) > ladder(Private)+1e-9 || ladder(Private) > ladder(Showcase)+1e-9 || ladder(Private) > ladder(Corporate)+1e-9 {
			t.Fatal("forced > bare or bare > supported")
		}
		// Scaling every price and every yuan of the prior scales the value.
		c := rapid.Float64Range(-3, 3).Draw(t, "ln c")
		scaled, sp := slices.Clone(deals), p
		for i := range scaled {
			scaled[i].Log += c
		}
		sp.Levels = map[Sale]Level{}
		for s, l := range p.Levels {
			l.Median *= math.Exp(c)
			sp.Levels[s] = l
		}
		sp.Anchors = slices.Clone(p.Anchors)
		for i := range sp.Anchors {
			sp.Anchors[i].Median *= math.Exp(c)
		}
		w, err := Solve(sp, scaled, 2026)
		if err != nil {
			t.Fatal(err)
		}
		if g := w.Price(q); math.Abs(g.Mean-f.Mean-c) > 1e-6 {
			t.Fatalf("scaling by e^%v moves the figure by %v", c, g.Mean-f.Mean)
		}
		// The order of the deals changes nothing.
		slices.Reverse(scaled)
		if r, _ := Solve(sp, scaled, 2026); r.Price(q).Mean != w.Price(q).Mean {
			t.Fatal("the order of the deals matters")
		}
		// The weights of the top deals are those of all, and so is their effective number.
		all, n := v.Weights(q, len(deals), nil)
		if len(all) != len(deals) {
			t.Fatalf("%d weights of %d deals", len(all), len(deals))
		}
		last := ""
		if len(deals) > 0 {
			last = deals[len(deals)-1].ID
		}
		top, m := v.Weights(q, 3, map[string]bool{last: true})
		if m != n || last != "" && !slices.ContainsFunc(top, func(w Weight) bool { return w.Deal.ID == last }) {
			t.Fatalf("effective number %v of the top, %v of all", m, n)
		}
		// What a deal does is what solving without it undoes.
		if len(deals) > 0 {
			x := v.Influences(q)[0]
			without, err := Solve(p, slices.DeleteFunc(slices.Clone(deals), func(d Deal) bool { return d.ID == x.Deal.ID }), 2026)
			if err != nil {
				t.Fatal(err)
			}
			if moved := without.price(q).Mean - v.price(q).Mean; math.Abs(moved-x.Without) > 1e-6 {
				t.Fatalf("without %s the figure moves by %v, told %v", x.Deal.ID, moved, x.Without)
			}
		}
		for i := range min(3, len(all)) {
			if top[i].Weight*top[i].Residual != all[i].Weight*all[i].Residual {
				t.Fatalf("deal %d of the top pulls by %v, of all by %v", i, top[i], all[i])
			}
		}
	})
}

// TestNoLife holds a right at its end at nothing.
func TestNoLife(t *testing.T) {
	v, err := Solve(Default(), nil, 2026)
	if err != nil {
		t.Fatal(err)
	}
	zero := 0.0
	if f := v.Price(Question{Labels: Ordinary(Private, "firm", "invention"), Facts: Facts{Life: &zero}}); math.Exp(f.Mean) != 0 {
		t.Errorf("a right at its end is worth %v", math.Exp(f.Mean))
	}
}

// TestManyDeals is fast at 10,000 deals: the time is not asserted, the answer is.
// The vectors of the conformal quantile, G8 and G8w: ten scores cannot bound 95%, and 4, 9 and 19 are the least that bound
// 80, 90 and 95%.
func TestGoldenConformal(t *testing.T) {
	t.Parallel()
	scores := func(x, w []float64) (out []weighted) {
		for i := range x {
			out = append(out, weighted{x[i], w[i]})
		}
		return out
	}
	x := []float64{.12, .20, .25, .31, .40, .44, .52, .60, .71, .95}
	one := []float64{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}
	some := []float64{1, 1, 1, .5, .5, .5, .25, .25, .25, .25}
	for _, c := range []struct {
		w           []float64
		level, want float64
	}{{one, .8, .71}, {one, .9, .95}, {one, .95, math.Inf(1)}, {some, .5, .31}, {some, .8, .71}, {some, .9, math.Inf(1)}} {
		if got := conformal(scores(x, c.w), 1, c.level); got != c.want {
			t.Errorf("%v of %v: %v, want %v", c.level, c.w, got, c.want)
		}
	}
	for level, n := range map[float64]int{.8: 4, .9: 9, .95: 19} {
		equal := make([]weighted, n)
		for i := range equal {
			equal[i].w = 1
		}
		if math.IsInf(conformal(equal, 1, level), 1) || !math.IsInf(conformal(equal[1:], 1, level), 1) {
			t.Errorf("%d is not the least that bounds %v", n, level)
		}
	}
}

func BenchmarkSolve10000(b *testing.B) {
	deals := make([]Deal, 10_000)
	for i := range deals {
		deals[i] = Deal{ID: string(rune(i)), Log: 10 + math.Sin(float64(i)), Patents: 1 + i%5, Event: "e" + string(rune(i/4)), Seller: "s" + string(rune(i/9)), Labels: Ordinary(Sales[i%5], "firm", kinds[i%5]), Date: calendar.New(2000+i%25, time.May, 1)}
	}
	p := Default()
	b.Run("solve", func(b *testing.B) {
		for b.Loop() {
			if _, err := Solve(p, deals, 2026); err != nil {
				b.Fatal(err)
			}
		}
	})
	v, _ := Solve(p, deals, 2026)
	b.Run("price", func(b *testing.B) {
		for b.Loop() {
			v.Price(Question{Labels: Ordinary(Private, "firm", "utility_model")})
		}
	})
	b.Run("fit", func(b *testing.B) {
		for b.Loop() {
			if _, _, _, err := p.fit(deals); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func TestOwnerOf(t *testing.T) {
	for name, want := range map[string]string{
		"浙江大学": "university", "浙江大学科技园有限公司": "firm", "深圳清华大学研究院": "institute", "中国人民解放军总医院(301医院)": "institute", "郑金起": "individual",
		"欧阳小明": "individual", "北京东土科技股份有限公司(与受让方共有)": "firm", "Applied Materials Inc.": "firm", "Fudan University": "university", "": "", "未载": "individual", "某某市财政局": "",
	} {
		if name == "未载" {
			continue // two characters that could be a person's: the reader of the source leaves the seller empty
		}
		if got := OwnerOf(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if !Contradicts("individual", []string{"甲乙有限公司"}) || Contradicts("university", []string{"某大学附属医院"}) || Contradicts("firm", nil) {
		t.Error("contradictions are read wrongly")
	}
}
