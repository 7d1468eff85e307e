package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"zhijia/internal/accuracy"
	"zhijia/internal/fault"
)

// evalStatsCmd groups the statistics that need nothing but columns of numbers.
type evalStatsCmd struct {
	Ratio     ratioStatsCmd     `cmd:"" help:"Ratio study: columns estimate, price."`
	Error     errorStatsCmd     `cmd:"" help:"Log-error table, MdAPE and PE: columns estimate, price."`
	Interval  intervalStatsCmd  `cmd:"" help:"Coverage, width and Winkler score of ranges: columns low, high, price."`
	Rank      rankStatsCmd      `cmd:"" help:"Rank correlation, overall and within cohort: columns x, y."`
	Agreement agreementStatsCmd `cmd:"" help:"Quadratic-weighted kappa and ICC(2,1) of two raters: columns a, b (integer grades from 0)."`
	Compare   compareStatsCmd   `cmd:"" help:"Paired comparison of two columns of losses, lower is better: columns a, b."`
}

// statsFlags are what every statistic on columns shares.
type statsFlags struct {
	File       string  `arg:"" optional:"" help:"CSV with a header row; standard input when absent or -."`
	Level      float64 `help:"Level of the intervals." default:"0.95"`
	Iterations int     `help:"Bootstrap draws." default:"10000"`
	Seed       uint64  `help:"Seed of the draws." default:"1"`
	Cluster    string  `help:"Column whose equal values mark samples that are not independent (one deal, one family)." placeholder:"COLUMN"`
}

func (f *statsFlags) options() accuracy.Options {
	return accuracy.Options{Level: f.Level, Iterations: f.Iterations, Seed: f.Seed, Workers: runtime.GOMAXPROCS(0)}
}

// columns reads the named number columns, and the cluster column if asked for.
func (f *statsFlags) columns(g *Globals, names ...string) (numbers [][]float64, clusters []string, err error) {
	table, err := f.table(g, names, f.Cluster)
	if err != nil {
		return nil, nil, err
	}
	return table.numbers, table.text[f.Cluster], nil
}

func (f *statsFlags) table(g *Globals, names []string, text ...string) (*columnTable, error) {
	in := g.stdin
	if f.File != "" && f.File != "-" {
		file, err := os.Open(f.File)
		if err != nil {
			return nil, fault.New(fault.NotFound, "eval.file", "无法打开文件。", "The file cannot be opened.").Because(err)
		}
		defer file.Close()
		in = file
	}
	return readColumns(in, names, text)
}

type columnTable struct {
	numbers [][]float64
	text    map[string][]string // by column name
}

// readColumns reads a CSV with a header. A byte order mark, other columns and
// any order of columns are accepted; a missing column, a ragged row or a cell
// that is not a number is an error that names the line.
func readColumns(r io.Reader, names, textNames []string) (*columnTable, error) {
	buffered := bufio.NewReaderSize(r, 1<<16)
	if mark, err := buffered.Peek(3); err == nil && bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		_, _ = buffered.Discard(3)
	}
	rows := csv.NewReader(buffered)
	rows.ReuseRecord = true
	rows.TrimLeadingSpace = true
	header, err := rows.Read()
	if errors.Is(err, io.EOF) {
		return nil, fault.New(fault.Invalid, "eval.csv.empty", "输入为空，第一行须为表头。", "The input is empty; the first row must be a header.")
	}
	if err != nil {
		return nil, csvFault(err)
	}
	find := func(name string) (int, error) {
		at := slices.IndexFunc(header, func(h string) bool { return strings.EqualFold(strings.TrimSpace(h), name) })
		if at < 0 {
			return 0, fault.New(fault.Invalid, "eval.csv.missing_column", fmt.Sprintf("缺少列 %s。", name),
				fmt.Sprintf("Column %q is missing; the header is %s.", name, strings.Join(header, ", ")),
				fault.Field{Field: name, Code: "csv.missing_column", Zh: "表头中没有这一列", En: "not in the header"})
		}
		return at, nil
	}
	at := make([]int, len(names))
	for i, name := range names {
		if at[i], err = find(name); err != nil {
			return nil, err
		}
	}
	textAt := map[string]int{}
	for _, name := range textNames {
		if name == "" {
			continue
		}
		if textAt[name], err = find(name); err != nil {
			return nil, err
		}
	}
	t := &columnTable{numbers: make([][]float64, len(names)), text: map[string][]string{}}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return t, nil
		}
		if err != nil {
			return nil, csvFault(err)
		}
		for i, col := range at {
			v, err := strconv.ParseFloat(strings.TrimSpace(row[col]), 64)
			if err != nil {
				line, _ := rows.FieldPos(col)
				return nil, fault.New(fault.Invalid, "eval.csv.not_a_number", fmt.Sprintf("第%d行的 %s 不是数值。", line, names[i]),
					fmt.Sprintf("Line %d: %s is %.40q, not a number.", line, names[i], row[col]),
					fault.Field{Field: names[i], Code: "csv.not_a_number", Zh: "须为数值", En: "must be a number"})
			}
			t.numbers[i] = append(t.numbers[i], v)
		}
		for name, col := range textAt {
			t.text[name] = append(t.text[name], strings.Clone(row[col]))
		}
	}
}

