package pages

import (
	"bytes"
	"context"
	"html/template"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
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
		CanValue    bool
		Purposes    any
		Groups      []shownGroup
		Kept        []choice // name and value of fields that the purpose does not show
		NumberWrong string
		NumberNotes []appraisal.Remark
		Checked     bool   // the remarks were asked for
		Draft       string // id under which the form is kept
		Saved       string // said after the form was kept
		From        string // id of the valuation whose facts stand in the form
		Drafts      []draftLine
		Waiting     int // proposals that wait for the caller
		List        []listLine
		Next        string
	}
	draftLine    struct{ ID, Title, At string }
	listLine     struct{ ID, Created, By, Number, Name, Purpose, Date, Figure, Range string }
	overrideLine struct {
		ID, Value, Model, Officer, Created, Reason, State, Approved, Evidence string
		CanApprove, CanRefuse, CanWithdraw                                    bool
	}
	workingNode struct {
		Key, Number, Unit, Formula, Source string
		Children                           []workingNode
	}
	valuationPage struct {
		page
		ID          string
		Number      string // of the patent; empty: a text alone
		Opinion     template.HTML
		Workings    []workingNode
		Overrides   []overrideLine
		CanOverride bool
		CanTry      bool
		CanValue    bool
	}
)

func registerValuationPages(s *Server) {
	s.pageRoute(http.MethodGet, "/officer", s.beginValuation)
	s.pageRoute(http.MethodPost, "/officer/form", s.workOnForm)
	s.pageRoute(http.MethodPost, "/officer/form/check", s.checkForm)
	s.pageRoute(http.MethodPost, "/officer/drafts/{id}/drop", func(c *gin.Context) error {
		if err := s.opt.Appraisal.DropDraft(c.Request.Context(), people.Of(c.Request.Context()).Actor(), c.Param("id")); err != nil {
			return err
		}
		c.Redirect(http.StatusSeeOther, "/officer")
		return nil
	})
	s.pageRoute(http.MethodPost, "/officer/valuations", s.value)
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
		lang := tongueOf(c)
		o, err := rec.Opinion(overrides)
		if err != nil {
			return err
		}
		var b bytes.Buffer // an error half-way must not look like a page
		if err := o.HTML(&b, lang); err != nil {
			return err
		}
		shown := b.Bytes()
		if c.Query("print") != "" { // one click on the page of the valuation is one PDF
			shown = bytes.Replace(shown, []byte("</head>"), []byte(`<script src="/officer/assets/print.js" defer></script></head>`), 1)
		}
		c.Data(http.StatusOK, "text/html; charset=utf-8", shown)
		return nil
	})
	s.pageRoute(http.MethodPost, "/officer/valuations/{id}/overrides/{override}/approve", s.approveOverride)
	s.filePageRoute(http.MethodPost, "/officer/valuations/{id}/overrides", appraisal.MaxEvidence+1<<20, s.override)
	s.pageRoute(http.MethodPost, "/officer/overrides/{id}/{act}", func(c *gin.Context) error {
		ctx := c.Request.Context()
		back := c.PostForm("valuation")
		err := s.gate.People.DecideOverride(ctx, people.Of(ctx), c.Param("id"), c.Param("act"), clipNote(c.PostForm("note")))
		return s.backTo(c, "/officer/valuations/"+url.PathEscape(back), err, func(c *gin.Context, status int, problem error) error {
			return s.showValuationOf(c, status, back, problem)
		})
	})
	s.pageRoute(http.MethodGet, "/officer/overrides/{id}/evidence", func(c *gin.Context) error {
		ctx := c.Request.Context()
		e, err := s.opt.Appraisal.OverrideFile(ctx, people.Of(ctx).Actor(), c.Param("id"))
		if err != nil {
			return err
		}
		// As a download of no type: what an officer was given is not run here.
		gate.Attach(c, "application/octet-stream", "evidence", e.Name)
		_, err = c.Writer.Write(e.Content)
		return err
	})
	s.pageRoute(http.MethodGet, "/officer/compare", s.compare)
	s.pageRoute(http.MethodGet, "/officer/patents/{number}/history", s.showHistory)
}

// farOff is how many times above or below the system's figure an officer's own is
// asked about once more: a slip of the unit is a factor of ten thousand.
const farOff = 10

