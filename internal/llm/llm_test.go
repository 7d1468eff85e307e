package llm_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zhijia/internal/fault"
	"zhijia/internal/llm"
	"zhijia/internal/llm/llmtest"
)

func config(s *llmtest.Server) llm.Config {
	return llm.Config{BaseURL: s.URL, Model: "test-model", Key: llmtest.Key, Mode: llm.JSONSchema, Attempts: 3, RequestTimeout: 5 * time.Second}
}

func client(t testing.TB, cfg llm.Config, gate llm.Gate, o ...llm.Option) *llm.Client {
	t.Helper()
	c, err := llm.New(cfg, gate, append([]llm.Option{llm.WithBackoff(time.Millisecond)}, o...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// question is a question of ours; n makes it another.
func question(n int) llm.Ask {
	return llm.Ask{
		System: "评阅人", Text: fmt.Sprintf("文本%d：一种三元正极材料。", n), Question: "请作答。", Schema: json.RawMessage(`{"type":"object"}`), Most: 100,
		Answer: llm.Answer{Text: "hash", Prompt: "frame@2", Params: "order=0"}, What: "read x",
	}
}

func ok(llmtest.Request) llmtest.Reply { return llmtest.Reply{Content: `{"a":1}`} }

// No client is made without consent, budget and egress record.
func TestNoClientWithoutAGate(t *testing.T) {
	t.Parallel()
	s := llmtest.New(t, ok)
	whole := llmtest.Through()
	for name, g := range map[string]llm.Gate{
		"none":       {},
		"no consent": {Budget: whole.Budget, EgressLog: whole.EgressLog},
		"no budget":  {Consent: whole.Consent, EgressLog: whole.EgressLog},
		"no record":  {Consent: whole.Consent, Budget: whole.Budget},
	} {
		if _, err := llm.New(config(s), g); err == nil {
			t.Errorf("%s: a client was made", name)
		}
	}
}

// Chat, embeddings and files are all stopped where consent, budget or the
// record refuses, and nothing reaches the endpoint.
func TestEveryWayOutPassesTheGate(t *testing.T) {
	t.Parallel()
	refuse := errors.New("no")
	for name, change := range map[string]func(*llm.Gate){
		"consent": func(g *llm.Gate) { g.Consent = func(context.Context) error { return refuse } },
		"budget": func(g *llm.Gate) {
			g.Budget = func(context.Context, llm.Usage) (func(context.Context, llm.Usage) error, error) { return nil, refuse }
		},
		"record": func(g *llm.Gate) { g.EgressLog = func(context.Context, llm.Egress) error { return refuse } },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := llmtest.New(t, ok)
			s.Batches(nil)
			gate := llmtest.Through()
			change(&gate)
			cfg := config(s)
			cfg.EmbedModel = "embed"
			c := client(t, cfg, gate)
			ctx := context.Background()
			if _, err := c.Ask(ctx, question(1)); !errors.Is(err, refuse) {
				t.Errorf("chat: %v", err)
			}
			if _, err := c.Embed(ctx, []string{"文本"}); !errors.Is(err, refuse) {
				t.Errorf("embedding: %v", err)
			}
			if _, err := c.Probe(ctx, question(1), func(llm.Reply) string { return "" }); !errors.Is(err, refuse) {
				t.Errorf("probe: %v", err)
			}
			file := c.NewBatchFile()
			q, err := c.Question(question(1))
			if err != nil {
				t.Fatal(err)
			}
			file.Add(q)
			if _, err := c.Upload(ctx, "f", file); err == nil {
				t.Error("a file that nobody claimed was sent")
			}
			if s.Calls() != 0 || s.EmbedCalls() != 0 {
				t.Errorf("%d calls and %d embeddings arrived", s.Calls(), s.EmbedCalls())
			}
		})
	}
}

// What is logged is what is sent, byte for byte: temperature 0 as 0, the seed,
// the limit, the text before the question in one message, so that roles
// alternate whatever the template.
func TestRequestShape(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*llm.Config)
		want   []string
		not    []string
	}{
		"plain": {nil, []string{`"temperature":0}`, `"seed":20261123`, `"max_tokens":100`, `"role":"system"`, `"strict":true`}, nil},
		"no system": {
			func(c *llm.Config) { c.System = llm.NoSystem },
			[]string{`"content":"评阅人\n\n文本1`},
			[]string{`"system"`},
		},
		"reasoning model": {
			func(c *llm.Config) { c.TokensName, c.Omit = "max_completion_tokens", []string{"temperature"} },
			[]string{`"max_completion_tokens":100`},
			[]string{`"temperature"`, `"max_tokens"`},
		},
		"extra":  {func(c *llm.Config) { c.Extra = `{"thinking":{"type":"disabled"}}` }, []string{`"thinking":{"type":"disabled"}`}, nil},
		"object": {func(c *llm.Config) { c.Mode = llm.JSONObject }, []string{`"response_format":{"type":"json_object"}`}, []string{`"tools"`}},
		"tool":   {func(c *llm.Config) { c.Mode = llm.ToolCall }, []string{`"tool_choice":{"function":{"name":"submit"},"type":"function"}`}, []string{`"response_format"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var raw []byte
			s := llmtest.New(t, func(r llmtest.Request) llmtest.Reply { raw = r.Raw; return ok(r) })
			cfg := config(s)
			if c.change != nil {
				c.change(&cfg)
			}
			var gate llmtest.Gate
			cl := client(t, cfg, gate.Open(false))
			r, err := cl.Ask(context.Background(), question(1))
			if err != nil || r.Void != "" || string(r.Object) != `{"a":1}` {
				t.Fatalf("%+v, %v", r, err)
			}
			for _, w := range c.want {
				if !strings.Contains(string(raw), w) {
					t.Errorf("no %s in %s", w, raw)
				}
			}
			for _, w := range c.not {
				if strings.Contains(string(raw), w) {
					t.Errorf("%s in %s", w, raw)
				}
			}
			sum := sha256.Sum256(raw)
			if len(gate.Sent) != 1 || gate.Sent[0].Hash != hex.EncodeToString(sum[:]) || gate.Sent[0].Bytes != len(raw) {
				t.Errorf("logged %+v", gate.Sent)
			}
		})
	}
	for _, bad := range []string{"{", "[]", "null", `{"messages":[]}`, `{"n":2}`, `{"max_completion_tokens":2}`} {
		cfg := llm.Config{BaseURL: "http://127.0.0.1/v1", Model: "m", Extra: bad}
		if _, err := llm.New(cfg, llmtest.Through()); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// Headers, query, a bare key: what gateways and Azure want.
func TestHeadersAndQuery(t *testing.T) {
	t.Parallel()
	var got *http.Request
	srv := newHTTP(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		_, _ = w.Write([]byte(`{"choices":[{"message":{"content":"{\"a\":1}"},"finish_reason":"stop"}]}`))
	}))
	cfg := llm.Config{
		BaseURL: srv + "/openai/deployments/d", Model: "d", Mode: llm.JSONSchema, Key: "sk-key", KeyHeader: "api-key",
		Headers: map[string]string{"x-portkey-provider": "openai"}, Query: map[string]string{"api-version": "2024-10-21"},
	}
	if _, err := client(t, cfg, llmtest.Through()).Ask(context.Background(), question(1)); err != nil {
		t.Fatal(err)
	}
	if got.URL.Path != "/openai/deployments/d/chat/completions" || got.URL.Query().Get("api-version") != "2024-10-21" || got.Header.Get("Api-Key") != "sk-key" ||
		got.Header.Get("Authorization") != "" || got.Header.Get("X-Portkey-Provider") != "openai" {
		t.Errorf("%s %v", got.URL, got.Header)
	}
	for _, bad := range []map[string]string{{"Host": "x"}, {"x": "a\r\nb: c"}} {
		cfg.Headers = bad
		if _, err := llm.New(cfg, llmtest.Through()); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

// A proxy is only used where it is set, is subject to the allow-list, and is
// named in the egress record.
func TestProxy(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://192.0.2.1:9")
	s := llmtest.New(t, ok)
	passed := 0
	proxy := newHTTP(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		passed++
		out, err := http.NewRequest(r.Method, r.URL.String(), r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		out.Header = r.Header
		resp, err := (&http.Transport{}).RoundTrip(out)
		if err != nil {
			t.Error(err)
			return
		}
		defer resp.Body.Close()
		w.WriteHeader(resp.StatusCode)
		_, _ = resp.Body.(interface{ Read([]byte) (int, error) }), 0
		buf := make([]byte, 1<<16)
		for {
			n, err := resp.Body.Read(buf)
			_, _ = w.Write(buf[:n])
			if err != nil {
				return
			}
		}
	}))
	for _, with := range []bool{false, true} {
		cfg := config(s)
		var gate llmtest.Gate
		if with {
			cfg.Proxy = proxy
		}
		if _, err := client(t, cfg, gate.Open(false)).Ask(context.Background(), question(1)); err != nil {
			t.Fatal(err)
		}
		if via := strings.Contains(gate.Sent[0].Host, " via "); via != with || (passed > 0) != with {
			t.Errorf("proxy %v: record %q, %d passed", with, gate.Sent[0].Host, passed)
		}
	}
	cfg := config(s)
	cfg.Proxy = "http://proxy.example.com:8080"
	if _, err := llm.New(cfg, llmtest.Through()); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("a proxy that is not allowed: %v", err)
	}
}

// Every shape of an answer has a rule.
func TestAnswers(t *testing.T) {
	t.Parallel()
	const good = `{"echo":"x","L2.1":{"choice":"A"}}`
	for name, c := range map[string]struct {
		reply llmtest.Reply
		void  string
	}{
		"plain":               {llmtest.Reply{Content: good}, ""},
		"fence":               {llmtest.Reply{Content: "```json\n" + good + "\n```"}, ""},
		"capital fence":       {llmtest.Reply{Content: "```JSON\n" + good + "\n```"}, ""},
		"preface":             {llmtest.Reply{Content: "好的，以下是结果：\n" + good}, ""},
		"preface with braces": {llmtest.Reply{Content: "集合 {甲, 乙} 的结果：" + good}, ""},
		"trailing text":       {llmtest.Reply{Content: good + "\n以上。"}, ""},
		"thought":             {llmtest.Reply{Content: "<think>先看 {\"x\":1}</think>\n" + good}, ""},
		"empty thought":       {llmtest.Reply{Content: "<think>\n\n</think>" + good}, ""},
		"closing tag only":    {llmtest.Reply{Content: "先看权利要求。</think>" + good}, ""},
		"reasoning beside":    {llmtest.Reply{Content: good, Reasoning: "{}"}, ""},
		"no finish":           {llmtest.Reply{Raw: `{"choices":[{"message":{"content":"{\"a\":1}"},"finish_reason":null}]}`}, ""},
		"content in parts":    {llmtest.Reply{Raw: `{"choices":[{"message":{"content":[{"type":"text","text":"{\"a\""},{"type":"text","text":":1}"}]},"finish_reason":"stop"}]}`}, ""},
		"tool call":           {llmtest.Reply{Tool: "submit", Content: good}, ""},
		"old function call":   {llmtest.Reply{Raw: `{"choices":[{"message":{"content":null,"function_call":{"name":"submit","arguments":"{\"a\":1}"}},"finish_reason":"function_call"}]}`}, ""},
		"unknown tool":        {llmtest.Reply{Tool: "shell", Content: good}, llm.VoidTool},
		"refusal":             {llmtest.Reply{Refusal: "不能"}, llm.VoidRefused},
		"null":                {llmtest.Reply{Null: true}, llm.VoidEmpty},
		"only reasoning":      {llmtest.Reply{Null: true, Reasoning: good}, llm.VoidThought},
		"unclosed thought":    {llmtest.Reply{Content: "<think>想想 " + good}, llm.VoidThought},
		"cut":                 {llmtest.Reply{Content: good, Finish: "length"}, llm.VoidLength},
		"filtered":            {llmtest.Reply{Content: good, Finish: "content_filter"}, llm.VoidFiltered},
		"sensitive":           {llmtest.Reply{Content: good, Finish: "sensitive"}, llm.VoidFiltered},
		"out of resources":    {llmtest.Reply{Content: good, Finish: "insufficient_system_resource"}, llm.VoidFinish},
		"prose":               {llmtest.Reply{Content: "很好"}, llm.VoidJSON},
		"broken":              {llmtest.Reply{Content: `{"score": "60", `}, llm.VoidJSON},
		"array":               {llmtest.Reply{Content: `[1]`}, llm.VoidJSON},
		"two objects":         {llmtest.Reply{Content: good + good}, llm.VoidObjects},
		"twice":               {llmtest.Reply{Content: `{"a":1,"a":2}`}, llm.VoidTwice},
		"twice in two cases":  {llmtest.Reply{Content: `{"a":{"choice":"A","Choice":"D"}}`}, llm.VoidTwice},
		"twice by folding":    {llmtest.Reply{Content: `{"echos":1,"echoſ":2}`}, llm.VoidTwice},
		"no choices":          {llmtest.Reply{Raw: `{"choices":[]}`}, llm.VoidEmpty},
		"question cut":        {llmtest.Reply{Content: good, Prompt: 1}, llm.VoidWindow},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := llmtest.New(t, func(llmtest.Request) llmtest.Reply { return c.reply })
			var gate llmtest.Gate
			cl := client(t, config(s), gate.Open(true))
			r, err := cl.Ask(context.Background(), question(1))
			if err != nil || r.Void != c.void || (c.void == "") != (r.Object != nil) {
				t.Fatalf("%+v, %v; want %q", r, err, c.void)
			}
			again, err := cl.Ask(context.Background(), question(1))
			if err != nil || !again.Kept || again.Void != c.void || s.Calls() != 1 {
				t.Errorf("kept: %+v, %v after %d calls", again, err, s.Calls())
			}
		})
	}
}

// A member that is said twice, in whatever case and at whatever depth, voids
// an object; no other object is void for it.
func TestObjectSaysEverythingOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-j]{1,3}`), 1, 5, func(s string) string { return s }).Draw(t, "names")
		var members []string
		for i, n := range names {
			members = append(members, fmt.Sprintf("%q:{\"v\":%d}", n, i))
		}
		text := "{" + strings.Join(members, ",") + "}"
		if _, err := llm.Object(text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		twice := strings.ToUpper(rapid.SampledFrom(names).Draw(t, "again"))
		if _, err := llm.Object(strings.TrimSuffix(text, "}") + fmt.Sprintf(",%q:0}", twice)); err == nil {
			t.Fatalf("%s and %s", text, twice)
		}
	})
}

