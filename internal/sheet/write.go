package sheet

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
)

// HeadStyle is the style of a header row.
func HeadStyle(f *excelize.File) (int, error) {
	return f.NewStyle(&excelize.Style{
		Font: &excelize.Font{Bold: true, Family: "Noto Sans CJK SC", Size: 10}, Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"E6EEF5"}},
		Alignment: &excelize.Alignment{WrapText: true, Vertical: "center"},
	})
}

// Fill writes rows as text, except that whole and decimal numbers are numbers
// where they read the same back. Text that a spreadsheet would take for a
// formula is prefixed by an apostrophe.
func Fill(f *excelize.File, sheet string, rows [][]string, head int, widths []float64) error {
	body, err := f.NewStyle(&excelize.Style{Font: &excelize.Font{Family: "Noto Sans CJK SC", Size: 10}, Alignment: &excelize.Alignment{WrapText: true, Vertical: "top"}})
	if err != nil {
		return err
	}
	grouped := "#,##0.00"
	amount, err := f.NewStyle(&excelize.Style{Font: &excelize.Font{Family: "Noto Sans CJK SC", Size: 10}, CustomNumFmt: &grouped, Alignment: &excelize.Alignment{Vertical: "top"}})
	if err != nil {
		return err
	}
	for i, row := range rows {
		if lines := wrapped(row, widths); lines > 1 { // heights are not fitted on opening
			if err := f.SetRowHeight(sheet, i+1, min(400, 14*float64(lines)+2)); err != nil {
				return err
			}
		}
		for k, s := range row {
			if s == "" {
				continue
			}
			at, err := excelize.CoordinatesToCellName(k+1, i+1)
			if err != nil {
				return err
			}
			if x, err := strconv.ParseFloat(s, 64); err == nil && len(s) <= 15 && i > 0 && plainNumber(s) {
				style := body
				if x >= 1000 || x <= -1000 {
					style = amount
				}
				if err := errors.Join(f.SetCellFloat(sheet, at, x, -1, 64), f.SetCellStyle(sheet, at, at, style)); err != nil {
					return err
				}
				continue
			}
			if err := errors.Join(f.SetCellStr(sheet, at, Inert(s)), f.SetCellStyle(sheet, at, at, body)); err != nil {
				return err
			}
		}
	}
	for k, w := range widths {
		col, err := excelize.ColumnNumberToName(k + 1)
		if err != nil {
			return err
		}
		if err := f.SetColWidth(sheet, col, col, w); err != nil {
			return err
		}
	}
	if len(rows) > 0 && len(rows[0]) > 0 {
		last, err := excelize.CoordinatesToCellName(len(rows[0]), 1)
		if err != nil {
			return err
		}
		if err := f.SetCellStyle(sheet, "A1", last, head); err != nil {
			return err
		}
	}
	return f.SetPanes(sheet, &excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"})
}

// wrapped is how many lines a row needs; a Chinese character is two columns
// wide.
func wrapped(row []string, widths []float64) int {
	lines := 1
	for k, s := range row {
		if k >= len(widths) || plainNumber(s) {
			continue
		}
		w := 0.0
		for _, r := range s {
			w++
			if r > 0x2e80 {
				w++
			}
		}
		lines = max(lines, int(math.Ceil(w/(widths[k]-1))))
	}
	return lines
}

// plainNumber is a decimal without exponent, sign games or leading zeros, so
// that a patent number or a code is never turned into a number.
func plainNumber(s string) bool {
	body := strings.TrimPrefix(s, "-")
	if body == "" || strings.Trim(body, "0123456789.") != "" || strings.Count(body, ".") > 1 || strings.HasSuffix(body, ".") {
		return false
	}
	whole, frac, _ := strings.Cut(body, ".")
	return whole == "0" && frac != "" || whole == "0" || !strings.HasPrefix(whole, "0") && whole != "" && len(whole) < 12
}

// Inert keeps a spreadsheet from taking text for a formula.
func Inert(s string) string {
	if first, _ := utf8.DecodeRuneInString(s); s != "" && strings.ContainsRune("=+-@\t\r＝＋－＠", first) {
		return "'" + s
	}
	return s
}
