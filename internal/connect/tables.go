package connect

import (
	"cmp"
	_ "embed"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"zhijia/internal/calendar"
	"zhijia/internal/patent"
	"zhijia/internal/sheet"
)

//go:embed data/columns.tsv
var columnsTable string

// Columns are the headers of one source's tables: folded header -> field, and
// where it stands among those of its field. A field "-" is known and not taken.
type Columns struct {
	Source string
	Field  map[string]string
	Rank   map[string]int
	marks  map[string]bool // headers by which it is known
}

var sourceColumns = func() []Columns {
	var out []Columns
	for _, r := range table(columnsTable, 4) {
		if len(out) == 0 || out[len(out)-1].Source != r[0] {
			out = append(out, Columns{r[0], map[string]string{}, map[string]int{}, map[string]bool{}})
		}
		c := &out[len(out)-1]
		h := sheet.Header(r[1])
		c.Field[h], c.Rank[h] = r[2], len(c.Rank)+1
		if r[3] == "*" {
			c.marks[h] = true
		}
	}
	return out
}()

// Recognise tells whose table it is by its folded headers: the source that knows
// the most of them, at least three and a third, and two of those that are its
// mark (one, where it has but two). Where two know as many it is nobody's.
func Recognise(headers []string) (Columns, bool) {
	best, most, tie := -1, 0, false
	for i, c := range sourceColumns {
		known, marks, named := 0, 0, 0
		for _, h := range headers {
			if h == "" {
				continue
			}
			named++
			if _, ok := c.Field[h]; ok {
				known++
			}
			if c.marks[h] {
				marks++
			}
		}
		if needed := 2; known < 3 || known*3 < named || marks < 1 || marks < needed && len(c.marks) > needed {
			continue
		}
		switch {
		case known > most:
			best, most, tie = i, known, false
		case known == most:
			tie = true
		}
	}
	if best < 0 || tie {
		return Columns{}, false
	}
	return sourceColumns[best], true
}

// Cells are what the fields of a row hold that make no column of a patent.
type Cells map[string]string

// ExtraFields are the fields of a table beside the columns of a patent, with the
// headers by which any table may name them. They can be named in a mapping.
var ExtraFields = map[string][]string{
	"applicants": {"申请人", "原始申请人", "申请时申请人", "原始申请（专利权）人", "[标]原始申请（专利权）人", "applicant", "applicants", "assignee"}, "applicants_joined": nil,
	"document_date": nil, "title_en": {"标题（英文）", "英文名称"}, "main_ipc": nil, "locarno": {"洛迦诺分类号", "洛迦诺分类", "loc分类号", "外观设计洛迦诺分类号"},
	"owner_codes": {"统一社会信用代码", "工商统一社会信用代码"}, "owner_type_word": nil, "inventor_names": {"发明人", "发明（设计）人"}, "inventor_names_joined": nil,
	"family_members": nil, "first_claim": {"主权项", "首项权利要求"}, "end_date": {"失效日", "权利失效日"}, "status": {"专利有效性", "有效性", "简单法律状态", "legal status"},
	"current_event": {"当前法律状态"}, "current_event_date": {"当前法律状态公告日", "法律文书日期"}, "current_event_effective": nil,
	"history": {"法律状态履历"}, "flags": {"法律状态/事件"}, "as_of": nil, "case_state": {"案件状态", "案件业务状态"},
	"transferor": {"转让人"}, "transferee": {"受让人"}, "transfer_date": {"转让执行日", "转让生效日", "权利转移生效日"}, "transfer_gazette": nil,
	"pledgor": {"出质人"}, "pledgee": {"质权人"}, "current_pledgee": {"当前质权人"}, "pledge_period": {"质押期限"}, "pledge_count": {"质押次数"}, "pledge_kind": {"质押保全类型"},
	"pledge_date": {"质押生效日"}, "pledge_released": {"质押解除日"}, "pledge_number": {"质押合同登记号", "质押登记号"}, "pledge_state": {"质押合同状态"}, "pledge_gazette": nil,
	"licensor": {"许可人"}, "licensee": {"被许可人"}, "licence_kind": {"许可类型"}, "licence_date": {"许可生效日", "许可合同备案日期"}, "licence_ended": {"许可解除日"}, "licence_number": {"许可合同备案号"},
	"fee_kind": {"费用种类"}, "fee_amount": {"应缴金额"}, "fee_due": {"缴费截止日"}, "fee_status": {"费用状态"}, "fee_paid": {"缴费日期"}, "fee_period": {"缴费时间区间"}, "fee_surcharge": {"应缴滞纳金额"}, "fee_total": {"总计"},
	"model_ask": {"合享价值度", "专利价值", "dpi"}, "notice": {"事务数据"}, "notice_date": {"事务数据公告日"},
}

