// Package claim reads the claims of a Chinese patent by the grammar they are
// written in: which stand alone, which lean on which, and what each is made of.
// Start with [Parse]. No model is asked; what the grammar does not tell is
// reported and never guessed.
package claim

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kind says how a claim stands to the others.
type Kind string

// Kinds. Referring is an independent claim that names another one, e.g. the use
// of a product that was claimed before: it is written by reference and narrows
// nothing. Unclear is a claim whose reference leads nowhere.
const (
	Independent Kind = "independent"
	Dependent   Kind = "dependent"
	Referring   Kind = "independent_referring"
	Unclear     Kind = "unclear"
)

// Category says what a claim protects.
type Category string

// Categories.
const (
	Product Category = "product"
	Method  Category = "method"
	Use     Category = "use"
	Unknown Category = "unknown"
)

// Role is what a piece of a claim does in it.
type Role string

// Roles. The subject's piece holds the reference of a dependent claim too.
const (
	Subject        Role = "subject"
	Preamble       Role = "preamble" // known features, before 其特征在于
	Transition     Role = "transition"
	Characterising Role = "element"
)

// Piece is a part of a claim. The pieces of a claim, put together, are its text
// letter by letter.
type Piece struct {
	Role  Role   `json:"role"`
	Text  string `json:"text"`
	Start int    `json:"start"` // byte offsets in the text of all claims
	End   int    `json:"end"`
}

// Problem is what a person should look at. Claim is 0 where it is about all.
type Problem struct {
	Claim int    `json:"claim,omitempty"`
	Code  string `json:"code"`
	Zh    string `json:"zh"`
	En    string `json:"en"`
}

// Claim is one claim. Numbers of other claims are the printed ones.
type Claim struct {
	Number   int      `json:"number"`
	Kind     Kind     `json:"kind"`
	Category Category `json:"category"`
	Subject  string   `json:"subject"` // what is claimed, in the claim's words; empty: not found
	Refers   []int    `json:"refers"`  // claims it names, as printed, those that lead nowhere among them
	Parents  []int    `json:"parents"` // claims it leans on
	Multiple bool     `json:"multiple"`
	Roots    []int    `json:"roots"` // independent claims it comes from
	Depth    int      `json:"depth"` // steps to the nearest of them
	Children []int    `json:"children"`
	Elements int      `json:"elements"` // of its own, those it takes over not counted
	Pieces   []Piece  `json:"pieces"`
	Text     string   `json:"text"`
	Start    int      `json:"start"`
	End      int      `json:"end"`
}

// Tree is the claims of a patent.
type Tree struct {
	Count       int       `json:"count"`
	Independent []int     `json:"independent"` // numbers
	Claims      []Claim   `json:"claims"`
	Problems    []Problem `json:"problems"`
}

// MaxText bounds what is read, in bytes.
const MaxText = 1 << 20

// maxClaims bounds the claims that are read; more are reported.
const maxClaims = 2000

