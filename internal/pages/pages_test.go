package pages

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"zhijia/internal/connect"
	"zhijia/internal/fetch"
	"zhijia/internal/gate"
	"zhijia/internal/gate/gatetest"
	"zhijia/internal/harness"
	"zhijia/internal/people"
	"zhijia/internal/store"
)

// browser keeps the session cookie between requests.
type browser struct {
	t      testing.TB
	h      http.Handler
	cookie *http.Cookie
}

func (b *browser) send(method, path string, form url.Values) *httptest.ResponseRecorder {
	b.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if b.cookie != nil {
		r.AddCookie(b.cookie)
	}
	w := httptest.NewRecorder()
	b.h.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if c.Name == sessionCookie {
			b.cookie = c
		}
	}
	return w
}

var csrfField = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

func (b *browser) csrf(page string) string {
	b.t.Helper()
	m := csrfField.FindStringSubmatch(page)
	if m == nil {
		b.t.Fatalf("no token in the page: %.300s", page)
	}
	return m[1]
}

// world is the pages over a database with one patent and a few deals.
type world struct {
	*gatetest.World
	gate *gate.Gate
	Key  string
}

func newWorld(t testing.TB, roles ...people.Role) *world {
	t.Helper()
	if len(roles) == 0 {
		roles = []people.Role{people.Officer}
	}
	w := &world{World: gatetest.NewWorld(t)}
	w.gate = gate.New(gate.Options{DB: w.DB})
	if err := Register(w.gate, Options{Appraisal: w.Appraisal, Desk: w.Desk, Watch: w.Watch, Intake: w.Intake, Ledger: w.Ledger, Dossier: w.Dossier, Audit: w.Audit, Chain: w.Chain, Reading: w.Reading, Labels: w.Labels, Products: w.Products, Arranger: w.Arranger, Fetch: ownSource(t, w.World), Eval: &harness.Service{DB: w.DB, Queue: w.Jobs}}); err != nil {
		t.Fatal(err)
	}
	w.Key = gatetest.NewKey(t, w.DB, time.Time{}, roles...)
	return w
}

