package deskfile

import (
	"crypto/sha256"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"zhijia/internal/sheet"
)

// Heading is one header of a file as the reader understands it.
type Heading struct {
	Header   string   `json:"header"`           // folded
	Column   string   `json:"column,omitempty"` // key of the column it is read as; empty: it is not read
	Guess    string   `json:"guess,omitempty"`  // of a header that is not read: the column it most likely is; empty: none is likely
	Examples []string `json:"examples"`         // the first values, at most three
}

// A Column is one a header may be mapped to.
type Column struct{ Key, Zh string }

// Columns are all that a header may be mapped to, in the template's order.
func Columns() []Column {
	out := make([]Column, len(knownColumns))
	for i := range knownColumns {
		out[i] = Column{knownColumns[i].key, knownColumns[i].zh}
	}
	return out
}

// lookedAt is how many rows give examples.
const lookedAt = 20

// Headings reads the top of a file and says what each of its headers is read
// as, and what those that are not read may be. set names the set of headers: it
// is equal for files with the same ones.
func Headings(r io.Reader, name string, o Options) (list []Heading, set []byte, err error) {
	b, err := newReader(o)
	if err != nil {
		return nil, nil, err
	}
	layout := b.layout()
	known := layout.Header
	layout.Header = func(cells []string) bool { return known(cells) || b.likely(cells) }
	at := map[string]int{}
	rows := 0
	for row, err := range sheet.Below(r, name, layout) {
		if row.Number == 0 {
			return nil, nil, err
		}
		if rows++; rows > lookedAt {
			break
		}
		for h, cell := range row.Cells {
			k, seen := at[h]
			if !seen {
				k = len(list)
				at[h] = k
				list = append(list, Heading{Header: h, Examples: []string{}})
			}
			if x := &list[k]; cell != "" && len(x.Examples) < 3 && !slices.Contains(x.Examples, clip(cell)) {
				x.Examples = append(x.Examples, clip(cell))
			}
		}
	}
	slices.SortFunc(list, func(a, b Heading) int { return strings.Compare(a.Header, b.Header) })
	taken := map[string]bool{}
	sum := sha256.New()
	for i := range list {
		x := &list[i]
		io.WriteString(sum, x.Header+"\n")
		if c, _ := b.columnOf(x.Header); c != nil {
			x.Column = c.key
			taken[c.key] = true
		}
	}
	for i := range list {
		if x := &list[i]; x.Column == "" && !strings.HasSuffix(x.Header, "(无表头)") {
			if x.Guess = guess(x); taken[x.Guess] {
				x.Guess = ""
			}
		}
	}
	return list, sum.Sum(nil), nil
}

// likely reports whether a row may be a header although no column of numbers is
// known: three short texts without a long number.
func (b *batchReader) likely(cells []string) bool {
	texts := 0
	for _, c := range cells {
		switch h := sheet.Header(c); {
		case h == "":
		case manyDigits.MatchString(h) || utf8.RuneCountInString(h) > 20:
			return false
		default:
			texts++
		}
	}
	return texts >= 3
}

// guess finds the column whose name shares the most pairs of characters with a
// header; below a half none is likely. The name in a guess is an offer: nothing
// is read by it before a person agrees.
func guess(x *Heading) (key string) {
	name := x.Header
	if m := unitSuffix.FindStringIndex(name); m != nil && m[0] > 0 {
		name = name[:m[0]]
	}
	best := 0.5
	for i := range knownColumns {
		c := &knownColumns[i]
		for _, n := range append([]string{c.zh}, c.names...) {
			if s := sheet.Alike(name, sheet.Header(n)); s > best {
				best, key = s, c.key
			}
		}
	}
	if key == "" {
		for _, e := range x.Examples { // numbers tell themselves
			if looksLikeNumber.MatchString(strings.ReplaceAll(e, " ", "")) {
				return "number"
			}
		}
	}
	return key
}
