package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/calendar"
	"zhijia/internal/encumbrance"
	"zhijia/internal/fault"
	"zhijia/internal/lending"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/scheme"
	"zhijia/internal/valuation/terms"
)

// PutSchemeUse quotes a scheme beside all that was used of it and of others for
// the same loan, and keeps the use: two at one moment cannot both have what is
// left.
func (db *DB) PutSchemeUse(ctx context.Context, by Actor, s *scheme.Scheme, a scheme.Ask, at time.Time) (q scheme.Quote, err error) {
	defer fault.Wrap(&err, "store.PutSchemeUse(%s)", s.ID)
	ctx = As(ctx, by.Institution)
	err = db.transact(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1, hashtext($2))`, lockSchemes, by.Institution); err != nil {
			return err
		}
		used, err := schemeUses(ctx, tx, "")
		if err != nil {
			return err
		}
		if q, err = s.Quote(a, used); err != nil {
			return err
		}
		if q.Verdict != scheme.Usable || q.Amount == nil {
			return fault.New(fault.Conflict, "scheme.not_usable", "方案“"+s.ID+"”"+q.VerdictZh+"，不能登记使用："+q.Why(), "The scheme is not usable as it stands.")
		}
		quote, err := json.Marshal(map[string]any{"scheme": s, "ask": a, "quote": q})
		if err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `INSERT INTO scheme_uses (scheme, version, firm, firm_code, loan, amount, used_on, quote, by_whom, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
			s.ID, s.Version, a.Firm, a.FirmCode, a.Loan, int64(*q.Amount), a.On, quote, by.Name, at)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return fault.New(fault.Conflict, "scheme.used", "该企业、该笔业务当日已登记使用本方案。", "The firm's use for that loan and day is on file.")
		}
		return record(ctx, tx, Act{by.Institution, by.Name, "scheme.use", s.ID, map[string]any{"firm": a.Firm, "loan": a.Loan, "amount": q.Amount, "on": a.On}})
	})
	return q, err
}

// SchemeUses returns what an institution's firms used, of one scheme or of all.
func (db *DB) SchemeUses(ctx context.Context, institution, id string) (_ []scheme.Use, err error) {
	defer fault.Wrap(&err, "store.SchemeUses")
	return schemeUses(As(ctx, institution), db.pool, id)
}

func schemeUses(ctx context.Context, q querier, id string) ([]scheme.Use, error) {
	rows, err := q.Query(ctx, `SELECT scheme, quote->'scheme'->>'instrument', firm, firm_code, loan, amount, used_on, quote->'ask'->>'from', quote->'ask'->>'to', coalesce((quote->'ask'->>'policy_year')::integer, 0)
		FROM scheme_uses WHERE institution = institution_now() AND ($1 = '' OR scheme = $1) ORDER BY seq`, id)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (u scheme.Use, err error) {
		var amount int64
		var from, to *string
		if err := row.Scan(&u.Scheme, &u.Instrument, &u.Firm, &u.FirmCode, &u.Loan, &amount, &u.On, &from, &to, &u.Year); err != nil {
			return u, err
		}
		u.Amount = money.Fen(amount)
		if from != nil && to != nil {
			if u.From, err = calendar.Parse(*from); err == nil {
				u.To, err = calendar.Parse(*to)
			}
		}
		return u, err
	})
}

// Answer is one stored answer of the chain's products.
type Answer struct {
	ID          string          `json:"id"`
	Institution string          `json:"-"`
	Product     string          `json:"product"`
	Subject     string          `json:"subject"`
	Rules       string          `json:"rules"`
	Input       json.RawMessage `json:"input"`
	Answer      json.RawMessage `json:"answer"`
	By          string          `json:"by"`
	At          time.Time       `json:"at"`
}

// PutAnswer keeps an answer, on record.
func (db *DB) PutAnswer(ctx context.Context, a *Answer) (err error) {
	defer fault.Wrap(&err, "store.PutAnswer(%s)", a.Product)
	ctx = As(ctx, a.Institution)
	return db.transact(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO chain_answers (id, product, subject, rules, input, answer, by_whom, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			a.ID, a.Product, a.Subject, a.Rules, []byte(a.Input), []byte(a.Answer), a.By, a.At); err != nil {
			return err
		}
		return record(ctx, tx, Act{a.Institution, a.By, "chain." + a.Product, a.ID, map[string]any{"subject": a.Subject, "rules": a.Rules, "input_sha256": sha256Hex(a.Input), "answer_sha256": sha256Hex(a.Answer)}})
	})
}

