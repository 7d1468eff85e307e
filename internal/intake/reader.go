package intake

import (
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/sheet"
)

// reader reads the cells of one row and collects every fault.
type reader struct {
	cells  map[string]string
	origin string // id of the source whose table it is; empty: nobody's in particular
	faults []fault.Field
}

func (r *reader) bad(field, code, zh, en string) {
	r.faults = append(r.faults, fault.Field{Field: field, Code: code, Zh: zh, En: en})
}

func (r *reader) text(field string, limit int) string {
	s := r.cells[field]
	if len(s) > limit {
		r.bad(field, "text.too_long", "内容超过长度上限（"+strconv.Itoa(limit)+" 字节）。", "Longer than "+strconv.Itoa(limit)+" bytes.")
	}
	return s
}

func (r *reader) required(field string, limit int) string {
	s := r.text(field, limit)
	if s == "" {
		r.bad(field, "field.missing", "此列必填。", "This column is required.")
	}
	return s
}

func (r *reader) date(field string) calendar.Date {
	s := r.cells[field]
	if s == "" {
		return calendar.Date{}
	}
	d, err := calendar.Parse(s)
	if err != nil || d.Year < 1900 || d.Year > 2200 {
		r.bad(field, "date.shape", "日期格式应为 YYYY-MM-DD，且为真实日期。", "A real date as YYYY-MM-DD is wanted.")
		return calendar.Date{}
	}
	return d
}

// period reads a day, a month or a year.
func (r *reader) period(field string) (calendar.Date, string) {
	s := r.cells[field]
	switch {
	case s == "":
		return calendar.Date{}, ""
	case len(s) == 4:
		if d, err := calendar.Parse(s + "-01-01"); err == nil {
			return d, "year"
		}
	case len(s) == 7:
		if d, err := calendar.Parse(s + "-01"); err == nil {
			return d, "month"
		}
	}
	return r.date(field), "day"
}

func (r *reader) count(field string) *int {
	s := r.cells[field]
	if s == "" {
		return nil
	}
	n, err := strconv.Atoi(strings.TrimSuffix(s, ".0"))
	if err != nil || n < 0 || n > 1_000_000 {
		r.bad(field, "count.range", "应为 0 到 1000000 的整数。", "A whole number from 0 to 1,000,000 is wanted.")
		return nil
	}
	return &n
}

// names counts persons: a number, or their names.
func (r *reader) names(field string) *int {
	s := r.cells[field]
	if s == "" || strings.ContainsAny(s[:1], "0123456789-") {
		return r.count(field)
	}
	n := len(r.list(field))
	return &n
}

func (r *reader) number(field string, low, high float64) *float64 {
	s := strings.TrimSpace(r.cells[field])
	if s == "" {
		return nil
	}
	scale := 1.0
	if t, ok := strings.CutSuffix(s, "%"); ok {
		s, scale = t, 0.01
	}
	x, err := strconv.ParseFloat(strings.ReplaceAll(s, ",", ""), 64)
	x *= scale
	if err != nil || math.IsNaN(x) || x < low || x > high {
		r.bad(field, "number.range", "数值无效或超出范围。", "Not a number, or out of range.")
		return nil
	}
	return &x
}

// amount reads an amount in the declared unit, yuan unless stated.
func (r *reader) amount(field string) *float64 {
	s := r.cells[field]
	if s == "" {
		return nil
	}
	unit := money.Yuan
	if u := r.cells["unit"]; u != "" {
		var err error
		if unit, err = money.ParseUnit(u); err != nil {
			r.bad("unit", "unit.unknown", "单位应为 元、万元 或 亿元。", "The unit is 元, 万元 or 亿元.")
			return nil
		}
	}
	f, err := money.Parse(s, unit)
	if err != nil || f < 0 {
		r.bad(field, "amount.shape", "金额无效：应为非负数字，最多精确到分。", "Not an amount: a number that is not negative, no finer than a fen.")
		return nil
	}
	x := f.Yuan()
	return &x
}

func (r *reader) flag(field string) *bool {
	var b bool
	switch strings.ToLower(r.cells[field]) {
	case "":
		return nil
	case "true", "1", "y", "yes", "是":
		b = true
	case "false", "0", "n", "no", "否":
	default:
		r.bad(field, "flag.shape", "应填 是 或 否。", "true or false is wanted.")
		return nil
	}
	return &b
}

