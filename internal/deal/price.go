package deal

import (
	"math"
	"slices"
	"strings"
)

var (
	byPosition = compile(`(?:第 ?)?(\([ivx]{1,4}\)) ?项|第 ?([0-9]{1,2}(?:\.[0-9]{1,2})?|[一二三四五六七八九十]{1,3}|[①-⑳]|\([一二三四五六七八九十0-9]{1,2}\)) ?[项件个号]`)
	twoOf      = compile(`前者|后者`)
	respective = compile(`(?:分别|依次)(?:为|是|按|以|作价)?[:为]?(?:人民币)?[ ]?$`)
	between    = compile(`^(?:整)?(?:\([^()\n]{0,30}\))?(?:、|，|和|及|与|以及| )*(?:人民币)?[ ]?$`)
)

// assigned parts the patents by prices that name them by their place: 第1.1项
// 专利转让费为3万元, 分别为3万元、5万元和2万元, 每件2万元. It returns nil where
// no price does.
func (d *document) assigned(ms []mention) ([]group, map[int]money) {
	if len(ms) < 2 || len(ms) > 400 { // nobody names more by their place
		return nil, nil
	}
	each := map[int]money{}
	for i, m := range d.money {
		if m.ranged || m.class != price && m.class != bare && m.class != instalment {
			continue
		}
		low := max(0, m.a-120)
		if i > 0 {
			low = max(low, d.money[i-1].b)
		}
		win := d.s[low:m.a]
		if j := strings.LastIndexAny(win, "\n;"); j >= 0 {
			win = win[j+1:]
		}
		if which := twoOf.FindAllStringSubmatch(win, -1); len(which) == 1 && len(ms) == 2 { // 前者24万元，后者3万元
			if at := b2i(which[0][0] == "后者"); each[at].b == 0 {
				each[at] = m
			}
			continue
		}
		if p := byPosition.FindAllStringSubmatch(win, -1); len(p) == 1 {
			if at := place(d.s, ms, p[0][1]+p[0][2]); at >= 0 {
				if _, twice := each[at]; !twice {
					each[at] = m
				}
			}
			continue
		}
		if respective.MatchString(d.s[max(0, m.a-30):m.a]) {
			run := []money{m}
			for j := i + 1; j < len(d.money) && between.MatchString(d.s[run[len(run)-1].b:d.money[j].a]); j++ {
				if again.MatchString(d.s[run[len(run)-1].b:d.money[j].a]) {
					continue
				}
				run = append(run, d.money[j])
			}
			if len(run) == len(ms) {
				for k := range run {
					each[k] = run[k]
				}
			}
		}
	}
	if len(each) == 0 {
		var per []money
		rest := false
		for _, m := range d.money {
			if m.per == "each" && (m.class == price || m.class == bare) {
				per = append(per, m)
			} else if m.class == price && m.per == "" && m.weight >= 2 && len(per) == 0 {
				rest = true
			}
		}
		if len(per) == 1 && !rest {
			for k := range ms {
				each[k] = per[0]
			}
		}
	}
	if len(each) < 2 {
		return nil, nil
	}
	var out []group
	for _, m := range ms {
		out = append(out, group{mentions: []mention{m}, span: span{m.a, m.b}})
	}
	return out, each
}

// place finds the patent that stands at a number of a list.
func place(s string, ms []mention, ref string) int {
	ref = strings.Trim(ref, "()")
	for i, m := range ms {
		item := s[max(0, m.a-120):m.a]
		if j := strings.LastIndexByte(item, '\n'); j >= 0 {
			item = item[j+1:]
		}
		item = strings.TrimLeft(item, " \t(*·◆●")
		if strings.HasPrefix(item, ref) && !strings.HasPrefix(strings.TrimPrefix(item, ref), ".") && len(item) > len(ref) && !isDigit(rune(item[len(ref)])) && !latin(rune(item[len(ref)])) {
			return i
		}
	}
	if n, ok := figure(ref); ok && !strings.Contains(ref, ".") && n >= 1 && n <= len(ms) {
		return n - 1
	}
	return -1
}

// offers are the amounts of a piece that could be its price, by what they are.
type offers struct {
	best, upfront, start, ceiling, appraised *money
	undecided                                bool // words and figures differ
	unitless                                 bool // a price without a unit
	conflict                                 bool // two prices of one weight
	twoTotals                                bool // by the same word for a total
	ranged                                   bool
}

