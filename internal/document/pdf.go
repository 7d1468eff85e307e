package document

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/ledongthuc/pdf"

	"zhijia/internal/fault"
)

// Bounds on the work of one PDF.
const (
	maxPDF      = 16 << 20 // bytes of the file
	maxPages    = 300
	maxInflated = 128 << 20 // bytes of its streams, unpacked
	maxNested   = 20_000    // brackets open at once
	pdfTime     = 60 * time.Second
)

// IsPDF reports whether a file is one, by its content.
func IsPDF(data []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(data[:min(len(data), 1024)], "\xef\xbb\xbf\r\n\t "), []byte("%PDF-"))
}

// PDF reads the text layer of a PDF; cells that stand apart in a line are parted
// by tabs. A scan has no text layer and is refused with the way out. The parser
// is somebody else's and was not written for hostile files: a command calls
// this, a service does not.
func PDF(data []byte) (string, error) {
	if len(data) > maxPDF {
		return "", fault.New(fault.TooLarge, "document.pdf_too_large", fmt.Sprintf("PDF 超过 %d MB，请拆分。", maxPDF>>20), fmt.Sprintf("The PDF is larger than %d MB; split it.", maxPDF>>20))
	}
	if err := safePDF(data, maxInflated); err != nil {
		return "", err
	}
	type answer struct {
		text string
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		text, err := pdfText(data)
		done <- answer{text, err}
	}()
	select {
	case a := <-done:
		return a.text, a.err
	case <-time.After(pdfTime):
		return "", badPDF(fmt.Errorf("not read within %s", pdfTime))
	}
}

func badPDF(cause error) error {
	return fault.New(fault.Invalid, "document.pdf_broken", "PDF 损坏或加密，无法读取；请另存为 DOCX 或文本，或粘贴文字。", "The PDF is broken or encrypted; save it as DOCX or text, or paste the text.").Because(cause)
}

var streamMark = regexp.MustCompile(`stream\r?\n`)

// safePDF refuses a file whose streams unpack to more than the bound, or whose
// brackets nest so deep that a parser that calls itself would run out of stack.
func safePDF(data []byte, most int) error {
	if deep(data) {
		return badPDF(fmt.Errorf("nested too deep"))
	}
	total := 0
	for _, m := range streamMark.FindAllIndex(data, -1) {
		in, err := zlib.NewReader(bytes.NewReader(data[m[1]:]))
		if err != nil {
			continue // not packed, or packed otherwise: no larger than it stands here
		}
		plain, _ := io.ReadAll(io.LimitReader(in, int64(most-total)+1)) // what is cut short is read as far as it goes
		if total += len(plain); total > most {
			return fault.New(fault.TooLarge, "document.pdf_inflates", "PDF 解压后过大，未读取。", "The PDF unpacks to too much; it was not read.")
		}
		if deep(plain) {
			return badPDF(fmt.Errorf("nested too deep"))
		}
	}
	return nil
}

func deep(data []byte) bool {
	open := 0
	for i, b := range data {
		switch {
		case b == '[' || b == '<' && i > 0 && data[i-1] == '<':
			if open++; open > maxNested {
				return true
			}
		case open > 0 && (b == ']' || b == '>' && i > 0 && data[i-1] == '>'):
			open--
		}
	}
	return false
}

func pdfText(data []byte) (text string, err error) {
	defer func() {
		if r := recover(); r != nil { // the parser panics at what it does not know
			text, err = "", badPDF(fmt.Errorf("%v", r))
		}
	}()
	r, err := pdf.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return "", badPDF(err)
	}
	pages := r.NumPage()
	if pages > maxPages {
		return "", fault.New(fault.TooLarge, "document.pdf_pages", fmt.Sprintf("PDF 有 %d 页，最多读取 %d 页，请拆分。", pages, maxPages), fmt.Sprintf("The PDF has %d pages; at most %d are read. Split it.", pages, maxPages))
	}
	var b strings.Builder
	letters := 0
	for i := range pages {
		for _, l := range pdfLines(r.Page(i + 1).Content().Text) {
			b.WriteString(l)
			b.WriteByte('\n')
			for _, c := range l {
				letters += b2i(unicode.IsLetter(c) || unicode.IsDigit(c))
			}
		}
		if b.Len() > MaxText {
			return "", tooLong()
		}
	}
	if letters < 10*max(pages, 1) { // a stamp or a page number at most
		return "", fault.New(fault.Unsupported, "document.pdf_scanned", "该 PDF 是扫描件，没有文字层；请先用文字识别（OCR）软件生成带文字层的 PDF 或文本，核对后再读取。", "This PDF is a scan without a text layer: run text recognition (OCR) first, check its text, and read that.")
	}
	if strings.Count(b.String(), "\uFFFD")*5 > letters {
		return "", fault.New(fault.Unsupported, "document.pdf_fonts", "该 PDF 的字体没有文字对照表，读出的是乱码；请另存为 DOCX 或文本，或粘贴文字。", "The fonts of this PDF do not say which characters they draw; save it as DOCX or text, or paste the text.")
	}
	return b.String(), nil
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// run is a stretch of characters drawn from one place.
type run struct {
	x, y, end, size float64
	text            string
}

// pdfLines puts the characters of a page into lines from the top down; a wide
// gap in a line is a tab.
func pdfLines(chars []pdf.Text) []string {
	var runs []run
	for _, c := range chars {
		size := math.Abs(c.FontSize)
		width := c.W
		if width <= 0 { // fonts of many characters do not tell: a wide one is a square
			width = size
			if len(c.S) == 1 {
				width = size / 2
			}
		}
		if n := len(runs); n > 0 {
			last := &runs[n-1]
			at := c.X
			if c.W <= 0 && c.X == last.x { // drawn in one go
				at = last.end
			}
			if math.Abs(c.Y-last.y) < size/3 && at > last.end-size/2 && at < last.end+size/4 {
				last.text += c.S
				last.end = at + width
				continue
			}
		}
		runs = append(runs, run{c.X, c.Y, c.X + width, size, c.S})
	}
	slices.SortStableFunc(runs, func(a, b run) int {
		switch {
		case a.y > b.y:
			return -1
		case a.y < b.y:
			return 1
		}
		return 0
	})
	var out []string
	for i := 0; i < len(runs); {
		j := i + 1
		for j < len(runs) && math.Abs(runs[j].y-runs[i].y) < max(runs[i].size, 1)/2 {
			j++
		}
		line := slices.Clone(runs[i:j])
		slices.SortStableFunc(line, func(a, b run) int {
			switch {
			case a.x < b.x:
				return -1
			case a.x > b.x:
				return 1
			}
			return 0
		})
		var b strings.Builder
		for k, r := range line {
			if k > 0 {
				switch gap := r.x - line[k-1].end; {
				case gap > r.size:
					b.WriteByte('\t')
				case gap > r.size/5:
					b.WriteByte(' ')
				}
			}
			b.WriteString(r.text)
		}
		if t := strings.TrimSpace(b.String()); t != "" {
			out = append(out, t)
		}
		i = j
	}
	return out
}
