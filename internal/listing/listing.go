// Package listing makes the intellectual-property dossier of a firm that prepares
// for the STAR market: the attribute test by the rule in force on the day, the way
// from patent to core technology to product, and every gap. What is not known is
// not a pass.
//
// Start with [Decide].
package listing

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"zhijia/internal/calendar"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/ruling"
)

//go:embed rules.json
var rulesJSON []byte

//go:embed versions.json
var versionsJSON []byte

// Rules are the rules in this version.
var Rules = ruling.Load(rulesJSON)

// Version is the attribute test as in force from a day.
type Version struct {
	ID         string             `json:"id"`
	Name       string             `json:"name"`
	From       calendar.Date      `json:"from"`
	Precision  calendar.Precision `json:"precision,omitempty"` // of From
	RDShare    float64            `json:"rd_share"`            // of revenue, three years together
	RDAmount   money.Fen          `json:"rd_amount"`           // or this much in three years
	Staff      float64            `json:"staff_share"`
	StaffFrom  calendar.Date      `json:"staff_from,omitzero"` // the share of staff counts from this day; zero: with the version
	Inventions int                `json:"inventions"`
	Growth     float64            `json:"growth"`  // compound, a year
	Revenue    money.Fen          `json:"revenue"` // or this much in the last year
	Exception  int                `json:"exception_inventions"`
	Source     string             `json:"source"`
	Note       string             `json:"note,omitempty"`
}

// Versions returns the tests, the oldest first.
func Versions() (out []Version) {
	if err := json.Unmarshal(versionsJSON, &out); err != nil {
		panic(err) // embedded, checked by a test
	}
	return out
}

// InForce returns the test in force on a day, nil before the first.
func InForce(on calendar.Date) (found *Version) {
	for _, v := range Versions() {
		if !on.Before(v.From.LastDay(v.Precision)) {
			found = &v
		}
	}
	return found
}

// Input is a firm with its portfolio.
type Input struct {
	Label   string        `json:"label,omitempty" zh:"标注"`
	On      calendar.Date `json:"on" zh:"基准日"`
	Firm    string        `json:"firm" zh:"发行人"`
	Staff   *int          `json:"staff,omitempty" zh:"员工人数"`
	RDStaff *int          `json:"rd_staff,omitempty" zh:"研发人员"`

	StaffSource string        `json:"staff_source,omitempty" zh:"人员来源"`
	StaffDate   calendar.Date `json:"staff_date,omitzero" zh:"人员截止日"`

	// The exceptions other than the fifth, which is counted.
	Leading    patent.Truth `json:"exception_leading,omitempty" zh:"例外一"`    // recognised as internationally leading
	Prize      patent.Truth `json:"exception_prize,omitempty" zh:"例外二"`      // national prize as main contributor
	Project    patent.Truth `json:"exception_project,omitempty" zh:"例外三"`    // led a national major project
	Substitute patent.Truth `json:"exception_substitute,omitempty" zh:"例外四"` // replaces imports
	Evidence   string       `json:"exception_evidence,omitempty" zh:"例外依据"`

	Patents      []Patent     `json:"patents" zh:"专利"`
	Years        []Year       `json:"years" zh:"财务"`
	Technologies []Technology `json:"technologies" zh:"核心技术"`
	Disputes     []Dispute    `json:"disputes,omitempty" zh:"纠纷"`
	NoDisputes   patent.Truth `json:"no_disputes,omitempty" zh:"声明无纠纷"` // the firm declares that there are none but those told

	Ledger []ruling.Burden `json:"ledger,omitempty"` // what the ledger of rights said
}

// Year is one financial year.
type Year struct {
	Year    int        `json:"year" zh:"年度"`
	Revenue *money.Fen `json:"revenue" zh:"营业收入"`
	RD      *money.Fen `json:"rd" zh:"研发投入"`
	Source  string     `json:"source,omitempty" zh:"来源"`
}

// Technology is one core technology.
type Technology struct {
	ID       string        `json:"id" zh:"编号"`
	Name     string        `json:"name" zh:"核心技术"`
	Product  string        `json:"product,omitempty" zh:"产品"`
	Share    *float64      `json:"revenue_share,omitempty" zh:"收入占比"`
	Secret   patent.Truth  `json:"trade_secret_only,omitempty" zh:"仅商业秘密"`
	Exported patent.Truth  `json:"exported,omitempty" zh:"出口"`
	Source   string        `json:"source,omitempty" zh:"来源"`
	Date     calendar.Date `json:"source_date,omitzero" zh:"来源日期"`
}

