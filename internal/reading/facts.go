package reading

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"zhijia/internal/calendar"
	"zhijia/internal/deal"
	"zhijia/internal/patent"
)

// Kinds of materials.
const (
	KindRegister  = "register"
	KindLicence   = "licence"
	KindFinancial = "financial"
	KindReceipt   = "receipt"
	KindUnknown   = "unknown"
)

// Kinds lists the kinds a material may be said to be.
var Kinds = []string{KindRegister, KindLicence, KindFinancial, KindReceipt}

// Note is a coded message about a fact.
type Note struct {
	Code string `json:"code"`
	Zh   string `json:"zh"`
	En   string `json:"en"`
}

// found is one thing a material says.
type found struct {
	key        string
	value      any
	start, end int // of the quote in the material
	warnings   []Note
	blocked    string
}

// field is what may be read of a material: where it goes in a request for a
// valuation, and what it is called.
type field struct {
	key, zh string
	input   string // member of the request; empty: none, it is kept for the record
}

var fields = []field{
	{"patent.number", "专利号", "number"},
	{"patent.title", "发明名称", ""},
	{"patent.kind", "专利类型", "patent.kind"},
	{"patent.owners", "专利权人", "patent.owners"},
	{"patent.filing_date", "申请日", "patent.filing_date"},
	{"patent.grant_date", "授权公告日", "patent.grant_date"},
	{"patent.publication_date", "公开日", "patent.publication_date"},
	{"patent.ipc", "分类号", "patent.ipc"},
	{"patent.claims", "权利要求项数", "patent.claims"},
	{"patent.standing", "法律状态", ""},
	{"patent.paid_through_year", "年费缴至年度", ""},
	{"patent.pledged", "质押登记", ""},
	{"licence.licensor", "许可方", ""},
	{"licence.licensee", "被许可方", ""},
	{"licence.kind", "许可方式", "licence_kind"},
	{"licence.royalty_rate", "许可费率", "income.royalty_rate"},
	{"licence.lump_sum", "许可费（一次性或入门费）", "income.lump_sum"},
	{"licence.term_years", "许可期限（年）", "income.contract_term_years"},
	{"licence.begins", "许可起始日", ""},
	{"licence.ends", "许可截止日", ""},
	{"income.revenue", "专利产品收入", "income.revenue"},
	{"company.revenue", "公司营业收入", ""},
	{"company.net_profit", "公司净利润", ""},
	{"company.research_cost", "公司研发费用", ""},
	{"receipt.amount", "缴费金额", ""},
	{"receipt.date", "缴费日期", ""},
}

// fieldOf returns a field by its key; figures of a year bear it at the end.
func fieldOf(key string) (field, int) {
	base, year, _ := strings.Cut(key, "@")
	n, _ := strconv.Atoi(year)
	for _, f := range fields {
		if f.key == base {
			return f, n
		}
	}
	return field{key: key, zh: key}, n
}

