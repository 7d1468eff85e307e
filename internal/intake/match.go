package intake

import (
	"context"
	"fmt"
	"strings"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
	"zhijia/internal/store"
)

// MatchReport says what a scan found.
type MatchReport struct {
	Entries map[store.MatchKind]int `json:"entries"` // looked at
	Same    map[store.MatchKind]int `json:"same"`    // taken for one without asking
	Waiting map[store.MatchKind]int `json:"waiting"` // for a person to decide
	New     int                     `json:"new"`     // pairs not found before
	More    bool                    `json:"more"`    // there were too many: decide these and scan again
}

// maxPairs is how many pairs of a kind one scan keeps: more than a person decides, and what a list of look-alikes can make of
// it is bounded.
const maxPairs = 50_000

// MatchKinds are what can be scanned.
var MatchKinds = []store.MatchKind{store.MatchParty, store.MatchDeal, store.MatchPatent}

// Match looks through what the store holds for parties, deals and patents told
// twice and keeps the pairs: those certain enough are taken for one, the rest
// waits for a person. Scanning again finds nothing new and forgets no
// decision.
func Match(ctx context.Context, db *store.DB, actor appraisal.Actor, kinds []store.MatchKind, now time.Time) (rep MatchReport, err error) {
	defer fault.Wrap(&err, "intake.Match")
	ctx = store.As(ctx, actor.Institution)
	rep = MatchReport{Entries: map[store.MatchKind]int{}, Same: map[store.MatchKind]int{}, Waiting: map[store.MatchKind]int{}}
	for _, kind := range kinds {
		n, pairs, err := matchesOf(ctx, db, actor.Institution, kind)
		if err != nil {
			return rep, err
		}
		rep.Entries[kind] = n
		if len(pairs) > maxPairs {
			pairs, rep.More = pairs[:maxPairs], true
		}
		for _, p := range pairs {
			if p.Band == patent.Same {
				rep.Same[kind]++
			} else {
				rep.Waiting[kind]++
			}
		}
		fresh, err := db.PutMatches(ctx, actor.Institution, pairs, actor.Name, now.UTC().Truncate(time.Microsecond))
		if err != nil {
			return rep, err
		}
		rep.New += fresh
	}
	return rep, nil
}

func matchesOf(ctx context.Context, db *store.DB, institution string, kind store.MatchKind) (n int, out []store.MatchPair, err error) {
	add := func(p patent.Pair, institution, a, b, aShown, bShown string) {
		if a != b {
			out = append(out, store.MatchPair{Institution: institution, Kind: kind, A: a, B: b, AShown: aShown, BShown: bShown, Score: p.Score, Band: p.Band, Reasons: p.Reasons})
		}
	}
	switch kind {
	case store.MatchParty:
		named, err := db.NamedParties(ctx, institution)
		if err != nil {
			return 0, nil, err
		}
		list := make([]patent.Party, len(named))
		for i := range named {
			list[i] = named[i].Party
		}
		shown := func(p *store.NamedParty) string { return p.Name + "（" + p.Source + "）" }
		found := patent.PairParties(list, func(n int) bool { return n > maxPairs || ctx.Err() != nil })
		if err := ctx.Err(); err != nil { // nobody waits for it
			return 0, nil, err
		}
		for _, p := range found {
			a, b := &named[p.A], &named[p.B]
			owner := a.Institution
			if b.Institution != "" {
				owner = b.Institution
			}
			add(p, owner, store.PartyKey(a.Name), store.PartyKey(b.Name), shown(a), shown(b))
		}
		return len(list), out, nil
	case store.MatchDeal:
		ids, facts, err := db.DealFacts(ctx)
		if err != nil {
			return 0, nil, err
		}
		shown := func(i int) string {
			d := &facts[i]
			return fmt.Sprintf("%s：%s，%.2f元，%s，%s→%s", ids[i], d.Title, d.Amount, d.Date, d.Seller, d.Buyer)
		}
		for _, p := range patent.PairDeals(facts) {
			add(p, "", ids[p.A], ids[p.B], shown(p.A), shown(p.B))
		}
		return len(facts), out, nil
	case store.MatchPatent:
		facts, err := db.BarePatents(ctx)
		if err != nil {
			return 0, nil, err
		}
		shown := func(p *patent.PatentFacts) string {
			return fmt.Sprintf("%s：%s，申请日%s，%s", p.Number, p.Title, p.Filing, strings.Join(p.Owners, "、"))
		}
		for _, p := range patent.PairPatents(facts) {
			add(p, "", facts[p.A].Number, facts[p.B].Number, shown(&facts[p.A]), shown(&facts[p.B]))
		}
		return len(facts), out, nil
	}
	return 0, nil, fault.New(fault.Invalid, "match.kind", "匹配对象应为 party、deal 或 patent。", "What is matched is party, deal or patent.")
}
