package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/schollz/progressbar/v3"

	"zhijia/internal/appraisal"
	"zhijia/internal/desk"
	"zhijia/internal/deskfile"
	"zhijia/internal/fault"
	"zhijia/internal/jobs"
	"zhijia/internal/lending"
	"zhijia/internal/money"
	"zhijia/internal/store"
)

type batchCmd struct {
	Run      batchRunCmd      `cmd:"" help:"Work a file to its end in this process and write the results."`
	Submit   batchSubmitCmd   `cmd:"" help:"Take a file in; workers do the rest."`
	List     batchListCmd     `cmd:"" help:"List the batches, newest first."`
	Status   batchStatusCmd   `cmd:"" help:"Show how far a batch is."`
	Rows     batchRowsCmd     `cmd:"" help:"Show the rows of a batch."`
	Cancel   batchCancelCmd   `cmd:"" help:"Stop a batch; what has its result keeps it."`
	Resume   batchResumeCmd   `cmd:"" help:"Take a cancelled batch up where it stopped."`
	Retry    batchRetryCmd    `cmd:"" help:"Work the failed rows again, and only those."`
	Read     batchReadCmd     `cmd:"" help:"Have the model read what it had not when a batch was decided; the decision stays."`
	Result   batchResultCmd   `cmd:"" help:"Write the results of a finished batch."`
	Template batchTemplateCmd `cmd:"" help:"Write the empty workbook a desk fills in."`
}

// batchOptions are what a file is decided under.
type batchOptions struct {
	Policy    string            `help:"Lending policy: id or id@version of a preset or of your own, or a JSON file." default:"TEMPLATE"`
	Programme []string          `help:"JSON files of loan products that rows may name." type:"existingfile" placeholder:"FILE"`
	Product   string            `help:"Loan product of rows that name none." placeholder:"ID"`
	Limits    string            `help:"JSON of the bank's figures: {borrower_limits, bearable}, yuan by credit code or name." type:"existingfile" placeholder:"FILE"`
	AsOf      string            `name:"as-of" help:"Valuation date, YYYY-MM-DD. Default: today."`
	Unit      string            `help:"Unit of amounts whose column names none: 元 or 万元." placeholder:"UNIT"`
	Map       map[string]string `name:"map" mapsep:"none" placeholder:"HEADER=COLUMN" help:"What a header of the file means: the code or name of a column of the template, or nothing to leave it unread. Give it once a header; it is remembered for files with the same headers."`
	Readings  string            `help:"Whether rows wait for the configured model to read their patents: await, or kept, which uses only what it has read before." enum:"await,kept" default:"await"`
	Priority  int               `help:"Among the desk's own files: 1 is worked first, 4 last." default:"3"`
}

func (o *batchOptions) options(g *Globals, d *desk.Desk) (out desk.Options, err error) {
	texts := desk.OptionTexts{Policy: o.Policy, Date: o.AsOf, Product: o.Product, Unit: o.Unit, Priority: strconv.Itoa(o.Priority), Readings: o.Readings}
	ofFile := strings.HasSuffix(o.Policy, ".json")
	if ofFile {
		texts.Policy = ""
	}
	if out, err = d.ReadOptions(g.ctx, g.operator(), texts); err != nil {
		return out, err
	}
	if ofFile {
		b, err := os.ReadFile(o.Policy)
		if err != nil {
			return out, fault.New(fault.NotFound, "file.open", "无法打开文件 "+o.Policy+"。", "Cannot open "+o.Policy+".").Because(err)
		}
		if out.Policy, err = lending.LoadPolicy(b); err != nil {
			return out, err
		}
	}
	if o.Limits != "" {
		var in struct {
			Limits   map[string]money.Fen `json:"borrower_limits"`
			Bearable map[string]money.Fen `json:"bearable"`
		}
		if err := readJSON(g, o.Limits, &in); err != nil {
			return out, err
		}
		out.Limits, out.Bearable = in.Limits, in.Bearable
	}
	for _, name := range o.Programme {
		b, err := os.ReadFile(name)
		if err != nil {
			return out, err
		}
		p, err := lending.LoadProgramme(b)
		if err != nil {
			return out, err
		}
		if out.Programmes == nil {
			out.Programmes = map[string]lending.Programme{}
		}
		out.Programmes[p.ID] = p
	}
	out.Columns = o.Map
	return out, nil
}

