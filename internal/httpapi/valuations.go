package httpapi

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zhijia/internal/fault"
	"zhijia/internal/office"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
)

// A stored valuation is served from its stored bytes, so REST, CLI and batch
// give the same bytes for the same record.

// Valuation describes a stored valuation in the specification.
type Valuation struct {
	ID          string               `json:"id"`
	CreatedAt   time.Time            `json:"created_at"`
	CreatedBy   string               `json:"created_by" doc:"Id of the key that asked."`
	Number      string               `json:"number,omitempty"`
	Title       string               `json:"title"`
	Purpose     string               `json:"purpose"`
	Date        string               `json:"valuation_date" format:"date"`
	Status      string               `json:"status" enum:"valued,range_only,abstained,zero"`
	Assumptions string               `json:"assumptions" doc:"Version of the assumptions."`
	Hash        string               `json:"hash" doc:"SHA-256 over assumptions, snapshot and conclusion."`
	Request     json.RawMessage      `json:"request" doc:"The request as understood."`
	Conclusion  valuation.Conclusion `json:"conclusion"`
}

type valuationID struct {
	ID string `path:"id" pattern:"^[A-Za-z0-9_-]{1,64}$" doc:"Id of a stored valuation."`
}

// document is a reply whose bytes are ready.
type document struct {
	Status       int
	Location     string `header:"Location"`
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Language     string `header:"Content-Language"`
	ContentType  string `header:"Content-Type"`
	Body         []byte
}

// respondsWith describes a reply of ready bytes by the type they encode.
func (s *Server) respondsWith(t reflect.Type, status, description string, others ...string) map[string]*huma.Response {
	content := map[string]*huma.MediaType{"application/json": {Schema: s.api.OpenAPI().Components.Schemas.Schema(t, true, "")}}
	for _, o := range others {
		content[o] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	}
	return map[string]*huma.Response{status: {Description: description, Content: content}}
}

// etag makes a strong tag of what a representation depends on.
func etag(parts ...string) string { return `"` + strings.Join(parts, "-") + `"` }

// matches reports whether an If-None-Match header names the tag.
func matches(header, tag string) bool {
	return header == "*" || slices.ContainsFunc(strings.Split(header, ","), func(s string) bool {
		return strings.TrimPrefix(strings.TrimSpace(s), "W/") == tag
	})
}

func registerValuations(api huma.API, s *Server) {
	type list struct {
		Number string `query:"number" maxLength:"40" doc:"Only valuations of this patent."`
		Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
		Cursor string `query:"cursor" maxLength:"200" doc:"next_cursor of the page before."`
	}
	type listed struct {
		Body struct {
			Valuations []store.ValuationSummary `json:"valuations"`
			HasMore    bool                     `json:"has_more"`
			NextCursor string                   `json:"next_cursor,omitempty"`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "list-valuations", Method: http.MethodGet, Path: "/v1/valuations", Tags: []string{"valuations"},
		Summary: "估值列表 List valuations, newest first",
	}, func(ctx context.Context, in *list) (*listed, error) {
		number := ""
		if in.Number != "" {
			n, err := parseNumber("query.number", in.Number)
			if err != nil {
				return nil, err
			}
			number = n
		}
		lines, next, err := s.valuations(ctx, number, in.Cursor, in.Limit)
		if err != nil {
			return nil, err
		}
		out := &listed{}
		out.Body.Valuations, out.Body.NextCursor, out.Body.HasMore = lines, next, next != ""
		return out, nil
	})

	type get struct {
		valuationID
		Format   string `query:"format" enum:"json,html,text" doc:"Overrides Accept: json (default), html for the printable opinion, text."`
		Lang     string `query:"lang" enum:"zh,en" doc:"Language of the opinion; default by Accept-Language, Chinese first."`
		Accept   string `header:"Accept"`
		Language string `header:"Accept-Language"`
		Match    string `header:"If-None-Match"`
	}
	huma.Register(api, huma.Operation{
		OperationID: "get-valuation", Method: http.MethodGet, Path: "/v1/valuations/{id}", Tags: []string{"valuations"},
		Summary: "读取估值 A stored valuation, as JSON or as an opinion to read",
		Responses: s.respondsWith(reflect.TypeFor[Valuation](), "200", "The record as stored; or the opinion as HTML (A4) or text.",
			"text/html", "text/plain"),
	}, func(ctx context.Context, in *get) (*document, error) {
		p, _ := principalOf(ctx)
		v, err := s.opt.DB.Valuation(ctx, p.Tenant, in.ID)
		if err != nil {
			return nil, err
		}
		format := in.Format
		if format == "" {
			format = accepted(in.Accept)
		}
		lang := office.Zh
		if in.Lang == "en" || in.Lang == "" && strings.HasPrefix(strings.ToLower(in.Language), "en") {
			lang = office.En
		}
		d := &document{CacheControl: "private, no-cache"}
		tag := []string{hex.EncodeToString(v.Hash), v.ID, format}
		if format != "json" {
			overrides, err := s.opt.DB.Overrides(ctx, v.ID)
			if err != nil {
				return nil, err
			}
			tag = append(tag, string(lang), fmt.Sprint(len(overrides)))
			d.Language = map[office.Lang]string{office.Zh: "zh-CN", office.En: "en"}[lang]
			if !matches(in.Match, etag(tag...)) {
				d.ContentType, d.Body, err = render(v, overrides, format, lang)
				if err != nil {
					return nil, err
				}
			}
		} else if !matches(in.Match, etag(tag...)) {
			d.ContentType = "application/json"
			if d.Body, err = v.JSON(); err != nil {
				return nil, err
			}
		}
		d.ETag, d.Status = etag(tag...), http.StatusOK
		if d.Body == nil {
			d.Status = http.StatusNotModified
		}
		return d, nil
	})

	type override struct {
		valuationID
		Body struct {
			Value  float64 `json:"value" minimum:"0" maximum:"1e15" doc:"The officer's figure, yuan."`
			Reason string  `json:"reason" minLength:"1" maxLength:"2000" doc:"Why; kept for ever beside both figures."`
		}
	}
	type overridden struct{ Body OverrideInfo }
	huma.Register(api, huma.Operation{
		OperationID: "override-valuation", Method: http.MethodPost, Path: "/v1/valuations/{id}/overrides", Tags: []string{"valuations"},
		Summary:     "人工意见 Put an officer's figure beside a valuation",
		Description: "The valuation itself never changes: both figures are kept, with the reason and who gave it.", DefaultStatus: http.StatusCreated,
		Metadata: map[string]any{metaIdempotent: true},
	}, func(ctx context.Context, in *override) (*overridden, error) {
		info, err := s.overrideValuation(ctx, in.ID, in.Body.Value, in.Body.Reason)
		if err != nil {
			return nil, err
		}
		return &overridden{Body: info}, nil
	})

	type overrides struct {
		Body struct {
			Overrides []OverrideInfo `json:"overrides"`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "list-overrides", Method: http.MethodGet, Path: "/v1/valuations/{id}/overrides", Tags: []string{"valuations"},
		Summary: "人工意见列表 Officers' figures beside a valuation, oldest first",
	}, func(ctx context.Context, in *valuationID) (*overrides, error) {
		p, _ := principalOf(ctx)
		v, err := s.opt.DB.Valuation(ctx, p.Tenant, in.ID)
		if err != nil {
			return nil, err
		}
		rows, err := s.opt.DB.Overrides(ctx, v.ID)
		if err != nil {
			return nil, err
		}
		out := &overrides{}
		out.Body.Overrides = []OverrideInfo{}
		for _, o := range rows {
			out.Body.Overrides = append(out.Body.Overrides, describeOverride(o, v))
		}
		return out, nil
	})
}

