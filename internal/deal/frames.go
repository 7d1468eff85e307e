package deal

import (
	"slices"
	"strings"
)

// A skeleton is a sentence of which only what tells who deals with whom is
// left, one letter each. Wordings are many and skeletons few: 甲拟将其“…”专利
// 以80万元转让给乙 is P-j-NmHP, and 甲同意把该专利卖给乙 is P-j-NHP.
//
//	P party   N patent   m amount      j 将, 把       H gives to (转让给)
//	G gives   T takes    g 给          x 向, 对       c 从
//	y 由, 被   w 与, 和    S signs       v 变更为        o 持有, 所有, of
//	I puts in (增资, 入股)
//	p pays    R is the buyer           k a subsidiary without a name
//	- anything else
type skeleton struct {
	marks   []byte
	parties []party // in the order of the P
}

// deed are the words that a skeleton keeps; group i stands for deedMark[i].
var (
	deed = compile(`((?:成为|作为|确定为|确认为|选定为|为|系)(?:本次|本项目|该项目|该标的|标的|项目|意向|最终|唯一|的)*(?:受让|被许可|受许可|买受|竞得|中标|摘牌|购买|买)(?:方|人|单位|企业|家|主))` +
		`|((?:意向|最终|拟)?(?:受让|被许可|受许可|买受|竞得|竞买|中标|摘牌|购买|买|转让|出让|让与|许可|卖|出售)(?:方|人|单位|企业|家|主)|(?:转让|受让|出让|让与|许可|收购|购买|授权|竞买|拍卖|出售|实施许可|使用许可|使用)(?:总|成交)?(?:价|费|款|金|合同|协议|契约|公告|公示|项目|标的|方式|事项|期|条件|资格|底价|结果|清单|明细|通知|证书|日|信息|手续|登记|备案|报酬|之后|后)|不得[^，。;]{0,20}|中标(?:价|结果)|成交(?:价|金额|额|总额|日|时间|方式|公告|结果|确认))` +
		`|((?:转让|出让|让与|许可|授权|出售|售|卖|转移|过户|移交|让渡|划转|交付|许可使用|许可实施|转|作价转让)(?:权属)?(?:了)?(?:给予|给|予|与|至|到|于))` +
		`|(变更为|变更至|变更到|改为|过户为)` +
		`|(转让|出让|让与|许可|授权|出售|售卖|卖出|让渡)` +
		`|(受让|买了|买过来|买下|买断|买走|买入|购买|购得|购入|购进|购置|收购|引进|承接|接手|竞得|拍得|拍走|拍下|拿下|摘得|摘牌|摘走|中标|胜出|买受|得标|取得|获得|拿到|收入囊中)` +
		`|(增资|入股|作价入股|作价投资|作价出资|出资|投资入股)` +
		`|(签订|签署|订立|签约|签了|签下|签妥|签完|签好|签毕|谈妥|缔结|签立|达成|签字)` +
		`|(支付|付清|付给|缴付)` +
		`|(共同持有|共同所有|共同拥有|共有|持有|所有|拥有|名下|享有|所属|旗下)` +
		`|(给)|(将|把)|(由|被)|(向|对)|(从)|(与|和|跟|同)|(专利|实用新型|外观设计|成果)`)
	deedMark   = []byte{'R', '-', 'H', 'v', 'G', 'T', 'I', 'S', 'p', 'o', 'g', 'j', 'y', 'x', 'c', 'w', 'N'}
	dealWords  = compile(`转|让|许可|授权|售|卖|买|购|承接|接手|竞得|拍|拿下|摘|中标|胜出|变更为|签|达成|取得|获得|共有|增资|入股|作价`)
	formerTie  = compile(`此前|早前|曾于|曾经|过去|历史上|前手|报告期前|先前|鉴于`)
	joinBoth   = compile(`^(?:、|及|以及|和|与|/)$`)
	joinFirm   = compile(`^(?:、|及|以及)$`)
	bothTake   = compile(`^(?:双方|两家|二者|等?[两二三]家?(?:公司|企业|单位)?)?(?:共同|共有|联合|一起|合伙)`)
	noDealer   = compile(`评估|会计师|律师|代理|公证|交易|拍卖|法院|法庭|仲裁|银行|知识产权局|管理局|保护中心|委员会|鉴证`)
	thatBody   = compile(`该(?:公司|企业|厂|校|院|所|单位|高校)`)
	kinWord    = compile(`^(?:本公司|公司|其)?(?:的)?(?:控股股东|实际控制人|关联方|关联企业|全资子公司|控股子公司|参股公司|母公司|意向方)`)
	anyKin     = compile(`控股股东|实际控制人|关联方|(?:全资|控股|参股|子|母|孙|分)(?:子|孙)?公司`)
	facultyEnd = compile(`(?:学院|系|实验室|研究所|研究院|中心|科)$`)
	facultyOf  = compile(`^(?:的)?\p{Han}{2,4}?(?:教授|副教授|老师|团队|课题组|研究员|博士|等|主任)`)
	namedSoul  = compile(`(?:市民|居民|个人|职工|农民|村民|员工|教师|医师|医生|护士|工程师|技术员|学生|研究生|发明人|股东|教授|[甲乙丙]方)((?:` + doubleNames + `|[` + surnames + `])\p{Han}{1,2}?)(?:先生|女士|[，。;:、\n( ]|拟|将|把|向|对|与|和|以|于|处|所|持有|名下|出价|竞得|购|受让|买|拍|拿|的|$)`)
	anySoul    = compile(`自然人(?:股东)?(\p{Han}{2,3}?)(?:先生|女士|[，。;:、\n( ]|拟|将|把|向|对|与|和|以|于|处|所|持有|名下|签|订|购|受让|买|竞|的|$)`)
	withSoul   = compile(`(?:与|和|跟|向|给)((?:` + doubleNames + `|[` + surnames + `])\p{Han}{1,2}?)(?:签|订立|达成|购买|购得|收购|支付|之间|转让|许可|受让|就)`)
	titleSoul  = compile(`((?:` + doubleNames + `|[` + surnames + `])\p{Han}{1,2}?)(?:先生|女士)`)
	clauseSol  = compile(`(?:^|[，。;:\n与和由被给])((?:` + doubleNames + `|[` + surnames + `])\p{Han}{1,2}?)(?:(?:自愿|同意|已|拟|愿)?(?:将|把)|与[^，。;\n]{2,60}(?:签|订)|以[^，。;\n]{2,24}元|\((?:转让|受让|许可|出让|买|卖)[^()\n]{0,6}\)|(?:买下|买走|拍下|拍走|拿下|拍得|竞得|购得|受让|摘得))`)
)

