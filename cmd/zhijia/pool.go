package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/schollz/progressbar/v3"

	"zhijia/internal/arranger"
	"zhijia/internal/fault"
	"zhijia/internal/money"
	"zhijia/internal/pool"
	"zhijia/internal/poolfile"
	"zhijia/internal/sheet"
	"zhijia/internal/strict"
)

// poolCmd is everything about a securitisation pool.
type poolCmd struct {
	Example   poolExampleCmd   `cmd:"" help:"Write the worked example (17 generated firms, 102 generated patents, 105 million yuan) as XLSX or JSON."`
	Template  poolTemplateCmd  `cmd:"" help:"Write an empty workbook to fill in."`
	Test      poolTestCmd      `cmd:"" help:"Test a deal against the rules: pass, fail, waived or unknown, each with its reason."`
	Stats     poolStatsCmd     `cmd:"" help:"Statistics of the pool and coverage by the value of its patents."`
	Cashflow  poolCashflowCmd  `cmd:"" help:"Run one scenario through the waterfall."`
	Size      poolSizeCmd      `cmd:"" help:"Largest senior tranche that meets a target."`
	Stress    poolStressCmd    `cmd:"" help:"Stress grid with break-even default rates."`
	Simulate  poolSimulateCmd  `cmd:"" help:"Credit simulation: loss distribution, quantiles, with and without support."`
	Revolve   poolRevolveCmd   `cmd:"" help:"Simulate revolving purchase cycles (JSON list of cycles)."`
	Shelf     poolShelfCmd     `cmd:"" help:"Shelf ledger: approved, issued, room, conformity of every series."`
	Reconcile poolReconcileCmd `cmd:"" help:"Match a bank statement to the schedule: matched, late, short, missing, leaked."`
	Build     poolBuildCmd     `cmd:"" help:"Choose the assets that maximise value or coverage within the limits."`
	Annex     poolAnnexCmd     `cmd:"" help:"Write the disclosure annex as HTML or XLSX."`
	Notice    poolNoticeCmd    `cmd:"" help:"Decide whether an event needs a notice and by when."`
	Report    poolReportCmd    `cmd:"" help:"Write the asset-management report of one payment period from the bank statement."`
	Run       poolRunCmd       `cmd:"" help:"A stress grid, a sizing or a building of a kept pool as an order that the service or a worker carries out: start, list, show, cancel."`
	Period    poolPeriodCmd    `cmd:"" help:"The pool after closing: close collection periods, report, reopen, replay."`
	Release   poolReleaseCmd   `cmd:"" help:"Free a kept pool's rights for another pool."`
	Create    poolCreateCmd    `cmd:"" help:"Keep a deal in the database, completed from stored valuations and patents."`
	List      poolListCmd      `cmd:"" help:"List kept pools."`
	Show      poolShowCmd      `cmd:"" help:"Show a kept pool as JSON."`
}

// dealFile names a deal: XLSX, JSON, or a directory of CSV files.
type dealFile struct {
	File string `arg:"" help:"Deal: .xlsx, .json, or a directory with deal.csv, obligors.csv, assets.csv, patents.csv, tranches.csv, supports.csv."`
}

// withDays reads the deal for the calendar of the program.
func (f dealFile) withDays(g *Globals) (pool.Deal, error) {
	d, err := f.read()
	d.Days = g.days
	return d, err
}

func (f dealFile) read() (pool.Deal, error) {
	info, err := os.Stat(f.File)
	if err != nil {
		return pool.Deal{}, fault.New(fault.NotFound, "pool.file", "找不到文件 "+f.File+"。", "no such file: "+f.File).Because(err)
	}
	if info.IsDir() {
		rows := poolfile.Tables{}
		files, err := filepath.Glob(filepath.Join(f.File, "*.csv"))
		if err != nil {
			return pool.Deal{}, err
		}
		for _, name := range files {
			cells, err := readTable(name)
			if err != nil {
				return pool.Deal{}, err
			}
			rows[strings.TrimSuffix(filepath.Base(name), ".csv")] = cells
		}
		return rows.Deal()
	}
	r, err := os.Open(f.File)
	if err != nil {
		return pool.Deal{}, err
	}
	defer r.Close()
	if strings.EqualFold(filepath.Ext(f.File), ".json") {
		return poolfile.ReadJSON(r)
	}
	return poolfile.ReadBook(r)
}

