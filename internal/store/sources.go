package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
)

// SourceRecord is what one document of one source states about one patent.
type SourceRecord struct {
	Number    string
	Source    string
	Hash      []byte // of the body
	Body      json.RawMessage
	AsOf      calendar.Date
	Retrieved calendar.Date
	Checked   calendar.Date
	Document  string
	File      string
}

// PutSourceRecords keeps records; one that is there is only known to have been
// seen again. alias maps publication numbers to the application that they are
// of: what was kept under a publication moves to it. Of the source replace, if
// one is named, the batch takes the place of what it said of its numbers before.
func (db *DB) PutSourceRecords(ctx context.Context, batch []SourceRecord, alias map[string]string, replace string) (err error) {
	defer fault.Wrap(&err, "store.PutSourceRecords")
	return db.transact(ctx, func(tx pgx.Tx) error {
		var b pgx.Batch
		if replace != "" {
			numbers := make([]string, len(batch))
			for i := range batch {
				numbers[i] = batch[i].Number
			}
			b.Queue(`DELETE FROM source_records WHERE institution = institution_now() AND source = $1 AND number = ANY($2)`, replace, numbers)
		}
		for i := range batch {
			r := &batch[i]
			b.Queue(`INSERT INTO source_records AS s (number, source, hash, body, as_of, retrieved, checked, document, file) VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8)
				ON CONFLICT (institution, number, source, hash) DO UPDATE SET
					as_of = greatest(s.as_of, EXCLUDED.as_of), retrieved = least(s.retrieved, EXCLUDED.retrieved), checked = greatest(s.checked, EXCLUDED.checked),
					document = least(s.document, EXCLUDED.document), file = least(s.file, EXCLUDED.file)
				WHERE (s.as_of, s.retrieved, s.checked, s.document, s.file) IS DISTINCT FROM
					(greatest(s.as_of, EXCLUDED.as_of), least(s.retrieved, EXCLUDED.retrieved), greatest(s.checked, EXCLUDED.checked), least(s.document, EXCLUDED.document), least(s.file, EXCLUDED.file))`,
				r.Number, r.Source, r.Hash, []byte(r.Body), day(r.AsOf), day(r.Retrieved), r.Document, r.File)
		}
		for publication, application := range alias {
			b.Queue(`INSERT INTO source_records (number, source, hash, body, as_of, retrieved, checked, document, file)
				SELECT $2, source, hash, body, as_of, retrieved, checked, document, file FROM source_records WHERE institution = institution_now() AND number = $1
				ON CONFLICT DO NOTHING`, publication, application)
			b.Queue(`DELETE FROM patents WHERE institution = institution_now() AND number = $1
				AND EXISTS (SELECT FROM source_records s WHERE s.institution = institution_now() AND s.number = $1)`, publication)
			b.Queue(`DELETE FROM source_records WHERE institution = institution_now() AND number = $1`, publication)
		}
		return tx.SendBatch(ctx, &b).Close()
	})
}

// NameDocument gives records of an import the hash of its document. One that
// the same file brought before keeps what it has.
func (db *DB) NameDocument(ctx context.Context, id, hash string) (err error) {
	defer fault.Wrap(&err, "store.NameDocument")
	_, err = db.pool.Exec(ctx, `UPDATE source_records SET document = $2 WHERE institution = institution_now() AND document = $1`, id, hash)
	return err
}

