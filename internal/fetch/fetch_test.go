package fetch

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/connect"
	"zhijia/internal/dossier"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

// world is OPS, Lens, PatSnap and an own source on the loopback: it answers what
// a case has it answer, by the path.
type world struct {
	*httptest.Server
	mu      sync.Mutex
	tokens  int
	calls   []string
	answers map[string][]func(http.ResponseWriter, *http.Request) // by what the path contains; the last stays
}

func newWorld(t *testing.T) *world {
	w := &world{answers: map[string][]func(http.ResponseWriter, *http.Request){}}
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.calls = append(w.calls, r.Method+" "+r.URL.Path)
		if strings.HasSuffix(r.URL.Path, "/auth/accesstoken") && len(w.answers["token"]) == 0 {
			w.tokens++
			w.mu.Unlock()
			fmt.Fprintf(rw, `{"access_token":"T%d","expires_in":"1199"}`, w.tokens)
			return
		}
		for part, list := range w.answers {
			if strings.Contains(r.URL.Path, part) {
				f := list[0]
				if len(list) > 1 {
					w.answers[part] = list[1:]
				}
				w.mu.Unlock()
				f(rw, r)
				return
			}
		}
		w.mu.Unlock()
		notFound(rw, r)
	}))
	t.Cleanup(w.Close)
	return w
}

func (w *world) on(part string, list ...func(http.ResponseWriter, *http.Request)) {
	w.answers[part] = list
}

func notFound(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(404)
	fmt.Fprint(w, `<fault xmlns="http://ops.epo.org"><code>SERVER.EntityNotFound</code><message>No results found</message></fault>`)
}

