package deal

import (
	"strings"
)

// Words that announce a party: who buys, who sells, and whose the patents are,
// which is not yet who sells them.
const (
	buyerWords  = `[甲乙丙]方\((?:受让|被许可|购买|承接|引进|使用|买)(?:方|人)?\)|被许可单位|被许可方|被许可人|被许可企业|被授权方|被授权人|被授权单位|获许可方|获授权方|被分许可人|被分许可方|被再许可方|被再许可人|意向受让方|意向单位|意向企业|意向买方|意向方|合作单位|合作方|合作企业|合作对象|承接企业|承接单位|承接方|承让方|引进方|引进单位|引进企业|许可对象|转让对象|拟受让方|拟受让单位|拟受让企业|接收方|接收单位|受让方|受让人|受让单位|受让企业|受让公司|受让机构|受许可方|受许可人|使用方|使用单位|实施单位|买受人|买受方|买受|买方|买家|买主|需方|购买方|购买人|购买单位|购入方|竞得人|竞得方|竞买人|成交人|成交单位|用户姓名|最终受让方|摘牌方|摘牌人|摘牌单位|中标人|中标单位|中选单位|中选人|对方单位|签约企业|入股企业|增资标的|增资对象|被投资企业|被投资公司|被增资方|被增资企业|标的公司|标的企业|目标公司|Assignee|Licensee|Buyer|Purchaser|Transferee`
	sellerWords = `[甲乙丙]方\((?:出让|转让|让与|许可|出售|授权|卖)(?:方|人)?\)|转让方|出让方|让与人|让与方|分许可人|分许可方|许可方|许可人|许可单位|授权方|授权人|授权单位|委托方|委托人|委托单位|卖方|卖家|卖主|出售方|出卖人|转让单位|出让单位|转让人|出让人|处置单位|处置方|持有单位|持有方|送拍单位|送拍方|选送单位|供方|权属单位|成果持有人|所有权人|Assignor|Licensor|Seller|Transferor`
	ownerWords  = `专利权人|专利申请人|申请人|权利人|成果完成单位|完成单位|成果所属单位|专利权属单位|债务人|被执行人|发布单位|备案单位|申报单位`
)

// roleLabel is a label of a party: 受让方:, 转让人一:, 乙方(买方).
var roleLabel = compile(`(原)?(` + buyerWords + `|` + sellerWords + `|` + ownerWords + `)\)?([一二三四①②③④1-4])?(?:\([^()\n]{0,24}\))?(?:单位|企业)?(?:名称|全称|情况|信息|简介|概况)?(?:(?:误(?:写|录|作)?为)?[“]?\x01+[”]?(?:名称|一栏)?(?:有误|错误|系笔误)?，?(?:应当?|现)?(?:更正|改)?为[“]?)?(?:由[“]?\x01+[”]?(?:更正|变更|修改|调整|修正|订正|改)为)?(?:不变，)?(?:均|拟|仍|暂定|暂|同样|同|也|亦)?(?:为|是|系)?([ :\t|]*)`)

// roleBehind is a role in brackets behind a name: 某公司(原合同受让方).
var roleBehind = compile(`\((?:以下|下)?(?:简)?(?:称)?(?:the )?[“"]?(?:原|原合同|本合同|[甲乙丙]方)?[:/，、 ]?(` + buyerWords + `|` + sellerWords + `)[”"]?(?:[，、/ ][^()\n]{0,16})?\)`)

var (
	buyerRole  = compile(`^(?:` + buyerWords + `)$`)
	ownerRole  = compile(`^(?:` + ownerWords + `)$`)
	markedRole = compile(`^(?:买受|申请人|使用单位|实施单位|成交人|需方|供方)$`) // a label with a colon alone
)