// readTable reads the first sheet of a workbook or a CSV file.
func readTable(name string) ([][]string, error) {
	r, err := os.Open(name)
	if err != nil {
		return nil, fault.New(fault.NotFound, "pool.file", "找不到文件 "+name+"。", "no such file: "+name).Because(err)
	}
	defer r.Close()
	if strings.EqualFold(filepath.Ext(name), ".csv") {
		return sheet.Lines(r)
	}
	tables, err := sheet.Tables(r, 1<<20)
	if err != nil {
		return nil, err
	}
	return tables[0].Rows, nil
}

// writeFile writes through f to a new file, or to standard output for "-".
func (g *Globals) writeFile(name string, f func(io.Writer) error) error {
	var b bytes.Buffer
	if err := f(&b); err != nil {
		return err
	}
	if name == "-" {
		_, err := b.WriteTo(g.stdout)
		return err
	}
	if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(g.stderr, "已写入 %s（%d 字节）\n", name, b.Len())
	return nil
}

type poolExampleCmd struct {
	Seed uint64 `default:"1" help:"Of the generator."`
	Deal string `default:"generated" enum:"generated,gaoxintou5,wenke1" help:"generated, or a deal modelled from what was published of it; its label says what is assumed."`
	Out  string `short:"o" default:"-" help:"File: .xlsx or .json; - prints JSON."`
}

// Run writes the example.
func (c *poolExampleCmd) Run(g *Globals) error {
	d, real := pool.RealDeal(c.Deal)
	if !real {
		d = pool.Example(c.Seed)
	}
	return g.writeFile(c.Out, func(w io.Writer) error {
		if strings.EqualFold(filepath.Ext(c.Out), ".xlsx") {
			return poolfile.WriteBook(w, d)
		}
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(d)
	})
}

type poolTemplateCmd struct {
	Out string `short:"o" default:"pool.xlsx" help:"Workbook to write."`
}

// Run writes the template.
func (c *poolTemplateCmd) Run(g *Globals) error {
	return g.writeFile(c.Out, func(w io.Writer) error { return poolfile.WriteBook(w, pool.Deal{}) })
}

type poolTestCmd struct{ dealFile }

// errPoolFails makes a failing pool visible to scripts.
var errPoolFails = fault.New(fault.Conflict, "pool.test", "资产池未通过全部测试。", "the pool does not pass every test")

// Run tests; the exit code is 65 unless every rule passes or is waived.
func (c *poolTestCmd) Run(g *Globals) error {
	d, err := c.withDays(g)
	if err != nil {
		return err
	}
	rep := d.Test()
	if g.JSON {
		if err := g.print(rep); err != nil {
			return err
		}
	} else {
		g.heading(&d)
		for _, r := range rep.Results {
			fmt.Fprintf(g.stdout, "%-8s %-20s %s：%s\n", r.Answer.Zh(), r.Rule, r.Name, r.Why)
			if len(r.Missing) > 0 {
				fmt.Fprintf(g.stdout, "         缺少：%s\n", strings.Join(r.Missing[:min(5, len(r.Missing))], "、"))
			}
		}
		for _, r := range rep.NotApplicable {
			fmt.Fprintf(g.stdout, "%-8s %-20s %s：%s\n", "不适用", r.Rule, r.Name, r.Why)
		}
		fmt.Fprintf(g.stdout, "规则版本 %s：通过%d，不通过%d，豁免%d，无法判断%d\n", rep.Version, rep.Count(pool.Pass), rep.Count(pool.Fail), rep.Count(pool.Waived), rep.Count(pool.Unsure))
	}
	if !rep.Passes {
		return errPoolFails
	}
	return nil
}

func (g *Globals) heading(d *pool.Deal) {
	fmt.Fprintf(g.stdout, "%s　%s　基准日%s\n", d.Name, d.Class.Zh(), d.CutOff)
	if d.Label != "" {
		fmt.Fprintf(g.stdout, "【%s】\n", d.Label)
	}
}