var (
	startPattern = regexp.MustCompile(`(?:^|[\n。])[\s\p{Zs}]*(?:权利要求)?([0-9０-９]{1,4})[\s\p{Zs}]*(?:[.．、:：]|[\s\p{Zs}]+)[\s\p{Zs}]*`)
	claimLike    = regexp.MustCompile(`^(?:一[种类套组个款项]|(?:根据|依据|依照|按照|如|按|据)?[^。；;\n]{0,20}权利要求|用于|[^。\n]{0,120}其?特征)`)
	refPattern   = regexp.MustCompile(`权利要求书?[\s\p{Zs}]*第?[\s\p{Zs}]*([0-9０-９]+[\s\p{Zs}]*项?(?:[\s\p{Zs}]*(?:[-–—－−~～〜至到]|或者|或|以及|及|和|与|、|,|，)[\s\p{Zs}]*(?:权利要求)?[\s\p{Zs}]*第?[\s\p{Zs}]*[0-9０-９]+[\s\p{Zs}]*项?)*)`)
	allBefore    = regexp.MustCompile(`(?:上述|前述|以上|前面|在先)(?:的)?(?:任一项?|任意一项|任何一项|各项?|所有)?(?:的)?权利要求`)
	looseRef     = regexp.MustCompile(`权利要求[\s\p{Zs}]*第?[一二三四五六七八九十百]`)
	partPattern  = regexp.MustCompile(`[0-9０-９]+|[-–—－−~～〜至到]|或者|或|以及|及|和|与|、|,|，`)
	leading      = regexp.MustCompile(`^(?:一种)?(?:根据|依据|依照|按照|如|按|据)?[\s\p{Zs}]*(?:在?(?:上述|前述|以上|在先)[^，,；;。]{0,12})?权利要求`)
	afterRef     = regexp.MustCompile(`^[\s\p{Zs}]*(?:之?中)?(?:的)?(?:任[意何]?一?(?:项|个|权利要求|权项)?|之一|其中之一|各项)?(?:权利要求)?(?:中)?(?:任[意何]?一项)?[\s\p{Zs}]*(?:(?:所|中)?(?:述|限定|要求保护|记载|描述)(?:及)?|的)?(?:的)?(?:任一种?)?`)
	transition   = regexp.MustCompile(`(?:，|,|、)?[\s\p{Zs}]*(?:其(?:改进的?)?特征[\s\p{Zs}]*(?:在于|是|为)|(?:主要|技术)?特征在于|其改进(?:之处)?在于)[\s\p{Zs}]*[:：，,]?[\s\p{Zs}]*`)
	openPattern  = regexp.MustCompile(`(?:[，,][\s\p{Zs}]*)?(?:其中|它|其|该\p{Han}{1,8})?(?:主要)?(?:包括有|包括|包含有|包含|含有|具有|设有|由以下|由下列)[^，,；;：:。\n]{0,16}[:：]|[，,：:]`)
	stepPattern  = regexp.MustCompile(`[；;\n]`)
	methodEnd    = regexp.MustCompile(`(?:方法|工艺|工序|流程|步骤|法|过程)$`)
	useEnd       = regexp.MustCompile(`(?:用途|应用|使用)$`)
	madeBy       = regexp.MustCompile(`(?:采用|使用|利用|通过|应用|由|按照|根据|依据).*(?:制备|制得|制成|得到|获得|生产|加工|形成|制造)`)
	holding      = regexp.MustCompile(`^一种.{0,60}?(?:包括|包含)`)
	article      = regexp.MustCompile(`^一[种类套组个款项]`)
)

// digits reads a whole number in either width.
func digits(s string) int {
	n := 0
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			n = 10*n + int(r-'0')
		case r >= '０' && r <= '９':
			n = 10*n + int(r-'０')
		}
		if n > 1e6 {
			return 1e6
		}
	}
	return n
}

// Parse reads the claims of a text. It never fails: what it cannot read is a
// problem. A text over [MaxText] is cut and said to be.
func Parse(text string) Tree {
	t := Tree{Independent: []int{}, Claims: []Claim{}, Problems: []Problem{}}
	if len(text) > MaxText {
		text = text[:MaxText]
		for !utf8.ValidString(text[len(text)-min(4, len(text)):]) && len(text) > 0 && !utf8.RuneStart(text[len(text)-1]) {
			text = text[:len(text)-1]
		}
		t.problem(0, "claims.cut", "文本过长，只读了前 1 MiB。", "The text is too long; the first 1 MiB was read.")
	}
	switch {
	case strings.TrimSpace(text) == "":
		t.problem(0, "claims.none", "没有权利要求文本。", "There is no text of claims.")
		return t
	case !strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) }):
		t.problem(0, "claims.language", "不是中文权利要求，语法规则不适用，未作拆分。", "The claims are not in Chinese; the grammar does not apply and nothing was read.")
		return t
	}
	t.split(text)
	for i := range t.Claims {
		t.read(&t.Claims[i], text)
	}
	t.link()
	t.Count = len(t.Claims)
	for _, c := range t.Claims {
		if c.Kind == Independent || c.Kind == Referring {
			t.Independent = append(t.Independent, c.Number)
		}
	}
	return t
}

func (t *Tree) problem(claim int, code, zh, en string) {
	t.Problems = append(t.Problems, Problem{claim, code, zh, en})
}