// override records an officer's own figure beside a valuation, with its unit, its
// reason and the paper it rests on.
func (s *Server) override(c *gin.Context) error {
	ctx := c.Request.Context()
	actor := people.Of(ctx).Actor()
	id := c.Param("id")
	value, err := number(c.PostForm("value"), "value")
	if err == nil && value == nil {
		err = fault.New(fault.Invalid, "value.range", "请填写金额。", "Give the figure.", fault.Field{Field: "value", Code: "value.range", Zh: "未填写", En: "missing"})
	}
	var e appraisal.Evidence
	if err == nil {
		e, err = evidenceOf(c)
	}
	if err == nil {
		if c.PostForm("unit") != "yuan" {
			*value *= wan
		}
		var rec *appraisal.Record
		if rec, err = s.opt.Appraisal.Get(ctx, actor, id); err != nil {
			return err
		}
		point, low, high := rec.Figures()
		if point != nil {
			low, high = *point, *point
		}
		if far := *value > farOff*high || *value < low/farOff; far && high > 0 && c.PostForm("sure") == "" {
			err = fault.New(fault.Invalid, "override.far", "所填金额 "+money.Zh(*value, 4)+" 与系统金额相差十倍以上，请核对单位；确实如此请勾选确认。", "The figure is more than ten times off the system's: check the unit, or tick that it is meant.",
				fault.Field{Field: "value", Code: "override.far", Zh: "与系统金额相差十倍以上", En: "more than ten times off"})
		}
	}
	if err == nil {
		_, err = s.opt.Appraisal.Override(ctx, actor, id, *value, c.PostForm("reason"), e)
	}
	if fault.KindOf(err) == fault.Invalid && err != nil {
		gate.NoteError(c, err)
		return s.showValuation(c, fault.Invalid.HTTPStatus(), err)
	}
	if err != nil {
		return err
	}
	c.Redirect(http.StatusSeeOther, "/officer/valuations/"+url.PathEscape(id))
	return nil
}

// evidenceOf reads the paper sent with a form, none when there is none.
func evidenceOf(c *gin.Context) (e appraisal.Evidence, err error) {
	if !strings.HasPrefix(c.ContentType(), "multipart/") {
		return e, nil
	}
	head, err := c.FormFile("evidence")
	if err != nil || head.Size == 0 {
		return e, nil // none was chosen
	}
	file, err := head.Open()
	if err != nil {
		return e, err
	}
	defer file.Close()
	e.Name = gate.FileName(head.Filename)
	e.Content, err = io.ReadAll(io.LimitReader(file, appraisal.MaxEvidence+1))
	return e, err
}

func (s *Server) approveOverride(c *gin.Context) error {
	ctx := c.Request.Context()
	p := people.Of(ctx)
	err := s.gate.People.ApproveOverride(ctx, p, c.Param("override"))
	return s.backTo(c, "/officer/valuations/"+url.PathEscape(c.Param("id")), err, s.showValuation)
}

const homeLines = 30

// beginValuation shows an empty form, a draft, or one with the facts of an earlier
// valuation.
func (s *Server) beginValuation(c *gin.Context) error {
	ctx := c.Request.Context()
	actor := people.Of(ctx).Actor()
	if p := people.Of(ctx); !p.May("GET /officer/valuations") { // who looks after people and keys alone values nothing
		c.Redirect(http.StatusSeeOther, "/officer/people")
		return nil
	}
	today := calendar.InChina(s.gate.Now()).String()
	form := url.Values{"number": {c.Query("number")}, "date": {today}, "purpose": {purposeOf(c.Query("purpose"))}}
	if id := c.Query("draft"); id != "" {
		drafts, err := s.opt.Appraisal.Drafts(ctx, actor)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(drafts, func(d appraisal.Begun) bool { return d.ID == id })
		if i < 0 {
			return fault.New(fault.NotFound, "draft.unknown", "没有这份草稿，可能已用于估值或已删除。", "There is no such draft: it was used or removed.")
		}
		form = drafts[i].Form
		form.Set("draft", id)
	} else if id := c.Query("from"); id != "" {
		rec, err := s.opt.Appraisal.Get(ctx, actor, id)
		if err != nil {
			return err
		}
		req, err := rec.Request()
		if err != nil {
			return err
		}
		form = formOf(req)
		form.Set("date", today)
		form.Set("from", id)
		if p := c.Query("purpose"); p != "" {
			form.Set("purpose", purposeOf(p))
		}
	}
	return s.showHome(c, http.StatusOK, form, nil, false)
}

// workOnForm shows the form for another purpose, with remarks where they were
// asked for. What was typed stays and is kept as a draft; nothing is valued.
func (s *Server) workOnForm(c *gin.Context) error {
	if err := c.Request.ParseForm(); err != nil {
		return gate.BodyError(err)
	}
	form := c.Request.PostForm
	form.Set("purpose", purposeOf(form.Get("purpose")))
	if use := form.Get("use"); use != "" { // a proposed value is taken over
		name, value, _ := strings.Cut(use, "=")
		form.Set(name, value)
		form.Set("act", "check")
	}
	act := form.Get("act")
	if act != "" {
		if err := s.keepDraft(c, form); err != nil {
			return err
		}
	}
	return s.showHome(c, http.StatusOK, form, nil, act == "check")
}

