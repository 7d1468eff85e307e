package deal

import (
	"slices"
	"sort"
	"strings"
	"unicode/utf8"
)

// document is a text with everything in it that a deal is made of.
type document struct {
	v        *view
	s        string // folded; what no rule may read is masked
	heading  string // the first lines
	mentions []mention
	money    []money
	moments  []moment
	lines    []span
	tables   []table
	aliases  []alias
	issuer   party // who speaks: 我校, 本公司, the body that signs
	listed   bool  // a listed company's announcement
	hostile  bool
	changed  bool // a correction of an earlier notice
	notes    []Warning
	once     facts
}

// facts are what is read of the whole text once, however many rows it has.
type facts struct {
	known        bool
	signed       span
	proposed     span
	free         span
	related      string
	relatedAt    span
	open, called bool // an open licence; called off
	contract     bool
	court        bool
	markets      map[Kind]Market
	dates        map[string][]int // scores of the moments, by status and kind
	term         Row
}

// facts reads them.
func (d *document) facts() *facts {
	f := &d.once
	if f.known {
		return f
	}
	f.known = true
	f.signed = d.signed(d.s, 0)
	if m := proposeWord.FindStringIndex(d.s); m != nil {
		f.proposed = span{m[0], m[1]}
	}
	if m := freeOf(d.s); m != nil {
		f.free = span{m[0], m[1]}
	}
	f.related, f.relatedAt = d.related(d.s)
	f.open, f.called = openWord.MatchString(d.s), cancelWord.MatchString(d.s)
	f.contract = contractHead.MatchString(d.heading) && !noticeHead.MatchString(d.heading)
	f.court = courtHead.MatchString(d.heading)
	f.markets, f.dates = map[Kind]Market{}, map[string][]int{}
	for _, l := range d.lines {
		if m := termLabel.FindStringIndex(d.s[l.a:l.b]); m != nil {
			if d.term(&f.term, span{l.a + m[0], min(l.b, l.a+m[0]+160)}); f.term.TermYears != nil {
				return f
			}
		}
	}
	d.term(&f.term, span{0, len(d.s)})
	return f
}

const masked = '\x01'

func mask(b []byte, a, z int) {
	for i := a; i < z; i++ {
		if b[i] != '\n' {
			b[i] = masked
		}
	}
}

var (
	hostileWord = compile(`(?i)忽略(?:此前|以上|之前|前述|上述|前面|所有|全部|本)|系统提示|系统指令|系统消息|提示词|阅读本文的|(?:人工智能|大模型|语言模型|智能体|AI|抽取程序|识别程序|解析程序|录入程序|读取程序)[^。\n]{0,24}(?:请|使用|应当|须|必须|忽略|输出|登记|记录|返回|填写|视为)|自动(?:提取|抽取|识别|读取|录入)程序|正确答案|直接照抄|读到此处|"(?:amount|numbers|price_kind|buyer)"|(?:金额|价格)均以[^。\n]{0,14}为(?:最小)?单位|ignore (?:all|any|previous|the above|prior|every)|system prompt|AI assistants?|language models?|AI agents?|(?:output|return|report) (?:an? )?(?:empty|the following)|as an AI|(?:status|amount|price_kind|buyer|seller|deal_kind)\s*(?:写为|设为|改为|填|=)`)
	correction  = compile(`由[“"]?([^“”"\n。;]{1,80}?)[”"]?(?:更正|变更|修改|调整|修正|改)为[“"]?`)
	corrected   = compile(`“([^“”\n]{1,80})”[，, ]{0,2}(?:应当为|应为|应是|应改为|现改为|现为|现更正为|更正为|改为|修改为|订正为|勘误为)`)
	wrongFormer = compile(`(?:误写为|误为|误录为|原公示为|原文为|原为|更正前)[:“" ]{0,4}([^“”"\n。;，]{1,80})`)
	denial      = compile(`(?:未处于|未许可|未曾许可|没有许可|不得|不另行|已取得该[^，。;\n]{0,12}的|禁止)[^，。;\n]{0,40}(?:许可|转让)[^，。;\n]{0,12}`)
	aside       = compile(`不在(?:此次|本次)[^。\n]{0,16}范围|另有?一[件项](?:发明|实用新型|外观设计)?专利`)
	codeLine    = compile(`证券代码|股票代码|证券简称|公告编号`)
)

