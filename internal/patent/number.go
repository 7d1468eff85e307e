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
	PCT     bool   // an international application, or one that entered China through the PCT
	Year    int    // of filing, for application numbers
	Office  string // CN, WO, US, EP, JP, KR
	Code    string // kind code of a publication number, e.g. B
	compact string // digits and check character, or the foreign number

	// Computed says that the text had no check digit where it should have one,
	// so that none of its digits was checked.
	Computed bool
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

// maxNumber bounds the length of a number as written, in bytes, maxWritten
// that of a number with what stands around it.
const (
	maxNumber  = 64
	maxWritten = 256
)

// ParseNumber reads a number in any usual form: with or without ZL or CN,
// full or half width, with spaces, with or without the dot, x or X, in quotes
// or brackets, beside a label such as 专利号 or （发明）, and as DOCDB, EPODOC,
// Google, Lens and BigQuery write it. The fault says what is wrong and, for a
// wrong or missing check digit, which number these digits would make.
func ParseNumber(s string) (Number, error) {
	if len(s) > maxWritten {
		return invalid("too_long", "号码过长。", "The number is too long.")
	}
	n, err := parseNumber(s)
	if err == nil {
		return n, nil
	}
	switch code(err) {
	case "number.check_digit", "number.check_digit_missing", "number.type_digit", "number.year", "number.empty", "number.application_code", "number.epodoc_early":
		return n, err // read to its end: nothing stands around it
	}
	return tidied(s, err)
}

func badCharacter(s string) (Number, error) {
	for _, r := range s {
		if _, _, ok := squeeze(string(r)); !ok || r == ',' || r == '，' {
			return invalid("characters", fmt.Sprintf("号码含有不允许的字符“%c”。", r), fmt.Sprintf("The number contains %q, which no number has.", r))
		}
	}
	return invalid("characters", "号码含有不允许的字符。", "The number contains characters that no number has.")
}

// parseNumber is the plain reading.
func parseNumber(s string) (Number, error) {
	bare := unlabelled(s)
	if len(bare) > maxNumber {
		return invalid("too_long", "号码过长。", "The number is too long.")
	}
	text, commas, ok := squeeze(bare)
	if one, whole := joined(bare); whole {
		text, commas, ok = one, false, true
	}
	if !ok {
		return badCharacter(bare)
	}
	if text == "" {
		return invalid("empty", "号码为空。", "The number is empty.")
	}
	if n, found, err := parseInternational(text); found {
		return n, err
	}
	n, named, err := parseForeign(text)
	if named && err == nil && commas && n.Office != "US" {
		return badCharacter(bare)
	}
	if named {
		return n, err
	}
	if commas {
		return badCharacter(bare)
	}
	body, zl, cn := text, false, false
	for {
		if rest, found := strings.CutPrefix(body, "ZL"); found && !zl {
			body, zl = rest, true
		} else if rest, found := strings.CutPrefix(body, "CN"); found && !cn {
			body, cn = rest, true
		} else {
			break
		}
	}
	digits, tail := splitDigits(body)
	if len(digits) == 0 {
		return invalid("shape", "不是专利号或申请号，请核对。", "This is not the shape of a patent or application number.")
	}
	// A kind code makes it a publication number; X is a check character.
	if tail != "" && tail[0] != '.' && tail[0] != 'X' {
		switch {
		case !kindCode(tail):
			return misread(body, digits, tail)
		case cn && !zl && (len(digits) == 11 || len(digits) == 12):
			return parseData(digits, tail)
		case len(digits) == 13: // the check digit without its dot
			return applicationWithLetter(digits[:12], digits[12:], tail)
		case zl:
			return invalid("publication_as_patent", "这是公开（公告）号，专利号应为申请号前加 ZL。", "This is a publication number; a patent number is ZL and the application number.")
		}
		return parsePublication(digits, tail)
	}
	check := strings.TrimPrefix(tail, ".")
	if len(check) > 1 && kindCode(check[1:]) && check[1] >= 'A' && (check[0] == 'X' || check[0] <= '9') { // Google's form
		return applicationWithLetter(digits, check[:1], check[1:])
	}
	if strings.HasPrefix(tail, ".") && (len(check) != 1 || check != "X" && (check[0] < '0' || check[0] > '9')) {
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
				return codeless(digits, cn)
			}
		case 7:
			if !zl {
				return codeless(digits, cn)
			}
		case 8:
			if digits[:2] < "85" || digits[:2] > "88" {
				return missingCheck(digits)
			}
			// Numbers had no check digit before 1989. The normal form has
			// the one that the rule gives, so that a patent has one form.
			check = string(CheckDigit(digits))
		case 11, 12:
			if cn && !zl {
				return parseData(digits, "")
			}
			if len(digits) == 12 {
				return missingCheck(digits)
			}
		}
	}
	return parseApplication(digits, check)
}

func applicationWithLetter(digits, check, letter string) (Number, error) {
	n, err := parseApplication(digits, check)
	if err != nil {
		return n, err
	}
	return withLetter(n, letter)
}

// lookalikes are the digits that letters are taken for.
var lookalikes = strings.NewReplacer("O", "0", "I", "1", "L", "1")

