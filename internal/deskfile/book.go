package deskfile

import (
	"cmp"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/xuri/excelize/v2"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/lending"
	"zhijia/internal/money"
	"zhijia/internal/opinion"
	"zhijia/internal/sheet"
	"zhijia/internal/valuation"
)

// Outcome is one row of a batch with what came of it.
type Outcome struct {
	ID       string           `json:"-"`      // of the stored valuation
	Status   string           `json:"status"` // done, failed, refused, waiting
	Valued   lending.Valued   `json:"valued"` // its Row alone when the row was not valued
	Faults   []fault.Field    `json:"faults,omitempty"`
	Decision lending.Decision `json:"decision"`

	// UnchangedSince is the day since which the same row of the same file has been
	// decided the same; zero: it changed, or was not seen before.
	UnchangedSince calendar.Date `json:"unchanged_since,omitzero"`
}

// Result is a finished batch to be written out. The same result makes the
// same bytes.
type Result struct {
	Name      string // of the file
	Content   []byte // SHA-256 of the file
	Digest    []byte // SHA-256 over all decisions
	On        calendar.Date
	Unit      string
	Ignored   []string // headers of the file that name no column
	Policy    lending.Policy
	Contracts []lending.Contract
	Rows      iter.Seq2[*Outcome, error] // in the order of the file

	// Cited returns the deals a stored valuation rests on, as they were then.
	Cited func(id string) ([]valuation.ComparableResult, error)
}

// Notice stands on every output of a batch.
const Notice = "非资产评估报告。本结果由估值系统生成，供内部决策参考，不得用于法定评估目的；是否放款由贷款机构决定。"

// batchLabel is the mark the labelling rule of 2025-09-01 asks for.
const batchLabel = "本文件由软件自动生成（含算法生成内容）。"

// rows yields the rows with their contracts.
func (b *Result) rows(visit func(*resultRow) error) error {
	byKey := make(map[string]*lending.Contract, len(b.Contracts))
	for i := range b.Contracts {
		byKey[b.Contracts[i].Key] = &b.Contracts[i]
	}
	for out, err := range b.Rows {
		if err != nil {
			return err
		}
		if err := visit(&resultRow{out, byKey[out.Decision.Contract], &b.Policy}); err != nil {
			return err
		}
	}
	return nil
}

// WriteCSV writes the results as CSV, UTF-8 with a byte order mark. A
// text that a spreadsheet would take for a formula is marked as text.
func WriteCSV(w io.Writer, b Result) error {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return err
	}
	out := csv.NewWriter(w)
	cells := make([]string, len(resultColumns))
	for i, c := range resultColumns {
		cells[i] = c.zh
	}
	if err := out.Write(cells); err != nil {
		return err
	}
	err := b.rows(func(r *resultRow) error {
		for i, c := range resultColumns {
			switch x := c.cell(r).(type) {
			case nil:
				cells[i] = ""
			case float64:
				switch c.style {
				case "money":
					cells[i] = fmt.Sprintf("%.4f", x)
				case "percent":
					cells[i] = fmt.Sprintf("%.4f", x)
				default:
					cells[i] = fmt.Sprintf("%.0f", x)
				}
			case string:
				cells[i] = sheet.Inert(x)
			}
		}
		return out.Write(cells)
	})
	if err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}

// sheetStream writes one sheet row by row.
type sheetStream struct {
	*excelize.StreamWriter
	next   int
	widths []float64
}

// Lines of text a row shows at most; the cell holds the rest.
const (
	maxLines   = 6
	lineHeight = 15.0
)

// row writes a row as high as its longest text: programs do not agree on
// whether they make room for wrapped text by themselves.
func (s *sheetStream) row(cells ...any) error {
	s.next++
	at, err := excelize.CoordinatesToCellName(1, s.next)
	if err != nil {
		return err
	}
	lines := 1
	for i, c := range cells {
		if cell, ok := c.(excelize.Cell); ok && i < len(s.widths) {
			if text, ok := cell.Value.(string); ok {
				lines = max(lines, linesOf(text, s.widths[i]))
			}
		}
	}
	return s.SetRow(at, cells, excelize.RowOpts{Height: lineHeight * float64(min(lines, maxLines))})
}

