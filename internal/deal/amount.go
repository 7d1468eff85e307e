package deal

import (
	"sort"
	"strings"
)

// class is what an amount of money is, by the words around it.
type class uint8

const (
	bare class = iota
	price
	upfront
	start
	ceiling
	appraised
	sum        // 合计: a total of several
	instalment // a part, or money that changes hands without being named a price
	other
)

type labelRule struct {
	words  string
	class  class
	weight int
}

var labelRules = []labelRule{
	{`官费|变更费|登记费|公证费|印花税|培训费|差旅费|检测费|材料费|运费|过户费|次高报价|次高价|工本费|资料费|咨询费|竞买保证金|履约保证金|保证金|佣金|受理费|诉讼费|评估费|代理费|手续费|服务费|交易费|年费|滞纳金|恢复费|奖励|奖金|违约金|赔偿金|赔偿|损失|合理开支|合理费用|注册资本|货币出资|现金出资|货币|现金|营业收入|收入|净资产|总资产|账面原值|账面净值|账面价值|账面值|账面|净值|原值|借款|本金|贷款|授信|融资|补助|补贴|资助|奖补|投资额|总投资|投资|预算|经费|基金|销售额|销售收入|销售该产品|产值|利润|货币资金|余额|债权|关联交易|质押|担保|税额|税款|增值税额|加价幅度|加价阶梯|竞价阶梯|加价|溢价|责任上限|责任|liability|增资|增价幅度|控制价|每股|研发累计|租用|租金|限价|采购|意外|认缴|实缴|提取|押金|研发投入|研发费用|市值|成本|净收益|收益|可获得|税费|索赔|罚款|罚金|工资|年薪|规费|申请费|维持费|认购|股东|股权|定增|income|revenue|funding|research|damages|penalty|deposit|commission|每公斤|每吨|每台|每套|每瓶|每亩|每支|保底`, other, 0},
	{`评估价值|评估值|评估价格|评估价|评估结果|评估结论|评估金额|评估总值|评估总价|评估为|市场价值|价值|估值|估价|评估作价|评估|appraised|valued at`, appraised, 0},
	{`变卖价|转让报价|报价|要价|出售意向价|起拍价格|起拍价|起始价|起价|转让底价|挂牌底价|竞价底价|底价|挂牌价格|挂牌价|挂牌金额|保留价|参考价格|参考价|首次报价|转让参考价|starting price|reserve price`, start, 0},
	{`不超过|不高于|上限|最高不超过|最高|封顶|不得超过|up to|not exceed|exceed|capped at`, ceiling, 0},
	{`签约费|签约金|签字费|启动费|入门许可费|首次许可费|入门费|首付款|首期许可费|首期费|预付许可费|upfront fee|upfront payment|upfront|up-front|initial fee|一次性付款`, upfront, 0},
	{`首期款|首期|首付|预付款|预付|定金|第一期|第二期|第三期|第四期|第一笔|第二笔|第三笔|首笔|尾款|余款|剩余|再付|支付|缴纳|付清|付款|给付|退还|返还|汇入|到账|已付|付|即|shall pay|will pay|pay|paid`, instalment, 0},
	{`合计|总计|共计|总额|总共|一共|累计|total`, sum, 0},
	{`花了|花费|斥资|豪掷|最后一次有效报价|有效报价|成交:|拍出|落在|定格在|一口价|价钱|授权金|授权费|买断费|买断价|议定价格|议定价|约定价款|以自有资金|以自筹资金|转让总价款|转让总价|转让总金额|转让价格|转让价款|转让价|转让费用|转让费总额|转让费|转让金额|转让款|转让对价|转让总额|让与总价|让与价款|让与价格|让与价|许可费总额|许可总费用|许可总价|许可费用|许可使用费总额|许可使用费|许可价格|许可金额|许可费|分许可费|实施许可费|专利使用费|使用费|合同总价款|合同总价|合同总额|合同总金额|合同金额|合同价款|合同价格|合同价|合同额|成交总价|成交价格|成交价|成交金额|成交额|最终报价|最终出价|最高报价|最高应价|最高出价|最高价|再许可费|落槌价|拍卖价|交易价格|交易对价|交易金额|交易价款|交易总价|收购价格|收购价款|购买价格|受让价格|受让价款|受让价|受让金额|出让价格|出让价款|出让价|出让金|作价出资|作价入股|作价投资|折价入股|协议定价|协议价格|协议价|拟定价格|作价|折合|售价|总价款|总价|总金额|总对价|对价|价款|单价|定价|价格|费用|金额|价|consideration|purchase price|transfer price|licence fee|license fee|price of|price`, price, 3},
}

