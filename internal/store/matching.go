package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
)

// MatchKind says what a pair is of.
type MatchKind string

// Kinds.
const (
	MatchParty  MatchKind = "party"
	MatchDeal   MatchKind = "deal"
	MatchPatent MatchKind = "patent"
)

// Zh names the kind in Chinese.
func (k MatchKind) Zh() string {
	return map[MatchKind]string{MatchParty: "主体", MatchDeal: "交易", MatchPatent: "专利"}[k]
}

// MatchPair is two entries that may be one and the same.
type MatchPair struct {
	ID          string      `json:"id"`
	Institution string      `json:"-"` // who scans its view of the corpus
	Kind        MatchKind   `json:"kind"`
	A           string      `json:"a"` // key: folded name, deal id, patent number
	B           string      `json:"b"`
	AShown      string      `json:"a_shown"` // as a source writes it, and which
	BShown      string      `json:"b_shown"`
	Score       float64     `json:"score"`
	Band        patent.Band `json:"band"` // same: taken without asking; uncertain: for a person
	Reasons     []string    `json:"reasons"`
	FoundAt     time.Time   `json:"found_at"`

	Verdict   patent.Band `json:"verdict,omitempty"` // same, different; empty: nobody decided
	Reason    string      `json:"reason,omitempty"`
	DecidedBy string      `json:"decided_by,omitempty"`
	DecidedAt *time.Time  `json:"decided_at,omitempty"`
}

// PartyKey is the name by which a party is known to decisions.
func PartyKey(name string) string {
	core, form := patent.NormalName(name)
	return core + "|" + form
}

// PutMatches keeps what a scan of an institution found. A pair found before keeps its
// decision and takes the new score and reasons. It returns how many are new.
func (db *DB) PutMatches(ctx context.Context, institution string, pairs []MatchPair, by string, now time.Time) (fresh int, err error) {
	defer fault.Wrap(&err, "store.PutMatches")
	ctx = As(ctx, institution)
	err = db.transact(ctx, func(tx pgx.Tx) error {
		fresh = 0
		var numbers, deals []string
		for _, p := range pairs {
			if p.A > p.B {
				p.A, p.B, p.AShown, p.BShown = p.B, p.A, p.BShown, p.AShown
			}
			sum := sha256.Sum256([]byte(string(p.Kind) + "\x00" + p.A + "\x00" + p.B))
			var inserted bool
			err := tx.QueryRow(ctx, `
				INSERT INTO match_pairs AS m (id, institution, kind, a, b, a_shown, b_shown, score, band, reasons, found_at)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
				ON CONFLICT (institution, id) DO UPDATE SET a_shown = EXCLUDED.a_shown, b_shown = EXCLUDED.b_shown, score = EXCLUDED.score, band = EXCLUDED.band, reasons = EXCLUDED.reasons
				RETURNING found_at = $11`, "mp_"+hex.EncodeToString(sum[:12]), institution, p.Kind, p.A, p.B, p.AShown, p.BShown, p.Score, p.Band, p.Reasons, now).Scan(&inserted)
			if err != nil {
				return err
			}
			if inserted {
				fresh++
			}
			switch p.Kind {
			case MatchDeal:
				deals = append(deals, p.A, p.B)
			case MatchPatent:
				numbers = append(numbers, p.A, p.B)
			}
		}
		if err := markRepeats(ctx, tx, deals); err != nil {
			return err
		}
		return record(ctx, tx, Act{institution, by, "match.scan", institution, map[string]int{"pairs": len(pairs), "new": fresh, "deals": len(deals) / 2, "patents": len(numbers) / 2}})
	})
	return fresh, err
}

