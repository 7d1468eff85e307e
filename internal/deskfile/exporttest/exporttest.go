// Package exporttest writes files as desks and data vendors save them, with
// invented content, for tests of whatever reads them. It knows nothing of the
// reader: the shapes are those of the vendors' exports, of the patent office's
// lists and of desks' own tables, and what each row says is told beside it.
//
// Start with [Files].
package exporttest

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

// File is one export.
type File struct {
	Shape, Name string
	Body        []byte
	Borrowers   bool // it says who borrows; else it is a portfolio
	Rows        []Row
	Broken      int // rows with a character that no reader can read
}

// Row is what a row of the file says, as a person reads it.
type Row struct {
	Number   string // application number in the office's form, or the publication number where no other stands
	Title    string
	Kind     string   // invention, utility_model, design; "" where the file does not say
	Owners   []string // nil where the file names none
	Pledged  string   // yes, no, or "" where the file does not say it for certain
	Noted    bool     // it says something of a pledge that is not certain: a flag without a day
	Ended    bool     // the file says that the right has ended
	Pending  bool     // the file says that it was not granted yet, or never
	Borrower string
	Loan     int // yuan
}

// right is an invented patent.
type right struct {
	digits, pubA, pubB   string // application without check digit; publications
	title, kind          string
	filed, published, on string // YYYYMMDD; on: granted
	applicant, owner     []string
	ipc, locarno         string
	state                string // alive, pledged, fee, refused
}

var rights = []right{
	{"202110345678", "CN113012345A", "CN113012345B", "一种电机轴承的预紧装置及其装配方法", "invention", "20210331", "20210622", "20221111", []string{"清越精密机械有限公司"}, []string{"清越精密机械有限公司"}, "F16C25/08;H02K5/173", "", "alive"},
	{"202010456789", "CN111654321A", "CN111654321B", "退役电芯一致性的快速分选方法", "invention", "20200526", "20200911", "20220304", []string{"远图能源科技有限公司"}, []string{"远图储能技术有限公司"}, "H01M10/42;G01R31/385", "", "pledged"},
	{"202220567890", "", "CN217345678U", "一种多工位夹具", "utility_model", "20220315", "", "20220719", []string{"清越精密机械有限公司"}, []string{"清越精密机械有限公司"}, "B23Q3/06", "", "fee"},
	{"202130678901", "", "CN307123456S", "桌面机械臂", "design", "20211012", "", "20220315", []string{"清越精密机械有限公司"}, []string{"清越精密机械有限公司"}, "", "15-09", "alive"},
	{"201910789012", "CN110765432A", "", "用于注塑件的视觉检测方法", "invention", "20190826", "20200207", "", []string{"东湖理工大学"}, []string{"东湖理工大学"}, "G01N21/88;G06T7/00", "", "refused"},
	{"201810890123", "CN109087654A", "CN109087654B", "一种耐高温涂层及其制备方法", "invention", "20180807", "20181225", "20200807", []string{"东湖理工大学", "明澈新材料有限公司"}, []string{"东湖理工大学", "明澈新材料有限公司"}, "C09D183/04", "", "alive"},
}

// check is the check digit of an application number's twelve digits.
func check(digits string) string {
	sum := 0
	for i, c := range digits {
		sum += int(c-'0') * []int{2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5}[i]
	}
	return "0123456789X"[sum%11 : sum%11+1]
}

func (r *right) office() string  { return "CN" + r.digits + "." + check(r.digits) }
func (r *right) compact() string { return r.digits + check(r.digits) }
func (r *right) zl() string {
	return "ZL" + r.digits[:4] + " " + r.digits[4:5] + " " + r.digits[5:] + "." + check(r.digits)
}

func (r *right) document() string {
	if r.pubB != "" {
		return r.pubB
	}
	return r.pubA
}

// day writes YYYYMMDD with a separator.
func day(s, sep string) string {
	if s == "" {
		return ""
	}
	return s[:4] + sep + s[4:6] + sep + s[6:]
}

func (r *right) openDay() string {
	if r.pubB != "" {
		return r.on
	}
	return r.published
}

