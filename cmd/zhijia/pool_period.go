package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"zhijia/internal/fault"
	"zhijia/internal/money"
	"zhijia/internal/pool"
	"zhijia/internal/poolfile"
	"zhijia/internal/strict"
)

// poolPeriodCmd is a pool's life after closing.
type poolPeriodCmd struct {
	Run    poolPeriodRunCmd    `cmd:"" help:"Close a period from files alone: a deal, the state before, the bank statement; writes the state after."`
	Close  poolPeriodCloseCmd  `cmd:"" help:"Close the next period of a kept pool from the bank statement."`
	List   poolPeriodListCmd   `cmd:"" help:"Every version of every closed period of a kept pool."`
	Show   poolPeriodShowCmd   `cmd:"" help:"The distribution report of a closed period."`
	Reopen poolPeriodReopenCmd `cmd:"" help:"Take a closed period, and those after it, out of force; closing again makes a new version."`
	Replay poolPeriodReplayCmd `cmd:"" help:"Work a pool's life out again from its events and compare it with the record."`
}

// collectionFlags are what happened in a period.
type collectionFlags struct {
	Bank      string   `required:"" help:"Statement, XLSX or CSV: 流水号, 日期, 账户, 对方, 对方账户, 方向 (or 收入金额/支出金额), 金额, 附言, and for what the servicer knows 资产编号 and 用途 (应收, 早偿, 回收, 费用, 增信, 退款)."`
	Plan      string   `required:"" help:"Account number of the plan."`
	Regulated []string `help:"Account numbers of regulated accounts."`
	AsOf      string   `help:"Day on which this is known; default the end of the collection period."`
	Grace     int      `default:"3" help:"Days of grace."`
	Unit      string   `default:"元" help:"Unit of the statement: 元, 万元."`
	Period    int      `help:"Payment period, counted from 1; default the next."`
	Marks     string   `type:"existingfile" help:"JSON list of marks: line, asset, use (due, prepayment, recovery, fee, support, refund), amount; may name lines held as unexplained."`
	Default   []string `help:"Assets declared in default."`
	Final     bool     `help:"The plan is wound up with this payment."`
}

func (c *collectionFlags) read() (in pool.Collection, err error) {
	unit, err := money.ParseUnit(c.Unit)
	if err != nil {
		return in, fault.New(fault.Invalid, "unit", "金额单位无法识别。", err.Error())
	}
	cells, err := readTable(c.Bank)
	if err != nil {
		return in, err
	}
	lines, err := poolfile.ReadBankLines(cells, unit)
	if err != nil {
		return in, err
	}
	in = pool.Collection{
		Period: c.Period, Lines: lines, Defaults: c.Default, Final: c.Final,
		Accounts: pool.Accounts{Plan: c.Plan, Regulated: c.Regulated, GraceDays: c.Grace},
	}
	if c.AsOf != "" {
		if in.Accounts.AsOf, err = parseDay(c.AsOf, "--as-of"); err != nil {
			return in, err
		}
	}
	if c.Marks != "" {
		b, err := os.ReadFile(c.Marks)
		if err != nil {
			return in, err
		}
		if err := strict.Decode(b, &in.Marks, "pool.marks", "标注文件无法解析，请检查字段与取值。", "The marks do not parse; check their fields and values."); err != nil {
			return in, err
		}
	}
	return in, nil
}

