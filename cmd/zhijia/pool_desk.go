package main

import (
	"cmp"
	"fmt"
	"log/slog"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/arranger"
	"zhijia/internal/jobs"
)

// poolDesk are the flags of the commands that need the database.
type poolDesk struct {
	Database
}

func (c *poolDesk) desk(g *Globals) (*arranger.Service, func(), error) {
	db, done, err := c.open(g)
	if err != nil {
		return nil, nil, err
	}
	log := slog.New(slog.NewTextHandler(g.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	queue, err := jobs.New(db, log)
	if err != nil {
		done()
		return nil, nil, err
	}
	return arranger.New(db, queue, time.Now), done, nil
}

// actor is in whose name a period is closed or reopened.
func (c *poolDesk) actor(g *Globals, by string) appraisal.Actor {
	a := g.operator()
	if g.who == nil { // nobody's key was given
		a.Name = cmp.Or(by, a.Name)
	}
	return a
}

type poolCreateCmd struct {
	dealFile
	poolDesk
	By string `default:"cli" help:"Who creates it, for the record."`
}

// Run keeps the deal.
func (c *poolCreateCmd) Run(g *Globals) error {
	d, err := c.withDays(g)
	if err != nil {
		return err
	}
	desk, done, err := c.desk(g)
	if err != nil {
		return err
	}
	defer done()
	p, notes, err := desk.Create(g.ctx, g.Institution, c.By, d)
	if err != nil {
		return err
	}
	coll := p.Deal.Collateral()
	if g.JSON {
		return g.print(map[string]any{"id": p.ID, "created_at": p.CreatedAt, "notes": notes, "tests": p.Deal.Test(), "collateral": coll})
	}
	fmt.Fprintf(g.stdout, "%s %s\n", p.ID, p.Deal.Name)
	for _, n := range notes {
		fmt.Fprintln(g.stdout, "  "+n)
	}
	fmt.Fprintf(g.stdout, "测试通过：%v；知识产权剔除%d件，未估值%d件\n", map[bool]string{true: "是", false: "否"}[p.Deal.Test().Passes], len(coll.Excluded), len(coll.Unvalued))
	return nil
}

type poolListCmd struct{ poolDesk }

// Run lists.
func (c *poolListCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	list, err := db.Pools(g.ctx, g.Institution, time.Time{}, "", 100)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(list)
	}
	for _, p := range list {
		fmt.Fprintf(g.stdout, "%s %s %s %d件 %s\n", p.ID, p.CreatedAt.Format(time.DateTime), p.CutOff, p.Patents, p.Name)
	}
	return nil
}

type poolShowCmd struct {
	poolDesk
	ID string `arg:"" help:"Id of the pool."`
}

// Run shows the deal as it was kept.
func (c *poolShowCmd) Run(g *Globals) error {
	desk, done, err := c.desk(g)
	if err != nil {
		return err
	}
	defer done()
	p, err := desk.Pool(g.ctx, g.Institution, c.ID)
	if err != nil {
		return err
	}
	return g.print(p.Deal)
}
