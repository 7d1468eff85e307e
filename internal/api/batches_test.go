package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"zhijia/internal/desk"
	"zhijia/internal/gate"
	"zhijia/internal/gate/gatetest"
	"zhijia/internal/lending"
	"zhijia/internal/people"
	"zhijia/internal/valuation"
)

const deskFile = `序号,借款人名称,专利号/申请号,专利名称,专利类型,申请日,授权公告日,专利权人,共有人及同意(Y/N),年费缴至年度,质押/保全/无效/许可状态(as-of日期),上年产品收入(万元),拟贷金额(万元),拟到期日,担保合同号
1,甲公司,202010123456.2,一种锂离子电池正极材料,发明,2020-02-20,2022-05-04,甲公司,无,18,无 2026-11-01,1200,1,2027-10-31,DB-1
2,乙公司,202010123456.7,一种电池,发明,,,,,,,,60,2027-10-31,DB-2
3,丙公司,202010123456.2,一种锂离子电池正极材料,发明,2020-02-20,2022-05-04,丙公司,无,18,无 2026-11-01,1200,1,2027-10-31,DB-3
`

func fileForm(name, content string) (contentType, body string) {
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	w, _ := m.CreateFormFile("file", name)
	_, _ = io.WriteString(w, content)
	_ = m.Close()
	return m.FormDataContentType(), b.String()
}