var annualFee = regexp.MustCompile(`第\s*(\d{1,2})\s*年`)

// Fill completes a record from the fields of its row.
func (r *Record) Fill(c Cells) {
	get := func(k string) string {
		s := strings.TrimSpace(c[k])
		if s == "-" || s == "--" || s == "/" {
			return ""
		}
		return s
	}
	if n, err := patent.ParseNumber(r.Publication); err == nil {
		code := n.Code
		if code == "" {
			code = map[string]string{"utility_model": "U", "design": "S"}[r.Kind]
		}
		r.dated(code, day(get("document_date")))
	}
	r.Applicants = list(get("applicants"))
	if joined := get("applicants_joined"); joined != "" { // commas stand between names and in them: not split
		r.Applicants = []string{tidyName(joined)}
	}
	if a := get("inventor_names"); a != "" && r.Inventors == nil {
		r.Inventors = ptr(len(list(a)))
	}
	if a := get("inventor_names_joined"); a != "" && r.Inventors == nil {
		r.Inventors = ptr(len(strings.Split(a, ", ")))
	}
	if r.FamilySize == nil && get("family_members") != "" {
		r.FamilySize = ptr(len(list(get("family_members"))))
	}
	r.TitleEn = get("title_en")
	if !patent.Han(r.Title) && r.TitleEn == "" {
		r.TitleEn = r.Title
	}
	r.Locarno = locarnoOf(get("locarno"))
	for _, code := range list(get("owner_codes")) {
		if valid, err := patent.ParseCreditCode(code); err == nil {
			r.OwnerCodes = append(r.OwnerCodes, valid)
		} else {
			r.note("统一社会信用代码不符合校验规则：%s", clip(code, 40))
		}
	}
	r.StatusText = cmp.Or(get("status"), get("case_state"))
	r.ModelAsk = get("model_ask")
	if d := day(get("as_of")); !d.IsZero() {
		r.AsOf = d
	}
	r.history(get("history"))
	r.history(get("flags"))
	if n := get("notice"); n != "" {
		wording, _ := pairs(n)
		r.notice(wording, day(get("notice_date")), n)
	}
	if w := get("current_event"); w != "" {
		if code, ok := Wording(w); ok {
			r.current(patent.Event{Code: code, Gazette: day(get("current_event_date")), Effective: day(get("current_event_effective"))})
		} else if statusOf(w) == "" {
			r.note("法律状态未识别：%s", clip(w, 80))
		}
	}
	if w := get("case_state"); w != "" && statusOf(w) == "" {
		if code, ok := Wording(w); ok {
			r.flag(patent.Codes[code])
			if code == "CF01" || code == "RJ01" || code == "WD01" || code == "WV01" || code == "CX01" {
				r.Status = "dead"
			}
		} else {
			r.note("案件状态未识别：%s", clip(w, 80))
		}
	}
	if end := day(get("end_date")); !end.IsZero() {
		r.ended(end)
	}
	r.transfer(get)
	r.pledge(get)
	r.licence(get)
	r.fee(get)
	if !r.Grant.IsZero() && r.flagged("授权") {
		r.unflag("授权")
		r.add(patent.Event{Code: "GR01", Effective: r.Grant, Gazette: r.Grant})
	}
}

// current takes the state a source shows, with the day of the latest notice. It
// is the event of that day only where it names one: 授权 goes on being the state
// long after the grant.
func (r *Record) current(e patent.Event) {
	for i := range r.Events {
		o := &r.Events[i]
		if o.Code == "CE01" && (e.Code == "CF01" || e.Code == "CX01" || e.Code == "AV01" || e.Code == "IW01") {
			o.Code = e.Code // the cause of the end
		}
		if o.Code == e.Code {
			if !e.Effective.IsZero() && (o.Effective.IsZero() || o.Effective == o.Gazette) {
				o.Effective = e.Effective
			}
			if o.Gazette == e.Gazette || e.Code == "GR01" || e.Code == "PB01" || e.Code == "SE01" {
				return
			}
		}
	}
	if e.Code == "GR01" && !r.Grant.IsZero() {
		e.Gazette, e.Effective = r.Grant, r.Grant
	}
	r.add(e)
}

