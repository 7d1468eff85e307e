package deskfile

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/lending"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/sheet"
)

// Reader names how files are read; it changes whenever an equal file would
// be read otherwise, so that a file sent again is not answered from before.
const Reader = "reader-2"

// Options say what a loan desk's file leaves open.
type Options struct {
	Unit       string        // 元 or 万元, for amount columns whose header names no unit; a contradicting header is refused
	On         calendar.Date // day the file is judged by; zero switches the tests on dates against it off
	Programmes []string      // known product codes; nil: none is checked
}

// Line is one line of a loan desk's file. A line with faults has what
// could be read of it.
type Line struct {
	Row     lending.Row
	Faults  []fault.Field
	Ignored []string // headers, first met in this line, that name no column and are not read
}

// batchColumn is one column of the file.
type batchColumn struct {
	key    string // also accepted as a header
	zh     string // header of the template
	names  []string
	amount bool // needs a unit
	note   string

	// Of the template.
	required bool
	wide     float64
	pick     []string // drop-down
	open     bool     // other entries are right, too
}

// batchColumns are the columns of a loan desk's file, in the template's order,
// with the headers they are also known by.
var batchColumns = []batchColumn{
	{key: "seq", zh: "序号", names: []string{"编号", "no", "no."}, note: "银行自己的编号；产品额度按序号从小到大使用。", wide: 7},
	{key: "borrower", zh: "借款人名称", names: []string{"借款人", "借款企业", "借款企业名称", "借款单位", "企业名称", "公司名称", "客户名称", "借款人全称"}, note: "必填。", required: true, wide: 26},
	{key: "credit_code", zh: "统一社会信用代码", names: []string{"信用代码", "社会信用代码", "统一信用代码", "统一社会信用代码/组织机构代码", "uscc"}, note: "18 位，含校验位。", wide: 22},
	{key: "number", zh: "专利号/申请号", names: []string{"专利号", "申请号", "专利号(申请号)", "申请号(专利号)", "申请号/专利号", "专利(申请)号", "申请(专利)号", "专利号码", "专利申请号", "专利编号", "patent_number"}, note: "必填。如 ZL202010123456.2；校验位会被核对。", required: true, wide: 22},
	{key: "title", zh: "专利名称", names: []string{"发明名称", "名称"}, note: "库中没有该专利时必填，估值以此为据。", wide: 36},
	{key: "kind", zh: "专利类型", names: []string{"类型", "专利种类"}, note: "须与专利号一致。", pick: []string{"发明", "实用新型", "外观设计"}},
	{key: "filing_date", zh: "申请日", names: []string{"申请日期"}, note: "YYYY-MM-DD。"},
	{key: "grant_date", zh: "授权公告日", names: []string{"授权日", "授权公告日期", "授权日期"}, note: "YYYY-MM-DD。"},
	{key: "owners", zh: "专利权人", names: []string{"权利人", "当前权利人", "专利权人名称"}, note: "多人用分号隔开。", wide: 26},
	{key: "consent", zh: "共有人及同意(Y/N)", names: []string{"共有人同意", "共有人及同意", "共有人是否同意", "共有人同意(y/n)"}, note: "无共有人填“无”；否则填共有人名称，后加 ;Y 或 ;N。", wide: 18, pick: []string{"无"}, open: true},
	{key: "fees_paid_to", zh: "年费缴至年度", names: []string{"年费缴至", "年费已缴年度", "已缴年度"}, note: "第几个专利年度，1 到 20。"},
	{key: "register", zh: "质押/保全/无效/许可状态(as-of日期)", names: []string{"质押/保全/无效/许可状态", "法律状态", "登记状态", "质押/保全/无效/许可状态(日期)"}, note: "如“无 2026-11-01”“质押 2026-11-01”“独占许可;无效 2026-11-01”；不清楚填“未知”。", wide: 26, pick: []string{"未知"}, open: true},
	{key: "revenue", zh: "上年产品收入", names: []string{"产品收入", "上年收入", "专利产品收入"}, amount: true, note: "使用该专利的产品。"},
	{key: "royalty_rate", zh: "许可费率(可空)", names: []string{"许可费率", "分成率", "提成率", "许可费率%", "许可费率(%)"}, note: "如 3% 或 0.03。"},
	{key: "loan", zh: "拟贷金额", names: []string{"贷款金额", "申请金额", "拟贷款金额", "拟申请金额", "申请贷款金额", "拟授信金额", "授信金额", "融资金额"}, amount: true, note: "整个担保合同的金额，同一合同各行相同。"},
	{key: "maturity", zh: "拟到期日", names: []string{"到期日", "到期日期", "拟到期日期", "贷款到期日", "债务到期日"}, note: "YYYY-MM-DD。"},
	{key: "contract", zh: "担保合同号", names: []string{"合同号", "质押合同号", "担保合同编号"}, note: "同一合同的专利合并计算；留空则每行单独计算。", wide: 16},
	{key: "external", zh: "外部评估价值", names: []string{"评估价值", "外部评估值", "外部评估价值/基准日"}, amount: true, note: "可空。"},
	{key: "external_date", zh: "评估基准日", names: []string{"基准日", "外部评估基准日"}, note: "YYYY-MM-DD。"},
	{key: "product", zh: "产品代码", names: []string{"产品", "产品编号"}, note: "贷款产品，可空。"},
	{key: "agreed", zh: "协商价值", names: []string{"协商估值", "双方协商价值"}, amount: true, note: "可空。借贷双方书面确认的押品价值，只会调低、不会调高可担保额。"},
	{key: "state_owned", zh: "国有资产(Y/N)", names: []string{"国有资产", "是否国有资产"}, note: "是则须由资产评估机构评估。", pick: []string{"Y", "N"}},
	{key: "borrower_limit", zh: "借款人限额", names: []string{"授信限额", "借款人授信限额", "单户限额"}, amount: true, note: "可空。银行对该借款人的限额。"},
	{key: "bearable", zh: "偿债能力限额", names: []string{"可承受贷款额", "偿债能力"}, amount: true, note: "可空。银行按现金流（DSCR）测算的可承受贷款额。"},
	{key: "declaration", zh: "声明", names: []string{"当事人声明"}, note: "对 E10、E11 的声明，如“E11：双方知悉无效程序并坚持登记”。", wide: 30},
}

