package deal

import (
	"fmt"
	"strings"
	"time"

	"zhijia/internal/calendar"
)

// moment is a date in the text.
type moment struct {
	span
	date calendar.Date
	form string // 2023-05-08, or 2023-05
}

var (
	dateArabic  = compile(`((?:19|20)[0-9]{2}) ?(?:年|[./-]) ?([0-9]{1,2}) ?(?:月|[./-]) ?([0-9]{1,2})(?: ?[日号])?`)
	dateHan     = compile(`([二一][〇零0九八O][〇零一二三四五六七八九0O]{2})年([` + numeral + `]{1,3})月([` + numeral + `廿卅]{1,4})[日号]`)
	dateMixed   = compile(`((?:19|20)[0-9]{2}|[二一][〇零0九八O][〇零一二三四五六七八九0O]{2}) ?年 ?(元|正|[` + numeral + `]{1,3})月 ?(初?)([` + numeral + `廿卅]{1,4}|[0-9]{1,2})[日号]?`)
	dateLine    = compile(`([0-9]{1,2})月([0-9]{1,2})日[电讯]`)
	reported    = compile(`^ ?(?:电|讯|消息)[^。\n]{0,12}?昨[天日]`)
	dayBefore   = compile(`^[^。\n]{0,60}?昨[天日]`)
	anyYear     = compile(`((?:19|20)[0-9]{2})年`)
	dateMonth   = compile(`((?:19|20)[0-9]{2}) ?年 ?([0-9]{1,2}) ?月`)
	dateCompact = compile(`(?:^|[^0-9A-Za-z.])((?:19|20)[0-9]{2})([01][0-9])([0-3][0-9])(?:$|[^0-9A-Za-z.])`)
	compactSum  = compile(`^ ?(?:万|亿)?(?:元|圆|美元|美金|欧元|港元|港币|日元|英镑|人民币)`)
	dateShort   = compile(`(?:^|[^0-9年月至到~-])([0-9]{1,2})月([0-9]{1,2})日`)
	dateDay     = compile(`(?:^|[^0-9年月至到~-])([0-9]{1,2})日(?:上午|下午|晚)?[，,]`)
	dateDMY     = compile(`([0-9]{1,2})(?:st|nd|rd|th)? (January|February|March|April|May|June|July|August|September|October|November|December)[,，]? ((?:19|20)[0-9]{2})`)
	periodEnd   = compile(`^ ?(?:[0-9]{1,2}(?:时|点|:[0-9]{2})(?:[0-9]{1,2}分)?)?(?:起)? ?(?:至|到|-|~)+ ?(?:([0-9]{1,2})月 ?)?([0-9]{1,2}) ?日`)
	dateMDY     = compile(`(January|February|March|April|May|June|July|August|September|October|November|December) ([0-9]{1,2})(?:st|nd|rd|th)?[,，]? ((?:19|20)[0-9]{2})`)
)

var months = map[string]int{"January": 1, "February": 2, "March": 3, "April": 4, "May": 5, "June": 6, "July": 7, "August": 8, "September": 9, "October": 10, "November": 11, "December": 12}

