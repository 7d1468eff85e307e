package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"zhijia/internal/encumbrance"
	"zhijia/internal/fault"
	"zhijia/internal/product"
	"zhijia/internal/productfile"
	"zhijia/internal/ruling"
)

// productCmd is one product; its name is the command's.
type productCmd struct {
	Check    productCheckCmd    `cmd:"" help:"Decide a case: XLSX, CSV, JSON, a zip or a folder of CSV files, or - for JSON from standard input."`
	Example  productExampleCmd  `cmd:"" help:"Write a generated case, labelled so; or decide it."`
	Template productTemplateCmd `cmd:"" help:"Write an empty workbook to fill in."`
	Rules    productRulesCmd    `cmd:"" help:"Show the rules and figures with their sources; what nobody could find is empty and says so."`
}

// kindOf is the product whose command runs.
func kindOf(ctx *kong.Context) (*product.Kind, error) {
	return product.ByName(ctx.Selected().Parent.Name)
}

type productCheckCmd struct {
	Database
	File string `arg:"" help:"Case: .xlsx, .csv, .json, .zip, a folder with basics.csv and one file for each list, or -."`
	Out  string `short:"o" help:"Write the result: .xlsx, .json, .csv or .zip."`
	Keep bool   `help:"Keep the case and its result in the database, on record."`
}

// Run decides, beside what the ledger of rights says. A decision is an answer, whatever it says; only a case that cannot be
// read or decided fails.
func (c *productCheckCmd) Run(ctx *kong.Context, g *Globals) error {
	k, err := kindOf(ctx)
	if err != nil {
		return err
	}
	in, err := c.read(g, k)
	if err != nil {
		return err
	}
	if k.Name == "gi" && !c.Keep { // it is about no right of the ledger
		d, err := k.Decide(in)
		if err != nil {
			return err
		}
		return g.decided(k, &d, c.Out)
	}
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	s := product.New(db, time.Now)
	decide := func() (product.Decided, error) { return s.Decide(g.ctx, g.operator().Institution, k, in) }
	if c.Keep {
		decide = func() (product.Decided, error) { return s.Keep(g.ctx, g.operator(), k, in) }
	}
	d, err := decide()
	if err != nil {
		return err
	}
	return g.decided(k, &d, c.Out)
}

// decided writes a decision to a file, if there is one, and prints it.
func (g *Globals) decided(k *product.Kind, d *product.Decided, out string) error {
	if out != "" {
		if err := g.writeFile(out, func(w io.Writer) error { return k.Write(w, out, d.Result, false) }); err != nil {
			return err
		}
	}
	if g.JSON {
		return g.print(d)
	}
	g.showDecided(k, d)
	return nil
}

func (c *productCheckCmd) read(g *Globals, k *product.Kind) (any, error) {
	if c.File == "-" {
		return k.Read(g.stdin, "input.json")
	}
	info, err := os.Stat(c.File)
	if err != nil {
		return nil, fault.New(fault.NotFound, "product.file", "找不到文件 "+c.File+"。", "no such file: "+c.File).Because(err)
	}
	if !info.IsDir() {
		f, err := os.Open(c.File)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return k.Read(f, filepath.Base(c.File))
	}
	names, err := filepath.Glob(filepath.Join(c.File, "*.csv"))
	if err != nil {
		return nil, err
	}
	files := map[string]io.Reader{}
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		files[strings.TrimSuffix(filepath.Base(name), ".csv")] = f
	}
	if len(files) == 0 {
		return nil, fault.New(fault.NotFound, "product.file", "文件夹 "+c.File+" 中没有 CSV 文件。", "There is no CSV file in "+c.File+".")
	}
	return k.ReadFiles(files)
}

// showDecided prints the verdict, what is no pass, and the tables but the findings.
func (g *Globals) showDecided(k *product.Kind, d *product.Decided) {
	fmt.Fprintf(g.stdout, "%s：%s", k.Zh, d.Verdict.Zh())
	if d.Label != "" {
		fmt.Fprintf(g.stdout, "【%s】", d.Label)
	}
	if d.ID != "" {
		fmt.Fprintf(g.stdout, "　编号 %s", d.ID)
	}
	fmt.Fprintln(g.stdout)
	passes := 0
	for _, f := range d.Decision.Findings {
		if f.Outcome == ruling.Pass {
			passes++
			continue
		}
		fmt.Fprintf(g.stdout, "  %-4s %s %s%s：%s", f.Code, f.Outcome.Zh(), f.Zh, suffix("（", f.Subject, "）"), f.Evidence)
		if f.Supply != "" {
			fmt.Fprintf(g.stdout, "；须补充：%s", f.Supply)
		}
		fmt.Fprintln(g.stdout)
	}
	fmt.Fprintf(g.stdout, "  另有 %d 项符合；规则 %s\n", passes, d.Version)
	for i, s := range productfile.Sheets(d.Result, false) {
		if s.Path == "decision.findings" {
			continue
		}
		if i == 0 {
			for _, row := range s.Rows[1:] {
				if row[1] != "" && !strings.HasPrefix(row[0], "结论") {
					fmt.Fprintf(g.stdout, "%s：%s\n", row[0], row[1])
				}
			}
			continue
		}
		fmt.Fprintf(g.stdout, "%s\n", s.Name)
		for _, row := range s.Rows[:min(len(s.Rows), 41)] {
			fmt.Fprintf(g.stdout, "    %s\n", strings.Join(row, "\t"))
		}
		if n := len(s.Rows) - 41; n > 0 {
			fmt.Fprintf(g.stdout, "    …另有 %d 行，用 -o 写入文件\n", n)
		}
	}
}

func suffix(open, s, end string) string {
	if s == "" {
		return ""
	}
	return open + s + end
}

