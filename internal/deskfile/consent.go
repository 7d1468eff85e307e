package deskfile

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"zhijia/internal/patent"
	"zhijia/internal/sheet"
)

// consents is what a cell says on the consent of co-owners.
type consents struct {
	none      bool             // it says that there is no co-owner
	all       patent.Truth     // what it says of all of them at once
	each      []patent.Consent // what it says of one; Party is "" when it names none
	agreement bool             // it rests on another agreement of the co-owners
	unread    bool
}

// readConsent reads a cell on the consent of co-owners. known are the owners
// and the borrower, as the row names them.
func readConsent(text string, known []string) (c consents) {
	text = strings.TrimSpace(datePart.ReplaceAllString(sheet.Narrow(text), ""))
	v := vocabularies["consent"]
	if text == "" || isPointer(text) {
		return consents{unread: text != ""}
	}
	if isEmpty(text) {
		return consents{none: text == "无"}
	}
	if t := meaning(v.tokens(text)); len(t) == 1 && t[0].class == "none" || noCoOwner.MatchString(text) {
		return consents{none: true}
	}
	last := -1 // the entry that a lone Y or N behind it belongs to
	for _, part := range entries(text, known) {
		names, rest := nameOf(part, known)
		for _, n := range known { // 同意为某公司借款提供担保
			if n != "" {
				rest = strings.ReplaceAll(rest, "为"+n, "为")
			}
		}
		status := meaning(v.tokens(rest))
		if count(status, "agreement") > 0 {
			c.agreement = true
		}
		truth, all, ok := verdictOf(status)
		switch {
		case len(status) == 0 && len(names) == 0: // 同意，已盖章
		case strings.TrimFunc(rest, notWord) == "": // names alone
			for _, n := range names {
				c.each = append(c.each, patent.Consent{Party: n, Text: part})
			}
			if last = -1; len(names) == 1 {
				last = len(c.each) - 1
			}
		case len(names) == 0 && ok && !all && last >= 0 && single(status): // 浙江大学;Y
			c.each[last].Said = truth
			c.each[last].Text += ";" + part
			last = -1
		case len(names) == 0 && ok && all:
			if c.all != "" && c.all != truth {
				c.unread = true
			}
			c.all = truth
		case len(names) == 0 && ok:
			c.each = append(c.each, patent.Consent{Said: truth, Text: part})
		case len(names) == 0:
			c.unread, last = true, -1
		case len(names) > 1 && !all: // 甲、乙同意 does not say that both do
			for _, n := range names {
				c.each = append(c.each, patent.Consent{Party: n, Text: part})
			}
			c.unread, last = true, -1
		default:
			for _, n := range names {
				c.each = append(c.each, patent.Consent{Party: n, Said: truth, Text: part})
			}
			c.unread, last = c.unread || !ok, -1
		}
	}
	if c.unread { // what was not understood may take back any yes
		for i := range c.each {
			if c.each[i].Said == patent.Yes {
				c.each[i].Said = ""
			}
		}
		if c.all == patent.Yes {
			c.all = ""
		}
	}
	return c
}

// noCoOwner says that there is none: 共有人：无.
var noCoOwner = regexp.MustCompile(`^(?:其他)?共有(?:权)?人\s*[:：]\s*(?:无|没有|不存在)$`)

func notWord(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("√✓✔×✗✘", r)
}

// single is a status that is no more than yes or no.
func single(status []token) bool { return len(status) == 1 }

// meaning leaves out the words without one.
func meaning(tokens []token) []token {
	return slices.DeleteFunc(slices.Clone(tokens), func(t token) bool {
		return slices.Contains([]string{"fill", "filler", "yes", "who", " ", ":", ",", "、", ";", "/", "|", "+", "&"}, t.class)
	})
}

// verdictOf reads the words on one party's consent: a plain yes or a plain no,
// and nothing else. ok is false for what is neither: two negations, a
// condition, a part, a consent that was taken back.
func verdictOf(status []token) (said patent.Truth, all, ok bool) {
	all = count(status, "all") > 0
	yes, no, negators := count(status, "agree"), count(status, "refuse"), count(status, "negator")
	switch {
	case count(status, "agree", "refuse", "negator", "all") != len(status): // a word not understood, or one that qualifies
		return "", all, false
	case yes > 0 && no == 0 && negators == 0:
		return patent.Yes, all, true
	case yes > 0 && no == 0 && negators == 1:
		return patent.No, all, true
	case no > 0 && yes == 0 && negators == 0:
		return patent.No, all, true
	case no > 0 && negators == 0 && yes == 1 && no == 1 && refusesConsent(status):
		return patent.No, all, true // 拒绝同意
	case yes == 0 && no == 0 && negators == 1 && len(status) == 1 && !all: // 尚未取得
		return patent.No, all, true
	}
	return "", all, false
}

