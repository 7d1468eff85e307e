package pages

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"zhijia/internal/calendar"
	"zhijia/internal/desk"
	"zhijia/internal/deskfile"
	"zhijia/internal/fault"
	"zhijia/internal/gate"
	"zhijia/internal/lending"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/people"
	"zhijia/internal/watch"
)

var routeNames = map[lending.Route]string{lending.Internal: "内部估值", lending.Negotiated: "协商估值", lending.External: "须外部评估"}

var labelNames = map[string]string{"historical": "历史报道", "template": "模板", "own": "本机构"}

type (
	batchLine struct {
		ID, Name, Created, Status, Policy string
		Rows                              int
	}
	choice      struct{ Value, Name string }
	batchesPage struct {
		page
		CanSubmit bool
		Policies  []choice
		Products  []choice
		List      []batchLine
		Headings  []deskfile.Heading // of a file that was looked at
		Columns   []deskfile.Column  // that a header may be read as
		Next      string
	}
	tally struct {
		Code, Name string
		N          int
	}
	contractLine struct {
		Key, Borrower, Lines, Loan, Recommended, Binding, Route, LTV, Mixed, Cover, Breach, Verdict, Code string
		Bookable                                                                                          bool
	}
	rowLine struct {
		Line                                                                                int
		Number, Title, Borrower, Contract, Status, Value, Range, Recommended, Verdict, Code string
		Whole                                                                               tally  // the verdict of its contract
		Since                                                                               string // the day since which the row is as before
		Reasons                                                                             []string
		More                                                                                int
	}
	batchPage struct {
		page
		ID, Name, Created, By, Status, Policy, Date, SHA string
		State                                            desk.BatchStatus
		Progress                                         desk.Progress
		Percent                                          int
		Left                                             string // time left, of a batch under way
		Verdicts                                         []tally
		Unknown                                          int // to be supplemented for missing facts alone
		Filter                                           string
		Contracts                                        []contractLine
		MoreContracts                                    bool
		Portfolio                                        bool // a list without borrowers: no loan is judged
		Rows                                             []rowLine
		After, Next                                      string
		CanAct                                           bool
	}
	loanLine struct {
		Contract, Borrower, Balance, Maturity, Product, LTV string
		Amount                                              money.Fen
		Unreviewed                                          bool
		Standing                                            []choice
		Patents                                             []bookedLine
	}
	bookedLine struct{ Number, First, Value, Change, ValuedOn, Due, Expiry, Valuation string }
	bookPage   struct {
		page
		Alerts int // that nobody has acknowledged; at most alertsTold
		Loans  []loanLine
		Next   string
		CanAct bool
	}
	policyLine struct{ ID, Name, Label, Invention, Utility, Design, Tenor, Internal, Negotiated, Alerts, Source string }
	roomLine   struct {
		ID, Name, Total, Left, Source string
		Holds                         []desk.Hold
	}
	schemeLine  struct{ ID, Name, Shares, Dated, Status, Source string }
	lendingPage struct {
		page
		Policies []policyLine
		Rooms    []roomLine
		Presets  []lending.Programme
		Schemes  []schemeLine
		CanAct   bool
		CanPut   bool     // may register policies and products
		Names    []choice // of the policies, to choose from
		Compared []comparedRow
		Kept     bool // one was just registered
	}
)

