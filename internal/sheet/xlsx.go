package sheet

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"zhijia/internal/fault"
)

// The workbook reader (ECMA-376 part 1, 18). The library that writes our
// workbooks gives, while it streams, the text a cell was shown as: an amount
// rounded by its format, nothing for a formula that was never worked out,
// nothing for a merged cell. A figure a loan rests on must be the stored one,
// so the sheet is read here.

// Limits of a workbook. They bound the work and, with what is spooled, the memory: what one file takes is below 64 MiB
// whatever is in it.
const (
	maxBook    = 128 << 20 // bytes of the file
	maxParts   = 10_000
	maxToken   = 512 << 10 // bytes of one text, tag or comment
	maxCell    = 256 << 10 // bytes of one cell or shared text; Excel's own limit is 32,767 characters
	maxTexts   = 4 << 20   // shared texts
	maxInHand  = 4 << 20   // bytes of shared texts kept in memory; the rest is spooled
	maxMerged  = 20_000
	maxSheets  = 1000
	maxFormats = 65_500  // of cells, as Excel has it
	maxFrame   = 8 << 20 // bytes of a part that names other parts, or of the formats, unpacked
)

var (
	errSheet   = fault.New(fault.Invalid, "file.xlsx", "不是有效的 XLSX 文件，或已损坏，请用 Excel 或 WPS 另存为 XLSX 后重试。", "Not a valid XLSX file, or damaged; save it as XLSX again.")
	errBomb    = fault.New(fault.TooLarge, "file.xlsx_size", "工作簿解压后过大，请拆分文件或改用 CSV。", "The workbook is too large when unpacked; split it or use CSV.")
	errLong    = fault.New(fault.TooLarge, "file.xlsx_cell", "单元格内容过长。", "A cell is too long.")
	errMany    = fault.New(fault.TooLarge, "file.xlsx_parts", "工作簿的工作表、格式或关系过多，请另存为新的 XLSX。", "The workbook has too many sheets, formats or relations; save it as a new XLSX.")
	errOverlap = fault.New(fault.Invalid, "file.merged_overlap", "合并单元格相互重叠，文件已损坏；请用 Excel 或 WPS 另存后重试。", "Merged cells overlap, so the file is damaged; save it again with a spreadsheet program.")
	errOldBook = fault.New(fault.Unsupported, "file.xls", "这是旧的 XLS 格式，请在 Excel 或 WPS 中另存为 XLSX。", "This is the old XLS format; save it as XLSX.")
	errOldText = fault.New(fault.Unsupported, "file.format", "这是旧版 Word 或 PowerPoint 文件，不是表格；请把其中的表格另存为 XLSX。", "This is an old Word or PowerPoint file and no workbook; save its table as XLSX.")
	errLocked  = fault.New(fault.Unsupported, "file.encrypted", "工作簿设有打开密码，请取消密码后再提交。", "The workbook has a password; remove it first.")
	errODS     = fault.New(fault.Unsupported, "file.ods", "这是 ODS 格式，请在 LibreOffice 或 WPS 中另存为 XLSX。", "This is the ODS format; save it as XLSX.")
	errBinary  = fault.New(fault.Unsupported, "file.xlsb", "这是 XLSB 格式，请另存为 XLSX。", "This is the XLSB format; save it as XLSX.")
)

