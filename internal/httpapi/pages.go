package httpapi

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"zhijia/internal/fault"
)

//go:embed pages
var pageFiles embed.FS

var pageTemplates = template.Must(template.ParseFS(pageFiles, "pages/*.html"))

// page is what every page's template is given.
type page struct {
	Title string
	Style template.CSS
	AIGC  string // label of generated content on the page
	Who   string
	CSRF  string // empty on a page without a session
	Fault *Problem
	Form  url.Values

	Wide    bool
	Refresh int // seconds; 0: the page does not reload itself
}

// newPage returns the frame of a page of the caller.
func (s *Server) newPage(c *gin.Context, title string) page {
	p, _ := principalOf(c.Request.Context())
	return page{Title: title, Who: p.Name, CSRF: c.GetString(csrfKey), Form: url.Values{}}
}

// show renders a page. It is written only when the template succeeded.
func (s *Server) show(c *gin.Context, status int, name string, data any) error {
	var b bytes.Buffer
	if err := pageTemplates.ExecuteTemplate(&b, name, data); err != nil {
		return err
	}
	c.Data(status, "text/html; charset=utf-8", b.Bytes())
	return nil
}

// failPage shows an error as a page.
func (s *Server) failPage(c *gin.Context, err error) {
	noteError(c, err)
	c.Abort()
	p := s.newPage(c, "未能完成")
	p.Fault = problemOf(c.Request, err)
	if err := s.show(c, p.Fault.Status, "error", p); err != nil {
		fail(c, err)
	}
}

// pageRoute registers a page. Pages sign in by session and are not part of the
// specification.
func (s *Server) pageRoute(method, path string, handler func(*gin.Context) error) {
	s.filePageRoute(method, path, 0, handler)
}

// filePageRoute registers a page that takes or gives a file; 0 maxBody is the
// limit of any request.
func (s *Server) filePageRoute(method, path string, maxBody int64, handler func(*gin.Context) error) {
	op := &huma.Operation{Method: method, Path: path, Metadata: map[string]any{metaSession: true}}
	if maxBody > 0 {
		op.Metadata[metaMaxBody], op.Metadata[metaTimeout] = maxBody, s.opt.ImportTimeout
	}
	s.route(op, func(c *gin.Context) {
		if err := handler(c); err != nil {
			s.failPage(c, err)
		}
	})
}

func registerPages(_ huma.API, s *Server) {
	s.pageRoute(http.MethodGet, "/officer/login", func(c *gin.Context) error {
		return s.show(c, http.StatusOK, "login", s.newPage(c, "登录"))
	})
	s.pageRoute(http.MethodPost, "/officer/login", func(c *gin.Context) error {
		p, err := s.checkKey(c.Request.Context(), strings.TrimSpace(c.PostForm("key")))
		if err == nil && !permitted(p.Roles, pageRoles) {
			err = errRole
		}
		if err != nil {
			noteError(c, err)
			pg := s.newPage(c, "登录")
			pg.Fault = problemOf(c.Request, err)
			return s.show(c, pg.Fault.Status, "login", pg)
		}
		s.startSession(c, p)
		c.Redirect(http.StatusSeeOther, "/officer")
		return nil
	})
	s.pageRoute(http.MethodPost, "/officer/logout", func(c *gin.Context) error {
		s.setCookie(c, "", s.opt.Now().Add(-sessionLifetime))
		c.Redirect(http.StatusSeeOther, "/officer/login")
		return nil
	})
	s.pageRoute(http.MethodGet, "/officer/assets/{asset}", func(c *gin.Context) error {
		name := path.Base(c.Param("asset"))
		b, err := pageFiles.ReadFile("pages/" + name)
		if err != nil || path.Ext(name) != ".css" {
			return fault.New(fault.NotFound, "asset.unknown", "没有这个文件。", "There is no such file.")
		}
		c.Data(http.StatusOK, assetTypes[".css"], b)
		return nil
	})
	registerValuationPages(s)
	registerDeskPages(s)
	registerRegistryPages(s)
	registerQueuePages(s)
	s.pageRoute(http.MethodGet, "/", func(c *gin.Context) error {
		c.Redirect(http.StatusSeeOther, "/officer")
		return nil
	})
}
