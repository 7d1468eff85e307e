package chain

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/lending"
	"zhijia/internal/patent"
	"zhijia/internal/pool"
	"zhijia/internal/scheme"
	"zhijia/internal/store"
)

// SchemeLine is a scheme of the library with its state on a day.
type SchemeLine struct {
	scheme.Scheme
	InstrumentZh string `json:"instrument_zh"`
	StatusZh     string `json:"status_zh"`
	Selectable   bool   `json:"selectable"`
}

// Schemes returns the schemes of a region and instrument, empty for any, as they
// stand on a day; zero: today.
func (s *Service) Schemes(region string, instrument scheme.Instrument, on calendar.Date) ([]SchemeLine, error) {
	if instrument != "" && !slices.Contains(scheme.Instruments, instrument) {
		return nil, fault.New(fault.Invalid, "scheme.instrument", "方案工具“"+string(instrument)+"”不认识。", "The instrument is not known.")
	}
	if on.IsZero() {
		on = s.today()
	}
	out := []SchemeLine{}
	for _, x := range scheme.Library() {
		if (region == "" || strings.EqualFold(x.Region, region)) && (instrument == "" || x.Instrument == instrument) {
			st := x.StatusZh(on)
			out = append(out, SchemeLine{x, x.Instrument.Zh(), st, x.Selectable(on) == nil})
		}
	}
	return out, nil
}

// compared are the places the comparison shows, in this order.
var compared = []string{"深圳", "广州", "南京", "青岛", "上海", "北京", "韩国", "新加坡", "日本"}

// Place is one column of the comparison: a city or country by instrument.
type Place struct {
	Region string                  `json:"region"`
	Cells  map[string][]SchemeLine `json:"schemes"` // by instrument
	Note   string                  `json:"note,omitempty"`
}

// Compare sets the cities and countries beside each other. Where no source was
// found the place stands there and says so.
func (s *Service) Compare(on calendar.Date) ([]Place, error) {
	out := make([]Place, 0, len(compared))
	for _, region := range compared {
		found, err := s.Schemes(region, "", on)
		if err != nil {
			return nil, err
		}
		p := Place{Region: region, Cells: map[string][]SchemeLine{}}
		for _, x := range found {
			p.Cells[string(x.Instrument)] = append(p.Cells[string(x.Instrument)], x)
		}
		if len(found) == 0 {
			p.Note = "未见可核实的公开来源"
		}
		out = append(out, p)
	}
	return out, nil
}

// SchemeAsk names a scheme of the library, or brings one's own.
type SchemeAsk struct {
	Scheme string         `json:"scheme,omitempty" maxLength:"60" doc:"Id in the library."`
	Own    *scheme.Scheme `json:"own,omitempty" doc:"A scheme of your own instead, with its document."`
	Ask    scheme.Ask     `json:"ask"`
}

func (a *SchemeAsk) pick() (*scheme.Scheme, error) {
	if a.Own != nil {
		return a.Own, nil
	}
	x, err := scheme.ByID(a.Scheme)
	return &x, err
}

// schemeInput is what a stored quote rests on.
type schemeInput struct {
	Scheme *scheme.Scheme `json:"scheme"`
	Ask    scheme.Ask     `json:"ask"`
	Used   []scheme.Use   `json:"used"`
}

// Quoted is a stored quote.
type Quoted struct {
	ID string `json:"id"`
	scheme.Quote
}

// Quote works out what a scheme pays today beside what was used of it, and keeps
// the answer; nothing is used.
func (s *Service) Quote(ctx context.Context, actor appraisal.Actor, a SchemeAsk) (q Quoted, err error) {
	defer fault.Wrap(&err, "chain.Quote")
	x, err := a.pick()
	if err != nil {
		return q, err
	}
	used, err := s.db.SchemeUses(ctx, actor.Institution, "")
	if err != nil {
		return q, err
	}
	a.Ask.On = cmpDay(a.Ask.On, s.today())
	if q.Quote, err = x.Quote(a.Ask, used); err != nil {
		return q, err
	}
	q.ID, err = s.keep(ctx, actor, "scheme_quote", x.ID, schemeInput{x, a.Ask, used}, q.Quote)
	return q, err
}

func cmpDay(d, other calendar.Date) calendar.Date {
	if d.IsZero() {
		return other
	}
	return d
}

