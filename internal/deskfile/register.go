package deskfile

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"zhijia/internal/patent"
)

// registered is what a cell says of a right. The zero of each answer is
// unknown.
type registered struct {
	pledged, preserved, challenged, licensed patent.Truth

	standing patent.Standing // "" when the cell does not say
	ended    string          // reason of a right that has ended, see [patent.State.Reason]
	partly   bool            // declared partly invalid

	unread bool // a part was not understood: what it may concern is unknown
}

// answer is where the answer on a subject is kept.
func (r *registered) answer(class string) *patent.Truth {
	switch class {
	case "pledge":
		return &r.pledged
	case "preserve":
		return &r.preserved
	case "challenge", "void":
		return &r.challenged
	case "licence", "plain":
		return &r.licensed
	}
	return nil
}

var (
	subjects   = []string{"pledge", "preserve", "challenge", "void", "licence", "plain", "burden", "ownership", "dispute"}
	states     = []string{"alive", "dead:fee_unpaid", "dead:expired", "dead:abandoned", "dead:invalidated", "dead:", "unpaid", "partly", "pending_grant", "refused"}
	modifiers  = []string{"negator", "pending", "past", "ended", "unknown", "yes", "again", "all", ":"}
	listJoints = []string{"、", "/", "|", "+", "&"}
)

// existential negators deny a thing; the others deny a deed: 无解除 says
// nothing of a pledge, 未解除 says that it stands.
var existential = []string{"无", "没有", "并无", "尚无", "不存在", "无任何", "不含", "未发现", "并未发现", "未查到", "未查见", "未查询到", "未检索到", "查无", "经查无", "又无", "也无", "也没有", "亦无", "且无", "未见", "未有", "没", "N", "NO", "否"}

// unpaid stands for a fee that was not paid until another word says that the
// right has ended for it.
const unpaid patent.Standing = "unpaid"

// segment is a stretch of a cell about one subject or one state.
type segment struct {
	class, word string  // of the subject or state; "" when there is none
	before      []token // modifiers
	after       []token
	joint       string // separator before it
	unread      bool
}

// segments cuts a clause where its subjects and separators are.
func segments(clause []token) (out []segment) {
	cur, joint, open := segment{}, "", false
	flush := func() {
		if open {
			out = append(out, cur)
		}
		cur, open = segment{joint: joint}, false
	}
	var loose []token // modifiers since the last subject
	for _, t := range clause {
		switch {
		case t.class == "filler", t.class == "body", t.class == "reference", t.class == "note":
		case t.class == "":
			cur.unread, open = true, true
		case slices.Contains(subjects, t.class), slices.Contains(states, t.class):
			onSubject := slices.Contains(subjects, cur.class) && cur.class != "burden"
			switch {
			case cur.class == "":
				cur.class, cur.word, open = t.class, t.text, true
				cur.before, loose = loose, nil
			case cur.class == "burden" && len(cur.before) == 0 && len(loose) > 0 && count(loose, ":") == len(loose): // 他项权利：质押
				cur = segment{class: t.class, word: t.text, joint: cur.joint}
				loose = nil
			case onSubject && t.class == "refused": // 无效宣告请求被驳回
				loose = append(loose, rejected(cur.class, t))
			case cur.class == "refused" && len(loose)+len(cur.before) == 0 && slices.Contains(subjects, t.class) && t.class != "burden": // 驳回无效宣告请求
				cur.class, cur.word, cur.before = t.class, t.text, []token{rejected(t.class, token{"refused", cur.word})}
			case slices.Contains([]string{"challenge", "void"}, cur.class) && t.class == "pending_grant": // 无效请求审查中
				loose = append(loose, token{"yes", t.text})
			case cur.class == t.class && len(loose) == 0:
				cur.word = t.text
			case slices.Contains([]string{"pledge", "preserve", "challenge", "licence", "plain"}, cur.class) && strings.HasPrefix(t.class, "dead:") && t.class != "dead:invalidated":
				loose = append(loose, token{"ended", t.text}) // 质押终止
			case len(cur.before) == 0 && len(loose) > 0 && loose[0].class == ":" && count(loose, ":") == 1 && kin(cur.class, t.class): // 质押：已质押
				cur = segment{class: t.class, word: t.text, joint: cur.joint, before: loose[1:]}
				loose = nil
			case len(loose) > 0 && len(cur.before) == 0: // 质押无保全: whose is the word between?
				cur.unread = true
			default:
				cur.after = nil
				between := loose
				joint = "adjacent"
				flush()
				cur.class, cur.word, cur.before, open, loose = t.class, t.text, between, true, nil
			}
		case slices.Contains(modifiers, t.class):
			loose, open = append(loose, t), true
		default: // a separator
			if cur.class == "" {
				cur.before = loose
			} else {
				cur.after = loose
			}
			loose = nil
			joint = t.class
			flush()
		}
		if cur.class != "" {
			cur.after = loose
		}
	}
	if cur.class == "" {
		cur.before = loose
	}
	flush()
	for i := len(out) - 2; i >= 0; i-- { // 许可(普通许可): the first is the heading of the second
		s, next := &out[i], &out[i+1]
		if next.joint == " " && slices.Contains(subjects, s.class) && len(s.before)+len(s.after) == 0 && !s.unread && kin(s.class, next.class) {
			next.joint = s.joint
			out = slices.Delete(out, i, i+1)
		}
	}
	return out
}

