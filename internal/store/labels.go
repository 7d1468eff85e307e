package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/fault"
)

// LabelSample is a set of patents and indicators that officers label blind.
type LabelSample struct {
	ID        string    `json:"id"`
	Note      string    `json:"note"`
	Model     string    `json:"model"`
	Prompts   string    `json:"prompts"`
	CreatedBy string    `json:"created_by"`
	CreatedAt time.Time `json:"created_at"`
	Items     int       `json:"items"`
	Done      int       `json:"done"`     // by who asks
	Officers  int       `json:"officers"` // who have labelled any
}

// LabelItem is one question of a sample. ModelScore is never shown to who
// labels.
type LabelItem struct {
	Place      int
	Number     string
	Indicator  string
	Template   string
	Parts      json.RawMessage
	ModelScore *int
}

// Label is what one officer chose; a nil score: it cannot be told.
type Label struct {
	Place   int
	Officer string
	Score   *int
}

// PutLabelSample stores a sample with its items.
func (db *DB) PutLabelSample(ctx context.Context, a Actor, s LabelSample, items []LabelItem) (err error) {
	defer fault.Wrap(&err, "store.PutLabelSample")
	ctx = As(ctx, a.Institution)
	return db.transact(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO label_samples (id, note, model, prompts, created_by, created_at) VALUES ($1, $2, $3, $4, $5, $6)`, s.ID, s.Note, s.Model, s.Prompts, a.Name, s.CreatedAt); err != nil {
			return err
		}
		for _, x := range items {
			if _, err := tx.Exec(ctx, `INSERT INTO label_items (sample, place, number, indicator, template, parts, model_score) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
				s.ID, x.Place, x.Number, x.Indicator, x.Template, x.Parts, x.ModelScore); err != nil {
				return err
			}
		}
		return record(ctx, tx, Act{a.Institution, a.Name, "labels.draw", s.ID, map[string]any{"items": len(items), "model": s.Model, "prompts": s.Prompts}})
	})
}

const labelSamples = `SELECT s.id, s.note, s.model, s.prompts, s.created_by, s.created_at,
		(SELECT count(*) FROM label_items i WHERE i.institution = s.institution AND i.sample = s.id),
		(SELECT count(*) FROM labels l WHERE l.institution = s.institution AND l.sample = s.id AND l.officer = $2),
		(SELECT count(DISTINCT l.officer) FROM labels l WHERE l.institution = s.institution AND l.sample = s.id)
	FROM label_samples s WHERE s.institution = $1`

func scanLabelSample(row pgx.CollectableRow) (s LabelSample, err error) {
	err = row.Scan(&s.ID, &s.Note, &s.Model, &s.Prompts, &s.CreatedBy, &s.CreatedAt, &s.Items, &s.Done, &s.Officers)
	return s, err
}

// LabelSamples returns the samples, newest first, with how far an officer is.
func (db *DB) LabelSamples(ctx context.Context, institution, officer string) (_ []LabelSample, err error) {
	defer fault.Wrap(&err, "store.LabelSamples")
	rows, err := db.pool.Query(As(ctx, institution), labelSamples+` ORDER BY s.created_at DESC, s.id DESC LIMIT 100`, institution, officer)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanLabelSample)
}

// LabelSample returns one sample.
func (db *DB) LabelSample(ctx context.Context, institution, id, officer string) (s LabelSample, err error) {
	defer fault.Wrap(&err, "store.LabelSample")
	rows, err := db.pool.Query(As(ctx, institution), labelSamples+` AND s.id = $3`, institution, officer, id)
	if err != nil {
		return s, err
	}
	s, err = pgx.CollectExactlyOneRow(rows, scanLabelSample)
	if errors.Is(err, pgx.ErrNoRows) {
		err = fault.New(fault.NotFound, "labels.unknown", "没有这份标注样本。", "There is no such sample.")
	}
	return s, err
}

// LabelItems returns a sample's questions in order.
func (db *DB) LabelItems(ctx context.Context, institution, sample string) (_ []LabelItem, err error) {
	defer fault.Wrap(&err, "store.LabelItems")
	rows, err := db.pool.Query(As(ctx, institution), `SELECT place, number, indicator, template, parts, model_score FROM label_items WHERE institution = $1 AND sample = $2 ORDER BY place`, institution, sample)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (x LabelItem, err error) {
		err = row.Scan(&x.Place, &x.Number, &x.Indicator, &x.Template, (*[]byte)(&x.Parts), &x.ModelScore)
		return x, err
	})
}

// Labels returns what was chosen, of one officer alone where he is given.
func (db *DB) Labels(ctx context.Context, institution, sample, officer string) (_ []Label, err error) {
	defer fault.Wrap(&err, "store.Labels")
	rows, err := db.pool.Query(As(ctx, institution), `SELECT place, officer, score FROM labels WHERE institution = $1 AND sample = $2 AND ($3 = '' OR officer = $3) ORDER BY officer, place`, institution, sample, officer)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Label])
}

// PutLabel keeps what an officer chose; his last choice counts.
func (db *DB) PutLabel(ctx context.Context, institution, sample string, l Label, at time.Time) (err error) {
	defer fault.Wrap(&err, "store.PutLabel")
	_, err = db.pool.Exec(As(ctx, institution), `INSERT INTO labels (sample, place, officer, score, labelled_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (institution, sample, place, officer) DO UPDATE SET score = EXCLUDED.score, labelled_at = EXCLUDED.labelled_at`, sample, l.Place, l.Officer, l.Score, at)
	return err
}
