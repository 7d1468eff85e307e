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
	"iter"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/connect"
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
	ID           string   `json:"id"`
	Dataset      string   `json:"dataset"`
	Name         string   `json:"name"`
	DryRun       bool     `json:"dry_run,omitempty"`
	Accepted     int64    `json:"accepted"`
	Rejected     int64    `json:"rejected"`
	Rejects      []Reject `json:"rejects"` // the first of them
	Ignored      []string `json:"ignored_columns,omitempty"`
	IgnoredParts []string `json:"ignored_parts,omitempty"`  // of an upload, behind its file
	Unread       []Unread `json:"unread_columns,omitempty"` // the same, with what each may mean

	Source     string            `json:"source,omitempty"`      // whose file it is, by its shape; several are parted by commas
	SourceName string            `json:"source_name,omitempty"` // for people
	Mapping    map[string]string `json:"mapping,omitempty"`     // header -> field that it was read to, "-": known and not taken
	Terms      string            `json:"terms,omitempty"`       // what the source allows
	Preview    []connect.Record  `json:"preview,omitempty"`     // of a dry run, the first records as they would be stored
	Events     int64             `json:"events,omitempty"`      // legal events that came with the records
	Notes      []string          `json:"notes,omitempty"`       // what was not understood and is kept in its own words; the first of them
}

// Options of one run.
type Options struct {
	DryRun   bool               // check every row, store nothing
	Progress func(rows int64)   // rows done so far, taken or not
	Reject   func(Reject) error // every rejected row, as it is found

	// Map says what further headers mean: a field of the dataset, or one of its
	// headers, by header; "" has the header left unread. It is remembered for
	// files with the same headers, and outranks what is known.
	Map map[string]string

	Record func(connect.Record) error // every record of a file of patents, as it is read

	PDF bool // a PDF may be read: for a command, whose files are the user's own
}

