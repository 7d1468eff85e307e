// Package api is the REST API under /v1 and its specification.
//
// Start with [New], which registers every route at the gate. Each resource has
// a file with a register function. Handlers are huma operations, so the
// OpenAPI document is made from the types they use; what huma does not do
// (streamed uploads, events) is registered with raw.
package api

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"path"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"

	"zhijia/internal/appraisal"
	"zhijia/internal/arranger"
	"zhijia/internal/audit"
	"zhijia/internal/calendar"
	"zhijia/internal/chain"
	"zhijia/internal/desk"
	"zhijia/internal/dossier"
	"zhijia/internal/fetch"
	"zhijia/internal/gate"
	"zhijia/internal/harness"
	"zhijia/internal/intake"
	"zhijia/internal/ledger"
	"zhijia/internal/product"
	"zhijia/internal/reading"
	"zhijia/internal/strict"
	"zhijia/internal/watch"
)

// Options are the use cases that the API offers. The specification alone needs
// none of them.
type Options struct {
	Appraisal *appraisal.Service
	Desk      *desk.Desk
	Arranger  *arranger.Service
	Watch     *watch.Service
	Intake    *intake.Service
	Ledger    *ledger.Service
	Dossier   *dossier.Dossiers
	Fetch     *fetch.Service // nil: no source is configured
	Products  *product.Service
	Audit     *audit.Log
	Chain     *chain.Service
	Reading   *reading.Service
	Eval      *harness.Service  // nil: evaluation is off
	Days      *calendar.Working // default: as shipped
	Version   string            // of the program, shown in the specification; default dev
}

// Server registers the API's routes at a gate. Create it with [New].
type Server struct {
	opt  Options
	gate *gate.Gate
	api  huma.API

	problemSchema *huma.Schema
}

// New registers every route. It fails when one is missing from the access
// table.
func New(g *gate.Gate, opt Options) (*Server, error) {
	if opt.Version == "" {
		opt.Version = "dev"
	}
	if opt.Days == nil {
		opt.Days = calendar.Shipped()
	}
	useProblems()
	s := &Server{opt: opt, gate: g}
	s.api = huma.NewAPI(s.specification(), adapter{s})
	s.problemSchema = s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[gate.Problem](), true, "Problem")
	for _, register := range resources {
		register(s.api, s)
	}
	tellMore(s.api.OpenAPI().Components.Schemas)
	return s, g.Listed()
}

// resources are the register functions, one per file.
var resources = []func(huma.API, *Server){
	registerHealth,
	registerDocs,
	registerEgress,
	registerEval,
	registerKeys,
	registerPeople,
	registerBatches,
	registerLending,
	registerBook,
	registerClasses,
	registerWorkbench,
	registerDeals,
	registerLedger,
	registerPools,
	registerProducts,
	registerPatents,
	registerFetch,
	registerReading,
	registerRegistry,
	registerWatch,
	registerMatches,
	registerOffers,
	registerChain,
	registerImports,
	registerValuations,
}

// specification is the frame of the OpenAPI document. The library's own
// documentation page and schema links are off: the one needs a public network,
// the other adds a field to every reply.
func (s *Server) specification() huma.Config {
	c := huma.DefaultConfig("Zhijia 知价", s.opt.Version)
	c.Info.Description = "专利估值参考意见服务。Reference opinions on the value of patents: a figure with a range, the priced deals behind it, the reasons and the date. 本服务的输出是估值参考意见，不是资产评估报告。"
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", ""
	c.CreateHooks = nil
	c.Servers = []*huma.Server{{URL: "/", Description: "The service this document comes from."}}
	c.Components.Headers = headers()
	c.OnAddOperation = append(c.OnAddOperation, describeHeaders)
	c.Components.Schemas = huma.NewMapRegistry(schemaPrefix, schemaName)
	c.RejectUnknownQueryParameters = true
	c.Formats = map[string]huma.Format{
		"application/json": {Marshal: marshalJSON, Unmarshal: unmarshalStrict},
		"json":             {Marshal: marshalJSON, Unmarshal: unmarshalStrict},
	}
	c.DefaultFormat = "application/json"
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"key": {Type: "http", Scheme: "bearer", BearerFormat: "zj_<id>_<secret>", Description: "API key made by `zhijia keys create`."},
	}
	c.Security = []map[string][]string{{"key": {}}}
	for t, alias := range aliases {
		c.Components.Schemas.RegisterTypeAlias(t, alias)
	}
	return c
}

// headers the gate sets, whatever the operation.
func headers() map[string]*huma.Header {
	whole := func(doc string) *huma.Header {
		return &huma.Header{Description: doc, Schema: &huma.Schema{Type: huma.TypeInteger}}
	}
	return map[string]*huma.Header{
		"RateLimit-Limit":     whole("Requests the key may make at once; absent where no rate is set."),
		"RateLimit-Remaining": whole("Requests left now."),
		"RateLimit-Reset":     whole("Seconds until all are there again."),
		"Retry-After":         whole("Seconds to wait before the next try, with 429 and 503."),
	}
}