// price chooses the amount of a row and says what it is.
func (d *document) price(r *Row, sp span, kind Kind, alone bool) {
	text := d.s[sp.a:sp.b]
	o := d.offersIn(r, sp, kind, alone)
	if o.appraised != nil && r.Appraised == nil {
		x := o.appraised.yuan
		r.Appraised = &x
		r.cite("appraised", d.v.quote(o.appraised.span))
	}
	rate, rateSpan := d.royalty(text, sp.a)
	if !rateSpan.empty() {
		r.Royalty = &rate
		r.cite("royalty_rate", d.v.quote(rateSpan))
	}
	d.choose(r, o, sp, kind)
	if o.unitless && r.Amount == nil {
		r.warn("unit_unknown", "价格没有写明单位，或单位前后矛盾。", "The price has no unit, or two.")
		r.Waits = true
	}
	if o.undecided {
		r.Amount, r.PriceKind = nil, None
		delete(r.Quotes, "amount")
	}
	if o.conflict && r.PriceKind != UpfrontPlusRoyalty && r.PriceKind != Ask && r.PriceKind != Cap {
		r.Waits = true
		if o.twoTotals {
			r.warn("prices_differ", "文中有两个不同的总价，无从取舍，金额留空，请核对。", "The text names two totals and does not decide; none was taken.")
			r.Amount, r.PriceKind = nil, None
			delete(r.Quotes, "amount")
		} else {
			r.warn("prices_differ", "文中有几个不同的价格，取了第一个，请核对。", "The text names different prices; the first was taken.")
		}
	}
}

// offersIn gathers the amounts of a piece.
func (d *document) offersIn(r *Row, sp span, kind Kind, alone bool) offers {
	var o offers
	list := d.bids(d.moneyIn(sp))
	for i := range list {
		m := &list[i]
		if m.currency != "CNY" && m.class == appraised {
			continue
		}
		if m.unitless {
			o.unitless = true
			continue
		}
		if m.ranged {
			o.ranged = o.ranged || m.class == price || m.class == bare
			continue
		}
		if i > 0 && again.MatchString(d.s[list[i-1].b:m.a]) && d.sameAgain(r, &o, &list[i-1], m) {
			continue
		}
		switch m.class {
		case price, bare, instalment, sum:
			if m.class != sum || alone {
				o.offer(d.weighed(*m, &o, alone && len(list) > 1), kind)
			}
		case upfront:
			if o.upfront == nil || m.weight > o.upfront.weight {
				o.upfront = m
			}
		case start:
			// The last starting price holds: a second auction has its own.
			o.start = m
		case ceiling:
			if o.ceiling == nil || m.weight > o.ceiling.weight || m.weight == o.ceiling.weight && m.yuan > o.ceiling.yuan {
				o.ceiling = m
			}
		case appraised:
			if o.appraised == nil {
				o.appraised = m
			}
		}
	}
	return o
}

// sameAgain takes an amount that says the one before it again, in words or in
// figures, and reports whether it does.
func (d *document) sameAgain(r *Row, o *offers, before, m *money) bool {
	if before.currency != m.currency {
		return false
	}
	if math.Abs(before.yuan-m.yuan) > 0.005 && before.class != other {
		r.Waits = true
		if wordsHold.MatchString(d.s) {
			r.warn("capitals_differ", "大写金额与小写金额不一致，文中约定以大写为准，请核对。", "The amount in words differs from the one in figures; the text says that the words hold.")
			if m.capital && o.best != nil && o.best.a == before.a {
				o.best.yuan, o.best.span = m.yuan, m.span
			}
		} else {
			r.warn("capitals_differ", "大写金额与小写金额不一致，无从取舍，金额留空，请核对。", "The amount in words differs from the one in figures; none was taken.")
			o.undecided = true
		}
	}
	return true
}

var wordsHold = compile(`以(?:中文)?大写(?:金额|数字)?为准|大写(?:金额)?(?:优先|为准)`)

