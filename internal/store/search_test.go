package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"zhijia/internal/calendar"
	"zhijia/internal/embed"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
	"zhijia/internal/valuation/terms"
)

// clustered returns unit vectors around a few hundred centres, as texts of
// many fields are.
func clustered(rng *rand.Rand, n, centres int) [][]float32 {
	middle := make([][]float32, centres)
	for i := range middle {
		middle[i] = make([]float32, embed.Dimension)
		for j := range 48 {
			middle[i][(i*31+j*17)%embed.Dimension] = float32(rng.NormFloat64())
		}
	}
	out := make([][]float32, n)
	for i := range out {
		out[i] = slices.Clone(middle[rng.IntN(centres)])
		for range 64 {
			out[i][rng.IntN(embed.Dimension)] += float32(0.5 * rng.NormFloat64())
		}
	}
	return out
}

func hashSpace(t *testing.T, db *store.DB) store.Space {
	t.Helper()
	space := store.Space{Provider: store.LocalProvider, Model: "chars-1-2", Version: "hash", Dimension: embed.Dimension}
	id, err := db.PutSpace(context.Background(), space)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.ActivateSpace(context.Background(), id); err != nil {
		t.Fatal(err)
	}
	space.ID = id
	return space
}

func TestRecallOfTheGraph(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := storetest.New(t)
	space := hashSpace(t, db)
	rng := rand.New(rand.NewPCG(1, 2))
	const n, k, queries = 3000, 10, 60
	vectors := clustered(rng, n, 60)
	patents := make([]store.Patent, n)
	for i := range patents {
		patents[i] = store.Patent{Number: fmt.Sprintf("N%05d", i), Title: fmt.Sprintf("专利 %d", i), Source: "test", IPC: []string{[]string{"H01M 4/36", "A61K 9/00"}[i%2]}}
	}
	for i := 0; i < n; i += 1000 {
		if err := db.MergePatents(ctx, patents[i:i+1000], space.ID, vectors[i:i+1000]); err != nil {
			t.Fatal(err)
		}
	}
	if _, path, err := db.Nearest(ctx, space, vectors[0], k, false); err != nil || path != "exact" {
		t.Fatalf("without an index the path is %q, %v", path, err)
	}
	if err := db.BuildVectorIndex(ctx, space); err != nil {
		t.Fatal(err)
	}
	hits := 0
	for q := range queries {
		want, _, err := db.Nearest(ctx, space, vectors[q*7], k, true)
		if err != nil {
			t.Fatal(err)
		}
		got, path, err := db.Nearest(ctx, space, vectors[q*7], k, false)
		if err != nil || path != "hnsw" {
			t.Fatalf("path %q, %v", path, err)
		}
		for _, number := range got {
			if slices.Contains(want, number) {
				hits++
			}
		}
	}
	if recall := float64(hits) / (k * queries); recall < 0.99 {
		t.Errorf("recall at %d is %.4f over %d queries, want 0.99", k, recall, queries)
	}
	// A filtered search is exact up to 20,000 candidates, whatever the index.
	found, err := db.SearchPatents(ctx, space, vectors[4], "专利", store.PatentFilter{IPC: []string{"A61K"}}, k)
	if err != nil {
		t.Fatal(err)
	}
	if found.Path != "exact" || len(found.Hits) != k {
		t.Errorf("filtered: path %s, %d hits", found.Path, len(found.Hits))
	}
	for _, h := range found.Hits {
		if h.IPC[0] != "A61K 9/00" {
			t.Errorf("%s is outside the filter", h.Number)
		}
	}
}