func registerDeskPages(s *Server) {
	s.pageRoute(http.MethodGet, "/officer/batches", func(c *gin.Context) error {
		return s.showBatches(c, http.StatusOK, url.Values{"date": {calendar.InChina(s.gate.Now()).String()}}, nil, nil)
	})
	s.filePageRoute(http.MethodPost, "/officer/batches", s.gate.MaxUpload, s.submitBatchPage)
	s.pageRoute(http.MethodGet, "/officer/batch-template", func(c *gin.Context) error {
		gate.Attach(c, gate.XLSX, "zhijia-batch-template.xlsx", "知价批量估值模板.xlsx")
		return deskfile.WriteTemplate(c.Writer)
	})
	s.pageRoute(http.MethodGet, "/officer/batches/{id}", func(c *gin.Context) error { return s.showBatch(c, http.StatusOK, nil) })
	s.pageRoute(http.MethodPost, "/officer/batches/{id}/{act}", s.actOnBatch)
	s.filePageRoute(http.MethodGet, "/officer/batches/{id}/result", 1<<20, func(c *gin.Context) error {
		format := c.DefaultQuery("format", desk.XLSX)
		spool, err := gate.Spool("zhijia-result-*") // an error half-way must not look like a file
		if err != nil {
			return err
		}
		defer spool.Close()
		name, err := s.opt.Desk.WriteResult(c.Request.Context(), people.Of(c.Request.Context()).Actor(), c.Param("id"), format, spool)
		if err != nil {
			return err
		}
		return gate.SendFile(c, spool, c.Param("id")+"."+format, name)
	})
	s.pageRoute(http.MethodGet, "/officer/batches/{id}/rows/{line}/opinion", func(c *gin.Context) error {
		line, err := strconv.Atoi(c.Param("line"))
		if err != nil {
			return fault.New(fault.Invalid, "field.type", "行号应为整数。", "The line must be an integer.")
		}
		o, err := s.opt.Desk.RowOpinion(c.Request.Context(), people.Of(c.Request.Context()).Actor(), c.Param("id"), line, c.Query("full") != "")
		if err != nil {
			return err
		}
		c.Header("Content-Type", "text/html; charset=utf-8")
		c.Header("Cache-Control", "private, no-store")
		return deskfile.WriteRowOpinion(c.Writer, o)
	})
	s.pageRoute(http.MethodGet, "/officer/book", func(c *gin.Context) error { return s.showBook(c, http.StatusOK, nil) })
	s.pageRoute(http.MethodPost, "/officer/book/balance", func(c *gin.Context) error {
		ctx := c.Request.Context()
		p := people.Of(ctx)
		balance, err := money.Parse(c.PostForm("balance"), money.Yuan)
		if err != nil {
			err = fault.New(fault.Invalid, "amount.shape", "余额应为金额（元），最多两位小数。", "The balance must be an amount in yuan.")
		} else {
			var outcome *desk.LoanOutcome
			if kind := c.PostForm("outcome"); kind != "" {
				outcome = &desk.LoanOutcome{Kind: kind}
			}
			err = s.opt.Desk.SetBalance(ctx, p.Actor(), c.PostForm("contract"), balance, outcome)
		}
		return s.backTo(c, "/officer/book", err, s.showBook)
	})
	registerPolicyPages(s)
	s.pageRoute(http.MethodGet, "/officer/lending", func(c *gin.Context) error { return s.showLending(c, http.StatusOK, nil) })
	s.pageRoute(http.MethodPost, "/officer/lending/release", func(c *gin.Context) error {
		ctx := c.Request.Context()
		p := people.Of(ctx)
		return s.backTo(c, "/officer/lending", s.opt.Desk.ReleaseHold(ctx, p.Actor(), c.PostForm("contract"), c.PostForm("reason")), s.showLending)
	})
}

// backTo ends a form: errors the user can correct are shown on the page it came
// from.
func (s *Server) backTo(c *gin.Context, path string, err error, show func(*gin.Context, int, error) error) error {
	switch k := fault.KindOf(err); {
	case err == nil:
		c.Redirect(http.StatusSeeOther, path)
		return nil
	case k == fault.Invalid || k == fault.NotFound || k == fault.Conflict || k == fault.TooLarge:
		gate.NoteError(c, err)
		return show(c, k.HTTPStatus(), err)
	}
	return err
}

