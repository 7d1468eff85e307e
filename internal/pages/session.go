package pages

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"zhijia/internal/fault"
	"zhijia/internal/gate"
	"zhijia/internal/people"
	"zhijia/internal/provider"
)

// A session is a row; the cookie holds a secret that finds it, and every page
// looks up anew whose it is and what he may do. Forms carry a token made from
// the secret, which another site can neither read nor make, and a form that a
// browser says comes from another site is refused before that.
const (
	sessionCookie = "zhijia_session"
	flowCookie    = "zhijia_sign_in"
)

var (
	errCSRF  = fault.New(fault.Forbidden, "session.csrf", "页面已过期，请返回重新打开后再提交。", "The page has expired; open it again and resubmit.")
	errCross = fault.New(fault.Forbidden, "session.cross_site", "请求来自其他网站，已拒绝。", "The request comes from another site and is refused.")
	errFlow  = fault.New(fault.Unauthorized, "session.flow", "登录已中断或超时，请重新登录。", "The sign-in was interrupted or took too long; sign in again.")
)

// startSession opens a session and sets its cookie.
func (s *Server) startSession(c *gin.Context, p people.Principal, sid, idToken string) error {
	token, until, err := s.gate.People.Start(c.Request.Context(), p, sid, idToken)
	if err == nil {
		s.setCookie(c, sessionCookie, token, until, http.SameSiteStrictMode)
	}
	return err
}

func (s *Server) setCookie(c *gin.Context, name, value string, until time.Time, site http.SameSite) {
	http.SetCookie(c.Writer, &http.Cookie{
		Name: name, Value: value, Path: "/officer", Expires: until, HttpOnly: true, SameSite: site,
		Secure: c.Request.TLS != nil || c.GetHeader("X-Forwarded-Proto") == "https",
	})
}

// session returns the caller of a page and the token its forms must carry.
func (s *Server) session(c *gin.Context) (p people.Principal, csrf string, err error) {
	token, _ := c.Cookie(sessionCookie) // none opens no session
	if p, err = s.gate.People.Resume(c.Request.Context(), token); err != nil {
		return p, "", err
	}
	return p, csrfOf(token), nil
}

