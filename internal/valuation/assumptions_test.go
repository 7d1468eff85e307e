package valuation

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestDefaultAssumptionsAreCoherentAndSourced(t *testing.T) {
	t.Parallel()
	a := DefaultAssumptions()
	if a.Version == "" {
		t.Fatal("no version")
	}
	// Every figure in the file states a reason, a source and a provenance.
	var raw any
	if err := json.Unmarshal(assumptionsJSON, &raw); err != nil {
		t.Fatal(err)
	}
	n := 0
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			if _, ok := v["provenance"]; ok {
				if _, isFigure := v["value"]; isFigure {
					n++
					for _, k := range []string{"reason", "source", "provenance"} {
						if s, _ := v[k].(string); s == "" {
							t.Errorf("%s has no %s", path, k)
						}
					}
				}
			}
			for k, c := range v {
				walk(path+"."+k, c)
			}
		case []any:
			for _, c := range v {
				walk(path, c)
			}
		}
	}
	walk("assumptions", raw)
	if n < 30 { // the figures of the market approach are checked in their own room
		t.Errorf("only %d figures carry provenance", n)
	}
}

func TestLoadAssumptionsRefuses(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string][2]string{
		"unknown field":     {`"version"`, `"verzion"`},
		"weights off":       {`"weight": 0.3,`, `"weight": 0.31,`},
		"no version":        {`"version": "2026-11.6"`, `"version": ""`},
		"words for numbers": {`"max_bundle": 20`, `"max_bundle": "twenty"`},
		"no default band":   {`"default_band": "`, `"default_band": "no `},
	} {
		if _, err := LoadAssumptions([]byte(strings.Replace(string(assumptionsJSON), edit[0], edit[1], 1))); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
