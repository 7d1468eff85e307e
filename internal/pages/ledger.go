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
		Text, Source string
		Marked       template.HTML // the text with the quotes of the row marked
		Rows, At     int
		Number       int // At from 1
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
		_, err := s.opt.Ledger.Judge(c.Request.Context(), people.Of(c.Request.Context()).Actor(), c.PostForm("id"), c.PostForm("code"), clipNote(c.PostForm("reason")))
		if err != nil && (fault.KindOf(err) == fault.Invalid || fault.KindOf(err) == fault.Conflict) {
			gate.NoteError(c, err)
			return s.showLedger(c, fault.KindOf(err).HTTPStatus(), nil, err)
		}
		if err != nil {
			return err
		}
		c.Redirect(http.StatusSeeOther, "/officer/ledger?own=1")
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
	s.pageRoute(http.MethodGet, "/officer/ledger/read", func(c *gin.Context) error { return s.showReading(c, http.StatusOK, "", 0, "", nil) })
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
			l.Decided = x.By + "：" + x.Reason
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

// readOn shows a text's rows one after the other, and takes the row before in or
// passes it over. The text travels with the form: nothing of it is stored until
// a row is accepted.
func (s *Server) readOn(c *gin.Context) error {
	text, at := strings.ReplaceAll(c.PostForm("text"), "\r\n", "\n"), 0
	if n, err := strconv.Atoi(c.PostForm("row")); err == nil {
		at = n
	}
	switch act := c.PostForm("act"); act {
	case "accept":
		id, err := s.accept(c, text, at)
		if err != nil && (fault.KindOf(err) == fault.Invalid || fault.KindOf(err) == fault.NotFound) {
			gate.NoteError(c, err)
			return s.showReading(c, fault.KindOf(err).HTTPStatus(), text, at, "", err)
		}
		if err != nil {
			return err
		}
		return s.showReading(c, http.StatusOK, text, at+1, fmt.Sprintf("第 %d 行已入账，编号 %s。", at+1, id), nil)
	case "reject":
		return s.showReading(c, http.StatusOK, text, at+1, fmt.Sprintf("第 %d 行未入账。", at+1), nil)
	case "next":
		return s.showReading(c, http.StatusOK, text, at+1, "", nil)
	}
	return s.showReading(c, http.StatusOK, text, 0, "", nil)
}

func (s *Server) accept(c *gin.Context, text string, at int) (string, error) {
	reading, err := s.opt.Intake.ReadDeals(text)
	if err != nil {
		return "", err
	}
	if at < 0 || at >= len(reading.Rows) {
		return "", fault.New(fault.NotFound, "reading.row", "文本中没有这一行。", "The text has no such row.")
	}
	get := func(k string) string { return strings.TrimSpace(c.PostForm(k)) }
	row := reading.Rows[at]
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
	return s.opt.Ledger.Accept(c.Request.Context(), s.opt.Appraisal, people.Of(c.Request.Context()).Actor(), ledger.Acceptance{Text: text, Source: clipNote(c.PostForm("source")), Row: at, Edit: row})
}

func (s *Server) showReading(c *gin.Context, status int, text string, at int, done string, problem error) error {
	v := readingPage{page: s.newPage(c, "读取成交"), Text: text, Source: clipNote(c.PostForm("source")), At: at, Number: at + 1, Done: done, CanAccept: people.Of(c.Request.Context()).May("POST /officer/ledger/read")}
	v.Wide = true
	if strings.TrimSpace(text) != "" {
		reading, err := s.opt.Intake.ReadDeals(text)
		if err != nil {
			if fault.KindOf(err) != fault.TooLarge {
				return err
			}
			problem, text, v.Text = err, "", ""
		}
		v.Rows, v.Notes = len(reading.Rows), reading.Notes
		if at >= 0 && at < len(reading.Rows) {
			v.Row = &reading.Rows[at]
			v.fields()
			v.Marked = marked(text, v.Row)
		} else {
			v.Marked = marked(text, nil)
		}
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
