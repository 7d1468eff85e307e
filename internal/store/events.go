package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
)

// LegalEvent is an event of a patent.
type LegalEvent struct {
	Number string // normal form
	patent.Event
}

// MergeEvents adds a batch in one transaction. An event is known by its
// patent, day, code, registration and party; told again it is the same event,
// and what the one telling leaves out the other fills in. Where both say it, the
// source that tells all events counts, then the one whose name sorts first: the
// order in which they came changes nothing.
func (db *DB) MergeEvents(ctx context.Context, batch []LegalEvent) (err error) {
	defer fault.Wrap(&err, "store.MergeEvents")
	return db.mergeEvents(ctx, batch, nil)
}

// ReplaceEvents is MergeEvents of what the records of some sources add up to: it
// takes the place of what the same sources added up to before.
func (db *DB) ReplaceEvents(ctx context.Context, batch []LegalEvent, sources []string) (err error) {
	defer fault.Wrap(&err, "store.ReplaceEvents")
	return db.mergeEvents(ctx, batch, sources)
}

func (db *DB) mergeEvents(ctx context.Context, batch []LegalEvent, sources []string) error {
	return db.transact(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `CREATE TEMP TABLE staging (number text, code text, effective date, gazette date, registration text,
			before text[], after text[], party text, licence_kind text, source text, partial boolean) ON COMMIT DROP`)
		if err != nil {
			return err
		}
		_, err = tx.CopyFrom(ctx, pgx.Identifier{"staging"},
			[]string{"number", "code", "effective", "gazette", "registration", "before", "after", "party", "licence_kind", "source", "partial"},
			pgx.CopyFromSlice(len(batch), func(i int) ([]any, error) {
				e := &batch[i]
				return []any{e.Number, e.Code, day(e.Effective), day(e.Gazette), e.Registration, list(e.Before), list(e.After), e.Party, e.LicenceKind, e.Source, e.Partial}, nil
			}))
		if err != nil {
			return err
		}
		if len(sources) > 0 { // what they no longer add up to
			if _, err := tx.Exec(ctx, `
				DELETE FROM events e WHERE institution = institution_now() AND source = ANY($1) AND number IN (SELECT number FROM staging)
					AND NOT EXISTS (SELECT FROM staging s WHERE (s.number, s.effective, s.code, s.registration, s.party) = (e.number, e.effective, e.code, e.registration, e.party))`, sources); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO events AS e (number, code, effective, gazette, registration, before, after, party, licence_kind, source, partial)
			SELECT DISTINCT ON (number, effective, code, registration, party) number, code, effective, gazette, registration, before, after, party, licence_kind, source, partial
			FROM staging ORDER BY number, effective, code, registration, party, partial, gazette NULLS LAST, cardinality(after) DESC, before DESC, after DESC, source
			ON CONFLICT (number, effective, code, registration, party, institution) DO UPDATE SET
				gazette = CASE WHEN e.source = ANY($1) THEN EXCLUDED.gazette ELSE least(e.gazette, EXCLUDED.gazette) END,
				before = CASE WHEN e.source = ANY($1) THEN EXCLUDED.before WHEN cardinality(EXCLUDED.before) = 0 OR cardinality(e.before) > 0 AND (e.partial, e.source, e.before) <= (EXCLUDED.partial, EXCLUDED.source, EXCLUDED.before) THEN e.before ELSE EXCLUDED.before END,
				after = CASE WHEN e.source = ANY($1) THEN EXCLUDED.after WHEN cardinality(EXCLUDED.after) = 0 OR cardinality(e.after) > 0 AND (e.partial, e.source, e.after) <= (EXCLUDED.partial, EXCLUDED.source, EXCLUDED.after) THEN e.after ELSE EXCLUDED.after END,
				licence_kind = CASE WHEN e.source = ANY($1) THEN EXCLUDED.licence_kind ELSE coalesce(nullif(e.licence_kind, ''), EXCLUDED.licence_kind) END,
				source = CASE WHEN e.source = ANY($1) OR (e.partial, e.source) > (EXCLUDED.partial, EXCLUDED.source) THEN EXCLUDED.source ELSE e.source END,
				partial = CASE WHEN e.source = ANY($1) THEN EXCLUDED.partial ELSE e.partial AND EXCLUDED.partial END`, sources)
		return err
	})
}

func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// Events returns every event on file of the patents, by number: the
// institution's own and the public ones, one told by both once.
func (db *DB) Events(ctx context.Context, numbers []string) (_ map[string][]patent.Event, err error) {
	defer fault.Wrap(&err, "store.Events")
	return events(ctx, db.pool, numbers)
}

func events(ctx context.Context, q querier, numbers []string) (map[string][]patent.Event, error) {
	rows, err := q.Query(ctx, `
		SELECT DISTINCT ON (number, effective, code, registration, party) number, code, effective, gazette, registration, before, after, party, licence_kind, source, partial
		FROM events WHERE number = ANY($1) AND `+visible+` ORDER BY number, effective, code, registration, party, `+ownFirst, numbers)
	if err != nil {
		return nil, err
	}
	found := map[string][]patent.Event{}
	var number string
	var e patent.Event
	var effective, gazette calendar.Date
	_, err = pgx.ForEachRow(rows, []any{&number, &e.Code, &effective, &gazette, &e.Registration, &e.Before, &e.After, &e.Party, &e.LicenceKind, &e.Source, &e.Partial}, func() error {
		e.Effective, e.Gazette = effective, gazette
		found[number] = append(found[number], e)
		e.Before, e.After = nil, nil // the next row must not share their memory
		return nil
	})
	return found, err
}
