package prompts_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"zhijia/internal/fault"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/terms"
	"zhijia/prompts"
)

// Every indicator the sheet gives to the model has a rubric, and no other has.
func TestRubricsFollowTheSheet(t *testing.T) {
	set, err := prompts.Load("")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range valuation.DefaultAssumptions().Sheet.Nodes {
		p, ok := set.Rubric(n.Code)
		if want := slices.Contains(n.Evaluator, terms.ByModel); ok != want {
			t.Errorf("%s: has a rubric: %v, the sheet asks the model: %v", n.Code, ok, want)
		}
		if !ok {
			continue
		}
		var scores []int
		for _, a := range p.Anchors {
			scores = append(scores, a.Score)
		}
		if !slices.Equal(scores, []int{20, 40, 60, 80}) {
			t.Errorf("%s: anchors %v", n.Code, scores)
		}
	}
}

func TestFolderOverrides(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	header := "---\nid: rubric.L2.1\nversion: 3\nkind: rubric\nindicator: L2.1\ntitle: 宽度\nlanguage: zh\nevidence: [claims]\nanchors:\n  - {score: 20, label: 窄}\n  - {score: 80, label: 宽}\n---\n"
	write("mine.md", header+"按行内标准判断。\n")
	set, err := prompts.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	p, _ := set.Rubric("L2.1")
	if p.Name() != "rubric.L2.1@3" || p.Source != filepath.Join(dir, "mine.md") {
		t.Errorf("%s from %s", p.Name(), p.Source)
	}
	old, ok := set.Get("rubric.L2.1", 2)
	if !ok || old.Source != "embedded" {
		t.Error("the older version is gone")
	}
	diff := strings.Join(prompts.Diff(old, p), "\n")
	if !strings.Contains(diff, "+按行内标准判断。") || !strings.Contains(diff, "- 40  ") {
		t.Errorf("diff:\n%s", diff)
	}
	write("bad.md", strings.Replace(header, "score: 80", "score: 10", 1)+"x")
	if _, err := prompts.Load(dir); fault.KindOf(err) != fault.Invalid {
		t.Errorf("descending anchors: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("---\nid: frame\nversion: 1\nkind: frame\ntitle: t\nlanguage: zh\n---\nbody"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if p, err := prompts.Parse(raw); err == nil && (p.ID == "" || p.Body == "" || p.Version < 1) {
			t.Errorf("accepted %+v", p)
		}
	})
}