type poolStatsCmd struct{ dealFile }

// Run prints the statistics.
func (c *poolStatsCmd) Run(g *Globals) error {
	d, err := c.withDays(g)
	if err != nil {
		return err
	}
	s, coll := d.Statistics(), d.Collateral()
	if g.JSON {
		return g.print(map[string]any{"statistics": s, "collateral": coll, "label": d.Label})
	}
	g.heading(&d)
	fmt.Fprintf(g.stdout, "未偿本金 %s元，%d笔，%d户（合并关联方），知识产权%d件\n", s.Principal, s.Assets, s.Obligors, s.IPCount)
	fmt.Fprintf(g.stdout, "加权平均利率 %.3f%%，剩余期限 %.1f个月；HHI %.4f，有效户数 %.1f，前五大 %.2f%%\n", s.WARate*100, s.WAMonths, s.HHI, s.EffectiveN, s.Top5*100)
	for _, t := range s.Top20 {
		fmt.Fprintf(g.stdout, "%3d %-16s %18s元 %6.2f%%\n", t.Rank, t.Name, t.Principal, t.Share*100)
	}
	for _, x := range s.Distributions {
		fmt.Fprintf(g.stdout, "%s分布\n", x.Zh)
		for _, b := range x.Rows {
			fmt.Fprintf(g.stdout, "    %-16s %4d笔 %18s元 %6.2f%%\n", b.Band, b.Count, b.Principal, b.Share*100)
		}
	}
	if coll.CoverPoint != nil {
		fmt.Fprintf(g.stdout, "知识产权价值 %s（%s至%s），覆盖倍数：估值点%.2f，下限%.2f；同族扣除%s\n",
			money.Zh(coll.Point, 4), money.Zh(coll.Low, 4), money.Zh(coll.High, 4), *coll.CoverPoint, *coll.CoverLow, money.Zh(coll.FamilyOverlap, 3))
	}
	for _, x := range coll.Excluded {
		fmt.Fprintf(g.stdout, "剔除 %s：%s\n", x.Number, x.Reason.Zh)
	}
	if len(coll.Unvalued) > 0 {
		fmt.Fprintf(g.stdout, "尚无估值：%s\n", strings.Join(coll.Unvalued, "、"))
	}
	return nil
}

// scenarioFlags describe one deterministic path.
type scenarioFlags struct {
	Default  float64        `default:"0" help:"Lifetime default rate: defaulted balance over initial principal, or see --basis."`
	Basis    string         `default:"amount" enum:"amount,contract" help:"amount: rates of the balance; contract: share of contracts by initial principal."`
	CDR      []float64      `name:"cdr" help:"Annual default rates of the outstanding balance by period, the last one standing on; in place of --default."`
	CPRs     []float64      `name:"cpr-by-period" help:"Annual prepayment rates by period, the last one standing on; in place of --cpr."`
	Obligor  map[string]int `name:"obligor-default" help:"OBLIGOR=PERIOD: all it owes defaults at the start of the period, from 1; repeat."`
	Recovery float64        `default:"0.3" help:"Of the defaulted principal."`
	Lag      int            `default:"2" help:"Payment periods from default to recovery."`
	CPR      float64        `default:"0" help:"Annual prepayment rate."`
	Timing   string         `default:"even" enum:"even,front" help:"even, or front: everything before the first payment."`
	Yield    float64        `default:"0" help:"Of assets bought in the revolving period."`
	Support  bool           `help:"External supports perform."`
}

func (s scenarioFlags) scenario() pool.Scenario {
	x := pool.Scenario{Default: s.Default, Recovery: s.Recovery, Lag: s.Lag, CPR: s.CPR, Yield: s.Yield, Support: s.Support, Basis: s.Basis, CDR: s.CDR, CPRs: s.CPRs, Named: s.Obligor}
	if s.Timing == "front" {
		x.Timing = pool.FrontLoaded()
	}
	return x
}

type poolCashflowCmd struct {
	dealFile
	scenarioFlags
}

