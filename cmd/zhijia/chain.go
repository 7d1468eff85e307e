package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"zhijia/internal/calendar"
	"zhijia/internal/chain"
	"zhijia/internal/desk"
	"zhijia/internal/dossier"
	"zhijia/internal/encumbrance"
	"zhijia/internal/fault"
	"zhijia/internal/lending"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/pool"
	"zhijia/internal/scheme"
	"zhijia/internal/sheet"
)

// chain opens the database and the products over it.
func (d *Database) chain(g *Globals) (*chain.Service, func(), error) {
	dk, db, done, err := d.desk(g, nil)
	if err != nil {
		return nil, nil, err
	}
	return chain.New(db, dk, dossier.New(db, time.Now, g.days), time.Now), done, nil
}

// tell asks a use case that open has opened and prints its answer: for programs as JSON, under a name where one is given, for
// people by show.
func tell[S, T any](g *Globals, open func(*Globals) (S, func(), error), name string, ask func(S) (T, error), show func(T) error) error {
	s, done, err := open(g)
	if err != nil {
		return err
	}
	defer done()
	answer, err := ask(s)
	switch {
	case err != nil:
		return err
	case !g.JSON:
		return show(answer)
	case name != "":
		return g.print(map[string]any{name: answer})
	}
	return g.print(answer)
}

type rightsCmd struct {
	Put       rightsPutCmd       `cmd:"" help:"Take a use of rights into the ledger: a JSON file as POST /v1/encumbrances takes it; - is standard input."`
	Consent   rightsConsentCmd   `cmd:"" help:"Note a written consent: a JSON file as POST /v1/consents takes it."`
	Authorise rightsAuthoriseCmd `cmd:"" help:"Note that a borrower agreed in writing to other institutions being asked about his patents."`
	Release   rightsReleaseCmd   `cmd:"" help:"End every use under a contract."`
	List      rightsListCmd      `cmd:"" help:"List the ledger."`
	Timeline  rightsTimelineCmd  `cmd:"" help:"Everything on file about one right, oldest first."`
}

type rightsAuthoriseCmd struct {
	Database
	Numbers  []string `arg:"" help:"Application or patent numbers in any usual form."`
	Borrower string   `required:"" help:"Who signed."`
	SignedOn string   `name:"signed-on" required:"" placeholder:"DATE" help:"The day it was signed, YYYY-MM-DD."`
	Until    string   `placeholder:"DATE" help:"Its last day; left out where the document states none."`
	Document string   `required:"" help:"Number or place of the signed paper."`
}

// Run notes it, on the institution's record.
func (c *rightsAuthoriseCmd) Run(g *Globals) error {
	x, err := desk.ReadAuthorisation(c.Numbers, c.Borrower, c.SignedOn, c.Until, c.Document)
	if err != nil {
		return err
	}
	d, _, done, err := c.desk(g, nil)
	if err != nil {
		return err
	}
	defer done()
	if err := d.Authorise(g.ctx, g.operator(), x); err != nil || g.JSON {
		return err
	}
	fmt.Fprintf(g.stdout, "已登记 %s 的书面授权：%s\n", x.Borrower, strings.Join(x.Numbers, "、"))
	return nil
}

type rightsPutCmd struct {
	Database
	File string `arg:"" help:"JSON of {kind, numbers, product, state, reference, party, beneficiary, registration, amount, covers, evidence, keep_disputed}, or -."`
}

// Run puts.
func (c *rightsPutCmd) Run(g *Globals) error {
	var in chain.Entry
	if err := readJSON(g, c.File, &in); err != nil {
		return err
	}
	return tell(g, c.chain, "rulings", func(s *chain.Service) ([]encumbrance.Ruling, error) { return s.Put(g.ctx, g.operator(), in) }, func(rulings []encumbrance.Ruling) error {
		if len(rulings) == 0 {
			fmt.Fprintln(g.stdout, "已登记")
		}
		for _, r := range rulings {
			state := "已登记"
			if r.Refusal() != nil {
				state = "登记为有争议"
			}
			fmt.Fprintf(g.stdout, "%s：%s\n", r.Right, state)
			for _, f := range r.Findings {
				fmt.Fprintf(g.stdout, "  %s %s %s%s\n", f.Code, f.Zh, f.Supply, f.Consent)
			}
		}
		return nil
	})
}