// row is what every file that names the right says of it.
func (r *right) row() Row {
	return Row{Number: r.office(), Title: r.title, Kind: r.kind, Owners: r.owner}
}

func pick(of map[string]string, key string) string { return of[key] }

// Files are fourteen exports of fourteen shapes.
func Files() []File {
	return []File{
		incopat(), patsnap(), innojoy(), searched(), office(), gazette(), google(), lens(), caseQuery(),
		annualReport(), listedFirm(), deskTabs(), deskSemicolons(), deskPipes(),
	}
}

var vendorKind = map[string]string{"invention": "发明授权", "utility_model": "实用新型", "design": "外观设计"}

// kindWord is a vendor's word for the document; application is its word for an
// invention that was not granted.
func (r *right) kindWord(granted, application string) string {
	switch {
	case r.kind != "invention":
		return vendorKind[r.kind]
	case r.pubB == "":
		return application
	}
	return granted
}

func incopat() File {
	f := File{Shape: "incoPat, XLSX", Name: "incopat导出.xlsx"}
	table := [][]any{{"序号", "标题 (中文)", "标题(翻译)", "摘要 (中文)", "申请人", "标准化当前权利人", "当前权利人", "公开（公告）号", "公开（公告）日", "申请号", "申请日", "专利类型", "公开国别", "IPC主分类", "IPC", "洛迦诺分类号", "首次公开日", "授权公告日", "失效日", "权利要求数量", "被引证次数", "简单同族个数", "专利有效性", "当前法律状态", "法律状态", "法律文书日期", "质押次数", "出质人", "质权人", "当前质权人", "质押期限", "合享价值度", "链接到incoPat"}}
	for i := range rights {
		r := &rights[i]
		cells := []any{
			i + 1, r.title, "invented title " + fmt.Sprint(i), "本申请公开了" + r.title + "。", strings.Join(r.applicant, "; "), "NORM", strings.Join(r.owner, "; "), r.document(), r.openDay(), r.office(), r.filed,
			r.kindWord("发明授权", "发明申请"), "中国", strings.Split(r.ipc, ";")[0], strings.ReplaceAll(r.ipc, ";", "; "), r.locarno, r.published, r.on, "", 8, i, 2,
			pick(map[string]string{"alive": "有效", "pledged": "有效", "fee": "失效", "refused": "失效"}, r.state), pick(map[string]string{"alive": "授权", "pledged": "质押", "fee": "未缴年费", "refused": "驳回"}, r.state), "授权 | " + r.on, r.on, 0, "", "", "", "", 7, "https://example.invalid/" + r.digits,
		}
		row := r.row()
		switch r.state {
		case "pledged":
			cells[26], cells[27], cells[28], cells[29], cells[30] = 1, r.owner[0], "江城农村商业银行股份有限公司", "江城农村商业银行股份有限公司", "20240301-"
			row.Pledged = "yes"
		case "fee":
			row.Ended = true
		case "refused":
			row.Pending = true
		}
		table, f.Rows = append(table, cells), append(f.Rows, row)
	}
	f.Body = workbook(table, nil)
	return f
}

