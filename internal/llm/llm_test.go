package llm_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"zhijia/internal/fault"
	"zhijia/internal/llm"
	"zhijia/internal/llm/llmtest"
	"zhijia/prompts"
)

var subject = llm.Patent{
	Number:   "201310543019.6",
	Title:    "一种锂离子电池三元正极材料及其制备方法",
	Abstract: "本发明公开了一种三元正极材料，在１０００℃下煅烧１２小时，循环 500 次后容量保持率为 92%。",
	Claims:   "1. 一种三元正极材料，其特征在于，包括：镍、钴和锰。\n2. 根据权利要求1所述的材料，其特征在于，所述镍的摩尔比为 0.8。",
}

const (
	honestQuote  = "包括：镍、钴和锰"
	honestReason = "独立权利要求仅限定镍钴锰组成。"
)

func vote(score any, quote, reason string) string {
	doc := "claims"
	b, _ := json.Marshal(map[string]any{"score": fmt.Sprint(score), "confidence": 0.9, "reason": reason, "quotes": []any{map[string]string{"doc": doc, "text": quote}}})
	return string(b)
}

func rubric(t testing.TB) *prompts.Set {
	t.Helper()
	set, err := prompts.Load("")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func config(s *llmtest.Server) llm.Config {
	return llm.Config{BaseURL: s.URL, Model: "test-model", Key: llmtest.Key, Permutations: 4, Samples: 1, Attempts: 3, RequestTimeout: 5 * time.Second, Deadline: 10 * time.Second}
}

func client(t testing.TB, cfg llm.Config, o ...llm.Option) *llm.Client {
	t.Helper()
	c, err := llm.New(cfg, append([]llm.Option{llm.WithBackoff(time.Millisecond)}, o...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// honest answers every rubric with the same verified vote.
func honest(r llmtest.Request) llmtest.Reply {
	if r.Probe() {
		return llmtest.Reply{Content: llmtest.ProbeAnswer}
	}
	return llmtest.Reply{Content: vote(60, honestQuote, honestReason)}
}

func one(t testing.TB, c *llm.Client, p llm.Patent, code string) llm.Result {
	t.Helper()
	rs, err := c.Score(context.Background(), rubric(t), p, []string{code})
	if err != nil {
		t.Fatal(err)
	}
	return rs[0]
}

func TestHonestScore(t *testing.T) {
	t.Parallel()
	s := llmtest.New(t, honest)
	r := one(t, client(t, config(s)), subject, "L2.1")
	if r.Score == nil || *r.Score != 60 || r.Dispersion != 0 || r.Confidence != 1 || len(r.Votes) != 4 {
		t.Fatalf("%+v", r)
	}
	q := r.Quotes[0]
	if q.Text != subject.Claims[q.Start:q.End] || q.Claim != 1 || q.Paragraph != 1 {
		t.Errorf("%+v", q)
	}
	if r.Usage.Requests != 4 || r.Usage.Prompt == 0 {
		t.Errorf("usage %+v", r.Usage)
	}
}

// A quote may differ in whitespace, width and punctuation and in nothing else.
func TestQuoteVerification(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		quote, reason, void string
	}{
		"literal":              {honestQuote, honestReason, ""},
		"width and spaces":     {"包括 :镍,钴 和锰", honestReason, ""},
		"one character wrong":  {"包括：镍、钴和铝", honestReason, llm.VoidQuote},
		"too short to mean":    {"一种", honestReason, llm.VoidQuote},
		"invented":             {"本专利是全球首创的技术", honestReason, llm.VoidQuote},
		"foreign number":       {honestQuote, "容量保持率达到97%。", llm.VoidNumber},
		"number of the text":   {honestQuote, "循环500次后为92%。", ""},
		"full-width number":    {honestQuote, "在1000℃下煅烧。", ""},
		"money":                {honestQuote, "该专利售价应当很高。", llm.VoidMoney},
		"chemistry, not money": {honestQuote, "三元材料的元素组成明确。", ""},
		"yuan":                 {honestQuote, "价值500元。", llm.VoidMoney},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := llmtest.New(t, func(r llmtest.Request) llmtest.Reply {
				if r.Probe() {
					return llmtest.Reply{Content: llmtest.ProbeAnswer}
				}
				return llmtest.Reply{Content: vote(60, c.quote, c.reason)}
			})
			r := one(t, client(t, config(s)), subject, "L2.1")
			if c.void == "" {
				if r.Score == nil {
					t.Fatalf("voided: %v", r.Void)
				}
				return
			}
			if r.Score != nil || r.Void[c.void] != 4 || len(r.Quotes) != 0 || r.Reason != "" {
				t.Errorf("%+v", r)
			}
			for _, v := range r.Votes {
				if len(v.Quotes) != 0 || v.Reason != "" {
					t.Errorf("a void vote shows %+v", v)
				}
			}
		})
	}
}

// What a provider can get wrong voids the vote, is counted, and stops nothing.
func TestBadAnswersAreVoidedOneByOne(t *testing.T) {
	t.Parallel()
	good := vote(60, honestQuote, honestReason)
	for name, c := range map[string]struct {
		reply llmtest.Reply
		void  string
	}{
		"broken json":       {llmtest.Reply{Content: `{"score": "60", `}, llm.VoidJSON},
		"prose around":      {llmtest.Reply{Content: "好的：" + good}, llm.VoidJSON},
		"two objects":       {llmtest.Reply{Content: good + good}, llm.VoidJSON},
		"wrong schema":      {llmtest.Reply{Content: `{"rating": 60}`}, llm.VoidSchema},
		"extra field":       {llmtest.Reply{Content: strings.Replace(good, "{", `{"value_yuan":1,`, 1)}, llm.VoidSchema},
		"score twice":       {llmtest.Reply{Content: strings.Replace(good, `"score":"60"`, `"score":"20","score":"60"`, 1)}, llm.VoidTwice},
		"quotes twice":      {llmtest.Reply{Content: strings.Replace(good, `"doc":"claims"`, `"doc":"title","doc":"claims"`, 1)}, llm.VoidTwice},
		"no confidence":     {llmtest.Reply{Content: strings.Replace(good, `"confidence":0.9,`, "", 1)}, llm.VoidSchema},
		"no reason":         {llmtest.Reply{Content: vote(60, honestQuote, "")}, llm.VoidReason},
		"reason in English": {llmtest.Reply{Content: vote(60, honestQuote, "The claim is broad.")}, llm.VoidReason},
		"off scale":         {llmtest.Reply{Content: vote(100, honestQuote, honestReason)}, llm.VoidScale},
		"between anchors":   {llmtest.Reply{Content: vote(50, honestQuote, honestReason)}, llm.VoidScale},
		"huge":              {llmtest.Reply{Content: vote("1e999", honestQuote, honestReason)}, llm.VoidScale},
		"no quote":          {llmtest.Reply{Content: `{"score":"60","confidence":1,"quotes":[],"reason":"好"}`}, llm.VoidNoQuote},
		"truncated":         {llmtest.Reply{Content: good[:20], Finish: "length"}, llm.VoidAnswer},
		"refusal":           {llmtest.Reply{Refusal: "I cannot help"}, llm.VoidAnswer},
		"unknown tool":      {llmtest.Reply{Tool: "shell", Content: `{"cmd":"id"}`}, llm.VoidAnswer},
		"stalled body":      {llmtest.Reply{Content: good, Stall: true}, llm.VoidCall},
		"broken transport":  {llmtest.Reply{Raw: "<html>"}, llm.VoidCall},
		"server error":      {llmtest.Reply{Status: 500, Message: "down"}, llm.VoidCall},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := llmtest.New(t, func(r llmtest.Request) llmtest.Reply {
				if r.Probe() {
					return llmtest.Reply{Content: llmtest.ProbeAnswer}
				}
				if strings.Contains(r.Messages[1].Content, "评分项：L2.1") {
					return c.reply
				}
				return llmtest.Reply{Content: vote(60, honestQuote, honestReason)}
			})
			cfg := config(s)
			cfg.RequestTimeout = 500 * time.Millisecond // ends a body that stalls
			rs, err := client(t, cfg).Score(context.Background(), rubric(t), subject, []string{"L2.1", "L3.1"})
			if err != nil {
				t.Fatal(err)
			}
			if rs[0].Score != nil || rs[0].Void[c.void] == 0 || rs[0].Unknown == "" {
				t.Errorf("L2.1: %+v", rs[0])
			}
			if c.void != llm.VoidCall && (rs[1].Score == nil || *rs[1].Score != 60) {
				t.Errorf("L3.1 suffered too: %+v", rs[1])
			}
		})
	}
}

