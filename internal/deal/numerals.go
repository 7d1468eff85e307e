package deal

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

// numeral is what a Chinese figure is written with, in small and in capital
// characters.
const numeral = `零〇一二两三四五六七八九十百千壹贰叁肆伍陆柒捌玖拾佰仟弐参`

// chineseFigures are the characters that an amount in words ends with.
const chineseFigures = numeral + `万亿`

var digitOf = map[rune]float64{
	'零': 0, '〇': 0, '一': 1, '壹': 1, '二': 2, '两': 2, '贰': 2, '弐': 2, '三': 3, '叁': 3, '参': 3, '四': 4, '肆': 4, '五': 5, '伍': 5,
	'六': 6, '陆': 6, '七': 7, '柒': 7, '八': 8, '捌': 8, '九': 9, '玖': 9,
}

var placeOf = map[rune]float64{'十': 10, '拾': 10, '百': 100, '佰': 100, '千': 1000, '仟': 1000, '万': 1e4, '亿': 1e8}

// chinese reads a Chinese figure such as 壹拾捌万伍仟 or 一百二十. It refuses
// what is no figure, such as 一种.
func chinese(s string) (float64, bool) {
	total, section, digit := 0.0, 0.0, -1.0
	seen := false
	for _, r := range s {
		if d, ok := digitOf[r]; ok {
			if digit > 0 { // 二〇二三: digits in a row
				return row(s)
			}
			digit, seen = d, true
			continue
		}
		p, ok := placeOf[r]
		if !ok {
			return 0, false
		}
		seen = true
		switch {
		case p >= 1e4:
			if digit > 0 {
				section += digit
			}
			if section == 0 {
				if total == 0 {
					return 0, false
				}
				total *= p // 万亿
			} else if p > 1e4 {
				total = (total + section) * p
			} else {
				total += section * p
			}
			section = 0
		case digit < 0 || digit == 0 && p == 10:
			section += p // 十五
		default:
			section += digit * p
		}
		digit = -1
	}
	if digit > 0 {
		section += digit
	}
	return total + section, seen
}

// row reads digits written one after the other.
func row(s string) (float64, bool) {
	x := 0.0
	for _, r := range s {
		d, ok := digitOf[r]
		if !ok {
			return 0, false
		}
		x = 10*x + d
	}
	return x, x < 1e15
}

// plain reads an Arabic figure with thousands parted by commas.
func plain(s string) (float64, bool) {
	x, err := strconv.ParseFloat(strings.Map(func(r rune) rune {
		if r == ',' || r == ' ' {
			return -1
		}
		return r
	}, s), 64)
	return x, err == nil && !math.IsInf(x, 0)
}

// figure reads a small whole number in either writing.
func figure(s string) (int, bool) {
	s = strings.TrimSpace(s)
	if x, ok := plain(s); ok {
		return int(x), x >= 0 && x < 1e6 && x == math.Trunc(x)
	}
	x, ok := chinese(s)
	return int(x), ok && x < 1e6
}

// money is an amount in the text.
type money struct {
	span
	yuan     float64 // in units of the currency
	currency string
	capital  bool // written in Chinese characters
	ranged   bool // an end of a range
	class    class
	weight   int
	per      string // each, year or empty
	label    span
	unitless bool   // a price without a unit, or with two
	total    string // the label, where it names the price of everything
}

const units = `(万亿|亿|百万|千万|万|千|million|Million|MILLION|billion|thousand|k)?`