// AnswerOf returns a stored answer of an institution.
func (db *DB) AnswerOf(ctx context.Context, institution, id string) (a Answer, err error) {
	defer fault.Wrap(&err, "store.AnswerOf(%s)", id)
	err = db.pool.QueryRow(As(ctx, institution), `SELECT id, institution, product, subject, rules, input, answer, by_whom, at FROM chain_answers WHERE institution = $1 AND id = $2`, institution, id).
		Scan(&a.ID, &a.Institution, &a.Product, &a.Subject, &a.Rules, (*[]byte)(&a.Input), (*[]byte)(&a.Answer), &a.By, &a.At)
	if errors.Is(err, pgx.ErrNoRows) {
		return a, fault.New(fault.NotFound, "answer.unknown", "没有编号为 "+id+" 的结果。", "There is no answer "+id+".")
	}
	a.At = a.At.UTC()
	return a, err
}

// Intermediary is a party that works beside the bank.
type Intermediary struct {
	Code   string         `json:"credit_code"`
	Name   string         `json:"name"`
	Roles  []lending.Role `json:"roles"`
	Filing string         `json:"filing,omitempty"` // number it is registered under with its authority
}

// PutIntermediary keeps an intermediary; told again its name, roles and filing are
// the new ones.
func (db *DB) PutIntermediary(ctx context.Context, by Actor, x Intermediary, at time.Time) (err error) {
	defer fault.Wrap(&err, "store.PutIntermediary(%s)", x.Code)
	ctx = As(ctx, by.Institution)
	return db.transact(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO intermediaries (code, name, roles, filing, noted_by, noted_at) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (institution, code) DO UPDATE SET name = EXCLUDED.name, roles = EXCLUDED.roles, filing = EXCLUDED.filing, noted_by = EXCLUDED.noted_by, noted_at = EXCLUDED.noted_at`,
			x.Code, x.Name, x.Roles, x.Filing, by.Name, at); err != nil {
			return err
		}
		return record(ctx, tx, Act{by.Institution, by.Name, "intermediary.put", x.Code, x})
	})
}

// Intermediaries returns an institution's, by code.
func (db *DB) Intermediaries(ctx context.Context, institution string) (_ []Intermediary, err error) {
	defer fault.Wrap(&err, "store.Intermediaries")
	rows, err := db.pool.Query(As(ctx, institution), `SELECT code, name, roles, filing FROM intermediaries WHERE institution = $1 ORDER BY code`, institution)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Intermediary])
}

// PutDelivery keeps a report of a known intermediary in a role it has; told again
// it takes the later price.
func (db *DB) PutDelivery(ctx context.Context, by Actor, d lending.Delivery, at time.Time) (err error) {
	defer fault.Wrap(&err, "store.PutDelivery(%s)", d.Report)
	ctx = As(ctx, by.Institution)
	return db.transact(ctx, func(tx pgx.Tx) error {
		var has bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM intermediaries WHERE institution = $1 AND code = $2 AND $3 = ANY (roles))`, by.Institution, d.Code, d.Role).Scan(&has); err != nil {
			return err
		}
		if !has {
			return fault.New(fault.NotFound, "intermediary.unknown", "没有登记过该机构或它没有此角色，请先登记。", "The intermediary is not on file in that role.")
		}
		if _, err := tx.Exec(ctx, `INSERT INTO intermediary_reports (code, report, role, number, value, as_of, delivered, ours, price, price_on, noted_by, noted_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
			ON CONFLICT (institution, code, report, number) DO UPDATE SET ours = coalesce(EXCLUDED.ours, intermediary_reports.ours), price = coalesce(EXCLUDED.price, intermediary_reports.price), price_on = coalesce(EXCLUDED.price_on, intermediary_reports.price_on)`,
			d.Code, d.Report, d.Role, d.Number, int64(d.Value), d.AsOf, d.Delivered, (*int64)(d.Ours), (*int64)(d.Price), dayOrNull(d.PriceOn), by.Name, at); err != nil {
			return err
		}
		return record(ctx, tx, Act{by.Institution, by.Name, "intermediary.report", d.Report, d})
	})
}

// IntermediaryReports returns an institution's reports of intermediaries.
func (db *DB) IntermediaryReports(ctx context.Context, institution string) (_ []lending.Delivery, err error) {
	defer fault.Wrap(&err, "store.IntermediaryReports")
	rows, err := db.pool.Query(As(ctx, institution), `SELECT code, report, role, number, value, as_of, delivered, ours, price, price_on FROM intermediary_reports WHERE institution = $1 ORDER BY code, report, number`, institution)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (d lending.Delivery, err error) {
		var value int64
		var ours, price *int64
		err = row.Scan(&d.Code, &d.Report, &d.Role, &d.Number, &value, &d.AsOf, &d.Delivered, &ours, &price, &d.PriceOn)
		d.Value, d.Ours, d.Price = money.Fen(value), (*money.Fen)(ours), (*money.Fen)(price)
		return d, err
	})
}

