package pages

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"zhijia/internal/calendar"
	"zhijia/internal/chart"
	"zhijia/internal/deal"
	"zhijia/internal/fault"
	"zhijia/internal/gate"
	"zhijia/internal/ledger"
	"zhijia/internal/money"
	"zhijia/internal/people"
)

// ledgerLines is how many deals the ledger's page shows.
const ledgerLines = 50

type (
	ledgerPage struct {
		page
		Summary  *ledger.Summary
		Charts   []ledgerChart
		Refused  []choice
		Deals    []dealLine
		Next     string
		Query    string // of the list, without the cursor
		CanJudge bool
		Run      *ledger.Calibration
		Table    []errorLine
		Waiting  []waitingLine
		Of       string // the valuation whose deals' influence is asked
		Influence
	}
	// Influence is what the deals do to one valuation's market figure.
	Influence struct {
		Figure, MarketZh string
		Lines            []influenceLine
		More             int // deals of less influence
	}
	influenceLine struct {
		ID, Title, Date, Market, Unit, Weight, Without, Change string
		Own                                                    bool
	}
	waitingLine struct {
		ID, Source, At, By string
		Rows, Waiting      int
	}
	ledgerChart struct {
		Title  string
		Groups []groupLine
	}
	groupLine struct {
		Name, Median, Low, High string
		Own, Public             int
		Picture                 template.HTML
	}
	dealLine struct {
		ID, Title, Amount, Count, Date, Seller, Market, Validity, Code, Decided, Accepted string
		Own                                                                               bool
	}
	errorLine struct{ Market, N, Error, Coverage, Interval, Width string }

	readingPage struct {
		page
		Reading      string // id of the kept text
		Text, Source string
		Marked       template.HTML // the text with the quotes of the row marked
		Rows, At     int
		Number       int    // At from 1
		Left         int    // rows that wait
		Settled      string // what became of the row
		Waiting      []waitingLine
		Row          *deal.Row
		Fields       []readField
		Notes        []deal.Warning
		Done         string // what became of the row before
		CanAccept    bool
	}
	readField struct {
		Name, Label, Value string
		Choices            []choice
		Quoted             bool
	}
)

var saleZh = map[string]string{"private": "私下转让", "showcase": "展示交易", "corporate": "企业并购", "court": "裁判", "distress": "处置", "unknown": "未知", "": "未知"}

func registerLedgerPages(s *Server) {
	s.pageRoute(http.MethodGet, "/officer/ledger", func(c *gin.Context) error { return s.showLedger(c, http.StatusOK, nil, nil) })
	s.pageRoute(http.MethodGet, "/officer/ledger/export", func(c *gin.Context) error {
		c.Header("Content-Type", "text/csv; charset=utf-8")
		c.Header("Content-Disposition", `attachment; filename="ledger.csv"`)
		return s.opt.Ledger.WriteOwn(c.Request.Context(), people.Of(c.Request.Context()).Actor(), c.Writer)
	})
	s.pageRoute(http.MethodPost, "/officer/ledger/validity", func(c *gin.Context) error {
		_, waiting, err := s.opt.Ledger.Judge(c.Request.Context(), people.Of(c.Request.Context()).Actor(), c.PostForm("id"), c.PostForm("code"), clipNote(c.PostForm("reason")))
		if err != nil && (fault.KindOf(err) == fault.Invalid || fault.KindOf(err) == fault.Conflict) {
			gate.NoteError(c, err)
			return s.showLedger(c, fault.KindOf(err).HTTPStatus(), nil, err)
		}
		if err != nil {
			return err
		}
		to := "/officer/ledger?own=1"
		if waiting {
			to = "/officer/proposals?all=1"
		}
		c.Redirect(http.StatusSeeOther, to)
		return nil
	})
	s.filePageRoute(http.MethodPost, "/officer/ledger/calibrate", 1<<16, func(c *gin.Context) error {
		run, err := s.opt.Ledger.Calibrate(c.Request.Context(), people.Of(c.Request.Context()).Actor(), ledger.CalibrateOptions{Activate: c.PostForm("activate") == "yes"})
		if err != nil && fault.KindOf(err) != fault.Conflict {
			return err
		}
		if err != nil {
			gate.NoteError(c, err)
			return s.showLedger(c, fault.Conflict.HTTPStatus(), run, err)
		}
		return s.showLedger(c, http.StatusOK, run, nil)
	})
	s.pageRoute(http.MethodGet, "/officer/ledger/read", s.resume)
	s.filePageRoute(http.MethodPost, "/officer/ledger/read", 4*deal.MaxText, s.readOn) // a form writes a Chinese character as nine bytes
}

