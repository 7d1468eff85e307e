package pages

import (
	"bytes"
	"context"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"zhijia/internal/calendar"
	"zhijia/internal/desk"
	"zhijia/internal/gate/gatetest"
	"zhijia/internal/lending"
	"zhijia/internal/people"
)

// upload sends a form with a file as a browser does.
func (b *browser) upload(path string, fields map[string]string, name, content string) *httptest.ResponseRecorder {
	b.t.Helper()
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	for k, v := range fields {
		_ = m.WriteField(k, v)
	}
	if name != "" {
		w, _ := m.CreateFormFile("file", name)
		_, _ = io.WriteString(w, content)
	}
	_ = m.Close()
	r := httptest.NewRequest("POST", path, &body)
	r.Header.Set("Content-Type", m.FormDataContentType())
	r.AddCookie(b.cookie)
	w := httptest.NewRecorder()
	b.h.ServeHTTP(w, r)
	return w
}

func signIn(t *testing.T, w *world, roles ...people.Role) *browser {
	t.Helper()
	plain, rec, err := people.NewKey("柜台", "default", roles, time.Now(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.DB.InsertKey(t.Context(), rec, "test"); err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, h: w.gate}
	if r := b.send("POST", "/officer/login", url.Values{"key": {plain}}); r.Code != http.StatusSeeOther {
		t.Fatalf("%v cannot sign in: %d %s", roles, r.Code, r.Body)
	}
	return b
}

// A loan desk works a file from the pages: upload, progress, decisions,
// contracts, opinion, results, the book.
// work works the batch of a page to its end.
func work(t *testing.T, w *world, path string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Desk.Work(ctx, desk.WorkOptions{Rows: 2}) }()
	id := strings.TrimPrefix(path, "/officer/batches/")
	for _, err := range w.Desk.Watch(t.Context(), people.Principal{Institution: "default"}.Actor(), id, 20*time.Millisecond) {
		if err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestDeskPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := signIn(t, w, people.Desk)
	home := b.send("GET", "/officer/batches", nil)
	if home.Code != 200 || !strings.Contains(home.Body.String(), "下载空白模板") {
		t.Fatal(home.Code, home.Body)
	}
	token := b.csrf(home.Body.String())
	if r := b.send("GET", "/officer/batch-template", nil); r.Code != 200 || !bytes.HasPrefix(r.Body.Bytes(), []byte("PK")) {
		t.Errorf("template: %d", r.Code)
	}
	fields := map[string]string{"policy": "BOCOM-HIST", "unit": "", "date": ""}
	if r := b.upload("/officer/batches", fields, "九月.csv", deskFile); r.Code != http.StatusForbidden {
		t.Errorf("an upload without its token: %d", r.Code)
	}
	fields["csrf"] = token
	for name, want := range map[string]string{"": "upload.file_missing", "x.csv": "file.no_number"} {
		if r := b.upload("/officer/batches", fields, name, "甲,乙\n1,2\n"); r.Code/100 != 4 || !strings.Contains(r.Body.String(), want) {
			t.Errorf("%q: %d %s", name, r.Code, r.Body)
		}
	}
	// Headers nobody knows are offered with a guess and examples.
	looked := b.upload("/officer/batches", map[string]string{"csrf": token, "policy": "BOCOM-HIST", "look": "1"}, "自有.csv", "内部编码甲<b>,授信主体,标的\n202010123456.2,甲公司,一种夹具\n")
	for _, part := range []string{"各列读作什么", "202010123456.2", "专利号/申请号（推测）", `name="header.0"`} {
		if looked.Code != 200 || !strings.Contains(looked.Body.String(), part) {
			t.Errorf("the page of headers lacks %s: %d", part, looked.Code)
		}
	}
	if strings.Contains(looked.Body.String(), "甲<b>") {
		t.Error("a header is not escaped")
	}
	mapped := b.upload("/officer/batches", map[string]string{"csrf": token, "policy": "BOCOM-HIST", "header.0": "内部编码甲<b>", "column.0": "number", "header.1": "授信主体", "column.1": "borrower", "header.2": "标的", "column.2": "title"}, "自有.csv", "内部编码甲<b>,授信主体,标的\n202010123456.2,甲公司,一种夹具\n")
	if mapped.Code != http.StatusSeeOther {
		t.Errorf("mapped: %d %s", mapped.Code, mapped.Body)
	}
	made := b.upload("/officer/batches", fields, "九月<b>.csv", deskFile)
	if made.Code != http.StatusSeeOther {
		t.Fatal(made.Code, made.Body)
	}
	path := made.Header().Get("Location")
	running := b.send("GET", path, nil)
	for _, part := range []string{`http-equiv="refresh"`, "进行中", "取消", "九月_b_.csv"} {
		if !strings.Contains(running.Body.String(), part) {
			t.Errorf("the running batch lacks %s", part)
		}
	}
	act := func(verb string) *httptest.ResponseRecorder {
		return b.send("POST", path+"/"+verb, url.Values{"csrf": {token}})
	}
	if r := act("cancel"); r.Code != http.StatusSeeOther {
		t.Errorf("cancel: %d %s", r.Code, r.Body)
	}
	if r := b.send("GET", path, nil); !strings.Contains(r.Body.String(), "继续处理") || strings.Contains(r.Body.String(), `http-equiv="refresh"`) {
		t.Error("a cancelled batch offers no way on, or reloads")
	}
	if r := act("resume"); r.Code != http.StatusSeeOther {
		t.Errorf("resume: %d", r.Code)
	}
	if r := act("burn"); r.Code != http.StatusNotFound {
		t.Errorf("an unknown act: %d", r.Code)
	}

	work(t, w, path)
	shown := b.send("GET", path, nil).Body.String()
	for _, part := range []string{"已完成", "下载结果", "合同", "受限于", "DB-1", "需补充", "同一专利由不同借款人提供质押", "校验位", "意见书"} {
		if !strings.Contains(shown, part) {
			t.Errorf("the finished batch lacks %s", part)
		}
	}
	if r := act("decide"); r.Code != http.StatusSeeOther {
		t.Errorf("decide again: %d %s", r.Code, r.Body)
	}
	if r := b.send("GET", path+"?verdict=refuse", nil); strings.Contains(r.Body.String(), "DB-3</span></td>") {
		t.Error("the filter keeps other rows")
	}
	if r := b.send("GET", path+"/result", nil); r.Code != 200 || !bytes.HasPrefix(r.Body.Bytes(), []byte("PK")) {
		t.Errorf("workbook: %d", r.Code)
	}
	if r := b.send("GET", path+"/rows/2/opinion", nil); r.Code != 200 || strings.Contains(strings.ReplaceAll(strings.ReplaceAll(r.Body.String(), "不是资产评估报告", ""), "非资产评估报告", ""), "评估报告") || !strings.Contains(r.Body.String(), "非资产评估报告") {
		t.Errorf("opinion: %d", r.Code)
	}
	if r := b.send("POST", path+"/book", url.Values{"csrf": {token}, "contract": {"DB-1"}}); r.Code != http.StatusConflict || !strings.Contains(r.Body.String(), "book.not_accepted") {
		t.Errorf("a contract that was not accepted is booked: %d %s", r.Code, r.Body)
	}

	// The book.
	bookLoan(t, w)
	other := signIn(t, w, people.Desk)
	if r := other.send("GET", "/officer/book", nil); r.Code != 200 {
		t.Errorf("book: %d", r.Code)
	}
	evaluator := signIn(t, w, people.Evaluator)
	if r := evaluator.send("POST", "/officer/batches/x/cancel", url.Values{}); r.Code != http.StatusForbidden {
		t.Errorf("an evaluator cancels: %d", r.Code)
	}
	if r := b.send("GET", "/officer/lending", nil); r.Code != 200 || !strings.Contains(r.Body.String(), "历史报道") || !strings.Contains(r.Body.String(), "公开资料未给出补偿比例") {
		t.Errorf("policies: %d", r.Code)
	}
}

func TestBookPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := &browser{t: t, h: w.gate}
	b.send("POST", "/officer/login", url.Values{"key": {w.Key}})
	bookLoan(t, w)
	shown := b.send("GET", "/officer/book", nil)
	for _, part := range []string{"DB-9", "条未处理的预警", "首次估值", "更新余额"} {
		if !strings.Contains(shown.Body.String(), part) {
			t.Errorf("the book lacks %s", part)
		}
	}
	token := b.csrf(shown.Body.String())
	shown = b.send("GET", "/officer/alerts?book=1", nil)
	for _, part := range []string{"DB-9", "超过质押率上限", "处理意见", "登记或更新"} {
		if !strings.Contains(shown.Body.String(), part) {
			t.Errorf("the alerts lack %s", part)
		}
	}
	_, rest, _ := strings.Cut(shown.Body.String(), `action="/officer/alerts/`)
	alert, _, _ := strings.Cut(rest, `"`)
	alert = "/officer/alerts/" + alert
	if r := b.send("POST", alert, url.Values{"csrf": {token}, "note": {" "}}); r.Code != 422 {
		t.Errorf("without a word: %d", r.Code)
	}
	if r := b.send("POST", alert, url.Values{"csrf": {token}, "note": {"<i>补充押品</i>"}}); r.Code != http.StatusSeeOther {
		t.Errorf("acknowledge: %d %s", r.Code, r.Body)
	}
	if r := b.send("GET", "/officer/alerts?all=1&book=1", nil); !strings.Contains(r.Body.String(), "&lt;i&gt;补充押品") {
		t.Error("the note is not shown, or not escaped")
	}
	if r := b.send("POST", "/officer/book/balance", url.Values{"csrf": {token}, "contract": {"DB-9"}, "balance": {"abc"}}); r.Code != 422 {
		t.Errorf("a bad balance: %d", r.Code)
	}
	rows, _, err := w.Desk.Collateral(t.Context(), people.Principal{Institution: "default"}.Actor(), "", 10)
	if err != nil || len(rows) != 1 || rows[0].ID != "DB-9-1" || rows[0].State != "已质押" {
		t.Errorf("%+v, %v", rows, err)
	}
	if r := b.send("POST", "/officer/book/balance", url.Values{"csrf": {token}, "contract": {"DB-9"}, "balance": {"0"}}); r.Code != http.StatusSeeOther {
		t.Errorf("close: %d", r.Code)
	}
	if r := b.send("GET", "/officer/book", nil); !strings.Contains(r.Body.String(), "册中没有贷款") {
		t.Error("a loan paid off stays")
	}
}