// Run prints the waterfall.
func (c *poolCashflowCmd) Run(g *Globals) error {
	d, err := c.withDays(g)
	if err != nil {
		return err
	}
	cf, err := d.CashFlow(c.scenario())
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(cf)
	}
	g.heading(&d)
	fmt.Fprintln(g.stdout, "兑付日        回款利息        回款本金        回收            税费            优先级利息      优先级本金      优先级余额      次级所得        覆盖倍数")
	for _, p := range cf.Periods {
		cover := "-"
		if p.Coverage != nil {
			cover = fmt.Sprintf("%.2f", *p.Coverage)
		}
		var interest, principal, balance money.Fen // of every senior class; the subordinated one is the last
		for k := range len(p.TrancheBalance) - 1 {
			interest, principal, balance = interest+p.TrancheInterest[k], principal+p.TranchePrincipal[k], balance+p.TrancheBalance[k]
		}
		fmt.Fprintf(g.stdout, "%s %15s %15s %15s %15s %15s %15s %15s %15s %8s\n", p.Date, p.Ledger.Interest, p.Ledger.Principal, p.Ledger.Recovery, p.Ledger.Tax+p.Ledger.Fees,
			interest, principal, balance, p.Ledger.Residual, cover)
	}
	for _, t := range cf.Tranches {
		fmt.Fprintf(g.stdout, "%s：本金%s，收到%s，损失%s，加权平均期限%s年，收益率%s\n", t.Name, t.Principal, t.Paid, t.Loss, figure(t.WAL, "%.2f", 1), figure(t.Yield, "%.3f%%", 100))
	}
	fmt.Fprintf(g.stdout, "流入合计%s = 流出合计%s\n", cf.Totals.In(), cf.Totals.Out())
	fmt.Fprintf(g.stdout, "违约金额%s，占初始本金%.2f%%（按合同数口径%.2f%%）；回收率%s；损失占初始本金%.2f%%\n", cf.Rates.Defaulted, cf.Rates.Default*100, cf.Rates.Contracts*100, figure(cf.Rates.Recovery, "%.2f%%", 100), cf.Rates.Loss*100)
	return nil
}

func figure(x *float64, format string, scale float64) string {
	if x == nil {
		return "无"
	}
	return fmt.Sprintf(format, *x*scale)
}

type poolSizeCmd struct {
	dealFile
	scenarioFlags
	Coverage float64 `default:"1" help:"Least coverage of every period with a senior due."`
	SDR      float64 `name:"sdr" default:"0" help:"Default rate senior must withstand, with its source."`
	Source   string  `help:"Where the target default rate comes from."`
}

// Run sizes the senior tranche.
func (c *poolSizeCmd) Run(g *Globals) error {
	d, err := c.withDays(g)
	if err != nil {
		return err
	}
	if c.SDR > 0 && c.Source == "" {
		return fault.New(fault.Invalid, "pool.size.source", "请用 --source 注明目标违约率的来源。", "name the source of the target default rate with --source")
	}
	if err := d.Check(); err != nil {
		return err
	}
	if err := d.SizeCost().Refuse(); err != nil {
		return err
	}
	s, err := d.SizeSeniorUntil(pool.SizeTarget{Scenario: c.scenario(), Coverage: c.Coverage, BreakEven: c.SDR, Source: c.Source}, g.ctx.Err)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(s)
	}
	g.heading(&d)
	fmt.Fprintf(g.stdout, "优先级最大规模 %s元（%.2f%%），次级 %s元\n最低覆盖倍数 %s，盈亏平衡违约率 %s\n规模受限于：%s\n", s.Senior, s.SeniorShare*100, s.Subordinated, figure(s.MinCoverage, "%.3f", 1), s.BreakEven.Zh(), s.BoundZh)
	return nil
}

type poolStressCmd struct {
	dealFile
	Lag int     `default:"2" help:"Payment periods from default to recovery."`
	CPR float64 `default:"0" help:"Annual prepayment rate."`

	Basis    string    `default:"amount" enum:"amount,contract" help:"Of the default rates: by amount, or by contract."`
	Default  []float64 `help:"Default rates of the grid, with --recovery; none: the illustrative grid."`
	Recovery []float64 `help:"Recovery rates of the grid, with --default."`
	Estimate bool      `help:"Say what it would take, and run nothing."`
}

