package impact_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"zhijia/internal/embed"
	"zhijia/internal/valuation/impact"
)

// On a generated corpus with dates the model beats the best single fact on
// the newest years, which it never saw.
func TestImpactOutOfTime(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	var rows []impact.Row
	for i := range 1500 {
		v := make([]float32, 16)
		text := 0.0
		for j := range v {
			v[j] = float32(rng.NormFloat64())
			if j < 4 {
				text += float64(v[j])
			}
		}
		claims, family := float64(1+rng.IntN(20)), float64(1+rng.IntN(6))
		year := 2010 + i%10
		rate := math.Exp(0.5*math.Log1p(claims) + 0.4*family/3 + 0.4*text - float64(year-2010)/5)
		rows = append(rows, impact.Row{
			Cohort: fmt.Sprintf("H01 %d", year), Year: year, Cited: math.Floor(rate * (0.5 + rng.Float64())),
			Facts: map[string]float64{"claims": claims, "family": family}, Vector: v,
		})
	}
	m, err := impact.Fit(rows, "test", 200)
	if err != nil {
		t.Fatal(err)
	}
	if m.Card.Design != "out_of_time" || m.Card.Spearman <= m.Card.BestRho+0.05 || m.Card.GainInterval == nil || m.Card.GainInterval[0] <= 0 || m.Card.SpearmanInterval[1] < m.Card.Spearman {
		t.Errorf("%+v", m.Card)
	}
	report(t, m.Card)
	if p := m.Percentile(rows[0]); p < 0 || p > 100 {
		t.Errorf("percentile %v", p)
	}
}

func report(t *testing.T, c impact.Card) {
	t.Logf("n = %d, %s, tested on %d: Spearman %.3f %.3f, facts alone %.3f, best single (%s) %.3f, gain %.3f %.3f", c.N, c.Design, c.TestN, c.Spearman, *c.SpearmanInterval, c.BiblioOnly, c.Best, c.BestRho, c.Gain, *c.GainInterval)
}

func TestImpactNeedsRows(t *testing.T) {
	if _, err := impact.Fit(make([]impact.Row, 99), "", 0); err == nil {
		t.Error("fitted on 99 rows")
	}
}

// Without dates the measure is cross-validated.
func TestImpactRareEarth(t *testing.T) {
	t.Parallel()
	f := openShared(t, "cn_rareearth_abstracts_citations.jsonl")
	defer f.Close()
	var rows []impact.Row
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var r map[string]any
		if err := json.Unmarshal(in.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		facts := map[string]float64{}
		for _, k := range []string{"independent_claims", "dependent_claims", "first_claim_len_chars", "backward_citations", "inventors", "family_size", "n_cpc", "n_ipc"} {
			if n, ok := r[k].(float64); ok {
				facts[k] = n
			}
		}
		title, _ := r["title"].(string)
		abstract, _ := r["abstract"].(string)
		rows = append(rows, impact.Row{Cohort: "all", Cited: r["forward_citations"].(float64), Facts: facts, Vector: quarter(embed.Hash(title + "\n" + abstract))})
	}
	m, err := impact.Fit(rows, "hash", 200)
	if err != nil {
		t.Fatal(err)
	}
	report(t, m.Card)
	if m.Card.Design != "cross_validated" || m.Card.GainInterval == nil || m.Card.GainInterval[0] <= 0 {
		t.Errorf("%+v", m.Card)
	}
}

func openShared(t *testing.T, name string) *os.File {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if f, err := os.Open(filepath.Join(dir, "shared", "data", name)); err == nil {
			return f
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Skip("needs ../shared/data/" + name)
		}
		dir = up
	}
}

// quarter sums a hashed vector into a quarter of its buckets, which keeps the
// test fast.
func quarter(v []float32) []float32 {
	out := make([]float32, len(v)/4)
	for i, x := range v {
		out[i%len(out)] += x
	}
	return out
}
