package office

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhijia/internal/calendar"
	"zhijia/internal/valuation"
)

// A title that is hostile must reach the page escaped and the terminal without
// control characters.
func TestOpinionEscapesHostileText(t *testing.T) {
	t.Parallel()
	o := Opinion{
		ID: "v1",
		Assignment: valuation.Assignment{
			Subject: []valuation.Patent{{Number: "CN202110000000.0", Kind: valuation.Invention, Title: "<script>alert(1)</script>\x1b[31m\u202e"}},
			Purpose: valuation.PurposePledge, Date: calendar.New(2026, 11, 1),
		},
		Conclusion: valuation.Conclusion{Status: valuation.Abstained, ReasonCode: "evidence.none"},
	}
	for _, lang := range []Lang{Zh, En} {
		var page, text bytes.Buffer
		if err := o.HTML(&page, lang); err != nil {
			t.Fatal(err)
		}
		if err := o.Text(&text, lang); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(page.String(), "<script") {
			t.Error("the page contains a script element")
		}
		if strings.ContainsAny(text.String(), "\x1b\u202e") {
			t.Error("the text contains control characters")
		}
		for _, bad := range []string{"http-equiv", "src=\"http", "href=\"http", "@import", "url("} {
			if strings.Contains(page.String(), bad) {
				t.Errorf("the page would fetch: %s", bad)
			}
		}
	}
}

var update = flag.Bool("update", false, "rewrite the golden files")

func TestOpinionGolden(t *testing.T) {
	t.Parallel()
	for _, lang := range []Lang{Zh, En} {
		var page, text bytes.Buffer
		if err := sample().HTML(&page, lang); err != nil {
			t.Fatal(err)
		}
		if err := sample().Text(&text, lang); err != nil {
			t.Fatal(err)
		}
		golden(t, "opinion."+string(lang)+".html", page.Bytes())
		golden(t, "opinion."+string(lang)+".txt", text.Bytes())
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; run with -update and read the difference", file)
	}
}

// Every form an opinion leaves in marks each sentence a model wrote, before
// the sentence where no cut reaches it, and in its metadata; an opinion no
// model had a part in carries no mark.
func TestGeneratedSentencesAreLabelled(t *testing.T) {
	t.Parallel()
	reason := "模型写的理由" + strings.Repeat("很长", 60)
	with := func(stored string, by valuation.Evaluator) Opinion {
		o := sample()
		o.Evidence.Indicators = nil
		for _, n := range o.Conclusion.Indicators.Nodes {
			if n.Evaluator != "" && n.Score != nil {
				o.Evidence.Indicators = append(o.Evidence.Indicators, valuation.IndicatorScore{Code: n.Code, Score: n.Score, Evaluator: by, Reason: stored})
			}
		}
		if len(o.Evidence.Indicators) == 0 {
			t.Fatal("the sample has no scored indicator")
		}
		return o
	}
	render := func(o Opinion) map[string]string {
		out := map[string]string{}
		for _, lang := range []Lang{Zh, En} {
			var page, text bytes.Buffer
			if err := errors.Join(o.HTML(&page, lang), o.Text(&text, lang)); err != nil {
				t.Fatal(err)
			}
			out["page "+string(lang)], out["text "+string(lang)] = page.String(), text.String()
		}
		var row bytes.Buffer
		if err := WriteRowOpinion(&row, RowOpinion{BatchOutcome: &BatchOutcome{Status: "done"}, Opinion: &o}); err != nil {
			t.Fatal(err)
		}
		out["row zh"] = row.String()
		return out
	}
	for _, stored := range []string{reason, aiMark + reason} {
		for name, out := range render(with(stored, valuation.ByModel)) {
			mark := aiMark
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
	for name, out := range render(with(reason, valuation.ByOfficer)) {
		if strings.Contains(out, `name="AIGC"`) || strings.Contains(out, aiMark) {
			t.Errorf("%s: an officer's reason is marked", name)
		}
	}
}
