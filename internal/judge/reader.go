package judge

import (
	"context"
	"errors"
	"sync"

	"zhijia/internal/fault"
	"zhijia/internal/llm"
	"zhijia/prompts"
)

// Reader reads patents through an endpoint. It is safe for concurrent use.
type Reader struct {
	client *llm.Client
	set    *prompts.Set
}

// NewReader returns a reader that asks by the newest rubrics of a set.
func NewReader(client *llm.Client, set *prompts.Set) *Reader { return &Reader{client, set} }

// Read puts the indicators to the endpoint. It never fails: a reading that did
// not come to its end says so.
func (r *Reader) Read(ctx context.Context, p Text, codes []string) Reading {
	if r.client.Found().Mode == "" {
		if _, err := r.Probe(ctx); err != nil {
			return r.unread(codes, err)
		}
	}
	window := r.client.Window()
	out := r.sit(ctx, p, codes, r.client.Ask)
	if out.Unfinished == llm.CodeContext && r.client.Window() != window { // the refusal told how much it holds
		first := out.Usage
		out = r.sit(ctx, p, codes, r.client.Ask)
		out.Usage.Add(first)
	}
	return out
}

// errPending ends a call that is looked up and not made.
var errPending = errors.New("not asked yet")

// Kept returns the reading that kept answers make, and asks nothing: pending
// are the questions that are open, and none is the reading whole. Before the
// endpoint was probed nobody knows what would be asked: fault.Unavailable.
func (r *Reader) Kept(ctx context.Context, p Text, codes []string) (_ Reading, pending []llm.Question, err error) {
	if r.client.Found().Mode == "" {
		return Reading{}, nil, fault.New(fault.Unavailable, llm.CodeUnavailable, "尚未探测模型服务。", "The endpoint was not probed yet.")
	}
	var mu sync.Mutex
	out := r.sit(ctx, p, codes, func(ctx context.Context, a llm.Ask) (llm.Reply, error) {
		q, err := r.client.Question(a)
		if err != nil {
			return llm.Reply{}, err
		}
		reply, ok, err := r.client.Kept(ctx, q)
		if err != nil || ok {
			return reply, err
		}
		mu.Lock()
		defer mu.Unlock()
		pending = append(pending, q)
		return reply, errPending
	})
	if out.Err != nil && !errors.Is(out.Err, errPending) {
		return out, nil, out.Err
	}
	return out, pending, nil
}

// sit reads by ask.
func (r *Reader) sit(ctx context.Context, p Text, codes []string, ask func(context.Context, llm.Ask) (llm.Reply, error)) Reading {
	s, results, err := newSitting(r.set, r.client.Config(), r.client.Window(), p, codes)
	if err != nil {
		return r.unread(codes, err)
	}
	return s.read(ctx, results, r.client.Config().Model, ask)
}

func (r *Reader) unread(codes []string, err error) Reading {
	out := Reading{Model: r.client.Config().Model, Unfinished: fault.Public(err).Code, Err: err, Results: make([]Result, len(codes))}
	for i, code := range codes {
		out.Results[i] = Result{Indicator: code, Unknown: UnknownReading}
	}
	return out
}

// specimen is what a probe has read: a text of ours, with the length, the
// roles, the schema and the language of a real question.
var specimen = Text{
	Title:    "一种便携式水杯的密封盖",
	Abstract: "本实用新型公开了一种便携式水杯的密封盖，包括盖体和密封圈，密封圈嵌入盖体的环形槽内，倒置时不漏水。",
	Claims:   "1. 一种便携式水杯的密封盖，其特征在于，包括盖体和密封圈，所述盖体内侧设有环形槽，所述密封圈嵌入所述环形槽内。\n2. 根据权利要求1所述的密封盖，其特征在于，所述密封圈为硅胶圈。",
	Description: "现有的水杯盖倒置时容易漏水。本实用新型在盖体内侧设环形槽，将密封圈嵌入其中，使盖体与杯口贴合。" +
		"实施例1：取硅胶圈嵌入环形槽，装水后倒置，未见漏水。",
}

// Probe finds how the endpoint takes structured output by asking it exactly
// what scoring asks, of a text of ours.
func (r *Reader) Probe(ctx context.Context) (llm.Found, error) {
	var codes []string
	seen := map[string]bool{}
	for _, p := range r.set.All() {
		if p.Kind == prompts.Rubric && !seen[p.Indicator] {
			seen[p.Indicator] = true
			codes = append(codes, p.Indicator)
		}
	}
	s, _, err := newSitting(r.set, r.client.Config(), r.client.Window(), specimen, codes)
	if err != nil {
		return llm.Found{}, err
	}
	c := s.next()[0]
	return r.client.Probe(ctx, s.ask(c), func(reply llm.Reply) string { return s.take(c, reply) })
}

func inParallel(n int, do func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { do(i) })
	}
	wg.Wait()
}
