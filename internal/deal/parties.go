package deal

import (
	"strings"
	"unicode/utf8"
)

var (
	strongEnd  = compile(`^(?:股份有限公司|有限责任公司|有限公司|股份公司|集团公司|合伙企业(?:\((?:有限合伙|普通合伙)\))?|\((?:有限合伙|普通合伙|集团)\))`)
	weakEnd    = compile(`^(?:大学|学院|学校|研究所|研究院|研究中心|科学院|工程院|医院|公司|集团|总厂|厂|中心|事务所|合作社|银行|分行|支行|协会|商行|工作室|实验室|设计院|总站|站|交易所|经营部|个体工商户|基金会|出版社|委员会|管理局|农场|林场|医学院|保健院|卫生院|疗养院|检测院|检验院|计量院|规划院|勘察院|勘测院|农科院|农科所|中学|小学|技校|植物园|学会|研究会|商会|门诊部)`)
	branch     = compile(`^(?:[\p{Han}]{2,8}?(?:分公司|支行|分行|分院|分所|分校))`)
	academy    = compile(`^\p{Han}{2,5}?所(?:[，。;:、\n\t|() ]|$)`)
	hospital   = compile(`^(?:附属[\p{Han}]{0,10}?(?:医院|中学|研究所)|第[一二三四五六七八九十]+(?:附属|临床)?[\p{Han}]{0,4}?医院|[\p{Han}]{0,6}?(?:附属)[\p{Han}]{0,8}?医院|[\p{Han}]{2,6}研究所)`)
	hardStop   = compile(`^(?:[，。;:、\n\t|“”《》"<>【】\[\]!?*#@\x01]|拟|关于|我|了|尚|转让|受让|许可|授权|方式|将|把|(?:签订|签署)|与|以下简称|同意|委托|持有|名下|所有的|管理人|通过|原告|被告|团队|课题组|变更为|变更至|专利(?:权|作|均|已|转|许|拟|及|的|申请权|实施)|作价|入股|过户|均已|均为|均未|已于|已经|至公司)`)
	bodyActs   = compile(`^(?:向|对|给|由|从|就)`)
	english    = compile(`^(?:the )?([A-Z][A-Za-z&'’.-]*(?: (?:of|and|for|the|&|[A-Z][A-Za-z&'’.-]*|\([A-Z][A-Za-z]*\)))*(?:[,，]? (?:Co\.[,，]? ?Ltd|Ltd\.?|Inc\.?|Ltd\.?|LLC|GmbH|Corp\.?|plc|S\.A\.))?)`)
	person     = compile(`^[\p{Han}·]{2,4}?(?:[，。;、\n\t|( )]|与|以[^，。]|于[0-9]|处|通过|出价|报价|应价|竞得|取得|受让|购得|摘得|胜出|中标|拍得|买下|$)`)
	personTail = compile(`(?:[，。;、\n\t|( )]|与|以.|于[0-9]|处|通过|出价|报价|应价|竞得|取得|受让|购得|摘得|胜出|中标|拍得|买下)$`)
	shortName  = compile(`\((?:以下|下)?(?:简)?称(?:为)?[:]?[“"]?([^“”"()]{1,16})[”"]?(?:[或、，][“"]?([^“”"()]{1,16})[”"]?)?\)`)
)

