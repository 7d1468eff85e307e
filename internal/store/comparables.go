package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/pgvector/pgvector-go"
	"golang.org/x/sync/errgroup"

	"zhijia/internal/calendar"
	"zhijia/internal/embed"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/terms"
)

// ComparableQuery asks for the priced deals most like a subject.
type ComparableQuery struct {
	Before calendar.Date // T: a deal counts when its whole stated period lies before it
	Space  int           // embedding space of Vector
	Vector []float32     // nil: no text, or the embedder did not answer in time
	Text   string        // for the lexical arm
	IPC    []string      // main symbol first; empty: the proposed classes are searched
	Kind   patent.Kind   // empty: unknown
	// Proposed are the classes the text speaks for. They say where to look when
	// there is no symbol, and nothing of how alike two patents are; empty: every
	// class is searched.
	Proposed []valuation.ProposedClass

	Numbers []string // of the subject, normal form
	Family  []string // family ids of the subject
	Blind   bool     // leave out deals of the subject itself and of its family

	Limit    int // comparables wanted; 0 means 40
	Excluded int // excluded deals reported; 0 means 20
}

// symbols are what is searched by.
func (q *ComparableQuery) symbols() []string {
	if len(q.IPC) > 0 {
		return q.IPC
	}
	out := make([]string, len(q.Proposed))
	for i, p := range q.Proposed {
		out[i] = p.Subclass
	}
	return out
}

// Comparables is the answer: the admitted deals most alike, from most to least, and
// excluded ones with their reason codes.
type Comparables struct {
	Admitted  []valuation.Comparable
	Excluded  []valuation.Comparable
	Retrieval valuation.Retrieval
	Read      *Reading // nil: no replica is configured, or they were read for a valuation
}

const (
	defaultComparables = 40
	defaultExcluded    = 20
	// Retrieval widens from the subclass to the class, the section and then
	// everything until it has this many; each step costs variance.
	enoughComparables = 30
)

// Exclusion codes this query gives itself; the others are stored with a deal.
const (
	exclusionOwnDeal   = "OWN-DEAL"
	exclusionFamily    = "FAMILY"
	exclusionDuplicate = "DUPLICATE"
)

const dealColumns = `d.id, d.title, d.numbers, d.patents, coalesce(d.patent_kind, ''), d.ipc, d.amount::float8, d.currency, d.rate,
	coalesce(d.price_kind, ''), d.deal_kind, d.licence_term, d.royalty_rate, d.date, coalesce(d.date_unit, ''), d.related_party,
	coalesce(d.seller, ''), coalesce(d.buyer, ''), coalesce(d.owner_type, ''), coalesce(d.source_type, ''), coalesce(d.source_url, ''),
	coalesce(d.family_id, ''), coalesce(d.duplicate_of, ''), coalesce(d.exclusion, ''),
	coalesce(d.market, ''), coalesce(d.channel, ''), d.remaining_life, d.claim_count, d.family_size, d.assignees, d.quality, coalesce(d.event, ''), d.terms`

// rankColumns are what ranking needs of a candidate; the rest is read only of
// those that are shown.
const rankColumns = `d.id, d.numbers, coalesce(d.patent_kind, ''), d.ipc, coalesce(d.family_id, ''), coalesce(d.duplicate_of, ''), d.terms`

type candidate struct {
	valuation.Comparable
	features
}

// scanCandidate reads dealColumns and a cosine.
func scanCandidate(row pgx.CollectableRow) (candidate, error) {
	var c candidate
	var terms []byte
	err := row.Scan(
		&c.DealID, &c.Title, &c.Numbers, &c.Patents, &c.Patent, &c.IPC, &c.Amount, &c.Currency, &c.Rate,
		&c.Price, &c.Kind, &c.Term, &c.Royalty, &c.Date, &c.DateUnit, &c.Related,
		&c.Parties.Seller, &c.Parties.Buyer, &c.Owner, &c.Source, &c.URL,
		&c.FamilyID, &c.DuplicateOf, &c.Exclusion,
		&c.Market, &c.Channel, &c.RemainingLife, &c.Claims, &c.Family, &c.Assignees, &c.Quality, &c.Event, &terms, &c.cosine,
	)
	c.ipc, c.kind, c.terms = c.IPC, c.Patent, unpackTerms(terms)
	return c, err
}

func scanRank(row pgx.CollectableRow) (candidate, error) {
	var c candidate
	var terms pgtype.DriverBytes // valid until the next row, unpacked before
	err := row.Scan(&c.DealID, &c.Numbers, &c.Patent, &c.IPC, &c.FamilyID, &c.DuplicateOf, &terms, &c.cosine)
	c.ipc, c.kind, c.terms = c.IPC, c.Patent, unpackTerms(terms)
	return c, err
}

