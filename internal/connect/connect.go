// Package connect brings patents in from what others publish about them: the
// exports of data vendors, the office's packages, lists and pages, and answers
// of their interfaces. Each is recognised by its shape and read to a [Record];
// how records of several sources become one is said by [Resolve].
//
// Start with [Open] for a file and [Source] for what is asked over the network.
package connect

import (
	"cmp"
	_ "embed"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
)

// Trade is what kind of source speaks: precedence goes by it.
type Trade string

// Trades, see data/sources.tsv.
const (
	Register    Trade = "register"    // the copy of the register
	Gazette     Trade = "gazette"     // notices of the office
	Office      Trade = "office"      // the office's view of a case
	Publication Trade = "publication" // the printed document
	Database    Trade = "database"    // DOCDB, INPADOC
	Vendor      Trade = "vendor"
	Public      Trade = "public" // free collections
	Desk        Trade = "desk"   // the institution itself
)

var trades = []Trade{Register, Gazette, Office, Publication, Database, Vendor, Public, Desk}

// Origin is a source of records.
type Origin struct {
	ID      string `json:"id"`
	Trade   Trade  `json:"kind"`
	Partial bool   `json:"partial"` // what it does not tell is not known
	Zh      string `json:"name"`
	En      string `json:"name_en"`
	Terms   string `json:"terms,omitempty"`
}

//go:embed data/sources.tsv
var sourcesTable string

// table reads a table of the data folder: a header, then rows of tabs.
func table(text string, columns int) [][]string {
	var rows [][]string
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		cells := strings.Split(line, "\t")
		for len(cells) < columns {
			cells = append(cells, "")
		}
		if i > 0 {
			rows = append(rows, cells)
		}
	}
	return rows
}

var origins = func() map[string]Origin {
	out := map[string]Origin{}
	for _, r := range table(sourcesTable, 6) {
		out[r[0]] = Origin{ID: r[0], Trade: Trade(r[1]), Partial: r[2] == "yes", Zh: r[3], En: r[4], Terms: r[5]}
	}
	return out
}()

// OriginOf returns a source by its id; an unknown one is the desk's own.
func OriginOf(id string) Origin {
	if o, ok := origins[id]; ok {
		return o
	}
	o := origins["desk"]
	if id != "" {
		o.Zh, o.En = id, id
	}
	return o
}

// Origins lists all sources by id.
func Origins() []Origin {
	var out []Origin
	for _, r := range table(sourcesTable, 6) {
		out = append(out, origins[r[0]])
	}
	return out
}

// Fee is a fee as a list of the office names it.
type Fee struct {
	Kind      string        `json:"kind"`           // as printed: 发明专利第4年年费
	Year      int           `json:"year,omitempty"` // of an annual fee; 0: none is named
	Amount    string        `json:"amount,omitempty"`
	Due       calendar.Date `json:"due"`
	Paid      calendar.Date `json:"paid"`
	Status    string        `json:"status,omitempty"`
	From      calendar.Date `json:"from"` // of the period in which a surcharge is due
	To        calendar.Date `json:"to"`
	Surcharge string        `json:"surcharge,omitempty"`
	Total     string        `json:"total,omitempty"`
}