var (
	moneyArabic = compile(`(人民币|RMB|CNY|USD|US\$|HKD|HK\$|EUR|JPY|GBP|[¥$€£])? ?[:]?((?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?: ?\. ?[0-9]+)?)(?: ?[余多])? ?(?:` + units + `)(?:[余多])? ?(元|圆|美元|美金|欧元|港元|港币|日元|英镑|人民币|yuan|RMB|CNY|USD|EUR|U\.S\. dollars|US dollars|dollars|euros)?`)
	moneyMixed  = compile(`(人民币|[¥])? ?([0-9]+(?:\.[0-9]+)?亿)?([0-9]+万)?零?([0-9]千)?零?([0-9]百)?零?([0-9]{1,4})?(元)`)
	moneyHan    = compile(`(人民币)? ?[:]?([` + numeral + `万亿]+)(美元|欧元|港元|港币|日元|元|圆)(整|正|[` + numeral + `]角(?:[` + numeral + `]分)?整?)?`)
	moneyLabel  = compile(`(?:价|价格|价款|金额|款|费|费用|对价|总额|值)(?:\((?:人民币|单位[:为]?|[：:])*|/)(万元|亿元|元)\)? ?[:\t| ]{0,8}([0-9][0-9,]*(?:\.[0-9]+)?)`)
	ownUnit     = compile(`^ ?(?:万|亿|元|圆|千)`)
	rangeMark   = compile(`^ ?(?:至|到|-|~|—|或)+ ?$`)
)

var multiples = map[string]float64{"": 1, "k": 1e3, "百": 100, "千": 1e3, "thousand": 1e3, "万": 1e4, "百万": 1e6, "million": 1e6, "Million": 1e6, "MILLION": 1e6, "千万": 1e7, "亿": 1e8, "billion": 1e9, "万亿": 1e12}

func currencyOf(words ...string) string {
	for _, w := range words {
		switch w {
		case "美元", "美金", "USD", "US$", "$", "U.S. dollars", "US dollars", "dollars":
			return "USD"
		case "港元", "港币", "HKD", "HK$":
			return "HKD"
		case "欧元", "EUR", "€", "euros":
			return "EUR"
		case "日元", "JPY":
			return "JPY"
		case "英镑", "GBP", "£":
			return "GBP"
		}
	}
	return "CNY"
}

// amounts finds the amounts of money of a text: a figure with a unit of money
// or the sign of one, or a Chinese figure before 元.
func amounts(s string) []money {
	var out []money
	sub := func(m []int, i int) string {
		if m[2*i] < 0 {
			return ""
		}
		return s[m[2*i]:m[2*i+1]]
	}
	for _, m := range moneyMixed.FindAllStringSubmatchIndex(s, -1) { // 8万8千元
		x, parts := 0.0, 0
		for i, unit := range []string{"亿", "万", "千", "百", ""} {
			if part := sub(m, i+2); part != "" {
				n, ok := plain(strings.TrimSuffix(part, unit))
				x += n * multiples[unit]
				parts += b2i(ok)
			}
		}
		if parts > 1 && x < 1e15 && !(m[0] > 0 && (isDigit(rune(s[m[0]-1])) || s[m[0]-1] == '.' || s[m[0]-1] == ',')) {
			out = append(out, money{span: span{m[0], m[1]}, yuan: round(x), currency: "CNY"})
		}
	}
	for _, m := range moneyArabic.FindAllStringSubmatchIndex(s, -1) {
		sign, digits, unit, word := sub(m, 1), sub(m, 2), sub(m, 3), sub(m, 4)
		if m[4] > 0 && (isDigit(rune(s[m[4]-1])) || s[m[4]-1] == '.') {
			continue
		}
		if sign == "" && word == "" && unit == "" {
			continue
		}
		end := m[1]
		if word == "" && sign == "" { // 20万 without 元: only 万 and 亿, and no count of things
			if unit != "万" && unit != "亿" || counted.MatchString(s[end:min(len(s), end+12)]) {
				continue
			}
		}
		if word == "元" && element.MatchString(s[end:min(len(s), end+6)]) {
			continue
		}
		x, ok := plain(digits)
		if !ok || x*multiples[unit] > 1e15 {
			continue
		}
		if word == "人民币" && sign == "" && unit == "" {
			continue
		}
		a := m[0]
		for a < end && (s[a] == ' ' || s[a] == ':') {
			a++
		}
		for end > a && s[end-1] == ' ' {
			end--
		}
		out = append(out, money{span: span{a, end}, yuan: round(x * multiples[unit]), currency: currencyOf(word, sign)})
	}
	for _, m := range moneyLabel.FindAllStringSubmatchIndex(s, -1) { // 成交价格(万元): 42.5
		x, ok := plain(sub(m, 2))
		if end := m[5]; !ok || end < len(s) && (isDigit(rune(s[end])) || strings.IndexByte("%.,/-", s[end]) >= 0) || x*multiples[strings.TrimSuffix(sub(m, 1), "元")] > 1e15 || counted.MatchString(s[end:min(len(s), end+12)]) || ownUnit.MatchString(s[end:min(len(s), end+12)]) {
			continue
		}
		out = append(out, money{span: span{m[4], m[5]}, yuan: round(x * multiples[strings.TrimSuffix(sub(m, 1), "元")]), currency: "CNY"})
	}
	for _, m := range moneyHan.FindAllStringSubmatchIndex(s, -1) {
		x, ok := chinese(sub(m, 2))
		if !ok || x > 1e15 || sub(m, 3) == "元" && element.MatchString(s[m[1]:min(len(s), m[1]+6)]) {
			continue
		}
		if tail := sub(m, 4); strings.Contains(tail, "角") || strings.Contains(tail, "分") {
			for _, part := range []struct {
				word  string
				worth float64
			}{{"角", .1}, {"分", .01}} {
				if head, rest, found := strings.Cut(tail, part.word); found {
					if d, ok := chinese(head); ok {
						x += d * part.worth
					}
					tail = rest
				}
			}
		}
		a := m[0]
		for s[a] == ' ' || s[a] == ':' {
			a++
		}
		out = append(out, money{span: span{a, m[1]}, yuan: round(x), currency: currencyOf(sub(m, 3)), capital: true})
	}
	sortBy(out, func(m money) int { return m.a })
	kept := out[:0]
	for _, m := range out {
		if n := len(kept); n > 0 && m.a < kept[n-1].b {
			continue
		}
		kept = append(kept, m)
	}
	out = kept
	for i := 1; i < len(out); i++ {
		if rangeMark.MatchString(s[out[i-1].b:out[i].a]) {
			out[i-1].ranged, out[i].ranged = true, true
		}
	}
	for i := range out { // 8-12万元, 8至12万元
		if lowEnd.MatchString(s[max(0, out[i].a-24):out[i].a]) {
			out[i].ranged = true
		}
	}
	return out
}

