package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
)

// ModelRun is an order to score many patents ahead of their valuations.
type ModelRun struct {
	ID          string     `json:"id"`
	Institution string     `json:"-"`
	Actor       string     `json:"actor"`
	CreatedAt   time.Time  `json:"created_at"`
	Key         []byte     `json:"-"` // SHA-256 of subjects, options, endpoint and model
	Allow       bool       `json:"allow_unpublished"`
	BaseURL     string     `json:"base_url"`
	Model       string     `json:"model"`
	Status      string     `json:"status"` // running, finished, cancelled
	Note        string     `json:"waits_for,omitempty"`
	EndedAt     *time.Time `json:"ended_at,omitempty"`
}

// Statuses of a run.
const (
	RunRunning   = "running"
	RunFinished  = "finished"
	RunCancelled = "cancelled"
)

// SubjectStatus is where one patent of a run stands.
type SubjectStatus string

// Statuses of a subject; each but SubjectWaiting is an end.
const (
	SubjectWaiting   SubjectStatus = "waiting"
	SubjectDone      SubjectStatus = "done"      // every answer is kept
	SubjectPartly    SubjectStatus = "partly"    // some questions got no usable answer
	SubjectForbidden SubjectStatus = "forbidden" // the text may not leave
	SubjectUnknown   SubjectStatus = "unknown"   // not in the store
)

// RunProgress is how far a run is.
type RunProgress struct {
	Run       ModelRun `json:"run"`
	Subjects  int      `json:"subjects"`
	Waiting   int      `json:"waiting"`
	Done      int      `json:"done"`
	Partly    int      `json:"partly"`
	Forbidden int      `json:"forbidden"`
	Unknown   int      `json:"unknown"`

	Batches int   `json:"batches"`      // files sent
	Open    int   `json:"open_batches"` // not answered yet
	Asked   int64 `json:"asked"`        // questions in files
	Answers int64 `json:"answered"`     // of them, as far as the endpoint says
	Failed  int64 `json:"failed"`
}

// Ended counts the subjects that came to an end.
func (p *RunProgress) Ended() int { return p.Subjects - p.Waiting }

const runColumns = `id, institution, actor, created_at, key, allow, base_url, model, status, note, ended_at`

func scanRun(row pgx.CollectableRow) (r ModelRun, err error) {
	err = row.Scan(&r.ID, &r.Institution, &r.Actor, &r.CreatedAt, &r.Key, &r.Allow, &r.BaseURL, &r.Model, &r.Status, &r.Note, &r.EndedAt)
	r.CreatedAt = r.CreatedAt.UTC()
	return r, err
}

// PutModelRun stores a run with its subjects and puts it to work by queue, all
// in one transaction. While the same order runs, that run is returned and
// nothing is stored.
func (db *DB) PutModelRun(ctx context.Context, r ModelRun, numbers []string, queue func(tx pgx.Tx, id string) error) (_ ModelRun, fresh bool, err error) {
	defer fault.Wrap(&err, "store.PutModelRun(%s)", r.ID)
	ctx = As(ctx, r.Institution)
	err = db.transact(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `INSERT INTO model_runs (id, institution, actor, created_at, key, allow, base_url, model, status)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'running') ON CONFLICT (institution, key) WHERE status = 'running' DO NOTHING`,
			r.ID, r.Institution, r.Actor, r.CreatedAt, r.Key, r.Allow, r.BaseURL, r.Model)
		if err != nil {
			return err
		}
		if fresh = tag.RowsAffected() == 1; !fresh {
			rows, err := tx.Query(ctx, `SELECT `+runColumns+` FROM model_runs WHERE institution = $1 AND key = $2 AND status = 'running'`, r.Institution, r.Key)
			if err != nil {
				return err
			}
			if r, err = pgx.CollectExactlyOneRow(rows, scanRun); err != nil {
				return err
			}
			return queue(tx, r.ID)
		}
		if _, err := tx.Exec(ctx, `INSERT INTO model_run_subjects (institution, run, number) SELECT $3, $1, unnest($2::text[]) ON CONFLICT DO NOTHING`, r.ID, numbers, r.Institution); err != nil {
			return err
		}
		r.Status = RunRunning
		if err := queue(tx, r.ID); err != nil {
			return err
		}
		return record(ctx, tx, Act{r.Institution, r.Actor, "model.run", r.ID, map[string]any{"subjects": len(numbers), "base_url": r.BaseURL, "model": r.Model, "allow_unpublished": r.Allow}})
	})
	return r, fresh, err
}

