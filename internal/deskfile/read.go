package deskfile

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/lending"
	"zhijia/internal/mark"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/sheet"
)

// Reader names how files are read; it changes whenever an equal file would
// be read otherwise, so that a file sent again is not answered from before.
const Reader = "reader-6"

// Options say what a loan desk's file leaves open.
type Options struct {
	Unit       string        // 元 or 万元, for amount columns whose header names no unit; a contradicting header is refused
	On         calendar.Date // day the file is judged by; zero switches the tests on dates against it off
	Programmes []string      // known product codes; nil: none is checked

	// Map says what further headers mean: the key of a column by header; "" has
	// the header left unread. It outranks what the reader knows.
	Map map[string]string
}

// Line is one line of a loan desk's file. A line with faults has what
// could be read of it.
type Line struct {
	Row     lending.Row
	Faults  []fault.Field
	Ignored []string // headers, first met in this line, that name no column and are not read
	Skipped bool     // a total or signature below the rows: Ignored quotes it, and nothing else is said
}

// batchColumn is one column of the file.
type batchColumn struct {
	key    string // also accepted as a header
	zh     string // header of the template
	names  []string
	amount bool // needs a unit
	rank   bool // of several headers the one named first is read, the others are listed as not read
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
	{key: "seq", zh: "序号", names: []string{"编号", "no", "no.", "行次", "项次"}, note: "银行自己的编号；产品额度按序号从小到大使用。", wide: 7},
	{key: "borrower", zh: "借款人名称", names: []string{"借款人", "借款企业", "借款企业名称", "借款单位", "企业名称", "公司名称", "客户名称", "借款人全称", "债务人", "债务人名称", "单位名称", "融资企业", "贷款企业", "贷款企业名称", "融资主体", "融资人", "借款主体", "申贷企业", "授信客户", "授信客户名称", "申请企业", "申请单位"}, note: "必填。", required: true, wide: 26},
	{key: "credit_code", zh: "统一社会信用代码", names: []string{"信用代码", "社会信用代码", "统一信用代码", "统一社会信用代码/组织机构代码", "uscc"}, note: "18 位，含校验位。", wide: 22},
	{key: "number", rank: true, zh: "专利号/申请号", names: []string{"专利号", "申请号", "专利号(申请号)", "申请号(专利号)", "申请号/专利号", "专利(申请)号", "申请(专利)号", "专利号码", "专利申请号", "专利编号", "专利号(zl)", "专利号zl", "出质专利号", "质押专利号", "专利号或申请号", "patent_number", "申请(专利)号码", "application number", "专利(申请号)"}, note: "必填。如 ZL202010123456.2；校验位会被核对。", required: true, wide: 22},
	{key: "title", rank: true, zh: "专利名称", names: []string{"发明名称", "名称", "标题", "专利标题", "出质专利名称", "质押专利名称", "发明创造名称", "标题(中文)", "名称中", "标题(译)(简体中文)", "title", "标题(翻译)"}, note: "库中没有该专利时请填写；不填则仅按号码所示的类型和申请年份估值，区间较宽。", wide: 36},
	{key: "kind", rank: true, zh: "专利类型", names: []string{"类型", "专利种类", "专利类别", "公开类型", "类别", "kind"}, note: "须与专利号一致。", pick: []string{"发明", "实用新型", "外观设计"}},
	{key: "filing_date", zh: "申请日", names: []string{"申请日期", "application date", "filing/creation date", "filing date"}, note: "YYYY-MM-DD。"},
	{key: "grant_date", rank: true, zh: "授权公告日", names: []string{"授权日", "授权公告日期", "授权日期", "公告日", "grant date"}, note: "YYYY-MM-DD。"},
	{key: "owners", rank: true, zh: "专利权人", names: []string{"当前权利人", "当前专利权人", "现专利权人", "权利人", "专利权人名称", "当前申请(专利权)人", "[标]当前申请(专利权)人", "申请(专利权)人", "申请(专利)权人", "owners"}, note: "多人用分号隔开。", wide: 26},
	{key: "consent", zh: "共有人及同意(Y/N)", names: []string{"共有人同意", "共有人及同意", "共有人是否同意", "共有人同意(y/n)"}, note: "无共有人填“无”；否则逐一填共有人名称，各自后加 ;Y 或 ;N。", wide: 18, pick: []string{"无"}, open: true},
	{key: "fees_paid_to", rank: true, zh: "年费缴至年度", names: []string{"年费缴至", "年费已缴年度", "已缴年度", "年费缴纳至", "年费状态", "年费缴纳年度"}, note: "第几个专利年度，1 到 20。"},
	{key: "register", rank: true, zh: "质押/保全/无效/许可状态(as-of日期)", names: []string{"质押/保全/无效/许可状态", "质押/保全/无效/许可状态(日期)", "他项权利", "他项权利情况", "权利限制", "权利负担", "质押情况", "登记状态", "当前法律状态", "专利状态", "案件状态", "案件业务状态", "法律状态"}, note: "如“无 2026-11-01”“质押 2026-11-01”“独占许可;无质押、保全、无效 2026-11-01”；没有写到的视为未知；不清楚填“未知”。", wide: 26, pick: []string{"未知"}, open: true},
	{key: "revenue", zh: "上年产品收入", names: []string{"产品收入", "上年收入", "专利产品收入"}, amount: true, note: "使用该专利的产品。"},
	{key: "royalty_rate", zh: "许可费率(可空)", names: []string{"许可费率", "分成率", "提成率", "许可费率%", "许可费率(%)"}, note: "如 3% 或 0.03。"},
	{key: "loan", zh: "拟贷金额", names: []string{"贷款金额", "申请金额", "拟贷款金额", "拟申请金额", "申请贷款金额", "拟授信金额", "授信金额", "融资金额", "授信额度", "贷款本金", "借款金额", "主债权金额", "拟贷", "贷款额度", "主债权数额", "被担保主债权金额", "担保金额", "拟融资金额", "拟质押金额", "质押金额", "贷款申请金额", "申贷金额", "融资额", "贷款额"}, amount: true, note: "整个担保合同的金额，同一合同各行相同。"},
	{key: "maturity", zh: "拟到期日", names: []string{"到期日", "到期日期", "拟到期日期", "贷款到期日", "债务到期日", "债务履行期限", "授信到期日", "债务履行期限届满日", "主债权到期日", "借款到期日", "债务到期日期", "融资到期日", "还款日"}, note: "YYYY-MM-DD。"},
	{key: "contract", zh: "担保合同号", names: []string{"合同号", "质押合同号", "担保合同编号"}, note: "同一合同的专利合并计算；留空则每行单独计算。", wide: 16},
	{key: "external", zh: "外部评估价值", names: []string{"评估价值", "外部评估值", "外部评估价值/基准日"}, amount: true, note: "可空。"},
	{key: "external_date", zh: "评估基准日", names: []string{"基准日", "外部评估基准日"}, note: "YYYY-MM-DD。"},
	{key: "external_basis", zh: "评估价值类型", names: []string{"价值类型", "外部评估价值类型", "评估价值口径"}, note: "如“收益口径”“市场价值”“清算价值”“在用价值”；不填按质押评估通行的收益口径比较。", pick: []string{"收益口径", "市场价值", "清算价值", "在用价值"}, open: true},
	{key: "product", zh: "产品代码", names: []string{"产品", "产品编号"}, note: "贷款产品，可空。"},
	{key: "agreed", zh: "协商价值", names: []string{"协商估值", "双方协商价值"}, amount: true, note: "可空。借贷双方书面确认的押品价值，只会调低、不会调高可担保额。"},
	{key: "state_owned", zh: "国有资产(Y/N)", names: []string{"国有资产", "是否国有资产"}, note: "是则须由资产评估机构评估。", pick: []string{"Y", "N"}},
	{key: "borrower_limit", zh: "借款人限额", names: []string{"授信限额", "借款人授信限额", "单户限额"}, amount: true, note: "可空。银行对该借款人的限额。"},
	{key: "bearable", zh: "偿债能力限额", names: []string{"可承受贷款额", "偿债能力"}, amount: true, note: "可空。银行按现金流（DSCR）测算的可承受贷款额。"},
	{key: "pledgor", rank: true, zh: "出质人及同意(Y/N)", names: []string{"出质人", "出质人名称", "出质人及同意", "抵押人", "第三方出质人", "第三方出质人及同意"}, note: "专利权人不是借款人时填写：专利权人名称，后加 ;Y 或 ;N。", wide: 18},
	{key: "contract_states", zh: "质押合同要素", names: []string{"合同要素", "质押合同内容", "质押合同要素(第八条)", "质押合同条款"}, note: "质押合同写明第八条的五项（当事人名称和地址、被担保债权的种类和数额、债务履行期限、专利清单、质押担保范围）填“齐全”；缺哪项填“缺担保范围”等；未签订填“未签订”。", wide: 18, pick: []string{"齐全", "未签订"}, open: true},
	{key: "declaration", zh: "声明", names: []string{"当事人声明"}, note: "对 E10、E11 的声明，如“E11：双方知悉无效程序并坚持登记”。", wide: 30},
}

