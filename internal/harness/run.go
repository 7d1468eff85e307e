package harness

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/accuracy"
	"zhijia/internal/appraisal"
	"zhijia/internal/fault"
	"zhijia/internal/jobs"
	"zhijia/internal/store"
)

// RunType says what a run is kept for.
type RunType string

// Types of runs.
const (
	RunTest      RunType = "test"      // a trial, may be deleted
	RunBaseline  RunType = "baseline"  // what later runs are compared with
	RunCandidate RunType = "candidate" // a change that may be released
	RunFinal     RunType = "final"     // the published figures of a release
)

// Status of a run.
type Status string

// Statuses of a run.
const (
	StatusRunning     Status = "running"
	StatusFinished    Status = "finished"
	StatusInterrupted Status = "interrupted" // resumable
	StatusFailed      Status = "failed"
)

// Run is the record of one run over one or more tasks.
type Run struct {
	ID       string            `json:"id"`
	Type     RunType           `json:"type"`
	Note     string            `json:"note,omitempty"`
	Seed     uint64            `json:"seed"`
	Live     bool              `json:"live"`
	Status   Status            `json:"status"`
	Error    string            `json:"error,omitempty"`
	Started  time.Time         `json:"started"`
	Finished *time.Time        `json:"finished,omitempty"`
	Versions map[string]string `json:"versions"`
	Tasks    []TaskResult      `json:"tasks"`
}

// TaskResult is one task within a run.
type TaskResult struct {
	Task     Task              `json:"task"`
	Dataset  DatasetID         `json:"dataset"`
	Total    int               `json:"total"`
	Done     int               `json:"done"`
	Skipped  string            `json:"skipped,omitempty"` // why the task did not run at all
	Versions map[string]string `json:"versions,omitempty"`
	Summary  *Summary          `json:"summary,omitempty"`
	Millis   int64             `json:"ms"`
}

// DatasetID says exactly which data a task ran on.
type DatasetID struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	N      int    `json:"n"` // cases
}

// Sample is the log line of one case.
type Sample struct {
	Task    string `json:"task"`
	Case    string `json:"case"`
	Cluster string `json:"cluster,omitempty"`
	Title   string `json:"title,omitempty"`
	Status  string `json:"status"`           // ok, abstained, failed
	Reason  string `json:"reason,omitempty"` // why not ok

	Loss      map[string]float64 `json:"loss,omitempty"`      // lower is better
	Values    map[string]float64 `json:"values,omitempty"`    // price, low, high, level, ...
	Estimates map[string]float64 `json:"estimates,omitempty"` // by series: product and baselines
	Tags      map[string]string  `json:"tags,omitempty"`      // cohort, kind, source, ...
	Evidence  []Evidence         `json:"evidence,omitempty"`  // what the answer rests on
}

// Evidence is one comparable or search result behind an answer.
type Evidence struct {
	ID         string  `json:"id"`
	Title      string  `json:"title,omitempty"`
	Date       string  `json:"date,omitempty"`
	UnitPrice  float64 `json:"unit_price,omitempty"` // yuan per patent
	Similarity float64 `json:"similarity,omitempty"` // [0, 1]
	Weight     float64 `json:"weight,omitempty"`
}

// Summary is what a task's samples amount to.
type Summary struct {
	N         int       `json:"n"`
	Answered  int       `json:"answered"`
	Abstained int       `json:"abstained"`
	Failed    int       `json:"failed"`
	Clusters  int       `json:"clusters"`
	Figures   []Measure `json:"figures"`
	Tables    []Table   `json:"tables,omitempty"`
	Notes     []string  `json:"notes,omitempty"`

	Calibration []accuracy.CalibrationPoint `json:"calibration,omitempty"`
}

// Measure is one named figure of one series (the product, a baseline, a
// search path).
type Measure struct {
	Series string          `json:"series"`
	Name   string          `json:"name"`
	N      int             `json:"n"`
	Figure accuracy.Figure `json:"figure"`
}

// Table is a table of figures for people, beside the flat list for programs.
type Table struct {
	Title   string     `json:"title"`
	Header  []string   `json:"header"`
	Rows    [][]string `json:"rows"`
	Caption string     `json:"caption,omitempty"`
}

func (s *Summary) add(series, name string, n int, f accuracy.Figure) {
	s.Figures = append(s.Figures, Measure{series, name, n, f})
}

// figure finds "series.name".
func (s *Summary) figure(id string) (Measure, bool) {
	for _, m := range s.Figures {
		if m.Series+"."+m.Name == id {
			return m, true
		}
	}
	return Measure{}, false
}

// plan is a task made ready: its cases, how to answer one, how to sum up.
type plan struct {
	dataset   DatasetID
	cases     []string
	versions  map[string]string
	answer    func(ctx context.Context, i int) (Sample, error)
	summarise func(samples []Sample, opt accuracy.Options) (*Summary, error)
	close     func()
}

