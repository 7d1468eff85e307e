package main

import (
	"fmt"
	"log/slog"
	"time"

	"zhijia/internal/arranger"
	"zhijia/internal/desk"
	"zhijia/internal/gate"
	"zhijia/internal/jobs"
	"zhijia/internal/judge"
	"zhijia/internal/ledger"
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
	queue, err := jobs.New(db, log)
	if err != nil {
		return err
	}
	workers := append(portfolios.Workers(c.WatchInterval), c.scoring(g.ctx, judge.RunOptions{})...)
	workers = append(workers, d.Workers(desk.WorkOptions{Rows: c.Rows, Timeout: c.Timeout})...)
	workers = append(workers, d.Monitor(bookInterval)...)
	workers = append(workers, arranger.New(db, queue, time.Now).Worker(), c.evaluations(g, db, queue).Worker(), gate.New(gate.Options{DB: db, Log: log}).Retention())
	workers = append(workers, ledger.New(db, time.Now).Worker(driftInterval))
	fmt.Fprintln(g.stderr, "zhijia: working; stop with Ctrl-C")
	return queue.Run(g.ctx, jobs.RunOptions{}, workers...)
}

// bookInterval is how often a process looks for booked patents to be valued
// again.
const bookInterval = time.Minute

// driftInterval is how often the deals that came are held against the models.
const driftInterval = 24 * time.Hour
