package deal

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// rows reads the deals.
func (d *document) rows() []Row {
	if why, none := d.nothing(); none {
		d.notes = append(d.notes, why)
		return nil
	}
	var out []Row
	covered := map[int]bool{}
	for _, t := range d.tables {
		rows := d.tableRows(t)
		if len(rows) > 0 {
			for l := t.a; l < t.b; l++ {
				covered[l] = true
			}
			out = append(out, rows...)
		}
	}
	if len(out) == 0 {
		out = d.proseRows()
	}
	for i := range out {
		d.flag(&out[i])
	}
	if len(out) == 0 && len(d.notes) == 0 {
		d.notes = append(d.notes, Warning{"no_patent", "没有写明专利号或专利名称的交易。", "No deal names a patent by number or title."})
	}
	return out
}

// flag adds what holds for every row of a text.
func (d *document) flag(r *Row) {
	if d.hostile {
		r.warn("instructions_in_text", "文本含有对读取程序的指令，已略过，请核对。", "The text speaks to the reading program; that was passed over. Check the row.")
		r.Waits = true
	}
	if d.changed {
		r.warn("corrected", "更正公告：取更正后的内容。", "A correction: what holds after it was taken.")
	}
	if r.Seller == "" {
		r.warn("seller_unknown", "未能读出出让方。", "The seller was not found.")
		r.Waits = true
	}
	if r.Amount == nil && r.PriceKind != None && r.PriceKind != AppraisedOnly && r.PriceKind != RunningRoyalty {
		r.Waits = true
	}
	if r.Buyer == "" && (r.Status == Concluded || r.Status == Cancelled) {
		r.warn("buyer_unknown", "已成交但未读出受让方。", "Concluded, and the buyer was not found.")
		r.Waits = true
	}
	if r.Date == "" {
		r.warn("date_unknown", "未能读出日期。", "The date was not found.")
		r.Waits = true
	}
}

// number puts mentions into a row, each patent once.
func (d *document) patents(r *Row, list []mention) {
	seen := map[string]bool{}
	var titles []string
	for _, m := range list {
		if m.number != "" {
			if seen[m.key] {
				continue
			}
			seen[m.key] = true
			r.Numbers = append(r.Numbers, m.number)
			r.cite("numbers", d.v.quote(m.span))
			if !m.sure {
				r.warn("number_check", "专利号 "+m.number+" 的校验位不符或缺失，请核对。", "The check digit of "+m.number+" is wrong or missing.")
				r.Waits = r.Waits || m.why != ""
			}
		}
		if !m.title.empty() {
			if t := d.v.value(m.title); !slices.Contains(titles, t) {
				titles = append(titles, t)
				r.cite("title", d.v.quote(m.title))
			}
		}
	}
	r.Title = strings.Join(titles, ";")
	r.Patents = len(r.Numbers)
	if r.Patents == 0 {
		r.Patents = len(titles)
	}
}

func (d *document) put(r *Row, field string, p party) {
	if p = d.meant(p); p.name == "" || field == "buyer" && p.name == r.Seller {
		return
	}
	if field == "seller" {
		r.Seller = p.name
	} else {
		r.Buyer = p.name
	}
	r.cite(field, d.v.quote(p.span))
	for _, m := range p.more {
		r.cite(field, d.v.quote(m))
	}
}

// group is the patents that one price is for.
type group struct {
	mentions []mention
	span
	each *money // the price of each, where the item names one for several
}

