package pages

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/desk"
	"zhijia/internal/fault"
	"zhijia/internal/gate/gatetest"
	"zhijia/internal/lending"
	"zhijia/internal/money"
	"zhijia/internal/people"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
)

// as signs a person in by password.
func (w *world) as(t *testing.T, p people.Principal) *browser {
	t.Helper()
	b := &browser{t: t, h: w.gate}
	r := b.send("POST", "/officer/login", url.Values{"institution": {p.Institution}, "login": {p.Login}, "password": {gatetest.Password}})
	if r.Code != http.StatusSeeOther {
		t.Fatalf("sign in: %d %s", r.Code, r.Body)
	}
	return b
}

func (b *browser) in() bool { return b.send("GET", "/officer", nil).Code == http.StatusOK }

// Two sign-ins are two sessions; sign-out, a change of roles, a new password,
// disabling and time end them at once, each what it must and nothing else.
func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, root := t.Context(), people.Principal{Name: "test", Institution: "default", Roles: people.Roles}
	one := gatetest.NewPerson(t, w.DB, "default", "one", people.Officer)
	for name, login := range map[string]url.Values{
		"wrong password":    {"institution": {"default"}, "login": {"one"}, "password": {"wrong horse battery"}},
		"other institution": {"institution": {"other"}, "login": {"one"}, "password": {gatetest.Password}},
		"nobody":            {"institution": {"default"}, "login": {"two"}, "password": {gatetest.Password}},
		"no password":       {"institution": {"default"}, "login": {"one"}},
	} {
		b := &browser{t: t, h: w.gate}
		if r := b.send("POST", "/officer/login", login); r.Code != http.StatusUnauthorized || b.cookie != nil {
			t.Errorf("%s: %d", name, r.Code)
		}
	}
	a, b := w.as(t, one), w.as(t, one)
	if a.cookie.Value == b.cookie.Value {
		t.Fatal("two sign-ins are one session")
	}
	cross := httptest.NewRequest("POST", "/officer/login", strings.NewReader(url.Values{"key": {w.Key}}.Encode()))
	cross.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	cross.Header.Set("Sec-Fetch-Site", "cross-site")
	refused := httptest.NewRecorder()
	if w.gate.ServeHTTP(refused, cross); refused.Code != http.StatusForbidden || len(refused.Result().Cookies()) > 0 {
		t.Errorf("another site signs a browser in: %d", refused.Code)
	}
	token := url.Values{"csrf": {a.csrf(a.send("GET", "/officer", nil).Body.String())}}
	kept := *a.cookie
	if r := a.send("POST", "/officer/logout", nil); r.Code != http.StatusForbidden {
		t.Errorf("another site signs out: %d", r.Code)
	}
	if r := a.send("POST", "/officer/logout", token); r.Code != http.StatusSeeOther {
		t.Fatalf("sign out: %d", r.Code)
	}
	if a.cookie = &kept; a.in() || !b.in() {
		t.Error("the cookie outlives its sign-out, or another session ended")
	}
	for name, change := range map[string]func() error{
		"roles": func() error {
			_, err := w.gate.People.SetRoles(ctx, root, "one", []people.Role{people.Desk})
			return err
		},
		"password": func() error { _, err := w.gate.People.SetPassword(ctx, root, "one", gatetest.Password); return err },
	} {
		b := w.as(t, one)
		if err := change(); err != nil || b.in() {
			t.Errorf("%s: %v, or the session goes on", name, err)
		}
	}
	b = w.as(t, one)
	if r := b.send("GET", "/officer/egress", nil); r.Code != http.StatusForbidden {
		t.Errorf("the role he had: %d", r.Code)
	}
	for _, later := range []time.Duration{people.SessionIdle + time.Minute, people.SessionLifetime + time.Minute} {
		late := people.NewPeople(w.DB, func() time.Time { return time.Now().Add(later) })
		if _, err := late.Resume(ctx, b.cookie.Value); err == nil {
			t.Errorf("a session lives after %s", later)
		}
	}
	if _, err := w.gate.People.Disable(ctx, root, "one"); err != nil || b.in() {
		t.Errorf("disabled: %v, or the session goes on", err)
	}
	form := url.Values{"institution": {"default"}, "login": {"one"}, "password": {gatetest.Password}}
	if r := (&browser{t: t, h: w.gate}).send("POST", "/officer/login", form); r.Code != http.StatusUnauthorized {
		t.Errorf("a disabled person signs in: %d", r.Code)
	}
	if err := w.DB.Record(ctx, store.Act{Institution: "default", Actor: "x", Action: "x", Subject: "x"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.gate.People.Erase(ctx, root, "one"); err != nil {
		t.Fatal(err)
	}
	if _, breaks, err := w.DB.VerifyAudit(ctx, nil, appraisal.Intact); err != nil || len(breaks) > 0 {
		t.Errorf("the record after an erasure: %v, %v", breaks, err)
	}
	if _, err := w.DB.Person(ctx, "default", "one"); err == nil {
		t.Error("an erased person is still named")
	}
}

// Another person than the one who gave the figure approves it, on the page of
// the valuation or in the queue: never he himself by another key or session,
// never a system, never somebody without the role.
func TestFourEyesByPerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t, people.Officer, people.Approver)
	ctx := t.Context()
	one := gatetest.NewPerson(t, w.DB, "default", "one", people.Officer, people.Approver)
	two := gatetest.NewPerson(t, w.DB, "default", "two", people.Approver)
	desk := gatetest.NewPerson(t, w.DB, "default", "desk", people.Desk)
	stranger := gatetest.NewPerson(t, w.DB, "other", "two", people.Approver)
	rec, err := w.Appraisal.Value(ctx, one.Actor(), appraisal.Request{Number: gatetest.KnownNumber, Purpose: "pledge"})
	if err != nil {
		t.Fatal(err)
	}
	give := func() store.Override {
		t.Helper()
		o, err := w.Appraisal.Override(ctx, one.Actor(), rec.ID(), 500_000, "订单", appraisal.Evidence{})
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	over := give()
	path := "/officer/valuations/" + rec.ID()
	approve := path + "/overrides/" + over.ID + "/approve"
	other := w.as(t, two)
	opinion := func() string { return other.send("GET", path+"/opinion", nil).Body.String() }
	if !strings.Contains(opinion(), "未经复核") {
		t.Error("the opinion does not say that nobody approved the figure")
	}
	system := signIn(t, w, people.Officer, people.Approver)
	byKey := &browser{t: t, h: w.gate} // the same man by a key of his
	byKey.send("POST", "/officer/login", url.Values{"key": {gatetest.NewPersonKey(t, w.DB, one)}})
	for name, c := range map[string]struct {
		b    *browser
		want int
	}{"himself": {w.as(t, one), 409}, "himself by key": {byKey, 409}, "a system": {system, 403}, "a desk": {w.as(t, desk), 403}, "another institution": {w.as(t, stranger), 404}} {
		form := url.Values{"csrf": {c.b.csrf(c.b.send("GET", "/officer", nil).Body.String())}}
		if r := c.b.send("POST", approve, form); r.Code != c.want {
			t.Errorf("%s: %d, want %d", name, r.Code, c.want)
		}
	}
	if queue := w.as(t, one).send("GET", "/officer/proposals", nil).Body.String(); strings.Contains(queue, "不同意") {
		t.Error("he is asked to approve his own")
	}
	queue := other.send("GET", "/officer/proposals", nil).Body.String()
	if !strings.Contains(queue, "人工意见") || !strings.Contains(queue, "不同意") {
		t.Fatalf("the queue: %.800s", queue)
	}
	form := url.Values{"csrf": {other.csrf(queue)}}
	if r := other.send("POST", approve, form); r.Code != http.StatusSeeOther {
		t.Fatalf("approve: %d %s", r.Code, r.Body)
	}
	if r := other.send("POST", approve, form); r.Code != http.StatusConflict {
		t.Errorf("approved twice: %d", r.Code)
	}
	if text := opinion(); strings.Contains(text, "未经复核") || !strings.Contains(text, two.Name) {
		t.Error("the opinion does not name who approved")
	}
	// A refused figure is not shown; a withdrawn one neither, and its proposer alone withdraws.
	for act, b := range map[string]*browser{"refuse": other, "withdraw": w.as(t, one)} {
		o := give()
		id, err := w.DB.ProposalAbout(ctx, "default", store.ProposeOverride, o.ID)
		if err != nil {
			t.Fatal(err)
		}
		stays := "/officer/proposals/" + id + "/withdraw"
		if r := other.send("POST", stays, form); r.Code == http.StatusSeeOther {
			t.Error("another withdraws it")
		}
		own := url.Values{"csrf": {b.csrf(b.send("GET", "/officer", nil).Body.String())}, "note": {"不妥"}}
		if r := b.send("POST", "/officer/proposals/"+id+"/"+act, own); r.Code != http.StatusSeeOther {
			t.Errorf("%s: %d %s", act, r.Code, r.Body)
		}
		if !strings.Contains(opinion(), two.Name) {
			t.Errorf("after %s the approved figure is not shown", act)
		}
	}
}

