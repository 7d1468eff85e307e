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
	"zhijia/internal/opinion"
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
	Menu  []menuGroup
	Finds bool // may look for valuations

	English bool   // the page is read in English
	Other   string // address of the page in the other language

	Fault *gate.Problem
	Form  url.Values

	Wide    bool
	Refresh int // seconds; 0: the page does not reload itself
}

// newPage returns the frame of a page of the caller.
func (s *Server) newPage(c *gin.Context, title string) page {
	p := people.Of(c.Request.Context())
	pg := page{Title: title, Who: p.Name, CSRF: c.GetString(csrfKey), Form: url.Values{}, English: c.GetBool(englishKey)}
	pg.Other = otherLanguage(c, pg.English)
	if pg.CSRF == "" {
		return pg
	}
	pg.Finds = p.May("GET /officer/valuations")
	for _, g := range menu {
		shown := menuGroup{Name: g.Name}
		for _, m := range g.Items {
			switch {
			case m.Path == "/officer" && !pg.Finds, !p.May("GET " + m.Path), m.Path == "/officer/evaluations" && s.opt.Eval == nil:
				continue
			}
			m.On = c.Request.URL.Path == m.Path || m.Path != "/officer" && strings.HasPrefix(c.Request.URL.Path, m.Path+"/")
			shown.On = shown.On || m.On
			shown.Items = append(shown.Items, m)
		}
		if len(shown.Items) > 0 {
			pg.Menu = append(pg.Menu, shown)
		}
	}
	return pg
}

// Say is the one of two texts that the page is read in.
func (p page) Say(zh, en string) string {
	if p.English && en != "" {
		return en
	}
	return zh
}

// tongue is the language that an opinion on the page is written in.
func (p page) tongue() opinion.Lang {
	if p.English {
		return opinion.En
	}
	return opinion.Zh
}

// tongueOf is the language that the caller reads.
func tongueOf(c *gin.Context) opinion.Lang { return page{English: c.GetBool(englishKey)}.tongue() }

// menuItem is a way to a page from every other.
type menuItem struct {
	Path, Name string
	On         bool // it is this page, or one below it
}

// menuGroup is the pages of one job. One without a name stands open.
type menuGroup struct {
	Name  string
	Items []menuItem
	On    bool // the page is one of them
}

// menu is the ways to the pages by job, in the order in which a file goes through
// the house; a role is shown those it may open.
var menu = []menuGroup{
	{Items: []menuItem{{Path: "/officer", Name: "工作台"}, {Path: "/officer/proposals", Name: "待我处理"}}},
	{Name: "估值", Items: []menuItem{{Path: "/officer/valuations", Name: "查找估值"}, {Path: "/officer/search", Name: "查找专利"}, {Path: "/officer/patents", Name: "权利档案"}, {Path: "/officer/reading", Name: "读专利"}}},
	{Name: "贷款", Items: []menuItem{{Path: "/officer/batches", Name: "批量"}, {Path: "/officer/book", Name: "在册"}, {Path: "/officer/alerts", Name: "预警"}, {Path: "/officer/watch", Name: "关注"}, {Path: "/officer/chain", Name: "一站式"}, {Path: "/officer/rights", Name: "权利负担"}, {Path: "/officer/statistics", Name: "统计"}}},
	{Name: "规则", Items: []menuItem{{Path: "/officer/lending", Name: "政策与额度"}, {Path: "/officer/schemes", Name: "方案库"}}},
	{Name: "市场", Items: []menuItem{{Path: "/officer/ledger", Name: "台账"}, {Path: "/officer/matches", Name: "核对"}, {Path: "/officer/pools", Name: "证券化"}, {Path: "/officer/products", Name: "更多产品"}}},
	{Name: "检验", Items: []menuItem{{Path: "/officer/evaluations", Name: "评测"}, {Path: "/officer/labels", Name: "盲标"}, {Path: "/officer/audit", Name: "审计"}, {Path: "/officer/egress", Name: "外发"}}},
	{Name: "管理", Items: []menuItem{{Path: "/officer/imports", Name: "导入"}, {Path: "/officer/people", Name: "人员"}, {Path: "/officer/keys", Name: "密钥"}}},
}

// show renders a page. It is written only when the template succeeded.
func (s *Server) show(c *gin.Context, status int, name string, data any) error {
	var b bytes.Buffer
	if err := pageTemplates.ExecuteTemplate(&b, name, data); err != nil {
		return err
	}
	s.send(c, status, b.Bytes())
	return nil
}

// send writes a finished page in the language that the caller reads.
func (s *Server) send(c *gin.Context, status int, page []byte) {
	if c.GetBool(englishKey) {
		page = inEnglish(page)
	}
	c.Data(status, "text/html; charset=utf-8", page)
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

// englishKey says in a request that its page is read in English.
const englishKey = "zhijia.english"

// pageRoute registers a page. Pages sign in by session and are not part of the
// specification.
func (s *Server) pageRoute(method, path string, handler func(*gin.Context) error) {
	s.filePageRoute(method, path, 0, handler)
}

// filePageRoute registers a page that takes or gives a file; 0 maxBody is the
// limit of any request.
func (s *Server) filePageRoute(method, path string, maxBody int64, handler func(*gin.Context) error) {
	r := gate.Route{Method: method, Path: path, SignIn: s.authenticateSession, MaxBody: maxBody, Fail: s.failPage}
	if maxBody > 0 {
		r.Timeout = s.gate.ImportTimeout
	}
	s.gate.Handle(r, func(c *gin.Context) {
		// A page and its faults are of one language: the one chosen, whatever the browser asks for.
		c.Request.Header.Set("Accept-Language", "zh-CN")
		if s.inEnglishTo(c) {
			c.Set(englishKey, true)
			c.Request.Header.Set("Accept-Language", "en")
		}
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
