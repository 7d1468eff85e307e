package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
)

// Valuation is a valuation as it was given out. Request, Snapshot and
// Conclusion are JSON whose bytes never change.
type Valuation struct {
	ID          string
	CreatedAt   time.Time
	CreatedBy   string
	Institution string
	Numbers     []string // of the subject, normal forms; more than one: a bundle
	Title       string
	Purpose     string
	AsOf        calendar.Date
	Status      string
	Point       *float64
	Low, High   float64
	Assumptions string // version
	Request     []byte
	Snapshot    []byte
	Conclusion  []byte
	Hash        []byte
	Batch       string // that made it, or "book"; empty: somebody asked for it alone
}

// FromBook marks the valuations that the book of loans asked for.
const FromBook = "book"

// insertValuation stores a valuation and its patents in one statement.
const insertValuation = `
	WITH v AS (
		INSERT INTO valuations (id, created_at, created_by, institution, title, purpose, as_of, status, point, low, high, assumptions, request, snapshot, conclusion, hash, batch)
		VALUES ($1, $2, $3, $4, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, nullif($18, '')))
	INSERT INTO valuation_patents (institution, valuation, position, number, created_at)
	SELECT $4, $1, n - 1, number, $2 FROM unnest($5::text[]) WITH ORDINALITY AS m (number, n)`

// valuationNumbers are the patents of a valuation v as one text.
const valuationNumbers = `coalesce((SELECT string_agg(number, ';' ORDER BY position) FROM valuation_patents m WHERE m.institution = v.institution AND m.valuation = v.id), '')`

func (v *Valuation) values() []any {
	return []any{v.ID, v.CreatedAt, v.CreatedBy, v.Institution, v.Numbers, v.Title, v.Purpose, v.AsOf, v.Status, v.Point, v.Low, v.High, v.Assumptions, v.Request, v.Snapshot, v.Conclusion, v.Hash, v.Batch}
}

// PutValuation stores a valuation, once, with its act.
func (db *DB) PutValuation(ctx context.Context, v *Valuation, a Act) (err error) {
	defer fault.Wrap(&err, "store.PutValuation(%s)", v.ID)
	ctx = As(ctx, a.Institution)
	return db.recorded(ctx, a, insertValuation, v.values()...)
}

const valuationColumns = `id, created_at, created_by, institution,
	ARRAY(SELECT number FROM valuation_patents m WHERE m.institution = v.institution AND m.valuation = v.id ORDER BY position),
	title, purpose, as_of, status, point, low, high, assumptions, request, snapshot, conclusion, hash`

// Valuation returns a stored valuation of an institution, or a NotFound fault.
func (db *DB) Valuation(ctx context.Context, institution, id string) (_ Valuation, err error) {
	defer fault.Wrap(&err, "store.Valuation(%s)", id)
	ctx = As(ctx, institution)
	v, err := scanValuation(db.pool.QueryRow(ctx, `SELECT `+valuationColumns+` FROM valuations v WHERE id = $1 AND institution = $2`, id, institution))
	if errors.Is(err, pgx.ErrNoRows) {
		return Valuation{}, fault.New(fault.NotFound, "valuation.unknown", "没有这份估值参考意见。", "There is no such valuation.")
	}
	return v, err
}

func scanValuation(row pgx.Row) (v Valuation, err error) {
	err = row.Scan(&v.ID, &v.CreatedAt, &v.CreatedBy, &v.Institution, &v.Numbers, &v.Title, &v.Purpose, &v.AsOf, &v.Status, &v.Point, &v.Low, &v.High, &v.Assumptions, &v.Request, &v.Snapshot, &v.Conclusion, &v.Hash)
	v.CreatedAt = v.CreatedAt.UTC()
	return v, err
}