var (
	toBuyer    = compile(`(?:转|转让|让与|出让|许可|授权|出售|售|卖|卖断|让渡|移转|转移|过户|划转|使用权|所有权)(?:并[\p{Han}]{0,4})?(?:给予|给|予|与|至|于)|(?:转让|许可|出让)[“《][^”》\n]{2,90}[”》](?:\([^()\n]{0,60}\))?(?:等[^，。;\n]{0,12})?(?:发明|实用新型|外观设计)?(?:专利)?(?:权)?给`)
	grantBuyer = compile(`(?:让与|许可|授予|准许|授权)`)
	byBuyer    = compile(`(?:由|被)`)
	byVerb     = compile(`^[^。;\n]{0,60}?(?:竞得|摘牌|摘得|受让|购得|成交|拍得|胜出|中标|取得|获得|买下|收购|拿下)`)
	bidderWord = compile(`^(?:自然人|个人|境内|一名|竞买人|竞买方|竞拍人|买受人|意向方|意向受让方|受让方)+`)
	wants      = compile(`(?:希望|有意|意向|愿意|愿|申请|提出|计划|欲|请求|要求)(?:以[^，。;\n]{0,30})?(?:整体)?(?:取得|受让|购买|引进|获得|收购|买断|购得)`)
	takes      = compile(`(?:继续使用|沿用|受让|购买|收购|购得|摘得|竞得|买下|引进|取得|获得)(?:了)?`)
	ofParty    = compile(`^(?:所)?(?:持有|所有|拥有|名下|享有|的|“|《|专利|[0-9一二两三四五六七八九十]{1,4} ?[项件]|等)`)
	withHead   = compile(`与|和`)
	ofContract = compile(`^[^，。;\n]{0,16}(?:合同|协议)`)
	boughtEn   = compile(` (?:has |have )?(?:bought|acquired|purchased|acquires|buys|purchases)(?: [^\n]{0,240}?)? from (?:the )?`)
	paidFor    = compile(`以(?:人民币)?(?:总价|最高价|底价)? ?¥?[0-9][0-9,.]* ?(?:万|亿)?元?(?:的[^，。;\n]{0,10})?(?:竞得|胜出|拍得|受让|成交|购得|摘得|中标|买下|摘牌|收购|购买|拿下)`)
	agentOf    = compile(`受([^受\n。]{4,90}?)(?:的)?委托`)
	buysFrom   = compile(`(?:向|从)([^向从\n。，;]{2,120}?)(?:处)?(?:购买|收购|受让|购得|引进|购入|支付(?:转让|许可|受让))`)
	withOther  = compile(`与([^与\n。;]{2,150}?)(?:正式)?(?:于[^，。]{2,14})?(?:签订|签署|订立|签约|达成|签了|签下|完成|举行)`)
	buyerSpeak = compile(`受让|购买|购得|买下|收购|引进|取得|获得[^。]{0,80}许可|获得(?:后者|对方|其|该)|许可给(?:本)?公司|转让给(?:本)?公司`)
	ownedBy    = compile(`(?:所)?(?:持有|拥有|所有|名下|享有|送拍|选送|提交拍卖)(?:的)?|管理人|破产`)
	subject    = compile(`拟以|拟将|拟把|同意将|决定将|自愿将|自愿对|已将|将其|将|拟|把`)
	dealVerb   = compile(`^[^。\n]{0,400}?(?:转让|许可|让与|出让|作价|出资|入股|出售|卖断|让渡|卖给)`)
	founded    = compile(`(?:设立|成立|组建|新设|创办)(?:了|的)?(?:合资公司|新公司|公司)?[“:]?`)
	investsIn  = compile(`(?:入股|增资|投资|出资|投入|投进|注入)+(?:到|至|于|给|了)?(?:新成立的|新设立的|新设的|拟设立的|拟成立的)?`)
	putsIn     = compile(`以[^。;\n]{0,200}(?:专利|知识产权|成果|技术)[^。;\n]{0,60}(?:作价|增资|出资|入股|投资)`)
	grantEn    = compile(` (?:has |have )?(?:granted|grants|licensed|licenses|assigned|assigns|sold|sells|transferred)(?: to)? `)
	patentsTo  = compile(`^[^.\n]{0,40}?(?i:patents?|right)[^\n]{0,300}? to (?:the )?`)
	orgEnEnd   = compile(`([A-Z][A-Za-z'’&.-]*(?:[,，]? (?:of|and|for|the|&|[A-Z][A-Za-z'’&.-]*|Ltd\.))*)$`)
	notStart   = compile(`^(?:式|案|法|应|在|将|须|自|于|与|向|可|不|的|按|需|均|已|同|及|所|以|和|或|负|另|对|未|承|条件|资格|名单|义务|权利|有权|是否|待|经|共|一次|分|并|之|因|若|如|情况|法定|指定|为)`)
)

