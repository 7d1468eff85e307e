package arranger

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/fault"
	"zhijia/internal/jobs"
	"zhijia/internal/pool"
	"zhijia/internal/store"
	"zhijia/internal/strict"
)

// Run is a stress grid, a sizing or a building of a pool as an order.
type Run = store.PoolRun

// Kinds of runs.
const (
	Stress = "stress"
	Size   = "size"
	Build  = "build"
)

const runPrefix = "pr"

// AtOnce is how many seconds a computation may be estimated at to be answered in
// the request that asks for it; beyond, it is an order.
const AtOnce = 1.0

// Built is the builder's answer with the deal it built.
type Built struct {
	pool.Built
	Deal *pool.Deal `json:"deal"`
}

// task is a run ready to be worked: in parts, each kept as it is finished.
type task struct {
	cost   pool.Cost
	parts  int
	part   func(i int) (any, error)
	report func(parts []json.RawMessage) (any, error)
}

// oneTask is a task of one part.
func oneTask(cost pool.Cost, do func() (any, error)) task {
	return task{cost, 1, func(int) (any, error) { return do() }, func(parts []json.RawMessage) (any, error) { return parts[0], nil }}
}

// taskOf reads what is asked. stop ends its work with its error.
func taskOf(deal *pool.Deal, kind string, request json.RawMessage, stop func() error) (t task, err error) {
	if len(request) == 0 {
		request = json.RawMessage("{}")
	}
	decode := func(in any) error {
		return strict.Decode(request, in, "pool.json", "字段或取值无法识别，请对照接口说明。", "A field or value is not recognised; see the specification.")
	}
	switch kind {
	case Stress:
		var g pool.StressGrid
		if err := decode(&g); err != nil {
			return t, err
		}
		plan, err := deal.PlanStress(g, stop)
		if err != nil {
			return t, err
		}
		return task{plan.Cost(), plan.Rows(), func(i int) (any, error) { return plan.Row(i) }, func(parts []json.RawMessage) (any, error) {
			rows := make([]pool.StressRow, len(parts))
			for i := range parts {
				if err := json.Unmarshal(parts[i], &rows[i]); err != nil {
					return nil, err
				}
			}
			return plan.Report(rows), nil
		}}, nil
	case Size:
		var target pool.SizeTarget
		if err := decode(&target); err != nil {
			return t, err
		}
		if err := deal.Check(); err != nil {
			return t, err
		}
		return oneTask(deal.SizeCost(), func() (any, error) { return deal.SizeSeniorUntil(target, stop) }), nil
	case Build:
		var limits pool.BuildLimits
		if err := decode(&limits); err != nil {
			return t, err
		}
		if err := deal.Check(); err != nil {
			return t, err
		}
		return oneTask(deal.BuildCost(limits), func() (any, error) {
			b, err := deal.BuildUntil(limits, stop)
			return Built{b, b.Deal}, err
		}), nil
	}
	return t, fault.New(fault.Invalid, "pool.run.kind", "任务类型应为 stress、size 或 build。", "The kind of run must be stress, size or build.", fault.Field{Field: "kind", Code: "field.enum", Zh: "应为 stress、size 或 build", En: "must be stress, size or build"})
}

// refuse refuses a task that is too large, in all or for one turn.
func (t *task) refuse() error {
	if err := t.cost.Refuse(); err != nil {
		return err
	}
	if t.parts == 1 && t.cost.Seconds > whole {
		return fault.New(fault.TooLarge, "pool.cost", "该测算不能分段，预计超过单次上限480秒：请减少候选资产、资产笔数或期数。", "This cannot be cut into parts and is estimated at more than the 480 seconds of one: fewer candidates, receivables or periods.")
	}
	return nil
}

// Estimate is what a computation of a kept pool would take: stress, size, build,
// or simulation with its number of scenarios.
func (d *Service) Estimate(ctx context.Context, institution, poolID, kind string, request json.RawMessage) (_ pool.Cost, err error) {
	defer fault.Wrap(&err, "arranger.Estimate")
	p, err := d.db.Pool(ctx, institution, poolID)
	if err != nil {
		return pool.Cost{}, err
	}
	if kind == "simulation" {
		in := struct {
			Scenarios int64         `json:"scenarios"`
			Seed      uint64        `json:"seed"`
			Targets   []pool.Target `json:"targets"`
		}{Scenarios: 20_000}
		if len(request) > 0 {
			if err := strict.Decode(request, &in, "pool.json", "字段或取值无法识别，请对照接口说明。", "A field or value is not recognised; see the specification."); err != nil {
				return pool.Cost{}, err
			}
		}
		sim, err := p.Deal.NewSimulation(in.Seed)
		if err != nil {
			return pool.Cost{}, err
		}
		return sim.Cost(in.Scenarios), nil
	}
	t, err := taskOf(&p.Deal, kind, request, nil)
	return t.cost, err
}

// Ask answers what is quick at once, and orders what is not: one of the two
// results is set.
func (d *Service) Ask(ctx context.Context, institution, by string, p *Pool, kind string, request json.RawMessage) (answer any, run *Run, err error) {
	defer fault.Wrap(&err, "arranger.Ask")
	t, err := taskOf(&p.Deal, kind, request, ctx.Err)
	if err != nil {
		return nil, nil, err
	}
	if t.cost.Seconds > AtOnce {
		r, err := d.order(ctx, institution, by, p.ID, kind, request, &t)
		return nil, &r, err
	}
	parts := make([]json.RawMessage, t.parts)
	for i := range parts {
		part, err := t.part(i)
		if err != nil {
			return nil, nil, err
		}
		if t.parts == 1 && kind != Stress {
			return part, nil, nil
		}
		if parts[i], err = json.Marshal(part); err != nil {
			return nil, nil, err
		}
	}
	answer, err = t.report(parts)
	return answer, nil, err
}