// moments finds the dates of a text, in order.
func moments(s string) []moment {
	var out []moment
	add := func(a, b, year, month, day int) {
		if day == 0 {
			if month >= 1 && month <= 12 {
				out = append(out, moment{span{a, b}, calendar.Date{Year: year, Month: time.Month(month), Day: 1}, fmt.Sprintf("%04d-%02d", year, month)})
			}
			return
		}
		form := fmt.Sprintf("%04d-%02d-%02d", year, month, day)
		if date, err := calendar.Parse(form); err == nil {
			out = append(out, moment{span{a, b}, date, form})
		}
	}
	num := func(t string) int { n, _ := figure(t); return n }
	for _, m := range dateArabic.FindAllStringSubmatchIndex(s, -1) {
		if m[0] > 0 && (isDigit(rune(s[m[0]-1])) || s[m[0]-1] == '.') || m[1] < len(s) && isDigit(rune(s[m[1]])) && isDigit(rune(s[m[1]-1])) {
			continue
		}
		add(m[0], m[1], num(s[m[2]:m[3]]), num(s[m[4]:m[5]]), num(s[m[6]:m[7]]))
	}
	for _, m := range dateHan.FindAllStringSubmatchIndex(s, -1) {
		year, ok := row(strings.NewReplacer("0", "〇", "O", "〇").Replace(s[m[2]:m[3]]))
		day := strings.NewReplacer("廿", "二十", "卅", "三十").Replace(s[m[6]:m[7]])
		if ok {
			add(m[0], m[1], int(year), num(s[m[4]:m[5]]), num(day))
		}
	}
	for _, m := range dateMixed.FindAllStringSubmatchIndex(s, -1) { // 2021年元月十八日
		if dateHan.MatchString(s[m[0]:m[1]]) {
			continue
		}
		year := num(s[m[2]:m[3]])
		if x, han := row(strings.NewReplacer("0", "〇", "O", "〇").Replace(s[m[2]:m[3]])); han && year < 1900 {
			year = int(x)
		}
		month := strings.NewReplacer("元", "一", "正", "一").Replace(s[m[4]:m[5]])
		add(m[0], m[1], year, num(month), num(strings.NewReplacer("廿", "二十", "卅", "三十").Replace(s[m[8]:m[9]])))
	}
	for _, m := range dateMonth.FindAllStringSubmatchIndex(s, -1) {
		if rest := strings.TrimLeft(s[m[1]:min(len(s), m[1]+4)], " "); rest != "" && isDigit(rune(rest[0])) {
			continue
		}
		add(m[0], m[1], num(s[m[2]:m[3]]), num(s[m[4]:m[5]]), 0)
	}
	for _, m := range dateCompact.FindAllStringSubmatchIndex(s, -1) {
		if s[m[6]:m[7]] == "00" || compactSum.MatchString(s[m[7]:min(len(s), m[7]+20)]) || strings.ContainsAny(s[max(0, m[2]-4):m[2]], "¥$") {
			continue // 20221013元 is an amount
		}
		add(m[2], m[7], num(s[m[2]:m[3]]), num(s[m[4]:m[5]]), num(s[m[6]:m[7]]))
	}
	for _, m := range dateDMY.FindAllStringSubmatchIndex(s, -1) {
		add(m[0], m[1], num(s[m[6]:m[7]]), months[s[m[4]:m[5]]], num(s[m[2]:m[3]]))
	}
	for _, m := range dateMDY.FindAllStringSubmatchIndex(s, -1) {
		add(m[0], m[1], num(s[m[6]:m[7]]), months[s[m[2]:m[3]]], num(s[m[4]:m[5]]))
	}
	for i, m := range out { // 2022年3月15日讯 昨日: the day before
		if b := reported.FindStringIndex(s[m.b:min(len(s), m.b+90)]); b != nil && m.date.Day != 0 {
			day := m.date.AddDays(-1)
			out[i] = moment{span{m.a, m.b + b[1]}, day, fmt.Sprintf("%04d-%02d-%02d", day.Year, day.Month, day.Day)}
		}
	}
	sortBy(out, func(m moment) int { return m.a })
	// 4月18日，甲与乙签订…: a day of signing takes its year from the last date.
	if n := len(out); n > 0 && out[n-1].date.Day != 0 {
		last := out[n-1]
		for _, m := range dateShort.FindAllStringSubmatchIndex(s, 20) {
			if after := s[m[1]:min(len(s), m[1]+110)]; !signAfter.MatchString(after) && !closeAfter.MatchString(after) && !dealsAfter.MatchString(s[m[1]:min(len(s), m[1]+300)]) {
				continue
			}
			month, day := num(s[m[2]:m[3]]), num(s[m[4]:m[5]])
			year := last.date.Year - b2i(month > int(last.date.Month) || month == int(last.date.Month) && day > last.date.Day)
			add(m[2], m[1], year, month, day)
		}
	}
	// 10日，甲与乙签约: a day alone takes its month from the last date.
	if n := len(out); n > 0 && out[n-1].date.Day != 0 {
		last := out[n-1]
		for _, m := range dateDay.FindAllStringSubmatchIndex(s, 8) {
			if day := num(s[m[2]:m[3]]); day <= last.date.Day && signAfter.MatchString(s[m[1]:min(len(s), m[1]+110)]) {
				add(m[2], m[3]+len("日"), last.date.Year, int(last.date.Month), day)
			}
		}
	}
	// 某地12月3日电 昨天上午，2023年…: the day of a report takes its year from the text.
	if y := anyYear.FindStringSubmatch(s); y != nil {
		for _, m := range dateLine.FindAllStringSubmatchIndex(s, 4) {
			end := m[1]
			day, err := calendar.Parse(fmt.Sprintf("%s-%02d-%02d", y[1], num(s[m[2]:m[3]]), num(s[m[4]:m[5]])))
			if err != nil {
				continue
			}
			if b := dayBefore.FindStringIndex(s[end:min(len(s), end+120)]); b != nil {
				day, end = day.AddDays(-1), end+b[1]
			}
			add(m[2], end, day.Year, int(day.Month), day.Day)
		}
	}
	sortBy(out, func(m moment) int { return m.a })
	// 至9月7日: the end of a period takes the year of its beginning.
	for i := len(out) - 1; i >= 0; i-- {
		m := out[i]
		e := periodEnd.FindStringSubmatchIndex(s[m.b:min(len(s), m.b+60)])
		if e == nil || m.date.Day == 0 {
			continue
		}
		month, day := int(m.date.Month), num(s[m.b+e[4]:m.b+e[5]])
		if e[2] < 0 { // 10月9日至10日
			if day <= m.date.Day {
				continue
			}
			add(m.b+e[4], m.b+e[1], m.date.Year, month, day)
			continue
		}
		month = num(s[m.b+e[2] : m.b+e[3]])
		year := m.date.Year + b2i(month < int(m.date.Month))
		add(m.b+e[2], m.b+e[1], year, month, day)
	}
	sortBy(out, func(m moment) int { return m.a })
	kept := out[:0]
	for _, m := range out {
		if n := len(kept); n == 0 || m.a >= kept[n-1].b {
			kept = append(kept, m)
		}
	}
	return kept
}
