package intake

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/connect"
	"zhijia/internal/patent"
	"zhijia/internal/sheet"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/market"
)

var ownerWords = map[string]string{
	"university": "高校|大学", "institute": "科研院所|研究所|研究院|医院|hospital", "firm": "企业|公司", "individual": "个人|自然人", "unknown": "未知",
}

var patents = dataset{
	columns: map[string][]string{
		"number":             {"专利号", "申请号", "专利号/申请号", "申请（专利）号", "专利申请号", "application number", "application_number", "app_num"},
		"publication_number": {"公开（公告）号", "公布号", "公开号", "公告号", "授权公告号", "publication_numbers", "display key", "id", "pub_num"},
		"kind":               {"专利类型", "专利类别", "公开类型", "类型"},
		"title":              {"专利名称", "标题", "题名", "标题（中文）", "名称", "发明名称", "标题（译）（简体中文）", "标题（翻译）"},
		"abstract":           {"摘要", "摘要（中文）"},
		"claims":             {"权利要求", "权利要求书"},
		"description":        {"说明书"},
		"ipc":                {"ipc", "ipc分类号", "分类号", "ipcr classifications", "ipc主分类", "ipc主分类号", "主分类号", "ipc_subclasses"},
		"filing_date":        {"申请日", "申请日期", "application date", "filing/creation date", "app_date"},
		"publication_date":   {"首次公开日", "公开日", "公布日", "公开（公告）日", "publication date", "pub_date"},
		"grant_date":         {"授权公告日", "授权日", "授权公告日期", "grant date"},
		"owners":             {"专利权人", "当前权利人", "当前专利权人", "现专利权人", "当前申请（专利权）人", "[标]当前申请（专利权）人", "owners", "权利人", "申请（专利权）人"},
		"owner_type":         {"权利人类型"},
		"family_id":          {"同族编号"},
		"claim_count":        {"权利要求数", "权利要求数量", "权项数", "total_claims"},
		"independent_claims": {"独立权利要求数", "独立权利要求数量", "独权数"},
		"inventors":          {"发明人数", "发明人数量", "total_inventers"},
		"family_size":        {"同族数", "simple family size"},
		"cited_by":           {"被引次数", "被引证次数", "被引用专利数量", "被引证数", "cited by patent count", "forward_citations"},
		"cites":              {"引用次数", "引证次数", "引用专利数量", "引证专利数", "cites patent count", "backward_citations"},
		"paid_through_year":  {"年费缴至年度"},
		"adjustment_days":    {"期限补偿天数", "专利权期限补偿天数", "pta_days"},
		"extension_days":     {"药品期限补偿天数", "药品专利权期限补偿天数", "pte_days"},
		"confidential":       {"未公开", "保密"},
		"source":             {"来源"},
		"source_date":        {"来源日期", "数据日期"},
	},
	parse: parsePatent,
	merge: mergeRecords,
}

// What a table says beyond the columns of a patent.
func init() {
	for field, list := range connect.ExtraFields {
		patents.columns[field] = list
	}
}

