package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/pgvector/pgvector-go"

	"zhijia/internal/fault"
)

// Space is an embedding space. Vectors of different spaces are never compared.
type Space struct {
	ID        int
	Provider  string // "ngram" for the local embedder, else the endpoint's name
	Model     string
	Version   string // of the fitted model
	Dimension int
	Body      []byte // the fitted local model; nil for an endpoint and for the model that ships
	FittedOn  int64
	Status    string
}

// String names the space in results and logs.
func (s Space) String() string {
	return fmt.Sprintf("%s/%s/%s/%d", s.Provider, s.Model, s.Version, s.Dimension)
}

// LocalProvider names the spaces of the embedder that is part of the program.
const LocalProvider = "local"

const spaceColumns = `id, provider, model, version, dimension, body, coalesce(fitted_on, 0), status`

func scanSpace(row pgx.CollectableRow) (Space, error) {
	var s Space
	err := row.Scan(&s.ID, &s.Provider, &s.Model, &s.Version, &s.Dimension, &s.Body, &s.FittedOn, &s.Status)
	return s, err
}

// ActiveSpaceID returns the id of the space in use, 0 when there is none. It
// is cheap and asked once per request, so a switch takes effect at once.
func (db *DB) ActiveSpaceID(ctx context.Context) (id int, err error) {
	defer fault.Wrap(&err, "store.ActiveSpaceID")
	err = db.pool.QueryRow(ctx, `SELECT id FROM spaces WHERE status = 'active' AND `+visible+` ORDER BY `+ownFirst+` LIMIT 1`).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	return id, err
}

// Space returns one space with its model.
func (db *DB) Space(ctx context.Context, id int) (_ Space, err error) {
	defer fault.Wrap(&err, "store.Space(%d)", id)
	rows, err := db.pool.Query(ctx, `SELECT `+spaceColumns+` FROM spaces WHERE id = $1 AND `+visible, id)
	if err != nil {
		return Space{}, err
	}
	return pgx.CollectExactlyOneRow(rows, scanSpace)
}

// PutSpace adds a space, or returns the id it already has.
func (db *DB) PutSpace(ctx context.Context, s Space) (id int, err error) {
	defer fault.Wrap(&err, "store.PutSpace(%s)", s)
	err = db.pool.QueryRow(ctx, `
		INSERT INTO spaces (provider, model, version, dimension, body, fitted_on, status)
		VALUES ($1, $2, $3, $4, $5, nullif($6::bigint, 0), 'building')
		ON CONFLICT (institution, provider, model, version, dimension) DO UPDATE SET body = EXCLUDED.body
		RETURNING id`, s.Provider, s.Model, s.Version, s.Dimension, s.Body, s.FittedOn).Scan(&id)
	return id, err
}

// ActivateSpace switches to a space in one step, on the program's own word: the
// one that ships. Requests see the old one or the new one, never a mixture.
// What a person brings goes through [DB.Enact].
func (db *DB) ActivateSpace(ctx context.Context, id int) (err error) {
	defer fault.Wrap(&err, "store.ActivateSpace(%d)", id)
	return db.transact(ctx, func(tx pgx.Tx) error { return activateSpace(ctx, tx, strconv.Itoa(id), true) })
}

func activateSpace(ctx context.Context, tx pgx.Tx, id string, reviewed bool) error {
	if _, err := tx.Exec(ctx, `UPDATE spaces SET status = 'retired' WHERE status = 'active' AND id <> $1::text::integer AND institution = institution_now()`, id); err != nil {
		return err
	}
	tag, err := tx.Exec(ctx, `UPDATE spaces SET status = 'active', reviewed = reviewed OR $2 WHERE id = $1::text::integer AND institution = institution_now()`, id, reviewed)
	if err == nil && tag.RowsAffected() == 0 {
		err = fault.New(fault.NotFound, "space.unknown", "没有这个向量空间。", "There is no such embedding space.")
	}
	return err
}

