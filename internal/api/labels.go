package api

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"zhijia/internal/fault"
	"zhijia/internal/gate"
	"zhijia/internal/labelling"
	"zhijia/internal/people"
)

// LabelSample is a sample of patents and indicators that officers label blind.
type LabelSample struct {
	ID        string    `json:"id"`
	Note      string    `json:"note"`
	Model     string    `json:"model" doc:"Whose choices the study holds against the officers'; empty: no model was configured."`
	Prompts   string    `json:"prompts" doc:"Version of the templates the anchors are of."`
	CreatedAt time.Time `json:"created_at"`
	Items     int       `json:"items"`
	Done      int       `json:"done" doc:"Labelled by the caller."`
	Officers  int       `json:"officers" doc:"Who have labelled any."`
}

// LabelNext is the item to label now.
type LabelNext struct {
	Question *labelling.Question `json:"question,omitempty" doc:"Absent: the caller has labelled all."`
}

// LabelSamples are the samples of an institution.
type LabelSamples struct {
	Samples []LabelSample `json:"samples" nullable:"false"`
}

// LabelPath names a sample.
type LabelPath struct {
	ID string `path:"id" maxLength:"80"`
}

// registerLabels serves the blind labelling of a sample by the officers' own
// programs; the page serves it to officers.
func registerLabels(api huma.API, s *Server) {
	on := func() error {
		if s.opt.Labels == nil {
			return fault.New(fault.Unavailable, "labels.off", "盲标未启用。", "Labelling is off.")
		}
		return nil
	}
	next := func(ctx context.Context, id string) (*reply[LabelNext], error) {
		q, err := s.opt.Labels.Next(ctx, people.Of(ctx).Actor(), id)
		return &reply[LabelNext]{LabelNext{q}}, err
	}
	type labelOrderIn struct {
		Body struct {
			Numbers    []string `json:"numbers" minItems:"1" maxItems:"500" doc:"Of stored patents."`
			Indicators []string `json:"indicators,omitempty" maxItems:"50" doc:"Default: all that the sheet gives to the model."`
			Note       string   `json:"note,omitempty" maxLength:"200"`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "draw-label-sample", Method: http.MethodPost, Path: "/v1/label-samples", Tags: []string{"labels"}, DefaultStatus: http.StatusCreated,
		Summary:     "抽取盲标样本 Draw a sample of patents and indicators for officers to label blind",
		Description: "The model's choices of its kept readings are stored with the items and shown to nobody who labels.",
	}, func(ctx context.Context, in *labelOrderIn) (*reply[LabelSample], error) {
		if err := on(); err != nil {
			return nil, err
		}
		x, err := s.opt.Labels.Draw(ctx, people.Of(ctx).Actor(), labelling.Order{Numbers: in.Body.Numbers, Indicators: in.Body.Indicators, Note: in.Body.Note})
		return &reply[LabelSample]{LabelSample{x.ID, x.Note, x.Model, x.Prompts, x.CreatedAt, x.Items, x.Done, x.Officers}}, err
	})
	huma.Register(api, huma.Operation{
		OperationID: "list-label-samples", Method: http.MethodGet, Path: "/v1/label-samples", Tags: []string{"labels"},
		Summary: "盲标样本列表 The samples of the institution, with how far the caller is",
	}, func(ctx context.Context, _ *struct{}) (*reply[LabelSamples], error) {
		if err := on(); err != nil {
			return nil, err
		}
		found, err := s.opt.Labels.Samples(ctx, people.Of(ctx).Actor())
		if err != nil {
			return nil, err
		}
		out := &reply[LabelSamples]{LabelSamples{Samples: []LabelSample{}}}
		for _, x := range found {
			out.Body.Samples = append(out.Body.Samples, LabelSample{x.ID, x.Note, x.Model, x.Prompts, x.CreatedAt, x.Items, x.Done, x.Officers})
		}
		return out, nil
	})
	huma.Register(api, huma.Operation{
		OperationID: "next-label", Method: http.MethodGet, Path: "/v1/label-samples/{id}/next", Tags: []string{"labels"},
		Summary:     "下一题 The next item that the caller has not labelled",
		Description: "Passages and choices in words, both in an order of the caller's own; no number of the patent, no score, no model's or other's choice.",
	}, func(ctx context.Context, in *LabelPath) (*reply[LabelNext], error) {
		if err := on(); err != nil {
			return nil, err
		}
		return next(ctx, in.ID)
	})
	type labelIn struct {
		LabelPath
		Body struct {
			Place  int    `json:"place" minimum:"1" doc:"Of the question."`
			Choice string `json:"choice" maxLength:"20" doc:"Key of a choice of the question; unknown: it cannot be told from the passages."`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "put-label", Method: http.MethodPost, Path: "/v1/label-samples/{id}/labels", Tags: []string{"labels"},
		Summary: "提交标注 Keep the caller's choice for an item and serve the next", Description: "The same item again replaces the choice.",
	}, func(ctx context.Context, in *labelIn) (*reply[LabelNext], error) {
		if err := on(); err != nil {
			return nil, err
		}
		if err := s.opt.Labels.Label(ctx, people.Of(ctx).Actor(), in.ID, in.Body.Place, in.Body.Choice); err != nil {
			return nil, err
		}
		return next(ctx, in.ID)
	})
	s.raw(huma.Operation{
		OperationID: "get-label-file", Method: http.MethodGet, Path: "/v1/label-samples/{id}/file", Tags: []string{"labels"},
		Summary:     "下载一致性研究文件 The file that zhijia eval agreement reads",
		Description: "Only officers who labelled every item are in it, two at least, as columns without names.",
		Parameters:  []*huma.Param{{Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}}},
		Responses:   map[string]*huma.Response{"200": {Description: "The table.", Content: map[string]*huma.MediaType{"text/csv": {Schema: &huma.Schema{Type: huma.TypeString}}}}},
	}, func(c *gin.Context) error {
		if err := on(); err != nil {
			return err
		}
		var b bytes.Buffer
		if _, _, err := s.opt.Labels.CSV(c.Request.Context(), people.Of(c.Request.Context()).Actor(), c.Param("id"), &b); err != nil {
			return err
		}
		gate.Attach(c, "text/csv; charset=utf-8", "labels.csv", "盲标结果.csv")
		c.Data(http.StatusOK, "text/csv; charset=utf-8", b.Bytes())
		return nil
	})
}
