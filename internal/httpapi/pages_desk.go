package httpapi

import (
	"cmp"
	"encoding/json"
	"fmt"
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
	"zhijia/internal/lending"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/store"
)

var batchStatusNames = map[store.BatchStatus]string{store.BatchRunning: "进行中", store.BatchCancelled: "已取消", store.BatchFinished: "已完成"}

var rowStatusNames = map[store.RowStatus]string{store.RowWaiting: "待处理", store.RowDone: "已估值", store.RowFailed: "处理失败", store.RowRefused: "数据有误"}

var alertNames = map[string]string{"drop": "估值下降", "ended": "权利失效", "breach": "超过质押率上限", "cover": "预计将超限", "expiry": "先于贷款到期", "failed": "无法重估"}

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
		Reasons                                                                             []string
		More                                                                                int
	}
	batchPage struct {
		page
		ID, Name, Created, By, Status, Policy, Date, SHA string
		State                                            store.BatchStatus
		Progress                                         store.Progress
		Percent                                          int
		Verdicts                                         []tally
		Filter                                           string
		Contracts                                        []contractLine
		MoreContracts                                    int
		Rows                                             []rowLine
		After, Next                                      int
		CanAct                                           bool
	}
	alertLine struct {
		ID                                                           int64
		Level, Kind, Contract, Number, On, Old, New, Fall, Zh, Cause string
		AckedBy, AckedAt, Note                                       string
	}
	loanLine struct {
		Contract, Borrower, Balance, Maturity, Product, LTV string
		Amount                                              money.Fen
		Standing                                            []choice
		Patents                                             []bookedLine
	}
	bookedLine struct{ Number, First, Value, Change, ValuedOn, Due, Expiry, Valuation string }
	bookPage   struct {
		page
		Alerts []alertLine
		All    bool
		Loans  []loanLine
		Next   string
		CanAct bool
	}
	policyLine struct{ ID, Name, Label, Invention, Utility, Design, Tenor, Internal, Negotiated, Alerts, Source string }
	roomLine   struct {
		ID, Name, Total, Left, Source string
		Holds                         []store.Hold
	}
	schemeLine  struct{ ID, Name, Shares, Dated, Status, Source string }
	lendingPage struct {
		page
		Policies []policyLine
		Rooms    []roomLine
		Presets  []lending.Programme
		Schemes  []schemeLine
		CanAct   bool
	}
)

