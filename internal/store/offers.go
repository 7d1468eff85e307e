package store

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"zhijia/internal/calendar"
	"zhijia/internal/encumbrance"
	"zhijia/internal/fault"
	"zhijia/internal/money"
	"zhijia/internal/patent"
)

// OfferStatus is how far an offer has gone.
type OfferStatus = encumbrance.State

// Statuses; see [encumbrance.State].
const (
	Offered    = encumbrance.Offered
	Committed  = encumbrance.Committed
	Registered = encumbrance.Registered
	Released   = encumbrance.Released
)

// Offer is one right put up for one product, as kept: an entry of the ledger.
type Offer struct {
	patent.Offer
	Institution string      `json:"-"`
	Status      OfferStatus `json:"status"`
	OfferedAt   time.Time   `json:"offered_at"`
	ChangedAt   time.Time   `json:"changed_at"`
	ChangedBy   string      `json:"changed_by,omitempty"`

	Beneficiary  string     `json:"beneficiary,omitempty"`
	Registration string     `json:"registration,omitempty"`
	Amount       *money.Fen `json:"amount,omitempty"`
	Covers       string     `json:"covers,omitempty"`
	Evidence     string     `json:"evidence,omitempty"`
}

// Entry is the offer as the ledger's rules see it.
func (o *Offer) Entry() encumbrance.Entry {
	return encumbrance.Entry{
		Right: o.Number, Product: o.Product, Reference: o.Reference, Party: o.Party, PartyCode: o.PartyCode, State: o.Status,
		Beneficiary: o.Beneficiary, Registration: o.Registration, Amount: o.Amount, Covers: o.Covers, Evidence: o.Evidence,
	}
}

// OfferConflict is an offer that meets another of the same patent which is not
// released. Of another institution no more is told than that it noted an
// interest on a day, registered or not: a reason to look, which blocks nothing.
type OfferConflict struct {
	Number string `json:"number"`
	patent.Clash
	Product      patent.Product `json:"product"` // of the other offer, like what follows
	Status       OfferStatus    `json:"status"`
	Reference    string         `json:"reference,omitempty"`
	Party        string         `json:"party,omitempty"`
	OtherDesk    bool           `json:"other_institution"`
	OfferedAt    time.Time      `json:"offered_at"`
	OwnReference string         `json:"own_reference"` // of the offer asked about
}

// PutOffers keeps an institution's offers with a status and returns what they clash
// with, in the offers' own list and in the store, of any institution, in order of
// number. The check and the write are one step: of two offers of a patent made
// at the same moment one sees the other. An offer told again keeps its first
// time; its status becomes the one given, except that a committed offer does
// not become an offered one again.
func (db *DB) PutOffers(ctx context.Context, institution, by string, offers []patent.Offer, status OfferStatus, at time.Time) (found []OfferConflict, err error) {
	defer fault.Wrap(&err, "store.PutOffers")
	ctx = As(ctx, institution)
	err = db.transact(ctx, func(tx pgx.Tx) error {
		if status == Committed {
			if _, err := agree(ctx, tx, institution, entriesOf(offers, status), true, true, calendar.InChina(at)); err != nil {
				return err
			}
		}
		if found, err = putOffers(ctx, tx, institution, by, offers, status, at); err != nil {
			return err
		}
		numbers := make([]string, len(offers))
		for i := range offers {
			numbers[i] = offers[i].Number
		}
		reference := ""
		if len(offers) > 0 {
			reference = offers[0].Reference
		}
		return record(ctx, tx, Act{institution, by, "offer.put", reference, map[string]any{"status": status, "numbers": numbers, "conflicts": len(found)}})
	})
	return found, err
}

func putOffers(ctx context.Context, tx pgx.Tx, institution, by string, offers []patent.Offer, status OfferStatus, at time.Time) ([]OfferConflict, error) {
	if err := keepEntries(ctx, tx, institution, by, entriesOf(offers, status), at); err != nil || status == Released {
		return nil, err
	}
	return clashes(ctx, tx, institution, offers)
}

// KeepOffers is PutOffers within a transaction, without looking for clashes.
func (*DB) KeepOffers(ctx context.Context, tx pgx.Tx, institution, by string, offers []patent.Offer, status OfferStatus, at time.Time) (err error) {
	defer fault.Wrap(&err, "store.KeepOffers")
	return keepEntries(ctx, tx, institution, by, entriesOf(offers, status), at)
}

