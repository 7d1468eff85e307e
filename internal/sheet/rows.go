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

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
	utf16 "golang.org/x/text/encoding/unicode"

	"zhijia/internal/fault"
)

// Row is one record of a file. Cells are named by the file's own headers (or
// JSON keys) as [Header] folds them; an absent or empty cell is "".
type Row struct {
	Number   int // line of a text file, row of a sheet, from 1, the header included
	Cells    map[string]string
	Sheet    bool     // the row of a workbook
	Part     int      // of the sheets that are read, which; from 0
	Hidden   bool     // who looks at the sheet does not see it
	Merged   []string // headers whose cell belongs to a merged one, which holds the content elsewhere
	Days1904 bool     // serial numbers of dates count from 1904
}

// Limits of an input file.
const (
	maxRow     = 4 << 20 // bytes of one record
	maxColumns = 500
	maxCells   = 1 << 14 // of one row, with those beyond the header
	maxValues  = 20_000  // of one line of JSON, with the nested ones
	maxAbove   = 20      // rows above the header
	maxJoined  = 50      // lines of one record of a CSV file
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
	Known         func(header string) bool  // reports whether a folded header names a column: headers of two rows are joined by it
	Data, Example string                    // sheets of a template: where Data stands, Example is not read
	All           func(cells []string) bool // every sheet with a header that suits it, too, is read, not one alone
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
		ctx := contextOf(r)
		if len(head) == 0 {
			yield(Row{}, fault.New(fault.Invalid, "file.empty", "文件为空。", "The file is empty."))
			return
		}
		switch format(name, head) {
		case "xlsx":
			sheetRows(Within(ctx, in), l, yield)
		case "jsonl":
			jsonRows(in, yield)
		case "csv":
			text, err := Text(in)
			if err != nil {
				yield(Row{}, err)
				return
			}
			csvRows(text, l, yield)
		case "compound":
			yield(Row{}, compound(in))
		case "markup":
			yield(Row{}, fault.New(fault.Unsupported, "file.markup", "这是网页或 XML 文本，请在 Excel 或 WPS 中打开后另存为 XLSX。", "This is a web page or XML; open it in a spreadsheet and save it as XLSX."))
		default:
			yield(Row{}, fault.New(fault.Unsupported, "file.format", "不支持的文件格式，请使用 CSV、XLSX 或 JSONL。", "Unsupported file; use CSV, XLSX or JSONL."))
		}
	}
}

// format tells a file by its content; the name's ending decides only between
// forms of text.
func format(name string, head []byte) string {
	name = strings.ToLower(name)
	text := bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")))
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return "xlsx"
	case bytes.HasPrefix(head, []byte("\xd0\xcf\x11\xe0")):
		return "compound"
	case utf16Order(head) != nil:
		return "csv"
	case bytes.IndexByte(head, 0) >= 0:
		return ""
	case bytes.HasPrefix(text, []byte("<")):
		return "markup"
	case strings.HasSuffix(name, ".jsonl"), strings.HasSuffix(name, ".ndjson"), strings.HasSuffix(name, ".json"):
		return "jsonl"
	case strings.HasSuffix(name, ".csv"), strings.HasSuffix(name, ".txt"), strings.HasSuffix(name, ".tsv"):
		return "csv"
	case bytes.HasPrefix(text, []byte("{")):
		return "jsonl"
	}
	return "csv"
}

// utf16Order is the order of the bytes of a UTF-16 text, told by its mark or,
// without one, by which byte of most pairs is zero; nil for another text.
func utf16Order(head []byte) encoding.Encoding {
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		return utf16.UTF16(utf16.LittleEndian, utf16.UseBOM)
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		return utf16.UTF16(utf16.BigEndian, utf16.UseBOM)
	}
	var zero [2]int
	for i, c := range head {
		if c == 0 {
			zero[i%2]++
		}
	}
	switch few := len(head) / 20; {
	case len(head) < 4:
	case zero[1] > few && zero[0] == 0:
		return utf16.UTF16(utf16.LittleEndian, utf16.IgnoreBOM)
	case zero[0] > few && zero[1] == 0:
		return utf16.UTF16(utf16.BigEndian, utf16.IgnoreBOM)
	}
	return nil
}

// Text opens a text for reading as UTF-8 without a byte order mark, whatever it
// was written in: UTF-8, UTF-16 or GB18030. What is broken in it stays broken
// where it stands.
func Text(r io.Reader) (*bufio.Reader, error) {
	in := bufio.NewReaderSize(r, sniffed)
	head, err := in.Peek(sniffed)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return nil, err
	}
	if order := utf16Order(head); order != nil {
		in = bufio.NewReaderSize(order.NewDecoder().Reader(in), sniffed)
	} else if !mostlyUTF8(head) {
		in = bufio.NewReaderSize(simplifiedchinese.GB18030.NewDecoder().Reader(in), sniffed)
	}
	if mark, err := in.Peek(3); err == nil && bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		if _, err := in.Discard(3); err != nil {
			return nil, err
		}
	}
	return in, nil
}

