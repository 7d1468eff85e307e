package pages

import (
	"bytes"
	"html/template"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/gate"
	"zhijia/internal/money"
	"zhijia/internal/opinion"
	"zhijia/internal/people"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/terms"
)

// purposeNames are the purposes in the order of the form.
var purposeNames = []struct{ Code, Name string }{
	{"assignment", "转让"},
	{"licence", "许可"},
	{"contribution", "作价入股"},
	{"pledge", "质押"},
	{"securitisation", "证券化"},
	{"reporting", "财务报告"},
	{"impairment", "减值测试"},
	{"infringement", "侵权救济"},
	{"disposal", "司法处置、破产"},
	{"management", "管理"},
}

// purposeOf is a purpose that the form knows; transfer when it is none.
func purposeOf(code string) string {
	for _, p := range purposeNames {
		if p.Code == code {
			return code
		}
	}
	return purposeNames[0].Code
}

func purposeName(code string) string {
	for _, p := range purposeNames {
		if p.Code == code {
			return p.Name
		}
	}
	return code
}

type (
	homePage struct {
		page
		CanValue      bool
		CanReadEgress bool
		Purposes      any
		Groups        []shownGroup
		Kept          []choice // name and value of fields that the purpose does not show
		NumberWrong   string
		List          []listLine
		Next          string
	}
	listLine     struct{ ID, Created, By, Number, Name, Purpose, Date, Figure, Range string }
	overrideLine struct {
		ID, Value, Model, Officer, Created, Reason, State, Approved string
		CanApprove                                                  bool
	}
	workingNode struct {
		Key, Number, Unit, Formula, Source string
		Children                           []workingNode
	}
	valuationPage struct {
		page
		ID          string
		Opinion     template.HTML
		Workings    []workingNode
		Overrides   []overrideLine
		CanOverride bool
		CanTry      bool
	}
)

func registerValuationPages(s *Server) {
	s.pageRoute(http.MethodGet, "/officer", func(c *gin.Context) error {
		return s.showHome(c, http.StatusOK, url.Values{"number": {c.Query("number")}, "date": {calendar.InChina(s.gate.Now()).String()}, "purpose": {purposeOf(c.Query("purpose"))}}, nil)
	})
	// The form for another purpose: what was typed stays, nothing is valued.
	s.pageRoute(http.MethodPost, "/officer/form", func(c *gin.Context) error {
		if err := c.Request.ParseForm(); err != nil {
			return gate.BodyError(err)
		}
		form := c.Request.PostForm
		form.Set("purpose", purposeOf(form.Get("purpose")))
		return s.showHome(c, http.StatusOK, form, nil)
	})
	s.pageRoute(http.MethodPost, "/officer/valuations", func(c *gin.Context) error {
		ctx := c.Request.Context()
		p := people.Of(ctx)
		if err := c.Request.ParseForm(); err != nil {
			return gate.BodyError(err)
		}
		form := c.Request.PostForm
		req, err := formRequest(form)
		var rec *appraisal.Record
		if err == nil {
			rec, err = s.opt.Appraisal.Value(ctx, p.Actor(), req)
		}
		if err != nil {
			if k := fault.KindOf(err); k != fault.Invalid && k != fault.NotFound {
				return err
			}
			gate.NoteError(c, err)
			return s.showHome(c, fault.KindOf(err).HTTPStatus(), form, err)
		}
		s.gate.Valued()
		c.Redirect(http.StatusSeeOther, "/officer/valuations/"+rec.ID())
		return nil
	})
	s.pageRoute(http.MethodGet, "/officer/valuations/{id}", func(c *gin.Context) error {
		return s.showValuation(c, http.StatusOK, nil)
	})
	s.pageRoute(http.MethodGet, "/officer/valuations/{id}/opinion", func(c *gin.Context) error {
		ctx := c.Request.Context()
		p := people.Of(ctx)
		rec, err := s.opt.Appraisal.Get(ctx, p.Actor(), c.Param("id"))
		if err != nil {
			return err
		}
		overrides, err := s.opt.Appraisal.Overrides(ctx, p.Actor(), rec.ID())
		if err != nil {
			return err
		}
		lang := opinion.Zh
		if c.Query("lang") == "en" {
			lang = opinion.En
		}
		o, err := rec.Opinion(overrides)
		if err != nil {
			return err
		}
		var b bytes.Buffer // an error half-way must not look like a page
		if err := o.HTML(&b, lang); err != nil {
			return err
		}
		c.Data(http.StatusOK, "text/html; charset=utf-8", b.Bytes())
		return nil
	})
	s.pageRoute(http.MethodPost, "/officer/valuations/{id}/overrides/{override}/approve", s.approveOverride)
	s.pageRoute(http.MethodPost, "/officer/valuations/{id}/overrides", func(c *gin.Context) error {
		ctx := c.Request.Context()
		p := people.Of(ctx)
		value, err := number(c.PostForm("value"), "value")
		if err == nil && value == nil {
			err = fault.New(fault.Invalid, "value.range", "请填写金额。", "Give the figure.")
		}
		if err == nil {
			_, err = s.opt.Appraisal.Override(ctx, p.Actor(), c.Param("id"), *value*1e4, c.PostForm("reason"), appraisal.Evidence{})
		}
		if fault.KindOf(err) == fault.Invalid && err != nil {
			gate.NoteError(c, err)
			return s.showValuation(c, fault.Invalid.HTTPStatus(), err)
		}
		if err != nil {
			return err
		}
		c.Redirect(http.StatusSeeOther, "/officer/valuations/"+url.PathEscape(c.Param("id")))
		return nil
	})
}