// parsePatent reads a row to what it states. A row that names no title must
// state something else: a fee, an event, the state of the case.
func parsePatent(r *reader) any {
	title := r.text
	if r.origin == "" {
		title = r.required
	}
	p := connect.Record{
		Source: cmp.Or(r.origin, "desk"),
		Title:  title("title", 1000), Abstract: r.text("abstract", 20_000), Claims: r.text("claims", 400_000), Description: r.text("description", 2_000_000),
		Kind: r.kind("kind"), IPC: r.classes(),
		Filing: r.date("filing_date"), Published: r.date("publication_date"), Grant: r.date("grant_date"),
		Owners: r.list("owners"), OwnerType: r.word("owner_type", ownerWords), FamilyID: r.text("family_id", 100),
		ClaimCount: r.count("claim_count"), Independent: r.count("independent_claims"), Inventors: r.names("inventors"),
		FamilySize: r.count("family_size"), CitedBy: r.count("cited_by"), Cites: r.count("cites"), PaidThrough: r.count("paid_through_year"),
		Adjustment: r.count("adjustment_days"), Extension: r.count("extension_days"),
		Confidential: r.flag("confidential"), Stated: r.text("source", 1000), AsOf: r.date("source_date"),
	}
	if word := r.cells["owner_type_word"]; p.OwnerType == "" && word != "" {
		p.OwnerType = ownerTypes[word] // one that is not known is not stated
	}
	n, hasNumber := r.patentNumber("number", false)
	var publication patent.Number
	if list := r.list("publication_number"); len(list) > 0 {
		var err error
		if publication, err = patent.ParseNumber(list[0]); err != nil {
			r.bad("publication_number", "number.shape", "公开（公告）号无法识别。", "The publication number is not recognised.")
		}
		p.Publication = string(publication.Key())
		if publication.NamesApplication() { // of 1985 to 1988; it is kept as printed
			p.Publication = publication.String()
		}
	}
	switch {
	case hasNumber:
		p.Number = string(n.Key())
	case p.Publication != "":
		p.Number, n = string(publication.Key()), publication
	case len(r.faults) == 0:
		r.bad("number", "field.missing", "请填写专利号（申请号）或公开号。", "An application or publication number is needed.")
	}
	if p.Kind != "" && n.Kind != "" && p.Kind != string(n.Kind) {
		r.bad("kind", "number.kind", "专利类型与号码种类位不一致，号码表示"+n.Kind.Zh()+"。", "The kind contradicts the number, which names "+string(n.Kind)+".")
	}
	if p.Kind == "" {
		p.Kind = string(n.Kind)
	}
	r.added(p.Kind, p.Adjustment, p.Extension)
	for _, field := range []string{"document_date", "end_date", "current_event_date", "transfer_date", "transfer_gazette", "pledge_date", "pledge_released", "pledge_gazette", "licence_date", "licence_ended", "fee_due", "fee_paid", "as_of", "notice_date", "current_event_effective"} {
		r.date(field) // one that is none is told
	}
	p.Fill(r.cells)
	p.End()
	before := func(a, b calendar.Date) bool { return !a.IsZero() && !b.IsZero() && b.Before(a) }
	if before(p.Filing, p.Published) || before(p.Filing, p.Grant) {
		r.bad("filing_date", "date.order", "申请日晚于公开日或授权日。", "Filed after it was published or granted.")
	}
	return p
}

// ownerTypes are the words of vendors that are not those of the desk.
var ownerTypes = map[string]string{"企业": "firm", "大专院校": "university", "科研单位": "institute", "个人": "individual"}

// added checks the days that were added to a term: inventions only, and not
// beyond what the law allows.
func (r *reader) added(kind string, adjustment, extension *int) {
	for _, x := range []struct {
		field string
		days  *int
		most  int
	}{{"adjustment_days", adjustment, 7305}, {"extension_days", extension, 1827}} {
		switch {
		case x.days == nil || *x.days == 0:
		case kind != string(patent.Invention):
			r.bad(x.field, "term.kind", "只有发明专利有期限补偿。", "Only the term of an invention is compensated.")
		case *x.days > x.most:
			r.bad(x.field, "term.range", fmt.Sprintf("期限补偿应不超过 %d 天。", x.most), fmt.Sprintf("No more than %d days.", x.most))
		}
	}
}

var dealWords = map[string]string{
	"assignment": "转让", "exclusive_licence": "独占许可|独家许可", "sole_licence": "排他许可", "plain_licence": "普通许可|许可",
	"contribution": "作价入股|作价投资", "auction": "拍卖", "damages": "侵权赔偿|索赔", "ask": "挂牌|报价",
}

var priceWords = map[string]string{
	"total": "总价|hammer", "per_patent": "单价|each", "upfront": "入门费", "structured": "入门费加提成|upfront_plus_royalty", "cap": "上限|里程碑总额", "ask": "报价",
	"aggregate": "合计", "running_royalty": "提成", "starting_price": "起拍价", "free": "免费",
}

var marketWords = map[string]string{
	"private": "私下转让|协议转让|私下", "showcase": "展示|展示交易|展示交易（技术拍卖、挂牌）|技术拍卖|挂牌", "corporate": "企业并购|产业购买|并购", "court": "裁判|判决", "distress": "处置|处置变现|破产处置|司法处置|破产", "unknown": "未知",
}

// soldKinds are the kinds of what was sold: bundles and results of research are no kind of patent, but have a price.
var soldKinds = map[string]string{
	"invention": "发明|发明专利", "utility_model": "实用新型|实用新型专利", "design": "外观设计|外观", "application": "发明申请|申请权", "mixed": "组合|混合", "achievement": "科技成果|技术成果",
}

