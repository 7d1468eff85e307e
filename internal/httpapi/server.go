// Package httpapi is the edge of the service: the REST API under /v1, the
// officer's pages, and what surrounds them (authentication, limits, problem
// documents, metrics).
//
// Start with [New], which registers every route, and [Server.Serve]. Each
// resource has a file with a register function; who may call a route is
// decided in access.go and nowhere else. Handlers are huma operations, so the
// OpenAPI document is made from the types they use; what huma does not do
// (streamed uploads, events) is registered with raw.
package httpapi

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/desk"
	"zhijia/internal/fault"
	"zhijia/internal/harness"
	"zhijia/internal/money"
	"zhijia/internal/store"
	"zhijia/internal/valuation/terms"
	"zhijia/internal/watch"
)

// Options are what a server needs. The zero value of a limit means its default.
type Options struct {
	DB        *store.DB
	Appraisal *appraisal.Service
	Desk      *desk.Desk       // default: one over DB and Appraisal
	Watch     *watch.Service   // default: one over DB, without push
	Eval      *harness.Service // nil: evaluation is off
	Log       *slog.Logger     // default: discard
	Now       func() time.Time // default: time.Now
	Version   string           // of the program, shown in the specification

	RequestTimeout time.Duration // of one request; default 30 s
	ImportTimeout  time.Duration // of one upload; default 30 min
	MaxBody        int64         // bytes of a JSON body; default 2 MiB
	MaxUpload      int64         // bytes of an upload; default 512 MiB
	RatePerSecond  float64       // requests per key; 0: no limit
	RateBurst      int           // default 4 s worth of RatePerSecond
	DrainTimeout   time.Duration // how long a stop waits for accepted requests; default 40 s
	SessionSecret  []byte        // signs the pages' session cookies; default: random, sessions end with the process
	Tracing        bool          // wrap the engine in OpenTelemetry
}

// Server answers requests. Create it with [New].
type Server struct {
	opt      Options
	engine   *gin.Engine
	handler  http.Handler
	api      huma.API
	metrics  *metrics
	limiters *limiters
	draining chan struct{}

	problemSchema *huma.Schema
	missing       []string // routes without an entry in the access table
}

// New builds the server. It fails when a route is missing from the access
// table.
func New(opt Options) (*Server, error) {
	setDefaults(&opt)
	if opt.Desk == nil && opt.DB != nil { // the specification alone needs neither
		var err error
		if opt.Desk, err = desk.New(opt.DB, opt.Appraisal, opt.Log); err != nil {
			return nil, err
		}
	}
	if opt.Watch == nil && opt.DB != nil {
		var err error
		if opt.Watch, err = watch.New(opt.DB, watch.Options{Log: opt.Log, Now: opt.Now}); err != nil {
			return nil, err
		}
	}
	useProblems()
	gin.SetMode(gin.ReleaseMode)
	s := &Server{
		opt: opt, engine: gin.New(), metrics: newMetrics(),
		limiters: newLimiters(opt.RatePerSecond, opt.RateBurst), draining: make(chan struct{}),
	}
	s.engine.HandleMethodNotAllowed = true
	s.engine.RedirectTrailingSlash = false
	s.engine.RemoveExtraSlash = false
	_ = s.engine.SetTrustedProxies(nil)
	s.engine.Use(identify, s.observe, secure, s.recoverPanics)
	s.engine.NoRoute(func(c *gin.Context) {
		fail(c, fault.New(fault.NotFound, "route.unknown", "没有这个接口。", "There is no such route."))
	})
	s.engine.NoMethod(func(c *gin.Context) {
		p := problemOf(c.Request, fault.New(fault.Invalid, "method.not_allowed", "该接口不支持此方法。", "The route does not support this method."))
		p.Type, p.Status = "urn:zhijia:problem:method_not_allowed", http.StatusMethodNotAllowed
		c.Abort()
		writeProblem(c.Writer, p)
	})

	s.api = huma.NewAPI(s.specification(), adapter{s})
	s.problemSchema = s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")
	for _, register := range resources {
		register(s.api, s)
	}
	if len(s.missing) > 0 {
		return nil, fmt.Errorf("httpapi: no entry in the access table for %s", strings.Join(s.missing, ", "))
	}

	s.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.engine.ServeHTTP(w, splitVerb(r)) })
	if opt.Tracing {
		s.handler = otelhttp.NewHandler(s.handler, "http")
	}
	return s, nil
}