// ownSource is the institution's own source on the loopback: it has the
// applications that begin with CN2022109, under one title.
func ownSource(t testing.TB, w *gatetest.World) *fetch.Service {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		n := r.URL.Query().Get("number")
		if !strings.HasPrefix(n, "CN2022109") && !strings.HasPrefix(n, "2022109") {
			http.NotFound(rw, r)
			return
		}
		fmt.Fprintf(rw, `{"patents":[{"number":%q,"title":"取来的一种泵","owners":["丁公司"],"ipc":["F04D 29/22"],"filing_date":"2022-05-06"}]}`, n)
	}))
	t.Cleanup(server.Close)
	s, err := fetch.New(w.DB, w.Appraisal, w.Jobs, connect.Config{HTTPURL: server.URL + "/own?number={number}", PerMinute: 60_000}, time.Now, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestOfficerPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := &browser{t: t, h: w.gate}
	if r := b.send("GET", "/officer", nil); r.Code != http.StatusSeeOther || r.Header().Get("Location") != "/officer/login" {
		t.Fatalf("without a session: %d %s", r.Code, r.Header().Get("Location"))
	}
	if r := b.send("POST", "/officer/login", url.Values{"key": {"zj_wrong"}}); r.Code != http.StatusUnauthorized || b.cookie != nil {
		t.Errorf("a wrong key: %d", r.Code)
	}
	if r := b.send("POST", "/officer/login", url.Values{"key": {w.Key}}); r.Code != http.StatusSeeOther {
		t.Fatalf("sign in: %d %s", r.Code, r.Body)
	}
	if c := b.cookie; !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || strings.Contains(c.Value, w.Key[len(w.Key)-20:]) {
		t.Errorf("cookie %+v", c)
	}
	home := b.send("GET", "/officer", nil)
	if home.Code != 200 || !strings.Contains(home.Body.String(), "新的估值") {
		t.Fatalf("home: %d %s", home.Code, home.Body)
	}
	token := b.csrf(home.Body.String())

	form := url.Values{"number": {"ZL201310543019.6"}, "purpose": {"pledge"}, "date": {"2025-06-01"}, "revenue": {"1,200"}, "royalty": {"3"}, "labour": {"80"}, "life": {"8"}}
	if r := b.send("POST", "/officer/valuations", form); r.Code != http.StatusForbidden {
		t.Errorf("a form without its token: %d", r.Code)
	}
	form.Set("csrf", token)
	// Another purpose has other fields; what was typed stays.
	other := url.Values{"csrf": {token}, "purpose": {"infringement", "pledge"}, "number": {"ZL201310543019.6"}, "title": {"<b>轴承"}, "revenue": {"1,200"}}
	if r := b.send("POST", "/officer/form", other); r.Code != 200 || !strings.Contains(r.Body.String(), `name="loss"`) || !strings.Contains(r.Body.String(), `type="hidden" name="revenue" value="1,200"`) || !strings.Contains(r.Body.String(), "&lt;b&gt;轴承") {
		t.Errorf("the form of another purpose: %d", r.Code)
	}
	r := b.send("POST", "/officer/valuations", form)
	if r.Code != http.StatusSeeOther {
		t.Fatalf("value: %d %s", r.Code, r.Body)
	}
	path := r.Header().Get("Location")
	shown := b.send("GET", path, nil)
	for _, part := range []string{"专利估值参考意见", "计算过程", "记录人工意见", "有序交易"} {
		if !strings.Contains(shown.Body.String(), part) {
			t.Errorf("the page lacks %s", part)
		}
	}
	for _, key := range regexp.MustCompile(`<span class="k">([^<]*)<`).FindAllStringSubmatch(shown.Body.String(), -1) {
		if !regexp.MustCompile(`\p{Han}`).MatchString(key[1]) {
			t.Errorf("the working %q has no Chinese name", key[1])
		}
	}
	if r := b.send("GET", path+"/opinion?lang=en&print=1", nil); r.Code != 200 || !strings.Contains(r.Body.String(), "Reference opinion") || !strings.Contains(r.Body.String(), "print.js") {
		t.Errorf("opinion: %d", r.Code)
	}
	if r := b.send("POST", path+"/overrides", url.Values{"csrf": {token}, "value": {"88万"}, "reason": {"x"}}); r.Code != 422 || !strings.Contains(r.Body.String(), "field.number") {
		t.Errorf("override with a bad number: %d", r.Code)
	}
	if r := b.send("POST", path+"/overrides", url.Values{"csrf": {token}, "value": {"88"}, "reason": {"<b>订单</b>"}}); r.Code != http.StatusSeeOther {
		t.Errorf("override: %d %s", r.Code, r.Body)
	}
	if r := b.send("GET", path, nil); !strings.Contains(r.Body.String(), "&lt;b&gt;订单&lt;/b&gt;") || strings.Contains(r.Body.String(), "<b>订单") {
		t.Error("the override is missing or not escaped")
	}

	finds(t, b, path)
	triesOtherwise(t, b, path)

	// A mistake keeps what was typed and names the field and the right digit.
	form.Set("number", "ZL201310543019.5")
	r = b.send("POST", "/officer/valuations", form)
	if r.Code != 422 || !strings.Contains(r.Body.String(), "ZL201310543019.5") || !strings.Contains(r.Body.String(), "number") {
		t.Errorf("a wrong check digit: %d", r.Code)
	}

	good := *b.cookie
	b.cookie = &http.Cookie{Name: sessionCookie, Value: good.Value[1:] + good.Value[:1]}
	if r := b.send("GET", "/officer", nil); r.Code != http.StatusSeeOther {
		t.Errorf("a forged session: %d", r.Code)
	}
	b.cookie = &good
	if _, err := w.DB.RevokeKey(store.As(t.Context(), "default"), strings.Split(w.Key, "_")[1], time.Now().Add(-time.Second), "test"); err != nil {
		t.Fatal(err)
	}
	if r := b.send("GET", "/officer", nil); r.Code != http.StatusSeeOther {
		t.Errorf("a session of a revoked key: %d", r.Code)
	}
}

// An officer reads what left, of his own institution only; a desk does not.
func TestEgressPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for institution, what := range map[string]string{"default": "score T1.1", "other": "secret of others"} {
		if err := w.DB.PutEgress(t.Context(), store.Egress{Institution: institution, Actor: "x", What: what, Host: "h", Bytes: 1, Hash: strings.Repeat("a", 64)}); err != nil {
			t.Fatal(err)
		}
	}
	b := &browser{t: t, h: w.gate}
	b.send("POST", "/officer/login", url.Values{"key": {w.Key}})
	page := b.send("GET", "/officer/egress", nil).Body.String()
	if !strings.Contains(page, "文本外发记录") || !strings.Contains(page, "score ") || strings.Contains(page, "secret of others") || !strings.Contains(page, "未作设定") {
		t.Errorf("the page: %.600s", page)
	}
	if home := b.send("GET", "/officer", nil).Body.String(); !strings.Contains(home, `href="/officer/egress"`) {
		t.Error("no way to the page from home")
	}
	desk := &browser{t: t, h: w.gate}
	desk.send("POST", "/officer/login", url.Values{"key": {gatetest.NewKey(t, w.DB, time.Time{}, people.Desk)}})
	if w := desk.send("GET", "/officer/egress", nil); w.Code != http.StatusForbidden {
		t.Errorf("a desk sees the page: %d", w.Code)
	}
}

