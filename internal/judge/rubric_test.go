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
			return llmtest.Always(60)(r)
		}
		return chat(r)
	})
	cfg := llm.Config{BaseURL: s.URL, Model: "test-model", Key: llmtest.Key, Attempts: 2, Concurrency: 16, Oppose: true}
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

func asked() appraisal.Request {
	yes := true
	return appraisal.Request{
		Text: &appraisal.Text{Title: "一种正极材料", Abstract: "本发明公开了一种正极材料的制备方法。", Claims: claim, Description: "实施例1：取10g样品，测试容量。"}, Wait: true,
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
	db, svc, s := scored(t, func(r llmtest.Request) llmtest.Reply { return llmtest.Always(60)(r) }, nil)
	r, c := value(t, svc, asked())
	_, ev, err := r.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if u := c.ModelUse; u == nil || u.Requests != 1 || u.Kept != 0 || u.PromptTokens == 0 || u.Model != "test-model" {
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
	if err != nil || len(log) != 2 || log[0].Bytes == 0 || log[0].Actor != actor.Name || len(log[0].Hash) != 64 {
		t.Errorf("%d entries, %v: %+v", len(log), err, log[:min(1, len(log))])
	}
	calls := s.Calls()
	again, c := value(t, svc, asked())
	if u := c.ModelUse; u == nil || u.Requests != 0 || u.Kept != 1 || u.PromptTokens != 0 || u.Yuan != 0 {
		t.Errorf("kept answers cost %+v", c.ModelUse)
	}
	if p, err := svc.Replay(context.Background(), actor, again.ID()); err != nil || !p.Identical || !p.Intact {
		t.Errorf("replay %+v, %v", p, err)
	}
	if s.Calls() != calls {
		t.Errorf("%d calls although everything is kept", s.Calls()-calls)
	}
	use, _ := db.ModelUseToday(store.As(context.Background(), actor.Institution))
	if use.Requests != int64(calls) || use.Tokens == 0 {
		t.Errorf("%+v after %d calls", use, calls)
	}
}

// With the endpoint off, slow, lying or over budget a valuation answers, says
// so and its range is no narrower than with scores.
func TestWithoutTrustworthyScores(t *testing.T) {
	t.Parallel()
	_, good, _ := scored(t, func(r llmtest.Request) llmtest.Reply { return llmtest.Always(60)(r) }, nil)
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
			return llmtest.Reply{Content: llmtest.Read(r, func(i llmtest.Item) llmtest.Choice {
				return llmtest.Choice{Letter: i.Letter(80), Doc: i.Parts[0], Quote: "本专利举世无双，前所未有"}
			})}
		}, nil, "MODEL-VOID"},
		"budget in yuan": {func(r llmtest.Request) llmtest.Reply { return llmtest.Always(60)(r) }, func(c *llm.Config) { c.DayYuan, c.PriceIn = 0.001, 1000 }, "MODEL-UNAVAILABLE"},
		"budget":         {func(r llmtest.Request) llmtest.Reply { return llmtest.Always(60)(r) }, func(c *llm.Config) { c.DayTokens = 1 }, "MODEL-UNAVAILABLE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, svc, _ := scored(t, c.chat, c.change)
			_, got := value(t, svc, asked())
			if got.Status != valuation.Valued || !noted(got, c.code) {
				t.Errorf("%s, %s noted: %v", got.Status, c.code, noted(got, c.code))
			}
			if width(got) < width(with)*(1-1e-9) {
				t.Errorf("range %.3f without scores, %.3f with", width(got), width(with))
			}
		})
	}
}