const (
	keptPreview    = 20
	keptNotes      = 50
	batchRows      = 1000
	keptRejects    = 1000
	maxFaultsOfRow = 20
	keptUnread     = 100
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
	known := headersOf(ds, name)
	if err := known.say(o.Map); err != nil {
		return rep, err
	}
	if db != nil {
		has, err := db.HasColumnMaps(ctx, actor.Institution)
		if err != nil {
			return rep, err
		}
		if has || len(o.Map) > 0 {
			known.db, known.institution = db, actor.Institution
		}
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
	failed := take(ctx, db, svc, ds, known, actor.Name, file, r, o, &rep, func() error { return save(ctx, false) })
	if failed == nil && name == "transactions" && !o.DryRun && rep.Accepted > 0 {
		_, failed = Screen(ctx, db, actor)
	}
	if failed != nil {
		record.Error = fault.Public(failed).Zh
	}
	return rep, errors.Join(failed, save(context.WithoutCancel(ctx), failed == nil))
}

// take reads a file of patents by its shape, and any other file as a table.
func take(ctx context.Context, db *store.DB, svc *appraisal.Service, ds dataset, names *headers, by, file string, r io.Reader, o Options, rep *Report, save func() error) (err error) {
	if rep.Dataset != "patents" {
		return run(ctx, db, svc, ds, names, by, file, sheetRows(sheet.Within(ctx, r), file), o, rep, save)
	}
	f, err := connect.Open(r, file, o.PDF)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	// What the document hashes to is known at its end; until then the import's id
	// stands for it.
	ctx = context.WithValue(ctx, documentKey{}, Document{Hash: rep.ID, Name: sheet.Clip(path.Base(file), 200), Retrieved: calendar.InChina(time.Now())})
	if f.Table {
		err = run(ctx, db, svc, ds, names, by, file, sheetRows(sheet.Within(ctx, f.Reader), file), o, rep, save)
	} else {
		err = records(ctx, db, svc, f, o, rep, save)
	}
	if err != nil || o.DryRun || rep.Source == "" {
		return err
	}
	hash, err := f.Hash()
	if err != nil {
		return err
	}
	return db.NameDocument(ctx, rep.ID, hash)
}

type tableRows func(sheet.Layout) iter.Seq2[sheet.Row, error]

func sheetRows(r io.Reader, file string) tableRows {
	return func(l sheet.Layout) iter.Seq2[sheet.Row, error] { return sheet.Below(r, file, l) }
}

// batches gathers rows and stores them a thousand at a time.
type batches struct {
	rows []any
	o    *Options
	rep  *Report
	put  func([]any) error
	save func() error
}

func (b *batches) reject(x Reject) error {
	b.rep.Rejected++
	if len(b.rep.Rejects) < keptRejects {
		b.rep.Rejects = append(b.rep.Rejects, x)
	}
	if b.o.Reject != nil {
		return b.o.Reject(x)
	}
	return nil
}

func (b *batches) add(x any) error {
	if r, ok := x.(connect.Record); ok {
		if b.o.Record != nil {
			if err := b.o.Record(r); err != nil {
				return err
			}
		}
		b.rep.Events += int64(len(r.Events))
		if b.o.DryRun && len(b.rep.Preview) < keptPreview {
			b.rep.Preview = append(b.rep.Preview, r)
		}
		for _, n := range r.Notes {
			if n = r.Number + "：" + n; len(b.rep.Notes) < keptNotes && !slices.Contains(b.rep.Notes, n) {
				b.rep.Notes = append(b.rep.Notes, n)
			}
		}
	}
	if b.rows = append(b.rows, x); len(b.rows) == batchRows {
		return b.flush()
	}
	return nil
}

func (b *batches) flush() error {
	if len(b.rows) > 0 && !b.o.DryRun {
		if err := b.put(b.rows); err != nil {
			return err
		}
	}
	b.rep.Accepted += int64(len(b.rows))
	b.rows = b.rows[:0]
	if b.o.Progress != nil {
		b.o.Progress(b.rep.Accepted + b.rep.Rejected)
	}
	return b.save()
}

// from names a source of the file in the report.
func (rep *Report) from(id string) {
	if id == "" || slices.Contains(strings.Split(rep.Source, ","), id) {
		return
	}
	o := connect.OriginOf(id)
	if rep.Source != "" {
		rep.Source, rep.SourceName = rep.Source+",", rep.SourceName+"、"
	}
	rep.Source, rep.SourceName, rep.Terms = rep.Source+id, rep.SourceName+o.Zh, cmp.Or(rep.Terms, o.Terms)
}

// records takes in what is no table.
func records(ctx context.Context, db *store.DB, svc *appraisal.Service, f *connect.File, o Options, rep *Report, save func() error) error {
	b := &batches{o: &o, rep: rep, save: save, put: func(rows []any) error { return mergeRecords(ctx, db, svc, rows) }}
	for row, err := range f.Rows() {
		if err := ctx.Err(); err != nil {
			return err
		}
		switch {
		case err != nil && row.Number == 0:
			if kept := b.flush(); kept != nil {
				return errors.Join(err, kept)
			}
			return err
		case err != nil:
			pub := fault.Public(err)
			if err := b.reject(Reject{Row: row.Number, Code: pub.Code, Zh: pub.Zh, En: pub.En}); err != nil {
				return err
			}
			continue
		}
		rep.from(row.Record.Source)
		if err := b.add(row.Record); err != nil {
			return err
		}
	}
	return b.flush()
}

func run(ctx context.Context, db *store.DB, svc *appraisal.Service, ds dataset, names *headers, by, file string, rows tableRows, o Options, rep *Report, save func() error) error {
	b := &batches{o: &o, rep: rep, save: save, put: func(rows []any) error { return ds.merge(ctx, db, svc, rows) }}
	reject := b.reject
	checked, read := false, map[string]string{} // the header each field is read from
	var broken error                            // of the store, while the header was looked for
	header := func(cells []string) bool {       // titles may stand above it
		known, all := 0, []string{}
		for _, c := range cells {
			if h := sheet.Header(c); h != "" {
				all = append(all, h)
				if _, _, ok := names.resolve(h); ok {
					known++
				}
			}
		}
		if known >= 2 || known > 0 && known == len(all) || len(all) < 2 {
			return known > 0
		}
		said, err := names.recall(ctx, all)
		broken = errors.Join(broken, err)
		return said
	}
	layout, part := sheet.Layout{Header: header}, -1
	if rep.Dataset == "patents" { // sheets of fees stand beside that of the cases
		layout.All = func(cells []string) bool {
			return slices.ContainsFunc(cells, func(c string) bool {
				field, _, _ := names.resolve(sheet.Header(c))
				return field == "number" || field == "publication_number"
			})
		}
	}
	for row, err := range rows(layout) {
		if err := errors.Join(ctx.Err(), broken); err != nil {
			return err
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
		if rep.Dataset == "patents" && row.Part != part {
			part = row.Part
			names.recognise(slices.Collect(maps.Keys(row.Cells)))
			rep.from(names.vendor.Source)
		}
		in.origin = names.vendor.Source
		if !checked {
			list := slices.Collect(maps.Keys(row.Cells))
			if _, err := names.recall(ctx, list); err != nil {
				return err
			}
			if !o.DryRun {
				if err := names.remember(ctx, list, by); err != nil {
					return err
				}
			}
		}
		ignore := func(header, cell string) {
			i := slices.IndexFunc(rep.Unread, func(u Unread) bool { return u.Header == header })
			if i < 0 {
				if len(rep.Unread) == keptUnread {
					return
				}
				i = len(rep.Unread)
				rep.Unread = append(rep.Unread, Unread{Header: header, Examples: []string{}})
			}
			if u := &rep.Unread[i]; cell != "" && len(u.Examples) < 3 && !slices.Contains(u.Examples, sheet.Clip(cell, 40)) {
				u.Examples = append(u.Examples, sheet.Clip(cell, 40))
			}
		}
		// Of two headers that mean one field the one that stands first in the
		// dataset's table counts, whatever the file's order; the other is named.
		for _, header := range slices.SortedFunc(maps.Keys(row.Cells), func(a, b string) int {
			return cmp.Or(cmp.Compare(names.place(a), names.place(b)), cmp.Compare(a, b))
		}) {
			cell := row.Cells[header]
			if cell == "-" || cell == "--" || cell == "/" { // a vendor's mark for empty
				cell = ""
			}
			field, unit, ok := names.resolve(header)
			if ok && field == "-" {
				rep.mapped(header, "-")
				continue
			}
			if !ok {
				ignore(header, cell)
				continue
			}
			if now, taken := in.cells[field]; taken && (now != "" || cell == "") {
				ignore(header, cell)
				continue
			}
			in.cells[field], read[field] = cell, header
			rep.mapped(header, field)
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
		if err := b.add(x); err != nil {
			return err
		}
	}
	slices.SortFunc(rep.Unread, func(a, b Unread) int { return strings.Compare(a.Header, b.Header) })
	for i := range rep.Unread {
		u := &rep.Unread[i]
		rep.Ignored = append(rep.Ignored, u.Header)
		if said, ok := names.said[u.Header]; !ok || said != "" {
			u.Guess = names.guess(u.Header, read)
		}
	}
	return b.flush()
}

func (rep *Report) mapped(header, field string) {
	if rep.Mapping == nil {
		rep.Mapping = map[string]string{}
	}
	rep.Mapping[header] = field
}

var errColumns = fault.New(fault.Invalid, "file.columns_unknown", "表头中没有可识别的列，请说明各列的含义（--map 列=字段，接口为 map 参数），或改用文档所列的表头。", "None of the columns is known; say what they mean (--map HEADER=FIELD, in the interface the parameter map), or use the headers of the documentation.")

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
