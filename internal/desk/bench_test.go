package desk

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/deskfile"
	"zhijia/internal/lending"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

// stock puts the patents of a table and 5,000 generated deals into the store.
func stock(b *testing.B, d *Desk, db *store.DB, table [][]string) {
	b.Helper()
	ctx := context.Background()
	r := rand.New(rand.NewPCG(3, 4))
	classes := []string{"H01M 10/05", "G06F 17/30", "H04L 29/06", "B01J 23/00", "G01N 21/00", "C09D 5/00", "B23K 11/00", "A61K 31/00", "G06T 7/00", "F16H 1/00"}
	var patents []store.Patent
	for line := range deskfile.Read(workbook(b, table), "f.xlsx", deskfile.Options{On: on}) {
		if x := line.Row; len(line.Faults) == 0 {
			patents = append(patents, store.Patent{
				Number: x.Number, Kind: string(x.Kind), Title: x.Title, Abstract: x.Title + strings.Repeat("，用于提高性能并降低成本", 8), IPC: []string{classes[r.IntN(len(classes))]},
				Filing: x.Filing, Grant: x.Grant, Owners: x.Owners, OwnerType: "firm", Source: "generated",
			})
		}
	}
	for from := 0; from < len(patents); from += 1000 {
		if err := db.MergePatents(ctx, patents[from:min(from+1000, len(patents))], 0, nil); err != nil {
			b.Fatal(err)
		}
	}
	one, no := 1, false
	var deals []store.Deal
	for i := range 5000 {
		amount := float64(int(10_000 * (1 + r.ExpFloat64()*50)))
		deals = append(deals, store.Deal{
			ID: fmt.Sprintf("G%06d", i), Title: "一种" + table[1+r.IntN(len(table)-1)][4], Description: "生成的交易", Amount: &amount, Currency: "CNY", DealKind: "assignment", Patents: &one,
			IPC: []string{classes[r.IntN(len(classes))]}, Date: calendar.New(2012+r.IntN(12), time.Month(1+r.IntN(12)), 1), DateUnit: "day", RelatedParty: &no, SourceType: "own_ledger", OwnerType: "firm",
		})
	}
	if err := db.PutDeals(ctx, deals); err != nil {
		b.Fatal(err)
	}
	if err := d.appraisal.Spaces().EmbedStored(ctx, nil); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkThroughput works a file of ZHIJIA_BATCH_ROWS rows with 1, 2 and 4
// worker processes, model off, beside bare valuations of the same rows in one
// process (every one stored, eight at once):
//
//	GOGC=400 ZHIJIA_BATCH_ROWS=3000 go test ./internal/desk -run xxx -bench Throughput -benchtime 1x
//
// ZHIJIA_BATCH_DURABLE=1 takes a server that waits for the disk, as every real
// one does.
func BenchmarkThroughput(b *testing.B) {
	table, want := generate(size())
	rows := len(table) - 1 - len(want)
	url := ""
	if os.Getenv("ZHIJIA_BATCH_DURABLE") != "" {
		url, _ = durable(b)
	} else {
		url = storetest.URL(b)
	}
	d, db := newDesk(b, url)
	stock(b, d, db, table)
	var requests []appraisal.Request
	for line := range deskfile.Read(workbook(b, table), "f.xlsx", deskfile.Options{On: on}) {
		if len(line.Faults) == 0 {
			requests = append(requests, request(&line.Row, on, true))
		}
	}
	var bare float64
	b.Run("bare", func(b *testing.B) {
		start := time.Now()
		for range b.N {
			var next atomic.Int64
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					for i := int(next.Add(1)) - 1; i < len(requests); i = int(next.Add(1)) - 1 {
						if _, err := d.appraisal.Value(b.Context(), officer, requests[i]); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
		}
		bare = float64(b.N*len(requests)) / time.Since(start).Seconds()
		b.ReportMetric(bare, "rows/s")
	})
	for i, n := range []int{1, 2, 4} {
		b.Run(fmt.Sprintf("workers=%d", n), func(b *testing.B) {
			for k := range b.N {
				o := template()
				o.Policy.Version = fmt.Sprintf("bench-%d-%d-%d", i, n, k) // another batch of the same file
				batch, _, err := d.Submit(b.Context(), officer, "f.xlsx", workbook(b, table), o)
				if err != nil {
					b.Fatal(err)
				}
				start := time.Now()
				var stops []func()
				for range n {
					_, stop := startWorker(b, url)
					stops = append(stops, stop)
				}
				wait(b, d, officer, batch.ID)
				took := time.Since(start)
				b.ReportMetric(float64(rows)/took.Seconds(), "rows/s")
				b.ReportMetric(float64(rows)/took.Seconds()/bare, "of-bare")
				for _, stop := range stops {
					stop()
				}
			}
		})
	}
}

// BenchmarkTwoDesks works a file of 60 rows of one desk alone, then beside a
// file of 3,000 rows of another desk that arrived before, by one worker
// process:
//
//	GOGC=400 go test ./internal/desk -run xxx -bench TwoDesks -benchtime 1x
func BenchmarkTwoDesks(b *testing.B) {
	large, _ := generate(3000)
	small, _ := generate(60)
	url := storetest.URL(b)
	d, db := newDesk(b, url)
	stock(b, d, db, large)
	bank := appraisal.Actor{Name: "desk-b", Institution: "bank-b"}
	submit := func(table [][]string, actor appraisal.Actor, version string) store.Batch {
		o := template()
		o.Policy.Version = version
		batch, _, err := d.Submit(b.Context(), actor, "f.xlsx", workbook(b, table), o)
		if err != nil {
			b.Fatal(err)
		}
		return batch
	}
	startWorker(b, url)
	for k := range b.N {
		warm := submit(small, bank, fmt.Sprintf("warm-%d", k))
		wait(b, d, bank, warm.ID)
		start := time.Now()
		alone := submit(small, bank, fmt.Sprintf("alone-%d", k))
		wait(b, d, bank, alone.ID)
		took := time.Since(start)
		big := submit(large, officer, fmt.Sprintf("big-%d", k))
		start = time.Now()
		beside := submit(small, bank, fmt.Sprintf("beside-%d", k))
		wait(b, d, bank, beside.ID)
		besideTook := time.Since(start)
		wait(b, d, officer, big.ID)
		b.ReportMetric(took.Seconds(), "alone-s")
		b.ReportMetric(besideTook.Seconds(), "beside-s")
		b.ReportMetric(time.Since(start).Seconds(), "large-s")
		b.ReportMetric(float64(endedBefore(b, db, big, beside)), "large-rows-meanwhile")
	}
}

// BenchmarkLargeFile reads, decides and writes a workbook of 50,000 rows and
// reports the most memory the process held. Rows are marked done with the value
// of the first one, so that it measures the files and not the valuations:
//
//	GOMEMLIMIT=340MiB go test ./internal/desk -run xxx -bench LargeFile -benchtime 1x
//
// with the limit that zhijia batch run and zhijia worker set themselves.
func BenchmarkLargeFile(b *testing.B) {
	rows := 50_000
	if n, err := strconv.Atoi(os.Getenv("ZHIJIA_BATCH_ROWS")); err == nil {
		rows = n
	}
	table, _ := generate(rows)
	oddly(table)
	file := workbook(b, table)
	table = nil // it is no part of what is measured
	d, db := newDesk(b, storetest.URL(b))
	for range b.N {
		debug.FreeOSMemory()
		peak := peakMemory(b)
		start := time.Now()
		batch, _, err := d.Submit(b.Context(), officer, "f.xlsx", file, template())
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(start).Seconds(), "submit-s")
		var first lending.Row
		rows, err := db.BatchRows(b.Context(), batch.ID, store.RowWaiting, 0, 1)
		if err != nil || json.Unmarshal(rows[0].Input, &first) != nil {
			b.Fatal(err)
		}
		one, _, err := Value(b.Context(), d.db, d.appraisal, officer, first, on, false)
		if err != nil {
			b.Fatal(err)
		}
		valued, err := json.Marshal(one)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := db.Queue().Exec(b.Context(), `
			UPDATE batch_rows SET status = 'done', valued = ($2::jsonb || jsonb_build_object('row', input::jsonb))::json
			WHERE batch = $1 AND status = 'waiting'`, batch.ID, valued); err != nil {
			b.Fatal(err)
		}
		start = time.Now()
		if err := d.finish(b.Context(), batch.ID); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(start).Seconds(), "decide-s")
		r, err := d.Result(b.Context(), officer, batch.ID)
		if err != nil {
			b.Fatal(err)
		}
		start = time.Now()
		if err := deskfile.WriteBook(io.Discard, r); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(start).Seconds(), "write-s")
		b.ReportMetric(float64(peak())/(1<<20), "peak-MB")
	}
}

// peakMemory samples the process's resident memory until the returned function
// is called, which returns the most it saw.
func peakMemory(b *testing.B) func() int64 {
	b.Helper()
	var most atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				status, err := os.ReadFile("/proc/self/statm")
				if err != nil {
					continue
				}
				var size, resident int64
				if _, err := fmt.Sscan(string(status), &size, &resident); err == nil {
					most.Store(max(most.Load(), resident*int64(os.Getpagesize())))
				}
			}
		}
	})
	return func() int64 { close(stop); wg.Wait(); return most.Load() }
}