// markRepeats says of deals which of them repeat another: those a person
// decided to be one, those matching took for one without asking, and those of
// the same amount within a month for the same patents, or under the same title
// where neither names its patents; never a pair that a person decided to be
// two.
func markRepeats(ctx context.Context, tx pgx.Tx, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `
		WITH said AS (
			SELECT p.a, p.b, coalesce(d.verdict, p.band) AS verdict FROM match_pairs p LEFT JOIN match_decided(institution_now()) d ON d.pair = p.id
			WHERE p.institution = institution_now() AND p.kind = 'deal' AND (p.a = ANY ($1) OR p.b = ANY ($1)))
		UPDATE deals d SET duplicate_of = (SELECT min(id) FROM (
			SELECT o.id FROM said JOIN deals o ON o.institution = d.institution AND o.id = CASE WHEN said.a = d.id THEN said.b ELSE said.a END
			WHERE said.verdict = 'same' AND (said.a = d.id OR said.b = d.id) AND o.id < d.id AND o.duplicate_of IS NULL
			UNION ALL
			SELECT o.id FROM deals o
			WHERE o.institution = d.institution AND o.date BETWEEN d.date - 31 AND d.date + 31
				AND o.id < d.id AND o.duplicate_of IS NULL AND `+sameDeal+`
				AND NOT EXISTS (SELECT 1 FROM said WHERE said.verdict = 'different' AND (said.a = o.id AND said.b = d.id OR said.a = d.id AND said.b = o.id))) AS first)
		WHERE d.institution = institution_now() AND d.id = ANY ($1) AND (d.amount IS NOT NULL AND d.date IS NOT NULL OR EXISTS (SELECT 1 FROM said WHERE d.id IN (said.a, said.b)))`, ids)
	return err
}

// MatchFilter chooses pairs.
type MatchFilter struct {
	Kind    MatchKind // empty: any
	Waiting bool      // only those for a person that nobody decided
	After   string    // id of the last one of the page before
	Limit   int
}

const matchColumns = `p.id, p.institution, p.kind, p.a, p.b, p.a_shown, p.b_shown, p.score, p.band, p.reasons, p.found_at, coalesce(d.verdict, ''), coalesce(d.reason, ''), coalesce(d.by_whom, ''), d.at`

func scanMatch(row pgx.CollectableRow) (m MatchPair, err error) {
	err = row.Scan(&m.ID, &m.Institution, &m.Kind, &m.A, &m.B, &m.AShown, &m.BShown, &m.Score, &m.Band, &m.Reasons, &m.FoundAt, &m.Verdict, &m.Reason, &m.DecidedBy, &m.DecidedAt)
	m.FoundAt = m.FoundAt.UTC()
	return m, err
}

// Matches returns the pairs an institution may see, with what holds of them for it.
func (db *DB) Matches(ctx context.Context, institution string, f MatchFilter) (_ []MatchPair, err error) {
	defer fault.Wrap(&err, "store.Matches")
	ctx = As(ctx, institution)
	rows, err := db.pool.Query(ctx, `
		SELECT `+matchColumns+` FROM match_pairs p LEFT JOIN match_decided($1) d ON d.pair = p.id
		WHERE p.institution = $1 AND ($2 = '' OR p.kind = $2) AND (NOT $3 OR p.band = 'uncertain' AND d.verdict IS NULL) AND p.id > $4
		ORDER BY p.id LIMIT $5`, institution, f.Kind, f.Waiting, f.After, f.Limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanMatch)
}

// MatchDecision is what a person once decided about a pair.
type MatchDecision struct {
	Verdict patent.Band `json:"verdict"`
	Reason  string      `json:"reason"`
	By      string      `json:"by"`
	At      time.Time   `json:"at"`
}

