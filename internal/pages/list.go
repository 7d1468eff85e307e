package pages

import (
	"fmt"
	"html/template"
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
	"zhijia/internal/patent"
	"zhijia/internal/people"
	"zhijia/internal/sheet"
	"zhijia/internal/valuation"
)

// column is one of a list: how it is headed and what it shows of a line.
type column struct {
	Key, Name string
	Number    bool
	Usual     bool // shown where nothing is chosen
	show      func(*appraisal.Summary) string
	export    func(*appraisal.Summary) string // nil: as shown
}

var statusNames = []choice{
	{string(valuation.Valued), "给出金额"}, {string(valuation.RangeOnly), "仅区间"}, {string(valuation.Abstained), "暂不给出"}, {string(valuation.Zero), "零"}, {string(valuation.Graded), "只评级"},
}

func statusName(code string) string {
	for _, c := range statusNames {
		if c.Value == code {
			return c.Name
		}
	}
	return code
}

func wanText(yuan float64) string { return strconv.FormatFloat(money.Round(yuan/1e4, 6), 'f', -1, 64) }

// valuationColumns are those of the list of valuations, in the order shown. The
// subject stands before them and is never left out.
var valuationColumns = []column{
	{Key: "created", Name: "时间", Usual: true, show: func(v *appraisal.Summary) string { return shortTime(v.CreatedAt) }},
	{Key: "purpose", Name: "目的", Usual: true, show: func(v *appraisal.Summary) string { return purposeName(v.Purpose) }},
	{Key: "date", Name: "基准日", Usual: true, show: func(v *appraisal.Summary) string { return v.AsOf.String() }},
	{Key: "borrower", Name: "委托方", show: func(v *appraisal.Summary) string { return v.Borrower }},
	{Key: "by", Name: "经办", Usual: true, show: func(v *appraisal.Summary) string { return v.CreatedBy }},
	{Key: "status", Name: "结论", show: func(v *appraisal.Summary) string { return statusName(v.Status) }},
	{Key: "waiting", Name: "待复核", show: func(v *appraisal.Summary) string { return map[bool]string{true: "待复核"}[v.Waiting] }},
	{Key: "batch", Name: "来源", show: func(v *appraisal.Summary) string {
		return map[bool]string{true: "逐件", false: "批量或在册"}[v.Batch == ""]
	}},
	{
		Key: "figure", Name: "金额", Usual: true, Number: true, show: func(v *appraisal.Summary) string { return describeLine(*v).Figure },
		export: func(v *appraisal.Summary) string {
			if v.Point == nil {
				return ""
			}
			return wanText(*v.Point)
		},
	},
	{Key: "low", Name: "下限", Number: true, show: func(v *appraisal.Summary) string { return money.Zh(v.Low, 2) }, export: func(v *appraisal.Summary) string { return wanText(v.Low) }},
	{Key: "high", Name: "上限", Number: true, show: func(v *appraisal.Summary) string { return money.Zh(v.High, 2) }, export: func(v *appraisal.Summary) string { return wanText(v.High) }},
	{Key: "range", Name: "区间", Usual: true, Number: true, show: func(v *appraisal.Summary) string { return describeLine(*v).Range }},
}

// chosen are the columns that a query asks for, the usual ones where it names none.
func chosen(form url.Values) (out []column) {
	for _, c := range valuationColumns {
		if keys := form["col"]; len(keys) == 0 && c.Usual || slices.Contains(keys, c.Key) {
			out = append(out, c)
		}
	}
	return out
}

type (
	columnChoice struct {
		Key, Name string
		On        bool
	}
	cell struct {
		Name, Text string
		Number     bool
	}
	foundLine struct {
		ID, Number, Name string
		Waiting          bool
		Cells            []cell
	}
	filterLine struct {
		Name, Query string
	}
	findPage struct {
		page
		Purposes, Statuses any
		Columns            []columnChoice
		Shown              []column
		List               []foundLine
		Filters            []filterLine
		Query              string // as it is saved and exported
		Next               string // query of the next page
		Number             string // normal form, when a patent's number was asked for
		CanValue           bool
	}
)

