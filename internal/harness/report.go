package harness

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"zhijia/internal/accuracy"
	"zhijia/internal/appraisal"
)

//go:embed report.html
var reportHTML string

var reportTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	// cell puts an interval on a line of its own, so that tables stay narrow.
	"cell": func(s string) template.HTML {
		value, interval, found := strings.Cut(s, " [")
		if !found || !strings.HasSuffix(interval, "]") {
			return template.HTML(template.HTMLEscapeString(s)) //nolint:gosec // escaped here
		}
		return template.HTML(template.HTMLEscapeString(value) + "<small>[" + template.HTMLEscapeString(interval) + "</small>") //nolint:gosec // escaped here
	},
}).Parse(reportHTML))

// report is what both forms of the report print.
type report struct {
	Run      *Run
	Sections []section
	Printed  string
}

type section struct {
	TaskResult
	Headline    []headline
	Ratio       template.HTML
	Calibration template.HTML
	Reliability template.HTML // of classes proposed
	Worst       []worstCase
	Changes     *TaskComparison
	ChangesFrom string
}

type headline struct{ Name, Value, Note string }

type worstCase struct {
	Case, Title, Price, Estimate, Range, Ratio, Note string
	Evidence                                         []Evidence
}

// Report writes report.html and report.md to a folder of the run's own, with its
// record, run.json, and its log, samples.jsonl, to be archived. against is the run
// its changes are shown from; empty means the committed baseline.
func (s *Service) Report(ctx context.Context, who appraisal.Actor, id, against string) (htmlPath, mdPath string, err error) {
	r, err := s.report(ctx, who, id, against)
	if err != nil {
		return "", "", err
	}
	folder := filepath.Join(s.Reports, r.Run.ID)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", "", err
	}
	write := func(name string, f func(io.Writer) error) (string, error) {
		p := filepath.Join(folder, name)
		file, err := os.Create(p)
		if err != nil {
			return "", err
		}
		defer file.Close()
		if err := f(file); err != nil {
			return "", err
		}
		return p, file.Close()
	}
	if _, err := write("run.json", func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", " ")
		return enc.Encode(r.Run)
	}); err != nil {
		return "", "", err
	}
	if _, err := write("samples.jsonl", func(w io.Writer) error { return s.WriteSamples(ctx, who, w, id) }); err != nil {
		return "", "", err
	}
	if htmlPath, err = write("report.html", func(w io.Writer) error { return writeHTML(w, r) }); err != nil {
		return "", "", err
	}
	mdPath, err = write("report.md", func(w io.Writer) error { return writeMarkdown(w, r) })
	return htmlPath, mdPath, err
}

// WriteHTML writes the run's report as one self-contained page.
func (s *Service) WriteHTML(ctx context.Context, who appraisal.Actor, w io.Writer, id string) error {
	r, err := s.report(ctx, who, id, "")
	if err != nil {
		return err
	}
	return writeHTML(w, r)
}

// WriteMarkdown writes the run's report as Markdown.
func (s *Service) WriteMarkdown(ctx context.Context, who appraisal.Actor, w io.Writer, id string) error {
	r, err := s.report(ctx, who, id, "")
	if err != nil {
		return err
	}
	return writeMarkdown(w, r)
}