// framed reads the parties out of what the sentences of a piece do. Where two
// sentences differ the one told more often holds, and of two told as often none.
func (d *document) framed(sp span) (seller, buyer party) {
	var sellers, buyers, partners []party
	for at := sp.a; at < sp.b; {
		end := at + sentenceEnd(d.s[at:min(sp.b, at+farthest)])
		s, b, with := d.frameOnce(span{at, end})
		partners = append(partners, with...)
		if s.name != "" {
			sellers = append(sellers, s)
		}
		if b.name != "" {
			buyers = append(buyers, b)
		}
		at = d.past(end)
	}
	seller, buyer = d.foremost(sellers), d.foremost(buyers)
	if seller.name == buyer.name {
		return party{}, party{}
	}
	for _, p := range partners { // of two who sign the one is what the other is not
		switch {
		case buyer.name == "" && seller.name != "" && !related(p.name, seller.name):
			buyer = p
		case seller.name == "" && buyer.name != "" && !related(p.name, buyer.name):
			seller = p
		}
	}
	return seller, buyer
}

// past is the place behind the mark that ends a sentence.
func (d *document) past(end int) int {
	if end >= len(d.s) {
		return end + 1
	}
	_, size := decode(d.s, end)
	return end + size
}

// sentenceEnd is where the first sentence of a text ends.
func sentenceEnd(s string) int {
	end := len(s)
	if i := strings.IndexAny(s, "\n;"); i >= 0 {
		end = i
	}
	for _, mark := range []string{"。", "!", "?"} {
		if i := strings.Index(s[:end], mark); i >= 0 {
			end = i
		}
	}
	return end
}

