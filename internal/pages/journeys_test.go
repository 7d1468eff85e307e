package pages

import (
	"context"
	_ "embed"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	printing "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"zhijia/internal/calendar"
	"zhijia/internal/gate/gatetest"
	"zhijia/internal/patent"
	"zhijia/internal/people"
	"zhijia/internal/pool"
	"zhijia/internal/store"
)

// lookOver is the script that says what is wrong with a page as it is shown:
// sideways scroll, fields and pictures without a name, contrast, order of focus.
//
//go:embed testdata/lookover.js
var lookOver string

// seat is a browser before the pages of one server: who sits there, and what the
// browser complained of.
type seat struct {
	t       *testing.T
	ctx     context.Context
	here    string
	width   int64
	cookies map[string]*http.Cookie // by login

	mu       sync.Mutex
	grumbles []string
	seen     map[string]bool // pages looked over, by width and path's shape
}

// TestJourneys drives a real browser through what officers, desks, approvers,
// arrangers and administrators do, at the width of a desk and of a phone, and
// looks every page over. ZHIJIA_SCREENSHOTS=FOLDER keeps a picture of each.
func TestJourneys(t *testing.T) {
	t.Parallel()
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no browser (chromium) on this machine: the journeys of an officer, a desk, an approver, an administrator and an arranger were not driven by one")
	}
	w := newWorld(t)
	for login, roles := range map[string][]people.Role{
		"officer": {people.Officer}, "desk": {people.Desk}, "approver": {people.Approver}, "admin": {people.Admin}, "auditor": {people.Auditor, people.Evaluator},
	} {
		gatetest.NewPerson(t, w.DB, "default", login, roles...)
	}
	dressed(t, w)
	server := httptest.NewServer(w.gate)
	t.Cleanup(server.Close)

	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(browser), chromedp.NoSandbox, chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("lang", "zh-CN")) // a browser as root has no sandbox of its own
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, 9*time.Minute)
	defer cancel()
	s := &seat{t: t, ctx: ctx, here: server.URL, cookies: map[string]*http.Cookie{}, seen: map[string]bool{}}
	chromedp.ListenTarget(ctx, s.listen)
	s.do(network.Enable(), log.Enable(), runtime.Enable())
	for _, width := range []int64{1280, 375} {
		s.width = width
		s.do(emulation.SetDeviceMetricsOverride(width, 900, 1, width < 700))
		for _, j := range journeys {
			s.t = t
			t.Run(fmt.Sprintf("%d %s", width, j.name), func(t *testing.T) {
				s.t = t
				j.goes(s)
				s.quiet()
			})
			s.t = t
		}
	}
}

// dressed puts into the world what journeys come upon: a patent's events, a pool.
func dressed(t *testing.T, w *world) {
	t.Helper()
	ctx := store.As(t.Context(), "default")
	if _, _, err := w.Arranger.Create(ctx, "default", "arranger", pool.Example(3)); err != nil {
		t.Fatal(err)
	}
	if err := w.DB.MergeEvents(ctx, []store.LegalEvent{{Number: gatetest.KnownNumber, Event: patent.Event{Code: "PE01", Effective: calendar.New(2019, 5, 6), Gazette: calendar.New(2019, 5, 24), Registration: "Y2019", Party: "某银行"}}}); err != nil {
		t.Fatal(err)
	}
}

func (s *seat) listen(ev any) {
	var said string
	switch e := ev.(type) {
	case *runtime.EventExceptionThrown:
		said = "exception: " + e.ExceptionDetails.Error()
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.APITypeError || e.Type == runtime.APITypeWarning {
			said = fmt.Sprintf("console: %s", e.Args[0].Value)
		}
	case *log.EventEntryAdded:
		// A page that says what was wrong with a form is no fault of the page.
		if e.Entry.Level == log.LevelError && !strings.Contains(e.Entry.Text, "status of 4") {
			said = "log: " + e.Entry.Text + " " + e.Entry.URL
		}
	}
	if said != "" {
		s.mu.Lock()
		s.grumbles = append(s.grumbles, said)
		s.mu.Unlock()
	}
}

