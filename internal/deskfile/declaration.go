package deskfile

import (
	"slices"
	"strings"

	"zhijia/internal/patent"
	"zhijia/internal/sheet"
)

// declared is what the parties state on the two grounds that a statement can
// answer.
type declared struct {
	twin       patent.Truth      // a same-day application of the other kind, as they say
	challenged patent.Truth      // an invalidation, as they say
	statements map[string]string // those that clear a ground, by its code
	unread     bool
}

// readDeclaration reads E10：… and E11：… . A statement clears a ground when it
// says that the parties know of the same-day application or the proceedings and
// go on with the registration (article 11, nos. 10 and 11); that there is one
// or none is an answer, and a refusal clears nothing.
func readDeclaration(text string) (d declared) {
	code := ""
	for _, part := range strings.FieldsFunc(sheet.Narrow(text), func(r rune) bool { return strings.ContainsRune(";；\n|", r) }) {
		part = strings.TrimSpace(part)
		for _, c := range []string{"E10", "E11"} {
			if rest, ok := strings.CutPrefix(strings.ToUpper(part), c); ok {
				code, part = c, part[len(part)-len(rest):]
			}
		}
		part = strings.TrimLeft(part, ":： ,，.、")
		if part == "" || isEmpty(part) {
			continue
		}
		d.one(code, part)
	}
	return d
}

func (d *declared) one(code, text string) {
	tokens := vocabularies["declaration"].tokens(text)
	words := slices.DeleteFunc(slices.Clone(tokens), func(t token) bool {
		return slices.Contains([]string{"fill", "filler", "yes", "all", "both", "pledgor", "pledgee", ":", ",", "、", " "}, t.class)
	})
	negators := count(words, "negator")
	plain := count(words, "negator", "know", "go", "register", "twin", "kind", "proceeding") == len(words)
	one := count(tokens, "both") == 0 && (count(tokens, "pledgor") > 0) != (count(tokens, "pledgee") > 0)
	keep := func() {
		if one { // one of the parties speaks for himself
			d.unread = true
			return
		}
		if d.statements == nil {
			d.statements = map[string]string{}
		}
		d.statements[code] = text
	}
	switch {
	case code == "" || !plain || negators > 1 || isPointer(text):
		d.unread = true
	case code == "E10" && count(words, "twin") > 0 && count(words, "know", "go") == 0:
		if d.twin = patent.Yes; negators == 1 {
			d.twin = patent.No
		}
	case code == "E10" && count(words, "twin") > 0 && negators == 0 && count(words, "go") > 0 && count(words, "register") > 0:
		d.twin = patent.Yes
		keep()
	case code == "E11" && negators == 0 && count(words, "know") > 0 && count(words, "go") > 0 && count(words, "register") > 0:
		keep()
	case code == "E11" && negators == 1 && count(words, "proceeding") > 0 && count(words, "know", "go") == 0:
		d.challenged = patent.No
	default:
		d.unread = true
	}
}