func refusesConsent(status []token) bool {
	i := slices.IndexFunc(status, func(t token) bool { return t.class == "refuse" })
	return i+1 < len(status) && status[i+1].class == "agree" && status[i].text == "拒绝"
}

// entries cuts a cell into what it says of one party each. A comma cuts only
// where a known or complete name, or a status, begins behind it.
func entries(text string, known []string) (out []string) {
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(";；\n。|", r) }) {
		from := 0
		runes := []rune(part)
		depth := 0
		for i, r := range runes {
			switch r {
			case '(', '（':
				depth++
			case ')', '）':
				depth--
			}
			if depth == 0 && strings.ContainsRune(",，、", r) && !latinForm.MatchString(string(runes[i+1:])) {
				left := string(runes[from:i])
				names, rest := nameOf(left, known)
				if _, _, ok := verdictOf(meaning(vocabularies["consent"].tokens(rest))); len(names) > 0 && ok && strings.TrimFunc(rest, notWord) != "" {
					out = append(out, left) // 甲同意，乙不同意
					from = i + 1
				}
			}
		}
		out = append(out, string(runes[from:]))
	}
	return slices.DeleteFunc(out, func(s string) bool { return strings.TrimSpace(s) == "" })
}

var nameStatus = regexp.MustCompile(`^(.*?)[\s:：(（=\-—]+(.*?)[)）]?$`)

// nameOf cuts the names off the front of an entry: those known, else those that
// read like a name, with nothing but words of the grammar behind them.
func nameOf(entry string, known []string) (names []string, rest string) {
	entry = strings.TrimSpace(entry)
	for {
		entry = strings.TrimLeft(entry, " 、,，和与及")
		i := slices.IndexFunc(known, func(n string) bool { return n != "" && strings.HasPrefix(entry, n) })
		if i < 0 {
			break
		}
		longest := known[i]
		for _, n := range known {
			if len(n) > len(longest) && strings.HasPrefix(entry, n) {
				longest = n
			}
		}
		names = append(names, longest)
		entry = entry[len(longest):]
	}
	if len(names) > 0 || entry == "" {
		return names, entry
	}
	for _, n := range known { // 已取得浙江大学书面同意: what stands around the name is the status
		if before, after, found := strings.Cut(entry, n); n != "" && found && before != "" && !strings.Contains(after, n) {
			if !slices.ContainsFunc(known, func(o string) bool { return o != n && o != "" && strings.Contains(entry, o) }) {
				return []string{n}, before + after
			}
		}
	}
	v := vocabularies["consent"]
	understood := func(s string) bool {
		return !slices.ContainsFunc(v.tokens(s), func(t token) bool { return t.class == "" || t.class == "body" })
	}
	if understood(entry) {
		return nil, entry // a status alone
	}
	if m := nameStatus.FindStringSubmatch(entry); m != nil && likeNames(m[1]) && understood(m[2]) {
		list, _ := readNames(m[1])
		return list, m[2]
	}
	runes := []rune(entry)
	for i := len(runes) - 1; i > 1; i-- { // the longest name that leaves a whole status
		left, right := string(runes[:i]), string(runes[i:])
		if likeNames(left) && startsWord(right) && understood(right) {
			list, _ := readNames(left)
			return list, right
		}
	}
	if likeNames(entry) {
		list, _ := readNames(entry)
		return list, ""
	}
	return nil, entry
}

// startsWord keeps a Latin name from being cut within a word.
func startsWord(right string) bool {
	r := []rune(right)[0]
	return r >= 0x250 || !unicode.IsLetter(r)
}

// likeNames reports whether every part of a list ends as a name does.
func likeNames(s string) bool {
	names, _ := readNames(s)
	return len(names) > 0 && !slices.ContainsFunc(names, func(n string) bool { return !bodyEnd.MatchString(n) && !shortName(n) && !latinName(n) })
}

func latinName(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x250 }) && len(s) > 3
}