// Run prints the grid.
func (c *poolStressCmd) Run(g *Globals) error {
	d, err := c.withDays(g)
	if err != nil {
		return err
	}
	grid := pool.StressGrid{Lag: c.Lag, CPR: c.CPR, Basis: c.Basis, Default: c.Default, Recovery: c.Recovery}
	plan, err := d.PlanStress(grid, g.ctx.Err)
	if err != nil {
		return err
	}
	if c.Estimate {
		return g.estimate(plan.Cost())
	}
	if err := plan.Cost().Refuse(); err != nil {
		return err
	}
	rep, err := d.StressUntil(grid, g.ctx.Err)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(rep)
	}
	g.heading(&d)
	fmt.Fprintf(g.stdout, "%s\n", rep.Label)
	for _, b := range rep.BreakEven {
		fmt.Fprintf(g.stdout, "时点%-6s 收益率%.2f%% 回收%3.0f%%：", b.Timing, b.Yield*100, b.Recovery*100)
		for _, x := range rep.Cells {
			if x.Timing == b.Timing && x.Recovery == b.Recovery && x.Yield == b.Yield {
				fmt.Fprintf(g.stdout, " 违约%2.0f%%→优先级损失%s", x.Default*100, x.SeniorLoss)
			}
		}
		fmt.Fprintf(g.stdout, "；盈亏平衡%s\n", b.BreakEven.Zh())
	}
	return nil
}

type poolSimulateCmd struct {
	dealFile
	Scenarios int64    `short:"n" default:"20000" help:"Number of paths, at most 500000."`
	Seed      uint64   `default:"1" help:"The same seed gives the same result on any number of cores."`
	Target    []string `sep:"none" help:"Target default probability over the life as label=pd@source, e.g. 'AA=0.01@内部口径'; repeat."`
	Estimate  bool     `help:"Say what it would take, and run nothing."`
}

// estimate tells what a computation would take.
func (g *Globals) estimate(c pool.Cost) error {
	if g.JSON {
		return g.print(c)
	}
	fmt.Fprintf(g.stdout, "预计单核%.1f秒（%.3g步）\n", c.Seconds, c.Steps)
	return c.Refuse()
}

func readTargets(list []string) ([]pool.Target, error) {
	var out []pool.Target
	for _, s := range list {
		label, rest, ok := strings.Cut(s, "=")
		value, source, named := strings.Cut(rest, "@")
		var pd float64
		if _, err := fmt.Sscanf(value, "%g", &pd); !ok || !named || err != nil {
			return nil, fault.New(fault.Invalid, "pool.target", "目标格式应为 名称=违约率@来源。", "a target reads label=pd@source")
		}
		out = append(out, pool.Target{Label: label, PD: pd, Source: source})
	}
	return out, nil
}

