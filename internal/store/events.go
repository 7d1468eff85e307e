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
// and what the earlier telling left out is filled in.
func (db *DB) MergeEvents(ctx context.Context, batch []LegalEvent) (err error) {
	defer fault.Wrap(&err, "store.MergeEvents")
	return db.transact(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `CREATE TEMP TABLE staging (number text, code text, effective date, gazette date, registration text,
			before text[], after text[], party text, licence_kind text, source text) ON COMMIT DROP`)
		if err != nil {
			return err
		}
		_, err = tx.CopyFrom(ctx, pgx.Identifier{"staging"},
			[]string{"number", "code", "effective", "gazette", "registration", "before", "after", "party", "licence_kind", "source"},
			pgx.CopyFromSlice(len(batch), func(i int) ([]any, error) {
				e := &batch[i]
				return []any{e.Number, e.Code, day(e.Effective), day(e.Gazette), e.Registration, list(e.Before), list(e.After), e.Party, e.LicenceKind, e.Source}, nil
			}))
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO events AS e (number, code, effective, gazette, registration, before, after, party, licence_kind, source)
			SELECT DISTINCT ON (number, effective, code, registration, party) number, code, effective, gazette, registration, before, after, party, licence_kind, source
			FROM staging ORDER BY number, effective, code, registration, party, gazette NULLS LAST, cardinality(after) DESC
			ON CONFLICT (number, effective, code, registration, party, institution) DO UPDATE SET
				gazette = least(e.gazette, EXCLUDED.gazette),
				before = CASE WHEN cardinality(e.before) > 0 THEN e.before ELSE EXCLUDED.before END,
				after = CASE WHEN cardinality(e.after) > 0 THEN e.after ELSE EXCLUDED.after END,
				licence_kind = coalesce(nullif(e.licence_kind, ''), EXCLUDED.licence_kind)`)
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
		SELECT DISTINCT ON (number, effective, code, registration, party) number, code, effective, gazette, registration, before, after, party, licence_kind, source
		FROM events WHERE number = ANY($1) AND `+visible+` ORDER BY number, effective, code, registration, party, `+ownFirst, numbers)
	if err != nil {
		return nil, err
	}
	found := map[string][]patent.Event{}
	var number string
	var e patent.Event
	var effective, gazette calendar.Date
	_, err = pgx.ForEachRow(rows, []any{&number, &e.Code, &effective, &gazette, &e.Registration, &e.Before, &e.After, &e.Party, &e.LicenceKind, &e.Source}, func() error {
		e.Effective, e.Gazette = effective, gazette
		found[number] = append(found[number], e)
		e.Before, e.After = nil, nil // the next row must not share their memory
		return nil
	})
	return found, err
}
