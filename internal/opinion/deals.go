package opinion

import (
	"fmt"
	"html/template"
	"slices"
	"strconv"
	"strings"

	"zhijia/internal/chart"
	"zhijia/internal/money"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/terms"
)

func (w writer) comparables() section {
	c := w.Conclusion
	s := section{Title: w.t("可比交易", "Comparable deals")}
	r := c.Retrieval
	if r.Path != "" {
		how := w.t(
			fmt.Sprintf("在基准日之前的成交记录中检索 %d 笔，采用 %d 笔，未采用 %d 笔；检索路径：%s", r.Considered, len(c.Comparables), len(c.Excluded), w.word(paths, r.Path)),
			fmt.Sprintf("%d deals before the valuation date considered, %d used, %d set aside; path: %s", r.Considered, len(c.Comparables), len(c.Excluded), w.word(paths, r.Path)))
		if l := w.Evidence.Ledger; l != nil {
			n := l.Deals - len(l.LeftOut)
			how = w.t(
				fmt.Sprintf("基准日之前的成交记录 %d 笔全部参与计算，各按其权重；下列为影响最大或文本相近的 %d 笔，未采用 %d 笔；检索路径：%s", n, len(c.Comparables), len(c.Excluded), w.word(paths, r.Path)),
				fmt.Sprintf("all %d deals before the valuation date count, each by its weight; listed are the %d of most influence or alike in text, %d set aside; path: %s", n, len(c.Comparables), len(c.Excluded), w.word(paths, r.Path)))
		}
		if len(c.Comparables) == 0 && (w.Evidence.Ledger == nil || w.Evidence.Ledger.Deals == len(w.Evidence.Ledger.LeftOut)) {
			how = w.t(
				fmt.Sprintf("基准日之前没有可用的成交记录，未采用 %d 笔；检索路径：%s", len(c.Excluded), w.word(paths, r.Path)),
				fmt.Sprintf("no deal before the valuation date can be used, %d set aside; path: %s", len(c.Excluded), w.word(paths, r.Path)))
		}
		if len(r.Proposed) > 0 {
			p := r.Proposed[0]
			how += w.t(fmt.Sprintf("；分类由文本推定：%s，p = %.2f", p.Subclass, p.Probability), fmt.Sprintf("; class proposed from text, p = %.2f: %s", p.Probability, p.Subclass))
			if n := len(r.Proposed) - 1; n > 0 {
				how += w.t(fmt.Sprintf("，另在 %d 个可能的小类中检索", n), fmt.Sprintf(", and %d less probable ones were searched too", n))
			}
		}
		if r.Widened > 0 {
			how += w.t(fmt.Sprintf("；同小类交易不足，范围已放宽 %d 级", r.Widened), fmt.Sprintf("; widened %d steps beyond the IPC subclass for want of deals", r.Widened))
		}
		s.Blocks = append(s.Blocks, block{Note: how + w.t("。", ".")})
	}
	if len(c.Comparables) == 0 {
		if len(s.Blocks) > 0 || c.Status == valuation.Valued {
			s.Blocks = append(s.Blocks, block{Para: w.t("没有采用任何可比交易。", "No comparable deal was used.")})
		}
		return s
	}
	if wide, narrow := w.inItsMarket(); wide != "" {
		s.Blocks = append(s.Blocks, block{Wide: wide, Narrow: narrow, Note: w.t("图：横轴为成交日期，纵轴为单价（对数）。实心为采用的交易，面积表示权重，位置为修正到标的所在市场后的单价，竖线另一端为实际成交单价；空心为未采用的交易，按整笔金额。右侧竖条为本次区间与中值。",
			"Picture: date of the deal across, price of one patent upwards (logarithmic). Filled: deals used, their area the weight, placed at the price brought to the subject's market; the thin line leads to the price as paid. Hollow: deals set aside, at the whole amount. The bar at the right is the range and the median.")})
	}
	t := &table{
		Head: []string{
			w.t("交易", "Deal"), w.t("日期", "Date"), w.t("成交", "Price"), w.t("单价", "Per patent"), w.t("修正后单价", "Adjusted"),
			w.t("相似度", "Similarity"), w.t("权重", "Weight"), w.t("拉动", "Pull"),
		},
		Numeric: []bool{false, false, false, true, true, true, true, true},
		Lead:    true,
	}
	own := []string{w.t("标的 ", "Subject ") + w.subjectName(), c.Date.String(), "—", "—", "—", "1.00", "—", "—"}
	if n := len(w.Assignment.Subject); n > 0 {
		own[2] = w.t(fmt.Sprintf("%d件", n), fmt.Sprintf("%d pat.", n))
	}
	if c.Value.Point != nil && len(w.Assignment.Subject) == 1 {
		own[4] = w.yuan(*c.Value.Point, 3)
	}
	t.Rows = append(t.Rows, own)
	var sources []string
	for i, x := range c.Comparables {
		if i == shownComparables {
			break
		}
		sim := "—"
		if x.Similar != nil {
			sim = fixed(x.Similar.Total, 2)
		}
		t.Rows = append(t.Rows, []string{
			strconv.Itoa(i+1) + ". " + w.dealName(x.Comparable), w.dealDate(x.Comparable), w.dealPrice(x.Comparable),
			w.yuan(x.UnitPrice, 3), w.yuan(x.Normalised, 3), sim, fixed(x.Weight, 3), w.signed(x.Pull),
		})
		sources = append(sources, w.dealDetail(i+1, x))
	}
	s.Blocks = append(s.Blocks, block{Table: t})
	if more := len(c.Comparables) - shownComparables; more > 0 {
		s.Blocks = append(s.Blocks, block{Note: w.t(fmt.Sprintf("另有 %d 笔影响较小的可比交易，见 JSON 记录。", more), fmt.Sprintf("%d further deals of less influence are in the JSON record.", more))})
	}
	s.Blocks = append(s.Blocks,
		block{Note: w.t("权重按对数价格计，可以为负；拉动是该笔交易使市场法结果偏离先验水平的金额。", "Weights apply to log price and may be negative; the pull is what the deal moves the market value away from the prior.")},
		block{List: sources})
	return s
}