// The best mode the endpoint honours is found, also one that ignores what it
// accepts.
func TestProbeLadder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		modes []string
		want  llm.Mode
	}{
		{[]string{"json_schema", "json_object", "tool", "plain"}, llm.JSONSchema},
		{[]string{"json_object", "plain"}, llm.JSONObject},
		{[]string{"tool", "plain"}, llm.ToolCall},
		{[]string{"plain"}, llm.Plain},
	} {
		s := llmtest.New(t, honest)
		s.Modes(c.modes...)
		cl := client(t, config(s))
		got, err := cl.Probe(context.Background())
		if err != nil || got != c.want {
			t.Errorf("%v: %s, %v", c.modes, got, err)
		}
		if r := one(t, cl, subject, "L2.1"); r.Score == nil {
			t.Errorf("%s: %+v", got, r)
		}
	}
	s := llmtest.New(t, func(r llmtest.Request) llmtest.Reply {
		if r.ResponseFormat != nil {
			return llmtest.Reply{Content: "Sure! ok"}
		}
		return honest(r)
	})
	if got, err := client(t, config(s)).Probe(context.Background()); err != nil || got != llm.ToolCall {
		t.Errorf("a server that ignores response_format: %s, %v", got, err)
	}
	s = llmtest.New(t, func(llmtest.Request) llmtest.Reply { return llmtest.Reply{Content: "no"} })
	if _, err := client(t, config(s)).Probe(context.Background()); fault.KindOf(err) != fault.Unsupported {
		t.Errorf("prose only: %v", err)
	}
}