func (s *Server) showBatches(c *gin.Context, status int, form url.Values, problem error, headings []deskfile.Heading) error {
	ctx := c.Request.Context()
	p := people.Of(ctx)
	const lines = 20
	found, next, err := s.opt.Desk.Batches(ctx, p.Actor(), c.Query("cursor"), lines)
	if err != nil {
		return err
	}
	pg := batchesPage{page: s.newPage(c, "批量估值"), CanSubmit: p.May("POST /officer/batches")}
	pg.Form = form
	pg.Wide = true
	pg.Headings, pg.Columns = headings[:min(len(headings), maxHeadings)], deskfile.Columns()
	if problem != nil {
		pg.Fault = gate.ProblemOf(c.Request, problem)
	}
	pg.Next = next
	for i := range found {
		b := &found[i]
		policy, err := desk.PolicyOf(b)
		if err != nil {
			return err
		}
		pg.List = append(pg.List, batchLine{b.ID, b.Name, shortTime(b.CreatedAt), b.Status.Zh(), policy, b.Rows})
	}
	presets, own, err := s.opt.Desk.Policies(ctx, p.Actor())
	if err != nil {
		return err
	}
	for _, x := range own {
		pg.Policies = append(pg.Policies, choice{x.ID + "@" + x.Version, cmp.Or(x.Name, x.ID) + "（本机构，" + x.Version + "）"})
	}
	for _, k := range slices.Sorted(maps.Keys(presets)) {
		x := presets[k]
		pg.Policies = append(pg.Policies, choice{x.ID, x.Name + "（" + labelNames[x.Label] + "）"})
	}
	programmes, err := s.opt.Desk.Programmes(ctx, p.Actor())
	if err != nil {
		return err
	}
	for _, k := range slices.Sorted(maps.Keys(programmes)) {
		pg.Products = append(pg.Products, choice{k, programmes[k].Name + "（" + k + "）"})
	}
	if form.Get("policy") == "" && len(own) == 0 {
		pg.Form.Set("policy", lending.DefaultPolicy)
	}
	return s.show(c, status, "batches", pg)
}

// chosenColumns reads what a person said that headers mean: header.N with
// column.N, the key of a column, "-" for a header that is not to be read, or
// nothing.
func chosenColumns(form url.Values) map[string]string {
	out := map[string]string{}
	for n := range maxHeadings {
		header, column := form.Get(fmt.Sprintf("header.%d", n)), form.Get(fmt.Sprintf("column.%d", n))
		switch {
		case header == "" || column == "":
		case column == "-":
			out[header] = ""
		default:
			out[header] = column
		}
	}
	return out
}

// maxHeadings bounds the headers a page offers.
const maxHeadings = 500

func (s *Server) submitBatchPage(c *gin.Context) error {
	ctx := c.Request.Context()
	p := people.Of(ctx)
	form := c.Request.PostForm
	kept := func() url.Values {
		return url.Values{"date": form["date"], "policy": form["policy"], "unit": form["unit"], "product": form["product"], "priority": form["priority"]}
	}
	var headings []deskfile.Heading
	again := func(err error) error {
		switch k := fault.KindOf(err); k {
		case fault.Invalid, fault.NotFound, fault.Unsupported, fault.TooLarge:
			gate.NoteError(c, err)
			return s.showBatches(c, k.HTTPStatus(), kept(), err, headings)
		}
		return err
	}
	head, err := c.FormFile("file")
	if err != nil || head.Size == 0 {
		return again(gate.ErrNoFile)
	}
	o, err := s.opt.Desk.ReadOptions(ctx, p.Actor(), desk.OptionTexts{
		Policy: c.PostForm("policy"), Date: c.PostForm("date"), Product: c.PostForm("product"), Unit: c.PostForm("unit"), Priority: c.PostForm("priority"), Readings: c.PostForm("readings"),
	})
	if err != nil {
		return again(err)
	}
	file, err := head.Open()
	if err != nil {
		return err
	}
	defer file.Close()
	o.Columns = chosenColumns(form)
	name := gate.FileName(head.Filename)
	if c.PostForm("look") != "" {
		if headings, err = s.opt.Desk.Headings(ctx, p.Actor(), name, file, o.Unit); err != nil {
			return again(err)
		}
		return s.showBatches(c, http.StatusOK, kept(), nil, headings)
	}
	b, _, err := s.opt.Desk.Submit(ctx, p.Actor(), name, file, o)
	if err != nil {
		if _, seekErr := file.Seek(0, io.SeekStart); seekErr == nil { // offer what the headers may mean
			if list, listErr := s.opt.Desk.Headings(ctx, p.Actor(), name, file, o.Unit); listErr == nil {
				headings = list
			}
		}
		return again(err)
	}
	c.Redirect(http.StatusSeeOther, "/officer/batches/"+b.ID)
	return nil
}