// The probe's error repeats what the endpoint said, in kind and in words, cut
// short, without control characters and without the key.
func TestRefusalsInTheirOwnWords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status     int
		body, code string
		says       string
	}{
		"key":             {401, `{"error":{"message":"Incorrect API key provided: sk-test-0123456789ab****","code":"invalid_api_key"}}`, llm.CodeUnauthorized, "Incorrect API key"},
		"balance":         {402, `{"error":{"message":"Insufficient Balance","type":"unknown_error","code":"invalid_request_error"}}`, llm.CodeFunds, "Insufficient Balance"},
		"arrears as 429":  {429, `{"error":{"code":"1113","message":"您的账户已欠费，请充值后重试。"}}`, llm.CodeFunds, "欠费"},
		"quota as 403":    {403, `{"code":"AllocationQuota.FreeTierOnly","message":"The free tier of the model has been exhausted."}`, llm.CodeFunds, "FreeTierOnly"},
		"forbidden":       {403, `{"error":{"message":"Model access denied."}}`, llm.CodeForbidden, "Model access denied"},
		"no model":        {404, `{"error":"model 'qwen' not found"}`, llm.CodeNotFound, "model 'qwen' not found"},
		"no such address": {404, "<html><head><style>x{}</style></head><body>404 page not found</body></html>", llm.CodeNotFound, "404 page not found"},
		"deployment":      {404, `{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}`, llm.CodeNotFound, "DeploymentNotFound"},
		"too large":       {413, `{"message":"Request Entity Too Large"}`, llm.CodeTooLarge, "Too Large"},
		"rate":            {429, `{"error":{"message":"Rate limit reached"}}`, llm.CodeRate, "Rate limit"},
		"moderation":      {400, `{"error":{"code":"data_inspection_failed","message":"Input data may contain inappropriate content."}}`, llm.CodeModerated, "inappropriate"},
		"glm moderation":  {400, `{"error":{"code":"1301","message":"系统检测到输入或生成内容可能包含不安全或敏感内容"}}`, llm.CodeModerated, "敏感"},
		"context":         {400, `{"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 8000.","code":400}`, llm.CodeContext, "4096"},
		"llama.cpp":       {400, `{"error":{"code":400,"message":"the request exceeds the available context size, try increasing it","n_ctx":4096}}`, llm.CodeContext, "context size"},
		"stream":          {400, `{"error":{"message":"This model only support stream mode, please enable the stream parameter."}}`, llm.CodeStream, "stream mode"},
		"roles":           {400, `{"detail":"Conversation roles must alternate user/assistant/user/assistant/..."}`, llm.CodeRoles, "alternate"},
		"thinking":        {400, `{"error":{"message":"enable_thinking must be set to false for non-streaming calls"}}`, llm.CodeThinking, "enable_thinking"},
		"parameter":       {400, `{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."}}`, llm.CodeRefused, "max_completion_tokens"},
		"gateway":         {400, `{"status":"failure","message":"Either x-portkey-config or x-portkey-provider header is required"}`, llm.CodeRefused, "x-portkey-provider"},
		"down":            {503, `{"error":{"message":"no healthy upstream"}}`, llm.CodeUnavailable, "no healthy upstream"},
		"controls":        {400, "{\"error\":{\"message\":\"bad\\u0000\\u202e\\u001b[31m value " + strings.Repeat("长", 900) + "\"}}", llm.CodeRefused, "bad"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := llmtest.New(t, func(llmtest.Request) llmtest.Reply {
				return llmtest.Reply{Status: c.status, Body: c.body, RetryAfter: "0"}
			})
			cfg := config(s)
			cfg.Mode, cfg.Attempts = "", 1
			_, err := client(t, cfg, llmtest.Through()).Probe(context.Background(), question(1), func(llm.Reply) string { return "" })
			pub := fault.Public(err)
			if pub.Code != c.code || !strings.Contains(pub.Zh, c.says) || !strings.Contains(pub.En, c.says) {
				t.Fatalf("%s: %s", pub.Code, pub.Zh)
			}
			if len([]rune(pub.Zh)) > 400 || strings.ContainsAny(pub.Zh, "\x00\x1b\u202e<") || strings.Contains(err.Error()+pub.Zh, llmtest.Key) || strings.Contains(pub.Zh, "sk-test-0123456789ab") {
				t.Errorf("%q", pub.Zh)
			}
		})
	}
}

