package pages

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"zhijia/internal/fault"
	"zhijia/internal/fetch"
	"zhijia/internal/gate"
	"zhijia/internal/people"
)

// offer is what stands where a patent is not in the store: the button that
// brings it in, or why there is none.
type offer struct {
	Number  string // empty: nothing is offered
	Sources string // of the configured ones, their names; empty: none
	May     bool   // the caller may
}

// offered says whether a patent may be brought in by its number.
func (s *Server) offered(c *gin.Context, number string) offer {
	o := offer{Number: number, May: people.Of(c.Request.Context()).May("POST /officer/fetch")}
	if s.opt.Fetch == nil {
		return o
	}
	var names []string
	for _, id := range s.opt.Fetch.Sources() {
		names = append(names, fetch.NameOf(id))
	}
	o.Sources = strings.Join(names, "、")
	return o
}

// registerFetchPages registers the button that brings a patent in.
func registerFetchPages(s *Server) {
	s.filePageRoute(http.MethodPost, "/officer/fetch", 1<<20, s.fetchPatent) // as long as an import may take
}

// fetchPatent brings one patent in and goes back to where it was missed.
func (s *Server) fetchPatent(c *gin.Context) error {
	ctx := c.Request.Context()
	number := strings.TrimSpace(c.PostForm("number"))
	form := url.Values{"number": {number}}
	again := func(err error) error {
		switch k := fault.KindOf(err); k {
		case fault.Invalid, fault.NotFound, fault.Unavailable, fault.RateLimited:
			gate.NoteError(c, err)
			return s.showDossier(c, k.HTTPStatus(), form, nil, err)
		}
		return err
	}
	if s.opt.Fetch == nil {
		return again(fault.New(fault.Unavailable, "source.none", "未配置任何来源，请导入文件。", "No source is configured; import a file."))
	}
	rep, err := s.opt.Fetch.Get(ctx, people.Of(ctx).Actor(), []string{number}, fetch.Options{Again: c.PostForm("again") != ""})
	if err != nil {
		return again(err)
	}
	switch r := rep.Results[0]; r.State {
	case "found":
		to := "/officer/patents?number="
		if c.PostForm("to") == "value" {
			to = "/officer?number="
		}
		c.Redirect(http.StatusSeeOther, to+url.QueryEscape(r.Number))
		return nil
	case "missing":
		zh := "所配来源没有这件专利："
		for i, o := range r.Outcomes {
			if i > 0 {
				zh += "；"
			}
			zh += fetch.NameOf(o.Source) + "（" + o.Zh + "）"
		}
		return again(fault.New(fault.NotFound, r.Code, zh+"。请核对号码，或导入文件。", "The sources do not have it."))
	case "refused":
		return again(fault.New(fault.Invalid, r.Code, r.Zh, r.En))
	default:
		return again(fault.New(fault.Unavailable, r.Code, r.Zh, r.En))
	}
}
