package store_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

// TestPatentIsFoundByIndex holds that the look-up of one patent under a row-level wall reads by index: the planner is told
// that reading the whole table costs most, so a plan that still does has no other way.
func TestPatentIsFoundByIndex(t *testing.T) {
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
	rows, err := tx.Query(ctx, `EXPLAIN `+store.PatentQuery, "CN202010123456.2")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(plan, "\n"); strings.Contains(text, "Seq Scan") || !strings.Contains(text, "Index Cond: ((number = (InitPlan") {
		t.Errorf("a patent is looked for in the whole table:\n%s", text)
	}
}