// UseScheme quotes and keeps the use by firm and scheme.
func (s *Service) UseScheme(ctx context.Context, actor appraisal.Actor, a SchemeAsk) (q scheme.Quote, err error) {
	defer fault.Wrap(&err, "chain.UseScheme")
	x, err := a.pick()
	if err != nil {
		return q, err
	}
	a.Ask.On = cmpDay(a.Ask.On, s.today())
	return s.db.PutSchemeUse(ctx, actor, x, a.Ask, s.at())
}

// SchemeUses returns what was used of a scheme, of all where the id is empty.
func (s *Service) SchemeUses(ctx context.Context, actor appraisal.Actor, id string) ([]scheme.Use, error) {
	return s.db.SchemeUses(ctx, actor.Institution, id)
}

// StatisticsAsk asks for period statistics.
type StatisticsAsk struct {
	AsOf    calendar.Date    `json:"as_of,omitzero" doc:"As the book stood at the end of this day; default today."`
	By      []string         `json:"by,omitempty" maxItems:"6" doc:"kind, industry, bank, district, month, high_value; default all."`
	Batches []string         `json:"batches,omitempty" maxItems:"100" doc:"The contracts these batches accepted, instead of the book."`
	Ledger  []lending.Pledge `json:"ledger,omitempty" maxItems:"100000" doc:"Your own lines instead of the book."`
}

// Statistics is a stored period report.
type Statistics struct {
	ID     string `json:"id"`
	Source string `json:"source"` // book, batches or ledger
	lending.PeriodReport
}

// Statistics reports the book, batches or given lines, as of a day, and keeps the
// answer.
func (s *Service) Statistics(ctx context.Context, actor appraisal.Actor, a StatisticsAsk) (r Statistics, err error) {
	defer fault.Wrap(&err, "chain.Statistics")
	a.AsOf = cmpDay(a.AsOf, s.today())
	if len(a.By) == 0 {
		a.By = []string{"kind", "industry", "bank", "district", "month", "high_value"}
	}
	switch {
	case a.Ledger != nil && len(a.Batches) > 0:
		return r, fault.New(fault.Invalid, "statistics.source", "批次与自备台账只能选一个。", "Give batches or lines of your own, not both.")
	case a.Ledger != nil:
		r.Source = "ledger"
	case a.AsOf.After(s.today()):
		return r, fault.New(fault.Invalid, "date.future", "统计日不得晚于今天。", "The day may not lie in the future.")
	case len(a.Batches) > 0:
		r.Source = "batches"
		a.Ledger, err = s.accepted(ctx, actor, a.Batches)
	default:
		r.Source = "book"
		a.Ledger, err = s.db.BookedPledges(ctx, actor.Institution, a.AsOf)
	}
	if err != nil {
		return r, err
	}
	if r.Source != "ledger" {
		if err := s.flag(ctx, actor, a.Ledger, a.AsOf); err != nil {
			return r, err
		}
	}
	if r.PeriodReport, err = lending.ReportPeriods(a.Ledger, a.AsOf, a.By); err != nil {
		return r, err
	}
	r.ID, err = s.keep(ctx, actor, "statistics", r.Source, a, r.PeriodReport)
	return r, err
}

// accepted are the contracts that batches accepted, at the amount asked for, each
// contract once: the last batch named counts.
func (s *Service) accepted(ctx context.Context, actor appraisal.Actor, batches []string) ([]lending.Pledge, error) {
	out := []lending.Pledge{}
	at := map[string]int{}
	for _, id := range batches {
		r, err := s.desk.Result(ctx, actor, id)
		if err != nil {
			return nil, err
		}
		rights := map[int]lending.Row{}
		for o, err := range r.Rows {
			if err != nil {
				return nil, err
			}
			rights[o.Valued.Row.Line] = o.Valued.Row
		}
		for i := range r.Contracts {
			c := &r.Contracts[i]
			if c.Verdict != lending.Accept {
				continue
			}
			p := lending.Pledge{Contract: c.Key, Day: r.On, Amount: c.Loan}
			kinds := map[string]bool{}
			for _, line := range c.Lines {
				if row, there := rights[line]; there {
					p.Rights = append(p.Rights, row.Number)
					kinds[kindZh(row.Kind)] = true
				}
			}
			p.Kind = "组合"
			if len(kinds) == 1 {
				for k := range kinds {
					p.Kind = k
				}
			}
			if k, twice := at[c.Key]; twice {
				out[k] = p
				continue
			}
			at[c.Key] = len(out)
			out = append(out, p)
		}
	}
	return out, nil
}

func kindZh(k patent.Kind) string {
	if k == lending.Trademark {
		return "商标"
	}
	return k.Zh()
}

