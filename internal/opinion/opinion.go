// Package office writes what people take away: the valuation opinion as text
// and as a printable page.
//
// An opinion is built once, as a [doc] of titled sections, and rendered by
// plain functions; the two forms cannot disagree. Nothing here decides a
// figure.
package opinion

import (
	"cmp"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"zhijia/internal/calendar"
	"zhijia/internal/chart"
	"zhijia/internal/money"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/market"
	"zhijia/internal/valuation/terms"
)

// Lang is the language of an opinion.
type Lang string

// Languages.
const (
	Zh Lang = "zh"
	En Lang = "en"
)

// Opinion is a stored valuation to be shown to a person.
type Opinion struct {
	ID         string
	Hash       string // of the stored record
	CreatedAt  time.Time
	Client     string // borrower or client for whom it was asked
	Officer    string // who asked for it
	Assignment valuation.Assignment
	Evidence   valuation.Evidence
	Conclusion valuation.Conclusion
}

// Text writes the opinion for a terminal, at most about 100 columns wide.
func (o Opinion) Text(w io.Writer, lang Lang) error { return writeText(w, o.build(lang)) }

// HTML writes the opinion as one self-contained page for the screen and for
// A4 paper: no script, no address that a browser would fetch.
func (o Opinion) HTML(w io.Writer, lang Lang) error { return writeHTML(w, o.build(lang)) }

// The neutral form of an opinion.
type (
	doc struct {
		Lang     Lang
		Title    string
		Subtitle string
		Limits   []string // what the document is not; shown first
		Figure   figure
		Sections []section
		Footer   string
		AIGC     string // label of generated content for the page's metadata; empty: none
	}
	figure struct {
		Headline string
		Range    string
		Notes    []string
		Bar      *bar
	}
	bar     struct{ Low, Point, High float64 }
	section struct {
		Title  string
		Blocks []block
	}
	// block holds exactly one kind of content.
	block struct {
		Para  string
		Note  string // smaller, less ink
		Facts []fact
		Table *table
		List  []string
		Bars  []barLine
		// Pictures say what a table beside them says: HTML alone has them.
		Wide, Narrow template.HTML // of one picture, for paper and for a phone
		Rungs        []barLine
		Signs        []fact // who is to sign, and the name where it is known
	}
	fact  struct{ Key, Value string }
	table struct {
		Head    []string
		Numeric []bool // right-aligned columns
		Rows    [][]string
		Lead    bool // the first row is the subject
	}
	barLine struct {
		Label, Value string
		Share        float64       // of the longest, in [-1, 1]
		Picture      template.HTML // instead of a bar from zero
	}
)

// writer builds a doc in one language.
type writer struct {
	Opinion
	lang Lang
}

func (o Opinion) build(lang Lang) doc {
	w := writer{o, lang}
	d := doc{
		Lang:     lang,
		Title:    w.t("专利估值参考意见", "Reference opinion on patent value"),
		Subtitle: w.subject(),
		Limits:   w.limits(),
		Figure:   w.figure(),
		Footer:   w.footer(),
		AIGC:     o.AIGC(),
	}
	for _, s := range []section{
		w.conclusion(), w.bases(), w.flags(), w.lending(), w.override(), w.missing(), w.subjectSection(), w.inputs(), w.methods(), w.comparables(), w.excluded(),
		w.contributions(), w.width(), w.indicators(), w.provenance(), w.signatures(),
	} {
		if len(s.Blocks) > 0 {
			d.Sections = append(d.Sections, s)
		}
	}
	return d
}

func (w writer) t(zh, en string) string {
	if w.lang == En {
		return en
	}
	return zh
}

func (w writer) note(n terms.Note) string {
	s := w.t(n.Zh, n.En)
	if s == "" {
		s = n.Code
	}
	return s
}

// yuan formats an amount for people, to the given significant figures.
func (w writer) yuan(v float64, figures int) string {
	if w.lang != En {
		return money.Zh(v, figures)
	}
	a := math.Abs(v)
	switch {
	case a >= 1e9:
		return "CNY " + plain(money.Round(v/1e9, figures)) + " billion"
	case a >= 1e6:
		return "CNY " + plain(money.Round(v/1e6, figures)) + " million"
	}
	return "CNY " + grouped(money.Round(v, figures))
}

