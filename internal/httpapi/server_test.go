package httpapi

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func newTestServer(t *testing.T, opt Options) *Server {
	t.Helper()
	s, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEveryRouteIsInTheAccessTableAndViceVersa(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Options{})
	registered := map[string]bool{}
	for _, r := range s.engine.Routes() {
		registered[r.Method+" "+r.Path] = true
	}
	for name := range access {
		method, path, _ := strings.Cut(name, " ")
		if !registered[method+" "+ginPath(path)] {
			t.Errorf("the access table names %s, which no file registers", name)
		}
	}
	if len(registered) != len(access) {
		t.Errorf("%d routes registered, %d in the access table", len(registered), len(access))
	}
}

func TestVerbPaths(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/v1/valuations/{id}:replay":    "/v1/valuations/:id/~replay",
		"/v1/comparables:search":        "/v1/comparables/~search",
		"/v1/valuations/{id}/overrides": "/v1/valuations/:id/overrides",
	} {
		if got := ginPath(path); got != want {
			t.Errorf("ginPath(%s) = %s, want %s", path, got, want)
		}
	}
	s := newTestServer(t, Options{})
	for _, path := range []string{"/v1/keys/~revoke", "/v1/keys/abc/~revoke"} {
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, nil))
		if w.Code != http.StatusNotFound {
			t.Errorf("%s answered %d; an inside path must not exist outside", path, w.Code)
		}
	}
}

func TestProblemLanguage(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Options{})
	for lang, title := range map[string]string{"": "未通过身份验证", "zh-CN": "未通过身份验证", "en-GB,zh": "Not authenticated"} {
		r := httptest.NewRequest(http.MethodGet, "/v1/whoami", nil)
		r.Header.Set("Accept-Language", lang)
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		var p Problem
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
