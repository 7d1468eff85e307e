package api

import (
	"net/http"
	"net/url"
	"path"
	"testing"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/gate/gatetest"
	"zhijia/internal/people"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

// While the database is away every route says so and when to come back; none says that the service is at fault. The service
// answers again when the database does.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	ctx, address := t.Context(), storetest.URL(t)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	name := path.Base(u.Path)
	u.Path = "/postgres"
	server, err := pgx.Connect(ctx, u.String())
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close(ctx)
	db, err := store.Open(ctx, address, store.Options{Institution: store.Default})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	w := serve(t, gatetest.NewWorldOn(t, db), options{}, people.Officer, people.Desk)
	accept := func(yes string) {
		t.Helper()
		_, err := server.Exec(ctx, `ALTER DATABASE `+name+` ALLOW_CONNECTIONS `+yes+`; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '`+name+`'`)
		if err != nil {
			t.Fatal(err)
		}
	}
	accept("false")
	for _, route := range []string{"/v1/valuations", "/v1/patents/ZL201310543019.6", "/v1/batches", "/v1/alerts", "/v1/audit"} {
		r := w.Get(route)
		if p := gatetest.Problem(t, r); r.Code != http.StatusServiceUnavailable || p.Code != "database.unreachable" || r.Header().Get("Retry-After") == "" {
			t.Errorf("%s: %d %s, Retry-After %q", route, r.Code, p.Code, r.Header().Get("Retry-After"))
		}
	}
	if r := w.Post("/v1/valuations", map[string]any{"number": "ZL201310543019.6"}); r.Code != http.StatusServiceUnavailable {
		t.Errorf("a valuation: %d %s", r.Code, r.Body)
	}
	if err := w.gate.Ready(ctx); err == nil {
		t.Error("ready without a database")
	}
	accept("true")
	if r := w.Get("/v1/valuations"); r.Code != http.StatusOK {
		t.Errorf("after it: %d %s", r.Code, r.Body)
	}
}
