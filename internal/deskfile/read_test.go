package deskfile

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"
	"pgregory.net/rapid"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/sheet"
)

var readOn = calendar.MustParse("2026-11-23")

// readAll reads a desk's file; broken is the code of the error that ended it.
func readAll(t *testing.T, body []byte, name string, o Options) (lines []Line, broken string) {
	t.Helper()
	if o.On.IsZero() {
		o.On = readOn
	}
	for line, err := range Read(bytes.NewReader(body), name, o) {
		if err != nil {
			pub := fault.Public(err)
			if pub.Zh == "" || pub.Kind == fault.Internal {
				t.Errorf("%s: not told to the desk: %v", name, err)
			}
			return lines, pub.Code
		}
		lines = append(lines, line)
	}
	return lines, ""
}

func codesOf(line Line) (codes []string) {
	for _, f := range line.Faults {
		codes = append(codes, f.Code)
	}
	return codes
}

// sheetOf makes a workbook of one sheet and hands it out for changes.
func sheetOf(t *testing.T, rows [][]any, change func(f *excelize.File, sheet string)) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	for i, row := range rows {
		if err := f.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &row); err != nil {
			t.Fatal(err)
		}
	}
	if change != nil {
		change(f, "Sheet1")
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const goodNumber = "202010123456.2"

func TestBatchHeaders(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]struct{ key, unit string }{
		"专利号/申请号": {"number", ""}, " 专利号 ": {"number", ""}, "＊专利号（申请号）": {"number", ""}, "number": {"number", ""}, "NUMBER": {"number", ""},
		"上年产品收入(万元)": {"revenue", "万元"}, "上年产品收入（单位：元）": {"revenue", "元"}, "拟贷金额/万元": {"loan", "万元"}, "拟贷金额 万元": {"loan", "万元"}, "拟贷金额，万元": {"loan", "万元"},
		"拟贷金额（人民币万元）": {"loan", "万元"}, "拟贷金额[亿元]": {"loan", "亿元"}, "loan(元)": {"loan", "元"}, "拟贷金额": {"loan", ""},
		"外部评估价值(万元)/基准日": {"external", "万元"}, "质押/保全/无效/许可状态(as-of 日期)": {"register", ""}, "共有人及同意(Y/N)": {"consent", ""},
		"许可费率(%)": {"royalty_rate", ""}, "备注": {"remark", ""}, "柜号": {"", ""}, "贷款本金(千元)": {"loan", "千元"}, "拟贷金额(万)": {"loan", "万元"}, "授信额度(RMB万元)": {"loan", "万元"}, "主债权金额（百万元）": {"loan", "百万元"}, "专利名称(万元)": {"", ""},
	} {
		c, unit := columnOf(sheet.Header(header))
		if key := cmpKey(c); key != want.key || unit != want.unit {
			t.Errorf("%q: %s %q, want %v", header, key, unit, want)
		}
	}
	seen := map[string]string{}
	for i := range knownColumns {
		for _, name := range append([]string{knownColumns[i].key, knownColumns[i].zh}, knownColumns[i].names...) {
			if other, twice := seen[sheet.Header(name)]; twice && other != knownColumns[i].key {
				t.Errorf("%q names %s and %s", name, other, knownColumns[i].key)
			}
			seen[sheet.Header(name)] = knownColumns[i].key
		}
	}
}

func cmpKey(c *batchColumn) string {
	if c == nil {
		return ""
	}
	return c.key
}

// The documentation names every column and every header it goes by.
func TestBatchColumnsAreDocumented(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../docs/desk.md")
	must(t, err)
	for i := range knownColumns {
		c := &knownColumns[i]
		row := "| " + c.zh + " | `" + c.key + "` | " + strings.Join(c.names, "、") + " |"
		if !bytes.Contains(doc, []byte(row)) {
			t.Errorf("docs/desk.md has no row %s", row)
		}
	}
}

