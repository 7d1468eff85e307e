// Package document opens a file that people read, plain text, HTML or DOCX,
// and returns its text as a reader sees it. Start with [Text].
//
// What is hidden on a page (display:none, hidden columns, comments, white or
// tiny print) is left out. Cells of a table are parted by tabs, one line a row;
// a cell that spans rows is [Ditto] in the rows below the first. Tables as such
// (XLSX, CSV) are the business of internal/sheet.
package document

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"path"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/net/html/charset"

	"zhijia/internal/fault"
	"zhijia/internal/sheet"
)

// MaxFile bounds a file, MaxText the text in it, in bytes.
const (
	MaxFile = 32 << 20
	MaxText = 1 << 20
)

// Ditto stands in a cell that a cell of the row above covers.
const Ditto = "〃"

// maxDepth bounds how deep elements are nested.
const maxDepth = 400

func tooLong() error {
	return fault.New(fault.TooLarge, "document.too_long", "文件过大：文件不超过 32 MB、文本不超过 1 MB，请拆分。", "The file is too large: at most 32 MB, and 1 MB of text. Split it.")
}

// Text reads a document. The name's ending is not believed: content decides.
func Text(r io.Reader, name string) (string, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxFile+1))
	if err != nil {
		return "", fault.New(fault.Invalid, "document.read", "文件无法读取。", "The file cannot be read.").Because(err)
	}
	if len(data) > MaxFile {
		return "", tooLong()
	}
	switch {
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return docx(data)
	case IsPDF(data):
		return "", fault.New(fault.Unsupported, "document.pdf", "此处不读 PDF：请用 zhijia deals read 读取，或另存为 DOCX、HTML 或文本，或粘贴文字。", "PDF is not read here: use zhijia deals read, save it as DOCX, HTML or text, or paste the text.")
	case bytes.HasPrefix(data, []byte("\xd0\xcf\x11\xe0")):
		return "", fault.New(fault.Unsupported, "document.doc", "不支持旧版 DOC 或 WPS 文件，请另存为 DOCX。", "Old DOC files are not read; save it as DOCX.")
	}
	if isMarkup(data) && !bytes.HasPrefix(data, []byte("\xff\xfe")) && !bytes.HasPrefix(data, []byte("\xfe\xff")) {
		in, err := charset.NewReader(bytes.NewReader(data), "")
		if err != nil {
			return "", fault.New(fault.Invalid, "document.encoding", "网页编码无法识别。", "The encoding of the page is not recognised.").Because(err)
		}
		if plain, err := decode(data); err == nil && !declares(data) { // no charset declared: told by content, as any text
			in = strings.NewReader(plain)
		}
		return page(in)
	}
	text, err := decode(data)
	if err != nil {
		return "", err
	}
	if isMarkup([]byte(text)) {
		return page(strings.NewReader(text))
	}
	if strings.IndexByte(text, 0) >= 0 {
		return "", fault.New(fault.Unsupported, "document.format", "不是文本、HTML 或 DOCX 文件。", "Neither text, HTML nor DOCX.")
	}
	if len(text) > MaxText {
		return "", tooLong()
	}
	return text, nil
}

func decode(data []byte) (string, error) {
	in, err := sheet.Text(bytes.NewReader(data))
	if err != nil {
		return "", fault.New(fault.Invalid, "document.encoding", "文本编码无法识别，请存为 UTF-8 或 GB18030。", "The encoding is not recognised; save the text as UTF-8 or GB18030.").Because(err)
	}
	text, err := io.ReadAll(io.LimitReader(in, 3*MaxFile))
	if err != nil {
		return "", fault.New(fault.Invalid, "document.encoding", "文本编码无法识别，请存为 UTF-8 或 GB18030。", "The encoding is not recognised; save the text as UTF-8 or GB18030.").Because(err)
	}
	return strings.ToValidUTF8(string(text), "\uFFFD"), nil
}

func declares(data []byte) bool {
	return bytes.Contains(bytes.ToLower(data[:min(len(data), 1024)]), []byte("charset"))
}

