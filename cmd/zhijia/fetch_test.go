package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"zhijia/internal/patent"
	"zhijia/internal/store/storetest"
)

// One command goes from a number to an opinion, asking EPO OPS on the loopback;
// afterwards, with the server gone, the same question has the same facts,
// sources and value, byte for byte, and a number nobody has is told as such.
func TestFromNumberToOpinion(t *testing.T) {
	t.Setenv("DATABASE_URL", storetest.URL(t))
	digits := "202110412345"
	number := digits + "." + string(patent.CheckDigit(digits))
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		const head = `<ops:world-patent-data xmlns="http://www.epo.org/exchange" xmlns:ops="http://ops.epo.org">`
		publication := `<publication-reference><document-id document-id-type="docdb"><country>CN</country><doc-number>113912345</doc-number><kind>B</kind><date>20230117</date></document-id></publication-reference>`
		switch {
		case strings.HasSuffix(r.URL.Path, "/accesstoken"):
			fmt.Fprint(w, `{"access_token":"T","expires_in":"1199"}`)
		case !strings.Contains(r.URL.Path, digits):
			w.WriteHeader(404)
			fmt.Fprint(w, `<fault xmlns="http://ops.epo.org"><code>SERVER.EntityNotFound</code></fault>`)
		case strings.Contains(r.URL.Path, "/family/"):
			asked++
			fmt.Fprint(w, head+`<ops:patent-family legal="true"><ops:family-member family-id="7">`+publication+`<application-reference doc-id="1"><document-id document-id-type="docdb"><country>CN</country><doc-number>`+digits+`</doc-number><kind>A</kind><date>20210416</date></document-id></application-reference><ops:legal code="GR01" infl="+"><ops:L007EP>2023-01-17</ops:L007EP><ops:L008EP>GR01</ops:L008EP><ops:L018EP>2023-01-18</ops:L018EP></ops:legal></ops:family-member></ops:patent-family></ops:world-patent-data>`)
		default:
			asked++
			fmt.Fprint(w, head+`<exchange-documents><exchange-document family-id="7" country="CN" doc-number="113912345" kind="B"><bibliographic-data>`+publication+`<classifications-ipcr><classification-ipcr><text>F04D  29/  22            A I                    </text></classification-ipcr></classifications-ipcr><application-reference><document-id document-id-type="docdb"><country>CN</country><doc-number>`+digits+`</doc-number><kind>A</kind></document-id><document-id document-id-type="epodoc"><doc-number>X</doc-number><date>20210416</date></document-id></application-reference><parties><applicants><applicant sequence="1" data-format="original"><applicant-name><name>甲泵业有限公司, </name></applicant-name></applicant></applicants></parties><invention-title lang="zh">一种离心泵的叶轮</invention-title></bibliographic-data><abstract lang="zh"><p>叶轮的叶片后倾。</p></abstract></exchange-document></exchange-documents></ops:world-patent-data>`)
		}
	}))
	source := []string{"--source-ops-key", "k:s", "--source-ops-url", server.URL + "/3.2", "--source-per-minute", "60000"}
	say := func(want int, args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		if code := run(t.Context(), append([]string{"--json"}, args...), strings.NewReader(""), &out, &errs); code != want {
			t.Fatalf("%v: exit %d\n%s%s", args, code, out.String(), errs.String())
		}
		return out.String() + errs.String()
	}
	value := func(more ...string) string { // the conclusion and what it rests on, without its id
		var v struct{ Title, Conclusion, Assignment json.RawMessage }
		if err := json.Unmarshal([]byte(say(0, append([]string{"value", number, "--purpose", "pledge", "--as-of", "2026-06-01"}, more...)...)), &v); err != nil {
			t.Fatal(err)
		}
		return string(v.Conclusion) + string(v.Assignment)
	}
	first := value(append(source, "--fetch")...)
	for _, want := range []string{"离心泵的叶轮", "F04D 29/22", `"point"`} {
		if !strings.Contains(first, want) {
			t.Errorf("the opinion does not know %q:\n%.600s", want, first)
		}
	}
	dossier := say(0, "dossier", number, "--as-of", "2026-06-01")
	statements := say(0, "sources", "statements", number)
	if !strings.Contains(dossier, "epo_ops") || !strings.Contains(statements, "甲泵业有限公司") || asked != 2 {
		t.Errorf("asked %d times; dossier %.300s", asked, dossier)
	}
	if told := say(66, append([]string{"value", "CN113999999B", "--fetch"}, source...)...); !strings.Contains(told, "SERVER.EntityNotFound") {
		t.Errorf("a number nobody has: %s", told)
	}
	server.Close()
	if again := value(); again != first {
		t.Errorf("offline:\n%s\nwas\n%s", again, first)
	}
	if d, s := say(0, "dossier", number, "--as-of", "2026-06-01"), say(0, "sources", "statements", number); d != dossier || s != statements {
		t.Errorf("offline the dossier is another:\n%s\nwas\n%s", d, dossier)
	}
}
