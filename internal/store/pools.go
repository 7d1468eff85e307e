package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/calendar"
	"zhijia/internal/encumbrance"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
	"zhijia/internal/pool"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/terms"
)

// Pool is a stored securitisation pool. It never changes.
type Pool struct {
	ID          string
	Institution string
	CreatedAt   time.Time
	CreatedBy   string
	Numbers     []string // normal forms
	Released    time.Time
	Deal        pool.Deal
}

// PoolSummary is a line of a list.
type PoolSummary struct {
	ID        string        `json:"id"`
	Name      string        `json:"name"`
	CreatedAt time.Time     `json:"created_at"`
	CreatedBy string        `json:"created_by"`
	CutOff    calendar.Date `json:"cut_off"`
	Patents   int           `json:"patents"`
	Released  bool          `json:"released"`
}

// PutPool stores a pool, once.
func (db *DB) PutPool(ctx context.Context, p Pool) (err error) {
	defer fault.Wrap(&err, "store.PutPool(%s)", p.ID)
	ctx = As(ctx, p.Institution)
	body, err := json.Marshal(p.Deal)
	if err != nil {
		return err
	}
	numbers := append([]string{}, p.Numbers...) // a pool without patents holds an empty list, not NULL
	owners := map[string]string{}
	for _, x := range p.Deal.Patents {
		owners[encumbrance.KeyOf(x.Kind, x.Number)] = x.Owner
	}
	offers := make([]patent.Offer, len(numbers))
	for i, n := range numbers {
		offers[i] = patent.Offer{Number: n, Product: patent.ByPool, Reference: p.ID, Party: cmp.Or(owners[n], p.Deal.Parties.Originator)}
	}
	return db.transact(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO pools (id, institution, name, created_at, created_by, cut_off, numbers, deal) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			p.ID, p.Institution, p.Deal.Name, p.CreatedAt, p.CreatedBy, p.Deal.CutOff, numbers, body)
		if err != nil {
			return err
		}
		// A patent the ledger forbids stands in the pool as disputed, where the pool's
		// own test excludes it. Which owner put what in is that test's to ask.
		entries := entriesOf(offers, Committed)
		rulings, err := agree(ctx, tx, p.Institution, entries, false, false, calendar.InChina(p.CreatedAt))
		if err != nil {
			return err
		}
		dispute(entries, rulings)
		if err := keepEntries(ctx, tx, p.Institution, p.CreatedBy, entries, p.CreatedAt); err != nil {
			return err
		}
		return record(ctx, tx, Act{p.Institution, p.CreatedBy, "pool.put", p.ID, map[string]any{"name": p.Deal.Name, "numbers": numbers, "deal_sha256": sha256Hex(body)}})
	})
}

// Pool returns an institution's pool, or a NotFound fault.
func (db *DB) Pool(ctx context.Context, institution, id string) (p Pool, err error) {
	defer fault.Wrap(&err, "store.Pool(%s)", id)
	ctx = As(ctx, institution)
	var body []byte
	var released *time.Time
	err = db.pool.QueryRow(ctx, `SELECT id, institution, created_at, created_by, numbers, released, deal FROM pools WHERE id = $1 AND institution = $2`, id, institution).
		Scan(&p.ID, &p.Institution, &p.CreatedAt, &p.CreatedBy, &p.Numbers, &released, &body)
	if errors.Is(err, pgx.ErrNoRows) {
		return p, fault.New(fault.NotFound, "pool.unknown", "没有这个资产池。", "There is no such pool.")
	}
	if err != nil {
		return p, err
	}
	if released != nil {
		p.Released = released.UTC()
	}
	p.CreatedAt = p.CreatedAt.UTC()
	return p, json.Unmarshal(body, &p.Deal)
}

