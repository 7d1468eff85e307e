package pages

import (
	"maps"
	"net/http"
	"net/url"
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
