package deal

import (
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode"
	"unicode/utf8"
)

// pattern is a regular expression that finds what [regexp.Regexp] finds, and
// in a long text sooner: it looks only where the first two characters of a
// match can stand. Most words of the rules begin with one of few characters,
// and the standard machine steps through every branch at every place.
type pattern struct {
	// whole runs where the first characters tell nothing: the expression can
	// match nothing, or only at the beginning. nil otherwise.
	whole *regexp.Regexp
	// here matches at the beginning of a piece; led does so behind one
	// character, for what looks at the character before it (^, \b).
	here, led *regexp.Regexp
	first     [1 << 16 / 64]uint64 // characters a match can begin with
	astral    bool                 // so can one above U+FFFF
	second    map[rune]follow      // what may come next; absent: anything
}

// follow is what may stand behind the first character of a match.
type follow struct {
	anything bool // the match may end there
	insts    []*syntax.Inst
}

// narrow is the largest class of characters whose followers are kept.
const narrow = 256

// compile reads an expression; it panics as [regexp.MustCompile] does.
func compile(expr string) *pattern {
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		panic("deal: " + err.Error())
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil {
		panic("deal: " + err.Error())
	}
	begin := closure(prog, uint32(prog.Start), false)
	if begin.nothing || len(begin.insts) == 0 {
		return &pattern{whole: regexp.MustCompile(expr)}
	}
	p := &pattern{here: regexp.MustCompile(`\A(?:` + expr + `)`), second: map[rune]follow{}}
	if begin.looks {
		p.led = regexp.MustCompile(`\A(?s:.)(?:` + expr + `)`)
	}
	var wide [1 << 16 / 64]uint64
	for _, inst := range begin.insts {
		ranges := rangesOf(inst)
		size := 0
		for i := 0; i < len(ranges); i += 2 {
			size += int(ranges[i+1]-ranges[i]) + 1
		}
		after := closure(prog, inst.Out, true)
		for i := 0; i < len(ranges); i += 2 {
			p.astral = p.astral || ranges[i+1] > 0xffff
			for r := ranges[i]; r <= min(ranges[i+1], 0xffff); r++ {
				p.first[r>>6] |= 1 << (r & 63)
				if size > narrow {
					wide[r>>6] |= 1 << (r & 63)
					continue
				}
				f := p.second[r]
				f.anything = f.anything || after.nothing
				f.insts = append(f.insts, after.insts...)
				p.second[r] = f
			}
		}
	}
	for r := range p.second {
		if wide[r>>6]&(1<<(r&63)) != 0 {
			delete(p.second, r)
		}
	}
	return p
}

// reach is what a program can do next without reading.
type reach struct {
	insts   []*syntax.Inst // that read a character
	nothing bool           // it can end
	looks   bool           // it asks for the character before
}

// closure follows a program from an instruction on; the beginning of the text
// is passed only where past is true.
func closure(prog *syntax.Prog, pc uint32, past bool) reach {
	var out reach
	seen := map[uint32]bool{}
	stack := []uint32{pc}
	for len(stack) > 0 {
		pc := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if seen[pc] {
			continue
		}
		seen[pc] = true
		inst := &prog.Inst[pc]
		switch inst.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			stack = append(stack, inst.Out, inst.Arg)
		case syntax.InstCapture, syntax.InstNop:
			stack = append(stack, inst.Out)
		case syntax.InstEmptyWidth:
			looks := syntax.EmptyOp(inst.Arg)&^(syntax.EmptyEndText|syntax.EmptyEndLine) != 0
			out.looks = out.looks || looks
			if past || syntax.EmptyOp(inst.Arg)&syntax.EmptyBeginText == 0 {
				stack = append(stack, inst.Out)
			}
		case syntax.InstMatch:
			out.nothing = true
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			out.insts = append(out.insts, inst)
		}
	}
	return out
}

// rangesOf lists the characters of an instruction, as pairs of bounds.
func rangesOf(inst *syntax.Inst) []rune {
	switch {
	case inst.Op == syntax.InstRuneAny || inst.Op == syntax.InstRuneAnyNotNL:
		return []rune{0, unicode.MaxRune}
	case len(inst.Rune) == 1:
		r := inst.Rune[0]
		out := []rune{r, r}
		if syntax.Flags(inst.Arg)&syntax.FoldCase != 0 {
			for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
				out = append(out, f, f)
			}
		}
		return out
	}
	return inst.Rune
}

// decode reads the character at a place as the standard machine does.
func decode(s string, i int) (rune, int) {
	switch c := s[i]; {
	case c < utf8.RuneSelf:
		return rune(c), 1
	case c&0xf0 == 0xe0 && i+2 < len(s) && s[i+1]&0xc0 == 0x80 && s[i+2]&0xc0 == 0x80:
		if r := rune(c&0xf)<<12 | rune(s[i+1]&0x3f)<<6 | rune(s[i+2]&0x3f); r >= 0x800 && (r < 0xd800 || r > 0xdfff) {
			return r, 3
		}
	}
	return utf8.DecodeRuneInString(s[i:])
}

