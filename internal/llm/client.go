package llm

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	openai "github.com/sashabaranov/go-openai"
	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"

	"zhijia/internal/fault"
)

// Usage is what calls cost.
type Usage struct {
	Requests int   `json:"requests"`
	Prompt   int64 `json:"prompt_tokens"`
	Answer   int64 `json:"answer_tokens"`
	Micro    int64 `json:"micro_yuan"` // 10⁻⁶ yuan at the configured prices
}

// Add adds v.
func (u *Usage) Add(v Usage) {
	u.Requests, u.Prompt, u.Answer, u.Micro = u.Requests+v.Requests, u.Prompt+v.Prompt, u.Answer+v.Answer, u.Micro+v.Micro
}

// Egress is one text about to leave this system.
type Egress struct {
	What  string // purpose and subject, e.g. "score rubric.L2.1@1 201310543019.6"
	Host  string
	Bytes int
	Hash  string // SHA-256 of the request's body, hex
}

// Answer is a stored reply of the endpoint.
type Answer struct {
	Key     string // hash of the request
	Text    string // hash of the patent's text as sent
	Prompt  string // id@version
	Model   string
	Params  string // mode, temperature, seed, orders
	Content string
	Usage   Usage
}

// Books are what a caller keeps for the client; nil functions are left out.
// They must be safe for concurrent use.
type Books struct {
	Find func(ctx context.Context, key string) (content string, ok bool, err error)
	Keep func(ctx context.Context, a Answer) error
	// Reserve refuses with fault.RateLimited when the day's budget is spent;
	// settle replaces the reservation by what was used.
	Reserve func(ctx context.Context, most Usage) (settle func(ctx context.Context, used Usage) error, err error)
	Sent    func(ctx context.Context, e Egress) error // before sending; an error keeps the text here

	FindVector func(ctx context.Context, space, hash string) ([]float32, bool, error)
	KeepVector func(ctx context.Context, space, hash string, v []float32) error
}

// Option changes a client.
type Option func(*Client)

// WithTransport sends through rt instead of the network, e.g. [Recorded].
func WithTransport(rt http.RoundTripper) Option { return func(c *Client) { c.wire.base = rt } }

// WithBooks sets what is kept.
func WithBooks(b Books) Option { return func(c *Client) { c.books = b } }

// WithBackoff sets the pause before a second try; the default is 500 ms.
func WithBackoff(d time.Duration) Option { return func(c *Client) { c.wire.first = d } }

// Client speaks to one endpoint. It is safe for concurrent use.
type Client struct {
	cfg    Config
	api    *openai.Client
	wire   *transport
	tokens *rate.Limiter
	books  Books
	host   string

	probing chan struct{} // held by who probes
	mu      sync.Mutex
	mode    Mode
}

// New returns a client; nothing is sent yet. An endpoint that is not on the
// allow-list is a fault.Forbidden.
func New(cfg Config, options ...Option) (*Client, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	c := &Client{cfg: cfg, mode: cmp.Or(cfg.Mode, cfg.Found), probing: make(chan struct{}, 1), tokens: perMinute(cfg.TPM), wire: &transport{
		base: http.DefaultTransport.(*http.Transport).Clone(), flight: semaphore.NewWeighted(int64(cfg.Concurrency)), requests: perMinute(cfg.RPM),
		breaker:  circuitbreaker.NewBuilder[any]().WithFailureThreshold(8).WithDelay(20 * time.Second).WithSuccessThreshold(1).Build(),
		attempts: cfg.Attempts, timeout: cfg.RequestTimeout, first: 500 * time.Millisecond,
	}}
	for _, o := range options {
		o(c)
	}
	if tr, ok := c.wire.base.(*http.Transport); ok {
		tr.MaxIdleConnsPerHost = cfg.Concurrency
	}
	oc := openai.DefaultConfig(cfg.Key)
	oc.BaseURL = cfg.BaseURL
	oc.HTTPClient = &http.Client{Transport: c.wire, CheckRedirect: noRedirect}
	c.api = openai.NewClientWithConfig(oc)
	_, rest, _ := strings.Cut(cfg.BaseURL, "://")
	c.host, _, _ = strings.Cut(rest, "/")
	return c, nil
}

