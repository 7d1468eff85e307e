package office

import (
	_ "embed"
	"html/template"
	"io"

	"zhijia/internal/lending"
)

//go:embed batch_opinion.html
var rowOpinionHTML string

var rowOpinionPage = template.Must(template.New("row").Funcs(template.FuncMap{
	"reason": func(r lending.Reason) string { return reasonZh(&r) },
	"basis":  func(b lending.Basis) string { return basesZh[b] },
	"does":   func(s lending.Severity) string { return severityZh[s] },
}).Parse(rowOpinionHTML))

// WriteRowOpinion writes one row of a batch as a printable page, Chinese and
// self-contained: the decision with its reasons, then the opinion when the
// patent was valued. All text is escaped.
func WriteRowOpinion(w io.Writer, out *BatchOutcome, o *Opinion) error {
	data := struct {
		*BatchOutcome
		Notice, Label string
		Amount        string
		Style         template.CSS
		Opinion       template.HTML
		AIGC          string
	}{BatchOutcome: out, Notice: BatchNotice, Label: batchLabel, Amount: out.Decision.Recommended.String()}
	if o != nil {
		data.AIGC = o.AIGC()
		var err error
		if data.Style, data.Opinion, err = o.Fragment(Zh); err != nil {
			return err
		}
	}
	return rowOpinionPage.Execute(w, data)
}
