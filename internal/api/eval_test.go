package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"zhijia/eval"
	"zhijia/internal/gate/gatetest"
	"zhijia/internal/harness"
	"zhijia/internal/jobs"
	"zhijia/internal/people"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

func TestEvaluationOverREST(t *testing.T) {
	t.Parallel()
	uses := gatetest.NewWorld(t)
	h := &harness.Service{
		DB: uses.DB, Queue: uses.Jobs, Files: eval.FS, Program: "test",
		Product: harness.Product{Scratch: func(context.Context) (*store.DB, func(), error) { return storetest.New(t), func() {}, nil }},
	}
	w := serve(t, uses, options{Eval: h}, people.Evaluator)
	if r := w.Get("/v1/evaluation-tasks"); r.Code != http.StatusOK || !strings.Contains(r.Body.String(), "price-out-of-time") {
		t.Fatalf("tasks: %d %s", r.Code, r.Body)
	}
	ask := func(body string) Evaluation {
		t.Helper()
		r := w.Post("/v1/evaluations", json.RawMessage(body))
		if r.Code != http.StatusAccepted {
			t.Fatalf("start: %d %s", r.Code, r.Body)
		}
		return gatetest.Decode[Evaluation](t, r.Body.Bytes())
	}
	// Looking starts nothing; a worker does.
	idle := ask(`{"task":"registry-accuracy"}`)
	for _, path := range []string{"", "/" + idle.ID, "/" + idle.ID + "/samples"} {
		w.Get("/v1/evaluations" + path)
	}
	if got := gatetest.Decode[Evaluation](t, w.Get("/v1/evaluations/"+idle.ID).Body.Bytes()); got.Status != "running" || got.Tasks[0].Done != 0 || got.Tasks[0].Task != "registry-accuracy" {
		t.Errorf("worked on though no worker runs: %+v", got)
	}
	if r := w.Post("/v1/evaluations/"+idle.ID+":stop", `{}`); r.Code != http.StatusNoContent {
		t.Errorf("stop: %d %s", r.Code, r.Body)
	}
	if got := gatetest.Decode[Evaluation](t, w.Get("/v1/evaluations/"+idle.ID).Body.Bytes()); got.Status != "interrupted" {
		t.Errorf("stopped: %+v", got)
	}
	ctx, stop := context.WithCancel(t.Context())
	worked := make(chan error, 1)
	go func() { worked <- uses.Jobs.Run(ctx, jobs.RunOptions{}, h.Worker()) }()
	defer func() {
		stop()
		if err := <-worked; err != nil {
			t.Error(err)
		}
	}()
	begin := func(body string) Evaluation {
		t.Helper()
		e := ask(body)
		for tick := time.Tick(10 * time.Millisecond); e.Status == "running"; <-tick {
			e = gatetest.Decode[Evaluation](t, w.Get("/v1/evaluations/"+e.ID).Body.Bytes())
		}
		return e
	}
	a := begin(`{"task":"registry-accuracy","note":"over REST"}`)
	got := gatetest.Decode[Evaluation](t, w.Get("/v1/evaluations/"+a.ID).Body.Bytes())
	if got.Status != "finished" || len(got.Tasks) != 1 || got.Tasks[0].Done != got.Tasks[0].Total || len(got.Tasks[0].Figures) == 0 {
		t.Fatalf("finished run: %+v", got)
	}
	own := begin(`{"task":"retrieval-same-subclass","dataset":"{\"id\":\"1\",\"query\":\"磷酸铁锂正极\",\"text\":\"磷酸铁锂正极材料\"}\n{\"id\":\"2\",\"query\":\"轴承\",\"text\":\"滚动轴承\"}"}`)
	if got := gatetest.Decode[Evaluation](t, w.Get("/v1/evaluations/"+own.ID).Body.Bytes()); got.Status != "finished" {
		t.Fatalf("own data: %+v", got)
	}
	// Another institution finds neither the run nor its data, and cannot stop it.
	other := w.keyOf(t, "b", people.Evaluator)
	for _, path := range []string{"", "/report", "/samples"} {
		if r := other.Get("/v1/evaluations/" + own.ID + path); r.Code != http.StatusNotFound {
			t.Errorf("another institution gets %s: %d", path, r.Code)
		}
	}
	if r := other.Get("/v1/evaluations"); strings.Contains(r.Body.String(), own.ID) {
		t.Error("another institution lists the run")
	}
	if r := other.Post("/v1/evaluations/"+own.ID+":stop", `{}`); r.Code != http.StatusNotFound && r.Code != http.StatusConflict {
		t.Errorf("another institution stops the run: %d", r.Code)
	}
	b := begin(`{"task":"registry-accuracy"}`)
	if r := w.Get("/v1/evaluations:compare?a=" + a.ID + "&b=" + b.ID); r.Code != http.StatusOK || !strings.Contains(r.Body.String(), "inconclusive") {
		t.Errorf("compare: %d %s", r.Code, r.Body)
	}
	if r := w.Get("/v1/evaluations/" + a.ID + "/report"); r.Code != http.StatusOK || !strings.Contains(r.Body.String(), "登记信息") {
		t.Errorf("report: %d", r.Code)
	}
	if r := w.Get("/v1/evaluations/" + a.ID + "/samples"); r.Code != http.StatusOK || strings.Count(r.Body.String(), "\n") != 60 {
		t.Errorf("samples: %d, %d lines", r.Code, strings.Count(r.Body.String(), "\n"))
	}
	if r := w.Get("/v1/evaluations"); len(gatetest.Decode[struct{ Evaluations []Evaluation }](t, r.Body.Bytes()).Evaluations) != 4 {
		t.Errorf("list: %s", r.Body)
	}
	for path, want := range map[string]int{"/v1/evaluations/nope": 404, "/v1/evaluations/nope/report": 404, "/v1/evaluations:compare?a=x&b=y": 404} {
		if r := w.Get(path); r.Code != want {
			t.Errorf("%s: %d, want %d: %s", path, r.Code, want, r.Body)
		}
	}
	if r := w.Post("/v1/evaluations", json.RawMessage(`{"task":"no-such-task"}`)); r.Code != http.StatusNotFound {
		t.Errorf("unknown task: %d", r.Code)
	}
	off := newWorld(t, options{}, people.Evaluator)
	if r := off.Get("/v1/evaluations"); r.Code != http.StatusServiceUnavailable {
		t.Errorf("off: %d", r.Code)
	}
	officer := newWorld(t, options{Eval: h}, people.Officer)
	if r := officer.Post("/v1/evaluations", json.RawMessage(`{}`)); r.Code != http.StatusForbidden {
		t.Errorf("an officer started a run: %d", r.Code)
	}
}