var labelPattern, labelClass = func() (*pattern, map[string]labelRule) {
	var all []string
	byWord := map[string]labelRule{}
	for _, r := range labelRules {
		for _, w := range strings.Split(r.words, "|") {
			if _, twice := byWord[w]; !twice {
				byWord[w] = r
				all = append(all, w)
			}
		}
	}
	sort.Slice(all, func(i, j int) bool { return len(all[i]) > len(all[j]) })
	return compile("(?i:" + strings.Join(all, "|") + ")"), byWord
}()

var (
	soldFor     = compile(`^(?:整|\([^()]{0,12}\))?(?:的|之)?(?:总|最终|协议)?(?:最高应价|最高价|最高报价|价格|价款|对价|成交|竞得|胜出|拍得|购得|受让|买受|转让|摘牌|摘得|拿下|拍走|拍下|买走|买入|购入|夺得|斩获|承接|接手|中标|取得|获得|售出|卖出|落槌|收购|购买|出让|作价|让与|许可|买下|变卖|变现|卖给|卖与|售予|售给|被)`)
	soldBefore  = compile(`(?:^|[^\p{Han}])(?:均|各|仅|分别|共|合计|最终|成功|溢价)?(?:以|按|作价|for|以人民币)(?:人民币|现金|总价|底价|最高价|每件|每项|协议价)?[ ]?$|以(?:人民币|现金|总价|每件|每项)?[ ]?$|(?:出价|报价|应价)(?:人民币)?[ ]?$|按(?:人民币|每件|每项)?[ ]?$`)
	payBefore   = compile(`(?:支付|给付|付给|退还|返还|缴纳|欠付|尚欠)[^，。;]{0,12}$`)
	aggregate   = compile(`累计|以来|全年|历年|签约(?:项目|成果)?[0-9]{1,3}(?:项|个)|同期|同比|年均|上年|去年|[0-9]{4}年度?(?:[^，。;\n]{0,12})?(?:实现|共|总)|In [0-9]{4}|past|in total|资金来源|到位资金|财政|预算`)
	noPrice     = compile(`责任|赔偿|liability|借款|补助|奖补|担保|投资额|增资|授信|违约`)
	perEach     = compile(`(?:每件|每项|每个|单价|每专利|件均|各为|各以|各按|各计|各作价|per patent|each)[^，。;\n]{0,18}$|(?:^|[，:、 )])各(?:自)?(?:人民币)?[ ]?$`)
	headPrice   = compile(`(?:依据|根据|按照|基于)[^。;，\n]{0,160}(?:订立|签订|签署)的[^。;，\n]{0,80}$`) // of the contract that this one rests on
	startPost   = compile(`^(?:整)?(?:起拍|起始|起叫|起价|起竞)`)
	perEachPost = compile(`^(?:整)? ?(?:/|每|per )(?:件|项|个|patent|each)`)
	perYear     = compile(`(?:每年|首年|次年|第[一二三四五]年|年许可费|年费用|逐年|按年|每一年)[^，。;\n]{0,18}$`)
	perYearPost = compile(`^(?:整)? ?(?:/|每|per )(?:年|year|annum)`)
	perUnitPost = compile(`^(?:整)? ?(?:/|每)(?:台|套|公斤|千克|吨|支|瓶|亩|只|平方米|立方米|月|股|辆|片|米)`)
)

