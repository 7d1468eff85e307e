// Package sheet reads any table a desk may send, XLSX, CSV or JSON lines, row by
// row, and writes workbooks.
//
// Start with [Rows]. What the columns mean is for others to say.
package sheet

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"

	"zhijia/internal/fault"
)

// Row is one record of a file. Cells are named by the file's own headers (or
// JSON keys) as [Header] folds them; an absent or empty cell is "".
type Row struct {
	Number   int // line of a text file, row of a sheet, from 1, the header included
	Cells    map[string]string
	Sheet    bool     // the row of a workbook
	Hidden   bool     // who looks at the sheet does not see it
	Merged   []string // headers whose cell belongs to a merged one, which holds the content elsewhere
	Days1904 bool     // serial numbers of dates count from 1904
}

// Limits of an input file.
const (
	maxRow     = 4 << 20 // bytes of one record
	maxColumns = 500
	maxAbove   = 20 // rows above the header
	maxJoined  = 50 // lines of one record of a CSV file
	sniffed    = 64 << 10
)

// Rows reads the records of a JSONL, CSV or XLSX file one by one, by the
// name's ending, else by the content. CSV may be UTF-8 with or without a byte
// order mark, or GB18030. The first row that is not empty is the header. An
// error that comes with a row's number concerns that row alone and reading goes
// on; an error with Number 0 ends the file. Formulas are never evaluated: a
// cell is the value the file says it had, and one that was never worked out is
// its formula, beginning with =.
func Rows(r io.Reader, name string) iter.Seq2[Row, error] { return Below(r, name, Layout{}) }

// Layout says what a file is expected to hold.
type Layout struct {
	Header        func(cells []string) bool // reports whether a row is the header; nil: the first row that is not empty is
	Data, Example string                    // sheets of a template: where Data stands, Example is not read
}

// Below is Rows for files whose header is the first row that suits, among the
// first few: titles may stand above it.
func Below(r io.Reader, name string, l Layout) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		in := bufio.NewReaderSize(r, sniffed)
		head, err := in.Peek(sniffed)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
			yield(Row{}, err)
			return
		}
		if len(head) == 0 {
			yield(Row{}, fault.New(fault.Invalid, "file.empty", "文件为空。", "The file is empty."))
			return
		}
		switch format(name, head) {
		case "xlsx":
			sheetRows(in, l, yield)
		case "jsonl":
			jsonRows(in, yield)
		case "csv":
			csvRows(decoded(in, head), l.Header, yield)
		case "compound":
			yield(Row{}, compound(name, head))
		case "utf16":
			yield(Row{}, fault.New(fault.Unsupported, "file.utf16", "这是 UTF-16 文本，请另存为 CSV UTF-8 或 XLSX。", "This is UTF-16 text; save it as CSV UTF-8 or XLSX."))
		default:
			yield(Row{}, fault.New(fault.Unsupported, "file.format", "不支持的文件格式，请使用 CSV、XLSX 或 JSONL。", "Unsupported file; use CSV, XLSX or JSONL."))
		}
	}
}

func format(name string, head []byte) string {
	name = strings.ToLower(name)
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return "xlsx"
	case bytes.HasPrefix(head, []byte("\xd0\xcf\x11\xe0")):
		return "compound"
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return "utf16"
	case strings.HasSuffix(name, ".xls"), strings.HasSuffix(name, ".xlsx"):
		return "" // not the workbook its name says
	case strings.HasSuffix(name, ".jsonl"), strings.HasSuffix(name, ".ndjson"), strings.HasSuffix(name, ".json"):
		return "jsonl"
	case bytes.IndexByte(head, 0) >= 0:
		return ""
	case strings.HasSuffix(name, ".csv"), strings.HasSuffix(name, ".txt"):
		return "csv"
	case bytes.HasPrefix(bytes.TrimSpace(head), []byte("{")):
		return "jsonl"
	}
	return "csv"
}

// decoded returns the text as UTF-8. A text that is not UTF-8 is GB18030, the
// only other encoding Chinese spreadsheets write.
func decoded(in *bufio.Reader, head []byte) io.Reader {
	whole := head
	for range utf8.UTFMax - 1 { // the peek may end inside a character
		if utf8.Valid(whole) || len(whole) == 0 {
			break
		}
		if r, size := utf8.DecodeLastRune(whole); r != utf8.RuneError || size > 1 {
			break
		}
		whole = whole[:len(whole)-1]
	}
	if utf8.Valid(whole) {
		return in
	}
	return simplifiedchinese.GB18030.NewDecoder().Reader(in)
}

// Header folds a column title to the form it is looked up by: no byte order
// mark, spaces or asterisks, half width, lower case, brackets' content kept.
func Header(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 0xff01 && r <= 0xff5e {
			r -= 0xfee0
		}
		switch r {
		case '\ufeff', ' ', '\u3000', '\t', '\n', '\r', '*', '\u00a0':
			return -1
		}
		return r
	}, strings.ToLower(s))
}

