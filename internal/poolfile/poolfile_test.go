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
	*d.Structure.Revolving = pool.Revolving{
		Periods: 2, TermPeriods: 4, Yield: 0.05, MinRate: 0.05, MaxAgeMonths: 12, MinPoolRate: 0.05, MaxPoolMonths: 30, MaxSingle: 0.2, Approval: true, MaxPrice: 1, CyclesPerYear: 12,
	}
	rate := 0.04
	d.Structure.Liquidity = &pool.Liquidity{Limit: 100, Rate: 0.06, Commitment: 0.001}
	d.Structure.Fees = []pool.Fee{{Name: "甲", Base: "pool", Rate: 0.001, Flat: 1, Minimum: 2}}
	d.Structure.Indices = map[string][]pool.RatePoint{"LPR1Y": {{From: calendar.New(2026, 1, 1), Rate: 0.031}, {From: calendar.New(2026, 7, 1), Rate: 0.03}}}
	first := &d.Structure.Tranches[0]
	first.Targets, first.StepUp = []money.Fen{money.Fen(9000 * money.Wan), 1}, []pool.RatePoint{{From: calendar.New(2028, 1, 1), Rate: 0.05}}
	first.Index, first.Cap, first.Floor, first.Put = "LPR1Y", &rate, &rate, &pool.Put{Period: 4, Share: 0.5}
	d.Patents[7].Register = "granted"
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

// The words an arranger writes: kinds of repayment, of rights, of claims, of
// burdens, directions of a statement, and the steps of the order of payment.
func TestChineseWords(t *testing.T) {
	tables := Tables{
		"交易": {
			{"字段代码", "字段", "值"},
			{"unit", "", "万元"},
			{"name", "", "甲"},
			{"venue", "", "深交所"},
			{"class", "", "融资租赁"},
			{"cut_off", "", "2026年9月30日"},
			{"closing", "", "2026/11/20"},
			{"facts.cash_route", "", "监管账户"},
			{"facts.stress_dimensions", "", "违约率；回收率；循环购买；预期收益率"},
			{"structure.roll", "", "顺延"},
			{"structure.order", "", "税金；费用；利息：优先级；本金：优先级；储备金"},
			{"structure.reserve", "", "50"},
		},
		"债务人":  {{"编号", "名称"}, {"F1", "某公司"}},
		"应收债权": {{"编号", "债务人编号", "类别", "未偿本金", "年利率", "到期日", "还款方式", "还款间隔（月）"}, {"A1", "F1", "融资租赁", "1,000", "6%", "2028-09-30", "等额本息", "3"}, {"A2", "F1", "融资租赁债权", "500", "0.05", "2028-09-30", "到期一次还本", "12"}},
		"知识产权": {{"专利号", "类型", "权利负担", "登记簿状态"}, {"ZL200810027800.7", "发明", "质押；独占许可", "专利权维持"}, {"1234567", "商标", "无", "已续展"}, {"2020SR0123456", "软件著作权", "", "已登记"}, {"BS.205001234", "布图设计", "", "已登记"}},
		"证券":   {{"名称", "规模", "票面年利率", "还本方式", "计息规则"}, {"优先级", "1400", "3.5%", "过手摊还", "实际/365"}, {"次级", "100", "", "", ""}},
		"增信":   {{"名称", "类型"}, {"某担保", "保证担保"}},
		"费用":   {{"名称", "基数", "费率"}, {"服务费", "资产池", "0.1%"}},
	}
	d, err := tables.Deal()
	if err != nil {
		t.Fatal(err)
	}
	s := &d.Structure
	for got, want := range map[any]any{
		string(d.Venue): "SZSE", string(d.Class): "lease", d.Assets[0].Amortise: "level", d.Assets[1].Amortise: "bullet", string(d.Assets[1].Kind): "lease", d.Assets[0].Principal.String(): "10000000.00", d.Assets[0].Rate: 0.06,
		string(d.Patents[0].Kind): "invention", string(d.Patents[1].Kind): "trademark", string(d.Patents[2].Kind): "copyright", string(d.Patents[3].Kind): "layout_design",
		strings.Join(d.Patents[0].Encumbrance, ","): "pledge,exclusive_licence", len(d.Patents[1].Encumbrance): 0, s.Tranches[0].Pay: "pass_through", string(s.Tranches[0].DayCount): "act365",
		s.Supports[0].Kind: "guarantee", s.Fees[0].Base: "pool", strings.Join(s.Order, " "): "tax fees interest:优先级 principal:优先级 reserve", s.Roll: "following", d.Facts.CashRoute: "regulated",
		strings.Join(d.Facts.StressDimensions, " "): "default recovery revolving yield",
	} {
		if got != want {
			t.Errorf("read %v, want %v", got, want)
		}
	}
	for _, word := range []string{"收", "收入", "贷", "支", "付", "支出", "借"} {
		lines, err := ReadBankLines([][]string{{"流水号", "日期", "账户", "对方", "方向", "金额"}, {"1", "2026-12-15", "6222", "某公司", word, "100"}}, money.Yuan)
		if err != nil || lines[0].In != (word == "收" || word == "收入" || word == "贷") {
			t.Errorf("%s: %+v, %v", word, lines, err)
		}
	}
	tables["应收债权"][1][6] = "随借随还"
	if _, err := tables.Deal(); err == nil {
		t.Error("a way of repayment nobody knows is read")
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
