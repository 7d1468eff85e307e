package sheet

import (
	"encoding/csv"
	"errors"
	"io"

	"github.com/xuri/excelize/v2"
)

// Page is a list under a name, its header first.
type Page struct {
	Name string
	Rows [][]string
}

// WriteBook writes lists as the sheets of a workbook. The same lists give the same bytes.
func WriteBook(w io.Writer, pages ...Page) (err error) {
	f := excelize.NewFile()
	f.SetZipWriter(NewSortedZip)
	defer func() { err = errors.Join(err, f.Close()) }()
	head, err := HeadStyle(f)
	if err != nil {
		return err
	}
	for i, t := range pages {
		if i == 0 {
			err = f.SetSheetName("Sheet1", t.Name)
		} else {
			_, err = f.NewSheet(t.Name)
		}
		if err != nil {
			return err
		}
		widths := make([]float64, len(t.Rows[0]))
		for k := range widths {
			widths[k] = 16
			for _, r := range t.Rows {
				if k < len(r) {
					widths[k] = max(widths[k], min(48, float64(2*len([]rune(r[k])))))
				}
			}
		}
		if err := Fill(f, t.Name, t.Rows, head, widths); err != nil {
			return err
		}
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
