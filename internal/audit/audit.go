// Package audit reads what is on record: who did what, which texts left this
// system, and which institutions allow that. Start with [New].
//
// Entries are written where the thing is done, in its transaction; here they
// are only read. Every reading is of one institution; an operator's are of all.
package audit

import (
	"context"
	"strconv"
	"time"

	"zhijia/internal/fault"
	"zhijia/internal/paging"
	"zhijia/internal/store"
)

// Log is the record of a database.
type Log struct {
	db  *store.DB
	now func() time.Time
}

// New returns the log of a migrated database.
func New(db *store.DB, now func() time.Time) *Log { return &Log{db: db, now: now} }

// Entries returns up to limit sealed entries of an institution behind the
// entry numbered after, oldest first; of one subject when it is given.
func (l *Log) Entries(ctx context.Context, institution, subject string, after int64, limit int) ([]store.AuditEntry, error) {
	return l.db.Audit(ctx, institution, subject, after, limit)
}

// Egress returns one page of the texts of an institution that left, newest
// first, and the cursor of the next page, empty on the last.
func (l *Log) Egress(ctx context.Context, institution, cursor string, limit int) (page []store.Egress, next string, err error) {
	_, id, err := paging.Read(cursor)
	if err != nil {
		return nil, "", err
	}
	before := int64(0)
	if id != "" {
		if before, err = strconv.ParseInt(id, 10, 64); err != nil || before < 1 {
			return nil, "", paging.ErrCursor
		}
	}
	if page, err = l.db.EgressLog(ctx, institution, before, limit+1); err != nil {
		return nil, "", err
	}
	if len(page) > limit {
		page = page[:limit]
		next = paging.Cursor(page[limit-1].At, strconv.FormatInt(page[limit-1].ID, 10))
	}
	return append([]store.Egress{}, page...), next, nil
}

// Consents returns what the institutions decided on sending their texts to
// the model endpoint.
func (l *Log) Consents(ctx context.Context) ([]store.Consent, error) {
	list, err := l.db.ModelConsents(ctx)
	return append([]store.Consent{}, list...), err
}

// Consent returns an institution's decision; nil when it made none.
func (l *Log) Consent(ctx context.Context, institution string) (*bool, error) {
	return l.db.ModelConsent(ctx, institution)
}

// SetConsent records an institution's decision.
func (l *Log) SetConsent(ctx context.Context, by, institution string, allowed bool) (_ store.Consent, err error) {
	defer fault.Wrap(&err, "audit.SetConsent(%s)", institution)
	err = l.db.SetModelConsent(ctx, institution, allowed, by)
	return store.Consent{Institution: institution, Allowed: allowed, SetBy: by, SetAt: l.now().UTC()}, err
}