type rightsConsentCmd struct {
	Database
	File string `arg:"" help:"JSON of {kind, number, product, reference, to, by, document, signed_on, valid_until}, or -."`
}

// Run notes.
func (c *rightsConsentCmd) Run(g *Globals) error {
	return putJSON(g, &c.Database, c.File, func(s *chain.Service, in chain.Consent) error { return s.Agree(g.ctx, g.operator(), in) })
}

type rightsReleaseCmd struct {
	Database
	Product   string `arg:"" help:"pledge, lease, exclusive_licence, licence, insurance, fund_position or guarantee; a pool is released by its own command." enum:"pledge,lease,exclusive_licence,licence,insurance,fund_position,guarantee"`
	Reference string `arg:"" help:"Contract."`
}

// Run releases.
func (c *rightsReleaseCmd) Run(g *Globals) error {
	return tell(g, c.chain, "released", func(s *chain.Service) (int, error) {
		return s.Release(g.ctx, g.operator(), patent.Product(c.Product), c.Reference)
	}, func(n int) error {
		fmt.Fprintf(g.stdout, "已解除 %d 项\n", n)
		return nil
	})
}

type rightsListCmd struct {
	Database
	State   string `help:"offered, committed, registered, released or disputed. Default: all but released."`
	Product string `help:"One product."`
	After   string `help:"Last right of the page before."`
	Limit   int    `default:"100" help:"At most."`
}

// Run lists.
func (c *rightsListCmd) Run(g *Globals) error {
	return tell(g, c.chain, "entries", func(s *chain.Service) ([]chain.Standing, error) {
		return s.Ledger(g.ctx, g.operator(), encumbrance.State(c.State), patent.Product(c.Product), c.After, c.Limit)
	}, func(list []chain.Standing) error {
		w := tabwriter.NewWriter(g.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "权利\t用途\t状态\t提供人\t相对人\t合同\t今日金额(元)")
		for i := range list {
			x := &list[i]
			sum := ""
			if x.Sum != nil {
				sum = x.Sum.String()
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", x.Number, x.Product.Zh(), x.StateZh, x.Party, x.Beneficiary, x.Reference, sum)
		}
		return w.Flush()
	})
}

type rightsTimelineCmd struct {
	Database
	Number string `arg:"" help:"Registration number."`
	Kind   string `enum:"patent,trademark,copyright,layout" default:"patent" help:"Kind of right."`
}

// Run shows.
func (c *rightsTimelineCmd) Run(g *Globals) error {
	return tell(g, c.chain, "", func(s *chain.Service) (chain.Timeline, error) {
		return s.Timeline(g.ctx, g.operator(), encumbrance.Kind(c.Kind), c.Number)
	}, func(t chain.Timeline) error {
		fmt.Fprintf(g.stdout, "%s %s  登记的权利人：%s\n", t.KindZh, t.Right.Number, strings.Join(t.Owners, "、"))
		for _, m := range t.Moments {
			fmt.Fprintf(g.stdout, "  %s  %s  [%s]\n", m.Day, m.Zh, m.By)
		}
		return nil
	})
}

type schemesCmd struct {
	List    schemesListCmd    `cmd:"" help:"Show the library of public schemes, with source, dates and state."`
	Compare schemesCompareCmd `cmd:"" help:"Set cities and countries beside each other."`
	Quote   schemesQuoteCmd   `cmd:"" help:"Work out what a scheme pays: {scheme or own, ask} as JSON; nothing is used."`
	Use     schemesUseCmd     `cmd:"" help:"Keep a firm's use of a scheme: the same JSON."`
	Used    schemesUsedCmd    `cmd:"" help:"Show what was used, by firm and scheme."`
}

type schemesListCmd struct {
	Region     string `help:"One region, e.g. 青岛."`
	Instrument string `help:"One instrument, e.g. interest_subsidy."`
	On         string `help:"Their state on this day. Default: today." placeholder:"YYYY-MM-DD"`
	Out        string `short:"o" help:"Write a table: .xlsx or .csv." placeholder:"FILE"`
}

// Run lists.
func (c *schemesListCmd) Run(g *Globals) error {
	on, err := optionalDate("--on", c.On)
	if err != nil {
		return err
	}
	list, err := chain.New(nil, nil, nil, time.Now).Schemes(c.Region, scheme.Instrument(c.Instrument), on)
	if err != nil {
		return err
	}
	if c.Out != "" {
		return writeTables(c.Out, []sheet.Page{chain.SchemeTable(list)})
	}
	if g.JSON {
		return g.print(map[string]any{"schemes": list})
	}
	w := tabwriter.NewWriter(g.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "编号\t地区\t工具\t要点\t依据\t状态")
	for _, x := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", x.ID, x.Region, x.InstrumentZh, x.Summary, x.Document, x.StatusZh)
	}
	return w.Flush()
}

