package connect

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
)

// textShape tells what a text is by its words: a copy of the register, notices
// of the gazette, a list of numbers, or "" for none of them.
func textShape(text string) string {
	flat := strings.ReplaceAll(narrow(text), " ", "")
	switch {
	case strings.Contains(flat, "登记簿副本") && strings.Contains(flat, "专利号:"),
		strings.Contains(flat, "专利权人:") && strings.Contains(flat, "出具日期:") && strings.Contains(flat, "专利号:"):
		return "register"
	}
	lines, numbers, headings := 0, 0, 0
	hasLabel := regexp.MustCompile(`(?m)^\s*(?:专利号|专利申请号|申请号)\s*[:：]`).MatchString(text)
	for _, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		lines++
		if hasLabel && !strings.ContainsAny(line, ":：,\t") {
			if _, ok := Wording(line); ok {
				headings++
			}
		}
		if !strings.ContainsAny(line, ",，\t") || strings.Count(line, ",") <= 0 {
			if _, err := patent.ParseNumber(line); err == nil || numberLike(err) {
				numbers++
			}
		}
	}
	switch {
	case headings > 0:
		return "cnipa_gazette"
	case lines > 0 && numbers*5 >= lines*4:
		return "numbers"
	}
	return ""
}

// numberLike reports whether a text was refused for what is wrong within a
// number, not for being none.
func numberLike(err error) bool {
	switch fault.Public(err).Code {
	case "number.check_digit", "number.check_digit_missing", "number.type_digit", "number.year", "number.application_code", "number.epodoc_early":
		return true
	}
	return false
}

// numbersText reads a list of numbers, one a line; a list has no facts.
func numbersText(text string, yield func(int, Record, error) bool) {
	for i, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		r := Record{Source: "numbers"}
		err := r.number(line)
		if !yield(i+1, r, err) {
			return
		}
	}
}

// gazetteText reads notices as printed: a heading, then labels, one notice after
// another. A line that is a heading begins the next.
func gazetteText(text string, yield func(int, Record, error) bool) {
	var heading string
	var body []string
	from := 0
	flush := func() bool {
		if heading == "" && len(body) == 0 {
			return true
		}
		r, err := notice(heading, strings.Join(body, "\n"))
		heading, body = "", nil
		return yield(from, r, err)
	}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		label, _, isLabel := strings.Cut(narrow(line), ":")
		if isLabel && labels[strings.TrimSpace(label)] != "" || labelPattern.MatchString(strings.ReplaceAll(line, "：", ":")) {
			body = append(body, line)
			continue
		}
		if _, ok := Wording(line); !ok && heading != "" && len(body) > 0 && !strings.ContainsAny(line, "的授公告恢无终") {
			body[len(body)-1] += line // a value that was broken over two lines
			continue
		}
		if !flush() {
			return
		}
		heading, from = line, i+1
	}
	flush()
}

func notice(heading, body string) (Record, error) {
	r := Record{Source: "cnipa_gazette"}
	_, ps := pairs(body)
	code, ok := Wording(heading)
	for _, p := range ps {
		switch p.label {
		case "number":
			if err := r.number(p.value); err != nil {
				return r, err
			}
		case "title":
			r.Title = cmp.Or(r.Title, p.value)
		case "filing":
			r.Filing = cmp.Or(r.Filing, day(p.value))
		case "grant":
			r.Grant = cmp.Or(r.Grant, day(p.value))
		case "ipc":
			r.class(p.value)
		}
	}
	switch {
	case r.Number == "":
		return r, noNumber()
	case !ok:
		return r, fault.New(fault.Invalid, "event.unknown", "未识别的事务：“"+clip(heading, 60)+"”。", "A notice that is not recognised: "+clip(heading, 60)+".")
	}
	e := patent.Event{Code: code}
	told(&e, ps)
	if e.Effective.IsZero() && e.Gazette.IsZero() {
		r.note("%s：公告未载生效日", heading)
		r.flag(patent.Codes[code])
	} else {
		r.add(e)
	}
	r.end()
	return r, nil
}

var (
	registerLabel = regexp.MustCompile(`(专利号|申请号|证书号|发明名称|实用新型名称|外观设计名称|专利名称|申请日|授权公告日|授权公告号|专利权人|地址|发明人|设计人|主分类号|分类号|法律状态|年费缴纳情况|年费|著录项目变更|著录事项变更|专利权转移|转移|质押|保全|实施许可备案|实施许可|无效宣告|无效|终止|恢复|强制许可|开放许可|出具日期|出具日|查询日期|打印日期)[^\S\n]*[:：]`)
	anyDay        = regexp.MustCompile(`\d{4}\s*(?:年\s*\d{1,2}\s*月\s*\d{1,2}\s*日|[-./]\d{1,2}[-./]\d{1,2})`)
	paidYear      = regexp.MustCompile(`(?:已缴纳?至|缴至|交至)\s*第\s*(\d{1,2})\s*年`)
	changedTo     = regexp.MustCompile(`专利权人(?:由|从)?[“"「]?([^”"」]{2,200}?)[”"」]?\s*(?:变更为|变为|转移给|→)\s*[“"「]?([^”"」，。;；]{2,200})[”"」]?`)
	withinPledge  = regexp.MustCompile(`(登记号|登记日|注销日|解除日|出质人|质权人|合同备案号|备案号|备案日|让与人|许可人|受让人|被许可人|许可种类)[:： ]*([^，,；;。]+)`)
)

