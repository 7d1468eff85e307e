package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"
	"zhijia/internal/calendar"
)

func TestStrictJSON(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]error{
		`{}`:                            nil,
		`[]`:                            nil,
		`1`:                             nil,
		` {"a":[{"a":1},{"a":2}]} `:     nil,
		`{"a":{"b":"b"},"b":"a"}`:       nil,
		`{"a":"a","b":["a","b","a"]}`:   nil,
		`{"a":1,"a":2}`:                 errJSONDuplicate,
		`{"x":{"a":1,"b":[],"a":{}}}`:   errJSONDuplicate,
		`{"a":{},"a":{}}`:               errJSONDuplicate,
		`{"a":1,"\u0061":2}`:            errJSONDuplicate,
		`{"a":1`:                        errJSONSyntax,
		``:                              errJSONSyntax,
		`{"a":}`:                        errJSONSyntax,
		`{a:1}`:                         errJSONSyntax,
		`NaN`:                           errJSONSyntax,
		"{\"a\":\"\x80\"}":              errJSONEncoding,
		`{} {}`:                         errJSONTrailing,
		`{}x`:                           errJSONTrailing,
		strings.Repeat("[", 33):         errJSONDepth,
		strings.Repeat(`{"a":`, 40):     errJSONDepth,
		strings.Repeat("[", 1_000_000):  errJSONDepth,
		"\xef\xbb\xbf{}":                errJSONSyntax,
		"{\"a\":\"\u0000\"}":            errJSONSyntax,
		`{"a":1,"b":{"a":1},"c":"a"}`:   nil,
		`{"a":"b","c":"b","d":{"e":1}}`: nil,
	} {
		if err := strictJSON([]byte(body)); !errors.Is(err, want) {
			t.Errorf("%.60q: %v, want %v", body, err, want)
		}
	}
}

// Whatever strictJSON accepts, encoding/json accepts, and decoding into a map
// loses no key.
func FuzzStrictJSON(f *testing.F) {
	for _, s := range []string{`{"a":1}`, `{"a":1,"a":2}`, `[[{"a":{}}]]`, `"x"`, `{"a":[1,2,{"b":null}],"c":true}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if strictJSON(data) != nil {
			return
		}
		if !utf8.Valid(data) {
			t.Fatal("accepted bytes that are not UTF-8")
		}
		var v any
		if err := json.Unmarshal(data, &v); err != nil {
			t.Fatalf("accepted %q: %v", data, err)
		}
	})
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
		if r2 := splitVerb(r); publicPath(r2) != u.EscapedPath() {
			t.Fatalf("%q became %q", u.EscapedPath(), publicPath(r2))
		}
	})
}

// No body sent to a route that decodes one may do anything but be answered
// with a problem or a success.
func FuzzRequestDecoding(f *testing.F) {
	for _, s := range []string{`{"name":"a","roles":["officer"]}`, `{"name":1}`, `{"roles":[[]]}`, "", "null", `{"expires_at":"x"}`} {
		f.Add([]byte(s))
	}
	s, err := New(Options{})
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
		var p Problem
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
			Roles   []Role         `json:"roles,omitempty" enum:"officer,desk"`
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