// The unit is declared once: in the headers or with the request, and never two
// ways.
func TestBatchUnits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		header, cell, declared, code string
		want                         money.Fen
	}{
		{"拟贷金额(万元)", "12.5", "", "", 12_500_000},
		{"拟贷金额(元)", "125,000.00", "", "", 12_500_000},
		{"拟贷金额", "12.5", "万元", "", 12_500_000},
		{"拟贷金额(万元)", "12.5", "万元", "", 12_500_000},
		{"拟贷金额(万元)", "12.5万元", "", "", 12_500_000},
		{"拟贷金额(万元)", "12.5万", "", "", 12_500_000},
		{"拟贷金额(万元)", "１２．５", "", "", 12_500_000},
		{"拟贷金额(元)", "￥125000", "", "", 12_500_000},
		{"拟贷金额", "12.5", "", "unit.missing", 0},
		{"拟贷金额(万元)", "12.5", "元", "unit.contradiction", 0},
		{"拟贷金额(万元)", "125000元", "", "row:unit.cell", 0},
		{"拟贷金额(元)", "12.5万", "", "row:unit.cell", 0},
		{"拟贷金额(元)", "0.001", "", "row:amount.shape", 0},
		{"拟贷金额(元)", "1e6", "", "row:amount.shape", 0},
	} {
		lines, broken := readAll(t, []byte("专利号,借款人,\""+c.header+"\"\n"+goodNumber+",甲,\""+c.cell+"\"\n"), "f.csv", Options{Unit: c.declared})
		got := broken
		if broken == "" && len(lines[0].Faults) > 0 {
			got = "row:" + lines[0].Faults[0].Code
		}
		if got != c.code || c.code == "" && lines[0].Row.Loan != c.want {
			t.Errorf("%+v: %s %v", c, got, lines)
		}
	}
	for _, header := range []string{"拟贷金额(万元),上年产品收入(元)", "拟贷金额,上年产品收入(元)", "外部评估价值,拟贷金额(万元)"} {
		for range 20 { // columns are a map on their way
			if _, broken := readAll(t, []byte("专利号,借款人,"+header+"\n"+goodNumber+",甲,1,1\n"), "f.csv", Options{}); broken != "unit.contradiction" && broken != "unit.missing" {
				t.Fatalf("%s: %q", header, broken)
			}
		}
	}
}

// Dates come in every form a desk's sheet has them.
func TestBatchDates(t *testing.T) {
	t.Parallel()
	want := calendar.MustParse("2020-01-02")
	for _, text := range []string{"2020-01-02", "2020/1/2", "2020.01.02", "20200102", "2020年1月2日", "２０２０年１月２日", "2020-01-02 00:00:00", "2020/1/2 0:00", "2020-01-02 10:00", "2020/1/2 23:59:59", "2020-01-02T08:30:00+08:00", "2020年1月2日 15时30分", "20200102 10:30", " 2020-01-02\u00a0", "\u200e2020-01-02"} {
		lines, _ := readAll(t, []byte("专利号,借款人,授权公告日\n"+goodNumber+",甲,"+text+"\n"), "f.csv", Options{})
		if len(lines) != 1 || lines[0].Row.Grant != want || len(lines[0].Faults) > 0 {
			t.Errorf("%q: %+v", text, lines)
		}
	}
	for _, text := range []string{"43832", "2020", "2020-1", "2020-02-30", "20/1/2", "长期", "2020-01-02 25:00", "2020-01-02上午"} {
		lines, _ := readAll(t, []byte("专利号,借款人,授权公告日\n"+goodNumber+",甲,"+text+"\n"), "f.csv", Options{})
		if !slices.Contains(codesOf(lines[0]), "date.shape") {
			t.Errorf("%q: %v", text, codesOf(lines[0]))
		}
	}
	// In a workbook: a date as a number, of either system, in every format, or in none.
	header := []any{"专利号", "借款人", "授权公告日"}
	for _, days1904 := range []bool{false, true} {
		serial := 43832
		if days1904 {
			serial -= 1462
		}
		for _, format := range []string{"", "yyyy-mm-dd", `yyyy"年"m"月"d"日"`, "[$-804]yyyy年m月d日", "d-mmm-yy", "m/d/yy", "yyyy/m/d h:mm", "[Red]yyyy.mm.dd", "General"} {
			for _, value := range []any{serial, fmt.Sprint(serial)} { // and as text
				body := sheetOf(t, [][]any{header, {goodNumber, "甲", value}}, func(f *excelize.File, sheet string) {
					must(t, f.SetWorkbookProps(&excelize.WorkbookPropsOptions{Date1904: &days1904}))
					if format != "" {
						style, err := f.NewStyle(&excelize.Style{CustomNumFmt: &format})
						must(t, err)
						must(t, f.SetCellStyle(sheet, "C2", "C2", style))
					}
				})
				lines, broken := readAll(t, body, "f.xlsx", Options{})
				if broken != "" || lines[0].Row.Grant != want {
					t.Errorf("1904 %t, %q, %T: %s %v", days1904, format, value, broken, lines)
				}
			}
		}
		for id := range 60 { // the built-in formats of dates
			if !slices.Contains([]int{14, 15, 16, 17, 22, 27, 30, 31, 36, 50, 57, 58}, id) {
				continue
			}
			body := sheetOf(t, [][]any{header, {goodNumber, "甲", serial}}, func(f *excelize.File, sheet string) {
				must(t, f.SetWorkbookProps(&excelize.WorkbookPropsOptions{Date1904: &days1904}))
				style, err := f.NewStyle(&excelize.Style{NumFmt: id})
				must(t, err)
				must(t, f.SetCellStyle(sheet, "C2", "C2", style))
			})
			if lines, broken := readAll(t, body, "f.xlsx", Options{}); broken != "" || lines[0].Row.Grant != want {
				t.Errorf("format %d: %s %v", id, broken, lines)
			}
		}
	}
}

