package pages

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"zhijia/internal/fault"
	"zhijia/internal/gate"
	"zhijia/internal/intake"
	"zhijia/internal/patent"
	"zhijia/internal/people"
	"zhijia/internal/watch"
)

// queueLines is how many lines a queue's page shows.
const queueLines = 50

type (
	alertsPage struct {
		page
		Alerts []watchAlertLine
		Next   int64 // 0: there are no more
		CanAck bool
	}
	watchAlertLine struct{ ID, Number, Day, What, Loan, Source, Raised string }
	matchesPage    struct {
		page
		Pairs     []matchLine
		Next      string
		CanDecide bool
	}
	matchLine struct{ ID, Kind, A, B, Score, Reasons string }
)

func registerQueuePages(s *Server) {
	s.pageRoute(http.MethodGet, "/officer/alerts", s.showAlerts)
	s.pageRoute(http.MethodPost, "/officer/alerts/{id}/acknowledge", func(c *gin.Context) error {
		p := people.Of(c.Request.Context())
		if _, err := s.opt.Watch.Acknowledge(c.Request.Context(), p.Institution, p.Actor().Name, c.Param("id"), clipNote(c.PostForm("note"))); err != nil {
			return err
		}
		c.Redirect(http.StatusSeeOther, "/officer/alerts")
		return nil
	})
	s.pageRoute(http.MethodGet, "/officer/matches", func(c *gin.Context) error { return s.showMatches(c, http.StatusOK, nil) })
	s.pageRoute(http.MethodPost, "/officer/matches/{id}/decide", func(c *gin.Context) error {
		p := people.Of(c.Request.Context())
		_, _, err := s.opt.Intake.Decide(c.Request.Context(), p.Actor(), c.Param("id"), patent.Band(c.PostForm("verdict")), clipNote(c.PostForm("reason")))
		if fault.KindOf(err) == fault.Invalid && err != nil {
			gate.NoteError(c, err)
			return s.showMatches(c, fault.Invalid.HTTPStatus(), err)
		}
		if err != nil {
			return err
		}
		c.Redirect(http.StatusSeeOther, "/officer/matches")
		return nil
	})
}

// clipNote bounds what a person typed.
func clipNote(s string) string {
	if r := []rune(strings.TrimSpace(s)); len(r) > 2000 {
		return string(r[:2000])
	}
	return strings.TrimSpace(s)
}

func (s *Server) showAlerts(c *gin.Context) error {
	p := people.Of(c.Request.Context())
	after, _ := strconv.ParseInt(c.Query("after"), 10, 64) // what is no number begins at the beginning
	list, err := s.opt.Watch.Alerts(c.Request.Context(), p.Institution, watch.AlertQuery{After: after, Open: true}, queueLines)
	if err != nil {
		return err
	}
	v := alertsPage{page: s.newPage(c, "组合预警"), CanAck: p.May("POST /officer/alerts/{id}/acknowledge")}
	for _, a := range list {
		what := a.Zh
		if a.Revision > 1 {
			what += "（第" + strconv.Itoa(a.Revision) + "版，内容已更正）"
		}
		v.Alerts = append(v.Alerts, watchAlertLine{a.ID, a.Number, a.Date.String(), what, a.Loan, a.Source, shortTime(a.RaisedAt)})
	}
	if len(list) == queueLines {
		v.Next = list[len(list)-1].Seq
	}
	return s.show(c, http.StatusOK, "alerts", v)
}

func (s *Server) showMatches(c *gin.Context, status int, problem error) error {
	p := people.Of(c.Request.Context())
	list, next, err := s.opt.Intake.Pairs(c.Request.Context(), p.Actor(), intake.PairQuery{Waiting: true}, c.Query("cursor"), queueLines)
	if err != nil {
		return err
	}
	v := matchesPage{page: s.newPage(c, "待核对"), CanDecide: p.May("POST /officer/matches/{id}/decide")}
	if problem != nil {
		v.Fault = gate.ProblemOf(c.Request, problem)
	}
	for _, m := range list {
		v.Pairs = append(v.Pairs, matchLine{m.ID, m.Kind.Zh(), m.AShown, m.BShown, strconv.FormatFloat(m.Score, 'f', 2, 64), strings.Join(m.Reasons, "；")})
	}
	v.Next = next
	return s.show(c, status, "matches", v)
}
