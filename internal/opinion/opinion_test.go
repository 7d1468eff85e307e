package opinion

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhijia/internal/calendar"
	"zhijia/internal/patent"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/terms"
)

// A title that is hostile must reach the page escaped and the terminal without
// control characters.
func TestOpinionEscapesHostileText(t *testing.T) {
	t.Parallel()
	o := Opinion{
		ID: "v1",
		Assignment: valuation.Assignment{
			Subject: []terms.Patent{{Number: "CN202110000000.0", Kind: patent.Invention, Title: "<script>alert(1)</script>\x1b[31m\u202e"}},
			Purpose: terms.PurposePledge, Date: calendar.New(2026, 11, 1),
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