func (s *Server) showLedger(c *gin.Context, status int, run *ledger.Calibration, problem error) error {
	ctx := c.Request.Context()
	p := people.Of(ctx)
	sum, err := s.opt.Ledger.Summarise(ctx, p.Actor())
	if err != nil {
		return err
	}
	own, refused := c.Query("own") == "1", c.Query("refused") == "1"
	deals, next, err := s.opt.Ledger.List(ctx, p.Actor(), ledger.Query{Own: own, Refused: refused}, c.Query("cursor"), ledgerLines)
	if err != nil {
		return err
	}
	v := ledgerPage{page: s.newPage(c, "成交台账"), Summary: sum, Next: next, CanJudge: p.May("POST /officer/ledger/validity"), Run: run}
	v.Wide = true
	if v.CanJudge {
		waiting, err := s.opt.Ledger.Waiting(ctx, p.Actor())
		if err != nil {
			return err
		}
		v.Waiting = waitingLines(waiting)
	}
	if v.Of = strings.TrimSpace(clipNote(c.Query("valuation"))); v.Of != "" && problem == nil {
		if v.Influence, problem = s.influence(c, sum, v.Of); problem != nil {
			if fault.KindOf(problem) != fault.NotFound {
				return problem
			}
			gate.NoteError(c, problem)
			status = fault.KindOf(problem).HTTPStatus()
		}
	}
	if problem != nil {
		v.Fault = gate.ProblemOf(c.Request, problem)
	}
	for name, on := range map[string]bool{"own=1&": own, "refused=1&": refused} {
		if on {
			v.Query += name
		}
	}
	v.Charts = []ledgerChart{
		chartOf("按成交市场", sum.ByMarket, func(n string) string { return cmp.Or(saleZh[n], n) }),
		chartOf("按 IPC 大类（最多十五类）", sum.ByClass, func(n string) string { return n }),
		chartOf("按年份", sum.ByYear, func(n string) string { return n }),
	}
	for code, n := range sum.Refused {
		v.Refused = append(v.Refused, choice{strconv.Itoa(n), code})
	}
	slices.SortFunc(v.Refused, func(a, b choice) int { return strings.Compare(a.Name, b.Name) })
	for i := range deals {
		d := &deals[i]
		l := dealLine{ID: d.ID, Title: d.Title, Seller: d.Seller, Market: saleZh[d.Market], Code: d.Validity.Code, Validity: d.Validity.Zh, Own: d.Own, Date: "—", Amount: "—", Count: "—"}
		if !d.Date.IsZero() {
			l.Date = d.Date.String()
		}
		if d.Amount != nil {
			l.Amount = money.Zh(*d.Amount, 6)
		}
		if d.Patents != nil {
			l.Count = strconv.Itoa(*d.Patents)
		}
		if x := d.Decided; x != nil {
			l.Decided = x.By + "：" + x.Reason + "（" + cmp.Or(x.ApprovedBy, "未经") + "复核）"
		}
		if len(d.Provenance) > 0 {
			l.Accepted = "自文本读取，经人核对"
		}
		v.Deals = append(v.Deals, l)
	}
	if run != nil {
		for _, x := range run.Table {
			v.Table = append(v.Table, errorLine{
				cmp.Or(map[bool]string{true: "全部"}[x.Market == ""], saleZh[string(x.Market)]), fmt.Sprintf("%d（%d 次事件）", x.Deals, x.Events),
				fmt.Sprintf("%.2f → %.2f", x.Before.MedianError, x.After.MedianError), fmt.Sprintf("%.0f%% → %.0f%%", 100*x.Before.Coverage, 100*x.After.Coverage),
				fmt.Sprintf("%.0f%%—%.0f%%", 100*x.After.CoverageLow, 100*x.After.CoverageHigh), fmt.Sprintf("%.0f → %.0f 倍", x.Before.MedianWidth, x.After.MedianWidth),
			})
		}
	}
	return s.show(c, status, "ledger", v)
}

