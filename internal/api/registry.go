package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"zhijia/internal/calendar"
	"zhijia/internal/dossier"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
	"zhijia/internal/people"
)

func registerRegistry(api huma.API, s *Server) {
	type out struct{ Body patent.Dossier }
	huma.Register(api, huma.Operation{
		OperationID: "get-dossier", Method: http.MethodGet, Path: "/v1/patents/{number}/dossier", Tags: []string{"patents"},
		Summary:     "权利档案 Identity, owners, term, fees, legal state and pledge eligibility, each with source and date",
		Description: "The state is what the events public by as_of add up to. What is not known is named under missing; it is never answered no. The rest of the query is what the parties to a pledge state.",
	}, func(ctx context.Context, in *DossierQuery) (*out, error) {
		d, err := s.opt.Dossier.Ask(ctx, people.Of(ctx).Institution, in.query())
		return &out{Body: d}, err
	})

	type poll struct {
		Number   string `path:"number" maxLength:"40" doc:"Application, patent or publication number in any usual form."`
		Since    string `query:"since" required:"true" format:"date" doc:"Alerts after this day: the until of the poll before."`
		Until    string `query:"until" format:"date" doc:"Alerts up to this day. Default: today."`
		Maturity string `query:"maturity" format:"date" doc:"Last day of the loan the patent secures."`
	}
	type alerts struct {
		Body struct {
			Until  calendar.Date  `json:"until"`
			Alerts []patent.Alert `json:"alerts"`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "list-alerts", Method: http.MethodGet, Path: "/v1/patents/{number}/alerts", Tags: []string{"patents"},
		Summary:     "权利预警 Fees about to fall due, lapses, transfers, pledges, invalidity and a loan that outlives the right",
		Description: "Worked out from what is on file, oldest first: polled again, the same period gives the same alerts, and an event that arrived late is among them.",
	}, func(ctx context.Context, in *poll) (*alerts, error) {
		n, err := parseNumber("path.number", in.Number)
		if err != nil {
			return nil, err
		}
		number, err := patent.ParseNumber(n)
		if err != nil {
			return nil, err
		}
		var days [3]calendar.Date
		for i, q := range []struct{ field, text string }{{"query.since", in.Since}, {"query.until", in.Until}, {"query.maturity", in.Maturity}} {
			if days[i], err = queryDate(q.field, q.text); err != nil {
				return nil, err
			}
		}
		if days[1].IsZero() {
			days[1] = calendar.InChina(s.gate.Now())
		}
		found, err := s.opt.Dossier.Since(ctx, number, days[2], days[0], days[1])
		if err != nil {
			return nil, err
		}
		reply := &alerts{}
		reply.Body.Until, reply.Body.Alerts = days[1], append([]patent.Alert{}, found...)
		return reply, nil
	})
}

// DossierQuery asks for a dossier.
type DossierQuery struct {
	Number     string   `path:"number" maxLength:"40" doc:"Application, patent or publication number in any usual form."`
	AsOf       string   `query:"as_of" format:"date" doc:"Only what was public by this day counts. Default: today."`
	Pledgor    []string `query:"pledgor,explode" maxItems:"20" doc:"Name of a party that would pledge the patent; repeatable."`
	Maturity   string   `query:"maturity" format:"date" doc:"Last day of the debt the pledge would secure."`
	Contract   []string `query:"contract,explode" maxItems:"5" enum:"parties,debt,period,patents,scope" doc:"What the pledge contract states; repeatable. None given: no contract seen."`
	Twin       string   `query:"twin" enum:"yes,no,unknown" doc:"Whether the same invention was filed the same day as the other kind."`
	Challenged string   `query:"challenged" enum:"yes,no,unknown" doc:"Whether an invalidation was filed."`
	Consent    string   `query:"consent" enum:"yes,no,unknown" doc:"Whether every co-owner agrees."`
	Other      string   `query:"other" maxLength:"500" doc:"Another obstacle an officer found; none when there is none."`
	E10        string   `query:"declare_e10" maxLength:"500" doc:"Declaration that clears ground E10."`
	E11        string   `query:"declare_e11" maxLength:"500" doc:"Declaration that clears ground E11."`
}

func (in *DossierQuery) query() dossier.Query {
	return dossier.Query{Number: in.Number, AsOf: in.AsOf, Maturity: in.Maturity, Pledge: patent.PledgeFacts{
		Pledgors: in.Pledgor, Contract: in.Contract, Twin: patent.Truth(in.Twin), Challenged: patent.Truth(in.Challenged), CoOwnerConsent: patent.Truth(in.Consent), Other: in.Other,
		Declarations: map[string]string{"E10": in.E10, "E11": in.E11},
	}}
}

// queryDate reads an optional date of a query or a body.
func queryDate(field, text string) (calendar.Date, error) {
	if text == "" {
		return calendar.Date{}, nil
	}
	d, err := calendar.Parse(text)
	if err != nil {
		return d, fault.New(fault.Invalid, "date.shape", "日期应写作 YYYY-MM-DD。", "Write the date as YYYY-MM-DD.",
			fault.Field{Field: field, Code: "date.shape", Zh: "日期应写作 YYYY-MM-DD", En: "write the date as YYYY-MM-DD"})
	}
	return d, nil
}