func (s *Service) report(ctx context.Context, who appraisal.Actor, id, against string) (*report, error) {
	run, samples, err := s.finished(ctx, who, id)
	if err != nil {
		return nil, err
	}
	r := &report{Run: run, Printed: run.Finished.Format("2006-01-02 15:04 UTC")}
	var other []Sample
	if against != "" {
		if _, other, err = s.finished(ctx, who, against); err != nil {
			return nil, err
		}
	}
	for _, t := range run.Tasks {
		sec := section{TaskResult: t}
		if t.Summary == nil {
			r.Sections = append(r.Sections, sec)
			continue
		}
		mine := ofTask(samples, t.Task.Name)
		for _, id := range t.Task.Metrics {
			if m, ok := t.Summary.figure(id); ok {
				sec.Headline = append(sec.Headline, headline{metricName(id), metricValue(m), fmt.Sprintf("n = %d%s", m.N, bracket(m))})
			}
		}
		if t.Task.Kind == KindPrice {
			sec.Ratio = ratioPlot(mine)
			sec.Calibration = calibrationPlot(t.Summary.Calibration)
			sec.Worst = worst(mine, 10)
		}
		if t.Task.Kind == KindClasses {
			sec.Reliability = calibrationPlot(t.Summary.Calibration)
		}
		from, name := other, against
		if against == "" {
			base, err := s.Baseline(t.Task.Name)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
			if err == nil && base.Dataset.SHA256 == t.Dataset.SHA256 {
				from, name = base.Samples, "the committed baseline"
			}
		} else {
			from = ofTask(other, t.Task.Name)
		}
		if len(from) > 0 {
			if sec.Changes, err = compareTask(t.Task, from, mine, accuracy.Options{Iterations: 2000, Workers: 2}); err != nil {
				return nil, err
			}
			sec.ChangesFrom = name
		}
		r.Sections = append(r.Sections, sec)
	}
	return r, nil
}

var shares = []string{"within_", "pe10", "pe20", "pe30", "mdape", "coverage", "share", "rate", "recall", "precision"}

func isShare(name string) bool {
	return slices.ContainsFunc(shares, func(s string) bool { return strings.Contains(name, s) })
}

func metricName(id string) string {
	series, name, _ := strings.Cut(id, ".")
	words := strings.ReplaceAll(name, "_", " ")
	if series == "product" || strings.HasPrefix(series, "range") {
		if level, ok := strings.CutPrefix(series, "range_"); ok {
			return words + " of " + level + "% ranges"
		}
		return words
	}
	return strings.ReplaceAll(series, "_", " ") + ": " + words
}

func metricValue(m Measure) string {
	f := m.Figure
	if !f.Defined() {
		return "n/a"
	}
	if isShare(m.Name) {
		return short(100*f.Value) + "%"
	}
	return short(f.Value)
}

func bracket(m Measure) string {
	f := m.Figure
	if !f.HasInterval() {
		return ""
	}
	if isShare(m.Name) {
		return fmt.Sprintf(", [%s%%, %s%%]", short(100*f.Low), short(100*f.High))
	}
	return fmt.Sprintf(", [%s, %s]", short(f.Low), short(f.High))
}

// worst lists the cases with the largest log errors, and with them what the
// figures rested on: the reader's first question.
func worst(samples []Sample, n int) []worstCase {
	var valued []Sample
	for _, x := range samples {
		if _, ok := x.Loss["abs_log_error"]; ok && x.Status == "ok" {
			valued = append(valued, x)
		}
	}
	slices.SortStableFunc(valued, func(a, b Sample) int { return cmp.Compare(b.Loss["abs_log_error"], a.Loss["abs_log_error"]) })
	var out []worstCase
	for _, x := range valued[:min(n, len(valued))] {
		w := worstCase{
			Case: x.Case, Title: x.Title, Price: yuan(x.Values["price"]), Estimate: yuan(x.Estimates["product"]),
			Ratio: "×" + short(x.Estimates["product"]/x.Values["price"]), Evidence: x.Evidence[:min(5, len(x.Evidence))],
		}
		if l, h := x.Values["low"], x.Values["high"]; l > 0 {
			w.Range = yuan(l) + " – " + yuan(h)
			w.Note = "inside the range 区间内"
			if x.Values["price"] < l || x.Values["price"] > h {
				w.Note = "outside the range 区间外"
			}
		}
		out = append(out, w)
	}
	return out
}

// Detail prints an evidence line.
func (e Evidence) Detail() string {
	parts := []string{e.ID}
	if e.Title != "" {
		parts = append(parts, e.Title)
	}
	if e.Date != "" {
		parts = append(parts, e.Date)
	}
	if e.UnitPrice > 0 {
		parts = append(parts, yuan(e.UnitPrice)+"/件")
	}
	return strings.Join(parts, ", ") + fmt.Sprintf(" (similarity %.2f, weight %.2f)", e.Similarity, e.Weight)
}

