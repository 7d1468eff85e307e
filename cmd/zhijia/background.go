package main

import (
	"context"
	"log/slog"
	"time"

	"zhijia/internal/jobs"
	"zhijia/internal/store"
)

// jobFlags are the settings of background work.
type jobFlags struct {
	JobDrain  time.Duration `env:"ZHIJIA_JOB_DRAIN" group:"Background work" default:"30s" help:"How long a stop waits for the turns in hand; what is not at its end then is told to stop and goes on elsewhere."`
	JobBudget time.Duration `env:"ZHIJIA_JOB_BUDGET" group:"Background work" default:"0s" help:"Processor time of background work of one institution and day (China); what is beyond waits for the next day. 0: no bound."`
}

// background does background work until ctx ends. The returned function waits
// for the turns in hand.
func (f *jobFlags) background(ctx context.Context, db *store.DB, log *slog.Logger, workers ...jobs.Worker) (wait func(), err error) {
	queue, err := jobs.New(db, log)
	if err != nil {
		return nil, err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := queue.Run(ctx, jobs.RunOptions{Drain: f.JobDrain, Budget: f.JobBudget.Seconds()}, append(workers, jobs.Retention(db))...); err != nil {
			log.Error("background work", "error", err)
		}
	}()
	return func() { <-done }, nil
}
