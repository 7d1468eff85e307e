// Package gatetest sends requests to the API and the pages in tests, over a
// database with one patent and a few priced deals.
package gatetest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/arranger"
	"zhijia/internal/audit"
	"zhijia/internal/calendar"
	"zhijia/internal/chain"
	"zhijia/internal/connect"
	"zhijia/internal/desk"
	"zhijia/internal/dossier"
	"zhijia/internal/fetch"
	"zhijia/internal/gate"
	"zhijia/internal/intake"
	"zhijia/internal/jobs"
	"zhijia/internal/labelling"
	"zhijia/internal/ledger"
	"zhijia/internal/people"
	"zhijia/internal/product"
	"zhijia/internal/reading"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
	"zhijia/internal/watch"
	"zhijia/prompts"
)

// Client sends requests to a handler with one key.
type Client struct {
	T   testing.TB
	H   http.Handler
	Key string
}

// Do sends a request; header holds names and values in turn.
func (c Client) Do(method, path, contentType string, body io.Reader, header ...string) *httptest.ResponseRecorder {
	c.T.Helper()
	r := httptest.NewRequest(method, path, body)
	if c.Key != "" {
		r.Header.Set("Authorization", "Bearer "+c.Key)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	c.H.ServeHTTP(w, r)
	return w
}

// Post sends JSON: a string as it is, anything else encoded.
func (c Client) Post(path string, body any, header ...string) *httptest.ResponseRecorder {
	c.T.Helper()
	b, ok := body.(string)
	if !ok {
		enc, err := json.Marshal(body)
		if err != nil {
			c.T.Fatal(err)
		}
		b = string(enc)
	}
	return c.Do(http.MethodPost, path, "application/json", strings.NewReader(b), header...)
}

// Get reads a path.
func (c Client) Get(path string, header ...string) *httptest.ResponseRecorder {
	c.T.Helper()
	return c.Do(http.MethodGet, path, "", nil, header...)
}

// Upload sends a file in a field of a form.
func (c Client) Upload(path, field, name string, content []byte) *httptest.ResponseRecorder {
	c.T.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	w, err := m.CreateFormFile(field, name)
	if err != nil {
		c.T.Fatal(err)
	}
	_, _ = w.Write(content)
	m.Close()
	return c.Do(http.MethodPost, path, m.FormDataContentType(), &b)
}

// NewKey stores a key of the institution default and returns it. A key that
// expires in the past was made before that.
func NewKey(t testing.TB, db *store.DB, expires time.Time, roles ...people.Role) string {
	t.Helper()
	now := time.Now()
	made := now
	if !expires.IsZero() && expires.Before(now) {
		made = expires.Add(-time.Hour)
	}
	plain, rec, err := people.NewKey("test", "default", roles, made, expires)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.InsertKey(context.Background(), rec, "test"); err != nil {
		t.Fatal(err)
	}
	return plain
}

// Password is that of every person whom [NewPerson] makes.
const Password = "correct horse battery"

// NewPerson stores a person of an institution and returns him as a caller.
func NewPerson(t testing.TB, db *store.DB, institution, login string, roles ...people.Role) people.Principal {
	t.Helper()
	root := people.Principal{Name: "test", Institution: institution, Roles: people.Roles}
	p, err := people.NewPeople(db, time.Now).Add(context.Background(), root, login, "人员"+login, Password, roles)
	if err != nil {
		t.Fatal(err)
	}
	return people.Principal{PersonID: p.ID, Login: p.Login, Name: p.Name, Institution: institution, Roles: roles}
}

// NewPersonKey stores a key of a person and returns it.
func NewPersonKey(t testing.TB, db *store.DB, p people.Principal) string {
	t.Helper()
	root := people.Principal{Name: "test", Institution: p.Institution, Roles: people.Roles}
	plain, _, err := people.NewKeys(db, time.Now).Create(context.Background(), root, people.Request{Name: "test", Login: p.Login, Roles: p.Roles})
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// Problem decodes a problem and checks that it agrees with the status.
func Problem(t testing.TB, w *httptest.ResponseRecorder) gate.Problem {
	t.Helper()
	var p gate.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("status %d, not a problem: %v: %.300s", w.Code, err, w.Body.String())
	}
	if p.Status != w.Code {
		t.Errorf("problem says %d, the reply is %d", p.Status, w.Code)
	}
	return p
}

// Decode reads a JSON reply.
func Decode[T any](t testing.TB, b []byte) (v T) {
	t.Helper()
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%v: %.300s", err, b)
	}
	return v
}