// A number is what the cell holds, not what it shows.
func TestBatchNumbersInCells(t *testing.T) {
	t.Parallel()
	body := sheetOf(t, [][]any{
		{"序号", "专利号", "借款人", "拟贷金额(元)", "许可费率", "统一社会信用代码"},
		{1, 202010123456.2, "甲 ", 1234567.89, 0.035, ""},
		{2, "'202010123456.2", "乙", "1,234,567.89", "3.5%", ""},
		{3, "202010123456.2", "丙", 0.1 + 0.2, 0.035, ""},
		{4, "2.0201E+11", "丁", 1, "", ""},
		{5, 2.02010123456e11, "戊", 1, "", 9.131e17},
	}, func(f *excelize.File, sheet string) {
		rounded, percent := "#,##0", "0%"
		for _, x := range []struct{ cell, format string }{{"D2", rounded}, {"B2", "0.00E+00"}, {"E2", percent}} {
			style, err := f.NewStyle(&excelize.Style{CustomNumFmt: &x.format})
			must(t, err)
			must(t, f.SetCellStyle(sheet, x.cell, x.cell, style))
		}
	})
	lines, broken := readAll(t, body, "f.xlsx", Options{})
	if broken != "" || len(lines) != 5 {
		t.Fatal(broken, lines)
	}
	first := lines[0].Row
	if len(lines[0].Faults) > 0 || first.Number != "CN202010123456.2" || first.Loan != 123_456_789 || *first.Royalty != 0.035 || first.Borrower != "甲" || first.Seq != "1" {
		t.Errorf("%+v %v", first, lines[0].Faults)
	}
	if len(lines[1].Faults) > 0 && codesOf(lines[1])[0] != "number.characters" || lines[1].Row.Loan != 123_456_789 {
		t.Errorf("%+v %v", lines[1].Row, lines[1].Faults)
	}
	if !slices.Contains(codesOf(lines[2]), "amount.shape") == (lines[2].Row.Loan == 0) && len(lines[2].Faults) > 0 && lines[2].Row.Loan != 30 {
		t.Errorf("%+v %v", lines[2].Row, lines[2].Faults)
	}
	if !slices.Contains(codesOf(lines[3]), "number.scientific") {
		t.Errorf("%v", lines[3].Faults)
	}
	if len(lines[4].Faults) == 0 { // the digits after the dot and of the code are gone
		t.Errorf("%+v", lines[4].Row)
	}
}

