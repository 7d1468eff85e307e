package deal

import (
	"fmt"
	"strings"
)

var (
	pledgeHead   = compile(`质押|融资|贷款|保险|证券化`)
	subsidyHead  = compile(`补助|资助|奖补|贴息|奖励资金|奖励公示|奖励名单|专项资金|补贴|预算|拟立项|验收|获奖`)
	countHead    = compile(`统计`)
	countsDeals  = compile(`转让|许可|转化|成交|交易`)
	feeHead      = compile(`年费|缴费|欠费|费用减缴|滞纳金|恢复费|届满提醒|缴纳提醒`)
	wantedHead   = compile(`(?:技术|企业|成果|专利)(?:技术)?(?:难题|需求)|需求(?:征集|信息|发布|清单)|求购|征集(?:技术|专利|成果)|揭榜`)
	deniedHead   = compile(`不实|传闻|谣传|辟谣|纯属|否认|系误传`)
	rewardHead   = compile(`(?:报酬|奖励|奖金|发明人|署名权|权属|归属)[^。\n]{0,8}纠纷`)
	dealHead     = compile(`转让|许可|受让|购买|收购|拍卖|竞买|成交|作价|入股|出资|挂牌|(?i:licen[cs]|assign)|轉讓`)
	offered      = compile(`拟转让|转让公|转让信息|成交|许可公`)
	dealWord     = compile(`转让|购得|购入|购进|买受|出售|售予|售给|卖给|卖与|卖出|过户(?:给|至|到)|承接|买(?:了|下|过来|断|走|入)|(?i:seller|buyer|transferee)|授权(?:使用|书|费|金|契约|协议|给|予)|专属授权|流标|流拍|竞价|竞买|摘牌|成交|卖断|让渡|许可|让与|受让|购买|收购|拍卖|竞得|起拍|作价|入股|出让|买断|(?i:licen[cs]|assign|sold|purchase)`)
	infringement = compile(`侵权|侵犯|侵害`)
	contractWord = compile(`(?:转让|许可|让与)(?:合同|协议)纠纷|达成(?:如下)?(?:调解|和解)?协议|订立《|签订《|(?:转让|许可)给`)
)

// nothing says why the text holds no deal, or false.
func (d *document) nothing() (Warning, bool) {
	h := d.heading
	switch {
	case pledgeHead.MatchString(h) && !dealHead.MatchString(h):
		return Warning{"no_deal_pledge", "质押、融资或保险事项，不是专利交易。", "A pledge, loan or insurance, no deal in patents."}, true
	case countHead.MatchString(h) && !countsDeals.MatchString(h), subsidyHead.MatchString(h) && !dealHead.MatchString(h):
		return Warning{"no_deal_subsidy", "补助、奖励或统计，不是专利交易。", "Subsidies, awards or statistics, no deal in patents."}, true
	case infringement.MatchString(d.s) && strings.Contains(d.s, "赔偿") && !contractWord.MatchString(d.s):
		return Warning{"no_deal_damages", "侵权赔偿，不是交易价格。", "Damages for infringement are no price."}, true
	case feeHead.MatchString(h) && !dealHead.MatchString(h):
		return Warning{"no_deal_fees", "年费或官费事项，不是专利交易。", "Fees of the office, no deal in patents."}, true
	case wantedHead.MatchString(h) && !offered.MatchString(h):
		return Warning{"no_deal_wanted", "技术需求或求购，尚无交易。", "A wish for technology, no deal yet."}, true
	case deniedHead.MatchString(h):
		return Warning{"no_deal_denied", "传闻或被否认的消息，不是交易。", "A rumour or a denial, no deal."}, true
	case rewardHead.MatchString(h) && !contractWord.MatchString(d.s):
		return Warning{"no_deal_reward", "发明人报酬或权属的纠纷，没有交易价格。", "A dispute on an inventor's reward or on ownership, without a price."}, true
	case !dealWord.MatchString(d.s):
		return Warning{"no_deal", "没有转让、许可、拍卖或作价的内容。", "Nothing is assigned, licensed, auctioned or contributed."}, true
	}
	return Warning{}, false
}

