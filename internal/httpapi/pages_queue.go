package httpapi

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"zhijia/internal/fault"
	"zhijia/internal/patent"
	"zhijia/internal/store"
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

var matchKindZh = map[store.MatchKind]string{store.MatchParty: "主体", store.MatchDeal: "交易", store.MatchPatent: "专利"}

func registerQueuePages(s *Server) {
	s.pageRoute(http.MethodGet, "/officer/alerts", s.showAlerts)
	s.pageRoute(http.MethodPost, "/officer/alerts/{id}/acknowledge", func(c *gin.Context) error {
		p, _ := principalOf(c.Request.Context())
		if _, err := s.opt.DB.AcknowledgeWatchAlert(c.Request.Context(), p.Institution, c.Param("id"), p.actor().Name, clipNote(c.PostForm("note")), s.opt.Now()); err != nil {
			return err
		}
		c.Redirect(http.StatusSeeOther, "/officer/alerts")
		return nil
	})
	s.pageRoute(http.MethodGet, "/officer/matches", func(c *gin.Context) error { return s.showMatches(c, http.StatusOK, nil) })
	s.pageRoute(http.MethodPost, "/officer/matches/{id}/decide", func(c *gin.Context) error {
		p, _ := principalOf(c.Request.Context())
		_, _, err := s.opt.DB.DecideMatch(c.Request.Context(), p.Institution, c.Param("id"), patent.Band(c.PostForm("verdict")), clipNote(c.PostForm("reason")), p.actor().Name, s.opt.Now())
		if fault.KindOf(err) == fault.Invalid && err != nil {
			noteError(c, err)
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
	p, _ := principalOf(c.Request.Context())
	after, _ := strconv.ParseInt(c.Query("after"), 10, 64) // what is no number begins at the beginning
	list, err := s.opt.DB.WatchAlerts(c.Request.Context(), p.Institution, store.AlertFilter{After: after, Open: true, Limit: queueLines})
	if err != nil {
		return err
	}
	v := alertsPage{page: s.newPage(c, "组合预警"), CanAck: permitted(p.Roles, access["POST /officer/alerts/{id}/acknowledge"])}
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
	p, _ := principalOf(c.Request.Context())
	list, err := s.opt.DB.Matches(c.Request.Context(), p.Institution, store.MatchFilter{Waiting: true, After: c.Query("after"), Limit: queueLines})
	if err != nil {
		return err
	}
	v := matchesPage{page: s.newPage(c, "待核对"), CanDecide: permitted(p.Roles, access["POST /officer/matches/{id}/decide"])}
	if problem != nil {
		v.Fault = problemOf(c.Request, problem)
	}
	for _, m := range list {
		v.Pairs = append(v.Pairs, matchLine{m.ID, matchKindZh[m.Kind], m.AShown, m.BShown, strconv.FormatFloat(m.Score, 'f', 2, 64), strings.Join(m.Reasons, "；")})
	}
	if len(list) == queueLines {
		v.Next = url.QueryEscape(list[len(list)-1].ID)
	}
	return s.show(c, status, "matches", v)
}