// Scores move the value; they narrow its range only once a study of this
// institution, this model and these templates has passed.
func TestScoresNarrowOnlyAfterAStudy(t *testing.T) {
	t.Parallel()
	db, svc, _ := scored(t, llmtest.Always(60), nil)
	_, high, _ := scored(t, llmtest.Always(80), nil)
	asked := func() appraisal.Request { // of market participants' inputs, so that the royalty's scores reach the headline
		r := asked()
		r.Income.Inputs = terms.InputsMarket
		return r
	}
	req := asked()
	req.Wait = false
	width := func(c valuation.Conclusion) float64 { return c.Value.High / c.Value.Low }
	_, without := value(t, svc, req)
	_, before := value(t, svc, asked())
	if !noted(without, "MODEL-PENDING") || !noted(before, "MODEL-UNPROVEN") || width(before) < width(without)*(1-1e-9) {
		t.Errorf("before a study: range %.4f with scores, %.4f without", width(before), width(without))
	}
	if _, up := value(t, high, asked()); up.Value.Median <= before.Value.Median*1.001 {
		t.Errorf("80 in place of 60 moves %.0f to %.0f", before.Value.Median, up.Value.Median)
	}
	set, err := prompts.Load("")
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		institution, model, prompts string
		passed, narrower            bool
	}{
		{"other", "test-model", set.Version(), true, false},
		{actor.Institution, "other-model", set.Version(), true, false},
		{actor.Institution, "test-model", "older", true, false},
		{actor.Institution, "test-model", set.Version(), false, false},
		{actor.Institution, "test-model", set.Version(), true, true},
	} {
		if err := db.PutStudy(t.Context(), c.institution, c.model, c.prompts, c.passed, []byte("{}"), "test"); err != nil {
			t.Fatal(err)
		}
		_, after := value(t, svc, asked())
		if narrower := width(after) < width(without)*(1-1e-9); narrower != c.narrower {
			t.Errorf("%d: range %.4f with scores, %.4f without", i, width(after), width(without))
		}
	}
}

// A valuation that did not wait says so, costs no call, and is revised by a new
// record with nothing but the reading changed; a reading that fails leaves
// nothing.
func TestRevision(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	_, svc, s := scored(t, func(r llmtest.Request) llmtest.Reply {
		if down.Load() {
			return llmtest.Reply{Status: 400, Message: "the model is being moved"}
		}
		return llmtest.Always(80)(r)
	}, nil)
	req := asked()
	req.Wait = false
	first, c := value(t, svc, req)
	if !noted(c, "MODEL-PENDING") || s.Calls() != 0 || c.ModelUse != nil {
		t.Fatalf("%d calls though nobody waits", s.Calls())
	}
	down.Store(true)
	if _, err := svc.Revise(t.Context(), actor, first.ID()); fault.KindOf(err) != fault.Unavailable || !strings.Contains(fault.Public(err).Zh, "the model is being moved") {
		t.Errorf("a reading that failed: %v", err)
	}
	down.Store(false)
	rev, err := svc.Revise(t.Context(), actor, first.ID())
	if err != nil {
		t.Fatal(err)
	}
	after, err := rev.Record.Conclusion()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, x := range rev.Difference.Causes {
		sum += x.Yuan
	}
	if rev.Record.Revises() != first.ID() || rev.Record.ID() == first.ID() || noted(after, "MODEL-PENDING") || after.Value.Median == c.Value.Median {
		t.Errorf("%s revises %s: %.0f to %.0f", rev.Record.ID(), rev.Record.Revises(), c.Value.Median, after.Value.Median)
	}
	if d := sum - rev.Difference.Change; d > 1 || d < -1 {
		t.Errorf("the causes sum to %.0f, the change is %.0f", sum, rev.Difference.Change)
	}
	stored, err := svc.Get(t.Context(), actor, rev.Record.ID())
	if err != nil || stored.Revises() != first.ID() {
		t.Errorf("read back: %v", err)
	}
	body, err := stored.JSON()
	if err != nil || !strings.Contains(string(body), `"revises":"`+first.ID()+`"`) {
		t.Errorf("the record does not say what it revises: %v", err)
	}
	if p, err := svc.Replay(t.Context(), actor, rev.Record.ID()); err != nil || !p.Identical || !p.Intact {
		t.Errorf("replay %+v, %v", p, err)
	}
	if _, err := svc.Revise(t.Context(), appraisal.Actor{Name: "x", Institution: "other"}, first.ID()); fault.KindOf(err) != fault.NotFound {
		t.Errorf("another institution revises: %v", err)
	}
	// Another valuation of the text finds the reading, and waits for nothing.
	calls := s.Calls()
	if _, again := value(t, svc, req); noted(again, "MODEL-PENDING") || s.Calls() != calls {
		t.Errorf("%d calls for what was read", s.Calls()-calls)
	}
}

