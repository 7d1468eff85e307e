package pages

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"zhijia/internal/calendar"
	"zhijia/internal/chain"
	"zhijia/internal/desk"
	"zhijia/internal/encumbrance"
	"zhijia/internal/fault"
	"zhijia/internal/gate"
	"zhijia/internal/lending"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/people"
	"zhijia/internal/scheme"
)

type (
	oneStopPage struct {
		page
		Answer *chain.OneStop
	}
	rightsPage struct {
		page
		Entries  []chain.Standing
		Timeline *chain.Timeline
		Kinds    []choice
		Next     string
		CanAct   bool
	}
	schemesPage struct {
		page
		Schemes []chain.SchemeLine
		Places  []chain.Place
		Kinds   []scheme.Instrument
		On      string
	}
	cashFlowPage struct {
		page
		Report *chain.CashFlow
	}
	intermediariesPage struct {
		page
		Lines []intermediaryRow
		Roles []lending.Role
		May   bool
	}
	intermediaryRow struct {
		Name, Code, Filing, Role, Ours, Prices, Rank string
		Reports                                      int
	}
	openLicencesPage struct {
		page
		Lines []chain.Declared
		May   bool
	}
	marksPage struct {
		page
		Noted  *chain.Marks
		Tracks []choice
		May    bool
	}
	statisticsPage struct {
		page
		Report *chain.Statistics
		Parts  []statisticsPart
	}
	statisticsPart struct {
		Title string
		Rows  []lending.Total
	}
)

func registerChainPages(s *Server) {
	s.pageRoute(http.MethodGet, "/officer/chain", func(c *gin.Context) error {
		return s.show(c, http.StatusOK, "onestop", oneStopPage{page: s.newPage(c, "一站式档案")})
	})
	s.pageRoute(http.MethodPost, "/officer/chain", s.showOneStop)
	s.pageRoute(http.MethodGet, "/officer/rights", s.showRights)
	s.pageRoute(http.MethodPost, "/officer/rights", s.authorise)
	s.pageRoute(http.MethodGet, "/officer/schemes", s.showSchemes)
	s.pageRoute(http.MethodGet, "/officer/statistics", s.showStatistics)
	s.pageRoute(http.MethodGet, "/officer/cash-flow", func(c *gin.Context) error {
		return s.show(c, http.StatusOK, "cashflow", cashFlowPage{page: s.newPage(c, "稳定现金流")})
	})
	s.filePageRoute(http.MethodPost, "/officer/cash-flow", 32<<20, s.assessCashFlow)
	s.pageRoute(http.MethodGet, "/officer/intermediaries", func(c *gin.Context) error { return s.showIntermediaries(c, nil) })
	s.pageRoute(http.MethodPost, "/officer/intermediaries", s.noteIntermediary)
	s.pageRoute(http.MethodGet, "/officer/open-licences", func(c *gin.Context) error { return s.showOpenLicences(c, nil) })
	s.pageRoute(http.MethodPost, "/officer/open-licences", s.noteOpenLicence)
	s.pageRoute(http.MethodGet, "/officer/marks", func(c *gin.Context) error { return s.showMarks(c, nil, nil) })
	s.pageRoute(http.MethodPost, "/officer/marks", s.noteMarks)
}

// posted gives the fields of a form, trimmed.
func posted(c *gin.Context) (func(string) string, error) {
	if err := c.Request.ParseForm(); err != nil {
		return nil, err
	}
	return func(k string) string { return strings.TrimSpace(c.Request.PostForm.Get(k)) }, nil
}

// dayIn reads a day of a form; empty is none.
func dayIn(text string) (d calendar.Date, err error) {
	if text == "" {
		return d, nil
	}
	if d, err = calendar.Parse(text); err != nil {
		err = fault.New(fault.Invalid, "date.shape", "日期应写作 YYYY-MM-DD。", "Write the date as YYYY-MM-DD.")
	}
	return d, err
}