// linesOf is how many lines a text takes in a column: a Chinese character is
// as wide as two digits.
func linesOf(text string, width float64) int {
	lines := 0
	for line := range strings.SplitSeq(text, "\n") {
		w := 0
		for _, r := range line {
			if w++; r > 0xff {
				w++
			}
		}
		lines += max(1, int(math.Ceil(float64(w)/max(width-1, 1))))
	}
	return lines
}

// filter puts filters on the columns, under a name of the sheet's own.
func (s *sheetStream) filter(columns int, name string) error {
	if s.next < 2 {
		return nil
	}
	last, err := excelize.CoordinatesToCellName(columns, s.next)
	if err != nil {
		return err
	}
	plain := false
	return s.AddTable(&excelize.Table{Range: "A1:" + last, Name: name, ShowRowStripes: &plain})
}

type bookStyles struct{ head, text, money, percent, title, note int }

func newStyles(f *excelize.File) (s bookStyles, err error) {
	border := []excelize.Border{{Type: "left", Color: "D0D7DE", Style: 1}, {Type: "right", Color: "D0D7DE", Style: 1}, {Type: "top", Color: "D0D7DE", Style: 1}, {Type: "bottom", Color: "D0D7DE", Style: 1}}
	wrap := &excelize.Alignment{Vertical: "top", WrapText: true}
	amount, percent := "#,##0.00", "0.0%"
	for _, x := range []struct {
		to *int
		is *excelize.Style
	}{
		{&s.head, &excelize.Style{Font: &excelize.Font{Bold: true, Color: "FFFFFF"}, Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"1F4E79"}}, Alignment: &excelize.Alignment{Vertical: "center", Horizontal: "center", WrapText: true}, Border: border}},
		{&s.text, &excelize.Style{Alignment: wrap, Border: border}},
		{&s.money, &excelize.Style{CustomNumFmt: &amount, Alignment: &excelize.Alignment{Vertical: "top"}, Border: border}},
		{&s.percent, &excelize.Style{CustomNumFmt: &percent, Alignment: &excelize.Alignment{Vertical: "top"}, Border: border}},
		{&s.title, &excelize.Style{Font: &excelize.Font{Bold: true, Size: 16}}},
		{&s.note, &excelize.Style{Font: &excelize.Font{Color: "9C0006"}, Alignment: wrap}},
	} {
		if *x.to, err = f.NewStyle(x.is); err != nil {
			return s, err
		}
	}
	return s, nil
}

// stream opens a sheet for writing with its header frozen, A4 landscape.
func stream(f *excelize.File, st bookStyles, name string, header []string, widths []float64) (*sheetStream, error) {
	if _, err := f.NewSheet(name); err != nil {
		return nil, err
	}
	if err := pageSetup(f, name); err != nil {
		return nil, err
	}
	sw, err := f.NewStreamWriter(name)
	if err != nil {
		return nil, err
	}
	for i, w := range widths {
		if err := sw.SetColWidth(i+1, i+1, w); err != nil {
			return nil, err
		}
	}
	if err := sw.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return nil, err
	}
	s := &sheetStream{StreamWriter: sw, widths: widths}
	cells := make([]any, len(header))
	for i, h := range header {
		cells[i] = excelize.Cell{StyleID: st.head, Value: h}
	}
	return s, s.row(cells...)
}

const (
	summarySheet = "汇总"
	reviewSheet  = "审阅"
	resultsSheet = "结果"
)

func pageSetup(f *excelize.File, name string) error {
	landscape, wide, tall, a4, fit, repeat := "landscape", 1, 0, 9, true, "$1:$1"
	if name == summarySheet {
		tall = 1
	}
	if name == resultsSheet { // too wide for one page: the columns that name the row go on each
		wide, repeat = 4, "$A:$C,'"+name+"'!$1:$1"
	}
	if err := f.SetPageLayout(name, &excelize.PageLayoutOptions{Orientation: &landscape, Size: &a4, FitToWidth: &wide, FitToHeight: &tall}); err != nil {
		return err
	}
	if err := f.SetSheetProps(name, &excelize.SheetPropsOptions{FitToPage: &fit}); err != nil {
		return err
	}
	if err := f.SetHeaderFooter(name, &excelize.HeaderFooterOptions{OddHeader: "&L&8非资产评估报告，供内部决策参考&R&8&A", OddFooter: "&L&8知价 Zhijia&R&8第 &P 页，共 &N 页"}); err != nil {
		return err
	}
	side, edge, inner := 0.4, 0.75, 0.3
	if err := f.SetPageMargins(name, &excelize.PageLayoutMarginsOptions{Left: &side, Right: &side, Top: &edge, Bottom: &edge, Header: &inner, Footer: &inner}); err != nil {
		return err
	}
	return f.SetDefinedName(&excelize.DefinedName{Name: "_xlnm.Print_Titles", RefersTo: "'" + name + "'!" + repeat, Scope: name})
}

