package patent

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"zhijia/internal/calendar"
)

// Alert is something about a watched patent that a lender should know.
type Alert struct {
	Number string        `json:"number"`
	Code   string        `json:"code"` // fee_due_90, fee_due_60, fee_due_30, fee_late, fee_lapse, transfer, pledge, preservation, lapse, restored, invalidity_filed, invalidated, expiry_within_loan
	Date   calendar.Date `json:"date"` // on which it could first be known
	Zh     string        `json:"zh"`
	En     string        `json:"en"`
	Event  string        `json:"event,omitempty"` // gazette code
	Source string        `json:"source,omitempty"`
	Loan   string        `json:"loan,omitempty"` // loan contract that matures on or after the day the patent ends

	// Cause names what is alerted about, the same however often it is told: an
	// event by its day, code, registration and party, a fee by its threshold and
	// year, an expiry by the loan.
	Cause string `json:"cause"`
}

// Loan is a debt that a watched patent secures.
type Loan struct {
	Reference string
	Maturity  calendar.Date // last day of the debt
	Since     calendar.Date // when it was booked; zero: not known
}

// Watched is what is on file about a patent that is watched.
type Watched struct {
	Number string
	Events []Event
	Fees   FeeAccount
	Loans  []Loan
	Days   *calendar.Working
}

// alertCodes are the events worth an alert.
var alertCodes = map[string]string{
	"TR01": "transfer", "PE01": "pledge", "PP01": "preservation", "CF01": "lapse", "AV01": "lapse", "CX01": "lapse", "RR01": "restored",
	"IF01": "invalidity_filed", "IP01": "invalidated", "IW01": "invalidated",
}

// EventCause names an event as the cause of an alert.
func EventCause(e Event) string {
	return strings.Join([]string{"event", e.Code, e.Effective.String(), e.Registration, e.Party}, "|")
}

// feeCause names a fee threshold of a patent year as the cause of an alert.
func feeCause(code string, year int) string { return fmt.Sprintf("fee|%s|%d", code, year) }

// loanCause names a loan as the cause of an alert.
func loanCause(reference string) string { return "loan|" + reference }

// Alerts returns what became known about a patent after since and up to until,
// in order of date: events made public, thresholds its fees crossed, and loans
// that outlive it. It depends on its inputs alone, so a poll repeated gives the
// same alerts and a late event restates them.
func (w Watched) Alerts(since, until calendar.Date) []Alert {
	var out []Alert
	put := func(a Alert) {
		if a.Date.After(since) && !a.Date.After(until) {
			a.Number = w.Number
			out = append(out, a)
		}
	}
	state := Reduce(w.Events, until)
	for _, e := range state.Statements {
		if code := alertCodes[e.Code]; code != "" {
			zh := fmt.Sprintf("%s（%s），%s生效", Codes[e.Code], e.Code, e.Effective)
			en := fmt.Sprintf("%s (%s), effective %s", strings.ReplaceAll(code, "_", " "), e.Code, e.Effective)
			if who := strings.Trim(strings.Join(append(slices.Clone(e.After), e.Party), "、"), "、"); who != "" {
				zh, en = zh+"，"+who, en+", "+who
			}
			put(Alert{Code: code, Date: e.Public(), Zh: zh, En: en, Event: e.Code, Source: e.Source, Cause: EventCause(e)})
		}
	}
	expiry := Expiry(w.Fees.Kind, w.Fees.Filing, w.Fees.Added)
	for _, l := range w.Loans {
		if expiry.IsZero() || l.Maturity.IsZero() || OutlivesDebt(expiry, l.Maturity) {
			continue
		}
		day, last := l.Since, expiry.AddDays(-1)
		if day.IsZero() {
			day = until
		}
		put(Alert{
			Code: "expiry_within_loan", Date: day, Loan: l.Reference, Source: TermArticle(w.Fees.Kind, w.Fees.Filing), Cause: loanCause(l.Reference),
			Zh: fmt.Sprintf("专利最后受保护日%s早于债务到期日%s", last, l.Maturity), En: fmt.Sprintf("The last protected day, %s, comes before the debt matures on %s", last, l.Maturity),
		})
	}
	w.feeAlerts(&state, put)
	slices.SortStableFunc(out, func(a, b Alert) int {
		return cmp.Or(a.Date.Compare(b.Date), strings.Compare(a.Code, b.Code), strings.Compare(a.Cause, b.Cause))
	})
	return out
}

// feeAlerts tells the thresholds of the first unpaid fee. A right that had
// ended before a threshold owes no fee on it; one that ended for want of this
// very fee had crossed them all.
func (w Watched) feeAlerts(state *State, put func(Alert)) {
	fees := w.Fees
	if fees.PaidThrough == nil || fees.Filing.IsZero() {
		return
	}
	year := fees.paid() + 1
	if year > TermYears(fees.Kind, fees.Filing) {
		return
	}
	due := FeeDue(fees.Filing, year)
	tell := func(code string, day calendar.Date, zh, en string) {
		if state.Standing == Dead && state.Reason != "fee_unpaid" && !day.Before(state.Since) {
			return
		}
		put(Alert{
			Code: code, Date: day, Source: "年费标准", Cause: feeCause(code, year),
			Zh: fmt.Sprintf("第%d年度年费%s元应于%s前缴纳，%s", year, fees.Fee(year), due, zh),
			En: fmt.Sprintf("The fee of year %d, %s yuan, is due by %s: %s", year, fees.Fee(year), due, en),
		})
	}
	for _, left := range []int{90, 60, 30} {
		tell(fmt.Sprintf("fee_due_%d", left), due.AddDays(-left), fmt.Sprintf("%d天内到期", left), fmt.Sprintf("within %d days", left))
	}
	tell("fee_late", w.Days.NextWorkday(due).AddDays(1), "已进入滞纳期", "in the months of grace")
	tell("fee_lapse", w.Days.NextWorkday(due.AddMonths(graceMonths)).AddDays(1), "滞纳期已过，权利自该日终止", "the months of grace are over and the right has ended as of that day")
}
