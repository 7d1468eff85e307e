package pages

import (
	"bytes"
	_ "embed"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	xhtml "golang.org/x/net/html"

	"zhijia/internal/money"
)

// The pages are written in Chinese. English ones are made of them when they are
// finished: each text between two tags, and each text that a tag shows or reads
// out, is looked up in english.tsv. What is not there is data and stays; so does
// what stands in an element marked translate="no".

//go:embed english.tsv
var englishPhrases string

// phrase is a line of the catalogue whose Chinese has gaps: {n} stands for a
// number, {} for anything, which is looked up in turn.
type phrase struct {
	literal string // the longest piece between gaps: a text without it is not this phrase
	re      *regexp.Regexp
	parts   []string // of the English, around the gaps
}

// catalogue is english.tsv as read: a line is Chinese, a tab, English.
type catalogue struct {
	whole   map[string]string
	phrases []phrase
}

var english = sync.OnceValue(func() *catalogue {
	c := &catalogue{whole: map[string]string{}}
	gap := regexp.MustCompile(`\{n?\}`)
	for line := range strings.Lines(englishPhrases) {
		zh, en, ok := strings.Cut(strings.TrimRight(line, "\r\n"), "\t")
		if !ok {
			continue
		}
		if !gap.MatchString(zh) {
			c.whole[zh] = en
			continue
		}
		p := phrase{parts: gap.Split(en, -1)}
		pattern, at := "^", 0
		for _, g := range gap.FindAllStringIndex(zh, -1) {
			pattern += regexp.QuoteMeta(zh[at:g[0]])
			if zh[g[0]:g[1]] == "{n}" {
				pattern += `([+−-]?[0-9][0-9,.%–-]*)`
			} else {
				pattern += `(.*?)`
			}
			at = g[1]
		}
		p.re = regexp.MustCompile(pattern + regexp.QuoteMeta(zh[at:]) + "$")
		for _, piece := range gap.Split(zh, -1) {
			if len(piece) > len(p.literal) {
				p.literal = piece
			}
		}
		c.phrases = append(c.phrases, p)
	}
	return c
})

// amountZh is an amount of money as the pages write it.
var amountZh = regexp.MustCompile(`([0-9][0-9,]*(?:\.[0-9]+)?)(万|亿)?元`)

// marksEn are the marks between the parts of a Chinese text.
var marksEn = map[rune]string{'；': "; ", '，': ", ", '。': ". ", '、': ", ", '：': ": ", '（': " (", '）': ") ", '【': "[", '】': "]", '　': "  ", '〔': "[", '〕': "] ", '·': " · "}

var (
	dayBefore = regexp.MustCompile(`^\d{4}-\d\d-\d\d(?: \d\d:\d\d)?[ ，]`)
	spaces    = regexp.MustCompile(`  +`)
	spaceMark = regexp.MustCompile(` +([;,.:)])`)
)

func hasHan(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Han, r) })
}

// say is a text in English, and whether all of it is.
func (c *catalogue) say(zh string) (string, bool) {
	if !hasHan(zh) {
		return zh, true
	}
	zh = amountZh.ReplaceAllStringFunc(zh, func(m string) string {
		parts := amountZh.FindStringSubmatch(m)
		v, err := strconv.ParseFloat(strings.ReplaceAll(parts[1], ",", ""), 64)
		if err != nil {
			return m
		}
		return "CNY " + grouped(v*map[string]float64{"": 1, "万": 1e4, "亿": 1e8}[parts[2]])
	})
	if !hasHan(zh) {
		return zh, true
	}
	if en, ok := c.whole[zh]; ok {
		return en, true
	}
	for i := range c.phrases {
		p := &c.phrases[i]
		if !strings.Contains(zh, p.literal) {
			continue
		}
		m := p.re.FindStringSubmatch(zh)
		if m == nil {
			continue
		}
		var b strings.Builder
		for k, part := range p.parts {
			b.WriteString(part)
			if k+1 < len(m) && k < len(p.parts)-1 {
				inner, _ := c.say(m[k+1])
				b.WriteString(inner)
			}
		}
		return b.String(), true
	}
	if rest, back := strings.CutPrefix(zh, "← "); back {
		en, ok := c.say(rest)
		return "← " + en, ok
	}
	if day := dayBefore.FindString(zh); day != "" {
		rest, ok := c.say(zh[len(day):])
		return strings.Replace(day, "，", ", ", 1) + rest, ok
	}
	if r, n := utf8.DecodeRuneInString(zh); marksEn[r] != "" { // what only stands before
		en, all := c.say(zh[n:])
		return strings.TrimLeft(marksEn[r], " ") + en, all
	}
	if r, n := utf8.DecodeLastRuneInString(zh); marksEn[r] != "" && !strings.ContainsRune("）】〕", r) { // or behind
		en, all := c.say(zh[:len(zh)-n])
		return en + strings.TrimRight(marksEn[r], " "), all
	}
	if rest, ok := strings.CutSuffix(zh, "】"); ok && !strings.ContainsRune(rest, '【') {
		en, all := c.say(rest)
		return en + "]", all
	}
	if en, ok := c.sayParts(zh, "；。"); ok {
		return en, ok
	}
	return c.sayParts(zh, "")
}