// flag says of each loan whether one of its rights is a high-value invention of the
// national statistic on a day: yes when one is, no when all are known not to be.
func (s *Service) flag(ctx context.Context, actor appraisal.Actor, ledger []lending.Pledge, on calendar.Date) error {
	ctx = store.As(ctx, actor.Institution)
	var numbers []string
	for i := range ledger {
		for k, n := range ledger[i].Rights {
			if x, err := patent.ParseNumber(n); err == nil {
				ledger[i].Rights[k] = string(x.Key())
			}
		}
		numbers = append(numbers, ledger[i].Rights...)
	}
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	events, err := s.db.Events(ctx, numbers)
	if err != nil {
		return err
	}
	facts, err := s.db.PatentFacts(ctx, numbers)
	if err != nil {
		return err
	}
	marks, err := s.db.Marks(ctx, actor.Institution, numbers)
	if err != nil {
		return err
	}
	counts := map[string]patent.Truth{}
	known := map[string]store.Patent{}
	for _, p := range facts {
		known[p.Number] = p
	}
	for _, number := range numbers {
		n, err := patent.ParseNumber(number)
		if err != nil { // a mark is no invention
			counts[number] = patent.No
			continue
		}
		p, state := known[number], patent.Reduce(events[number], on)
		alive := map[patent.Standing]patent.Truth{patent.Alive: patent.Yes, patent.Dead: patent.No, patent.Pending: patent.No}[state.Standing]
		counts[number] = patent.HighValueOn(cmp.Or(patent.Kind(p.Kind), n.Kind), alive, state.Pledged, p.Filing, on, marks[number]).Counts
	}
	for i := range ledger {
		all := patent.No
		for _, n := range ledger[i].Rights {
			switch counts[n] {
			case patent.Yes:
				all = patent.Yes
			case patent.No:
			default:
				if all == patent.No {
					all = patent.DontSay
				}
			}
		}
		if len(ledger[i].Rights) > 0 {
			ledger[i].HighValue = all
		}
	}
	return nil
}

// CashFlowAsk asks how steady an income was.
type CashFlowAsk struct {
	Name     string         `json:"name" minLength:"1" maxLength:"200" doc:"Of the pool or the right."`
	Receipts []pool.Receipt `json:"receipts" minItems:"1" maxItems:"20000"`
	MaxCV    *float64       `json:"max_cv,omitempty" doc:"The institution's own bound; none is sourced."`
}

// CashFlow is a stored assessment.
type CashFlow struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	pool.Stability
}

// CashFlow computes an income's history and keeps the answer.
func (s *Service) CashFlow(ctx context.Context, actor appraisal.Actor, a CashFlowAsk) (r CashFlow, err error) {
	defer fault.Wrap(&err, "chain.CashFlow")
	if strings.TrimSpace(a.Name) == "" {
		return r, fault.New(fault.Invalid, "history.name", "请填写名称。", "Give a name.")
	}
	r.Name = a.Name
	if r.Stability, err = pool.AssessHistory(a.Receipts, a.MaxCV); err != nil {
		return r, err
	}
	r.ID, err = s.keep(ctx, actor, "cash_flow", a.Name, a, r.Stability)
	return r, err
}

// Replay says whether a stored answer comes out the same when it is worked out
// again from what it rested on.
type Replay struct {
	ID      string `json:"id"`
	Product string `json:"product"`
	Same    bool   `json:"same"`
	Rules   string `json:"rules"`
	Now     string `json:"rules_now"`
}

// Replay works a stored answer out again.
func (s *Service) Replay(ctx context.Context, actor appraisal.Actor, id string) (r Replay, err error) {
	defer fault.Wrap(&err, "chain.Replay(%s)", id)
	a, err := s.db.AnswerOf(ctx, actor.Institution, id)
	if err != nil {
		return r, err
	}
	var again any
	switch a.Product {
	case "scheme_quote":
		var in schemeInput
		if err := json.Unmarshal(a.Input, &in); err != nil {
			return r, err
		}
		again, err = in.Scheme.Quote(in.Ask, in.Used)
	case "statistics":
		var in StatisticsAsk
		if err := json.Unmarshal(a.Input, &in); err != nil {
			return r, err
		}
		again, err = lending.ReportPeriods(in.Ledger, in.AsOf, in.By)
	case "cash_flow":
		var in CashFlowAsk
		if err := json.Unmarshal(a.Input, &in); err != nil {
			return r, err
		}
		again, err = pool.AssessHistory(in.Receipts, in.MaxCV)
	case "one_stop":
		var in oneStopFacts
		if err := json.Unmarshal(a.Input, &in); err != nil {
			return r, err
		}
		if a.Rules == "chain-1" {
			return r, fault.New(fault.Invalid, "answer.not_replayable", "该档案在旧版中没有保存所依据的事实，请重新出具。", "That version kept no facts with a dossier: ask again.")
		}
		again = in.tell()
	default:
		return r, fault.New(fault.Invalid, "answer.not_replayable", "该答复不能复算。", "That answer cannot be worked out again.")
	}
	if err != nil {
		return r, err
	}
	body, err := json.Marshal(again)
	return Replay{a.ID, a.Product, bytes.Equal(body, a.Answer), a.Rules, rules}, err
}

