package calendar

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	lunar "github.com/6tail/lunar-go/calendar"

	"zhijia/internal/fault"
)

//go:embed china.json
var chinaJSON []byte

// Shipped is the working calendar the program ships with.
var Shipped = sync.OnceValue(func() *Working {
	w, err := (&Working{}).Extend(chinaJSON)
	if err != nil {
		panic(err) // the embedded file is broken: a build defect
	}
	return w
})

// Working knows the working days of China's offices and the trading days of its
// exchanges. Of the years in its data it knows the holidays and make-up days
// that the State Council announced; of any other year from 1985 it computes the
// holidays that the law gives, without the bridge days that an announcement
// would add, and calls that provisional. It is never changed once made.
type Working struct {
	Version string

	announced    map[int]*year
	tradingSince int // year from which exchange closures are on record

	computed *sync.Map // year to *year: a cache of what the law gives
}

// year marks the days of a year by month and day.
type year [13][32]mark

type mark uint8

const (
	holiday mark = 1 << iota // everybody is free
	makeup                   // a Saturday or Sunday on which offices work
	closed                   // the exchanges alone are closed
)

// workingFile is the form of the data: days or ranges (2026-02-15..2026-02-23)
// by year. A year given again replaces the year as a whole.
type workingFile struct {
	Version      string `json:"version"`
	Source       string `json:"source"`
	TradingSince int    `json:"trading_since"`
	Years        map[string]struct {
		Source         string   `json:"source"`
		Holidays       []string `json:"holidays"`
		Workdays       []string `json:"workdays"`
		ExchangeClosed []string `json:"exchange_closed"`
	} `json:"years"`
}

// Extend returns the calendar with the years of a data file added or replaced:
// an operator's, for a year announced after the program was built.
func (w *Working) Extend(data []byte) (*Working, error) {
	bad := func(zh, en string) (*Working, error) {
		return nil, fault.New(fault.Invalid, "calendar.file", "工作日历文件有误："+zh+"。", "The file of working days is faulty: "+en+".")
	}
	var f workingFile
	if err := json.Unmarshal(data, &f); err != nil {
		return bad("不是约定格式的 JSON", "it is not JSON of the agreed form ("+err.Error()+")")
	}
	if f.Version == "" || len(f.Years) == 0 {
		return bad("缺少 version 或 years", "version or years is missing")
	}
	out := &Working{Version: f.Version, announced: map[int]*year{}, tradingSince: w.tradingSince, computed: w.computed}
	if w.Version != "" {
		out.Version = w.Version + "+" + f.Version
	}
	if out.computed == nil {
		out.computed = &sync.Map{}
	}
	if f.TradingSince != 0 {
		out.tradingSince = f.TradingSince
	}
	for y, days := range w.announced {
		out.announced[y] = days
	}
	for name, x := range f.Years {
		days := &year{}
		y := 0
		if first, err := Parse(name + "-01-01"); err == nil {
			y = first.Year
		}
		for _, set := range []struct {
			days []string
			mark mark
		}{{x.Holidays, holiday}, {x.Workdays, makeup}, {x.ExchangeClosed, closed}} {
			for _, text := range set.days {
				from, to, err := span(text)
				if err != nil || from.Year != y || to.Year != y || to.Before(from) {
					return bad(name+" 年下的“"+text+"”不是该年的日期或起止日期", fmt.Sprintf("%q under %s is no day or range of that year", text, name))
				}
				for d := from; !d.After(to); d = d.AddDays(1) {
					if set.mark == makeup && !weekend(d) || days[d.Month][d.Day] != 0 {
						return bad(d.String()+" 重复出现，或者不是周末却列为调休上班", d.String()+" appears twice, or is no weekend and is listed as worked to make up")
					}
					days[d.Month][d.Day] = set.mark
				}
			}
		}
		if days[1][1] != holiday || days[10][1] != holiday {
			return bad(name+" 年缺少元旦或国庆节，放假安排不完整", "the year "+name+" lacks New Year or National Day, so the announcement is incomplete")
		}
		out.announced[y] = days
	}
	return out, nil
}

func span(text string) (from, to Date, err error) {
	a, b, ranged := strings.Cut(text, "..")
	if from, err = Parse(a); err != nil || !ranged {
		return from, from, err
	}
	to, err = Parse(b)
	return from, to, err
}

func weekend(d Date) bool {
	w := d.Time().Weekday()
	return w == time.Saturday || w == time.Sunday
}

// Provisional reports whether a day lies in a year whose holidays are computed
// from the law because no announcement is on record.
func (w *Working) Provisional(d Date) bool { return !d.IsZero() && w.announced[d.Year] == nil }

