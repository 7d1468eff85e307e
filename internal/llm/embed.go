package llm

import (
	"context"
	"errors"
	"fmt"
	"math"

	openai "github.com/sashabaranov/go-openai"
	"golang.org/x/sync/errgroup"

	"zhijia/internal/fault"
)

// Embedded is the vector of one text.
type Embedded struct {
	Vector []float32
	Cut    bool // the text was longer than the limit and its end was left out
	Cached bool
}

// EmbedModel names the configured model.
func (c *Client) EmbedModel() string { return c.cfg.EmbedModel }

// probeText is embedded to tell one model from another of the same name.
const probeText = "专利"

// EmbedProbe embeds a text that is always the same, anew each time, and tells
// by its vector which model answers: vectors kept of another are not taken.
func (c *Client) EmbedProbe(ctx context.Context) (_ []float32, err error) {
	defer fault.Wrap(&err, "llm.EmbedProbe")
	vectors, err := c.embedOnce(ctx, []string{probeText})
	if err != nil {
		return nil, err
	}
	rounded := make([]int, len(vectors[0]))
	for i, x := range vectors[0] {
		rounded[i] = int(math.Round(float64(x) * 100))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.embeds = fmt.Sprintf("%s/%s/%d/%.12s", c.host, c.cfg.EmbedModel, c.cfg.Dimensions, hash(fmt.Append(nil, rounded)))
	return vectors[0], nil
}

// embedSpace names what vectors are kept under: host, model, dimensions and
// the probe's vector.
func (c *Client) embedSpace(ctx context.Context) (string, error) {
	get := func() string { c.mu.Lock(); defer c.mu.Unlock(); return c.embeds }
	if get() == "" {
		if _, err := c.EmbedProbe(ctx); err != nil {
			return "", err
		}
	}
	return get(), nil
}

// Embed returns one vector per text, in order.
func (c *Client) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	all, err := c.EmbedAll(ctx, texts)
	if err != nil {
		return nil, err
	}
	out := make([][]float32, len(all))
	for i, e := range all {
		out[i] = e.Vector
	}
	return out, nil
}

// EmbedAll is Embed with what happened to each text. Equal texts are sent
// once, and texts in the books not at all.
func (c *Client) EmbedAll(ctx context.Context, texts []string) (_ []Embedded, err error) {
	defer fault.Wrap(&err, "llm.Embed")
	if c.cfg.EmbedModel == "" {
		return nil, fault.New(fault.Invalid, "llm.no_embed_model", "未配置向量模型（ZHIJIA_LLM_EMBED_MODEL）。", "No embedding model is configured (ZHIJIA_LLM_EMBED_MODEL).")
	}
	space := ""
	if c.gate.Cache.FindVector != nil {
		if space, err = c.embedSpace(ctx); err != nil {
			return nil, err
		}
	}
	out := make([]Embedded, len(texts))
	var send, hashes []string
	at := map[string][]int{} // text hash -> places
	for i, t := range texts {
		short, wasCut := Cut(t, c.cfg.EmbedLimit)
		out[i].Cut = wasCut
		h := hash([]byte(short))
		if places, ok := at[h]; ok {
			at[h] = append(places, i)
			out[i].Cached, out[i].Vector = out[places[0]].Cached, out[places[0]].Vector
			continue
		}
		at[h] = []int{i}
		if c.gate.Cache.FindVector != nil {
			if v, ok, err := c.gate.Cache.FindVector(ctx, space, h); err != nil {
				return nil, err
			} else if ok {
				out[i].Vector, out[i].Cached = v, true
				continue
			}
		}
		send, hashes = append(send, short), append(hashes, h)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(c.cfg.Concurrency)
	for lo := 0; lo < len(send); lo += c.cfg.EmbedBatch {
		hi := min(lo+c.cfg.EmbedBatch, len(send))
		group.Go(func() error {
			vectors, err := c.embedOnce(ctx, send[lo:hi])
			if err != nil {
				return err
			}
			for k, v := range vectors {
				if c.gate.Cache.KeepVector != nil {
					if err := c.gate.Cache.KeepVector(context.WithoutCancel(ctx), space, hashes[lo+k], v); err != nil {
						return err
					}
				}
				for _, i := range at[hashes[lo+k]] {
					out[i].Vector = v
				}
			}
			return nil
		})
	}
	return out, group.Wait()
}

// embedOnce sends one request and checks that the answer has one finite
// vector of the right size per text.
func (c *Client) embedOnce(ctx context.Context, texts []string) (_ [][]float32, err error) {
	tokens, bytes := 0, 0
	var all []byte
	for _, t := range texts {
		tokens += Tokens(t)
		bytes += len(t)
		all = append(append(all, t...), 0)
	}
	most := c.cost(int64(tokens), 0)
	settle, err := c.pass(ctx, most, Egress{What: fmt.Sprintf("embed %d texts", len(texts)), Bytes: bytes, Hash: hash(all)})
	if err != nil {
		return nil, err
	}
	used, broken := Usage{}, 0
	defer func() {
		for range broken { // went out, brought no answer, and may be billed
			used.Add(most)
		}
		err = errors.Join(err, settle(used))
	}()
	ctx = context.WithValue(ctx, sentKey{}, &broken)
	resp, err := c.api.CreateEmbeddings(ctx, openai.EmbeddingRequestStrings{Input: texts, Model: openai.EmbeddingModel(c.cfg.EmbedModel), Dimensions: c.cfg.Dimensions})
	if err != nil {
		return nil, c.explain(ctx, err)
	}
	if used = most; resp.Usage.PromptTokens > 0 {
		used = c.cost(min(int64(resp.Usage.PromptTokens), most.Prompt), 0)
	}
	bad := fault.New(fault.Unavailable, "llm.bad_vectors", "向量服务返回的结果不可用。", "The endpoint's vectors cannot be used.")
	if len(resp.Data) != len(texts) {
		return nil, bad
	}
	out := make([][]float32, len(texts))
	for _, d := range resp.Data {
		if d.Index < 0 || d.Index >= len(texts) || out[d.Index] != nil || len(d.Embedding) == 0 ||
			c.cfg.Dimensions > 0 && len(d.Embedding) != c.cfg.Dimensions || len(d.Embedding) != len(resp.Data[0].Embedding) {
			return nil, bad
		}
		sum := 0.0
		for _, x := range d.Embedding {
			if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
				return nil, bad
			}
			sum += float64(x) * float64(x)
		}
		if sum == 0 { // no direction: nothing can be near it
			return nil, bad
		}
		out[d.Index] = d.Embedding
	}
	return out, nil
}