// resources are the register functions, one per file.
var resources = []func(huma.API, *Server){
	registerHealth,
	registerDocs,
	registerEgress,
	registerEval,
	registerKeys,
	registerBatches,
	registerLending,
	registerBook,
	registerPools,
	registerPages,
	registerPatents,
	registerRegistry,
	registerWatch,
	registerMatches,
	registerOffers,
	registerImports,
	registerValuations,
}

func setDefaults(o *Options) {
	def(&o.Now, time.Now, o.Now == nil)
	def(&o.Log, slog.New(slog.DiscardHandler), o.Log == nil)
	def(&o.Version, "dev", o.Version == "")
	def(&o.RequestTimeout, 30*time.Second, o.RequestTimeout <= 0)
	def(&o.ImportTimeout, 30*time.Minute, o.ImportTimeout <= 0)
	def(&o.MaxBody, 2<<20, o.MaxBody <= 0)
	def(&o.MaxUpload, 512<<20, o.MaxUpload <= 0)
	def(&o.RateBurst, max(1, int(4*o.RatePerSecond)), o.RateBurst <= 0)
	if len(o.SessionSecret) == 0 {
		o.SessionSecret = make([]byte, 32)
		rand.Read(o.SessionSecret) // never fails (crypto/rand, Go 1.24)
	}
	def(&o.DrainTimeout, 40*time.Second, o.DrainTimeout <= 0)
}

func def[T any](p *T, v T, unset bool) {
	if unset {
		*p = v
	}
}

// specification is the frame of the OpenAPI document. The library's own
// documentation page and schema links are off: the one needs a public network,
// the other adds a field to every reply.
func (s *Server) specification() huma.Config {
	c := huma.DefaultConfig("Zhijia 知价", s.opt.Version)
	c.Info.Description = "专利估值参考意见服务。Reference opinions on the value of patents: a figure with a range, the priced deals behind it, the reasons and the date. 本服务的输出是估值参考意见，不是资产评估报告。"
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", ""
	c.CreateHooks = nil
	c.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
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
	c.Components.Schemas.RegisterTypeAlias(reflect.TypeFor[calendar.Date](), reflect.TypeFor[dateSchema]())
	c.Components.Schemas.RegisterTypeAlias(reflect.TypeFor[money.Fen](), reflect.TypeFor[moneySchema]())
	c.Components.Schemas.RegisterTypeAlias(reflect.TypeFor[terms.Quantity](), reflect.TypeFor[quantitySchema]())
	c.Components.Schemas.RegisterTypeAlias(reflect.TypeFor[terms.YearQuantity](), reflect.TypeFor[yearQuantitySchema]())
	return c
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
	if ours && t.Name() != "" && pkg != "httpapi" && !strings.HasPrefix(strings.ToLower(name), pkg) {
		name = strings.ToUpper(pkg[:1]) + pkg[1:] + name
	}
	return name
}

func marshalJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// dateSchema describes a civil date to the specification.
type dateSchema struct{}

// Schema implements huma.SchemaProvider.
func (dateSchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date", Description: "Calendar date, YYYY-MM-DD."}
}

// quantitySchema describes a quantity, which may be a bare number.
type quantitySchema struct{}