func (s *Server) actOnBatch(c *gin.Context) error {
	ctx := c.Request.Context()
	p := people.Of(ctx)
	id := c.Param("id")
	var err error
	back := "/officer/batches/" + url.PathEscape(id)
	switch c.Param("act") {
	case "cancel":
		err = s.opt.Desk.Cancel(ctx, p.Actor(), id)
	case "resume":
		err = s.opt.Desk.Resume(ctx, p.Actor(), id)
	case "retry":
		_, err = s.opt.Desk.Retry(ctx, p.Actor(), id)
	case "decide":
		err = s.opt.Desk.DecideAgain(ctx, p.Actor(), id)
	case "book":
		var l desk.Loan
		if l, err = s.opt.Desk.LoanOf(ctx, p.Actor(), id, c.PostForm("contract")); err == nil {
			_, err = s.opt.Desk.Book(ctx, p.Actor(), l)
		}
		back = "/officer/book"
	default:
		err = fault.New(fault.NotFound, "page.unknown", "没有这个操作。", "There is no such act.")
	}
	return s.backTo(c, back, err, s.showBatch)
}

const batchPageRows, batchPageContracts = 50, 50

func (s *Server) showBatch(c *gin.Context, status int, problem error) error {
	ctx := c.Request.Context()
	p := people.Of(ctx)
	b, err := s.opt.Desk.Batch(ctx, p.Actor(), c.Param("id"))
	if err != nil {
		return err
	}
	policy, err := desk.PolicyOf(&b)
	if err != nil {
		return err
	}
	pg := batchPage{
		page: s.newPage(c, b.Name), ID: b.ID, Name: b.Name, Created: shortTime(b.CreatedAt), By: b.CreatedBy, Status: b.Status.Zh(), State: b.Status,
		Policy: policy, Date: b.AsOf.String(), SHA: hex.EncodeToString(b.Content)[:12], CanAct: p.May("POST /officer/batches/{id}/{act}"),
	}
	pg.Wide = true
	if problem != nil {
		pg.Fault = gate.ProblemOf(c.Request, problem)
	}
	if pg.Progress, err = s.opt.Desk.Progress(ctx, p.Actor(), b.ID); err != nil {
		return err
	}
	if pg.Progress.Rows > 0 {
		pg.Percent = 100 * pg.Progress.Ended() / pg.Progress.Rows
	}
	if b.Status == desk.Running && problem == nil {
		pg.Refresh = 3
		pg.Left = timeLeft(s.gate.Now().Sub(b.CreatedAt), pg.Progress.Ended(), pg.Progress.Rows)
	}
	if b.Status == desk.Finished {
		counts, err := s.opt.Desk.Verdicts(ctx, p.Actor(), b.ID)
		if err != nil {
			return err
		}
		for _, v := range []lending.Verdict{lending.Accept, lending.Supplement, lending.Refuse} {
			pg.Verdicts = append(pg.Verdicts, tally{string(v), v.Zh(), counts[string(v)]})
		}
		pg.Unknown = counts["unknown"]
		contracts, more, _, err := s.opt.Desk.Contracts(ctx, p.Actor(), b.ID, "", batchPageContracts)
		if err != nil {
			return err
		}
		pg.MoreContracts = more != ""
		for i := range contracts {
			pg.Contracts = append(pg.Contracts, describeContract(&contracts[i], b.AsOf))
		}
	}
	pg.Filter, pg.After = c.Query("verdict"), c.Query("cursor")
	rows, next, err := s.opt.Desk.Rows(ctx, p.Actor(), b.ID, desk.RowFilter{Verdict: lending.Verdict(pg.Filter)}, pg.After, batchPageRows)
	if err != nil {
		return err
	}
	pg.Next = next
	whole := map[string]tally{}
	for _, k := range pg.Contracts {
		whole[k.Key] = tally{Code: k.Code, Name: k.Verdict}
	}
	pg.Portfolio = len(rows) > 0
	for i := range rows {
		l := describeRow(&rows[i], pg.Say)
		l.Whole = whole[rows[i].Outcome.Decision.Contract]
		pg.Rows = append(pg.Rows, l)
		pg.Portfolio = pg.Portfolio && rows[i].Outcome.Valued.Row.Portfolio
	}
	if pg.Portfolio {
		pg.Contracts, pg.MoreContracts = nil, false
	}
	return s.show(c, status, "batch", pg)
}

