package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/schollz/progressbar/v3"

	"zhijia/eval"
	"zhijia/internal/accuracy"
	"zhijia/internal/fault"
	"zhijia/internal/harness"
	"zhijia/internal/jobs"
	"zhijia/internal/llm"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
)

// evalCmd measures how wrong the figures are.
type evalCmd struct {
	List      evalListCmd      `cmd:"" help:"List the tasks."`
	Run       evalRunCmd       `cmd:"" help:"Run one task, or all of them, and write a report."`
	Runs      evalRunsCmd      `cmd:"" help:"List past runs."`
	Compare   evalCompareCmd   `cmd:"" help:"Compare run B with run A, case by case."`
	Gate      evalGateCmd      `cmd:"" help:"Run the small tasks and hold them against thresholds and the committed baseline."`
	Report    evalReportCmd    `cmd:"" help:"Write the report of a run again."`
	Labels    evalLabelsCmd    `cmd:"" help:"Have officers label patents blind, for a study of a model's agreement with them."`
	Agreement evalAgreementCmd `cmd:"" help:"Hold a model's choices against officers', beside theirs against each other."`
	Stats     evalStatsCmd     `cmd:"" help:"Compute accuracy statistics of columns read from standard input or a file."`
}

// evalFlags say where things are.
type evalFlags struct {
	Database
	LLM         llm.Config `embed:"" prefix:"llm-"`
	Prompts     string     `name:"prompts" env:"ZHIJIA_PROMPTS" group:"Model" placeholder:"DIR" help:"Folder whose templates override the embedded ones."`
	RunsDir     string     `name:"runs" help:"Folder the reports are written to." default:"eval-runs" env:"ZHIJIA_EVAL_RUNS"`
	Data        string     `help:"Folder of datasets that are not shipped; tasks that need it are skipped without it. Default: ../shared/data if it is there." placeholder:"DIR"`
	Recorded    string     `help:"Folder of recorded model replies. Default: eval/recorded of a checkout." placeholder:"DIR"`
	Assumptions string     `help:"Assumptions file to value with instead of the one that ships." placeholder:"FILE"`
}

func (f *evalFlags) service(g *Globals) (_ *harness.Service, done func(), err error) {
	db, done, err := f.open(g)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			done()
		}
	}()
	queue, err := jobs.New(db, nil)
	if err != nil {
		return nil, nil, err
	}
	s := &harness.Service{DB: db, Queue: queue, Files: eval.FS, Reports: f.RunsDir, DataDir: f.Data, Program: programVersion()}
	s.Product.Scratch = f.scratch(g)
	s.RecordTo = cmp.Or(f.Recorded, recordingsFolder())
	s.Product.Judge = f.newEvalJudge(g, s.RecordTo)
	s.Product.Embed = f.newEvalEmbed(g)
	if s.DataDir == "" {
		if info, err := os.Stat(filepath.Join("..", "shared", "data")); err == nil && info.IsDir() {
			s.DataDir = filepath.Join("..", "shared", "data")
		}
	}
	if f.Assumptions != "" {
		raw, err := os.ReadFile(f.Assumptions)
		if err != nil {
			return nil, nil, fault.New(fault.NotFound, "eval.assumptions", "无法读取参数文件。", "The assumptions file cannot be read.").Because(err)
		}
		as, err := valuation.LoadAssumptions(raw)
		if err != nil {
			return nil, nil, err
		}
		s.Product.Assumptions = &as
	}
	return s, done, nil
}

// scratch opens an empty database on the configured server, for an evaluation.
func (d *Database) scratch(g *Globals) func(context.Context) (*store.DB, func(), error) {
	return func(ctx context.Context) (*store.DB, func(), error) {
		url, release, err := d.url(g)
		if err != nil {
			return nil, nil, err
		}
		db, drop, err := store.Scratch(ctx, url)
		if err != nil {
			release()
			return nil, nil, err
		}
		return db, func() { drop(); release() }, nil
	}
}

// programVersion names the build in a run's record.
func programVersion() string {
	v := version()
	name := v.Version
	if v.Revision != "" {
		name += "-" + v.Revision[:min(12, len(v.Revision))]
	}
	if v.Modified {
		name += "+changes"
	}
	return name
}

