package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/money"
	"zhijia/internal/patent"
)

// BookLoan is a loan secured on patents.
type BookLoan struct {
	ID          string          `json:"id"`
	Institution string          `json:"-"`
	Contract    string          `json:"contract"`
	Borrower    string          `json:"borrower"`
	Principal   money.Fen       `json:"principal"`
	Balance     money.Fen       `json:"balance"`
	Maturity    calendar.Date   `json:"maturity"`
	Policy      json.RawMessage `json:"-"`
	CreatedAt   time.Time       `json:"created_at"`
	CreatedBy   string          `json:"created_by"`
	ClosedAt    *time.Time      `json:"closed_at,omitempty"`
	Patents     []BookPatent    `json:"patents"`
	Marks       []BookMark      `json:"marks,omitempty"` // trademarks in the same contract

	Industry string `json:"industry,omitempty"` // as stated, for statistics
	Bank     string `json:"bank,omitempty"`
	District string `json:"district,omitempty"`

	Product    string     `json:"product,omitempty"` // programme it is drawn under
	CreditCode string     `json:"credit_code,omitempty"`
	Outcome    string     `json:"outcome,omitempty"`  // repaid, defaulted, sold: what became of it
	Proceeds   *money.Fen `json:"proceeds,omitempty"` // of the collateral
	Standing   []string   `json:"standing"`           // what was told and still holds: breach, cover, expiry:NUMBER, ground:CODE:NUMBER, failed:NUMBER
	Review     *string    `json:"-"`                  // the proposal that another person decides on; nil: none was needed
	Reviewed   string     `json:"reviewed,omitempty"` // where another person had to approve the booking: approved, or open (未经复核)
	Approval   string     `json:"approval,omitempty"` // who approved it and why, where the checks at booking asked for it
}

// BookPatent is a patent that secures a loan.
type BookPatent struct {
	Number     string          `json:"number"`
	Input      json.RawMessage `json:"-"`
	FirstValue money.Fen       `json:"first_value"` // the first value the bank recognised
	Value      money.Fen       `json:"value"`
	Low        money.Fen       `json:"value_low"`
	Status     string          `json:"status"`
	Valuation  string          `json:"valuation"`
	ValuedOn   calendar.Date   `json:"valued_on"`
	Due        calendar.Date   `json:"next_revaluation"`
	Events     int             `json:"-"` // that had come in when its valuation was begun

	Base          money.Fen     `json:"base_value"` // a fall is measured against it
	BaseValuation string        `json:"base_valuation"`
	Alerted       string        `json:"alerted,omitempty"` // gravest fall below the base told so far
	Ceiling       float64       `json:"ltv_ceiling"`
	Expiry        calendar.Date `json:"expiry,omitzero"`
}

// BookMark is a trademark that secures a loan beside its patents.
type BookMark struct {
	Number  string    `json:"number"` // key in the ledger of rights
	Result  string    `json:"result"` // the kept decision that values it
	Value   money.Fen `json:"value"`
	Low     money.Fen `json:"value_low"`
	Ceiling float64   `json:"ltv_ceiling"`
}

// collateral reads what secures a loan.
func (l *BookLoan) collateral(ctx context.Context, db querier) (err error) {
	if l.Patents, err = bookPatents(ctx, db, l.ID); err != nil {
		return err
	}
	rows, err := db.Query(ctx, `SELECT number, result, value, low, ceiling FROM book_marks WHERE loan = $1 ORDER BY number`, l.ID)
	if err != nil {
		return err
	}
	l.Marks, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (m BookMark, err error) {
		var value, low int64
		err = row.Scan(&m.Number, &m.Result, &value, &low, &m.Ceiling)
		m.Value, m.Low = money.Fen(value), money.Fen(low)
		return m, err
	})
	return err
}

