package poolfile

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/xuri/excelize/v2"

	"zhijia/internal/calendar"
	"zhijia/internal/money"
	"zhijia/internal/pool"
	"zhijia/internal/sheet"
)

// Annex is the disclosure annex with what may accompany it.
type Annex struct {
	Annex    pool.Annex
	Stress   *pool.StressReport // nil leaves the section out
	Senior   money.Fen          // senior principal, for the heat map
	Sub      money.Fen          // subordinated principal
	Calendar []pool.Deadline
}

//go:embed annex.html
var poolAnnexHTML string

var poolAnnexTemplate = template.Must(template.New("annex").Funcs(template.FuncMap{
	"zh":     calendar.Date.Zh,
	"join":   func(s []string) string { return strings.Join(s, "、") },
	"pct":    func(x float64) string { return fmt.Sprintf("%.2f%%", x*100) },
	"f1":     func(x float64) string { return fmt.Sprintf("%.1f", x) },
	"f4":     func(x float64) string { return fmt.Sprintf("%.4f", x) },
	"wan":    func(x float64) string { return money.Zh(x, 4) },
	"opt1":   optional("%.1f", 1),
	"opt2":   optional("%.2f", 1),
	"optpct": optional("%.2f%%", 100),
	"pairs":  pairs,
	"amt":    money.Fen.Grouped,
	"count":  func(string) int { return 0 }, // replaced per document
	"heat":   func(pool.StressReport) []heatTable { return nil },
}).Parse(poolAnnexHTML))

func optional(format string, scale float64) func(*float64) string {
	return func(x *float64) string {
		if x == nil {
			return "未知"
		}
		return fmt.Sprintf(format, *x*scale)
	}
}

func pairs(fs []pool.Field) [][]pool.Field {
	var out [][]pool.Field
	for i := 0; i < len(fs); i += 2 {
		out = append(out, fs[i:min(i+2, len(fs))])
	}
	return out
}

// heatTable is one recovery-by-default table of the stress grid.
type heatTable struct {
	Timing   string
	Yield    float64
	Defaults []float64
	Rows     []heatRow
}

type heatRow struct {
	Recovery  float64
	BreakEven string
	Cells     []heatCell
}

type heatCell struct {
	Share, Sub float64 // of the senior principal lost, of the subordinated principal lost
	Colour     template.CSS
}

var timingZh = map[string]string{"even": "平均", "front": "前置", "back": "后置"}

func heat(r pool.StressReport, senior, sub money.Fen) []heatTable {
	var out []heatTable
	for _, c := range r.Cells {
		name := c.Timing
		if zh := timingZh[name]; zh != "" {
			name = zh
		}
		if n := len(out); n == 0 || out[n-1].Timing != name || out[n-1].Yield != c.Yield {
			out = append(out, heatTable{Timing: name, Yield: c.Yield})
		}
		t := &out[len(out)-1]
		if n := len(t.Rows); n == 0 || t.Rows[n-1].Recovery != c.Recovery {
			row := heatRow{Recovery: c.Recovery}
			for _, b := range r.BreakEven {
				if b.Timing == c.Timing && b.Recovery == c.Recovery && b.Yield == c.Yield {
					row.BreakEven = b.BreakEven.Zh()
				}
			}
			t.Rows = append(t.Rows, row)
		}
		row := &t.Rows[len(t.Rows)-1]
		if len(t.Rows) == 1 {
			t.Defaults = append(t.Defaults, c.Default)
		}
		lost := func(loss, of money.Fen) float64 {
			if of == 0 {
				return 0
			}
			return float64(loss) / float64(of)
		}
		cell := heatCell{Share: lost(c.SeniorLoss, senior), Sub: lost(c.SubLoss, sub)}
		cell.Colour = colour(cell)
		row.Cells = append(row.Cells, cell)
	}
	return out
}

// colour runs from white to amber with the loss of the subordinated notes, and
// to red once the senior notes lose; 10% of the senior principal is full red.
func colour(c heatCell) template.CSS {
	if c.Share > 0 {
		x := min(1, c.Share/0.1)
		return template.CSS(fmt.Sprintf("#ff%02x%02x", int(190-130*x), int(170-120*x)))
	}
	return template.CSS(fmt.Sprintf("#ff%02x%02x", int(255-25*min(1, c.Sub)), int(255-120*min(1, c.Sub))))
}

