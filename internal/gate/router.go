package gate

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"zhijia/internal/people"
)

// Public paths name custom methods after a colon (/v1/valuations/{id}:replay),
// which gin would read as a parameter. Inside, the method is a segment of its
// own that begins with verbMark; no public path may.
const verbMark = "~"

// ginPath translates a path of the specification to gin's syntax.
func ginPath(path string) string {
	cut := strings.LastIndexByte(path, '/') + 1
	if last, verb, ok := strings.Cut(path[cut:], ":"); ok {
		path = path[:cut] + last + "/" + verbMark + verb
	}
	return strings.NewReplacer("{", ":", "}", "").Replace(path)
}

// splitVerb is the matching translation of a request. A path that tries to
// name an inside segment is sent where no route is.
func splitVerb(r *http.Request) *http.Request {
	path := r.URL.Path
	cut := strings.LastIndexByte(path, '/') + 1
	last, verb, ok := strings.Cut(path[cut:], ":")
	switch {
	case strings.Contains(path, "/"+verbMark):
		path = "/" + verbMark
	case ok && last != "" && verb != "" && strings.HasPrefix(path, "/v1/"):
		path = path[:cut] + last + "/" + verbMark + verb
	default:
		return r
	}
	r2 := r.WithContext(context.WithValue(r.Context(), publicPathKey{}, r.URL.EscapedPath()))
	r2.URL = new(url.URL)
	*r2.URL = *r.URL
	r2.URL.Path, r2.URL.RawPath = path, ""
	return r2
}

type publicPathKey struct{}

// publicPath is the path as the client wrote it.
func publicPath(r *http.Request) string {
	if p, ok := r.Context().Value(publicPathKey{}).(string); ok {
		return p
	}
	return r.URL.EscapedPath()
}

// Route is one way in.
type Route struct {
	Method, Path string        // as the access table names them
	Timeout      time.Duration // 0: of any request
	MaxBody      int64         // bytes; 0: of any request
	Idempotent   bool          // honours Idempotency-Key

	Fail func(*gin.Context, error) // tells a caller that there is no place for him; default [Fail]

	// SignIn admits a caller in place of an API key.
	SignIn func(allowed []people.Role) gin.HandlerFunc
}

// Handle registers a route behind the checks every route shares, in the order
// they run: limits, authentication, role, rate, admission, idempotency.
func (g *Gate) Handle(r Route, handler gin.HandlerFunc) {
	name := r.Method + " " + r.Path
	allowed, listed := people.Access[name]
	if !listed {
		g.unlisted = append(g.unlisted, name)
		return
	}
	g.registered[name] = true
	if r.Timeout <= 0 {
		r.Timeout = g.RequestTimeout
	}
	if r.MaxBody <= 0 {
		r.MaxBody = g.MaxBody
	}
	chain := []gin.HandlerFunc{func(c *gin.Context) { c.Set(routeKey, name) }, limits(r.Timeout, r.MaxBody)}
	if len(allowed) > 0 {
		check := g.authenticate
		if r.SignIn != nil {
			check = r.SignIn
		}
		chain = append(chain, check(allowed), g.limitRate, g.admission(&r))
	}
	if r.Idempotent {
		chain = append(chain, g.idempotent)
	}
	g.engine.Handle(r.Method, ginPath(r.Path), append(chain, handler)...)
}

const routeKey = "zhijia.route"

// RouteOf is the matched route as the access table names it, or "unmatched".
func RouteOf(c *gin.Context) string {
	if r := c.GetString(routeKey); r != "" {
		return r
	}
	return "unmatched"
}