func describeContract(x *lending.Contract, on calendar.Date) contractLine {
	l := contractLine{
		Key: x.Key, Borrower: x.Borrower, Loan: inWan(x.Loan), Recommended: inWan(x.Recommended), Route: routeNames[x.Route], LTV: percent(x.LTV), Mixed: percent(x.Mixed),
		Verdict: x.Verdict.Zh(), Code: string(x.Verdict), Cover: "—", Breach: "—",
		Bookable: x.Verdict == lending.Accept && !strings.HasPrefix(x.Key, "行") && !x.Maturity.IsZero(),
	}
	lines := make([]string, 0, 6)
	for i, n := range x.Lines {
		if i == 5 {
			lines = append(lines, fmt.Sprintf("…共%d行", len(x.Lines)))
			break
		}
		lines = append(lines, strconv.Itoa(n))
	}
	l.Lines = strings.Join(lines, "、")
	for _, part := range x.Limits {
		if part.Code == x.Binding {
			l.Binding = part.Zh
		}
	}
	if o := x.Outlook; o != nil {
		l.Cover = percent(o.Cover)
		switch {
		case o.Breach == on:
			l.Breach = "已超限"
		case !o.Breach.IsZero():
			l.Breach = o.Breach.String()
		}
	}
	return l
}

func describeRow(row *desk.Row, say func(zh, en string) string) rowLine {
	out := row.Outcome
	v, d := &out.Valued, &out.Decision
	l := rowLine{
		Line: row.Line, Number: v.Row.Number, Title: v.Row.Title, Borrower: v.Row.Borrower, Contract: v.Row.Contract, Status: row.Status.Zh(),
		Value: "—", Recommended: "—", Verdict: d.Verdict.Zh(), Code: string(d.Verdict),
	}
	if row.Status == desk.RowDone {
		if v.Point > 0 {
			l.Value, l.Range = inWan(v.Point), inWan(v.Low)+" 至 "+inWan(v.High)
		}
		if d.Verdict != "" {
			l.Recommended = inWan(d.Recommended)
		}
		if v.Row.Portfolio {
			l.Recommended = "—"
		}
		if since := d.UnchangedSince; !since.IsZero() {
			l.Since = since.String()
		}
	}
	var all []string
	for _, f := range out.Faults {
		all = append(all, f.Code+" "+say(f.Zh, f.En))
	}
	for _, severity := range []lending.Severity{lending.Refuses, lending.Supplements, lending.Warns} {
		for _, r := range d.Reasons {
			if r.Severity == severity && row.Status == desk.RowDone {
				text := r.Code + " " + say(r.Zh, r.En)
				if severity == lending.Warns {
					text += "（提示）"
				}
				all = append(all, text)
			}
		}
	}
	l.Reasons = all[:min(len(all), 4)]
	l.More = len(all) - len(l.Reasons)
	return l
}

