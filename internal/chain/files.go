package chain

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/lending"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/pool"
	"zhijia/internal/sheet"
)

// columns of the two tables that are read; the first name is the one written.
var (
	pledgeColumns  = map[string][]string{"period": {"期间"}, "day": {"日期", "登记日", "放款日"}, "amount": {"金额", "金额(元)"}, "amount_wan": {"金额(万元)"}, "count": {"笔数", "件数"}, "kind": {"类型"}, "industry": {"行业"}, "bank": {"银行"}, "district": {"区域"}, "contract": {"合同号"}, "high_value": {"高价值发明"}}
	receiptColumns = map[string][]string{"month": {"月份"}, "source": {"付款方", "来源"}, "contract": {"合同号"}, "amount": {"金额", "金额(元)"}, "amount_wan": {"金额(万元)"}, "forecast": {"预测", "预测(元)"}, "disposal": {"处置"}}
)

// cellsOf reads a table whose columns are known; get returns a cell of the row by
// key.
func cellsOf(in io.Reader, name string, columns map[string][]string, need []string, take func(line int, get func(string) string) error) error {
	byHeader := map[string]string{}
	for key, names := range columns {
		for _, n := range append([]string{key}, names...) {
			byHeader[sheet.Header(n)] = key
		}
	}
	n := 0
	for row, err := range sheet.Rows(in, name) {
		if err != nil {
			return err
		}
		cells := map[string]string{}
		for h, v := range row.Cells {
			key, known := byHeader[h]
			if !known {
				return fault.New(fault.Invalid, "table.column", "不认识的列“"+h+"”；可用："+strings.Join(namesOf(columns), "、")+"。", "The column "+h+" is not known.")
			}
			cells[key] = strings.TrimSpace(v)
		}
		if n++; n == 1 {
			for _, k := range need {
				if _, there := cells[k]; !there && cells[k+"_wan"] == "" {
					return fault.New(fault.Invalid, "table.missing", "缺少列“"+columns[k][0]+"”。", "The column "+k+" is missing.")
				}
			}
		}
		if err := take(row.Number, func(k string) string { return cells[k] }); err != nil {
			return err
		}
	}
	if n == 0 {
		return fault.New(fault.Invalid, "file.empty", "文件中没有数据行。", "The file has no rows.")
	}
	return nil
}

func namesOf(columns map[string][]string) (out []string) {
	for _, k := range slices.Sorted(maps.Keys(columns)) {
		out = append(out, columns[k][0])
	}
	return out
}

func amountOf(line int, get func(string) string, key string) (money.Fen, error) {
	text, unit := get(key), money.Yuan
	if w := get(key + "_wan"); w != "" {
		if text != "" {
			return 0, fault.New(fault.Invalid, "table.amount", fmt.Sprintf("第 %d 行同时有元与万元两个金额。", line), fmt.Sprintf("Row %d has an amount in yuan and one in ten thousands.", line))
		}
		text, unit = w, money.Wan
	}
	f, err := money.Parse(text, unit)
	if err != nil {
		return 0, fault.New(fault.Invalid, "table.amount", fmt.Sprintf("第 %d 行的金额“%s”无法读取。", line, text), fmt.Sprintf("The amount of row %d cannot be read.", line)).Because(err)
	}
	return f, nil
}

// ReadLedger reads a table of pledges: XLSX, CSV or JSONL.
func ReadLedger(in io.Reader, name string) (out []lending.Pledge, err error) {
	err = cellsOf(in, name, pledgeColumns, []string{"amount"}, func(line int, get func(string) string) error {
		p := lending.Pledge{Period: get("period"), Kind: get("kind"), Industry: get("industry"), Bank: get("bank"), District: get("district"), Contract: get("contract")}
		var err error
		if p.Amount, err = amountOf(line, get, "amount"); err != nil {
			return err
		}
		if d := get("day"); d != "" {
			if p.Day, err = calendar.Parse(d); err != nil {
				return fault.New(fault.Invalid, "table.day", fmt.Sprintf("第 %d 行的日期“%s”应写作 2026-01-31。", line, d), fmt.Sprintf("The day of row %d is written as 2026-01-31.", line))
			}
		}
		switch get("high_value") {
		case "":
		case "是", "yes", "含高价值发明专利":
			p.HighValue = patent.Yes
		case "否", "no", "不含高价值发明专利":
			p.HighValue = patent.No
		default:
			return fault.New(fault.Invalid, "table.high_value", fmt.Sprintf("第 %d 行的“高价值发明”应为是、否或空。", line), fmt.Sprintf("Row %d: high_value is yes, no or empty.", line))
		}
		if n := get("count"); n != "" {
			if p.Count, err = strconv.Atoi(n); err != nil || p.Count < 1 {
				return fault.New(fault.Invalid, "table.count", fmt.Sprintf("第 %d 行的笔数“%s”应为正整数。", line, n), fmt.Sprintf("The count of row %d is a whole number above zero.", line))
			}
		}
		out = append(out, p)
		return nil
	})
	return out, err
}