// kin reports whether two words are of one subject.
func kin(a, b string) bool {
	of := func(class string) string {
		switch class {
		case "void":
			return "challenge"
		case "plain":
			return "licence"
		}
		return class
	}
	return of(a) == of(b)
}

// someClaims are the words of a decision that leaves a part of the claims.
var someClaims = regexp.MustCompile(`在?(?:该专利|本专利|专利)?权利要求\s*[\d第项、,，\-—–~～至到和及 ]+(?:被|均|已)*(?:宣告)?无效|在(?:修改后的)?权利要求\s*[\d第项、,，\-—–~～至到和及 ]+的?基础上(?:继续)?维持(?:该|本)?(?:专利权)?(?:继续)?有效`)

// rejected is what a request that was turned down or taken back comes to: a
// challenge is over with it; whether a registration stands for another reason
// is not said.
func rejected(subject string, t token) token {
	if subject == "challenge" || subject == "void" {
		return token{"ended", t.text}
	}
	return token{"pending", t.text}
}

var (
	// searched begins a cell that tells what was looked at; what was found follows.
	searched = regexp.MustCompile(`^(?:经|据)(?:查询|查|核查|核实|查册|检索)(?:专利)?(?:登记簿|官网)?[，,：:\s]*|^(?:专利)?登记簿(?:副本)?(?:显示|记载)[，,：:\s]*`)
	// question heads an answer: 是否质押：否.
	question = regexp.MustCompile(`(?:是否|有无)(?:存在|已经|已|被|涉及|涉)?(\p{Han}{2,10}[:：])`)
)

// lapses end the debt or the time of a pledge or preservation; the register holds
// it until it is struck off.
var lapses = regexp.MustCompile(`(?:到期|届满|期满|结束|结清|失效)$`)

func lapsed(mods []token) bool {
	return slices.ContainsFunc(mods, func(t token) bool { return t.class == "ended" && lapses.MatchString(t.text) })
}

// resolved joins a thing of the past with what became of it: 曾质押，现已注销.
func resolved(clauses [][]segment) {
	var last *segment
	for c := range clauses {
		kept := clauses[c][:0]
		for i := range clauses[c] {
			s := clauses[c][i]
			mods := slices.Concat(s.before, s.after)
			if last != nil && s.class == "" && !s.unread && count(mods, "ended") == 1 && count(mods, "pending", "unknown") == 0 {
				last.after = append(slices.Clone(last.after), mods...)
				last = nil
				continue
			}
			kept = append(kept, s)
			last = nil
			if own := slices.Concat(s.before, s.after); slices.Contains(subjects, s.class) && !s.unread && len(own) > 0 && count(own, "past", "yes") == len(own) {
				last = &kept[len(kept)-1]
			}
		}
		clauses[c] = kept
	}
}