// Record is what one document of one source states about one patent. What it
// leaves open is empty.
type Record struct {
	Source      string         `json:"source"`
	Number      string         `json:"number"`                       // canonical key: of the application where it is known
	Publication string         `json:"publication_number,omitempty"` // canonical key
	Kind        string         `json:"kind,omitempty"`
	Title       string         `json:"title,omitempty"`
	TitleEn     string         `json:"title_en,omitempty"`
	Abstract    string         `json:"abstract,omitempty"`
	Claims      string         `json:"claims,omitempty"`
	Description string         `json:"description,omitempty"`
	IPC         []string       `json:"ipc,omitempty"`
	Locarno     []string       `json:"locarno,omitempty"`
	Filing      calendar.Date  `json:"filing_date"`
	Published   calendar.Date  `json:"publication_date"` // first publication
	Grant       calendar.Date  `json:"grant_date"`
	Applicants  []string       `json:"applicants,omitempty"` // at filing or on the document: not today's owners
	Owners      []string       `json:"owners,omitempty"`
	OwnerType   string         `json:"owner_type,omitempty"`
	OwnerCodes  []string       `json:"owner_codes,omitempty"`
	FamilyID    string         `json:"family_id,omitempty"`
	Family      []string       `json:"family,omitempty"` // other publications of the family, canonical keys
	Parent      string         `json:"divisional_of,omitempty"`
	ClaimCount  *int           `json:"claim_count,omitempty"`
	Independent *int           `json:"independent_claims,omitempty"`
	Inventors   *int           `json:"inventors,omitempty"`
	FamilySize  *int           `json:"family_size,omitempty"`
	CitedBy     *int           `json:"cited_by,omitempty"`
	Cites       *int           `json:"cites,omitempty"`
	PaidThrough *int           `json:"paid_through_year,omitempty"`
	Adjustment  *int           `json:"adjustment_days,omitempty"`
	Extension   *int           `json:"extension_days,omitempty"`
	Events      []patent.Event `json:"events,omitempty"`
	Flags       []string       `json:"flags,omitempty"`  // said to have happened, without a day: it may have ended
	Status      string         `json:"status,omitempty"` // alive, dead or pending as the source works it out; checked, never taken
	StatusText  string         `json:"status_text,omitempty"`
	ModelAsk    string         `json:"model_ask,omitempty"` // the source's own figure, as printed: another model's opinion, never a price
	Fees        []Fee          `json:"fees,omitempty"`
	Notes       []string       `json:"notes,omitempty"` // what was not understood, in its own words
	Text        string         `json:"text,omitempty"`  // of a register extract, whole
	// Of the institution's own lists.
	Confidential *bool         `json:"confidential,omitempty"`
	Stated       string        `json:"stated_source,omitempty"` // as its column 来源 says
	AsOf         calendar.Date `json:"as_of"`                   // the day it speaks of; null: it does not say
}

// note keeps what was not understood.
func (r *Record) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); len(r.Notes) < 20 && !slices.Contains(r.Notes, text) {
		r.Notes = append(r.Notes, text)
	}
}

// number takes a number in any form as that of the application or of the
// publication.
func (r *Record) number(text string) error {
	n, err := patent.ParseNumber(text)
	if err != nil {
		return err
	}
	r.names(n)
	return nil
}

func (r *Record) names(n patent.Number) {
	if n.NamesApplication() {
		r.Number = string(n.Key())
	} else {
		r.Publication = string(n.Key())
		r.Number = cmp.Or(r.Number, r.Publication)
	}
	if r.Kind == "" {
		r.Kind = string(n.Kind)
	}
}

// dated takes the day of a printed document: of an A it is the first
// publication, of the others the grant.
func (r *Record) dated(code string, day calendar.Date) {
	if day.IsZero() || code == "" {
		return
	}
	switch code[0] {
	case 'A':
		r.Published = cmp.Or(r.Published, day)
	case 'U', 'Y', 'S', 'D':
		r.Published, r.Grant = cmp.Or(r.Published, day), cmp.Or(r.Grant, day)
	case 'B', 'C':
		r.Grant = cmp.Or(r.Grant, day)
	}
}

