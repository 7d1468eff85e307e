package store

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/calendar"
	"zhijia/internal/encumbrance"
	"zhijia/internal/fault"
	"zhijia/internal/money"
	"zhijia/internal/patent"
)

func entriesOf(offers []patent.Offer, status OfferStatus) []encumbrance.Entry {
	out := make([]encumbrance.Entry, len(offers))
	for i, o := range offers {
		out[i] = encumbrance.Entry{Right: o.Number, Product: o.Product, Reference: o.Reference, Party: o.Party, PartyCode: o.PartyCode, State: status}
	}
	return out
}

// PutEntries takes uses of rights into the ledger of who acts, all or none, and
// says of each agreed one what stands against it. What may not be agreed refuses
// the whole; with disputed it is kept as disputed instead, which burdens nothing.
func (db *DB) PutEntries(ctx context.Context, by Actor, entries []encumbrance.Entry, disputed bool, at time.Time) (rulings []encumbrance.Ruling, err error) {
	defer fault.Wrap(&err, "store.PutEntries")
	ctx = As(ctx, by.Institution)
	entries = slices.Clone(entries)
	err = db.transact(ctx, func(tx pgx.Tx) error {
		if err := lockLedger(ctx, tx); err != nil {
			return err
		}
		var numbers []string
		for i := range entries {
			numbers = append(numbers, entries[i].Right)
		}
		events, err := events(ctx, tx, numbers)
		if err != nil {
			return err
		}
		for i := range entries {
			e := &entries[i]
			if err := e.Check(patent.Reduce(events[e.Right], calendar.InChina(at)).Owners); err != nil {
				return err
			}
			var before encumbrance.State
			if err := tx.QueryRow(ctx, `SELECT coalesce((SELECT status FROM collateral_offers WHERE institution = $1 AND number = $2 AND product = $3 AND reference = $4 AND party = $5), '')`,
				by.Institution, e.Right, e.Product, e.Reference, e.Party).Scan(&before); err != nil {
				return err
			}
			if !before.May(e.State) {
				return fault.New(fault.Conflict, "entry.transition", "该用途现为“"+before.Zh()+"”，不能改为“"+e.State.Zh()+"”。", "The use is "+string(before)+" and cannot become "+string(e.State)+".")
			}
		}
		rulings, err = agree(ctx, tx, by.Institution, entries, true, !disputed, calendar.InChina(at))
		if err != nil {
			return err
		}
		dispute(entries, rulings)
		if err := keepEntries(ctx, tx, by.Institution, by.Name, entries, at); err != nil {
			return err
		}
		reference := ""
		if len(entries) > 0 {
			reference = entries[0].Reference
		}
		return record(ctx, tx, Act{by.Institution, by.Name, "offer.put", reference, map[string]any{"entries": entries, "rulings": rulings}})
	})
	return rulings, err
}

// JudgeEntries says what stands against uses that are not taken into the ledger:
// nothing is kept.
func (db *DB) JudgeEntries(ctx context.Context, institution string, entries []encumbrance.Entry, on calendar.Date) (rulings []encumbrance.Ruling, err error) {
	defer fault.Wrap(&err, "store.JudgeEntries")
	err = db.transact(As(ctx, institution), func(tx pgx.Tx) error {
		rulings, err = agree(ctx, tx, institution, entries, true, false, on)
		return err
	})
	return rulings, err
}

// dispute marks the entries that may not be agreed.
func dispute(entries []encumbrance.Entry, rulings []encumbrance.Ruling) {
	for i := range rulings {
		if rulings[i].Refusal() == nil {
			continue
		}
		for k := range entries {
			if entries[k].Right == rulings[i].Right && entries[k].State.Burdens() {
				entries[k].State = encumbrance.Disputed
			}
		}
	}
}

// lockLedger is held until the commit: whoever comes second sees the first.
func lockLedger(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, lockOffers)
	return err
}