// Every admissible deal of the level searched is considered, so the list is
// the exact one: checked against brute force over the same similarity parts.
func TestComparablesAreExactAndPointInTime(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := storetest.New(t)
	space := hashSpace(t, db)
	words := []string{"电池", "正极", "电机", "图像", "废水", "激光", "药物", "涂层", "齿轮", "天线"}
	rng := rand.New(rand.NewPCG(3, 4))
	const n = 600
	amount, one := 1e5, 1
	deals := make([]store.Deal, n)
	vectors := make([][]float32, n)
	for i := range deals {
		title := fmt.Sprintf("一种%s%s%s装置%d", words[rng.IntN(10)], words[rng.IntN(10)], words[rng.IntN(10)], i)
		deals[i] = store.Deal{
			ID: fmt.Sprintf("D%04d", i), Title: title, Amount: &amount, Patents: &one, Currency: "CNY", DealKind: "assignment",
			Date: calendar.New(2015, 1, 1).AddDays(rng.IntN(3000)), DateUnit: "day", IPC: []string{"H01M 4/36"},
		}
		vectors[i] = embed.Hash(deals[i].Text())
	}
	if err := db.MergeDeals(ctx, deals, space.ID, vectors); err != nil {
		t.Fatal(err)
	}
	asOf := calendar.New(2020, 6, 1)
	text := "一种电池正极涂层装置"
	got, err := db.Comparables(ctx, store.ComparableQuery{Before: asOf, Space: space.ID, Vector: embed.Hash(text), Text: text, IPC: []string{"H01M 10/05"}})
	if err != nil {
		t.Fatal(err)
	}
	type scored struct {
		id    string
		total float64
	}
	var want []scored
	for i, d := range deals {
		if !d.Date.Before(asOf) {
			continue
		}
		cosine, wording, relation := embed.Cosine(embed.Hash(text), vectors[i]), embed.Containment(embed.Bigrams(text), embed.Bigrams(d.Text())), embed.SameSubclass
		total := embed.FittedLikeness().Of(embed.Parts{Text: &cosine, Lexical: &wording, IPC: &relation})
		want = append(want, scored{d.ID, total})
	}
	slices.SortFunc(want, func(a, b scored) int {
		if a.total != b.total {
			if a.total > b.total {
				return -1
			}
			return 1
		}
		return 0
	})
	if len(got.Admitted) != 40 {
		t.Fatalf("%d comparables", len(got.Admitted))
	}
	cut := want[39].total
	for _, c := range got.Admitted {
		if !c.Date.Before(asOf) {
			t.Errorf("%s of %s influences a valuation at %s", c.DealID, c.Date, asOf)
		}
		if c.Similar.Total < cut-2e-3 { // half precision of the stored vectors
			t.Errorf("%s with %.4f is not among the 40 nearest (cut %.4f)", c.DealID, c.Similar.Total, cut)
		}
	}
	if got.Retrieval.Level != terms.LevelSubclass || got.Retrieval.Considered != len(want) {
		t.Errorf("retrieval %+v, want %d considered at the subclass", got.Retrieval, len(want))
	}
}

// A deal dated by month or year counts only when the whole period is over.
func TestCoarseDatesWaitForTheirPeriodToEnd(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := storetest.New(t)
	amount, one := 1e5, 1
	deal := func(id, date, unit string) store.Deal {
		return store.Deal{ID: id, Title: id, Amount: &amount, Patents: &one, Currency: "CNY", DealKind: "assignment", Date: calendar.MustParse(date), DateUnit: unit}
	}
	if err := db.PutDeals(ctx, []store.Deal{deal("day", "2020-06-15", "day"), deal("month", "2020-06-01", "month"), deal("year", "2020-01-01", "year")}); err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]int{"2020-06-15": 0, "2020-06-16": 1, "2020-06-30": 1, "2020-07-01": 2, "2020-12-31": 2, "2021-01-01": 3} {
		got, err := db.Comparables(ctx, store.ComparableQuery{Before: calendar.MustParse(at)})
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Admitted) != want {
			t.Errorf("at %s %d deals count, want %d", at, len(got.Admitted), want)
		}
	}
}

func TestFactsLoadTwiceIntoTheSameRows(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := storetest.New(t)
	for range 2 {
		if err := db.LoadFacts(ctx); err != nil {
			t.Fatal(err)
		}
	}
	counts, err := db.Counts(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if counts.Deals != 250 || counts.Admissible != 59 || counts.Patents != 14 {
		t.Errorf("%+v", counts)
	}
}
