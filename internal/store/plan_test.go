package store_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

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
