package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhijia/internal/llm/llmtest"
	"zhijia/internal/store/storetest"
)

// A live run over an endpoint records its replies; offline, without the
// endpoint, the same run gives the same figures, and another one fails.
func TestScorerTaskIsRecordedLiveAndReplayedOffline(t *testing.T) {
	endpoint := llmtest.New(t, func(r llmtest.Request) llmtest.Reply {
		return llmtest.Reply{Content: llmtest.Read(r, func(llmtest.Item) llmtest.Choice { return llmtest.Choice{Letter: "UNKNOWN"} })}
	})
	dir, database := t.TempDir(), storetest.URL(t)
	own := filepath.Join(dir, "set.jsonl")
	if err := os.WriteFile(own, []byte(`{"id":"a","title":"电池","abstract":"一种电池。包括正极。"}`+"\n"+`{"id":"b","title":"轴承","abstract":"一种轴承。包括滚子。"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	recordings := filepath.Join(dir, "recorded")
	eval := func(dataset string, more ...string) (int, string, string) {
		return command(t, "", append([]string{
			"eval", "run", "scorer-reliability", "--json", "--dataset", dataset, "--runs", filepath.Join(dir, "runs"), "--recorded", recordings,
			"--llm-model", "test-model", "--database-url", database,
		}, more...)...)
	}
	figures := func(out string) string {
		var doc struct {
			Tasks []struct {
				Summary struct{ Figures json.RawMessage }
			}
		}
		if err := json.Unmarshal([]byte(out), &doc); err != nil || len(doc.Tasks) != 1 || len(doc.Tasks[0].Summary.Figures) == 0 {
			t.Fatalf("%v: %s", err, out)
		}
		return string(doc.Tasks[0].Summary.Figures)
	}
	code, live, errs := eval(own, "--live", "--llm-base-url", endpoint.URL, "--llm-key", llmtest.Key)
	if code != 0 {
		t.Fatalf("live: exit %d: %s", code, errs)
	}
	asked := endpoint.Calls()
	files, err := filepath.Glob(filepath.Join(recordings, "*.json"))
	if err != nil || len(files) < 10 {
		t.Fatalf("%d recordings, %v", len(files), err)
	}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil || strings.Contains(string(raw), llmtest.Key) {
			t.Fatalf("%s holds the key, or %v", name, err)
		}
	}
	code, offline, errs := eval(own)
	if code != 0 {
		t.Fatalf("offline: exit %d: %s", code, errs)
	}
	if figures(live) != figures(offline) || endpoint.Calls() != asked {
		t.Errorf("offline differs from live, or called the endpoint (%d, then %d calls):\n%s\n%s", asked, endpoint.Calls(), figures(live), figures(offline))
	}
	other := filepath.Join(dir, "other.jsonl")
	if err := os.WriteFile(other, []byte(`{"id":"c","title":"水泵","abstract":"一种水泵。"}`+"\n"+`{"id":"d","title":"阀门","abstract":"一种阀门。"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := eval(other); code == 0 || !strings.Contains(errs, "not recorded") {
		t.Errorf("a miss must fail: exit %d %s", code, errs)
	}
}