func registerDeskPages(s *Server) {
	s.pageRoute(http.MethodGet, "/officer/batches", func(c *gin.Context) error {
		return s.showBatches(c, http.StatusOK, url.Values{"date": {calendar.InChina(s.opt.Now()).String()}}, nil)
	})
	s.filePageRoute(http.MethodPost, "/officer/batches", s.opt.MaxUpload, s.submitBatchPage)
	s.pageRoute(http.MethodGet, "/officer/batch-template", func(c *gin.Context) error {
		attach(c, xlsxType, "zhijia-batch-template.xlsx", "知价批量估值模板.xlsx")
		return deskfile.WriteTemplate(c.Writer)
	})
	s.pageRoute(http.MethodGet, "/officer/batches/{id}", func(c *gin.Context) error { return s.showBatch(c, http.StatusOK, nil) })
	s.pageRoute(http.MethodPost, "/officer/batches/{id}/{act}", s.actOnBatch)
	s.filePageRoute(http.MethodGet, "/officer/batches/{id}/result", 1<<20, s.batchResult)
	s.pageRoute(http.MethodGet, "/officer/batches/{id}/rows/{line}/opinion", s.batchOpinion)
	s.pageRoute(http.MethodGet, "/officer/book", func(c *gin.Context) error { return s.showBook(c, http.StatusOK, nil) })
	s.pageRoute(http.MethodPost, "/officer/book/balance", func(c *gin.Context) error {
		ctx := c.Request.Context()
		p, _ := principalOf(ctx)
		balance, err := money.Parse(c.PostForm("balance"), money.Yuan)
		if err != nil {
			err = fault.New(fault.Invalid, "amount.shape", "余额应为金额（元），最多两位小数。", "The balance must be an amount in yuan.")
		} else {
			var outcome *store.Outcome
			if kind := c.PostForm("outcome"); kind != "" {
				outcome = &store.Outcome{Kind: kind}
			}
			err = s.opt.Desk.SetBalance(ctx, p.actor(), c.PostForm("contract"), balance, outcome)
		}
		return s.backTo(c, "/officer/book", err, s.showBook)
	})
	s.pageRoute(http.MethodPost, "/officer/book/alerts/{id}", func(c *gin.Context) error {
		ctx := c.Request.Context()
		p, _ := principalOf(ctx)
		id, err := strconv.ParseInt(c.Param("id"), 10, 64)
		note := strings.TrimSpace(c.PostForm("note"))
		switch {
		case err != nil:
			return fault.New(fault.NotFound, "book.alert_unknown", "没有这条预警。", "There is no such alert.")
		case note == "" || len(note) > 2000:
			err = fault.New(fault.Invalid, "note.missing", "请写明处理意见（不超过 2000 字节）。", "Say what follows from it.")
		default:
			err = s.opt.DB.AcknowledgeAlert(ctx, p.Institution, id, p.actor().Name, note, s.opt.Now())
		}
		return s.backTo(c, "/officer/book", err, s.showBook)
	})
	s.pageRoute(http.MethodGet, "/officer/lending", func(c *gin.Context) error { return s.showLending(c, http.StatusOK, nil) })
	s.pageRoute(http.MethodPost, "/officer/lending/release", func(c *gin.Context) error {
		ctx := c.Request.Context()
		p, _ := principalOf(ctx)
		return s.backTo(c, "/officer/lending", s.opt.Desk.ReleaseHold(ctx, p.actor(), c.PostForm("contract"), c.PostForm("reason")), s.showLending)
	})
}

// backTo ends a form: what the user can mend is shown on the page it came
// from.
func (s *Server) backTo(c *gin.Context, path string, err error, show func(*gin.Context, int, error) error) error {
	switch k := fault.KindOf(err); {
	case err == nil:
		c.Redirect(http.StatusSeeOther, path)
		return nil
	case k == fault.Invalid || k == fault.NotFound || k == fault.Conflict || k == fault.TooLarge:
		noteError(c, err)
		return show(c, k.HTTPStatus(), err)
	}
	return err
}

