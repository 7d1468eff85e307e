package deskfile

import (
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"

	"zhijia/internal/calendar"
	"zhijia/internal/lending"
	"zhijia/internal/money"
	"zhijia/internal/opinion"
)

//go:embed opinion.html
var rowOpinionHTML string

var rowOpinionPage = template.Must(template.New("row").Funcs(template.FuncMap{
	"basis": func(b lending.Basis) string { return basesZh[b] },
	"does":  func(s lending.Severity) string { return severityZh[s] },
	"wan":   func(f money.Fen) string { return money.Zh(f.Yuan(), 4) },
	"route": func(r lending.Route) string { return routeZh[r] },
	"band":  func(b string) string { return bandZh[b] },
	"method": func(m lending.Method) string {
		return fmt.Sprintf("%s %s（权重%.0f%%）", cmp.Or(methodZh[m.Name], m.Name), money.Zh(m.Value, 3), 100*m.Weight)
	},
	"percent": func(x *float64) string {
		if x == nil {
			return "—"
		}
		return fmt.Sprintf("%.1f%%", 100**x)
	},
	"times100": func(x float64) float64 { return 100 * x },
	"date":     func(d calendar.Date) string { return cmp.Or(dateText(d), "—") },
	"join":     func(s []string) string { return strings.Join(s, "、") },
	"first":    func(s []string, n int) []string { return s[:min(len(s), n)] },
}).Parse(rowOpinionHTML))

// RowOpinion is one row of a decided batch for [WriteRowOpinion].
type RowOpinion struct {
	*Outcome
	Batch     string
	On        calendar.Date
	Contract  *lending.Contract // nil while the batch is not decided
	Valuation string            // id of the stored valuation
	Opinion   *opinion.Opinion  // in full behind the page; nil: the page alone
}

// WriteRowOpinion writes one row of a batch as a printable page, Chinese and
// self-contained: the decision, each reason with its rule, evidence and source,
// the value it rests on and the contract as a whole. All text is escaped.
func WriteRowOpinion(w io.Writer, o RowOpinion) error {
	data := struct {
		RowOpinion
		Notice, Label, Rules, Versions string
		Style                          template.CSS
		Full                           template.HTML
		AIGC                           string
	}{RowOpinion: o, Notice: Notice, Label: batchLabel, Rules: lending.RulesOf(&o.Decision), Versions: o.Valued.Versions["assumptions"]}
	if o.Opinion != nil {
		data.AIGC = o.Opinion.AIGC()
		var err error
		if data.Style, data.Full, err = o.Opinion.Fragment(opinion.Zh); err != nil {
			return err
		}
	}
	return rowOpinionPage.Execute(w, data)
}