// desk opens the database and a desk over it.
func (d *Database) desk(g *Globals, model *modelFlags) (*desk.Desk, *store.DB, func(), error) {
	db, done, err := d.open(g)
	if err != nil {
		return nil, nil, nil, err
	}
	log := slog.New(slog.NewTextHandler(g.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	var o appraisal.Options
	if model != nil {
		if o, err = model.options(g.ctx, db, log, o); err != nil {
			done()
			return nil, nil, nil, err
		}
	}
	svc, err := appraisal.New(g.ctx, db, o)
	if err != nil {
		done()
		return nil, nil, nil, err
	}
	dk, err := desk.New(db, svc, log)
	if err != nil {
		done()
		return nil, nil, nil, err
	}
	return dk, db, done, nil
}

func submit(g *Globals, d *desk.Desk, file string, o desk.Options) (store.Batch, bool, error) {
	f, err := os.Open(file)
	if err != nil {
		return store.Batch{}, false, fault.New(fault.NotFound, "file.open", "无法打开文件 "+file+"。", "Cannot open "+file+".").Because(err)
	}
	defer f.Close()
	return d.Submit(g.ctx, g.operator(), file, f, o)
}

type batchRunCmd struct {
	Database
	modelFlags
	batchOptions
	File    string `arg:"" help:"XLSX, CSV or JSONL; see batch template." type:"path"`
	Out     string `short:"o" required:"" help:"Where the results go: .xlsx or .csv." placeholder:"FILE"`
	Workers int    `help:"Rows worked at once." default:"8"`
}

func (c *batchRunCmd) Help() string {
	return "Takes the file in, works it in this process (other workers on the same database help) and writes the results. Stopped at any moment, it goes on where it was when it is run again with the same file. Exit codes: 0 when every row has its result, faulty rows included; 75 when rows failed for a reason outside them (see batch retry); 65 for a file that cannot be taken, 66 when there is none."
}

// Run works the file.
func (c *batchRunCmd) Run(g *Globals) error {
	if err := resultForm(c.Out); err != nil {
		return err
	}
	if err := writable(c.Out, c.File); err != nil {
		return err
	}
	defer steadyHeap(deskHeap)()
	d, _, done, err := c.desk(g, &c.modelFlags)
	if err != nil {
		return err
	}
	defer done()
	o, err := c.batchOptions.options(g, d)
	if err != nil {
		return err
	}
	c.sayReadings(g, &c.batchOptions)
	start := time.Now()
	b, fresh, err := submit(g, d, c.File, o)
	if err != nil {
		return err
	}
	if !fresh && b.Status == store.BatchFinished && !g.JSON {
		fmt.Fprintf(g.stdout, "与上次相同：自 %s 起库中事实没有变化，沿用批次 %s（unchanged since %s）\n", b.CreatedAt.Local().Format(time.DateTime), b.ID, b.CreatedAt.Local().Format(time.DateOnly))
	}
	if b.Status == store.BatchCancelled {
		return fault.New(fault.Conflict, "batch.cancelled", "该文件的批次 "+b.ID+" 已取消；如需继续，请先运行 zhijia batch resume "+b.ID+"。", "The batch "+b.ID+" of this file was cancelled; run zhijia batch resume first.")
	}
	if err := work(g, d, b, c.Workers); err != nil {
		return err
	}
	if err := writeResult(g, d, b.ID, c.Out); err != nil {
		return err
	}
	return reportBatch(g, d, b, c.Out, time.Since(start))
}

// sayReadings says before the work begins whether it waits for a model.
func (f *modelFlags) sayReadings(g *Globals, o *batchOptions) {
	switch {
	case f.judge == nil:
		fmt.Fprintln(g.stderr, "模型评阅：未配置模型，各行不含模型评分。")
	case o.Readings == desk.ReadingsKept:
		fmt.Fprintln(g.stderr, "模型评阅：不等待，只用已有的评阅；每行只决定一次；之后的评阅（zhijia worker、serve 或 zhijia batch read）形成修订，越过可担保额的发出提示。")
	default:
		fmt.Fprintf(g.stderr, "模型评阅：等待（%s，每件最多 %d 次调用）；每行只决定一次。\n", f.LLM.Model, f.LLM.Calls())
	}
}

// writable finds out before the work whether its result can be written.
func writable(name, input string) error {
	a, errA := os.Stat(name)
	b, errB := os.Stat(input)
	if errA == nil && errB == nil && os.SameFile(a, b) {
		return fault.New(fault.Invalid, "file.same", "结果文件不能与提交的文件相同。", "The results may not overwrite the file.")
	}
	if dir, err := os.Stat(filepath.Dir(name)); err != nil || !dir.IsDir() || errA == nil && a.IsDir() {
		return fault.New(fault.Invalid, "file.create", "无法写入 "+name+"：没有这个文件夹，或它是文件夹。", "Cannot write "+name+": no such folder, or it is one.").Because(err)
	}
	return nil
}

// work runs workers in this process until the batch is no longer running.
func work(g *Globals, d *desk.Desk, b store.Batch, rows int) error {
	ctx, stop := context.WithCancel(g.ctx)
	defer stop()
	worked := make(chan error, 1)
	go func() { worked <- d.Work(ctx, desk.WorkOptions{Rows: rows, Run: jobs.RunOptions{Guest: true}}) }()
	bar := progressbar.DefaultSilent(int64(b.Rows))
	if terminal(g.stderr) {
		bar = progressbar.NewOptions(b.Rows, progressbar.OptionSetWriter(g.stderr), progressbar.OptionSetDescription("估值 "+b.Name), progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish())
	}
	var watched error
	for p, err := range d.Watch(ctx, g.operator(), b.ID, 200*time.Millisecond) {
		if watched = err; err != nil {
			break
		}
		_ = bar.Set(p.Ended())
		select {
		case err := <-worked: // it only ends early when it cannot go on
			return cmpErr(err, g.ctx.Err())
		default:
		}
	}
	_ = bar.Finish()
	stop()
	return cmpErr(watched, <-worked)
}

func cmpErr(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func resultForm(name string) error {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".xlsx", ".csv":
		return nil
	}
	return fault.New(fault.Invalid, "file.format", "结果文件名应以 .xlsx 或 .csv 结尾。", "The results' name must end in .xlsx or .csv.")
}

// writeResult writes a finished batch beside the name and then takes the name,
// so that a file of that name is always whole.
func writeResult(g *Globals, d *desk.Desk, id, name string) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".zhijia-*")
	if err != nil {
		return fault.New(fault.Invalid, "file.create", "无法写入 "+name+"。", "Cannot write "+name+".").Because(err)
	}
	defer os.Remove(f.Name()) // gone when all went well
	format := desk.XLSX
	if strings.EqualFold(filepath.Ext(name), ".csv") {
		format = desk.CSV
	}
	_, err = d.WriteResult(g.ctx, g.operator(), id, format, f)
	if err := errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// shownFaults is how many faulty rows the summary names; the results have all.
const shownFaults = 5

func reportBatch(g *Globals, d *desk.Desk, b store.Batch, out string, took time.Duration) error {
	r, err := d.Result(g.ctx, g.operator(), b.ID)
	if err != nil {
		return err
	}
	verdicts, status, rows := map[lending.Verdict]int{}, map[string]int{}, 0
	var faulty []string
	for x, err := range r.Rows {
		if err != nil {
			return err
		}
		rows++
		status[x.Status]++
		verdicts[x.Decision.Verdict]++
		if len(x.Faults) > 0 && len(faulty) < shownFaults {
			faulty = append(faulty, fmt.Sprintf("第 %d 行 %s [%s]", x.Valued.Row.Line, x.Faults[0].Zh, x.Faults[0].Code))
		}
	}
	if g.JSON {
		err = g.print(map[string]any{"batch": b.ID, "file": r.Name, "rows": rows, "status": status, "verdicts": verdicts, "contracts": len(r.Contracts), "ignored_columns": r.Ignored, "out": out, "seconds": took.Seconds()})
	} else {
		fmt.Fprintf(g.stdout, "%s：%d 行，已估值 %d，数据有误 %d，处理失败 %d，用时 %.1f 秒\n", r.Name, rows, status["done"], status["refused"], status["failed"], took.Seconds())
		fmt.Fprintf(g.stdout, "  可受理 %d，需补充 %d，不予受理 %d；质押政策 %s %s（%s）\n", verdicts[lending.Accept], verdicts[lending.Supplement], verdicts[lending.Refuse], r.Policy.ID, r.Policy.Version, r.Policy.Label)
		if len(faulty) > 0 {
			fmt.Fprintf(g.stdout, "  有误的行%s：\n    %s\n", map[bool]string{true: fmt.Sprintf("（前 %d 行，其余见结果）", shownFaults)}[status["refused"]+status["failed"] > shownFaults], strings.Join(faulty, "\n    "))
		}
		printIgnored(g, r.Ignored)
		fmt.Fprintf(g.stdout, "  批次 %s，结果见 %s\n  %s\n", b.ID, out, deskfile.Notice)
	}
	if n := status["failed"]; err == nil && n > 0 {
		err = fault.New(fault.Timeout, "batch.rows_failed", fmt.Sprintf("%d 行处理失败（与数据无关），可运行 zhijia batch retry %s 后重新导出。", n, b.ID), fmt.Sprintf("%d rows failed for a reason outside them; run zhijia batch retry %s.", n, b.ID))
	}
	return err
}

func printIgnored(g *Globals, columns []string) {
	if len(columns) > 0 {
		fmt.Fprintf(g.stdout, "  未识别、未读取的列：%s（可用 --map 列=字段 说明其含义）\n", strings.Join(columns, "、"))
	}
}

type batchSubmitCmd struct {
	Database
	batchOptions
	File string `arg:"" help:"XLSX, CSV or JSONL." type:"path"`
}

// Run takes the file in.
func (c *batchSubmitCmd) Run(g *Globals) error {
	d, db, done, err := c.desk(g, nil)
	if err != nil {
		return err
	}
	defer done()
	o, err := c.options(g, d)
	if err != nil {
		return err
	}
	b, fresh, err := submit(g, d, c.File, o)
	if err != nil {
		return err
	}
	p, err := db.BatchProgress(g.ctx, b.ID)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(map[string]any{"batch": b, "fresh": fresh, "progress": p})
	}
	if !fresh {
		fmt.Fprintln(g.stdout, "与上次相同：同一文件按同样条件提交过，此后库中事实没有变化，沿用该批次。")
	}
	return printProgress(g, b, p)
}