// ModelRun returns an institution's run; Everyone sees every one.
func (db *DB) ModelRun(ctx context.Context, institution, id string) (_ ModelRun, err error) {
	defer fault.Wrap(&err, "store.ModelRun(%s)", id)
	ctx = whose(ctx, institution)
	rows, err := db.pool.Query(ctx, `SELECT `+runColumns+` FROM model_runs WHERE id = $1 AND ($2 = '*' OR institution = $2)`, id, institution)
	if err != nil {
		return ModelRun{}, err
	}
	r, err := pgx.CollectExactlyOneRow(rows, scanRun)
	if errors.Is(err, pgx.ErrNoRows) {
		return r, fault.New(fault.NotFound, "run.unknown", "没有这个评分任务。", "There is no such scoring run.")
	}
	return r, err
}

// ModelRuns returns an institution's runs, newest first.
func (db *DB) ModelRuns(ctx context.Context, institution string, limit int) (_ []ModelRun, err error) {
	defer fault.Wrap(&err, "store.ModelRuns")
	ctx = As(ctx, institution)
	rows, err := db.pool.Query(ctx, `SELECT `+runColumns+` FROM model_runs WHERE institution = $1 ORDER BY created_at DESC, id DESC LIMIT $2`, institution, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanRun)
}

// RunProgress returns how far an institution's run is.
func (db *DB) RunProgress(ctx context.Context, institution, id string) (p RunProgress, err error) {
	defer fault.Wrap(&err, "store.RunProgress(%s)", id)
	ctx = As(ctx, institution)
	if p.Run, err = db.ModelRun(ctx, institution, id); err != nil {
		return p, err
	}
	err = db.pool.QueryRow(ctx, `
		SELECT waiting + done + partly + forbidden + unknown, waiting, done, partly, forbidden, unknown, files, open_files, asked, answered, failed
		FROM model_runs WHERE institution = $1 AND id = $2`, institution, id).
		Scan(&p.Subjects, &p.Waiting, &p.Done, &p.Partly, &p.Forbidden, &p.Unknown, &p.Batches, &p.Open, &p.Asked, &p.Answers, &p.Failed)
	return p, err
}

// RunSubject is one patent of a run.
type RunSubject struct {
	Number string
	Rounds int
}

// WaitingSubjects returns a page of the subjects of a run that are not at
// their end, by number.
func (db *DB) WaitingSubjects(ctx context.Context, run, after string, limit int) (_ []RunSubject, err error) {
	defer fault.Wrap(&err, "store.WaitingSubjects(%s)", run)
	rows, err := db.pool.Query(ctx, `SELECT number, rounds FROM model_run_subjects WHERE run = $1 AND status = 'waiting' AND number > $2 ORDER BY number LIMIT $3`, run, after, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[RunSubject])
}

// EndSubject brings a subject to its end.
func (db *DB) EndSubject(ctx context.Context, run, number string, s SubjectStatus) (err error) {
	defer fault.Wrap(&err, "store.EndSubject(%s)", run)
	_, err = db.pool.Exec(ctx, `UPDATE model_run_subjects SET status = $3 WHERE run = $1 AND number = $2 AND status = 'waiting'`, run, number, string(s))
	return err
}

