package spaces_test

import (
	"testing"

	"zhijia/internal/embed"
	"zhijia/internal/spaces"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

// A fit that cannot show that it is better changes nothing unless forced.
func TestFitSwitchesOnlyForBetter(t *testing.T) {
	t.Parallel()
	ctx, db := t.Context(), storetest.New(t)
	s, err := spaces.New(ctx, db, nil)
	if err != nil {
		t.Fatal(err)
	}
	before, err := s.Active(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if before.Version != embed.Shipped().Version() {
		t.Errorf("a new store uses %s, not the model that ships", before)
	}
	if _, err := s.Fit(ctx, store.Actor{Name: "test", Institution: store.Public}, 1, false, nil); err == nil {
		t.Error("an empty store was fitted on")
	}
	if err := db.LoadFacts(ctx); err != nil { // few texts: a fit on them is no better
		t.Fatal(err)
	}
	f, err := s.Fit(ctx, store.Actor{Name: "test", Institution: store.Public}, 1, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	if after, _ := s.Active(ctx); f.Switched || f.Held > 0 && f.New > f.Old || after.ID != before.ID {
		t.Errorf("a few texts switched the space: %+v", f)
	}
	f, err = s.Fit(ctx, store.Actor{Name: "test", Institution: store.Public}, 1, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	after, err := s.Active(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if !f.Switched || after.ID == before.ID || after.ID != f.Space.ID {
		t.Errorf("forced: %+v, active %s", f, after)
	}
}