// The best mode the endpoint honours is found, also of one that takes a mode
// and ignores it; where none does, the answer's beginning is shown.
func TestProbeLadder(t *testing.T) {
	t.Parallel()
	good := func(r llm.Reply) string { return r.Void }
	for _, c := range []struct {
		modes []string
		want  llm.Mode
	}{
		{[]string{"json_schema", "json_object", "tool", "plain"}, llm.JSONSchema},
		{[]string{"json_object", "plain"}, llm.JSONObject},
		{[]string{"tool", "plain"}, llm.ToolCall},
		{[]string{"plain"}, llm.Plain},
	} {
		s := llmtest.New(t, ok)
		s.Modes(c.modes...)
		cfg := config(s)
		cfg.Mode = ""
		got, err := client(t, cfg, llmtest.Through()).Probe(context.Background(), question(1), good)
		if err != nil || got.Mode != c.want {
			t.Errorf("%v: %s, %v", c.modes, got.Mode, err)
		}
	}
	s := llmtest.New(t, func(llmtest.Request) llmtest.Reply { return llmtest.Reply{Content: "Sure! here you go"} })
	cfg := config(s)
	cfg.Mode = ""
	_, err := client(t, cfg, llmtest.Through()).Probe(context.Background(), question(1), good)
	if fault.KindOf(err) != fault.Unsupported || !strings.Contains(fault.Public(err).Zh, "Sure! here you go") {
		t.Errorf("prose only: %v", err)
	}
}