func (r *reader) list(field string) []string {
	var out []string
	for _, s := range strings.FieldsFunc(r.text(field, 20_000), func(c rune) bool { return c == ';' || c == '；' || c == '|' || c == '、' || c == '\n' }) {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// word reads one of a closed list, by its code or its Chinese name.
func (r *reader) word(field string, words map[string]string) string {
	s := strings.ToLower(r.cells[field])
	if s == "" {
		return ""
	}
	if code, ok := lookUp(words, s); ok {
		return code
	}
	var zh []string
	for _, code := range slices.Sorted(maps.Keys(words)) {
		first, _, _ := strings.Cut(words[code], "|")
		zh = append(zh, first)
	}
	r.bad(field, "word.unknown", "“"+sheet.Clip(r.cells[field], 40)+"”不在可用的词中，应为："+strings.Join(zh, "、")+"。", "Not one of the allowed words: "+strings.Join(slices.Sorted(maps.Keys(words)), ", ")+".")
	return ""
}

// kind reads the kind of a patent as vendors write it.
func (r *reader) kind(field string) string {
	text := sheet.Narrow(r.cells[field])
	if text == "" {
		return ""
	}
	kind := patent.KindOf(text)
	if kind == "" {
		r.bad(field, "word.unknown", "应为发明、实用新型或外观设计。", "An invention, utility model or design is wanted.")
	}
	return string(kind)
}

// locarno is a class of designs, 14-03 or LOC(13)Cl.14-03, or a printed label
// without a class.
var locarno = regexp.MustCompile(`(?i)^(?:(?:LOC\s*[(（]\d{1,2}[)）]\s*Cl\.?\s*)?\d{2}-\d{2}|Int\.?\s*Cl\.?\s*\d{0,2})$`)

// lookUp finds the code of a word, given as the code or one of its names.
func lookUp(words map[string]string, s string) (string, bool) {
	for code, names := range words {
		if s == code || slices.Contains(strings.Split(names, "|"), s) {
			return code, true
		}
	}
	return "", false
}

// Word reads a word of a closed list of the transactions import, as the import
// does: what the harness and the import read of a file is one.
func Word(field, text string) (code string, ok bool) {
	lists := map[string]map[string]string{
		"deal_kind": dealWords, "price_kind": priceWords, "market": marketWords, "source_type": sourceWords, "owner_type": ownerWords, "patent_kind": soldKinds,
	}
	return lookUp(lists[field], strings.ToLower(strings.TrimSpace(text)))
}

// Headers lists the columns of a dataset and the headers that name each.
func Headers(dataset string) map[string][]string { return maps.Clone(datasets[dataset].columns) }

func (r *reader) ipc(field string) []string {
	var out []string
	for _, s := range strings.FieldsFunc(strings.Join(r.list(field), ";"), func(c rune) bool { return strings.ContainsRune(";,，", c) }) {
		if s = strings.TrimSpace(s); s == "" || s == "-" || s == "/" || locarno.MatchString(s) {
			continue // a design's class is of another classification
		}
		c, err := patent.ParseIPC(s)
		if err != nil {
			pub := fault.Public(err)
			r.bad(field, pub.Code, pub.Zh, pub.En)
			continue
		}
		out = append(out, c.String())
	}
	return out
}

// classes are the main class and the others, once each.
func (r *reader) classes() []string {
	var out []string
	for _, s := range append(r.ipc("main_ipc"), r.ipc("ipc")...) {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func (r *reader) patentNumber(field string, required bool) (patent.Number, bool) {
	s := r.cells[field]
	if s == "" {
		if required {
			r.bad(field, "field.missing", "此列必填。", "This column is required.")
		}
		return patent.Number{}, false
	}
	n, err := patent.ParseNumber(s)
	if err != nil {
		pub := fault.Public(err)
		r.bad(field, pub.Code, pub.Zh, pub.En)
		return patent.Number{}, false
	}
	return n, true
}

func (r *reader) numbers(field string) []string {
	var out []string
	for _, s := range r.list(field) {
		n, err := patent.ParseNumber(s)
		if err != nil {
			pub := fault.Public(err)
			r.bad(field, pub.Code, s+"："+pub.Zh, pub.En)
			continue
		}
		out = append(out, string(n.Key()))
	}
	return out
}
