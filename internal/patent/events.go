package patent

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"zhijia/internal/calendar"
)

// Event is one legal event of a patent as its source states it.
type Event struct {
	Code         string        `json:"code"`                   // gazette code, see [Codes]
	Effective    calendar.Date `json:"effective"`              // when it took effect
	Gazette      calendar.Date `json:"gazette"`                // when it became public; zero: on Effective
	Registration string        `json:"registration,omitempty"` // of a pledge or a recorded licence
	Before       []string      `json:"before,omitempty"`       // owners before a transfer or change
	After        []string      `json:"after,omitempty"`        // owners after it
	Party        string        `json:"party,omitempty"`        // pledgee or licensee
	LicenceKind  string        `json:"licence_kind,omitempty"` // 独占, 排他, 普通
	Source       string        `json:"source,omitempty"`
	Partial      bool          `json:"partial,omitempty"` // its source misses events: what it does not tell is not known
}

// Public returns the day the event became public.
func (e Event) Public() calendar.Date {
	if e.Gazette.IsZero() || e.Gazette.Before(e.Effective) {
		return e.Effective
	}
	return e.Gazette
}

// Codes are the events understood, with their Chinese names. The first block
// is the gazette's; the second names stages of the application and of an
// invalidation, which the gazette does not code; the third are codes of INPADOC
// until 2017 that say neither on nor off.
var Codes = map[string]string{
	"GR01": "授权", "TR01": "专利权的转移", "CP01": "专利权人名称变更", "CP02": "专利权人地址变更", "CP03": "专利权人名称和地址变更",
	"CB03": "著录事项变更", "EE01": "许可备案生效", "EM01": "许可备案变更", "EC01": "许可备案注销",
	"PE01": "质押登记生效", "PM01": "质押登记变更", "PC01": "质押登记注销", "PP01": "保全", "PD01": "保全解除",
	"IW01": "全部无效", "IP01": "部分无效", "CF01": "未缴年费终止", "CX01": "期限届满终止", "AV01": "主动放弃", "RR01": "权利恢复",

	"PB01": "公布", "SE01": "实质审查生效", "WD01": "视为撤回", "RJ01": "驳回", "WV01": "视为放弃取得专利权", "IF01": "无效宣告请求受理", "IR01": "无效宣告请求驳回（维持有效）",

	"PLDC": "质押合同登记的生效、变更或注销（未说明是哪一种）", "LICC": "许可合同备案的生效、变更或注销（未说明是哪一种）", "RINS": "保全或其解除（未说明是哪一种）", "C32": "无效或部分无效宣告（未说明是哪一种）",
	"CE01": "权利终止（未说明原因）",
}

// Standing is whether a right stands.
type Standing string

// Standings. Unknown is what silence means.
const (
	Alive   Standing = "alive"
	Pending Standing = "pending" // applied for, not granted
	Dead    Standing = "dead"
	Unknown Standing = "unknown"
)

// Truth is a three-valued answer: no news is not "no".
type Truth string

// Truths.
const (
	Yes     Truth = "yes"
	No      Truth = "no"
	DontSay Truth = "unknown"
)

// State is what the events on file add up to on one day.
type State struct {
	On       calendar.Date `json:"on"`
	Standing Standing      `json:"standing"`
	Reason   string        `json:"reason,omitempty"` // fee_unpaid, expired, abandoned, invalidated, withdrawn, refused, waived
	Since    calendar.Date `json:"since"`            // of Standing
	Granted  calendar.Date `json:"granted"`

	Owners     []string      `json:"owners,omitempty"` // as last stated; empty: the events do not say
	Former     []Former      `json:"former,omitempty"` // names that owners gave up, oldest first
	Pledges    []Claim       `json:"pledges,omitempty"`
	Licences   []Claim       `json:"licences,omitempty"`
	Transfers  int           `json:"transfers"`
	Preserved  Truth         `json:"preserved"`
	Pledged    Truth         `json:"pledged"`
	Challenged Truth         `json:"challenged"` // an invalidation is pending; the gazette does not publish filings
	PartlyVoid bool          `json:"partly_void"`
	Survived   bool          `json:"survived"` // an invalidation was rejected
	Statements []Event       `json:"statements"`
	Conflicts  []string      `json:"conflicts,omitempty"` // contradictions, reported and not resolved in silence
	LastSeen   calendar.Date `json:"last_seen"`           // latest event counted
}

