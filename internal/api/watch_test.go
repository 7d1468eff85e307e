package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"zhijia/internal/calendar"
	"zhijia/internal/gate/gatetest"
	"zhijia/internal/patent"
	"zhijia/internal/people"
	"zhijia/internal/store"
)

func TestWatchOverREST(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{}, people.Desk)

	r := w.Post("/v1/watch", map[string]any{"numbers": []string{"ZL 2013 1 0543019.6", gatetest.KnownNumber}, "note": "一季度质押"})
	if r.Code != http.StatusOK || !strings.Contains(r.Body.String(), `"added":1`) {
		t.Fatalf("%d %s", r.Code, r.Body)
	}
	for body, code := range map[string]string{
		`{"numbers":["201310543019.7"]}`: "number.check_digit", `{"numbers":["CN103575513A"]}`: "number.not_application", `{"numbers":[]}`: "field.", `{}`: "field.",
	} {
		if r := w.Post("/v1/watch", body); r.Code != http.StatusUnprocessableEntity || !strings.Contains(r.Body.String(), code) {
			t.Errorf("%s: %d %s", body, r.Code, r.Body)
		}
	}
	if r := w.Get("/v1/watch"); !strings.Contains(r.Body.String(), gatetest.KnownNumber) || !strings.Contains(r.Body.String(), "一季度质押") {
		t.Errorf("%s", r.Body)
	}

	type hook struct{ ID, Secret, URL string }
	made := w.Post("/v1/webhooks", map[string]any{"url": "https://bank.example/zhijia"})
	h := gatetest.Decode[hook](t, made.Body.Bytes())
	if made.Code != http.StatusCreated || !strings.HasPrefix(h.Secret, "whsec_") {
		t.Fatalf("%d %s", made.Code, made.Body)
	}
	if r := w.Get("/v1/webhooks"); strings.Contains(r.Body.String(), h.Secret) || strings.Contains(r.Body.String(), "whsec") || !strings.Contains(r.Body.String(), h.ID) {
		t.Errorf("the list tells the secret: %s", r.Body)
	}
	for _, to := range []string{"http://bank.example/", "https://10.0.0.1/", "https://169.254.169.254/latest", "https://localhost/x"} {
		if r := w.Post("/v1/webhooks", map[string]any{"url": to}); r.Code != http.StatusUnprocessableEntity || !strings.Contains(r.Body.String(), "webhook.url") {
			t.Errorf("%s: %d %s", to, r.Code, r.Body)
		}
	}

	err := w.DB.MergeEvents(context.Background(), []store.LegalEvent{
		{Number: gatetest.KnownNumber, Event: patent.Event{Code: "PE01", Effective: calendar.New(2019, 3, 2), Registration: "Y1", Party: "某银行", Source: "gazette"}},
		{Number: gatetest.KnownNumber, Event: patent.Event{Code: "TR01", Effective: calendar.New(2020, 3, 2), Source: "gazette"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Watch.Sweep(context.Background()); err != nil {
		t.Fatal(err)
	}
	type page struct {
		Alerts []store.Alert
		Next   int64
	}
	var seen []store.Alert
	after := int64(0)
	for range 3 { // one a page
		p := gatetest.Decode[page](t, w.Get("/v1/alerts?limit=1&after="+strconv.FormatInt(after, 10)).Body.Bytes())
		seen, after = append(seen, p.Alerts...), p.Next
	}
	if len(seen) != 2 || seen[0].Code == seen[1].Code || seen[1].Seq != after {
		t.Fatalf("%+v", seen)
	}
	if r := w.Post("/v1/alerts/"+seen[0].ID+":acknowledge", map[string]any{"note": "已核对"}); r.Code != http.StatusOK || !strings.Contains(r.Body.String(), "已核对") {
		t.Errorf("%d %s", r.Code, r.Body)
	}
	if p := gatetest.Decode[page](t, w.Get("/v1/alerts?open=true&number=201310543019.6").Body.Bytes()); len(p.Alerts) != 1 || p.Alerts[0].ID != seen[1].ID {
		t.Errorf("%+v", p)
	}
	type messages struct{ Deliveries []store.Delivery }
	m := gatetest.Decode[messages](t, w.Get("/v1/webhook-deliveries?status=waiting").Body.Bytes())
	if len(m.Deliveries) != 2 || m.Deliveries[0].Webhook != h.ID {
		t.Fatalf("%+v", m)
	}
	for path, code := range map[string]int{
		"/v1/webhooks/" + h.ID + ":test":                              http.StatusAccepted,
		"/v1/webhooks/" + h.ID + ":rotate":                            http.StatusOK,
		"/v1/webhook-deliveries/" + m.Deliveries[0].ID + ":redeliver": http.StatusNotFound, // it waits
		"/v1/watch/" + gatetest.KnownNumber + ":remove":               http.StatusNoContent,
	} {
		if r := w.Post(path, ""); r.Code != code {
			t.Errorf("%s: %d %s", path, r.Code, r.Body)
		}
	}
	if r := w.Post("/v1/webhooks/"+h.ID+":disable", ""); r.Code != http.StatusOK {
		t.Errorf("%d %s", r.Code, r.Body)
	}
	if m := gatetest.Decode[messages](t, w.Get("/v1/webhook-deliveries?status=dead").Body.Bytes()); len(m.Deliveries) != 3 {
		t.Errorf("ended with its subscription: %+v", m)
	}
	if r := w.Post("/v1/webhooks/"+h.ID+":rotate", ""); r.Code != http.StatusNotFound {
		t.Errorf("%d %s", r.Code, r.Body)
	}

	// Who may do what.
	for role, want := range map[people.Role]int{people.Evaluator: http.StatusForbidden, people.Officer: http.StatusForbidden, people.Admin: http.StatusOK} {
		c := gatetest.Client{T: t, H: w.H, Key: gatetest.NewKey(t, w.DB, time.Time{}, role)}
		if r := c.Get("/v1/webhooks"); r.Code != want {
			t.Errorf("%s: %d", role, r.Code)
		}
		if r := c.Get("/v1/alerts"); r.Code != http.StatusOK {
			t.Errorf("%s polls: %d", role, r.Code)
		}
	}
}
