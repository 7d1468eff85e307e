package gate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode"

	"github.com/gin-gonic/gin"
	"pgregory.net/rapid"

	"zhijia/internal/fault"
	"zhijia/internal/gate"
	"zhijia/internal/gate/gatetest"
	"zhijia/internal/people"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

// Every event that a route can come to is in the list, every event of the list
// comes about by some route, and the page for the security officer has them all.
func TestEventsAreListed(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	met := map[string]bool{}
	for route := range people.Access {
		for _, status := range []int{200, 303, 400, 401, 403, 404, 409, 422, 429, 500, 503, 504} {
			event := gate.EventOf(route, status)
			if gate.Events[event] == "" {
				t.Errorf("%s, %d: %q is not in the list", route, status, event)
			}
			if writes := strings.HasPrefix(route, "POST "); status < 400 && writes && (event == "read" || event == "data.exported") {
				t.Errorf("%s: %s", route, event)
			}
			met[event] = true
		}
	}
	for event := range gate.Events {
		if !met[event] {
			t.Errorf("%s never comes about", event)
		}
		if !strings.Contains(string(page), "`"+event+"`") {
			t.Errorf("docs/security.md does not list %s", event)
		}
	}
}

// No file's name reads as another, and what is left of a clean name is the name.
func TestFileNames(t *testing.T) {
	t.Parallel()
	if got := gate.FileName("清单\u202exslx.csv"); got != "清单_xslx.csv" {
		t.Errorf("%q", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.String().Draw(t, "name")
		got := gate.FileName(name)
		if strings.ContainsFunc(got, func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) }) || gate.FileName(got) != got {
			t.Fatalf("%q becomes %q", name, got)
		}
	})
}

// newGate is a gate with one route of its own, for any key.
func newGate(t *testing.T, opt gate.Options) *gate.Gate {
	t.Helper()
	g := gate.New(opt)
	g.Handle(gate.Route{Method: http.MethodGet, Path: "/v1/whoami"}, func(c *gin.Context) { c.Status(http.StatusOK) })
	if err := g.Listed(); err != nil {
		t.Fatal(err)
	}
	return g
}

// A route that the access table does not name, or an entry that nothing
// answers, keeps the service from starting.
func TestGateOpensOnlyWithTheWholeAccessTable(t *testing.T) {
	t.Parallel()
	g := newGate(t, gate.Options{})
	if err := g.Complete(); err == nil || !strings.Contains(err.Error(), "GET /v1/keys") {
		t.Errorf("entries without a route: %v", err)
	}
	g.Handle(gate.Route{Method: http.MethodGet, Path: "/v1/horses"}, func(*gin.Context) {})
	if err := g.Listed(); err == nil || !strings.Contains(err.Error(), "GET /v1/horses") {
		t.Errorf("a route without an entry: %v", err)
	}
	if err := g.Serve(t.Context(), nil); err == nil {
		t.Error("the gate opened")
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	now := time.Now()
	s := newGate(t, gate.Options{DB: db, RatePerSecond: 1, RateBurst: 2, Now: func() time.Time { return now }})
	one := gatetest.Client{T: t, H: s, Key: gatetest.NewKey(t, db, time.Time{}, people.Officer)}
	two := gatetest.Client{T: t, H: s, Key: gatetest.NewKey(t, db, time.Time{}, people.Officer)}
	for i, left := range []string{"1", "0"} {
		if w := one.Get("/v1/whoami"); w.Code != 200 || w.Header().Get("RateLimit-Remaining") != left {
			t.Errorf("request %d: %d, %s left", i, w.Code, w.Header().Get("RateLimit-Remaining"))
		}
	}
	w := one.Get("/v1/whoami")
	if p := gatetest.Problem(t, w); p.Code != "rate.limited" || w.Header().Get("Retry-After") != "1" {
		t.Errorf("third request: %+v, Retry-After %q", p, w.Header().Get("Retry-After"))
	}
	if w := two.Get("/v1/whoami"); w.Code != 200 {
		t.Errorf("another key was limited, too: %d", w.Code)
	}
}

// idempotentServer is the middleware over a handler that counts its runs.
func idempotentServer(t *testing.T, now func() time.Time, handler gin.HandlerFunc) (gatetest.Client, *store.DB) {
	t.Helper()
	db := storetest.New(t)
	e := gate.New(gate.Options{DB: db, Now: now})
	e.Handle(gate.Route{Method: http.MethodPost, Path: "/v1/valuations", Idempotent: true}, handler)
	return gatetest.Client{T: t, H: e, Key: gatetest.NewKey(t, db, time.Time{}, people.Officer)}, db
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
	first := c.Post("/v1/valuations", `{"a":1}`, key...)
	again := c.Post("/v1/valuations", `{"a":1}`, key...)
	if runs.Load() != 1 || !bytes.Equal(first.Body.Bytes(), again.Body.Bytes()) || again.Header().Get("Idempotency-Replayed") != "true" {
		t.Errorf("replay: %d runs, %s then %s", runs.Load(), first.Body, again.Body)
	}
	if p := gatetest.Problem(t, c.Post("/v1/valuations", `{"a":2}`, key...)); p.Code != "idempotency.mismatch" {
		t.Errorf("another body: %+v", p)
	}
	if p := gatetest.Problem(t, c.Post("/v1/valuations", `{}`, "Idempotency-Key", strings.Repeat("k", 256))); p.Code != "idempotency.key" {
		t.Errorf("long key: %+v", p)
	}
	status = http.StatusBadGateway
	c.Post("/v1/valuations", `{"a":3}`, "Idempotency-Key", "fails")
	status = http.StatusOK
	before := runs.Load()
	if w := c.Post("/v1/valuations", `{"a":3}`, "Idempotency-Key", "fails"); w.Code != http.StatusOK || runs.Load() != before+1 {
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
	wg.Go(func() { c.Post("/v1/valuations", `{}`, "Idempotency-Key", "k") })
	<-started
	if p := gatetest.Problem(t, c.Post("/v1/valuations", `{}`, "Idempotency-Key", "k")); p.Code != "idempotency.in_progress" {
		t.Errorf("a second request while the first runs: %+v", p)
	}
	close(release)
	wg.Wait()
	if w := c.Post("/v1/valuations", `{}`, "Idempotency-Key", "k"); w.Code != 200 || runs.Load() != 1 {
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
	r := httptest.NewRequest(http.MethodPost, "/v1/valuations", nil)
	claim := store.IdempotencyClaim{Institution: "default", KeyID: strings.Split(c.Key, "_")[1], Key: "dead", Fingerprint: gate.Fingerprint(r, []byte("{}"))}
	if _, ok, err := db.ClaimIdempotency(context.Background(), &claim, now, time.Minute, time.Hour); err != nil || !ok {
		t.Fatal(ok, err)
	}
	if p := gatetest.Problem(t, c.Post("/v1/valuations", `{}`, "Idempotency-Key", "dead")); p.Code != "idempotency.in_progress" {
		t.Errorf("within the lease: %+v", p)
	}
	later := now.Add(2 * time.Minute)
	clock.Store(&later)
	if w := c.Post("/v1/valuations", `{}`, "Idempotency-Key", "dead"); w.Code != 200 {
		t.Errorf("after the lease: %d %s", w.Code, w.Body)
	}
}

func TestVerbPaths(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/v1/valuations/{id}:replay":    "/v1/valuations/:id/~replay",
		"/v1/comparables:search":        "/v1/comparables/~search",
		"/v1/valuations/{id}/overrides": "/v1/valuations/:id/overrides",
	} {
		if got := gate.GinPath(path); got != want {
			t.Errorf("ginPath(%s) = %s, want %s", path, got, want)
		}
	}
	s := newGate(t, gate.Options{})
	for _, path := range []string{"/v1/keys/~revoke", "/v1/keys/abc/~revoke"} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, nil))
		if w.Code != http.StatusNotFound {
			t.Errorf("%s answered %d; an inside path must not exist outside", path, w.Code)
		}
	}
}

