package patent

import (
	"fmt"
	"slices"
	"strings"
)

// shape is what numbers of an office look like: how many digits they have
// behind the letters, where there are any.
type shape struct {
	digits  []int
	letters []string // before the digits: kinds of right, eras
}

// offices are the other offices whose numbers are recognised, by shape only:
// WIPO ST.3 codes, and the lengths their publication and application numbers
// have had.
var offices = map[string]shape{
	"WO": {digits: []int{7, 8, 10}},                                                            // WO 99/12345, WO 03/012345, WO 2019/123456
	"EP": {digits: []int{7, 8}},                                                                // EP 1234567; application 12345678.9
	"US": {digits: []int{4, 5, 6, 7, 8, 10, 11}, letters: []string{"D", "RE", "PP", "H", "T"}}, // US 10123456, US 2010/0123456, US D700000
	"JP": {digits: []int{5, 6, 7, 8, 10}, letters: []string{"H", "S", "M", "T", "R"}},          // JP 2019-123456, JP H10-123456, JP 6123456
	"KR": {digits: []int{7, 8, 9, 10, 11, 13}},                                                 // KR 10-2019-0123456, KR 10-1234567
	"DE": {digits: []int{5, 6, 7, 8, 12}, letters: []string{"T"}},
	"GB": {digits: []int{5, 6, 7, 8}},
	"FR": {digits: []int{6, 7, 8}},
	"TW": {digits: []int{5, 6, 8, 9}, letters: []string{"I", "M", "D"}},
	"HK": {digits: []int{7, 8}},
	"CA": {digits: []int{6, 7}},
	"AU": {digits: []int{6, 7, 10}},
	"RU": {digits: []int{6, 7, 10}},
	"EA": {digits: []int{5, 6, 9}},
	"IN": {digits: []int{5, 6, 12}},
	"SG": {digits: []int{5, 6, 11}},
	"BR": {digits: []int{7, 12}},
	"ES": {digits: []int{7}},
	"IT": {digits: []int{7, 12}},
	"CH": {digits: []int{6}},
}

// parseForeign recognises other offices' numbers and international ones. The
// second value is false when the text names none of the offices.
func parseForeign(text string) (_ Number, named bool, err error) {
	if rest, ok := strings.CutPrefix(text, "PCT"); ok {
		n, err := parsePCT(strings.TrimPrefix(rest, "/"))
		return n, true, err
	}
	office, rest, ok := cutN(text, 2)
	if !ok {
		return Number{}, false, nil
	}
	look, ok := offices[office]
	if !ok {
		return Number{}, false, nil
	}
	wrong := func() (Number, bool, error) {
		n, err := invalid("foreign_shape", "开头为 "+office+"，但不是该国家（组织）文献号或申请号的形式，请核对。", "It starts with "+office+" but is not the shape of a number of that office.")
		return n, true, err
	}
	letter := ""
	for _, l := range look.letters {
		if r, found := strings.CutPrefix(rest, l); found && r != "" {
			letter, rest = l, r
			break
		}
	}
	// The slash belongs to an American application number and is dropped
	// everywhere else.
	slash := office == "US" && letter == "" && len(rest) == 9 && rest[2] == '/'
	bare := rest
	if !slash {
		bare = strings.ReplaceAll(rest, "/", "")
	}
	digits, tail := splitDigits(strings.ReplaceAll(bare, "/", ""))
	n := Number{Form: Foreign, Office: office}
	if office == "EP" && len(digits) == 8 {
		if len(tail) != 0 && (len(tail) != 2 || tail[0] != '.' || tail[1] < '0' || tail[1] > '9') {
			return wrong()
		}
		n.compact = office + digits + tail
		return n, true, nil
	}
	if !slices.Contains(look.digits, len(digits)) || !kindCode(tail) || slash && tail != "" {
		return wrong()
	}
	n.Code, n.compact = tail, office+letter+bare
	return n, true, nil
}

// kindCode reports whether the text is empty or a letter and at most one digit.
func kindCode(s string) bool {
	return s == "" || len(s) <= 2 && s[0] >= 'A' && s[0] <= 'Z' && (len(s) == 1 || s[1] >= '0' && s[1] <= '9')
}

// parsePCT reads an international application number behind PCT: the receiving
// office, the year in four figures or, until 2003, two, and five or six digits.
func parsePCT(rest string) (Number, error) {
	office, number, ok := cutN(rest, 2)
	year, serial, slash := strings.Cut(number, "/")
	if !slash { // written without the slash
		switch {
		case len(number) == 10, len(number) == 9:
			year, serial = number[:4], number[4:]
		case len(number) == 7:
			year, serial = number[:2], number[2:]
		}
	}
	digits := strings.Trim(year+serial, "0123456789") == ""
	if !ok || !letters(office) || !digits || len(serial) < 5 || len(serial) > 6 || len(year) != 4 && (len(year) != 2 || len(serial) != 5) {
		return invalid("pct_shape", "国际申请号应为 PCT/CN2019/123456 的形式，请核对。", "An international application number looks like PCT/CN2019/123456.")
	}
	y := atoi(year)
	if len(year) == 2 {
		if y += 1900; y < 1978 {
			y += 100
		}
	}
	if y < 1978 || y > 2099 || len(year) == 2 && y > 2003 {
		return invalid("year", fmt.Sprintf("国际申请年份 %s 不可能。", year), fmt.Sprintf("The year %s of the international application is impossible.", year))
	}
	return Number{Form: Foreign, Office: "WO", PCT: true, Year: y, compact: "PCT/" + office + year + "/" + serial}, nil
}