// OverrideInfo shows both figures.
type OverrideInfo struct {
	store.Override
	Model   *float64 `json:"model_value" doc:"The stored valuation's point, yuan; null when it gave none."`
	Low     float64  `json:"model_low"`
	High    float64  `json:"model_high"`
	InRange bool     `json:"in_range"`
}

func describeOverride(o store.Override, v store.Valuation) OverrideInfo {
	return OverrideInfo{Override: o, Model: v.Point, Low: v.Low, High: v.High, InRange: o.Value >= v.Low && o.Value <= v.High}
}

// valuations lists a page of the caller's tenant and the cursor of the next.
func (s *Server) valuations(ctx context.Context, number, cursor string, limit int) ([]store.ValuationSummary, string, error) {
	p, _ := principalOf(ctx)
	at, id, err := readCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	lines, err := s.opt.DB.Valuations(ctx, p.Tenant, number, at, id, limit+1)
	if err != nil {
		return nil, "", err
	}
	if lines == nil {
		lines = []store.ValuationSummary{}
	}
	if len(lines) <= limit {
		return lines, "", nil
	}
	lines = lines[:limit]
	last := lines[limit-1]
	return lines, makeCursor(last.CreatedAt, last.ID), nil
}

var errReason = fault.New(fault.Invalid, "override.reason", "请写明理由（不超过2000字）。", "Give the reason, in at most 2,000 characters.",
	fault.Field{Field: "reason", Code: "override.reason", Zh: "请写明理由", En: "give the reason"})

// overrideValuation keeps the caller's figure beside a valuation.
func (s *Server) overrideValuation(ctx context.Context, id string, value float64, reason string) (OverrideInfo, error) {
	p, _ := principalOf(ctx)
	v, err := s.opt.DB.Valuation(ctx, p.Tenant, id)
	if err != nil {
		return OverrideInfo{}, err
	}
	reason = strings.TrimSpace(reason)
	if reason == "" || len([]rune(reason)) > 2000 || strings.ContainsFunc(reason, control) {
		return OverrideInfo{}, errReason
	}
	o := store.Override{
		ID: newID("ovr"), ValuationID: v.ID, CreatedAt: s.opt.Now().UTC().Truncate(time.Microsecond),
		Officer: p.Name + " (" + p.KeyID + ")", Value: value, Reason: reason,
	}
	if err := s.opt.DB.PutOverride(ctx, o); err != nil {
		return OverrideInfo{}, err
	}
	return describeOverride(o, v), nil
}

func control(r rune) bool { return r < 0x20 && r != '\n' && r != '\t' || r == 0x7f }

// accepted chooses a representation by an Accept header: what it names first,
// JSON for anything else.
func accepted(header string) string {
	for _, part := range strings.Split(header, ",") {
		media, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		switch media {
		case "text/html", "application/xhtml+xml":
			return "html"
		case "text/plain":
			return "text"
		case "application/json", "*/*":
			return "json"
		}
	}
	return "json"
}

// render writes the opinion of a stored valuation with the officers' latest
// figure.
func render(v store.Valuation, overrides []store.Override, format string, lang office.Lang) (contentType string, body []byte, err error) {
	o, err := opinion(v, overrides)
	if err != nil {
		return "", nil, err
	}
	var b bytes.Buffer
	if format == "html" {
		err = o.HTML(&b, lang)
		return "text/html; charset=utf-8", b.Bytes(), err
	}
	err = o.Text(&b, lang)
	return "text/plain; charset=utf-8", b.Bytes(), err
}
