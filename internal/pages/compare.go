package pages

import (
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/chart"
	"zhijia/internal/fault"
	"zhijia/internal/gate"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/people"
	"zhijia/internal/watch"
)

type (
	comparedRow struct {
		Name    string
		Differs bool
		Cells   []string
	}
	comparedColumn struct {
		ID, Subject, Asked, Change string
		Causes                     []causeLine
	}
	comparePage struct {
		page
		Columns []comparedColumn
		Rows    []comparedRow // what differs first
	}
)

// compare shows valuations side by side: their figures, what makes them differ,
// and what was asked, what differs first.
func (s *Server) compare(c *gin.Context) error {
	ctx := c.Request.Context()
	v := comparePage{page: s.newPage(c, "并排比较")}
	v.Wide = true
	out, err := s.opt.Appraisal.Compare(ctx, people.Of(ctx).Actor(), c.QueryArray("id"))
	if err != nil {
		if fault.KindOf(err) != fault.Invalid {
			return err
		}
		gate.NoteError(c, err)
		v.Fault = labelled(gate.ProblemOf(c.Request, err), map[string]string{"ids": "所选估值"})
		return s.show(c, v.Fault.Status, "compare", v)
	}
	row := func(name string, of func(*appraisal.Compared) string) {
		r := comparedRow{Name: name}
		for i := range out.Valuations {
			r.Cells = append(r.Cells, of(&out.Valuations[i]))
		}
		r.Differs = slices.ContainsFunc(r.Cells, func(x string) bool { return x != r.Cells[0] })
		v.Rows = append(v.Rows, r)
	}
	line := func(x *appraisal.Compared) listLine {
		return describeLine(appraisal.Summary{Status: string(x.Status), Point: x.Point, Low: x.Low, High: x.High})
	}
	row("金额", func(x *appraisal.Compared) string { return line(x).Figure })
	row("区间", func(x *appraisal.Compared) string { return line(x).Range })
	row("等级", func(x *appraisal.Compared) string { return x.Grade })
	figures := len(v.Rows)
	row("目的", func(x *appraisal.Compared) string { return purposeName(x.Purpose) })
	row("估值基准日", func(x *appraisal.Compared) string { return x.AsOf.String() })
	row("专利", func(x *appraisal.Compared) string {
		return strings.TrimSpace(strings.Join(x.Numbers, "；") + " " + x.Title)
	})
	row("经办", func(x *appraisal.Compared) string { return x.CreatedBy + "，" + shortTime(x.CreatedAt) })
	row("参数版本", func(x *appraisal.Compared) string { return x.Version })
	row("委托方", func(x *appraisal.Compared) string { return x.Request.Borrower })
	forms := make([]url.Values, len(out.Valuations))
	for i := range out.Valuations {
		forms[i] = formOf(out.Valuations[i].Request)
	}
	for _, g := range valuationForm {
		for _, x := range g.Fields {
			r := comparedRow{Name: x.Label}
			if x.Unit != "" {
				r.Name += "（" + x.Unit + "）"
			}
			stated := false
			for _, f := range forms {
				text := f.Get(x.Name)
				if i := slices.IndexFunc(x.Choices, func(c choice) bool { return c.Value == text && text != "" }); i >= 0 {
					text = x.Choices[i].Name
				}
				if runes := []rune(text); len(runes) > 200 {
					text = string(runes[:200]) + "…"
				}
				stated = stated || text != ""
				r.Cells = append(r.Cells, text)
				r.Differs = r.Differs || f.Get(x.Name) != forms[0].Get(x.Name)
			}
			if stated {
				v.Rows = append(v.Rows, r)
			}
		}
	}
	slices.SortStableFunc(v.Rows[figures:], func(a, b comparedRow) int {
		switch {
		case a.Differs == b.Differs:
			return 0
		case a.Differs:
			return -1
		}
		return 1
	})
	for i := range out.Valuations {
		x := &out.Valuations[i]
		col := comparedColumn{ID: x.ID, Subject: strings.TrimSpace(strings.Join(x.Numbers, "；") + " " + x.Title), Asked: fmt.Sprintf("第 %d 份，%s，%s", i+1, purposeName(x.Purpose), shortTime(x.CreatedAt))}
		if i > 0 {
			col.Change = signedZh(x.Change)
			for _, cause := range x.Causes {
				col.Causes = append(col.Causes, causeLine{appraisal.ComparedCause(cause.Key), signedZh(cause.Yuan)})
			}
		}
		v.Columns = append(v.Columns, col)
	}
	return s.show(c, http.StatusOK, "compare", v)
}

type (
	historyLine struct {
		Day, Kind, What, Link string
		at                    time.Time
		below, grave          bool
	}
	historyPage struct {
		page
		Number, Name       string
		Picture, Narrow    template.HTML
		Term, Paid, Next   string
		Lines              []historyLine
		CanValue           bool
		More               bool // there are more valuations than the page shows
		Standing, Lifetime string
	}
)

