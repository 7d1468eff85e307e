package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"zhijia/internal/calendar"
	"zhijia/internal/gate/gatetest"
	"zhijia/internal/patent"
	"zhijia/internal/people"
	"zhijia/internal/store"
)

// Leased, licensed exclusively, pledged elsewhere: said at once when a patent
// is put up, and in the dossier of everyone who asks.
func TestUsesAcrossProducts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{}, people.Desk)
	if err := w.DB.MergeEvents(context.Background(), []store.LegalEvent{{Number: gatetest.KnownNumber, Event: patent.Event{Code: "GR01", Effective: calendar.New(2016, 3, 2), Source: "gazette"}}}); err != nil {
		t.Fatal(err)
	}
	type answer struct{ Conflicts []store.OfferConflict }
	offer := func(product, reference, party, status string) []store.OfferConflict {
		t.Helper()
		r := w.Post("/v1/offers", map[string]any{"numbers": []string{"ZL201310543019.6"}, "product": product, "reference": reference, "party": party, "status": status})
		if r.Code != http.StatusOK {
			t.Fatalf("%d %s", r.Code, r.Body)
		}
		return gatetest.Decode[answer](t, r.Body.Bytes()).Conflicts
	}
	uses := func() string {
		t.Helper()
		var d struct {
			Uses []struct{ Act, Allowed string }
		}
		if err := json.Unmarshal(w.Get("/v1/patents/"+gatetest.KnownNumber+"/dossier").Body.Bytes(), &d); err != nil {
			t.Fatal(err)
		}
		out := ""
		for _, u := range d.Uses {
			out += map[string]string{"allowed": "+", "with_consent": "c", "forbidden": "-", "unknown": "?"}[u.Allowed]
		}
		return out
	}
	release := func(product, reference string) {
		t.Helper()
		if r := w.Post("/v1/offers:release", map[string]any{"product": product, "reference": reference}); r.Code != http.StatusOK || !strings.Contains(r.Body.String(), `"released":1`) {
			t.Errorf("%d %s", r.Code, r.Body)
		}
	}
	if got := uses(); got != "+++++" {
		t.Errorf("free: %s", got)
	}
	for _, c := range []struct{ product, uses, code string }{
		{"lease", "-c---", "second_use"}, {"exclusive_licence", "+--++", "after_exclusive"}, {"pledge", "ccc-c", "second_use"},
	} {
		if found := offer(c.product, "L-1", "示例大学", "committed"); len(found) != 0 {
			t.Errorf("%s first: %+v", c.product, found)
		}
		if got := uses(); got != c.uses {
			t.Errorf("%s: %s, want %s", c.product, got, c.uses)
		}
		if found := offer("pledge", "P-1", "示例大学", "offered"); len(found) != 1 || found[0].Code != c.code || string(found[0].Product) != c.product {
			t.Errorf("then pledged by the same: %+v", found)
		}
		if found := offer("pledge", "P-2", "另一公司", "offered"); len(found) != 2 || found[0].Code != "double_offer" {
			t.Errorf("then by another borrower: %+v", found)
		}
		release(c.product, "L-1")
		release("pledge", "P-1")
		release("pledge", "P-2")
	}
	if got := uses(); got != "+++++" {
		t.Errorf("all released: %s", got)
	}

	// A collateral check puts its patent up, too, and so does a batch.
	check := func(contract, borrower string) []store.OfferConflict {
		t.Helper()
		r := w.Post("/v1/collateral-checks", map[string]any{"rows": []map[string]any{{"number": gatetest.KnownNumber, "borrower": borrower, "contract": contract, "loan": 1000000}}})
		if r.Code != http.StatusOK {
			t.Fatalf("%d %s", r.Code, r.Body)
		}
		return gatetest.Decode[answer](t, r.Body.Bytes()).Conflicts
	}
	if found := check("C-1", "示例大学"); len(found) != 0 {
		t.Errorf("first check: %+v", found)
	}
	if found := check("C-2", "另一公司"); len(found) != 1 || found[0].Code != "double_offer" || found[0].Reference != "C-1" {
		t.Errorf("second check: %+v", found)
	}
}