// apartColumns are read where a desk keeps them and are not in the template:
// the states that 质押/保全/无效/许可状态 joins, each in a column of its own.
var apartColumns = []batchColumn{
	{key: "pledged", zh: "是否质押", names: []string{"质押", "质押状态", "是否已质押"}},
	{key: "preserved", zh: "是否保全", names: []string{"保全", "保全状态", "是否查封", "查封"}},
	{key: "challenged", zh: "是否被请求无效", names: []string{"无效", "无效请求", "是否无效", "是否被请求宣告无效"}},
	{key: "licensed", zh: "是否独占许可", names: []string{"独占许可", "独占许可状态"}},
	{key: "register_as_of", zh: "状态日期", names: []string{"登记簿日期", "法律状态日期", "登记状态日期", "状态截至日期"}},
}

var knownColumns = slices.Concat(batchColumns, apartColumns)

// unitSuffix is a unit at the end of a folded header: (万元), /万元, （单位：元）.
var unitSuffix = regexp.MustCompile(`[(（\[【]?[/,，、:：-]?(?:单位[:：]?)?(?:人民币)?(万元|亿元|元)[)）\]】]?$`)

// columnOf finds the column a folded header names and the unit it states.
func columnOf(header string) (c *batchColumn, unit string) {
	if c := columnsByName[header]; c != nil {
		return c, ""
	}
	// 外部评估价值(万元)/基准日 states its unit in the middle.
	if before, after, ok := strings.Cut(header, "/"); ok && strings.HasSuffix(after, "基准日") {
		if c, unit = columnOf(before); c != nil && c.key == "external" {
			return c, unit
		}
	}
	if m := unitSuffix.FindStringSubmatchIndex(header); m != nil {
		if c := columnsByName[header[:m[0]]]; c != nil && c.amount {
			return c, header[m[2]:m[3]]
		}
	}
	return nil, ""
}

