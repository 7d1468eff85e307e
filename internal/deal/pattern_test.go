package deal

import (
	"reflect"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// A pattern finds what the standard machine finds, in any text, broken
// characters and all.
func TestPatternsFindWhatRegexpFinds(t *testing.T) {
	exprs := []string{
		`转让|许可(?:给|予)?`, `(甲|乙)方`, `(?:^|[\n。])([甲乙])`, `^甲`, `甲$`, `(?:甲|乙)*`, `[^。\n]{0,3}甲`, `甲[^。]{0,3}?乙`, `(?i:sole|assign)`, `\bsole`, `[0-9](?: ?[0-9]){2,4}`,
		`[\p{Han}]{2,3}甲`, `(?:¥|元)? ?([0-9]+)(?:万|亿)?(元)?`, `甲|甲乙|甲乙方`, `(?:|甲)乙`, `。?转`, `K|ſ`, `(?i:k|s)`, "\x01|甲方", `.甲`, `(?s:.)甲`, `𠀀|甲`, `甲(?:^|乙)`, `[①-⑳]|\([一二]\)`,
	}
	patterns := make([]*pattern, len(exprs))
	for i, e := range exprs {
		patterns[i] = compile(e)
	}
	pieces := []string{"甲", "乙", "方", "转", "让", "许可", "给", "。", "\n", " ", "1", "20", "¥", "元", "万", "sole", "Assign", "K", "s", "ſ", "K", "\x01", "𠀀", "①", "(一)", "\xe7", "\x94", "\xff", "x"}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 40).Draw(t, "text"), "")
		i := rapid.IntRange(0, len(exprs)-1).Draw(t, "expr")
		p, re, n := patterns[i], regexp.MustCompile(exprs[i]), rapid.IntRange(-1, 3).Draw(t, "n")
		same := func(what string, have, want any) {
			if !reflect.DeepEqual(have, want) {
				t.Fatalf("%s of %q in %q: %v, want %v", what, exprs[i], text, have, want)
			}
		}
		same("all", p.FindAllStringSubmatchIndex(text, n), re.FindAllStringSubmatchIndex(text, n))
		same("all places", p.FindAllStringIndex(text, n), re.FindAllStringIndex(text, n))
		same("all words", p.FindAllStringSubmatch(text, n), re.FindAllStringSubmatch(text, n))
		same("first", p.FindStringSubmatchIndex(text), re.FindStringSubmatchIndex(text))
		same("first place", p.FindStringIndex(text), re.FindStringIndex(text))
		same("first words", p.FindStringSubmatch(text), re.FindStringSubmatch(text))
		same("word", p.FindString(text), re.FindString(text))
		same("match", p.MatchString(text), re.MatchString(text))
		same("rest", p.ReplaceAllString(text, "-"), re.ReplaceAllString(text, "-"))
	})
}
