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
		Alerts []alertLine
		All    bool  // also those acknowledged or over
		Book   bool  // only those of booked loans
		Next   int64 // 0: there are no more
		CanAck bool
	}
	alertLine struct {
		ID, Number, Day, What, Loan, Source, Raised string
		Level, Kind, Old, New, Fall, Trigger        string // of a booked loan
		Open                                        bool   // it can be acknowledged
		Status, AckedBy, AckedAt, Note              string
	}
	matchesPage struct {
		page
		Pairs     []matchLine
		Next      string
		CanDecide bool
	}
	matchLine struct{ ID, Kind, A, B, Score, Reasons string }
)

func registerQueuePages(s *Server) {
	s.pageRoute(http.MethodGet, "/officer/alerts", func(c *gin.Context) error { return s.showAlerts(c, http.StatusOK, nil) })
	s.pageRoute(http.MethodPost, "/officer/alerts/{id}/acknowledge", func(c *gin.Context) error {
		p := people.Of(c.Request.Context())
		_, err := s.opt.Watch.Acknowledge(c.Request.Context(), p.Institution, p.Actor().Name, c.Param("id"), c.PostForm("note"))
		back := "/officer/alerts"
		if c.Query("book") != "" {
			back += "?book=1"
		}
		return s.backTo(c, back, err, s.showAlerts)
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

func (s *Server) showAlerts(c *gin.Context, status int, problem error) error {
	p := people.Of(c.Request.Context())
	after, _ := strconv.ParseInt(c.Query("after"), 10, 64) // what is no number begins at the beginning
	v := alertsPage{page: s.newPage(c, "预警"), All: c.Query("all") != "", Book: c.Query("book") != "", CanAck: p.May("POST /officer/alerts/{id}/acknowledge")}
	v.Wide = true
	if problem != nil {
		v.Fault = gate.ProblemOf(c.Request, problem)
	}
	list, err := s.opt.Watch.Alerts(c.Request.Context(), p.Institution, watch.AlertQuery{After: after, Open: !v.All, Book: v.Book}, queueLines)
	if err != nil {
		return err
	}
	for i := range list {
		v.Alerts = append(v.Alerts, describeAlert(&list[i], v.Say))
	}
	if len(list) == queueLines {
		v.Next = list[len(list)-1].Seq
	}
	return s.show(c, status, "alerts", v)
}

func describeAlert(a *watch.Alert, say func(zh, en string) string) alertLine {
	l := alertLine{
		ID: a.ID, Number: a.Number, Day: a.Date.String(), What: say(a.Zh, a.En), Loan: a.Loan, Source: a.Source, Raised: shortTime(a.RaisedAt), Level: a.Level,
		Open: a.AcknowledgedAt == nil && a.Status == watch.Open, Status: a.Status.Zh(), AckedBy: a.AcknowledgedBy, Note: a.Note,
	}
	if a.Revision > 1 {
		l.What += "（第" + strconv.Itoa(a.Revision) + "版，内容已更正）"
	}
	if a.AcknowledgedAt != nil {
		l.AckedAt = shortTime(*a.AcknowledgedAt)
	}
	if b := a.Book; b != nil {
		l.Kind, l.Trigger, l.Source = b.Kind.Zh(), b.Trigger.Zh(), "在册押品"
		if b.Old != b.New {
			l.Old, l.New = zhMoney(b.Old), zhMoney(b.New)
		}
		if b.Old > 0 && b.New < b.Old {
			fall := 1 - float64(b.New)/float64(b.Old)
			l.Fall = "↓" + percent(&fall)
		}
	}
	return l
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
