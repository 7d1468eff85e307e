package appraisal_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/store"
)

// TestLedgerFollowsItsOwner holds that a deal counts from the valuation after its import, for the institution that brought
// it and for no other, that it counts from the day after its own, and that what was valued before is worked out again from
// the deals of then.
func TestLedgerFollowsItsOwner(t *testing.T) {
	t.Parallel()
	db, svc := setup(t)
	ctx := context.Background()
	rival := appraisal.Actor{Name: "officer", Institution: "other"}
	at := func(who appraisal.Actor, day calendar.Date) (float64, *appraisal.Record) {
		r, err := svc.Value(ctx, who, appraisal.Request{Number: "ZL201310543019.6", Date: day})
		if err != nil {
			t.Fatal(err)
		}
		c, err := r.Conclusion()
		if err != nil {
			t.Fatal(err)
		}
		return c.Value.Median, r
	}
	sold := calendar.MustParse("2024-06-14")
	days := []calendar.Date{sold.AddDays(-1), sold, sold.AddDays(1), sold.AddDays(30)}
	before := map[string]float64{}
	var records []*appraisal.Record
	for _, d := range days {
		v, r := at(actor, d)
		before["bank"+d.String()] = v
		records = append(records, r)
		before["rival"+d.String()], _ = at(rival, d)
	}
	var deals []store.Deal
	for i := range 5 {
		deals = append(deals, store.Deal{
			ID: fmt.Sprintf("own-%d", i), Title: "专利转让", Amount: new(3e6), Patents: new(1), PatentKind: "invention", Currency: "CNY", DealKind: "assignment", Market: "private",
			Date: sold, DateUnit: "day", SourceType: "own_ledger", OwnerType: "firm", RelatedParty: new(false),
		})
	}
	if err := db.PutDeals(store.As(ctx, "bank"), deals); err != nil {
		t.Fatal(err)
	}
	var lastRecord *appraisal.Record
	for i, d := range days {
		v, r := at(actor, d)
		lastRecord = r
		if moved := v > 1.05*before["bank"+d.String()]; moved != d.After(sold) {
			t.Errorf("as of %s: %.0f before the import of deals of %s, %.0f after", d, before["bank"+d.String()], sold, v)
		}
		if v, _ := at(rival, d); v != before["rival"+d.String()] {
			t.Errorf("as of %s: another institution's import moved %.0f to %.0f", d, before["rival"+d.String()], v)
		}
		for _, x := range []*appraisal.Record{records[i], r} {
			if again, err := svc.Replay(ctx, actor, x.ID()); err != nil || !again.Identical || !again.Intact {
				t.Errorf("as of %s: %+v, %v", d, again, err)
			}
		}
	}
	// Asked today, each differs by named causes that sum to the difference: time for all, the deals for what was valued before.
	for i, d := range days {
		since, err := svc.Since(ctx, actor, records[i].ID())
		if err != nil {
			t.Fatal(err)
		}
		sum, named := 0.0, map[string]bool{}
		for _, c := range since.Causes {
			sum += c.Yuan
			named[c.Key] = true
		}
		if math.Abs(sum-since.Change) > 1e-6*since.Before || since.Change == 0 || since.Before != before["bank"+d.String()] {
			t.Errorf("as of %s: %+v sums to %v of %v", d, since.Causes, sum, since.Change)
		}
		if !named["time"] || !named["deals"] || named["versions"] || named["facts"] { // and the scores that records give by their age
			t.Errorf("as of %s: named %v", d, named)
		}
	}
	// What a deal does is told for each, as exactly as if it had never come: the five new ones raise, and alike.
	told, err := svc.Influences(ctx, actor, lastRecord.ID())
	if err != nil {
		t.Fatal(err)
	}
	changes := map[string]float64{}
	for _, d := range told.Deals {
		changes[d.Deal] = d.Change
	}
	if c, _ := lastRecord.Conclusion(); math.Abs(told.Figure/c.Value.Median-1) > 1e-9 || !(changes["own-0"] < -1) || math.Abs(changes["own-0"]-changes["own-4"]) > 1e-6*told.Figure || len(told.Deals) != c.Retrieval.Considered && len(told.Deals) < 6 {
		t.Errorf("the figure %v of %v, own deals move it by %v", told.Figure, c.Value.Median, changes)
	}
	// A fresh process holds nothing and gives the same bytes.
	fresh, err := appraisal.New(ctx, db, appraisal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if again, err := fresh.Replay(ctx, actor, records[3].ID()); err != nil || !again.Identical {
		t.Errorf("replayed by another process: %+v, %v", again, err)
	}
	// What a valuation names is kept; a set that none names goes when nobody has used it.
	if err := db.PutLedger(store.As(ctx, "bank"), strings.Repeat("a", 64), []byte("x")); err != nil {
		t.Fatal(err)
	}
	for i, ago := range []time.Duration{time.Hour, -time.Hour, -time.Hour} {
		if n, err := db.PruneLedgers(ctx, time.Now().Add(-ago)); err != nil || n > 0 != (i == 1) {
			t.Errorf("pruning %d: %d dropped, %v", i, n, err)
		}
	}
	if again, err := fresh.Replay(ctx, actor, records[0].ID()); err != nil || !again.Identical {
		t.Errorf("replayed after pruning: %+v, %v", again, err)
	}
	if err := db.PutDeals(store.As(ctx, "bank"), []store.Deal{{ID: "own-0", Title: "专利转让", Currency: "CNY", DealKind: "ask", Date: sold, DateUnit: "day"}}); err != nil {
		t.Fatal(err)
	}
	if v, _ := at(actor, days[3]); v == before["bank"+days[3].String()] {
		t.Error("four deals of five left move nothing")
	}
}
