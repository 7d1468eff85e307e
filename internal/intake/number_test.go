package intake_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"zhijia/internal/calendar"
	"zhijia/internal/dossier"
	"zhijia/internal/intake"
	"zhijia/internal/patent"
	"zhijia/internal/store/storetest"
)

// A patent imported under one form of its number is the patent asked for under
// any other, and importing it under another form adds no second one.
func TestFormsOfNumberMeetInTheStore(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db, svc := setup(t, storetest.URL(t))
	load := func(dataset, number, publication string) {
		t.Helper()
		body := fmt.Sprintf("专利号,公开号,专利名称,专利类型,申请日,授权公告日,专利权人,IPC\n%s,%s,一种电池,发明,2013-11-05,2016-05-04,甲公司,H01M 4/36\n", number, publication)
		if dataset == "events" {
			body = fmt.Sprintf("专利号,事件代码,生效日,登记号,质权人\n%s,PE01,2025-03-01,Y2025310000001,乙银行\n", number)
		}
		rep, err := intake.Run(ctx, db, svc, actor, dataset, "p.csv", strings.NewReader(body), intake.Options{})
		if err != nil || rep.Rejected > 0 {
			t.Fatalf("%s: %+v, %v", number, rep, err)
		}
	}
	forms := []string{"CN 201310543019 A", "CN20131543019", "CN201310543019.6A", "201310543019.6", "ZL 2013 1 0543019.6", "CN.201310543019.A"}
	for _, form := range forms {
		load("patents", form, "CN_103575513_B_20160504")
	}
	load("events", "CN20131543019", "")
	for _, form := range append(forms, "CN103575513B", "CN-103575513-B", "CN103575513B8") {
		n, err := patent.ParseNumber(form)
		if err != nil {
			t.Fatal(err)
		}
		p, err := db.Patent(ctx, string(n.Key()))
		if err != nil || p.Number != "CN201310543019.6" {
			t.Errorf("%s: %s, %v", form, p.Number, err)
		}
		d, err := dossier.Read(ctx, db, actor.Institution, n, patent.PledgeFacts{}, calendar.New(2026, 11, 26), calendar.Shipped())
		if err != nil || len(d.State.Pledges) != 1 {
			t.Errorf("%s: the pledge is not seen: %+v, %v", form, d.State.Pledges, err)
		}
	}
	// Of 1985 to 1988 the publication number is the application number.
	load("patents", "CN85100001A", "CN85100001A")
	for _, form := range []string{"85100001", "CN85100001B", "CN 85100001 A"} {
		n, err := patent.ParseNumber(form)
		if err != nil {
			t.Fatal(err)
		}
		if p, err := db.Patent(ctx, string(n.Key())); err != nil || p.Number != "CN85100001.0" || p.PublicationNumber != "CN85100001A" {
			t.Errorf("%s: %s, %s, %v", form, p.Number, p.PublicationNumber, err)
		}
	}
}