// split finds where each claim begins. A number begins a claim when the one
// before it has ended and it is the next, or when what follows is worded as a
// claim: a step 2、 inside a claim is none.
func (t *Tree) split(text string) {
	type start struct{ number, at, body int }
	var starts []start
	ended := func(at int) bool { // the claim before ended with a full stop
		before := strings.TrimRightFunc(text[:at], unicode.IsSpace)
		return strings.HasSuffix(before, "。") || strings.HasSuffix(before, ".")
	}
	for _, m := range startPattern.FindAllStringSubmatchIndex(text, -1) {
		n, body := digits(text[m[2]:m[3]]), m[1]
		rest := text[body:min(len(text), body+600)]
		mark := strings.TrimSpace(text[m[3]:m[1]])
		if (mark == "." || mark == "．") && rest != "" && rest[0] >= '0' && rest[0] <= '9' && text[m[1]-1] == '.' {
			continue // 1.5 倍
		}
		like := claimLike.MatchString(rest)
		if mark == "" && !like { // no mark after the number: a figure at the head of a line
			continue
		}
		last := 0
		if len(starts) > 0 {
			last = starts[len(starts)-1].number
		}
		switch {
		case len(starts) == 0 && (n == 1 || like):
		case len(starts) > 0 && n == last+1 && (ended(m[2]) || like):
		case len(starts) > 0 && like:
		default:
			continue
		}
		if len(starts) == maxClaims {
			t.problem(0, "claims.too_many", fmt.Sprintf("权利要求多于 %d 项，其余未读。", maxClaims), fmt.Sprintf("More than %d claims; the rest was not read.", maxClaims))
			break
		}
		if len(starts) > 0 && !ended(m[2]) {
			t.problem(last, "claims.no_full_stop", fmt.Sprintf("权利要求%d未以句号结束。", last), fmt.Sprintf("Claim %d does not end with a full stop.", last))
		}
		switch {
		case len(starts) == 0 && n != 1:
			t.problem(n, "claims.number_order", fmt.Sprintf("权利要求从第%d项开始，前面的没有给出。", n), fmt.Sprintf("The claims begin with number %d; those before are not given.", n))
		case slices.ContainsFunc(starts, func(s start) bool { return s.number == n }):
			t.problem(n, "claims.number_twice", fmt.Sprintf("编号%d出现不止一次，引用它的权利要求不能确定。", n), fmt.Sprintf("Number %d stands more than once; what refers to it is not settled.", n))
		case len(starts) > 0 && n != last+1:
			t.problem(n, "claims.number_order", fmt.Sprintf("编号不连续：%d之后是%d。", last, n), fmt.Sprintf("The numbers are not in order: %d after %d.", n, last))
		}
		starts = append(starts, start{n, m[2], body})
	}
	if len(starts) == 0 { // one claim without a number
		body := len(text) - len(strings.TrimLeftFunc(text, unicode.IsSpace))
		t.problem(0, "claims.unnumbered", "权利要求没有编号，按一项处理。", "The claims bear no numbers and are read as one.")
		starts = []start{{1, body, body}}
	}
	for i, s := range starts {
		end := len(text)
		if i+1 < len(starts) {
			end = starts[i+1].at
		}
		body := strings.TrimRightFunc(text[s.body:end], unicode.IsSpace)
		if body == "" {
			t.problem(s.number, "claims.empty", fmt.Sprintf("权利要求%d没有内容。", s.number), fmt.Sprintf("Claim %d is empty.", s.number))
		}
		t.Claims = append(t.Claims, Claim{
			Number: s.number, Text: body, Start: s.body, End: s.body + len(body),
			Refers: []int{}, Parents: []int{}, Roots: []int{}, Children: []int{}, Pieces: []Piece{},
		})
	}
}

