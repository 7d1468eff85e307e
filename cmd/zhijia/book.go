package main

import (
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"zhijia/internal/desk"
	"zhijia/internal/fault"
	"zhijia/internal/money"
	"zhijia/internal/store"
	"zhijia/internal/strict"
)

type bookCmd struct {
	Add     bookAddCmd     `cmd:"" help:"Take a loan into the book: a JSON file as POST /v1/book/loans takes it; - is standard input."`
	List    bookListCmd    `cmd:"" help:"List the open loans and their patents."`
	Balance bookBalanceCmd `cmd:"" help:"Record what is still owed; 0 closes the loan."`
	Revalue bookRevalueCmd `cmd:"" help:"Value now whatever is due or has new events; serve and worker do so every minute."`

	Collateral bookCollateralCmd `cmd:"" help:"Print the book as rows of the regulator's collateral table IE_006_603, JSON."`
}

// readJSON decodes a file strictly.
func readJSON(g *Globals, name string, into any) error {
	in := g.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return fault.New(fault.NotFound, "file.open", "无法打开文件 "+name+"。", "Cannot open "+name+".").Because(err)
		}
		defer f.Close()
		in = f
	}
	body, err := io.ReadAll(io.LimitReader(in, maxRequest))
	if err != nil {
		return err
	}
	return strict.Decode(body, into, "request.json", "含有未知字段，或取值无法识别。", "There is an unknown field or a value that is not recognised.")
}

type bookAddCmd struct {
	Database
	File string `arg:"" help:"JSON file, or -."`
}

// Run books a loan.
func (c *bookAddCmd) Run(g *Globals) error {
	var l desk.Loan
	if err := readJSON(g, c.File, &l); err != nil {
		return err
	}
	d, _, done, err := c.desk(g, nil)
	if err != nil {
		return err
	}
	defer done()
	booked, err := d.Book(g.ctx, g.operator(), l)
	if err != nil {
		return err
	}
	return g.print(booked)
}

type bookListCmd struct{ Database }

// Run lists the book.
func (c *bookListCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	loans, err := db.BookLoans(g.ctx, g.operator().Institution, "", 1000)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(loans)
	}
	w := tabwriter.NewWriter(g.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "担保合同号\t借款人\t余额\t到期日\t专利\t首次估值\t最新估值\t估值日\t下次重估")
	for _, l := range loans {
		for _, p := range l.Patents {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.Contract, l.Borrower, money.Zh(l.Balance.Yuan(), 4), l.Maturity, p.Number, money.Zh(p.FirstValue.Yuan(), 3), money.Zh(p.Value.Yuan(), 3), p.ValuedOn, p.Due)
		}
	}
	return w.Flush()
}

type bookCollateralCmd struct{ Database }

// Run prints.
func (c *bookCollateralCmd) Run(g *Globals) error {
	d, _, done, err := c.desk(g, nil)
	if err != nil {
		return err
	}
	defer done()
	rows, _, err := d.Collateral(g.ctx, g.operator(), "", 100_000)
	if err != nil {
		return err
	}
	return g.print(rows)
}

type bookBalanceCmd struct {
	Database
	Contract string `arg:"" help:"Security contract."`
	Balance  string `arg:"" help:"Yuan."`
	Outcome  string `enum:"repaid,defaulted,sold," default:"" help:"What became of the loan, for back-testing: repaid, defaulted, sold (the collateral was)."`
	Proceeds string `help:"Of the collateral, yuan." placeholder:"YUAN"`
}

// Run records a balance.
func (c *bookBalanceCmd) Run(g *Globals) error {
	balance, err := money.Parse(c.Balance, money.Yuan)
	if err != nil || balance < 0 {
		return fault.New(fault.Invalid, "amount.shape", "余额应为不为负的金额（元）。", "The balance must be an amount in yuan, not negative.")
	}
	var outcome *store.Outcome
	if c.Outcome != "" {
		outcome = &store.Outcome{Kind: c.Outcome}
		if c.Proceeds != "" {
			x, err := money.Parse(c.Proceeds, money.Yuan)
			if err != nil {
				return fault.New(fault.Invalid, "amount.shape", "变现所得应为金额（元）。", "The proceeds must be an amount in yuan.")
			}
			outcome.Proceeds = &x
		}
	}
	d, _, done, err := c.desk(g, nil)
	if err != nil {
		return err
	}
	defer done()
	return d.SetBalance(g.ctx, g.operator(), c.Contract, balance, outcome)
}

type bookRevalueCmd struct{ Database }

// Run revalues.
func (c *bookRevalueCmd) Run(g *Globals) error {
	d, _, done, err := c.desk(g, nil)
	if err != nil {
		return err
	}
	defer done()
	n, err := d.RevalueDue(g.ctx, g.operator().Institution)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(map[string]int{"revalued": n})
	}
	fmt.Fprintf(g.stdout, "重估 %d 项。\n", n)
	return nil
}