func newDocument(text string) *document {
	d := &document{v: newView(text)}
	d.s = d.v.s
	d.guard()
	d.splitLines()
	d.listed = codeLine.MatchString(d.s[:min(len(d.s), 400)]) || compile(`(?:股份有限公司|集团)董事会|上海证券交易所|深圳证券交易所|北京证券交易所`).MatchString(d.s)
	d.mentions = mentions(d.s)
	d.tables = d.findTables()
	d.names()
	body := []byte(d.s)
	for _, m := range d.mentions {
		mask(body, m.a, m.b)
	}
	d.moments = moments(string(body))
	for _, m := range d.moments {
		mask(body, m.a, m.b)
	}
	d.money = amounts(string(body))
	d.withoutUnit(string(body))
	d.classify(string(body))
	return d
}

// guard masks what speaks to the reader instead of the public, and what a
// correction takes back.
func (d *document) guard() {
	body := []byte(d.s)
	done := 0
	for _, m := range hostileWord.FindAllStringIndex(d.s, -1) {
		d.hostile = true
		if m[1] <= done {
			continue
		}
		a := d.lineStart(m[0])
		if i := strings.LastIndex(d.s[a:m[0]], "。"); i >= 0 {
			a += i + len("。")
		}
		if i := strings.LastIndex(d.s[a:m[0]], "【"); i >= 0 {
			a += i
		}
		z := d.lineEnd(m[1])
		if i := strings.Index(d.s[m[1]:z], "】"); i >= 0 && strings.Contains(d.s[a:m[1]], "【") {
			z = m[1] + i + len("】")
		} else if i := strings.Index(d.s[m[1]:z], "。"); i >= 0 && !strings.Contains(d.s[a:m[1]], "【") {
			z = m[1] + i + len("。")
		}
		z = min(z, m[1]+farthest)
		mask(body, max(a, done), z)
		done = z
	}
	for _, m := range aside.FindAllStringIndex(d.s, -1) {
		a := d.lineStart(m[0])
		if i := strings.LastIndex(d.s[a:m[0]], "。"); i >= 0 {
			a += i + len("。")
		}
		z := m[1]
		if i := strings.IndexAny(d.s[z:min(len(d.s), z+farthest)], "\n。"); i >= 0 {
			z += i
		}
		mask(body, a, z)
	}
	for _, re := range []*pattern{correction, corrected, wrongFormer} {
		for _, m := range re.FindAllStringSubmatchIndex(string(body), -1) {
			d.changed = true
			mask(body, m[2], m[3])
		}
	}
	d.s = string(body)
}

func (d *document) splitLines() {
	at := 0
	for at <= len(d.s) {
		end := strings.IndexByte(d.s[at:], '\n')
		if end < 0 {
			end = len(d.s) - at
		}
		d.lines = append(d.lines, span{at, at + end})
		at += end + 1
	}
	var head []string
	size := 0
	for _, l := range d.lines {
		t := strings.Trim(d.s[l.a:l.b], " \t#>*=-\x01")
		if t == "" || codeLine.MatchString(t) {
			if len(head) > 0 && t == "" {
				break
			}
			continue
		}
		if len(head) > 0 && (size > 120 || strings.Contains(t, "。") || labelLine.MatchString(t)) {
			break
		}
		head = append(head, t)
		if size += len(t); len(head) == 3 {
			break
		}
	}
	d.heading = strings.Join(head, "\n")
	if len(d.heading) > 400 {
		d.heading = d.heading[:400]
	}
}

var labelLine = compile(`^[^，。:]{1,16}:`)