func printProgress(g *Globals, b store.Batch, p store.Progress) error {
	fmt.Fprintf(g.stdout, "%s  %s  %s\n  %d 行：待处理 %d，已估值 %d，数据有误 %d，处理失败 %d\n", b.ID, b.Name, batchStatusZh[p.Status], p.Rows, p.Waiting, p.Done, p.Refused, p.Failed)
	printIgnored(g, b.Ignored)
	return nil
}

var batchStatusZh = map[store.BatchStatus]string{store.BatchRunning: "进行中", store.BatchCancelled: "已取消", store.BatchFinished: "已完成"}

type batchListCmd struct {
	Database
	Limit int `default:"20" help:"Batches shown."`
}

// Run lists the batches.
func (c *batchListCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	all, err := db.Batches(g.ctx, g.operator().Institution, time.Time{}, "", c.Limit)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(all)
	}
	w := tabwriter.NewWriter(g.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "batch\tsubmitted\tstatus\trows\tfile")
	for i := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", all[i].ID, all[i].CreatedAt.Format(time.DateTime), all[i].Status, all[i].Rows, all[i].Name)
	}
	return w.Flush()
}

// batchRef names a batch.
type batchRef struct {
	Database
	Batch string `arg:"" help:"Id of the batch."`
}

func (c *batchRef) with(g *Globals, do func(d *desk.Desk) error) error {
	d, db, done, err := c.desk(g, nil)
	if err != nil {
		return err
	}
	defer done()
	if err := do(d); err != nil {
		return err
	}
	b, err := d.Batch(g.ctx, g.operator(), c.Batch)
	if err != nil {
		return err
	}
	p, err := db.BatchProgress(g.ctx, c.Batch)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(map[string]any{"batch": b, "progress": p})
	}
	return printProgress(g, b, p)
}