// columnsByName are the columns by every folded header they go by.
var columnsByName = func() map[string]*batchColumn {
	by := map[string]*batchColumn{}
	for i := range knownColumns {
		c := &knownColumns[i]
		for _, name := range append([]string{c.key, c.zh}, c.names...) {
			by[sheet.Header(name)] = c
		}
	}
	return by
}()

// layout is where a loan desk's file has its header, and the template its
// example.
var layout = sheet.Layout{Header: hasNumbers, Data: dataSheet, Example: sampleSheet}

// hasNumbers reports whether a row is the header of a loan desk's file: it
// names the patents' numbers and something else.
func hasNumbers(cells []string) bool {
	number, other := false, false
	for _, h := range cells {
		if c, _ := columnOf(sheet.Header(h)); c != nil {
			number = number || c.key == "number"
			other = other || c.key != "number"
		}
	}
	return number && other
}

// Limits on the text of one cell, in characters.
const (
	maxCell  = 500
	maxTitle = 300
)

// Read reads a loan desk's file, CSV, XLSX or JSONL, line by line. An
// error ends the file: it cannot be read, has no column of patent numbers, or
// its unit is missing or contradicts itself. A faulty line is yielded with its
// faults and reading goes on.
func Read(r io.Reader, name string, o Options) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		b := batchReader{o: o, columns: map[string]*batchColumn{}, by: map[string]string{}, seen: map[[sha256.Size]byte]int{}}
		for row, err := range sheet.Below(r, name, layout) {
			if row.Number == 0 {
				yield(Line{}, err)
				return
			}
			var line Line
			if err != nil {
				pub := fault.Public(err)
				line = b.unread(row, fault.Field{Field: "row", Code: pub.Code, Zh: pub.Zh, En: pub.En})
			} else {
				ignored, err := b.header(row.Cells)
				if err != nil {
					yield(Line{}, err)
					return
				}
				line = b.line(row)
				line.Ignored = ignored
			}
			if !yield(line, nil) {
				return
			}
		}
	}
}

type batchReader struct {
	o       Options
	columns map[string]*batchColumn // by folded header, nil for one that names no column
	by      map[string]string       // folded header by key
	unit    money.Unit
	stated  string                    // the unit of the amounts
	seen    map[[sha256.Size]byte]int // line by content, to find repeated rows
}

// header learns the columns from the first row; JSON lines may bring more. It
// returns the headers seen for the first time that name no column.
func (b *batchReader) header(cells map[string]string) (ignored []string, err error) {
	var fresh []string
	for h := range cells {
		if _, known := b.columns[h]; !known {
			fresh = append(fresh, h)
		}
	}
	if len(fresh) == 0 {
		return nil, nil
	}
	slices.Sort(fresh)
	var amounts []string
	for _, h := range fresh {
		c, _ := columnOf(h)
		if b.columns[h] = c; c == nil {
			ignored = append(ignored, h)
			continue
		}
		if before, twice := b.by[c.key]; twice && before != h {
			return nil, fault.New(fault.Invalid, "file.header_twice", "“"+before+"”和“"+h+"”两列都是"+c.zh+"，请只留一列。", "Two columns mean the same: "+c.key+".")
		}
		if b.by[c.key] = h; c.amount {
			amounts = append(amounts, h)
		}
	}
	for _, h := range amounts {
		c, unit := columnOf(h)
		switch {
		case unit == "" && b.o.Unit == "":
			return nil, fault.New(fault.Invalid, "unit.missing", "“"+h+"”没有注明金额单位，请把表头改为“"+c.zh+"(万元)”或“"+c.zh+"(元)”，或在提交时声明单位。", "The column "+h+" states no unit; write it in the header, e.g. "+c.zh+"(万元), or declare it with the request.")
		case unit == "":
			unit = b.o.Unit
		case b.o.Unit != "" && unit != b.o.Unit:
			return nil, fault.New(fault.Invalid, "unit.contradiction", fmt.Sprintf("“%s”的单位为%s，与提交时声明的%s不一致，请更正其一。", h, unit, b.o.Unit), fmt.Sprintf("The header %s says %s, the request %s.", h, unit, b.o.Unit))
		}
		if b.stated != "" && b.stated != unit {
			return nil, fault.New(fault.Invalid, "unit.contradiction", fmt.Sprintf("各金额列的单位不一致（“%s”为%s，其他列为%s），请统一为元或万元。", h, unit, b.stated), "The amount columns state different units; use one.")
		}
		b.stated = unit
	}
	if _, ok := b.by["number"]; !ok {
		return nil, fault.New(fault.Invalid, "file.no_number", "没有“专利号/申请号”列，请使用模板。", "There is no column of patent numbers; use the template.")
	}
	if b.stated != "" {
		if b.unit, err = money.ParseUnit(b.stated); err != nil {
			return nil, fault.New(fault.Invalid, "unit.unknown", "金额单位应为元、万元或亿元。", "The unit must be 元, 万元 or 亿元.")
		}
	}
	return ignored, nil
}

