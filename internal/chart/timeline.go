package chart

import (
	"fmt"
	"html/template"
	"math"
	"strings"
	"time"
)

// Moment is one thing on a [TimeLine].
type Moment struct {
	Day   time.Time
	Label string // what a reader is told of it
	Below bool   // under the line: what the institution did; above it: what befell the right
	Grave bool   // it ended or threatens the right
}

// TimeLine is the life of a right: its term, the years whose fee is paid, and what
// befell it.
type TimeLine struct {
	Label      string    // what the picture shows, for who cannot see it
	From, To   time.Time // filing, end of the term
	Paid       time.Time // the end of the years whose fees are paid; zero: not known
	Today      time.Time
	Moments    []Moment
	TodayLabel string
}

// SVG draws the line in a frame of the given width in CSS pixels. It is empty
// without a term.
func (l TimeLine) SVG(width float64) template.HTML {
	if l.From.IsZero() || !l.To.After(l.From) {
		return ""
	}
	first, last := l.From, l.To
	for _, m := range l.Moments {
		if !m.Day.IsZero() && m.Day.Before(first) {
			first = m.Day
		}
		if m.Day.After(last) {
			last = m.Day
		}
	}
	const left, right, height, axis = 16, 16, 128, 62
	x := func(t time.Time) float64 {
		t = clampTime(t, first, last)
		return left + t.Sub(first).Hours()/last.Sub(first).Hours()*(width-left-right)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %d" width="%.0f" style="max-width:100%%" role="img" aria-label="%s">`, width, height, width, template.HTMLEscapeString(l.Label))
	fmt.Fprintf(&b, `<rect x="%.1f" y="%d" width="%.1f" height="12" fill="%s" fill-opacity=".16"/>`, x(l.From), axis-6, math.Max(1, x(l.To)-x(l.From)), blue)
	if l.Paid.After(l.From) {
		fmt.Fprintf(&b, `<rect x="%.1f" y="%d" width="%.1f" height="12" fill="%s" fill-opacity=".55"/>`, x(l.From), axis-6, x(l.Paid)-x(l.From), blue)
	}
	step := years(first, last, max(2, int(width/90)))
	for y := first.Year() + 1; y <= last.Year(); y++ {
		if y%step != 0 {
			continue
		}
		at := x(time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC))
		fmt.Fprintf(&b, `<line x1="%.1[1]f" y1="%[2]d" x2="%.1[1]f" y2="%[3]d" stroke="%[4]s"/><text x="%.1[1]f" y="%[5]d" text-anchor="middle" font-size="12" fill="%[6]s">%[7]d</text>`, at, axis+6, axis+12, line, height-6, dim, y)
	}
	for _, m := range l.Moments {
		if m.Day.IsZero() {
			continue
		}
		y, colour := axis-20, blue
		if m.Below {
			y = axis + 24
		}
		if m.Grave {
			colour = red
		}
		at := x(m.Day)
		fmt.Fprintf(&b, `<line x1="%.1[1]f" y1="%[2]d" x2="%.1[1]f" y2="%[3]d" stroke="%[4]s"/><circle cx="%.1[1]f" cy="%[3]d" r="5" fill="%[4]s"><title>%[5]s</title></circle>`, at, axis, y, colour, template.HTMLEscapeString(m.Label))
	}
	if !l.Today.IsZero() && !l.Today.Before(first) && !l.Today.After(last) {
		at := x(l.Today)
		anchor := "middle"
		if at < 40 {
			anchor = "start"
		} else if at > width-40 {
			anchor = "end"
		}
		fmt.Fprintf(&b, `<line x1="%.1[1]f" y1="18" x2="%.1[1]f" y2="%[2]d" stroke="#1c2126" stroke-dasharray="3 3"/><text x="%.1[1]f" y="13" text-anchor="%[3]s" font-size="12" fill="#1c2126">%[4]s</text>`, at, axis+36, anchor, template.HTMLEscapeString(l.TodayLabel))
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}

func clampTime(t, low, high time.Time) time.Time {
	switch {
	case t.Before(low):
		return low
	case t.After(high):
		return high
	}
	return t
}
