package patent

import (
	"fmt"

	"zhijia/internal/calendar"
	"zhijia/internal/money"
)

// band is a run of patent years with one fee, in yuan.
type band struct {
	through int
	yuan    int64
}

// feeTable is the schedule of annual fees in force, by kind (CNIPA 专利收费标准;
// docs/registry.md names the source).
var feeTable = map[Kind][]band{
	Invention:    {{3, 900}, {6, 1200}, {9, 2000}, {12, 4000}, {15, 6000}, {20, 8000}},
	UtilityModel: {{3, 600}, {5, 900}, {8, 1200}, {10, 2000}},
	Design:       {{3, 600}, {5, 900}, {8, 1200}, {10, 2000}, {15, 3000}},
}

// Rules of payment (专利法实施细则 rules 6, 115).
const (
	graceMonths       = 6
	restorationMonths = 2
	defaultReduced    = 10
)

// RestorationFee is the fee for a request to restore a lapsed right.
const RestorationFee money.Fen = 1000_00

// AnnualFee returns the full annual fee of a patent year, counted from the
// filing date and starting at 1; 0 for a year the schedule does not have.
func AnnualFee(kind Kind, year int) money.Fen {
	if year < 1 {
		return 0
	}
	for _, b := range feeTable[kind] {
		if year <= b.through {
			return money.Fen(b.yuan * 100)
		}
	}
	return 0
}

// FeeDue returns the last day on which the fee of a patent year is paid in
// time: the anniversary of the filing date that ends the year before.
func FeeDue(filing calendar.Date, year int) calendar.Date { return filing.AddYears(year - 1) }

// PatentYear returns the patent year a day falls in: 1 from the filing date to
// the day before its first anniversary; 0 before filing or without it.
func PatentYear(filing, on calendar.Date) int {
	if filing.IsZero() || on.Before(filing) {
		return 0
	}
	n := on.Year - filing.Year
	if filing.AddYears(n).After(on) {
		n--
	}
	return n + 1
}

// Surcharge returns the late fee in a month of grace, 1 to 6: 0, 5, 10, 15,
// 20, 25 % of the full fee, whatever reduction the fee itself enjoys (rule
// 115). 0 outside those months.
func Surcharge(full money.Fen, month int) money.Fen {
	if month < 1 || month > graceMonths {
		return 0
	}
	return full.MulRatio(int64(5*(month-1)), 100)
}

// FeeAccount is what is known of a patent's annual fees.
type FeeAccount struct {
	Kind        Kind          `json:"kind"`
	Filing      calendar.Date `json:"filing"`
	Granted     calendar.Date `json:"granted"`
	PaidThrough *int          `json:"paid_through_year"` // last patent year paid for; nil: not known

	// Reduction is the share of the fee waived, in percent: 0, 70 for joint or
	// 85 for sole applicants (专利收费减缴办法). It covers ReducedYears patent
	// years from that of grant, 10 when 0.
	Reduction    int `json:"reduction_percent,omitempty"`
	ReducedYears int `json:"reduced_years,omitempty"`

	Notice calendar.Date `json:"notice"` // of the end of the right received; zero: not known

	Added int `json:"added_days,omitempty"` // days of adjustment and extension of the term; the schedule has no fee for them
}

// Fee returns the fee of a patent year after reduction.
func (a FeeAccount) Fee(year int) money.Fen {
	full := AnnualFee(a.Kind, year)
	years := a.ReducedYears
	if years == 0 {
		years = defaultReduced
	}
	first := PatentYear(a.Filing, a.Granted)
	if a.Reduction == 0 || first == 0 || year < first || year >= first+years {
		return full
	}
	return full.MulRatio(int64(100-a.Reduction), 100)
}

// Schedule returns the fees of every year of the term, from year 1 and 0
// before the year of grant, when none is due.
func (a FeeAccount) Schedule() []money.Fen {
	out := make([]money.Fen, TermYears(a.Kind, a.Filing))
	for i := range out {
		if g := PatentYear(a.Filing, a.Granted); i+1 >= g {
			out[i] = a.Fee(i + 1)
		}
	}
	return out
}

// paid returns the last year known to be paid for. The fee of the year of
// grant is paid when the grant is registered, so a granted patent has at least
// that one.
func (a FeeAccount) paid() int {
	p := PatentYear(a.Filing, a.Granted)
	if a.PaidThrough != nil && *a.PaidThrough > p {
		p = *a.PaidThrough
	}
	return p
}

// CostToKeep returns what remains to be paid from the first unpaid year to the
// end of the term, without surcharges. False when that year is not known.
func (a FeeAccount) CostToKeep() (money.Fen, bool) {
	if a.PaidThrough == nil || a.Filing.IsZero() || TermYears(a.Kind, a.Filing) == 0 {
		return 0, false
	}
	var sum money.Fen
	for y := a.paid() + 1; y <= TermYears(a.Kind, a.Filing); y++ {
		sum += a.Fee(y)
	}
	return sum, true
}

// FeeStatus is where the annual fees of a patent stand.
type FeeStatus string