var (
	exclusiveWord = compile(`独占|独家|专属|(?i:exclusive)`)
	soleWord      = compile(`排他|排它|(?i:\bsole licen)`)
	plainWord     = compile(`普通|开放许可|非独占|非排他|(?i:non-exclusive)`)
	licenceWord   = compile(`许可(?:方式|类型|种类|形式)?|(?i:licen[cs])`)
	licenceLabel  = compile(`(?:(?:^|[\n•● ])方式|许可性质|性质|许可方式|许可类型|许可种类|许可形式|许可性质|实施方式|转化方式|交易方式)[:为是 \t|]{1,4}([^，。;\n]{2,40})`)
	licenceVerb   = compile(`(?:授权书|授权协议|授权费|授权金|普通许可|独占许可|排他许可|许可(?:给|予)|许可方|许可人|许可费|许可合同|许可协议|许可期|许可使用|专利许可|许可期限|被许可|实施许可|许可使用费|(?i:licens(?:es|ed|ee|or)))`)
	assignVerb    = compile(`转让给|转让价|转让费|转让方|受让方|受让人|让与|权转让|转让总价|转让合同|转让协议|购买|收购|(?i:assign)`)
	contribWord   = compile(`作价(?:入股|投资|出资)|折价入股|以[^。;\n]{0,160}(?:专利|知识产权|成果|无形资产)[^。;\n]{0,90}(?:出资|入股|增资)|作价[^，。;\n]{0,24}，?(?:投入|投进|注入|换取|换得)|换(?:得|取)[^。;\n]{0,14}股(?:权|份)|专利(?:权)?(?:出资|入股)`)
	auctionWord   = compile(`拍卖|竞得|起拍|竞价|动态报价|多次报价|竞争性报价|竞买公告|竞买人(?:[^须应]|$)|落槌|应价|变卖|拍品`)
	auctionNot    = compile(`协议(?:方式)?(?:成交|转让)|协议定价|未进行拍卖`)
)

var (
	offset   = compile(`以物抵债|抵偿(?:等额|相应|部分)?债务|抵偿债务|作价抵债|抵债`)
	hammered = compile(`竞得|拍得|变卖给|买受人`)
)

// licenceKind reads the kind of a licence out of words.
func licenceKind(text string) Kind {
	bare := denial.ReplaceAllString(text, "")
	bare = negated.ReplaceAllString(bare, "")
	switch {
	case strings.Contains(bare, "非独占") || strings.Contains(bare, "非排他") || strings.Contains(strings.ToLower(bare), "non-exclusive"):
		return PlainLicence
	case plainWord.MatchString(bare):
		return PlainLicence
	case soleWord.MatchString(bare):
		return SoleLicence
	case exclusiveWord.MatchString(bare):
		return ExclusiveLicence
	}
	return PlainLicence
}

var negated = compile(`(?:未|不|无|非)[^，。;\n]{0,12}(?:独占|排他|独家)[^，。;\n]{0,6}`)

// dealKind says what kind a piece of text deals in; the heading decides what
// the piece leaves open.
func (d *document) dealKind(text string) (Kind, span) {
	at := func(re *pattern) span {
		if m := re.FindStringIndex(d.s); m != nil {
			return span{m[0], m[1]}
		}
		return span{}
	}
	if m := contribWord.FindStringIndex(d.s); m != nil && !strings.Contains(d.s[max(0, m[0]-30):m[0]], "货币") {
		return Contribution, span{m[0], m[1]}
	}
	if auctionWord.MatchString(d.s) && !auctionNot.MatchString(d.s) && (!offset.MatchString(d.s) || hammered.MatchString(d.s)) {
		return Auction, at(auctionWord)
	}
	if m := offset.FindStringIndex(d.s); m != nil && !hammered.MatchString(d.s) {
		return Assignment, span{m[0], m[1]} // given for a debt after the auctions failed
	}
	if d.facts().open { // any body may take it: plain by law
		return PlainLicence, at(openWord)
	}
	licence, assign := len(licenceVerb.FindAllStringIndex(text, 60)), len(assignVerb.FindAllStringIndex(text, 60))
	switch h := d.heading; {
	case strings.Contains(h, "转让") && !licenceWord.MatchString(h), strings.Contains(h, "受让"), strings.Contains(h, "购买"), strings.Contains(h, "收购"):
		assign += 6
	case licenceWord.MatchString(h) && !strings.Contains(h, "转让"):
		licence += 6
	}
	if m := licenceLabel.FindStringSubmatchIndex(d.s); m != nil {
		v := d.s[m[2]:m[3]]
		if licenceWord.MatchString(v) || exclusiveWord.MatchString(v) || soleWord.MatchString(v) || plainWord.MatchString(v) {
			if !strings.Contains(v, "转让") {
				return licenceKind(v), span{m[2], m[3]}
			}
		}
	}
	if licence > assign {
		if m := grantOf(denial.ReplaceAllStringFunc(text, blank)); m != nil {
			return licenceKind(text[m[0]:m[1]]), at(licenceWord)
		}
		k := licenceKind(text)
		return k, at(licenceWord)
	}
	return Assignment, at(compile(`转让|让与|受让|出让|购买|收购|(?i:assign)|成交`))
}