// PutBookLoan books a loan with its patents and their valuations, or nothing.
// A contract is booked once, and no loan on a patent that is committed
// elsewhere: a second pledge cannot be registered.
func (db *DB) PutBookLoan(ctx context.Context, l BookLoan, valuations []*Valuation, today calendar.Date, alerts []Alert) (err error) {
	defer fault.Wrap(&err, "store.PutBookLoan(%s)", l.Contract)
	ctx = As(ctx, l.Institution)
	return db.transact(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, lockBook); err != nil { // no event comes in unseen
			return err
		}
		tag, err := tx.Exec(ctx, `
			INSERT INTO book_loans (id, institution, contract, borrower, principal, balance, maturity, policy, created_at, created_by, product, credit_code, standing, approval, review, industry, bank, district)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) ON CONFLICT (institution, contract) DO NOTHING`,
			l.ID, l.Institution, l.Contract, l.Borrower, int64(l.Principal), int64(l.Balance), l.Maturity, []byte(l.Policy), l.CreatedAt, l.CreatedBy, l.Product, l.CreditCode, orEmpty(l.Standing), l.Approval, l.Review, l.Industry, l.Bank, l.District)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return fault.New(fault.Conflict, "book.booked", "该担保合同已在册。", "The contract is in the book already.")
		}
		sealed := make([]map[string]any, 0, len(valuations))
		for _, v := range valuations {
			v.Batch = FromBook
			sealed = append(sealed, map[string]any{"valuation": v.ID, "valuation_hash": v.Hash})
			if _, err := tx.Exec(ctx, insertValuation, v.values()...); err != nil {
				return err
			}
		}
		numbers := make([]string, len(l.Patents))
		offers := make([]patent.Offer, len(l.Patents))
		values := make([]sealedValue, len(l.Patents))
		for i, p := range l.Patents {
			numbers[i] = p.Number
			values[i] = sealedValue{p.Number, p.Value, p.Low}
			offers[i] = patent.Offer{Number: p.Number, Product: patent.ByPledge, Reference: l.Contract, Party: l.Borrower, PartyCode: l.CreditCode}
			var expiry *calendar.Date
			if !p.Expiry.IsZero() {
				expiry = &p.Expiry
			}
			if _, err := tx.Exec(ctx, `
				INSERT INTO book_patents (loan, institution, number, input, first_value, value, low, status, valuation, valued_on, due, seen, arrived, base, base_valuation, ceiling, expiry)
				VALUES ($1, $14, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, (SELECT count(*) FROM events WHERE number = $2 AND `+visible+`), $5, $8, $12, $13)`,
				l.ID, p.Number, []byte(p.Input), int64(p.FirstValue), int64(p.Value), int64(p.Low), p.Status, p.Valuation, p.ValuedOn, p.Due, p.Events, p.Ceiling, expiry, l.Institution); err != nil {
				return err
			}
		}
		for _, m := range l.Marks {
			offers = append(offers, patent.Offer{Number: m.Number, Product: patent.ByPledge, Reference: l.Contract, Party: l.Borrower, PartyCode: l.CreditCode})
			numbers = append(numbers, m.Number)
			if _, err := tx.Exec(ctx, `INSERT INTO book_marks (loan, institution, number, result, value, low, ceiling) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
				l.ID, l.Institution, m.Number, m.Result, int64(m.Value), int64(m.Low), m.Ceiling); err != nil {
				return err
			}
		}
		clashes, err := putOffers(ctx, tx, l.Institution, l.CreatedBy, offers, Committed, l.CreatedAt)
		if err != nil {
			return err
		}
		for _, c := range clashes {
			if c.Status.Burdens() && c.Allowed == patent.Forbidden {
				return fault.New(fault.Conflict, "book.pledged_elsewhere", c.Number+" 已在"+c.Reference+"用于"+c.Product.Zh()+"，不能再次质押；解除后再登记。", c.Number+" already secures something else; a second pledge cannot be registered.")
			}
		}
		if err := putAlerts(ctx, tx, &l, "request", today, l.CreatedAt, alerts); err != nil {
			return err
		}
		return record(ctx, tx, Act{l.Institution, l.CreatedBy, "book.add", l.ID, map[string]any{"contract": l.Contract, "balance": l.Balance, "product": l.Product, "patents": numbers, "values": values, "valuations": sealed, "standing": orEmpty(l.Standing), "approval": l.Approval, "reviewed": l.Reviewed}})
	})
}

const bookPatentColumns = `p.number, p.input, p.first_value, p.value, p.low, p.status, p.valuation, p.valued_on, p.due, p.arrived, p.base, p.base_valuation, p.alerted, p.ceiling, p.expiry`

func scanBookPatent(row pgx.CollectableRow) (p BookPatent, err error) {
	var first, value, low, base int64
	var expiry *calendar.Date
	err = row.Scan(&p.Number, (*[]byte)(&p.Input), &first, &value, &low, &p.Status, &p.Valuation, &p.ValuedOn, &p.Due, &p.Events, &base, &p.BaseValuation, &p.Alerted, &p.Ceiling, &expiry)
	p.FirstValue, p.Value, p.Low, p.Base = money.Fen(first), money.Fen(value), money.Fen(low), money.Fen(base)
	if expiry != nil {
		p.Expiry = *expiry
	}
	return p, err
}

func scanBookLoan(row pgx.CollectableRow) (l BookLoan, err error) {
	var principal, balance int64
	var proceeds *int64
	err = row.Scan(&l.ID, &l.Institution, &l.Contract, &l.Borrower, &principal, &balance, &l.Maturity, (*[]byte)(&l.Policy), &l.CreatedAt, &l.CreatedBy, &l.ClosedAt, &l.Product, &l.CreditCode, &l.Standing, &l.Outcome, &proceeds, &l.Approval, &l.Reviewed, &l.Industry, &l.Bank, &l.District)
	if proceeds != nil {
		x := money.Fen(*proceeds)
		l.Proceeds = &x
	}
	l.Principal, l.Balance, l.CreatedAt = money.Fen(principal), money.Fen(balance), l.CreatedAt.UTC()
	return l, err
}

const bookLoanColumns = `id, institution, contract, borrower, principal, balance, maturity, policy, created_at, created_by, closed_at, product, credit_code, standing, outcome, proceeds, approval,
	CASE WHEN review IS NOT NULL THEN coalesce((SELECT p.status FROM proposals p WHERE p.institution = book_loans.institution AND p.kind = 'booking' AND p.subject = review ORDER BY p.status = 'approved' DESC, p.id DESC LIMIT 1), 'open') ELSE '' END, industry, bank, district`

func bookPatents(ctx context.Context, db querier, loan string) ([]BookPatent, error) {
	rows, err := db.Query(ctx, `SELECT `+bookPatentColumns+` FROM book_patents p WHERE loan = $1 ORDER BY number`, loan)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanBookPatent)
}

// CountEvents returns how many events are on file about a patent.
func (db *DB) CountEvents(ctx context.Context, number string) (n int, err error) {
	err = db.pool.QueryRow(ctx, `SELECT count(*) FROM events WHERE number = $1 AND `+visible, number).Scan(&n)
	return n, err
}

// BookLoans returns an institution's open loans with their patents, by contract.
func (db *DB) BookLoans(ctx context.Context, institution string, after string, limit int) (loans []BookLoan, err error) {
	defer fault.Wrap(&err, "store.BookLoans")
	ctx = As(ctx, institution)
	rows, err := db.pool.Query(ctx, `SELECT `+bookLoanColumns+` FROM book_loans WHERE institution = $1 AND closed_at IS NULL AND contract > $2 ORDER BY contract LIMIT $3`, institution, after, limit)
	if err != nil {
		return nil, err
	}
	if loans, err = pgx.CollectRows(rows, scanBookLoan); err != nil {
		return nil, err
	}
	for i := range loans {
		if err = loans[i].collateral(ctx, db.pool); err != nil {
			return nil, err
		}
	}
	return loans, nil
}

// Told is what a look at a loan brings: what is new, and what holds now.
type Told struct {
	Alerts   []Alert
	Standing []string // codes
}

// Outcome is what became of a loan, for back-testing.
type Outcome struct {
	Kind     string     `json:"kind" enum:"repaid,defaulted,sold" doc:"sold: the collateral was."`
	Proceeds *money.Fen `json:"proceeds,omitempty" doc:"Of the collateral, yuan."`
	Note     string     `json:"note,omitempty" maxLength:"2000"`
}

// SetBookBalance records what is still owed, and what became of the loan where
// that is known; a loan paid off is closed and its patents are free. look is
// asked what the new balance means.
func (db *DB) SetBookBalance(ctx context.Context, institution, contract string, balance money.Fen, outcome *Outcome, by string, today calendar.Date, now time.Time, look func(BookLoan) (Told, error)) (err error) {
	defer fault.Wrap(&err, "store.SetBookBalance(%s)", contract)
	ctx = As(ctx, institution)
	return db.transact(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT `+bookLoanColumns+` FROM book_loans WHERE institution = $1 AND contract = $2 AND closed_at IS NULL FOR UPDATE`, institution, contract)
		if err != nil {
			return err
		}
		l, err := pgx.CollectExactlyOneRow(rows, scanBookLoan)
		if errors.Is(err, pgx.ErrNoRows) {
			return fault.New(fault.NotFound, "book.unknown", "册中没有这个担保合同。", "There is no such contract in the book.")
		}
		if err != nil {
			return err
		}
		before := l.Balance
		if l.Balance = balance; balance > 0 {
			if err := l.collateral(ctx, tx); err != nil {
				return err
			}
			told, err := look(l)
			if err != nil {
				return err
			}
			if err := putAlerts(ctx, tx, &l, "request", today, now, told.Alerts); err != nil {
				return err
			}
			l.Standing = told.Standing
		}
		detail := map[string]any{"before": before, "after": balance}
		if outcome != nil {
			l.Outcome, l.Proceeds, detail["outcome"] = outcome.Kind, outcome.Proceeds, outcome
		}
		if _, err := tx.Exec(ctx, `UPDATE book_loans SET balance = $2::bigint, standing = $4, outcome = $5, proceeds = $6, closed_at = CASE WHEN $2::bigint = 0 THEN $3::timestamptz END WHERE id = $1`,
			l.ID, int64(balance), now, orEmpty(l.Standing), l.Outcome, (*int64)(l.Proceeds)); err != nil {
			return err
		}
		if balance == 0 {
			if _, err := tx.Exec(ctx, `UPDATE book_patents SET due = NULL WHERE loan = $1`, l.ID); err != nil {
				return err
			}
			if _, err := setOffers(ctx, tx, institution, by, patent.ByPledge, contract, Released, now); err != nil {
				return err
			}
		}
		return record(ctx, tx, Act{institution, by, "book.balance", l.ID, detail})
	})
}