func patsnap() File {
	f := File{Shape: "PatSnap, CSV in GBK", Name: "PatSnap_20261101.csv"}
	table := [][]string{{"公开(公告)号", "标题", "摘要", "[标]当前申请(专利权)人", "当前申请(专利权)人", "[标]原始申请(专利权)人", "发明人", "发明人数量", "申请号", "申请日", "公开(公告)日", "授权日", "失效日", "专利类型", "受理局", "简单法律状态", "法律状态/事件", "IPC主分类号", "IPC分类号", "LOC分类号", "被引用专利数量", "简单同族", "权利要求数", "专利价值", "质权人"}}
	for i := range rights {
		r := &rights[i]
		none := func(s string) string {
			if s == "" {
				return "-"
			}
			return s
		}
		pledgee := "-"
		row := r.row()
		switch r.state {
		case "pledged":
			pledgee, row.Noted = "江城农村商业银行股份有限公司", true
		case "fee":
			row.Ended = true
		case "refused":
			row.Pending = true
		}
		table = append(table, []string{
			r.document(), r.title, "一种方法，包括：\n步骤一；\n步骤二。", strings.Join(r.owner, " | "), strings.Join(r.owner, " | "), strings.Join(r.applicant, " | "), "张甲 | 李乙", "2", r.office(), day(r.filed, "-"), day(r.openDay(), "-"), none(day(r.on, "-")), "-",
			r.kindWord("授权发明", "发明申请"), "中国", pick(map[string]string{"alive": "有效", "pledged": "有效", "fee": "失效", "refused": "失效"}, r.state), pick(map[string]string{"alive": "授权", "pledged": "授权 | 权利转移 | 质押", "fee": "未缴年费", "refused": "驳回"}, r.state),
			none(strings.Split(r.ipc, ";")[0]), none(strings.ReplaceAll(r.ipc, ";", " | ")), none(r.locarno), "3", r.document(), "9", "$ 120,000", pledgee,
		})
		f.Rows = append(f.Rows, row)
	}
	f.Body = text(table, ",", simplifiedchinese.GBK, false)
	return f
}

func innojoy() File {
	f := File{Shape: "innojoy, CSV in GB18030", Name: "innojoy.csv"}
	table := [][]string{{"申请号", "申请日", "公开(公告)号", "公开(公告)日", "公开类型", "名称", "摘要", "主权项", "权项数", "申请(专利权)人", "当前专利权人", "发明（设计）人", "IPC主分类号", "分类号", "LOC分类号", "授权公告日", "有效性", "当前法律状态", "当前法律状态公告日", "法律状态履历", "出质人", "质权人", "质押保全类型", "质押生效日", "质押解除日", "质押合同登记号", "质押合同状态", "DPI"}}
	for i := range rights {
		r := &rights[i]
		row := r.row()
		cells := []string{
			r.office(), day(r.filed, "."), r.document(), day(r.openDay(), "."), r.kindWord("发明授权", "发明公开"), r.title, "略", "1.一种……", "8", strings.Join(r.applicant, ";"), strings.Join(r.owner, ";"), "张甲;李乙", strings.Split(r.ipc, ";")[0], r.ipc, r.locarno, day(r.on, "."),
			pick(map[string]string{"alive": "有效", "pledged": "有效", "fee": "失效", "refused": "失效"}, r.state), pick(map[string]string{"alive": "授权", "pledged": "专利权质押合同登记的生效", "fee": "未缴年费专利权终止", "refused": "发明专利申请公布后的驳回"}, r.state), day(r.openDay(), "."),
			"法律状态公告日：" + r.openDay() + ";法律状态：授权;描述信息：授权&nbsp;&nbsp;IPC(主分类):" + strings.Split(r.ipc, ";")[0], "", "", "", "", "", "", "", "71",
		}
		switch r.state {
		case "pledged":
			cells[20], cells[21], cells[22], cells[23], cells[25], cells[26] = r.owner[0], "江城农村商业银行股份有限公司", "质押", "2024.03.01", "Y2024980001234", "生效"
			row.Pledged = "yes"
		case "fee":
			row.Ended = true
		case "refused":
			row.Pending = true
		}
		table, f.Rows = append(table, cells), append(f.Rows, row)
	}
	f.Body = text(table, ",", simplifiedchinese.GB18030, false)
	return f
}