// grantOf finds the words of the grant; the head licence that a sublicence
// rests on (依据其与…订立的独占许可合同) is none where another is named.
func grantOf(text string) []int {
	all := licenceGrant.FindAllStringIndex(text, 20)
	for _, m := range all {
		if !headLicence.MatchString(text[max(0, m[0]-120):m[0]]) {
			return m
		}
	}
	if len(all) > 0 {
		return all[0]
	}
	return nil
}

var headLicence = compile(`(?:依据|根据|按照|基于|鉴于|此前|原)[^。;，\n]{0,36}$|(?:订立|签订|签署|取得|获得)的$|签有$`)

func blank(s string) string { return strings.Repeat("\x01", len(s)) }

var licenceGrant = compile(`(?:以)?(?:非)?(?:独占|排他|普通|独家)(?:性|地|实施|分|使用|方式)?(?:实施)?许可(?:方式)?(?:给|[^，。;\n]{0,12}许可)?|(?i:(?:non-)?exclusive licen[cs]e|sole licen[cs]e)`)

var (
	cancelHead  = compile(`终止|解除|撤销|撤回|取消|中止|作废`)
	cancelWord  = compile(`(?:合同|协议|转让|许可|交易|项目)[^。;\n]{0,12}已(?:于[^。;\n]{0,16})?(?:经)?(?:解除|终止|撤销|取消|撤回)|(?:决定|同意|现)(?:解除|终止|撤销|取消|撤回)|签[署订]《(?:解除|终止)`)
	signedWord  = compile(`专利权?人?[^。;\n]{0,40}变更为|已签|变更后|签下|拍出|卖出|落槌|交易成功|达成交易|成交通知|签完|签妥|签订|签署|订立|签约|签了|签字:|签章日为|合同生效日|生效日期:|合同备案|达成协议|成交|竞得|已到账|收讫|付讫|收妥|立约|(?i:date of contract|contract date|effective date|signing date|date of signature|has granted|have signed|signed|has acquired)`)
	futureWord  = compile(`(?:(?:拟|将|同意)[^，。;\n]{0,40}|(?:后|如|若|待|应当|前|未|尚|无人|流拍|日内|之日)[^，。;\n]{0,14})$`)
	futureAfter = compile(`^(?:方式|价)|^(?:《[^》]*》|[\p{Han}]{0,8})?(?:后|起|之日起|之日|的合同为准|前|时(?:[^间期]|$)|以实际|的标的)|^标的(?:买受人|另)`)
	proposeWord = compile(`拟|公示期|公示时间|公示日期|公示如下|予以公示|将与`)
	openWord    = compile(`开放许可`)
	unsold      = compile(`流拍|流标|无人(?:应价|报名|竞买|举牌|出价|竞价|应拍|竞拍|响应)|未(?:能)?成交|撤拍`)
	soldWord    = compile(`竞得|成交价|成交金额|拍得|买受人[: ]`)
	freeWord    = compile(`免费|无偿|零元|零对价|互免|互不支付|互不收[取费]|免于支付|均?不(?:另行)?(?:支付|收取)[^，。;\n]{0,6}(?:许可|使用)费|不收取(?:任何)?(?:专利)?(?:许可)?(?:使用)?费|免收|免除许可费|(?i:royalty-free|free of charge)`)
	noPriceWord = compile(`面议|另行(?:商定|协商|约定)|待评估|价格区间|价格待定|暂未确定|待定|保密`)
	royaltyWord = compile(`(?:销售额|销售收入|净销售|销售净额|营业额|销售利润|净利润|利润|收入|产值|提成|royalt)[^。;\n]{0,30}?([0-9]+(?:\.[0-9]+)?) ?(?:%|per cent|percent)|百分之([` + numeral + `]{1,4})|([0-9]+(?:\.[0-9]+)?) ?(?:%|per cent|percent)[^，。;\n]{0,14}(?:提成|特许权|计提|许可费|使用费|of net sales|of sales|royalt)`)
	royaltyOf   = compile(`提成|提取|计提|销售额的|销售收入的|净销售额|营业额的|特许权使用费|(?i:royalt)`)
	relatedYes  = compile(`(?:构成|属于|属|系|为|暨|涉及)关联(?:方)?(?:交易|关系)|关联董事|(?:存在|有)(?:股权|任职|亲属)?(?:等)?关联关系|控股股东(?:购买|收购|受让|转让)|向(?:控股股东|实际控制人|控股子公司|全资子公司|母公司|关联方)|(?:法定代表人|董事|监事|高管|股东|总经理|实际控制人)[^。;\n]{0,14}(?:为|是|系)[^。;\n]{0,20}(?:发明人|完成人|教师|职工|教授)|(?:完成人|发明人|教授|团队成员)[^。;\n]{0,24}(?:担任|持有|任)[^。;\n]{0,24}(?:董事|股权|法定代表人|股份|监事|总经理|股东)|报备(?:了)?关联|关联关系[:为是]{1,2}(?:是|有|存在)|为受让方(?:股东|法定代表人)|(?i:is an affiliate of|are affiliated|related party transaction)`)
	relatedNo   = compile(`(?:不|未|无|没有|并非|非)(?:构成|属于|属|涉及|存在|有|系|为)?[^，。;\n]{0,14}(?:关联|利害关系|隶属)|关联(?:关系|交易|情况)?(?:说明)?[:为是 \t|]{1,3}(?:无|否|不|没有)|(?i:holds? no (?:position|shares?|interest|stake)|no shareholding|not affiliated|unaffiliated|no affiliation|not related|independent of each other|arm's length)`)
	courtHead   = compile(`判\s*决\s*书|裁\s*定\s*书|调\s*解\s*书|人民法院|知识产权法庭|法院|仲裁`)
	distress    = compile(`破产|管理人|清算组|重整|清算`)
	judicial    = compile(`司法拍卖|网络司法|被执行人|执行案|执行裁定|变卖`)
)