// putAlerts raises alerts about a booked loan: of each, the number, the level
// and what it says of the book.
func putAlerts(ctx context.Context, tx pgx.Tx, l *BookLoan, cause string, today calendar.Date, now time.Time, alerts []Alert) error {
	if len(alerts) == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, lockAlerts); err != nil { // seq is in the order of the commits
		return err
	}
	for _, a := range alerts {
		id := NewID("ba", now)
		x := a.Book
		en := fmt.Sprintf("%s, contract %s %s: collateral %s -> %s yuan.", x.Kind, l.Contract, a.Number, x.Old, x.New)
		if _, err := tx.Exec(ctx, `
			INSERT INTO alerts (id, seq, revision, institution, number, cause, code, day, zh, en, event, source, loan, status, raised_at, changed_at,
				kind, level, loan_id, trigger, old_value, new_value, detail, told)
			VALUES ($1::text, nextval('alerts_seq'), 1, $2, $3, 'book|' || $1::text, 'book_' || $4::text, $5, coalesce($6::json ->> 'zh', $4::text), $7, '', 'book', $8, 'open', $9, $9, $4::text, $10, $11, $12, $13, $14, $6::json, false)`,
			id, l.Institution, a.Number, x.Kind, today, []byte(x.Detail), en, l.Contract, now, a.Level, l.ID, cause, int64(x.Old), int64(x.New)); err != nil {
			return err
		}
	}
	return nil
}