// PutIntermediary keeps an intermediary with its roles.
func (s *Service) PutIntermediary(ctx context.Context, actor appraisal.Actor, x Intermediary) (err error) {
	defer fault.Wrap(&err, "chain.PutIntermediary")
	if x.Code, err = patent.ParseCreditCode(x.Code); err != nil {
		return err
	}
	if x.Name = strings.TrimSpace(x.Name); x.Name == "" || len(x.Roles) == 0 {
		return fault.New(fault.Invalid, "intermediary.roles", "请填写名称和至少一个角色。", "Give the name and one role at least.")
	}
	for _, r := range x.Roles {
		if !slices.Contains(lending.Roles, r) {
			return fault.New(fault.Invalid, "intermediary.role", "角色“"+string(r)+"”不认识：可填 appraiser、guarantor、lessor、broker、rating_agency。", "The role is not known.")
		}
	}
	slices.Sort(x.Roles)
	x.Roles = slices.Compact(x.Roles)
	return s.db.PutIntermediary(ctx, actor, x, s.at())
}

// Deliver keeps a report of an intermediary.
func (s *Service) Deliver(ctx context.Context, actor appraisal.Actor, d lending.Delivery) (err error) {
	defer fault.Wrap(&err, "chain.Deliver")
	if d.Code, err = patent.ParseCreditCode(d.Code); err != nil {
		return err
	}
	if err := d.Check(s.today()); err != nil {
		return err
	}
	n, err := patent.ParseNumber(d.Number)
	if err != nil {
		return err
	}
	d.Number = string(n.Key())
	return s.db.PutDelivery(ctx, actor, d, s.at())
}

// IntermediaryLine is an intermediary with how its reports fared.
type IntermediaryLine struct {
	Intermediary
	Records []lending.TrackRecord `json:"records"` // by role
}

// Intermediaries returns an institution's, with their records; ranked ones first.
func (s *Service) Intermediaries(ctx context.Context, actor appraisal.Actor) (_ []IntermediaryLine, err error) {
	defer fault.Wrap(&err, "chain.Intermediaries")
	all, err := s.db.Intermediaries(ctx, actor.Institution)
	if err != nil {
		return nil, err
	}
	reports, err := s.db.IntermediaryReports(ctx, actor.Institution)
	if err != nil {
		return nil, err
	}
	records := lending.TrackRecords(reports)
	out := make([]IntermediaryLine, len(all))
	for i, x := range all {
		out[i] = IntermediaryLine{x, []lending.TrackRecord{}}
		for _, r := range records {
			if r.Code == x.Code {
				out[i].Records = append(out[i].Records, r)
			}
		}
	}
	best := func(l *IntermediaryLine) int {
		for _, r := range l.Records {
			if r.Rank > 0 {
				return r.Rank
			}
		}
		return 1 << 30
	}
	slices.SortStableFunc(out, func(a, b IntermediaryLine) int { return cmp.Compare(best(&a), best(&b)) })
	return out, nil
}