// freeOf finds the words that nothing is paid; what is free for a first time
// alone (首年免收) or beside the price (免费提供技术指导) is not free.
func freeOf(text string) []int {
	for _, m := range freeWord.FindAllStringIndex(text, 20) {
		if !firstFree.MatchString(text[max(0, m[0]-30):m[0]]) && !freeHelp.MatchString(text[m[1]:min(len(text), m[1]+40)]) {
			return m
		}
	}
	return nil
}

var (
	firstFree = compile(`(?:首|第一|前[一二两三四五0-9]{0,2}个?)(?:年|期|批|月)度?[^，。;\n]{0,6}$`)
	freeHelp  = compile(`^(?:地)?(?:提供|负责|进行|予以|给予|为)?[^，。;\n]{0,9}(?:指导|培训|咨询|服务|支持|资料|维护|升级|报名|下载|停车|寄送)`)
)

// related reads whether the parties are.
func (d *document) related(text string) (string, span) {
	clean := relatedNo.ReplaceAllStringFunc(text, blank)
	if m := relatedYes.FindStringIndex(clean); m != nil {
		return "yes", span{m[0], m[1]}
	}
	if m := relatedNo.FindStringIndex(text); m != nil {
		return "no", span{m[0], m[1]}
	}
	return "unknown", span{}
}