// Pools lists an institution's pools, newest first, after the one named by creation
// time and id; a zero time starts at the newest.
func (db *DB) Pools(ctx context.Context, institution string, after time.Time, afterID string, limit int) (_ []PoolSummary, err error) {
	defer fault.Wrap(&err, "store.Pools")
	ctx = As(ctx, institution)
	if after.IsZero() {
		after = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	rows, err := db.pool.Query(ctx, `
		SELECT id, name, created_at, created_by, cut_off, cardinality(numbers), released IS NOT NULL
		FROM pools WHERE institution = $1 AND (created_at, id) < ($2, $3) ORDER BY created_at DESC, id DESC LIMIT $4`, institution, after, afterID, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (PoolSummary, error) {
		var p PoolSummary
		err := row.Scan(&p.ID, &p.Name, &p.CreatedAt, &p.CreatedBy, &p.CutOff, &p.Patents, &p.Released)
		p.CreatedAt = p.CreatedAt.UTC()
		return p, err
	})
}

// ReleasePool frees a pool's patents for another pool.
func (db *DB) ReleasePool(ctx context.Context, institution, by, id string, at time.Time) (err error) {
	defer fault.Wrap(&err, "store.ReleasePool(%s)", id)
	ctx = As(ctx, institution)
	return db.transact(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE pools SET released = coalesce(released, $3) WHERE id = $1 AND institution = $2`, id, institution, at)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return fault.New(fault.NotFound, "pool.unknown", "没有这个资产池。", "There is no such pool.")
		}
		if _, err = setOffers(ctx, tx, institution, by, patent.ByPool, id, Released, at); err != nil {
			return err
		}
		return record(ctx, tx, Act{institution, by, "pool.release", id, nil})
	})
}

// Holder is a pool that holds a patent.
type Holder struct {
	Number, Pool, Name string
}

// PoolsHolding returns an institution's unreleased pools that hold one of the
// patents, except the pool named.
func (db *DB) PoolsHolding(ctx context.Context, institution string, numbers []string, except string) (_ []Holder, err error) {
	defer fault.Wrap(&err, "store.PoolsHolding")
	ctx = As(ctx, institution)
	rows, err := db.pool.Query(ctx, `
		SELECT n, id, name FROM pools, unnest(numbers) AS n
		WHERE institution = $3 AND released IS NULL AND numbers && $1 AND n = ANY ($1) AND id <> $2 ORDER BY n, created_at, id`, numbers, except, institution)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Holder])
}

// StoredValue is the latest valuation of one patent.
type StoredValue struct {
	Number     string
	ID         string
	AsOf       calendar.Date
	Status     valuation.Status
	Reason     string
	Estimate   valuation.Estimate
	DataCutoff calendar.Date
}

// LatestValues returns, for each patent that has one, an institution's latest
// single-patent valuation as of a day not after asOf.
func (db *DB) LatestValues(ctx context.Context, institution string, numbers []string, asOf calendar.Date) (_ []StoredValue, err error) {
	defer fault.Wrap(&err, "store.LatestValues")
	ctx = As(ctx, institution)
	rows, err := db.pool.Query(ctx, `
		SELECT DISTINCT ON (number) number, id, as_of, conclusion FROM valuations v JOIN valuation_patents m ON m.institution = v.institution AND m.valuation = v.id
		WHERE v.institution = $1 AND m.institution = $1 AND number = ANY ($2) AND as_of <= $3
			AND NOT EXISTS (SELECT FROM valuation_patents o WHERE o.institution = $1 AND o.valuation = v.id AND o.position > 0)
		ORDER BY number, as_of DESC, v.created_at DESC, id DESC`, institution, numbers, asOf)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (StoredValue, error) {
		var v StoredValue
		var body []byte
		if err := row.Scan(&v.Number, &v.ID, &v.AsOf, &body); err != nil {
			return v, err
		}
		var c struct {
			Status     valuation.Status   `json:"status"`
			Reason     *terms.Note        `json:"reason"`
			Value      valuation.Estimate `json:"value"`
			DataCutoff calendar.Date      `json:"data_cutoff"`
		}
		err := json.Unmarshal(body, &c)
		v.Status, v.Estimate, v.DataCutoff = c.Status, c.Value, c.DataCutoff
		if c.Reason != nil {
			v.Reason = c.Reason.Zh
		}
		return v, err
	})
}

// PatentFacts returns what the store knows of the patents named, without their
// texts.
func (db *DB) PatentFacts(ctx context.Context, numbers []string) (_ []Patent, err error) {
	defer fault.Wrap(&err, "store.PatentFacts")
	rows, err := db.pool.Query(ctx, `
		SELECT number, coalesce(kind, ''), title, filing_date, grant_date, owners, coalesce(owner_type, ''), coalesce(family_id, '')
		FROM patents p WHERE `+patentCounts+` AND number = ANY ($1) ORDER BY number`, numbers)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Patent, error) {
		var p Patent
		err := row.Scan(&p.Number, &p.Kind, &p.Title, &p.Filing, &p.Grant, &p.Owners, &p.OwnerType, &p.FamilyID)
		return p, err
	})
}

// PoolSimulation is a simulation as a durable job.
type PoolSimulation struct {
	ID          string
	PoolID      string
	Institution string
	CreatedAt   time.Time
	Seed        uint64
	Scenarios   int64
	Targets     []pool.Target
	Seconds     float64 // estimated, of one core
	Status      string  // running, done, failed, cancelled
	Error       string
	FinishedAt  *time.Time
	Done        int64 // paths finished
	Report      []byte
}

// PutPoolSimulation stores a new simulation within the institution's quota of
// open seconds and puts it to work by queue, in one transaction.
func (db *DB) PutPoolSimulation(ctx context.Context, s PoolSimulation, most float64, queue func(pgx.Tx) error) (err error) {
	defer fault.Wrap(&err, "store.PutPoolSimulation(%s)", s.ID)
	ctx = As(ctx, s.Institution)
	targets := s.Targets
	if targets == nil {
		targets = []pool.Target{}
	}
	return db.transact(ctx, func(tx pgx.Tx) error {
		if err := poolBudget(ctx, tx, s.Institution, s.Seconds, most); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO pool_simulations (id, pool_id, institution, created_at, seed, scenarios, targets, status, seconds) VALUES ($1, $2, $3, $4, $5, $6, $7, 'running', $8)`,
			s.ID, s.PoolID, s.Institution, s.CreatedAt, int64(s.Seed), s.Scenarios, targets, s.Seconds); err != nil {
			return err
		}
		return queue(tx)
	})
}

