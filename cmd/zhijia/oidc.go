package main

import (
	"slices"

	"zhijia/internal/fault"
	"zhijia/internal/people"
	"zhijia/internal/provider"
)

// oidcFlags are the settings of the identity provider.
type oidcFlags struct {
	OIDC struct {
		Issuer       string            `env:"ZHIJIA_OIDC_ISSUER" group:"Sign-in" placeholder:"URL" help:"OpenID Connect provider that signs people in beside local accounts. Empty: local accounts alone."`
		ClientID     string            `env:"ZHIJIA_OIDC_CLIENT_ID" group:"Sign-in" placeholder:"ID" help:"What the provider calls this service."`
		ClientSecret string            `env:"ZHIJIA_OIDC_CLIENT_SECRET" group:"Sign-in" secret:"true" placeholder:"SECRET" help:"Empty: a public client, which PKCE alone protects."`
		RedirectURL  string            `env:"ZHIJIA_OIDC_REDIRECT_URL" group:"Sign-in" placeholder:"URL" help:"Address of this service as browsers see it, ending in /officer/sign-in/callback."`
		Scopes       []string          `env:"ZHIJIA_OIDC_SCOPES" group:"Sign-in" help:"Asked for beside openid and profile, e.g. groups."`
		GroupsClaim  string            `env:"ZHIJIA_OIDC_GROUPS_CLAIM" group:"Sign-in" default:"groups" help:"Claim that lists a person's groups."`
		Roles        map[string]string `env:"ZHIJIA_OIDC_ROLES" group:"Sign-in" placeholder:"GROUP=ROLE" mapsep:"," help:"Role of each group, e.g. patent-officers=officer,patent-heads=approver. Who has none is not let in."`
		Institution  string            `env:"ZHIJIA_OIDC_INSTITUTION" group:"Sign-in" default:"default" help:"Institution of the people whom the provider signs in."`
	} `embed:"" prefix:"oidc-"`
}

// identity returns the provider, nil when there is none.
func (f *oidcFlags) identity() (*provider.Provider, error) {
	c := &f.OIDC
	if c.Issuer == "" {
		return nil, nil
	}
	roles := map[string][]string{}
	for group, role := range c.Roles {
		if !slices.Contains(people.Roles, people.Role(role)) {
			return nil, fault.New(fault.Invalid, "oidc.roles", "ZHIJIA_OIDC_ROLES 中没有角色 "+role+"。", "ZHIJIA_OIDC_ROLES names an unknown role: "+role+".")
		}
		roles[group] = append(roles[group], role)
	}
	return provider.New(provider.Config{
		Issuer: c.Issuer, ClientID: c.ClientID, ClientSecret: c.ClientSecret, RedirectURL: c.RedirectURL, Scopes: c.Scopes, GroupsClaim: c.GroupsClaim, Roles: roles,
	})
}
