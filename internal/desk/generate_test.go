package desk

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"zhijia/internal/calendar"
	"zhijia/internal/patent"
)

var on = calendar.MustParse("2026-11-23")

var header = []string{
	"序号", "借款人名称", "统一社会信用代码", "专利号/申请号", "专利名称", "专利类型", "申请日", "授权公告日", "专利权人", "共有人及同意(Y/N)", "年费缴至年度",
	"质押/保全/无效/许可状态(as-of 日期)", "上年产品收入(万元)", "许可费率(可空)", "拟贷金额(万元)", "拟到期日", "担保合同号", "外部评估价值(万元)", "评估基准日", "产品代码", "声明",
}

// dirt is one way a row goes wrong, with the code it must be named by.
type dirt struct {
	code string
	make func(cells []string)
}

func at(name string) int {
	return slices.IndexFunc(header, func(h string) bool { return strings.HasPrefix(h, name) })
}

func set(name, value string) func([]string) {
	return func(cells []string) { cells[at(name)] = value }
}

var dirts = []dirt{
	{"number.check_digit", func(c []string) {
		n := c[at("专利号")]
		last := byte('0')
		if n[len(n)-1] == '0' {
			last = '1'
		}
		c[at("专利号")] = n[:len(n)-1] + string(last)
	}},
	{"number.length", set("专利号", "2020101234")},
	{"row.number_missing", set("专利号", "")},
	{"row.borrower_missing", set("借款人", "")},
	{"kind.unknown", set("专利类型", "方法")},
	{"mark.number", set("专利类型", "商标")}, // the number stays a patent's
	{"kind.mismatch", set("专利类型", "外观设计")},
	{"date.shape", set("申请日", "2015-02-30")},
	{"date.filing_year", set("申请日", "2024-01-05")},
	{"date.grant_before_filing", set("授权公告日", "1999-01-05")},
	{"date.maturity_past", set("拟到期日", "2026-11-23")},
	{"amount.shape", set("拟贷金额", "五十万")},
	{"amount.negative", set("拟贷金额", "-50")},
	{"amount.zero", set("拟贷金额", "0")},
	{"amount.implausible", set("上年产品收入", "99999999999")},
	{"unit.cell", set("拟贷金额", "500000元")},
	{"credit_code.check", set("统一社会信用代码", "91310115MA1K35JX10")},
	{"rate.range", set("许可费率", "3")},
	{"date.future", set("质押/", "无 2026-12-01")},
	{"cell.formula", set("专利名称", "=HYPERLINK(\"http://x\")")},
	{"cell.error", set("上年产品收入", "#REF!")},
	{"cell.too_long", func(c []string) { c[at("专利权人")] = strings.Repeat("很长", 400) }},
	{"number.foreign", set("专利号", "US6199157B1")},
}

// generate makes the rows of a file of which one in twenty is dirty.
func generate(rows int) (table [][]string, want map[int]string) { return generateDirty(rows, 20) }

// generateDirty makes the rows of a file: every so manieth row is dirty, each
// kind in turn. Nothing in it is real. want is the code of each dirty line.
func generateDirty(rows, every int) (table [][]string, want map[int]string) {
	r := rand.New(rand.NewPCG(7, 11))
	words := []string{"电池", "正极", "材料", "装置", "图像", "识别", "催化剂", "传感器", "涂层", "算法", "支架", "焊接"}
	want = map[int]string{}
	table = [][]string{header}
	for i := range rows {
		kind, digit := "发明", "1"
		if i%5 == 4 {
			kind, digit = "实用新型", "2"
		}
		year := 2012 + r.IntN(10)
		digits := fmt.Sprintf("%d%s%07d", year, digit, i)
		borrower := fmt.Sprintf("生成%04d科技有限公司", i/3)
		cells := []string{
			fmt.Sprint(i + 1), borrower, "", digits + "." + string(patent.CheckDigit(digits)), "一种" + words[r.IntN(len(words))] + words[r.IntN(len(words))] + "及其" + words[r.IntN(len(words))],
			kind, fmt.Sprintf("%d-%02d-%02d", year, 1+r.IntN(12), 1+r.IntN(28)), fmt.Sprintf("%d-06-01", year+3), borrower, "无", "18", "无 2026-11-01",
			fmt.Sprint(50 + r.IntN(5000)), "", fmt.Sprint(10 + i/3%500), "2027-10-31", fmt.Sprintf("DB-%05d", i/3), "", "", "", "",
		}
		if i%every == every-1 {
			d := dirts[i/every%len(dirts)]
			d.make(cells)
			want[i+2] = d.code
		}
		table = append(table, cells)
	}
	return table, want
}

// unearning takes the revenue out of rows that are to be worked and not looked
// at: without one the income method draws nothing, and a row costs a quarter.
func unearning(table [][]string) [][]string {
	for _, cells := range table[1:] {
		if c := at("上年产品收入"); !strings.HasPrefix(cells[c], "#") { // a formula's error is dirt
			cells[c] = ""
		}
	}
	return table
}

// oddly writes a cell of every tenth row as desks do: a refusal, a release, a
// state that says little, a second owner, a year in words, a time of day.
func oddly(table [][]string) [][]string {
	cells := [][2]string{
		{"共有人", "浙江大学尚未取得书面同意"},
		{"质押/", "专利权质押合同登记的注销 2026-11-01"},
		{"质押/", "无质押、保全、无效、许可 2026-11-01"},
		{"质押/", "有效 2026-11-01"},
		{"专利权人", "甲公司，浙江大学"},
		{"年费缴至", "第18年"},
		{"声明", "E10：没有同日申请"},
		{"质押/", "已质押给建行 2026-11-01"},
		{"共有人", "同上"},
		{"质押/", "登记簿显示无质押、查封，有效 2026-11-01"},
	}
	for i := 10; i < len(table); i += 10 {
		c := cells[i/10%len(cells)]
		table[i][at(c[0])] = c[1]
	}
	return table
}

// workbook writes a table as XLSX.
func workbook(tb testing.TB, table [][]string) io.ReadSeeker {
	tb.Helper()
	f := excelize.NewFile()
	defer f.Close()
	sw, err := f.NewStreamWriter("Sheet1")
	if err != nil {
		tb.Fatal(err)
	}
	for i, row := range table {
		cells := make([]any, len(row))
		for k, c := range row {
			cells[k] = c
		}
		if err := sw.SetRow(fmt.Sprintf("A%d", i+1), cells); err != nil {
			tb.Fatal(err)
		}
	}
	if err := sw.Flush(); err != nil {
		tb.Fatal(err)
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		tb.Fatal(err)
	}
	return bytes.NewReader(b.Bytes())
}