// keepDraft keeps what was typed, under the id that the form has or is given.
func (s *Server) keepDraft(c *gin.Context, form url.Values) error {
	ctx := c.Request.Context()
	kept := url.Values{}
	for k, v := range form {
		if k != "csrf" && k != "act" && k != "use" && k != "draft" {
			kept[k] = v
		}
	}
	title := strings.TrimSpace(form.Get("number") + " " + form.Get("title"))
	if title == "" {
		title = "未填专利号"
	}
	id, err := s.opt.Appraisal.KeepDraft(ctx, people.Of(ctx).Actor(), form.Get("draft"), title+" "+purposeName(form.Get("purpose")), kept)
	if err == nil {
		form.Set("draft", id)
	}
	return err
}

// checkForm answers the page's script: the remarks by the names of the fields.
// The form is kept as it stands.
func (s *Server) checkForm(c *gin.Context) error {
	ctx := c.Request.Context()
	if err := c.Request.ParseForm(); err != nil {
		return gate.BodyError(err)
	}
	form := c.Request.PostForm
	form.Set("purpose", purposeOf(form.Get("purpose")))
	if err := s.keepDraft(c, form); err != nil {
		return err
	}
	remarks, err := s.remarks(ctx, form)
	if err != nil {
		return err
	}
	type said struct {
		Field string `json:"field"`
		Kind  string `json:"kind"`
		Text  string `json:"text"`
	}
	out := []said{}
	for _, r := range remarks {
		name := r.Field
		for _, g := range valuationForm {
			for _, x := range g.Fields {
				if x.Path != "" && (r.Field == x.Path || strings.HasPrefix(r.Field, x.Path+".") || strings.HasPrefix(r.Field, x.Path+"[")) {
					name = x.Name
				}
			}
		}
		if form.Get(name) == "" && r.Kind != appraisal.RemarkLook { // what is not filled yet is not wrong yet
			continue
		}
		text := r.Zh
		if c.GetBool(englishKey) {
			text = r.En
		}
		out = append(out, said{name, r.Kind, text})
	}
	c.JSON(http.StatusOK, gin.H{"draft": form.Get("draft"), "remarks": out})
	return nil
}

// remarks says of a form what can be said before it is valued.
func (s *Server) remarks(ctx context.Context, form url.Values) ([]appraisal.Remark, error) {
	req, err := formRequest(form)
	var out []appraisal.Remark
	if err != nil {
		for _, f := range fault.Public(err).Fields {
			out = append(out, appraisal.Remark{Field: f.Field, Kind: appraisal.RemarkFault, Zh: f.Zh, En: f.En})
		}
	}
	more, err := s.opt.Appraisal.Check(ctx, people.Of(ctx).Actor(), req)
	return append(out, more...), err
}

// value makes a valuation of the form, or shows it again with what is wrong.
func (s *Server) value(c *gin.Context) error {
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
		if err := s.keepDraft(c, form); err != nil {
			return err
		}
		return s.showHome(c, fault.KindOf(err).HTTPStatus(), form, err, false)
	}
	s.gate.Valued()
	if id := form.Get("draft"); id != "" {
		if err := s.opt.Appraisal.DropDraft(ctx, p.Actor(), id); err != nil {
			return err
		}
	}
	c.Redirect(http.StatusSeeOther, "/officer/valuations/"+rec.ID())
	return nil
}

