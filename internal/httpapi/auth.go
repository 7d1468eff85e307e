package httpapi

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"zhijia/internal/appraisal"
	"zhijia/internal/fault"
	"zhijia/internal/store"
)

// A key reads zj_<id>_<secret>: the id finds the row, the secret is 32 random
// bytes in hex of which the store keeps the SHA-256. A secret of that entropy
// needs no slow hash.
var keyForm = regexp.MustCompile(`^zj_([a-z2-7]{12})_([0-9a-f]{64})$`)

// NewKey makes a key. The plain text is shown once and never stored; the
// record goes to the store. The institution is the institution or desk whose
// records the key sees. A zero expires means never.
func NewKey(name, institution string, roles []Role, now, expires time.Time) (plain string, rec store.Key, err error) {
	name = strings.TrimSpace(name)
	if name == "" || len([]rune(name)) > 100 {
		return "", rec, fault.New(fault.Invalid, "key.name", "密钥须有名称，不超过100字。", "A key needs a name of at most 100 characters.",
			fault.Field{Field: "body.name", Code: "key.name", Zh: "须有名称，不超过100字", En: "needs a name of at most 100 characters"})
	}
	if !institutionForm.MatchString(institution) {
		return "", rec, fault.New(fault.Invalid, "key.institution", "机构标识须为1至40个小写字母、数字或连字符。", "An institution is 1 to 40 lower-case letters, digits or dashes.")
	}
	if len(roles) == 0 {
		return "", rec, fault.New(fault.Invalid, "key.roles", "密钥至少需要一个角色。", "A key needs at least one role.")
	}
	for _, r := range roles {
		if !slices.Contains(Roles, r) {
			return "", rec, fault.New(fault.Invalid, "key.roles", "未知角色；可用：officer、desk、evaluator、admin。", "Unknown role; the roles are officer, desk, evaluator, admin.")
		}
	}
	if !expires.IsZero() && !expires.After(now) {
		return "", rec, fault.New(fault.Invalid, "key.expires", "有效期须晚于现在。", "The expiry must lie in the future.")
	}
	var secret [32]byte
	rand.Read(secret[:]) // never fails (crypto/rand, Go 1.24)
	text := hex.EncodeToString(secret[:])
	hash := sha256.Sum256([]byte(text))
	rec = store.Key{ID: strings.ToLower(rand.Text()[:12]), Name: name, Institution: institution, SecretSHA256: hash[:], CreatedAt: now, ExpiresAt: expires}
	for _, r := range roles {
		rec.Roles = append(rec.Roles, string(r))
	}
	return "zj_" + rec.ID + "_" + text, rec, nil
}

var institutionForm = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)

// Principal is the caller of a request.
type Principal struct {
	KeyID       string
	Name        string
	Institution string // the institution or desk whose records the caller sees
	Roles       []Role
}

// actor is the caller as the use cases know it.
func (p Principal) actor() appraisal.Actor {
	return appraisal.Actor{Name: p.Name + " (" + p.KeyID + ")", Institution: p.Institution}
}

// Has reports whether the caller's key carries the role.
func (p Principal) Has(r Role) bool { return slices.Contains(p.Roles, r) }

type principalKey struct{}

// withPrincipal is the context of an authenticated request: what is put on
// record names the request and the caller's roles.
func withPrincipal(ctx context.Context, p Principal) context.Context {
	o := store.Origin{Request: requestID(ctx)}
	for _, r := range p.Roles {
		o.Roles = append(o.Roles, string(r))
	}
	return store.WithOrigin(context.WithValue(ctx, principalKey{}, p), o)
}

// principalOf returns the caller of an authenticated request.
func principalOf(ctx context.Context) (Principal, bool) {
	p, ok := ctx.Value(principalKey{}).(Principal)
	return p, ok
}

// One answer for a key that is malformed, unknown or has the wrong secret: the
// difference would help only somebody who guesses.
var (
	errNoKey      = fault.New(fault.Unauthorized, "auth.missing", "缺少密钥，请以 Authorization: Bearer 提供。", "No key; send Authorization: Bearer.")
	errBadKey     = fault.New(fault.Unauthorized, "auth.invalid", "密钥无效。", "The key is not valid.")
	errExpiredKey = fault.New(fault.Unauthorized, "auth.expired", "密钥已过期，请向管理员申请新密钥。", "The key has expired; ask your administrator for a new one.")
	errRevokedKey = fault.New(fault.Unauthorized, "auth.revoked", "密钥已停用，请向管理员申请新密钥。", "The key was revoked; ask your administrator for a new one.")
	errRole       = fault.New(fault.Forbidden, "auth.role", "您的角色无权使用此功能。", "Your role may not do this.")
)

// checkKey authenticates a key as the client sent it.
func (s *Server) checkKey(ctx context.Context, plain string) (Principal, error) {
	m := keyForm.FindStringSubmatch(plain)
	if m == nil {
		return Principal{}, errBadKey
	}
	rec, err := s.opt.DB.Key(ctx, m[1])
	missing := fault.KindOf(err) == fault.NotFound
	if err != nil && !missing {
		return Principal{}, err
	}
	hash := sha256.Sum256([]byte(m[2]))
	if missing {
		rec.SecretSHA256 = make([]byte, sha256.Size) // compare anyway, in the same time
	}
	if subtle.ConstantTimeCompare(hash[:], rec.SecretSHA256) != 1 || missing {
		return Principal{}, errBadKey
	}
	return s.admit(rec)
}

// admit checks that a key whose bearer is known may still be used.
func (s *Server) admit(rec store.Key) (Principal, error) {
	now := s.opt.Now()
	switch {
	case !rec.RevokedAt.IsZero() && !rec.RevokedAt.After(now):
		return Principal{}, errRevokedKey
	case !rec.ExpiresAt.IsZero() && !rec.ExpiresAt.After(now):
		return Principal{}, errExpiredKey
	}
	p := Principal{KeyID: rec.ID, Name: rec.Name, Institution: rec.Institution}
	for _, r := range rec.Roles {
		p.Roles = append(p.Roles, Role(r))
	}
	return p, nil
}

// bearer returns the key of the request, or "".
func bearer(r *http.Request) string {
	scheme, key, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(key)
}

// authenticate admits a request whose key is valid and has one of the roles.
func (s *Server) authenticate(allowed []Role) gin.HandlerFunc {
	return func(c *gin.Context) {
		key := bearer(c.Request)
		var p Principal
		err := error(errNoKey)
		if key != "" {
			p, err = s.checkKey(c.Request.Context(), key)
		}
		if err == nil && !permitted(p.Roles, allowed) {
			err = errRole
		}
		if err != nil {
			if fault.KindOf(err) == fault.Unauthorized {
				c.Header("WWW-Authenticate", `Bearer realm="zhijia"`)
			}
			s.metrics.denied.WithLabelValues(fault.Public(err).Code).Inc()
			fail(c, err)
			return
		}
		c.Request = c.Request.WithContext(withPrincipal(c.Request.Context(), p))
		c.Next()
	}
}
