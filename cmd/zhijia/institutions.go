package main

import (
	"archive/zip"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"zhijia/internal/fault"
)

// institutionRuns is where an institution's evaluation runs are.
type institutionRuns struct {
	RunsDir string `name:"runs" help:"Folder of the evaluation runs." default:"eval-runs" env:"ZHIJIA_EVAL_RUNS"`
}

func (r institutionRuns) of(id string) string {
	return filepath.Join(r.RunsDir, "institutions", filepath.Base(id))
}

type institutionsExportCmd struct {
	Database
	institutionRuns
	ID   string `arg:""`
	File string `arg:"" help:"ZIP to write; it must not be there yet." placeholder:"FILE"`
}

// Run exports.
func (c *institutionsExportCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	f, err := os.OpenFile(c.File, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fault.New(fault.Invalid, "file.create", "无法新建 "+c.File+"（已存在的文件不会被覆盖）。", "Cannot create "+c.File+"; a file that is there is not overwritten.").Because(err)
	}
	m, err := db.ExportInstitution(g.ctx, c.ID, g.operator().Name, f, func(z *zip.Writer) error { return addFolder(z, c.of(c.ID)) })
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(c.File)
		return err
	}
	if g.JSON {
		return g.print(m)
	}
	for _, t := range m.Withheld {
		fmt.Fprintf(g.stderr, "不含 %s\n", t)
	}
	var n int64
	for _, rows := range m.Rows {
		n += rows
	}
	fmt.Fprintf(g.stdout, "%s: %d tables, %d rows\n", c.File, len(m.Rows), n)
	return nil
}

// addFolder adds the files of a folder, if there is one.
func addFolder(z *zip.Writer, dir string) error {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return z.AddFS(os.DirFS(dir))
}

type institutionsDeleteCmd struct {
	Database
	institutionRuns
	ID      string `arg:""`
	Confirm string `required:"" placeholder:"ID" help:"The id once more. Export first: nothing brings it back but a backup."`
}

// Run deletes.
func (c *institutionsDeleteCmd) Run(g *Globals) error {
	if c.Confirm != c.ID {
		return fault.New(fault.Invalid, "institution.confirm", "--confirm 须与机构标识一致。", "--confirm must be the id of the institution.")
	}
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	gone, err := db.DeleteInstitution(g.ctx, c.ID, g.operator().Name)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(c.of(c.ID)); err != nil {
		return err
	}
	if g.JSON {
		return g.print(gone)
	}
	var n int64
	for _, rows := range gone {
		n += rows
	}
	fmt.Fprintf(g.stdout, "%s: %d rows of %d tables deleted\n", c.ID, n, len(gone))
	return nil
}

type institutionsCmd struct {
	Add  institutionsAddCmd  `cmd:"" help:"Add an institution, or give one another name."`
	List institutionsListCmd `cmd:"" help:"List the institutions."`

	Export institutionsExportCmd `cmd:"" help:"Write everything an institution brought or made to a ZIP of JSON lines, without secrets."`
	Delete institutionsDeleteCmd `cmd:"" help:"Delete an institution with every row of it. What other institutions did stays, and that it was there."`

	Interests institutionsInterestsCmd `cmd:"" help:"Decide whether an institution tells others that it noted an interest in a patent, and is told so; off from the start."`
}

type institutionsInterestsCmd struct {
	Database
	ID    string `arg:""`
	Share bool   `xor:"word" required:"" help:"Tell and be told: that another institution noted an interest, the day, and whether it is registered; never who."`
	Keep  bool   `xor:"word" required:"" help:"Neither tell nor be told."`
}

// Run decides it.
func (c *institutionsInterestsCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	return db.ShareInterests(g.ctx, c.ID, c.Share, g.operator().Name)
}

type institutionsAddCmd struct {
	Database
	ID   string `arg:"" help:"1 to 40 lower-case letters, digits or dashes."`
	Name string `arg:"" help:"E.g. \"某某银行\"."`
}

// Run adds it.
func (c *institutionsAddCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	return db.PutInstitution(g.ctx, c.ID, c.Name, g.operator().Name)
}

type institutionsListCmd struct{ Database }

// Run lists them.
func (c *institutionsListCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	list, err := db.Institutions(g.ctx)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(list)
	}
	for _, i := range list {
		fmt.Fprintf(g.stdout, "%-40s %s\n", i.ID, i.Name)
	}
	return nil
}
