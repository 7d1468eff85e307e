package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"zhijia/internal/calendar"
	"zhijia/internal/desk"
	"zhijia/internal/fault"
	"zhijia/internal/lending"
	"zhijia/internal/mark"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/people"
)

func registerLending(api huma.API, s *Server) {
	type checkIn struct {
		Body struct {
			Policy        string               `json:"policy,omitempty" maxLength:"200" doc:"id or id@version, a preset or your own. Default TEMPLATE."`
			ValuationDate calendar.Date        `json:"valuation_date,omitzero"`
			Programmes    []lending.Programme  `json:"programmes,omitempty" maxItems:"20" doc:"Loan products rows may name, beside your own stored ones."`
			BorrowerLimit map[string]money.Fen `json:"borrower_limits,omitempty" doc:"The bank's limit by credit code, yuan."`
			Bearable      map[string]money.Fen `json:"bearable,omitempty" doc:"Loan the cash flow bears (DSCR), by credit code, yuan; the bank's figure."`
			Rows          []lending.Row        `json:"rows" minItems:"1" maxItems:"50" doc:"The patents offered; the rows of one contract share its number."`
		}
	}
	type checkOut struct{ Body CollateralCheck }
	huma.Register(api, huma.Operation{
		OperationID: "check-collateral", Method: http.MethodPost, Path: "/v1/collateral-checks", Tags: []string{"lending"},
		Summary:     "押品审查 Value and decide the collateral of one case at once",
		Description: "可受理、需补充、不予受理，各附理由。Valuations are stored and go on record. Larger cases go into a file: POST /v1/batches.",
		Metadata:    map[string]any{metaIdempotent: true}, Parameters: []*huma.Param{idempotencyParam},
	}, func(ctx context.Context, in *checkIn) (*checkOut, error) {
		p := people.Of(ctx)
		o := desk.Options{Limits: in.Body.BorrowerLimit, Bearable: in.Body.Bearable, Date: in.Body.ValuationDate}
		var fields []fault.Field
		for i := range in.Body.Rows {
			fields = append(fields, checkRow(i, &in.Body.Rows[i])...)
		}
		if in.Body.ValuationDate.After(calendar.InChina(s.gate.Now())) {
			fields = append(fields, fault.Field{Field: "body.valuation_date", Code: "date.future", Zh: "估值基准日不得晚于今天", En: "may not lie in the future"})
		}
		if len(fields) > 0 {
			return nil, fault.New(fault.Invalid, "request.invalid", "请求有误，请按下列提示修改后重试。", "The request is not valid; see the fields.", fields...)
		}
		var err error
		if o.Policy, err = s.opt.Desk.Policy(ctx, p.Actor(), in.Body.Policy); err != nil {
			return nil, err
		}
		if o.Programmes, err = s.opt.Desk.WithProgrammes(ctx, p.Actor(), in.Body.Programmes); err != nil {
			return nil, err
		}
		if err := o.Check(); err != nil {
			return nil, err
		}
		c, err := s.opt.Desk.Check(ctx, p.Actor(), in.Body.Rows, o)
		return &checkOut{CollateralCheck{c.ID, c.Decisions, c.Valued, LendingFacts(c.Facts), each(c.Conflicts, describeConflict)}}, err
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
		p := people.Of(ctx)
		out := &policiesOut{}
		var err error
		out.Body.Presets, out.Body.Own, err = s.opt.Desk.Policies(ctx, p.Actor())
		return out, err
	})
	type policyIn struct{ Body lending.Policy }
	huma.Register(api, huma.Operation{
		OperationID: "put-lending-policy", Method: http.MethodPost, Path: "/v1/lending-policies", Summary: "登记本机构政策 Store a version of your own policy; a version never changes", Tags: []string{"lending"}, DefaultStatus: http.StatusCreated,
	}, func(ctx context.Context, in *policyIn) (*policyIn, error) {
		p := people.Of(ctx)
		return in, s.opt.Desk.PutPolicy(ctx, p.Actor(), in.Body)
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
		if out.Body.Settlement, err = scheme.Share(in.Body.Claim, calendar.InChina(s.gate.Now())); err != nil {
			return nil, err
		}
		if in.Body.Later != nil {
			out.Body.Returned, err = out.Body.Return(*in.Body.Later)
		}
		return out, err
	})

	type schemesOut struct {
		Body struct {
			On      calendar.Date  `json:"on"`
			Schemes []schemeStatus `json:"schemes"`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "list-risk-schemes", Method: http.MethodGet, Path: "/v1/risk-schemes", Tags: []string{"lending"},
		Summary: "风险分担方案 Regional presets with source, date and whether they can be chosen today",
	}, func(context.Context, *struct{}) (*schemesOut, error) {
		out := &schemesOut{}
		out.Body.On = calendar.InChina(s.gate.Now())
		for _, x := range lending.Schemes() {
			out.Body.Schemes = append(out.Body.Schemes, schemeStatus{x, x.Status(out.Body.On), x.Selectable(out.Body.On) == nil})
		}
		return out, nil
	})

	type quoteIn struct {
		Body struct {
			lending.QuoteInput
			Scheme string `json:"scheme,omitempty" maxLength:"60" doc:"Id of a preset by which the parties share the loss."`
		}
	}
	type quoteOut struct{ Body lending.Quote }
	huma.Register(api, huma.Operation{
		OperationID: "quote-insurance", Method: http.MethodPost, Path: "/v1/insurance-quotes", Tags: []string{"lending"},
		Summary:     "保险与担保测算 Expected loss of a loan and the shares of insurer, guarantor and bank",
		Description: "EL = PD·LGD·EAD·s, rounded once to the fen. The probability of default is the bank's; this service does not score borrowers. The premium is the insurer's.",
	}, func(_ context.Context, in *quoteIn) (*quoteOut, error) {
		scheme := in.Body.Agreement
		if scheme == nil && in.Body.Scheme != "" {
			preset, err := lending.SchemeByID(in.Body.Scheme)
			if err != nil {
				return nil, err
			}
			scheme = &preset
		}
		q, err := in.Body.Quote(scheme, calendar.InChina(s.gate.Now()))
		return &quoteOut{q}, err
	})

	type subsidyIn struct{ Body lending.SubsidyInput }
	type subsidyOut struct{ Body lending.Subsidy }
	huma.Register(api, huma.Operation{
		OperationID: "interest-subsidy", Method: http.MethodPost, Path: "/v1/interest-subsidies", Tags: []string{"lending"},
		Summary: "贴息测算 balance·rate·days/365·ratio within the scheme's time, at most its cap",
	}, func(_ context.Context, in *subsidyIn) (*subsidyOut, error) {
		x, err := in.Body.Subsidy()
		return &subsidyOut{x}, err
	})

	type coverIn struct {
		Body struct {
			lending.CoverInput
			Discount float64 `json:"discount,omitempty" default:"0.12" minimum:"0.001" maximum:"0.99" doc:"Yearly rate of the annuity by which value runs down."`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "forecast-cover", Method: http.MethodPost, Path: "/v1/cover-forecasts", Tags: []string{"lending"},
		Summary:     "押品覆盖预测 A loan's cover over its life as the patents' term runs down",
		Description: "A forecast of the term running down and of nothing else: the market and the technology may move it further.",
	}, func(_ context.Context, in *coverIn) (*coverReply, error) {
		return forecast(in.Body.CoverInput, in.Body.Discount)
	})

	type roomsOut struct {
		Body struct {
			Presets    map[string]lending.Programme `json:"presets" doc:"What is public of known products; store a version of your own to lend under one."`
			Programmes []ProgrammeRoom              `json:"programmes" doc:"Your own, each in its latest version, with what is drawn and left."`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "list-programmes", Method: http.MethodGet, Path: "/v1/loan-programmes", Tags: []string{"lending"},
		Summary: "贷款产品与额度 Loan products, what is drawn on each and what is left",
	}, func(ctx context.Context, _ *struct{}) (*roomsOut, error) {
		p := people.Of(ctx)
		out := &roomsOut{}
		out.Body.Presets = lending.Programmes()
		rooms, err := s.opt.Desk.Rooms(ctx, p.Actor())
		out.Body.Programmes = each(rooms, describeRoom)
		return out, err
	})
	type programmeIn struct{ Body lending.Programme }
	huma.Register(api, huma.Operation{
		OperationID: "put-programme", Method: http.MethodPost, Path: "/v1/loan-programmes", Tags: []string{"lending"}, DefaultStatus: http.StatusCreated,
		Summary: "登记贷款产品 Store a version of a loan product; a version never changes, the latest counts",
	}, func(ctx context.Context, in *programmeIn) (*programmeIn, error) {
		p := people.Of(ctx)
		return in, s.opt.Desk.PutProgramme(ctx, p.Actor(), in.Body)
	})
	type releaseIn struct {
		Body struct {
			Contract string `json:"contract" minLength:"1" maxLength:"200"`
			Reason   string `json:"reason" minLength:"1" maxLength:"2000"`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "release-hold", Method: http.MethodPost, Path: "/v1/loan-programmes:release", Tags: []string{"lending"}, DefaultStatus: http.StatusNoContent,
		Summary: "释放额度 Let go of what an accepted contract holds of a programme", Description: "For a loan that was accepted and is not taken up. A booked loan is released by its balance.",
	}, func(ctx context.Context, in *releaseIn) (*struct{}, error) {
		p := people.Of(ctx)
		return nil, s.opt.Desk.ReleaseHold(ctx, p.Actor(), in.Body.Contract, in.Body.Reason)
	})
}

