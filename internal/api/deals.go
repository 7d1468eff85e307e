package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"zhijia/internal/deal"
)

// maxReadBody bounds the body that carries a text, in bytes: JSON may write a
// Chinese character as six.
const maxReadBody = 3 * deal.MaxText

// registerDeals serves the reader of deals.
func registerDeals(api huma.API, s *Server) {
	type in struct {
		Body struct {
			Text string `json:"text" minLength:"1" doc:"A notice, contract, announcement or judgment as plain text, at most 1 MiB in UTF-8; cells of a table parted by tabs."`
		}
	}
	type out struct{ Body deal.Reading }
	huma.Register(api, huma.Operation{
		OperationID: "read-deals", Method: http.MethodPost, Path: "/v1/deals:read", Tags: []string{"imports"},
		Summary:      "读取交易 Read priced deals out of a text, by rules alone",
		Description:  "Every field carries the words it was read from, in quotes, with their byte offset in the text; a field without a quote is empty. Rows that are uncertain say why under warnings and wait for a person. A text without a deal has no row and a note. Nothing is stored and no model is asked.",
		MaxBodyBytes: maxReadBody, Metadata: map[string]any{metaMaxBody: int64(maxReadBody)},
	}, func(_ context.Context, in *in) (*out, error) {
		reading, err := s.opt.Intake.ReadDeals(in.Body.Text)
		return &out{Body: reading}, err
	})
}
