package deskfile

import (
	"cmp"
	"fmt"
	"strings"

	"zhijia/internal/calendar"
	"zhijia/internal/lending"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/valuation"
)

// resultColumn is one column of the results.
type resultColumn struct {
	zh    string
	width float64
	cell  func(*resultRow) any // string, float64 or nil
	style string               // "", money, percent
}

type resultRow struct {
	*Outcome
	contract *lending.Contract
	policy   *lending.Policy
}

func wanOf(f money.Fen) any { return float64(f) / float64(money.Wan) }

// valued reports whether the row has a figure to show.
func (r *resultRow) valued() bool {
	return r.Valued.Status == valuation.Valued || r.Valued.Status == valuation.RangeOnly
}

func (r *resultRow) figure(f money.Fen) any {
	if r.Valued.Status == valuation.Zero {
		return 0.0
	}
	if !r.valued() {
		return nil
	}
	return wanOf(f)
}

func ratio(x *float64) any {
	if x == nil {
		return nil
	}
	return *x
}

var methodZh = map[string]string{"market": "市场法", "income": "收益法", "cost": "成本法", "option": "实物期权", "rank": "分位推断", "renewal": "续费下限"}

var routeZh = map[lending.Route]string{lending.Internal: "内部估值", lending.Negotiated: "协商估值", lending.External: "须外部评估"}

var bandZh = map[string]string{"ok": "一致", "review": "人工复核", "red": "严重偏离"}

var patentKindZh = map[patent.Kind]string{patent.Invention: "发明", patent.UtilityModel: "实用新型", patent.Design: "外观设计", lending.Trademark: "商标"}