// untitled masks the titles of patents and the names of bodies: 一种磨耗评估方法
// names no valuation, and 某投资有限责任公司 neither investment nor liability.
func (d *document) untitled(body string) string {
	out := []byte(body)
	for _, m := range nameWords.FindAllStringIndex(body, -1) {
		mask(out, m[0], m[1])
	}
	for _, m := range quotedTitle.FindAllStringSubmatchIndex(body, -1) {
		if t := body[m[2]:m[3]]; !strings.ContainsAny(t, ":") && !strings.Contains(t, "元") && !notTitle.MatchString(t) {
			mask(out, m[2], m[3])
		}
	}
	for i, m := range d.mentions {
		low, high := 0, len(d.s)
		if i > 0 {
			low = d.mentions[i-1].b
		}
		if i+1 < len(d.mentions) {
			high = d.mentions[i+1].a
		}
		if t := titleOf(d.s, m, low, high); !t.empty() && inventionName.MatchString(d.s[t.a:t.b]) {
			mask(out, t.a, t.b)
		}
	}
	return string(out)
}

// nameWords are the words in the names of bodies that would be labels elsewhere.
var nameWords = compile(`有限责任|(?:投资|基金|担保|评估|融资|保险|收益|资产|服务)[^，。;:、\n给与向由于为将被的以0-9]{0,14}?(?:公司|事务所|集团|合伙企业)`)

var inventionName = compile(`^(?:一种|基于|用于)|(?:方法|装置|系统|设备|机构|工艺|结构|组合物|材料)$`)

var (
	soldAt       = compile(`^(?:整)?(?:的价格)?(?:协议|直接|一次性)?(?:成交|转让|受让|摘牌)`)
	overBasis    = compile(`(?:不低于|高于|低于|等于|参照|参考|依据|根据|按照|结合)(?:该|上述)?$`)
	asBasis      = compile(`^(?:等)?(?:为|作为)(?:定价|作价)?(?:的)?(?:依据|基础|参考|基准|准)`)
	paysPlain    = compile(`^(?:支付|付|缴纳|付款|给付|shall pay|will pay|pay|paid)$`)
	upfrontAfter = compile(`^(?:整)?(?:的)?(?:不可退还的)?(?:首付款|首期款|入门费|预付款|签约金|签约费|upfront|up-front)`)
	priceAfter   = compile(`^(?:整)?(?:的)?(?:专利)?(?:一次性)?(?:转让费|许可费|使用费|许可使用费|转让款|转让价款|价款|转让总价)`)
	totalLabel   = compile(`总`)
	highest      = compile(`^(?:整)?[，,]?(?:的报价)?(?:居首|居第一|最高|为最高|系最高|位列第一|排名第一|列第一|领先|胜出|中选|中标)`)
	bidBefore    = compile(`(?:报价|出价|应价)(?:为|:)?(?:人民币)?[ ]?$`)
	soldRight    = compile(`(?:成交|落槌|拍出|得标|中标|竞得|落锤)(?:于|在|:| )*(?:人民币)?$`)
	startRight   = compile(`(?:起拍|起叫|起竞|挂牌|起始)(?:于|:| )*(?:人民币)?$`)
	inAll        = compile(`(?:^|[，、 (年])共(?:需|收)?(?:支付|计)?(?:人民币)?[ ]?$`)
	changedTo    = compile(`(?:调整|变更|下调|上调|降低|降|修改|修订|改)(?:为|至|到)(?:人民币)?[ ]?$`)
	formerly     = compile(`原(?:合同|协议|先|来)?(?:所)?(?:约定|商定|确定|定|有)?(?:的)?$`)
	otherAssets  = compile(`(?:设备|存货|厂房|房产|房屋|土地|库存|机器|车辆)[^。\n]{0,40}元`)
	ofPatents    = compile(`(?:专利权?|无形资产)(?:共|计)?(?:[0-9]{1,3}|[一二两三四五六七八九十]{1,3})?(?:件|项|个)?[，,: ]?(?:的)?(?:作价|价款|价格|转让价款?|计|对价|评估作价)(?:为)?(?:人民币)?[ ]?$`)
	otherFee     = compile(`，[^，。;\n]{0,12}\p{Han}(?:费|税|款|金)(?:用)?(?:为|约|计|共)?[: ]?$`)
)

