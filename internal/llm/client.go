package llm

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	openai "github.com/sashabaranov/go-openai"
	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"

	"zhijia/internal/fault"
)

// Option changes a client.
type Option func(*Client)

// WithTransport sends through rt instead of the network, e.g. from recordings.
func WithTransport(rt http.RoundTripper) Option { return func(c *Client) { c.wire.base = rt } }

// WithBackoff sets the pause before a second try; the default is 500 ms.
func WithBackoff(d time.Duration) Option { return func(c *Client) { c.wire.first = d } }

// Client speaks to one endpoint. It is safe for concurrent use.
type Client struct {
	cfg    Config
	api    *openai.Client
	http   *http.Client
	wire   *transport
	tokens *rate.Limiter
	gate   Gate
	host   string
	route  string // the host, and the proxy on the way

	probing chan struct{} // held by who probes
	mu      sync.Mutex
	found   Found
	embeds  string // what vectors are kept under; empty: not probed yet
}

// Found is what the endpoint was found to be.
type Found struct {
	Mode   Mode   // how it takes structured output; empty: not known
	Digest string // of the model it serves, where it tells
	Window int    // tokens of context it serves; 0: not known
}

// New returns a client whose texts leave by the gate; nothing is sent yet. An
// endpoint or proxy that is not on the allow-list is a fault.Forbidden.
func New(cfg Config, gate Gate, options ...Option) (*Client, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if err := gate.check(); err != nil {
		return nil, err
	}
	base, err := network(&cfg)
	if err != nil {
		return nil, err
	}
	c := &Client{cfg: cfg, gate: gate, probing: make(chan struct{}, 1), tokens: perMinute(cfg.TPM), found: cfg.Found, wire: &transport{
		base: base, header: cfg.header, query: cfg.query, flight: semaphore.NewWeighted(int64(cfg.Concurrency)), requests: perMinute(cfg.RPM),
		breaker:  circuitbreaker.NewBuilder[any]().WithFailureThreshold(8).WithDelay(20 * time.Second).WithSuccessThreshold(1).Build(),
		attempts: cfg.Attempts, timeout: cfg.RequestTimeout, first: 500 * time.Millisecond,
	}}
	c.found.Mode = cmp.Or(cfg.Mode, cfg.Found.Mode)
	for _, o := range options {
		o(c)
	}
	c.http = &http.Client{Transport: c.wire, CheckRedirect: noRedirect}
	oc := openai.DefaultConfig(cfg.Key)
	oc.BaseURL, oc.HTTPClient = cfg.BaseURL, c.http
	c.api = openai.NewClientWithConfig(oc)
	_, rest, _ := strings.Cut(cfg.BaseURL, "://")
	c.host, _, _ = strings.Cut(rest, "/")
	c.route = c.host
	if u, err := url.Parse(cfg.Proxy); err == nil && u.Host != "" {
		c.route += " via " + u.Host
	}
	return c, nil
}

// Host is where texts go.
func (c *Client) Host() string { return c.host }

// Config returns the settings in force, without the key and the headers, which
// may hold one.
func (c *Client) Config() Config {
	cfg := c.cfg
	cfg.Key, cfg.Headers, cfg.header = "", nil, nil
	return cfg
}

// Found returns what is known of the endpoint.
func (c *Client) Found() Found {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.found
}

// Forget drops what a probe found, unless the mode was set by hand: the next
// probe finds it again.
func (c *Client) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.found.Mode = c.cfg.Mode
}

// learn takes the context that a refusal names.
func (c *Client) learn(window int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.found.Window == 0 || window < c.found.Window {
		c.found.Window = window
	}
}

// Window is the context the endpoint serves, in tokens: as configured, else as
// found; 0: not known.
func (c *Client) Window() int { return cmp.Or(c.cfg.Window, c.Found().Window) }