type schemesCompareCmd struct {
	On string `help:"Their state on this day. Default: today." placeholder:"YYYY-MM-DD"`
}

// Run compares.
func (c *schemesCompareCmd) Run(g *Globals) error {
	on, err := optionalDate("--on", c.On)
	if err != nil {
		return err
	}
	places, err := chain.New(nil, nil, nil, time.Now).Compare(on)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(map[string]any{"places": places})
	}
	for _, p := range places {
		fmt.Fprintf(g.stdout, "%s %s\n", p.Region, p.Note)
		for _, i := range scheme.Instruments {
			for _, x := range p.Cells[string(i)] {
				fmt.Fprintf(g.stdout, "  %s：%s（%s）\n", x.InstrumentZh, x.Summary, x.StatusZh)
			}
		}
	}
	return nil
}

type schemesQuoteCmd struct {
	Database
	File string `arg:"" help:"JSON, or -."`
}

// Run quotes.
func (c *schemesQuoteCmd) Run(g *Globals) error {
	var in chain.SchemeAsk
	if err := readJSON(g, c.File, &in); err != nil {
		return err
	}
	return tell(g, c.chain, "", func(s *chain.Service) (chain.Quoted, error) { return s.Quote(g.ctx, g.operator(), in) }, func(q chain.Quoted) error {
		return printQuote(g, &q.Quote)
	})
}

func printQuote(g *Globals, q *scheme.Quote) error {
	amount := "不能测算"
	if q.Amount != nil {
		amount = q.Amount.String() + " 元"
	}
	fmt.Fprintf(g.stdout, "%s %s：%s，%s\n", q.Scheme, q.On, q.VerdictZh, amount)
	for _, l := range q.Limits {
		fmt.Fprintf(g.stdout, "  %s：余 %s 元\n", l.Zh, l.Left)
	}
	for _, r := range q.Reasons {
		fmt.Fprintf(g.stdout, "  %s %s %s\n", r.Code, r.Zh, r.Supply)
	}
	return nil
}

type schemesUseCmd struct {
	Database
	File string `arg:"" help:"JSON, or -."`
}

// Run uses.
func (c *schemesUseCmd) Run(g *Globals) error {
	var in chain.SchemeAsk
	if err := readJSON(g, c.File, &in); err != nil {
		return err
	}
	return tell(g, c.chain, "", func(s *chain.Service) (scheme.Quote, error) { return s.UseScheme(g.ctx, g.operator(), in) }, func(q scheme.Quote) error {
		return printQuote(g, &q)
	})
}