func TestBatchOverREST(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Desk.Work(ctx, desk.WorkOptions{Rows: 2}) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	kind, body := fileForm("九月.csv", deskFile)
	made := w.Post("/v1/batches?policy=BOCOM-HIST", body, "Content-Type", kind)
	if made.Code != http.StatusCreated {
		t.Fatal(made.Code, made.Body)
	}
	b := gatetest.Decode[Batch](t, made.Body.Bytes())
	if b.Rows != 3 || b.Policy != "BOCOM-HIST@2026-11.5" || made.Header().Get("Location") != "/v1/batches/"+b.ID {
		t.Errorf("%+v", b)
	}
	if again := w.Post("/v1/batches?policy=BOCOM-HIST", body, "Content-Type", kind); again.Code != http.StatusOK || gatetest.Decode[Batch](t, again.Body.Bytes()).ID != b.ID {
		t.Errorf("the same file again: %d %s", again.Code, again.Body)
	}

	events := w.Get("/v1/batches/" + b.ID + "/events")
	if events.Header().Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%v %s", events.Header(), events.Body)
	}
	var last string
	for lines := bufio.NewScanner(events.Body); lines.Scan(); {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			last = data
		}
	}
	var p struct {
		Status  string
		Done    int
		Refused int
	}
	if err := json.Unmarshal([]byte(last), &p); err != nil || p.Status != "finished" || p.Done != 2 || p.Refused != 1 {
		t.Fatalf("%s %v", last, err)
	}

	rows := gatetest.Decode[BatchRows](t, w.Get("/v1/batches/"+b.ID+"/rows?limit=2").Body.Bytes())
	if len(rows.Rows) != 2 || !rows.HasMore || rows.Rows[1].Faults[0].Code != "number.check_digit" || rows.Rows[0].Valuation == "" {
		t.Errorf("%+v", rows)
	}
	var codes []string
	for _, r := range rows.Rows[0].Decision.Reasons {
		codes = append(codes, r.Code)
	}
	if !strings.Contains(strings.Join(codes, " "), "D01") || rows.Rows[0].Decision.Verdict != lending.Supplement {
		t.Errorf("offered by two borrowers: %v", codes)
	}
	if got := w.Get("/v1/valuations/" + rows.Rows[0].Valuation); got.Code != http.StatusOK {
		t.Errorf("the row's valuation: %d", got.Code)
	}
	if got := w.Get("/v1/batches/" + b.ID + "/rows/2/opinion"); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), "需补充") || !strings.Contains(got.Body.String(), "非资产评估报告") {
		t.Errorf("opinion: %d %.300s", got.Code, got.Body)
	}
	if got := w.Get("/v1/batches/" + b.ID + "/rows/9/opinion"); got.Code != http.StatusNotFound {
		t.Errorf("no such line: %d", got.Code)
	}
	if got := w.Get("/v1/batches/" + b.ID + "/result"); got.Code != http.StatusOK || !strings.HasPrefix(got.Body.String(), "PK") {
		t.Errorf("result: %d %v", got.Code, got.Header())
	} else if d := got.Header().Get("Content-Disposition"); d != `attachment; filename="`+b.ID+`.xlsx"; filename*=UTF-8''%E4%B9%9D%E6%9C%88-%E4%BC%B0%E5%80%BC%E7%BB%93%E6%9E%9C.xlsx` {
		t.Errorf("named %s", d)
	}
	if got := w.Get("/v1/batches/" + b.ID + "/result?format=pdf"); gatetest.Problem(t, got).Code != "field.enum" {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	for _, act := range []string{"cancel", "resume"} {
		if got := w.Post("/v1/batches/"+b.ID+":"+act, ""); got.Code != http.StatusConflict || gatetest.Problem(t, got).Code != "batch.status" {
			t.Errorf("%s of a finished batch: %d %s", act, got.Code, got.Body)
		}
	}
	if got := w.Post("/v1/batches/"+b.ID+":retry", ""); got.Code != http.StatusOK {
		t.Errorf("nothing to retry: %d %s", got.Code, got.Body)
	}
	if got := w.Get("/v1/batches/" + b.ID + "/result?format=csv"); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), "CN202010123456.2") {
		t.Errorf("result as CSV: %d", got.Code)
	}
	if got := w.Get("/v1/batch-template"); got.Code != http.StatusOK || !strings.HasPrefix(got.Body.String(), "PK") {
		t.Errorf("template: %d", got.Code)
	}
	if got := gatetest.Decode[BatchList](t, w.Get("/v1/batches").Body.Bytes()); len(got.Batches) != 1 {
		t.Errorf("%+v", got)
	}
	var entries struct{ Entries []struct{ Action string } }
	if err := json.Unmarshal(w.Get("/v1/audit?subject="+b.ID).Body.Bytes(), &entries); err != nil || len(entries.Entries) != 4 || entries.Entries[1].Action != "batch.finish" || entries.Entries[3].Action != "batch.download" {
		t.Errorf("%+v %v", entries, err)
	}

	// Another institution sees none of it, and an evaluator submits nothing.
	plain, rec, err := people.NewKey("other", "bank-b", []people.Role{people.Desk}, time.Now(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.DB.InsertKey(t.Context(), rec, "test"); err != nil {
		t.Fatal(err)
	}
	other := gatetest.Client{T: t, H: w.gate, Key: plain}
	for _, act := range []string{"cancel", "resume", "retry"} {
		if got := other.Post("/v1/batches/"+b.ID+":"+act, ""); got.Code != http.StatusNotFound {
			t.Errorf("another institution's %s: %d", act, got.Code)
		}
	}
	for _, path := range []string{"", "/rows", "/events", "/result", "/rows/2/opinion"} {
		if got := other.Get("/v1/batches/" + b.ID + path); got.Code != http.StatusNotFound {
			t.Errorf("another institution reads %q: %d", path, got.Code)
		}
	}
	evaluator := gatetest.Client{T: t, H: w.gate, Key: gatetest.NewKey(t, w.DB, time.Time{}, people.Evaluator)}
	if got := evaluator.Post("/v1/batches", body, "Content-Type", kind); got.Code != http.StatusForbidden {
		t.Errorf("an evaluator submits: %d", got.Code)
	}
	for name, c := range map[string]struct{ query, file, code string }{
		"policy":   {"?policy=none", deskFile, "policy.unknown"},
		"unit":     {"?unit=%E5%85%83", deskFile, "unit.contradiction"},
		"date":     {"?valuation_date=2099-01-01", deskFile, "date.future"},
		"priority": {"?priority=9", deskFile, "batch.priority"},
		"readings": {"?readings=maybe", deskFile, "batch.readings"},
		"query":    {"?x=1", deskFile, "query.unknown"},
		"header":   {"", "甲,乙\n1,2\n", "file.no_number"},
		"empty":    {"", "", "file.empty"},
	} {
		kind, body := fileForm("f.csv", c.file)
		got := w.Post("/v1/batches"+c.query, body, "Content-Type", kind)
		if p := gatetest.Problem(t, got); p.Code != c.code {
			t.Errorf("%s: %d %s, want %s", name, got.Code, got.Body, c.code)
		}
	}
}

// What a desk gets wrong with its upload is told with a status and a code.
func TestBatchRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{Options: gate.Options{MaxUpload: 64 << 10}})
	for name, c := range map[string]struct {
		file, content string
		status        int
		code          string
	}{
		"old workbook": {"f.xls", "\xd0\xcf\x11\xe0 old", http.StatusUnsupportedMediaType, "file.xls"},
		"password":     {"f.xlsx", "\xd0\xcf\x11\xe0 E\x00n\x00c\x00r\x00y\x00p\x00t\x00e\x00d\x00P\x00a\x00c\x00k\x00a\x00g\x00e\x00", http.StatusUnsupportedMediaType, "file.encrypted"},
		"no workbook":  {"f.xlsx", "PK\x03\x04", http.StatusUnprocessableEntity, "file.xlsx"},
		"no unit":      {"f.csv", "专利号,借款人,拟贷金额\n202010123456.2,甲,1\n", http.StatusUnprocessableEntity, "unit.missing"},
		"too large":    {"f.csv", "专利号,借款人\n" + strings.Repeat("202010123456.2,甲\n", 10_000), http.StatusRequestEntityTooLarge, ""},
		"one column":   {"f.csv", "专利号\n202010123456.2\n", http.StatusUnprocessableEntity, "file.no_number"},
	} {
		kind, body := fileForm(c.file, c.content)
		got := w.Post("/v1/batches", body, "Content-Type", kind)
		if p := gatetest.Problem(t, got); got.Code != c.status || c.code != "" && p.Code != c.code {
			t.Errorf("%s: %d %s, want %d %s", name, got.Code, got.Body, c.status, c.code)
		}
	}
	if got := w.Post("/v1/batches", "{}", "Content-Type", "application/json"); got.Code != http.StatusUnsupportedMediaType {
		t.Errorf("JSON: %d %s", got.Code, got.Body)
	}
	if got := w.Get("/v1/batches/none"); got.Code != http.StatusNotFound || gatetest.Problem(t, got).Code != "batch.unknown" {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	long := strings.Repeat("长", 110) + ".csv"
	kind, body := fileForm(long, strings.Replace(deskFile, "担保合同号", "担保合同号,客户经理", 1))
	made := w.Post("/v1/batches", body, "Content-Type", kind)
	if b := gatetest.Decode[Batch](t, made.Body.Bytes()); made.Code != http.StatusCreated || b.Name != long || len(b.Ignored) != 1 || b.Ignored[0] != "客户经理" {
		t.Errorf("%d %s", made.Code, made.Body)
	}
	if got := w.Get("/v1/batches/" + gatetest.Decode[Batch](t, made.Body.Bytes()).ID + "/result"); got.Code != http.StatusConflict || gatetest.Problem(t, got).Code != "batch.unfinished" {
		t.Errorf("result before its end: %d %s", got.Code, got.Body)
	}
	if got := w.Get("/v1/batches/" + gatetest.Decode[Batch](t, made.Body.Bytes()).ID + "/rows/2/opinion"); got.Code != http.StatusOK || strings.Contains(got.Body.String(), "可受理") {
		t.Errorf("opinion on a row that waits: %d %.400s", got.Code, got.Body)
	}
}