// polarity reads modifiers: whether the thing they go with is there now.
func polarity(mods []token) patent.Truth {
	negators, ended := count(mods, "negator"), count(mods, "ended")
	switch {
	case count(mods, "pending", "unknown") > 0, negators > 1, ended > 1:
		return ""
	case negators == 1 && ended == 1:
		i := slices.IndexFunc(mods, func(t token) bool { return t.class == "negator" })
		if slices.Contains(existential, mods[i].text) {
			return ""
		}
		return patent.Yes // 未解除
	case ended == 1, negators == 1:
		return patent.No
	case count(mods, "past") > 0:
		return "" // it was there, and may be
	}
	return patent.Yes
}

// readRegister reads a cell on the state of a right. about is the subject of a
// column that names it, "" in a column of all states. flags says that a vendor
// lists events that have happened, which may have ended.
func readRegister(text, about string, flags bool) (r registered) {
	type said struct {
		truth patent.Truth
		again bool
	}
	answers := map[string][]said{}
	standings := map[patent.Standing]string{}
	meaningful, voids, bareNo, yes := 0, 0, false, false
	text = question.ReplaceAllString(searched.ReplaceAllString(someClaims.ReplaceAllString(text, "部分无效"), ""), "$1")
	var clauses [][]segment
	for _, clause := range split(vocabularies["register"].tokens(text), ";") {
		if count(clause, "note") > 0 && count(clause, "void", "challenge", "partly", "dead:", "dead:invalidated", "dead:fee_unpaid") == 0 {
			r.unread = true // 诉讼中: about what?
		}
		clauses = append(clauses, segments(clause))
	}
	resolved(clauses)
	for _, segs := range clauses {
		allNo := !slices.ContainsFunc(segs, func(s segment) bool {
			mods := slices.Concat(s.before, s.after)
			return s.class != "" || s.unread || count(mods, "negator") != 1 || count(mods, "negator", ":", "all") != len(mods)
		})
		for i := range segs {
			s := &segs[i]
			if s.unread {
				r.unread = true
				continue
			}
			mods := slices.Concat(s.before, s.after)
			switch {
			case s.class == "" && len(mods) == 0:
			case s.class == "": // modifiers alone
				if i > 0 && segs[i-1].class != "" && len(segs[i-1].before)+len(segs[i-1].after) == 0 {
					continue // they say something of the list before
				}
				switch p := polarity(mods); {
				case p == "" || count(mods, "ended") > 0:
					r.unread = r.unread || count(mods, "unknown") == 0
				case p == patent.No && (len(segs) == 1 || allNo): // 无/无/无/无
					bareNo = true
				case p == patent.Yes && about != "":
					yes = true
				default:
					r.unread = true
				}
			case slices.Contains(states, s.class):
				meaningful++
				r.state(s, polarity(mods), len(mods) > count(mods, "yes", "all", ":"), standings)
			case s.class == "ownership", s.class == "dispute":
				p := polarity(mods)
				if len(mods) == 0 {
					p = inherited(segs, i)
				}
				switch { // that nobody disputes the right says nothing of a preservation
				case p == patent.No:
				case p == patent.Yes && s.class == "ownership":
					meaningful++
					answers["preserve"] = append(answers["preserve"], said{p, false})
				default:
					r.unread = true
				}
			case s.class == "burden":
				if polarity(mods) == patent.No {
					bareNo = true
				} else {
					r.unread = true
				}
			default:
				meaningful++
				if s.class == "void" {
					voids++
				}
				p := polarity(mods)
				if len(mods) == 0 {
					p = inherited(segs, i)
				}
				if flags && p == patent.Yes || (s.class == "pledge" || s.class == "preserve") && p == patent.No && lapsed(mods) {
					p = ""
				}
				if s.class == "plain" && p == patent.Yes {
					p = patent.No // a plain licence excludes nobody
				} else if s.class == "plain" {
					p = ""
				}
				if p == "" && !flags && count(mods, "unknown") == 0 {
					r.unread = true
				}
				class := s.class
				switch class {
				case "void":
					class = "challenge"
				case "plain":
					class = "licence"
				}
				answers[class] = append(answers[class], said{p, count(mods, "again") > 0})
				if s.class == "void" && p == patent.Yes && s.word == "无效宣告" {
					voids = 0
					meaningful++
				}
			}
		}
	}
	if voids == 1 && meaningful == 1 && about == "" && len(answers["challenge"]) == 1 && answers["challenge"][0].truth == patent.Yes {
		return registered{standing: patent.Dead, ended: "invalidated"} // 无效 alone is the opposite of 有效
	}
	for class, list := range answers {
		to := r.answer(class)
		*to = list[0].truth
		for _, x := range list[1:] {
			switch {
			case x.again && x.truth == patent.Yes:
				*to = patent.Yes
			case x.truth != *to:
				*to, r.unread = "", true
			}
		}
	}
	switch {
	case about != "" && meaningful == 0 && bareNo != yes:
		to := r.answer(about)
		if *to = patent.Yes; bareNo {
			*to = patent.No
		}
	case bareNo && len(answers) > 0: // 无负担;质押
		r.unread = true
	case bareNo:
		r.pledged, r.preserved, r.challenged, r.licensed = patent.No, patent.No, patent.No, patent.No
	}
	if ended, ok := standings[unpaid]; ok { // a fee may be paid in the months of grace
		delete(standings, unpaid)
		if old, dead := standings[patent.Dead]; dead {
			standings[patent.Dead] = cmp.Or(old, ended)
		} else {
			r.unread = true
		}
	}
	switch len(standings) {
	case 0:
	case 1:
		for s, ended := range standings {
			r.standing, r.ended = s, ended
		}
	default:
		r.unread = true
	}
	if r.unread { // the part that was not understood may take back what the others say
		r = registered{unread: true}
	}
	return r
}

