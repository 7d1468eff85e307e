package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"zhijia/internal/fault"
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
		out.Body.Entries, out.Body.Cursor, err = s.egress(ctx, in.Cursor, in.Limit)
		return out, err
	})

	type consents struct {
		Body struct {
			Consents []store.Consent `json:"consents"`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "list-model-consents", Method: http.MethodGet, Path: "/v1/model-consents", Summary: "外发许可 Which institutions decided on sending texts to the model endpoint", Tags: []string{"model"},
		Description: "An institution that decided nothing: published texts may be sent, unpublished ones only when a request says so.",
	}, func(ctx context.Context, _ *struct{}) (*consents, error) {
		out := &consents{}
		var err error
		if out.Body.Consents, err = s.opt.DB.ModelConsents(ctx); out.Body.Consents == nil {
			out.Body.Consents = []store.Consent{}
		}
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
		OperationID: "set-model-consent", Method: http.MethodPost, Path: "/v1/model-consents", Summary: "设定外发许可 Allow or forbid that an institution's texts are sent; recorded in the audit log", Tags: []string{"model"},
	}, func(ctx context.Context, in *decision) (*decided, error) {
		p, _ := principalOf(ctx)
		if err := s.opt.DB.SetModelConsent(ctx, in.Body.Institution, *in.Body.Allowed, p.actor().Name); err != nil {
			return nil, err
		}
		return &decided{store.Consent{Institution: in.Body.Institution, Allowed: *in.Body.Allowed, SetBy: p.actor().Name, SetAt: s.opt.Now().UTC()}}, nil
	})

	s.pageRoute(http.MethodGet, "/officer/egress", s.showEgress)
}

// egress returns a page of the caller's institution's log.
func (s *Server) egress(ctx context.Context, cursor string, limit int) (log []store.Egress, next string, err error) {
	_, id, err := readCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	before := int64(0)
	if id != "" {
		if before, err = strconv.ParseInt(id, 10, 64); err != nil || before < 1 {
			return nil, "", fault.New(fault.Invalid, "cursor.invalid", "cursor 无效，请使用上一页返回的值。", "The cursor is not valid; use the one the last page returned.")
		}
	}
	p, _ := principalOf(ctx)
	if log, err = s.opt.DB.EgressLog(ctx, p.Institution, before, limit+1); err != nil {
		return nil, "", err
	}
	if len(log) > limit {
		log = log[:limit]
		last := log[limit-1]
		next = makeCursor(last.At, strconv.FormatInt(last.ID, 10))
	}
	if log == nil {
		log = []store.Egress{}
	}
	return log, next, nil
}

type (
	egressLine struct{ At, Actor, What, Host, Size, Hash string }
	egressPage struct {
		page
		Lines   []egressLine
		Next    string
		Consent string
	}
)

const egressLines = 100

// showEgress shows the officer what left.
func (s *Server) showEgress(c *gin.Context) error {
	ctx := c.Request.Context()
	log, next, err := s.egress(ctx, c.Query("cursor"), egressLines)
	if err != nil {
		return err
	}
	p, _ := principalOf(ctx)
	allowed, err := s.opt.DB.ModelConsent(ctx, p.Institution)
	if err != nil {
		return err
	}
	e := egressPage{page: s.newPage(c, "文本外发记录"), Next: next}
	switch {
	case allowed == nil:
		e.Consent = "本机构未作设定：已公开的专利文本可送模型服务评分，未公开的须在请求中逐次同意。"
	case *allowed:
		e.Consent = "本机构已同意：已公开的专利文本可送模型服务评分，未公开的须在请求中逐次同意。"
	default:
		e.Consent = "本机构已禁止：任何文本都不外发。"
	}
	for _, x := range log {
		e.Lines = append(e.Lines, egressLine{x.At.UTC().Format(time.DateTime), x.Actor, x.What, x.Host, fmt.Sprintf("%.1f KB", float64(x.Bytes)/1000), x.Hash})
	}
	return s.show(c, http.StatusOK, "egress", e)
}