func (s *Server) showBatches(c *gin.Context, status int, form url.Values, problem error) error {
	ctx := c.Request.Context()
	p, _ := principalOf(ctx)
	at, id, err := readCursor(c.Query("cursor"))
	if err != nil {
		return err
	}
	const lines = 20
	found, err := s.opt.DB.Batches(ctx, p.Institution, at, id, lines+1)
	if err != nil {
		return err
	}
	pg := batchesPage{page: s.newPage(c, "批量估值"), CanSubmit: permitted(p.Roles, access["POST /officer/batches"])}
	pg.Form = form
	pg.Wide = true
	if problem != nil {
		pg.Fault = problemOf(c.Request, problem)
	}
	if len(found) > lines {
		found = found[:lines]
		pg.Next = makeCursor(found[lines-1].CreatedAt, found[lines-1].ID)
	}
	for i := range found {
		b, err := describeBatch(&found[i])
		if err != nil {
			return err
		}
		pg.List = append(pg.List, batchLine{b.ID, b.Name, shortTime(b.CreatedAt), batchStatusNames[b.Status], b.Policy, b.Rows})
	}
	presets, own, err := s.opt.Desk.Policies(ctx, p.actor())
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
	programmes, err := s.opt.Desk.Programmes(ctx, p.actor())
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

func (s *Server) submitBatchPage(c *gin.Context) error {
	ctx := c.Request.Context()
	p, _ := principalOf(ctx)
	form := c.Request.PostForm
	again := func(err error) error {
		switch k := fault.KindOf(err); k {
		case fault.Invalid, fault.NotFound, fault.Unsupported, fault.TooLarge:
			noteError(c, err)
			return s.showBatches(c, k.HTTPStatus(), url.Values{"date": form["date"], "policy": form["policy"], "unit": form["unit"], "product": form["product"], "priority": form["priority"]}, err)
		}
		return err
	}
	head, err := c.FormFile("file")
	if err != nil || head.Size == 0 {
		return again(errUploadFile)
	}
	o := desk.Options{Unit: c.PostForm("unit"), Product: c.PostForm("product")}
	if o.Unit != "" && o.Unit != "元" && o.Unit != "万元" {
		return again(fault.New(fault.Invalid, "unit.unknown", "单位应为元或万元。", "The unit must be 元 or 万元."))
	}
	if d := c.PostForm("date"); d != "" {
		if o.Date, err = calendar.Parse(d); err != nil {
			return again(fault.New(fault.Invalid, "field.date", "估值基准日不是有效日期。", "The valuation date is not a date."))
		}
	}
	if x := c.PostForm("priority"); x != "" {
		if o.Priority, err = strconv.Atoi(x); err != nil {
			return again(fault.New(fault.Invalid, "batch.priority", "优先级应为 1 到 4。", "The priority must be 1 to 4."))
		}
	}
	if o.Policy, err = s.opt.Desk.Policy(ctx, p.actor(), c.PostForm("policy")); err != nil {
		return again(err)
	}
	if o.Programmes, err = s.opt.Desk.WithProgrammes(ctx, p.actor(), nil); err != nil {
		return again(err)
	}
	file, err := head.Open()
	if err != nil {
		return err
	}
	defer file.Close()
	b, _, err := s.opt.Desk.Submit(ctx, p.actor(), fileName(head.Filename), file, o)
	if err != nil {
		return again(err)
	}
	c.Redirect(http.StatusSeeOther, "/officer/batches/"+b.ID)
	return nil
}

func (s *Server) actOnBatch(c *gin.Context) error {
	ctx := c.Request.Context()
	p, _ := principalOf(ctx)
	id := c.Param("id")
	var err error
	back := "/officer/batches/" + url.PathEscape(id)
	switch c.Param("act") {
	case "cancel":
		err = s.opt.Desk.Cancel(ctx, p.actor(), id)
	case "resume":
		err = s.opt.Desk.Resume(ctx, p.actor(), id)
	case "retry":
		_, err = s.opt.Desk.Retry(ctx, p.actor(), id)
	case "decide":
		err = s.opt.Desk.DecideAgain(ctx, p.actor(), id)
	case "book":
		var l desk.Loan
		if l, err = s.opt.Desk.LoanOf(ctx, p.actor(), id, c.PostForm("contract")); err == nil {
			_, err = s.opt.Desk.Book(ctx, p.actor(), l)
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
	p, _ := principalOf(ctx)
	b, err := s.opt.Desk.Batch(ctx, p.actor(), c.Param("id"))
	if err != nil {
		return err
	}
	info, err := describeBatch(&b)
	if err != nil {
		return err
	}
	pg := batchPage{
		page: s.newPage(c, b.Name), ID: b.ID, Name: b.Name, Created: shortTime(b.CreatedAt), By: b.CreatedBy, Status: batchStatusNames[b.Status], State: b.Status,
		Policy: info.Policy, Date: b.AsOf.String(), SHA: info.SHA256[:12], CanAct: permitted(p.Roles, access["POST /officer/batches/{id}/{act}"]),
	}
	pg.Wide = true
	if problem != nil {
		pg.Fault = problemOf(c.Request, problem)
	}
	if pg.Progress, err = s.opt.DB.BatchProgress(ctx, b.ID); err != nil {
		return err
	}
	if pg.Progress.Rows > 0 {
		pg.Percent = 100 * pg.Progress.Ended() / pg.Progress.Rows
	}
	if b.Status == store.BatchRunning && problem == nil {
		pg.Refresh = 3
	}
	if b.Status == store.BatchFinished {
		counts, err := s.opt.DB.BatchVerdicts(ctx, b.ID)
		if err != nil {
			return err
		}
		for _, v := range []lending.Verdict{lending.Accept, lending.Supplement, lending.Refuse} {
			pg.Verdicts = append(pg.Verdicts, tally{string(v), v.Zh(), counts[string(v)]})
		}
		r, err := s.opt.Desk.Result(ctx, p.actor(), b.ID)
		if err != nil {
			return err
		}
		pg.MoreContracts = max(0, len(r.Contracts)-batchPageContracts)
		for i := range r.Contracts[:len(r.Contracts)-pg.MoreContracts] {
			pg.Contracts = append(pg.Contracts, describeContract(&r.Contracts[i], b.AsOf))
		}
	}
	pg.After, _ = strconv.Atoi(c.Query("after"))
	pg.Filter = c.Query("verdict")
	var rows []store.BatchRow
	if pg.Filter != "" && b.Status == store.BatchFinished {
		rows, err = s.opt.DB.BatchRowsDecided(ctx, b.ID, pg.Filter, pg.After, batchPageRows+1)
	} else {
		rows, err = s.opt.DB.BatchRows(ctx, b.ID, "", pg.After, batchPageRows+1)
	}
	if err != nil {
		return err
	}
	if len(rows) > batchPageRows {
		rows = rows[:batchPageRows]
		pg.Next = rows[batchPageRows-1].Line
	}
	for i := range rows {
		l, err := describeRow(&rows[i])
		if err != nil {
			return err
		}
		pg.Rows = append(pg.Rows, l)
	}
	return s.show(c, status, "batch", pg)
}

func describeContract(x *lending.Contract, on calendar.Date) contractLine {
	l := contractLine{
		Key: x.Key, Borrower: x.Borrower, Loan: zhMoney(x.Loan), Recommended: zhMoney(x.Recommended), Route: routeNames[x.Route], LTV: percent(x.LTV), Mixed: percent(x.Mixed),
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

func describeRow(row *store.BatchRow) (rowLine, error) {
	out, err := desk.ReadOutcome(row)
	if err != nil {
		return rowLine{}, err
	}
	v, d := &out.Valued, &out.Decision
	l := rowLine{
		Line: row.Line, Number: v.Row.Number, Title: v.Row.Title, Borrower: v.Row.Borrower, Contract: v.Row.Contract, Status: rowStatusNames[row.Status],
		Value: "—", Recommended: "—", Verdict: d.Verdict.Zh(), Code: string(d.Verdict),
	}
	if row.Status == store.RowDone {
		if v.Point > 0 {
			l.Value, l.Range = zhMoney(v.Point), zhMoney(v.Low)+" 至 "+zhMoney(v.High)
		}
		if d.Verdict != "" {
			l.Recommended = zhMoney(d.Recommended)
		}
	}
	var all []string
	for _, f := range out.Faults {
		all = append(all, f.Code+" "+f.Zh)
	}
	for _, severity := range []lending.Severity{lending.Refuses, lending.Supplements, lending.Warns} {
		for _, r := range d.Reasons {
			if r.Severity == severity && row.Status == store.RowDone {
				text := r.Code + " " + r.Zh
				if severity == lending.Warns {
					text += "（提示）"
				}
				all = append(all, text)
			}
		}
	}
	l.Reasons = all[:min(len(all), 4)]
	l.More = len(all) - len(l.Reasons)
	return l, nil
}

func zhMoney(f money.Fen) string { return money.Zh(f.Yuan(), 4) }

func percent(x *float64) string {
	if x == nil {
		return "—"
	}
	return strconv.FormatFloat(100**x, 'f', 1, 64) + "%"
}

// shortTime is a moment as an officer in China reads it.
func shortTime(t time.Time) string { return t.In(calendar.China).Format("2006-01-02 15:04") }

func (s *Server) showBook(c *gin.Context, status int, problem error) error {
	ctx := c.Request.Context()
	p, _ := principalOf(ctx)
	pg := bookPage{page: s.newPage(c, "在册押品"), All: c.Query("all") != "", CanAct: permitted(p.Roles, access["POST /officer/book/alerts/{id}"])}
	pg.Wide = true
	if problem != nil {
		pg.Fault = problemOf(c.Request, problem)
	}
	alerts, err := s.opt.DB.BookAlerts(ctx, p.Institution, !pg.All, 0, 200)
	if err != nil {
		return err
	}
	slices.Reverse(alerts)
	for i := range alerts {
		l, err := describeAlert(&alerts[i])
		if err != nil {
			return err
		}
		pg.Alerts = append(pg.Alerts, l)
	}
	const lines = 50
	loans, err := s.opt.DB.BookLoans(ctx, p.Institution, c.Query("after"), lines+1)
	if err != nil {
		return err
	}
	if len(loans) > lines {
		loans = loans[:lines]
		pg.Next = loans[lines-1].Contract
	}
	for i := range loans {
		pg.Loans = append(pg.Loans, describeLoan(&loans[i]))
	}
	return s.show(c, status, "book", pg)
}

func describeAlert(a *store.BookAlert) (alertLine, error) {
	var d struct {
		Zh        string   `json:"zh"`
		Threshold string   `json:"threshold"`
		Events    []string `json:"events"`
	}
	if err := json.Unmarshal(a.Detail, &d); err != nil {
		return alertLine{}, err
	}
	l := alertLine{
		ID: a.ID, Level: a.Level, Kind: cmp.Or(alertNames[a.Kind], a.Kind), Contract: a.Contract, Number: cmp.Or(a.Number, "整个合同"), On: a.On.String(), Old: zhMoney(a.Old), New: zhMoney(a.New),
		Zh: d.Zh, Cause: map[string]string{"schedule": "定期重估", "event": "法律事件", "request": "登记或更新"}[a.Cause], AckedBy: a.AcknowledgedBy, Note: a.Note,
	}
	if a.Old > 0 && a.New < a.Old {
		fall := 1 - float64(a.New)/float64(a.Old)
		l.Fall = "↓" + percent(&fall)
	}
	if a.AcknowledgedAt != nil {
		l.AckedAt = shortTime(*a.AcknowledgedAt)
	}
	return l, nil
}

func describeLoan(x *store.BookLoan) loanLine {
	l := loanLine{Contract: x.Contract, Borrower: x.Borrower, Balance: zhMoney(x.Balance), Amount: x.Balance, Maturity: x.Maturity.String(), Product: x.Product, LTV: "—"}
	for _, code := range x.Standing {
		kind, number, _ := strings.Cut(code, ":")
		level := "red"
		if kind == "cover" || kind == "failed" {
			level = "yellow"
		}
		l.Standing = append(l.Standing, choice{level, strings.TrimSpace(cmp.Or(alertNames[kind], kind) + " " + number)})
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
	p, _ := principalOf(ctx)
	pg := lendingPage{page: s.newPage(c, "政策与额度"), CanAct: permitted(p.Roles, access["POST /officer/lending/release"])}
	pg.Wide = true
	if problem != nil {
		pg.Fault = problemOf(c.Request, problem)
	}
	presets, own, err := s.opt.Desk.Policies(ctx, p.actor())
	if err != nil {
		return err
	}
	for _, k := range slices.Sorted(maps.Keys(presets)) {
		own = append(own, presets[k])
	}
	for i := range own {
		pg.Policies = append(pg.Policies, describePolicy(&own[i]))
	}
	rooms, err := s.opt.Desk.Rooms(ctx, p.actor())
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
	today := calendar.InChina(s.opt.Now())
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
