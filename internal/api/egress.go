package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zhijia/internal/audit"
)

// Egress is one text that left this system.
type Egress struct {
	ID          int64     `json:"id"`
	At          time.Time `json:"at"`
	Institution string    `json:"institution"`
	Actor       string    `json:"actor"`
	What        string    `json:"what" doc:"What was asked, e.g. the score of an indicator."`
	Host        string    `json:"host"`
	Bytes       int64     `json:"bytes"`
	Hash        string    `json:"hash" doc:"SHA-256 of what was sent, in hex."`
}

// Consent is an institution's decision on sending its texts to the model
// endpoint.
type Consent struct {
	Institution string    `json:"institution"`
	Allowed     bool      `json:"allowed"`
	SetBy       string    `json:"set_by"`
	SetAt       time.Time `json:"set_at"`
	ApprovedBy  string    `json:"approved_by,omitempty" doc:"Another person; absent: nobody else stands by it (未经复核)."`
	Waiting     bool      `json:"waiting,omitempty" doc:"To allow it is proposed and waits for another person; until then it is as it was."`
}

// AuditEntry is one sealed entry of the audit log.
type AuditEntry struct {
	Seq         int64     `json:"seq"`
	At          time.Time `json:"at"`
	Institution string    `json:"institution"`
	Actor       string    `json:"actor"`
	Action      string    `json:"action"`
	Subject     string    `json:"subject"`
	Detail      any       `json:"detail"`
	Prev        []byte    `json:"prev" doc:"Hash of the entry before, in base64."`
	Hash        []byte    `json:"hash"`
}

type (
	egressList struct {
		Entries []Egress `json:"entries"`
		Page
	}
	consents struct {
		Consents []Consent `json:"consents"`
	}
	consentIn struct {
		Body struct {
			Institution string `json:"institution,omitempty" pattern:"^[a-z0-9-]{1,40}$" doc:"Your own; it may be left out."`
			Allowed     *bool  `json:"allowed" required:"true" doc:"true: published texts may be sent; false: no text may be sent, whatever a request says."`
		}
	}
	auditIn struct {
		PageQuery
		Subject string `query:"subject" maxLength:"200" doc:"Only entries about this, e.g. a batch's id."`
	}
	auditList struct {
		Entries []AuditEntry `json:"entries"`
		Page
	}
)

func registerEgress(api huma.API, s *Server) {
	huma.Register(api, huma.Operation{
		OperationID: "list-egress", Method: http.MethodGet, Path: "/v1/egress", Summary: "文本外发记录 Every text of yours that left this system, newest first", Tags: []string{"model"},
		Description: "Written before a text is sent to the model endpoint: what, where, when, how many bytes, and the SHA-256 of what was sent. The text itself is not kept here.",
	}, s.listEgress)
	huma.Register(api, huma.Operation{
		OperationID: "list-model-consents", Method: http.MethodGet, Path: "/v1/model-consents", Summary: "外发许可 Which institutions decided on sending texts to the model endpoint", Tags: []string{"model"},
		Description: "An institution that decided nothing: published texts may be sent, unpublished ones only when a request says so.",
	}, s.listConsents)
	huma.Register(api, huma.Operation{
		OperationID: "set-model-consent", Method: http.MethodPost, Path: "/v1/model-consents", Summary: "设定外发许可 Allow or forbid that an institution's texts are sent; recorded in the audit log", Tags: []string{"model"},
	}, s.setConsent)
	huma.Register(api, huma.Operation{
		OperationID: "list-audit", Method: http.MethodGet, Path: "/v1/audit", Summary: "审计记录 Who asked what and what came of it, oldest first", Tags: []string{"audit"},
	}, s.listAudit)
}

func (s *Server) listEgress(ctx context.Context, in *PageQuery) (*reply[egressList], error) {
	sent, next, err := s.opt.Audit.Sent(ctx, actor(ctx).Institution, in.Cursor, in.Limit)
	return &reply[egressList]{egressList{each(sent, func(e *audit.Egress) Egress { return Egress(*e) }), pageTo(next)}}, err
}

func (s *Server) listConsents(ctx context.Context, _ *struct{}) (*reply[consents], error) {
	list, err := s.opt.Audit.Consents(ctx)
	return &reply[consents]{consents{each(list, func(c *audit.Consent) Consent { return Consent(*c) })}}, err
}

func (s *Server) setConsent(ctx context.Context, in *consentIn) (*reply[Consent], error) {
	if err := ownInstitution(ctx, in.Body.Institution); err != nil {
		return nil, err
	}
	c, err := s.opt.Audit.SetConsent(ctx, actor(ctx), *in.Body.Allowed)
	return &reply[Consent]{Consent(c)}, err
}

func (s *Server) listAudit(ctx context.Context, in *auditIn) (*reply[auditList], error) {
	entries, next, err := s.opt.Audit.Entries(ctx, actor(ctx).Institution, in.Subject, in.Cursor, in.Limit)
	return &reply[auditList]{auditList{each(entries, func(e *audit.Entry) AuditEntry {
		return AuditEntry{e.Seq, e.At, e.Institution, e.Actor, e.Action, e.Subject, e.Detail, e.Prev, e.Hash}
	}), pageTo(next)}}, err
}
