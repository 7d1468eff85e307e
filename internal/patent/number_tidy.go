package patent

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"zhijia/internal/fault"
)

// What people, letters and spreadsheets put around a number. It is looked for
// only once the plain reading failed.
var (
	wrapped = [][2]string{
		{"(", ")"},
		{"（", "）"},
		{"[", "]"},
		{"【", "】"},
		{"<", ">"},
		{"《", "》"},
		{"〈", "〉"},
		{"「", "」"},
		{"{", "}"},
		{"“", "”"},
		{"‘", "’"},
		{"\"", "\""},
		{"'", "'"},
		{"`", "`"},
		{"＂", "＂"},
		{"＇", "＇"},
		{"=\"", "\""},
		{"=", ""},
		{"‘", ""},
		{"’", ""},
		{"`", ""},
	}
	leading  = regexp.MustCompile(`^(?i:(?:中国|国家|本|发明|实用新型|外观设计|外观|专利|申请|授权|公告|公开|公布|号码|编号|号|为|是|第|[/／:：№#()（）\s]|(?:patent|application|publication|appln|appl|app|pat|pub|number|no)[.:：\s])[.:：\s]*)+`)
	trailing = regexp.MustCompile(`[\s(（\[【]*(号)?(发明专利申请|发明专利|实用新型专利|外观设计专利|发明|实用新型|外观设计|专利|已授权)?[)）\]】]*[\s。，、；：;,.:!！]*$`)
	office   = regexp.MustCompile(`^(?i:(U\. ?S\.|US|EP|JP|KR|WO|CN ?ZL|ZL ?CN|ZL|CN)[)）\]】.:：\s]*(?:(?:patent|application|publication|appln|appl|app|pat|pub|number|no)[.:：\s]*)*)`)
	japanese = regexp.MustCompile(`^(?i:JP)?\s*(?:特開|特开|特願|特愿|特許|特许|実開|实开|実用新案登録)\s*第?\s*`)
	bracketA = regexp.MustCompile(`[(（\[【]([A-Z][0-9]?)[)）\]】]$`)

	scientific = regexp.MustCompile(`^([1-9])\.?([0-9]*)[Ee]\+?([0-9]{1,2})$`)
	asFloat    = regexp.MustCompile(`^(?:([0-9]{13})\.0+|([0-9]{12}\.[0-9])0+)$`)
	severalOf  = regexp.MustCompile(`[|｜;；、,，\s]+`)

	eras        = strings.NewReplacer("平", "H", "昭", "S", "令和", "R", "年", "-")
	bareLetters = strings.NewReplacer(".", "", " ", "")
)

// statedKinds are the kinds a label may name.
var statedKinds = []struct {
	word string
	kind Kind
}{{"实用新型", UtilityModel}, {"外观", Design}, {"发明", Invention}}

// tidied reads a number again without what stands around it, given the fault
// of the plain reading. A kind that a label states must be the number's own.
func tidied(s string, plain error) (Number, error) {
	text := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(s), "\ufeff"))
	if n, err, ok := rewritten(text); ok {
		return n, err
	}
	if n, err, ok := several(text); ok {
		return n, err
	}
	stated := Kind("")
	note := func(label string) {
		for _, k := range statedKinds {
			if stated == "" && strings.Contains(label, k.word) {
				stated = k.kind
			}
		}
	}
	for range 3 { // labels around quotes around brackets
		before := text
		text = bracketA.ReplaceAllString(text, "$1")
		for _, w := range wrapped {
			if inner, ok := strings.CutPrefix(text, w[0]); ok {
				if inner, ok = strings.CutSuffix(inner, w[1]); ok && inner != "" {
					text = strings.TrimSpace(inner)
				}
			}
		}
		if at := trailing.FindStringIndex(text); at != nil && at[0] > 0 {
			note(text[at[0]:])
			text = text[:at[0]]
		}
		if at := japanese.FindStringIndex(text); at != nil && at[1] > 0 {
			text = "JP" + eras.Replace(text[at[1]:])
		}
		if label := leading.FindString(text); label != "" {
			note(label)
			text = text[len(label):]
		}
		if m := office.FindStringSubmatchIndex(text); m != nil {
			letters := bareLetters.Replace(text[m[2]:m[3]])
			text = letters + text[m[1]:]
		}
		if text == before {
			break
		}
	}
	if n, err, ok := rewritten(text); ok {
		return n, err
	}
	n, err := parseNumber(text)
	switch {
	case err == nil && stated != "" && n.Kind != "" && n.Kind != stated:
		return invalid("kind", "注明的类型是"+stated.Zh()+"，而号码的种类位表示"+n.Kind.Zh()+"。", "The label says "+string(stated)+", the number's own digit says "+string(n.Kind)+".")
	case err == nil:
		return n, nil
	case code(plain) == "number.characters" && code(err) != "number.empty":
		return Number{}, err
	}
	return Number{}, plain
}

func code(err error) string {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Code
	}
	return ""
}

// rewritten recognises what a spreadsheet made of a number. Digits are gone or
// were added, so it is refused; the number that was probably meant is named.
func rewritten(text string) (Number, error, bool) {
	if m := asFloat.FindStringSubmatch(text); m != nil {
		digits := m[1] + strings.Replace(m[2], ".", "", 1)
		if n, err := parseNumber(digits); err == nil {
			_, err := invalid("spreadsheet", "号码后多出小数位，疑为电子表格所加，请核对是否为 "+n.String()+"。", "A spreadsheet seems to have added decimals; is it "+n.String()+"?")
			return Number{}, err, true
		}
		return Number{}, nil, false
	}
	m := scientific.FindStringSubmatch(text)
	if m == nil {
		return Number{}, nil, false
	}
	digits, places := m[1]+m[2], atoi(m[3])+1
	zh, en := "科学计数法是电子表格改写的结果，已丢失位数，请从原始资料取号（单元格先设为文本）。", "A spreadsheet turned it into scientific notation and lost digits; take the number from its source (format the cells as text first)."
	if len(digits) >= places-2 && places <= 13 { // trailing zeros are left out of the notation
		digits += strings.Repeat("0", max(0, places-len(digits)))
		probable := ""
		if n, err := parseNumber(digits); err == nil {
			probable = n.String()
		} else if n, err := parseNumber(digits + "." + string(CheckDigit(digits))); err == nil {
			probable = n.String()
		}
		if probable != "" {
			zh, en = "号码被电子表格改写成科学计数法，请核对是否为 "+probable+"。", "A spreadsheet turned the number into scientific notation; is it "+probable+"?"
		}
	}
	_, err := invalid("spreadsheet", zh, en)
	return Number{}, err, true
}

// several recognises more than one number in one place. Which one is meant is
// not for the reader to choose.
func several(text string) (Number, error, bool) {
	var found []string
	for _, part := range severalOf.Split(text, 9) {
		if n, err := parseNumber(part); err == nil && !slices.Contains(found, n.String()) {
			found = append(found, n.String())
		}
	}
	if len(found) < 2 {
		return Number{}, nil, false
	}
	list := strings.Join(found, "、")
	_, err := invalid("several", fmt.Sprintf("一处写了 %d 个号码（%s），请每个号码单独一行。", len(found), list), fmt.Sprintf("There are %d numbers in one place (%s); give each its own line.", len(found), strings.Join(found, ", ")))
	return Number{}, err, true
}
