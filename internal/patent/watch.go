package patent

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"zhijia/internal/civil"
)

// Alert is something about a watched patent that a lender should know.
type Alert struct {
	Number string     `json:"number"`
	Code   string     `json:"code"` // fee_due_90, fee_due_60, fee_due_30, fee_late, fee_lapse, transfer, pledge, preservation, lapse, restored, invalidity_filed, invalidated, expiry_within_loan
	Date   civil.Date `json:"date"` // on which it could first be known
	Zh     string     `json:"zh"`
	Event  string     `json:"event,omitempty"` // gazette code
	Source string     `json:"source,omitempty"`
}

// alertCodes are the events worth an alert.
var alertCodes = map[string]string{
	"TR01": "transfer", "PE01": "pledge", "PP01": "preservation", "CF01": "lapse", "AV01": "lapse", "CX01": "lapse", "RR01": "restored",
	"IF01": "invalidity_filed", "IP01": "invalidated", "IW01": "invalidated",
}

// Alerts returns what became known about a patent after since and up to until,
// in order of date: events made public, thresholds its fees crossed, and a loan
// that outlives it (maturity; zero: no loan). It depends on its inputs alone,
// so a poll repeated gives the same alerts and a late event restates them.
func Alerts(number string, events []Event, fees FeeAccount, maturity, since, until civil.Date) []Alert {
	var out []Alert
	put := func(code string, day civil.Date, zh, event, source string) {
		if day.After(since) && !day.After(until) {
			out = append(out, Alert{number, code, day, zh, event, source})
		}
	}
	state := Reduce(events, until)
	for _, e := range state.Statements {
		if code := alertCodes[e.Code]; code != "" {
			zh := fmt.Sprintf("%s（%s），%s生效", Codes[e.Code], e.Code, e.Effective)
			if who := strings.Join(append(slices.Clone(e.After), e.Party), "、"); strings.Trim(who, "、") != "" {
				zh += "，" + strings.Trim(who, "、")
			}
			put(code, e.Public(), zh, e.Code, e.Source)
		}
	}
	expiry := Expiry(fees.Kind, fees.Filing, 0)
	if !expiry.IsZero() && !maturity.IsZero() && !maturity.Before(expiry) {
		put("expiry_within_loan", until, fmt.Sprintf("专利最后受保护日%s早于债务到期日%s", expiry.AddDays(-1), maturity), "", "term from the filing date")
	}
	if fees.PaidThrough != nil && !fees.Filing.IsZero() && state.Standing != Dead {
		year := fees.paid() + 1
		if year <= TermYears(fees.Kind, fees.Filing) {
			due := FeeDue(fees.Filing, year)
			what := fmt.Sprintf("第%d年度年费%s元应于%s前缴纳", year, fees.Fee(year), due)
			for _, left := range []int{90, 60, 30} {
				put(fmt.Sprintf("fee_due_%d", left), due.AddDays(-left), fmt.Sprintf("%s，%d天内到期", what, left), "", "annual fee schedule")
			}
			put("fee_late", due.AddDays(1), what+"，已进入滞纳期", "", "annual fee schedule")
			put("fee_lapse", due.AddMonths(graceMonths).AddDays(1), what+"，滞纳期已过，权利自该日终止", "", "annual fee schedule")
		}
	}
	slices.SortStableFunc(out, func(a, b Alert) int { return cmp.Or(a.Date.Compare(b.Date), strings.Compare(a.Code, b.Code)) })
	return out
}
