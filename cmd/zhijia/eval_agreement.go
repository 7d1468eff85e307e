package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"zhijia/internal/accuracy"
	"zhijia/internal/fault"
	"zhijia/internal/sheet"
	"zhijia/prompts"
)

type evalAgreementCmd struct {
	Database
	File       string  `arg:"" help:"CSV or XLSX with columns patent, indicator, model, perhaps class, and officer_1, officer_2, … : an anchor's score (20, 40, 60, 80), or UNKNOWN or nothing where it could not be told."`
	Level      float64 `help:"Level of the intervals." default:"0.95"`
	Iterations int     `help:"Bootstrap draws." default:"2000"`
	Seed       uint64  `help:"Seed of the draws." default:"1"`
	Record     bool    `help:"Store the verdict for this institution: scores of a model whose study passed may narrow ranges."`
	Model      string  `name:"model" help:"Model the study is about, for --record." env:"ZHIJIA_LLM_MODEL"`
	Prompts    string  `name:"prompts" env:"ZHIJIA_PROMPTS" group:"Model" placeholder:"DIR" help:"Folder whose templates the model was asked by."`
}

func (c *evalAgreementCmd) Help() string {
	return "Holds the model's choices against officers', beside the officers' against each other: weighted kappa, ICC and bias by indicator and class, with intervals drawn by patent, abstentions, and how many labels a verdict needs. Officers should label blind and in random order: zhijia eval labels draws the sample, /officer/labels serves it, zhijia eval labels export writes this file."
}

func (c *evalAgreementCmd) Run(g *Globals) error {
	ratings, err := c.ratings()
	if err != nil {
		return err
	}
	study, err := accuracy.StudyAgreement(ratings, len(gradeScores), accuracy.Options{Level: c.Level, Iterations: c.Iterations, Seed: c.Seed, Workers: runtime.GOMAXPROCS(0)})
	if err != nil {
		return err
	}
	if c.Record {
		if err := c.record(g, study); err != nil {
			return err
		}
	}
	if g.JSON {
		return g.print(study)
	}
	figure := func(f accuracy.Figure) string {
		switch {
		case !f.Defined():
			return "—"
		case !f.HasInterval():
			return fmt.Sprintf("%.2f", f.Value)
		}
		return fmt.Sprintf("%.2f [%.2f, %.2f]", f.Value, f.Low, f.High)
	}
	fmt.Fprintln(g.stdout, "指标\t对数\t专利\tκ 模型-人员\tκ 人员之间\t差\tICC\t偏差(级)\t弃权 模型/人员\t最常见级")
	for _, r := range study.Rows {
		name := r.Indicator
		switch {
		case r.Class != "":
			name = "类别 " + r.Class
		case name == "":
			name = "全部"
		}
		fmt.Fprintf(g.stdout, "%s\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t%.0f%% / %.0f%%\t%.0f%%\n", name, r.Pairs, r.Patents, figure(r.ModelKappa), figure(r.OfficerKappa), figure(r.Difference), figure(r.ICC), figure(r.Bias),
			100*r.ModelAbstains, 100*r.OfficerAbstains, 100*r.Commonest)
	}
	verdict := map[bool]string{true: "通过", false: "未通过"}[study.Passed]
	fmt.Fprintf(g.stdout, "结论：%s（%s）", verdict, study.Why)
	if study.Needed > 0 {
		fmt.Fprintf(g.stdout, "；按目前的离散程度，得出结论约需 %d 对", study.Needed)
	}
	fmt.Fprintln(g.stdout)
	return nil
}

// gradeScores are the anchors in use, as grades from 0.
var gradeScores = []string{"20", "40", "60", "80"}

func (c *evalAgreementCmd) ratings() (out []accuracy.Rating, err error) {
	f, err := os.Open(c.File)
	if err != nil {
		return nil, fault.New(fault.NotFound, "eval.file", "无法打开文件 "+c.File+"。", "Cannot open "+c.File+".").Because(err)
	}
	defer f.Close()
	bad := func(row int, zh, en string) error {
		return fault.New(fault.Invalid, "agreement.row", fmt.Sprintf("第 %d 行：%s。", row, zh), fmt.Sprintf("Row %d: %s.", row, en))
	}
	officers := 0 // columns officer_1 … officer_n
	for row, err := range sheet.Rows(f, c.File) {
		if err != nil {
			return nil, err
		}
		r := accuracy.Rating{Patent: row.Cells["patent"], Indicator: row.Cells["indicator"], Class: strings.TrimSpace(row.Cells["class"])}
		if r.Patent == "" || r.Indicator == "" {
			return nil, bad(row.Number, "缺少 patent 或 indicator", "patent or indicator is missing")
		}
		for i := 1; i <= 20; i++ {
			if _, ok := row.Cells["officer_"+strconv.Itoa(i)]; ok {
				officers = max(officers, i)
			}
		}
		grade := func(column string) (*int, error) {
			text := strings.TrimSpace(row.Cells[column])
			if text == "" || strings.EqualFold(text, "unknown") || text == "无法判断" {
				return nil, nil
			}
			at := slices.Index(gradeScores, strings.TrimSuffix(text, ".0"))
			if at < 0 {
				return nil, bad(row.Number, column+" 应为 20、40、60、80 或 UNKNOWN，现为“"+text+"”", column+" is 20, 40, 60, 80 or UNKNOWN, not “"+text+"”")
			}
			return &at, nil
		}
		if r.Model, err = grade("model"); err != nil {
			return nil, err
		}
		for i := range 20 {
			o, err := grade("officer_" + strconv.Itoa(i+1))
			if err != nil {
				return nil, err
			}
			r.Officers = append(r.Officers, o)
		}
		out = append(out, r)
	}
	for i := range out {
		out[i].Officers = out[i].Officers[:officers]
	}
	return out, nil
}

// record stores the verdict with its figures.
func (c *evalAgreementCmd) record(g *Globals, study *accuracy.AgreementStudy) error {
	if c.Model == "" {
		return fault.New(fault.Invalid, "agreement.model", "登记结论须指明模型：--model。", "--record needs --model.")
	}
	set, err := prompts.Load(c.Prompts)
	if err != nil {
		return err
	}
	body, err := json.Marshal(study)
	if err != nil {
		return err
	}
	db, done, err := c.open(g)
	if err != nil {
		return err
	}
	defer done()
	a := g.operator()
	return db.PutStudy(g.ctx, a.Institution, c.Model, set.Version(), study.Passed, body, a.Name)
}