func say(status int, body string, header ...string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Add(header[i], header[i+1])
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

// document is an exchange document with invented values.
func document(application, publication, kind, day, title, applicant string) string {
	return `<exchange-document family-id="71000001" country="CN" doc-number="` + publication + `" kind="` + kind + `"><bibliographic-data>
<publication-reference><document-id document-id-type="docdb"><country>CN</country><doc-number>` + publication + `</doc-number><kind>` + kind + `</kind><date>` + day + `</date></document-id></publication-reference>
<classifications-ipcr><classification-ipcr><text>F04D  29/  22            A I                    </text></classification-ipcr></classifications-ipcr>
<application-reference><document-id document-id-type="docdb"><country>CN</country><doc-number>` + application + `</doc-number><kind>A</kind></document-id><document-id document-id-type="epodoc"><doc-number>X</doc-number><date>20210311</date></document-id></application-reference>
<parties><applicants><applicant sequence="1" data-format="original"><applicant-name><name>` + applicant + `, </name></applicant-name></applicant></applicants></parties>` + title + `</bibliographic-data></exchange-document>`
}

func ops(documents ...string) string {
	return `<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE x SYSTEM "http://nowhere.invalid/x.dtd"><ops:world-patent-data xmlns="http://www.epo.org/exchange" xmlns:ops="http://ops.epo.org"><exchange-documents>` + strings.Join(documents, "") + `</exchange-documents></ops:world-patent-data>`
}

func family(application, publication string, truncated bool, legal string) string {
	more := ""
	if truncated {
		more = ` truncatedFamily="true"`
	}
	return `<ops:world-patent-data xmlns="http://www.epo.org/exchange" xmlns:ops="http://ops.epo.org"><ops:patent-family legal="true"` + more + `><ops:family-member family-id="71000001"><publication-reference><document-id document-id-type="docdb"><country>CN</country><doc-number>` + publication + `</doc-number><kind>B</kind><date>20230117</date></document-id></publication-reference><application-reference doc-id="1"><document-id document-id-type="docdb"><country>CN</country><doc-number>` + application + `</doc-number><kind>A</kind><date>20210311</date></document-id></application-reference>` + legal + `</ops:family-member></ops:patent-family></ops:world-patent-data>`
}

const granted = `<ops:legal code="GR01" desc="PATENT GRANT" infl="+"><ops:L007EP>2023-01-17</ops:L007EP><ops:L008EP>GR01</ops:L008EP><ops:L018EP>2023-01-18</ops:L018EP></ops:legal>`

type clock struct {
	mu    sync.Mutex
	at    time.Time
	slept []time.Duration
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }

func (c *clock) sleep(_ context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slept = append(c.slept, d)
	c.at = c.at.Add(d)
	return nil
}

var officer = appraisal.Actor{Name: "officer", Institution: "default"}

// application is a number with its check digit, as the office writes it.
func application(digits string) string {
	return "CN" + digits + "." + string(patent.CheckDigit(digits))
}

// One database serves all cases: each has numbers of its own.
func TestFetch(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	svc, err := appraisal.New(t.Context(), db, appraisal.Options{Days: calendar.Shipped()})
	if err != nil {
		t.Fatal(err)
	}
	ctx := store.As(t.Context(), "default")
	next := 0
	serial := func() (string, string) { // of an application and of its publication
		next++
		return fmt.Sprintf("20211%07d", 3000000+next), fmt.Sprintf("1139%05d", next)
	}
	day := time.Date(2025, 6, 2, 9, 0, 0, 0, time.UTC)
	open := func(w *world, change func(*connect.Config)) (*Service, *clock) {
		t.Helper()
		day = day.AddDate(0, 0, 30) // pauses and quotas of one case are over in the next
		c := &clock{at: day}
		conf := connect.Config{OPSURL: w.URL + "/3.2", OPSKey: "key:secret", OPSHourMiB: 400, OPSWeekMiB: 3500, PerMinute: 600, Timeout: 2 * time.Second, KeepRaw: []string{"epo_ops", "http"}}
		if change != nil {
			change(&conf)
		}
		s, err := New(db, svc, nil, conf, c.now, c.sleep)
		if err != nil {
			t.Fatal(err)
		}
		return s, c
	}
	get := func(s *Service, numbers ...string) Report {
		t.Helper()
		rep, err := s.Get(t.Context(), officer, numbers, Options{})
		if err != nil {
			t.Fatal(err)
		}
		return rep
	}
	title := `<invention-title lang="ol">一种离心泵叶轮</invention-title>`

	t.Run("number to facts", func(t *testing.T) {
		w := newWorld(t)
		a, p := serial()
		w.on("/published-data/", say(200, ops(document(a, p, "B", "20230117", title, "甲泵业有限公司"))))
		w.on("/family/", say(200, family(a, p, false, granted)))
		s, _ := open(w, nil)
		rep := get(s, application(a), "CN"+a) // twice the same
		if rep.Found != 1 || len(rep.Results) != 1 || rep.Results[0].Title != "一种离心泵叶轮" || len(rep.Results[0].Outcomes[0].Documents) != 2 {
			t.Fatalf("%+v", rep)
		}
		d, err := dossier.Read(ctx, db, "default", must(patent.ParseNumber(application(a))), patent.PledgeFacts{}, calendar.InChina(day), calendar.Shipped())
		if err != nil {
			t.Fatal(err)
		}
		if d.State.Standing != patent.Alive || d.State.Pledged != patent.DontSay || len(d.Owners) != 0 || d.Applicants[0] != "甲泵业有限公司" || d.IPC[0].Symbol != "F04D 29/22" || len(d.Sources) != 2 {
			t.Errorf("%+v", d)
		}
		// The same again, and offline, is the same byte for byte.
		before, _ := json.Marshal(d)
		get(s, application(a))
		w.Close()
		d, err = dossier.Read(ctx, db, "default", must(patent.ParseNumber("CN"+p+"B")), patent.PledgeFacts{}, calendar.InChina(day), calendar.Shipped())
		if after, _ := json.Marshal(d); err != nil || string(before) != string(after) {
			t.Errorf("asked again: %v\n%s\n%s", err, before, after)
		}
		doc, err := db.SourceDocument(ctx, rep.Results[0].Outcomes[0].Documents[0])
		if err != nil || !strings.Contains(string(doc.Body), "一种离心泵叶轮") || strings.Contains(doc.Address, "secret") {
			t.Errorf("raw document: %+v %v", doc.Address, err)
		}
		log, err := db.EgressLog(t.Context(), "default", 0, 100)
		if err != nil || len(log) < 3 || strings.Contains(fmt.Sprint(log), "secret") {
			t.Errorf("egress: %v %v", log, err)
		}
	})

	expired := say(400, `<error><code>400</code><message>invalid_access_token</message><description>Access Token expired</description></error>`)
	for name, c := range map[string]struct {
		answers []func(http.ResponseWriter, *http.Request)
		state   string
		code    string
		slept   time.Duration // once at least
		tokens  int
	}{
		"token expired once":   {answers: []func(http.ResponseWriter, *http.Request){expired, nil}, state: "found", tokens: 2},
		"token never accepted": {answers: []func(http.ResponseWriter, *http.Request){expired}, state: "failed", code: "source.broken", tokens: 2},
		"404":                  {answers: []func(http.ResponseWriter, *http.Request){notFound}, state: "missing", code: "SERVER.EntityNotFound"},
		"404 page":             {answers: []func(http.ResponseWriter, *http.Request){say(404, "<html><title>OPS - 404</title>Page not found</html>")}, state: "failed", code: "source.address"},
		"403 hour":             {answers: []func(http.ResponseWriter, *http.Request){say(403, "<error><code>403</code></error>", "X-Rejection-Reason", "IndividualQuotaPerHour")}, state: "failed", code: "source.quota_hour"},
		"403 week":             {answers: []func(http.ResponseWriter, *http.Request){say(403, "<error><code>403</code></error>", "X-Rejection-Reason", "RegisteredQuotaPerWeek exceeded")}, state: "failed", code: "source.quota_week"},
		"403 minute":           {answers: []func(http.ResponseWriter, *http.Request){say(403, "", "X-Rejection-Reason", "AnonymousQuotaPerMinute"), nil}, state: "found", slept: time.Minute},
		"403 in milliseconds":  {answers: []func(http.ResponseWriter, *http.Request){say(403, "", "X-Rejection-Reason", "ThrottlingControlQuota", "Retry-After", "60000"), nil}, state: "found", slept: time.Minute},
		"403 in seconds":       {answers: []func(http.ResponseWriter, *http.Request){say(403, "", "Retry-After", "45"), nil}, state: "found", slept: 45 * time.Second},
		"403 of unknown unit":  {answers: []func(http.ResponseWriter, *http.Request){say(403, "", "Retry-After", "99216383"), nil}, state: "found", slept: 5 * time.Minute},
		"robot twice":          {answers: []func(http.ResponseWriter, *http.Request){say(403, `<fault><code>CLIENT.RobotDetected</code></fault>`)}, state: "failed", code: "source.throttled", slept: time.Minute},
		"reason beside 200":    {answers: []func(http.ResponseWriter, *http.Request){nil}, state: "found"},
		"broken XML":           {answers: []func(http.ResponseWriter, *http.Request){say(200, `<ops:world-patent-data xmlns:ops="x"><exchange-documents><exchange-document country="CN"`)}, state: "failed", code: "source.broken"},
		"redirect":             {answers: []func(http.ResponseWriter, *http.Request){say(302, "", "Location", "http://127.0.0.1:9/")}, state: "failed", code: "source.redirect"},
		"down":                 {answers: []func(http.ResponseWriter, *http.Request){say(503, "")}, state: "failed", code: "source.down"},
		"down once":            {answers: []func(http.ResponseWriter, *http.Request){say(503, ""), nil}, state: "found"},
		"no title":             {answers: []func(http.ResponseWriter, *http.Request){nil}, state: "found"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			a, p := serial()
			text := title
			if name == "no title" {
				text = ""
			}
			good := say(200, ops(document(a, p, "B", "20230117", text, "乙")), "X-Throttling-Control", "overloaded (images=black:0, inpadoc=green:600, retrieval=green:600)", "X-Throttling-Control", "overloaded (inpadoc=green:600)", "X-Rejection-Reason", "[DeveloperBlocked]")
			list := c.answers
			for i := range list {
				if list[i] == nil {
					list = append(append(list[:i:i], good), list[i+1:]...)
				}
			}
			w.on("/published-data/", list...)
			s, k := open(w, nil)
			r := get(s, application(a)).Results[0]
			if r.State != c.state || r.Code != c.code {
				t.Errorf("%s [%s], want %s [%s]: %+v", r.State, r.Code, c.state, c.code, r)
			}
			longest := time.Duration(0)
			for _, d := range k.slept {
				longest = max(longest, d)
			}
			if longest < c.slept || longest > 5*time.Minute || c.tokens > 0 && w.tokens != c.tokens {
				t.Errorf("slept %v, %d tokens", k.slept, w.tokens)
			}
			calls := len(w.calls)
			if r = get(s, application(a)).Results[0]; c.state == "missing" && (len(w.calls) != calls || r.State != "missing") {
				t.Errorf("a final refusal is asked again")
			}
			if strings.HasPrefix(c.code, "source.quota") && len(w.calls) != calls {
				t.Errorf("asked although the quota is used up")
			}
		})
	}

	t.Run("not found among good ones, and a truncated family", func(t *testing.T) {
		w := newWorld(t)
		a, p := serial()
		b, q := serial()
		gone, _ := serial()
		w.on("/published-data/", say(200, ops(document(a, p, "B", "20230117", title+`<invention-title lang="en">Impeller &amp; <b>pump</b></invention-title>`, "甲"),
			`<exchange-document country="CN" doc-number="999" kind="A" status="not found"/>`, document(b, q, "B", "20230117", title, "SHILI PUMP CO LTD [CN]"))))
		w.on("/family/application/docdb/CN."+a, say(200, family(a, p, true, granted)))
		s, _ := open(w, nil)
		rep := get(s, application(a), application(gone), application(b), "CN202199990001.0")
		if rep.Found != 2 || rep.Missing != 1 || rep.Failed != 1 || rep.Results[1].State != "missing" || rep.Results[3].State != "refused" {
			t.Errorf("%+v", rep)
		}
		got, err := db.Patent(ctx, application(a))
		if err != nil || got.FamilySize != nil || got.Title != "一种离心泵叶轮" {
			t.Errorf("%+v %v", got, err)
		}
		if len(w.calls) != 4 || !strings.HasPrefix(w.calls[1], "POST ") {
			t.Errorf("calls %v", w.calls)
		}
	})

	t.Run("slow body", func(t *testing.T) {
		w := newWorld(t)
		a, _ := serial()
		stop := make(chan struct{})
		t.Cleanup(func() { close(stop) })
		w.on("/published-data/", func(rw http.ResponseWriter, r *http.Request) {
			rw.WriteHeader(200)
			rw.(http.Flusher).Flush()
			select {
			case <-stop:
			case <-r.Context().Done():
			}
		})
		s, _ := open(w, func(c *connect.Config) { c.Timeout = 20 * time.Millisecond })
		if r := get(s, application(a)).Results[0]; r.Code != "source.timeout" {
			t.Errorf("%+v", r)
		}
	})

	t.Run("several sources that disagree", func(t *testing.T) {
		w := newWorld(t)
		a, p := serial()
		w.on("/published-data/", say(200, ops(document(a, p, "B", "20230117", title, "甲"))))
		w.on("/patent/search", say(429, "", "X-Rate-Limit-Retry-After-Seconds", "2"),
			say(200, `{"total":1,"data":[{"lens_id":"1","jurisdiction":"CN","doc_number":"`+p+`","kind":"B","date_published":"2023-01-17","biblio":{"application_reference":{"jurisdiction":"CN","doc_number":"`+a+`","kind":"A","date":"2021-03-12"},"parties":{"owners_all":[{"extracted_name":{"value":"丙公司"}}]}},"legal_status":{"patent_status":"INACTIVE"}}]}`))
		w.on("/basic-patent-data/bibliography", say(200, `{"status":true,"error_code":0,"data":[{"pn":"CN`+p+`B","bibliographic_data":{"publication_reference":{"country":"CN","doc_number":"`+p+`","kind":"B","date":20230117},"application_reference":{"country":"CN","doc_number":"`+application(a)[2:]+`","date":20210311},"parties":{"assignees":[{"name":"丁公司"}]}}}]}`))
		w.on("/advanced-patent-data/legal-data", say(200, `{"status":false,"error_code":68300005,"error_msg":"no"}`))
		w.on("/basic-patent-data/claim-data", say(200, `{"status":true,"data":[{"pn":"CN`+p+`B","pn_related":"US9A","claims":[{"claim_text":"<div>1. other</div>"}]}]}`))
		w.on("/own", say(200, `{"patents":[{"number":"`+application(a)+`","owners":["丁公司"],"paid_through_year":4,"ipc":["F04D 29/22"],"events":[{"code":"PE01","effective":"2024-02-01","registration":"Y2024980000001","party":"戊银行"}]}]}`))
		s, _ := open(w, func(c *connect.Config) {
			c.LensURL, c.LensToken, c.PatsnapURL, c.PatsnapKey, c.HTTPURL, c.HTTPKey = w.URL, "t", w.URL, "k", w.URL+"/own?n={number}", "h"
		})
		rep := get(s, application(a))
		for _, o := range rep.Results[0].Outcomes {
			if !o.Found {
				t.Errorf("%+v", o)
			}
		}
		d, err := dossier.Read(ctx, db, "default", must(patent.ParseNumber(application(a))), patent.PledgeFacts{}, calendar.InChina(day), calendar.Shipped())
		if err != nil || len(d.Owners) != 1 || d.Owners[0] != "丁公司" || d.Term.Filing.String() != "2021-03-11" || d.State.Pledged != patent.Yes || len(d.Disagreements) != 2 {
			t.Errorf("%v %+v", err, d)
		}
		if got, err := db.Patent(ctx, application(a)); err != nil || got.Claims != "" || got.PaidThroughYear == nil || *got.PaidThroughYear != 4 {
			t.Errorf("claims of another: %+v %v", got, err)
		}
	})

	t.Run("a folder, a design and what is unpublished", func(t *testing.T) {
		w := newWorld(t)
		dir := t.TempDir()
		a, p := serial()
		body := "申请号,申请日,公开(公告)号,公开类型,名称,当前专利权人,权项数,独权数,有效性\n" + application(a) + ",2021.03.11,CN" + p + "B,发明授权,一种泵,己公司,9,2,有效\n"
		if err := os.WriteFile(filepath.Join(dir, "list.csv"), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		s, _ := open(w, func(c *connect.Config) { c.Folder = dir })
		secret, _ := serial()
		if err := db.MergePatents(ctx, []store.Patent{{Number: application(secret), Title: "未公开", Confidential: true, Source: "x"}}, 0, nil); err != nil {
			t.Fatal(err)
		}
		rep := get(s, application(a), application("202130567899"), application(secret))
		if rep.Results[0].State != "found" || rep.Results[0].Title != "一种泵" || rep.Results[1].Outcomes[0].Code != "design.not_covered" || rep.Results[2].Code != "patent.confidential" {
			t.Errorf("%+v", rep)
		}
		if strings.Contains(fmt.Sprint(w.calls), secret) {
			t.Error("an unpublished number left")
		}
	})

	t.Run("off, and hosts that nobody allowed", func(t *testing.T) {
		s, err := New(db, svc, nil, connect.Config{}, time.Now, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Get(t.Context(), officer, []string{"CN116012345B"}, Options{}); fault.Public(err).Code != "source.none" {
			t.Errorf("%v", err)
		}
		if _, err := New(db, svc, nil, connect.Config{OPSURL: "https://ops.epo.org/3.2", OPSKey: "k:s"}, time.Now, nil); fault.Public(err).Code != "source.host" {
			t.Errorf("%v", err)
		}
	})
}

func must(n patent.Number, err error) patent.Number {
	if err != nil {
		panic(err)
	}
	return n
}