// Temperature 0 and the seed are really sent, and the patent stands in a
// message of its own.
func TestRequestShape(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var seen []llmtest.Request
	s := llmtest.New(t, func(r llmtest.Request) llmtest.Reply {
		mu.Lock()
		defer mu.Unlock()
		if !r.Probe() {
			seen = append(seen, r)
		}
		return honest(r)
	})
	one(t, client(t, config(s)), subject, "L2.1")
	orders := map[string]bool{}
	for _, r := range seen {
		if r.Temperature == nil || *r.Temperature > 1e-6 || r.Seed == nil {
			t.Errorf("temperature %v, seed %v", r.Temperature, r.Seed)
		}
		if len(r.Messages) != 3 || strings.Contains(r.Messages[0].Content+r.Messages[1].Content, "镍、钴") || !strings.Contains(r.Messages[2].Content, subject.Claims) {
			t.Errorf("messages %+v", r.Messages)
		}
		orders[r.Messages[1].Content] = true
	}
	if len(seen) != 4 || len(orders) != 4 {
		t.Errorf("%d requests in %d orders", len(seen), len(orders))
	}
}

// Parameters of the provider are merged into the request, are part of its
// identity, and may not take over what is ours. What is logged is what is
// sent, byte for byte.
func TestExtraParameters(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	sent, keys := map[string]bool{}, map[string]bool{}
	logged := 0
	s := llmtest.New(t, func(r llmtest.Request) llmtest.Reply {
		mu.Lock()
		defer mu.Unlock()
		sum := sha256.Sum256(r.Raw)
		sent[hex.EncodeToString(sum[:])] = true
		if !r.Probe() && strings.Contains(string(r.Raw), `"thinking":{"type":"disabled"}`) != (r.Temperature != nil && strings.Contains(string(r.Raw), "thinking")) {
			t.Errorf("%s", r.Raw)
		}
		return honest(r)
	})
	books := llm.Books{
		Sent: func(_ context.Context, e llm.Egress) error {
			mu.Lock()
			defer mu.Unlock()
			keys[e.Hash] = true
			logged++
			return nil
		},
	}
	for _, extra := range []string{"", `{"thinking":{"type":"disabled"}}`} {
		cfg := config(s)
		cfg.Extra = extra
		if r := one(t, client(t, cfg, llm.WithBooks(books)), subject, "L2.1"); r.Score == nil {
			t.Errorf("%q: %+v", extra, r)
		}
	}
	if !reflect.DeepEqual(sent, keys) || len(sent) != logged || logged != 10 {
		t.Errorf("%d bodies sent, %d logged, %d entries", len(sent), len(keys), logged)
	}
	for _, bad := range []string{"{", "[]", "null", `{"messages":[]}`, `{"n":2}`} {
		cfg := config(s)
		cfg.Extra = bad
		if _, err := llm.New(cfg); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestOrdersAreBalanced(t *testing.T) {
	t.Parallel()
	places := map[string]map[int]int{} // anchor -> place -> times
	s := llmtest.New(t, honest)
	for _, v := range one(t, client(t, config(s)), subject, "L2.1").Votes {
		for place, anchor := range v.Order {
			k := fmt.Sprint(anchor)
			if places[k] == nil {
				places[k] = map[int]int{}
			}
			places[k][place]++
		}
	}
	for a, at := range places {
		if !reflect.DeepEqual(at, map[int]int{0: 1, 1: 1, 2: 1, 3: 1}) {
			t.Errorf("anchor %s stands at %v", a, at)
		}
	}
}

// Median, dispersion and the rules for "cannot tell".
func TestAggregation(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answers []string // by order
		score   int      // 0: unknown
		unknown string
	}{
		"agree":            {[]string{"60", "60", "60", "60"}, 60, ""},
		"one differs":      {[]string{"60", "80", "60", "60"}, 60, ""},
		"even split":       {[]string{"20", "20", "80", "80"}, 20, ""},
		"all differ":       {[]string{"20", "40", "60", "80"}, 0, "dispersed"},
		"two cannot tell":  {[]string{"60", "60", "UNKNOWN", "UNKNOWN"}, 0, "cannot_tell"},
		"two are void":     {[]string{"60", "60", "55", "55"}, 0, "too_few_valid"},
		"nobody can":       {[]string{"UNKNOWN", "UNKNOWN", "UNKNOWN", "UNKNOWN"}, 0, "cannot_tell"},
		"three of four do": {[]string{"40", "40", "40", "UNKNOWN"}, 40, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			n := 0
			s := llmtest.New(t, func(r llmtest.Request) llmtest.Reply {
				if r.Probe() {
					return honest(r)
				}
				mu.Lock()
				defer mu.Unlock()
				n++
				return llmtest.Reply{Content: vote(c.answers[n-1], honestQuote, honestReason)}
			})
			r := one(t, client(t, config(s)), subject, "L2.1")
			got := 0
			if r.Score != nil {
				got = *r.Score
			}
			if got != c.score || r.Unknown != c.unknown {
				t.Errorf("score %d %q, want %d %q", got, r.Unknown, c.score, c.unknown)
			}
		})
	}
}

