package deal

import (
	"strings"

	"zhijia/internal/patent"
)

// mention is a patent named in the text, by its number or by its title alone.
type mention struct {
	span          // of the number, or of the title where there is none
	number string // as the register writes it; empty without one
	key    string
	sure   bool // the check digit holds
	why    string
	title  span // in the folded text
}

var (
	numberShape  = compile(`(?:(?:ZL|CN|zl|Zl|cn|Z L) ?[:.]? ?)?[0-9](?: ?[0-9]){7,12}(?: ?\. ?[0-9Xx]|[Xx])?`)
	publication  = compile(`(?:CN|cn) ?[0-9]{7,9} ?[ABCUSYD][0-9]?`)
	foreignShape = compile(`(?:US|EP|JP|KR|WO) ?(?:[0-9]{4}/)?[0-9][0-9,]{5,10} ?[ABES][0-9]?`)
	numberWord   = compile(`(?:专利|申请|授权|号|No\.?|number)[^。;\n]{0,18}$`)
	otherNumber  = compile(`(?:登记号|登记编号|注册号|品种权号|备案号|电话|传真|账号|帐号|信用代码|证券代码|合同编号|合同登记编号|项目编号|公告编号|编号|软著登字第?|手机|联系方式)[:： 第]*[0-9A-Za-z-]{0,6}$`)
)

// mentions finds the patents named by number. A number with ZL or CN before it
// whose check digit is wrong is kept as printed and waits for a person; a bare
// row of digits is a number only if its check digit holds.
func mentions(s string) []mention {
	var out []mention
	add := func(a, b int) {
		printed := strings.TrimSpace(s[a:b])
		bare := strings.ToUpper(strings.ReplaceAll(printed, " ", ""))
		bare = strings.NewReplacer(":", "", "ZL.", "ZL").Replace(bare)
		named := strings.HasPrefix(bare, "ZL") || strings.HasPrefix(bare, "CN")
		before := s[max(0, a-48):a]
		if !named && otherNumber.MatchString(before) {
			return
		}
		n, err := patent.ParseNumber(bare)
		digits := strings.TrimPrefix(strings.TrimPrefix(bare, "ZL"), "CN")
		dotted := strings.Contains(digits, ".")
		switch {
		case err == nil && n.Form == patent.Application:
			if !named && !dotted && !(len(digits) == 13 && numberWord.MatchString(before)) && !numberWord.MatchString(before) {
				return
			}
			out = append(out, mention{span: span{a, b}, number: n.Forms().Office, key: string(n.Key()), sure: !n.Computed})
		case err == nil:
			out = append(out, mention{span: span{a, b}, number: n.String(), key: string(n.Key()), sure: true})
		case named && len(digits) >= 9 || dotted && (len(digits) == 14 || len(digits) == 10) && numberWord.MatchString(before):
			out = append(out, mention{span: span{a, b}, number: digits, key: digits, why: "number"})
		}
	}
	taken := 0
	for _, m := range numberShape.FindAllStringIndex(s, -1) {
		a, b := m[0], m[1]
		if a > 0 && (isDigit(rune(s[a-1])) || s[a-1] == '.' || s[a-1] == '-') || b < len(s) && isDigit(rune(s[b])) {
			continue
		}
		if a < taken {
			continue
		}
		if b < len(s) && latin(rune(s[b])) && (s[b] >= 'A' && s[b] <= 'Y') {
			continue // a publication number
		}
		add(a, b)
		taken = b
	}
	for _, shape := range []*pattern{publication, foreignShape} {
		for _, m := range shape.FindAllStringIndex(s, -1) {
			if m[0] > 0 && latin(rune(s[m[0]-1])) {
				continue
			}
			if n, err := patent.ParseNumber(s[m[0]:m[1]]); err == nil {
				out = append(out, mention{span: span{m[0], m[1]}, number: n.String(), key: string(n.Key()), sure: true})
			}
		}
	}
	sortBy(out, func(m mention) int { return m.a })
	return out
}

// itemStart returns where the item that holds a place begins: after the last
// bullet, number, semicolon, full stop or line break, at most 240 bytes back.
func itemStart(s string, at int) int {
	low := max(0, at-240)
	win := s[low:at]
	start := 0
	for _, m := range itemEdge.FindAllStringIndex(win, -1) {
		start = m[1]
	}
	return low + start
}

