package pool

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/money"
)

// Receipt is what came in, or was expected to, in a month.
type Receipt struct {
	Month    string     `json:"month"` // YYYY-MM
	Source   string     `json:"source"`
	Contract string     `json:"contract,omitempty"`
	Amount   money.Fen  `json:"amount"`
	Forecast *money.Fen `json:"forecast,omitempty"` // for this month and source, made before it
	Disposal bool       `json:"disposal,omitempty"` // from selling the right itself
}

// needMonths of history are asked for by the guide (上证发〔2022〕165号 2.2.4:
// three years); collections a fifth below the forecast are an event (5号 5.2).
const (
	needMonths = 36
	missed     = 0.20 // an event when collections fall this far below the forecast
	oneSource  = 0.50 // of one obligor (2号 3.3.3)
)

// SourceShare is one source's part of what came in.
type SourceShare struct {
	Source string    `json:"source"`
	Amount money.Fen `json:"amount"`
	Share  float64   `json:"share"`
}

// MonthLine is one month of a history.
type MonthLine struct {
	Month    string     `json:"month"`
	Amount   money.Fen  `json:"amount"`
	Forecast *money.Fen `json:"forecast,omitempty"` // of the sources that have one
	Actual   *money.Fen `json:"actual_of_forecast,omitempty"`
	Ratio    *float64   `json:"ratio,omitempty"` // actual / forecast
}

// Ground is one reason of a history's verdict.
type Ground struct {
	Code   string `json:"code"`
	Zh     string `json:"zh"`
	Supply string `json:"supply,omitempty"`
}

// Stability is how steady the income of a pool was.
type Stability struct {
	From      string        `json:"from"`
	To        string        `json:"to"`
	Months    int           `json:"months"`
	Gaps      []string      `json:"gaps"`  // months inside without a receipt, counted as nothing
	Total     money.Fen     `json:"total"` // without disposals
	Mean      money.Fen     `json:"mean"`  // a month
	CV        *float64      `json:"cv"`    // sample standard deviation / mean of the months
	Trend     *float64      `json:"trend"` // least-squares slope a month / mean
	Sources   []SourceShare `json:"sources"`
	HHI       float64       `json:"hhi"`
	Lines     []MonthLine   `json:"lines"`
	Forecast  *float64      `json:"forecast_ratio"` // all actual / all forecast, where there is one
	Verdict   string        `json:"verdict"`        // usable, supply, refused
	VerdictZh string        `json:"verdict_zh"`
	Grounds   []Ground      `json:"grounds"`
}

