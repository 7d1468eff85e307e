package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/accuracy"
	"zhijia/internal/appraisal"
	"zhijia/internal/fault"
	"zhijia/internal/jobs"
	"zhijia/internal/store"
)

// evaluations are runs that any process works: of one institution one at a time,
// a task a turn. What was answered is stored as it comes, so a turn that is lost
// costs only what it had not stored.
var evaluations = jobs.Kind[evaluation]{Name: "evaluations", Queued: 1, Open: 10, Timeout: time.Hour}

// evaluation is a run to be worked.
type evaluation struct {
	Run string `json:"run"`
}

// here is the kind of the one run that the process which asked for it works,
// because it has the settings: an assumptions file, a model, a folder of data.
// All of it is one turn.
func here(run string) *jobs.Kind[evaluation] {
	return &jobs.Kind[evaluation]{Name: evaluations.Name + "-" + run, Queued: 1, Timeout: 24 * time.Hour}
}

// deaths is how many processes may die over a run before it has failed.
const deaths = 3

// system is the actor of what ends by itself.
const system = "system"

// Worker works the runs that [Service.Start] orders.
func (s *Service) Worker() jobs.Worker {
	return evaluations.Died(evaluations.Worker(1, func(ctx context.Context, t *jobs.Turn, e evaluation) (jobs.Next, error) {
		ctx, stop := t.UntilDrain(ctx)
		defer stop()
		w := working{s: s, institution: t.Institution, kind: t.Kind, aTask: true}
		more, _, err := w.run(ctx, e.Run)
		if err == nil && more {
			return jobs.Again, nil
		}
		return jobs.Done, err
	}), func(ctx context.Context, tx pgx.Tx, j *store.Job, e evaluation) (bool, error) {
		if j.Deaths+1 < deaths {
			return false, nil
		}
		_, err := s.DB.EndEvalRun(ctx, tx, j.Institution, e.Run, string(StatusFailed), fmt.Sprintf("%d processes died over it", deaths), system, s.now().UTC())
		return true, err
	})
}

// Run works a run to its end in this process and returns its record. When ctx
// ends the run is interrupted, and Options.Resume continues it.
func (s *Service) Run(ctx context.Context, who appraisal.Actor, o Options) (_ *Run, err error) {
	defer fault.Wrap(&err, "harness.Run")
	id := o.Resume
	if id != "" {
		err = s.resume(ctx, who, id)
	} else {
		id, err = s.begin(ctx, who, o, nil)
	}
	if err != nil {
		return nil, err
	}
	alive, stop := context.WithCancel(ctx)
	defer stop()
	var failed error
	kind := here(id)
	err = s.Queue.Run(alive, jobs.RunOptions{Guest: true}, kind.Worker(1, func(ctx context.Context, t *jobs.Turn, e evaluation) (jobs.Next, error) {
		ctx, end := t.UntilDrain(ctx)
		defer end()
		w := working{s: s, institution: t.Institution, kind: kind.Name, progress: func(task string, done, total int) {
			if o.Progress != nil {
				o.Progress(task, done, total)
			}
			if alive.Err() != nil { // not one case more
				end()
			}
		}}
		_, cause, err := w.run(ctx, e.Run)
		failed = cause
		if err != nil { // stopped by somebody, or to be gone on with
			if row, e := s.DB.EvalRun(context.WithoutCancel(ctx), t.Institution, kind.Name, id); e == nil && row.Status == string(StatusRunning) {
				return jobs.Done, err
			}
		}
		stop()
		return jobs.Done, err
	}))
	if err == nil && ctx.Err() != nil {
		if err = s.Stop(context.WithoutCancel(ctx), who, id); err == nil || fault.Public(err).Code == codeEnded {
			err = ctx.Err()
		}
	}
	run, e := s.Status(context.WithoutCancel(ctx), who, id)
	return run, errors.Join(failed, err, e)
}

// resume takes up a run that was interrupted or failed, in this process.
func (s *Service) resume(ctx context.Context, who appraisal.Actor, id string) error {
	row, err := s.DB.EvalRun(ctx, who.Institution, evaluations.Name, id)
	if err != nil {
		return err
	}
	run, err := runOf(&row)
	if err != nil {
		return err
	}
	switch run.Status {
	case StatusFinished:
		return fault.New(fault.Conflict, "eval.finished", "该评测已经完成。", "The run has finished; there is nothing to resume.")
	case StatusRunning:
		return fault.New(fault.Conflict, "eval.busy", "该评测正在运行，请等其结束或先停止。", "The run is in progress; wait for it or stop it.")
	}
	if err := s.sameProgram(run); err != nil {
		return err
	}
	kind := here(id)
	row.Queue = kind.Name
	return s.DB.ResumeEvalRun(ctx, &row, who.Name, func(tx pgx.Tx) error {
		if err := s.Queue.Cancel(ctx, tx, who.Institution, id); err != nil { // of the process that is gone
			return err
		}
		return s.order(ctx, tx, kind, who.Institution, id)
	})
}

// sameProgram checks that a run was begun by this program: what two measured is
// no run.
func (s *Service) sameProgram(run *Run) error {
	was, is := run.Versions["program"], s.versions()["program"]
	if was == is {
		return nil
	}
	return fault.New(fault.Conflict, "eval.changed", "程序版本已变，不能续跑，请重新开始。", fmt.Sprintf("The run was begun by program %s and this is %s; start a new run.", was, is))
}

// working is a turn of a run.
type working struct {
	s           *Service
	institution string
	kind        string
	aTask       bool // and the next task is for the next turn
	progress    func(task string, done, total int)
}