// labels are how papers write the fields: label, then the value on the same
// line or in the next cell.
var labels = []struct {
	key     string
	pattern *regexp.Regexp
}{
	{"patent.number", labelled(`专利号|申请号|专利申请号|申请\(专利\)号|申请（专利）号|专利\(申请\)号`)},
	{"patent.title", labelled(`发明名称|实用新型名称|外观设计名称|发明创造名称|专利名称`)},
	{"patent.kind", labelled(`专利类型|专利种类|专利类别`)},
	{"patent.owners", labelled(`专利权人|现专利权人|权利人|共同专利权人`)},
	{"patent.filing_date", labelled(`申请日|专利申请日|申请日期`)},
	{"patent.grant_date", labelled(`授权公告日|授权日|授权公告日期|授权日期`)},
	{"patent.publication_date", labelled(`公开日|公布日|申请公布日|公开公告日`)},
	{"patent.ipc", labelled(`分类号|主分类号|IPC分类号|国际专利分类号`)},
	{"patent.claims", labelled(`权利要求项数|权利要求数|权利要求数量`)},
	{"patent.standing", labelled(`法律状态|专利权状态|案件状态|当前法律状态|专利状态|当前状态`)},
	{"patent.paid_through_year", labelled(`年费缴至|年费已缴至|年费缴纳至|已缴年费至|年费缴纳情况|已缴年度|缴费年度|年费年度|年度`)},
	{"patent.pledged", labelled(`质押登记情况|质押情况|质押登记|质押状态|质权登记|是否质押`)},
	{"licence.licensor", labelled(`许可方|许可人|许可方\(甲方\)|许可方（甲方）|甲方\(许可方\)|甲方（许可方）|让与人`)},
	{"licence.licensee", labelled(`被许可方|被许可人|被许可方\(乙方\)|被许可方（乙方）|乙方\(被许可方\)|乙方（被许可方）`)},
	{"licence.kind", labelled(`许可方式|许可类型|许可种类|许可性质|实施许可方式`)},
	{"receipt.amount", labelled(`缴费金额|金额合计|合计金额|实缴金额|缴纳金额`)},
	{"receipt.date", labelled(`缴费日期|缴费日|收款日期|缴纳日期|开票日期`)},
}

// labelled is a label at the head of a line or cell, with its value.
func labelled(words string) *regexp.Regexp {
	spaced := regexp.MustCompile(`\p{Han}`).ReplaceAllStringFunc(words, func(r string) string { return r + `[ \x{3000}]?` })
	return regexp.MustCompile(`(?m)(?:^|[\n\t|｜，,；;。 \x{3000}])(?:[0-9一二三四五六七八九十]{1,3}[.、）)] ?|[(（][0-9]{1,5}[)）] ?)?((?:` + spaced + `)[ \t\x{3000}]*(?:[:：|｜\t]|为[:：]?)[ \t\x{3000}|｜]*)([^\n\t|｜。]{1,300})`)
}

var (
	nextLabel  = regexp.MustCompile(`[ \x{3000},，；;]+[\p{Han}（）()]{2,12}[:：]`)
	paidYear   = regexp.MustCompile(`第? ?([0-9０-９]{1,2}|[一二三四五六七八九十]{1,3}) ?年(?:度)?`)
	inlinePaid = regexp.MustCompile(`年费[^。；;\n]{0,12}?(?:已)?(?:缴纳?|交纳?)(?:到|至)第? ?([0-9]{1,2}) ?年度?`)
	ipcPattern = regexp.MustCompile(`[A-H][0-9]{2}[A-Z](?:\s?[0-9]{1,4}/[0-9]{2,6})?`)
	whole      = regexp.MustCompile(`^[0-9]{1,4}`)

	rate      = regexp.MustCompile(`(?:净?销售(?:额|收入|价款|总额)|营业收入|销售净额|含税销售额|产品收入)(?:的|之)?[ ]?(?:百分之([0-9]{1,2}(?:\.[0-9]+)?)|([0-9]{1,2}(?:\.[0-9]+)?) ?[%％])`)
	lump      = regexp.MustCompile(`(?:入门费|许可使用费总额|许可费总额|许可使用费|许可费|一次性许可费|固定许可费|专利使用费|使用费)[^。；;\n%％]{0,24}$`)
	noLump    = regexp.MustCompile(`每年|年许可费|按年|逐年|不低于|不超过|最低|最高|上限|违约|赔偿|以下|以上|每件|每台`)
	termYears = regexp.MustCompile(`(?:许可期限|合同期限|许可的期限|有效期限|许可期|有效期)[^。；;\n]{0,16}?([0-9]{1,2}(?:\.[0-9])?|[一二三四五六七八九十]{1,3}) ?(?:个)?年`)
	termSpan  = regexp.MustCompile(`(?:许可期限|合同期限|许可的期限|有效期限|许可期|有效期)[^。；;\n]{0,80}`)
	kinds     = regexp.MustCompile(`独占|排他|独家|普通|非独占|开放|分许可|交叉`)
	inlineLic = regexp.MustCompile(`(?:以|采用|授予|取得|给予|享有)[^。；;\n]{0,16}?((?:独占|排他|普通|非独占)(?:性)?(?:的)?(?:实施|使用)?许可)`)

	unitOf    = regexp.MustCompile(`(?:金额)?单位[:： ]*(?:人民币)?[ ]?(元|千元|万元|百万元|亿元)`)
	yearCell  = regexp.MustCompile(`^(?:19|20)[0-9]{2}(?: ?年度?)?(?:[（(][^）)]{0,8}[）)])?$`)
	revenue   = regexp.MustCompile(`^(?:[一二三四五六七八九十]、|[0-9]+[.、])?(?:减：|其中：|加：)?(专利产品(?:销售)?收入|使用(?:该|本)专利的?产品(?:销售)?收入|专利产品营业收入|营业总收入|营业收入|主营业务收入|产品销售收入|销售收入|净利润|研发费用|研究开发费用)$`)
	inlineRev = regexp.MustCompile(`((?:19|20)[0-9]{2}) ?年(?:度)?[^。；;\n]{0,30}?(专利产品(?:销售)?收入|使用(?:该|本)专利的?产品(?:销售)?收入|营业总收入|营业收入|主营业务收入|销售收入|净利润|研发费用)[^。；;\n0-9]{0,10}$`)
	figure    = regexp.MustCompile(`^[(（]?-?[0-9][0-9,，]*(?:\.[0-9]+)?[)）]?$`)
)