// OpenLicence is a declaration that anybody may take a licence at a fee.
type OpenLicence struct {
	Number    string        `json:"number"`
	Declared  calendar.Date `json:"declared"`
	Withdrawn calendar.Date `json:"withdrawn,omitzero"`
	Basis     string        `json:"basis"` // lump, yearly, royalty, free
	Fee       *money.Fen    `json:"fee,omitempty"`
	Rate      *float64      `json:"rate,omitempty"` // of sales
	Years     float64       `json:"years"`
	Concluded int           `json:"concluded"` // licences taken at the fee
	Source    string        `json:"source"`
}

// Total is the fee of the whole term in yuan, yearly fees discounted at a rate a
// year; 0 where no amount is asked.
func (l *OpenLicence) Total(rate float64) float64 {
	switch {
	case l.Fee == nil:
		return 0
	case l.Basis == "yearly":
		return l.Fee.Yuan() * terms.AnnuityFactor(rate, l.Years)
	}
	return l.Fee.Yuan()
}

// deal is the plain licence that was concluded at the fee, as the ledger of deals
// takes it; false where none was, or none with an amount.
func (l *OpenLicence) deal() (Deal, bool) {
	if l.Concluded == 0 || l.Fee == nil || *l.Fee <= 0 {
		return Deal{}, false
	}
	one, amount, years := 1, l.Fee.Yuan(), l.Years
	if l.Basis == "yearly" {
		amount *= years
	}
	return Deal{
		ID: "open-licence-" + l.Number + "-" + l.Declared.String(), Title: l.Number + " 开放许可", Numbers: []string{l.Number}, Patents: &one, Amount: &amount, Currency: "CNY",
		DealKind: string(terms.DealPlainLicence), Market: "private", LicenceTerm: &years, Date: l.Declared, DateUnit: "day", Notes: fmt.Sprintf("专利开放许可，已成交 %d 份；%s", l.Concluded, l.Source),
	}, true
}

// PutOpenLicence keeps a declaration; told again it takes the new state.
func (db *DB) PutOpenLicence(ctx context.Context, by Actor, l OpenLicence, at time.Time) (err error) {
	defer fault.Wrap(&err, "store.PutOpenLicence(%s)", l.Number)
	ctx = As(ctx, by.Institution)
	if d, concluded := l.deal(); concluded {
		if p, err := db.Patent(ctx, l.Number); err == nil {
			d.Title, d.IPC, d.PatentKind, d.OwnerType = p.Title, p.IPC, p.Kind, p.OwnerType
			if len(p.Owners) > 0 {
				d.Seller = p.Owners[0]
			}
		} else if fault.KindOf(err) != fault.NotFound {
			return err
		}
		if err := db.MergeDeals(ctx, []Deal{d}, 0, nil); err != nil { // told again it is the same deal
			return err
		}
	}
	return db.transact(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO open_licences (number, declared, withdrawn, basis, fee, rate, years, concluded, source, noted_by, noted_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
			ON CONFLICT (institution, number, declared) DO UPDATE SET withdrawn = EXCLUDED.withdrawn, basis = EXCLUDED.basis, fee = EXCLUDED.fee, rate = EXCLUDED.rate, years = EXCLUDED.years,
				concluded = EXCLUDED.concluded, source = EXCLUDED.source, noted_by = EXCLUDED.noted_by, noted_at = EXCLUDED.noted_at`,
			l.Number, l.Declared, dayOrNull(l.Withdrawn), l.Basis, (*int64)(l.Fee), l.Rate, l.Years, l.Concluded, l.Source, by.Name, at); err != nil {
			return err
		}
		return record(ctx, tx, Act{by.Institution, by.Name, "open_licence.put", l.Number, l})
	})
}

// OpenLicences returns an institution's declarations of a patent, latest first;
// of all patents where the number is empty.
func (db *DB) OpenLicences(ctx context.Context, institution, number string) (_ []OpenLicence, err error) {
	defer fault.Wrap(&err, "store.OpenLicences")
	rows, err := db.pool.Query(As(ctx, institution), `SELECT number, declared, withdrawn, basis, fee, rate, years, concluded, source FROM open_licences
		WHERE institution = $1 AND ($2 = '' OR number = $2) ORDER BY number, declared DESC`, institution, number)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (l OpenLicence, err error) {
		var fee *int64
		err = row.Scan(&l.Number, &l.Declared, &l.Withdrawn, &l.Basis, &fee, &l.Rate, &l.Years, &l.Concluded, &l.Source)
		l.Fee = (*money.Fen)(fee)
		return l, err
	})
}

// PutMarks keeps what is stated of a patent for the national statistic and of the
// track of its prosecution.
func (db *DB) PutMarks(ctx context.Context, by Actor, number string, m patent.Marks, at time.Time) (err error) {
	defer fault.Wrap(&err, "store.PutMarks(%s)", number)
	ctx = As(ctx, by.Institution)
	return db.transact(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO patent_marks (number, emerging, abroad, award, track, requested, accepted, source, noted_by, noted_at) VALUES ($1, $2, $3, $4, nullif($5, ''), $6, $7, $8, $9, $10)
			ON CONFLICT (institution, number) DO UPDATE SET emerging = EXCLUDED.emerging, abroad = EXCLUDED.abroad, award = EXCLUDED.award, track = EXCLUDED.track, requested = EXCLUDED.requested,
				accepted = EXCLUDED.accepted, source = EXCLUDED.source, noted_by = EXCLUDED.noted_by, noted_at = EXCLUDED.noted_at`,
			number, known(m.Emerging), known(m.Abroad), known(m.Award), m.Track, dayOrNull(m.Requested), dayOrNull(m.Accepted), m.Source, by.Name, at); err != nil {
			return err
		}
		return record(ctx, tx, Act{by.Institution, by.Name, "patent.marks", number, m})
	})
}

