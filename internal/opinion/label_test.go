package opinion_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"zhijia/internal/deskfile"
	"zhijia/internal/opinion"
	"zhijia/internal/valuation/terms"
)

// Every form an opinion leaves in marks each sentence a model wrote, before
// the sentence where no cut reaches it, and in its metadata; an opinion no
// model had a part in carries no mark.
func TestGeneratedSentencesAreLabelled(t *testing.T) {
	t.Parallel()
	reason := "模型写的理由" + strings.Repeat("很长", 60)
	with := func(stored string, by terms.Evaluator) opinion.Opinion {
		o := opinion.Sample()
		o.Evidence.Indicators = nil
		for _, n := range o.Conclusion.Indicators.Nodes {
			if n.Evaluator != "" && n.Score != nil {
				o.Evidence.Indicators = append(o.Evidence.Indicators, terms.IndicatorScore{Code: n.Code, Score: n.Score, Evaluator: by, Reason: stored})
			}
		}
		if len(o.Evidence.Indicators) == 0 {
			t.Fatal("the sample has no scored indicator")
		}
		return o
	}
	render := func(o opinion.Opinion) map[string]string {
		out := map[string]string{}
		for _, lang := range []opinion.Lang{opinion.Zh, opinion.En} {
			var page, text bytes.Buffer
			if err := errors.Join(o.HTML(&page, lang), o.Text(&text, lang)); err != nil {
				t.Fatal(err)
			}
			out["page "+string(lang)], out["text "+string(lang)] = page.String(), text.String()
		}
		var row bytes.Buffer
		if err := deskfile.WriteRowOpinion(&row, deskfile.RowOpinion{Outcome: &deskfile.Outcome{Status: "done"}, Opinion: &o}); err != nil {
			t.Fatal(err)
		}
		out["row zh"] = row.String()
		return out
	}
	for _, stored := range []string{reason, opinion.AIMark + reason} {
		for name, out := range render(with(stored, terms.ByModel)) {
			mark := opinion.AIMark
			if strings.HasSuffix(name, "en") {
				mark = "[AI-generated] "
			}
			flat := strings.Join(strings.Fields(out), "")
			sentences, marked := strings.Count(flat, "模型写的理由"), strings.Count(flat, strings.TrimSpace(mark)+"模型写的理由")
			if sentences == 0 || sentences != marked {
				t.Errorf("%s: %d of %d generated sentences are marked", name, marked, sentences)
			}
			if !strings.HasPrefix(name, "text") && !strings.Contains(out, `<meta name="AIGC" content="{&#34;Label&#34;:&#34;1&#34;`) {
				t.Errorf("%s: no label in the metadata", name)
			}
		}
	}
	for name, out := range render(with(reason, terms.ByOfficer)) {
		if strings.Contains(out, `name="AIGC"`) || strings.Contains(out, opinion.AIMark) {
			t.Errorf("%s: an officer's reason is marked", name)
		}
	}
}
