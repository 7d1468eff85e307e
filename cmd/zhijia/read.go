package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/claim"
	doc "zhijia/internal/document"
	"zhijia/internal/fault"
	"zhijia/internal/reading"
)

// readCmd reads for people.
type readCmd struct {
	Claims      readClaimsCmd      `cmd:"" help:"Take a patent's claims apart: the tree, independent claims and their elements. By rules alone."`
	Summary     readSummaryCmd     `cmd:"" help:"Sum a patent up in five sentences for a credit committee, each tied to a passage."`
	Differences readDifferencesCmd `cmd:"" help:"Hold a patent against its nearest comparables, element by element."`
	Facts       readFactsCmd       `cmd:"" help:"Read a register extract, licence contract, financial sheet or receipt into proposed inputs; without --file, show them."`
	Accept      readAcceptCmd      `cmd:"" help:"Accept a proposed fact as an input."`
	Reject      readRejectCmd      `cmd:"" help:"Reject a proposed fact, or one that was accepted."`
	Questions   readQuestionsCmd   `cmd:"" help:"Say what to ask the borrower about a patent."`
}

// readSubject are the flags that say what is read.
type readSubject struct {
	Database
	modelFlags
	Number      string `arg:"" optional:"" help:"Application, patent or publication number, any usual form."`
	Title       string `help:"Title, when the store lacks it."`
	Abstract    string `help:"Abstract, when the store lacks it."`
	ClaimsFile  string `name:"claims" help:"File with the text of the claims, when the store lacks it; - is standard input." placeholder:"FILE"`
	Description string `help:"File with the description, when the store lacks it." placeholder:"FILE"`
	NoModel     bool   `name:"no-model" help:"Rules alone, although a model is configured."`
	AllowModel  bool   `name:"allow-model" help:"Send the text to the model although it is not published."`
}

func (c *readSubject) ask(g *Globals) (a reading.Ask, err error) {
	a.Number = c.Number
	text := appraisal.Text{Title: c.Title, Abstract: c.Abstract}
	if text.Claims, err = textFile(g, c.ClaimsFile); err != nil {
		return a, err
	}
	if text.Description, err = textFile(g, c.Description); err != nil {
		return a, err
	}
	if text != (appraisal.Text{}) {
		a.Text = &text
	}
	a.AllowModel = allowed(c.NoModel, c.AllowModel)
	return a, nil
}

func (c *readSubject) readers(g *Globals) (*reading.Service, func(), error) {
	return c.reader(g, &c.Database)
}

func allowed(no, yes bool) *bool {
	if no || yes {
		return &yes
	}
	return nil
}

// textFile reads a text, HTML, DOCX or PDF file with a text layer; an empty name
// is no file.
func textFile(g *Globals, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	in := g.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return "", fault.New(fault.NotFound, "file.open", "无法打开文件 "+name+"。", "Cannot open "+name+".").Because(err)
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, doc.MaxFile+1))
	if err != nil {
		return "", fault.New(fault.Invalid, "file.read", "文件无法读取。", "The file cannot be read.").Because(err)
	}
	if doc.IsPDF(data) {
		return doc.PDF(data)
	}
	return doc.Text(bytes.NewReader(data), name)
}

// reader opens the database and what reads, with the configured model.
func (f *modelFlags) reader(g *Globals, d *Database) (*reading.Service, func(), error) {
	svc, db, done, err := f.scoredService(g, d)
	if err != nil {
		return nil, nil, err
	}
	return reading.New(db, svc, f.judge, time.Now), done, nil
}

type readClaimsCmd struct{ readSubject }

func (c *readClaimsCmd) Help() string {
	return "No model is asked and nothing leaves this machine. A claim whose reference leads nowhere, forward or in a circle is reported and never guessed. The pieces of a claim put together are its text, letter by letter."
}

func (c *readClaimsCmd) Run(g *Globals) error {
	a, err := c.ask(g)
	if err != nil {
		return err
	}
	return tell(g, c.readers, "", func(s *reading.Service) (reading.Claims, error) { return s.Claims(g.ctx, g.operator(), a) }, func(out reading.Claims) error {
		fmt.Fprintf(g.stdout, "%s %s\n权利要求 %d 项，独立权利要求 %d 项（由规则拆分）\n", out.Number, out.Title, out.Count, len(out.Independent))
		for _, x := range out.Claims {
			fmt.Fprintf(g.stdout, "%s%d. [%s·%s] %s", strings.Repeat("  ", min(x.Depth, 10)), x.Number, claimKindZh[x.Kind], categoryZh[x.Category], x.Subject)
			if len(x.Parents) > 0 {
				fmt.Fprintf(g.stdout, " ← %s", strings.Trim(fmt.Sprint(x.Parents), "[]"))
			}
			fmt.Fprintln(g.stdout)
			for _, p := range x.Pieces {
				if p.Role == claim.Preamble || p.Role == claim.Characterising {
					fmt.Fprintf(g.stdout, "%s   · %s\n", strings.Repeat("  ", min(x.Depth, 10)), strings.Trim(p.Text, " \n\t，；"))
				}
			}
		}
		for _, p := range out.Problems {
			fmt.Fprintf(g.stdout, "！%s\n", p.Zh)
		}
		return nil
	})
}