// proseRows reads what stands in no table.
func (d *document) proseRows() []Row {
	ms := d.named()
	if len(ms) == 0 {
		return nil
	}
	groups, each := d.assigned(ms)
	if groups == nil {
		groups = d.groups(ms)
	}
	if each == nil {
		groups = d.apart(groups)
	}
	whole := span{0, len(d.s)}
	gs, gb := d.partiesOf(whole)
	kind, kindSpan := d.dealKind(d.s)
	if len(groups) == 1 && len(ms) > 1 && d.facts().open && gb.name == "" && !together.MatchString(d.s) {
		groups = nil // an open licence is granted patent by patent
		for _, m := range ms {
			groups = append(groups, group{mentions: []mention{m}, span: whole})
		}
	}
	if len(groups) == 1 && kind != Auction && kind != Contribution {
		if k, sp := d.kindBeside(ms, kind); !sp.empty() {
			kind, kindSpan = k, sp
		}
	}
	var out []Row
	total := 0.0
	for gi, g := range groups {
		var r Row
		r.Currency, r.PriceKind = "CNY", None
		d.patents(&r, g.mentions)
		local := g.span
		if len(groups) == 1 || each != nil {
			local = whole
		}
		ownLine := false
		if len(groups) == 1 && len(ms) == 1 && otherRight.MatchString(d.s) { // beside software and know-how with prices of their own
			line := span{d.lineStart(ms[0].a), d.lineEnd(ms[0].b)}
			for _, m := range d.moneyIn(span{ms[0].b, line.b}) {
				if ownLine = m.class == price || m.class == bare; ownLine && !otherRight.MatchString(d.s[line.a:line.b]) {
					local = line
				} else {
					ownLine = false
				}
				break
			}
		}
		r.DealKind = kind
		if len(groups) > 1 && each == nil {
			if k, sp := d.localKind(local, kind); !sp.empty() {
				r.DealKind = k
				r.cite("deal_kind", d.v.quote(sp))
			}
		}
		if len(r.Quotes["deal_kind"]) == 0 && !kindSpan.empty() {
			r.cite("deal_kind", d.v.quote(kindSpan))
		}
		seller, buyer := gs, gb
		if len(groups) > 1 && each == nil {
			s, b := d.partiesOf(local)
			if s.name != "" && s.name != b.name {
				seller = s
			}
			if b.name != "" {
				buyer = b
			} else if unsold.MatchString(d.s[local.a:local.b]) || kind == Auction && inOther(groups, gi, buyer.a) {
				buyer = party{}
			}
			if buyer.name == "" && seller.name != "" && !d.facts().open && !unsold.MatchString(d.s[local.a:local.b]) {
				buyer = d.onlyOther(local, seller, true)
			}
			if seller.name == "" {
				seller = d.onlyOther(local, buyer, false)
			}
		}
		d.put(&r, "seller", seller)
		if buyer.name != seller.name {
			d.put(&r, "buyer", buyer)
		}
		m, ok := each[gi]
		if g.each != nil {
			m, ok = *g.each, true
		}
		if ok {
			x := m.yuan
			r.Amount, r.Currency, r.PriceKind = &x, m.currency, Each
			r.cite("amount", d.v.quote(m.span))
		} else {
			d.price(&r, local, r.DealKind, len(groups) == 1)
			if r.PriceKind == None && len(d.moneyIn(local)) == 0 {
				if at := d.facts().free; !at.empty() {
					zero := 0.0
					r.Amount, r.PriceKind = &zero, Free
					r.cite("amount", d.v.quote(at))
				}
			}
		}
		if len(groups) == 1 && r.PriceKind != None || len(groups) > 1 && len(g.mentions) == 1 {
			d.count(&r, local, len(groups) == 1)
		} else if len(groups) == 1 {
			d.count(&r, local, true)
		}
		if (len(groups) > 1 || ownLine) && max(len(r.Numbers), len(g.mentions)) <= 1 && r.PriceKind == Total {
			r.PriceKind = Each
		}
		d.settle(&r, local)
		if r.Amount != nil {
			total += *r.Amount
		}
		if each := d.buyersApart(buyer); len(groups) == 1 && each != nil {
			return d.byBuyer(r, buyer, each)
		}
		out = append(out, r)
	}
	if len(out) > 1 {
		for _, m := range d.money {
			if m.class == sum && m.weight > 0 && m.a > groups[len(groups)-1].mentions[0].a && math.Abs(m.yuan-total) > 0.005*total+0.01 && !otherRight.MatchString(d.s) {
				for i := range out {
					out[i].warn("total_differs", fmt.Sprintf("合计“%s”与各项之和 %.2f 元不符。", d.s[m.a:m.b], total), "The printed total is not the sum of the prices.")
					out[i].Waits = true
				}
				break
			}
		}
	}
	return out
}