// foremost is the party named most often; none where two are named as often.
func (d *document) foremost(list []party) party {
	votes := map[string]int{}
	for _, p := range list {
		votes[d.meant(p).name]++
	}
	var best party
	top, tie := 0, false
	for _, p := range list {
		name := d.meant(p).name
		switch n := votes[name]; {
		case n > top:
			best, top, tie = p, n, false
		case n == top && name != d.meant(best).name:
			tie = true
		}
	}
	if tie {
		return party{}
	}
	return best
}

// skeletonOf reads the skeleton of a sentence.
func (d *document) skeletonOf(sp span) skeleton {
	var sk skeleton
	text := d.s[sp.a:sp.b]
	type token struct {
		span
		mark byte
		of   party
	}
	var all []token
	taken := func(a, b int) bool {
		return slices.ContainsFunc(all, func(t token) bool { return a < t.b && t.a < b })
	}
	add := func(t token) {
		if t.b > t.a && !taken(t.a, t.b) {
			all = append(all, t)
		}
	}
	for _, m := range quotedTitle.FindAllStringIndex(text, 60) {
		add(token{span{sp.a + m[0], sp.a + m[1]}, 'N', party{}})
	}
	for _, m := range shortName.FindAllStringIndex(text, 20) {
		add(token{span{sp.a + m[0], sp.a + m[1]}, 0, party{}})
	}
	for _, m := range d.mentionsIn(sp) {
		add(token{m.span, 'N', party{}})
	}
	for _, o := range d.orgsIn(sp) {
		mark := byte('P')
		if noDealer.MatchString(o.name) {
			mark = '-'
		}
		if sells(d.issuer.name) && o.name != d.issuer.name && facultyEnd.MatchString(o.name) && facultyOf.MatchString(d.s[o.b:min(len(d.s), o.b+40)]) {
			add(token{o.span, mark, d.issuer}) // 材料学院某教授团队
			continue
		}
		add(token{o.span, mark, o})
	}
	for _, m := range anyKin.FindAllStringIndex(text, 20) {
		mark := byte(0)
		if !slices.ContainsFunc(all, func(t token) bool { return t.mark == 'P' && t.a == sp.a+m[1] }) {
			mark = 'k' // a subsidiary without its name acts for itself
		}
		add(token{span{sp.a + m[0], sp.a + m[1]}, mark, party{}})
	}
	for _, a := range d.aliases {
		for low, n := 0, 0; n < 8; n++ {
			i := strings.Index(text[low:], a.name)
			if i < 0 {
				break
			}
			at := sp.a + low + i
			add(token{span{at, at + len(a.name)}, 'P', a.of})
			low += i + len(a.name)
		}
	}
	for _, m := range thatBody.FindAllStringIndex(text, 4) {
		if p, ok := d.lastNamed(sp.a+m[0], text[m[0]:m[1]]); ok {
			add(token{span{sp.a + m[0], sp.a + m[1]}, 'P', p})
		}
	}
	for _, re := range []*pattern{anySoul, namedSoul, titleSoul, withSoul, clauseSol} {
		for _, m := range re.FindAllStringSubmatchIndex(text, 8) {
			at := span{sp.a + m[2], sp.a + m[3]}
			if !notName.MatchString(d.s[at.a:at.b]) {
				add(token{at, 'P', party{span: at, name: d.v.value(at)}})
			}
		}
	}
	for _, m := range d.moneyIn(sp) {
		add(token{m.span, 'm', party{}})
	}
	for _, m := range deed.FindAllStringSubmatchIndex(text, 200) {
		for i := range deedMark {
			if m[2*i+2] >= 0 {
				add(token{span{sp.a + m[0], sp.a + m[1]}, deedMark[i], party{}})
			}
		}
	}
	sortBy(all, func(t token) int { return t.a })
	at := sp.a
	for i := 0; i < len(all); i++ {
		t := all[i]
		if gap := strings.Trim(d.s[at:t.a], " ()“”，的\t|"); gap != "" || at == sp.a && t.a > at {
			sk.marks = append(sk.marks, '-')
		}
		at = t.b
		if t.mark == 0 {
			continue
		}
		if n := len(sk.parties); t.mark == 'P' && n > 0 && i > 0 && all[i-1].mark == 'P' && t.a == all[i-1].b && facultyEnd.MatchString(d.s[t.a:t.b]) {
			continue // 某大学材料学院
		}
		if t.mark != 'P' {
			if n := len(sk.marks); n == 0 || sk.marks[n-1] != t.mark {
				sk.marks = append(sk.marks, t.mark)
			}
			continue
		}
		// Several in a row act together.
		for j := i + 1; j < len(all); j++ {
			next := all[j]
			if next.mark == 'w' && j+1 < len(all) {
				next = all[j+1]
			}
			if next.mark != 'P' {
				break
			}
			tie := strings.Trim(d.s[t.b:next.a], " ")
			lead := byte(0)
			if n := len(sk.marks); n > 0 {
				lead = sk.marks[n-1]
			}
			if t.of.more != nil {
				tie = strings.Trim(d.s[at:next.a], " ")
			}
			if !joinFirm.MatchString(tie) && !(joinBoth.MatchString(tie) && (strings.IndexByte("Hg", lead) >= 0 && lead != 0 || bothTake.MatchString(d.s[next.b:sp.b]))) {
				break
			}
			t.of.name += "、" + next.of.name
			t.of.more = append(slices.Clone(t.of.more), next.of.span)
			at = next.b
			i = slices.IndexFunc(all, func(x token) bool { return x.a == next.a })
			j = i
		}
		sk.marks = append(sk.marks, 'P')
		sk.parties = append(sk.parties, t.of)
	}
	return sk
}

