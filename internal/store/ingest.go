package store

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/pgvector/pgvector-go"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
)

// KeepKnown fills every field that a new record of something leaves open with
// what the one before said: a source that does not state a thing does not deny
// it.
func KeepKnown[T any](now *T, before T) {
	to, from := reflect.ValueOf(now).Elem(), reflect.ValueOf(before)
	for i := range to.NumField() {
		if f := to.Field(i); f.IsZero() || f.Kind() == reflect.Slice && f.Len() == 0 {
			f.Set(from.Field(i))
		}
	}
}

// sourceUnstated is the source of a patent whose file states none.
const sourceUnstated = "import"

// textHashOf is [TextHash] of [Patent.Text] in SQL.
const textHashOf = `sha256(convert_to(concat_ws(E'\n', nullif(title, ''), nullif(abstract, ''), nullif(claims, '')), 'UTF8'))`

// together makes one record of each number of a batch, the later before the
// earlier, and chooses for each the vector that is of its text, if there is one.
func together(batch []Patent, vectors [][]float32) (merged []Patent, of [][]float32) {
	at := map[string]int{}
	byText := map[string][]float32{}
	for i := range batch {
		p := batch[i]
		if vectors != nil {
			byText[p.Number+"\x00"+p.Text()] = vectors[i]
		}
		if j, again := at[p.Number]; again {
			KeepKnown(&p, merged[j])
			p.ConfidentialUnknown = batch[i].ConfidentialUnknown && merged[j].ConfidentialUnknown
			if !batch[i].ConfidentialUnknown {
				p.Confidential = batch[i].Confidential
			}
			merged[j] = p
			continue
		}
		at[p.Number] = len(merged)
		merged = append(merged, p)
	}
	of = make([][]float32, len(merged))
	for i := range merged {
		of[i] = byText[merged[i].Number+"\x00"+merged[i].Text()]
	}
	return merged, of
}