// compound tells the two files that begin like an old Office file apart: a
// workbook with a password is wrapped in one.
func compound(in io.Reader) error {
	names := [][]byte{utf16Text("EncryptedPackage"), utf16Text("WordDocument"), utf16Text("PowerPoint Document")}
	seen := make([]bool, len(names))
	const most = 64 // bytes of the longest name and more: it may lie across two pieces
	buf := make([]byte, 64<<10+most)
	kept := 0
	for left := maxBook; left > 0; {
		n, err := in.Read(buf[kept:])
		for i, name := range names {
			seen[i] = seen[i] || bytes.Contains(buf[:kept+n], name)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		left -= n
		kept = copy(buf, buf[max(0, kept+n-most):kept+n])
	}
	switch {
	case seen[0]:
		return errLocked
	case seen[1] || seen[2]:
		return errOldText
	}
	return errOldBook
}

// utf16Text is how the directory of an old Office file writes a name.
func utf16Text(s string) []byte {
	var out []byte
	for _, c := range []byte(s) {
		out = append(out, c, 0)
	}
	return out
}

// cellFormat is what a number in a cell means.
type cellFormat byte

const (
	asNumber cellFormat = iota
	asDate
	asPercent
)

// unpacked bounds what a workbook may hold.
type unpacked struct {
	all   int64 // bytes of the parts read
	texts int64 // bytes of the shared texts
}

var bookLimits = unpacked{all: 512 << 20, texts: 128 << 20}

type workbook struct {
	ctx      context.Context // ended: nobody waits for what is read
	file     *os.File        // the workbook, spooled
	parts    map[string]*zip.File
	left     unpacked
	look     int64 // bytes that may be read to find the header and the merged cells
	formats  []cellFormat
	texts    texts
	days1904 bool
}

// Close lets go of what was spooled.
func (b *workbook) Close() {
	b.file.Close()
	b.texts.close()
}

type sheetRef struct{ name, part string }

// sheetRows reads the one sheet with data: the first visible one whose header
// suits.
func sheetRows(in io.Reader, l Layout, yield func(Row, error) bool) {
	if err := readSheets(in, bookLimits, l, yield); err != nil {
		yield(Row{}, err)
	}
}

// openBook reads all of a workbook but its sheets, under limits. Who opened it closes it.
func openBook(in io.Reader, limits unpacked) (_ *workbook, _ []sheetRef, err error) {
	file, size, err := spool(in, maxBook)
	if err != nil {
		return nil, nil, err
	}
	b := &workbook{ctx: contextOf(in), file: file, left: limits, look: limits.all}
	defer func() {
		if err != nil {
			b.Close()
		}
	}()
	z, err := Archive(file, size, maxParts)
	if err != nil {
		return nil, nil, errSheet.Because(err)
	}
	b.parts = make(map[string]*zip.File, len(z.File))
	for _, f := range z.File {
		b.parts[strings.TrimPrefix(strings.ReplaceAll(f.Name, `\`, "/"), "/")] = f
	}
	if b.parts["content.xml"] != nil && b.parts["xl/workbook.xml"] == nil {
		return nil, nil, errODS
	}
	sheets, err := b.open()
	return b, sheets, err
}

func readSheets(in io.Reader, limits unpacked, l Layout, yield func(Row, error) bool) error {
	b, sheets, err := openBook(in, limits)
	if err != nil {
		return err
	}
	defer b.Close()
	suits := l.Header
	if suits == nil {
		return b.read(sheets[0], l, yield)
	}
	template := slices.ContainsFunc(sheets, func(s sheetRef) bool { return l.Data != "" && s.name == l.Data })
	var with []sheetRef
	for _, s := range sheets {
		if template && s.name == l.Example {
			continue
		}
		has, err := b.has(s, l)
		if err != nil {
			return err
		}
		if has {
			with = append(with, s)
		}
	}
	switch len(with) {
	case 0:
		return b.read(sheets[0], l, yield) // names what its header lacks
	case 1:
		return b.read(with[0], l, yield)
	}
	if l.All != nil {
		goOn, i := true, -1
		for _, s := range with {
			if has, err := b.has(s, Layout{Header: l.All}); err != nil || !has {
				if err != nil {
					return err
				}
				continue
			}
			i++
			err := b.read(s, l, func(r Row, err error) bool {
				r.Part = i
				goOn = yield(r, err)
				return goOn
			})
			if err != nil || !goOn {
				return err
			}
		}
		return nil
	}
	var names []string
	for _, s := range with {
		names = append(names, Clip(s.name, 40))
	}
	list := strings.Join(names, "”“")
	return fault.New(fault.Invalid, "file.sheets", "多个工作表都有专利号列：“"+list+"”。请只保留一个，或隐藏其余的。", "Several sheets have patent numbers: "+strings.Join(names, ", ")+". Keep one, or hide the others.")
}

// part opens a part of the workbook for reading, of which at most most bytes are read.
func (b *workbook) part(name string, most *int64) (*partReader, error) {
	f := b.parts[name]
	if f == nil {
		return nil, errSheet.Because(fmt.Errorf("no part %q", name))
	}
	r, err := f.Open()
	if err != nil {
		return nil, errSheet.Because(err)
	}
	return &partReader{ReadCloser: r, b: b, left: most}, nil
}

// partReader counts what is unpacked, altogether and since the last token: the XML reader keeps one text, tag or comment in
// memory at a time.
type partReader struct {
	io.ReadCloser
	b    *workbook
	left *int64
	run  int
}

func (p *partReader) Read(buf []byte) (int, error) {
	if err := p.b.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := p.ReadCloser.Read(buf)
	if *p.left -= int64(n); *p.left < 0 {
		return 0, errBomb
	}
	if p.run += n; p.run > maxToken {
		return 0, errLong
	}
	return n, err
}

// tags walks the elements of a part: visit is called with each opening tag and
// with text and closing tags; it returns io.EOF to end early.
func (b *workbook) tags(name string, most *int64, visit func(xml.Token) error) error {
	r, err := b.part(name, most)
	if err != nil {
		return err
	}
	defer r.Close()
	dec := xml.NewDecoder(r)
	for {
		tok, err := dec.RawToken()
		if errors.Is(err, io.EOF) {
			return nil
		}
		r.run = 0
		if err == nil {
			err = visit(tok)
		}
		var own *fault.Error
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, errEnough):
			return err
		case b.ctx.Err() != nil:
			return b.ctx.Err()
		case errors.As(err, &own):
			return own
		case err != nil:
			return errSheet.Because(err)
		}
	}
}

func attr(e xml.StartElement, name string) string {
	for i := range e.Attr {
		if e.Attr[i].Name.Local == name {
			return e.Attr[i].Value
		}
	}
	return ""
}

func truth(s string) bool { return s == "1" || s == "true" || s == "on" }

// frame is how much is read of a part that holds no cells.
func frame() *int64 { return new(int64(maxFrame)) }

// relations reads the targets of a part's relations by id and by type.
func (b *workbook) relations(of string) (byID, byType map[string]string, err error) {
	byID, byType = map[string]string{}, map[string]string{}
	dir, name := path.Split(of)
	err = b.tags(dir+"_rels/"+name+".rels", frame(), func(tok xml.Token) error {
		if e, ok := tok.(xml.StartElement); ok && e.Name.Local == "Relationship" {
			target := attr(e, "Target")
			if !strings.HasPrefix(target, "/") {
				target = path.Join(dir, target)
			}
			target = strings.TrimPrefix(target, "/")
			byID[attr(e, "Id")], byType[path.Base(attr(e, "Type"))] = target, target
			if len(byID) > maxParts || len(byType) > maxParts {
				return errMany
			}
		}
		return nil
	})
	return byID, byType, err
}

// open reads all but the sheets and returns the visible ones.
func (b *workbook) open() (visible []sheetRef, err error) {
	main := "xl/workbook.xml"
	if _, byType, err := b.relations(""); err == nil && byType["officeDocument"] != "" {
		main = byType["officeDocument"]
	}
	if strings.HasSuffix(main, ".bin") {
		return nil, errBinary
	}
	byID, byType, err := b.relations(main)
	if err != nil {
		return nil, err
	}
	err = b.tags(main, frame(), func(tok xml.Token) error {
		e, ok := tok.(xml.StartElement)
		if !ok {
			return nil
		}
		switch e.Name.Local {
		case "workbookPr":
			b.days1904 = truth(attr(e, "date1904"))
		case "sheet":
			if state := attr(e, "state"); state == "" || state == "visible" {
				part := byID[attr(e, "id")]
				if b.parts[part] == nil {
					return errSheet
				}
				if visible = append(visible, sheetRef{Clip(attr(e, "name"), 255), part}); len(visible) > maxSheets {
					return errMany
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(visible) == 0 {
		return nil, fault.New(fault.Invalid, "file.sheets_hidden", "工作簿没有可见的工作表。", "The workbook has no visible sheet.")
	}
	if name := byType["styles"]; name != "" {
		if err := b.readStyles(name); err != nil {
			return nil, err
		}
	}
	if name := byType["sharedStrings"]; name != "" {
		return visible, b.readTexts(name)
	}
	return visible, nil
}

func (b *workbook) readStyles(part string) error {
	custom := map[string]string{}
	inCells := false
	return b.tags(part, frame(), func(tok xml.Token) error {
		switch e := tok.(type) {
		case xml.StartElement:
			switch e.Name.Local {
			case "numFmt":
				if custom[attr(e, "numFmtId")] = Clip(attr(e, "formatCode"), 255); len(custom) > maxFormats {
					return errMany
				}
			case "cellXfs":
				inCells = true
			case "xf":
				if inCells {
					id := attr(e, "numFmtId")
					if b.formats = append(b.formats, formatOf(id, custom[id])); len(b.formats) > maxFormats {
						return errMany
					}
				}
			}
		case xml.EndElement:
			inCells = inCells && e.Name.Local != "cellXfs"
		}
		return nil
	})
}

// formatOf tells what a number of a format is (18.8.30 and 18.8.31). Formats
// below 164 are built in; 27 to 36 and 50 to 58 are dates in East Asian
// programs. Of a code's sections the first counts, which is that of positive
// numbers.
func formatOf(id, code string) cellFormat {
	n, err := strconv.Atoi(id)
	switch {
	case err != nil:
		return asNumber
	case code == "" && (n >= 14 && n <= 22 || n >= 27 && n <= 36 || n >= 45 && n <= 47 || n >= 50 && n <= 58):
		return asDate
	case code == "" && (n == 9 || n == 10):
		return asPercent
	}
	codes := formatCodes(code)
	switch {
	case strings.Contains(codes, "general"):
		return asNumber
	case strings.ContainsAny(codes, "ymdhs") && !strings.ContainsAny(fraction.ReplaceAllString(codes, "s"), "0#?"):
		return asDate
	case strings.Contains(codes, "%"):
		return asPercent
	}
	return asNumber
}

// fraction is how a format shows parts of a second.
var fraction = regexp.MustCompile(`s\.0+`)

// formatCodes leaves of the first section of a number format what reads the
// number: text in quotes, escaped, padding and filling characters, colours,
// conditions and locales show and do not read; [h], [mm] and [ss] read elapsed
// time.
func formatCodes(code string) string {
	var out strings.Builder
	runes := []rune(strings.ToLower(code))
	for i := 0; i < len(runes); i++ {
		switch r := runes[i]; r {
		case '"':
			for i++; i < len(runes) && runes[i] != '"'; i++ {
			}
		case '\\', '_', '*':
			i++
		case '[':
			from := i + 1
			for ; i < len(runes) && runes[i] != ']'; i++ {
			}
			inner := string(runes[from:min(i, len(runes))])
			if inner != "" && (strings.Trim(inner, "h") == "" || strings.Trim(inner, "m") == "" || strings.Trim(inner, "s") == "") {
				out.WriteString(inner)
			}
		case ';':
			return out.String()
		case 'g':
			if strings.HasPrefix(string(runes[i:]), "general") {
				return "general"
			}
			out.WriteRune(r)
		case 'e':
			if i+1 < len(runes) && (runes[i+1] == '+' || runes[i+1] == '-') {
				i++ // an exponent
				continue
			}
			out.WriteRune('y') // the year in East Asian programs
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

func (b *workbook) readTexts(part string) error {
	reader := textReader{}
	if err := b.tags(part, &b.left.all, func(tok xml.Token) error {
		text, done := reader.take(tok, "si")
		switch {
		case len(reader.text) > maxCell:
			return errLong
		case !done:
			return nil
		}
		if b.left.texts -= int64(len(text)); b.left.texts < 0 || b.texts.n >= maxTexts {
			return errBomb
		}
		return b.texts.add(text)
	}); err != nil {
		return err
	}
	return b.texts.flush()
}

// textReader joins the runs of a rich text and leaves its phonetics out.
type textReader struct {
	text   []byte
	in     bool // within a t
	phones bool // within an rPh
}

// take reads a token and returns the text when the element called end ends.
func (r *textReader) take(tok xml.Token, end string) (text string, done bool) {
	switch t := tok.(type) {
	case xml.StartElement:
		switch t.Name.Local {
		case end:
			r.text = r.text[:0]
		case "rPh":
			r.phones = true
		case "t":
			r.in = true
		}
	case xml.CharData:
		if r.in && !r.phones {
			r.text = append(r.text, t...)
		}
	case xml.EndElement:
		switch t.Name.Local {
		case "t":
			r.in = false
		case "rPh":
			r.phones = false
		case end:
			return unescape(string(r.text)), true
		}
	}
	return "", false
}

var escaped = regexp.MustCompile(`_x[0-9A-Fa-f]{4}_`)

// unescape undoes ST_Xstring, which writes a control character as _x000D_.
func unescape(s string) string {
	if !strings.Contains(s, "_x") {
		return s
	}
	return escaped.ReplaceAllStringFunc(s, func(m string) string {
		n, _ := strconv.ParseUint(m[2:6], 16, 16) // hexadecimal by the pattern
		return string(rune(n))
	})
}

// sheetRow is one row of a sheet as stored.
type sheetRow struct {
	number int
	hidden bool
	cells  []string
	size   int // bytes of the cells; above maxRow the rest is left empty
}

// errEnough ends a walk that its caller has seen enough of.
var errEnough = errors.New("enough")

// rows walks the rows of a sheet that are not empty.
func (b *workbook) rows(part string, most *int64, visit func(*sheetRow) error) (err error) {
	var row sheetRow
	var kind, style string
	var value, formula []byte
	column, inValue, inFormula, hasFormula, inRow := 0, false, false, false, false
	inline := textReader{}
	inlined := ""
	return b.tags(part, most, func(tok xml.Token) error {
		switch e := tok.(type) {
		case xml.StartElement:
			switch e.Name.Local {
			case "row":
				number := row.number + 1
				if r := attr(e, "r"); r != "" {
					n, err := strconv.Atoi(r)
					if err != nil || n < number || n > 1<<20 {
						return errSheet
					}
					number = n
				}
				row = sheetRow{number, truth(attr(e, "hidden")), row.cells[:0], 0}
				column, inRow = 0, true
			case "c":
				if !inRow {
					return errSheet
				}
				at := column + 1
				if ref := attr(e, "r"); ref != "" {
					at, _ = reference(ref)
				}
				if at <= column || at > 1<<14 {
					return errSheet
				}
				column = at
				kind, style, value, formula, hasFormula, inlined = attr(e, "t"), attr(e, "s"), value[:0], formula[:0], false, ""
			case "v":
				inValue = true
			case "f":
				inFormula, hasFormula = true, true
			}
		case xml.CharData:
			switch {
			case inValue:
				value = append(value, e...)
			case inFormula:
				formula = append(formula, e...)
			}
			if len(value) > maxCell || len(formula) > maxCell {
				return errLong
			}
		case xml.EndElement:
			switch e.Name.Local {
			case "v":
				inValue = false
			case "f":
				inFormula = false
			case "c":
				text := ""
				if row.size <= maxRow {
					if text, err = b.cell(kind, style, string(value), inlined); err != nil {
						return err
					}
				}
				if hasFormula && len(value) == 0 && inlined == "" { // never worked out, and not by us
					text = "=" + string(formula)
				}
				for len(row.cells) < column-1 {
					row.cells = append(row.cells, "")
				}
				if row.size += len(text); row.size > maxRow {
					text = ""
				}
				if *most -= int64(len(text)); *most < 0 { // a long shared text may be in many cells
					return errBomb
				}
				row.cells = append(row.cells, text)
			case "row":
				inRow = false
				if len(row.cells) > 0 {
					if err := visit(&row); err != nil {
						return err
					}
				}
			case "sheetData":
				return io.EOF
			}
		}
		if text, done := inline.take(tok, "is"); done {
			inlined = text
		}
		if len(inline.text) > maxCell {
			return errLong
		}
		return nil
	})
}

// cell returns a cell's content as text: dates as YYYY-MM-DD, percentages with
// their sign, numbers in full and unrounded.
func (b *workbook) cell(kind, style, value, inlined string) (string, error) {
	switch kind {
	case "inlineStr":
		return inlined, nil
	case "s":
		i, err := strconv.Atoi(strings.TrimSpace(value))
		if err != nil && value == "" {
			return "", nil
		}
		if err != nil || i < 0 || i >= b.texts.n {
			return "", errSheet
		}
		return b.texts.at(i)
	case "str":
		return unescape(value), nil
	case "e":
		return value, nil
	case "b":
		return strings.ToUpper(strconv.FormatBool(truth(value))), nil
	case "d":
		if t, err := time.Parse("2006-01-02T15:04:05", strings.TrimSuffix(value, "Z")); err == nil {
			return momentText(t), nil
		}
		return value, nil
	}
	if value = strings.TrimSpace(value); value == "" {
		return "", nil
	}
	x, err := strconv.ParseFloat(value, 64)
	if err != nil || math.IsInf(x, 0) || math.IsNaN(x) {
		return value, nil
	}
	format := asNumber
	if i, err := strconv.Atoi(style); err == nil && i >= 0 && i < len(b.formats) {
		format = b.formats[i]
	}
	switch format {
	case asDate:
		if t, ok := SerialDate(x, b.days1904); ok {
			return momentText(t), nil
		}
	case asPercent:
		return decimal(x*100) + "%", nil
	}
	return decimal(x), nil
}

// decimal writes a number as it was typed: the shortest decimal of 15 digits,
// which is what spreadsheets keep, without an exponent.
func decimal(x float64) string {
	short, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 15, 64), 64)
	if err != nil {
		short = x
	}
	return strconv.FormatFloat(short, 'f', -1, 64)
}

func momentText(t time.Time) string {
	if t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0 {
		return t.Format(time.DateOnly)
	}
	return t.Format(time.DateTime)
}

// SerialDate is the moment of a date's serial number. Day 60 of the 1900
// system is the 29 February 1900 that never was (18.17.4.1).
func SerialDate(x float64, days1904 bool) (time.Time, bool) {
	if x < 0 || x > 2_958_466 {
		return time.Time{}, false
	}
	epoch := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	if days1904 {
		epoch = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	} else if x < 61 {
		return time.Time{}, false
	}
	day := math.Floor(x)
	return epoch.AddDate(0, 0, int(day)).Add(time.Duration(math.Round((x-day)*86400)) * time.Second), true
}

// reference reads a cell's name, e.g. C5.
func reference(s string) (column, row int) {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'A' && c <= 'Z' && column < 1<<20:
			column = column*26 + int(c-'A') + 1
		case c >= '0' && c <= '9' && row < 1<<24:
			row = row*10 + int(c-'0')
		}
	}
	return column, row
}

// has reports whether a sheet has a header that suits and a row below it.
func (b *workbook) has(s sheetRef, l Layout) (has bool, err error) {
	find := headerFinder{suits: l.Header, known: l.Known}
	rows := 0
	err = b.rows(s.part, &b.look, func(r *sheetRow) error {
		switch rows++; {
		case find.header != nil:
			has = slices.ContainsFunc(r.cells, func(c string) bool { return strings.TrimSpace(c) != "" })
		case rows >= maxAbove:
			return io.EOF
		default:
			_ = find.take(r.cells) // a header that is no header is told when the sheet is read
		}
		if has {
			return io.EOF
		}
		return nil
	})
	return has, err
}

// merged is a block of cells of which only the first holds the content.
type merged struct {
	top, bottom, left, right int
	text                     string
}

// mergedCells finds the merged cells of a sheet, which stand below its rows.
func (b *workbook) mergedCells(part string) (blocks []merged, err error) {
	r, err := b.part(part, &b.look)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	in := bufio.NewReaderSize(r, 64<<10)
	for {
		tag, err := in.ReadSlice('>')
		r.run = 0 // nothing is kept but a tag
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			var own *fault.Error
			if errors.As(err, &own) {
				return nil, own
			}
			return nil, errSheet.Because(err)
		}
		at := bytes.LastIndexByte(tag, '<')
		if at < 0 || !bytes.Contains(tag[at:], []byte("mergeCell ")) {
			continue
		}
		_, ref, ok := bytes.Cut(tag[at:], []byte(`ref="`))
		from, to, both := strings.Cut(string(bytes.SplitN(ref, []byte(`"`), 2)[0]), ":")
		if !ok || !both {
			continue
		}
		m := merged{}
		m.left, m.top = reference(from)
		m.right, m.bottom = reference(to)
		if blocks = append(blocks, m); len(blocks) > maxMerged {
			return nil, fault.New(fault.TooLarge, "file.merged", fmt.Sprintf("合并单元格超过 %d 处，请取消合并。", maxMerged), fmt.Sprintf("More than %d merged cells; split them.", maxMerged))
		}
	}
	slices.SortFunc(blocks, func(x, y merged) int { return x.top - y.top })
	return blocks, nil
}

// read yields the rows of a sheet below its header.
func (b *workbook) read(s sheetRef, l Layout, yield func(Row, error) bool) error {
	blocks, err := b.mergedCells(s.part)
	if err != nil {
		return err
	}
	var open []merged // those that reach the row at hand
	find := headerFinder{suits: l.Header, known: l.Known}
	err = b.rows(s.part, &b.left.all, func(r *sheetRow) error {
		if find.header == nil {
			if r.size > maxRow {
				return errLong
			}
			return find.take(r.cells)
		}
		for len(blocks) > 0 && blocks[0].top <= r.number {
			if blocks[0].left <= len(find.header) {
				open = append(open, blocks[0])
			}
			blocks = blocks[1:]
		}
		open = slices.DeleteFunc(open, func(m merged) bool { return m.bottom < r.number })
		row := Row{Number: r.number, Hidden: r.hidden, Sheet: true, Days1904: b.days1904}
		if r.size > maxRow {
			if !yield(rowFault(row, "row.too_long", "该行内容超过 4 MB。", "The row is longer than 4 MB.")) {
				return errEnough
			}
			return nil
		}
		cells, covered := r.cells, 0
		for k := range open {
			m := &open[k]
			if covered += min(m.right, len(find.header)) - m.left + 1; covered > len(find.header) {
				return errOverlap
			}
			if m.left == m.right && m.left <= len(find.header) { // one cell over several rows holds for each of them
				if r.number == m.top && m.left <= len(cells) {
					m.text = cells[m.left-1]
				} else if r.number > m.top {
					for len(cells) < m.left {
						cells = append(cells, "")
					}
					if cells[m.left-1] == "" {
						cells[m.left-1] = m.text
					}
				}
				continue
			}
			for c := m.left; c <= min(m.right, len(find.header)); c++ {
				if (r.number > m.top || c > m.left) && find.header[c-1] != "" {
					row.Merged = append(row.Merged, find.header[c-1])
				}
			}
		}
		if !record(row, find.header, cells, yield) {
			return errEnough
		}
		return nil
	})
	switch {
	case errors.Is(err, errEnough):
		return nil
	case err != nil:
		return err
	}
	return find.end()
}