var (
	contractHeader = []string{"担保合同号", "借款人名称", "产品代码", "行号", "结论", "拟贷金额(万元)", "建议额度(万元)", "受限于", "余量(万元)", "押品价值P50(万元)", "押品价值P10(万元)", "强制变现值(万元)", "抵质押率(P50)", "抵质押率(P10)", "综合抵押率", "质押率上限", "估值路径", "到期日预计覆盖率", "预计超限日", "各项限额"}
	contractWidths = []float64{16, 26, 10, 14, 10, 14, 14, 14, 12, 16, 16, 16, 12, 12, 12, 12, 12, 14, 13, 60}
	reasonHeader   = []string{"行号", "借款人名称", "专利号/申请号", "代码", "依据", "作用", "原因", "事实", "需补充", "规则来源"}
	reasonWidths   = []float64{7, 26, 20, 24, 10, 10, 40, 40, 36, 40}
	dealHeader     = []string{"案例编号", "标的", "成交日期", "成交总价(万元)", "专利件数", "单价(万元/件)", "交易类型", "IPC", "出让方/许可方", "受让方/被许可方", "来源", "最早引用行"}
	dealWidths     = []float64{12, 40, 12, 14, 9, 14, 12, 22, 26, 26, 44, 10}
)

// WriteBook writes the results as a workbook: 汇总, 审阅, 结果, 合同, 原因, 可比案例,
// 案例目录, 押品报送 (IE_006_603), 说明. Rows are written as they are read.
func WriteBook(w io.Writer, b Result) (err error) {
	f := excelize.NewFile()
	defer f.Close()
	f.SetZipWriter(sheet.NewSortedZip)
	if err := f.SetSheetName("Sheet1", summarySheet); err != nil {
		return err
	}
	st, err := newStyles(f)
	if err != nil {
		return err
	}
	day := b.On.String() + "T00:00:00Z" // no clock: the same result is the same bytes
	if err := f.SetDocProps(&excelize.DocProperties{
		Title: "知识产权质押估值参考结果", Subject: "估值参考意见", Creator: "Zhijia 知价", LastModifiedBy: "Zhijia 知价", Created: day, Modified: day,
		Description: Notice + batchLabel, Keywords: "AIGC:true;" + batchLabel, Language: "zh-CN",
	}); err != nil {
		return err
	}
	review, err := stream(f, st, reviewSheet, reviewHeader, reviewWidths)
	if err != nil {
		return err
	}
	header, widths := make([]string, len(resultColumns)), make([]float64, len(resultColumns))
	for i, c := range resultColumns {
		header[i], widths[i] = c.zh, c.width
	}
	results, err := stream(f, st, resultsSheet, header, widths)
	if err != nil {
		return err
	}
	contracts, err := stream(f, st, "合同", contractHeader, contractWidths)
	if err != nil {
		return err
	}
	reasons, err := stream(f, st, "原因", reasonHeader, reasonWidths)
	if err != nil {
		return err
	}
	comparables, err := stream(f, st, "可比案例", []string{"行号", "专利号/申请号", "案例1", "案例2", "案例3", "案例4", "案例5", "案例6", "案例7", "案例8", "案例9", "案例10"}, []float64{7, 20, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14})
	if err != nil {
		return err
	}
	deals, err := stream(f, st, "案例目录", dealHeader, dealWidths)
	if err != nil {
		return err
	}
	reports, err := stream(f, st, "押品报送", []string{"押品编号 YPBH", "押品名称 YPMC", "押品类型 YPLX", "押品所有人名称 YPSYRMC", "押品所有人证件号码 YPSYRZJHM", "担保合同号 DBHTH", "起始估值 PGJZ", "最新估值 YXRDJZ", "已抵押价值 YDYJZ", "处置权顺位 CZQSW", "抵质押率 DZYL(%)", "权证登记号码 QZDJHM", "抵质押物状态 DZYWZT", "币种 BZ", "采集日期 CJRQ", "贷款状态"},
		[]float64{20, 32, 16, 26, 24, 16, 16, 16, 14, 12, 12, 20, 14, 8, 12, 26})
	if err != nil {
		return err
	}
	listed := map[string]bool{}
	s := newSummary()
	cells := make([]any, len(resultColumns))
	err = b.rows(func(r *resultRow) error {
		s.add(r)
		for i, c := range resultColumns {
			style := st.text
			switch c.style {
			case "money":
				style = st.money
			case "percent":
				style = st.percent
			}
			cells[i] = excelize.Cell{StyleID: style, Value: c.cell(r)}
		}
		if err := results.row(cells...); err != nil {
			return err
		}
		if err := writeReview(review, st, r); err != nil {
			return err
		}
		if err := writeReasons(reasons, st, r); err != nil {
			return err
		}
		if err := writeComparables(comparables, st, r); err != nil {
			return err
		}
		if err := writeDeals(deals, st, &b, r, listed); err != nil {
			return err
		}
		return writeReport(reports, st, r, b.On)
	})
	if err != nil {
		return err
	}
	for i := range b.Contracts {
		if err := writeContract(contracts, st, &b.Contracts[i]); err != nil {
			return err
		}
	}
	for _, x := range []struct {
		*sheetStream
		columns int
		name    string
	}{{review, 0, ""}, {results, len(resultColumns), "results"}, {contracts, len(contractHeader), "contracts"}, {reasons, len(reasonHeader), "reasons"}, {comparables, 0, ""}, {deals, len(dealHeader), "deals"}, {reports, 0, ""}} {
		if x.columns > 0 {
			if err := x.filter(x.columns, x.name); err != nil {
				return err
			}
		}
		if err := x.Flush(); err != nil {
			return err
		}
	}
	if err := s.write(f, st, &b); err != nil {
		return err
	}
	if err := writeNotes(f, st, &b, s.rules); err != nil {
		return err
	}
	return f.Write(w)
}