func TestCollateralCheck(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	got := w.Post("/v1/collateral-checks", `{"policy":"BOCOM-HIST","rows":[{"number":"`+gatetest.KnownNumber+`","borrower":"甲公司","contract":"C","loan":10000,"maturity":"2027-01-01"},{"number":"202010123456.2","borrower":"甲公司","contract":"C","loan":10000}]}`)
	if got.Code != http.StatusOK {
		t.Fatal(got.Code, got.Body)
	}
	c := gatetest.Decode[desk.Check](t, got.Body.Bytes())
	if len(c.Decisions.Rows) != 2 || len(c.Decisions.Contracts) != 1 {
		t.Errorf("%+v", c.Decisions)
	}
	// A number the store does not know is valued here as in a valuation of its own.
	alone := w.Post("/v1/valuations", `{"number":"202010123456.2","purpose":"pledge"}`)
	low := gatetest.Decode[struct {
		Conclusion valuation.Conclusion `json:"conclusion"`
	}](t, alone.Body.Bytes()).Conclusion.Value.Low
	if v := c.Valued[1]; !v.FromRow || low <= 0 || math.Abs(v.Low.Yuan()-low) > .01 {
		t.Errorf("%+v; by itself %v", v, low)
	}
	bad := w.Post("/v1/collateral-checks", `{"rows":[{"number":"202010123456.7","loan":-1,"royalty_rate":3}]}`)
	if p := gatetest.Problem(t, bad); len(p.Errors) != 3 {
		t.Errorf("%s", bad.Body)
	}
	if got := w.Get("/v1/lending-policies"); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), `"BOCOM-HIST"`) {
		t.Errorf("%d %.200s", got.Code, got.Body)
	}
	own := lending.Policies()["TEMPLATE"]
	own.ID, own.Version, own.Label = "MINE", "1", "own"
	if got := w.Post("/v1/lending-policies", own); got.Code != http.StatusCreated {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	own.Name = "另一个"
	if got := w.Post("/v1/lending-policies", own); gatetest.Problem(t, got).Code != "policy.version_taken" {
		t.Errorf("a version changed: %d %s", got.Code, got.Body)
	}
	if got := w.Post("/v1/collateral-checks", `{"policy":"MINE@1","rows":[{"number":"`+gatetest.KnownNumber+`","loan":10000}]}`); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), `"policy":"MINE"`) {
		t.Errorf("own policy: %d %.200s", got.Code, got.Body)
	}
	share := w.Post("/v1/risk-shares", `{"scheme":"ZHONGSHAN","claim":{"principal_outstanding":3000000,"interest_unpaid":0,"recoveries":1000000}}`)
	if share.Code != http.StatusOK || !strings.Contains(share.Body.String(), `"bears":1080000`) {
		t.Errorf("%d %s", share.Code, share.Body)
	}
}