func (w *Working) mark(d Date) mark {
	if days := w.announced[d.Year]; days != nil {
		return days[d.Month][d.Day]
	}
	if days, ok := w.computed.Load(d.Year); ok {
		return days.(*year)[d.Month][d.Day]
	}
	days := statutory(d.Year)
	w.computed.Store(d.Year, days)
	return days[d.Month][d.Day]
}

// Workday reports whether offices work on a day.
func (w *Working) Workday(d Date) bool {
	switch w.mark(d) {
	case holiday:
		return false
	case makeup:
		return true
	}
	return !weekend(d)
}

// NextWorkday returns the day itself or, when offices are closed, the first
// working day after it: a period that ends on a holiday ends on the first
// working day after it (专利法实施细则 rule 5). An unknown day stays unknown.
func (w *Working) NextWorkday(d Date) Date {
	for !d.IsZero() && !w.Workday(d) {
		d = d.AddDays(1)
	}
	return d
}

// TradingDay reports whether the exchanges trade on a day: never on a Saturday
// or Sunday, also when offices work. Of years before the closures on record it
// answers the error calendar.unknown.
func (w *Working) TradingDay(d Date) (bool, error) {
	if d.Year < w.tradingSince {
		return false, fault.New(fault.Invalid, "calendar.unknown",
			fmt.Sprintf("没有%d年的交易所休市记录，请在工作日历文件中补充。", d.Year),
			fmt.Sprintf("The closures of the exchanges in %d are not on record; add them to the file of working days.", d.Year))
	}
	return !weekend(d) && w.mark(d)&(holiday|closed) == 0, nil
}

// AddTradingDays returns the n-th trading day after a day, or before it when n
// is negative; the day itself is never counted.
func (w *Working) AddTradingDays(d Date, n int) (Date, error) {
	if d.IsZero() {
		return d, fault.New(fault.Invalid, "calendar.date", "缺少日期。", "The date is missing.")
	}
	step := 1
	if n < 0 {
		step, n = -1, -n
	}
	for n > 0 {
		d = d.AddDays(step)
		ok, err := w.TradingDay(d)
		if err != nil {
			return Date{}, err
		}
		if ok {
			n--
		}
	}
	return d, nil
}

// NextTradingDay returns the day itself or, when the exchanges are closed, the
// next trading day.
func (w *Working) NextTradingDay(d Date) (Date, error) {
	ok, err := w.TradingDay(d)
	if err != nil || ok {
		return d, err
	}
	return w.AddTradingDays(d, 1)
}

// statutory returns the holidays that 全国年节及纪念日放假办法 gives a year, in
// the version then in force (1949, 1999-09-18, 2008-01-01, 2014-01-01,
// 2025-01-01). A holiday on a Saturday or Sunday is made up for on the next
// day that would be worked (its article 6).
func statutory(y int) *year {
	days := &year{}
	free := func(d Date) {
		for d.Year == y && (days[d.Month][d.Day] != 0 || weekend(d)) {
			if days[d.Month][d.Day] == 0 {
				days[d.Month][d.Day] = holiday // the weekend day itself
			}
			d = d.AddDays(1)
		}
		if d.Year == y {
			days[d.Month][d.Day] = holiday
		}
	}
	run := func(from Date, n int) {
		for i := range n {
			free(from.AddDays(i))
		}
	}
	fixed := func(month time.Month, day int) Date { return New(y, month, day) }
	moon := func(month, day int) Date {
		s := lunar.NewLunarFromYmd(y, month, day).GetSolar()
		return New(s.GetYear(), time.Month(s.GetMonth()), s.GetDay())
	}
	run(fixed(1, 1), 1)
	spring := moon(1, 1)
	switch {
	case y >= 2025: // from New Year's Eve
		run(spring.AddDays(-1), 4)
	case y >= 2008 && y < 2014:
		run(spring.AddDays(-1), 3)
	default:
		run(spring, 3)
	}
	labour, national := 1, 3
	switch {
	case y >= 2025:
		labour = 2
	case y >= 2000 && y < 2008:
		labour = 3
	case y < 1999:
		national = 2
	}
	if y >= 2008 {
		clear := lunar.NewSolarFromYmd(y, 4, 10).GetLunar().GetJieQiTable()["清明"]
		run(New(y, time.Month(clear.GetMonth()), clear.GetDay()), 1)
	}
	run(fixed(5, 1), labour)
	if y >= 2008 {
		run(moon(5, 5), 1)
		run(moon(8, 15), 1)
	}
	run(fixed(10, 1), national)
	return days
}
