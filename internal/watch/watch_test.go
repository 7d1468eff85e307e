package watch

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zhijia/internal/calendar"
	"zhijia/internal/patent"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

const number = "CN201310543019.6"

// clock is a time that the test moves.
type clock struct{ at time.Time }

func (c *clock) Now() time.Time { return c.at }

func (c *clock) day(t testing.TB, text string) {
	t.Helper()
	c.at = calendar.MustParse(text).Time().Add(4 * time.Hour) // noon in China
}

type world struct {
	*Service
	clock
	ctx context.Context
	t   testing.TB
}

func newWorld(t testing.TB, o Options) *world {
	t.Helper()
	w := &world{ctx: context.Background(), t: t}
	w.day(t, "2030-01-01") // events of these tests arrive in the store before that
	o.Now = w.Now
	var err error
	if w.Service, err = New(storetest.New(t), o); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) watch(institution string) {
	w.t.Helper()
	if _, err := w.db.WatchPatents(w.ctx, institution, []string{number}, "", "张三", w.at); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) patent(paid int) {
	w.t.Helper()
	err := w.db.MergePatents(w.ctx, []store.Patent{{
		Number: number, Kind: "invention", Title: "一种电池", Filing: calendar.MustParse("2013-11-05"), Grant: calendar.MustParse("2016-05-04"), PaidThroughYear: &paid, Source: "test",
	}}, 0, nil)
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) event(code, effective, gazette string, more ...string) {
	w.t.Helper()
	e := store.LegalEvent{Number: number, Event: patent.Event{Code: code, Effective: calendar.MustParse(effective), Source: "gazette"}}
	if gazette != "" {
		e.Gazette = calendar.MustParse(gazette)
	}
	if len(more) > 0 {
		e.Party = more[0]
	}
	if err := w.db.MergeEvents(w.ctx, []store.LegalEvent{e}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) sweep() int {
	w.t.Helper()
	n, err := w.Sweep(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// alerts are an institution's, each as code, status and revision.
func (w *world) alerts(institution string, f store.AlertFilter) (out []string, list []store.Alert) {
	w.t.Helper()
	f.Limit = 1000
	list, err := w.db.Alerts(w.ctx, institution, f)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, a := range list {
		out = append(out, fmt.Sprintf("%s %s %d", a.Code, a.Status, a.Revision))
	}
	return out, list
}

func (w *world) expect(institution string, f store.AlertFilter, want ...string) {
	w.t.Helper()
	if got, _ := w.alerts(institution, f); !slices.Equal(got, want) {
		w.t.Errorf("%s: %q, want %q", institution, got, want)
	}
}

// Fees come nearer by the calendar alone, each threshold once.
func TestFeesByTheCalendar(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	w.patent(17) // year 18 is due by 2030-11-05
	w.watch("a")
	for _, c := range []struct {
		day  string
		want []string
	}{
		{"2030-01-02", nil},
		{"2030-08-06", nil},
		{"2030-08-07", []string{"fee_due_90"}},
		{"2030-08-08", nil},
		{"2030-10-07", []string{"fee_due_60", "fee_due_30"}}, // nobody swept for two months
		{"2030-11-05", nil},
		{"2030-11-06", []string{"fee_late"}},
		{"2031-05-05", nil},
		{"2031-05-06", []string{"fee_lapse"}},
		{"2031-06-01", nil},
	} {
		_, before := w.alerts("a", store.AlertFilter{})
		w.day(t, c.day)
		w.sweep()
		w.sweep()
		var seq int64
		if n := len(before); n > 0 {
			seq = before[n-1].Seq
		}
		var want []string
		for _, code := range c.want {
			want = append(want, code+" open 1")
		}
		w.expect("a", store.AlertFilter{After: seq}, want...)
	}
	// Paid: the alerts of that year are settled, and nothing is owed till the next.
	w.patent(18)
	w.sweep()
	_, list := w.alerts("a", store.AlertFilter{})
	for _, a := range list {
		if a.Status != store.AlertSettled || a.Revision != 2 {
			t.Errorf("%s is %s after the fee was paid", a.Code, a.Status)
		}
	}
	w.expect("a", store.AlertFilter{Open: true})
}

// An import of events raises each alert once, whoever imports it how often,
// and for those who watch the patent only.
func TestImportsRaiseOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	w.event("GR01", "2016-05-04", "")
	w.event("PE01", "2018-03-01", "2018-03-25", "某银行") // history to those who begin to watch now
	w.watch("a")
	w.sweep()
	w.expect("a", store.AlertFilter{})

	w.at = time.Now() // events bear the true time of their arrival
	w.day(t, calendar.InChina(w.at.AddDate(0, 0, 2)).String())
	if err := w.db.UnwatchPatent(w.ctx, "a", number, "张三", w.at); err != nil {
		t.Fatal(err)
	}
	w.at = time.Now().Add(-time.Hour)
	w.watch("a")
	w.watch("b")
	w.day(t, calendar.InChina(time.Now().AddDate(0, 0, 3)).String())
	for range 3 {
		w.event("TR01", "2019-01-05", "2019-01-20")
		w.event("IF01", "2019-02-05", "") // arrived late: public long before the watch began
		w.event("CF01", "2019-05-05", "2019-12-01")
		w.sweep()
	}
	for _, institution := range []string{"a", "b"} {
		got, _ := w.alerts(institution, store.AlertFilter{})
		slices.Sort(got)
		if want := []string{"invalidity_filed open 1", "lapse open 1", "pledge open 1", "transfer open 1"}; !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", institution, got, want)
		}
	}
	w.expect("c", store.AlertFilter{})

	// Acknowledged, it is off the list of what is open; what changes about it
	// brings it back.
	_, list := w.alerts("a", store.AlertFilter{})
	i := slices.IndexFunc(list, func(a store.Alert) bool { return a.Code == "transfer" })
	if _, err := w.db.AcknowledgeAlert(w.ctx, "a", list[i].ID, "李四", "已联系出质人", w.at); err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.AcknowledgeAlert(w.ctx, "b", list[i].ID, "李四", "", w.at); err == nil {
		t.Error("another institution's alert was acknowledged")
	}
	if got, _ := w.alerts("a", store.AlertFilter{Open: true}); len(got) != 3 {
		t.Errorf("open: %q", got)
	}
	late := store.LegalEvent{Number: number, Event: patent.Event{Code: "TR01", Effective: calendar.MustParse("2019-01-05"), Gazette: calendar.MustParse("2019-01-20"), After: []string{"乙公司"}, Source: "gazette"}}
	if err := w.db.MergeEvents(w.ctx, []store.LegalEvent{late}); err != nil {
		t.Fatal(err)
	}
	last := list[len(list)-1].Seq
	w.sweep()
	got, now := w.alerts("a", store.AlertFilter{After: last})
	if !slices.Equal(got, []string{"transfer open 2"}) || !strings.Contains(now[0].Zh, "乙公司") || now[0].AcknowledgedAt != nil || now[0].ID != list[i].ID {
		t.Errorf("restated: %q %+v", got, now)
	}
}

// A right that turns out to have ended before a fee fell due owed none: the
// alert is taken back.
func TestLateEventsRestate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	w.patent(17)
	w.watch("a")
	w.day(t, "2030-12-01")
	w.sweep()
	w.expect("a", store.AlertFilter{}, "fee_due_90 open 1", "fee_due_60 open 1", "fee_due_30 open 1", "fee_late open 1")
	w.event("GR01", "2016-05-04", "")
	w.event("AV01", "2030-09-20", "2030-11-20")
	w.sweep()
	got, _ := w.alerts("a", store.AlertFilter{})
	slices.Sort(got)
	if want := []string{"fee_due_30 restated 2", "fee_due_60 open 1", "fee_due_90 open 1", "fee_late restated 2", "lapse open 1"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// Booked patents are watched without being put on a list, and a loan that
// outlives one is told until it is closed.
func TestBookedLoans(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	w.patent(17)
	v := storedValuation(t, w.db)
	loan := store.BookLoan{
		ID: "ln_1", Institution: "a", Contract: "C-1", Borrower: "甲公司", Principal: 1, Balance: 1, Maturity: calendar.MustParse("2034-06-01"), Policy: json.RawMessage("{}"),
		CreatedAt: w.at, CreatedBy: "张三", Patents: []store.BookPatent{{Number: number, Input: json.RawMessage("{}"), Status: "valued", Valuation: v.ID, ValuedOn: calendar.InChina(w.at), Due: calendar.InChina(w.at)}},
	}
	if err := w.db.PutBookLoan(w.ctx, loan, []*store.Valuation{v}, calendar.InChina(w.at), nil); err != nil {
		t.Fatal(err)
	}
	w.sweep()
	w.sweep()
	w.expect("a", store.AlertFilter{}, "expiry_within_loan open 1")
	// 300 days of adjustment, told later: the right outlives the loan after all.
	days := 300
	err := w.db.MergePatents(w.ctx, []store.Patent{{Number: number, Title: "一种电池", AdjustmentDays: &days, Source: "test"}}, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.sweep()
	w.expect("a", store.AlertFilter{}, "expiry_within_loan restated 2")
	if err := w.db.SetBookBalance(w.ctx, "a", "C-1", 0, nil, "张三", calendar.InChina(w.at), w.at, nil); err != nil {
		t.Fatal(err)
	}
	w.day(t, "2030-09-01")
	w.sweep()
	w.expect("a", store.AlertFilter{Open: true}) // the loan is closed, nobody watches it any longer
}

func storedValuation(t testing.TB, db *store.DB) *store.Valuation {
	t.Helper()
	if err := db.PutAssumptions(context.Background(), "test", []byte("{}"), ""); err != nil {
		t.Fatal(err)
	}
	v := &store.Valuation{ID: "val_1", Institution: "a", Assumptions: "test", CreatedAt: time.Now().UTC(), AsOf: calendar.MustParse("2029-12-01"), Purpose: "pledge", Status: "valued"}
	v.Request, v.Snapshot, v.Conclusion, v.Hash = []byte("{}"), []byte("{}"), []byte("{}"), []byte{1}
	return v
}

// What becomes of the alerts depends on what is on file and the day, not on
// the order in which it came or how often it was looked at.
func TestDeriveSettles(t *testing.T) {
	t.Parallel()
	codes := []string{"GR01", "TR01", "PE01", "PC01", "IF01", "IP01", "CF01", "RR01", "AV01", "IW01", "PP01"}
	rapid.Check(t, func(t *rapid.T) {
		from := calendar.MustParse("2020-01-01")
		paid := rapid.IntRange(1, 10).Draw(t, "paid")
		w := store.Watch{Institution: "a", Number: number, Since: from.AddDays(rapid.IntRange(0, 800).Draw(t, "since")).Time()}
		if rapid.Bool().Draw(t, "record") {
			w.Patent = &store.Patent{Number: number, Kind: "invention", Filing: calendar.MustParse("2014-03-01"), Grant: calendar.MustParse("2017-01-01"), PaidThroughYear: &paid}
		}
		for i := range rapid.IntRange(0, 8).Draw(t, "events") {
			day := from.AddDays(rapid.IntRange(0, 900).Draw(t, "day"))
			w.Events = append(w.Events, store.ArrivedEvent{
				Event:     patent.Event{Code: rapid.SampledFrom(codes).Draw(t, "code"), Registration: fmt.Sprint(i), Effective: day, Gazette: day.AddDays(rapid.IntRange(0, 60).Draw(t, "lag"))},
				ArrivedAt: day.AddDays(rapid.IntRange(0, 200).Draw(t, "arrival")).Time(),
			})
		}
		if rapid.Bool().Draw(t, "loan") {
			w.Loans = []patent.Loan{{Reference: "C", Maturity: calendar.MustParse("2034-02-28").AddDays(rapid.IntRange(0, 3).Draw(t, "maturity")), Since: calendar.InChina(w.Since)}}
		}
		today := calendar.InChina(w.Since).AddDays(rapid.IntRange(0, 900).Draw(t, "today"))
		first := Derive(w, today, calendar.Shipped())
		seen := map[string]bool{}
		for _, c := range first {
			if seen[c.ID] {
				t.Fatalf("%s twice", c.Alert.Cause)
			}
			seen[c.ID] = true
			w.Alerts = append(w.Alerts, store.Alert{ID: c.ID, Alert: c.Alert, Status: c.Status})
		}
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		rng.Shuffle(len(w.Events), func(i, j int) { w.Events[i], w.Events[j] = w.Events[j], w.Events[i] })
		if again := Derive(w, today, calendar.Shipped()); len(again) != 0 {
			t.Fatalf("looked at again: %+v", again)
		}
		w.Alerts = nil
		if other := Derive(w, today, calendar.Shipped()); !reflect.DeepEqual(first, other) {
			t.Fatalf("in another order: %+v, %+v", first, other)
		}
	})
}

// BenchmarkSweep works out a day's alerts of 10,000 watched patents.
func BenchmarkSweep(b *testing.B) {
	w := newWorld(b, Options{})
	const n = 10_000
	var batch []store.Patent
	var events []store.LegalEvent
	var numbers []string
	paid := 17
	for i := range n {
		digits := fmt.Sprintf("20131%07d", i)
		number := "CN" + digits + "." + string(patent.CheckDigit(digits))
		numbers = append(numbers, number)
		batch = append(batch, store.Patent{Number: number, Kind: "invention", Title: "一种装置", Filing: calendar.New(2013, 1, 1).AddDays(i % 365), Grant: calendar.New(2016, 1, 1), PaidThroughYear: &paid, Source: "test"})
		events = append(events, store.LegalEvent{Number: number, Event: patent.Event{Code: "GR01", Effective: calendar.New(2016, 1, 1), Source: "test"}})
	}
	if err := w.db.MergePatents(w.ctx, batch, 0, nil); err != nil {
		b.Fatal(err)
	}
	if err := w.db.MergeEvents(w.ctx, events); err != nil {
		b.Fatal(err)
	}
	if _, err := w.db.WatchPatents(w.ctx, "a", numbers, "", "张三", w.at); err != nil {
		b.Fatal(err)
	}
	changed := 0
	for b.Loop() {
		w.at = w.at.AddDate(0, 0, 1)
		changed += w.sweep()
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "patents/s")
	b.ReportMetric(float64(changed)/float64(b.N), "alerts/day")
}
