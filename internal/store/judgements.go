package store

import (
	"context"
	"errors"
	"time"

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
	Void         string // why it cannot be used; empty: it can
	PromptTokens int64
	AnswerTokens int64
	MicroYuan    int64
}

// Judgement returns the stored reply to a request, if there is one. One that
// cannot be used is there only for its life: after it the question is put anew.
func (db *DB) Judgement(ctx context.Context, key string, voidLife time.Duration) (j Judgement, ok bool, err error) {
	defer fault.Wrap(&err, "store.Judgement")
	err = found(&ok, db.pool.QueryRow(ctx, `SELECT content, void FROM judgements WHERE institution = institution_now() AND key = $1 AND (void = '' OR created_at > now() - $2::interval)`, key, voidLife).Scan(&j.Content, &j.Void))
	return j, ok, err
}

// ForgetJudgements drops replies of a model so that the questions are put
// anew: those that cannot be used, or all; an empty model is every one, an
// empty text every text. It returns how many.
func (db *DB) ForgetJudgements(ctx context.Context, model, textHash string, all bool, act Act) (n int64, err error) {
	defer fault.Wrap(&err, "store.ForgetJudgements")
	ctx = As(ctx, act.Institution)
	err = db.transact(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `DELETE FROM judgements WHERE institution = institution_now() AND ($1 = '' OR model = $1) AND ($2 = '' OR text_hash = $2) AND ($3 OR void <> '')`, model, textHash, all)
		if err != nil {
			return err
		}
		n = tag.RowsAffected()
		act.Detail = map[string]any{"model": model, "text": textHash, "all": all, "forgotten": n}
		return record(ctx, tx, act)
	})
	return n, err
}

// StudyPassed reports whether an agreement study of an institution has passed
// for a model and a version of the prompts.
func (db *DB) StudyPassed(ctx context.Context, institution, model, prompts string) (passed bool, err error) {
	defer fault.Wrap(&err, "store.StudyPassed")
	ctx = As(ctx, institution)
	err = db.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM model_studies WHERE institution = $1 AND model = $2 AND prompts = $3 AND passed)`, institution, model, prompts).Scan(&passed)
	return passed, err
}

// PutStudy records an agreement study with its figures; the newest counts.
func (db *DB) PutStudy(ctx context.Context, institution, model, prompts string, passed bool, figures []byte, by string) (err error) {
	defer fault.Wrap(&err, "store.PutStudy")
	ctx = As(ctx, institution)
	return db.transact(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO model_studies (institution, model, prompts, passed, figures, recorded_by) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (institution, model, prompts) DO UPDATE SET passed = EXCLUDED.passed, figures = EXCLUDED.figures, recorded_by = EXCLUDED.recorded_by, recorded_at = now()`,
			institution, model, prompts, passed, figures, by); err != nil {
			return err
		}
		return record(ctx, tx, Act{institution, by, "model.study", model, map[string]any{"prompts": prompts, "passed": passed}})
	})
}

// found clears ok and the error when there is no row.
func found(ok *bool, err error) error {
	*ok = err == nil
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	return err
}

// PutJudgement keeps a reply; the first reply to a request that can be used
// stays.
func (db *DB) PutJudgement(ctx context.Context, j Judgement) (err error) {
	defer fault.Wrap(&err, "store.PutJudgement")
	_, err = db.pool.Exec(ctx, `
		INSERT INTO judgements (key, text_hash, prompt, model, parameters, content, void, prompt_tokens, answer_tokens, micro_yuan)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (institution, key) DO UPDATE
		SET content = EXCLUDED.content, void = EXCLUDED.void, prompt_tokens = EXCLUDED.prompt_tokens, answer_tokens = EXCLUDED.answer_tokens,
			micro_yuan = EXCLUDED.micro_yuan, created_at = now() WHERE judgements.void <> ''`,
		j.Key, j.TextHash, j.Prompt, j.Model, j.Parameters, j.Content, j.Void, j.PromptTokens, j.AnswerTokens, j.MicroYuan)
	return err
}

// CachedVector returns an endpoint's vector of a text, if it is kept.
func (db *DB) CachedVector(ctx context.Context, space, hash string) (v []float32, ok bool, err error) {
	defer fault.Wrap(&err, "store.CachedVector")
	err = found(&ok, db.pool.QueryRow(ctx, `SELECT vector FROM embedding_cache WHERE institution = institution_now() AND space = $1 AND hash = $2`, space, hash).Scan(&v))
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
	Digest  string // of the model, where the endpoint tells it
	Window  int    // tokens of context it serves; 0: not known
}

// Endpoint returns what is known.
func (db *DB) Endpoint(ctx context.Context, baseURL, model string) (e Endpoint, err error) {
	defer fault.Wrap(&err, "store.Endpoint")
	var ok bool
	err = found(&ok, db.pool.QueryRow(ctx, `SELECT coalesce(mode, ''), batches, digest, context_tokens FROM model_endpoints WHERE base_url = $1 AND model = $2`, baseURL, model).Scan(&e.Mode, &e.Batches, &e.Digest, &e.Window))
	return e, err
}

// PutEndpoint stores what a probe found; what it did not find out stays.
func (db *DB) PutEndpoint(ctx context.Context, baseURL, model string, e Endpoint) (err error) {
	defer fault.Wrap(&err, "store.PutEndpoint")
	_, err = db.pool.Exec(ctx, `INSERT INTO model_endpoints AS e (base_url, model, mode, batches, digest, context_tokens) VALUES ($1, $2, nullif($3, ''), $4, $5, $6)
		ON CONFLICT (base_url, model) DO UPDATE SET mode = coalesce(EXCLUDED.mode, e.mode), batches = coalesce(EXCLUDED.batches, e.batches), probed_at = now(),
			digest = CASE WHEN EXCLUDED.mode IS NULL THEN e.digest ELSE EXCLUDED.digest END,
			context_tokens = CASE WHEN EXCLUDED.mode IS NULL THEN e.context_tokens ELSE EXCLUDED.context_tokens END`,
		baseURL, model, e.Mode, e.Batches, e.Digest, e.Window)
	return err
}
