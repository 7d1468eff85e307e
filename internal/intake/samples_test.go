package intake

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"zhijia/internal/appraisal"
)

func TestTry(t *testing.T) {
	dir := "../../../shared/data/connect"
	for _, p := range []string{"*.csv", "*.xlsx", "*.xml", "*.jsonl", "*.json", "*.txt", "ops/*.xml", "ops/*.json"} {
		files, _ := filepath.Glob(filepath.Join(dir, p))
		for _, f := range files {
			body, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			rep, err := Run(t.Context(), nil, nil, appraisal.Actor{Name: "test", Institution: "default"}, "patents", f, bytes.NewReader(body), Options{DryRun: true})
			var out bytes.Buffer
			e := json.NewEncoder(&out)
			e.SetEscapeHTML(false)
			for _, r := range rep.Preview {
				r.Abstract, r.Text = "", ""
				_ = e.Encode(r)
			}
			t.Logf("== %s src=%s acc=%d rej=%d err=%v ignored=%v\n rejects=%v\n notes=%v\n%s", filepath.Base(f), rep.Source, rep.Accepted, rep.Rejected, err, rep.Ignored, rep.Rejects, rep.Notes, out.String())
		}
	}
}
