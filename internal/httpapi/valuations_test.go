package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

// world is a server over a database with one patent and a few deals.
type world struct {
	db  *store.DB
	svc *appraisal.Service
	srv *Server
	client
}

const (
	knownNumber = "CN201310543019.6"
	battery     = "一种锂离子电池正极材料，包括内核和包覆层，所述包覆层的厚度为5至20纳米，提高了循环稳定性。"
)

func ptr[T any](v T) *T { return &v }

func newWorld(t testing.TB, opt Options, roles ...Role) *world {
	t.Helper()
	ctx := context.Background()
	w := &world{db: storetest.New(t)}
	patent := store.Patent{
		Number: knownNumber, Kind: "invention", Title: "锂离子电池正极材料", Abstract: battery, Claims: "1. " + battery,
		IPC: []string{"H01M 4/36"}, Filing: calendar.New(2013, 11, 5), Grant: calendar.New(2016, 3, 2), Owners: []string{"示例大学"}, OwnerType: "university",
		ClaimCount: ptr(8), Source: "test", SourceDate: calendar.New(2024, 1, 1),
	}
	if err := w.db.MergePatents(ctx, []store.Patent{patent}, 0, nil); err != nil {
		t.Fatal(err)
	}
	var deals []store.Deal
	for i, amount := range []float64{300_000, 800_000, 1_500_000, 450_000, 2_000_000, 120_000} {
		deals = append(deals, store.Deal{
			ID: "D" + string(rune('1'+i)), Title: "电池正极材料专利转让", IPC: []string{"H01M 4/36"}, Amount: ptr(amount), Currency: "CNY",
			DealKind: "assignment", Patents: ptr(1), Date: calendar.New(2020+i%5, 3, 1), DateUnit: "day", RelatedParty: ptr(false), SourceType: "university_notice",
			Seller: "示例大学", Buyer: "示例公司", OwnerType: "university",
		})
	}
	if err := w.db.PutDeals(ctx, deals); err != nil {
		t.Fatal(err)
	}
	var err error
	if w.svc, err = appraisal.New(ctx, w.db, appraisal.Options{}); err != nil {
		t.Fatal(err)
	}
	opt.DB, opt.Appraisal = w.db, w.svc
	if w.srv, err = New(opt); err != nil {
		t.Fatal(err)
	}
	if len(roles) == 0 {
		roles = []Role{Officer}
	}
	w.client = client{t: t, h: w.srv.Handler(), key: newKey(t, w.db, time.Time{}, roles...)}
	return w
}

type stored struct {
	ID, Hash   string
	Conclusion struct{ Status string }
}

func decode[T any](t testing.TB, b []byte) (v T) {
	t.Helper()
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%v: %.300s", err, b)
	}
	return v
}