// agree judges the entries that would burden their rights beside the ledger, the
// consents and, with asked, the register; the first that may not be is an error
// where strict.
func agree(ctx context.Context, tx pgx.Tx, institution string, entries []encumbrance.Entry, asked, strict bool, on calendar.Date) ([]encumbrance.Ruling, error) {
	if err := lockLedger(ctx, tx); err != nil {
		return nil, err
	}
	var numbers, names []string
	for i := range entries {
		numbers, names = append(numbers, entries[i].Right), append(names, entries[i].Party)
	}
	kept, err := ownOffers(ctx, tx, institution, numbers)
	if err != nil {
		return nil, err
	}
	consents, err := consentsOf(ctx, tx, numbers)
	if err != nil {
		return nil, err
	}
	told, err := events(ctx, tx, numbers)
	if err != nil {
		return nil, err
	}
	others := make([]encumbrance.Entry, len(kept))
	for i := range kept {
		others[i] = kept[i].Entry()
		names = append(names, kept[i].Party)
	}
	states := map[string]patent.State{}
	for n, list := range told {
		s := patent.Reduce(list, on)
		states[n], names = s, append(names, s.Owners...)
	}
	slices.Sort(names)
	group, err := partyGroups(ctx, tx, institution, slices.Compact(names))
	if err != nil {
		return nil, err
	}
	var out []encumbrance.Ruling
	for i := range entries {
		e := &entries[i]
		if !e.State.Burdens() {
			continue
		}
		beside := make([]encumbrance.Entry, len(others)) // a person decided who is one party
		for k, o := range others {
			if group[o.Party] == group[e.Party] {
				o.Party, o.PartyCode = e.Party, e.PartyCode
			}
			beside[k] = o
		}
		for k, o := range entries { // agreed in the same breath
			if k != i {
				beside = append(beside, o)
			}
		}
		var register *patent.State
		if s, ok := states[e.Right]; ok && asked {
			s.Owners = slices.Clone(s.Owners)
			for k, o := range s.Owners {
				if group[o] == group[e.Party] {
					s.Owners[k] = e.Party
				}
			}
			register = &s
		}
		r := encumbrance.Judge(e, beside, register, consents, on)
		if err := r.Refusal(); err != nil && strict {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

func keepEntries(ctx context.Context, tx pgx.Tx, institution, by string, entries []encumbrance.Entry, at time.Time) error {
	if len(entries) == 0 {
		return nil
	}
	if err := lockLedger(ctx, tx); err != nil {
		return err
	}
	columns := make([][]string, 10)
	amounts := make([]*int64, len(entries))
	for i := range entries {
		e := &entries[i]
		for c, text := range []string{e.Right, string(e.Product), e.Reference, e.Party, e.PartyCode, string(e.State), e.Beneficiary, e.Registration, e.Covers, e.Evidence} {
			columns[c] = append(columns[c], text)
		}
		amounts[i] = (*int64)(e.Amount)
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO collateral_offers AS c (number, institution, product, reference, party, party_code, status, beneficiary, registration, covers, evidence, amount, offered_at, changed_at, changed_by)
		SELECT DISTINCT ON (number, product, reference, party) number, $1, product, reference, party, code, state, beneficiary, registration, covers, evidence, amount, $2::timestamptz, $2::timestamptz, $3
		FROM unnest($4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::bigint[])
			AS o (number, product, reference, party, code, state, beneficiary, registration, covers, evidence, amount)
		ORDER BY number, product, reference, party, code DESC
		ON CONFLICT (number, institution, product, reference, party) DO UPDATE SET
			status = CASE WHEN c.status IN ('committed', 'registered', 'disputed') AND EXCLUDED.status = 'offered' OR c.status = 'registered' AND EXCLUDED.status = 'committed' THEN c.status ELSE EXCLUDED.status END,
			changed_at = EXCLUDED.changed_at, changed_by = EXCLUDED.changed_by,
			party_code = coalesce(nullif(EXCLUDED.party_code, ''), c.party_code), beneficiary = coalesce(nullif(EXCLUDED.beneficiary, ''), c.beneficiary),
			registration = coalesce(nullif(EXCLUDED.registration, ''), c.registration), covers = coalesce(nullif(EXCLUDED.covers, ''), c.covers),
			evidence = coalesce(nullif(EXCLUDED.evidence, ''), c.evidence), amount = coalesce(EXCLUDED.amount, c.amount)
		WHERE c.status <> EXCLUDED.status OR c.party_code = '' OR EXCLUDED.beneficiary <> '' OR EXCLUDED.registration <> '' OR EXCLUDED.amount IS NOT NULL`,
		institution, at, by, columns[0], columns[1], columns[2], columns[3], columns[4], columns[5], columns[6], columns[7], columns[8], columns[9], amounts)
	return err
}

// PutConsent notes a written consent, on record.
func (db *DB) PutConsent(ctx context.Context, by Actor, c encumbrance.Consent, at time.Time) (err error) {
	defer fault.Wrap(&err, "store.PutConsent")
	ctx = As(ctx, by.Institution)
	if err := c.Check(calendar.InChina(at)); err != nil {
		return err
	}
	return db.transact(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `
			INSERT INTO encumbrance_consents (number, product, reference, to_product, by_party, document, signed_on, valid_until, noted_by, noted_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
			ON CONFLICT (institution, number, product, reference, to_product, document) DO UPDATE SET
				by_party = EXCLUDED.by_party, signed_on = EXCLUDED.signed_on, valid_until = EXCLUDED.valid_until, noted_by = EXCLUDED.noted_by, noted_at = EXCLUDED.noted_at`,
			c.Right, c.Product, c.Reference, c.To, strings.TrimSpace(c.By), strings.TrimSpace(c.Document), c.SignedOn, dayOrNull(c.Until), by.Name, at); err != nil {
			return err
		}
		return record(ctx, tx, Act{by.Institution, by.Name, "offer.consent", c.Document, c})
	})
}

func dayOrNull(d calendar.Date) *calendar.Date {
	if d.IsZero() {
		return nil
	}
	return &d
}

// Consents returns an institution's written consents about rights.
func (db *DB) Consents(ctx context.Context, institution string, numbers []string) (_ []encumbrance.Consent, err error) {
	defer fault.Wrap(&err, "store.Consents")
	return consentsOf(As(ctx, institution), db.pool, numbers)
}

func consentsOf(ctx context.Context, q querier, numbers []string) ([]encumbrance.Consent, error) {
	rows, err := q.Query(ctx, `SELECT number, product, reference, to_product, by_party, document, signed_on, valid_until FROM encumbrance_consents
		WHERE institution = institution_now() AND number = ANY ($1) ORDER BY number, product, reference, to_product, document`, numbers)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (c encumbrance.Consent, err error) {
		err = row.Scan(&c.Right, &c.Product, &c.Reference, &c.To, &c.By, &c.Document, &c.SignedOn, &c.Until)
		return c, err
	})
}

// Step is one change of a use in the time line of a right.
type Step struct {
	At           time.Time         `json:"at"`
	Product      patent.Product    `json:"product"`
	Reference    string            `json:"reference"`
	Party        string            `json:"party"`
	State        encumbrance.State `json:"state"`
	Beneficiary  string            `json:"beneficiary,omitempty"`
	Registration string            `json:"registration,omitempty"`
	Amount       *money.Fen        `json:"amount,omitempty"`
	Evidence     string            `json:"evidence,omitempty"`
	By           string            `json:"by"`
}

// Steps returns every change of an institution's uses of a right, oldest first.
func (db *DB) Steps(ctx context.Context, institution, number string) (_ []Step, err error) {
	defer fault.Wrap(&err, "store.Steps")
	rows, err := db.pool.Query(As(ctx, institution), `
		SELECT at, product, reference, party, status, beneficiary, registration, amount, evidence, by_whom FROM encumbrance_history
		WHERE institution = $1 AND number = $2 ORDER BY seq`, institution, number)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (s Step, err error) {
		var amount *int64
		err = row.Scan(&s.At, &s.Product, &s.Reference, &s.Party, &s.State, &s.Beneficiary, &s.Registration, &amount, &s.Evidence, &s.By)
		s.At, s.Amount = s.At.UTC(), (*money.Fen)(amount)
		return s, err
	})
}

// EntryFilter chooses entries of an institution's ledger.
type EntryFilter struct {
	State   encumbrance.State // empty: all but released
	Product patent.Product    // empty: any
	After   string            // right
	Limit   int
}

// Entries returns one page of an institution's ledger, by right and time.
func (db *DB) Entries(ctx context.Context, institution string, f EntryFilter) (_ []Offer, err error) {
	defer fault.Wrap(&err, "store.Entries")
	rows, err := db.pool.Query(As(ctx, institution), `SELECT `+offerColumns+` FROM collateral_offers
		WHERE institution = $1 AND number > $2 AND ($3 = '' AND status <> 'released' OR status = $3) AND ($4 = '' OR product = $4)
		ORDER BY number, offered_at, product, reference, party LIMIT $5`, institution, f.After, f.State, f.Product, cmp.Or(f.Limit, 100))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanOffer)
}

// Owed returns what is owed on the booked loans of the contracts.
func (db *DB) Owed(ctx context.Context, institution string, contracts []string) (_ map[string]money.Fen, err error) {
	defer fault.Wrap(&err, "store.Owed")
	rows, err := db.pool.Query(As(ctx, institution), `SELECT contract, balance FROM book_loans WHERE institution = $1 AND contract = ANY ($2)`, institution, contracts)
	if err != nil {
		return nil, err
	}
	out := map[string]money.Fen{}
	var contract string
	var balance int64
	_, err = pgx.ForEachRow(rows, []any{&contract, &balance}, func() error { out[contract] = money.Fen(balance); return nil })
	return out, err
}
