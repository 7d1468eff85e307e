package deal

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// tableReader reads the deals of one table, line by line: each kind of column
// has a method of its own.
type tableReader struct {
	d             *document
	t             table
	whole         span  // the text around the table
	seller, buyer party // named there
	kind          Kind
	kindSpan      span
	carry         [16]span // the cell above, for 〃
	total         float64  // as printed, yuan; NaN: none
	sumCell       span
	recs          []record
}

// record is a line of a table.
type record struct {
	row       Row
	priced    bool
	sp        span
	priceCell span // a < 0: it repeats the one above
	told      bool // its price cell says something, such as 面议
}

// lineCells are the cells of a line by what their columns mean.
type lineCells map[column]span

// get returns a cell that says something.
func (c lineCells) get(col column) (span, bool) {
	at, ok := c[col]
	return at, ok && !at.empty()
}

// tableRows reads the rows of a table.
func (d *document) tableRows(t table) []Row {
	x := &tableReader{d: d, t: t, whole: span{0, len(d.s)}, total: math.NaN()}
	x.seller, x.buyer = d.partiesOf(x.whole)
	x.kind, x.kindSpan = d.dealKind(d.s)
	for _, cs := range t.rows {
		if len(cs) > 0 && !x.sum(cs) {
			x.line(cs)
		}
	}
	if len(x.recs) == 0 {
		return nil
	}
	out := x.packages()
	for i := range out {
		r := &out[i]
		line := x.whole
		if i < len(x.recs) && len(out) == len(x.recs) {
			line = x.recs[i].sp
		}
		if line.b <= line.a {
			line = x.whole
		}
		if len(r.Numbers) > 1 && r.PriceKind == Each {
			r.PriceKind = Total
		}
		if len(out) == 1 && r.PriceKind == Each && len(r.Numbers) <= 1 {
			r.PriceKind = Total
		}
		d.settle(r, line)
	}
	return out
}

// sum reads a line of totals; false: it is none.
func (x *tableReader) sum(cs []span) bool {
	d := x.d
	if !totalLine.MatchString(d.s[cs[0].a:cs[0].b]) && (len(cs) < 2 || !totalLine.MatchString(d.s[cs[1].a:cs[1].b])) {
		return false
	}
	for i, c := range cs {
		if i < len(x.t.head) && x.t.head[i] == colPrice {
			if amount, _, ok := d.cellAmount(c, x.t, i); ok {
				x.total, x.sumCell = amount, c
			}
		}
	}
	// Its cells may not stand under their heads: the last amount is the sum.
	for i := len(cs) - 1; i > 0 && math.IsNaN(x.total); i-- {
		for j, h := range x.t.head {
			if h == colPrice {
				if amount, _, ok := d.cellAmount(cs[i], x.t, j); ok {
					x.total, x.sumCell = amount, cs[i]
				}
			}
		}
	}
	return true
}

// line reads a line that names patents.
func (x *tableReader) line(cs []span) {
	d := x.d
	rec := record{sp: span{cs[0].a, cs[len(cs)-1].b}}
	r := &rec.row
	r.Currency, r.PriceKind = "CNY", None
	cell := x.cells(&rec, cs)
	patents := x.patents(cs, rec.sp, cell)
	if len(patents) == 0 {
		return
	}
	d.patents(r, patents)
	x.dealKind(r, cell)
	if c, ok := cell.get(colTerm); ok {
		d.term(r, c)
	}
	x.party(r, "buyer", x.buyer, cell, colBuyer)
	x.party(r, "seller", x.seller, cell, colSeller)
	for i, c := range cs {
		if i < len(x.t.head) && !c.empty() {
			switch x.t.head[i] {
			case colAppraised:
				x.appraised(r, c, i)
			case colPrice:
				x.price(&rec, c, i)
			}
		}
	}
	if !rec.priced {
		x.asked(&rec, cs)
	}
	x.date(r, cell)
	x.recs = append(x.recs, rec)
}

// cells sorts a line's cells by their columns; one that repeats the cell above
// is that cell.
func (x *tableReader) cells(rec *record, cs []span) lineCells {
	cell := lineCells{}
	for i, c := range cs {
		if i >= len(x.t.head) || x.t.head[i] == colNone {
			continue
		}
		col := x.t.head[i]
		if same := x.d.s[c.a:c.b]; same == "〃" || same == "同上" {
			if col == colPrice {
				rec.priceCell = span{-1, -1}
				continue
			}
			c = x.carry[col]
		}
		if old, twice := cell[col]; twice && !old.empty() {
			continue
		}
		cell[col] = c
		x.carry[col] = c
	}
	return cell
}