// Former is a name an owner had until a day.
type Former struct {
	Name   string        `json:"name"`
	Now    string        `json:"now"`
	Until  calendar.Date `json:"until"`
	Source string        `json:"source,omitempty"`
}

// Claim is a registered pledge or recorded licence in force.
type Claim struct {
	Registration string        `json:"registration,omitempty"`
	Party        string        `json:"party,omitempty"`
	Kind         string        `json:"kind,omitempty"`
	Since        calendar.Date `json:"since"`
}

// Reduce returns the state on a day from the events that had taken effect and
// become public by then. It depends on the set of events and the day alone:
// the order they arrive in and exact repeats change nothing.
func Reduce(events []Event, on calendar.Date) State {
	s := State{On: on, Standing: Unknown, Preserved: DontSay, Pledged: DontSay, Challenged: DontSay}
	known := make([]Event, 0, len(events))
	for _, e := range events {
		if !e.Effective.IsZero() && !e.Public().After(on) {
			known = append(known, e)
		}
	}
	slices.SortFunc(known, compareEvents)
	known = slices.CompactFunc(known, func(a, b Event) bool { return compareEvents(a, b) == 0 })
	r := reduction{State: &s, over: map[string]bool{}, held: map[string]bool{}}
	for _, e := range known {
		r.whole = r.whole || e.Code == "GR01" && !e.Partial
	}
	for _, e := range known {
		r.apply(e)
		s.Statements = append(s.Statements, e)
		if e.Public().After(s.LastSeen) {
			s.LastSeen = e.Public()
		}
	}
	return s
}

// stage orders events of one day as the office would enter them: a right is
// granted before it is transferred, and ends after everything else.
var stage = map[string]int{
	"PB01": 0, "SE01": 1, "GR01": 2, "RR01": 3, "CP01": 4, "CP02": 4, "CP03": 4, "CB03": 4, "TR01": 5,
	"PC01": 6, "EC01": 6, "PD01": 6, "PE01": 7, "EE01": 7, "PP01": 7, "PM01": 8, "EM01": 8, "PLDC": 8, "LICC": 8, "RINS": 8, "C32": 11,
	"IF01": 9, "IR01": 10, "IP01": 11, "WD01": 12, "RJ01": 12, "WV01": 12, "CF01": 13, "AV01": 13, "CE01": 14, "CX01": 14, "IW01": 15,
}

func compareEvents(a, b Event) int {
	return cmp.Or(
		a.Effective.Compare(b.Effective), cmp.Compare(stage[a.Code], stage[b.Code]), a.Gazette.Compare(b.Gazette),
		strings.Compare(a.Code, b.Code), strings.Compare(a.Registration, b.Registration), strings.Compare(a.Party, b.Party),
		slices.Compare(a.Before, b.Before), slices.Compare(a.After, b.After), strings.Compare(a.LicenceKind, b.LicenceKind),
	)
}

func (s *State) conflict(e Event, format string, args ...any) {
	s.Conflicts = append(s.Conflicts, fmt.Sprintf("%s %s（%s）：", e.Effective, Codes[e.Code], e.Code)+fmt.Sprintf(format, args...))
}

func (s *State) end(e Event, reason string) {
	switch {
	case s.Standing == Dead && reason == "ended":
		return // another source told the cause
	case s.Standing == Dead && s.Reason == "ended":
		s.Reason = reason
		return
	case s.Standing == Dead && s.Reason != reason:
		s.conflict(e, "权利此前已因 %s 终止。", s.Reason)
	case s.Standing == Dead:
		return // the same end, told again
	}
	if s.Reason == "invalidated" { // terminal: void from the beginning (专利法 47)
		return
	}
	s.Standing, s.Reason, s.Since = Dead, reason, e.Effective
}

// reduction is a state being worked out, with what has to be remembered of the
// events for it.
type reduction struct {
	*State
	over  map[string]bool // identities of registrations that were cancelled
	held  map[string]bool // identities of preservations in force
	moved calendar.Date   // of the latest transfer
	whole bool            // a source that tells all events told the grant
}

// none is the answer when nothing is registered any more: no only where the
// sources would have told.
func (s *reduction) none(e Event) Truth {
	if s.whole || !e.Partial {
		return No
	}
	return DontSay
}