// inItsMarket draws the figure among the deals it came from, for a single patent;
// the prices of a bundle's parts are nobody's. It is empty where the market has
// no figure.
func (w writer) inItsMarket() (wide, narrow template.HTML) {
	c := w.Conclusion
	i := slices.IndexFunc(c.Approaches, func(a valuation.ApproachResult) bool { return a.ID == "market" && a.Applicable })
	if i < 0 || len(w.Assignment.Subject) != 1 {
		return "", ""
	}
	m := chart.Market{Date: c.Date.Time(), Low: c.Approaches[i].Low, Point: c.Approaches[i].Value, High: c.Approaches[i].High, Yuan: func(v float64) string { return w.yuan(v, 1) }}
	if c.Approaches[i].Weight == 1 && c.Value.Low > 0 {
		m.Low, m.Point, m.High = c.Value.Low, c.Value.Median, c.Value.High
	}
	for i, x := range c.Comparables {
		m.Deals = append(m.Deals, chart.Deal{
			Day: x.Date.Time(), Price: x.Normalised, Paid: x.UnitPrice, Weight: x.Weight, Focus: i < shownComparables,
			Label: strings.Join([]string{w.dealName(x.Comparable), w.dealDate(x.Comparable), w.dealPrice(x.Comparable), w.t("修正后单价 ", "adjusted ") + w.yuan(x.Normalised, 3), w.t("权重 ", "weight ") + fixed(x.Weight, 3)}, w.t("，", ", ")),
		})
	}
	for _, e := range c.Excluded {
		if e.Amount == nil || e.Date.IsZero() || (e.Currency != "" && e.Currency != "CNY") {
			continue
		}
		name := e.Title
		if name == "" {
			name = e.DealID
		}
		m.Deals = append(m.Deals, chart.Deal{
			Day: e.Date.Time(), Price: *e.Amount, Aside: true,
			Label: strings.Join([]string{short(name, 28), e.Date.String(), w.t("整笔 ", "in all ") + w.yuan(*e.Amount, 3), w.t("未采用：", "set aside: ") + w.exclusion(e)}, w.t("，", ", ")),
		})
	}
	m.Label = w.t(fmt.Sprintf("标的在其市场中的位置：采用 %d 笔、未采用 %d 笔成交的日期与单价", len(c.Comparables), len(c.Excluded)),
		fmt.Sprintf("The subject in its market: date and price of %d deals used and %d set aside", len(c.Comparables), len(c.Excluded)))
	return m.SVG(720), m.SVG(340)
}

