package main

import (
	"fmt"
	"io"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/money"
	"zhijia/internal/pool"
	"zhijia/internal/poolfile"
)

// statementFlags name a bank statement and the accounts.
type statementFlags struct {
	Bank      string   `required:"" help:"Statement, XLSX or CSV: 流水号, 日期, 账户, 对方, 对方账户, 方向, 金额, 附言."`
	Plan      string   `required:"" help:"Account number of the plan."`
	Regulated []string `help:"Account numbers of regulated accounts."`
	AsOf      string   `help:"Day of the check; default the last due date."`
	Grace     int      `default:"3" help:"Days of grace."`
	Unit      string   `default:"元" help:"Unit of the statement: 元, 万元."`
}

func (c *statementFlags) reconcile(d *pool.Deal, from, to calendar.Date) (rec pool.Reconciliation, err error) {
	asOf := to
	if c.AsOf != "" {
		if asOf, err = parseDay(c.AsOf, "--as-of"); err != nil {
			return rec, err
		}
	}
	unit, err := money.ParseUnit(c.Unit)
	if err != nil {
		return rec, fault.New(fault.Invalid, "unit", "金额单位无法识别。", err.Error())
	}
	cells, err := readTable(c.Bank)
	if err != nil {
		return rec, err
	}
	lines, err := poolfile.ReadBankLines(cells, unit)
	if err != nil {
		return rec, err
	}
	return pool.Reconcile(d.ExpectedReceipts(from, to), lines, pool.Accounts{Plan: c.Plan, Regulated: c.Regulated, GraceDays: c.Grace, AsOf: asOf}), nil
}

type poolReconcileCmd struct {
	dealFile
	statementFlags
	From string `required:"" help:"First due date, YYYY-MM-DD."`
	To   string `required:"" help:"Last due date."`
}

// Run reconciles; the exit code is 65 when the loop is not closed.
func (c *poolReconcileCmd) Run(g *Globals) error {
	d, err := c.withDays(g)
	if err != nil {
		return err
	}
	from, err := parseDay(c.From, "--from")
	if err != nil {
		return err
	}
	to, err := parseDay(c.To, "--to")
	if err != nil {
		return err
	}
	rec, err := c.reconcile(&d, from, to)
	if err != nil {
		return err
	}
	if g.JSON {
		if err := g.print(rec); err != nil {
			return err
		}
	} else {
		g.heading(&d)
		for _, m := range rec.Matches {
			fmt.Fprintf(g.stdout, "%-8s %s %s 应收%s 实收%s 差额%s %s\n", m.Status, m.Expected.Due, m.Expected.Payer, m.Expected.Amount, m.Received, m.Open, m.Zh)
		}
		for _, f := range rec.Findings {
			fmt.Fprintf(g.stdout, "%-8s %s 流水%s %s元：%s\n", f.Status, f.Line.Date, f.Line.ID, f.Amount, f.Zh)
		}
		fmt.Fprintf(g.stdout, "应收%s = 实收%s + 未收%s；外流%s；滞留监管账户%s\n", rec.Expected, rec.Received, rec.Open, rec.Leaked, rec.Stuck)
	}
	if !rec.Closed {
		return fault.New(fault.Conflict, "pool.loop", "资金流未闭环，见上列各项。", "the cash loop is not closed")
	}
	return nil
}

type poolReportCmd struct {
	dealFile
	statementFlags
	Period int    `required:"" help:"Payment period, counted from 1."`
	Out    string `short:"o" default:"-" help:"HTML file."`
}

// Run writes the periodic report.
func (c *poolReportCmd) Run(g *Globals) error {
	d, err := c.withDays(g)
	if err != nil {
		return err
	}
	from, to, err := d.PeriodDays(c.Period)
	if err != nil {
		return err
	}
	rec, err := c.reconcile(&d, from, to)
	if err != nil {
		return err
	}
	p, err := d.Periodic(c.Period-1, rec, nil, g.days)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(p)
	}
	return g.writeFile(c.Out, func(w io.Writer) error { return poolfile.WritePeriodicHTML(w, p) })
}

func parseDay(s, flag string) (calendar.Date, error) {
	d, err := calendar.Parse(s)
	if err != nil {
		return d, fault.New(fault.Invalid, "date", flag+" 不是日期。", flag+": "+err.Error())
	}
	return d, nil
}
