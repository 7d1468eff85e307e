package api

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"zhijia/internal/gate"
	"zhijia/internal/gate/gatetest"
	"zhijia/internal/people"
)

// Every bad request is answered with its own problem code, in Chinese and in
// English, without repeating what was sent.
func TestBadRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{Options: gate.Options{MaxBody: 1 << 20}})
	keys := map[string]string{
		"officer":   w.Key,
		"desk":      gatetest.NewKey(t, w.DB, time.Time{}, people.Desk),
		"evaluator": gatetest.NewKey(t, w.DB, time.Time{}, people.Evaluator),
		"admin":     gatetest.NewKey(t, w.DB, time.Time{}, people.Admin),
		"expired":   gatetest.NewKey(t, w.DB, time.Now().Add(-time.Second), people.Officer),
		"":          "",
	}
	made := w.Post("/v1/valuations", map[string]any{"number": gatetest.KnownNumber})
	if made.Code != http.StatusCreated {
		t.Fatal(made.Body)
	}
	id := gatetest.Decode[stored](t, made.Body.Bytes()).ID
	w.Post("/v1/valuations", `{"number":"`+gatetest.KnownNumber+`"}`, "Idempotency-Key", "used")

	gz := func(s string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = io.WriteString(z, s)
		_ = z.Close()
		return b.String()
	}
	const jsonType = "application/json"
	const v = "/v1/valuations"
	text := func(field, value string) string {
		b, _ := json.Marshal(map[string]any{"text": map[string]string{"title": "电池", field: value}})
		return string(b)
	}
	for _, c := range []struct {
		name, key, method, path, contentType, body string
		status                                     int
		code                                       string // of the problem, or of one of its fields
		header                                     []string
	}{
		// bodies that are not what they say
		{name: "empty body", method: "POST", path: v, status: 422, code: "body.required"},
		{name: "truncated JSON", method: "POST", path: v, body: `{"number":"CN2013`, status: 422, code: "json.syntax"},
		{name: "not JSON", method: "POST", path: v, body: `number=1`, status: 422, code: "json.syntax"},
		{name: "a byte order mark", method: "POST", path: v, body: "\xef\xbb\xbf{}", status: 422, code: "json.syntax"},
		{name: "two values", method: "POST", path: v, body: `{}{}`, status: 422, code: "json.trailing"},
		{name: "the same key twice", method: "POST", path: v, body: `{"number":"a","number":"b"}`, status: 422, code: "json.duplicate_key"},
		{name: "the same key twice, escaped", method: "POST", path: v, body: `{"number":"a","\u006eumber":"b"}`, status: 422, code: "json.duplicate_key"},
		{name: "GB18030 instead of UTF-8", method: "POST", path: v, body: "{\"text\":{\"title\":\"\xb5\xe7\xb3\xd8\"}}", status: 422, code: "json.encoding"},
		{name: "UTF-16", method: "POST", path: v, body: "{\x00}\x00", status: 422, code: "json.syntax"},
		{name: "nested too deeply", method: "POST", path: v, body: strings.Repeat("[", 5000), status: 422, code: "json.depth"},
		{name: "a list instead of an object", method: "POST", path: v, body: `[]`, status: 422, code: "field.type"},
		{name: "a string instead of an object", method: "POST", path: v, body: `"x"`, status: 422, code: "field.type"},
		{name: "null", method: "POST", path: v, body: `null`, status: 422, code: "field.type"},
		{name: "a control character inside JSON", method: "POST", path: v, body: "{\"number\":\"a\x01\"}", status: 422, code: "json.syntax"},
		{name: "NaN", method: "POST", path: v, body: `{"level":NaN}`, status: 422, code: "json.syntax"},
		{name: "a form", method: "POST", path: v, contentType: "application/x-www-form-urlencoded", body: `{}`, status: 415, code: "content_type.unsupported"},
		{name: "XML", method: "POST", path: v, contentType: "application/xml", body: `<x/>`, status: 415, code: "content_type.unsupported"},
		{name: "plain text", method: "POST", path: v, contentType: "text/plain", body: `{}`, status: 415, code: "content_type.unsupported"},
		{name: "a multipart body", method: "POST", path: v, contentType: "multipart/form-data; boundary=x", body: "--x--", status: 415, code: "content_type.unsupported"},
		{name: "a compressed body", method: "POST", path: v, body: gz(`{}`), header: []string{"Content-Encoding", "gzip"}, status: 422, code: "json.encoding"},
		{name: "10 MB of text", method: "POST", path: v, body: text("abstract", strings.Repeat("电", 10<<20/3)), status: 413, code: "body.too_large"},

		// fields
		{name: "an unknown field", method: "POST", path: v, body: `{"number":"` + gatetest.KnownNumber + `","nmuber":"x"}`, status: 422, code: "field.unknown"},
		{name: "an unknown nested field", method: "POST", path: v, body: `{"text":{"title":"x","abstrct":"y"}}`, status: 422, code: "field.unknown"},
		{name: "a number for a string", method: "POST", path: v, body: `{"number":1}`, status: 422, code: "field.type"},
		{name: "a string for a number", method: "POST", path: v, body: `{"number":"` + gatetest.KnownNumber + `","level":"0.8"}`, status: 422, code: "field.type"},
		{name: "a string for a boolean", method: "POST", path: v, body: `{"number":"` + gatetest.KnownNumber + `","blind":"yes"}`, status: 422, code: "field.type"},
		{name: "a fraction for a count", method: "POST", path: v, body: `{"number":"` + gatetest.KnownNumber + `","patent":{"claims":1.5}}`, status: 422, code: "field.type"},
		{name: "no subject", method: "POST", path: v, body: `{}`, status: 422, code: "subject.missing"},
		{name: "a text without a title", method: "POST", path: v, body: `{"text":{"abstract":"x"}}`, status: 422, code: "field.required"},
		{name: "a blank title", method: "POST", path: v, body: `{"text":{"title":"  "}}`, status: 422, code: "text.title_missing"},
		{name: "a title too long", method: "POST", path: v, body: `{"text":{"title":"` + strings.Repeat("x", 1001) + `"}}`, status: 422, code: "field.too_long"},
		{name: "an abstract too long", method: "POST", path: v, body: text("abstract", strings.Repeat("x", 20001)), status: 422, code: "field.too_long"},
		{name: "control characters in a text", method: "POST", path: v, body: `{"text":{"title":"a\u0007b"}}`, status: 422, code: "text.control_characters"},
		{name: "a bidirectional override", method: "POST", path: v, body: `{"text":{"title":"a\u202eb"}}`, status: 422, code: "text.control_characters"},
		{name: "a bidirectional override in a note", method: "POST", path: "/v1/offers", body: `{"numbers":["ZL201310543019.6"],"product":"pledge","status":"offered","reference":"x","party":"a\u2066b"}`, status: 422, code: "text.control_characters"},
		{name: "a null byte in a party", method: "POST", path: "/v1/offers", body: `{"numbers":["ZL201310543019.6"],"product":"pledge","status":"offered","reference":"x","party":"a\u0000b"}`, status: 422, code: "text.control_characters"},
		{name: "a null byte", method: "POST", path: v, body: `{"text":{"title":"a\u0000b"}}`, status: 422, code: "text.control_characters"},

		// numbers of patents
		{name: "a wrong check digit", method: "POST", path: v, body: `{"number":"CN201310543019.5"}`, status: 422, code: "CHECK"},
		{name: "no number at all", method: "POST", path: v, body: `{"number":"battery"}`, status: 422, code: "NUMBER"},
		{name: "SQL as a number", method: "POST", path: v, body: `{"number":"'; DROP TABLE patents; --"}`, status: 422, code: "NUMBER"},
		{name: "HTML as a number", method: "POST", path: v, body: `{"number":"<script>alert(1)</script>"}`, status: 422, code: "NUMBER"},
		{name: "a formula as a number", method: "POST", path: v, body: `{"number":"=HYPERLINK(1)"}`, status: 422, code: "NUMBER"},
		{name: "a number too long", method: "POST", path: v, body: `{"number":"` + strings.Repeat("1", 41) + `"}`, status: 422, code: "field.too_long"},
		{name: "a valid number that is not stored", method: "POST", path: v, body: `{"number":"CN201510123456.7"}`, status: 0, code: "ANY"},
		{name: "a bad number in the bundle", method: "POST", path: v, body: `{"number":"` + gatetest.KnownNumber + `","bundle":["x"]}`, status: 422, code: "NUMBER"},
		{name: "a bundle too large", method: "POST", path: v, body: `{"number":"` + gatetest.KnownNumber + `","bundle":[` + strings.TrimSuffix(strings.Repeat(`"x",`, 201), ",") + `]}`, status: 422, code: "field.too_many"},

		// words, dates and figures
		{name: "an unknown purpose", method: "POST", path: v, body: `{"number":"` + gatetest.KnownNumber + `","purpose":"gift"}`, status: 422, code: "purpose.unknown"},
		{name: "an unknown basis", method: "POST", path: v, body: `{"number":"` + gatetest.KnownNumber + `","basis":"x"}`, status: 422, code: "basis.unknown"},
		{name: "an unknown kind of patent", method: "POST", path: v, body: `{"text":{"title":"x"},"patent":{"kind":"plant"}}`, status: 422, code: "patent.kind.unknown"},
		{name: "an IPC symbol that is none", method: "POST", path: v, body: `{"text":{"title":"x"},"patent":{"ipc":["ZZZ"]}}`, status: 422, code: "IPC"},
		{name: "a day that does not exist", method: "POST", path: v, body: `{"number":"` + gatetest.KnownNumber + `","valuation_date":"2025-02-30"}`, status: 422, code: "field.date"},
		{name: "a date that is none", method: "POST", path: v, body: `{"number":"` + gatetest.KnownNumber + `","valuation_date":"soon"}`, status: 422, code: "field.date"},
		{name: "a date in the future", method: "POST", path: v, body: `{"number":"` + gatetest.KnownNumber + `","valuation_date":"2999-01-01"}`, status: 422, code: "date.range"},
		{name: "a date before patents", method: "POST", path: v, body: `{"number":"` + gatetest.KnownNumber + `","valuation_date":"1900-01-01"}`, status: 422, code: "date.range"},
		{name: "granted before filed", method: "POST", path: v, body: `{"text":{"title":"x"},"patent":{"filing_date":"2020-01-01","grant_date":"2019-01-01"}}`, status: 422, code: "date.order"},
		{name: "a level of 2", method: "POST", path: v, body: `{"number":"` + gatetest.KnownNumber + `","level":2}`, status: 422, code: "level.range"},
		{name: "a negative share", method: "POST", path: v, body: `{"number":"` + gatetest.KnownNumber + `","right_fraction":-1}`, status: 422, code: "share.range"},
		{name: "a number beyond floats", method: "POST", path: v, body: `{"number":"` + gatetest.KnownNumber + `","level":1e999}`, status: 422, code: "json.syntax"},
		{name: "a negative count", method: "POST", path: v, body: `{"text":{"title":"x"},"patent":{"claims":-1}}`, status: 422, code: "count.range"},
		{name: "a score without a reason", method: "POST", path: v, body: `{"number":"` + gatetest.KnownNumber + `","scores":[{"code":"T1.1","score":50,"reason":" "}]}`, status: 422, code: "score.reason_missing"},
		{name: "a score beyond the scale", method: "POST", path: v, body: `{"number":"` + gatetest.KnownNumber + `","scores":[{"code":"T1.1","score":500,"reason":"x"}]}`, status: 422, code: "score.range"},

		// keys and roles
		{name: "no key", key: "-", method: "POST", path: v, body: `{}`, status: 401, code: "auth.missing"},
		{name: "an expired key", key: "expired", method: "GET", path: v, status: 401, code: "auth.expired"},
		{name: "basic authentication", key: "-", method: "GET", path: v, header: []string{"Authorization", "Basic eDp5"}, status: 401, code: "auth.missing"},
		{name: "a malformed key", key: "-", method: "GET", path: v, header: []string{"Authorization", "Bearer ' OR ''='"}, status: 401, code: "auth.invalid"},
		{name: "an admin valuing", key: "admin", method: "POST", path: v, body: `{}`, status: 403, code: "auth.role"},
		{name: "an officer managing keys", method: "GET", path: "/v1/keys", status: 403, code: "auth.role"},
		{name: "a desk overriding", key: "desk", method: "POST", path: v + "/" + id + "/overrides", body: `{"value":1,"reason":"x"}`, status: 403, code: "auth.role"},
		{name: "an evaluator overriding", key: "evaluator", method: "POST", path: v + "/" + id + "/overrides", body: `{"value":1,"reason":"x"}`, status: 403, code: "auth.role"},

		// paths, queries and headers
		{name: "an unknown route", method: "GET", path: "/v1/nothing", status: 404, code: "route.unknown"},
		{name: "an unknown method on a resource", method: "POST", path: v + "/" + id + ":sell", body: `{}`, status: 404, code: "route.unknown"},
		{name: "an inside path", method: "POST", path: v + "/" + id + "/~replay", body: `{}`, status: 404, code: "route.unknown"},
		{name: "DELETE", method: "DELETE", path: v + "/" + id, status: 405, code: "method.not_allowed"},
		{name: "PUT", method: "PUT", path: v, body: `{}`, status: 405, code: "method.not_allowed"},
		{name: "a valuation that is not there", method: "GET", path: v + "/val_0", status: 404, code: "valuation.unknown"},
		{name: "an id with a quote", method: "GET", path: v + "/x'%20OR%201=1", status: 422, code: "field.pattern"},
		{name: "replaying nothing", method: "POST", path: v + "/val_0:replay", body: `{}`, status: 404, code: "valuation.unknown"},
		{name: "an unknown query parameter", method: "GET", path: v + "?limt=1", status: 422, code: "query.unknown"},
		{name: "a limit of 0", method: "GET", path: v + "?limit=0", status: 422, code: "field.range"},
		{name: "a limit of 9999", method: "GET", path: v + "?limit=9999", status: 422, code: "field.range"},
		{name: "a limit in words", method: "GET", path: v + "?limit=many", status: 422, code: "field.type"},
		{name: "a forged cursor", method: "GET", path: v + "?cursor=AAAA", status: 422, code: "cursor.invalid"},
		{name: "a cursor that is no cursor", method: "GET", path: v + "?cursor=%27%27", status: 422, code: "cursor.invalid"},
		{name: "an unknown format", method: "GET", path: v + "/" + id + "?format=exe", status: 422, code: "field.enum"},
		{name: "a patent that is not stored", method: "GET", path: "/v1/patents/CN95115608.X", status: 404, code: "patent.unknown"},
		{name: "a patent number with a wrong digit", method: "GET", path: "/v1/patents/CN201310543019.5", status: 422, code: "CHECK"},
		{name: "a search without a number", method: "GET", path: "/v1/comparables:search", status: 422, code: "field.required"},
		{name: "a search on a bad date", method: "GET", path: "/v1/comparables:search?number=" + gatetest.KnownNumber + "&valuation_date=x", status: 422, code: "field.invalid"},
		{name: "an idempotency key used for something else", method: "POST", path: v, body: `{"text":{"title":"x"}}`, header: []string{"Idempotency-Key", "used"}, status: 409, code: "idempotency.mismatch"},
		{name: "an idempotency key that is too long", method: "POST", path: v, body: `{}`, header: []string{"Idempotency-Key", strings.Repeat("x", 300)}, status: 422, code: "idempotency.key"},
		{name: "an idempotency key with control characters", method: "POST", path: v, body: `{}`, header: []string{"Idempotency-Key", "a\x01"}, status: 422, code: "idempotency.key"},

		// overrides and keys
		{name: "an override without a reason", method: "POST", path: v + "/" + id + "/overrides", body: `{"value":1,"reason":" "}`, status: 422, code: "reason.missing"},
		{name: "an override with a negative figure", method: "POST", path: v + "/" + id + "/overrides", body: `{"value":-1,"reason":"x"}`, status: 422, code: "field.range"},
		{name: "an override with control characters", method: "POST", path: v + "/" + id + "/overrides", body: `{"value":1,"reason":"x\u001b[31m"}`, status: 422, code: "text.control_characters"},
		{name: "a what-if level of 1", method: "POST", path: v + "/" + id + ":what-if", body: `{"level":1}`, status: 422, code: "field.range"},
		{name: "a key without a role", key: "admin", method: "POST", path: "/v1/keys", body: `{"name":"x","roles":[]}`, status: 422, code: "field.too_few"},
		{name: "a key with an unknown role", key: "admin", method: "POST", path: "/v1/keys", body: `{"name":"x","roles":["root"]}`, status: 422, code: "field.enum"},
		{name: "a key that has expired already", key: "admin", method: "POST", path: "/v1/keys", body: `{"name":"x","roles":["desk"],"expires_at":"2001-01-01T00:00:00Z"}`, status: 422, code: "key.expires"},
		{name: "a time that is none", key: "admin", method: "POST", path: "/v1/keys", body: `{"name":"x","roles":["desk"],"expires_at":"never"}`, status: 422, code: "field.date_time"},
		{name: "revoking a key that is not there", key: "admin", method: "POST", path: "/v1/keys/aaaaaaaaaaaa:revoke", body: `{}`, status: 404, code: "key.unknown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			key := keys[c.key]
			switch c.key {
			case "":
				key = keys["officer"]
			case "-":
				key = ""
			}
			contentType := c.contentType
			if contentType == "" && c.method == "POST" {
				contentType = jsonType
			}
			for _, lang := range []string{"", "en"} {
				cl := gatetest.Client{T: t, H: w.gate, Key: key}
				got := cl.Do(c.method, c.path, contentType, strings.NewReader(c.body), append(c.header, "Accept-Language", lang)...)
				if c.code == "ANY" {
					if got.Code != 422 && got.Code != 404 {
						t.Errorf("%d %s", got.Code, got.Body)
					}
					continue
				}
				p := gatetest.Problem(t, got)
				if p.Status != c.status || !hasCode(p, c.code) {
					t.Errorf("%d %s %+v, want %d %s", p.Status, p.Code, p.Errors, c.status, c.code)
				}
				if p.Title == "" || p.Detail == "" || p.Type == "" || p.RequestID == "" || p.Instance == "" {
					t.Errorf("incomplete: %+v", p)
				}
				for _, hostile := range []string{"<script", "DROP TABLE", "HYPERLINK", "OR 1=1"} {
					if strings.Contains(got.Body.String(), hostile) {
						t.Errorf("the reply repeats hostile input: %s", got.Body)
					}
				}
			}
		})
	}
}

// hasCode reports whether a problem, or one of its fields, has a code. NUMBER,
// CHECK and IPC stand for the families of codes that internal/patent gives.
func hasCode(p gate.Problem, want string) bool {
	codes := []string{p.Code}
	for _, f := range p.Errors {
		codes = append(codes, f.Code)
	}
	for _, c := range codes {
		switch want {
		case "NUMBER":
			if strings.Contains(c, "number") {
				return true
			}
		case "CHECK":
			if strings.Contains(c, "check") {
				return true
			}
		case "IPC":
			if strings.Contains(c, "ipc") {
				return true
			}
		default:
			if c == want {
				return true
			}
		}
	}
	return false
}
