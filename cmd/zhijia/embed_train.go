package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"zhijia/internal/embed"
	"zhijia/internal/fault"
	"zhijia/internal/sheet"
)

type embedTrainCmd struct {
	Files []string `arg:"" help:"CSV, XLSX or JSONL with the columns title, abstract (may be absent), ipc (or ipc_subclasses, main_ipc), applicant (may be absent) and filing_date (may be absent)."`
	Out   string   `required:"" short:"o" placeholder:"FILE" help:"Where the model is written."`
	Seed  uint64   `default:"1" help:"Equal files in equal order and an equal seed give equal bytes."`
	Data  string   `help:"What the texts are, in words; kept in the model's card."`
	Made  string   `help:"Day of the card, YYYY-MM-DD."`
}

// Help is shown below the usage of the command.
func (c *embedTrainCmd) Help() string {
	return `Learns the map from wording to patent classes that ships with the program. A
fifth of the texts, applicants apart, is held out first and gives the figures of
the card; the model itself is then fitted on all. Needs no database. A text of a
title and an abstract counts twice, once as its title alone, because subjects
often come with a title only.`
}

func (c *embedTrainCmd) Run(g *Globals) error {
	var examples []embed.Example
	for _, file := range c.Files {
		more, err := readExamples(file)
		if err != nil {
			return err
		}
		examples = append(examples, more...)
	}
	model, err := embed.Train(examples, nil, embed.Card{Data: c.Data, Made: c.Made}, c.Seed)
	if err != nil {
		return fault.New(fault.Invalid, "embed.texts", "文本太少，无法训练。", "There are too few texts to train on.").Because(err)
	}
	var body bytes.Buffer
	if err := model.Save(&body); err != nil {
		return err
	}
	if err := os.WriteFile(c.Out, body.Bytes(), 0o644); err != nil {
		return fault.New(fault.Invalid, "file.create", "无法写入文件 "+c.Out+"。", "Cannot write "+c.Out+".").Because(err)
	}
	card := model.Card()
	if g.JSON {
		return g.print(map[string]any{"version": model.Version(), "bytes": body.Len(), "card": card})
	}
	fmt.Fprintf(g.stdout, "%s, %d bytes, %d texts with classes; of %d held out the first class proposed is right in %.3f, one of five in %.3f, log loss %.3f\n",
		model.Version(), body.Len(), card.Examples, card.Held, card.First, card.FirstOf5, card.LogLoss)
	return nil
}

type embedWeighCmd struct {
	Files []string `arg:"" help:"As for embed train."`
	Seed  uint64   `default:"1" help:"Equal files in equal order and an equal seed give equal weights."`
	Data  string   `help:"What the texts are, in words; kept with the weights."`
	Made  string   `help:"Day, YYYY-MM-DD; kept with the weights."`
}

// Help is shown below the usage of the command.
func (c *embedWeighCmd) Help() string {
	return `Learns how cosine, common wording and a common IPC symbol add up to the
similarity of comparables, and prints the weights with their card as JSON. The
map behind the cosines is fitted on four fifths of the texts; the weights on half
of the rest and the figures of the card on the other half, applicants apart.
Needs no database.`
}

func (c *embedWeighCmd) Run(g *Globals) error {
	var sets []embed.LabelledSet
	for _, file := range c.Files {
		examples, err := readExamples(file)
		if err != nil {
			return err
		}
		sets = append(sets, embed.LabelledSet{Name: filepath.Base(file), Examples: examples})
	}
	l, err := embed.FitLikeness(sets, embed.LikenessCard{Data: c.Data, Made: c.Made}, c.Seed)
	if err != nil {
		return fault.New(fault.Invalid, "embed.texts", "文本太少，无法训练。", "There are too few texts to train on.").Because(err)
	}
	return g.print(l)
}

// readExamples reads the labelled texts of a file. A row without a title or
// without a symbol teaches nothing and is passed over.
func readExamples(file string) ([]embed.Example, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fault.New(fault.NotFound, "file.open", "无法打开文件 "+file+"。", "Cannot open "+file+".").Because(err)
	}
	defer f.Close()
	var out []embed.Example
	for row, err := range sheet.Rows(f, filepath.Base(file)) {
		if err != nil {
			if row.Number == 0 {
				return nil, err
			}
			continue
		}
		title := strings.TrimSpace(row.Cells["title"])
		symbols := strings.FieldsFunc(firstOf(row.Cells, "ipc", "ipc_subclasses", "main_ipc"), func(r rune) bool { return r == '|' || r == ';' || r == '；' })
		if title == "" || len(symbols) == 0 || embed.Subclass(symbols[0]) == "" {
			continue
		}
		group := firstOf(row.Cells, "applicant", "publication_numbers", "application_number")
		out = append(out, embed.Example{Text: title, IPC: symbols, Group: group})
		if abstract := strings.TrimSpace(row.Cells["abstract"]); abstract != "" {
			out = append(out, embed.Example{Text: title + "\n" + abstract, IPC: symbols, Group: group})
		}
	}
	if len(out) == 0 {
		return nil, fault.New(fault.Invalid, "embed.columns", file+" 中没有同时含标题（title）和分类号（ipc）的行。", "No row of "+file+" has both a title and an IPC symbol.")
	}
	return out, nil
}

func firstOf(cells map[string]string, names ...string) string {
	for _, n := range names {
		if v := strings.TrimSpace(cells[n]); v != "" {
			return v
		}
	}
	return ""
}

type classifyCmd struct {
	Text   string   `arg:"" help:"Title, abstract or claim."`
	Stated []string `help:"IPC symbols stated for the text; a strong contradiction is named." placeholder:"IPC"`
	Limit  int      `default:"5" help:"Subclasses shown."`
}

// Help is shown below the usage of the command.
func (c *classifyCmd) Help() string {
	return `Proposes IPC subclasses for a text with the model that ships with the program.
The probabilities are calibrated on texts held out from its training. Nothing is
proposed for a text unlike those it learned from.`
}

func (c *classifyCmd) Run(g *Globals) error {
	s := embed.Suggest(c.Text, c.Stated, c.Limit)
	if g.JSON {
		return g.print(s)
	}
	if s.Silence != nil {
		fmt.Fprintln(g.stdout, "未建议分类："+s.Silence.Zh+" No class is proposed. "+s.Silence.En)
		return nil
	}
	for _, p := range s.Classes {
		fmt.Fprintf(g.stdout, "%s  %.2f  %s\n", p.Subclass, p.Probability, p.Name)
	}
	if x := s.Contradiction; x != nil {
		fmt.Fprintf(g.stdout, "所述分类号与文本明显不符，所述大类合计 p = %.2f。The text speaks against the symbols stated; their classes have p = %.2f together.\n", x.Stated, x.Stated)
	}
	return nil
}