// A formula is never worked out: the value the file says it had counts, and
// without one the row is refused.
func TestBatchFormulas(t *testing.T) {
	t.Parallel()
	body := rawBook(t, `<row r="1"><c r="A1" t="inlineStr"><is><t>专利号</t></is></c><c r="B1" t="inlineStr"><is><t>借款人</t></is></c><c r="C1" t="inlineStr"><is><t>拟贷金额(元)</t></is></c></row>
		<row r="2"><c r="A2" t="str"><f>"20201012"&amp;"3456.2"</f><v>202010123456.2</v></c><c r="B2" t="inlineStr"><is><r><t>甲</t></r><rPh sb="0" eb="1"><t>jia</t></rPh><r><t>公司</t></r></is></c><c r="C2"><f>1+1</f><v>500</v></c></row>
		<row r="3"><c r="A3" t="inlineStr"><is><t>202010123456.2</t></is></c><c r="B3" t="inlineStr"><is><t>乙</t></is></c><c r="C3"><f>1+1</f></c></row>
		<row r="4"><c r="A4" t="inlineStr"><is><t>202010123456.2</t></is></c><c r="B4" t="inlineStr"><is><t>丙</t></is></c><c r="C4"><f t="shared" si="0"/></c></row>
		<row r="5"><c r="A5" t="inlineStr"><is><t>202010123456.2</t></is></c><c r="B5" t="e"><f>1/0</f><v>#DIV/0!</v></c></row>
		<row r="6"><c r="A6" t="inlineStr"><is><t>202010123456.2</t></is></c><c r="B6" t="inlineStr"><is><t>=HYPERLINK("http://x")</t></is></c></row>`, "")
	lines, broken := readAll(t, body, "f.xlsx", Options{})
	if broken != "" || len(lines) != 5 {
		t.Fatal(broken, lines)
	}
	if x := lines[0].Row; len(lines[0].Faults) > 0 || x.Number != "CN202010123456.2" || x.Loan != 50_000 || x.Borrower != "甲公司" {
		t.Errorf("%+v %v", x, lines[0].Faults)
	}
	for i, want := range []string{"cell.formula", "cell.formula", "cell.error", "cell.formula"} {
		if !slices.Contains(codesOf(lines[i+1]), want) {
			t.Errorf("line %d: %v, want %s", lines[i+1].Row.Line, lines[i+1].Faults, want)
		}
	}
}