// partiesOf reads who sells and who buys in a piece of the text: by labels
// first, then by the verbs of the deal, then by who owns and who speaks.
func (d *document) partiesOf(sp span) (seller, buyer party) {
	whole := sp.a == 0 && sp.b == len(d.s)
	seller, buyer, owner := d.labelled(sp)
	if seller.name == "" || buyer.name == "" {
		s, b := d.openLabels(sp)
		if s.name != buyer.name {
			seller = orElse(seller, s)
		}
		if b.name != seller.name {
			buyer = orElse(buyer, b)
		}
	}
	if contribWord.MatchString(d.s[sp.a:sp.b]) {
		s, b := d.contribution(sp)
		seller, buyer = orElse(seller, s), orElse(buyer, b)
	}
	if seller.name == "" || buyer.name == "" {
		s, b := d.framed(sp)
		if s.name != buyer.name {
			seller = orElse(seller, s)
		}
		if b.name != seller.name {
			buyer = orElse(buyer, b)
		}
	}
	if buyer.name == "" {
		buyer = d.buyerIn(sp)
	}
	if seller.name == "" {
		seller = d.personIn(sp, personGives)
	}
	if seller.name == "" {
		if seller = d.personIn(sp, personOwns); seller.name != "" && buyer.name == "" && whole && d.listed {
			buyer = d.issuer
		}
	}
	if seller.name == "" {
		if m := agentOf.FindStringSubmatchIndex(d.s[sp.a:sp.b]); m != nil {
			if p, ok := d.partiesAt(sp.a+m[2], sp.a+m[3]); ok {
				seller = p
			}
		}
	}
	if seller.name == "" {
		if seller = d.boughtFrom(sp, buyer); seller.name != "" && buyer.name == "" && whole && d.issuer.name != seller.name {
			buyer = d.issuer
		}
	}
	if seller.name == "" || buyer.name == "" {
		seller, buyer = d.contracted(sp, seller, buyer)
	}
	if seller.name == "" {
		if s, b, ok := d.taken(sp); ok && s.name != buyer.name {
			seller, buyer = s, orElse(buyer, b)
		}
	}
	seller, buyer = d.inEnglish(sp, seller, buyer)
	seller = orElse(seller, owner)
	if seller.name == "" {
		seller = d.sellerIn(sp, buyer)
	}
	if !whole {
		return seller, buyer
	}
	if buyer.name == "" && seller.name != d.issuer.name && d.listed && !sells(d.issuer.name) && issuerTakes.MatchString(d.s) {
		buyer = d.issuer
	}
	if seller.name == "" && d.issuer.name != buyer.name && (weakSeller.MatchString(d.issuer.name) || !buyerSpeak.MatchString(d.s)) {
		seller = d.issuer
	}
	if buyer.name == "" && seller.name != "" {
		buyer = d.partnerInHead(seller)
	}
	if buyer.name == "" && seller.name != "" && d.dealt() {
		buyer = d.onlyOther(sp, seller, true)
	}
	if seller.name == "" && buyer.name != "" {
		seller = d.onlyOther(sp, buyer, false)
	}
	return seller, buyer
}

// dealt reports whether somebody has taken the patents, or is about to.
func (d *document) dealt() bool {
	f := d.facts()
	return !f.open && !f.failed && !(f.auction && !soldWord.MatchString(d.s)) && !noTaker.MatchString(d.s)
}

// noTaker says that who takes is still looked for.
var noTaker = compile(`征集|公开挂牌|挂牌(?:底价|公告|期间|转让)|待定|未确定|招商|诚征|寻求|不特定|任何(?:单位|个人)|有意(?:者|向)`)

// onlyOther is the one body beside a party that a piece names, where it names
// just one.
func (d *document) onlyOther(sp span, not party, trades bool) party {
	var other party
	for at := sp.a; at < sp.b; {
		end := at + sentenceEnd(d.s[at:min(sp.b, at+farthest)])
		if placeLine.MatchString(d.s[at:end]) {
			at = d.past(end)
			continue
		}
		for _, p := range d.orgsIn(span{at, end}) {
			for _, a := range d.aliases {
				if a.name == p.name {
					p = a.of
				}
			}
			p = d.meant(p)
			switch {
			case noDealer.MatchString(p.name), p.name == other.name, related(p.name, not.name), trades && !tradesAs.MatchString(d.s[p.a:p.b]):
			case other.name != "" && related(p.name, other.name):
				if len(p.name) > len(other.name) {
					other = p
				}
			case other.name != "":
				return party{}
			default:
				other = p
			}
		}
		at = d.past(end)
	}
	return other
}

// placeLine tells where something is held or who answers, and names no party.
var placeLine = compile(`^[^，。]{0,8}(?:地点|地址|主办|承办|协办|支持单位|电话|联系|来源|记者|开户)[^，。]{0,6}[: ]`)