// AssessHistory computes a history's steadiness from its months. maxCV is the
// institution's own bound; nil: none is sourced, and the figure stands without a
// verdict on it.
func AssessHistory(receipts []Receipt, maxCV *float64) (Stability, error) {
	s := Stability{Gaps: []string{}, Sources: []SourceShare{}, Grounds: []Ground{}, Lines: []MonthLine{}, Verdict: "usable"}
	if len(receipts) == 0 {
		return s, fault.New(fault.Invalid, "history.empty", "没有收款记录。", "There is no receipt.")
	}
	if maxCV != nil && !(*maxCV > 0) {
		return s, fault.New(fault.Invalid, "history.bound", "变异系数上限应大于零。", "The bound on the coefficient of variation lies above zero.")
	}
	amounts, sources := map[int]money.Fen{}, map[string]money.Fen{}
	hoped, met := map[int]money.Fen{}, map[int]money.Fen{}
	first, last := math.MaxInt, math.MinInt
	var disposed money.Fen
	for i := range receipts {
		r := &receipts[i]
		at, err := monthOf(r.Month)
		if err != nil {
			return s, fault.New(fault.Invalid, "history.month", fmt.Sprintf("第 %d 条的月份“%s”应写作 2024-01。", i+1, r.Month), fmt.Sprintf("The month of row %d is written as 2024-01.", i+1))
		}
		if r.Source == "" {
			return s, fault.New(fault.Invalid, "history.source", fmt.Sprintf("第 %d 条没有付款方。", i+1), fmt.Sprintf("Row %d names no source.", i+1))
		}
		if r.Amount < 0 || r.Amount > money.Max || r.Forecast != nil && (*r.Forecast < 0 || *r.Forecast > money.Max) {
			return s, fault.New(fault.Invalid, "history.amount", fmt.Sprintf("第 %d 条的金额为负或超出范围。", i+1), fmt.Sprintf("The amount of row %d is negative or out of range.", i+1))
		}
		if r.Disposal {
			disposed += r.Amount
			continue
		}
		first, last = min(first, at), max(last, at)
		amounts[at] += r.Amount
		sources[r.Source] += r.Amount
		s.Total += r.Amount
		if r.Forecast != nil {
			hoped[at] += *r.Forecast
			met[at] += r.Amount
		}
	}
	ground := func(verdict, code, zh, supply string) {
		if rank := map[string]int{"usable": 0, "supply": 1, "refused": 2}; rank[verdict] > rank[s.Verdict] {
			s.Verdict = verdict
		}
		s.Grounds = append(s.Grounds, Ground{code, zh, supply})
	}
	if s.Total == 0 {
		if disposed > 0 {
			ground("refused", "H01", "现金流仅来自处置资产（负面清单第五项）", "")
		} else {
			ground("refused", "H02", "没有收入", "")
		}
		s.VerdictZh = "不予受理"
		return s, nil
	}
	s.months(first, last, amounts, hoped, met)
	for name, a := range sources {
		share := float64(a) / float64(s.Total)
		s.Sources = append(s.Sources, SourceShare{name, a, share})
		s.HHI += share * share
	}
	slices.SortFunc(s.Sources, func(a, b SourceShare) int {
		return cmp.Or(cmp.Compare(b.Amount, a.Amount), cmp.Compare(a.Source, b.Source))
	})
	if s.Months < needMonths {
		ground("supply", "H03", fmt.Sprintf("历史记录 %d 个月，不足三年", s.Months), fmt.Sprintf("另外 %d 个月的收款记录", needMonths-s.Months))
	}
	if n := len(s.Gaps); n > 0 {
		ground("usable", "H04", fmt.Sprintf("%d 个月没有收款，按零计", n), "")
	}
	if top := s.Sources[0]; top.Share > oneSource {
		ground("usable", "H05", fmt.Sprintf("单一来源%s占 %.1f%%，超过 50%%", top.Source, 100*top.Share), "")
	}
	if maxCV != nil && s.CV != nil && *s.CV > *maxCV {
		ground("refused", "H06", fmt.Sprintf("变异系数 %.3f 超过本机构上限 %.3f", *s.CV, *maxCV), "")
	}
	for _, l := range s.Lines {
		if l.Ratio != nil && *l.Ratio < 1-missed {
			ground("usable", "H07", fmt.Sprintf("%s 实际为预测的 %.1f%%，低于 80%%", l.Month, 100**l.Ratio), "")
		}
	}
	if s.Forecast == nil {
		ground("usable", "H08", "没有预测，未作预实对比", "逐月预测")
	}
	s.VerdictZh = map[string]string{"usable": "可受理", "supply": "需补充", "refused": "不予受理"}[s.Verdict]
	return s, nil
}

// months fills in the lines, the spread and the trend of the months from first to
// last.
func (s *Stability) months(first, last int, amounts, hoped, met map[int]money.Fen) {
	var hope, have money.Fen
	name := func(at int) string { return fmt.Sprintf("%04d-%02d", at/12, at%12+1) }
	s.From, s.To, s.Months = name(first), name(last), last-first+1
	for at := first; at <= last; at++ {
		amount, there := amounts[at]
		if !there {
			s.Gaps = append(s.Gaps, name(at))
		}
		l := MonthLine{Month: name(at), Amount: amount}
		if f, forecast := hoped[at]; forecast {
			actual := met[at]
			l.Forecast, l.Actual = &f, &actual
			if f > 0 {
				ratio := float64(actual) / float64(f)
				l.Ratio = &ratio
			}
			hope, have = hope+f, have+actual
		}
		s.Lines = append(s.Lines, l)
	}
	if hope > 0 {
		ratio := float64(have) / float64(hope)
		s.Forecast = &ratio
	}
	s.Mean = s.Total.MulRatio(1, int64(s.Months))
	if s.Months < 2 {
		return
	}
	n, mean := float64(s.Months), float64(s.Total)/float64(s.Months)
	var squares, sxy, sxx float64
	for i, l := range s.Lines {
		d, x := float64(l.Amount)-mean, float64(i)-(n-1)/2
		squares += d * d
		sxy += x * d
		sxx += x * x
	}
	cv, trend := math.Sqrt(squares/(n-1))/mean, sxy/sxx/mean
	s.CV, s.Trend = &cv, &trend
}

func monthOf(text string) (int, error) {
	d, err := calendar.Parse(text + "-01")
	if err != nil || len(text) != 7 {
		return 0, fmt.Errorf("month %q", text)
	}
	return d.Year*12 + int(d.Month) - 1, nil
}
