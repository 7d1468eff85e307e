package connect

import (
	"cmp"
	_ "embed"
	"maps"
	"regexp"
	"slices"
	"strings"

	"zhijia/internal/calendar"
	"zhijia/internal/patent"
)

//go:embed data/words.tsv
var wordsTable string

//go:embed data/inpadoc.tsv
var inpadocTable string

var (
	wordings = map[string]string{}
	endings  []string // wordings of five characters and more, the longest first
	inpadoc  = map[string]string{}
)

func init() {
	for _, r := range table(wordsTable, 2) {
		wordings[fold(r[0])] = r[1]
		if len([]rune(r[0])) >= 5 {
			endings = append(endings, fold(r[0]))
		}
	}
	slices.SortFunc(endings, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	for _, r := range table(inpadocTable, 2) {
		inpadoc[r[0]] = r[1]
	}
}

// narrow folds full-width characters to half width.
func narrow(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 0xff01 && r <= 0xff5e:
			return r - 0xfee0
		case r == 0x3000, r == 0xa0, r == 0x2002:
			return ' '
		}
		return r
	}, s)
}

// fold brings a wording to the form it is looked up by: half width, without
// blanks, brackets and circled numbers.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '(' || r == ')' || r == ' ' || r == '\t' || r == '\n' || r == '\r':
			return -1
		case r >= '①' && r <= '⑳':
			return -1
		}
		return r
	}, narrow(s))
}

// Wording returns the event that a gazette's, an office's or a vendor's wording
// means. Where a heading runs into the cause the end of it counts: the heading
// may say 部分无效 and the cause 全部无效.
func Wording(text string) (code string, ok bool) {
	t := strings.TrimRight(fold(text), ";；。,:")
	if i := strings.LastIndexByte(t, ';'); i >= 0 {
		if code, ok = Wording(t[i+1:]); ok {
			return code, ok
		}
	}
	if code, ok = wordings[t]; ok {
		return code, ok
	}
	if _, known := patent.Codes[strings.ToUpper(t)]; known {
		return strings.ToUpper(t), true
	}
	for _, e := range endings {
		if strings.HasSuffix(t, e) && !negated(strings.TrimSuffix(t, e)) {
			return wordings[e], true
		}
	}
	return "", false
}

// negated reports whether what stands before a wording turns it round.
func negated(before string) bool {
	for _, no := range []string{"未", "不", "非", "无", "撤销", "驳回", "解除"} {
		if strings.HasSuffix(before, no) {
			return true
		}
	}
	return false
}

// Code returns the event that a code of INPADOC or of the office means; known is
// false for one that nobody listed, and means is empty for one that changes
// nothing that is followed here.
func Code(code string) (means string, known bool) {
	code = strings.ToUpper(strings.TrimSpace(code))
	means, known = inpadoc[code]
	if !known {
		if _, ours := patent.Codes[code]; ours {
			return code, true
		}
	}
	return means, known
}

// labels of gazette notices and of what INPADOC makes of them, and what each
// names. The longer one counts where one begins another.
var labels = map[string]string{
	"登记号": "registration", "合同登记号": "registration", "质押合同登记号": "registration", "合同备案号": "registration", "备案号": "registration", "Registration number": "registration",
	"Record number": "registration", "Contract record no": "registration", "Application publication date": "-",
	"登记生效日": "effective", "生效日": "effective", "Effective date of registration": "effective", "Effective date": "effective", "Record date": "effective", "备案日期": "effective", "备案日": "effective",
	"登记日": "effective", "解除日": "effective", "注销日": "effective", "变更日": "effective", "终止日期": "effective", "终止日": "effective", "放弃生效日": "effective", "保全日": "effective",
	"Date of cancellation": "effective", "Termination date": "effective", "无效宣告决定日": "effective",
	"出质人": "before", "质权人": "party", "Pledgor": "before", "Pledgee": "party",
	"让与人": "before", "许可人": "before", "受让人": "party", "被许可人": "party", "Assignor": "before", "Assignee": "party", "Licensor": "before", "Licensee": "party",
	"许可种类": "licence", "License type": "licence",
	"变更事项": "item", "变更前权利人": "old", "变更前": "old", "变更前专利权人": "old", "变更后权利人": "new", "变更后": "new", "变更后专利权人": "new",
	"Patentee before": "old", "Patentee after": "new", "Applicant before": "old", "Applicant after": "new", "FORMER OWNER": "old", "Former owner": "old", "Owner name": "new",
	"Address before": "-", "Address after": "-", "Country or region before": "-", "Country or region after": "-", "CHANGE OF": "-",
	"Denomination of invention": "-", "Granted publication date": "-", "Free format text": "-", "Denomination of utility model": "-",
	"专利号": "number", "专利申请号": "number", "申请号": "number", "发明名称": "title", "申请日": "filing", "授权公告日": "grant", "IPC(主分类)": "ipc", "公告日": "gazette", "事务数据公告日": "gazette", "法律状态公告日": "gazette",
	"质押保全类型": "-", "申请公布日": "-", "专利权人": "-", "决定号": "-", "申请人": "-", "地址": "-",
}