// CollateralCheck is the answer to a case.
type CollateralCheck struct {
	ID        string            `json:"id" doc:"Subject of its entry in the audit log."`
	Decisions lending.Decisions `json:"decisions"`
	Valued    []lending.Valued  `json:"valued" doc:"In the order asked."`
	Facts     LendingFacts      `json:"facts" doc:"What stood in store."`
	Conflicts []OfferConflict   `json:"conflicts" doc:"What stands between these patents and others' use of them, of any institution."`
}

// ProgrammeRoom is how a programme stands today.
type ProgrammeRoom struct {
	lending.Programme
	Drawn []lending.Draw `json:"drawn" doc:"By borrower: loans of the book and holds together."`
	Holds []Hold         `json:"holds" doc:"Of accepted contracts that are not booked."`
	Left  money.Fen      `json:"room" doc:"Of the total; negative when more was booked."`
}

// Hold is what an accepted contract holds of a programme.
type Hold struct {
	lending.Draw
	Contract  string        `json:"contract"`
	Batch     string        `json:"batch"`
	DecidedOn calendar.Date `json:"decided_on"`
	Until     calendar.Date `json:"until,omitzero" doc:"Last day; absent: until released."`
}

func describeRoom(r *desk.Room) ProgrammeRoom {
	return ProgrammeRoom{r.Programme, r.Drawn, each(r.Holds, func(h *desk.Hold) Hold { return Hold(*h) }), r.Left}
}

