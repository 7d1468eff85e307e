package pages

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"zhijia/internal/appraisal"
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
	}
	whatIfSide struct{ Figure, Range, Grade string }
	causeLine  struct{ Name, Yuan string }
)

func registerFindPages(s *Server) {
	s.pageRoute(http.MethodGet, "/officer/valuations/{id}/what-if", s.whatIf)
}

// whatIfFields are the facts of the income approach that the page lets an
// officer try otherwise: how each is written, and where it stands.
var whatIfFields = []struct {
	Name  string
	Scale float64 // of the figure as written
	Of    func(*income.Facts) **terms.Quantity
}{
	{"revenue", 1e4, func(f *income.Facts) **terms.Quantity { return &f.Current }},
	{"growth", 0.01, func(f *income.Facts) **terms.Quantity { return &f.Growth }},
	{"royalty", 0.01, func(f *income.Facts) **terms.Quantity { return &f.Royalty }},
	{"discount", 0.01, func(f *income.Facts) **terms.Quantity { return &f.Discount }},
	{"life", 1, func(f *income.Facts) **terms.Quantity { return &f.EconomicLife }},
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
				v.Causes = append(v.Causes, causeLine{x.Zh, signedZh(x.Yuan)})
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
				v.Causes = append(v.Causes, causeLine{opinion.ItemName(w.Changed, x.Key), signedZh(x.Yuan)})
			}
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