var sourceWords = map[string]string{
	"own_ledger": "自有台账", "registry": "登记", "contract_notice": "合同公示", "listed_company_announcement": "上市公司公告",
	"university_notice": "高校公示|院所公示|医院公示", "auction": "拍卖", "press": "新闻|媒体",
	"platform": "交易平台", "exchange": "产权交易所", "ipo_disclosure": "招股说明书", "court": "裁判文书|判决", "bankruptcy": "破产", "literature": "文献", "sec_filing": "境外披露",
}

var transactions = dataset{
	columns: map[string][]string{
		"id":                 {"编号", "交易编号"},
		"title":              {"专利名称", "标题", "题名", "名称", "标的名称", "发明名称"},
		"text":               {"摘要", "说明", "description", "abstract"},
		"numbers":            {"专利号", "申请号", "patent_numbers", "专利申请号", "专利号/申请号"},
		"patents":            {"专利件数", "件数", "n_patents", "专利数量", "专利数"},
		"patent_kind":        {"专利类型"},
		"ipc":                {"ipc", "ipc分类号", "分类号", "主分类号", "ipc主分类号"},
		"amount":             {"成交价", "成交金额", "金额", "price", "成交价格", "合同金额", "合同价款", "交易金额", "转让价", "转让价格", "转让价款", "转让金额", "转让费"},
		"unit":               {"金额单位", "单位"},
		"currency":           {"币种"},
		"rate":               {"汇率"},
		"price_kind":         {"价格类型"},
		"deal_kind":          {"交易方式", "交易类型", "合同类型", "转化方式"},
		"appraised":          {"评估值"},
		"basis":              {"评估方法", "定价依据"},
		"licence_term_years": {"许可年限"},
		"royalty_rate":       {"提成率", "许可费率"},
		"date":               {"成交日期", "日期", "交易日期", "成交时间", "签订日期", "签约日期", "签署日期", "签订时间", "合同签订日期", "合同日期", "转让日期"},
		"related_party":      {"关联交易", "是否关联", "是否关联交易", "是否关联方"},
		"seller":             {"出让方", "卖方", "转让方", "许可方", "出让人", "转让人", "许可人"},
		"buyer":              {"受让方", "买方", "被许可方", "受让人", "被许可人", "购买方"},
		"owner_type":         {"权利人类型", "卖方类型", "转让方类型", "出让方类型", "许可方类型", "权利人性质"},
		"source_type":        {"来源类型"},
		"market":             {"成交市场", "市场"},
		"channel":            {"成交渠道"},
		"method":             {"成交方式"},
		"source_url":         {"来源链接", "来源"},
		"notes":              {"备注"},
		"family_id":          {"同族编号"},
		"exclusion_code":     {"排除代码"},
		"event":              {"成交场次", "场次", "公告编号", "项目编号", "合同编号", "合同号"},
		"filing_date":        {"申请日", "申请日期"},
		"remaining_life":     {"剩余年限", "remaining_life_years"},
		"claim_count":        {"权利要求数", "权利要求项数"},
		"family_size":        {"同族数", "同族件数"},
	},
	parse: func(r *reader) any {
		d := store.Deal{
			ID: r.text("id", 100), Title: r.required("title", 1000), Description: r.text("text", 20_000),
			Numbers: r.numbers("numbers"), PrintedNumbers: r.cells["numbers"], Patents: r.count("patents"),
			PatentKind: r.word("patent_kind", soldKinds), IPC: r.ipc("ipc"), Currency: r.text("currency", 3), Rate: r.number("rate", 1e-6, 1e6),
			PriceKind: r.word("price_kind", priceWords), DealKind: r.word("deal_kind", dealWords), Appraised: r.number("appraised", 0, 1e15),
			Basis: r.text("basis", 1000), LicenceTerm: r.number("licence_term_years", 0.01, 50), RoyaltyRate: r.number("royalty_rate", 0, 1),
			RelatedParty: r.flag("related_party"), Seller: r.text("seller", 500), Buyer: r.text("buyer", 500),
			OwnerType: r.word("owner_type", ownerWords), SourceType: r.word("source_type", sourceWords), SourceURL: r.text("source_url", 2000),
			Notes: r.text("notes", 5000), FamilyID: r.text("family_id", 100), PrintedDate: r.cells["date"],
		}
		d.Amount = r.amount("amount")
		d.Date, d.DateUnit = r.period("date")
		d.Exclusion = r.text("exclusion_code", 40)
		d.Event, d.RemainingLife = r.text("event", 200), r.number("remaining_life", -20, 40)
		if n := r.count("claim_count"); n != nil && *n > 0 {
			x := float64(*n)
			d.Claims = &x
		}
		if n := r.count("family_size"); n != nil && *n > 0 {
			x := float64(*n)
			d.Family = &x
		}
		filing := r.date("filing_date")
		d.Market, d.Channel, d.Method = r.word("market", marketWords), r.text("channel", 40), r.text("method", 200)
		if market.Contradicts(d.OwnerType, []string{d.Seller}) {
			r.bad("owner_type", "owner.contradiction", "权利人类型与名称不符。", "The type of the owner contradicts the name.")
		}
		if d.RemainingLife == nil && !filing.IsZero() && !d.Date.IsZero() {
			counted(&d)
			if term := patent.TermYears(patent.Kind(d.PatentKind), filing); term > 0 {
				life := float64(term) - filing.YearsUntil(d.Date)
				d.RemainingLife = &life
			}
		}
		if d.ID == "" {
			supply(&d)
			// The natural key of a deal without one: what was sold, between
			// whom, when and for how much.
			amount := ""
			if d.Amount != nil {
				amount = fmt.Sprintf("%.2f", *d.Amount)
			}
			sum := sha256.Sum256([]byte(fmt.Sprintf("%q", []any{d.Title, d.Numbers, d.Date, amount, d.Currency, d.DealKind, d.Seller, d.Buyer})))
			d.ID = "deal-" + hex.EncodeToString(sum[:10])
		}
		return d
	},
	merge: func(ctx context.Context, db *store.DB, svc *appraisal.Service, batch []any) error {
		rows := make([]store.Deal, 0, len(batch))
		at := map[string]int{} // an id twice in one batch is one deal, the later row before the earlier
		for i := range batch {
			d := batch[i].(store.Deal)
			if j, ok := at[d.ID]; ok {
				store.KeepKnown(&d, rows[j])
				rows[j] = d
				continue
			}
			at[d.ID] = len(rows)
			rows = append(rows, d)
		}
		known, err := db.OwnDeals(ctx, slices.Collect(maps.Keys(at)))
		if err != nil {
			return err
		}
		texts := make([]string, len(rows))
		for i := range rows {
			d := &rows[i]
			counted(d) // what this row says of its patents goes before what was counted once
			if before, ok := known[d.ID]; ok {
				if before.Exclusion == exclusion(&before) || valuation.Derived(before.Exclusion) { // worked out, not stated
					before.Exclusion = ""
				}
				if sale, channel := market.SaleOf(before.SourceType, before.DealKind, before.Method); before.Market == string(sale) {
					before.Market = "" // likewise
					if before.Channel == channel {
						before.Channel = ""
					}
				}
				store.KeepKnown(d, before)
			}
			supply(d)
			if d.Exclusion == "" {
				d.Exclusion = exclusion(d)
			}
			texts[i] = d.Text()
		}
		space, vectors, err := embed(ctx, svc, texts)
		if err != nil {
			return err
		}
		return db.MergeDeals(ctx, rows, space, vectors)
	},
}

