package store

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/lending"
	"zhijia/internal/money"
)

// PutProgramme stores a version of an institution's loan product. The same
// version again with the same content changes nothing; with other content it
// is a Conflict.
func (db *DB) PutProgramme(ctx context.Context, institution, id, version, by string, body []byte) (err error) {
	defer fault.Wrap(&err, "store.PutProgramme(%s)", id)
	ctx = As(ctx, institution)
	return db.transact(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `INSERT INTO lending_programmes (institution, id, version, created_by, body) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`, institution, id, version, by, body)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 1 {
			return record(ctx, tx, Act{institution, by, "programme.put", id + " " + version, map[string]any{"programme": string(body)}})
		}
		var held []byte
		if err := tx.QueryRow(ctx, `SELECT body FROM lending_programmes WHERE institution = $1 AND id = $2 AND version = $3`, institution, id, version).Scan(&held); err != nil {
			return err
		}
		if !bytes.Equal(held, body) {
			return fault.New(fault.Conflict, "programme.version_taken", "该产品的这一版本已存在且内容不同，请使用新的版本号。", "This version exists with other content; use a new version.")
		}
		return nil
	})
}

// Programmes returns the latest version of each of an institution's products.
func (db *DB) Programmes(ctx context.Context, institution string) (_ [][]byte, err error) {
	defer fault.Wrap(&err, "store.Programmes")
	ctx = As(ctx, institution)
	rows, err := db.pool.Query(ctx, `SELECT DISTINCT ON (id) body FROM lending_programmes WHERE institution = $1 ORDER BY id, created_at DESC, version DESC`, institution)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[[]byte])
}

// LendingFacts returns what stands in store about programmes and patents.
func (db *DB) LendingFacts(ctx context.Context, q FactsQuery) (_ Facts, err error) {
	defer fault.Wrap(&err, "store.LendingFacts")
	ctx = As(ctx, q.Institution)
	return lendingFacts(ctx, db.pool, q)
}

// Drawn is the sum of the holds of accepted contracts and of the loans in the
// book: their balance in a revolving programme, else their principal, repaid
// or not. A contract that is booked holds nothing beside its loan.
const drawnSQL = `
	SELECT programme, borrower, credit_code, sum(amount)::bigint FROM (
		SELECT programme, borrower, credit_code, amount FROM programme_holds h
		WHERE institution = $1 AND programme = ANY ($2) AND (until IS NULL OR until >= $5) AND contract <> ALL ($4)
		AND NOT EXISTS (SELECT FROM book_loans l WHERE l.institution = h.institution AND l.contract = h.contract)
		UNION ALL
		SELECT product, borrower, credit_code, CASE WHEN product = ANY ($3) THEN balance ELSE principal END FROM book_loans
		WHERE institution = $1 AND product = ANY ($2) AND contract <> ALL ($4)
	) AS drawn GROUP BY 1, 2, 3 HAVING sum(amount) > 0 ORDER BY 1, 2, 3`

func lendingFacts(ctx context.Context, db querier, q FactsQuery) (f Facts, err error) {
	if len(q.Programmes) > 0 {
		rows, err := db.Query(ctx, drawnSQL, q.Institution, q.Programmes, orEmpty(q.Revolving), orEmpty(q.Contracts), q.Today)
		if err != nil {
			return f, err
		}
		if f.Drawn, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (d lending.Draw, err error) {
			var amount int64
			err = row.Scan(&d.Programme, &d.Borrower, &d.CreditCode, &amount)
			d.Amount = money.Fen(amount)
			return d, err
		}); err != nil {
			return f, err
		}
	}
	if len(q.Numbers) == 0 {
		return f, nil
	}
	rows, err := db.Query(ctx, `
		SELECT number, reference, product FROM collateral_offers
		WHERE institution = $1 AND number = ANY ($2) AND status IN ('committed', 'registered') AND product NOT IN ('licence', 'insurance', 'fund_position', 'guarantee') ORDER BY number, offered_at, product, reference`, q.Institution, q.Numbers)
	if err != nil {
		return f, err
	}
	f.Booked, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (b lending.Booked, err error) {
		var o Offer
		err = row.Scan(&b.Number, &b.Contract, &o.Product)
		b.What = o.Product.Zh()
		return b, err
	})
	if err != nil {
		return f, err
	}
	noted, err := interests(ctx, db, q.Numbers)
	for _, i := range noted {
		f.Booked = append(f.Booked, lending.Booked{Number: i.Number, What: i.Zh()})
	}
	if err != nil || q.Batch == "" {
		return f, err
	}
	f.Later, err = laterEvents(ctx, db, q)
	return f, err
}