// unread is a line that cannot be read, with what tells the desk which it is.
func (b *batchReader) unread(row sheet.Row, faults ...fault.Field) Line {
	c := batchCells{batchReader: b, cells: row.Cells}
	text := func(key string) string {
		return clip(strings.Map(func(r rune) rune {
			if sheet.Forbidden(r) {
				return -1
			}
			return r
		}, c.get(key)))
	}
	return Line{Row: lending.Row{
		Line: row.Number, Seq: text("seq"), Borrower: text("borrower"), Number: text("number"), Title: text("title"), Contract: text("contract"), Product: text("product"),
	}, Faults: faults}
}

// cells of one line being read.
type batchCells struct {
	*batchReader
	cells    map[string]string
	sheet    bool
	days1904 bool
	faults   []fault.Field
}

func (c *batchCells) get(key string) string { return c.cells[c.by[key]] }

func (c *batchCells) bad(key, code, zh, en string) {
	field := key
	for i := range knownColumns {
		if knownColumns[i].key == key {
			field = knownColumns[i].zh
		}
	}
	c.faults = append(c.faults, fault.Field{Field: field, Code: code, Zh: field + "：" + zh, En: key + ": " + en})
}

func (c *batchCells) date(key string) calendar.Date {
	text := c.get(key)
	if text == "" {
		return calendar.Date{}
	}
	d, err := parseCellDate(text)
	if x, numeric := strconv.Atoi(text); err != nil && numeric == nil && c.sheet && x >= 10_000 { // a date's serial number without the format of one
		if t, ok := sheet.SerialDate(float64(x), c.days1904); ok {
			d, err = calendar.Of(t), nil
		}
	}
	if err != nil {
		c.bad(key, "date.shape", fmt.Sprintf("“%s”不是有效日期，应为 YYYY-MM-DD。", clip(text)), "not a date; use YYYY-MM-DD.")
		return calendar.Date{}
	}
	if d.Year < 1985 || d.Year > 2100 {
		c.bad(key, "date.range", fmt.Sprintf("%s 不在合理范围内。", d), "the date is out of range.")
		return calendar.Date{}
	}
	return d
}

var cellDate = regexp.MustCompile(`^(\d{4})[年/.\-](\d{1,2})[月/.\-](\d{1,2})日?(?:[ T]0{1,2}:00(?::00(?:\.0+)?)?)?$`)

func parseCellDate(s string) (calendar.Date, error) {
	s = sheet.Narrow(s)
	if m := cellDate.FindStringSubmatch(s); m != nil {
		month, _ := strconv.Atoi(m[2]) // digits by the pattern
		day, _ := strconv.Atoi(m[3])
		s = fmt.Sprintf("%s-%02d-%02d", m[1], month, day)
	}
	return calendar.Parse(s)
}

func (c *batchCells) amount(key string) *money.Fen {
	text := sheet.Narrow(c.get(key))
	if text == "" || text == "-" || text == "/" {
		return nil
	}
	return c.money(key, text)
}

