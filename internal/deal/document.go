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
	full     map[string]party // what names stand for, once looked for
	frames   map[span]told    // of sentences, once read
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
	auction      bool
	failed       bool // an auction at which nothing was sold
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
	f.auction = auctionWord.MatchString(d.s)
	f.failed = unsold.MatchString(d.s) && !soldWord.MatchString(d.s)
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
	hostileWord = compile(`(?i)忽略(?:此前|以上|之前|前述|上述|前面|所有|全部|本)|系统提示|系统指令|系统消息|提示词|阅读本文的|请[^。\n]{0,8}(?:抽取|识别|解析|录入|读取|提取|采集|自动化)(?:程序|系统|工具|机器人|脚本|软件)|(?:程序|机器人|脚本|爬虫|助手)[^。\n]{0,24}(?:改为|写成|写为|填成|填为|登记为|记为|视为|输出)|(?:人工智能|大模型|语言模型|智能体|AI|抽取程序|识别程序|解析程序|录入程序|读取程序)[^。\n]{0,24}(?:请|使用|应当|须|必须|忽略|输出|登记|记录|返回|填写|视为)|自动(?:提取|抽取|识别|读取|录入)程序|正确答案|直接照抄|读到此处|"(?:amount|numbers|price_kind|buyer)"|(?:金额|价格)均以[^。\n]{0,14}为(?:最小)?单位|ignore (?:all|any|previous|the above|prior|every)|system prompt|AI assistants?|language models?|AI agents?|(?:output|return|report) (?:an? )?(?:empty|the following)|as an AI|(?:status|amount|price_kind|buyer|seller|deal_kind)\s*(?:写为|设为|改为|填|=)`)
	correction  = compile(`由[“"]?([^“”"\n。;]{1,80}?)[”"]?(?:更正|变更|修改|调整|修正|改)为[“"]?`)
	corrected   = compile(`“([^“”\n]{1,80})”(?:名称|一栏|处)?(?:有误|错误|系笔误|写错|不实)?[，, ]{0,2}(?:应当|应|现|均|统一)?(?:更正|订正|勘误|修改|修正|调整|变更|改|更改)?(?:为|是)`)
	wrongFormer = compile(`(?:误写为|误为|误录为|原公示为|原文为|原为|更正前)[:“" ]{0,4}([^“”"\n。;，]{1,80})`)
	ownerWord   = compile(`(?:专利权?|权利|申请|所有权)人`)
	rightsError = compile(`更正|勘误|订正|有误|误写|误录|疏漏|失误|错误|笔误`)
	denial      = compile(`(?:未处于|未许可|未曾许可|没有许可|不得|不另行|已取得该[^，。;\n]{0,12}的|禁止)[^，。;\n]{0,40}(?:许可|转让)[^，。;\n]{0,12}`)
	comment     = compile(`<!--[^>]{0,900}-->`) // no reader of the page sees it
	aside       = compile(`不在(?:此次|本次)[^。\n]{0,16}范围|另有?一[件项](?:发明|实用新型|外观设计)?专利`)
	filing      = compile(`招股说明书|募集说明书|公开转让说明书|问询函|反馈意见|年度报告|半年度报告|招股书`)
	codeLine    = compile(`证券代码|股票代码|证券简称|公告编号`)
)