// newsSQL holds for an event e that a row r of a batch b was not valued on: it
// arrived after the row ended, or took effect after the day the row was valued
// as of. $2 is today.
const newsSQL = `e.` + visible + ` AND (e.arrived_at > r.ended_at OR greatest(e.gazette, e.effective) > coalesce((r.valued->'state'->>'on')::date, b.as_of))
	AND greatest(e.gazette, e.effective) <= $2`

// RowNews are the events about the patent of a waiting row that it was not
// valued on, of a batch that was decided before.
func (db *DB) RowNews(ctx context.Context, batch string, line int, today calendar.Date) (_ []lending.Later, err error) {
	defer fault.Wrap(&err, "store.RowNews(%s)", batch)
	rows, err := db.pool.Query(ctx, `
		SELECT r.line, e.code, greatest(e.gazette, e.effective) AS public FROM batches b
		JOIN batch_rows r ON r.batch = b.id AND r.line = $3
		JOIN events e ON e.number IN (r.input->>'number', r.valued->>'key')
		WHERE b.id = $1 AND `+newsSQL+` ORDER BY public, e.code`, batch, today, line)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanLater)
}

func scanLater(row pgx.CollectableRow) (l lending.Later, err error) {
	err = row.Scan(&l.Line, &l.Code, &l.Day)
	return l, err
}

// laterEvents are the events about a batch's patents that its rows were not
// valued on: they arrived afterwards, or took effect after the batch's date.
func laterEvents(ctx context.Context, db querier, q FactsQuery) ([]lending.Later, error) {
	rows, err := db.Query(ctx, `
		SELECT r.line, e.code, greatest(e.gazette, e.effective) AS public FROM events e
		JOIN batches b ON b.id = $1
		JOIN batch_rows r ON r.batch = b.id AND r.status = 'done' AND (r.input->>'number' = e.number OR r.valued->>'key' = e.number)
		WHERE e.number = ANY ($3) AND (e.arrived_at > b.created_at OR greatest(e.gazette, e.effective) > b.as_of) AND `+newsSQL+`
		ORDER BY r.line, public, e.code`, q.Batch, q.Today, q.Numbers)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanLater)
}

