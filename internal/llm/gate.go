package llm

import (
	"context"
	"errors"
	"time"

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
	What  string // purpose and subject, e.g. "score 201310543019.6"
	Host  string // of the endpoint, and of the proxy when there is one
	Bytes int
	Hash  string // SHA-256 of the request's body, hex
}

// Answer is a kept reply of the endpoint.
type Answer struct {
	Key     string // hash of the request and of the model's digest
	Text    string // hash of the patent's text as sent
	Prompt  string // id@version of every template used
	Model   string
	Params  string // mode, limits, order
	Content string // the JSON object, or the whole answer when there is none
	Void    string // why it cannot be used; empty: it can
	Usage   Usage
}

// Gate is what every text passes before it leaves: the institution's consent,
// the budget and the egress record, in this order. No client is made without
// one, so there is no other way out. Its functions must be safe for concurrent
// use.
type Gate struct {
	// Consent refuses with fault.Forbidden what may not be sent under ctx.
	Consent   func(ctx context.Context) error
	Budget    Budget
	EgressLog func(ctx context.Context, e Egress) error // an error keeps the text here
	Cache     Cache                                     // optional
}

// Budget reserves the most that a call may cost, and refuses with
// fault.RateLimited when it is not there. settle replaces the reservation by
// what was used.
type Budget func(ctx context.Context, most Usage) (settle func(ctx context.Context, used Usage) error, err error)

// Cache keeps answers and vectors by the hash of what was asked. Functions
// that are nil are left out.
type Cache struct {
	Find       func(ctx context.Context, key string) (a Answer, ok bool, err error)
	Keep       func(ctx context.Context, a Answer) error
	FindVector func(ctx context.Context, space, hash string) ([]float32, bool, error)
	KeepVector func(ctx context.Context, space, hash string, v []float32) error
}

func (g *Gate) check() error {
	if g.Consent == nil || g.Budget == nil || g.EgressLog == nil {
		return errors.New("llm: a client needs consent, a budget and an egress log")
	}
	return nil
}

// bookTime bounds one reservation, which the caller's leaving does not end.
const bookTime = 10 * time.Second

// pass lets one text out: consent, rate, budget, record. settle must be called
// with what was used; it works although the caller left.
func (c *Client) pass(ctx context.Context, most Usage, e Egress) (settle func(used Usage) error, err error) {
	if err := c.gate.Consent(ctx); err != nil {
		return nil, err
	}
	if err := c.pace(ctx, int(most.Prompt+most.Answer)); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	// Broken off half-way a reservation might stand with nobody to give it back.
	whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), bookTime)
	defer cancel()
	give, err := c.gate.Budget(whole, most)
	if err != nil {
		return nil, err
	}
	settle = func(used Usage) error { return give(context.WithoutCancel(ctx), used) }
	e.Host = c.route
	if err := c.gate.EgressLog(ctx, e); err != nil {
		return nil, errors.Join(err, settle(Usage{}))
	}
	return settle, nil
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