// HeldZh says what the range in use was measured to cover.
func (p ledgerPage) HeldZh() string {
	h := p.Summary.Held
	switch {
	case h == nil || h.Deals == 0:
		return "未校准"
	case h.From > 0:
		return fmt.Sprintf("%d 笔自有成交（%d 次事件，%d—%d 年，均未参与拟合与校准）落入 80%% 区间的占 %.0f%%（95%% 区间 %.0f%%—%.0f%%）", h.Deals, h.Events, h.From, h.To, 100*h.Coverage, 100*h.Low, 100*h.High)
	}
	return fmt.Sprintf("%d 笔成交（%d 次事件，逐事件留出）落入 80%% 区间的占 %.0f%%（95%% 区间 %.0f%%—%.0f%%）", h.Deals, h.Events, 100*h.Coverage, 100*h.Low, 100*h.High)
}

// chartOf draws the middle half of the prices of each group on one logarithmic
// axis, with the median marked; the table behind it has the figures.
func chartOf(title string, groups []ledger.Group, name func(string) string) ledgerChart {
	out := ledgerChart{Title: title}
	rungs := make([]chart.Rung, len(groups))
	for i, g := range groups {
		rungs[i] = chart.Rung{Low: g.Low, Point: g.Median, High: g.High}
	}
	for i, picture := range chart.Ladder(rungs) {
		g := groups[i]
		out.Groups = append(out.Groups, groupLine{name(g.Name), money.Zh(g.Median, 3), money.Zh(g.Low, 3), money.Zh(g.High, 3), g.Own, g.Public, picture})
	}
	return out
}

var (
	priceChoices = []choice{
		{"total", "总价"}, {"each", "单价（每件）"}, {"hammer", "拍卖成交价"}, {"upfront_plus_royalty", "入门费加提成"}, {"running_royalty", "提成"}, {"cap", "上限"}, {"ask", "报价或起拍价"}, {"free", "免费"}, {"appraised_only", "仅评估值"}, {"none", "无定价"},
	}
	kindChoices = []choice{
		{"assignment", "转让"}, {"exclusive_licence", "独占许可"}, {"sole_licence", "排他许可"}, {"plain_licence", "普通许可"}, {"contribution", "作价入股"}, {"auction", "拍卖"},
	}
	marketChoices = []choice{{"private", "私下转让"}, {"showcase", "展示交易"}, {"corporate", "企业并购"}, {"court", "裁判"}, {"distress", "处置"}}
)

// influenceLines is how many deals the ledger's page shows of those that move a valuation.
const influenceLines = 30

// influence reads what each deal does to a valuation's market figure.
func (s *Server) influence(c *gin.Context, sum *ledger.Summary, id string) (out Influence, err error) {
	found, err := s.opt.Appraisal.Influences(c.Request.Context(), people.Of(c.Request.Context()).Actor(), id)
	if err != nil {
		return out, err
	}
	out.Figure, out.MarketZh, out.More = money.Zh(found.Figure, 3), saleZh[string(found.Market)], max(len(found.Deals)-influenceLines, 0)
	for i, d := range found.Deals {
		if i == influenceLines {
			break
		}
		sign := "+"
		if d.Change < 0 {
			sign = "−"
		}
		out.Lines = append(out.Lines, influenceLine{
			ID: d.Deal, Title: d.Title, Date: d.Date.String(), Market: saleZh[string(d.Market)], Unit: money.Zh(d.Unit, 3), Weight: fmt.Sprintf("%.3f", d.Weight),
			Without: money.Zh(d.Without, 4), Change: sign + money.Zh(math.Abs(d.Change), 3), Own: sum.Mine[d.Deal],
		})
	}
	return out, nil
}

func waitingLines(list []ledger.Waiting) (out []waitingLine) {
	for _, w := range list {
		out = append(out, waitingLine{w.ID, cmp.Or(w.Source, "未注明来源"), w.At.In(calendar.China).Format("2006-01-02 15:04"), w.By, w.Rows, w.Waiting})
	}
	return out
}