func newDocument(text string) *document {
	d := &document{v: newView(text), full: map[string]party{}, frames: map[span]told{}}
	d.s = d.v.s
	d.guard()
	d.splitLines()
	d.listed = filing.MatchString(d.s[:min(len(d.s), 600)]) || codeLine.MatchString(d.s[:min(len(d.s), 400)]) || compile(`(?:股份有限公司|集团)董事会|上海证券交易所|深圳证券交易所|北京证券交易所`).MatchString(d.s)
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
	for _, m := range comment.FindAllStringIndex(d.s, -1) {
		mask(body, m[0], m[1])
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
			if re == correction && ownerWord.MatchString(d.s[max(0, m[0]-120):m[0]]) && !rightsError.MatchString(d.s) {
				continue // 专利权人由甲变更为乙 is a deed
			}
			if re == corrected && m[1]-m[3] < 12 && !rightsError.MatchString(d.s) {
				continue // “…”为 corrects nothing by itself
			}
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
			if of, ok = d.soulBefore(m[0]); !ok {
				continue
			}
		}
		for i := 2; i+1 < len(m); i += 2 {
			if m[i] >= 0 {
				d.aliases = append(d.aliases, alias{d.s[m[i]:m[i+1]], of})
			}
		}
	}
	for _, m := range sideBehind.FindAllStringSubmatchIndex(d.s, 16) { // 某公司(甲方)
		name := d.s[m[2]:m[3]]
		of, ok := d.orgBefore(m[0])
		if !ok {
			of, ok = d.soulBefore(m[0])
		}
		if ok && !d.known(name) {
			d.aliases = append(d.aliases, alias{name, of})
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
		rest := ""
		o, ok := orgAt(d.s, at)
		if ok {
			rest = strings.TrimRight(d.s[o.b:max(o.b, l.b)], " ")
		}
		if ok && (rest == ":" || rest == "" && strings.HasPrefix(strings.TrimLeft(d.s[l.a:l.b], " "), "致")) {
			for _, w := range []string{"贵公司", "贵司", "贵方", "贵单位", "贵校", "贵院", "贵所", "贵厂", "贵中心", "贵集团", "你单位", "你公司"} {
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

// soulBefore finds the person named right before a place: 立合同人:陆某(以下称甲方).
func (d *document) soulBefore(at int) (party, bool) {
	m := soulEnds.FindStringSubmatchIndex(d.s[max(0, at-48):at])
	if m == nil {
		return party{}, false
	}
	sp := span{max(0, at-48) + m[2], max(0, at-48) + m[3]}
	if notName.MatchString(d.s[sp.a:sp.b]) {
		return party{}, false
	}
	return party{span: sp, name: d.v.value(sp)}, true
}

var soulEnds = compile(`(?:[:、，。;和与\n(]|自然人|发明人|人)((?:` + doubleNames + `|[` + surnames + `])\p{Han}{1,2}) ?(?:先生|女士)?(?:，[男女](?:，[^，。;\n]{2,40})?)?$`)

// addressee begins the line of a letter that names whom it is to.
var addressee = compile(`^ *(?:致[: ]*)?`)

// weAre is 我们(某公司).
var weAre = compile(`(我们|我方|我司|我公司|本公司|我校|我院|我所|我厂|本单位)\(`)

var sideBehind = compile(`\(([甲乙丙丁]方)\)`)

var calledParty = compile(`(?:^|[\n(，。;与和诉及 ])(?:[\p{Han}]{2,5}\()?(甲方|乙方|丙方|原告|被告|发行人)(?:\((?:转让方|受让方|让与人|受让人|许可方|被许可方|许可人|被许可人)\))?\)?(?:\([^)\n]{0,20}\))?(?:为|是)?[: ]*`)

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
	orgEdge = compile(`[，。;:、\n\t“”《》"|()\x01]|被执行人|申请执行人|被申请人|被告|原告|由|给|与|向|受|被|将|和|及|系|经|为|是|对|从|在|于|以|许可|转让|授权|受让|让与|出让|出售|购买|收购|[0-9]日| `)
	orgTrim = compile(`^(?:[ -]+|来自|出自|源自|隶属于?|[①-⑳]|[0-9]{1,2}[.、)]|得主|买家|买主|卖家|卖主|出让方|归属|归|依照|按照|根据|依据|[0-9]{4}年(?:[0-9]{1,2}月)?(?:[0-9]{1,2}日)?|鉴于|由于|兹因|截至目前|截至|目前|申请执行人|被执行人|据悉|近日|日前|我国|约定|明确|载明|兹证明|兹有|证明|其中|以及|以|及|和|与|经|由|向|给|对|现|兹|拟|为|于|在|该|本次|本校|本院|我校|我院|本|日|被|受让方|转让方|许可方|受让人|竞买人|买受人|委托方|委托人|意向受让方|自然人|[甲乙丙]方|原告|被告|专利权人|申请人|关于|转发|转载)+`)
)

// orgsIn finds the bodies named in a piece.
func (d *document) orgsIn(sp span) []party {
	var out []party
	at := sp.a
	for at < sp.b && len(out) < 40 {
		start := at + len(orgTrim.FindString(d.s[at:sp.b]))
		if rest := d.s[start:sp.b]; strings.HasPrefix(rest, "从") && !strings.HasPrefix(rest, "从化") { // 从化 is a town
			start += len("从")
		}
		if o, ok := orgAt(d.s, start); ok && o.b <= sp.b {
			if skip := len(kinWord.FindString(d.s[o.a:o.b])); skip > 0 && o.b-o.a-skip >= 9 { // 控股股东某公司
				o.a += skip
			}
			// A verb inside means that the name starts behind it.
			name := d.s[o.a:o.b]
			if cut := innerCut(name); cut > 0 {
				cut += len(orgTrim.FindString(name[cut:]))
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
		if m := hardStop.FindString(d.s[start:sp.b]); m != "" {
			at = start + len(m)
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

var innerEdge = compile(`(?:[0-9]|[拾佰仟万亿])元整?|买下|买走|拍下|拍走|拿下|购得|拍得|竞得|团队|课题组|公司从|公司跟|公司和|公司向|企业从|征集到|被执行人|申请执行人|被申请人|个月|下列|上述|专利予|专利与|予以|予|由|给|向|被|的|系|是|[0-9]日|[年月]内|确定|同意|委托|子公司|全资|公司与|大学与|学院与`)

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
		if o, ok := orgAt(d.s, l.a+trim); ok && o.b <= l.b && !auctioneer.MatchString(d.s[o.a:o.b]) && !anyBody.MatchString(d.s[o.a:o.b]) {
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

var headNoise = compile(`^[ \t#>*]*(?:【[^】\n]*】|\[[^\]\n]*\]|通知公告|公示|公告|关于对|关于|转发|转载|\([^)\n]{1,12}\)|[: ])*`)

var auctioneer = compile(`拍卖|仲裁委|交易中心|交易所|法院|法庭|产权交易|保护中心|管理局|知识产权局`)