// A label above private is approved once by another person and counts from then
// on for the same patents, market and fact.
func TestMarketLabelApproved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	one := gatetest.NewPerson(t, w.DB, "default", "one", people.Officer)
	two := gatetest.NewPerson(t, w.DB, "default", "two", people.Approver)
	value := func() bool {
		t.Helper()
		rec, err := w.Appraisal.Value(ctx, one.Actor(), appraisal.Request{
			Number: gatetest.KnownNumber, Purpose: "assignment", Date: calendar.New(2026, 6, 1), Market: "showcase",
			MarketFact: &valuation.MarketFact{Kind: "listing_notice", Date: calendar.New(2026, 5, 1), Document: "公告", ApprovedBy: "自称"},
		})
		if err != nil {
			t.Fatal(err)
		}
		c, err := rec.Conclusion()
		if err != nil {
			t.Fatal(err)
		}
		return c.MarketUnreviewed
	}
	if first, second := value(), value(); !first || !second {
		t.Fatal("a label that nobody approved counts")
	}
	list, _, err := w.gate.People.Proposals(ctx, two, true, "", 10)
	if err != nil || len(list) != 1 || list[0].Kind != "market_label" {
		t.Fatalf("%+v, %v", list, err)
	}
	if _, err := w.gate.People.Decide(ctx, two, list[0].ID, "approve", ""); err != nil {
		t.Fatal(err)
	}
	if value() {
		t.Error("the approved label does not count")
	}
}

