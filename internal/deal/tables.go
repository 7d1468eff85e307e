package deal

import (
	"cmp"
	"slices"
	"strings"
)

// table is a run of lines with cells.
type table struct {
	a, b    int // lines, b is past the last
	head    []column
	words   []string // of the head, by column
	rows    [][]span
	caption float64            // the unit that a line above states; 0 without one
	notes   map[string]float64 // units by the mark that a footnote explains
}

type column uint8

const (
	colNone column = iota
	colNumber
	colTitle
	colPrice
	colStart
	colAppraised
	colBuyer
	colSeller
	colDate
	colKind
	colTerm
	colStatus
)

var headWords = []struct {
	re  *pattern
	col column
}{
	{compile(`许可(?:种类|类型|类别|方式|性质)|转化方式|交易方式`), colKind},
	{compile(`隐藏|场次|标的号|标的序号|标的编号|拍品号|批次|序号|^编号$|电话|联系|备注|支付方式|发明人|完成人|专利类型|专利类别|种类|授权日|申请日|公告日|^No\.?$|佣金|保证金|溢价|竞价轮|报名|余额|税额|数量|件数|原值|净值|账面|年费|提成|分配|奖励`), colNone},
	{compile(`评估`), colAppraised},
	{compile(`起拍|起始价|起价|起叫价|底价|挂牌价|保留价|参考价|starting`), colStart},
	{compile(`专利号|申请号|授权号|公开号|公告号|专利编号|[Pp]atent [Nn]o|号码`), colNumber},
	{compile(`受让|被许可|被授权|使用方|买家|买主|承接|引进方|对方|竞得|买受|买方|购买方|企业名称|单位名称|接收|摘牌|Buyer|Assignee|Licensee`), colBuyer},
	{compile(`转让方$|出让方|出让单位|转让单位|许可单位|许可方$|转让人|许可人|委托方|委托人|委托单位|送拍|选送|权属单位|所属单位|权利单位|卖方|卖家|专利权人|权利人|持有人|持有单位|Seller|Assignor|Licensor`), colSeller},
	{compile(`^(?:成交|落槌|中标|得标)$`), colPrice},
	{compile(`价|额|费|款|对价|Price|Fee|元\)|/(?:万|亿)?元$`), colPrice},
	{compile(`许可期|^期限|年限|使用期|有效期|Term`), colTerm},
	{compile(`日期|时间|签订日|签约日|签署日|成交日|登记日|合同日|签约|签订|签署|^日|(?i:date)`), colDate},
	{compile(`方式|合同类别|交易类型|转化类型|转化形式|许可种类|许可类型|合同类型|^类[型别]$`), colKind},
	{compile(`名称|标的|成果|题目|Title|^\p{Han}{0,6}专利$`), colTitle},
	{compile(`结果|状态|成交情况`), colStatus},
}

func headColumn(cell string) (column, bool) {
	if len(cell) > 60 || cell == "" {
		return colNone, false
	}
	for _, h := range headWords {
		if h.re.MatchString(cell) {
			return h.col, true
		}
	}
	switch buys, sells := side(cell); {
	case buys && !sells:
		return colBuyer, true
	case sells && !buys:
		return colSeller, true
	}
	return colNone, false
}

var (
	wideGap  = compile(` {2,}`)
	ruleLine = compile(`^[ |:+\-=]+$`)
	unitHead = compile(`(?:[(:/ ]|单位)(?:人民币)?(万元|亿元|千元|元)`)
	caption  = compile(`(?:单位|金额|币种|货币)[:为]? ?(?:均为)?(?:人民币)?(万元|亿元|千元|元)`)
)