// Patent is one right of the portfolio.
type Patent struct {
	Number       string        `json:"number" zh:"专利号"`
	Title        string        `json:"title,omitempty" zh:"名称"`
	Kind         patent.Kind   `json:"kind,omitempty" zh:"专利类型" words:"发明=invention,发明专利=invention,实用新型=utility_model,外观设计=design"`
	Owners       []string      `json:"owners,omitempty" zh:"权利人"`
	Filing       calendar.Date `json:"filing_date,omitzero" zh:"申请日"`
	Grant        calendar.Date `json:"grant_date,omitzero" zh:"授权公告日"`
	Expiry       calendar.Date `json:"expiry,omitzero" zh:"届满日"`
	Alive        patent.Truth  `json:"alive,omitempty" zh:"有效"`
	Technologies []string      `json:"technologies,omitempty" zh:"核心技术编号"`
	Product      string        `json:"product,omitempty" zh:"产品"`
	Main         patent.Truth  `json:"main_business,omitempty" zh:"应用于主营业务"`
	Industrial   patent.Truth  `json:"industrialisable,omitempty" zh:"能够产业化"`
	Agreement    patent.Truth  `json:"co_owner_agreement,omitempty" zh:"共有约定"`
	Pledged      patent.Truth  `json:"pledged,omitempty" zh:"已质押"`
	Preserved    patent.Truth  `json:"preserved,omitempty" zh:"已保全"`
	Exclusive    patent.Truth  `json:"exclusively_licensed,omitempty" zh:"已独占许可"`
	Challenged   patent.Truth  `json:"challenged,omitempty" zh:"无效宣告请求"`
	Sued         patent.Truth  `json:"sued,omitempty" zh:"涉诉"`
	Origin       string        `json:"origin,omitempty" zh:"取得方式" words:"自主研发=own,原始取得=own,受让取得=transferred,受让=transferred"`
	LeftFormer   calendar.Date `json:"inventor_left_former,omitzero" zh:"发明人离开原单位日"`
	NoFormer     patent.Truth  `json:"no_former_employer,omitempty" zh:"发明人无原单位"`
	Transferred  calendar.Date `json:"transferred_on,omitzero" zh:"受让日"`
	Price        *money.Fen    `json:"transfer_price,omitempty" zh:"受让价格"`
	From         string        `json:"transferred_from,omitempty" zh:"出让方"`
	Related      patent.Truth  `json:"from_related,omitempty" zh:"出让方是关联方"`
	Foreign      patent.Truth  `json:"foreign_family,omitempty" zh:"有境外同族"`
	Source       string        `json:"source,omitempty" zh:"来源"`
	Date         calendar.Date `json:"source_date,omitzero" zh:"来源日期"`
}

// Dispute is one dispute over intellectual property.
type Dispute struct {
	Subject string        `json:"subject" zh:"事项"`
	Kind    string        `json:"kind,omitempty" zh:"类型"`
	Stage   string        `json:"stage,omitempty" zh:"阶段"`
	Amount  *money.Fen    `json:"amount,omitempty" zh:"金额"`
	Date    calendar.Date `json:"date,omitzero" zh:"日期"`
	Core    patent.Truth  `json:"core,omitempty" zh:"涉及核心技术或商标"`
	Major   patent.Truth  `json:"major,omitempty" zh:"重大"`
	Source  string        `json:"source,omitempty" zh:"来源"`
}

// Cell is one statement of the disclosure table.
type Cell struct {
	Table  string        `json:"table" zh:"表"`
	Row    string        `json:"row" zh:"行"`
	Column string        `json:"column" zh:"项目"`
	Value  string        `json:"value" zh:"内容"` // empty: not known
	Source string        `json:"source" zh:"来源"`
	Date   calendar.Date `json:"date" zh:"日期"`
	Known  bool          `json:"known" zh:"已知"` // a value with its source and date
}