// apartColumns are read where a desk keeps them and are not in the template:
// the states that 质押/保全/无效/许可状态 joins, each in a column of its own.
var apartColumns = []batchColumn{
	{key: "pledged", zh: "是否质押", names: []string{"质押", "质押状态", "是否已质押", "是否存在质押", "是否出质", "有无质押", "质押登记", "质押登记情况", "质押登记状态", "是否设质"}},
	{key: "preserved", zh: "是否保全", names: []string{"保全", "保全状态", "是否查封", "查封", "法院保全", "保全情况", "查封情况", "是否冻结", "司法冻结", "是否被查封", "查封冻结情况", "司法保全", "诉讼保全"}},
	{key: "challenged", zh: "是否被请求无效", names: []string{"无效", "无效请求", "是否无效", "是否被请求宣告无效", "复审无效", "无效情况", "无效宣告情况", "无效宣告", "无效状态", "是否涉无效", "有无无效宣告请求"}},
	{key: "licensed", zh: "是否独占许可", names: []string{"独占许可", "独占许可状态", "许可", "许可情况", "许可状态", "许可备案", "是否许可", "许可类型"}},
	{key: "publication", zh: "公开(公告)号", names: []string{"公开公告号", "授权公告号", "公布号", "公告号", "公开号", "授权号", "publication_number", "公布(公告)号", "display key", "id"}},
	{key: "validity", zh: "专利有效性", names: []string{"有效性", "简单法律状态", "是否有效", "专利权有效性"}},
	{key: "flags", zh: "法律状态/事件", names: []string{"法律状态事件", "法律事件"}},
	{key: "pledgee", zh: "质权人", rank: true, names: []string{"当前质权人", "质押权人"}},
	{key: "applicants", zh: "申请人", names: []string{"申请人名称", "第一申请人", "原始申请(专利权)人", "applicants", "assignee"}, rank: true, note: "只在没有借款人列的清单里当作专利权人。"},
	{key: "pledgor_consent", zh: "出质人是否同意", names: []string{"出质人同意", "第三方是否同意", "第三方出质人同意", "出质人同意(y/n)"}, note: "只写同意与否，名称在出质人列。"},
	{key: "pledge_count", zh: "质押次数", names: []string{"质押登记次数"}},
	{key: "remark", zh: "备注", names: []string{"说明", "备注说明", "其他说明"}},
	{key: "register_as_of", zh: "状态日期", names: []string{"登记簿日期", "法律状态日期", "登记状态日期", "状态截至日期", "法律文书日期", "当前法律状态公告日", "法律状态生效日", "法律状态更新日"}, rank: true},
}