// related reports whether two names are of one body or of a body and its part.
func related(p, q string) bool {
	if p == "" || q == "" {
		return false
	}
	return strings.Contains(q, p) || strings.Contains(p, q) || shortOf(p, q) || shortOf(q, p)
}

// orElse is the first party, or the second where the first is not known.
func orElse(p, q party) party {
	if p.name == "" {
		return q
	}
	return p
}

// labelled reads the parties that a label announces, or a role in brackets
// behind the name.
func (d *document) labelled(sp span) (seller, buyer, owner party) {
	text := d.s[sp.a:sp.b]
	put := func(to *party, p party, next bool) {
		if to.name == "" {
			*to = p
		} else if next && to.name != p.name {
			to.name += "、" + p.name
			to.more = append(to.more, p.span)
		}
	}
	for _, m := range roleLabel.FindAllStringSubmatchIndex(text, 400) {
		p, ok := d.atLabel(sp.a, text, m)
		if !ok {
			continue
		}
		next := m[6] >= 0 && !strings.Contains("一①1", text[m[6]:m[7]]) // 转让人二
		switch label := text[m[4]:m[5]]; {
		case ownerRole.MatchString(label):
			put(&owner, p, false)
		case buyerRole.MatchString(label):
			put(&buyer, p, next)
		default:
			put(&seller, p, next)
		}
	}
	for _, m := range roleBehind.FindAllStringSubmatchIndex(text, 40) {
		p, ok := d.orgBefore(sp.a + m[0])
		if !ok {
			p, ok = d.englishBefore(sp, sp.a+len(strings.TrimRight(text[:m[0]], " ")))
		}
		if ok && p.a >= sp.a {
			if buyerRole.MatchString(text[m[2]:m[3]]) {
				put(&buyer, p, false)
			} else {
				put(&seller, p, false)
			}
		}
	}
	return seller, buyer, owner
}

// atLabel reads the party behind a label, where one stands there.
func (d *document) atLabel(base int, text string, m []int) (party, bool) {
	label, sep := text[m[4]:m[5]], text[m[8]:m[9]]
	at := base + m[1]
	marked := strings.ContainsAny(sep, ":\t|")
	if m[2] >= 0 || !marked && notStart.MatchString(d.s[at:min(len(d.s), at+40)]) {
		return party{}, false
	}
	p, ok := d.partiesAt(at, d.lineEnd(at))
	if !ok || !marked && markedRole.MatchString(label) {
		return party{}, false
	}
	if _, body := orgAt(d.s, p.a); label == "申请人" && (!body || d.facts().court) { // who applies, and no team of persons
		return party{}, false
	}
	if sep == "" && !strings.HasSuffix(text[:m[1]], "为") && len([]rune(p.name)) <= 4 && !bidder.MatchString(label) {
		if _, body := orgAt(d.s, p.a); !body {
			return party{}, false
		}
	}
	return p, marked || p.b <= at+120
}

// personIn finds a person who gives or owns the patents.
func (d *document) personIn(sp span, who *pattern) party {
	m := who.FindStringSubmatchIndex(d.s[sp.a:sp.b])
	if m == nil || notName.MatchString(d.s[sp.a+m[2]:sp.a+m[3]]) {
		return party{}
	}
	at := span{sp.a + m[2], sp.a + m[3]}
	return party{span: at, name: d.v.value(at)}
}

// boughtFrom finds from whom the text says that the patents were bought.
func (d *document) boughtFrom(sp span, buyer party) party {
	for _, m := range buysFrom.FindAllStringSubmatchIndex(d.s[sp.a:sp.b], 12) {
		at := sp.a + m[2]
		for _, skip := range []string{"控股股东", "关联方"} {
			at += len(skip) * b2i(strings.HasPrefix(d.s[at:], skip))
		}
		at += len(bidderWord.FindString(d.s[at:min(len(d.s), at+40)]))
		if p, ok := d.partiesAt(at, sp.a+m[3]); ok && p.name != buyer.name && !(d.issuer.name == p.name && !d.listed) {
			return p
		}
	}
	return party{}
}

