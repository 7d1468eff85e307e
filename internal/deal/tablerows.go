package deal

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// record is a line of a table, read as a deal.
type record struct {
	row       Row
	priced    bool
	sp        span
	priceCell span // {-1, -1} where the price is that of the line above
	told      bool // its price cell says something, such as 面议
}

// tableReader reads the lines of one table.
type tableReader struct {
	*document
	t             table
	seller, buyer party // of the text around the table
	kind          Kind
	kindSpan      span
	carry         [16]span // the cell above, for 〃
	total         float64  // of a line of totals; NaN without one
	sumCell       span
}

// tableRows reads the rows of a table.
func (d *document) tableRows(t table) []Row {
	whole := span{0, len(d.s)}
	tr := tableReader{document: d, t: t, total: math.NaN()}
	tr.seller, tr.buyer = d.partiesOf(whole)
	tr.kind, tr.kindSpan = d.dealKind(d.s)
	var recs []record
	for _, cs := range t.rows {
		if rec, ok := tr.line(cs); ok {
			recs = append(recs, rec)
		}
	}
	if len(recs) == 0 {
		return nil
	}
	out := tr.packages(recs)
	for i := range out {
		r, line := &out[i], whole
		if len(out) == len(recs) && recs[i].sp.b > recs[i].sp.a {
			line = recs[i].sp
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

// line reads a line of the table; a line of totals and one that names no
// patent are no deal.
func (tr *tableReader) line(cs []span) (record, bool) {
	if len(cs) == 0 {
		return record{}, false
	}
	rec := record{sp: span{cs[0].a, cs[len(cs)-1].b}}
	if totalLine.MatchString(tr.s[cs[0].a:cs[0].b]) || len(cs) > 1 && totalLine.MatchString(tr.s[cs[1].a:cs[1].b]) {
		tr.readTotal(cs)
		return rec, false
	}
	rec.row.Currency, rec.row.PriceKind = "CNY", None
	cell := tr.cells(cs, &rec)
	ms, ok := tr.patentsOf(cs, cell)
	if !ok {
		return rec, false
	}
	r := &rec.row
	tr.patents(r, ms)
	tr.kindOf(r, cell)
	tr.cellParties(r, cell)
	tr.prices(&rec, cs)
	if !rec.priced {
		tr.startPrice(&rec, cs)
	}
	if c := cell[colDate]; !c.empty() {
		for _, m := range tr.moments {
			if m.a >= c.a && m.b <= c.b {
				r.Date = m.form
				r.cite("date", tr.v.quote(m.span))
				break
			}
		}
	}
	return rec, true
}

// readTotal reads the sum of a line of totals: in the price column, or, where
// cells are merged, the last that is an amount.
func (tr *tableReader) readTotal(cs []span) {
	for i, c := range cs {
		if i < len(tr.t.head) && tr.t.head[i] == colPrice {
			if x, _, ok := tr.cellAmount(c, tr.t, i); ok {
				tr.total, tr.sumCell = x, c
			}
		}
	}
	for i := len(cs) - 1; i > 0 && math.IsNaN(tr.total); i-- {
		for j, h := range tr.t.head {
			if h == colPrice {
				if x, _, ok := tr.cellAmount(cs[i], tr.t, j); ok {
					tr.total, tr.sumCell = x, cs[i]
				}
			}
		}
	}
}

// cells gives the cells of a line to their columns; 〃 is the cell above.
func (tr *tableReader) cells(cs []span, rec *record) map[column]span {
	cell := map[column]span{}
	for i, c := range cs {
		if i >= len(tr.t.head) || tr.t.head[i] == colNone {
			continue
		}
		col := tr.t.head[i]
		if same := tr.s[c.a:c.b]; same == "〃" || same == "同上" {
			if col == colPrice {
				rec.priceCell = span{-1, -1}
				continue
			}
			c = tr.carry[col]
		}
		if old, twice := cell[col]; twice && !old.empty() {
			continue
		}
		cell[col] = c
		tr.carry[col] = c
	}
	return cell
}

// patentsOf finds the patents of a line, by number or by title.
func (tr *tableReader) patentsOf(cs []span, cell map[column]span) ([]mention, bool) {
	line := span{cs[0].a, cs[len(cs)-1].b}
	text := tr.s[line.a:max(line.a, line.b)]
	ms := tr.mentionsIn(line)
	if len(cs) > 1 && strings.Contains(tr.s[cs[0].b:cs[1].a], "\n") { // columns are patents
		ms, text = nil, ""
		for _, c := range cs {
			ms = append(ms, tr.mentionsIn(c)...)
			text += tr.s[c.a:c.b] + "\n"
		}
	}
	title := cell[colTitle]
	if len(ms) == 0 {
		if title.empty() || slices.Contains(tr.t.head, colNumber) && !plausibleTitle.MatchString(tr.s[title.a:title.b]) || otherRight.MatchString(text) {
			return nil, false
		}
		ms = []mention{{span: title, title: title}}
	}
	if !title.empty() {
		for strings.HasPrefix(tr.s[title.a:title.b], "“") && strings.HasSuffix(tr.s[title.a:title.b], "”") {
			title.a += len("“")
			title.b -= len("”")
		}
		ms[0].title = tr.besideNumber(title)
	}
	return ms, true
}

// besideNumber takes the numbers off a cell that holds them with the title.
func (tr *tableReader) besideNumber(title span) span {
	ms := tr.mentionsIn(title)
	if len(ms) != 1 || ms[0].number == "" {
		return title
	}
	before, after := span{title.a, ms[0].a}, span{ms[0].b, title.b}
	for _, side := range []span{before, after} {
		text := tr.s[side.a:side.b]
		side.a += len(text) - len(strings.TrimLeft(text, " ，,:;)、("))
		side.b -= len(text) - len(strings.TrimRight(text, " ，,:;(、"))
		if side.b-side.a >= 9 {
			return side
		}
	}
	return title
}

// kindOf reads the kind of deal of a line, or takes that of the text.
func (tr *tableReader) kindOf(r *Row, cell map[column]span) {
	r.DealKind = tr.kind
	if !tr.kindSpan.empty() {
		r.cite("deal_kind", tr.v.quote(tr.kindSpan))
	}
	if c := cell[colKind]; !c.empty() {
		words := tr.s[c.a:c.b]
		said := true
		switch {
		case strings.Contains(words, "作价") || strings.Contains(words, "入股"):
			r.DealKind = Contribution
		case strings.Contains(words, "许可") || exclusiveWord.MatchString(words) || soleWord.MatchString(words) || plainWord.MatchString(words):
			r.DealKind = licenceKind(words)
		case strings.Contains(words, "转让"):
			r.DealKind = Assignment
		case auctionWord.MatchString(words):
			r.DealKind = Auction
		default:
			said = false
		}
		if said {
			r.Quotes["deal_kind"] = []Quote{tr.v.quote(c)}
			tr.term(r, c)
		}
	}
	c := cell[colTerm]
	if c.empty() {
		return
	}
	tr.term(r, c)
	if n, ok := figure(tr.s[c.a:c.b]); ok && n > 0 && n <= 50 && r.TermYears == nil { // years by the head
		years := float64(n)
		r.TermYears = &years
		r.cite("licence_term_years", tr.v.quote(c))
	}
}

// cellParties reads the parties of a line, or takes those of the text.
func (tr *tableReader) cellParties(r *Row, cell map[column]span) {
	for _, side := range []struct {
		field string
		col   column
		all   party
	}{{"seller", colSeller, tr.seller}, {"buyer", colBuyer, tr.buyer}} {
		c := cell[side.col]
		if c.empty() {
			if side.col == colBuyer && slices.Contains(tr.t.head, colBuyer) {
				continue // a line without a buyer: nobody took it
			}
			tr.put(r, side.field, side.all)
		} else if p, ok := tr.partiesAt(c.a, c.b); ok {
			tr.put(r, side.field, p)
		}
	}
}

// prices reads the price and the valuation of a line.
func (tr *tableReader) prices(rec *record, cs []span) {
	r := &rec.row
	for i, c := range cs {
		if i >= len(tr.t.head) || c.empty() {
			continue
		}
		switch tr.t.head[i] {
		case colAppraised:
			if x, cur, ok := tr.cellAmount(c, tr.t, i); ok && r.Appraised == nil && cur == "CNY" {
				r.Appraised = &x
				r.cite("appraised", tr.v.quote(c))
			}
		case colPrice:
			if !rec.priced {
				tr.priceOf(rec, c, i)
			}
		}
	}
}

// priceOf reads a cell of a price column.
func (tr *tableReader) priceOf(rec *record, c span, col int) {
	r, words := &rec.row, tr.s[c.a:c.b]
	rec.told = rec.told || words != "〃" && words != "同上" && strings.Trim(words, "-/ ") != ""
	if freeOf(words) != nil {
		zero := 0.0
		r.Amount, r.PriceKind, rec.priced = &zero, Free, true
		r.cite("amount", tr.v.quote(c))
		return
	}
	x, cur, ok := tr.cellAmount(c, tr.t, col)
	switch {
	case ok:
		r.Amount, r.Currency, r.PriceKind = &x, cur, Each
		if x == 0 {
			r.PriceKind = Free
		}
		rec.priced, rec.priceCell = true, c
		r.cite("amount", tr.v.quote(c))
	case isBareNumber(words):
		r.warn("unit_unknown", "金额“"+words+"”的单位没有写明，或前后矛盾。", "The unit of "+words+" is not told, or told in two ways.")
		r.Waits = true
	}
}

// startPrice reads the starting price of a line that has no other.
func (tr *tableReader) startPrice(rec *record, cs []span) {
	for i, c := range cs {
		if i >= len(tr.t.head) || tr.t.head[i] != colStart || c.empty() {
			continue
		}
		if x, cur, ok := tr.cellAmount(c, tr.t, i); ok {
			r := &rec.row
			r.Amount, r.Currency, r.PriceKind, rec.priced = &x, cur, Ask, true
			r.cite("amount", tr.v.quote(c))
		}
		return
	}
}

// packages joins the lines that have one price: a price cell that spans lines,
// or stands in the first of them alone, is the price of the package.
func (tr *tableReader) packages(recs []record) []Row {
	priced := 0
	for _, r := range recs {
		priced += b2i(r.priced)
	}
	unitless := func(r record) bool {
		return r.row.Waits && len(r.row.Warnings) > 0 && r.row.Warnings[0].Code == "unit_unknown"
	}
	switch {
	case slices.ContainsFunc(recs, func(r record) bool { return r.priceCell.a < 0 }):
		var out []Row
		for _, r := range recs {
			if r.priceCell.a < 0 && len(out) > 0 {
				join(&out[len(out)-1], r.row)
			} else {
				out = append(out, r.row)
			}
		}
		return out
	case priced == 0 && slices.ContainsFunc(recs, unitless):
		return rowsOf(recs)
	case priced == 1 && slices.ContainsFunc(tr.t.words, wholeHead.MatchString):
		k := slices.IndexFunc(recs, func(r record) bool { return r.priced })
		from, first := recs[k].row, &recs[0].row
		first.Amount, first.Currency, first.PriceKind = from.Amount, from.Currency, from.PriceKind
		if k > 0 {
			first.cite("amount", from.Quotes["amount"]...)
		}
		return tr.onePrice(recs, true)
	case priced == 0 || priced == 1 && len(recs) > 1 && recs[0].priced && !slices.ContainsFunc(recs[1:], func(r record) bool { return r.told }):
		return tr.onePrice(recs, priced > 0)
	}
	out := rowsOf(recs)
	tr.checkTotal(out)
	return out
}

func rowsOf(recs []record) []Row {
	var out []Row
	for _, r := range recs {
		out = append(out, r.row)
	}
	return out
}

// onePrice reads lines that have one price for all, in the first of them or in
// the text around the table.
func (tr *tableReader) onePrice(recs []record, inFirst bool) []Row {
	all := recs[0].row
	if inFirst {
		all.warn("merged_price", "只有首行有价格，按一揽子价格读取，请核对。", "Only the first line has a price; it was read as the price of all.")
		all.Waits = true
	} else {
		before := all.PriceKind
		tr.price(&all, span{0, len(tr.s)}, tr.kind, true)
		if all.PriceKind == None && before == None && noPriceCell.MatchString(tr.s) {
			return rowsOf(recs)
		}
	}
	for _, r := range recs[1:] {
		join(&all, r.row)
	}
	if all.PriceKind == Each {
		all.PriceKind = Total
	}
	return []Row{all}
}

// checkTotal warns where the printed total is not the sum of the lines.
func (tr *tableReader) checkTotal(out []Row) {
	sum := 0.0
	for _, r := range out {
		if r.Amount != nil {
			sum += *r.Amount
		}
	}
	if math.IsNaN(tr.total) || math.Abs(sum-tr.total) <= 0.005*math.Max(sum, tr.total)+0.01 {
		return
	}
	warnTotal(out, tr.s[tr.sumCell.a:tr.sumCell.b], sum)
}

// warnTotal says of rows that the printed total is not their sum.
func warnTotal(out []Row, printed string, sum float64) {
	for i := range out {
		out[i].warn("total_differs", fmt.Sprintf("合计“%s”与各项之和 %.2f 元不符。", printed, sum), "The printed total is not the sum of the prices.")
		out[i].Waits = true
	}
}

var (
	totalLine      = compile(`^(?:合 ?计|总 ?计|小 ?计|共计|总额|汇总|累计)`)
	plausibleTitle = compile(`\p{Han}{4,}|[A-Za-z]{4,}`)
	otherRight     = compile(`软件著作权|软著|注册商标|商标|计算机软件|登记号|技术秘密|品种权|集成电路布图|版权`)
	noPriceCell    = compile(`面议|待定|另行`)
	bareNumber     = compile(`^[¥ ]?(?:[0-9][0-9,]*|[0-9]{1,3}(?: [0-9]{3})+)(?:\.[0-9]+)?$`)
	yuanHead       = compile(`^[^万亿千]*\((?:RMB|CNY|yuan|¥)\)$`)
	wholeHead      = compile(`整包|打包|一揽子|整体`)
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
		} else if yuanHead.MatchString(t.words[col]) {
			unit = 1
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