// run works the tasks of a run that are not done, and ends the run after the
// last; more says that some are left. cause is why the run failed, as its record
// says; err is why this turn could not go on.
func (w *working) run(ctx context.Context, id string) (more bool, cause, err error) {
	s := w.s
	row, err := s.DB.EvalRun(ctx, w.institution, w.kind, id)
	if err != nil || row.Status != string(StatusRunning) {
		return false, nil, err
	}
	run, err := runOf(&row)
	if err != nil {
		return false, nil, err
	}
	end := func(status Status, why string) error {
		return s.DB.Transact(ctx, func(tx pgx.Tx) error {
			_, err := s.DB.EndEvalRun(ctx, tx, w.institution, id, string(status), why, system, s.now().UTC())
			return err
		})
	}
	if cause := s.sameProgram(run); cause != nil {
		return false, cause, end(StatusFailed, fault.Public(cause).En)
	}
	worked := false
	for i := range run.Tasks {
		r := &run.Tasks[i]
		if r.Summary != nil || r.Skipped != "" {
			continue
		}
		if worked && w.aTask {
			return true, nil, nil
		}
		worked = true
		err := w.task(ctx, run, i)
		switch {
		case err == nil:
		case ctx.Err() != nil || store.TurnLost(err) || store.Outage(err) || !run.Live && fault.KindOf(err) == fault.Unavailable:
			return false, nil, err
		default:
			cause = fmt.Errorf("task %s: %w", r.Task.Name, err)
			return false, cause, end(StatusFailed, fault.Public(err).En)
		}
	}
	return false, nil, end(StatusFinished, "")
}

// Samples are stored when so many wait, or the first has waited so long.
const (
	manySamples = 100
	longSample  = 500 * time.Millisecond
)

// task answers the cases of a task that have no sample and sums up.
func (w *working) task(ctx context.Context, run *Run, place int) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	s, r, start := *w.s, &run.Tasks[place], w.s.now()
	if strings.HasPrefix(r.Task.Dataset, ownData) {
		if s.own, err = s.DB.EvalDataset(ctx, w.institution, run.ID); err != nil {
			return err
		}
	}
	save := func() error {
		row, err := r.row()
		if err != nil {
			return err
		}
		return s.DB.PutEvalTask(ctx, w.institution, run.ID, place, row)
	}
	// What is measured lies in a database of its own, where nobody holds a turn.
	apart := store.As(store.InTurn(ctx, ""), store.Public)
	if w.progress != nil {
		w.progress(r.Task.Name, 0, 0) // being prepared
	}
	p, err := s.prepare(apart, r.Task, run.Live)
	var absent *absentError
	if errors.As(err, &absent) && s.own == nil {
		r.Skipped = absent.why
		return save()
	}
	if err != nil {
		return err
	}
	if p.close != nil {
		defer p.close()
	}
	if r.Dataset.SHA256 != "" && r.Dataset.SHA256 != p.dataset.SHA256 {
		return fault.New(fault.Conflict, "eval.changed", "数据集已变，不能续跑，请重新开始。", "The dataset has changed since the run was begun; start a new run.")
	}
	r.Dataset, r.Versions, r.Total = p.dataset, p.versions, len(p.cases)
	r.Dataset.N = len(p.cases)
	if err := save(); err != nil {
		return err
	}
	samples, err := w.answer(ctx, apart, run.ID, place, r, p)
	if err != nil {
		return err
	}
	if r.Summary, err = p.summarise(samples, accuracy.Options{Iterations: 2000, Seed: r.Task.Seed, Workers: 2}); err != nil {
		return err
	}
	r.Millis = s.now().Sub(start).Milliseconds()
	return save()
}

// answer returns the samples of every case: those that are stored, and those
// answered now, stored a few at a time and before it returns, also with an error.
func (w *working) answer(ctx, apart context.Context, id string, place int, r *TaskResult, p *plan) (samples []Sample, err error) {
	stored, err := w.s.DB.EvalSamples(ctx, w.institution, id, place)
	if err != nil {
		return nil, err
	}
	known := map[int]*store.EvalSample{}
	for i := range stored {
		known[stored[i].At] = &stored[i]
	}
	var fresh []store.EvalSample
	flushed := time.Now()
	flush := func() error {
		list := fresh
		fresh, flushed = nil, time.Now()
		if len(list) == 0 {
			return nil
		}
		return w.s.DB.PutEvalSamples(context.WithoutCancel(ctx), w.institution, id, place, list)
	}
	defer func() { err = errors.Join(err, flush()) }()
	samples = make([]Sample, len(p.cases))
	for i, name := range p.cases {
		x := &samples[i]
		if have := known[i]; have != nil {
			if err := json.Unmarshal(have.Body, x); err != nil {
				return nil, err
			}
		} else {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if *x, err = p.answer(apart, i); err != nil {
				return nil, fmt.Errorf("case %s: %w", name, err)
			}
			x.Task, x.Case = r.Task.Name, name
			body, err := json.Marshal(x)
			if err != nil {
				return nil, fmt.Errorf("case %s: %w", name, err)
			}
			fresh = append(fresh, store.EvalSample{At: i, Body: body})
			if len(fresh) >= manySamples || time.Since(flushed) > longSample {
				if err := flush(); err != nil {
					return nil, err
				}
			}
		}
		if w.progress != nil {
			w.progress(r.Task.Name, i+1, len(p.cases))
		}
	}
	return samples, nil
}
