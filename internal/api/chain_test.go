package api

import (
	"net/http"
	"strings"
	"testing"

	"zhijia/internal/gate/gatetest"
	"zhijia/internal/people"
)

// The chain over REST: the ledger refuses with 409 and its code, what is wrong
// has a code, and each answer is stored and comes out the same again.
func TestChain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{}, people.Desk)
	type problem struct{ Code string }
	ask := func(path string, body any, status int, code string) []byte {
		t.Helper()
		r := w.Post(path, body)
		if r.Code != status || code != "" && gatetest.Decode[problem](t, r.Body.Bytes()).Code != code {
			t.Errorf("%s %v: %d %s, want %d %s", path, body, r.Code, r.Body, status, code)
		}
		return r.Body.Bytes()
	}
	entry := func(changes ...any) map[string]any {
		e := map[string]any{"kind": "trademark", "numbers": []string{"第1234567号"}, "product": "pledge", "state": "committed", "reference": "DB-1", "party": "甲公司", "beneficiary": "乙银行"}
		for i := 0; i < len(changes); i += 2 {
			e[changes[i].(string)] = changes[i+1]
		}
		return e
	}
	ask("/v1/encumbrances", entry(), 200, "")
	ask("/v1/encumbrances", entry("product", "pool", "reference", "P-1"), 409, "encumbrance.consent")
	ask("/v1/encumbrances", entry("reference", "DB-2"), 409, "encumbrance.forbidden")
	if !strings.Contains(string(ask("/v1/encumbrances", entry("reference", "DB-2", "keep_disputed", true), 200, "")), "forbidden") {
		t.Error("kept as disputed without saying why")
	}
	consent := map[string]any{"kind": "trademark", "number": "1234567", "product": "pledge", "reference": "DB-1", "to": "pool", "by": "乙银行", "document": "TY-1", "signed_on": "2026-01-01"}
	ask("/v1/consents", consent, 200, "")
	ask("/v1/encumbrances", entry("product", "pool", "reference", "P-1"), 200, "")
	insured := entry("product", "insurance", "reference", "BX-1", "covers", "DB-1", "amount", 1000000)
	ask("/v1/encumbrances", insured, 200, "")
	for _, bad := range []struct {
		change []any
		code   string
	}{
		{[]any{"numbers", []string{"abc"}}, "mark.number"},
		{[]any{"kind", "copyright"}, "right.number"},
		{[]any{"state", "registered"}, "entry.invalid"},
		{[]any{"reference", ""}, "entry.invalid"},
		{[]any{"credit_code", "1"}, "credit_code.shape"},
		{[]any{"covers", "DB-9"}, "entry.invalid"},
		{[]any{"amount", -1}, "entry.invalid"},
		{[]any{"party", "  "}, "entry.invalid"},
		{[]any{"state", "offered", "kind", "layout"}, "right.number"},
		{[]any{"kind", "patent", "numbers", []string{"201310543019.7"}}, "number.check_digit"},
	} {
		r := w.Post("/v1/encumbrances", entry(bad.change...))
		if got := gatetest.Decode[problem](t, r.Body.Bytes()).Code; r.Code < 400 || r.Code >= 500 || got != bad.code && bad.code != "credit_code.shape" {
			t.Errorf("%v: %d %s", bad.change, r.Code, r.Body)
		}
	}
	line := w.Get("/v1/rights/trademark/1234567/timeline")
	for _, want := range []string{"质押 DB-2：有争议", "乙银行同意用于资产池", `"owners":[]`} {
		if !strings.Contains(line.Body.String(), want) {
			t.Errorf("time line lacks %s: %s", want, line.Body)
		}
	}
	ask("/v1/encumbrances:release", map[string]any{"product": "pledge", "reference": "DB-1"}, 200, "")
	ask("/v1/encumbrances:release", map[string]any{"product": "pledge", "reference": "DB-1"}, 404, "entry.unknown")

	type answer struct{ ID string }
	receipts := []map[string]any{{"month": "2024-01", "source": "甲", "amount": 100}, {"month": "2024-03", "source": "乙", "amount": 50}}
	for path, body := range map[string]any{
		"/v1/cash-flow-histories": map[string]any{"name": "池", "receipts": receipts},
		"/v1/statistics":          map[string]any{"ledger": []map[string]any{{"period": "2020", "amount": 865000000, "count": 46}}},
		"/v1/scheme-quotes":       map[string]any{"scheme": "PBC-2024", "ask": map[string]any{"on": "2026-01-01", "firm": "甲公司", "principal": 10000000}},
	} {
		a := gatetest.Decode[answer](t, ask(path, body, 200, ""))
		if r := w.Post("/v1/chain-answers/"+a.ID+":replay", nil); r.Code != 200 || !strings.Contains(r.Body.String(), `"same":true`) {
			t.Errorf("%s replayed: %d %s", path, r.Code, r.Body)
		}
	}
	for _, bad := range []struct {
		receipt map[string]any
		code    string
	}{
		{map[string]any{"month": "2024-13", "source": "甲", "amount": 1}, "history.month"},
		{map[string]any{"month": "24-01", "source": "甲", "amount": 1}, "history.month"},
		{map[string]any{"month": "2024-01", "source": "", "amount": 1}, "history.source"},
		{map[string]any{"month": "2024-01", "source": "甲", "amount": -1}, "history.amount"},
		{map[string]any{"month": "2024-01", "source": "甲", "amount": 1, "forecast": -1}, "history.amount"},
	} {
		ask("/v1/cash-flow-histories", map[string]any{"name": "池", "receipts": []any{bad.receipt}}, 422, bad.code)
	}
	if r := w.Get("/v1/statistics/workbook"); r.Code != http.StatusOK || !strings.HasPrefix(r.Body.String(), "PK") {
		t.Errorf("workbook: %d", r.Code)
	}
	for path, want := range map[string]int{"/v1/schemes?region=青岛&on=2026-01-01": 200, "/v1/schemes?on=tomorrow": 422, "/v1/schemes?instrument=gift": 422, "/v1/scheme-comparison": 200, "/v1/scheme-uses": 200, "/v1/statistics?by=colour": 422, "/v1/statistics?as_of=2099-01-01": 422, "/v1/intermediaries": 200, "/v1/open-licences": 200, "/v1/encumbrances?state=disputed": 200} {
		if r := w.Get(path); r.Code != want {
			t.Errorf("%s: %d %s", path, r.Code, r.Body)
		}
	}
	ask("/v1/one-stop", map[string]any{"number": "201310543019.7"}, 422, "number.check_digit")
	dossier := gatetest.Decode[answer](t, ask("/v1/one-stop", map[string]any{"number": gatetest.KnownNumber}, 200, ""))
	if r := w.Post("/v1/chain-answers/"+dossier.ID+":replay", nil); r.Code != 200 || !strings.Contains(r.Body.String(), `"same":true`) {
		t.Errorf("the dossier replayed: %d %s", r.Code, r.Body)
	}
	ask("/v1/statistics", map[string]any{"batches": []string{"bat_none"}}, 404, "")
	ask("/v1/statistics", map[string]any{"batches": []string{"bat_none"}, "ledger": []map[string]any{}}, 422, "statistics.source")
	if body := string(ask("/v1/one-stop", map[string]any{"number": gatetest.KnownNumber}, 200, "")); !strings.Contains(body, `"key":"cap"`) || !strings.Contains(body, `"value_low":`) {
		t.Errorf("one-stop: %s", body)
	}
	ask("/v1/open-licences", map[string]any{"number": gatetest.KnownNumber, "declared": "2026-01-01", "basis": "lump", "fee": 50000, "years": 3, "concluded": 0, "source": "公告"}, 200, "")
	ask("/v1/open-licences", map[string]any{"number": gatetest.KnownNumber, "declared": "2026-01-01", "basis": "royalty", "fee": 50000, "years": 3, "concluded": 0, "source": "公告"}, 422, "open_licence.fee")
	ask("/v1/patent-marks", map[string]any{"number": gatetest.KnownNumber, "emerging": "maybe", "abroad": "", "award": "", "source": "公告"}, 422, "marks.answer")
}