// ValuationSummary is a line of a list.
type ValuationSummary struct {
	ID        string        `json:"id"`
	CreatedAt time.Time     `json:"created_at"`
	CreatedBy string        `json:"created_by"`
	Number    string        `json:"number,omitempty"`
	Title     string        `json:"title"`
	Purpose   string        `json:"purpose"`
	AsOf      calendar.Date `json:"valuation_date"`
	Status    string        `json:"status"`
	Point     *float64      `json:"point"`
	Low       float64       `json:"low"`
	High      float64       `json:"high"`
	Borrower  string        `json:"borrower,omitempty"`
	Batch     string        `json:"batch,omitempty" doc:"The batch that made it, or book"`
	Waiting   bool          `json:"waiting" doc:"An officer's own figure waits for approval"`
}

// ValuationQuery says which valuations are looked for; an empty field asks
// nothing.
type ValuationQuery struct {
	Number   string    // of a patent, in its normal form
	Title    string    // part of the title, in any case of letters
	Words    string    // part of the title or of the borrower's name
	Borrower string    // part of the name
	Purpose  string    // code
	Status   string    // valued, range_only, abstained, …
	By       string    // who asked for it
	From     time.Time // made then or later
	Until    time.Time // made before then
	AtLeast  *float64  // the figure is at least this, yuan
	AtMost   *float64
	Made     string // alone: by somebody for one patent; batch: by a batch or the book
	Waiting  bool   // an officer's own figure waits for approval
}

// MadeAlone and MadeInBatch keep the rows of a file apart from a person's own work.
const (
	MadeAlone   = "alone"
	MadeInBatch = "batch"
)

// waitingOverrides are the valuations beside which a figure waits.
const waitingOverrides = `SELECT o.valuation_id FROM proposals p JOIN overrides o ON o.institution = p.institution AND o.id = p.subject
	WHERE p.institution = $1 AND p.kind = 'override' AND p.status = 'open'`

