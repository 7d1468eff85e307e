package desk

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"zhijia/internal/calendar"
	"zhijia/internal/encumbrance"
	"zhijia/internal/fault"
	"zhijia/internal/lending"
	"zhijia/internal/mark"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/ruling"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
)

// valueMark answers the grounds of a trademark's pledge from its row. The register
// of marks is not on file, and a mark's value needs facts that no row has: the
// row says what to bring, and never what a patent would need.
func valueMark(row lending.Row, on calendar.Date) lending.Valued {
	v := lending.Valued{Row: row, Status: valuation.Abstained, ReasonCode: "mark.value", Reason: "商标按许可费节省法估值，须有品牌收入、许可费率、折现率和有效期及其来源，见商标质押（zhijia mark check）"}
	if n, err := mark.ParseNumber(row.Number); err == nil {
		v.Key = patent.Key(encumbrance.Right{Kind: encumbrance.Trademark, Number: n}.Key()) // as the ledger knows it
	}
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
	v.Eligibility.Findings = markGrounds(r.Decide().Findings, m.Number)
	return v
}

// markGrounds are what is no pass of a mark's findings, as grounds of its pledge.
func markGrounds(findings []ruling.Finding, number string) (out []patent.Finding) {
	for _, f := range findings {
		if f.Outcome == ruling.Pass || f.Subject != "" && f.Subject != number {
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
		out = append(out, g)
	}
	return out
}

// markMonths is how long a kept decision values a mark.
const markMonths = 12

// decidedMark takes the grounds and the value of a mark from the decision that its
// row names. Marks decided together share their value in equal parts: which of
// them earns it is not told.
func decidedMark(ctx context.Context, db *store.DB, institution string, v *lending.Valued, on calendar.Date) error {
	r, err := db.ProductResult(ctx, institution, v.Row.MarkResult)
	if err != nil {
		return err
	}
	bad := func(code, zh, en string) error {
		return fault.New(fault.Invalid, code, zh, en, fault.Field{Field: "mark_result", Code: code, Zh: zh, En: en})
	}
	if r.Kind != "mark" {
		return bad("mark.result", r.ID+" 不是商标质押的结果。", r.ID+" is no decision on a pledge of marks.")
	}
	var out mark.Result
	if err := json.Unmarshal(r.Result, &out); err != nil {
		return err
	}
	number, err := mark.ParseNumber(v.Row.Number)
	if err != nil {
		return err
	}
	k := slices.IndexFunc(out.Rows, func(x mark.Row) bool { n, err := mark.ParseNumber(x.Number); return err == nil && n == number })
	switch {
	case k < 0:
		return bad("mark.result_number", "结果 "+r.ID+" 中没有商标 "+v.Row.Number+"。", "The decision "+r.ID+" holds no mark "+v.Row.Number+".")
	case out.On.After(on) || out.On.AddMonths(markMonths).Before(on):
		return bad("mark.result_day", "结果 "+r.ID+" 的基准日 "+out.On.String()+" 不在 "+on.String()+" 以前十二个月内，请重新审查。", "The decision "+r.ID+" is of "+out.On.String()+", not of the twelve months before: decide it again.")
	}
	v.Eligibility.Findings = markGrounds(out.Decision.Findings, out.Rows[k].Number)
	v.Valuation, v.Expiry = r.ID, calendar.Date{}
	if out.Value == nil {
		return nil
	}
	weights := make([]int64, len(out.Rows))
	for i := range weights {
		weights[i] = 1
	}
	part := func(x money.Fen) money.Fen {
		parts, err := x.MulRate(out.Haircut).Allocate(weights)
		if err != nil {
			return 0
		}
		return parts[k]
	}
	v.Status, v.ReasonCode, v.Reason = valuation.Valued, "", ""
	v.Low, v.Point, v.High = part(out.Value.Low), part(out.Value.Point), part(out.Value.High)
	return nil
}
