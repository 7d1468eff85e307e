package main

import (
	"fmt"
	"strings"

	"zhijia/internal/appraisal"
)

type findCmd struct {
	Database
	Text  []string `arg:"" help:"A number in any form, or words of title, owner, class or text."`
	Limit int      `help:"Patents at most." default:"20"`
}

func (c *findCmd) Help() string {
	return "Finds stored patents: by a number in any form; else those that have every word in number, title, owners, classes or abstract, then those whose text is near. The answer with --json is that of GET /v1/patents."
}

func (c *findCmd) Run(g *Globals) error {
	svc, done, err := c.service(g)
	if err != nil {
		return err
	}
	defer done()
	found, err := svc.FindPatents(g.ctx, g.operator(), strings.Join(c.Text, " "), min(max(c.Limit, 1), 100))
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(found)
	}
	if len(found.Patents) == 0 {
		fmt.Fprintln(g.stdout, "没有找到。换一个词，或少写几个词。")
	}
	by := map[string]string{"number": "号码", "words": "含所查的字", "likeness": "文本相近"}
	for _, p := range found.Patents {
		fmt.Fprintf(g.stdout, "%s  %s  %s（%s）\n", p.Number, p.Title, strings.Join(p.Owners, "、"), by[p.By])
	}
	return nil
}

type compareCmd struct {
	Database
	IDs []string `arg:"" name:"ids" help:"Ids of two to six valuations."`
}

func (c *compareCmd) Help() string {
	return "Puts two to six stored valuations side by side and tells by what the median of each differs from the first's; the causes sum to the difference. The answer with --json is that of GET /v1/valuations:compare."
}

func (c *compareCmd) Run(g *Globals) error {
	svc, done, err := c.service(g)
	if err != nil {
		return err
	}
	defer done()
	out, err := svc.Compare(g.ctx, g.operator(), c.IDs)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(out)
	}
	for i := range out.Valuations {
		v := &out.Valuations[i]
		fmt.Fprintf(g.stdout, "%s  %s  %s  %s  %.1f万元\n", v.ID, v.AsOf, strings.Join(v.Numbers, ";"), v.Title, v.Median/1e4)
		if i > 0 {
			fmt.Fprintf(g.stdout, "  比第一份 %+.1f万元\n", v.Change/1e4)
			for _, x := range v.Causes {
				fmt.Fprintf(g.stdout, "  %+8.1f万元  %s\n", x.Yuan/1e4, appraisal.ComparedCause(x.Key))
			}
		}
	}
	return nil
}
