package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/pgvector/pgvector-go"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
)

// Patent is a patent as the sources state it. Unknown counts are nil and
// unknown texts empty.
type Patent struct {
	ID                int64         `json:"-"`
	Number            string        `json:"number"` // normal form
	PublicationNumber string        `json:"publication_number,omitempty"`
	Kind              string        `json:"kind,omitempty"`
	Title             string        `json:"title"`
	Abstract          string        `json:"abstract,omitempty"`
	Claims            string        `json:"claims,omitempty"`
	Description       string        `json:"description,omitempty"`
	IPC               []string      `json:"ipc"`
	Filing            calendar.Date `json:"filing_date"`
	Published         calendar.Date `json:"publication_date"`
	Grant             calendar.Date `json:"grant_date"`
	Owners            []string      `json:"owners"`
	Applicants        []string      `json:"applicants,omitempty"` // at filing: not today's owners
	Locarno           []string      `json:"locarno,omitempty"`    // of a design
	OwnerType         string        `json:"owner_type,omitempty"`
	FamilyID          string        `json:"family_id,omitempty"`
	ClaimCount        *int          `json:"claim_count"`
	IndependentClaims *int          `json:"independent_claims"`
	Inventors         *int          `json:"inventors"`
	FamilySize        *int          `json:"family_size"`
	CitedBy           *int          `json:"cited_by"`
	Cites             *int          `json:"cites"`
	PaidThroughYear   *int          `json:"paid_through_year"`
	AdjustmentDays    *int          `json:"term_adjustment_days"` // 专利权期限补偿, as granted; nil: not known
	ExtensionDays     *int          `json:"term_extension_days"`  // 药品专利权期限补偿, as granted; nil: not known
	Confidential      bool          `json:"confidential"`
	// ConfidentialUnknown, of a record that is merged: it does not say whether
	// the patent is published, and what is known of that stays.
	ConfidentialUnknown bool          `json:"-"`
	Source              string        `json:"source"`
	SourceDate          calendar.Date `json:"source_date"`
}

// AddedDays is what adjustment and extension, as far as known, add to the term.
func (p *Patent) AddedDays() int {
	days := 0
	for _, d := range []*int{p.AdjustmentDays, p.ExtensionDays} {
		if d != nil {
			days += *d
		}
	}
	return days
}

// AddedBy is AddedDays of a record made before a day, 0 of a later one: what
// was added is known from the record alone.
func (p *Patent) AddedBy(before calendar.Date) int {
	if !p.SourceDate.IsZero() && !p.SourceDate.Before(before) {
		return 0
	}
	return p.AddedDays()
}

// Text is what is embedded: title, abstract and claims.
func (p *Patent) Text() string { return JoinText(p.Title, p.Abstract, p.Claims) }

// Unpublished reports whether the text is not known to be public.
func (p *Patent) Unpublished() bool { return p.Confidential || p.ID == 0 && p.Number == "" }

// JoinText joins the parts of a document the one way that is embedded and
// hashed.
func JoinText(parts ...string) string {
	kept := parts[:0:0]
	for _, s := range parts {
		if s != "" {
			kept = append(kept, s)
		}
	}
	return strings.Join(kept, "\n")
}

