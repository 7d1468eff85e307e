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
			Text   string `json:"text" minLength:"1" doc:"A notice, contract, announcement or judgment as plain text, at most 1 MiB in UTF-8; cells of a table parted by tabs."`
			Keep   bool   `json:"keep,omitempty" doc:"Keep the rows until a person settles each at the ledger's page."`
			Source string `json:"source,omitempty" maxLength:"500" doc:"With keep: address, document number or file name of the text."`
		}
	}
	type told struct {
		deal.Reading
		ID string `json:"reading,omitempty" doc:"With keep: the kept text, whose rows wait; absent where it has none."`
	}
	type out struct{ Body told }
	huma.Register(api, huma.Operation{
		OperationID: "read-deals", Method: http.MethodPost, Path: "/v1/deals:read", Tags: []string{"imports"},
		Summary:      "读取交易 Read priced deals out of a text, by rules alone",
		Description:  "Every field carries the words it was read from, in quotes, with their byte offset in the text; a field without a quote is empty. Rows that are uncertain say why under warnings and wait for a person. A text without a deal has no row and a note. Nothing is stored unless asked with keep, and no model is asked.",
		MaxBodyBytes: maxReadBody, Metadata: map[string]any{metaMaxBody: int64(maxReadBody)},
	}, func(ctx context.Context, in *in) (*out, error) {
		if in.Body.Keep {
			kept, err := s.opt.Ledger.Keep(ctx, actor(ctx), in.Body.Text, in.Body.Source)
			if err != nil {
				return nil, err
			}
			return &out{told{kept.Reading, kept.ID}}, nil
		}
		reading, err := s.opt.Intake.ReadDeals(in.Body.Text)
		return &out{told{reading, ""}}, err
	})
}
