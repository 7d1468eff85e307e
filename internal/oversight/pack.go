// Package oversight writes what those who watch over a model ask for: the
// validation pack, as one ZIP of plain files. Start with [Pack].
package oversight

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"gonum.org/v1/gonum/stat"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/ledger"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
)

// Options of a pack.
type Options struct {
	Sample  int     // valuations that sensitivity is measured on, the newest
	Share   float64 // by which each figure is changed
	Program string
	Eval    fs.FS // baselines of the harness
	Now     time.Time
}

// Summary is what a pack holds, in figures.
type Summary struct {
	Made        time.Time         `json:"made_at"`
	Institution string            `json:"institution"`
	Program     string            `json:"program"`
	Model       string            `json:"valuation_model"`
	Assumptions string            `json:"assumptions"`
	Figures     int               `json:"figures"`
	NoSource    int               `json:"figures_without_source"`
	Measured    int               `json:"valuations_measured"`
	Moving      int               `json:"figures_that_move_a_value"`
	Overrides   Study             `json:"overrides"`
	Files       map[string]string `json:"files"` // name -> SHA-256
}

// Study is how officers' figures lie beside the model's.
type Study struct {
	N        int            `json:"n"`
	Inside   int            `json:"inside_range"`
	Above    int            `json:"above"`
	Below    int            `json:"below"`
	Median   *float64       `json:"median_ratio"` // officer over model; null: none
	Spread   *float64       `json:"log_sd"`       // null: fewer than two
	Approved int            `json:"approved"`
	Officers map[string]int `json:"by_officer"`
	Zh       string         `json:"zh"`
	En       string         `json:"en"`
}

// Pack writes the pack.
func Pack(ctx context.Context, db *store.DB, svc *appraisal.Service, drift *ledger.Service, actor appraisal.Actor, o Options, out io.Writer) (sum Summary, err error) {
	defer fault.Wrap(&err, "oversight.Pack")
	ctx = store.As(ctx, actor.Institution)
	sum = Summary{Made: o.Now.UTC().Truncate(time.Second), Institution: actor.Institution, Program: o.Program, Model: valuation.ModelVersion, Files: map[string]string{}}
	z := zip.NewWriter(out)
	put := func(name string, body []byte) error {
		h := sha256.Sum256(body)
		sum.Files[name] = hex.EncodeToString(h[:])
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: sum.Made})
		if err != nil {
			return err
		}
		_, err = w.Write(body)
		return err
	}
	document := func(name string, v any) error {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(v); err != nil {
			return err
		}
		return put(name, b.Bytes())
	}

	lineage, err := db.Lineage(ctx)
	if err != nil {
		return sum, err
	}
	if err := document("1-lineage.json", lineage); err != nil {
		return sum, err
	}
	if sum.Assumptions, err = db.ActiveAssumptions(ctx); err != nil {
		return sum, err
	}
	set, _, err := db.Assumptions(ctx, sum.Assumptions)
	if err != nil {
		return sum, err
	}
	if err := put("2-assumptions.json", set.Body); err != nil {
		return sum, err
	}
	newest, _, err := svc.Valuations(ctx, actor, appraisal.Query{}, "", max(1, 4*o.Sample))
	if err != nil {
		return sum, err
	}
	var ids []string
	for _, v := range newest {
		if v.Point != nil && len(ids) < o.Sample {
			ids = append(ids, v.ID)
		}
	}
	figures, measured, err := svc.Sensitivity(ctx, actor, ids, o.Share)
	if err != nil {
		return sum, err
	}
	rows := [][]string{{"figure", "value", fmt.Sprintf("median ratio at %+.0f%%", -100*o.Share), fmt.Sprintf("median ratio at %+.0f%%", 100*o.Share), "largest change", "valuations moved of " + strconv.Itoa(measured), "source", "reason"}}
	for _, f := range figures {
		rows = append(rows, []string{f.Path, number(f.Value), ratio(f.Down), ratio(f.Up), strconv.FormatFloat(f.Largest, 'f', 4, 64), strconv.Itoa(f.Moved), f.Source, f.Reason})
		sum.Figures++
		if f.Source == "" {
			sum.NoSource++
		}
		if f.Moved > 0 {
			sum.Moving++
		}
	}
	sum.Measured = measured
	if err := put("3-sensitivity.csv", table(rows)); err != nil {
		return sum, err
	}
	worst, err := benchmarks(o.Eval, put)
	if err != nil {
		return sum, err
	}
	if err := put("5-known-failures.csv", table(worst)); err != nil {
		return sum, err
	}
	d, err := drift.Drift(ctx, actor, calendar.InChina(o.Now).AddDays(-365))
	if err != nil {
		return sum, err
	}
	if err := document("5-drift-of-own-deals.json", d); err != nil {
		return sum, err
	}
	cases, err := db.OverrideCases(ctx)
	if err != nil {
		return sum, err
	}
	sum.Overrides = study(cases)
	if err := document("6-overrides.json", map[string]any{"study": sum.Overrides, "cases": slices.Concat([]store.OverrideCase{}, cases)}); err != nil {
		return sum, err
	}
	if err := put("README.md", readme(&sum, o.Share)); err != nil {
		return sum, err
	}
	if err := document("manifest.json", sum); err != nil {
		return sum, err
	}
	return sum, z.Close()
}