// TextHash identifies a text by its content.
func TextHash(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

const patentColumns = `id, number, coalesce(publication_number, ''), coalesce(kind, ''), title, coalesce(abstract, ''), coalesce(claims, ''), coalesce(description, ''),
	ipc, filing_date, publication_date, grant_date, owners, coalesce(owner_type, ''), coalesce(family_id, ''),
	claim_count, independent_claims, inventor_count, family_size, cited_by, cites, paid_through_year, adjustment_days, extension_days, confidential, source, source_date, applicants, locarno`

func scanPatent(row pgx.CollectableRow) (Patent, error) {
	var p Patent
	err := row.Scan(&p.ID, &p.Number, &p.PublicationNumber, &p.Kind, &p.Title, &p.Abstract, &p.Claims, &p.Description,
		&p.IPC, &p.Filing, &p.Published, &p.Grant, &p.Owners, &p.OwnerType, &p.FamilyID,
		&p.ClaimCount, &p.IndependentClaims, &p.Inventors, &p.FamilySize, &p.CitedBy, &p.Cites, &p.PaidThroughYear, &p.AdjustmentDays, &p.ExtensionDays, &p.Confidential, &p.Source, &p.SourceDate, &p.Applicants, &p.Locarno)
	return p, err
}

// patentQuery finds a patent, own record first, by application or publication number.
const patentQuery = `
	SELECT ` + patentColumns + ` FROM patents WHERE number = (
		-- One scalar: a row-level wall lets no coalesce into an index's condition.
		SELECT number FROM (
			(SELECT 1 AS form, number FROM patents WHERE number = $1 AND ` + visible + ` LIMIT 1)
			UNION ALL
			(SELECT 2, number FROM patents WHERE publication_number = $1 AND ` + visible + ` ORDER BY ` + ownFirst + ` LIMIT 1)) AS named
		ORDER BY form LIMIT 1) AND ` + visible + `
	ORDER BY ` + ownFirst

// Patent returns the patent with the application or publication number given
// in normal form, or a NotFound fault. A record under a publication number
// that was matched with one under an application number is that one, and so is
// one under another publication of the same application.
func (db *DB) Patent(ctx context.Context, number string) (_ Patent, err error) {
	defer fault.Wrap(&err, "store.Patent(%s)", number)
	if !strings.Contains(number, ".") { // no application number
		if number, err = samePatent(ctx, db.pool, number); err != nil {
			return Patent{}, err
		}
	}
	find := func(number string) (Patent, bool, error) {
		rows, err := db.pool.Query(ctx, patentQuery, number)
		if err != nil {
			return Patent{}, false, err
		}
		found, err := pgx.CollectRows(rows, scanPatent)
		p, ok := overlay(found)
		return p, ok, err
	}
	p, ok, err := find(number)
	if n, shape := patent.ParseNumber(number); err == nil && !ok && shape == nil {
		for _, sibling := range n.Siblings() { // filed under another document of the application
			if p, ok, err = find(string(sibling)); ok || err != nil {
				break
			}
		}
	}
	if err != nil {
		return Patent{}, err
	}
	if !ok {
		return Patent{}, fault.New(fault.NotFound, "patent.unknown",
			"库中没有专利 "+number+"，请先导入，或在请求中给出标题、摘要和权利要求。",
			"Patent "+number+" is not in the store; import it, or give its title, abstract and claims in the request.")
	}
	return p, err
}

// overlay puts an institution's own record before the public one of the same
// number: what its own leaves open is taken from the public one.
func overlay(ownFirst []Patent) (p Patent, ok bool) {
	if len(ownFirst) == 0 {
		return p, false
	}
	p = ownFirst[0]
	for _, o := range ownFirst[1:] {
		if p.Abstract == "" && p.Claims == "" && p.Description == "" { // a text is one source's
			p.Abstract, p.Claims, p.Description = o.Abstract, o.Claims, o.Description
			p.ID = o.ID // whose vector is of that text
		}
		p.PublicationNumber, p.Kind, p.OwnerType, p.FamilyID = cmp.Or(p.PublicationNumber, o.PublicationNumber), cmp.Or(p.Kind, o.Kind), cmp.Or(p.OwnerType, o.OwnerType), cmp.Or(p.FamilyID, o.FamilyID)
		p.Filing, p.Published, p.Grant = cmp.Or(p.Filing, o.Filing), cmp.Or(p.Published, o.Published), cmp.Or(p.Grant, o.Grant)
		if len(p.IPC) == 0 {
			p.IPC = o.IPC
		}
		if len(p.Owners) == 0 {
			p.Owners = o.Owners
		}
		if len(p.Applicants) == 0 {
			p.Applicants = o.Applicants
		}
		if len(p.Locarno) == 0 {
			p.Locarno = o.Locarno
		}
		for _, x := range []struct{ own, other **int }{
			{&p.ClaimCount, &o.ClaimCount},
			{&p.IndependentClaims, &o.IndependentClaims},
			{&p.Inventors, &o.Inventors},
			{&p.FamilySize, &o.FamilySize},
			{&p.CitedBy, &o.CitedBy},
			{&p.Cites, &o.Cites},
			{&p.PaidThroughYear, &o.PaidThroughYear},
			{&p.AdjustmentDays, &o.AdjustmentDays},
			{&p.ExtensionDays, &o.ExtensionDays},
		} {
			*x.own = cmp.Or(*x.own, *x.other)
		}
		p.Confidential = p.Confidential || o.Confidential
	}
	return p, true
}

// PatentVector returns the stored vector of a patent in a space, nil when it
// has none or its text has changed since.
func (db *DB) PatentVector(ctx context.Context, space int, patent int64) (_ []float32, err error) {
	defer fault.Wrap(&err, "store.PatentVector")
	var v pgvector.HalfVector
	err = db.pool.QueryRow(ctx, `
		SELECT v.vector FROM patent_vectors v JOIN patents p ON p.id = v.patent_id AND p.text_hash = v.text_hash
		WHERE v.space_id = $1 AND v.patent_id = $2 AND v.`+visible, space, patent).Scan(&v)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return v.Slice(), nil
}

// patentCounts keeps of the patents p the institution's own, and of the
// operator's those the institution has no record of.
const patentCounts = `(p.institution = institution_now() OR p.institution = 'public' AND (
	NOT (SELECT EXISTS (SELECT FROM patents WHERE institution = institution_now() AND institution <> 'public'))
	OR NOT EXISTS (SELECT FROM patents o WHERE o.institution = institution_now() AND o.number = p.number)))`

// Cohort describes one IPC subclass in the store over the six years before a
// date, by filing date.
type Cohort struct {
	Recent int // filed in the last three years
	Prior  int // filed in the three years before those
	Owners int // distinct first owners in the last three years
}

// Cohort counts the filings of a subclass before a date.
func (db *DB) Cohort(ctx context.Context, subclass string, before calendar.Date) (c Cohort, err error) {
	defer fault.Wrap(&err, "store.Cohort(%s)", subclass)
	err = db.pool.QueryRow(ctx, `
		SELECT count(*) FILTER (WHERE filing_date >= $3), count(*) FILTER (WHERE filing_date < $3),
			count(DISTINCT first_owner) FILTER (WHERE filing_date >= $3)
		FROM patents p WHERE `+patentCounts+` AND subclass = $1 AND filing_date >= $2 AND filing_date < $4`,
		subclass, before.AddYears(-6), before.AddYears(-3), before).Scan(&c.Recent, &c.Prior, &c.Owners)
	return c, err
}

// NumbersOf returns the numbers of stored patents with a symbol of an IPC
// subclass, e.g. H01M, in their order; an empty subclass asks for every one.
func (db *DB) NumbersOf(ctx context.Context, subclass string, limit int) (_ []string, err error) {
	defer fault.Wrap(&err, "store.NumbersOf(%s)", subclass)
	rows, err := db.pool.Query(ctx, `SELECT DISTINCT number FROM patents WHERE `+visible+` AND ($1 = '' OR EXISTS (SELECT FROM unnest(ipc) AS i WHERE starts_with(i, $1))) ORDER BY number LIMIT $2`, subclass, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