// Revaluation is a booked patent to be valued again, as it stood when it was
// looked at.
type Revaluation struct {
	Loan   BookLoan // with all its patents
	Patent BookPatent
	Cause  string // schedule, event
}

// Revalued is the outcome stored for a revaluation.
type Revalued struct {
	Told
	Valuation *Valuation // nil: it could not be valued, and Patent is as before but for the day it is due
	Patent    BookPatent
	Detail    any
}

// DueLoan is an open loan one of whose patents is to be valued again.
type DueLoan struct{ ID, Institution string }

// dueLoans reads by index alone: what is due by the calendar, and what events
// came in about.
const dueLoans = `
	SELECT loan, institution FROM book_patents WHERE due <= $1
	UNION SELECT loan, institution FROM book_patents WHERE due IS NOT NULL AND arrived > seen ORDER BY 2, 1`

// DueLoans returns the open loans with a patent that is due on a day, or about
// which an event came in since it was valued. An institution of Everyone sees
// everyone's.
func (db *DB) DueLoans(ctx context.Context, institution string, today calendar.Date) (_ []DueLoan, err error) {
	defer fault.Wrap(&err, "store.DueLoans")
	rows, err := db.pool.Query(whose(ctx, institution), dueLoans, today)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[DueLoan])
}

// DueRevaluation returns the patent of an open loan that is to be valued first,
// with the loan as it stands; found is false when none is.
func (db *DB) DueRevaluation(ctx context.Context, institution, loan string, today calendar.Date) (r Revaluation, found bool, err error) {
	defer fault.Wrap(&err, "store.DueRevaluation(%s)", loan)
	ctx = As(ctx, institution)
	tx, err := db.pool.beginSnapshot(ctx) // one moment of the loan; it is over before anything is valued
	if err != nil {
		return r, false, err
	}
	defer tx.Rollback(context.WithoutCancel(ctx))
	var number string
	err = tx.QueryRow(ctx, `
		SELECT number, CASE WHEN due <= $2 THEN 'schedule' ELSE 'event' END FROM book_patents
		WHERE loan = $1 AND due IS NOT NULL AND (due <= $2 OR arrived > seen) ORDER BY due, number LIMIT 1`, loan, today).Scan(&number, &r.Cause)
	if errors.Is(err, pgx.ErrNoRows) {
		return r, false, nil
	}
	if err != nil {
		return r, false, err
	}
	if r.Loan, err = bookLoan(ctx, tx, loan, ""); err != nil {
		return r, false, err
	}
	r.Patent = r.Loan.Patents[slices.IndexFunc(r.Loan.Patents, func(p BookPatent) bool { return p.Number == number })]
	return r, true, nil
}