// orgAt reads the name of a body that begins at a place: up to the ending of a
// name (公司, 大学, 医院), with what still belongs to it.
func orgAt(s string, at int) (span, bool) {
	limit := min(len(s), at+150)
	end, depth := 0, 0
	runes := 0
	for i := at; i < limit; {
		rest := s[i:limit]
		if end > 0 && end == i && bodyActs.MatchString(rest) {
			break // 甲大学向乙公司: the first name ends
		}
		if i > at || strings.HasPrefix(rest, "，") {
			if hardStop.MatchString(rest) {
				break
			}
		} else if m := hardStop.FindString(rest); m != "" {
			break
		}
		r, size := utf8.DecodeRuneInString(rest)
		switch {
		case r == '(':
			depth++
			closing := strings.IndexByte(rest, ')')
			if closing < 0 || closing > 40 || runes == 0 || strings.ContainsAny(rest[:closing], "，:。“") || strings.HasPrefix(rest, "(以下") || strings.HasPrefix(rest, "(下称") || strings.HasPrefix(rest, "(盖章") {
				return span{at, end}, end > 0
			}
		case r == ')':
			if depth == 0 {
				return span{at, end}, end > 0
			}
			depth--
		case isHan(r) || isDigit(r) || latin(r) || r == '·' || r == '-' || r == '&' || r == ' ' && end == 0 && runes > 0 && latinOrHanGap(s, i):
		default:
			return span{at, end}, end > 0
		}
		runes++
		if runes >= 2 && depth == 0 {
			if m := strongEnd.FindString(rest); m != "" && runes > 1 {
				end = i + len(m)
				if b := branch.FindString(s[end:limit]); b != "" {
					end += len(b)
				}
				return span{at, end}, true
			}
			if m := weakEnd.FindString(rest); m != "" && runes > 1 {
				if end == 0 || end <= i && extends(s[at:end], s[end:i], m) {
					end = i + len(m)
				}
				if end == i+len(m) {
					if h := hospital.FindString(s[end:limit]); h != "" && (strings.HasSuffix(m, "学") || strings.HasSuffix(m, "院")) && !strings.Contains(h, "关于") {
						end += len(h)
					} else if a := academy.FindString(s[end:limit]); a != "" && (m == "农科院" || m == "科学院" || strings.HasSuffix(s[at:end], "农科院")) {
						end += strings.LastIndex(a, "所") + len("所")
					}
				}
				i += len(m)
				runes += utf8.RuneCountInString(m) - 1
				continue
			}
		}
		i += size
	}
	return span{at, end}, end > 0
}

func latinOrHanGap(s string, i int) bool { return i > 0 && i+1 < len(s) && latin(rune(s[i+1])) }

// extends reports whether a longer name is still one body and not a
// department of the shorter: a company, a hospital of a university, an
// institute of an academy.
func extends(have, between, ending string) bool {
	switch {
	case ending == "公司" || ending == "医院" || ending == "集团" && strings.HasSuffix(have, "集团"):
		return true
	case strings.HasSuffix(have, "科学院") && (ending == "研究所" || ending == "研究院"):
		return true
	case between == "" && strings.HasSuffix(have, "医学院") && ending == "学院":
		return false
	case strings.HasSuffix(have, "银行") && (ending == "支行" || ending == "分行"):
		return true
	case strings.HasSuffix(have, "中心") || strings.HasSuffix(have, "厂") || strings.HasSuffix(have, "站"):
		return ending != "中心" // 某中心医院
	case strings.HasSuffix(have, "集团") || strings.HasSuffix(have, "公司"):
		return false
	case strings.HasSuffix(have, "研究院") && ending == "研究所":
		return true
	}
	return false
}

// partyAt reads a party that begins at a place: a body, an alias of one, or,
// where a label announced it, a person.
func (d *document) partyAt(at int, labelled bool) (party, bool) {
	s := d.v.s
	for at < len(s) && s[at] == ' ' {
		at++
	}
	at += len(relationWord.FindString(s[at:min(len(s), at+40)]))
	at += len(bidCode.FindString(s[at:min(len(s), at+20)]))
	if strings.HasPrefix(s[at:min(len(s), at+3)], "“") {
		at += len("“")
	}
	if m := sideWord.FindString(s[at:min(len(s), at+15)]); m != "" { // 乙方某公司
		if sp, ok := orgAt(s, at+len(m)); ok && sp.b-sp.a >= 12 {
			at = sp.a
		}
	}
	for _, a := range d.aliases {
		if strings.HasPrefix(s[at:], a.name) {
			if sp, ok := orgAt(s, at); ok && sp.b-sp.a > len(a.name) {
				break
			}
			return party{span: a.of.span, name: a.of.name}, true
		}
	}
	if sp, ok := orgAt(s, at); ok && sp.b-sp.a >= 9 && sp.b <= at+130 && !anyBody.MatchString(s[sp.a:sp.b]) {
		if i := strings.LastIndex(s[sp.a:sp.b], "的"); i > 0 { // 某人控制的甲公司
			if rest, ok := orgAt(s, sp.a+i+len("的")); ok && rest.b == sp.b && rest.b-rest.a >= 12 {
				sp = rest
			}
		}
		return party{span: sp, name: d.v.value(sp)}, true
	}
	if m := oneSentence(forSum.ReplaceAllString(english.FindString(s[at:min(len(s), at+120)]), "")); len(m) > 4 && !roleEnglish.MatchString(m) {
		a := at
		if strings.HasPrefix(m, "the ") {
			a += 4
		}
		b := at + len(strings.TrimRight(m, " "))
		if !strings.HasSuffix(m, "Ltd.") && !strings.HasSuffix(m, "Inc.") && !strings.HasSuffix(m, "Corp.") && !strings.HasSuffix(m, "S.A.") {
			for b > a && s[b-1] == '.' {
				b--
			}
		}
		if labelled { // a company's own name beside the English one
			if gap := nameGap.FindString(s[b:min(len(s), b+12)]); gap != "" {
				if sp, ok := orgAt(s, b+len(gap)); ok && sp.b-sp.a >= 12 {
					return party{span: sp, name: d.v.value(sp)}, true
				}
			}
		}
		at := d.fuller(span{a, b})
		return party{span: at, name: d.v.value(at)}, true
	}
	if labelled {
		if m := shop.FindStringSubmatchIndex(s[at:min(len(s), at+90)]); m != nil && !notName.MatchString(s[at+m[2]:at+m[3]]) {
			sp := span{at + m[2], at + m[3]}
			return party{span: sp, name: d.v.value(sp)}, true
		}
		if m := person.FindString(s[at:min(len(s), at+24)]); m != "" {
			name := personTail.ReplaceAllString(m, "")
			if !notName.MatchString(name) {
				sp := span{at, at + len(name)}
				return party{span: sp, name: d.v.value(sp)}, true
			}
		}
	}
	return party{}, false
}

