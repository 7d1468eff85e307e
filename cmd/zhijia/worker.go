package main

import (
	"fmt"
	"log/slog"
	"time"

	"zhijia/internal/desk"
)

// workerCmd shares the work on batches.
type workerCmd struct {
	Database
	modelFlags
	watchFlags
	Rows    int           `help:"Rows worked at once." default:"8"`
	Timeout time.Duration `help:"Longest time of one row." default:"2m"`
}

// Run works until the process is told to stop; rows in hand are finished.
func (c *workerCmd) Run(g *Globals) error {
	defer steadyHeap(deskHeap)()
	d, db, done, err := c.desk(g, &c.modelFlags)
	if err != nil {
		return err
	}
	defer done()
	log := slog.New(slog.NewTextHandler(g.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	portfolios, err := c.watcher(db, log, g.days)
	if err != nil {
		return err
	}
	stopWatch := c.watching(g.ctx, portfolios)
	defer stopWatch()
	defer c.work(g.ctx, log)()
	go d.Monitor(g.ctx, bookInterval)
	fmt.Fprintln(g.stderr, "zhijia: working; stop with Ctrl-C")
	return d.Work(g.ctx, desk.WorkOptions{Rows: c.Rows, Timeout: c.Timeout})
}

// bookInterval is how often a process looks for booked patents to be valued
// again.
const bookInterval = time.Minute