// Cover is how one core technology is protected.
type Cover struct {
	ID         string         `json:"id" zh:"编号"`
	Name       string         `json:"name" zh:"核心技术"`
	Product    string         `json:"product" zh:"产品"`
	Share      *float64       `json:"revenue_share" zh:"收入占比"`
	Inventions []string       `json:"inventions" zh:"有效发明专利"`
	Others     []string       `json:"others" zh:"其他专利"`
	Outcome    ruling.Outcome `json:"outcome" zh:"结论"`
}

// Result is a dossier.
type Result struct {
	Label    string          `json:"label,omitempty" zh:"标注"`
	Firm     string          `json:"firm" zh:"发行人"`
	On       calendar.Date   `json:"on" zh:"基准日"`
	Decision ruling.Decision `json:"decision" zh:"结论"`

	Version    string         `json:"test_version" zh:"适用版本"` // empty: no test was in force
	Attribute  ruling.Outcome `json:"attribute_test" zh:"科创属性"`
	Inventions int            `json:"inventions" zh:"计入的发明专利"`
	Undecided  int            `json:"inventions_unknown" zh:"无法判断的发明专利"` // would count if what is missing were yes
	RDShare    *float64       `json:"rd_share" zh:"研发投入占比"`
	RDAmount   *money.Fen     `json:"rd_amount" zh:"研发投入三年合计"`
	Growth     *float64       `json:"growth" zh:"复合增长率"`
	StaffShare *float64       `json:"staff_share" zh:"研发人员占比"`

	Covers []Cover `json:"technologies" zh:"核心技术保护"`
	Table  []Cell  `json:"table" zh:"披露表"`
	Blank  int     `json:"cells_unknown" zh:"未知项数"`
}

// Check refuses what cannot be a dossier, each fault under its own code.
func (in *Input) Check() error {
	var f ruling.Faults
	f.Wrong(in.On.IsZero(), "on", "listing.on", "请填写基准日", "is missing")
	f.Wrong(strings.TrimSpace(in.Firm) == "", "firm", "listing.firm", "请填写发行人", "is missing")
	f.Wrong(in.Staff != nil && *in.Staff <= 0 || in.RDStaff != nil && *in.RDStaff < 0, "staff", "listing.staff", "员工人数应大于 0，研发人员不得为负", "staff must be above zero, R&D staff not negative")
	f.Wrong(in.Staff != nil && in.RDStaff != nil && *in.RDStaff > *in.Staff, "rd_staff", "listing.rd_staff", "研发人员不得多于员工人数", "may not exceed the staff")
	f.Wrong(in.StaffDate.After(in.On), "staff_date", "listing.future", "不得晚于基准日", "may not lie after the day")
	years := map[int]bool{}
	for i, y := range in.Years {
		at := fmt.Sprintf("years[%d]", i)
		f.Wrong(y.Year < 1990 || y.Year >= in.On.Year, at+".year", "listing.year", "应为基准日以前的完整年度", "must be a whole year before the day")
		f.Wrong(years[y.Year], at+".year", "listing.year_twice", "年度重复", "the year repeats")
		years[y.Year] = true
		for _, x := range []*money.Fen{y.Revenue, y.RD} {
			f.Wrong(x != nil && (*x < 0 || *x > money.Max), at, "listing.amount", "金额不得为负", "may not be negative")
		}
	}
	ids := map[string]bool{}
	for i, t := range in.Technologies {
		at := fmt.Sprintf("technologies[%d]", i)
		f.Wrong(t.ID == "" || t.Name == "", at+".id", "listing.technology", "请填写编号和名称", "id and name are missing")
		f.Wrong(ids[t.ID], at+".id", "listing.technology_twice", "编号重复", "the id repeats")
		f.Wrong(t.Share != nil && !(*t.Share >= 0 && *t.Share <= 1), at+".revenue_share", "listing.share", "应在 0 到 1 之间", "must lie between 0 and 1")
		ids[t.ID] = true
	}
	f.Wrong(len(in.Patents) > 20000, "patents", "listing.patents", "专利不得超过 20000 件", "must be 20,000 at most")
	seen := map[patent.Key]int{}
	for i, x := range in.Patents {
		at := fmt.Sprintf("patents[%d]", i)
		f.Wrong(strings.TrimSpace(x.Number) == "", at+".number", "listing.number", "请填写专利号", "is missing")
		j, twice := seen[patent.KeyOf(x.Number)]
		f.Wrong(twice, at+".number", "listing.patent_twice", fmt.Sprintf("与第 %d 件重复", j+1), fmt.Sprintf("repeats patent %d", j+1))
		seen[patent.KeyOf(x.Number)] = i
		f.Wrong(!slices.Contains([]patent.Kind{"", patent.Invention, patent.UtilityModel, patent.Design}, x.Kind), at+".kind", "listing.kind", "应为 invention、utility_model 或 design", "must be invention, utility_model or design")
		f.Wrong(!slices.Contains([]string{"", "own", "transferred"}, x.Origin), at+".origin", "listing.origin", "应为 own（自主研发）或 transferred（受让取得）", "must be own or transferred")
		f.Wrong(x.Filing.After(in.On) || x.Grant.After(in.On) || x.Transferred.After(in.On), at, "listing.future", "申请、授权和受让不得晚于基准日", "filing, grant and transfer may not lie after the day")
		for _, id := range x.Technologies {
			f.Wrong(!ids[id], at+".technologies", "listing.technology_unknown", "没有核心技术“"+id+"”", "there is no core technology "+id)
		}
	}
	for i, d := range in.Disputes {
		f.Wrong(d.Subject == "", fmt.Sprintf("disputes[%d].subject", i), "listing.dispute", "请填写事项", "is missing")
	}
	return f.Err()
}