// names finds the short names of a text and the body that speaks in it.
func (d *document) names() {
	for _, m := range shortName.FindAllStringSubmatchIndex(d.s, 64) {
		of, ok := d.orgBefore(m[0])
		if !ok {
			continue
		}
		for i := 2; i+1 < len(m); i += 2 {
			if m[i] >= 0 {
				d.aliases = append(d.aliases, alias{d.s[m[i]:m[i+1]], of})
			}
		}
	}
	called := calledParty.FindAllStringSubmatchIndex(d.s, 32)
	if courtHead.MatchString(d.heading) {
		called = append(called, pleader.FindAllStringSubmatchIndex(d.s, 32)...)
	}
	for _, m := range called {
		name := d.s[m[2]:m[3]]
		if p, ok := d.partiesAt(m[1], d.lineEnd(m[1])); ok && !d.known(name) {
			d.aliases = append(d.aliases, alias{name, p})
			if strings.HasSuffix(name, "告") && d.s[p.a:p.b] != "" {
				d.aliases = append(d.aliases, alias{d.s[p.a:p.b], p})
			}
		}
	}
	for _, m := range weAre.FindAllStringSubmatchIndex(d.s, 4) { // 我们(某公司)
		if o, ok := orgAt(d.s, m[1]); ok && o.b < len(d.s) && d.s[o.b] == ')' && !d.known(d.s[m[2]:m[3]]) {
			d.aliases = append(d.aliases, alias{d.s[m[2]:m[3]], party{span: o, name: d.v.value(o)}})
		}
	}
	for _, l := range d.lines[:min(len(d.lines), 8)] { // 某公司:  贵公司…
		at := l.a + len(addressee.FindString(d.s[l.a:l.b]))
		if o, ok := orgAt(d.s, at); ok && strings.TrimRight(d.s[o.b:max(o.b, l.b)], " ") == ":" {
			for _, w := range []string{"贵公司", "贵司", "贵方", "贵单位", "你单位", "你公司"} {
				if !d.known(w) {
					d.aliases = append(d.aliases, alias{w, party{span: o, name: d.v.value(o)}})
				}
			}
		}
	}
	d.issuer = d.findIssuer()
	sort.SliceStable(d.aliases, func(i, j int) bool { return len(d.aliases[i].name) > len(d.aliases[j].name) })
	if d.issuer.name != "" {
		for _, w := range []string{"我校", "本校", "我院", "本院", "我所", "本所", "本公司", "我公司", "我司", "本单位", "我单位", "本中心", "我中心", "学校", "该校", "该院", "该所", "我方", "我们"} {
			if !d.known(w) {
				d.aliases = append(d.aliases, alias{w, d.issuer})
			}
		}
		if strings.HasSuffix(d.issuer.name, "公司") && !d.known("发行人") {
			d.aliases = append(d.aliases, alias{"发行人", d.issuer})
		}
		if (d.listed || strings.Contains(d.heading, "发行人")) && strings.HasSuffix(d.issuer.name, "公司") && !d.known("公司") {
			d.aliases = append(d.aliases, alias{"公司", d.issuer})
		}
	}
}

// addressee begins the line of a letter that names whom it is to.
var addressee = compile(`^ *(?:致[: ]*)?`)

// weAre is 我们(某公司).
var weAre = compile(`(我们|我方|我司|我公司|本公司|我校|我院|我所|我厂|本单位)\(`)

var calledParty = compile(`(?:^|[\n(，。;与和诉及 ])(?:[\p{Han}]{2,5}\()?(甲方|乙方|丙方|原告|被告)(?:\((?:转让方|受让方|让与人|受让人|许可方|被许可方|许可人|被许可人)\))?\)?(?:\([^)\n]{0,20}\))?(?:为|是)?[: ]*`)

// pleader is what a party is called in a judgment or an award.
var pleader = compile(`(?:^|[\n(，。; ])(申请执行人|被执行人|被申请人|申请人|被上诉人|上诉人)(?:\([^)\n]{0,20}\))?[: ]*`)

func (d *document) known(name string) bool {
	return slices.ContainsFunc(d.aliases, func(a alias) bool { return a.name == name })
}

// farthest bounds how far an edge of a line is looked for, in bytes: a line
// without end must not make the work grow with its square.
const farthest = 4000

func (d *document) lineEnd(at int) int {
	end := min(len(d.s), at+farthest)
	if i := strings.IndexByte(d.s[at:end], '\n'); i >= 0 {
		return at + i
	}
	return end
}

func (d *document) lineStart(at int) int {
	low := max(0, at-farthest)
	if i := strings.LastIndexByte(d.s[low:at], '\n'); i >= 0 {
		return low + i + 1
	}
	return low
}

// orgBefore finds the body named right before a place.
func (d *document) orgBefore(at int) (party, bool) {
	low := max(0, at-180)
	low += boundary(d.s[low:at])
	orgs := d.orgsIn(span{low, at})
	if len(orgs) == 0 {
		return party{}, false
	}
	last := orgs[len(orgs)-1]
	return last, last.b >= at-2
}

func boundary(s string) int { return strings.LastIndexAny(s, "\n") + 1 }

