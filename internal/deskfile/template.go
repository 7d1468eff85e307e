package deskfile

import (
	"fmt"
	"io"
	"strings"

	"github.com/xuri/excelize/v2"

	"zhijia/internal/sheet"
)

// Sheets of the template: the one that is read and the one that never is.
const (
	dataSheet   = "数据"
	sampleSheet = "示例"
)

// TemplateVersion marks the layout of the template.
const TemplateVersion = "batch-template-1"

// templateRows is how far down the drop-downs reach.
const templateRows = 10_000

// WriteTemplate writes the empty workbook a loan desk fills in: drop-downs,
// a note on every header, a page of explanations and one of an example.
func WriteTemplate(w io.Writer) error {
	f := excelize.NewFile()
	defer f.Close()
	f.SetZipWriter(sheet.NewSortedZip)
	const help = "填写说明"
	if err := f.SetSheetName("Sheet1", dataSheet); err != nil {
		return err
	}
	st, err := newStyles(f)
	if err != nil {
		return err
	}
	text, err := f.NewStyle(&excelize.Style{NumFmt: 49}) // numbers of patents and codes stay text
	if err != nil {
		return err
	}
	required, err := f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true, Color: "FFFFFF"}, Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"9C0006"}}, Alignment: &excelize.Alignment{Vertical: "center", Horizontal: "center", WrapText: true}})
	if err != nil {
		return err
	}
	if err := f.SetDocProps(&excelize.DocProperties{Title: "知识产权质押批量估值模板", Creator: "Zhijia 知价", LastModifiedBy: "Zhijia 知价", Created: "2026-11-23T00:00:00Z", Modified: "2026-11-23T00:00:00Z", Version: TemplateVersion}); err != nil {
		return err
	}
	for _, name := range []string{help, sampleSheet} {
		if _, err := f.NewSheet(name); err != nil {
			return err
		}
	}
	put := func(sheet, cell string, value any, style int) error {
		if err := f.SetCellValue(sheet, cell, value); err != nil {
			return err
		}
		return f.SetCellStyle(sheet, cell, cell, style)
	}
	example := map[string]string{
		"seq": "1", "borrower": "某某科技有限公司", "number": "ZL201310543019.6", "title": "一种激光器相对强度噪声的测量装置及方法", "kind": "发明",
		"filing_date": "2013-11-05", "grant_date": "2016-05-04", "owners": "某某科技有限公司", "consent": "无", "fees_paid_to": "14", "register": "无 2026-11-20",
		"revenue": "800", "royalty_rate": "3%", "loan": "100", "maturity": "2027-11-30", "contract": "DB-2026-001",
	}
	for k, title := range []string{"列", "填法", "也接受的表头"} {
		if err := put(help, fmt.Sprintf("%c5", 'A'+k), title, st.head); err != nil {
			return err
		}
	}
	helpWidths := []float64{34, 62, 40}
	for i := range batchColumns {
		c := &batchColumns[i]
		column, err := excelize.ColumnNumberToName(i + 1)
		if err != nil {
			return err
		}
		title := c.zh
		if c.amount {
			title += "(万元)"
		}
		head := st.head
		if c.required {
			head = required
		}
		for _, name := range []string{dataSheet, sampleSheet} {
			if err := f.SetColWidth(name, column, column, c.width()); err != nil {
				return err
			}
		}
		if err := f.SetColStyle(dataSheet, column, text); err != nil {
			return err
		}
		if err := put(dataSheet, column+"1", title, head); err != nil {
			return err
		}
		if err := put(sampleSheet, column+"1", title, head); err != nil {
			return err
		}
		if err := put(sampleSheet, column+"2", example[c.key], st.text); err != nil {
			return err
		}
		if err := f.AddComment(dataSheet, excelize.Comment{Cell: column + "1", Author: "知价", Text: c.note, Width: 260, Height: 90}); err != nil {
			return err
		}
		v := excelize.NewDataValidation(true)
		v.SetSqref(fmt.Sprintf("%s2:%s%d", column, column, templateRows))
		v.SetInput(sheet.Clip(title, 30), c.note)
		if c.pick != nil {
			if err := v.SetDropList(c.pick); err != nil {
				return err
			}
			if style := excelize.DataValidationErrorStyleStop; c.open {
				style = excelize.DataValidationErrorStyleInformation
				v.SetError(style, "请核对", "不在下拉项中；如填写无误请确定。")
			} else {
				v.SetError(style, "请从下拉项中选择", c.note)
			}
		}
		if err := f.AddDataValidation(dataSheet, v); err != nil {
			return err
		}
		cells := []string{title, c.note, strings.Join(c.names, "、")}
		lines := 1
		for k, value := range cells {
			if err := put(help, fmt.Sprintf("%c%d", 'A'+k, i+6), value, st.text); err != nil {
				return err
			}
			lines = max(lines, linesOf(value, helpWidths[k]))
		}
		if err := f.SetRowHeight(help, i+6, lineHeight*float64(lines)); err != nil {
			return err
		}
	}
	for i, line := range []string{
		"知识产权质押批量估值模板（" + TemplateVersion + "）",
		"在“数据”页逐行填写，一行一项专利。红色表头必填。金额单位写在表头，整个文件只用一种单位（元或万元）。单元格请勿合并、隐藏；公式按其已算出的值读取，没有算出值的公式不予受理。",
		Notice,
	} {
		style := st.note
		if i == 0 {
			style = st.title
		}
		if err := put(help, fmt.Sprintf("A%d", i+1), line, style); err != nil {
			return err
		}
		if err := f.MergeCell(help, fmt.Sprintf("A%d", i+1), fmt.Sprintf("C%d", i+1)); err != nil {
			return err
		}
		if err := f.SetRowHeight(help, i+1, []float64{24, 32, 18}[i]); err != nil {
			return err
		}
	}
	for k, width := range helpWidths {
		column := string(rune('A' + k))
		if err := f.SetColWidth(help, column, column, width); err != nil {
			return err
		}
	}
	for _, name := range []string{dataSheet, sampleSheet} {
		if err := f.SetRowHeight(name, 1, 36); err != nil {
			return err
		}
		if err := f.SetPanes(name, &excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
			return err
		}
	}
	if err := f.SetRowHeight(sampleSheet, 2, 2*lineHeight); err != nil {
		return err
	}
	for _, name := range []string{dataSheet, help, sampleSheet} {
		if err := pageSetup(f, name); err != nil {
			return err
		}
	}
	return f.Write(w)
}

// width is wide enough for what the column holds and, on two lines, for its
// header.
func (c *batchColumn) width() float64 {
	switch {
	case c.wide > 0:
		return c.wide
	case c.amount:
		return 14
	}
	return 13
}