// weighed gives an amount its weight as a price.
func (d *document) weighed(m money, o *offers, several bool) *money {
	switch m.class {
	case bare:
		m.weight = 1
		if several && m.label.empty() && !d.beside(m.a) {
			m.weight = 0
		}
	case instalment:
		m.weight = 0
	case sum:
		m.weight = 2
		if o.best != nil && o.best.per == "year" { // 每年1万元，三年共计3万元
			m.weight = o.best.weight
		}
	}
	return &m
}

// offer holds an amount against the best so far.
func (o *offers) offer(m *money, kind Kind) {
	if o.best == nil {
		o.best = m
		return
	}
	if m.weight == o.best.weight && m.weight >= 3 && math.Abs(m.yuan-o.best.yuan) > 0.005 && m.per == o.best.per {
		o.conflict = true
		o.twoTotals = o.twoTotals || m.total != "" && m.total == o.best.total
	}
	switch {
	case o.best.currency != m.currency && m.weight >= 1:
		if m.currency == "CNY" {
			o.best, o.conflict = m, false
		}
	case m.weight > o.best.weight || kind != Auction && o.best.per == "year" && m.per == "" && m.weight >= o.best.weight:
		o.conflict = o.conflict && m.weight == o.best.weight
		o.best = m
	}
}

// choose takes of the offers the one that is the price.
func (d *document) choose(r *Row, o offers, sp span, kind Kind) {
	text, best := d.s[sp.a:sp.b], o.best
	strong := best != nil && best.weight >= 1
	open := d.facts().open && r.Buyer == ""
	free := freeOf(text)
	royalty := r.Royalty != nil
	switch {
	case kind == Auction && strong && (best.weight >= 2 || o.start == nil) && !(unsold.MatchString(text) && best.weight < 3):
		d.setPrice(r, best, Hammer)
	case kind == Auction && o.start != nil:
		d.setPrice(r, o.start, Ask)
	case open && best != nil && !(free != nil && best.weight < 3):
		d.setPrice(r, best, Ask)
	case o.ceiling != nil && o.upfront != nil && (royalty || royaltyOf.MatchString(text)) && d.ofMilestones(o.ceiling, sp):
		d.setPrice(r, o.upfront, UpfrontPlusRoyalty) // the ceiling is of the milestones alone
	case o.ceiling != nil && (o.ceiling.weight >= 3 || strings.Contains(text, "里程碑") || !strong):
		d.setPrice(r, o.ceiling, Cap)
	case o.upfront != nil && (royalty || perUnit.MatchString(text)):
		d.setPrice(r, o.upfront, UpfrontPlusRoyalty)
	case free != nil && (best == nil || best.weight < 2):
		zero := 0.0
		r.Amount, r.PriceKind = &zero, Free
		r.cite("amount", d.v.quote(span{sp.a + free[0], sp.a + free[1]}))
	case strong && (royalty || perUnit.MatchString(text)) && royaltyOf.MatchString(text):
		d.setPrice(r, best, UpfrontPlusRoyalty)
	case strong && o.start != nil && best.weight < 2:
		d.setPrice(r, o.start, Ask)
	case strong:
		d.setPrice(r, best, Total)
	case o.upfront != nil:
		d.setPrice(r, o.upfront, Total)
	case o.start != nil:
		d.setPrice(r, o.start, Ask)
	case royalty && best == nil && royaltyOf.MatchString(text) && kind != Assignment:
		r.PriceKind = RunningRoyalty
	case royalty && best != nil && best.class == instalment && kind != Assignment:
		d.setPrice(r, best, UpfrontPlusRoyalty) // 签约后一次付清70万元，另按销售额3%
		r.Waits = true
	case best != nil && !o.ranged && !noPriceWord.MatchString(text):
		d.setPrice(r, best, Total)
		r.warn("part_or_price", "金额可能只是一期付款，请核对。", "The amount may be a part payment.")
		r.Waits = true
	case o.appraised != nil && kind == Contribution:
		d.setPrice(r, o.appraised, Total) // 评估作价450万元
	case o.appraised != nil:
		r.PriceKind = AppraisedOnly
	default:
		r.PriceKind = None
		if o.ranged {
			r.warn("range", "只有价格区间，没有确定价格。", "A range, no price.")
		}
	}
}

