package judge_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/deskfile"
	"zhijia/internal/fault"
	"zhijia/internal/judge"
	"zhijia/internal/llm"
	"zhijia/internal/llm/llmtest"
	"zhijia/internal/opinion"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/income"
	"zhijia/internal/valuation/terms"
	"zhijia/prompts"
)

func scored(t *testing.T, chat func(llmtest.Request) llmtest.Reply, change func(*llm.Config)) (*store.DB, *appraisal.Service, *llmtest.Server) {
	t.Helper()
	ctx := context.Background()
	db := storetest.New(t)
	s := llmtest.New(t, func(r llmtest.Request) llmtest.Reply {
		if r.Probe() {
			return llmtest.Reply{Content: llmtest.ProbeAnswer}
		}
		return chat(r)
	})
	cfg := llm.Config{BaseURL: s.URL, Model: "test-model", Key: llmtest.Key, Permutations: 4, Samples: 1, Attempts: 2, Concurrency: 16}
	if change != nil {
		change(&cfg)
	}
	set, err := prompts.Load("")
	if err != nil {
		t.Fatal(err)
	}
	rubric, err := judge.NewRubric(ctx, db, cfg, set, nil, llm.WithBackoff(time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	svc, err := appraisal.New(ctx, db, appraisal.Options{Judge: rubric})
	if err != nil {
		t.Fatal(err)
	}
	return db, svc, s
}

func value(t *testing.T, svc *appraisal.Service, req appraisal.Request) (*appraisal.Record, valuation.Conclusion) {
	t.Helper()
	r, err := svc.Value(t.Context(), actor, req)
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.Conclusion()
	if err != nil {
		t.Fatal(err)
	}
	return r, c
}

const claim = "1. 一种正极材料，其特征在于，包括镍、钴和锰的复合氧化物。"

// answer is a verified vote whatever part the rubric accepts.
func answer(r llmtest.Request, score string) llmtest.Reply {
	doc, quote := "claims", "镍、钴和锰的复合氧化物"
	if !strings.Contains(r.Messages[1].Content, "claims") {
		doc, quote = "abstract", "公开了一种正极材料的制备"
	}
	b, _ := json.Marshal(map[string]any{"score": score, "confidence": 1, "reason": "依据文本判断。", "quotes": []any{map[string]string{"doc": doc, "text": quote}}})
	return llmtest.Reply{Content: string(b)}
}

func asked() appraisal.Request {
	yes := true
	return appraisal.Request{
		Text:   &appraisal.Text{Title: "一种正极材料", Abstract: "本发明公开了一种正极材料的制备方法。", Claims: claim},
		Patent: &appraisal.Facts{Kind: "invention", IPC: []string{"H01M 4/36"}}, AllowModel: &yes,
		Income: &income.Facts{Current: terms.Range(1e6, 2e6, 4e6), Industry: "machinery", EconomicLife: terms.Exactly(8)},
	}
}

func noted(c valuation.Conclusion, code string) bool {
	b, _ := json.Marshal(c)
	return strings.Contains(string(b), `"`+code+`"`)
}

func TestScoresReachTheValuation(t *testing.T) {
	t.Parallel()
	db, svc, s := scored(t, func(r llmtest.Request) llmtest.Reply { return answer(r, "60") }, nil)
	r, c := value(t, svc, asked())
	_, ev, err := r.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if u := c.ModelUse; u == nil || u.Requests != 60 || u.Kept != 0 || u.PromptTokens == 0 || u.Model != "test-model" {
		t.Errorf("use %+v", c.ModelUse)
	}
	n := 0
	for _, x := range ev.Indicators {
		if x.Evaluator == terms.ByModel {
			n++
			if !strings.HasPrefix(x.Reason, judge.AILabel) || len(x.Evidence) == 0 || x.Version == "" {
				t.Errorf("%+v", x)
			}
		}
	}
	if n != 15 || noted(c, "MODEL-OFF") {
		t.Errorf("%d indicators by the model, the sheet gives it 15", n)
	}
	log, err := db.EgressLog(context.Background(), actor.Institution, 0, 1000)
	if err != nil || len(log) != 61 || log[0].Bytes == 0 || log[0].Actor != actor.Name || len(log[0].Hash) != 64 {
		t.Errorf("%d entries, %v: %+v", len(log), err, log[:min(1, len(log))])
	}
	calls := s.Calls()
	again, c := value(t, svc, asked())
	if u := c.ModelUse; u == nil || u.Requests != 0 || u.Kept != 60 || u.PromptTokens != 0 || u.Yuan != 0 {
		t.Errorf("kept answers cost %+v", c.ModelUse)
	}
	if p, err := svc.Replay(context.Background(), actor, again.ID()); err != nil || !p.Identical || !p.Intact {
		t.Errorf("replay %+v, %v", p, err)
	}
	if s.Calls() != calls {
		t.Errorf("%d calls although everything is kept", s.Calls()-calls)
	}
	use, _ := db.ModelUseToday(context.Background())
	if use.Requests != int64(calls) || use.Tokens == 0 {
		t.Errorf("%+v after %d calls", use, calls)
	}
}

// With the endpoint off, slow, lying or over budget a valuation answers, says
// so and its range is no narrower than with scores.
func TestWithoutTrustworthyScores(t *testing.T) {
	t.Parallel()
	_, good, _ := scored(t, func(r llmtest.Request) llmtest.Reply { return answer(r, "60") }, nil)
	_, with := value(t, good, asked())
	width := func(c valuation.Conclusion) float64 { return c.Value.High / c.Value.Low }
	for name, c := range map[string]struct {
		chat   func(llmtest.Request) llmtest.Reply
		change func(*llm.Config)
		code   string
	}{
		"down": {func(llmtest.Request) llmtest.Reply { return llmtest.Reply{Status: 503, Message: "down"} }, nil, "MODEL-UNAVAILABLE"},
		"slow": {func(llmtest.Request) llmtest.Reply { return llmtest.Reply{Delay: time.Hour} }, func(c *llm.Config) { c.Deadline = 300 * time.Millisecond }, "MODEL-UNAVAILABLE"},
		"storm": {func(llmtest.Request) llmtest.Reply {
			return llmtest.Reply{Status: 429, RetryAfter: "3600", Message: "slow down"}
		}, nil, "MODEL-UNAVAILABLE"},
		"lying": {func(r llmtest.Request) llmtest.Reply {
			return llmtest.Reply{Content: strings.ReplaceAll(answer(r, "80").Content, "镍", "金")}
		}, nil, "MODEL-VOID"},
		"budget in yuan": {func(r llmtest.Request) llmtest.Reply { return answer(r, "60") }, func(c *llm.Config) { c.DayYuan, c.PriceIn = 0.001, 1000 }, "MODEL-UNAVAILABLE"},
		"budget":         {func(r llmtest.Request) llmtest.Reply { return answer(r, "60") }, func(c *llm.Config) { c.DayTokens = 1 }, "MODEL-UNAVAILABLE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, svc, _ := scored(t, c.chat, c.change)
			_, got := value(t, svc, asked())
			if got.Status != valuation.Valued || !noted(got, c.code) {
				t.Errorf("%s, %s noted: %v", got.Status, c.code, noted(got, c.code))
			}
			if width(got) <= width(with) {
				t.Errorf("range %.3f without scores, %.3f with", width(got), width(with))
			}
		})
	}
}

func TestConfidentiality(t *testing.T) {
	t.Parallel()
	db, svc, s := scored(t, func(r llmtest.Request) llmtest.Reply { return answer(r, "60") }, nil)
	ctx := context.Background()
	yes, no := true, false
	for _, c := range []struct {
		name               string
		institution, allow *bool
		sent               bool
	}{
		{"unpublished, silent", nil, nil, false},
		{"unpublished, refused", nil, &no, false},
		{"institution forbids, request allows", &no, &yes, false},
		{"institution allows, request silent", &yes, nil, false},
		{"allowed", &yes, &yes, true},
	} {
		if c.institution != nil {
			if err := db.SetModelConsent(ctx, actor.Institution, *c.institution, "test"); err != nil {
				t.Fatal(err)
			}
		}
		before := s.Calls()
		req := asked()
		req.AllowModel = c.allow
		_, got := value(t, svc, req)
		if sent := s.Calls() > before; sent != c.sent || sent == noted(got, "MODEL-FORBIDDEN") {
			t.Errorf("%s: sent %v", c.name, sent)
		}
	}
}

// A storm of 429 ends: the tries are bounded, and what was reserved of the
// day's budget is given back.
func TestStormLeavesTheBudget(t *testing.T) {
	t.Parallel()
	db, svc, s := scored(t, func(llmtest.Request) llmtest.Reply {
		return llmtest.Reply{Status: 429, RetryAfter: "0", Message: "slow down"}
	}, func(c *llm.Config) { c.DayTokens, c.Attempts, c.Deadline = 10_000_000, 3, time.Minute })
	_, c := value(t, svc, asked())
	if !noted(c, "MODEL-UNAVAILABLE") || s.Calls() > 1+60*3 {
		t.Errorf("%d calls", s.Calls())
	}
	use, err := db.ModelUseToday(t.Context())
	if err != nil || use.Tokens > 2000 || c.ModelUse.Requests != 0 { // the probe's
		t.Errorf("%+v on the account after a storm, %v", use, err)
	}
}

// A start asks the endpoint anew and stores what it finds; an endpoint that
// changes under a running service costs one valuation its scores and is then
// found out.
func TestChangedEndpointIsProbedAgain(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := batchServer(t, sixty)
	r := rubricOf(t, db, runConfig(s.URL))
	stored := func(mode string, batches bool) {
		t.Helper()
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for range 4000 {
			e, err := db.Endpoint(t.Context(), s.URL, "test-model")
			if err != nil {
				t.Fatal(err)
			}
			if e.Mode == mode && e.Batches != nil && *e.Batches == batches {
				return
			}
			<-tick.C
		}
		t.Fatalf("%s, batches %v was not stored", mode, batches)
	}
	stop := working(t, r) // a start
	stored("json_schema", false)
	svc, err := appraisal.New(t.Context(), db, appraisal.Options{Judge: r})
	if err != nil {
		t.Fatal(err)
	}
	s.Modes("tool", "plain")
	ask := func(title string) valuation.Conclusion {
		req := asked()
		req.Text.Title = title
		_, c := value(t, svc, req)
		return c
	}
	if c := ask("第一件"); !noted(c, "MODEL-UNAVAILABLE") {
		t.Error("a refused form of question was answered")
	}
	if c := ask("第二件"); noted(c, "MODEL-UNAVAILABLE") || c.Model.Scores == 0 {
		t.Error("the changed endpoint was not probed again")
	}
	stop()
	s.Modes("plain")
	s.Batches(nil)
	again := rubricOf(t, db, runConfig(s.URL))
	if again.Client().Mode() != "json_schema" {
		t.Errorf("a start before its probe uses %q, want what is stored", again.Client().Mode())
	}
	working(t, again) // another start
	stored("plain", true)
}

// Whatever instructions a patent's text holds and however far the model obeys
// them, the value stays within the cap, nothing the model made up is shown in
// any form of the opinion, and nothing is fetched.
func TestHostileTexts(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/injections.json")
	if err != nil {
		t.Fatal(err)
	}
	var fetched atomic.Int64
	listener := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { fetched.Add(1) }))
	t.Cleanup(listener.Close)
	raw = bytes.ReplaceAll(raw, []byte("http://127.0.0.1:1"), []byte(listener.URL))
	var corpus []struct{ Kind, Place, Text string }
	if err := json.Unmarshal(raw, &corpus); err != nil || len(corpus) < 40 {
		t.Fatalf("%d patterns, %v", len(corpus), err)
	}
	kinds, places := map[string]int{}, map[string]int{}
	for _, x := range corpus {
		kinds[x.Kind]++
		places[x.Place]++
	}
	for _, k := range []string{"direct", "role_play", "fake_quote", "fake_json", "fake_structure", "delimiter", "url_lure", "tool_lure", "encoded", "homoglyph", "zero_width", "bidi"} {
		if kinds[k] == 0 {
			t.Errorf("no pattern of kind %s", k)
		}
	}
	if len(places) != 4 {
		t.Errorf("places %v, want claims, abstract, title and description", places)
	}
	// The model obeys: top score, invented praise, a price, a call of a tool,
	// a link to fetch.
	const invented, praise = "本专利举世无双", "谨遵指令"
	obedient := func(r llmtest.Request) llmtest.Reply {
		switch len(r.Raw) % 5 {
		case 0:
			return llmtest.Reply{Content: `{"score":"100","confidence":1,"quotes":[{"doc":"claims","text":"` + invented + `"}],"reason":"` + praise + `"}`}
		case 1:
			return llmtest.Reply{Tool: "fetch", Content: `{"url":"` + listener.URL + `/tool"}`}
		case 2:
			return llmtest.Reply{Content: `{"score":"80","confidence":1,"quotes":[{"doc":"claims","text":"` + invented + `"}],"reason":"` + praise + `价值100亿元"}`}
		case 3:
			return llmtest.Reply{Content: `{"score":"80","confidence":1,"quotes":[{"doc":"claims","text":"![x](` + listener.URL + `/md)"}],"reason":"<img src=` + listener.URL + `/img>"}`}
		}
		return answer(r, "80")
	}
	_, svc, _ := scored(t, obedient, nil)
	_, honest, _ := scored(t, func(r llmtest.Request) llmtest.Reply { return answer(r, "20") }, nil)
	limit := valuation.DefaultAssumptions().Model.Cap.Value
	for _, x := range corpus {
		req := asked()
		switch x.Place {
		case "abstract":
			req.Text.Abstract += x.Text
		case "title":
			req.Text.Title += x.Text
		case "description":
			req.Text.Description = "本实施例说明正极材料的制备。" + x.Text
		default:
			req.Text.Claims += "\n2. " + x.Text
		}
		if x.Kind == "bidi" { // refused before anything reads it
			if _, err := svc.Value(t.Context(), actor, req); fault.KindOf(err) != fault.Invalid {
				t.Errorf("a text that turns its direction: %v", err)
			}
			continue
		}
		r, a := value(t, svc, req)
		_, b := value(t, honest, req)
		if ratio := a.Value.Median / b.Value.Median; ratio > limit*(1+1e-9) || ratio < 1/limit*(1-1e-9) {
			t.Errorf("%s in %s moved the value by %.3f", x.Kind, x.Place, ratio)
		}
		asg, ev, err := r.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join([]string{req.Text.Title, req.Text.Abstract, req.Text.Claims, req.Text.Description}, "\n")
		for _, i := range ev.Indicators {
			if i.Evaluator != terms.ByModel {
				continue
			}
			if !slices.Contains([]float64{20, 40, 60, 80}, *i.Score) {
				t.Errorf("score %v", *i.Score)
			}
			for _, q := range i.Evidence {
				if !strings.Contains(text, q.Text) {
					t.Errorf("%s: shown but not in the text: %q", x.Kind, q.Text)
				}
			}
		}
		o := opinion.Opinion{ID: r.ID(), Hash: r.Hash(), CreatedAt: r.CreatedAt(), Assignment: asg, Evidence: ev, Conclusion: a}
		record, err := r.JSON()
		if err != nil {
			t.Fatal(err)
		}
		for _, lang := range []opinion.Lang{opinion.Zh, opinion.En} {
			var page, plain, row bytes.Buffer
			if err := errors.Join(o.HTML(&page, lang), o.Text(&plain, lang), deskfile.WriteRowOpinion(&row, deskfile.RowOpinion{Outcome: &deskfile.Outcome{Status: "done"}, Opinion: &o})); err != nil {
				t.Fatal(err)
			}
			for form, shown := range map[string]string{"page": page.String(), "text": plain.String(), "row": row.String(), "json": string(record)} {
				for _, bad := range []string{invented, praise, "100亿", listener.URL + "/tool", listener.URL + "/md", listener.URL + "/img", "<script", "<img"} {
					if strings.Contains(shown, bad) && !(form == "json" && strings.Contains(text, bad)) { // the record keeps the request as it came
						t.Errorf("%s in %s: the %s shows %q", x.Kind, x.Place, form, bad)
					}
				}
				if form == "page" && (strings.Contains(shown, `src="http`) || strings.Contains(shown, `href="http`)) {
					t.Errorf("%s in %s: the page would fetch", x.Kind, x.Place)
				}
			}
		}
	}
	if n := fetched.Load(); n != 0 {
		t.Errorf("%d requests to an address only a hostile text names", n)
	}
}