// SourceRecords returns what sources state about patents: the institution's own
// and the operator's. own leaves the operator's out.
func (db *DB) SourceRecords(ctx context.Context, numbers []string, own bool) (_ map[string][]SourceRecord, err error) {
	defer fault.Wrap(&err, "store.SourceRecords")
	rows, err := db.pool.Query(ctx, `SELECT number, source, hash, body, as_of, retrieved, checked, document, file FROM source_records
		WHERE number = ANY($1) AND `+visible+` AND (NOT $2 OR institution = institution_now())
		ORDER BY number, source, as_of DESC NULLS LAST, hash`, numbers, own)
	if err != nil {
		return nil, err
	}
	out := map[string][]SourceRecord{}
	var r SourceRecord
	var body []byte
	_, err = pgx.ForEachRow(rows, []any{&r.Number, &r.Source, &r.Hash, &body, &r.AsOf, &r.Retrieved, &r.Checked, &r.Document, &r.File}, func() error {
		r.Body = bytes.Clone(body)
		r.Hash = bytes.Clone(r.Hash)
		out[r.Number] = append(out[r.Number], r)
		return nil
	})
	return out, err
}

// ApplicationsOf returns the application numbers of the institution's patents
// that have one of the publication numbers, by publication number.
func (db *DB) ApplicationsOf(ctx context.Context, publications []string) (_ map[string]string, err error) {
	defer fault.Wrap(&err, "store.ApplicationsOf")
	rows, err := db.pool.Query(ctx, `
		SELECT DISTINCT ON (publication_number) publication_number, number FROM patents
		WHERE publication_number = ANY($1) AND number <> publication_number AND `+visible+` ORDER BY publication_number, `+ownFirst+`, number`, publications)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	var publication, number string
	_, err = pgx.ForEachRow(rows, []any{&publication, &number}, func() error {
		out[publication] = number
		return nil
	})
	return out, err
}

// OwnPatents returns the institution's own records of patents, as they stand.
func (db *DB) OwnPatents(ctx context.Context, numbers []string) (_ []Patent, err error) {
	defer fault.Wrap(&err, "store.OwnPatents")
	rows, err := db.pool.Query(ctx, `SELECT `+patentColumns+` FROM patents WHERE institution = institution_now() AND number = ANY($1) ORDER BY number`, numbers)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanPatent)
}

// SourceDocument is a raw document of a fetch.
type SourceDocument struct {
	Hash      string
	Source    string
	Address   string
	MediaType string
	Body      []byte // nil: not kept
	Size      int64
	At        time.Time
}

// PutSourceDocument keeps a raw document once.
func (db *DB) PutSourceDocument(ctx context.Context, d SourceDocument) (err error) {
	defer fault.Wrap(&err, "store.PutSourceDocument")
	var packed []byte
	if d.Body != nil {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		if _, err := w.Write(d.Body); err != nil {
			return err
		}
		if err := w.Close(); err != nil {
			return err
		}
		packed = b.Bytes()
	}
	_, err = db.pool.Exec(ctx, `INSERT INTO source_documents (hash, source, address, media_type, size, body, retrieved_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (institution, hash) DO NOTHING`, d.Hash, d.Source, d.Address, d.MediaType, d.Size, packed, d.At)
	return err
}

// SourceDocument returns a raw document by its hash.
func (db *DB) SourceDocument(ctx context.Context, hash string) (d SourceDocument, err error) {
	defer fault.Wrap(&err, "store.SourceDocument(%s)", hash)
	var packed []byte
	err = db.pool.QueryRow(ctx, `SELECT hash, source, address, media_type, size, body, retrieved_at FROM source_documents WHERE hash = $1 AND `+visible+` ORDER BY `+ownFirst+` LIMIT 1`, hash).
		Scan(&d.Hash, &d.Source, &d.Address, &d.MediaType, &d.Size, &packed, &d.At)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return d, fault.New(fault.NotFound, "document.unknown", "没有该哈希的原始文件。", "There is no document with this hash.")
	case err != nil || packed == nil:
		return d, err
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return d, err
	}
	d.Body, err = io.ReadAll(r)
	return d, err
}

// PutSourceMiss notes that a source does not have a patent.
func (db *DB) PutSourceMiss(ctx context.Context, source, number, code string, at time.Time) error {
	_, err := db.pool.Exec(ctx, `INSERT INTO source_misses (source, number, code, at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (institution, source, number) DO UPDATE SET code = EXCLUDED.code, at = EXCLUDED.at`, source, number, code, at)
	return err
}