// StartRun orders a run of a kept pool: the job is in the database when it
// returns, and is worked in the background.
func (d *Service) StartRun(ctx context.Context, institution, by, poolID, kind string, request json.RawMessage) (_ Run, err error) {
	defer fault.Wrap(&err, "arranger.StartRun")
	p, err := d.db.Pool(ctx, institution, poolID)
	if err != nil {
		return Run{}, err
	}
	t, err := taskOf(&p.Deal, kind, request, nil)
	if err != nil {
		return Run{}, err
	}
	return d.order(ctx, institution, by, poolID, kind, request, &t)
}

func (d *Service) order(ctx context.Context, institution, by, poolID, kind string, request json.RawMessage, t *task) (Run, error) {
	if err := t.refuse(); err != nil {
		return Run{}, err
	}
	if len(request) == 0 {
		request = json.RawMessage("{}")
	}
	now := d.now().UTC().Truncate(time.Microsecond)
	id := store.MadeID(ctx, runPrefix, now)
	if made, err := d.db.PoolRun(ctx, institution, id); err == nil { // by an earlier try of the same request
		return made, nil
	}
	r := Run{
		ID: id, PoolID: poolID, Institution: institution, Kind: kind, Request: request, CreatedAt: now, CreatedBy: by,
		Seconds: t.cost.Seconds, Status: "running", Total: t.parts,
	}
	return r, d.db.PutPoolRun(ctx, r, openSeconds, func(tx pgx.Tx) error {
		return simulations.Add(ctx, d.queue, tx, institution, jobs.Order[simulation]{Key: r.ID, Subject: r.ID, Args: simulation{r.ID}})
	})
}

// RunStatus returns a run with its progress and report.
func (d *Service) RunStatus(ctx context.Context, institution, id string) (Run, error) {
	return d.db.PoolRun(ctx, institution, id)
}

// Runs are the last runs of a pool, newest first.
func (d *Service) Runs(ctx context.Context, institution, poolID string) ([]Run, error) {
	if _, err := d.db.Pool(ctx, institution, poolID); err != nil {
		return nil, err
	}
	return d.db.PoolRuns(ctx, institution, poolID)
}

// CancelRun ends a run that has not ended; whoever works on it stops.
func (d *Service) CancelRun(ctx context.Context, institution, by, id string) (Run, error) {
	if err := d.cancel(ctx, institution, by, "run", id); err != nil {
		return Run{}, err
	}
	return d.db.PoolRun(ctx, institution, id)
}

// CancelSimulation ends a simulation that has not ended.
func (d *Service) CancelSimulation(ctx context.Context, institution, by, id string) (Simulation, error) {
	if err := d.cancel(ctx, institution, by, "simulation", id); err != nil {
		return Simulation{}, err
	}
	return d.db.PoolSimulation(ctx, institution, id)
}

func (d *Service) cancel(ctx context.Context, institution, by, table, id string) (err error) {
	defer fault.Wrap(&err, "arranger.cancel(%s)", id)
	return d.db.CancelPoolWork(ctx, institution, by, table, id, d.now().UTC().Truncate(time.Microsecond), func(tx pgx.Tx) error {
		return d.queue.Cancel(ctx, tx, institution, id)
	})
}

// workRun works missing parts until over, keeps each, and concludes when there
// is none; more says that some are left. A failure of the inputs ends the run; a
// failure of the database, and an end of the turn, leave it to the next.
func (d *Service) workRun(ctx context.Context, institution, id string, over func() bool) (more bool, err error) {
	defer fault.Wrap(&err, "arranger.workRun(%s)", id)
	r, err := d.db.PoolRun(ctx, institution, id)
	if err != nil || r.Status != "running" {
		return false, err
	}
	p, err := d.db.Pool(ctx, institution, r.PoolID)
	if err != nil {
		return false, err
	}
	failed := func(err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return d.db.FinishPoolRun(ctx, id, nil, fault.Public(err).Zh, d.now())
	}
	t, err := taskOf(&p.Deal, r.Kind, r.Request, ctx.Err)
	if err != nil {
		return false, failed(err)
	}
	kept, err := d.db.PoolRunParts(ctx, id)
	if err != nil {
		return false, err
	}
	parts := make([]json.RawMessage, t.parts)
	for i, worked := 0, false; i < t.parts; i++ {
		if parts[i] = kept[i]; parts[i] != nil {
			continue
		}
		if worked && over() {
			return true, nil
		}
		part, err := t.part(i)
		if err != nil {
			return false, failed(err)
		}
		if parts[i], err = json.Marshal(part); err != nil {
			return false, err
		}
		if err := d.db.PutPoolRunPart(ctx, id, i, parts[i]); err != nil {
			return false, err
		}
		worked = true
	}
	report, err := t.report(parts)
	if err != nil {
		return false, err
	}
	body, err := json.Marshal(report)
	if err != nil {
		return false, err
	}
	return false, d.db.FinishPoolRun(ctx, id, body, "", d.now())
}