func (c *batchCells) money(key, text string) *money.Fen {
	text = strings.TrimSpace(text)
	unit := c.unit
	for _, u := range []string{"万元", "亿元", "元", "万", "亿"} {
		if rest, ok := strings.CutSuffix(text, u); ok {
			if u != c.stated && u+"元" != c.stated {
				c.bad(key, "unit.cell", fmt.Sprintf("单元格写的是%s，表头声明的是%s，请统一。", u, c.stated), "the cell states another unit than the header.")
				return nil
			}
			text = strings.TrimSpace(rest)
			break
		}
	}
	f, err := money.Parse(text, unit)
	switch {
	case errors.Is(err, money.ErrRange):
		c.bad(key, "amount.range", "金额超出范围。", "the amount is out of range.")
	case err != nil:
		c.bad(key, "amount.shape", fmt.Sprintf("“%s”不是有效金额，或精度超过分。", clip(text)), "not an amount, or finer than a fen.")
	case f < 0:
		c.bad(key, "amount.negative", "金额不得为负。", "the amount may not be negative.")
	case f > 1000*1e8*100:
		c.bad(key, "amount.implausible", fmt.Sprintf("%s元超过 1000 亿元，请核对单位。", f), "the amount is above 100 billion yuan; check the unit.")
	default:
		return &f
	}
	return nil
}

func (b *batchReader) line(row sheet.Row) Line {
	c := batchCells{batchReader: b, cells: row.Cells, sheet: row.Sheet, days1904: row.Days1904}
	r := lending.Row{Line: row.Number}
	if row.Hidden {
		return b.unread(row, fault.Field{Field: "row", Code: "row.hidden", Zh: "该行被隐藏（筛选或手工隐藏）。请取消隐藏；不需要估值的行请删除。", En: "The row is hidden; show it, or delete it if it is not to be valued."})
	}
	for h, text := range row.Cells {
		column := b.columns[h]
		switch {
		case column == nil:
		case slices.Contains(row.Merged, h):
			c.bad(column.key, "cell.merged", "该单元格被合并，请取消合并并逐行填写。", "is part of a merged cell; split it and fill in every row.")
		case utf8.RuneCountInString(text) > maxCell:
			c.bad(column.key, "cell.too_long", fmt.Sprintf("超过 %d 个字符。", maxCell), fmt.Sprintf("longer than %d characters.", maxCell))
		case strings.HasPrefix(text, "="):
			c.bad(column.key, "cell.formula", "含有公式，请粘贴为数值。", "holds a formula; paste its value.")
		case sheet.Error(text):
			c.bad(column.key, "cell.error", "公式出错（"+text+"），请改为数值。", "holds a spreadsheet error; enter the value.")
		}
	}
	if len(c.faults) > 0 { // what is unreadable is not read
		slices.SortFunc(c.faults, func(x, y fault.Field) int {
			return cmp.Or(strings.Compare(x.Field, y.Field), strings.Compare(x.Code, y.Code))
		})
		return b.unread(row, c.faults...)
	}
	r.Seq, r.Borrower, r.Contract, r.Product, r.Title = c.get("seq"), c.get("borrower"), c.get("contract"), c.get("product"), c.get("title")
	if r.Borrower == "" {
		c.bad("borrower", "row.borrower_missing", "请填写借款人名称。", "name the borrower.")
	}
	if len([]rune(r.Title)) > maxTitle {
		c.bad("title", "cell.too_long", fmt.Sprintf("超过 %d 个字符。", maxTitle), "too long.")
	}
	if text := c.get("credit_code"); text != "" {
		code, err := patent.ParseCreditCode(text)
		if err != nil {
			pub := fault.Public(err)
			c.bad("credit_code", pub.Code, pub.Zh, pub.En)
		}
		r.CreditCode = code
	}
	number := c.number(&r)
	c.kind(&r, number)
	c.dates(&r, number)
	r.Owners = split(c.get("owners"))
	c.consent(&r)
	if text := sheet.Narrow(c.get("fees_paid_to")); text != "" {
		text = strings.TrimSuffix(strings.TrimPrefix(text, "第"), "年度")
		text = strings.TrimSuffix(text, "年")
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > 25 {
			c.bad("fees_paid_to", "fees.year", fmt.Sprintf("“%s”应为第几个专利年度（1 到 20）。", clip(text)), "must be a patent year, 1 to 20.")
		} else {
			r.FeesPaidTo = &n
		}
	}
	c.register(&r)
	c.apart(&r)
	r.Revenue = c.amount("revenue")
	if loan := c.amount("loan"); loan != nil {
		if r.Loan = *loan; *loan == 0 {
			c.bad("loan", "amount.zero", "拟贷金额为零。", "the loan is zero.")
		}
	}
	c.royalty(&r)
	c.external(&r)
	r.Agreed, r.BorrowerLimit, r.Bearable = c.amount("agreed"), c.amount("borrower_limit"), c.amount("bearable")
	r.StateOwned = c.truth("state_owned")
	if r.Product != "" && b.o.Programmes != nil && !slices.Contains(b.o.Programmes, r.Product) {
		c.bad("product", "programme.unknown", fmt.Sprintf("没有产品代码“%s”。", clip(r.Product)), "there is no such programme.")
	}
	if text := c.get("declaration"); text != "" {
		r.Declarations = map[string]string{}
		for _, part := range split(text) {
			for _, code := range []string{"E10", "E11"} {
				if rest, ok := strings.CutPrefix(sheet.Narrow(part), code); ok {
					r.Declarations[code] = strings.TrimLeft(rest, ":： ")
				}
			}
		}
		if len(r.Declarations) == 0 {
			c.bad("declaration", "declaration.code", "请以 E10 或 E11 开头写明声明所对应的情形。", "begin the statement with E10 or E11.")
		}
	}
	if len(c.faults) == 0 {
		content := r
		content.Line = 0
		body, err := json.Marshal(content)
		if err != nil {
			panic(err) // plain data
		}
		key := sha256.Sum256(body)
		if first, twice := b.seen[key]; twice {
			c.bad("number", "row.repeated", fmt.Sprintf("与第 %d 行完全相同。", first), fmt.Sprintf("the same as line %d.", first))
		} else {
			b.seen[key] = r.Line
		}
	}
	return Line{Row: r, Faults: c.faults}
}

