package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"zhijia/internal/intake"
	"zhijia/internal/ledger"
	"zhijia/internal/money"
	"zhijia/internal/valuation/market"
)

type ledgerCmd struct {
	Calibrate ledgerCalibrateCmd `cmd:"" help:"From a ledger to calibrated figures: import, screen, fit, compare out of time with the shipped model, decide."`
	Influence ledgerInfluenceCmd `cmd:"" help:"Say what each deal does to a stored valuation: its market figure when that deal alone is left out."`
	Conflicts ledgerConflictsCmd `cmd:"" help:"Show records side by side that seem to be of one sale and do not agree."`
	Drift     ledgerDriftCmd     `cmd:"" help:"Hold deals that came since a day against what the model expected: control chart, alarm, what to value anew."`
}

type ledgerCalibrateCmd struct {
	Database
	modelFlags
	Files    []string `arg:"" optional:"" type:"existingfile" help:"Ledgers in the columns of the transactions import: CSV, XLSX or JSONL. None: what is stored already."`
	Date     string   `help:"Use deals before this day. Default: today." placeholder:"YYYY-MM-DD"`
	Prior    []string `help:"Statistics that other institutions exported, as labelled priors." type:"existingfile" placeholder:"FILE"`
	Activate bool     `help:"Use the fit for new valuations when the comparison supports it."`
	Force    bool     `help:"With --activate: use it whatever the comparison says."`
}

func (c *ledgerCalibrateCmd) Help() string {
	return "The comparison prices each own deal from the deals before its block alone, by the shipped model without the ledger and by the model fitted and calibrated on them; the coverage it prints is of deals that entered neither fit nor calibration, and every opinion then states it with its count, years and interval. The same deals give the same fit to the bit, in any order."
}

func (c *ledgerCalibrateCmd) Run(g *Globals) error {
	o := ledger.CalibrateOptions{Activate: c.Activate, Force: c.Force}
	var err error
	if o.Before, err = optionalDate("--date", c.Date); err != nil {
		return err
	}
	for _, name := range c.Prior {
		st, err := readStatistics(name)
		if err != nil {
			return err
		}
		o.Shared = append(o.Shared, st)
	}
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	svc, err := c.appraiser(g, db)
	if err != nil {
		return err
	}
	for _, name := range c.Files {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		rep, err := intake.Run(g.ctx, db, svc, g.operator(), "transactions", name, f, intake.Options{})
		f.Close()
		if err != nil {
			return err
		}
		fmt.Fprintf(g.stderr, "%s：导入 %d 行，拒收 %d 行\n", name, rep.Accepted, rep.Rejected)
		if len(rep.Ignored) > 0 {
			fmt.Fprintf(g.stderr, "  未识别的列，已忽略：%s。用 zhijia ingest transactions %s --map 列=字段 说明一次，以后照此读取。\n", strings.Join(rep.Ignored, "、"), name)
		}
		for i, r := range rep.Rejects {
			if i == 5 {
				fmt.Fprintf(g.stderr, "  …其余 %d 处见 zhijia ingest transactions %s\n", len(rep.Rejects)-i, name)
				break
			}
			fmt.Fprintf(g.stderr, "  第 %d 行 %s：%s\n", r.Row, r.Field, r.Zh)
		}
	}
	run, err := ledger.New(db, time.Now).Calibrate(g.ctx, g.operator(), o)
	if run == nil {
		return err
	}
	if g.JSON {
		if e := g.print(run); e != nil {
			return e
		}
		return err
	}
	c.show(g.stdout, run)
	return err
}

func (c *ledgerCalibrateCmd) show(w io.Writer, r *ledger.Calibration) {
	fmt.Fprintf(w, "一、筛查　自有成交 %d 笔，可比 %d 笔\n", r.Screening.Deals, r.Screening.Valid)
	screenTable(w, &r.Screening, 10)
	fmt.Fprintf(w, "\n二、拟合　自有 %d 笔（%d—%d），公共 %d 笔\n", r.Own, r.From, r.To, r.Public)
	for _, n := range r.Notes {
		fmt.Fprintln(w, "  "+n)
	}
	fmt.Fprintf(w, "\n三、按时间外推检验（每笔自有成交只用其之前的成交估计；均未参与拟合与校准）\n")
	out := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(out, "市场\tn\t事件\t误差中位(前→后)\t平均误差(前→后)\t80%区间覆盖(前→后)\t95%区间(后)\t区间高/低(前→后)")
	for _, l := range r.Table {
		name := saleNames[l.Market]
		fmt.Fprintf(out, "%s\t%d\t%d\t%.2f→%.2f\t%.2f→%.2f\t%.0f%%→%.0f%%\t%.0f%%—%.0f%%\t%.0f→%.0f倍\n", name, l.Deals, l.Events, l.Before.MedianError, l.After.MedianError, l.Before.MeanError, l.After.MeanError,
			100*l.Before.Coverage, 100*l.After.Coverage, 100*l.After.CoverageLow, 100*l.After.CoverageHigh, l.Before.MedianWidth, l.After.MedianWidth)
	}
	out.Flush()
	if len(r.Table) > 0 && !math.IsInf(r.Low, 0) {
		fmt.Fprintf(w, "平均误差之差（后减前）%+.3f，95%% 区间 %+.3f 至 %+.3f；误差为 ln 倍数，0.69 即相差一倍\n", r.Difference, r.Low, r.High)
	}
	fmt.Fprintf(w, "\n四、结论　%s（%s）\n", r.DecisionZh, r.Decision)
	switch {
	case r.Active:
		fmt.Fprintf(w, "已启用 %s：新的估值意见将载明件数、期间与实测覆盖率\n", r.Version)
	case r.Waiting:
		fmt.Fprintln(w, waitsZh)
	case r.Version != "":
		fmt.Fprintf(w, "未启用 %s；加 --activate 用于新的估值\n", r.Version)
	}
}

