package calendar

import "time"

// DayCount says how interest counts the length of a period in years.
type DayCount string

// Day counts. The values are those of deeds and files.
const (
	Act365    DayCount = "act/365" // days / 365, the habit of China's exchange ABS
	Act360    DayCount = "act/360" // days / 360
	ActAct    DayCount = "act/act" // days of each calendar year by that year's length (ISDA)
	Thirty360 DayCount = "30/360"  // months of 30 days (bond basis)
)

// Fraction returns the length of [from, to) in years. Zero for an unknown
// convention, which the reader of the deed refuses.
func (c DayCount) Fraction(from, to Date) float64 {
	switch c {
	case Act365:
		return float64(from.DaysUntil(to)) / 365
	case Act360:
		return float64(from.DaysUntil(to)) / 360
	case ActAct:
		sum := 0.0
		for y := from.Year; y <= to.Year; y++ {
			start, end := New(y, time.January, 1), New(y+1, time.January, 1)
			length := float64(start.DaysUntil(end))
			if from.After(start) {
				start = from
			}
			if to.Before(end) {
				end = to
			}
			sum += float64(start.DaysUntil(end)) / length
		}
		return sum
	case Thirty360:
		d1, d2 := min(from.Day, 30), to.Day
		if d2 == 31 && d1 == 30 {
			d2 = 30
		}
		return float64(360*(to.Year-from.Year)+30*int(to.Month-from.Month)+d2-d1) / 360
	}
	return 0
}