// buyersApart finds the prices that several buyers of the same patents pay each:
// 许可给甲、乙，许可费分别为8万元和6万元. It returns nil where there are none.
func (d *document) buyersApart(buyer party) []money {
	n := len(buyer.more) + 1
	if n < 2 {
		return nil
	}
	for i, m := range d.money {
		if !respective.MatchString(d.s[max(0, m.a-30):m.a]) || m.class != price && m.class != bare {
			continue
		}
		run := []money{m}
		for j := i + 1; j < len(d.money) && between.MatchString(d.s[run[len(run)-1].b:d.money[j].a]); j++ {
			run = append(run, d.money[j])
		}
		if len(run) == n {
			return run
		}
	}
	return nil
}

// byBuyer makes a row of each buyer of the same patents.
func (d *document) byBuyer(r Row, buyer party, each []money) []Row {
	var out []Row
	for i, at := range append([]span{buyer.span}, buyer.more...) {
		one := r
		one.Quotes = maps.Clone(r.Quotes)
		delete(one.Quotes, "buyer")
		delete(one.Quotes, "amount")
		one.Warnings = slices.Clone(r.Warnings)
		one.Buyer = ""
		d.put(&one, "buyer", party{span: at, name: d.v.value(at)})
		x := each[i].yuan
		one.Amount, one.Currency, one.PriceKind = &x, each[i].currency, Each
		one.cite("amount", d.v.quote(each[i].span))
		out = append(out, one)
	}
	return out
}

// kindBeside reads the kind of deal that stands right behind the title:
// “…”专利转让. It settles only whether the patent is sold or licensed.
func (d *document) kindBeside(ms []mention, kind Kind) (Kind, span) {
	for _, m := range ms {
		end := max(m.b, m.title.b)
		at := soldBeside.FindStringSubmatchIndex(d.s[end:min(len(d.s), end+60)])
		if at == nil {
			continue
		}
		sp := span{end + at[2], end + at[3]}
		if sold := d.s[sp.a:sp.b] == "转让"; sold == (kind == Assignment) {
			return kind, span{}
		} else if sold {
			return Assignment, sp
		}
		return licenceKind(d.s), sp
	}
	return kind, span{}
}

var soldBeside = compile(`^[”》)]{1,2}(?:发明|实用新型|外观设计)?专利(?:权)?(转让|许可)(?:[，。(:]|$)`)

// inOther reports whether a place stands in another group than the i-th.
func inOther(groups []group, i, at int) bool {
	for k, g := range groups {
		if k != i && g.a <= at && at < g.b {
			return true
		}
	}
	return false
}

// together says that several patents have one price.
var together = compile(`打包|一并|一揽子|合计|共计|总计|整体`)

// named returns the patents of the text with their titles: those with a
// number, or, where none has one, those named by title.
func (d *document) named() []mention {
	out := make([]mention, 0, len(d.mentions))
	seen := map[string]int{}
	for i, m := range d.mentions {
		low, high := 0, len(d.s)
		if i > 0 {
			low = d.mentions[i-1].b
		}
		if i+1 < len(d.mentions) {
			high = d.mentions[i+1].a
		}
		m.title = titleOf(d.s, m, low, high)
		if j, twice := seen[m.key]; twice {
			if out[j].title.empty() {
				out[j].title = m.title
			}
			continue
		}
		seen[m.key] = len(out)
		out = append(out, m)
	}
	if len(out) == 1 && (out[0].title.empty() || !strings.Contains(d.s[max(0, out[0].title.a-3):out[0].title.a], "“")) {
		if m := titleLabel.FindStringSubmatchIndex(d.s); m != nil {
			out[0].title = span{m[2], m[3]}
		} else if m := headTitle.FindStringSubmatchIndex(d.s); m != nil && out[0].title.empty() {
			out[0].title = span{m[2], m[3]}
		}
	}
	d.pairTitles(out)
	if len(out) == 1 && out[0].title.empty() {
		out[0].title = d.onlyTitle()
	}
	if len(out) > 0 {
		return out
	}
	if otherOnly.MatchString(d.s) {
		d.notes = append(d.notes, Warning{"no_deal_other_right", "标的不是专利（技术秘密、品种权、软件或商标）。", "Not a patent: know-how, a plant variety, software or a mark."})
		return nil
	}
	titles := map[string]bool{}
	quoted := quotedTitle.FindAllStringSubmatchIndex(d.s, 200)
	if len(quoted) == 0 {
		quoted = englishTitle.FindAllStringSubmatchIndex(d.s, 200)
	}
	named := 0 // where the last title ended, for the next in its row
	for _, m := range quoted {
		t := d.s[m[2]:m[3]]
		if titles[t] || !d.isTitle(m) && !(named > 0 && rowMark.MatchString(d.s[named:m[0]]) && !noTitle(t)) {
			continue
		}
		titles[t], named = true, m[1]
		out = append(out, mention{span: span{m[2], m[3]}, title: span{m[2], m[3]}})
	}
	if len(out) == 0 {
		if m := titleLabel.FindStringSubmatchIndex(d.s); m != nil && strings.Contains(d.s, "专利") {
			out = append(out, mention{span: span{m[2], m[3]}, title: span{m[2], m[3]}})
		}
	}
	return out
}