// Valuations lists an institution's valuations, newest first, after the one named
// by the cursor's creation time and id; a zero time starts at the newest. What is
// asked is answered from one index, and only the lines shown are read whole.
func (db *DB) Valuations(ctx context.Context, institution string, q ValuationQuery, after time.Time, afterID string, limit int) (_ []ValuationSummary, err error) {
	defer fault.Wrap(&err, "store.Valuations")
	ctx = As(ctx, institution)
	if after.IsZero() {
		after = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	which, args := "", []any{institution, after, afterID, limit}
	ask := func(asked bool, condition string, value any) {
		if asked {
			args = append(args, value)
			which += fmt.Sprintf(condition, len(args)) + " AND "
		}
	}
	ask(q.Number != "", `id IN (SELECT valuation FROM valuation_patents WHERE institution = $1 AND number = $%d AND (created_at, valuation) < ($2, $3))`, q.Number)
	ask(q.Title != "", `strpos(headline, lower($%d)) > 0`, q.Title)
	ask(q.Words != "", `(strpos(headline, lower($%[1]d)) > 0 OR strpos(client, lower($%[1]d)) > 0)`, q.Words)
	ask(q.Borrower != "", `strpos(client, lower($%d)) > 0`, q.Borrower)
	ask(q.Purpose != "", `purpose = $%d`, q.Purpose)
	ask(q.Status != "", `status = $%d`, q.Status)
	ask(q.By != "", `created_by = $%d`, q.By)
	ask(!q.From.IsZero(), `created_at >= $%d`, q.From)
	ask(!q.Until.IsZero(), `created_at < $%d`, q.Until)
	ask(q.AtLeast != nil, `point >= $%d`, q.AtLeast)
	ask(q.AtMost != nil, `point <= $%d`, q.AtMost)
	switch q.Made {
	case MadeAlone:
		which += "batch IS NULL AND "
	case MadeInBatch:
		which += "batch IS NOT NULL AND "
	}
	if q.Waiting {
		which += "id IN (" + waitingOverrides + ") AND "
	}
	rows, err := db.pool.Query(ctx, `
		WITH hit AS MATERIALIZED (
			SELECT created_at, id FROM valuations WHERE institution = $1 AND `+which+` (created_at, id) < ($2, $3)
			ORDER BY created_at DESC, id DESC LIMIT $4)
		SELECT v.id, v.created_at, v.created_by, `+valuationNumbers+`, v.title, v.purpose, v.as_of, v.status, v.point, v.low, v.high,
			coalesce(v.borrower, ''), coalesce(v.batch, ''), v.id IN (`+waitingOverrides+`)
		FROM hit JOIN valuations v ON v.institution = $1 AND v.id = hit.id
		ORDER BY v.created_at DESC, v.id DESC`, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (ValuationSummary, error) {
		var v ValuationSummary
		err := row.Scan(&v.ID, &v.CreatedAt, &v.CreatedBy, &v.Number, &v.Title, &v.Purpose, &v.AsOf, &v.Status, &v.Point, &v.Low, &v.High, &v.Borrower, &v.Batch, &v.Waiting)
		v.CreatedAt = v.CreatedAt.UTC()
		return v, err
	})
}

// Override is an officer's figure beside a valuation.
type Override struct {
	ID          string    `json:"id"`
	ValuationID string    `json:"valuation_id"`
	CreatedAt   time.Time `json:"created_at"`
	Officer     string    `json:"officer"`
	Value       float64   `json:"value"` // yuan
	Reason      string    `json:"reason"`

	Status     string     `json:"status"`                // open: 未经复核; approved, refused, withdrawn, expired
	Evidence   string     `json:"evidence,omitempty"`    // name of the file it rests on
	ApprovedBy string     `json:"approved_by,omitempty"` // another person
	ApprovedAt *time.Time `json:"approved_at,omitempty"`
}

// PutOverride adds an officer's figure and asks another person to stand by it;
// the valuation itself never changes.
func (db *DB) PutOverride(ctx context.Context, by Actor, o Override, evidence []byte, a Act) (err error) {
	defer fault.Wrap(&err, "store.PutOverride(%s)", o.ValuationID)
	ctx = As(ctx, by.Institution)
	return db.transact(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO overrides (id, institution, valuation_id, created_at, officer, value, reason) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			o.ID, by.Institution, o.ValuationID, o.CreatedAt, o.Officer, o.Value, o.Reason); err != nil {
			return err
		}
		if len(evidence) > 0 {
			hash := sha256.Sum256(evidence)
			if _, err := tx.Exec(ctx, `INSERT INTO override_files (override, name, sha256, content) VALUES ($1, $2, $3, $4)`, o.ID, o.Evidence, hash[:], evidence); err != nil {
				return err
			}
		}
		if err := propose(ctx, tx, by, ProposeOverride, o.ID, map[string]any{"valuation": o.ValuationID, "value": o.Value, "reason": o.Reason}, o.CreatedAt); err != nil {
			return err
		}
		return record(ctx, tx, a)
	})
}

// Overrides returns the officers' figures beside an institution's valuation,
// oldest first.
func (db *DB) Overrides(ctx context.Context, institution, valuation string) (_ []Override, err error) {
	defer fault.Wrap(&err, "store.Overrides(%s)", valuation)
	ctx = As(ctx, institution)
	rows, err := db.pool.Query(ctx, `
		SELECT o.id, o.valuation_id, o.created_at, o.officer, o.value, o.reason, coalesce((SELECT f.name FROM override_files f WHERE f.institution = o.institution AND f.override = o.id), ''), coalesce(p.status, 'open'),
			CASE WHEN p.status = 'approved' THEN p.decided_by ELSE '' END, CASE WHEN p.status = 'approved' THEN p.decided_at END
		FROM overrides o LEFT JOIN proposals p ON p.institution = o.institution AND p.kind = 'override' AND p.subject = o.id
		WHERE o.institution = $1 AND o.valuation_id = $2 ORDER BY o.created_at, o.id`, institution, valuation)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Override, error) {
		var o Override
		err := row.Scan(&o.ID, &o.ValuationID, &o.CreatedAt, &o.Officer, &o.Value, &o.Reason, &o.Evidence, &o.Status, &o.ApprovedBy, &o.ApprovedAt)
		o.CreatedAt = o.CreatedAt.UTC()
		return o, err
	})
}

