package office

import (
	_ "embed"
	"html/template"
	"io"

	"zhijia/internal/money"
	"zhijia/internal/pool"
)

//go:embed pool_report.html
var poolReportHTML string

var poolReportTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"amt": groupedFen,
	"sum": func(a, b money.Fen) money.Fen { return a + b },
}).Parse(poolReportHTML))

type poolPaper struct {
	Title, Label, Limit string
	Report              *pool.Periodic
	Notices             []pool.Notice
}

// WritePoolPeriodicHTML writes the asset-management report of a period with
// the notices it calls for.
func WritePoolPeriodicHTML(w io.Writer, p pool.Periodic) error {
	return poolReportTemplate.Execute(w, poolPaper{p.Title, p.Label, p.Limit, &p, p.Notices})
}

// WritePoolNoticeHTML writes the draft of one event notice.
func WritePoolNoticeHTML(w io.Writer, label string, n pool.Notice) error {
	return poolReportTemplate.Execute(w, poolPaper{n.Title, label, pool.Disclaimer, nil, []pool.Notice{n}})
}
