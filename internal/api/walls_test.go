package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/gate/gatetest"
	"zhijia/internal/patent"
	"zhijia/internal/people"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

// keyOf stores a key of an institution with one role and returns its client.
func (w *world) keyOf(t *testing.T, institution string, role people.Role) gatetest.Client {
	t.Helper()
	plain, rec, err := people.NewKey("系统", institution, []people.Role{role}, time.Now(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.DB.InsertKey(t.Context(), rec, "test"); err != nil {
		t.Fatal(err)
	}
	return gatetest.Client{T: t, H: w.gate, Key: plain}
}

// page asks for a page with the session of a key; each key signs in once.
func (w *world) page(t *testing.T, key, method, path string) *httptest.ResponseRecorder {
	t.Helper()
	token := w.tokens[key]
	if token == "" {
		p, err := w.gate.Keys.Check(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if token, _, err = w.gate.People.Start(t.Context(), p, "", ""); err != nil {
			t.Fatal(err)
		}
		w.tokens[key] = token
	}
	r := httptest.NewRequest(method, path, nil)
	r.AddCookie(&http.Cookie{Name: "zhijia_session", Value: token})
	rec := httptest.NewRecorder()
	w.gate.ServeHTTP(rec, r)
	return rec
}

var parameter = regexp.MustCompile(`\{[a-z]+\}`)

func houseOf(role people.Role, otherwise string) string {
	if role == people.Operator {
		return store.Public
	}
	return otherwise
}

// Every route of the table with every role: who is not listed is refused for his
// role, who is listed is not, and nobody comes in without a key.
func TestEveryRouteByRole(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	clients := map[people.Role]gatetest.Client{}
	for _, role := range people.Roles {
		clients[role] = w.keyOf(t, houseOf(role, "a"), role)
	}
	for _, route := range slices.Sorted(maps.Keys(people.Access)) {
		method, path, _ := strings.Cut(route, " ")
		path = parameter.ReplaceAllString(path, "x")
		allowed := people.Access[route]
		if len(allowed) == 0 {
			continue
		}
		pages := strings.HasPrefix(path, "/officer")
		stranger := (gatetest.Client{T: t, H: w.gate}).Do(method, path, "", nil)
		if want := map[bool]int{true: http.StatusSeeOther, false: http.StatusUnauthorized}[pages]; stranger.Code != want {
			t.Errorf("%s without a key: %d", route, stranger.Code)
		}
		for role, c := range clients {
			var got *httptest.ResponseRecorder
			if pages {
				got = w.page(t, c.Key, method, path)
			} else {
				got = c.Do(method, path, "", nil)
			}
			refused := strings.Contains(got.Body.String(), "auth.role")
			if refused == slices.Contains(allowed, role) || refused && got.Code != http.StatusForbidden || got.Code == http.StatusUnauthorized {
				t.Errorf("%s as %s: %d %.200s", route, role, got.Code, got.Body)
			}
		}
	}
}

// One institution with something in it of every kind that a request can name;
// another with every role looks for it by id, in lists, in searches and by
// acting on it, and finds and changes nothing. So it is when every condition on
// the owner is taken out of the store's statements: then the database alone keeps
// them apart.
func TestNothingCrosses(t *testing.T) {
	t.Parallel()
	t.Run("as it is", func(t *testing.T) {
		t.Parallel()
		nothingCrosses(t, newWorld(t, options{}), true)
	})
	t.Run("by the database alone", func(t *testing.T) {
		t.Parallel()
		nothingCrosses(t, serve(t, gatetest.NewWorldOn(t, storetest.NewBare(t)), options{}, people.Officer), false)
	})
}

// nothingCrosses asks for each id with every role that may, or with one in turn.
func nothingCrosses(t *testing.T, w *world, everyRole bool) {
	const secret = "甲机密"
	ctx := store.As(t.Context(), "a")
	number := "CN202010123456.2"
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(w.DB.MergePatents(ctx, []store.Patent{{Number: number, Kind: "invention", Title: secret + "电池正极材料", Abstract: secret + gatetest.Battery, Claims: secret, IPC: []string{"H01M 4/36"}, Filing: calendar.New(2020, 1, 2), Source: secret, Confidential: true}}, 0, nil))
	must(w.DB.PutDeals(ctx, []store.Deal{{ID: secret, Title: secret + "电池正极材料专利转让", IPC: []string{"H01M 4/36"}, Amount: new(7_654_321.0), Currency: "CNY", DealKind: "assignment", Patents: new(1), Date: calendar.New(2024, 3, 1), DateUnit: "day", Seller: secret, Buyer: secret, SourceType: "own_ledger"}}))
	must(w.DB.PutEgress(ctx, store.Egress{Institution: "a", Actor: secret, What: secret, Host: secret, Bytes: 1, Hash: strings.Repeat("a", 64)}))
	officer, desk, admin := w.keyOf(t, "a", people.Officer), w.keyOf(t, "a", people.Desk), w.keyOf(t, "a", people.Admin)
	person := gatetest.NewPerson(t, w.DB, "a", "secret-login", people.Officer, people.Approver)

	ids := []string{person.PersonID, person.Login, number, secret, strings.Split(officer.Key, "_")[1]}
	made := func(r *httptest.ResponseRecorder, what string) string {
		t.Helper()
		if r.Code >= 300 {
			t.Fatalf("%s: %d %s", what, r.Code, r.Body)
		}
		id := gatetest.Decode[struct{ ID string }](t, r.Body.Bytes()).ID
		if id != "" {
			ids = append(ids, id)
		}
		return id
	}
	first := officer.Post("/v1/valuations", map[string]any{"text": map[string]string{"title": secret, "abstract": gatetest.Battery}, "purpose": "pledge"}, "Idempotency-Key", "same")
	valuation := made(first, "valuation")
	made(officer.Post("/v1/valuations/"+valuation+"/overrides", map[string]any{"value": 1e6, "reason": secret}), "override")
	made(desk.Post("/v1/watch", map[string]any{"numbers": []string{number}, "note": secret}), "watch")
	made(desk.Post("/v1/webhooks", map[string]any{"url": "https://hooks.example.com/" + strings.Repeat("a", 8)}), "webhook")
	made(admin.Post("/v1/keys", map[string]any{"name": secret, "roles": []string{"desk"}}), "key")
	made(admin.Post("/v1/model-consents", map[string]any{"allowed": false}), "consent")
	made(officer.Upload("/v1/imports/transactions", "file", secret+".csv", []byte("题名,成交金额\n"+secret+",1\n")), "import")
	batch := made(desk.Upload("/v1/batches", "file", secret+".csv", []byte("专利号,名称\n"+number+","+secret+"\n")), "batch")
	must2 := func(_ any, err error) { t.Helper(); must(err) }
	must2(w.DB.PutOffers(ctx, "a", "test", []patent.Offer{{Number: number, Product: "pledge", Reference: secret, Party: secret}}, store.Committed, time.Now()))
	list, _, err := w.gate.People.Proposals(t.Context(), person, false, "", 10)
	must(err)
	for _, p := range list {
		ids = append(ids, p.ID)
	}

	state := func() string {
		var b strings.Builder
		for _, path := range []string{"/v1/audit?limit=1000", "/v1/keys", "/v1/people", "/v1/model-consents"} {
			b.WriteString(admin.Get(path).Body.String())
		}
		for _, path := range []string{"/v1/webhooks", "/v1/watch", "/v1/valuations", "/v1/proposals", "/v1/batches"} {
			b.WriteString(desk.Get(path).Body.String())
		}
		return b.String()
	}
	before := state()
	search := map[string]any{"text": map[string]string{"title": secret, "abstract": gatetest.Battery}}
	if own := officer.Post("/v1/comparables:search", search); !strings.Contains(before, secret) || !strings.Contains(own.Body.String(), secret+"电池") {
		t.Fatalf("its owner does not find it either: %.400s", own.Body)
	}
	bodies := map[string]string{ // where an empty object would be refused before anybody looks whose it is
		"overrides": `{"value":1,"reason":"x"}`, ":roles": `{"roles":["desk"]}`, ":decide": `{"verdict":"same","reason":"x"}`, ":balance": `{"balance":1}`, ":what-if": `{"cost":{"labour":1}}`, ":acknowledge": `{"note":"x"}`,
	}
	clients := map[people.Role]gatetest.Client{}
	for _, role := range people.Roles {
		clients[role] = w.keyOf(t, houseOf(role, "b"), role)
	}
	for _, route := range slices.Sorted(maps.Keys(people.Access)) {
		allowed := people.Access[route]
		method, path, _ := strings.Cut(route, " ")
		if len(allowed) == 0 || strings.HasSuffix(path, "/events") {
			continue
		}
		body := `{}`
		for end, b := range bodies {
			if strings.HasSuffix(path, end) {
				body = b
			}
		}
		asked := []string{path}
		if parameter.MatchString(path) {
			asked = nil
			for _, id := range ids {
				asked = append(asked, parameter.ReplaceAllLiteralString(path, id))
			}
		} else if method == http.MethodPost {
			continue // names nothing of anybody
		}
		for i, path := range asked {
			roles := allowed
			if !everyRole {
				roles = []people.Role{allowed[i%len(allowed)]}
			}
			for _, role := range roles {
				var got *httptest.ResponseRecorder
				if strings.HasPrefix(path, "/officer") {
					got = w.page(t, clients[role].Key, method, path)
				} else if method == http.MethodPost {
					got = clients[role].Post(path, body)
				} else {
					got = clients[role].Get(path)
				}
				text := got.Body.String()
				if got.Code < 300 {
					for _, id := range ids {
						if id != number && strings.Contains(text, id) { // a number is public; what is said of it is not
							t.Errorf("%s %s as %s of another institution names %s", method, path, role, id)
						}
					}
				}
				if strings.Contains(strings.ReplaceAll(text, "/"+secret, ""), secret) && got.Code < 300 {
					t.Errorf("%s %s as %s of another institution: %d %.300s", method, path, role, got.Code, text)
				}
				if got.Code >= 500 && !strings.Contains(text, "eval.off") {
					t.Errorf("%s %s: %d %.200s", method, path, got.Code, text)
				}
			}
		}
	}
	if !everyRole { // once, where the database is alone: every query parameter and every text of every body is one of a's ids
		for _, q := range filledWith(t, w, ids) {
			role := q.allowed[0]
			got := clients[role].Do(q.method, q.path, "application/json", strings.NewReader(q.body))
			text := got.Body.String()
			if got.Code == http.StatusInternalServerError {
				t.Errorf("%s %s with %s: %.200s", q.method, q.path, q.body, text)
			}
			for _, echoed := range ids { // what the caller himself said may come back
				text = strings.ReplaceAll(text, echoed, "")
			}
			if strings.Contains(text, "机密") || strings.Contains(text, "7654321") {
				t.Errorf("%s %s with %s as %s of another institution: %d %.300s", q.method, q.path, q.body, role, got.Code, got.Body)
			}
		}
	}
	if after := state(); after != before {
		t.Errorf("another institution changed something:\n%s\n%s", before, after)
	}

	other := clients[people.Officer]
	// The figure of an institution that brought nothing is that of any other such, whoever's ledger was asked before.
	ask := map[string]any{"text": map[string]string{"title": "电池正极材料", "abstract": gatetest.Battery}, "valuation_date": "2026-06-01"}
	figure := func(c gatetest.Client) (v struct {
		Conclusion struct {
			Value struct{ Median, Low, High float64 }
		}
	},
	) {
		t.Helper()
		r := c.Post("/v1/valuations", ask)
		if r.Code != http.StatusCreated || c.Key != officer.Key && strings.Contains(r.Body.String(), secret) {
			t.Errorf("a valuation: %d %.300s", r.Code, r.Body)
		}
		return gatetest.Decode[struct {
			Conclusion struct {
				Value struct{ Median, Low, High float64 }
			}
		}](t, r.Body.Bytes())
	}
	mine, theirs, anybodys := figure(officer), figure(other), figure(w.keyOf(t, "test", people.Officer))
	before = state() // with the valuation that it just asked for
	if theirs != anybodys || mine == theirs {
		t.Errorf("a %+v, b %+v, another %+v", mine, theirs, anybodys)
	}
	if r := other.Post("/v1/comparables:search", search); r.Code != 200 || strings.Contains(r.Body.String(), secret+"电池") || strings.Contains(r.Body.String(), "7654321") {
		t.Errorf("comparables: %d %.400s", r.Code, r.Body)
	}
	if r := other.Post("/v1/valuations", map[string]any{"text": map[string]string{"title": "乙", "abstract": gatetest.Battery}}, "Idempotency-Key", "same"); r.Code != http.StatusCreated || r.Header().Get("Idempotency-Replayed") != "" || strings.Contains(r.Body.String(), secret) {
		t.Errorf("the same Idempotency-Key: %d %.300s", r.Code, r.Body)
	}
	if r := other.Get("/v1/valuations/"+valuation, "If-None-Match", first.Header().Get("ETag")); r.Code != http.StatusNotFound {
		t.Errorf("by ETag: %d", r.Code)
	}
	for path, body := range map[string]string{
		"/v1/keys": `{"institution":"a","name":"x","roles":["officer"]}`, "/v1/model-consents": `{"institution":"a","allowed":true}`,
	} {
		if p := gatetest.Problem(t, clients[people.Admin].Post(path, body)); p.Code != "institution.other" {
			t.Errorf("%s for another institution: %+v", path, p)
		}
	}
	if after := state(); after != before {
		t.Error("another institution changed something")
	}

	// Whoever only looks starts no work: neither the owner, at what is his.
	work := func() (jobs string) {
		t.Helper()
		must(w.DB.Queue().QueryRow(t.Context(), `SELECT coalesce(string_agg(concat_ws(' ', id, kind, key, status, turn), ', ' ORDER BY id), '') FROM jobs`).Scan(&jobs))
		return jobs
	}
	idle := work()
	owners := map[people.Role]gatetest.Client{}
	for route, allowed := range people.Access {
		method, path, _ := strings.Cut(route, " ")
		if method != http.MethodGet || len(allowed) == 0 || strings.HasSuffix(path, "/events") {
			continue
		}
		role := allowed[0]
		if owners[role].H == nil {
			owners[role] = w.keyOf(t, houseOf(role, "a"), role)
		}
		for _, id := range []string{batch, valuation, number} {
			if path := parameter.ReplaceAllLiteralString(path, id); strings.HasPrefix(path, "/officer") {
				w.page(t, owners[role].Key, method, path)
			} else {
				owners[role].Get(path)
			}
			if !parameter.MatchString(path) {
				break
			}
		}
		if now := work(); now != idle {
			t.Fatalf("%s started work: %s, before %s", route, now, idle)
		}
	}
	if idle == "" {
		t.Error("there is no job to be started")
	}
}

// asked is a request with ids of another institution in every place that the specification has for a text.
type asked struct {
	method, path, body string
	allowed            []people.Role
}

func filledWith(t *testing.T, w *world, ids []string) (out []asked) {
	t.Helper()
	type schema struct {
		Ref        string `json:"$ref"`
		Type       any
		Enum       []any
		Format     string
		Minimum    *float64
		Properties map[string]json.RawMessage
		Items      json.RawMessage
		OneOf      []json.RawMessage
	}
	doc := gatetest.Decode[struct {
		Paths map[string]map[string]struct {
			Parameters []struct {
				In, Name string
				Schema   json.RawMessage
			}
			RequestBody struct {
				Content map[string]struct{ Schema json.RawMessage }
			}
		}
		Components struct{ Schemas map[string]json.RawMessage }
	}](t, w.Get("/openapi.json").Body.Bytes())
	n := 0
	id := func() string { n++; return ids[n%len(ids)] }
	var fill func(raw json.RawMessage, depth int) any
	fill = func(raw json.RawMessage, depth int) any {
		var x schema
		if err := json.Unmarshal(raw, &x); err != nil || depth > 6 {
			return nil
		}
		kind := fmt.Sprint(x.Type)
		switch {
		case x.Ref != "":
			return fill(doc.Components.Schemas[strings.TrimPrefix(x.Ref, "#/components/schemas/")], depth+1)
		case len(x.OneOf) > 0:
			return fill(x.OneOf[0], depth+1)
		case len(x.Enum) > 0:
			return x.Enum[0]
		case x.Format == "date":
			return "2026-01-02"
		case x.Format == "date-time":
			return "2027-01-02T00:00:00Z"
		case strings.Contains(kind, "string"):
			return id()
		case strings.Contains(kind, "integer"), strings.Contains(kind, "number"):
			if x.Minimum != nil {
				return *x.Minimum
			}
			return 1
		case strings.Contains(kind, "boolean"):
			return true
		case strings.Contains(kind, "array"):
			return []any{fill(x.Items, depth+1)}
		case len(x.Properties) > 0:
			object := map[string]any{}
			for _, name := range slices.Sorted(maps.Keys(x.Properties)) {
				if v := fill(x.Properties[name], depth+1); v != nil {
					object[name] = v
				}
			}
			return object
		}
		return nil
	}
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(doc.Paths[path])) {
			op := doc.Paths[path][method]
			allowed := people.Access[strings.ToUpper(method)+" "+path]
			if len(allowed) == 0 || strings.HasSuffix(path, "/events") {
				continue
			}
			a := asked{method: strings.ToUpper(method), path: parameter.ReplaceAllStringFunc(path, func(string) string { return url.PathEscape(id()) }), allowed: allowed}
			query := url.Values{}
			for _, p := range op.Parameters {
				if v := fill(p.Schema, 0); p.In == "query" && v != nil {
					query.Set(p.Name, strings.Trim(fmt.Sprint(v), "[]"))
				}
			}
			if body, ok := op.RequestBody.Content["application/json"]; ok {
				b, err := json.Marshal(fill(body.Schema, 0))
				if err != nil {
					t.Fatal(err)
				}
				a.body = string(b)
			}
			whole := a
			whole.path += "?" + query.Encode()
			out = append(out, whole)
			for _, name := range slices.Sorted(maps.Keys(query)) { // one that is refused hides the others
				one := a
				one.path += "?" + url.Values{name: query[name]}.Encode()
				out = append(out, one)
			}
		}
	}
	if len(out) < 100 {
		t.Fatalf("%d requests were made of the specification", len(out))
	}
	return out
}

// Nobody gives a role that he may not give: over every giver, role and
// institution through the service, and however often it is passed on.
func TestNobodyGivesWhatIsNotHis(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	may := map[people.Role][]people.Role{
		people.Operator: {people.Operator, people.Admin, people.Auditor},
		people.Admin:    {people.Admin, people.Officer, people.Approver, people.Desk, people.Evaluator, people.Auditor},
	}
	for _, giver := range people.Roles {
		house := houseOf(giver, "a")
		c := w.keyOf(t, house, giver)
		for i, role := range people.Roles {
			key := c.Post("/v1/keys", map[string]any{"name": "x", "roles": []people.Role{role}})
			person := c.Post("/v1/people", map[string]any{"login": fmt.Sprintf("%s-%d", giver, i), "name": "x", "password": gatetest.Password, "roles": []people.Role{role}})
			want := slices.Contains(may[giver], role)
			if (key.Code == http.StatusCreated) != want || (person.Code == http.StatusCreated) != want {
				t.Errorf("%s gives %s: %d, %d; want %v", giver, role, key.Code, person.Code, want)
			}
		}
	}
	// Nobody changes his own, takes what he could not give, or mixes the two trades.
	ctx := t.Context()
	boss := gatetest.NewPerson(t, w.DB, "b", "boss", people.Admin)
	gatetest.NewPerson(t, w.DB, "b", "one", people.Desk)
	if _, err := w.gate.People.SetRoles(ctx, boss, "boss", []people.Role{people.Officer}); fault.Public(err).Code != "person.self" {
		t.Errorf("his own roles: %v", err)
	}
	if _, err := w.gate.People.SetRoles(ctx, boss, "one", []people.Role{people.Admin, people.Officer}); fault.Public(err).Code != "role.separate" {
		t.Errorf("admin and officer: %v", err)
	}
	if _, _, err := w.gate.Keys.Create(ctx, boss, people.Request{Name: "x", Login: "one", Roles: []people.Role{people.Officer}}); fault.Public(err).Code != "key.beyond_person" {
		t.Errorf("a key beyond its person: %v", err)
	}
	rapid.Check(t, func(t *rapid.T) {
		held := rapid.SliceOfDistinct(rapid.SampledFrom(people.Roles), func(r people.Role) people.Role { return r }).Draw(t, "held")
		had := slices.Clone(held)
		for range len(people.Roles) {
			for _, r := range people.Roles {
				if !slices.Contains(held, r) && people.MayGive(held, r) {
					held = append(held, r)
				}
			}
		}
		if slices.Contains(held, people.Operator) && !slices.Contains(had, people.Operator) {
			t.Fatalf("%v came to operator", had)
		}
		if len(held) > len(had) && !slices.Contains(had, people.Admin) && !slices.Contains(had, people.Operator) {
			t.Fatalf("%v came to %v", had, held)
		}
	})
}

// What could be read as something else is refused in every name.
func TestNamesAreClean(t *testing.T) {
	t.Parallel()
	for _, mark := range []string{"\x00", "\n", "\r", "\t", "\x1b", "\x7f", "\u0085", "\u200b", "\u200e", "\u200f", "\u202a", "\u202e", "\u2028", "\u2029", "\u2066", "\u2069", "\ufeff", "\xff"} {
		if _, _, err := people.NewKey("张"+mark+"三", "default", []people.Role{people.Desk}, time.Now(), time.Time{}); fault.Public(err).Code != "key.name" {
			t.Errorf("%q in a name: %v", mark, err)
		}
	}
}
