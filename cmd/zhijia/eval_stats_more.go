package main

import (
	"fmt"
	"math"

	"zhijia/internal/accuracy"
	"zhijia/internal/fault"
)

type errorStatsCmd struct {
	statsFlags
}

func (c *errorStatsCmd) Run(g *Globals) error {
	cols, clusters, err := c.columns(g, "estimate", "price")
	if err != nil {
		return err
	}
	t, err := accuracy.LogErrors(cols[0], cols[1], clusters, c.options())
	if err != nil {
		return err
	}
	figures := []namedFigure{
		{"median_log_error", t.MedianLogError},
		{"median_abs_log_error", t.MedianAbsLogError},
		{"mean_abs_log_error", t.MeanAbsLogError},
		{"rms_log_error", t.RMSLogError},
		{"within_25", t.Within25},
		{"within_50", t.Within50},
		{"within_100", t.Within100},
		{"fsd", t.FSD},
		{"fsd_68", t.FSD68},
		{"mdape", t.MdAPE},
		{"pe10", t.PE10},
		{"pe20", t.PE20},
		{"pe30", t.PE30},
	}
	return c.write(g, "Error table", t.N, t.Clusters, figures, t.Method)
}

// write prints a list of figures, for a program or for a person.
func (c *statsFlags) write(g *Globals, title string, n, clusters int, figures []namedFigure, method string) error {
	if g.JSON {
		doc := &document{}
		doc.set("n", n)
		doc.set("clusters", clusters)
		for _, f := range figures {
			doc.setFigure(f.name, f.figure)
		}
		doc.set("level", c.Level)
		doc.set("iterations", c.Iterations)
		doc.set("seed", c.Seed)
		doc.set("method", method)
		return g.print(doc)
	}
	fmt.Fprintf(g.stdout, "%s of %d samples in %d independent units; %g%% intervals\n\n", title, n, clusters, 100*c.Level)
	for _, f := range figures {
		printFigure(g.stdout, f.name, f.figure)
	}
	fmt.Fprintf(g.stdout, "\n%s; %d draws asked for, seed %d.\n", method, c.Iterations, c.Seed)
	return nil
}

func units(n int, clusters []string) int {
	if clusters == nil {
		return n
	}
	seen := map[string]bool{}
	for _, c := range clusters {
		seen[c] = true
	}
	return len(seen)
}

type intervalStatsCmd struct {
	statsFlags
	Stated float64 `help:"Level at which the ranges were stated." default:"0.8"`
	Linear bool    `help:"Score in the unit of the columns; without it, on logarithms (widths are log factors)."`
}

func (c *intervalStatsCmd) Run(g *Globals) error {
	cols, clusters, err := c.columns(g, "low", "high", "price")
	if err != nil {
		return err
	}
	if !c.Linear {
		for k, name := range []string{"low", "high", "price"} {
			for i, v := range cols[k] {
				if !(v > 0) || math.IsInf(v, 0) {
					return fault.New(fault.Invalid, "accuracy.not_positive", fmt.Sprintf("第%d个样本的 %s 不是有限正数。", i+1, name),
						fmt.Sprintf("%s of sample %d is %v; logarithms need finite positive values.", name, i+1, v))
				}
				cols[k][i] = math.Log(v)
			}
		}
	}
	t, err := accuracy.Intervals(cols[0], cols[1], cols[2], c.Stated, clusters, c.options())
	if err != nil {
		return err
	}
	share := func(v float64) accuracy.Figure {
		return accuracy.Figure{Value: v, Low: math.NaN(), High: math.NaN()}
	}
	return c.write(g, fmt.Sprintf("Ranges stated at %g%%", 100*c.Stated), t.N, units(t.N, clusters), []namedFigure{
		{"stated_level", share(t.Stated)},
		{"coverage", t.Coverage},
		{"below", share(t.Below)},
		{"above", share(t.Above)},
		{"mean_width", t.MeanWidth},
		{"winkler", t.Winkler},
	}, "coverage Clopper-Pearson, or cluster bootstrap with --cluster; others percentile bootstrap")
}

