package store_test

import (
	"context"
	"math"
	"testing"

	"zhijia/internal/calendar"
	"zhijia/internal/embed"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

// The distance the database takes is the cosine the program would take, and a
// subject without a vector is compared by the other parts.
func TestComparablesDistanceInTheDatabase(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := storetest.New(t)
	space, err := db.PutSpace(ctx, store.Space{Provider: store.LocalProvider, Model: "chars-1-2", Version: "hash", Dimension: embed.Dimension})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.ActivateSpace(ctx, space); err != nil {
		t.Fatal(err)
	}
	amount, one := 1e6, 1
	titles := []string{"一种锂离子电池正极材料", "一种图像识别方法", "电池隔膜及其制备方法"}
	for i, title := range titles {
		d := store.Deal{ID: string(rune('A' + i)), Title: title, Amount: &amount, Patents: &one, Currency: "CNY", DealKind: "assignment", Date: calendar.New(2020, 1, 1), DateUnit: "day", IPC: []string{"H01M 4/36"}}
		if err := db.PutDeals(ctx, []store.Deal{d}); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := db.UnembeddedDeals(ctx, space, store.Unembedded{}, 10, true)
	if err != nil {
		t.Fatal(err)
	}
	var vectors [][]float32
	for _, r := range rows {
		vectors = append(vectors, embed.Hash(r.Text))
	}
	if err := db.PutVectors(ctx, space, rows, vectors); err != nil {
		t.Fatal(err)
	}
	query := embed.Hash("锂离子电池正极")
	q := store.ComparableQuery{Before: calendar.New(2026, 1, 1), Space: space, Vector: query, Text: "锂离子电池正极", IPC: []string{"H01M 4/36"}}
	found, err := db.Comparables(ctx, q)
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Admitted) != 3 || found.Admitted[0].DealID != "A" {
		t.Fatalf("%+v", found.Admitted)
	}
	for _, c := range found.Admitted {
		want := embed.Cosine(query, embed.Hash(titles[c.DealID[0]-'A']))
		if c.Similar.Text == nil || math.Abs(*c.Similar.Text-want) > 1e-3 {
			t.Errorf("%s: cosine %v, want %.4f", c.DealID, c.Similar.Text, want)
		}
	}
	q.Vector = nil
	found, err = db.Comparables(ctx, q)
	if err != nil || len(found.Admitted) != 3 || found.Admitted[0].Similar.Text != nil {
		t.Errorf("without a vector: %+v %v", found.Admitted, err)
	}
}