// resultColumns are the columns of the results sheet and of the CSV form.
var resultColumns = []resultColumn{
	{"行号", 6, func(r *resultRow) any { return float64(r.Valued.Row.Line) }, ""},
	{"序号", 7, func(r *resultRow) any { return r.Valued.Row.Seq }, ""},
	{"借款人名称", 26, func(r *resultRow) any { return r.Valued.Row.Borrower }, ""},
	{"统一社会信用代码", 21, func(r *resultRow) any { return r.Valued.Row.CreditCode }, ""},
	{"担保合同号", 14, func(r *resultRow) any { return r.Valued.Row.Contract }, ""},
	{"专利号/申请号", 20, func(r *resultRow) any { return r.Valued.Row.Number }, ""},
	{"专利名称", 32, func(r *resultRow) any { return r.Valued.Row.Title }, ""},
	{"专利类型", 9, func(r *resultRow) any { return patentKindZh[r.Valued.Row.Kind] }, ""},
	{"结论", 10, func(r *resultRow) any { return r.Decision.Verdict.Zh() }, ""},
	{"原因代码", 18, func(r *resultRow) any { return reasonText(r, func(x *lending.Reason) string { return x.Code }, "；") }, ""},
	{"原因", 84, func(r *resultRow) any { return reasonText(r, reasonZh, "；") }, ""},
	{"办理条件", 46, func(r *resultRow) any { return conditions(r) }, ""},
	{"拟贷金额(万元)", 13, func(r *resultRow) any { return someMoney(r.Valued.Row.Loan) }, "money"},
	{"建议额度(万元)", 13, func(r *resultRow) any { return decided(r, wanOf(r.Decision.Recommended)) }, "money"},
	{"合同建议额度(万元)", 15, func(r *resultRow) any {
		return ofContract(r, func(c *lending.Contract) any { return wanOf(c.Recommended) })
	}, "money"},
	{"受限于", 14, func(r *resultRow) any { return ofContract(r, bindingZh) }, ""},
	{"估值P10(万元)", 12, func(r *resultRow) any { return r.figure(r.Valued.Low) }, "money"},
	{"估值P50(万元)", 12, func(r *resultRow) any { return r.figure(r.Valued.Point) }, "money"},
	{"估值P90(万元)", 12, func(r *resultRow) any { return r.figure(r.Valued.High) }, "money"},
	{"强制变现值(万元)", 14, func(r *resultRow) any { return r.figure(r.Valued.Forced) }, "money"},
	{"区间水平", 9, func(r *resultRow) any { return levelOf(r) }, "percent"},
	{"区间依据", 12, func(r *resultRow) any { return calibrationZh[r.Valued.Calibration] }, ""},
	{"可靠等级", 9, func(r *resultRow) any { return r.Valued.Grade }, ""},
	{"方法与权重", 26, func(r *resultRow) any { return methodsOf(r) }, ""},
	{"可比案例编号", 24, func(r *resultRow) any {
		return strings.Join(r.Valued.Comparables[:min(10, len(r.Valued.Comparables))], "；")
	}, ""},
	{"抵质押率(P50)", 11, func(r *resultRow) any { return ofContract(r, func(c *lending.Contract) any { return ratio(c.LTV) }) }, "percent"},
	{"抵质押率(P10)", 11, func(r *resultRow) any { return ofContract(r, func(c *lending.Contract) any { return ratio(c.LTVLow) }) }, "percent"},
	{"综合抵押率", 11, func(r *resultRow) any { return ofContract(r, func(c *lending.Contract) any { return ratio(c.Mixed) }) }, "percent"},
	{"质押率上限", 11, func(r *resultRow) any { return decided(r, r.Decision.Ceiling) }, "percent"},
	{"折扣", 8, func(r *resultRow) any { return decided(r, r.Decision.Haircut) }, "percent"},
	{"估值路径", 12, func(r *resultRow) any {
		return ofContract(r, func(c *lending.Contract) any { return routeZh[c.Route] })
	}, ""},
	{"外部评估偏离", 12, func(r *resultRow) any { return deviation(r) }, ""},
	{"预警", 30, func(r *resultRow) any { return warnings(r) }, ""},
	{"下次重估日", 12, func(r *resultRow) any { return decided(r, dateText(r.Decision.NextRevalue)) }, ""},
	{"估值依据", 14, func(r *resultRow) any { return basisZh(r) }, ""},
	{"模型版本", 22, func(r *resultRow) any { return versionsOf(r) }, ""},
	{"数据截止日", 12, func(r *resultRow) any { return dateText(r.Valued.DataCutoff) }, ""},
	{"审计号", 36, func(r *resultRow) any { return r.Valued.Valuation }, ""},
	{"能否质押", 10, func(r *resultRow) any { return decided(r, pledgeableZh[r.Decision.Pledgeable]) }, ""},
	{"合同结论", 10, func(r *resultRow) any {
		return ofContract(r, func(c *lending.Contract) any { return c.Verdict.Zh() })
	}, ""},
	{"未覆盖(万元)", 12, func(r *resultRow) any {
		return ofContract(r, func(c *lending.Contract) any { return wanOf(c.Uncovered) })
	}, "money"},
	{"未覆盖部分的分担", 40, func(r *resultRow) any { return ofContract(r, sharedZh) }, ""},
	{"变现可得(万元)", 13, func(r *resultRow) any {
		return ofContract(r, func(c *lending.Contract) any {
			if c.Sale == nil || c.Sale.Liquidation == nil {
				return nil
			}
			return wanOf(*c.Sale.Liquidation)
		})
	}, "money"},
	{"变现覆盖率", 11, func(r *resultRow) any {
		return ofContract(r, func(c *lending.Contract) any {
			if c.Sale == nil {
				return nil
			}
			return ratio(c.Sale.Cover)
		})
	}, "percent"},
	{"在用价值(万元)", 13, func(r *resultRow) any {
		return ofContract(r, func(c *lending.Contract) any {
			if c.Repay == nil {
				return nil
			}
			return wanOf(c.Repay.InUse)
		})
	}, "money"},
	{"收入逐年覆盖", 30, func(r *resultRow) any { return ofContract(r, repayZh) }, ""},
	{"事实来源", 40, func(r *resultRow) any { return factsOf(r) }, ""},
	{"与上次比较", 20, func(r *resultRow) any { return sinceZh(r.UnchangedSince) }, ""},
}

var pledgeableZh = map[patent.Truth]string{patent.Yes: "可以", patent.No: "不可以", patent.DontSay: "未知"}

// sharedZh lists who would bear the uncovered part under each scheme that
// ships.
func sharedZh(c *lending.Contract) any {
	var parts []string
	for i := range c.Shared {
		parts = append(parts, c.Shared[i].Zh())
	}
	return strings.Join(parts, "；")
}