// alive reports whether a right is in force on the day.
func (x *Patent) alive(on calendar.Date) patent.Truth {
	switch {
	case x.Alive == patent.No || !x.Expiry.IsZero() && !on.Before(x.Expiry):
		return patent.No
	case x.Alive == patent.Yes && !x.Grant.IsZero() && !x.Expiry.IsZero():
		return patent.Yes
	}
	return patent.DontSay
}

// owned reports whether the firm is among the owners.
func (in *Input) owned(x *Patent) patent.Truth {
	if len(x.Owners) == 0 {
		return patent.DontSay
	}
	if slices.ContainsFunc(x.Owners, func(o string) bool { return patent.SameName(o, in.Firm) }) {
		return patent.Yes
	}
	return patent.No
}

// Decide makes the dossier.
func Decide(in Input) (Result, error) {
	if err := in.Check(); err != nil {
		return Result{}, err
	}
	out := Result{Label: in.Label, Firm: in.Firm, On: in.On, Covers: []Cover{}}
	r := Rules.Under()
	in.attribute(r, &out)
	in.technologies(r, &out)
	for i := range in.Patents {
		in.patent(r, &in.Patents[i])
	}
	in.disputes(r)
	r.Ledger("T13", in.Ledger)
	in.table(r, &out)
	out.Decision = r.Decide()
	return out, nil
}

// all is yes when every answer is, no when one is no, else unknown.
func all(answers ...patent.Truth) patent.Truth {
	out := patent.Yes
	for _, a := range answers {
		switch a {
		case patent.No:
			return patent.No
		case patent.Yes:
		default:
			out = patent.DontSay
		}
	}
	return out
}

// outcome is a pass when one way is met, unknown while one may still be, else a block.
func outcome(ways ...patent.Truth) ruling.Outcome {
	switch {
	case slices.Contains(ways, patent.Yes):
		return ruling.Pass
	case slices.ContainsFunc(ways, func(w patent.Truth) bool { return w != patent.No }):
		return ruling.Unknown
	}
	return ruling.Block
}

func truth(known, is bool) patent.Truth {
	switch {
	case !known:
		return patent.DontSay
	case is:
		return patent.Yes
	}
	return patent.No
}

// decimal is a figure as written, exactly.
func decimal(x float64) *big.Rat {
	r, _ := new(big.Rat).SetString(strconv.FormatFloat(x, 'f', -1, 64))
	return r
}

// atLeast reports part/whole ≥ share, exactly.
func atLeast(part, whole int64, share float64) bool {
	return new(big.Rat).SetInt64(part).Cmp(new(big.Rat).Mul(new(big.Rat).SetInt64(whole), decimal(share))) >= 0
}