func perMinute(n float64) *rate.Limiter {
	if n <= 0 {
		return rate.NewLimiter(rate.Inf, math.MaxInt32)
	}
	return rate.NewLimiter(rate.Limit(n/60), max(1, int(n/60*5))) // five seconds' worth at once
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// cost prices tokens.
func (c *Client) cost(prompt, answer int64) Usage {
	return Usage{Requests: 1, Prompt: prompt, Answer: answer, Micro: int64(math.Ceil(float64(prompt)*c.cfg.PriceIn + float64(answer)*c.cfg.PriceOut))}
}

// Ask is one question with its answer's form. Text stands first and Question
// last, so that what a provider has read of a text serves its next question.
type Ask struct {
	System   string
	Text     string
	Question string
	Schema   json.RawMessage // of the answer, a JSON object
	Most     int             // tokens of the answer
	Answer   Answer          // what the answer is kept under: text, prompt, parameters
	What     string          // for the egress log
}

// Question is a call as it is sent. Its key is what the answer is kept under,
// however it is asked.
type Question struct {
	Answer        // without content
	Body   []byte // the request
	What   string // for the egress log
	Bytes  int
	Hash   string // SHA-256 of the body, hex
	Most   Usage  // what it may cost at most, asked alone
	Least  int64  // tokens of the prompt below which part of it was not read
}

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// chatRequest is marshalled here and not by the library, which leaves out a
// temperature of 0, so that the provider's default would be used.
type chatRequest struct {
	Model          string           `json:"model"`
	Messages       []message        `json:"messages"`
	ResponseFormat map[string]any   `json:"response_format,omitempty"`
	Tools          []map[string]any `json:"tools,omitempty"`
	ToolChoice     map[string]any   `json:"tool_choice,omitempty"`
}

// Question returns what a question is in the mode in use.
func (c *Client) Question(a Ask) (Question, error) { return c.question(a, c.Found()) }

func (c *Client) question(a Ask, found Found) (Question, error) {
	// One message of the user, whatever the template: roles alternate.
	text := strings.TrimSpace(a.Text + "\n\n" + a.Question)
	req := chatRequest{Model: c.cfg.Model, Messages: []message{{"system", a.System}, {"user", text}}}
	if c.cfg.System == NoSystem {
		req.Messages = []message{{"user", a.System + "\n\n" + text}}
	}
	switch found.Mode {
	case JSONSchema:
		req.ResponseFormat = map[string]any{"type": "json_schema", "json_schema": map[string]any{"name": toolName, "schema": a.Schema, "strict": true}}
	case JSONObject:
		req.ResponseFormat = map[string]any{"type": "json_object"}
	case ToolCall:
		f := map[string]any{"name": toolName}
		req.ToolChoice = map[string]any{"type": "function", "function": maps.Clone(f)}
		f["parameters"] = a.Schema
		req.Tools = []map[string]any{{"type": "function", "function": f}}
	}
	fields := map[string]any{"temperature": 0, "seed": seed, c.cfg.TokensName: a.Most}
	for _, name := range c.cfg.Omit {
		delete(fields, name)
	}
	for name, v := range c.cfg.extra {
		fields[name] = v
	}
	body, err := merged(req, fields)
	if err != nil {
		return Question{}, err
	}
	q := Question{Answer: a.Answer, Body: body, What: a.What, Bytes: len(body), Hash: hash(body)}
	q.Model = c.cfg.Model
	q.Key = hash([]byte(c.cfg.BaseURL + "\n" + found.Digest + "\n" + string(body)))
	q.Params = strings.TrimSpace(strings.Join([]string{string(found.Mode), found.Digest, a.Answer.Params, c.cfg.Extra}, " "))
	most, least := 0, 0
	for _, m := range req.Messages {
		most, least = most+Tokens(m.Content)+16, least+leastTokens(m.Content)
	}
	q.Most, q.Least = c.cost(int64(most+Tokens(string(a.Schema))), int64(a.Most)), int64(least)
	return q, nil
}

// seed is sent with every question; that it makes answers repeat is up to the
// endpoint.
const seed = 20261123

// merged marshals v with further members, in a fixed order.
func merged(v any, fields map[string]any) ([]byte, error) {
	body, err := marshal(v)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		key, err := marshal(name)
		if err != nil {
			return nil, err
		}
		value, err := marshal(fields[name])
		if err != nil {
			return nil, err
		}
		body = append(append(append(append(body[:len(body)-1], ','), key...), ':'), value...)
		body = append(body, '}')
	}
	return body, nil
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// Reply is one answer of the chat model.
type Reply struct {
	Object json.RawMessage // nil: the answer is void
	Void   string          // why
	Usage  Usage           // of a new call; a kept answer costs nothing
	Kept   bool
}

// VoidLife is how long an answer that cannot be used is kept, so that an
// endpoint that is broken is not paid again and again; after it the question
// is put anew.
const VoidLife = 24 * time.Hour

// Ask puts a question once, or answers it from the cache. What arrived and
// cannot be used is a Reply that is void; an error is no answer.
func (c *Client) Ask(ctx context.Context, a Ask) (Reply, error) {
	q, err := c.Question(a)
	if err != nil {
		return Reply{}, err
	}
	if r, ok, err := c.Kept(ctx, q); err != nil || ok {
		return r, err
	}
	return c.put(ctx, q)
}

// Kept looks an answer up and asks nothing.
func (c *Client) Kept(ctx context.Context, q Question) (r Reply, ok bool, err error) {
	if c.gate.Cache.Find == nil {
		return r, false, nil
	}
	a, ok, err := c.gate.Cache.Find(ctx, q.Key)
	if err != nil || !ok {
		return r, false, err
	}
	return Read(a), true, nil
}

// Read returns what a kept answer says.
func Read(a Answer) Reply {
	if a.Void != "" {
		return Reply{Void: a.Void, Kept: true}
	}
	object, err := Object(a.Content)
	var bad badAnswer
	if errors.As(err, &bad) {
		return Reply{Void: string(bad), Kept: true}
	}
	return Reply{Object: object, Kept: true}
}

// put sends a question and keeps what came.
func (c *Client) put(ctx context.Context, q Question) (Reply, error) {
	content, usage, err := c.send(ctx, q)
	var bad badAnswer
	if err != nil && !errors.As(err, &bad) {
		return Reply{Usage: usage}, err
	}
	a := q.Answer
	a.Content, a.Usage, a.Void = content, usage, string(bad)
	r := Read(a)
	a.Void, r.Kept, r.Usage = r.Void, false, usage
	if c.gate.Cache.Keep != nil { // an answer paid for is kept even when the caller left
		return r, c.gate.Cache.Keep(context.WithoutCancel(ctx), a)
	}
	return r, nil
}

// send lets one call out and settles it.
func (c *Client) send(ctx context.Context, q Question) (content string, used Usage, err error) {
	settle, err := c.pass(ctx, q.Most, Egress{What: q.What, Bytes: q.Bytes, Hash: q.Hash})
	if err != nil {
		return "", used, err
	}
	broken := 0
	defer func() {
		for range broken { // went out, brought no answer, and may be billed
			used.Add(q.Most)
		}
		err = errors.Join(err, settle(used))
	}()
	ctx = context.WithValue(context.WithValue(ctx, bodyKey{}, q.Body), sentKey{}, &broken)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.cfg.BaseURL+"/chat/completions", http.NoBody)
	if err != nil {
		return "", used, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		if n := windowIn(err); n > 0 {
			c.learn(n)
		}
		return "", used, c.explain(ctx, err)
	}
	defer resp.Body.Close()
	var got completion
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
		used = q.Most
		return "", used, fault.New(fault.Unavailable, CodeUnavailable, "模型服务的应答不是 OpenAI 格式，请核对地址（通常止于 /v1）。",
			"The endpoint does not answer in OpenAI's form; check the URL, which usually ends in /v1.").Because(err)
	}
	text, err := got.text()
	used = c.bill(&got, q.Most, text)
	if err == nil && got.Usage != nil && got.Usage.Prompt > 0 && got.Usage.Prompt < q.Least {
		err = badAnswer(VoidWindow)
	}
	return text, used, err
}

// bill is what a call cost: as the endpoint says, but never more than was
// asked for, and as estimated where it says nothing.
func (c *Client) bill(got *completion, most Usage, text string) Usage {
	prompt, answer := most.Prompt, int64(Tokens(text))
	if u := got.Usage; u != nil {
		if u.Prompt > 0 {
			prompt = u.Prompt
		}
		if u.Answer > 0 {
			answer = u.Answer
		}
	}
	return c.cost(min(prompt, most.Prompt), min(answer, most.Answer))
}