// contracted reads 甲与乙签订…: of the two who sign, the other one is what the
// first is not.
func (d *document) contracted(sp span, seller, buyer party) (party, party) {
	text := d.s[sp.a:sp.b]
	for _, m := range withOther.FindAllStringSubmatchIndex(text, 12) {
		p, ok := d.partiesAt(sp.a+m[2], sp.a+m[3])
		if !ok {
			continue
		}
		speaker, has := d.subjectBefore(sp.a+m[0], sp.a)
		if !has {
			speaker = d.issuer
		}
		if speaker.name == p.name || speaker.name == "" {
			continue
		}
		after := text[m[1]:min(len(text), m[1]+200)]
		if j := strings.Index(after, "。"); j >= 0 {
			after = after[:j]
		}
		after = roleNoun.ReplaceAllString(after, "") // 因受让方未付款 says nothing of who takes
		switch {
		case buyer.name == speaker.name:
			return orElse(seller, p), buyer
		case buyer.name == p.name || shortOf(p.name, buyer.name):
			return orElse(seller, speaker), buyer
		case seller.name == p.name || speaker.name == d.issuer.name && d.listed && buyerSpeak.MatchString(d.heading) || buyerSpeak.MatchString(after):
			return orElse(seller, p), orElse(buyer, speaker)
		}
		if payer := d.payer(sp); seller.name == "" && buyer.name == "" && (payer.name == speaker.name || payer.name == "" && sells(p.name) && !sells(speaker.name)) {
			return p, speaker
		}
		if seller = orElse(seller, speaker); speaker.name == seller.name {
			buyer = orElse(buyer, p)
		}
		return seller, buyer
	}
	return seller, buyer
}

// sells reports whether a body is one of those that sell to companies: a
// university, a hospital, an institute.
func sells(name string) bool {
	return weakSeller.MatchString(name) && !strings.HasSuffix(name, "公司")
}

// payer finds who pays: the first party of a clause that pays for something
// else than a breach, a reward or a fee.
func (d *document) payer(sp span) party {
	for _, m := range pays.FindAllStringIndex(d.s[sp.a:sp.b], 12) {
		at := sp.a + m[0]
		low := max(sp.a, at-160)
		low += strings.LastIndexAny(d.s[low:at], "\n;:") + 1
		for _, edge := range []string{"，", "。"} {
			if j := strings.LastIndex(d.s[low:at], edge); j >= 0 {
				low += j + len(edge)
			}
		}
		if notPaid.MatchString(d.s[low:min(len(d.s), at+60)]) {
			continue
		}
		end := at
		if j := strings.Index(d.s[low:at], "向"); j >= 0 {
			end = low + j
		}
		if p, ok := d.firstParty(span{low, end}); ok {
			return p
		}
	}
	return party{}
}

var (
	pays    = compile(`支付|付清|付款|缴付|汇入`)
	notPaid = compile(`违约|赔偿|利息|退还|返还|报酬|奖励|奖金|佣金|工资|判决|诉请|请求|保证金`)
)

// inEnglish reads "A has acquired … from B" and "A has granted to B".
func (d *document) inEnglish(sp span, seller, buyer party) (party, party) {
	text := d.s[sp.a:sp.b]
	subject := func(at int) (party, bool) { return d.englishBefore(sp, sp.a+at) }
	if m := boughtEn.FindStringIndex(text); m != nil && seller.name == "" && buyer.name == "" {
		if b, ok := subject(m[0]); ok {
			if p, ok := d.partyAt(sp.a+m[1], false); ok {
				seller, buyer = p, b
			}
		}
	}
	if m := signedEn.FindStringIndex(text); m != nil && seller.name == "" && buyer.name == "" {
		if one, ok := subject(m[0]); ok {
			if two, ok := d.partyAt(sp.a+m[1], false); ok && schoolEn.MatchString(one.name) != schoolEn.MatchString(two.name) {
				if schoolEn.MatchString(two.name) {
					one, two = two, one
				}
				return one, two
			}
		}
	}
	if seller.name != "" && buyer.name != "" {
		return seller, buyer
	}
	for _, g := range grantEn.FindAllStringIndex(text, 6) {
		right, ok := d.partyAt(sp.a+g[1], false)
		if to := patentsTo.FindStringIndex(text[g[1]:min(len(text), g[1]+400)]); to != nil {
			right, ok = d.partyAt(sp.a+g[1]+to[1], false)
		}
		if left, has := subject(g[0]); has && ok {
			return left, right
		}
	}
	return seller, buyer
}

var (
	signedEn = compile(` (?:has |have )?(?:signed|entered into|concluded|executed) [^.\n]{0,200}? with (?:the )?`)
	schoolEn = compile(`University|Institute|College|Academy|Hospital|School`)
)

// englishBefore finds an English name that ends at a place.
func (d *document) englishBefore(sp span, at int) (party, bool) {
	low := max(sp.a, at-120)
	left := orgEnEnd.FindStringIndex(d.s[low:at])
	if left == nil || left[1]-left[0] < 5 {
		return party{}, false
	}
	name := span{low + left[0], at}
	name.a += len("The ") * b2i(strings.HasPrefix(d.s[name.a:], "The "))
	if roleEnglish.MatchString(d.s[name.a:name.b]) {
		return party{}, false
	}
	return party{span: name, name: d.v.value(name)}, true
}

