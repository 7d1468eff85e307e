package deskfile

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/lending"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/terms"
)

// hostile begins like a formula in every way a spreadsheet knows.
var hostile = []string{"=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "＝1+1", "＋1", "－1", "＠x"}

func hostileResult() Result {
	return Result{
		Name: "=文件.xlsx", Content: []byte{1}, Digest: []byte{2}, On: calendar.MustParse("2026-11-23"), Unit: "万元",
		Policy: lending.Policies()["TEMPLATE"], Ignored: []string{"=客户经理"},
		Contracts: []lending.Contract{{Key: "=DB-1", Borrower: "=甲", Lines: []int{2}}},
		Cited: func(string) ([]valuation.ComparableResult, error) {
			amount := 50_000.0
			return []valuation.ComparableResult{{Comparable: valuation.Comparable{DealID: "T1", Title: "=标的", Amount: &amount, Currency: "CNY", Kind: terms.DealAssignment, Date: calendar.MustParse("2020-01-02")}, UnitPrice: 50_000}}, nil
		},
		Rows: func(yield func(*Outcome, error) bool) {
			for i, text := range hostile {
				out := &Outcome{ID: fmt.Sprint(i), Status: "done", Decision: lending.Decision{Contract: "=DB-1", Verdict: lending.Supplement, Reasons: []lending.Reason{{Code: "L01", Severity: lending.Supplements, Zh: text, Evidence: strings.Repeat("很长", 300)}}}}
				out.Valued.Row = lending.Row{Line: i + 2, Seq: text, Borrower: text, Title: text, Number: text, Contract: text}
				out.Valued.Status, out.Valued.Comparables = valuation.Valued, []string{"T1"}
				if !yield(out, nil) {
					return
				}
			}
			yield(&Outcome{Status: "refused", Faults: []fault.Field{{Field: "x", Code: "cell.formula", Zh: "=x"}}, Valued: lending.Valued{Row: lending.Row{Line: 99, Borrower: "=y"}}}, nil)
		},
	}
}

// Every text stays a text in the workbook and in the table, whatever it begins
// with; every column the desk was promised is there; the same result is the
// same bytes.
func TestBatchBook(t *testing.T) {
	t.Parallel()
	var book, again, table bytes.Buffer
	must(t, WriteBook(&book, hostileResult()))
	must(t, WriteBook(&again, hostileResult()))
	must(t, WriteCSV(&table, hostileResult()))
	if !bytes.Equal(book.Bytes(), again.Bytes()) {
		t.Error("the same result makes other bytes")
	}
	f, err := excelize.OpenReader(bytes.NewReader(book.Bytes()))
	must(t, err)
	defer f.Close()
	if got := f.GetSheetList(); !slices.Equal(got, []string{"汇总", "审阅", "结果", "合同", "原因", "可比案例", "案例目录", "押品报送", "说明"}) {
		t.Errorf("%v", got)
	}
	seen := 0
	for _, sheet := range f.GetSheetList() {
		rows, err := f.GetRows(sheet)
		must(t, err)
		for i, row := range rows {
			for k := range row {
				cell, err := excelize.CoordinatesToCellName(k+1, i+1)
				must(t, err)
				formula, err := f.GetCellFormula(sheet, cell)
				must(t, err)
				if formula != "" {
					t.Errorf("%s %s is a formula: %s", sheet, cell, formula)
				}
				if slices.Contains(hostile, row[k]) {
					seen++
				}
			}
		}
	}
	if seen < 5*len(hostile) {
		t.Errorf("%d hostile texts found: they were altered", seen)
	}
	header, err := f.GetRows(resultsSheet)
	must(t, err)
	for _, want := range []string{"估值P10(万元)", "估值P50(万元)", "估值P90(万元)", "方法与权重", "可比案例编号", "抵质押率(P50)", "抵质押率(P10)", "质押率上限", "建议额度(万元)", "结论", "原因代码", "原因", "预警", "下次重估日", "模型版本", "数据截止日", "审计号"} {
		if !slices.Contains(header[0], want) {
			t.Errorf("no column %s", want)
		}
	}
	report, err := f.GetRows("押品报送")
	must(t, err)
	for _, want := range []string{"YPBH", "YPMC", "YPLX", "YPSYRMC", "YPSYRZJHM", "DBHTH", "PGJZ", "YXRDJZ", "YDYJZ", "CZQSW", "DZYL", "QZDJHM", "DZYWZT", "BZ", "CJRQ"} {
		if !strings.Contains(strings.Join(report[0], " ")+" ", " "+want) {
			t.Errorf("no field %s of IE_006_603", want)
		}
	}
	deals, err := f.GetRows("案例目录")
	must(t, err)
	if len(deals) != 2 || deals[1][0] != "T1" || deals[1][6] != "转让" || deals[1][11] != "2" {
		t.Errorf("each deal once, where it is first cited: %v", deals)
	}
	tables, err := f.GetTables(resultsSheet)
	if err != nil || len(tables) != 1 {
		t.Errorf("no filter: %v %v", tables, err)
	}
	if height, err := f.GetRowHeight(resultsSheet, 2); err != nil || height < 3*lineHeight {
		t.Errorf("a long reason in a row of %g points, %v", height, err)
	}
	cells, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(table.Bytes(), []byte("\ufeff")))).ReadAll()
	must(t, err)
	for _, row := range cells {
		for _, c := range row {
			if c != "" && strings.ContainsRune("=+-@\t\r＝＋－＠", []rune(c)[0]) {
				t.Errorf("%q would be a formula", c)
			}
		}
	}
}
