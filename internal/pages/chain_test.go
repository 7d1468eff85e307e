package pages

import (
	"net/http"
	"strings"
	"testing"

	"zhijia/internal/gate/gatetest"
	"zhijia/internal/people"
)

// The chain's pages show what the use cases answer, and say what was wrong.
func TestChainPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := signIn(t, w, people.Officer)
	for path, want := range map[string]string{
		"/officer/chain": "专利号或申请号", "/officer/rights": "台账为空", "/officer/rights?kind=trademark&number=1234567": "库中没有", "/officer/rights?kind=trademark&number=x": "mark.number",
		"/officer/schemes": "各地比较", "/officer/schemes?on=x": "date.shape", "/officer/statistics": "没有在册贷款", "/officer/statistics?as_of=2099-01-01": "date.future",
	} {
		if r := b.send("GET", path, nil); r.Code >= 500 || !strings.Contains(r.Body.String(), want) {
			t.Errorf("%s: %d lacks %s", path, r.Code, want)
		}
	}
	form := map[string][]string{"csrf": {b.csrf(b.send("GET", "/officer/chain", nil).Body.String())}, "number": {gatetest.KnownNumber}}
	if r := b.send("POST", "/officer/chain", form); r.Code != http.StatusOK || !strings.Contains(r.Body.String(), "可贷上限") || !strings.Contains(r.Body.String(), "应备材料") {
		t.Errorf("one-stop: %d %s", r.Code, r.Body)
	}
	form["number"] = []string{"201310543019.7"}
	if r := b.send("POST", "/officer/chain", form); r.Code != http.StatusUnprocessableEntity || !strings.Contains(r.Body.String(), "number.check_digit") {
		t.Errorf("a wrong number: %d", r.Code)
	}
}
