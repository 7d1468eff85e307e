package intake

import (
	"context"
	"strings"
	"testing"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/dossier"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

// What is certain is taken, the uncertain middle waits, a person decides, and
// the decision holds from then on, also after the sources are read again.
func TestMatchReviewDecide(t *testing.T) {
	t.Parallel()
	ctx, db := store.As(context.Background(), "a"), storetest.New(t)
	now := time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC)
	actor := appraisal.Actor{Name: "张三", Institution: "a"}
	amount := func(x float64) *float64 { return &x }
	deals := []store.Deal{
		{ID: "d1", Title: "一种锂电池正极材料", Amount: amount(1_200_000), Currency: "CNY", DealKind: "assignment", Date: calendar.New(2020, 3, 1), DateUnit: "day", Seller: "甲大学", Buyer: "乙科技有限公司"},
		{ID: "d2", Title: "锂电池正极材料", Amount: amount(1_200_000), Currency: "CNY", DealKind: "assignment", Date: calendar.New(2020, 3, 9), DateUnit: "day", Seller: "甲大学", Buyer: "乙科技有限责任公司"},
		{ID: "d3", Title: "正极材料的制备方法", Amount: amount(1_200_000), Currency: "CNY", DealKind: "assignment", Date: calendar.New(2020, 3, 20), DateUnit: "day", Seller: "甲大学"},
	}
	load := func() {
		t.Helper()
		if err := db.MergeDeals(ctx, deals, 0, nil); err != nil {
			t.Fatal(err)
		}
	}
	load()
	err := db.MergePatents(ctx, []store.Patent{
		{Number: "CN201310543019.6", Kind: "invention", Title: "一种锂电池正极材料", Filing: calendar.New(2013, 11, 5), Owners: []string{"甲大学"}, Source: "one"},
		{Number: "CN103575513B", Kind: "invention", Title: "锂电池正极材料", Filing: calendar.New(2013, 11, 5), Owners: []string{"乙科技有限公司"}, Source: "two"},
		{Number: "CN201710601862.3", Kind: "invention", Title: "一种封装材料", Filing: calendar.New(2017, 7, 20), Grant: calendar.New(2020, 1, 3), Owners: []string{"华新电子材料有限公司"}, Source: "one"},
		{Number: "CN203575513U", Kind: "utility_model", Title: "一种锂电池正极材料", Filing: calendar.New(2013, 11, 5), Owners: []string{"甲大学"}, Source: "two"},
	}, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	offer := func(party string) []patent.Offer {
		return []patent.Offer{{Number: "CN1", Product: patent.ByPledge, Reference: "C1", Party: party}}
	}
	if _, err := db.PutOffers(ctx, "a", "test", offer("华新电子材料有限公司"), store.Offered, now); err != nil {
		t.Fatal(err)
	}
	if found, err := db.PutOffers(ctx, "a", "test", offer("华兴电子材料有限公司"), store.Offered, now); err != nil || len(found) != 1 || found[0].Code != "double_offer" {
		t.Fatalf("two borrowers: %+v, %v", found, err)
	}

	rep, err := Match(ctx, db, actor, MatchKinds, now)
	if err != nil {
		t.Fatal(err)
	}
	if rep.Same[store.MatchDeal] != 1 || rep.Waiting[store.MatchDeal] == 0 || rep.Waiting[store.MatchPatent] != 1 || rep.Waiting[store.MatchParty] != 1 {
		t.Fatalf("%+v", rep)
	}
	if again, err := Match(ctx, db, actor, MatchKinds, now.Add(time.Hour)); err != nil || again.New != 0 {
		t.Fatalf("again: %+v, %v", again, err)
	}
	waiting := func(kind store.MatchKind) []store.MatchPair {
		t.Helper()
		list, err := db.Matches(ctx, "a", store.MatchFilter{Kind: kind, Waiting: true, Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	decide := func(id string, verdict patent.Band) []store.MatchDecision {
		t.Helper()
		_, history, err := db.DecideMatch(ctx, "a", id, verdict, "核对营业执照", "李四", now)
		if err != nil {
			t.Fatal(err)
		}
		return history
	}
	repeats := func() (out string) {
		t.Helper()
		ids, _, err := db.DealFacts(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			var of string
			if err := db.Queue().QueryRow(ctx, `SELECT coalesce(duplicate_of, '') FROM deals WHERE id = $1`, id).Scan(&of); err != nil {
				t.Fatal(err)
			}
			out += id + ":" + of + " "
		}
		return strings.TrimSpace(out)
	}

	// Deals: d2 is d1 without asking; d3 waits, and is d1 once a person says so.
	if got := repeats(); got != "d1: d2:d1 d3:" {
		t.Errorf("before: %s", got)
	}
	for _, p := range waiting(store.MatchDeal) {
		decide(p.ID, patent.Same)
	}
	load() // the sources read again
	if got := repeats(); got != "d1: d2:d1 d3:d1" {
		t.Errorf("after: %s", got)
	}
	all, err := db.Matches(ctx, "a", store.MatchFilter{Kind: store.MatchDeal, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all { // a person may overrule what was taken without asking
		if p.Band == patent.Same {
			decide(p.ID, patent.Different)
		}
	}
	load()
	if got := repeats(); got != "d1: d2: d3:d1" {
		t.Errorf("overruled: %s", got)
	}

	// Patents: the record under the publication number is that of the application.
	if p, err := db.Patent(ctx, "CN103575513B"); err != nil || p.Source != "two" {
		t.Errorf("undecided: %+v, %v", p.Number, err)
	}
	p := waiting(store.MatchPatent)
	if len(p) != 1 || len(p[0].Reasons) < 3 || p[0].Score <= 0.5 {
		t.Fatalf("%+v", p)
	}
	decide(p[0].ID, patent.Same)
	if p, err := db.Patent(ctx, "CN103575513B"); err != nil || p.Number != "CN201310543019.6" {
		t.Errorf("decided: %+v, %v", p.Number, err)
	}

	// Parties: the two borrowers are one, for this institution alone.
	pair := waiting(store.MatchParty)[0]
	if list, err := db.Matches(ctx, "b", store.MatchFilter{Kind: store.MatchParty, Limit: 10}); err != nil || len(list) != 0 {
		t.Errorf("another institution sees %+v, %v", list, err)
	}
	if _, _, err := db.DecideMatch(ctx, "b", pair.ID, patent.Same, "x", "王五", now); fault.KindOf(err) != fault.NotFound {
		t.Errorf("another institution decides: %v", err)
	}
	if _, _, err := db.DecideMatch(ctx, "a", pair.ID, patent.Same, "", "李四", now); fault.KindOf(err) != fault.Invalid {
		t.Errorf("without a reason: %v", err)
	}
	decide(pair.ID, patent.Same)
	if found, err := db.OfferConflicts(ctx, "a", offer("华兴电子材料有限公司")); err != nil || len(found) != 0 {
		t.Errorf("one borrower: %+v, %v", found, err)
	}
	n, err := patent.ParseNumber("CN201710601862.3")
	if err != nil {
		t.Fatal(err)
	}
	for institution, want := range map[string]patent.Outcome{"a": patent.Clear, "b": patent.Met} {
		if institution == "b" { // its own record of the patent: it sees nothing of the other's
			err := db.MergePatents(store.As(ctx, "b"), []store.Patent{{Number: "CN201710601862.3", Kind: "invention", Title: "一种封装材料", Filing: calendar.New(2017, 7, 20), Grant: calendar.New(2020, 1, 3), Owners: []string{"华新电子材料有限公司"}, Source: "one"}}, 0, nil)
			if err != nil {
				t.Fatal(err)
			}
		} // the pledgor is the owner, to those who said so
		d, err := dossier.Read(ctx, db, institution, n, patent.PledgeFacts{Pledgors: []string{"华兴电子材料有限公司"}}, calendar.New(2026, 11, 26), calendar.Shipped())
		if err != nil || d.Eligibility.Findings[0].Outcome != want {
			t.Errorf("%s: E01 %s, %v", institution, d.Eligibility.Findings[0].Outcome, err)
		}
	}
	if history := decide(pair.ID, patent.Different); len(history) != 2 || history[0].Verdict != patent.Same || history[1].By != "李四" {
		t.Errorf("%+v", history)
	}
	if found, err := db.OfferConflicts(ctx, "a", offer("华兴电子材料有限公司")); err != nil || len(found) != 1 {
		t.Errorf("two borrowers again: %+v, %v", found, err)
	}
	if len(waiting(store.MatchParty)) != 0 {
		t.Error("what was decided still waits")
	}
}