// resume shows a kept text at the row asked for, or at the first that waits.
func (s *Server) resume(c *gin.Context) error {
	id := c.Query("reading")
	if id == "" {
		return s.showReading(c, http.StatusOK, nil, 0, "", nil)
	}
	kept, err := s.opt.Ledger.Kept(c.Request.Context(), people.Of(c.Request.Context()).Actor(), id)
	if err != nil {
		return err
	}
	at := kept.Open(0)
	if n, err := strconv.Atoi(c.Query("row")); err == nil && n >= 1 {
		at = n - 1
	}
	return s.showReading(c, http.StatusOK, kept, at, "", nil)
}

// readOn reads a text and keeps its rows, and shows them one after the other: each is taken in, passed over for now, or
// rejected. What is not settled waits.
func (s *Server) readOn(c *gin.Context) error {
	ctx, actor := c.Request.Context(), people.Of(c.Request.Context()).Actor()
	var kept *ledger.Kept
	var err error
	if id := c.PostForm("reading"); id != "" {
		kept, err = s.opt.Ledger.Kept(ctx, actor, id)
	} else {
		text := strings.ReplaceAll(c.PostForm("text"), "\r\n", "\n")
		if strings.TrimSpace(text) == "" {
			return s.showReading(c, http.StatusOK, nil, 0, "", nil)
		}
		kept, err = s.opt.Ledger.Keep(ctx, actor, text, clipNote(c.PostForm("source")))
	}
	if err != nil && (fault.KindOf(err) == fault.TooLarge || fault.KindOf(err) == fault.Conflict) {
		gate.NoteError(c, err)
		return s.showReading(c, fault.KindOf(err).HTTPStatus(), nil, 0, "", err)
	}
	if err != nil {
		return err
	}
	at := kept.Open(0)
	if n, err := strconv.Atoi(c.PostForm("row")); err == nil {
		at = n
	}
	done := ""
	switch c.PostForm("act") {
	case "accept":
		id, err := s.accept(c, kept, at)
		if err != nil && (fault.KindOf(err) == fault.Invalid || fault.KindOf(err) == fault.NotFound) {
			gate.NoteError(c, err)
			return s.showReading(c, fault.KindOf(err).HTTPStatus(), kept, at, "", err)
		}
		if err != nil {
			return err
		}
		done = fmt.Sprintf("第 %d 行已入账，编号 %s。", at+1, id)
	case "reject":
		if err := s.opt.Ledger.Reject(ctx, actor, kept, at); err != nil {
			return err
		}
		done = fmt.Sprintf("第 %d 行未入账。", at+1)
	case "next":
		done = fmt.Sprintf("第 %d 行待核对，已保留。", at+1)
	default:
		return s.showReading(c, http.StatusOK, kept, at, "", nil)
	}
	next := kept.Open(at + 1)
	if next <= at && c.PostForm("act") == "next" { // the last is passed over: all have been seen
		next = len(kept.Reading.Rows)
	}
	return s.showReading(c, http.StatusOK, kept, next, done, nil)
}

func (s *Server) accept(c *gin.Context, kept *ledger.Kept, at int) (_ string, err error) {
	if at < 0 || at >= len(kept.Reading.Rows) {
		return "", fault.New(fault.NotFound, "reading.row", "文本中没有这一行。", "The text has no such row.")
	}
	get := func(k string) string { return strings.TrimSpace(c.PostForm(k)) }
	row := kept.Reading.Rows[at]
	row.Numbers = strings.FieldsFunc(get("numbers"), func(r rune) bool { return strings.ContainsRune(";；、, \n", r) })
	row.Title, row.Seller, row.Buyer, row.Date = get("title"), get("seller"), get("buyer"), get("date")
	row.PriceKind, row.DealKind, row.Market = deal.PriceKind(get("price_kind")), deal.Kind(get("deal_kind")), deal.Market(get("market"))
	row.Amount, row.Patents = nil, 0
	if a := strings.ReplaceAll(get("amount"), ",", ""); a != "" {
		x, err := strconv.ParseFloat(a, 64)
		if err != nil || x < 0 || math.IsInf(x, 0) || math.IsNaN(x) {
			return "", fault.New(fault.Invalid, "reading.amount", "金额应为不小于零的数字，单位为元。", "The amount is a number of yuan, not negative.")
		}
		row.Amount = &x
	}
	if n := get("patents"); n != "" {
		if row.Patents, err = strconv.Atoi(n); err != nil || row.Patents < 0 {
			return "", fault.New(fault.Invalid, "reading.patents", "件数应为不小于零的整数。", "The count is a whole number, not negative.")
		}
	}
	return s.opt.Ledger.Accept(c.Request.Context(), s.opt.Appraisal, people.Of(c.Request.Context()).Actor(), ledger.Acceptance{Kept: kept, Source: clipNote(c.PostForm("source")), Row: at, Edit: row})
}

