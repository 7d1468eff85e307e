package desk

import (
	"strings"

	"zhijia/internal/calendar"
	"zhijia/internal/lending"
	"zhijia/internal/mark"
	"zhijia/internal/patent"
	"zhijia/internal/ruling"
	"zhijia/internal/valuation"
)

// valueMark answers the grounds of a trademark's pledge from its row. The register
// of marks is not on file, and a mark's value needs facts that no row has: the
// row says what to bring, and never what a patent would need.
func valueMark(row lending.Row, on calendar.Date) lending.Valued {
	v := lending.Valued{Row: row, Status: valuation.Abstained, ReasonCode: "mark.value", Reason: "商标按许可费节省法估值，须有品牌收入、许可费率、折现率和有效期及其来源，见商标质押（zhijia mark check）"}
	v.State = patent.State{On: on, Owners: row.Owners, Pledged: row.Pledged, Preserved: row.Preserved, Challenged: row.Challenged}
	m := mark.Mark{
		Number: row.Number, Name: row.Title, Co: row.CoOwners, CoConsent: row.CoConsent, Registered: row.Grant, TermEnd: row.TermEnd,
		NonUsePending: row.NonUse, Challenged: row.Challenged, LastUse: row.LastUse, Pledged: row.Pledged, Preserved: row.Preserved, Licensed: row.Licensed,
	}
	if len(row.Owners) > 0 {
		m.Registrant = row.Owners[0]
		m.Co = append(append([]string{}, row.Owners[1:]...), m.Co...)
	}
	pledgor := row.Borrower
	if len(row.Pledgors) > 0 {
		pledgor = row.Pledgors[0]
	}
	switch {
	case row.Standing == patent.Dead:
		m.State = "lapsed"
	case row.Standing == patent.Alive:
		m.State = "registered"
	}
	if m.TermEnd.IsZero() && !m.Registered.IsZero() && mark.TermEnd(m.Registered).Before(on) {
		m.Registered = calendar.Date{} // whether it was renewed is not told
	}
	r := mark.Rules.Under()
	mark.Grounds(r, &m, pledgor, row.Maturity, on)
	r.Add("M04", ruling.Unknown, m.Number, "单行不能判断近似商标是否一并出质", "注册人名下相同近似商标的检索报告")
	for _, f := range r.Decide().Findings {
		if f.Outcome == ruling.Pass {
			continue
		}
		g := patent.Finding{Ground: patent.Ground{Code: f.Code, Zh: f.Zh, En: f.En}, Reason: f.Evidence, Supply: f.Supply}
		switch f.Outcome {
		case ruling.Block:
			g.Severity, g.Outcome = patent.Block, patent.Met
		case ruling.Warn:
			g.Severity, g.Outcome = patent.Warn, patent.Met
		case ruling.Review:
			g.Severity, g.Outcome = patent.Review, patent.Met
		default:
			g.Severity, g.Outcome = patent.Block, patent.Open
		}
		g.Zh = "商标：未满足“" + g.Zh + "”"
		if g.Outcome == patent.Open {
			g.Zh = "商标：不能确认“" + strings.TrimSuffix(f.Zh, "。") + "”"
		}
		v.Eligibility.Findings = append(v.Eligibility.Findings, g)
	}
	return v
}