var knownColumns = slices.Concat(batchColumns, apartColumns)

// unitSuffix is a unit at the end of a folded header: (万元), /万元, （单位：元）.
var unitSuffix = regexp.MustCompile(`[(（\[【]?[/,，、:：-]?(?:单位[:：]?)?(?:人民币|rmb|cny)?(百万元|万元|亿元|千元|元|万|亿)(?:人民币|rmb|cny)?[)）\]】]?$`)

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
			unit = header[m[2]:m[3]]
			if unit == "万" || unit == "亿" {
				unit += "元"
			}
			return c, unit
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

func newReader(o Options) (*batchReader, error) {
	b := &batchReader{o: o, columns: map[string]*batchColumn{}, by: map[string]string{}, seen: map[[sha256.Size]byte]int{}}
	for h, key := range o.Map {
		c := columnsByName[sheet.Header(key)]
		if key != "" && c == nil {
			return nil, fault.New(fault.Invalid, "map.column", "列对应关系“"+clip(h)+"="+clip(key)+"”中没有“"+clip(key)+"”这一列，请用模板的列名。", "The mapping names a column that does not exist: "+clip(key)+". Use the headers of the template.")
		}
		if b.mapped == nil {
			b.mapped = map[string]string{}
		}
		if b.mapped[sheet.Header(h)] = ""; c != nil {
			b.mapped[sheet.Header(h)] = c.key
		}
	}
	return b, nil
}

// layout is where a loan desk's file has its header, and the template its
// example.
func (b *batchReader) layout() sheet.Layout {
	return sheet.Layout{Header: b.hasNumbers, Known: func(h string) bool { c, _ := b.columnOf(h); return c != nil }, Data: dataSheet, Example: sampleSheet}
}

// hasNumbers reports whether a row is the header of a loan desk's file: it
// names the patents' numbers and something else.
func (b *batchReader) hasNumbers(cells []string) bool {
	number, other := false, false
	for _, h := range cells {
		if c, _ := b.columnOf(sheet.Header(h)); c != nil {
			named := c.key == "number" || c.key == "publication"
			number, other = number || named, other || !named
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
		b, err := newReader(o)
		if err != nil {
			yield(Line{}, err)
			return
		}
		for row, err := range sheet.Below(r, name, b.layout()) {
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
				if foot := b.foot(row); foot != "" {
					line = Line{Skipped: true, Ignored: append(ignored, foot)}
				} else {
					line = b.line(row)
					line.Ignored = ignored
				}
			}
			if !yield(line, nil) {
				return
			}
		}
	}
}

type batchReader struct {
	o       Options
	mapped  map[string]string       // Options.Map by folded header
	columns map[string]*batchColumn // by folded header, nil for one that names no column
	by      map[string]string       // folded header by key
	numbers []string                // further headers of numbers
	states  []string                // further headers of states
	pledger []string                // further headers of pledgors
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
		c, _ := b.columnOf(h)
		if c != nil && b.outOfPlace(c, cells) {
			c = nil
		}
		if b.columns[h] = c; c == nil {
			ignored = append(ignored, h)
			continue
		}
		if before, twice := b.by[c.key]; twice && before != h && c.rank {
			if rankOf(c, before) <= rankOf(c, h) {
				ignored = append(ignored, b.second(c, h)...)
				continue
			}
			ignored = append(ignored, b.second(c, before)...)
		} else if twice && before != h {
			return nil, fault.New(fault.Invalid, "file.header_twice", "“"+before+"”和“"+h+"”两列都是"+c.zh+"，请只留一列。", "Two columns mean the same: "+c.key+".")
		}
		if b.by[c.key] = h; c.amount {
			amounts = append(amounts, h)
		}
	}
	for _, h := range amounts {
		c, unit := b.columnOf(h)
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
	_, number := b.by["number"]
	if _, published := b.by["publication"]; !number && !published {
		return nil, fault.New(fault.Invalid, "file.no_number", "没有“专利号/申请号”列，请使用模板。", "There is no column of patent numbers; use the template.")
	}
	if b.stated != "" {
		if b.unit, err = money.ParseUnit(b.stated); err != nil {
			return nil, fault.New(fault.Invalid, "unit.unknown", "金额单位应为元、万元或亿元。", "The unit must be 元, 万元 or 亿元.")
		}
	}
	return ignored, nil
}

