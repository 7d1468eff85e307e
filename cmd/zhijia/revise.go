package main

import (
	"fmt"

	"zhijia/internal/appraisal"
)

type reviseCmd struct {
	Database
	modelFlags
	ID string `arg:"" help:"Id of the valuation."`
}

func (c *reviseCmd) Help() string {
	return "Has the model read the patent of a stored valuation, waits for it, and stores a new valuation of the same evidence with the reading in it. The earlier one stays; the difference is explained by cause."
}

func (c *reviseCmd) Run(g *Globals) error {
	svc, _, done, err := c.scoredService(g, &c.Database)
	if err != nil {
		return err
	}
	defer done()
	r, err := svc.Revise(g.ctx, g.operator(), c.ID)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(map[string]any{"id": r.Record.ID(), "revises": r.Record.Revises(), "difference": r.Difference})
	}
	printRevision(g, r)
	return nil
}

func printRevision(g *Globals, r appraisal.Revision) {
	d := r.Difference
	fmt.Fprintf(g.stdout, "%s 修订 %s\n  中值 %.1f万元 → %.1f万元（%+.1f万元）\n", r.Record.ID(), r.Record.Revises(), d.Before/1e4, d.After/1e4, d.Change/1e4)
	for _, x := range d.Causes {
		fmt.Fprintf(g.stdout, "  %+8.1f万元  %s\n", x.Yuan/1e4, x.Key)
	}
}