type batchStatusCmd struct{ batchRef }

// Run shows the progress.
func (c *batchStatusCmd) Run(g *Globals) error {
	return c.with(g, func(*desk.Desk) error { return nil })
}

type batchCancelCmd struct{ batchRef }

// Run cancels.
func (c *batchCancelCmd) Run(g *Globals) error {
	return c.with(g, func(d *desk.Desk) error { return d.Cancel(g.ctx, g.operator(), c.Batch) })
}

type batchResumeCmd struct{ batchRef }

// Run resumes.
func (c *batchResumeCmd) Run(g *Globals) error {
	return c.with(g, func(d *desk.Desk) error { return d.Resume(g.ctx, g.operator(), c.Batch) })
}

type batchRetryCmd struct{ batchRef }

// Run retries.
func (c *batchRetryCmd) Run(g *Globals) error {
	return c.with(g, func(d *desk.Desk) error {
		_, err := d.Retry(g.ctx, g.operator(), c.Batch)
		return err
	})
}

type batchReadCmd struct {
	batchRef
	modelFlags
}

// Run has a batch's rows read and says what that changed.
func (c *batchReadCmd) Run(g *Globals) error {
	d, _, done, err := c.desk(g, &c.modelFlags)
	if err != nil {
		return err
	}
	defer done()
	r, err := d.ReadLater(g.ctx, g.operator(), c.Batch)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(r)
	}
	revised := 0
	for _, x := range r.Rows {
		if x.Revision != "" {
			revised++
			continue
		}
		fmt.Fprintf(g.stdout, "第%d行 未能评阅：%s\n", x.Line, x.Note)
	}
	fmt.Fprintf(g.stdout, "修订 %d 行，未能评阅 %d 行；批次的结论未改变。\n", revised, len(r.Rows)-revised)
	for _, x := range r.Contracts {
		told := ""
		if x.Crossed {
			told = "，越过拟贷金额，已发出提示"
		}
		fmt.Fprintf(g.stdout, "合同 %s：押品可担保额由 %s元变为 %s元，拟贷 %s元%s\n", x.Contract, x.Before, x.After, x.Loan, told)
	}
	return nil
}

