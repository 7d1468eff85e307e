package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"zhijia/internal/fault"
	"zhijia/internal/judge"
	"zhijia/internal/labelling"
	"zhijia/prompts"
)

// evalLabelsCmd makes and collects blind labels.
type evalLabelsCmd struct {
	Draw   labelsDrawCmd   `cmd:"" help:"Make a sample of stored patents and indicators."`
	List   labelsListCmd   `cmd:"" help:"List the samples, newest first."`
	Next   labelsNextCmd   `cmd:"" help:"Show the next item that you have not labelled, blind."`
	Put    labelsPutCmd    `cmd:"" help:"Label an item by the key of a choice."`
	Export labelsExportCmd `cmd:"" help:"Write the file that zhijia eval agreement reads."`
}

// labels opens the database and the labelling service.
func (f *modelFlags) labels(g *Globals, d *Database) (*labelling.Service, func(), error) {
	db, done, err := d.open(g)
	if err != nil {
		return nil, nil, err
	}
	set, err := prompts.Load(f.Prompts)
	var model *judge.Rubric
	if err == nil && f.LLM.On() && f.LLM.Model != "" {
		model, err = f.rubric(g.ctx, db, slog.New(slog.NewTextHandler(g.stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	}
	if err != nil {
		done()
		return nil, nil, err
	}
	return labelling.New(db, model, set, time.Now), done, nil
}

type labelsDrawCmd struct {
	Database
	modelFlags
	Numbers   []string `arg:"" optional:"" help:"Patent numbers."`
	File      string   `help:"File with one number a line." placeholder:"FILE"`
	Indicator []string `help:"Indicators; default all that are given to the model."`
	Note      string   `help:"What the sample is for."`
}

func (c *labelsDrawCmd) Help() string {
	return "With a configured model its choices are those of the reading it has kept (zhijia llm score makes one); they are never shown to who labels. Officers label at /officer/labels of the service, each in an order of his own."
}

func (c *labelsDrawCmd) Run(g *Globals) error {
	numbers := c.Numbers
	if c.File != "" {
		text, err := textFile(g, c.File)
		if err != nil {
			return err
		}
		numbers = append(numbers, strings.Fields(text)...)
	}
	svc, done, err := c.labels(g, &c.Database)
	if err != nil {
		return err
	}
	defer done()
	s, err := svc.Draw(g.ctx, g.operator(), labelling.Order{Numbers: numbers, Indicators: c.Indicator, Note: c.Note})
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(s)
	}
	fmt.Fprintf(g.stdout, "%s：%d 题；在 /officer/labels 标注\n", s.ID, s.Items)
	return nil
}

type labelsListCmd struct {
	Database
	modelFlags
}

func (c *labelsListCmd) Run(g *Globals) error {
	svc, done, err := c.labels(g, &c.Database)
	if err != nil {
		return err
	}
	defer done()
	list, err := svc.Samples(g.ctx, g.operator())
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(list)
	}
	for _, s := range list {
		fmt.Fprintf(g.stdout, "%s\t%d 题，本人已标 %d，参与 %d 人\t%s\n", s.ID, s.Items, s.Done, s.Officers, s.Note)
	}
	return nil
}

type labelsNextCmd struct {
	Database
	modelFlags
	Sample string `arg:"" help:"Id of the sample."`
}

func (c *labelsNextCmd) Run(g *Globals) error {
	svc, done, err := c.labels(g, &c.Database)
	if err != nil {
		return err
	}
	defer done()
	q, err := svc.Next(g.ctx, g.operator(), c.Sample)
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(q)
	}
	if q == nil {
		fmt.Fprintln(g.stdout, "本人已全部标完。")
		return nil
	}
	fmt.Fprintf(g.stdout, "第 %d 题（%d/%d）%s\n%s\n", q.Place, q.Done+1, q.Of, q.Title, q.Guide)
	for _, p := range q.Passages {
		fmt.Fprintf(g.stdout, "[%s]\n%s\n", p.Name, p.Text)
	}
	for _, x := range q.Choices {
		fmt.Fprintf(g.stdout, "  %s  %s\n", x.Key, x.Text)
	}
	return nil
}

type labelsPutCmd struct {
	Database
	modelFlags
	Sample string `arg:"" help:"Id of the sample."`
	Place  int    `arg:"" help:"Of the item."`
	Choice string `arg:"" help:"Key of the choice as it was shown, or unknown."`
}

func (c *labelsPutCmd) Run(g *Globals) error {
	svc, done, err := c.labels(g, &c.Database)
	if err != nil {
		return err
	}
	defer done()
	return svc.Label(g.ctx, g.operator(), c.Sample, c.Place, c.Choice)
}

type labelsExportCmd struct {
	Database
	modelFlags
	Sample string `arg:"" help:"Id of the sample."`
	Out    string `short:"o" placeholder:"FILE" help:"Default: standard output."`
}

func (c *labelsExportCmd) Help() string {
	return "Officers who labelled every item are columns, in no order that tells who they are; two at least are needed."
}

func (c *labelsExportCmd) Run(g *Globals) error {
	svc, done, err := c.labels(g, &c.Database)
	if err != nil {
		return err
	}
	defer done()
	var b bytes.Buffer
	officers, left, err := svc.CSV(g.ctx, g.operator(), c.Sample, &b)
	if err != nil {
		return err
	}
	fmt.Fprintf(g.stderr, "%d 人标完，%d 人未标完而未写入\n", officers, left)
	if c.Out == "" {
		_, err = g.stdout.Write(b.Bytes())
		return err
	}
	if err := os.WriteFile(c.Out, b.Bytes(), 0o600); err != nil {
		return fault.New(fault.Invalid, "labels.out", "无法写入 "+c.Out+"。", "Cannot write "+c.Out+".").Because(err)
	}
	return nil
}