// market reads in which market the deal was made.
func (d *document) market(kind Kind) Market {
	if m, ok := d.facts().markets[kind]; ok {
		return m
	}
	m := d.marketOf(kind)
	d.facts().markets[kind] = m
	return m
}

func (d *document) marketOf(kind Kind) Market {
	switch {
	case d.listed:
		return Corporate
	case courtHead.MatchString(d.heading) && kind != Auction:
		return Court
	case kind == Auction && judicial.MatchString(d.s):
		return Distress
	case distress.MatchString(d.s) && (kind == Auction || distress.MatchString(d.heading)):
		return Distress
	case kind == Auction:
		return Showcase
	case exchange.MatchString(d.s):
		return Showcase
	}
	return Private
}

var exchange = compile(`公开挂牌[^。]{0,80}成交|经[\p{Han}]{2,14}(?:交易中心|交易所)(?:鉴证|见证)|(?:交易中心|交易所|交易市场)[^。]{0,40}(?:成交|挂牌)|挂牌期满|挂牌(?:价格|底价|价)[:为]|挂牌起始|挂牌截止|挂牌起止|成交方式[: ]|挂牌期间|交易凭证|通过[\p{Han}]{2,14}(?:交易中心|交易所)`)

// signed finds where the text says that the deal was made.
func (d *document) signed(text string, base int) span {
	for _, m := range signedWord.FindAllStringIndex(text, 200) {
		if futureWord.MatchString(text[max(0, m[0]-60):m[0]]) || futureAfter.MatchString(text[m[1]:min(len(text), m[1]+60)]) {
			continue
		}
		return span{base + m[0], base + m[1]}
	}
	return span{}
}

var (
	contractHead = compile(`合 ?同|协 ?议|(?i:agreement)`)
	noticeHead   = compile(`公 ?告|公 ?示|披露|一览`)
)

var (
	signAfter   = compile(`^ ?(?:起)?(?:正式)?生效|^[ ，,)]?[^。;\n]{0,60}?(?:已签|签完|签好|签妥|签订|签署|订立|签约|签了|签下|签成|达成(?:了)?(?:协议)?|双方签字|签字时生效|合同生效|正式签|(?i:signed|entered into))`)
	signBefore  = compile(`(?:签订|签署|订立|签约|生效|盖章|签章|签字|立约|订约|缔约|(?i:date of (?:the )?(?:contract|agreement|signature|signing)|(?:contract|agreement|signing|execution) date|made(?: and entered into)?|entered into)|Signing|Effective|effective|signature|signed|Signed|dated|Dated)(?:日期|日|时间|Date|于|on|在|为|生效|签字| )*[ :：自于/]{0,3}$`)
	closeBefore = compile(`(?:成交日期|成交日|成交确认日|成交时间|交易日期|交割日|凭证出具日|竞价日|竞价截止|结束时间|拍卖时间|竞价时间|成交于|于|合同签订日期)[ :为是]{0,3}$`)
	closeAfter  = compile(`^[ ，,]?[^。;\n]{0,80}?(?:处置|届满|拍卖|成交|结束|举槌|竞得|落槌|举行|开拍|竞价|胜出|拍得|摘得|购得|出价|变卖)`)
	noticeWord  = compile(`(?:公示|公告|声明|发布|挂牌|公开|张贴|上网)[，]?(?:起始|开始|起止|起)?(?:期限|期间|日期|时间|时段|期|日)?(?:为?(?:[0-9]{1,3}|[一二三五七十]{1,3})个?(?:工作|自然)?[日天][(，]?(?:即|自|从)?)?(?:为|自|从|:|[ |\t]|起|是)*$`)
	noDate      = compile(`(?:授权公告日|授权日|申请日|基准日|生于|出生|成立于|成立日期|登记日|有效期|许可期限|期限|展示时间|缴至|会议|自|前付|起至|至|到|-|~|优先权日|公开日|屆满|届满日?|到期日|截止日|终止日|截至|截止|于次年|公示止|止)[ :为]{0,3}$`)
	noDateAfter = compile(`^(?:前|之前|至|起|-|~|为基准|为评估|判决|授权|申请|生|届满|止|，公司第|，[^。，;\n]{0,10}(?:会议|审议|判决)|以前|到期|[^，。;\n]{0,8}(?:发布|公布)的)`)
	meeting     = compile(`^[ ，]?[^。;\n，]{0,30}(?:会议|审议|董事会|判决|裁定|支付|付清|缴|评估|网站发布)`)
)

