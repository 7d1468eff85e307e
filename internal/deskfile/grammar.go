package deskfile

import (
	_ "embed"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Cells are read by a small grammar: a text is cut into the longest known words
// (words.tsv), and it has a meaning only when nothing is left over. What is not
// understood is unknown, with the text quoted, and never yes and never no.

//go:embed words.tsv
var wordsTSV string

// vocabulary is the words of one column by what they mean.
type vocabulary struct {
	class   map[string]string
	longest int // characters
}

// vocabularies are the words by grammar; each holds those of "any" that it does
// not give a meaning of its own.
var vocabularies = func() map[string]*vocabulary {
	out := map[string]*vocabulary{}
	var shared [][2]string
	put := func(v *vocabulary, word, class string) {
		v.class[word] = class
		v.longest = max(v.longest, utf8.RuneCountInString(word))
	}
	for line := range strings.Lines(wordsTSV) {
		cells := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if strings.HasPrefix(line, "#") || len(cells) != 3 {
			continue
		}
		for _, word := range strings.Fields(cells[2]) {
			if cells[0] == "any" {
				shared = append(shared, [2]string{word, cells[1]})
				continue
			}
			if out[cells[0]] == nil {
				out[cells[0]] = &vocabulary{class: map[string]string{}}
			}
			put(out[cells[0]], word, cells[1])
		}
	}
	for _, v := range out {
		for _, s := range shared {
			if _, own := v.class[s[0]]; !own {
				put(v, s[0], s[1])
			}
		}
	}
	return out
}()

// token is one word of a cell with its class. The class of a separator is the
// character, of what is no word "".
type token struct{ class, text string }

const (
	separators = ";；。\n、,，/|:：()（）[]【】 \t+&-—–=《》“”\"'「」"
	joiners    = "和与及或并且"
)

var (
	// reference is the number of a case or registration, which says no more than
	// the words beside it.
	reference = regexp.MustCompile(`^(?:[(（\[]\d{4}[)）\]][^\s,;，；、]{1,20}?号|[YyZz]?\d{10,20}|第?\d{4,}号)`)
	// body is the name of a bank or court.
	body = regexp.MustCompile(`^[\p{Han}A-Za-z()（）]{1,20}?(?:银行|农商行|农信社|信用社|支行|分行|法院|小贷公司|担保公司|有限公司|公司)|^(?:建行|工行|农行|中行|交行|招行|邮储|农商行)`)
)

// tokens cuts a text. Parts of Latin letters are words only as a whole: a name
// that ends in y says nothing.
func (v *vocabulary) tokens(text string) (out []token) {
	runes := []rune(text)
	left := v.leftOver(runes)
	for i := 0; i < len(runes); {
		r := runes[i]
		rest := string(runes[i:])
		switch {
		case strings.ContainsRune(separators, r):
			class := string(r)
			switch r {
			case '；', '。', '\n':
				class = ";"
			case '，':
				class = ","
			case '：':
				class = ":"
			case '(', ')', '（', '）', '[', ']', '【', '】', '\t', '-', '—', '–', '=', '《', '》', '“', '”', '"', '\'', '「', '」':
				class = " "
			}
			if m := reference.FindString(rest); m != "" {
				out = append(out, token{"reference", m})
				i += utf8.RuneCountInString(m)
				continue
			}
			out = append(out, token{class, string(r)})
			i++
			continue
		}
		if m := reference.FindString(rest); m != "" {
			out = append(out, token{"reference", m})
			i += utf8.RuneCountInString(m)
			continue
		}
		n := v.match(runes, i, left)
		if b := body.FindString(rest); b != "" && (n == 0 || v.class[string(runes[i:i+n])] != "negator") && utf8.RuneCountInString(b) > n && !v.knows(b) {
			out = append(out, token{"body", b})
			i += utf8.RuneCountInString(b)
			continue
		}
		switch {
		case n > 0:
			word := string(runes[i : i+n])
			for class := range strings.SplitSeq(v.class[strings.ToUpper(word)], "+") { // 解押 is two words in one
				out = append(out, token{class, word})
			}
			i += n
		case strings.ContainsRune(joiners, r):
			out = append(out, token{"、", string(r)})
			i++
		default:
			if k := len(out) - 1; k >= 0 && out[k].class == "" {
				out[k].text += string(r)
			} else {
				out = append(out, token{"", string(r)})
			}
			i++
		}
	}
	return out
}

// knows reports whether a word of the vocabulary stands in a text, so that it
// is not a plain name.
func (v *vocabulary) knows(text string) bool {
	runes := []rune(text)
	for i := range runes {
		if n := v.match(runes, i, nil); n > 0 {
			switch v.class[strings.ToUpper(string(runes[i:i+n]))] {
			case "filler", "fill", "who", "yes", "register", "go", "kind", "condition":
			default:
				return true
			}
		}
	}
	return false
}

// leftOver is, for each place, how many characters behind it no word holds when
// the text is cut as well as it can be: 无权利限制 is 无 and 权利限制, not 无权 and
// a rest.
func (v *vocabulary) leftOver(runes []rune) []int {
	left := make([]int, len(runes)+1)
	for i := len(runes) - 1; i >= 0; i-- {
		left[i] = left[i+1]
		if !strings.ContainsRune(separators, runes[i]) && !strings.ContainsRune(joiners, runes[i]) {
			left[i]++
		}
		for n := min(v.longest, len(runes)-i); n > 0; n-- {
			if v.wordAt(runes, i, n) {
				left[i] = min(left[i], left[i+n])
			}
		}
	}
	return left
}

// match is the length of the longest word at a place, in characters, of those
// that leave the least over behind them; 0 is none. Without left it is the longest.
func (v *vocabulary) match(runes []rune, at int, left []int) (best int) {
	for n := min(v.longest, len(runes)-at); n > 0; n-- {
		if v.wordAt(runes, at, n) && (best == 0 || left != nil && left[at+n] < left[at+best]) {
			best = n
		}
	}
	return best
}

// wordAt reports whether a word of n characters stands at a place.
func (v *vocabulary) wordAt(runes []rune, at, n int) bool {
	if _, ok := v.class[strings.ToUpper(string(runes[at:at+n]))]; !ok {
		return false
	}
	latin := func(i int) bool {
		return i >= 0 && i < len(runes) && runes[i] < 0x250 && (unicode.IsLetter(runes[i]) || unicode.IsDigit(runes[i]))
	}
	return !(latin(at) && latin(at-1) || latin(at+n-1) && latin(at+n)) // not a part of a longer Latin word
}

// split cuts tokens at those of a class.
func split(tokens []token, at ...string) (out [][]token) {
	from := 0
	for i := 0; i <= len(tokens); i++ {
		if i == len(tokens) || slices.Contains(at, tokens[i].class) {
			if i > from {
				out = append(out, tokens[from:i])
			}
			from = i + 1
		}
	}
	return out
}

func count(tokens []token, classes ...string) (n int) {
	for _, t := range tokens {
		if slices.Contains(classes, t.class) {
			n++
		}
	}
	return n
}