// partnerInHead reads 甲与乙专利许可合同解除公告.
func (d *document) partnerInHead(seller party) party {
	for _, m := range withHead.FindAllStringIndex(d.s[:min(len(d.s), 300)], 4) {
		if p, ok := d.partyAt(m[1], false); ok && p.a == m[1] && p.name != seller.name && ofContract.MatchString(d.s[p.b:min(len(d.s), p.b+60)]) {
			return p
		}
	}
	return party{}
}

// issuerTakes says that the company that issues shares acquired the patents.
var issuerTakes = compile(`(?:公司|发行人)[^。;\n]{0,40}(?:受让取得|继受取得|外购|受让(?:其|下列|以下|上述|了)|购买|购入|收购|买入)`)

// shortOf reports whether a name is a shorter form of a company's:
// 田丰公司 of 田丰农机制造有限公司.
func shortOf(name, full string) bool {
	stem, ok := strings.CutSuffix(name, "公司")
	return ok && len(stem) >= 6 && len(stem) <= 12 && strings.HasPrefix(full, stem) && strings.HasSuffix(full, "公司")
}

// surnames begin the names of persons; the commonest, for names without a label.
const surnames = `赵钱孙李周吴郑王冯陈蒋沈韩杨朱秦许何吕施张孔曹严华金魏陶姜谢邹章苏潘葛范彭鲁韦马苗方俞任袁柳史唐费薛雷贺倪汤罗毕郝安常齐康伍余顾孟黄穆萧尹姚邵汪祁毛戴宋庞熊纪舒屈项祝董梁杜阮季贾江童郭梅林钟徐邱骆高夏蔡田樊胡凌霍万卢莫房丁邓石崔吉龚程陆温庄叶龙段侯纪洪殷武温卓甄厉戚娄褚岳艾仇郁盛池桑柴晏瞿闻卫车裴阎臧祖欧易覃翁尤岑柯卞邢辛聂焦游耿冷饶曾沙靳樊鲍凤雍尹伏戴谈茅郎左蓝席麻郭荆楚`

// doubleNames are the surnames of two characters.
const doubleNames = `欧阳|司马|上官|诸葛|夏侯|慕容|令狐|皇甫|尉迟|公孙|司徒|东方|南宫`

// personOwns reads 受让董事长魏某持有的…: a person whose patents are bought.
var personOwns = compile(`(?:受让|购买|收购|购入|受让了)(?:公司|发行人|本公司|自然人|关联自然人|股东|控股股东|实际控制人|董事长|副董事长|董事|总经理|副总经理|监事|先生|、|兼|的)*((?:` + doubleNames + `|[` + surnames + `])\p{Han}{1,2})(?:先生|女士)?(?:所)?(?:持有|拥有|名下|所有)`)

// personTakes reads 赵某(竞买号7)于…以8万元竞得: a person who takes at a price.
var personTakes = compile(`(?:^|[，。;:\n由])((?:` + doubleNames + `|[` + surnames + `])\p{Han}{1,2})(?:先生|女士)?(?:\([^()\n]{0,24}\))?(?:于[^，。;\n]{2,40}?)?以(?:人民币)?[^，。;\n]{2,40}(?:竞得|拍得|购得|买下|受让|摘得|胜出)`)

var colonMark = compile(`^[:为] ?`)

// personGives is a person who sells: 高某将…专利…转让, 高某系…专利权人, 高某与某公司签订…转让.
var personGives = compile(`(?:^|[，。;:\n])((?:` + doubleNames + `|[` + surnames + `])\p{Han}{1,2})(?:先生|女士)?(?:(?:自愿|同意|已)?将[^，。;\n]{0,120}专利[^。\n]{0,80}(?:转让|许可|让与|出让|卖)|(?:系|是|为)[^。;\n]{0,160}专利权人|与[^，。;\n]{2,60}公司(?:于[^，。;\n]{4,30})?(?:签订|签署|订立)[^。;\n]{0,40}(?:转让|许可))`)

// roleNoun is a word for a party and no deed.
var roleNoun = compile(`受让(?:方|人|单位|企业)|购买(?:方|人)`)

// tradesAs ends the name of a body that trades.
var tradesAs = compile(`(?:公司|合作社|厂|集团|商行|经营部|事务所|工作室|农场|\((?:有限|普通)合伙\))$`)