func TestBookOverREST(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	maturity := time.Now().AddDate(1, 0, 0).Format(time.DateOnly)
	loan := `{"contract":"DB-9","borrower":"甲公司","balance":100000,"maturity":"` + maturity + `","policy":"BOCOM-HIST","approval":"信贷审批委员会同意","patents":[{"number":"` + gatetest.KnownNumber + `"}]}`
	if got := w.Post("/v1/book/loans", strings.Replace(loan, `"approval":"信贷审批委员会同意",`, "", 1)); gatetest.Problem(t, got).Code != "book.approval" {
		t.Errorf("booked without an approval: %d %s", got.Code, got.Body)
	}
	if got := w.Post("/v1/book/loans", loan); got.Code != http.StatusCreated || !strings.Contains(got.Body.String(), `"first_value":`) {
		t.Fatal(got.Code, got.Body)
	}
	if got := w.Post("/v1/book/loans", loan); gatetest.Problem(t, got).Code != "book.booked" {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if got := w.Get("/v1/book/loans"); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), "DB-9") {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if got := w.Get("/v1/alerts?open=true&book=true"); got.Code != http.StatusOK {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if got := w.Post("/v1/alerts/ba_"+strings.Repeat("0", 32)+":acknowledge", `{"note":"x"}`); gatetest.Problem(t, got).Code != "alert.unknown" {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if got := w.Post("/v1/book/loans/DB-9:balance", `{"balance":0}`); got.Code != http.StatusNoContent {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if got := w.Post("/v1/book/loans/DB-9:balance", `{"balance":0}`); gatetest.Problem(t, got).Code != "book.unknown" {
		t.Errorf("closed: %d %s", got.Code, got.Body)
	}
}