// To let texts out waits for another person where there is one; to forbid it
// does not.
func TestConsentByTwo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	admin := gatetest.NewPerson(t, w.DB, "default", "admin", people.Admin)
	allowed := func(want bool, act string) {
		t.Helper()
		got, err := w.Audit.Consent(ctx, "default")
		if err != nil || (got != nil && *got) != want {
			t.Errorf("%s: %v, %v", act, got, err)
		}
	}
	set := func(allow bool) {
		t.Helper()
		if _, err := w.Audit.SetConsent(ctx, admin.Actor(), allow); err != nil {
			t.Fatal(err)
		}
	}
	set(true)
	allowed(true, "alone")
	set(false)
	allowed(false, "forbidden")
	two := gatetest.NewPerson(t, w.DB, "default", "two", people.Approver)
	set(true)
	allowed(false, "while it waits")
	list, _, err := w.gate.People.Proposals(ctx, two, true, "", 10)
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	if _, err := w.gate.People.Decide(ctx, two, list[0].ID, "approve", ""); err != nil {
		t.Fatal(err)
	}
	allowed(true, "approved")
	set(false)
	allowed(false, "forbidden again")
}

// An own policy is in use at once and marked until another person approves it;
// one that was refused is not used.
func TestPolicyByTwo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	one := gatetest.NewPerson(t, w.DB, "default", "one", people.Officer, people.Approver)
	two := gatetest.NewPerson(t, w.DB, "default", "two", people.Approver)
	p := lending.Policies()[lending.DefaultPolicy]
	p.ID, p.Label = "OWN", "own"
	for version, act := range map[string]string{"1": "approve", "2": "refuse"} {
		p.Version = version
		if err := w.Desk.PutPolicy(ctx, one.Actor(), p); err != nil {
			t.Fatal(err)
		}
		if got, err := w.Desk.Policy(ctx, one.Actor(), "OWN@"+version); err != nil || !got.Unreviewed {
			t.Errorf("version %s is reviewed at once: %v", version, err)
		}
		id, err := w.DB.ProposalAbout(ctx, "default", store.ProposePolicy, "OWN@"+version)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.gate.People.Decide(ctx, one, id, act, ""); fault.Public(err).Code != "proposal.same_person" {
			t.Errorf("by himself: %v", err)
		}
		if _, err := w.gate.People.Decide(ctx, two, id, act, ""); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := w.Desk.Policy(ctx, one.Actor(), "OWN"); err != nil || got.Version != "1" || got.Unreviewed {
		t.Errorf("%s, %v, %v", got.Version, got.Unreviewed, err)
	}
}

