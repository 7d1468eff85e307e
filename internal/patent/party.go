package patent

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"zhijia/internal/fault"
)

// Party is a person or body as one source names it.
type Party struct {
	Name   string   `json:"name"`
	Code   string   `json:"code,omitempty"`   // unified social credit code
	Former []string `json:"former,omitempty"` // earlier names
}

const creditAlphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"

// ParseCreditCode returns the normal form of a unified social credit code, or
// a fault that says what is wrong and, for a wrong check character, which one
// would be right (GB 32100-2015: weights 3^i mod 31, modulus 31).
func ParseCreditCode(s string) (string, error) {
	if len(s) > maxNumber {
		return "", fault.New(fault.Invalid, "credit_code.length", "统一社会信用代码应为18位。", "A unified social credit code has 18 characters.")
	}
	text, commas, ok := squeeze(s)
	if !ok || commas || len(text) != 18 {
		return "", fault.New(fault.Invalid, "credit_code.length", "统一社会信用代码应为18位。", "A unified social credit code has 18 characters.")
	}
	sum, weight := 0, 1
	for i := range 17 {
		v := strings.IndexByte(creditAlphabet, text[i])
		if v < 0 {
			return "", fault.New(fault.Invalid, "credit_code.characters", fmt.Sprintf("第%d位“%c”不会出现在统一社会信用代码中。", i+1, text[i]), fmt.Sprintf("Character %d, %c, is never in such a code.", i+1, text[i]))
		}
		sum += v * weight
		weight = weight * 3 % 31
	}
	if want := creditAlphabet[(31-sum%31)%31]; text[17] != want {
		full := text[:17] + string(want)
		return "", fault.New(fault.Invalid, "credit_code.check", "校验位不符，按前17位应为 "+full+"，请核对整个代码。", "The check character does not fit; these characters would need "+full+".")
	}
	return text, nil
}

// forms are the legal forms at the end of a name, longest first, with what
// they fold to.
var forms = []struct{ written, form string }{
	{"股份有限责任公司", "股份"},
	{"股份有限公司", "股份"},
	{"股份公司", "股份"},
	{"有限责任公司", "有限"},
	{"有限公司", "有限"},
	{"有限责任", "有限"},
	{"公司", ""},
}

// NormalName folds a name for comparison: full width to half, lower case, no
// spaces, brackets or punctuation, and the variants of a legal form to one. It
// returns the name without its form and the form (有限, 股份 or none).
func NormalName(name string) (core, form string) {
	core = strings.Map(func(r rune) rune {
		if r >= 0xff01 && r <= 0xff5e {
			r -= 0xfee0
		}
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
	for _, f := range forms {
		if rest, ok := strings.CutSuffix(core, f.written); ok && rest != "" {
			return rest, f.form
		}
	}
	return core, ""
}

// Band is what to do with a match.
type Band string

// Bands.
const (
	Same      Band = "same"      // taken without asking
	Uncertain Band = "uncertain" // for a person to decide
	Different Band = "different"
)

// Match is one candidate for a party.
type Match struct {
	Party   int      `json:"party"` // index in the register
	Score   float64  `json:"score"` // 0 to 1; an order, not a probability
	Band    Band     `json:"band"`
	Reasons []string `json:"reasons"` // Chinese
}

// Parties is a register of parties that finds the ones a name may mean. It is
// read only once made and safe for concurrent use.
type Parties struct {
	list    []Party
	byCode  map[string][]int32
	byName  map[string][]int32 // by core and form, current and former
	seed    maphash.Seed
	deletes []deletion // cores with one character left out, by hash
}

type deletion struct {
	hash  uint64
	party int32
}

// NewParties returns a register of the parties. Codes that do not check are
// not used.
func NewParties(list []Party) *Parties {
	p := &Parties{list: list, byCode: map[string][]int32{}, byName: make(map[string][]int32, len(list)), seed: maphash.MakeSeed()}
	for i, x := range list {
		if code, err := ParseCreditCode(x.Code); err == nil {
			p.byCode[code] = append(p.byCode[code], int32(i))
		}
		for k, name := range append([]string{x.Name}, x.Former...) {
			core, form := NormalName(name)
			if core == "" {
				continue
			}
			key := core + "|" + form
			if !slices.Contains(p.byName[key], int32(i)) {
				p.byName[key] = append(p.byName[key], int32(i))
			}
			if k == 0 {
				p.eachDeletion(whole(core, form), func(h uint64) { p.deletes = append(p.deletes, deletion{h, int32(i)}) })
			}
		}
	}
	slices.SortFunc(p.deletes, func(a, b deletion) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.party, b.party)) })
	return p
}

// whole is a name with its legal form written one way: a slip may be in either.
func whole(core, form string) string {
	switch form {
	case "有限":
		return core + "有限公司"
	case "股份":
		return core + "股份有限公司"
	}
	return core
}

