package pages

import (
	"fmt"
	"html/template"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"zhijia/internal/appraisal"
	"zhijia/internal/chart"
	"zhijia/internal/fault"
	"zhijia/internal/gate"
	"zhijia/internal/money"
	"zhijia/internal/opinion"
	"zhijia/internal/people"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/income"
	"zhijia/internal/valuation/terms"
)

type (
	whatIfPage struct {
		page
		ID, Subject   string
		Purposes      any
		Today         bool // compared with the same question asked today
		Asked         bool
		Before, After whatIfSide
		Change        string
		Causes        []causeLine

		Inputs          []choice // that the figure can be drawn against
		Along           string   // name of the input it is drawn against
		Steps           []stepLine
		At              int // the step nearest to what the opinion rests on
		Picture, Narrow template.HTML
	}
	stepLine   struct{ Input, Figure, Range, Change string }
	whatIfSide struct{ Figure, Range, Grade string }
	causeLine  struct{ Name, Yuan string }
)

func registerFindPages(s *Server) {
	s.pageRoute(http.MethodGet, "/officer/valuations/{id}/what-if", s.whatIf)
}

// whatIfField is a fact of the income approach that the page lets an officer try
// otherwise: how it is written, where it stands, and from where to where it is
// drawn.
type whatIfField struct {
	Name, Label, Unit string
	Scale             float64 // of the figure as written
	Of                func(*income.Facts) **terms.Quantity

	Low, High float64                    // as written, where nothing is stated
	Around    func(v float64) [2]float64 // as written, around what is stated
}

// whatIfFields are they, in the order of the page.
var whatIfFields = []whatIfField{
	{"revenue", "使用该专利的产品年收入", "万元", 1e4, func(f *income.Facts) **terms.Quantity { return &f.Current }, 100, 5000, func(v float64) [2]float64 { return [2]float64{v / 4, v * 2} }},
	{"growth", "收入年增长率", "%", 0.01, func(f *income.Facts) **terms.Quantity { return &f.Growth }, -10, 20, func(v float64) [2]float64 { return [2]float64{max(v-12, -50), v + 12} }},
	{"royalty", "许可费率", "%", 0.01, func(f *income.Facts) **terms.Quantity { return &f.Royalty }, 1, 9, func(v float64) [2]float64 { return [2]float64{v / 4, min(v*2, 60)} }},
	{"discount", "折现率", "%", 0.01, func(f *income.Facts) **terms.Quantity { return &f.Discount }, 8, 24, func(v float64) [2]float64 { return [2]float64{max(v-6, 2), v + 10} }},
	{"life", "剩余经济寿命", "年", 1, func(f *income.Facts) **terms.Quantity { return &f.EconomicLife }, 2, 18, func(v float64) [2]float64 { return [2]float64{max(v/4, 1), min(v*2, 20)} }},
}

// whatIfSteps is at how many values of an input the service reckons the figure.
const whatIfSteps = 9

// along is where a figure is reckoned along an input: from the low to the high that
// is stated, or around the one figure that is. It is written to four figures.
func (f *whatIfField) along(q *terms.Quantity) (out []float64) {
	ends := [2]float64{f.Low, f.High}
	switch {
	case q == nil:
	case q.Low != nil && q.High != nil && *q.High > *q.Low:
		ends = [2]float64{*q.Low / f.Scale, *q.High / f.Scale}
	case q.Value != nil && *q.Value != 0:
		ends = f.Around(*q.Value / f.Scale)
	}
	for i := range whatIfSteps {
		out = append(out, money.Round(ends[0]+(ends[1]-ends[0])*float64(i)/(whatIfSteps-1), 4))
	}
	return out
}

// drawAlong reckons the figure along one input, all else as it is tried, and draws
// it. The page only shows what was reckoned.
func (s *Server) drawAlong(c *gin.Context, v *whatIfPage, f *whatIfField, stated, tried income.Facts, change appraisal.Change) error {
	ctx := c.Request.Context()
	values := f.along(*f.Of(&stated))
	changes := make([]appraisal.Change, len(values))
	for i, x := range values {
		facts, y := tried, x*f.Scale
		*f.Of(&facts) = &terms.Quantity{Value: &y}
		changes[i] = change
		changes[i].Income = &facts
	}
	all, err := s.opt.Appraisal.WhatIfs(ctx, people.Of(ctx).Actor(), v.ID, changes)
	if err != nil {
		return err
	}
	shown := func(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) + f.Unit }
	picture := chart.Curve{Label: "金额随" + f.Label + "的变化", Yuan: func(yuan float64) string { return v.amount(yuan, 1) }, Input: shown}
	if text := asWritten(*f.Of(&stated), f.Scale); text != "" {
		if at, err := strconv.ParseFloat(text, 64); err == nil {
			picture.Stated, picture.Marked = at, true
		}
	}
	nearest := math.Inf(1)
	for i := range all {
		w := &all[i]
		at := side(w.Changed)
		v.Steps = append(v.Steps, stepLine{shown(values[i]), at.Figure, at.Range, signedZh(w.Difference.Change)})
		step := chart.Step{At: values[i], Low: w.After.Low, High: w.After.High}
		if w.After.Point != nil {
			step.Point = *w.After.Point
		}
		picture.Steps = append(picture.Steps, step)
		if d := math.Abs(values[i] - picture.Stated); picture.Marked && d < nearest {
			nearest, v.At = d, i
		}
	}
	v.Along, v.Picture, v.Narrow = f.Name, picture.SVG(920), picture.SVG(340)
	return nil
}

