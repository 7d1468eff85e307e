// Package provider signs people in by an OpenID Connect provider: the
// authorisation code flow with PKCE, nonce and state, sign-out at the provider,
// and the provider's own word that a session is over.
//
// Start with [New]. It knows no person and no session of ours: it answers with
// what the provider said.
package provider

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"zhijia/internal/fault"
)

// Config are the settings of a provider.
type Config struct {
	Issuer       string
	ClientID     string
	ClientSecret string // empty: a public client, which PKCE alone protects
	RedirectURL  string // of this service: …/officer/sign-in/callback
	Scopes       []string
	GroupsClaim  string              // claim that lists a person's groups
	Roles        map[string][]string // roles by group
}

// Provider is an OpenID Connect provider. It is asked for its addresses at the
// first sign-in, so that a service starts without it.
type Provider struct {
	config Config
	client *http.Client

	mu         sync.Mutex
	oauth      *oauth2.Config
	provider   *oidc.Provider
	verifier   *oidc.IDTokenVerifier
	endSession string
}

// New returns a provider, or a fault that names the setting that is wrong.
func New(c Config) (*Provider, error) {
	issuer, err := url.Parse(c.Issuer)
	if err != nil || issuer.Host == "" || issuer.Scheme != "https" && issuer.Hostname() != "127.0.0.1" && issuer.Hostname() != "localhost" {
		return nil, fault.New(fault.Invalid, "oidc.issuer", "ZHIJIA_OIDC_ISSUER 须为 https 地址。", "ZHIJIA_OIDC_ISSUER must be an https address.")
	}
	if redirect, err := url.Parse(c.RedirectURL); err != nil || redirect.Host == "" || c.ClientID == "" {
		return nil, fault.New(fault.Invalid, "oidc.client", "须设定 ZHIJIA_OIDC_CLIENT_ID 和 ZHIJIA_OIDC_REDIRECT_URL。", "Set ZHIJIA_OIDC_CLIENT_ID and ZHIJIA_OIDC_REDIRECT_URL.")
	}
	if len(c.Roles) == 0 {
		return nil, fault.New(fault.Invalid, "oidc.roles", "须设定 ZHIJIA_OIDC_ROLES（组=角色），否则无人可以登录。", "Set ZHIJIA_OIDC_ROLES (group=role); nobody could sign in without it.")
	}
	return &Provider{config: c, client: &http.Client{Timeout: 10 * time.Second}}, nil
}

// discover asks the provider for its addresses once.
func (p *Provider) discover(ctx context.Context) (context.Context, error) {
	ctx = oidc.ClientContext(ctx, p.client)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.provider != nil {
		return ctx, nil
	}
	// Its keys are fetched later by the context it was found with.
	found, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), p.client), p.config.Issuer)
	if err != nil {
		return ctx, unreachable(err)
	}
	var more struct {
		EndSession string `json:"end_session_endpoint"`
	}
	if err := found.Claims(&more); err != nil {
		return ctx, unreachable(err)
	}
	p.provider, p.endSession = found, more.EndSession
	p.verifier = found.Verifier(&oidc.Config{ClientID: p.config.ClientID})
	p.oauth = &oauth2.Config{
		ClientID: p.config.ClientID, ClientSecret: p.config.ClientSecret, Endpoint: found.Endpoint(), RedirectURL: p.config.RedirectURL,
		Scopes: append([]string{oidc.ScopeOpenID, "profile"}, p.config.Scopes...),
	}
	return ctx, nil
}

func unreachable(err error) error {
	return fault.New(fault.Unavailable, "oidc.unreachable", "统一身份认证暂不可用，请稍后重试。", "The identity provider cannot be reached; try again later.").Because(err)
}

func refused(err error) error {
	return fault.New(fault.Unauthorized, "oidc.refused", "统一身份认证未通过，请重新登录。", "The identity provider did not sign you in; sign in again.").Because(err)
}

// Flow is one sign-in under way. The browser keeps it until it comes back.
type Flow struct{ State, Nonce, Verifier string }