// ofMilestones reports whether a ceiling is of payments by milestones alone, and not of all that is paid.
func (d *document) ofMilestones(m *money, sp span) bool {
	before, after := d.s[max(sp.a, m.a-90):m.a], d.s[m.b:min(sp.b, m.b+60)]
	return milestonesAfter.MatchString(after) || milestonesBefore.MatchString(before) && !withUpfront.MatchString(before)
}

var (
	withUpfront      = compile(`(?:首付款?|首期款?|预付款|入门费|签约款?)(?:与|和|及|以及|、|加)[^，。;\n]*$`)
	milestonesAfter  = compile(`^ ?(?:人民币)?的?[^，。;\n]{0,12}里程碑`)
	milestonesBefore = compile(`里程碑(?:付款|款|费用?|金)?(?:的)?(?:累计|合计|总计|总共|最高|最多|总额|金额|不超过|上限|为|至| )*$`)
)

// setPrice puts an amount into a row; one in another currency is told of, and
// not converted.
func (d *document) setPrice(r *Row, m *money, k PriceKind) {
	if m.currency != "CNY" {
		r.Currency, r.PriceKind = m.currency, None
		r.warn("currency", "价格“"+d.s[m.a:m.b]+"”不是人民币，未折算。", "The price "+d.s[m.a:m.b]+" is not in yuan and was not converted.")
		r.Waits = true
		return
	}
	x := m.yuan
	if x == 0 {
		k = Free
	}
	r.Amount, r.Currency, r.PriceKind = &x, m.currency, k
	r.cite("amount", d.v.quote(m.span))
}

var perUnit = compile(`提成[^。\n]{0,40}每(?:吨|台|套|公斤|千克|件产品|支|瓶|亩|只|米|平方米)|每(?:销售|售出|生产|产出|卖出)?[一1]?(?:吨|台|套|公斤|千克|件产品|支|瓶|亩|只|米|平方米)[^。;\n]{0,14}(?:提取|提成|计提|计付|收取|支付)`)

// bids keeps of a log of bids the last that is valid: it is the hammer price
// where the text says that the lot was sold.
func (d *document) bids(list []money) []money {
	var out []money
	logged, last := 0, -1
	for _, m := range list {
		line := d.s[d.lineStart(m.a):d.lineEnd(m.b)]
		if !bidLine.MatchString(line) {
			out = append(out, m)
			continue
		}
		logged++
		if strings.Contains(line, "无效") || strings.Contains(line, "撤销") {
			continue
		}
		if last >= 0 {
			out = slices.Delete(out, last, last+1)
		}
		m.class, m.weight, last = price, 3, len(out)
		out = append(out, m)
	}
	if logged < 2 || !compile(`状态[: ]*成交|竞得人|成交确认|拍卖成交`).MatchString(d.s) {
		return list
	}
	return out
}

var bidLine = compile(`^[ \t]*[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?[ \t|].*(?:有效|无效|出价|报价)`)

// beside reports whether a place is in the same sentence as a patent.
func (d *document) beside(at int) bool {
	low := max(0, at-300)
	if j := strings.LastIndex(d.s[low:at], "。"); j >= 0 {
		low += j
	}
	if j := strings.LastIndexByte(d.s[low:at], '\n'); j >= 0 {
		low += j
	}
	return len(d.mentionsIn(span{low, at})) > 0
}

// royalty reads a share of sales.
func (d *document) royalty(text string, base int) (float64, span) {
	for _, m := range royaltyWord.FindAllStringSubmatchIndex(text, 20) {
		win := text[max(0, m[0]-30):min(len(text), m[1]+36)]
		if !royaltyOf.MatchString(win) {
			continue
		}
		for i := 2; i+1 < len(m); i += 2 {
			if m[i] < 0 {
				continue
			}
			x, ok := plain(text[m[i]:m[i+1]])
			if !ok {
				x, ok = chinese(text[m[i]:m[i+1]])
			}
			if ok && x > 0 && x <= 100 {
				return round(x*100) / 1e4, span{base + m[i], base + m[i+1]}
			}
		}
	}
	return 0, span{}
}

// ofSession says that a count is of all that a session offered.
var ofSession = compile(`(?:推出|上拍|参拍|展出|发布|路演|遴选|征集|推介)(?:了|出|的)?$`)

