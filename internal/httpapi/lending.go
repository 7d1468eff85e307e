package httpapi

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"zhijia/internal/civil"
	"zhijia/internal/desk"
	"zhijia/internal/fault"
	"zhijia/internal/lending"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/store"
)

func registerLending(api huma.API, s *Server) {
	type checkIn struct {
		Body struct {
			Policy        string               `json:"policy,omitempty" maxLength:"200" doc:"id or id@version, a preset or your own. Default TEMPLATE."`
			ValuationDate civil.Date           `json:"valuation_date,omitzero"`
			Programmes    []lending.Programme  `json:"programmes,omitempty" maxItems:"20" doc:"Loan products rows may name."`
			BorrowerLimit map[string]money.Fen `json:"borrower_limits,omitempty" doc:"The bank's limit by credit code, yuan."`
			Bearable      map[string]money.Fen `json:"bearable,omitempty" doc:"Loan the cash flow bears (DSCR), by credit code, yuan; the bank's figure."`
			Rows          []lending.Row        `json:"rows" minItems:"1" maxItems:"50" doc:"The patents offered; the rows of one contract share its number."`
		}
	}
	type checkOut struct{ Body desk.Check }
	huma.Register(api, huma.Operation{
		OperationID: "check-collateral", Method: http.MethodPost, Path: "/v1/collateral-checks", Tags: []string{"lending"},
		Summary:     "押品审查 Value and decide the collateral of one case at once",
		Description: "可受理、需补充、不予受理，各附理由。Valuations are stored and go on record. Larger cases go into a file: POST /v1/batches.",
		Metadata:    map[string]any{metaIdempotent: true}, Parameters: []*huma.Param{idempotencyParam},
	}, func(ctx context.Context, in *checkIn) (*checkOut, error) {
		p, _ := principalOf(ctx)
		o := lending.Options{BorrowerLimit: in.Body.BorrowerLimit, Bearable: in.Body.Bearable, Programmes: map[string]lending.Programme{}}
		for _, g := range in.Body.Programmes {
			o.Programmes[g.ID] = g
		}
		var fields []fault.Field
		for i := range in.Body.Rows {
			fields = append(fields, checkRow(i, &in.Body.Rows[i])...)
		}
		if in.Body.ValuationDate.After(civil.Of(s.opt.Now())) {
			fields = append(fields, fault.Field{Field: "body.valuation_date", Code: "date.future", Zh: "估值基准日不得晚于今天", En: "may not lie in the future"})
		}
		if len(fields) > 0 {
			return nil, fault.New(fault.Invalid, "request.invalid", "请求有误，请按下列提示修改后重试。", "The request is not valid; see the fields.", fields...)
		}
		var err error
		if o.Policy, err = s.opt.Desk.Policy(ctx, p.actor(), in.Body.Policy); err != nil {
			return nil, err
		}
		c, err := s.opt.Desk.Check(ctx, p.actor(), in.Body.Rows, o, in.Body.ValuationDate)
		return &checkOut{Body: c}, err
	})

	type policiesOut struct {
		Body struct {
			Presets map[string]lending.Policy `json:"presets" doc:"Labelled historical or template: none is a rule of law."`
			Own     []lending.Policy          `json:"own"`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "list-lending-policies", Method: http.MethodGet, Path: "/v1/lending-policies", Summary: "质押政策 Presets and your own policies, with the source of each figure", Tags: []string{"lending"},
	}, func(ctx context.Context, _ *struct{}) (*policiesOut, error) {
		p, _ := principalOf(ctx)
		out := &policiesOut{}
		var err error
		out.Body.Presets, out.Body.Own, err = s.opt.Desk.Policies(ctx, p.actor())
		return out, err
	})
	type policyIn struct{ Body lending.Policy }
	huma.Register(api, huma.Operation{
		OperationID: "put-lending-policy", Method: http.MethodPost, Path: "/v1/lending-policies", Summary: "登记本机构政策 Store a version of your own policy; a version never changes", Tags: []string{"lending"}, DefaultStatus: http.StatusCreated,
	}, func(ctx context.Context, in *policyIn) (*policyIn, error) {
		p, _ := principalOf(ctx)
		return in, s.opt.Desk.PutPolicy(ctx, p.actor(), in.Body)
	})

	type shareIn struct {
		Body struct {
			Scheme string          `json:"scheme,omitempty" maxLength:"60" doc:"Id of a preset."`
			Own    *lending.Scheme `json:"own,omitempty" doc:"Your own scheme instead."`
			Claim  lending.Claim   `json:"claim"`
			Later  *money.Fen      `json:"recovered_later,omitempty" doc:"Returned in proportion to what each party bore."`
		}
	}
	type shareOut struct {
		Body struct {
			lending.Settlement
			Returned []lending.Payment `json:"returned,omitempty"`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "share-loss", Method: http.MethodPost, Path: "/v1/risk-shares", Summary: "风险分担 Share a net loss between the parties, exact to the fen", Tags: []string{"lending"},
	}, func(_ context.Context, in *shareIn) (*shareOut, error) {
		scheme := in.Body.Own
		if scheme == nil {
			preset, err := lending.SchemeByID(in.Body.Scheme)
			if err != nil {
				return nil, err
			}
			scheme = &preset
		}
		out := &shareOut{}
		var err error
		if out.Body.Settlement, err = scheme.Share(in.Body.Claim); err != nil {
			return nil, err
		}
		if in.Body.Later != nil {
			out.Body.Returned, err = out.Body.Return(*in.Body.Later)
		}
		return out, err
	})

	type auditIn struct {
		Subject string `query:"subject" maxLength:"200" doc:"Only entries about this, e.g. a batch's id."`
		After   int64  `query:"after" minimum:"0"`
		Limit   int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	}
	type auditOut struct {
		Body struct {
			Entries []store.AuditEntry `json:"entries"`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "list-audit", Method: http.MethodGet, Path: "/v1/audit", Summary: "审计记录 Who asked what and what came of it, oldest first", Tags: []string{"audit"},
	}, func(ctx context.Context, in *auditIn) (*auditOut, error) {
		p, _ := principalOf(ctx)
		out := &auditOut{}
		var err error
		out.Body.Entries, err = s.opt.DB.Audit(ctx, p.Tenant, in.Subject, in.After, in.Limit)
		return out, err
	})
}

