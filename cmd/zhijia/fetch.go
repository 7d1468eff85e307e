package main

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/connect"
	"zhijia/internal/dossier"
	"zhijia/internal/fault"
	"zhijia/internal/fetch"
	"zhijia/internal/store"
)

// sourceFlags are the settings of the sources.
type sourceFlags struct {
	Sources connect.Config `embed:"" prefix:"source-"`
}

type fetchCmd struct {
	Database
	modelFlags
	sourceFlags
	Numbers []string `arg:"" optional:"" help:"Application, patent or publication numbers, any usual form."`
	File    string   `help:"File of numbers, one a line; - is standard input." placeholder:"FILE"`
	Only    []string `help:"Ask these sources only: epo_ops, patsnap, lens, http, folder." placeholder:"SOURCE"`
	Again   bool     `help:"Ask, too, what a source said within a week that it does not have."`
	Budget  int      `help:"Requests it may make. 0: ten a number and a hundred." placeholder:"N"`
}

func (c *fetchCmd) Help() string {
	return "Brings patents in by their numbers from the sources that are configured, see docs/connect.md. What they state is stored with source, day and hash; numbers that a source does not have are told and not asked again within a week. Run again to go on after an interruption or a used-up quota: --file skips nothing that is not stored yet."
}

func (c *fetchCmd) Run(g *Globals) error {
	numbers, err := c.numbers(g)
	if err != nil {
		return err
	}
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	svc, err := c.appraiser(g, db)
	if err != nil {
		return err
	}
	f, err := c.fetcher(db, svc)
	if err != nil {
		return err
	}
	var all fetch.Report
	left := c.Budget
	for from := 0; from < len(numbers) || from == 0; from += fetch.AtOnce {
		part := numbers[from:min(from+fetch.AtOnce, len(numbers))]
		rep, err := f.Get(g.ctx, g.operator(), part, fetch.Options{Most: left, Only: c.Only, Again: c.Again})
		if err != nil {
			return err
		}
		all.AsOf, all.Sources = rep.AsOf, rep.Sources
		all.Found, all.Missing, all.Failed, all.Requests = all.Found+rep.Found, all.Missing+rep.Missing, all.Failed+rep.Failed, all.Requests+rep.Requests
		all.Results = append(all.Results, rep.Results...)
		if c.Budget > 0 {
			if left -= int(rep.Requests); left <= 0 {
				break
			}
		}
	}
	if err := printFetch(g, &all); err != nil {
		return err
	}
	if all.Found == 0 {
		r := all.Results[0]
		kind := fault.NotFound
		if all.Failed > 0 {
			kind = fault.Unavailable
		}
		return fault.New(kind, "fetch.nothing", "没有取到任何专利："+r.Zh+"。", "Nothing was fetched: "+r.En)
	}
	return nil
}

func printFetch(g *Globals, all *fetch.Report) error {
	if g.JSON {
		return g.print(all)
	}
	for _, r := range all.Results {
		words := map[string]string{"found": "已取到", "missing": "来源没有", "failed": "未取到", "refused": "拒绝"}
		fmt.Fprintf(g.stdout, "%s  %s  %s\n", words[r.State], r.Asked, r.Title)
		if r.Zh != "" {
			fmt.Fprintf(g.stdout, "    %s [%s]\n", r.Zh, r.Code)
		}
		for _, o := range r.Outcomes {
			if o.Found {
				fmt.Fprintf(g.stdout, "    %s：有，原始文件 %d 份\n", connect.OriginOf(o.Source).Zh, len(o.Documents))
			} else {
				fmt.Fprintf(g.stdout, "    %s：%s [%s]\n", connect.OriginOf(o.Source).Zh, o.Zh, o.Code)
			}
		}
	}
	_, err := fmt.Fprintf(g.stdout, "取到 %d，来源没有 %d，未取到 %d；请求 %d 次\n", all.Found, all.Missing, all.Failed, all.Requests)
	return err
}

func (c *fetchCmd) numbers(g *Globals) ([]string, error) {
	listed, err := numbersIn(g, c.File)
	if err != nil {
		return nil, err
	}
	numbers := append(slices.Clone(c.Numbers), listed...)
	if len(numbers) == 0 {
		return nil, fault.New(fault.Invalid, "fetch.empty", "请给出至少一个专利号，或用 --file 指定号码文件。", "Give at least one number, or a file of numbers with --file.")
	}
	return numbers, nil
}

