package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhijia/internal/fault"
	"zhijia/internal/llm/llmtest"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

// The command line scores a file of patents through batches, again at no
// cost, and through single calls when the endpoint takes no batches.
func TestLLMScore(t *testing.T) {
	url := storetest.URL(t)
	db, err := store.Open(t.Context(), url, store.Options{MaxConns: 4, Institution: store.Default})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	var patents []store.Patent
	for i, number := range []string{"CN201310543019.6", "CN200810027800.7"} {
		patents = append(patents, store.Patent{Number: number, Title: fmt.Sprintf("一种正极材料%d", i), Abstract: "本发明公开了一种正极材料的制备方法。", Claims: "1. 一种正极材料，包括镍、钴和锰。", IPC: []string{"H01M 4/36"}, Source: "test"})
	}
	if err := db.MergePatents(t.Context(), patents, 0, nil); err != nil {
		t.Fatal(err)
	}
	s := llmtest.New(t, func(r llmtest.Request) llmtest.Reply {
		whole := len(r.Items()) > 1
		return llmtest.Reply{Content: llmtest.Read(r, func(i llmtest.Item) llmtest.Choice {
			c := llmtest.Choice{Letter: i.Letter(60)}
			if whole && i.Code == "L2.1" && !r.Probe() {
				c.Also = i.Letter(40)
			}
			return c
		})}
	})
	s.Batches(nil)
	list := filepath.Join(t.TempDir(), "numbers.txt")
	if err := os.WriteFile(list, []byte("\ufeffZL201310543019.6  # 示例\n\n200810027800.7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	zhijia := func(code int, args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		if got := run(t.Context(), append([]string{"--json", "llm"}, args...), strings.NewReader("ZL201310543019.6\n"), &out, &errs); got != code {
			t.Fatalf("%v: exit %d, want %d\n%s%s", args, got, code, &out, &errs)
		}
		return out.String() + errs.String()
	}
	endpoint := []string{"--database-url", url, "--llm-base-url", s.URL, "--llm-model", "test-model", "--llm-key", llmtest.Key}
	score := func(code int, args ...string) (p store.RunProgress) {
		t.Helper()
		text := zhijia(code, append(append([]string{"score", "--poll", "20ms"}, endpoint...), args...)...)
		_ = json.Unmarshal([]byte(text), &p)
		return p
	}
	if p := score(0, "--file", list); p.Done != 2 || p.Run.Status != store.RunFinished || p.Batches != 2 || p.Answers != int64(s.Lines()) || s.Lines() == 0 {
		t.Errorf("%+v", p)
	}
	lines, calls := s.Lines(), s.Calls()
	if p := score(0, "--subclass", "h01m"); p.Done != 2 || s.Lines() != lines {
		t.Errorf("again: %+v, %d more requests", p, s.Lines()-lines)
	}
	if p := score(0, "--llm-batch", "off", "--file", "-"); p.Done != 1 || p.Batches != 0 || s.Calls()-calls > 2 {
		t.Errorf("by single calls: %+v, %d calls for what is known", p, s.Calls()-calls)
	}
	if text := zhijia(0, "runs", "--database-url", url); strings.Count(text, `"id"`) != 3 {
		t.Errorf("runs: %s", text)
	}
	if text := zhijia(0, "egress", "--database-url", url, "--limit", "1000"); strings.Count(text, "batch score") != lines {
		t.Errorf("%d entries for %d requests", strings.Count(text, "batch score"), lines)
	}
	if text := zhijia(0, append([]string{"probe"}, endpoint...)...); !strings.Contains(text, `"batches": true`) || !strings.Contains(text, "json_schema") {
		t.Errorf("probe: %s", text)
	}
	for code, bad := range map[string][]string{"run.empty": {}, "file.open": {"--file", "/nowhere"}, "ipc.subclass": {"--subclass", "H0"}, "ipc.none": {"--subclass", "A61K"}, "run.numbers": {"12345"}} {
		kind := fault.Invalid
		if code == "file.open" || code == "ipc.none" {
			kind = fault.NotFound
		}
		if text := zhijia(kind.ExitCode(), append(append([]string{"score"}, endpoint...), bad...)...); !strings.Contains(text, code) {
			t.Errorf("%v: %s", bad, text)
		}
	}
}