func yuanIn(text string) (*money.Fen, error) {
	if text == "" {
		return nil, nil
	}
	x, err := money.Parse(text, money.Yuan)
	return &x, err
}

func (s *Server) assessCashFlow(c *gin.Context) error {
	v := cashFlowPage{page: s.newPage(c, "稳定现金流")}
	v.Wide = true
	report, err := s.cashFlow(c)
	if err != nil {
		status, err := refused(c, &v.page, err)
		if err != nil {
			return err
		}
		return s.show(c, status, "cashflow", v)
	}
	v.Report = report
	return s.show(c, http.StatusOK, "cashflow", v)
}

func (s *Server) cashFlow(c *gin.Context) (*chain.CashFlow, error) {
	head, err := c.FormFile("file")
	if err != nil {
		return nil, gate.ErrNoFile
	}
	file, err := head.Open()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	a := chain.CashFlowAsk{Name: strings.TrimSpace(c.PostForm("name"))}
	if a.Name == "" {
		a.Name = path.Base(head.Filename)
	}
	if t := strings.TrimSpace(c.PostForm("max_cv")); t != "" {
		x, err := strconv.ParseFloat(t, 64)
		if err != nil {
			return nil, fault.New(fault.Invalid, "history.max_cv", "变异系数上限应为数字，如 0.3。", "The bound must be a number such as 0.3.")
		}
		a.MaxCV = &x
	}
	if a.Receipts, err = chain.ReadReceipts(file, path.Base(head.Filename)); err != nil {
		return nil, err
	}
	r, err := s.opt.Chain.CashFlow(c.Request.Context(), people.Of(c.Request.Context()).Actor(), a)
	return &r, err
}

// again shows a page anew after a form: with what was wrong, or as it stands now.
func again(c *gin.Context, v *page, problem error) (int, error) {
	if problem == nil {
		return http.StatusOK, nil
	}
	v.Form = c.Request.PostForm
	return refused(c, v, problem)
}

func (s *Server) showIntermediaries(c *gin.Context, problem error) error {
	p := people.Of(c.Request.Context())
	v := intermediariesPage{page: s.newPage(c, "中介机构"), Roles: lending.Roles, May: p.May("POST /officer/intermediaries")}
	v.Wide = true
	status, err := again(c, &v.page, problem)
	if err != nil {
		return err
	}
	lines, err := s.opt.Chain.Intermediaries(c.Request.Context(), p.Actor())
	if err != nil {
		return err
	}
	told := func(x *float64, n int) string {
		if x == nil {
			return "—"
		}
		return fmt.Sprintf("%.3f（n=%d）", *x, n)
	}
	for _, l := range lines {
		row := intermediaryRow{Name: l.Name, Code: l.Code, Filing: l.Filing}
		for _, r := range l.Records {
			x := row
			x.Role, x.Reports, x.Ours, x.Prices, x.Rank = r.Role.Zh(), r.Reports, told(r.FromOurs, r.Compared), told(r.FromPrices, r.Priced), r.Zh
			if r.Rank > 0 {
				x.Rank = fmt.Sprintf("第 %d", r.Rank)
			}
			v.Lines = append(v.Lines, x)
		}
		if len(l.Records) == 0 {
			var roles []string
			for _, r := range l.Roles {
				roles = append(roles, r.Zh())
			}
			row.Role = strings.Join(roles, "、")
			v.Lines = append(v.Lines, row)
		}
	}
	return s.show(c, status, "intermediaries", v)
}

func (s *Server) noteIntermediary(c *gin.Context) error {
	get, err := posted(c)
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	if get("report") == "" {
		x := chain.Intermediary{Code: get("credit_code"), Name: get("name"), Filing: get("filing")}
		for _, r := range c.Request.PostForm["role"] {
			x.Roles = append(x.Roles, lending.Role(r))
		}
		err = s.opt.Chain.PutIntermediary(ctx, people.Of(ctx).Actor(), x)
	} else {
		err = s.deliver(c, get)
	}
	if err != nil {
		return s.showIntermediaries(c, err)
	}
	c.Redirect(http.StatusSeeOther, "/officer/intermediaries")
	return nil
}