func csrfOf(token string) string {
	sum := sha256.Sum256([]byte("csrf\x00" + token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// sameSite refuses a form that the browser says another site sent.
var sameSite = http.NewCrossOriginProtection()

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
		case err == nil && sameSite.Check(c.Request) != nil:
			err = errCross
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

type loginPage struct {
	page
	Provider bool // there is one
}

func registerSessionPages(s *Server) {
	s.pageRoute(http.MethodGet, "/officer/login", func(c *gin.Context) error { return s.showLogin(c, nil) })
	s.pageRoute(http.MethodPost, "/officer/login", s.signIn)
	s.pageRoute(http.MethodPost, "/officer/logout", s.signOut)
	s.pageRoute(http.MethodGet, "/officer/sign-in", s.beginSignIn)
	s.pageRoute(http.MethodGet, "/officer/sign-in/callback", s.finishSignIn)
	s.gate.Handle(gate.Route{Method: http.MethodPost, Path: "/officer/sign-in/logout"}, func(c *gin.Context) {
		if err := s.providerEnded(c); err != nil {
			gate.Fail(c, err)
		}
	})
}

func (s *Server) showLogin(c *gin.Context, problem error) error {
	pg := loginPage{page: s.newPage(c, "登录"), Provider: s.opt.Provider != nil}
	pg.Form.Set("institution", s.opt.Institution)
	if problem == nil {
		return s.show(c, http.StatusOK, "login", pg)
	}
	gate.NoteError(c, problem)
	pg.Fault = gate.ProblemOf(c.Request, problem)
	if v := c.PostForm("institution"); v != "" {
		pg.Form.Set("institution", v)
	}
	pg.Form.Set("login", c.PostForm("login"))
	return s.show(c, pg.Fault.Status, "login", pg)
}

// signIn takes a user name with a password, or a key.
func (s *Server) signIn(c *gin.Context) error {
	ctx := c.Request.Context()
	if sameSite.Check(c.Request) != nil {
		return s.showLogin(c, errCross)
	}
	var p people.Principal
	var err error
	if key := strings.TrimSpace(c.PostForm("key")); key != "" {
		p, err = s.gate.Keys.Check(ctx, key)
	} else {
		p, err = s.gate.People.Check(ctx, strings.TrimSpace(c.PostForm("institution")), c.PostForm("login"), c.PostForm("password"))
	}
	if err == nil && !p.MaySignIn() {
		err = gate.ErrRole
	}
	if err == nil {
		err = s.startSession(c, p, "", "")
	}
	if err != nil {
		return s.showLogin(c, err)
	}
	c.Redirect(http.StatusSeeOther, "/officer")
	return nil
}

// signOut ends the session here and, where the provider opened it, there. A
// session that is over already is no error; a form of another site is.
func (s *Server) signOut(c *gin.Context) error {
	ctx := c.Request.Context()
	token, _ := c.Cookie(sessionCookie) // none ends no session
	if sameSite.Check(c.Request) != nil || subtle.ConstantTimeCompare([]byte(csrfOf(token)), []byte(c.PostForm("csrf"))) != 1 {
		return errCSRF
	}
	idToken, err := s.gate.People.End(ctx, token)
	if err != nil {
		return err
	}
	s.setCookie(c, sessionCookie, "", s.gate.Now().Add(-people.SessionLifetime), http.SameSiteStrictMode)
	if s.opt.Provider != nil && idToken != "" {
		if there := s.opt.Provider.EndURL(ctx, idToken); there != "" {
			return s.goOn(c, there)
		}
	}
	c.Redirect(http.StatusSeeOther, "/officer/login")
	return nil
}

// goOn sends the browser on by a page of ours: a form may not lead elsewhere, and
// a strict cookie is not sent along a chain that another site began.
func (s *Server) goOn(c *gin.Context, there string) error {
	c.Header("Refresh", "0; url="+there)
	pg := s.newPage(c, "请稍候")
	pg.Form.Set("there", there)
	return s.show(c, http.StatusOK, "go_on", pg)
}

var errNoProvider = fault.New(fault.NotFound, "oidc.off", "本服务未启用统一身份认证。", "This service has no identity provider.")

func (s *Server) beginSignIn(c *gin.Context) error {
	if s.opt.Provider == nil {
		return errNoProvider
	}
	flow := provider.NewFlow()
	there, err := s.opt.Provider.Begin(c.Request.Context(), flow)
	if err != nil {
		return err
	}
	kept, err := json.Marshal(flow)
	if err != nil {
		return err
	}
	s.setCookie(c, flowCookie, base64.RawURLEncoding.EncodeToString(kept), s.gate.Now().Add(10*time.Minute), http.SameSiteLaxMode)
	c.Redirect(http.StatusSeeOther, there)
	return nil
}

func (s *Server) finishSignIn(c *gin.Context) error {
	if s.opt.Provider == nil {
		return errNoProvider
	}
	ctx := c.Request.Context()
	var flow provider.Flow
	value, _ := c.Cookie(flowCookie) // none is no flow
	kept, err := base64.RawURLEncoding.DecodeString(value)
	s.setCookie(c, flowCookie, "", s.gate.Now().Add(-time.Hour), http.SameSiteLaxMode)
	if err != nil || json.Unmarshal(kept, &flow) != nil || flow.State == "" || flow.Nonce == "" || flow.Verifier == "" ||
		subtle.ConstantTimeCompare([]byte(flow.State), []byte(c.Query("state"))) != 1 {
		return s.showLogin(c, errFlow)
	}
	who, err := s.opt.Provider.Finish(ctx, flow, c.Query("code"))
	if err != nil {
		return s.showLogin(c, err)
	}
	if len(who.Roles) == 0 {
		return s.showLogin(c, gate.ErrRole)
	}
	in := people.SignedIn{Institution: s.opt.Institution, Subject: who.Subject, Login: who.Login, Name: who.Name, SID: who.SID, IDToken: who.IDToken}
	for _, r := range who.Roles {
		in.Roles = append(in.Roles, people.Role(r))
	}
	p, err := s.gate.People.Provided(ctx, in)
	if err == nil && !p.MaySignIn() {
		err = gate.ErrRole
	}
	if err == nil {
		err = s.startSession(c, p, who.SID, who.IDToken)
	}
	if err != nil {
		return s.showLogin(c, err)
	}
	return s.goOn(c, "/officer")
}

// providerEnded hears from the provider, not from a browser.
func (s *Server) providerEnded(c *gin.Context) error {
	if s.opt.Provider == nil {
		return errNoProvider
	}
	ctx := c.Request.Context()
	subject, sid, err := s.opt.Provider.Ended(ctx, c.PostForm("logout_token"))
	if err != nil {
		return err
	}
	if err := s.gate.People.EndProvided(ctx, s.opt.Institution, subject, sid); err != nil {
		return err
	}
	c.Status(http.StatusOK)
	return nil
}
