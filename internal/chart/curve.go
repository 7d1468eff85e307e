package chart

import (
	"fmt"
	"html/template"
	"math"
	"strings"
)

// Step is the figure at one value of an input.
type Step struct {
	At               float64 // the input, in the unit of the axis
	Low, Point, High float64 // yuan; a figure that is not given has a point of zero
}

// Curve is a figure against one of its inputs.
type Curve struct {
	Label  string // what the picture shows, for who cannot see it
	Steps  []Step // from the lowest input up
	Stated float64
	Marked bool                 // Stated is where the opinion stands
	Yuan   func(float64) string // how an amount is written on the axis
	Input  func(float64) string // likewise an input
}

// SVG draws the curve in a frame of the given width in CSS pixels: the range as a
// band, the figure as a line, on a logarithmic axis. Each step has an upright line
// of class step, which a script may show. It is empty for fewer than two values of
// the input, or where no figure is above zero.
func (c Curve) SVG(width float64) template.HTML {
	low, high := math.Inf(1), 0.
	for _, s := range c.Steps {
		for _, v := range []float64{s.Low, s.Point, s.High} {
			if v > 0 {
				low, high = math.Min(low, v), math.Max(high, v)
			}
		}
	}
	if len(c.Steps) < 2 || high <= 0 || c.Steps[0].At == c.Steps[len(c.Steps)-1].At {
		return ""
	}
	height := math.Max(220, width*.36)
	const left, right, top, bottom = 74, 18, 12, 28
	floor, roof := math.Floor(math.Log10(low)*3)/3, math.Ceil(math.Log10(high)*3)/3
	if roof-floor < .5 {
		roof = floor + .5
	}
	first, last := c.Steps[0].At, c.Steps[len(c.Steps)-1].At
	x := func(v float64) float64 { return left + (v-first)/(last-first)*(width-left-right) }
	y := func(yuan float64) float64 {
		if yuan <= 0 {
			return height - bottom
		}
		return top + (roof-math.Log10(yuan))/(roof-floor)*(height-top-bottom)
	}
	var b, up, down, middle strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %.0f %.0f" role="img" aria-label="%s" width="100%%" font-size="12">`, width, height, template.HTMLEscapeString(c.Label))
	for e := math.Floor(floor); e <= roof; e++ {
		for _, m := range []float64{1, 2, 5} {
			v := m * math.Pow(10, e)
			if at := math.Log10(v); at < floor || at > roof || m != 1 && roof-floor > 2 {
				continue
			}
			fmt.Fprintf(&b, `<line x1="%d" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"/><text x="%d" y="%.1f" text-anchor="end" fill="%s">%s</text>`,
				left, y(v), width-right, y(v), line, left-6, y(v)+4, dim, template.HTMLEscapeString(c.Yuan(v)))
		}
	}
	for i, s := range c.Steps {
		at := x(s.At)
		fmt.Fprintf(&b, `<line class="step" x1="%.1f" y1="%d" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="2" visibility="hidden"/>`, at, top, at, height-bottom, red)
		if i%2 == 0 {
			fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="middle" fill="%s">%s</text>`, at, height-9, dim, template.HTMLEscapeString(c.Input(s.At)))
		}
		fmt.Fprintf(&up, "%.1f,%.1f ", at, y(s.High))
		back := c.Steps[len(c.Steps)-1-i]
		fmt.Fprintf(&down, "%.1f,%.1f ", x(back.At), y(back.Low))
		if s.Point > 0 {
			fmt.Fprintf(&middle, "%.1f,%.1f ", at, y(s.Point))
		}
	}
	fmt.Fprintf(&b, `<polygon points="%s%s" fill="%s" fill-opacity=".12"/><polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`, up.String(), strings.TrimSpace(down.String()), blue, strings.TrimSpace(middle.String()), blue)
	if c.Marked && c.Stated >= first && c.Stated <= last {
		fmt.Fprintf(&b, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%.1f" stroke="%s" stroke-dasharray="5 4"/>`, x(c.Stated), top, x(c.Stated), height-bottom, dim)
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) // every word in it was escaped above
}
