package opinion

import (
	"bufio"
	"io"
	"strings"

	"golang.org/x/text/width"
)

// textWidth is the number of terminal columns the text form keeps to; a table
// may be wider when its cells cannot be cut further.
const textWidth = 100

func writeText(out io.Writer, d doc) error {
	w := bufio.NewWriter(out)
	p := func(parts ...string) {
		for _, s := range parts {
			w.WriteString(clean(s))
		}
		w.WriteByte('\n')
	}
	p(d.Title)
	if d.Subtitle != "" {
		p(d.Subtitle)
	}
	p(strings.Repeat("=", textWidth))
	p()
	p("  ", d.Figure.Headline)
	if d.Figure.Range != "" {
		p("  ", d.Figure.Range)
	}
	for _, n := range d.Figure.Notes {
		wrap(p, n, "  ", "  ")
	}
	p()
	for _, l := range d.Limits {
		wrap(p, l, "  * ", "    ")
	}
	for _, s := range d.Sections {
		p()
		p(s.Title)
		p(strings.Repeat("-", min(textWidth, columns(s.Title)+8)))
		printed := false
		for _, b := range s.Blocks {
			if b.Wide != "" || b.Rungs != nil {
				continue
			}
			if printed && (b.Facts != nil || b.Table != nil) {
				p()
			}
			printed = true
			switch {
			case b.Para != "":
				wrap(p, b.Para, "  ", "  ")
			case b.Note != "":
				wrap(p, b.Note, "  ", "  ")
			case b.List != nil:
				for _, l := range b.List {
					wrap(p, l, "  - ", "    ")
				}
			case b.Facts != nil:
				key := 0
				for _, f := range b.Facts {
					key = max(key, columns(f.Key))
				}
				for _, f := range b.Facts {
					wrap(p, f.Value, "  "+pad(f.Key, key)+"  ", strings.Repeat(" ", key+4))
				}
			case b.Signs != nil:
				for _, f := range b.Signs {
					p("  ", f.Key, "  ", pad(f.Value, 24), "________________")
				}
			case b.Table != nil:
				textTable(p, *b.Table)
			case b.Bars != nil:
				textBars(p, b.Bars)
			}
		}
	}
	p()
	p(strings.Repeat("=", textWidth))
	p(d.Footer)
	return w.Flush()
}

func textTable(p func(...string), t table) {
	rows := append([][]string{t.Head}, t.Rows...)
	widths := make([]int, len(t.Head))
	total := func() (sum int) {
		for _, c := range widths {
			sum += c + 2
		}
		return sum
	}
	for _, r := range rows {
		for i, c := range r {
			widths[i] = max(widths[i], columns(clean(c)))
		}
	}
	// The widest text column gives way until the table fits.
	for total() > textWidth {
		wide := -1
		for i := range widths {
			if !t.Numeric[i] && widths[i] > 14 && (wide < 0 || widths[i] > widths[wide]) {
				wide = i
			}
		}
		if wide < 0 {
			break
		}
		widths[wide]--
	}
	for n, r := range rows {
		var b strings.Builder
		for i, c := range r {
			c = cut(clean(c), widths[i])
			gap := strings.Repeat(" ", widths[i]-columns(c))
			b.WriteString("  ")
			if t.Numeric[i] {
				b.WriteString(gap + c)
			} else {
				b.WriteString(c + gap)
			}
		}
		p(strings.TrimRight(b.String(), " "))
		if n == 0 {
			p("  " + strings.Repeat("-", min(textWidth, total())-2))
		}
	}
}

func textBars(p func(...string), bars []barLine) {
	label, value := 0, 0
	for _, b := range bars {
		label, value = max(label, min(46, columns(b.Label))), max(value, columns(b.Value))
	}
	for _, b := range bars {
		l := cut(b.Label, label)
		mark := "+"
		n := int(b.Share*24 + 0.5)
		if b.Share < 0 {
			mark, n = "-", int(-b.Share*24+0.5)
		}
		p(strings.TrimRight("  "+pad(l, label)+"  "+strings.Repeat(" ", value-columns(b.Value))+b.Value+"  "+strings.Repeat(mark, n), " "))
	}
}

// clean drops control characters: a title must not drive the terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n':
			return ' '
		case r < 0x20 || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069:
			return -1
		}
		return r
	}, s)
}

func runeColumns(r rune) int {
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// columns is the width of s on a terminal: two per wide character.
func columns(s string) (n int) {
	for _, r := range s {
		n += runeColumns(r)
	}
	return n
}

func pad(s string, n int) string { return s + strings.Repeat(" ", max(0, n-columns(s))) }

// cut shortens s to n columns.
func cut(s string, n int) string {
	if columns(s) <= n {
		return s
	}
	at := 0
	for i, r := range s {
		if at+runeColumns(r) > n-1 {
			return s[:i] + "…"
		}
		at += runeColumns(r)
	}
	return s
}

// wrap prints s in lines of textWidth, breaking at spaces or between wide
// characters, never before closing punctuation.
func wrap(p func(...string), s, first, rest string) {
	prefix := first
	line, at := "", columns(prefix)
	flush := func() {
		p(prefix, strings.TrimRight(line, " "))
		prefix, line, at = rest, "", columns(rest)
	}
	for _, word := range breakable(clean(s)) {
		n := columns(word)
		if at+n > textWidth && line != "" && !strings.ContainsAny(firstRune(word), "，。；：、）】”！？,.;:)!?") {
			flush()
			word = strings.TrimLeft(word, " ")
			n = columns(word)
		}
		line += word
		at += n
	}
	flush()
}

func firstRune(s string) string {
	for _, r := range s {
		return string(r)
	}
	return ""
}

// breakable splits s where a line may end: after a space and around every
// wide character.
func breakable(s string) []string {
	var out []string
	start := 0
	for i, r := range s {
		if runeColumns(r) == 2 || r == ' ' {
			if i > start {
				out = append(out, s[start:i])
			}
			end := i + len(string(r))
			out = append(out, s[i:end])
			start = end
		}
	}
	if start < len(s) {
		out = append(out, s[start:])
	}
	return out
}
