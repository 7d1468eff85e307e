// Package gate is the way into the service: every route of the REST API and of
// the officer's pages passes through it. It gives a request its id, its limits
// and its log line, admits the caller by the access table, counts and slows
// him, answers a repeated request from its stored reply, and writes every
// error as one shape, [Problem].
//
// Start with [New], register routes with [Gate.Handle], then [Gate.Serve]. It
// knows no resource: those are in api and pages.
package gate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"

	"zhijia/internal/fault"
	"zhijia/internal/jobs"
	"zhijia/internal/people"
	"zhijia/internal/store"
)

// Options are what a gate needs. The zero value of a limit means its default.
type Options struct {
	DB     *store.DB // of the replies kept by Idempotency-Key
	Keys   *people.Keys
	People *people.People
	Log    *slog.Logger     // default: discard
	Now    func() time.Time // default: time.Now

	RequestTimeout time.Duration // of one request; default 30 s
	ImportTimeout  time.Duration // of one upload; default 30 min
	MaxBody        int64         // bytes of a JSON body; default 2 MiB
	MaxUpload      int64         // bytes of an upload; default 512 MiB
	RatePerSecond  float64       // requests per key; 0: no limit
	RateBurst      int           // default 4 s worth of RatePerSecond
	AtOnce         int           // requests answered at once, of which one institution has three quarters; default 32, or 8 a processor
	Patience       time.Duration // how long a request waits for its turn; default 4 s
	DrainTimeout   time.Duration // how long a stop waits for accepted requests; default 40 s
	Tracing        bool          // wrap the engine in OpenTelemetry
}

// Gate answers requests. Create it with [New]; its options are read, never
// written, by those who register routes.
type Gate struct {
	Options
	engine   *gin.Engine
	handler  http.Handler
	metrics  *metrics
	limiters *limiters
	read     *turnstile // what is only read
	short    *turnstile
	long     *turnstile
	draining chan struct{}

	registered map[string]bool // routes, as the access table names them
	unlisted   []string        // routes without an entry in the access table
}

// New returns a gate without routes.
func New(opt Options) *Gate {
	setDefaults(&opt)
	gin.SetMode(gin.ReleaseMode)
	g := &Gate{
		Options: opt, engine: gin.New(), metrics: newMetrics(),
		limiters: newLimiters(opt.RatePerSecond, opt.RateBurst), draining: make(chan struct{}), registered: map[string]bool{},
	}
	g.read, g.short, g.long = g.places()
	g.engine.MaxMultipartMemory = 1 << 20 // a file of a form waits on disk
	if g.DB != nil {
		g.metrics.registry.MustRegister(&databaseMetrics{db: g.DB})
	}
	g.engine.HandleMethodNotAllowed = true
	g.engine.RedirectTrailingSlash = false
	g.engine.RemoveExtraSlash = false
	_ = g.engine.SetTrustedProxies(nil)
	g.engine.Use(identify, g.observe, secure, g.recoverPanics)
	g.engine.NoRoute(func(c *gin.Context) {
		Fail(c, fault.New(fault.NotFound, "route.unknown", "没有这个接口。", "There is no such route."))
	})
	g.engine.NoMethod(func(c *gin.Context) {
		p := ProblemOf(c.Request, fault.New(fault.Invalid, "method.not_allowed", "该接口不支持此方法。", "The route does not support this method."))
		p.Type, p.Status = "urn:zhijia:problem:method_not_allowed", http.StatusMethodNotAllowed
		c.Abort()
		writeProblem(c.Writer, p)
	})
	g.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.engine.ServeHTTP(w, splitVerb(r)) })
	if opt.Tracing {
		g.handler = otelhttp.NewHandler(g.handler, "http")
	}
	return g
}

// Listed reports the routes that were registered without an entry in the
// access table.
func (g *Gate) Listed() error {
	if len(g.unlisted) > 0 {
		return fmt.Errorf("gate: no entry in the access table for %s", strings.Join(g.unlisted, ", "))
	}
	return nil
}

// Complete reports, beside what [Gate.Listed] does, the entries of the access
// table without a route. A gate that is not complete does not open.
func (g *Gate) Complete() error {
	var idle []string
	for name := range people.Access {
		if !g.registered[name] {
			idle = append(idle, name)
		}
	}
	if len(idle) > 0 {
		slices.Sort(idle)
		return fmt.Errorf("gate: the access table names what nothing answers: %s", strings.Join(idle, ", "))
	}
	return g.Listed()
}