// lastNamed is the body that 该公司 or 该校 means: the last of its kind before.
func (d *document) lastNamed(at int, word string) (party, bool) {
	firm := strings.HasSuffix(word, "公司") || strings.HasSuffix(word, "企业") || strings.HasSuffix(word, "厂")
	orgs := d.orgsIn(span{max(0, at-600), at})
	for i := len(orgs) - 1; i >= 0; i-- {
		if p := orgs[i]; !noDealer.MatchString(p.name) && firm == tradesAs.MatchString(d.s[p.a:p.b]) {
			return p, true
		}
	}
	return party{}, false
}

// A form is a shape of skeletons with the groups that sell and that buy; a
// group 0 tells nothing.
type form struct {
	shape       *pattern
	sells, buys int
}

// forms are tried in order; the first that fits and fills a side fills it.
var forms = []form{
	{compile(`(P)[^PSH]*w-?(P)[^PT]*H(?:-|$)`), 1, 2}, // 甲与乙谈妥，把…转让给对方
	{compile(`(P)[^P]*N[^P]*x-?(P)-?I`), 1, 2},        // 甲以专利对乙增资
	{compile(`(P)[^P]*N[^P]*I-?(P)`), 1, 2},
	{compile(`y-?(P)-?v-?(P)`), 1, 2},
	{compile(`(P)-?(?:j|[^P]*[^Pwx]j)[^P]*(?:H|G[^P]*g|g)-?(P)`), 1, 2}, // 甲将…转让给乙
	{compile(`j-?(P)o?[^P]*(?:H|G[^P]*g)-?(P)`), 1, 2},                  // 将甲的…转让给乙
	{compile(`(P)[^P]*H-?(P)`), 1, 2},                                   // 甲…转让给乙
	{compile(`(P)[^PHG]*x-?(P)[^PG]*T`), 2, 1},                          // 甲向乙购买
	{compile(`(P)[^PT]*x-?(P)[^PT]*G`), 1, 2},                           // 甲向乙转让
	{compile(`(P)[^PHG]*c-?(P)[^PG]*T`), 2, 1},                          // 甲从乙处购得
	{compile(`(P)[^PHG]*x-?(P)[^P]*p`), 2, 1},                           // 甲向乙支付
	{compile(`y-?(P)[^PHGS]*T-?(P)o?-?N`), 2, 1},
	{compile(`(P)[^PHGSjxoyk]*T-?(P)o?-?N`), 2, 1}, // 甲受让乙“…”专利
	{compile(`(P)j?[^PHTS]*G(P)`), 1, 2},           // 甲许可乙实施
	{compile(`(P)o?-?N[^P]*y-?(P)[^PHG]*T`), 1, 2},
	{compile(`y-?(P)[^PHG]*T`), 0, 1},
	{compile(`(P)[^PHGSjxocwNk]*T`), 0, 1},
	{compile(`x-?(P)[^PT]*G`), 0, 1},
	{compile(`[xc]-?(P)[^PG]*T`), 1, 0},
	{compile(`(P)[^PHGTjx]*R`), 0, 1}, // 某公司为受让方
	{compile(`j-?(P)o?-?N`), 1, 0},    // 将某公司的3件专利
	{compile(`y-?(P)-?o`), 1, 0},      // 由甲与乙共有
}