var scientific = regexp.MustCompile(`^\d(\.\d+)?[eE]\+?\d+$`)

func (c *batchCells) number(r *lending.Row) *patent.Number {
	text := c.get("number")
	if text == "" {
		c.bad("number", "row.number_missing", "请填写专利号或申请号。", "give the patent's number.")
		return nil
	}
	if scientific.MatchString(text) {
		c.bad("number", "number.scientific", fmt.Sprintf("“%s”是科学计数法，末尾数字已丢失。请把该列设为文本格式，重新填写完整号码。", clip(text)), "is in scientific notation and has lost its last digits; format the column as text and enter the number again.")
		r.Number = clip(text)
		return nil
	}
	n, err := patent.ParseNumber(text)
	if err != nil {
		pub := fault.Public(err)
		c.bad("number", pub.Code, pub.Zh, pub.En)
		r.Number = clip(text)
		return nil
	}
	r.Number = n.String()
	if n.Office != "CN" {
		c.bad("number", "number.foreign", "不是中国专利号，不能在国家知识产权局登记质押。", "not a Chinese patent: its pledge cannot be registered.")
		return nil
	}
	return &n
}

func (c *batchCells) kind(r *lending.Row, n *patent.Number) {
	switch text := sheet.Narrow(c.get("kind")); text {
	case "":
	case "发明", "发明专利", "invention":
		r.Kind = patent.Invention
	case "实用新型", "实用新型专利", "utility_model":
		r.Kind = patent.UtilityModel
	case "外观设计", "外观设计专利", "外观", "design":
		r.Kind = patent.Design
	default:
		c.bad("kind", "kind.unknown", fmt.Sprintf("“%s”应为发明、实用新型或外观设计。", clip(text)), "must be 发明, 实用新型 or 外观设计.")
	}
	if n == nil || n.Kind == "" {
		return
	}
	if r.Kind != "" && r.Kind != n.Kind {
		c.bad("kind", "kind.mismatch", "与专利号中的类型位不符，请核对。", "contradicts the type digit of the number.")
	}
	r.Kind = n.Kind
}