// The context an endpoint serves is learned from its list of models, and from
// the words of a refusal.
func TestWindowIsLearned(t *testing.T) {
	t.Parallel()
	answer := `{"choices":[{"message":{"content":"{\"a\":1}"},"finish_reason":"stop"}]}`
	for name, c := range map[string]struct {
		pages  map[string]string
		window int
		digest string
	}{
		"vllm":      {map[string]string{"/v1/models": `{"data":[{"id":"m","owned_by":"vllm","max_model_len":8192}]}`}, 8192, ""},
		"lm studio": {map[string]string{"/v1/models": `{"data":[{"id":"x"},{"id":"m","loaded_context_length":4096,"max_context_length":32768}]}`}, 4096, ""},
		"llama.cpp": {map[string]string{"/v1/models": `{"data":[{"id":"m","owned_by":"llamacpp","meta":{"n_ctx_train":40960}}]}`, "/props": `{"default_generation_settings":{"n_ctx":4096}}`}, 4096, ""},
		"ollama": {map[string]string{
			"/v1/models": `{"data":[{"id":"m:latest","owned_by":"library"}]}`, "/api/tags": `{"models":[{"name":"m:latest","digest":"0123456789abcdef"}]}`,
			"/api/ps": `{"models":[{"name":"m:latest","context_length":4096}]}`,
		}, 4096, "0123456789ab"},
		"silent": {nil, 0, ""},
	} {
		srv := newHTTP(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				_, _ = w.Write([]byte(answer))
				return
			}
			page, ok := c.pages[r.URL.Path]
			if !ok {
				http.NotFound(w, r)
				return
			}
			_, _ = w.Write([]byte(page))
		}))
		cl := client(t, llm.Config{BaseURL: srv + "/v1", Model: "m"}, llmtest.Through())
		f, err := cl.Probe(context.Background(), question(1), func(r llm.Reply) string { return r.Void })
		if err != nil || f.Window != c.window || f.Digest != c.digest || cl.Window() != c.window {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
	s := llmtest.New(t, func(llmtest.Request) llmtest.Reply {
		return llmtest.Reply{Status: 400, Message: "This model's maximum context length is 4096 tokens."}
	})
	cl := client(t, config(s), llmtest.Through())
	if _, err := cl.Ask(context.Background(), question(1)); fault.Public(err).Code != llm.CodeContext || cl.Window() != 4096 {
		t.Errorf("%v, window %d", err, cl.Window())
	}
}

