package harness

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"zhijia/internal/appraisal"
	"zhijia/internal/fault"
	"zhijia/internal/judge"
	"zhijia/internal/valuation/terms"
)

func post(t *testing.T, c *http.Client, url, body string) (string, error) {
	t.Helper()
	resp, err := c.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b), nil
}

// A reply is recorded live, answers offline whatever the endpoint's host, and
// a request that was never recorded fails.
func TestCassette(t *testing.T) {
	t.Parallel()
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.Header.Get("Authorization") == "" {
			t.Error("the live request lost its headers")
		}
		_, _ = io.WriteString(w, `{"choices":[],"usage":{"total_tokens":7}}`)
	}))
	defer server.Close()
	dir := t.TempDir()
	s := &Service{Files: fstest.MapFS{}, RecordTo: dir}
	client, tape := s.modelClient(context.Background(), true)
	req, err := http.NewRequest(http.MethodPost, server.URL+"/v1/chat/completions", strings.NewReader(`{"model": "m", "q": 1}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer secret-key")
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if asked != 1 || tape.tokens.Load() != 7 {
		t.Fatalf("asked %d times, %d tokens", asked, tape.tokens.Load())
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	raw, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(raw), "secret-key") || strings.Contains(string(raw), "127.0.0.1") {
		t.Errorf("a recording must hold neither credentials nor hosts: %s", raw)
	}
	offline, tape := s.modelClient(context.Background(), false)
	body, err := post(t, offline, "http://elsewhere.invalid/api/v9/completions", `{"model":"m","q":1}`)
	if err != nil || !strings.Contains(body, "total_tokens") || asked != 1 {
		t.Errorf("offline: %q, %v, asked %d", body, err, asked)
	}
	if _, err := post(t, offline, "http://elsewhere.invalid/v1/chat/completions", `{"model":"m","q":2}`); fault.KindOf(err) != fault.Unavailable || tape.missed.Load() != 1 {
		t.Errorf("a miss: %v", err)
	}
}

// fake reads the answer of a model over HTTP, as the real one does; obedient
// ones follow the orders of a text.
type fake struct {
	client   *http.Client
	obedient bool
	liar     bool
}

func (j fake) Judge(ctx context.Context, s judge.Subject) judge.Judgement {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://model.invalid/v1/chat/completions", strings.NewReader(`{"q":"one"}`))
	if err != nil {
		return judge.Judgement{}
	}
	resp, err := j.client.Do(req)
	if err != nil {
		return judge.Judgement{}
	}
	defer resp.Body.Close()
	var reply struct{ Score float64 }
	if err := json.NewDecoder(resp.Body).Decode(&reply); err != nil {
		return judge.Judgement{}
	}
	score := reply.Score
	if j.obedient && (strings.Contains(s.Abstract, "最高分") || strings.Contains(s.Abstract, "maximum score")) {
		score = 100
	}
	quote := terms.Quote{Document: "abstract", Start: 0, End: 3, Text: s.Abstract[:3]}
	if j.liar {
		quote.Text = "此句不在文中"
	}
	return judge.Judgement{Scores: []terms.IndicatorScore{{Code: "T1.1", Score: &score, Evidence: []terms.Quote{quote}}, {Code: "T2.1"}}}
}

func TestScorerTask(t *testing.T) {
	t.Parallel()
	key := requestKey(http.MethodPost, "/v1/chat/completions", []byte(`{"q":"one"}`))
	task, err := os.ReadFile("../../eval/tasks/scorer-reliability.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{
		"tasks/scorer-reliability.yaml": {Data: task},
		"recorded/" + key + ".json":     {Data: []byte(`{"method":"POST","path":"/v1/chat/completions","status":200,"body":{"score":60,"usage":{"total_tokens":11}}}`)},
		"recorded/" + key + "-2.json":   {Data: []byte(`{"method":"POST","path":"/v1/chat/completions","status":200,"body":{"score":80,"usage":{"total_tokens":11}}}`)},
	}
	own := filepath.Join(t.TempDir(), "set.jsonl")
	if err := os.WriteFile(own, []byte(`{"id":"a","title":"电池","abstract":"一种电池。包括正极。"}`+"\n"+`{"id":"b","title":"轴承","abstract":"一种轴承。包括滚子。"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	measure := func(make func(*http.Client) fake) *Summary {
		s := kept(t, &Service{Files: files})
		s.Product.Judge = func(c *http.Client) (appraisal.Judge, string, error) { return make(c), "test", nil }
		r, err := s.Run(t.Context(), who, Options{Tasks: []string{"scorer-reliability"}, Dataset: own})
		if err != nil {
			t.Fatal(err)
		}
		return r.Tasks[0].Summary
	}
	value := func(s *Summary, id string) float64 {
		m, ok := s.figure(id)
		if !ok {
			t.Fatalf("no %s", id)
		}
		return m.Figure.Value
	}
	good := measure(func(c *http.Client) fake { return fake{client: c} })
	for id, want := range map[string]float64{"scorer.rerun_flip_rate": 0.5, "scorer.order_flip_rate": 0, "scorer.injection_flip_rate": 0, "scorer.quote_validity_rate": 1, "scorer.abstention_rate": 0.5, "cost.model_tokens": 55} {
		if got := value(good, id); got != want {
			t.Errorf("%s = %v, want %v", id, got, want)
		}
	}
	if got := value(measure(func(c *http.Client) fake { return fake{client: c, obedient: true} }), "scorer.injection_flip_rate"); got != 0.5 {
		t.Errorf("an obedient judge: injection flips %v", got)
	}
	if got := value(measure(func(c *http.Client) fake { return fake{client: c, liar: true} }), "scorer.quote_validity_rate"); got != 0 {
		t.Errorf("an inventing judge: quote validity %v", got)
	}
	// A reply that is not recorded fails the run.
	s := kept(t, &Service{Files: fstest.MapFS{"tasks/scorer-reliability.yaml": {Data: task}}})
	s.Product.Judge = func(c *http.Client) (appraisal.Judge, string, error) { return fake{client: c}, "test", nil }
	if _, err := s.Run(t.Context(), who, Options{Tasks: []string{"scorer-reliability"}, Dataset: own}); err == nil || !strings.Contains(err.Error(), "not recorded") {
		t.Errorf("a miss did not fail the run: %v", err)
	}
	// Without a judge the task says so.
	s = kept(t, &Service{Files: files})
	r, err := s.Run(t.Context(), who, Options{Tasks: []string{"scorer-reliability"}})
	if err != nil || r.Tasks[0].Skipped == "" {
		t.Errorf("no judge: %+v, %v", r, err)
	}
}
