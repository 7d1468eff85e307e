package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"zhijia/internal/calendar"
	"zhijia/internal/gate"
	"zhijia/internal/people"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"
)

// No body sent to a route that decodes one may do anything but be answered
// with a problem or a success.
func FuzzRequestDecoding(f *testing.F) {
	for _, s := range []string{`{"name":"a","roles":["officer"]}`, `{"name":1}`, `{"roles":[[]]}`, "", "null", `{"expires_at":"x"}`} {
		f.Add([]byte(s))
	}
	s, err := New(gate.New(gate.Options{}), Options{})
	if err != nil {
		f.Fatal(err)
	}
	e := decodeOnly(s)
	f.Fuzz(func(t *testing.T, data []byte) {
		r := httptest.NewRequest(http.MethodPost, "/decode", strings.NewReader(string(data)))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		if w.Code < 300 {
			return
		}
		var p gate.Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Code == "" || p.Status != w.Code || w.Code >= 500 {
			t.Fatalf("%q: %d %s", data, w.Code, w.Body)
		}
	})
}

// decodeOnly serves POST /decode, which decodes a body and does nothing.
func decodeOnly(s *Server) http.Handler {
	e := gin.New()
	type in struct {
		Body struct {
			Name    string         `json:"name" minLength:"1" maxLength:"10"`
			Roles   []people.Role  `json:"roles,omitempty" enum:"officer,desk"`
			Expires *time.Time     `json:"expires_at,omitempty"`
			Date    *calendar.Date `json:"date,omitempty"`
			Nested  *struct {
				Level float64   `json:"level" minimum:"0" maximum:"1"`
				List  []float64 `json:"list,omitempty"`
			} `json:"nested,omitempty"`
		}
	}
	huma.Register(humagin.New(e, s.specification()), huma.Operation{Method: http.MethodPost, Path: "/decode", OperationID: "decode"},
		func(context.Context, *in) (*struct{}, error) { return nil, nil })
	return e
}