func (c *batchCells) dates(r *lending.Row, n *patent.Number) {
	r.Filing, r.Grant, r.Maturity = c.date("filing_date"), c.date("grant_date"), c.date("maturity")
	if n != nil && n.Form == patent.Application && !r.Filing.IsZero() && n.Year != 0 && r.Filing.Year != n.Year {
		c.bad("filing_date", "date.filing_year", fmt.Sprintf("申请日为 %s，申请号中的年份为 %d，请核对。", r.Filing, n.Year), "contradicts the year in the number.")
	}
	if !r.Filing.IsZero() && !r.Grant.IsZero() && r.Grant.Before(r.Filing) {
		c.bad("grant_date", "date.grant_before_filing", "早于申请日。", "lies before the filing date.")
	}
	on := c.o.On
	if on.IsZero() {
		return
	}
	if r.Filing.After(on) {
		c.bad("filing_date", "date.future", "晚于估值基准日。", "lies after the valuation date.")
	}
	if r.Grant.After(on) {
		c.bad("grant_date", "date.future", "晚于估值基准日。", "lies after the valuation date.")
	}
	if !r.Maturity.IsZero() && !r.Maturity.After(on) {
		c.bad("maturity", "date.maturity_past", fmt.Sprintf("%s 不晚于估值基准日 %s。", r.Maturity, on), "is not after the valuation date.")
	}
}

func (c *batchCells) consent(r *lending.Row) {
	text := sheet.Narrow(c.get("consent"))
	switch strings.ToUpper(text) {
	case "":
		return
	case "无", "无共有人", "/", "-":
		r.CoConsent = patent.Yes // nobody else's consent is needed
		return
	}
	for _, part := range split(text) {
		name := part
		for _, x := range []struct {
			end string
			is  patent.Truth
		}{{"不同意", patent.No}, {"未同意", patent.No}, {"同意", patent.Yes}, {"Y", patent.Yes}, {"y", patent.Yes}, {"N", patent.No}, {"n", patent.No}, {"是", patent.Yes}, {"否", patent.No}} {
			if rest, ok := strings.CutSuffix(part, x.end); ok {
				if name = strings.Trim(rest, "(): "); r.CoConsent != patent.No { // one refusal refuses
					r.CoConsent = x.is
				}
				break
			}
		}
		if name != "" {
			r.CoOwners = append(r.CoOwners, name)
		}
	}
	if r.CoConsent == "" {
		c.bad("consent", "consent.missing", "请注明共有人是否同意（Y 或 N）。", "say whether the co-owners agree: Y or N.")
	}
}

var (
	datePart = regexp.MustCompile(`\d{4}[年/.\-]\d{1,2}[月/.\-]\d{1,2}日?|\b\d{8}\b`)
	negation = regexp.MustCompile(`^(无|否|没有|未|不存在|N)|(:|：)(无|否|没有|未|N)$|(无|否)$`)
)

// register reads the stated encumbrances: what is named applies, what is not
// named does not, unless the cell says it does not know.
func (c *batchCells) register(r *lending.Row) {
	text := sheet.Narrow(c.get("register"))
	if text == "" {
		return
	}
	if d := datePart.FindString(text); d != "" {
		on, err := parseCellDate(d)
		if err != nil {
			c.bad("register", "date.shape", fmt.Sprintf("“%s”不是有效日期。", clip(d)), "not a date.")
			return
		}
		if !c.o.On.IsZero() && on.After(c.o.On) {
			c.bad("register", "date.future", "状态日期晚于估值基准日。", "the date of the state lies after the valuation date.")
			return
		}
		r.RegisterAsOf = on
		text = strings.Replace(text, d, "", 1)
	}
	text = strings.Trim(text, " ()（）;；,，、")
	if strings.Contains(text, "未知") || strings.Contains(text, "不详") || text == "" {
		r.RegisterAsOf = calendar.Date{} // nothing is stated
		return
	}
	r.Pledged, r.Preserved, r.Challenged, r.Licensed = patent.No, patent.No, patent.No, patent.No
	if slices.Contains([]string{"无", "正常", "有效", "N", "n", "否", "无负担"}, text) {
		return
	}
	understood := false
	for _, part := range strings.FieldsFunc(text, func(x rune) bool { return strings.ContainsRune(";；,，、/ ", x) }) {
		for word, to := range map[string]*patent.Truth{"质押": &r.Pledged, "保全": &r.Preserved, "无效": &r.Challenged, "许可": &r.Licensed} {
			if !strings.Contains(part, word) {
				continue
			}
			understood = true
			rest := strings.Replace(part, word, "", 1)
			if word == "无效" {
				rest = strings.TrimPrefix(rest, "宣告")
			}
			if !negation.MatchString(rest) {
				*to = patent.Yes
			}
			if word == "许可" && strings.Contains(part, "普通") {
				*to = patent.No // a plain licence does not exclude
			}
		}
	}
	if !understood {
		c.bad("register", "register.shape", fmt.Sprintf("看不懂“%s”，请写明质押、保全、无效、许可中哪些存在，或写“无”“未知”，并附日期。", clip(text)), "say which of 质押, 保全, 无效, 许可 exist, or 无, or 未知, with the date.")
	}
}