func quantityProperties() map[string]*huma.Schema {
	number := &huma.Schema{Type: huma.TypeNumber}
	return map[string]*huma.Schema{
		"value": number, "low": number, "mode": number, "high": number, "source": {Type: huma.TypeString},
		"distribution": {Type: huma.TypeString, Enum: []any{"point", "triangular", "pert", "uniform", "normal", "lognormal"}},
	}
}

// Schema implements huma.SchemaProvider.
func (quantitySchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Description: "A number, or a range {low, mode, high} with a distribution.",
		OneOf:       []*huma.Schema{{Type: huma.TypeNumber}, {Type: huma.TypeObject, Properties: quantityProperties(), AdditionalProperties: false}},
	}
}

// yearQuantitySchema describes a quantity of one calendar year.
type yearQuantitySchema struct{}

// Schema implements huma.SchemaProvider.
func (yearQuantitySchema) Schema(huma.Registry) *huma.Schema {
	p := quantityProperties()
	p["year"] = &huma.Schema{Type: huma.TypeInteger}
	return &huma.Schema{Description: "A quantity of one calendar year.", Type: huma.TypeObject, Properties: p, Required: []string{"year"}, AdditionalProperties: false}
}

// Handler returns the server's handler, for tests and for embedding.
func (s *Server) Handler() http.Handler { return s.handler }

// OpenAPI returns the specification as indented JSON.
func (s *Server) OpenAPI() ([]byte, error) {
	return json.MarshalIndent(s.api.OpenAPI(), "", "  ")
}

// Serve answers on l until ctx ends, then stops accepting, finishes what was
// accepted within the drain timeout, and returns.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	srv := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(s.opt.Log.Handler(), slog.LevelWarn),
		// Requests outlive ctx: a stop must not cancel what was accepted.
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	pruning, stopPruning := context.WithCancel(ctx)
	pruned := make(chan struct{})
	go func() { defer close(pruned); s.prune(pruning) }()
	defer func() { stopPruning(); <-pruned }()
	select {
	case err := <-served:
		return fmt.Errorf("httpapi: serve: %w", err)
	case <-ctx.Done():
	}
	close(s.draining) // readiness turns false and event streams end
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.opt.DrainTimeout)
	defer cancel()
	err := srv.Shutdown(stop)
	if err != nil {
		_ = srv.Close()
		err = fmt.Errorf("httpapi: requests were still running after %s: %w", s.opt.DrainTimeout, err)
	}
	if serr := <-served; !errors.Is(serr, http.ErrServerClosed) {
		err = errors.Join(err, serr)
	}
	return err
}

// prune drops lapsed idempotency replies every hour until ctx ends.
func (s *Server) prune(ctx context.Context) {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		if _, err := s.opt.DB.PruneIdempotency(ctx, s.opt.Now().Add(-IdempotencyLifetime)); err != nil && ctx.Err() == nil {
			s.opt.Log.WarnContext(ctx, "pruning idempotency replies", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
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
		select {
		case <-s.draining:
			return nil, fault.New(fault.Unavailable, "draining", "服务正在停止。", "The service is stopping.")
		default:
		}
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		if err := s.opt.DB.Ping(ctx); err != nil {
			return nil, fault.New(fault.Unavailable, "database.unreachable", "数据库不可用。", "The database cannot be reached.").Because(err)
		}
		out := &status{}
		out.Body.Status, out.Body.Checks = "ok", map[string]string{"database": "ok"}
		return out, nil
	})
	prom := promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{})
	s.raw(huma.Operation{
		OperationID: "metrics", Method: http.MethodGet, Path: "/metrics", Summary: "Prometheus metrics", Tags: []string{"operation"}, Security: []map[string][]string{},
		Responses: map[string]*huma.Response{"200": {Description: "Prometheus text format", Content: map[string]*huma.MediaType{"text/plain": {}}}},
	}, func(c *gin.Context) error {
		prom.ServeHTTP(c.Writer, c.Request)
		return nil
	})
}