// when chooses the date of a deal. Where one was made, the order is: the day a
// label gives for the sale, the day of the contract, the day the bidding ended,
// the day of entry in the register; else, and where none was made, the day of
// the notice.
func (d *document) when(sp span, status Status, kind Kind) (moment, bool) {
	failed := d.facts().failed || unsold.MatchString(d.s[sp.a:sp.b])
	made := status == Concluded || status == Cancelled || kind == Auction && status == Asked && failed
	key := fmt.Sprint(made, status, kind)
	scores, ok := d.facts().dates[key]
	if !ok {
		scores = make([]int, len(d.moments))
		for i := range d.moments {
			scores[i] = d.dateScore(i, made, status, kind)
		}
		d.once.dates[key] = scores
	}
	best, top, own := 0, 0, 0
	for i, score := range scores {
		if m := d.moments[i]; score > 0 && m.a >= sp.a && m.a < sp.b {
			own++
		}
	}
	for i, score := range scores {
		if m := d.moments[i]; score >= 60 && m.a >= sp.a && m.a < sp.b {
			score += 5
		}
		if m := d.moments[i]; own == 1 && score > 0 && sp.b-sp.a < len(d.s) && m.a >= sp.a && m.a < sp.b && len(d.mentionsIn(span{d.lineStart(m.a), m.a})) > 0 {
			score += 40 // the one date of an item is the item's
		}
		if score > top {
			best, top = i, score
		}
	}
	if top == 0 {
		return moment{}, false
	}
	return d.moments[best], true
}

// dateScore says how likely a date of the text is that of the deal.
func (d *document) dateScore(i int, made bool, status Status, kind Kind) int {
	m, last := d.moments[i], len(d.moments)-1
	pre := d.s[max(0, m.a-75):m.a]
	if j := strings.LastIndexAny(pre, "\n;"); j >= 0 {
		pre = pre[j+1:]
	}
	if j := strings.LastIndex(pre, "。"); j >= 0 {
		pre = pre[j+len("。"):]
	}
	post, far := d.s[m.b:min(len(d.s), m.b+110)], d.s[m.b:min(len(d.s), m.b+300)]
	line := d.s[d.lineStart(m.a):m.a]
	signs := post // up to the next date: who signs, signs on that one
	if i < last {
		signs = d.s[m.b:min(d.moments[i+1].a, m.b+110)]
	}
	untilNext := far // up to the next date
	if i < last {
		untilNext = d.s[m.b:min(d.moments[i+1].a, m.b+300)]
	}
	score := 1
	future := strings.HasSuffix(pre, "定于") || strings.HasSuffix(pre, "将于") || strings.HasSuffix(pre, "拟于")
	switch {
	case made && registered.MatchString(pre):
		score = 57
	case made && signBefore.MatchString(pre):
		score = 90
	case made && closeBefore.MatchString(pre) && !strings.HasSuffix(pre, "于"):
		score = 92
	case made && kind == Auction && i > 0 && rangeMark.MatchString(strings.Replace(hours.ReplaceAllString(d.s[d.moments[i-1].b:m.a], ""), "起", "", 1)) && hours.MatchString(post):
		score = 88 // the bidding ends: 11日10时至12日10时
	case made && kind == Auction && i > 0 && endsThen.MatchString(post) && beganThen.MatchString(d.s[d.moments[i-1].b:m.a]):
		score = 88
	case made && kind == Auction && closeAfter.MatchString(far) && !future && !periodEnd.MatchString(post):
		score = 85
	case made && intent.MatchString(far):
		score = 15
	case made && signAfter.MatchString(signs) && !future && !futureSign.MatchString(post) && !meeting.MatchString(post):
		score = 80
	case made && kind != Auction && dealsAfter.MatchString(far) && !future && !meeting.MatchString(post):
		score = 78
	case made && sameDay.MatchString(untilNext) && !future:
		score = 82
	case made && closeAfter.MatchString(post) && !future:
		score = 60
	case status == Cancelled && withdrawn.MatchString(post):
		score = 70
	case future:
		score = 0
	case strings.HasSuffix(pre, "声明日期:") || strings.HasSuffix(pre, "声明日:"):
		score = 75
	case noDate.MatchString(pre) && !postedAfter.MatchString(post) && !noticeWord.MatchString(strings.TrimRight(pre, "自 ")):
		score = 0
	case i > 0 && rangeMark.MatchString(d.s[d.moments[i-1].b:m.a]):
		score = 0
	case sentAgain.MatchString(pre):
		score = 56
	case noticeWord.MatchString(strings.TrimRight(pre, " ")) || postedAfter.MatchString(post):
		score = 50
	case signature(line, post) && i >= last-1:
		score = 55
	case signature(line, post):
		score = 35
	case noDateAfter.MatchString(post):
		score = 0
	case meeting.MatchString(post) && !strings.HasSuffix(pre, "时间:"):
		score = 0
	case strings.HasSuffix(pre, "时间:"):
		score = 20
	}
	if len(m.form) == 7 {
		score = min(score, max(1, score-11)) // of a month and a day alike, the day
	}
	return score
}