// filterFields are what a list of valuations may be asked for.
var filterFields = []string{"q", "borrower", "purpose", "status", "by", "from", "to", "least", "most", "made", "waiting", "col"}

// asked is a list's query without its place and what is empty.
func asked(form url.Values) url.Values {
	out := url.Values{}
	for _, k := range filterFields {
		for _, v := range form[k] {
			if v = strings.TrimSpace(v); v != "" {
				out.Add(k, v)
			}
		}
	}
	return out
}

func registerListPages(s *Server) {
	s.pageRoute(http.MethodGet, "/officer/valuations", s.findValuations)
	s.pageRoute(http.MethodPost, "/officer/valuations/filters", func(c *gin.Context) error {
		ctx := c.Request.Context()
		actor := people.Of(ctx).Actor()
		query, err := url.ParseQuery(c.PostForm("query"))
		if err != nil {
			query = url.Values{}
		}
		back := "/officer/valuations?" + asked(query).Encode()
		if name := c.PostForm("remove"); name != "" {
			err = s.opt.Appraisal.DropFilter(ctx, actor, "valuations", name)
		} else {
			err = s.opt.Appraisal.KeepFilter(ctx, actor, "valuations", c.PostForm("name"), asked(query).Encode())
		}
		return s.backTo(c, back, err, func(c *gin.Context, status int, problem error) error {
			c.Request.URL.RawQuery = asked(query).Encode()
			return s.showFound(c, status, problem)
		})
	})
	s.filePageRoute(http.MethodGet, "/officer/valuations/export", 1<<20, s.exportValuations)
	s.pageRoute(http.MethodGet, "/officer/search", s.findPatents)
}

func (s *Server) findValuations(c *gin.Context) error { return s.showFound(c, http.StatusOK, nil) }

// showFound lists the valuations that the query asks for.
func (s *Server) showFound(c *gin.Context, status int, problem error) error {
	ctx := c.Request.Context()
	p := people.Of(ctx)
	form := c.Request.URL.Query()
	v := findPage{page: s.newPage(c, "查找估值"), Purposes: purposeNames, Statuses: statusNames, CanValue: p.May("POST /officer/valuations"), Shown: chosen(form), Query: asked(form).Encode()}
	v.Form, v.Wide = form, true
	for _, x := range valuationColumns {
		v.Columns = append(v.Columns, columnChoice{x.Key, x.Name, slices.ContainsFunc(v.Shown, func(y column) bool { return y.Key == x.Key })})
	}
	filters, err := s.opt.Appraisal.Filters(ctx, p.Actor(), "valuations")
	if err != nil {
		return err
	}
	for _, f := range filters {
		v.Filters = append(v.Filters, filterLine(f))
	}
	q, err := formQuery(form)
	if err == nil {
		v.Number = q.Number
		var found []appraisal.Summary
		var next string
		if found, next, err = s.opt.Appraisal.Valuations(ctx, p.Actor(), q, form.Get("cursor"), homeLines); err == nil {
			for i := range found {
				x := &found[i]
				l := foundLine{ID: x.ID, Number: x.Number, Name: x.Title, Waiting: x.Waiting}
				for _, col := range v.Shown {
					l.Cells = append(l.Cells, cell{col.Name, col.show(x), col.Number})
				}
				v.List = append(v.List, l)
			}
			if next != "" {
				more := asked(form)
				more.Set("cursor", next)
				v.Next = more.Encode()
			}
		}
	}
	if problem == nil {
		problem = err
	}
	if problem != nil {
		if fault.KindOf(problem) != fault.Invalid && fault.KindOf(problem) != fault.Conflict {
			return problem
		}
		if err != nil {
			gate.NoteError(c, err)
			status = fault.Invalid.HTTPStatus()
		}
		v.Fault = labelled(gate.ProblemOf(c.Request, problem), map[string]string{"from": "自", "to": "至", "least": "金额不低于", "most": "金额不高于", "q": "查找的字", "title": "查找的字", "created_by": "经办人", "borrower": "委托方", "purpose": "目的", "status": "结论", "name": "筛选的名称"})
	}
	return s.show(c, status, "find", v)
}

