package deskfile

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"zhijia/internal/sheet"
)

// The same rows are read from every form of text that desks and vendors save:
// separators, encodings, numbers marked as text, a line that names the
// separator, the wrong ending.
func TestFormsOfText(t *testing.T) {
	t.Parallel()
	rows := [][]string{{"专利号", "借款人名称", "专利名称", "产品代码"}, {goodNumber, "甲科技有限公司", "一种夹具，及其用途", "002121"}, {"201310543019.6", "乙科技有限公司", "一种治具", "000001"}}
	encodings := map[string]encoding.Encoding{
		"utf-8": unicode.UTF8, "utf-8 with mark": unicode.UTF8BOM, "utf-16 le": unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), "utf-16 be": unicode.UTF16(unicode.BigEndian, unicode.UseBOM),
		"gb18030": simplifiedchinese.GB18030, "gbk": simplifiedchinese.GBK,
	}
	for _, sep := range []string{",", "\t", ";", "|"} {
		for name, e := range encodings {
			for _, end := range []string{"\n", "\r\n"} {
				for _, form := range []string{"plain", "quoted", "text", "sep"} {
					var b strings.Builder
					if form == "sep" {
						b.WriteString("sep=" + sep + end)
					}
					for _, row := range rows {
						cells := slices.Clone(row)
						for i := range cells {
							switch {
							case form == "quoted":
								cells[i] = `"` + cells[i] + `"`
							case form == "text" && i == 3:
								cells[i] = `="` + cells[i] + `"`
							}
						}
						b.WriteString(strings.Join(cells, sep) + end)
					}
					body, err := e.NewEncoder().String(b.String())
					must(t, err)
					lines, broken := readAll(t, []byte(body), "f.csv", Options{})
					if broken != "" || len(lines) != 2 || lines[0].Row.Product != "002121" || lines[1].Row.Borrower != "乙科技有限公司" || lines[0].Row.Title != "一种夹具，及其用途" || len(lines[0].Faults)+len(lines[1].Faults) > 0 {
						t.Errorf("%q %s %q %s: %q %+v", sep, name, end, form, broken, lines)
					}
				}
			}
		}
	}
}

// A broken character costs its row and no other.
func TestBrokenCharacterCostsItsRow(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("专利号,借款人名称,专利名称\n")
	for i := range 20 {
		title := "一种装置"
		if i == 7 {
			title = "一种\xff装置"
		}
		fmt.Fprintf(&b, "%s,第%d科技有限公司,%s\n", goodNumber, i, title)
	}
	lines, broken := readAll(t, []byte(b.String()), "f.csv", Options{})
	if broken != "" || len(lines) != 20 {
		t.Fatal(broken, len(lines))
	}
	for i, line := range lines {
		if bad := slices.Contains(codesOf(line), "row.characters"); bad != (i == 7) {
			t.Errorf("row %d: %v", i, line.Faults)
		}
	}
}

// Headers of two rows under a merged title, cells merged down, columns without
// a header, totals and signatures.
func TestSheetsAsDesksKeepThem(t *testing.T) {
	t.Parallel()
	rows := [][]any{
		{"2026年知识产权质押融资拟办清单"},
		{"序号", "借款人名称", "专利信息", "", "", "拟贷金额(万元)", "权利状态", "", ""},
		{"", "", "专利号", "专利名称", "专利权人", "", "是否质押", "状态日期"},
		{"1", "甲科技有限公司", goodNumber, "一种夹具", "甲科技有限公司", 10, "否", "2026-11-01", "质押 2026-11-20"},
		{"2", "", "201310543019.6", "一种治具", "甲科技有限公司", 10, "否", "2026-11-01", ""},
		{"合计", "", "", "", "", 20},
		{"制表人：张三　　审核：李四"},
	}
	body := sheetOf(t, rows, func(f *excelize.File, sheet string) {
		for _, m := range [][2]string{{"A1", "H1"}, {"A2", "A3"}, {"B2", "B3"}, {"C2", "E2"}, {"F2", "F3"}, {"G2", "H2"}, {"B4", "B5"}, {"A7", "H7"}} {
			must(t, f.MergeCell(sheet, m[0], m[1]))
		}
	})
	lines, broken := readAll(t, body, "f.xlsx", Options{})
	if broken != "" || len(lines) != 4 || !lines[2].Skipped || !lines[3].Skipped {
		t.Fatalf("%q %+v", broken, lines)
	}
	for i, line := range lines[:2] {
		if line.Row.Borrower != "甲科技有限公司" || line.Row.Loan == 0 || line.Row.Pledged != "no" || len(line.Faults) > 0 {
			t.Errorf("row %d: %+v", i, line)
		}
	}
	if u := lines[0].Row.Unread; len(u) != 1 || !strings.Contains(u[0].Text, "质押 2026-11-20") || !slices.ContainsFunc(lines[0].Ignored, func(h string) bool { return strings.Contains(h, "无表头") }) {
		t.Errorf("a column without a header: %+v, ignored %v", u, lines[0].Ignored)
	}
}

// Two columns of numbers: the second fills the first and must not contradict it.
func TestTwoColumnsOfNumbers(t *testing.T) {
	t.Parallel()
	for cells, want := range map[string]string{
		goodNumber + "," + goodNumber: "", goodNumber + ",": "", "," + goodNumber: "", goodNumber + ",201310543019.6": "number.two", ",": "row.number_missing",
	} {
		lines, broken := readAll(t, []byte("申请号,专利号,借款人名称\n"+cells+",甲公司\n"), "f.csv", Options{})
		if broken != "" || len(lines) != 1 {
			t.Fatal(broken, lines)
		}
		if got := strings.Join(codesOf(lines[0]), " "); got != want || want == "" && sheet.Narrow(lines[0].Row.Number) == "" {
			t.Errorf("%s: %s, want %s", cells, got, want)
		}
	}
}