type schemesUsedCmd struct {
	Database
	Scheme string `arg:"" optional:"" help:"One scheme."`
}

// Run shows.
func (c *schemesUsedCmd) Run(g *Globals) error {
	return tell(g, c.chain, "uses", func(s *chain.Service) ([]scheme.Use, error) { return s.SchemeUses(g.ctx, g.operator(), c.Scheme) }, func(list []scheme.Use) error {
		w := tabwriter.NewWriter(g.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "方案\t企业\t业务\t日期\t金额(元)")
		for _, u := range list {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", u.Scheme, u.Firm, u.Loan, u.On, u.Amount)
		}
		return w.Flush()
	})
}

type onestopCmd struct {
	Database
	Number   string   `arg:"" help:"Application or patent number, any usual form."`
	AsOf     string   `name:"as-of" help:"Only what was public by this day counts. Default: today." placeholder:"YYYY-MM-DD"`
	Policy   string   `help:"Lending policy, id or id@version." placeholder:"ID"`
	Pledgor  []string `help:"Who would pledge it; repeatable." sep:"none"`
	Loan     string   `help:"Asked for, yuan." placeholder:"YUAN"`
	Revenue  string   `help:"Of the products that use it, last year, yuan." placeholder:"YUAN"`
	Maturity string   `help:"Of the loan." placeholder:"YYYY-MM-DD"`
}

// Run asks.
func (c *onestopCmd) Run(g *Globals) error {
	a := chain.OneStopAsk{Number: c.Number, Policy: c.Policy, Pledgors: c.Pledgor}
	var err error
	if a.AsOf, err = optionalDate("--as-of", c.AsOf); err != nil {
		return err
	}
	if a.Maturity, err = optionalDate("--maturity", c.Maturity); err != nil {
		return err
	}
	if c.Loan != "" {
		if a.Loan, err = money.Parse(c.Loan, money.Yuan); err != nil {
			return err
		}
	}
	if c.Revenue != "" {
		r, err := money.Parse(c.Revenue, money.Yuan)
		if err != nil {
			return err
		}
		a.Revenue = &r
	}
	return tell(g, c.chain, "", func(s *chain.Service) (chain.OneStop, error) { return s.OneStop(g.ctx, g.operator(), a) }, func(o chain.OneStop) error {
		fmt.Fprintf(g.stdout, "一站式档案  %s  %s  截至 %s\n", o.Number, o.Title, o.On)
		for _, x := range o.Sections {
			fmt.Fprintf(g.stdout, "\n%s [%s]\n", x.Zh, x.StatusZh)
			for _, l := range x.Lines {
				fmt.Fprintln(g.stdout, "  "+l)
			}
			for _, l := range x.Supply {
				fmt.Fprintln(g.stdout, "  请提供："+l)
			}
		}
		return nil
	})
}

type statisticsCmd struct {
	Database
	File string   `arg:"" optional:"" help:"A ledger of your own, XLSX, CSV, JSONL or a JSON list; without it the book."`
	AsOf string   `name:"as-of" help:"As it stood at the end of this day. Default: today." placeholder:"YYYY-MM-DD"`
	By   []string `help:"kind, industry, bank, district, month, high_value. Default: all."`

	Batch []string `help:"The contracts that a batch accepted, instead of the book; repeatable." placeholder:"ID"`
	Out   string   `short:"o" help:"Write a table: .xlsx or .csv." placeholder:"FILE"`
}

