package valuation

import (
	"fmt"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
	"zhijia/internal/valuation/terms"
)

// Check compares what is stated of each patent with itself, with its number and
// with the law in force on its filing date, before anything is valued. What
// cannot be true is refused, by field; what may be a slip or a matter of
// convention is flagged. Every entrance values through [Conclude], which asks
// here first.
func Check(asg *Assignment, ev *Evidence) (refused []fault.Field, flags []terms.Flag) {
	legal := map[string]LegalState{}
	for _, l := range ev.Legal {
		legal[l.Number] = l
	}
	for i, p := range asg.Subject {
		field := func(name string) string { return fmt.Sprintf("subject[%d].%s", i, name) }
		refuse := func(name, code, zh, en string) {
			refused = append(refused, fault.Field{Field: field(name), Code: code, Zh: zh, En: en})
		}
		flag := func(code, zh, en string) {
			flags = append(flags, terms.NewFlag(code, "review", p.Number+" "+zh, p.Number+": "+en))
		}
		checkDates(p, asg.Date, refuse, flag)
		if n, err := patent.ParseNumber(p.Number); err == nil && n.Form == patent.Application {
			checkNumber(p, n, refuse, flag)
		}
		if l, ok := legal[p.Number]; ok && l.State == Alive && !p.End().IsZero() && !p.End().After(asg.Date) {
			flag("CHK-ALIVE", "登记为有效，但保护期在基准日已届满", "stated to be alive although its term had ended by the valuation date")
		}
	}
	if t := asg.LicenceTerm; t != nil && asg.Purpose == terms.PurposeLicence {
		longest := 0.0
		known := true
		for _, p := range asg.Subject {
			life, ok := p.Life(asg.Date)
			known, longest = known && ok, max(longest, life)
		}
		if known && *t > longest {
			flags = append(flags, terms.NewFlag("CHK-TERM", "review", "许可期限长于专利剩余保护期，超出部分不计价", "the licence is longer than the protection that is left: the rest earns nothing"))
		}
	}
	return refused, flags
}

// checkDates compares the dates of a patent with each other and with the
// valuation date.
func checkDates(p terms.Patent, t calendar.Date, refuse func(name, code, zh, en string), flag func(code, zh, en string)) {
	if p.Filing.IsZero() {
		return
	}
	if t.Before(p.Filing) {
		refuse("filing_date", "date.after_valuation", "基准日早于申请日，当时尚无此专利；请核对两个日期", "is after the valuation date: there was nothing to value; check both dates")
	}
	if !p.Grant.IsZero() && p.Grant.Before(p.Filing) {
		refuse("grant_date", "date.order", "授权日早于申请日；请核对", "is before the filing date; check both")
	}
	if !p.Grant.IsZero() && !p.Grant.Before(t) {
		flag("CHK-GRANT", "在基准日尚未授权，按申请看待", "was not yet granted on the valuation date: it was an application")
	}
	if p.Expiry.IsZero() {
		return
	}
	if !p.Expiry.After(p.Filing) {
		refuse("expiry_date", "date.order", "届满日不晚于申请日；请核对", "is not after the filing date; check both")
		return
	}
	law := patent.Expiry(p.Kind, p.Filing, 0)
	if law.IsZero() {
		return
	}
	// Some state the last protected day, some the first day after it.
	switch off := law.DaysUntil(p.Expiry); {
	case off < -1:
		flag("CHK-EXPIRY", "届满日早于法定期限（"+law.String()+"），请核对", "ends before its statutory term ("+law.String()+"); check the date")
	case off > 0 && p.Kind != patent.Invention:
		flag("CHK-EXPIRY", "届满日晚于法定期限（"+law.String()+"），该类专利没有期限补偿，请核对", "ends after its statutory term ("+law.String()+"), which is not extended for this kind; check the date")
	}
}

// checkNumber compares a patent with what its application number tells.
func checkNumber(p terms.Patent, n patent.Number, refuse func(name, code, zh, en string), flag func(code, zh, en string)) {
	if n.Kind != "" && p.Kind != "" && n.Kind != p.Kind {
		refuse("kind", "kind.contradicts_number", "专利号是"+n.Kind.Zh()+"，所填类型是"+p.Kind.Zh()+"；请改其一", fmt.Sprintf("the number is of kind %s, stated is %s; correct one of them", n.Kind, p.Kind))
	}
	if n.Year > 0 && !p.Filing.IsZero() && !n.PCT && n.Year != p.Filing.Year {
		flag("CHK-YEAR", fmt.Sprintf("号中的申请年份是 %d，所填申请日是 %s，请核对", n.Year, p.Filing), fmt.Sprintf("its number is of %d, the filing date given is %s; check both", n.Year, p.Filing))
	}
}

// endByNumber is the last day on which a right can have ended by its number
// alone: filed at the end of the number's year and not extended. Zero when the
// number does not tell.
func endByNumber(p terms.Patent) calendar.Date {
	n, err := patent.ParseNumber(p.Number)
	if err != nil || n.Form != patent.Application || n.Year == 0 || n.PCT {
		return calendar.Date{}
	}
	kind := n.Kind
	if kind == "" {
		kind = p.Kind
	}
	return patent.Expiry(kind, calendar.New(n.Year, 12, 31), 0)
}