// bookLoan returns a loan with its patents; lock is of the loan, or empty.
func bookLoan(ctx context.Context, tx pgx.Tx, id, lock string) (l BookLoan, err error) {
	rows, err := tx.Query(ctx, `SELECT `+bookLoanColumns+` FROM book_loans WHERE id = $1 `+lock, id)
	if err != nil {
		return l, err
	}
	if l, err = pgx.CollectExactlyOneRow(rows, scanBookLoan); err != nil {
		return l, err
	}
	return l, l.collateral(ctx, tx)
}

// PutRevaluation stores the outcome of a revaluation with its alerts, once: what
// settle makes of the loan as it stands now. Nothing is stored when the loan was
// closed or the patent valued since r was read.
func (db *DB) PutRevaluation(ctx context.Context, r Revaluation, today calendar.Date, now time.Time, settle func(BookLoan) (Revalued, error)) (stored bool, err error) {
	defer fault.Wrap(&err, "store.PutRevaluation(%s)", r.Loan.ID)
	ctx = As(ctx, r.Loan.Institution)
	err = db.transact(ctx, func(tx pgx.Tx) error {
		stored = false
		loan, err := bookLoan(ctx, tx, r.Loan.ID, "FOR UPDATE")
		if err != nil || loan.ClosedAt != nil {
			return err
		}
		i := slices.IndexFunc(loan.Patents, func(p BookPatent) bool { return p.Number == r.Patent.Number })
		if was := &loan.Patents[i]; was.Valuation != r.Patent.Valuation || was.Due != r.Patent.Due {
			return nil
		}
		out, err := settle(loan)
		if err != nil {
			return err
		}
		p := &out.Patent
		if out.Valuation != nil {
			out.Valuation.Batch = FromBook
			if _, err := tx.Exec(ctx, insertValuation, out.Valuation.values()...); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `
			UPDATE book_patents SET value = $3, low = $4, status = $5, valuation = $6, valued_on = $7, due = $8, seen = $9, base = $10, base_valuation = $11, alerted = $12
			WHERE loan = $1 AND number = $2`,
			loan.ID, p.Number, int64(p.Value), int64(p.Low), p.Status, p.Valuation, p.ValuedOn, p.Due, r.Patent.Events, int64(p.Base), p.BaseValuation, p.Alerted); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE book_loans SET standing = $2 WHERE id = $1`, loan.ID, orEmpty(out.Standing)); err != nil {
			return err
		}
		if err := putAlerts(ctx, tx, &loan, r.Cause, today, now, out.Alerts); err != nil {
			return err
		}
		stored = true
		return record(ctx, tx, Act{loan.Institution, "system", "book.revalue", loan.ID + "/" + p.Number, out.Detail})
	})
	return stored && err == nil, err
}
