package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"zhijia/internal/calendar"
	"zhijia/internal/patent"
	"zhijia/internal/store"
)

func TestDossierPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{}, Officer)
	err := w.db.MergeEvents(context.Background(), []store.LegalEvent{
		{Number: knownNumber, Event: patent.Event{Code: "GR01", Effective: calendar.New(2016, 3, 2), After: []string{"示例<b>大学"}, Source: "gazette"}},
		{Number: knownNumber, Event: patent.Event{Code: "CP01", Effective: calendar.New(2019, 1, 1), Before: []string{"示例<b>大学"}, After: []string{"示例科技大学"}, Source: "gazette"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, h: w.h}
	b.send("POST", "/officer/login", url.Values{"key": {w.key}})
	if r := b.send("GET", "/officer/patents", nil); r.Code != http.StatusOK || !strings.Contains(r.Body.String(), "权利档案") {
		t.Fatalf("%d", r.Code)
	}
	r := b.send("GET", "/officer/patents?"+url.Values{
		"number": {"ZL 2013 1 0543019.6"}, "as_of": {"2026-06-01"}, "pledgor": {"示例<b>大学"}, "maturity": {"2028-01-01"}, "contract": {"parties", "debt"}, "twin": {"yes"}, "declare_e10": {"已声明放弃"},
	}.Encode(), nil)
	body := r.Body.String()
	if r.Code != http.StatusOK || strings.Contains(body, "<b>大学") {
		t.Fatalf("%d, escaped: %t", r.Code, !strings.Contains(body, "<b>大学"))
	}
	for _, want := range []string{"E01", "E12", "曾用名", "示例科技大学", "不予受理", "已声明", "应备材料", "缺少", "来源", "最后受保护日", "还可以做什么"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q on the page", want)
		}
	}
	for q, code := range map[string]int{"number=201310543019.7": http.StatusUnprocessableEntity, "number=202010123456.2": http.StatusNotFound, "number=" + knownNumber + "&as_of=x": http.StatusUnprocessableEntity} {
		if r := b.send("GET", "/officer/patents?"+q, nil); r.Code != code || !strings.Contains(r.Body.String(), `role="alert"`) {
			t.Errorf("%s: %d", q, r.Code)
		}
	}
}

func TestQueuePages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{}, Officer)
	ctx := context.Background()
	if _, err := w.db.WatchPatents(ctx, "default", []string{knownNumber}, "", "test", w.srv.opt.Now()); err != nil {
		t.Fatal(err)
	}
	e := store.LegalEvent{Number: knownNumber, Event: patent.Event{Code: "PE01", Effective: calendar.New(2019, 1, 1), Party: "某<i>银行", Source: "gazette"}}
	if err := w.db.MergeEvents(ctx, []store.LegalEvent{e}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.srv.opt.Watch.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	pair := store.MatchPair{Kind: store.MatchParty, A: "甲|有限", B: "乙|有限", AShown: "甲<i>公司", BShown: "乙公司", Score: 0.7, Band: patent.Uncertain, Reasons: []string{"名称相近"}}
	if _, err := w.db.PutMatches(ctx, "default", []store.MatchPair{pair}, "test", w.srv.opt.Now()); err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, h: w.h}
	b.send("POST", "/officer/login", url.Values{"key": {w.key}})
	action := regexp.MustCompile(`action="(/officer/(?:alerts|matches)/[^"]+)"`)
	for _, c := range []struct {
		page, empty string
		bad, form   url.Values
	}{
		{"/officer/alerts", "没有待确认的预警", nil, url.Values{"note": {"已核对"}}},
		{"/officer/matches", "没有待核对的记录", url.Values{"verdict": {"same"}}, url.Values{"verdict": {"same"}, "reason": {"核对营业执照"}}},
	} {
		r := b.send("GET", c.page, nil)
		m := action.FindStringSubmatch(r.Body.String())
		if r.Code != http.StatusOK || m == nil || strings.Contains(r.Body.String(), "<i>") {
			t.Fatalf("%s: %d %s", c.page, r.Code, r.Body)
		}
		if r := b.send("POST", m[1], c.form); r.Code != http.StatusForbidden {
			t.Errorf("%s without the token: %d", m[1], r.Code)
		}
		token := b.csrf(r.Body.String())
		if c.bad != nil {
			c.bad.Set("csrf", token)
			if r := b.send("POST", m[1], c.bad); r.Code != http.StatusUnprocessableEntity || !strings.Contains(r.Body.String(), `role="alert"`) {
				t.Errorf("%s: %d", m[1], r.Code)
			}
		}
		c.form.Set("csrf", token)
		if r := b.send("POST", m[1], c.form); r.Code != http.StatusSeeOther {
			t.Errorf("%s: %d %s", m[1], r.Code, r.Body)
		}
		if r := b.send("GET", c.page, nil); !strings.Contains(r.Body.String(), c.empty) {
			t.Errorf("%s still waits: %s", c.page, r.Body)
		}
	}
}

// Leased, licensed exclusively, pledged elsewhere: said at once when a patent
// is put up, and in the dossier of everyone who asks.
func TestUsesAcrossProducts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{}, Desk)
	if err := w.db.MergeEvents(context.Background(), []store.LegalEvent{{Number: knownNumber, Event: patent.Event{Code: "GR01", Effective: calendar.New(2016, 3, 2), Source: "gazette"}}}); err != nil {
		t.Fatal(err)
	}
	type answer struct{ Conflicts []store.OfferConflict }
	offer := func(product, reference, party, status string) []store.OfferConflict {
		t.Helper()
		r := w.post("/v1/offers", map[string]any{"numbers": []string{"ZL201310543019.6"}, "product": product, "reference": reference, "party": party, "status": status})
		if r.Code != http.StatusOK {
			t.Fatalf("%d %s", r.Code, r.Body)
		}
		return decode[answer](t, r.Body.Bytes()).Conflicts
	}
	uses := func() string {
		t.Helper()
		var d struct {
			Uses []struct{ Act, Allowed string }
		}
		if err := json.Unmarshal(w.get("/v1/patents/"+knownNumber+"/dossier").Body.Bytes(), &d); err != nil {
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
		if r := w.post("/v1/offers:release", map[string]any{"product": product, "reference": reference}); r.Code != http.StatusOK || !strings.Contains(r.Body.String(), `"released":1`) {
			t.Errorf("%d %s", r.Code, r.Body)
		}
	}
	if got := uses(); got != "+++++" {
		t.Errorf("free: %s", got)
	}
	for _, c := range []struct{ product, uses, code string }{
		{"lease", "-c---", "second_use"}, {"exclusive_licence", "+--++", "after_exclusive"}, {"pledge", "ccc--", "second_use"},
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
		r := w.post("/v1/collateral-checks", map[string]any{"rows": []map[string]any{{"number": knownNumber, "borrower": borrower, "contract": contract, "loan": 1000000}}})
		if r.Code != http.StatusOK {
			t.Fatalf("%d %s", r.Code, r.Body)
		}
		return decode[answer](t, r.Body.Bytes()).Conflicts
	}
	if found := check("C-1", "示例大学"); len(found) != 0 {
		t.Errorf("first check: %+v", found)
	}
	if found := check("C-2", "另一公司"); len(found) != 1 || found[0].Code != "double_offer" || found[0].Reference != "C-1" {
		t.Errorf("second check: %+v", found)
	}
}
