package dossier

import (
	"context"
	"testing"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

func TestDossierFromTheStore(t *testing.T) {
	t.Parallel()
	ctx, db := context.Background(), storetest.New(t)
	n, err := patent.ParseNumber("201310543019.6")
	if err != nil {
		t.Fatal(err)
	}
	day := calendar.MustParse("2026-06-01")
	if _, err := Read(ctx, db, "default", n, patent.PledgeFacts{}, day, calendar.Shipped()); fault.KindOf(err) != fault.NotFound {
		t.Fatalf("nothing on file: %v", err)
	}
	event := func(code, on string) store.LegalEvent {
		return store.LegalEvent{Number: n.String(), Event: patent.Event{Code: code, Effective: calendar.MustParse(on), Source: "gazette"}}
	}
	if err := db.MergeEvents(ctx, []store.LegalEvent{event("GR01", "2016-05-04")}); err != nil {
		t.Fatal(err)
	}
	d, err := Read(ctx, db, "default", n, patent.PledgeFacts{}, day, calendar.Shipped())
	if err != nil || d.StandingZh != "有效" || len(d.Missing) == 0 {
		t.Fatalf("events alone: %s, %v", d.StandingZh, err)
	}
	paid := 13
	err = db.MergePatents(ctx, []store.Patent{{
		Number: n.String(), Kind: "invention", Title: "一种电池", Filing: calendar.MustParse("2013-11-05"), Owners: []string{"甲公司"}, PaidThroughYear: &paid, Source: "import",
	}}, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	d, err = Read(ctx, db, "default", n, patent.PledgeFacts{Pledgors: []string{"甲公司"}}, day, calendar.Shipped())
	if err != nil || d.Title != "一种电池" || d.Fees.Status != patent.FeesPaid || d.Owners[0] != "甲公司" {
		t.Fatalf("%+v, %v", d.Fees, err)
	}
	// An event that arrives late restates the day.
	if err := db.MergeEvents(ctx, []store.LegalEvent{event("CF01", "2025-11-05")}); err != nil {
		t.Fatal(err)
	}
	if d, err = Read(ctx, db, "default", n, patent.PledgeFacts{}, day, calendar.Shipped()); err != nil || d.State.Standing != patent.Dead || d.Eligibility.Verdict != patent.Refused {
		t.Fatalf("lapsed: %s %s %v", d.StandingZh, d.Eligibility.Verdict, err)
	}
}
