package store

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/fault"
)

// Judgement is a reply of a model endpoint.
type Judgement struct {
	Key          string
	TextHash     string
	Prompt       string
	Model        string
	Parameters   string
	Content      string
	PromptTokens int64
	AnswerTokens int64
	MicroYuan    int64
}

// Judgement returns the stored reply to a request, if there is one.
func (db *DB) Judgement(ctx context.Context, key string) (content string, ok bool, err error) {
	defer fault.Wrap(&err, "store.Judgement")
	err = found(&ok, db.pool.QueryRow(ctx, `SELECT content FROM judgements WHERE key = $1`, key).Scan(&content))
	return content, ok, err
}

// Judgements returns the stored replies to many requests.
func (db *DB) Judgements(ctx context.Context, keys []string) (_ map[string]string, err error) {
	defer fault.Wrap(&err, "store.Judgements")
	rows, err := db.pool.Query(ctx, `SELECT key, content FROM judgements WHERE key = ANY ($1)`, keys)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	var key, content string
	_, err = pgx.ForEachRow(rows, []any{&key, &content}, func() error { out[key] = content; return nil })
	return out, err
}

// found clears ok and the error when there is no row.
func found(ok *bool, err error) error {
	*ok = err == nil
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	return err
}

// PutJudgement keeps a reply; the first reply to a request stays.
func (db *DB) PutJudgement(ctx context.Context, j Judgement) (err error) {
	defer fault.Wrap(&err, "store.PutJudgement")
	_, err = db.pool.Exec(ctx, `
		INSERT INTO judgements (key, text_hash, prompt, model, parameters, content, prompt_tokens, answer_tokens, micro_yuan)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`,
		j.Key, j.TextHash, j.Prompt, j.Model, j.Parameters, j.Content, j.PromptTokens, j.AnswerTokens, j.MicroYuan)
	return err
}

// CachedVector returns an endpoint's vector of a text, if it is kept.
func (db *DB) CachedVector(ctx context.Context, space, hash string) (v []float32, ok bool, err error) {
	defer fault.Wrap(&err, "store.CachedVector")
	err = found(&ok, db.pool.QueryRow(ctx, `SELECT vector FROM embedding_cache WHERE space = $1 AND hash = $2`, space, hash).Scan(&v))
	return v, ok, err
}

// PutCachedVector keeps an endpoint's vector of a text.
func (db *DB) PutCachedVector(ctx context.Context, space, hash string, v []float32) (err error) {
	defer fault.Wrap(&err, "store.PutCachedVector")
	_, err = db.pool.Exec(ctx, `INSERT INTO embedding_cache (space, hash, vector) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, space, hash, v)
	return err
}

// Endpoint is what probes found out about an endpoint and a model.
type Endpoint struct {
	Mode    string // "": not known
	Batches *bool  // nil: not known
}

// Endpoint returns what is known.
func (db *DB) Endpoint(ctx context.Context, baseURL, model string) (e Endpoint, err error) {
	defer fault.Wrap(&err, "store.Endpoint")
	var ok bool
	err = found(&ok, db.pool.QueryRow(ctx, `SELECT coalesce(mode, ''), batches FROM model_endpoints WHERE base_url = $1 AND model = $2`, baseURL, model).Scan(&e.Mode, &e.Batches))
	return e, err
}

// PutEndpoint stores what a probe found; what it did not find out stays.
func (db *DB) PutEndpoint(ctx context.Context, baseURL, model string, e Endpoint) (err error) {
	defer fault.Wrap(&err, "store.PutEndpoint")
	_, err = db.pool.Exec(ctx, `INSERT INTO model_endpoints AS e (base_url, model, mode, batches) VALUES ($1, $2, nullif($3, ''), $4)
		ON CONFLICT (base_url, model) DO UPDATE SET mode = coalesce(EXCLUDED.mode, e.mode), batches = coalesce(EXCLUDED.batches, e.batches), probed_at = now()`,
		baseURL, model, e.Mode, e.Batches)
	return err
}