// Run reports.
func (c *statisticsCmd) Run(g *Globals) error {
	a := chain.StatisticsAsk{By: c.By, Batches: c.Batch}
	var err error
	if a.AsOf, err = optionalDate("--as-of", c.AsOf); err != nil {
		return err
	}
	if c.File != "" {
		if strings.EqualFold(filepath.Ext(c.File), ".json") || c.File == "-" {
			err = readJSON(g, c.File, &a.Ledger)
		} else {
			err = openTable(c.File, func(f io.Reader) (err error) { a.Ledger, err = chain.ReadLedger(f, c.File); return err })
		}
		if err != nil {
			return err
		}
		if a.Ledger == nil {
			a.Ledger = []lending.Pledge{}
		}
	}
	s, done, err := c.chain(g)
	if err != nil {
		return err
	}
	defer done()
	r, err := s.Statistics(g.ctx, g.operator(), a)
	if err != nil {
		return err
	}
	if c.Out != "" {
		return writeTables(c.Out, r.Tables())
	}
	if g.JSON {
		return g.print(r)
	}
	return printTables(g, r.Tables())
}

type cashflowCmd struct {
	Database
	File  string   `arg:"" help:"Receipts: XLSX, CSV or JSONL with 月份, 付款方, 金额, 预测, 处置, or JSON as POST /v1/cash-flow-histories takes it."`
	Name  string   `help:"Of the pool or the right. Default: the file's name."`
	MaxCV *float64 `name:"max-cv" help:"The institution's own bound on the coefficient of variation."`
	Out   string   `short:"o" help:"Write a table: .xlsx or .csv." placeholder:"FILE"`
}

// Run assesses.
func (c *cashflowCmd) Run(g *Globals) error {
	a := chain.CashFlowAsk{Name: c.Name, MaxCV: c.MaxCV}
	var err error
	if strings.EqualFold(filepath.Ext(c.File), ".json") || c.File == "-" {
		err = readJSON(g, c.File, &a)
	} else {
		var list []pool.Receipt
		err = openTable(c.File, func(f io.Reader) (err error) { list, err = chain.ReadReceipts(f, c.File); return err })
		a.Receipts = list
	}
	if err != nil {
		return err
	}
	if a.Name == "" {
		a.Name = filepath.Base(c.File)
	}
	s, done, err := c.chain(g)
	if err != nil {
		return err
	}
	defer done()
	r, err := s.CashFlow(g.ctx, g.operator(), a)
	if err != nil {
		return err
	}
	if c.Out != "" {
		return writeTables(c.Out, r.Tables())
	}
	if g.JSON {
		return g.print(r)
	}
	return printTables(g, r.Tables())
}

func openTable(name string, read func(io.Reader) error) error {
	f, err := os.Open(name)
	if err != nil {
		return fault.New(fault.NotFound, "file.open", "无法打开文件 "+name+"。", "Cannot open "+name+".").Because(err)
	}
	defer f.Close()
	return read(f)
}