func (s *Server) deliver(c *gin.Context, get func(string) string) error {
	d := lending.Delivery{Code: get("credit_code"), Report: get("report"), Role: lending.Role(get("role")), Number: get("number")}
	var err error
	for _, x := range []struct {
		to   *calendar.Date
		name string
	}{{&d.AsOf, "as_of"}, {&d.Delivered, "delivered"}, {&d.PriceOn, "price_on"}} {
		if *x.to, err = dayIn(get(x.name)); err != nil {
			return err
		}
	}
	value, err := yuanIn(get("value"))
	if err != nil {
		return err
	}
	if value != nil {
		d.Value = *value
	}
	if d.Ours, err = yuanIn(get("ours")); err != nil {
		return err
	}
	if d.Price, err = yuanIn(get("price")); err != nil {
		return err
	}
	return s.opt.Chain.Deliver(c.Request.Context(), people.Of(c.Request.Context()).Actor(), d)
}

func (s *Server) showOpenLicences(c *gin.Context, problem error) error {
	p := people.Of(c.Request.Context())
	v := openLicencesPage{page: s.newPage(c, "开放许可"), May: p.May("POST /officer/open-licences")}
	v.Wide = true
	status, err := again(c, &v.page, problem)
	if err != nil {
		return err
	}
	if problem == nil {
		v.Form = c.Request.URL.Query()
	}
	lines, err := s.opt.Chain.OpenLicences(c.Request.Context(), p.Actor(), strings.TrimSpace(c.Query("number")))
	if err != nil {
		if status, err = refused(c, &v.page, err); err != nil {
			return err
		}
	}
	v.Lines = lines
	return s.show(c, status, "openlicences", v)
}

func (s *Server) noteOpenLicence(c *gin.Context) error {
	get, err := posted(c)
	if err != nil {
		return err
	}
	if err := s.declare(c, get); err != nil {
		return s.showOpenLicences(c, err)
	}
	c.Redirect(http.StatusSeeOther, "/officer/open-licences")
	return nil
}

func (s *Server) declare(c *gin.Context, get func(string) string) (err error) {
	l := chain.OpenLicence{Number: get("number"), Basis: get("basis"), Source: get("source")}
	if l.Declared, err = dayIn(get("declared")); err != nil {
		return err
	}
	if l.Withdrawn, err = dayIn(get("withdrawn")); err != nil {
		return err
	}
	if l.Fee, err = yuanIn(get("fee")); err != nil {
		return err
	}
	number := func(name, zh string) (float64, error) {
		x, err := strconv.ParseFloat(get(name), 64)
		if err != nil {
			return 0, fault.New(fault.Invalid, "open_licence."+name, zh+"应为数字。", name+" must be a number.")
		}
		return x, nil
	}
	if get("rate") != "" {
		x, err := number("rate", "提成费率")
		if err != nil {
			return err
		}
		x /= 100
		l.Rate = &x
	}
	if l.Years, err = number("years", "许可年限"); err != nil {
		return err
	}
	if t := get("concluded"); t != "" {
		if l.Concluded, err = strconv.Atoi(t); err != nil {
			return fault.New(fault.Invalid, "open_licence.concluded", "成交份数应为整数。", "The licences taken are a whole number.")
		}
	}
	return s.opt.Chain.PutOpenLicence(c.Request.Context(), people.Of(c.Request.Context()).Actor(), l)
}

func (s *Server) showMarks(c *gin.Context, noted *chain.Marks, problem error) error {
	v := marksPage{page: s.newPage(c, "高价值发明与审查途径"), Noted: noted, May: people.Of(c.Request.Context()).May("POST /officer/marks")}
	for _, k := range slices.Sorted(maps.Keys(patent.Tracks)) {
		v.Tracks = append(v.Tracks, choice{k, patent.Tracks[k]})
	}
	status, err := again(c, &v.page, problem)
	if err != nil {
		return err
	}
	return s.show(c, status, "marks", v)
}