var (
	lowEnd  = compile(`[0-9][0-9.,]*(?:万|亿)?(?:元)? ?(?:至|到|-|~) ?$`)
	counted = compile(`^ ?(?:件|项|个|人|台|套|次|家|份|吨|亩|平方|公里|只|字|余件|多件|股|公斤|千克|户|条|篇|名|瓶|支|辆|千瓦)`)
	element = compile(`^(?:素|件|宇宙|环|组|年|旦|月|器|杂|共聚|合金)`)
)

// unitPrice is a price without a unit of its own: 转让价格:6.8;
var unitPrice = compile(`(?:价格|价款|转让价|成交价|转让费|许可费|使用费|转让金额|成交金额|合同金额)(?:\(不?含税\))?(?::|为) ?([0-9][0-9,]*(?:\.[0-9]+)?) ?(?:[;。，\n]|$)`)

// withoutUnit adds the prices that have no unit of their own: in the unit that
// the text states, where no other amount speaks against it.
func (d *document) withoutUnit(body string) {
	unit := 0.0
	if m := caption.FindStringSubmatch(d.s); m != nil {
		unit = unitOf(m[1])
	}
	for _, m := range d.money {
		if strings.Contains(d.s[m.a:m.b], "万") != (unit == 1e4) {
			unit = 0
			break
		}
	}
	had := len(d.money)
	for _, m := range unitPrice.FindAllStringSubmatchIndex(body, -1) {
		x, ok := plain(body[m[2]:m[3]])
		if !ok || x*unit > 1e15 || len(inSpan(d.money[:had], span{m[2], m[3] + 1}, func(m money) int { return m.a })) > 0 {
			continue
		}
		d.money = append(d.money, money{span: span{m[2], m[3]}, yuan: round(x * unit), currency: "CNY", unitless: unit == 0})
	}
	sortBy(d.money, func(m money) int { return m.a })
}

// round keeps an amount to the hundredth of its unit.
func round(x float64) float64 { return math.Round(x*100) / 100 }

func sortBy[T any](list []T, key func(T) int) {
	slices.SortStableFunc(list, func(x, y T) int { return cmp.Compare(key(x), key(y)) })
}