var (
	claimKindZh = map[claim.Kind]string{claim.Independent: "独立", claim.Dependent: "从属", claim.Referring: "独立（引用）", claim.Unclear: "引用不清"}
	categoryZh  = map[claim.Category]string{claim.Product: "产品", claim.Method: "方法", claim.Use: "用途", claim.Unknown: "未知"}
)

type readSummaryCmd struct{ readSubject }

func (c *readSummaryCmd) Help() string {
	return "Five sentences: what it is, which problem it solves, how, with what effect, and what is protected. A model's sentence begins with 【AI生成】 and stands only where its quotes stand in the text, word for word; else the rules repeat the text itself. Without a model the rules alone speak, and say so."
}

func (c *readSummaryCmd) Run(g *Globals) error {
	a, err := c.ask(g)
	if err != nil {
		return err
	}
	return tell(g, c.readers, "", func(s *reading.Service) (reading.Summary, error) { return s.Summary(g.ctx, g.operator(), a) }, func(out reading.Summary) error {
		fmt.Fprintf(g.stdout, "%s %s\n", out.Number, out.Title)
		for _, s := range out.Sentences {
			text := s.Text
			if text == "" {
				text = "文本未载。"
			}
			fmt.Fprintf(g.stdout, "%s：%s\n", s.Zh, text)
			for _, q := range s.Quotes {
				fmt.Fprintf(g.stdout, "    〔%s %d–%d〕%s\n", q.Part, q.Start, q.End, strings.Join(strings.Fields(q.Text), " "))
			}
		}
		printModel(g, out.Model, out.Dropped)
		return nil
	})
}

func printModel(g *Globals, m reading.Model, dropped []reading.Drop) {
	if m.Zh != "" {
		fmt.Fprintln(g.stdout, m.Zh)
	}
	for _, d := range dropped {
		fmt.Fprintf(g.stdout, "模型所写未通过核验而舍去：%s（%s）\n", d.What, d.Why)
	}
}

type readDifferencesCmd struct {
	readSubject
	Most int `help:"Comparables to hold against, at most 10." default:"3"`
}

func (c *readDifferencesCmd) Help() string {
	return "By rules: each element of the independent claims, how much of it the comparable's text has, and the longest passage they share. What is on file of a comparable may be its title alone, so “not found” never says that it lacks the element. A model adds whether problem, means and effect are the same, with a quote of either text."
}

func (c *readDifferencesCmd) Run(g *Globals) error {
	a, err := c.ask(g)
	if err != nil {
		return err
	}
	return tell(g, c.readers, "", func(s *reading.Service) (reading.Differences, error) {
		return s.Differences(g.ctx, g.operator(), a, c.Most)
	}, func(out reading.Differences) error {
		status := map[string]string{reading.Found: "有", reading.Partly: "部分", reading.NotFound: "未见"}
		for _, d := range out.List {
			fmt.Fprintf(g.stdout, "\n%s %s %s（库中有：%s）\n", d.Deal, d.Number, d.Title, strings.Join(d.Texts, "、"))
			for _, e := range d.Elements {
				fmt.Fprintf(g.stdout, "  权%d [%s %.0f%%] %s\n", e.Claim, status[e.Status], 100*e.Share, strings.TrimSpace(e.Text))
			}
			for _, x := range d.Compared {
				fmt.Fprintf(g.stdout, "  %s %s %s\n", x.Point, x.Same, x.Sentence)
			}
			printModel(g, d.Model, d.Dropped)
		}
		if len(out.List) == 0 {
			fmt.Fprintln(g.stdout, "没有可比成交。")
		}
		return nil
	})
}

