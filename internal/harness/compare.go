package harness

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"zhijia/internal/accuracy"
	"zhijia/internal/appraisal"
	"zhijia/internal/fault"
)

// Comparison is the paired comparison of run B with run A.
type Comparison struct {
	A     string           `json:"a"`
	B     string           `json:"b"`
	Tasks []TaskComparison `json:"tasks"`
}

// TaskComparison compares one task on the cases both runs answered.
type TaskComparison struct {
	Task    string               `json:"task"`
	Loss    string               `json:"loss"` // what is paired; lower is better
	Result  *accuracy.Comparison `json:"result,omitempty"`
	Reason  string               `json:"reason,omitempty"` // why there is no result
	Moved   []Move               `json:"moved"`            // by size, at most ten
	OnlyA   []string             `json:"only_a,omitempty"` // answered only by A: B abstained, failed or did not have the case
	OnlyB   []string             `json:"only_b,omitempty"`
	Warning string               `json:"warning,omitempty"`
}

// Move is one case whose loss changed.
type Move struct {
	Case  string  `json:"case"`
	Title string  `json:"title,omitempty"`
	A     float64 `json:"a"`
	B     float64 `json:"b"`
}

// Worse reports whether any task's verdict is worse, or answers were lost.
func (c *Comparison) Worse() bool {
	return slices.ContainsFunc(c.Tasks, func(t TaskComparison) bool {
		return t.Result != nil && t.Result.Verdict == accuracy.Worse
	})
}

// Compare pairs the samples of two runs of this service by task and case.
func (s *Service) Compare(ctx context.Context, who appraisal.Actor, a, b string, opt accuracy.Options) (*Comparison, error) {
	runA, samplesA, err := s.finished(ctx, who, a)
	if err != nil {
		return nil, err
	}
	runB, samplesB, err := s.finished(ctx, who, b)
	if err != nil {
		return nil, err
	}
	out := &Comparison{A: a, B: b}
	for _, ta := range runA.Tasks {
		i := slices.IndexFunc(runB.Tasks, func(tb TaskResult) bool { return tb.Task.Name == ta.Task.Name })
		if i < 0 || ta.Summary == nil || runB.Tasks[i].Summary == nil {
			continue
		}
		tc, err := compareTask(ta.Task, ofTask(samplesA, ta.Task.Name), ofTask(samplesB, ta.Task.Name), opt)
		if err != nil {
			return nil, err
		}
		if ta.Dataset.SHA256 != runB.Tasks[i].Dataset.SHA256 {
			tc.Warning = "the two runs used different data; only the cases they share are compared"
		}
		out.Tasks = append(out.Tasks, *tc)
	}
	if len(out.Tasks) == 0 {
		return nil, fault.New(fault.Invalid, "eval.nothing_to_compare", "两次评测没有共同的任务。", "The two runs have no finished task in common.")
	}
	return out, nil
}

func (s *Service) finished(ctx context.Context, who appraisal.Actor, id string) (*Run, []Sample, error) {
	run, err := s.Status(ctx, who, id)
	if err != nil {
		return nil, nil, err
	}
	if run.Status != StatusFinished {
		return nil, nil, fault.New(fault.Conflict, "eval.not_finished", "该评测尚未完成。", fmt.Sprintf("Run %s is %s; only finished runs can be compared.", id, run.Status))
	}
	samples, err := s.Samples(ctx, who, id)
	return run, samples, err
}

func ofTask(samples []Sample, task string) []Sample {
	var out []Sample
	for _, x := range samples {
		if x.Task == task {
			out = append(out, x)
		}
	}
	return out
}

func compareTask(t Task, a, b []Sample, opt accuracy.Options) (*TaskComparison, error) {
	if opt.Seed == 0 {
		opt.Seed = t.Seed
	}
	tc := &TaskComparison{Task: t.Name, Loss: t.Primary}
	ofB := map[string]Sample{}
	for _, x := range b {
		ofB[x.Case] = x
	}
	loss := func(x Sample) (float64, bool) {
		v, ok := x.Loss[t.Primary]
		return v, ok && x.Status == "ok" && !math.IsNaN(v)
	}
	var lossA, lossB []float64
	var clusters []string
	seen := map[string]bool{}
	for _, x := range a {
		y := ofB[x.Case]
		seen[x.Case] = true
		va, okA := loss(x)
		vb, okB := loss(y)
		switch {
		case okA && okB:
			lossA, lossB = append(lossA, va), append(lossB, vb)
			clusters = append(clusters, clusterOf(x))
			if va != vb {
				tc.Moved = append(tc.Moved, Move{x.Case, x.Title, va, vb})
			}
		case okA:
			tc.OnlyA = append(tc.OnlyA, x.Case)
		case okB:
			tc.OnlyB = append(tc.OnlyB, x.Case)
		}
	}
	for _, y := range b {
		if _, ok := loss(y); ok && !seen[y.Case] {
			tc.OnlyB = append(tc.OnlyB, y.Case)
		}
	}
	slices.SortStableFunc(tc.Moved, func(x, y Move) int { return cmp.Compare(math.Abs(y.B-y.A), math.Abs(x.B-x.A)) })
	tc.Moved = tc.Moved[:min(10, len(tc.Moved))]
	if len(lossA) == 0 {
		tc.Reason = "no case was answered in both runs"
		return tc, nil
	}
	var err error
	tc.Result, err = accuracy.Compare(lossA, lossB, clusters, opt)
	return tc, err
}

func clusterOf(x Sample) string {
	if x.Cluster != "" {
		return x.Cluster
	}
	return x.Case
}