// sentAgain is the day on which a notice was mended.
var sentAgain = compile(`(?:重发|重新发布|更正后?|补正|修订)(?:后)?(?:发布|重发|公示)?(?:日期|时间)?[: ]{0,2}$`)

var (
	endsThen  = compile(`^ ?[0-9]{1,2} ?(?:时|点|:)[^，。;\n]{0,8}(?:止|结束|截止)`)
	beganThen = compile(`^ ?[0-9]{1,2} ?(?:时|点|:)[^。;\n]{0,8}(?:开始|起)，?$`)
)

// registered is the day that the office entered the change or the licence: it
// counts where no day of the contract is told.
var registered = compile(`(?:登记|备案|变更|过户|转移)(?:生效|手续合格|完成|公告)?(?:日期?|时间|于)(?:为|是)?[: ]{0,2}$`)

var hours = compile(`^ ?[0-9]{1,2} ?(?:时|点|(?::[0-9]{2}){1,2})(?:时|[0-9]{1,2}分)?`)

var withdrawn = compile(`^[^。;\n]{0,40}公示(?:了|的)`)

var (
	postedAfter = compile(`^起?(?:张贴|公示|发布|刊登|公开|挂网|上网)|^起 ?(?:[0-9]{1,3}|[一二三五七十]{1,3}) ?个?(?:工作|自然)?[日天]内`)
	intent      = compile(`^[^。;\n]{0,100}?(?:签订|签署|签约|达成)(?:了)?[^。;\n，]{0,16}(?:意向|框架|战略|备忘录)`)
	dealsAfter  = compile(`^(?:，|(?:已)?[将把])[^。;\n]{0,200}?(?:作价|转让[给予与]|许可[给予与]|授权给|卖给|售[予与]|出让[给予与]|许可使用)`)
)

var sameDay = compile(`^[^;\n]{0,120}同日[^。;\n]{0,24}(?:签订|签署|签约|订立)`)

var futureSign = compile(`^[^。;\n]{0,60}?(?:将与|拟与|拟签|将签)`)

// signature reports whether a date stands where a text is signed or headed:
// alone in its line, or at its end behind a body's name.
func signature(line, post string) bool {
	if i := strings.IndexByte(post, '\n'); i >= 0 {
		post = post[:i]
	}
	if strings.Trim(post, " )】*》-\x01《"+`"`) != "" && !newsPaper.MatchString(post) {
		return false
	}
	return !strings.Contains(line, "，") && !strings.Contains(strings.TrimRight(line, "。 "), "。") || strings.HasSuffix(strings.TrimRight(line, " "), "。") || strings.Contains(line, "。 ")
}

var newsPaper = compile(`^ ?《[^》]*》[)） ]*$`)