var basesZh = map[lending.Basis]string{lending.Statutory: "法定", lending.OfPolicy: "机构政策", lending.OfProduct: "产品", lending.OfValue: "估值", lending.OfFile: "文件"}

var severityZh = map[lending.Severity]string{lending.Refuses: "不予受理", lending.Supplements: "需补充", lending.Warns: "提示"}

func writeReasons(s *sheetStream, st bookStyles, r *resultRow) error {
	row := &r.Valued.Row
	put := func(code, basis, does, zh, evidence, supply, source string) error {
		cells := []any{excelize.Cell{StyleID: st.text, Value: row.Line}}
		for _, x := range []string{row.Borrower, row.Number, code, basis, does, zh, evidence, supply, source} {
			cells = append(cells, excelize.Cell{StyleID: st.text, Value: x})
		}
		return s.row(cells...)
	}
	if r.Status != "done" {
		for _, x := range r.Faults {
			if err := put(x.Code, "文件", "需补充", x.Zh, x.Field, "", ""); err != nil {
				return err
			}
		}
		return nil
	}
	for _, x := range r.Decision.Reasons {
		if err := put(x.Code, basesZh[x.Basis], severityZh[x.Severity], x.Zh, x.Evidence, x.Supply, x.Source); err != nil {
			return err
		}
	}
	for _, x := range r.Decision.Conditions {
		if err := put(x.Code, basesZh[x.Basis], "办理条件", x.Zh, x.Evidence, x.Supply, x.Source); err != nil {
			return err
		}
	}
	return nil
}

