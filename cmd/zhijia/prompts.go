package main

import (
	"fmt"
	"time"

	"zhijia/internal/fault"
	"zhijia/internal/store"
	"zhijia/prompts"
)

// promptsCmd shows the rubric put to the language model.
type promptsCmd struct {
	List  promptsListCmd  `cmd:"" help:"List the templates with version, indicator and hash."`
	Show  promptsShowCmd  `cmd:"" help:"Show one template."`
	Adopt promptsAdoptCmd `cmd:"" help:"Propose that another person of the institution stands by a folder's templates; until then scores made with them are marked 未经复核."`
	Diff  promptsDiffCmd  `cmd:"" help:"Compare a folder's templates, or two versions of one, with the embedded ones."`
}

type promptFolder struct {
	Prompts string `name:"prompts" env:"ZHIJIA_PROMPTS" placeholder:"DIR" help:"Folder whose templates override the embedded ones."`
}

type promptsListCmd struct{ promptFolder }

func (c *promptsListCmd) Run(g *Globals) error {
	set, err := prompts.Load(c.Prompts)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(set.All())
	}
	for _, p := range set.All() {
		fmt.Fprintf(g.stdout, "%-16s %-7s %-6s %.12s  %-9s %s\n", p.Name(), p.Kind, p.Indicator, p.Hash, p.Source, p.Title)
	}
	return nil
}

type promptsShowCmd struct {
	promptFolder
	ID      string `arg:"" help:"Id such as rubric.L2.1, or an indicator's code."`
	Version int    `help:"Version. Default: the newest."`
	Raw     bool   `help:"Print the file as it stands, header included: the start of a template of your own."`
}

func (c *promptsShowCmd) Run(g *Globals) error {
	set, err := prompts.Load(c.Prompts)
	if err != nil {
		return err
	}
	p, err := findPrompt(set, c.ID, c.Version)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(p)
	}
	if c.Raw {
		fmt.Fprint(g.stdout, p.File)
		return nil
	}
	fmt.Fprint(g.stdout, p.Text())
	return nil
}

func findPrompt(set *prompts.Set, id string, version int) (prompts.Prompt, error) {
	p, ok := set.Get(id, version)
	if !ok {
		p, ok = set.Get("rubric."+id, version)
	}
	if !ok {
		return p, fault.New(fault.NotFound, "prompts.unknown", "没有这个提示词或版本；可用 zhijia prompts list 查看。", "There is no such template or version; see zhijia prompts list.")
	}
	return p, nil
}

type promptsAdoptCmd struct {
	Database
	promptFolder
}

// Run proposes them.
func (c *promptsAdoptCmd) Run(g *Globals) error {
	set, err := prompts.Load(c.Prompts)
	if err != nil {
		return err
	}
	own := set.Own()
	if len(own) == 0 {
		return fault.New(fault.Invalid, "prompts.shipped", "该文件夹没有自有的提示词（--prompts），随程序发布的无需复核。", "The folder has no templates of its own (--prompts); those that ship need no approval.")
	}
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	if err := db.Propose(g.ctx, g.operator(), store.ProposeRubric, set.Version(), map[string]any{"version": set.Version(), "prompts": own}, time.Now().UTC()); err != nil {
		return err
	}
	fmt.Fprintf(g.stdout, "%s\n%s\n", set.Version(), waitsZh)
	return nil
}

type promptsDiffCmd struct {
	promptFolder
	ID   string `arg:"" optional:"" help:"Only this template. Default: every one that differs."`
	From int    `help:"Older version. Default: the newest embedded."`
	To   int    `help:"Newer version. Default: the newest in use."`
}

func (c *promptsDiffCmd) Run(g *Globals) error {
	shipped, err := prompts.Load("")
	if err != nil {
		return err
	}
	used, err := prompts.Load(c.Prompts)
	if err != nil {
		return err
	}
	type difference struct {
		ID    string   `json:"id"`
		From  string   `json:"from"`
		To    string   `json:"to"`
		Lines []string `json:"lines"`
	}
	out := []difference{}
	compare := func(id string) error {
		b, err := findPrompt(used, id, c.To)
		if err != nil {
			return err
		}
		var a prompts.Prompt
		if c.From != 0 {
			if a, err = findPrompt(used, b.ID, c.From); err != nil {
				return err
			}
		} else {
			a, _ = shipped.Get(b.ID, 0) // a template only the folder has differs as a whole
		}
		if a.Hash != b.Hash {
			d := difference{ID: b.ID, To: b.Name(), Lines: prompts.Diff(a, b)}
			if a.ID != "" {
				d.From = a.Name()
			}
			out = append(out, d)
		}
		return nil
	}
	if c.ID != "" {
		if err := compare(c.ID); err != nil {
			return err
		}
	} else {
		last := ""
		for _, p := range used.All() {
			if p.ID == last {
				continue
			}
			last = p.ID
			if err := compare(p.ID); err != nil {
				return err
			}
		}
	}
	if g.JSON {
		return g.print(out)
	}
	if len(out) == 0 {
		fmt.Fprintln(g.stdout, "没有差异。 No differences.")
	}
	for _, d := range out {
		fmt.Fprintf(g.stdout, "--- %s\n+++ %s\n", d.From, d.To)
		for _, line := range d.Lines {
			fmt.Fprintln(g.stdout, line)
		}
	}
	return nil
}
