package valuation

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
	"zhijia/internal/valuation/terms"
)

// maxMembers bounds a bundle.
const maxMembers = 10000

// validate refuses what is malformed, naming each field. It never refuses
// for want of evidence.
func validate(asg *Assignment, ev *Evidence) error {
	var faults []fault.Field
	fail := func(field, code, zh, en string) {
		faults = append(faults, fault.Field{Field: field, Code: code, Zh: zh, En: en})
	}
	if asg.Date.IsZero() {
		fail("date", "field.required", "缺少评估基准日", "the valuation date is required")
	}
	if math.IsNaN(asg.Level) || asg.Level < 0 || asg.Level >= 1 {
		fail("level", "number.range", "区间水平须在 0 与 1 之间", "must lie between 0 and 1")
	}
	if math.IsNaN(asg.RightFraction) || asg.RightFraction < 0 || asg.RightFraction > 1 {
		fail("right_fraction", "number.range", "权利份额须在 0 与 1 之间", "must lie in (0, 1]")
	}
	if !slices.Contains(terms.Purposes[:], asg.Purpose) {
		fail("purpose", "text.choice", "评估目的不在列表内", fmt.Sprintf("unknown purpose %.40q", asg.Purpose))
	}
	switch {
	case len(asg.Subject) == 0:
		fail("subject", "field.required", "缺少评估对象", "at least one patent is required")
	case len(asg.Subject) > maxMembers:
		fail("subject", "list.long", "专利件数过多", fmt.Sprintf("more than %d patents", maxMembers))
	}
	if o := asg.Override; o != nil {
		if !(o.Value >= 0) || math.IsInf(o.Value, 0) {
			fail("override.value", "number.range", "人工金额须为非负有限数", "must be a finite amount, not negative")
		}
		if o.Reason == "" || o.Officer == "" {
			fail("override.reason", "field.required", "人工调整须注明理由和经办人", "an override needs a reason and an officer")
		}
	}
	checkMarket(asg, fail)
	quantity := func(field string, q *terms.Quantity, lo, hi float64) {
		if code := q.Check(lo, hi); code != "" {
			fail(field, code, "数值有误", fmt.Sprintf("is not a valid quantity in [%g, %g]", lo, hi))
		}
	}
	number := func(field string, p *float64, lo, hi float64) {
		if p != nil && !(*p >= lo && *p <= hi) { // also refuses NaN
			fail(field, "number.range", "超出范围或不是有限数", fmt.Sprintf("is not a number in [%g, %g]", lo, hi))
		}
	}
	number("licence_term_years", asg.LicenceTerm, 0, 100)
	number("public_ask", ev.Ask, 0.01, 1e15)
	for _, o := range ev.Open {
		number("open_licence.fee", &o.Fee, 0.01, 1e15)
		number("open_licence.years", &o.Years, 0, 100)
	}
	if f := ev.Income; f != nil {
		const yuan = 1e15
		for i := range f.Revenue {
			quantity(fmt.Sprintf("income.revenue[%d]", f.Revenue[i].Year), &f.Revenue[i].Quantity, 0, yuan)
		}
		for _, rows := range []struct {
			name string
			rows []terms.YearQuantity
		}{{"cash_flow_with", f.With}, {"cash_flow_without", f.Without}} {
			for i := range rows.rows {
				quantity(fmt.Sprintf("income.%s[%d]", rows.name, rows.rows[i].Year), &rows.rows[i].Quantity, -yuan, yuan)
			}
		}
		quantity("income.revenue_current", f.Current, 0, yuan)
		quantity("income.revenue_growth", f.Growth, -1, 10)
		quantity("income.royalty_rate", f.Royalty, 0, 1)
		quantity("income.operating_margin", f.Margin, 0, 1)
		quantity("income.profit_share", f.ProfitShare, 0, 1)
		quantity("income.royalty_per_unit", f.PerUnit, 0, yuan)
		quantity("income.units_per_year", f.Units, 0, yuan)
		quantity("income.lump_sum", f.LumpSum, 0, yuan)
		quantity("income.attribution", f.Attribution, 0, 1)
		quantity("income.tax_rate", f.Tax, 0, 1)
		quantity("income.discount_rate", f.Discount, 0, 10)
		quantity("income.risk_free_rate", f.RiskFree, -0.1, 1)
		quantity("income.economic_life_years", f.EconomicLife, 0, 100)
		quantity("income.contract_term_years", f.ContractTerm, 0, 100)
		quantity("income.hazard", f.Hazard, 0, 10)
		quantity("income.share_decay", f.Decay, 0, 1)
		quantity("income.annual_cost", f.AnnualCost, 0, yuan)
		number("income.tab_life_years", f.TABLife, 0.01, 100)
		if r := f.RoyaltyRange; r != nil && !(r[0] > 0 && r[1] >= r[0] && r[1] <= 1) {
			fail("income.royalty_range", "range.order", "须满足 0 < m ≤ n ≤ 1", "want 0 < m <= n <= 1")
		}
		if x := f.ExcessEarnings; x != nil {
			for i := range x.Earnings {
				quantity(fmt.Sprintf("income.excess_earnings.earnings[%d]", x.Earnings[i].Year), &x.Earnings[i].Quantity, -yuan, yuan)
			}
			quantity("income.excess_earnings.attrition", x.Attrition, 0, 1)
			for i, a := range x.Assets {
				number(fmt.Sprintf("income.excess_earnings.contributory_assets[%d].value", i), &a.Value, 0, yuan)
				number(fmt.Sprintf("income.excess_earnings.contributory_assets[%d].return", i), &a.Return, 0, 10)
			}
		}
		if f.Inputs != "" && !slices.Contains(terms.AllInputs[:], f.Inputs) {
			fail("income.inputs", "text.choice", "须为 market、owner、buyer 或 contract", fmt.Sprintf("want one of %v", terms.AllInputs))
		}
		for i, c := range f.Correlations {
			if !(c.Rho > -1 && c.Rho < 1) {
				fail(fmt.Sprintf("income.correlations[%d].rho", i), "number.range", "相关系数须在 -1 与 1 之间", "must lie in (-1, 1)")
			}
		}
		if w := f.WACC; w != nil {
			for name, p := range map[string]*float64{"equity": &w.Equity, "debt": &w.Debt, "tax_rate": &w.Tax, "cost_of_debt": &w.CostOfDebt, "cost_of_equity": w.CostOfEquity, "beta": w.Beta, "risk_free_rate": w.RiskFree, "equity_risk_premium": w.Premium} {
				number("income.wacc."+name, p, -1, yuan)
			}
		}
	}
	if f := ev.Cost; f != nil {
		for name, q := range map[string]*terms.Quantity{"reproduction": f.Reproduction, "replacement": f.Replacement, "labour": f.Labour, "expenses": f.Expenses, "overhead": f.Overhead, "fees": f.Fees, "opportunity": f.Opportunity, "profit": f.Profit} {
			quantity("cost."+name, q, 0, 1e15)
		}
		for name, p := range map[string]*float64{"functional": f.Functional, "technological": f.Technological, "economic": f.Economic} {
			number("cost."+name, p, 0, 1)
		}
		number("cost.index", f.Index, 0.01, 100)
		number("cost.age_years", f.Age, 0, 100)
		number("cost.remaining_life_years", f.RemainingLife, 0, 100)
		if f.Form != "" && f.Form != "multiplicative" && f.Form != "additive" {
			fail("cost.form", "text.choice", "须为 multiplicative 或 additive", "must be multiplicative or additive")
		}
	}
	if f := ev.Damages; f != nil {
		for name, q := range map[string]*terms.Quantity{"loss": f.Loss, "gain": f.Gain, "licence_fee": f.LicenceFee, "reasonable_costs": f.Costs} {
			quantity("damages."+name, q, 0, 1e15)
		}
		number("damages.licence_multiple", f.Multiple, 0, 100)
		number("damages.punitive_multiplier", f.Multiplier, 1, 100)
		if !f.From.IsZero() && !f.To.IsZero() && f.To.Before(f.From) {
			fail("damages.to", "date.order", "侵权行为结束日早于开始日", "the last act lies before the first")
		}
		if f.To.After(asg.Date) {
			fail("damages.to", "date.range", "侵权行为结束日晚于评估基准日", "the last act lies after the valuation date")
		}
	}
	if f := ev.Option; f != nil {
		quantity("option.project_value", f.Project, 0, 1e15)
		quantity("option.development_cost", f.Cost, 0, 1e15)
		quantity("option.volatility", f.Volatility, 0, 10)
		quantity("option.years", f.Years, 0, 100)
		quantity("option.risk_free_rate", f.RiskFree, -0.5, 1)
		quantity("option.cost_of_delay", f.Delay, 0, 10)
	}
	if r := ev.Rank; r != nil && !(r.Percentile > 0 && r.Percentile < 1) {
		fail("rank.percentile", "number.range", "百分位须在 0 与 1 之间", "must lie in (0, 1)")
	}
	for _, s := range ev.Indicators {
		number("indicators."+s.Code+".score", s.Score, 0, 100)
	}
	quantity("sale_chance", ev.SaleChance, 0, 1)
	refused, _ := Check(asg, ev)
	faults = append(faults, refused...)
	if len(faults) > 0 {
		slices.SortStableFunc(faults, func(a, b fault.Field) int { return cmp.Compare(a.Field, b.Field) })
		return fault.New(fault.Invalid, "valuation.input", "估值输入有误。", "the valuation's inputs are not valid", faults...)
	}
	return nil
}

