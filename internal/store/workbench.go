package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
)

// PatentLine is a patent as a list of found patents shows it.
type PatentLine struct {
	Number   string        `json:"number"`
	Title    string        `json:"title"`
	Kind     string        `json:"kind,omitempty"`
	Owners   []string      `json:"owners"`
	IPC      []string      `json:"ipc"`
	Filing   calendar.Date `json:"filing_date"`
	Abstract string        `json:"abstract,omitempty"`
	Claims   string        `json:"-"` // their beginning
}

const patentLine = `SELECT number, title, coalesce(kind, ''), owners, ipc, filing_date, coalesce(abstract, ''), coalesce(left(claims, 2000), '') FROM patents p WHERE ` + visible

// PatentsWith returns patents that the institution sees and that have every one
// of the words in number, title, owners, classes or abstract, in any case of
// letters; at most limit, in no order.
func (db *DB) PatentsWith(ctx context.Context, words []string, limit int) (_ []PatentLine, err error) {
	defer fault.Wrap(&err, "store.PatentsWith")
	q, args := patentLine, []any{limit}
	for _, w := range words {
		args = append(args, w)
		q += fmt.Sprintf(` AND (strpos(lower(title), lower($%[1]d)) > 0 OR strpos(lower(coalesce(abstract, '')), lower($%[1]d)) > 0
			OR strpos(lower(number || ' ' || coalesce(publication_number, '') || ' ' || array_to_string(owners, ' ') || ' ' || array_to_string(ipc, ' ')), lower($%[1]d)) > 0)`, len(args))
	}
	return db.patentLines(ctx, q+` LIMIT $1`, args...)
}

// PatentLines returns the patents of these numbers, in normal form, in no order.
func (db *DB) PatentLines(ctx context.Context, numbers []string) (_ []PatentLine, err error) {
	defer fault.Wrap(&err, "store.PatentLines")
	return db.patentLines(ctx, patentLine+` AND number = ANY($1)`, numbers)
}

func (db *DB) patentLines(ctx context.Context, q string, args ...any) ([]PatentLine, error) {
	rows, err := db.pool.Query(ctx, q, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (p PatentLine, err error) {
		return p, row.Scan(&p.Number, &p.Title, &p.Kind, &p.Owners, &p.IPC, &p.Filing, &p.Abstract, &p.Claims)
	})
}

// Draft is a form that was begun.
type Draft struct {
	ID, Title string
	Form      []byte // JSON
	UpdatedAt time.Time
}

// maxDrafts and maxFilters bound what one person keeps: the oldest draft gives
// way to a new one, a filter must be removed first.
const maxDrafts, maxFilters = 20, 30

// PutDraft keeps a form for its owner, in the place of the draft of the same id.
func (db *DB) PutDraft(ctx context.Context, institution, owner string, d Draft) (err error) {
	defer fault.Wrap(&err, "store.PutDraft")
	ctx = As(ctx, institution)
	return db.transact(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `
			INSERT INTO drafts (institution, owner, id, title, form, updated_at) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (institution, owner, id) DO UPDATE SET title = EXCLUDED.title, form = EXCLUDED.form, updated_at = EXCLUDED.updated_at`,
			institution, owner, d.ID, d.Title, d.Form, d.UpdatedAt); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
			DELETE FROM drafts WHERE institution = $1 AND owner = $2
			AND id NOT IN (SELECT id FROM drafts WHERE institution = $1 AND owner = $2 ORDER BY updated_at DESC, id DESC LIMIT $3)`, institution, owner, maxDrafts)
		return err
	})
}

// Drafts returns what an owner began, the latest first.
func (db *DB) Drafts(ctx context.Context, institution, owner string) (_ []Draft, err error) {
	defer fault.Wrap(&err, "store.Drafts")
	rows, err := db.pool.Query(As(ctx, institution), `SELECT id, title, form, updated_at FROM drafts WHERE institution = $1 AND owner = $2 ORDER BY updated_at DESC, id DESC`, institution, owner)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Draft])
}

// DropDraft removes a draft; one that is gone is no error.
func (db *DB) DropDraft(ctx context.Context, institution, owner, id string) (err error) {
	defer fault.Wrap(&err, "store.DropDraft")
	_, err = db.pool.Exec(As(ctx, institution), `DELETE FROM drafts WHERE institution = $1 AND owner = $2 AND id = $3`, institution, owner, id)
	return err
}

// Filter is a list as its owner likes to see it.
type Filter struct{ Name, Query string }

// PutFilter keeps a filter under its name.
func (db *DB) PutFilter(ctx context.Context, institution, owner, list string, f Filter) (err error) {
	defer fault.Wrap(&err, "store.PutFilter")
	tag, err := db.pool.Exec(As(ctx, institution), `
		INSERT INTO saved_filters (institution, owner, list, name, query) SELECT $1, $2, $3, $4, $5
		WHERE (SELECT count(*) FROM saved_filters WHERE institution = $1 AND owner = $2 AND name <> $4) < $6
		ON CONFLICT (institution, owner, list, name) DO UPDATE SET query = EXCLUDED.query`, institution, owner, list, f.Name, f.Query, maxFilters)
	if err == nil && tag.RowsAffected() == 0 {
		err = fault.New(fault.Conflict, "filter.too_many", fmt.Sprintf("最多保存 %d 个筛选，请先删除不用的。", maxFilters), fmt.Sprintf("At most %d filters are kept; remove one first.", maxFilters))
	}
	return err
}

// Filters returns an owner's filters of a list, by name.
func (db *DB) Filters(ctx context.Context, institution, owner, list string) (_ []Filter, err error) {
	defer fault.Wrap(&err, "store.Filters")
	rows, err := db.pool.Query(As(ctx, institution), `SELECT name, query FROM saved_filters WHERE institution = $1 AND owner = $2 AND list = $3 ORDER BY name`, institution, owner, list)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Filter])
}

// DropFilter removes a filter; one that is gone is no error.
func (db *DB) DropFilter(ctx context.Context, institution, owner, list, name string) (err error) {
	defer fault.Wrap(&err, "store.DropFilter")
	_, err = db.pool.Exec(As(ctx, institution), `DELETE FROM saved_filters WHERE institution = $1 AND owner = $2 AND list = $3 AND name = $4`, institution, owner, list, name)
	return err
}

// BookedUnder is a loan of the institution's book that a patent secures.
type BookedUnder struct {
	Contract, Borrower, Status string
	Balance                    int64 // fen
	Maturity, ValuedOn, Due    calendar.Date
	BookedAt                   time.Time
}

// LoansOn returns the loans that a patent secures, the latest first.
func (db *DB) LoansOn(ctx context.Context, institution, number string) (_ []BookedUnder, err error) {
	defer fault.Wrap(&err, "store.LoansOn")
	rows, err := db.pool.Query(As(ctx, institution), `
		SELECT l.contract, l.borrower, p.status, l.balance, l.maturity, p.valued_on, p.due, l.created_at
		FROM book_patents p JOIN book_loans l ON l.id = p.loan WHERE l.institution = $1 AND p.number = $2 ORDER BY l.created_at DESC, l.contract LIMIT 50`, institution, number)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[BookedUnder])
}