// An endpoint that hangs is found out although the callers' time runs out
// first; a caller who leaves says nothing of it.
func TestBreaker(t *testing.T) {
	t.Parallel()
	hang := func(llmtest.Request) llmtest.Reply { return llmtest.Reply{Delay: time.Hour} }
	for name, c := range map[string]struct {
		chat    func(llmtest.Request) llmtest.Reply
		leave   bool // the caller leaves before its time is over
		timeout time.Duration
		opens   bool
	}{
		"hangs, equal deadlines":   {hang, false, 50 * time.Millisecond, true},
		"hangs, one try is longer": {hang, false, time.Minute, true},
		"hangs, one try is short":  {hang, false, 5 * time.Millisecond, true},
		"callers leave":            {hang, true, time.Minute, false},
		"dead":                     {func(llmtest.Request) llmtest.Reply { return llmtest.Reply{Status: 500} }, false, time.Minute, true},
		"busy":                     {func(llmtest.Request) llmtest.Reply { return llmtest.Reply{Status: 429} }, false, time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := llmtest.New(t, c.chat)
			cfg := config(s)
			cfg.Attempts, cfg.RequestTimeout = 1, c.timeout
			cl := client(t, cfg, llmtest.Through())
			for i := range 30 {
				ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
				if c.leave {
					ctx, cancel = context.WithCancel(context.Background())
					time.AfterFunc(10*time.Millisecond, cancel)
				}
				_, _ = cl.Ask(ctx, question(i))
				cancel()
			}
			if n := s.Calls(); (n <= 12) != c.opens {
				t.Errorf("%d of 30 calls went out; the breaker opens after 8 failures: %v", n, c.opens)
			}
		})
	}
}

