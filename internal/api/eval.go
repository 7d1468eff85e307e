package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"zhijia/internal/accuracy"
	"zhijia/internal/appraisal"
	"zhijia/internal/fault"
	"zhijia/internal/harness"
	"zhijia/internal/people"
)

// EvaluationTask is one entry of the harness's registry.
type EvaluationTask struct {
	Name      string   `json:"name"`
	Kind      string   `json:"kind"`
	TitleZh   string   `json:"title_zh"`
	TitleEn   string   `json:"title_en"`
	About     string   `json:"about"`
	Dataset   string   `json:"dataset"`
	Split     string   `json:"split"`
	Cluster   string   `json:"cluster"`
	Metrics   []string `json:"metrics"`
	Baselines []string `json:"baselines"`
	Gates     int      `json:"gates"`
}

// Evaluation is the record of one run of the harness.
type Evaluation struct {
	ID       string            `json:"id"`
	Type     string            `json:"type"`
	Note     string            `json:"note"`
	Status   string            `json:"status" doc:"running, finished, interrupted or failed"`
	Error    string            `json:"error,omitempty"`
	Started  time.Time         `json:"started_at"`
	Finished *time.Time        `json:"finished_at"`
	Versions map[string]string `json:"versions"`
	Tasks    []EvaluationPart  `json:"tasks"`
}

// EvaluationPart is one task within a run.
type EvaluationPart struct {
	Task      string             `json:"task"`
	Dataset   string             `json:"dataset"`
	SHA256    string             `json:"dataset_sha256"`
	Done      int                `json:"done"`
	Total     int                `json:"total"`
	Skipped   string             `json:"skipped,omitempty"`
	Answered  int                `json:"answered"`
	Abstained int                `json:"abstained"`
	Failed    int                `json:"failed"`
	Figures   []EvaluationFigure `json:"figures"`
	Notes     []string           `json:"notes"`
}

// EvaluationFigure is one measured figure with its interval.
type EvaluationFigure struct {
	Series string      `json:"series" doc:"product, a baseline, a search path"`
	Name   string      `json:"name"`
	N      int         `json:"n"`
	Value  *float64    `json:"value"`
	CI     *[2]float64 `json:"ci" doc:"95% interval; null when there is none"`
	Reason string      `json:"reason,omitempty" doc:"Why something is missing"`
}

// EvaluationChange is one task of a comparison.
type EvaluationChange struct {
	Task       string            `json:"task"`
	Loss       string            `json:"loss" doc:"Paired loss; lower is better"`
	Verdict    string            `json:"verdict" doc:"worse, better, inconclusive or too_few_units"`
	N          int               `json:"n"`
	Clusters   int               `json:"clusters"`
	Difference *EvaluationFigure `json:"difference" doc:"Mean of B minus A"`
	MDE        *float64          `json:"minimum_detectable_effect"`
	Moved      []harness.Move    `json:"moved"`
	OnlyA      []string          `json:"only_a"`
	OnlyB      []string          `json:"only_b"`
}

func describeFigure(series, name string, n int, f accuracy.Figure) EvaluationFigure {
	out := EvaluationFigure{Series: series, Name: name, N: n, Reason: f.Reason}
	if f.Defined() {
		out.Value = &f.Value
	}
	if f.HasInterval() {
		out.CI = &[2]float64{f.Low, f.High}
	}
	return out
}

func describeRun(r *harness.Run) Evaluation {
	out := Evaluation{ID: r.ID, Type: string(r.Type), Note: r.Note, Status: string(r.Status), Error: r.Error, Started: r.Started, Finished: r.Finished, Versions: r.Versions, Tasks: []EvaluationPart{}}
	for _, t := range r.Tasks {
		part := EvaluationPart{Task: t.Task.Name, Dataset: t.Dataset.Name, SHA256: t.Dataset.SHA256, Done: t.Done, Total: t.Total, Skipped: t.Skipped, Figures: []EvaluationFigure{}, Notes: []string{}}
		if s := t.Summary; s != nil {
			part.Answered, part.Abstained, part.Failed = s.Answered, s.Abstained, s.Failed
			part.Notes = append(part.Notes, s.Notes...)
			for _, m := range s.Figures {
				part.Figures = append(part.Figures, describeFigure(m.Series, m.Name, m.N, m.Figure))
			}
		}
		out.Tasks = append(out.Tasks, part)
	}
	return out
}