// supply fills in what a row need not say because it is the rule, or follows
// from what it says.
func supply(d *store.Deal) {
	d.Currency, d.DealKind = cmp.Or(d.Currency, "CNY"), cmp.Or(d.DealKind, "assignment")
	sale, channel := market.SaleOf(d.SourceType, d.DealKind, d.Method)
	if d.Market = cmp.Or(d.Market, string(sale)); d.Market == string(sale) {
		d.Channel = cmp.Or(d.Channel, channel)
	}
	counted(d)
}

// counted takes number and kind of the patents from their numbers.
func counted(d *store.Deal) {
	if d.Patents == nil && len(d.Numbers) > 0 {
		n := len(d.Numbers)
		d.Patents = &n
	}
	if d.PatentKind == "" && len(d.Numbers) > 0 {
		if n, err := patent.ParseNumber(d.Numbers[0]); err == nil {
			d.PatentKind = string(n.Kind)
		}
	}
}

// exclusion says why a deal is no comparable (standards 3.1), "" when it is
// one.
func exclusion(d *store.Deal) string { return kept(assumptions.Unpriced(comparable(d))) }

// kept is the code that is written down: an unknown market is asked again at
// every valuation, because a later source may tell it.
func kept(code string) string {
	if code == "MARKET-UNKNOWN" {
		return ""
	}
	return code
}