// The patent of a [World] and what its text says.
const (
	KnownNumber = "CN201310543019.6"
	Battery     = "一种锂离子电池正极材料，包括内核和包覆层，所述包覆层的厚度为5至20纳米，提高了循环稳定性。"
)

// World is the use cases over a database with [KnownNumber] and six deals.
type World struct {
	DB        *store.DB
	Appraisal *appraisal.Service
	Desk      *desk.Desk
	Arranger  *arranger.Service
	Jobs      *jobs.Queue
	Watch     *watch.Service
	Intake    *intake.Service
	Ledger    *ledger.Service
	Dossier   *dossier.Dossiers
	Audit     *audit.Log
	Chain     *chain.Service
	Reading   *reading.Service
	Labels    *labelling.Service
	Products  *product.Service
	Fetch     *fetch.Service // no source is configured
}

// NewWorld makes a world of its own for a test.
func NewWorld(t testing.TB) *World {
	t.Helper()
	return NewWorldOn(t, storetest.New(t))
}

// NewWorldOn is [NewWorld] over an empty database.
func NewWorldOn(t testing.TB, db *store.DB) *World {
	t.Helper()
	ctx := context.Background()
	patent := store.Patent{
		Number: KnownNumber, Kind: "invention", Title: "锂离子电池正极材料", Abstract: Battery, Claims: "1. " + Battery,
		IPC: []string{"H01M 4/36"}, Filing: calendar.New(2013, 11, 5), Grant: calendar.New(2016, 3, 2), Owners: []string{"示例大学"}, OwnerType: "university",
		ClaimCount: new(8), Source: "test", SourceDate: calendar.New(2024, 1, 1),
	}
	if err := db.MergePatents(ctx, []store.Patent{patent}, 0, nil); err != nil {
		t.Fatal(err)
	}
	var deals []store.Deal
	for i, amount := range []float64{300_000, 800_000, 1_500_000, 450_000, 2_000_000, 120_000} {
		deals = append(deals, store.Deal{
			ID: "D" + string(rune('1'+i)), Title: "电池正极材料专利转让", IPC: []string{"H01M 4/36"}, Amount: new(amount), Currency: "CNY",
			DealKind: "assignment", Patents: new(1), Date: calendar.New(2020+i%5, 3, 1), DateUnit: "day", RelatedParty: new(false), SourceType: "university_notice",
			Seller: "示例大学", Buyer: "示例公司", OwnerType: "university",
		})
	}
	if err := db.PutDeals(ctx, deals); err != nil {
		t.Fatal(err)
	}
	svc, err := appraisal.New(ctx, db, appraisal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return Over(t, db, svc)
}

// Over is the use cases over a database and an appraisal service.
func Over(t testing.TB, db *store.DB, svc *appraisal.Service) *World {
	t.Helper()
	queue, err := jobs.New(db, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := &World{DB: db, Appraisal: svc, Arranger: arranger.New(db, queue, time.Now), Jobs: queue, Intake: intake.New(db, svc, time.Now), Ledger: ledger.New(db, time.Now), Dossier: dossier.New(db, time.Now, calendar.Shipped()), Audit: audit.New(db, time.Now), Reading: reading.New(db, svc, nil, time.Now), Products: product.New(db, time.Now)}
	set, err := prompts.Load("")
	if err != nil {
		t.Fatal(err)
	}
	w.Labels = labelling.New(db, nil, set, time.Now)
	if w.Desk, err = desk.New(db, svc, nil); err != nil {
		t.Fatal(err)
	}
	if w.Fetch, err = fetch.New(db, svc, queue, connect.Config{}, time.Now, nil); err != nil {
		t.Fatal(err)
	}
	w.Chain = chain.New(db, w.Desk, w.Dossier, time.Now)
	if w.Watch, err = watch.New(db, watch.Options{Key: bytes.Repeat([]byte{7}, 32)}); err != nil {
		t.Fatal(err)
	}
	return w
}
