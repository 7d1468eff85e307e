// Package patent turns what is written about a patent into facts that can be
// relied on: numbers with their check digit, classes, terms, annual fees,
// gazette events and the legal state they add up to. It is pure: every
// question names the date it asks about.
package patent

import (
	"fmt"
	"strings"

	"zhijia/internal/fault"
)

// Kind is the kind of right a Chinese number names.
type Kind string

// Kinds.
const (
	Invention    Kind = "invention"
	UtilityModel Kind = "utility_model"
	Design       Kind = "design"
)

// Zh returns the kind's Chinese name.
func (k Kind) Zh() string {
	switch k {
	case Invention:
		return "发明"
	case UtilityModel:
		return "实用新型"
	case Design:
		return "外观设计"
	}
	return "未知类型"
}

// Form says what sort of number it is.
type Form string

// Forms.
const (
	Application Form = "application" // Chinese application number; the patent number is the same behind ZL
	Publication Form = "publication" // Chinese publication number; it has no check digit and is never an application number
	Foreign     Form = "foreign"     // a publication or application number of another office, recognised by its shape
)

// Number is a recognised number.
type Number struct {
	Form    Form
	Kind    Kind   // empty for a foreign number and a publication number that does not tell
	PCT     bool   // entered China through the PCT
	Year    int    // of filing, for application numbers
	Office  string // CN, WO, US, EP, JP, KR
	Code    string // kind code of a publication number, e.g. B
	compact string // digits and check character, or the foreign number
}

// String returns the normal form: CN201310543019.6, CN95115608.X,
// CN111504366B, US6199157B1, PCT/CN2016/079715.
func (n Number) String() string {
	if n.Form == Application {
		if d := len(n.compact) - 1; d == 8 || d == 12 {
			return "CN" + n.compact[:d] + "." + n.compact[d:]
		}
	}
	if n.Office == "CN" {
		return "CN" + n.compact + n.Code
	}
	return n.compact
}

// Display returns the form people write: ZL 2013 1 0543019.6 for a Chinese
// application number, the normal form otherwise.
func (n Number) Display() string {
	if n.Form != Application {
		return n.String()
	}
	c := n.compact
	switch len(c) {
	case 13:
		return "ZL " + c[:4] + " " + c[4:5] + " " + c[5:12] + "." + c[12:]
	case 9:
		return "ZL " + c[:2] + " " + c[2:3] + " " + c[3:8] + "." + c[8:]
	}
	return "ZL " + c
}

// CheckDigit returns the check character of the 8 or 12 digits of an
// application number: the sum of the digits weighted 2…9, 2, 3, 4, 5 from the
// left, modulo 11, 10 being X (GB/T and CNIPA numbering rule ZC 0006-2003).
// Every wrong single digit and every swap of neighbours is caught; a swap of
// two digits eight places apart is not, because their weights are equal.
func CheckDigit(digits string) byte {
	sum := 0
	for i := range len(digits) {
		sum += int(digits[i]-'0') * (2 + i%8)
	}
	if r := sum % 11; r < 10 {
		return byte('0' + r)
	}
	return 'X'
}

func invalid(code, zh, en string) (Number, error) {
	return Number{}, fault.New(fault.Invalid, "number."+code, zh, en)
}

// maxNumber bounds the length of a number as written, in bytes.
const maxNumber = 64