// FactsStamp names the state of what decisions rest on: it changes whenever a
// file was taken in, an event arrived, a patent or a deal changed, a name was
// decided, or a loan was booked or closed.
func (db *DB) FactsStamp(ctx context.Context, institution string) (stamp string, err error) {
	defer fault.Wrap(&err, "store.FactsStamp")
	err = db.pool.QueryRow(As(ctx, institution), `
		SELECT concat_ws('|', (SELECT max(arrived_at) FROM events), (SELECT max(updated_at) FROM patents), (SELECT max(finished_at) FROM imports),
			(SELECT string_agg(changed_by, ',' ORDER BY institution) FROM deal_changes), (SELECT max(seq) FROM match_decisions), (SELECT concat(count(*), max(created_at), max(closed_at)) FROM book_loans))`).Scan(&stamp)
	return stamp, err
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// putHolds replaces what the contracts of a batch hold.
func putHolds(ctx context.Context, tx pgx.Tx, b *Batch, contracts []string, holds []Hold) error {
	if _, err := tx.Exec(ctx, `DELETE FROM programme_holds WHERE institution = $1 AND (contract = ANY ($2) OR batch = $3)`, b.Institution, orEmpty(contracts), b.ID); err != nil {
		return err
	}
	for _, h := range holds {
		var until any
		if !h.Until.IsZero() {
			until = h.Until
		}
		if _, err := tx.Exec(ctx, `INSERT INTO programme_holds (institution, contract, programme, borrower, credit_code, amount, batch, decided_on, until) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			b.Institution, h.Contract, h.Programme, h.Borrower, h.CreditCode, int64(h.Amount), b.ID, h.DecidedOn, until); err != nil {
			return err
		}
	}
	return nil
}

// Holds returns what is held of an institution's programmes on a day and not booked,
// by programme and contract.
func (db *DB) Holds(ctx context.Context, institution string, today calendar.Date) (_ []Hold, err error) {
	defer fault.Wrap(&err, "store.Holds")
	ctx = As(ctx, institution)
	rows, err := db.pool.Query(ctx, `
		SELECT programme, borrower, credit_code, amount, contract, batch, decided_on, until FROM programme_holds h
		WHERE institution = $1 AND (until IS NULL OR until >= $2) AND NOT EXISTS (SELECT FROM book_loans l WHERE l.institution = h.institution AND l.contract = h.contract)
		ORDER BY programme, contract LIMIT 10000`, institution, today)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (h Hold, err error) {
		var amount int64
		var until *calendar.Date
		err = row.Scan(&h.Programme, &h.Borrower, &h.CreditCode, &amount, &h.Contract, &h.Batch, &h.DecidedOn, &until)
		if h.Amount = money.Fen(amount); until != nil {
			h.Until = *until
		}
		return h, err
	})
}

// ReleaseHold lets go of what a contract holds, e.g. because the loan was not
// taken up.
func (db *DB) ReleaseHold(ctx context.Context, institution, contract, by, reason string) (err error) {
	defer fault.Wrap(&err, "store.ReleaseHold(%s)", contract)
	ctx = As(ctx, institution)
	return db.transact(ctx, func(tx pgx.Tx) error {
		var programme string
		var amount int64
		rows, err := tx.Query(ctx, `DELETE FROM programme_holds WHERE institution = $1 AND contract = $2 RETURNING programme, amount`, institution, contract)
		if err != nil {
			return err
		}
		n, err := pgx.ForEachRow(rows, []any{&programme, &amount}, func() error { return nil })
		if err != nil {
			return err
		}
		if n.RowsAffected() == 0 {
			return fault.New(fault.NotFound, "hold.unknown", "该合同没有占用产品额度。", "The contract holds nothing of a programme.")
		}
		return record(ctx, tx, Act{institution, by, "programme.release", contract, map[string]any{"programme": programme, "amount": money.Fen(amount), "reason": reason}})
	})
}

// EarlierBatches returns the finished batches of the same file that were taken
// in before a batch, the latest first.
func (db *DB) EarlierBatches(ctx context.Context, b *Batch, limit int) (_ []Batch, err error) {
	defer fault.Wrap(&err, "store.EarlierBatches(%s)", b.ID)
	rows, err := db.pool.Query(As(ctx, b.Institution), `
		SELECT `+batchColumns+` FROM batches
		WHERE institution = $1 AND content = $2 AND status = 'finished' AND (created_at, id) < ($3, $4)
		ORDER BY created_at DESC, id DESC LIMIT $5`, b.Institution, b.Content, b.CreatedAt, b.ID, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanBatch)
}

// ColumnMap returns what an institution said that the headers of files with
// this set of headers mean; nil when it said nothing.
func (db *DB) ColumnMap(ctx context.Context, institution string, headers []byte) (columns map[string]string, err error) {
	defer fault.Wrap(&err, "store.ColumnMap")
	var body []byte
	err = db.pool.QueryRow(As(ctx, institution), `SELECT columns FROM column_maps WHERE institution = $1 AND headers = $2`, institution, headers).Scan(&body)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return columns, json.Unmarshal(body, &columns)
}

// HasColumnMaps reports whether an institution said anything of headers.
func (db *DB) HasColumnMaps(ctx context.Context, institution string) (has bool, err error) {
	err = db.pool.QueryRow(As(ctx, institution), `SELECT EXISTS (SELECT FROM column_maps WHERE institution = $1)`, institution).Scan(&has)
	return has, err
}

// PutColumnMap keeps what the headers of a set of headers mean.
func (db *DB) PutColumnMap(ctx context.Context, institution string, headers []byte, columns map[string]string, by string) (err error) {
	defer fault.Wrap(&err, "store.PutColumnMap")
	body, err := json.Marshal(columns)
	if err != nil {
		return err
	}
	return db.transact(As(ctx, institution), func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `
			INSERT INTO column_maps (institution, headers, columns, changed_by) VALUES ($1, $2, $3, $4)
			ON CONFLICT (institution, headers) DO UPDATE SET columns = EXCLUDED.columns, changed_by = EXCLUDED.changed_by, changed_at = now()`, institution, headers, body, by); err != nil {
			return err
		}
		return record(ctx, tx, Act{institution, by, "desk.columns", hex.EncodeToString(headers), map[string]any{"columns": columns}})
	})
}