// Options of a run.
type Options struct {
	Tasks   []string // none: every task
	Type    RunType
	Note    string
	Dataset string // path of the evaluator's own data; needs exactly one task
	Data    []byte // or the data themselves; either is kept with the run
	Seed    uint64 // 0: the task's own
	Live    bool   // ask the model and record; otherwise recorded replies only
	Resume  string // id of a run to continue
	Smalls  bool   // only the tasks the gate runs
	// Progress is told after every case, and with a total of 0 while a task is
	// being prepared.
	Progress func(task string, done, total int)
}

// Service runs tasks. Runs lie in the database: whoever is of the institution
// that asked sees them, in every process. [Service.Start] leaves a run to
// whichever process has [Service.Worker]; [Service.Run] works it in this one,
// whose settings it may need.
type Service struct {
	DB      *store.DB
	Queue   *jobs.Queue
	Files   fs.FS  // tasks, datasets, baselines and recorded replies: package eval
	Reports string // folder that [Service.Report] writes to, REPORTS/ID
	DataDir string // of "data:" datasets; empty or absent: those tasks are skipped
	Program string // version of the program
	Product Product
	// RecordTo is the folder live replies are written to and looked up in
	// before the shipped ones; eval/recorded of a checkout, usually.
	RecordTo string
	Clock    func() time.Time // nil: time.Now

	own []byte // data of the run at hand
}

func (s *Service) now() time.Time {
	if s.Clock != nil {
		return s.Clock()
	}
	return time.Now()
}

func (s *Service) versions() map[string]string {
	return map[string]string{"program": s.Program}
}

// plans names the tasks of a new run and reads the evaluator's own data.
func (s *Service) plans(o *Options) (chosen []Task, err error) {
	if o.Type == "" {
		o.Type = RunTest
	}
	if !slices.Contains([]RunType{RunTest, RunBaseline, RunCandidate, RunFinal}, o.Type) {
		return nil, fault.New(fault.Invalid, "eval.run_type", "评测类型须为 test、baseline、candidate 或 final。", fmt.Sprintf("Run type %q is unknown; use test, baseline, candidate or final.", o.Type))
	}
	tasks, err := Registry(s.Files)
	if err != nil {
		return nil, err
	}
	for _, name := range o.Tasks {
		t, err := find(tasks, name)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, t)
	}
	if len(o.Tasks) == 0 {
		for _, t := range tasks {
			if t.Small || !o.Smalls {
				chosen = append(chosen, t)
			}
		}
	}
	name := "dataset"
	if o.Dataset != "" {
		if name, err = filepath.Abs(o.Dataset); err != nil {
			return nil, err
		}
		if o.Data, err = os.ReadFile(name); err != nil {
			return nil, fault.New(fault.NotFound, "eval.dataset", "无法读取数据文件。", "The dataset cannot be read.").Because(err)
		}
	}
	if (o.Dataset != "" || len(o.Data) > 0) && len(o.Tasks) != 1 {
		return nil, fault.New(fault.Invalid, "eval.dataset_task", "自备数据须同时指明一个任务。", "Name exactly one task for a dataset of your own.")
	}
	for i := range chosen {
		if o.Seed != 0 {
			chosen[i].Seed = o.Seed
		}
		if o.Dataset != "" || len(o.Data) > 0 {
			chosen[i].Dataset = ownData + name
		}
	}
	return chosen, nil
}

// begin stores a new run and puts it to work by a kind of job; no kind is one of
// the run's own, which only this process works.
func (s *Service) begin(ctx context.Context, who appraisal.Actor, o Options, kind *jobs.Kind[evaluation]) (id string, err error) {
	tasks, err := s.plans(&o)
	if err != nil {
		return "", err
	}
	var random [3]byte
	_, _ = rand.Read(random[:])
	now := s.now().UTC().Truncate(time.Microsecond)
	id = now.Format("20060102-150405-") + hex.EncodeToString(random[:])
	if kind == nil {
		kind = here(id)
	}
	run := store.EvalRun{ID: id, Institution: who.Institution, Actor: who.Name, Type: string(o.Type), Note: o.Note, Seed: o.Seed, Live: o.Live, Queue: kind.Name, Dataset: o.Data, Started: now}
	if run.Versions, err = json.Marshal(s.versions()); err != nil {
		return "", err
	}
	for _, t := range tasks {
		row, err := (&TaskResult{Task: t}).row()
		if err != nil {
			return "", err
		}
		run.Tasks = append(run.Tasks, *row)
	}
	return id, s.DB.PutEvalRun(ctx, &run, func(tx pgx.Tx) error { return s.order(ctx, tx, kind, who.Institution, id) })
}

func (s *Service) order(ctx context.Context, tx pgx.Tx, kind *jobs.Kind[evaluation], institution, id string) error {
	return kind.Add(ctx, s.Queue, tx, institution, jobs.Order[evaluation]{Key: id, Subject: id, Args: evaluation{id}})
}

