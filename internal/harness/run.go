package harness

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"zhijia/internal/accuracy"
	"zhijia/internal/fault"
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
	Data    []byte // or the data themselves, kept with the run
	Seed    uint64 // 0: the task's own
	Live    bool   // ask the model and record; otherwise recorded replies only
	Resume  string // id of a run to continue
	Smalls  bool   // only the tasks the gate runs
	// Progress is told after every case.
	Progress func(task string, done, total int)
}

// Run answers every case of the tasks and returns the finished record. When
// ctx ends the log keeps what was answered, the record says interrupted, and
// Options.Resume continues it.
func (s *Service) Run(ctx context.Context, o Options) (*Run, error) {
	run, err := s.begin(o)
	if err != nil {
		return nil, err
	}
	return run, s.execute(ctx, run, o)
}

func (s *Service) begin(o Options) (*Run, error) {
	if o.Resume != "" {
		run, err := s.Status(o.Resume)
		if err != nil {
			return nil, err
		}
		if run.Status == StatusFinished {
			return nil, fault.New(fault.Conflict, "eval.finished", "该评测已经完成。", "The run has finished; there is nothing to resume.")
		}
		if was, is := run.Versions["program"], s.versions()["program"]; was != is {
			return nil, fault.New(fault.Conflict, "eval.changed", "程序版本已变，不能续跑，请重新开始。",
				fmt.Sprintf("The run was begun by program %s and this is %s; start a new run.", was, is))
		}
		run.Status, run.Error = StatusRunning, ""
		return run, s.save(run)
	}
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
	var chosen []Task
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
	if (o.Dataset != "" || len(o.Data) > 0) && len(o.Tasks) != 1 {
		return nil, fault.New(fault.Invalid, "eval.dataset_task", "自备数据须同时指明一个任务。", "Name exactly one task for a dataset of your own.")
	}
	var id [3]byte
	_, _ = rand.Read(id[:])
	now := s.now().UTC()
	run := &Run{
		ID: now.Format("20060102-150405-") + hex.EncodeToString(id[:]), Type: o.Type, Note: o.Note, Seed: o.Seed, Live: o.Live,
		Status: StatusRunning, Started: now, Versions: s.versions(),
	}
	if err := os.MkdirAll(s.path(run.ID), 0o755); err != nil {
		return nil, err
	}
	if len(o.Data) > 0 {
		o.Dataset = filepath.Join(s.path(run.ID), "dataset")
		if err := os.WriteFile(o.Dataset, o.Data, 0o600); err != nil {
			return nil, err
		}
	}
	for _, t := range chosen {
		if o.Seed != 0 {
			t.Seed = o.Seed
		}
		d := t.Dataset
		if o.Dataset != "" {
			if d, err = filepath.Abs(o.Dataset); err != nil {
				return nil, err
			}
			d = "file:" + d
		}
		t.Dataset = d
		run.Tasks = append(run.Tasks, TaskResult{Task: t})
	}
	return run, s.save(run)
}