func (s *Server) approveOverride(c *gin.Context) error {
	ctx := c.Request.Context()
	p := people.Of(ctx)
	err := s.gate.People.ApproveOverride(ctx, p, c.Param("override"))
	return s.backTo(c, "/officer/valuations/"+url.PathEscape(c.Param("id")), err, s.showValuation)
}

const homeLines = 30

func (s *Server) showHome(c *gin.Context, status int, form url.Values, problem error) error {
	ctx := c.Request.Context()
	p := people.Of(ctx)
	lines, next, err := s.opt.Appraisal.Valuations(ctx, p.Actor(), appraisal.Query{}, c.Query("cursor"), homeLines)
	if err != nil {
		return err
	}
	h := homePage{page: s.newPage(c, "估值"), CanValue: p.May("POST /officer/valuations"), CanReadEgress: p.May("GET /officer/egress"), Purposes: purposeNames, Next: next}
	h.Form = form
	if problem != nil {
		h.Fault = gate.ProblemOf(c.Request, problem)
	}
	h.Groups, h.Kept, h.NumberWrong = showForm(form, h.Fault)
	for _, v := range lines {
		h.List = append(h.List, describeLine(v))
	}
	return s.show(c, status, "home", h)
}

func describeLine(v appraisal.Summary) listLine {
	l := listLine{
		ID: v.ID, Created: shortTime(v.CreatedAt), By: v.CreatedBy, Number: v.Number, Name: v.Title, Purpose: purposeName(v.Purpose), Date: v.AsOf.String(),
		Range: money.Zh(v.Low, 2) + " 至 " + money.Zh(v.High, 2),
	}
	switch {
	case v.Status == string(valuation.Abstained):
		l.Figure, l.Range = "暂不给出", "—"
	case v.Status == string(valuation.Zero):
		l.Figure, l.Range = "0元", "—"
	case v.Status == string(valuation.Graded):
		l.Figure, l.Range = "只评级", "—"
	case v.Point == nil:
		l.Figure = "仅区间"
	default:
		l.Figure = money.Zh(*v.Point, 3)
	}
	return l
}

func (s *Server) showValuation(c *gin.Context, status int, problem error) error {
	ctx := c.Request.Context()
	p := people.Of(ctx)
	rec, err := s.opt.Appraisal.Get(ctx, p.Actor(), c.Param("id"))
	if err != nil {
		return err
	}
	overrides, err := s.opt.Appraisal.Overrides(ctx, p.Actor(), rec.ID())
	if err != nil {
		return err
	}
	o, err := rec.Opinion(overrides)
	if err != nil {
		return err
	}
	v := valuationPage{page: s.newPage(c, "估值参考意见"), ID: rec.ID(), CanOverride: p.May("POST /officer/valuations/{id}/overrides"), CanTry: p.May("GET /officer/valuations/{id}/what-if")}
	if v.Style, v.Opinion, err = o.Fragment(opinion.Zh); err != nil {
		return err
	}
	v.AIGC = o.AIGC()
	if problem != nil {
		v.Fault = gate.ProblemOf(c.Request, problem)
	}
	v.Workings = workings(o.Conclusion)
	model := "未给出单一金额"
	if o.Conclusion.Value.Point != nil {
		model = money.Zh(*o.Conclusion.Value.Point, 4)
	}
	for _, x := range overrides {
		line := overrideLine{ID: x.ID, Value: money.Zh(x.Value, 6), Model: model, Officer: x.Officer, Created: shortTime(x.CreatedAt), Reason: x.Reason}
		if x.ApprovedAt != nil {
			line.Approved = x.ApprovedBy + " " + shortTime(*x.ApprovedAt)
		}
		line.State = stateZh[x.Status]
		line.CanApprove = p.May("POST /officer/valuations/{id}/overrides/{override}/approve") && x.Status == "open" && x.Officer != p.Actor().Name
		v.Overrides = append(v.Overrides, line)
	}
	return s.show(c, status, "valuation", v)
}

// workings shows each approach's tree and how they were brought together.
func workings(c valuation.Conclusion) []workingNode {
	var out []workingNode
	for _, a := range c.Approaches {
		if len(a.Workings) == 0 {
			continue
		}
		node := workingNode{Key: opinion.ApproachName(a.ID, a.Method), Number: money.Zh(a.Value, 6)}
		for _, w := range a.Workings {
			node.Children = append(node.Children, describeWorking(w))
		}
		out = append(out, node)
	}
	if len(c.Workings) > 0 {
		whole := workingNode{Key: "合成与区间", Number: money.Zh(c.Value.Median, 6)}
		for _, w := range c.Workings {
			whole.Children = append(whole.Children, describeWorking(w))
		}
		out = append(out, whole)
	}
	return out
}

func describeWorking(w terms.Working) workingNode {
	n := workingNode{Key: opinion.WorkingName(w.Key), Number: strconv.FormatFloat(money.Round(w.Value, 6), 'f', -1, 64), Unit: opinion.UnitName(w.Unit), Formula: w.Formula, Source: w.Source}
	for _, c := range w.Children {
		n.Children = append(n.Children, describeWorking(c))
	}
	return n
}

// number reads a decimal a person typed; nil when empty.
func number(text, field string) (*float64, error) {
	text = strings.NewReplacer(",", "", "，", "", " ", "").Replace(strings.TrimSpace(text))
	if text == "" {
		return nil, nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(v) || math.Abs(v) > 1e15 || strings.ContainsAny(text, "xXpP_") {
		return nil, fault.New(fault.Invalid, "field.number", "请填写数字。", "Give a number.",
			fault.Field{Field: field, Code: "field.number", Zh: "不是有效数字", En: "not a number"})
	}
	return &v, nil
}
