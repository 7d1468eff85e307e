package patent

import (
	"fmt"
	"slices"
	"strings"

	"zhijia/internal/calendar"
	"zhijia/internal/money"
)

// onFile is the source of what the events add up to.
const onFile = "库中法律事件"

// Record is what a bibliographic source states about a patent. Empty fields
// are not known.
type Record struct {
	Number      Number
	Title       string
	Kind        Kind
	IPC         []string
	Filing      calendar.Date
	Published   calendar.Date
	Grant       calendar.Date
	Owners      []string
	PaidThrough *int
	Adjustment  *int // days of 专利权期限补偿 granted
	Extension   *int // days of 药品专利权期限补偿 granted
	Source      string
	SourceDate  calendar.Date

	Applicants []string // at filing: not today's owners
	Sourced    Sourced

	// Aliases are names that a person decided to mean an owner of the patent.
	Aliases []Alias
}

// Alias is a name that means a party written otherwise elsewhere.
type Alias struct {
	Name string
	Is   string // as the register writes it
}

// Statement is one thing said about a patent, by whom and when.
type Statement struct {
	Key    string        `json:"key"`
	Zh     string        `json:"zh"`
	Value  string        `json:"value"`
	Source string        `json:"source"`
	Date   calendar.Date `json:"date"` // of the source; null: the source does not say
}

// Gap is something not known and how to learn it.
type Gap struct {
	Key    string `json:"key"`
	Zh     string `json:"zh"`
	Supply string `json:"supply"`
}

// Class is an IPC symbol with the titles of its section and class.
type Class struct {
	Symbol  string `json:"symbol"`
	Section Title  `json:"section"`
	Class   Title  `json:"class"`
}

// TermFacts are the bounds of protection.
type TermFacts struct {
	Filing        calendar.Date `json:"filing"`
	Years         int           `json:"years,omitempty"`
	Article       string        `json:"article,omitempty"` // that the years rest on, see [TermArticle]
	Adjustment    *int          `json:"adjustment_days"`   // added for a late grant; null: not known
	Extension     *int          `json:"extension_days"`    // added for a drug's approval; null: not known
	Expiry        calendar.Date `json:"expiry"`            // the right has ended on this day
	LastProtected calendar.Date `json:"last_protected"`    // the day before
	RemainingDays *int          `json:"remaining_days"`    // from the day asked about to Expiry, not negative; null: not known
}

// Dossier is all that is on file about a patent as of one day.
type Dossier struct {
	Number      string        `json:"number"`
	Display     string        `json:"display"`
	Kind        Kind          `json:"kind"`
	KindZh      string        `json:"kind_zh"`
	PCT         bool          `json:"pct"`
	Title       string        `json:"title,omitempty"`
	IPC         []Class       `json:"ipc"`
	On          calendar.Date `json:"as_of"`
	Owners      []string      `json:"owners"`
	Term        TermFacts     `json:"term"`
	Fees        FeeState      `json:"fees"`
	CostToKeep  *money.Fen    `json:"cost_to_keep"` // yuan from the first unpaid year to the end of the term; null: not known
	State       State         `json:"state"`
	StandingZh  string        `json:"standing_zh"`
	StaleDays   *int          `json:"stale_days"` // since the latest event on file; null: none
	Statements  []Statement   `json:"statements"`
	Conflicts   []string      `json:"conflicts"`
	Missing     []Gap         `json:"missing"`
	Uses        []Use         `json:"uses"`
	Eligibility Eligibility   `json:"pledge"`
	Documents   []string      `json:"documents"` // to bring for a pledge

	Applicants    []string       `json:"applicants,omitempty"` // at filing: not today's owners
	Sources       []SourceView   `json:"sources"`              // documents that spoke of the patent, each with its day
	Disagreements []Disagreement `json:"disagreements"`        // facts that sources state otherwise

	addedDays int
}

