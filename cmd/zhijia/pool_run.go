package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"

	"zhijia/internal/arranger"
)

// poolRunCmd is a computation of a kept pool as an order.
type poolRunCmd struct {
	Start  poolRunStartCmd  `cmd:"" help:"Order a run; the service or a worker carries it out."`
	List   poolRunListCmd   `cmd:"" help:"The last runs of a pool."`
	Show   poolRunShowCmd   `cmd:"" help:"Progress of a run, and its report when done."`
	Cancel poolRunCancelCmd `cmd:"" help:"End a run that has not ended."`
}

type poolRunStartCmd struct {
	poolDesk
	ID       string `arg:"" help:"Id of the pool."`
	Kind     string `required:"" enum:"stress,size,build" help:"stress, size or build."`
	Request  string `type:"existingfile" help:"JSON of what is asked, as the REST operation of the kind takes it; none: its defaults."`
	By       string `default:"cli" help:"Who orders it, for the record."`
	Estimate bool   `help:"Say what it would take, and order nothing."`
}

// Run orders.
func (c *poolRunStartCmd) Run(g *Globals) error {
	desk, done, err := c.desk(g)
	if err != nil {
		return err
	}
	defer done()
	var request []byte
	if c.Request != "" {
		if request, err = os.ReadFile(c.Request); err != nil {
			return err
		}
	}
	if c.Estimate {
		cost, err := desk.Estimate(g.ctx, g.Institution, c.ID, c.Kind, request)
		if err != nil {
			return err
		}
		return g.estimate(cost)
	}
	r, err := desk.StartRun(g.ctx, g.Institution, c.actor(g, c.By).Name, c.ID, c.Kind, request)
	if err != nil {
		return err
	}
	return g.tellRun(&r)
}

// tellRun prints a run.
func (g *Globals) tellRun(r *arranger.Run) error {
	if g.JSON {
		return g.print(map[string]any{"id": r.ID, "pool_id": r.PoolID, "kind": r.Kind, "status": r.Status, "done": r.Done, "total": r.Total, "seconds": r.Seconds, "error": r.Error, "report": json.RawMessage(cmp.Or(string(r.Report), "null"))})
	}
	state := map[string]string{"running": "进行中", "done": "已完成", "failed": "失败", "cancelled": "已取消"}[r.Status]
	fmt.Fprintf(g.stdout, "%s %s %s %d/%d 预计单核%.1f秒 %s %s\n", r.ID, r.Kind, state, r.Done, r.Total, r.Seconds, r.CreatedBy, r.Error)
	if len(r.Report) > 0 {
		fmt.Fprintln(g.stdout, string(r.Report))
	}
	return nil
}

type poolRunListCmd struct {
	poolDesk
	ID string `arg:"" help:"Id of the pool."`
}

// Run lists.
func (c *poolRunListCmd) Run(g *Globals) error {
	desk, done, err := c.desk(g)
	if err != nil {
		return err
	}
	defer done()
	list, err := desk.Runs(g.ctx, g.Institution, c.ID)
	for i := range list {
		if err := g.tellRun(&list[i]); err != nil {
			return err
		}
	}
	return err
}

type poolRunShowCmd struct {
	poolDesk
	Which string `arg:"" name:"run" help:"Id of the run."`
}

// Run shows.
func (c *poolRunShowCmd) Run(g *Globals) error {
	desk, done, err := c.desk(g)
	if err != nil {
		return err
	}
	defer done()
	r, err := desk.RunStatus(g.ctx, g.Institution, c.Which)
	if err != nil {
		return err
	}
	return g.tellRun(&r)
}

type poolRunCancelCmd struct {
	poolDesk
	Which string `arg:"" name:"run" help:"Id of the run."`
	By    string `default:"cli" help:"Who cancels it, for the record."`
}

// Run cancels.
func (c *poolRunCancelCmd) Run(g *Globals) error {
	desk, done, err := c.desk(g)
	if err != nil {
		return err
	}
	defer done()
	r, err := desk.CancelRun(g.ctx, g.Institution, c.actor(g, c.By).Name, c.Which)
	if err != nil {
		return err
	}
	return g.tellRun(&r)
}
