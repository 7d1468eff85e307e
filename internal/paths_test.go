package internal_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// TestRulesAreWhereTheyAreSaidToBe holds the table "Where a rule is" of CONTRIBUTING.md against the code.
func TestRulesAreWhereTheyAreSaidToBe(t *testing.T) {
	b, err := os.ReadFile("../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| (.+) \\| (.+) \\| (.+\\.go) \\| `(.+)` \\|$").FindAllSubmatch(b, -1)
	if len(rows) < 20 {
		t.Fatalf("%d rules in the table, want at least 20", len(rows))
	}
	for _, r := range rows {
		code, err := os.ReadFile(filepath.Join(string(r[2]), string(r[3])))
		if err != nil {
			t.Errorf("%s: %v", r[1], err)
			continue
		}
		if !regexp.MustCompile(`(?m)^func (\([^)]*\) )?` + string(r[4]) + `\(`).Match(code) {
			t.Errorf("%s: no function %s in %s/%s", r[1], r[4], r[2], r[3])
		}
	}
}