// Evidence for the other side that stands in the text makes the score unknown.
func TestCrossExamination(t *testing.T) {
	t.Parallel()
	for against, want := range map[int]bool{60: true, 80: true, 20: false} {
		s := llmtest.New(t, func(r llmtest.Request) llmtest.Reply {
			if !r.Probe() && strings.Contains(r.Messages[1].Content, "反方") {
				return llmtest.Reply{Content: vote(against, honestQuote, honestReason)}
			}
			return honest(r)
		})
		cfg := config(s)
		cfg.Oppose = true
		r := one(t, client(t, cfg), subject, "L2.1")
		if (r.Score != nil) != want || len(r.Votes) != 5 {
			t.Errorf("opposed by %d: %+v", against, r)
		}
	}
}

func TestOrderOfIndicatorsDoesNotMatter(t *testing.T) {
	t.Parallel()
	s := llmtest.New(t, func(r llmtest.Request) llmtest.Reply {
		if r.Probe() {
			return honest(r)
		}
		score := []string{"20", "40", "60", "80"}[len(r.Messages[1].Content)%4]
		return llmtest.Reply{Content: vote(score, honestQuote, honestReason)}
	})
	codes := []string{"L2.1", "L3.1", "T2.2", "L3.2", "T1.1"}
	c := client(t, config(s))
	a, _ := c.Score(context.Background(), rubric(t), subject, codes)
	slices.Reverse(codes)
	b, _ := c.Score(context.Background(), rubric(t), subject, codes)
	slices.Reverse(b)
	if !reflect.DeepEqual(a, b) {
		t.Errorf("%+v\n%+v", a, b)
	}
}

