package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"zhijia/internal/fault"
	"zhijia/internal/fetch"
	"zhijia/internal/people"
)

// FetchRequest asks for patents by their numbers.
type FetchRequest struct {
	Numbers []string `json:"numbers" minItems:"1" maxItems:"10000" doc:"Application, patent or publication numbers, any usual form."`
	Sources []string `json:"sources,omitempty" maxItems:"10" doc:"Ids of the sources that are asked; empty: all that are configured."`
	Again   bool     `json:"again,omitempty" doc:"Ask, too, what a source said within a week that it does not have."`
	Job     bool     `json:"job,omitempty" doc:"Work it as a job. More than a hundred numbers are one in any case."`
	Most    int      `json:"most_requests,omitempty" minimum:"0" maximum:"1000000" doc:"Requests it may make; 0: ten a number and a hundred."`
}

// Fetched is what came of a fetch: at once the results, of a job its state.
type Fetched struct {
	Report *fetch.Report `json:"report,omitempty" doc:"What came of a fetch at once."`
	Job    *fetch.State  `json:"job,omitempty" doc:"State of a fetch that is worked as a job; see GET /v1/fetches/{id}."`
}

type fetchIn struct {
	Body FetchRequest
}

// FetchedNumber is one number of a fetch and what came of it.
type FetchedNumber struct {
	Number string `json:"number"`
	State  string `json:"state" enum:"waiting,found,missing,failed"`
	Detail string `json:"code,omitempty" doc:"Why it is not found."`
}

// FetchedNumbers are numbers of a fetch and what came of each.
type FetchedNumbers struct {
	Page
	Numbers []FetchedNumber `json:"numbers"`
}

type fetchNumbersIn struct {
	FetchID
	PageQuery
	State string `query:"state" enum:"waiting,found,missing,failed" required:"false" doc:"Only those of this state."`
}

// FetchID names a fetch in the path.
type FetchID struct {
	ID string `path:"id" pattern:"^[A-Za-z0-9_-]{1,64}$"`
}

func registerFetch(api huma.API, s *Server) {
	huma.Register(api, huma.Operation{
		OperationID: "fetch-patents", Method: http.MethodPost, Path: "/v1/patents:fetch", Tags: []string{"patents"},
		Summary:     "按号码取数 Bring patents in by their numbers",
		Description: "Asks the sources that the operator configured, stores what they state with source, day and hash of the raw document, and says for each number and source what came of it. Where sources disagree the dossier shows it. A source that does not have a patent is not asked for it again within a week.",
		Metadata:    map[string]any{metaTimeout: s.gate.ImportTimeout},
	}, func(ctx context.Context, in *fetchIn) (*reply[Fetched], error) {
		svc, err := s.fetcher()
		if err != nil {
			return nil, err
		}
		if in.Body.Job || len(in.Body.Numbers) > fetch.AtOnce {
			st, err := svc.Start(ctx, people.Of(ctx).Actor(), in.Body.Numbers, fetch.Options{Most: in.Body.Most, Only: in.Body.Sources, Again: in.Body.Again})
			return &reply[Fetched]{Fetched{Job: &st}}, err
		}
		rep, err := svc.Get(ctx, people.Of(ctx).Actor(), in.Body.Numbers, fetch.Options{Most: in.Body.Most, Only: in.Body.Sources, Again: in.Body.Again})
		return &reply[Fetched]{Fetched{Report: &rep}}, err
	})
	huma.Register(api, huma.Operation{
		OperationID: "get-fetch", Method: http.MethodGet, Path: "/v1/fetches/{id}", Summary: "取数任务进度 State of a fetch", Tags: []string{"patents"},
	}, func(ctx context.Context, in *FetchID) (*reply[fetch.State], error) {
		svc, err := s.fetcher()
		if err != nil {
			return nil, err
		}
		st, err := svc.State(ctx, people.Of(ctx).Actor(), in.ID)
		return &reply[fetch.State]{st}, err
	})
	huma.Register(api, huma.Operation{
		OperationID: "list-fetch-numbers", Method: http.MethodGet, Path: "/v1/fetches/{id}/numbers", Summary: "取数任务的号码与结果 Numbers of a fetch and what came of each", Tags: []string{"patents"},
	}, func(ctx context.Context, in *fetchNumbersIn) (*reply[FetchedNumbers], error) {
		svc, err := s.fetcher()
		if err != nil {
			return nil, err
		}
		list, next, err := svc.Numbers(ctx, people.Of(ctx).Actor(), in.ID, in.State, in.Cursor, in.Limit)
		return &reply[FetchedNumbers]{FetchedNumbers{pageTo(next), each(list, func(n *fetch.Number) FetchedNumber { return FetchedNumber(*n) })}}, err
	})
	huma.Register(api, huma.Operation{
		OperationID: "resume-fetch", Method: http.MethodPost, Path: "/v1/fetches/{id}:resume", Summary: "继续取数任务 Go on with a fetch that was stopped", Tags: []string{"patents"},
	}, func(ctx context.Context, in *FetchID) (*reply[fetch.State], error) {
		svc, err := s.fetcher()
		if err != nil {
			return nil, err
		}
		st, err := svc.Resume(ctx, people.Of(ctx).Actor(), in.ID, 0)
		return &reply[fetch.State]{st}, err
	})
}

func (s *Server) fetcher() (*fetch.Service, error) {
	if s.opt.Fetch == nil {
		return nil, fault.New(fault.Unavailable, "source.none", "未配置任何来源。", "No source is configured.")
	}
	return s.opt.Fetch, nil
}
