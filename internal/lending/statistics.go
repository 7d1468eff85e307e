package lending

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/money"
	"zhijia/internal/patent"
)

// Pledge is one registered pledge of a ledger, or the sum of several.
type Pledge struct {
	Period   string        `json:"period,omitempty"` // e.g. 2021; empty: the year of the day
	Day      calendar.Date `json:"day,omitzero"`     // registered or booked
	Amount   money.Fen     `json:"amount"`
	Count    int           `json:"count,omitempty"` // registrations the amount is the sum of; 0 means 1
	Kind     string        `json:"kind,omitempty"`
	Industry string        `json:"industry,omitempty"`
	Bank     string        `json:"bank,omitempty"`
	District string        `json:"district,omitempty"`
	Contract string        `json:"contract,omitempty"`

	Rights    []string     `json:"rights,omitempty"`     // numbers of the patents that secure it
	HighValue patent.Truth `json:"high_value,omitempty"` // one of them is a high-value invention of the national statistic
}

// Unstated is the group of what the ledger does not say: unknown is a group of
// its own and never another's.
const Unstated = "未载明"

// Dimensions are what a ledger can be split by.
var Dimensions = map[string]func(*Pledge) string{
	"kind": func(p *Pledge) string { return p.Kind }, "industry": func(p *Pledge) string { return p.Industry }, "bank": func(p *Pledge) string { return p.Bank },
	"district": func(p *Pledge) string { return p.District }, "month": func(p *Pledge) string {
		if p.Day.IsZero() {
			return ""
		}
		return p.Day.String()[:7]
	},
	"high_value": func(p *Pledge) string {
		return map[patent.Truth]string{patent.Yes: "含高价值发明专利", patent.No: "不含高价值发明专利"}[p.HighValue]
	},
}

// DimensionZh names the dimensions in Chinese.
var DimensionZh = map[string]string{"kind": "类型", "industry": "行业", "bank": "银行", "district": "区域", "month": "月份", "high_value": "高价值发明"}

// Total is a line of the period report.
type Total struct {
	Period  string    `json:"period"`
	Group   string    `json:"group,omitempty"` // of the dimension; empty: all
	Count   int       `json:"count"`
	Amount  money.Fen `json:"amount"`
	Average money.Fen `json:"average"` // amount / count, to the fen
}

func (p *Pledge) period() string {
	if p.Period == "" && !p.Day.IsZero() {
		return fmt.Sprint(p.Day.Year)
	}
	return p.Period
}

// Statistics reports a ledger by period, and within it by the group that by
// names; nil by gives the periods alone.
func Statistics(ledger []Pledge, by func(*Pledge) string) []Total {
	type key struct{ period, group string }
	sums := map[key]*Total{}
	add := func(k key, p *Pledge) {
		t := sums[k]
		if t == nil {
			t = &Total{Period: k.period, Group: k.group}
			sums[k] = t
		}
		t.Count += max(p.Count, 1)
		t.Amount += p.Amount
	}
	for i := range ledger {
		p := &ledger[i]
		add(key{p.period(), ""}, p)
		if by != nil {
			add(key{p.period(), cmp.Or(by(p), Unstated)}, p)
		}
	}
	out := make([]Total, 0, len(sums))
	for _, t := range sums {
		t.Average = t.Amount.MulRatio(1, int64(t.Count))
		out = append(out, *t)
	}
	slices.SortFunc(out, func(a, b Total) int { return cmp.Or(cmp.Compare(a.Period, b.Period), cmp.Compare(a.Group, b.Group)) })
	return out
}

// PeriodReport is a ledger's statistics as of a day.
type PeriodReport struct {
	AsOf   calendar.Date      `json:"as_of"`
	Totals []Total            `json:"totals"`
	By     map[string][]Total `json:"by"` // by dimension
}

// ReportPeriods splits what a ledger held on a day by each of the dimensions. A
// pledge without a day counts: its period alone is known.
func ReportPeriods(ledger []Pledge, asOf calendar.Date, dimensions []string) (PeriodReport, error) {
	r := PeriodReport{AsOf: asOf, By: map[string][]Total{}}
	var kept []Pledge
	for i := range ledger {
		p := &ledger[i]
		if p.Amount < 0 || p.Amount > money.Max || p.Count < 0 {
			return r, fault.New(fault.Invalid, "statistics.amount", fmt.Sprintf("第 %d 条的金额或笔数为负或超出范围。", i+1), fmt.Sprintf("Row %d has an amount or a count that is negative or out of range.", i+1))
		}
		if p.period() == "" {
			return r, fault.New(fault.Invalid, "statistics.period", fmt.Sprintf("第 %d 条没有期间或日期。", i+1), fmt.Sprintf("Row %d has neither a period nor a day.", i+1))
		}
		if !asOf.IsZero() && p.Day.After(asOf) {
			continue
		}
		kept = append(kept, *p)
	}
	r.Totals = Statistics(kept, nil)
	for _, d := range dimensions {
		by, known := Dimensions[d]
		if !known {
			names := slices.Sorted(maps.Keys(Dimensions))
			return r, fault.New(fault.Invalid, "statistics.dimension", "不能按“"+d+"”统计；可用："+strings.Join(names, "、")+"。", "There is no dimension "+d+"; use "+strings.Join(names, ", ")+".")
		}
		r.By[d] = slices.DeleteFunc(Statistics(kept, by), func(t Total) bool { return t.Group == "" })
	}
	return r, nil
}