// inWan is an amount in 万元, for columns whose heading says so.
func inWan(f money.Fen) string { return strconv.FormatFloat(float64(f)/float64(money.Wan), 'f', 2, 64) }

func zhMoney(f money.Fen) string { return money.Zh(f.Yuan(), 4) }

func percent(x *float64) string {
	if x == nil {
		return "—"
	}
	return strconv.FormatFloat(100**x, 'f', 1, 64) + "%"
}

// timeLeft is how long the rest of a work takes at the pace so far; empty while
// there is none.
func timeLeft(gone time.Duration, done, total int) string {
	if done <= 0 || total <= done || gone <= 0 {
		return ""
	}
	left := time.Duration(float64(gone) / float64(done) * float64(total-done))
	if left < time.Minute {
		return fmt.Sprintf("约 %d 秒", max(1, int(left.Round(time.Second)/time.Second)))
	}
	return fmt.Sprintf("约 %d 分钟", int(left.Round(time.Minute)/time.Minute))
}

// shortTime is a moment as an officer in China reads it.
func shortTime(t time.Time) string { return t.In(calendar.China).Format("2006-01-02 15:04") }

// alertsTold is how many alerts the book's page counts at most.
const alertsTold = 1000

func (s *Server) showBook(c *gin.Context, status int, problem error) error {
	ctx := c.Request.Context()
	p := people.Of(ctx)
	pg := bookPage{page: s.newPage(c, "在册押品"), CanAct: p.May("POST /officer/book/balance")}
	pg.Wide = true
	if problem != nil {
		pg.Fault = gate.ProblemOf(c.Request, problem)
	}
	alerts, err := s.opt.Watch.Alerts(ctx, p.Institution, watch.AlertQuery{Open: true, Book: true}, alertsTold)
	if err != nil {
		return err
	}
	pg.Alerts = len(alerts)
	const lines = 50
	loans, next, err := s.opt.Desk.Loans(ctx, p.Actor(), c.Query("cursor"), lines)
	if err != nil {
		return err
	}
	pg.Next = next
	for i := range loans {
		pg.Loans = append(pg.Loans, describeLoan(&loans[i]))
	}
	return s.show(c, status, "book", pg)
}

func describeLoan(x *desk.BookedLoan) loanLine {
	l := loanLine{Contract: x.Contract, Borrower: x.Borrower, Balance: zhMoney(x.Balance), Amount: x.Balance, Maturity: x.Maturity.String(), Product: x.Product, LTV: "—", Unreviewed: x.Reviewed != "" && x.Reviewed != "approved"}
	for _, code := range x.Standing {
		kind, number, _ := strings.Cut(code, ":")
		level := "red"
		if kind == "cover" || kind == "failed" {
			level = "yellow"
		}
		l.Standing = append(l.Standing, choice{level, strings.TrimSpace(lending.AlertKind(kind).Zh() + " " + number)})
	}
	var total money.Fen
	for _, p := range x.Patents {
		total += p.Value
		b := bookedLine{Number: p.Number, First: zhMoney(p.FirstValue), Value: zhMoney(p.Value), ValuedOn: p.ValuedOn.String(), Due: p.Due.String(), Expiry: "未知", Valuation: p.Valuation}
		if !p.Expiry.IsZero() {
			b.Expiry = p.Expiry.String()
		}
		if p.FirstValue > 0 {
			b.Change = fmt.Sprintf("%+.1f%%", 100*(float64(p.Value)/float64(p.FirstValue)-1))
		}
		l.Patents = append(l.Patents, b)
	}
	if total > 0 {
		ltv := float64(x.Balance) / float64(total)
		l.LTV = percent(&ltv)
	}
	return l
}