// patents finds what a line names, by number or by title; none: it is no line
// of a deal.
func (x *tableReader) patents(cs []span, line span, cell lineCells) []mention {
	d := x.d
	transposed := len(cs) > 1 && strings.Contains(d.s[cs[0].b:cs[1].a], "\n")
	text := d.s[line.a:max(line.a, line.b)]
	ms := d.mentionsIn(line)
	if transposed {
		ms, text = nil, ""
		for _, c := range cs {
			ms = append(ms, d.mentionsIn(c)...)
			text += d.s[c.a:c.b] + "\n"
		}
	}
	title, titled := cell.get(colTitle)
	if len(ms) == 0 {
		if !titled || slices.Contains(x.t.head, colNumber) && !plausibleTitle.MatchString(d.s[title.a:title.b]) || otherRight.MatchString(text) {
			return nil
		}
		ms = []mention{{span: title, title: title}}
	}
	if titled {
		for strings.HasPrefix(d.s[title.a:title.b], "“") && strings.HasSuffix(d.s[title.a:title.b], "”") {
			title.a += len("“")
			title.b -= len("”")
		}
		ms[0].title = title
	}
	return ms
}

// dealKind reads the kind of deal, from its cell or the text around.
func (x *tableReader) dealKind(r *Row, cell lineCells) {
	d := x.d
	r.DealKind = x.kind
	if !x.kindSpan.empty() {
		r.cite("deal_kind", d.v.quote(x.kindSpan))
	}
	c, ok := cell.get(colKind)
	if !ok {
		return
	}
	words := d.s[c.a:c.b]
	switch {
	case strings.Contains(words, "作价") || strings.Contains(words, "入股"):
		r.DealKind = Contribution
	case strings.Contains(words, "许可") || exclusiveWord.MatchString(words) || soleWord.MatchString(words):
		r.DealKind = licenceKind(words)
	case strings.Contains(words, "转让"):
		r.DealKind = Assignment
	case auctionWord.MatchString(words):
		r.DealKind = Auction
	default:
		return
	}
	r.Quotes["deal_kind"] = []Quote{d.v.quote(c)}
	d.term(r, c)
}

// party reads a party from its cell; without one it is that of the text around.
func (x *tableReader) party(r *Row, field string, around party, cell lineCells, col column) {
	c, ok := cell.get(col)
	if !ok {
		x.d.put(r, field, around)
	} else if p, ok := x.d.partiesAt(c.a, c.b); ok {
		x.d.put(r, field, p)
	}
}

// appraised reads an appraiser's figure.
func (x *tableReader) appraised(r *Row, c span, col int) {
	if amount, currency, ok := x.d.cellAmount(c, x.t, col); ok && r.Appraised == nil && currency == "CNY" {
		r.Appraised = &amount
		r.cite("appraised", x.d.v.quote(c))
	}
}

// price reads a cell of prices; the first that says one counts.
func (x *tableReader) price(rec *record, c span, col int) {
	if rec.priced {
		return
	}
	d, r := x.d, &rec.row
	words := d.s[c.a:c.b]
	rec.told = rec.told || words != "〃" && words != "同上" && strings.Trim(words, "-/ ") != ""
	if freeOf(words) != nil {
		zero := 0.0
		r.Amount, r.PriceKind, rec.priced = &zero, Free, true
		r.cite("amount", d.v.quote(c))
		return
	}
	if amount, currency, ok := d.cellAmount(c, x.t, col); ok {
		r.Amount, r.Currency, rec.priced = &amount, currency, true
		r.PriceKind = Each
		if amount == 0 {
			r.PriceKind = Free
		}
		rec.priceCell = c
		r.cite("amount", d.v.quote(c))
	} else if isBareNumber(words) {
		r.warn("unit_unknown", "金额“"+words+"”的单位没有写明，或前后矛盾。", "The unit of "+words+" is not told, or told in two ways.")
		r.Waits = true
	}
}

// asked reads the price at which something is offered, where none is agreed.
func (x *tableReader) asked(rec *record, cs []span) {
	r := &rec.row
	for i, c := range cs {
		if i < len(x.t.head) && x.t.head[i] == colStart && !c.empty() {
			if amount, currency, ok := x.d.cellAmount(c, x.t, i); ok {
				r.Amount, r.Currency, rec.priced = &amount, currency, true
				r.PriceKind = Ask
				r.cite("amount", x.d.v.quote(c))
			}
			return
		}
	}
}

// date reads the first day in the cell of dates.
func (x *tableReader) date(r *Row, cell lineCells) {
	c, ok := cell.get(colDate)
	if !ok {
		return
	}
	for _, m := range x.d.moments {
		if m.a >= c.a && m.b <= c.b {
			r.Date = m.form
			r.cite("date", x.d.v.quote(m.span))
			return
		}
	}
}

