package harness

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"zhijia/internal/calendar"
	"zhijia/internal/embed"
	"zhijia/internal/fault"
	"zhijia/internal/intake"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/sheet"
	"zhijia/internal/valuation"
	price "zhijia/internal/valuation/market"
	"zhijia/internal/valuation/terms"
)

// dealSet is a priced data set, as read.
type dealSet struct {
	name, hash string
	raw        []byte
	deals      []*deal
	after      calendar.Date // the day after the latest deal
}

// ownData begins the name of a dataset of the evaluator's own.
const ownData = "file:"

// open reads a dataset: "file:NAME", the evaluator's own, kept with the run;
// "data:NAME" of the data folder; or a file of eval/datasets.
func (s *Service) open(name string) ([]byte, error) {
	if strings.HasPrefix(name, ownData) {
		return s.own, nil
	}
	if path, ok := strings.CutPrefix(name, "data:"); ok {
		if s.DataDir == "" {
			return nil, &absentError{"no data folder was given (--data)"}
		}
		raw, err := os.ReadFile(filepath.Join(s.DataDir, filepath.FromSlash(path)))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, &absentError{path + " is not in the data folder"}
		}
		return raw, err
	}
	raw, err := fs.ReadFile(s.Files, "datasets/"+name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NotFound, "eval.dataset", "没有这个数据集。", fmt.Sprintf("There is no dataset %q.", name))
	}
	return raw, err
}

