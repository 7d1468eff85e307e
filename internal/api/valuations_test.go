package api

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/appraisal"
	"zhijia/internal/gate"
	"zhijia/internal/gate/gatetest"
	"zhijia/internal/harness"
	"zhijia/internal/pages"
	"zhijia/internal/people"
	"zhijia/internal/pool"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

// options are those of the gate and what the API may do without.
type options struct {
	gate.Options
	Eval *harness.Service
}

// world is the whole service over a database with one patent and a few deals.
type world struct {
	*gatetest.World
	gate *gate.Gate
	gatetest.Client
	tokens map[string]string // of the sessions of keys
}

func newWorld(t testing.TB, opt options, roles ...people.Role) *world {
	t.Helper()
	if len(roles) == 0 {
		roles = []people.Role{people.Officer}
	}
	return serve(t, gatetest.NewWorld(t), opt, roles...)
}

func serve(t testing.TB, uses *gatetest.World, opt options, roles ...people.Role) *world {
	t.Helper()
	opt.DB = uses.DB
	w := &world{World: uses, gate: gate.New(opt.Options), tokens: map[string]string{}}
	if _, err := New(w.gate, Options{
		Appraisal: uses.Appraisal, Desk: uses.Desk, Arranger: uses.Arranger, Watch: uses.Watch, Intake: uses.Intake, Ledger: uses.Ledger, Dossier: uses.Dossier, Audit: uses.Audit, Chain: uses.Chain, Reading: uses.Reading, Labels: uses.Labels, Products: uses.Products, Fetch: uses.Fetch, Eval: opt.Eval,
	}); err != nil {
		t.Fatal(err)
	}
	if err := pages.Register(w.gate, pages.Options{Appraisal: uses.Appraisal, Desk: uses.Desk, Watch: uses.Watch, Intake: uses.Intake, Ledger: uses.Ledger, Dossier: uses.Dossier, Audit: uses.Audit, Chain: uses.Chain, Reading: uses.Reading, Labels: uses.Labels, Products: uses.Products, Arranger: uses.Arranger, Eval: opt.Eval}); err != nil {
		t.Fatal(err)
	}
	w.Client = gatetest.Client{T: t, H: conforming(t, w.gate), Key: gatetest.NewKey(t, uses.DB, time.Time{}, roles...)}
	return w
}

type stored struct {
	ID, Hash   string
	Conclusion struct{ Status string }
}

