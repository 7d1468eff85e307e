package pages

import (
	"io"
	"net/url"
	"slices"
	"strings"
	"testing"

	xhtml "golang.org/x/net/html"

	"zhijia/internal/appraisal"
	"zhijia/internal/gate/gatetest"
	"zhijia/internal/people"
	"zhijia/internal/valuation/income"
	"zhijia/internal/valuation/terms"
)

// TestEveryPageInEnglish opens each page there is, with lang=en, over a house with
// some of everything: no Chinese stands there but data. A page that is added must
// be added here.
func TestEveryPageInEnglish(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	dressed(t, w)
	sits := map[string]*browser{}
	var officer people.Principal
	for login, roles := range map[string][]people.Role{"officer": {people.Officer, people.Desk, people.Approver, people.Evaluator}, "admin": {people.Admin}} {
		p := gatetest.NewPerson(t, w.DB, "default", login, roles...)
		if login == "officer" {
			officer = p
		}
		sits[login] = &browser{t: t, h: w.gate}
		if r := sits[login].send("POST", "/officer/login", url.Values{"institution": {"default"}, "login": {login}, "password": {gatetest.Password}}); sits[login].cookie == nil {
			t.Fatal(r.Code)
		}
	}
	var ids []string
	for _, revenue := range []float64{3e7, 6e7} {
		rec, err := w.Appraisal.Value(ctx, officer.Actor(), appraisal.Request{Number: gatetest.KnownNumber, Purpose: "licence", Borrower: "甲公司", Income: &income.Facts{Current: terms.Exactly(revenue), Royalty: terms.Exactly(0.03), EconomicLife: terms.Exactly(8)}})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, rec.ID())
	}
	o, b := sits["officer"], sits["officer"]
	token := o.csrf(o.send("GET", "/officer/batches", nil).Body.String())
	batch := b.upload("/officer/batches", map[string]string{"csrf": token, "policy": "BOCOM-HIST"}, "九月.csv", deskFile).Header().Get("Location")
	work(t, w, batch)
	bookLoan(t, w)
	o.send("POST", "/officer/valuations/"+ids[0]+"/overrides", url.Values{"csrf": {token}, "value": {"88"}, "reason": {"买方已报价"}})
	product := b.send("GET", "/officer/products/lease/file?example=1", nil).Body.String()
	result := b.upload("/officer/products/lease", map[string]string{"csrf": token}, "x.xlsx", product).Header().Get("Location")
	pools := o.send("GET", "/officer/pools", nil).Body.String()
	_, pool, _ := strings.Cut(pools, `href="/officer/pools/`)
	pool, _, _ = strings.Cut(pool, `"`)

	pages := map[string][]string{ // by route: the addresses to open; none: no page of words
		"GET /officer/login": {"/officer/login"}, "GET /officer": {"/officer", "/officer?purpose=pledge", "/officer?purpose=infringement", "/officer?from=" + ids[0]},
		"GET /officer/valuations":      {"/officer/valuations?col=borrower&col=status&col=batch&col=figure&col=low&col=range&col=waiting", "/officer/valuations?from=x", "/officer/valuations?q=zzz"},
		"GET /officer/valuations/{id}": {"/officer/valuations/" + ids[0], "/officer/valuations/val_none"}, "GET /officer/valuations/{id}/opinion": {"/officer/valuations/" + ids[0] + "/opinion"},
		"GET /officer/valuations/{id}/what-if":  {"/officer/valuations/" + ids[0] + "/what-if?purpose=licence&revenue=4000&along=royalty", "/officer/valuations/" + ids[0] + "/what-if?today=yes"},
		"GET /officer/search":                   {"/officer/search", "/officer/search?q=" + url.QueryEscape("正极材料"), "/officer/search?q=zzz"},
		"GET /officer/compare":                  {"/officer/compare", "/officer/compare?id=" + ids[0] + "&id=" + ids[1]},
		"GET /officer/patents/{number}/history": {"/officer/patents/" + gatetest.KnownNumber + "/history"},
		"GET /officer/people":                   {"/officer/people"}, "GET /officer/keys": {"/officer/keys"}, "GET /officer/audit": {"/officer/audit"}, "GET /officer/watch": {"/officer/watch"},
		"GET /officer/imports": {"/officer/imports"}, "GET /officer/pools": {"/officer/pools"}, "GET /officer/pools/{id}": {"/officer/pools/" + pool}, "GET /officer/evaluations": {"/officer/evaluations"},
		"GET /officer/egress": {"/officer/egress"}, "GET /officer/proposals": {"/officer/proposals", "/officer/proposals?all=1"},
		"GET /officer/batches": {"/officer/batches"}, "GET /officer/batches/{id}": {batch}, "GET /officer/batches/{id}/rows/{line}/opinion": nil, // a paper for a Chinese file
		"GET /officer/book": {"/officer/book"}, "GET /officer/lending": {"/officer/lending", "/officer/lending?a=BOCOM-HIST&b=TEMPLATE"},
		"GET /officer/labels": {"/officer/labels"}, "GET /officer/reading": {"/officer/reading", "/officer/reading?number=" + gatetest.KnownNumber + "&compare=1"},
		"GET /officer/products": {"/officer/products"}, "GET /officer/products/{kind}": {"/officer/products/lease", "/officer/products/mark"}, "GET /officer/product-results/{id}": {result},
		"GET /officer/ledger": {"/officer/ledger"}, "GET /officer/ledger/read": {"/officer/ledger/read"}, "GET /officer/chain": {"/officer/chain"}, "GET /officer/schemes": {"/officer/schemes"},
		"GET /officer/statistics": {"/officer/statistics"}, "GET /officer/rights": {"/officer/rights", "/officer/rights?kind=patent&number=" + gatetest.KnownNumber}, "GET /officer/patents": {"/officer/patents", "/officer/patents?number=" + gatetest.KnownNumber},
		"GET /officer/cash-flow": {"/officer/cash-flow"}, "GET /officer/intermediaries": {"/officer/intermediaries"}, "GET /officer/open-licences": {"/officer/open-licences"}, "GET /officer/marks": {"/officer/marks"},
		"GET /officer/alerts": {"/officer/alerts"}, "GET /officer/matches": {"/officer/matches"},
		"GET /officer/evaluations/{id}/report": nil, "GET /officer/labels/{id}": nil, // a run's report is in both languages; a sample needs a model's choices
		"GET /officer/sign-in": nil, "GET /officer/sign-in/callback": nil, "GET /officer/assets/{asset}": nil, "GET /officer/valuations/export": nil, "GET /officer/overrides/{id}/evidence": nil,
		"GET /officer/batch-template": nil, "GET /officer/batches/{id}/result": nil, "GET /officer/labels/{id}/file": nil, "GET /officer/products/{kind}/file": nil, "GET /officer/product-results/{id}/file": nil,
		"GET /officer/ledger/export": nil, "GET /officer/lending/policies/{name}": nil,
	}
	said := map[string]bool{}
	for route := range people.Access {
		if !strings.HasPrefix(route, "GET /officer") {
			continue
		}
		paths, known := pages[route]
		if !known {
			t.Errorf("%s is not walked", route)
		}
		for _, path := range paths {
			who := o
			if !people.Permitted(officer.Roles, people.Access[route]) && len(people.Access[route]) > 0 {
				who = sits["admin"]
			}
			mark := "?"
			if strings.Contains(path, "?") {
				mark = "&"
			}
			r := who.send("GET", path+mark+"lang=en", nil)
			if r.Code >= 500 || r.Code == 303 || r.Code == 403 {
				t.Errorf("%s: %d %.300s", path, r.Code, r.Body)
				continue
			}
			if !strings.Contains(r.Body.String(), `<html lang="en"`) {
				t.Errorf("%s is not marked as English", path)
			}
			for _, text := range chinese(r.Body.String()) {
				if !said[text] {
					said[text] = true
					t.Errorf("%s reads %q", path, text)
				}
			}
		}
	}
	if r := o.send("GET", "/officer/valuations", nil).Body.String(); !strings.Contains(r, `<html lang="zh-CN"`) {
		t.Error("without lang the page is not Chinese")
	}
}