// writeComparables writes the ten deals of most influence.
func writeComparables(s *sheetStream, st bookStyles, r *resultRow) error {
	if len(r.Valued.Comparables) == 0 {
		return nil
	}
	cells := []any{excelize.Cell{StyleID: st.text, Value: r.Valued.Row.Line}, excelize.Cell{StyleID: st.text, Value: r.Valued.Row.Number}}
	for _, id := range r.Valued.Comparables[:min(10, len(r.Valued.Comparables))] {
		cells = append(cells, excelize.Cell{StyleID: st.text, Value: id})
	}
	return s.row(cells...)
}

// writeDeals lists each deal once, where it is first cited.
func writeDeals(s *sheetStream, st bookStyles, b *Result, r *resultRow, listed map[string]bool) error {
	cited := r.Valued.Comparables[:min(10, len(r.Valued.Comparables))]
	if b.Cited == nil || r.ID == "" || !slices.ContainsFunc(cited, func(id string) bool { return !listed[id] }) {
		return nil
	}
	deals, err := b.Cited(r.ID)
	if err != nil {
		return err
	}
	text := func(x string) any { return excelize.Cell{StyleID: st.text, Value: x} }
	for i := range deals {
		d := &deals[i]
		if listed[d.DealID] || !slices.Contains(cited, d.DealID) {
			continue
		}
		listed[d.DealID] = true
		var total, count any
		if d.Amount != nil && d.Currency == "CNY" {
			total = *d.Amount / 1e4
		}
		if d.Patents != nil {
			count = *d.Patents
		}
		err := s.row(text(d.DealID), text(d.Title), text(d.Date.String()), excelize.Cell{StyleID: st.money, Value: total}, excelize.Cell{StyleID: st.text, Value: count}, excelize.Cell{StyleID: st.money, Value: d.UnitPrice / 1e4},
			text(opinion.DealKindName(d.Kind)), text(strings.Join(d.IPC, "；")), text(d.Parties.Seller), text(d.Parties.Buyer), text(d.URL), excelize.Cell{StyleID: st.text, Value: r.Valued.Row.Line})
		if err != nil {
			return err
		}
	}
	return nil
}

func writeReport(s *sheetStream, st bookStyles, r *resultRow, on calendar.Date) error {
	if r.Status != "done" || r.contract == nil || !r.valued() || r.Decision.Verdict != lending.Accept || r.contract.Verdict != lending.Accept || r.Valued.Row.Portfolio {
		return nil // only what was accepted can become collateral
	}
	c := lending.Report(&r.Valued, &r.Decision, r.contract, nil, on)
	text := func(x string) any { return excelize.Cell{StyleID: st.text, Value: x} }
	yuan := func(f *money.Fen) any {
		if f == nil {
			return text("")
		}
		return excelize.Cell{StyleID: st.money, Value: float64(*f) / 100}
	}
	var ltv any = text("")
	if c.LTV != nil {
		ltv = excelize.Cell{StyleID: st.money, Value: *c.LTV}
	}
	return s.row(text(c.ID), text(c.Name), text(c.Type), text(c.Owner), text(c.OwnerCode), text(c.Contract), yuan(c.First), yuan(&c.Latest), yuan(&c.Pledged),
		excelize.Cell{StyleID: st.text, Value: c.Rank}, ltv, text(c.Title), text(c.State), text(c.Currency), text(c.Collected.String()), text("尚无贷款，放款并登记后再报送"))
}

var (
	reviewHeader = []string{"行号", "专利号/申请号", "借款人名称", "结论", "合同结论", "拟贷(万元)", "建议额度(万元)", "未覆盖(万元)", "原因与办理条件"}
	reviewWidths = []float64{6, 19, 22, 9, 9, 11, 12, 12, 62}
)

// writeReview writes the row as an officer reads and signs it: on one page
// wide, the number, verdict, amounts and reasons together.
func writeReview(s *sheetStream, st bookStyles, r *resultRow) error {
	text := func(x any) any { return excelize.Cell{StyleID: st.text, Value: x} }
	amount := func(x any) any { return excelize.Cell{StyleID: st.money, Value: x} }
	why := reasonText(r, func(x *lending.Reason) string { return x.Code + " " + reasonZh(x) }, "\n")
	if c := conditions(r); c != "" {
		why = strings.TrimPrefix(why+"\n", "\n") + "条件：" + c
	}
	row := &r.Valued.Row
	return s.row(text(float64(row.Line)), text(row.Number), text(row.Borrower), text(r.Decision.Verdict.Zh()), text(ofContract(r, func(c *lending.Contract) any { return c.Verdict.Zh() })),
		amount(someMoney(row.Loan)), amount(decided(r, wanOf(r.Decision.Recommended))), amount(ofContract(r, func(c *lending.Contract) any { return wanOf(c.Uncovered) })), text(why))
}