// attribute is the test: all four indicators, or one exception.
func (in *Input) attribute(r *ruling.Ruling, out *Result) {
	v := InForce(in.On)
	if v == nil {
		out.Attribute = ruling.Unknown
		r.Add("S0", ruling.Unknown, "", "基准日没有生效的评价指引", "适用的评价指引")
		return
	}
	out.Version = v.ID
	source := v.Name + "；" + v.Source
	if v.Note != "" {
		source += "；" + v.Note
	}
	type finding struct {
		code, evidence, supply string
		o                      ruling.Outcome
	}
	var found []finding
	add := func(code string, o ruling.Outcome, evidence, supply string) {
		found = append(found, finding{code, evidence, supply, o})
	}

	byYear := map[int]Year{}
	last := 0
	for _, y := range in.Years {
		byYear[y.Year] = y
		last = max(last, y.Year)
	}
	three := []Year{byYear[last-2], byYear[last-1], byYear[last]}
	current := last >= in.On.Year-2 // the last closed year, or the one before while its accounts are not out
	var revenue, rd money.Fen
	revenueKnown, rdKnown := current, current
	for _, y := range three {
		if y.Revenue == nil {
			revenueKnown = false
		} else {
			revenue += *y.Revenue
		}
		if y.RD == nil {
			rdKnown = false
		} else {
			rd += *y.RD
		}
	}
	share := truth(revenueKnown && rdKnown, atLeast(int64(rd), int64(revenue), v.RDShare) && revenue > 0)
	amount := truth(rdKnown, rd >= v.RDAmount)
	evidence := "最近三年研发投入或收入不全"
	if rdKnown {
		out.RDAmount = &rd
		evidence = fmt.Sprintf("三年研发投入%s元（标准%s元）", rd, v.RDAmount)
		if revenueKnown && revenue > 0 {
			x := float64(rd) / float64(revenue)
			out.RDShare = &x
			evidence += fmt.Sprintf("，占收入%.4f%%（标准%.0f%%）", 100*x, 100*v.RDShare)
		}
	}
	add("S1", outcome(share, amount), evidence, "最近三个会计年度的收入和研发投入（审计报告）")

	if v.StaffFrom.IsZero() || !in.On.Before(v.StaffFrom) {
		known := in.Staff != nil && in.RDStaff != nil
		evidence := "员工或研发人员人数未知"
		is := false
		if known {
			is = atLeast(int64(*in.RDStaff), int64(*in.Staff), v.Staff)
			x := float64(*in.RDStaff) / float64(*in.Staff)
			out.StaffShare = &x
			evidence = fmt.Sprintf("%d/%d，占%.4f%%（标准%.0f%%）", *in.RDStaff, *in.Staff, 100*x, 100*v.Staff)
		}
		add("S2", outcome(truth(known, is)), evidence, "员工名册和研发人员认定")
	}

	for i := range in.Patents {
		x := &in.Patents[i]
		kind := x.Kind
		if n, err := patent.ParseNumber(x.Number); err == nil && n.Kind != "" {
			kind = n.Kind
		}
		switch all(truth(kind != "", kind == patent.Invention), x.alive(in.On), in.owned(x), x.Main, x.Industrial) {
		case patent.Yes:
			out.Inventions++
		case patent.DontSay:
			out.Undecided++
		}
	}
	count := func(need int) patent.Truth {
		return truth(out.Inventions >= need || out.Inventions+out.Undecided < need, out.Inventions >= need)
	}
	add("S3", outcome(count(v.Inventions)), fmt.Sprintf("%d件（标准%d件），另有%d件无法判断", out.Inventions, v.Inventions, out.Undecided), "发明专利的登记簿副本、对应产品和收入，及能够产业化的说明")

	first, final := three[0].Revenue, three[2].Revenue
	growth := patent.DontSay
	evidence = "最近三年收入不全"
	if current && first != nil && final != nil && *first > 0 {
		base := new(big.Rat).Add(big.NewRat(1, 1), decimal(v.Growth))
		need := new(big.Rat).Mul(new(big.Rat).SetInt64(int64(*first)), new(big.Rat).Mul(base, base))
		growth = truth(true, new(big.Rat).SetInt64(int64(*final)).Cmp(need) >= 0)
		x := math.Sqrt(float64(*final)/float64(*first)) - 1
		out.Growth = &x
		evidence = fmt.Sprintf("复合增长率%.4f%%（标准%.0f%%）", 100*x, 100*v.Growth)
	}
	if current && final != nil {
		evidence += fmt.Sprintf("，最近一年收入%s元（标准%s元）", *final, v.Revenue)
	}
	add("S4", outcome(growth, truth(current && final != nil, final != nil && *final >= v.Revenue)), evidence, "最近三个会计年度的收入（审计报告）")

	exceptions := []patent.Truth{in.Leading, in.Prize, in.Project, in.Substitute, count(v.Exception)}
	for i, e := range exceptions[:4] {
		if e == patent.Yes && in.Evidence == "" {
			exceptions[i] = patent.DontSay // claimed without evidence
		}
	}
	exception := outcome(exceptions...)
	worst := ruling.Pass
	for _, x := range found {
		switch {
		case x.o == ruling.Block:
			worst = ruling.Block
		case x.o == ruling.Unknown && worst == ruling.Pass:
			worst = ruling.Unknown
		}
	}
	out.Attribute = worst
	if worst != ruling.Pass {
		switch {
		case exception == ruling.Pass:
			out.Attribute = ruling.Pass
		case exception == ruling.Unknown:
			out.Attribute = ruling.Unknown
		}
	}
	for _, x := range found {
		if x.o == ruling.Block && out.Attribute != ruling.Block {
			x.o = ruling.Warn // an exception holds, or may
		}
		if x.o == ruling.Unknown && out.Attribute == ruling.Pass {
			x.o = ruling.Warn
		}
		r.Cite(x.code, x.o, "", x.evidence, x.supply, source)
	}
	switch exception {
	case ruling.Pass:
		r.Cite("S5", ruling.Pass, "", fmt.Sprintf("符合一项例外：%s；发明专利%d件", in.Evidence, out.Inventions), "", source)
	case ruling.Unknown:
		r.Cite("S5", ruling.Warn, "", "例外情形没有全部回答，或没有依据", "五项例外的说明和依据", source)
	default:
		r.Cite("S5", ruling.Warn, "", "不符合例外", "", source)
	}
	r.Cite("S0", out.Attribute, "", map[ruling.Outcome]string{ruling.Pass: "符合", ruling.Block: "不符合", ruling.Unknown: "资料不足，不能判断为符合"}[out.Attribute], "见各项指标", source)
}