var countWord = compile(`等?(?:共计|共|合计|上述|以下|下列|其|的|该)?([0-9]{1,4}|[一二两三四五六七八九十百]{1,5}) ?(?:件|项|个)(?:[^，。;\n0-9、]{0,14})?(?:专利|发明|实用新型|职务成果|成果)|专利(?:权)?(?:共|共计|合计)? ?([0-9]{1,4}|[一二两三四五六七八九十百]{1,5}) ?(?:件|项)`)

// count reads how many patents a price is for, where the text says more than
// it lists.
func (d *document) count(r *Row, sp span, alone bool) {
	best, at := 0, span{}
	for _, m := range countWord.FindAllStringSubmatchIndex(d.s[sp.a:sp.b], 40) {
		if before := d.s[max(sp.a, sp.a+m[0]-60) : sp.a+m[0]]; aggregate.MatchString(before) || ofSession.MatchString(before) {
			continue
		}
		for i := 2; i+1 < len(m); i += 2 {
			if m[i] < 0 {
				continue
			}
			if n, ok := figure(d.s[sp.a+m[i] : sp.a+m[i+1]]); ok && n > best && n < 10_000 {
				best, at = n, span{sp.a + m[0], sp.a + m[1]}
				if n >= r.Patents {
					break
				}
			}
		}
		if best >= r.Patents && best > 0 {
			break
		}
	}
	switch {
	case best > r.Patents && best > 1:
		if r.Patents > 0 {
			r.warn("count_differs", "文中说明的件数多于列出的专利。", "The text counts more patents than it lists.")
		}
		if alone {
			r.Patents = best
			r.cite("patents", d.v.quote(at))
		}
	case best == r.Patents && best > 0:
		r.cite("patents", d.v.quote(at))
	}
	if len(r.Quotes["patents"]) == 0 && len(r.Quotes["numbers"]) > 0 {
		r.cite("patents", r.Quotes["numbers"]...)
	}
}