// Comparables runs the one query path for priced deals: inside the subject's
// IPC subclass first, wider only on shortage, exact distances always.
func (db *DB) Comparables(ctx context.Context, q ComparableQuery) (_ Comparables, err error) {
	defer fault.Wrap(&err, "store.Comparables")
	if q.Limit == 0 {
		q.Limit = defaultComparables
	}
	if q.Excluded == 0 {
		q.Excluded = defaultExcluded
	}
	subject := features{terms: embed.Bigrams(q.Text), ipc: q.IPC, kind: q.Kind}
	var refused []candidate
	both, bothCtx := errgroup.WithContext(ctx)
	both.Go(func() (err error) {
		refused, err = db.refusedDeals(bothCtx, q)
		return err
	})
	found, retrieval, err := db.candidates(bothCtx, q)
	if err := cmp.Or(both.Wait(), err); err != nil {
		return Comparables{}, err
	}
	retrieval.Path = "exact"
	retrieval.Considered = len(found)
	var out Comparables
	ranked := make([]*candidate, len(found)) // a candidate is large: pointers are sorted
	for i := range found {
		c := &found[i]
		s, level := similarity(subject, c.features)
		c.Similar, c.IPCLevel = &s, level
		ranked[i] = c
	}
	slices.SortFunc(ranked, func(a, b *candidate) int {
		return cmp.Or(cmp.Compare(b.Similar.Total, a.Similar.Total), cmp.Compare(a.DealID, b.DealID))
	})
	admitted := make([]candidate, 0, q.Limit)
	var left []candidate
	for _, c := range ranked {
		if c.Exclusion == "" && q.Blind {
			switch {
			case overlaps(c.Numbers, q.Numbers):
				c.Exclusion = exclusionOwnDeal
			case c.FamilyID != "" && slices.Contains(q.Family, c.FamilyID):
				c.Exclusion = exclusionFamily
			}
		}
		if c.Exclusion == "" && c.DuplicateOf != "" {
			c.Exclusion = exclusionDuplicate
		}
		switch {
		case c.Exclusion != "":
			left = append(left, *c)
		case len(admitted) < q.Limit:
			admitted = append(admitted, *c)
		}
	}
	left = left[:min(len(left), q.Excluded)]
	if err := db.complete(ctx, admitted, left); err != nil {
		return Comparables{}, err
	}
	for _, c := range left {
		out.Excluded = append(out.Excluded, c.Comparable)
	}
	for i := range refused {
		s, level := similarity(subject, refused[i].features)
		refused[i].Similar, refused[i].IPCLevel = &s, level
		out.Excluded = append(out.Excluded, refused[i].Comparable)
	}
	slices.SortFunc(out.Excluded, func(a, b valuation.Comparable) int {
		return cmp.Or(cmp.Compare(b.Similar.Total, a.Similar.Total), cmp.Compare(a.DealID, b.DealID))
	})
	if len(out.Excluded) > q.Excluded {
		out.Excluded = out.Excluded[:q.Excluded]
	}
	for i := range admitted {
		out.Admitted = append(out.Admitted, admitted[i].Comparable)
	}
	retrieval.Returned = len(admitted)
	out.Retrieval = retrieval
	return out, nil
}

// wholePeriodBefore keeps a deal whose stated day, month or year ended before T:
// calendar.Date.LastDay in SQL.
const wholePeriodBefore = `CASE d.date_unit WHEN 'year' THEN date_trunc('year', d.date) + interval '1 year' WHEN 'month' THEN date_trunc('month', d.date) + interval '1 month' ELSE d.date + 1 END <= $2`

// dealCounts keeps of the deals d the institution's own, and of the operator's
// those the institution has not brought itself: under the same id, or at the
// same price within a month for the same patents, or under the same title where
// neither names its patents. Rows of two owners are never joined for anything
// else. An institution without deals pays for one look.
const dealCounts = `(d.institution = (SELECT institution_now()) OR d.institution = 'public' AND (
	NOT (SELECT EXISTS (SELECT FROM deals WHERE institution = institution_now() AND institution <> 'public'))
	OR NOT EXISTS (SELECT FROM deals o WHERE o.institution = institution_now() AND o.id = d.id)
	AND NOT EXISTS (SELECT FROM deals o WHERE o.institution = institution_now() AND o.date BETWEEN d.date - 31 AND d.date + 31 AND ` + sameDeal + `)))`

// sameDeal is true of two deals o and d, at most a month apart, that tell of
// one.
const sameDeal = `o.amount = d.amount AND o.currency = d.currency AND o.deal_kind = d.deal_kind
	AND (o.numbers && d.numbers OR cardinality(o.numbers) = 0 AND cardinality(d.numbers) = 0 AND o.title = d.title)`