// kindOf tells a material by its words; two kinds at once are unknown.
func kindOf(text string) string {
	head := text[:min(len(text), 200<<10)]
	n := map[string]int{}
	for kind, words := range map[string][]string{
		KindRegister:  {"登记簿副本", "登记簿", "专利权人", "授权公告日", "法律状态", "著录项目"},
		KindLicence:   {"许可合同", "被许可方", "许可方", "许可使用费", "许可期限", "实施许可"},
		KindFinancial: {"利润表", "资产负债表", "营业收入", "净利润", "财务报表", "主营业务收入"},
		KindReceipt:   {"收据", "缴费", "票据", "收款", "代办处", "缴款"},
	} {
		for _, w := range words {
			if strings.Contains(head, w) {
				n[kind]++
			}
		}
	}
	best, most, twice := KindUnknown, 0, false
	for _, kind := range Kinds {
		switch {
		case n[kind] > most:
			best, most, twice = kind, n[kind], false
		case n[kind] == most && most > 0:
			twice = true
		}
	}
	if twice {
		return KindUnknown
	}
	return best
}

// readFacts reads a material by rules. What a label is followed by and cannot
// be understood is reported with no value and cannot be accepted.
func readFacts(text string) []found {
	var out []found
	said := deal.Find(text)
	for _, l := range labels {
		for _, m := range l.pattern.FindAllStringSubmatchIndex(text, 200) {
			a := m[2]
			value := text[m[4]:m[5]]
			if cut := nextLabel.FindStringIndex(value); cut != nil {
				value = value[:cut[0]]
			}
			if i := strings.IndexAny(value, "；;"); i >= 0 && l.key != "patent.owners" {
				value = value[:i]
			}
			value = strings.TrimRight(value, " \t\r\u3000,，；;")
			b := m[4] + len(value)
			if strings.TrimSpace(value) == "" || l.key == "patent.owners" && strings.HasPrefix(value, "变更") {
				continue
			}
			out = append(out, readValue(l.key, value, m[4], &said, found{key: l.key, start: a, end: b})...)
		}
	}
	for _, m := range inlinePaid.FindAllStringSubmatchIndex(text, 50) {
		if n, _ := strconv.Atoi(text[m[2]:m[3]]); n >= 1 && n <= 20 {
			out = append(out, found{key: "patent.paid_through_year", value: n, start: m[0], end: m[1]})
		}
	}
	out = append(out, licence(text, &said)...)
	out = append(out, sheetFigures(text)...)
	out = append(out, inlineFigures(text, &said)...)
	return settle(text, out)
}

