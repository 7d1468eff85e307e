package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"zhijia/internal/fault"
)

// ReadMaterial is a text that was brought for a patent.
type ReadMaterial struct {
	Number, Hash, Name, Kind, Body string
}

// ReadFact is one thing a material says, and what was decided about it.
type ReadFact struct {
	ID         string
	Number     string
	Material   string // its hash
	Name, Kind string // of the material
	Key        string
	Value      json.RawMessage
	Quote      string
	Start, End int
	By, Model  string
	Warnings   json.RawMessage
	Blocked    string
	Status     string
	ProposedBy string
	ProposedAt time.Time
	DecidedBy  string
	DecidedAt  *time.Time
	Note       string
}

// Statuses of a fact.
const (
	FactProposed = "proposed"
	FactAccepted = "accepted"
	FactRejected = "rejected"
)

// PutReadFacts stores a material and what it says; what was read of it before
// stays as it was decided.
func (db *DB) PutReadFacts(ctx context.Context, a Actor, m ReadMaterial, facts []ReadFact, at time.Time) (err error) {
	defer fault.Wrap(&err, "store.PutReadFacts")
	ctx = As(ctx, a.Institution)
	return db.transact(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO read_materials (number, hash, name, kind, body, added_by, added_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
			m.Number, m.Hash, m.Name, m.Kind, m.Body, a.Name, at); err != nil {
			return err
		}
		n := int64(0)
		for _, f := range facts {
			tag, err := tx.Exec(ctx, `INSERT INTO read_facts (id, number, material, key, value, quote, starts, ends, found_by, model, warnings, blocked, proposed_by, proposed_at)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING`,
				NewID("fct", at), m.Number, m.Hash, f.Key, f.Value, f.Quote, f.Start, f.End, f.By, f.Model, f.Warnings, f.Blocked, a.Name, at)
			if err != nil {
				return err
			}
			n += tag.RowsAffected()
		}
		return record(ctx, tx, Act{a.Institution, a.Name, "facts.propose", m.Number, map[string]any{"material": m.Hash, "name": m.Name, "kind": m.Kind, "facts": n}})
	})
}

const readFactColumns = `f.id, f.number, f.material, m.name, m.kind, f.key, f.value, f.quote, f.starts, f.ends, f.found_by, f.model, f.warnings, f.blocked, f.status, f.proposed_by, f.proposed_at, f.decided_by, f.decided_at, f.note`

// ReadFacts returns what was read for a patent, in the order of the materials;
// of one material alone where its hash is given.
func (db *DB) ReadFacts(ctx context.Context, institution, number, material string) (_ []ReadFact, err error) {
	defer fault.Wrap(&err, "store.ReadFacts")
	rows, err := db.pool.Query(As(ctx, institution), `SELECT `+readFactColumns+` FROM read_facts f JOIN read_materials m ON m.institution = f.institution AND m.number = f.number AND m.hash = f.material
		WHERE f.institution = $1 AND f.number = $2 AND ($3 = '' OR f.material = $3) ORDER BY m.added_at, m.hash, f.starts, f.key`, institution, number, material)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanReadFact)
}

func scanReadFact(row pgx.CollectableRow) (f ReadFact, err error) {
	err = row.Scan(&f.ID, &f.Number, &f.Material, &f.Name, &f.Kind, &f.Key, (*[]byte)(&f.Value), &f.Quote, &f.Start, &f.End, &f.By, &f.Model, (*[]byte)(&f.Warnings), &f.Blocked, &f.Status, &f.ProposedBy, &f.ProposedAt, &f.DecidedBy, &f.DecidedAt, &f.Note)
	return f, err
}

// DecideReadFact accepts or rejects a fact. What is blocked cannot be accepted,
// nor a second value of a key that has one.
func (db *DB) DecideReadFact(ctx context.Context, a Actor, id, status, note string, at time.Time) (f ReadFact, err error) {
	defer fault.Wrap(&err, "store.DecideReadFact")
	ctx = As(ctx, a.Institution)
	err = db.transact(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT `+readFactColumns+` FROM read_facts f JOIN read_materials m ON m.institution = f.institution AND m.number = f.number AND m.hash = f.material
			WHERE f.institution = $1 AND f.id = $2 FOR UPDATE OF f`, a.Institution, id)
		if err != nil {
			return err
		}
		f, err = pgx.CollectExactlyOneRow(rows, scanReadFact)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return fault.New(fault.NotFound, "fact.unknown", "没有这一项。", "There is no such fact.")
		case err != nil:
			return err
		case status == FactAccepted && f.Blocked != "":
			return fault.New(fault.Conflict, f.Blocked, "该项不能采纳，原因见其提示。", "This fact cannot be accepted; its warnings say why.")
		case f.Status == status:
			return nil
		}
		before := f.Status
		_, err = tx.Exec(ctx, `UPDATE read_facts SET status = $3, decided_by = $4, decided_at = $5, note = $6 WHERE institution = $1 AND id = $2`, a.Institution, id, status, a.Name, at, note)
		var pg *pgconn.PgError
		if errors.As(err, &pg) && pg.ConstraintName == "read_facts_one" {
			return fault.New(fault.Conflict, "fact.another_accepted", "同一事项已采纳了另一处的值；请先否决那一处。", "Another value of the same fact is accepted; reject that one first.")
		}
		if err != nil {
			return err
		}
		f.Status, f.DecidedBy, f.DecidedAt, f.Note = status, a.Name, &at, note
		return record(ctx, tx, Act{a.Institution, a.Name, "facts." + status, f.Number, map[string]any{"fact": id, "key": f.Key, "value": f.Value, "quote": f.Quote, "material": f.Material, "before": before, "note": note}})
	})
	return f, err
}