func searched() File {
	f := File{Shape: "专利检索及分析系统, CSV", Name: "专利检索结果.csv"}
	table := [][]string{{"申请号", "申请日", "公开（公告）号", "公开（公告）日", "发明名称", "IPC分类号", "申请（专利权）人", "发明人", "优先权号", "优先权日", "代理人", "代理机构", "外观设计洛迦诺分类号", "申请人邮编", "申请人地址", "申请人所在国（省）", "CPC分类号", "摘要", "法律状态", "法律状态生效日"}}
	for i := range rights {
		r := &rights[i]
		row := r.row()
		row.Owners = r.applicant
		switch r.state {
		case "pledged":
			row.Pledged = "yes"
		case "fee":
			row.Ended = true
		case "refused":
			row.Pending = true
		}
		table = append(table, []string{
			"CN" + r.compact(), day(r.filed, "."), r.document(), day(r.openDay(), "."), r.title, r.ipc, strings.Join(r.applicant, ";") + ";", "张甲;李乙;", "", "", "王丙", "江城专利代理有限公司 42001", r.locarno, "430000", "江城市光谷路1号", "湖北;42", "", "略",
			pick(map[string]string{"alive": "授权", "pledged": "质押", "fee": "终止", "refused": "驳回"}, r.state), day(r.openDay(), "."),
		})
		f.Rows = append(f.Rows, row)
	}
	f.Body = text(table, ",", unicode.UTF8BOM, false)
	return f
}

// office is the older export of the patent office: both numbers, IPC as it is
// printed.
func office() File {
	f := File{Shape: "国家知识产权局旧版导出, XLSX", Name: "训练文件.xlsx"}
	table := [][]any{{"申请（专利）号", "专利号", "名称", "摘要", "主分类号", "分类号", "申请（专利权）人", "发明（设计）人", "公开（公告）日", "公开（公告）号", "专利代理机构", "代理人", "申请日", "地址", "国省代码", "颁证日"}}
	for i := range rights {
		r := &rights[i]
		printed := ""
		for k, c := range strings.Split(r.ipc, ";") {
			if k > 0 {
				printed += ";"
			}
			if c != "" {
				printed += c + "(2006.01)I"
			}
		}
		if r.locarno != "" {
			printed = "LOC(13)Cl." + r.locarno
		}
		number := ""
		if r.pubB != "" {
			number = "ZL" + r.digits + "." + check(r.digits)
		}
		row := r.row()
		row.Owners = r.applicant
		table = append(table, []any{r.office(), number, r.title, "略", strings.Split(printed, ";")[0], printed, strings.Join(r.applicant, ";"), "张甲;李乙", day(r.openDay(), "."), r.document(), "江城专利代理有限公司 42001", "王丙", day(r.filed, "."), "430000 江城市光谷路1号", "湖北;42", ""})
		f.Rows = append(f.Rows, row)
	}
	f.Body = workbook(table, nil)
	return f
}

func gazette() File {
	f := File{Shape: "公布公告, TSV", Name: "公布公告.tsv"}
	table := [][]string{{"公布号", "公布日", "申请号", "申请日", "发明名称", "申请人", "发明人", "分类号", "地址", "摘要"}}
	for i := range rights {
		r := &rights[i]
		row := r.row()
		row.Owners = r.applicant
		table = append(table, []string{r.document(), day(r.openDay(), "."), r.compact(), day(r.filed, "."), r.title, strings.Join(r.applicant, ";"), "张甲;李乙", "Int.Cl. " + strings.ReplaceAll(r.ipc, ";", "(2006.01)I; "), "430000湖北省江城市光谷路1号", "一种方法，其特征在于……全部"})
		f.Rows = append(f.Rows, row)
	}
	f.Body = text(table, "\t", unicode.UTF8, false)
	return f
}

func google() File {
	f := File{Shape: "Google Patents, CSV", Name: "gp-search-20261101.csv"}
	table := [][]string{{"id", "title", "assignee", "inventor/author", "priority date", "filing/creation date", "publication date", "grant date", "result link", "representative figure link"}}
	for i := range rights {
		r := &rights[i]
		document := r.document()
		row := Row{Number: document, Title: r.title, Kind: r.kind, Owners: r.applicant}
		grant := day(r.on, "-")
		table = append(table, []string{document[:2] + "-" + document[2:len(document)-1] + "-" + document[len(document)-1:], r.title, strings.Join(r.applicant, ", "), "张甲, 李乙", day(r.filed, "-"), day(r.filed, "-"), day(r.openDay(), "-"), grant, "https://patents.google.com/patent/" + document + "/zh", ""})
		f.Rows = append(f.Rows, row)
	}
	f.Body = append([]byte("search URL:,https://patents.google.com/?q=(bearing)&country=CN\n"), text(table, ",", unicode.UTF8, false)...)
	return f
}