// state takes in a word on whether the right stands.
func (r *registered) state(s *segment, p patent.Truth, qualified bool, standings map[patent.Standing]string) {
	kind, ended, dead := strings.Cut(s.class, ":")
	switch {
	case dead && kind == "dead" && p == patent.Yes && count(slices.Concat(s.before, s.after), "ended") == 0:
		if old, ok := standings[patent.Dead]; !ok || old == "" {
			standings[patent.Dead] = ended
		}
	case dead && p == patent.No && count(slices.Concat(s.before, s.after), "ended") == 0:
		if ended != "invalidated" { // 未失效; 未被宣告无效 does not say that it stands
			standings[patent.Alive] = ""
		}
	case s.class == "refused" && !qualified:
		standings[patent.Dead] = "refused"
	case s.class == "alive" && !qualified:
		standings[patent.Alive] = ""
	case s.class == "pending_grant" && !qualified:
		standings[patent.Pending] = ""
	case s.class == "unpaid" && !qualified:
		if old, ok := standings[unpaid]; !ok || old == "" {
			standings[unpaid] = "fee_unpaid"
		}
	case s.class == "partly" && !qualified:
		r.partly = true
	case s.class == "partly" && p == patent.No:
	default:
		r.unread = true
	}
}

// inherited is what a subject without a word of its own takes from its list:
// 无质押、保全 and 质押、保全：无. A bare subject stands for itself.
func inherited(segs []segment, at int) patent.Truth {
	bare := func(s *segment) bool { return len(s.before)+len(s.after) == 0 }
	// from what stands before it
	from := patent.Truth("")
	for i := at; i > 0; i-- {
		s, previous := &segs[i], &segs[i-1]
		joined := slices.Contains(listJoints, s.joint) || s.joint == "adjacent" && s.class != "void"
		if bare(previous) {
			if !joined {
				break
			}
			continue
		}
		if previous.class == "" && i > 1 && segs[i-2].class != "" && bare(&segs[i-2]) {
			break // 质押(无) 保全(无): the word is of the one before it
		}
		if len(previous.before) > 0 && len(previous.after) == 0 && count(previous.before, "negator") == 1 && len(previous.before) == 1 {
			if !joined {
				return "" // 无质押，查封
			}
			from = patent.No
		}
		break
	}
	// from what stands behind it
	for i := at + 1; i < len(segs); i++ {
		s := &segs[i]
		if bare(s) && s.class != "" {
			continue
		}
		if len(s.before) > 0 && s.class != "" {
			break // it has a word of its own
		}
		mods := slices.Concat(s.before, s.after)
		switch {
		case from != "":
			return ""
		case (segs[at].class == "pledge" || segs[at].class == "preserve") && lapsed(mods):
			return ""
		case i == at+1 && s.class == "", count(mods, "all", ":") > 0, len(mods) == 1 && mods[0].class == "negator":
			return polarity(mods)
		}
		return ""
	}
	if from != "" {
		return from
	}
	return patent.Yes
}
