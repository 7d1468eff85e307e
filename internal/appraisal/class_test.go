package appraisal_test

import (
	"strings"
	"testing"

	"zhijia/internal/appraisal"
)

// Comparables of a subject without a symbol are sought in the classes its text
// speaks for, and that is said; a text that speaks for none is told nothing. A
// symbol that the text speaks against is flagged, a right one is not.
func TestProposedClassIsNamed(t *testing.T) {
	t.Parallel()
	_, svc := setup(t)
	for title, want := range map[string]string{"一种锂离子电池正极材料的制备方法": "按文本推定的分类检索：H01M，p = ", "床前明月光疑是地上霜": ""} {
		_, c := value(t, svc, appraisal.Request{Text: &appraisal.Text{Title: title}})
		said := ""
		for _, n := range c.MissingEvidence {
			if n.Code == "IPC" {
				said = n.Zh
			}
		}
		if said == "" || !strings.Contains(said, want) || want == "" && strings.Contains(said, "推定") {
			t.Errorf("%s: %q", title, said)
		}
		if (want != "") != (len(c.Retrieval.Proposed) > 0) {
			t.Errorf("%s: searched by %v", title, c.Retrieval.Proposed)
		}
	}
	for symbol, want := range map[string]bool{"A01K 31/00": true, "H01M 4/36": false, "H01M 10/05": false} {
		_, c := value(t, svc, appraisal.Request{Text: &appraisal.Text{Title: "一种锂离子电池正极材料的制备方法"}, Patent: &appraisal.Facts{IPC: []string{symbol}}})
		flagged := false
		for _, f := range c.Flags {
			flagged = flagged || f.Code == "IPC-CONTRADICTED"
		}
		if flagged != want {
			t.Errorf("%s: flagged %v", symbol, flagged)
		}
	}
}