func (s *seat) quiet() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.grumbles {
		s.t.Errorf("the browser complains: %s", g)
	}
	s.grumbles = nil
}

func (s *seat) do(acts ...chromedp.Action) {
	s.t.Helper()
	if err := chromedp.Run(s.ctx, acts...); err != nil {
		s.t.Fatal(err)
	}
}

// as seats a person: his session is opened once and its cookie put back.
func (s *seat) as(login string) {
	s.t.Helper()
	c := s.cookies[login]
	if c == nil {
		client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		r, err := client.PostForm(s.here+"/officer/login", url.Values{"institution": {"default"}, "login": {login}, "password": {gatetest.Password}})
		if err != nil {
			s.t.Fatal(err)
		}
		r.Body.Close()
		for _, x := range r.Cookies() {
			if x.Name == sessionCookie {
				c = x
			}
		}
		if c == nil {
			s.t.Fatalf("%s is not signed in: %d", login, r.StatusCode)
		}
		s.cookies[login] = c
	}
	s.do(network.SetCookie(sessionCookie, c.Value).WithURL(s.here + "/officer").WithPath("/officer").WithHTTPOnly(true))
}

// open goes to a page and looks it over.
func (s *seat) open(path string) {
	s.t.Helper()
	s.do(chromedp.Navigate(s.here + path))
	s.look()
}

var identity = regexp.MustCompile(`[a-z]{3,4}_[0-9a-f]{8,}|[0-9]{12,}[0-9X.]*`)