// technologies maps patents to core technologies and finds those uncovered.
func (in *Input) technologies(r *ruling.Ruling, out *Result) {
	if len(in.Technologies) == 0 {
		r.Add("T01", ruling.Unknown, "", "没有核心技术清单", "核心技术清单及对应产品、收入占比")
	}
	for i := range in.Technologies {
		t := &in.Technologies[i]
		c := Cover{ID: t.ID, Name: t.Name, Product: t.Product, Share: t.Share, Inventions: []string{}, Others: []string{}}
		perhaps, foreign := 0, patent.No
		for k := range in.Patents {
			x := &in.Patents[k]
			if !slices.Contains(x.Technologies, t.ID) {
				continue
			}
			switch is := all(truth(x.Kind != "", x.Kind == patent.Invention), x.alive(in.On), in.owned(x)); is {
			case patent.Yes:
				c.Inventions = append(c.Inventions, x.Number)
			default:
				if is == patent.DontSay {
					perhaps++
				}
				c.Others = append(c.Others, x.Number)
			}
			switch {
			case x.Foreign == patent.Yes:
				foreign = patent.Yes
			case x.Foreign != patent.No && foreign == patent.No:
				foreign = patent.DontSay
			}
		}
		switch {
		case len(c.Inventions) > 0:
			r.Add("T01", ruling.Pass, t.ID, fmt.Sprintf("%d 件有效发明专利", len(c.Inventions)), "")
		case perhaps > 0:
			r.Add("T01", ruling.Unknown, t.ID, "对应专利的类型、状态或权利人未知", "登记簿副本")
		default:
			r.Add("T01", ruling.Review, t.ID, t.Name+"没有有效发明专利", "补充专利布局，或说明其他保护方式")
		}
		switch t.Secret {
		case patent.Yes:
			r.Add("T10", ruling.Warn, t.ID, "只以商业秘密保护", "保密制度和竞业限制")
		case patent.No:
		default:
			r.Add("T10", ruling.Unknown, t.ID, "保护方式未知", "核心技术的保护方式")
		}
		switch {
		case t.Exported == patent.Yes && foreign == patent.Yes:
			r.Add("T09", ruling.Pass, t.ID, "有境外同族", "")
		case t.Exported == patent.Yes && foreign == patent.No:
			r.Add("T09", ruling.Review, t.ID, "产品出口而没有境外同族", "境外布局或自由实施分析")
		case t.Exported == patent.No:
			r.Add("T09", ruling.Pass, t.ID, "产品不出口", "")
		default:
			r.Add("T09", ruling.Unknown, t.ID, "是否出口或有境外同族未知", "出口地和同族清单")
		}
		c.Outcome = r.Worst(t.ID)
		out.Covers = append(out.Covers, c)
	}
}

