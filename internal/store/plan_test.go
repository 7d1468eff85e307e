package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/calendar"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

// What the walls cost: the hot questions under the program's role and, in turn,
// in the name of the tables' owner, before whom there is none. The medians' ratio
// is reported.
func BenchmarkWalls(b *testing.B) {
	ctx, url := b.Context(), storetest.URL(b)
	var dbs [2]*store.DB // walled, owner
	for i := range dbs {
		db, err := store.Open(ctx, storetest.ProxyURL(b, url, i == 1), store.Options{MaxConns: 1, Institution: store.Public})
		if err != nil {
			b.Fatal(err)
		}
		defer db.Close()
		dbs[i] = db
	}
	for _, institution := range []string{store.Public, "a", "b"} {
		own := store.As(ctx, institution)
		var patents []store.Patent
		var deals []store.Deal
		for i := range 4000 {
			patents = append(patents, store.Patent{Number: fmt.Sprintf("CN2020%08d", i), Kind: "invention", Title: "一种电池", IPC: []string{fmt.Sprintf("H01M %d/36", 1+i%9)}, Filing: calendar.New(2020, time.Month(1+i%12), 2), Source: "test"})
			if i < 800 {
				deals = append(deals, store.Deal{ID: fmt.Sprint(institution, i), Title: "电池专利转让", IPC: []string{"H01M 4/36"}, Amount: new(1e5 + float64(i)), Currency: "CNY", DealKind: "assignment", Patents: new(1), Date: calendar.New(2020+i%5, 3, 1), DateUnit: "day"})
			}
		}
		if err := errors.Join(dbs[0].MergePatents(own, patents, 0, nil), dbs[0].PutDeals(own, deals)); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := dbs[1].Queue().Exec(ctx, `ANALYZE`); err != nil {
		b.Fatal(err)
	}
	for name, ask := range map[string]func(*store.DB, int) error{
		"patent": func(db *store.DB, i int) error {
			_, err := db.Patent(store.As(ctx, "a"), fmt.Sprintf("CN2020%08d", i%4000))
			return err
		},
		"deals to fit on": func(db *store.DB, i int) error {
			_, err := db.FitDeals(store.As(ctx, "a"), calendar.New(2026, 1, 1))
			return err
		},
		"comparables": func(db *store.DB, i int) error {
			_, err := db.Comparables(store.As(ctx, "a"), store.ComparableQuery{Before: calendar.New(2026, 1, 1), Text: "电池正极", IPC: []string{"H01M 4/36"}})
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			var took [2][]float64
			for i := range b.N {
				for side := range 2 {
					side = (side + i) % 2
					start := time.Now()
					if err := ask(dbs[side], i); err != nil {
						b.Fatal(err)
					}
					took[side] = append(took[side], float64(time.Since(start).Microseconds()))
				}
			}
			median := func(x []float64) float64 { slices.Sort(x); return x[len(x)/2] }
			b.ReportMetric(median(took[0]), "walled-us")
			b.ReportMetric(median(took[1]), "owner-us")
			b.ReportMetric(median(took[0])/median(took[1]), "ratio")
		})
	}
}

// TestHotQueriesReadByIndex holds that the look-up of one patent under a row-level wall, and the look for what of the book
// is due, read by index: the planner is told that reading the whole table costs most, so a plan that still does has no
// other way.
func TestHotQueriesReadByIndex(t *testing.T) {
	t.Parallel()
	conn := app(t, storetest.URL(t))
	ctx := t.Context()
	tx, err := conn.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if _, err := tx.Exec(ctx, `SET LOCAL zhijia.institution = 'a'; SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = force_generic_plan`); err != nil {
		t.Fatal(err)
	}
	explain := func(query string, args ...any) string {
		t.Helper()
		rows, err := tx.Query(ctx, `EXPLAIN `+query, args...)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(plan, "\n")
	}
	if text := explain(store.PatentQuery, "CN202010123456.2"); strings.Contains(text, "Seq Scan") || !strings.Contains(text, "Index Cond: ((number = (InitPlan") {
		t.Errorf("a patent is looked for in the whole table:\n%s", text)
	}
	// By the calendar and by what came in, each from its own index; the events are not looked at.
	if text := explain(store.DueLoansQuery, "2026-11-28"); strings.Contains(text, "Seq Scan") || !strings.Contains(text, "book_patents_due") || !strings.Contains(text, "book_patents_told") {
		t.Errorf("what is due is looked for in the whole book:\n%s", text)
	}
}