func TestValuationLifeCycle(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	made := w.Post("/v1/valuations", map[string]any{"number": "ZL 2013 1 0543019.6", "purpose": "pledge", "valuation_date": "2025-06-01"})
	if made.Code != http.StatusCreated {
		t.Fatalf("create: %d %s", made.Code, made.Body)
	}
	v := gatetest.Decode[stored](t, made.Body.Bytes())
	path := "/v1/valuations/" + v.ID
	if made.Header().Get("Location") != path || v.Conclusion.Status != "valued" {
		t.Errorf("location %q, status %q", made.Header().Get("Location"), v.Conclusion.Status)
	}

	// The stored document is served verbatim, and the same bytes come from the
	// use case that the command line and the batch call.
	got := w.Get(path)
	rec, err := w.Appraisal.Get(t.Context(), appraisal.Actor{Institution: "default"}, v.ID)
	if err != nil {
		t.Fatal(err)
	}
	want, err := rec.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Body.Bytes(), want) || !bytes.Equal(made.Body.Bytes(), want) {
		t.Error("the document differs between creation, reading and the use case")
	}

	tag := got.Header().Get("ETag")
	if again := w.Get(path, "If-None-Match", tag); again.Code != http.StatusNotModified || again.Body.Len() != 0 {
		t.Errorf("If-None-Match: %d with %d bytes", again.Code, again.Body.Len())
	}
	if tag == "" || w.Get(path+"?format=html").Header().Get("ETag") == tag {
		t.Error("two representations share a tag")
	}

	for query, part := range map[string]string{
		"?format=text": "估值参考意见", "?format=html": "<!doctype html>", "?format=text&lang=en": "Reference opinion", "?format=html&lang=en": "lang=\"en\"",
	} {
		if r := w.Get(path + query); r.Code != 200 || !strings.Contains(r.Body.String(), part) {
			t.Errorf("%s: %d, no %q", query, r.Code, part)
		}
	}
	if r := w.Get(path, "Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"); !strings.HasPrefix(r.Header().Get("Content-Type"), "text/html") {
		t.Errorf("a browser was served %s", r.Header().Get("Content-Type"))
	}

	replay := gatetest.Decode[appraisal.Replay](t, w.Post(path+":replay", "{}").Body.Bytes())
	if !replay.Identical || !replay.Intact || replay.Hash != v.Hash {
		t.Errorf("replay: %+v", replay)
	}

	wider := gatetest.Decode[appraisal.WhatIf](t, w.Post(path+":what-if", map[string]any{"level": 0.95}).Body.Bytes())
	if !(wider.After.Low < wider.Before.Low && wider.After.High > wider.Before.High) {
		t.Errorf("what-if at 95%%: %+v then %+v", wider.Before, wider.After)
	}

	over := w.Post(path+"/overrides", map[string]any{"value": 123456.5, "reason": "订单下滑"})
	o := gatetest.Decode[OverrideInfo](t, over.Body.Bytes())
	if over.Code != http.StatusCreated || o.Value != 123456.5 || o.Model == nil || o.Officer == "" {
		t.Errorf("override: %d %+v", over.Code, o)
	}
	if r := w.Get(path); !bytes.Equal(r.Body.Bytes(), want) {
		t.Error("an override changed the valuation")
	}
	if r := w.Get(path + "?format=text"); !strings.Contains(r.Body.String(), "订单下滑") {
		t.Error("the opinion does not show the override")
	}
	if r := w.Get(path + "/overrides"); !strings.Contains(r.Body.String(), "订单下滑") {
		t.Errorf("overrides: %s", r.Body)
	}

	for range 3 {
		w.Post("/v1/valuations", map[string]any{"number": gatetest.KnownNumber})
	}
	seen := map[string]bool{}
	next := ""
	for pages := 0; pages < 5; pages++ {
		page := gatetest.Decode[struct {
			Valuations []struct{ ID string }
			HasMore    bool   `json:"has_more"`
			NextCursor string `json:"next_cursor"`
		}](t, w.Get("/v1/valuations?limit=2&number="+gatetest.KnownNumber+"&cursor="+next).Body.Bytes())
		for _, x := range page.Valuations {
			if seen[x.ID] {
				t.Errorf("%s listed twice", x.ID)
			}
			seen[x.ID] = true
		}
		if next = page.NextCursor; !page.HasMore {
			break
		}
	}
	if len(seen) != 4 {
		t.Errorf("%d valuations listed, want 4", len(seen))
	}

	// Another institution sees nothing of it.
	plain, rec2, err := people.NewKey("other", "bank-b", []people.Role{people.Officer}, time.Now(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.DB.InsertKey(t.Context(), rec2, "test"); err != nil {
		t.Fatal(err)
	}
	other := gatetest.Client{T: t, H: w.gate, Key: plain}
	for _, r := range []int{other.Get(path).Code, other.Post(path+":replay", "{}").Code, other.Post(path+"/overrides", map[string]any{"value": 1, "reason": "x"}).Code} {
		if r != http.StatusNotFound {
			t.Errorf("another institution was answered %d", r)
		}
	}
}

func TestCreateValuationIsIdempotentByKey(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	db, err := store.Open(t.Context(), url, store.Options{MaxConns: 8, Institution: store.Public})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	owner, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { owner.Close(context.Background()) })
	w := serve(t, gatetest.NewWorldOn(t, db), options{}, people.Officer, people.Desk)
	body := map[string]any{"text": map[string]any{"title": "电池材料", "abstract": gatetest.Battery}, "patent": map[string]any{"kind": "invention", "ipc": []string{"H01M 4/36"}}}
	one := w.Post("/v1/valuations", body, "Idempotency-Key", "k1")
	two := w.Post("/v1/valuations", body, "Idempotency-Key", "k1")
	if one.Code != 201 || two.Code != 201 || !bytes.Equal(one.Body.Bytes(), two.Body.Bytes()) || two.Header().Get("Location") != one.Header().Get("Location") {
		t.Errorf("%d %d, equal bytes %v", one.Code, two.Code, bytes.Equal(one.Body.Bytes(), two.Body.Bytes()))
	}
	list := gatetest.Decode[struct{ Valuations []struct{ ID string } }](t, w.Get("/v1/valuations").Body.Bytes())
	if len(list.Valuations) != 1 {
		t.Errorf("%d valuations stored", len(list.Valuations))
	}

	// The reply was lost after the record was stored: by a stopped process, or by a commit whose answer never came.
	at := one.Header().Get("Location")
	deal := pool.Example(1)
	made := gatetest.Decode[struct{ ID string }](t, w.Post("/v1/pools", deal).Body.Bytes())
	lease := gatetest.Decode[map[string]any](t, w.Get("/v1/leases:example").Body.Bytes())
	for i, ask := range []struct {
		path string
		body any
	}{
		{"/v1/valuations", body},
		{at + "/overrides", map[string]any{"value": 88, "unit": "wan", "reason": "买方已报价"}},
		{"/v1/pools", deal},
		{"/v1/pools/" + made.ID + ":simulate", map[string]any{"scenarios": 1000, "seed": 7}},
		{"/v1/pools/" + made.ID + "/runs", map[string]any{"kind": "stress", "request": map[string]any{}}},
		{"/v1/leases", lease},
	} {
		key := fmt.Sprintf("lost-%d", i)
		first := w.Post(ask.path, ask.body, "Idempotency-Key", key)
		if first.Code != 201 && first.Code != 202 {
			t.Fatalf("%s: %d %s", ask.path, first.Code, first.Body)
		}
		for _, lost := range []string{`claimed_at = claimed_at - interval '1 hour'`, `freed = true`} {
			if _, err := owner.Exec(t.Context(), `UPDATE idempotency SET status = NULL, content_type = NULL, location = NULL, body = NULL, `+lost); err != nil {
				t.Fatal(err)
			}
			if again := w.Post(ask.path, ask.body, "Idempotency-Key", key); again.Code != first.Code || !bytes.Equal(first.Body.Bytes(), again.Body.Bytes()) {
				t.Errorf("%s after a lost reply (%s): %d\n%s\nbefore\n%s", ask.path, lost, again.Code, again.Body, first.Body)
			}
		}
	}
	other := w.Post("/v1/valuations", body, "Idempotency-Key", "k2")
	if other.Code != 201 || other.Header().Get("Location") == one.Header().Get("Location") {
		t.Errorf("another key: %d, %s", other.Code, other.Header().Get("Location"))
	}
	list = gatetest.Decode[struct{ Valuations []struct{ ID string } }](t, w.Get("/v1/valuations").Body.Bytes())
	if len(list.Valuations) != 3 {
		t.Errorf("%d valuations stored by three keys", len(list.Valuations))
	}
}