// labelled names the fields of a problem by their labels.
func labelled(p *gate.Problem, labels map[string]string) *gate.Problem {
	for i := range p.Errors {
		if label := labels[p.Errors[i].Field]; label != "" {
			p.Errors[i].Field = label
		}
	}
	return p
}

// formQuery reads what is looked for. Words that are a patent's number ask for
// that patent, whatever its form; all others for a part of the title or of the
// borrower's name.
func formQuery(form url.Values) (q appraisal.Query, err error) {
	var faults []fault.Field
	day := func(k string) (d calendar.Date) {
		if text := strings.TrimSpace(form.Get(k)); text != "" {
			var err error
			if d, err = calendar.Parse(text); err != nil {
				faults = append(faults, fault.Field{Field: k, Code: "field.date", Zh: "不是有效日期，请按 YYYY-MM-DD 填写", En: "not a date; want YYYY-MM-DD"})
			}
		}
		return d
	}
	amount := func(k string) *float64 {
		v, err := number(form.Get(k), k)
		if err != nil {
			faults = append(faults, fault.Public(err).Fields...)
		}
		if v != nil {
			*v *= wan
		}
		return v
	}
	q = appraisal.MadeBetween(day("from"), day("to"))
	q.Purpose, q.By, q.Status, q.Borrower = form.Get("purpose"), strings.TrimSpace(form.Get("by")), form.Get("status"), strings.TrimSpace(form.Get("borrower"))
	q.AtLeast, q.AtMost, q.Waiting = amount("least"), amount("most"), form.Get("waiting") != ""
	if made := form.Get("made"); made == "alone" || made == "batch" {
		q.Made = made
	}
	words := strings.TrimSpace(form.Get("q"))
	if n, err := patent.ParseNumber(words); words != "" && err == nil {
		q.Number = string(n.Key())
	} else {
		q.Words = words
	}
	if len(faults) > 0 {
		return q, fault.New(fault.Invalid, "request.invalid", "请求有误，请按下列提示修改后重试。", "The request is not valid; see the fields.", faults...)
	}
	return q, nil
}

// exportLines bounds an exported list: a spreadsheet that people still read.
const exportLines = 10_000

// exportValuations writes the list as it is shown, all its pages, amounts in 万元.
func (s *Server) exportValuations(c *gin.Context) error {
	ctx := c.Request.Context()
	form := c.Request.URL.Query()
	q, err := formQuery(form)
	if err != nil {
		return err
	}
	shown := chosen(form)
	head := []string{"专利号", "名称"}
	for _, col := range shown {
		if col.export != nil {
			head = append(head, col.Name+"（万元）")
		} else {
			head = append(head, col.Name)
		}
	}
	rows := [][]string{head}
	cursor := ""
	for len(rows) <= exportLines {
		var found []appraisal.Summary
		if found, cursor, err = s.opt.Appraisal.Valuations(ctx, people.Of(ctx).Actor(), q, cursor, 500); err != nil {
			return err
		}
		for i := range found {
			line := []string{found[i].Number, found[i].Title}
			for _, col := range shown {
				if col.export != nil {
					line = append(line, col.export(&found[i]))
				} else {
					line = append(line, col.show(&found[i]))
				}
			}
			rows = append(rows, line)
		}
		if cursor == "" {
			break
		}
	}
	if cursor != "" {
		return fault.New(fault.TooLarge, "export.too_long", fmt.Sprintf("超过 %d 条，请先缩小范围再导出。", exportLines), fmt.Sprintf("More than %d lines: narrow the list before it is exported.", exportLines))
	}
	return s.sendList(c, "估值清单", "valuations", rows)
}

// sendList sends a list as XLSX, or as CSV where that is asked for.
func (s *Server) sendList(c *gin.Context, name, plain string, rows [][]string) error {
	spool, err := gate.Spool("zhijia-list-*") // an error half-way must not look like a file
	if err != nil {
		return err
	}
	defer spool.Close()
	ending := ".xlsx"
	if c.Query("format") == "csv" {
		ending = ".csv"
		err = sheet.WriteCSV(spool, rows)
	} else {
		err = sheet.WriteBook(spool, sheet.Page{Name: name, Rows: rows})
	}
	if err != nil {
		return err
	}
	return gate.SendFile(c, spool, "zhijia-"+plain+ending, name+ending)
}

