package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

// client sends requests to a handler with one key.
type client struct {
	t   testing.TB
	h   http.Handler
	key string
}

func (c client) do(method, path, contentType string, body io.Reader, header ...string) *httptest.ResponseRecorder {
	c.t.Helper()
	r := httptest.NewRequest(method, path, body)
	if c.key != "" {
		r.Header.Set("Authorization", "Bearer "+c.key)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	c.h.ServeHTTP(w, r)
	return w
}

func (c client) post(path string, body any, header ...string) *httptest.ResponseRecorder {
	c.t.Helper()
	b, ok := body.(string)
	if !ok {
		enc, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		b = string(enc)
	}
	return c.do(http.MethodPost, path, "application/json", strings.NewReader(b), header...)
}

func (c client) get(path string, header ...string) *httptest.ResponseRecorder {
	c.t.Helper()
	return c.do(http.MethodGet, path, "", nil, header...)
}

// newKey stores a key and returns it.
func newKey(t testing.TB, db *store.DB, expires time.Time, roles ...Role) string {
	t.Helper()
	now := time.Now()
	made := now
	if !expires.IsZero() && expires.Before(now) {
		made = expires.Add(-time.Hour)
	}
	plain, rec, err := NewKey("test", "default", roles, made, expires)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.InsertKey(context.Background(), rec, "test"); err != nil {
		t.Fatal(err)
	}
	return plain
}

func problem(t testing.TB, w *httptest.ResponseRecorder) Problem {
	t.Helper()
	var p Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("status %d, not a problem: %v: %.300s", w.Code, err, w.Body.String())
	}
	if p.Status != w.Code {
		t.Errorf("problem says %d, the reply is %d", p.Status, w.Code)
	}
	return p
}