// repayZh says year by year how much of the loan the rights' income after tax
// has covered.
func repayZh(c *lending.Contract) any {
	if c.Repay == nil {
		return ""
	}
	var parts []string
	for _, y := range c.Repay.Years {
		text := fmt.Sprintf("至%s收入%.2f万元", y.Until, wanOf(y.Income))
		if y.Cover != nil {
			text += fmt.Sprintf("，累计覆盖%.1f%%", 100**y.Cover)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "；")
}

var sourceZh = map[string]string{lending.FromRegister: "登记事件", lending.FromImport: "库中记录", lending.FromTheRow: "仅来文所填"}

// factsOf says on whose word each ground was answered.
func factsOf(r *resultRow) string {
	var parts []string
	for _, f := range r.Valued.Facts {
		text := f.Code + " " + sourceZh[f.Source]
		if !f.AsOf.IsZero() {
			text += "（" + f.AsOf.String() + "）"
		} else {
			text += "（日期不详）"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "；")
}

func sinceZh(since calendar.Date) string {
	if since.IsZero() {
		return ""
	}
	return "与上次相同（自" + since.String() + "起未变）"
}

var calibrationZh = map[string]string{"conformal": "按回测校准", "uncalibrated": "未校准", "certain": "确定", "none": "无"}

func someMoney(f money.Fen) any {
	if f == 0 {
		return nil
	}
	return wanOf(f)
}

func decided(r *resultRow, x any) any {
	if r.Status != "done" {
		return nil
	}
	return x
}

func ofContract(r *resultRow, f func(*lending.Contract) any) any {
	if r.Status != "done" || r.contract == nil {
		return nil
	}
	return f(r.contract)
}

func bindingZh(c *lending.Contract) any {
	for _, l := range c.Limits {
		if l.Code == c.Binding {
			return l.Zh
		}
	}
	return ""
}

func reasonZh(x *lending.Reason) string {
	text := x.Zh
	if x.Evidence != "" {
		text += "（" + x.Evidence + "）"
	}
	if x.Supply != "" {
		text += "→" + x.Supply
	}
	return text
}

// reasonText joins the reasons that decided, or the faults of a row that was
// not valued.
func reasonText(r *resultRow, f func(*lending.Reason) string, sep string) string {
	var parts []string
	if r.Status != "done" {
		for _, x := range r.Faults {
			parts = append(parts, f(&lending.Reason{Code: x.Code, Zh: x.Zh}))
		}
		return strings.Join(parts, sep)
	}
	for i := range r.Decision.Reasons {
		if x := &r.Decision.Reasons[i]; x.Severity != lending.Warns {
			parts = append(parts, f(x))
		}
	}
	return strings.Join(parts, sep)
}

func warnings(r *resultRow) string {
	var parts []string
	for i := range r.Decision.Reasons {
		if x := &r.Decision.Reasons[i]; x.Severity == lending.Warns && r.Status == "done" {
			parts = append(parts, x.Code+" "+reasonZh(x))
		}
	}
	return strings.Join(parts, "；")
}

func conditions(r *resultRow) string {
	var parts []string
	for i := range r.Decision.Conditions {
		x := &r.Decision.Conditions[i]
		parts = append(parts, cmp.Or(x.Supply, x.Zh)+"（"+x.Code+"）")
	}
	return strings.Join(parts, "；")
}

func levelOf(r *resultRow) any {
	if !r.valued() {
		return nil
	}
	return r.Valued.Level
}

func methodsOf(r *resultRow) string {
	var parts []string
	for _, m := range r.Valued.Methods {
		parts = append(parts, fmt.Sprintf("%s %.0f%%", cmp.Or(methodZh[m.Name], m.Name), 100*m.Weight))
	}
	return strings.Join(parts, "；")
}

func deviation(r *resultRow) any {
	d := r.Decision.Deviation
	if d == nil {
		return r.Decision.NotCompared
	}
	return fmt.Sprintf("%s（%.1f%%）", bandZh[d.Band], 100*d.Ratio)
}

func basisZh(r *resultRow) string {
	switch {
	case r.Status != "done":
		return ""
	case r.Valued.FromRow && r.Valued.Row.Title == "":
		return "仅按号码（库中无此专利，也未填名称）"
	case r.Valued.FromRow:
		return "按所填内容（库中无此专利）"
	}
	return "库中记录"
}

func versionsOf(r *resultRow) string {
	if r.Valued.Versions == nil {
		return ""
	}
	return strings.Trim(r.Valued.Versions["assumptions"]+" "+lending.RulesOf(&r.Decision), " ")
}

func dateText(d calendar.Date) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}