// What changes values or books a large loan waits for another person where the
// institution has one. Where it has none it is in force at once and every value
// says so; who then refuses takes it back.
func TestActivationsByTwo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := store.As(t.Context(), "default")
	one := gatetest.NewPerson(t, w.DB, "default", "one", people.Officer, people.Approver)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	body, err := json.Marshal(valuation.DefaultAssumptions())
	must(err)
	must(w.DB.PutDeals(ctx, []store.Deal{{ID: "D1", Title: "自有成交", Currency: "CNY", DealKind: "assignment", Exclusion: "OLD"}}))
	// propose puts a thing of each kind in force, or before the second person; n tells them apart.
	propose := func(n string) map[store.ProposalKind]bool {
		t.Helper()
		waits := map[store.ProposalKind]bool{}
		enact := func(kind store.ProposalKind, subject string) {
			t.Helper()
			waiting, err := w.DB.Enact(ctx, one.Actor(), kind, subject, map[string]any{"version": subject}, time.Now().UTC())
			must(err)
			waits[kind] = waiting
		}
		must(w.DB.PutAssumptions(ctx, "fit-"+n, body, ""))
		enact(store.ProposeFit, "fit-"+n)
		must(w.DB.PutAssumptions(ctx, "own-"+n, body, ""))
		enact(store.ProposeAssumptions, "own-"+n)
		must(w.DB.PutImpactModel(ctx, "impact-"+n, []byte(`{}`)))
		enact(store.ProposeImpact, "impact-"+n)
		space, err := w.DB.PutSpace(ctx, store.Space{Provider: "x", Model: "m", Version: n, Dimension: 3})
		must(err)
		enact(store.ProposeSpace, strconv.Itoa(space))
		_, waiting, err := w.DB.DecideValidity(ctx, one.Actor(), "D1", "CODE-"+n, "理由", time.Now().UTC())
		must(err)
		waits[store.ProposeValidity] = waiting
		return waits
	}
	type state struct{ Assumptions, Impact, Space, Exclusion, Unreviewed string }
	now := func() (s state) {
		t.Helper()
		s.Assumptions, err = w.DB.ActiveAssumptions(ctx)
		must(err)
		s.Impact, _, _, err = w.DB.ImpactModel(ctx)
		must(err)
		id, err := w.DB.ActiveSpaceID(ctx)
		must(err)
		space, err := w.DB.Space(ctx, id)
		must(err)
		s.Space = space.Version
		deals, err := w.DB.SeenDeals(ctx, store.LedgerFilter{Own: true})
		must(err)
		s.Exclusion = deals[0].Exclusion
		now, err := w.DB.InForce(ctx)
		must(err)
		s.Unreviewed = strings.Join(now.Unreviewed, " ")
		return s
	}
	decideAll := func(by people.Principal, act string) {
		t.Helper()
		list, _, err := w.gate.People.Proposals(ctx, by, true, "", 20)
		must(err)
		if len(list) != 5 {
			t.Fatalf("%d wait", len(list))
		}
		for _, p := range list {
			if _, err := w.gate.People.Decide(ctx, one, p.ID, act, ""); fault.Public(err).Code != "proposal.same_person" {
				t.Errorf("%s by himself: %v", p.Kind, err)
			}
			if p.Zh == "" {
				t.Errorf("%s has no Chinese name", p.Kind)
			}
			_, err := w.gate.People.Decide(ctx, by, p.ID, act, "")
			must(err)
		}
	}
	const all = "assumptions space impact validity"
	shipped := now()
	if shipped.Unreviewed != "" {
		t.Fatalf("what ships is not reviewed: %+v", shipped)
	}
	for kind, waits := range propose("1") {
		if waits {
			t.Errorf("alone, %s waits", kind)
		}
	}
	alone := state{"own-1", "impact-1", "1", "CODE-1", all}
	if got := now(); got != alone {
		t.Errorf("alone: %+v", got)
	}
	two := gatetest.NewPerson(t, w.DB, "default", "two", people.Approver)
	decideAll(two, "refuse")
	if got := now(); got != shipped {
		t.Errorf("refused: %+v, want %+v", got, shipped)
	}
	for kind, waits := range propose("2") {
		if !waits {
			t.Errorf("%s does not wait", kind)
		}
	}
	if got := now(); got != shipped {
		t.Errorf("while it waits: %+v", got)
	}
	// He changes his mind; another may not meanwhile.
	if _, _, err := w.DB.DecideValidity(ctx, two.Actor(), "D1", "OTHER", "x", time.Now().UTC()); fault.Public(err).Code != "proposal.open" {
		t.Errorf("beside an open proposal: %v", err)
	}
	decideAll(two, "approve")
	got := now()
	if got.Assumptions != "own-2" && got.Assumptions != "fit-2" || got.Impact != "impact-2" || got.Space != "2" || got.Exclusion != "CODE-2" || got.Unreviewed != "" {
		t.Errorf("approved: %+v", got)
	}
	// A withdrawn one does nothing.
	propose("3")
	list, _, err := w.gate.People.Proposals(ctx, two, true, "", 20)
	must(err)
	for _, p := range list {
		if _, err := w.gate.People.Decide(ctx, one, p.ID, "withdraw", ""); err != nil {
			t.Errorf("%s: %v", p.Kind, err)
		}
	}
	if again := now(); again != got {
		t.Errorf("withdrawn: %+v", again)
	}
}