// add adds an event, or what it says beyond one that is there.
func (r *Record) add(e patent.Event) {
	if e.Effective.IsZero() && e.Gazette.IsZero() {
		r.flag(patent.Codes[e.Code])
		return
	}
	for i := range r.Events {
		o := &r.Events[i]
		if o.Code != e.Code || o.Registration != "" && e.Registration != "" && o.Registration != e.Registration {
			continue
		}
		day := func(a, b calendar.Date) bool { return !a.IsZero() && a == b }
		if !day(o.Gazette, e.Gazette) && !day(o.Effective, e.Effective) && !day(o.Gazette, e.Effective) && !(o.Registration != "" && o.Registration == e.Registration) {
			continue
		}
		if o.Effective.IsZero() || o.Effective == o.Gazette && !e.Effective.IsZero() && e.Effective != e.Gazette {
			o.Effective = cmp.Or(e.Effective, o.Effective)
		}
		o.Gazette = cmp.Or(o.Gazette, e.Gazette)
		o.Registration, o.Party, o.LicenceKind = cmp.Or(o.Registration, e.Registration), cmp.Or(o.Party, e.Party), cmp.Or(o.LicenceKind, e.LicenceKind)
		if len(o.Before) == 0 {
			o.Before = e.Before
		}
		if len(o.After) == 0 {
			o.After = e.After
		}
		return
	}
	r.Events = append(r.Events, e)
}

func (r *Record) flag(text string) {
	if text != "" && !slices.Contains(r.Flags, text) {
		r.Flags = append(r.Flags, text)
	}
}

// end brings a record to its final form.
func (r *Record) end() {
	o := OriginOf(r.Source)
	for i := range r.Events {
		e := &r.Events[i]
		e.Effective = cmp.Or(e.Effective, e.Gazette)
		e.Source, e.Partial = o.Zh, o.Partial
	}
	caused := func(e patent.Event) bool { // the end without its cause, beside the same with it
		return e.Code == "CE01" && slices.ContainsFunc(r.Events, func(x patent.Event) bool {
			return (x.Code == "CF01" || x.Code == "CX01" || x.Code == "AV01") && (x.Effective == e.Effective || x.Gazette == e.Effective)
		})
	}
	r.Events = slices.DeleteFunc(r.Events, caused)
	slices.SortStableFunc(r.Events, func(a, b patent.Event) int {
		return cmp.Or(a.Effective.Compare(b.Effective), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Registration, b.Registration), cmp.Compare(a.Party, b.Party))
	})
	slices.Sort(r.Flags)
	slices.Sort(r.Notes)
	if r.Status == "" {
		r.Status = statusOf(r.StatusText)
	}
	if r.Kind == string(patent.Design) { // it has no claims, and none is not a number of them
		r.ClaimCount, r.Independent = nil, nil
	}
	if r.AsOf.IsZero() {
		days := []calendar.Date{r.Filing, r.Published, r.Grant}
		if o.Trade == Office || o.Trade == Desk { // of a day that is not told
			days = nil
		}
		for _, e := range r.Events {
			days = append(days, e.Effective, e.Gazette)
		}
		for _, f := range r.Fees {
			days = append(days, f.Paid)
		}
		for _, d := range days {
			if d.After(r.AsOf) {
				r.AsOf = d
			}
		}
	}
}

// statusOf reads what sources work out of the state themselves.
func statusOf(text string) string {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "有效", "有权", "active", "patented", "专利权维持", "等年费滞纳金":
		return "alive"
	case "失效", "无权", "inactive", "expired", "discontinued":
		return "dead"
	case "审中", "pending", "实质审查", "等待登记手续缴费":
		return "pending"
	}
	return ""
}

// Statement is a record as it was brought in.
type Statement struct {
	Record
	Retrieved calendar.Date `json:"retrieved"` // when it first came in
	Document  string        `json:"document"`  // SHA-256 of the raw document
	File      string        `json:"file"`      // name of the file, or address without secrets
}

// Name is who says it: of an own list what its column 来源 says.
func (s *Statement) Name() string {
	if s.Source == "desk" {
		return cmp.Or(s.Stated, OriginOf("desk").Zh)
	}
	return OriginOf(s.Source).Zh
}