func csvFault(err error) error {
	return fault.New(fault.Invalid, "eval.csv.malformed", "CSV 格式有误。", "The CSV is malformed: every row needs as many cells as the header.").Because(err)
}

type ratioStatsCmd struct {
	statsFlags
}

func (c *ratioStatsCmd) Run(g *Globals) error {
	cols, clusters, err := c.columns(g, "estimate", "price")
	if err != nil {
		return err
	}
	estimate, price := cols[0], cols[1]
	study, err := accuracy.StudyRatios(estimate, price, clusters, c.options())
	if err != nil {
		return err
	}
	doc := ratioDocument(study)
	if c.Cluster != "" {
		doc.set("cluster_column", c.Cluster)
	}
	keep := accuracy.Trim(estimate, price)
	if trimmed, err := trimmedStudy(estimate, price, clusters, keep, c.options()); err == nil {
		t := ratioDocument(trimmed)
		t.set("removed", len(price)-len(keep))
		t.set("rule", "ratio outside [Q1 - 3 IQR, Q3 + 3 IQR]")
		doc.set("trimmed", t)
	} else {
		doc.set("trimmed", nil)
	}
	if g.JSON {
		return g.print(doc)
	}
	fmt.Fprintf(g.stdout, "Ratio study of %d samples in %d independent units; %g%% intervals\n\n", study.N, study.Clusters, 100*study.Level)
	for _, row := range ratioFigures(study) {
		printFigure(g.stdout, row.name, row.figure)
	}
	if study.VEI.Defined() {
		fmt.Fprintf(g.stdout, "%22s  %v (groups of %d)\n", "vei significant", study.VEISignificant, len(study.VEIGroups))
	}
	fmt.Fprintf(g.stdout, "\n%s; %d draws, seed %d.\n", study.Method, study.Iterations, study.Seed)
	return nil
}

// trimmedStudy repeats the study without extreme ratios. It makes fewer draws
// on large samples, so that the whole command takes little longer than the
// main study; the document says how many.
func trimmedStudy(estimate, price []float64, clusters []string, keep []int, opt accuracy.Options) (*accuracy.RatioStudy, error) {
	const work = 20_000_000 // samples × draws
	var c []string
	e, p := make([]float64, len(keep)), make([]float64, len(keep))
	for k, i := range keep {
		e[k], p[k] = estimate[i], price[i]
		if clusters != nil {
			c = append(c, clusters[i])
		}
	}
	opt.Iterations = min(opt.Iterations, max(200, work/max(1, len(keep))))
	return accuracy.StudyRatios(e, p, c, opt)
}

type namedFigure struct {
	name   string
	figure accuracy.Figure
}

func ratioFigures(s *accuracy.RatioStudy) []namedFigure {
	return []namedFigure{
		{"median_ratio", s.MedianRatio},
		{"mean_ratio", s.MeanRatio},
		{"weighted_mean_ratio", s.WeightedMeanRatio},
		{"cod", s.COD},
		{"prd", s.PRD},
		{"prb", s.PRB},
		{"mki", s.MKI},
		{"ki", s.KI},
		{"vei", s.VEI},
	}
}

func ratioDocument(s *accuracy.RatioStudy) *document {
	doc := &document{}
	doc.set("n", s.N)
	doc.set("clusters", s.Clusters)
	for _, row := range ratioFigures(s) {
		doc.setFigure(row.name, row.figure)
	}
	doc.set("vei_significant", s.VEISignificant)
	doc.set("vei_groups", s.VEIGroups)
	doc.set("median_log_ratio", s.MedianLogRatio)
	doc.set("mad_log_ratio", s.MADLogRatio)
	doc.set("level", s.Level)
	doc.set("iterations", s.Iterations)
	doc.set("seed", s.Seed)
	doc.set("method", s.Method)
	return doc
}

func printFigure(w io.Writer, name string, f accuracy.Figure) {
	switch {
	case !f.Defined():
		fmt.Fprintf(w, "%22s  not available: %s\n", strings.ReplaceAll(name, "_", " "), f.Reason)
	case !f.HasInterval():
		fmt.Fprintf(w, "%22s  %-12.6g %s\n", strings.ReplaceAll(name, "_", " "), f.Value, f.Reason)
	default:
		fmt.Fprintf(w, "%22s  %-12.6g [%.6g, %.6g]\n", strings.ReplaceAll(name, "_", " "), f.Value, f.Low, f.High)
	}
}

// document is a JSON object whose keys keep the order they were set in.
type document struct {
	keys   []string
	values []any
}

func (d *document) set(key string, value any) {
	d.keys, d.values = append(d.keys, key), append(d.values, value)
}

// setFigure writes NAME, NAME_ci and, where something is missing, NAME_reason.
func (d *document) setFigure(name string, f accuracy.Figure) {
	number := func(v float64) any {
		if math.IsNaN(v) {
			return nil
		}
		return v
	}
	d.set(name, number(f.Value))
	if f.HasInterval() {
		d.set(name+"_ci", [2]float64{f.Low, f.High})
	} else {
		d.set(name+"_ci", nil)
	}
	if f.Reason != "" {
		d.set(name+"_reason", f.Reason)
	}
}

// MarshalJSON implements json.Marshaler.
func (d *document) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, k := range d.keys {
		if i > 0 {
			b.WriteByte(',')
		}
		key, _ := json.Marshal(k)
		value, err := json.Marshal(d.values[i])
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