// member is one patent of the subject after legal state and family.
type member struct {
	terms.Patent
	share  float64 // 1, the family share, or 0
	reason string  // why 0
}

// members sorts, deduplicates and discounts the subject's patents, and splits
// off the dead. unknown counts live members whose state nobody knows.
func (a *Assumptions) members(asg *Assignment, ev *Evidence) (all []member, live []terms.Patent, count float64, unknown int) {
	state := map[string]LegalState{}
	for _, l := range ev.Legal {
		// The worst standing wins when a number is listed twice.
		if old, ok := state[l.Number]; !ok || rankStanding(l.State) > rankStanding(old.State) {
			state[l.Number] = l
		}
	}
	subject := slices.Clone(asg.Subject)
	slices.SortStableFunc(subject, func(x, y terms.Patent) int {
		return cmp.Or(cmp.Compare(x.Number, y.Number), cmp.Compare(x.Title, y.Title), x.Filing.Compare(y.Filing), cmp.Compare(x.TextHash, y.TextHash))
	})
	families := map[string]bool{}
	for i, p := range subject {
		if i > 0 && p.Number != "" && p.Number == subject[i-1].Number {
			continue // the same patent twice is one patent
		}
		m := member{Patent: p, share: 1}
		reason, known := deadReason(p, state[p.Number], asg.Date)
		switch {
		case reason != "":
			m.share, m.reason = 0, reason
		case p.Kind == patent.Design:
			m.share, m.reason = 0, "subject.kind_unsupported"
		default:
			if p.FamilyID != "" {
				if families[p.FamilyID] {
					m.share = a.Bundle.FamilyShare.Value
				}
				families[p.FamilyID] = true
			}
			if !known {
				unknown++
			}
			live = append(live, p)
		}
		count += m.share
		all = append(all, m)
	}
	return all, live, count, unknown
}

func rankStanding(s Standing) int {
	switch s {
	case Dead:
		return 2
	case Alive:
		return 1
	}
	return 0
}

// deadReason says why a patent is dead at t, or "" and whether its state is
// known. An event on or after t does not count.
func deadReason(p terms.Patent, l LegalState, t calendar.Date) (reason string, known bool) {
	e := p.End()
	if e.IsZero() && l.State != Alive { // the number's year still tells when it must have ended
		e = endByNumber(p)
	}
	if !e.IsZero() && !e.After(t) {
		return "legal.expired", true
	}
	switch l.State {
	case Dead:
		if !l.Since.IsZero() && !l.Since.Before(t) {
			return "", true // it died later
		}
		if l.Since.IsZero() && l.AsOf.After(t) {
			return "", false // dead by a later register: when is not known
		}
		if l.Reason != "" {
			return "legal." + l.Reason, true
		}
		return "legal.dead", true
	case Alive:
		return "", true
	}
	return "", false
}
