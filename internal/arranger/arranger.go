// Package arranger is the use case of the securitisation desk: it joins a deal
// with what the rest of the product knows (stored valuations, patents, other
// pools), keeps pools, and simulates them on every core, in turns of a job.
//
// Start with [Desk]. [Simulate] needs no database.
package arranger

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"zhijia/internal/fault"
	"zhijia/internal/jobs"
	"zhijia/internal/patent"
	"zhijia/internal/pool"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
)

// Desk keeps pools and runs their simulations.
type Desk struct {
	db    *store.DB
	now   func() time.Time
	queue *jobs.Queue
}

// NewDesk returns a desk over the database.
func NewDesk(db *store.DB, now func() time.Time, log *slog.Logger) (*Desk, error) {
	queue, err := jobs.New(db, log)
	return &Desk{db: db, now: now, queue: queue}, err
}

// Normal is the normal form of a patent's number, or the text as given when it
// is no number we know.
func Normal(number string) string {
	if n, err := patent.ParseNumber(number); err == nil {
		return string(n.Key())
	}
	return number
}

// Create completes a deal from the store and keeps it. It returns the stored
// pool with the notes of what was added.
func (d *Desk) Create(ctx context.Context, institution, by string, deal pool.Deal) (_ store.Pool, notes []string, err error) {
	defer fault.Wrap(&err, "arranger.Create")
	if err := deal.Check(); err != nil {
		return store.Pool{}, nil, err
	}
	notes, err = d.Complete(ctx, institution, &deal, "")
	if err != nil {
		return store.Pool{}, nil, err
	}
	p := store.Pool{ID: "pl_" + rand.Text(), Institution: institution, CreatedAt: d.now().UTC().Truncate(time.Microsecond), CreatedBy: by, Deal: deal}
	for _, x := range deal.Patents {
		if n := Normal(x.Number); !slices.Contains(p.Numbers, n) {
			p.Numbers = append(p.Numbers, n)
		}
	}
	return p, notes, d.db.PutPool(ctx, p)
}

