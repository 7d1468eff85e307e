// Package intake takes files of patents, deals and citations into the store:
// streaming, batch by batch, each batch wholly or not at all. Start with
// [Run]. A file that stopped half-way is completed by running it again.
package intake

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/fault"
	"zhijia/internal/sheet"
	"zhijia/internal/store"
)

// Reject says why a row was not taken.
type Reject struct {
	Row   int    `json:"row"`
	Field string `json:"field,omitempty"`
	Code  string `json:"code"`
	Zh    string `json:"zh"`
	En    string `json:"en"`
}

// Report is the outcome of one file.
type Report struct {
	ID       string   `json:"id"`
	Dataset  string   `json:"dataset"`
	Name     string   `json:"name"`
	DryRun   bool     `json:"dry_run,omitempty"`
	Accepted int64    `json:"accepted"`
	Rejected int64    `json:"rejected"`
	Rejects  []Reject `json:"rejects"` // the first of them
	Ignored  []string `json:"ignored_columns,omitempty"`
}

// Options of one run.
type Options struct {
	DryRun   bool               // check every row, store nothing
	Progress func(rows int64)   // rows done so far, taken or not
	Reject   func(Reject) error // every rejected row, as it is found
}

const (
	batchRows      = 1000
	keptRejects    = 1000
	maxFaultsOfRow = 20
)