// A loan above the policy's limit is booked once another person approved it, as
// it was approved; an institution with one person books it, marked, unless its
// policy refuses that.
func TestBookingByTwo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	one := gatetest.NewPerson(t, w.DB, "default", "one", people.Officer)
	policy := func(version string, rules map[string]lending.Rule) string {
		t.Helper()
		p := lending.Policies()[lending.DefaultPolicy]
		p.ID, p.Version, p.Label, p.FourEyesAbove = "BIG", version, "own", &lending.Limit{Amount: 1000000_00, Source: "授权书"}
		p.Rules = rules
		if err := w.Desk.PutPolicy(ctx, one.Actor(), p); err != nil {
			t.Fatal(err)
		}
		return "BIG@" + version
	}
	book := func(contract, policy string, balance money.Fen) (store.BookLoan, string) {
		t.Helper()
		l, err := w.Desk.Book(ctx, one.Actor(), desk.Loan{
			Approval: "信贷审批委员会同意", Contract: contract, Borrower: "甲公司", Balance: balance, Maturity: calendar.InChina(time.Now().AddDate(1, 0, 0)), Policy: policy, Rows: []lending.Row{{Number: gatetest.KnownNumber}},
		})
		if err != nil {
			return l, fault.Public(err).Code
		}
		return l, ""
	}
	strict := policy("2", map[string]lending.Rule{"P18": {Severity: lending.Refuses, Source: "x"}})
	if _, code := book("C0", strict, 2000000_00); code != "book.unreviewed" {
		t.Errorf("a policy that refuses it: %q", code)
	}
	plain := policy("1", nil)
	if l, code := book("C1", plain, 2000000_00); code != "" || l.Reviewed != store.Undecided {
		t.Errorf("alone: %q %q", code, l.Reviewed)
	}
	two := gatetest.NewPerson(t, w.DB, "default", "two", people.Approver)
	if err := w.Desk.SetBalance(ctx, one.Actor(), "C1", 0, nil); err != nil {
		t.Fatal(err)
	}
	for range 2 { // asked twice it is proposed once
		if _, code := book("C2", plain, 2000000_00); code != "book.waits" {
			t.Errorf("with another person: %q", code)
		}
	}
	list, _, err := w.gate.People.Proposals(ctx, two, true, "", 20)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list {
		if p.Kind == string(store.ProposeBooking) && strings.Contains(string(p.Payload), "C2") {
			if _, err := w.gate.People.Decide(ctx, two, p.ID, "approve", ""); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, code := book("C2", plain, 2000000_01); code != "book.waits" {
		t.Errorf("another balance than approved: %q", code)
	}
	if l, code := book("C2", plain, 2000000_00); code != "" || l.Reviewed != store.Approved {
		t.Errorf("approved: %q %q", code, l.Reviewed)
	}
	loans, err := w.DB.BookLoans(ctx, "default", "", 10)
	if err != nil || len(loans) != 1 || loans[0].Reviewed != store.Approved {
		t.Errorf("%+v, %v", loans, err)
	}
}
