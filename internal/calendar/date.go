// Package calendar holds dates without a time of day or zone.
//
// Legal terms, fees, gazette events and valuation dates are dates; using an
// instant for them is a bug waiting for a time zone. The zero [Date] means
// "unknown" and is null in JSON and SQL.
package calendar

import (
	"database/sql/driver"
	"fmt"
	"time"
)

// Date is a day of the proleptic Gregorian calendar, or unknown when zero.
// Dates are comparable with == and usable as map keys.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// Of returns the date of t in t's own location.
func Of(t time.Time) Date {
	if t.IsZero() {
		return Date{}
	}
	y, m, d := t.Date()
	return Date{y, m, d}
}

// China is the zone whose days count: terms, fees and valuation dates follow
// the patent office's calendar, wherever the machine stands.
var China = time.FixedZone("CST", 8*60*60)

// InChina returns the date of t in China: what today is, given the clock.
func InChina(t time.Time) Date {
	if t.IsZero() {
		return Date{}
	}
	return Of(t.In(China))
}

// New returns the date, normalised as time.Date does.
func New(year int, month time.Month, day int) Date {
	return Of(time.Date(year, month, day, 0, 0, 0, 0, time.UTC))
}

// Parse reads YYYY-MM-DD, YYYY.MM.DD, YYYY/MM/DD or YYYYMMDD and refuses days
// that do not exist.
func Parse(s string) (Date, error) {
	for _, layout := range []string{"2006-01-02", "2006.01.02", "2006/01/02", "20060102", "2006-1-2", "2006.1.2", "2006/1/2", "2006年1月2日"} {
		if t, err := time.Parse(layout, s); err == nil {
			return Of(t), nil
		}
	}
	return Date{}, fmt.Errorf("%.40q is not a date: want YYYY-MM-DD", s)
}

// MustParse is Parse for constants.
func MustParse(s string) Date {
	d, err := Parse(s)
	if err != nil {
		panic(err)
	}
	return d
}

// IsZero reports whether the date is unknown.
func (d Date) IsZero() bool { return d == Date{} }

// Time returns midnight UTC of the date, or the zero time when unknown.
func (d Date) Time() time.Time {
	if d.IsZero() {
		return time.Time{}
	}
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC)
}

// Compare returns -1, 0 or +1. An unknown date sorts before every known one.
func (d Date) Compare(e Date) int { return d.Time().Compare(e.Time()) }

// Before reports whether d is earlier than e.
func (d Date) Before(e Date) bool { return d.Compare(e) < 0 }

// After reports whether d is later than e.
func (d Date) After(e Date) bool { return d.Compare(e) > 0 }

// AddDays returns d plus n days. An unknown date stays unknown.
func (d Date) AddDays(n int) Date {
	if d.IsZero() {
		return d
	}
	return Of(d.Time().AddDate(0, 0, n))
}

// AddMonths returns the same day n months later, or the last day of that month
// when it has no such day (a period counted in months ends on the
// corresponding day, or the month's last day: 专利法实施细则 rule 5).
func (d Date) AddMonths(n int) Date {
	if d.IsZero() {
		return d
	}
	first := time.Date(d.Year, d.Month+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return Date{first.Year(), first.Month(), min(d.Day, last)}
}

// AddYears returns the anniversary n years later (29 February falls to the
// 28th in common years).
func (d Date) AddYears(n int) Date { return d.AddMonths(12 * n) }

// DaysUntil returns the number of days from d to e, negative if e is earlier.
func (d Date) DaysUntil(e Date) int {
	return int(e.Time().Sub(d.Time()).Hours() / 24)
}

// YearsUntil returns the length of [d, e) in years: whole anniversaries plus
// the fraction of the year in progress (actual/actual by anniversary).
// Negative when e is earlier.
func (d Date) YearsUntil(e Date) float64 {
	if e.Before(d) {
		return -e.YearsUntil(d)
	}
	n := e.Year - d.Year
	if d.AddYears(n).After(e) {
		n--
	}
	a, b := d.AddYears(n), d.AddYears(n+1)
	return float64(n) + float64(a.DaysUntil(e))/float64(a.DaysUntil(b))
}

// String formats as YYYY-MM-DD, or "" when unknown.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, int(d.Month), d.Day)
}

// Zh formats as 2026年11月23日, or 未知.
func (d Date) Zh() string {
	if d.IsZero() {
		return "未知"
	}
	return fmt.Sprintf("%d年%d月%d日", d.Year, int(d.Month), d.Day)
}

// MarshalJSON writes "YYYY-MM-DD", or null when unknown.
func (d Date) MarshalJSON() ([]byte, error) {
	if d.IsZero() {
		return []byte("null"), nil
	}
	return []byte(`"` + d.String() + `"`), nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (d *Date) UnmarshalJSON(b []byte) error {
	s := string(b)
	if s == "null" || s == `""` {
		*d = Date{}
		return nil
	}
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return fmt.Errorf("%.40s is not a date: want \"YYYY-MM-DD\"", s)
	}
	return d.UnmarshalText(b[1 : len(b)-1])
}

// UnmarshalText reads any form [Parse] accepts; empty is unknown.
func (d *Date) UnmarshalText(b []byte) (err error) {
	if len(b) == 0 {
		*d = Date{}
		return nil
	}
	*d, err = Parse(string(b))
	return err
}

// Value implements driver.Valuer; unknown is NULL.
func (d Date) Value() (driver.Value, error) {
	if d.IsZero() {
		return nil, nil
	}
	return d.Time(), nil
}

// Scan implements sql.Scanner; NULL is unknown.
func (d *Date) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*d = Date{}
		return nil
	case time.Time:
		*d = Of(v)
		return nil
	}
	return fmt.Errorf("cannot scan %T into a date", src)
}

// Precision says how exactly a source dates something. The empty value is a
// day.
type Precision string

// Precisions.
const (
	ToDay   Precision = "day"
	ToMonth Precision = "month"
	ToYear  Precision = "year"
)

// LastDay returns the last day that a date of the given precision can mean: a
// deal dated 2018 may be of 31 December. An unknown date stays unknown.
func (d Date) LastDay(p Precision) Date {
	switch {
	case d.IsZero():
		return d
	case p == ToYear:
		return New(d.Year, time.December, 31)
	case p == ToMonth:
		return New(d.Year, d.Month+1, 1).AddDays(-1)
	}
	return d
}
