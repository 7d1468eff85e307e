package calendar

import "fmt"

// DayCount is a convention for the length of a stretch of interest in years.
type DayCount string

// The conventions.
const (
	Actual365    DayCount = "act365" // days / 365
	ActualActual DayCount = "actact" // days of each calendar year / 365 or 366 (ISDA)
	Thirty360    DayCount = "30360"  // months of 30 days, years of 360 (bond basis)
)

// Years is the length of [from, to) in years by the convention.
func (c DayCount) Years(from, to Date) (float64, error) {
	switch c {
	case Actual365:
		return float64(from.DaysUntil(to)) / 365, nil
	case ActualActual:
		sum := 0.0
		for y := from.Year; y <= to.Year; y++ {
			a, b := New(y, 1, 1), New(y+1, 1, 1)
			year := float64(a.DaysUntil(b))
			if a.Before(from) {
				a = from
			}
			if to.Before(b) {
				b = to
			}
			sum += float64(a.DaysUntil(b)) / year
		}
		return sum, nil
	case Thirty360:
		d1, d2 := min(from.Day, 30), to.Day
		if d1 == 30 {
			d2 = min(d2, 30)
		}
		return float64((to.Year-from.Year)*360+(int(to.Month)-int(from.Month))*30+d2-d1) / 360, nil
	}
	return 0, fmt.Errorf("%.20q is no day count: want act365, actact or 30360", string(c))
}

// Roll moves a day on which the exchanges are closed to one on which they
// trade. Conventions: "" (not moved), "following", "preceding", and
// "modified_following", which stays in the month.
func (w *Working) Roll(d Date, convention string) (Date, error) {
	switch convention {
	case "":
		return d, nil
	case "following", "modified_following", "preceding":
	default:
		return Date{}, fmt.Errorf("%.20q is no convention: want following, modified_following or preceding", convention)
	}
	step := 1
	if convention == "preceding" {
		step = -1
	}
	for day := d; ; day = day.AddDays(step) {
		open, err := w.TradingDay(day)
		if err != nil {
			return Date{}, err
		}
		if open {
			return day, nil
		}
		if convention == "modified_following" && step > 0 && day.AddDays(1).Month != d.Month {
			step = -1
			day = d
		}
	}
}