// noTitle reports what stands between quotation marks and is no title.
func noTitle(t string) bool {
	return notTitle.MatchString(t) || strings.ContainsRune(t, masked) || strings.ContainsAny(t, ":。，%!?") || strings.Contains(t, "元")
}

// isTitle reports whether a piece between quotation marks is the title of a
// patent: the words beside it say so, or it is worded as inventions are.
func (d *document) isTitle(m []int) bool {
	t, before, after := d.s[m[2]:m[3]], d.s[max(0, m[0]-60):m[0]], d.s[m[1]:min(len(d.s), m[1]+60)]
	switch {
	case noTitle(t):
		return false
	case titleBefore.MatchString(before) || titleAfter.MatchString(after):
		return true
	}
	return inventionName.MatchString(t) && patentNear.MatchString(before+"\n"+after)
}

var (
	titleBefore = compile(`(?:专利|发明|实用新型|外观设计|成果|技术|名称|标的|项目|(?i:patents?|entitled|titled))(?:权)?(?:名称)?[:为是-]{0,2} ?$`)
	titleAfter  = compile(`^(?:\([^()\n]{0,40}\))?(?:等(?:[0-9]{1,4}|[一二两三四五六七八九十百]{1,4})?(?:件|项|个)?)?(?:[0-9]{1,4}|[一二两三四五六七八九十百]{1,4})?(?:件|项)?(?:授权|有效|国家|职务|中国|核心|系列)?(?:的)?(?:[0-9]{1,4}|[一二两三四五六七八九十]{1,3})?(?:件|项)?(?:发明|实用新型|外观设计|专利|技术|成果|职务)|^(?:[“”《》、和及与]|等)|^(?:起拍|起始价|挂牌价|保留价|底价|成交价)|^ ?(?i:patents?)`)
	rowMark     = compile(`^(?:、|和|及|与|以及|，|;| )*$`)
	titleLabel  = compile(`(?:成果名称|专利名称|发明名称|拟转让专利|标的专利|项目名称|拟转让成果|专利技术名称|Patent [Tt]itle|\nTitle)[:\t| ]{1,3}[“《]?([^，。;；\n\t|”》]{3,200}?)(?:[”》]|发明专利权转让|专利权转让|专利转让|[，。;\n\t|(]|$)`)
	headTitle   = compile(`关于[^“”\n]{0,12}“([^“”\n]{3,200})”`)
	quotedTitle = compile(`[“《]([^“”《》\n]{3,200})[”》]`)
	notTitle    = compile(`合同|协议|办法|细则|规定|条例|决定|公告|通知|报告|导报|日报|(?:^|[^方疗用算])法$|意见|方案|十[一二三四五]五|以下|公司$|大学$|指南|软件`)
	patentNear  = compile(`专利|发明|实用新型|(?i:patent)`)
	// englishTitle is a title between straight marks.
	englishTitle = compile(`"([A-Z][^"\n]{3,200})"`)
	otherOnly    = compile(`品种权|未申请专利|技术秘密|软件著作权|布图设计`)
)

