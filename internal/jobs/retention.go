package jobs

import (
	"context"
	"time"

	"zhijia/internal/store"
)

// Retention drops, every hour, what has been kept for as long as it must be.
func Retention(db *store.DB) Worker {
	return Worker{Kind: Kind{Name: "retention", Queued: 1, Timeout: 10 * time.Minute}, Turns: 1, Every: time.Hour, Do: func(ctx context.Context, _ *Turn) (Next, error) {
		_, err := db.Retain(ctx)
		return Idle, err
	}}
}
