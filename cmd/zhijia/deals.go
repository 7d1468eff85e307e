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
	"time"

	"zhijia/internal/deal"
	"zhijia/internal/fault"
	"zhijia/internal/intake"
	"zhijia/internal/judge"
	"zhijia/internal/ledger"
	"zhijia/internal/money"
	"zhijia/internal/reading"
	"zhijia/internal/sheet"
)

type dealsCmd struct {
	Screen dealsScreenCmd `cmd:"" help:"Judge every own deal by the rules of validity and say which are no comparables, and why."`
	Judge  dealsJudgeCmd  `cmd:"" help:"Say against the rules whether an own deal counts, with a reason."`
	Read   dealsReadCmd   `cmd:"" help:"Read priced deals out of notices, contracts, auction results, announcements and judgments."`
}

type dealsReadCmd struct {
	Database
	modelFlags
	AskModel bool     `name:"llm" help:"Have the configured model point at passages for the rows that wait; it is asked nothing where none does. The texts leave this machine. The rows still wait."`
	Files    []string `arg:"" help:"Text, HTML, DOCX or PDF files with a text layer, folders of them, or - for standard input."`
	Keep     bool     `help:"Keep the rows of every text until a person settles each at the ledger's page."`
	Out      string   `short:"o" placeholder:"FILE" help:"Write the rows that wait for nobody as CSV in the columns of the import of transactions."`
}

func (c *dealsReadCmd) Help() string {
	return "Rules read; without --llm no model is asked and nothing leaves this machine. With it, a model points at passages for the rows that wait: each is looked up word for word, its value is read by the rules, and it decides nothing. Every field carries the words it was read from and their byte offset in the text of the file; rows that are uncertain say why and wait for a person. A text without a deal gives no row and a note. With --json a list of rows. --out writes what `zhijia ingest transactions FILE` takes."
}

// Run reads every file. A file that cannot be read is named and does not stop
// the others; when none can be read, the command fails.
func (c *dealsReadCmd) Run(g *Globals) error {
	names, err := dealFiles(c.Files)
	if err != nil {
		return err
	}
	rows := []intake.ReadDeal{}
	hints := map[int][]reading.DealHint{} // by place among the rows
	var model *reading.Service
	if c.AskModel {
		if !c.LLM.On() {
			return fault.New(fault.Invalid, "llm.off", "未配置模型服务（ZHIJIA_LLM_BASE_URL）。", "No model endpoint is configured (ZHIJIA_LLM_BASE_URL).")
		}
		var done func()
		if model, done, err = c.reader(g, &c.Database); err != nil {
			return err
		}
		defer done()
	}
	var deals *ledger.Service
	if c.Keep {
		db, done, err := c.open(g)
		if err != nil {
			return err
		}
		defer done()
		deals = ledger.New(db, time.Now)
	}
	read := 0
	var last error
	for _, name := range names {
		if err := g.ctx.Err(); err != nil {
			return err
		}
		text, err := textFile(g, name)
		var found deal.Reading
		if err == nil {
			found, err = deal.Read(text)
		}
		if err == nil && deals != nil {
			kept, err := deals.Keep(g.ctx, g.operator(), text, name)
			if err != nil {
				return err
			}
			if kept.ID != "" {
				fmt.Fprintf(g.stderr, "%s：已保留 %s，%d 行待核对（/officer/ledger/read?reading=%s）\n", name, kept.ID, kept.Waits(), kept.ID)
			}
		}
		if err != nil {
			last = err
			fmt.Fprintf(g.stderr, "%s：%s\n", name, fault.Public(err).Zh)
			continue
		}
		read++
		for _, note := range found.Notes {
			fmt.Fprintf(g.stderr, "%s：%s\n", name, note.Zh)
		}
		if model != nil {
			yes := true
			list, m := model.DealHints(g.ctx, g.operator(), text, &found, &yes)
			if m.Zh != "" {
				fmt.Fprintf(g.stderr, "%s：%s\n", name, m.Zh)
			}
			for _, h := range list {
				hints[len(rows)+h.Row-1] = append(hints[len(rows)+h.Row-1], h)
			}
		}
		for _, r := range found.Rows {
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
	if g.JSON && model == nil {
		return g.print(rows)
	}
	if g.JSON {
		type hintedRow struct {
			intake.ReadDeal
			Hints []reading.DealHint `json:"hints"`
		}
		out := []hintedRow{}
		for i, r := range rows {
			out = append(out, hintedRow{r, append([]reading.DealHint{}, hints[i]...)})
		}
		return g.print(out)
	}
	if err := dealsTable(g.stdout, rows); err != nil {
		return err
	}
	for i := range rows {
		for _, h := range hints[i] {
			fmt.Fprintf(g.stdout, "第 %d 行 %s：%s%s（原文：%s）\n", i+1, h.Field, judge.AILabel, h.Value, h.Quote.Text)
		}
	}
	return nil
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
