// Package chart draws the product's pictures as inline SVG: numbers and escaped
// words, no script and no address that a browser would fetch. A picture says
// nothing that a table beside it does not say.
package chart

import (
	"fmt"
	"html/template"
	"math"
	"strings"
	"time"
)

// Ink of the pictures: what counts, what only accompanies, what lowers a value.
const (
	blue = "#0b4f8a"
	red  = "#a33b2c"
	dim  = "#5b6570"
	line = "#cfd6dd"
)

// Deal is one priced deal of a [Market].
type Deal struct {
	Day    time.Time
	Price  float64 // yuan, brought to the subject's market and facts; of a deal set aside: as paid
	Paid   float64 // yuan for one patent as paid; 0: unknown or not to be shown
	Weight float64 // of the deal in the figure; its size is the dot's area
	Aside  bool    // seen and not used: hollow
	Focus  bool    // reached by the keyboard
	Label  string  // what a reader is told of it
}

// Market is the figure in its market: what deals fetched, by date, on a
// logarithmic axis, with the figure and its range at the valuation date.
type Market struct {
	Label            string // what the picture shows, for who cannot see it
	Deals            []Deal
	Date             time.Time
	Low, Point, High float64              // yuan for one patent
	Yuan             func(float64) string // how an amount is written on the axis
}