// Assemble draws up the dossier as of a day from a record, the events and the
// holdings by other products. Of pledge it reads what the parties state;
// State, Expiry and Fees are worked out here.
func Assemble(r Record, events []Event, h Holdings, pledge PledgeFacts, on calendar.Date, days *calendar.Working) Dossier {
	d := Dossier{
		Number: r.Number.String(), Display: r.Number.Display(), Kind: r.Number.Kind, PCT: r.Number.PCT,
		Title: r.Title, On: on, State: Reduce(events, on),
		IPC: []Class{}, Conflicts: []string{}, Missing: []Gap{}, Owners: []string{}, Documents: []string{},
	}
	if d.Kind == "" {
		d.Kind = r.Kind
	}
	d.KindZh = d.Kind.Zh()
	d.say("number", "专利号（申请号）", d.Display, "号码规则（校验位）", calendar.Date{})
	if r.Title != "" {
		source, date := r.from("title")
		d.say("title", "名称", r.Title, source, date)
	}
	for _, c := range SortIPC(r.IPC) {
		d.IPC = append(d.IPC, Class{c.String(), SectionTitle(c.Section()), ClassTitle(c.Class())})
	}
	s := &d.State
	d.sources(r, s)
	d.owners(r, s)
	d.grant(r, s)
	d.term(r, s)
	d.standing(s)
	d.fees(r, s, days)
	d.claims(s)
	for _, e := range s.Statements {
		d.say("event", Codes[e.Code]+"（"+e.Code+"）", e.Effective.String(), e.Source, e.Public())
	}
	for _, f := range s.Former {
		d.say("former_name", "曾用名", fmt.Sprintf("%s（现为%s）", f.Name, f.Now), f.Source, f.Until)
	}
	d.Conflicts = append(d.Conflicts, s.Conflicts...)
	pledge.Pledgors = d.known(r.Aliases, pledge.Pledgors)
	pledge.State, pledge.Expiry, pledge.Fees = *s, d.Term.Expiry, d.Fees
	d.Eligibility = CheckPledge(pledge)
	d.Uses = Uses(*s, h)
	for _, x := range []struct {
		key, zh string
		held    []string
	}{{"pool", "资产池", h.Pools}, {"pledge_on_file", "已用于质押", h.Pledged}, {"exclusive_on_file", "已独占许可", h.Exclusive}, {"lease_on_file", "融资租赁", one(h.Lessor)}, {"offered", "已提供、尚未生效", h.Offered}} {
		for _, text := range x.held {
			d.say(x.key, x.zh, text, "本系统在册", on)
		}
	}
	d.documents()
	return d
}

func (d *Dossier) say(key, zh, value, source string, date calendar.Date) {
	d.Statements = append(d.Statements, Statement{key, zh, value, source, date})
}

func (d *Dossier) miss(key, zh, supply string) {
	d.Missing = append(d.Missing, Gap{key, zh, supply})
}

func (d *Dossier) conflict(format string, args ...any) {
	d.Conflicts = append(d.Conflicts, fmt.Sprintf(format, args...))
}

