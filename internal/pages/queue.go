package pages

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"zhijia/internal/fault"
	"zhijia/internal/gate"
	"zhijia/internal/patent"
	"zhijia/internal/people"
	"zhijia/internal/store"
)

// queueLines is how many lines a queue's page shows.
const queueLines = 50

type (
	alertsPage struct {
		page
		Alerts []alertLine
		Loan   string // only of this contract
		All    bool   // also those acknowledged or over, newest first
		Next   int64  // 0: there are no more
		CanAck bool
	}
	alertLine   struct{ ID, Number, Day, Level, Kind, What, Old, New, Fall, Loan, Source, Raised, Acked, Note string }
	matchesPage struct {
		page
		Pairs     []matchLine
		Next      string
		CanDecide bool
	}
	matchLine struct{ ID, Kind, A, B, Score, Reasons string }
)

var matchKindZh = map[store.MatchKind]string{store.MatchParty: "主体", store.MatchDeal: "交易", store.MatchPatent: "专利"}

func registerQueuePages(s *Server) {
	s.pageRoute(http.MethodGet, "/officer/alerts", func(c *gin.Context) error { return s.showAlerts(c, http.StatusOK, nil) })
	s.pageRoute(http.MethodPost, "/officer/alerts/{id}/acknowledge", func(c *gin.Context) error {
		p := people.Of(c.Request.Context())
		note := clipNote(c.PostForm("note"))
		err := error(fault.New(fault.Invalid, "note.missing", "请写明处理意见。", "Say what follows from it."))
		if note != "" {
			_, err = s.opt.DB.AcknowledgeAlert(c.Request.Context(), p.Institution, c.Param("id"), p.Actor().Name, note, s.gate.Now())
		}
		return s.backTo(c, "/officer/alerts", err, s.showAlerts)
	})
	s.pageRoute(http.MethodGet, "/officer/matches", func(c *gin.Context) error { return s.showMatches(c, http.StatusOK, nil) })
	s.pageRoute(http.MethodPost, "/officer/matches/{id}/decide", func(c *gin.Context) error {
		p := people.Of(c.Request.Context())
		_, _, err := s.opt.DB.DecideMatch(c.Request.Context(), p.Institution, c.Param("id"), patent.Band(c.PostForm("verdict")), clipNote(c.PostForm("reason")), p.Actor().Name, s.gate.Now())
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

func (s *Server) showAlerts(c *gin.Context, status int, problem error) error {
	p := people.Of(c.Request.Context())
	after, _ := strconv.ParseInt(c.Query("after"), 10, 64) // what is no number begins at the beginning
	v := alertsPage{page: s.newPage(c, "预警"), Loan: c.Query("loan"), All: c.Query("all") != "", CanAck: p.May("POST /officer/alerts/{id}/acknowledge")}
	if problem != nil {
		v.Fault = gate.ProblemOf(c.Request, problem)
	}
	list, err := s.opt.DB.Alerts(c.Request.Context(), p.Institution, store.AlertFilter{After: after, Loan: v.Loan, Open: !v.All, Newest: v.All, Limit: queueLines})
	if err != nil {
		return err
	}
	for i := range list {
		v.Alerts = append(v.Alerts, describeAlert(&list[i]))
	}
	if len(list) == queueLines && !v.All {
		v.Next = list[len(list)-1].Seq
	}
	return s.show(c, status, "alerts", v)
}

var levelNames = map[string]string{patent.Notice: "提示", patent.Yellow: "黄", patent.Red: "红"}

func describeAlert(a *store.Alert) alertLine {
	l := alertLine{
		ID: a.ID, Number: a.Number, Day: a.Date.String(), Level: levelNames[a.Level], Kind: alertNames[a.Code], What: a.Zh, Loan: a.Loan, Source: a.Source, Raised: shortTime(a.RaisedAt), Note: a.Note,
	}
	switch {
	case a.Status == store.AlertSettled:
		l.What += "（已了结）"
	case a.Status == store.AlertRestated:
		l.What += "（已更正撤回）"
	case a.Revision > 1:
		l.What += "（第" + strconv.Itoa(a.Revision) + "版，内容已更正）"
	}
	if a.Old != nil && a.New != nil && *a.Old != *a.New {
		l.Old, l.New = zhMoney(*a.Old), zhMoney(*a.New)
		if *a.Old > 0 && *a.New < *a.Old {
			fall := 1 - float64(*a.New)/float64(*a.Old)
			l.Fall = "↓" + percent(&fall)
		}
	}
	if a.AcknowledgedAt != nil {
		l.Acked = shortTime(*a.AcknowledgedAt) + " " + a.AcknowledgedBy
	}
	return l
}

func (s *Server) showMatches(c *gin.Context, status int, problem error) error {
	p := people.Of(c.Request.Context())
	list, err := s.opt.DB.Matches(c.Request.Context(), p.Institution, store.MatchFilter{Waiting: true, After: c.Query("after"), Limit: queueLines})
	if err != nil {
		return err
	}
	v := matchesPage{page: s.newPage(c, "待核对"), CanDecide: p.May("POST /officer/matches/{id}/decide")}
	if problem != nil {
		v.Fault = gate.ProblemOf(c.Request, problem)
	}
	for _, m := range list {
		v.Pairs = append(v.Pairs, matchLine{m.ID, matchKindZh[m.Kind], m.AShown, m.BShown, strconv.FormatFloat(m.Score, 'f', 2, 64), strings.Join(m.Reasons, "；")})
	}
	if len(list) == queueLines {
		v.Next = url.QueryEscape(list[len(list)-1].ID)
	}
	return s.show(c, status, "matches", v)
}
