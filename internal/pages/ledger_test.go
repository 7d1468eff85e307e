package pages

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"zhijia/internal/calendar"
	"zhijia/internal/patent"
	"zhijia/internal/people"
	"zhijia/internal/store"
)

const readText = "青山大学专利转让公示\n\n受让方：海川科技有限公司\n专利号\t专利名称\t转让价（万元）\nZL202110345678.3\t一种<b>泵\t6.8\nZL202010877213.8\t一种阀门检测方法\t4.2\n\n公示期：2023年5月8日至2023年5月22日\n青山大学科技处\n2023年5月8日\n"

// A text is read, a row mended and accepted, and stands in the ledger with where
// it came from; a person judges it and takes that back; ten deals are too few to
// calibrate on.
func TestLedgerPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := signIn(t, w, people.Officer)
	token := url.Values{"csrf": {b.csrf(b.send("GET", "/officer/ledger/read", nil).Body.String())}}
	with := func(more ...string) url.Values {
		v := url.Values{"csrf": token["csrf"], "text": {strings.ReplaceAll(readText, "\n", "\r\n")}, "source": {"公示 12 号"}}
		for i := 0; i < len(more); i += 2 {
			v.Set(more[i], more[i+1])
		}
		return v
	}
	page := b.send("POST", "/officer/ledger/read", with()).Body.String()
	for _, want := range []string{"<mark>6.8</mark>", "<mark>海川科技有限公司</mark>", `value="68000"`, `accesskey="a"`, "共 2 行", "一种&lt;b&gt;泵"} {
		if !strings.Contains(page, want) {
			t.Errorf("the reading lacks %s", want)
		}
	}
	fields := []string{"row", "0", "numbers", "202110345678.3", "title", "一种泵", "patents", "1", "amount", "69,000", "price_kind", "total", "deal_kind", "assignment", "seller", "青山大学", "buyer", "海川科技有限公司", "date", "2023-05-08", "market", "private"}
	if r := b.send("POST", "/officer/ledger/read", with(append(fields, "act", "accept", "amount", "六万")...)); r.Code != http.StatusUnprocessableEntity || !strings.Contains(r.Body.String(), `value="六万"`) {
		t.Errorf("a wrong amount: %d", r.Code)
	}
	for range 2 { // accepted twice it is one deal
		if r := b.send("POST", "/officer/ledger/read", with(append(fields, "act", "accept")...)); r.Code != http.StatusOK || !strings.Contains(r.Body.String(), "已入账") || !strings.Contains(r.Body.String(), "第 2 行") {
			t.Fatalf("not accepted: %d %.400s", r.Code, r.Body.String())
		}
	}
	// The second row waits, over visits: it stands on the list, comes up again by itself, and is gone once it is settled.
	list := b.send("GET", "/officer/ledger", nil).Body.String()
	at := strings.Index(list, "/officer/ledger/read?reading=")
	if at < 0 || !strings.Contains(list, "2 行中 1 行待核对") || !strings.Contains(list, "公示 12 号") {
		t.Fatalf("nothing waits: %.600s", list)
	}
	kept := list[at : at+strings.IndexByte(list[at:], '"')]
	if page := b.send("GET", kept, nil).Body.String(); !strings.Contains(page, "第 2 行") || !strings.Contains(page, `value="42000"`) {
		t.Errorf("resumed: %.600s", page)
	}
	id2 := url.Values{"csrf": token["csrf"], "reading": {kept[strings.IndexByte(kept, '=')+1:]}, "row": {"1"}, "act": {"next"}}
	if page := b.send("POST", "/officer/ledger/read", id2).Body.String(); !strings.Contains(page, "仍有 1 行待核对") || !strings.Contains(page, kept) {
		t.Errorf("passed over: %.600s", page)
	}
	id2.Set("act", "reject")
	if page := b.send("POST", "/officer/ledger/read", id2).Body.String(); !strings.Contains(page, "未入账") || strings.Contains(page, kept) {
		t.Errorf("rejected: %.600s", page)
	}
	if r := b.send("GET", "/officer/ledger/read?reading=dr_none", nil); r.Code != http.StatusNotFound {
		t.Errorf("no such reading: %d", r.Code)
	}
	if r := b.send("GET", "/officer/ledger?valuation=none", nil); r.Code != http.StatusNotFound || !strings.Contains(r.Body.String(), "成交对估值的影响") {
		t.Errorf("the influence on no valuation: %d", r.Code)
	}
	all, err := w.DB.SeenDeals(store.As(t.Context(), "default"), store.LedgerFilter{Own: true})
	if err != nil {
		t.Fatal(err)
	}
	id := ""
	for _, d := range all {
		if strings.HasPrefix(d.ID, "read-") {
			if id != "" || *d.Amount != 69_000 || !strings.Contains(string(d.Provenance), `"mended"`) || !strings.Contains(string(d.Provenance), `"accepted_by"`) || !strings.Contains(string(d.Provenance), "转让价") && !strings.Contains(string(d.Provenance), "6.8") {
				t.Errorf("accepted as %+v, %s", d.Deal, d.Provenance)
			}
			id = d.ID
		}
	}
	drift := []store.AlertChange{{ID: "da_1", Status: store.AlertOpen, Alert: patent.Alert{Code: "ledger_drift", Cause: "private", Date: calendar.Date{Year: 2026, Month: 11, Day: 28}, Source: "ledger", Zh: "台账漂移（私下转让）", En: "Drift of the ledger"}}}
	for i, want := range []int{1, 0, 1, 0} { // raised, told again, back in its band, and still
		list := drift
		if i > 1 {
			list = nil
		}
		if n, err := w.DB.PutDrift(t.Context(), "default", "officer", list, time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)); err != nil || n != want {
			t.Errorf("drift, step %d: %d changed, %v", i, n, err)
		}
		if shown := b.send("GET", "/officer/alerts", nil).Body.String(); strings.Contains(shown, "台账漂移") != (i < 2) {
			t.Errorf("drift, step %d: the alerts show %v", i, i >= 2)
		}
	}
	judge := func(code, reason string) int {
		v := with("id", id, "code", code, "reason", reason)
		return b.send("POST", "/officer/ledger/validity", v).Code
	}
	if a, b, c := judge("NONE-SUCH", "x"), judge("PART-INTEREST", ""), judge("part-interest", "只卖一半"); a != 422 || b != 422 || c != http.StatusSeeOther {
		t.Errorf("judged: %d %d %d", a, b, c)
	}
	shown := b.send("GET", "/officer/ledger?own=1&refused=1", nil).Body.String()
	if !strings.Contains(shown, "PART-INTEREST") || !strings.Contains(shown, "只卖一半") || !strings.Contains(shown, "<svg") || !strings.Contains(shown, "自有成交还缺什么") {
		t.Errorf("the ledger: %.900s", shown)
	}
	run := b.send("POST", "/officer/ledger/calibrate", with("activate", "yes")) // screening leaves the person's word
	if run.Code != http.StatusOK || !strings.Contains(run.Body.String(), "自有成交不足") || !strings.Contains(run.Body.String(), "PART-INTEREST") {
		t.Errorf("calibrated: %d %.400s", run.Code, run.Body.String())
	}
	if c := judge("", "查明为全部权利"); c != http.StatusSeeOther {
		t.Errorf("taken back: %d", c)
	}
	out := b.send("GET", "/officer/ledger/export", nil)
	if out.Code != http.StatusOK || !strings.Contains(out.Body.String(), id) || strings.Contains(out.Body.String(), "PART-INTEREST") {
		t.Errorf("exported: %d %.300s", out.Code, out.Body.String())
	}
	if r := signIn(t, w, people.Evaluator).send("GET", "/officer/ledger/export", nil); r.Code != http.StatusForbidden {
		t.Errorf("an evaluator exports: %d", r.Code)
	}
}