// columnOf finds the column of a header: as the desk said, else as known.
func (b *batchReader) columnOf(header string) (c *batchColumn, unit string) {
	key, said := b.mapped[header]
	if !said {
		return columnOf(header)
	}
	if key == "" {
		return nil, ""
	}
	c = columnsByName[sheet.Header(key)]
	if c != nil && c.amount {
		if m := unitSuffix.FindStringSubmatch(header); m != nil {
			if unit = m[1]; unit == "万" || unit == "亿" {
				unit += "元"
			}
		}
	}
	return c, unit
}

// outOfPlace reports whether a column means something in a portfolio only: who
// filed is not who owns, and 申请人 may be who asks for the loan.
func (b *batchReader) outOfPlace(c *batchColumn, cells map[string]string) bool {
	if c.key != "applicants" || b.mapped != nil && slices.Contains(slices.Collect(maps.Values(b.mapped)), "applicants") {
		return false
	}
	for h := range cells {
		if o, _ := b.columnOf(h); o != nil && o.key == "borrower" {
			return true
		}
	}
	return false
}

// portfolio reports whether the file names no borrowers: it is a list of
// patents to value and screen, and no loan is asked for.
func (b *batchReader) portfolio() bool { return b.by["borrower"] == "" }

// footing begins a line that stands below the rows and is none.
var footing = regexp.MustCompile(`^(?:合计|总计|小计|共计|汇总|累计|制表|审核|复核|经办|填表|填报|签字|签章|盖章|负责人|编制|联系人|注[:：]|备注[:：]|说明[:：]|填表说明|以上|本页)`)

// manyDigits is in every number of a patent, and not in 4项.
var manyDigits = regexp.MustCompile(`\d{5}`)

// looksLikeNumber is a Chinese application number in one of its forms.
var looksLikeNumber = regexp.MustCompile(`(?i)^(?:ZL|CN)?\d{12}\.?[\dX]$|^CN\d{9}[A-Z]\d?$`)

// foot quotes a total or signature line, "" for a row: such a line names no
// patent.
func (b *batchReader) foot(row sheet.Row) string {
	text := ""
	for _, h := range slices.Sorted(maps.Keys(row.Cells)) {
		cell := row.Cells[h]
		if c := b.columns[h]; cell != "" && c != nil && (c.key == "number" || c.key == "publication") && !footing.MatchString(cell) && manyDigits.MatchString(cell) {
			return ""
		}
		if footing.MatchString(strings.ReplaceAll(cell, " ", "")) {
			text = cell
		}
	}
	if text == "" {
		return ""
	}
	return fmt.Sprintf("第%d行“%s”", row.Number, clip(text))
}

// second takes a header out of use that another one outranks. A second column
// of numbers, of states or of pledgors is still read: it fills what the first
// leaves empty, and must not contradict it.
func (b *batchReader) second(c *batchColumn, h string) (ignored []string) {
	b.columns[h] = nil
	switch c.key {
	case "number":
		b.numbers = append(b.numbers, h)
	case "register":
		b.states = append(b.states, h)
	case "pledgor":
		b.pledger = append(b.pledger, h)
	default:
		return []string{h}
	}
	return nil
}

func rankOf(c *batchColumn, header string) int {
	for i, name := range append([]string{c.key, c.zh}, c.names...) {
		if sheet.Header(name) == header {
			return i
		}
	}
	return len(c.names) + 2
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
	notes    []lending.Unread
}

// ticked leaves of a form's boxes, ☑同意 □不同意, what is ticked. A form in which
// none is, or in which the mark may mean either, stays as it is, and is no word.
func ticked(text string) string {
	if !strings.ContainsAny(text, "□☐") || !strings.ContainsAny(text, "☑■✔√") {
		return text
	}
	return strings.TrimSpace(tick.ReplaceAllString(unticked.ReplaceAllString(text, ""), ""))
}

var (
	unticked = regexp.MustCompile(`[□☐]\s*[^□☐☑■✔√☒\s;；,，。:：()（）]*`)
	tick     = regexp.MustCompile(`[☑■✔√]\s*`)
)

// get returns a cell's content; a mark for empty and a pointer to another cell
// are none.
func (c *batchCells) get(key string) string {
	text := c.cells[c.by[key]]
	if isEmpty(text) {
		return ""
	}
	if isPointer(text) {
		c.unreadable(key, text)
		return ""
	}
	return text
}

// raw is a cell as it stands, for columns in which 无 is an answer.
func (c *batchCells) raw(key string) string { return ticked(sheet.Narrow(c.cells[c.by[key]])) }

