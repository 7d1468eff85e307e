package embed

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// The likeness that ships grows with every part, lies in [0, 1] and is the
// same in both directions.
func TestLikenessLaws(t *testing.T) {
	t.Parallel()
	l := FittedLikeness()
	rapid.Check(t, func(t *rapid.T) {
		number := func(name string) *float64 {
			if !rapid.Bool().Draw(t, name+" known") {
				return nil
			}
			x := rapid.Float64Range(-1, 1).Draw(t, name)
			return &x
		}
		p := Parts{Text: number("text"), Lexical: number("lexical")}
		if p.Lexical != nil {
			*p.Lexical = max(0, *p.Lexical)
		}
		if rapid.Bool().Draw(t, "ipc known") {
			r := Relation(rapid.IntRange(int(NoRelation), int(SameSubclass)).Draw(t, "ipc"))
			p.IPC = &r
		}
		before := l.Of(p)
		if before < 0 || before > 1 {
			t.Fatalf("likeness %g", before)
		}
		if p == (Parts{}) {
			if before != 0 {
				t.Fatalf("nothing known: %g", before)
			}
			return
		}
		if before == 0 {
			t.Fatalf("no weights for %q", p.name())
		}
		for _, x := range []*float64{p.Text, p.Lexical} {
			if x == nil {
				continue
			}
			was := *x
			*x += rapid.Float64Range(0, 1).Draw(t, "more")
			if l.Of(p) < before {
				t.Fatalf("%q falls when a part grows", p.name())
			}
			*x = was
		}
		if p.IPC != nil && *p.IPC < SameSubclass {
			*p.IPC++
			if l.Of(p) < before {
				t.Fatal("falls with a closer class")
			}
		}
		a, b := Bigrams(rapid.String().Draw(t, "a")), Bigrams(rapid.String().Draw(t, "b"))
		if c := Containment(a, b); c < 0 || c >= 1 || c != Containment(b, a) {
			t.Fatalf("containment %g, reversed %g", c, Containment(b, a))
		}
	})
}

// On texts whose class is in their words the fit gives the cosine a weight,
// a likeness above even odds to two of one class and below to others.
func TestFitLikeness(t *testing.T) {
	t.Parallel()
	examples := labelledTexts(900, 4)
	for i := range examples { // a second symbol that says the same, so that one can be shown
		examples[i].IPC = append(examples[i].IPC, map[string]string{"A01K 31/00": "A01J 1/00", "B01D 53/00": "B01J 1/00", "H01M 10/05": "H01G 1/00"}[examples[i].IPC[0]])
	}
	sets := []LabelledSet{{Name: "generated", Examples: examples}}
	l, err := FitLikeness(sets, LikenessCard{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	again, err := FitLikeness(sets, LikenessCard{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	near, far, wording := 0.9, 0.1, 0.2
	for i, w := range l.Weights {
		if !reflect.DeepEqual(w, again.Weights[i]) {
			t.Errorf("two fits differ: %+v, %+v", w, again.Weights[i])
		}
		if w.Pairs == 0 || w.Same == 0 || w.Text < 0 || w.Lexical < 0 || w.Section < 0 || w.Class < 0 || w.Subclass < 0 {
			t.Errorf("%+v", w)
		}
	}
	if a, b := l.Of(Parts{Text: &near, Lexical: &wording}), l.Of(Parts{Text: &far, Lexical: &wording}); a < 0.5 || b > 0.5 {
		t.Errorf("near %.3f, far %.3f", a, b)
	}
	if f := l.Card.Figures; len(f) != 1 || f[0].Texts == 0 || f[0].Likeness.Class.Value < 0.9 {
		t.Errorf("figures %+v", f)
	}
	if l.Card.Wording != again.Card.Wording || l.Card.Hash == "" || l.Card.Fitted == 0 {
		t.Errorf("card %+v", l.Card)
	}
}