// rawBook is a workbook of one sheet with the given rows and what follows them.
func rawBook(t *testing.T, rows, after string) []byte {
	t.Helper()
	const ns = `xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"`
	return zipOf(t, map[string]string{
		"_rels/.rels":                `<Relationships><Relationship Id="a" Type="x/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
		"xl/workbook.xml":            `<workbook ` + ns + `><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships><Relationship Id="r1" Type="x/worksheet" Target="/xl/worksheets/s.xml"/></Relationships>`,
		"xl/worksheets/s.xml":        `<worksheet ` + ns + `><sheetData>` + rows + `</sheetData>` + after + `</worksheet>`,
	})
}

func zipOf(t *testing.T, parts map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		w, err := z.Create(name)
		must(t, err)
		_, err = io.WriteString(w, parts[name])
		must(t, err)
	}
	must(t, z.Close())
	return b.Bytes()
}

// Merged and hidden cells are named; titles above the header, other sheets and
// columns nobody knows do no harm.
func TestBatchSheets(t *testing.T) {
	t.Parallel()
	rows := [][]any{
		{"2026年11月专利质押贷款清单"},
		{},
		{"专利号", "借款人", "柜号", "拟贷金额(万元)"},
		{goodNumber, "甲", "x", 1},
		{goodNumber, "", "x", 2},
		{goodNumber, "丙", "y", 3},
		{"合计", "", "", 6},
	}
	merge := func(f *excelize.File, sheet string) {
		must(t, f.MergeCell(sheet, "A1", "D1"))
		must(t, f.MergeCell(sheet, "B4", "B5"))
		must(t, f.MergeCell(sheet, "A7", "B7"))
		must(t, f.SetRowVisible(sheet, 6, false))
	}
	lines, broken := readAll(t, sheetOf(t, rows, merge), "f.xlsx", Options{})
	if broken != "" || len(lines) != 4 || !lines[3].Skipped || lines[1].Row.Borrower != "甲" {
		t.Fatal(broken, lines)
	}
	if !slices.Equal(lines[0].Ignored, []string{"柜号"}) || len(lines[0].Faults) > 0 || lines[0].Row.Line != 4 || len(lines[1].Ignored) > 0 {
		t.Errorf("%+v", lines[0])
	}
	for i, want := range []string{"", "", "row.hidden"} {
		if want != "" && !slices.Contains(codesOf(lines[i]), want) {
			t.Errorf("line %d: %v, want %s", lines[i].Row.Line, lines[i].Faults, want)
		}
	}
	if lines[2].Row.Borrower != "丙" || lines[2].Row.Number != goodNumber {
		t.Errorf("a hidden row is not told apart: %+v", lines[2].Row)
	}
	other := func(state string) []byte {
		return sheetOf(t, rows, func(f *excelize.File, _ string) {
			_, err := f.NewSheet("另一份")
			must(t, err)
			must(t, f.SetSheetRow("另一份", "A1", &[]any{"专利号", "借款人"}))
			must(t, f.SetSheetRow("另一份", "A2", &[]any{goodNumber, "丁"}))
			_, err = f.NewSheet("说明")
			must(t, err)
			must(t, f.SetCellValue("说明", "A1", "专利号：请填写完整"))
			if state == "hidden" {
				must(t, f.SetSheetVisible("另一份", false))
			}
		})
	}
	if _, broken := readAll(t, other("visible"), "f.xlsx", Options{}); broken != "file.sheets" {
		t.Errorf("two sheets with data: %q", broken)
	}
	if lines, broken := readAll(t, other("hidden"), "f.xlsx", Options{}); broken != "" || len(lines) != 4 {
		t.Errorf("one of them hidden: %q %v", broken, lines)
	}
	// The sheet with the data need not be the first, and the first may be hidden.
	second := sheetOf(t, [][]any{{"封面"}}, func(f *excelize.File, sheet string) {
		_, err := f.NewSheet("明细")
		must(t, err)
		must(t, f.SetSheetRow("明细", "A1", &[]any{"专利号", "借款人"}))
		must(t, f.SetSheetRow("明细", "A2", &[]any{goodNumber, "丁"}))
		f.SetActiveSheet(1)
		must(t, f.SetSheetVisible(sheet, false))
	})
	if lines, broken := readAll(t, second, "f.xlsx", Options{}); broken != "" || len(lines) != 1 || lines[0].Row.Borrower != "丁" {
		t.Errorf("%q %v", broken, lines)
	}
}

// The template is read back: its example is not data.
func TestBatchTemplateIsRead(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	must(t, WriteTemplate(&b))
	f, err := excelize.OpenReader(bytes.NewReader(b.Bytes()))
	must(t, err)
	defer f.Close()
	header, err := f.GetRows(dataSheet)
	must(t, err)
	if len(header) != 1 || len(header[0]) != len(batchColumns) {
		t.Fatalf("%v", header)
	}
	if lines, broken := readAll(t, b.Bytes(), "t.xlsx", Options{}); broken != "" || len(lines) != 0 {
		t.Errorf("empty template: %q %v", broken, lines)
	}
	example, err := f.GetRows(sampleSheet)
	must(t, err)
	if err := f.SetSheetRow(dataSheet, "A2", &example[1]); err != nil {
		t.Fatal(err)
	}
	var filled bytes.Buffer
	must(t, f.Write(&filled))
	lines, broken := readAll(t, filled.Bytes(), "t.xlsx", Options{})
	if broken != "" || len(lines) != 1 || len(lines[0].Faults) > 0 || len(lines[0].Ignored) > 0 || lines[0].Row.Loan != 100_000_000 {
		t.Errorf("the example: %q %+v", broken, lines)
	}
}

func TestBatchFilesRefused(t *testing.T) {
	t.Parallel()
	ole := append([]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), make([]byte, 4096)...)
	locked := slices.Clone(ole)
	for i, r := range utf16.Encode([]rune("EncryptedPackage")) {
		binary.LittleEndian.PutUint16(locked[1024+2*i:], r)
	}
	many := strings.Builder{}
	for i := range 20_000 + 1 {
		fmt.Fprintf(&many, `<mergeCell ref="A%d:B%d"/>`, i+2, i+2)
	}
	header := `<row r="1"><c t="inlineStr"><is><t>专利号</t></is></c></row>`
	for name, c := range map[string]struct {
		file string
		body []byte
		code string
	}{
		"xls":           {"f.xls", ole, "file.xls"},
		"xls as xlsx":   {"f.xlsx", ole, "file.xls"},
		"a web page":    {"f.xls", []byte("<html><table>"), "file.markup"},
		"ods":           {"f.ods", zipOf(t, map[string]string{"content.xml": "<office/>"}), "file.ods"},
		"password too":  {"f.bin", locked, "file.encrypted"},
		"other columns": {"f.csv", []byte("甲,乙\n1,2\n"), "file.no_number"},
		"a picture":     {"f.png", []byte("\x89PNG\r\n\x1a\n\x00\x00"), "file.format"},
		"a zip":         {"f.zip", zipOf(t, map[string]string{"a.txt": "x"}), "file.xlsx"},
		"xlsb":          {"f.xlsb", zipOf(t, map[string]string{"_rels/.rels": `<Relationships><Relationship Id="a" Type="x/officeDocument" Target="xl/workbook.bin"/></Relationships>`}), "file.xlsb"},
		"cut":           {"f.xlsx", rawBook(t, header, "")[:700], "file.xlsx"},
		"no such text":  {"f.xlsx", rawBook(t, `<row r="1"><c t="s"><v>7</v></c></row>`, ""), "file.xlsx"},
		"rows backward": {"f.xlsx", rawBook(t, header+`<row r="1"/>`, ""), "file.xlsx"},
		"a bomb of one cell": {
			"f.xlsx", rawBook(t, header+`<row r="2"><c t="inlineStr"><is><t>`+strings.Repeat("A", 4*1<<20)+`</t></is></c></row>`, ""), "file.xlsx_cell",
		},
		"merged all over": {"f.xlsx", rawBook(t, header, `<mergeCells>`+many.String()+`</mergeCells>`), "file.merged"},
		"entities":        {"f.xlsx", rawBook(t, `<!DOCTYPE x [<!ENTITY a "aaaa">]><row r="1"><c t="inlineStr"><is><t>&a;</t></is></c></row>`, ""), "file.xlsx"},
	} {
		if _, broken := readAll(t, c.body, c.file, Options{}); broken != c.code {
			t.Errorf("%s: %q, want %s", name, broken, c.code)
		}
	}
}

// A quote that is never closed costs its own line, and no other.
func TestBatchBrokenQuotes(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("\ufeff专利号,借款人,专利名称\r\n")
	bad := map[int]bool{5: true, 40: true, 41: true, 99: true}
	for line := 2; line <= 200; line++ {
		switch {
		case bad[line]:
			fmt.Fprintf(&b, "%s,\"甲%d,一种电池\r\n", goodNumber, line)
		case line%10 == 0:
			fmt.Fprintf(&b, "%s,乙%d,\"一种\"\"双\"\"电池\"\r\n", goodNumber, line)
		default:
			fmt.Fprintf(&b, "%s,丙%d,一种电池\r\n", goodNumber, line)
		}
	}
	fmt.Fprintf(&b, "%s,\"丁\",\"两行\r\n名称\"\r\n%s,戊,末行", goodNumber, goodNumber)
	lines, broken := readAll(t, []byte(b.String()), "f.csv", Options{})
	if broken != "" || len(lines) != 201 {
		t.Fatal(broken, len(lines))
	}
	for i, line := range lines {
		n := i + 2
		if got := slices.Contains(codesOf(line), "row.csv"); got != bad[n] {
			t.Errorf("line %d: %v", n, line.Faults)
		}
	}
	if x := lines[199].Row; x.Title != "两行\n名称" || x.Line != 201 {
		t.Errorf("%+v", x)
	}
	if x := lines[200].Row; x.Borrower != "戊" || x.Line != 203 {
		t.Errorf("%+v", x)
	}
}

// UTF-8, with its mark, and GB18030 say the same.
func TestBatchEncodings(t *testing.T) {
	t.Parallel()
	text := "专利号,借款人,专利名称,拟贷金额（万元）\r\n" + goodNumber + ",甲㐀公司,一种“电池”,1\r\n"
	gb, err := simplifiedchinese.GB18030.NewEncoder().String(text)
	must(t, err)
	for name, body := range map[string]string{"utf-8": text, "bom": "\ufeff" + text, "gb18030": gb} {
		lines, broken := readAll(t, []byte(body), "f.csv", Options{})
		if broken != "" || len(lines) != 1 || len(lines[0].Faults) > 0 || lines[0].Row.Borrower != "甲㐀公司" || lines[0].Row.Loan != 1_000_000 {
			t.Errorf("%s: %q %+v", name, broken, lines)
		}
	}
}

// The same table is read the same from CSV and from a workbook, whatever is in
// it, and no cell breaks the reading.
func TestBatchFormsAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.OneOf(rapid.StringMatching(`[=+\-@"',;\n 甲专利0-9./%]{0,12}`), rapid.SampledFrom([]string{"", goodNumber, "2020-01-02", "3%", "甲", "100", "无 2026-11-01", "#N/A", "发明"}))
		keys := []string{"number", "borrower", "title", "kind", "filing_date", "loan", "royalty_rate", "register", "consent", "contract"}
		header := []any{}
		for _, k := range keys {
			c := columnsByName[k]
			h := c.zh
			if c.amount {
				h += "(元)"
			}
			header = append(header, h)
		}
		rows := [][]any{header}
		for range rapid.IntRange(1, 4).Draw(t, "rows") {
			row := []any{goodNumber}
			for range len(keys) - 1 {
				row = append(row, cell.Draw(t, "cell"))
			}
			rows = append(rows, row)
		}
		f := excelize.NewFile()
		defer f.Close()
		var text strings.Builder
		for i, row := range rows {
			if err := f.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &row); err != nil {
				t.Fatal(err)
			}
			for k, c := range row {
				if k > 0 {
					text.WriteByte(',')
				}
				text.WriteString(`"` + strings.ReplaceAll(c.(string), `"`, `""`) + `"`)
			}
			text.WriteByte('\n')
		}
		var book bytes.Buffer
		if err := f.Write(&book); err != nil {
			t.Fatal(err)
		}
		var got [2][]Line
		for i, body := range [][]byte{book.Bytes(), []byte(text.String())} {
			for line, err := range Read(bytes.NewReader(body), []string{"f.xlsx", "f.csv"}[i], Options{On: readOn}) {
				if err != nil {
					t.Fatal(err)
				}
				line.Row.Line = 0 // a cell with a line end moves the lines of a text
				for k := range line.Faults {
					if line.Faults[k].Code == "row.repeated" {
						line.Faults[k].Zh, line.Faults[k].En = "", ""
					}
				}
				got[i] = append(got[i], line)
			}
		}
		if a, b := fmt.Sprintf("%+v", deref(got[0])), fmt.Sprintf("%+v", deref(got[1])); a != b {
			t.Fatalf("workbook\n%s\nCSV\n%s", a, b)
		}
	})
}