// ReadReceipts reads a table of receipts: XLSX, CSV or JSONL.
func ReadReceipts(in io.Reader, name string) (out []pool.Receipt, err error) {
	err = cellsOf(in, name, receiptColumns, []string{"month", "source", "amount"}, func(line int, get func(string) string) error {
		r := pool.Receipt{Month: strings.ReplaceAll(get("month"), "/", "-"), Source: get("source"), Contract: get("contract")}
		if len(r.Month) == 10 { // a workbook's date
			r.Month = r.Month[:7]
		}
		var err error
		if r.Amount, err = amountOf(line, get, "amount"); err != nil {
			return err
		}
		if get("forecast") != "" {
			f, err := amountOf(line, get, "forecast")
			if err != nil {
				return err
			}
			r.Forecast = &f
		}
		switch get("disposal") {
		case "", "否", "no", "false":
		case "是", "yes", "true":
			r.Disposal = true
		default:
			return fault.New(fault.Invalid, "table.disposal", fmt.Sprintf("第 %d 行的“处置”应为是或否。", line), fmt.Sprintf("Row %d: disposal is yes or no.", line))
		}
		out = append(out, r)
		return nil
	})
	return out, err
}

// WriteBook writes the report as a workbook.
func (r *Statistics) WriteBook(w io.Writer) error { return sheet.WriteBook(w, r.Tables()...) }

// Tables are the report's sheets.
func (r *Statistics) Tables() []sheet.Page {
	line := func(dimension string, t lending.Total) []string {
		return []string{dimension, t.Period, cmp.Or(t.Group, "合计"), strconv.Itoa(t.Count), t.Amount.String(), t.Average.String()}
	}
	rows := [][]string{{"统计维度", "期间", "分组", "笔数", "金额(元)", "平均(元)"}}
	for _, t := range r.Totals {
		rows = append(rows, line("期间", t))
	}
	for _, d := range slices.Sorted(maps.Keys(r.By)) {
		for _, t := range r.By[d] {
			rows = append(rows, line(lending.DimensionZh[d], t))
		}
	}
	return []sheet.Page{{Name: "统计", Rows: rows}, {Name: "说明", Rows: [][]string{{"项目", "内容"}, {"截至日", r.AsOf.String()}, {"来源", map[string]string{"book": "在册贷款", "ledger": "提交的台账", "batches": "批次中可受理的合同"}[r.Source]}, {"编号", r.ID}, {"口径", "金额为登记或放款时的金额；未填写的归入“" + lending.Unstated + "”"}}}}
}

// Tables are the assessment's sheets.
func (r *CashFlow) Tables() []sheet.Page {
	text := func(x *float64) string {
		if x == nil {
			return ""
		}
		return strconv.FormatFloat(*x, 'f', 4, 64)
	}
	fen := func(f *money.Fen) string {
		if f == nil {
			return ""
		}
		return f.String()
	}
	months := [][]string{{"月份", "实收(元)", "预测(元)", "有预测部分的实收(元)", "实收/预测"}}
	for _, l := range r.Lines {
		months = append(months, []string{l.Month, l.Amount.String(), fen(l.Forecast), fen(l.Actual), text(l.Ratio)})
	}
	sources := [][]string{{"付款方", "金额(元)", "占比"}}
	for _, x := range r.Sources {
		sources = append(sources, []string{x.Source, x.Amount.String(), text(&x.Share)})
	}
	sum := [][]string{{"项目", "数值"}, {"名称", r.Name}, {"期间", r.From + " 至 " + r.To}, {"月数", strconv.Itoa(r.Months)}, {"合计(元)", r.Total.String()}, {"月均(元)", r.Mean.String()}, {"变异系数", text(r.CV)}, {"月趋势/均值", text(r.Trend)}, {"集中度(HHI)", text(&r.HHI)}, {"实收/预测", text(r.Forecast)}, {"结论", r.VerdictZh}, {"编号", r.ID}}
	for _, g := range r.Grounds {
		sum = append(sum, []string{g.Code, strings.TrimSpace(g.Zh + " " + g.Supply)})
	}
	return []sheet.Page{{Name: "结论", Rows: sum}, {Name: "月度", Rows: months}, {Name: "来源", Rows: sources}}
}

// SchemeTable is the library as a sheet.
func SchemeTable(list []SchemeLine) sheet.Page {
	rows := [][]string{{"编号", "地区", "名称", "工具", "要点", "依据文件", "链接", "起", "止", "状态", "核对日", "公开资料未给出"}}
	for _, x := range list {
		rows = append(rows, []string{x.ID, x.Region, x.Name, x.InstrumentZh, x.Summary, x.Document, x.URL, x.From.String(), x.Until.String(), x.StatusZh, x.VerifiedOn.String(), strings.Join(x.Missing, "、")})
	}
	return sheet.Page{Name: "方案库", Rows: rows}
}