// eachDeletion visits a text and every text one character shorter.
func (p *Parties) eachDeletion(text string, visit func(uint64)) {
	var h maphash.Hash
	h.SetSeed(p.seed)
	h.WriteString(text)
	visit(h.Sum64())
	for i, r := range text {
		h.Reset()
		h.WriteString(text[:i])
		h.WriteString(text[i+utf8.RuneLen(r):])
		visit(h.Sum64())
	}
}

// longEnough reports whether a slip of the pen in a name can be told from
// another name: from six characters without the legal form, four for
// institutions, of which there are few.
func longEnough(core string) bool {
	n := utf8.RuneCountInString(core)
	return n >= 6 || n >= 4 && slices.ContainsFunc([]string{"大学", "学院", "医院", "研究院", "研究所"}, func(end string) bool { return strings.HasSuffix(core, end) })
}

// Find returns the candidates for a party, the best first, none when nothing
// is near. At most one is the same.
func (p *Parties) Find(q Party) []Match { return p.near(q, -1) }

// near is Find but for one party of the register, which is not a candidate.
func (p *Parties) near(q Party, but int32) []Match {
	found := map[int32]*Match{}
	put := func(i int32, score float64, band Band, reason string) {
		if i == but {
			return
		}
		m := found[i]
		if m == nil {
			m = &Match{Party: int(i)}
			found[i] = m
		}
		if score > m.Score {
			m.Score, m.Band = score, band
		}
		m.Reasons = append(m.Reasons, reason)
	}
	code, err := ParseCreditCode(q.Code)
	if err != nil {
		code = ""
	}
	core, form := NormalName(q.Name)
	for _, i := range p.byCode[code] {
		put(i, 1, Same, "统一社会信用代码一致")
	}
	for _, name := range append([]string{q.Name}, q.Former...) {
		c, f := NormalName(name)
		for _, i := range p.byName[c+"|"+f] {
			put(i, 0.99, Same, "名称一致（含曾用名与写法变体）")
		}
	}
	if len(found) == 0 && core != "" {
		for _, f := range []string{"有限", "股份", ""} {
			for _, i := range p.byName[core+"|"+f] {
				if f != form {
					put(i, 0.8, Uncertain, "名称一致，组织形式不同")
				}
			}
		}
		p.slips(core, form, but, put)
	}
	out := make([]Match, 0, len(found))
	same := 0
	for _, m := range found {
		theirs, err := ParseCreditCode(p.list[m.Party].Code)
		switch {
		case err == nil && code != "" && theirs != code:
			m.Score, m.Band = 0.4, Uncertain
			m.Reasons = append(m.Reasons, "统一社会信用代码不同")
		case m.Band == Same:
			same++
		}
		out = append(out, *m)
	}
	if same > 1 { // a name that several carry, a code given twice
		for i := range out {
			if out[i].Band == Same {
				out[i].Band = Uncertain
				out[i].Reasons = append(out[i].Reasons, "不止一个主体符合")
			}
		}
	}
	slices.SortFunc(out, func(a, b Match) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Party, b.Party)) })
	return out
}

// maxNear is how many names may be one slip away for a slip to be thought of.
const maxNear = 20

// slips finds names one slip away. A character left out, doubled or swapped
// with its neighbour is taken for a slip when only one name is that near; one
// character in place of another may as well be another firm and is for a
// person to decide.
func (p *Parties) slips(core, form string, but int32, put func(int32, float64, Band, string)) {
	type neighbour struct{ core, kind string }
	near := map[int32]neighbour{}
	ours := whole(core, form)
	p.eachDeletion(ours, func(h uint64) {
		i, _ := slices.BinarySearchFunc(p.deletes, h, func(d deletion, h uint64) int { return cmp.Compare(d.hash, h) })
		for ; i < len(p.deletes) && p.deletes[i].hash == h && len(near) <= maxNear; i++ {
			id := p.deletes[i].party
			if _, seen := near[id]; seen || id == but {
				continue
			}
			theirs, f := NormalName(p.list[id].Name)
			if kind := slip([]rune(ours), []rune(whole(theirs, f))); kind != "" {
				near[id] = neighbour{theirs, kind}
			}
		}
	})
	if len(near) > maxNear { // numbered names: each is near so many that none is meant
		return
	}
	for id, n := range near {
		if n.kind != slipOther && len(near) == 1 && longEnough(n.core) {
			put(id, 0.93, Same, "名称仅有一处笔误（"+n.kind+"），且无其他相近名称")
		} else {
			put(id, 0.7, Uncertain, "名称相近（"+n.kind+"）")
		}
	}
}

const slipOther = "一字不同"

// slip names the one slip that turns a into b, empty when it takes more.
func slip(a, b []rune) string {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	switch {
	case len(a) == len(b) && i == len(a):
		return ""
	case len(a) == len(b) && slices.Equal(a[i+1:], b[i+1:]):
		return slipOther
	case len(a) == len(b) && i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && slices.Equal(a[i+2:], b[i+2:]):
		return "相邻两字颠倒"
	case len(a)+1 == len(b) && slices.Equal(a[i:], b[i+1:]), len(a) == len(b)+1 && slices.Equal(a[i+1:], b[i:]):
		return "多一字或少一字"
	}
	return ""
}