var (
	orgEdge = compile(`[，。;:、\n\t“”《》"|()\x01]|被告|原告|由|给|与|向|受|被|将|和|及|系|经|为|是|对|从|在|于|以|[0-9]日|  `)
	orgTrim = compile(`^(?:[0-9]{4}年(?:[0-9]{1,2}月)?(?:[0-9]{1,2}日)?|鉴于|由于|兹因|截至目前|截至|目前|申请执行人|被执行人|据悉|近日|日前|我国|约定|明确|载明|兹证明|兹有|证明|其中|以及|以|及|和|与|经|由|向|给|对|现|兹|拟|为|于|在|该|本次|本|日|被|受让方|转让方|许可方|受让人|竞买人|买受人|委托方|委托人|意向受让方|自然人|原告|被告|专利权人|申请人|关于|转发|转载)+`)
)

// orgsIn finds the bodies named in a piece.
func (d *document) orgsIn(sp span) []party {
	var out []party
	at := sp.a
	for at < sp.b && len(out) < 40 {
		start := at + len(orgTrim.FindString(d.s[at:sp.b]))
		if o, ok := orgAt(d.s, start); ok && o.b <= sp.b {
			// A verb inside means that the name starts behind it.
			name := d.s[o.a:o.b]
			if cut := innerCut(name); cut > 0 {
				if rest, ok := orgAt(d.s, o.a+cut); ok && rest.b == o.b && o.b-o.a-cut >= 12 {
					o = rest
				}
			}
			if !anyBody.MatchString(d.s[o.a:o.b]) { // 贵公司 is no name
				out = append(out, party{span: o, name: d.v.value(o)})
			}
			at = o.b
			continue
		}
		m := orgEdge.FindStringIndex(d.s[start:sp.b])
		if m == nil {
			break
		}
		at = start + m[1]
	}
	return out
}

// innerCut finds where the words before a name end, such as 由 and 向; those
// that belong to a name (给水, 系统, 方向) are none.
func innerCut(name string) int {
	cut := 0
	for _, m := range innerEdge.FindAllStringIndex(name, -1) {
		whole := false
		for _, w := range nameWord.FindAllStringIndex(name, -1) {
			whole = whole || w[0] <= m[0] && m[1] <= w[1]
		}
		if !whole {
			cut = m[1]
		}
	}
	return cut
}

var nameWord = compile(`给水|给排水|供给|补给|系统|体系|水系|系泊|系列|系缆|方向|定向|向阳|向荣|转向|导向|航向|面向|自由|被服|植被|是非`)

var innerEdge = compile(`征集到|由|给|向|被|的|系|是|[0-9]日|[年月]内|确定|同意|委托|子公司|全资|公司与|大学与|学院与`)

// findIssuer finds who speaks: the body that signs at the end, or the one that
// the title begins with.
func (d *document) findIssuer() party {
	var head, foot party
	firsts := 0
	for _, l := range d.lines {
		t := d.s[l.a:l.b]
		trim := len(headNoise.FindString(t))
		trim += len(headYear.FindString(t[trim:]))
		if strings.TrimSpace(t) == "" || codeLine.MatchString(t) {
			continue
		}
		if firsts++; firsts > 3 {
			break
		}
		if o, ok := orgAt(d.s, l.a+trim); ok && o.b <= l.b && !auctioneer.MatchString(d.s[o.a:o.b]) {
			if head.name == "" || d.listed && strings.HasSuffix(d.s[o.a:o.b], "公司") && !strings.HasSuffix(head.name, "公司") {
				head = party{span: o, name: d.v.value(o)}
			}
			if !d.listed {
				break
			}
		}
	}
	lasts := 0
	for i := len(d.lines) - 1; i >= 0 && lasts < 5; i-- {
		l := d.lines[i]
		t := d.s[l.a:l.b]
		if strings.TrimSpace(t) == "" {
			continue
		}
		lasts++
		if strings.ContainsAny(t, ":|\t") && !compile(`^(?:发布|公示|落款|单位|发布单位|公告单位|公示单位)`).MatchString(strings.TrimSpace(t)) && !strings.Contains(t, "日期") || strings.Count(t, "，") > 1 || len(t) > 200 {
			continue
		}
		trim := len(t) - len(strings.TrimLeft(t, " \t>*"))
		if m := compile(`(?:发布单位|公示单位|公告单位|单位):`).FindStringIndex(t); m != nil {
			trim = m[1]
		}
		trim += len(orgTrim.FindString(d.s[l.a+trim : l.b]))
		if o, ok := orgAt(d.s, l.a+trim); ok && o.b <= l.b && !auctioneer.MatchString(d.s[o.a:o.b]) {
			foot = party{span: o, name: d.v.value(o)}
			break
		}
		if i := strings.LastIndex(t, "。"); i >= 0 {
			if o, ok := orgAt(d.s, l.a+i+len("。")); ok && o.b <= l.b {
				foot = party{span: o, name: d.v.value(o)}
				break
			}
		}
	}
	if foot.name != "" && utf8.RuneCountInString(head.name) <= 5 && department.MatchString(head.name) && weakSeller.MatchString(foot.name) {
		return foot // 农学院 of the university that signs
	}
	if foot.name != "" && (head.name == "" || strings.HasPrefix(foot.name, head.name) || !d.listed && !weakSeller.MatchString(head.name)) {
		return foot
	}
	if head.name != "" || foot.name != "" {
		return orElse(head, foot)
	}
	for _, p := range d.orgsIn(span{0, min(len(d.s), len(d.heading))}) { // 清单(某大学，2023年发布)
		if sells(p.name) && !auctioneer.MatchString(p.name) {
			return p
		}
	}
	return foot
}