func lens() File {
	f := File{Shape: "Lens, CSV", Name: "lens-export.csv"}
	table := [][]string{{"#", "Jurisdiction", "Kind", "Display Key", "Lens ID", "Publication Date", "Publication Year", "Application Number", "Application Date", "Priority Numbers", "Earliest Priority Date", "Title", "Abstract", "Applicants", "Inventors", "Owners", "URL", "Document Type", "Has Full Text", "Cites Patent Count", "Cited by Patent Count", "Simple Family Size", "Simple Family Members", "CPC Classifications", "IPCR Classifications", "NPL Citation Count", "Legal Status"}}
	latin := map[string]string{"清越精密机械有限公司": "QINGYUE PRECISION MACHINERY CO LTD", "远图能源科技有限公司": "YUANTU ENERGY TECH CO LTD", "东湖理工大学": "UNIV EAST LAKE TECHNOLOGY", "明澈新材料有限公司": "MINGCHE NEW MAT CO LTD"}
	for i := range rights {
		r := &rights[i]
		document := r.document()
		kind := document[len(document)-1:]
		var applicants []string
		for _, a := range r.applicant {
			applicants = append(applicants, latin[a])
		}
		row := Row{Number: r.office(), Title: "Invented title " + r.digits, Kind: r.kind, Owners: applicants}
		table = append(table, []string{
			fmt.Sprint(i + 1), "CN", kind, document[:2] + " " + document[2:len(document)-1] + " " + kind, "000-111-222-333-444", day(r.openDay(), "-"), r.openDay()[:4], "CN " + r.digits + " A", day(r.filed, "-"), "CN " + r.digits + " A", day(r.filed, "-"), "Invented title " + r.digits, "Invented.", strings.Join(applicants, ";;"), "ZHANG JIA;;LI YI", "", "https://link.lens.org/invented",
			pick(map[string]string{"A": "Patent Application", "B": "Granted Patent", "U": "Limited Patent", "S": "Design Right"}, kind), "yes", "2", "3", "2", document, strings.ReplaceAll(r.ipc, ";", ";;"), strings.ReplaceAll(r.ipc, ";", ";;"), "0", pick(map[string]string{"alive": "ACTIVE", "pledged": "ACTIVE", "fee": "INACTIVE", "refused": "DISCONTINUED"}, r.state),
		})
		f.Rows = append(f.Rows, row)
	}
	f.Body = text(table, ",", unicode.UTF8BOM, false)
	return f
}

// caseQuery is the workbook of the case query: number without CN and dot, the
// state of the case, fees on sheets of their own.
func caseQuery() File {
	f := File{Shape: "专利审查信息查询, XLSX with further sheets", Name: "案件列表.xlsx"}
	table := [][]any{{"专利申请号", "专利名称", "申请人", "专利类型", "申请日", "授权公告日", "案件状态"}}
	for i := range rights {
		r := &rights[i]
		row := r.row()
		row.Owners = r.applicant
		switch r.state {
		case "fee":
			row.Ended = true
		case "refused":
			row.Pending = true
		}
		table = append(table, []any{r.compact(), r.title, strings.Join(r.applicant, ";"), map[string]string{"invention": "发明专利", "utility_model": "实用新型", "design": "外观设计"}[r.kind], day(r.filed, "-"), day(r.on, "-"), pick(map[string]string{"alive": "专利权维持", "pledged": "专利权维持", "fee": "未缴年费终止失效", "refused": "驳回失效"}, r.state)})
		f.Rows = append(f.Rows, row)
	}
	f.Body = workbook(table, func(x *excelize.File) {
		for _, name := range []string{"应缴费信息", "已缴费信息"} {
			must(x.NewSheet(name))
			no(x.SetSheetRow(name, "A1", &[]any{"费用种类", "应缴金额", "缴费截止日", "费用状态"}))
			no(x.SetSheetRow(name, "A2", &[]any{"发明专利第6年年费", 1200, "2026-12-31", "未缴"}))
		}
	})
	return f
}