// DecideMatch records what a person decided about a pair; it counts from now
// on. The decisions before stay on record and are returned with it, oldest
// first.
func (db *DB) DecideMatch(ctx context.Context, institution, id string, verdict patent.Band, reason, by string, now time.Time) (m MatchPair, history []MatchDecision, err error) {
	defer fault.Wrap(&err, "store.DecideMatch(%s)", id)
	ctx = As(ctx, institution)
	if verdict != patent.Same && verdict != patent.Different || reason == "" {
		return m, nil, fault.New(fault.Invalid, "match.decision", "请给出结论（same 或 different）和理由。", "Give the verdict, same or different, and the reason.")
	}
	err = db.transact(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			INSERT INTO match_decisions (pair, verdict, reason, by_whom, institution, at)
			SELECT id, $3, $4, $5, $1, $6 FROM match_pairs WHERE id = $2 AND institution = $1`, institution, id, verdict, reason, by, now)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return fault.New(fault.NotFound, "match.unknown", "没有这一对待核对记录。", "There is no such pair.")
		}
		rows, err := tx.Query(ctx, `SELECT `+matchColumns+` FROM match_pairs p LEFT JOIN match_decided($1) d ON d.pair = p.id WHERE p.institution = $1 AND p.id = $2`, institution, id)
		if err != nil {
			return err
		}
		if m, err = pgx.CollectExactlyOneRow(rows, scanMatch); err != nil {
			return err
		}
		if rows, err = tx.Query(ctx, `SELECT verdict, reason, by_whom, at FROM match_decisions WHERE pair = $1 AND institution = $2 ORDER BY seq`, id, institution); err != nil {
			return err
		}
		if history, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (d MatchDecision, err error) {
			err = row.Scan(&d.Verdict, &d.Reason, &d.By, &d.At)
			d.At = d.At.UTC()
			return d, err
		}); err != nil {
			return err
		}
		if m.Kind == MatchDeal {
			if err := markRepeats(ctx, tx, []string{m.A, m.B}); err != nil {
				return err
			}
		}
		return record(ctx, tx, Act{institution, by, "match.decide", id, map[string]any{"kind": m.Kind, "verdict": verdict, "reason": reason}})
	})
	return m, history, err
}

// PartyGroups returns for each name the key of the party that an institution's
// decisions make it, its own where there are none: names of one key are one
// party.
func (db *DB) PartyGroups(ctx context.Context, institution string, names []string) (_ map[string]string, err error) {
	defer fault.Wrap(&err, "store.PartyGroups")
	ctx = As(ctx, institution)
	return partyGroups(ctx, db.pool, institution, names)
}

func partyGroups(ctx context.Context, q querier, institution string, names []string) (map[string]string, error) {
	keys := make([]string, len(names))
	for i, n := range names {
		keys[i] = PartyKey(n)
	}
	rows, err := q.Query(ctx, `
		WITH RECURSIVE same AS (
			SELECT p.a, p.b FROM match_pairs p JOIN match_decided($1) d ON d.pair = p.id WHERE p.kind = 'party' AND d.verdict = 'same' AND p.institution = $1),
		reach AS (
			SELECT k COLLATE "C" AS key, k COLLATE "C" AS root FROM unnest($2::text[]) AS k
			UNION
			SELECT CASE WHEN s.a = r.key THEN s.b ELSE s.a END, r.root FROM reach r JOIN same s ON s.a = r.key OR s.b = r.key)
		SELECT root, min(key) FROM reach GROUP BY root`, institution, keys)
	if err != nil {
		return nil, err
	}
	group := map[string]string{}
	var root, key string
	if _, err := pgx.ForEachRow(rows, []any{&root, &key}, func() error { group[root] = key; return nil }); err != nil {
		return nil, err
	}
	out := make(map[string]string, len(names))
	for i, n := range names {
		out[n] = group[keys[i]]
	}
	return out, nil
}

// NamedParty is a party as the sources an institution may see name it.
type NamedParty struct {
	patent.Party
	Institution string // empty: a shared source names it
	Source      string // one that does
}

// NamedParties returns the parties that patents, deals and events name, and
// those of the institution's own offers and loans, each folded name once, with the
// former names that recorded changes of name tell.
func (db *DB) NamedParties(ctx context.Context, institution string) (_ []NamedParty, err error) {
	defer fault.Wrap(&err, "store.NamedParties")
	ctx = As(ctx, institution)
	rows, err := db.pool.Query(ctx, `
		SELECT name, max(code), max(institution), min(source) FROM (
			SELECT unnest(owners) AS name, '' AS code, '' AS institution, '权利人' AS source FROM patents WHERE `+visible+`
			UNION ALL SELECT seller, '', '', '出让方' FROM deals WHERE `+visible+` UNION ALL SELECT buyer, '', '', '受让方' FROM deals WHERE `+visible+`
			UNION ALL SELECT unnest(before || after), '', '', '公告' FROM events WHERE `+visible+` UNION ALL SELECT party, '', '', '公告' FROM events WHERE `+visible+`
			UNION ALL SELECT party, party_code, institution, '担保或入池' FROM collateral_offers WHERE institution = $1
			UNION ALL SELECT borrower, '', institution, '借款人' FROM book_loans WHERE institution = $1) AS named
		WHERE name <> '' GROUP BY name ORDER BY name COLLATE "C"`, institution)
	if err != nil {
		return nil, err
	}
	var out []NamedParty
	at := map[string]int{}
	var p NamedParty
	if _, err := pgx.ForEachRow(rows, []any{&p.Name, &p.Code, &p.Institution, &p.Source}, func() error {
		key := PartyKey(p.Name)
		if i, ok := at[key]; ok { // another spelling of the same
			if out[i].Code == "" {
				out[i].Code = p.Code
			}
			if p.Institution == "" {
				out[i].Institution = ""
			}
			return nil
		}
		at[key] = len(out)
		out = append(out, p)
		return nil
	}); err != nil {
		return nil, err
	}
	if rows, err = db.pool.Query(ctx, `SELECT before, after FROM events WHERE `+visible+` AND code IN ('CP01', 'CP03') AND cardinality(before) = 1 AND cardinality(after) = 1`); err != nil {
		return nil, err
	}
	var before, after []string
	_, err = pgx.ForEachRow(rows, []any{&before, &after}, func() error {
		if i, ok := at[PartyKey(after[0])]; ok && !slices.Contains(out[i].Former, before[0]) {
			out[i].Former = append(out[i].Former, before[0])
		}
		before, after = nil, nil
		return nil
	})
	return out, err
}

// DealFacts returns what identifies each priced deal, and its id.
func (db *DB) DealFacts(ctx context.Context) (ids []string, facts []patent.DealFacts, err error) {
	defer fault.Wrap(&err, "store.DealFacts")
	rows, err := db.pool.Query(ctx, `
		SELECT id, title, numbers, deal_kind, coalesce(amount * coalesce(rate, 1), 0)::float8, date, coalesce(date_unit, ''), coalesce(seller, ''), coalesce(buyer, '') FROM deals d WHERE `+dealCounts+` ORDER BY id`)
	if err != nil {
		return nil, nil, err
	}
	var id string
	var d patent.DealFacts
	var date calendar.Date
	_, err = pgx.ForEachRow(rows, []any{&id, &d.Title, &d.Numbers, &d.Kind, &d.Amount, &date, &d.Unit, &d.Seller, &d.Buyer}, func() error {
		d.Date = date
		ids, facts = append(ids, id), append(facts, d)
		d.Numbers = nil
		return nil
	})
	return ids, facts, err
}

// BarePatents returns what identifies each patent of which only a publication
// number is known, and each that may be the same as one of those.
func (db *DB) BarePatents(ctx context.Context) (facts []patent.PatentFacts, err error) {
	defer fault.Wrap(&err, "store.BarePatents")
	rows, err := db.pool.Query(ctx, `
		WITH seen AS (SELECT * FROM patents p WHERE `+patentCounts+`), bare AS (SELECT * FROM seen WHERE number NOT LIKE '%.%')
		SELECT number, coalesce(publication_number, ''), coalesce(kind, ''), title, filing_date, ipc, owners FROM bare
		UNION
		SELECT p.number, coalesce(p.publication_number, ''), coalesce(p.kind, ''), p.title, p.filing_date, p.ipc, p.owners FROM seen p
		WHERE p.number LIKE '%.%' AND (
			EXISTS (SELECT 1 FROM bare b WHERE b.filing_date = p.filing_date)
			OR EXISTS (SELECT 1 FROM bare b WHERE b.title = p.title)
			OR regexp_replace(coalesce(p.publication_number, ''), '[A-Z][0-9]?$', '') IN (SELECT regexp_replace(b.number, '[A-Z][0-9]?$', '') FROM bare b))
		ORDER BY 1`)
	if err != nil {
		return nil, err
	}
	var p patent.PatentFacts
	var filing calendar.Date
	_, err = pgx.ForEachRow(rows, []any{&p.Number, &p.Publication, &p.Kind, &p.Title, &filing, &p.IPC, &p.Owners}, func() error {
		p.Filing = filing
		facts = append(facts, p)
		p.IPC, p.Owners = nil, nil
		return nil
	})
	return facts, err
}

// samePatent returns the application number under which a patent is on record
// that another source knows by number alone, or number itself: the two were
// matched without asking or a person decided that they are one.
func samePatent(ctx context.Context, q querier, number string) (string, error) {
	rows, err := q.Query(ctx, `
		SELECT CASE WHEN p.a = $1 THEN p.b ELSE p.a END AS other FROM match_pairs p LEFT JOIN match_decided(institution_now()) d ON d.pair = p.id
		WHERE p.institution = institution_now() AND p.kind = 'patent' AND (p.a = $1 OR p.b = $1) AND coalesce(d.verdict, p.band) = 'same' ORDER BY 1`, number)
	if err != nil {
		return "", err
	}
	others, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return "", err
	}
	for _, o := range others {
		if n, err := patent.ParseNumber(o); err == nil && n.NamesApplication() {
			return o, nil
		}
	}
	return number, nil
}
