package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zhijia/internal/store"
)

// KeyInfo is a key without its secret.
type KeyInfo struct {
	ID          string     `json:"id"`
	Name        string     `json:"name"`
	Institution string     `json:"institution"`
	Roles       []string   `json:"roles"`
	CreatedAt   time.Time  `json:"created_at"`
	ExpiresAt   *time.Time `json:"expires_at" doc:"null: never"`
	RevokedAt   *time.Time `json:"revoked_at" doc:"null: in force"`
}

// DescribeKey drops what must not be shown.
func DescribeKey(k store.Key) KeyInfo {
	info := KeyInfo{ID: k.ID, Name: k.Name, Institution: k.Institution, Roles: k.Roles, CreatedAt: k.CreatedAt}
	if !k.ExpiresAt.IsZero() {
		info.ExpiresAt = &k.ExpiresAt
	}
	if !k.RevokedAt.IsZero() {
		info.RevokedAt = &k.RevokedAt
	}
	return info
}

func registerKeys(api huma.API, s *Server) {
	type whoami struct {
		Body struct {
			KeyID       string `json:"key_id"`
			Name        string `json:"name"`
			Institution string `json:"institution"`
			Roles       []Role `json:"roles"`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "whoami", Method: http.MethodGet, Path: "/v1/whoami", Summary: "当前密钥 The key in use", Tags: []string{"keys"},
	}, func(ctx context.Context, _ *struct{}) (*whoami, error) {
		p, _ := principalOf(ctx)
		out := &whoami{}
		out.Body.KeyID, out.Body.Name, out.Body.Institution, out.Body.Roles = p.KeyID, p.Name, p.Institution, p.Roles
		return out, nil
	})

	type list struct {
		Body struct {
			Keys []KeyInfo `json:"keys"`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "list-keys", Method: http.MethodGet, Path: "/v1/keys", Summary: "密钥列表 List keys", Tags: []string{"keys"},
	}, func(ctx context.Context, _ *struct{}) (*list, error) {
		keys, err := s.opt.DB.Keys(ctx)
		if err != nil {
			return nil, err
		}
		out := &list{}
		out.Body.Keys = []KeyInfo{}
		for _, k := range keys {
			out.Body.Keys = append(out.Body.Keys, DescribeKey(k))
		}
		return out, nil
	})

	type create struct {
		Body struct {
			Name        string    `json:"name" minLength:"1" maxLength:"100" doc:"Whose key it is."`
			Institution string    `json:"institution,omitempty" pattern:"^[a-z0-9-]{1,40}$" default:"default" doc:"The institution or desk whose records the key sees."`
			Roles       []Role    `json:"roles" minItems:"1" maxItems:"4" enum:"officer,desk,evaluator,admin" uniqueItems:"true"`
			ExpiresAt   time.Time `json:"expires_at,omitempty" doc:"Omit for a key that never expires."`
		}
	}
	type created struct {
		Body struct {
			KeyInfo
			Key string `json:"key" doc:"Shown once. The service keeps only its hash."`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "create-key", Method: http.MethodPost, Path: "/v1/keys", Summary: "新建密钥 Create a key", Tags: []string{"keys"}, DefaultStatus: http.StatusCreated,
	}, func(ctx context.Context, in *create) (*created, error) {
		plain, rec, err := NewKey(in.Body.Name, in.Body.Institution, in.Body.Roles, s.opt.Now(), in.Body.ExpiresAt)
		if err != nil {
			return nil, err
		}
		p, _ := principalOf(ctx)
		if err := s.opt.DB.InsertKey(ctx, rec, p.actor().Name); err != nil {
			return nil, err
		}
		out := &created{}
		out.Body.KeyInfo, out.Body.Key = DescribeKey(rec), plain
		return out, nil
	})

	type revoke struct {
		ID string `path:"id" pattern:"^[a-z2-7]{12}$"`
	}
	type revoked struct{ Body KeyInfo }
	huma.Register(api, huma.Operation{
		OperationID: "revoke-key", Method: http.MethodPost, Path: "/v1/keys/{id}:revoke", Summary: "停用密钥 Revoke a key", Tags: []string{"keys"},
	}, func(ctx context.Context, in *revoke) (*revoked, error) {
		p, _ := principalOf(ctx)
		k, err := s.opt.DB.RevokeKey(ctx, in.ID, s.opt.Now(), p.actor().Name)
		if err != nil {
			return nil, err
		}
		return &revoked{Body: DescribeKey(k)}, nil
	})
}