// readValue reads the value of a labelled field from its own words.
func readValue(key, value string, offset int, said *deal.Found, f found) []found {
	inside := func(q deal.Quote) bool { return q.Start >= offset && q.End <= offset+len(value) }
	unread := func() []found {
		f.value, f.blocked = nil, "fact.not_understood"
		f.warnings = append(f.warnings, Note{"fact.not_understood", "未能识别取值，按未知处理。", "The value is not understood and stays unknown."})
		return []found{f}
	}
	switch key {
	case "patent.number":
		for _, n := range said.Numbers {
			if inside(n.Quote) {
				if f.value = n.Number; !n.Sure {
					f.blocked = "fact.check_digit"
					f.warnings = append(f.warnings, Note{"fact.check_digit", "专利号校验位不符，请核对原件。", "The check digit of the number is wrong; look at the original."})
				}
				return []found{f}
			}
		}
		return unread()
	case "patent.title", "licence.licensor", "licence.licensee":
		f.value = strings.TrimSpace(value)
		return []found{f}
	case "patent.owners":
		var owners []string
		for _, o := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune("、;；,，/", r) }) {
			if o = strings.TrimSpace(o); o != "" {
				owners = append(owners, o)
			}
		}
		if len(owners) == 0 || slices.ContainsFunc(owners, func(o string) bool {
			return utf8.RuneCountInString(o) < 2 || !strings.ContainsFunc(o, unicode.IsLetter)
		}) {
			return unread()
		}
		f.value = owners
		return []found{f}
	case "patent.filing_date", "patent.grant_date", "patent.publication_date", "receipt.date":
		for _, d := range said.Days {
			if inside(d.Quote) && d.Whole {
				f.value = d.Date.String()
				return []found{f}
			}
		}
		return unread()
	case "patent.kind":
		for word, kind := range map[string]patent.Kind{"发明": patent.Invention, "发明专利": patent.Invention, "实用新型": patent.UtilityModel, "实用新型专利": patent.UtilityModel, "外观设计": patent.Design, "外观设计专利": patent.Design} {
			if strings.TrimSpace(value) == word {
				f.value = string(kind)
				return []found{f}
			}
		}
		return unread()
	case "patent.ipc":
		if all := ipcPattern.FindAllString(value, 50); len(all) > 0 {
			f.value = all
			return []found{f}
		}
		return unread()
	case "patent.claims":
		if n, err := strconv.Atoi(whole.FindString(value)); err == nil && n > 0 {
			f.value = n
			return []found{f}
		}
		return unread()
	case "patent.paid_through_year":
		m := paidYear.FindStringSubmatch(value)
		if m == nil {
			if n, err := strconv.Atoi(strings.TrimSpace(value)); err == nil && n >= 1 && n <= 20 {
				f.value = n
				return []found{f}
			}
			return unread()
		}
		if n, ok := small(m[1]); ok && n <= 20 {
			f.value = n
			return []found{f}
		}
		return unread()
	case "patent.standing":
		if state, ok := standings[strings.TrimSpace(value)]; ok {
			f.value = state
			return []found{f}
		}
		return unread()
	case "patent.pledged":
		if yes, ok := pledges[strings.TrimSpace(value)]; ok {
			f.value = yes
			return []found{f}
		}
		return unread()
	case "licence.kind":
		if kind, ok := licenceKind(value); ok {
			f.value = kind
			return []found{f}
		}
		return unread()
	case "receipt.amount":
		for _, x := range said.Amounts {
			if inside(x.Quote) && x.Currency == "CNY" {
				f.value = x.Value
				return []found{f}
			}
		}
		return unread()
	}
	return nil
}

