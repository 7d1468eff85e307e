package pages

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"zhijia/internal/encumbrance"
	"zhijia/internal/fault"
	"zhijia/internal/gate"
	"zhijia/internal/people"
	"zhijia/internal/product"
	"zhijia/internal/productfile"
	"zhijia/internal/ruling"
)

const productLines = 30

type (
	productsPage struct {
		page
		Kinds   []product.Kind
		Kind    *product.Kind
		Results []productLine
		Next    string
		Figures []productFigure
		May     bool
	}
	productLine   struct{ ID, Kind, Verdict, Tone, Label, Version, Made string }
	productFigure struct{ Name, Value, Unit, Source string }

	productPage struct {
		page
		Kept   product.Kept
		Line   productLine
		Kind   *product.Kind
		Gaps   []ruling.Finding // what is no pass, the gravest first
		Passes int
		Supply []string
		Facts  [][]string
		Sheets []productfile.Sheet
		Commit bool // its rights may be put into the ledger
	}
)

// Tones of a verdict are those of an alert.
var verdictTone = map[ruling.Verdict]string{ruling.Refuse: "red", ruling.Supplement: "yellow"}

func lineOf(d *product.Decided) productLine {
	l := productLine{ID: d.ID, Kind: d.Kind, Verdict: d.Verdict.Zh(), Tone: verdictTone[d.Verdict], Label: d.Label, Version: d.Version, Made: shortTime(d.CreatedAt) + " " + d.CreatedBy}
	if k, err := product.ByName(d.Kind); err == nil {
		l.Kind = k.Zh
	}
	return l
}

func registerProductPages(s *Server) {
	s.pageRoute(http.MethodGet, "/officer/products", func(c *gin.Context) error { return s.showProducts(c, http.StatusOK, nil, nil) })
	s.pageRoute(http.MethodGet, "/officer/products/{kind}", func(c *gin.Context) error {
		k, err := product.ByName(c.Param("kind"))
		if err != nil {
			return err
		}
		return s.showProducts(c, http.StatusOK, k, nil)
	})
	s.filePageRoute(http.MethodPost, "/officer/products/{kind}", 32<<20, s.decideProduct)
	s.pageRoute(http.MethodGet, "/officer/products/{kind}/file", func(c *gin.Context) error {
		k, err := product.ByName(c.Param("kind"))
		if err != nil {
			return err
		}
		if c.Query("example") == "1" {
			return sendBook(c, k, k.Example(1), false, k.Name+"-example", k.Zh+"示例")
		}
		return sendBook(c, k, k.Template(), true, k.Name+"-template", k.Zh+"模板")
	})
	s.pageRoute(http.MethodGet, "/officer/product-results/{id}", s.showProduct)
	s.pageRoute(http.MethodPost, "/officer/product-results/{id}/commit", s.commitProduct)
	s.pageRoute(http.MethodGet, "/officer/product-results/{id}/file", func(c *gin.Context) error {
		kept, err := s.opt.Products.Get(c.Request.Context(), people.Of(c.Request.Context()).Institution, c.Param("id"))
		if err != nil {
			return err
		}
		k, result, err := kept.Typed()
		if err != nil {
			return err
		}
		return sendBook(c, k, result, false, k.Name+"-result", k.Zh+"结果")
	})
}

func sendBook(c *gin.Context, k *product.Kind, v any, template bool, plain, name string) error {
	var b bytes.Buffer
	if err := k.Write(&b, "x.xlsx", v, template); err != nil {
		return err
	}
	gate.Attach(c, gate.XLSX, plain+".xlsx", name+".xlsx")
	c.Data(http.StatusOK, gate.XLSX, b.Bytes())
	return nil
}

// showProducts lists the products with the kept results; of one product also its
// form and the figures it rests on.
func (s *Server) showProducts(c *gin.Context, status int, k *product.Kind, problem error) error {
	p := people.Of(c.Request.Context())
	title, name := "更多产品", ""
	if k != nil {
		title, name = k.Zh, k.Name
	}
	v := productsPage{page: s.newPage(c, title), Kinds: product.Kinds, Kind: k, May: p.May("POST /officer/products/{kind}")}
	v.Wide = true
	found, next, err := s.opt.Products.List(c.Request.Context(), p.Institution, name, c.Query("cursor"), productLines)
	if err != nil {
		return err
	}
	v.Next = next
	for i := range found {
		v.Results = append(v.Results, lineOf(&found[i]))
	}
	if k != nil {
		book := k.Rules()
		for _, name := range slices.Sorted(maps.Keys(book.Figures)) {
			f := book.Figures[name]
			line := productFigure{name, "没有找到：" + f.Note, f.Unit, f.Source}
			if f.Value != nil {
				raw, _ := json.Marshal(*f.Value) // a number
				line.Value = string(raw)
			}
			v.Figures = append(v.Figures, line)
		}
	}
	if problem != nil {
		v.Fault = gate.ProblemOf(c.Request, problem)
	}
	return s.show(c, status, "products", v)
}