func plain(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

func grouped(x float64) string {
	s := strconv.FormatFloat(math.Abs(x), 'f', -1, 64)
	whole, frac, dotted := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if dotted {
		whole += "." + frac
	}
	if x < 0 {
		whole = "−" + whole
	}
	return whole
}

func (w writer) signed(v float64) string {
	s := w.yuan(math.Abs(v), 3)
	if v < 0 {
		return "−" + s
	}
	return "+" + s
}

func percent(x float64) string { return strconv.FormatFloat(math.Round(x*1000)/10, 'f', -1, 64) + "%" }

func fixed(x float64, n int) string {
	return strconv.FormatFloat(x, 'f', n, 64)
}

func (w writer) count(p *int) string {
	if p == nil {
		return w.t("未知", "unknown")
	}
	return strconv.Itoa(*p)
}

func (w writer) or(s string) string {
	if s == "" {
		return w.t("未知", "unknown")
	}
	return s
}

func (w writer) subject() string {
	s := w.Assignment.Subject
	switch len(s) {
	case 0:
		return ""
	case 1:
		return strings.TrimSpace(s[0].Number + " " + s[0].Title)
	}
	return w.t(fmt.Sprintf("%s 等%d件专利", s[0].Number, len(s)), fmt.Sprintf("%s and %d more patents", s[0].Number, len(s)-1))
}

// subjectName is the title alone, for a table cell.
func (w writer) subjectName() string {
	if s := w.Assignment.Subject; len(s) == 1 && s[0].Title != "" {
		return short(s[0].Title, 28)
	}
	return w.subject()
}

func (w writer) limits() []string {
	return []string{
		w.t("本意见由软件根据下列数据推算，供内部决策参考。它不是资产评估报告，不能替代资产评估机构依法出具的报告，也不构成报价或交易建议。",
			"This opinion was computed from the data named below, as support for a decision. It is not an appraisal report, does not replace one issued by a licensed institution, and is neither an offer nor advice to trade."),
		w.t("专利成交价公开得很少，且多为价格较高的交易。请把区间与依据一并使用，不要单独引用中间的一个数。",
			"Few patent prices are public, and those mostly of the dearer deals. Use the range and its grounds together; do not quote the middle figure alone."),
	}
}

func (w writer) figure() figure {
	c := w.Conclusion
	v := c.Value
	switch c.Status {
	case valuation.Abstained:
		return figure{Headline: w.t("暂不给出金额", "No figure given"), Notes: w.reason()}
	case valuation.Zero:
		return figure{Headline: w.t("价值为 0 元", "Value: CNY 0"), Notes: w.reason()}
	case valuation.Graded:
		grade := c.Grade
		if grade == "" {
			grade = w.t("不予评级（未评分的指标过多）", "withheld: too many indicators are unscored")
		}
		return figure{Headline: w.t("指标等级：", "Grade by indicators: ") + grade, Notes: w.reason()}
	}
	f := figure{
		Range: w.t("区间 ", "Range ") + w.yuan(v.Low, 2) + w.t(" 至 ", " to ") + w.yuan(v.High, 2),
		Bar:   &bar{Low: v.Low, Point: v.Median, High: v.High},
	}
	if v.Point != nil {
		f.Headline = w.yuan(*v.Point, 3)
	} else {
		f.Headline = w.t("仅给区间", "Range only")
		f.Notes = w.reason()
	}
	f.Headline += w.market()
	f.Notes = append(f.Notes, w.meaning())
	if c.Basis != terms.BasisDamages {
		f.Notes = append(f.Notes, w.calibration())
	}
	return f
}

// meaning says in one sentence what the headline is and is not.
func (w writer) meaning() string {
	switch w.Conclusion.Basis {
	case terms.BasisFair:
		return w.t("公允价值：按主要市场中市场参与者的输入值计量（第三层次），须由企业会同审计师采用。", "Fair value by market participants' inputs in the principal market, level 3; the company adopts it with its auditor.")
	case terms.BasisLiquidation:
		return w.t("清算价值：如被强制处置、扣除处置费用后可得的金额。", "Liquidation value: what a forced sale leaves after its costs.")
	case terms.BasisInUse:
		return w.t("在用价值：按权利人自身的计划继续使用可得的收益，不是出售可得的金额。", "Value in use: what continued use earns by the owner's plans, not what a sale brings.")
	case terms.BasisInvestment:
		return w.t("投资价值：对特定买方的价值，不是一般市场的价格。", "Investment value: to a named buyer, no price of the general market.")
	case terms.BasisContract:
		return w.t("许可合同约定的现金流现值；以合同真实、可转让且被许可人按期付款为前提。", "Present value of what licence contracts promise, if they are real, can be assigned and are paid.")
	case terms.BasisRecoverable:
		return w.t("可收回金额：公允价值减处置费用与自身未来现金流量现值两者中较高者。", "Recoverable amount: the higher of fair value less disposal and the present value of own cash flows.")
	case terms.BasisDamages:
		return w.t("依专利法第七十一条的顺序推算的侵权赔偿，不是专利的价值；由法院确定。", "Damages in the order of article 71 of the patent law, no value of the patent; the court decides.")
	}
	switch w.Conclusion.Market {
	case market.Showcase:
		return w.t("如在展示交易（技术拍卖、挂牌）中成交的金额，通常含技术支持，不是裸权利的价格。", "What a showcase sale would bring, mostly with support: no price of the bare right.")
	case market.Corporate:
		return w.t("如随企业并购成交的金额，含业务与团队，不是裸权利的价格。", "What a sale with a business would bring: no price of the bare right.")
	case market.Court:
		return w.t("如依裁判成交的金额。", "What a sale by a judgment would bring.")
	}
	switch w.Assignment.Purpose {
	case terms.PurposeLicence:
		return w.t("如按所述种类与期限许可，使用权的市场价值。", "Market value of the right of use, if licensed by the stated kind and term.")
	case terms.PurposeContribution:
		return w.t("作价出资依法应当评估作价，本意见不能替代评估报告。", "A contribution in kind must be appraised by law; this opinion does not replace that report.")
	}
	return w.t("如以裸权利转让，一般可成交的金额。", "What the bare right would bring if it were sold.")
}

// market says on the first line for which market of sale the figure stands when it is not the private one, whether a second
// person approved that, and what the right is worth in private.
func (w writer) market() string {
	c := w.Conclusion
	if c.MarketFact == nil {
		return ""
	}
	zh, private := "", 0.0
	for _, m := range c.Markets {
		if m.Market == c.Market {
			zh = m.Zh
		}
		if m.Market == market.Private {
			private = m.Median
		}
	}
	mark := [2]string{"", ""}
	if c.MarketUnreviewed {
		mark = [2]string{"，未经复核", ", not approved by a second person"}
	}
	return w.t(fmt.Sprintf("（%s%s；私下转让 %s）", zh, mark[0], w.yuan(private, 3)), fmt.Sprintf(" (%s%s; private %s)", c.Market, mark[1], w.yuan(private, 3)))
}

// calibration says in one sentence how far the range may be trusted.
func (w writer) calibration() string {
	v := w.Conclusion.Value
	level := percent(v.Level)
	if v.Calibration == "conformal" && v.Coverage != nil && v.CoverageLow != nil && v.CoverageFrom > 0 {
		return w.t(
			fmt.Sprintf("名义置信水平 %s；本机构 %d 至 %d 年的 %d 笔成交（%d 次事件）未参与拟合与校准，逐笔按其之前的成交估计，实际落入区间的比例为 %s（95%% 区间 %s 至 %s）。", level, v.CoverageFrom, v.CoverageTo, v.N, v.Events, percent(*v.Coverage), percent(*v.CoverageLow), percent(*v.CoverageHigh)),
			fmt.Sprintf("Nominal level %s; of the institution's %d deals of %d events, %d to %d, which entered neither fit nor calibration and were each priced from what came before, %s fell inside (95%% interval %s to %s).", level, v.N, v.Events, v.CoverageFrom, v.CoverageTo, percent(*v.Coverage), percent(*v.CoverageLow), percent(*v.CoverageHigh)))
	}
	if v.Calibration == "conformal" && v.Coverage != nil && v.CoverageLow != nil {
		return w.t(
			fmt.Sprintf("名义置信水平 %s；按 %d 个来源的 %d 笔成交逐来源留出检验，实际落入区间的比例为 %s（95%% 区间 %s 至 %s）。", level, v.Events, v.N, percent(*v.Coverage), percent(*v.CoverageLow), percent(*v.CoverageHigh)),
			fmt.Sprintf("Nominal level %s; measured on %d past deals of %d events, each event left out: %s fell inside (95%% interval %s to %s).", level, v.N, v.Events, percent(*v.Coverage), percent(*v.CoverageLow), percent(*v.CoverageHigh)))
	}
	if v.N == 0 {
		return w.t(
			fmt.Sprintf("名义置信水平 %s，未校准：没有可供回测的交易，实际覆盖率未知。", level),
			fmt.Sprintf("Nominal level %s, uncalibrated: no deals to test it on, so the true coverage is unknown.", level))
	}
	return w.t(
		fmt.Sprintf("名义置信水平 %s，未校准：可供回测的交易不足（%d 笔），实际覆盖率未知。", level, v.N),
		fmt.Sprintf("Nominal level %s, uncalibrated: too few deals to test it on (%d), so the true coverage is unknown.", level, v.N))
}

func (w writer) reason() []string {
	c := w.Conclusion
	switch {
	case c.Reason != nil:
		out := []string{w.note(*c.Reason)}
		if c.Reason.Next != "" {
			out = append(out, w.t("下一步：", "Next: ")+w.next(c.Reason.Next))
		}
		return out
	case c.ReasonCode != "":
		return []string{"[" + c.ReasonCode + "]"}
	}
	return nil
}

func (w writer) conclusion() section {
	c, a := w.Conclusion, w.Assignment
	facts := []fact{
		{w.t("评估目的", "Purpose"), w.word(purposes, string(a.Purpose))},
		{w.t("估值基准日", "Valuation date"), w.date(c.Date.String())},
		{w.t("数据截止日", "Data cut-off"), w.date(c.DataCutoff.String())},
	}
	if w.Client != "" {
		facts = slices.Insert(facts, 0, fact{w.t("委托方", "Client"), w.Client})
	}
	if c.Status != valuation.Graded { // a grade is of no basis, and damages are no asset
		words := []fact{{w.t("价值类型", "Basis of value"), w.word(bases, string(c.Basis))}, {w.t("价值前提", "Premise"), w.word(premises, string(c.Premise))}}
		if c.Basis != terms.BasisDamages {
			words = append(words, fact{w.t("资产范围", "Scope of the asset"), w.word(scopes, string(c.Scope))})
		}
		facts = slices.Insert(facts, len(facts)-2, words...)
	}
	valued := c.Status == valuation.Valued || c.Status == valuation.RangeOnly
	if valued && c.Basis != terms.BasisDamages { // damages have no dispersion about a middle, and no grade
		grade := c.Grade
		if grade == "" {
			grade = w.t("不予评级", "withheld")
		}
		facts = append(facts,
			fact{w.t("可靠等级", "Grade"), grade + w.t("（A 最可靠，E 最不可靠；由区间宽度和证据数量决定）", " (A best, E worst; from the width and the evidence)")},
			fact{w.t("离散程度", "Dispersion"), w.t("对数标准差 ", "log standard deviation ") + fixed(c.FSD, 2)})
		var within []string
		for _, p := range c.PWithin {
			within = append(within, fmt.Sprintf("±%d%%: %s", p.Percent, percent(p.Chance)))
		}
		facts = append(facts,
			fact{w.t("落入中值附近的概率", "Chance of lying near the middle"), strings.Join(within, w.t("；", "; "))},
			fact{w.t("单边下限", "One-sided lower bound"), w.yuan(c.Value.LowerBound, 2)})
		if c.NEff > 0 {
			facts = append(facts, fact{w.t("有效可比交易数", "Effective comparables"), fixed(c.NEff, 1)})
		}
	}
	if a.ExploitationScenario != "" {
		facts = append(facts, fact{w.t("实施情景", "Exploitation"), a.ExploitationScenario})
	}
	return section{w.t("结论", "Conclusion"), []block{{Facts: facts}}}
}

func (w writer) date(s string) string { return w.or(s) }

func (w writer) subjectSection() section {
	s := section{Title: w.t("标的", "Subject")}
	for _, p := range w.Assignment.Subject {
		facts := []fact{
			{w.t("专利号", "Number"), w.or(p.Number)},
			{w.t("名称", "Title"), w.or(p.Title)},
			{w.t("类型", "Kind"), w.word(patentKinds, string(p.Kind))},
			{"IPC", w.or(strings.Join(p.IPC, w.t("；", "; ")))},
			{w.t("申请日", "Filed"), w.date(p.Filing.String())},
			{w.t("授权日", "Granted"), w.date(p.Grant.String())},
		}
		if !p.Expiry.IsZero() {
			facts = append(facts, fact{w.t("届满日", "Expires"), p.Expiry.String()})
		}
		facts = append(facts, fact{w.t("权利要求数", "Claims"), w.count(p.Claims)})
		for _, l := range w.Evidence.Legal {
			if l.Number != p.Number {
				continue
			}
			state := w.word(standings, string(l.State))
			if l.Reason != "" {
				state += w.t("（", " (") + w.word(deaths, l.Reason) + w.t("）", ")")
			}
			if !l.AsOf.IsZero() {
				state += w.t("，截至 ", ", as of ") + l.AsOf.String()
			}
			if l.Source != "" {
				state += w.t("，来源 ", ", source ") + w.word(stateSources, l.Source)
			}
			facts = append(facts, fact{w.t("法律状态", "Legal state"), state})
		}
		s.Blocks = append(s.Blocks, block{Facts: facts})
	}
	if m := w.Conclusion.Members; len(m) > 1 {
		t := &table{Head: []string{w.t("专利号", "Number"), w.t("分摊金额", "Part"), w.t("占比", "Share"), w.t("说明", "Note")}, Numeric: []bool{false, true, true, false}}
		for _, x := range m {
			why := ""
			if x.ReasonCode != "" {
				why = w.word(deaths, x.ReasonCode)
			} else if x.Discount < 1 {
				why = w.t("同族折减 ", "family discount ") + percent(1-x.Discount)
			}
			t.Rows = append(t.Rows, []string{x.Number, w.yuan(x.Value, 3), percent(x.Share), why})
		}
		s.Blocks = append(s.Blocks, block{Table: t})
	}
	return s
}

func (w writer) methods() section {
	s := section{Title: w.t("方法与权重", "Approaches and weights")}
	if len(w.Conclusion.Approaches) == 0 {
		return s
	}
	t := &table{
		Head:    []string{w.t("方法", "Approach"), w.t("中值", "Median"), w.t("区间", "Range"), w.t("权重", "Weight"), w.t("说明", "Note")},
		Numeric: []bool{false, true, true, true, false},
	}
	var bars []block
	for _, a := range w.Conclusion.Approaches {
		name := w.word(approaches, a.ID)
		if a.Method != "" {
			name += w.t("：", ": ") + w.word(methods, a.Method)
		}
		if !a.Applicable {
			t.Rows = append(t.Rows, []string{name, "—", "—", "—", w.t("不适用：", "not applicable: ") + w.word(reasons, a.ReasonCode)})
			continue
		}
		var notes []string
		for _, f := range a.Flags {
			notes = append(notes, w.note(f.Note))
		}
		t.Rows = append(t.Rows, []string{
			name, w.yuan(a.Value, 3), w.yuan(a.Low, 2) + w.t(" 至 ", " to ") + w.yuan(a.High, 2), percent(a.Weight), strings.Join(notes, w.t("；", "; ")),
		})
		if len(a.Tornado) > 0 {
			bars = append(bars, w.tornado(name, a)...)
		}
	}
	s.Blocks = append(s.Blocks, block{Table: t})
	s.Blocks = append(s.Blocks, bars...)
	if m := w.Conclusion.Model; m.Scores > 0 {
		note := w.t(
			fmt.Sprintf("模型评分 %d 项，合计影响系数 %s（上限 %s）；不采用模型评分时为 %s。", m.Scores, fixed(m.Factor, 3), fixed(m.Cap, 2), w.yuan(m.Without, 3)),
			fmt.Sprintf("%d model scores moved the value by a factor of %s (cap %s); without them it is %s.", m.Scores, fixed(m.Factor, 3), fixed(m.Cap, 2), w.yuan(m.Without, 3)))
		s.Blocks = append(s.Blocks, block{Note: note})
	}
	return s
}

// bases lists the figures that stand side by side: each says what it is, and
// none is averaged with another.
func (w writer) bases() section {
	s := section{Title: w.t("并列金额（各自独立，不作平均）", "Figures side by side, never averaged")}
	if len(w.Conclusion.Bases) < 2 {
		return s
	}
	t := &table{
		Head:    []string{w.t("价值类型", "Basis"), w.t("前提、范围", "Premise, scope"), w.t("中位数", "Median"), w.t("区间", "Range"), w.t("说明", "Note")},
		Numeric: []bool{false, false, true, true, false}, Lead: w.Conclusion.Bases[0].Headline,
	}
	sale := map[market.Sale]string{}
	for _, m := range w.Conclusion.Markets {
		sale[m.Market] = m.Zh
	}
	for _, b := range w.Conclusion.Bases {
		name := w.word(bases, string(b.Basis))
		if !b.Headline && b.Scope == terms.ScopeSupported && b.Market != "" {
			name += w.t("（"+sale[b.Market]+"）", " ("+string(b.Market)+")")
		}
		t.Rows = append(t.Rows, []string{
			name, w.word(premises, string(b.Premise)) + w.t("，", ", ") + w.word(scopes, string(b.Scope)),
			w.yuan(b.Value, 3), w.yuan(b.Low, 2) + w.t(" 至 ", " to ") + w.yuan(b.High, 2), w.t(b.Zh, b.En),
		})
	}
	rungs := make([]chart.Rung, len(w.Conclusion.Bases))
	lines := make([]barLine, len(rungs))
	for i, b := range w.Conclusion.Bases {
		rungs[i] = chart.Rung{Low: b.Low, Point: b.Value, High: b.High}
		lines[i] = barLine{Label: t.Rows[i][0], Value: t.Rows[i][2]}
	}
	for i, picture := range chart.Ladder(rungs) {
		lines[i].Picture = picture
	}
	s.Blocks = append(s.Blocks, block{Rungs: lines, Note: w.t("横轴为对数：相邻两条刻度线相差十倍。", "Logarithmic: each mark is ten times the one before.")}, block{Table: t})
	return s
}

func (w writer) tornado(name string, a valuation.ApproachResult) []block {
	bars := slices.Clone(a.Tornado)
	if len(bars) > 6 {
		bars = bars[:6]
	}
	t := &table{
		Head:    []string{name + w.t(" 的敏感因素", ": sensitivity"), w.t("取低值时", "at its low"), w.t("取高值时", "at its high")},
		Numeric: []bool{false, true, true},
	}
	for _, b := range bars {
		t.Rows = append(t.Rows, []string{w.word(inputs, b.Input), w.yuan(b.Low, 3), w.yuan(b.High, 3)})
	}
	return []block{{Table: t}}
}

const shownComparables = 12

func (w writer) contributions() section {
	cs := slices.DeleteFunc(slices.Clone(w.Conclusion.Contributions), func(c valuation.Contribution) bool {
		return math.Abs(c.Yuan) < 0.005 // less than half a fen
	})
	s := section{Title: w.t("金额构成", "What makes up the value")}
	if len(cs) == 0 {
		return s
	}
	slices.SortStableFunc(cs, func(a, b valuation.Contribution) int {
		x, y := math.Abs(a.Yuan), math.Abs(b.Yuan)
		switch {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return strings.Compare(a.Key, b.Key)
	})
	var total, rest float64
	n := 0
	largest := math.Abs(cs[0].Yuan)
	var lines []barLine
	var steps []float64
	for i, c := range cs {
		total += c.Yuan
		if i >= shownContributions {
			rest += c.Yuan
			n++
			continue
		}
		steps = append(steps, c.Yuan)
		lines = append(lines, barLine{Label: w.contributionName(c.Key), Value: w.signed(c.Yuan), Share: safeRatio(c.Yuan, largest)})
	}
	if n > 0 {
		steps = append(steps, rest)
		lines = append(lines, barLine{Label: w.t(fmt.Sprintf("其余 %d 项合计", n), fmt.Sprintf("%d other items", n)), Value: w.signed(rest), Share: safeRatio(rest, largest)})
	}
	lines = append(lines, barLine{Label: w.t("合计（中值）", "Sum (median)"), Value: w.yuan(total, 6)})
	for i, picture := range chart.Waterfall(steps) {
		lines[i].Picture = picture
	}
	s.Blocks = append(s.Blocks, block{Bars: lines},
		block{Note: w.t("各项之和等于中值，误差不超过 1 元。", "The items add up to the median within one yuan.")})
	return s
}

func safeRatio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return max(-1, min(1, a/b))
}

// ItemName is a contribution's name.
func ItemName(lang Lang, c valuation.Conclusion, key string) string {
	return writer{Opinion{Conclusion: c}, lang}.contributionName(key)
}

func (w writer) contributionName(key string) string {
	if id, ok := strings.CutPrefix(key, "comparable:"); ok {
		for i, c := range w.Conclusion.Comparables {
			if c.DealID == id {
				return w.t("可比交易 ", "Deal ") + strconv.Itoa(i+1) + " " + w.dealName(c.Comparable)
			}
		}
	}
	if code, ok := strings.CutPrefix(key, "indicator:"); ok {
		if sheet := w.Conclusion.Indicators; sheet != nil {
			for _, n := range sheet.Nodes {
				if n.Code == code {
					return w.t("指标 ", "Indicator ") + n.Name
				}
			}
		}
	}
	if part := "part." + key; workings[part] != [2]string{} {
		return w.word(workings, part)
	}
	if _, known := items[key]; known {
		return w.word(items, key)
	}
	if by, ok := strings.CutPrefix(key, "damages."); ok {
		return w.t("赔偿金额：", "damages: ") + w.word(workings, by)
	}
	approach, input, of := strings.Cut(key, ".")
	if !of {
		return w.word(items, key)
	}
	return w.word(items, approach) + w.t("：", ": ") + w.word(inputs, input)
}

func (w writer) width() section {
	ws := slices.Clone(w.Conclusion.WidthContributions)
	s := section{Title: w.t("区间为什么这么宽", "Why the range is this wide")}
	if len(ws) == 0 {
		return s
	}
	slices.SortStableFunc(ws, func(a, b valuation.WidthContribution) int {
		switch {
		case a.Share > b.Share:
			return -1
		case a.Share < b.Share:
			return 1
		}
		return strings.Compare(a.Key, b.Key)
	})
	var lines []barLine
	for i, x := range ws {
		if i == 8 || x.Share < 0.005 {
			break
		}
		lines = append(lines, barLine{Label: w.contributionName(x.Key), Value: percent(x.Share), Share: safeRatio(x.Share, ws[0].Share)})
	}
	s.Blocks = append(s.Blocks, block{Bars: lines})
	return s
}

func (o Opinion) modelScored() bool {
	return slices.ContainsFunc(o.Evidence.Indicators, func(x terms.IndicatorScore) bool {
		return x.Evaluator == terms.ByModel && x.Score != nil
	})
}

// AIGC is the label the metadata of an output carries when a model wrote part
// of it, under the key and in the fields GB 45438-2025 names: Label 1 is generated content.
// It is empty when no model did.
func (o Opinion) AIGC() string {
	if !o.modelScored() {
		return ""
	}
	return GeneratedLabel(o.ID)
}

// GeneratedLabel is the label of content a model wrote, by the id it is kept
// under.
func GeneratedLabel(id string) string {
	label, err := json.Marshal(struct{ Label, ContentProducer, ProduceID string }{"1", "Zhijia", id})
	if err != nil {
		panic(err) // strings only
	}
	return string(label)
}

func (w writer) indicators() section {
	s := section{Title: w.t("指标", "Indicators")}
	sh := w.Conclusion.Indicators
	if sh == nil {
		return s
	}
	score := w.t("未评分", "not scored")
	if sh.Score != nil {
		score = fixed(*sh.Score, 1)
	}
	grade := sh.Grade
	if sh.Withheld || grade == "" {
		grade = w.t("不予评级（未知权重过高）", "withheld (too much unknown weight)")
	}
	s.Blocks = append(s.Blocks, block{Facts: []fact{
		{w.t("得分", "Score"), score + w.t(fmt.Sprintf("（未知项取最差至最好：%s 至 %s）", fixed(sh.Low, 1), fixed(sh.High, 1)), fmt.Sprintf(" (unknown items at worst to best: %s to %s)", fixed(sh.Low, 1), fixed(sh.High, 1)))},
		{w.t("未知权重", "Unknown weight"), percent(sh.Unknown)},
		{w.t("等级", "Grade"), grade},
		{w.t("指标表", "Sheet"), strings.TrimSpace(sh.Standard+" "+sh.Edition) + w.t("；来源：", "; provenance: ") + w.provenanceOf(sh.Provenance)},
	}})
	by := map[string]terms.IndicatorScore{}
	for _, x := range w.Evidence.Indicators {
		by[x.Code] = x
	}
	t := &table{
		Head:    []string{w.t("指标", "Indicator"), w.t("权重", "Weight"), w.t("得分", "Score"), w.t("由谁评", "By"), w.t("依据", "Grounds")},
		Numeric: []bool{false, true, true, false, false},
	}
	unknown := 0
	var quotes []string
	for _, n := range sh.Nodes {
		if n.Score == nil {
			unknown++
			continue
		}
		x, leaf := by[n.Code]
		ground := x.Reason
		if leaf && x.Evaluator == terms.ByModel && ground != "" {
			// The mark stands first, where no cut reaches it; stored reasons carry it already.
			ground = w.t(aiMark, "[AI-generated] ") + strings.TrimPrefix(ground, aiMark)
		}
		who := "—" // a group of items
		if n.Evaluator != "" {
			who = w.word(evaluators, string(n.Evaluator))
		}
		t.Rows = append(t.Rows, []string{n.Code + " " + w.indicator(n.Name), fixed(n.Weight, 3), fixed(*n.Score, 0), who, short(w.ground(ground), 60)})
		for _, q := range x.Evidence {
			quotes = append(quotes, fmt.Sprintf("%s %s：“%s”（%s）", n.Code, w.indicator(n.Name), short(q.Text, 80), q.Document))
		}
	}
	if len(t.Rows) > 0 {
		s.Blocks = append(s.Blocks, block{Table: t})
	}
	if unknown > 0 {
		s.Blocks = append(s.Blocks, block{Note: w.t(fmt.Sprintf("另有 %d 项未知，未按零分计，只放宽得分区间。", unknown), fmt.Sprintf("%d further items are unknown; they are not scored as zero, they widen the range of the score.", unknown))})
	}
	if len(quotes) > 0 {
		s.Blocks = append(s.Blocks, block{Para: w.t("评分所引原文（已逐字核对）：", "Quotes behind the scores (checked word for word):")}, block{List: quotes})
	}
	return s
}

// aiMark stands before every sentence a model wrote, as the labelling rule in
// force since 2025-09-01 asks.
const aiMark = "【AI生成】"

func (w writer) missing() section {
	s := section{Title: w.t("缺少的证据与下一步", "Missing evidence and what to supply next")}
	var list []string
	for _, n := range w.Conclusion.MissingEvidence {
		line := w.note(n)
		if n.Next != "" {
			line += w.t(" → 下一步：", " → next: ") + w.next(n.Next)
		}
		switch {
		case n.Narrows == nil:
		case *n.Narrows < .0005:
			line += w.t("（区间不因此收窄）", " (the range does not rest on it)")
		default:
			line += fmt.Sprintf(w.t("（预计区间收窄 %.1f%%）", " (expected to narrow the range by %.1f%%)"), 100**n.Narrows)
		}
		list = append(list, line)
	}
	if len(list) > 0 {
		s.Blocks = append(s.Blocks, block{List: list})
	}
	return s
}

func (w writer) flags() section {
	s := section{Title: w.t("提示", "Flags")}
	var list []string
	for _, sev := range []string{"alarm", "review", "note"} {
		for _, f := range w.Conclusion.Flags {
			if f.Severity == sev {
				list = append(list, w.t("【", "[")+w.word(severities, sev)+w.t("】", "] ")+w.note(f.Note))
			}
		}
	}
	if len(list) > 0 {
		s.Blocks = append(s.Blocks, block{List: list})
	}
	return s
}

func (w writer) lending() section {
	l := w.Conclusion.Lending
	s := section{Title: w.t("变现参考", "If it must be sold")}
	if p := w.Assignment.Purpose; p == terms.PurposePledge || p == terms.PurposeSecuritisation {
		s.Title = w.t("质押视角", "For a pledge")
	}
	if l.IfSold == 0 && l.Forced == 0 {
		return s
	}
	chance := w.t("未提供（由经营者给出，系统不推测）", "not supplied (the operator's figure; never invented)")
	if q := l.ChanceOfSale; q != nil && q.Value != nil {
		chance = percent(*q.Value)
	}
	s.Blocks = append(s.Blocks, block{Facts: []fact{
		{w.t("如能售出的价值", "Value if sold"), w.yuan(l.IfSold, 3)},
		{w.t("快速变现价值", "Forced-sale value"), w.yuan(l.Forced, 3)},
		{w.t("区间单边下限", "Lower bound"), w.yuan(l.LowerBound, 2)},
		{w.t("一年内售出的可能", "Chance of sale in a year"), chance},
	}})
	return s
}

func (w writer) override() section {
	s := section{Title: w.t("人工意见", "Officer's override")}
	o := w.Conclusion.Override
	if o == nil {
		return s
	}
	inside := w.t("在系统区间之内", "inside the range")
	if !o.InRange {
		inside = w.t("在系统区间之外", "outside the range")
	}
	s.Blocks = append(s.Blocks, block{Facts: []fact{
		{w.t("人工金额", "Officer's figure"), w.yuan(o.Value, 4) + w.t("（", " (") + inside + w.t("）", ")")},
		{w.t("系统金额", "Model's figure"), w.yuan(o.Model, 4)},
		{w.t("理由", "Reason"), o.Reason},
		{w.t("经办人", "Officer"), o.Officer},
		{w.t("日期", "Date"), o.Date.String()},
		{w.t("复核人", "Approved by"), cmp.Or(o.ApprovedBy, w.t("未经复核", "not approved by a second person"))},
	}})
	return s
}

// provenanceOf says where a sheet of indicators comes from; the file's own words are English where it was worked out and not
// published.
func (w writer) provenanceOf(text string) string {
	if w.lang != En && strings.HasPrefix(text, "inference") {
		return "按国家标准的框架自拟；标准的三级指标名称、分值与权重未公开"
	}
	return text
}

func (w writer) provenance() section {
	facts := []fact{}
	if w.ID != "" {
		facts = append(facts, fact{w.t("意见编号", "Opinion"), w.ID})
	}
	if w.Hash != "" {
		facts = append(facts, fact{w.t("记录哈希", "Record hash"), w.Hash})
	}
	if !w.CreatedAt.IsZero() {
		facts = append(facts, fact{w.t("生成时间", "Created"), w.t(w.CreatedAt.In(calendar.China).Format("2006-01-02 15:04")+" 北京时间", w.CreatedAt.UTC().Format("2006-01-02 15:04 UTC"))})
	}
	keys := make([]string, 0, len(w.Conclusion.Versions))
	for k := range w.Conclusion.Versions {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		facts = append(facts, fact{w.word(versions, k), w.Conclusion.Versions[k]})
	}
	if u := w.Conclusion.ModelUse; u != nil {
		facts = append(facts, fact{w.t("模型用量", "Model use"), w.t(
			fmt.Sprintf("%s（%s）：新调用 %d 次，沿用已存回答 %d 个，输入 %d、输出 %d 词元，%s 元", u.Model, u.Host, u.Requests, u.Kept, u.PromptTokens, u.AnswerTokens, plain(u.Yuan)),
			fmt.Sprintf("%s (%s): %d new calls, %d kept answers, %d prompt and %d answer tokens, CNY %s", u.Model, u.Host, u.Requests, u.Kept, u.PromptTokens, u.AnswerTokens, plain(u.Yuan)))})
	}
	s := section{Title: w.t("版本与留痕", "Versions and trace")}
	if len(facts) > 0 {
		s.Blocks = []block{{Facts: facts}, {Note: w.t("同一记录可随时重算，结果逐字节相同。", "The record can be recomputed at any time to the same bytes.")}}
	}
	return s
}

func (w writer) footer() string {
	s := w.t("估值参考意见，非资产评估报告", "Reference opinion; not an appraisal report")
	if w.modelScored() {
		s += w.t("。部分指标评分与理由由人工智能生成，已标注。", ". Some indicator scores and reasons are AI-generated and marked so.")
	}
	return s
}

// short cuts s to n characters for a table cell.
func short(s string, n int) string {
	s = strings.Join(strings.Fields(s), " ")
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}
