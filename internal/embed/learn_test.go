package embed

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// labelledTexts makes texts of three subclasses that share filler and differ
// in their own words.
func labelledTexts(n int, seed uint64) []Example {
	words := map[string][]string{
		"H01M 10/05": {"锂离子电池", "正极材料", "电解液", "隔膜", "负极"},
		"A01K 31/00": {"鹦鹉", "巢箱", "饲养", "孵化", "饮水槽"},
		"B01D 53/00": {"脱硫", "烟气", "吸收塔", "粉尘", "除雾器"},
	}
	symbols := []string{"A01K 31/00", "B01D 53/00", "H01M 10/05"}
	filler := []string{"一种", "装置", "方法", "及其", "系统", "设备", "结构"}
	rng := rand.New(rand.NewPCG(seed, 1))
	var out []Example
	for i := range n {
		s := symbols[rng.IntN(len(symbols))]
		w := words[s]
		text := filler[rng.IntN(len(filler))] + w[rng.IntN(len(w))] + filler[rng.IntN(len(filler))] + w[rng.IntN(len(w))] + filler[rng.IntN(len(filler))]
		out = append(out, Example{Text: text, IPC: []string{s}, Group: fmt.Sprint("g", i/3)})
	}
	return out
}

// The iterative solution is the ridge solution: (XᵀX + λI) b = c.
func TestSolveIsRidge(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	const terms, n, width = 40, 120, 5
	rows := make([][]entry, n)
	x := mat.NewDense(n, terms, nil)
	diagonal := make([]float64, terms)
	for i := range rows {
		for j := range terms {
			if rng.Float64() < 0.2 {
				w := rng.Float64()
				rows[i] = append(rows[i], entry{int32(j), float32(w)})
				x.Set(i, j, w)
				diagonal[j] += w * w
			}
		}
	}
	c := mat.NewDense(terms, width, nil)
	for i := range terms {
		for j := range width {
			c.Set(i, j, rng.NormFloat64())
		}
	}
	got := newMatrix(terms, width)
	for range 6 { // each call goes on from where the last one ended
		solve(rows, diagonal, from(c), got)
	}
	var a, want mat.Dense
	a.Mul(x.T(), x)
	for i := range terms {
		a.Set(i, i, a.At(i, i)+ridge)
	}
	if err := want.Solve(&a, c); err != nil {
		t.Fatal(err)
	}
	for j := range width {
		var off, size float64
		for i := range terms {
			d := float64(got.row(i)[j]) - want.At(i, j)
			off, size = off+d*d, size+want.At(i, j)*want.At(i, j)
		}
		if math.Sqrt(off/size) > 2*solveTolerance {
			t.Errorf("column %d is off by %.4f of its length", j, math.Sqrt(off/size))
		}
	}
}

func TestTrainedModelKnowsItsClasses(t *testing.T) {
	t.Parallel()
	m, err := Train(labelledTexts(600, 1), nil, Card{Data: "generated"}, 7)
	if err != nil {
		t.Fatal(err)
	}
	right := 0
	fresh := labelledTexts(200, 2)
	for _, e := range fresh {
		got, _ := m.Classes(e.Text, 3)
		if len(got) == 3 && got[0].Subclass == Subclass(e.IPC[0]) {
			right++
		}
	}
	if right < 190 {
		t.Errorf("%d of 200 first guesses right", right)
	}
	near := Cosine(m.Embed("一种饮水槽装置"), m.Embed("鹦鹉孵化设备"))
	far := Cosine(m.Embed("一种饮水槽装置"), m.Embed("一种隔膜装置"))
	if near < far {
		t.Errorf("no shared word but one class: %.3f; shared filler and another class: %.3f", near, far)
	}
	c := m.Card()
	if c.Examples != 600 || c.Held == 0 || c.First < 0.9 || c.LogLoss > 0.5 {
		t.Errorf("card %+v", c)
	}
}

