package sheet

import (
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

// maxTable bounds what [Tables] and [Lines] keep: bytes of the cells and of what holds them.
const maxTable = 48 << 20

var errTable = fault.New(fault.TooLarge, "file.too_large", "文件内容过大，请拆分。", "The file holds too much; split it.")

// weigh takes a row off what may still be kept.
func weigh(left *int, cells []string) error {
	*left -= 24
	for _, c := range cells {
		*left -= 16 + len(c)
	}
	if *left < 0 {
		return errTable
	}
	return nil
}

// Tables reads all visible sheets of a workbook, of at most rows lines each.
func Tables(in io.Reader, rows int) (out []Table, err error) {
	b, sheets, err := openBook(in, bookLimits)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	left := maxTable
	for _, s := range sheets {
		t := Table{Name: s.name}
		err := b.rows(s.part, &b.left.all, func(r *sheetRow) error {
			if r.number > rows {
				return fault.New(fault.TooLarge, "file.rows", "工作表“"+Clip(s.name, 40)+"”行数过多。", "The sheet "+s.name+" has too many rows.")
			}
			if r.size > maxRow {
				return errLong
			}
			for len(t.Rows) < r.number-1 {
				t.Rows = append(t.Rows, nil)
				left -= 24
			}
			t.Rows = append(t.Rows, append([]string(nil), r.cells...))
			return weigh(&left, r.cells)
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
func Lines(in io.Reader) (rows [][]string, err error) {
	text, err := Text(in)
	if err != nil {
		return nil, err
	}
	head, err := text.Peek(sniffed)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	sep := separatorOf(head)
	r := csv.NewReader(&lineReader{in: text, sep: sep})
	r.Comma, r.FieldsPerRecord = rune(sep), -1
	for left := maxTable; ; {
		row, err := r.Read()
		var own *fault.Error
		switch {
		case errors.Is(err, io.EOF):
			return rows, nil
		case errors.As(err, &own):
			return nil, own
		case err != nil:
			return nil, fault.New(fault.Invalid, "file.csv", "CSV 格式有误。", "The CSV does not parse.").Because(err)
		}
		if err := weigh(&left, row); err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
}

// lineReader refuses a text whose lines are too long or too wide: the CSV reader keeps a whole record.
type lineReader struct {
	in          io.Reader
	sep         byte
	bytes, wide int // since the last line's end
	all         int
}

func (l *lineReader) Read(p []byte) (int, error) {
	n, err := l.in.Read(p)
	if l.all += n; l.all > maxTable {
		return 0, errTable
	}
	for _, c := range p[:n] {
		switch l.bytes++; c {
		case '\n':
			l.bytes, l.wide = 0, 0
		case l.sep:
			l.wide++
		}
		if l.wide > maxCells || l.bytes > maxRow {
			return 0, errTable
		}
	}
	return n, err
}