// amount writes yuan in a picture, which is drawn in the language of the page.
func (p page) amount(yuan float64, figures int) string {
	if p.English {
		return "CNY " + grouped(money.Round(yuan, figures))
	}
	return money.Zh(yuan, figures)
}

// asWritten is a quantity as the form shows it: its value, or the likeliest of
// its range; empty when nothing is stated.
func asWritten(q *terms.Quantity, scale float64) string {
	switch {
	case q == nil:
		return ""
	case q.Value != nil:
		return strconv.FormatFloat(money.Round(*q.Value/scale, 12), 'f', -1, 64)
	case q.Mode != nil:
		return strconv.FormatFloat(money.Round(*q.Mode/scale, 12), 'f', -1, 64)
	}
	return ""
}

// whatIf shows a stored valuation beside the same evidence with other facts.
// Nothing is stored, and a field left as it was keeps the stated range.
func (s *Server) whatIf(c *gin.Context) error {
	ctx := c.Request.Context()
	p := people.Of(ctx)
	rec, err := s.opt.Appraisal.Get(ctx, p.Actor(), c.Param("id"))
	if err != nil {
		return err
	}
	a, ev, err := rec.Snapshot()
	if err != nil {
		return err
	}
	before, err := rec.Conclusion()
	if err != nil {
		return err
	}
	v := whatIfPage{page: s.newPage(c, "换一个假设"), ID: rec.ID(), Subject: rec.Number(), Purposes: purposeNames, Before: side(before)}
	if v.Subject == "" && len(a.Subject) > 0 {
		v.Subject = a.Subject[0].Title
	}
	stated := income.Facts{}
	if ev.Income != nil {
		stated = *ev.Income
	}
	asked := c.Request.URL.Query()
	v.Today = asked.Has("today")
	v.Asked = len(asked) > 0 && !v.Today
	v.Form = url.Values{"purpose": {string(a.Purpose)}}
	var change appraisal.Change
	var faults []fault.Field
	tried := stated
	for _, f := range whatIfFields {
		was := asWritten(*f.Of(&stated), f.Scale)
		text := was
		if v.Asked && asked.Has(f.Name) {
			text = strings.TrimSpace(asked.Get(f.Name))
		}
		v.Form.Set(f.Name, text)
		if text == was {
			continue
		}
		x, err := number(text, f.Name)
		if err != nil {
			faults = append(faults, fault.Public(err).Fields...)
			continue
		}
		*f.Of(&tried) = nil
		if x != nil {
			y := *x * f.Scale
			*f.Of(&tried) = &terms.Quantity{Value: &y}
		}
		change.Income = &tried
	}
	if purpose := terms.Purpose(asked.Get("purpose")); v.Asked && purpose != "" {
		v.Form.Set("purpose", string(purpose))
		if purpose != a.Purpose {
			change.Purpose = &purpose
		}
	}
	status := http.StatusOK
	switch {
	case len(faults) > 0:
		err = fault.New(fault.Invalid, "request.invalid", "请求有误，请按下列提示修改后重试。", "The request is not valid; see the fields.", faults...)
	case v.Today:
		var since appraisal.Since
		if since, err = s.opt.Appraisal.Since(ctx, p.Actor(), rec.ID()); err == nil {
			v.Asked, v.After, v.Change = true, side(since.Today), signedZh(since.Change)
			for _, x := range since.Causes {
				v.Causes = append(v.Causes, causeLine{v.Say(x.Zh, x.En), signedZh(x.Yuan)})
			}
		}
	case v.Asked:
		var w appraisal.WhatIf
		if w, err = s.opt.Appraisal.WhatIf(ctx, p.Actor(), rec.ID(), change); err == nil {
			v.After = side(w.Changed)
			v.Change = signedZh(w.Difference.Change)
			if w.Difference.Ratio > 0 {
				v.Change += fmt.Sprintf("（变为原来的 %.2f 倍）", w.Difference.Ratio)
			}
			for _, x := range w.Difference.Causes {
				v.Causes = append(v.Causes, causeLine{opinion.ItemName(v.tongue(), w.Changed, x.Key), signedZh(x.Yuan)})
			}
		}
	}
	for i := range whatIfFields {
		f := &whatIfFields[i]
		v.Inputs = append(v.Inputs, choice{f.Name, f.Label})
		if err == nil && !v.Today && asked.Get("along") == f.Name {
			err = s.drawAlong(c, &v, f, stated, tried, change)
		}
	}
	if err != nil {
		if fault.KindOf(err) != fault.Invalid {
			return err
		}
		gate.NoteError(c, err)
		v.Asked = false
		v.Fault, status = gate.ProblemOf(c.Request, err), fault.Invalid.HTTPStatus()
	}
	return s.show(c, status, "what-if", v)
}

// side is one of the two figures of a comparison.
func side(c valuation.Conclusion) whatIfSide {
	l := describeLine(appraisal.Summary{Status: string(c.Status), Point: c.Value.Point, Low: c.Value.Low, High: c.Value.High})
	return whatIfSide{l.Figure, l.Range, c.Grade}
}

func signedZh(yuan float64) string {
	if yuan > 0 {
		return "+" + money.Zh(yuan, 3)
	}
	return strings.Replace(money.Zh(yuan, 3), "-", "−", 1)
}