// basis reports whether a label names what a price rests on and not the amount
// behind it: 以评估值为基础，确定为80万元; 不低于评估价，为35万元.
func basis(body string, label []int, amount int) bool {
	return asBasis.MatchString(body[label[1]:min(len(body), label[1]+40)]) ||
		strings.HasPrefix(body[label[0]:], "评估") && strings.Contains(body[label[1]:amount], "，") && overBasis.MatchString(body[max(0, label[0]-24):label[0]])
}

// around is what stands beside an amount.
type around struct {
	body         string
	low          int    // where its own piece of the sentence begins
	sentence     string // up to the amount
	pre, post    string // its own piece, and what follows
	best, second []int  // the last label before it, and the one before that
}

// word is the text of a label.
func (a *around) word(label []int) string { return a.body[label[0]:label[1]] }

// rule is what a label says of the amount behind it.
func (a *around) rule(label []int) labelRule { return labelClass[strings.ToLower(a.word(label))] }

// beforeLabel is the piece right before the label of an amount.
func (a *around) beforeLabel(m *money) string {
	return a.body[max(a.low, m.label.a-36):max(a.low, m.label.a)]
}

// classify says of every amount what it is.
func (d *document) classify(body string) {
	plain := d.untitled(body)
	labels := labelPattern.FindAllStringIndex(plain, -1)
	besideAssets := otherAssets.MatchString(body)
	first := 0
	for i := range d.money {
		m := &d.money[i]
		c := around{body: body, low: max(0, m.a-150)}
		c.low += strings.LastIndexAny(body[c.low:m.a], "\n\t;|") + 1
		if j := strings.LastIndex(body[c.low:m.a], "。"); j >= 0 {
			c.low += j + len("。")
		}
		c.sentence = plain[c.low:m.a]
		if i > 0 && d.money[i-1].b > c.low {
			c.low = d.money[i-1].b
		}
		for first < len(labels) && labels[first][1] <= c.low {
			first++
		}
		for j := first; j < len(labels) && labels[j][1] <= m.a; j++ {
			if labels[j][0] >= c.low && !basis(body, labels[j], m.a) {
				c.second, c.best = c.best, labels[j]
			}
		}
		c.pre, c.post = body[c.low:m.a], body[m.b:min(len(body), m.b+60)]
		m.byLabel(&c)
		m.byOwnWords(&c, besideAssets)
		m.bySale(&c)
		m.perWhat(&c)
		if i > 0 && again.MatchString(body[d.money[i-1].b:m.a]) { // (小写：¥30,000.00)
			p := d.money[i-1]
			m.class, m.weight, m.per = p.class, p.weight-1, p.per
			if p.class == price {
				m.weight = p.weight
			}
		}
	}
}

// byLabel takes an amount for what the label before it says.
func (m *money) byLabel(c *around) {
	m.class, m.weight = bare, 1
	if c.best == nil {
		return
	}
	word, rule := c.word(c.best), c.rule(c.best)
	m.class, m.weight, m.label = rule.class, rule.weight, span{c.best[0], c.best[1]}
	if totalLabel.MatchString(word) {
		m.total = word
	}
	var before labelRule
	if c.second != nil {
		before = c.rule(c.second)
	}
	switch {
	case rule.class == sum:
		m.weight = 2
		if c.second != nil && (before.class == price || before.class == upfront || before.class == ceiling || before.class == appraised || before.class == other) && !strings.Contains(c.body[c.second[1]:c.best[0]], "，") {
			m.class, m.weight, m.label = before.class, 3, span{c.second[0], c.second[1]} // 转让费合计
		}
	case rule.class == ceiling && c.second != nil && (before.class == sum || before.class == price && strings.Contains(c.word(c.second), "总")):
		m.weight = 3
	case rule.class == price && (strings.HasSuffix(word, "费用") || word == "金额" || word == "价"):
		m.weight = 2
	}
	if m.class == price && c.second != nil && !strings.HasPrefix(word, "作价") && (before.class == start || before.class == other || before.class == appraised) {
		if strings.TrimLeft(c.body[c.second[1]:c.best[0]], " ") == "" {
			m.class = before.class
		}
	}
	if strings.Count(c.body[c.best[1]:m.a], "，") > 1 && m.class != other && m.class != sum {
		m.weight = min(m.weight, 1)
	}
}

