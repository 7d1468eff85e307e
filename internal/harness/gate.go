package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"zhijia/internal/accuracy"
	"zhijia/internal/appraisal"
)

// Check is one line of the gate's answer.
type Check struct {
	Task   string `json:"task"`
	What   string `json:"what"`
	Passed bool   `json:"passed"`
	Detail string `json:"detail"`
}

// GateResult says whether a run may pass.
type GateResult struct {
	Run    *Run    `json:"run"`
	Checks []Check `json:"checks"`
	Passed bool    `json:"passed"`
}

// Baseline is the committed outcome of a task: the losses of every case, so
// that a later run can be paired with it.
type Baseline struct {
	Task     string            `json:"task"`
	Loss     string            `json:"loss"`
	Dataset  DatasetID         `json:"dataset"`
	Versions map[string]string `json:"versions"`
	Samples  []Sample          `json:"samples"` // status, cluster and loss only
}

// Gate runs the small tasks (or o.Tasks) and holds every threshold against the
// bound of its interval, and every primary loss against the committed
// baseline: a task whose paired comparison says worse, or that lost answers,
// fails.
func (s *Service) Gate(ctx context.Context, who appraisal.Actor, o Options) (*GateResult, error) {
	o.Smalls = len(o.Tasks) == 0
	run, err := s.Run(ctx, who, o)
	if err != nil {
		return nil, err
	}
	return s.Judge(ctx, who, run)
}

// Judge holds a finished run against thresholds and baselines.
func (s *Service) Judge(ctx context.Context, who appraisal.Actor, run *Run) (*GateResult, error) {
	samples, err := s.Samples(ctx, who, run.ID)
	if err != nil {
		return nil, err
	}
	g := &GateResult{Run: run, Passed: true}
	check := func(task, what string, passed bool, format string, args ...any) {
		g.Checks = append(g.Checks, Check{task, what, passed, fmt.Sprintf(format, args...)})
		g.Passed = g.Passed && passed
	}
	for _, r := range run.Tasks {
		name := r.Task.Name
		if r.Skipped != "" {
			check(name, "data", false, "did not run: %s", r.Skipped)
			continue
		}
		if r.Summary.Failed > 0 {
			check(name, "failures", false, "%d of %d cases failed", r.Summary.Failed, r.Summary.N)
		}
		for _, gate := range r.Task.Gates {
			passed, detail := gate.hold(r.Summary)
			check(name, gate.Figure, passed, "%s", detail)
		}
		base, err := s.Baseline(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		note := ""
		if base.Dataset.SHA256 != r.Dataset.SHA256 {
			note = " (the data changed since; only shared cases are paired)"
		}
		tc, err := compareTask(r.Task, base.Samples, ofTask(samples, name), accuracy.Options{Workers: 2})
		if err != nil {
			return nil, err
		}
		if tc.Result == nil {
			check(name, "baseline", false, "%s", tc.Reason)
			continue
		}
		c := tc.Result
		check(name, "baseline", c.Verdict != accuracy.Worse && len(tc.OnlyA) == 0,
			"%s against the baseline%s: %s changes by %+.4g [%.4g, %.4g at %g%%], n = %d in %d units, detectable from %.3g; answers lost: %d",
			c.Verdict, note, tc.Loss, c.Difference.Value, c.Flag.Low, c.Flag.High, 100*c.FlagLevel, c.N, c.Clusters, c.MDE.Value, len(tc.OnlyA))
	}
	return g, nil
}

func (g Gate) hold(s *Summary) (bool, string) {
	m, ok := s.figure(g.Figure)
	if !ok || !m.Figure.Defined() {
		return false, "the figure is not available: " + m.Figure.Reason
	}
	v := m.Figure.Value
	if g.Bound != "value" {
		if !m.Figure.HasInterval() {
			return false, "the figure has no interval: " + m.Figure.Reason
		}
		v = m.Figure.Low
		if g.Bound == "high" {
			v = m.Figure.High
		}
	}
	if g.Min != nil {
		return v >= *g.Min, fmt.Sprintf("%s bound %.4g, at least %.4g wanted (value %.4g, n = %d): %s", g.Bound, v, *g.Min, m.Figure.Value, m.N, g.Reason)
	}
	return v <= *g.Max, fmt.Sprintf("%s bound %.4g, at most %.4g wanted (value %.4g, n = %d): %s", g.Bound, v, *g.Max, m.Figure.Value, m.N, g.Reason)
}

// Baseline returns the committed baseline of a task.
func (s *Service) Baseline(task string) (*Baseline, error) {
	raw, err := fs.ReadFile(s.Files, "baselines/"+task+".json")
	if err != nil {
		return nil, err
	}
	var b Baseline
	return &b, json.Unmarshal(raw, &b)
}

// SaveBaselines writes the baseline of every task of a finished run to dir,
// to be reviewed and committed.
func (s *Service) SaveBaselines(ctx context.Context, who appraisal.Actor, id, dir string) ([]string, error) {
	run, samples, err := s.finished(ctx, who, id)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	var written []string
	for _, r := range run.Tasks {
		if r.Summary == nil {
			continue
		}
		b := Baseline{Task: r.Task.Name, Loss: r.Task.Primary, Dataset: r.Dataset, Versions: r.Versions}
		for _, x := range ofTask(samples, r.Task.Name) {
			kept := Sample{Task: x.Task, Case: x.Case, Cluster: x.Cluster, Status: x.Status}
			if v, ok := x.Loss[r.Task.Primary]; ok {
				kept.Loss = map[string]float64{r.Task.Primary: v}
			}
			b.Samples = append(b.Samples, kept)
		}
		raw, err := json.MarshalIndent(b, "", " ")
		if err != nil {
			return nil, err
		}
		name := filepath.Join(dir, r.Task.Name+".json")
		if err := os.WriteFile(name, append(raw, '\n'), 0o644); err != nil {
			return nil, err
		}
		written = append(written, name)
	}
	return written, nil
}
