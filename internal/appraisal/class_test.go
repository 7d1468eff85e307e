package appraisal_test

import (
	"strings"
	"testing"

	"zhijia/internal/appraisal"
)

// A subject without a symbol is told the class its text speaks for, and that
// it was not used; a text that speaks for none is told nothing.
func TestProposedClassIsNamed(t *testing.T) {
	t.Parallel()
	_, svc := setup(t)
	for title, want := range map[string]string{"一种锂离子电池正极材料的制备方法": "按文本推定的分类 H01M，p = ", "床前明月光疑是地上霜": ""} {
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
	}
}
