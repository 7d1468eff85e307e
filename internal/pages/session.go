package pages

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"zhijia/internal/fault"
	"zhijia/internal/gate"
	"zhijia/internal/people"
)

// A session is a signed cookie that names a key and an end; nothing is kept on
// the server. Every page looks the key up again, so that ending a key ends its
// sessions. Forms carry a token derived from the cookie, which another site
// can neither read nor make.
const (
	sessionCookie   = "zhijia_session"
	sessionLifetime = 12 * time.Hour
)

var (
	errCSRF    = fault.New(fault.Forbidden, "session.csrf", "页面已过期，请返回重新打开后再提交。", "The page has expired; open it again and resubmit.")
	errSession = fault.New(fault.Unauthorized, "session.missing", "请先登录。", "Sign in first.")
)

func (s *Server) sign(purpose, text string) string {
	m := hmac.New(sha256.New, s.opt.SessionSecret)
	m.Write([]byte(purpose + "\x00" + text))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// startSession sets the cookie of a caller who has shown a key.
func (s *Server) startSession(c *gin.Context, p people.Principal) {
	until := s.gate.Now().Add(sessionLifetime)
	text := p.KeyID + "." + strconv.FormatInt(until.Unix(), 10)
	s.setCookie(c, text+"."+s.sign("session", text), until)
}

func (s *Server) setCookie(c *gin.Context, value string, until time.Time) {
	http.SetCookie(c.Writer, &http.Cookie{
		Name: sessionCookie, Value: value, Path: "/officer", Expires: until,
		HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: c.Request.TLS != nil || c.GetHeader("X-Forwarded-Proto") == "https",
	})
}

// session returns the caller of a page and the token its forms must carry.
func (s *Server) session(c *gin.Context) (p people.Principal, csrf string, err error) {
	value, err := c.Cookie(sessionCookie)
	if err != nil || value == "" {
		return p, "", errSession
	}
	cut := strings.LastIndexByte(value, '.')
	if cut < 0 || subtle.ConstantTimeCompare([]byte(s.sign("session", value[:cut])), []byte(value[cut+1:])) != 1 {
		return p, "", errSession
	}
	id, end, _ := strings.Cut(value[:cut], ".")
	until, err := strconv.ParseInt(end, 10, 64)
	if err != nil || s.gate.Now().Unix() >= until {
		return p, "", errSession
	}
	p, err = s.gate.Keys.ByID(c.Request.Context(), id)
	if fault.KindOf(err) == fault.NotFound {
		return p, "", errSession
	}
	if err != nil {
		return p, "", err
	}
	return p, s.sign("csrf", value), nil
}

// authenticateSession admits a page's caller. A caller without a session is
// sent to sign in; a form without its token is refused.
func (s *Server) authenticateSession(allowed []people.Role) gin.HandlerFunc {
	return func(c *gin.Context) {
		defer func() { // an upload's form is ours to clear: the request was copied on its way here
			if form := c.Request.MultipartForm; form != nil {
				_ = form.RemoveAll()
			}
		}()
		p, csrf, err := s.session(c)
		switch {
		case err != nil && fault.KindOf(err) == fault.Unauthorized:
			c.Redirect(http.StatusSeeOther, "/officer/login")
			c.Abort()
			return
		case err == nil && !people.Permitted(p.Roles, allowed):
			err = gate.ErrRole
		case err == nil && c.Request.Method == http.MethodPost &&
			subtle.ConstantTimeCompare([]byte(csrf), []byte(c.PostForm("csrf"))) != 1:
			err = errCSRF
		}
		if err != nil {
			s.failPage(c, err)
			return
		}
		c.Set(csrfKey, csrf)
		gate.Admit(c, p)
		c.Next()
	}
}

const csrfKey = "zhijia.csrf"
