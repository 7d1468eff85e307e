// Package arranger is the use case of the securitisation desk: it joins a deal
// with what the rest of the product knows (stored valuations, patents, other
// pools), keeps pools, and runs simulations on every core as durable jobs.
//
// Start with [Service]. [Simulate] needs no database.
package arranger

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"zhijia/internal/calendar"
	"zhijia/internal/encumbrance"
	"zhijia/internal/fault"
	"zhijia/internal/jobs"
	"zhijia/internal/patent"
	"zhijia/internal/pool"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
)

// chunk is how many paths one range of a simulation holds: about a second of one
// core, and not more than two hundred ranges in all.
func chunk(sim *pool.Simulation, scenarios int64) int64 {
	n := int64(5_000)
	if each := sim.Cost(1).Seconds; each > 0 {
		n = min(n, int64(1/each))
	}
	return max(n, scenarios/200, 100)
}

// openSeconds is how many seconds of one core an institution may have ordered
// and not had yet.
const openSeconds = 7200

// whole is how many seconds a piece of work may take that cannot be cut into
// turns; within the timeout of one.
const whole = 480

// Service keeps pools and runs their simulations.
type Service struct {
	db    *store.DB
	queue *jobs.Queue
	now   func() time.Time
}

// New returns the pools of a database.
func New(db *store.DB, queue *jobs.Queue, now func() time.Time) *Service {
	return &Service{db, queue, now}
}

// simulations, and the other runs of pools, are worked one at a time for an
// institution: a simulation takes every core.
var simulations = jobs.Kind[simulation]{Name: "simulations", Queued: 1, Open: 20, Timeout: 10 * time.Minute}

type simulation struct {
	ID string `json:"id"`
}

// mostDeaths is how many processes may die over one order.
const mostDeaths = 3

// fail ends an order for a reason.
func (d *Service) fail(ctx context.Context, id, why string) error {
	if strings.HasPrefix(id, runPrefix+"_") {
		return d.db.FinishPoolRun(ctx, id, nil, why, d.now())
	}
	return d.db.FinishPoolSimulation(ctx, id, nil, why, d.now())
}

// Worker runs simulations and the other runs of pools.
func (d *Service) Worker() jobs.Worker {
	return simulations.Worker(1, func(ctx context.Context, t *jobs.Turn, s simulation) (jobs.Next, error) {
		work := d.work
		if strings.HasPrefix(s.ID, runPrefix+"_") {
			work = d.workRun
		}
		if t.Deaths >= mostDeaths { // it brings its process down each time
			return jobs.Done, d.fail(ctx, s.ID, "多次使处理进程中断，已停止")
		}
		ctx, stop := t.UntilDrain(ctx)
		defer stop()
		more, err := work(ctx, t.Institution, s.ID, t.Over)
		if err == nil && more {
			return jobs.Again, nil
		}
		return jobs.Done, err
	})
}

// Create completes a deal from the store and keeps it. It returns the stored
// pool with the notes of what was added.
func (d *Service) Create(ctx context.Context, institution, by string, deal pool.Deal) (_ store.Pool, notes []string, err error) {
	defer fault.Wrap(&err, "arranger.Create")
	if err := deal.Check(); err != nil {
		return store.Pool{}, nil, err
	}
	now := d.now().UTC().Truncate(time.Microsecond)
	id := store.MadeID(ctx, "pl", now)
	notes, err = d.Complete(ctx, institution, &deal, id)
	if err != nil {
		return store.Pool{}, nil, err
	}
	p := store.Pool{ID: id, Institution: institution, CreatedAt: now, CreatedBy: by, Deal: deal}
	for _, x := range deal.Patents {
		if n := encumbrance.KeyOf(x.Kind, x.Number); !slices.Contains(p.Numbers, n) {
			p.Numbers = append(p.Numbers, n)
		}
	}
	err = d.db.PutPool(ctx, p)
	if store.Made(err) { // by an earlier try of the same request
		p, err = d.db.Pool(ctx, institution, id)
	}
	return p, notes, err
}