func (w writer) dealName(c valuation.Comparable) string {
	name := c.Title
	if name == "" {
		name = strings.Trim(c.Parties.Seller+" → "+c.Parties.Buyer, " →")
	}
	if name == "" {
		name = c.DealID
	}
	return short(name, 28)
}

func (w writer) dealDate(c valuation.Comparable) string {
	s := c.Date.String()
	switch {
	case s == "":
		return w.t("未知", "unknown")
	case c.DateUnit == terms.PrecisionYear:
		return s[:4]
	case c.DateUnit == terms.PrecisionMonth:
		return s[:7]
	}
	return s
}

func (w writer) dealPrice(c valuation.Comparable) string {
	if c.Amount == nil {
		return w.t("金额未知", "amount unknown")
	}
	s := w.yuan(*c.Amount, 4)
	if c.Currency != "" && c.Currency != "CNY" {
		s = c.Currency + " " + grouped(money.Round(*c.Amount, 4))
	}
	if c.Patents != nil {
		s += w.t(fmt.Sprintf("/%d件", *c.Patents), fmt.Sprintf("/%d pat.", *c.Patents))
	}
	return s
}

// dealDetail is the line under the table: who, where it is from, what was
// adjusted.
func (w writer) dealDetail(n int, x valuation.ComparableResult) string {
	parts := []string{x.DealID, w.word(dealKinds, string(x.Kind))}
	if p := strings.Trim(x.Parties.Seller+" → "+x.Parties.Buyer, " →"); p != "" {
		parts = append(parts, p)
	}
	if len(x.IPC) > 0 {
		parts = append(parts, "IPC "+short(strings.Join(x.IPC, " "), 40))
	}
	if x.Source != "" {
		parts = append(parts, w.word(sources, string(x.Source)))
	}
	if !x.Moved {
		parts = append(parts, w.t("文字相近，仅供参阅，未影响金额", "alike in wording, shown for the reader: it did not move the figure"))
	}
	if x.URL != "" {
		parts = append(parts, x.URL)
	}
	return strconv.Itoa(n) + ". " + strings.Join(parts, w.t("；", "; "))
}

const shownExcluded = 12

func (w writer) excluded() section {
	ex := w.Conclusion.Excluded
	s := section{Title: w.t("未采用的交易", "Deals set aside")}
	if len(ex) == 0 {
		return s
	}
	byCode := map[string]int{}
	names := map[string]string{}
	for _, e := range ex {
		byCode[e.Code]++
		names[e.Code] = w.exclusion(e)
	}
	codes := make([]string, 0, len(byCode))
	for c := range byCode {
		codes = append(codes, c)
	}
	slices.SortFunc(codes, func(a, b string) int {
		if byCode[a] != byCode[b] {
			return byCode[b] - byCode[a]
		}
		return strings.Compare(a, b)
	})
	var counts []string
	for _, c := range codes {
		counts = append(counts, fmt.Sprintf(w.t("%s：%d 笔", "%s: %d"), names[c], byCode[c]))
	}
	s.Blocks = append(s.Blocks, block{List: counts})
	t := &table{
		Head:    []string{w.t("交易", "Deal"), w.t("日期", "Date"), w.t("金额", "Amount"), w.t("不采用的原因", "Why")},
		Numeric: []bool{false, false, true, false},
	}
	for i, e := range ex {
		if i == shownExcluded {
			break
		}
		amount := "—"
		if e.Amount != nil {
			amount = w.yuan(*e.Amount, 4)
		}
		name := e.Title
		if name == "" {
			name = e.DealID
		}
		t.Rows = append(t.Rows, []string{short(name, 32), w.date(e.Date.String()), amount, w.exclusion(e)})
	}
	s.Blocks = append(s.Blocks, block{Table: t})
	if more := len(ex) - shownExcluded; more > 0 {
		s.Blocks = append(s.Blocks, block{Note: w.t(fmt.Sprintf("另有 %d 笔，见 JSON 记录。", more), fmt.Sprintf("%d more are in the JSON record.", more))})
	}
	return s
}

// exclusion is why a deal was set aside.
func (w writer) exclusion(e valuation.ExcludedDeal) string {
	if s := w.t(e.Zh, e.En); s != "" && s != e.Code {
		return s
	}
	return w.word(exclusions, e.Code)
}

const shownContributions = 14
