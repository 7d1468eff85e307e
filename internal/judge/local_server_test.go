//go:build localserver

package judge_test

import (
	"context"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"zhijia/internal/fault"
	"zhijia/internal/judge"
	"zhijia/internal/llm"
	"zhijia/internal/llm/llmtest"
)

// localServer is the base URL of a model server of this machine: the one that
// ZHIJIA_LOCAL_LLM names, or Ollama or llama.cpp where they usually listen.
func localServer(t *testing.T) string {
	candidates := []string{"http://127.0.0.1:11434/v1", "http://127.0.0.1:8080/v1"}
	if url := os.Getenv("ZHIJIA_LOCAL_LLM"); url != "" {
		candidates = []string{url}
	}
	client := http.Client{Timeout: 3 * time.Second}
	for _, url := range candidates {
		if r, err := client.Get(url + "/models"); err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return url
			}
		}
	}
	t.Skip("no model server answers at " + strings.Join(candidates, " or ") + "; start one (docs/scoring.md) or name it in ZHIJIA_LOCAL_LLM")
	return ""
}

// A real server, whatever its model can do: the probe finds a mode or says in
// the server's words what is wrong; a reading is complete, or says what it
// lacks and leaves every score unknown; what is shown is of the text; and the
// calls are bounded. How well it reads is not judged here.
func TestLocalServer(t *testing.T) {
	url := localServer(t)
	cfg := llm.Config{BaseURL: url, Model: os.Getenv("ZHIJIA_LOCAL_LLM_MODEL"), Key: os.Getenv("ZHIJIA_LOCAL_LLM_KEY"), Attempts: 1, Oppose: true, RequestTimeout: 10 * time.Minute, Window: 24_000}
	if cfg.Model == "" {
		cfg.Model = "test-model"
	}
	client, err := llm.New(cfg, llmtest.Through())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Minute)
	defer stop()
	reader := judge.NewReader(client, set(t))
	found, err := reader.Probe(ctx)
	if err != nil {
		t.Logf("the probe: %s", fault.Public(err).En)
		if fault.Public(err).En == "" {
			t.Error("the probe failed and does not say why")
		}
	} else {
		t.Logf("the probe: mode %s, window %d", found.Mode, found.Window)
	}
	began := time.Now()
	r := reader.Read(ctx, cathode, all(t))
	t.Logf("%d calls, %+v, %s, unfinished %q, %v", r.Calls, r.Usage, time.Since(began).Round(time.Second), r.Unfinished, r.Err)
	if r.Calls > 3 {
		t.Errorf("%d calls", r.Calls)
	}
	scored := 0
	whole := map[string]string{"title": cathode.Title, "abstract": cathode.Abstract, "claims": cathode.Claims}
	for _, x := range r.Results {
		if x.Score == nil {
			if x.Unknown == "" {
				t.Errorf("%s has neither a score nor a reason", x.Indicator)
			}
			continue
		}
		scored++
		if r.Unfinished != "" || !slices.Contains([]int{20, 40, 60, 80}, *x.Score) || len(x.Quotes) == 0 {
			t.Errorf("%+v", x)
		}
		for _, q := range x.Quotes {
			if !strings.Contains(whole[q.Part], q.Text) {
				t.Errorf("%s: not in the text: %q", x.Indicator, q.Text)
			}
		}
	}
	t.Logf("%d of %d indicators scored", scored, len(r.Results))
}