// Complete fills what a deal leaves open from the store: values from the
// institution's latest valuations up to the cut-off, state from a valuation at
// zero, state and encumbrance from the legal events public by the cut-off,
// family, dates and owner from the patent records, and the other pool
// that already holds a patent. Facts the deal states are kept.
func (d *Desk) Complete(ctx context.Context, institution string, deal *pool.Deal, except string) (notes []string, err error) {
	defer fault.Wrap(&err, "arranger.Complete")
	at := map[string][]int{}
	var numbers []string
	deal.Patents = slices.Clone(deal.Patents)
	for i, x := range deal.Patents {
		n := Normal(x.Number)
		if at[n] == nil {
			numbers = append(numbers, n)
		}
		at[n] = append(at[n], i)
	}
	values, err := d.db.LatestValues(ctx, institution, numbers, deal.CutOff)
	if err != nil {
		return nil, err
	}
	for _, v := range values {
		for _, i := range at[v.Number] {
			x := &deal.Patents[i]
			switch {
			case v.Status == valuation.Zero:
				x.State, x.StateReason, x.StateAsOf = "dead", v.Reason, v.AsOf
				notes = append(notes, fmt.Sprintf("%s：估值%s显示权利已失效", x.Number, v.ID))
			case x.Value == nil && v.Status == valuation.Valued && v.Estimate.Point != nil:
				x.Value = &pool.Value{
					Low: v.Estimate.Low, Point: *v.Estimate.Point, High: v.Estimate.High, Level: v.Estimate.Level,
					Date: v.AsOf, ValuationID: v.ID, Source: "估值参考意见",
				}
				notes = append(notes, fmt.Sprintf("%s：取自估值%s", x.Number, v.ID))
			case x.Value == nil:
				notes = append(notes, fmt.Sprintf("%s：估值%s未给出点值（%s）", x.Number, v.ID, v.Status))
			}
		}
	}
	events, err := d.db.Events(ctx, numbers)
	if err != nil {
		return nil, err
	}
	for _, number := range numbers {
		if len(events[number]) == 0 {
			continue
		}
		s := patent.Reduce(events[number], deal.CutOff)
		for _, i := range at[number] {
			notes = append(notes, register(&deal.Patents[i], &s)...)
		}
	}
	facts, err := d.db.PatentFacts(ctx, numbers)
	if err != nil {
		return nil, err
	}
	for _, f := range facts {
		for _, i := range at[f.Number] {
			x := &deal.Patents[i]
			if x.Title == "" {
				x.Title = f.Title
			}
			if x.Family == "" {
				x.Family = f.FamilyID
			}
			if x.Filed.IsZero() {
				x.Filed = f.Filing
			}
			if x.Granted.IsZero() {
				x.Granted = f.Grant
			}
			if x.Owner == "" && len(f.Owners) > 0 {
				x.Owner, x.OwnerPerson = f.Owners[0], f.OwnerType == "individual"
			}
		}
	}
	holders, err := d.db.PoolsHolding(ctx, numbers, except)
	if err != nil {
		return nil, err
	}
	for _, h := range holders {
		name := h.Name + " " + h.Pool
		if h.Institution != institution {
			name = "其他机构的资产池"
		}
		for _, i := range at[h.Number] {
			if deal.Patents[i].OtherPool == "" {
				deal.Patents[i].OtherPool = name
				notes = append(notes, fmt.Sprintf("%s：已在%s中", deal.Patents[i].Number, name))
			}
		}
	}
	offers, err := d.db.Offers(ctx, numbers)
	if err != nil {
		return nil, err
	}
	for _, o := range offers {
		if o.Product == patent.ByPool || o.Product == patent.ByLicence {
			continue
		}
		name := o.Product.Zh() + " " + o.Reference
		if o.Institution != institution {
			name = "其他机构的" + o.Product.Zh()
		}
		for _, i := range at[o.Number] {
			if o.Status == store.Committed && deal.Patents[i].OtherPool == "" {
				deal.Patents[i].OtherPool = name
				notes = append(notes, fmt.Sprintf("%s：已在%s中", deal.Patents[i].Number, name))
			} else if o.Status == store.Offered {
				notes = append(notes, fmt.Sprintf("%s：已另提供给%s，尚未生效", deal.Patents[i].Number, name))
			}
		}
	}
	return notes, nil
}

// Pool returns a institution's pool.
func (d *Desk) Pool(ctx context.Context, institution, id string) (store.Pool, error) {
	return d.db.Pool(ctx, institution, id)
}

// Simulate runs a simulation on every core and concludes. progress, when not
// nil, is called with the number of paths done, never concurrently.
func Simulate(ctx context.Context, deal *pool.Deal, seed uint64, scenarios int64, targets []pool.Target, progress func(done int64)) (_ pool.CreditReport, err error) {
	defer fault.Wrap(&err, "arranger.Simulate")
	if err := checkScenarios(scenarios); err != nil {
		return pool.CreditReport{}, err
	}
	sim, err := deal.NewSimulation(seed)
	if err != nil {
		return pool.CreditReport{}, err
	}
	var total pool.Tally
	_, err = ranges(ctx, sim, missing(scenarios, nil), func() bool { return false }, func(_, _ int64, t pool.Tally) error {
		total.Merge(t)
		if progress != nil {
			progress(total.Paths)
		}
		return nil
	})
	if err != nil {
		return pool.CreditReport{}, err
	}
	return sim.Conclude(total, targets)
}

// Bounds of one simulation.
const (
	maxScenarios = 500_000
	maxPaths     = 5_000                  // of one range
	rangeTime    = 100 * time.Millisecond // of one range, about: it cannot be broken off
	probe        = 16                     // paths timed to estimate the cost
	maxEstimate  = 8 * time.Hour          // of processor time
)

// paths hands out ranges of the paths that are not simulated yet, each about as
// long as rangeTime.
type paths struct {
	mu   sync.Mutex
	gaps [][2]int64 // from ≤ i < to, in order
	size int64      // of the next range
}

