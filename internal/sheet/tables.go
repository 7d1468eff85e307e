package sheet

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"

	"zhijia/internal/fault"
)

// Table is one visible sheet of a workbook, with its cells as [Rows] reads them
// and no header told apart. Row i is line i+1; rows may differ in length.
type Table struct {
	Name string
	Rows [][]string
}

// Tables reads all visible sheets of a workbook, of at most rows lines each.
func Tables(in io.Reader, rows int) (out []Table, err error) {
	b, sheets, err := openBook(in, bookLimits)
	if err != nil {
		return nil, err
	}
	for _, s := range sheets {
		t := Table{Name: s.name}
		err := b.rows(s.part, func(r *sheetRow) error {
			if r.number > rows {
				return fault.New(fault.TooLarge, "file.rows", "工作表“"+Clip(s.name, 40)+"”行数过多。", "The sheet "+s.name+" has too many rows.")
			}
			for len(t.Rows) < r.number-1 {
				t.Rows = append(t.Rows, nil)
			}
			t.Rows = append(t.Rows, append([]string(nil), r.cells...))
			return nil
		})
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// Lines reads all records of a text table, in any of the encodings and
// separators that [Rows] reads.
func Lines(in io.Reader) ([][]string, error) {
	text, err := Text(in)
	if err != nil {
		return nil, err
	}
	head, err := text.Peek(sniffed)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(text, maxBook))
	if err != nil {
		return nil, err
	}
	r := csv.NewReader(bytes.NewReader(body))
	r.Comma, r.FieldsPerRecord = rune(separatorOf(head)), -1
	rows, err := r.ReadAll()
	if err != nil {
		return nil, fault.New(fault.Invalid, "file.csv", "CSV 格式有误。", "The CSV does not parse.").Because(err)
	}
	return rows, nil
}