func (s *Server) noteMarks(c *gin.Context) error {
	get, err := posted(c)
	if err != nil {
		return err
	}
	m := chain.Marks{Number: get("number")}
	m.Emerging, m.Abroad, m.Award = patent.Truth(get("emerging")), patent.Truth(get("abroad")), patent.Truth(get("award"))
	m.Track, m.Source = get("track"), get("source")
	if m.Requested, err = dayIn(get("requested")); err == nil {
		m.Accepted, err = dayIn(get("accepted"))
	}
	if err == nil {
		err = s.opt.Chain.PutMarks(c.Request.Context(), people.Of(c.Request.Context()).Actor(), m)
	}
	if err != nil {
		return s.showMarks(c, nil, err)
	}
	return s.showMarks(c, &m, nil)
}

// refused shows a page again with what was wrong, unless the error is not the
// user's.
func refused(c *gin.Context, v *page, err error) (int, error) {
	switch fault.KindOf(err) {
	case fault.Invalid, fault.NotFound, fault.Conflict:
		gate.NoteError(c, err)
		v.Fault = gate.ProblemOf(c.Request, err)
		return v.Fault.Status, nil
	}
	return 0, err
}

func (s *Server) showOneStop(c *gin.Context) error {
	v := oneStopPage{page: s.newPage(c, "一站式档案")}
	v.Wide = true
	if err := c.Request.ParseForm(); err != nil {
		return err
	}
	v.Form = c.Request.PostForm
	answer, err := s.oneStop(c)
	if err != nil {
		status, err := refused(c, &v.page, err)
		if err != nil {
			return err
		}
		return s.show(c, status, "onestop", v)
	}
	v.Answer = &answer
	return s.show(c, http.StatusOK, "onestop", v)
}

func (s *Server) oneStop(c *gin.Context) (chain.OneStop, error) {
	get := func(k string) string { return strings.TrimSpace(c.PostForm(k)) }
	a := chain.OneStopAsk{Number: get("number"), Policy: get("policy")}
	var err error
	for _, x := range []struct {
		to   *calendar.Date
		text string
	}{{&a.AsOf, get("as_of")}, {&a.Maturity, get("maturity")}} {
		if x.text != "" {
			if *x.to, err = calendar.Parse(x.text); err != nil {
				return chain.OneStop{}, fault.New(fault.Invalid, "date.shape", "日期应写作 YYYY-MM-DD。", "Write the date as YYYY-MM-DD.")
			}
		}
	}
	if t := get("loan"); t != "" {
		if a.Loan, err = money.Parse(t, money.Wan); err != nil {
			return chain.OneStop{}, err
		}
	}
	if t := get("pledgor"); t != "" {
		a.Pledgors = []string{t}
	}
	return s.opt.Chain.OneStop(c.Request.Context(), people.Of(c.Request.Context()).Actor(), a)
}

// authorise notes a borrower's written word; what is wrong with it is told beside what was written.
func (s *Server) authorise(c *gin.Context) error {
	ctx := c.Request.Context()
	numbers := strings.FieldsFunc(c.PostForm("numbers"), func(r rune) bool { return strings.ContainsRune(" \t\r\n,，;；、", r) })
	x, err := desk.ReadAuthorisation(numbers, c.PostForm("borrower"), c.PostForm("signed_on"), c.PostForm("valid_until"), c.PostForm("document"))
	if err == nil {
		err = s.opt.Desk.Authorise(ctx, people.Of(ctx).Actor(), x)
	}
	if err != nil {
		return s.rights(c, c.Request.PostForm, err)
	}
	c.Redirect(http.StatusSeeOther, "/officer/rights?authorised="+strconv.Itoa(len(x.Numbers)))
	return nil
}

func (s *Server) showRights(c *gin.Context) error { return s.rights(c, c.Request.URL.Query(), nil) }

