package harness

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"zhijia/internal/accuracy"
)

// prepareLatency times one valuation after another over the set: request,
// evidence from the store, conclusion, stored record. It asserts no figure of
// its own: how fast is fast enough is the gate's business.
func (s *Service) prepareLatency(ctx context.Context, t Task) (*plan, error) {
	set, err := s.loadDeals(t.Dataset)
	if err != nil {
		return nil, err
	}
	cases := set.cases(t)
	m, err := s.Product.market(ctx, set)
	if err != nil {
		return nil, err
	}
	const rounds = 10
	var ids []string
	for r := range rounds {
		for _, c := range cases {
			ids = append(ids, c.DealID+"#"+strconv.Itoa(r+1))
		}
	}
	as := s.Product.assumptions()
	return &plan{
		dataset: DatasetID{Name: set.name, SHA256: set.hash}, cases: ids, close: m.drop, versions: map[string]string{"assumptions": as.Version},
		answer: func(ctx context.Context, i int) (Sample, error) {
			c := cases[i%len(cases)]
			start := time.Now()
			_, err := m.value(ctx, c, set.look(t, c))
			ms := float64(time.Since(start).Microseconds()) / 1000
			if err != nil {
				return Sample{}, err
			}
			return Sample{Status: "ok", Cluster: c.DealID, Values: map[string]float64{"ms": ms, "model_tokens": 0}, Loss: map[string]float64{"ms": ms}}, nil
		},
		summarise: func(samples []Sample, opt accuracy.Options) (*Summary, error) {
			sum := countStatuses(samples)
			v := make([]float64, len(samples))
			for i, x := range samples {
				v[i] = x.Values["ms"]
			}
			table := Table{Title: "Time of one valuation 单次估值耗时", Header: []string{"quantile", "n", "ms"}, Caption: "One after another, database on the same machine, model off: model cost is 0 tokens. Brackets: 95% bootstrap."}
			for _, q := range []float64{0.5, 0.95, 0.99} {
				f, err := accuracy.Bootstrap(len(v), nil, func(at []int) float64 {
					w := make([]float64, len(at))
					for k, i := range at {
						w[k] = v[i]
					}
					slices.Sort(w)
					return accuracy.Quantile(w, q)
				}, accuracy.Percentile, opt)
				if err != nil {
					return nil, err
				}
				sum.add("latency", fmt.Sprintf("p%.0f_ms", 100*q), len(v), f)
				table.Rows = append(table.Rows, []string{fmt.Sprintf("p%.0f", 100*q), strconv.Itoa(len(v)), number(f)})
			}
			tokens, err := accuracy.MeanFigure(make([]float64, len(v)), nil, opt)
			if err != nil {
				return nil, err
			}
			sum.add("cost", "model_tokens", len(v), tokens)
			sum.Tables = append(sum.Tables, table)
			return sum, nil
		},
	}, nil
}