// View is a statement as a dossier lists it.
func (s *Statement) View() patent.SourceView {
	o := OriginOf(s.Source)
	v := patent.SourceView{
		ID: s.Source, Source: s.Name(), Kind: string(o.Trade), AsOf: s.AsOf, Retrieved: s.Retrieved, Document: s.Document, File: s.File, Partial: o.Partial,
		Status: s.Status, StatusText: s.StatusText, Flags: s.Flags, Notes: s.Notes, ModelAsk: s.ModelAsk, Terms: o.Terms,
	}
	for _, f := range s.Fees {
		text := f.Kind
		for _, x := range []struct{ zh, value string }{{"应缴", f.Amount}, {"截止", f.Due.String()}, {"已缴于", f.Paid.String()}, {"", f.Status}, {"滞纳金", f.Surcharge}, {"合计", f.Total}} {
			if x.value != "" {
				text += " " + x.zh + x.value
			}
		}
		if !f.From.IsZero() {
			text += " " + f.From.String() + "至" + f.To.String()
		}
		v.Fees = append(v.Fees, text)
	}
	return v
}

// Precedence says which trade speaks first, by group of facts.
type Precedence map[string][]Trade

//go:embed data/precedence.tsv
var precedenceTable string

// DefaultPrecedence is that of data/precedence.tsv.
func DefaultPrecedence() Precedence {
	p := Precedence{}
	for _, r := range table(precedenceTable, 2) {
		for _, t := range strings.Fields(r[1]) {
			p[r[0]] = append(p[r[0]], Trade(t))
		}
	}
	return p
}

// Set puts trades of a group first, in the order given; the others follow as
// they stood.
func (p Precedence) Set(group string, first []string) error {
	known, ok := p[group]
	if !ok {
		groups := strings.Join(slices.Sorted(maps.Keys(p)), ", ")
		return fault.New(fault.Invalid, "precedence.fact", "没有“"+group+"”这类事实，应为："+groups+"。", "There is no group of facts "+group+"; it is one of "+groups+".")
	}
	var order []Trade
	for _, t := range first {
		if !slices.Contains(trades, Trade(t)) || slices.Contains(order, Trade(t)) {
			return fault.New(fault.Invalid, "precedence.kind", "来源类别“"+t+"”不存在或重复，应为："+fmt.Sprint(trades)+"。", "There is no kind of source "+t+", or it stands twice; it is one of "+fmt.Sprint(trades)+".")
		}
		order = append(order, Trade(t))
	}
	for _, t := range known {
		if !slices.Contains(order, t) {
			order = append(order, t)
		}
	}
	p[group] = order
	return nil
}

// What is said of a fact, by whom.
type (
	Claimed      = patent.Claimed
	Disagreement = patent.Disagreement
)

// Resolved is what the records of one patent add up to.
type Resolved struct {
	Record
	Facts         []Claimed      `json:"facts"`
	Disagreements []Disagreement `json:"disagreements"`
}

// factsOf lists the fields of a record with the group their precedence is of,
// in the order they are shown. Compared ones are told when sources differ.
var factsOf = []struct {
	name, zh, group, field string
	compared               bool
}{
	{"publication_number", "公开（公告）号", "dates", "Publication", false},
	{"kind", "专利类型", "class", "Kind", true},
	{"title", "名称", "title", "Title", true},
	{"title_en", "英文名称", "title", "TitleEn", false},
	{"abstract", "摘要", "text", "Abstract", false},
	{"claims", "权利要求", "text", "Claims", false},
	{"description", "说明书", "text", "Description", false},
	{"ipc", "分类号", "class", "IPC", false},
	{"locarno", "洛迦诺分类", "class", "Locarno", false},
	{"filing_date", "申请日", "dates", "Filing", true},
	{"publication_date", "首次公开日", "dates", "Published", false},
	{"grant_date", "授权公告日", "dates", "Grant", true},
	{"applicants", "申请人", "applicants", "Applicants", false},
	{"owners", "专利权人", "owners", "Owners", true},
	{"owner_type", "权利人类型", "other", "OwnerType", false},
	{"owner_codes", "统一社会信用代码", "other", "OwnerCodes", false},
	{"family_id", "同族编号", "other", "FamilyID", false},
	{"family", "同族", "other", "Family", false},
	{"divisional_of", "原案", "other", "Parent", false},
	{"claim_count", "权利要求数", "counts", "ClaimCount", true},
	{"independent_claims", "独立权利要求数", "counts", "Independent", true},
	{"inventors", "发明人数", "counts", "Inventors", false},
	{"family_size", "同族数", "counts", "FamilySize", false},
	{"cited_by", "被引次数", "counts", "CitedBy", false},
	{"cites", "引用次数", "counts", "Cites", false},
	{"paid_through_year", "年费缴至年度", "fees", "PaidThrough", true},
	{"adjustment_days", "期限补偿天数", "term", "Adjustment", true},
	{"extension_days", "药品期限补偿天数", "term", "Extension", true},
}