// annualReport is a table of a report: a title, the unit beside it, a header of
// two rows, owners merged over their rows, a total and who made it.
func annualReport() File {
	f := File{Shape: "年报附表, XLSX, two-row header", Name: "年报专利清单.xlsx", Borrowers: true}
	table := [][]any{
		{"远图储能技术有限公司2026年度拟质押知识产权明细表"},
		{"编制单位：远图储能技术有限公司", nil, nil, nil, nil, nil, nil, "单位：万元"},
		{"序号", "融资主体", "专利情况", nil, nil, nil, "融资情况", nil, "备注"},
		{nil, nil, "专利名称", "专利号", "类别", "现专利权人", "拟融资金额（万元）", "到期日", nil},
	}
	for i := range rights[:4] {
		r := &rights[i]
		var borrower, loan any
		if i%2 == 0 {
			borrower, loan = r.owner[0], 300+i
		}
		table = append(table, []any{i + 1, borrower, r.title, r.zl(), map[string]string{"invention": "发明专利", "utility_model": "实用新型专利", "design": "外观设计专利"}[r.kind], strings.Join(r.owner, "、"), loan, "2027年11月30日", nil})
		row := r.row()
		row.Borrower, row.Loan = rights[i-i%2].owner[0], (300+i-i%2)*10_000
		f.Rows = append(f.Rows, row)
	}
	table = append(table, []any{"合计", nil, nil, "4项", nil, nil, 602}, []any{"制表：张甲", nil, nil, "复核：李乙", nil, nil, nil, "2026年11月5日"})
	f.Body = workbook(table, func(x *excelize.File) {
		for _, m := range [][2]string{{"A1", "I1"}, {"A3", "A4"}, {"B3", "B4"}, {"C3", "F3"}, {"G3", "H3"}, {"I3", "I4"}, {"B5", "B6"}, {"B7", "B8"}, {"G5", "G6"}, {"G7", "G8"}, {"A9", "B9"}} {
			no(x.MergeCell("Sheet1", m[0], m[1]))
		}
	})
	return f
}

// listedFirm is a data vendor's CSV: codes marked as text without quotes.
func listedFirm() File {
	f := File{Shape: "上市公司专利, CSV with =\"002121\"", Name: "上市公司专利.csv"}
	var b strings.Builder
	b.WriteString("股票代码,股票简称,专利名称,专利申请号,专利类别,申请日期,授权公告日期,专利权人,法律状态\n")
	for i := range rights {
		r := &rights[i]
		row := r.row()
		row.Ended, row.Pending = r.state == "fee", r.state == "refused"
		fmt.Fprintf(&b, "=\"00%04d\",清越股份,%s,=\"%s\",%s,%s,%s,%s,%s\n", 2121+i, r.title, r.compact(), r.kindWord("发明授权", "发明公布"), day(r.filed, "/"), day(r.on, "/"), strings.Join(r.owner, ";"), pick(map[string]string{"alive": "有效", "pledged": "有效", "fee": "失效", "refused": "驳回"}, r.state))
		f.Rows = append(f.Rows, row)
	}
	f.Body = []byte(b.String())
	return f
}

func deskTabs() File {
	f := File{Shape: "银行台账, TSV in UTF-16", Name: "拟质押台账.txt", Borrowers: true}
	table := [][]string{{"项目编号", "债务人", "出质专利号", "出质专利名称", "专利权人", "主债权金额(万元)", "债务履行期限", "年费缴纳至", "他项权利"}}
	for i := range rights[:3] {
		r := &rights[i]
		row := r.row()
		row.Borrower, row.Loan = r.owner[0], (100+i)*10_000
		row.Pledged = map[string]string{"alive": "no", "pledged": "yes"}[r.state]
		table = append(table, []string{fmt.Sprintf("XM-%03d", i), r.owner[0], r.zl(), r.title, r.owner[0], fmt.Sprint(100 + i), "2027/11/30", "第6年度", pick(map[string]string{"alive": "无 2026-11-01", "pledged": "已质押给江城农商行 2026-11-01", "fee": ""}, r.state)})
		f.Rows = append(f.Rows, row)
	}
	f.Body = text(table, "\t", unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), false)
	return f
}

