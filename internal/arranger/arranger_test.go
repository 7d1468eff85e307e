package arranger_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"zhijia/internal/patent"

	"zhijia/internal/arranger"
	"zhijia/internal/fault"
	"zhijia/internal/jobs"
	"zhijia/internal/money"
	"zhijia/internal/pool"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/terms"
)

func TestPoolTakesValuesAndFindsDoubleOffers(t *testing.T) {
	t.Parallel()
	ctx, db := store.As(context.Background(), store.Default), storetest.New(t)
	now := func() time.Time { return time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC) }
	desk := arranger.New(db, queue(t, db), now)
	deal := pool.Example(1)
	for i := range deal.Patents[:4] {
		deal.Patents[i].Value = nil
	}
	if err := db.PutAssumptions(ctx, "v1", []byte("{}"), ""); err != nil {
		t.Fatal(err)
	}
	put := func(id string, which int, status valuation.Status, point float64, day string) {
		c := valuation.Conclusion{Status: status, Value: valuation.Estimate{Point: &point, Low: point / 2, High: point * 2, Level: 0.8}}
		if status == valuation.Zero {
			c.Reason = &terms.Note{Code: "expired", Zh: "专利权期限届满", En: "expired"}
		}
		body, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		v := &store.Valuation{
			ID: id, CreatedAt: now(), Institution: "default", Numbers: []string{string(patent.KeyOf(deal.Patents[which].Number))}, Purpose: "securitisation", Status: string(status),
			Assumptions: "v1", Request: []byte("{}"), Snapshot: []byte("{}"), Conclusion: body, Hash: []byte{1},
		}
		if err := v.AsOf.UnmarshalText([]byte(day)); err != nil {
			t.Fatal(err)
		}
		if err := db.PutValuation(ctx, v, store.Act{Institution: store.Default}); err != nil {
			t.Fatal(err)
		}
	}
	put("v-old", 0, valuation.Valued, 1e6, "2026-01-01")
	put("v-new", 0, valuation.Valued, 3e6, "2026-09-01")
	put("v-late", 0, valuation.Valued, 9e6, "2026-10-15") // after the cut-off: must not count
	put("v-dead", 1, valuation.Zero, 0, "2026-09-01")
	put("v-none", 2, valuation.Abstained, 0, "2026-09-01")

	p, notes, err := desk.Create(ctx, "default", "test", deal)
	if err != nil {
		t.Fatal(err)
	}
	got := p.Deal.Patents
	if got[0].Value == nil || got[0].Value.Point != 3e6 || got[0].Value.ValuationID != "v-new" {
		t.Errorf("value %+v", got[0].Value)
	}
	if got[1].State != "dead" || got[2].Value != nil || got[3].Value != nil || len(notes) != 3 {
		t.Errorf("dead %q, notes %v", got[1].State, notes)
	}
	c := p.Deal.Collateral()
	if len(c.Excluded) != 1 || c.Excluded[0].Reason.Code != "ip.dead" || len(c.Unvalued) != 2 {
		t.Errorf("excluded %v, unvalued %v", c.Excluded, c.Unvalued)
	}

	// The same patents again, from another institution: what the first noted is a
	// reason to look at each, blocks nothing, and names nobody.
	var numbers []string
	for _, x := range pool.Example(1).Patents {
		n, err := patent.ParseNumber(x.Number)
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, string(n.Key()))
	}
	storetest.Authorise(t, db, "other", numbers...)
	q, notes, err := desk.Create(ctx, "other", "test", pool.Example(1))
	if err != nil {
		t.Fatal(err)
	}
	if x := q.Deal.Collateral(); len(x.Excluded) != 0 || len(notes) != 102 || !strings.Contains(notes[0], "另一机构于") || strings.Contains(notes[0], p.ID) {
		t.Errorf("%d excluded, %d notes: %v", len(x.Excluded), len(notes), notes[0])
	}
	bare := pool.Example(2)
	bare.Patents = nil
	if _, _, err := desk.Create(ctx, "default", "test", bare); err != nil {
		t.Errorf("a pool without patents: %v", err)
	}
	if _, err := db.Pool(ctx, "other", p.ID); fault.KindOf(err) != fault.NotFound {
		t.Errorf("another institution's pool: %v", err)
	}
}

