package store

import (
	"context"

	"zhijia/internal/fault"
)

// kept is how long records are kept that prove nothing: what a client is told
// again, the course of background work, messages that arrived. Valuations,
// decisions, alerts and the audit record stay.
var kept = []string{
	`DELETE FROM idempotency WHERE claimed_at < now() - interval '24 hours'`,
	`DELETE FROM webhook_deliveries WHERE status = 'delivered' AND ended_at < now() - interval '90 days'`,
	`DELETE FROM jobs WHERE status IN ('done', 'failed', 'cancelled') AND kind <> 'simulations' AND ended_at < now() - interval '180 days'`,
	`DELETE FROM watch_days WHERE day < now() - interval '30 days'`,
	`DELETE FROM processor_use WHERE day < now() - interval '400 days'`,
}

// Retain drops what has been kept for as long as it must be.
func (db *DB) Retain(ctx context.Context) (dropped int64, err error) {
	defer fault.Wrap(&err, "store.Retain")
	ctx = across(ctx)
	for _, q := range kept {
		tag, err := db.pool.Exec(ctx, q)
		if err != nil {
			return dropped, err
		}
		dropped += tag.RowsAffected()
	}
	return dropped, nil
}
