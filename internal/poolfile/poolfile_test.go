package poolfile

import (
	"bytes"
	"encoding/csv"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"zhijia/internal/calendar"
	"zhijia/internal/money"
	"zhijia/internal/pool"
	"zhijia/internal/sheet"
)

func TestPoolBookRoundTrip(t *testing.T) {
	d := pool.Example(1)
	d.Structure.Revolving = &pool.Revolving{Periods: 2, TermPeriods: 4, Yield: 0.05, MinRate: 0.05}
	d.Waivers = []pool.Waiver{{Rule: "lease_top5", Evidence: "=cmd|' /C calc'!A0"}}
	d.Obligors[0].Name = "+1@某公司"
	d.Assets[2].Amortise = "schedule"
	d.Assets[2].Schedule = []pool.Due{{Date: calendar.New(2027, 3, 15), Principal: 1, Interest: 101}, {Date: calendar.New(2027, 6, 15), Principal: d.Assets[2].Principal - 1}}
	d.Shelf = &pool.Shelf{Approved: money.Fen(10 * money.Yi), Homogeneous: pool.Yes, Series: []pool.Series{
		{Name: "1期", Date: calendar.New(2026, 3, 3), Amount: money.Fen(money.Yi), Criteria: map[string]string{"class": "lease", "max_single": "0.5"}},
	}}
	d.Patents[3].Encumbrance, d.Patents[4].Encumbrance, d.Patents[5].Value = nil, []string{}, nil
	var b bytes.Buffer
	if err := WriteBook(&b, d); err != nil {
		t.Fatal(err)
	}
	got, err := ReadBook(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(d, got); diff != "" {
		t.Error(diff)
	}
	f, err := excelize.OpenReader(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	for _, sheet := range f.GetSheetList() {
		rows, _ := f.GetRows(sheet)
		for _, row := range rows {
			for _, c := range row {
				if c != "" && strings.ContainsRune("=+-@", rune(c[0])) {
					t.Errorf("%s holds %q, which a spreadsheet may run", sheet, c)
				}
			}
		}
	}
}

func TestPoolCSV(t *testing.T) {
	d := pool.Example(1)
	var b bytes.Buffer
	if err := WriteBook(&b, d); err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	rows := Tables{}
	for _, name := range f.GetSheetList() {
		cells, _ := f.GetRows(name)
		var out bytes.Buffer
		out.WriteString("\xef\xbb\xbf")
		if err := csv.NewWriter(&out).WriteAll(cells); err != nil {
			t.Fatal(err)
		}
		if rows[name], err = sheet.Lines(&out); err != nil {
			t.Fatal(err)
		}
	}
	got, err := rows.Deal()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(d, got); diff != "" {
		t.Error(diff)
	}
	rows["应收债权"][1][4] = "很多"
	rows["债务人"][2][9] = "也许"
	if _, err = rows.Deal(); err == nil || !strings.Contains(err.Error(), "第2行") || !strings.Contains(err.Error(), "第3行") {
		t.Errorf("bad cells are not named: %v", err)
	}
}

func TestPoolAmountsInTenThousands(t *testing.T) {
	rows := Tables{"交易": {
		{"字段代码", "字段", "值"}, {"unit", "", "万元"}, {"name", "", "甲"}, {"venue", "", "SSE"}, {"class", "", "lease"}, {"cut_off", "", "2026-01-01"}, {"closing", "", "2026-02-01"},
	}, "债务人": {{"编号", "名称"}, {"1", "乙"}}, "应收债权": {
		{"编号", "债务人编号", "类别", "未偿本金", "年利率", "到期日", "还款方式", "还款间隔"}, {"a", "1", "lease", "1,234.5678", "5%", "46388", "level", "3"},
	}}
	d, err := rows.Deal()
	if err != nil {
		t.Fatal(err)
	}
	if d.Total() != money.Fen(1234567800) || d.Assets[0].Rate != 0.05 || d.Assets[0].Maturity != calendar.New(2027, 1, 1) {
		t.Errorf("total %s, rate %g, maturity %s", d.Total(), d.Assets[0].Rate, d.Assets[0].Maturity)
	}
}

func TestPoolAnnexPapers(t *testing.T) {
	d := pool.Example(1)
	d.Patents[0].Title = `<script>alert(1)</script>`
	d.Patents[1].Benefit = ""
	stress, err := d.Stress(pool.StressGrid{})
	if err != nil {
		t.Fatal(err)
	}
	a := Annex{Annex: d.Annex(), Stress: &stress, Senior: d.Structure.Tranches[0].Principal, Sub: d.Structure.Tranches[1].Principal, Calendar: d.DisclosureCalendar(2, calendar.Shipped())}
	var html, book bytes.Buffer
	if err := WriteAnnexHTML(&html, a); err != nil {
		t.Fatal(err)
	}
	s := html.String()
	if strings.Contains(s, "<script>") || !strings.Contains(s, "&lt;script&gt;") || !strings.Contains(s, pool.ExampleLabel) || !strings.Contains(s, "预期经济效益") || strings.Contains(s, "评估报告</h1>") {
		t.Error("the annex is not what it should be")
	}
	for _, want := range []string{"不通过 0", "无法判断 0", "缺失", "盈亏平衡违约率", "不构成资产评估报告"} {
		if !strings.Contains(s, want) {
			t.Errorf("the annex lacks %q", want)
		}
	}
	if err := WriteAnnexBook(&book, a); err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(bytes.NewReader(book.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if got := len(f.GetSheetList()); got != 8 {
		t.Errorf("%d sheets", got)
	}
	if dir := os.Getenv("POOL_ANNEX_DIR"); dir != "" { // to look at them
		_ = os.WriteFile(dir+"/annex.html", html.Bytes(), 0o600)
		_ = os.WriteFile(dir+"/annex.xlsx", book.Bytes(), 0o600)
	}
}

// No CSV makes the reader panic, and what it accepts can be computed with.
func FuzzPoolCSV(f *testing.F) {
	f.Add("字段代码,字段,值\nname,,甲\nvenue,,SSE\nclass,,lease\ncut_off,,2026-01-01\nclosing,,2026-02-01\n", "编号,名称\n1,乙\n", "编号,债务人编号,类别,未偿本金,年利率,到期日,还款方式,还款间隔\na,1,lease,100,5%,2027-01-01,level,3\n")
	f.Add("unit,,万元", "id", "id,dues")
	f.Fuzz(func(t *testing.T, deal, obligors, assets string) {
		rows := Tables{}
		for name, s := range map[string]string{"deal": deal, "obligors": obligors, "assets": assets} {
			cells, err := sheet.Lines(strings.NewReader(s))
			if err != nil {
				return
			}
			rows[name] = cells
		}
		d, err := rows.Deal()
		if err != nil {
			return
		}
		d.Test()
		d.Statistics()
	})
}