// cells splits a line of a table.
func cells(s string, l span) ([]span, byte) {
	text := s[l.a:l.b]
	var out []span
	cut := func(edges [][]int, kind byte) ([]span, byte) {
		at := 0
		for _, e := range append(edges, []int{len(text), len(text)}) {
			a, b := l.a+at, l.a+e[0]
			for a < b && (s[a] == ' ') {
				a++
			}
			for b > a && s[b-1] == ' ' {
				b--
			}
			out = append(out, span{a, b})
			at = e[1]
		}
		return out, kind
	}
	find := func(sep byte) (edges [][]int) {
		for i := range len(text) {
			if text[i] == sep {
				edges = append(edges, []int{i, i + 1})
			}
		}
		return edges
	}
	switch {
	case strings.Count(text, "|") >= 2:
		got, kind := cut(find('|'), '|')
		if len(got) > 2 && got[0].empty() && strings.HasPrefix(strings.TrimSpace(text), "|") {
			got = got[1:]
		}
		if len(got) > 2 && got[len(got)-1].empty() && strings.HasSuffix(strings.TrimSpace(text), "|") {
			got = got[:len(got)-1]
		}
		return got, kind
	case strings.Contains(text, "\t"):
		return cut(find('\t'), '\t')
	}
	if strings.Count(text, "，") >= 3 && !strings.Contains(text, "。") { // a table exported with commas
		edges, quoted := [][]int(nil), false
		for i, r := range text {
			switch {
			case r == '"':
				quoted = !quoted
			case r == '，' && !quoted:
				edges = append(edges, []int{i, i + len("，")})
			}
		}
		got, kind := cut(edges, ',')
		for i := range got {
			if c := got[i]; c.b-c.a >= 2 && s[c.a] == '"' && s[c.b-1] == '"' {
				got[i] = span{c.a + 1, c.b - 1}
			}
		}
		return got, kind
	}
	if edges := wideGap.FindAllStringIndex(text, -1); len(edges) >= 2 && strings.TrimSpace(text[:edges[0][1]]) != "" {
		return cut(edges, ' ')
	}
	return nil, 0
}

// findTables finds the tables whose first line names the columns.
func (d *document) findTables() []table {
	var out []table
	for i := 0; i < len(d.lines); i++ {
		head, kind := cells(d.s, d.lines[i])
		if kind == 0 {
			if head, kind = d.wordHead(d.lines[i]); kind == 0 {
				continue
			}
		}
		if t, ok := d.transposed(i, kind); ok && kind != wordGap {
			out = append(out, t)
			i = t.b - 1
			continue
		}
		t := table{a: i}
		words, body := d.headOf(i, head, kind)
		known := 0
		need := map[column]bool{}
		for _, word := range words {
			col, ok := headColumn(word)
			if ok {
				known++
			}
			if col != colNone && need[col] && col != colPrice {
				col = colNone
			}
			need[col] = true
			t.head = append(t.head, col)
			t.words = append(t.words, word)
		}
		named := false
		for _, m := range d.mentionsIn(d.lines[i]) {
			named = named || m.number != ""
		}
		if known < 2 || known*2 < len(head) || named || !(need[colNumber] || need[colTitle]) {
			continue
		}
		j := body
		for ; j < len(d.lines) && len(t.rows) <= MaxRows; j++ {
			text := d.s[d.lines[j].a:d.lines[j].b]
			if ruleLine.MatchString(text) {
				continue
			}
			got, k := cells(d.s, d.lines[j])
			if kind == wordGap {
				if got = wordsOf(d.s, d.lines[j]); len(got) == len(head) {
					k = wordGap
				}
			}
			if k != kind || len(got) < 2 {
				break
			}
			t.rows = append(t.rows, got)
		}
		if len(t.rows) == 0 {
			continue
		}
		t.b = j
		t.caption, t.notes = d.unitAbove(i), d.footnotes()
		out = append(out, t)
		i = j - 1
	}
	return out
}

// wordGap is the kind of a table whose cells single blanks part.
const wordGap = '_'

// wordHead reads a line whose every word names a column.
func (d *document) wordHead(l span) ([]span, byte) {
	if l.b-l.a > 400 {
		return nil, 0
	}
	head := wordsOf(d.s, l)
	if len(head) < 4 {
		return nil, 0
	}
	for _, c := range head {
		if _, known := headColumn(d.s[c.a:c.b]); !known {
			return nil, 0
		}
	}
	return head, wordGap
}

// wordsOf splits a line at its blanks.
func wordsOf(s string, l span) []span {
	var out []span
	for a := l.a; a < l.b; {
		if s[a] == ' ' {
			a++
			continue
		}
		b := a
		for b < l.b && s[b] != ' ' {
			b++
		}
		out = append(out, span{a, b})
		a = b
	}
	return out
}