// candidates fetches every admissible deal of the narrowest IPC level that has
// enough of them.
func (db *DB) candidates(ctx context.Context, q ComparableQuery) ([]candidate, valuation.Retrieval, error) {
	levels := []struct {
		level  terms.IPCLevel
		column string
		length int
	}{
		{terms.LevelSubclass, "d.subclass", 4},
		{terms.LevelClass, "d.class", 3},
		{terms.LevelSection, "d.section", 1},
	}
	retrieval := valuation.Retrieval{Level: terms.LevelNone}
	symbols := q.symbols()
	if len(q.IPC) == 0 {
		retrieval.Proposed = q.Proposed
	}
	for i, l := range levels {
		if len(symbols) == 0 {
			break
		}
		prefixes := prefixes(symbols, l.length)
		found, err := db.fetchCandidates(ctx, q, fmt.Sprintf(`%s = ANY($3)`, l.column), prefixes)
		if err != nil {
			return nil, retrieval, err
		}
		if len(found) >= enoughComparables {
			retrieval.Level, retrieval.Widened = l.level, i
			return found, retrieval, nil
		}
	}
	if len(symbols) > 0 {
		retrieval.Widened = len(levels)
	}
	found, err := db.fetchCandidates(ctx, q, `$3::text[] IS NULL`, nil)
	return found, retrieval, err
}

// fetchCandidates takes the distance in a subquery and not a join: the planner
// would join a few hundred deals by reading every vector there is.
func (db *DB) fetchCandidates(ctx context.Context, q ComparableQuery, where string, arg []string) ([]candidate, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT `+rankColumns+`, (SELECT nullif(1 - (v.vector <=> $4), 'NaN') FROM deal_vectors v WHERE v.space_id = $1 AND v.deal_of = d.institution AND v.deal_id = d.id)
		FROM deals d
		WHERE `+dealCounts+` AND d.exclusion IS NULL AND d.date < $2 AND `+wholePeriodBefore+` AND `+where,
		q.Space, q.Before, arg, queryVector(q.Vector))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanRank)
}

// refusedDeals are the stored deals nearest in class that are no comparables,
// for the list of what was seen and not used.
func (db *DB) refusedDeals(ctx context.Context, q ComparableQuery) ([]candidate, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT `+dealColumns+`, nullif(1 - (v.vector <=> $7), 'NaN')
		FROM deals d LEFT JOIN deal_vectors v ON v.space_id = $1 AND v.deal_of = d.institution AND v.deal_id = d.id
		WHERE `+dealCounts+` AND d.exclusion IS NOT NULL AND (d.date IS NULL OR d.date < $2)
		ORDER BY (d.subclass = ANY($3)) DESC NULLS LAST, (d.class = ANY($4)) DESC NULLS LAST, (d.section = ANY($5)) DESC NULLS LAST, d.id
		LIMIT $6`,
		q.Space, q.Before, prefixes(q.symbols(), 4), prefixes(q.symbols(), 3), prefixes(q.symbols(), 1), 2*q.Excluded, queryVector(q.Vector))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanCandidate)
}

// queryVector is the subject's vector as a parameter; nil gives no distances.
func queryVector(v []float32) *pgvector.HalfVector {
	if v == nil {
		return nil
	}
	h := pgvector.NewHalfVector(v)
	return &h
}

// complete reads the deals that count or are shown in full. The distance to the
// subject is taken in the database, so no vector leaves it.
func (db *DB) complete(ctx context.Context, groups ...[]candidate) error {
	at := map[string]*candidate{}
	var ids []string
	for _, group := range groups {
		for i := range group {
			at[group[i].DealID] = &group[i]
			ids = append(ids, group[i].DealID)
		}
	}
	rows, err := db.pool.Query(ctx, `
		SELECT `+dealColumns+`, NULL::float8 FROM deals d WHERE `+dealCounts+` AND d.id = ANY($1)`, ids)
	if err != nil {
		return err
	}
	full, err := pgx.CollectRows(rows, scanCandidate)
	for i := range full {
		c, held := full[i], at[full[i].DealID]
		c.Similar, c.IPCLevel, c.Exclusion = held.Similar, held.IPCLevel, held.Exclusion
		*held = c
	}
	return err
}

// prefixes returns the distinct leading parts of the symbols, in order.
func prefixes(ipc []string, length int) []string {
	out := []string{}
	for _, s := range ipc {
		if len(s) >= length && !slices.Contains(out, s[:length]) {
			out = append(out, s[:length])
		}
	}
	return out
}

func overlaps(a, b []string) bool {
	for _, x := range a {
		if slices.Contains(b, x) {
			return true
		}
	}
	return false
}
