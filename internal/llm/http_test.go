package llm_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func newHTTP(t *testing.T, h http.Handler) string {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}
