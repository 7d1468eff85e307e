package store_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"zhijia/internal/calendar"
	"zhijia/internal/encumbrance"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

func TestOffers(t *testing.T) {
	t.Parallel()
	ctx, db := context.Background(), storetest.New(t)
	at := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	offer := func(p patent.Product, reference, party string) []patent.Offer {
		return []patent.Offer{{Number: "CN1", Product: p, Reference: reference, Party: party}}
	}
	for _, institution := range storetest.Institutions {
		storetest.Authorise(t, db, institution, "CN1")
	}
	put := func(institution string, o []patent.Offer, status store.OfferStatus) []store.OfferConflict {
		t.Helper()
		found, err := db.PutOffers(ctx, institution, "test", o, status, at)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if found := put("a", offer(patent.ByPledge, "C1", "甲有限公司"), store.Offered); len(found) != 0 {
		t.Errorf("the first: %+v", found)
	}
	if found := put("a", offer(patent.ByPledge, "C1", "甲有限公司"), store.Committed); len(found) != 0 {
		t.Errorf("told again: %+v", found)
	}
	// Another institution's offer under the same contract number: found at once, not named.
	found := put("b", offer(patent.ByPledge, "C1", "甲有限公司"), store.Offered)
	if len(found) != 1 || found[0].Code != "elsewhere" || found[0].Allowed != patent.Allowed || !found[0].OtherDesk || found[0].Product != "" || found[0].Party != "" || found[0].Reference != "" || found[0].Status != "" {
		t.Errorf("another institution: %+v", found)
	}
	found = put("a", offer(patent.ByPool, "P1", "乙有限公司"), store.Offered)
	if len(found) != 2 || found[0].Code != "double_offer" || found[0].Reference != "C1" || found[0].Party != "甲有限公司" {
		t.Errorf("another borrower: %+v", found)
	}
	if n, err := db.SetOffers(ctx, "a", "test", patent.ByPledge, "C1", store.Released, at); n != 1 || err != nil {
		t.Errorf("released %d, %v", n, err)
	}
	if n, err := db.SetOffers(ctx, "b", "test", patent.ByPledge, "C1", store.Released, at); n != 1 || err != nil {
		t.Errorf("released %d, %v", n, err)
	}
	if found, err := db.OfferConflicts(ctx, "a", offer(patent.ByPledge, "C9", "乙有限公司")); len(found) != 1 || found[0].Product != patent.ByPool || err != nil {
		t.Errorf("after release: %+v, %v", found, err)
	}
	all, err := db.Offers(ctx, "a", []string{"CN1", "CN2"})
	if err != nil || len(all) != 1 || all[0].OfferedAt != at || all[0].Institution != "a" {
		t.Errorf("%+v, %v", all, err)
	}
}

// Of offers of one patent made at the same moment, all but one see another.
func TestOffersAtOnce(t *testing.T) {
	t.Parallel()
	ctx, db := context.Background(), storetest.New(t)
	const n = 8
	var wg sync.WaitGroup
	var mu sync.Mutex
	alone := 0
	for i := range n {
		wg.Go(func() {
			found, err := db.PutOffers(ctx, "a", "test", []patent.Offer{{Number: "CN1", Product: patent.ByPledge, Reference: fmt.Sprint(i), Party: fmt.Sprintf("第%d公司", i)}}, store.Offered, time.Now())
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if len(found) == 0 {
				alone++
			}
		})
	}
	wg.Wait()
	if alone != 1 {
		t.Errorf("%d offers met no other", alone)
	}
}

// The ledger: a commitment it forbids is refused or kept as disputed and never
// moves the title, a consent opens what it names, a release frees, and every
// change stands in the time line.
func TestLedgerOfRights(t *testing.T) {
	t.Parallel()
	ctx, db := t.Context(), storetest.New(t)
	by := store.Actor{Name: "张三", Institution: "a"}
	at := time.Now().UTC()
	const number = "CN201310543019.6"
	if err := db.MergeEvents(store.As(ctx, store.Public), []store.LegalEvent{{Number: number, Event: patent.Event{Code: "GR01", Effective: calendar.MustParse("2016-03-02"), Source: "gazette"}}}); err != nil {
		t.Fatal(err)
	}
	entry := func(p patent.Product, reference string, state encumbrance.State) encumbrance.Entry {
		return encumbrance.Entry{Right: number, Product: p, Reference: reference, Party: "甲公司", State: state}
	}
	put := func(dispute bool, e encumbrance.Entry) string {
		t.Helper()
		_, err := db.PutEntries(ctx, by, []encumbrance.Entry{e}, dispute, at)
		if err == nil {
			return ""
		}
		return fault.Public(err).Code
	}
	pledge := entry(patent.ByPledge, "DB-1", encumbrance.Registered)
	pledge.Registration, pledge.Beneficiary = "Y2026980000001", "乙银行"
	lease := entry(patent.ByLease, "L-1", encumbrance.Registered)
	lease.Beneficiary, lease.Registration = "丙租赁", "TR"
	insured := entry(patent.ByInsurance, "BX-1", encumbrance.Committed)
	for i, c := range []struct {
		e       encumbrance.Entry
		dispute bool
		code    string
	}{
		{lease, false, "entry.invalid"}, // no transfer is registered
		{pledge, false, ""},
		{entry(patent.ByPool, "P-1", encumbrance.Committed), false, "encumbrance.consent"},
		{entry(patent.ByPledge, "DB-2", encumbrance.Committed), false, "encumbrance.forbidden"},
		{entry(patent.ByPledge, "DB-2", encumbrance.Committed), true, ""},
		{entry(patent.ByPledge, "DB-2", encumbrance.Offered), false, "entry.transition"},
		{insured, false, ""},
		{entry(patent.ByFund, "F-1", encumbrance.Committed), false, ""},
	} {
		if got := put(c.dispute, c.e); got != c.code {
			t.Fatalf("step %d: %s, want %s", i, got, c.code)
		}
	}
	kept, err := db.Entries(ctx, "a", store.EntryFilter{State: encumbrance.Disputed})
	if err != nil || len(kept) != 1 || kept[0].Reference != "DB-2" || kept[0].Status != encumbrance.Disputed {
		t.Fatalf("disputed: %+v, %v", kept, err)
	}
	consent := encumbrance.Consent{Right: number, Product: patent.ByPledge, Reference: "DB-1", To: patent.ByPool, By: "乙银行", Document: "TY-1", SignedOn: calendar.InChina(at)}
	if err := db.PutConsent(ctx, by, consent, at); err != nil {
		t.Fatal(err)
	}
	if got := put(false, entry(patent.ByPool, "P-1", encumbrance.Committed)); got != "" {
		t.Fatalf("with consent: %s", got)
	}
	if n, err := db.SetOffers(ctx, "a", "李四", patent.ByPledge, "DB-1", store.Released, at); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := db.SetOffers(ctx, "a", "李四", patent.ByPool, "P-1", store.Released, at); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if got := put(false, entry(patent.ByPledge, "DB-2", encumbrance.Committed)); got != "" {
		t.Fatalf("after the release: %s", got)
	}
	steps, err := db.Steps(ctx, "a", number)
	if err != nil {
		t.Fatal(err)
	}
	line := ""
	for _, s := range steps {
		line += string(s.Product) + " " + string(s.State) + ";"
	}
	if want := "pledge registered;pledge disputed;insurance committed;fund_position committed;pool committed;pledge released;pool released;pledge committed;"; line != want {
		t.Errorf("time line %s\nwant %s", line, want)
	}
	if others, err := db.Steps(ctx, "b", number); err != nil || len(others) != 0 {
		t.Errorf("another institution reads it: %+v, %v", others, err)
	}
}
