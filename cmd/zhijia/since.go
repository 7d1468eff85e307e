package main

import "fmt"

type sinceCmd struct {
	Database
	modelFlags
	ID string `arg:"" help:"Id of the valuation."`
}

func (c *sinceCmd) Help() string {
	return "Asks the question of a stored valuation again as of today and tells the difference by cause: versions, time, deals, register, subject, scores, facts. The causes sum to the difference. Nothing is stored."
}

func (c *sinceCmd) Run(g *Globals) error {
	svc, _, done, err := c.scoredService(g, &c.Database)
	if err != nil {
		return err
	}
	defer done()
	r, err := svc.Since(g.ctx, g.operator(), c.ID)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(r)
	}
	fmt.Fprintf(g.stdout, "%s\n  %s %.1f万元 → %s %.1f万元（%+.1f万元）\n", r.ID, r.Then, r.Before/1e4, r.Now, r.After/1e4, r.Change/1e4)
	for _, x := range r.Causes {
		fmt.Fprintf(g.stdout, "  %+8.1f万元  %s\n", x.Yuan/1e4, x.Zh)
	}
	return nil
}
