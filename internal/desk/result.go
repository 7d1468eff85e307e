package desk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"path/filepath"
	"strings"

	"zhijia/internal/appraisal"
	"zhijia/internal/deskfile"
	"zhijia/internal/fault"
	"zhijia/internal/store"
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
	sum := sha256.New()
	if err := write(io.MultiWriter(w, sum), r); err != nil {
		return "", err
	}
	// It leaves the service, so it is on record before a byte of it does.
	return strings.TrimSuffix(r.Name, filepath.Ext(r.Name)) + "-估值结果." + format, d.db.Record(ctx, store.Act{
		Institution: actor.Institution, Actor: actor.Name, Action: "batch.download", Subject: id, Detail: map[string]any{"format": format, "sha256": hex.EncodeToString(sum.Sum(nil))},
	})
}