func writeContract(s *sheetStream, st bookStyles, c *lending.Contract) error {
	text := func(x string) any { return excelize.Cell{StyleID: st.text, Value: x} }
	wan := func(f money.Fen) any { return excelize.Cell{StyleID: st.money, Value: wanOf(f)} }
	share := func(x *float64) any { return excelize.Cell{StyleID: st.percent, Value: ratio(x)} }
	lines := make([]string, 0, 12)
	for i, l := range c.Lines {
		if i == 10 {
			lines = append(lines, fmt.Sprintf("…共%d行", len(c.Lines)))
			break
		}
		lines = append(lines, fmt.Sprint(l))
	}
	var outlook lending.Outlook
	if c.Outlook != nil {
		outlook = *c.Outlook
	}
	limits := make([]string, len(c.Limits))
	for i, l := range c.Limits {
		limits[i] = fmt.Sprintf("%s %.2f万元", l.Zh, wanOf(l.Amount))
	}
	return s.row(text(c.Key), text(c.Borrower), text(c.Product), text(strings.Join(lines, "、")), text(c.Verdict.Zh()), wan(c.Loan), wan(c.Recommended), text(bindingZh(c).(string)), wan(c.Headroom),
		wan(c.Value), wan(c.Low), wan(c.Forced), share(c.LTV), share(c.LTVLow), share(c.Mixed), share(c.Ceiling), text(routeZh[c.Route]), share(outlook.Cover), text(dateText(outlook.Breach)), text(strings.Join(limits, "；")))
}

// batchSummary is what the first sheet counts.
type batchSummary struct {
	rows     int
	verdicts map[lending.Verdict]int
	status   map[string]int
	reasons  map[string]int
	unknown  int // rows to be supplemented that missing facts alone hold up
	words    map[string]string
	classes  [6]int // of P50: below 10, 50, 100, 500, 1,000 万元, above
	value    money.Fen
	rules    string // under which the rows were decided
}

var classZh = [6]string{"10万元以下", "10–50万元", "50–100万元", "100–500万元", "500–1000万元", "1000万元以上"}

func newSummary() *batchSummary {
	return &batchSummary{verdicts: map[lending.Verdict]int{}, status: map[string]int{}, reasons: map[string]int{}, words: map[string]string{}}
}

func (s *batchSummary) add(r *resultRow) {
	s.rows++
	s.rules = lending.RulesOf(&r.Decision)
	s.status[r.Status]++
	s.verdicts[r.Decision.Verdict]++
	if r.Status != "done" {
		for _, x := range r.Faults {
			s.reasons[x.Code]++
			s.words[x.Code] = "数据有误：" + strings.SplitN(x.Zh, "：", 2)[0]
		}
		return
	}
	if r.Decision.OnlyUnknown() {
		s.unknown++
	}
	for _, x := range r.Decision.Reasons {
		if x.Severity != lending.Warns {
			key := x.Code
			if x.Unknown { // counted apart from what is so
				key += "（未知）"
			}
			s.reasons[key]++
			s.words[key] = x.Zh
		}
	}
	if r.valued() {
		wan, k := r.Valued.Point.Yuan()/1e4, 0
		for _, end := range []float64{10, 50, 100, 500, 1000} {
			if wan >= end {
				k++
			}
		}
		s.classes[k]++
		if r.Decision.Counted {
			s.value += r.Valued.Point
		}
	}
}