// truth reads yes or no; an empty cell is unknown.
func (c *batchCells) truth(key string) patent.Truth {
	switch strings.ToUpper(sheet.Narrow(c.get(key))) {
	case "", "未知", "不详", "-", "/":
	case "Y", "YES", "是", "有", "存在":
		return patent.Yes
	case "N", "NO", "否", "无", "没有", "不存在":
		return patent.No
	default:
		c.bad(key, "truth.shape", "应填 Y 或 N（是、否、未知）。", "must be Y or N.")
	}
	return ""
}

// apart reads the states a desk keeps in columns of their own. What two columns
// state must agree.
func (c *batchCells) apart(r *lending.Row) {
	for _, x := range []struct {
		key string
		to  *patent.Truth
	}{{"pledged", &r.Pledged}, {"preserved", &r.Preserved}, {"challenged", &r.Challenged}, {"licensed", &r.Licensed}} {
		said := c.truth(x.key)
		if said != "" && *x.to != "" && said != *x.to {
			c.bad(x.key, "register.contradiction", "与“质押/保全/无效/许可状态”列不一致。", "contradicts the column of joined states.")
		}
		*x.to = cmp.Or(said, *x.to)
	}
	on := c.date("register_as_of")
	switch {
	case on.IsZero():
	case !c.o.On.IsZero() && on.After(c.o.On):
		c.bad("register_as_of", "date.future", "状态日期晚于估值基准日。", "the date of the state lies after the valuation date.")
	case !r.RegisterAsOf.IsZero() && r.RegisterAsOf != on:
		c.bad("register_as_of", "register.contradiction", "与“质押/保全/无效/许可状态”列的日期不一致。", "contradicts the date in the column of joined states.")
	case r.Pledged != "" || r.Preserved != "" || r.Challenged != "" || r.Licensed != "":
		r.RegisterAsOf = on
	}
}

func (c *batchCells) royalty(r *lending.Row) {
	text := sheet.Narrow(c.get("royalty_rate"))
	if text == "" || text == "-" || text == "/" {
		return
	}
	number, percent := strings.CutSuffix(text, "%")
	if strings.Contains(c.by["royalty_rate"], "%") {
		percent = true
	}
	x, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		x /= 100
	}
	switch {
	case err != nil || !(x >= 0): // also refuses NaN
		c.bad("royalty_rate", "rate.shape", fmt.Sprintf("“%s”不是有效费率。", clip(text)), "not a rate.")
	case x > 0.5:
		c.bad("royalty_rate", "rate.range", fmt.Sprintf("%s 超过 50%%；百分数请写 %%，如 3%%。", text), "above 50%; write percent with %, e.g. 3%.")
	default:
		r.Royalty = &x
	}
}

func (c *batchCells) external(r *lending.Row) {
	text := sheet.Narrow(c.get("external"))
	if d := datePart.FindString(text); d != "" && d != text {
		if on, err := parseCellDate(d); err == nil {
			r.ExternalDate = on
			text = strings.Trim(strings.Replace(text, d, "", 1), " /()（）")
		}
	}
	if text != "" && text != "-" && text != "/" {
		r.External = c.money("external", text)
	}
	if d := c.date("external_date"); !d.IsZero() {
		r.ExternalDate = d
	}
	if !c.o.On.IsZero() && r.ExternalDate.After(c.o.On) {
		c.bad("external_date", "date.future", "晚于估值基准日。", "lies after the valuation date.")
	}
}

// split cuts a list of names.
func split(text string) (out []string) {
	for _, part := range strings.FieldsFunc(text, func(x rune) bool { return strings.ContainsRune(";；、|\n", x) }) {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

func clip(s string) string { return sheet.Clip(s, 40) }
