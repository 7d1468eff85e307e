package desk

import (
	"context"
	"io"
	"path/filepath"
	"strings"

	"zhijia/internal/appraisal"
	"zhijia/internal/deskfile"
	"zhijia/internal/fault"
)

// The formats of a batch's results.
const (
	XLSX = "xlsx"
	CSV  = "csv"
)

// WriteResult writes the results of a finished batch in a format and returns
// the name of the file, made from the name of the desk's own.
func (d *Desk) WriteResult(ctx context.Context, actor appraisal.Actor, id, format string, w io.Writer) (name string, err error) {
	defer fault.Wrap(&err, "desk.WriteResult(%s)", id)
	write := deskfile.WriteBook
	switch format {
	case XLSX:
	case CSV:
		write = deskfile.WriteCSV
	default:
		return "", fault.New(fault.Invalid, "field.enum", "format 应为 xlsx 或 csv。", "format must be xlsx or csv.",
			fault.Field{Field: "query.format", Code: "field.enum", Zh: "应为 xlsx 或 csv", En: "must be xlsx or csv"})
	}
	r, err := d.Result(ctx, actor, id)
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(r.Name, filepath.Ext(r.Name)) + "-估值结果." + format, write(w, r)
}
