package harness

import (
	"strings"
	"testing"

	"zhijia/internal/accuracy"
)

// The measure of registry-matching on a register of 2,000: what it asks of
// 100,000 holds here, too, and running it again asks the same.
func TestMatchingMeasured(t *testing.T) {
	t.Parallel()
	s := service(t)
	task := Task{Name: "registry-matching", Kind: KindMatching, Dataset: "deals.csv", Register: 2000, Limit: 2000, Seed: 3}
	var before []Sample
	for range 2 {
		p, err := s.prepareMatching(task)
		if err != nil {
			t.Fatal(err)
		}
		samples := make([]Sample, len(p.cases))
		for i := range p.cases {
			if samples[i], err = p.answer(t.Context(), i); err != nil {
				t.Fatal(err)
			}
		}
		if before != nil {
			if len(before) != len(samples) {
				t.Fatalf("%d questions, then %d", len(before), len(samples))
			}
			for i := range before {
				if before[i].Tags["noise"] != samples[i].Tags["noise"] || before[i].Loss["errors"] != samples[i].Loss["errors"] {
					t.Fatalf("question %d: %+v, then %+v", i, before[i], samples[i])
				}
			}
			return
		}
		before = samples
		sum, err := p.summarise(samples, accuracy.Options{Iterations: 100, Seed: 1, Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		for figure, least := range map[string]float64{
			"parties.precision": 0.99, "parties.recall": 0.95, "parties_real.precision": 0.99, "deals.precision": 0.99, "deals.recall": 0.95, "patents.precision": 0.99,
		} {
			m, ok := sum.figure(figure)
			if !ok || m.Figure.Value < least {
				t.Errorf("%s: %+v", figure, m)
			}
			t.Logf("%s %.4f (n = %d)", figure, m.Figure.Value, m.N)
		}
		if text := strings.Join(sum.Notes, "\n"); !strings.Contains(text, "31 of them with real names") {
			t.Errorf("the notes do not say what is real: %s", text)
		}
	}
	task.Register = 10
	if _, err := s.prepareMatching(task); err == nil {
		t.Error("a register of ten")
	}
}
