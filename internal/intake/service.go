package intake

import (
	"context"
	"io"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/deal"
	"zhijia/internal/paging"
	"zhijia/internal/patent"
	"zhijia/internal/store"
)

// What is read of imports and of duplicate records is as stored.
type (
	Import   = store.Import
	Kind     = store.MatchKind
	Pair     = store.MatchPair
	Decision = store.MatchDecision
)

// Service takes files in and finds duplicate records for a process that serves
// many; a command calls [Run] and [Match].
type Service struct {
	db        *store.DB
	appraisal *appraisal.Service
	now       func() time.Time
}

// New returns the service of a migrated database.
func New(db *store.DB, svc *appraisal.Service, now func() time.Time) *Service {
	return &Service{db: db, appraisal: svc, now: now}
}

// Take takes a file in; see [Run].
func (s *Service) Take(ctx context.Context, actor appraisal.Actor, dataset, file string, r io.Reader, o Options) (Report, error) {
	return Run(ctx, s.db, s.appraisal, actor, dataset, file, r, o)
}

// ReadDeals reads the deals of a plain text; nothing is stored and nothing
// leaves the service. See [deal.Read].
func (s *Service) ReadDeals(text string) (deal.Reading, error) { return deal.Read(text) }

// Import returns how a file of the institution was taken in.
func (s *Service) Import(ctx context.Context, actor appraisal.Actor, id string) (Import, error) {
	return s.db.Import(ctx, actor.Institution, id)
}

// Scan looks for duplicate records of some kinds, of all when none is named;
// see [Match].
func (s *Service) Scan(ctx context.Context, actor appraisal.Actor, kinds []Kind) (MatchReport, error) {
	if len(kinds) == 0 {
		kinds = MatchKinds
	}
	return Match(ctx, s.db, actor, kinds, s.now())
}

// PairQuery chooses pairs of records that may be one.
type PairQuery struct {
	Kind    Kind // empty: any
	Waiting bool // only those for a person that nobody decided
}

// Pairs returns one page of pairs and the cursor of the next.
func (s *Service) Pairs(ctx context.Context, actor appraisal.Actor, q PairQuery, cursor string, limit int) (_ []Pair, next string, err error) {
	at, err := paging.Read(cursor)
	if err != nil {
		return nil, "", err
	}
	found, err := s.db.Matches(ctx, actor.Institution, store.MatchFilter{Kind: q.Kind, Waiting: q.Waiting, After: at.ID, Limit: limit + 1})
	if err != nil {
		return nil, "", err
	}
	page, next := paging.Cut(found, limit, func(p *Pair) paging.Place { return paging.Place{ID: p.ID} })
	return page, next, nil
}

// Decide records whether a pair is one, and returns every decision on it,
// oldest first; the last counts.
func (s *Service) Decide(ctx context.Context, actor appraisal.Actor, id string, verdict patent.Band, reason string) (Pair, []Decision, error) {
	return s.db.DecideMatch(ctx, actor.Institution, id, verdict, reason, actor.Name, s.now())
}