// byOwnWords takes an amount for what the words right beside it say.
func (m *money) byOwnWords(c *around, besideAssets bool) {
	switch {
	case m.class != bare && m.class != instalment:
	case soldRight.MatchString(c.pre):
		m.class, m.weight = price, 3 // 落槌 6.1万元
	case startRight.MatchString(c.pre):
		m.class, m.weight = start, 3
	}
	if m.class == bare && inAll.MatchString(c.pre) {
		m.class, m.weight = sum, 2 // 3万元/年，共9万元
	}
	if m.class == instalment && c.second != nil && c.rule(c.second).class == sum && strings.TrimSpace(c.body[c.second[1]:c.best[0]]) == "" {
		m.class, m.weight = sum, 2 // 合计支付10万元
	}
	if m.class == bare || m.class == instalment && paysPlain.MatchString(c.body[m.label.a:m.label.b]) {
		switch {
		case upfrontAfter.MatchString(c.post):
			m.class = upfront // 支付200万元首付款
		case priceAfter.MatchString(c.post):
			m.class, m.weight = price, 3
		}
	}
	if (m.class == price || m.class == bare) && changedTo.MatchString(c.pre) {
		m.class, m.weight = price, 4 // 由70万元调整为52万元
	}
	if m.class == price && formerly.MatchString(c.beforeLabel(m)) {
		m.class = other
	}
	if m.class == price && besideAssets && ofPatents.MatchString(c.sentence) {
		m.weight = 5 // the patents' own price beside that of machines and stock
	}
	if c.best != nil && m.class == price && otherFee.MatchString(c.body[c.best[1]:m.a]) {
		m.class = other // 不收取费用，变更官费200元: the last fee named has no rule
	}
	if m.class == price && payBefore.MatchString(c.beforeLabel(m)) {
		m.weight = 1
	}
}

// bySale takes an amount for a price where the words behind it sell for it, and
// for none where the sentence speaks of something else.
func (m *money) bySale(c *around) {
	near := c.post[:min(len(c.post), 30)]
	sold := soldFor.MatchString(c.post) && soldBefore.MatchString(c.pre) || strings.HasPrefix(c.post, "的价格") || strings.HasPrefix(c.post, "价格") || strings.HasPrefix(c.post, "的最高")
	if sold && (m.class != other || strings.Contains(near, "转让") || strings.Contains(near, "受让")) {
		m.class, m.weight = price, 3
	}
	if (m.class == ceiling || m.class == sum) && noPrice.MatchString(c.sentence) {
		m.class = other
	}
	if m.class != ceiling && aggregate.MatchString(c.sentence) && !strings.Contains(c.sentence, "三年共计") {
		m.class = other
	}
	if m.class == start && soldAt.MatchString(c.post) && strings.HasSuffix(strings.TrimRight(c.beforeLabel(m), " "), "按") {
		m.class, m.weight = price, 3 // 按挂牌价110万元协议成交
	}
	if (m.class == start || m.class == bare || m.class == price) && highest.MatchString(c.post) && bidBefore.MatchString(c.pre) {
		m.class, m.weight = price, 3 // 报价3.35万元居首
	}
	if startPost.MatchString(c.post) {
		m.class, m.weight = start, 3
	}
	if m.class == price && headPrice.MatchString(c.sentence) || perUnitPost.MatchString(c.post) {
		m.class = other
	}
}

// perWhat reads whether an amount is for each patent, or for a year.
func (m *money) perWhat(c *around) {
	clause := c.pre
	if j := strings.LastIndex(clause, "，"); j >= 0 {
		clause = clause[j+len("，"):]
	}
	if perEach.MatchString(clause) || perEachPost.MatchString(c.post) {
		m.per = "each"
	}
	if perYear.MatchString(c.pre) || perYearPost.MatchString(c.post) {
		m.per = "year"
	}
}

var again = compile(`^(?:整|正)?[ ]?\((?:小写|大写|即|人民币|计|SAY)?[:： ]{0,3}(?:人民币|RMB)?[ ]?$`)