// bookLoan takes a loan into the book that is worth far less than its balance.
func bookLoan(t *testing.T, w *world) {
	t.Helper()
	_, err := w.Desk.Book(t.Context(), people.Principal{Institution: "default"}.Actor(), desk.Loan{
		Approval: "信贷审批委员会同意", Contract: "DB-9", Borrower: "甲公司", Balance: 99000000_00, Maturity: calendar.InChina(time.Now().AddDate(1, 0, 0)), Policy: "BOCOM-HIST",
		Rows: []lending.Row{{Number: gatetest.KnownNumber}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

const deskFile = `序号,借款人名称,专利号/申请号,专利名称,专利类型,申请日,授权公告日,专利权人,共有人及同意(Y/N),年费缴至年度,质押/保全/无效/许可状态(as-of日期),上年产品收入(万元),拟贷金额(万元),拟到期日,担保合同号
1,甲公司,202010123456.2,一种锂离子电池正极材料,发明,2020-02-20,2022-05-04,甲公司,无,18,无 2026-11-01,1200,1,2027-10-31,DB-1
2,乙公司,202010123456.7,一种电池,发明,,,,,,,,60,2027-10-31,DB-2
3,丙公司,202010123456.2,一种锂离子电池正极材料,发明,2020-02-20,2022-05-04,丙公司,无,18,无 2026-11-01,1200,1,2027-10-31,DB-3
`