// OverrideFile returns the paper that an officer's own figure rests on, or a
// NotFound fault.
func (db *DB) OverrideFile(ctx context.Context, institution, override string) (name string, content []byte, err error) {
	defer fault.Wrap(&err, "store.OverrideFile(%s)", override)
	err = db.pool.QueryRow(As(ctx, institution), `SELECT name, content FROM override_files WHERE institution = $1 AND override = $2`, institution, override).Scan(&name, &content)
	if errors.Is(err, pgx.ErrNoRows) {
		err = fault.New(fault.NotFound, "override.no_file", "这条人工意见没有附件。", "There is no file with this figure.")
	}
	return name, content, err
}

// Assumptions is a stored version of what can change a value.
type Assumptions struct {
	Version string
	Body    []byte
}

// PutAssumptions keeps a version. The same version with other content is a
// Conflict: what a stored valuation refers to never changes.
func (db *DB) PutAssumptions(ctx context.Context, version string, body []byte, note string) (err error) {
	defer fault.Wrap(&err, "store.PutAssumptions(%s)", version)
	hash := TextHash(string(body))
	var stored []byte
	err = db.pool.QueryRow(ctx, `
		WITH added AS (
			INSERT INTO assumptions (version, hash, body, note) VALUES ($1, $2, $3, $4) ON CONFLICT (institution, version) DO NOTHING RETURNING hash)
		SELECT hash FROM added UNION ALL SELECT hash FROM assumptions WHERE version = $1 AND institution = institution_now() LIMIT 1`,
		version, hash, body, note).Scan(&stored)
	if err == nil && string(stored) != string(hash) {
		err = fault.New(fault.Conflict, "assumptions.changed", "参数版本 "+version+" 已存在且内容不同，请使用新的版本号。", "Assumptions "+version+" exist with other content; give them a new version.")
	}
	return err
}

// ActivateAssumptions makes a stored version of the institution the one its new
// valuations use, on the program's own word: what ships, or is measured. What a
// person brings goes through [DB.Enact].
func (db *DB) ActivateAssumptions(ctx context.Context, version string) (err error) {
	defer fault.Wrap(&err, "store.ActivateAssumptions(%s)", version)
	return db.transact(ctx, func(tx pgx.Tx) error { return activateAssumptions(ctx, tx, version, true) })
}

func activateAssumptions(ctx context.Context, tx pgx.Tx, version string, reviewed bool) error {
	if _, err := tx.Exec(ctx, `UPDATE assumptions SET active = false WHERE active AND version <> $1 AND institution = institution_now()`, version); err != nil {
		return err
	}
	tag, err := tx.Exec(ctx, `UPDATE assumptions SET active = true, reviewed = reviewed OR $2 WHERE version = $1 AND institution = institution_now()`, version, reviewed)
	if err == nil && tag.RowsAffected() == 0 {
		err = fault.New(fault.NotFound, "assumptions.unknown", "没有参数版本 "+version+"。", "There are no assumptions "+version+".")
	}
	return err
}

// ActiveAssumptions returns the version new valuations use, the institution's
// own or else the operator's, "" when there is none.
func (db *DB) ActiveAssumptions(ctx context.Context) (version string, err error) {
	defer fault.Wrap(&err, "store.ActiveAssumptions")
	err = db.pool.QueryRow(ctx, `SELECT version FROM assumptions WHERE active AND `+visible+` ORDER BY `+ownFirst+` LIMIT 1`).Scan(&version)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	return version, err
}

// Assumptions returns a stored version. ok is false when there is none.
func (db *DB) Assumptions(ctx context.Context, version string) (a Assumptions, ok bool, err error) {
	defer fault.Wrap(&err, "store.Assumptions(%s)", version)
	err = db.pool.QueryRow(ctx, `SELECT version, body FROM assumptions WHERE version = $1 AND `+visible+` ORDER BY `+ownFirst+` LIMIT 1`, version).Scan(&a.Version, &a.Body)
	if errors.Is(err, pgx.ErrNoRows) {
		return a, false, nil
	}
	return a, err == nil, err
}
