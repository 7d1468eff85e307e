package embed

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

var parts = []string{"锂离子电池", "正极材料", "制备方法", "激光器", "噪声", "测量装置", "废水处理", "图像识别", "控制系统", "换热器", "抗体", "药物组合物", "永磁电机", "光伏组件", "齿轮", "涂层"}

func corpus(n int) []string {
	out := make([]string, n)
	for i := range out {
		a, b, c := parts[i%len(parts)], parts[(i/3+1)%len(parts)], parts[(i*7+2)%len(parts)]
		out[i] = fmt.Sprintf("一种%s用%s及其%s，编号%d", a, b, c, i)
	}
	return out
}

func TestFitIsReproducibleAndRoundTrips(t *testing.T) {
	t.Parallel()
	texts := corpus(300)
	m, err := Train(nil, texts, Card{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Train(nil, texts, Card{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if m.Version() != again.Version() {
		t.Error("two fits of one corpus differ")
	}
	var b bytes.Buffer
	if err := m.Save(&b); err != nil {
		t.Fatal(err)
	}
	loaded, err := Load(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(m.Embed(texts[7]), loaded.Embed(texts[7])) {
		t.Error("a saved and loaded model embeds differently")
	}
	if loaded.Version() != m.Version() {
		t.Error("a saved and loaded model has another version")
	}
}

func TestBasisIsOrthonormal(t *testing.T) {
	t.Parallel()
	m, err := Train(nil, corpus(300), Card{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	for a := range 8 {
		for b := range 8 {
			var dot float64
			for i := range m.names {
				dot += float64(m.block.basis[i*svdDimension+a]) * float64(m.block.basis[i*svdDimension+b])
			}
			want := 0.0
			if a == b {
				want = 1
			}
			if math.Abs(dot-want) > 1e-2 {
				t.Errorf("columns %d and %d: inner product %g, want %g", a, b, dot, want)
			}
		}
	}
}

func TestNearTextsAreNear(t *testing.T) {
	t.Parallel()
	m, err := Train(nil, corpus(300), Card{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	for name, embed := range map[string]func(string) []float32{"hash": Hash, "fitted": m.Embed} {
		subject := embed("一种锂离子电池正极材料的制备方法")
		near := Cosine(subject, embed("锂离子电池用正极材料及其制备方法"))
		far := Cosine(subject, embed("鹦鹉人工繁殖巢箱"))
		if near < far+0.3 {
			t.Errorf("%s: near %.3f, far %.3f", name, near, far)
		}
	}
}

func TestVectorLaws(t *testing.T) {
	t.Parallel()
	m, err := Train(nil, corpus(100), Card{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		for _, v := range [][]float32{Hash(text), m.Embed(text)} {
			if len(v) != Dimension {
				t.Fatalf("dimension %d", len(v))
			}
			norm := Cosine(v, v)
			if norm != 0 && math.Abs(norm-1) > 1e-4 {
				t.Fatalf("norm %g", norm)
			}
		}
		a, b := Bigrams(text), Bigrams(rapid.String().Draw(t, "other"))
		o := Overlap(a, b)
		if o < 0 || o > 1+1e-12 || o != Overlap(b, a) {
			t.Fatalf("overlap %g, reversed %g", o, Overlap(b, a))
		}
		if len(a) > 0 && math.Abs(Overlap(a, a)-1) > 1e-12 {
			t.Fatal("a text does not overlap itself fully")
		}
	})
}

func TestWidthAndCaseAreFolded(t *testing.T) {
	t.Parallel()
	if !slices.Equal(Hash("ＬＥＤ灯"), Hash("led灯")) {
		t.Error("full width or case changes the vector")
	}
}

func FuzzLoad(f *testing.F) {
	m, err := Train(nil, corpus(20), Card{}, 1)
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
		if m, err := Load(body); err == nil {
			m.Embed("锂离子电池")
		}
	})
}

func FuzzEmbed(f *testing.F) {
	f.Add("一种锂离子电池")
	f.Add("\xff\x00ＬＥＤ")
	f.Fuzz(func(t *testing.T, text string) {
		if v := Hash(text); !utf8.ValidString(text) && len(v) != Dimension {
			t.Fatal("dimension")
		}
		Bigrams(text)
	})
}

func BenchmarkEmbed(b *testing.B) {
	texts := corpus(2000)
	m, err := Train(nil, texts, Card{}, 1)
	if err != nil {
		b.Fatal(err)
	}
	long := ""
	for i := 0; utf8.RuneCountInString(long) < 270; i++ {
		long += texts[i]
	}
	b.Run("hash", func(b *testing.B) {
		for b.Loop() {
			Hash(long)
		}
	})
	b.Run("fitted", func(b *testing.B) {
		for b.Loop() {
			m.Embed(long)
		}
	})
}

func BenchmarkFit(b *testing.B) {
	texts := corpus(2000)
	for b.Loop() {
		if _, err := Train(nil, texts, Card{}, 1); err != nil {
			b.Fatal(err)
		}
	}
}