func TestKeys(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := newTestServer(t, Options{DB: db})
	admin := client{t: t, h: s.Handler(), key: newKey(t, db, time.Time{}, Admin)}

	w := admin.post("/v1/keys", map[string]any{"name": "信贷部", "roles": []string{"officer"}})
	var made struct {
		ID, Key string
		Roles   []string
	}
	if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil || w.Code != http.StatusCreated || made.Key == "" {
		t.Fatalf("create: %d %s", w.Code, w.Body)
	}
	officer := client{t: t, h: s.Handler(), key: made.Key}
	if w := officer.get("/v1/whoami"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "信贷部") {
		t.Errorf("whoami: %d %s", w.Code, w.Body)
	}
	if p := problem(t, officer.get("/v1/keys")); p.Code != "auth.role" || p.Status != http.StatusForbidden {
		t.Errorf("an officer listing keys: %+v", p)
	}
	if w := admin.get("/v1/keys"); strings.Contains(w.Body.String(), made.Key[len(made.Key)-64:]) || !strings.Contains(w.Body.String(), made.ID) {
		t.Errorf("the list shows a secret or lacks the key: %s", w.Body)
	}
	if w := admin.post("/v1/keys/"+made.ID+":revoke", "{}"); w.Code != http.StatusOK {
		t.Fatalf("revoke: %d %s", w.Code, w.Body)
	}
	if p := problem(t, officer.get("/v1/whoami")); p.Code != "auth.revoked" {
		t.Errorf("a revoked key: %+v", p)
	}

	flip := made.Key[:len(made.Key)-1] + string('0'+('1'-made.Key[len(made.Key)-1]%2)%2)
	for name, c := range map[string]struct{ key, code string }{
		"none":         {"", "auth.missing"},
		"malformed":    {"zj_x", "auth.invalid"},
		"unknown id":   {"zj_aaaaaaaaaaaa_" + strings.Repeat("0", 64), "auth.invalid"},
		"wrong secret": {flip, "auth.invalid"},
		"expired":      {newKey(t, db, time.Now().Add(-time.Minute), Officer), "auth.expired"},
		"hostile":      {"zj_' OR 1=1 --_" + strings.Repeat("0", 64), "auth.invalid"},
	} {
		p := problem(t, client{t: t, h: s.Handler(), key: c.key}.get("/v1/whoami"))
		if p.Code != c.code || p.Status != http.StatusUnauthorized {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	now := time.Now()
	s := newTestServer(t, Options{DB: db, RatePerSecond: 1, RateBurst: 2, Now: func() time.Time { return now }})
	one := client{t: t, h: s.Handler(), key: newKey(t, db, time.Time{}, Officer)}
	two := client{t: t, h: s.Handler(), key: newKey(t, db, time.Time{}, Officer)}
	for i, left := range []string{"1", "0"} {
		if w := one.get("/v1/whoami"); w.Code != 200 || w.Header().Get("RateLimit-Remaining") != left {
			t.Errorf("request %d: %d, %s left", i, w.Code, w.Header().Get("RateLimit-Remaining"))
		}
	}
	w := one.get("/v1/whoami")
	if p := problem(t, w); p.Code != "rate.limited" || w.Header().Get("Retry-After") != "1" {
		t.Errorf("third request: %+v, Retry-After %q", p, w.Header().Get("Retry-After"))
	}
	if w := two.get("/v1/whoami"); w.Code != 200 {
		t.Errorf("another key was limited, too: %d", w.Code)
	}
}

// idempotentServer is the middleware over a handler that counts its runs.
func idempotentServer(t *testing.T, now func() time.Time, handler gin.HandlerFunc) (client, *store.DB) {
	t.Helper()
	db := storetest.New(t)
	s := newTestServer(t, Options{DB: db, Now: now})
	e := gin.New()
	e.POST("/x", limits(time.Minute, 1<<20), s.authenticate(everyone), s.idempotent, handler)
	return client{t: t, h: e, key: newKey(t, db, time.Time{}, Officer)}, db
}

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	var runs atomic.Int64
	status := http.StatusOK
	c, _ := idempotentServer(t, time.Now, func(c *gin.Context) {
		n := runs.Add(1)
		b, _ := io.ReadAll(c.Request.Body)
		c.Data(status, "application/json", []byte(fmt.Sprintf(`{"run":%d,"got":%d}`, n, len(b))))
	})
	key := []string{"Idempotency-Key", "abc"}
	first := c.post("/x", `{"a":1}`, key...)
	again := c.post("/x", `{"a":1}`, key...)
	if runs.Load() != 1 || !bytes.Equal(first.Body.Bytes(), again.Body.Bytes()) || again.Header().Get("Idempotency-Replayed") != "true" {
		t.Errorf("replay: %d runs, %s then %s", runs.Load(), first.Body, again.Body)
	}
	if p := problem(t, c.post("/x", `{"a":2}`, key...)); p.Code != "idempotency.mismatch" {
		t.Errorf("another body: %+v", p)
	}
	if p := problem(t, c.post("/x", `{}`, "Idempotency-Key", strings.Repeat("k", 256))); p.Code != "idempotency.key" {
		t.Errorf("long key: %+v", p)
	}
	status = http.StatusBadGateway
	c.post("/x", `{"a":3}`, "Idempotency-Key", "fails")
	status = http.StatusOK
	before := runs.Load()
	if w := c.post("/x", `{"a":3}`, "Idempotency-Key", "fails"); w.Code != http.StatusOK || runs.Load() != before+1 {
		t.Errorf("a request that failed was not carried out again: %d", w.Code)
	}
}

func TestIdempotencyConcurrent(t *testing.T) {
	t.Parallel()
	var runs atomic.Int64
	release := make(chan struct{})
	started := make(chan struct{}, 1)
	c, _ := idempotentServer(t, time.Now, func(c *gin.Context) {
		runs.Add(1)
		started <- struct{}{}
		<-release
		c.Data(200, "application/json", []byte(`{}`))
	})
	var wg sync.WaitGroup
	wg.Go(func() { c.post("/x", `{}`, "Idempotency-Key", "k") })
	<-started
	if p := problem(t, c.post("/x", `{}`, "Idempotency-Key", "k")); p.Code != "idempotency.in_progress" {
		t.Errorf("a second request while the first runs: %+v", p)
	}
	close(release)
	wg.Wait()
	if w := c.post("/x", `{}`, "Idempotency-Key", "k"); w.Code != 200 || runs.Load() != 1 {
		t.Errorf("after the first finished: %d, %d runs", w.Code, runs.Load())
	}
}

// A claim of a process that died is taken over once its lease has passed.
func TestIdempotencyTakeOver(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var clock atomic.Pointer[time.Time]
	clock.Store(&now)
	c, db := idempotentServer(t, func() time.Time { return *clock.Load() }, func(c *gin.Context) {
		c.Data(200, "application/json", []byte(`{"ok":true}`))
	})
	r := httptest.NewRequest(http.MethodPost, "/x", nil)
	claim := store.IdempotencyClaim{KeyID: strings.Split(c.key, "_")[1], Key: "dead", Fingerprint: fingerprint(r, []byte("{}"))}
	if _, ok, err := db.ClaimIdempotency(context.Background(), claim, now, time.Minute, time.Hour); err != nil || !ok {
		t.Fatal(ok, err)
	}
	if p := problem(t, c.post("/x", `{}`, "Idempotency-Key", "dead")); p.Code != "idempotency.in_progress" {
		t.Errorf("within the lease: %+v", p)
	}
	later := now.Add(2 * time.Minute)
	clock.Store(&later)
	if w := c.post("/x", `{}`, "Idempotency-Key", "dead"); w.Code != 200 {
		t.Errorf("after the lease: %d %s", w.Code, w.Body)
	}
}
