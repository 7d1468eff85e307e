package llm

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

// Quote is a literal piece of one part of the patent.
type Quote struct {
	Part      string `json:"doc"`
	Start     int    `json:"start"` // byte offsets in the part
	End       int    `json:"end"`
	Text      string `json:"text"` // as it stands in the part, never as the model wrote it
	Claim     int    `json:"claim,omitempty"`
	Paragraph int    `json:"paragraph,omitempty"` // from 1, of the part
}

// locate finds a quote in a part, or reports false.
func (d *document) locate(part, quote string) (Quote, bool) {
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

// foreignNumbers returns the figures of reason that are in no part of the
// document.
func (d *document) foreignNumbers(reason string) []string {
	var out []string
	for _, n := range numberPattern.FindAllString(fold(reason).text, -1) {
		if !d.numbers[n] && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// moneyPattern finds talk of money: the model has no say on it. 三元, 二元 and
// 元素 are chemistry, not money.
var moneyPattern = regexp.MustCompile(`(?i)人民币|美元|欧元|日元|港元|港币|万元|亿元|千元|百元|\d\s*[万亿]?元(?:[^素件]|$)|[¥￥$€£]|\b(?:RMB|CNY|USD|EUR|HKD|yuan|dollars?)\b|售价|成交价|转让价|转让费|许可费|估值|估价|市值|身价`)

func speaksOfMoney(s string) bool { return moneyPattern.MatchString(norm.NFKC.String(s)) }