// Unembedded is a row whose text has no current vector in a space.
type Unembedded struct {
	DealOf string // institution and
	Deal   string // id of a deal, or
	Patent int64  // id of a patent
	Text   string
	Hash   []byte
}

// vectorOwn keeps of the texts t those whose vectors in the space $1 are the
// institution's to make: its own texts, and in its own space the operator's too.
func vectorOwn(t string) string {
	return `(` + t + `.institution = institution_now() OR ` + t + `.institution = 'public' AND EXISTS (SELECT FROM spaces WHERE id = $1 AND institution = institution_now()))`
}

// UnembeddedDeals returns up to limit deals without a current vector, by id
// after the given row. Those of an institution's own ledger are left out unless
// asked for: their texts must not reach an endpoint.
func (db *DB) UnembeddedDeals(ctx context.Context, space int, after Unembedded, limit int, own bool) (_ []Unembedded, err error) {
	defer fault.Wrap(&err, "store.UnembeddedDeals")
	rows, err := db.pool.Query(ctx, `
		SELECT d.institution, d.id, 0::bigint, concat_ws(E'\n', d.title, d.description), d.text_hash
		FROM deals d LEFT JOIN deal_vectors v ON v.space_id = $1 AND v.deal_of = d.institution AND v.deal_id = d.id AND v.text_hash = d.text_hash
		WHERE `+vectorOwn("d")+` AND v.deal_id IS NULL AND (d.institution, d.id) > ($4, $2) AND ($5 OR d.source_type IS DISTINCT FROM 'own_ledger')
		ORDER BY d.institution, d.id LIMIT $3`, space, after.Deal, limit, after.DealOf, own)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Unembedded])
}

// UnembeddedPatents returns up to limit patents without a current vector, by
// id after the given row. Confidential ones are left out unless asked for:
// their texts must not reach an endpoint.
func (db *DB) UnembeddedPatents(ctx context.Context, space int, after Unembedded, limit int, confidential bool) (_ []Unembedded, err error) {
	defer fault.Wrap(&err, "store.UnembeddedPatents")
	rows, err := db.pool.Query(ctx, `
		SELECT '', '', p.id, concat_ws(E'\n', p.title, p.abstract, p.claims), p.text_hash
		FROM patents p LEFT JOIN patent_vectors v ON v.space_id = $1 AND v.patent_id = p.id AND v.text_hash = p.text_hash
		WHERE `+vectorOwn("p")+` AND v.patent_id IS NULL AND p.id > $2 AND (NOT p.confidential OR $4) ORDER BY p.id LIMIT $3`, space, after.Patent, limit, confidential)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Unembedded])
}

// PutVectors stores the vectors of rows, in the order of rows.
func (db *DB) PutVectors(ctx context.Context, space int, rows []Unembedded, vectors [][]float32) (err error) {
	defer fault.Wrap(&err, "store.PutVectors")
	return db.transact(ctx, func(tx pgx.Tx) error {
		batch := &pgx.Batch{}
		for i, r := range rows {
			v := pgvector.NewHalfVector(vectors[i])
			if r.Deal != "" {
				batch.Queue(`INSERT INTO deal_vectors (space_id, deal_of, deal_id, text_hash, vector) VALUES ($1, $5, $2, $3, $4)
					ON CONFLICT (space_id, deal_of, deal_id, institution) DO UPDATE SET text_hash = EXCLUDED.text_hash, vector = EXCLUDED.vector`, space, r.Deal, r.Hash, v, r.DealOf)
				continue
			}
			batch.Queue(`INSERT INTO patent_vectors (space_id, patent_id, text_hash, vector) VALUES ($1, $2, $3, $4)
				ON CONFLICT (space_id, patent_id, institution) DO UPDATE SET text_hash = EXCLUDED.text_hash, vector = EXCLUDED.vector`, space, r.Patent, r.Hash, v)
		}
		return tx.SendBatch(ctx, batch).Close()
	})
}