func writeTables(name string, tables []sheet.Page) error {
	format := strings.ToLower(filepath.Ext(name))
	if format != ".xlsx" && format != ".csv" {
		return fault.New(fault.Invalid, "file.format", "结果文件名应以 .xlsx 或 .csv 结尾。", "The results' name must end in .xlsx or .csv.")
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if format == ".csv" {
		err = sheet.WriteCSV(f, tables[0].Rows)
	} else {
		err = sheet.WriteBook(f, tables...)
	}
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

func printTables(g *Globals, tables []sheet.Page) error {
	w := tabwriter.NewWriter(g.stdout, 0, 0, 2, ' ', 0)
	for _, t := range tables {
		fmt.Fprintln(w, t.Name)
		for _, r := range t.Rows {
			fmt.Fprintln(w, "  "+strings.Join(r, "\t"))
		}
	}
	return w.Flush()
}

type intermediariesCmd struct {
	Put    intermediariesPutCmd    `cmd:"" help:"Keep an intermediary: JSON of {credit_code, name, roles, filing}."`
	Report intermediariesReportCmd `cmd:"" help:"Keep a report: JSON of {code, report, role, number, value, as_of, delivered, ours, price, price_on}."`
	List   intermediariesListCmd   `cmd:"" help:"Show how their reports fared; nobody with fewer than ten priced reports is ranked."`
}

type intermediariesPutCmd struct {
	Database
	File string `arg:"" help:"JSON, or -."`
}

// Run puts.
func (c *intermediariesPutCmd) Run(g *Globals) error {
	return putJSON(g, &c.Database, c.File, func(s *chain.Service, in chain.Intermediary) error {
		return s.PutIntermediary(g.ctx, g.operator(), in)
	})
}

type intermediariesReportCmd struct {
	Database
	File string `arg:"" help:"JSON, or -."`
}

// Run puts.
func (c *intermediariesReportCmd) Run(g *Globals) error {
	return putJSON(g, &c.Database, c.File, func(s *chain.Service, in lending.Delivery) error { return s.Deliver(g.ctx, g.operator(), in) })
}

// putJSON reads one object and gives it to a use case.
func putJSON[T any](g *Globals, d *Database, file string, put func(*chain.Service, T) error) error {
	var in T
	if err := readJSON(g, file, &in); err != nil {
		return err
	}
	return tell(g, d.chain, "noted", func(s *chain.Service) (bool, error) { return true, put(s, in) }, func(bool) error { // as REST answers
		fmt.Fprintln(g.stdout, "已登记")
		return nil
	})
}

type intermediariesListCmd struct{ Database }

// Run lists.
func (c *intermediariesListCmd) Run(g *Globals) error {
	s, done, err := c.chain(g)
	if err != nil {
		return err
	}
	defer done()
	list, err := s.Intermediaries(g.ctx, g.operator())
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(map[string]any{"intermediaries": list})
	}
	text := func(x *float64) string {
		if x == nil {
			return "—"
		}
		return fmt.Sprintf("%.3f", *x)
	}
	w := tabwriter.NewWriter(g.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "机构\t角色\t报告\t与我方偏差\t与成交价偏差\t排序")
	for _, x := range list {
		for _, r := range x.Records {
			fmt.Fprintf(w, "%s\t%s\t%d\t%s（n=%d）\t%s（n=%d）\t%d %s\n", x.Name, r.Role.Zh(), r.Reports, text(r.FromOurs), r.Compared, text(r.FromPrices), r.Priced, r.Rank, r.Zh)
		}
	}
	return w.Flush()
}

type openLicenceCmd struct {
	Put  openLicencePutCmd  `cmd:"" help:"Keep a declaration: JSON of {number, declared, withdrawn, basis, fee or rate, years, concluded, source}."`
	List openLicenceListCmd `cmd:"" help:"Show declarations and what each says of the price."`
}

type openLicencePutCmd struct {
	Database
	File string `arg:"" help:"JSON, or -."`
}

// Run puts.
func (c *openLicencePutCmd) Run(g *Globals) error {
	return putJSON(g, &c.Database, c.File, func(s *chain.Service, in chain.OpenLicence) error {
		return s.PutOpenLicence(g.ctx, g.operator(), in)
	})
}

type openLicenceListCmd struct {
	Database
	Number string `arg:"" optional:"" help:"One patent."`
}

// Run lists.
func (c *openLicenceListCmd) Run(g *Globals) error {
	return tell(g, c.chain, "declarations", func(s *chain.Service) ([]chain.Declared, error) { return s.OpenLicences(g.ctx, g.operator(), c.Number) }, func(list []chain.Declared) error {
		for _, l := range list {
			fmt.Fprintf(g.stdout, "%s %s %s：%s\n", l.Number, l.Declared, l.Basis, l.EvidenceZh)
		}
		return nil
	})
}

type marksCmd struct {
	Database
	File string `arg:"" help:"JSON of {number, emerging, abroad, award, track, requested, accepted, source}, or -."`
}

// Run puts.
func (c *marksCmd) Run(g *Globals) error {
	return putJSON(g, &c.Database, c.File, func(s *chain.Service, in chain.Marks) error { return s.PutMarks(g.ctx, g.operator(), in) })
}

type answerCmd struct {
	Database
	ID     string `arg:"" help:"Id of an answer of schemes, statistics, cashflow or onestop."`
	Replay bool   `help:"Work it out again and say whether it comes to the same."`
}

// Run shows.
func (c *answerCmd) Run(g *Globals) error {
	s, done, err := c.chain(g)
	if err != nil {
		return err
	}
	defer done()
	if !c.Replay {
		a, err := s.Answer(g.ctx, g.operator(), c.ID)
		if err != nil {
			return err
		}
		return g.print(a)
	}
	r, err := s.Replay(g.ctx, g.operator(), c.ID)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(r)
	}
	fmt.Fprintf(g.stdout, "%s（%s）复算：%s\n", r.ID, r.Product, map[bool]string{true: "一致", false: "不一致"}[r.Same])
	return nil
}

