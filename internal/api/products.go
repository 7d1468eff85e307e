package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/gate"
	"zhijia/internal/money"
	"zhijia/internal/people"
	"zhijia/internal/product"
	"zhijia/internal/productfile"
	"zhijia/internal/ruling"
)

// Products share one shape: a case in, a decision out, kept. Like pools they have a
// registry of schemas of their own, in which no field is required: what is left out
// is unknown.

// ProductDecided is a case decided and kept.
type ProductDecided struct {
	ID        string          `json:"id"`
	Kind      string          `json:"kind" enum:"lease,fund,mark,insurance,listing,gi"`
	Version   string          `json:"version" doc:"Of the rules and figures."`
	CreatedAt string          `json:"created_at"`
	CreatedBy string          `json:"created_by"`
	Label     string          `json:"label,omitempty" doc:"Generated data says so."`
	Verdict   string          `json:"verdict" enum:"refuse,supplement,accept" doc:"不予受理、需补充、可受理. What is not known is never a pass."`
	Result    json.RawMessage `json:"result"`
}

// ProductKept is a kept case with its input.
type ProductKept struct {
	ProductDecided
	Input json.RawMessage `json:"input"`
}

// ProductResultList is one page of results.
type ProductResultList struct {
	Results []ProductDecided `json:"results" doc:"Without their bodies."`
	Page
}

type productRoutes struct {
	s       *Server
	schemas huma.Registry
}

func registerProducts(api huma.API, s *Server) {
	p := &productRoutes{s: s}
	p.schemas = huma.NewMapRegistry("#/components/schemas/", func(t reflect.Type, hint string) string {
		return "Product" + strings.TrimPrefix(schemaName(t, hint), "Product")
	})
	p.schemas.RegisterTypeAlias(reflect.TypeFor[calendar.Date](), reflect.TypeFor[dateSchema]())
	p.schemas.RegisterTypeAlias(reflect.TypeFor[money.Fen](), reflect.TypeFor[moneySchema]())
	p.schemas.RegisterTypeAlias(reflect.TypeFor[json.RawMessage](), reflect.TypeFor[anySchema]())
	for i := range product.Kinds {
		k := &product.Kinds[i]
		id := strings.TrimSuffix(k.Route, "s")
		p.route("decide-"+id, "POST /v1/"+k.Route, k.Zh+" "+k.En+": decide a case and keep it", k.Input, k.Output, 201, p.decide(k, "input.json"))
		p.route("import-"+id, "POST /v1/"+k.Route+":import", k.Zh+" "+k.En+": decide a case from an XLSX workbook, a CSV or a zip of CSV files", nil, k.Output, 201, p.decide(k, ""))
		p.route("example-"+id, "GET /v1/"+k.Route+":example", k.Zh+" "+k.En+": a generated case, labelled so", nil, k.Input, 200, func(c *gin.Context) error {
			seed, err := strconv.ParseUint(c.DefaultQuery("seed", "1"), 10, 63)
			if err != nil {
				return fault.New(fault.Invalid, "field.range", "seed 应为非负整数。", "seed must be a whole number, not negative.")
			}
			return p.send(c, http.StatusOK, k, k.Example(seed))
		})
		p.route("rules-"+id, "GET /v1/"+k.Route+":rules", k.Zh+" "+k.En+": rules and figures with their sources; what nobody could find is null and says so", nil, reflect.TypeFor[ruling.Book](), 200, func(c *gin.Context) error {
			return answer(c, http.StatusOK, k.Rules())
		})
	}
	p.route("list-product-results", "GET /v1/product-results", "产品结果列表 Kept results, newest first", nil, reflect.TypeFor[ProductResultList](), 200, p.list)
	p.route("get-product-result", "GET /v1/product-results/{id}", "产品结果 A kept result with its input: ?format=json (default), xlsx or csv", nil, reflect.TypeFor[ProductKept](), 200, p.get)
	p.route("replay-product-result", "POST /v1/product-results/{id}:replay", "重算 Work a kept case out again and compare to the byte", nil, reflect.TypeFor[product.Replay](), 200, func(c *gin.Context) error {
		out, err := s.opt.Products.Replay(c.Request.Context(), people.Of(c.Request.Context()).Institution, c.Param("id"))
		if err != nil {
			return err
		}
		return answer(c, http.StatusOK, out)
	})
	type committed struct {
		Entries int `json:"entries" doc:"Uses of rights taken into the ledger."`
	}
	p.route("commit-product-result", "POST /v1/product-results/{id}:commit", "登记台账 Put the rights of a kept lease, pledge of marks, cover or fund into the ledger of rights", reflect.TypeFor[product.Commitment](), reflect.TypeFor[committed](), 200, func(c *gin.Context) error {
		b, err := body(c)
		if err != nil {
			return err
		}
		var in product.Commitment
		if len(bytes.TrimSpace(b)) > 0 {
			if err := productfile.DecodeJSON(b, &in); err != nil {
				return err
			}
		}
		n, err := s.opt.Products.Commit(c.Request.Context(), people.Of(c.Request.Context()).Actor(), c.Param("id"), in)
		if err != nil {
			return err
		}
		return answer(c, http.StatusOK, committed{n})
	})

	all := api.OpenAPI().Components.Schemas.Map()
	for name, schema := range p.schemas.Map() {
		schema.Required = nil // a field left out is unknown
		all[name] = schema
	}
}