// next finds the first match from a place on.
func (p *pattern) next(s string, from, before int) (m []int, at int) {
	for i := from; i < len(s); {
		r, size := decode(s, i)
		if i == 0 && p.led != nil || r > 0xffff && p.astral || r <= 0xffff && p.first[r>>6]&(1<<(r&63)) != 0 && p.goesOn(r, s, i+size) {
			if m := p.match(s, i, before); m != nil {
				return m, i
			}
		}
		before, i = i, i+size
	}
	return nil, len(s)
}

// goesOn reports whether what stands behind the first character can.
func (p *pattern) goesOn(r rune, s string, i int) bool {
	f, ok := p.second[r]
	if !ok || f.anything {
		return true
	}
	if i >= len(s) {
		return false
	}
	n, _ := decode(s, i)
	for _, inst := range f.insts {
		if inst.MatchRune(n) {
			return true
		}
	}
	return false
}

// match matches at a place; the character before it begins at before.
func (p *pattern) match(s string, i, before int) []int {
	base, re := i, p.here
	if p.led != nil && i > 0 {
		base, re = before, p.led
	}
	m := re.FindStringSubmatchIndex(s[base:])
	if m == nil {
		return nil
	}
	for k := range m {
		if m[k] >= 0 {
			m[k] += base
		}
	}
	m[0] = i
	return m
}

// MatchString reports whether the text has a match.
func (p *pattern) MatchString(s string) bool {
	if p.whole != nil {
		return p.whole.MatchString(s)
	}
	m, _ := p.next(s, 0, 0)
	return m != nil
}

// FindStringSubmatchIndex finds the first match and its groups.
func (p *pattern) FindStringSubmatchIndex(s string) []int {
	if p.whole != nil {
		return p.whole.FindStringSubmatchIndex(s)
	}
	m, _ := p.next(s, 0, 0)
	return m
}

// FindStringIndex finds the first match.
func (p *pattern) FindStringIndex(s string) []int {
	if m := p.FindStringSubmatchIndex(s); m != nil {
		return m[:2]
	}
	return nil
}

// FindString returns the first match.
func (p *pattern) FindString(s string) string {
	if m := p.FindStringSubmatchIndex(s); m != nil {
		return s[m[0]:m[1]]
	}
	return ""
}

// FindStringSubmatch returns the first match and its groups.
func (p *pattern) FindStringSubmatch(s string) []string {
	return groupsOf(s, p.FindStringSubmatchIndex(s))
}

// FindAllStringSubmatchIndex finds the first n matches and their groups, all
// where n is negative.
func (p *pattern) FindAllStringSubmatchIndex(s string, n int) [][]int {
	if p.whole != nil {
		return p.whole.FindAllStringSubmatchIndex(s, n)
	}
	var out [][]int
	for at, before := 0, 0; n < 0 || len(out) < n; {
		m, _ := p.next(s, at, before)
		if m == nil {
			break
		}
		out = append(out, m)
		at = m[1]
		_, size := utf8.DecodeLastRuneInString(s[:at])
		before = at - size
	}
	return out
}

// FindAllStringIndex finds the first n matches, all where n is negative.
func (p *pattern) FindAllStringIndex(s string, n int) [][]int {
	out := p.FindAllStringSubmatchIndex(s, n)
	for i := range out {
		out[i] = out[i][:2]
	}
	return out
}

// FindAllStringSubmatch returns the first n matches and their groups.
func (p *pattern) FindAllStringSubmatch(s string, n int) [][]string {
	var out [][]string
	for _, m := range p.FindAllStringSubmatchIndex(s, n) {
		out = append(out, groupsOf(s, m))
	}
	return out
}

func groupsOf(s string, m []int) []string {
	if m == nil {
		return nil
	}
	out := make([]string, len(m)/2)
	for i := range out {
		if m[2*i] >= 0 {
			out[i] = s[m[2*i]:m[2*i+1]]
		}
	}
	return out
}

// ReplaceAllString puts a text for every match.
func (p *pattern) ReplaceAllString(s, text string) string {
	return p.ReplaceAllStringFunc(s, func(string) string { return text })
}

// ReplaceAllStringFunc puts what a function makes of it for every match.
func (p *pattern) ReplaceAllStringFunc(s string, put func(string) string) string {
	var b strings.Builder
	at := 0
	for _, m := range p.FindAllStringIndex(s, -1) {
		b.WriteString(s[at:m[0]])
		b.WriteString(put(s[m[0]:m[1]]))
		at = m[1]
	}
	return b.String() + s[at:]
}
