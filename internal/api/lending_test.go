package api

import (
	"bytes"
	"context"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"zhijia/internal/desk"
	"zhijia/internal/gate/gatetest"
	"zhijia/internal/paging"
	"zhijia/internal/people"
)

func TestLendingOverREST(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	for name, c := range map[string]struct {
		path, body string
		status     int
		want       string
	}{
		"quote":             {"/v1/insurance-quotes", `{"loan":10000000,"pd":0.05,"lgd":0.4,"scheme":"ZHONGSHAN"}`, 200, `"insured_loss":32000`},
		"collateral's LGD":  {"/v1/insurance-quotes", `{"loan":10000000,"pd":0.05,"forced_sale":4000000,"insured_share":0.8}`, 200, `"expected_loss":300000`},
		"another share":     {"/v1/insurance-quotes", `{"loan":10000000,"pd":0.05,"lgd":0.4,"insured_share":0.7,"scheme":"ZHONGSHAN"}`, 422, `quote.share`},
		"no PD":             {"/v1/insurance-quotes", `{"loan":10000000,"lgd":0.4,"insured_share":0.5}`, 422, `pd`},
		"subsidy":           {"/v1/interest-subsidies", `{"balance":10000000,"rate":0.0365,"from":"2026-01-01","to":"2026-04-11","ratio":0.5,"source":"x"}`, 200, `"amount":50000`},
		"subsidy closed":    {"/v1/interest-subsidies", `{"balance":10000000,"rate":0.0365,"from":"2026-01-01","to":"2026-04-11","ratio":0.5,"source":"x","scheme_until":"2025-12-31"}`, 422, `subsidy.closed`},
		"scheme closed":     {"/v1/risk-shares", `{"scheme":"PUDONG-2011","claim":{"principal_outstanding":1,"interest_unpaid":0,"recoveries":0}}`, 422, `scheme.closed`},
		"cover":             {"/v1/cover-forecasts", `{"on":"2026-01-01","maturity":"2029-01-01","loan":3000000,"repayment":"equal","step_months":6,"ltv_ceiling":0.3,"collateral":[{"number":"a","value":10000000,"low":6000000,"expiry":"2028-01-01"}]}`, 200, `"breach":true`},
		"cover in the past": {"/v1/cover-forecasts", `{"on":"2026-01-01","maturity":"2025-01-01","loan":3000000,"repayment":"bullet","step_months":6,"ltv_ceiling":0.3,"collateral":[]}`, 422, `maturity.past`},
		"programme":         {"/v1/loan-programmes", `{"id":"ZYD","version":"1","name":"知易贷","source":"x","total":{"amount":20000,"source":"x"}}`, 201, `"ZYD"`},
		"programme bare":    {"/v1/loan-programmes", `{"id":"B","version":"1","name":"x","source":"x","total":{"amount":20000,"source":""}}`, 422, `programme.`},
		"nothing held":      {"/v1/loan-programmes:release", `{"contract":"C","reason":"x"}`, 404, `hold.unknown`},
	} {
		if got := w.Post(c.path, c.body); got.Code != c.status || !strings.Contains(got.Body.String(), c.want) {
			t.Errorf("%s: %d %s, want %d with %s", name, got.Code, got.Body, c.status, c.want)
		}
	}
	if got := w.Post("/v1/loan-programmes", `{"id":"ZYD","version":"1","name":"另一个","source":"x","total":{"amount":30000,"source":"x"}}`); gatetest.Problem(t, got).Code != "programme.version_taken" {
		t.Errorf("a version changed: %d", got.Code)
	}
	if got := w.Get("/v1/risk-schemes"); got.Code != 200 || !strings.Contains(got.Body.String(), `"selectable":false`) || !strings.Contains(got.Body.String(), `"source_date":"2025-01-23"`) {
		t.Errorf("%d %.300s", got.Code, got.Body)
	}
	if got := w.Get("/v1/loan-programmes"); got.Code != 200 || !strings.Contains(got.Body.String(), `"room":20000`) || !strings.Contains(got.Body.String(), "ZHIYIDAI") {
		t.Errorf("%d %s", got.Code, got.Body)
	}

	// The options part: the bank's figures go with the file.
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Desk.Work(ctx, desk.WorkOptions{Rows: 2}) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	send := func(options string) (string, string) {
		var b bytes.Buffer
		m := multipart.NewWriter(&b)
		_ = m.WriteField("options", options)
		f, _ := m.CreateFormFile("file", "f.csv")
		_, _ = io.WriteString(f, deskFile)
		_ = m.Close()
		return m.FormDataContentType(), b.String()
	}
	kind, body := send(`{"borrower_limits":{"甲公司":5000.01}, "bearable":{"丙公司":0}}`)
	made := w.Post("/v1/batches?policy=BOCOM-HIST", body, "Content-Type", kind)
	if made.Code != http.StatusCreated {
		t.Fatal(made.Code, made.Body)
	}
	id := gatetest.Decode[Batch](t, made.Body.Bytes()).ID
	for _, err := range w.Desk.Watch(t.Context(), people.Principal{Institution: "default"}.Actor(), id, 20*time.Millisecond) {
		if err != nil {
			t.Fatal(err)
		}
	}
	got := w.Get("/v1/batches/" + id + "/contracts?limit=2")
	for _, want := range []string{`"code":"borrower"`, `5000.01`, `"has_more":true`, `"route":`, `"facts":{}`} {
		if !strings.Contains(got.Body.String(), want) {
			t.Errorf("the contracts lack %s: %s", want, got.Body)
		}
	}
	if got := w.Get("/v1/batches/" + id + "/contracts?cursor=" + paging.Numbered(99).Cursor()); got.Code != 200 || !strings.Contains(got.Body.String(), `"contracts":[]`) {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if got := w.Get("/v1/batches/" + id + "/cover?contract=" + url.QueryEscape("DB-1")); got.Code != 200 || !strings.Contains(got.Body.String(), `"points":[{"date":`) {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if got := w.Get("/v1/batches/" + id + "/cover?contract=nope"); gatetest.Problem(t, got).Code != "contract.unknown" {
		t.Errorf("%d", got.Code)
	}
	for options, code := range map[string]string{`{`: "json.syntax", `{"bearable":{},"Bearable":{}}`: "json.duplicate_key", `{"x":1}`: "options.json", `{"borrower_limits":{"甲":-1}}`: "limits.amount", `{"programmes":[{"id":"A"}]}`: "programme.limit"} {
		kind, body := send(options)
		if got := w.Post("/v1/batches", body, "Content-Type", kind); gatetest.Problem(t, got).Code != code {
			t.Errorf("%s: %d %s", options, got.Code, got.Body)
		}
	}
}

// An officer's figure stands alone until another person stands by it.
func TestSecondOfficer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{}, people.Officer, people.Approver)
	made := w.Post("/v1/valuations", `{"number":"`+gatetest.KnownNumber+`","purpose":"pledge"}`)
	if made.Code != http.StatusCreated {
		t.Fatal(made.Code, made.Body)
	}
	path := made.Header().Get("Location")
	over := w.Post(path+"/overrides", `{"value":500000,"reason":"订单"}`)
	id := gatetest.Decode[OverrideInfo](t, over.Body.Bytes()).ID
	if got := w.Post(path+"/overrides/"+id+":approve", ``); gatetest.Problem(t, got).Code != "proposal.person" {
		t.Errorf("by a system: %d %s", got.Code, got.Body)
	}
	other := gatetest.Client{T: t, H: w.gate, Key: gatetest.NewPersonKey(t, w.DB, gatetest.NewPerson(t, w.DB, "default", "two", people.Approver))}
	if got := other.Post(path+"/overrides/ovr_x:approve", ``); gatetest.Problem(t, got).Code != "override.unknown" {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	queue := gatetest.Decode[proposalList](t, other.Get("/v1/proposals?waiting=true").Body.Bytes()).Proposals
	if len(queue) != 1 || queue[0].Subject != id {
		t.Fatalf("the queue: %+v", queue)
	}
	if got := other.Post("/v1/proposals/"+queue[0].ID+":withdraw", `{}`); gatetest.Problem(t, got).Code != "proposal.not_yours" {
		t.Errorf("withdrawn by another: %d %s", got.Code, got.Body)
	}
	if got := other.Post(path+"/overrides/"+id+":approve", ``); got.Code != http.StatusNoContent {
		t.Fatalf("approve: %d %s", got.Code, got.Body)
	}
	if got := other.Post("/v1/proposals/"+queue[0].ID+":refuse", `{}`); gatetest.Problem(t, got).Code != "proposal.closed" {
		t.Errorf("refused after it was approved: %d", got.Code)
	}
	if got := w.Get(path + "/overrides"); !strings.Contains(got.Body.String(), `"approved_by":"人员two (two, `) {
		t.Errorf("%s", got.Body)
	}
	audit := w.Get("/v1/audit?limit=1000")
	if !strings.Contains(audit.Body.String(), "proposal.approve") {
		t.Errorf("not on record")
	}
}
