package harness

import (
	"fmt"
	"html/template"
	"math"
	"strings"

	"zhijia/internal/accuracy"
)

// The charts are inline SVG of numbers only, so that the page needs no script
// and no network. Text within them is fixed wording and escaped titles.

const (
	chartW, chartH                                   = 520.0, 400.0
	marginLeft, marginRight, marginTop, marginBottom = 64.0, 16.0, 14.0, 48.0
)

type canvas struct {
	strings.Builder
	x0, x1, y0, y1 float64 // data range
}

func newCanvas(x0, x1, y0, y1 float64, label string) *canvas {
	c := &canvas{x0: x0, x1: x1, y0: y0, y1: y1}
	fmt.Fprintf(c, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s" xmlns="http://www.w3.org/2000/svg">`, chartW, chartH, template.HTMLEscapeString(label))
	return c
}

func (c *canvas) px(x float64) float64 {
	return marginLeft + (x-c.x0)/(c.x1-c.x0)*(chartW-marginLeft-marginRight)
}

func (c *canvas) py(y float64) float64 {
	return chartH - marginBottom - (y-c.y0)/(c.y1-c.y0)*(chartH-marginTop-marginBottom)
}

func (c *canvas) line(x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(c, `<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, class, c.px(x1), c.py(y1), c.px(x2), c.py(y2))
}

func (c *canvas) dot(x, y float64, class, title string) {
	fmt.Fprintf(c, `<circle class="%s" cx="%.1f" cy="%.1f" r="5"><title>%s</title></circle>`, class, c.px(x), c.py(y), template.HTMLEscapeString(title))
}

func (c *canvas) text(px, py float64, anchor, class, s string) {
	fmt.Fprintf(c, `<text x="%.1f" y="%.1f" text-anchor="%s" class="%s">%s</text>`, px, py, anchor, class, template.HTMLEscapeString(s))
}

func (c *canvas) axes(xTicks, yTicks []float64, label func(float64) string, xName, yName string) {
	for _, t := range xTicks {
		c.line(t, c.y0, t, c.y1, "grid")
		c.text(c.px(t), chartH-marginBottom+16, "middle", "tick", label(t))
	}
	for _, t := range yTicks {
		c.line(c.x0, t, c.x1, t, "grid")
		c.text(marginLeft-6, c.py(t)+4, "end", "tick", label(t))
	}
	c.text((marginLeft+chartW-marginRight)/2, chartH-8, "middle", "axis", xName)
	fmt.Fprintf(c, `<text transform="translate(13 %.1f) rotate(-90)" text-anchor="middle" class="axis">%s</text>`, (marginTop+chartH-marginBottom)/2, template.HTMLEscapeString(yName))
}

func (c *canvas) end() template.HTML {
	c.WriteString(`</svg>`)
	return template.HTML(c.String()) //nolint:gosec // every string in it was escaped above
}

// yuan prints 元, 万 or 亿.
func yuan(v float64) string {
	unit := "元"
	switch {
	case v >= 1e8:
		v, unit = v/1e8, "亿"
	case v >= 1e4:
		v, unit = v/1e4, "万"
	}
	s := short(v)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s + unit
}

// ratioPlot draws estimate against price on log axes, each with its range,
// the line of equality and a factor of two either way.
func ratioPlot(samples []Sample) template.HTML {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, x := range samples {
		if e, ok := x.Estimates["product"]; ok && x.Status == "ok" {
			for _, v := range []float64{e, x.Values["price"]} {
				lo, hi = min(lo, math.Log10(v)), max(hi, math.Log10(v))
			}
		}
	}
	if lo > hi {
		return ""
	}
	lo, hi = math.Floor(lo-0.15), math.Ceil(hi+0.15)
	c := newCanvas(lo, hi, lo, hi, "estimate against price")
	var ticks []float64
	for t := lo; t <= hi; t++ {
		ticks = append(ticks, t)
	}
	c.axes(ticks, ticks, func(t float64) string { return yuan(math.Pow(10, t)) }, "成交价 price (log)", "估值 estimate (log)")
	two := math.Log10(2)
	c.line(lo, lo, hi, hi, "equal")
	c.line(lo, lo+two, hi-two, hi, "band")
	c.line(lo+two, lo, hi, hi-two, "band")
	clamp := func(v float64) float64 { return min(max(v, lo), hi) }
	for _, x := range samples {
		e, ok := x.Estimates["product"]
		if !ok || x.Status != "ok" {
			continue
		}
		p := math.Log10(x.Values["price"])
		class := "point"
		if l, h := x.Values["low"], x.Values["high"]; l > 0 {
			c.line(p, clamp(math.Log10(l)), p, clamp(math.Log10(h)), "whisker")
			if x.Values["price"] < l || x.Values["price"] > h {
				class = "point miss"
			}
		}
		c.dot(p, math.Log10(e), class, fmt.Sprintf("%s %s: price %s, estimate %s", x.Case, x.Title, yuan(x.Values["price"]), yuan(e)))
	}
	return c.end()
}

// calibrationPlot draws measured coverage against stated level.
func calibrationPlot(points []accuracy.CalibrationPoint) template.HTML {
	if len(points) == 0 {
		return ""
	}
	c := newCanvas(0, 1, 0, 1, "measured coverage against stated level")
	ticks := []float64{0, 0.2, 0.4, 0.6, 0.8, 1}
	c.axes(ticks, ticks, func(t float64) string { return fmt.Sprintf("%.0f%%", 100*t) }, "标称置信水平 stated level", "实测覆盖率 measured coverage")
	c.line(0, 0, 1, 1, "equal")
	for i, p := range points {
		if p.Coverage.HasInterval() {
			c.line(p.Level, p.Coverage.Low, p.Level, p.Coverage.High, "whisker")
		}
		if i > 0 {
			c.line(points[i-1].Level, points[i-1].Coverage.Value, p.Level, p.Coverage.Value, "curve")
		}
	}
	for _, p := range points {
		c.dot(p.Level, p.Coverage.Value, "point", fmt.Sprintf("stated %.0f%%, measured %.0f%%, n = %d", 100*p.Level, 100*p.Coverage.Value, p.N))
	}
	return c.end()
}