// onlyTitle finds the title of the one patent that has none beside its number:
// the first in quotation marks that stands near the word patent, or that is
// worded as inventions are.
func (d *document) onlyTitle() span {
	for _, worded := range []bool{false, true} {
		for _, m := range quotedTitle.FindAllStringSubmatchIndex(d.s, 60) {
			t := d.s[m[2]:m[3]]
			near := d.s[max(0, m[0]-60):m[0]] + "\n" + d.s[m[1]:min(len(d.s), m[1]+40)]
			if notTitle.MatchString(t) || strings.Contains(t, ":") || strings.ContainsRune(t, masked) {
				continue
			}
			if worded && inventionName.MatchString(t) || !worded && patentNear.MatchString(near) {
				return span{m[2], m[3]}
			}
		}
	}
	return span{}
}

// pairTitles gives several titles that stand before several numbers to them in
// order: “甲”及“乙”两项专利（ZL1、ZL2）.
func (d *document) pairTitles(ms []mention) {
	for i := 0; i+1 < len(ms); i++ {
		j := i + 1
		for j < len(ms) && len(d.s[ms[j-1].b:ms[j].a]) <= 12 && !strings.ContainsAny(d.s[ms[j-1].b:ms[j].a], "“《\n") {
			j++
		}
		if n := j - i; n > 1 {
			low := max(0, ms[i].a-260*n)
			if i > 0 {
				low = max(low, ms[i-1].b)
			}
			if q := quotedTitle.FindAllStringSubmatchIndex(d.s[low:ms[i].a], -1); len(q) == n {
				for k := range n {
					ms[i+k].title = span{low + q[k][2], low + q[k][3]}
				}
			}
			i = j - 1
		}
	}
}

var lotHead = compile(`\n[ \t>*]*(?:标的|资产包|拍品|包|项目|[(（]?[一二三四五六七八九十]{1,3}[)）、.]|[(（]?[0-9]{1,2}[)、.．]|[①-⑳]|第[一二三四五六七八九十0-9]+[笔项件包号]|[◆●■▲·•-])`)

// apart parts the patents of an item that names one price for each of them:
// 甲（ZL…）、乙（ZL…），各1.8万元.
func (d *document) apart(groups []group) []group {
	if len(groups) < 2 {
		return groups
	}
	var out []group
	for _, g := range groups {
		var each *money
		if n := len(g.mentions); n > 1 {
			for _, m := range d.moneyIn(span{g.mentions[n-1].b, min(g.b, g.mentions[n-1].b+120)}) {
				if m.per == "each" && (m.class == price || m.class == bare) && !strings.ContainsAny(d.s[g.mentions[n-1].b:m.a], "\n;。") {
					each = &m
					break
				}
			}
		}
		if each == nil {
			out = append(out, g)
			continue
		}
		for _, m := range g.mentions {
			out = append(out, group{mentions: []mention{m}, span: g.span, each: each})
		}
	}
	return out
}