// numbers reads a list of claims: 1至3、5或7.
func numbers(list string) []int {
	var out []int
	from := 0 // before a dash
	for _, part := range partPattern.FindAllString(list, -1) {
		if r, _ := utf8.DecodeRuneInString(part); !(r >= '0' && r <= '9' || r >= '０' && r <= '９') {
			if strings.ContainsRune("-–—－−~～〜至到", r) && len(out) > 0 {
				from = out[len(out)-1]
			} else {
				from = 0
			}
			continue
		}
		n := digits(part)
		if from > 0 && n > from && n-from <= maxClaims {
			for k := from + 1; k < n; k++ {
				out = append(out, k)
			}
		}
		from = 0
		out = append(out, n)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// read finds the references, the subject and the pieces of a claim.
func (t *Tree) read(c *Claim, text string) {
	body := c.Text
	cut := len(body)
	var open []int
	if m := transition.FindStringIndex(body); m != nil {
		cut, open = m[0], m
	}
	lead := leading.MatchString(body)
	refEnd := 0
	for _, m := range refPattern.FindAllStringSubmatchIndex(body, -1) {
		list := numbers(body[m[2]:m[3]])
		if refEnd == 0 {
			refEnd = m[1]
			c.Multiple = len(list) > 1
			if len(list) > 1 && lead && !strings.ContainsAny(body[m[2]:m[3]], "或至到-–—－−~～〜") && !strings.Contains(body[m[1]:min(len(body), m[1]+30)], "任") && !strings.Contains(body[m[1]:min(len(body), m[1]+30)], "之一") {
				t.problem(c.Number, "claims.not_alternative", fmt.Sprintf("权利要求%d引用多项，但未以择一方式引用。", c.Number), fmt.Sprintf("Claim %d refers to several claims, not in the alternative.", c.Number))
			}
		}
		c.Refers = append(c.Refers, list...)
	}
	if m := allBefore.FindStringIndex(body); m != nil && refEnd == 0 {
		refEnd = m[1]
		for _, other := range t.Claims {
			if other.Number < c.Number {
				c.Refers = append(c.Refers, other.Number)
			}
		}
		c.Multiple = len(c.Refers) > 1
	}
	if len(c.Refers) == 0 && looseRef.MatchString(body) {
		t.problem(c.Number, "claims.reference_unread", fmt.Sprintf("权利要求%d的引用写法无法识别。", c.Number), fmt.Sprintf("The reference of claim %d cannot be read.", c.Number))
		c.Kind = Unclear
	}
	slices.Sort(c.Refers)
	c.Refers = slices.Compact(c.Refers)
	// The subject stands before 其特征在于, or before the first stop.
	head := cut
	from := 0
	if lead && refEnd > 0 && refEnd <= cut {
		from = refEnd + len(afterRef.FindString(body[refEnd:]))
		from = min(from, cut)
	}
	if m := openPattern.FindStringIndex(body[from:cut]); m != nil {
		head = from + m[0]
	}
	if from == 0 {
		if m := holding.FindStringIndex(body[:head]); m != nil && open == nil {
			head = min(head, m[1]-len("包括"))
		}
	}
	c.Subject = strings.TrimSpace(strings.TrimFunc(article.ReplaceAllString(strings.TrimSpace(body[from:head]), ""), func(r rune) bool { return strings.ContainsRune("，,。；;：: 的", r) }))
	c.Category = categoryOf(c.Subject)
	if lead && refEnd > 0 && c.Kind == "" {
		c.Kind = Dependent
	}
	t.pieces(c, head, open)
}

// categoryOf reads what is protected from the last word of the subject.
func categoryOf(subject string) Category {
	switch {
	case subject == "":
		return Unknown
	case useEnd.MatchString(subject):
		return Use
	case methodEnd.MatchString(subject):
		return Method
	}
	return Product
}

// pieces cuts a claim into its subject, what is known, 其特征在于, and the
// elements after it.
func (t *Tree) pieces(c *Claim, head int, open []int) {
	body := c.Text
	add := func(role Role, a, b int) {
		if a < b {
			c.Pieces = append(c.Pieces, Piece{role, body[a:b], c.Start + a, c.Start + b})
		}
	}
	at := head
	add(Subject, 0, head)
	if open != nil {
		list(body, at, open[0], func(a, b int) { add(Preamble, a, b) })
		add(Transition, open[0], open[1])
		at = open[1]
	} else if m := openPattern.FindStringIndex(body[at:]); m != nil && m[0] == 0 && m[1] > 3 {
		add(Transition, at, at+m[1])
		at += m[1]
	}
	list(body, at, len(body), func(a, b int) { add(Characterising, a, b) })
	for _, p := range c.Pieces {
		if p.Role == Preamble || p.Role == Characterising {
			c.Elements++
		}
	}
}

// list cuts a stretch at semicolons and line ends, or at commas where it has
// neither; each cut stays with what stands before it. Brackets are not cut.
func list(body string, a, b int, add func(a, b int)) {
	cuts := ";；\n"
	if !stepPattern.MatchString(strings.TrimRight(body[a:b], "；;\n 。")) {
		cuts = "，,"
	}
	depth, from := 0, a
	solid := func(s string) bool {
		return strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsSpace(r) && !unicode.IsPunct(r) })
	}
	for i, r := range body[a:b] {
		switch {
		case strings.ContainsRune("（([【", r):
			depth++
		case strings.ContainsRune("）)]】", r) && depth > 0:
			depth--
		case depth == 0 && strings.ContainsRune(cuts, r):
			if end := a + i + utf8.RuneLen(r); solid(body[from:end]) && solid(body[end:b]) {
				add(from, end)
				from = end
			}
		}
	}
	add(from, b)
}