type schemeStatus struct {
	lending.Scheme
	Status     string `json:"status" doc:"Chinese."`
	Selectable bool   `json:"selectable"`
}

type coverReply struct {
	Body struct {
		Points   []lending.CoverPoint `json:"points"`
		Unknown  int                  `json:"expiry_unknown" doc:"Patents whose expiry is not known; their value is carried flat."`
		Discount float64              `json:"discount"`
	}
}

func forecast(in lending.CoverInput, discount float64) (*coverReply, error) {
	out := &coverReply{}
	var err error
	out.Body.Discount = discount
	out.Body.Points, out.Body.Unknown, err = lending.Forecast(in, discount)
	return out, err
}

// checkRow checks what a file's reader would have checked.
func checkRow(i int, r *lending.Row) (fields []fault.Field) {
	bad := func(field, code, zh, en string) {
		fields = append(fields, fault.Field{Field: fmt.Sprintf("body.rows[%d].%s", i, field), Code: code, Zh: zh, En: en})
	}
	n, err := patent.ParseNumber(r.Number)
	if r.Kind == lending.Trademark {
		if r.Number, err = mark.ParseNumber(r.Number); err != nil {
			pub := fault.Public(err)
			bad("number", pub.Code, pub.Zh, pub.En)
		}
	} else if err != nil {
		pub := fault.Public(err)
		bad("number", pub.Code, pub.Zh, pub.En)
	} else {
		r.Number = string(n.Key())
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
	}{{"loan", &r.Loan}, {"revenue", r.Revenue}, {"external_value", r.External}, {"agreed_value", r.Agreed}, {"borrower_limit", r.BorrowerLimit}, {"bearable", r.Bearable}} {
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
