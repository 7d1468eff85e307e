package appraisal

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"zhijia/internal/calendar"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
)

// maxHeld bounds the deals held in memory, once as read and once as solved. Ten thousand of either take about 9 MB.
const maxHeld = 200_000

// ledgers hold each institution's priced deals as last read, and what was solved over them. What was read is dropped when a
// deal changes; what was solved is named by its content and never out of date.
type ledgers struct {
	read   *held[string, *dealsOf] // by institution
	solved *held[ledgerKey, *valuation.Ledger]
}

func newLedgers() *ledgers {
	return &ledgers{
		read:   newHeld[string](func(d *dealsOf) int { return len(d.deals) }),
		solved: newHeld[ledgerKey](func(l *valuation.Ledger) int { return l.Deals() }),
	}
}

// held keeps values of up to [maxHeld] deals in all, and at least the last one; the least used go first.
type held[K comparable, V any] struct {
	mu    sync.Mutex
	list  *simplelru.LRU[K, V]
	size  func(V) int
	deals int
}

func newHeld[K comparable, V any](size func(V) int) *held[K, V] {
	h := &held[K, V]{size: size}
	h.list, _ = simplelru.NewLRU(maxHeld, func(_ K, v V) { h.deals -= size(v) + 1 }) // fails for a size that is not positive only
	return h
}

func (h *held[K, V]) get(k K) (V, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.list.Get(k)
}

func (h *held[K, V]) put(k K, v V) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.list.Remove(k)
	h.deals += h.size(v) + 1 // an empty ledger takes place, too
	h.list.Add(k, v)
	for h.deals > maxHeld && h.list.Len() > 1 {
		h.list.RemoveOldest()
	}
}

// ledgerKey names a solved ledger by all it was made of.
type ledgerKey struct {
	id, leftOut string // of the deals
	assumptions string // hash
	year        int
}

// dealsOf are the priced deals of one institution at one version of its ledger, by their last day.
type dealsOf struct {
	version string
	deals   []valuation.Comparable
	ends    []calendar.Date

	mu   sync.Mutex
	sets map[int]*dealSet // by the number of deals, the first of them
}

// dealSet is what was sold before some day.
type dealSet struct {
	id    string
	deals []valuation.Comparable
	kept  time.Time // when the store was last told that it is used
}

// ledger is what a question of the date is answered from: the deals that ended before it, solved under the assumptions.
// drop leaves out deals of the subject itself; last is the last day of those that are in.
func (s *Service) ledger(ctx context.Context, institution, version string, t calendar.Date, a *hashed, drop func(*valuation.Comparable) bool) (ref *valuation.LedgerRef, last calendar.Date, err error) {
	held, err := s.dealsOf(ctx, institution, version)
	if err != nil {
		return nil, last, err
	}
	n, _ := slices.BinarySearchFunc(held.ends, t, calendar.Date.Compare)
	if n > 0 {
		last = held.ends[n-1]
	}
	set, err := held.first(n, s.now(), func(id string, body []byte) error { return s.db.PutLedger(ctx, id, body) })
	if err != nil {
		return nil, last, err
	}
	ref = &valuation.LedgerRef{ID: set.id, Deals: n}
	for i := range set.deals {
		if drop(&set.deals[i]) {
			ref.LeftOut = append(ref.LeftOut, set.deals[i].DealID)
		}
	}
	ref.Solved, err = s.solve(ref, set.deals, t, a)
	return ref, last, err
}

// dealsOf reads the institution's deals, or takes what is held while no deal has changed: version is [store.InForce]'s.
func (s *Service) dealsOf(ctx context.Context, institution, version string) (*dealsOf, error) {
	if held, ok := s.ledgers.read.get(institution); ok && held.version == version {
		return held, nil
	}
	// Read after the version: a change in between is read now and once more.
	deals, err := s.db.PricedDeals(ctx)
	if err != nil {
		return nil, err
	}
	end := func(c *valuation.Comparable) calendar.Date { return c.Date.LastDay(c.DateUnit) }
	slices.SortStableFunc(deals, func(x, y valuation.Comparable) int { return end(&x).Compare(end(&y)) })
	held := &dealsOf{version: version, deals: deals, sets: map[int]*dealSet{}}
	for i := range deals {
		held.ends = append(held.ends, end(&deals[i]))
	}
	s.ledgers.read.put(institution, held)
	return held, nil
}

// heldSets bounds the sets held of one institution: an evaluation asks for many days.
const heldSets = 16

// usedEvery is how often the store is told that a set is used: it drops what no valuation names and nobody uses.
const usedEvery = time.Hour

// first is the set of the first n deals. It is put into the store when it is made, so that every valuation that names it can
// be worked out again.
func (d *dealsOf) first(n int, now time.Time, put func(id string, body []byte) error) (*dealSet, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if set, ok := d.sets[n]; ok && now.Sub(set.kept) < usedEvery {
		return set, nil
	}
	body, err := marshal(d.deals[:n])
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body)
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if len(d.sets) >= heldSets {
		clear(d.sets)
	}
	set := &dealSet{id: hex.EncodeToString(sum[:]), deals: d.deals[:n], kept: now}
	if err := put(set.id, z.Bytes()); err != nil {
		return nil, err
	}
	d.sets[n] = set
	return set, nil
}

// solve takes the solved ledger that is held, or solves it.
func (s *Service) solve(ref *valuation.LedgerRef, deals []valuation.Comparable, t calendar.Date, a *hashed) (*valuation.Ledger, error) {
	key := ledgerKey{ref.ID, strings.Join(ref.LeftOut, "\x00"), a.hash, t.Year}
	if l, ok := s.ledgers.solved.get(key); ok {
		return l, nil
	}
	if len(ref.LeftOut) > 0 {
		deals = slices.DeleteFunc(slices.Clone(deals), func(c valuation.Comparable) bool { return slices.Contains(ref.LeftOut, c.DealID) })
	}
	l, err := a.Ledger(deals, t)
	if err == nil {
		s.ledgers.solved.put(key, l)
	}
	return l, err
}

// attach gives the evidence of a stored valuation the deals it names.
func (s *Service) attach(ctx context.Context, ev *valuation.Evidence, t calendar.Date, a *hashed) (err error) {
	ref := ev.Ledger
	if ref == nil {
		return nil
	}
	body, err := s.db.Ledger(ctx, ref.ID)
	if err != nil {
		return err
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer z.Close()
	var deals []valuation.Comparable
	if err := json.NewDecoder(z).Decode(&deals); err != nil {
		return err
	}
	ref.Solved, err = s.solve(ref, deals, t, a)
	return err
}

// overlaps reports whether a deal is of one of the numbers or families.
func overlaps(c *valuation.Comparable, q *store.ComparableQuery) bool {
	return c.FamilyID != "" && slices.Contains(q.Family, c.FamilyID) || slices.ContainsFunc(c.Numbers, func(n string) bool { return slices.Contains(q.Numbers, n) })
}
