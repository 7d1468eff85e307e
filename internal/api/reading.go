package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zhijia/internal/appraisal"
	"zhijia/internal/claim"
	"zhijia/internal/fault"
	"zhijia/internal/reading"
)

// readTime is how long a request may take that waits for a model.
const readTime = 3 * time.Minute

// ReadOptions are what a reading of a stored patent may be told.
type ReadOptions struct {
	Text       *appraisal.Text `json:"text,omitempty" doc:"What the store lacks of the patent's text."`
	AllowModel *bool           `json:"allow_model,omitempty" doc:"false: rules alone; true: also where the text is not published; default as the institution says."`
}

// ReadInput asks for a reading of a patent.
type ReadInput struct {
	PatentPath
	Body *ReadOptions
}

// registerReading serves what people use a reader for besides scores.
func registerReading(api huma.API, s *Server) {
	ask := func(in *ReadInput) (reading.Ask, error) {
		if _, err := parseNumber("path.number", in.Number); err != nil {
			return reading.Ask{}, err
		}
		a := reading.Ask{Number: in.Number}
		if in.Body != nil {
			a.Text, a.AllowModel = in.Body.Text, in.Body.AllowModel
		}
		return a, nil
	}
	on := func() error {
		if s.opt.Reading == nil {
			return fault.New(fault.Unavailable, "reading.off", "阅读服务未启用。", "Reading is off.")
		}
		return nil
	}
	waits := map[string]any{metaTimeout: readTime, metaMaxBody: int64(maxReadBody)}
	const generated = " What a model wrote is labelled (generated, 【AI生成】) and stands on verbatim quotes; what did not hold is under dropped. Without a model the rules' part stands alone and model.state says why."

	huma.Register(api, huma.Operation{
		OperationID: "get-claims", Method: http.MethodGet, Path: "/v1/patents/{number}/claims", Tags: []string{"reading"},
		Summary:     "权利要求树 The claims of a stored patent taken apart, by rules alone",
		Description: "Which claims stand alone, which lean on which, and what each is made of; the pieces of a claim put together are its text. A reference that leads nowhere, forward or in a circle is under problems and never guessed.",
	}, func(ctx context.Context, in *PatentPath) (*reply[reading.Claims], error) {
		if err := on(); err != nil {
			return nil, err
		}
		a, err := ask(&ReadInput{PatentPath: *in})
		if err != nil {
			return nil, err
		}
		out, err := s.opt.Reading.Claims(ctx, actor(ctx), a)
		return &reply[reading.Claims]{out}, err
	})
	type claimsIn struct {
		Body struct {
			Text string `json:"text" minLength:"1" maxLength:"1048576" doc:"The text of the claims, in Chinese."`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "read-claims", Method: http.MethodPost, Path: "/v1/claims:read", Tags: []string{"reading"}, MaxBodyBytes: maxReadBody, Metadata: map[string]any{metaMaxBody: int64(maxReadBody)},
		Summary: "拆分权利要求文本 Claims given as text taken apart, by rules alone; nothing is stored",
	}, func(_ context.Context, in *claimsIn) (*reply[claim.Tree], error) {
		return &reply[claim.Tree]{claim.Parse(in.Body.Text)}, nil
	})
	huma.Register(api, huma.Operation{
		OperationID: "summarise-patent", Method: http.MethodPost, Path: "/v1/patents/{number}:summary", Tags: []string{"reading"}, Metadata: waits, MaxBodyBytes: maxReadBody,
		Summary:     "五句话摘要 Five sentences for a credit committee, each tied to a passage",
		Description: "What it is, which problem it solves, how, with what effect, what is protected." + generated,
	}, func(ctx context.Context, in *ReadInput) (*reply[reading.Summary], error) {
		if err := on(); err != nil {
			return nil, err
		}
		a, err := ask(in)
		if err != nil {
			return nil, err
		}
		out, err := s.opt.Reading.Summary(ctx, actor(ctx), a)
		return &reply[reading.Summary]{out}, err
	})
	type compared struct {
		ReadInput
		Most int `query:"comparables" default:"3" minimum:"1" maximum:"10" doc:"Held against the patent at most."`
	}
	huma.Register(api, huma.Operation{
		OperationID: "compare-patent", Method: http.MethodPost, Path: "/v1/patents/{number}:differences", Tags: []string{"reading"}, Metadata: waits, MaxBodyBytes: maxReadBody,
		Summary:     "与可比成交的差异 The patent held against its nearest comparables, element by element",
		Description: "not_found says that what is on file of the comparable does not have the element, never that it lacks it: texts lists what is on file." + generated,
	}, func(ctx context.Context, in *compared) (*reply[reading.Differences], error) {
		if err := on(); err != nil {
			return nil, err
		}
		a, err := ask(&in.ReadInput)
		if err != nil {
			return nil, err
		}
		out, err := s.opt.Reading.Differences(ctx, actor(ctx), a, in.Most)
		return &reply[reading.Differences]{out}, err
	})
	huma.Register(api, huma.Operation{
		OperationID: "question-borrower", Method: http.MethodPost, Path: "/v1/patents/{number}:questions", Tags: []string{"reading"}, Metadata: waits, MaxBodyBytes: maxReadBody,
		Summary:     "向借款人提问 What to ask the borrower, from what is missing and from the text",
		Description: "By rules: what the dossier lacks, what contradicts itself, what is open before a pledge, whether the products practise the claims." + generated,
	}, func(ctx context.Context, in *ReadInput) (*reply[reading.Questions], error) {
		if err := on(); err != nil {
			return nil, err
		}
		a, err := ask(in)
		if err != nil {
			return nil, err
		}
		out, err := s.opt.Reading.Questions(ctx, actor(ctx), a)
		return &reply[reading.Questions]{out}, err
	})

	type material struct {
		PatentPath
		Body struct {
			reading.Material
			AllowModel *bool `json:"allow_model,omitempty" doc:"true: the material may be sent to the model; it never is otherwise."`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "read-facts", Method: http.MethodPost, Path: "/v1/patents/{number}:facts", Tags: []string{"reading"}, Metadata: waits, MaxBodyBytes: maxReadBody,
		Summary:     "从材料读取事实 Read a register extract, licence contract, financial sheet or receipt into proposed inputs",
		Description: "Every fact carries its words and byte offsets in the text as given. Nothing is an input before it is accepted. What is not understood is null and cannot be accepted; nor can what is about another patent. The same text again brings what was decided before.",
	}, func(ctx context.Context, in *material) (*reply[reading.Facts], error) {
		if err := on(); err != nil {
			return nil, err
		}
		if _, err := parseNumber("path.number", in.Number); err != nil {
			return nil, err
		}
		out, err := s.opt.Reading.ReadFacts(ctx, actor(ctx), in.Number, in.Body.Material, in.Body.AllowModel)
		return &reply[reading.Facts]{out}, err
	})
	huma.Register(api, huma.Operation{
		OperationID: "list-facts", Method: http.MethodGet, Path: "/v1/patents/{number}/facts", Tags: []string{"reading"},
		Summary: "材料事实及其采纳情况 What was read for a patent, what was decided of it, and the request that the accepted facts make",
	}, func(ctx context.Context, in *PatentPath) (*reply[reading.Facts], error) {
		if err := on(); err != nil {
			return nil, err
		}
		if _, err := parseNumber("path.number", in.Number); err != nil {
			return nil, err
		}
		out, err := s.opt.Reading.Facts(ctx, actor(ctx), in.Number)
		return &reply[reading.Facts]{out}, err
	})
	type decision struct {
		ID   string `path:"id" maxLength:"80"`
		Body *struct {
			Note string `json:"note,omitempty" maxLength:"500"`
		}
	}
	for verb, zh := range map[string]string{"accept": "采纳 Accept a proposed fact as an input", "reject": "否决 Reject a fact, or one that was accepted"} {
		huma.Register(api, huma.Operation{
			OperationID: verb + "-fact", Method: http.MethodPost, Path: "/v1/facts/{id}:" + verb, Tags: []string{"reading"}, Summary: zh,
			Description: "One value of a fact is in force for a patent: a second one is a conflict until the first is rejected.",
		}, func(ctx context.Context, in *decision) (*reply[reading.Fact], error) {
			if err := on(); err != nil {
				return nil, err
			}
			note := ""
			if in.Body != nil {
				note = in.Body.Note
			}
			out, err := s.opt.Reading.Decide(ctx, actor(ctx), in.ID, verb == "accept", note)
			return &reply[reading.Fact]{out}, err
		})
	}
}