var labelPattern = func() *regexp.Regexp {
	names := slices.SortedFunc(maps.Keys(labels), func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	for i, n := range names {
		names[i] = regexp.QuoteMeta(n)
	}
	return regexp.MustCompile(`(` + strings.Join(names, "|") + `)\s*:\s*`)
}()

type pair struct{ label, value string }

// pairs reads "label:value" in a text, whatever stands between them. A label
// that is not known is part of the value before it.
func pairs(text string) (before string, out []pair) {
	t := strings.NewReplacer("&nbsp;", " ", "：", ":", "IPC（主分类）", "IPC(主分类)").Replace(text)
	at := labelPattern.FindAllStringSubmatchIndex(t, -1)
	if len(at) == 0 {
		return strings.TrimSpace(t), nil
	}
	for i, m := range at {
		to := len(t)
		if i+1 < len(at) {
			to = at[i+1][0]
		}
		out = append(out, pair{labels[t[m[2]:m[3]]], strings.Trim(t[m[1]:to], " \t\r\n;,；")})
	}
	return strings.TrimSpace(t[:at[0][0]]), out
}

// day reads a date as any source writes it; a broken one is unknown.
func day(s string) calendar.Date {
	s = strings.TrimSpace(narrow(s))
	if i := strings.IndexAny(s, " T"); i > 0 {
		s = s[:i]
	}
	if s == "0" || strings.Trim(s, "0") == "" {
		return calendar.Date{}
	}
	d, err := calendar.Parse(s)
	if err != nil || d.Year < 1900 || d.Year > 2200 {
		return calendar.Date{}
	}
	return d
}

// list cuts names at what sources put between them.
func list(s string) []string {
	var out []string
	for _, x := range strings.FieldsFunc(strings.ReplaceAll(s, ";;", ";"), func(r rune) bool { return r == ';' || r == '；' || r == '|' || r == '、' || r == '\n' }) {
		if x = tidyName(x); x != "" && x != "-" {
			out = append(out, x)
		}
	}
	return out
}

// tidyName takes off what databases put behind names: the country, a comma, a
// blank of another width.
func tidyName(s string) string {
	s = strings.Join(strings.Fields(narrowBlanks(s)), " ")
	if i := strings.LastIndex(s, " ["); i > 0 && strings.HasSuffix(s, "]") && len(s)-i == 5 {
		s = s[:i]
	}
	return strings.Trim(s, " ,")
}

// told fills an event from the labels of its text. A change's item says what
// the pair after it is: of an address nothing is taken.
func told(e *patent.Event, ps []pair) {
	item := ""
	for _, p := range ps {
		switch p.label {
		case "registration":
			e.Registration = cmp.Or(e.Registration, clip(p.value, 100))
		case "effective":
			if d := day(p.value); !d.IsZero() {
				e.Effective = d
			}
		case "gazette":
			e.Gazette = cmp.Or(e.Gazette, day(p.value))
		case "before":
			if len(e.Before) == 0 {
				e.Before = list(p.value)
			}
		case "party":
			e.Party = cmp.Or(e.Party, clip(tidyName(p.value), 500))
		case "licence":
			e.LicenceKind = cmp.Or(e.LicenceKind, clip(p.value, 50))
		case "item":
			item = p.value
		case "old", "new":
			if strings.Contains(item, "地址") && !strings.Contains(item, "人") || strings.Contains(item, "代理") || strings.Contains(item, "发明人") {
				continue
			}
			to := &e.Before
			if p.label == "new" {
				to = &e.After
			}
			for _, n := range list(p.value) {
				if !slices.Contains(*to, n) {
					*to = append(*to, n)
				}
			}
		}
	}
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}
