package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
)

// Patent is a patent as the sources state it. Unknown counts are null and
// unknown texts absent.
type Patent struct {
	Number            string        `json:"number" doc:"Normal form."`
	PublicationNumber string        `json:"publication_number,omitempty"`
	Kind              string        `json:"kind,omitempty" enum:"invention,utility_model,design"`
	Title             string        `json:"title"`
	Abstract          string        `json:"abstract,omitempty"`
	Claims            string        `json:"claims,omitempty"`
	Description       string        `json:"description,omitempty"`
	IPC               []string      `json:"ipc"`
	Filing            calendar.Date `json:"filing_date"`
	Published         calendar.Date `json:"publication_date"`
	Grant             calendar.Date `json:"grant_date"`
	Owners            []string      `json:"owners"`
	Applicants        []string      `json:"applicants,omitempty" doc:"Who applied: not today's owners."`
	Locarno           []string      `json:"locarno,omitempty" doc:"Classes of a design."`
	OwnerType         string        `json:"owner_type,omitempty"`
	FamilyID          string        `json:"family_id,omitempty"`
	ClaimCount        *int          `json:"claim_count"`
	IndependentClaims *int          `json:"independent_claims"`
	Inventors         *int          `json:"inventors"`
	FamilySize        *int          `json:"family_size"`
	CitedBy           *int          `json:"cited_by"`
	Cites             *int          `json:"cites"`
	PaidThroughYear   *int          `json:"paid_through_year"`
	AdjustmentDays    *int          `json:"term_adjustment_days" doc:"专利权期限补偿, as granted."`
	ExtensionDays     *int          `json:"term_extension_days" doc:"药品专利权期限补偿, as granted."`
	Confidential      bool          `json:"confidential"`
	Source            string        `json:"source"`
	SourceDate        calendar.Date `json:"source_date"`
}

// PatentPath names a patent in a path.
type PatentPath struct {
	Number string `path:"number" maxLength:"40" doc:"Application, patent or publication number in any usual form."`
}

func registerPatents(api huma.API, s *Server) {
	huma.Register(api, huma.Operation{
		OperationID: "get-patent", Method: http.MethodGet, Path: "/v1/patents/{number}", Summary: "专利著录与文本 A patent as stored", Tags: []string{"patents"},
	}, s.getPatent)
}

func (s *Server) getPatent(ctx context.Context, in *PatentPath) (*reply[Patent], error) {
	n, err := parseNumber("path.number", in.Number)
	if err != nil {
		return nil, err
	}
	p, err := s.opt.Dossier.Patent(ctx, n)
	return &reply[Patent]{Patent{
		Number: p.Number, PublicationNumber: p.PublicationNumber, Kind: p.Kind, Title: p.Title, Abstract: p.Abstract, Claims: p.Claims, Description: p.Description,
		IPC: p.IPC, Filing: p.Filing, Published: p.Published, Grant: p.Grant, Owners: p.Owners, Applicants: p.Applicants, Locarno: p.Locarno, OwnerType: p.OwnerType, FamilyID: p.FamilyID, ClaimCount: p.ClaimCount,
		IndependentClaims: p.IndependentClaims, Inventors: p.Inventors, FamilySize: p.FamilySize, CitedBy: p.CitedBy, Cites: p.Cites, PaidThroughYear: p.PaidThroughYear,
		AdjustmentDays: p.AdjustmentDays, ExtensionDays: p.ExtensionDays, Confidential: p.Confidential, Source: p.Source, SourceDate: p.SourceDate,
	}}, err
}

// parseNumber returns the normal form of a patent number, or a fault that
// names the field and, where one digit is wrong, the digit it should be.
func parseNumber(field, text string) (string, error) {
	n, err := patent.ParseNumber(text)
	if err != nil {
		pub := fault.Public(err)
		return "", fault.New(fault.Invalid, pub.Code, pub.Zh, pub.En, fault.Field{Field: field, Code: pub.Code, Zh: pub.Zh, En: pub.En})
	}
	return string(n.Key()), nil
}