func (s *Server) rights(c *gin.Context, form url.Values, wrong error) error {
	ctx := c.Request.Context()
	v := rightsPage{page: s.newPage(c, "权利负担"), CanAct: people.Of(ctx).May("POST /officer/rights")}
	v.Wide = true
	v.Form = form
	for _, k := range encumbrance.Kinds {
		v.Kinds = append(v.Kinds, choice{string(k), k.Zh()})
	}
	status := http.StatusOK
	if wrong != nil {
		var err error
		if status, err = refused(c, &v.page, wrong); err != nil {
			return err
		}
	}
	if n := strings.TrimSpace(c.Query("number")); n != "" {
		t, err := s.opt.Chain.Timeline(ctx, people.Of(ctx).Actor(), encumbrance.Kind(c.Query("kind")), n)
		if err != nil {
			if status, err = refused(c, &v.page, err); err != nil {
				return err
			}
		} else {
			v.Timeline = &t
		}
	}
	const most = 100
	entries, err := s.opt.Chain.Ledger(ctx, people.Of(ctx).Actor(), encumbrance.State(c.Query("state")), patent.Product(c.Query("product")), c.Query("after"), most)
	if err != nil {
		return err
	}
	if v.Entries = entries; len(entries) == most {
		v.Next = entries[most-1].Number
	}
	return s.show(c, status, "rights", v)
}

func (s *Server) showSchemes(c *gin.Context) error {
	v := schemesPage{page: s.newPage(c, "方案库"), Kinds: scheme.Instruments}
	v.Wide = true
	v.Form = c.Request.URL.Query()
	on := calendar.InChina(s.gate.Now())
	status := http.StatusOK
	if t := c.Query("on"); t != "" {
		d, err := calendar.Parse(t)
		if err != nil {
			if status, err = refused(c, &v.page, fault.New(fault.Invalid, "date.shape", "日期应写作 YYYY-MM-DD。", "Write the date as YYYY-MM-DD.")); err != nil {
				return err
			}
		} else {
			on = d
		}
	}
	v.On = on.String()
	var err error
	if v.Schemes, err = s.opt.Chain.Schemes(c.Query("region"), scheme.Instrument(c.Query("instrument")), on); err != nil {
		if status, err = refused(c, &v.page, err); err != nil {
			return err
		}
	}
	if v.Places, err = s.opt.Chain.Compare(on); err != nil {
		return err
	}
	return s.show(c, status, "schemes", v)
}

func (s *Server) showStatistics(c *gin.Context) error {
	ctx := c.Request.Context()
	v := statisticsPage{page: s.newPage(c, "统计")}
	v.Wide = true
	v.Form = c.Request.URL.Query()
	a := chain.StatisticsAsk{}
	if b := strings.TrimSpace(c.Query("batch")); b != "" {
		a.Batches = []string{b}
	}
	var err error
	if t := c.Query("as_of"); t != "" {
		a.AsOf, err = calendar.Parse(t)
	}
	var r chain.Statistics
	if err == nil {
		r, err = s.opt.Chain.Statistics(ctx, people.Of(ctx).Actor(), a)
	} else {
		err = fault.New(fault.Invalid, "date.shape", "日期应写作 YYYY-MM-DD。", "Write the date as YYYY-MM-DD.")
	}
	if err != nil {
		status, err := refused(c, &v.page, err)
		if err != nil {
			return err
		}
		return s.show(c, status, "statistics", v)
	}
	if c.Query("format") == "xlsx" {
		c.Header("Content-Type", gate.XLSX)
		c.Header("Content-Disposition", `attachment; filename="statistics.xlsx"`)
		return r.WriteBook(c.Writer)
	}
	v.Report = &r
	v.Parts = append(v.Parts, statisticsPart{"期间", r.Totals})
	for _, d := range slices.Sorted(maps.Keys(r.By)) {
		v.Parts = append(v.Parts, statisticsPart{lending.DimensionZh[d], r.By[d]})
	}
	return s.show(c, http.StatusOK, "statistics", v)
}