// Complete fills what a deal leaves open from the store: values from the
// institution's latest valuations up to the cut-off, state from a valuation at
// zero, state and encumbrance from the legal events public by the cut-off,
// family, dates and owner from the patent records, and the other pool
// that already holds a patent. Facts the deal states are kept.
func (d *Service) Complete(ctx context.Context, institution string, deal *pool.Deal, except string) (notes []string, err error) {
	defer fault.Wrap(&err, "arranger.Complete")
	ctx = store.As(ctx, institution)
	at := map[string][]int{}
	var numbers []string
	deal.Patents = slices.Clone(deal.Patents)
	for i, x := range deal.Patents {
		n := encumbrance.KeyOf(x.Kind, x.Number)
		if !x.IsPatent() {
			if !readable(&x) {
				notes = append(notes, fmt.Sprintf("%s：%s的登记号不合格式，只按原文与权利占用台账核对", x.Number, pool.KindZh(x.Kind)))
			}
		}
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
	holders, err := d.db.PoolsHolding(ctx, institution, numbers, except)
	if err != nil {
		return nil, err
	}
	for _, h := range holders {
		name := h.Name + " " + h.Pool
		for _, i := range at[h.Number] {
			if deal.Patents[i].OtherPool == "" {
				deal.Patents[i].OtherPool = name
				notes = append(notes, fmt.Sprintf("%s：已在%s中", deal.Patents[i].Number, name))
			}
		}
	}
	offers, err := d.db.Offers(ctx, institution, numbers)
	if err != nil {
		return nil, err
	}
	consents, err := d.db.Consents(ctx, institution, numbers)
	if err != nil {
		return nil, err
	}
	for i := range offers {
		o := &offers[i]
		if o.Product == patent.ByPool || o.Product == patent.ByLicence || !o.Product.Burdens() {
			continue
		}
		pooled := encumbrance.Entry{Right: o.Number, Product: patent.ByPool, Party: o.Party, PartyCode: o.PartyCode, State: store.Committed}
		agreed := encumbrance.Judge(&pooled, []encumbrance.Entry{o.Entry()}, nil, consents, calendar.InChina(d.now()))
		if document := agreed.Cleared(); o.Status.Burdens() && document != "" {
			for _, i := range at[o.Number] {
				notes = append(notes, fmt.Sprintf("%s：%s %s 的权利人已书面同意入池（%s）", deal.Patents[i].Number, o.Product.Zh(), o.Reference, document))
			}
			continue
		}
		name := o.Product.Zh() + " " + o.Reference
		for _, i := range at[o.Number] {
			if o.Status.Burdens() && deal.Patents[i].OtherPool == "" {
				deal.Patents[i].OtherPool = name
				notes = append(notes, fmt.Sprintf("%s：已在%s中", deal.Patents[i].Number, name))
			} else if o.Status == store.Offered {
				notes = append(notes, fmt.Sprintf("%s：已另提供给%s，尚未生效", deal.Patents[i].Number, name))
			}
		}
	}
	elsewhere, err := d.db.Interests(ctx, institution, numbers)
	if err != nil {
		return nil, err
	}
	for _, e := range elsewhere {
		for _, i := range at[e.Number] {
			notes = append(notes, deal.Patents[i].Number+"："+e.Zh())
		}
	}
	return notes, nil
}

// readable says that a right's number has the form of its kind.
func readable(x *pool.IP) bool {
	kind := map[patent.Kind]encumbrance.Kind{pool.Trademark: encumbrance.Trademark, pool.Copyright: encumbrance.Copyright, pool.LayoutDesign: encumbrance.Layout}[x.Kind]
	_, err := encumbrance.ParseRight(kind, x.Number)
	return err == nil
}

// Pool returns an institution's pool.
func (d *Service) Pool(ctx context.Context, institution, id string) (store.Pool, error) {
	return d.db.Pool(ctx, institution, id)
}

// Simulate runs a simulation on every core and concludes. progress, when not
// nil, is called with the number of paths done, never concurrently.
func Simulate(ctx context.Context, deal *pool.Deal, seed uint64, scenarios int64, targets []pool.Target, progress func(done int64)) (_ pool.CreditReport, err error) {
	defer fault.Wrap(&err, "arranger.Simulate")
	sim, err := deal.NewSimulation(seed)
	if err != nil {
		return pool.CreditReport{}, err
	}
	var total pool.Tally
	if err := sim.Cost(scenarios).Refuse(); err != nil {
		return pool.CreditReport{}, err
	}
	err = ranges(ctx, sim, scenarios, nil, func() bool { return false }, func(_, _ int64, t pool.Tally) error {
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

// ranges runs the chunks that are not done yet, one goroutine per core, and
// hands each tally to save, one at a time. It begins none when over says so.
func ranges(ctx context.Context, sim *pool.Simulation, scenarios int64, done map[int64]pool.Tally, over func() bool, save func(from, to int64, t pool.Tally) error) error {
	if scenarios < 1 || scenarios > 500_000 {
		return fault.New(fault.Invalid, "pool.scenarios", "情景数应为1至500000。", "scenarios must be 1 to 500000")
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	var mu sync.Mutex
	each := chunk(sim, scenarios)
	for from := int64(0); from < scenarios; from += each {
		if _, finished := done[from]; finished {
			continue
		}
		if from > 0 && over() {
			break
		}
		to := min(from+each, scenarios)
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			t, err := sim.RangeUntil(from, to, ctx.Err)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			return save(from, to, t)
		})
	}
	return g.Wait()
}

// Start accepts a simulation of a stored pool: the job is in the database when
// Start returns, and is worked in the background.
func (d *Service) Start(ctx context.Context, institution, poolID string, seed uint64, scenarios int64, targets []pool.Target) (_ store.PoolSimulation, err error) {
	defer fault.Wrap(&err, "arranger.Start")
	p, err := d.db.Pool(ctx, institution, poolID)
	if err != nil {
		return store.PoolSimulation{}, err
	}
	sim, err := p.Deal.NewSimulation(seed)
	if err != nil {
		return store.PoolSimulation{}, err
	}
	if scenarios < 1 || scenarios > 500_000 {
		return store.PoolSimulation{}, fault.New(fault.Invalid, "pool.scenarios", "情景数应为1至500000。", "scenarios must be 1 to 500000")
	}
	cost := sim.Cost(scenarios)
	if err := cost.Refuse(); err != nil {
		return store.PoolSimulation{}, err
	}
	now := d.now().UTC().Truncate(time.Microsecond)
	id := store.MadeID(ctx, "ps", now)
	if made, err := d.db.PoolSimulation(ctx, institution, id); err == nil { // by an earlier try of the same request
		return made, nil
	}
	s := store.PoolSimulation{
		Seconds: cost.Seconds,
		ID:      id, PoolID: poolID, Institution: institution, CreatedAt: now,
		Seed: seed, Scenarios: scenarios, Targets: targets, Status: "running",
	}
	return s, d.db.PutPoolSimulation(ctx, s, openSeconds, func(tx pgx.Tx) error {
		return simulations.Add(ctx, d.queue, tx, institution, jobs.Order[simulation]{Key: s.ID, Subject: s.ID, Args: simulation{s.ID}})
	})
}

// Status returns a simulation.
func (d *Service) Status(ctx context.Context, institution, id string) (store.PoolSimulation, error) {
	return d.db.PoolSimulation(ctx, institution, id)
}

// work runs missing ranges until over, stores each, and concludes when there is
// none; more says that some are left. A failure of the inputs ends the
// simulation; a failure of the database leaves it to the next turn.
func (d *Service) work(ctx context.Context, institution, id string, over func() bool) (more bool, err error) {
	defer fault.Wrap(&err, "arranger.work(%s)", id)
	s, err := d.db.PoolSimulation(ctx, institution, id)
	if err != nil || s.Status != "running" {
		return false, err
	}
	p, err := d.db.Pool(ctx, institution, s.PoolID)
	if err != nil {
		return false, err
	}
	sim, err := p.Deal.NewSimulation(s.Seed)
	if err != nil {
		return false, d.db.FinishPoolSimulation(ctx, id, nil, fault.Public(err).Zh, d.now())
	}
	done, err := d.db.PoolTallies(ctx, id)
	if err != nil {
		return false, err
	}
	err = ranges(ctx, sim, s.Scenarios, done, over, func(from, to int64, t pool.Tally) error {
		return d.db.PutPoolTally(ctx, id, from, to, t)
	})
	if err != nil {
		return false, err
	}
	if done, err = d.db.PoolTallies(ctx, id); err != nil {
		return false, err
	}
	var total pool.Tally
	for _, t := range done {
		total.Merge(t)
	}
	if total.Paths < s.Scenarios {
		return true, nil
	}
	rep, err := sim.Conclude(total, s.Targets)
	if err != nil {
		return false, d.db.FinishPoolSimulation(ctx, id, nil, fault.Public(err).Zh, d.now())
	}
	body, err := json.Marshal(rep)
	if err != nil {
		return false, err
	}
	return false, d.db.FinishPoolSimulation(ctx, id, body, "", d.now())
}