// Host is where texts go.
func (c *Client) Host() string { return c.host }

// Config returns the settings in force, without the key.
func (c *Client) Config() Config {
	cfg := c.cfg
	cfg.Key = ""
	return cfg
}

func perMinute(n float64) *rate.Limiter {
	if n <= 0 {
		return rate.NewLimiter(rate.Inf, math.MaxInt32)
	}
	return rate.NewLimiter(rate.Limit(n/60), max(1, int(n/60*5))) // five seconds' worth at once
}

func newReader(b []byte) io.Reader { return bytes.NewReader(b) }

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// cost prices tokens.
func (c *Client) cost(prompt, answer int64) Usage {
	return Usage{Requests: 1, Prompt: prompt, Answer: answer, Micro: int64(math.Ceil(float64(prompt)*c.cfg.PriceIn + float64(answer)*c.cfg.PriceOut))}
}

// reply is one answer of the chat model.
type reply struct {
	content string
	usage   Usage
	cached  bool
}

// chat asks once, or answers from the books. The request's canonical JSON is
// its identity.
func (c *Client) chat(ctx context.Context, req openai.ChatCompletionRequest, a Answer, what string) (r reply, err error) {
	q, err := c.question(req, a, what)
	if err != nil {
		return r, err
	}
	if c.books.Find != nil {
		if r.content, r.cached, err = c.books.Find(ctx, q.Key); err != nil || r.cached {
			return r, err
		}
	}
	r, err = c.send(ctx, req, q)
	if err == nil && c.books.Keep != nil { // an answer paid for is kept even when the caller left
		q.Content, q.Usage = r.content, r.usage
		err = c.books.Keep(context.WithoutCancel(ctx), q.Answer)
	}
	return r, err
}

// send paces, reserves, logs, sends and settles one call.
func (c *Client) send(ctx context.Context, req openai.ChatCompletionRequest, q Question) (r reply, err error) {
	//lint:ignore SA1019 most compatible servers know only max_tokens
	most := c.cost(int64(Tokens(string(q.Body))), int64(req.MaxTokens))
	if err := c.pace(ctx, int(most.Prompt+most.Answer)); err != nil {
		return r, err
	}
	settle, err := c.reserve(ctx, most)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, settle(r.usage)) }()
	if c.books.Sent != nil {
		if err := c.books.Sent(ctx, Egress{What: q.What, Host: c.host, Bytes: q.Bytes, Hash: q.Hash}); err != nil {
			return r, err
		}
	}
	resp, err := c.api.CreateChatCompletion(context.WithValue(ctx, bodyKey{}, q.Body), req)
	if err != nil {
		return r, c.explain(ctx, err)
	}
	r.usage = c.cost(int64(resp.Usage.PromptTokens), int64(resp.Usage.CompletionTokens))
	r.content, err = content(resp)
	return r, err
}

// bookTime bounds one reservation, which the caller's leaving does not end.
const bookTime = 10 * time.Second

// reserve puts the most a call may cost on the account. What was reserved is
// given back by settle even when the caller left.
func (c *Client) reserve(ctx context.Context, most Usage) (settle func(used Usage) error, err error) {
	if c.books.Reserve == nil {
		return func(Usage) error { return nil }, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	// Broken off half-way a reservation might stand with nobody to give it back.
	whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), bookTime)
	defer cancel()
	give, err := c.books.Reserve(whole, most)
	if err != nil {
		return nil, err
	}
	return func(used Usage) error { return give(context.WithoutCancel(ctx), used) }, nil
}