func rowFault(row Row, code, zh, en string) (Row, error) {
	return row, fault.New(fault.Invalid, code, zh, en)
}

// record checks a row of cells against the header and yields it.
func record(row Row, header, cells []string, yield func(Row, error) bool) bool {
	row.Cells = make(map[string]string, len(header))
	for _, h := range header[min(len(cells), len(header)):] {
		if h != "" {
			row.Cells[h] = "" // every row knows every column
		}
	}
	blank, unnamed, size := true, false, 0
	bad := ""
	for i, c := range cells {
		c = tidy(c)
		size += len(c)
		blank = blank && c == ""
		unnamed = unnamed || c != "" && i < len(header) && header[i] == ""
		switch {
		case i >= len(header):
			if c != "" && bad == "" {
				bad = "row.columns"
			}
		case !utf8.ValidString(c) || strings.ContainsFunc(c, Forbidden):
			return yield(rowFault(row, "row.characters", "“"+header[i]+"”列含有控制字符或乱码，请清理。", "Column "+header[i]+" contains control characters or garbled text."))
		case header[i] != "":
			row.Cells[header[i]] = c
		}
	}
	switch {
	case blank:
		return true
	case size > maxRow:
		return yield(rowFault(row, "row.too_long", "该行内容超过 4 MB。", "The row is longer than 4 MB."))
	case unnamed && !slices.ContainsFunc(slices.Collect(maps.Values(row.Cells)), func(c string) bool { return c != "" }):
		return yield(rowFault(row, "row.unnamed", "内容所在的列没有表头。", "The content stands in a column without a header."))
	case bad != "":
		return yield(rowFault(row, bad, fmt.Sprintf("该行有 %d 列，表头只有 %d 列。", len(cells), len(header)), fmt.Sprintf("The row has %d cells, the header %d.", len(cells), len(header))))
	}
	return yield(row, nil)
}

// tidy takes the white and the invisible off both ends of a cell: marks of
// direction and width come along when numbers are copied from web pages.
func tidy(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) })
}

// headerFinder looks for the header among the first rows.
type headerFinder struct {
	suits  func([]string) bool // nil: any row
	first  []string            // the first row that is not empty
	rows   int
	header []string // once found
}

func (h *headerFinder) take(cells []string) (err error) {
	if !slices.ContainsFunc(cells, func(c string) bool { return Header(c) != "" }) {
		return nil
	}
	if h.suits == nil || h.suits(cells) {
		h.header, err = headers(cells)
		return err
	}
	if h.first == nil {
		h.first = slices.Clone(cells)
	}
	if h.rows++; h.rows >= maxAbove {
		return h.end()
	}
	return nil
}

// end is called at the end of the file.
func (h *headerFinder) end() error {
	if h.header != nil || h.suits == nil || h.first == nil {
		return nil
	}
	seen := strings.Join(h.first[:min(len(h.first), 30)], "、")
	if len(h.first) == 1 && strings.ContainsAny(seen, ";\t；|") {
		return fault.New(fault.Invalid, "file.delimiter", "列之间应以英文逗号分隔，请另存为 CSV（逗号分隔）或 XLSX。", "Separate columns with commas, or use XLSX.")
	}
	return fault.New(fault.Invalid, "file.no_number", "没有“专利号/申请号”和“借款人名称”列，请使用模板。读到的表头："+Clip(seen, 200), "There are no columns of patent numbers and borrowers; use the template.")
}

// Forbidden reports whether a character has no place in a cell: control
// characters and what broken encodings leave.
func Forbidden(r rune) bool {
	return r < 0x20 && r != '\n' && r != '\r' && r != '\t' || r == 0x7f || r == utf8.RuneError
}

func headers(cells []string) ([]string, error) {
	if len(cells) > maxColumns {
		return nil, fault.New(fault.TooLarge, "file.columns", fmt.Sprintf("列数超过 %d。", maxColumns), fmt.Sprintf("More than %d columns.", maxColumns))
	}
	header := make([]string, len(cells))
	seen := map[string]bool{}
	for i, c := range cells {
		if !utf8.ValidString(c) {
			return nil, fault.New(fault.Invalid, "file.encoding", "表头是乱码：文件编码应为 UTF-8 或 GB18030。", "The header is garbled: the encoding must be UTF-8 or GB18030.")
		}
		header[i] = Header(c)
		if header[i] != "" && seen[header[i]] {
			return nil, fault.New(fault.Invalid, "file.header_twice", "表头重复："+c+"。", "The header "+c+" appears twice.")
		}
		seen[header[i]] = true
	}
	return header, nil
}

