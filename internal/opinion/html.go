package opinion

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"regexp"
)

//go:embed opinion.html
var opinionPage string

var opinionTemplate = template.Must(template.New("opinion").Funcs(template.FuncMap{
	"date":    func(cell string) bool { return dateCell.MatchString(cell) },
	"blank":   func(cell string) bool { return cell == "" || cell == "—" },
	"numeric": func(t *table, i int) bool { return i < len(t.Numeric) && t.Numeric[i] },
	"lead":    func(t *table, i int) bool { return t.Lead && i == 0 },
	"barX":    func(share float64) string { return fixed(math.Abs(share)*100, 1) },
	"neg":     func(share float64) bool { return share < 0 },
	"scale":   scale,
	"htmlLang": func(l Lang) string {
		if l == En {
			return "en"
		}
		return "zh-CN"
	},
}).Parse(opinionPage))

var dateCell = regexp.MustCompile(`^\d{4}(-\d\d){0,2}$`)

func writeHTML(w io.Writer, d doc) error { return opinionTemplate.Execute(w, d) }

// Fragment returns the opinion for inclusion in another page: the style, whose
// rules all begin with the class opinion, and the body, to be put into an
// element of that class.
func (o Opinion) Fragment(lang Lang) (style template.CSS, body template.HTML, err error) {
	var s, b bytes.Buffer
	if err := opinionTemplate.ExecuteTemplate(&s, "style", nil); err != nil {
		return "", "", err
	}
	if err := opinionTemplate.ExecuteTemplate(&b, "body", o.build(lang)); err != nil {
		return "", "", err
	}
	return template.CSS(s.String()), template.HTML(b.String()), nil
}

// rangeScale places a range on a logarithmic axis 0 to 1000 wide.
type rangeScale struct {
	Low, Point, High string
	Ticks            []tick
}

type tick struct{ X, Label string }

// scale lays out the range bar: the axis runs from half the low end to twice
// the high end, on the logarithm of yuan, with a tick per decade.
func scale(b *bar, lang Lang) *rangeScale {
	if b == nil || b.Low <= 0 || b.High <= b.Low {
		return nil
	}
	lo, hi := math.Log10(b.Low/2), math.Log10(b.High*2)
	x := func(v float64) float64 { return (math.Log10(v) - lo) / (hi - lo) * 1000 }
	at := func(v float64) string { return fmt.Sprintf("%.1f", x(v)) }
	s := &rangeScale{Low: at(b.Low), Point: at(b.Point), High: at(b.High)}
	w := writer{lang: lang}
	for e := math.Floor(lo); e <= hi; e++ {
		for _, m := range []float64{1, 3} {
			v := m * math.Pow(10, e)
			if px := x(v); px > 20 && px < 980 && (m == 1 || hi-lo < 2.5) {
				s.Ticks = append(s.Ticks, tick{fmt.Sprintf("%.1f", px), w.yuan(v, 1)})
			}
		}
	}
	return s
}