func (c *Client) pace(ctx context.Context, tokens int) error {
	if b := c.tokens.Burst(); tokens > b {
		tokens = b
	}
	if err := c.tokens.WaitN(ctx, tokens); err != nil {
		return fault.New(fault.RateLimited, "llm.token_rate", "模型每分钟词元上限内无法按时完成。", "The token rate does not allow this call in time.").Because(err)
	}
	return nil
}

// content returns the structured text of a complete answer.
func content(resp openai.ChatCompletionResponse) (string, error) {
	if len(resp.Choices) == 0 {
		return "", errAnswer("no choices")
	}
	choice := resp.Choices[0]
	switch {
	case choice.Message.Refusal != "":
		return "", errAnswer("refused")
	case choice.FinishReason == openai.FinishReasonLength:
		return "", errAnswer("truncated")
	case choice.FinishReason == openai.FinishReasonContentFilter:
		return "", errAnswer("filtered")
	case len(choice.Message.ToolCalls) == 1 && choice.Message.ToolCalls[0].Function.Name == toolName:
		return choice.Message.ToolCalls[0].Function.Arguments, nil
	case len(choice.Message.ToolCalls) > 0:
		return "", errAnswer("unknown tool")
	}
	return choice.Message.Content, nil
}

// badAnswer is an answer that arrived but cannot be used; its code is counted.
type badAnswer string

func (b badAnswer) Error() string { return "unusable answer: " + string(b) }

func errAnswer(code string) error { return badAnswer(code) }

// explain classifies a failure. The key is removed from whatever the endpoint
// said, and what it said is cut short: it may quote the patent.
func (c *Client) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, errOpen) {
		return errOpen
	}
	cause := errors.New(c.redact(err.Error()))
	status := status(err)
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return fault.New(fault.Unavailable, "llm.unauthorized", "模型服务拒绝了密钥。", "The endpoint refused the key.").Because(cause)
	case status == http.StatusTooManyRequests:
		return fault.New(fault.RateLimited, "llm.rate_limited", "模型服务限流。", "The endpoint is rate-limiting.").Because(cause)
	case status >= 400 && status < 500 && status != http.StatusRequestTimeout:
		return fault.New(fault.Unsupported, "llm.refused", "模型服务不接受此请求。", "The endpoint does not accept this request.").Because(cause)
	case errors.Is(err, context.DeadlineExceeded):
		return fault.New(fault.Timeout, "llm.timeout", "模型服务未按时应答。", "The endpoint did not answer in time.").Because(cause)
	}
	return fault.New(fault.Unavailable, "llm.unavailable", "模型服务不可用。", "The endpoint is not available.").Because(cause)
}

// redact takes the key out of what the endpoint said and cuts it short.
func (c *Client) redact(text string) string {
	if c.cfg.Key != "" {
		text = strings.ReplaceAll(text, c.cfg.Key, "[key]")
	}
	if r := []rune(text); len(r) > 300 {
		text = string(r[:300]) + "…"
	}
	return text
}

// status is the HTTP status an error came with, or 0.
func status(err error) int {
	var api *openai.APIError
	var req *openai.RequestError
	switch {
	case errors.As(err, &api):
		return api.HTTPStatusCode
	case errors.As(err, &req):
		return req.HTTPStatusCode
	}
	return 0
}

// Tokens estimates the tokens of a text, on the safe side for Chinese: one per
// CJK character, one per three other bytes.
func Tokens(s string) int {
	wide, narrow := 0, 0
	for _, r := range s {
		if r >= 0x2E80 {
			wide++
		} else {
			narrow++
		}
	}
	return wide + (narrow+2)/3
}

// cut returns the longest prefix of at most limit tokens.
func cut(s string, limit int) (string, bool) {
	thirds := 0
	for i, r := range s {
		if r >= 0x2E80 {
			thirds += 3
		} else {
			thirds++
		}
		if thirds > 3*limit {
			return s[:i], true
		}
	}
	return s, false
}