// NewFlow returns a flow that nobody can guess.
func NewFlow() Flow {
	return Flow{oauth2.GenerateVerifier(), oauth2.GenerateVerifier(), oauth2.GenerateVerifier()}
}

// Begin returns the address at the provider where the person signs in.
func (p *Provider) Begin(ctx context.Context, f Flow) (string, error) {
	if _, err := p.discover(ctx); err != nil {
		return "", err
	}
	return p.oauth.AuthCodeURL(f.State, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)), nil
}

// Person is whom the provider signed in.
type Person struct {
	Subject     string // issuer and subject
	Login, Name string
	Roles       []string
	SID         string // the provider's session, where it says
	IDToken     string
}

// Finish trades the code for the person it stands for.
func (p *Provider) Finish(ctx context.Context, f Flow, code string) (Person, error) {
	ctx, err := p.discover(ctx)
	if err != nil {
		return Person{}, err
	}
	token, err := p.oauth.Exchange(ctx, code, oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return Person{}, refused(err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := p.verifier.Verify(ctx, raw)
	if err != nil {
		return Person{}, refused(err)
	}
	if id.Nonce != f.Nonce {
		return Person{}, refused(nil)
	}
	claims := map[string]json.RawMessage{}
	if err := id.Claims(&claims); err != nil {
		return Person{}, refused(err)
	}
	if claims[p.config.GroupsClaim] == nil { // some tell it only there
		info, err := p.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
		if err != nil || info.Subject != id.Subject {
			return Person{}, refused(err)
		}
		more := map[string]json.RawMessage{}
		if err := info.Claims(&more); err != nil {
			return Person{}, refused(err)
		}
		for k, v := range more {
			if claims[k] == nil {
				claims[k] = v
			}
		}
	}
	return Person{
		Subject: p.config.Issuer + " " + id.Subject, Login: text(claims["preferred_username"]), Name: text(claims["name"]),
		Roles: p.roles(claims[p.config.GroupsClaim]), SID: text(claims["sid"]), IDToken: raw,
	}, nil
}

func text(raw json.RawMessage) (s string) {
	_ = json.Unmarshal(raw, &s) // what is no text is none
	return s
}

// roles are those of the groups, in a fixed order.
func (p *Provider) roles(raw json.RawMessage) (roles []string) {
	var groups []string
	if json.Unmarshal(raw, &groups) != nil {
		groups = strings.Fields(text(raw))
	}
	for _, g := range groups {
		roles = append(roles, p.config.Roles[g]...)
	}
	slices.Sort(roles)
	return slices.Compact(roles)
}

// EndURL is where the browser ends the provider's own session; empty when the
// provider has no such address.
func (p *Provider) EndURL(ctx context.Context, idToken string) string {
	if _, err := p.discover(ctx); err != nil || p.endSession == "" {
		return ""
	}
	return p.endSession + "?" + url.Values{"id_token_hint": {idToken}, "client_id": {p.config.ClientID}}.Encode()
}

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// Ended reads the provider's signed word that a session is over: of a subject,
// of one session, or both.
func (p *Provider) Ended(ctx context.Context, logoutToken string) (subject, sid string, err error) {
	ctx, err = p.discover(ctx)
	if err != nil {
		return "", "", err
	}
	token, err := p.verifier.Verify(ctx, logoutToken)
	if err != nil {
		return "", "", fault.New(fault.Invalid, "oidc.logout_token", "登出令牌无效。", "The logout token is not valid.").Because(err)
	}
	var claims struct {
		SID    string                     `json:"sid"`
		Nonce  *string                    `json:"nonce"`
		Events map[string]json.RawMessage `json:"events"`
	}
	err = token.Claims(&claims)
	if _, is := claims.Events[logoutEvent]; err != nil || !is || claims.Nonce != nil || token.Subject == "" && claims.SID == "" {
		return "", "", fault.New(fault.Invalid, "oidc.logout_token", "登出令牌无效。", "The logout token is not valid.").Because(err)
	}
	if token.Subject != "" {
		subject = p.config.Issuer + " " + token.Subject
	}
	return subject, claims.SID, nil
}
