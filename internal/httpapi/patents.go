package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"zhijia/internal/fault"
	"zhijia/internal/patent"
	"zhijia/internal/store"
)

func registerPatents(api huma.API, s *Server) {
	type in struct {
		Number string `path:"number" maxLength:"40" doc:"Application, patent or publication number in any usual form."`
	}
	type out struct{ Body store.Patent }
	huma.Register(api, huma.Operation{
		OperationID: "get-patent", Method: http.MethodGet, Path: "/v1/patents/{number}", Summary: "专利著录与文本 A patent as stored", Tags: []string{"patents"},
	}, func(ctx context.Context, in *in) (*out, error) {
		n, err := parseNumber("path.number", in.Number)
		if err != nil {
			return nil, err
		}
		p, err := s.opt.DB.Patent(ctx, n)
		if err != nil {
			return nil, err
		}
		return &out{Body: p}, nil
	})
}

// parseNumber returns the normal form of a patent number, or a fault that
// names the field and, where one digit is wrong, the digit it should be.
func parseNumber(field, text string) (string, error) {
	n, err := patent.ParseNumber(text)
	if err != nil {
		pub := fault.Public(err)
		return "", fault.New(fault.Invalid, pub.Code, pub.Zh, pub.En, fault.Field{Field: field, Code: pub.Code, Zh: pub.Zh, En: pub.En})
	}
	return n.String(), nil
}