// finds looks the valuation up by each form of its number, by words of its title,
// by day and by who asked; what does not fit finds nothing.
func finds(t *testing.T, b *browser, path string) {
	t.Helper()
	for query, want := range map[string]bool{
		"q=ZL201310543019.6": true, "q=2013105430196": true, "q=CN103592105B": false, "q=" + url.QueryEscape("正极"): true, "q=" + url.QueryEscape("%"): false, "q=" + url.QueryEscape("石墨烯"): false,
		"purpose=pledge": true, "purpose=licence": false, "by=nobody": false, "from=2020-01-01&to=2099-01-01": true, "to=2020-01-01": false, "from=2099-01-01": false, "": true,
	} {
		r := b.send("GET", "/officer/valuations?"+query, nil)
		if found := strings.Contains(r.Body.String(), path+`"`); r.Code != http.StatusOK || found != want {
			t.Errorf("%s: %d, found %v", query, r.Code, found)
		}
	}
	if r := b.send("GET", "/officer/patents?number=2013105430196", nil); !strings.Contains(r.Body.String(), path+`"`) {
		t.Error("the dossier does not know its valuation")
	}
	for _, hostile := range []string{"q=%00", "q=%ff%fe", "by=%00x", "purpose=%00", "q=%E2%80%AEx"} {
		if r := b.send("GET", "/officer/valuations?"+hostile, nil); r.Code != 422 {
			t.Errorf("%s: %d", hostile, r.Code)
		}
	}
	if r := b.send("GET", "/officer/valuations?from=2026-02-30&q=%22%3E%3Cscript%3E", nil); r.Code != 422 || !strings.Contains(r.Body.String(), "不是有效日期") || strings.Contains(r.Body.String(), "<script>") {
		t.Errorf("a day that is none: %d", r.Code)
	}
}

// triesOtherwise asks what a valuation would be with other facts: the facts as
// they were change nothing, a purpose with an income figure moves with the
// revenue, a mistake is named, and nothing is stored.
func triesOtherwise(t *testing.T, b *browser, path string) {
	t.Helper()
	same := b.send("GET", path+"/what-if", nil).Body.String()
	for _, part := range []string{`value="1200"`, `value="3"`, `value="8"`, `value="pledge" selected`} {
		if !strings.Contains(same, part) {
			t.Errorf("the facts as stated lack %s", part)
		}
	}
	as := "?purpose=%s&revenue=%s&growth=&royalty=3&discount=&life=8"
	if r := b.send("GET", path+"/what-if"+fmt.Sprintf(as, "pledge", "1200"), nil).Body.String(); !strings.Contains(r, "没有差别") {
		t.Errorf("the same facts give another figure: %s", r)
	}
	if r := b.send("GET", path+"/what-if"+fmt.Sprintf(as, "licence", "2400"), nil).Body.String(); !strings.Contains(r, "差别来自") || !strings.Contains(r, "变为原来的") {
		t.Errorf("another purpose and revenue change nothing: %s", r)
	}
	if r := b.send("GET", path+"/what-if?today=yes", nil); r.Code != 200 || !strings.Contains(r.Body.String(), "今天重新估值") {
		t.Errorf("asked today: %d", r.Code)
	}
	if r := b.send("GET", path+"/what-if"+fmt.Sprintf(as, "pledge", "many"), nil); r.Code != 422 || !strings.Contains(r.Body.String(), "revenue") || !strings.Contains(r.Body.String(), `value="many"`) {
		t.Errorf("a number that is none: %d", r.Code)
	}
	if r := b.send("GET", path+"/what-if?purpose=zzz", nil); r.Code != 422 {
		t.Errorf("a purpose that is none: %d", r.Code)
	}
	if r := b.send("GET", path+"/what-if?purpose=pledge", nil).Body.String(); !strings.Contains(r, `value="1200"`) || !strings.Contains(r, "没有差别") {
		t.Error("a fact that was not sent is taken for unknown")
	}
	if list := b.send("GET", "/officer/valuations", nil).Body.String(); strings.Count(list, `href="/officer/valuations/val_`) != 1 {
		t.Error("a what-if was stored")
	}
}
