package arranger

import (
	"context"
	"reflect"
	"strings"
	"time"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/pool"
	"zhijia/internal/store"
)

// Period is a closed collection period as stored.
type Period = store.PoolPeriod

// Close closes the next collection period of a kept pool. Where the institution
// has another person who approves, the next one waits for him.
func (d *Service) Close(ctx context.Context, by store.Actor, id string, in pool.Collection, days *calendar.Working) (Period, error) {
	return d.db.ClosePoolPeriod(ctx, by, id, d.now().UTC().Truncate(time.Microsecond), func(deal *pool.Deal, last *pool.State) (pool.Collection, pool.Closed, error) {
		deal.Days = days
		if last == nil {
			opening, err := deal.Opening()
			if err != nil {
				return in, pool.Closed{}, err
			}
			last = &opening
		}
		if in.Period == 0 {
			in.Period = last.Period + 1
		}
		closed, err := deal.Close(*last, in)
		return in, closed, err
	})
}

// Periods are all versions of a pool's periods.
func (d *Service) Periods(ctx context.Context, institution, id string) ([]Period, error) {
	if _, err := d.db.Pool(ctx, institution, id); err != nil {
		return nil, err
	}
	return d.db.PoolPeriods(ctx, institution, id)
}

// Period is the version of a period that counts, or the one asked for.
func (d *Service) Period(ctx context.Context, institution, id string, period, version int) (Period, error) {
	all, err := d.Periods(ctx, institution, id)
	if err != nil {
		return Period{}, err
	}
	for _, p := range all {
		p.Closed.Review = reviewed(&p)
		if p.Period == period && (p.Version == version || version == 0 && p.ReopenedAt == nil) {
			return p, nil
		}
	}
	return Period{}, fault.New(fault.NotFound, "pool.period.unknown", "该期尚未结账，或已重新打开。", "The period is not closed, or was reopened.")
}

// reviewed says in words whether another person stood by a closed period.
func reviewed(p *Period) string {
	switch {
	case p.ReopenedAt != nil:
		return "本版已不计入"
	case p.Review == store.Approved:
		return "已由" + p.ReviewedBy + "复核"
	}
	return "未经复核"
}

// Reopen takes a period and those after it out of force, for a reason; what was
// closed stays on record. waiting: another person has to agree first.
func (d *Service) Reopen(ctx context.Context, by store.Actor, id string, period int, reason string) (n int64, waiting bool, err error) {
	if strings.TrimSpace(reason) == "" {
		return 0, false, fault.New(fault.Invalid, "pool.period.reason", "请写明重新打开的原因。", "Say why the period is reopened.")
	}
	return d.db.ReopenPoolPeriod(ctx, by, id, period, reason, d.now().UTC().Truncate(time.Microsecond))
}

// Replayed is a pool's life worked out again from its events.
type Replayed struct {
	Periods int        `json:"periods"`
	Same    bool       `json:"same"` // every state is the one on record
	Differs []int      `json:"differs"`
	State   pool.State `json:"state"`
}

// Replay works out the periods that count again from what was told, and says
// whether the states on record are what comes out.
func (d *Service) Replay(ctx context.Context, institution, id string, days *calendar.Working) (Replayed, error) {
	p, err := d.db.Pool(ctx, institution, id)
	if err != nil {
		return Replayed{}, err
	}
	p.Deal.Days = days
	all, err := d.db.PoolPeriods(ctx, institution, id)
	if err != nil {
		return Replayed{}, err
	}
	var life []pool.Collection
	var kept []pool.State
	for _, x := range all {
		if x.ReopenedAt == nil {
			life, kept = append(life, x.Input), append(kept, x.Closed.State)
		}
	}
	state, closed, err := p.Deal.Replay(life)
	if err != nil {
		return Replayed{}, err
	}
	out := Replayed{Periods: len(life), State: state, Same: true, Differs: []int{}}
	for i := range closed {
		if !reflect.DeepEqual(closed[i].State, kept[i]) {
			out.Same, out.Differs = false, append(out.Differs, closed[i].Period)
		}
	}
	return out, nil
}