// MergePatents inserts or replaces a batch by number in one transaction:
// binary COPY into staging, then merge. vectors, when given, are the texts'
// vectors in the space, in the order of the batch; a patent is then findable
// the moment it is there. What the batch leaves open stays as it is known.
func (db *DB) MergePatents(ctx context.Context, batch []Patent, space int, vectors [][]float32) (err error) {
	defer fault.Wrap(&err, "store.MergePatents")
	batch, of := together(batch, vectors)
	return db.transact(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			CREATE TEMP TABLE staging (
				number text, publication_number text, kind text, title text, abstract text, claims text, description text, ipc text[],
				filing_date date, publication_date date, grant_date date, owners text[], owner_type text, family_id text,
				claim_count integer, independent_claims integer, inventor_count integer, family_size integer, cited_by integer, cites integer,
				paid_through_year integer, adjustment_days integer, extension_days integer, confidential boolean, source text, source_date date, stated_hash bytea, vector halfvec,
				applicants text[], locarno text[]
			) ON COMMIT DROP`)
		if err != nil {
			return err
		}
		_, err = tx.CopyFrom(ctx, pgx.Identifier{"staging"}, []string{
			"number", "publication_number", "kind", "title", "abstract", "claims", "description", "ipc",
			"filing_date", "publication_date", "grant_date", "owners", "owner_type", "family_id",
			"claim_count", "independent_claims", "inventor_count", "family_size", "cited_by", "cites",
			"paid_through_year", "adjustment_days", "extension_days", "confidential", "source", "source_date", "stated_hash", "vector",
			"applicants", "locarno",
		}, pgx.CopyFromSlice(len(batch), func(i int) ([]any, error) {
			p := &batch[i]
			var vector any
			if of[i] != nil {
				vector = pgvector.NewHalfVector(of[i])
			}
			var confidential *bool
			if p.Confidential || !p.ConfidentialUnknown {
				confidential = &p.Confidential
			}
			return []any{
				p.Number, null(p.PublicationNumber), null(p.Kind), p.Title, null(p.Abstract), null(p.Claims), null(p.Description), p.IPC,
				day(p.Filing), day(p.Published), day(p.Grant), p.Owners, null(p.OwnerType), null(p.FamilyID),
				p.ClaimCount, p.IndependentClaims, p.Inventors, p.FamilySize, p.CitedBy, p.Cites,
				p.PaidThroughYear, p.AdjustmentDays, p.ExtensionDays, confidential, null(p.Source), day(p.SourceDate), TextHash(p.Text()), vector,
				p.Applicants, p.Locarno,
			}, nil
		}))
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			UPDATE staging s SET abstract = coalesce(s.abstract, p.abstract), claims = coalesce(s.claims, p.claims),
				confidential = coalesce(s.confidential, p.confidential), source = coalesce(s.source, p.source)
			FROM patents p WHERE p.institution = institution_now() AND p.number = s.number`)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO patents AS p (number, publication_number, kind, title, abstract, claims, description, ipc,
				filing_date, publication_date, grant_date, owners, owner_type, family_id,
				claim_count, independent_claims, inventor_count, family_size, cited_by, cites,
				paid_through_year, adjustment_days, extension_days, confidential, source, source_date, text_hash, applicants, locarno)
			SELECT number, publication_number, kind, title, abstract, claims, description, coalesce(ipc, '{}'),
				filing_date, publication_date, grant_date, coalesce(owners, '{}'), owner_type, family_id,
				claim_count, independent_claims, inventor_count, family_size, cited_by, cites,
				paid_through_year, adjustment_days, extension_days, coalesce(confidential, false), coalesce(source, '`+sourceUnstated+`'), source_date, `+textHashOf+`, coalesce(applicants, '{}'), coalesce(locarno, '{}')
			FROM staging ORDER BY number
			ON CONFLICT (institution, number) DO UPDATE SET
				publication_number = coalesce(EXCLUDED.publication_number, p.publication_number), kind = coalesce(EXCLUDED.kind, p.kind),
				title = EXCLUDED.title, abstract = EXCLUDED.abstract, claims = EXCLUDED.claims,
				description = coalesce(EXCLUDED.description, p.description),
				ipc = CASE WHEN cardinality(EXCLUDED.ipc) > 0 THEN EXCLUDED.ipc ELSE p.ipc END,
				filing_date = coalesce(EXCLUDED.filing_date, p.filing_date), publication_date = coalesce(EXCLUDED.publication_date, p.publication_date),
				grant_date = coalesce(EXCLUDED.grant_date, p.grant_date),
				owners = CASE WHEN cardinality(EXCLUDED.owners) > 0 THEN EXCLUDED.owners ELSE p.owners END,
				applicants = CASE WHEN cardinality(EXCLUDED.applicants) > 0 THEN EXCLUDED.applicants ELSE p.applicants END,
				locarno = CASE WHEN cardinality(EXCLUDED.locarno) > 0 THEN EXCLUDED.locarno ELSE p.locarno END,
				owner_type = coalesce(EXCLUDED.owner_type, p.owner_type), family_id = coalesce(EXCLUDED.family_id, p.family_id),
				claim_count = coalesce(EXCLUDED.claim_count, p.claim_count), independent_claims = coalesce(EXCLUDED.independent_claims, p.independent_claims),
				inventor_count = coalesce(EXCLUDED.inventor_count, p.inventor_count), family_size = coalesce(EXCLUDED.family_size, p.family_size),
				cited_by = coalesce(EXCLUDED.cited_by, p.cited_by), cites = coalesce(EXCLUDED.cites, p.cites),
				paid_through_year = coalesce(EXCLUDED.paid_through_year, p.paid_through_year),
				adjustment_days = coalesce(EXCLUDED.adjustment_days, p.adjustment_days), extension_days = coalesce(EXCLUDED.extension_days, p.extension_days), confidential = EXCLUDED.confidential,
				source = EXCLUDED.source, source_date = coalesce(EXCLUDED.source_date, p.source_date), text_hash = EXCLUDED.text_hash, updated_at = now()`)
		if err != nil || vectors == nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO patent_vectors (space_id, patent_id, text_hash, vector)
			SELECT $1, p.id, p.text_hash, s.vector FROM staging s JOIN patents p ON p.institution = institution_now() AND p.number = s.number
			WHERE s.vector IS NOT NULL AND p.text_hash = s.stated_hash ORDER BY p.id
			ON CONFLICT (space_id, patent_id, institution) DO UPDATE SET text_hash = EXCLUDED.text_hash, vector = EXCLUDED.vector`, space)
		return err
	})
}