// numbersIn reads a file of numbers, one a line, what follows # being a remark; - is standard input, an empty name no file.
func numbersIn(g *Globals, name string) (out []string, err error) {
	if name == "" {
		return nil, nil
	}
	in := g.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, fault.New(fault.NotFound, "file.open", "无法打开文件 "+name+"。", "Cannot open "+name+".").Because(err)
		}
		defer f.Close()
		in = f
	}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		text, _, _ := strings.Cut(strings.TrimPrefix(lines.Text(), "\ufeff"), "#")
		if text = strings.TrimSpace(text); text != "" {
			out = append(out, text)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fault.New(fault.Invalid, "file.read", "无法读取文件 "+name+"。", "Cannot read "+name+".").Because(err)
	}
	return out, nil
}

// fetcher is the service of a command: it works at once and has no jobs.
func (f *sourceFlags) fetcher(db *store.DB, svc *appraisal.Service) (*fetch.Service, error) {
	return fetch.New(db, svc, nil, f.Sources, time.Now, nil)
}

type sourcesCmd struct {
	List       sourcesListCmd       `cmd:"" help:"List the sources that are read, with their kinds and terms of use."`
	Precedence sourcesPrecedenceCmd `cmd:"" help:"Show or set which kind of source speaks first of which facts."`
	Statements sourcesStatementsCmd `cmd:"" help:"Show what each source states about a patent."`
	Document   sourcesDocumentCmd   `cmd:"" help:"Write a raw document by its hash."`
}

type sourcesListCmd struct{}

func (c *sourcesListCmd) Run(g *Globals) error {
	if g.JSON {
		return g.print(connect.Origins())
	}
	for _, o := range connect.Origins() {
		fmt.Fprintf(g.stdout, "%-16s %-12s %s  %s\n", o.ID, o.Trade, o.Zh, o.Terms)
	}
	return nil
}

type sourcesPrecedenceCmd struct {
	Database
	Set map[string]string `help:"FACTS=KIND,KIND,…: these kinds first, in this order, e.g. owners=register,gazette,vendor. Facts: owners, applicants, title, text, dates, class, counts, fees, term, other." mapsep:"none" placeholder:"FACTS=KINDS"`
}

func (c *sourcesPrecedenceCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	a := g.operator()
	ctx := store.As(g.ctx, a.Institution)
	p, err := dossier.Precedence(ctx, db)
	if err != nil {
		return err
	}
	if len(c.Set) > 0 {
		for group, kinds := range c.Set {
			if err := p.Set(group, strings.FieldsFunc(kinds, func(r rune) bool { return r == ',' || r == ' ' })); err != nil {
				return err
			}
		}
		set := map[string][]string{}
		for group, kinds := range p {
			for _, k := range kinds {
				set[group] = append(set[group], string(k))
			}
		}
		if err := db.SetSourcePrecedence(ctx, store.Actor(a), set); err != nil {
			return err
		}
	}
	return g.print(p)
}

type sourcesStatementsCmd struct {
	Database
	Number string `arg:"" help:"Application or publication number, any usual form."`
}

func (c *sourcesStatementsCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	ctx := store.As(g.ctx, g.operator().Institution)
	list, err := dossier.StatementsOf(ctx, db, c.Number)
	if err != nil {
		return err
	}
	return g.print(list)
}

type sourcesDocumentCmd struct {
	Database
	Hash string `arg:"" help:"SHA-256 of the document."`
}

func (c *sourcesDocumentCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	d, err := db.SourceDocument(store.As(g.ctx, g.operator().Institution), c.Hash)
	if err != nil {
		return err
	}
	if d.Body == nil {
		return fault.New(fault.NotFound, "document.not_kept", "按该来源的条款只保留原始文件的哈希，正文未保留（见 ZHIJIA_SOURCE_KEEP_RAW）。", "Of this source the hash alone is kept, by its terms (ZHIJIA_SOURCE_KEEP_RAW).")
	}
	_, err = g.stdout.Write(d.Body)
	return err
}

// fetchFirst brings a patent in by its number.
func (f *sourceFlags) fetchFirst(g *Globals, d *Database, m *modelFlags, number string) error {
	db, done, err := d.open(g)
	if err != nil {
		return err
	}
	defer done()
	svc, err := m.appraiser(g, db)
	if err != nil {
		return err
	}
	fs, err := f.fetcher(db, svc)
	if err != nil {
		return err
	}
	rep, err := fs.Get(g.ctx, g.operator(), []string{number}, fetch.Options{})
	if err != nil {
		return err
	}
	r := rep.Results[0]
	switch r.State {
	case "found":
		return nil
	case "refused":
		return fault.New(fault.Invalid, r.Code, r.Zh, r.En)
	case "missing":
		return fault.New(fault.NotFound, r.Code, r.Zh, r.En)
	}
	return fault.New(fault.Unavailable, r.Code, r.Zh, r.En)
}