var headYear = compile(`^[0-9]{4}(?:年度?|-[0-9]{4}年?)(?:[0-9]{1,2}月)?`)

var headNoise = compile(`^[ \t#>*]*(?:【[^】\n]*】|\[[^\]\n]*\]|通知公告|公示|公告|关于|转发|转载|\([^)\n]{1,12}\)|[: ])*`)

var auctioneer = compile(`拍卖|仲裁委|交易中心|交易所|法院|法庭|产权交易|保护中心|管理局|知识产权局`)

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
	{`最后一次有效报价|有效报价|成交:|拍出|落在|定格在|一口价|价钱|授权金|授权费|买断费|买断价|议定价格|议定价|约定价款|以自有资金|以自筹资金|转让总价款|转让总价|转让总金额|转让价格|转让价款|转让价|转让费用|转让费总额|转让费|转让金额|转让款|转让对价|转让总额|让与总价|让与价款|让与价格|让与价|许可费总额|许可总费用|许可总价|许可费用|许可使用费总额|许可使用费|许可价格|许可金额|许可费|分许可费|实施许可费|专利使用费|使用费|合同总价款|合同总价|合同总额|合同总金额|合同金额|合同价款|合同价格|合同价|合同额|成交总价|成交价格|成交价|成交金额|成交额|最终报价|最终出价|最高报价|最高应价|最高出价|最高价|再许可费|落槌价|拍卖价|交易价格|交易对价|交易金额|交易价款|交易总价|收购价格|收购价款|购买价格|受让价格|受让价款|受让价|受让金额|出让价格|出让价款|出让价|出让金|作价出资|作价入股|作价投资|折价入股|协议定价|协议价格|协议价|拟定价格|作价|折合|售价|总价款|总价|总金额|总对价|对价|价款|单价|定价|价格|费用|金额|价|consideration|purchase price|transfer price|licence fee|license fee|price of|price`, price, 3},
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
	soldFor     = compile(`^(?:整|\([^()]{0,12}\))?(?:的|之)?(?:总|最终|协议)?(?:最高应价|最高价|最高报价|价格|价款|对价|成交|竞得|胜出|拍得|购得|受让|转让|摘牌|摘得|拿下|中标|取得|获得|售出|卖出|落槌|收购|购买|出让|作价|让与|许可|买下|变卖|变现|卖给|卖与|售予|售给|被)`)
	soldBefore  = compile(`(?:^|[^\p{Han}])(?:均|各|仅|分别|共|合计|最终|成功|溢价)?(?:以|按|作价|for|以人民币)(?:人民币|现金|总价|底价|最高价|每件|每项|协议价)?[ ]?$|以(?:人民币|现金|总价|每件|每项)?[ ]?$|(?:出价|报价|应价)(?:人民币)?[ ]?$|按(?:人民币|每件|每项)?[ ]?$`)
	payBefore   = compile(`(?:支付|给付|付给|退还|返还|缴纳|欠付|尚欠)[^，。;]{0,12}$`)
	aggregate   = compile(`累计|以来|全年|历年|同期|同比|年均|上年|去年|[0-9]{4}年度?(?:[^，。;\n]{0,12})?(?:实现|共|总)|In [0-9]{4}|past|in total|资金来源|到位资金|财政|预算`)
	noPrice     = compile(`责任|赔偿|liability|借款|补助|奖补|担保|投资额|增资|授信|违约`)
	perEach     = compile(`(?:每件|每项|每个|单价|每专利|件均|各为|各以|各按|各计|各作价|per patent|each)[^，。;\n]{0,18}$|(?:^|[，:、 )])各(?:自)?(?:人民币)?[ ]?$`)
	headPrice   = compile(`(?:依据|根据|按照|基于)[^。;，\n]{0,160}(?:订立|签订|签署)的[^。;，\n]{0,80}$`) // of the contract that this one rests on
	startPost   = compile(`^(?:整)?(?:起拍|起始|起叫|起价|起竞)`)
	perEachPost = compile(`^(?:整)? ?(?:/|每|per )(?:件|项|个|patent|each)`)
	perYear     = compile(`(?:每年|年许可费|年费用|逐年|按年|每一年)[^，。;\n]{0,18}$`)
	perYearPost = compile(`^(?:整)? ?(?:/|每|per )(?:年|year|annum)`)
	perUnitPost = compile(`^(?:整)? ?(?:/|每)(?:台|套|公斤|千克|吨|支|瓶|亩|只|平方米|立方米|月|股|辆|片|米)`)
)