// Run simulates.
func (c *poolSimulateCmd) Run(g *Globals) error {
	d, err := c.withDays(g)
	if err != nil {
		return err
	}
	targets, err := readTargets(c.Target)
	if err != nil {
		return err
	}
	if c.Estimate {
		sim, err := d.NewSimulation(c.Seed)
		if err != nil {
			return err
		}
		return g.estimate(sim.Cost(c.Scenarios))
	}
	var progress func(int64)
	if f, ok := g.stderr.(*os.File); ok && isatty.IsTerminal(f.Fd()) {
		bar := progressbar.NewOptions64(c.Scenarios, progressbar.OptionSetWriter(g.stderr), progressbar.OptionSetDescription("模拟"), progressbar.OptionClearOnFinish())
		progress = func(done int64) { _ = bar.Set64(done) }
	}
	rep, err := arranger.Simulate(g.ctx, &d, c.Seed, c.Scenarios, targets, progress)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(rep)
	}
	g.heading(&d)
	fmt.Fprintf(g.stdout, "%d条路径，种子%d，%d户\n", rep.Scenarios, rep.Seed, rep.Obligors)
	fmt.Fprintf(g.stdout, "平均违约率 %.3f%%±%.3f%%（按金额；按合同数口径%.3f%%±%.3f%%），预期损失 %.3f%%±%.3f%%（含摊还）\n", rep.Defaulted.Mean*100, rep.Defaulted.SE*100, rep.DefaultRate.Mean*100, rep.DefaultRate.SE*100, rep.ExpectedLoss.Mean*100, rep.ExpectedLoss.SE*100)
	fmt.Fprintf(g.stdout, "优先级（不含外部增信）预期损失 %.4f%%±%.4f%%，损失概率 %.3f%%\n", rep.Senior.ExpectedLoss.Mean*100, rep.Senior.ExpectedLoss.SE*100, rep.Senior.LossProb.Mean*100)
	if w := rep.WithSupport; w != nil {
		fmt.Fprintf(g.stdout, "优先级（含外部增信）  预期损失 %.4f%%±%.4f%%，损失概率 %.3f%%\n", w.ExpectedLoss.Mean*100, w.ExpectedLoss.SE*100, w.LossProb.Mean*100)
	}
	for _, q := range rep.Quantiles {
		fmt.Fprintf(g.stdout, "%.1f%%分位：有限池%d户=%.1f%%（精确），模拟按初始本金%.2f%%，渐近%.2f%%\n", q.Level*100, q.Defaults, q.ByCount*100, q.Simulated*100, q.Asymptotic*100)
	}
	if len(rep.LossRange) > 0 {
		fmt.Fprintln(g.stdout, "以下各行按基准日敞口、不计摊还，故预期损失高于上面的模拟值（违约发生时本金已部分收回）：")
	}
	for _, l := range rep.LossRange {
		fmt.Fprintf(g.stdout, "违约损失率%.0f%%：预期损失%.2f%%，99%%损失%.2f%%（精确，基准日敞口）\n", l.LGD*100, l.Mean*100, l.Q99*100)
	}
	for _, x := range rep.Cushions {
		fmt.Fprintf(g.stdout, "%s：情景违约率%.2f%%（按金额；按合同数口径%.2f%%），盈亏平衡%s，缓冲%.2f%%（按金额）\n", x.Target, x.SDR*100, x.SDRContracts*100, x.BreakEven.Zh(), x.Cushion*100)
	}
	for _, n := range rep.Notes {
		fmt.Fprintln(g.stdout, n)
	}
	return nil
}

type poolRevolveCmd struct {
	dealFile
	Cycles string `required:"" type:"existingfile" help:"JSON list of cycles: date, cash, reserves, due, candidates."`
}

// Run simulates the cycles.
func (c *poolRevolveCmd) Run(g *Globals) error {
	d, err := c.withDays(g)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(c.Cycles)
	if err != nil {
		return err
	}
	var cycles []pool.Cycle
	if err := strict.Decode(b, &cycles, "pool.cycles", "循环购买文件无法解析，请检查字段与取值。", "The cycles do not parse; check their fields and values."); err != nil {
		return err
	}
	res, _, err := d.Revolve(cycles, g.days)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(res)
	}
	g.heading(&d)
	for _, r := range res {
		fmt.Fprintf(g.stdout, "%s 可用%s 支出%s 购买后本金%s（%d笔%d户，加权利率%.3f%%，加权剩余%.1f个月，最大债务人%.2f%%） 公告截止%s（%s）\n", r.Date, r.Available, r.Spent, r.PoolAfter,
			r.After.Assets, r.After.Obligors, r.After.Rate*100, r.After.Months, r.After.Largest*100, r.NoticeDue, r.Cite)
		if r.StopNotice != nil {
			fmt.Fprintf(g.stdout, "    须公告：%s，截止%s（%s）\n", r.StopNotice.Title, r.StopNotice.Due, r.StopNotice.Cite)
		}
		for _, p := range r.Purchases {
			if p.Bought {
				fmt.Fprintf(g.stdout, "    购买 %s %s元\n", p.Asset, p.Price)
				continue
			}
			for _, why := range p.Reasons {
				fmt.Fprintf(g.stdout, "    未购 %s：%s [%s]\n", p.Asset, why.Zh, why.Code)
			}
		}
		for _, s := range r.Stopped {
			fmt.Fprintf(g.stdout, "    停止：%s [%s]\n", s.Zh, s.Code)
		}
	}
	return nil
}

