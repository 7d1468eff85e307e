package poolfile

import (
	_ "embed"
	"html/template"
	"io"

	"zhijia/internal/calendar"
	"zhijia/internal/money"
	"zhijia/internal/pool"
)

//go:embed report.html
var poolReportHTML string

var poolReportTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"amt": money.Fen.Grouped,
	"sum": func(a, b money.Fen) money.Fen { return a + b },
}).Parse(poolReportHTML))

type poolPaper struct {
	Title, Label, Limit string
	Report              *pool.Periodic
	Notices             []pool.Notice
}

// WritePeriodicHTML writes the asset-management report of a period with
// the notices it calls for.
func WritePeriodicHTML(w io.Writer, p pool.Periodic) error {
	return poolReportTemplate.Execute(w, poolPaper{p.Title, p.Label, p.Limit, &p, p.Notices})
}

//go:embed closed.html
var poolClosedHTML string

var poolClosedTemplate = template.Must(template.New("closed").Funcs(template.FuncMap{
	"amt":    money.Fen.Grouped,
	"zh":     calendar.Date.Zh,
	"status": func(s string) string { return statusZh[s] },
	"opt2":   optional("%.2f", 1),
}).Parse(poolClosedHTML))

var statusZh = map[string]string{"performing": "正常", "late": "逾期", "defaulted": "违约", "repaid": "已清偿"}

// WriteClosedHTML writes the distribution report of a closed period.
func WriteClosedHTML(w io.Writer, c pool.Closed) error { return poolClosedTemplate.Execute(w, c) }

// WriteNoticeHTML writes the draft of one event notice.
func WriteNoticeHTML(w io.Writer, label string, n pool.Notice) error {
	return poolReportTemplate.Execute(w, poolPaper{n.Title, label, pool.Disclaimer, nil, []pool.Notice{n}})
}