// progress draws a bar on standard error when it is a terminal, and writes a
// line now and then when it is a file.
func (g *Globals) progress() func(task string, done, total int) {
	file, ok := g.stderr.(*os.File)
	if !ok {
		return nil
	}
	if info, err := file.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		const pause = 10 * time.Second
		var last time.Time
		return func(task string, done, total int) {
			switch {
			case total == 0:
				fmt.Fprintf(g.stderr, "%s: being prepared\n", task)
			case done == total || time.Since(last) > pause:
				fmt.Fprintf(g.stderr, "%s: %d of %d\n", task, done, total)
			default:
				return
			}
			last = time.Now()
		}
	}
	var bar *progressbar.ProgressBar
	current := ""
	return func(task string, done, total int) {
		if task != current {
			current = task
			bar = progressbar.NewOptions(max(total, 1), progressbar.OptionSetWriter(g.stderr), progressbar.OptionSetDescription(task), progressbar.OptionShowCount(), progressbar.OptionClearOnFinish())
		}
		if total > 0 {
			if bar.GetMax() != total {
				bar.ChangeMax(total)
			}
			_ = bar.Set(done)
		}
	}
}

type evalListCmd struct{}

func (c *evalListCmd) Run(g *Globals) error {
	tasks, err := harness.Registry(eval.FS)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(tasks)
	}
	w := tabwriter.NewWriter(g.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TASK\tKIND\tSPLIT\tCLUSTER\tGATE\tDATASET\tTITLE")
	for _, t := range tasks {
		gate := ""
		if t.Small {
			gate = fmt.Sprintf("%d", len(t.Gates))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s %s\n", t.Name, t.Kind, t.Split, t.Cluster, gate, t.Dataset, t.Title.Zh, t.Title.En)
	}
	return w.Flush()
}

type evalRunCmd struct {
	evalFlags
	Task          string `arg:"" optional:"" help:"Task to run; all when absent."`
	Dataset       string `help:"Your own data: priced deals in the columns of the transactions import, or a retrieval set as JSON lines." placeholder:"FILE"`
	Type          string `help:"test, baseline, candidate or final." default:"test" enum:"test,baseline,candidate,final"`
	Note          string `help:"What this run is for."`
	Seed          uint64 `help:"Seed instead of the task's own."`
	Live          bool   `help:"Ask the model and record its replies; without it only recorded replies are used and a missing one fails."`
	Resume        string `help:"Continue an interrupted run." placeholder:"RUN"`
	SaveBaselines string `help:"Also write the run's losses as baselines to this folder, to be committed." placeholder:"DIR"`
}

func (c *evalRunCmd) Run(g *Globals) error {
	s, done, err := c.service(g)
	if err != nil {
		return err
	}
	defer done()
	o := harness.Options{Type: harness.RunType(c.Type), Note: c.Note, Dataset: c.Dataset, Seed: c.Seed, Live: c.Live, Resume: c.Resume, Progress: g.progress()}
	if c.Task != "" {
		o.Tasks = []string{c.Task}
	}
	run, err := s.Run(g.ctx, g.operator(), o)
	if err != nil {
		if run != nil {
			fmt.Fprintf(g.stderr, "run %s: continue with --resume %s\n", run.ID, run.ID)
		}
		return err
	}
	page, _, err := s.Report(g.ctx, g.operator(), run.ID, "")
	if err != nil {
		return err
	}
	if c.SaveBaselines != "" {
		if _, err := s.SaveBaselines(g.ctx, g.operator(), run.ID, c.SaveBaselines); err != nil {
			return err
		}
	}
	if g.JSON {
		return g.print(run)
	}
	if err := s.WriteMarkdown(g.ctx, g.operator(), g.stdout, run.ID); err != nil {
		return err
	}
	fmt.Fprintf(g.stdout, "\nRun %s. Report: %s\n", run.ID, page)
	return nil
}

type evalRunsCmd struct {
	evalFlags
}

func (c *evalRunsCmd) Run(g *Globals) error {
	s, done, err := c.service(g)
	if err != nil {
		return err
	}
	defer done()
	runs, err := s.Runs(g.ctx, g.operator(), 1000)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(runs)
	}
	w := tabwriter.NewWriter(g.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "RUN\tTYPE\tSTATUS\tTASKS\tPROGRAM\tNOTE")
	for _, r := range runs {
		names := make([]string, len(r.Tasks))
		for i, t := range r.Tasks {
			names[i] = t.Task.Name
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", r.ID, r.Type, r.Status, strings.Join(names, ","), r.Versions["program"], r.Note)
	}
	return w.Flush()
}

type evalCompareCmd struct {
	evalFlags
	A      string  `arg:"" help:"Run to compare with."`
	B      string  `arg:"" help:"Run under question."`
	FailOn string  `name:"fail-on" help:"Exit with an error when any task is worse." default:"none" enum:"none,worse"`
	Level  float64 `help:"Level of the interval shown." default:"0.95"`
}

func (c *evalCompareCmd) Run(g *Globals) error {
	s, done, err := c.service(g)
	if err != nil {
		return err
	}
	defer done()
	compared, err := s.Compare(g.ctx, g.operator(), c.A, c.B, accuracy.Options{Level: c.Level, Workers: 2})
	if err != nil {
		return err
	}
	if g.JSON {
		err = g.print(compared)
	} else {
		fmt.Fprintf(g.stdout, "A %s\nB %s\n", compared.A, compared.B)
		for _, t := range compared.Tasks {
			fmt.Fprintf(g.stdout, "\n%s: %s\n", t.Task, t.Verdict())
			if t.Warning != "" {
				fmt.Fprintf(g.stdout, "  warning: %s\n", t.Warning)
			}
			for _, m := range t.Moved {
				fmt.Fprintf(g.stdout, "  %-14s %s  %s\n", m.Case, m.Sizes(), m.Title)
			}
			if len(t.OnlyA) > 0 {
				fmt.Fprintf(g.stdout, "  no longer answered: %s\n", strings.Join(t.OnlyA, ", "))
			}
			if len(t.OnlyB) > 0 {
				fmt.Fprintf(g.stdout, "  newly answered: %s\n", strings.Join(t.OnlyB, ", "))
			}
		}
	}
	if err == nil && c.FailOn == "worse" && compared.Worse() {
		return fault.New(fault.Conflict, "eval.worse", "候选版本更差。", "The candidate is worse.")
	}
	return err
}

type evalGateCmd struct {
	evalFlags
	Task   []string `arg:"" optional:"" help:"Tasks; the small ones when absent."`
	Judged string   `name:"run" help:"Judge this finished run instead of running anew." placeholder:"RUN"`
}

func (c *evalGateCmd) Run(g *Globals) error {
	s, done, err := c.service(g)
	if err != nil {
		return err
	}
	defer done()
	var result *harness.GateResult
	if c.Judged != "" {
		run, err := s.Status(g.ctx, g.operator(), c.Judged)
		if err != nil {
			return err
		}
		if result, err = s.Judge(g.ctx, g.operator(), run); err != nil {
			return err
		}
	} else {
		if result, err = s.Gate(g.ctx, g.operator(), harness.Options{Tasks: c.Task, Type: harness.RunTest, Note: "gate", Progress: g.progress()}); err != nil {
			return err
		}
	}
	if g.JSON {
		err = g.print(result)
	} else {
		for _, check := range result.Checks {
			mark := "pass"
			if !check.Passed {
				mark = "FAIL"
			}
			fmt.Fprintf(g.stdout, "%s  %s  %s: %s\n", mark, check.Task, check.What, check.Detail)
		}
		fmt.Fprintf(g.stdout, "%d checks on run %s.\n", len(result.Checks), result.Run.ID)
	}
	if err == nil && !result.Passed {
		return fault.New(fault.Conflict, "eval.gate", "评测未通过。", "The gate is closed: at least one check failed.")
	}
	return err
}

type evalReportCmd struct {
	evalFlags
	ID      string `arg:"" name:"run" help:"Run to report."`
	Against string `help:"Show changes since this run instead of the committed baseline." placeholder:"RUN"`
}

func (c *evalReportCmd) Run(g *Globals) error {
	s, done, err := c.service(g)
	if err != nil {
		return err
	}
	defer done()
	page, text, err := s.Report(g.ctx, g.operator(), c.ID, c.Against)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(map[string]string{"html": page, "markdown": text})
	}
	fmt.Fprintf(g.stdout, "%s\n%s\n", page, text)
	return nil
}