// packages makes deals of the lines: a price cell that spans lines, or stands
// in the first of them alone, is the price of a package.
func (x *tableReader) packages() []Row {
	priced, spanned := 0, 0
	for _, r := range x.recs {
		if r.priced {
			priced++
		}
		if r.priceCell.a < 0 {
			spanned++
		}
	}
	noUnit := func(r record) bool {
		return r.row.Waits && len(r.row.Warnings) > 0 && r.row.Warnings[0].Code == "unit_unknown"
	}
	switch {
	case spanned > 0:
		var out []Row
		for _, r := range x.recs {
			if r.priceCell.a < 0 && len(out) > 0 {
				join(&out[len(out)-1], r.row)
				continue
			}
			out = append(out, r.row)
		}
		return out
	case priced == 0 && slices.ContainsFunc(x.recs, noUnit):
		return x.apart()
	case priced == 0, priced == 1 && len(x.recs) > 1 && x.recs[0].priced && !slices.ContainsFunc(x.recs[1:], func(r record) bool { return r.told }):
		return x.together(priced == 0)
	}
	out := x.apart()
	sum := 0.0
	for i := range out {
		if out[i].Amount != nil {
			sum += *out[i].Amount
		}
	}
	if !math.IsNaN(x.total) && math.Abs(sum-x.total) > 0.005*math.Max(sum, x.total)+0.01 {
		for i := range out {
			out[i].warn("total_differs", fmt.Sprintf("合计“%s”与各项之和 %.2f 元不符。", x.d.s[x.sumCell.a:x.sumCell.b], sum), "The printed total is not the sum of the prices.")
			out[i].Waits = true
		}
	}
	return out
}

// apart makes a deal of each line.
func (x *tableReader) apart() []Row {
	out := make([]Row, len(x.recs))
	for i := range out {
		out[i] = x.recs[i].row
	}
	return out
}

// together makes one deal of all lines at one price: that of the first line,
// or, without any, that of the text around.
func (x *tableReader) together(around bool) []Row {
	all := x.recs[0].row
	if around {
		before := all.PriceKind
		x.d.price(&all, x.whole, x.kind, true)
		if all.PriceKind == None && before == None && noPriceCell.MatchString(x.d.s) {
			return x.apart()
		}
	} else {
		all.warn("merged_price", "只有首行有价格，按一揽子价格读取，请核对。", "Only the first line has a price; it was read as the price of all.")
		all.Waits = true
	}
	for _, r := range x.recs[1:] {
		join(&all, r.row)
	}
	if all.PriceKind == Each {
		all.PriceKind = Total
	}
	return []Row{all}
}

var (
	totalLine      = compile(`^(?:合 ?计|总 ?计|小 ?计|共计|总额|汇总|累计)`)
	plausibleTitle = compile(`\p{Han}{4,}|[A-Za-z]{4,}`)
	otherRight     = compile(`软件著作权|软著|注册商标|商标|计算机软件|登记号|技术秘密|品种权|集成电路布图|版权`)
	noPriceCell    = compile(`面议|待定|另行`)
	bareNumber     = compile(`^[¥ ]?[0-9][0-9,]*(?:\.[0-9]+)?$`)
)

func isBareNumber(s string) bool { return bareNumber.MatchString(strings.TrimSpace(s)) }

// join adds the patents of a row to a package.
func join(into *Row, r Row) {
	into.Numbers = append(into.Numbers, r.Numbers...)
	if r.Title != "" {
		into.Title = strings.TrimPrefix(into.Title+";"+r.Title, ";")
	}
	into.Patents += r.Patents
	into.cite("numbers", r.Quotes["numbers"]...)
	into.cite("title", r.Quotes["title"]...)
	into.PriceKind = map[bool]PriceKind{true: Total, false: into.PriceKind}[into.PriceKind == Each]
}

// cellAmount reads the amount of a cell in the unit that the cell, the head of
// its column or the caption states.
func (d *document) cellAmount(c span, t table, col int) (float64, string, bool) {
	if ms := d.moneyIn(c); len(ms) > 0 {
		if ms[0].ranged {
			return 0, "", false
		}
		return ms[0].yuan, ms[0].currency, true
	}
	text := strings.TrimSpace(d.s[c.a:c.b])
	noted := 0.0
	for mark, unit := range t.notes {
		if rest, ok := strings.CutSuffix(text, mark); ok {
			text, noted = strings.TrimSpace(rest), unit
		}
	}
	text = strings.TrimPrefix(text, "¥")
	text = strings.TrimSpace(strings.TrimSuffix(text, "整"))
	if !isBareNumber(text) {
		return 0, "", false
	}
	x, ok := plain(text)
	if !ok {
		return 0, "", false
	}
	if noted != 0 && x*noted <= 1e15 {
		return round(x * noted), "CNY", true
	}
	unit := 0.0
	if col < len(t.words) {
		if m := unitHead.FindStringSubmatch(t.words[col]); m != nil {
			unit = unitOf(m[1])
		} else if strings.Contains(t.words[col], "万元") {
			unit = 1e4
		}
	}
	if unit != 0 && t.caption != 0 && unit != t.caption {
		return 0, "", false // two units: neither is known to hold
	}
	if unit == 0 {
		unit = t.caption
	}
	if unit == 0 || x*unit > 1e15 {
		return 0, "", false
	}
	return round(x * unit), "CNY", true
}