// Resolve makes one record of those of a patent. It depends on the set of
// records alone: who came first changes nothing. Of each fact the trade that
// the precedence names first counts, then the statement of the later day, then
// the value that sorts first; a Chinese title goes before a translation, and of
// first publications the earliest counts.
func Resolve(list []Statement, p Precedence) Resolved {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b Statement) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), b.AsOf.Compare(a.AsOf), cmp.Compare(a.Document, b.Document), cmp.Compare(fmt.Sprint(a.Record), fmt.Sprint(b.Record)))
	})
	out := Resolved{Facts: []Claimed{}, Disagreements: []Disagreement{}}
	to := reflect.ValueOf(&out.Record).Elem()
	for _, f := range factsOf {
		type said struct {
			Claimed
			value reflect.Value
			rank  int
		}
		var all []said
		for i := range list {
			s := &list[i]
			v := reflect.ValueOf(s.Record).FieldByName(f.field)
			if v.IsZero() || v.Kind() == reflect.Slice && v.Len() == 0 {
				continue
			}
			o := OriginOf(s.Source)
			rank := slices.Index(p[f.group], o.Trade)
			if rank < 0 {
				rank = len(trades)
			}
			text := shown(v)
			switch {
			case f.field == "Title" && !patent.Han(text), f.field == "Abstract" && !patent.Han(text):
				rank += 100 // a translation counts where there is nothing else
			case f.field == "Publication" && earlyDocument(text):
				rank += 100
			}
			all = append(all, said{Claimed{Fact: f.name, Value: text, Source: s.Name(), Kind: string(o.Trade), AsOf: s.AsOf, Retrieved: s.Retrieved, Document: s.Document}, v, rank})
		}
		if len(all) == 0 {
			continue
		}
		slices.SortStableFunc(all, func(a, b said) int {
			if f.field == "Published" {
				return cmp.Compare(a.Value, b.Value)
			}
			if f.field == "PaidThrough" && a.rank == b.rank { // paid is paid
				return cmp.Compare(b.value.Elem().Int(), a.value.Elem().Int())
			}
			return cmp.Or(cmp.Compare(a.rank, b.rank), b.AsOf.Compare(a.AsOf), cmp.Compare(a.Value, b.Value))
		})
		to.FieldByName(f.field).Set(all[0].value)
		out.Facts = append(out.Facts, all[0].Claimed)
		if !f.compared {
			continue
		}
		d := Disagreement{Fact: f.name, Zh: f.zh, Values: []Claimed{all[0].Claimed}}
		seen := map[string]bool{all[0].Source: true}
		for _, x := range all[1:] {
			if seen[x.Source] { // of each source its latest word
				continue
			}
			seen[x.Source] = true
			if !alike(f.field, all[0].value, x.value) {
				d.Values = append(d.Values, x.Claimed)
			}
		}
		if len(d.Values) > 1 {
			out.Disagreements = append(out.Disagreements, d)
		}
	}
	for i := range list {
		s := &list[i]
		out.Number = cmp.Or(out.Number, s.Number)
		if s.AsOf.After(out.AsOf) {
			out.AsOf = s.AsOf
		}
	}
	return out
}