func digest(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

func (s *Service) loadDeals(name string) (*dealSet, error) {
	raw, err := s.open(name)
	if err != nil {
		return nil, err
	}
	deals, err := readDeals(bytes.NewReader(raw), datasetFile(name))
	if err != nil {
		return nil, err
	}
	set := &dealSet{name: datasetName(name), hash: digest(raw), raw: raw, deals: deals}
	for _, d := range deals {
		if end := d.Date.LastDay(d.DateUnit); set.after.Before(end) {
			set.after = end
		}
	}
	set.after = set.after.AddDays(1)
	return set, nil
}

// datasetFile is the name by which a dataset's format is told; inline data of
// a run have none and are recognised by their content.
func datasetFile(name string) string {
	if filepath.Ext(name) == "" {
		return "inline.csv"
	}
	return datasetName(name)
}

func datasetName(name string) string {
	if path, ok := strings.CutPrefix(name, ownData); ok {
		return filepath.Base(path)
	}
	return name
}

// notCases counts the deals that are no cases, by reason.
func (set *dealSet) notCases() [][]string {
	count := map[string]int{}
	for _, d := range set.deals {
		if d.NotACase != "" {
			count[d.NotACase]++
		}
	}
	reasons := make([]string, 0, len(count))
	for r := range count {
		reasons = append(reasons, r)
	}
	slices.SortFunc(reasons, func(a, b string) int { return cmp.Or(count[b]-count[a], strings.Compare(a, b)) })
	rows := make([][]string, len(reasons))
	for i, r := range reasons {
		rows[i] = []string{r, strconv.Itoa(count[r])}
	}
	return rows
}

// importField says what a column of the transactions import is called here,
// where the names differ.
var importField = map[string]string{
	"text": "abstract", "numbers": "patent_numbers", "patents": "n_patents", "amount": "price", "appraised": "appraised_value", "basis": "valuation_basis", "licence_term_years": "licence_term",
	"event": "cluster",
}

// factColumns are the columns that the project's own facts have beside those of
// the import, and texts that may be given inline.
var factColumns = map[string][]string{
	"patent_numbers": nil, "n_patents": nil, "price": nil, "appraised_value": nil, "valuation_basis": nil, "abstract": nil, "cluster": nil, "licence_term": nil,
	"claims": {"权利要求", "权利要求书"}, "patent_kind": {"patent_type"}, "printed_kind": nil, "usability": nil, "date_precision": nil, "duplicate_of": nil, "replacement_cost": {"重置成本"},
}

// readDeals reads priced deals from CSV, XLSX or JSON lines in the columns of
// the transactions import or of the project's own facts. Needed: price, date,
// n_patents. Text that has no patent number behind it may be given inline:
// title, abstract, claims.
func readDeals(r io.Reader, file string) ([]*deal, error) {
	fieldOf := map[string]string{}
	for field, headers := range intake.Headers("transactions") {
		here := cmp.Or(importField[field], field)
		for _, h := range append(headers, field) {
			fieldOf[sheet.Header(h)] = here
		}
	}
	for field, headers := range factColumns {
		fieldOf[field] = field
		for _, h := range headers {
			fieldOf[sheet.Header(h)] = field
		}
	}
	var out []*deal
	seen := map[string]bool{}
	for row, err := range sheet.Rows(r, file) {
		if err != nil {
			return nil, fault.New(fault.Invalid, "eval.deals", "交易数据格式有误。", fmt.Sprintf("The deals are malformed (row %d).", row.Number)).Because(err)
		}
		cells := map[string]string{}
		var headers []string
		for h, v := range row.Cells {
			headers = append(headers, h)
			name, unit, _ := strings.Cut(strings.TrimSuffix(h, ")"), "(")
			field, known := fieldOf[h]
			if !known {
				if field, known = fieldOf[name]; !known || field != "price" {
					continue
				}
				cells["unit"] = unit
			}
			if cells[field] == "" {
				cells[field] = strings.TrimSpace(v)
			}
		}
		if len(out) == 0 {
			for _, need := range []string{"price", "date", "n_patents"} {
				if _, ok := cells[need]; !ok {
					slices.Sort(headers)
					return nil, fault.New(fault.Invalid, "eval.deals.missing_column", "交易数据缺少列 "+need+"。", fmt.Sprintf("The deals have no column %q; the columns are %s.", need, strings.Join(headers, ", ")),
						fault.Field{Field: need, Code: "csv.missing_column", Zh: "表头中没有这一列", En: "not in the header"})
				}
			}
		}
		cells["id"] = cmp.Or(cells["id"], "row "+strconv.Itoa(row.Number))
		d, err := parseDeal(func(field string) string { return cells[field] })
		if err != nil {
			return nil, fault.New(fault.Invalid, "eval.deals.row", fmt.Sprintf("交易数据第%d行有误。", row.Number), fmt.Sprintf("Row %d of the deals: %v.", row.Number, err))
		}
		if seen[d.DealID] {
			return nil, fault.New(fault.Invalid, "eval.deals.repeated", "交易编号重复："+d.DealID+"。", fmt.Sprintf("The id %q appears twice.", d.DealID))
		}
		seen[d.DealID] = true
		out = append(out, d)
	}
	if len(out) == 0 {
		return nil, fault.New(fault.Invalid, "eval.deals", "没有交易。", "There is no deal.")
	}
	return out, nil
}

func (d *deal) regram() { d.grams = embed.Bigrams(d.Text) }

var appraisedPattern = regexp.MustCompile(`评估(?:值)?([0-9.]+)(万?)元`)

func parseDeal(get func(string) string) (*deal, error) {
	d := &deal{}
	d.DealID, d.Title, d.URL = get("id"), get("title"), get("source_url")
	amount, err := optional(get("price"))
	if err != nil {
		return nil, fmt.Errorf("price: %w", err)
	}
	if u := get("unit"); u != "" && amount != nil {
		unit, err := money.ParseUnit(u)
		if err != nil {
			return nil, fmt.Errorf("unit: %w", err)
		}
		fen, err := money.Parse(strings.ReplaceAll(get("price"), ",", ""), unit)
		if err != nil {
			return nil, fmt.Errorf("price: %w", err)
		}
		yuan := fen.Yuan()
		amount = &yuan
	}
	d.Amount = amount
	d.Currency = cmp.Or(strings.ToUpper(get("currency")), "CNY")
	if d.Rate, err = optional(get("rate")); err != nil {
		return nil, fmt.Errorf("rate: %w", err)
	}
	n, err := optional(get("n_patents"))
	if err != nil {
		return nil, fmt.Errorf("n_patents: %w", err)
	}
	if n != nil && *n >= 1 {
		k := int(*n)
		d.Patents = &k
	}
	d.Date, d.DateUnit = parsePeriod(get("date"))
	if u := terms.Precision(get("date_precision")); u == terms.PrecisionMonth || u == terms.PrecisionYear {
		d.DateUnit = u
	}
	method := get("method")
	d.Kind = dealKind(cmp.Or(get("deal_kind"), method))
	d.Patent = patentKind(get("patent_kind"))
	d.Owner = ownerType(cmp.Or(get("owner_type"), get("seller")))
	d.Source = sourceType(get("source_type"))
	d.Price = priceKind(get("price_kind"))
	d.Parties = valuation.Parties{Seller: get("seller"), Buyer: get("buyer")}
	switch related := get("related_party"); {
	case anyOf(related, "true", "1", "是", "yes", "y") || strings.Contains(strings.ReplaceAll(get("notes"), "非关联", ""), "关联"):
		yes := true
		d.Related = &yes
	case related != "":
		no := false
		d.Related = &no
	}
	for _, n := range strings.FieldsFunc(get("patent_numbers"), func(r rune) bool { return r == ';' || r == '；' || r == '|' }) {
		d.Numbers = append(d.Numbers, strings.TrimSpace(n))
	}
	for _, c := range strings.FieldsFunc(get("ipc"), func(r rune) bool { return r == ';' || r == '|' || r == ',' }) {
		d.IPC = append(d.IPC, strings.TrimSpace(c))
	}
	d.FamilyID, d.DuplicateOf = get("family_id"), get("duplicate_of")
	d.Text = strings.TrimSpace(strings.Join([]string{d.Title, get("abstract"), get("claims")}, "\n"))
	d.regram()
	if d.Royalty, err = optional(get("royalty_rate")); err != nil {
		return nil, fmt.Errorf("royalty_rate: %w", err)
	}
	if d.Term, err = optional(get("licence_term")); err != nil {
		return nil, fmt.Errorf("licence_term: %w", err)
	}
	appraised, err := optional(get("appraised_value"))
	if err != nil {
		return nil, fmt.Errorf("appraised_value: %w", err)
	}
	if appraised != nil {
		d.Appraised = *appraised
	} else if m := appraisedPattern.FindStringSubmatch(get("valuation_basis")); m != nil {
		v, _ := strconv.ParseFloat(m[1], 64)
		if m[2] == "万" {
			v *= 10_000
		}
		d.Appraised = v
	}
	cost, err := optional(get("replacement_cost"))
	if err != nil {
		return nil, fmt.Errorf("replacement_cost: %w", err)
	}
	if cost != nil {
		d.CostFacts = *cost
	}
	// An event is one observation: the lots of one session, told on one page, are one experience.
	page := d.URL
	if d.Source == terms.SourcePlatform {
		page = "" // a platform's list of prices is no session
	}
	d.Cluster = cmp.Or(get("cluster"), d.FamilyID, page, d.DealID)
	sale, channel := price.SaleOf(string(d.Source), string(d.Kind), method)
	d.Market, d.Channel = price.Sale(cmp.Or(marketWord(get("market")), string(sale))), cmp.Or(get("channel"), channel)
	d.Exclusion = get("exclusion_code")
	d.NotACase = notACase(d, get("usability"), cmp.Or(get("printed_kind"), get("patent_kind")))
	return d, nil
}

// notACase says why a row has no point price that a valuation could be held
// against; empty when it has. A related-party price is a case, reported in a
// tier of its own, but never a comparable.
func notACase(d *deal, usability, printedKind string) string {
	switch {
	case usability != "" && usability != "single_or_package":
		return "usability_" + usability
	case d.Exclusion != "" && d.Exclusion != "RELATED-PARTY" && d.Exclusion != "DATE-UNKNOWN" && d.Exclusion != "CURRENCY":
		return d.Exclusion
	case d.Amount == nil || *d.Amount <= 0:
		return "amount_unknown"
	case d.Currency != "CNY" && d.Rate == nil:
		return "currency_" + d.Currency
	case d.Patents == nil:
		return "count_unknown"
	case strings.Contains(printedKind, "非专利") || strings.Contains(printedKind, "专有技术"):
		return "not_a_patent"
	case d.Price != terms.PriceTotal && d.Price != "" && d.Price != terms.PricePerPatent:
		return "price_kind_" + string(d.Price)
	case d.Kind == terms.DealDamages || d.Kind == terms.DealAsk:
		return "deal_kind_" + string(d.Kind)
	}
	return ""
}

// optional parses the first cell that is not empty.
func optional(cells ...string) (*float64, error) {
	s := cmp.Or(cells...)
	if s == "" {
		return nil, nil
	}
	v, err := strconv.ParseFloat(strings.ReplaceAll(s, ",", ""), 64)
	if err != nil {
		return nil, fmt.Errorf("%.30q is not a number", s)
	}
	return &v, nil
}

// parsePeriod reads a day, a month (2018-07) or a year (2018, "2018(推断)");
// anything else is unknown.
func parsePeriod(s string) (calendar.Date, terms.Precision) {
	if d, err := calendar.Parse(s); err == nil {
		return d, terms.PrecisionDay
	}
	head := s
	if i := strings.IndexFunc(s, func(r rune) bool { return (r < '0' || r > '9') && r != '-' }); i >= 0 {
		head = s[:i]
	}
	if d, err := calendar.Parse(head); err == nil {
		return d, terms.PrecisionDay
	}
	if d, err := calendar.Parse(head + "-01"); err == nil {
		return d, terms.PrecisionMonth
	}
	if d, err := calendar.Parse(head + "-01-01"); err == nil {
		return d, terms.PrecisionYear
	}
	return calendar.Date{}, ""
}

// marketWord is the market of sale by its code or its Chinese name.
func marketWord(s string) string {
	if w, ok := intake.Word("market", s); ok {
		return w
	}
	return s
}

func anyOf(s string, words ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(s, w) })
}