// route registers one operation. Bodies of decisions are the result inside
// [ProductDecided].
func (p *productRoutes) route(id, name, summary string, in, out reflect.Type, status int, handler func(*gin.Context) error) {
	method, at, _ := strings.Cut(name, " ")
	op := huma.Operation{OperationID: id, Method: method, Path: at, Summary: summary, Tags: []string{"products"}, DefaultStatus: status, Metadata: map[string]any{metaMaxBody: int64(maxDealBody)}}
	query := func(name, doc string, schema *huma.Schema) {
		op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "query", Schema: schema, Description: doc})
	}
	if strings.Contains(at, "{id}") {
		op.Parameters = append(op.Parameters, &huma.Param{Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}})
	}
	schema := p.schemas.Schema(out, true, "")
	formats := &huma.Schema{Type: huma.TypeString, Enum: []any{"json", "xlsx", "csv"}}
	content := map[string]*huma.MediaType{}
	switch {
	case status == 201:
		frame := p.schemas.Schema(reflect.TypeFor[ProductDecided](), true, "")
		schema = &huma.Schema{AllOf: []*huma.Schema{frame, {Type: huma.TypeObject, Properties: map[string]*huma.Schema{"result": schema}}}}
		op.Metadata[metaIdempotent] = true
		op.Parameters = append(op.Parameters, idempotencyParam)
	case id == "list-product-results":
		low, high := 1.0, 1000.0
		query("kind", "One product; none: all.", &huma.Schema{Type: huma.TypeString, Enum: []any{"lease", "fund", "mark", "insurance", "listing", "gi"}})
		query("cursor", "The next_cursor of the page before; none: from the beginning.", &huma.Schema{Type: huma.TypeString})
		query("limit", "Lines of a page.", &huma.Schema{Type: huma.TypeInteger, Default: 100, Minimum: &low, Maximum: &high})
	case strings.HasPrefix(id, "example-"):
		query("seed", "The same seed gives the same case.", &huma.Schema{Type: huma.TypeInteger, Default: 1})
		query("format", "json (default), xlsx or csv", formats)
		content[gate.XLSX] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	case id == "get-product-result":
		query("format", "json (default), xlsx or csv", formats)
		content[gate.XLSX] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	}
	content["application/json"] = &huma.MediaType{Schema: schema}
	switch {
	case in != nil:
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: p.schemas.Schema(in, true, "")}}}
	case strings.HasSuffix(at, ":import"):
		binary := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{gate.XLSX: binary, "text/csv": binary, "application/zip": binary}}
	}
	op.Responses = map[string]*huma.Response{fmt.Sprint(status): {Description: "OK", Content: content}}
	p.s.raw(op, handler)
}

func (p *productRoutes) decide(k *product.Kind, name string) func(*gin.Context) error {
	return func(c *gin.Context) error {
		b, err := body(c)
		if err != nil {
			return err
		}
		in, err := k.Read(bytes.NewReader(b), name)
		if err != nil {
			return err
		}
		d, err := p.s.opt.Products.Keep(c.Request.Context(), people.Of(c.Request.Context()).Actor(), k, in)
		if err != nil {
			return err
		}
		c.Header("Location", "/v1/product-results/"+d.ID)
		return answer(c, http.StatusCreated, d)
	}
}

func (p *productRoutes) list(c *gin.Context) error {
	limit := 100
	if text := c.Query("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 1000 {
			return fault.New(fault.Invalid, "field.range", "limit 应为 1 至 1000。", "The limit must be 1 to 1000.", fault.Field{Field: "query.limit", Code: "field.range", Zh: "应为 1 至 1000", En: "must be 1 to 1000"})
		}
		limit = n
	}
	found, next, err := p.s.opt.Products.List(c.Request.Context(), people.Of(c.Request.Context()).Institution, c.Query("kind"), c.Query("cursor"), limit)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, struct {
		Results []product.Decided `json:"results"`
		Page
	}{append([]product.Decided{}, found...), pageTo(next)})
}

func (p *productRoutes) get(c *gin.Context) error {
	kept, err := p.s.opt.Products.Get(c.Request.Context(), people.Of(c.Request.Context()).Institution, c.Param("id"))
	if err != nil {
		return err
	}
	if c.DefaultQuery("format", "json") == "json" {
		return answer(c, http.StatusOK, kept)
	}
	k, result, err := kept.Typed()
	if err != nil {
		return err
	}
	return p.send(c, http.StatusOK, k, result)
}

// send answers with a case or result in the format asked for.
func (p *productRoutes) send(c *gin.Context, status int, k *product.Kind, v any) error {
	var b bytes.Buffer
	switch format := c.DefaultQuery("format", "json"); format {
	case "json":
		return answer(c, status, v)
	case "xlsx", "csv":
		if err := k.Write(&b, "x."+format, v, false); err != nil {
			return err
		}
		kind := map[string]string{"xlsx": gate.XLSX, "csv": "text/csv; charset=utf-8"}[format]
		gate.Attach(c, kind, k.Name+"."+format, k.Zh+"."+format)
		c.Data(status, kind, b.Bytes())
		return nil
	}
	return fault.New(fault.Invalid, "product.format", "format 应为 json、xlsx 或 csv。", "format must be json, xlsx or csv.", fault.Field{Field: "query.format", Code: "field.enum", Zh: "取值须为 json、xlsx、csv 之一", En: "must be json, xlsx or csv"})
}