func (s *Server) showLending(c *gin.Context, status int, problem error) error {
	ctx := c.Request.Context()
	p := people.Of(ctx)
	pg := lendingPage{page: s.newPage(c, "政策与额度"), CanAct: p.May("POST /officer/lending/release")}
	pg.Wide = true
	if problem != nil {
		pg.Fault = labelled(gate.ProblemOf(c.Request, problem), map[string]string{"file": "文件"})
	}
	presets, own, err := s.opt.Desk.Policies(ctx, p.Actor())
	if err != nil {
		return err
	}
	for _, k := range slices.Sorted(maps.Keys(presets)) {
		own = append(own, presets[k])
	}
	for i := range own {
		pg.Policies = append(pg.Policies, describePolicy(&own[i]))
		pg.Names = append(pg.Names, choice{own[i].ID + "@" + own[i].Version, cmp.Or(own[i].Name, own[i].ID) + " " + own[i].Version})
	}
	pg.Form, pg.CanPut, pg.Kept = c.Request.URL.Query(), p.May("POST /officer/lending/policies"), c.Query("kept") != ""
	if names := comparedPolicies(pg.Form); len(names) > 0 && problem == nil {
		if pg.Compared, err = s.comparePolicies(c, names); err != nil {
			if status, err = refused(c, &pg.page, err); err != nil {
				return err
			}
		}
	}
	rooms, err := s.opt.Desk.Rooms(ctx, p.Actor())
	if err != nil {
		return err
	}
	for i := range rooms {
		r := &rooms[i]
		pg.Rooms = append(pg.Rooms, roomLine{r.ID + "@" + r.Version, r.Name, zhMoney(r.Total.Amount), zhMoney(r.Left), cmp.Or(r.Source, r.Total.Source), r.Holds})
	}
	programmes := lending.Programmes()
	for _, k := range slices.Sorted(maps.Keys(programmes)) {
		pg.Presets = append(pg.Presets, programmes[k])
	}
	today := calendar.InChina(s.gate.Now())
	parties := map[string]string{"bank": "银行", "fund": "基金", "insurer": "保险", "valuer": "评估机构", "guarantor": "担保", "government": "财政"}
	for _, x := range lending.Schemes() {
		shares := make([]string, len(x.Shares))
		for i, share := range x.Shares {
			shares[i] = fmt.Sprintf("%s %g%%", cmp.Or(parties[share.Party], share.Party), 100*float64(share.Parts)/float64(x.Whole))
		}
		pg.Schemes = append(pg.Schemes, schemeLine{x.ID, x.Name, cmp.Or(strings.Join(shares, "，"), "—"), x.Dated.String(), x.Status(today), x.Source})
	}
	return s.show(c, status, "lending", pg)
}

func describePolicy(x *lending.Policy) policyLine {
	cap := func(k patent.Kind) string {
		f := x.Caps[k].Value
		if f == 0 {
			return "不接受"
		}
		return percent(&f)
	}
	l := policyLine{
		ID: x.ID + "@" + x.Version, Name: x.Name, Label: labelNames[x.Label], Invention: cap(patent.Invention), Utility: cap(patent.UtilityModel), Design: cap(patent.Design), Tenor: "不限",
		Internal: zhMoney(x.InternalLimit.Amount), Negotiated: "不采用", Source: x.Source,
		Alerts: fmt.Sprintf("降%g%%黄、%g%%红；每%g个月重估", 100*x.Yellow.Value, 100*x.Red.Value, x.Revaluation.Value),
	}
	if x.TenorMonths != nil {
		l.Tenor = fmt.Sprintf("%g个月", x.TenorMonths.Value)
	}
	if x.NegotiatedLimit != nil {
		l.Negotiated = zhMoney(x.NegotiatedLimit.Amount)
	}
	return l
}