// standings and pledges are read whole: a word more and it is not understood.
var standings = map[string]string{
	"有效": "alive", "专利权有效": "alive", "专利权维持": "alive", "授权": "alive", "维持有效": "alive", "有权": "alive", "专利权维持有效": "alive", "授权有效": "alive",
	"失效": "dead", "专利权终止": "dead", "终止": "dead", "无效": "dead", "专利权失效": "dead", "未缴年费专利权终止": "dead", "届满": "dead", "期限届满": "dead", "专利权期限届满": "dead", "全部无效": "dead", "放弃专利权": "dead",
	"审中": "pending", "实质审查": "pending", "等待实审提案": "pending", "实质审查的生效": "pending", "公布": "pending", "审中-实审": "pending",
}

var pledges = map[string]string{
	"无": "no", "否": "no", "未质押": "no", "无质押": "no", "没有质押": "no", "无质押登记": "no", "未办理质押登记": "no", "不存在质押": "no",
	"有": "yes", "是": "yes", "已质押": "yes", "存在质押": "yes", "已办理质押登记": "yes", "质押中": "yes", "在押": "yes",
}

// licenceKind reads the kind of a licence where one alone is named.
func licenceKind(s string) (string, bool) {
	seen := map[string]bool{}
	for _, w := range kinds.FindAllString(s, 10) {
		seen[map[string]string{"独占": "exclusive_licence", "独家": "?", "排他": "sole_licence", "普通": "plain_licence", "非独占": "plain_licence"}[w]] = true
	}
	if strings.Contains(s, "非") && !strings.Contains(s, "非独占") || regexp.MustCompile(`[□☐]`).MatchString(s) || strings.ContainsAny(s, "/或") {
		return "", false // a form that lists them all, ticked or not
	}
	if len(seen) != 1 {
		return "", false
	}
	for kind := range seen {
		if kind != "" && kind != "?" {
			return kind, true
		}
	}
	return "", false
}

// small reads a small whole number in either writing.
func small(s string) (int, bool) {
	digits := strings.Map(func(r rune) rune {
		if r >= '０' && r <= '９' {
			return r - '０' + '0'
		}
		return r
	}, s)
	if n, err := strconv.Atoi(digits); err == nil {
		return n, n > 0
	}
	n, last := 0, 0
	for _, r := range s {
		d := strings.Index("一二三四五六七八九", string(r))
		switch {
		case r == '十':
			n, last = n+10*max(1, last), 0
		case d >= 0:
			last = d/len("一") + 1
		default:
			return 0, false
		}
	}
	return n + last, n+last > 0
}

