package office

import (
	"fmt"
	"io"

	"github.com/xuri/excelize/v2"
)

// Sheets of the template: the one that is read and the one that never is.
const (
	dataSheet   = "数据"
	sampleSheet = "示例"
)

// TemplateVersion marks the layout of the template.
const TemplateVersion = "batch-template-1"

// WriteBatchTemplate writes the empty workbook a loan desk fills in: drop-downs,
// a note on every header, a page of explanations and one of an example.
func WriteBatchTemplate(w io.Writer) error {
	f := excelize.NewFile()
	defer f.Close()
	f.SetZipWriter(newSortedZip)
	const sheet, help, sample = dataSheet, "填写说明", sampleSheet
	if err := f.SetSheetName("Sheet1", sheet); err != nil {
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
	if err := f.SetDocProps(&excelize.DocProperties{Title: "知识产权质押批量估值模板", Creator: "Zhijia 知价", LastModifiedBy: "Zhijia 知价", Created: "2026-11-23T00:00:00Z", Modified: "2026-11-23T00:00:00Z", Version: TemplateVersion}); err != nil {
		return err
	}
	for _, name := range []string{help, sample} {
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
		for _, name := range []string{sheet, sample} {
			if err := put(name, column+"1", title, st.head); err != nil {
				return err
			}
			if err := f.SetColWidth(name, column, column, max(12, float64(3*len([]rune(title))))); err != nil {
				return err
			}
		}
		if err := f.SetColStyle(sheet, column, text); err != nil {
			return err
		}
		if err := put(sheet, column+"1", title, st.head); err != nil {
			return err
		}
		if err := put(sample, column+"2", example[c.key], st.text); err != nil {
			return err
		}
		if c.note != "" {
			if err := f.AddComment(sheet, excelize.Comment{Cell: column + "1", Author: "知价", Text: c.note}); err != nil {
				return err
			}
		}
		if c.pick != nil {
			v := excelize.NewDataValidation(true)
			v.SetSqref(fmt.Sprintf("%s2:%s50000", column, column))
			if err := v.SetDropList(c.pick); err != nil {
				return err
			}
			if err := f.AddDataValidation(sheet, v); err != nil {
				return err
			}
		}
		for k, value := range []string{title, c.note} {
			cell := fmt.Sprintf("%c%d", 'A'+k, i+5)
			if err := put(help, cell, value, st.text); err != nil {
				return err
			}
		}
	}
	for i, line := range []string{"知识产权质押批量估值模板（" + TemplateVersion + "）", "在“数据”页逐行填写，一行一项专利；金额单位写在表头，整个文件只用一种单位（元或万元）。", BatchNotice} {
		style := st.note
		if i == 0 {
			style = st.title
		}
		if err := put(help, fmt.Sprintf("A%d", i+1), line, style); err != nil {
			return err
		}
		if err := f.MergeCell(help, fmt.Sprintf("A%d", i+1), fmt.Sprintf("B%d", i+1)); err != nil {
			return err
		}
	}
	if err := f.SetColWidth(help, "A", "A", 34); err != nil {
		return err
	}
	if err := f.SetColWidth(help, "B", "B", 80); err != nil {
		return err
	}
	if err := f.SetPanes(sheet, &excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	return f.Write(w)
}