func (s *Service) execute(ctx context.Context, run *Run, o Options) (err error) {
	defer func() {
		now := s.now().UTC()
		run.Finished = &now
		switch {
		case err == nil:
			run.Status = StatusFinished
		case ctx.Err() != nil:
			run.Status, run.Error = StatusInterrupted, "interrupted; resume it to continue"
		default:
			run.Status, run.Error = StatusFailed, fault.Public(err).En
		}
		if e := s.save(run); err == nil {
			err = e
		}
	}()
	done, whole, err := s.samples(run.ID)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(s.path(run.ID), "samples.jsonl"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	if err := log.Truncate(whole); err != nil { // drops a line cut short by a crash
		return err
	}
	for i := range run.Tasks {
		if err := s.executeTask(ctx, run, &run.Tasks[i], done, log, o); err != nil {
			return fmt.Errorf("task %s: %w", run.Tasks[i].Task.Name, err)
		}
	}
	return nil
}

func (s *Service) executeTask(ctx context.Context, run *Run, r *TaskResult, logged []Sample, log *os.File, o Options) error {
	start := s.now()
	p, err := s.prepare(ctx, r.Task, run.Live)
	var absent *absentError
	if errors.As(err, &absent) && !strings.HasPrefix(r.Task.Dataset, "file:") {
		r.Skipped = absent.why
		return s.save(run)
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
	byCase := map[string]Sample{}
	for _, sample := range logged {
		if sample.Task == r.Task.Name {
			byCase[sample.Case] = sample
		}
	}
	samples := make([]Sample, 0, len(p.cases))
	for i, id := range p.cases {
		sample, ok := byCase[id]
		if !ok {
			if err := ctx.Err(); err != nil {
				return err
			}
			if sample, err = p.answer(ctx, i); err != nil {
				return fmt.Errorf("case %s: %w", id, err)
			}
			sample.Task, sample.Case = r.Task.Name, id
			line, err := json.Marshal(sample)
			if err != nil {
				return fmt.Errorf("case %s: %w", id, err)
			}
			if _, err := log.Write(append(line, '\n')); err != nil {
				return err
			}
		}
		samples = append(samples, sample)
		s.setDone(run, r, len(samples))
		if o.Progress != nil {
			o.Progress(r.Task.Name, len(samples), len(p.cases))
		}
	}
	r.Summary, err = p.summarise(samples, accuracy.Options{Iterations: 2000, Seed: r.Task.Seed, Workers: 2})
	if err != nil {
		return err
	}
	r.Millis = s.now().Sub(start).Milliseconds()
	return s.save(run)
}

// setDone publishes progress for Status, at most a few hundred times a task.
func (s *Service) setDone(run *Run, r *TaskResult, done int) {
	r.Done = done
	if done == r.Total || done%max(1, r.Total/100) == 0 {
		_ = s.save(run) // progress only; the record is saved again at the end
	}
}

// Service runs tasks and keeps runs in a folder: DIR/ID/run.json,
// samples.jsonl, report.html and report.md.
type Service struct {
	Files   fs.FS  // tasks, datasets, baselines and recorded replies: package eval
	Dir     string // of the runs
	DataDir string // of "data:" datasets; empty or absent: those tasks are skipped
	Program string // version of the program
	Product Product
	// RecordTo is the folder live replies are written to and looked up in
	// before the shipped ones; eval/recorded of a checkout, usually.
	RecordTo string
	Clock    func() time.Time // nil: time.Now

	mu      sync.Mutex
	started map[string]*background
	others  map[string]*Service // by institution
}

// For returns the service of an institution: its runs, with the data they were
// given, are in a folder of its own, and one of them runs at a time. Those of
// the default institution are the program's own.
func (s *Service) For(institution string) *Service {
	if institution == "default" {
		return s
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.others == nil {
		s.others = map[string]*Service{}
	}
	o := s.others[institution]
	if o == nil {
		o = &Service{
			Files: s.Files, Dir: filepath.Join(s.Dir, "institutions", filepath.Base(institution)), DataDir: s.DataDir, Program: s.Program, Product: s.Product, RecordTo: s.RecordTo, Clock: s.Clock,
		}
		s.others[institution] = o
	}
	return o
}

// background is a run that Start began.
type background struct {
	stop context.CancelFunc
	done chan struct{}
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

func (s *Service) path(id string) string { return filepath.Join(s.Dir, id) }

func (s *Service) save(run *Run) error {
	raw, err := json.MarshalIndent(run, "", " ")
	if err != nil {
		return err
	}
	name := filepath.Join(s.path(run.ID), "run.json")
	if err := os.WriteFile(name+".tmp", raw, 0o644); err != nil {
		return err
	}
	return os.Rename(name+".tmp", name)
}

var errNoRun = fault.New(fault.NotFound, "eval.no_run", "没有这次评测。", "There is no such run.")

// Status returns the record of a run, finished or not.
func (s *Service) Status(id string) (*Run, error) {
	if id == "" || id != filepath.Base(id) || strings.HasPrefix(id, ".") {
		return nil, errNoRun
	}
	raw, err := os.ReadFile(filepath.Join(s.path(id), "run.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoRun
	}
	if err != nil {
		return nil, err
	}
	var run Run
	return &run, json.Unmarshal(raw, &run)
}

// Runs lists the runs, newest first.
func (s *Service) Runs() ([]Run, error) {
	entries, err := os.ReadDir(s.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var runs []Run
	for _, e := range entries {
		if run, err := s.Status(e.Name()); err == nil {
			runs = append(runs, *run)
		}
	}
	slices.SortFunc(runs, func(a, b Run) int { return strings.Compare(b.ID, a.ID) })
	return runs, nil
}

// WriteSamples writes the log of a run as it stands, a JSON object per line.
func (s *Service) WriteSamples(w io.Writer, id string) error {
	samples, err := s.Samples(id)
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

// Samples returns the log of a run, in the order it was written. A last line
// cut short by a crash, or still being written, is left out.
func (s *Service) Samples(id string) ([]Sample, error) {
	samples, _, err := s.samples(id)
	return samples, err
}

// samples also returns the length of the whole lines.
func (s *Service) samples(id string) ([]Sample, int64, error) {
	name := filepath.Join(s.path(id), "samples.jsonl")
	raw, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	raw = raw[:bytes.LastIndexByte(raw, '\n')+1]
	var out []Sample
	lines := bufio.NewScanner(bytes.NewReader(raw))
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var sample Sample
		if err := json.Unmarshal(lines.Bytes(), &sample); err != nil {
			return nil, 0, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, sample)
	}
	return out, int64(len(raw)), lines.Err()
}

// Start begins a run in the background and returns its record at once; follow
// it with Status, end it with Stop.
func (s *Service) Start(o Options) (*Run, error) {
	s.mu.Lock()
	busy := len(s.started) > 0
	s.mu.Unlock()
	if busy {
		return nil, fault.New(fault.Conflict, "eval.busy", "已有评测在运行，请等其结束或先停止。", "A run is in progress; wait for it or stop it.")
	}
	run, err := s.begin(o)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	bg := &background{cancel, make(chan struct{})}
	s.mu.Lock()
	if s.started == nil {
		s.started = map[string]*background{}
	}
	s.started[run.ID] = bg
	s.mu.Unlock()
	copied := *run
	copied.Tasks = slices.Clone(run.Tasks)
	go func() {
		defer close(bg.done)
		defer cancel()
		_ = s.execute(ctx, run, o) // the record says how it ended
		s.mu.Lock()
		delete(s.started, run.ID)
		s.mu.Unlock()
	}()
	return &copied, nil
}

func (s *Service) background(id string) *background {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.started[id]
}

// Stop interrupts a run that Start began; it can be resumed.
func (s *Service) Stop(id string) error {
	bg := s.background(id)
	if bg == nil {
		return errNoRun
	}
	bg.stop()
	return nil
}

// Wait returns when a run that Start began has ended, or with ctx's error.
func (s *Service) Wait(ctx context.Context, id string) error {
	bg := s.background(id)
	if bg == nil {
		return nil
	}
	select {
	case <-bg.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// absentError says that a task cannot run here because its data is not there.
type absentError struct{ why string }

func (e *absentError) Error() string { return e.why }