// PoolSimulation returns an institution's simulation with its progress.
func (db *DB) PoolSimulation(ctx context.Context, institution, id string) (s PoolSimulation, err error) {
	defer fault.Wrap(&err, "store.PoolSimulation(%s)", id)
	ctx = As(ctx, institution)
	var seed int64
	err = db.pool.QueryRow(ctx, `
		SELECT id, pool_id, institution, created_at, seed, scenarios, targets, status, coalesce(error, ''), finished_at, report, paths, seconds
		FROM pool_simulations WHERE id = $1 AND institution = $2`, id, institution).
		Scan(&s.ID, &s.PoolID, &s.Institution, &s.CreatedAt, &seed, &s.Scenarios, &s.Targets, &s.Status, &s.Error, &s.FinishedAt, &s.Report, &s.Done, &s.Seconds)
	if errors.Is(err, pgx.ErrNoRows) {
		return s, fault.New(fault.NotFound, "pool.simulation.unknown", "没有这个模拟任务。", "There is no such simulation.")
	}
	s.Seed, s.CreatedAt = uint64(seed), s.CreatedAt.UTC()
	return s, err
}

// PutPoolTally stores one finished range and counts its paths. The same range
// again is ignored: its paths are a function of the seed.
func (db *DB) PutPoolTally(ctx context.Context, simulation string, from, to int64, t pool.Tally) (err error) {
	defer fault.Wrap(&err, "store.PutPoolTally(%s, %d)", simulation, from)
	body, err := json.Marshal(t)
	if err != nil {
		return err
	}
	_, err = db.pool.Exec(ctx, `
		WITH put AS (INSERT INTO pool_tallies (institution, simulation_id, from_path, to_path, tally) SELECT institution, id, $2, $3, $4 FROM pool_simulations WHERE id = $1 ON CONFLICT DO NOTHING RETURNING to_path - from_path AS n)
		UPDATE pool_simulations SET paths = paths + put.n FROM put WHERE id = $1`, simulation, from, to, body)
	return err
}

// PoolTallies returns the finished ranges by their first path.
func (db *DB) PoolTallies(ctx context.Context, simulation string) (_ map[int64]pool.Tally, err error) {
	defer fault.Wrap(&err, "store.PoolTallies(%s)", simulation)
	rows, err := db.pool.Query(ctx, `SELECT from_path, tally FROM pool_tallies WHERE simulation_id = $1`, simulation)
	if err != nil {
		return nil, err
	}
	out := map[int64]pool.Tally{}
	var from int64
	var body []byte
	_, err = pgx.ForEachRow(rows, []any{&from, &body}, func() error {
		var t pool.Tally
		if err := json.Unmarshal(body, &t); err != nil {
			return err
		}
		out[from] = t
		return nil
	})
	return out, err
}

// FinishPoolSimulation stores the report, or the reason there is none.
func (db *DB) FinishPoolSimulation(ctx context.Context, id string, report []byte, failure string, at time.Time) (err error) {
	defer fault.Wrap(&err, "store.FinishPoolSimulation(%s)", id)
	status := "done"
	if failure != "" {
		status = "failed"
	}
	_, err = db.pool.Exec(ctx, `UPDATE pool_simulations SET status = $2, error = nullif($3, ''), report = $4, finished_at = $5 WHERE id = $1 AND status = 'running'`,
		id, status, failure, report, at)
	return err
}