type poolShelfCmd struct {
	File string `arg:"" type:"existingfile" help:"Shelf as JSON: approved, expires, series with amount and criteria; or a deal with a shelf."`
}

// Run prints the ledger.
func (c *poolShelfCmd) Run(g *Globals) error {
	b, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	if strings.EqualFold(filepath.Ext(c.File), ".xlsx") {
		d, err := dealFile{c.File}.read()
		if err != nil {
			return err
		}
		if b, err = json.Marshal(d); err != nil {
			return err
		}
	}
	var both struct {
		pool.Shelf
		Inside *pool.Shelf `json:"shelf"`
	}
	if err := json.Unmarshal(b, &both); err != nil {
		return fault.New(fault.Invalid, "pool.shelf", "储架文件无法解析。", "the shelf does not parse").Because(err)
	}
	s := &both.Shelf
	if both.Inside != nil {
		s = both.Inside
	}
	if s.Approved == 0 && len(s.Series) == 0 {
		return fault.New(fault.Invalid, "pool.shelf.none", "该文件没有储架信息（批复额度与各期发行）。", "the file has no shelf: neither an approved amount nor series")
	}
	l := s.Ledger()
	if g.JSON {
		return g.print(l)
	}
	fmt.Fprintf(g.stdout, "批复%s元，已发行%s元（%.1f%%），剩余%s元\n", l.Approved, l.Issued, l.Used*100, l.Room)
	for _, x := range l.Series {
		state := "一致"
		if !x.Conforms {
			state = "不一致"
		}
		fmt.Fprintf(g.stdout, "%s：%s，发行后剩余%s元 %s\n", x.Name, state, x.Room, strings.Join(x.Different, "；"))
	}
	return nil
}

type poolBuildCmd struct {
	dealFile
	Objective    string  `default:"value" enum:"value,coverage" help:"value: total IP value; coverage: IP value at the lower bound over principal."`
	MaxPrincipal string  `help:"Largest pool, in 万元."`
	MinPrincipal string  `help:"Smallest pool, in 万元."`
	MinObligors  int     `help:"Default: the rule's."`
	MaxSingle    float64 `help:"Default: the rule's."`
	MaxTop5      float64 `help:"Default: the rule's."`
	Out          string  `short:"o" help:"Write the built deal: .xlsx or .json."`
}

// Run chooses.
func (c *poolBuildCmd) Run(g *Globals) error {
	d, err := c.withDays(g)
	if err != nil {
		return err
	}
	l := pool.BuildLimits{Objective: c.Objective, MinObligors: c.MinObligors, MaxSingle: c.MaxSingle, MaxTop5: c.MaxTop5}
	for _, x := range []struct {
		s  string
		to *money.Fen
	}{{c.MaxPrincipal, &l.MaxPrincipal}, {c.MinPrincipal, &l.MinPrincipal}} {
		if x.s != "" {
			if *x.to, err = money.Parse(x.s, money.Wan); err != nil {
				return fault.New(fault.Invalid, "amount", "规模应为万元数。", err.Error())
			}
		}
	}
	b, err := d.BuildUntil(l, g.ctx.Err)
	if err != nil {
		return err
	}
	if c.Out != "" {
		err := g.writeFile(c.Out, func(w io.Writer) error {
			if strings.EqualFold(filepath.Ext(c.Out), ".xlsx") {
				return poolfile.WriteBook(w, *b.Deal)
			}
			return json.NewEncoder(w).Encode(b.Deal)
		})
		if err != nil {
			return err
		}
	}
	if g.JSON {
		return g.print(b)
	}
	g.heading(&d)
	fmt.Fprintln(g.stdout, b)
	for _, x := range b.Chosen {
		fmt.Fprintf(g.stdout, "  选入 %s 边际 %.6g\n", x.Asset, x.Marginal)
	}
	for _, x := range b.Left {
		fmt.Fprintf(g.stdout, "  未选 %s：%s\n", x.Asset, x.Reason.Zh)
	}
	fmt.Fprintf(g.stdout, "边际口径：%s；起约束作用的限制：%s\n", b.Marginals, strings.Join(b.Binding, "、"))
	return nil
}

