package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"zhijia/internal/deal"
	"zhijia/internal/fault"
	"zhijia/internal/intake"
	"zhijia/internal/money"
	"zhijia/internal/sheet"
)

type dealsCmd struct {
	Screen dealsScreenCmd `cmd:"" help:"Judge every own deal by the rules of validity and say which are no comparables, and why."`
	Judge  dealsJudgeCmd  `cmd:"" help:"Say against the rules whether an own deal counts, with a reason."`
	Read   dealsReadCmd   `cmd:"" help:"Read priced deals out of notices, contracts, auction results, announcements and judgments."`
}

type dealsReadCmd struct {
	Files []string `arg:"" help:"Text, HTML, DOCX or PDF files with a text layer, folders of them, or - for standard input."`
	Out   string   `short:"o" placeholder:"FILE" help:"Write the rows that wait for nobody as CSV in the columns of the import of transactions."`
}

func (c *dealsReadCmd) Help() string {
	return "Rules alone: no model is asked and nothing leaves this machine. Every field carries the words it was read from and their byte offset in the text of the file; rows that are uncertain say why and wait for a person. A text without a deal gives no row and a note. With --json a list of rows. --out writes what `zhijia ingest transactions FILE` takes."
}

// Run reads every file. A file that cannot be read is named and does not stop
// the others; when none can be read, the command fails.
func (c *dealsReadCmd) Run(g *Globals) error {
	names, err := dealFiles(c.Files)
	if err != nil {
		return err
	}
	rows := []intake.ReadDeal{}
	read := 0
	var last error
	for _, name := range names {
		if err := g.ctx.Err(); err != nil {
			return err
		}
		reading, err := readDeals(g, name)
		if err != nil {
			last = err
			fmt.Fprintf(g.stderr, "%s：%s\n", name, fault.Public(err).Zh)
			continue
		}
		read++
		for _, note := range reading.Notes {
			fmt.Fprintf(g.stderr, "%s：%s\n", name, note.Zh)
		}
		for _, r := range reading.Rows {
			rows = append(rows, intake.ReadDeal{Source: name, Row: r})
		}
	}
	if read == 0 {
		if last == nil {
			last = fault.New(fault.NotFound, "deals.no_file", "没有可读的文件。", "There is no file to read.")
		}
		return last
	}
	if c.Out != "" {
		if err := c.write(g, rows); err != nil {
			return err
		}
	}
	if g.JSON {
		return g.print(rows)
	}
	return dealsTable(g.stdout, rows)
}

func (c *dealsReadCmd) write(g *Globals, rows []intake.ReadDeal) (err error) {
	f, err := os.Create(c.Out)
	if err != nil {
		return fault.New(fault.Invalid, "deals.out", "无法写入 "+c.Out+"。", "Cannot write "+c.Out+".").Because(err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	n, err := intake.WriteDeals(f, rows)
	if err != nil {
		return err
	}
	fmt.Fprintf(g.stderr, "%s：写入 %d 行，待人工核对或已取消而未写入 %d 行\n", c.Out, n, len(rows)-n)
	return nil
}

// dealFiles lists the files to read: those named, and every file of a folder.
func dealFiles(args []string) ([]string, error) {
	var out []string
	for _, arg := range args {
		if arg == "-" {
			out = append(out, arg)
			continue
		}
		info, err := os.Stat(arg)
		if err != nil {
			return nil, fault.New(fault.NotFound, "file.missing", "找不到文件 "+arg+"。", "There is no file "+arg+".").Because(err)
		}
		if !info.IsDir() {
			out = append(out, arg)
			continue
		}
		err = filepath.WalkDir(arg, func(path string, d fs.DirEntry, err error) error {
			switch hidden := strings.HasPrefix(d.Name(), ".") && path != arg; {
			case err != nil:
				return err
			case hidden && d.IsDir():
				return fs.SkipDir
			case d.Type().IsRegular() && !hidden:
				out = append(out, path)
			}
			return nil
		})
		if err != nil {
			return nil, fault.New(fault.Invalid, "file.read", "文件夹无法读取："+arg+"。", "The folder cannot be read: "+arg+".").Because(err)
		}
	}
	return slices.Compact(out), nil
}

func readDeals(g *Globals, name string) (deal.Reading, error) {
	text, err := textFile(g, name)
	if err != nil {
		return deal.Reading{}, err
	}
	return deal.Read(text)
}

var (
	priceKindZh = map[deal.PriceKind]string{
		deal.Each: "单价", deal.Total: "总价", deal.UpfrontPlusRoyalty: "入门费加提成", deal.RunningRoyalty: "提成", deal.Cap: "上限", deal.Hammer: "成交价",
		deal.Ask: "报价", deal.Free: "免费", deal.AppraisedOnly: "仅评估值", deal.None: "无定价",
	}
	dealKindZh = map[deal.Kind]string{
		deal.Assignment: "转让", deal.ExclusiveLicence: "独占许可", deal.SoleLicence: "排他许可", deal.PlainLicence: "普通许可", deal.Contribution: "作价入股", deal.Auction: "拍卖",
	}
	dealStatusZh = map[deal.Status]string{deal.Proposed: "拟议", deal.Concluded: "成交", deal.Asked: "待售", deal.Cancelled: "已取消"}
)

// dealsTable prints the rows for people.
func dealsTable(w io.Writer, rows []intake.ReadDeal) error {
	out := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(out, "专利号\t名称\t件数\t金额\t价格类型\t方式\t出让方\t受让方\t日期\t状态\t核对")
	for _, r := range rows {
		amount := "—"
		if r.Amount != nil {
			amount = money.Zh(*r.Amount, 8)
		}
		numbers := strings.Join(r.Numbers, "、")
		if len(r.Numbers) > 2 {
			numbers = r.Numbers[0] + " 等"
		}
		check := ""
		if r.Waits {
			check = "待核对"
		}
		fmt.Fprintf(out, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", numbers, sheet.Clip(r.Title, 20), r.Patents, amount, priceKindZh[r.PriceKind], dealKindZh[r.DealKind],
			r.Seller, r.Buyer, r.Date, dealStatusZh[r.Status], check)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	for i, r := range rows {
		for _, warning := range r.Warnings {
			fmt.Fprintf(w, "第 %d 行：%s\n", i+1, warning.Zh)
		}
	}
	return nil
}