// unreadable notes a cell whose text was not understood.
func (c *batchCells) unreadable(key, text string) {
	if written := c.cells[c.by[key]]; written != "" {
		text = written
	}
	u := lending.Unread{Column: columnZh(key), Text: sheet.Clip(text, 80)}
	if !slices.Contains(c.notes, u) {
		c.notes = append(c.notes, u)
	}
}

func columnZh(key string) string {
	for i := range knownColumns {
		if knownColumns[i].key == key {
			return knownColumns[i].zh
		}
	}
	return key
}

func (c *batchCells) bad(key, code, zh, en string) {
	field := columnZh(key)
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

// cellDate is a day with or without a time of day, which says nothing more.
var cellDate = regexp.MustCompile(`^(\d{4})\s*[年/.\-]\s*(\d{1,2})\s*[月/.\-]\s*(\d{1,2})\s*日?(?:[ T,]*(?:[01]?\d|2[0-4])\s*[:时]\s*(?:[0-5]?\d\s*[:分]?\s*(?:[0-5]?\d(?:\.\d+)?\s*秒?)?)?\s*(?:Z|[+-]\d\d:?\d\d)?)?$`)

// compactDate is a day of eight digits, with or without a time.
var compactDate = regexp.MustCompile(`^(\d{4})(\d{2})(\d{2})(?:[ T]?(?:[01]\d|2[0-4])(?:[:]?[0-5]\d){1,2})?$`)

func parseCellDate(s string) (calendar.Date, error) {
	s = sheet.Narrow(s)
	m := cellDate.FindStringSubmatch(s)
	if m == nil {
		m = compactDate.FindStringSubmatch(s)
	}
	if m != nil {
		month, _ := strconv.Atoi(m[2]) // digits by the pattern
		day, _ := strconv.Atoi(m[3])
		s = fmt.Sprintf("%s-%02d-%02d", m[1], month, day)
	}
	return calendar.Parse(s)
}

func (c *batchCells) amount(key string) *money.Fen {
	text := sheet.Narrow(c.get(key))
	if text == "" {
		return nil
	}
	return c.money(key, text)
}

func (c *batchCells) money(key, text string) *money.Fen {
	text = strings.TrimSpace(text)
	unit := c.unit
	for _, u := range []string{"百万元", "万元", "亿元", "千元", "元", "万", "亿"} {
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
	if r.Portfolio = b.portfolio(); r.Borrower == "" && !r.Portfolio {
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
	var number *patent.Number
	switch other := c.otherRight(); other {
	case nil:
		number = c.number(&r)
		c.kind(&r, number)
	case &trademark:
		c.mark(&r)
	default:
		c.refuse(other)
		r.Number = clip(c.raw("number"))
		return Line{Row: r, Faults: c.faults}
	}
	c.dates(&r, number)
	c.owners(&r)
	c.consent(&r)
	c.fees(&r)
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
		d := readDeclaration(text)
		r.Declarations, r.Twin = d.statements, d.twin
		if r.Challenged == "" {
			r.Challenged = d.challenged
		}
		if d.unread {
			c.unreadable("declaration", text)
		}
	}
	if text := c.raw("contract_states"); text != "" {
		var unread bool
		if r.ContractStates, unread = readContract(text); unread {
			c.unreadable("contract_states", text)
		}
	}
	c.remark(&r)
	r.Unread = c.notes
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
	for _, h := range c.numbers {
		if other := c.cells[h]; !isEmpty(other) && !isPointer(other) {
			if text == "" {
				text = other
			} else if a, errA := patent.ParseNumber(text); errA == nil {
				if b, errB := patent.ParseNumber(other); errB == nil && patent.Relate(a, b) == patent.TwoPatents {
					c.bad("number", "number.two", fmt.Sprintf("“%s”与“%s”不是同一件专利，请核对。", clip(text), clip(other)), "the two columns of numbers name two patents.")
				}
			}
		}
	}
	if text == "" {
		text = c.get("publication")
	}
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
	r.Number = string(n.Key())
	if n.Office != "CN" {
		c.bad("number", "number.foreign", "不是中国专利号，不能在国家知识产权局登记质押。", "not a Chinese patent: its pledge cannot be registered.")
		return nil
	}
	return &n
}

// mark reads the register number of a trademark's row.
func (c *batchCells) mark(r *lending.Row) {
	r.Kind, r.Number = lending.Trademark, clip(c.raw("number"))
	n, err := mark.ParseNumber(r.Number)
	if err != nil {
		pub := fault.Public(err)
		c.bad("number", pub.Code, pub.Zh, pub.En)
		return
	}
	r.Number = n
}

// applied is a kind that speaks of an application.
var applied = regexp.MustCompile(`^发明(?:专利)?(?:申请|公开|公布)(?:权)?$|专利申请权$`)

func (c *batchCells) kind(r *lending.Row, n *patent.Number) {
	if text := sheet.Narrow(c.get("kind")); text != "" {
		if r.Kind = patent.KindOf(text); r.Kind == "" {
			c.bad("kind", "kind.unknown", fmt.Sprintf("“%s”应为发明、实用新型或外观设计。", clip(text)), "must be 发明, 实用新型 or 外观设计.")
		}
		if applied.MatchString(text) && !isEmpty(c.cells[c.by["grant_date"]]) && !r.Portfolio { // an application with a day of grant: which of the two?
			c.unreadable("kind", text)
		}
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
	if n != nil && n.NamesApplication() && !r.Filing.IsZero() && n.Year != 0 && r.Filing.Year > n.Year { // a divisional keeps an earlier day, and so does what was posted at the end of a year
		c.bad("filing_date", "date.filing_year", fmt.Sprintf("%s 晚于申请号中的年份 %d，请核对。", r.Filing, n.Year), "contradicts the year in the number.")
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

// owners reads the owners of the right.
func (c *batchCells) owners(r *lending.Row) {
	text := c.get("owners")
	if text == "" && r.Portfolio {
		text = c.get("applicants")
	}
	names, doubt := readNames(text, r.Borrower, sheet.Narrow(r.Borrower))
	for _, n := range names {
		if !slices.ContainsFunc(r.Owners, func(o string) bool { return patent.SameName(o, n) }) {
			r.Owners = append(r.Owners, n)
		}
	}
	if doubt {
		c.unreadable("owners", text)
	}
}

// consent reads what co-owners, and a third party who pledges, have said.
func (c *batchCells) consent(r *lending.Row) {
	known := slices.Concat(r.Owners, []string{sheet.Narrow(r.Borrower)})
	text := c.raw("consent")
	said := readConsent(text, known)
	r.CoConsent, r.Consents, r.Agreement = said.all, said.each, said.agreement
	if said.none {
		r.SoleOwner = patent.Yes
	}
	for _, x := range said.each {
		if x.Party != "" {
			r.CoOwners = append(r.CoOwners, x.Party)
		}
	}
	if said.unread {
		c.unreadable("consent", text)
	}
	for _, h := range append([]string{c.by["pledgor"]}, c.pledger...) {
		c.pledgor(r, sheet.Narrow(c.cells[h]), known)
	}
	if text = c.raw("pledgor_consent"); text != "" && !isEmpty(text) {
		said = readConsent(text, known)
		answer := said.all
		if len(said.each) == 1 && said.each[0].Party == "" {
			answer = said.each[0].Said
		}
		if answer == "" || said.unread || said.none || r.PledgorConsent != "" && r.PledgorConsent != answer {
			r.PledgorConsent = ""
			c.unreadable("pledgor_consent", text)
			return
		}
		r.PledgorConsent = answer
	}
}

// pledgor reads who pledges and, where the cell says so, his consent.
func (c *batchCells) pledgor(r *lending.Row, text string, known []string) {
	if text == "" || isEmpty(text) {
		return
	}
	said := readConsent(text, known)
	if said.unread || said.none {
		c.unreadable("pledgor", text)
		return
	}
	r.PledgorConsent = cmp.Or(said.all, r.PledgorConsent)
	for _, x := range said.each {
		if x.Party == "" {
			r.PledgorConsent = x.Said
			continue
		}
		if !slices.Contains(r.Pledgors, x.Party) {
			r.Pledgors = append(r.Pledgors, x.Party)
		}
		r.Consents = append(r.Consents, x)
	}
}

var datePart = regexp.MustCompile(`(?:\d{4}[年/.\-]\d{1,2}[月/.\-]\d{1,2}日?|\b\d{8}\b)(?:[ T]\d{1,2}:\d{2}(?::\d{2})?)?`)

// dated takes the one date out of a cell. A second date makes it unknown which
// of them the cell speaks for.
func (c *batchCells) dated(key, text string) (rest string, on calendar.Date, ok bool) {
	found := datePart.FindAllString(text, -1)
	rest = strings.Trim(datePart.ReplaceAllString(text, " "), " ()（）;；,，、:：")
	if len(found) == 0 {
		return rest, calendar.Date{}, true
	}
	on, err := parseCellDate(found[0])
	if err != nil {
		c.bad(key, "date.shape", fmt.Sprintf("“%s”不是有效日期。", clip(found[0])), "not a date.")
		return rest, on, false
	}
	if len(found) > 1 {
		return rest, calendar.Date{}, true
	}
	if !c.o.On.IsZero() && on.After(c.o.On) {
		c.bad(key, "date.future", "状态日期晚于估值基准日。", "the date of the state lies after the valuation date.")
		return rest, on, false
	}
	return rest, on, true
}

// register reads what the file states of the right: what is named with its
// answer; what is not named is unknown.
func (c *batchCells) register(r *lending.Row) {
	for _, key := range []string{"register", "flags", "validity"} {
		text := c.raw(key)
		if text == "" || isEmpty(text) && text != "无" || text == "无" && key != "register" {
			continue
		}
		if isPointer(text) {
			c.unreadable(key, text)
			continue
		}
		rest, on, ok := c.dated(key, text)
		if !ok || rest == "" {
			continue
		}
		said := readRegister(rest, "", key == "flags")
		if said.unread {
			c.unreadable(key, text)
			continue
		}
		if key == "flags" && contradicts(r, readRegister(rest, "", false)) {
			c.unreadable(key, text) // an event that has happened, which the row denies
		}
		if !on.IsZero() {
			r.RegisterAsOf = on
		} else if key == "register" && said != (registered{}) && len(datePart.FindAllString(text, -1)) > 1 {
			c.unreadable(key, text)
			continue
		}
		c.merge(key, r, said)
	}
	for _, h := range c.states {
		text := sheet.Narrow(c.cells[h])
		if text == "" || isEmpty(text) {
			continue
		}
		said := readRegister(strings.Trim(datePart.ReplaceAllString(text, " "), " ()（）;；,，、:：|"), "", true)
		against := (said.standing == patent.Dead || said.standing == patent.Pending) && r.Standing != said.standing
		said.standing, said.ended = "", "" // a history: what stands today is in the first column
		switch {
		case against || said.unread && remarkable.MatchString(text) || contradicts(r, readRegister(strings.Trim(datePart.ReplaceAllString(text, " "), " ()（）;；,，、:：|"), "", false)):
			c.notes = append(c.notes, lending.Unread{Column: h, Text: sheet.Clip(text, 80)})
		case !said.unread:
			c.merge("register", r, said)
		}
	}
	if text := c.get("pledgee"); text != "" && r.Pledged != patent.Yes {
		c.unreadable("pledgee", text) // one who may still hold the right
	}
	if text := strings.TrimSuffix(c.get("pledge_count"), "次"); text != "" && text != "0" && r.Pledged != patent.Yes {
		c.unreadable("pledge_count", text)
	}
}

// agrees reports whether a text denies what the row denies, and says no more.
func (c *batchCells) agrees(r *lending.Row, text string) bool {
	said := readRegister(strings.Trim(datePart.ReplaceAllString(text, " "), " ()（）;；,，、:：。"), "", false)
	if said.unread || said == (registered{}) || said.partly || said.standing != "" && said.standing != r.Standing {
		return false
	}
	for _, x := range [][2]patent.Truth{{r.Pledged, said.pledged}, {r.Preserved, said.preserved}, {r.Challenged, said.challenged}, {r.Licensed, said.licensed}} {
		if x[1] != "" && (x[1] != patent.No || x[0] != patent.No) {
			return false
		}
	}
	return true
}

// contradicts reports whether a text affirms what the row denies.
func contradicts(r *lending.Row, said registered) bool {
	for _, x := range [][2]patent.Truth{{r.Pledged, said.pledged}, {r.Preserved, said.preserved}, {r.Challenged, said.challenged}} {
		if x[0] == patent.No && x[1] == patent.Yes {
			return true
		}
	}
	return false
}

// merge joins what two columns state. Where they differ neither holds.
func (c *batchCells) merge(key string, r *lending.Row, said registered) {
	for _, x := range []struct{ to, said *patent.Truth }{{&r.Pledged, &said.pledged}, {&r.Preserved, &said.preserved}, {&r.Challenged, &said.challenged}, {&r.Licensed, &said.licensed}} {
		if *x.said != "" && *x.to != "" && *x.said != *x.to {
			c.bad(key, "register.contradiction", "与另一列所填的状态不一致。", "contradicts another column.")
		}
		*x.to = cmp.Or(*x.said, *x.to)
	}
	if said.standing != "" {
		if r.Standing != "" && r.Standing != said.standing {
			c.bad(key, "register.contradiction", "与另一列所填的状态不一致。", "contradicts another column.")
		}
		r.Standing, r.Ended = said.standing, said.ended
	}
	r.PartlyVoid = r.PartlyVoid || said.partly
}

// remarkable are words in a remark that may change a decision.
var remarkable = regexp.MustCompile(`质押|出质|抵押|查封|冻结|扣押|保全|无效|纠纷|争议|诉讼|涉诉|仲裁|强制执行|失信|异议|失效|终止|期满|届满|注销|撤销|欠费|欠缴|未缴|权属|共有|许可|放弃|转让|转移|变更|解除|不同意|拒绝|撤回|破产|清算`)

// remark quotes a remark that may change the decision; it is for people. One
// that denies what the row denies changes nothing.
func (c *batchCells) remark(r *lending.Row) {
	if text := c.get("remark"); remarkable.MatchString(text) && !c.agrees(r, text) {
		c.unreadable("remark", text)
	}
	for _, h := range slices.Sorted(maps.Keys(c.cells)) {
		if text := c.cells[h]; strings.HasSuffix(h, "(无表头)") && remarkable.MatchString(text) {
			c.notes = append(c.notes, lending.Unread{Column: h, Text: sheet.Clip(text, 80)})
		}
	}
}

var (
	feeYear = regexp.MustCompile(`^(?:年费)?(?:均?已)?(?:缴|交)?(?:纳|费|清)*(?:至|到)?第?([1-9]\d?|[一二三四五六七八九十]{1,3})(?:个)?(?:专利)?(?:年度|年|度)?(?:的)?(?:年费)?[(（]?(?:均?已)?(?:缴|交)?(?:纳|费|清|讫)*[)）]?$`)
	feeDay  = regexp.MustCompile(`^(?:已?缴(?:纳|费)?至|缴至|至|有效期至)?(\d{4}[年/.\-]\d{1,2}[月/.\-]\d{1,2}日?|\d{8})(?:止)?$`)
)

// fees reads the patent year up to which the annual fees are paid, or the day
// up to which they are: the end of such a year.
func (c *batchCells) fees(r *lending.Row) {
	text := sheet.Narrow(c.get("fees_paid_to"))
	if text == "" {
		return
	}
	if m := feeYear.FindStringSubmatch(text); m != nil {
		if n := yearOf(m[1]); n > 0 && (r.Kind == "" || r.Filing.IsZero() || n <= patent.TermYears(r.Kind, r.Filing)) {
			r.FeesPaidTo = &n
			return
		}
	}
	if m := feeDay.FindStringSubmatch(text); m != nil && !r.Filing.IsZero() {
		if d, err := parseCellDate(m[1]); err == nil {
			for n := 1; n <= 20; n++ {
				if gap := r.Filing.AddYears(n).DaysUntil(d); gap >= -1 && gap <= 0 {
					r.FeesPaidTo = &n
					return
				}
			}
		}
	}
	c.unreadable("fees_paid_to", text)
}

// yearOf reads a number below a hundred in digits or in Chinese; 0 is none.
func yearOf(text string) int {
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	digit := func(s string) int { return strings.Index("一二三四五六七八九", s)/len("一") + 1 }
	tens, ones, compound := strings.Cut(text, "十")
	if !compound {
		tens, ones = "", text
	}
	if utf8.RuneCountInString(tens) > 1 || utf8.RuneCountInString(ones) > 1 || strings.Contains(ones, "十") {
		return 0
	}
	n := 0
	if compound {
		if n = 10; tens != "" {
			n *= digit(tens)
		}
	}
	if ones != "" {
		n += digit(ones)
	}
	return n
}

// truth reads yes or no; an empty cell is unknown, and so is a text that is
// neither.
func (c *batchCells) truth(key string) patent.Truth {
	text := c.raw(key)
	switch strings.ToUpper(text) {
	case "Y", "YES", "是", "有", "存在", "TRUE", "1":
		return patent.Yes
	case "N", "NO", "否", "无", "没有", "不存在", "FALSE", "0":
		return patent.No
	}
	if text != "" && !isEmpty(text) && !slices.Contains([]string{"未知", "不详", "不清楚"}, text) {
		c.unreadable(key, text)
	}
	return ""
}

// apart reads the states a desk keeps in columns of their own. What two columns
// state must agree.
func (c *batchCells) apart(r *lending.Row) {
	for _, x := range []struct {
		key, about string
		to         *patent.Truth
	}{{"pledged", "pledge", &r.Pledged}, {"preserved", "preserve", &r.Preserved}, {"challenged", "challenge", &r.Challenged}, {"licensed", "licence", &r.Licensed}} {
		text := c.raw(x.key)
		if text == "" || isEmpty(text) && text != "无" {
			continue
		}
		answers := readRegister(strings.TrimSpace(datePart.ReplaceAllString(text, "")), x.about, false)
		if answers.unread {
			c.unreadable(x.key, text)
			continue
		}
		said := *answers.answer(x.about)
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
	case r.Pledged != "" || r.Preserved != "" || r.Challenged != "" || r.Licensed != "" || r.Standing != "" || r.PartlyVoid:
		r.RegisterAsOf = on
	}
}

func (c *batchCells) royalty(r *lending.Row) {
	text := sheet.Narrow(c.get("royalty_rate"))
	if text == "" {
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

// basisWords are the bases of value as appraisers and desks write them.
var basisWords = map[string]lending.ValueBasis{
	"收益口径": lending.AppraisedIncome, "评估收益口径": lending.AppraisedIncome, "收益法": lending.AppraisedIncome, "质押价值": lending.AppraisedIncome, "收益现值": lending.AppraisedIncome,
	"市场价值": lending.MarketBare, "市场法": lending.MarketBare, "公允市场价值": lending.MarketBare,
	"清算价值": lending.LiquidationNet, "清算净值": lending.LiquidationNet, "变现价值": lending.LiquidationNet, "快速变现价值": lending.LiquidationNet,
	"在用价值": lending.InUse, "投资价值": lending.InUse,
}

func (c *batchCells) external(r *lending.Row) {
	if text := sheet.Narrow(c.get("external_basis")); text != "" {
		if r.ExternalBasis = basisWords[text]; r.ExternalBasis == "" {
			c.unreadable("external_basis", text)
		}
	}
	text := sheet.Narrow(c.get("external"))
	if d := datePart.FindString(text); d != "" && d != text {
		if on, err := parseCellDate(d); err == nil {
			r.ExternalDate = on
			text = strings.Trim(strings.Replace(text, d, "", 1), " /()（）")
		}
	}
	if text != "" {
		r.External = c.money("external", text)
	}
	if d := c.date("external_date"); !d.IsZero() {
		r.ExternalDate = d
	}
	if !c.o.On.IsZero() && r.ExternalDate.After(c.o.On) {
		c.bad("external_date", "date.future", "晚于估值基准日。", "lies after the valuation date.")
	}
}

func clip(s string) string { return sheet.Clip(s, 40) }
