package gate

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"zhijia/internal/fault"
	"zhijia/internal/people"
	"zhijia/internal/store"
)

type requestIDKey struct{}

// requestID is the id of the request ctx belongs to.
func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

var requestIDForm = regexp.MustCompile(`^[A-Za-z0-9._-]{8,64}$`)

// identify takes the caller's X-Request-Id when it is harmless, else makes one.
func identify(c *gin.Context) {
	id := c.GetHeader("X-Request-Id")
	if !requestIDForm.MatchString(id) {
		id = rand.Text()
	}
	c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), requestIDKey{}, id))
	c.Header("X-Request-Id", id)
}

const errorKey = "zhijia.error"

// NoteError keeps the cause of a failed request for the log line.
func NoteError(c *gin.Context, err error) { c.Set(errorKey, err) }

// observe writes one log line and the metrics of each request. The line holds
// the route and not the query, never a body, a header or a key's secret: an
// error's operator context is logged only for faults of the service, because
// only those are free of the caller's text.
func (g *Gate) observe(c *gin.Context) {
	start := time.Now()
	g.metrics.inFlight.Inc()
	defer g.metrics.inFlight.Dec()
	c.Next()
	took := time.Since(start)
	route, status := RouteOf(c), c.Writer.Status()
	g.metrics.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	g.metrics.seconds.WithLabelValues(route).Observe(took.Seconds())

	attrs := []slog.Attr{
		slog.String("request_id", requestID(c.Request.Context())),
		slog.String("route", route),
		slog.String("event", eventOf(route, status)),
		slog.Int("status", status),
		slog.Int("bytes", max(c.Writer.Size(), 0)),
		slog.Float64("ms", float64(took.Microseconds())/1000),
	}
	if p := people.Of(c.Request.Context()); p.Caller() != "" {
		attrs = append(attrs, slog.String("key", p.KeyID), slog.String("person", p.PersonID), slog.String("institution", p.Institution))
	}
	if sc := trace.SpanContextFromContext(c.Request.Context()); sc.IsValid() {
		attrs = append(attrs, slog.String("trace", sc.TraceID().String()))
		span := trace.SpanFromContext(c.Request.Context())
		span.SetName(route)
		span.SetAttributes(attribute.String("http.route", route))
	}
	level := slog.LevelInfo
	if v, ok := c.Get(errorKey); ok {
		err := v.(error)
		attrs = append(attrs, slog.String("code", fault.Public(store.Outward(err)).Code))
		if status >= 500 {
			level = slog.LevelError
			attrs = append(attrs, slog.String("error", err.Error()))
		}
	}
	g.Log.LogAttrs(c.Request.Context(), level, "request", attrs...)
}

// recoverPanics turns a panic into a problem and logs where it came from.
func (g *Gate) recoverPanics(c *gin.Context) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(v)
		}
		g.Log.ErrorContext(c.Request.Context(), "panic",
			"request_id", requestID(c.Request.Context()), "route", RouteOf(c),
			"panic", fmt.Sprintf("%.200v", v), "stack", string(debug.Stack()))
		g.metrics.panics.Inc()
		Fail(c, fault.New(fault.Internal, "internal", "服务内部错误，请凭请求编号联系管理员。", "Internal error; quote the request id to your administrator."))
	}()
	c.Next()
}

// secure sets the headers a browser needs to keep a page to itself. Pages
// carry no inline script; opinions carry inline style only.
func secure(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	if c.Request.TLS != nil || c.GetHeader("X-Forwarded-Proto") == "https" {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	h.Set("Cache-Control", "no-store")
}

// limits gives the request its deadline and its largest body. The connection
// deadlines stop a client that sends or reads too slowly.
func limits(timeout time.Duration, maxBody int64) gin.HandlerFunc {
	return func(c *gin.Context) {
		if c.Request.ContentLength > maxBody {
			c.Header("Connection", "close")
			Fail(c, TooLarge)
			return
		}
		if c.Request.Body != nil {
			c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxBody)
		}
		rc := http.NewResponseController(c.Writer)
		now := time.Now()
		_ = rc.SetReadDeadline(now.Add(timeout))                   // a recorder in a test has no connection
		_ = rc.SetWriteDeadline(now.Add(timeout + 10*time.Second)) // room to write the timeout itself
		ctx, cancel := context.WithTimeout(c.Request.Context(), timeout)
		defer cancel()
		c.Request = c.Request.WithContext(ctx)
		c.Next()
	}
}