func TestNothingIsProposedForWhatIsUnlikeTheExamples(t *testing.T) {
	t.Parallel()
	m, err := Train(labelledTexts(300, 1), nil, Card{}, 7)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "lithium ion battery cathode", "！！！", "可口可乐", "阿里巴巴", "qqq www eee"} {
		if got, why := m.Classes(text, 3); got != nil || why == "" {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestTrainTwiceGivesTheSameBytes(t *testing.T) {
	t.Parallel()
	var first []byte
	for range 2 {
		m, err := Train(labelledTexts(200, 5), []string{"一种装置", "一种方法"}, Card{}, 9)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := m.Save(&b); err != nil {
			t.Fatal(err)
		}
		if first != nil && !bytes.Equal(first, b.Bytes()) {
			t.Fatal("two fits of the same texts differ")
		}
		first = b.Bytes()
		again, err := Load(first)
		if err != nil {
			t.Fatal(err)
		}
		const text = "锂离子电池隔膜结构"
		before, _ := m.Classes(text, 3)
		after, _ := again.Classes(text, 3)
		if !slices.Equal(m.Embed(text), again.Embed(text)) || !slices.Equal(before, after) {
			t.Error("a saved and loaded model answers differently")
		}
	}
}

// An owner whose patents are all of one subclass, or share one section, gets a
// model that can be stored.
func TestLabelsThatEveryTextHas(t *testing.T) {
	t.Parallel()
	for name, symbol := range map[string]func(i int) string{
		"one subclass":          func(int) string { return "H01M 4/36" },
		"one section":           func(i int) string { return []string{"H01M 4/36", "H02J 7/00"}[i%2] },
		"one class":             func(i int) string { return []string{"H01M 4/36", "H01G 9/00"}[i%2] },
		"one subclass and more": func(i int) string { return []string{"H01M 4/36", "H01M 10/05"}[i%2] },
		"one text of another": func(i int) string {
			return map[bool]string{true: "A01K 1/00"}[i == 7] + map[bool]string{true: "B01D 1/00"}[i != 7]
		},
	} {
		examples := labelledTexts(150, 3)
		for i := range examples {
			examples[i].IPC = []string{symbol(i)}
		}
		m, err := Train(examples, nil, Card{}, 1)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var b bytes.Buffer
		if err := m.Save(&b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, x := range m.Embed("一种锂离子电池隔膜") {
			if x != x {
				t.Errorf("%s: a vector that is not a number", name)
				break
			}
		}
	}
}

// Two texts of one family come nearer than without the family.
func TestKinIsDrawnTogether(t *testing.T) {
	t.Parallel()
	fit := func(kin []string) *Model {
		examples := labelledTexts(300, 3)
		for range 6 {
			examples = append(examples, Example{Text: "一种隔膜涂布设备", IPC: []string{"H01M"}, Kin: kin}, Example{Text: "一种孵化吸收塔", IPC: []string{"B01D"}, Kin: kin})
		}
		m, err := Train(examples, nil, Card{}, 1)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	near := func(m *Model) float64 {
		return Cosine(m.Embed("一种隔膜涂布设备"), m.Embed("一种孵化吸收塔"))
	}
	with, without := fit([]string{"family 1"}), fit(nil)
	if near(with) < near(without)+0.1 {
		t.Errorf("with the family %.3f, without %.3f", near(with), near(without))
	}
	for _, c := range with.classes.Names {
		if len(c) != 4 {
			t.Errorf("a family became a class: %s", c)
		}
	}
}

func TestSubclass(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"H01M 4/36": "H01M", "h01m10/05": "H01M", "H 01 M 4/36": "H01M", "A01K": "A01K",
		"": "", "H01": "", "I01M": "", "HO1M": "", "电池": "", "09-01": "",
	} {
		if got := Subclass(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzLoadTrained(f *testing.F) {
	m, err := Train(labelledTexts(150, 1), nil, Card{}, 1)
	if err != nil {
		f.Fatal(err)
	}
	var b bytes.Buffer
	if err := m.Save(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := Load(body)
		if err != nil {
			return
		}
		m.Embed("一种锂离子电池")
		m.Classes("一种锂离子电池", 3)
	})
}
