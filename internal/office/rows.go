package office

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"

	"zhijia/internal/fault"
)

// Row is one record of a file. Cells are named by the file's own headers (or
// JSON keys) as [Header] folds them; an absent or empty cell is "".
type Row struct {
	Number int // line of a text file, row of a sheet, from 1, the header included
	Cells  map[string]string
}

// Limits of an input file.
const (
	maxRow     = 4 << 20 // bytes of one record
	maxColumns = 500
	sniffed    = 64 << 10
)

// Rows reads the records of a JSONL, CSV or XLSX file one by one, by the
// name's ending, else by the content. CSV may be UTF-8 with or without a byte
// order mark, or GB18030. An error that comes with a row's number concerns
// that row alone and reading goes on; an error with Number 0 ends the file.
func Rows(r io.Reader, name string) iter.Seq2[Row, error] {
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
			sheetRows(in, yield)
		case "jsonl":
			jsonRows(in, yield)
		case "csv":
			csvRows(decoded(in, head), yield)
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
	case bytes.HasPrefix(head, []byte("\xd0\xcf\x11\xe0")), strings.HasSuffix(name, ".xls"), strings.HasSuffix(name, ".xlsx"):
		return "" // the old binary format, or not the workbook its name says
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

func rowFault(n int, code, zh, en string) (Row, error) {
	return Row{Number: n}, fault.New(fault.Invalid, code, zh, en)
}

// record checks a row of cells against the header and yields it.
func record(n int, header, cells []string, yield func(Row, error) bool) bool {
	if len(cells) > len(header) {
		for _, extra := range cells[len(header):] {
			if strings.TrimSpace(extra) != "" {
				return yield(rowFault(n, "row.columns", fmt.Sprintf("该行有 %d 列，表头只有 %d 列。", len(cells), len(header)), fmt.Sprintf("The row has %d cells, the header %d.", len(cells), len(header))))
			}
		}
		cells = cells[:len(header)]
	}
	row := Row{Number: n, Cells: make(map[string]string, len(header))}
	blank, size := true, 0
	for i, c := range cells {
		c = strings.TrimSpace(c)
		size += len(c)
		blank = blank && c == ""
		if !utf8.ValidString(c) || strings.ContainsFunc(c, forbidden) {
			return yield(rowFault(n, "row.characters", "第 "+header[i]+" 列含有控制字符或乱码，请清理。", "Column "+header[i]+" contains control characters or garbled text."))
		}
		if header[i] != "" {
			row.Cells[header[i]] = c
		}
	}
	if blank {
		return true
	}
	if size > maxRow {
		return yield(rowFault(n, "row.too_long", "该行内容超过 4 MB。", "The row is longer than 4 MB."))
	}
	return yield(row, nil)
}

func forbidden(r rune) bool {
	return r < 0x20 && r != '\n' && r != '\r' && r != '\t' || r == 0x7f || r == utf8.RuneError
}

func headers(cells []string) ([]string, error) {
	if len(cells) > maxColumns {
		return nil, fault.New(fault.TooLarge, "file.columns", fmt.Sprintf("列数超过 %d。", maxColumns), fmt.Sprintf("More than %d columns.", maxColumns))
	}
	header := make([]string, len(cells))
	seen := map[string]bool{}
	for i, c := range cells {
		header[i] = Header(c)
		if header[i] != "" && seen[header[i]] {
			return nil, fault.New(fault.Invalid, "file.header_twice", "表头重复："+c+"。", "The header "+c+" appears twice.")
		}
		seen[header[i]] = true
	}
	return header, nil
}

func csvRows(r io.Reader, yield func(Row, error) bool) {
	in := csv.NewReader(r)
	in.FieldsPerRecord = -1
	in.ReuseRecord = true
	var header []string
	for {
		cells, err := in.Read()
		var pe *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return
		case err != nil && !errors.As(err, &pe):
			yield(Row{}, err)
			return
		case err != nil:
			if header == nil {
				yield(Row{}, fault.New(fault.Invalid, "file.csv", "表头不是有效的 CSV。", "The header is not valid CSV.").Because(err))
				return
			}
			if !yield(rowFault(pe.Line, "row.csv", "引号不成对，该行无法读取。", "The quotes do not match; the row cannot be read.")) {
				return
			}
		case header == nil:
			if header, err = headers(cells); err != nil {
				yield(Row{}, err)
				return
			}
		default:
			line, _ := in.FieldPos(0)
			if !record(line, header, cells, yield) {
				return
			}
		}
	}
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
			if !yield(rowFault(n, "row.too_long", "该行内容超过 4 MB。", "The row is longer than 4 MB.")) {
				return
			}
		case len(line) > 0:
			var fields map[string]any
			dec := json.NewDecoder(bytes.NewReader(line))
			dec.UseNumber()
			if err := dec.Decode(&fields); err != nil || dec.More() {
				if !yield(rowFault(n, "row.json", "该行不是一个 JSON 对象。", "The line is not one JSON object.")) {
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
			if !record(n, header, cells, yield) {
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

// sheetRows reads the first sheet. Formulas are never evaluated: a cell is
// what the file says it showed.
func sheetRows(in io.Reader, yield func(Row, error) bool) {
	f, err := excelize.OpenReader(in, excelize.Options{
		UnzipSizeLimit: 1 << 30, UnzipXMLSizeLimit: 32 << 20, ShortDatePattern: "yyyy-mm-dd",
	})
	if err != nil {
		yield(Row{}, fault.New(fault.Invalid, "file.xlsx", "不是有效的 XLSX 文件，或已加密、损坏、过大。", "Not a valid XLSX file, or encrypted, damaged or too large.").Because(err))
		return
	}
	defer f.Close()
	rows, err := f.Rows(f.GetSheetName(0))
	if err != nil {
		yield(Row{}, fault.New(fault.Invalid, "file.xlsx", "工作表无法读取。", "The sheet cannot be read.").Because(err))
		return
	}
	defer rows.Close()
	var header []string
	for n := 1; rows.Next(); n++ {
		cells, err := rows.Columns()
		if err != nil {
			yield(Row{}, fault.New(fault.Invalid, "file.xlsx", "工作表无法读取。", "The sheet cannot be read.").Because(err))
			return
		}
		switch {
		case header == nil && len(cells) == 0:
		case header == nil:
			if header, err = headers(cells); err != nil {
				yield(Row{}, err)
				return
			}
		case !record(n, header, cells, yield):
			return
		}
	}
	if err := rows.Error(); err != nil {
		yield(Row{}, fault.New(fault.Invalid, "file.xlsx", "工作表无法读取。", "The sheet cannot be read.").Because(err))
	}
}