type (
	patentLine struct {
		Number, Kind, Filing, By        string
		Title, Owners, Classes, Excerpt template.HTML
	}
	searchPage struct {
		page
		List     []patentLine
		Offer    offer
		ByVector bool
		CanValue bool
	}
)

// findPatents looks for patents by number, words or likeness, with what was
// found marked.
func (s *Server) findPatents(c *gin.Context) error {
	ctx := c.Request.Context()
	p := people.Of(ctx)
	v := searchPage{page: s.newPage(c, "查找专利"), CanValue: p.May("POST /officer/valuations")}
	v.Form = c.Request.URL.Query()
	text := strings.TrimSpace(v.Form.Get("q"))
	if text == "" {
		return s.show(c, http.StatusOK, "search", v)
	}
	found, err := s.opt.Appraisal.FindPatents(ctx, p.Actor(), text, homeLines)
	if err != nil {
		if fault.KindOf(err) != fault.Invalid {
			return err
		}
		gate.NoteError(c, err)
		v.Fault = gate.ProblemOf(c.Request, err)
		return s.show(c, v.Fault.Status, "search", v)
	}
	v.ByVector = found.ByVector
	for _, x := range found.Patents {
		l := patentLine{Number: x.Number, Kind: patent.Kind(x.Kind).Zh(), By: map[string]string{"number": "号码", "words": "含所查的字", "likeness": "文本相近"}[x.By]}
		if !x.Filing.IsZero() {
			l.Filing = x.Filing.String()
		}
		l.Title, l.Owners, l.Classes = highlit(x.Title, found.Words), highlit(strings.Join(x.Owners, "、"), found.Words), highlit(strings.Join(x.IPC[:min(4, len(x.IPC))], "、"), found.Words)
		l.Excerpt = highlit(excerpt(x.Abstract+" "+x.Claims, found.Words), found.Words)
		v.List = append(v.List, l)
	}
	if found.Number != "" && !slices.ContainsFunc(found.Patents, func(p appraisal.FoundPatent) bool { return p.By == "number" }) {
		v.Offer = s.offered(c, found.Number)
	}
	return s.show(c, http.StatusOK, "search", v)
}

// highlit writes a text with the words looked for marked, in any case of letters.
func highlit(text string, words []string) template.HTML {
	runes, low := []rune(text), []rune(strings.ToLower(text))
	hit := make([]bool, len(runes))
	if len(low) == len(runes) { // where small letters are as many as large ones, as nearly always
		for _, w := range words {
			word := []rune(strings.ToLower(w))
			for i := 0; len(word) > 0 && i+len(word) <= len(low); i++ {
				if slices.Equal(low[i:i+len(word)], word) {
					for k := range word {
						hit[i+k] = true
					}
				}
			}
		}
	}
	var b strings.Builder
	for i := 0; i < len(runes); {
		n := i
		for n < len(runes) && hit[n] == hit[i] {
			n++
		}
		part := template.HTMLEscapeString(string(runes[i:n]))
		if hit[i] {
			part = "<mark>" + part + "</mark>"
		}
		b.WriteString(part)
		i = n
	}
	return template.HTML(b.String())
}

// excerpt is the part of a text around the first word found, or its beginning.
func excerpt(text string, words []string) string {
	const before, length = 20, 120
	runes := []rune(strings.Join(strings.Fields(text), " "))
	low, at := []rune(strings.ToLower(string(runes))), 0
	for _, w := range words {
		if i := strings.Index(string(low), strings.ToLower(w)); i >= 0 {
			at = len([]rune(string(low)[:i]))
			break
		}
	}
	from := max(0, min(at-before, len(runes)-length))
	out := string(runes[from:min(len(runes), from+length)])
	if from > 0 {
		out = "…" + out
	}
	if from+length < len(runes) {
		out += "…"
	}
	return out
}
