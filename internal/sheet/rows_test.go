package sheet

import (
	"bytes"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"

	"zhijia/internal/fault"
)

func collect(t *testing.T, body []byte, name string) (rows []Row, faults []string) {
	t.Helper()
	for row, err := range Rows(bytes.NewReader(body), name) {
		if err != nil {
			faults = append(faults, fault.Public(err).Code)
			continue
		}
		rows = append(rows, row)
	}
	return rows, faults
}

func TestRowsReadsEveryForm(t *testing.T) {
	t.Parallel()
	text := "专利号,专利名称,金额（万元）\nCN201310543019.6,一种激光器,3\n,,\nCN95115608.X,\"带\"\"引号\"\"\",4.5\n"
	gb, err := simplifiedchinese.GB18030.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	book := excelize.NewFile()
	for i, line := range [][]any{{"专利号", "专利名称", "金额（万元）"}, {"CN201310543019.6", "一种激光器", 3}, {}, {"CN95115608.X", `带"引号"`, 4.5}} {
		cell, _ := excelize.CoordinatesToCellName(1, i+1)
		if err := book.SetSheetRow("Sheet1", cell, &line); err != nil {
			t.Fatal(err)
		}
	}
	var xlsx bytes.Buffer
	if err := book.Write(&xlsx); err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string][]byte{
		"utf8.csv": []byte(text), "bom.csv": []byte("\ufeff" + text), "gb18030.csv": []byte(gb), "book.xlsx": xlsx.Bytes(),
		"lines.jsonl": []byte(`{"专利号":"CN201310543019.6","专利名称":"一种激光器","金额(万元)":3}` + "\n\n" + `{"专利号":"CN95115608.X","专利名称":"带\"引号\"","金额(万元)":4.5}`),
	} {
		rows, faults := collect(t, body, name)
		if len(faults) > 0 || len(rows) != 2 {
			t.Errorf("%s: %d rows, faults %v", name, len(rows), faults)
			continue
		}
		if rows[0].Cells["专利名称"] != "一种激光器" || rows[1].Cells["金额(万元)"] != "4.5" || rows[1].Cells["专利名称"] != `带"引号"` {
			t.Errorf("%s: %v", name, rows)
		}
	}
}

func TestRowsRefusesRowByRowOrWhole(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, body, code string }{
		{"a.csv", "", "file.empty"},
		{"a.csv", "a,a\n1,2\n", "file.header_twice"},
		{"a.csv", "a,b\n1,2,3\n", "row.columns"},
		{"a.csv", "a,b\n1,\"x\x01\"\n", "row.characters"},
		{"a.csv", "a,b\n\"1,2\n", "row.csv"},
		{"a.xlsx", "PK\x03\x04broken", "file.xlsx"},
		{"a.bin", "a\x00b", "file.format"},
		{"a.jsonl", "[1,2]\n", "row.json"},
		{"a.jsonl", `{"a":"` + strings.Repeat("x", maxRow+1) + `"}`, "row.too_long"},
	} {
		_, faults := collect(t, []byte(c.body), c.name)
		if len(faults) != 1 || faults[0] != c.code {
			t.Errorf("%.20q: %v, want %s", c.body, faults, c.code)
		}
	}
}

func FuzzRows(f *testing.F) {
	f.Add([]byte("a,b\n1,2\n"), "x.csv")
	f.Add([]byte(`{"a":1}`), "x.jsonl")
	f.Add([]byte("PK\x03\x04"), "x.xlsx")
	f.Fuzz(func(t *testing.T, body []byte, name string) {
		for row, err := range Rows(bytes.NewReader(body), name) {
			if err == nil && len(row.Cells) == 0 {
				t.Fatal("a row without cells")
			}
		}
	})
}
