// Package encumbrance is the one ledger of what rights are put up for: which
// states a use goes through, what stands against it, and whose consent clears
// it. Start with [Judge].
package encumbrance

import (
	"regexp"
	"strings"

	"zhijia/internal/fault"
	"zhijia/internal/mark"
	"zhijia/internal/patent"
)

// Kind is a kind of right.
type Kind string

// Kinds.
const (
	Patent    Kind = "patent"
	Trademark Kind = "trademark"
	Copyright Kind = "copyright"
	Layout    Kind = "layout" // layout-design of an integrated circuit
)

// Kinds are all of them.
var Kinds = []Kind{Patent, Trademark, Copyright, Layout}

// Zh returns the kind's Chinese name.
func (k Kind) Zh() string {
	return map[Kind]string{Patent: "专利权", Trademark: "注册商标专用权", Copyright: "著作权", Layout: "集成电路布图设计专有权"}[k]
}

// Right is one right by its number.
type Right struct {
	Kind   Kind   `json:"kind"`
	Number string `json:"number"` // normal form
}

// prefixes keep the keys of marks, copyrights and layouts apart from patents,
// whose key is their number's.
var prefixes = map[Kind]string{Trademark: "TM:", Copyright: "CR:", Layout: "LD:"}

var forms = map[Kind]*regexp.Regexp{
	Copyright: regexp.MustCompile(`^([0-9]{4}SR[0-9]{6,7}|\p{Han}作登字-[0-9]{4}-[A-L]-[0-9]{8})$`), // software; works
	Layout:    regexp.MustCompile(`^BS[0-9]{8,10}$`),
}

// ParseRight reads the number of a right as people write it.
func ParseRight(kind Kind, text string) (Right, error) {
	if kind == "" || kind == Patent {
		n, err := patent.ParseNumber(text)
		if err != nil {
			return Right{}, err
		}
		return Right{Patent, string(n.Key())}, nil
	}
	if kind == Trademark {
		n, err := mark.ParseNumber(text)
		if err != nil {
			return Right{}, err
		}
		return Right{Trademark, n}, nil
	}
	form, known := forms[kind]
	if !known {
		return Right{}, fault.New(fault.Invalid, "right.kind", "权利类型“"+string(kind)+"”不认识：可填 patent、trademark、copyright、layout。", "The kind of right is not known: patent, trademark, copyright or layout.")
	}
	s := strings.ToUpper(strings.Map(narrow, text))
	switch kind {
	case Copyright:
		s = strings.TrimSuffix(s, "号")
		if soft := strings.TrimPrefix(s, "软著登字第"); soft != s {
			return Right{}, fault.New(fault.Invalid, "right.number", "“软著登字第…号”是证书号，请填登记号（如 2020SR0123456）。", "That is the number of the certificate: give the registration, such as 2020SR0123456.")
		}
	case Layout:
		s = strings.NewReplacer(".", "", "-", "").Replace(s)
	}
	if !form.MatchString(s) {
		example := map[Kind]string{Copyright: "2020SR0123456 或 国作登字-2020-F-00012345", Layout: "BS.205001234"}[kind]
		return Right{}, fault.New(fault.Invalid, "right.number", kind.Zh()+"的登记号“"+text+"”不合格式，例："+example+"。", "The registration number "+text+" has not the form of its kind.")
	}
	return Right{kind, s}, nil
}

// KeyOf is the key of a right as a pool lists it, by its kind (empty: a patent);
// a number that cannot be read keys itself.
func KeyOf(kind patent.Kind, number string) string {
	of := map[patent.Kind]Kind{"trademark": Trademark, "copyright": Copyright, "layout_design": Layout}[kind]
	if of == "" {
		return string(patent.KeyOf(number))
	}
	r, err := ParseRight(of, number)
	if err != nil {
		return prefixes[of] + number
	}
	return r.Key()
}

// narrow drops spaces and folds full-width letters, digits and marks.
func narrow(r rune) rune {
	switch {
	case r == ' ' || r == '\t' || r == '　':
		return -1
	case r >= '！' && r <= '～':
		return r - '！' + '!'
	case r == '—' || r == '－' || r == '–':
		return '-'
	}
	return r
}

// Key is the right's key in the ledger: a patent's is its number.
func (r Right) Key() string { return prefixes[r.Kind] + r.Number }

// OfKey reads a key back.
func OfKey(key string) Right {
	for k, p := range prefixes {
		if n, ok := strings.CutPrefix(key, p); ok {
			return Right{k, n}
		}
	}
	return Right{Patent, key}
}
