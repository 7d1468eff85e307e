package pages

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"zhijia/internal/calendar"
	"zhijia/internal/gate/gatetest"
	"zhijia/internal/patent"
	"zhijia/internal/people"
	"zhijia/internal/store"
)

func TestDossierPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, people.Officer)
	err := w.DB.MergeEvents(context.Background(), []store.LegalEvent{
		{Number: gatetest.KnownNumber, Event: patent.Event{Code: "GR01", Effective: calendar.New(2016, 3, 2), After: []string{"示例<b>大学"}, Source: "gazette"}},
		{Number: gatetest.KnownNumber, Event: patent.Event{Code: "CP01", Effective: calendar.New(2019, 1, 1), Before: []string{"示例<b>大学"}, After: []string{"示例科技大学"}, Source: "gazette"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, h: w.gate}
	b.send("POST", "/officer/login", url.Values{"key": {w.Key}})
	if r := b.send("GET", "/officer/patents", nil); r.Code != http.StatusOK || !strings.Contains(r.Body.String(), "权利档案") {
		t.Fatalf("%d", r.Code)
	}
	r := b.send("GET", "/officer/patents?"+url.Values{
		"number": {"ZL 2013 1 0543019.6"}, "as_of": {"2026-06-01"}, "pledgor": {"示例<b>大学"}, "maturity": {"2028-01-01"}, "contract": {"parties", "debt"}, "twin": {"yes"}, "declare_e10": {"已声明放弃"},
	}.Encode(), nil)
	body := r.Body.String()
	if r.Code != http.StatusOK || strings.Contains(body, "<b>大学") {
		t.Fatalf("%d, escaped: %t", r.Code, !strings.Contains(body, "<b>大学"))
	}
	for _, want := range []string{"E01", "E12", "曾用名", "示例科技大学", "不予受理", "已声明", "应备材料", "缺少", "来源", "最后受保护日", "还可以做什么"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q on the page", want)
		}
	}
	for q, code := range map[string]int{"number=201310543019.7": http.StatusUnprocessableEntity, "number=202010123456.2": http.StatusNotFound, "number=" + gatetest.KnownNumber + "&as_of=x": http.StatusUnprocessableEntity} {
		if r := b.send("GET", "/officer/patents?"+q, nil); r.Code != code || !strings.Contains(r.Body.String(), `role="alert"`) {
			t.Errorf("%s: %d", q, r.Code)
		}
	}
}

func TestQueuePages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, people.Officer)
	ctx := context.Background()
	if _, err := w.DB.WatchPatents(ctx, "default", []string{gatetest.KnownNumber}, "", "test", time.Now()); err != nil {
		t.Fatal(err)
	}
	e := store.LegalEvent{Number: gatetest.KnownNumber, Event: patent.Event{Code: "PE01", Effective: calendar.New(2019, 1, 1), Party: "某<i>银行", Source: "gazette"}}
	if err := w.DB.MergeEvents(ctx, []store.LegalEvent{e}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Watch.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	pair := store.MatchPair{Kind: store.MatchParty, A: "甲|有限", B: "乙|有限", AShown: "甲<i>公司", BShown: "乙公司", Score: 0.7, Band: patent.Uncertain, Reasons: []string{"名称相近"}}
	if _, err := w.DB.PutMatches(ctx, "default", []store.MatchPair{pair}, "test", time.Now()); err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, h: w.gate}
	b.send("POST", "/officer/login", url.Values{"key": {w.Key}})
	action := regexp.MustCompile(`action="(/officer/(?:alerts|matches)/[^"]+)"`)
	for _, c := range []struct {
		page, empty string
		bad, form   url.Values
	}{
		{"/officer/alerts", "没有待确认的预警", nil, url.Values{"note": {"已核对"}}},
		{"/officer/matches", "没有待核对的记录", url.Values{"verdict": {"same"}}, url.Values{"verdict": {"same"}, "reason": {"核对营业执照"}}},
	} {
		r := b.send("GET", c.page, nil)
		m := action.FindStringSubmatch(r.Body.String())
		if r.Code != http.StatusOK || m == nil || strings.Contains(r.Body.String(), "<i>") {
			t.Fatalf("%s: %d %s", c.page, r.Code, r.Body)
		}
		if r := b.send("POST", m[1], c.form); r.Code != http.StatusForbidden {
			t.Errorf("%s without the token: %d", m[1], r.Code)
		}
		token := b.csrf(r.Body.String())
		if c.bad != nil {
			c.bad.Set("csrf", token)
			if r := b.send("POST", m[1], c.bad); r.Code != http.StatusUnprocessableEntity || !strings.Contains(r.Body.String(), `role="alert"`) {
				t.Errorf("%s: %d", m[1], r.Code)
			}
		}
		c.form.Set("csrf", token)
		if r := b.send("POST", m[1], c.form); r.Code != http.StatusSeeOther {
			t.Errorf("%s: %d %s", m[1], r.Code, r.Body)
		}
		if r := b.send("GET", c.page, nil); !strings.Contains(r.Body.String(), c.empty) {
			t.Errorf("%s still waits: %s", c.page, r.Body)
		}
	}
}

// The page of a reading shows what rules read, takes a paper, and accepts a fact
// of it; what is typed is escaped.
func TestPatentReadPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, people.Officer)
	b := &browser{t: t, h: w.gate}
	b.send("POST", "/officer/login", url.Values{"key": {w.Key}})
	page := "/officer/reading?number=" + gatetest.KnownNumber
	if r := b.send("GET", page+"&compare=1", nil); r.Code != http.StatusOK || !strings.Contains(r.Body.String(), "五句话摘要") || !strings.Contains(r.Body.String(), "向借款人提问") || strings.Contains(r.Body.String(), "AIGC") {
		t.Fatalf("%d %.500s", r.Code, r.Body.String())
	}
	token := b.csrf(b.send("GET", page, nil).Body.String())
	paper := url.Values{"csrf": {token}, "number": {gatetest.KnownNumber}, "name": {"副本<b>"}, "text": {"申请日：2013年11月5日\r\n专利权人：某<i>大学\r\n"}}
	if r := b.send("POST", "/officer/reading/facts", paper); r.Code != http.StatusSeeOther {
		t.Fatalf("%d %s", r.Code, r.Body.String())
	}
	body := b.send("GET", page, nil).Body.String()
	if strings.Contains(body, "<i>大学") || !strings.Contains(body, "2013-11-05") {
		t.Errorf("escaped: %t", !strings.Contains(body, "<i>大学"))
	}
	id := regexp.MustCompile(`/officer/reading/facts/(fct_[0-9a-f]+)`).FindStringSubmatch(body)[1]
	for act, want := range map[string]int{"accept": http.StatusSeeOther, "": http.StatusUnprocessableEntity} {
		if r := b.send("POST", "/officer/reading/facts/"+id, url.Values{"csrf": {token}, "number": {gatetest.KnownNumber}, "act": {act}}); r.Code != want {
			t.Errorf("%q: %d", act, r.Code)
		}
	}
	if body := b.send("GET", page, nil).Body.String(); !strings.Contains(body, "已采纳") {
		t.Error("what was accepted is not shown so")
	}
	if r := b.send("POST", "/officer/reading", url.Values{"csrf": {token}, "number": {gatetest.KnownNumber}}); r.Code != http.StatusOK || !strings.Contains(r.Body.String(), "未配置模型") {
		t.Errorf("%d: nothing says that no model is configured", r.Code)
	}
}
