package harness

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"

	"zhijia/internal/accuracy"
	"zhijia/internal/calendar"
	"zhijia/internal/fault"
)

// rankRow is one granted patent with what was known at filing and how long
// its owner paid for it.
type rankRow struct {
	id, cohort string
	indicator  map[string]float64
	outcome    float64 // years from filing to the lapse of the right
}

// rankIndicators are counts known when the patent was published, in the order
// of the table. "composite" is the mean of their percentiles in the cohort.
var rankIndicators = []string{"composite", "claims", "inventors", "ipc_symbols", "ipc_distinct", "applicants", "foreign_priority", "agency"}

// prepareRank asks whether value indicators order patents of one filing year
// and IPC class by how long their owners went on paying for them, the public
// sign of value (standards 6.1).
func (s *Service) prepareRank(t Task) (*plan, error) {
	raw, err := s.open(t.Dataset)
	if err != nil {
		return nil, err
	}
	rows, dropped, err := readRankRows(raw)
	if err != nil {
		return nil, err
	}
	composite(rows)
	outcomePct := cohortPercentiles(rows, func(r *rankRow) float64 { return r.outcome })
	compositePct := cohortPercentiles(rows, func(r *rankRow) float64 { return r.indicator["composite"] })
	ids := make([]string, len(rows))
	for i := range rows {
		ids[i] = rows[i].id
	}
	return &plan{
		dataset: DatasetID{Name: datasetName(t.Dataset), SHA256: digest(raw)}, cases: ids,
		answer: func(_ context.Context, i int) (Sample, error) {
			r := &rows[i]
			x := Sample{Status: "ok", Values: map[string]float64{"years": r.outcome}, Tags: map[string]string{"cohort": r.cohort}, Loss: map[string]float64{"abs_rank_error": math.Abs(compositePct[i] - outcomePct[i])}}
			for k, v := range r.indicator {
				x.Values[k] = v
			}
			return x, nil
		},
		summarise: func(samples []Sample, opt accuracy.Options) (*Summary, error) {
			sum, err := summariseRank(samples, opt)
			if err == nil {
				sum.Notes = append(sum.Notes, strconv.Itoa(dropped)+" rows are left out: not granted, or no lapse on record, so how long they were paid for is unknown.")
			}
			return sum, err
		},
	}, nil
}

func readRankRows(raw []byte) (rows []rankRow, dropped int, err error) {
	table, err := readTable(raw)
	if err != nil || len(table) < 2 {
		return nil, 0, fault.New(fault.Invalid, "eval.rank", "指标数据有误。", "The indicator data are malformed or empty.").Because(err)
	}
	at := map[string]int{}
	for i, h := range table[0] {
		at[h] = i
	}
	for _, need := range []string{"app_num", "app_date", "grant", "terminate", "main_IPC"} {
		if _, ok := at[need]; !ok {
			return nil, 0, fault.New(fault.Invalid, "eval.rank.missing_column", "指标数据缺少列 "+need+"。", "The indicator data have no column "+need+".")
		}
	}
	columns := map[string]string{
		"claims": "total_claims", "inventors": "total_inventers", "ipc_symbols": "IPCcount", "ipc_distinct": "IPCcount_unique", "applicants": "total_applicant",
		"foreign_priority": "priority_d", "agency": "if_agency",
	}
rows:
	for _, cells := range table[1:] {
		filed, err1 := calendar.Parse(cells[at["app_date"]])
		_, err2 := calendar.Parse(cells[at["grant"]])
		lapsed, err3 := calendar.Parse(cells[at["terminate"]])
		class := cells[at["main_IPC"]]
		if err1 != nil || err2 != nil || err3 != nil || len(class) < 3 || !filed.Before(lapsed) {
			dropped++
			continue
		}
		r := rankRow{id: cells[at["app_num"]], cohort: strconv.Itoa(filed.Year) + " " + class[:3], outcome: filed.YearsUntil(lapsed), indicator: map[string]float64{}}
		for name, column := range columns {
			v, err := strconv.ParseFloat(cells[at[column]], 64)
			if err != nil {
				dropped++
				continue rows
			}
			r.indicator[name] = v
		}
		rows = append(rows, r)
	}
	if len(rows) < 3 {
		return nil, dropped, fault.New(fault.Invalid, "eval.rank", "指标数据太少。", "Fewer than three patents with a known outcome.")
	}
	return rows, dropped, nil
}

// composite adds the mean of the indicators' percentiles within the cohort.
func composite(rows []rankRow) {
	sum := make([]float64, len(rows))
	for _, name := range rankIndicators[1:] {
		for i, p := range cohortPercentiles(rows, func(r *rankRow) float64 { return r.indicator[name] }) {
			sum[i] += p
		}
	}
	for i := range rows {
		rows[i].indicator["composite"] = sum[i] / float64(len(rankIndicators)-1)
	}
}

// cohortPercentiles is each row's mid-rank in its cohort, in (0, 1).
func cohortPercentiles(rows []rankRow, value func(*rankRow) float64) []float64 {
	members := map[string][]int{}
	for i := range rows {
		members[rows[i].cohort] = append(members[rows[i].cohort], i)
	}
	out := make([]float64, len(rows))
	for _, at := range members {
		v := make([]float64, len(at))
		for k, i := range at {
			v[k] = value(&rows[i])
		}
		for k, r := range accuracy.Ranks(v) {
			out[at[k]] = (r - 0.5) / float64(len(at))
		}
	}
	return out
}

func summariseRank(samples []Sample, opt accuracy.Options) (*Summary, error) {
	sum := countStatuses(samples)
	opt.Iterations = 300 // every draw sorts every cohort
	y := make([]float64, len(samples))
	cohort := make([]string, len(samples))
	for i, x := range samples {
		y[i], cohort[i] = x.Values["years"], x.Tags["cohort"]
	}
	table := Table{
		Title: "Indicators against years maintained 指标与维持年限", Header: []string{"indicator", "n", "Spearman overall", "Spearman within cohort", "Kendall tau-b within cohort", "cohorts"},
		Caption: "Cohort: filing year and IPC class. An indicator that orders patents only across cohorts measures age or field, not value. Brackets: 95% bootstrap.",
	}
	for _, name := range rankIndicators {
		x := make([]float64, len(samples))
		for i := range samples {
			x[i] = samples[i].Values[name]
		}
		c, err := accuracy.RankCorrelations(x, y, cohort, nil, opt)
		if err != nil {
			return nil, err
		}
		sum.add(name, "spearman", c.N, c.Spearman)
		sum.add(name, "within_cohort_spearman", c.N, c.WithinCohortSpearman)
		sum.add(name, "within_cohort_kendall", c.N, c.WithinCohortKendall)
		table.Rows = append(table.Rows, []string{strings.ReplaceAll(name, "_", " "), strconv.Itoa(c.N), number(c.Spearman), number(c.WithinCohortSpearman), number(c.WithinCohortKendall), strconv.Itoa(c.Cohorts)})
	}
	sum.Tables = append(sum.Tables, table)
	slices.Sort(sum.Notes)
	return sum, nil
}