// PutOpenLicence keeps a declaration.
func (s *Service) PutOpenLicence(ctx context.Context, actor appraisal.Actor, l OpenLicence) (err error) {
	defer fault.Wrap(&err, "chain.PutOpenLicence")
	n, err := patent.ParseNumber(l.Number)
	if err != nil {
		return err
	}
	l.Number = string(n.Key())
	bad := func(code, zh, en string) error { return fault.New(fault.Invalid, code, zh, en) }
	switch {
	case l.Declared.IsZero() || l.Declared.After(s.today()) || !l.Withdrawn.IsZero() && l.Withdrawn.Before(l.Declared):
		return bad("open_licence.day", "声明日应不晚于今天，撤回日不早于声明日。", "It was declared by today and withdrawn after that.")
	case !slices.Contains([]string{"lump", "yearly", "royalty", "free"}, l.Basis):
		return bad("open_licence.basis", "计费方式应为 lump、yearly、royalty 或 free。", "The basis is lump, yearly, royalty or free.")
	case (l.Basis == "lump" || l.Basis == "yearly") != (l.Fee != nil) || l.Fee != nil && *l.Fee < 0:
		return bad("open_licence.fee", "固定费和年费方式须有不为负的金额，其他方式没有。", "A lump sum or a yearly fee has an amount, the others none.")
	case (l.Basis == "royalty") != (l.Rate != nil) || l.Rate != nil && !(*l.Rate > 0 && *l.Rate < 1):
		return bad("open_licence.rate", "提成方式须有 0 到 1 之间的费率。", "A royalty has a rate between 0 and 1.")
	case !(l.Years > 0 && l.Years <= 20) || l.Concluded < 0 || strings.TrimSpace(l.Source) == "":
		return bad("open_licence.terms", "请填写 20 年以内的许可年限、不为负的成交份数和来源。", "Give the years, 20 at most, the licences taken and the source.")
	}
	return s.db.PutOpenLicence(ctx, actor, l, s.at())
}

// Declared is a declaration with what it says of the price.
type Declared struct {
	OpenLicence
	EvidenceZh string `json:"evidence_zh"`
}

// FeeZh says the fee in Chinese.
func (d Declared) FeeZh() string {
	switch {
	case d.Fee != nil && d.Basis == "yearly":
		return d.Fee.String() + " 元/年"
	case d.Fee != nil:
		return d.Fee.String() + " 元"
	case d.Rate != nil:
		return fmt.Sprintf("销售额的 %.2f%%", 100**d.Rate)
	}
	return "免费"
}

// OpenLicences returns the declarations of a patent, of all where the number is
// empty.
func (s *Service) OpenLicences(ctx context.Context, actor appraisal.Actor, number string) (_ []Declared, err error) {
	defer fault.Wrap(&err, "chain.OpenLicences")
	if number != "" {
		n, err := patent.ParseNumber(number)
		if err != nil {
			return nil, err
		}
		number = string(n.Key())
	}
	list, err := s.db.OpenLicences(ctx, actor.Institution, number)
	if err != nil {
		return nil, err
	}
	out := make([]Declared, len(list))
	for i, l := range list {
		zh := "无人按此费用取得许可：只说明普通许可的价格不高于此（单侧证据），折算后作为私下估值的上限"
		switch {
		case l.Concluded > 0:
			zh = "已有成交：作为该专利普通许可的价格进入成交台账"
		case l.Basis == "free":
			zh = "免费开放：不是价格"
		}
		out[i] = Declared{l, zh}
	}
	return out, nil
}

// Marks are what is stated of a patent.
type Marks struct {
	Number string `json:"number" minLength:"1" maxLength:"60"`
	patent.Marks
}

// PutMarks keeps flags of the national statistic and the track of prosecution.
func (s *Service) PutMarks(ctx context.Context, actor appraisal.Actor, m Marks) (err error) {
	defer fault.Wrap(&err, "chain.PutMarks")
	n, err := patent.ParseNumber(m.Number)
	if err != nil {
		return err
	}
	if _, track := patent.Tracks[m.Track]; m.Track != "" && !track {
		return fault.New(fault.Invalid, "marks.track", "审查途径应为 ordinary、priority 或 pre_examined。", "The track is ordinary, priority or pre_examined.")
	}
	for _, t := range []patent.Truth{m.Emerging, m.Abroad, m.Award} {
		if t != "" && t != patent.Yes && t != patent.No && t != patent.DontSay {
			return fault.New(fault.Invalid, "marks.answer", "各项应为 yes、no 或 unknown。", "Each answer is yes, no or unknown.")
		}
	}
	if strings.TrimSpace(m.Source) == "" {
		return fault.New(fault.Invalid, "marks.source", "请写明来源。", "Name the source.")
	}
	if !m.Requested.IsZero() && !m.Accepted.IsZero() && m.Accepted.Before(m.Requested) || m.Requested.After(s.today()) || m.Accepted.After(s.today()) {
		return fault.New(fault.Invalid, "marks.day", "请求日和同意日应不晚于今天且先后有序。", "The days of request and acceptance are in order and not ahead.")
	}
	return s.db.PutMarks(ctx, actor, string(n.Key()), m.Marks, s.at())
}

func sortMoments(list []Moment) {
	slices.SortStableFunc(list, func(a, b Moment) int { return a.Day.Compare(b.Day) })
}
