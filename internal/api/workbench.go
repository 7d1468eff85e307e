package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"zhijia/internal/appraisal"
	"zhijia/internal/people"
)

// registerWorkbench serves what the pages of the workbench show to programs.
func registerWorkbench(api huma.API, s *Server) {
	type find struct {
		Q     string `query:"q" required:"true" minLength:"1" maxLength:"500" doc:"A number in any form, or words of title, owner, class or text."`
		Limit int    `query:"limit" default:"20" minimum:"1" maximum:"100"`
	}
	huma.Register(api, huma.Operation{
		OperationID: "find-patents", Method: http.MethodGet, Path: "/v1/patents", Tags: []string{"patents"},
		Summary:     "查找专利 Find patents by number, words or likeness",
		Description: "By number in any form; else those that have every word in number, title, owners, classes or abstract, then those whose text is near by the space in use. The text does not leave this service.",
	}, func(ctx context.Context, in *find) (*reply[appraisal.FoundPatents], error) {
		found, err := s.opt.Appraisal.FindPatents(ctx, people.Of(ctx).Actor(), in.Q, in.Limit)
		return &reply[appraisal.FoundPatents]{found}, err
	})

	type compare struct {
		IDs []string `query:"ids" required:"true" minItems:"2" maxItems:"6" doc:"Ids of two to six stored valuations, separated by commas."`
	}
	huma.Register(api, huma.Operation{
		OperationID: "compare-valuations", Method: http.MethodGet, Path: "/v1/valuations:compare", Tags: []string{"valuations"},
		Summary:     "并排比较 Two to six valuations side by side, each difference with its causes",
		Description: "Each is compared with the first: its median differs by causes that sum to the difference. What was asked differently stands first.",
	}, func(ctx context.Context, in *compare) (*reply[appraisal.Comparison], error) {
		out, err := s.opt.Appraisal.Compare(ctx, people.Of(ctx).Actor(), in.IDs)
		return &reply[appraisal.Comparison]{out}, err
	})

	type check struct{ Body appraisal.Request }
	type checked struct {
		Remarks []appraisal.Remark `json:"remarks"`
	}
	huma.Register(api, huma.Operation{
		OperationID: "check-valuation", Method: http.MethodPost, Path: "/v1/valuations:check", Tags: []string{"valuations"},
		Summary:     "估值前核对 What is wrong with a request, and which class and market it would be valued in",
		Description: "Nothing is valued, stored or sent.",
	}, func(ctx context.Context, in *check) (*reply[checked], error) {
		out, err := s.opt.Appraisal.Check(ctx, people.Of(ctx).Actor(), in.Body)
		return &reply[checked]{checked{out}}, err
	})
}