// Claims come first and what does not fit is said.
func TestContextBudget(t *testing.T) {
	t.Parallel()
	s := llmtest.New(t, honest)
	cfg := config(s)
	cfg.ContextLimit = 120
	p := subject
	p.Description = strings.Repeat("说明书内容。", 1000)
	r := one(t, client(t, cfg), p, "L2.1")
	if r.Score == nil || !slices.Contains(r.Cut, "description") || slices.Contains(r.Cut, "claims") {
		t.Errorf("%+v", r)
	}
}

func TestRetriesAndRetryAfter(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	n := 0
	s := llmtest.New(t, func(r llmtest.Request) llmtest.Reply {
		mu.Lock()
		defer mu.Unlock()
		if n++; n%2 == 1 {
			return llmtest.Reply{Status: []int{429, 503}[n/2%2], RetryAfter: "0.001", Message: "slow down"}
		}
		return honest(r)
	})
	cfg := config(s)
	cfg.Concurrency = 1
	if r := one(t, client(t, cfg), subject, "L2.1"); r.Score == nil {
		t.Errorf("%+v", r)
	}
}

// A storm of 429 ends within the deadline: a pause that cannot end in time is
// not begun, and the number of tries is bounded.
func TestStormEndsInTime(t *testing.T) {
	t.Parallel()
	s := llmtest.New(t, func(llmtest.Request) llmtest.Reply {
		return llmtest.Reply{Status: 429, RetryAfter: "3600", Message: "rate limit"}
	})
	cfg := config(s)
	cfg.Mode = llm.JSONSchema
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	rs, err := client(t, cfg).Score(ctx, rubric(t), subject, []string{"L2.1", "L3.1"})
	if err != nil || ctx.Err() != nil {
		t.Fatalf("%v, %v", err, ctx.Err())
	}
	for _, r := range rs {
		if r.Score != nil || r.Unknown != "endpoint" || fault.KindOf(r.Err) != fault.RateLimited {
			t.Errorf("%+v", r)
		}
	}
	if s.Calls() != 8 {
		t.Errorf("%d calls, want one try each", s.Calls())
	}
}

// Rates per minute hold: what cannot be sent in time is not sent, and said to
// be rate-limited.
func TestRatesPerMinute(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]func(*llm.Config){
		"requests": func(c *llm.Config) { c.RPM = 1 },
		"tokens":   func(c *llm.Config) { c.TPM = 12 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := llmtest.New(t, honest)
			cfg := config(s)
			cfg.Mode = llm.JSONSchema
			limit(&cfg)
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			defer cancel()
			rs, err := client(t, cfg).Score(ctx, rubric(t), subject, []string{"L2.1", "L3.1"})
			if err != nil || ctx.Err() != nil {
				t.Fatalf("%v, %v: a wait that cannot end in time was begun", err, ctx.Err())
			}
			void := 0
			for _, r := range rs {
				void += r.Void[llm.VoidCall]
				if kind := fault.KindOf(r.Err); kind != fault.RateLimited && kind != fault.Timeout {
					t.Errorf("%+v", r.Err)
				}
			}
			if s.Calls() != 1 || void != 7 {
				t.Errorf("%d calls, %d not made", s.Calls(), void)
			}
		})
	}
}