func (s *Server) decideProduct(c *gin.Context) error {
	k, err := product.ByName(c.Param("kind"))
	if err != nil {
		return err
	}
	again := func(err error) error {
		gate.NoteError(c, err)
		return s.showProducts(c, fault.KindOf(err).HTTPStatus(), k, err)
	}
	head, err := c.FormFile("file")
	if err != nil {
		return again(gate.ErrNoFile)
	}
	file, err := head.Open()
	if err != nil {
		return err
	}
	defer file.Close()
	in, err := k.Read(file, path.Base(head.Filename))
	if err == nil {
		var d product.Decided
		if d, err = s.opt.Products.Keep(c.Request.Context(), people.Of(c.Request.Context()).Actor(), k, in); err == nil {
			c.Redirect(http.StatusSeeOther, "/officer/product-results/"+d.ID)
			return nil
		}
	}
	if kind := fault.KindOf(err); kind == fault.Invalid || kind == fault.NotFound || kind == fault.TooLarge || kind == fault.Unsupported {
		return again(err)
	}
	return err
}

// commitProduct puts the rights of a kept case into the ledger.
func (s *Server) commitProduct(c *gin.Context) error {
	get, err := posted(c)
	if err != nil {
		return err
	}
	_, err = s.opt.Products.Commit(c.Request.Context(), people.Of(c.Request.Context()).Actor(), c.Param("id"), product.Commitment{
		Reference: get("reference"), State: encumbrance.State(get("state")), Registration: get("registration"), Evidence: get("evidence"),
	})
	if err != nil {
		gate.NoteError(c, err)
		switch fault.KindOf(err) {
		case fault.Invalid, fault.Conflict:
			return s.showProductWith(c, err)
		}
		return err
	}
	c.Redirect(http.StatusSeeOther, "/officer/rights")
	return nil
}

// showProduct shows a kept result: the verdict, what is no pass and what to supply
// first, then the figures and tables.
func (s *Server) showProduct(c *gin.Context) error { return s.showProductWith(c, nil) }

func (s *Server) showProductWith(c *gin.Context, problem error) error {
	kept, err := s.opt.Products.Get(c.Request.Context(), people.Of(c.Request.Context()).Institution, c.Param("id"))
	if err != nil {
		return err
	}
	k, result, err := kept.Typed()
	if err != nil {
		return err
	}
	raw, _ := kept.Result.(json.RawMessage)
	var sum struct {
		Decision ruling.Decision `json:"decision"`
	}
	if err := json.Unmarshal(raw, &sum); err != nil {
		return err
	}
	v := productPage{page: s.newPage(c, k.Zh), Kept: kept, Line: lineOf(&kept.Decided), Kind: k, Supply: sum.Decision.Supply}
	v.Wide = true
	v.Commit = k.Name != "gi" && k.Name != "listing" && kept.Verdict != ruling.Refuse && people.Of(c.Request.Context()).May("POST /officer/product-results/{id}/commit")
	status := http.StatusOK
	if problem != nil {
		v.Fault = gate.ProblemOf(c.Request, problem)
		status = v.Fault.Status
	}
	for _, f := range sum.Decision.Findings {
		if f.Outcome == ruling.Pass {
			v.Passes++
		} else {
			v.Gaps = append(v.Gaps, f)
		}
	}
	for i, t := range productfile.Sheets(result, false) {
		if i > 0 {
			if t.Path != "decision.findings" {
				v.Sheets = append(v.Sheets, t)
			}
			continue
		}
		for _, row := range t.Rows[1:] {
			if row[1] != "" && !strings.HasPrefix(row[0], "结论") {
				v.Facts = append(v.Facts, row)
			}
		}
	}
	return s.show(c, status, "product", v)
}
