package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/calendar"
	"zhijia/internal/embed"
	"zhijia/internal/fault"
)

// Deal is a priced transaction as its source states it, clean or not. Unknown
// figures are nil and unknown texts empty. Words are those of
// valuation/words.go.
type Deal struct {
	ID             string        `json:"id"`
	Title          string        `json:"title"`
	Description    string        `json:"description,omitempty"`
	DescriptionBy  string        `json:"description_by,omitempty"`
	Numbers        []string      `json:"numbers,omitempty"`
	PrintedNumbers string        `json:"printed_numbers,omitempty"`
	Patents        *int          `json:"patents"`
	PatentKind     string        `json:"patent_kind,omitempty"`
	PrintedKind    string        `json:"printed_kind,omitempty"`
	IPC            []string      `json:"ipc,omitempty"`
	Amount         *float64      `json:"amount"` // whole consideration, in Currency
	Currency       string        `json:"currency"`
	Rate           *float64      `json:"rate,omitempty"` // CNY per unit of Currency at the date
	PriceKind      string        `json:"price_kind,omitempty"`
	Usability      string        `json:"usability,omitempty"`
	DealKind       string        `json:"deal_kind"`
	Method         string        `json:"method,omitempty"`
	Basis          string        `json:"basis,omitempty"`
	Appraised      *float64      `json:"appraised,omitempty"`
	LicenceTerm    *float64      `json:"licence_term_years,omitempty"`
	RoyaltyRate    *float64      `json:"royalty_rate,omitempty"`
	Date           calendar.Date `json:"date"` // first day of the stated period
	DateUnit       string        `json:"date_precision,omitempty"`
	PrintedDate    string        `json:"printed_date,omitempty"`
	RelatedParty   *bool         `json:"related_party"`
	Seller         string        `json:"seller,omitempty"`
	Buyer          string        `json:"buyer,omitempty"`
	OwnerType      string        `json:"owner_type,omitempty"`
	SourceType     string        `json:"source_type,omitempty"`
	SourceURL      string        `json:"source_url,omitempty"`
	Notes          string        `json:"notes,omitempty"`
	FamilyID       string        `json:"family_id,omitempty"`
	DuplicateOf    string        `json:"duplicate_of,omitempty"`
	Exclusion      string        `json:"exclusion_code,omitempty"` // why it is no comparable; empty: admissible
	Market         string        `json:"market,omitempty"`         // of sale, as recorded; empty: by source and kind
	Channel        string        `json:"channel,omitempty"`
	RemainingLife  *float64      `json:"remaining_life_years,omitempty"`
	Claims         *float64      `json:"claims,omitempty"`
	Family         *float64      `json:"family,omitempty"`
	Assignees      *float64      `json:"assignees,omitempty"`
	Quality        *float64      `json:"quality,omitempty"`
	Event          string        `json:"event,omitempty"` // session or notice that several deals share
}

// Text is what is embedded: title and description.
func (d *Deal) Text() string { return JoinText(d.Title, d.Description) }

// wholeDeal are the columns of [Deal].
const wholeDeal = `id, title, coalesce(description, ''), coalesce(description_by, ''), numbers, coalesce(printed_numbers, ''), patents, coalesce(patent_kind, ''),
			coalesce(printed_kind, ''), ipc, amount::float8, currency, rate, coalesce(price_kind, ''), coalesce(usability, ''), deal_kind, coalesce(method, ''),
			coalesce(basis, ''), appraised::float8, licence_term, royalty_rate, date, coalesce(date_unit, ''), coalesce(printed_date, ''), related_party,
			coalesce(seller, ''), coalesce(buyer, ''), coalesce(owner_type, ''), coalesce(source_type, ''), coalesce(source_url, ''), coalesce(notes, ''),
			coalesce(family_id, ''), coalesce(duplicate_of, ''), coalesce(exclusion, ''), coalesce(market, ''), coalesce(channel, ''),
			remaining_life, claim_count, family_size, assignees, quality, coalesce(event, '')`

// OwnDeals returns the institution's own deals of these ids, by id.
func (db *DB) OwnDeals(ctx context.Context, ids []string) (_ map[string]Deal, err error) {
	defer fault.Wrap(&err, "store.OwnDeals")
	rows, err := db.pool.Query(ctx, `SELECT `+wholeDeal+` FROM deals WHERE institution = institution_now() AND id = ANY ($1)`, ids)
	if err != nil {
		return nil, err
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Deal])
	out := make(map[string]Deal, len(list))
	for _, d := range list {
		out[d.ID] = d
	}
	return out, err
}