// deref shows what pointers point to.
func deref(lines []Line) (out []any) {
	for _, l := range lines {
		r := l.Row
		royalty, revenue := 0.0, money.Fen(0)
		if r.Royalty != nil {
			royalty = *r.Royalty
		}
		if r.Revenue != nil {
			revenue = *r.Revenue
		}
		r.Royalty, r.Revenue, r.External, r.FeesPaidTo = nil, nil, nil, nil
		out = append(out, r, royalty, revenue, l.Faults)
	}
	return out
}

func FuzzReadBatch(f *testing.F) {
	f.Add([]byte("专利号,借款人,拟贷金额(万元)\n202010123456.2,甲,1\n"), "f.csv")
	f.Add([]byte(`{"number":"202010123456.2","borrower":"甲","loan(元)":"1"}`), "f.jsonl")
	f.Add([]byte("PK\x03\x04"), "f.xlsx")
	f.Fuzz(func(t *testing.T, body []byte, name string) {
		for line, err := range Read(bytes.NewReader(body), name, Options{On: readOn}) {
			if err != nil {
				if pub := fault.Public(err); pub.Kind == fault.Internal {
					t.Fatalf("not told to the desk: %v", err)
				}
				continue
			}
			if len(line.Faults) == 0 && (line.Row.Number == "" || line.Row.Borrower == "" || line.Row.Loan < 0) {
				t.Fatalf("taken as good: %+v", line)
			}
		}
	})
}