type rankStatsCmd struct {
	statsFlags
	Cohort string `help:"Column of cohorts (filing year and type) inside which correlation is measured too." placeholder:"COLUMN"`
}

func (c *rankStatsCmd) Run(g *Globals) error {
	t, err := c.table(g, []string{"x", "y"}, c.Cluster, c.Cohort)
	if err != nil {
		return err
	}
	opt := c.options()
	r, err := accuracy.RankCorrelations(t.numbers[0], t.numbers[1], t.text[c.Cohort], t.text[c.Cluster], opt)
	if err != nil {
		return err
	}
	return c.write(g, "Rank correlation", r.N, units(r.N, t.text[c.Cluster]), []namedFigure{
		{"spearman", r.Spearman},
		{"kendall_tau_b", r.Kendall},
		{"within_cohort_spearman", r.WithinCohortSpearman},
		{"within_cohort_kendall_tau_b", r.WithinCohortKendall},
	}, r.Method)
}

type agreementStatsCmd struct {
	statsFlags
	Levels int `help:"Number of grades; 0 means the largest grade seen plus one."`
}

func (c *agreementStatsCmd) Run(g *Globals) error {
	cols, clusters, err := c.columns(g, "a", "b")
	if err != nil {
		return err
	}
	n := len(cols[0])
	grades := [2][]int{make([]int, n), make([]int, n)}
	levels := c.Levels
	ratings := make([][]float64, n)
	for i := range n {
		ratings[i] = []float64{cols[0][i], cols[1][i]}
		for k := range grades {
			v := cols[k][i]
			if v != math.Trunc(v) || v < 0 || v > 1000 {
				return fault.New(fault.Invalid, "accuracy.grade", fmt.Sprintf("第%d个样本的等级不是0至1000的整数。", i+1), fmt.Sprintf("Grade %v of sample %d is not an integer from 0 to 1000.", v, i+1))
			}
			grades[k][i] = int(v)
			if c.Levels == 0 {
				levels = max(levels, int(v)+1)
			}
		}
	}
	levels = max(levels, 2)
	if _, err := accuracy.QuadraticKappa(grades[0], grades[1], levels); err != nil {
		return err
	}
	kappa, err := accuracy.Bootstrap(n, clusters, func(at []int) float64 {
		var x, y []int
		for _, i := range at {
			x, y = append(x, grades[0][i]), append(y, grades[1][i])
		}
		v, _ := accuracy.QuadraticKappa(x, y, levels)
		return v
	}, accuracy.Percentile, c.options())
	if err != nil {
		return err
	}
	if _, err := accuracy.ICC21(ratings); err != nil {
		return err
	}
	icc, err := accuracy.Bootstrap(n, clusters, func(at []int) float64 {
		var r [][]float64
		for _, i := range at {
			r = append(r, ratings[i])
		}
		v, err := accuracy.ICC21(r)
		if err != nil {
			return math.NaN()
		}
		return v
	}, accuracy.Percentile, c.options())
	if err != nil {
		return err
	}
	return c.write(g, "Agreement", n, units(n, clusters), []namedFigure{{"quadratic_kappa", kappa}, {"icc_2_1", icc}}, "percentile bootstrap")
}

type compareStatsCmd struct {
	statsFlags
}

func (c *compareStatsCmd) Run(g *Globals) error {
	cols, clusters, err := c.columns(g, "a", "b")
	if err != nil {
		return err
	}
	r, err := accuracy.Compare(cols[0], cols[1], clusters, c.options())
	if err != nil {
		return err
	}
	if g.JSON {
		return g.print(r)
	}
	figures := []namedFigure{{"difference", r.Difference}, {"flag_interval", r.Flag}, {"std_err", r.StdErr}, {"mde", r.MDE}}
	if err := c.write(g, "Paired comparison (b - a, positive is worse)", r.N, r.Clusters, figures, "cluster bootstrap and cluster-robust t"); err != nil {
		return err
	}
	fmt.Fprintf(g.stdout, "Verdict at %g%%: %s\n", 100*r.FlagLevel, r.Verdict)
	return nil
}
