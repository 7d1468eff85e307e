package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/schollz/progressbar/v3"

	"zhijia/internal/fault"
	"zhijia/internal/judge"
	"zhijia/internal/store"
)

type llmScoreCmd struct {
	Database
	modelFlags
	Numbers          []string      `arg:"" optional:"" help:"Patent numbers."`
	File             string        `help:"File of patent numbers, one a line; # begins a remark; - is standard input." placeholder:"FILE"`
	Subclass         []string      `help:"Every stored patent of these IPC subclasses, e.g. H01M." placeholder:"SYMBOL"`
	AllowUnpublished bool          `help:"Also send texts that are not known to be public."`
	Detach           bool          `help:"Take the order in and return; zhijia serve or zhijia worker does the rest."`
	Poll             time.Duration `help:"Time between looks at a batch." default:"30s"`
	Patents          int           `help:"Patents asked at once when the endpoint takes no batches." default:"4"`
}

func (c *llmScoreCmd) Help() string {
	return "An endpoint that takes batches is sent files of questions, any other is asked patent by patent; either way a later valuation finds the answers. " +
		"Stopped at any moment, the run goes on when the same command is given again, or in any zhijia serve or zhijia worker with the same endpoint. " +
		"An institution's consent, the allow-list, the egress log, the cache and the day's budget hold as for single calls."
}

// Run takes in the order and follows it to its end.
func (c *llmScoreCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	log := slog.New(slog.NewTextHandler(g.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	rubric, err := c.rubric(g.ctx, db, log)
	if err != nil {
		return err
	}
	numbers, err := c.numbers(g, db)
	if err != nil {
		return err
	}
	run, _, err := rubric.Submit(g.ctx, g.operator(), numbers, c.AllowUnpublished)
	if err != nil {
		return err
	}
	if !c.Detach {
		if err := c.follow(g, db, rubric, run); err != nil {
			return err
		}
	}
	p, err := db.RunProgress(g.ctx, g.operator().Institution, run.ID)
	if err != nil {
		return err
	}
	return printRun(g, &p)
}

func (c *llmScoreCmd) numbers(g *Globals, db *store.DB) ([]string, error) {
	listed, err := numbersIn(g, c.File)
	if err != nil {
		return nil, err
	}
	out := append(slices.Clone(c.Numbers), listed...)
	for _, s := range c.Subclass {
		s = strings.ToUpper(strings.TrimSpace(s))
		if len(s) < 4 {
			return nil, fault.New(fault.Invalid, "ipc.subclass", "IPC 小类应为四位，如 H01M。", "An IPC subclass has four characters, e.g. H01M.")
		}
		found, err := db.NumbersOf(g.ctx, s, judge.MaxRunSubjects+1)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, fault.New(fault.NotFound, "ipc.none", "库中没有 "+s+" 的专利。", "The store has no patent of "+s+".")
		}
		out = append(out, found...)
	}
	if len(out) == 0 {
		return nil, fault.New(fault.Invalid, "run.empty", "请给出专利号、--file 或 --subclass。", "Give patent numbers, --file or --subclass.")
	}
	return out, nil
}

// follow works the run in this process, beside any other, until it ends.
func (c *llmScoreCmd) follow(g *Globals, db *store.DB, rubric *judge.Rubric, run store.ModelRun) error {
	ctx, stop := context.WithCancel(g.ctx)
	defer stop()
	worked := make(chan error, 1)
	go func() { worked <- rubric.Work(ctx, judge.RunOptions{Poll: c.Poll, Patents: c.Patents}) }()
	p, err := db.RunProgress(ctx, run.Institution, run.ID)
	if err != nil {
		return err
	}
	bar := progressbar.DefaultSilent(int64(p.Subjects))
	if terminal(g.stderr) {
		bar = progressbar.NewOptions(p.Subjects, progressbar.OptionSetWriter(g.stderr), progressbar.OptionSetDescription("模型评分"), progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish())
	}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		if p, err = db.RunProgress(ctx, run.Institution, run.ID); err != nil {
			break
		}
		_ = bar.Set(p.Ended())
		if p.Open > 0 {
			bar.Describe(fmt.Sprintf("模型评分：%d 个批次在途，已答 %d/%d 问", p.Open, p.Answers, p.Asked))
		}
		if p.Run.Status != store.RunRunning {
			break
		}
		if p.Run.Note == store.CodeBudget {
			err = fault.New(fault.RateLimited, store.CodeBudget, "今日模型预算已用完，任务已保存："+run.ID+"。明日再次运行本命令，或由 zhijia serve、zhijia worker 继续。",
				"Today's model budget is spent; the run "+run.ID+" is kept. Give the command again tomorrow, or leave it to zhijia serve or zhijia worker.")
			break
		}
		select {
		case e := <-worked: // it only ends early when it cannot go on
			return cmpErr(e, g.ctx.Err())
		case <-tick.C:
		}
	}
	_ = bar.Finish()
	stop()
	return cmpErr(err, <-worked)
}

var runStatusZh = map[string]string{store.RunRunning: "进行中", store.RunFinished: "已完成", store.RunCancelled: "已取消"}

func printRun(g *Globals, p *store.RunProgress) error {
	if g.JSON {
		return g.print(p)
	}
	fmt.Fprintf(g.stdout, "%s  %s  %s\n", p.Run.ID, runStatusZh[p.Run.Status], p.Run.Model)
	if p.Run.Note != "" {
		fmt.Fprintf(g.stdout, "  等待：%s\n", p.Run.Note)
	}
	fmt.Fprintf(g.stdout, "  专利 %d：已评分 %d，部分作答 %d，待处理 %d，不得外发 %d，库中没有 %d\n", p.Subjects, p.Done, p.Partly, p.Waiting, p.Forbidden, p.Unknown)
	if p.Batches > 0 {
		fmt.Fprintf(g.stdout, "  批次 %d（在途 %d）：已答 %d，失败 %d\n", p.Batches, p.Open, p.Answers, p.Failed)
	}
	return nil
}

type llmRunsCmd struct {
	Database
	ID    string `arg:"" optional:"" help:"Only this run, with its progress."`
	Limit int    `default:"20" help:"Runs shown."`
}

// Run lists the runs.
func (c *llmRunsCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	if c.ID != "" {
		p, err := db.RunProgress(g.ctx, g.operator().Institution, c.ID)
		if err != nil {
			return err
		}
		return printRun(g, &p)
	}
	runs, err := db.ModelRuns(g.ctx, g.operator().Institution, c.Limit)
	if err != nil {
		return err
	}
	if g.JSON {
		if runs == nil {
			runs = []store.ModelRun{}
		}
		return g.print(runs)
	}
	w := tabwriter.NewWriter(g.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "run\tsubmitted\tstatus\tmodel\twaits for")
	for i := range runs {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", runs[i].ID, runs[i].CreatedAt.Format(time.DateTime), runs[i].Status, runs[i].Model, runs[i].Note)
	}
	return w.Flush()
}

type llmCancelCmd struct {
	Database
	ID string `arg:"" help:"Id of the run."`
}

// Run cancels. Files that are out are stopped by the process that works them.
func (c *llmCancelCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	a := g.operator()
	if _, err := db.ModelRun(g.ctx, a.Institution, c.ID); err != nil {
		return err
	}
	if err := db.EndRun(g.ctx, a.Institution, c.ID, store.RunCancelled, a.Name); err != nil {
		return err
	}
	p, err := db.RunProgress(g.ctx, a.Institution, c.ID)
	if err != nil {
		return err
	}
	return printRun(g, &p)
}
