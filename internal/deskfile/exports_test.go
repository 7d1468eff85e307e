package deskfile

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"zhijia/internal/deskfile/exporttest"
	"zhijia/internal/patent"
)

// differs says in what a line differs from what the file says, or "".
func differs(line Line, want exporttest.Row) string {
	r := &line.Row
	n, err := patent.ParseNumber(want.Number)
	if err != nil {
		return err.Error()
	}
	got, err := patent.ParseNumber(r.Number)
	if err != nil || got.Key() != n.Key() && patent.Relate(got, n) != patent.OnePatent {
		return fmt.Sprintf("number %q, want %q", r.Number, want.Number)
	}
	switch {
	case len(line.Faults) > 0:
		return fmt.Sprint(line.Faults)
	case r.Title != want.Title:
		return fmt.Sprintf("title %q, want %q", r.Title, want.Title)
	case string(r.Kind) != want.Kind:
		return fmt.Sprintf("kind %q, want %q", r.Kind, want.Kind)
	case !slices.Equal(r.Owners, want.Owners):
		return fmt.Sprintf("owners %q, want %q", r.Owners, want.Owners)
	case string(r.Pledged) != want.Pledged:
		return fmt.Sprintf("pledged %q, want %q", r.Pledged, want.Pledged)
	case want.Noted && len(r.Unread) == 0:
		return "a pledge that may stand is not noted"
	case (r.Standing == patent.Dead) != want.Ended && !want.Pending, want.Pending && r.Standing != patent.Dead && r.Standing != patent.Pending:
		return fmt.Sprintf("standing %q, ended %v pending %v", r.Standing, want.Ended, want.Pending)
	case r.Borrower != want.Borrower:
		return fmt.Sprintf("borrower %q, want %q", r.Borrower, want.Borrower)
	case r.Loan.Yuan() != float64(want.Loan):
		return fmt.Sprintf("loan %s, want %d", r.Loan, want.Loan)
	}
	return ""
}

// Files as vendors and desks save them are read as a person reads them.
func TestExports(t *testing.T) {
	t.Parallel()
	right := 0
	files := exporttest.Files()
	for _, f := range files {
		lines, broken := readAll(t, f.Body, f.Name, Options{})
		var wrong []string
		if broken != "" {
			wrong = append(wrong, broken)
		}
		lines = slices.DeleteFunc(lines, func(l Line) bool { return l.Skipped })
		bad := 0
		for _, l := range lines {
			if slices.Contains(codesOf(l), "row.characters") {
				bad++
			}
		}
		lines = slices.DeleteFunc(lines, func(l Line) bool { return slices.Contains(codesOf(l), "row.characters") })
		if bad != f.Broken {
			wrong = append(wrong, fmt.Sprintf("%d broken rows, want %d", bad, f.Broken))
		}
		if len(lines) != len(f.Rows) {
			wrong = append(wrong, fmt.Sprintf("%d rows, want %d", len(lines), len(f.Rows)))
		} else {
			for i := range lines {
				if w := differs(lines[i], f.Rows[i]); w != "" {
					wrong = append(wrong, fmt.Sprintf("row %d: %s", i+1, w))
				}
			}
		}
		if len(wrong) == 0 {
			right++
			continue
		}
		t.Errorf("%s: %s", f.Shape, strings.Join(wrong[:min(len(wrong), 2)], "; "))
	}
	t.Logf("%d of %d files are read right", right, len(files))
}

// Renaming a number's form changes nothing that is read of the row, so nothing
// of its decision.
func TestFormsOfOneNumberReadAlike(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		digits := fmt.Sprintf("%d%d%07d", rapid.IntRange(2004, 2025).Draw(t, "year"), rapid.IntRange(1, 3).Draw(t, "kind"), rapid.IntRange(1, 9_999_999).Draw(t, "serial"))
		n := digits + "." + string(patent.CheckDigit(digits))
		forms := []string{n, "CN" + n, "ZL" + n, "ZL " + n[:4] + " " + n[4:5] + " " + n[5:], strings.ReplaceAll(n, ".", ""), "cn" + strings.ReplaceAll(n, ".", ""), "ＺＬ" + n, "zl" + strings.ToLower(n), `="` + n + `"`}
		var first string
		for _, form := range forms {
			var lines []Line
			body := "专利号,借款人名称,专利名称\n" + form + ",甲公司,一种装置\n"
			for l, err := range Read(strings.NewReader(body), "f.csv", Options{}) {
				if err != nil {
					t.Fatal(form, err)
				}
				lines = append(lines, l)
			}
			got := fmt.Sprintf("%+v", lines)
			if first == "" {
				first = got
			}
			if got != first || len(lines) != 1 || len(lines[0].Faults) > 0 {
				t.Fatalf("%s: %s, want %s", form, got, first)
			}
		}
	})
}

// Files of other programs are refused with what to do, whatever their ending.
func TestOtherProgramsAreNamed(t *testing.T) {
	t.Parallel()
	ods := exporttest.Spreadsheet([][]string{{"专利号", "借款人名称"}, {goodNumber, "甲公司"}})
	for name, c := range map[string]struct {
		body []byte
		want string
	}{
		"a.ods": {ods, "file.ods"}, "renamed.xlsx": {ods, "file.ods"},
		"old.xls": {append([]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), append(make([]byte, 2000), []byte("W\x00o\x00r\x00k\x00b\x00o\x00o\x00k\x00")...)...), "file.xls"},
		"old.doc": {append([]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), []byte("W\x00o\x00r\x00d\x00D\x00o\x00c\x00u\x00m\x00e\x00n\x00t\x00")...), "file.format"},
	} {
		if _, broken := readAll(t, c.body, name, Options{}); broken != c.want {
			t.Errorf("%s: %q, want %q", name, broken, c.want)
		}
	}
	lines, broken := readAll(t, []byte("专利号,借款人名称\n"+goodNumber+",甲公司\n"), "renamed.xlsx", Options{})
	if broken != "" || len(lines) != 1 {
		t.Errorf("a CSV file under another name: %q %v", broken, lines)
	}
}