// untitled masks the titles of patents: 一种磨耗评估方法 names no valuation.
func (d *document) untitled(body string) string {
	out := []byte(body)
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

var inventionName = compile(`^(?:一种|基于|用于)|(?:方法|装置|系统|设备|机构|工艺|结构|组合物|材料)$`)

var (
	soldAt       = compile(`^(?:整)?(?:的价格)?(?:协议|直接|一次性)?(?:成交|转让|受让|摘牌)`)
	overBasis    = compile(`(?:不低于|高于|低于|等于|参照|参考|依据|根据|按照|结合)(?:该|上述)?$`)
	asBasis      = compile(`^(?:等)?(?:为|作为)(?:定价|作价)?(?:的)?(?:依据|基础|参考|基准|准)`)
	paysPlain    = compile(`^(?:支付|付|缴纳|付款|给付|shall pay|will pay|pay|paid)$`)
	upfrontAfter = compile(`^(?:整)?(?:的)?(?:不可退还的)?(?:首付款|首期款|入门费|预付款|签约金|签约费|upfront|up-front)`)
	priceAfter   = compile(`^(?:整)?(?:的)?(?:专利)?(?:一次性)?(?:转让费|许可费|使用费|许可使用费|转让款|转让价款|价款|转让总价)`)
	totalLabel   = compile(`总`)
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

// classify says of every amount what it is.
func (d *document) classify(body string) {
	labels := labelPattern.FindAllStringIndex(d.untitled(body), -1)
	besideAssets := otherAssets.MatchString(body)
	first := 0
	for i := range d.money {
		m := &d.money[i]
		low := max(0, m.a-150)
		if j := strings.LastIndexAny(body[low:m.a], "\n\t;|"); j >= 0 {
			low += j + 1
		}
		if j := strings.LastIndex(body[low:m.a], "。"); j >= 0 {
			low += j + len("。")
		}
		sentence := body[low:m.a]
		if i > 0 && d.money[i-1].b > low {
			low = d.money[i-1].b
		}
		for first < len(labels) && labels[first][1] <= low {
			first++
		}
		var best, second []int
		for j := first; j < len(labels) && labels[j][1] <= m.a; j++ {
			if labels[j][0] >= low && !basis(body, labels[j], m.a) {
				second, best = best, labels[j]
			}
		}
		if best != nil && totalLabel.MatchString(body[best[0]:best[1]]) {
			m.total = body[best[0]:best[1]]
		}
		post := body[m.b:min(len(body), m.b+60)]
		pre := body[low:m.a]
		clause := pre
		if j := strings.LastIndex(pre, "，"); j >= 0 {
			clause = pre[j+len("，"):]
		}
		m.class, m.weight = bare, 1
		if best != nil {
			rule := labelClass[strings.ToLower(body[best[0]:best[1]])]
			m.class, m.weight, m.label = rule.class, rule.weight, span{best[0], best[1]}
			switch {
			case rule.class == sum && second != nil:
				if r := labelClass[strings.ToLower(body[second[0]:second[1]])]; (r.class == price || r.class == upfront || r.class == ceiling || r.class == appraised || r.class == other) && !strings.Contains(body[second[1]:best[0]], "，") {
					m.class, m.weight, m.label = r.class, 3, span{second[0], second[1]}
				} else {
					m.weight = 2
				}
			case rule.class == ceiling && second != nil && labelClass[strings.ToLower(body[second[0]:second[1]])].class == sum:
				m.weight = 3
			case rule.class == price && (strings.HasSuffix(body[best[0]:best[1]], "费用") || body[best[0]:best[1]] == "金额" || body[best[0]:best[1]] == "价"):
				m.weight = 2
			case rule.class == sum:
				m.weight = 2
			}
			gap := body[best[1]:m.a]
			if m.class == price && second != nil {
				if r := labelClass[strings.ToLower(body[second[0]:second[1]])]; !strings.HasPrefix(body[best[0]:best[1]], "作价") && r.class == start || !strings.HasPrefix(body[best[0]:best[1]], "作价") && (r.class == other || r.class == appraised) {
					if strings.TrimLeft(body[second[1]:best[0]], " ") == "" {
						m.class = r.class
					}
				}
			}
			if strings.Count(gap, "，") > 1 && m.class != other && m.class != sum {
				m.weight = min(m.weight, 1)
			}
		}
		if m.class == bare || m.class == instalment && paysPlain.MatchString(body[m.label.a:m.label.b]) {
			switch {
			case upfrontAfter.MatchString(post):
				m.class = upfront // 支付200万元首付款
			case priceAfter.MatchString(post):
				m.class, m.weight = price, 3
			}
		}
		if (m.class == price || m.class == bare) && changedTo.MatchString(pre) {
			m.class, m.weight = price, 4 // 由70万元调整为52万元
		}
		if m.class == price && formerly.MatchString(body[max(low, m.label.a-36):max(low, m.label.a)]) {
			m.class = other
		}
		if m.class == price && besideAssets && ofPatents.MatchString(sentence) {
			m.weight = 5 // the patents' own price beside that of machines and stock
		}
		if best != nil && m.class == price && otherFee.MatchString(body[best[1]:m.a]) {
			m.class = other // 不收取费用，变更官费200元: the last fee named has no rule
		}
		if m.class == price && payBefore.MatchString(body[max(low, m.label.a-36):max(low, m.label.a)]) {
			m.weight = 1
		}
		if soldFor.MatchString(post) && soldBefore.MatchString(pre) || strings.HasPrefix(post, "的价格") || strings.HasPrefix(post, "价格") || strings.HasPrefix(post, "的最高") {
			if m.class != other || strings.Contains(post[:min(len(post), 30)], "转让") || strings.Contains(post[:min(len(post), 30)], "受让") {
				m.class, m.weight = price, 3
			}
		}
		if (m.class == ceiling || m.class == sum) && noPrice.MatchString(sentence) {
			m.class = other
		}
		if m.class != ceiling && aggregate.MatchString(sentence) && !strings.Contains(sentence, "三年共计") {
			m.class = other
		}
		if m.class == start && soldAt.MatchString(post) && strings.HasSuffix(strings.TrimRight(body[max(0, m.label.a-6):m.label.a], " "), "按") {
			m.class, m.weight = price, 3 // 按挂牌价110万元协议成交
		}
		if startPost.MatchString(post) {
			m.class, m.weight = start, 3
		}
		if m.class == price && headPrice.MatchString(sentence) {
			m.class = other
		}
		if perUnitPost.MatchString(post) {
			m.class = other
		}
		if perEach.MatchString(clause) || perEachPost.MatchString(post) {
			m.per = "each"
		}
		if perYear.MatchString(pre) || perYearPost.MatchString(post) {
			m.per = "year"
		}
		// (小写：¥30,000.00) says the same amount again.
		if i > 0 && again.MatchString(body[d.money[i-1].b:m.a]) {
			p := d.money[i-1]
			m.class, m.weight, m.per = p.class, p.weight-1, p.per
			if p.class == price {
				m.weight = p.weight
			}
		}
	}
}

var again = compile(`^(?:整|正)?[ ]?\((?:小写|大写|即|人民币|计|SAY)?[:： ]{0,3}(?:人民币|RMB)?[ ]?$`)