// Statuses.
const (
	FeesUnknown    FeeStatus = "unknown"
	FeesNotDue     FeeStatus = "not_granted"
	FeesPaid       FeeStatus = "normal"
	FeesDue90      FeeStatus = "due_within_90_days"
	FeesDue60      FeeStatus = "due_within_60_days"
	FeesDue30      FeeStatus = "due_within_30_days"
	FeesGrace      FeeStatus = "grace"
	FeesRestorable FeeStatus = "lapsed_restorable"
	FeesLapsed     FeeStatus = "lapsed"
	FeesOver       FeeStatus = "term_over"
)

// FeeState is the state of the annual fees on one day.
type FeeState struct {
	On     calendar.Date `json:"on"`
	Status FeeStatus     `json:"status"`
	Zh     string        `json:"zh"`

	Year      int           `json:"year,omitempty"`        // the first unpaid patent year
	Due       calendar.Date `json:"due"`                   // the anniversary by which it falls due, and as of which the right ends if it is never paid
	PayBy     calendar.Date `json:"pay_by"`                // last day to pay it in time: Due, or the working day after
	DaysLeft  *int          `json:"days_left,omitempty"`   // to Due, not negative
	Fee       money.Fen     `json:"fee,omitempty"`         // of Year, after reduction
	Month     int           `json:"grace_month,omitempty"` // 1 to 6
	Surcharge money.Fen     `json:"surcharge,omitempty"`   // paid on this day
	LastDay   calendar.Date `json:"last_day"`              // a working day, on which late payment is still possible
	Lapsed    calendar.Date `json:"lapsed"`                // the right ended as of this day
	RestoreBy calendar.Date `json:"restore_by"`            // last day to ask for restoration

	// RestoreEstimated says that RestoreBy counts from the end of the grace
	// months because the day the notice was received is not known.
	RestoreEstimated bool `json:"restore_estimated,omitempty"`

	// Provisional says that the working days of a year among these dates are
	// computed, because its holidays are not announced yet.
	Provisional bool `json:"provisional,omitempty"`
}

// On returns the state on a day, as far as PaidThrough reaches. The state is a
// function of the account, the day and the working days.
func (a FeeAccount) On(on calendar.Date, days *calendar.Working) FeeState {
	s := FeeState{On: on}
	put := func(status FeeStatus, zh string) FeeState {
		s.Status, s.Zh = status, zh
		s.Provisional = days.Provisional(s.PayBy) || days.Provisional(s.LastDay) || days.Provisional(s.RestoreBy)
		return s
	}
	term := TermYears(a.Kind, a.Filing)
	switch {
	case term == 0 || a.Filing.IsZero():
		return put(FeesUnknown, "缺少专利类型或申请日，年费状态未知")
	case on.Before(Expiry(a.Kind, a.Filing, a.Added)) && !on.Before(a.Filing.AddYears(term)):
		return put(FeesUnknown, "处于期限补偿期，收费表中没有补偿期年费，状态未知")
	case !on.Before(a.Filing.AddYears(term)):
		return put(FeesOver, "保护期已届满，不再缴纳年费")
	case a.Granted.IsZero() && a.PaidThrough == nil:
		return put(FeesUnknown, "缺少授权日，年费状态未知")
	case on.Before(a.Granted):
		return put(FeesNotDue, "尚未授权，不缴纳年费")
	}
	s.Year = a.paid() + 1
	if s.Year > term {
		return put(FeesPaid, "正常（已缴至届满）")
	}
	s.Due, s.Fee = FeeDue(a.Filing, s.Year), a.Fee(s.Year)
	s.PayBy, s.LastDay = days.NextWorkday(s.Due), days.NextWorkday(s.Due.AddMonths(graceMonths))
	if a.PaidThrough == nil && on.After(s.Due.AddDays(-90)) {
		s.Year, s.Fee, s.Due, s.PayBy, s.LastDay = 0, 0, calendar.Date{}, calendar.Date{}, calendar.Date{}
		return put(FeesUnknown, "缺少年费缴至年度，年费状态未知")
	}
	if !on.After(s.PayBy) {
		left := max(0, on.DaysUntil(s.Due))
		s.DaysLeft = &left
		switch {
		case left <= 30:
			return put(FeesDue30, "30天内到期")
		case left <= 60:
			return put(FeesDue60, "60天内到期")
		case left <= 90:
			return put(FeesDue90, "90天内到期")
		}
		return put(FeesPaid, "正常")
	}
	for m := 1; m <= graceMonths; m++ {
		if !on.After(days.NextWorkday(s.Due.AddMonths(m))) {
			s.Month, s.Surcharge = m, Surcharge(AnnualFee(a.Kind, s.Year), m)
			return put(FeesGrace, fmt.Sprintf("滞纳期第%d月（+%d%%）", m, 5*(m-1)))
		}
	}
	s.Lapsed = s.Due
	from := a.Notice
	if from.IsZero() {
		from, s.RestoreEstimated = s.LastDay, true
	}
	s.RestoreBy = days.NextWorkday(from.AddMonths(restorationMonths))
	if !on.After(s.RestoreBy) {
		return put(FeesRestorable, "已终止（可恢复）")
	}
	return put(FeesLapsed, "已终止")
}