type productExampleCmd struct {
	Seed   uint64 `default:"1" help:"Of the generator."`
	Out    string `short:"o" default:"-" help:"File: .xlsx, .json, .csv or .zip; - prints JSON."`
	Decide bool   `help:"Decide the example and print the decision instead of the case."`
}

// Run writes the example.
func (c *productExampleCmd) Run(ctx *kong.Context, g *Globals) error {
	k, err := kindOf(ctx)
	if err != nil {
		return err
	}
	in := k.Example(c.Seed)
	if !c.Decide {
		return g.writeFile(c.Out, func(w io.Writer) error { return k.Write(w, strings.TrimPrefix(c.Out, "-"), in, false) })
	}
	d, err := k.Decide(in)
	if err != nil {
		return err
	}
	return g.decided(k, &d, strings.TrimPrefix(c.Out, "-"))
}

type productTemplateCmd struct {
	Out string `short:"o" required:"" help:"Workbook to write: .xlsx, or .zip of CSV files."`
}

// Run writes the template.
func (c *productTemplateCmd) Run(ctx *kong.Context, g *Globals) error {
	k, err := kindOf(ctx)
	if err != nil {
		return err
	}
	return g.writeFile(c.Out, func(w io.Writer) error { return k.Write(w, c.Out, k.Template(), true) })
}

type productRulesCmd struct{}

// Run shows the rules.
func (productRulesCmd) Run(ctx *kong.Context, g *Globals) error {
	k, err := kindOf(ctx)
	if err != nil {
		return err
	}
	book := k.Rules()
	if g.JSON {
		return g.print(book)
	}
	fmt.Fprintf(g.stdout, "%s %s\n", k.Zh, book.Version)
	for _, code := range slices.Sorted(maps.Keys(book.Rules)) {
		fmt.Fprintf(g.stdout, "%-4s %s　%s\n", code, book.Rules[code].Zh, book.Rules[code].Source)
	}
	for _, name := range slices.Sorted(maps.Keys(book.Figures)) {
		f := book.Figures[name]
		value := "没有：" + f.Note
		if f.Value != nil {
			value = fmt.Sprintf("%g %s", *f.Value, f.Unit)
		}
		fmt.Fprintf(g.stdout, "%s = %s　%s\n", name, value, f.Source)
	}
	return nil
}

// resultsCmd is about what was kept.
type resultsCmd struct {
	List   resultsListCmd   `cmd:"" help:"List kept results, newest first."`
	Show   resultsShowCmd   `cmd:"" help:"Show a kept result with its input."`
	Replay resultsReplayCmd `cmd:"" help:"Work a kept case out again and compare to the byte."`
	Commit resultsCommitCmd `cmd:"" help:"Put the rights of a kept lease, pledge of marks, cover or fund into the ledger of rights."`
}

type resultsCommitCmd struct {
	Database
	ID           string `arg:"" help:"Id of the result."`
	Reference    string `help:"Contract or policy. Default: what the case says."`
	State        string `enum:"offered,committed,registered" default:"committed" help:"offered, committed or registered."`
	Registration string `help:"With the authority; needed for registered."`
	Evidence     string `help:"Document the state rests on."`
}

// Run commits.
func (c *resultsCommitCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	n, err := product.New(db, time.Now).Commit(g.ctx, g.operator(), c.ID, product.Commitment{Reference: c.Reference, State: encumbrance.State(c.State), Registration: c.Registration, Evidence: c.Evidence})
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(map[string]int{"entries": n})
	}
	fmt.Fprintf(g.stdout, "已登记 %d 项\n", n)
	return nil
}

type resultsListCmd struct {
	Database
	Kind string `help:"One product: lease, fund, mark, gi, insurance or listing."`
}

// Run lists.
func (c *resultsListCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	found, _, err := product.New(db, time.Now).List(g.ctx, g.Institution, c.Kind, "", 100)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(append([]product.Decided{}, found...))
	}
	for _, d := range found {
		fmt.Fprintf(g.stdout, "%s %s %-10s %s %s %s\n", d.ID, d.CreatedAt.Format(time.DateTime), d.Kind, d.Verdict.Zh(), d.Version, d.Label)
	}
	return nil
}

type resultsShowCmd struct {
	Database
	ID  string `arg:"" help:"Id of the result."`
	Out string `short:"o" help:"Write the result: .xlsx, .json, .csv or .zip."`
}

// Run shows.
func (c *resultsShowCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	kept, err := product.New(db, time.Now).Get(g.ctx, g.Institution, c.ID)
	if err != nil {
		return err
	}
	if c.Out != "" {
		k, result, err := kept.Typed()
		if err != nil {
			return err
		}
		return g.writeFile(c.Out, func(w io.Writer) error { return k.Write(w, c.Out, result, false) })
	}
	return g.print(kept)
}

type resultsReplayCmd struct {
	Database
	ID string `arg:"" help:"Id of the result."`
}

// Run works the case out again. It fails when the result differs.
func (c *resultsReplayCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	r, err := product.New(db, time.Now).Replay(g.ctx, g.Institution, c.ID)
	if err != nil {
		return err
	}
	if g.JSON {
		err = json.NewEncoder(g.stdout).Encode(r)
	} else {
		_, err = fmt.Fprintf(g.stdout, "%s：%s（原规则 %s，现规则 %s）%s\n", r.ID, map[bool]string{true: "一致", false: "不一致"}[r.Same], r.Kept, r.Version, strings.Join(r.Differ, "、"))
	}
	if err == nil && !r.Same {
		return fault.New(fault.Conflict, "product.replay", "重算结果与原结果不一致。", "The case comes to another result now.")
	}
	return err
}
