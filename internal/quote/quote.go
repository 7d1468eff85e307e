// Package quote finds what a model claims to have read: literal quotes, figures
// and talk of money, each against the text itself. Start with [NewText].
package quote

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// folded is a text with whitespace dropped and width and punctuation made
// one, each rune with the byte range of the original it came from.
type folded struct {
	text       string
	start, end []int // by byte of text
}

// punctuation maps what publications print in several ways to one form.
var punctuation = map[rune]rune{
	'，': ',', '、': ',', '。': '.', '．': '.', '；': ';', '：': ':', '？': '?', '！': '!', '（': '(', '）': ')',
	'【': '[', '】': ']', '〔': '[', '〕': ']', '「': '"', '」': '"', '『': '"', '』': '"', '“': '"', '”': '"', '‘': '\'', '’': '\'',
	'《': '<', '》': '>', '〈': '<', '〉': '>', '—': '-', '–': '-', '‐': '-', '‑': '-', '−': '-', '―': '-', '～': '~', '〜': '~', '·': '.', '・': '.', '•': '.',
}

func fold(s string) folded {
	var f folded
	var b strings.Builder
	for i, r := range s {
		size := utf8.RuneLen(r)
		if size < 0 {
			size = 1
		}
		for _, q := range norm.NFKC.String(string(r)) {
			if p, ok := punctuation[q]; ok {
				q = p
			}
			if unicode.IsSpace(q) || unicode.Is(unicode.Cf, q) || unicode.IsControl(q) {
				continue
			}
			n, _ := b.WriteRune(q)
			for range n {
				f.start, f.end = append(f.start, i), append(f.end, i+size)
			}
		}
	}
	f.text = b.String()
	return f
}

// minQuote is the least number of folded characters that can be evidence: a
// single common word is in every text.
const minQuote = 5

// maxQuote bounds a quote, in bytes of the original.
const maxQuote = 1500

// Text is a text in parts, ready to be searched.
type Text struct {
	parts   map[string]string
	folded  map[string]folded
	numbers map[string]bool
}

// NewText takes the parts of a text by name.
func NewText(parts map[string]string) *Text {
	t := &Text{parts: parts, folded: map[string]folded{}, numbers: map[string]bool{}}
	for name, part := range parts {
		f := fold(part)
		t.folded[name] = f
		for _, n := range numberPattern.FindAllString(f.text, -1) {
			t.numbers[n] = true
		}
	}
	return t
}

// Quote is a literal piece of one part of a text.
type Quote struct {
	Part      string `json:"doc"`
	Start     int    `json:"start"` // byte offsets in the part
	End       int    `json:"end"`
	Text      string `json:"text"` // as it stands in the part, never as the model wrote it
	Claim     int    `json:"claim,omitempty"`
	Paragraph int    `json:"paragraph,omitempty"` // from 1, of the part
}

// Find finds a quote in a part, or reports false. White space, width and
// punctuation may differ; nothing else may.
func (d *Text) Find(part, quote string) (Quote, bool) {
	f, ok := d.folded[part]
	q := fold(quote).text
	if !ok || utf8.RuneCountInString(q) < minQuote {
		return Quote{}, false
	}
	i := strings.Index(f.text, q)
	if i < 0 {
		return Quote{}, false
	}
	text := d.parts[part]
	out := Quote{Part: part, Start: f.start[i], End: f.end[i+len(q)-1]}
	if out.End-out.Start > maxQuote {
		return Quote{}, false
	}
	out.Text = text[out.Start:out.End]
	out.Paragraph = 1 + strings.Count(strings.TrimSpace(text[:out.Start]), "\n")
	if strings.HasSuffix(strings.TrimRight(text[:out.Start], " \t\r"), "\n") && strings.TrimSpace(text[:out.Start]) != "" {
		out.Paragraph++
	}
	if part == "claims" {
		for _, m := range claimStart.FindAllStringSubmatchIndex(text[:out.Start+min(8, len(text)-out.Start)], -1) {
			if m[2] <= out.Start {
				out.Claim = atoi(text[m[2]:m[3]])
			}
		}
	}
	return out, true
}

var claimStart = regexp.MustCompile(`(?m)^\s*(\d{1,3})\s*[.．、]`)

func atoi(s string) int {
	n := 0
	for _, r := range s {
		n = 10*n + int(r-'0')
	}
	return n
}

// numberPattern finds figures; a figure is compared after folding.
var numberPattern = regexp.MustCompile(`\d+(?:\.\d+)?`)

// ForeignNumbers returns the figures of a sentence that stand neither in the
// text nor in one of the words allowed beside it.
func (d *Text) ForeignNumbers(sentence string, allowed ...string) []string {
	var out []string
	known := map[string]bool{}
	for _, a := range allowed {
		for _, n := range numberPattern.FindAllString(fold(a).text, -1) {
			known[n] = true
		}
	}
	for _, n := range numberPattern.FindAllString(fold(sentence).text, -1) {
		if !d.numbers[n] && !known[n] && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// moneyPattern finds talk of money: the model has no say on it. 三元, 二元 and
// 元素 are chemistry, not money.
var moneyPattern = regexp.MustCompile(`(?i)人民币|美元|欧元|日元|港元|港币|万元|亿元|千元|百元|\d\s*[万亿]?元(?:[^素件]|$)|[¥￥$€£]|\b(?:RMB|CNY|USD|EUR|HKD|yuan|dollars?)\b|售价|成交价|转让价|转让费|许可费|估值|估价|市值|身价`)

// rings are sizes of rings and the like in chemistry, e.g. 5元或6元杂芳基.
var rings = regexp.MustCompile(`\d+\s*元?(?:\s*[或至到及和、,~\-–]\s*\d+\s*元)*\s*(?:单|双|多|饱和|不饱和|部分|含氮|含氧|含硫|碳|脂|稠合|取代的?)*(?:环|杂|芳|稠|螺|桥|素|件)`)

// SpeaksOfMoney reports a price, an amount or a worth.
func SpeaksOfMoney(s string) bool {
	return moneyPattern.MatchString(rings.ReplaceAllString(norm.NFKC.String(s), "§"))
}