// Verdict says in one line what changed.
func (c *TaskComparison) Verdict() string {
	if c.Result == nil {
		return c.Reason
	}
	r := c.Result
	if r.MeanA == r.MeanB && len(c.Moved) == 0 {
		return fmt.Sprintf("no case moved (n = %d)", r.N)
	}
	s := fmt.Sprintf("%s at %g%%: mean %s changes by %+.4f", r.Verdict, 100*r.FlagLevel, c.Loss, r.Difference.Value)
	if r.Difference.HasInterval() {
		s += fmt.Sprintf(" [%.4f, %.4f]", r.Difference.Low, r.Difference.High)
	}
	if r.MDE.Defined() {
		s += fmt.Sprintf("; a true change of %.3f would be seen in 4 of 5 runs", r.MDE.Value)
	}
	return s + fmt.Sprintf("; n = %d in %d independent units", r.N, r.Clusters)
}

// Sizes prints how a case moved.
func (m Move) Sizes() string { return fmt.Sprintf("%.3f → %.3f (%+.3f)", m.A, m.B, m.B-m.A) }

func writeHTML(w io.Writer, r *report) error { return reportTemplate.Execute(w, r) }

func writeMarkdown(w io.Writer, r *report) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Zhijia accuracy report 准确性报告\n\nRun %s, %s, %s. %s\n", r.Run.ID, r.Run.Type, r.Printed, r.Run.Note)
	for _, s := range r.Sections {
		fmt.Fprintf(&b, "\n## %s %s\n\n`%s`: %s\n\n", s.Task.Title.Zh, s.Task.Title.En, s.Task.Name, s.Task.About)
		if s.Skipped != "" {
			fmt.Fprintf(&b, "Did not run: %s.\n", s.Skipped)
			continue
		}
		fmt.Fprintf(&b, "Data %s (sha256 %.12s), %d cases in %d independent units; answered %d, abstained %d, failed %d. Split: %s. Seed %d.\n",
			s.Dataset.Name, s.Dataset.SHA256, s.Summary.N, s.Summary.Clusters, s.Summary.Answered, s.Summary.Abstained, s.Summary.Failed, s.Task.Split, s.Task.Seed)
		for _, n := range s.Summary.Notes {
			fmt.Fprintf(&b, "\n%s\n", n)
		}
		for _, t := range s.Summary.Tables {
			fmt.Fprintf(&b, "\n### %s\n\n%s|%s\n", t.Title, markdownRow(t.Header), strings.Repeat("---|", len(t.Header)))
			for _, row := range t.Rows {
				b.WriteString(markdownRow(row))
			}
			if t.Caption != "" {
				fmt.Fprintf(&b, "\n%s\n", t.Caption)
			}
		}
		if len(s.Summary.Calibration) > 0 && s.Task.Kind != KindClasses { // whose table above says it
			b.WriteString("\n### Calibration 校准\n\n| stated level | measured coverage | n |\n|---|---|---|\n")
			for _, p := range s.Summary.Calibration {
				fmt.Fprintf(&b, "| %.0f%% | %s | %d |\n", 100*p.Level, percent(p.Coverage), p.N)
			}
		}
		if len(s.Worst) > 0 {
			b.WriteString("\n### Worst ten 误差最大的十例\n\n| case | title | price | estimate | ratio | 80% range | rested on |\n|---|---|---|---|---|---|---|\n")
			for _, c := range s.Worst {
				ids := make([]string, len(c.Evidence))
				for i, e := range c.Evidence {
					ids[i] = e.ID
				}
				fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", c.Case, strings.ReplaceAll(c.Title, "|", "/"), c.Price, c.Estimate, c.Ratio, c.Range, strings.Join(ids, ", "))
			}
		}
		if s.Changes != nil {
			fmt.Fprintf(&b, "\n### Changes since %s\n\n%s\n", s.ChangesFrom, s.Changes.Verdict())
			for _, m := range s.Changes.Moved {
				fmt.Fprintf(&b, "- %s: %s\n", m.Case, m.Sizes())
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func markdownRow(cells []string) string {
	escaped := make([]string, len(cells))
	for i, c := range cells {
		escaped[i] = strings.ReplaceAll(c, "|", "\\|")
	}
	return "| " + strings.Join(escaped, " | ") + " |\n"
}