// oneSentence cuts an English name where its sentence ends: A University. Under
// the agreement.
func oneSentence(name string) string {
	for _, m := range stopEn.FindAllStringIndex(name, -1) {
		if word := name[strings.LastIndexByte(name[:m[0]], ' ')+1 : m[0]]; len(word) > 4 {
			return name[:m[0]]
		}
	}
	return name
}

var stopEn = compile(`\. `)

// shop is a whole value that ends as the names of small firms do: 冯记刀具行.
var shop = compile(`^(\p{Han}{3,18}(?:行|店|部|铺|坊|庄|堂|号|园|苑|队|馆))(?:[，。;、\n\t|( ]|$)`)

// roleEnglish is what an English contract calls a party.
var roleEnglish = compile(`^(?i:the )?(?:Assignor|Assignee|Licensor|Licensee|Transferor|Transferee|Seller|Buyer|Purchaser|Part(?:y|ies)|Company|University|Agreement)\b`)

var nameGap = compile(`^[ ./,，(]+`)

// fuller finds the name with its legal form where a heading left that out.
func (d *document) fuller(at span) span {
	name := d.s[at.a:at.b]
	if legalForm.MatchString(name) {
		return at
	}
	for low := 0; low < len(d.s); {
		i := strings.Index(d.s[low:], name)
		if i < 0 {
			break
		}
		end := low + i + len(name)
		if m := longerEn.FindString(d.s[end:min(len(d.s), end+80)]); m != "" {
			return span{low + i, end + len(m)}
		}
		if m := legalForm.FindStringIndex(d.s[end:min(len(d.s), end+24)]); m != nil && strings.TrimLeft(d.s[end:end+m[0]], " ，,") == "" {
			return span{low + i, end + m[1]}
		}
		low = end
	}
	return at
}

// anyBody is a word for a company and no name of one.
var anyBody = compile(`^(?:新设|新设立|拟设|拟设立|成立|全资|控股|参股|该|本|贵|其|某)*(?:子|分|母|孙|该|本|贵|新|目标|标的|项目|合资|集团|关联|有限|股份)公司$|^(?:从|到|在|以|为|各|两|该|本|其|我|贵|某)?(?:实验室|研究院|研究所|科学院|大学|学校|学院|医院|公司|中心|工厂|集团|银行|事务所|合作社)$`)

var (
	legalForm    = compile(`(?:Co\.[,，]? ?Ltd\.?|Ltd\.?|Inc\.?|LLC|GmbH|Corp\.?|plc|S\.A\.)`)
	longerEn     = compile(`^(?: [A-Z][A-Za-z&-]*){1,4}[,，]? (?:Co\.[,，]? ?Ltd\.?|Ltd\.?|Inc\.?|LLC|GmbH|Corp\.?|plc|S\.A\.)`)
	forSum       = compile(` (?:for|and) (?:CNY|RMB|USD?|HKD?|EUR|GBP|JPY)\b.*`)
	relationWord = compile(`^(?:(?:本|该|我)?公司的?|其)?(?:控股股东|实际控制人|关联方|全资子公司|控股子公司|参股公司|母公司)`)
	sideWord     = compile(`^(?:[甲乙丙]方|被?申请人|被?上诉人|申请执行人|被执行人|原告|被告)`)
	bidCode      = compile(`^[A-Z]{1,3}[0-9]{1,6}\(`)
)