var (
	itemEdge = compile(`[\n;。\t|]|[①-⑳]|\([一二三四五六七八九十0-9]{1,3} ?\)|(?:^|[\n。;:，、 )])[0-9]{1,2}[.、](?:[0-9]{1,2}[.、 ])?|、`)

	namedBefore  = compile(`(?:专利名称|发明名称|成果名称|名称)[: ]{1,2}([^，。;\n\t|:“”《》]{3,150})[;，、 ]{1,2}(?:专利号|申请号|授权号|专利申请号)[: ]{0,2}$`)
	quotedBefore = compile(`[“《"]([^“”《》"\n]{2,240})[”》"]([^“”《》"。;\n]{0,60})$`)
	quotedAfter  = compile(`^(?:号|号专利)?[)，,:、 ]{0,4}(?:专利名称|发明名称|名称为|名称|名为|题为|entitled)?[: ,，]{0,3}[“《"]([^“”《》"\n]{2,240})[”》"]`)
	parenAfter   = compile(`^ ?\(([^()\n]{2,120}(?:\([^()]{1,30}\))?[^()\n]{0,60})\)`)
	plainAfter   = compile(`^[)，,:、 ]{1,3}(?:专利名称|发明名称|名称为|名称|名为)?[: ]{0,2}([^，。;；\n\t|:“”《》()]{4,150}(?:\([^()\n]{1,30}\))?[^，。;；\n\t|:“”《》()]{0,60})`)
	titleTail    = compile(`(?:[ ，,、:(]|发明专利|实用新型专利|外观设计专利|实用新型|外观设计|发明|专利申请号|专利号|申请号|授权号|专利|号码|号|为|No\.?|Nos\.?)+$`)
	titleHead    = compile(`^(?:[ ◆●·•*>#-]|[A-Za-z][).、]|[0-9]{1,2}(?:\.[0-9]{1,2})?[.、 ]|(?:拍品|标的|资产包|第) ?[0-9一二三四五六七八九十A-Z]{1,3}(?:号标的|号)?[: ]*|其中|包括|拟将|现将|分别为|即|以及|及|和|名称为|名称|[一二三四五六七八九十]+、|\([一二三四五六七八九十0-9]+\)|发明专利|实用新型专利|实用新型|出资专利为|代表性专利包括|标的专利|专利名称|专利|质押|:)+`)
	kindWordOnly = compile(`^(?:发明|实用新型|外观设计|外观|专利|已授权|授权|有效|以下|下称|简称|申请|含税|PCT|公告|公开|Patent|the )`)
)

// titleOf finds the title beside a number: in quotation marks before it or
// after it, in brackets after it, or plain in the same item.
func titleOf(s string, m mention, low, high int) span {
	low = max(low, m.a-300)
	before, after := s[low:m.a], s[m.b:min(len(s), min(high, m.b+300))]
	if q := quotedAfter.FindStringSubmatchIndex(after); q != nil && !(strings.HasPrefix(after, ")") && quotedBefore.MatchString(before)) {
		return span{m.b + q[2], m.b + q[3]}
	}
	if q := quotedBefore.FindStringSubmatchIndex(before); q != nil && !strings.ContainsAny(before[q[4]:q[5]], "|\t") {
		return span{low + q[2], low + q[3]}
	}
	if q := namedBefore.FindStringSubmatchIndex(before); q != nil {
		return span{low + q[2], low + q[3]}
	}
	if q := parenAfter.FindStringSubmatchIndex(after); q != nil {
		if strings.HasPrefix(after[q[2]:q[3]], `"`) && strings.HasSuffix(after[q[2]:q[3]], `"`) {
			q[2], q[3] = q[2]+1, q[3]-1
		}
		text := after[q[2]:q[3]]
		if !kindWordOnly.MatchString(text) {
			if cut := strings.IndexAny(text, "，,"); strings.Contains(text, "，") && cut > 0 {
				text = text[:cut]
			}
			return span{m.b + q[2], m.b + q[2] + len(text)}
		}
	}
	item := itemStart(s, m.a)
	for _, edge := range []string{"(", "、", "，", " "} { // a bracket that opens before the number
		if strings.HasSuffix(s[max(low, item):m.a], edge) && item == m.a {
			item = itemStart(s, m.a-len(edge))
		}
	}
	if item >= low && item < m.a {
		text := s[item:m.a]
		head := len(titleHead.FindString(text))
		body := text[head:]
		body = body[:len(body)-len(titleTail.FindString(body))]
		if i := strings.LastIndexAny(body, ":“"); i >= 0 {
			head += i + 1
			body = body[i+1:]
		}
		if n := len([]rune(body)); n >= 3 && n <= 60 {
			return span{item + head, item + head + len(body)}
		}
	}
	if q := plainAfter.FindStringSubmatchIndex(after); q != nil {
		text := after[q[2]:q[3]]
		if !kindWordOnly.MatchString(text) && !strings.Contains(text, "万元") {
			return span{m.b + q[2], m.b + q[3]}
		}
	}
	return span{}
}