// tell prints a closed period, or writes its report.
func (g *Globals) tell(c *pool.Closed, out string) error {
	if out != "" {
		if err := g.writeFile(out, func(w io.Writer) error { return poolfile.WriteClosedHTML(w, *c) }); err != nil {
			return err
		}
	}
	if g.JSON {
		return g.print(c)
	}
	fmt.Fprintf(g.stdout, "%s（第%d版）　收款期间%s至%s　兑付日%s　风险分类至少：%s\n", c.Title, c.Version, c.From, c.To, c.PayDate, c.Class)
	if c.Label != "" {
		fmt.Fprintf(g.stdout, "【%s】\n", c.Label)
	}
	fmt.Fprintf(g.stdout, "收到 %s元；税费 %s元\n", c.Received, c.Row.Ledger.Tax+c.Row.Ledger.Fees)
	for k, n := range c.State.Notes {
		fmt.Fprintf(g.stdout, "  %s：期初%s，利息%s，本金%s，期末%s，欠息%s\n", n.Name, c.Before[k].Balance, c.Row.TrancheInterest[k], c.Row.TranchePrincipal[k], n.Balance, n.Arrears)
	}
	for _, x := range c.Collections {
		if x.Status != "performing" && x.Status != "repaid" || x.Late() > 0 || x.Prepaid > 0 {
			fmt.Fprintf(g.stdout, "  %s %s：实收%s，补缴%s，早偿%s，回收%s，违约%s，逾期%s，余额%s\n", x.Asset, x.Status, x.Principal+x.Interest, x.Late(), x.Prepaid, x.Recovered, x.Defaulted, x.Overdue, x.Balance)
		}
	}
	for _, x := range c.Causes {
		fmt.Fprintf(g.stdout, "  差异：%s %s元\n", x.Zh, x.Amount)
	}
	for _, l := range c.State.Suspense {
		fmt.Fprintf(g.stdout, "  待查明：流水%s %s %s元，未参与分配\n", l.ID, l.Party, l.Amount)
	}
	for _, s := range c.Triggers {
		fmt.Fprintf(g.stdout, "  触发加速清偿：%s\n", s)
	}
	for _, n := range c.Notices {
		fmt.Fprintf(g.stdout, "  须公告：%s，截止%s%s\n", n.Title, n.Due, n.DueError)
	}
	fmt.Fprintf(g.stdout, "储备金%s，账户%s，在途%s；流入%s = 流出%s；报告披露截止%s\n", c.State.Reserve, c.State.Cash, c.State.Transit, c.Row.Ledger.In(), c.Row.Ledger.Out(), c.ReportDue.Due)
	return nil
}

type poolPeriodRunCmd struct {
	dealFile
	collectionFlags
	State string `type:"existingfile" help:"State after the period before, as --state-out wrote it; none: the closing."`
	After string `name:"state-out" help:"File to write the state after to, JSON."`
	Out   string `short:"o" help:"Write the distribution report as HTML."`
}

// Run closes a period.
func (c *poolPeriodRunCmd) Run(g *Globals) error {
	d, err := c.withDays(g)
	if err != nil {
		return err
	}
	state, err := d.Opening()
	if err != nil {
		return err
	}
	if c.State != "" {
		b, err := os.ReadFile(c.State)
		if err != nil {
			return err
		}
		state = pool.State{}
		if err := strict.Decode(b, &state, "pool.state", "期初状态文件无法解析。", "The state does not parse."); err != nil {
			return err
		}
	}
	in, err := c.collectionFlags.read()
	if err != nil {
		return err
	}
	out, err := d.Close(state, in)
	if err != nil {
		return err
	}
	if c.After != "" {
		err := g.writeFile(c.After, func(w io.Writer) error {
			enc := json.NewEncoder(w)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", " ")
			return enc.Encode(out.State)
		})
		if err != nil {
			return err
		}
	}
	return g.tell(&out, c.Out)
}

type poolPeriodCloseCmd struct {
	poolDesk
	collectionFlags
	ID  string `arg:"" help:"Id of the pool."`
	By  string `default:"cli" help:"Who closes it, for the record."`
	Out string `short:"o" help:"Write the distribution report as HTML."`
}

// Run closes the next period.
func (c *poolPeriodCloseCmd) Run(g *Globals) error {
	in, err := c.read()
	if err != nil {
		return err
	}
	desk, done, err := c.desk(g)
	if err != nil {
		return err
	}
	defer done()
	p, err := desk.Close(g.ctx, c.actor(g, c.By), c.ID, in, g.days)
	if err != nil {
		return err
	}
	return g.tell(&p.Closed, c.Out)
}

type poolPeriodListCmd struct {
	poolDesk
	ID string `arg:"" help:"Id of the pool."`
}