func TestBreakerStopsCallingADeadEndpoint(t *testing.T) {
	t.Parallel()
	s := llmtest.New(t, func(llmtest.Request) llmtest.Reply { return llmtest.Reply{Status: 500, Message: "down"} })
	cfg := config(s)
	cfg.Mode, cfg.Concurrency, cfg.Attempts = llm.JSONSchema, 1, 2
	rs, err := client(t, cfg).Score(context.Background(), rubric(t), subject, []string{"L2.1", "L3.1", "T2.2", "T1.1", "T1.2"})
	if err != nil || rs[4].Score != nil {
		t.Fatalf("%v %+v", err, rs[4])
	}
	if n := s.Calls(); n > 10 {
		t.Errorf("%d calls to a dead endpoint", n)
	}
}

// A cancelled request stops the calls, and what was answered before is kept.
func TestCancelLosesNothing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var mu sync.Mutex
	kept := map[string]string{}
	books := llm.Books{
		Find: func(_ context.Context, key string) (string, bool, error) {
			mu.Lock()
			defer mu.Unlock()
			v, ok := kept[key]
			return v, ok, nil
		},
		Keep: func(kctx context.Context, a llm.Answer) error {
			if kctx.Err() != nil {
				return kctx.Err()
			}
			mu.Lock()
			defer mu.Unlock()
			if kept[a.Key] = a.Content; len(kept) == 3 {
				cancel()
			}
			return nil
		},
	}
	var answered int
	s := llmtest.New(t, func(r llmtest.Request) llmtest.Reply {
		mu.Lock()
		defer mu.Unlock()
		if answered++; answered > 3 && ctx.Err() != nil {
			return llmtest.Reply{Delay: time.Hour}
		}
		return honest(r)
	})
	cfg := config(s)
	cfg.Mode, cfg.Concurrency = llm.JSONSchema, 1
	_, err := client(t, cfg, llm.WithBooks(books)).Score(ctx, rubric(t), subject, []string{"L2.1", "L3.1"})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("%v", err)
	}
	before := len(kept)
	if before < 3 || before > 5 {
		t.Errorf("%d answers kept", before)
	}
	mu.Lock()
	answered = -100
	mu.Unlock()
	calls := s.Calls()
	rs, err := client(t, cfg, llm.WithBooks(books)).Score(context.Background(), rubric(t), subject, []string{"L2.1", "L3.1"})
	if err != nil || rs[0].Score == nil || rs[1].Score == nil {
		t.Fatalf("%v %+v", err, rs)
	}
	if again := s.Calls() - calls; again != 8-before {
		t.Errorf("%d calls after %d were kept", again, before)
	}
}

// The key is in no error, whatever the endpoint says.
func TestKeyStaysSecret(t *testing.T) {
	t.Parallel()
	const key = "sk-very-secret-key"
	for _, reply := range []llmtest.Reply{{}, {Status: 500, Message: "bad key " + key}, {Raw: "<html>" + key}} {
		s := llmtest.New(t, func(llmtest.Request) llmtest.Reply { return reply })
		cfg := config(s)
		if cfg.Key = key; reply.Status != 0 || reply.Raw != "" {
			cfg.Key = llmtest.Key
		}
		c := client(t, cfg)
		_, err := c.Probe(context.Background())
		if err == nil || strings.Contains(err.Error(), cfg.Key) || strings.Contains(fmt.Sprintf("%+v %v", c.Config(), err), cfg.Key) {
			t.Errorf("%v", err)
		}
		r := one(t, c, subject, "L2.1")
		if strings.Contains(fmt.Sprintf("%+v %v", r, r.Err), cfg.Key) {
			t.Errorf("%v", r.Err)
		}
	}
}

func TestAllowList(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		url   string
		hosts []string
		want  fault.Kind
	}{
		{"https://api.example.com/v1", nil, fault.Forbidden},
		{"https://api.example.com/v1", []string{"other.example.com"}, fault.Forbidden},
		{"https://api.example.com.evil.net/v1", []string{"api.example.com"}, fault.Forbidden},
		{"https://user:pw@api.example.com/v1", []string{"api.example.com"}, fault.Invalid},
		{"file:///etc/passwd", nil, fault.Invalid},
	} {
		if _, err := llm.New(llm.Config{BaseURL: c.url, Model: "m", AllowedHosts: c.hosts}); fault.KindOf(err) != c.want {
			t.Errorf("%s: %v", c.url, err)
		}
	}
	if _, err := llm.New(llm.Config{BaseURL: "https://api.example.com/v1", Model: "m", AllowedHosts: []string{"API.example.com"}}); err != nil {
		t.Error(err)
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	other := llmtest.New(t, honest)
	s := http.NewServeMux()
	s.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+"/chat/completions", http.StatusTemporaryRedirect)
	})
	srv := newHTTP(t, s)
	cfg := config(other)
	cfg.BaseURL, cfg.Mode = srv+"/v1", llm.JSONSchema
	if r := one(t, client(t, cfg), subject, "L2.1"); r.Score != nil || other.Calls() != 0 {
		t.Errorf("followed: %+v", r)
	}
}

