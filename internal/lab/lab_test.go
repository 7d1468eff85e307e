package lab

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

// growing are the tables that grow with the corpus or with use.
var growing = regexp.MustCompile(`Seq Scan on (patents|patent_vectors|deals|deal_vectors|events|citations|valuations|valuation_patents|overrides|audit|source_records|match_pairs)\b`)

// What is generated is a function of seed and place; a second run writes
// nothing, a larger one completes it, real data are left alone; and no
// statement of a valuation, a search or a list reads a growing table whole.
func TestGenerateAndPlans(t *testing.T) {
	counter := Count() // before the connection: it is traced from the start
	url := storetest.URL(t)
	db, err := store.Open(t.Context(), url, store.Options{MaxConns: 4, Trace: true, Institution: store.Default})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	svc, err := appraisal.New(t.Context(), db, appraisal.Options{Days: calendar.Shipped()})
	if err != nil {
		t.Fatal(err)
	}
	actor := appraisal.Actor{Name: "lab", Institution: store.Default}
	size := Size{Seed: 7, Patents: 120, Deals: 60, Events: 300, Valuations: 5}
	steps, err := Generate(t.Context(), db, svc, actor, size, 2, nil)
	if err != nil || len(steps) != 4 || steps[0].Rows != 120 || steps[3].Rows != 5 {
		t.Fatalf("%+v %v", steps, err)
	}
	steps, err = Generate(t.Context(), db, svc, actor, size, 1, nil)
	for _, s := range steps {
		if s.Rows != 0 || s.There == 0 {
			t.Errorf("again: %+v %v", s, err)
		}
	}
	for i := range 50 {
		p, q := Patent(7, i), Patent(7, i)
		if p.Number != q.Number || p.Abstract != q.Abstract || p.Number != Number(7, i) || p.Number == Number(8, i) && Patent(8, i).Abstract == p.Abstract {
			t.Fatalf("%d: %+v", i, p)
		}
		if n, err := patent.ParseNumber(p.Number); err != nil || string(n.Key()) != p.Number || p.Filing.Year != Patent(7, i).Filing.Year {
			t.Errorf("%s: %v", p.Number, err)
		}
		if e := Event(7, i*7); patent.Codes[e.Code] == "" || e.Effective.Before(Patent(7, i*7/10).Filing) {
			t.Errorf("%+v", e)
		}
	}

	ctx, span := otel.Tracer("test").Start(store.As(t.Context(), store.Default), "all")
	counter.reset()
	const times = 3
	for i := range times {
		if _, err := svc.Value(ctx, actor, appraisal.Request{Number: Number(7, 20+i), Purpose: "pledge"}); err != nil {
			t.Fatal(err)
		}
	}
	// So few deals that comparables are looked for in wider and wider classes, four
	// statements for one.
	if n, trips, _ := counter.read(); n > 14*times || n < 5*times {
		t.Errorf("%d statements in %d round trips for %d valuations:\n%s", n, trips, times, strings.Join(counter.Texts(), "\n"))
	}
	for _, err := range []error{
		second(svc.Comparables(ctx, actor, appraisal.Request{Number: Number(7, 3), Purpose: "pledge"})),
		second(svc.FindPatents(ctx, actor, Number(7, 4), 10)),
		second(svc.Spaces().SearchPatents(ctx, "叶轮", store.PatentFilter{IPC: []string{"G06F"}}, 5)),
		second(db.Events(ctx, []string{Number(7, 1)})),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := svc.Valuations(ctx, actor, appraisal.Query{Number: Number(7, 20)}, "", 20); err != nil {
		t.Fatal(err)
	}
	span.End()

	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), `SET ROLE zhijia_app; SET zhijia.institution = 'default'; SET enable_seqscan = off`); err != nil {
		t.Fatal(err)
	}
	planned := 0
	for _, text := range counter.Whole() {
		if head := strings.ToUpper(strings.Fields(text)[0]); head != "SELECT" && head != "WITH" && head != "INSERT" && head != "UPDATE" {
			continue
		}
		results, err := conn.PgConn().Exec(t.Context(), "EXPLAIN (GENERIC_PLAN) "+text).ReadAll()
		if err != nil {
			t.Errorf("%v: %.200s", err, text)
			continue
		}
		planned++
		var plan []string
		for _, row := range results[0].Rows {
			plan = append(plan, string(row[0]))
		}
		if bad := growing.FindAllString(strings.Join(plan, "\n"), -1); len(bad) > 0 && !slices.ContainsFunc(whole, func(w string) bool { return strings.Contains(text, w) }) {
			t.Errorf("%v in\n%s\n%s", bad, text, strings.Join(plan, "\n"))
		}
	}
	if planned < 10 {
		t.Errorf("only %d statements were planned", planned)
	}

	if err := db.MergePatents(ctx, []store.Patent{{Number: "CN202010123456.2", Title: "真的", Source: "import"}}, 0, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := Generate(t.Context(), db, svc, actor, size, 1, nil); fault.Public(err).Code != "lab.in_use" {
		t.Errorf("among real data: %v", err)
	}
	if _, err := Generate(t.Context(), db, svc, actor, Size{Patents: 1, Events: 11}, 1, nil); fault.Public(err).Code != "lab.too_few_patents" {
		t.Errorf("more events than patents have: %v", err)
	}
}

// whole are statements that must read a whole table: every deal is a member of
// the ledger that a valuation is calibrated on. They run when deals changed, not
// at every valuation.
var whole = []string{}

func second[T any](_ T, err error) error {
	if err != nil {
		return fmt.Errorf("%T: %w", *new(T), err)
	}
	return nil
}