// BenchmarkHundredThousandScenarios is a 200-obligor, 36-period pool with the
// full waterfall on every core.
func BenchmarkHundredThousandScenarios(b *testing.B) {
	d := pool.Example(1)
	d.Obligors, d.Assets, d.Patents = nil, nil, nil
	for i := range 200 {
		pd, id := 0.02+0.0002*float64(i), fmt.Sprintf("o%03d", i)
		d.Obligors = append(d.Obligors, pool.Obligor{ID: id, Name: id, PD: &pd, PDSource: "benchmark", Industry: fmt.Sprint(i % 8), Region: fmt.Sprint(i % 5)})
		d.Assets = append(d.Assets, pool.Asset{
			ID: id, Obligor: id, Kind: pool.Lease, Principal: money.Fen(1e8 + int64(i)*1e6), Rate: 0.06,
			Maturity: d.Closing.AddMonths(36 - i%3), Amortise: "level", EveryMonth: 1,
		})
	}
	d.Structure.EveryMonths, d.Credit.LagMonths, d.Credit.RhoRegion = 1, 0, 0.02
	d.Structure.Tranches[0].Principal = d.Total().MulRate(0.9)
	d.Structure.Tranches[1].Principal = d.Total() - d.Structure.Tranches[0].Principal
	for b.Loop() {
		if _, err := arranger.Simulate(context.Background(), &d, 1, 100_000, nil, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// A simulation cut off after some ranges is finished by another desk, with the
// same result as one run in one go.
func TestSimulationResumes(t *testing.T) {
	t.Parallel()
	ctx, db := store.As(context.Background(), store.Default), storetest.New(t)
	now := func() time.Time { return time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC) }
	q := queue(t, db)
	first := arranger.New(db, q, now)
	p, _, err := first.Create(ctx, "default", "test", pool.Example(1))
	if err != nil {
		t.Fatal(err)
	}
	// What a killed process leaves behind: the job and one finished range.
	job, err := first.Start(ctx, "default", p.ID, 1<<63, 12_000, nil)
	if err != nil {
		t.Fatal(err)
	}
	sim, err := p.Deal.NewSimulation(job.Seed)
	if err != nil {
		t.Fatal(err)
	}
	tally, err := sim.Range(5000, 10000)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.PutPoolTally(ctx, job.ID, 5000, 10000, tally); err != nil {
		t.Fatal(err)
	}
	// Asking how it stands starts nothing.
	second := arranger.New(db, q, now)
	s, err := second.Status(ctx, "default", job.ID)
	if err != nil || s.Status != "running" || s.Done != 5000 {
		t.Fatalf("%+v, %v", s, err)
	}
	running, stop := context.WithCancel(ctx)
	worked := make(chan error, 1)
	go func() { worked <- q.Run(running, jobs.RunOptions{}, second.Worker()) }()
	for tick := time.Tick(20 * time.Millisecond); err == nil && s.Status == "running"; <-tick {
		s, err = second.Status(ctx, "default", job.ID)
	}
	stop()
	if werr := <-worked; werr != nil || err != nil || s.Status != "done" || s.Done != 12_000 {
		t.Fatalf("status %s, done %d, %v, %v", s.Status, s.Done, err, werr)
	}
	want, err := arranger.Simulate(ctx, &p.Deal, job.Seed, 12_000, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(body, s.Report) {
		t.Errorf("resumed:\n%s\nin one go:\n%s", s.Report, body)
	}
	list, err := db.Pools(ctx, "default", time.Time{}, "", 10)
	if err != nil || len(list) != 1 || list[0].Patents != 102 {
		t.Errorf("%+v, %v", list, err)
	}
}

func queue(t *testing.T, db *store.DB) *jobs.Queue {
	t.Helper()
	q, err := jobs.New(db, nil)
	if err != nil {
		t.Fatal(err)
	}
	return q
}