// mostlyUTF8 reports whether a text is UTF-8 but for a character in a hundred
// of those beyond ASCII. GB18030, read as UTF-8, is wrong nearly everywhere.
func mostlyUTF8(head []byte) bool {
	good, bad := 0, 0
	for len(head) > 0 {
		r, size := utf8.DecodeRune(head)
		switch {
		case r == utf8.RuneError && size <= 1:
			if len(head) < utf8.UTFMax && !utf8.FullRune(head) {
				return bad*50 <= good // the peek ends inside a character
			}
			bad++
		case size > 1:
			good++
		}
		head = head[size:]
	}
	return bad*50 <= good
}

// separators of columns, the likeliest first.
var separators = []byte{',', '\t', ';', '|'}

// separatorOf finds what separates the columns of a text: what cuts the most
// of its first lines into the same number of cells. "sep=;" says so itself.
func separatorOf(head []byte) byte {
	head = bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
	if len(head) >= 6 && strings.EqualFold(string(head[:4]), "sep=") && bytes.IndexByte([]byte("\r\n"), head[5]) >= 0 {
		return head[4]
	}
	best, most := separators[0], 0
	for _, sep := range separators {
		lines := map[int]int{}
		cells, quoted, seen := 1, false, 0
	scan:
		for _, c := range head {
			switch {
			case c == '"':
				quoted = !quoted
			case quoted:
			case c == sep:
				cells++
			case c == '\n':
				lines[cells]++
				if cells, seen = 1, seen+1; seen >= 50 {
					break scan
				}
			}
		}
		lines[cells]++
		score := 0
		for n, times := range lines {
			if n > 1 {
				score = max(score, times*min(n, 50))
			}
		}
		if score > most {
			best, most = sep, score
		}
	}
	return best
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
	blank, size := true, 0
	header = slices.Clone(header)
	for i := range cells {
		if i >= len(header) && row.Sheet {
			header = append(header, "")
		}
		if i < len(header) && header[i] == "" && tidy(cells[i]) != "" {
			header[i] = fmt.Sprintf("第%d列(无表头)", i+1)
		}
	}
	bad := ""
	for i, c := range cells {
		c = tidy(c)
		size += len(c)
		blank = blank && c == ""
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
	known  func(string) bool   // nil: headers stand in one row
	above  []string            // the row above the one at hand
	first  []string            // the first row that is not empty
	rows   int
	header []string // once found
}

func (h *headerFinder) take(cells []string) (err error) {
	if !slices.ContainsFunc(cells, func(c string) bool { return Header(c) != "" }) {
		return nil
	}
	if h.known != nil && h.suits != nil {
		if both, more := h.both(cells); more && h.suits(both) {
			cells = both
		}
	}
	h.above = slices.Clone(cells)
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

// both joins a row with the one above it, column by column: what the lower row
// leaves empty, the upper one may name. more says that it does.
func (h *headerFinder) both(cells []string) (out []string, more bool) {
	out = slices.Clone(cells)
	for i, above := range h.above {
		if i >= len(out) {
			out = append(out, "")
		}
		if Header(out[i]) == "" && h.known(Header(above)) {
			out[i], more = above, true
		}
	}
	return out, more
}

// end is called at the end of the file.
func (h *headerFinder) end() error {
	if h.header != nil || h.suits == nil || h.first == nil {
		return nil
	}
	seen := strings.Join(h.first[:min(len(h.first), 30)], "、")
	return fault.New(fault.Invalid, "file.no_number", "没有“专利号/申请号”和“借款人名称”列，请使用模板。读到的表头："+Clip(seen, 200), "There are no columns of patent numbers and borrowers; use the template.")
}

// Forbidden reports whether a character has no place in a cell: control
// characters and what broken encodings leave.
func Forbidden(r rune) bool {
	return r < 0x20 && r != '\n' && r != '\r' && r != '\t' || r == 0x7f || r == utf8.RuneError
}

func headers(cells []string) ([]string, error) {
	if len(cells) > maxColumns {
		return nil, errWide
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
func csvRows(in *bufio.Reader, l Layout, yield func(Row, error) bool) {
	suits := l.Header
	head, err := in.Peek(sniffed)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		yield(Row{}, err)
		return
	}
	sep := separatorOf(head)
	find := headerFinder{suits: suits, known: l.Known}
	var ahead []textLine // read while looking for the end of a record
	number, ended := 0, false
	next := func(i int) (textLine, error) { // the i-th line not yet used
		for len(ahead) <= i && !ended {
			text, tooLong, err := readLine(in)
			if err != nil && !errors.Is(err, io.EOF) {
				return textLine{}, err
			}
			ended = err != nil
			if number++; number == 1 && len(text) >= 5 && strings.EqualFold(string(text[:4]), "sep=") && text[4] == sep {
				continue
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
		cells, used, err := csvRecord(next, len(find.header), sep)
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
		case used < 0 && find.header == nil:
			yield(Row{}, errWide)
			return
		case used < 0:
			if !yield(Row{Number: first.number}, errWideRow) {
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
// a quoted cell holds line ends. used is 0 when it makes no sense, -1 when it has too many cells.
func csvRecord(next func(int) (textLine, error), columns int, sep byte) (cells []string, used int, err error) {
	var text strings.Builder
	quotes := 0
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
		if quotes += strings.Count(line.text, `"`); quotes%2 == 1 {
			continue // within quotes
		}
		if tooWide(text.String(), sep) {
			return nil, -1, nil
		}
		in := csv.NewReader(strings.NewReader(asText(text.String(), sep)))
		in.Comma, in.FieldsPerRecord = rune(sep), -1
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

var (
	errWide    = fault.New(fault.TooLarge, "file.columns", fmt.Sprintf("列数超过 %d。", maxColumns), fmt.Sprintf("More than %d columns.", maxColumns))
	errWideRow = fault.New(fault.Invalid, "row.columns", fmt.Sprintf("该行超过 %d 列。", maxCells), fmt.Sprintf("The row has more than %d cells.", maxCells))
	errValues  = fault.New(fault.Invalid, "row.values", fmt.Sprintf("该行的 JSON 超过 %d 个值。", maxValues), fmt.Sprintf("The JSON of the line has more than %d values.", maxValues))
	errTwice   = fault.New(fault.Invalid, "row.json_twice", "该行的 JSON 有两个同名字段。", "The JSON of the line has two fields of one name.")
)

// tooWide reports whether a record has more cells than a row may have.
func tooWide(line string, sep byte) bool {
	if strings.Count(line, string(sep)) < maxCells {
		return false
	}
	cells, quoted := 1, false
	for i := range len(line) {
		switch c := line[i]; {
		case c == '"':
			quoted = !quoted
		case c == sep && !quoted:
			cells++
		}
	}
	return cells > maxCells
}

// Values counts the values of a JSON text, at most.
func Values(line []byte) (n int) {
	quoted := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ',' || c == '[' || c == '{'):
			n++
		}
	}
	return n
}

// asText undoes ="00123", by which spreadsheets are told that a cell of a CSV
// file is text.
func asText(line string, sep byte) string {
	if !strings.Contains(line, `="`) {
		return line
	}
	var out strings.Builder
	start, quoted := true, false
	for i := 0; i < len(line); i++ {
		c := line[i]
		if start && !quoted && c == '=' && i+1 < len(line) && line[i+1] == '"' {
			if end := strings.IndexByte(line[i+2:], '"'); end >= 0 && (i+3+end == len(line) || strings.IndexByte("\r\n"+string(sep), line[i+3+end]) >= 0) {
				continue // the quotes stay
			}
		}
		if c == '"' {
			quoted = !quoted
		}
		start = c == sep && !quoted
		out.WriteByte(c)
	}
	return out.String()
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
		case Values(line) > maxValues:
			if !yield(Row{Number: n}, errValues) {
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
			header, cells, bad := flat(fields)
			if bad != nil {
				if !yield(Row{Number: n}, bad) {
					return
				}
				break
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

// flat writes the fields of a JSON object as a header and the cells below it, in the order of the names.
func flat(fields map[string]any) (header, cells []string, err error) {
	if len(fields) > maxColumns {
		return nil, nil, errWide
	}
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		h := Header(k)
		if slices.Contains(header, h) {
			return nil, nil, errTwice
		}
		header, cells = append(header, h), append(cells, cellOf(fields[k]))
	}
	return header, cells, nil
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

// Alike is Dice's coefficient of the pairs of characters of two texts, 0 to 1.
func Alike(a, b string) float64 {
	pairs := func(s string) map[string]int {
		out := map[string]int{}
		r := []rune(s)
		for i := 0; i+1 < len(r); i++ {
			out[string(r[i:i+2])]++
		}
		return out
	}
	x, y := pairs(a), pairs(b)
	both, all := 0, 0
	for p, n := range x {
		both += min(n, y[p])
		all += n
	}
	for _, n := range y {
		all += n
	}
	if all == 0 {
		return 0
	}
	return 2 * float64(both) / float64(all)
}