// OfferConflicts returns what offers would clash with, without keeping them.
func (db *DB) OfferConflicts(ctx context.Context, institution string, offers []patent.Offer) (_ []OfferConflict, err error) {
	defer fault.Wrap(&err, "store.OfferConflicts")
	ctx = As(ctx, institution)
	return clashes(ctx, db.pool, institution, offers)
}

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

const offerColumns = `number, institution, product, reference, party, party_code, status, offered_at, changed_at, changed_by, beneficiary, registration, amount, covers, evidence`

func scanOffer(row pgx.CollectableRow) (Offer, error) {
	var o Offer
	var amount *int64
	err := row.Scan(&o.Number, &o.Institution, &o.Product, &o.Reference, &o.Party, &o.PartyCode, &o.Status, &o.OfferedAt, &o.ChangedAt,
		&o.ChangedBy, &o.Beneficiary, &o.Registration, &amount, &o.Covers, &o.Evidence)
	o.Amount = (*money.Fen)(amount)
	o.OfferedAt, o.ChangedAt = o.OfferedAt.UTC(), o.ChangedAt.UTC()
	return o, err
}

func clashes(ctx context.Context, q querier, institution string, offers []patent.Offer) ([]OfferConflict, error) {
	numbers := make([]string, len(offers))
	for i, o := range offers {
		numbers[i] = o.Number
	}
	kept, err := ownOffers(ctx, q, institution, numbers)
	if err != nil {
		return nil, err
	}
	noted, err := elsewhere(ctx, q, offers, numbers)
	if err != nil {
		return nil, err
	}
	byNumber := map[string][]Offer{}
	for _, o := range kept {
		byNumber[o.Number] = append(byNumber[o.Number], o)
	}
	if len(kept) == 0 {
		return noted, nil
	}
	var names []string
	for _, o := range offers {
		names = append(names, o.Party)
	}
	for _, o := range kept {
		names = append(names, o.Party)
	}
	slices.Sort(names)
	group, err := partyGroups(ctx, q, institution, slices.Compact(names))
	if err != nil {
		return nil, err
	}
	var out []OfferConflict
	seen := map[patent.Offer]bool{}
	for _, o := range offers {
		if seen[o] {
			continue
		}
		seen[o] = true
		for _, other := range byNumber[o.Number] {
			if other.Product == o.Product && other.Reference == o.Reference && other.Party == o.Party {
				continue // itself
			}
			against := other.Offer
			if group[o.Party] == group[other.Party] { // a person decided that they are one
				against.Party, against.PartyCode = o.Party, o.PartyCode
			}
			clash, ok := o.Against(against)
			if !ok {
				continue
			}
			out = append(out, OfferConflict{
				Number: o.Number, Clash: clash, Product: other.Product, Status: other.Status, Reference: other.Reference, Party: other.Party,
				OfferedAt: other.OfferedAt, OwnReference: o.Reference,
			})
		}
	}
	out = append(out, noted...)
	slices.SortStableFunc(out, func(a, b OfferConflict) int { return cmp.Compare(a.Number, b.Number) })
	return out, nil
}

// SetOffers changes the status of every offer of an institution under one reference
// of a product and returns their number.
func (db *DB) SetOffers(ctx context.Context, institution, by string, product patent.Product, reference string, status OfferStatus, at time.Time) (_ int, err error) {
	defer fault.Wrap(&err, "store.SetOffers")
	ctx = As(ctx, institution)
	n := 0
	err = db.transact(ctx, func(tx pgx.Tx) error {
		if n, err = setOffers(ctx, tx, institution, by, product, reference, status, at); err != nil || n == 0 {
			return err
		}
		return record(ctx, tx, Act{institution, by, "offer." + string(status), reference, map[string]any{"product": product, "offers": n}})
	})
	return n, err
}

func setOffers(ctx context.Context, tx pgx.Tx, institution, by string, product patent.Product, reference string, status OfferStatus, at time.Time) (int, error) {
	tag, err := tx.Exec(ctx, `UPDATE collateral_offers SET status = $4, changed_at = $5, changed_by = $6 WHERE institution = $1 AND product = $2 AND reference = $3 AND status <> $4`,
		institution, product, reference, status, at, by)
	return int(tag.RowsAffected()), err
}

// Offers returns every offer an institution keeps of the patents that is not
// released, by number and time.
func (db *DB) Offers(ctx context.Context, institution string, numbers []string) (_ []Offer, err error) {
	defer fault.Wrap(&err, "store.Offers")
	return ownOffers(As(ctx, institution), db.pool, institution, numbers)
}