// missing are the paths of a simulation that no tally holds.
func missing(scenarios int64, done map[int64]pool.Tally) *paths {
	p := &paths{size: probe}
	at := int64(0)
	for _, from := range slices.Sorted(maps.Keys(done)) {
		if from > at {
			p.gaps = append(p.gaps, [2]int64{at, from})
		}
		at = from + done[from].Paths
	}
	if at < scenarios {
		p.gaps = append(p.gaps, [2]int64{at, scenarios})
	}
	return p
}

// next returns a range; to is 0 when none is left.
func (p *paths) next() (from, to int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.gaps) == 0 {
		return 0, 0
	}
	g := &p.gaps[0]
	from, to = g[0], min(g[0]+p.size, g[1])
	if g[0] = to; to == g[1] {
		p.gaps = p.gaps[1:]
	}
	return from, to
}

// took fits the size of ranges to the time that one of n paths took.
func (p *paths) took(n int64, d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case d > rangeTime && n >= p.size:
		p.size = max(p.size/2, 1)
	case d < rangeTime/2 && n >= p.size:
		p.size = min(2*p.size, maxPaths)
	}
}

// ranges simulates on every core what is missing, until ctx ends or over says
// so, and hands each tally to save, one at a time. It reports whether nothing
// is left.
func ranges(ctx context.Context, sim *pool.Simulation, left *paths, over func() bool, save func(from, to int64, t pool.Tally) error) (complete bool, err error) {
	g, ctx := errgroup.WithContext(ctx)
	var mu sync.Mutex
	for range runtime.GOMAXPROCS(0) {
		g.Go(func() error {
			for {
				if err := ctx.Err(); err != nil {
					return err
				}
				if over() {
					return nil
				}
				from, to := left.next()
				if to == 0 {
					return nil
				}
				start := time.Now()
				t, err := sim.Range(from, to)
				if err != nil {
					return err
				}
				left.took(to-from, time.Since(start))
				mu.Lock()
				err = save(from, to, t)
				mu.Unlock()
				if err != nil {
					return err
				}
			}
		})
	}
	err = g.Wait()
	return err == nil && len(left.gaps) == 0, err
}

func checkScenarios(n int64) error {
	if n < 1 || n > maxScenarios {
		return fault.New(fault.Invalid, "pool.scenarios", "情景数应为1至500000。", "scenarios must be 1 to 500000")
	}
	return nil
}

var simulationKind = jobs.Kind{Name: "simulations", Queued: 1, Open: 10, Timeout: 10 * time.Minute}

// Start accepts a simulation of a stored pool: the job is in the database when
// Start returns, with an estimate of its cost, and is worked in the background.
func (d *Desk) Start(ctx context.Context, institution, by, poolID string, seed uint64, scenarios int64, targets []pool.Target) (_ store.PoolSimulation, err error) {
	defer fault.Wrap(&err, "arranger.Start")
	p, err := d.db.Pool(ctx, institution, poolID)
	if err != nil {
		return store.PoolSimulation{}, err
	}
	if err := checkScenarios(scenarios); err != nil {
		return store.PoolSimulation{}, err
	}
	sim, err := p.Deal.NewSimulation(seed)
	if err != nil {
		return store.PoolSimulation{}, err
	}
	n, start := min(scenarios, probe), time.Now()
	if _, err := sim.Range(0, n); err != nil {
		return store.PoolSimulation{}, err
	}
	estimate := time.Duration(float64(time.Since(start)) / float64(n) * float64(scenarios))
	if estimate > maxEstimate {
		return store.PoolSimulation{}, fault.New(fault.TooLarge, "pool.simulation.cost", fmt.Sprintf("预计需要处理器时间%.0f小时，超过%.0f小时上限，请减少情景数。", estimate.Hours(), maxEstimate.Hours()),
			fmt.Sprintf("The simulation would take about %.0f hours of processor time, more than %.0f; ask for fewer scenarios.", estimate.Hours(), maxEstimate.Hours()))
	}
	s := store.PoolSimulation{
		ID: "ps_" + rand.Text(), PoolID: poolID, Institution: institution, CreatedAt: d.now().UTC().Truncate(time.Microsecond),
		Seed: seed, Scenarios: scenarios, Targets: targets, Status: "running", Estimate: estimate.Seconds(),
	}
	return s, d.db.PutPoolSimulation(ctx, s, func(tx pgx.Tx) error {
		return d.queue.Call(ctx, tx, simulationKind, store.Job{ID: s.ID, Institution: institution, Subject: poolID, CreatedBy: by, Total: scenarios, Estimate: s.Estimate})
	})
}