// patent answers the gaps of one right.
func (in *Input) patent(r *ruling.Ruling, x *Patent) {
	alive := x.alive(in.On)
	if alive == patent.No {
		return // it covers nothing and is counted nowhere
	}
	if own := in.owned(x); own != patent.Yes {
		if own == patent.No {
			r.Add("T11", ruling.Review, x.Number, "权利人为"+strings.Join(x.Owners, "、"), "许可合同，或办理转让")
		} else {
			r.Add("T11", ruling.Unknown, x.Number, "权利人未知", "登记簿副本")
		}
	}
	if len(x.Technologies) > 0 {
		switch {
		case x.Expiry.IsZero():
			r.Add("T02", ruling.Unknown, x.Number, "届满日未知", "申请日和专利类型")
		case x.Expiry.Before(in.On.AddYears(int(Rules.Value("expiring_years")))):
			r.Add("T02", ruling.Warn, x.Number, x.Expiry.String()+"届满", "后续专利布局")
		}
	}
	if len(x.Owners) > 1 {
		switch x.Agreement {
		case patent.Yes:
			r.Add("T03", ruling.Pass, x.Number, "有约定", "")
		case patent.No:
			r.Add("T03", ruling.Review, x.Number, "与"+strings.Join(x.Owners, "、")+"共有，没有约定", "共有协议")
		default:
			r.Add("T03", ruling.Unknown, x.Number, "是否有共有约定未知", "共有协议")
		}
	}
	burden := func(code string, answers map[string]patent.Truth, supply string) {
		var yes, unknown []string
		for zh, a := range answers {
			if a == patent.Yes {
				yes = append(yes, zh)
			} else if a != patent.No {
				unknown = append(unknown, zh)
			}
		}
		slices.Sort(yes)
		slices.Sort(unknown)
		switch {
		case len(yes) > 0:
			r.Add(code, ruling.Review, x.Number, "有"+strings.Join(yes, "、"), supply)
		case len(unknown) > 0:
			r.Add(code, ruling.Unknown, x.Number, "不知是否有"+strings.Join(unknown, "、"), supply)
		}
	}
	burden("T04", map[string]patent.Truth{"质押": x.Pledged, "保全": x.Preserved, "独占许可": x.Exclusive}, "登记簿副本和许可备案")
	burden("T05", map[string]patent.Truth{"无效宣告请求": x.Challenged, "诉讼": x.Sued}, "案件材料和律师意见")
	switch x.Origin {
	case "own":
		switch {
		case x.NoFormer == patent.Yes:
		case x.LeftFormer.IsZero() || x.Filing.IsZero():
			r.Add("T07", ruling.Unknown, x.Number, "发明人离开原单位的日期或申请日未知", "发明人履历和原单位确认")
		case !x.Filing.After(x.LeftFormer.AddYears(int(Rules.Value("service_years")))):
			r.Add("T07", ruling.Review, x.Number, "发明人"+x.LeftFormer.String()+"离开原单位，"+x.Filing.String()+"申请", "原单位的权属确认")
		default:
			r.Add("T07", ruling.Pass, x.Number, "离开原单位一年以后申请", "")
		}
	case "transferred":
		switch {
		case x.Transferred.IsZero() || x.Price == nil || x.From == "" || x.Related != patent.Yes && x.Related != patent.No:
			r.Add("T08", ruling.Unknown, x.Number, "受让日、价格、出让方或关联关系未知", "转让合同和登记")
		case x.Related == patent.Yes:
			r.Add("T08", ruling.Review, x.Number, x.Transferred.String()+"自关联方"+x.From+"受让，"+x.Price.String()+"元", "定价依据和必要性")
		default:
			r.Add("T08", ruling.Warn, x.Number, x.Transferred.String()+"自"+x.From+"受让，"+x.Price.String()+"元", "披露受让情况")
		}
	default:
		r.Add("T08", ruling.Unknown, x.Number, "取得方式未知", "取得方式及证明")
	}
}