var notName = compile(`合同|价款|金额|价格|日期|时间|方式|原告|被告|受让|转让|出让|让与|许可|授权|买受|待定|未定|无|不详|公开|征集|见附|甲方|乙方|丙方|我校|本校|我院|本院|单位|公司|企业|自然人|个人|对方|财产|放弃|原因|违约|未按|逾期|主动|同上|另行|保密|双方|申请人|上诉人|前者|后者|他人|第三|任何|其他|使用|买主|卖主|得主|买方|卖方|买家|卖家|人民币|现金|出具|本人|名称|地址|法定`)

// partiesAt reads one or several parties in a row, as a label announces them.
func (d *document) partiesAt(at, end int) (party, bool) {
	first, ok := d.partyAt(at, true)
	if !ok {
		return party{}, false
	}
	all := first
	spans := []span{first.span}
	for at = first.b; first.a >= 0 && at < end; {
		m := listMark.FindString(d.v.s[at:end])
		if m == "" {
			break
		}
		next, ok := d.partyAt(at+len(m), strings.TrimSpace(m) == "、" || strings.TrimSpace(m) == ";")
		if !ok || next.a != at+len(m) || otherRole.MatchString(d.v.s[next.a:min(len(d.v.s), next.a+24)]) {
			break
		}
		all.name += "、" + next.name
		spans = append(spans, next.span)
		at = next.b
	}
	all.more = spans[1:]
	return all, true
}

// meant is the body that a name stands for: a university for its department
// (农学院 of a notice that 某农业大学 signs), and the full name where another
// place writes it with its town (锐捷机械厂 of 桐江市锐捷机械厂).
func (d *document) meant(p party) party {
	if p.name == "" || len(p.more) > 0 || strings.Contains(p.name, "、") {
		return p
	}
	for _, a := range d.aliases {
		if a.name == p.name && a.of.name != p.name {
			return a.of
		}
	}
	full, known := d.full[p.name]
	if !known {
		full = d.fullName(p)
		d.full[p.name] = full
	}
	if full.name == p.name {
		return p
	}
	return full
}

// fullName looks for the body that a name stands for.
func (d *document) fullName(p party) party {
	runes := utf8.RuneCountInString(p.name)
	if runes <= 5 && department.MatchString(p.name) && !d.listed && weakSeller.MatchString(d.issuer.name) && !strings.Contains(d.issuer.name, p.name) {
		return d.issuer
	}
	if runes < 4 || townOf.MatchString(p.name) {
		return p
	}
	for low, tries := 0, 0; low < len(d.s) && tries < 40; tries++ {
		i := strings.Index(d.s[low:], p.name)
		if i < 0 {
			break
		}
		at := low + i
		if m := townEnd.FindStringSubmatchIndex(d.s[max(0, at-24):at]); m != nil {
			from := max(0, at-24) + m[2]
			if o, ok := orgAt(d.s, from); ok && o.b == at+len(p.name) {
				return party{span: o, name: d.v.value(o)}
			}
		}
		if o, ok := orgAt(d.s, at); ok && !strings.HasSuffix(p.name, "公司") && strings.HasSuffix(d.s[o.a:o.b], "公司") && legalTail.MatchString(d.s[at+len(p.name):o.b]) {
			return party{span: o, name: d.v.value(o)} // 铸远铝业 of 铸远铝业有限责任公司
		}
		low = at + len(p.name)
	}
	return p
}

var legalTail = compile(`^(?:集团)?(?:股份)?(?:有限)?(?:责任)?公司$`)

var (
	department = compile(`(?:学院|实验室|中心|课题组|研究所|科|系|处)$`)
	townOf     = compile(`^\p{Han}{2,4}(?:省|市|县|区|镇|州)`)
	townEnd    = compile(`(?:^|[ :，。;、(“\n\t告与和及向由])(\p{Han}{2,4}(?:省|市|县|区|镇|州))$`)
)

// otherRole begins the other party: 申请人甲公司与被申请人乙大学.
var otherRole = compile(`^(?:被?申请人|被?上诉人|申请执行人|被执行人|原告|被告|第三人|[甲乙丙]方|` + buyerWords + `|` + sellerWords + `)`)

var listMark = compile(`^(?:[、;]|  +|和|与|及|/| ?& ?)`)

// party is a party of a deal.
type party struct {
	span
	name string
	more []span // of the further ones, where several act together
}

type alias struct {
	name string
	of   party
}
