package api

import (
	"bytes"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"zhijia/internal/gate"
	"zhijia/internal/gate/gatetest"
	"zhijia/internal/intake"
)

func TestImports(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{Options: gate.Options{MaxUpload: 1 << 20}})
	rows := []byte("id,title,amount,currency,patents,deal_kind,date\n" +
		"X1,电池专利转让,500000,CNY,1,assignment,2021-05-06\n" +
		"X2,坏的一行,abc,CNY,1,assignment,2021-05-06\n" +
		"X3,=HYPERLINK(1),200000,CNY,1,assignment,2021-05-06\n")
	dry := gatetest.Decode[intake.Report](t, w.Upload("/v1/imports/transactions?dry_run=true", "file", "deals.csv", rows).Body.Bytes())
	if dry.Accepted != 2 || dry.Rejected != 1 || len(dry.Rejects) == 0 || dry.Rejects[0].Row == 0 {
		t.Errorf("dry run: %+v", dry)
	}
	for range 2 { // twice is once
		r := w.Upload("/v1/imports/transactions", "file", "deals.csv", rows)
		rep := gatetest.Decode[intake.Report](t, r.Body.Bytes())
		if r.Code != 200 || rep.Accepted != 2 || rep.Rejected != 1 {
			t.Fatalf("import: %d %s", r.Code, r.Body)
		}
		if got := w.Get(r.Header().Get("Location")); got.Code != 200 || !strings.Contains(got.Body.String(), rep.ID) {
			t.Errorf("state: %d %s", got.Code, got.Body)
		}
	}
	explained := "/v1/imports/patents?dry_run=true&map=%E6%A1%88%E5%8F%B7%3Dnumber&map=%E7%9B%AE%3Dtitle"
	body := "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"p.csv\"\r\n\r\n案号,目\nCN202010000001.9,泵\r\n--b\r\nContent-Disposition: form-data; name=\"more\"\r\n\r\nx\r\n--b--\r\n"
	got := w.Do("POST", explained, "multipart/form-data; boundary=b", strings.NewReader(body))
	if rep := gatetest.Decode[intake.Report](t, got.Body.Bytes()); len(rep.IgnoredParts) != 1 || rep.IgnoredParts[0] != "more" || rep.Accepted+rep.Rejected != 1 {
		t.Errorf("explained headers and a part behind the file: %d %s", got.Code, got.Body)
	}
	found := w.Post("/v1/comparables:search", map[string]any{"text": map[string]any{"title": "电池专利转让"}})
	if n := strings.Count(found.Body.String(), `"deal_id"`); n != 8 {
		t.Errorf("%d deals after two imports of the same two, want 6 and 2", n)
	}

	cut := "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"deals.csv\"\r\n\r\nid,title,amount"
	for name, c := range map[string]struct {
		got  *httptest.ResponseRecorder
		code string
	}{
		"an unknown kind":           {w.Upload("/v1/imports/horses", "file", "x.csv", rows), "dataset.unknown"},
		"another field":             {w.Upload("/v1/imports/transactions", "data", "x.csv", rows), "field.unknown"},
		"JSON instead of multipart": {w.Post("/v1/imports/transactions", "{}"), "content_type.unsupported"},
		"no file":                   {w.Do("POST", "/v1/imports/transactions", "multipart/form-data; boundary=b", strings.NewReader("--b--\r\n")), "upload.file_missing"},
		"a mapping to no field":     {w.Upload("/v1/imports/transactions?map=a%3Dhorse", "file", "x.csv", rows), "map.column"},
		"a mapping in no shape":     {w.Upload("/v1/imports/transactions?map=a", "file", "x.csv", rows), "map.shape"},
		"an unknown query":          {w.Upload("/v1/imports/transactions?dry=1", "file", "x.csv", rows), "query.unknown"},
		"a dry run in words":        {w.Upload("/v1/imports/transactions?dry_run=maybe", "file", "x.csv", rows), "field.type"},
		"a broken upload":           {w.Do("POST", "/v1/imports/transactions", "multipart/form-data; boundary=b", strings.NewReader(cut)), "upload.truncated"},
		"unknown columns":           {w.Upload("/v1/imports/transactions", "file", "x.csv", []byte("a,b\n1,2\n")), "file.columns_unknown"},
		"too large":                 {w.Upload("/v1/imports/transactions", "file", "x.csv", bytes.Repeat([]byte("x"), 2<<20)), "body.too_large"},
		"too large, chunked":        {w.Do("POST", "/v1/imports/transactions", "multipart/form-data; boundary=b", io.MultiReader(strings.NewReader(cut), strings.NewReader(strings.Repeat("x,", 2<<20)))), "body.too_large"},
		"an import that is not":     {w.Get("/v1/imports/imp_0"), "import.unknown"},
	} {
		p := gatetest.Problem(t, c.got)
		if p.Code != c.code {
			t.Errorf("%s: %d %s %+v, want %s", name, p.Status, p.Code, p.Errors, c.code)
		}
	}
	for name, want := range map[string]string{"a.csv": "a.csv", "../../x.csv": ".._.._x.csv", "a\x00b<c>.xlsx": "a_b_c_.xlsx", fmt.Sprint(strings.Repeat("长", 200), ".csv"): strings.Repeat("长", 116) + ".csv"} {
		if got := gate.FileName(name); got != want {
			t.Errorf("gate.FileName(%q) = %q, want %q", name, got, want)
		}
	}
}
