// Package pages is what officers and loan desks open in a browser: forms,
// queues, opinions and the sessions they sign in with.
//
// Start with [Register]. A page shows what a use case answers and decides
// nothing; each area has a file, its templates are in templates.
package pages

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"path"
	"strings"

	"zhijia/internal/appraisal"
	"zhijia/internal/arranger"
	"zhijia/internal/audit"
	"zhijia/internal/chain"
	"zhijia/internal/desk"
	"zhijia/internal/dossier"
	"zhijia/internal/fault"
	"zhijia/internal/fetch"
	"zhijia/internal/gate"
	"zhijia/internal/harness"
	"zhijia/internal/intake"
	"zhijia/internal/labelling"
	"zhijia/internal/ledger"
	"zhijia/internal/people"
	"zhijia/internal/product"
	"zhijia/internal/provider"
	"zhijia/internal/reading"
	"zhijia/internal/watch"

	"github.com/gin-gonic/gin"
)

// Options are the use cases that the pages show.
type Options struct {
	Appraisal *appraisal.Service
	Desk      *desk.Desk
	Watch     *watch.Service
	Intake    *intake.Service
	Ledger    *ledger.Service
	Dossier   *dossier.Dossiers
	Audit     *audit.Log
	Chain     *chain.Service
	Reading   *reading.Service
	Labels    *labelling.Service
	Products  *product.Service
	Arranger  *arranger.Service
	Eval      *harness.Service // nil: evaluation is off
	Fetch     *fetch.Service   // nil, or without a source: patents are not brought in by number

	Institution string             // of those whom the provider signs in; offered at the sign-in page
	Provider    *provider.Provider // nil: people sign in by password or key alone
}

// Server registers the pages at a gate.
type Server struct {
	opt  Options
	gate *gate.Gate
}

//go:embed templates
var pageFiles embed.FS

var pageTemplates = template.Must(template.New("").Funcs(template.FuncMap{"ordinal": func(i int) int { return i + 1 }}).ParseFS(pageFiles, "templates/*.html"))

// page is what every page's template is given.
type page struct {
	Title string
	Style template.CSS
	AIGC  string // label of generated content on the page
	Who   string
	CSRF  string // empty on a page without a session
	Menu  []menuItem
	Finds bool // may look for valuations
	Fault *gate.Problem
	Form  url.Values

	Wide    bool
	Refresh int // seconds; 0: the page does not reload itself
}

// newPage returns the frame of a page of the caller.
func (s *Server) newPage(c *gin.Context, title string) page {
	p := people.Of(c.Request.Context())
	pg := page{Title: title, Who: p.Name, CSRF: c.GetString(csrfKey), Form: url.Values{}}
	if pg.CSRF == "" {
		return pg
	}
	pg.Finds = p.May("GET /officer/valuations")
	for _, m := range menu {
		switch {
		case m.Path == "/officer" && !pg.Finds, !p.May("GET " + m.Path), m.Path == "/officer/evaluations" && s.opt.Eval == nil:
			continue
		}
		m.On = c.Request.URL.Path == m.Path || m.Path != "/officer" && strings.HasPrefix(c.Request.URL.Path, m.Path+"/")
		pg.Menu = append(pg.Menu, m)
	}
	return pg
}

// menuItem is a way to a page from every other.
type menuItem struct {
	Path, Name string
	On         bool // it is this page, or one below it
}

// menu is the ways to the pages, in order; a role is shown those it may open.
var menu = []menuItem{
	{Path: "/officer", Name: "工作台"},
	{Path: "/officer/valuations", Name: "估值"},
	{Path: "/officer/search", Name: "专利"},
	{Path: "/officer/patents", Name: "权利档案"},
	{Path: "/officer/batches", Name: "批量"},
	{Path: "/officer/book", Name: "在册"},
	{Path: "/officer/alerts", Name: "预警"},
	{Path: "/officer/watch", Name: "关注"},
	{Path: "/officer/proposals", Name: "待我处理"},
	{Path: "/officer/matches", Name: "核对"},
	{Path: "/officer/ledger", Name: "台账"},
	{Path: "/officer/lending", Name: "政策与额度"},
	{Path: "/officer/chain", Name: "一站式"},
	{Path: "/officer/rights", Name: "权利负担"},
	{Path: "/officer/schemes", Name: "方案库"},
	{Path: "/officer/products", Name: "更多产品"},
	{Path: "/officer/pools", Name: "证券化"},
	{Path: "/officer/statistics", Name: "统计"},
	{Path: "/officer/evaluations", Name: "评测"},
	{Path: "/officer/labels", Name: "盲标"},
	{Path: "/officer/imports", Name: "导入"},
	{Path: "/officer/people", Name: "人员"},
	{Path: "/officer/keys", Name: "密钥"},
	{Path: "/officer/audit", Name: "审计"},
	{Path: "/officer/egress", Name: "外发"},
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
	gate.NoteError(c, err)
	c.Abort()
	p := s.newPage(c, "未能完成")
	p.Fault = gate.ProblemOf(c.Request, err)
	if err := s.show(c, p.Fault.Status, "error", p); err != nil {
		gate.Fail(c, err)
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
	r := gate.Route{Method: method, Path: path, SignIn: s.authenticateSession, MaxBody: maxBody}
	if maxBody > 0 {
		r.Timeout = s.gate.ImportTimeout
	}
	s.gate.Handle(r, func(c *gin.Context) {
		c.Request.Header.Set("Accept-Language", "zh-CN") // the pages are Chinese; their faults are no other language's
		if err := handler(c); err != nil {
			s.failPage(c, err)
		}
	})
}

// assetTypes are the files beside the templates that a browser may fetch.
var assetTypes = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

// Register registers every page. It fails when one is missing from the access
// table.
func Register(g *gate.Gate, opt Options) error {
	if opt.Institution == "" {
		opt.Institution = "default"
	}
	s := &Server{opt: opt, gate: g}
	registerSessionPages(s)
	registerProposalPages(s)
	s.pageRoute(http.MethodGet, "/officer/assets/{asset}", func(c *gin.Context) error {
		name := path.Base(c.Param("asset"))
		b, err := pageFiles.ReadFile("templates/" + name)
		kind := assetTypes[path.Ext(name)]
		if err != nil || kind == "" {
			return fault.New(fault.NotFound, "asset.unknown", "没有这个文件。", "There is no such file.")
		}
		c.Header("Cache-Control", "max-age=600")
		c.Data(http.StatusOK, kind, b)
		return nil
	})
	registerValuationPages(s)
	registerFindPages(s)
	registerListPages(s)
	registerRunPages(s)
	registerFetchPages(s)
	registerDeskPages(s)
	registerRegistryPages(s)
	registerQueuePages(s)
	registerLedgerPages(s)
	registerChainPages(s)
	registerPatentReadPages(s)
	registerLabelPages(s)
	registerProductPages(s)
	s.pageRoute(http.MethodGet, "/officer/egress", s.showEgress)
	s.pageRoute(http.MethodGet, "/", func(c *gin.Context) error {
		c.Redirect(http.StatusSeeOther, "/officer")
		return nil
	})
	return g.Listed()
}