// groups parts the patents by the prices between them.
func (d *document) groups(ms []mention) []group {
	prices := func(a, b int) bool {
		for _, m := range d.moneyIn(span{a, b}) {
			switch m.class {
			case price, start, upfront:
				return true
			case bare:
				return true
			case sum: // 转让价格合计10万元 ends its paragraph
				if low := d.lineStart(m.a); strings.Contains(d.s[m.b:max(b, m.b)], "\n") && low <= a && a > 0 && sumOfPrice.MatchString(d.s[max(a, m.a-40):m.a]) {
					return true
				}
			}
		}
		return false
	}
	cross := crossWord.MatchString(d.s)
	out := []group{{mentions: []mention{ms[0]}}}
	for i := 1; i < len(ms); i++ {
		between := span{ms[i-1].b, ms[i].a}
		text := d.s[between.a:between.b]
		cut := prices(between.a, between.b) || freeOf(text) != nil || noPriceWord.MatchString(text) && strings.Contains(text, "价")
		if cross && grant.MatchString(text) {
			cut = true
		}
		if cut {
			out = append(out, group{})
		}
		out[len(out)-1].mentions = append(out[len(out)-1].mentions, ms[i])
	}
	// One price behind all, or one before all: a package.
	if len(out) > 1 && !cross {
		priced := 0
		for i, g := range out {
			end := len(d.s)
			if i+1 < len(out) {
				end = out[i+1].mentions[0].a
			}
			if i > 0 { // a paragraph may name its price before its patent
				if low := d.lineStart(g.mentions[0].a); low > out[i-1].mentions[len(out[i-1].mentions)-1].b && len(g.mentions) == 1 && priceFirst.MatchString(d.s[low:g.mentions[0].a]) {
					priced++
					continue
				}
			}
			if prices(g.mentions[0].a, end) || freeOf(d.s[g.mentions[0].a:end]) != nil {
				priced++
			}
		}
		if priced < 2 {
			out = []group{{mentions: ms}}
		}
	}
	at := 0
	for i := range out {
		out[i].a = at
		if i+1 < len(out) {
			low, high := out[i].mentions[len(out[i].mentions)-1].b, out[i+1].mentions[0].a
			text := d.s[low:high]
			edge := -1
			if m := lotHead.FindAllStringIndex(text, -1); len(m) > 0 {
				edge = m[len(m)-1][0] + 1
			} else if j := strings.LastIndex(text, "\n\n"); j >= 0 {
				edge = j + 2
			} else if j := strings.LastIndexAny(text, "\n;"); j >= 0 {
				edge = j + 1
			} else if j := strings.LastIndex(text, "。"); j >= 0 {
				edge = j + len("。")
			} else if j := strings.LastIndex(text, "，"); j >= 0 {
				edge = j + len("，")
				if ms := d.moneyIn(span{low, high}); len(ms) > 0 { // (ZL1，20万元)和“乙”(ZL2…
					edge = max(edge, ms[len(ms)-1].b-low)
				}
			}
			if edge < 0 {
				edge = len(text)
			}
			at = low + edge
		} else {
			at = len(d.s)
		}
		out[i].b = at
	}
	if len(out) > 1 {
		// The first group begins at its own item, and what stands before it
		// belongs to all.
		first := out[0].mentions[0].a
		if m := lotHead.FindAllStringIndex(d.s[:first], -1); len(m) > 0 {
			out[0].a = m[len(m)-1][0] + 1
		} else {
			out[0].a = strings.LastIndexByte(d.s[:first], '\n') + 1
		}
		last := &out[len(out)-1]
		lines := strings.Count(d.s[out[0].mentions[0].b:out[0].b], "\n") // of an item, from its number on
		if j := strings.Index(d.s[last.mentions[len(last.mentions)-1].b:], "\n\n"); j >= 0 {
			last.b = last.mentions[len(last.mentions)-1].b + j
		} else if j := strings.Index(d.s[last.mentions[len(last.mentions)-1].b:], "\n"); j >= 0 && lotHead.MatchString(d.s[max(0, last.a-1):min(len(d.s), last.a+12)]) {
			last.b = last.mentions[len(last.mentions)-1].b + j
			for ; lines > 1 && last.b < len(d.s); lines-- { // its further lines: as many as the first has
				next := strings.IndexByte(d.s[last.b+1:], '\n')
				if next < 0 {
					next = len(d.s) - last.b - 1
				}
				if line := d.s[last.b+1 : last.b+1+next]; strings.TrimLeft(line, " ") == line && !itemLine.MatchString(line) {
					break // neither set in nor a label
				}
				last.b += 1 + next
			}
		}
	}
	return out
}

// itemLine is a line of an item that begins with a label: 成交价: 3万元.
var itemLine = compile(`^[^:，。;\n]{2,24}:`)

// priceFirst is 以60万元的价格受让“…”.
var priceFirst = compile(`以[^，。;\n]{2,24}元[^，。;\n]{0,8}(?:价格|价款|对价)?(?:受让|购买|购得|收购)[^，。;\n]*$`)

var sumOfPrice = compile(`(?:转让|许可|价格|价款|费用?)[^，。;\n]{0,6}(?:合计|共计|总计|总额)`)

var grant = compile(`(?:甲方|乙方|丙方|公司|大学|学院|研究所|研究院|医院|厂|中心|集团)(?:\([^()\n]{0,10}\))?[^。;\n]{0,4}(?:将|以|授权|许可|同意)`)

var crossWord = compile(`交叉许可|交叉授权|(?:相互|互相|互)(?:授予|授权|许可|授)`)