func setDefaults(o *Options) {
	def(&o.Now, time.Now, o.Now == nil)
	def(&o.Log, slog.New(slog.DiscardHandler), o.Log == nil)
	def(&o.RequestTimeout, 30*time.Second, o.RequestTimeout <= 0)
	def(&o.ImportTimeout, 30*time.Minute, o.ImportTimeout <= 0)
	def(&o.MaxBody, 2<<20, o.MaxBody <= 0)
	def(&o.MaxUpload, 512<<20, o.MaxUpload <= 0)
	def(&o.RateBurst, max(1, int(4*o.RatePerSecond)), o.RateBurst <= 0)
	def(&o.AtOnce, atOnce(), o.AtOnce <= 0)
	def(&o.Patience, 4*time.Second, o.Patience <= 0)
	def(&o.DrainTimeout, 40*time.Second, o.DrainTimeout <= 0)
	if o.Keys == nil {
		o.Keys = people.NewKeys(o.DB, o.Now)
	}
	if o.People == nil {
		o.People = people.NewPeople(o.DB, o.Now)
	}
}

func def[T any](p *T, v T, unset bool) {
	if unset {
		*p = v
	}
}

// ServeHTTP answers one request.
func (g *Gate) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.handler.ServeHTTP(w, r) }

// Draining is closed when the service was told to stop.
func (g *Gate) Draining() <-chan struct{} { return g.draining }

// Ready reports whether requests can be answered now: the service is not
// stopping and its database answers.
func (g *Gate) Ready(ctx context.Context) error {
	select {
	case <-g.draining:
		return fault.New(fault.Unavailable, "draining", "服务正在停止。", "The service is stopping.")
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := g.DB.Ping(ctx); err != nil {
		return fault.New(fault.Unavailable, "database.unreachable", "数据库不可用。", "The database cannot be reached.").Because(err)
	}
	return nil
}

// Metrics serves the figures of this gate to Prometheus.
func (g *Gate) Metrics() http.Handler {
	return promhttp.HandlerFor(g.metrics.registry, promhttp.HandlerOpts{})
}

// Valued counts one stored valuation.
func (g *Gate) Valued() { g.metrics.valuations.Inc() }

// Serve answers on l until ctx ends, then stops accepting, finishes what was
// accepted within the drain timeout, and returns.
func (g *Gate) Serve(ctx context.Context, l net.Listener) error {
	if err := g.Complete(); err != nil {
		return err
	}
	srv := &http.Server{
		Handler:           g.handler,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(g.Log.Handler(), slog.LevelWarn),
		// Requests outlive ctx: a stop must not cancel what was accepted.
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	select {
	case err := <-served:
		return fmt.Errorf("gate: serve: %w", err)
	case <-ctx.Done():
	}
	close(g.draining) // readiness turns false and event streams end
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.DrainTimeout)
	defer cancel()
	err := srv.Shutdown(stop)
	if err != nil {
		_ = srv.Close()
		err = fmt.Errorf("gate: requests were still running after %s: %w", g.DrainTimeout, err)
	}
	if serr := <-served; !errors.Is(serr, http.ErrServerClosed) {
		err = errors.Join(err, serr)
	}
	return err
}

// sessionsKept is how long a session that is over stays to be looked at.
const sessionsKept = 30 * 24 * time.Hour

// ledgersKept is how long a set of deals that no valuation names is kept after its last use: a process that holds it says
// every hour that it does, and what it concludes may be stored a while later.
const ledgersKept = 7 * 24 * time.Hour

var retention = jobs.Kind[struct{}]{Name: "retention", Timeout: 10 * time.Minute}

// Retention drops every hour the replies, sessions and sets of deals that are kept
// no longer, and the jobs of evaluations whose process died and that nobody resumed
// since.
func (g *Gate) Retention() jobs.Worker {
	return retention.Worker(1, func(ctx context.Context, _ *jobs.Turn, _ struct{}) (jobs.Next, error) {
		_, err := g.DB.PruneIdempotency(ctx, g.Now().Add(-IdempotencyLifetime))
		if _, more := g.DB.PruneSessions(ctx, g.Now().Add(-sessionsKept)); more != nil {
			err = errors.Join(err, more)
		}
		if _, more := g.DB.PruneLedgers(ctx, g.Now().Add(-ledgersKept)); more != nil {
			err = errors.Join(err, more)
		}
		return jobs.Done, errors.Join(err, g.DB.PruneEvalJobs(ctx, g.Now().Add(-sessionsKept)))
	}).Every(time.Hour)
}