type poolAnnexCmd struct {
	dealFile
	Out    string `short:"o" required:"" help:"File: .html or .xlsx."`
	Stress bool   `default:"true" negatable:"" help:"Include the stress grid."`
}

// Run writes the annex.
func (c *poolAnnexCmd) Run(g *Globals) error {
	d, err := c.withDays(g)
	if err != nil {
		return err
	}
	a := poolfile.Annex{Annex: d.Annex(), Calendar: d.DisclosureCalendar(0, g.days)}
	if t := d.Structure.Tranches; c.Stress && len(t) >= 2 {
		s, err := d.Stress(pool.StressGrid{Lag: 2})
		if err != nil {
			return err
		}
		a.Stress, a.Senior, a.Sub = &s, t[0].Principal, t[len(t)-1].Principal
	}
	if n := len(a.Annex.Missing); n > 0 {
		fmt.Fprintf(g.stderr, "附件缺少%d项，已在文件中列明\n", n)
	}
	return g.writeFile(c.Out, func(w io.Writer) error {
		if strings.EqualFold(filepath.Ext(c.Out), ".xlsx") {
			return poolfile.WriteAnnexBook(w, a)
		}
		return poolfile.WriteAnnexHTML(w, a)
	})
}

type poolNoticeCmd struct {
	dealFile
	Kind       string  `required:"" help:"Kind of event: loss, operation, cash_flow, title, account, undone, litigation, purchase, purchase_change, breach, party_change, party_rating, publicity, business, dishonesty, dissolution, downgrade, default, value_fall, unpaid, amendment or liquidation."`
	Securities string  `help:"Principal of all securities outstanding, yuan: what losses are measured against."`
	Date       string  `required:"" help:"Day of the event, YYYY-MM-DD."`
	Amount     string  `help:"Amount concerned, yuan."`
	Base       string  `help:"What the amount is measured against, yuan."`
	Prior      float64 `help:"Loss share already announced."`
	Detail     string  `help:"What happened."`
	Out        string  `short:"o" help:"Write the draft as HTML."`
}

// Run decides on a notice.
func (c *poolNoticeCmd) Run(g *Globals) error {
	d, err := c.withDays(g)
	if err != nil {
		return err
	}
	day, err := parseDay(c.Date, "--date")
	if err != nil {
		return err
	}
	e := pool.Event{Kind: c.Kind, Date: day, Detail: c.Detail, Prior: c.Prior}
	for _, x := range []struct {
		s  string
		to *money.Fen
	}{{c.Amount, &e.Amount}, {c.Base, &e.Base}, {c.Securities, &e.Base}} {
		if x.s != "" {
			if *x.to, err = money.Parse(x.s, money.Yuan); err != nil {
				return fault.New(fault.Invalid, "amount", "金额无效。", err.Error())
			}
		}
	}
	n, err := d.Notice(e, g.days)
	if err != nil {
		return err
	}
	if c.Out != "" {
		return g.writeFile(c.Out, func(w io.Writer) error { return poolfile.WriteNoticeHTML(w, d.Label, n) })
	}
	if g.JSON {
		return g.print(n)
	}
	fmt.Fprintf(g.stdout, "%s\n须公告：%v　截止：%s%s　风险分类至少：%s\n%s\n", n.Title, map[bool]string{true: "是", false: "否"}[n.Required], n.Due, n.DueError+map[bool]string{true: "（放假安排未公布，暂按法定节假日推算）"}[n.Provisional], n.Class, n.Why)
	for _, f := range n.Body {
		v := f.Value
		if v == "" {
			v = "【缺失】"
		}
		fmt.Fprintf(g.stdout, "  %s：%s\n", f.Zh, v)
	}
	return nil
}