// PutDeals inserts or replaces deals by id, all or none. The same deal
// imported twice is one deal.
func (db *DB) PutDeals(ctx context.Context, deals []Deal) (err error) {
	defer fault.Wrap(&err, "store.PutDeals")
	return db.transact(ctx, func(tx pgx.Tx) error {
		batch := &pgx.Batch{}
		for i := range deals {
			d := &deals[i]
			text := d.Text()
			batch.Queue(`
				INSERT INTO deals (id, title, description, description_by, numbers, printed_numbers, patents, patent_kind, printed_kind, ipc,
					amount, currency, rate, price_kind, usability, deal_kind, method, basis, appraised, licence_term, royalty_rate,
					date, date_unit, printed_date, related_party, seller, buyer, owner_type, source_type, source_url, notes,
					family_id, duplicate_of, exclusion, remaining_life, claim_count, family_size, assignees, quality, text_hash, terms, market, channel, event)
				VALUES ($1, $2, nullif($3, ''), nullif($4, ''), coalesce($5, '{}'::text[]), nullif($6, ''), $7, nullif($8, ''), nullif($9, ''), coalesce($10, '{}'::text[]),
					$11::float8::numeric, $12, $13, nullif($14, ''), nullif($15, ''), $16, nullif($17, ''), nullif($18, ''), $19::float8::numeric, $20, $21,
					$22, nullif($23, ''), nullif($24, ''), $25, nullif($26, ''), nullif($27, ''), nullif($28, ''), nullif($29, ''), nullif($30, ''), nullif($31, ''),
					nullif($32, ''), nullif($33, ''), nullif($34, ''), $35, $36, $37, $38, $39, $40, $41, nullif($42, ''), nullif($43, ''), nullif($44, ''))
				ON CONFLICT (institution, id) DO UPDATE SET
					title = EXCLUDED.title, description = EXCLUDED.description, description_by = EXCLUDED.description_by, numbers = EXCLUDED.numbers,
					printed_numbers = EXCLUDED.printed_numbers, patents = EXCLUDED.patents, patent_kind = EXCLUDED.patent_kind,
					printed_kind = EXCLUDED.printed_kind, ipc = EXCLUDED.ipc, amount = EXCLUDED.amount, currency = EXCLUDED.currency, rate = EXCLUDED.rate,
					price_kind = EXCLUDED.price_kind, usability = EXCLUDED.usability, deal_kind = EXCLUDED.deal_kind, method = EXCLUDED.method,
					basis = EXCLUDED.basis, appraised = EXCLUDED.appraised, licence_term = EXCLUDED.licence_term, royalty_rate = EXCLUDED.royalty_rate,
					date = EXCLUDED.date, date_unit = EXCLUDED.date_unit, printed_date = EXCLUDED.printed_date, related_party = EXCLUDED.related_party,
					seller = EXCLUDED.seller, buyer = EXCLUDED.buyer, owner_type = EXCLUDED.owner_type, source_type = EXCLUDED.source_type,
					source_url = EXCLUDED.source_url, notes = EXCLUDED.notes, family_id = EXCLUDED.family_id, duplicate_of = EXCLUDED.duplicate_of,
					exclusion = EXCLUDED.exclusion, market = EXCLUDED.market, channel = EXCLUDED.channel, remaining_life = EXCLUDED.remaining_life, claim_count = EXCLUDED.claim_count,
					family_size = EXCLUDED.family_size, assignees = EXCLUDED.assignees, quality = EXCLUDED.quality,
					text_hash = EXCLUDED.text_hash, terms = EXCLUDED.terms, event = EXCLUDED.event, updated_at = now()`,
				d.ID, d.Title, d.Description, d.DescriptionBy, d.Numbers, d.PrintedNumbers, d.Patents, d.PatentKind, d.PrintedKind, d.IPC,
				d.Amount, d.Currency, d.Rate, d.PriceKind, d.Usability, d.DealKind, d.Method, d.Basis, d.Appraised, d.LicenceTerm, d.RoyaltyRate,
				d.Date, d.DateUnit, d.PrintedDate, d.RelatedParty, d.Seller, d.Buyer, d.OwnerType, d.SourceType, d.SourceURL, d.Notes,
				d.FamilyID, d.DuplicateOf, d.Exclusion, d.RemainingLife, d.Claims, d.Family, d.Assignees, d.Quality, TextHash(text), packTerms(embed.Bigrams(text)), d.Market, d.Channel, d.Event)
		}
		return tx.SendBatch(ctx, batch).Close()
	})
}