// showReading shows a row of a kept text, the end of one, or the form for a new text beside those that wait.
func (s *Server) showReading(c *gin.Context, status int, kept *ledger.Kept, at int, done string, problem error) error {
	who := people.Of(c.Request.Context())
	v := readingPage{page: s.newPage(c, "读取成交"), Source: clipNote(c.PostForm("source")), At: at, Number: at + 1, Done: done, CanAccept: who.May("POST /officer/ledger/read")}
	v.Wide = true
	if kept != nil {
		v.Reading, v.Text, v.Source = kept.ID, kept.Text, cmp.Or(v.Source, kept.Source)
		v.Rows, v.Notes, v.Left = len(kept.Reading.Rows), kept.Reading.Notes, kept.Waits()
		if at >= 0 && at < v.Rows {
			v.Row = &kept.Reading.Rows[at]
			v.fields()
			v.Marked = marked(kept.Text, v.Row)
			if id, ok := kept.Settled[at]; ok {
				v.Settled = cmp.Or(map[bool]string{true: "此行已入账，编号 " + id + "；再次接受即改正该笔。"}[id != ""], "此行已判为不入账；仍可接受。")
			}
		}
	}
	if v.Row == nil {
		waiting, err := s.opt.Ledger.Waiting(c.Request.Context(), who.Actor())
		if err != nil {
			return err
		}
		v.Waiting = waitingLines(waiting)
	}
	if problem != nil {
		v.Fault = gate.ProblemOf(c.Request, problem)
		for i := range v.Fields { // what was typed stays
			if x, typed := c.GetPostForm(v.Fields[i].Name); typed {
				v.Fields[i].Value = x
			}
		}
	}
	return s.show(c, status, "reading", v)
}

func (p *readingPage) fields() {
	r := p.Row
	amount, count := "", ""
	if r.Amount != nil {
		amount = strconv.FormatFloat(*r.Amount, 'f', -1, 64)
	}
	if r.Patents > 0 {
		count = strconv.Itoa(r.Patents)
	}
	for _, f := range []readField{
		{Name: "numbers", Label: "专利号", Value: strings.Join(r.Numbers, ";")},
		{Name: "title", Label: "名称", Value: r.Title},
		{Name: "patents", Label: "件数", Value: count},
		{Name: "amount", Label: "金额（" + cmp.Or(map[string]string{"CNY": "元"}[r.Currency], r.Currency) + "）", Value: amount},
		{Name: "price_kind", Label: "价格类型", Value: string(r.PriceKind), Choices: priceChoices},
		{Name: "deal_kind", Label: "交易方式", Value: string(r.DealKind), Choices: kindChoices},
		{Name: "seller", Label: "出让方", Value: r.Seller},
		{Name: "buyer", Label: "受让方", Value: r.Buyer},
		{Name: "date", Label: "日期", Value: r.Date},
		{Name: "market", Label: "成交市场", Value: string(r.Market), Choices: marketChoices},
	} {
		f.Quoted = len(r.Quotes[f.Name]) > 0
		p.Fields = append(p.Fields, f)
	}
}

// marked is a text with the quotes of a row marked, everything escaped.
func marked(text string, r *deal.Row) template.HTML {
	var spans []deal.Quote
	if r != nil {
		for _, list := range r.Quotes {
			spans = append(spans, list...)
		}
	}
	slices.SortFunc(spans, func(a, b deal.Quote) int { return cmp.Or(a.Start-b.Start, b.End-a.End) })
	var b strings.Builder
	at := 0
	for _, q := range spans {
		if q.Start < at || q.End > len(text) {
			continue
		}
		b.WriteString(template.HTMLEscapeString(text[at:q.Start]))
		b.WriteString("<mark>")
		b.WriteString(template.HTMLEscapeString(text[q.Start:q.End]))
		b.WriteString("</mark>")
		at = q.End
	}
	b.WriteString(template.HTMLEscapeString(text[at:]))
	return template.HTML(b.String())
}