// registerText reads a copy of the register. Its text is kept whole; what it
// says counts on the day it was issued.
func registerText(text string) (Record, error) {
	r := Record{Source: "register", Text: clip(strings.TrimSpace(text), 100_000)}
	t := strings.ReplaceAll(text, "：", ":")
	at := registerLabel.FindAllStringSubmatchIndex(t, -1)
	var bad error
	for i, m := range at {
		to := len(t)
		if i+1 < len(at) {
			to = at[i+1][0]
		}
		label, value := t[m[2]:m[3]], strings.TrimSpace(t[m[1]:to])
		switch label {
		case "专利号", "申请号":
			if r.Number == "" {
				bad = r.number(value)
			}
		case "发明名称", "实用新型名称", "外观设计名称", "专利名称":
			r.Title = cmp.Or(r.Title, strings.Join(strings.Fields(value), ""))
		case "申请日":
			r.Filing = cmp.Or(r.Filing, registerDay(value))
		case "授权公告日":
			if d := registerDay(value); !d.IsZero() {
				r.Grant = d
				r.add(patent.Event{Code: "GR01", Effective: d, Gazette: d})
			}
		case "授权公告号":
			if n, err := patent.ParseNumber(value); err == nil && !n.NamesApplication() {
				r.Publication = string(n.Key())
			}
		case "专利权人":
			r.Owners = list(value)
		case "发明人", "设计人":
			r.Inventors = ptr(len(list(value)))
		case "主分类号", "分类号":
			r.class(value)
		case "法律状态":
			r.StatusText = firstLine(value)
			if r.Status = statusOf(r.StatusText); r.Status == "" {
				if code, ok := Wording(r.StatusText); ok {
					if d := registerDay(value); !d.IsZero() {
						r.add(patent.Event{Code: code, Effective: d})
					} else {
						r.flag(patent.Codes[code])
					}
				} else {
					r.note("法律状态：%s", clip(r.StatusText, 80))
				}
			}
		case "年费缴纳情况", "年费":
			if p := paidYear.FindStringSubmatch(value); p != nil {
				k, _ := strconv.Atoi(p[1])
				r.PaidThrough = &k
			} else if !nothing(value) {
				r.note("年费：%s", clip(value, 200))
			}
		case "著录项目变更", "著录事项变更", "专利权转移", "转移":
			r.changes(value)
		case "质押", "保全", "实施许可备案", "实施许可":
			r.claims(label, value)
		case "无效宣告", "无效", "终止", "恢复", "强制许可", "开放许可":
			if nothing(value) {
				continue
			}
			code, ok := Wording(firstLine(strings.TrimSpace(anyDay.ReplaceAllString(value, ""))))
			if d := registerDay(value); ok && !d.IsZero() {
				r.add(patent.Event{Code: code, Effective: d})
			} else {
				r.note("%s：%s", label, clip(value, 200))
			}
		case "出具日期", "出具日", "查询日期", "打印日期":
			r.AsOf = registerDay(value)
		}
	}
	if bad != nil {
		return r, bad
	}
	if r.Number == "" {
		return r, noNumber()
	}
	if r.AsOf.IsZero() {
		return r, fault.New(fault.Invalid, "register.undated", "登记簿副本没有出具日期：它只证明出具日的状态，请补上“出具日期：YYYY年MM月DD日”。", "The copy of the register says no day of issue, and it proves the state of that day alone; add 出具日期.")
	}
	r.end()
	return r, nil
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return strings.TrimSpace(s)
}

func nothing(s string) bool {
	s = strings.Trim(firstLine(s), " 。.;；")
	return s == "" || s == "无" || s == "否" || s == "-" || s == "/" || strings.HasPrefix(s, "无记录") || s == "无记载"
}

func registerDay(s string) calendar.Date {
	return day(strings.Join(strings.Fields(anyDay.FindString(s)), ""))
}

// changes reads changes of the owner, one a line.
func (r *Record) changes(value string) {
	if nothing(value) {
		return
	}
	for _, line := range strings.FieldsFunc(value, func(c rune) bool { return c == '\n' || c == '；' || c == ';' }) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		m, d := changedTo.FindStringSubmatch(line), registerDay(line)
		if m == nil || d.IsZero() {
			r.note("变更：%s", clip(line, 200))
			continue
		}
		// The copy does not say whether the right passed or a name changed; to
		// the holder of the right it is the same.
		r.add(patent.Event{Code: "TR01", Effective: d, Before: list(m[1]), After: list(m[2])})
	}
}

// claims reads what burdens the right: 无 is the register's own answer.
func (r *Record) claims(label, value string) {
	if nothing(value) {
		return
	}
	on, off := "PE01", "PC01"
	switch label {
	case "保全":
		on, off = "PP01", "PD01"
	case "实施许可备案", "实施许可":
		on, off = "EE01", "EC01"
	}
	for _, line := range strings.FieldsFunc(value, func(c rune) bool { return c == '\n' }) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		e := patent.Event{Code: on}
		ended := e.Effective
		for _, m := range withinPledge.FindAllStringSubmatch(line, -1) {
			v := strings.TrimSpace(m[2])
			switch m[1] {
			case "登记号", "合同备案号", "备案号":
				e.Registration = v
			case "登记日", "备案日":
				e.Effective = registerDay(v)
			case "注销日", "解除日":
				ended = registerDay(v)
			case "出质人", "让与人", "许可人":
				e.Before = list(v)
			case "质权人", "受让人", "被许可人":
				e.Party = v
			case "许可种类":
				e.LicenceKind = v
			}
		}
		if e.Effective.IsZero() {
			e.Effective = registerDay(line)
		}
		if e.Effective.IsZero() {
			r.flag(patent.Codes[on])
			r.note("%s：%s", label, clip(line, 200))
			continue
		}
		r.add(e)
		if !ended.IsZero() {
			r.add(patent.Event{Code: off, Effective: ended, Registration: e.Registration, Party: e.Party})
		}
	}
}