// checkRow checks what a file's reader would have checked.
func checkRow(i int, r *lending.Row) (fields []fault.Field) {
	bad := func(field, code, zh, en string) {
		fields = append(fields, fault.Field{Field: fmt.Sprintf("body.rows[%d].%s", i, field), Code: code, Zh: zh, En: en})
	}
	n, err := patent.ParseNumber(r.Number)
	if err != nil {
		pub := fault.Public(err)
		bad("number", pub.Code, pub.Zh, pub.En)
	} else {
		r.Number = n.String()
		if n.Kind != "" {
			if r.Kind != "" && r.Kind != n.Kind {
				bad("kind", "kind.mismatch", "与专利号中的类型位不符", "contradicts the type digit of the number")
			}
			r.Kind = n.Kind
		}
	}
	if r.CreditCode != "" {
		code, err := patent.ParseCreditCode(r.CreditCode)
		if err != nil {
			pub := fault.Public(err)
			bad("credit_code", pub.Code, pub.Zh, pub.En)
		}
		r.CreditCode = code
	}
	for _, x := range []struct {
		field string
		at    *money.Fen
	}{{"loan", &r.Loan}, {"revenue", r.Revenue}, {"external_value", r.External}} {
		if x.at != nil && (*x.at < 0 || *x.at > money.Max) {
			bad(x.field, "amount.range", "金额应不为负且在合理范围内", "must not be negative or beyond any plausible amount")
		}
	}
	if x := r.Royalty; x != nil && !(*x >= 0 && *x <= 0.5) {
		bad("royalty_rate", "rate.range", "费率应在 0 到 0.5 之间", "must lie between 0 and 0.5")
	}
	for field, text := range map[string]string{"borrower": r.Borrower, "title": r.Title, "contract": r.Contract, "product": r.Product} {
		if len(text) > 1000 {
			bad(field, "text.too_long", "超过 1000 字节", "longer than 1,000 bytes")
		}
	}
	return fields
}
