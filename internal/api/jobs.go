package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"zhijia/internal/paging"
	"zhijia/internal/people"
	"zhijia/internal/store"
)

// jobsPage is how many jobs a page of the list holds.
const jobsPage = 100

func registerJobs(api huma.API, s *Server) {
	type jobList struct {
		Kind   string `query:"kind" maxLength:"60" doc:"Only of this kind, e.g. rows, simulations, evaluations."`
		Cursor string `query:"cursor" maxLength:"200"`
	}
	type jobListed struct {
		Body struct {
			Jobs   []store.Job `json:"jobs"`
			Used   float64     `json:"used_seconds_today" doc:"Processor time of the institution's background work today, in China."`
			Cursor string      `json:"cursor,omitempty"`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "list-jobs", Method: http.MethodGet, Path: "/v1/jobs", Tags: []string{"operation"}, Summary: "后台任务 Background work of the institution, newest first",
		Description: "Each with progress, processor time estimated and used, and what it waits for. Rows of batches are worked by lanes, which all batches of the institution share.",
	}, func(ctx context.Context, in *jobList) (*jobListed, error) {
		at, id, err := paging.Read(in.Cursor)
		if err != nil {
			return nil, err
		}
		p := people.Of(ctx)
		out := &jobListed{}
		if out.Body.Jobs, err = s.opt.DB.Jobs(ctx, p.Institution, in.Kind, at, id, jobsPage); err != nil {
			return nil, err
		}
		if n := len(out.Body.Jobs); n == jobsPage {
			last := out.Body.Jobs[n-1]
			out.Body.Cursor = paging.Cursor(last.CreatedAt, last.ID)
		}
		out.Body.Used, err = s.opt.DB.ProcessorUse(ctx, p.Institution)
		return out, err
	})
}