func null(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func day(d calendar.Date) any {
	if d.IsZero() {
		return nil
	}
	return d.Time()
}

// MergeDeals inserts or replaces a batch by id in one transaction and marks
// every deal that repeats another.
func (db *DB) MergeDeals(ctx context.Context, batch []Deal, space int, vectors [][]float32) (err error) {
	defer fault.Wrap(&err, "store.MergeDeals")
	if err := db.PutDeals(ctx, batch); err != nil {
		return err
	}
	ids := make([]string, len(batch))
	rows := make([]Unembedded, len(batch))
	for i := range batch {
		ids[i] = batch[i].ID
		rows[i] = Unembedded{DealOf: db.pool.scope(ctx), Deal: batch[i].ID, Hash: TextHash(batch[i].Text())}
	}
	err = db.transact(ctx, func(tx pgx.Tx) error {
		if err := applyValidity(ctx, tx, ids); err != nil {
			return err
		}
		return markRepeats(ctx, tx, ids)
	})
	if err != nil || vectors == nil {
		return err
	}
	return db.PutVectors(ctx, space, rows, vectors)
}

// Citation says that one document cites another.
type Citation struct {
	Citing, Cited string // normal forms
	Date          calendar.Date
	Source        string
}

// MergeCitations adds a batch; one that is there is left as it is, except that
// a known date replaces an unknown one.
func (db *DB) MergeCitations(ctx context.Context, batch []Citation) (err error) {
	defer fault.Wrap(&err, "store.MergeCitations")
	return db.transact(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `CREATE TEMP TABLE staging (citing text, cited text, date date, source text) ON COMMIT DROP`); err != nil {
			return err
		}
		_, err := tx.CopyFrom(ctx, pgx.Identifier{"staging"}, []string{"citing", "cited", "date", "source"}, pgx.CopyFromSlice(len(batch), func(i int) ([]any, error) {
			c := &batch[i]
			return []any{c.Citing, c.Cited, day(c.Date), c.Source}, nil
		}))
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO citations AS c (citing, cited, date, source)
			SELECT DISTINCT ON (citing, cited) citing, cited, date, source FROM staging ORDER BY citing, cited, date
			ON CONFLICT (institution, citing, cited) DO UPDATE SET date = coalesce(c.date, EXCLUDED.date)`)
		return err
	})
}

// Import is the record of one file taken in.
type Import struct {
	ID          string          `json:"id"`
	Institution string          `json:"-"`
	Dataset     string          `json:"dataset"`
	Name        string          `json:"name"`
	By          string          `json:"-"` // who asked for it
	StartedAt   time.Time       `json:"started_at"`
	FinishedAt  *time.Time      `json:"finished_at"` // nil: running, or the process died; run the file again to complete it
	Accepted    int64           `json:"accepted"`
	Rejected    int64           `json:"rejected"`
	Rejects     json.RawMessage `json:"rejects"` // the first of them
	Error       string          `json:"error,omitempty"`
}

// PutImport records the state of an import.
func (db *DB) PutImport(ctx context.Context, i Import) (err error) {
	defer fault.Wrap(&err, "store.PutImport(%s)", i.ID)
	if i.Rejects == nil {
		i.Rejects = json.RawMessage("[]")
	}
	sql := `
		INSERT INTO imports (id, institution, dataset, name, started_at, finished_at, accepted, rejected, rejects, error)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, nullif($10, ''))
		ON CONFLICT (id) DO UPDATE SET finished_at = EXCLUDED.finished_at, accepted = EXCLUDED.accepted,
			rejected = EXCLUDED.rejected, rejects = EXCLUDED.rejects, error = EXCLUDED.error`
	args := []any{i.ID, i.Institution, i.Dataset, i.Name, i.StartedAt, i.FinishedAt, i.Accepted, i.Rejected, i.Rejects, i.Error}
	ctx = As(ctx, i.Institution)
	if i.FinishedAt == nil {
		_, err = db.pool.Exec(ctx, sql, args...)
		return unknownInstitution(err, i.Institution)
	}
	return db.recorded(ctx, Act{i.Institution, i.By, "import", i.ID, map[string]any{"dataset": i.Dataset, "file": i.Name, "accepted": i.Accepted, "rejected": i.Rejected, "error": i.Error}}, sql, args...)
}

// Import returns the record of an import of an institution.
func (db *DB) Import(ctx context.Context, institution, id string) (i Import, err error) {
	defer fault.Wrap(&err, "store.Import(%s)", id)
	ctx = As(ctx, institution)
	err = db.pool.QueryRow(ctx, `
		SELECT id, institution, dataset, name, started_at, finished_at, accepted, rejected, rejects, coalesce(error, '')
		FROM imports WHERE id = $1 AND institution = $2`, id, institution).
		Scan(&i.ID, &i.Institution, &i.Dataset, &i.Name, &i.StartedAt, &i.FinishedAt, &i.Accepted, &i.Rejected, &i.Rejects, &i.Error)
	if errors.Is(err, pgx.ErrNoRows) {
		err = fault.New(fault.NotFound, "import.unknown", "没有这次导入。", "There is no such import.")
	}
	return i, err
}

// Counts says how much an institution sees; what is both its own and public
// counts twice.
type Counts struct {
	Patents    int64 `json:"patents"`
	Deals      int64 `json:"deals"`
	Admissible int64 `json:"admissible_deals"`
	Citations  int64 `json:"citations"`
	Valuations int64 `json:"valuations"`
	Vectors    int64 `json:"vectors_of_active_space"`
	Bytes      int64 `json:"bytes"`
}

// Counts counts the rows.
func (db *DB) Counts(ctx context.Context) (c Counts, err error) {
	defer fault.Wrap(&err, "store.Counts")
	err = db.pool.QueryRow(ctx, `
		SELECT (SELECT count(*) FROM patents WHERE `+visible+`), (SELECT count(*) FROM deals WHERE `+visible+`),
			(SELECT count(*) FROM deals WHERE exclusion IS NULL AND duplicate_of IS NULL AND `+visible+`),
			(SELECT count(*) FROM citations WHERE `+visible+`), (SELECT count(*) FROM valuations WHERE institution = institution_now()),
			(SELECT count(*) FROM patent_vectors WHERE `+visible+` AND space_id = (SELECT id FROM spaces WHERE status = 'active' AND `+visible+` ORDER BY `+ownFirst+` LIMIT 1)),
			pg_database_size(current_database())`).
		Scan(&c.Patents, &c.Deals, &c.Admissible, &c.Citations, &c.Valuations, &c.Vectors, &c.Bytes)
	return c, err
}
