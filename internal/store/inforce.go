package store

import (
	"context"

	"zhijia/internal/fault"
)

// InForce is what an institution's values rest on at one moment, its own parts before the operator's.
type InForce struct {
	Assumptions string
	Space       int    // 0: none
	Impact      string // version of the impact model; empty: none was fitted
	// Deals changes whenever a deal changes that counts for the institution.
	Deals string
	// Unreviewed are the parts that no second person approved: assumptions, space, impact, validity.
	Unreviewed []string
}

// InForce reads all of it in one statement: a valuation asks for each part, and an adoption between two looks would let it
// rest on one set of parts and speak of another.
func (db *DB) InForce(ctx context.Context) (f InForce, err error) {
	defer fault.Wrap(&err, "store.InForce")
	err = db.pool.QueryRow(ctx, `
		SELECT coalesce(a.version, ''), coalesce(s.id, 0), coalesce(m.version, ''),
			(SELECT coalesce(string_agg(institution || ':' || changed_by, ' ' ORDER BY institution), '') FROM deal_changes WHERE institution IN (institution_now(), 'public')),
			array_remove(ARRAY[CASE WHEN NOT a.reviewed THEN 'assumptions' END, CASE WHEN NOT s.reviewed THEN 'space' END, CASE WHEN NOT m.reviewed THEN 'impact' END,
				CASE WHEN EXISTS (SELECT FROM `+validityNow+` v WHERE v.status IS DISTINCT FROM 'approved') THEN 'validity' END], NULL)
		FROM (SELECT) AS one
			LEFT JOIN (SELECT version, reviewed FROM assumptions WHERE active AND `+visible+` ORDER BY `+ownFirst+` LIMIT 1) AS a ON true
			LEFT JOIN (SELECT id, reviewed FROM spaces WHERE status = 'active' AND `+visible+` ORDER BY `+ownFirst+` LIMIT 1) AS s ON true
			LEFT JOIN (SELECT version, reviewed FROM impact_models WHERE active AND `+visible+` ORDER BY `+ownFirst+` LIMIT 1) AS m ON true`,
	).Scan(&f.Assumptions, &f.Space, &f.Impact, &f.Deals, &f.Unreviewed)
	return f, err
}