type chainCmd struct {
	Example chainExampleCmd `cmd:"" help:"Walk a generated right through the chain: offered, pledged, insured, pooled with consent, released."`
}

type chainExampleCmd struct{ Database }

// Run walks. Every name is generated and says so.
func (c *chainExampleCmd) Run(g *Globals) error {
	s, done, err := c.chain(g)
	if err != nil {
		return err
	}
	defer done()
	who, run := g.operator(), time.Now().Format("150405.000000")
	number, today := "9"+strings.ReplaceAll(run, ".", "")[5:12], calendar.InChina(time.Now())
	fmt.Fprintf(g.stdout, "生成的示例：商标 %s、甲公司（生成）、乙银行（生成）均非真实数据\n", number)
	sum := money.Fen(500 * money.Wan)
	entry := func(p patent.Product, st encumbrance.State, reference, beneficiary string) chain.Entry {
		return chain.Entry{Kind: encumbrance.Trademark, Numbers: []string{number}, Product: p, State: st, Reference: "示例-" + reference + run, Party: "甲公司（生成）", Beneficiary: beneficiary, Evidence: "生成的合同"}
	}
	pledge := entry(patent.ByPledge, encumbrance.Registered, "DB", "乙银行（生成）")
	pledge.Registration, pledge.Amount = "生成"+run, &sum
	insurance := entry(patent.ByInsurance, encumbrance.Committed, "BX", "丙保险（生成）")
	insurance.Covers, insurance.Amount = pledge.Reference, &sum
	pooled := entry(patent.ByPool, encumbrance.Committed, "ZC", "")
	for _, x := range []struct {
		zh string
		e  chain.Entry
	}{{"提供质押", entry(patent.ByPledge, encumbrance.Offered, "DB", "乙银行（生成）")}, {"登记质押", pledge}, {"投保质押担保险", insurance}, {"未经同意入池", pooled}} {
		_, err := s.Put(g.ctx, who, x.e)
		said := "已登记"
		if err != nil {
			if fault.KindOf(err) != fault.Conflict {
				return err
			}
			said = "拒绝（" + fault.Public(err).Code + "）：" + fault.Public(err).Zh
		}
		fmt.Fprintf(g.stdout, "%s：%s\n", x.zh, said)
	}
	consent := chain.Consent{Kind: encumbrance.Trademark, Number: number, Product: patent.ByPledge, Reference: pledge.Reference, To: patent.ByPool, By: "乙银行（生成）", Document: "同意书（生成）", SignedOn: today}
	if err := s.Agree(g.ctx, who, consent); err != nil {
		return err
	}
	if _, err := s.Put(g.ctx, who, pooled); err != nil {
		return err
	}
	fmt.Fprintln(g.stdout, "质权人书面同意后入池：已登记")
	if _, err := s.Release(g.ctx, who, patent.ByPledge, pledge.Reference); err != nil {
		return err
	}
	t, err := s.Timeline(g.ctx, who, encumbrance.Trademark, number)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(t)
	}
	fmt.Fprintln(g.stdout, "时间线：")
	for _, m := range t.Moments {
		fmt.Fprintf(g.stdout, "  %s  %s\n", m.Day, m.Zh)
	}
	return nil
}