// identity is what tells one registration from another: its number, however
// that is spaced, hyphenated or typed. Who reports it, and how he writes the
// party, does not.
func identity(e Event) string {
	var out []rune
	for _, r := range strings.ToUpper(e.Registration) {
		if r >= 0xff01 && r <= 0xff5e {
			r -= 0xfee0
		}
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 0x4e00 {
			out = append(out, r)
		}
	}
	return strings.TrimPrefix(strings.TrimPrefix(strings.ToUpper(string(out)), "质押登记号"), "登记号")
}

// register adds a pledge or licence, or what another source says of one that
// is known. Without a number on either side it is the known registration of the
// same day and party.
func (s *reduction) register(claims *[]Claim, e Event) (known bool) {
	id := identity(e)
	for i := range *claims {
		c := &(*claims)[i]
		same := identity(Event{Registration: c.Registration}) == id
		if id == "" || c.Registration == "" {
			same = c.Since == e.Effective && (c.Party == "" || e.Party == "" || sameCore(c.Party, e.Party))
		}
		if !same {
			continue
		}
		c.Registration, c.Kind = cmp.Or(c.Registration, e.Registration), cmp.Or(c.Kind, e.LicenceKind)
		if c.Party == "" || !Han(c.Party) && Han(e.Party) { // the register's own name before its translation
			c.Party = cmp.Or(e.Party, c.Party)
		}
		return true
	}
	*claims = append(*claims, Claim{e.Registration, e.Party, e.LicenceKind, e.Effective})
	return false
}

// Han reports whether a name is written in Chinese characters.
func Han(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r >= 0x3400 && r <= 0x9fff })
}

// oneScript reports whether two lists of names can be compared: a Chinese name
// and its translation cannot.
func oneScript(a, b []string) bool { return slices.ContainsFunc(a, Han) == slices.ContainsFunc(b, Han) }

// sameCore reports whether two names are one without the legal form, as 甲银行
// and 甲银行股份有限公司.
func sameCore(a, b string) bool {
	x, _ := NormalName(a)
	y, _ := NormalName(b)
	return x == y
}

// cancel takes a registration away. One that was cancelled before is cancelled
// once more by another source; without a number it must be the only one.
func (s *reduction) cancel(claims *[]Claim, e Event) (known bool) {
	id := identity(e)
	i := -1
	if id != "" {
		i = find(*claims, id)
	}
	if i < 0 && len(*claims) == 1 && (id == "" || (*claims)[0].Registration == "") {
		i = 0
	}
	if i < 0 {
		return id != "" && s.over[e.Code+id]
	}
	s.over[e.Code+id], s.over[e.Code+identity(Event{Registration: (*claims)[i].Registration})] = true, true
	*claims = slices.Delete(slices.Clone(*claims), i, i+1)
	return true
}