// isMarkup reports whether a text is HTML: it begins with a tag that pages
// begin with.
func isMarkup(data []byte) bool {
	head := bytes.ToLower(bytes.TrimLeft(data[:min(len(data), 4096)], "\xef\xbb\xbf\r\n\t "))
	if !bytes.HasPrefix(head, []byte("<")) {
		return false
	}
	for _, tag := range []string{"<!doctype", "<html", "<head", "<body", "<div", "<p", "<table", "<article", "<section", "<main", "<h1", "<h2", "<h3", "<h4", "<span", "<ul", "<ol", "<!--", "<meta", "<font", "<center", "<br", "<b>", "<strong", "<title", "<td", "<tr", "<?xml"} {
		if bytes.HasPrefix(head, []byte(tag)) {
			return true
		}
	}
	return false
}

func page(in io.Reader) (string, error) {
	root, err := html.ParseWithOptions(in, html.ParseOptionEnableScripting(false))
	if err != nil {
		return "", fault.New(fault.Invalid, "document.html", "网页无法解析。", "The page cannot be read.").Because(err)
	}
	w := &writer{}
	w.node(root, 0)
	if w.full {
		return "", tooLong()
	}
	return w.text(), nil
}

// writer collects the visible text of a page.
type writer struct {
	out  strings.Builder
	line strings.Builder
	full bool
}

func (w *writer) text() string {
	w.newline()
	return strings.TrimRight(w.out.String(), "\n") + "\n"
}

// newline ends a line; two ends in a row are one.
func (w *writer) newline() {
	line := strings.TrimRight(w.line.String(), " \t")
	w.line.Reset()
	if strings.TrimSpace(line) == "" {
		return
	}
	if w.out.Len()+len(line) > MaxText {
		w.full = true
		return
	}
	w.out.WriteString(line)
	w.out.WriteByte('\n')
}

func (w *writer) words(s string) {
	if w.line.Len() > MaxText {
		w.full = true
		return
	}
	at := 0
	for i, r := range s { // runs of blanks are one blank, as a browser shows them
		if r != ' ' && r != '\n' && r != '\t' && r != '\r' && r != '\f' {
			continue
		}
		w.line.WriteString(s[at:i])
		if l := w.line.String(); l != "" && !strings.HasSuffix(l[max(0, len(l)-1):], " ") {
			w.line.WriteByte(' ')
		}
		at = i + 1
	}
	w.line.WriteString(s[at:])
}

var blocks = map[atom.Atom]bool{
	atom.P: true, atom.Div: true, atom.Article: true, atom.Section: true, atom.H1: true, atom.H2: true, atom.H3: true, atom.H4: true, atom.H5: true, atom.H6: true,
	atom.Li: true, atom.Ul: true, atom.Ol: true, atom.Dl: true, atom.Dt: true, atom.Dd: true, atom.Blockquote: true, atom.Header: true, atom.Footer: true, atom.Main: true,
	atom.Aside: true, atom.Nav: true, atom.Pre: true, atom.Hr: true, atom.Form: true, atom.Fieldset: true, atom.Figure: true, atom.Center: true, atom.Title: true, atom.Caption: true, atom.Body: true,
}

func (w *writer) node(n *html.Node, depth int) {
	if w.full || depth > maxDepth {
		return
	}
	switch n.Type {
	case html.TextNode:
		w.words(n.Data)
		return
	case html.ElementNode:
		switch n.DataAtom {
		case atom.Script, atom.Style, atom.Template, atom.Noscript, atom.Iframe, atom.Object, atom.Svg, atom.Math, atom.Select, atom.Textarea, atom.Input, atom.Button, atom.Head:
			return
		case atom.Br:
			w.newline()
			return
		case atom.Table:
			if !hidden(n) {
				w.newline()
				w.table(n, depth+1)
			}
			return
		}
		if hidden(n) {
			return
		}
	case html.CommentNode, html.DoctypeNode:
		return
	}
	block := n.Type == html.ElementNode && blocks[n.DataAtom]
	if block {
		w.newline()
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		w.node(c, depth+1)
	}
	if block {
		w.newline()
	}
}

