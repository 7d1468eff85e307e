package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"zhijia/internal/gate/gatetest"
	"zhijia/internal/people"
)

func TestKeys(t *testing.T) {
	t.Parallel()
	world := newWorld(t, options{}, people.Admin)
	admin, db := world.Client, world.DB

	w := admin.Post("/v1/keys", map[string]any{"name": "信贷部", "roles": []string{"officer"}})
	var made struct {
		ID, Key string
		Roles   []string
	}
	if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil || w.Code != http.StatusCreated || made.Key == "" {
		t.Fatalf("create: %d %s", w.Code, w.Body)
	}
	officer := gatetest.Client{T: t, H: world.gate, Key: made.Key}
	if w := officer.Get("/v1/whoami"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "信贷部") {
		t.Errorf("whoami: %d %s", w.Code, w.Body)
	}
	if p := gatetest.Problem(t, officer.Get("/v1/keys")); p.Code != "auth.role" || p.Status != http.StatusForbidden {
		t.Errorf("an officer listing keys: %+v", p)
	}
	if w := admin.Get("/v1/keys"); strings.Contains(w.Body.String(), made.Key[len(made.Key)-64:]) || !strings.Contains(w.Body.String(), made.ID) {
		t.Errorf("the list shows a secret or lacks the key: %s", w.Body)
	}
	if w := admin.Post("/v1/keys/"+made.ID+":revoke", "{}"); w.Code != http.StatusOK {
		t.Fatalf("revoke: %d %s", w.Code, w.Body)
	}
	if p := gatetest.Problem(t, officer.Get("/v1/whoami")); p.Code != "auth.revoked" {
		t.Errorf("a revoked key: %+v", p)
	}

	// People of the institution: added, given other roles, disabled.
	if w := admin.Post("/v1/people", map[string]any{"login": "li.si", "name": "李四", "password": "correct horse battery", "roles": []string{"officer"}}); w.Code != http.StatusCreated {
		t.Fatalf("add a person: %d %s", w.Code, w.Body)
	}
	for _, x := range []struct {
		path, want string
		body       any
	}{
		{"/v1/people/li.si:roles", `"roles":["officer","approver"]`, map[string]any{"roles": []string{"officer", "approver"}}},
		{"/v1/people/li.si:disable", `"disabled_at":"`, "{}"},
	} {
		if w := admin.Post(x.path, x.body); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), x.want) {
			t.Errorf("%s: %d %s", x.path, w.Code, w.Body)
		}
	}

	flip := made.Key[:len(made.Key)-1] + string('0'+('1'-made.Key[len(made.Key)-1]%2)%2)
	for name, c := range map[string]struct{ key, code string }{
		"none":         {"", "auth.missing"},
		"malformed":    {"zj_x", "auth.invalid"},
		"unknown id":   {"zj_aaaaaaaaaaaa_" + strings.Repeat("0", 64), "auth.invalid"},
		"wrong secret": {flip, "auth.invalid"},
		"expired":      {gatetest.NewKey(t, db, time.Now().Add(-time.Minute), people.Officer), "auth.expired"},
		"hostile":      {"zj_' OR 1=1 --_" + strings.Repeat("0", 64), "auth.invalid"},
	} {
		p := gatetest.Problem(t, gatetest.Client{T: t, H: world.gate, Key: c.key}.Get("/v1/whoami"))
		if p.Code != c.code || p.Status != http.StatusUnauthorized {
			t.Errorf("%s: %+v", name, p)
		}
	}
}