type batchRowsCmd struct {
	batchRef
	Status string `help:"Only rows of this status." enum:"waiting,done,failed,refused," default:""`
	After  int    `help:"Only rows after this line."`
	Limit  int    `default:"50" help:"Rows shown."`
}

// Run shows rows.
func (c *batchRowsCmd) Run(g *Globals) error {
	d, db, done, err := c.desk(g, nil)
	if err != nil {
		return err
	}
	defer done()
	if _, err := d.Batch(g.ctx, g.operator(), c.Batch); err != nil {
		return err
	}
	rows, err := db.BatchRows(g.ctx, c.Batch, store.RowStatus(c.Status), c.After, c.Limit)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(rows)
	}
	w := tabwriter.NewWriter(g.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "line\tstatus\tnumber\tborrower\tverdict\treasons")
	for i := range rows {
		out, err := desk.ReadOutcome(&rows[i])
		if err != nil {
			return err
		}
		var why []string
		for _, f := range out.Faults {
			why = append(why, f.Code)
		}
		for _, r := range out.Decision.Reasons {
			if out.Status == "done" && r.Severity != lending.Warns {
				why = append(why, r.Code)
			}
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\n", rows[i].Line, rows[i].Status, out.Valued.Row.Number, out.Valued.Row.Borrower, out.Decision.Verdict.Zh(), strings.Join(why, " "))
	}
	return w.Flush()
}

type batchResultCmd struct {
	batchRef
	Out string `short:"o" required:"" help:"Where the results go: .xlsx or .csv." placeholder:"FILE"`
}

// Run writes the results.
func (c *batchResultCmd) Run(g *Globals) error {
	if err := resultForm(c.Out); err != nil {
		return err
	}
	if err := writable(c.Out, ""); err != nil {
		return err
	}
	defer steadyHeap(deskHeap)()
	return c.with(g, func(d *desk.Desk) error { return writeResult(g, d, c.Batch, c.Out) })
}

type batchTemplateCmd struct {
	Out string `short:"o" required:"" help:"Where the workbook goes." placeholder:"FILE.xlsx"`
}

// Run writes the template.
func (c *batchTemplateCmd) Run(g *Globals) error {
	if !strings.EqualFold(filepath.Ext(c.Out), ".xlsx") {
		return fault.New(fault.Invalid, "file.format", "模板文件名应以 .xlsx 结尾。", "The template's name must end in .xlsx.")
	}
	var b bytes.Buffer
	if err := deskfile.WriteTemplate(&b); err != nil {
		return err
	}
	if err := os.WriteFile(c.Out, b.Bytes(), 0o644); err != nil {
		return fault.New(fault.Invalid, "file.create", "无法写入 "+c.Out+"。", "Cannot write "+c.Out+".").Because(err)
	}
	if g.JSON {
		return g.print(map[string]any{"out": c.Out, "version": deskfile.TemplateVersion})
	}
	fmt.Fprintf(g.stdout, "模板已写入 %s（%s）。填写后运行：zhijia batch run %s -o 结果.xlsx\n", c.Out, deskfile.TemplateVersion, c.Out)
	return nil
}
