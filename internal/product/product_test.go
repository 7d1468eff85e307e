package product_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/fault"
	"zhijia/internal/product"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

// Every product's example is decided, kept behind its institution's wall, listed,
// and comes to the same to the byte when it is worked out again.
func TestKeptAndWorkedOutAgain(t *testing.T) {
	ctx, db := context.Background(), storetest.New(t)
	s := product.New(db, time.Now)
	by := appraisal.Actor{Name: "示例", Institution: store.Default}
	for i := range product.Kinds {
		k := &product.Kinds[i]
		d, err := s.Keep(ctx, by, k, k.Example(1))
		if err != nil {
			t.Fatal(k.Name, err)
		}
		r, err := s.Replay(ctx, store.Default, d.ID)
		if err != nil || !r.Same || r.Version != d.Version {
			t.Errorf("%s: %+v %v", k.Name, r, err)
		}
		kept, err := s.Get(ctx, store.Default, d.ID)
		if err != nil || kept.Label == "" || kept.Verdict != d.Verdict {
			t.Errorf("%s: %+v %v", k.Name, kept, err)
		}
		var b bytes.Buffer
		kind, result, err := kept.Typed()
		if err == nil {
			err = kind.Write(&b, "x.xlsx", result, false)
		}
		if err != nil || b.Len() == 0 {
			t.Errorf("%s: %v", k.Name, err)
		}
		if _, err := s.Get(ctx, store.Public, d.ID); err == nil || fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s: another institution sees it: %v", k.Name, err)
		}
	}
	page, next, err := s.List(ctx, store.Default, "", "", 4)
	if err != nil || len(page) != 4 || next == "" {
		t.Fatal(len(page), next, err)
	}
	rest, next, err := s.List(ctx, store.Default, "", next, 4)
	if err != nil || len(rest) != 2 || next != "" {
		t.Fatal(len(rest), next, err)
	}
	if _, _, err := s.List(ctx, store.Default, "bond", "", 4); fault.KindOf(err) != fault.NotFound {
		t.Error(err)
	}
}
