package api

import (
	"context"
	"net/http"
	"testing"

	"zhijia/internal/calendar"
	"zhijia/internal/gate/gatetest"
	"zhijia/internal/patent"
	"zhijia/internal/people"
	"zhijia/internal/store"
)

func TestDossierOverREST(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{}, people.Officer)
	err := w.DB.MergeEvents(context.Background(), []store.LegalEvent{
		{Number: gatetest.KnownNumber, Event: patent.Event{Code: "GR01", Effective: calendar.New(2016, 3, 2), Source: "gazette"}},
		{Number: gatetest.KnownNumber, Event: patent.Event{Code: "PE01", Effective: calendar.New(2025, 3, 2), Registration: "Y1", Party: "某银行", Source: "gazette"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	type dossier struct {
		Standing string                          `json:"standing_zh"`
		State    struct{ Pledged string }        `json:"state"`
		Pledge   struct{ Verdict string }        `json:"pledge"`
		Said     []struct{ Key, Source string }  `json:"statements"`
		Uses     []struct{ Act, Allowed string } `json:"uses"`
	}
	for day, want := range map[string]string{"2024-06-01": "no", "2026-06-01": "yes"} {
		r := w.Get("/v1/patents/" + gatetest.KnownNumber + "/dossier?as_of=" + day + "&pledgor=示例大学&maturity=2028-01-01")
		if r.Code != http.StatusOK {
			t.Fatalf("%d %s", r.Code, r.Body)
		}
		d := gatetest.Decode[dossier](t, r.Body.Bytes())
		if d.Standing != "有效" || d.State.Pledged != want || len(d.Said) < 5 || len(d.Uses) != 5 {
			t.Errorf("%s: %+v", day, d)
		}
		if want == "yes" && d.Pledge.Verdict != "refused" {
			t.Errorf("pledged twice: %s", d.Pledge.Verdict)
		}
	}
	type polled struct{ Alerts []patent.Alert }
	got := gatetest.Decode[polled](t, w.Get("/v1/patents/"+gatetest.KnownNumber+"/alerts?since=2025-01-01&until=2026-01-01&maturity=2034-01-01").Body.Bytes())
	if len(got.Alerts) != 2 || got.Alerts[0].Code != "pledge" || got.Alerts[1].Code != "expiry_within_loan" {
		t.Errorf("%+v", got)
	}
	for path, code := range map[string]int{
		"/v1/patents/201310543019.7/dossier":                                http.StatusUnprocessableEntity,
		"/v1/patents/202010123456.2/dossier":                                http.StatusNotFound,
		"/v1/patents/" + gatetest.KnownNumber + "/dossier?as_of=yesterday":  http.StatusUnprocessableEntity,
		"/v1/patents/" + gatetest.KnownNumber + "/dossier?as_of=2026-13-40": http.StatusUnprocessableEntity,
	} {
		if r := w.Get(path); r.Code != code {
			t.Errorf("%s: %d %s", path, r.Code, r.Body)
		}
	}
}