// taken reads 甲受让乙“…”专利: who takes from whom.
func (d *document) taken(sp span) (seller, buyer party, ok bool) {
	for _, m := range takes.FindAllStringIndex(d.s[sp.a:sp.b], 20) {
		at := sp.a + m[1]
		at += len(relationWord.FindString(d.s[at:min(len(d.s), at+40)]))
		p, found := d.partyAt(at, false)
		if !found || p.a != at && p.name != d.issuer.name || !ofParty.MatchString(d.s[at+d.length(at, p):min(len(d.s), at+d.length(at, p)+24)]) {
			continue
		}
		if b, has := d.subjectBefore(sp.a+m[0], sp.a); has && b.name != p.name {
			return p, b, true
		}
	}
	return party{}, party{}, false
}

// length is how long the name of a party is where it was read, in bytes: the
// body's own name, or a short one.
func (d *document) length(at int, p party) int {
	if p.a == at {
		return p.b - p.a
	}
	for _, a := range d.aliases {
		if a.of.name == p.name && strings.HasPrefix(d.s[at:], a.name) {
			return len(a.name)
		}
	}
	return 0
}

// subjectBefore finds the body that a sentence is about, before a place.
func (d *document) subjectBefore(at, low int) (party, bool) {
	low = max(low, at-240)
	win := d.s[low:at]
	if j := strings.LastIndexAny(win, "\n;"); j >= 0 {
		low += j + 1
	}
	if j := strings.LastIndex(d.s[low:at], "。"); j >= 0 {
		low += j + len("。")
	}
	return d.lastParty(span{low, at})
}

// lastParty finds the last body or alias in a piece.
func (d *document) lastParty(sp span) (party, bool) {
	best, has := party{span: span{-1, -1}}, false
	if orgs := d.orgsIn(sp); len(orgs) > 0 {
		best, has = orgs[len(orgs)-1], true
	}
	at := best.a
	for _, a := range d.aliases {
		if i := strings.LastIndex(d.s[sp.a:sp.b], a.name); i >= 0 && sp.a+i > at && (!has || sp.a+i >= best.b) {
			at, best, has = sp.a+i, a.of, true
		}
	}
	return best, has
}