// WriteAnnexHTML writes the printable annex, Chinese, self-contained. All
// text is escaped.
func WriteAnnexHTML(w io.Writer, a Annex) error {
	t, err := poolAnnexTemplate.Clone()
	if err != nil {
		return err
	}
	t.Funcs(template.FuncMap{
		"count": func(s string) int { return a.Annex.Tests.Count(pool.Answer(s)) },
		"heat":  func(r pool.StressReport) []heatTable { return heat(r, a.Senior, a.Sub) },
	})
	return t.Execute(w, a)
}

// WriteAnnexBook writes the annex as a workbook: 概况, 规则测试, 资产池统计,
// 知识产权清单, 价值覆盖, 压力测试, 披露日程, 缺失事项.
func WriteAnnexBook(w io.Writer, a Annex) error {
	f := excelize.NewFile()
	defer f.Close()
	head, err := sheet.HeadStyle(f)
	if err != nil {
		return err
	}
	first := true
	table := func(name string, widths []float64, rows [][]string) error {
		if first {
			first = false
			if err := f.SetSheetName("Sheet1", name); err != nil {
				return err
			}
		} else if _, err := f.NewSheet(name); err != nil {
			return err
		}
		landscape, fit, wide := "landscape", true, 1
		if err := f.SetPageLayout(name, &excelize.PageLayoutOptions{Orientation: &landscape, FitToWidth: &wide, FitToHeight: new(int)}); err != nil {
			return err
		}
		if err := f.SetSheetProps(name, &excelize.SheetPropsOptions{FitToPage: &fit}); err != nil {
			return err
		}
		return sheet.Fill(f, name, rows, head, widths)
	}
	n := a.Annex
	overview := [][]string{{"项目", "内容"}, {"专项计划", n.Deal}, {"标注", n.Label}, {"初始基准日", n.CutOff.String()}}
	for _, x := range n.Fields {
		overview = append(overview, []string{x.Zh, orMissing(x.Value)})
	}
	overview = append(overview, []string{"说明", n.Limit})
	if err := table("概况", []float64{28, 90}, overview); err != nil {
		return err
	}
	missing := [][]string{{"缺失事项"}}
	for _, m := range n.Missing {
		missing = append(missing, []string{m})
	}
	if len(n.Missing) == 0 {
		missing = append(missing, []string{"无"})
	}
	if err := table("缺失事项", []float64{60}, missing); err != nil {
		return err
	}
	tests := [][]string{{"代码", "项目", "结论", "说明", "缺少资料", "豁免证据", "依据"}}
	for _, r := range n.Tests.Results {
		tests = append(tests, []string{r.Rule, r.Name, r.Answer.Zh(), r.Why, strings.Join(r.Missing, "；"), r.Evidence, r.Cite})
	}
	for _, r := range n.Tests.NotApplicable {
		tests = append(tests, []string{r.Rule, r.Name, "不适用", r.Why})
	}
	if err := table("规则测试", []float64{18, 22, 9, 36, 22, 18, 40}, tests); err != nil {
		return err
	}
	if err := table("资产池统计", []float64{34, 34, 14, 20, 14}, statisticsRows(n.Statistics)); err != nil {
		return err
	}
	if len(n.Items) > 0 {
		ip := [][]string{{"权利编号"}}
		widths := []float64{18}
		for _, x := range n.Items[0].Fields {
			ip[0] = append(ip[0], x.Zh)
			widths = append(widths, 24)
		}
		for _, item := range n.Items {
			row := []string{item.Number}
			for _, x := range item.Fields {
				row = append(row, orMissing(x.Value))
			}
			ip = append(ip, row)
		}
		if err := table("知识产权清单", widths, ip); err != nil {
			return err
		}
	}
	c := n.Collateral
	cover := [][]string{
		{"权利编号", "计价权重", "下限（元）", "价值（元）", "上限（元）", "说明"},
		{"合计", "", yuan(c.Low), yuan(c.Point), yuan(c.High), ""},
		{"覆盖倍数（估值点）", "", "", optional("%.4f", 1)(c.CoverPoint)},
		{"覆盖倍数（区间下限）", "", optional("%.4f", 1)(c.CoverLow)},
	}
	for _, x := range c.Counted {
		why := ""
		if x.Reason != nil {
			why = x.Reason.Zh
		}
		cover = append(cover, []string{x.Number, fmt.Sprint(x.Weight), yuan(x.Low), yuan(x.Point), yuan(x.High), why})
	}
	for _, x := range c.Excluded {
		cover = append(cover, []string{x.Number, "剔除", "", "", "", x.Reason.Zh})
	}
	for _, x := range c.Unvalued {
		cover = append(cover, []string{x, "未知", "", "", "", "尚无估值，未按零计入"})
	}
	if err := table("价值覆盖", []float64{24, 10, 18, 18, 18, 50}, cover); err != nil {
		return err
	}
	if a.Stress != nil {
		rows := [][]string{{"违约时点", "循环收益率", "回收率", "违约率", "优先级损失（元）", "占优先级", "含增信损失（元）", "次级所得（元）", "最低覆盖倍数", "按时足额"}}
		for _, x := range a.Stress.Cells {
			share := 0.0
			if a.Senior > 0 {
				share = float64(x.SeniorLoss) / float64(a.Senior)
			}
			rows = append(rows, []string{
				timingZh[x.Timing], fmt.Sprint(x.Yield), fmt.Sprint(x.Recovery), fmt.Sprint(x.Default), x.SeniorLoss.String(), fmt.Sprintf("%.6f", share),
				x.WithSupport.String(), x.SubReceived.String(), optional("%.4f", 1)(x.MinCoverage), map[bool]string{true: "是", false: "否"}[x.OnTime],
			})
		}
		rows = append(rows, []string{a.Stress.Label})
		if err := table("压力测试", []float64{12, 12, 10, 10, 20, 12, 20, 20, 14, 10}, rows); err != nil {
			return err
		}
	}
	if len(a.Calendar) > 0 {
		rows := [][]string{{"事项", "截止日"}}
		for _, x := range a.Calendar {
			due := x.Due.String()
			if x.Error != "" {
				due = x.Error
			} else if x.Provisional {
				due += "（放假安排未公布，暂按法定节假日推算）"
			}
			rows = append(rows, []string{x.Zh, due})
		}
		if err := table("披露日程", []float64{40, 30}, rows); err != nil {
			return err
		}
	}
	return f.Write(w)
}