// CountRounds notes that questions about subjects were sent, and returns the
// most any of them had.
func (db *DB) CountRounds(ctx context.Context, run string, numbers []string) (most int, err error) {
	defer fault.Wrap(&err, "store.CountRounds(%s)", run)
	err = db.pool.QueryRow(ctx, `WITH counted AS (UPDATE model_run_subjects SET rounds = rounds + 1 WHERE run = $1 AND number = ANY ($2) RETURNING rounds)
		SELECT coalesce(max(rounds), 0) FROM counted`, run, numbers).Scan(&most)
	return most, err
}

// NoteRun says what a run waits for; "" is nothing in particular.
func (db *DB) NoteRun(ctx context.Context, run, note string) (err error) {
	defer fault.Wrap(&err, "store.NoteRun(%s)", run)
	_, err = db.pool.Exec(ctx, `UPDATE model_runs SET note = $2 WHERE id = $1 AND note <> $2`, run, note)
	return err
}

// EndRun finishes or cancels a run that still runs.
func (db *DB) EndRun(ctx context.Context, institution, run, status, by string) (err error) {
	defer fault.Wrap(&err, "store.EndRun(%s)", run)
	ctx = As(ctx, institution)
	return db.transact(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE model_runs SET status = $3, note = '', ended_at = now() WHERE id = $1 AND institution = $2 AND status = 'running'`, run, institution, status)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return record(ctx, tx, Act{institution, by, "model.run." + status, run, nil})
	})
}

// ModelBatch is a file of requests at the endpoint.
type ModelBatch struct {
	ID       string
	Run      string
	Day      calendar.Date // of the account the cost is reserved on
	Reserved ModelUse
	File     string // the endpoint's ids
	Batch    string
	Status   string
}

// BatchItem is one question of a file: where its answer belongs, and the text
// that leaves with it.
type BatchItem struct {
	Key        string
	TextHash   string
	Prompt     string
	Parameters string
	Use        ModelUse // at most
	Egress     Egress
}

// PutModelBatch claims the questions nobody else has under way, reserves their
// cost and logs their texts as leaving, all in one transaction and before
// anything is sent. It returns the keys claimed, none is no batch, and notes
// the reservation in b.
func (db *DB) PutModelBatch(ctx context.Context, b *ModelBatch, items []BatchItem, maxTokens, maxMicroYuan int64) (claimed map[string]bool, err error) {
	defer fault.Wrap(&err, "store.PutModelBatch(%s)", b.ID)
	err = db.transact(ctx, func(tx pgx.Tx) error {
		claimed = map[string]bool{}
		keys, texts, asked, params := make([]string, len(items)), make([]string, len(items)), make([]string, len(items)), make([]string, len(items))
		for i, x := range items {
			keys[i], texts[i], asked[i], params[i] = x.Key, x.TextHash, x.Prompt, x.Parameters
		}
		if _, err := tx.Exec(ctx, `INSERT INTO model_batches (id, institution, run, day, requests, tokens, micro_yuan) SELECT $1, institution, id, (now() AT TIME ZONE 'UTC')::date, 0, 0, 0 FROM model_runs WHERE id = $2`, b.ID, b.Run); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `
			INSERT INTO model_batch_items (institution, key, batch, text_hash, prompt, parameters)
			SELECT institution, k, id, t, p, a FROM model_batches, unnest($1::text[], $3::text[], $4::text[], $5::text[]) AS x (k, t, p, a)
			WHERE id = $2 AND NOT EXISTS (SELECT FROM judgements j WHERE j.institution = model_batches.institution AND j.key = k) ORDER BY k
			ON CONFLICT DO NOTHING RETURNING key`, keys, b.ID, texts, asked, params)
		if err != nil {
			return err
		}
		var key string
		if _, err := pgx.ForEachRow(rows, []any{&key}, func() error { claimed[key] = true; return nil }); err != nil {
			return err
		}
		if len(claimed) == 0 {
			_, err := tx.Exec(ctx, `DELETE FROM model_batches WHERE id = $1`, b.ID)
			return err
		}
		var use ModelUse
		var leaving pgx.Batch
		for _, x := range items {
			if claimed[x.Key] {
				use.Requests, use.Tokens, use.MicroYuan = use.Requests+x.Use.Requests, use.Tokens+x.Use.Tokens, use.MicroYuan+x.Use.MicroYuan
				e := x.Egress
				leaving.Queue(insertEgress, e.Institution, e.Actor, e.What, e.Host, e.Bytes, e.Hash)
			}
		}
		if b.Day, err = reserveModelUse(ctx, tx, use, maxTokens, maxMicroYuan); err != nil {
			return err
		}
		b.Reserved = use
		if _, err := tx.Exec(ctx, `UPDATE model_batches SET day = $2, requests = $3, tokens = $4, micro_yuan = $5 WHERE id = $1`, b.ID, b.Day, use.Requests, use.Tokens, use.MicroYuan); err != nil {
			return err
		}
		return tx.SendBatch(ctx, &leaving).Close()
	})
	if err != nil {
		return nil, err
	}
	return claimed, nil
}

// OpenBatches returns the files of a run that are not at their end.
func (db *DB) OpenBatches(ctx context.Context, run string) (_ []ModelBatch, err error) {
	defer fault.Wrap(&err, "store.OpenBatches(%s)", run)
	rows, err := db.pool.Query(ctx, `SELECT id, run, day, requests, tokens, micro_yuan, file, batch, status FROM model_batches WHERE run = $1 AND ended_at IS NULL ORDER BY id`, run)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (b ModelBatch, err error) {
		err = row.Scan(&b.ID, &b.Run, &b.Day, &b.Reserved.Requests, &b.Reserved.Tokens, &b.Reserved.MicroYuan, &b.File, &b.Batch, &b.Status)
		return b, err
	})
}

// TrackBatch notes where a file stands at the endpoint; false when another
// process has closed it.
func (db *DB) TrackBatch(ctx context.Context, b *ModelBatch, completed, failed int) (open bool, err error) {
	defer fault.Wrap(&err, "store.TrackBatch(%s)", b.ID)
	tag, err := db.pool.Exec(ctx, `UPDATE model_batches SET file = $2, batch = $3, status = $4, completed = $5, failed = $6 WHERE id = $1 AND ended_at IS NULL`, b.ID, b.File, b.Batch, b.Status, completed, failed)
	return tag.RowsAffected() == 1, err
}

// BatchItems returns the questions of a file by key.
func (db *DB) BatchItems(ctx context.Context, batch string) (_ map[string]BatchItem, err error) {
	defer fault.Wrap(&err, "store.BatchItems(%s)", batch)
	rows, err := db.pool.Query(ctx, `SELECT key, text_hash, prompt, parameters FROM model_batch_items WHERE batch = $1`, batch)
	if err != nil {
		return nil, err
	}
	out := map[string]BatchItem{}
	var x BatchItem
	_, err = pgx.ForEachRow(rows, []any{&x.Key, &x.TextHash, &x.Prompt, &x.Parameters}, func() error { out[x.Key] = x; return nil })
	return out, err
}

// EndBatch closes a file once: its questions are free again and the
// reservation is replaced by what was used.
func (db *DB) EndBatch(ctx context.Context, b *ModelBatch, used ModelUse, failed int, reason string) (err error) {
	defer fault.Wrap(&err, "store.EndBatch(%s)", b.ID)
	return db.transact(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE model_batches SET status = $2, tokens = $3, micro_yuan = $4, completed = $5, failed = $6, error = $7, ended_at = now() WHERE id = $1 AND ended_at IS NULL`,
			b.ID, b.Status, used.Tokens, used.MicroYuan, used.Requests, failed, reason)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM model_batch_items WHERE batch = $1`, b.ID); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, settleModelUse, b.Day, used.Requests-b.Reserved.Requests, used.Tokens-b.Reserved.Tokens, used.MicroYuan-b.Reserved.MicroYuan)
		return err
	})
}