func known(t patent.Truth) *bool {
	if t != patent.Yes && t != patent.No {
		return nil
	}
	yes := t == patent.Yes
	return &yes
}

func truth(b *bool) patent.Truth {
	switch {
	case b == nil:
		return patent.DontSay
	case *b:
		return patent.Yes
	}
	return patent.No
}

// Marks returns what is stated of patents; one nobody spoke of is not in it.
func (db *DB) Marks(ctx context.Context, institution string, numbers []string) (_ map[string]patent.Marks, err error) {
	defer fault.Wrap(&err, "store.Marks")
	rows, err := db.pool.Query(As(ctx, institution), `SELECT number, emerging, abroad, award, coalesce(track, ''), requested, accepted, source FROM patent_marks WHERE institution = $1 AND number = ANY ($2)`, institution, numbers)
	if err != nil {
		return nil, err
	}
	out := map[string]patent.Marks{}
	for rows.Next() {
		var number string
		var m patent.Marks
		var emerging, abroad, award *bool
		if err := rows.Scan(&number, &emerging, &abroad, &award, &m.Track, &m.Requested, &m.Accepted, &m.Source); err != nil {
			return nil, err
		}
		m.Emerging, m.Abroad, m.Award = truth(emerging), truth(abroad), truth(award)
		out[number] = m
	}
	return out, rows.Err()
}

// BookedPledges returns the loans booked by the end of a day as lines of a
// ledger: their amount when booked, so that a past day reads the same for ever.
func (db *DB) BookedPledges(ctx context.Context, institution string, asOf calendar.Date) (_ []lending.Pledge, err error) {
	defer fault.Wrap(&err, "store.BookedPledges")
	rows, err := db.pool.Query(As(ctx, institution), `
		SELECT l.contract, (l.created_at AT TIME ZONE 'Asia/Shanghai')::date, l.principal, l.industry, l.bank, l.district, array_agg(p.number ORDER BY p.number) || ARRAY(SELECT m.number FROM book_marks m WHERE m.loan = l.id ORDER BY 1)
		FROM book_loans l JOIN book_patents p ON p.loan = l.id WHERE l.institution = $1 AND (l.created_at AT TIME ZONE 'Asia/Shanghai')::date <= $2 GROUP BY l.id ORDER BY l.contract`, institution, asOf)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (p lending.Pledge, err error) {
		var amount int64
		var numbers []string
		err = row.Scan(&p.Contract, &p.Day, &amount, &p.Industry, &p.Bank, &p.District, &numbers)
		p.Amount, p.Kind, p.Rights = money.Fen(amount), kindsOf(numbers), numbers
		return p, err
	})
}

// kindsOf names the kinds of a loan's patents: one, or 组合 of several.
func kindsOf(numbers []string) string {
	found := ""
	for _, n := range numbers {
		zh := "商标"
		if encumbrance.OfKey(n).Kind == encumbrance.Patent {
			x, err := patent.ParseNumber(n)
			if err != nil || x.Kind == "" {
				return ""
			}
			zh = x.Kind.Zh()
		}
		switch {
		case found == "":
			found = zh
		case found != zh:
			return "组合"
		}
	}
	return found
}
