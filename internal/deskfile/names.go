package deskfile

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"zhijia/internal/sheet"
)

// emptyMarks are what desks write in a cell that they leave empty, pointers
// what stands for a content elsewhere. Neither is a content.
var (
	emptyMarks = []string{"-", "--", "---", "—", "——", "–", "/", "//", "\\", "无", "空", "暂无", "空白", "未填", "未提供", "n/a", "na", "n.a.", "null", "none", "nil", "nan", "#n/a", ".", "*", "…", "...", "?", "？", "无数据", "不适用"}
	pointers   = regexp.MustCompile(`^(?:[(（]?(?:同上|同前|同左|同右|同下|上同|如上|如前|同第?\d+行|〃|″|"|''|″|见上|见下|见左|同(?:借款人|申请人|专利权人|权利人|出质人))[)）]?|[(（]?(?:详见|参见|另见|见|另附|附|后附|后补|待补|待补充|待定|另行提供|另行补充).{0,12}[)）]?)$`)
)

// isEmpty reports whether a cell is a mark for empty; isPointer, whether it
// only points elsewhere.
func isEmpty(text string) bool {
	text = strings.ToLower(sheet.Narrow(text))
	return slices.Contains(emptyMarks, text) || text != "" && strings.Trim(text, "-–—_*.·…/\\#?~=+|、,;:。 ") == ""
}

func isPointer(text string) bool { return pointers.MatchString(sheet.Narrow(text)) }

// bodyEnd are the ends of a body's name.
var bodyEnd = regexp.MustCompile(`(?i)(?:公司|大学|学院|学校|研究所|研究院|中心|集团|工厂|厂|医院|局|所|院|站|队|社|会|委|部|室|企业|银行|\b(?:ltd|inc|llc|corp|gmbh|co|university|institute|limited|college|s\.?a|ag|plc)\.?)\)?$`)

// latinForm is what follows the comma of "Co., Ltd.".
var latinForm = regexp.MustCompile(`(?i)^\s*(?:ltd|inc|llc|l\.l\.c|limited|corp|gmbh|co\b|s\.a|ag\b|plc|b\.v|n\.v)`)

var (
	shareOf    = regexp.MustCompile(`[(（]\s*\d+(?:\.\d+)?\s*[%％]\s*[)）]|\d+(?:\.\d+)?\s*[%％]$`)
	enumerator = regexp.MustCompile(`^(?:[(（]?\d{1,2}[.、)）]|[①-⑳])\s*`)
	andOthers  = regexp.MustCompile(`等(?:\d+|[一二三四五六七八九十]+)?(?:人|家|方|个|名|位)?(?:单位|公司|专利权人|共有人)?$`)
	joint      = regexp.MustCompile(`[和与及&+]|(?i:\s+and\s+)`)
)

// readNames cuts a list of names. whole are names known to be one, so that a
// joiner within them cuts nothing. doubt says that the list may hold more names
// than were read.
func readNames(text string, whole ...string) (names []string, doubt bool) {
	text = sheet.Narrow(text)
	var parts []string
	from := 0
	runes := []rune(text)
	for i, r := range runes {
		cut := strings.ContainsRune(";；、|\n\t\\—", r) || r == ',' && !latinForm.MatchString(string(runes[i+1:])) || r == '/'
		if r == ' ' || r == '\u00a0' { // between two Chinese names
			left, right := strings.TrimSpace(string(runes[from:i])), strings.TrimSpace(string(runes[i+1:]))
			cut = left != "" && enumerator.MatchString(right) || left != "" && right != "" && han(left) && startsHan(right) && (bodyEnd.MatchString(left) || len([]rune(left)) <= 4)
		}
		if cut {
			parts = append(parts, string(runes[from:i]))
			from = i + 1
		}
	}
	parts = append(parts, string(runes[from:]))
	for _, part := range parts {
		part = strings.TrimSpace(enumerator.ReplaceAllString(strings.TrimSpace(part), ""))
		part = strings.TrimSpace(shareOf.ReplaceAllString(part, ""))
		if part == "" || isEmpty(part) {
			continue
		}
		if isPointer(part) {
			doubt = true
			continue
		}
		if m := andOthers.FindString(part); m != "" && !slices.Contains(whole, part) {
			part, doubt = strings.TrimSuffix(part, m), true
		}
		inner, unsure := joined(part, whole)
		doubt = doubt || unsure
		names = append(names, inner...)
	}
	return names, doubt
}

// joined cuts 甲公司和乙大学, and leaves 和利时公司 alone. unsure says that the
// text may be one name or two.
func joined(part string, whole []string) (names []string, unsure bool) {
	if slices.Contains(whole, part) {
		return []string{part}, false
	}
	for _, m := range joint.FindAllStringIndex(part, -1) {
		left, right := strings.TrimSpace(part[:m[0]]), strings.TrimSpace(part[m[1]:])
		if left == "" || right == "" {
			continue
		}
		known := slices.Contains(whole, left) || slices.Contains(whole, right)
		switch {
		case known, bodyEnd.MatchString(left) && (bodyEnd.MatchString(right) || shortName(right)), shortName(left) && shortName(right):
			more, also := joined(right, whole)
			return append([]string{left}, more...), also
		case shortName(left) && bodyEnd.MatchString(right) && slices.Contains(surnames, []rune(left)[0]), len([]rune(left)) == 1 && bodyEnd.MatchString(right) && bodyStart(right):
			return []string{part}, true
		}
	}
	return []string{part}, false
}

// bodyStart reports whether a text begins as the name of a place or school
// does, so that what stands before it is a name of its own.
func bodyStart(s string) bool {
	return slices.ContainsFunc([]string{"北京", "上海", "天津", "重庆", "浙江", "江苏", "广东", "山东", "清华", "苏州", "南京", "杭州", "深圳", "武汉", "西安", "成都", "中国", "中科", "国家", "华中", "华南", "华东", "东南", "哈尔滨"}, func(p string) bool { return strings.HasPrefix(s, p) })
}

var surnames = []rune("赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦许何吕张孔曹严华金魏陶姜谢邹潘葛范彭郎鲁韦马苗方俞任袁柳史唐费廉薛雷贺倪汤罗毕郝安常乐于时傅齐康伍余元顾孟黄穆萧尹姚邵汪祁毛狄米贝明计成戴谈宋庞熊纪舒屈项祝董梁杜阮蓝闵季麻贾路江童颜郭梅盛林钟徐邱骆高夏蔡田樊胡凌霍虞万柯卢莫房解应丁邓洪包石崔吉龚程邢裴陆荣翁荀段侯宁仇甘厉武刘景詹龙叶白蒲卓乔申冉牛温庄柴向易游权欧肖曾涂涂")

// shortName is a text as short as a person's name.
func shortName(s string) bool {
	n := len([]rune(s))
	return han(s) && n >= 2 && n <= 4 && !bodyEnd.MatchString(s)
}

func han(s string) bool {
	return s != "" && strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Han, r) })
}

func startsHan(s string) bool {
	for _, r := range s {
		return unicode.Is(unicode.Han, r)
	}
	return false
}
