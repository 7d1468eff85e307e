package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zhijia/internal/fault"
	"zhijia/internal/people"
)

// ownInstitution refuses a body that names another institution than the caller's.
func ownInstitution(ctx context.Context, named string) error {
	if named != "" && named != people.Of(ctx).Institution {
		return fault.New(fault.Forbidden, "institution.other", "只能操作本机构。", "You act for your own institution alone.",
			fault.Field{Field: "body.institution", Code: "institution.other", Zh: "只能是本机构", En: "must be your own"})
	}
	return nil
}

func registerKeys(api huma.API, s *Server) {
	type whoami struct {
		Body struct {
			KeyID       string        `json:"key_id"`
			Person      string        `json:"person,omitempty" doc:"Id of the person the key belongs to."`
			Name        string        `json:"name"`
			Institution string        `json:"institution"`
			Roles       []people.Role `json:"roles"`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "whoami", Method: http.MethodGet, Path: "/v1/whoami", Summary: "当前密钥 The key in use", Tags: []string{"keys"},
	}, func(ctx context.Context, _ *struct{}) (*whoami, error) {
		p := people.Of(ctx)
		out := &whoami{}
		out.Body.KeyID, out.Body.Person, out.Body.Name, out.Body.Institution, out.Body.Roles = p.KeyID, p.PersonID, p.Name, p.Institution, p.Roles
		return out, nil
	})

	type list struct {
		Body struct {
			Keys []people.KeyInfo `json:"keys"`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "list-keys", Method: http.MethodGet, Path: "/v1/keys", Summary: "密钥列表 List keys", Tags: []string{"keys"},
	}, func(ctx context.Context, _ *struct{}) (*list, error) {
		keys, err := s.gate.Keys.List(ctx)
		out := &list{}
		out.Body.Keys = keys
		return out, err
	})

	type create struct {
		Body struct {
			Name        string        `json:"name" minLength:"1" maxLength:"100" doc:"Of the system whose key it is, or what its person uses it for."`
			Person      string        `json:"person,omitempty" maxLength:"80" doc:"User name of the person it belongs to; left out, it is a system's."`
			Institution string        `json:"institution,omitempty" pattern:"^[a-z0-9-]{1,40}$" doc:"Your own; it may be left out."`
			Roles       []people.Role `json:"roles" minItems:"1" maxItems:"7" enum:"operator,admin,officer,approver,desk,evaluator,auditor" uniqueItems:"true"`
			ExpiresAt   time.Time     `json:"expires_at,omitempty" doc:"Omit for a key that never expires."`
		}
	}
	type created struct {
		Body struct {
			people.KeyInfo
			Key string `json:"key" doc:"Shown once. The service keeps only its hash."`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "create-key", Method: http.MethodPost, Path: "/v1/keys", Summary: "新建密钥 Create a key", Tags: []string{"keys"}, DefaultStatus: http.StatusCreated,
	}, func(ctx context.Context, in *create) (*created, error) {
		if err := ownInstitution(ctx, in.Body.Institution); err != nil {
			return nil, err
		}
		plain, info, err := s.gate.Keys.Create(ctx, people.Of(ctx), people.Request{Name: in.Body.Name, Login: in.Body.Person, Roles: in.Body.Roles, Expires: in.Body.ExpiresAt})
		out := &created{}
		out.Body.KeyInfo, out.Body.Key = info, plain
		return out, err
	})

	type revoke struct {
		ID string `path:"id" pattern:"^[a-z2-7]{12}$"`
	}
	type revoked struct{ Body people.KeyInfo }
	huma.Register(api, huma.Operation{
		OperationID: "revoke-key", Method: http.MethodPost, Path: "/v1/keys/{id}:revoke", Summary: "停用密钥 Revoke a key", Tags: []string{"keys"},
	}, func(ctx context.Context, in *revoke) (*revoked, error) {
		k, err := s.gate.Keys.Revoke(ctx, actor(ctx).Name, in.ID)
		return &revoked{Body: k}, err
	})
}
