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

// EmbedSpace names the space of the configured model, for caches and records:
// provider host, model and dimensions (0: the model's own).
func (c *Client) EmbedSpace() string {
	return fmt.Sprintf("%s/%s/%d", c.host, c.cfg.EmbedModel, c.cfg.Dimensions)
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
	out := make([]Embedded, len(texts))
	var send, hashes []string
	at := map[string][]int{} // text hash -> places
	for i, t := range texts {
		short, wasCut := cut(t, c.cfg.EmbedLimit)
		out[i].Cut = wasCut
		h := hash([]byte(short))
		if places, ok := at[h]; ok {
			at[h] = append(places, i)
			out[i].Cached, out[i].Vector = out[places[0]].Cached, out[places[0]].Vector
			continue
		}
		at[h] = []int{i}
		if c.books.FindVector != nil {
			if v, ok, err := c.books.FindVector(ctx, c.EmbedSpace(), h); err != nil {
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
				if c.books.KeepVector != nil {
					if err := c.books.KeepVector(context.WithoutCancel(ctx), c.EmbedSpace(), hashes[lo+k], v); err != nil {
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
	if err := c.pace(ctx, tokens); err != nil {
		return nil, err
	}
	used := Usage{}
	settle, err := c.reserve(ctx, c.cost(int64(tokens), 0))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, settle(used)) }()
	if c.books.Sent != nil {
		if err := c.books.Sent(ctx, Egress{What: fmt.Sprintf("embed %d texts", len(texts)), Host: c.host, Bytes: bytes, Hash: hash(all)}); err != nil {
			return nil, err
		}
	}
	resp, err := c.api.CreateEmbeddings(ctx, openai.EmbeddingRequestStrings{Input: texts, Model: openai.EmbeddingModel(c.cfg.EmbedModel), Dimensions: c.cfg.Dimensions})
	if err != nil {
		return nil, c.explain(ctx, err)
	}
	used = c.cost(int64(resp.Usage.PromptTokens), 0)
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
		for _, x := range d.Embedding {
			if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
				return nil, bad
			}
		}
		out[d.Index] = d.Embedding
	}
	return out, nil
}