func dealKind(s string) terms.DealKind {
	if w, ok := intake.Word("deal_kind", s); ok {
		return terms.DealKind(w)
	}
	l := strings.ToLower(s)
	switch {
	case l == "plain_licence":
		return terms.DealPlainLicence
	case anyOf(l, "索赔", "damages"):
		return terms.DealDamages
	case anyOf(l, "流拍", "ask"):
		return terms.DealAsk
	case anyOf(l, "独占", "独家", "exclusive"):
		return terms.DealExclusiveLicence
	case anyOf(l, "排他", "sole"):
		return terms.DealSoleLicence
	case anyOf(l, "许可", "licen"):
		return terms.DealPlainLicence
	case anyOf(l, "作价", "入股", "contribution"):
		return terms.DealContribution
	case anyOf(l, "拍卖", "auction"):
		return terms.DealAuction
	}
	return terms.DealAssignment
}

func patentKind(s string) patent.Kind {
	switch {
	case anyOf(s, "发明", "invention"):
		return patent.Invention
	case anyOf(s, "实用新型", "utility"):
		return patent.UtilityModel
	case anyOf(s, "外观", "design"):
		return patent.Design
	}
	return ""
}

func ownerType(s string) terms.OwnerType {
	if w, ok := intake.Word("owner_type", s); ok {
		return terms.OwnerType(w)
	}
	switch {
	case anyOf(s, "大学", "学院", "高校", "university"):
		return terms.OwnerUniversity
	case anyOf(s, "研究院", "研究所", "科学院", "院所", "医院", "institute"):
		return terms.OwnerInstitute
	case anyOf(s, "公司", "厂", "集团", "firm"):
		return terms.OwnerFirm
	case s == "individual" || s == "(个人)":
		return terms.OwnerIndividual
	}
	return terms.OwnerUnknown
}

