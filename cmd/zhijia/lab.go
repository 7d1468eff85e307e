package main

import (
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"zhijia/internal/appraisal"
	"zhijia/internal/fault"
	"zhijia/internal/lab"
	"zhijia/internal/store"
)

// labCmd finds out what a machine carries, on made-up data, and what faults do to a service of its own.
type labCmd struct {
	Generate labGenerateCmd `cmd:"" help:"Fill an institution with generated patents, deals, events and valuations; the same seed gives the same records, and a run that was broken off is completed."`
	Measure  labMeasureCmd  `cmd:"" help:"Value, search and list over what was generated: p50, p99, a second, statements, size on disk, memory."`
	Soak     labSoakCmd     `cmd:"" help:"Work a service at a share of its capacity while its processes, its database and the network between them are frozen, killed and cut at random moments."`
	Hostile  labHostileCmd  `cmd:"" help:"Let one institution attack a service and measure another's requests before, during and after."`
}

type labGenerateCmd struct {
	Database
	Patents    int    `help:"Patents." default:"10000"`
	Deals      int    `help:"Priced deals." default:"1000"`
	Events     int    `help:"Legal events." default:"0"`
	Valuations int    `help:"Stored valuations: the first 200 are made, the others repeat them." default:"0"`
	Seed       uint64 `help:"The same seed gives the same records." default:"1"`
	Workers    int    `help:"Batches written at once." default:"2"`
}

func (c *labGenerateCmd) Run(g *Globals) error {
	if strings.EqualFold(os.Getenv("ZHIJIA_ENV"), "production") {
		return fault.New(fault.Forbidden, "lab.production", "生产环境（ZHIJIA_ENV=production）不生成虚构数据。", "Nothing is generated in production (ZHIJIA_ENV=production).")
	}
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	svc, err := appraisal.New(g.ctx, db, appraisal.Options{Days: g.days})
	if err != nil {
		return err
	}
	steps, err := lab.Generate(g.ctx, db, svc, g.operator(), lab.Size{Seed: c.Seed, Patents: c.Patents, Deals: c.Deals, Events: c.Events, Valuations: c.Valuations}, c.Workers, func(what string, n, of int) {
		if terminal(g.stderr) {
			fmt.Fprintf(g.stderr, "\r%-20s %9d of %9d ", what, n, of)
		}
	})
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(map[string]any{"seed": c.Seed, "steps": steps})
	}
	w := tabwriter.NewWriter(g.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\twritten\tthere before\tseconds\trows/s")
	for _, s := range steps {
		fmt.Fprintf(w, "%s\t%d\t%d\t%.1f\t%.0f\n", s.What, s.Rows, s.There, s.Seconds, s.PerSec)
	}
	return w.Flush()
}

type labMeasureCmd struct {
	Database
	Patents int    `help:"Patents that were generated." default:"10000"`
	Seed    uint64 `help:"Seed they were generated from." default:"1"`
	Times   int    `help:"Valuations a line." default:"300"`
	Clients []int  `help:"Clients at once, a line each." default:"1,8"`
}

func (c *labMeasureCmd) Run(g *Globals) error {
	url, release, err := c.url(g)
	if err != nil {
		return err
	}
	defer release()
	db, err := openMigrated(g, url, &c.Database)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := g.identify(db); err != nil {
		return err
	}
	svc, err := appraisal.New(g.ctx, db, appraisal.Options{Days: g.days})
	if err != nil {
		return err
	}
	statements := lab.Count()
	traced, err := store.Open(g.ctx, url, store.Options{MaxConns: 2, Trace: true, Institution: g.Institution})
	if err != nil {
		return err
	}
	defer traced.Close()
	counted, err := appraisal.New(g.ctx, traced, appraisal.Options{Days: g.days})
	if err != nil {
		return err
	}
	m, err := lab.Measure(g.ctx, db, svc, counted, statements, g.operator(), lab.Plan{Seed: c.Seed, Patents: c.Patents, Times: c.Times, Clients: c.Clients, Say: func(r lab.Row) {
		if terminal(g.stderr) {
			fmt.Fprintf(g.stderr, "%s, %d at once: p50 %.1f ms\n", r.What, r.Clients, r.P50)
		}
	}})
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(m)
	}
	fmt.Fprintf(g.stdout, "%d patents, %d deals, %d valuations, %.0f MB on disk; first valuation %.0f ms; this process %.0f MiB; search by %s\n\n",
		m.Counts.Patents, m.Counts.Deals, m.Counts.Valuations, float64(m.Counts.Bytes)/1e6, m.First, m.PeakMiB, m.Path)
	w := tabwriter.NewWriter(g.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\tclients\tp50 ms\tp99 ms\ta second\tstatements\tround trips\tin the database ms")
	for _, r := range m.Rows {
		fmt.Fprintf(w, "%s\t%d\t%.1f\t%.1f\t%.1f\t%s\t%s\t%s\n", r.What, r.Clients, r.P50, r.P99, r.PerSecond, orDash(r.Statements), orDash(r.RoundTrips), orDash(r.InDatabase))
	}
	fmt.Fprintln(w, "\ntable\trows\tMB\tindexes MB")
	for _, t := range m.Tables {
		fmt.Fprintf(w, "%s\t%d\t%.0f\t%.0f\n", t.Table, t.Rows, float64(t.Bytes)/1e6, float64(t.Indexes)/1e6)
	}
	return w.Flush()
}

func orDash(x float64) string {
	if x == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f", x)
}