func (s *Server) showHome(c *gin.Context, status int, form url.Values, problem error, check bool) error {
	ctx := c.Request.Context()
	p := people.Of(ctx)
	lines, next, err := s.opt.Appraisal.Valuations(ctx, p.Actor(), appraisal.Query{Made: "alone"}, c.Query("cursor"), homeLines)
	if err != nil {
		return err
	}
	h := homePage{page: s.newPage(c, "估值"), CanValue: p.May("POST /officer/valuations"), Purposes: purposeNames, Next: next, Checked: check}
	h.Form, h.Draft, h.From = form, form.Get("draft"), form.Get("from")
	if form.Get("act") == "keep" {
		h.Saved = "已存为草稿。"
	}
	if problem != nil {
		h.Fault = gate.ProblemOf(c.Request, problem)
	}
	var remarks []appraisal.Remark
	if check {
		if remarks, err = s.remarks(ctx, form); err != nil {
			return err
		}
		faults := fault.New(fault.Invalid, "request.invalid", "下列各项有误，尚不能估值。", "These fields are wrong; it cannot be valued yet.")
		for _, r := range remarks {
			if r.Kind == appraisal.RemarkFault {
				faults.Fields = append(faults.Fields, fault.Field{Field: r.Field, Code: "field", Zh: r.Zh, En: r.En})
			}
			if r.Field == "number" && r.Kind != appraisal.RemarkFault {
				h.NumberNotes = append(h.NumberNotes, r)
			}
		}
		if len(faults.Fields) > 0 {
			h.Fault = gate.ProblemOf(c.Request, faults)
		}
	}
	h.Groups, h.Kept, h.NumberWrong = showForm(form, h.Fault, remarks)
	if h.CanValue {
		drafts, err := s.opt.Appraisal.Drafts(ctx, p.Actor())
		if err != nil {
			return err
		}
		for _, d := range drafts {
			if d.ID != h.Draft {
				h.Drafts = append(h.Drafts, draftLine{d.ID, d.Title, shortTime(d.UpdatedAt)})
			}
		}
	}
	if waiting, _, err := s.gate.People.Proposals(ctx, p, true, "", queueLines); err == nil {
		h.Waiting = len(waiting)
	} else {
		return err
	}
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
	return s.showValuationOf(c, status, c.Param("id"), problem)
}

func (s *Server) showValuationOf(c *gin.Context, status int, id string, problem error) error {
	ctx := c.Request.Context()
	p := people.Of(ctx)
	rec, err := s.opt.Appraisal.Get(ctx, p.Actor(), id)
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
	v := valuationPage{page: s.newPage(c, "估值参考意见"), ID: rec.ID(), Number: rec.Number(), CanOverride: p.May("POST /officer/valuations/{id}/overrides"), CanTry: p.May("GET /officer/valuations/{id}/what-if")}
	if v.Style, v.Opinion, err = o.Fragment(v.tongue()); err != nil {
		return err
	}
	v.AIGC = o.AIGC()
	if problem != nil {
		v.Fault = labelled(gate.ProblemOf(c.Request, problem), map[string]string{"value": "金额", "reason": "理由", "evidence": "附件"})
		for _, k := range []string{"value", "reason", "unit"} {
			v.Form.Set(k, c.PostForm(k))
		}
	}
	v.CanValue = p.May("POST /officer/valuations")
	v.Workings = workings(v.tongue(), o.Conclusion)
	model := "未给出单一金额"
	if o.Conclusion.Value.Point != nil {
		model = money.Zh(*o.Conclusion.Value.Point, 4)
	}
	for _, x := range overrides {
		line := overrideLine{ID: x.ID, Value: money.Zh(x.Value, 6), Model: model, Officer: x.Officer, Created: shortTime(x.CreatedAt), Reason: x.Reason, Evidence: x.Evidence}
		if x.ApprovedAt != nil {
			line.Approved = x.ApprovedBy + " " + shortTime(*x.ApprovedAt)
		}
		line.State = stateZh[x.Status]
		line.CanApprove = p.May("POST /officer/valuations/{id}/overrides/{override}/approve") && x.Status == "open" && x.Officer != p.Actor().Name
		line.CanRefuse = line.CanApprove
		line.CanWithdraw = p.May("POST /officer/valuations/{id}/overrides") && x.Status == "open" && x.Officer == p.Actor().Name
		v.Overrides = append(v.Overrides, line)
	}
	return s.show(c, status, "valuation", v)
}

// workings shows each approach's tree and how they were brought together.
func workings(lang opinion.Lang, c valuation.Conclusion) []workingNode {
	var out []workingNode
	for _, a := range c.Approaches {
		if len(a.Workings) == 0 {
			continue
		}
		node := workingNode{Key: opinion.ApproachName(lang, a.ID, a.Method), Number: money.Zh(a.Value, 6)}
		for _, w := range a.Workings {
			node.Children = append(node.Children, describeWorking(lang, w))
		}
		out = append(out, node)
	}
	if len(c.Workings) > 0 {
		whole := workingNode{Key: "合成与区间", Number: money.Zh(c.Value.Median, 6)}
		for _, w := range c.Workings {
			whole.Children = append(whole.Children, describeWorking(lang, w))
		}
		out = append(out, whole)
	}
	return out
}

func describeWorking(lang opinion.Lang, w terms.Working) workingNode {
	n := workingNode{Key: opinion.WorkingName(lang, w.Key), Number: strconv.FormatFloat(money.Round(w.Value, 6), 'f', -1, 64), Unit: opinion.UnitName(lang, w.Unit), Formula: w.Formula, Source: w.Source}
	for _, c := range w.Children {
		n.Children = append(n.Children, describeWorking(lang, c))
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
