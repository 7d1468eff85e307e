package store_test

import (
	"context"
	"testing"

	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

func TestMigrateIsIdempotent(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	url := storetest.URL(t)
	if err := store.Migrate(ctx, url); err != nil {
		t.Fatal(err)
	}
	states, err := store.MigrationStates(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range states {
		if !s.Applied {
			t.Errorf("step %d %s is not applied", s.Version, s.Name)
		}
	}
}