// An endpoint that says nothing of its use, says too much, or breaks off is
// not free, and costs no more than was asked of it.
func TestUsageIsBounded(t *testing.T) {
	t.Parallel()
	answer := `{"a":"` + strings.Repeat("字", 40) + `"}`
	for name, c := range map[string]struct {
		reply  llmtest.Reply
		times  int // of the most one call may cost
		free   bool
		within bool // more than nothing, no more than asked
	}{
		"told":      {llmtest.Reply{Content: answer}, 0, false, true},
		"not told":  {llmtest.Reply{Content: answer, Prompt: -1}, 0, false, true},
		"too much":  {llmtest.Reply{Content: answer, Prompt: 1 << 30}, 0, false, true},
		"negative":  {llmtest.Reply{Raw: `{"choices":[{"message":{"content":"{}"}}],"usage":{"prompt_tokens":-5,"completion_tokens":-7}}`}, 0, false, true},
		"refused":   {llmtest.Reply{Status: 400, Message: "no"}, 0, true, false},
		"busy":      {llmtest.Reply{Status: 429, RetryAfter: "0"}, 0, true, false},
		"broke off": {llmtest.Reply{Content: answer, Stall: true}, 3, false, false}, // each try
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := llmtest.New(t, func(llmtest.Request) llmtest.Reply { return c.reply })
			cfg := config(s)
			cfg.RequestTimeout, cfg.PriceIn, cfg.PriceOut = 200*time.Millisecond, 2, 8
			var gate llmtest.Gate
			cl := client(t, cfg, gate.Open(false))
			q, err := cl.Question(question(1))
			if err != nil {
				t.Fatal(err)
			}
			_, _ = cl.Ask(context.Background(), question(1))
			u, most := gate.Used, q.Most
			switch {
			case c.free && u != (llm.Usage{}):
				t.Errorf("%+v", u)
			case c.times > 0 && (u.Prompt != int64(c.times)*most.Prompt || u.Answer != int64(c.times)*most.Answer):
				t.Errorf("%+v, want %d times %+v", u, c.times, most)
			case c.within && (u.Requests != 1 || u.Prompt <= 0 || u.Answer <= 0 || u.Prompt > most.Prompt || u.Answer > most.Answer || u.Micro <= 0 || u.Micro > most.Micro):
				t.Errorf("%+v, most %+v", u, most)
			}
		})
	}
}