func (s *batchSummary) write(f *excelize.File, st bookStyles, b *Result) error {
	const sheet = summarySheet
	var err error
	set := func(cell string, value any, style int) {
		if err == nil {
			err = f.SetCellValue(sheet, cell, value)
		}
		if err == nil && style != 0 {
			err = f.SetCellStyle(sheet, cell, cell, style)
		}
	}
	set("A1", "知识产权质押批量估值结果", st.title)
	set("A2", Notice, st.note)
	var loan, recommended money.Fen
	for i := range b.Contracts {
		loan += b.Contracts[i].Loan
		if b.Contracts[i].Verdict == lending.Accept {
			recommended += b.Contracts[i].Recommended
		}
	}
	line := 4
	pair := func(name string, value any, style int) {
		set(fmt.Sprintf("A%d", line), name, st.text)
		set(fmt.Sprintf("B%d", line), value, style)
		if text, ok := value.(string); ok && err == nil {
			err = f.SetRowHeight(sheet, line, lineHeight*float64(min(linesOf(text, 34), maxLines)))
		}
		line++
	}
	pair("文件", b.Name, st.text)
	pair("估值基准日", b.On.String(), st.text)
	pair("质押政策", fmt.Sprintf("%s %s（%s）", b.Policy.ID, b.Policy.Version, policyLabelZh[b.Policy.Label]), st.text)
	if len(b.Ignored) > 0 {
		pair("未识别、未读取的列", strings.Join(b.Ignored, "、"), st.text)
	}
	pair("行数", s.rows, st.text)
	pair("已估值", s.status["done"], st.text)
	pair("数据有误", s.status["refused"], st.text)
	pair("处理失败", s.status["failed"], st.text)
	pair("需补充中仅因事实未知的行数", s.unknown, st.text)
	pair("押品价值P50合计(万元)", wanOf(s.value), st.money)
	pair("合同数", len(b.Contracts), st.text)
	pair("拟贷金额合计(万元)", wanOf(loan), st.money)
	pair("可受理合同建议额度合计(万元)", wanOf(recommended), st.money)

	table := func(column, count string, at int, title string, names []string, counts []int) {
		set(fmt.Sprintf("%s%d", column, at), title, st.head)
		set(fmt.Sprintf("%s%d", count, at), "行数", st.head)
		for i := range names {
			set(fmt.Sprintf("%s%d", column, at+1+i), names[i], st.text)
			set(fmt.Sprintf("%s%d", count, at+1+i), counts[i], st.text)
		}
	}
	verdicts := []lending.Verdict{lending.Accept, lending.Supplement, lending.Refuse}
	names, counts := make([]string, 3), make([]int, 3)
	for i, v := range verdicts {
		names[i], counts[i] = v.Zh(), s.verdicts[v]
	}
	table("D", "E", 4, "结论", names, counts)
	table("D", "E", 9, "估值P50分布", classZh[:], s.classes[:])
	codes := slices.SortedFunc(maps.Keys(s.reasons), func(a, b string) int { return cmp.Or(cmp.Compare(s.reasons[b], s.reasons[a]), cmp.Compare(a, b)) })
	codes = codes[:min(len(codes), 15)]
	names, counts = make([]string, len(codes)), make([]int, len(codes))
	for i, code := range codes {
		names[i], counts[i] = code+" "+clip(s.words[code]), s.reasons[code]
	}
	table("G", "H", 4, "主要原因", names, counts)
	if err != nil {
		return err
	}
	for column, width := range map[string]float64{"A": 30, "B": 34, "C": 3, "D": 18, "E": 9, "F": 3, "G": 46, "H": 9} {
		if err := f.SetColWidth(sheet, column, column, width); err != nil {
			return err
		}
	}
	if err := f.MergeCell(sheet, "A2", "H2"); err != nil {
		return err
	}
	if err := f.SetRowHeight(sheet, 2, 32); err != nil {
		return err
	}
	black := excelize.Font{Color: "333333", Size: 9}
	chart := func(cell string, kind excelize.ChartType, width, height uint, title, names, values string) error {
		vary := kind == excelize.Pie
		return f.AddChart(sheet, cell, &excelize.Chart{
			Type: kind, Title: excelize.ChartTitle{Paragraph: []excelize.RichTextRun{{Text: title}}},
			Series:    []excelize.ChartSeries{{Name: title, Categories: sheet + "!" + names, Values: sheet + "!" + values}},
			Legend:    excelize.ChartLegend{Position: map[bool]string{true: "right", false: "none"}[kind == excelize.Pie]},
			Dimension: excelize.ChartDimension{Width: width, Height: height}, PlotArea: excelize.ChartPlotArea{ShowVal: true},
			VaryColors: &vary, XAxis: excelize.ChartAxis{Font: black, ReverseOrder: kind == excelize.Bar}, YAxis: excelize.ChartAxis{Font: black},
		})
	}
	if err := chart("A22", excelize.Pie, 440, 280, "结论分布", "$D$5:$D$7", "$E$5:$E$7"); err != nil {
		return err
	}
	if err := chart("A38", excelize.Col, 440, 280, "估值P50分布", "$D$10:$D$15", "$E$10:$E$15"); err != nil {
		return err
	}
	if len(codes) > 0 {
		if err := chart("D22", excelize.Bar, 640, 600, "主要原因", fmt.Sprintf("$G$5:$G$%d", 4+len(codes)), fmt.Sprintf("$H$5:$H$%d", 4+len(codes))); err != nil {
			return err
		}
	}
	return pageSetup(f, sheet)
}