// Datasets lists what can be taken in.
func Datasets() []string {
	names := make([]string, 0, len(datasets))
	for name := range datasets {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// dataset describes one kind of file: its columns, how a row is checked, and
// how a batch of checked rows is merged.
type dataset struct {
	columns map[string][]string // field -> headers that name it, folded
	// parse checks a row and returns the record to store.
	parse func(*reader) any
	// merge stores a batch in one transaction.
	merge func(ctx context.Context, db *store.DB, svc *appraisal.Service, batch []any) error
}

var datasets = map[string]dataset{
	"patents":      patents,
	"transactions": transactions,
	"citations":    citations,
	"events":       events,
}

// Run takes one file in. It stops at an error of the file or the store; faults
// of rows are reported and do not stop it.
func Run(ctx context.Context, db *store.DB, svc *appraisal.Service, actor appraisal.Actor, name, file string, r io.Reader, o Options) (rep Report, err error) {
	defer fault.Wrap(&err, "intake.Run(%s, %s)", name, file)
	ctx = store.As(ctx, actor.Institution)
	ds, ok := datasets[name]
	if !ok {
		return rep, fault.New(fault.NotFound, "dataset.unknown", "没有数据集 "+name+"，应为："+strings.Join(Datasets(), "、")+"。", "There is no dataset "+name+"; it is one of "+strings.Join(Datasets(), ", ")+".")
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	rep = Report{ID: store.NewID("imp", now), Dataset: name, Name: file, DryRun: o.DryRun}
	record := store.Import{ID: rep.ID, Institution: actor.Institution, Dataset: name, Name: file, By: actor.Name, StartedAt: now}
	save := func(ctx context.Context, finished bool) error {
		if o.DryRun {
			return nil
		}
		if finished {
			t := time.Now().UTC().Truncate(time.Microsecond)
			record.FinishedAt = &t
		}
		record.Accepted, record.Rejected = rep.Accepted, rep.Rejected
		rejects, err := json.Marshal(rep.Rejects)
		if err != nil {
			return err
		}
		record.Rejects = rejects
		return db.PutImport(ctx, record)
	}
	if err := save(ctx, false); err != nil {
		return rep, err
	}
	failed := run(ctx, db, svc, ds, file, r, o, &rep, func() error { return save(ctx, false) })
	if failed == nil && name == "transactions" && !o.DryRun && rep.Accepted > 0 {
		_, failed = Screen(ctx, db, actor)
	}
	if failed != nil {
		record.Error = fault.Public(failed).Zh
	}
	return rep, errors.Join(failed, save(context.WithoutCancel(ctx), failed == nil))
}

func run(ctx context.Context, db *store.DB, svc *appraisal.Service, ds dataset, file string, r io.Reader, o Options, rep *Report, save func() error) error {
	names, rank := map[string]string{}, map[string]int{} // folded header -> field, and its place among the field's headers
	for field, headers := range ds.columns {
		names[field] = field
		for i, h := range headers {
			names[sheet.Header(h)], rank[sheet.Header(h)] = field, i+1
		}
	}
	reject := func(x Reject) error {
		rep.Rejected++
		if len(rep.Rejects) < keptRejects {
			rep.Rejects = append(rep.Rejects, x)
		}
		if o.Reject != nil {
			return o.Reject(x)
		}
		return nil
	}
	batch := make([]any, 0, batchRows)
	flush := func() error {
		if len(batch) > 0 && !o.DryRun {
			if err := ds.merge(ctx, db, svc, batch); err != nil {
				return err
			}
		}
		rep.Accepted += int64(len(batch))
		batch = batch[:0]
		if o.Progress != nil {
			o.Progress(rep.Accepted + rep.Rejected)
		}
		return save()
	}
	checked := false
	header := func(cells []string) bool { // titles may stand above it
		known, all := 0, 0
		for _, c := range cells {
			if h := sheet.Header(c); h != "" {
				all++
				if _, _, ok := resolve(names, h); ok {
					known++
				}
			}
		}
		return known >= 2 || known > 0 && known == all
	}
	for row, err := range sheet.Below(r, file, sheet.Layout{Header: header}) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			if fault.Public(err).Code == "file.no_number" {
				return errColumns
			}
			if row.Number == 0 {
				return err
			}
			pub := fault.Public(err)
			if err := reject(Reject{Row: row.Number, Code: pub.Code, Zh: pub.Zh, En: pub.En}); err != nil {
				return err
			}
			continue
		}
		in := &reader{cells: make(map[string]string, len(row.Cells))}
		ignore := func(header string) {
			if !slices.Contains(rep.Ignored, header) && len(rep.Ignored) < 100 {
				rep.Ignored = append(rep.Ignored, header)
			}
		}
		// Of two headers that mean one field the one that stands first in the
		// dataset's table counts, whatever the file's order; the other is named.
		for _, header := range slices.SortedFunc(maps.Keys(row.Cells), func(a, b string) int {
			return cmp.Or(cmp.Compare(place(rank, a), place(rank, b)), cmp.Compare(a, b))
		}) {
			cell := row.Cells[header]
			if cell == "-" || cell == "--" || cell == "/" { // a vendor's mark for empty
				cell = ""
			}
			field, unit, ok := resolve(names, header)
			if !ok {
				ignore(header)
				continue
			}
			if _, taken := in.cells[field]; taken {
				ignore(header)
				continue
			}
			in.cells[field] = cell
			if unit != "" {
				in.cells["unit"] = unit
			}
		}
		if !checked && len(in.cells) == 0 {
			return errColumns
		}
		checked = true
		x := ds.parse(in)
		if len(in.faults) > 0 {
			for _, f := range in.faults[:min(len(in.faults), maxFaultsOfRow)] {
				if err := reject(Reject{row.Number, f.Field, f.Code, f.Zh, f.En}); err != nil {
					return err
				}
			}
			rep.Rejected -= int64(min(len(in.faults), maxFaultsOfRow)) - 1 // a row counts once
			continue
		}
		if batch = append(batch, x); len(batch) == batchRows {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	slices.Sort(rep.Ignored)
	return flush()
}

var errColumns = fault.New(fault.Invalid, "file.columns_unknown", "表头中没有可识别的列，请下载模板或查看文档。", "None of the columns is known; see the documentation for their names.")

// place is where a header stands among those of its field; a unit in brackets
// changes nothing.
func place(rank map[string]int, header string) int {
	if i, ok := rank[header]; ok {
		return i
	}
	name, _, _ := strings.Cut(header, "(")
	return rank[name]
}

// resolve finds the field a header names; a unit in brackets is declared with
// the header: 成交价(万元).
func resolve(names map[string]string, header string) (field, unit string, ok bool) {
	if field, ok = names[header]; ok {
		return field, "", true
	}
	name, rest, found := strings.Cut(header, "(")
	if !found {
		return "", "", false
	}
	if field, ok = names[name]; !ok {
		return "", "", false
	}
	unit = strings.TrimSuffix(rest, ")")
	if field != "amount" {
		unit = ""
	}
	return field, unit, true
}

// embed returns the active space and the vectors of texts when the space is
// local; an endpoint's vectors are made afterwards, because a slow endpoint
// must not hold rows back.
func embed(ctx context.Context, svc *appraisal.Service, texts []string) (int, [][]float32, error) {
	if svc == nil {
		return 0, nil, nil
	}
	space, vectors, err := svc.Spaces().EmbedLocally(ctx, texts)
	if err != nil {
		return 0, nil, fmt.Errorf("embedding a batch: %w", err)
	}
	return space, vectors, nil
}
