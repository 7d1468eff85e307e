package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"zhijia/internal/embed"
	"zhijia/internal/gate/gatetest"
	"zhijia/internal/people"
)

func TestClassesOverREST(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{}, people.Officer)
	for text, silence := range map[string]embed.Silence{"一种锂离子电池正极材料的制备方法": "", "手机支付系统商标名称": embed.SilentName} {
		body, err := json.Marshal(map[string]any{"text": text, "limit": 2})
		if err != nil {
			t.Fatal(err)
		}
		r := w.Post("/v1/classes:suggest", string(body))
		if r.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", text, r.Code, r.Body)
		}
		got := gatetest.Decode[embed.Suggestion](t, r.Body.Bytes())
		if silence != "" {
			if len(got.Classes) != 0 || got.Silence == nil || got.Silence.Code != silence {
				t.Errorf("%s: %+v", text, got)
			}
			continue
		}
		if len(got.Classes) != 2 || got.Classes[0].Subclass != "H01M" || got.Silence != nil || got.Model == "" {
			t.Errorf("%s: %+v", text, got)
		}
	}
	for _, bad := range []string{`{}`, `{"text":""}`, `{"text":"电池","limit":21}`, `{"text":"电池","k":1}`, `{"text":"` + strings.Repeat("电", 20_001) + `"}`} {
		if r := w.Post("/v1/classes:suggest", bad); r.Code != http.StatusUnprocessableEntity && r.Code != http.StatusBadRequest {
			t.Errorf("%.40s: %d", bad, r.Code)
		}
	}
}