// Start orders a run and returns its record at once; follow it with Status, end
// it with Stop.
func (s *Service) Start(ctx context.Context, who appraisal.Actor, o Options) (_ *Run, err error) {
	defer fault.Wrap(&err, "harness.Start")
	id, err := s.begin(ctx, who, o, &evaluations)
	if err != nil {
		return nil, err
	}
	return s.Status(ctx, who, id)
}

// codeEnded is the code of the fault that a run is not running.
const codeEnded = "eval.ended"

// Stop interrupts a run; what was answered stays, and it can be resumed.
func (s *Service) Stop(ctx context.Context, who appraisal.Actor, id string) (err error) {
	defer fault.Wrap(&err, "harness.Stop(%s)", id)
	if _, err := s.Status(ctx, who, id); err != nil {
		return err
	}
	ctx = store.As(ctx, who.Institution)
	return s.DB.Transact(ctx, func(tx pgx.Tx) error {
		stopped, err := s.DB.EndEvalRun(ctx, tx, who.Institution, id, string(StatusInterrupted), "interrupted; resume it to continue", who.Name, s.now().UTC())
		if err == nil && !stopped {
			err = fault.New(fault.Conflict, codeEnded, "该评测已经结束。", "The run has ended; there is nothing to stop.")
		}
		if err != nil {
			return err
		}
		return s.Queue.Cancel(ctx, tx, who.Institution, id)
	})
}

// Status returns the record of a run, finished or not.
func (s *Service) Status(ctx context.Context, who appraisal.Actor, id string) (_ *Run, err error) {
	defer fault.Wrap(&err, "harness.Status(%s)", id)
	row, err := s.DB.EvalRun(ctx, who.Institution, evaluations.Name, id)
	if err != nil {
		return nil, err
	}
	return runOf(&row)
}

// Runs lists an institution's runs, newest first.
func (s *Service) Runs(ctx context.Context, who appraisal.Actor, limit int) (_ []Run, err error) {
	defer fault.Wrap(&err, "harness.Runs")
	rows, err := s.DB.EvalRuns(ctx, who.Institution, evaluations.Name, "", limit)
	if err != nil {
		return nil, err
	}
	runs := make([]Run, 0, len(rows))
	for i := range rows {
		r, err := runOf(&rows[i])
		if err != nil {
			return nil, err
		}
		runs = append(runs, *r)
	}
	return runs, nil
}

// runOf is the record of a stored run.
func runOf(row *store.EvalRun) (*Run, error) {
	r := &Run{
		ID: row.ID, Type: RunType(row.Type), Note: row.Note, Seed: row.Seed, Live: row.Live, Status: Status(row.Status), Error: row.Error, Started: row.Started, Finished: row.Finished,
	}
	if err := json.Unmarshal(row.Versions, &r.Versions); err != nil {
		return nil, err
	}
	for i := range row.Tasks {
		t := &row.Tasks[i]
		x := TaskResult{Total: t.Total, Done: t.Done, Skipped: t.Skipped, Millis: t.Millis}
		for _, part := range []struct {
			from json.RawMessage
			to   any
		}{{t.Task, &x.Task}, {t.Dataset, &x.Dataset}, {t.Versions, &x.Versions}, {t.Summary, &x.Summary}} {
			if part.from == nil {
				continue
			}
			if err := json.Unmarshal(part.from, part.to); err != nil {
				return nil, err
			}
		}
		r.Tasks = append(r.Tasks, x)
	}
	return r, nil
}

// row is a task as it is stored.
func (t *TaskResult) row() (_ *store.EvalTask, err error) {
	x := store.EvalTask{Total: t.Total, Skipped: t.Skipped, Millis: t.Millis}
	if x.Task, err = json.Marshal(t.Task); err != nil {
		return nil, err
	}
	if x.Dataset, err = json.Marshal(t.Dataset); err != nil {
		return nil, err
	}
	if x.Versions, err = json.Marshal(t.Versions); err != nil {
		return nil, err
	}
	if t.Summary != nil {
		x.Summary, err = json.Marshal(t.Summary)
	}
	return &x, err
}

// WriteSamples writes the log of a run as it stands, a JSON object per line.
func (s *Service) WriteSamples(ctx context.Context, who appraisal.Actor, w io.Writer, id string) error {
	samples, err := s.Samples(ctx, who, id)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, x := range samples {
		if err := enc.Encode(x); err != nil {
			return err
		}
	}
	return nil
}

// Samples returns the log of a run as it stands, in the order of its cases.
func (s *Service) Samples(ctx context.Context, who appraisal.Actor, id string) (_ []Sample, err error) {
	defer fault.Wrap(&err, "harness.Samples(%s)", id)
	rows, err := s.DB.EvalSamples(ctx, who.Institution, id, -1)
	if err != nil {
		return nil, err
	}
	out := make([]Sample, len(rows))
	for i := range rows {
		if err := json.Unmarshal(rows[i].Body, &out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// absentError says that a task cannot run here because its data is not there.
type absentError struct{ why string }

func (e *absentError) Error() string { return e.why }
