package pages

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"zhijia/internal/claim"
	"zhijia/internal/fault"
	"zhijia/internal/gate"
	"zhijia/internal/opinion"
	"zhijia/internal/people"
	"zhijia/internal/reading"
)

type patentReadPage struct {
	page
	Number      string
	Subject     string
	Claims      *reading.Claims
	Summary     *reading.Summary
	Questions   *reading.Questions
	Differences *reading.Differences
	Facts       *reading.Facts
	Said        []string // what became of the model's part
	CanAsk      bool
	CanDecide   bool
}

func registerPatentReadPages(s *Server) {
	s.pageRoute(http.MethodGet, "/officer/reading", func(c *gin.Context) error {
		return s.showPatentRead(c, http.StatusOK, c.Query("number"), c.Query("compare") != "", false, nil)
	})
	// The same with the model's part: asked for by hand, since the text leaves.
	s.pageRoute(http.MethodPost, "/officer/reading", func(c *gin.Context) error {
		return s.showPatentRead(c, http.StatusOK, c.PostForm("number"), c.PostForm("compare") != "", true, nil)
	})
	s.filePageRoute(http.MethodPost, "/officer/reading/facts", 4*reading.MaxMaterial, func(c *gin.Context) error {
		ctx := c.Request.Context()
		no := false
		number := c.PostForm("number")
		_, err := s.opt.Reading.ReadFacts(ctx, people.Of(ctx).Actor(), number, reading.Material{Name: strings.TrimSpace(c.PostForm("name")), Text: c.PostForm("text")}, &no)
		return s.readingDone(c, number, err)
	})
	s.pageRoute(http.MethodPost, "/officer/reading/facts/{id}", func(c *gin.Context) error {
		ctx := c.Request.Context()
		act := c.PostForm("act")
		var err error
		if act != "accept" && act != "reject" {
			err = fault.New(fault.Invalid, "fact.act", "请选择采纳或否决。", "Choose to accept or to reject.")
		} else {
			_, err = s.opt.Reading.Decide(ctx, people.Of(ctx).Actor(), c.Param("id"), act == "accept", strings.TrimSpace(c.PostForm("note")))
		}
		return s.readingDone(c, c.PostForm("number"), err)
	})
}

// readingDone goes back to the page of a patent, or shows there what was wrong.
func (s *Server) readingDone(c *gin.Context, number string, err error) error {
	if err == nil {
		c.Redirect(http.StatusSeeOther, "/officer/reading?number="+url.QueryEscape(number)+"#facts")
		return nil
	}
	if k := fault.KindOf(err); k != fault.Invalid && k != fault.Conflict && k != fault.TooLarge && k != fault.NotFound {
		return err
	}
	gate.NoteError(c, err)
	return s.showPatentRead(c, fault.KindOf(err).HTTPStatus(), number, false, false, err)
}

func (s *Server) showPatentRead(c *gin.Context, status int, number string, compare, model bool, problem error) error {
	ctx := c.Request.Context()
	who := people.Of(ctx)
	number = strings.TrimSpace(number)
	p := patentReadPage{page: s.newPage(c, "读专利"), Number: number, CanAsk: who.May("POST /officer/reading"), CanDecide: who.May("POST /officer/reading/facts/{id}")}
	p.Form = url.Values{"number": {number}}
	if problem != nil {
		p.Fault = gate.ProblemOf(c.Request, problem)
	}
	if number == "" || s.opt.Reading == nil {
		return s.show(c, status, "patent-read", p)
	}
	a := reading.Ask{Number: number}
	if !model {
		no := false
		a.AllowModel = &no
	}
	fill := func() error {
		claims, err := s.opt.Reading.Claims(ctx, who.Actor(), a)
		if err != nil {
			return err
		}
		p.Claims, p.Number, p.Subject = &claims, claims.Number, claims.Title
		summary, err := s.opt.Reading.Summary(ctx, who.Actor(), a)
		if err != nil {
			return err
		}
		p.Summary = &summary
		questions, err := s.opt.Reading.Questions(ctx, who.Actor(), a)
		if err != nil {
			return err
		}
		p.Questions = &questions
		if compare {
			d, err := s.opt.Reading.Differences(ctx, who.Actor(), a, 0)
			if err != nil {
				return err
			}
			p.Differences = &d
		}
		facts, err := s.opt.Reading.Facts(ctx, who.Actor(), number)
		p.Facts = &facts
		return err
	}
	if err := fill(); err != nil {
		if k := fault.KindOf(err); k != fault.Invalid && k != fault.NotFound {
			return err
		}
		gate.NoteError(c, err)
		p.Claims = nil
		p.Fault, status = gate.ProblemOf(c.Request, err), fault.KindOf(err).HTTPStatus()
		return s.show(c, status, "patent-read", p)
	}
	p.Title = p.Number + " 读专利"
	if p.generated() {
		p.AIGC = opinion.GeneratedLabel("reading " + p.Number)
	}
	if model {
		for _, m := range []reading.Model{p.Summary.Model, p.Questions.Model} {
			if m.Zh != "" {
				p.Said = append(p.Said, p.Say(m.Zh, m.En))
			}
		}
	}
	return s.show(c, status, "patent-read", p)
}

// generated reports whether a model wrote any of the page.
func (p *patentReadPage) generated() bool {
	for _, x := range p.Summary.Sentences {
		if x.Generated {
			return true
		}
	}
	for _, x := range p.Questions.Questions {
		if x.Generated {
			return true
		}
	}
	if p.Differences != nil {
		for _, d := range p.Differences.List {
			if len(d.Compared) > 0 {
				return true
			}
		}
	}
	return false
}

// Zh names a code of a reading on the page.
func (patentReadPage) Zh(code any) string {
	switch x := code.(type) {
	case claim.Kind:
		return map[claim.Kind]string{claim.Independent: "独立", claim.Dependent: "从属", claim.Referring: "独立（引用在先）", claim.Unclear: "引用不清"}[x]
	case claim.Category:
		return map[claim.Category]string{claim.Product: "产品", claim.Method: "方法", claim.Use: "用途", claim.Unknown: "未知"}[x]
	case string:
		return map[string]string{
			"found": "有", "partly": "部分", "not_found": "未见", "yes": "相同", "no": "不同", "not_stated": "未写明", "problem": "问题", "means": "手段", "effect": "效果",
			"proposed": "待定", "accepted": "已采纳", "rejected": "已否决", "title": "名称", "abstract": "摘要", "claims": "权利要求", "description": "说明书",
		}[x]
	}
	return ""
}

// Feature reports whether a piece is an element of a claim.
func (patentReadPage) Feature(r claim.Role) bool {
	return r == claim.Preamble || r == claim.Characterising
}