func one(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// known writes parties as the register does where a person decided that they
// are the same.
func (d *Dossier) known(aliases []Alias, names []string) []string {
	out := slices.Clone(names)
	for i, name := range out {
		if k := slices.IndexFunc(aliases, func(a Alias) bool { return a.Name == name }); k >= 0 {
			out[i] = aliases[k].Is
			d.say("same_party", "主体认定", name+" 即 "+aliases[k].Is, "经办人核对决定", calendar.Date{})
		}
	}
	return out
}

// told reports whether a record had been made by the day.
func (r *Record) told(on calendar.Date) bool { return r.SourceDate.IsZero() || !r.SourceDate.After(on) }

func (d *Dossier) owners(r Record, s *State) {
	switch {
	case len(s.Owners) > 0:
		i := len(s.Statements) - 1
		for ; i > 0 && len(s.Statements[i].After) == 0; i-- {
		}
		d.say("owners", "专利权人", strings.Join(s.Owners, "、"), s.Statements[i].Source, s.Statements[i].Public())
		if len(r.Owners) > 0 && r.told(d.On) && r.SourceDate.After(s.Statements[i].Public()) && oneScript(r.Owners, s.Owners) && !SameParties(r.Owners, s.Owners) {
			d.conflict("著录记录（%s，%s）的权利人为%s，公告最后记载为%s。", r.Source, r.SourceDate, strings.Join(r.Owners, "、"), strings.Join(s.Owners, "、"))
		}
	case len(r.Owners) > 0 && r.told(d.On):
		s.Owners = r.Owners
		source, date := r.from("owners")
		d.say("owners", "专利权人", strings.Join(r.Owners, "、"), source, date)
	case len(r.Applicants) > 0:
		d.miss("owners", "专利权人未知（申请时的申请人为"+strings.Join(r.Applicants, "、")+"，不等于现在的专利权人）", registerCopy)
	default:
		d.miss("owners", "专利权人未知", registerCopy)
	}
	if d.Applicants = r.Applicants; len(r.Applicants) > 0 {
		source, date := r.from("applicants")
		d.say("applicants", "申请人（申请时）", strings.Join(r.Applicants, "、"), source, date)
	}
	d.Owners = append(d.Owners, s.Owners...)
}

func (d *Dossier) grant(r Record, s *State) {
	switch {
	case !s.Granted.IsZero():
		if !r.Grant.IsZero() && r.Grant != s.Granted {
			d.conflict("授权日：公告为%s，著录记录（%s）为%s。", s.Granted, r.Source, r.Grant)
		}
		d.say("granted", "授权日", s.Granted.String(), onFile, s.Granted)
	case !r.Grant.IsZero() && !r.Grant.After(d.On):
		s.Granted = r.Grant
		d.say("granted", "授权日", r.Grant.String(), r.Source, r.SourceDate)
	case s.Standing != Pending && s.Standing != Dead:
		d.miss("granted", "授权日未知", "授权公告或专利登记簿副本")
	}
}

func (d *Dossier) term(r Record, s *State) {
	t := &d.Term
	t.Filing, t.Years, t.Article = r.Filing, TermYears(d.Kind, r.Filing), TermArticle(d.Kind, r.Filing)
	if r.Filing.IsZero() {
		d.miss("filing", "申请日未知，无法计算保护期与年费", registerCopy)
		return
	}
	source, date := r.from("filing_date")
	d.say("filing", "申请日", r.Filing.String(), source, date)
	// A divisional application is numbered in its own year and has the filing
	// date of its parent, so only a later filing date contradicts the number.
	if r.Number.NamesApplication() && r.Filing.Year > r.Number.Year {
		d.conflict("申请日%s晚于申请号中的年份%d。", r.Filing, r.Number.Year)
	}
	for _, e := range s.Statements {
		if e.Effective.Before(r.Filing) {
			d.conflict("%s（%s）早于申请日%s。", Codes[e.Code], e.Effective, r.Filing)
		}
	}
	d.addedDays = d.added(r, s)
	t.Expiry = Expiry(d.Kind, r.Filing, d.addedDays)
	if t.Expiry.IsZero() {
		return
	}
	t.LastProtected = t.Expiry.AddDays(-1)
	left := max(0, d.On.DaysUntil(t.Expiry))
	t.RemainingDays = &left
	if d.addedDays > 0 {
		d.miss("fees_of_added_term", fmt.Sprintf("补偿的%d天的年费不在收费表中，未计入维持费用", d.addedDays), "国家知识产权局关于补偿期年费的通知")
		d.say("expiry", "最后受保护日", fmt.Sprintf("%s（含补偿%d天）", t.LastProtected, d.addedDays), TermArticle(d.Kind, r.Filing)+"，"+r.Source, r.SourceDate)
	} else {
		d.say("expiry", "最后受保护日", t.LastProtected.String(), TermArticle(d.Kind, r.Filing), calendar.Date{})
	}
	if s.Standing == Alive && !d.On.Before(t.Expiry) {
		s.Standing, s.Reason, s.Since = Dead, "expired", t.Expiry
	}
}

// added returns the days added to the term, and says what is known of them and
// what is not: only inventions have any, and only a grant more than four years
// after filing can bring an adjustment.
func (d *Dossier) added(r Record, s *State) (days int) {
	if d.Kind != Invention || r.Filing.IsZero() {
		return 0
	}
	if r.told(d.On) {
		d.Term.Adjustment, d.Term.Extension = r.Adjustment, r.Extension
	}
	for _, x := range []struct {
		key, zh string
		days    *int
	}{{"adjustment_days", "专利权期限补偿", d.Term.Adjustment}, {"extension_days", "药品专利权期限补偿", d.Term.Extension}} {
		if x.days != nil {
			d.say(x.key, x.zh, fmt.Sprintf("%d天", *x.days), r.Source, r.SourceDate)
			days += *x.days
		}
	}
	if d.Term.Adjustment == nil && !s.Granted.IsZero() && !s.Granted.Before(adjustmentLaw) && s.Granted.After(r.Filing.AddYears(4)) {
		d.miss("adjustment_days", "授权日距申请日超过四年，是否有专利权期限补偿未知（保护期按未补偿计算）", "专利权期限补偿审批决定或专利登记簿副本")
	}
	return days
}

func (d *Dossier) standing(s *State) {
	switch s.Standing {
	case Alive:
		d.StandingZh = "有效"
	case Pending:
		d.StandingZh = "审中"
	case Dead:
		d.StandingZh = "失效（" + reasonZh(s.Reason) + "）"
	default:
		d.StandingZh = "未知"
		d.miss("standing", "库中没有授权或失效公告，是否有效未知", registerCopy)
	}
	if s.LastSeen.IsZero() {
		return
	}
	days := s.LastSeen.DaysUntil(d.On)
	d.StaleDays = &days
	d.say("standing", "法律状态", d.StandingZh, onFile, s.LastSeen)
}

func (d *Dossier) fees(r Record, s *State, days *calendar.Working) {
	paid := r.PaidThrough
	if paid != nil && !r.told(d.On) { // the record was made later: only what was due by the day
		clamped := min(*paid, PatentYear(r.Filing, d.On))
		paid = &clamped
	}
	a := FeeAccount{Kind: d.Kind, Filing: r.Filing, Granted: s.Granted, PaidThrough: paid, Added: d.addedDays}
	d.Fees = a.On(d.On, days)
	if s.Standing == Dead {
		d.Fees = FeeState{On: d.On, Status: FeesOver, Zh: "权利已失效，不再缴纳年费"}
		if s.Reason == "fee_unpaid" {
			d.Fees.Status, d.Fees.Zh, d.Fees.Lapsed = FeesLapsed, "已终止", s.Since
		}
		return
	}
	if paid == nil {
		d.miss("paid_through_year", "年费缴至年度未知", "最近一次年费缴费收据")
		return
	}
	source, date := r.from("paid_through_year")
	d.say("paid_through_year", "年费缴至", fmt.Sprintf("第%d年度", *paid), source, date)
	if cost, ok := a.CostToKeep(); ok {
		d.CostToKeep = &cost
	}
	if s.Standing == Alive && (d.Fees.Status == FeesLapsed || d.Fees.Status == FeesRestorable) {
		d.conflict("按年费缴至第%d年度，权利应自%s终止，但没有终止公告。", *paid, d.Fees.Lapsed)
	}
}

func (d *Dossier) claims(s *State) {
	for _, x := range []struct {
		key, zh string
		answer  Truth
		supply  string
	}{
		{"pledged", "是否质押", s.Pledged, registerCopy},
		{"preserved", "是否保全", s.Preserved, registerCopy},
		{"challenged", "是否被请求宣告无效", s.Challenged, "当事人声明或复审和无效部门的查询结果"},
	} {
		if x.answer == DontSay {
			d.miss(x.key, x.zh+"未知", x.supply)
			continue
		}
		d.say(x.key, x.zh, map[Truth]string{Yes: "是", No: "否"}[x.answer], onFile, s.LastSeen)
	}
}

// documents are what article 7 of 专利权质押登记办法 asks for, and what the
// findings and gaps add.
func (d *Dossier) documents() {
	add := func(text string) {
		if text != "" && !slices.Contains(d.Documents, text) {
			d.Documents = append(d.Documents, text)
		}
	}
	for _, text := range []string{"出质人与质权人共同签字或盖章的质押登记申请表", "专利权质押合同", "双方身份证明（可以承诺书代替）", "委托代理的，代理委托书", "经过评估的，资产评估报告"} {
		add(text)
	}
	for _, x := range d.Eligibility.Findings {
		add(x.Supply)
	}
	for _, g := range d.Missing {
		add(g.Supply)
	}
}