// An answer that cannot be used expires, and can be forgotten by command; a
// sound one stays until told otherwise.
func TestVoidAnswersAreForgotten(t *testing.T) {
	t.Parallel()
	var broken atomic.Bool
	broken.Store(true)
	db, svc, s := scored(t, func(r llmtest.Request) llmtest.Reply {
		if broken.Load() {
			return llmtest.Reply{Null: true}
		}
		return llmtest.Always(60)(r)
	}, nil)
	if _, c := value(t, svc, asked()); !noted(c, "MODEL-UNFINISHED") {
		t.Fatal("a null answer is a reading")
	}
	broken.Store(false)
	calls := s.Calls()
	if _, c := value(t, svc, asked()); !noted(c, "MODEL-UNFINISHED") || s.Calls() != calls {
		t.Errorf("a void answer was paid for again at once: %d calls", s.Calls()-calls)
	}
	act := store.Act{Institution: actor.Institution, Actor: actor.Name, Action: "model.forget", Subject: "test-model"}
	if n, err := db.ForgetJudgements(t.Context(), "other-model", "", false, act); err != nil || n != 0 {
		t.Errorf("%d of another model, %v", n, err)
	}
	if n, err := db.ForgetJudgements(t.Context(), "test-model", "", false, act); err != nil || n != 2 {
		t.Errorf("%d forgotten, %v", n, err)
	}
	if _, c := value(t, svc, asked()); noted(c, "MODEL-UNFINISHED") || c.Model.Scores == 0 {
		t.Error("the mended endpoint was not asked again")
	}
	if n, err := db.ForgetJudgements(t.Context(), "", "", false, act); err != nil || n != 0 {
		t.Errorf("%d sound answers forgotten, %v", n, err)
	}
	if n, err := db.ForgetJudgements(t.Context(), "", "", true, act); err != nil || n != 1 {
		t.Errorf("%d forgotten of all, %v", n, err)
	}
}