var (
	termYears = compile(`(?:期限|年限|有效期|期间|许可期|为期|，共|自[^，。;\n0-9]{2,24}起(?:算|计)?|runs for|term of|period of)[^。;\n0-9一二三四五六七八九十两]{0,14}([0-9]{1,2}|[一二两三四五六七八九十]{1,3}|one|two|three|four|five|six|seven|eight|nine|ten|fifteen|twenty) ?(?:个)?(?:自然)?(?:年|years?)`)
	within    = compile(`^ ?(?:以?内|之内|后|前)`)
	termRange = compile(`^ ?(?:起|算起|开始|起算)?[，, ]?(?:至|到|-|~|—)+ ?$`)
	termCell  = compile(`([0-9]{1,2}|[一二两三四五六七八九十]{1,3}) ?年`)
	termWords = map[string]int{"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "fifteen": 15, "twenty": 20}
	termLabel = compile(`期限|年限|有效期|许可期`)
)

// term reads the years of a licence out of a piece.
func (d *document) term(r *Row, c span) {
	if r.TermYears != nil {
		return
	}
	set := func(x float64, q span) {
		r.TermYears = &x
		r.cite("licence_term_years", d.v.quote(q))
	}
	text := d.s[c.a:c.b]
	var prev *moment
	for i := range d.moments {
		m := d.moments[i]
		if m.a < c.a || m.b > c.b {
			continue
		}
		if prev != nil && termRange.MatchString(d.s[prev.b:m.a]) {
			days := prev.date.DaysUntil(m.date) + 1
			if years := math.Round(float64(days)/365.25*100) / 100; years >= 0.5 {
				if math.Abs(years-math.Round(years)) < 0.02 {
					years = math.Round(years)
				}
				set(years, span{prev.a, m.b})
				return
			}
		}
		prev = &d.moments[i]
	}
	for _, m := range termYears.FindAllStringSubmatchIndex(text, 12) {
		if within.MatchString(text[m[1]:min(len(text), m[1]+9)]) {
			continue // 自签订之日起2年内付清
		}
		w := text[m[2]:m[3]]
		n, ok := figure(w)
		if !ok {
			n, ok = termWords[w], termWords[w] > 0
		}
		if ok && n > 0 && n <= 50 {
			set(float64(n), span{c.a + m[0], c.a + m[1]})
		}
		return
	}
	if c.b-c.a < 80 {
		for _, m := range termCell.FindAllStringSubmatchIndex(text, 2) {
			if m[0] > 0 && isDigit(rune(text[m[0]-1])) {
				continue // a calendar year
			}
			if n, ok := figure(text[m[2]:m[3]]); ok && n > 0 && n <= 50 {
				set(float64(n), span{c.a + m[0], c.a + m[1]})
				return
			}
		}
	}
}

// settle reads what follows once the price is known: status, date, market,
// relation and term.
func (d *document) settle(r *Row, sp span) {
	head, f := d.heading, d.facts()
	switch {
	case cancelHead.MatchString(head) && !strings.Contains(head, "更正"):
		r.Status = Cancelled
	case f.open && r.Buyer == "" && r.DealKind != Assignment:
		r.Status = Asked
		if r.PriceKind == Total || r.PriceKind == Each {
			r.PriceKind = Ask
		}
	case r.DealKind == Auction:
		if r.PriceKind == Hammer || r.PriceKind == Each && r.Buyer != "" {
			r.Status = Concluded
			r.PriceKind = Hammer
		} else {
			r.Status = Asked
			if r.PriceKind == Total || r.PriceKind == Each {
				r.PriceKind = Ask
			}
		}
	case r.PriceKind == Ask && r.Buyer == "":
		r.Status = Asked
	case f.contract && !strings.Contains(head, "拟"):
		r.Status = Concluded
	case !f.signed.empty() && (!strings.Contains(head, "拟") || madeWord.MatchString(d.s[max(0, f.signed.a-45):f.signed.a])):
		r.Status = Concluded
		r.cite("status", d.v.quote(f.signed))
	case f.court:
		r.Status = Concluded
	default:
		r.Status = Proposed
		if !f.proposed.empty() {
			r.cite("status", d.v.quote(f.proposed))
		} else {
			r.warn("status_unclear", "文中没有说明是否已签约，按拟议处理。", "The text does not say whether a contract was made; taken as proposed.")
		}
	}
	if f.called && r.Status != Asked && !f.court {
		r.Status = Cancelled
	}
	if r.Date == "" {
		if m, ok := d.when(sp, r.Status, r.DealKind); ok {
			r.Date = m.form
			r.cite("date", d.v.quote(m.span))
		}
	}
	r.Market = d.market(r.DealKind)
	rel, at := f.related, f.relatedAt
	if here, own := d.related(d.s[sp.a:sp.b]); here != "unknown" && sp.b-sp.a < len(d.s) {
		rel, at = here, span{sp.a + own.a, sp.a + own.b}
	}
	r.RelatedParty = rel
	if !at.empty() {
		r.cite("related_party", d.v.quote(at))
	}
	if r.TermYears == nil && f.term.TermYears != nil {
		years := *f.term.TermYears
		r.TermYears = &years
		r.cite("licence_term_years", f.term.Quotes["licence_term_years"]...)
	}
	if r.DealKind == Assignment || r.DealKind == Auction || r.DealKind == Contribution {
		r.TermYears = nil
		delete(r.Quotes, "licence_term_years")
	}
}

var madeWord = compile(`已|于[^，。;\n]{0,40}$`)

// localKind reads the kind of a deal out of its own item.
func (d *document) localKind(sp span, whole Kind) (Kind, span) {
	if whole == Auction || whole == Contribution {
		return whole, span{}
	}
	text := d.s[sp.a:sp.b]
	if m := licenceLabel.FindStringSubmatchIndex(text); m != nil {
		at := span{sp.a + m[2], sp.a + m[3]}
		switch v := d.s[at.a:at.b]; {
		case strings.Contains(v, "转让"):
			return Assignment, at
		case licenceWord.MatchString(v) || exclusiveWord.MatchString(v) || soleWord.MatchString(v) || plainWord.MatchString(v):
			return licenceKind(v), at
		}
	}
	if m := licenceGrant.FindStringIndex(text); m != nil {
		return licenceKind(text[m[0]:m[1]]), span{sp.a + m[0], sp.a + m[1]}
	}
	if whole == Assignment {
		return whole, span{}
	}
	for _, re := range []*pattern{plainWord, exclusiveWord, soleWord} { // 甲厂，独占，5年
		if m := re.FindStringIndex(text); m != nil {
			return licenceKind(text), span{sp.a + m[0], sp.a + m[1]}
		}
	}
	return whole, span{}
}
