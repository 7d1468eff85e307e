package pages

import (
	"bytes"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"zhijia/internal/fault"
	"zhijia/internal/gate"
	"zhijia/internal/labelling"
	"zhijia/internal/people"
)

type labelPage struct {
	page
	Samples  []labelSample
	Sample   string
	Question *labelling.Question
	CanLabel bool
	CanTake  bool
}

type labelSample struct {
	ID, Note, By, At      string
	Items, Done, Officers int
}

// registerLabelPages serves samples to be labelled blind: one item at a time, in
// an order of each officer's own, with no number, no score and nobody's choice.
func registerLabelPages(s *Server) {
	s.pageRoute(http.MethodGet, "/officer/labels", func(c *gin.Context) error {
		who := people.Of(c.Request.Context())
		p := labelPage{page: s.newPage(c, "盲标"), CanLabel: who.May("POST /officer/labels/{id}"), CanTake: who.May("GET /officer/labels/{id}/file")}
		if s.opt.Labels != nil {
			list, err := s.opt.Labels.Samples(c.Request.Context(), who.Actor())
			if err != nil {
				return err
			}
			for _, x := range list {
				p.Samples = append(p.Samples, labelSample{x.ID, x.Note, x.CreatedBy, shortTime(x.CreatedAt), x.Items, x.Done, x.Officers})
			}
		}
		return s.show(c, http.StatusOK, "labels", p)
	})
	s.pageRoute(http.MethodGet, "/officer/labels/{id}", func(c *gin.Context) error { return s.showLabel(c, http.StatusOK, nil) })
	s.pageRoute(http.MethodPost, "/officer/labels/{id}", func(c *gin.Context) error {
		ctx := c.Request.Context()
		place, _ := strconv.Atoi(c.PostForm("place"))
		err := s.opt.Labels.Label(ctx, people.Of(ctx).Actor(), c.Param("id"), place, c.PostForm("choice"))
		if err != nil && fault.KindOf(err) != fault.Invalid {
			return err
		}
		if err != nil {
			gate.NoteError(c, err)
			return s.showLabel(c, fault.Invalid.HTTPStatus(), err)
		}
		c.Redirect(http.StatusSeeOther, "/officer/labels/"+c.Param("id"))
		return nil
	})
	s.pageRoute(http.MethodGet, "/officer/labels/{id}/file", func(c *gin.Context) error {
		ctx := c.Request.Context()
		var b bytes.Buffer
		if _, _, err := s.opt.Labels.CSV(ctx, people.Of(ctx).Actor(), c.Param("id"), &b); err != nil {
			return err
		}
		c.Header("Content-Disposition", `attachment; filename="labels.csv"`)
		c.Data(http.StatusOK, "text/csv; charset=utf-8", b.Bytes())
		return nil
	})
}

func (s *Server) showLabel(c *gin.Context, status int, problem error) error {
	ctx := c.Request.Context()
	who := people.Of(ctx)
	q, err := s.opt.Labels.Next(ctx, who.Actor(), c.Param("id"))
	if err != nil {
		return err
	}
	p := labelPage{page: s.newPage(c, "盲标"), Sample: c.Param("id"), Question: q, CanLabel: who.May("POST /officer/labels/{id}")}
	if problem != nil {
		p.Fault = gate.ProblemOf(c.Request, problem)
	}
	return s.show(c, status, "label", p)
}