func sourceType(s string) terms.SourceType {
	if w, ok := intake.Word("source_type", s); ok {
		return terms.SourceType(w)
	}
	switch {
	case slices.Contains([]string{"platform", "exchange", "ipo_disclosure", "court", "bankruptcy", "literature", "sec_filing"}, s):
		return terms.SourceType(s)
	case anyOf(s, "judgment"):
		return terms.SourceCourt
	case anyOf(s, "bankruptcy"):
		return terms.SourceBankruptcy
	case anyOf(s, "ledger"):
		return terms.SourceOwnLedger
	case anyOf(s, "registry"):
		return terms.SourceRegistry
	case anyOf(s, "contract"):
		return terms.SourceContract
	case anyOf(s, "listed_company"):
		return terms.SourceAnnouncement
	case anyOf(s, "university", "institute", "hospital"):
		return terms.SourceUniversity
	case anyOf(s, "auction"):
		return terms.SourceAuction
	}
	return terms.SourcePress // literature and news
}

func priceKind(s string) terms.PriceKind {
	if w, ok := intake.Word("price_kind", s); ok {
		return terms.PriceKind(w)
	}
	switch {
	case s == "running_royalty" || s == "starting_price" || s == "free":
		return terms.PriceKind(s)
	case s == "", anyOf(s, "hammer", "licence_fee"), s == "total":
		return terms.PriceTotal
	case anyOf(s, "cap", "milestone"):
		return terms.PriceCap
	case anyOf(s, "royalty", "upfront"):
		return terms.PriceStructured
	case anyOf(s, "aggregate"):
		return terms.PriceAggregate
	case anyOf(s, "ask", "claimed"):
		return terms.PriceAsk
	case anyOf(s, "per_patent"):
		return terms.PricePerPatent
	}
	return terms.PriceStructured
}
