package pool

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
)

//go:embed calendar.json
var calendarJSON []byte

// Calendar knows the trading days of the two exchanges for the years it
// covers, and nothing of any other year.
type Calendar struct {
	Version string              `json:"version"`
	Source  map[string]string   `json:"source"`
	Closed  map[string][]string `json:"closed"` // year to weekdays closed

	days map[calendar.Date]bool
}

// TradingCalendar is the calendar the binary ships.
var TradingCalendar = sync.OnceValue(func() *Calendar {
	c, err := ReadCalendar(calendarJSON)
	if err != nil {
		panic(err) // the embedded file is broken: a build defect
	}
	return c
})

// ReadCalendar reads a calendar file, for years the binary does not know.
func ReadCalendar(b []byte) (*Calendar, error) {
	c := &Calendar{days: map[calendar.Date]bool{}}
	if err := json.Unmarshal(b, c); err != nil {
		return nil, fmt.Errorf("calendar: %w", err)
	}
	for year, closed := range c.Closed {
		for _, s := range closed {
			d, err := calendar.Parse(s)
			if err != nil || fmt.Sprint(d.Year) != year {
				return nil, fmt.Errorf("calendar: %q under %s", s, year)
			}
			c.days[d] = true
		}
	}
	return c, nil
}

// TradingDay reports whether the exchanges trade on d. Outside the covered
// years it answers the error pool.calendar_unknown.
func (c *Calendar) TradingDay(d calendar.Date) (bool, error) {
	if _, ok := c.Closed[fmt.Sprint(d.Year)]; !ok {
		return false, fault.New(fault.Invalid, "pool.calendar_unknown",
			fmt.Sprintf("交易日历未覆盖%d年，请更新日历文件。", d.Year),
			fmt.Sprintf("the trading calendar does not cover %d", d.Year))
	}
	w := d.Time().Weekday()
	return w != time.Saturday && w != time.Sunday && !c.days[d], nil
}

// AddTradingDays returns the n-th trading day after d, or before it when n is
// negative; d itself is never counted.
func (c *Calendar) AddTradingDays(d calendar.Date, n int) (calendar.Date, error) {
	if d.IsZero() {
		return d, fault.New(fault.Invalid, "pool.date", "缺少日期。", "the date is missing")
	}
	step := 1
	if n < 0 {
		step, n = -1, -n
	}
	for n > 0 {
		d = d.AddDays(step)
		ok, err := c.TradingDay(d)
		if err != nil {
			return calendar.Date{}, err
		}
		if ok {
			n--
		}
	}
	return d, nil
}

// Roll returns d or, when the exchanges are closed, the next trading day.
func (c *Calendar) Roll(d calendar.Date) (calendar.Date, error) {
	ok, err := c.TradingDay(d)
	if err != nil || ok {
		return d, err
	}
	return c.AddTradingDays(d, 1)
}