type readFactsCmd struct {
	Database
	modelFlags
	Number     string `arg:"" help:"Application, patent or publication number the material was brought for."`
	File       string `help:"The material: text, HTML, DOCX or PDF with a text layer; - is standard input." placeholder:"FILE"`
	Name       string `help:"What the material is called. Default: the file's name."`
	Kind       string `help:"register, licence, financial or receipt. Default: told by its words."`
	NoModel    bool   `name:"no-model" help:"Rules alone, although a model is configured."`
	AllowModel bool   `name:"allow-model" help:"Send the material to the model; it never goes without this."`
	Request    string `help:"Write the request for a valuation that the accepted facts make, for zhijia value --request." placeholder:"FILE"`
}

func (c *readFactsCmd) Help() string {
	return "Every fact carries its words and their byte offsets in the material. Nothing is an input before `zhijia read accept ID`. What is not understood has no value and cannot be accepted; nor can what is about another patent."
}

func (c *readFactsCmd) Run(g *Globals) error {
	text, err := textFile(g, c.File)
	if err != nil {
		return err
	}
	svc, done, err := c.reader(g, &c.Database)
	if err != nil {
		return err
	}
	defer done()
	var out reading.Facts
	if c.File == "" {
		out, err = svc.Facts(g.ctx, g.operator(), c.Number)
	} else {
		name := c.Name
		if name == "" && c.File != "-" {
			name = c.File
		}
		out, err = svc.ReadFacts(g.ctx, g.operator(), c.Number, reading.Material{Name: name, Kind: c.Kind, Text: text}, allowed(c.NoModel, c.AllowModel))
	}
	if err != nil {
		return err
	}
	if c.Request != "" {
		body, err := out.RequestJSON()
		if err != nil {
			return err
		}
		if err := os.WriteFile(c.Request, body, 0o600); err != nil {
			return fault.New(fault.Invalid, "read.out", "无法写入 "+c.Request+"。", "Cannot write "+c.Request+".").Because(err)
		}
	}
	if g.JSON {
		return g.print(out)
	}
	w := tabwriter.NewWriter(g.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "编号\t事项\t取值\t状态\t原文")
	for _, f := range out.Facts {
		printFact(w, &f)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, f := range out.Facts {
		for _, n := range f.Warnings {
			fmt.Fprintf(g.stdout, "%s %s：%s\n", f.ID, f.Zh, n.Zh)
		}
	}
	if out.Model != nil {
		printModel(g, *out.Model, out.Dropped)
	}
	return nil
}

var factStatusZh = map[string]string{"proposed": "待定", "accepted": "已采纳", "rejected": "已否决"}

func printFact(w io.Writer, f *reading.Fact) {
	zh := f.Zh
	if f.Year > 0 {
		zh = fmt.Sprintf("%d年%s", f.Year, zh)
	}
	status := factStatusZh[f.Status]
	if f.Blocked != "" {
		status = "不可采纳"
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", f.ID, zh, f.Shown(), status, strings.Join(strings.Fields(f.Quote.Text), " "))
}

type readDecision struct {
	Database
	ID   string `arg:"" help:"Id of the fact."`
	Note string `help:"Why."`
}

func (c *readDecision) decide(g *Globals, accept bool) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	f, err := reading.New(db, nil, nil, time.Now).Decide(g.ctx, g.operator(), c.ID, accept, c.Note)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(f)
	}
	fmt.Fprintf(g.stdout, "%s %s %s：%s\n", f.ID, f.Zh, f.Shown(), factStatusZh[f.Status])
	return nil
}

type readAcceptCmd struct{ readDecision }

func (c *readAcceptCmd) Run(g *Globals) error { return c.decide(g, true) }

type readRejectCmd struct{ readDecision }

func (c *readRejectCmd) Run(g *Globals) error { return c.decide(g, false) }

type readQuestionsCmd struct{ readSubject }

func (c *readQuestionsCmd) Help() string {
	return "By rules: what the dossier lacks, what contradicts itself, what stands open before a pledge, whether the products practise the claims. A model adds what only a reader of the text would ask, each with the passage that raises it."
}

func (c *readQuestionsCmd) Run(g *Globals) error {
	a, err := c.ask(g)
	if err != nil {
		return err
	}
	return tell(g, c.readers, "", func(s *reading.Service) (reading.Questions, error) { return s.Questions(g.ctx, g.operator(), a) }, func(out reading.Questions) error {
		for i, q := range out.Questions {
			fmt.Fprintf(g.stdout, "%d. %s\n   因为：%s\n", i+1, q.Text, q.Why)
			if q.Supply != "" {
				fmt.Fprintf(g.stdout, "   请提供：%s\n", q.Supply)
			}
		}
		printModel(g, out.Model, out.Dropped)
		return nil
	})
}
