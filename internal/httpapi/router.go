package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"
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

// adapter mounts huma's operations on the engine. It differs from humagin's
// own in the path syntax and in that every route passes through [Server.route].
type adapter struct{ s *Server }

func (a adapter) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.s.engine.ServeHTTP(w, r) }

func (a adapter) Handle(op *huma.Operation, handler func(huma.Context)) {
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
	// metaSession (bool) authenticates by the pages' session, not by a key.
	metaSession = "session"
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
			fail(c, err)
		}
	})
}

func (s *Server) problemResponse() *huma.Response {
	return &huma.Response{
		Description: "Problem (RFC 9457)",
		Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: s.problemSchema}},
	}
}

// route registers one operation behind the checks every route shares, in the
// order they run: limits, authentication, role, rate, idempotency.
func (s *Server) route(op *huma.Operation, handler gin.HandlerFunc) {
	name := op.Method + " " + op.Path
	allowed, listed := access[name]
	if !listed {
		s.missing = append(s.missing, name)
		return
	}
	timeout, maxBody := s.opt.RequestTimeout, s.opt.MaxBody
	if d, ok := op.Metadata[metaTimeout].(time.Duration); ok {
		timeout = d
	}
	if n, ok := op.Metadata[metaMaxBody].(int64); ok {
		maxBody = n
	}
	chain := []gin.HandlerFunc{func(c *gin.Context) { c.Set(routeKey, name) }, limits(timeout, maxBody)}
	if len(allowed) > 0 {
		check := s.authenticate(allowed)
		if on, _ := op.Metadata[metaSession].(bool); on {
			check = s.authenticateSession(allowed)
		}
		chain = append(chain, check, s.limitRate)
	}
	if on, _ := op.Metadata[metaIdempotent].(bool); on {
		chain = append(chain, s.idempotent)
	}
	s.engine.Handle(op.Method, ginPath(op.Path), append(chain, handler)...)
}

const routeKey = "zhijia.route"

// routeOf is the matched route as the access table names it, or "unmatched".
func routeOf(c *gin.Context) string {
	if r := c.GetString(routeKey); r != "" {
		return r
	}
	return "unmatched"
}