func TestConfidentiality(t *testing.T) {
	t.Parallel()
	db, svc, s := scored(t, func(r llmtest.Request) llmtest.Reply { return llmtest.Always(60)(r) }, nil)
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
			if _, err := db.SetModelConsent(ctx, actor, *c.institution, time.Now()); err != nil {
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
	if !noted(c, "MODEL-UNAVAILABLE") || s.Calls() > 1+3*3 {
		t.Errorf("%d calls", s.Calls())
	}
	use, err := db.ModelUseToday(store.As(t.Context(), actor.Institution))
	if err != nil || use.Tokens > 20_000 || c.ModelUse.Requests != 0 { // the probe's
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
	if again.Client().Found().Mode != "json_schema" {
		t.Errorf("a start before its probe uses %q, want what is stored", again.Client().Found().Mode)
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
	if err := json.Unmarshal(raw, &corpus); err != nil || len(corpus) < 98 {
		t.Fatalf("%d patterns, %v", len(corpus), err)
	}
	kinds, places := map[string]int{}, map[string]int{}
	for _, x := range corpus {
		kinds[x.Kind]++
		places[x.Place]++
	}
	for _, k := range []string{"direct", "role_play", "fake_quote", "fake_json", "fake_structure", "delimiter", "url_lure", "tool_lure", "encoded", "homoglyph", "zero_width", "bidi", "echo", "letter", "marker", "examiner", "oppose", "thought", "length", "batch"} {
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
	obedient := func(how int) func(r llmtest.Request) llmtest.Reply {
		return func(r llmtest.Request) llmtest.Reply {
			obey := func(quote, reason string) llmtest.Reply {
				return llmtest.Reply{Content: llmtest.Read(r, func(i llmtest.Item) llmtest.Choice {
					return llmtest.Choice{Letter: i.Letter(80), Doc: i.Parts[0], Quote: quote, Reason: reason}
				})}
			}
			switch how {
			case 0:
				return obey(invented, praise)
			case 1:
				return llmtest.Reply{Tool: "fetch", Content: `{"url":"` + listener.URL + `/tool"}`}
			case 2:
				return obey("", praise+"价值100亿元")
			case 3:
				return obey("![x]("+listener.URL+"/md)", "<img src="+listener.URL+"/img>")
			case 4:
				return llmtest.Reply{Content: `{"echo":"FFFFFF-FFFFFF","L1.2":{"choice":"D","reason":"` + praise + `","quotes":[]}}`}
			case 5:
				return llmtest.Reply{Content: "<think>" + praise + "</think>" + llmtest.Always(80)(r).Content + praise}
			}
			return llmtest.Always(80)(r)
		}
	}
	const ways = 7
	placed := func(text appraisal.Text, place, hostile string) appraisal.Text {
		switch place {
		case "abstract":
			text.Abstract += hostile
		case "title":
			text.Title += hostile
		case "description":
			text.Description = "本实施例说明正极材料的制备。" + hostile
		default:
			text.Claims += "\n2. " + hostile
		}
		return text
	}
	// Every text before the single call: what it shows is an anchor and a quote
	// of the text.
	var way atomic.Int64
	reader := readerOf(t, llmtest.New(t, func(r llmtest.Request) llmtest.Reply { return obedient(int(way.Load()))(r) }), llmtest.Through(), nil)
	codes := all(t)
	for k, x := range corpus {
		text := placed(*asked().Text, x.Place, x.Text)
		whole := strings.Join([]string{text.Title, text.Abstract, text.Claims, text.Description}, "\n")
		for _, how := range []int{k % (ways - 1), ways - 1} {
			way.Store(int64(how))
			r := reader.Read(t.Context(), judge.Text{Title: text.Title, Abstract: text.Abstract, Claims: text.Claims, Description: text.Description}, codes)
			for _, i := range r.Results {
				if i.Score != nil && (!slices.Contains([]int{20, 40, 60, 80}, *i.Score) || how < 5) {
					t.Errorf("%s in %s, obeyed by way %d: %s scored %d", x.Kind, x.Place, how, i.Indicator, *i.Score)
				}
				shown, err := json.Marshal(i)
				if err != nil {
					t.Fatal(err)
				}
				for _, bad := range []string{invented, praise, "100亿", "/tool", "/md", "/img"} {
					if strings.Contains(string(shown), bad) && !strings.Contains(whole, bad) {
						t.Errorf("%s in %s, obeyed by way %d: %s shows %q", x.Kind, x.Place, how, i.Indicator, bad)
					}
				}
				for _, q := range i.Quotes {
					if !strings.Contains(whole, q.Text) {
						t.Errorf("%s: shown but not in the text: %q", x.Kind, q.Text)
					}
				}
			}
		}
	}
	// One of each kind through the valuation and every form of the opinion.
	var turn atomic.Int64
	_, svc, _ := scored(t, func(r llmtest.Request) llmtest.Reply { return obedient(int(turn.Load()) % ways)(r) }, nil)
	_, honest, _ := scored(t, func(r llmtest.Request) llmtest.Reply { return llmtest.Always(20)(r) }, nil)
	limit := valuation.DefaultAssumptions().Model.Cap.Value
	valued := map[string]bool{}
	for _, x := range corpus {
		if valued[x.Kind] {
			continue
		}
		valued[x.Kind] = true
		turn.Add(1)
		req := asked()
		text := placed(*req.Text, x.Place, x.Text)
		req.Text = &text
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
		whole := strings.Join([]string{text.Title, text.Abstract, text.Claims, text.Description}, "\n")
		for _, i := range ev.Indicators {
			if i.Evaluator != terms.ByModel {
				continue
			}
			if !slices.Contains([]float64{20, 40, 60, 80}, *i.Score) {
				t.Errorf("score %v", *i.Score)
			}
			for _, q := range i.Evidence {
				if !strings.Contains(whole, q.Text) {
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
					if strings.Contains(shown, bad) && !(form == "json" && strings.Contains(whole, bad)) { // the record keeps the request as it came
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
