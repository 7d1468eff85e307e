package market

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Channels of a sale. A channel is read from where the price was told, never from the price.
const (
	ChannelPlatform   = "platform"    // the bare right through a platform, a broker, a registered contract, the own ledger
	ChannelNotice     = "notice"      // notice of a university, an institute or a hospital
	ChannelIPO        = "ipo"         // disclosure of an issuer
	ChannelAuction    = "auction"     // a lot of a technology auction or exchange
	ChannelTop        = "auction_top" // the one lot of a session that was reported
	ChannelNews       = "news"
	ChannelLiterature = "literature"
	ChannelListed     = "listed" // announcement of a listed company
	ChannelSEC        = "sec"    // filing with a securities regulator
	ChannelJudgment   = "judgment"
	ChannelBankruptcy = "bankruptcy"
)

// origin is the market and the channel that a source of prices tells.
var origin = map[string]struct {
	market  Sale
	channel string
}{
	"own_ledger":                  {Private, ChannelPlatform},
	"registry":                    {Private, ChannelPlatform},
	"contract_notice":             {Private, ChannelPlatform},
	"platform":                    {Private, ChannelPlatform},
	"university_notice":           {Private, ChannelNotice},
	"ipo_disclosure":              {Private, ChannelIPO},
	"auction":                     {Showcase, ChannelAuction},
	"exchange":                    {Showcase, ChannelAuction},
	"press":                       {Showcase, ChannelNews},
	"literature":                  {Showcase, ChannelLiterature},
	"listed_company_announcement": {Corporate, ChannelListed},
	"sec_filing":                  {Corporate, ChannelSEC},
	"court":                       {Court, ChannelJudgment},
	"bankruptcy":                  {Distress, ChannelBankruptcy},
}

// SaleOf derives the market and the channel of a deal from its source type, its kind and the words for its method; never
// from its price. A source that tells neither is [Unknown].
func SaleOf(source, dealKind, method string) (Sale, string) {
	for _, word := range [...]string{"破产", "司法拍卖", "司法处置", "强制执行", "bankruptcy"} {
		if strings.Contains(method, word) {
			return Distress, ChannelBankruptcy
		}
	}
	o, ok := origin[source]
	auction := dealKind == "auction" || strings.Contains(method, "拍卖") || strings.Contains(method, "竞价")
	switch {
	case auction && (o.market == Showcase || !ok):
		return Showcase, ChannelAuction
	case !ok:
		return Unknown, ""
	}
	return o.market, o.channel
}

// ownerWords name the kinds of owner by the words that end a name; the last word in the name decides, so that
// 浙江大学科技园有限公司 is a firm and 深圳清华大学研究院 an institute.
var ownerWords = []struct{ word, owner string }{
	{"公司", "firm"},
	{"集团", "firm"},
	{"厂", "firm"},
	{"企业", "firm"},
	{"合伙", "firm"},
	{"合作社", "firm"},
	{"经营部", "firm"},
	{"工作室", "firm"},
	{"大学", "university"},
	{"学院", "university"},
	{"学校", "university"},
	{"中学", "university"},
	{"小学", "university"},
	{"高校", "university"},
	{"研究院", "institute"},
	{"研究所", "institute"},
	{"研究中心", "institute"},
	{"科学院", "institute"},
	{"实验室", "institute"},
	{"设计院", "institute"},
	{"医院", "institute"},
	{"卫生院", "institute"},
	{"疾病预防控制中心", "institute"},
	{"推广站", "institute"},
	{"试验站", "institute"},
}

var latinOwners = []struct{ word, owner string }{
	{"inc", "firm"},
	{"ltd", "firm"},
	{"llc", "firm"},
	{"corp", "firm"},
	{"corporation", "firm"},
	{"gmbh", "firm"},
	{"company", "firm"},
	{"co", "firm"},
	{"plc", "firm"},
	{"limited", "firm"},
	{"ag", "firm"},
	{"sa", "firm"},
	{"university", "university"},
	{"college", "university"},
	{"institute", "institute"},
	{"academy", "institute"},
	{"hospital", "institute"},
}

// OwnerOf reads the type of an owner from one name as printed: university, institute (hospitals are institutes: public,
// bound to publish their sales), firm or individual; "" where the name does not tell.
func OwnerOf(name string) string {
	for _, pair := range [...]string{"()", "（）", "[]", "【】"} { // an addition in brackets is not the name
		open, end := []rune(pair)[0], []rune(pair)[1]
		for {
			i := strings.IndexRune(name, open)
			j := strings.IndexRune(name, end)
			if i < 0 || j < i {
				break
			}
			name = name[:i] + name[j+utf8.RuneLen(end):]
		}
	}
	name = strings.TrimSpace(name)
	at, owner := -1, ""
	for _, w := range ownerWords {
		if i := strings.LastIndex(name, w.word); i >= 0 && i+len(w.word) > at {
			at, owner = i+len(w.word), w.owner
		}
	}
	if owner != "" {
		return owner
	}
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return !unicode.IsLetter(r) })
	for _, word := range words {
		for _, w := range latinOwners {
			if word == w.word {
				owner = w.owner
			}
		}
	}
	if owner != "" {
		return owner
	}
	if n := utf8.RuneCountInString(name); n >= 2 && n <= 4 && allHan(name) && !strings.ContainsAny(name, "某局院部委校社会所站") {
		return "individual"
	}
	return ""
}

func allHan(s string) bool {
	for _, r := range s {
		if !unicode.Is(unicode.Han, r) {
			return false
		}
	}
	return true
}

// OwnersOf is the type of several owners together: the first that tells and is no person, else a person.
func OwnersOf(names []string) string {
	out := ""
	for _, n := range names {
		switch o := OwnerOf(n); {
		case o != "" && o != "individual":
			return o
		case o != "" && out == "":
			out = o
		}
	}
	return out
}

// Contradicts says whether a stated type of owner cannot be the one of the names. A university and an institute do not
// contradict each other: a university's hospital is both.
func Contradicts(stated string, names []string) bool {
	read := OwnersOf(names)
	public := func(o string) bool { return o == "university" || o == "institute" }
	return stated != "" && stated != "unknown" && read != "" && stated != read && !(public(stated) && public(read))
}

// Ordinary is the question of an ordinary sale in a market: the channel such a sale goes through for the owner, and no
// owner's effect where nobody knows the owner.
func Ordinary(s Sale, owner, kind string) Labels {
	if owner == "unknown" {
		owner = ""
	}
	l := Labels{Market: s, Owner: owner, Kind: kind, Deal: "assignment"}
	switch s {
	case Private:
		l.Channel = ChannelPlatform
		if owner == "university" || owner == "institute" {
			l.Channel = ChannelNotice
		}
	case Showcase:
		l.Channel = ChannelAuction
	case Corporate:
		l.Channel = ChannelListed
	case Court:
		l.Channel = ChannelJudgment
	case Distress:
		l.Channel = ChannelBankruptcy
	}
	return l
}