// ParseNumber reads a number in any usual form: with or without ZL or CN,
// full or half width, with spaces, with or without the dot, x or X. The fault
// says what is wrong and, for a wrong check digit, which one would be right.
func ParseNumber(s string) (Number, error) {
	if len(s) > maxNumber {
		return invalid("too_long", "号码过长。", "The number is too long.")
	}
	text, ok := squeeze(s)
	if !ok {
		return invalid("characters", "号码含有不允许的字符。", "The number contains characters that no number has.")
	}
	if text == "" {
		return invalid("empty", "号码为空。", "The number is empty.")
	}
	if n, ok := parseForeign(text); ok {
		return n, nil
	}
	body := text
	zl := false
	if rest, found := strings.CutPrefix(body, "ZL"); found {
		body, zl = rest, true
	}
	if rest, found := strings.CutPrefix(body, "CN"); found {
		body = rest
	}
	digits, tail := splitDigits(body)
	if len(digits) == 0 {
		return invalid("shape", "不是专利号或申请号，请核对。", "This is not the shape of a patent or application number.")
	}
	// A kind code makes it a publication number; X is a check character.
	if tail != "" && tail[0] != '.' && tail[0] != 'X' {
		if zl {
			return invalid("publication_as_patent", "这是公开（公告）号，专利号应为申请号前加 ZL。", "This is a publication number; a patent number is ZL and the application number.")
		}
		return parsePublication(digits, tail)
	}
	check := strings.TrimPrefix(tail, ".")
	if strings.HasPrefix(tail, ".") && len(check) != 1 {
		return invalid("check_digit_shape", "小数点后应为一位校验位。", "One check character belongs after the dot.")
	}
	if len(check) > 1 {
		return invalid("shape", "不是专利号或申请号，请核对。", "This is not the shape of a patent or application number.")
	}
	if check == "" { // written without the dot: the last digit is the check digit
		switch len(digits) {
		case 13:
			digits, check = digits[:12], digits[12:]
		case 9:
			if digits[0] == '0' || digits[0] >= '8' {
				digits, check = digits[:8], digits[8:]
			} else if !zl {
				return parsePublication(digits, "")
			}
		case 7:
			if !zl {
				return parsePublication(digits, "")
			}
		case 12:
			return missingCheck(digits)
		case 8:
			return missingCheck(digits)
		}
	}
	return parseApplication(digits, check)
}

func missingCheck(digits string) (Number, error) {
	full := digits + "." + string(CheckDigit(digits))
	return invalid("check_digit_missing", "缺少校验位，请核对是否为 "+full+"。", "The check digit is missing; is it "+full+"?")
}

func parseApplication(digits, check string) (Number, error) {
	n := Number{Form: Application, Office: "CN", compact: digits + check}
	var kind byte
	switch len(digits) {
	case 12:
		n.Year = atoi(digits[:4])
		kind = digits[4]
		if n.Year < 2003 || n.Year > 2099 {
			return invalid("year", fmt.Sprintf("申请年份 %d 不可能，12 位申请号自 2003 年起。", n.Year), fmt.Sprintf("The filing year %d is impossible; 12-digit numbers start in 2003.", n.Year))
		}
	case 8:
		n.Year = 1900 + atoi(digits[:2])
		if n.Year < 1985 {
			n.Year += 100
		}
		kind = digits[2]
		if n.Year > 2003 {
			return invalid("year", fmt.Sprintf("申请年份 %s 不可能，8 位申请号用于 1985 至 2003 年。", digits[:2]), "The filing year is impossible; 8-digit numbers run from 1985 to 2003.")
		}
	default:
		return invalid("length", fmt.Sprintf("申请号应为 12 位（2003 年 10 月前 8 位）数字加一位校验位，现为 %d 位。", len(digits)), fmt.Sprintf("An application number has 12 digits (8 before October 2003) and a check digit; this has %d.", len(digits)))
	}
	switch kind {
	case '1':
		n.Kind = Invention
	case '2':
		n.Kind = UtilityModel
	case '3':
		n.Kind = Design
	case '8':
		n.Kind, n.PCT = Invention, true
	case '9':
		n.Kind, n.PCT = UtilityModel, true
	default:
		return invalid("type_digit", fmt.Sprintf("种类位 %c 不存在，应为 1、2、3、8 或 9。", kind), fmt.Sprintf("There is no type digit %c; it is 1, 2, 3, 8 or 9.", kind))
	}
	if want := CheckDigit(digits); check != string(want) {
		full := digits + "." + string(want)
		return invalid("check_digit", "校验位不符，按前几位数字应为 "+full+"，请核对整个号码。", "The check digit does not fit; these digits would need "+full+". Check the whole number.")
	}
	return n, nil
}

