package accuracy

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// rated makes a study: two officers who differ from the truth by noise, and a
// model as given; nil is an abstention.
func rated(patents int, model func(truth int, r *rand.Rand) *int) []Rating {
	r := rand.New(rand.NewPCG(1, 2))
	at := func(g int) *int { g = min(max(g, 0), 3); return &g }
	noisy := func(truth int) *int {
		switch r.IntN(6) {
		case 0:
			return at(truth - 1)
		case 1:
			return at(truth + 1)
		}
		return at(truth)
	}
	var out []Rating
	for p := range patents {
		for _, code := range []string{"L1.2", "T1.1", "T5.1"} {
			truth := r.IntN(4)
			out = append(out, Rating{Patent: fmt.Sprint(p), Indicator: code, Officers: []*int{noisy(truth), noisy(truth)}, Model: model(truth, r)})
		}
	}
	return out
}

// A model that reads passes; one that always says the same, tosses a coin, or
// was asked too little does not.
func TestAgreementVerdict(t *testing.T) {
	t.Parallel()
	reads := func(truth int, _ *rand.Rand) *int { return &truth }
	for name, c := range map[string]struct {
		patents int
		model   func(int, *rand.Rand) *int
		passed  bool
		bias    float64
	}{
		"reads":         {60, reads, true, 0},
		"too few":       {10, reads, false, 0},
		"constant":      {60, func(int, *rand.Rand) *int { two := 2; return &two }, false, 0.5},
		"tosses a coin": {60, func(_ int, r *rand.Rand) *int { g := r.IntN(4); return &g }, false, 0},
		"one too high":  {60, func(truth int, _ *rand.Rand) *int { g := min(truth+1, 3); return &g }, false, 0.75},
	} {
		s, err := StudyAgreement(rated(c.patents, c.model), 4, Options{Iterations: 500, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		all := s.Rows[0]
		if s.Passed != c.passed || len(s.Rows) != 4 || all.Pairs != 3*c.patents || s.Why == "" {
			t.Errorf("%s: passed %v because %q, %+v", name, s.Passed, s.Why, all)
		}
		if b := all.Bias.Value; b < c.bias-0.35 || b > c.bias+0.35 {
			t.Errorf("%s: bias %.2f, want about %.2f", name, b, c.bias)
		}
		if !c.passed && name == "too few" && s.Needed < MinPairs {
			t.Errorf("%s: %d labels needed", name, s.Needed)
		}
	}
}

// Abstentions are counted and enter no kappa.
func TestAgreementCountsAbstentions(t *testing.T) {
	t.Parallel()
	n := 0
	ratings := rated(50, func(truth int, _ *rand.Rand) *int {
		if n++; n%5 == 0 {
			return nil
		}
		return &truth
	})
	ratings[0].Officers[1] = nil
	s, err := StudyAgreement(ratings, 4, Options{Iterations: 200, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	all := s.Rows[0]
	if all.ModelAbstains != 0.2 || all.OfficerAbstains != 1.0/300 || all.Pairs != 119 {
		t.Errorf("%+v", all)
	}
	bad := 9
	ratings[0].Model = &bad
	if _, err := StudyAgreement(ratings, 4, Options{}); err == nil {
		t.Error("a grade off the scale was taken")
	}
	ratings[1].Officers = ratings[1].Officers[:1]
	if _, err := StudyAgreement(ratings[1:], 4, Options{}); err == nil {
		t.Error("one officer is no agreement")
	}
}