func (s *reduction) apply(e Event) {
	granted := func() bool { return !s.Granted.IsZero() }
	switch e.Code {
	case "PB01", "SE01":
		if s.Standing == Unknown {
			s.Standing, s.Since = Pending, e.Effective
		}
	case "GR01":
		if granted() {
			s.conflict(e, "此前已于 %s 授权。", s.Granted)
			return
		}
		if s.Standing == Dead {
			s.conflict(e, "此前已因 %s 失效。", s.Reason)
		}
		s.Granted, s.Standing, s.Reason, s.Since = e.Effective, Alive, "", e.Effective
		// Once granted, pledges and preservations are published.
		s.Pledged, s.Preserved = s.none(e), s.none(e)
		if len(e.After) > 0 {
			s.Owners = e.After
		}
	case "TR01", "CP01", "CP03":
		if e.Code == "TR01" && s.moved == e.Effective && (len(e.After) == 0 || SameParties(e.After, s.Owners)) {
			return // one transfer, told by another source
		}
		if e.Code == "TR01" && s.moved == e.Effective && !oneScript(e.After, s.Owners) { // the same, in translation
			if slices.ContainsFunc(e.After, Han) {
				s.Owners = e.After
			}
			return
		}
		if len(e.Before) > 0 && len(s.Owners) > 0 && oneScript(e.Before, s.Owners) && !SameParties(e.Before, s.Owners) {
			s.conflict(e, "变更前权利人为 %s，而此前记载为 %s。", strings.Join(e.Before, "、"), strings.Join(s.Owners, "、"))
		}
		if len(e.After) > 0 {
			s.Owners = e.After
		}
		if e.Code != "TR01" && len(e.Before) == len(e.After) {
			for i, name := range e.Before { // one stays one: a co-owner whose name did not change is not former
				if !slices.Contains(e.After, name) {
					s.Former = append(s.Former, Former{name, e.After[i], e.Effective, e.Source})
				}
			}
		}
		if e.Code == "TR01" {
			s.Transfers++
			s.moved = e.Effective
			if s.Pledged == Yes {
				s.conflict(e, "质押期间发生转移，应有质权人同意。")
			}
		}
	case "PE01":
		if s.over["PC01"+identity(e)] && identity(e) != "" {
			s.conflict(e, "质押登记 %s 此前已注销。", e.Registration)
		}
		if !s.register(&s.Pledges, e) && len(s.Pledges) > 1 {
			s.conflict(e, "质押登记 %s 尚未注销。", s.Pledges[0].Registration)
		}
		s.Pledged = Yes
	case "PC01":
		if !s.cancel(&s.Pledges, e) {
			s.conflict(e, "没有登记号为 %s 的质押。", e.Registration)
		}
		if len(s.Pledges) == 0 {
			s.Pledged = s.none(e)
		}
	case "PM01":
		if i := find(s.Pledges, identity(e)); i < 0 {
			s.conflict(e, "没有登记号为 %s 的质押。", e.Registration)
		} else if e.Party != "" {
			s.Pledges[i].Party = e.Party
		}
	case "EE01":
		s.register(&s.Licences, e)
	case "EC01":
		if !s.cancel(&s.Licences, e) {
			s.conflict(e, "没有备案号为 %s 的许可。", e.Registration)
		}
	case "EM01":
		if i := find(s.Licences, identity(e)); i < 0 {
			s.conflict(e, "没有备案号为 %s 的许可。", e.Registration)
		} else if e.LicenceKind != "" {
			s.Licences[i].Kind = e.LicenceKind
		}
	case "PP01":
		s.Preserved = Yes
		s.held[identity(e)] = true
	case "PD01":
		if s.Preserved != Yes {
			s.conflict(e, "此前没有保全记录。")
		}
		if id := identity(e); id == "" || !s.held[id] { // which one is not said: all that have no number of their own
			clear(s.held)
		} else {
			delete(s.held, id)
		}
		if s.Preserved = s.none(e); len(s.held) > 0 {
			s.Preserved = Yes
		}
	case "PLDC", "RINS":
		on := &s.Pledged
		if e.Code == "RINS" {
			on = &s.Preserved
		}
		if *on == No {
			*on = DontSay
		}
		s.conflict(e, "来源未说明是生效、变更还是解除，可能仍有负担，请查专利登记簿副本。")
	case "LICC":
		s.conflict(e, "来源未说明是备案、变更还是注销，请查专利登记簿副本。")
	case "C32":
		s.Challenged, s.Standing, s.Reason, s.Since = DontSay, Unknown, "", e.Effective
		s.conflict(e, "来源未说明是全部还是部分无效，请查专利登记簿副本。")
	case "IF01":
		s.Challenged = Yes
	case "IR01":
		s.Challenged, s.Survived = No, true
	case "IP01":
		s.Challenged, s.PartlyVoid = No, true
	case "IW01":
		s.Challenged = No
		s.Standing, s.Reason, s.Since = Dead, "invalidated", e.Effective
	case "WD01", "RJ01", "WV01":
		reason := map[string]string{"WD01": "withdrawn", "RJ01": "refused", "WV01": "waived"}[e.Code]
		if granted() {
			s.conflict(e, "专利已于 %s 授权。", s.Granted)
			return
		}
		s.end(e, reason)
	case "CF01":
		s.end(e, "fee_unpaid")
	case "CX01":
		s.end(e, "expired")
	case "CE01":
		s.end(e, "ended")
	case "AV01":
		s.end(e, "abandoned")
	case "RR01":
		switch {
		case s.Reason == "invalidated":
			s.conflict(e, "已被宣告全部无效，不能恢复。")
		case s.Standing != Dead:
			s.conflict(e, "权利并未终止。")
		case granted() || s.Reason == "fee_unpaid" || s.Reason == "abandoned" || s.Reason == "ended":
			s.Standing, s.Reason, s.Since = Alive, "", e.Effective
		default:
			s.Standing, s.Reason, s.Since = Pending, "", e.Effective
		}
	}
}

// find returns where the registration of an identity is, -1 nowhere.
func find(claims []Claim, id string) int {
	return slices.IndexFunc(claims, func(c Claim) bool { return identity(Event{Registration: c.Registration}) == id })
}
