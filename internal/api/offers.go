package api

import (
	"context"
	"net/http"
	"time"

	"zhijia/internal/calendar"

	"github.com/danielgtaylor/huma/v2"

	"zhijia/internal/desk"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
)

// OfferConflict is a use of a patent that meets another which has not ended. Of
// another institution's only product, status and time are told.
type OfferConflict struct {
	Number string `json:"number"`
	patent.Clash
	Product      patent.Product `json:"product" enum:"pledge,pool,lease,exclusive_licence,licence" doc:"Of the other use, like what follows."`
	Status       string         `json:"status" enum:"offered,committed,released"`
	Reference    string         `json:"reference,omitempty"`
	Party        string         `json:"party,omitempty"`
	OtherDesk    bool           `json:"other_institution"`
	OfferedAt    time.Time      `json:"offered_at"`
	OwnReference string         `json:"own_reference" doc:"Of the use asked about."`
}

func describeConflict(c *desk.Conflict) OfferConflict {
	return OfferConflict{
		Number: c.Number, Clash: c.Clash, Product: c.Product, Status: string(c.Status), Reference: c.Reference, Party: c.Party, OtherDesk: c.OtherDesk,
		OfferedAt: c.OfferedAt, OwnReference: c.OwnReference,
	}
}

func registerOffers(api huma.API, s *Server) {
	tags := []string{"encumbrance"}

	type offerPut struct {
		Body struct {
			Numbers   []string       `json:"numbers" minItems:"1" maxItems:"1000" doc:"Application or patent numbers in any usual form."`
			Product   patent.Product `json:"product" enum:"pledge,pool,lease,exclusive_licence,licence"`
			Reference string         `json:"reference" maxLength:"200" doc:"Contract; what is told again under it is the same offer."`
			Party     string         `json:"party" minLength:"1" maxLength:"500" doc:"Who puts the patents up: borrower, originator, lessee, licensor."`
			Code      string         `json:"credit_code,omitempty" maxLength:"40" doc:"Its unified social credit code."`
			Status    string         `json:"status" enum:"offered,committed" doc:"offered: asked for; committed: agreed."`
		}
	}
	type offerConflicts struct {
		Body struct {
			Conflicts []OfferConflict `json:"conflicts"`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "offer-patents", Method: http.MethodPost, Path: "/v1/offers", Tags: tags,
		Summary:     "登记用途 Put patents up as collateral, into a pool, a lease or a licence",
		Description: "Answers at once what stands between this and every other use on file, another borrower with the same patent, a pledge, a pool, a lease, an exclusive licence. Of another institution no more is told than that it noted an interest, the day, and whether it is registered; only where both opted in and the borrower authorised it in writing (POST /v1/interest-authorisations). Batches, collateral checks, booked loans and pools put theirs up by themselves.",
	}, func(ctx context.Context, in *offerPut) (*offerConflicts, error) {
		code := ""
		if in.Body.Code != "" {
			var err error
			if code, err = patent.ParseCreditCode(in.Body.Code); err != nil {
				pub := fault.Public(err)
				return nil, fault.New(fault.Invalid, pub.Code, pub.Zh, pub.En, fault.Field{Field: "body.credit_code", Code: pub.Code, Zh: pub.Zh, En: pub.En})
			}
		}
		offers := make([]patent.Offer, len(in.Body.Numbers))
		for i, text := range in.Body.Numbers {
			n, err := parseNumber("body.numbers", text)
			if err != nil {
				return nil, err
			}
			offers[i] = patent.Offer{Number: n, Product: in.Body.Product, Reference: in.Body.Reference, Party: in.Body.Party, PartyCode: code}
		}
		found, err := s.opt.Desk.Offer(ctx, actor(ctx), offers, in.Body.Status == "committed")
		out := &offerConflicts{}
		out.Body.Conflicts = each(found, describeConflict)
		return out, err
	})

	type offerRelease struct {
		Body struct {
			Product   patent.Product `json:"product" enum:"pledge,lease,exclusive_licence,licence" doc:"A pool is released by its own route."`
			Reference string         `json:"reference" maxLength:"200"`
		}
	}
	type offerReleased struct {
		Body struct {
			Released int `json:"released"`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "release-offers", Method: http.MethodPost, Path: "/v1/offers:release", Summary: "解除用途 End every use under a contract", Tags: tags,
	}, func(ctx context.Context, in *offerRelease) (*offerReleased, error) {
		out := &offerReleased{}
		var err error
		out.Body.Released, err = s.opt.Desk.EndUses(ctx, actor(ctx), in.Body.Product, in.Body.Reference)
		return out, err
	})

	type authorise struct {
		Body struct {
			Numbers  []string      `json:"numbers" minItems:"1" maxItems:"1000" doc:"Application or patent numbers in any usual form."`
			Borrower string        `json:"borrower" minLength:"1" maxLength:"500" doc:"Who signed."`
			SignedOn calendar.Date `json:"signed_on" doc:"Not after today."`
			Until    calendar.Date `json:"valid_until,omitzero" doc:"Last day; left out where the document states none."`
			Document string        `json:"document" minLength:"1" maxLength:"200" doc:"Number or place of the signed paper."`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "authorise-interests", Method: http.MethodPost, Path: "/v1/interest-authorisations", Tags: tags, DefaultStatus: http.StatusNoContent,
		Summary:     "登记借款人书面授权 Note that a borrower agreed in writing to other institutions being asked",
		Description: "Without an authorisation that is in force nothing is asked of other institutions about a patent, and an answer says nothing of them. It is on your institution's record.",
	}, func(ctx context.Context, in *authorise) (*struct{}, error) {
		x := desk.Authorisation{Borrower: in.Body.Borrower, SignedOn: in.Body.SignedOn, Until: in.Body.Until, Document: in.Body.Document}
		for _, text := range in.Body.Numbers {
			n, err := parseNumber("body.numbers", text)
			if err != nil {
				return nil, err
			}
			x.Numbers = append(x.Numbers, n)
		}
		return nil, s.opt.Desk.Authorise(ctx, actor(ctx), x)
	})

	type batchConflicts struct {
		ID string `path:"id" pattern:"^[A-Za-z0-9_-]{1,64}$"`
	}
	huma.Register(api, huma.Operation{
		OperationID: "list-batch-conflicts", Method: http.MethodGet, Path: "/v1/batches/{id}/conflicts", Tags: tags,
		Summary: "批次用途冲突 What stands between the patents of a batch and others' use of them, as it is now",
	}, func(ctx context.Context, in *batchConflicts) (*offerConflicts, error) {
		found, err := s.opt.Desk.Conflicts(ctx, actor(ctx), in.ID)
		out := &offerConflicts{}
		out.Body.Conflicts = each(found, describeConflict)
		return out, err
	})
}