// earlyDocument reports whether a publication number is that of an unexamined
// application, which the granted one replaces.
func earlyDocument(key string) bool {
	n, err := patent.ParseNumber(key)
	return err != nil || n.Code == "" || n.Code[0] == 'A'
}

// shown writes a value for people.
func shown(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case []string:
		return strings.Join(x, "、")
	case *int:
		return fmt.Sprint(*x)
	case fmt.Stringer:
		return x.String()
	}
	return fmt.Sprint(v.Interface())
}

// alike reports whether two values say the same: names in two scripts cannot be
// compared, and how a name is spaced does not matter.
func alike(field string, a, b reflect.Value) bool {
	switch field {
	case "Owners":
		x, y := a.Interface().([]string), b.Interface().([]string)
		return slices.ContainsFunc(x, patent.Han) != slices.ContainsFunc(y, patent.Han) || patent.SameParties(x, y)
	case "Title":
		fold := strings.NewReplacer(" ", "", "　", "", "\n", "")
		x, y := fold.Replace(a.String()), fold.Replace(b.String())
		return patent.Han(x) != patent.Han(y) || strings.EqualFold(x, y)
	}
	return shown(a) == shown(b)
}

// Events returns the events of all records of a patent, one told by several
// once. Of what they say of it, the source that tells all events counts, then
// Chinese before translations, then what sorts first.
func Events(list []Statement) []patent.Event {
	var all []patent.Event
	for i := range list {
		all = append(all, list[i].Events...)
	}
	rank := func(e patent.Event) int {
		n := 0
		if e.Partial {
			n += 2
		}
		if !slices.ContainsFunc(append(slices.Clone(e.After), e.Party), patent.Han) {
			n++
		}
		return n
	}
	key := func(a, b patent.Event) int {
		return cmp.Or(a.Effective.Compare(b.Effective), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Registration, b.Registration), cmp.Compare(a.Party, b.Party))
	}
	slices.SortFunc(all, func(a, b patent.Event) int {
		return cmp.Or(key(a, b), cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Source, b.Source), slices.Compare(a.Before, b.Before), slices.Compare(a.After, b.After),
			a.Gazette.Compare(b.Gazette), cmp.Compare(a.LicenceKind, b.LicenceKind))
	})
	var out []patent.Event
	for _, e := range all {
		if len(out) == 0 || key(out[len(out)-1], e) != 0 {
			out = append(out, e)
			continue
		}
		o := &out[len(out)-1]
		if !e.Gazette.IsZero() && (o.Gazette.IsZero() || e.Gazette.Before(o.Gazette)) {
			o.Gazette = e.Gazette
		}
		if len(o.Before) == 0 {
			o.Before = e.Before
		}
		if len(o.After) == 0 {
			o.After = e.After
		}
		o.LicenceKind = cmp.Or(o.LicenceKind, e.LicenceKind)
		o.Partial = o.Partial && e.Partial
	}
	// One that has but the day of its notice is the one that another source gives
	// the effective day of.
	return slices.DeleteFunc(out, func(e patent.Event) bool {
		return e.Effective == e.Gazette && slices.ContainsFunc(out, func(o patent.Event) bool {
			if o.Code != e.Code || o.Effective == e.Effective || o.Effective == o.Gazette {
				return false
			}
			if o.Registration != "" && e.Registration != "" {
				return o.Registration == e.Registration && o.Effective.Before(e.Gazette)
			}
			if !o.Gazette.IsZero() {
				return o.Gazette == e.Gazette
			}
			one := func(a, b []string) bool { return len(a) == 0 || len(b) == 0 || slices.Equal(a, b) }
			return o.Effective.Before(e.Gazette) && !o.Effective.AddDays(200).Before(e.Gazette) && one(o.After, e.After) && (o.Party == "" || e.Party == "" || o.Party == e.Party)
		})
	})
}