// registerEval offers the harness to evaluators: start a run, follow it, read
// its figures, its log and its report.
func registerEval(api huma.API, s *Server) {
	service := func(ctx context.Context) (*harness.Service, appraisal.Actor, error) {
		if s.opt.Eval == nil {
			return nil, appraisal.Actor{}, fault.New(fault.Unavailable, "eval.off", "本实例未启用评测。", "Evaluation is not enabled on this instance.")
		}
		return s.opt.Eval, people.Of(ctx).Actor(), nil
	}
	type evaluationTasks struct {
		Body struct {
			Tasks []EvaluationTask `json:"tasks"`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "list-evaluation-tasks", Method: http.MethodGet, Path: "/v1/evaluation-tasks", Summary: "评测任务 Evaluation tasks", Tags: []string{"evaluations"},
	}, func(ctx context.Context, _ *struct{}) (*evaluationTasks, error) {
		h, _, err := service(ctx)
		if err != nil {
			return nil, err
		}
		list, err := harness.Registry(h.Files)
		if err != nil {
			return nil, err
		}
		out := &evaluationTasks{}
		out.Body.Tasks = []EvaluationTask{}
		for _, t := range list {
			out.Body.Tasks = append(out.Body.Tasks, EvaluationTask{
				Name: t.Name, Kind: string(t.Kind), TitleZh: t.Title.Zh, TitleEn: t.Title.En, About: t.About, Dataset: t.Dataset, Split: t.Split,
				Cluster: t.Cluster, Metrics: t.Metrics, Baselines: append([]string{}, t.Baselines...), Gates: len(t.Gates),
			})
		}
		return out, nil
	})

	type startEvaluation struct {
		Body struct {
			Task    string `json:"task,omitempty" maxLength:"100" doc:"Omit to run every task that the gate runs."`
			Type    string `json:"type,omitempty" enum:"test,baseline,candidate,final" default:"test"`
			Note    string `json:"note,omitempty" maxLength:"500"`
			Seed    uint64 `json:"seed,omitempty" doc:"Instead of the task's own."`
			Dataset string `json:"dataset,omitempty" maxLength:"1500000" doc:"Your own data inline: priced deals as CSV in the columns of the transactions import, or a retrieval set as JSON lines. Needs a task."`
		}
	}
	type one struct{ Body Evaluation }
	huma.Register(api, huma.Operation{
		OperationID: "start-evaluation", Method: http.MethodPost, Path: "/v1/evaluations", Summary: "开始评测 Start a run", Tags: []string{"evaluations"}, DefaultStatus: http.StatusAccepted,
	}, func(ctx context.Context, in *startEvaluation) (*one, error) {
		h, who, err := service(ctx)
		if err != nil {
			return nil, err
		}
		o := harness.Options{Type: harness.RunType(in.Body.Type), Note: in.Body.Note, Seed: in.Body.Seed, Data: []byte(in.Body.Dataset), Smalls: in.Body.Task == ""}
		if in.Body.Task != "" {
			o.Tasks = []string{in.Body.Task}
		}
		run, err := h.Start(ctx, who, o)
		if err != nil {
			return nil, err
		}
		return &one{Body: describeRun(run)}, nil
	})

	type evaluations struct {
		Body struct {
			Evaluations []Evaluation `json:"evaluations"`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "list-evaluations", Method: http.MethodGet, Path: "/v1/evaluations", Summary: "评测列表 List runs, newest first", Tags: []string{"evaluations"},
	}, func(ctx context.Context, _ *struct{}) (*evaluations, error) {
		h, who, err := service(ctx)
		if err != nil {
			return nil, err
		}
		runs, err := h.Runs(ctx, who, 100)
		if err != nil {
			return nil, err
		}
		out := &evaluations{}
		out.Body.Evaluations = []Evaluation{}
		for i := range runs {
			e := describeRun(&runs[i])
			for k := range e.Tasks {
				e.Tasks[k].Figures = []EvaluationFigure{} // of one run, under its own path
			}
			out.Body.Evaluations = append(out.Body.Evaluations, e)
		}
		return out, nil
	})

	type byID struct {
		ID string `path:"id" maxLength:"60"`
	}
	huma.Register(api, huma.Operation{
		OperationID: "get-evaluation", Method: http.MethodGet, Path: "/v1/evaluations/{id}", Summary: "评测进度与结果 Progress and figures of a run", Tags: []string{"evaluations"},
	}, func(ctx context.Context, in *byID) (*one, error) {
		h, who, err := service(ctx)
		if err != nil {
			return nil, err
		}
		run, err := h.Status(ctx, who, in.ID)
		if err != nil {
			return nil, err
		}
		return &one{Body: describeRun(run)}, nil
	})
	huma.Register(api, huma.Operation{
		OperationID: "stop-evaluation", Method: http.MethodPost, Path: "/v1/evaluations/{id}:stop", Summary: "停止评测 Stop a run", Tags: []string{"evaluations"}, DefaultStatus: http.StatusNoContent,
	}, func(ctx context.Context, in *byID) (*struct{}, error) {
		h, who, err := service(ctx)
		if err != nil {
			return nil, err
		}
		return nil, h.Stop(ctx, who, in.ID)
	})

	type compare struct {
		A string `query:"a" required:"true" maxLength:"60" doc:"Run to compare with."`
		B string `query:"b" required:"true" maxLength:"60" doc:"Run under question."`
	}
	type evaluationsCompared struct {
		Body struct {
			A     string             `json:"a"`
			B     string             `json:"b"`
			Tasks []EvaluationChange `json:"tasks"`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "compare-evaluations", Method: http.MethodGet, Path: "/v1/evaluations:compare", Summary: "比较两次评测 Compare two runs, paired by case", Tags: []string{"evaluations"},
	}, func(ctx context.Context, in *compare) (*evaluationsCompared, error) {
		h, who, err := service(ctx)
		if err != nil {
			return nil, err
		}
		c, err := h.Compare(ctx, who, in.A, in.B, accuracy.Options{Iterations: 2000, Workers: 2})
		if err != nil {
			return nil, err
		}
		out := &evaluationsCompared{}
		out.Body.A, out.Body.B, out.Body.Tasks = c.A, c.B, []EvaluationChange{}
		for _, t := range c.Tasks {
			e := EvaluationChange{Task: t.Task, Loss: t.Loss, Verdict: t.Reason, Moved: append([]harness.Move{}, t.Moved...), OnlyA: append([]string{}, t.OnlyA...), OnlyB: append([]string{}, t.OnlyB...)}
			if r := t.Result; r != nil {
				d := describeFigure("b_minus_a", t.Loss, r.N, r.Difference)
				e.Verdict, e.N, e.Clusters, e.Difference = string(r.Verdict), r.N, r.Clusters, &d
				if r.MDE.Defined() {
					e.MDE = &r.MDE.Value
				}
			}
			out.Body.Tasks = append(out.Body.Tasks, e)
		}
		return out, nil
	})

	stream := func(id, path, summary, contentType string, write func(h *harness.Service, who appraisal.Actor, c *gin.Context) error) {
		s.raw(huma.Operation{
			OperationID: id, Method: http.MethodGet, Path: path, Summary: summary, Tags: []string{"evaluations"},
			Parameters: []*huma.Param{{Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}}},
			Responses:  map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{contentType: {Schema: &huma.Schema{Type: huma.TypeString}}}}},
		}, func(c *gin.Context) error {
			h, who, err := service(c.Request.Context())
			if err != nil {
				return err
			}
			if _, err := h.Status(c.Request.Context(), who, c.Param("id")); err != nil {
				return err
			}
			c.Header("Content-Type", contentType+"; charset=utf-8")
			return write(h, who, c)
		})
	}
	stream("get-evaluation-report", "/v1/evaluations/{id}/report", "评测报告 The run's report", "text/html", func(h *harness.Service, who appraisal.Actor, c *gin.Context) error {
		c.Header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:")
		return h.WriteHTML(c.Request.Context(), who, c.Writer, c.Param("id"))
	})
	stream("get-evaluation-samples", "/v1/evaluations/{id}/samples", "逐例记录 The run's log, a JSON object per line", "application/jsonl", func(h *harness.Service, who appraisal.Actor, c *gin.Context) error {
		return h.WriteSamples(c.Request.Context(), who, c.Writer, c.Param("id"))
	})
}