// link settles which claim leans on which. A reference that leads nowhere,
// forward, to itself or in a circle is reported and not followed.
func (t *Tree) link() {
	at := map[int]int{}
	twice := map[int]bool{}
	for i, c := range t.Claims {
		if _, ok := at[c.Number]; ok {
			twice[c.Number] = true
		}
		at[c.Number] = i
	}
	for i := range t.Claims {
		c := &t.Claims[i]
		var good []int
		for _, n := range c.Refers {
			j, ok := at[n]
			switch {
			case !ok:
				t.problem(c.Number, "claims.reference_missing", fmt.Sprintf("权利要求%d引用的权利要求%d不存在。", c.Number, n), fmt.Sprintf("Claim %d refers to claim %d, which is not there.", c.Number, n))
			case twice[n]:
				t.problem(c.Number, "claims.reference_ambiguous", fmt.Sprintf("权利要求%d引用的编号%d不止一项。", c.Number, n), fmt.Sprintf("Claim %d refers to number %d, which stands more than once.", c.Number, n))
			case n == c.Number:
				t.problem(c.Number, "claims.reference_self", fmt.Sprintf("权利要求%d引用了自身。", c.Number), fmt.Sprintf("Claim %d refers to itself.", c.Number))
			case j >= i:
				if slices.Contains(t.Claims[j].Refers, c.Number) {
					t.problem(c.Number, "claims.reference_cycle", fmt.Sprintf("权利要求%d与%d互相引用。", c.Number, n), fmt.Sprintf("Claims %d and %d refer to each other.", c.Number, n))
				}
				t.problem(c.Number, "claims.reference_forward", fmt.Sprintf("权利要求%d引用了在后的权利要求%d。", c.Number, n), fmt.Sprintf("Claim %d refers to claim %d, which stands after it.", c.Number, n))
			default:
				good = append(good, n)
			}
		}
		switch {
		case c.Kind == Unclear:
		case len(c.Refers) == 0:
			c.Kind = Independent
		case len(good) == 0:
			c.Kind = Unclear
		case c.Kind == Dependent && t.other(c, &t.Claims[at[good[0]]]):
			c.Kind = Referring
		case c.Kind != Dependent:
			c.Kind = Referring
		}
		switch c.Kind {
		case Dependent:
			c.Parents = append(c.Parents, good...)
			t.depend(c, at)
		case Independent, Referring:
			c.Roots = []int{c.Number}
			if c.Subject == "" {
				t.problem(c.Number, "claims.no_subject", fmt.Sprintf("权利要求%d的主题名称无法识别。", c.Number), fmt.Sprintf("The subject of claim %d cannot be found.", c.Number))
			}
		}
	}
}

// other reports whether a claim that leads with a reference protects something
// else than the claim it names: its use, the way to make it, what holds it.
func (t *Tree) other(c, parent *Claim) bool {
	if c.Subject == "" || parent.Subject == "" {
		return false
	}
	return c.Category != parent.Category || c.Category == Product && madeBy.MatchString(c.Subject)
}

// depend joins a claim to those it leans on.
func (t *Tree) depend(c *Claim, at map[int]int) {
	c.Depth = maxClaims
	for _, n := range c.Parents {
		p := &t.Claims[at[n]]
		p.Children = append(p.Children, c.Number)
		c.Depth = min(c.Depth, p.Depth+1)
		c.Roots = append(c.Roots, p.Roots...)
		if c.Multiple && p.Multiple && p.Kind == Dependent {
			t.problem(c.Number, "claims.multiple_on_multiple", fmt.Sprintf("多项从属权利要求%d引用了多项从属权利要求%d（实施细则第二十五条）。", c.Number, n), fmt.Sprintf("Claim %d, which refers to several, refers to claim %d, which does too.", c.Number, n))
		}
		if c.Subject == "" {
			c.Subject, c.Category = p.Subject, p.Category
		}
		if !akin(c.Subject, p.Subject) {
			t.problem(c.Number, "claims.subject_differs", "权利要求"+strconv.Itoa(c.Number)+"的主题名称“"+c.Subject+"”与所引用的权利要求"+strconv.Itoa(n)+"“"+p.Subject+"”不一致。",
				fmt.Sprintf("The subject of claim %d (“%s”) is not that of claim %d (“%s”), on which it leans.", c.Number, c.Subject, n, p.Subject))
		}
	}
	if len(c.Roots) == 0 { // it leans on what is unclear itself
		c.Kind = Unclear
		t.problem(c.Number, "claims.reference_unclear", fmt.Sprintf("权利要求%d所引用的权利要求本身引用不清。", c.Number), fmt.Sprintf("What claim %d leans on is unclear itself.", c.Number))
	}
	slices.Sort(c.Roots)
	c.Roots = slices.Compact(c.Roots)
}

// akin reports whether two subjects may be one, the shorter a tail of the longer.
func akin(a, b string) bool {
	return a == "" || b == "" || strings.HasSuffix(a, b) || strings.HasSuffix(b, a)
}

// First returns the place of the first independent claim, or -1.
func (t *Tree) First() int {
	return slices.IndexFunc(t.Claims, func(c Claim) bool { return c.Kind == Independent })
}