// parsePublication reads digits and kind code of a Chinese publication number.
func parsePublication(digits, code string) (Number, error) {
	n := Number{Form: Publication, Office: "CN", Code: code, compact: digits}
	switch len(digits) {
	case 9: // since 2007: the first digit is the kind
		switch digits[0] {
		case '1':
			n.Kind = Invention
		case '2':
			n.Kind = UtilityModel
		case '3':
			n.Kind = Design
		default:
			return invalid("publication_kind", "公开（公告）号首位应为 1、2 或 3。", "A publication number starts with 1, 2 or 3.")
		}
	case 7, 8: // 1985 to 2007: the first digit of seven, the year of eight
		if len(digits) == 7 && digits[0] >= '1' && digits[0] <= '3' {
			n.Kind = [...]Kind{Invention, UtilityModel, Design}[digits[0]-'1']
		}
	default:
		return invalid("publication_length", fmt.Sprintf("公开（公告）号应为 7 位或 9 位数字，现为 %d 位。", len(digits)), fmt.Sprintf("A publication number has 7 or 9 digits; this has %d.", len(digits)))
	}
	if code == "" {
		return n, nil
	}
	var of Kind
	switch code[0] {
	case 'A', 'B', 'C':
		of = Invention
	case 'U', 'Y':
		of = UtilityModel
	case 'S', 'D':
		of = Design
	default:
		return invalid("publication_code", "文献种类代码 "+code+" 不存在。", "There is no kind code "+code+".")
	}
	if len(code) > 2 || len(code) == 2 && (code[1] < '1' || code[1] > '9') {
		return invalid("publication_code", "文献种类代码 "+code+" 不存在。", "There is no kind code "+code+".")
	}
	if n.Kind != "" && n.Kind != of {
		return invalid("publication_code", "文献种类代码 "+code+" 与号码首位不一致。", "The kind code "+code+" contradicts the number's first digit.")
	}
	n.Kind = of
	return n, nil
}

// parseForeign recognises other offices' numbers by shape only.
func parseForeign(text string) (Number, bool) {
	if rest, ok := strings.CutPrefix(text, "PCT/"); ok {
		office, number, ok := cutN(rest, 2)
		if ok && letters(office) && strings.Trim(number, "0123456789/") == "" && len(number) >= 7 {
			return Number{Form: Foreign, Office: "WO", compact: text, PCT: true}, true
		}
		return Number{}, false
	}
	office, rest, ok := cutN(text, 2)
	if !ok {
		return Number{}, false
	}
	switch office {
	case "WO", "US", "EP", "JP", "KR", "DE", "GB", "FR", "TW":
	default:
		return Number{}, false
	}
	digits, tail := splitDigits(strings.ReplaceAll(rest, "/", ""))
	if office == "JP" && len(digits) == 0 && len(rest) > 1 { // JPH, JPS with the era year
		digits, tail = splitDigits(rest[1:])
	}
	if len(digits) < 5 || len(digits) > 13 || len(tail) > 2 {
		return Number{}, false
	}
	return Number{Form: Foreign, Office: office, Code: tail, compact: text}, true
}

// squeeze folds full width to half, upper-cases and drops separators.
func squeeze(s string) (string, bool) {
	var buf [maxNumber]byte
	out := buf[:0]
	for _, r := range s {
		if r >= 0xff01 && r <= 0xff5e {
			r -= 0xfee0
		}
		switch {
		case r >= '0' && r <= '9', r >= 'A' && r <= 'Z', r == '.', r == '/':
			out = append(out, byte(r))
		case r >= 'a' && r <= 'z':
			out = append(out, byte(r-'a'+'A'))
		case r == '。' || r == '·' || r == '．':
			out = append(out, '.')
		case r == ' ' || r == '\t' || r == '\u00a0' || r == '\u3000' || r == '-' || r == '\ufeff' || r == '\r' || r == '\n':
		default:
			return "", false
		}
	}
	return string(out), true
}

func splitDigits(s string) (digits, tail string) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return s[:i], s[i:]
}

func cutN(s string, n int) (string, string, bool) {
	if len(s) < n {
		return "", "", false
	}
	return s[:n], s[n:], true
}

func letters(s string) bool {
	return strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

func atoi(s string) int {
	n := 0
	for i := range len(s) {
		n = 10*n + int(s[i]-'0')
	}
	return n
}