var saleNames = map[market.Sale]string{"": "全部", market.Private: "私下转让", market.Showcase: "展示交易", market.Corporate: "企业并购", market.Court: "裁判", market.Distress: "处置"}

type ledgerDriftCmd struct {
	Database
	Since string `required:"" help:"Deals from this day on are held against what was known before it." placeholder:"YYYY-MM-DD"`
	Alert bool   `help:"Raise an alert for every market out of its band, and settle those of markets back within it."`
}

func (c *ledgerDriftCmd) Run(g *Globals) error {
	since, err := optionalDate("--since", c.Since)
	if err != nil {
		return err
	}
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	deals := ledger.New(db, time.Now)
	var d *ledger.Drift
	changed := 0
	if c.Alert {
		d, changed, err = deals.Watch(g.ctx, g.operator(), since)
	} else {
		d, err = deals.Drift(g.ctx, g.operator(), since)
	}
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(d)
	}
	out := tabwriter.NewWriter(g.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(out, "成交\t市场\t年\tln(实付/预期)\t区间半宽\t在区间内\t平滑偏差\t控制限\t报警")
	for _, p := range d.Points {
		fmt.Fprintf(out, "%s\t%s\t%d\t%+.2f\t%.2f\t%s\t%+.2f\t%.2f\t%s\n", p.ID, saleNames[p.Market], p.Year, p.Error, p.Half, yesNo(p.In), p.Smooth, p.Limit, yesNo(p.Alarm))
	}
	if err := out.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(g.stdout, "n = %d，80%% 区间覆盖 %.0f%%（95%% 区间 %.0f%%—%.0f%%）。%s\n", len(d.Points), 100*d.Coverage, 100*d.CoverageLow, 100*d.CoverageHigh, d.Zh)
	if c.Alert {
		fmt.Fprintf(g.stdout, "预警：新提出、改写或了结 %d 条。\n", changed)
	}
	for _, v := range d.Revalue {
		fmt.Fprintf(g.stdout, "重估 %s　%s　基准日 %s\n", v.ID, v.Title, v.AsOf)
	}
	return nil
}

type ledgerInfluenceCmd struct {
	Database
	modelFlags
	ID  string `arg:"" help:"Id of the valuation."`
	Top int    `default:"20" help:"Deals printed; with --json all are."`
}

func (c *ledgerInfluenceCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	svc, err := c.appraiser(g, db)
	if err != nil {
		return err
	}
	r, err := svc.Influences(g.ctx, g.operator(), c.ID)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(r)
	}
	if len(r.Deals) == 0 {
		fmt.Fprintln(g.stdout, "这份估值没有市场法金额，或没有成交参与。")
		return nil
	}
	fmt.Fprintf(g.stdout, "市场法金额（%s）%s，%d 笔成交参与\n", saleNames[r.Market], money.Zh(r.Figure, 4), len(r.Deals))
	out := tabwriter.NewWriter(g.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(out, "成交\t日期\t市场\t每件单价\t权重\t缺此笔\t差额\t名称")
	for i, d := range r.Deals {
		if i == c.Top {
			break
		}
		sign := "+"
		if d.Change < 0 {
			sign = "-"
		}
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%.3f\t%s\t%s%s\t%s\n", d.Deal, d.Date, saleNames[d.Market], money.Zh(d.Unit, 3), d.Weight, money.Zh(d.Without, 4), sign, money.Zh(math.Abs(d.Change), 3), d.Title)
	}
	return out.Flush()
}

type ledgerConflictsCmd struct {
	Database
}

