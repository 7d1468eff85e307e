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

// EndpointMode returns what a probe of the endpoint found, "" when it was
// never probed.
func (db *DB) EndpointMode(ctx context.Context, baseURL, model string) (mode string, err error) {
	defer fault.Wrap(&err, "store.EndpointMode")
	var ok bool
	err = found(&ok, db.pool.QueryRow(ctx, `SELECT mode FROM model_endpoints WHERE base_url = $1 AND model = $2`, baseURL, model).Scan(&mode))
	return mode, err
}

// PutEndpointMode stores what a probe found.
func (db *DB) PutEndpointMode(ctx context.Context, baseURL, model, mode string) (err error) {
	defer fault.Wrap(&err, "store.PutEndpointMode")
	_, err = db.pool.Exec(ctx, `INSERT INTO model_endpoints (base_url, model, mode) VALUES ($1, $2, $3)
		ON CONFLICT (base_url, model) DO UPDATE SET mode = EXCLUDED.mode, probed_at = now()`, baseURL, model, mode)
	return err
}