func number(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

func ratio(x *float64) string {
	if x == nil {
		return "refused"
	}
	return strconv.FormatFloat(*x, 'f', 4, 64)
}

func table(rows [][]string) []byte {
	var b bytes.Buffer
	b.WriteString("\ufeff")              // spreadsheets read UTF-8 only with the mark
	_ = csv.NewWriter(&b).WriteAll(rows) // a buffer takes everything
	return b.Bytes()
}

// benchmarks copies the recorded runs of the harness and returns the cases that
// went worst and those it abstained from.
func benchmarks(files fs.FS, put func(string, []byte) error) (worst [][]string, err error) {
	worst = [][]string{{"task", "case", "what", "loss", "value"}}
	summary := [][]string{{"task", "dataset", "sha256", "n", "versions", "cases", "abstained", "loss", "median", "90th percentile"}}
	names, err := fs.Glob(files, "baselines/*.json")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		body, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		var run struct {
			Task, Loss string
			Dataset    struct {
				Name, SHA256 string
				N            int
			}
			Versions map[string]string
			Samples  []struct {
				Case, Status string
				Loss         map[string]float64
			}
		}
		if err := json.Unmarshal(body, &run); err != nil {
			return nil, err
		}
		if err := put("4-benchmarks/"+strings.TrimPrefix(name, "baselines/"), body); err != nil {
			return nil, err
		}
		var losses []float64
		abstained := 0
		type bad struct {
			id   string
			loss float64
		}
		var all []bad
		for _, x := range run.Samples {
			if l, ok := x.Loss[run.Loss]; ok {
				losses, all = append(losses, l), append(all, bad{x.Case, l})
			} else if x.Status != "ok" {
				abstained++
				worst = append(worst, []string{run.Task, x.Case, x.Status, run.Loss, ""})
			}
		}
		slices.SortStableFunc(all, func(a, b bad) int { return cmp.Compare(b.loss, a.loss) })
		for _, x := range all[:min(10, len(all))] {
			if x.loss > 0 {
				worst = append(worst, []string{run.Task, x.id, "largest loss", run.Loss, number(x.loss)})
			}
		}
		slices.Sort(losses)
		at := func(q float64) string {
			if len(losses) == 0 {
				return ""
			}
			return number(stat.Quantile(q, stat.Empirical, losses, nil))
		}
		versions, _ := json.Marshal(run.Versions)
		summary = append(summary, []string{run.Task, run.Dataset.Name, run.Dataset.SHA256, strconv.Itoa(run.Dataset.N), string(versions), strconv.Itoa(len(run.Samples)), strconv.Itoa(abstained), run.Loss, at(.5), at(.9)})
	}
	return worst, put("4-benchmarks.csv", table(summary))
}

