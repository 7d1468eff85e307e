package store_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

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