// describeHeaders refers to [headers] in each reply; only a problem says when to come back.
func describeHeaders(_ *huma.OpenAPI, op *huma.Operation) {
	for status, r := range op.Responses {
		if r.Headers == nil {
			r.Headers = map[string]*huma.Param{}
		}
		for name := range headers() {
			if name != "Retry-After" || status == "default" {
				r.Headers[name] = &huma.Param{Ref: "#/components/headers/" + name}
			}
		}
	}
}

// schemaName names a type's schema. Types of other packages carry the
// package's name: two of them may share their own.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	pkg, ours := strings.CutPrefix(t.PkgPath(), "zhijia/internal/")
	pkg = path.Base(pkg)
	if ours && t.Name() != "" && pkg != "api" && pkg != "gate" && pkg != "people" && !strings.HasPrefix(strings.ToLower(name), pkg) {
		name = strings.ToUpper(pkg[:1]) + pkg[1:] + name
	}
	return name
}

func marshalJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// OpenAPI returns the specification as indented JSON.
func (s *Server) OpenAPI() ([]byte, error) {
	return json.MarshalIndent(s.api.OpenAPI(), "", "  ")
}

// adapter mounts huma's operations on the engine. It differs from humagin's
// own in the path syntax and in that every route passes through [gate.Gate.Handle].
type adapter struct{ s *Server }

func (a adapter) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.s.gate.ServeHTTP(w, r) }

func (a adapter) Handle(op *huma.Operation, handler func(huma.Context)) {
	// The gate bounds a body and the time it takes to arrive; the library's own bounds are less than what is promised.
	op.BodyReadTimeout = 0
	if own, _ := op.Metadata[metaMaxBody].(int64); own > 0 {
		op.MaxBodyBytes = own
	} else {
		op.MaxBodyBytes = a.s.gate.MaxBody
	}
	a.s.route(op, func(c *gin.Context) { handler(humagin.NewContext(op, c)) })
}

// Operation metadata understood by [Server.route].
const (
	// metaTimeout (time.Duration) replaces the default deadline of a request.
	metaTimeout = "timeout"
	// metaMaxBody (int64) replaces the default limit of a request body.
	metaMaxBody = "max_body"
	// metaIdempotent (bool) makes the route honour Idempotency-Key.
	metaIdempotent = "idempotent"
)

// raw registers a route served by plain gin, for what huma does not do:
// streamed uploads and server-sent events. op is added to the specification
// as given.
func (s *Server) raw(op huma.Operation, handler func(*gin.Context) error) {
	if op.Responses == nil {
		op.Responses = map[string]*huma.Response{}
	}
	op.Responses["default"] = s.problemResponse()
	if !op.Hidden {
		s.api.OpenAPI().AddOperation(&op)
	}
	s.route(&op, func(c *gin.Context) {
		if err := handler(c); err != nil {
			gate.Fail(c, err)
		}
	})
}

func (s *Server) problemResponse() *huma.Response {
	return &huma.Response{
		Description: "Problem (RFC 9457)",
		Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: s.problemSchema}},
	}
}

// route registers one operation at the gate.
func (s *Server) route(op *huma.Operation, handler gin.HandlerFunc) {
	r := gate.Route{Method: op.Method, Path: op.Path}
	r.Timeout, _ = op.Metadata[metaTimeout].(time.Duration)
	r.MaxBody, _ = op.Metadata[metaMaxBody].(int64)
	r.Idempotent, _ = op.Metadata[metaIdempotent].(bool)
	s.gate.Handle(r, handler)
}

func registerHealth(api huma.API, s *Server) {
	type status struct {
		Body struct {
			Status string            `json:"status" enum:"ok,degraded"`
			Checks map[string]string `json:"checks,omitempty"`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "healthz", Method: http.MethodGet, Path: "/healthz", Summary: "进程存活 Liveness", Tags: []string{"operation"}, Security: []map[string][]string{},
	}, func(context.Context, *struct{}) (*status, error) {
		out := &status{}
		out.Body.Status = "ok"
		return out, nil
	})
	huma.Register(api, huma.Operation{
		OperationID: "readyz", Method: http.MethodGet, Path: "/readyz", Summary: "可接受请求 Readiness", Tags: []string{"operation"}, Security: []map[string][]string{},
	}, func(ctx context.Context, _ *struct{}) (*status, error) {
		if err := s.gate.Ready(ctx); err != nil {
			return nil, err
		}
		out := &status{}
		out.Body.Status, out.Body.Checks = "ok", map[string]string{"database": "ok"}
		return out, nil
	})
	prom := s.gate.Metrics()
	s.raw(huma.Operation{
		OperationID: "metrics", Method: http.MethodGet, Path: "/metrics", Summary: "Prometheus metrics", Tags: []string{"operation"}, Security: []map[string][]string{},
		Responses: map[string]*huma.Response{"200": {Description: "Prometheus text format", Content: map[string]*huma.MediaType{"text/plain": {}}}},
	}, func(c *gin.Context) error {
		prom.ServeHTTP(c.Writer, c.Request)
		return nil
	})
}

// unmarshalStrict is the request decoder. The server decodes a body twice,
// first without a type to validate it; the strict pass belongs to that one.
func unmarshalStrict(data []byte, v any) error {
	if _, untyped := v.(*any); untyped {
		if err := strict.Check(data); err != nil {
			return err
		}
	}
	if err := json.Unmarshal(data, v); err != nil {
		return strict.ErrSyntax.Because(err)
	}
	return nil
}
