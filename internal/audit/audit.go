// Package audit reads what is on record: who did what, which texts left this
// system, and which institutions allow that. Start with [New].
//
// Entries are written where the thing is done, in its transaction; here they
// are only read. Every reading is of one institution; an operator's are of all.
package audit

import (
	"context"
	"time"

	"zhijia/internal/paging"
	"zhijia/internal/store"
)

// What is read is as stored.
type (
	Entry   = store.AuditEntry
	Egress  = store.Egress
	Consent = store.Consent
)

// Log is the record of a database.
type Log struct {
	db  *store.DB
	now func() time.Time
}

// New returns the log of a migrated database.
func New(db *store.DB, now func() time.Time) *Log { return &Log{db: db, now: now} }

// Entries returns one page of the sealed entries of an institution, oldest
// first, of one subject when it is given, and the cursor of the next.
func (l *Log) Entries(ctx context.Context, institution, subject, cursor string, limit int) (_ []Entry, next string, err error) {
	after, err := paging.ReadNumber(cursor)
	if err != nil {
		return nil, "", err
	}
	found, err := l.db.Audit(ctx, institution, subject, after, limit+1)
	if err != nil {
		return nil, "", err
	}
	page, next := paging.Cut(found, limit, func(e *Entry) paging.Place { return paging.Numbered(e.Seq) })
	return page, next, nil
}

// Sent returns one page of the texts of an institution that left, newest
// first, and the cursor of the next.
func (l *Log) Sent(ctx context.Context, institution, cursor string, limit int) (_ []Egress, next string, err error) {
	before, err := paging.ReadNumber(cursor)
	if err != nil {
		return nil, "", err
	}
	found, err := l.db.EgressLog(ctx, institution, before, limit+1)
	if err != nil {
		return nil, "", err
	}
	page, next := paging.Cut(found, limit, func(e *Egress) paging.Place { return paging.Numbered(e.ID) })
	return page, next, nil
}

// Consents returns what the institutions decided on sending their texts to
// the model endpoint.
func (l *Log) Consents(ctx context.Context) ([]Consent, error) {
	list, err := l.db.ModelConsents(ctx)
	return append([]Consent{}, list...), err
}

// Consent returns an institution's decision; nil when it made none.
func (l *Log) Consent(ctx context.Context, institution string) (*bool, error) {
	return l.db.ModelConsent(ctx, institution)
}

// SetConsent records the decision of the actor's institution; to allow may wait
// for another person.
func (l *Log) SetConsent(ctx context.Context, a store.Actor, allowed bool) (Consent, error) {
	return l.db.SetModelConsent(ctx, a, allowed, l.now().UTC().Truncate(time.Microsecond))
}
