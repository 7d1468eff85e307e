package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"zhijia/internal/people"
	"zhijia/internal/store"
)

func registerEgress(api huma.API, s *Server) {
	type egressIn struct {
		Cursor string `query:"cursor" maxLength:"300" doc:"From the page before."`
		Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
	}
	type egressOut struct {
		Body struct {
			Entries []store.Egress `json:"entries"`
			Cursor  string         `json:"cursor,omitempty" doc:"Of the next page; absent on the last."`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "list-egress", Method: http.MethodGet, Path: "/v1/egress", Summary: "文本外发记录 Every text of yours that left this system, newest first", Tags: []string{"model"},
		Description: "Written before a text is sent to the model endpoint: what, where, when, how many bytes, and the SHA-256 of what was sent. The text itself is not kept here.",
	}, func(ctx context.Context, in *egressIn) (*egressOut, error) {
		out := &egressOut{}
		var err error
		out.Body.Entries, out.Body.Cursor, err = s.opt.Audit.Egress(ctx, people.Of(ctx).Institution, in.Cursor, in.Limit)
		return out, err
	})

	type consents struct {
		Body struct {
			Consents []store.Consent `json:"consents"`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "list-model-consents", Method: http.MethodGet, Path: "/v1/model-consents", Summary: "外发许可 Which institutions decided on sending texts to the model endpoint", Tags: []string{"model"},
		Description: "A institution that decided nothing: published texts may be sent, unpublished ones only when a request says so.",
	}, func(ctx context.Context, _ *struct{}) (*consents, error) {
		out := &consents{}
		var err error
		out.Body.Consents, err = s.opt.Audit.Consents(ctx)
		return out, err
	})
	type decision struct {
		Body struct {
			Institution string `json:"institution" pattern:"^[a-z0-9-]{1,40}$" doc:"The institution or desk."`
			Allowed     *bool  `json:"allowed" required:"true" doc:"true: published texts may be sent; false: no text may be sent, whatever a request says."`
		}
	}
	type decided struct{ Body store.Consent }
	huma.Register(api, huma.Operation{
		OperationID: "set-model-consent", Method: http.MethodPost, Path: "/v1/model-consents", Summary: "设定外发许可 Allow or forbid that a institution's texts are sent; recorded in the audit log", Tags: []string{"model"},
	}, func(ctx context.Context, in *decision) (*decided, error) {
		p := people.Of(ctx)
		c, err := s.opt.Audit.SetConsent(ctx, p.Actor().Name, in.Body.Institution, *in.Body.Allowed)
		return &decided{c}, err
	})
}
