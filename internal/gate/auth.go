package gate

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"zhijia/internal/fault"
	"zhijia/internal/people"
)

// ErrRole refuses a caller whose key carries none of the roles of the route.
var ErrRole = fault.New(fault.Forbidden, "auth.role", "您的角色无权使用此功能。", "Your role may not do this.")

// bearer returns the key of the request, or "".
func bearer(r *http.Request) string {
	scheme, key, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(key)
}

// authenticate admits a request whose key is valid and has one of the roles.
func (g *Gate) authenticate(allowed []people.Role) gin.HandlerFunc {
	return func(c *gin.Context) {
		p, err := g.Keys.Check(c.Request.Context(), bearer(c.Request))
		if err == nil && !people.Permitted(p.Roles, allowed) {
			err = ErrRole
		}
		if err != nil {
			if fault.KindOf(err) == fault.Unauthorized {
				c.Header("WWW-Authenticate", `Bearer realm="zhijia"`)
			}
			g.metrics.denied.WithLabelValues(fault.Public(err).Code).Inc()
			Fail(c, err)
			return
		}
		Admit(c, p)
		c.Next()
	}
}

// Admit makes p the caller of the request.
func Admit(c *gin.Context, p people.Principal) {
	ctx := c.Request.Context()
	c.Request = c.Request.WithContext(people.With(ctx, p, requestID(ctx)))
}