// historyLines bounds the valuations of one patent that its history shows.
const historyLines = 100

// showHistory shows all that is known of one patent in the order of time: its
// events, alerts, the institution's valuations and loans.
func (s *Server) showHistory(c *gin.Context) error {
	ctx := c.Request.Context()
	p := people.Of(ctx)
	n, err := patent.ParseNumber(c.Param("number"))
	if err != nil {
		return err
	}
	key := string(n.Key())
	v := historyPage{page: s.newPage(c, "专利历史"), Number: key, CanValue: p.May("POST /officer/valuations")}
	line := chart.TimeLine{Label: "保护期、已缴年费的年度与历次事件", Today: calendar.InChina(s.gate.Now()).Time(), TodayLabel: "今天"}
	d, err := s.opt.Dossier.Ask(ctx, p.Institution, formDossier(url.Values{"number": {key}}))
	switch {
	case fault.KindOf(err) == fault.NotFound && err != nil: // the register is silent; what was done here is still shown
	case err != nil:
		return err
	default:
		v.Name, v.Standing = d.Title, d.StandingZh
		if !d.Term.Filing.IsZero() && !d.Term.Expiry.IsZero() {
			line.From, line.To = d.Term.Filing.Time(), d.Term.Expiry.Time()
			v.Term = d.Term.Filing.String() + " 至 " + d.Term.LastProtected.String()
		}
		v.Paid = d.Fees.Zh
		if !d.Fees.Due.IsZero() {
			line.Paid = d.Fees.Due.Time()
			v.Next = fmt.Sprintf("第 %d 年度年费，应于 %s 前缴纳", d.Fees.Year, d.Fees.PayBy)
		}
		add := func(day calendar.Date, what string, grave bool) {
			if !day.IsZero() {
				v.Lines = append(v.Lines, historyLine{Day: day.String(), Kind: "登记", What: what, at: day.Time(), grave: grave})
			}
		}
		add(d.Term.Filing, "申请", false)
		add(d.State.Granted, "授权公告", false)
		for _, e := range d.State.Statements {
			what := patent.Codes[e.Code]
			if e.Party != "" {
				what += "（" + e.Party + "）"
			}
			if len(e.After) > 0 {
				what += "：" + strings.Join(e.Before, "、") + " → " + strings.Join(e.After, "、")
			}
			add(e.Effective, what, strings.HasPrefix(e.Code, "CF") || strings.HasPrefix(e.Code, "CX"))
		}
	}
	alerts, err := s.opt.Watch.Alerts(ctx, p.Institution, watch.AlertQuery{Number: key}, queueLines)
	if err != nil {
		return err
	}
	for i := range alerts {
		a := &alerts[i]
		v.Lines = append(v.Lines, historyLine{Day: a.Date.String(), Kind: "预警", What: v.Say(a.Zh, a.En), Link: "/officer/alerts", at: a.Date.Time(), grave: a.Level == "red"})
	}
	loans, err := s.opt.Appraisal.LoansOn(ctx, p.Actor(), key)
	if err != nil {
		return err
	}
	for _, x := range loans {
		v.Lines = append(v.Lines, historyLine{
			Day: calendar.InChina(x.BookedAt).String(), Kind: "贷款", What: fmt.Sprintf("%s 担保合同 %s 入册，余额 %s，%s 到期", x.Borrower, x.Contract, money.Zh(float64(x.Balance)/100, 4), x.Maturity), Link: "/officer/book", at: x.BookedAt, below: true,
		})
	}
	valued, next, err := s.opt.Appraisal.Valuations(ctx, p.Actor(), appraisal.Query{Number: key}, "", historyLines)
	if err != nil {
		return err
	}
	v.More = next != ""
	for _, x := range valued {
		l := describeLine(x)
		what := l.Purpose + "：" + l.Figure
		if l.Range != "—" {
			what += "（" + l.Range + "）"
		}
		if x.Waiting {
			what += "，人工意见待复核"
		}
		v.Lines = append(v.Lines, historyLine{Day: calendar.InChina(x.CreatedAt).String(), Kind: "估值", What: what, Link: "/officer/valuations/" + x.ID, at: x.CreatedAt, below: true})
		if v.Name == "" {
			v.Name = x.Title
		}
	}
	slices.SortStableFunc(v.Lines, func(a, b historyLine) int { return b.at.Compare(a.at) })
	for _, l := range v.Lines {
		line.Moments = append(line.Moments, chart.Moment{Day: l.at, Label: l.Day + " " + l.What, Below: l.below, Grave: l.grave})
	}
	v.Picture, v.Narrow = line.SVG(920), line.SVG(340)
	return s.show(c, http.StatusOK, "history", v)
}