func orMissing(s string) string {
	if s == "" {
		return "【缺失】"
	}
	return s
}

func yuan(x float64) string { return fmt.Sprintf("%.0f", x) }

func statisticsRows(s pool.Statistics) [][]string {
	rows := [][]string{
		{"项目", "内容", "笔数", "本金（元）", "占比"},
		{"未偿本金（元）", s.Principal.String()},
		{"笔数", fmt.Sprint(s.Assets)},
		{"户数（合并关联方）", fmt.Sprint(s.Obligors)},
		{"知识产权件数", fmt.Sprint(s.IPCount)},
		{"单笔最大（元）", s.Largest.String()},
		{"单笔平均（元）", s.Average.String()},
		{"加权平均利率", fmt.Sprintf("%.6f", s.WARate)},
		{"加权平均剩余期限（月）", fmt.Sprintf("%.2f", s.WAMonths)},
		{"加权平均账龄（月）", optional("%.2f", 1)(s.WAAgeMonths)},
		{"加权平均年违约率（输入）", optional("%.6f", 1)(s.WAPD)},
		{"HHI", fmt.Sprintf("%.6f", s.HHI)},
		{"有效户数", fmt.Sprintf("%.2f", s.EffectiveN)},
		{"前五大占比", fmt.Sprintf("%.6f", s.Top5)},
		{"关联方占比", optional("%.6f", 1)(s.RelatedShare)},
	}
	for _, t := range s.Top20 {
		rows = append(rows, []string{fmt.Sprintf("前二十大第%d", t.Rank), t.Name, fmt.Sprint(t.Members), t.Principal.String(), fmt.Sprintf("%.6f", t.Share)})
	}
	for _, d := range s.Distributions {
		for _, b := range d.Rows {
			rows = append(rows, []string{d.Zh + "分布", b.Band, fmt.Sprint(b.Count), b.Principal.String(), fmt.Sprintf("%.6f", b.Share)})
		}
	}
	return rows
}
