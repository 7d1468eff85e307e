package arranger

import (
	"context"

	"zhijia/internal/paging"
	"zhijia/internal/store"
)

// What is read of pools is as stored.
type (
	Pool       = store.Pool
	Summary    = store.PoolSummary
	Simulation = store.PoolSimulation
)

// Pools returns one page of the institution's pools, newest first, and the
// cursor of the next.
func (d *Service) Pools(ctx context.Context, institution, cursor string, limit int) (_ []Summary, next string, err error) {
	at, err := paging.Read(cursor)
	if err != nil {
		return nil, "", err
	}
	found, err := d.db.Pools(ctx, institution, at.At, at.ID, limit+1)
	if err != nil {
		return nil, "", err
	}
	page, next := paging.Cut(found, limit, func(p *Summary) paging.Place { return paging.Place{At: p.CreatedAt, ID: p.ID} })
	return page, next, nil
}

// Release frees the pool's patents for another pool.
func (d *Service) Release(ctx context.Context, institution, by, id string) error {
	return d.db.ReleasePool(ctx, institution, by, id, d.now())
}