func TestValuationLifeCycle(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	made := w.post("/v1/valuations", map[string]any{"number": "ZL 2013 1 0543019.6", "purpose": "pledge", "valuation_date": "2025-06-01"})
	if made.Code != http.StatusCreated {
		t.Fatalf("create: %d %s", made.Code, made.Body)
	}
	v := decode[stored](t, made.Body.Bytes())
	path := "/v1/valuations/" + v.ID
	if made.Header().Get("Location") != path || v.Conclusion.Status != "valued" {
		t.Errorf("location %q, status %q", made.Header().Get("Location"), v.Conclusion.Status)
	}

	// The stored document is served verbatim, and the same bytes come from the
	// use case that the command line and the batch call.
	got := w.get(path)
	rec, err := w.svc.Get(t.Context(), appraisal.Actor{Institution: "default"}, v.ID)
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
	if again := w.get(path, "If-None-Match", tag); again.Code != http.StatusNotModified || again.Body.Len() != 0 {
		t.Errorf("If-None-Match: %d with %d bytes", again.Code, again.Body.Len())
	}
	if tag == "" || w.get(path+"?format=html").Header().Get("ETag") == tag {
		t.Error("two representations share a tag")
	}

	for query, part := range map[string]string{
		"?format=text": "估值参考意见", "?format=html": "<!doctype html>", "?format=text&lang=en": "Reference opinion", "?format=html&lang=en": "lang=\"en\"",
	} {
		if r := w.get(path + query); r.Code != 200 || !strings.Contains(r.Body.String(), part) {
			t.Errorf("%s: %d, no %q", query, r.Code, part)
		}
	}
	if r := w.get(path, "Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"); !strings.HasPrefix(r.Header().Get("Content-Type"), "text/html") {
		t.Errorf("a browser was served %s", r.Header().Get("Content-Type"))
	}

	replay := decode[appraisal.Replay](t, w.post(path+":replay", "{}").Body.Bytes())
	if !replay.Identical || !replay.Intact || replay.Hash != v.Hash {
		t.Errorf("replay: %+v", replay)
	}

	wider := decode[appraisal.WhatIf](t, w.post(path+":what-if", map[string]any{"level": 0.95}).Body.Bytes())
	if !(wider.After.Low < wider.Before.Low && wider.After.High > wider.Before.High) {
		t.Errorf("what-if at 95%%: %+v then %+v", wider.Before, wider.After)
	}

	over := w.post(path+"/overrides", map[string]any{"value": 123456.5, "reason": "订单下滑"})
	o := decode[OverrideInfo](t, over.Body.Bytes())
	if over.Code != http.StatusCreated || o.Value != 123456.5 || o.Model == nil || o.Officer == "" {
		t.Errorf("override: %d %+v", over.Code, o)
	}
	if r := w.get(path); !bytes.Equal(r.Body.Bytes(), want) {
		t.Error("an override changed the valuation")
	}
	if r := w.get(path + "?format=text"); !strings.Contains(r.Body.String(), "订单下滑") {
		t.Error("the opinion does not show the override")
	}
	if r := w.get(path + "/overrides"); !strings.Contains(r.Body.String(), "订单下滑") {
		t.Errorf("overrides: %s", r.Body)
	}

	for range 3 {
		w.post("/v1/valuations", map[string]any{"number": knownNumber})
	}
	seen := map[string]bool{}
	next := ""
	for pages := 0; pages < 5; pages++ {
		page := decode[struct {
			Valuations []struct{ ID string }
			HasMore    bool   `json:"has_more"`
			NextCursor string `json:"next_cursor"`
		}](t, w.get("/v1/valuations?limit=2&number="+knownNumber+"&cursor="+next).Body.Bytes())
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
	plain, rec2, err := NewKey("other", "other-bank", []Role{Officer}, time.Now(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.db.InsertKey(t.Context(), rec2, "test"); err != nil {
		t.Fatal(err)
	}
	other := client{t: t, h: w.srv.Handler(), key: plain}
	for _, r := range []int{other.get(path).Code, other.post(path+":replay", "{}").Code, other.post(path+"/overrides", map[string]any{"value": 1, "reason": "x"}).Code} {
		if r != http.StatusNotFound {
			t.Errorf("another institution was answered %d", r)
		}
	}
}

func TestCreateValuationIsIdempotentByKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	body := map[string]any{"text": map[string]any{"title": "电池材料", "abstract": battery}, "patent": map[string]any{"kind": "invention", "ipc": []string{"H01M 4/36"}}}
	one := w.post("/v1/valuations", body, "Idempotency-Key", "k1")
	two := w.post("/v1/valuations", body, "Idempotency-Key", "k1")
	if one.Code != 201 || two.Code != 201 || !bytes.Equal(one.Body.Bytes(), two.Body.Bytes()) || two.Header().Get("Location") != one.Header().Get("Location") {
		t.Errorf("%d %d, equal bytes %v", one.Code, two.Code, bytes.Equal(one.Body.Bytes(), two.Body.Bytes()))
	}
	list := decode[struct{ Valuations []struct{ ID string } }](t, w.get("/v1/valuations").Body.Bytes())
	if len(list.Valuations) != 1 {
		t.Errorf("%d valuations stored", len(list.Valuations))
	}
}

func TestComparables(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	type found struct {
		Comparables []struct {
			DealID string `json:"deal_id"`
			Date   string
		}
		Retrieval struct{ Path string }
	}
	got := decode[found](t, w.get("/v1/comparables:search?number="+knownNumber+"&valuation_date=2022-01-01").Body.Bytes())
	if len(got.Comparables) == 0 || got.Retrieval.Path != "exact" {
		t.Errorf("%+v", got)
	}
	for _, c := range got.Comparables {
		if c.Date >= "2022-01-01" {
			t.Errorf("%s of %s is not before the valuation date", c.DealID, c.Date)
		}
	}
	posted := decode[found](t, w.post("/v1/comparables:search", map[string]any{"text": map[string]any{"title": "电池", "abstract": battery}}).Body.Bytes())
	if len(posted.Comparables) != 6 {
		t.Errorf("%d comparables by text", len(posted.Comparables))
	}
}

var update = flag.Bool("update", false, "rewrite the golden files")

// The specification is reviewed like code: a change of the API shows here.
func TestSpecification(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Options{Version: "golden"})
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
	doc := decode[struct {
		OpenAPI string
		Paths   map[string]map[string]json.RawMessage
	}](t, got)
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Errorf("OpenAPI %s", doc.OpenAPI)
	}
	for name := range access {
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
