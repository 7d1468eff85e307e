package chart

import (
	"encoding/xml"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// elements reads a picture as XML, which it must be, and returns its elements.
func elements(t interface{ Fatalf(string, ...any) }, svg string) (out []xml.StartElement) {
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		tok, err := d.Token()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatalf("not XML: %v\n%s", err, svg)
		}
		if e, ok := tok.(xml.StartElement); ok {
			out = append(out, e)
		}
	}
}

func number(e xml.StartElement, name string) float64 {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			v, err := strconv.ParseFloat(a.Value, 64)
			if err != nil {
				return -1e9
			}
			return v
		}
	}
	return -1e9
}

// TestMarket: whatever the deals, the picture is well formed, says their labels
// as text, has a dot for each deal that can be drawn, and none outside its frame.
func TestMarket(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		date := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		yuan := rapid.Float64Range(1, 1e11)
		low := yuan.Draw(t, "low")
		m := Market{Label: rapid.String().Draw(t, "label"), Date: date, Low: low, Point: low * 2, High: low * 5, Yuan: func(float64) string { return "<1万元>" }}
		drawn := 0
		for range rapid.IntRange(0, 30).Draw(t, "n") {
			d := Deal{
				Day: date.AddDate(0, 0, -rapid.IntRange(-200, 12000).Draw(t, "days")), Price: rapid.OneOf(yuan, rapid.Just(0.)).Draw(t, "price"),
				Paid: rapid.OneOf(yuan, rapid.Just(0.)).Draw(t, "paid"), Weight: rapid.Float64Range(-1, 1).Draw(t, "weight"),
				Aside: rapid.Bool().Draw(t, "aside"), Label: `"<script>`,
			}
			if d.Price > 0 && !d.Day.After(date) {
				drawn++
			}
			m.Deals = append(m.Deals, d)
		}
		for _, width := range []float64{340, 720} {
			svg := string(m.SVG(width))
			if drawn == 0 {
				if svg != "" {
					t.Fatalf("a market without a deal is drawn")
				}
				continue
			}
			dots := 0
			for _, e := range elements(t, clean(svg)) {
				if e.Name.Local == "script" {
					t.Fatalf("a label became an element")
				}
				if e.Name.Local != "circle" {
					continue
				}
				dots++
				if x, y := number(e, "cx"), number(e, "cy"); x < 0 || x > width || y < 0 || y > 400 {
					t.Fatalf("a dot at %g, %g", x, y)
				}
			}
			if dots != drawn+1 {
				t.Fatalf("%d dots for %d deals and the figure", dots, drawn)
			}
		}
	})
}

// clean takes out the characters that XML does not know and HTML does.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0xfffe || r == 0xffff || r == 0xfffd {
			return -1
		}
		return r
	}, strings.ReplaceAll(s, "&#0;", ""))
}

// TestWaterfall: each bar begins where the one before ended, and the last is the
// sum from zero.
func TestWaterfall(t *testing.T) {
	t.Parallel()
	got := Waterfall([]float64{100, -40, 20})
	want := [][2]float64{{0, 1000}, {600, 400}, {600, 200}, {0, 800}}
	if len(got) != len(want) {
		t.Fatalf("%d pictures", len(got))
	}
	for i, svg := range got {
		e := elements(t, string(svg))
		rect := e[len(e)-1]
		if x, w := number(rect, "x"), number(rect, "width"); x != want[i][0] || w != want[i][1] {
			t.Errorf("bar %d: from %g, %g wide, want %v", i, x, w, want[i])
		}
	}
	if below := Waterfall([]float64{-30}); len(below) != 2 {
		t.Errorf("%d pictures of one loss", len(below))
	}
}

// TestLadder: a figure ten times another stands a power of ten to its right, and
// zero stands at the foot.
func TestLadder(t *testing.T) {
	t.Parallel()
	at := func(svg string) float64 {
		e := elements(t, svg)
		return number(e[len(e)-1], "x")
	}
	got := Ladder([]Rung{{100, 1000, 10000}, {1000, 10000, 100000}, {0, 0, 0}})
	if a, b := at(string(got[0])), at(string(got[1])); b-a != 324 {
		t.Errorf("at %g and %g: a third of 972 apart is wanted", a, b)
	}
	if x := at(string(got[2])); x != 0 {
		t.Errorf("zero at %g", x)
	}
	for _, svg := range Ladder([]Rung{{}, {}}) {
		if svg != "" {
			t.Errorf("figures of zero alone are drawn: %s", svg)
		}
	}
}

// TestCurve: whatever the figures, the picture is well formed and has an upright
// line for each step, within its frame.
func TestCurve(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := Curve{Label: `"<b>`, Yuan: func(float64) string { return "<1万元>" }, Input: func(float64) string { return "<3%>" }, Marked: true, Stated: rapid.Float64Range(-5, 5).Draw(t, "stated")}
		some := false
		for i := range rapid.IntRange(0, 12).Draw(t, "n") {
			low := rapid.OneOf(rapid.Float64Range(1, 1e10), rapid.Just(0.)).Draw(t, "low")
			c.Steps = append(c.Steps, Step{At: float64(i) - 3, Low: low, Point: low * 2, High: low * 9})
			some = some || low > 0
		}
		svg := string(c.SVG(920))
		if drawn := len(c.Steps) > 1 && some; drawn != (svg != "") {
			t.Fatalf("%d steps: %q", len(c.Steps), svg)
		}
		steps := 0
		for _, e := range elements(t, svg) {
			if e.Name.Local != "line" {
				continue
			}
			for _, a := range []string{"x1", "x2"} {
				if x := number(e, a); x < 0 || x > 920 {
					t.Fatalf("a line at %v: %s", x, svg)
				}
			}
			for _, a := range e.Attr {
				if a.Name.Local == "class" && a.Value == "step" {
					steps++
				}
			}
		}
		if svg != "" && steps != len(c.Steps) {
			t.Fatalf("%d lines for %d steps", steps, len(c.Steps))
		}
	})
}