func TestRetriesAndRetryAfter(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	n := 0
	s := llmtest.New(t, func(r llmtest.Request) llmtest.Reply {
		mu.Lock()
		defer mu.Unlock()
		if n++; n < 3 {
			return llmtest.Reply{Status: []int{429, 503}[n/2%2], RetryAfter: "0.001", Message: "slow down"}
		}
		return ok(r)
	})
	if r, err := client(t, config(s), llmtest.Through()).Ask(context.Background(), question(1)); err != nil || r.Object == nil {
		t.Errorf("%+v, %v", r, err)
	}
}

// A pause that cannot end in time is not begun.
func TestStormEndsInTime(t *testing.T) {
	t.Parallel()
	s := llmtest.New(t, func(llmtest.Request) llmtest.Reply {
		return llmtest.Reply{Status: 429, RetryAfter: "3600", Message: "rate limit"}
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, err := client(t, config(s), llmtest.Through()).Ask(ctx, question(1))
	if fault.KindOf(err) != fault.RateLimited || ctx.Err() != nil || s.Calls() != 1 {
		t.Errorf("%v after %d calls", err, s.Calls())
	}
}

// Rates per minute hold: what cannot be sent in time is not sent, and said to
// be rate-limited or late.
func TestRatesPerMinute(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]func(*llm.Config){
		"requests": func(c *llm.Config) { c.RPM = 1 },
		"tokens":   func(c *llm.Config) { c.TPM = 12 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := llmtest.New(t, ok)
			cfg := config(s)
			limit(&cfg)
			cl := client(t, cfg, llmtest.Through())
			for i := range 3 {
				ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
				_, err := cl.Ask(ctx, question(i))
				if kind := fault.KindOf(err); (err == nil) != (i == 0) || i > 0 && kind != fault.RateLimited && kind != fault.Timeout || ctx.Err() != nil {
					t.Errorf("call %d: %v", i, err)
				}
				cancel()
			}
			if s.Calls() != 1 {
				t.Errorf("%d calls", s.Calls())
			}
		})
	}
}