// study tells how officers' figures lie beside the model's.
func study(cases []store.OverrideCase) Study {
	s := Study{N: len(cases), Officers: map[string]int{}}
	var logs []float64
	for _, c := range cases {
		s.Officers[c.Officer]++
		if c.Status == "approved" {
			s.Approved++
		}
		switch {
		case c.Value > c.High:
			s.Above++
		case c.Value < c.Low:
			s.Below++
		default:
			s.Inside++
		}
		if c.Point > 0 && c.Value > 0 {
			logs = append(logs, math.Log(c.Value/c.Point))
		}
	}
	if n := len(logs); n > 0 {
		slices.Sort(logs)
		m := math.Exp((logs[(n-1)/2] + logs[n/2]) / 2)
		s.Median = &m
		if n > 1 {
			mean, sq := 0.0, 0.0
			for _, l := range logs {
				mean += l / float64(n)
			}
			for _, l := range logs {
				sq += (l - mean) * (l - mean)
			}
			sd := math.Sqrt(sq / float64(n-1))
			s.Spread = &sd
		}
	}
	switch {
	case s.N == 0:
		s.Zh, s.En = "没有人工意见，无从比较。", "There are no officers' figures to compare with."
	case s.N < 30:
		s.Zh, s.En = fmt.Sprintf("仅 %d 份人工意见，不足以判断模型偏高或偏低。", s.N), fmt.Sprintf("%d officers' figures: too few to say that the model is high or low.", s.N)
	default:
		s.Zh, s.En = fmt.Sprintf("%d 份人工意见，中位数为模型的 %.2f 倍，%d 份落在模型区间内。", s.N, *s.Median, s.Inside), fmt.Sprintf("%d officers' figures, in the middle %.2f times the model's, %d inside its range.", s.N, *s.Median, s.Inside)
	}
	return s
}

func readme(s *Summary, share float64) []byte {
	return fmt.Appendf(nil, `# 模型验证包 Validation pack

机构 %s，%s，程序 %s，估值模型 %s，参数 %s。

| 文件 file | 内容 |
|---|---|
| 1-lineage.json | 数据来源：专利、成交、事件按来源计数与日期范围；被剔除的成交及原因；导入记录；向量空间、影响模型、参数各版本及其决定 |
| 2-assumptions.json | 生效参数全文：每个数都有来源与理由，共 %d 个，其中 %d 个没有来源 |
| 3-sensitivity.csv | 每个参数 ±%.0f%% 时已存估值的变化（%d 份估值；%d 个参数会改变其中至少一份）。来自中值之比，其余不变 |
| 4-benchmarks* | 随程序提交的评测基准：数据集哈希、例数、弃权数、误差。重跑：zhijia eval gate |
| 5-known-failures.csv | 基准中误差最大的例子与弃权的例子 |
| 5-drift-of-own-deals.json | 近一年自有成交是否仍落在模型区间内 |
| 6-overrides.json | 人工意见研究：%s |
| manifest.json | 各文件的 SHA-256 |

## 使用限制 Limits of use
- 本系统给出参考意见，不是资产评估报告，不得用于法定评估目的。An opinion for internal decisions, not an appraisal report.
- 区间是模型的 80%% 区间，是否经过校准见各份意见的 measured；未经校准的不得当作概率。A level that was not measured is no probability.
- 没有可比成交的技术领域由宽类外推，区间更宽，必要时弃权；弃权不是零。Where nothing was sold the range is wide or nothing is said; that is not zero.
- 法律状态以登记簿副本为准；来源未见质押不等于没有质押。No pledge seen is not "free".
- 估值日之后的事实不进入估值。只在原始输入范围内使用：中国发明、实用新型、外观设计。Facts after the date do not count.
- 参数、向量空间、影响模型的更换须另一人同意，见 1-lineage.json 的 decisions_on_models。A change needs a second person.

## 已知不足 Known weaknesses
- 公开的成交价偏向展示交易与上市公司公告，私下成交少；市场之间的换算靠少量配对数据。Public prices lean to auctions and listed firms.
- 例数见 4-benchmarks.csv；例数少的结论只作参考。Small n is said beside every figure.
- 敏感性逐个改变参数，不反映参数同时变化。One figure at a time: joint changes are not shown.
`, s.Institution, s.Made.Format("2006-01-02"), s.Program, s.Model, s.Assumptions, s.Figures, s.NoSource, 100*share, s.Measured, s.Moving, s.Overrides.Zh)
}