// sayParts looks up the parts between some marks, none meaning all. It changes
// nothing unless it knows every part: half a title in English is no translation.
func (c *catalogue) sayParts(zh, marks string) (string, bool) {
	var b strings.Builder
	split, all, at := false, true, 0
	part := func(text string) {
		core := strings.TrimSpace(text)
		en, ok := core, true
		if hasHan(core) {
			if !split && len(core) == len(zh) {
				ok = false
			} else {
				en, ok = c.say(core)
			}
		}
		all = all && ok
		if core != "" && core != text {
			en = strings.Replace(text, core, en, 1)
		}
		b.WriteString(en)
	}
	for i, r := range zh {
		mark, isMark := marksEn[r]
		if !isMark || marks != "" && !strings.ContainsRune(marks, r) {
			continue
		}
		split = true
		part(zh[at:i])
		b.WriteString(mark)
		at = i + len(string(r))
	}
	part(zh[at:])
	if !all {
		return zh, false
	}
	return strings.TrimSpace(spaceMark.ReplaceAllString(spaces.ReplaceAllString(b.String(), " "), "$1")), true
}

// grouped writes an amount of yuan with commas, to the fen where it has any.
func grouped(yuan float64) string {
	f, err := money.FromYuan(yuan)
	if err != nil {
		return strconv.FormatFloat(yuan, 'f', -1, 64)
	}
	return strings.TrimSuffix(f.Grouped(), ".00")
}

// spoken are the attributes that a page shows or reads out.
var spoken = map[string]bool{"placeholder": true, "aria-label": true, "title": true, "data-l": true, "alt": true, "label": true, "data-said": true}

// inEnglish is a finished Chinese page in English.
func inEnglish(page []byte) []byte {
	c := english()
	var out bytes.Buffer
	out.Grow(len(page))
	z := xhtml.NewTokenizer(bytes.NewReader(page))
	kept, depth, silent := "", 0, "" // the element marked as data, how deep in its like; the element whose text is none
	for {
		kind := z.Next()
		if kind == xhtml.ErrorToken {
			return out.Bytes() // the end: what was tokenised came from memory
		}
		raw := append([]byte(nil), z.Raw()...)
		switch kind {
		case xhtml.TextToken:
			text := string(raw)
			if kept != "" || silent != "" || !hasHan(text) {
				out.Write(raw)
				continue
			}
			plain := html.UnescapeString(text)
			core := strings.TrimSpace(plain)
			before, after, _ := strings.Cut(plain, core)
			en, _ := c.say(strings.Join(strings.Fields(core), " "))
			out.WriteString(html.EscapeString(before + en + after))
		case xhtml.StartTagToken, xhtml.SelfClosingTagToken:
			name, more := z.TagName()
			tag := string(name)
			if kept == tag && kind == xhtml.StartTagToken {
				depth++
			}
			var b strings.Builder
			b.WriteString("<" + tag)
			for more {
				var k, v []byte
				k, v, more = z.TagAttr()
				key, value := string(k), string(v)
				switch {
				case key == "translate" && value == "no" && kept == "" && kind == xhtml.StartTagToken:
					kept, depth = tag, 1
				case tag == "html" && key == "lang":
					value = "en"
				case spoken[key] && kept == "":
					value, _ = c.say(value)
				}
				b.WriteString(" " + key)
				if value != "" {
					b.WriteString(`="` + html.EscapeString(value) + `"`)
				}
			}
			if hasHan(string(raw)) || tag == "html" {
				out.WriteString(b.String() + ">")
			} else {
				out.Write(raw)
			}
			if tag == "script" || tag == "style" || tag == "textarea" {
				silent = tag
			}
		case xhtml.EndTagToken:
			name, _ := z.TagName()
			if string(name) == silent {
				silent = ""
			}
			if string(name) == kept {
				if depth--; depth == 0 {
					kept = ""
				}
			}
			out.Write(raw)
		default:
			out.Write(raw)
		}
	}
}

// languageCookie keeps the language that a person chose.
const languageCookie = "zhijia_lang"

// inEnglishTo says whether the caller asked for English pages, by lang=en now or
// before.
func (s *Server) inEnglishTo(c *gin.Context) bool {
	switch lang := c.Query("lang"); lang {
	case "en", "zh":
		http.SetCookie(c.Writer, &http.Cookie{
			Name: languageCookie, Value: lang, Path: "/officer", MaxAge: 365 * 24 * 3600, HttpOnly: true, SameSite: http.SameSiteLaxMode,
			Secure: c.Request.TLS != nil || c.GetHeader("X-Forwarded-Proto") == "https",
		})
		return lang == "en"
	}
	kept, _ := c.Cookie(languageCookie) // none is Chinese
	return kept == "en"
}

// otherLanguage is the address of the same page in the other language.
func otherLanguage(c *gin.Context, isEnglish bool) string {
	lang := "en"
	if isEnglish {
		lang = "zh"
	}
	if c.Request.Method != http.MethodGet {
		return "/officer?lang=" + lang
	}
	query := url.Values{}
	for k, v := range c.Request.URL.Query() {
		query[k] = v
	}
	query.Set("lang", lang)
	return c.Request.URL.Path + "?" + query.Encode()
}