// SVG draws the market in a frame of the given width in CSS pixels. Deals
// without a day or a price above zero are left out; it is empty when none is left
// or the figure has no range.
func (m Market) SVG(width float64) template.HTML {
	if m.Low <= 0 || m.High < m.Low || m.Date.IsZero() {
		return ""
	}
	var deals []Deal
	first, low, high := m.Date, m.Low, m.High
	for _, d := range m.Deals {
		if d.Day.IsZero() || d.Price <= 0 || d.Day.After(m.Date) {
			continue
		}
		deals = append(deals, d)
		if d.Day.Before(first) {
			first = d.Day
		}
		low, high = min(low, d.Price), max(high, d.Price)
		if d.Paid > 0 {
			low, high = min(low, d.Paid), max(high, d.Paid)
		}
	}
	if len(deals) == 0 {
		return ""
	}
	height := math.Max(260, width*.48)
	const left, right, top, bottom = 62, 26, 12, 26
	bottomDecade, topDecade := math.Floor(math.Log10(low)-.05), math.Ceil(math.Log10(high)+.05)
	span := m.Date.Sub(first).Hours()
	x := func(t time.Time) float64 {
		if span == 0 {
			return width - right
		}
		return left + 8 + t.Sub(first).Hours()/span*(width-left-right-8)
	}
	y := func(yuan float64) float64 {
		return top + (topDecade-math.Log10(yuan))/(topDecade-bottomDecade)*(height-top-bottom)
	}

	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %.0f %.0f" role="group" aria-label="%s" width="100%%" font-size="12">`, width, height, template.HTMLEscapeString(m.Label))
	for e := bottomDecade; e <= topDecade; e++ {
		at := y(math.Pow(10, e))
		fmt.Fprintf(&b, `<line x1="%d" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"/><text x="%d" y="%.1f" text-anchor="end" fill="%s">%s</text>`,
			left, at, width-8, at, line, left-6, at+4, dim, template.HTMLEscapeString(m.Yuan(math.Pow(10, e))))
	}
	step := years(first, m.Date, int(width/70))
	for year := (first.Year()/step + 1) * step; year <= m.Date.Year(); year += step {
		at := x(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC))
		if at > width-right-30 && year != m.Date.Year() {
			continue
		}
		fmt.Fprintf(&b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"/><text x="%.1f" y="%.1f" text-anchor="middle" fill="%s">%d</text>`,
			at, height-bottom, at, height-bottom+4, dim, at, height-8, dim, year)
	}
	fmt.Fprintf(&b, `<rect x="%d" y="%.1f" width="%.1f" height="%.1f" fill="%s" fill-opacity=".09"/>`, left, y(m.High), width-right-left, y(m.Low)-y(m.High), blue)
	if m.Point > 0 {
		fmt.Fprintf(&b, `<line x1="%d" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-dasharray="5 4"/>`, left, y(m.Point), width-right, y(m.Point), blue)
	}
	var heaviest float64
	for _, d := range deals {
		heaviest = max(heaviest, math.Abs(d.Weight))
	}
	for _, d := range deals {
		at := x(d.Day)
		r := 3.5
		if heaviest > 0 && !d.Aside {
			r = math.Max(2.5, 9*math.Sqrt(math.Abs(d.Weight)/heaviest))
		}
		if d.Paid > 0 {
			fmt.Fprintf(&b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"/>`, at, y(d.Paid), at, y(d.Price), "#9aa5b0")
		}
		paint := fmt.Sprintf(`fill="%s" fill-opacity=".55" stroke="%s"`, blue, blue)
		if d.Aside {
			paint = fmt.Sprintf(`fill="#fff" stroke="%s"`, dim)
		}
		focus := ""
		if d.Focus {
			focus = ` tabindex="0"`
		}
		label := template.HTMLEscapeString(d.Label)
		fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="%.1f" %s role="img" aria-label="%s"%s><title>%s</title></circle>`, at, y(d.Price), r, paint, label, focus, label)
	}
	at := width - right
	fmt.Fprintf(&b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="4"/>`, at, y(m.Low), at, y(m.High), blue)
	if m.Point > 0 {
		fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="6.5" fill="%s" stroke="#fff" stroke-width="1.5"/>`, at, y(m.Point), blue)
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) // every word in it was escaped above
}

// years is the smallest of 1, 2, 5, 10, … years that puts at most n labels
// between two days.
func years(from, to time.Time, n int) int {
	between := to.Year() - from.Year() + 1
	for step := 1; ; step *= 10 {
		for _, m := range []int{1, 2, 5} {
			if between <= m*step*max(n, 1) {
				return m * step
			}
		}
	}
}

// Waterfall draws a picture for each of several signed amounts, all on one axis:
// each bar begins where the one before it ended, the last picture is their sum
// from zero. The zero is marked in each.
func Waterfall(amounts []float64) []template.HTML {
	low, high, sum := 0., 0., 0.
	for _, v := range amounts {
		sum += v
		low, high = min(low, sum), max(high, sum)
	}
	if high == low {
		high = low + 1
	}
	x := func(v float64) float64 { return (v - low) / (high - low) * 1000 }
	out := make([]template.HTML, 0, len(amounts)+1)
	bar := func(from, to float64, ink string) {
		a, z := x(min(from, to)), x(max(from, to))
		out = append(out, template.HTML(fmt.Sprintf(`<svg viewBox="0 0 1000 20" preserveAspectRatio="none" aria-hidden="true"><line x1="%.1f" y1="0" x2="%.1f" y2="20" stroke="%s" stroke-width="3"/><rect x="%.1f" y="3" width="%.1f" height="14" fill="%s" fill-opacity=".7"/></svg>`,
			x(0), x(0), "#9aa5b0", a, max(z-a, 2), ink)))
	}
	at := 0.
	for _, v := range amounts {
		ink := blue
		if v < 0 {
			ink = red
		}
		bar(at, at+v, ink)
		at += v
	}
	bar(0, at, dim)
	return out
}

// Rung is one figure of a [Ladder], in yuan. A figure of zero has no place on a
// logarithmic axis and is drawn at its foot.
type Rung struct{ Low, Point, High float64 }

// Ladder draws a picture for each of several figures, all on one logarithmic
// axis, with a mark for each power of ten.
func Ladder(rungs []Rung) []template.HTML {
	low, high := math.Inf(1), math.Inf(-1)
	for _, r := range rungs {
		for _, v := range []float64{r.Low, r.Point, r.High} {
			if v > 0 {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	if low > high {
		return make([]template.HTML, len(rungs))
	}
	bottom, top := math.Floor(math.Log10(low)), math.Ceil(math.Log10(high))
	if top == bottom {
		top++
	}
	x := func(v float64) float64 {
		if v <= 0 {
			return 0
		}
		return 14 + (math.Log10(v)-bottom)/(top-bottom)*972
	}
	out := make([]template.HTML, len(rungs))
	for i, r := range rungs {
		var b strings.Builder
		b.WriteString(`<svg viewBox="0 0 1000 24" preserveAspectRatio="none" aria-hidden="true">`)
		for e := bottom; e <= top; e++ {
			at := x(math.Pow(10, e))
			fmt.Fprintf(&b, `<line x1="%.1f" y1="0" x2="%.1f" y2="24" stroke="%s" stroke-width="2"/>`, at, at, line)
		}
		fmt.Fprintf(&b, `<rect x="%.1f" y="8" width="%.1f" height="8" fill="%s" fill-opacity=".35"/><rect x="%.1f" y="3" width="8" height="18" fill="%s"/></svg>`,
			x(r.Low), max(x(r.High)-x(r.Low), 2), blue, max(x(r.Point)-4, 0), blue)
		out[i] = template.HTML(b.String())
	}
	return out
}
