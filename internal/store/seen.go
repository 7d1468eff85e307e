package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/fault"
	"zhijia/internal/valuation/market"
)

// LedgerDeal is a deal of an institution's view with what was decided of it.
type LedgerDeal struct {
	Deal
	Own        bool            `json:"own"`                  // the institution's; otherwise public
	Provenance json.RawMessage `json:"provenance,omitempty"` // of a deal that was read out of a text
	Decided    *Decided        `json:"decided,omitempty"`    // what a person said of its validity
}

// Decided is a person's word on the validity of a deal.
type Decided struct {
	Code   string    `json:"code"` // empty: it counts
	Reason string    `json:"reason"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`

	ApprovedBy string `json:"approved_by,omitempty"` // another person; empty: 未经复核
}

// LedgerFilter chooses deals.
type LedgerFilter struct {
	Own   bool   // the institution's own only
	After string // id of the last one of the page before
	Limit int    // 0: all
}

// standingValidity keeps of the decisions v those that nobody refused and their
// proposer did not withdraw; validityNow is the latest of them on each own deal.
const (
	standingValidity = `NOT EXISTS (SELECT FROM proposals r WHERE r.institution = v.institution AND r.id = v.proposal AND r.status IN ('refused', 'withdrawn'))`
	validityNow      = `(SELECT DISTINCT ON (v.deal) v.deal, v.code, v.reason, v.by_whom, v.at, p.status, p.decided_by
	FROM deal_validity v LEFT JOIN proposals p ON p.institution = v.institution AND p.id = v.proposal
	WHERE v.institution = institution_now() AND p.status IS DISTINCT FROM 'refused' AND p.status IS DISTINCT FROM 'withdrawn' ORDER BY v.deal, v.seq DESC)`
)

// SeenDeals returns the deals an institution sees, by id: its own, and those of
// the public it has not brought itself.
func (db *DB) SeenDeals(ctx context.Context, f LedgerFilter) (_ []LedgerDeal, err error) {
	defer fault.Wrap(&err, "store.SeenDeals")
	var limit *int
	if f.Limit > 0 {
		limit = &f.Limit
	}
	rows, err := db.pool.Query(ctx, `
		SELECT `+wholeDeal+`, d.institution = institution_now(), d.provenance, v.code, v.reason, v.by_whom, v.at, CASE WHEN v.status = 'approved' THEN v.decided_by END
		FROM deals d LEFT JOIN `+validityNow+` v ON v.deal = d.id AND d.institution = institution_now()
		WHERE `+dealCounts+` AND ($1 = false OR d.institution = institution_now()) AND d.id > $2 ORDER BY d.id LIMIT $3`, f.Own, f.After, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (l LedgerDeal, err error) {
		var code, reason, by, approved *string
		var at *time.Time
		d := &l.Deal
		err = row.Scan(&d.ID, &d.Title, &d.Description, &d.DescriptionBy, &d.Numbers, &d.PrintedNumbers, &d.Patents, &d.PatentKind,
			&d.PrintedKind, &d.IPC, &d.Amount, &d.Currency, &d.Rate, &d.PriceKind, &d.Usability, &d.DealKind, &d.Method,
			&d.Basis, &d.Appraised, &d.LicenceTerm, &d.RoyaltyRate, &d.Date, &d.DateUnit, &d.PrintedDate, &d.RelatedParty,
			&d.Seller, &d.Buyer, &d.OwnerType, &d.SourceType, &d.SourceURL, &d.Notes, &d.FamilyID, &d.DuplicateOf, &d.Exclusion, &d.Market, &d.Channel,
			&d.RemainingLife, &d.Claims, &d.Family, &d.Assignees, &d.Quality, &d.Event, &l.Own, &l.Provenance, &code, &reason, &by, &at, &approved)
		if code != nil {
			l.Decided = &Decided{Code: *code, Reason: *reason, By: *by, At: at.UTC()}
			if approved != nil {
				l.Decided.ApprovedBy = *approved
			}
		}
		return l, err
	})
}