// Egress is written before a text leaves, and a text that cannot be logged
// stays.
func TestEgressComesFirst(t *testing.T) {
	t.Parallel()
	s := llmtest.New(t, honest)
	cfg := config(s)
	cfg.Mode = llm.JSONSchema
	r := one(t, client(t, cfg, llm.WithBooks(llm.Books{Sent: func(context.Context, llm.Egress) error { return errors.New("log is full") }})), subject, "L2.1")
	if r.Score != nil || s.Calls() != 0 {
		t.Errorf("%d calls", s.Calls())
	}
}

func TestEmbeddings(t *testing.T) {
	t.Parallel()
	s := llmtest.New(t, honest)
	cfg := config(s)
	cfg.EmbedModel, cfg.EmbedBatch, cfg.EmbedLimit = "embed", 2, 10
	var mu sync.Mutex
	kept := map[string][]float32{}
	c := client(t, cfg, llm.WithBooks(llm.Books{
		FindVector: func(_ context.Context, space, h string) ([]float32, bool, error) {
			mu.Lock()
			defer mu.Unlock()
			v, ok := kept[space+h]
			return v, ok, nil
		},
		KeepVector: func(_ context.Context, space, h string, v []float32) error {
			mu.Lock()
			defer mu.Unlock()
			kept[space+h] = v
			return nil
		},
	}))
	texts := []string{"甲", "乙", "甲", strings.Repeat("长", 50), "丁"}
	got, err := c.EmbedAll(context.Background(), texts)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range got {
		want := llmtest.Vector(texts[i])
		if i == 3 {
			want = llmtest.Vector(strings.Repeat("长", 10))
		}
		if !slices.Equal(e.Vector, want) || e.Cut != (i == 3) {
			t.Errorf("%d: %+v", i, e)
		}
	}
	calls := s.EmbedCalls()
	if calls != 2 {
		t.Errorf("%d requests for 4 texts in batches of 2", calls)
	}
	if got, err = c.EmbedAll(context.Background(), texts); err != nil || s.EmbedCalls() != calls || !got[4].Cached {
		t.Errorf("again: %v, %d requests", err, s.EmbedCalls()-calls)
	}
	n := 0
	s.Embeddings(func(texts []string) ([][]float32, int) {
		if n++; n == 1 {
			return nil, 429
		}
		return [][]float32{{1, 2}}, 0
	})
	if v, err := c.Embed(context.Background(), []string{"new"}); err != nil || !slices.Equal(v[0], []float32{1, 2}) {
		t.Errorf("after a 429: %v %v", v, err)
	}
	s.Embeddings(func(texts []string) ([][]float32, int) { return [][]float32{{1}, {2}}, 0 })
	if _, err := c.Embed(context.Background(), []string{"other"}); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("two vectors for one text: %v", err)
	}
}

func TestRecordedReplies(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := llmtest.New(t, honest)
	live := client(t, config(s), llm.WithTransport(llm.Recorded(dir, http.DefaultTransport)))
	want := one(t, live, subject, "L2.1")
	calls := s.Calls()
	replay := client(t, config(s), llm.WithTransport(llm.Recorded(dir, nil)))
	if got := one(t, replay, subject, "L2.1"); !reflect.DeepEqual(got, want) || s.Calls() != calls {
		t.Errorf("%+v, %d further calls", got, s.Calls()-calls)
	}
	if r := one(t, replay, subject, "L3.1"); r.Score != nil || r.Err == nil {
		t.Errorf("a miss answered: %+v", r)
	}
}