var policyLabelZh = map[string]string{"historical": "历史报道，非现行规定", "template": "模板，非监管规定", "own": "本机构"}

func writeNotes(f *excelize.File, st bookStyles, b *Result, rules string) error {
	const sheet = "说明"
	if _, err := f.NewSheet(sheet); err != nil {
		return err
	}
	lines := [][2]string{
		{"性质", Notice},
		{"标识", batchLabel},
		{"估值", "P10、P50、P90 为估值区间下端、中值、上端；“区间水平”为名义水平，“未校准”表示尚无足够的已成交数据回测。库中没有的专利按所填内容估值，区间更宽。"},
		{"建议额度", "押品可担保额 = Σ 估值下端 × 质押率上限 × 折扣；与申请金额、借款人限额、偿债能力、产品额度取最小者，“受限于”写明是哪一项。"},
		{"抵质押率", "按担保合同整体计算：担保本金余额 ÷ 押品估值；综合抵押率 = 担保本金 ÷ Σ（估值 × 质押率上限），不得超过 100%。"},
		{"结论", "可受理、需补充、不予受理。法定情形依据《专利权质押登记办法》（国家知识产权局公告第461号），机构政策另列，二者不混同。“办理条件”为登记时须备齐的文件。"},
		{"三个问题", "“能否质押”只看法定情形；“变现可得”“变现覆盖率”看处置后能收回多少（清算净值）；“在用价值”“收入逐年覆盖”看还款来源（税后收入按剩余期限均摊）。“未覆盖”是押品不能担保的部分，属信用敞口，由政策决定。"},
		{"押品报送", "只列可受理的行；此时尚无贷款，放款并登记后再报送。字段对应监管数据报送 IE_006_603；金额单位为元，抵质押率为百分数。"},
		{"质押政策", fmt.Sprintf("%s %s %s；来源：%s", b.Policy.ID, b.Policy.Version, b.Policy.Name, b.Policy.Source)},
		{"规则版本", rules},
		{"文件SHA-256", hex.EncodeToString(b.Content)},
		{"结果SHA-256", hex.EncodeToString(b.Digest)},
		{"排版", "“结果”页的行高有限，过长的原因请看单元格全文或“原因”页；“案例目录”列出每个可比案例一次，内容取自首次引用它的估值记录。"},
		{"审计号", "每行的审计号为所存估值记录的 SHA-256，可据以调阅和复算。"},
	}
	if len(b.Ignored) > 0 {
		lines = append(lines, [2]string{"未读取的列", strings.Join(b.Ignored, "、")})
	}
	for i, x := range lines {
		if err := f.SetRowHeight(sheet, i+1, lineHeight*float64(linesOf(x[1], 110))); err != nil {
			return err
		}
		for k, column := range []string{"A", "B"} {
			cell := fmt.Sprintf("%s%d", column, i+1)
			if err := f.SetCellValue(sheet, cell, x[k]); err != nil {
				return err
			}
			if err := f.SetCellStyle(sheet, cell, cell, st.text); err != nil {
				return err
			}
		}
	}
	if err := f.SetColWidth(sheet, "A", "A", 16); err != nil {
		return err
	}
	if err := f.SetColWidth(sheet, "B", "B", 110); err != nil {
		return err
	}
	return pageSetup(f, sheet)
}