func TestComparables(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	type found struct {
		Comparables []struct {
			DealID string `json:"deal_id"`
			Date   string
		}
		Retrieval struct{ Path string }
	}
	got := gatetest.Decode[found](t, w.Get("/v1/comparables:search?number="+gatetest.KnownNumber+"&valuation_date=2022-01-01").Body.Bytes())
	if len(got.Comparables) == 0 || got.Retrieval.Path != "exact" {
		t.Errorf("%+v", got)
	}
	for _, c := range got.Comparables {
		if c.Date >= "2022-01-01" {
			t.Errorf("%s of %s is not before the valuation date", c.DealID, c.Date)
		}
	}
	posted := gatetest.Decode[found](t, w.Post("/v1/comparables:search", map[string]any{"text": map[string]any{"title": "电池", "abstract": gatetest.Battery}}).Body.Bytes())
	if len(posted.Comparables) != 6 {
		t.Errorf("%d comparables by text", len(posted.Comparables))
	}
}

var update = flag.Bool("update", false, "rewrite the golden files")

// The specification is reviewed like code: a change of the API shows here.
func TestSpecification(t *testing.T) {
	t.Parallel()
	s, err := New(gate.New(gate.Options{}), Options{Version: "golden"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	const file = "testdata/openapi.json"
	if *update {
		if err := os.WriteFile(file, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytes.TrimSpace(want), got) {
		t.Errorf("%s differs; run with -update and read the difference", file)
	}
	doc := gatetest.Decode[struct {
		OpenAPI string
		Paths   map[string]map[string]json.RawMessage
	}](t, got)
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Errorf("OpenAPI %s", doc.OpenAPI)
	}
	for name := range people.Access {
		method, path, _ := strings.Cut(name, " ")
		if !strings.HasPrefix(path, "/v1/") {
			continue
		}
		if _, ok := doc.Paths[path][strings.ToLower(method)]; !ok {
			t.Errorf("%s is not in the specification", name)
		}
	}
	for _, bad := range []string{"unpkg", "jsdelivr", "cdn", "$schema"} {
		if bytes.Contains(got, []byte(bad)) {
			t.Errorf("the specification names %s", bad)
		}
	}
}