// Status returns a simulation with its progress.
func (d *Desk) Status(ctx context.Context, institution, id string) (store.PoolSimulation, error) {
	return d.db.PoolSimulation(ctx, institution, id)
}

// Cancel ends a simulation that is not at its end: what is in hand stops within
// a range.
func (d *Desk) Cancel(ctx context.Context, institution, id, by string) (store.PoolSimulation, error) {
	if _, err := d.queue.Cancel(ctx, institution, id, by); err != nil {
		return store.PoolSimulation{}, err
	}
	return d.Status(ctx, institution, id)
}

// Resume works every unfinished simulation in this process that no other has in
// hand.
func (d *Desk) Resume(ctx context.Context) error {
	open, err := d.db.RunningPoolSimulations(ctx)
	if err != nil {
		return err
	}
	var failed error // of one simulation: the others go on
	for _, s := range open {
		for ctx.Err() == nil {
			taken, err := d.queue.Once(ctx, d.worker(), store.Job{ID: s.ID, Institution: s.Institution, CreatedBy: "system"})
			if failed = errors.Join(failed, err); err != nil || !taken {
				break
			}
		}
	}
	return errors.Join(failed, ctx.Err())
}

// Workers work simulations, one at a time in a process: each uses every core.
func (d *Desk) Workers() []jobs.Worker { return []jobs.Worker{d.worker()} }

func (d *Desk) worker() jobs.Worker {
	return jobs.Worker{Kind: simulationKind, Turns: 1, Failures: 5, Deaths: 3, Do: d.turn}
}

// turn simulates some of the missing ranges, stores each, and concludes when
// none is left. A failure of the inputs ends the job.
func (d *Desk) turn(ctx context.Context, t *jobs.Turn) (jobs.Next, error) {
	s, err := d.db.PoolSimulation(ctx, t.Institution, t.ID)
	if err != nil {
		return jobs.Done, err
	}
	p, err := d.db.Pool(ctx, t.Institution, s.PoolID)
	if err != nil {
		return jobs.Done, err
	}
	sim, err := p.Deal.NewSimulation(s.Seed)
	if err != nil {
		return jobs.Done, errors.Join(jobs.Fail(err), d.db.FinishPoolSimulation(ctx, t.ID, nil, fault.Public(err).Zh, d.now()))
	}
	done, err := d.db.PoolTallies(ctx, t.ID)
	if err != nil {
		return jobs.Done, err
	}
	var total pool.Tally
	for _, x := range done {
		total.Merge(x)
	}
	complete, err := ranges(ctx, sim, missing(s.Scenarios, done), t.Over, func(from, to int64, x pool.Tally) error {
		total.Merge(x)
		return d.db.PutPoolTally(ctx, t.ID, from, to, x)
	})
	if err == nil {
		err = t.Progress(ctx, total.Paths, s.Scenarios)
	}
	if err != nil || !complete {
		return jobs.Again, err
	}
	rep, err := sim.Conclude(total, s.Targets)
	if err != nil {
		return jobs.Done, errors.Join(jobs.Fail(err), d.db.FinishPoolSimulation(ctx, t.ID, nil, fault.Public(err).Zh, d.now()))
	}
	body, err := json.Marshal(rep)
	if err != nil {
		return jobs.Done, err
	}
	return jobs.Done, d.db.FinishPoolSimulation(ctx, t.ID, body, "", d.now())
}
