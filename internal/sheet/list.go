package sheet

import (
	"encoding/csv"
	"errors"
	"io"

	"github.com/xuri/excelize/v2"
)

// WriteXLSX writes a list, its header first, as a workbook of one sheet.
func WriteXLSX(w io.Writer, name string, rows [][]string) (err error) {
	f := excelize.NewFile()
	f.SetZipWriter(NewSortedZip)
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.SetSheetName("Sheet1", name); err != nil {
		return err
	}
	head, err := HeadStyle(f)
	if err != nil {
		return err
	}
	widths := make([]float64, len(rows[0]))
	for i := range widths {
		widths[i] = 18
	}
	if err := Fill(f, name, rows, head, widths); err != nil {
		return err
	}
	return f.Write(w)
}

// WriteCSV writes a list, its header first, in the encoding that spreadsheets of
// China read: UTF-8 behind a byte order mark. No text is a formula.
func WriteCSV(w io.Writer, rows [][]string) error {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return err
	}
	c := csv.NewWriter(w)
	for _, row := range rows {
		line := make([]string, len(row))
		for i, s := range row {
			line[i] = s
			if !plainNumber(s) {
				line[i] = Inert(s)
			}
		}
		if err := c.Write(line); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}