func deskSemicolons() File {
	f := File{Shape: "担保公司清单, semicolons in GB18030, one broken character", Name: "清单.csv", Borrowers: true, Broken: 1}
	table := [][]string{{"客户名称", "专利号（ZL）", "发明名称", "权利人", "担保金额（元）", "主债权到期日"}}
	for i := range rights[:4] {
		r := &rights[i]
		row := r.row()
		row.Borrower, row.Loan = r.owner[0], 2_000_000
		title := r.title
		if i == 3 {
			title = "桌面@机械臂"
		} else {
			f.Rows = append(f.Rows, row)
		}
		table = append(table, []string{r.owner[0], r.zl(), title, r.owner[0], "2,000,000.00", "2027.11.30"})
	}
	f.Body = bytes.Replace(text(table, ";", simplifiedchinese.GB18030, false), []byte("@"), []byte{0xff}, 1)
	return f
}

func deskPipes() File {
	f := File{Shape: "系统导出, pipes, quoted, with footing", Name: "export.txt", Borrowers: true}
	table := [][]string{{"借款单位", "申请号/专利号", "专利标题", "专利类别", "拟贷金额(万)", "到期日期", "当前权利人"}}
	for i := range rights[:3] {
		r := &rights[i]
		row := r.row()
		row.Borrower, row.Loan = r.owner[0], 1_500_000
		table = append(table, []string{r.owner[0], r.office(), r.title, map[string]string{"invention": "发明", "utility_model": "实用新型", "design": "外观设计"}[r.kind], "150", "20271130", r.owner[0]})
		f.Rows = append(f.Rows, row)
	}
	table = append(table, []string{"合计", "", "", "", "450", "", ""})
	f.Body = text(table, "|", unicode.UTF8, true)
	return f
}

// text writes a table with a separator and an encoding.
func text(table [][]string, sep string, e encoding.Encoding, quote bool) []byte {
	var b strings.Builder
	for _, row := range table {
		for i, c := range row {
			if i > 0 {
				b.WriteString(sep)
			}
			if quote || strings.Contains(c, sep) || strings.ContainsAny(c, "\"\n") {
				c = `"` + strings.ReplaceAll(c, `"`, `""`) + `"`
			}
			b.WriteString(c)
		}
		b.WriteString("\r\n")
	}
	out, err := e.NewEncoder().Bytes([]byte(b.String()))
	no(err)
	return out
}

func workbook(table [][]any, more func(*excelize.File)) []byte {
	f := excelize.NewFile()
	defer f.Close()
	for i, row := range table {
		at, err := excelize.CoordinatesToCellName(1, i+1)
		no(err)
		no(f.SetSheetRow("Sheet1", at, &row))
	}
	if more != nil {
		more(f)
	}
	var b bytes.Buffer
	no(f.Write(&b))
	return b.Bytes()
}

// Spreadsheet is an OpenDocument spreadsheet of text cells, for what reads or
// refuses such files.
func Spreadsheet(table [][]string) []byte {
	var content strings.Builder
	content.WriteString(`<?xml version="1.0"?><office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet><table:table table:name="Sheet1">`)
	for _, row := range table {
		content.WriteString("<table:table-row>")
		for _, c := range row {
			fmt.Fprintf(&content, `<table:table-cell office:value-type="string"><text:p>%s</text:p></table:table-cell>`, c)
		}
		content.WriteString("</table:table-row>")
	}
	content.WriteString(`</table:table></office:spreadsheet></office:body></office:document-content>`)
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, part := range [][2]string{{"mimetype", "application/vnd.oasis.opendocument.spreadsheet"}, {"content.xml", content.String()}} {
		w, err := z.Create(part[0])
		no(err)
		_, err = w.Write([]byte(part[1]))
		no(err)
	}
	no(z.Close())
	return b.Bytes()
}

func must[T any](x T, err error) T {
	no(err)
	return x
}

// no panics: a file that cannot be made is a fault of the test.
func no(err error) {
	if err != nil {
		panic(err)
	}
}