func (d *document) firstParty(sp span) (party, bool) {
	best, has := party{}, false
	at := sp.b
	if orgs := d.orgsIn(sp); len(orgs) > 0 {
		best, has, at = orgs[0], true, orgs[0].a
	}
	for _, a := range d.aliases {
		if i := strings.Index(d.s[sp.a:sp.b], a.name); i >= 0 && sp.a+i < at {
			at, best, has = sp.a+i, a.of, true
		}
	}
	return best, has
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// sellerIn finds who sells without a label: the subject of the sentence that
// sells, or whose patents they are.
func (d *document) sellerIn(sp span, buyer party) party {
	text := d.s[sp.a:sp.b]
	if distress.MatchString(text) {
		for _, m := range receiver.FindAllStringIndex(text, 6) {
			if p, ok := d.orgBefore(sp.a + m[0]); ok && p.b >= sp.a+m[0]-1 && p.name != buyer.name {
				return p
			}
		}
	}
	if titles := d.titlesIn(sp); len(titles) > 0 && (buyer.name != "" || d.facts().auction) { // 北岭研究所“…”发明专利: whose it is
		at := titles[0]
		if strings.HasSuffix(d.s[:at], "的") { // 甲大学的“…”
			at -= len("的")
		}
		if p, ok := d.orgBefore(at); ok && p.b == at && p.a >= sp.a && p.name != buyer.name && !auctioneer.MatchString(p.name) {
			return p
		}
	}
	institution := d.issuer.name != "" && !d.listed && d.issuer.name != buyer.name && weakSeller.MatchString(d.issuer.name)
	for _, m := range subject.FindAllStringIndex(text, 60) {
		if !dealVerb.MatchString(text[m[1]:]) {
			continue
		}
		if p, ok := d.subjectBefore(sp.a+m[0], sp.a); ok && p.name != buyer.name {
			if folded := d.s[p.a:p.b]; institution && (strings.HasSuffix(folded, "学院") || strings.HasSuffix(folded, "学校") || strings.HasSuffix(folded, "中心") || strings.HasSuffix(folded, "实验室") || strings.HasSuffix(folded, "研究所")) {
				return d.issuer
			}
			if !auctioneer.MatchString(p.name) {
				return p
			}
		}
	}
	if institution && sp.a == 0 {
		return d.issuer
	}
	for _, m := range ownedBy.FindAllStringIndex(text, 20) {
		at := sp.a + m[0]
		p, ok := d.orgBefore(at)
		if strings.HasPrefix(d.s[at:], "所") { // 研究所持有: the name's own last character
			if longer, has := d.orgBefore(at + len("所")); has && longer.b == at+len("所") {
				p, ok = longer, true
			}
		}
		if ok && p.a >= sp.a && p.name != buyer.name && !auctioneer.MatchString(p.name) {
			return p
		}
	}
	for _, m := range append(toBuyer.FindAllStringIndex(text, 20), grantBuyer.FindAllStringIndex(text, 20)...) {
		low := max(sp.a, sp.a+m[0]-300)
		if j := strings.LastIndexByte(d.s[low:sp.a+m[0]], '\n'); j >= 0 {
			low += j + 1
		}
		if j := strings.LastIndex(d.s[low:sp.a+m[0]], "。"); j >= 0 {
			low += j + len("。")
		}
		if p, ok := d.firstParty(span{low, sp.a + m[0]}); ok && p.name != buyer.name {
			return p
		}
	}
	return party{}
}

// titlesIn finds where the quoted titles of the patents of a piece begin, those
// beside a number first.
func (d *document) titlesIn(sp span) []int {
	var out []int
	for _, m := range d.mentionsIn(sp) {
		low := max(sp.a, m.a-300)
		if q := quotedBefore.FindStringSubmatchIndex(d.s[low:m.a]); q != nil {
			out = append(out, low+q[2]-len("“"))
		}
	}
	for _, m := range quotedTitle.FindAllStringSubmatchIndex(d.s[sp.a:sp.b], 20) {
		for k := range m {
			m[k] += sp.a
		}
		if d.isTitle(m) {
			out = append(out, m[0])
		}
	}
	return out
}

var (
	receiver  = compile(`(?:破产)?管理人|清算组`)
	bidder    = compile(`竞得|买受|竞买|用户`)
	sellsTo   = compile(`[向对]`)
	sellsVerb = compile(`^(?:转让|许可|出让|出售|授权|独占许可|普通许可|排他许可)`)
	raises    = compile(`^(?:增资|出资|入股|投资)`)
)

var weakSeller = compile(`大学|学院|医院|研究所|研究院|科学院|大學|學院|醫院|學`)

// contribution finds who puts patents into which company.
func (d *document) contribution(sp span) (seller, buyer party) {
	text := d.s[sp.a:sp.b]
	for _, m := range founded.FindAllStringIndex(text, 12) {
		if p, ok := d.partyAt(sp.a+m[1], false); ok && strings.HasSuffix(d.s[p.a:p.b], "公司") {
			buyer = p
			break
		}
	}
	if buyer.name == "" {
		for _, m := range sellsTo.FindAllStringIndex(text, 20) {
			if p, ok := d.partyAt(sp.a+m[0]+len("向"), false); ok && raises.MatchString(d.s[p.b:min(len(d.s), p.b+40)]) {
				buyer = p
				break
			}
		}
	}
	if buyer.name == "" {
		for _, m := range investsIn.FindAllStringIndex(text, 12) {
			if p, ok := d.partyAt(sp.a+m[1], false); ok && !strings.HasPrefix(d.s[p.a:p.b], "管理") && !strings.HasPrefix(d.s[p.a:p.b], "有限") && strings.HasSuffix(d.s[p.a:p.b], "公司") && p.a >= sp.a+m[1] && p.a < sp.a+m[1]+4 {
				buyer = p
				break
			}
		}
	}
	for _, m := range putsIn.FindAllStringIndex(text, 12) {
		if strings.Contains(text[m[0]:m[1]], "货币") {
			continue
		}
		if p, ok := d.subjectBefore(sp.a+m[0], sp.a); ok && p.name != buyer.name {
			seller = p
			break
		}
	}
	for _, m := range ownedBy.FindAllStringIndex(text, 20) { // 将某大学持有的专利作价入股
		if seller.name != "" || !putsOwned.MatchString(text[m[1]:]) {
			continue
		}
		if p, ok := d.orgBefore(sp.a + m[0]); ok && p.a >= sp.a && p.name != buyer.name {
			seller = p
		}
	}
	return seller, buyer
}

var putsOwned = compile(`^[^，。;\n]{0,60}(?:专利|知识产权|成果|技术)[^，。;\n]{0,30}(?:作价|入股|出资)`)