// misread answers a letter among the digits and names the number that it would
// be with 0 for O and 1 for I and L, when that one checks.
func misread(body, digits, tail string) (Number, error) {
	zh := fmt.Sprintf("第 %d 位后的“%c”不是数字，请核对（字母 O、I 与数字 0、1 易混）。", len(digits), tail[0])
	en := fmt.Sprintf("%c after %d digits is no digit; O and I are easily taken for 0 and 1.", tail[0], len(digits))
	if mended := lookalikes.Replace(body); mended != body {
		if n, err := parseNumber(mended); err == nil && n.Form == Application {
			zh, en = strings.TrimSuffix(zh, "。")+"，是否为 "+n.String()+"？", en+" Is it "+n.String()+"?"
		}
	}
	return invalid("letter", zh, en)
}

// codeless reads a publication number without its kind code. Bare digits of
// that length may as well be part of another number.
func codeless(digits string, cn bool) (Number, error) {
	if !cn {
		return invalid("bare_digits", fmt.Sprintf("只有 %d 位数字：公开（公告）号请写明 CN 与文献种类代码，申请号应为 12 位（2003 年 10 月前 8 位）加校验位。", len(digits)),
			fmt.Sprintf("Only %d digits: write a publication number with CN and its kind code; an application number has 12 digits (8 before October 2003) and a check digit.", len(digits)))
	}
	return parsePublication(digits, "")
}

// missingCheck answers digits without their check digit: what else is wrong
// with them comes first.
func missingCheck(digits string) (Number, error) {
	check := string(CheckDigit(digits))
	if _, err := parseApplication(digits, check); err != nil {
		return Number{}, err
	}
	full := digits + "." + check
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

// lastEarly are the highest first three digits of nine that kind codes C, Y
// and D came with: from April 2010 grants are published as B, U and S.
var lastEarly = map[byte]string{'C': "101", 'Y': "201", 'D': "301"}

// parsePublication reads digits and kind code of a Chinese publication number.
// Until 1988 it is the application number without more, eight digits with A, B,
// U or S; then seven digits, the first being the kind, with A, B, U, S and from
// 1993 C, Y, D for grants; nine digits since 2007.
func parsePublication(digits, code string) (Number, error) {
	n := Number{Form: Publication, Office: "CN", Code: code, compact: digits}
	first := digits[0]
	switch len(digits) {
	case 9, 7:
	case 8:
		n.Year = 1900 + atoi(digits[:2])
		if n.Year < 1985 || n.Year > 1988 {
			return invalid("publication_year", "8 位公开（公告）号只用于 1985 至 1988 年，首两位应为 85 至 88。", "Publication numbers of eight digits run from 1985 to 1988 and start with 85 to 88.")
		}
		first = digits[2]
	default:
		return invalid("publication_length", fmt.Sprintf("公开（公告）号应为 7 位或 9 位（1985 至 1988 年 8 位）数字，现为 %d 位。", len(digits)), fmt.Sprintf("A publication number has 7 or 9 digits (8 from 1985 to 1988); this has %d.", len(digits)))
	}
	switch first {
	case '1':
		n.Kind = Invention
	case '2':
		n.Kind = UtilityModel
	case '3':
		n.Kind = Design
	default:
		return invalid("publication_kind", "公开（公告）号的种类位应为 1、2 或 3。", "The kind digit of a publication number is 1, 2 or 3.")
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
	if n.Kind != of {
		return invalid("publication_code", "文献种类代码 "+code+" 与号码的种类位不一致。", "The kind code "+code+" contradicts the number's kind digit.")
	}
	if last, early := lastEarly[code[0]]; early && (len(digits) == 8 || len(digits) == 9 && digits[:3] > last) {
		return invalid("publication_period", "文献种类代码 "+code[:1]+" 用于 1993 年至 2010 年 4 月的公告，与号码的年代不符。", "The kind code "+code[:1]+" was used from 1993 to April 2010, which is not the period of this number.")
	}
	return n, nil
}

// labels are written before numbers in tables and letters.
var labels = []string{"专利申请号", "授权公告号", "公开公告号", "公开(公告)号", "公开（公告）号", "专利号", "申请号", "公开号", "公告号"}

// unlabelled drops a label before a number, quotes around it and the
// apostrophe that spreadsheets put before text.
func unlabelled(s string) string {
	s = strings.TrimPrefix(strings.TrimSpace(s), "\ufeff")
	if len(s) == 0 || s[0] < 0x80 && s[0] != '\'' && s[0] != '"' {
		return s
	}
	s = strings.TrimPrefix(s, "'")
	if len(s) > 1 && s[0] == '"' && s[len(s)-1] == '"' {
		s = s[1 : len(s)-1]
	}
	for _, l := range labels {
		if rest, found := strings.CutPrefix(s, l); found {
			return strings.TrimLeft(rest, ":： \u3000")
		}
	}
	return s
}

// squeeze folds full width to half, upper-cases and drops separators. It says
// whether there were commas among them.
func squeeze(s string) (text string, commas, ok bool) {
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
		case r == '。', r == '·', r == '・', r == '•', r == '‧', r == '∙', r == '｡':
			out = append(out, '.')
		case r == '×', r == 'Х', r == 'х', r == 'Ⅹ', r == 'ⅹ', r == '✕', r == '╳', r == 'Χ', r == 'χ': // taken for the letter
			out = append(out, 'X')
		case r == ',':
			commas = true
		case r == '-', r >= 0x2010 && r <= 0x2015, r == '−', r >= 0x2000 && r <= 0x200d, r == 0x202f, r == 0x2060,
			r == ' ', r == '\t', r == '\u00a0', r == '\u3000', r == '\ufeff', r == '\r', r == '\n':
		default:
			return "", false, false
		}
	}
	return string(out), commas, true
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