// signers are two who sign with each other; what is done then says who takes.
var (
	signers = compile(`(P)-?w-?(P)[^P]*S`)
	partner = compile(`w-?(P)[^P]*S`)
)

// told is what a sentence tells, kept for the items that hold it again.
type told struct {
	seller, buyer party
	with          []party
}

func (d *document) frameOnce(sp span) (seller, buyer party, with []party) {
	t, known := d.frames[sp]
	if !known {
		t.seller, t.buyer, t.with = d.frame(sp)
		d.frames[sp] = t
	}
	return t.seller, t.buyer, t.with
}

// frame reads who sells and who buys in one sentence.
func (d *document) frame(sp span) (seller, buyer party, with []party) {
	text := d.s[sp.a:sp.b]
	if len(text) < 12 || len(text) > 1800 || !dealWords.MatchString(text) || formerTie.MatchString(text) {
		return party{}, party{}, nil
	}
	sk := d.skeletonOf(sp)
	if len(sk.parties) == 0 || len(sk.parties) > 12 {
		return party{}, party{}, nil
	}
	marks := string(sk.marks)
	at := func(m []int, group int) party {
		if group == 0 {
			return party{}
		}
		return sk.parties[strings.Count(marks[:m[2*group]], "P")]
	}
	for _, f := range forms {
		m := f.shape.FindStringSubmatchIndex(marks)
		if m == nil {
			continue
		}
		s, b := at(m, f.sells), at(m, f.buys)
		if s.name != "" && s.name == b.name || f.sells == 0 && (sells(b.name) || d.facts().open) {
			continue
		}
		if s.name != buyer.name {
			seller = orElse(seller, s)
		}
		if b.name != seller.name {
			buyer = orElse(buyer, b)
		}
		if seller.name != "" && buyer.name != "" {
			break
		}
	}
	if m := partner.FindStringSubmatchIndex(marks); m != nil {
		with = append(with, at(m, 1))
	}
	if m := signers.FindStringSubmatchIndex(marks); m != nil {
		one, two := at(m, 1), at(m, 2)
		switch {
		case seller.name == "" && buyer.name == "":
			after := marks[m[1]:]
			switch i := strings.IndexAny(after, "TGH"); { // what is done first, the subject does
			case i >= 0 && after[i] == 'T':
				return two, one, nil
			case i >= 0 && !sells(two.name):
				return one, two, nil
			}
			if sells(one.name) != sells(two.name) {
				if sells(two.name) {
					one, two = two, one
				}
				return one, two, nil
			}
		case seller.name == "" && buyer.name == one.name:
			seller = two
		case seller.name == "" && buyer.name == two.name:
			seller = one
		case buyer.name == "" && seller.name == one.name:
			buyer = two
		case buyer.name == "" && seller.name == two.name:
			buyer = one
		}
	}
	return seller, buyer, with
}