// look looks the page over, once for each shape of address and width, and keeps a
// picture where one is asked for.
func (s *seat) look() {
	s.t.Helper()
	var at, title string
	s.do(chromedp.Location(&at), chromedp.Title(&title))
	shape := identity.ReplaceAllString(strings.SplitN(strings.TrimPrefix(at, s.here), "?", 2)[0], "id")
	shape = fmt.Sprintf("%d%s %s", s.width, shape, title)
	if s.seen[shape] {
		return
	}
	s.seen[shape] = true
	var found []string
	s.do(chromedp.Evaluate(fmt.Sprintf("%s(%d)", strings.TrimSpace(lookOver), s.width), &found))
	for _, f := range found {
		s.t.Errorf("%s: %s", at, f)
	}
	if folder := os.Getenv("ZHIJIA_SCREENSHOTS"); folder != "" {
		var png []byte
		s.do(chromedp.FullScreenshot(&png, 100))
		name := strings.NewReplacer("/", "_", " ", "_", "·", "").Replace(strings.TrimPrefix(shape, fmt.Sprint(s.width)))
		if err := os.MkdirAll(folder, 0o755); err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%s-%d.png", strings.Trim(name, "_"), s.width)), png, 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
}

// fill writes into a field as a person does who knows where it is.
func (s *seat) fill(name, value string) {
	s.t.Helper()
	var ok bool
	js := fmt.Sprintf(`(() => { const f = [...document.querySelectorAll('main [name=%q]:not([type=hidden])')].pop(); if (!f) return false; f.closest('details')?.setAttribute('open', ''); f.value = %q; f.dispatchEvent(new Event('input', {bubbles: true})); return true })()`, name, value)
	s.do(chromedp.Evaluate(js, &ok))
	if !ok {
		s.t.Fatalf("there is no field %s", name)
	}
}

// press sends a form by a button, and looks over the page that comes.
func (s *seat) press(button string) {
	s.t.Helper()
	s.goes(fmt.Sprintf(`(() => { const b = [...document.querySelectorAll('main button, main a')].find(b => b.innerText.trim() === %[1]q && b.offsetParent); if (!b) throw new Error('no button '+%[1]q); b.click() })()`, button))
	s.look()
}

// goes runs a script that leads to another page, and waits until it is there.
func (s *seat) goes(script string) {
	s.t.Helper()
	if _, err := chromedp.RunResponse(s.ctx, chromedp.Evaluate(script, nil)); err != nil {
		s.t.Fatalf("%s: %v", script, err)
	}
}

// reads says that the page has words.
func (s *seat) reads(words ...string) {
	s.t.Helper()
	var body string
	s.do(chromedp.Evaluate(`document.body.innerText`, &body))
	for _, w := range words {
		if !strings.Contains(body, w) {
			s.t.Errorf("the page does not read %q: %.400s", w, body)
		}
	}
}

// until waits for a script to be true.
func (s *seat) until(script string) {
	s.t.Helper()
	if err := chromedp.Run(s.ctx, chromedp.Poll(`Boolean(`+script+`)`, nil, chromedp.WithPollingTimeout(time.Minute))); err != nil {
		var body string
		s.do(chromedp.Evaluate(`document.body.innerText`, &body))
		s.t.Fatalf("%s: %v\n%.800s", script, err, body)
	}
}

// file writes a file and returns where it is.
func (s *seat) file(name, text string) string {
	s.t.Helper()
	p := filepath.Join(s.t.TempDir(), name)
	if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return p
}

// patsnapFile is an export of one invented patent in a vendor's form.
func patsnapFile(n int64) string {
	digits := fmt.Sprintf("2021108%05d", n)
	return "\ufeff公开(公告)号,标题,[标]当前申请(专利权)人,[标]原始申请(专利权)人,发明人数量,申请号,申请日,公开(公告)日,专利类型,简单法律状态,IPC主分类号,IPC分类号,专利价值,内部备注\n" +
		fmt.Sprintf("CN1177%05dB,一种叶轮,甲泵业有限公司,乙泵业有限公司,2,CN%s.%c,2021-03-11,2023-01-17,授权发明,有效,F04D29/22,F04D29/22,\"$ 90,000\",重点\n", n, digits, patent.CheckDigit(digits))
}

func (s *seat) value(name string) (v string) {
	s.t.Helper()
	s.do(chromedp.Evaluate(fmt.Sprintf(`document.querySelector('main [name=%q]:not([type=hidden])')?.value ?? ''`, name), &v))
	return v
}

// journeys are what people come to do. Each begins where they sit down.
var journeys = []struct {
	name string
	goes func(*seat)
}{
	{"officer values for a pledge and sees what the range hangs on", func(s *seat) {
		s.as("officer")
		s.open("/officer?purpose=pledge")
		s.fill("number", "ZL201310543019.6")
		s.fill("borrower", "甲公司")
		s.fill("revenue", "3000")
		s.fill("royalty", "3")
		s.fill("life", "8")
		s.press("估值")
		s.reads("估值参考意见", "计算过程", "换一个假设")
		s.press("换一个假设")
		s.fill("revenue", "6000")
		s.press("重新计算")
		s.reads("换假设后")
	}},
	{"officer finds it again and keeps the search", func(s *seat) {
		s.as("officer")
		s.open("/officer/valuations?q=CN201310543019.6")
		s.reads("锂离子电池正极材料", "导出 XLSX")
		s.open("/officer/valuations?q=" + url.QueryEscape("甲公司"))
		s.reads("锂离子电池正极材料")
		s.fill("name", fmt.Sprintf("甲公司 %d", s.width))
		s.press("保存筛选")
		s.reads(fmt.Sprintf("甲公司 %d", s.width))
		var kind string
		s.do(chromedp.Evaluate(`fetch([...document.querySelectorAll('main a')].find(a => a.innerText === '导出 XLSX').href).then(r => r.headers.get('Content-Type'))`, &kind, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
		if !strings.Contains(kind, "spreadsheetml") {
			s.t.Errorf("the export is %s", kind)
		}
	}},
	{"officer corrects a number, and loses nothing", func(s *seat) {
		s.as("officer")
		s.open("/officer")
		s.fill("number", "ZL201310543019.5")
		s.fill("growth", "八")
		s.fill("revenue", "3000")
		s.press("估值")
		s.reads("收入年增长率", "请填一个数")
		if v := s.value("revenue"); v != "3000" {
			s.t.Errorf("what was typed is lost: %q", v)
		}
		s.fill("growth", "8")
		s.press("先核对")
		s.reads("校验位")
		s.fill("number", "ZL201310543019.6")
		s.press("存为草稿")
		s.open("/officer")
		s.reads("草稿")
	}},
	{"officer takes earlier facts over and compares", func(s *seat) {
		s.as("officer")
		s.open("/officer/valuations?made=alone")
		s.goes(`document.querySelector('table.rows tbody a').click()`)
		s.press("以这些资料再估一次")
		if v := s.value("revenue"); v == "" {
			s.t.Error("the earlier revenue is not taken over")
		}
		s.press("许可")
		s.fill("revenue", "4500")
		s.press("估值")
		s.open("/officer/valuations?made=alone")
		s.do(chromedp.Evaluate(`[...document.querySelectorAll('td.pick input')].slice(0, 2).forEach(x => x.checked = true)`, nil))
		s.press("并排比较所选")
		s.reads("中值与第一份相差", "不同", "专利本身与委托事项不同")
	}},
	{"officer puts his own figure beside it, slips in the unit and is asked", func(s *seat) {
		s.as("officer")
		s.open("/officer/valuations?made=alone")
		s.goes(`document.querySelector('table.rows tbody a').click()`)
		s.fill("value", "30000000")
		s.fill("reason", "买方已报价")
		s.press("记录人工意见")
		s.reads("十倍以上")
		if v := s.value("reason"); v != "买方已报价" {
			s.t.Errorf("the reason is lost: %q", v)
		}
		s.do(chromedp.Evaluate(`document.querySelector('main [name=sure]').checked = true`, nil))
		s.press("记录人工意见")
		s.reads("未经复核", "撤回")
	}},
	{"approver decides what waits", func(s *seat) {
		s.as("approver")
		s.open("/officer")
		s.reads("项待我复核")
		s.open("/officer/valuations?waiting=1")
		s.reads("待复核")
		s.goes(`document.querySelector('table.rows tbody a').click()`)
		s.press("不同意")
		s.reads("复核不同意")
		s.open("/officer/proposals")
	}},
	{"officer prints the opinion", func(s *seat) {
		s.as("officer")
		s.open("/officer/valuations?made=alone")
		var id string
		s.do(chromedp.Evaluate(`document.querySelector('table.rows tbody a').pathname`, &id))
		s.open(id + "/opinion")
		var pdf []byte
		s.do(chromedp.ActionFunc(func(ctx context.Context) (err error) {
			pdf, _, err = printing.PrintToPDF().WithPreferCSSPageSize(true).WithDisplayHeaderFooter(false).Do(ctx)
			return err
		}))
		if n := len(regexp.MustCompile(`/Type\s*/Page\b`).FindAll(pdf, -1)); n < 2 || n > 12 {
			s.t.Errorf("the opinion has %d pages", n)
		}
		s.reads("委托方", "有效期", "经办", "复核")
	}},
	{"officer finds a patent by words and reads its history", func(s *seat) {
		s.as("officer")
		s.open("/officer/search")
		s.fill("q", "正极材料")
		s.press("查找")
		var marks int
		s.do(chromedp.Evaluate(`document.querySelectorAll('mark').length`, &marks))
		if marks == 0 {
			s.t.Error("nothing is marked")
		}
		s.goes(`document.querySelector('ul.found a').click()`)
		s.look()
		s.reads("保护期", "估值", "登记")
		s.open("/officer/patents?number=201310543019.6")
	}},
	{"desk looks at batches, book, alerts and watches a patent", func(s *seat) {
		s.as("desk")
		for _, p := range []string{
			"/officer/batches", "/officer/book", "/officer/lending", "/officer/alerts", "/officer/matches", "/officer/chain", "/officer/rights", "/officer/schemes", "/officer/statistics",
			"/officer/products", "/officer/products/lease", "/officer/products/fund", "/officer/products/mark", "/officer/products/insurance", "/officer/products/listing", "/officer/products/gi", "/officer/reading", "/officer/labels",
		} {
			s.open(p)
		}
		s.open("/officer/watch")
		s.fill("numbers", "ZL201310543019.6")
		s.press("关注")
		s.reads("201310543019")
		s.press("不再关注")
		s.reads("还没有关注的专利")
	}},
	{"administrator opens an account and a key", func(s *seat) {
		s.as("admin")
		s.open("/officer")
		s.reads("开立账户")
		s.fill("login", fmt.Sprintf("new%d", s.width))
		s.fill("name", "新来的人")
		s.fill("password", gatetest.Password)
		s.do(chromedp.Evaluate(`[...document.querySelectorAll('form[action="/officer/people"] [name=role]')].find(r => r.value === 'officer').checked = true`, nil))
		s.press("开立")
		s.reads(fmt.Sprintf("new%d", s.width))
		s.open("/officer/keys")
		s.fill("name", "核心系统")
		s.do(chromedp.Evaluate(`[...document.querySelectorAll('form[action="/officer/keys"] [name=role]')].find(r => r.value === 'desk').checked = true`, nil))
		s.press("发放")
		s.reads("zj_", "只显示这一次")
		s.open("/officer/audit")
		s.open("/officer/imports")
		s.open("/officer/egress")
	}},
	{"officer imports a vendor's file in three clicks and brings a number in", func(s *seat) {
		s.as("officer")
		s.open("/officer/imports")
		s.do(chromedp.SetUploadFiles(`input[type=file]`, []string{s.file("导出.csv", patsnapFile(s.width))}, chromedp.ByQuery)) // the first click: it is chosen, and checked by itself
		s.until(`document.querySelector('[role=status]') && document.body.innerText.includes('检查结果')`)
		s.reads("识别为", "智慧芽", "将存成这样", "没有存")
		s.do(chromedp.Click(`main summary`, chromedp.ByQuery))           // the second: what each column was read as
		s.do(chromedp.Evaluate(`void (document.title += ' 检查结果')`, nil)) // another picture under the same address
		s.look()
		s.do(chromedp.Click(`button[value=take]`, chromedp.ByQuery)) // the third
		s.until(`document.body.innerText.includes('导入结果')`)
		s.reads("导入结果", "收 1 行")
		s.do(chromedp.Evaluate(`void (document.title += ' 导入结果')`, nil))
		s.look()
		number := fmt.Sprintf("CN2022109%05d", s.width) // known to the institution's own source
		number += "." + string(patent.CheckDigit(number[2:]))
		s.open("/officer/search?q=" + number)
		s.reads("库中没有", "机构自有")
		s.press("按号码取数")
		s.reads("取来的一种泵", "丁公司")
		nobody := "202110000001"
		s.open("/officer/patents?number=" + nobody + "." + string(patent.CheckDigit(nobody)))
		s.press("按号码取数")
		s.reads("所配来源没有这件专利")
	}},
	{"arranger opens a pool", func(s *seat) {
		s.as("desk")
		s.open("/officer/pools")
		s.goes(`document.querySelector('table.rows tbody a').click()`)
		s.look()
	}},
	{"auditor reads and changes nothing; the ledger; errors are pages", func(s *seat) {
		s.as("auditor")
		s.open("/officer")
		for _, p := range []string{"/officer/ledger", "/officer/evaluations", "/officer/people", "/officer/keys", "/officer/valuations/val_none", "/officer/compare"} {
			s.open(p)
		}
		s.open("/officer/people")
		var forms int
		s.do(chromedp.Evaluate(`document.querySelectorAll('main form[method=post]').length`, &forms))
		if forms > 0 {
			s.t.Errorf("an auditor is offered %d forms", forms)
		}
		s.as("officer")
		s.open("/officer/ledger/read")
		s.do(network.ClearBrowserCookies())
		s.open("/officer/login")
	}},
}