func TestProblemLanguage(t *testing.T) {
	t.Parallel()
	s := newGate(t, gate.Options{})
	for lang, title := range map[string]string{"": "未通过身份验证", "zh-CN": "未通过身份验证", "en-GB,zh": "Not authenticated"} {
		r := httptest.NewRequest(http.MethodGet, "/v1/whoami", nil)
		r.Header.Set("Accept-Language", lang)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		var p gate.Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		if w.Code != 401 || p.Status != 401 || p.Title != title || p.Code != "auth.missing" || p.Instance != "/v1/whoami" || p.RequestID == "" {
			t.Errorf("%q: %d %+v", lang, w.Code, p)
		}
		if ct := w.Header().Get("Content-Type"); !strings.HasPrefix(ct, "application/problem+json") {
			t.Errorf("content type %q", ct)
		}
	}
}

// A failure nobody classified is answered without its text, and logged.
func TestInternalErrorsRevealNothing(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodGet, "/x", nil)
	for _, err := range []error{errors.New("pq: password authentication failed for user root"), context.DeadlineExceeded} {
		p := gate.ProblemOf(r, err)
		if strings.Contains(p.Detail, "password") || p.Status < 500 {
			t.Errorf("%v became %+v", err, p)
		}
	}
	for k := fault.Internal; k <= fault.Timeout; k++ {
		if gate.Titles[k][0] == "" || gate.Titles[k][1] == "" {
			t.Errorf("kind %s has no title", k)
		}
	}
}

// No path may panic the translation, and a translated path always comes back
// as the client wrote it.
func FuzzSplitVerb(f *testing.F) {
	for _, s := range []string{"/v1/valuations/abc:replay", "/v1/x:", "/v1/:x", "/v1/a:b:c", "/~x", "/v1/%3Aa:b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		u := &url.URL{Path: path}
		r := (&http.Request{Method: http.MethodPost, URL: u, Header: http.Header{}}).WithContext(t.Context())
		if r2 := gate.SplitVerb(r); gate.PublicPath(r2) != u.EscapedPath() {
			t.Fatalf("%q became %q", u.EscapedPath(), gate.PublicPath(r2))
		}
	})
}
