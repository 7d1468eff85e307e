package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"zhijia/internal/appraisal"
	"zhijia/internal/fault"
	"zhijia/internal/intake"
	"zhijia/internal/store"
)

type ingestCmd struct {
	Database
	modelFlags
	Dataset string            `arg:"" help:"patents, transactions, events or citations."`
	Files   []string          `arg:"" help:"CSV (UTF-8 or GB18030), XLSX or JSONL files; of patents also XML, ZIP packages, JSON answers, notices, register copies (text, PDF) and lists of numbers." type:"existingfile"`
	DryRun  bool              `name:"dry-run" help:"Check every row and store nothing."`
	Map     map[string]string `name:"map" mapsep:"none" placeholder:"HEADER=FIELD" help:"What a header of the files means: a field or known header of the dataset, or nothing to leave it unread. Give it once a header; it is remembered for files with the same headers."`
	Rejects string            `help:"Where rejected rows go, as CSV. Default: FILE.rejects.csv." placeholder:"FILE"`
}

func (c *ingestCmd) Help() string {
	return "Streams files into the store. Running a file again changes nothing; one that was interrupted is completed by running it again. Rows that are not taken are named with the column and the reason."
}

func (c *ingestCmd) Run(g *Globals) error {
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	svc, err := c.appraiser(g, db)
	if err != nil {
		return err
	}
	var reports []intake.Report
	var rejected, accepted int64
	for _, name := range c.Files {
		rep, err := c.file(g, db, svc, name)
		if err != nil {
			return err
		}
		rejected += rep.Rejected
		accepted += rep.Accepted
		reports = append(reports, rep)
	}
	if !c.DryRun {
		// Rows of an endpoint's space are embedded once they are safely in.
		later, err := svc.EmbedStored(g.ctx, g.operator())
		if err != nil {
			return err
		}
		if later {
			fmt.Fprintln(g.stderr, "当前向量空间属于向量服务，未在此配置：新行暂无向量，配置 ZHIJIA_LLM_* 后再次导入即补。")
		}
	}
	if g.JSON {
		if err := g.print(reports); err != nil {
			return err
		}
	}
	switch {
	case accepted > 0:
	case rejected == 0:
		return fault.New(fault.Invalid, "import.empty", "没有导入任何行：文件中没有数据行。", "Nothing was taken: the files have no rows.")
	default:
		return fault.New(fault.Invalid, "import.nothing", fmt.Sprintf("没有导入任何行，%d 行全部被拒绝，原因见上。", rejected), fmt.Sprintf("Nothing was taken: all %d rows were rejected.", rejected))
	}
	return nil
}

// appraiser is the service that embeds what is taken in.
func (m *modelFlags) appraiser(g *Globals, db *store.DB) (*appraisal.Service, error) {
	o, err := m.options(g.ctx, db, slog.New(slog.NewTextHandler(g.stderr, &slog.HandlerOptions{Level: slog.LevelError})), appraisal.Options{Days: g.days})
	if err != nil {
		return nil, err
	}
	return appraisal.New(g.ctx, db, o)
}

func (c *ingestCmd) file(g *Globals, db *store.DB, svc *appraisal.Service, name string) (rep intake.Report, err error) {
	f, err := os.Open(name)
	if err != nil {
		return rep, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return rep, err
	}
	bar := progress(g, info.Size(), "读取 "+info.Name())
	in := io.TeeReader(f, bar)
	rejects := &rejectsFile{path: c.Rejects}
	if rejects.path == "" {
		rejects.path = name + ".rejects.csv"
	}
	start := time.Now()
	rep, err = intake.Run(g.ctx, db, svc, g.operator(), c.Dataset, name, in, intake.Options{
		DryRun: c.DryRun,
		Reject: rejects.write,
		Map:    c.Map,
		PDF:    true,
		Progress: func(rows int64) {
			bar.Describe(fmt.Sprintf("%s %d 行", info.Name(), rows))
		},
	})
	_ = bar.Finish()
	if err := errors.Join(err, rejects.close()); err != nil {
		return rep, err
	}
	if !g.JSON {
		verb := "已导入"
		if c.DryRun {
			verb = "可导入"
		}
		fmt.Fprintf(g.stdout, "%s：%s %d 行，拒绝 %d 行，用时 %.1f 秒\n", name, verb, rep.Accepted, rep.Rejected, time.Since(start).Seconds())
		if rep.SourceName != "" {
			fmt.Fprintf(g.stdout, "  识别为：%s（法律事件 %d 条）\n", rep.SourceName, rep.Events)
		}
		if rep.Rejected > 0 {
			fmt.Fprintf(g.stdout, "  拒绝的行及原因见 %s\n", rejects.path)
		}
		for i, r := range rep.Rejects {
			if i == 5 {
				fmt.Fprintln(g.stdout, "  …")
				break
			}
			fmt.Fprintf(g.stdout, "  第 %d 行 %s：%s [%s]\n", r.Row, r.Field, r.Zh, r.Code)
		}
		if len(rep.Unread) > 0 {
			fmt.Fprintf(g.stdout, "  未识别的列，已忽略：%s（可用 --map 列=字段 说明其含义）\n", strings.Join(rep.Ignored, "、"))
		}
		for _, u := range rep.Unread {
			if u.Guess != "" {
				fmt.Fprintf(g.stdout, "    “%s”可能是 %s（如：%s）：--map '%s=%s'\n", u.Header, u.Guess, strings.Join(u.Examples, "，"), u.Header, u.Guess)
			}
		}
	}
	return rep, nil
}

// progress is a bar on a terminal and nothing elsewhere.
func progress(g *Globals, total int64, what string) *progressbar.ProgressBar {
	if !terminal(g.stderr) {
		return progressbar.DefaultBytesSilent(total)
	}
	return progressbar.NewOptions64(total, progressbar.OptionSetWriter(g.stderr), progressbar.OptionShowBytes(true),
		progressbar.OptionSetPredictTime(true), progressbar.OptionSetDescription(what), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// rejectsFile is made when the first row is rejected.
type rejectsFile struct {
	path string
	file *os.File
	out  *csv.Writer
}

func (r *rejectsFile) write(x intake.Reject) error {
	if r.file == nil {
		f, err := os.Create(r.path)
		if err != nil {
			return fault.New(fault.Invalid, "file.create", "无法写入 "+r.path+"。", "Cannot write "+r.path+".").Because(err)
		}
		r.file, r.out = f, csv.NewWriter(f)
		if _, err := f.WriteString("\ufeff"); err != nil { // spreadsheets read UTF-8 only with the mark
			return err
		}
		if err := r.out.Write([]string{"row", "field", "code", "原因", "reason"}); err != nil {
			return err
		}
	}
	return r.out.Write([]string{strconv.Itoa(x.Row), x.Field, x.Code, x.Zh, x.En})
}

func (r *rejectsFile) close() error {
	if r.file == nil {
		return nil
	}
	r.out.Flush()
	return errors.Join(r.out.Error(), r.file.Close())
}