// known are the data of the world that a page may show in Chinese anywhere.
var known = []string{"示例知识产权资产支持专项计划（生成）", "一种锂离子电池正极材料", "沪浦金融〔2023〕74号", "锂离子电池正极材料", "电池正极材料专利转让", "示例大学", "示例公司", "甲公司", "乙公司", gatetest.Battery, "人员officer", "人员admin", "九月", "某银行", "丙公司", "买方已报价", "中文"}

// chinese is what a page shows or reads out in Chinese, but for data.
func chinese(page string) (out []string) {
	look := func(text string) {
		text = strings.Join(strings.Fields(text), " ")
		plain := text
		for _, k := range known {
			plain = strings.ReplaceAll(plain, k, "")
		}
		if hasHan(plain) {
			out = append(out, text)
		}
	}
	doc, err := xhtml.Parse(strings.NewReader(page))
	if err != nil && err != io.EOF {
		return []string{err.Error()}
	}
	var walk func(*xhtml.Node)
	walk = func(n *xhtml.Node) {
		if n.Type == xhtml.TextNode {
			look(n.Data)
		}
		if n.Type == xhtml.ElementNode {
			if slices.Contains([]string{"script", "style", "textarea"}, n.Data) || slices.ContainsFunc(n.Attr, func(a xhtml.Attribute) bool { return a.Key == "translate" && a.Val == "no" }) && !slices.ContainsFunc(n.Attr, func(a xhtml.Attribute) bool { return a.Key == "class" && a.Val == "opinion" }) {
				return
			}
			for _, a := range n.Attr {
				if spoken[a.Key] {
					look(a.Val)
				}
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(doc)
	return out
}

// TestEnglishOfATextKeepsData: an amount is written out, a mark is replaced where
// every part is known, and a text of which a part is unknown stays whole.
func TestEnglishOfATextKeepsData(t *testing.T) {
	t.Parallel()
	c := english()
	for zh, en := range map[string]string{
		"36.17万元": "CNY 361,700", "+1.2亿元": "+CNY 120,000,000", "36.1万元 至 50万元": "CNY 361,000 to CNY 500,000", "金额（万元）": "Amount (CNY 10,000)",
		"第 3 行": "row 3", "一种系统，方法": "一种系统，方法", "系统；方法": "System; method", "共 3 行：待处理 1，已估值 1，数据有误 0，处理失败 1": "3 rows: 1 waiting, 1 valued, 0 with wrong data, 1 failed",
	} {
		if got, _ := c.say(zh); got != en {
			t.Errorf("%q: %q, want %q", zh, got, en)
		}
	}
	if page := string(inEnglish([]byte(`<html lang="zh-CN"><p translate="no">估值</p><p title="估值">估值</p><input placeholder="备注" value="估值"><textarea>估值</textarea>`))); page != `<html lang="en"><p translate="no">估值</p><p title="Valuation">Valuation</p><input placeholder="Note" value="估值"><textarea>估值</textarea>` {
		t.Error(page)
	}
}