// The key is in no error, whatever the endpoint says.
func TestKeyStaysSecret(t *testing.T) {
	t.Parallel()
	const key = "sk-very-secret-key-of-ours"
	for _, reply := range []llmtest.Reply{{}, {Status: 500, Message: "bad key " + key}, {Raw: "<html>" + key}, {Status: 400, Body: key}, {Status: 400, Message: "you gave " + key[:len(key)-4] + "****"}} {
		s := llmtest.New(t, func(llmtest.Request) llmtest.Reply { return reply })
		cfg := config(s)
		cfg.Mode, cfg.Attempts = "", 1
		cfg.Headers = map[string]string{"x-own": "secret-header-value"}
		transport := http.RoundTripper(roundTripper(func(r *http.Request) (*http.Response, error) {
			r.Header.Set("Authorization", "Bearer "+llmtest.Key)
			return http.DefaultTransport.RoundTrip(r)
		}))
		cfg.Key = key
		c := client(t, cfg, llmtest.Through(), llm.WithTransport(transport))
		_, err := c.Probe(context.Background(), question(1), func(r llm.Reply) string { return r.Void })
		said := fmt.Sprintf("%+v %v %s", c.Config(), err, fault.Public(err).Zh)
		if err == nil || strings.Contains(said, key[:len(key)-4]) || strings.Contains(said, "secret-header-value") {
			t.Errorf("%s", said)
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

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
		if _, err := llm.New(llm.Config{BaseURL: c.url, Model: "m", AllowedHosts: c.hosts}, llmtest.Through()); fault.KindOf(err) != c.want {
			t.Errorf("%s: %v", c.url, err)
		}
	}
	if _, err := llm.New(llm.Config{BaseURL: "https://api.example.com/v1", Model: "m", AllowedHosts: []string{"API.example.com"}}, llmtest.Through()); err != nil {
		t.Error(err)
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	other := llmtest.New(t, ok)
	srv := newHTTP(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+"/chat/completions", http.StatusTemporaryRedirect)
	}))
	cfg := config(other)
	cfg.BaseURL = srv + "/v1"
	if r, err := client(t, cfg, llmtest.Through()).Ask(context.Background(), question(1)); err == nil || other.Calls() != 0 {
		t.Errorf("followed: %+v", r)
	}
}

func TestEmbeddings(t *testing.T) {
	t.Parallel()
	s := llmtest.New(t, ok)
	cfg := config(s)
	cfg.EmbedModel, cfg.EmbedBatch, cfg.EmbedLimit = "embed", 2, 10
	var gate llmtest.Gate
	c := client(t, cfg, gate.Open(true))
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
	if calls != 3 || len(gate.Sent) != 3 {
		t.Errorf("%d requests for a probe and 4 texts in batches of 2, %d on record", calls, len(gate.Sent))
	}
	if got, err = c.EmbedAll(context.Background(), texts); err != nil || s.EmbedCalls() != calls || !got[4].Cached {
		t.Errorf("again: %v, %d requests", err, s.EmbedCalls()-calls)
	}
	// Another model under the same name and dimension: its vectors are not
	// mixed with those that were kept.
	s.Embeddings(func(texts []string) ([][]float32, int) {
		out := make([][]float32, len(texts))
		for i := range out {
			out[i] = []float32{1, 0, 0, 0, 0, 0, 0, 0}
		}
		return out, 0
	})
	other := client(t, cfg, gateAgain(&gate))
	if got, err := other.EmbedAll(context.Background(), texts[:1]); err != nil || got[0].Cached {
		t.Errorf("a vector of another model was taken: %v", err)
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
	for name, bad := range map[string][][]float32{"two for one": {{1}, {2}}, "zero": {{0, 0}}, "none": {{}}} {
		s.Embeddings(func([]string) ([][]float32, int) { return bad, 0 })
		if _, err := c.Embed(context.Background(), []string{name}); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// gateAgain is the gate of another process over the same books.
func gateAgain(g *llmtest.Gate) llm.Gate {
	vectors := g.Vectors
	out := g.Open(true)
	g.Vectors = vectors
	return out
}

// Two patents of one text put one question once into a file.
func TestBatchFileAsksOnce(t *testing.T) {
	t.Parallel()
	s := llmtest.New(t, ok)
	s.Batches(nil)
	c := client(t, config(s), llmtest.Through())
	file := c.NewBatchFile()
	for range 3 {
		q, err := c.Question(question(1))
		if err != nil {
			t.Fatal(err)
		}
		if !file.Add(q) {
			t.Fatal("full")
		}
	}
	if len(file.Questions) != 1 {
		t.Errorf("%d questions", len(file.Questions))
	}
}