// SetExclusions writes what screening found of own deals, by id; ” is a deal
// that counts. What a person decided stays. It returns how many changed.
func (db *DB) SetExclusions(ctx context.Context, codes map[string]string, by string) (changed int64, err error) {
	defer fault.Wrap(&err, "store.SetExclusions")
	ids, list := make([]string, 0, len(codes)), make([]string, 0, len(codes))
	for id, code := range codes {
		ids, list = append(ids, id), append(list, code)
	}
	err = db.transact(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			UPDATE deals d SET exclusion = nullif(s.code, ''), updated_at = now() FROM unnest($1::text[], $2::text[]) AS s (id, code)
			WHERE d.institution = institution_now() AND d.id = s.id AND coalesce(d.exclusion, '') <> s.code
				AND NOT EXISTS (SELECT FROM deal_validity v WHERE v.institution = institution_now() AND v.deal = d.id AND `+standingValidity+`)`, ids, list)
		if changed = tag.RowsAffected(); err != nil || changed == 0 {
			return err
		}
		me := db.pool.scope(ctx)
		return record(ctx, tx, Act{me, by, "deals.screen", me, map[string]int64{"deals": int64(len(ids)), "changed": changed}})
	})
	return changed, err
}

// applyValidity lets persons' decisions stand over what was worked out anew.
func applyValidity(ctx context.Context, tx pgx.Tx, ids []string) error {
	_, err := tx.Exec(ctx, `
		UPDATE deals d SET exclusion = nullif(v.code, '') FROM `+validityNow+` v
		WHERE d.institution = institution_now() AND d.id = v.deal AND d.id = ANY ($1)`, ids)
	return err
}

// DecideValidity takes what a person says of an own deal; code ” says that it
// counts. It counts at once, marked 未经复核, unless another person of the
// institution approves: then it waits for him. Decisions before stay on record
// and are returned, oldest first.
func (db *DB) DecideValidity(ctx context.Context, a Actor, id, code, reason string, now time.Time) (history []Decided, waiting bool, err error) {
	defer fault.Wrap(&err, "store.DecideValidity(%s)", id)
	ctx = As(ctx, a.Institution)
	var own, public bool
	var before *string
	if err := db.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM deals WHERE institution = institution_now() AND id = $1), EXISTS (SELECT FROM deals WHERE id = $1),
		(SELECT exclusion FROM deals WHERE institution = institution_now() AND id = $1)`, id).Scan(&own, &public, &before); err != nil {
		return nil, false, err
	}
	switch {
	case !own && public:
		return nil, false, fault.New(fault.Conflict, "deal.public", "公共成交不能由本机构改判；请将该成交导入本机构台账后再判定，本机构的记录优先于公共记录。", "A public deal cannot be judged here: import it into your ledger; your own row then stands before the public one.")
	case !own:
		return nil, false, fault.New(fault.NotFound, "deal.unknown", "没有这笔成交。", "There is no such deal.")
	}
	if waiting, err = db.Enact(ctx, a, ProposeValidity, id, validityChange{id, code, reason, before}, now); err != nil {
		return nil, false, err
	}
	rows, err := db.pool.Query(ctx, `SELECT v.code, v.reason, v.by_whom, v.at, CASE WHEN p.status = 'approved' THEN p.decided_by ELSE '' END
		FROM deal_validity v LEFT JOIN proposals p ON p.institution = v.institution AND p.id = v.proposal
		WHERE v.institution = institution_now() AND v.deal = $1 ORDER BY v.seq`, id)
	if err != nil {
		return nil, false, err
	}
	history, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Decided])
	return history, waiting, err
}

// validityChange is what is proposed about a deal.
type validityChange struct {
	Deal   string  `json:"deal"`
	Code   string  `json:"code"`
	Reason string  `json:"reason"`
	Before *string `json:"before"` // the code that stood; nil: it counted
}

func decideValidity(ctx context.Context, tx pgx.Tx, p *Proposal) error {
	var c validityChange
	if err := json.Unmarshal(p.Payload, &c); err != nil {
		return err
	}
	// One that was in force before it was approved stays as it is.
	if _, err := tx.Exec(ctx, `INSERT INTO deal_validity (deal, code, reason, by_whom, at, proposal)
		SELECT $1, $2, $3, $4, $5, $6 WHERE NOT EXISTS (SELECT FROM deal_validity WHERE institution = institution_now() AND proposal = $6)`,
		p.Subject, c.Code, c.Reason, p.ProposedBy, p.ProposedAt, p.ID); err != nil {
		return err
	}
	return applyValidity(ctx, tx, []string{p.Subject})
}

// undoValidity lets the decision before stand again, or what the screening said
// when there was none.
func undoValidity(ctx context.Context, tx pgx.Tx, p *Proposal) error {
	var c validityChange
	if err := json.Unmarshal(p.Payload, &c); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE deals SET exclusion = $2 WHERE institution = institution_now() AND id = $1
		AND EXISTS (SELECT FROM deal_validity WHERE institution = institution_now() AND proposal = $3)`, p.Subject, c.Before, p.ID); err != nil {
		return err
	}
	return applyValidity(ctx, tx, []string{p.Subject})
}

// SetProvenance keeps where an own deal was read from and who accepted it.
func (db *DB) SetProvenance(ctx context.Context, id string, provenance json.RawMessage, by string) (err error) {
	defer fault.Wrap(&err, "store.SetProvenance(%s)", id)
	return db.transact(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE deals SET provenance = $2 WHERE institution = institution_now() AND id = $1`, id, provenance)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return errors.New("no such deal")
		}
		return record(ctx, tx, Act{db.pool.scope(ctx), by, "deal.accept", id, provenance})
	})
}

// DueValuation is a stored valuation that a market's drift makes due.
type DueValuation struct {
	ID        string    `json:"id"`
	Title     string    `json:"title"`
	AsOf      string    `json:"as_of"`
	Market    string    `json:"market"`
	Point     *float64  `json:"point"`
	CreatedAt time.Time `json:"created_at"`
}

// maxDue bounds the list of valuations to make anew.
const maxDue = 1000

// DueValuations lists the institution's valuations whose headline stands for one
// of the markets, the latest of each bundle of patents, newest first.
func (db *DB) DueValuations(ctx context.Context, markets []market.Sale) (_ []DueValuation, err error) {
	defer fault.Wrap(&err, "store.DueValuations")
	rows, err := db.pool.Query(ctx, `
		SELECT id, title, as_of::text, market, point, created_at FROM (
			SELECT DISTINCT ON (patents, title) v.id, title, as_of, conclusion ->> 'market' AS market, point, v.created_at
			FROM valuations v CROSS JOIN LATERAL (SELECT array_agg(number ORDER BY position) AS patents FROM valuation_patents p WHERE p.institution = v.institution AND p.valuation = v.id) n
			WHERE v.institution = institution_now() ORDER BY patents, title, v.created_at DESC) AS latest
		WHERE market = ANY ($1) ORDER BY created_at DESC, id LIMIT $2`, markets, maxDue)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[DueValuation])
}