// FuzzSheet reads hostile XML as the rows of a sheet.
func FuzzSheet(f *testing.F) {
	f.Add(`<row r="1"><c r="A1" t="inlineStr"><is><t>专利号</t></is></c></row><row r="2"><c r="A2" s="1"><v>1e309</v></c></row>`, `<mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>`)
	f.Add(`<row><c><f>1</f></c><c r="ZZZZZZ1"/></row>`, `<mergeCell ref=":"/>`)
	f.Fuzz(func(t *testing.T, rows, after string) {
		for line, err := range Read(bytes.NewReader(rawBook(t, rows, after)), "f.xlsx", Options{On: readOn}) {
			if err == nil && len(line.Faults) == 0 && line.Row.Number == "" {
				t.Fatalf("taken as good: %+v", line)
			}
		}
	})
}

// States in columns of their own: yes, no, unknown; what contradicts the
// joined column is refused.
func TestBatchStatesApart(t *testing.T) {
	t.Parallel()
	const header = "借款人名称,专利号/申请号,质押,是否保全,无效请求,独占许可,状态日期,质押/保全/无效/许可状态(as-of日期)\n"
	row := func(cells string) Line {
		t.Helper()
		lines, broken := readAll(t, []byte(header+"甲公司,201710601862.3,"+cells+"\n"), "a.csv", Options{On: calendar.New(2026, 11, 26)})
		if broken != "" || len(lines) != 1 {
			t.Fatalf("%s: %v %v", cells, broken, lines)
		}
		return lines[0]
	}
	got := row("是,N,未知,,2026-11-20,").Row
	if got.Pledged != patent.Yes || got.Preserved != patent.No || got.Challenged != "" || got.Licensed != "" || got.RegisterAsOf != calendar.New(2026, 11, 20) {
		t.Errorf("%+v", got)
	}
	if got := row("否,,,,,无 2026-11-19"); len(got.Faults) > 0 || got.Row.Pledged != patent.No || got.Row.RegisterAsOf != calendar.New(2026, 11, 19) {
		t.Errorf("the same twice: %+v", got)
	}
	if got := row(",,,,2026-11-20,").Row; !got.RegisterAsOf.IsZero() {
		t.Errorf("a date without a state: %+v", got)
	}
	if got := row("也许,,,,2026-11-20,"); len(got.Faults) > 0 || got.Row.Pledged != "" || len(got.Row.Unread) != 1 {
		t.Errorf("a text that is neither: %+v", got)
	}
	for cells, code := range map[string]string{
		"是,,,,,无 2026-11-19": "register.contradiction", "否,,,,2026-11-20,无 2026-11-19": "register.contradiction",
		"否,,,,2026-12-01,": "date.future", "否,,,,昨天,": "date.shape",
	} {
		if got := row(cells); len(got.Faults) != 1 || got.Faults[0].Code != code {
			t.Errorf("%s: %+v, want %s", cells, got.Faults, code)
		}
	}
}