func ownOffers(ctx context.Context, q querier, institution string, numbers []string) ([]Offer, error) {
	rows, err := q.Query(ctx, `SELECT `+offerColumns+` FROM collateral_offers WHERE institution = $2 AND number = ANY ($1) AND status <> 'released'
		ORDER BY number, offered_at, product, reference, party`, numbers, institution)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanOffer)
}

// Interest is that another institution noted an interest in a patent, and no
// more.
type Interest struct {
	Number     string
	Noted      calendar.Date // the first of them
	Registered bool          // one of them is registered, as whoever noted it says
}

// Zh says it to an officer.
func (i Interest) Zh() string {
	registered := "未见登记"
	if i.Registered {
		registered = "称已登记"
	}
	return "另一机构于 " + i.Noted.String() + " 记录过对该专利的权益（" + registered + "），请向登记机关核实"
}

// Authorisation is a borrower's written word that other institutions may be asked
// about patents.
type Authorisation struct {
	Numbers  []string // normal forms
	Borrower string
	SignedOn calendar.Date
	Until    calendar.Date // last day; zero: the document states none
	Document string        // number or place of the signed paper
}

// PutAuthorisation notes a borrower's word, on record. Without one that is in
// force nothing is asked of other institutions about a patent.
func (db *DB) PutAuthorisation(ctx context.Context, by Actor, x Authorisation, at time.Time) (err error) {
	defer fault.Wrap(&err, "store.PutAuthorisation")
	ctx = As(ctx, by.Institution)
	today := calendar.InChina(at)
	if strings.TrimSpace(x.Borrower) == "" || strings.TrimSpace(x.Document) == "" || len(x.Numbers) == 0 || x.SignedOn.IsZero() || x.SignedOn.After(today) || !x.Until.IsZero() && x.Until.Before(x.SignedOn) {
		return fault.New(fault.Invalid, "authorisation.invalid", "请写明专利、借款人、不晚于今天的签署日和授权书编号；有效期不得早于签署日。", "Give the patents, the borrower, the day it was signed, not after today, and the document; it cannot end before it was signed.")
	}
	return db.transact(ctx, func(tx pgx.Tx) error {
		var until *calendar.Date
		if !x.Until.IsZero() {
			until = &x.Until
		}
		if _, err := tx.Exec(ctx, `
			INSERT INTO interest_authorisations (number, borrower, signed_on, valid_until, document, noted_by, noted_at)
			SELECT DISTINCT number, $2, $3::date, $4::date, $5, $6, $7::timestamptz FROM unnest($1::text[]) AS number
			ON CONFLICT (institution, number, borrower) DO UPDATE SET signed_on = EXCLUDED.signed_on, valid_until = EXCLUDED.valid_until, document = EXCLUDED.document, noted_by = EXCLUDED.noted_by, noted_at = EXCLUDED.noted_at`,
			x.Numbers, x.Borrower, x.SignedOn, until, x.Document, by.Name, at); err != nil {
			return err
		}
		return record(ctx, tx, Act{by.Institution, by.Name, "interests.authorise", x.Document, map[string]any{"numbers": x.Numbers, "borrower": x.Borrower, "signed_on": x.SignedOn, "valid_until": until}})
	})
}

// Interests returns the patents in which another institution than the one that
// asks noted an interest, by number.
func (db *DB) Interests(ctx context.Context, institution string, numbers []string) (_ []Interest, err error) {
	defer fault.Wrap(&err, "store.Interests")
	return interests(As(ctx, institution), db.pool, numbers)
}

func interests(ctx context.Context, q querier, numbers []string) (found []Interest, err error) {
	rows, err := q.Query(ctx, `SELECT number, noted, registered FROM interests_elsewhere($1)`, numbers)
	if err == nil {
		found, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Interest])
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "ZJ001" {
		err = fault.New(fault.RateLimited, "interests.limit", "今日向其他机构查询的在先权益已达1000件上限，请明日再试。", "Interests of other institutions were told for 1,000 patents today, the limit; try again tomorrow.")
	}
	return found, err
}

func elsewhere(ctx context.Context, q querier, offers []patent.Offer, numbers []string) (out []OfferConflict, err error) {
	noted, err := interests(ctx, q, numbers)
	if err != nil {
		return nil, err
	}
	for _, i := range noted {
		for _, o := range offers {
			if o.Number == i.Number {
				out = append(out, OfferConflict{Number: o.Number, Clash: patent.Clash{Code: "elsewhere", Allowed: patent.Allowed, Zh: i.Zh()}, OtherDesk: true, OfferedAt: i.Noted.Time(), OwnReference: o.Reference})
				break
			}
		}
	}
	return out, nil
}