// Run lists.
func (c *poolPeriodListCmd) Run(g *Globals) error {
	desk, done, err := c.desk(g)
	if err != nil {
		return err
	}
	defer done()
	all, err := desk.Periods(g.ctx, g.Institution, c.ID)
	if err != nil {
		return err
	}
	type line struct {
		Period     int       `json:"period"`
		Version    int       `json:"version"`
		Counts     bool      `json:"counts"`
		PayDate    string    `json:"pay_date"`
		Received   money.Fen `json:"received"`
		RiskClass  string    `json:"risk_class"`
		ClosedBy   string    `json:"closed_by"`
		ReopenedBy string    `json:"reopened_by,omitempty"`
		Reason     string    `json:"reason,omitempty"`
		Review     string    `json:"review,omitempty"`
		ReviewedBy string    `json:"reviewed_by,omitempty"`
	}
	list := []line{}
	for _, p := range all {
		list = append(list, line{p.Period, p.Version, p.ReopenedAt == nil, p.Closed.PayDate.String(), p.Closed.Received, p.Closed.Class, p.ClosedBy, p.ReopenedBy, p.Reason, p.Review, p.ReviewedBy})
	}
	if g.JSON {
		return g.print(list)
	}
	for _, l := range list {
		state := "有效，未经复核"
		if l.Review == "approved" {
			state = "有效，" + l.ReviewedBy + "已复核"
		}
		if !l.Counts {
			state = "已重新打开（" + l.ReopenedBy + "：" + l.Reason + "）"
		}
		fmt.Fprintf(g.stdout, "第%d期 第%d版 兑付日%s 收到%s元 %s %s %s\n", l.Period, l.Version, l.PayDate, l.Received, l.RiskClass, l.ClosedBy, state)
	}
	return nil
}

type poolPeriodShowCmd struct {
	poolDesk
	ID      string `arg:"" help:"Id of the pool."`
	Period  int    `arg:"" help:"Counted from 1."`
	Version int    `help:"Default: the one that counts."`
	Out     string `short:"o" help:"Write the distribution report as HTML."`
}

// Run shows a period.
func (c *poolPeriodShowCmd) Run(g *Globals) error {
	desk, done, err := c.desk(g)
	if err != nil {
		return err
	}
	defer done()
	p, err := desk.Period(g.ctx, g.Institution, c.ID, c.Period, c.Version)
	if err != nil {
		return err
	}
	return g.tell(&p.Closed, c.Out)
}

type poolPeriodReopenCmd struct {
	poolDesk
	ID     string `arg:"" help:"Id of the pool."`
	Period int    `arg:"" help:"Counted from 1."`
	Reason string `required:"" help:"Why, for the record."`
	By     string `default:"cli" help:"Who reopens it, for the record."`
}

// Run reopens.
func (c *poolPeriodReopenCmd) Run(g *Globals) error {
	desk, done, err := c.desk(g)
	if err != nil {
		return err
	}
	defer done()
	n, waiting, err := desk.Reopen(g.ctx, c.actor(g, c.By), c.ID, c.Period, c.Reason)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(map[string]any{"periods": n, "waiting": waiting})
	}
	if waiting {
		fmt.Fprintf(g.stdout, "重新打开第%d期的提议待另一人复核\n", c.Period)
		return nil
	}
	fmt.Fprintf(g.stdout, "已重新打开第%d期起共%d期\n", c.Period, n)
	return nil
}

type poolPeriodReplayCmd struct {
	poolDesk
	ID string `arg:"" help:"Id of the pool."`
}

// Run replays; the exit code is 65 when the record differs.
func (c *poolPeriodReplayCmd) Run(g *Globals) error {
	desk, done, err := c.desk(g)
	if err != nil {
		return err
	}
	defer done()
	out, err := desk.Replay(g.ctx, g.Institution, c.ID, g.days)
	if err != nil {
		return err
	}
	if g.JSON {
		err = g.print(out)
	} else {
		fmt.Fprintf(g.stdout, "重放%d期，与记录%s\n", out.Periods, map[bool]string{true: "一致", false: "不一致：第" + strings.Trim(fmt.Sprint(out.Differs), "[]") + "期"}[out.Same])
	}
	if !out.Same {
		err = errors.Join(err, fault.New(fault.Conflict, "pool.replay", "重放结果与记录不一致。", "the replay differs from the record"))
	}
	return err
}

type poolReleaseCmd struct {
	poolDesk
	ID string `arg:"" help:"Id of the pool."`
	By string `default:"cli" help:"Who releases it, for the record."`
}

// Run frees a pool's rights for another pool.
func (c *poolReleaseCmd) Run(g *Globals) error {
	desk, done, err := c.desk(g)
	if err != nil {
		return err
	}
	defer done()
	if err := desk.Release(g.ctx, g.Institution, c.By, c.ID); err != nil {
		return err
	}
	if g.JSON {
		return g.print(map[string]any{"id": c.ID, "released": true})
	}
	fmt.Fprintf(g.stdout, "%s 已解除占用\n", c.ID)
	return nil
}
