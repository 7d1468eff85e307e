package store

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/fault"
)

// Group counts records that share something.
type Group struct {
	What  string  `json:"what"`
	N     int64   `json:"n"`
	First *string `json:"first,omitempty"` // earliest day
	Last  *string `json:"last,omitempty"`
}

// Lineage is where what the institution sees comes from.
type Lineage struct {
	Patents    []Group           `json:"patents_by_source"`
	Deals      []Group           `json:"deals_by_source"`
	Refused    []Group           `json:"deals_refused_by_reason"`
	Markets    []Group           `json:"admissible_deals_by_market"`
	Events     []Group           `json:"events_by_source"`
	Imports    []json.RawMessage `json:"latest_imports"`
	Spaces     []json.RawMessage `json:"embedding_spaces"`
	Models     []json.RawMessage `json:"impact_models"`
	Sets       []json.RawMessage `json:"assumptions"`
	Decided    []json.RawMessage `json:"decisions_on_models"` // proposals of spaces, assumptions, models: what was proposed, and how it was decided
	Valuations []Group           `json:"valuations_by_status"`
}

// Lineage gathers it.
func (db *DB) Lineage(ctx context.Context) (l Lineage, err error) {
	defer fault.Wrap(&err, "store.Lineage")
	groups := func(into *[]Group, sql string) error {
		rows, err := db.pool.Query(ctx, sql)
		if err != nil {
			return err
		}
		*into, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Group])
		return err
	}
	documents := func(into *[]json.RawMessage, sql string) error {
		rows, err := db.pool.Query(ctx, `SELECT row_to_json(t) FROM (`+sql+`) t`)
		if err != nil {
			return err
		}
		*into, err = pgx.CollectRows(rows, pgx.RowTo[json.RawMessage])
		return err
	}
	for _, step := range []func() error{
		func() error {
			return groups(&l.Patents, `SELECT institution || ' ' || source, count(*), min(source_date)::text, max(source_date)::text FROM patents WHERE `+visible+` GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 100`)
		},
		func() error {
			return groups(&l.Deals, `SELECT institution || ' ' || coalesce(source_type, 'unknown'), count(*), min(date)::text, max(date)::text FROM deals WHERE `+visible+` GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 100`)
		},
		func() error {
			return groups(&l.Refused, `SELECT exclusion, count(*), min(date)::text, max(date)::text FROM deals WHERE exclusion IS NOT NULL AND `+visible+` GROUP BY 1 ORDER BY 2 DESC, 1`)
		},
		func() error {
			return groups(&l.Markets, `SELECT coalesce(market, 'by source and kind'), count(*), min(date)::text, max(date)::text FROM deals WHERE exclusion IS NULL AND duplicate_of IS NULL AND `+visible+` GROUP BY 1 ORDER BY 2 DESC, 1`)
		},
		func() error {
			return groups(&l.Events, `SELECT institution || ' ' || source, count(*), min(effective)::text, max(effective)::text FROM events WHERE `+visible+` GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 100`)
		},
		func() error {
			return groups(&l.Valuations, `SELECT status, count(*), min(as_of)::text, max(as_of)::text FROM valuations WHERE institution = institution_now() GROUP BY 1 ORDER BY 2 DESC, 1`)
		},
		func() error {
			return documents(&l.Imports, `SELECT id, dataset, started_at, finished_at, accepted, rejected FROM imports WHERE institution = institution_now() ORDER BY started_at DESC LIMIT 50`)
		},
		func() error {
			return documents(&l.Spaces, `SELECT id, institution, provider, model, version, dimension, fitted_on, status, created_at FROM spaces WHERE `+visible+` ORDER BY id`)
		},
		func() error {
			return documents(&l.Models, `SELECT institution, version, active, created_at, body FROM impact_models WHERE `+visible+` ORDER BY created_at DESC LIMIT 20`)
		},
		func() error {
			return documents(&l.Sets, `SELECT institution, version, encode(hash, 'hex') AS hash, note, active, created_at FROM assumptions WHERE `+visible+` ORDER BY created_at`)
		},
		func() error {
			return documents(&l.Decided, `SELECT kind, subject, payload, proposed_by, proposed_at, status, decided_by, decided_at, note FROM proposals WHERE institution = institution_now() AND kind <> 'override' ORDER BY proposed_at DESC LIMIT 200`)
		},
	} {
		if err := step(); err != nil {
			return l, err
		}
	}
	return l, nil
}

// OverrideCase is an officer's figure beside the model's.
type OverrideCase struct {
	Valuation string  `json:"valuation"`
	Day       string  `json:"day"`
	Purpose   string  `json:"purpose"`
	Officer   string  `json:"officer"`
	Point     float64 `json:"model"`
	Low       float64 `json:"low"`
	High      float64 `json:"high"`
	Value     float64 `json:"officer_value"`
	Status    string  `json:"status"` // open, approved, refused …
	Reason    string  `json:"reason"`
}

// OverrideCases lists every officer's figure beside a model's that has a point.
func (db *DB) OverrideCases(ctx context.Context) (_ []OverrideCase, err error) {
	defer fault.Wrap(&err, "store.OverrideCases")
	rows, err := db.pool.Query(ctx, `
		SELECT o.valuation_id, o.created_at::date::text, v.purpose, o.officer, v.point, coalesce(v.low, 0), coalesce(v.high, 0), o.value, coalesce(p.status, 'open'), o.reason
		FROM overrides o JOIN valuations v ON v.institution = o.institution AND v.id = o.valuation_id
			LEFT JOIN proposals p ON p.institution = o.institution AND p.kind = 'override' AND p.subject = o.id
		WHERE o.institution = institution_now() AND v.point IS NOT NULL ORDER BY o.created_at, o.id`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[OverrideCase])
}
