package intake_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/dossier"
	"zhijia/internal/intake"
	"zhijia/internal/patent"
	"zhijia/internal/store/storetest"
	"zhijia/internal/valuation"
)

// Days added to a term are read from the file, shown with their source and
// date, and move the end of the right: for the pledge's maturity, for the
// value, for days after the record was made and not before.
func TestAddedDaysOfTerm(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db, svc := setup(t, storetest.URL(t))
	body := `专利号,专利名称,专利类型,申请日,授权公告日,专利权人,IPC,专利权期限补偿天数,药品期限补偿天数,来源,来源日期
201310543019.6,一种电池,发明,2013-11-05,2022-05-04,甲公司,H01M 4/36,120,,登记簿副本,2026-01-10
201320543019.3,一种电池壳,实用新型,2013-11-05,2014-05-04,甲公司,H01M 4/36,120,,登记簿副本,2026-01-10
201710601862.3,一种药物,发明,2017-07-20,2020-01-03,甲公司,A61K 36/00,,1828,登记簿副本,2026-01-10
`
	body = strings.Replace(body, "201320543019.3", "201320543019."+string(patent.CheckDigit("201320543019")), 1)
	rep, err := intake.Run(ctx, db, svc, actor, "patents", "p.csv", strings.NewReader(body), intake.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	for _, r := range rep.Rejects {
		codes = append(codes, r.Code)
	}
	if rep.Accepted != 1 || !slices.Equal(codes, []string{"term.kind", "term.range"}) || len(rep.Ignored) > 0 {
		t.Fatalf("%+v", rep)
	}
	n, err := patent.ParseNumber("201310543019.6")
	if err != nil {
		t.Fatal(err)
	}
	dossier := func(on string) patent.Dossier {
		t.Helper()
		d, err := dossier.Read(ctx, db, actor.Institution, n, patent.PledgeFacts{Maturity: calendar.MustParse("2034-02-01")}, calendar.MustParse(on), calendar.Shipped())
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	outcome := func(d patent.Dossier) patent.Outcome { return d.Eligibility.Findings[5].Outcome } // E06
	before, after := dossier("2025-12-31"), dossier("2026-06-01")
	if before.Term.LastProtected.String() != "2033-11-04" || before.Term.Adjustment != nil || outcome(before) != patent.Met {
		t.Errorf("before the record: %+v, E06 %s", before.Term, outcome(before))
	}
	if after.Term.LastProtected.String() != "2034-03-04" || *after.Term.Adjustment != 120 || outcome(after) != patent.Clear {
		t.Errorf("after the record: %+v, E06 %s", after.Term, outcome(after))
	}
	i := slices.IndexFunc(after.Statements, func(s patent.Statement) bool { return s.Key == "adjustment_days" })
	if i < 0 || after.Statements[i].Source != "登记簿副本" || after.Statements[i].Date.String() != "2026-01-10" {
		t.Errorf("not told with source and date: %+v", after.Statements)
	}
	if !slices.ContainsFunc(before.Missing, func(g patent.Gap) bool { return g.Key == "adjustment_days" }) || !slices.ContainsFunc(after.Missing, func(g patent.Gap) bool { return g.Key == "fees_of_added_term" }) {
		t.Errorf("gaps: %+v, %+v", before.Missing, after.Missing)
	}
	// Ended by the twenty years, alive by the days added, then ended for good.
	expiring := "200510012345." + string(patent.CheckDigit("200510012345"))
	body = "专利号,专利名称,专利类型,申请日,授权公告日,IPC,期限补偿天数,来源日期\n" + expiring + ",一种电机,发明,2005-10-01,2011-01-05,H02K 1/00,120,2025-01-01\n"
	if rep, err := intake.Run(ctx, db, svc, actor, "patents", "p.csv", strings.NewReader(body), intake.Options{}); err != nil || rep.Accepted != 1 {
		t.Fatalf("%+v, %v", rep, err)
	}
	for on, dead := range map[string]bool{"2025-12-01": false, "2026-01-28": false, "2026-01-29": true} {
		d, err := svc.Draft(ctx, actor, appraisal.Request{Number: expiring, Purpose: "pledge", Date: calendar.MustParse(on)})
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Conclusion.Status == valuation.Zero; got != dead {
			t.Errorf("valued on %s: %s", on, d.Conclusion.Status)
		}
	}
}