// headOf reads the words of the columns: of one line, or of two where the
// second names what the first holds together (金额 over 评估 and 成交). It also
// returns the first line of the body.
func (d *document) headOf(i int, top []span, kind byte) ([]string, int) {
	var words []string
	for _, c := range top {
		words = append(words, d.s[c.a:c.b])
	}
	next := i + 1
	for next < len(d.lines) && ruleLine.MatchString(d.s[d.lines[next].a:d.lines[next].b]) {
		next++
	}
	if next >= len(d.lines) || next > i+3 {
		return words, i + 1
	}
	sub, k := cells(d.s, d.lines[next])
	if k != kind || len(sub) != len(top) || len(d.mentionsIn(d.lines[next])) > 0 {
		return words, i + 1
	}
	spans, heads := false, 0
	for c, cell := range sub {
		word := d.s[cell.a:cell.b]
		spans = spans || top[c].empty() || word == "〃" || word == ""
		if subHead.MatchString(word) {
			heads++
		} else if word != "〃" && word != "" {
			return words, i + 1
		}
	}
	if !spans || heads < 2 {
		return words, i + 1
	}
	over := ""
	for c, cell := range sub {
		if !top[c].empty() {
			over = words[c]
		}
		if word := d.s[cell.a:cell.b]; word == "〃" || word == "" {
			over = ""
		} else {
			words[c] = over + word
		}
	}
	return words, next + 1
}

// subHead is a word that names a column: no figure, no date, no name of a body.
var subHead = compile(`^\(?[\p{Han}A-Za-z]{1,8}(?:[(/，,、][\p{Han}，,、/]{1,8}\)?)*\)?$`)

// unitAbove reads the unit that stands above a table, or else anywhere.
func (d *document) unitAbove(i int) float64 {
	unit := 0.0
	for k := max(0, i-3); k < i; k++ {
		if m := caption.FindStringSubmatch(d.s[d.lines[k].a:d.lines[k].b]); m != nil {
			unit = unitOf(m[1])
		}
	}
	if m := caption.FindStringSubmatch(d.s); m != nil && unit == 0 {
		unit = unitOf(m[1])
	}
	return unit
}

// footnotes reads the units that marks beside an amount stand for: 带*者单位为万元.
func (d *document) footnotes() map[string]float64 {
	out := map[string]float64{}
	for _, m := range footnote.FindAllStringSubmatch(d.s, 8) {
		out[m[1]] = unitOf(m[2])
	}
	return out
}

var footnote = compile(`(?:带|标|注|有)?[“]?([*＊※#△▲☆★†])[”]?号?(?:者|的|项|标记)?[^。\n0-9]{0,8}(?:以|单位)[^。\n0-9]{0,4}?(万元|亿元|千元|元)`)

// transposed reads a table whose lines are fields and whose columns are
// patents, from a line on.
func (d *document) transposed(i int, kind byte) (table, bool) {
	t := table{a: i}
	var lines [][]span
	patents := 0
	for j := i; j < len(d.lines) && j < i+40; j++ {
		got, k := cells(d.s, d.lines[j])
		if ruleLine.MatchString(d.s[d.lines[j].a:d.lines[j].b]) && j > i {
			continue
		}
		if k != kind || len(got) < 3 || len(lines) > 0 && len(got) != len(lines[0]) {
			break
		}
		word := d.s[got[0].a:got[0].b]
		col, known := headColumn(word)
		if col == colNumber {
			for _, c := range got[1:] {
				patents += b2i(len(d.mentionsIn(c)) > 0)
			}
		}
		if !known && len(lines) > 0 && len(d.mentionsIn(d.lines[j])) > 0 {
			return t, false
		}
		t.head, t.words = append(t.head, col), append(t.words, word)
		lines = append(lines, got)
		t.b = j + 1
	}
	if patents < 2 || len(lines) < 3 {
		return t, false
	}
	for c := 1; c < len(lines[0]); c++ {
		var row []span
		for _, l := range lines {
			row = append(row, l[c])
		}
		t.rows = append(t.rows, row)
	}
	t.caption, t.notes = d.unitAbove(i), d.footnotes()
	return t, true
}

func unitOf(word string) float64 {
	switch word {
	case "万元":
		return 1e4
	case "亿元":
		return 1e8
	case "千元":
		return 1e3
	case "元":
		return 1
	}
	return 0
}

// mentionsIn returns the patents named within a span.
func (d *document) mentionsIn(sp span) []mention {
	return inSpan(d.mentions, sp, func(m mention) int { return m.a })
}

// moneyIn returns the amounts within a span.
func (d *document) moneyIn(sp span) []money {
	return inSpan(d.money, sp, func(m money) int { return m.a })
}

// inSpan returns those of a sorted list that begin in a span.
func inSpan[T any](sorted []T, sp span, at func(T) int) []T {
	begin := func(x T, a int) int { return cmp.Compare(at(x), a) }
	lo, _ := slices.BinarySearchFunc(sorted, sp.a, begin)
	hi, _ := slices.BinarySearchFunc(sorted, sp.b, begin)
	return slices.Clone(sorted[lo:max(lo, hi)])
}
