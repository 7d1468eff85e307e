package desk

import (
	"context"
	"io"
	"maps"

	"zhijia/internal/appraisal"
	"zhijia/internal/deskfile"
	"zhijia/internal/fault"
	"zhijia/internal/store"
)

// Headings says what the headers of a file are read as, by what the reader
// knows and what the institution said of files with the same headers before.
func (d *Desk) Headings(ctx context.Context, actor appraisal.Actor, name string, file io.ReadSeeker, unit string) (list []deskfile.Heading, err error) {
	defer fault.Wrap(&err, "desk.Headings")
	ctx = store.As(ctx, actor.Institution)
	said, err := d.columns(ctx, actor, name, file, nil)
	if err != nil {
		return nil, err
	}
	list, _, err = deskfile.Headings(file, name, deskfile.Options{Unit: unit, Map: said})
	return list, err
}

// columns joins what the institution said of files with these headers before
// with what it says now, and keeps the whole for the next such file. The file
// is left at its beginning.
func (d *Desk) columns(ctx context.Context, actor appraisal.Actor, name string, file io.ReadSeeker, now map[string]string) (map[string]string, error) {
	if len(now) == 0 {
		if has, err := d.db.HasColumnMaps(ctx, actor.Institution); err != nil || !has {
			return nil, err
		}
	}
	_, set, err := deskfile.Headings(file, name, deskfile.Options{Map: now})
	if _, seekErr := file.Seek(0, io.SeekStart); seekErr != nil {
		return nil, seekErr
	}
	if err != nil {
		if len(now) > 0 && fault.Public(err).Code == "map.column" {
			return nil, err
		}
		return now, nil // a file without headers to know it by; reading it says what is wrong
	}
	before, err := d.db.ColumnMap(ctx, actor.Institution, set)
	if err != nil || len(now) == 0 {
		return before, err
	}
	out := maps.Clone(before)
	if out == nil {
		out = map[string]string{}
	}
	maps.Copy(out, now)
	if maps.Equal(out, before) {
		return out, nil
	}
	return out, d.db.PutColumnMap(ctx, actor.Institution, set, out, actor.Name)
}