// disputes is rule T06.
func (in *Input) disputes(r *ruling.Ruling) {
	for _, d := range in.Disputes {
		switch all(d.Core, d.Major) {
		case patent.Yes:
			r.Add("T06", ruling.Block, d.Subject, "涉及核心技术或商标的重大纠纷（"+d.Stage+"）", "了结纠纷，或证明不构成重大影响")
		case patent.No:
			r.Add("T06", ruling.Warn, d.Subject, "有纠纷（"+d.Stage+"）", "披露纠纷情况")
		default:
			r.Add("T06", ruling.Unknown, d.Subject, "是否重大、是否涉及核心技术未知", "律师意见")
		}
	}
	if in.NoDisputes != patent.Yes {
		r.Add("T06", ruling.Unknown, "", "没有“除已列明外无纠纷”的声明", "发行人声明和检索报告")
	} else if len(in.Disputes) == 0 {
		r.Add("T06", ruling.Pass, "", "声明没有纠纷", "")
	}
}

var truthZh = map[patent.Truth]string{patent.Yes: "是", patent.No: "否"}

// table lists every statement with its source and date.
func (in *Input) table(r *ruling.Ruling, out *Result) {
	add := func(table, row, column, value, source string, date calendar.Date) {
		c := Cell{table, row, column, value, source, date, value != "" && source != "" && !date.IsZero()}
		if !c.Known {
			out.Blank++
		}
		out.Table = append(out.Table, c)
	}
	number := func(x *int) string {
		if x == nil {
			return ""
		}
		return strconv.Itoa(*x)
	}
	amount := func(x *money.Fen) string {
		if x == nil {
			return ""
		}
		return x.String()
	}
	add("基本情况", in.Firm, "员工人数", number(in.Staff), in.StaffSource, in.StaffDate)
	add("基本情况", in.Firm, "研发人员", number(in.RDStaff), in.StaffSource, in.StaffDate)
	for _, y := range in.Years {
		end := calendar.New(y.Year, 12, 31)
		add("研发投入", strconv.Itoa(y.Year), "营业收入（元）", amount(y.Revenue), y.Source, end)
		add("研发投入", strconv.Itoa(y.Year), "研发投入（元）", amount(y.RD), y.Source, end)
	}
	for _, t := range in.Technologies {
		share := ""
		if t.Share != nil {
			share = strconv.FormatFloat(100**t.Share, 'f', 2, 64) + "%"
		}
		for _, c := range [][2]string{{"名称", t.Name}, {"产品", t.Product}, {"收入占比", share}, {"出口", truthZh[t.Exported]}} {
			add("核心技术", t.ID, c[0], c[1], t.Source, t.Date)
		}
	}
	kinds := map[patent.Kind]string{patent.Invention: "发明", patent.UtilityModel: "实用新型", patent.Design: "外观设计"}
	origins := map[string]string{"own": "自主研发", "transferred": "受让取得"}
	for _, x := range in.Patents {
		for _, c := range [][2]string{
			{"名称", x.Title},
			{"类型", kinds[x.Kind]},
			{"权利人", strings.Join(x.Owners, "、")},
			{"申请日", x.Filing.String()},
			{"授权公告日", x.Grant.String()},
			{"届满日", x.Expiry.String()},
			{"有效", truthZh[x.Alive]},
			{"取得方式", origins[x.Origin]},
			{"核心技术", strings.Join(x.Technologies, "、")},
			{"产品", x.Product},
			{"他项权利：质押", truthZh[x.Pledged]},
			{"许可：独占", truthZh[x.Exclusive]},
		} {
			add("专利", x.Number, c[0], c[1], x.Source, x.Date)
		}
	}
	for _, d := range in.Disputes {
		add("纠纷", d.Subject, "阶段", d.Stage, d.Source, d.Date)
		add("纠纷", d.Subject, "金额（元）", amount(d.Amount), d.Source, d.Date)
	}
	if out.Blank > 0 {
		r.Add("T12", ruling.Unknown, "", fmt.Sprintf("%d 项中 %d 项没有内容、来源或日期", len(out.Table), out.Blank), "披露表中标为未知的各项")
	} else {
		r.Add("T12", ruling.Pass, "", fmt.Sprintf("%d 项均有来源和日期", len(out.Table)), "")
	}
}