func attribute(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

// hidden reports whether a reader of the page does not see an element.
func hidden(n *html.Node) bool {
	if _, ok := attribute(n, "hidden"); ok {
		return true
	}
	if v, _ := attribute(n, "aria-hidden"); v == "true" {
		return true
	}
	if c, _ := attribute(n, "color"); n.DataAtom == atom.Font && white(c) {
		return true
	}
	style, _ := attribute(n, "style")
	for rule := range strings.SplitSeq(strings.ToLower(style), ";") {
		name, value, _ := strings.Cut(rule, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "!important"))
		switch name {
		case "display":
			if value == "none" {
				return true
			}
		case "visibility":
			if value == "hidden" || value == "collapse" {
				return true
			}
		case "opacity":
			if x, err := strconv.ParseFloat(strings.TrimSuffix(value, "%"), 64); err == nil && x <= 0.05 {
				return true
			}
		case "font-size", "max-height", "height", "width", "line-height":
			number := strings.TrimRight(value, "abcdefghijklmnopqrstuvwxyz% ")
			if x, err := strconv.ParseFloat(number, 64); err == nil && (x == 0 && name != "line-height" || name == "font-size" && (strings.HasSuffix(value, "px") || strings.HasSuffix(value, "pt")) && x < 4 || name == "font-size" && strings.HasSuffix(value, "em") && x < 0.2) {
				return true
			}
		case "color":
			if white(value) && !strings.Contains(style, "background") {
				return true
			}
		case "text-indent", "left", "top", "margin-left":
			if x, err := strconv.ParseFloat(strings.TrimRight(value, "abcdefghijklmnopqrstuvwxyz% "), 64); err == nil && x <= -500 {
				return true
			}
		}
	}
	return false
}

func white(c string) bool {
	c = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(c)), " ", "")
	switch c {
	case "white", "#fff", "#ffffff", "#fffffe", "#fefefe", "transparent", "rgb(255,255,255)", "rgba(255,255,255,1)", "rgba(0,0,0,0)":
		return true
	}
	return false
}

// Bounds of a table: what spans more than they do spans that much.
const (
	maxColumns = 200
	maxSpan    = 2000
)

// table writes a table as lines of cells. Hidden columns are left out.
func (w *writer) table(n *html.Node, depth int) {
	var rows []*html.Node
	var columns []bool // hidden ones
	var walk func(*html.Node, int)
	walk = func(n *html.Node, depth int) {
		if depth > maxDepth {
			return
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			if c.Type != html.ElementNode {
				continue
			}
			switch c.DataAtom {
			case atom.Tr:
				if !hidden(c) {
					rows = append(rows, c)
				}
			case atom.Col:
				span := number(c, "span")
				for range min(span, maxColumns-len(columns)) {
					columns = append(columns, hidden(c))
				}
			case atom.Thead, atom.Tbody, atom.Tfoot, atom.Colgroup:
				if !hidden(c) {
					walk(c, depth+1)
				}
			case atom.Caption:
				w.node(c, depth)
			}
		}
	}
	walk(n, depth)
	below := map[int]int{} // by column: rows that a cell above still covers
	for _, tr := range rows {
		var cells []string
		col := 0
		covered := func() {
			for below[col] > 0 && col < maxColumns {
				below[col]--
				cells = append(cells, Ditto)
				col++
			}
		}
		for c := tr.FirstChild; c != nil; c = c.NextSibling {
			if c.Type != html.ElementNode || c.DataAtom != atom.Td && c.DataAtom != atom.Th {
				continue
			}
			covered()
			if col >= maxColumns {
				break
			}
			inner := &writer{}
			for g := c.FirstChild; g != nil; g = g.NextSibling {
				inner.node(g, depth+1)
			}
			inner.newline()
			if w.full = w.full || inner.full; w.full {
				return
			}
			text := strings.ReplaceAll(strings.TrimSpace(inner.out.String()), "\n", " ")
			if hidden(c) || col < len(columns) && columns[col] {
				text = ""
			}
			wide, high := number(c, "colspan"), number(c, "rowspan")
			for k := range min(wide, maxColumns-col) {
				if high > 1 {
					below[col+k] = high - 1
				}
				if k == 0 {
					cells = append(cells, strings.ReplaceAll(text, "\t", " "))
				} else {
					cells = append(cells, "")
				}
			}
			col += wide
		}
		covered()
		w.line.WriteString(strings.Join(cells, "\t"))
		w.newline()
	}
}