// licence reads the terms of a contract.
func licence(text string, said *deal.Found) (out []found) {
	if !strings.Contains(text, "许可") {
		return nil
	}
	for _, m := range rate.FindAllStringSubmatchIndex(text, 50) {
		digits := ""
		for _, i := range []int{2, 4} {
			if m[i] >= 0 {
				digits = text[m[i]:m[i+1]]
			}
		}
		x, err := strconv.ParseFloat(digits, 64)
		f := found{key: "licence.royalty_rate", value: x / 100, start: m[0], end: m[1]}
		if err != nil || x <= 0 || x > 50 {
			f.value, f.blocked = nil, "fact.not_understood"
			f.warnings = []Note{{"fact.not_understood", "费率不在 0 至 50% 之间，请核对。", "The rate does not lie between 0 and 50%; look again."}}
		}
		out = append(out, f)
	}
	for _, a := range said.Amounts {
		start := max(0, a.Start-120)
		for !utf8.RuneStart(text[start]) {
			start++
		}
		m := lump.FindStringIndex(text[start:a.Start])
		if m == nil || a.Ranged || noLump.MatchString(text[start+m[0]:a.Start]) || a.Currency != "CNY" {
			continue
		}
		if after := text[a.End:min(len(text), a.End+12)]; strings.HasPrefix(after, "/年") || strings.HasPrefix(after, "每年") || strings.HasPrefix(after, "/件") {
			continue
		}
		out = append(out, found{key: "licence.lump_sum", value: a.Value, start: start + m[0], end: a.End})
	}
	for _, m := range termYears.FindAllStringSubmatchIndex(text, 20) {
		f := found{key: "licence.term_years", start: m[0], end: m[1]}
		if x, err := strconv.ParseFloat(text[m[2]:m[3]], 64); err == nil && x > 0 && x <= 20 {
			f.value = x
		} else if n, ok := small(text[m[2]:m[3]]); ok && n <= 20 {
			f.value = float64(n)
		} else {
			continue
		}
		out = append(out, f)
	}
	for _, m := range termSpan.FindAllStringIndex(text, 20) {
		var days []deal.Day
		for _, d := range said.Days {
			if d.Start >= m[0] && d.End <= m[1] && d.Whole {
				days = append(days, d)
			}
		}
		if len(days) == 2 && days[0].Date.Before(days[1].Date) {
			out = append(out, found{key: "licence.begins", value: days[0].Date.String(), start: m[0], end: days[1].End}, found{key: "licence.ends", value: days[1].Date.String(), start: m[0], end: days[1].End})
		}
	}
	if m := inlineLic.FindStringSubmatchIndex(text); m != nil {
		if kind, ok := licenceKind(text[m[2]:m[3]]); ok {
			out = append(out, found{key: "licence.kind", value: kind, start: m[0], end: m[1]})
		}
	}
	return out
}

// revenueKey is what a label of a sheet means. The revenue of a firm is not that
// of the products that use a patent.
func revenueKey(label string) string {
	switch {
	case strings.Contains(label, "专利"):
		return "income.revenue"
	case strings.Contains(label, "净利润"):
		return "company.net_profit"
	case strings.Contains(label, "研"):
		return "company.research_cost"
	}
	return "company.revenue"
}

var companyWide = Note{"fact.company_wide", "这是全公司口径，不是使用该专利的产品的收入；不作估值输入，请另要产品口径。", "This is the firm's as a whole and not of the products that use the patent; it is no input, so ask for theirs."}

func figureOf(key string, year int, yuan float64, start, end int) found {
	f := found{key: fmt.Sprintf("%s@%d", key, year), value: yuan, start: start, end: end}
	if key == "company.revenue" {
		f.warnings = []Note{companyWide}
	}
	return f
}

type cell struct {
	text       string
	start, end int
}

// cells cuts a line at tabs, bars and runs of two blanks.
func cells(text string, a, b int) (out []cell) {
	for _, m := range regexp.MustCompile(`(?:[^\t|｜ \x{3000}]| [^\t|｜ \x{3000}])+`).FindAllStringIndex(text[a:b], 100) {
		s := strings.TrimSpace(text[a+m[0] : a+m[1]])
		if s != "" {
			from := a + m[0] + strings.Index(text[a+m[0]:a+m[1]], s)
			out = append(out, cell{s, from, from + len(s)})
		}
	}
	return out
}