// csvRows reads CSV a record at a time. A quote that is opened and not closed
// costs its own line and no other: the next lines are read afresh.
func csvRows(r io.Reader, suits func([]string) bool, yield func(Row, error) bool) {
	in := bufio.NewReaderSize(r, sniffed)
	find := headerFinder{suits: suits}
	var ahead []textLine // read while looking for the end of a record
	number, ended := 0, false
	next := func(i int) (textLine, error) { // the i-th line not yet used
		for len(ahead) <= i && !ended {
			text, tooLong, err := readLine(in)
			if err != nil && !errors.Is(err, io.EOF) {
				return textLine{}, err
			}
			ended = err != nil
			if number++; number == 1 {
				text = bytes.TrimPrefix(text, []byte("\ufeff"))
			}
			if len(text) > 0 || tooLong {
				ahead = append(ahead, textLine{number, string(text), tooLong})
			}
		}
		if len(ahead) <= i {
			return textLine{}, io.EOF
		}
		return ahead[i], nil
	}
	for {
		first, err := next(0)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			yield(Row{}, err)
			return
		}
		cells, used, err := csvRecord(next, len(find.header))
		if err != nil {
			yield(Row{}, err)
			return
		}
		ahead = ahead[max(used, 1):]
		switch {
		case first.tooLong:
			if !yield(rowFault(Row{Number: first.number}, "row.too_long", "该行内容超过 4 MB。", "The row is longer than 4 MB.")) {
				return
			}
		case used == 0 && find.header == nil && suits == nil:
			yield(Row{}, fault.New(fault.Invalid, "file.csv", "表头不是有效的 CSV。", "The header is not valid CSV."))
			return
		case used == 0 && find.header == nil:
		case used == 0:
			if !yield(rowFault(Row{Number: first.number}, "row.csv", "引号不成对，该行无法读取。", "The quotes do not match; the row cannot be read.")) {
				return
			}
		case find.header == nil:
			if err := find.take(cells); err != nil {
				yield(Row{}, err)
				return
			}
		case !record(Row{Number: first.number}, find.header, cells, yield):
			return
		}
	}
	if err := find.end(); err != nil {
		yield(Row{}, err)
	}
}

// textLine is one line of a text file, with its end.
type textLine struct {
	number  int
	text    string
	tooLong bool
}

// csvRecord reads the record that begins with line 0: one line, or several when
// a quoted cell holds line ends. used is 0 when it makes no sense.
func csvRecord(next func(int) (textLine, error), columns int) (cells []string, used int, err error) {
	var text strings.Builder
	for i := range maxJoined {
		line, err := next(i)
		if errors.Is(err, io.EOF) {
			return nil, 0, nil
		}
		if err != nil || line.tooLong {
			return nil, 0, err
		}
		if text.WriteString(line.text); text.Len() > maxRow {
			return nil, 0, nil
		}
		if strings.Count(text.String(), `"`)%2 == 1 {
			continue // within quotes
		}
		in := csv.NewReader(strings.NewReader(text.String()))
		in.FieldsPerRecord = -1
		cells, err = in.Read()
		switch {
		case errors.Is(err, io.EOF): // an empty line
			return nil, i + 1, nil
		case err != nil, i > 0 && columns > 0 && len(cells) > columns:
			return nil, 0, nil
		}
		return cells, i + 1, nil
	}
	return nil, 0, nil
}

func jsonRows(in *bufio.Reader, yield func(Row, error) bool) {
	for n := 1; ; n++ {
		line, tooLong, err := readLine(in)
		if err != nil && !errors.Is(err, io.EOF) {
			yield(Row{}, err)
			return
		}
		end := errors.Is(err, io.EOF)
		line = bytes.TrimSpace(bytes.TrimPrefix(line, []byte("\ufeff")))
		switch {
		case tooLong:
			if !yield(rowFault(Row{Number: n}, "row.too_long", "该行内容超过 4 MB。", "The row is longer than 4 MB.")) {
				return
			}
		case len(line) > 0:
			var fields map[string]any
			dec := json.NewDecoder(bytes.NewReader(line))
			dec.UseNumber()
			if err := dec.Decode(&fields); err != nil || dec.More() {
				if !yield(rowFault(Row{Number: n}, "row.json", "该行不是一个 JSON 对象。", "The line is not one JSON object.")) {
					return
				}
				break
			}
			header := make([]string, 0, len(fields))
			cells := make([]string, 0, len(fields))
			for k, v := range fields {
				header = append(header, Header(k))
				cells = append(cells, cellOf(v))
			}
			if !record(Row{Number: n}, header, cells, yield) {
				return
			}
		}
		if end {
			return
		}
	}
}

// readLine reads one line of at most maxRow bytes; a longer one is skipped to
// its end and reported.
func readLine(in *bufio.Reader) (line []byte, tooLong bool, err error) {
	for {
		part, err := in.ReadSlice('\n')
		if !tooLong {
			line = append(line, part...)
			tooLong = len(line) > maxRow
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, tooLong, err
		}
	}
}

// cellOf writes a JSON value as a spreadsheet would hold it; lists are joined
// with semicolons.
func cellOf(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = cellOf(v[i])
		}
		return strings.Join(parts, ";")
	case map[string]any:
		b, _ := json.Marshal(v) // decoded from JSON, so it encodes
		return string(b)
	}
	return fmt.Sprint(v)
}
