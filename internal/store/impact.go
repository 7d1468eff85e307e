package store

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/pgvector/pgvector-go"

	"zhijia/internal/fault"
	"zhijia/internal/valuation/impact"
)

// ImpactRows returns every stored patent with a citation count, its class,
// its filing year and its vector of the space.
func (db *DB) ImpactRows(ctx context.Context, space int) (_ []impact.Row, err error) {
	defer fault.Wrap(&err, "store.ImpactRows")
	rows, err := db.pool.Query(ctx, `
		SELECT concat(left(p.ipc[1], 3), ' ', extract(year FROM p.filing_date)), coalesce(extract(year FROM p.filing_date), 0)::int, p.cited_by,
			p.claim_count, p.independent_claims, p.inventor_count, p.family_size, p.cites, cardinality(p.ipc), cardinality(p.owners), char_length(concat(p.title, p.abstract)), v.vector
		FROM patents p LEFT JOIN patent_vectors v ON v.space_id = $1 AND v.patent_id = p.id AND v.text_hash = p.text_hash
		WHERE `+patentCounts+` AND p.cited_by IS NOT NULL ORDER BY p.number`, space)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (r impact.Row, err error) {
		var claims, independent, inventors, family, cites, ipc, owners, length *int
		var v *pgvector.HalfVector
		if err := row.Scan(&r.Cohort, &r.Year, &r.Cited, &claims, &independent, &inventors, &family, &cites, &ipc, &owners, &length, &v); err != nil {
			return r, err
		}
		r.Facts = ImpactFacts(claims, independent, inventors, family, cites, ipc, owners, length)
		if v != nil {
			r.Vector = v.Slice()
		}
		return r, nil
	})
}

// ImpactFacts names the bibliographic counts an impact model reads; nil is
// unknown.
func ImpactFacts(claims, independent, inventors, family, cites, ipc, owners, length *int) map[string]float64 {
	facts := map[string]float64{}
	for name, n := range map[string]*int{"claims": claims, "independent_claims": independent, "inventors": inventors, "family": family, "cites": cites, "ipc": ipc, "owners": owners, "text_length": length} {
		if n != nil {
			facts[name] = float64(*n)
		}
	}
	return facts
}

// PutImpactModel stores a fitted model; [DB.Enact] puts it in use.
func (db *DB) PutImpactModel(ctx context.Context, version string, body []byte) (err error) {
	defer fault.Wrap(&err, "store.PutImpactModel")
	_, err = db.pool.Exec(ctx, `INSERT INTO impact_models (version, body) VALUES ($1, $2) ON CONFLICT (institution, version) DO NOTHING`, version, body)
	return err
}

func activateImpact(ctx context.Context, tx pgx.Tx, version string, reviewed bool) error {
	if _, err := tx.Exec(ctx, `UPDATE impact_models SET active = false WHERE active AND version <> $1 AND institution = institution_now()`, version); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE impact_models SET active = true, reviewed = reviewed OR $2 WHERE version = $1 AND institution = institution_now()`, version, reviewed)
	return err
}

// ImpactModel returns the model in use; ok is false when none was fitted.
func (db *DB) ImpactModel(ctx context.Context) (version string, body []byte, ok bool, err error) {
	defer fault.Wrap(&err, "store.ImpactModel")
	err = found(&ok, db.pool.QueryRow(ctx, `SELECT version, body FROM impact_models WHERE active AND `+visible+` ORDER BY `+ownFirst+` LIMIT 1`).Scan(&version, &body))
	return version, body, ok, err
}