// sheetFigures reads the lines of a statement under a heading of years. A line
// whose cells do not match the years, or a sheet without a unit, gives nothing
// that can be accepted.
func sheetFigures(text string) (out []found) {
	unit, known := 1.0, false
	if m := unitOf.FindStringSubmatch(text); m != nil {
		unit, known = map[string]float64{"元": 1, "千元": 1e3, "万元": 1e4, "百万元": 1e6, "亿元": 1e8}[m[1]], true
	}
	var years []int
	for at := 0; at < len(text); {
		end := at + strings.IndexByte(text[at:]+"\n", '\n')
		row := cells(text, at, min(end, len(text)))
		at = end + 1
		if len(row) < 2 && !(len(row) == 1 && len(years) > 0) {
			continue
		}
		var head []int
		for _, c := range row {
			if yearCell.MatchString(c.text) {
				y, _ := strconv.Atoi(c.text[:4])
				head = append(head, y)
			}
		}
		if len(head) > 0 && len(head) >= len(row)-2 {
			years = head
			continue
		}
		if len(years) == 0 || !revenue.MatchString(row[0].text) {
			continue
		}
		label := revenue.FindStringSubmatch(row[0].text)[1]
		var figures []cell
		for _, c := range row[1:] {
			if figure.MatchString(c.text) {
				figures = append(figures, c)
			}
		}
		key := revenueKey(label)
		if len(figures) != len(years) || len(figures) != len(row)-1 {
			out = append(out, found{key: key, start: row[0].start, end: row[len(row)-1].end, blocked: "fact.columns", warnings: []Note{{"fact.columns", "该行的数字与年份列对不上，未取值。", "The figures of this line do not match the columns of years; none was taken."}}})
			continue
		}
		for i, c := range figures {
			x, err := strconv.ParseFloat(strings.NewReplacer(",", "", "，", "", "(", "-", "（", "-", ")", "", "）", "").Replace(c.text), 64)
			if err != nil {
				continue
			}
			f := figureOf(key, years[i], x*unit, row[0].start, c.end)
			if !known {
				f.value, f.blocked = nil, "fact.no_unit"
				f.warnings = append(f.warnings, Note{"fact.no_unit", "表中没有金额单位，未取值。", "The sheet names no unit of money; no value was taken."})
			}
			out = append(out, f)
		}
	}
	return out
}

// inlineFigures reads sentences such as 2023年度专利产品收入为3200万元.
func inlineFigures(text string, said *deal.Found) (out []found) {
	for _, a := range said.Amounts {
		start := max(0, a.Start-180)
		for !utf8.RuneStart(text[start]) {
			start++
		}
		m := inlineRev.FindStringSubmatchIndex(text[start:a.Start])
		if m == nil || a.Ranged || a.Currency != "CNY" {
			continue
		}
		// The nearest year counts.
		between := text[start+m[0] : a.Start]
		if again := regexp.MustCompile(`(?:19|20)[0-9]{2} ?年`).FindAllStringIndex(between, -1); len(again) > 1 {
			m[0] += again[len(again)-1][0]
			m[2], m[3] = m[0], m[0]+4
		}
		if regexp.MustCompile(`预计|预测|预期|计划|目标|将达|有望|合计|累计|同比|增长|亏损|减少|下降`).MatchString(text[start+m[0] : a.Start]) {
			continue // a forecast, a sum or a change is no year's figure
		}
		year, _ := strconv.Atoi(text[start+m[2] : start+m[3]])
		out = append(out, figureOf(revenueKey(text[start+m[4]:start+m[5]]), year, a.Value, start+m[0], a.End))
	}
	return out
}

// settle puts facts in order, drops what is said twice at one place, and marks
// what the material says in two ways.
func settle(text string, all []found) []found {
	slices.SortStableFunc(all, func(a, b found) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.key, b.key), cmp.Compare(a.end, b.end))
	})
	var out []found
	for _, f := range all {
		if !slices.ContainsFunc(out, func(o found) bool {
			return o.key == f.key && fmt.Sprint(o.value) == fmt.Sprint(f.value) && (o.start == f.start && o.end == f.end || o.start < f.end && f.start < o.end)
		}) {
			out = append(out, f)
		}
	}
	for i := range out {
		for j := range out {
			if out[i].key == out[j].key && out[i].value != nil && out[j].value != nil && fmt.Sprint(out[i].value) != fmt.Sprint(out[j].value) {
				out[i].warnings = append(out[i].warnings, Note{"fact.contradicts", "材料中同一事项另有不同的值：" + clip(strings.TrimSpace(text[out[j].start:out[j].end]), 40) + "。", "The material gives another value of the same thing elsewhere."})
				break
			}
		}
	}
	return out
}

func asDate(v any) calendar.Date {
	s, _ := v.(string)
	d, _ := calendar.Parse(s) // zero where it is none
	return d
}