// SourceMisses returns which of the patents a source did not have after a time.
func (db *DB) SourceMisses(ctx context.Context, source string, numbers []string, after time.Time) (_ map[string]string, err error) {
	defer fault.Wrap(&err, "store.SourceMisses")
	rows, err := db.pool.Query(ctx, `SELECT number, code FROM source_misses WHERE institution = institution_now() AND source = $1 AND number = ANY($2) AND at > $3`, source, numbers, after)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	var number, code string
	_, err = pgx.ForEachRow(rows, []any{&number, &code}, func() error {
		out[number] = code
		return nil
	})
	return out, err
}

// AddSourceUsage counts what was taken from a source, for all processes.
func (db *DB) AddSourceUsage(ctx context.Context, source string, requests, size int64, at time.Time) error {
	_, err := db.pool.Exec(ctx, `INSERT INTO source_usage AS u (source, hour, requests, bytes) VALUES ($1, date_trunc('hour', $2::timestamptz), $3, $4)
		ON CONFLICT (source, hour) DO UPDATE SET requests = u.requests + EXCLUDED.requests, bytes = u.bytes + EXCLUDED.bytes`, source, at, requests, size)
	return err
}

// SourceUsage returns the bytes taken from a source in the hour and the week
// before a time, and until when and why it must not be asked.
func (db *DB) SourceUsage(ctx context.Context, source string, at time.Time) (hour, week int64, until time.Time, reason string, err error) {
	defer fault.Wrap(&err, "store.SourceUsage")
	err = db.pool.QueryRow(ctx, `
		SELECT coalesce(sum(bytes) FILTER (WHERE hour = date_trunc('hour', $2::timestamptz)), 0)::bigint, coalesce(sum(bytes) FILTER (WHERE hour > $2::timestamptz - interval '7 days'), 0)::bigint,
			coalesce((SELECT p.until FROM source_pauses p WHERE p.source = $1), 'epoch'), coalesce((SELECT p.reason FROM source_pauses p WHERE p.source = $1), '')
		FROM source_usage WHERE source = $1`, source, at).Scan(&hour, &week, &until, &reason)
	return hour, week, until, reason, err
}

// PauseSource keeps every process from asking a source until a time.
func (db *DB) PauseSource(ctx context.Context, source string, until time.Time, reason string) error {
	_, err := db.pool.Exec(ctx, `INSERT INTO source_pauses AS p (source, until, reason) VALUES ($1, $2, $3)
		ON CONFLICT (source) DO UPDATE SET until = EXCLUDED.until, reason = EXCLUDED.reason WHERE EXCLUDED.until > p.until`, source, until, reason)
	return err
}

// SourcePrecedence returns what the institution set; nil when it set nothing.
func (db *DB) SourcePrecedence(ctx context.Context) (p map[string][]string, err error) {
	defer fault.Wrap(&err, "store.SourcePrecedence")
	var body []byte
	err = db.pool.QueryRow(ctx, `SELECT precedence FROM source_settings WHERE institution = institution_now()`).Scan(&body)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return p, json.Unmarshal(body, &p)
}

// SetSourcePrecedence keeps what the institution sets.
func (db *DB) SetSourcePrecedence(ctx context.Context, a Actor, p map[string][]string) (err error) {
	defer fault.Wrap(&err, "store.SetSourcePrecedence")
	body, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return db.recorded(As(ctx, a.Institution), Act{a.Institution, a.Name, "source.precedence", a.Institution, p},
		`INSERT INTO source_settings (institution, precedence, set_by) VALUES ($1, $2, $3)
		ON CONFLICT (institution) DO UPDATE SET precedence = EXCLUDED.precedence, set_by = EXCLUDED.set_by, set_at = now()`, a.Institution, body, a.Name)
}