func number(n *html.Node, name string) int {
	v, _ := attribute(n, name)
	x, err := strconv.Atoi(strings.TrimSpace(v))
	if err != nil || x < 1 {
		return 1
	}
	return min(x, maxSpan)
}

// docx reads the text of a Word document (ECMA-376).
func docx(data []byte) (string, error) {
	broken := func(err error) error {
		return fault.New(fault.Invalid, "document.docx", "DOCX 文件已损坏。", "The DOCX file is damaged.").Because(err)
	}
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return "", broken(err)
	}
	for _, f := range z.File {
		if path.Clean(f.Name) != "word/document.xml" {
			continue
		}
		part, err := f.Open()
		if err != nil {
			return "", broken(err)
		}
		defer part.Close()
		in := &io.LimitedReader{R: part, N: MaxFile + 1}
		text, err := wordText(in)
		switch {
		case in.N <= 0:
			return "", tooLong()
		case err != nil && fault.KindOf(err) == fault.TooLarge:
			return "", err
		case err != nil:
			return "", broken(err)
		}
		return text, nil
	}
	return "", fault.New(fault.Unsupported, "document.format", "压缩包里没有 Word 正文；表格请用 deals 之外的导入（XLSX、CSV）。", "No Word text inside; tables go to the import (XLSX, CSV).")
}

// wordText reads the visible text: runs that are hidden, deleted or white are
// left out, tables become lines of cells.
func wordText(in io.Reader) (string, error) {
	dec := xml.NewDecoder(in)
	var out, line strings.Builder
	depth, tables := 0, 0
	var cells []string
	var cell strings.Builder
	merged, invisible, deleted, field := false, false, 0, false
	var run strings.Builder
	here := func() *strings.Builder {
		if tables > 0 {
			return &cell
		}
		return &line
	}
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth++; depth > maxDepth {
				return "", errors.New("nested too deeply")
			}
			val := ""
			for _, a := range t.Attr {
				if a.Name.Local == "val" {
					val = strings.ToLower(a.Value)
				}
			}
			switch t.Name.Local {
			case "tbl":
				tables++
			case "tr":
				if tables == 1 {
					cells = cells[:0]
				}
			case "tc":
				if tables == 1 {
					cell.Reset()
					merged = false
				}
			case "vMerge":
				merged = merged || val != "restart"
			case "r":
				run.Reset()
				invisible = false
			case "vanish", "webHidden":
				invisible = invisible || val != "0" && val != "false"
			case "color":
				invisible = invisible || val == "ffffff"
			case "sz":
				if half, err := strconv.Atoi(val); err == nil && half < 6 {
					invisible = true
				}
			case "del", "moveFrom":
				deleted++
			case "t":
				field = true
			case "tab":
				run.WriteByte(' ')
			case "br", "cr":
				run.WriteByte('\n')
			}
		case xml.CharData:
			if field {
				run.Write(t)
			}
		case xml.EndElement:
			depth--
			switch t.Name.Local {
			case "t":
				field = false
			case "del", "moveFrom":
				deleted--
			case "r":
				if !invisible && deleted == 0 {
					here().WriteString(run.String())
				}
				run.Reset()
			case "p":
				if tables > 0 {
					cell.WriteByte(' ')
				} else {
					out.WriteString(line.String())
					out.WriteByte('\n')
					line.Reset()
				}
			case "tc":
				if tables == 1 {
					text := strings.Join(strings.Fields(cell.String()), " ")
					if merged {
						text = Ditto
					}
					cells = append(cells, text)
				}
			case "tr":
				if tables == 1 {
					out.WriteString(strings.Join(cells, "\t"))
					out.WriteByte('\n')
				}
			case "tbl":
				tables--
			}
			if out.Len()+line.Len()+cell.Len() > MaxText {
				return "", tooLong()
			}
		}
	}
	out.WriteString(line.String())
	return out.String(), nil
}