func (c *ledgerConflictsCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	list, err := ledger.New(db, time.Now).Conflicts(g.ctx, g.operator())
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(append([]ledger.Conflict{}, list...))
	}
	for _, x := range list {
		out := tabwriter.NewWriter(g.stdout, 0, 4, 2, ' ', 0)
		fmt.Fprintf(out, "字段\t%s\t%s\n", x.Deals[0].ID, x.Deals[1].ID)
		for _, f := range x.Fields {
			fmt.Fprintf(out, "%s\t%s\t%s\n", f.Zh, f.Told[0], f.Told[1])
		}
		if err := out.Flush(); err != nil {
			return err
		}
		fmt.Fprintf(g.stdout, "%s\n\n", x.Zh)
	}
	fmt.Fprintf(g.stdout, "来源不一的成交 %d 对\n", len(list))
	return nil
}

func yesNo(b bool) string {
	if b {
		return "是"
	}
	return "否"
}

func readStatistics(name string) (ledger.Statistics, error) {
	f, err := os.Open(name)
	if err != nil {
		return ledger.Statistics{}, err
	}
	defer f.Close()
	return ledger.ReadStatistics(f)
}

type dealsScreenCmd struct {
	Database
}

func (c *dealsScreenCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	rep, err := ledger.New(db, time.Now).Screen(g.ctx, g.operator())
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(rep)
	}
	fmt.Fprintf(g.stdout, "自有成交 %d 笔，可比 %d 笔\n", rep.Deals, rep.Valid)
	screenTable(g.stdout, &rep, len(rep.Refused))
	return nil
}

// screenTable prints the first refused deals and counts the rest.
func screenTable(w io.Writer, r *intake.ScreenReport, most int) {
	out := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for i, x := range r.Refused {
		if i == most {
			fmt.Fprintf(out, "  …\t其余 %d 笔见 zhijia deals screen\n", len(r.Refused)-i)
			break
		}
		by := ""
		if x.Decided != nil {
			by = "（" + x.Decided.By + " 判定：" + x.Decided.Reason + "）"
		}
		fmt.Fprintf(out, "  %s\t%s\t%s%s\n", x.ID, x.Code, x.Zh, by)
	}
	out.Flush()
}

type dealsJudgeCmd struct {
	Database
	ID     string `arg:"" help:"The deal."`
	Code   string `arg:"" optional:"" help:"Validity code, e.g. PART-INTEREST; none: the deal counts."`
	Reason string `required:"" help:"Why; kept in the audit log." placeholder:"TEXT"`
}

func (c *dealsJudgeCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	history, waiting, err := ledger.New(db, time.Now).Judge(g.ctx, g.operator(), c.ID, c.Code, c.Reason)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(history)
	}
	if waiting {
		fmt.Fprintln(g.stderr, waitsZh)
	}
	for _, h := range history {
		code := h.Code
		if code == "" {
			code = "可比"
		}
		fmt.Fprintf(g.stdout, "%s　%s　%s　%s\n", h.At.Format(time.RFC3339), h.By, code, h.Reason)
	}
	return nil
}

type fitExportCmd struct {
	Database
	Label string `help:"How other institutions shall call the sender." placeholder:"NAME"`
	Out   string `short:"o" default:"-" help:"Where to write." placeholder:"FILE"`
}

func (c *fitExportCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	st, err := ledger.New(db, time.Now).Export(g.ctx, g.operator(), c.Label)
	if err != nil {
		return err
	}
	return g.writeFile(c.Out, func(w io.Writer) error {
		old := g.stdout
		defer func() { g.stdout = old }()
		g.stdout = w
		return g.print(st)
	})
}

type fitImportCmd struct {
	Database
	modelFlags
	Files    []string `arg:"" type:"existingfile" help:"Statistics that other institutions exported."`
	Activate bool     `help:"Use the fit with them for new valuations when the comparison supports it."`
	Force    bool     `help:"With --activate: use it whatever the comparison says."`
}

func (c *fitImportCmd) Run(g *Globals) error {
	for _, name := range c.Files {
		st, err := readStatistics(name)
		if err != nil {
			return err
		}
		if !g.JSON {
			out := tabwriter.NewWriter(g.stdout, 0, 4, 2, ' ', 0)
			fmt.Fprintf(out, "%s　%s\n市场\t类型\tn\t事件\t年\t中位单价\tln 标准差\n", st.Label, st.Made)
			for _, x := range st.Cells {
				fmt.Fprintf(out, "%s\t%s\t%d\t%d\t%d\t%s\t%.2f\n", saleNames[x.Market], x.Kind, x.Deals, x.Events, x.Year, money.Zh(x.Median, 3), x.SD)
			}
			out.Flush()
		}
	}
	again := ledgerCalibrateCmd{Database: c.Database, modelFlags: c.modelFlags, Prior: c.Files, Activate: c.Activate, Force: c.Force}
	return again.Run(g)
}