func ptr[T any](x T) *T { return &x }

var locarnoClass = regexp.MustCompile(`\d{2}-\d{2}`)

func locarnoOf(s string) []string {
	var out []string
	for _, c := range locarnoClass.FindAllString(s, -1) {
		if !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return out
}

func (r *Record) flagged(text string) bool { return slices.Contains(r.Flags, text) }

func (r *Record) unflag(text string) {
	r.Flags = slices.DeleteFunc(r.Flags, func(s string) bool { return s == text })
}

var (
	statePart   = regexp.MustCompile(`法律状态公告日\s*[:：]`)
	wordAndDay  = regexp.MustCompile(`^(.*?)\s*[|｜]\s*(\d{4}[-.]?\d{2}[-.]?\d{2})$`)
	stateFields = regexp.MustCompile(`^\s*([^;；]*)[;；]\s*法律状态\s*[:：]\s*([^;；]*)[;；]?\s*(?:描述信息\s*[:：])?`)
)

// history reads a column of events: innojoy's 法律状态公告日：…;法律状态：…;
// 描述信息：…, incoPat's word | day; …, or bare words, which have no day.
func (r *Record) history(text string) {
	if text == "" {
		return
	}
	if at := statePart.FindAllStringIndex(text, -1); at != nil {
		for i, m := range at {
			to := len(text)
			if i+1 < len(at) {
				to = at[i+1][0]
			}
			part := text[m[1]:to]
			f := stateFields.FindStringSubmatch(part)
			if f == nil {
				r.note("法律状态履历未识别：%s", clip(part, 80))
				continue
			}
			r.notice(f[2], day(f[1]), part[len(f[0]):])
		}
		return
	}
	for _, part := range strings.FieldsFunc(text, func(c rune) bool { return c == ';' || c == '；' || c == '\n' }) {
		part = strings.TrimSpace(part)
		if m := wordAndDay.FindStringSubmatch(part); m != nil {
			r.notice(m[1], day(m[2]), "")
			continue
		}
		for _, w := range strings.FieldsFunc(part, func(c rune) bool { return c == '|' || c == '｜' }) {
			if w = strings.TrimSpace(w); w != "" && w != "-" {
				r.flag(w)
			}
		}
	}
}

// notice adds an event by its wording, the day it was published and its text.
func (r *Record) notice(wording string, gazette calendar.Date, text string) {
	code, ok := Wording(wording)
	if !ok {
		r.note("事务未识别：%s", clip(wording, 80))
		return
	}
	e := patent.Event{Code: code, Gazette: gazette}
	_, ps := pairs(text)
	told(&e, ps)
	r.add(e)
}

// ended takes the day a right ended on: it is the day of the event that says so.
func (r *Record) ended(end calendar.Date) {
	for i := range r.Events {
		switch e := &r.Events[i]; e.Code {
		case "CF01", "CX01", "AV01", "IW01", "CE01":
			if e.Effective.IsZero() || e.Effective == e.Gazette {
				e.Effective = end
			}
			return
		case "RJ01", "WD01", "WV01":
			return
		}
	}
	for _, f := range r.Flags {
		if code, ok := Wording(f); ok && slices.Contains([]string{"CF01", "CX01", "AV01", "IW01", "CE01"}, code) {
			r.unflag(f)
			r.add(patent.Event{Code: code, Effective: end})
			return
		}
	}
}

// of returns the only event of a code, nil when there are none or several.
func (r *Record) of(code string) (e *patent.Event, several bool) {
	for i := range r.Events {
		if r.Events[i].Code == code {
			if e != nil {
				return nil, true
			}
			e = &r.Events[i]
		}
	}
	return e, false
}

func (r *Record) transfer(get func(string) string) {
	before, after := list(get("transferor")), list(get("transferee"))
	d := day(get("transfer_date"))
	if before == nil && after == nil && d.IsZero() {
		return
	}
	e, several := r.of("TR01")
	switch {
	case several:
		r.note("多次转让，转让人与受让人未能对应：%s → %s", strings.Join(before, "、"), strings.Join(after, "、"))
	case e != nil:
		if len(e.Before) == 0 {
			e.Before = before
		}
		if len(e.After) == 0 {
			e.After = after
		}
		if !d.IsZero() && (e.Effective.IsZero() || e.Effective == e.Gazette) {
			e.Effective = d
		}
	case d.IsZero() && day(get("transfer_gazette")).IsZero():
		r.flag("权利转移")
		r.note("转让无日期：%s → %s", strings.Join(before, "、"), strings.Join(after, "、"))
		return
	default:
		r.add(patent.Event{Code: "TR01", Effective: d, Gazette: day(get("transfer_gazette")), Before: before, After: after})
	}
	r.unflag("权利转移")
}

func (r *Record) pledge(get func(string) string) {
	before, party := list(get("pledgor")), strings.Join(list(cmp.Or(get("pledgee"), get("current_pledgee"))), "、")
	from := day(get("pledge_date"))
	if start, _, ok := strings.Cut(get("pledge_period"), "-"); ok && from.IsZero() {
		from = day(start)
	}
	frozen := strings.Contains(get("pledge_kind"), "保全")
	on, off := "PE01", "PC01"
	if frozen {
		on, off = "PP01", "PD01"
	}
	number, released := get("pledge_number"), day(get("pledge_released"))
	if party == "" && from.IsZero() && number == "" && released.IsZero() {
		return
	}
	e, several := r.of(on)
	switch {
	case several:
		r.note("多次质押，未能对应：%s，%s", number, party)
	case e != nil:
		if len(e.Before) == 0 {
			e.Before = before
		}
		e.Party, e.Registration = cmp.Or(e.Party, party), cmp.Or(e.Registration, number)
		if !from.IsZero() && (e.Effective.IsZero() || e.Effective == e.Gazette) {
			e.Effective = from
		}
		number = e.Registration
	case from.IsZero() && day(get("pledge_gazette")).IsZero():
		r.flag("质押")
		r.note("质押无日期：%s，%s", number, party)
		return
	default:
		r.add(patent.Event{Code: on, Effective: from, Gazette: day(get("pledge_gazette")), Registration: number, Party: party, Before: before})
	}
	if !released.IsZero() {
		r.add(patent.Event{Code: off, Effective: released, Registration: number, Party: party})
	}
	r.unflag("质押")
}

func (r *Record) licence(get func(string) string) {
	party, d := strings.Join(list(get("licensee")), "、"), day(get("licence_date"))
	if party == "" && d.IsZero() {
		return
	}
	e, several := r.of("EE01")
	switch {
	case several:
		r.note("多次许可，未能对应：%s", party)
	case e != nil:
		e.Party, e.Registration, e.LicenceKind = cmp.Or(e.Party, party), cmp.Or(e.Registration, get("licence_number")), cmp.Or(e.LicenceKind, get("licence_kind"))
		if !d.IsZero() && (e.Effective.IsZero() || e.Effective == e.Gazette) {
			e.Effective = d
		}
	case d.IsZero():
		r.flag("许可")
		return
	default:
		r.add(patent.Event{Code: "EE01", Effective: d, Registration: get("licence_number"), Party: party, Before: list(get("licensor")), LicenceKind: get("licence_kind")})
	}
	if ended := day(get("licence_ended")); !ended.IsZero() {
		r.add(patent.Event{Code: "EC01", Effective: ended, Registration: get("licence_number"), Party: party})
	}
	r.unflag("许可")
}

// fee reads a line of a fee list: due, paid, or the periods of a surcharge.
func (r *Record) fee(get func(string) string) {
	kind, period := get("fee_kind"), get("fee_period")
	if kind == "" && period == "" {
		return
	}
	f := Fee{Kind: kind, Amount: get("fee_amount"), Due: day(get("fee_due")), Paid: day(get("fee_paid")), Status: get("fee_status"), Surcharge: get("fee_surcharge"), Total: get("fee_total")}
	if m := annualFee.FindStringSubmatch(kind); m != nil && strings.Contains(kind, "年费") && !strings.Contains(kind, "滞纳") {
		f.Year, _ = strconv.Atoi(m[1])
	}
	if from, to, ok := strings.Cut(period, "至"); ok {
		f.Kind, f.From, f.To = cmp.Or(kind, "年费滞纳金"), day(from), day(to)
	}
	if f.Year > 0 && f.Year <= 20 && !f.Paid.IsZero() {
		r.PaidThrough = ptr(f.Year)
	}
	r.Fees = append(r.Fees, f)
}

// End brings a record that was read from a row to its final form.
func (r *Record) End() { r.end() }