var citations = dataset{
	columns: map[string][]string{
		"citing": {"引用文献", "施引专利", "citing_number"},
		"cited":  {"被引文献", "被引专利", "cited_number"},
		"date":   {"日期", "公开日"},
		"source": {"来源"},
	},
	parse: func(r *reader) any {
		citing, _ := r.patentNumber("citing", true)
		cited, _ := r.patentNumber("cited", true)
		c := store.Citation{Citing: citing.String(), Cited: cited.String(), Date: r.date("date"), Source: r.text("source", 1000)}
		if c.Source == "" {
			c.Source = "import"
		}
		if len(r.faults) == 0 && c.Citing == c.Cited {
			r.bad("cited", "citation.self", "文献不能引用自身。", "A document cannot cite itself.")
		}
		return c
	},
	merge: func(ctx context.Context, db *store.DB, _ *appraisal.Service, batch []any) error {
		rows := make([]store.Citation, len(batch))
		for i := range batch {
			rows[i] = batch[i].(store.Citation)
		}
		return db.MergeCitations(ctx, rows)
	},
}

// event reads a code of the gazette or of INPADOC, our short name, or the wording
// of a gazette, an office or a vendor.
func (r *reader) event(field string) string {
	text := r.cells[field]
	if code, ok := lookUp(eventWords, strings.ToLower(text)); ok || text == "" {
		return strings.ToUpper(code)
	}
	if code, ok := connect.Wording(text); ok {
		return code
	}
	code, known := connect.Code(text)
	switch {
	case code != "":
		return code
	case known:
		r.bad(field, "event.none", "代码 "+sheet.Clip(text, 20)+" 不改变权利状态，无需导入。", "The code "+sheet.Clip(text, 20)+" changes nothing of the right.")
	default:
		r.bad(field, "word.unknown", "未识别的法律事件，请填写公告代码（如 PE01）或公告用语（如 专利权质押合同登记的生效）。", "Not a legal event that is known: give the gazette's code, such as PE01, or its wording.")
	}
	return ""
}

var eventWords = func() map[string]string {
	words := make(map[string]string, len(patent.Codes))
	for code, name := range patent.Codes {
		words[strings.ToLower(code)] = name
	}
	return words
}()

var events = dataset{
	columns: map[string][]string{
		"number":       {"专利号", "申请号", "专利号/申请号"},
		"code":         {"事件代码", "公告代码", "事件", "法律状态"},
		"effective":    {"生效日", "登记生效日", "事件日期", "event_date"},
		"gazette":      {"公告日", "公告日期"},
		"registration": {"登记号", "备案号"},
		"before":       {"变更前", "变更前权利人", "让与人", "出质人"},
		"after":        {"变更后", "变更后权利人"},
		"party":        {"质权人", "受让人", "被许可人"},
		"licence_kind": {"许可种类"},
		"source":       {"来源"},
	},
	parse: func(r *reader) any {
		n, ok := r.patentNumber("number", true)
		if ok && !n.NamesApplication() {
			r.bad("number", "number.not_application", "法律事件应使用申请号（专利号）。", "Events name a patent by its application number.")
		}
		e := store.LegalEvent{Number: string(n.Key()), Event: patent.Event{
			Code: r.event("code"), Effective: r.date("effective"), Gazette: r.date("gazette"),
			Registration: r.text("registration", 100), Before: r.list("before"), After: r.list("after"), Party: r.text("party", 500),
			LicenceKind: r.text("licence_kind", 50), Source: r.text("source", 1000),
		}}
		if e.Code == "" && len(r.faults) == 0 {
			r.bad("code", "field.missing", "此列必填。", "This column is required.")
		}
		if e.Effective.IsZero() {
			if e.Effective = e.Gazette; e.Effective.IsZero() && r.cells["effective"] == "" {
				r.bad("effective", "field.missing", "请填写生效日或公告日。", "An effective or a gazette date is needed.")
			}
		}
		if e.Source == "" {
			e.Source = "import"
		}
		return e
	},
	merge: func(ctx context.Context, db *store.DB, _ *appraisal.Service, batch []any) error {
		rows := make([]store.LegalEvent, len(batch))
		for i := range batch {
			rows[i] = batch[i].(store.LegalEvent)
		}
		return db.MergeEvents(ctx, rows)
	},
}
