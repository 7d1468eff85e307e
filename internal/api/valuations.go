package api

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/opinion"
	"zhijia/internal/people"
	"zhijia/internal/valuation"
)

// A stored valuation is served from its stored bytes, so REST, CLI and batch
// give the same bytes for the same record.

// Valuation describes a stored valuation in the specification.
type Valuation struct {
	ID         string               `json:"id"`
	Title      string               `json:"title" example:"估值参考意见"`
	Notice     string               `json:"notice"`
	CreatedAt  time.Time            `json:"created_at"`
	CreatedBy  string               `json:"created_by"`
	Number     string               `json:"number,omitempty"`
	Request    appraisal.Request    `json:"request" doc:"The request as understood."`
	Assignment valuation.Assignment `json:"assignment"`
	Conclusion valuation.Conclusion `json:"conclusion"`
	Hash       string               `json:"hash" doc:"SHA-256 over assumptions, snapshot and conclusion."`
}

// ValuationID is the path of one valuation.
type ValuationID struct {
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

var idempotencyParam = &huma.Param{
	Name: "Idempotency-Key", In: "header", Schema: &huma.Schema{Type: huma.TypeString},
	Description: "1 to 255 visible ASCII characters. The same key with the same request repeats the stored reply for a day; with another request it is an error.",
}

// retrieved is the evidence behind a search for comparables.
type retrieved struct {
	Body struct {
		Comparables []valuation.Comparable `json:"comparables" doc:"Admitted deals, most similar first."`
		Excluded    []valuation.Comparable `json:"excluded" doc:"Seen and refused, each with exclusion_code."`
		Retrieval   valuation.Retrieval    `json:"retrieval" doc:"How they were found."`
		Read        *ReadFrom              `json:"read_from,omitempty" doc:"Which server answered, and how old what it was read from may be, where a replica is configured."`
	}
}

// ReadFrom says from which server an answer was read.
type ReadFrom struct {
	Server string   `json:"server" enum:"primary,replica" doc:"Which server answered."`
	Behind *float64 `json:"behind_seconds,omitempty" doc:"Of a replica: at most so many seconds old is what it was read from; absent: it could not be told."`
	Why    string   `json:"why,omitempty" doc:"Why the primary answered although a replica is configured: replica.away, replica.behind."`
}

func registerValuations(api huma.API, s *Server) {
	type create struct{ Body appraisal.Request }
	huma.Register(api, huma.Operation{
		OperationID: "create-valuation", Method: http.MethodPost, Path: "/v1/valuations", Tags: []string{"valuations"}, DefaultStatus: http.StatusCreated,
		Summary:     "估值 Value a patent",
		Description: "专利号或文本，任一即可。A number is enough when the patent is in the store; a text is enough without a number. A valuation that abstains is not an error: `status: abstained`, a reason and what to supply next.",
		Metadata:    map[string]any{metaIdempotent: true}, Parameters: []*huma.Param{idempotencyParam},
		Responses: s.respondsWith(reflect.TypeFor[Valuation](), "201", "The valuation, stored."),
	}, func(ctx context.Context, in *create) (*document, error) {
		p := people.Of(ctx)
		rec, err := s.opt.Appraisal.Value(ctx, p.Actor(), in.Body)
		if err != nil {
			return nil, err
		}
		s.gate.Valued()
		body, err := rec.JSON()
		return &document{
			Status: http.StatusCreated, Location: "/v1/valuations/" + rec.ID(), ETag: etag(rec.ID(), rec.Hash()[:16], "json"),
			ContentType: "application/json", Body: body,
		}, err
	})

	type replayed struct{ Body appraisal.Replay }
	huma.Register(api, huma.Operation{
		OperationID: "replay-valuation", Method: http.MethodPost, Path: "/v1/valuations/{id}:replay", Tags: []string{"valuations"},
		Summary: "重算核对 Repeat a stored valuation from its snapshot and compare the bytes",
	}, func(ctx context.Context, in *ValuationID) (*replayed, error) {
		p := people.Of(ctx)
		r, err := s.opt.Appraisal.Replay(ctx, p.Actor(), in.ID)
		return &replayed{Body: r}, err
	})

	type since struct{ Body appraisal.Since }
	huma.Register(api, huma.Operation{
		OperationID: "valuation-since", Method: http.MethodPost, Path: "/v1/valuations/{id}:since", Tags: []string{"valuations"},
		Summary:     "与今天相比 The same question asked today, and why the figure differs",
		Description: "Asks the stored valuation's question again as of today. The difference is told by cause (versions, time, deals, register, subject, scores, facts), and the causes sum to it. Nothing is stored.",
	}, func(ctx context.Context, in *ValuationID) (*since, error) {
		p := people.Of(ctx)
		r, err := s.opt.Appraisal.Since(ctx, p.Actor(), in.ID)
		return &since{Body: r}, err
	})

	type influences struct{ Body valuation.Influences }
	type influencesOf struct {
		ValuationID
		Limit int `query:"limit" minimum:"1" maximum:"100000" default:"100" doc:"Deals returned."`
	}
	huma.Register(api, huma.Operation{
		OperationID: "valuation-influences", Method: http.MethodGet, Path: "/v1/valuations/{id}/influences", Tags: []string{"valuations"},
		Summary:     "成交的影响 What each deal does to the market figure",
		Description: "From the stored snapshot: the market figure, and for each deal the figure when that deal alone is left out, those that move it most first. Scales and calibration stay. Empty where the valuation has no market figure.",
	}, func(ctx context.Context, in *influencesOf) (*influences, error) {
		r, err := s.opt.Appraisal.Influences(ctx, people.Of(ctx).Actor(), in.ID)
		r.Deals = r.Deals[:min(len(r.Deals), in.Limit)]
		return &influences{Body: r}, err
	})

	type whatIf struct {
		ValuationID
		Body appraisal.Change
	}
	type whatIfReply struct{ Body appraisal.WhatIf }
	huma.Register(api, huma.Operation{
		OperationID: "what-if-valuation", Method: http.MethodPost, Path: "/v1/valuations/{id}:what-if", Tags: []string{"valuations"},
		Summary:     "假设分析 The same evidence with something changed",
		Description: "Concludes again from the stored snapshot with the given facts in place of the stored ones. Nothing is stored.",
	}, func(ctx context.Context, in *whatIf) (*whatIfReply, error) {
		p := people.Of(ctx)
		w, err := s.opt.Appraisal.WhatIf(ctx, p.Actor(), in.ID, in.Body)
		return &whatIfReply{Body: w}, err
	})

	huma.Register(api, huma.Operation{
		OperationID: "search-comparables", Method: http.MethodPost, Path: "/v1/comparables:search", Tags: []string{"comparables"},
		Summary: "检索可比交易 Priced deals before a date, most similar first, with those excluded and why",
	}, func(ctx context.Context, in *create) (*retrieved, error) { return s.comparables(ctx, in.Body) })
	type search struct {
		Number string        `query:"number" required:"true" maxLength:"40" doc:"Of a stored patent."`
		Date   calendar.Date `query:"valuation_date" doc:"Only deals before this date; default today."`
		Blind  bool          `query:"blind" doc:"Leave out deals of this very patent and its family."`
	}
	huma.Register(api, huma.Operation{
		OperationID: "get-comparables", Method: http.MethodGet, Path: "/v1/comparables:search", Tags: []string{"comparables"},
		Summary: "检索可比交易 Priced deals like a stored patent",
	}, func(ctx context.Context, in *search) (*retrieved, error) {
		return s.comparables(ctx, appraisal.Request{Number: in.Number, Date: in.Date, Blind: in.Blind})
	})

	type list struct {
		PageQuery
		Number   string        `query:"number" maxLength:"40" doc:"Only valuations of this patent."`
		Title    string        `query:"title" maxLength:"200" doc:"Only those whose title has these words."`
		Purpose  string        `query:"purpose" maxLength:"40" doc:"Only those for this purpose."`
		By       string        `query:"created_by" maxLength:"100" doc:"Only those that this person or system asked for."`
		Borrower string        `query:"borrower" maxLength:"120" doc:"Only those for a borrower or client whose name has these words."`
		Status   string        `query:"status" maxLength:"40" doc:"Only those with this status."`
		AtLeast  float64       `query:"at_least" minimum:"0" doc:"Only those whose figure is at least this, yuan; 0: any."`
		AtMost   float64       `query:"at_most" minimum:"0" doc:"Only those whose figure is at most this, yuan; 0: any."`
		Made     string        `query:"made" enum:"alone,batch" doc:"alone: asked for one by one; batch: rows of batches and revaluations of the book."`
		Waiting  bool          `query:"waiting" doc:"Only those beside which an officer's own figure waits for approval."`
		From     calendar.Date `query:"from" doc:"Only those made on this day in China or later."`
		To       calendar.Date `query:"to" doc:"Only those made on this day in China or before."`
	}
	type listed struct {
		Body struct {
			Valuations []ValuationSummary `json:"valuations"`
			Page
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "list-valuations", Method: http.MethodGet, Path: "/v1/valuations", Tags: []string{"valuations"},
		Summary: "估值列表 List valuations, newest first",
	}, func(ctx context.Context, in *list) (*listed, error) {
		q := appraisal.MadeBetween(in.From, in.To)
		q.Title, q.Purpose, q.By = in.Title, in.Purpose, in.By
		q.Borrower, q.Status, q.Made, q.Waiting = in.Borrower, in.Status, in.Made, in.Waiting
		if in.AtLeast > 0 {
			q.AtLeast = &in.AtLeast
		}
		if in.AtMost > 0 {
			q.AtMost = &in.AtMost
		}
		if in.Number != "" {
			n, err := parseNumber("query.number", in.Number)
			if err != nil {
				return nil, err
			}
			q.Number = n
		}
		lines, next, err := s.opt.Appraisal.Valuations(ctx, people.Of(ctx).Actor(), q, in.Cursor, in.Limit)
		if err != nil {
			return nil, err
		}
		out := &listed{}
		out.Body.Valuations, out.Body.Page = each(lines, func(v *appraisal.Summary) ValuationSummary { return ValuationSummary(*v) }), pageTo(next)
		return out, nil
	})

	type get struct {
		ValuationID
		Format   string `query:"format" enum:"json,html,text" doc:"Overrides Accept: json (default), html for the printable opinion, text."`
		Lang     string `query:"lang" enum:"zh,en" doc:"Language of the opinion; default by Accept-Language, Chinese first."`
		Accept   string `header:"Accept"`
		Language string `header:"Accept-Language"`
		Match    string `header:"If-None-Match"`
	}
	stored := s.respondsWith(reflect.TypeFor[Valuation](), "200", "The record as stored; or the opinion as HTML (A4) or text.", "text/html", "text/plain")
	stored["304"] = &huma.Response{Description: "The caller's copy, named by If-None-Match, is the record of now."}
	huma.Register(api, huma.Operation{
		OperationID: "get-valuation", Method: http.MethodGet, Path: "/v1/valuations/{id}", Tags: []string{"valuations"},
		Summary:   "读取估值 A stored valuation, as JSON or as an opinion to read",
		Responses: stored,
	}, func(ctx context.Context, in *get) (*document, error) {
		p := people.Of(ctx)
		v, err := s.opt.Appraisal.Get(ctx, p.Actor(), in.ID)
		if err != nil {
			return nil, err
		}
		format := in.Format
		if format == "" {
			format = accepted(in.Accept)
		}
		lang := opinion.Zh
		if in.Lang == "en" || in.Lang == "" && strings.HasPrefix(strings.ToLower(in.Language), "en") {
			lang = opinion.En
		}
		d := &document{CacheControl: "private, no-cache"}
		tag := []string{v.ID(), v.Hash()[:16], format}
		if format != "json" {
			overrides, err := s.opt.Appraisal.Overrides(ctx, p.Actor(), v.ID())
			if err != nil {
				return nil, err
			}
			tag = append(tag, string(lang), fmt.Sprint(len(overrides)))
			d.Language = map[opinion.Lang]string{opinion.Zh: "zh-CN", opinion.En: "en"}[lang]
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
		ValuationID
		Body struct {
			Value    float64   `json:"value" minimum:"0" maximum:"1e15" doc:"The officer's figure, in the unit."`
			Unit     string    `json:"unit,omitempty" default:"yuan" enum:"yuan,wan" doc:"yuan, or wan: ten thousand yuan (万元)."`
			Reason   string    `json:"reason" minLength:"1" maxLength:"2000" doc:"Why; kept for ever beside both figures."`
			Evidence *Evidence `json:"evidence,omitempty" doc:"The paper it rests on, at most 4 MB."`
		}
	}
	type overridden struct{ Body OverrideInfo }
	huma.Register(api, huma.Operation{
		OperationID: "override-valuation", Method: http.MethodPost, Path: "/v1/valuations/{id}/overrides", Tags: []string{"valuations"},
		Summary:     "人工意见 Put an officer's figure beside a valuation",
		Description: "The valuation itself never changes: both figures are kept, with the reason and who gave it.", DefaultStatus: http.StatusCreated,
		Metadata: map[string]any{metaIdempotent: true},
	}, func(ctx context.Context, in *override) (*overridden, error) {
		value, evidence := in.Body.Value, appraisal.Evidence{}
		if in.Body.Unit == "wan" {
			value *= 1e4
		}
		if e := in.Body.Evidence; e != nil {
			evidence = appraisal.Evidence(*e)
		}
		info, err := s.overrideValuation(ctx, in.ID, value, in.Body.Reason, evidence)
		if err != nil {
			return nil, err
		}
		return &overridden{Body: info}, nil
	})

	type approval struct {
		ValuationID
		Override string `path:"override" pattern:"^[A-Za-z0-9_-]{1,64}$"`
	}
	huma.Register(api, huma.Operation{
		OperationID: "approve-override", Method: http.MethodPost, Path: "/v1/valuations/{id}/overrides/{override}:approve", Tags: []string{"valuations"}, DefaultStatus: http.StatusNoContent,
		Summary: "复核人工意见 Approve an override that another person made", Description: "The same as approving its proposal. A person does it, by a key that belongs to him, and not the one who made it.",
	}, func(ctx context.Context, in *approval) (*struct{}, error) {
		p := people.Of(ctx)
		rows, err := s.opt.Appraisal.Overrides(ctx, p.Actor(), in.ID)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(rows, func(o appraisal.Override) bool { return o.ID == in.Override }) {
			return nil, fault.New(fault.NotFound, "override.unknown", "没有这条人工意见。", "There is no such override.")
		}
		return nil, s.gate.People.ApproveOverride(ctx, p, in.Override)
	})

	type overrides struct {
		Body struct {
			Overrides []OverrideInfo `json:"overrides"`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "list-overrides", Method: http.MethodGet, Path: "/v1/valuations/{id}/overrides", Tags: []string{"valuations"},
		Summary: "人工意见列表 Officers' figures beside a valuation, oldest first",
	}, func(ctx context.Context, in *ValuationID) (*overrides, error) {
		v, err := s.opt.Appraisal.Get(ctx, actor(ctx), in.ID)
		if err != nil {
			return nil, err
		}
		rows, err := s.opt.Appraisal.Overrides(ctx, actor(ctx), in.ID)
		if err != nil {
			return nil, err
		}
		out := &overrides{}
		out.Body.Overrides = each(rows, func(o *appraisal.Override) OverrideInfo { return describeOverride(o, v) })
		return out, nil
	})
}

// comparables searches without valuing.
func (s *Server) comparables(ctx context.Context, req appraisal.Request) (*retrieved, error) {
	p := people.Of(ctx)
	found, err := s.opt.Appraisal.Comparables(ctx, p.Actor(), req)
	if err != nil {
		return nil, err
	}
	out := &retrieved{}
	out.Body.Comparables, out.Body.Excluded, out.Body.Retrieval, out.Body.Read = found.Admitted, found.Excluded, found.Retrieval, (*ReadFrom)(found.Read)
	for _, list := range []*[]valuation.Comparable{&out.Body.Comparables, &out.Body.Excluded} {
		if *list == nil {
			*list = []valuation.Comparable{}
		}
	}
	return out, nil
}

// ValuationSummary is a line of a list. Amounts in yuan.
type ValuationSummary struct {
	ID        string        `json:"id"`
	CreatedAt time.Time     `json:"created_at"`
	CreatedBy string        `json:"created_by"`
	Number    string        `json:"number,omitempty"`
	Title     string        `json:"title"`
	Purpose   string        `json:"purpose"`
	AsOf      calendar.Date `json:"valuation_date"`
	Status    string        `json:"status" enum:"valued,range_only,abstained,zero"`
	Point     *float64      `json:"point" doc:"null: none is given."`
	Low       float64       `json:"low"`
	High      float64       `json:"high"`
	Borrower  string        `json:"borrower,omitempty"`
	Batch     string        `json:"batch,omitempty" doc:"The batch that made it, or book."`
	Waiting   bool          `json:"waiting" doc:"An officer's own figure waits for approval."`
}

// Evidence is the paper an officer's figure rests on.
type Evidence struct {
	Name    string `json:"name" minLength:"1" maxLength:"120"`
	Content []byte `json:"content" contentEncoding:"base64"`
}

// OverrideInfo is an officer's figure beside the model's, in yuan.
type OverrideInfo struct {
	ID          string    `json:"id"`
	ValuationID string    `json:"valuation_id"`
	CreatedAt   time.Time `json:"created_at"`
	Officer     string    `json:"officer"`
	Value       float64   `json:"value"`
	Reason      string    `json:"reason"`
	Evidence    string    `json:"evidence,omitempty" doc:"Name of the file it rests on."`

	Status     string     `json:"status" enum:"open,approved,refused,withdrawn,expired" doc:"open: nobody else stands by it (未经复核)."`
	ApprovedBy string     `json:"approved_by,omitempty" doc:"Another person."`
	ApprovedAt *time.Time `json:"approved_at,omitempty"`

	Model   *float64 `json:"model_value" doc:"The stored valuation's point; null when it gave none."`
	Low     float64  `json:"model_low"`
	High    float64  `json:"model_high"`
	InRange bool     `json:"in_range"`
}

func describeOverride(o *appraisal.Override, v *appraisal.Record) OverrideInfo {
	point, low, high := v.Figures()
	return OverrideInfo{
		ID: o.ID, ValuationID: o.ValuationID, CreatedAt: o.CreatedAt, Officer: o.Officer, Value: o.Value, Reason: o.Reason, Evidence: o.Evidence, Status: o.Status, ApprovedBy: o.ApprovedBy, ApprovedAt: o.ApprovedAt,
		Model: point, Low: low, High: high, InRange: o.Value >= low && o.Value <= high,
	}
}

// overrideValuation keeps the caller's figure beside a valuation.
func (s *Server) overrideValuation(ctx context.Context, id string, value float64, reason string, evidence appraisal.Evidence) (OverrideInfo, error) {
	p := people.Of(ctx)
	o, err := s.opt.Appraisal.Override(ctx, p.Actor(), id, value, reason, evidence)
	if err != nil {
		return OverrideInfo{}, err
	}
	v, err := s.opt.Appraisal.Get(ctx, p.Actor(), id)
	if err != nil {
		return OverrideInfo{}, err
	}
	return describeOverride(&o, v), nil
}

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
func render(v *appraisal.Record, overrides []appraisal.Override, format string, lang opinion.Lang) (contentType string, body []byte, err error) {
	o, err := v.Opinion(overrides)
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
