package appraisal_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/income"
	"zhijia/internal/valuation/terms"
)

var actor = appraisal.Actor{Name: "officer", Institution: "bank"}

func setup(t *testing.T) (*store.DB, *appraisal.Service) {
	t.Helper()
	ctx := context.Background()
	db := storetest.New(t)
	svc, err := appraisal.New(ctx, db, appraisal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.LoadFacts(ctx); err != nil {
		t.Fatal(err)
	}
	if err := svc.Spaces().EmbedStored(ctx, nil); err != nil {
		t.Fatal(err)
	}
	return db, svc
}

func value(t *testing.T, svc *appraisal.Service, req appraisal.Request) (*appraisal.Record, valuation.Conclusion) {
	t.Helper()
	r, err := svc.Value(context.Background(), actor, req)
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.Conclusion()
	if err != nil {
		t.Fatal(err)
	}
	return r, c
}

func TestNumberAloneIsEnough(t *testing.T) {
	t.Parallel()
	_, svc := setup(t)
	r, c := value(t, svc, appraisal.Request{Number: "zl 2008 1 0027800.7", Date: calendar.MustParse("2019-11-26")})
	if c.Status != valuation.Valued || !(c.Value.Low < c.Value.Median && c.Value.Median < c.Value.High) {
		t.Errorf("%s: %+v", c.Status, c.Value)
	}
	var sum float64
	for _, x := range c.Contributions {
		sum += x.Yuan
	}
	if math.Abs(sum-c.Value.Median) > 1 {
		t.Errorf("contributions sum to %.2f, the value is %.2f", sum, c.Value.Median)
	}
	stored, err := svc.Get(context.Background(), actor, r.ID())
	if err != nil {
		t.Fatal(err)
	}
	a, _ := r.JSON()
	b, _ := stored.JSON()
	if !bytes.Equal(a, b) {
		t.Error("the record read back has other bytes")
	}
	if _, err := svc.Get(context.Background(), appraisal.Actor{Institution: "other"}, r.ID()); fault.KindOf(err) != fault.NotFound {
		t.Errorf("another institution gets %v", err)
	}
}

func TestTextAloneIsEnough(t *testing.T) {
	t.Parallel()
	_, svc := setup(t)
	_, c := value(t, svc, appraisal.Request{Text: &appraisal.Text{Title: "一种纳米氧化铝的制备方法", Abstract: "溶胶凝胶法制备高分散纳米氧化铝。"}})
	if c.Status != valuation.Valued {
		t.Errorf("%s %s", c.Status, c.ReasonCode)
	}
	if len(c.Comparables) == 0 || c.Comparables[0].DealID == "" {
		t.Error("no comparables")
	}
}

func TestReplayIsByteForByte(t *testing.T) {
	t.Parallel()
	db, svc := setup(t)
	ctx := context.Background()
	growth, margin := 0.05, 0.2
	r, _ := value(t, svc, appraisal.Request{
		Number: "ZL201310543019.6", Purpose: "pledge", Date: calendar.MustParse("2024-03-01"), Level: 0.9,
		Income: &income.Facts{Current: terms.Range(1e6, 2e6, 4e6), Growth: &terms.Quantity{Value: &growth}, Margin: &terms.Quantity{Value: &margin}, Royalty: terms.Range(0.01, 0.02, 0.04)},
	})
	// What arrives later changes nothing about a stored valuation.
	amount, one := 9e9, 1
	if err := db.PutDeals(ctx, []store.Deal{{ID: "later", Title: "一种激光器相对强度噪声的测量装置及方法", Amount: &amount, Patents: &one, Currency: "CNY", DealKind: "assignment", Date: calendar.MustParse("2020-01-01"), DateUnit: "day", IPC: []string{"G01M 11/00"}}}); err != nil {
		t.Fatal(err)
	}
	got, err := svc.Replay(ctx, actor, r.ID())
	if err != nil {
		t.Fatal(err)
	}
	if !got.Identical || !got.Intact || got.Hash != got.Repeated {
		t.Errorf("%+v", got)
	}
}

// A deal on or after the valuation date leaves the conclusion as it was.
func TestNoLookAhead(t *testing.T) {
	t.Parallel()
	db, svc := setup(t)
	req := appraisal.Request{Number: "ZL200810027800.7", Date: calendar.MustParse("2019-11-26")}
	_, before := value(t, svc, req)
	amount, one := 5e7, 1
	var deals []store.Deal
	for i, date := range []string{"2019-11-26", "2019-11-27", "2026-01-01"} {
		deals = append(deals, store.Deal{ID: fmt.Sprintf("future-%d", i), Title: "鹦鹉人工繁殖巢箱", Amount: &amount, Patents: &one, Currency: "CNY", DealKind: "assignment", Date: calendar.MustParse(date), DateUnit: "day", IPC: []string{"A01K 31/00"}})
	}
	if err := db.PutDeals(context.Background(), deals); err != nil {
		t.Fatal(err)
	}
	if err := svc.Spaces().EmbedStored(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	_, after := value(t, svc, req)
	if before.Value.Median != after.Value.Median || before.Value.Low != after.Value.Low {
		t.Errorf("%.2f became %.2f", before.Value.Median, after.Value.Median)
	}
}

func TestBlindLeavesTheOwnDealOut(t *testing.T) {
	t.Parallel()
	_, svc := setup(t)
	req := appraisal.Request{Number: "ZL200810027800.7", Date: calendar.MustParse("2024-01-01")}
	has := func(c valuation.Conclusion) bool {
		for _, d := range c.Comparables {
			if d.DealID == "T076" {
				return true
			}
		}
		return false
	}
	if _, c := value(t, svc, req); !has(c) {
		t.Error("a past sale of the patent is evidence")
	}
	req.Blind = true
	if _, c := value(t, svc, req); has(c) {
		t.Error("a blind valuation saw the patent's own sale")
	}
}

func TestExpiredIsWorthNothing(t *testing.T) {
	t.Parallel()
	_, svc := setup(t)
	filed := calendar.MustParse("2005-01-02")
	for _, purpose := range terms.Purposes {
		if purpose == terms.PurposeInfringement {
			continue // damages for past acts are owed all the same
		}
		_, c := value(t, svc, appraisal.Request{
			Text: &appraisal.Text{Title: "一种旧装置"}, Purpose: string(purpose), Date: calendar.MustParse("2025-01-02"),
			Patent: &appraisal.Facts{Kind: "invention", Filing: filed},
		})
		if c.Status != valuation.Zero || c.Value.Median != 0 || c.ReasonCode == "" {
			t.Errorf("%s: %s %v %s", purpose, c.Status, c.Value.Median, c.ReasonCode)
		}
	}
	_, c := value(t, svc, appraisal.Request{Text: &appraisal.Text{Title: "一种旧装置"}, Date: calendar.MustParse("2025-01-01"), Patent: &appraisal.Facts{Kind: "invention", Filing: filed}})
	if c.Status == valuation.Zero {
		t.Error("the last day of protection is the day before the anniversary")
	}
}

// A right that lapsed is worth nothing, from the day the lapse is public on.
func TestLapseCountsOnceItIsPublic(t *testing.T) {
	t.Parallel()
	db, svc := setup(t)
	const number = "CN200810027800.7"
	events := []store.LegalEvent{
		{Number: number, Event: patent.Event{Code: "GR01", Effective: calendar.MustParse("2010-04-21"), Source: "test"}},
		{Number: number, Event: patent.Event{Code: "CF01", Effective: calendar.MustParse("2021-04-30"), Gazette: calendar.MustParse("2022-01-14"), Source: "test"}},
	}
	if err := db.MergeEvents(context.Background(), events); err != nil {
		t.Fatal(err)
	}
	for day, want := range map[string]valuation.Status{"2019-11-26": valuation.Valued, "2022-01-14": valuation.Valued, "2022-01-15": valuation.Zero} {
		_, c := value(t, svc, appraisal.Request{Number: number, Date: calendar.MustParse(day)})
		if c.Status != want {
			t.Errorf("%s: %s, want %s", day, c.Status, want)
		}
	}
}

func TestSamePatentTwiceInABundleIsOne(t *testing.T) {
	t.Parallel()
	_, svc := setup(t)
	req := appraisal.Request{Number: "CN202110638304.0", Bundle: []string{"CN202121272766.7"}, Date: calendar.MustParse("2024-01-01")}
	_, once := value(t, svc, req)
	req.Bundle = append(req.Bundle, "ZL202121272766.7", "CN202110638304.0")
	_, twice := value(t, svc, req)
	if once.Value.Median != twice.Value.Median {
		t.Errorf("%.2f and %.2f", once.Value.Median, twice.Value.Median)
	}
}

func TestOverrideKeepsBothFigures(t *testing.T) {
	t.Parallel()
	_, svc := setup(t)
	ctx := context.Background()
	r, before := value(t, svc, appraisal.Request{Number: "ZL201310543019.6"})
	if _, err := svc.Override(ctx, actor, r.ID(), 50_000, "  ", appraisal.Evidence{}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("an override without a reason: %v", err)
	}
	if _, err := svc.Override(ctx, actor, r.ID(), 50_000, "买方已报价", appraisal.Evidence{}); err != nil {
		t.Fatal(err)
	}
	list, err := svc.Overrides(ctx, actor, r.ID())
	if err != nil || len(list) != 1 || list[0].Value != 50_000 || list[0].Officer != actor.Name {
		t.Errorf("%+v, %v", list, err)
	}
	again, err := svc.Get(ctx, actor, r.ID())
	if err != nil {
		t.Fatal(err)
	}
	if after, _ := again.Conclusion(); after.Value.Median != before.Value.Median {
		t.Error("the override changed the valuation")
	}
	worksOn(t, svc, r.ID())
}

func TestBadRequestsNameEveryField(t *testing.T) {
	t.Parallel()
	_, svc := setup(t)
	_, err := svc.Value(context.Background(), actor, appraisal.Request{
		Number: "CN201310543019.7", Purpose: "gift", Level: 2, Date: calendar.MustParse("2199-01-01"),
		Text: &appraisal.Text{Title: "a\x00b"}, Scores: []appraisal.OfficerScore{{Code: "T5.1", Score: 101}},
	})
	if fault.KindOf(err) != fault.Invalid {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, f := range fault.Public(err).Fields {
		got[f.Field] = true
		if f.Zh == "" || f.En == "" || f.Code == "" {
			t.Errorf("%+v lacks a message", f)
		}
	}
	for _, field := range []string{"number", "purpose", "level", "valuation_date", "text.title", "scores[0]"} {
		if !got[field] {
			t.Errorf("%s is not named", field)
		}
	}
	// A right of another office is no Chinese patent, alone or in a bundle.
	for _, n := range []string{"US9123456B2", "WO2016123456A1", "EP1234567A1", "PCT/CN2016/079715"} {
		for _, req := range []appraisal.Request{{Number: n}, {Number: "ZL201310543019.6", Bundle: []string{n}}, {Number: n, Text: &appraisal.Text{Title: "轴承"}}} {
			if _, err := svc.Value(context.Background(), actor, req); fault.KindOf(err) != fault.Invalid {
				t.Errorf("%+v is valued: %v", req, err)
			}
		}
	}
}

// The space is fitted and switched while valuations are being asked for; none
// fails and none mixes spaces.
func TestSwitchOfSpaceWhileServing(t *testing.T) {
	t.Parallel()
	db, svc := setup(t)
	ctx := context.Background()
	var patents []store.Patent
	for i := range 400 {
		patents = append(patents, store.Patent{Number: fmt.Sprintf("N%d", i), Title: fmt.Sprintf("一种第%d号激光测量装置及其噪声抑制方法", i), Source: "test", IPC: []string{"G01M 11/00"}})
	}
	if err := db.MergePatents(ctx, patents, 0, nil); err != nil {
		t.Fatal(err)
	}
	var stop atomic.Bool
	var served atomic.Int64
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for !stop.Load() {
				r, err := svc.Value(ctx, actor, appraisal.Request{Number: "ZL201310543019.6"})
				if err != nil {
					t.Error(err)
					return
				}
				c, err := r.Conclusion()
				if err != nil || len(c.Comparables) == 0 {
					t.Error("no comparables", err)
					return
				}
				compared := 0
				for _, d := range c.Comparables {
					if d.Similar == nil { // counts by its market, not by its text
						continue
					}
					compared++
					if d.Similar.Text == nil {
						t.Errorf("%s had no vector in %s", d.DealID, c.Retrieval.Space)
						return
					}
				}
				if compared == 0 {
					t.Error("no deal was compared by its text")
					return
				}
				served.Add(1)
			}
		})
	}
	for served.Load() == 0 && !t.Failed() {
	}
	fitted, err := svc.Spaces().Fit(ctx, appraisal.Actor{Name: "test", Institution: store.Public}, 1, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	space := fitted.Space
	before := served.Load()
	for served.Load() < before+5 && !t.Failed() {
	}
	stop.Store(true)
	wg.Wait()
	_, c := value(t, svc, appraisal.Request{Number: "ZL201310543019.6"})
	if c.Retrieval.Space != space.String() {
		t.Errorf("space %s after the switch to %s", c.Retrieval.Space, space)
	}
	if before == 0 {
		t.Error("nothing was served during the fit")
	}
}

// TestNumberAloneNarrowsAsTheNumberTells values patents the store does not know: by kind and year where the number is an
// application's, by kind alone where it is a publication's or its term began elsewhere; a later year is worth no less.
func TestNumberAloneNarrowsAsTheNumberTells(t *testing.T) {
	t.Parallel()
	_, svc := setup(t)
	number := func(digits string) string { return "CN" + digits + "." + string(patent.CheckDigit(digits)) }
	day := calendar.MustParse("2026-06-01")
	at := func(n string) (float64, string) {
		_, c := value(t, svc, appraisal.Request{Number: n, Date: day})
		said := ""
		for _, m := range c.MissingEvidence {
			if m.Code == "TEXT" {
				said = m.Zh
			}
		}
		return c.Value.Median, said
	}
	older, said := at(number("201216990127"))
	if !strings.Contains(said, "申请年份") {
		t.Errorf("an application number: %q", said)
	}
	if younger, _ := at(number("202216990127")); younger <= older {
		t.Errorf("ten years younger by the number: %.0f, the older %.0f", younger, older)
	}
	utility, _ := at(number("202226990127"))
	if younger, _ := at(number("202216990127")); utility >= younger {
		t.Errorf("a utility model by its number: %.0f, the invention %.0f", utility, younger)
	}
	for _, n := range []string{"CN112345678B", number("201980012345")} {
		if v, said := at(n); v <= 0 || said == "" || strings.Contains(said, "申请年份") {
			t.Errorf("%s: %.0f, %q", n, v, said)
		}
	}
}

// worksOn finds, compares, checks and keeps what is begun, beside a valuation of
// ZL201310543019.6 with an officer's figure that waits.
func worksOn(t *testing.T, svc *appraisal.Service, id string) {
	t.Helper()
	ctx := t.Context()
	for text, by := range map[string]string{"ZL 2013 1 0543019.6": "number", "201310543019": "words", "轴承": ""} {
		found, err := svc.FindPatents(ctx, actor, text, 5)
		switch {
		case err != nil:
			t.Errorf("%s: %v", text, err)
		case by != "" && (len(found.Patents) == 0 || found.Patents[0].By != by || found.Patents[0].Number != "CN201310543019.6"):
			t.Errorf("%s: %+v", text, found)
		case len(found.Patents) > 5:
			t.Errorf("%s: %d patents", text, len(found.Patents))
		}
	}
	for _, hostile := range []string{"", "  ", "a\x00b", "\xff", strings.Repeat("字", 501), "%", "_", "'", "\\"} {
		if _, err := svc.FindPatents(ctx, actor, hostile, 5); err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", hostile, err)
		}
	}

	revenue, more := 3e7, 6e7
	ask := func(yuan *float64, purpose string) string {
		r, _ := value(t, svc, appraisal.Request{Number: "ZL201310543019.6", Purpose: purpose, Borrower: "甲公司", Income: &income.Facts{Current: &terms.Quantity{Value: yuan}}})
		return r.ID()
	}
	a, b := ask(&revenue, "licence"), ask(&more, "licence")
	out, err := svc.Compare(ctx, actor, []string{id, a, b})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range out.Valuations {
		sum := 0.0
		for _, c := range v.Causes {
			sum += c.Yuan
			if appraisal.ComparedCause(c.Key) == "" {
				t.Errorf("the cause %s has no name", c.Key)
			}
		}
		if math.Abs(sum-v.Change) > 1 || i == 0 && v.Change != 0 {
			t.Errorf("valuation %d: causes sum to %.2f of %.2f", i, sum, v.Change)
		}
	}
	if pair, err := svc.Compare(ctx, actor, []string{a, b}); err != nil || len(pair.Valuations[1].Causes) != 1 || pair.Valuations[1].Causes[0].Key != "facts" || !pair.Asked[0].Differs || pair.Asked[0].Path != "income.revenue_current" {
		t.Errorf("the same question with another revenue: %+v, %v", pair, err)
	}
	for _, ids := range [][]string{{a}, {a, a}, {a, b, id, a, b, id, a}} {
		if _, err := svc.Compare(ctx, actor, ids); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%v: %v", ids, err)
		}
	}
	other := actor
	other.Institution = "public"
	if _, err := svc.Compare(ctx, other, []string{a, b}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("another institution compares: %v", err)
	}

	for q, want := range map[appraisal.Query]int{{Borrower: "甲"}: 2, {Words: "甲公司"}: 2, {Waiting: true}: 1, {Made: "batch"}: 0, {Made: "alone"}: 3, {Status: "abstained"}: 0} {
		if list, _, err := svc.Valuations(ctx, actor, q, "", 10); err != nil || len(list) != want {
			t.Errorf("%+v: %d lines, %v", q, len(list), err)
		}
	}

	said := func(req appraisal.Request) (kinds []string) {
		remarks, err := svc.Check(ctx, actor, req)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range remarks {
			if r.Zh == "" || r.En == "" {
				t.Errorf("a remark without words: %+v", r)
			}
			kinds = append(kinds, r.Kind+" "+r.Field)
		}
		return kinds
	}
	future := calendar.InChina(time.Now()).AddDays(40)
	for _, x := range []struct {
		req  appraisal.Request
		want string
	}{
		{appraisal.Request{Number: "ZL201310543019.6"}, "known number"},
		{appraisal.Request{Number: "ZL201310543019.5"}, "fault number"},
		{appraisal.Request{Number: "ZL201310543019.6", Patent: &appraisal.Facts{Filing: calendar.New(2005, 11, 29)}}, "look patent.filing_date"},
		{appraisal.Request{Text: &appraisal.Text{Title: "一种锂离子电池正极材料的制备方法"}}, "proposed patent.ipc"},
		{appraisal.Request{Text: &appraisal.Text{Title: "一种锂离子电池"}, Patent: &appraisal.Facts{Filing: future}}, "look patent.filing_date"},
		{appraisal.Request{Number: "ZL99100123.0", Text: &appraisal.Text{Title: "一种锂电池"}, Patent: &appraisal.Facts{Kind: "invention", Filing: calendar.New(1999, 2, 1)}}, "look patent.filing_date"},
		{appraisal.Request{Text: &appraisal.Text{Title: "一种锂离子电池"}, Purpose: "pledge"}, "proposed market"},
	} {
		if got := said(x.req); !slices.Contains(got, x.want) {
			t.Errorf("%+v: %v, want %s", x.req, got, x.want)
		}
	}

	draft, err := svc.KeepDraft(ctx, actor, "../../x", "题", url.Values{"number": {"1"}})
	if err != nil {
		t.Fatal(err)
	}
	if again, err := svc.KeepDraft(ctx, actor, draft, "题", url.Values{"number": {"2"}}); err != nil || again != draft {
		t.Errorf("%s, %v", again, err)
	}
	for range 25 {
		if _, err := svc.KeepDraft(ctx, actor, "", "又", url.Values{}); err != nil {
			t.Fatal(err)
		}
	}
	if list, err := svc.Drafts(ctx, actor); err != nil || len(list) != 20 {
		t.Errorf("%d drafts, %v", len(list), err)
	}
	colleague := actor
	colleague.Name = "别人"
	if list, err := svc.Drafts(ctx, colleague); err != nil || len(list) != 0 {
		t.Errorf("a colleague sees %d drafts, %v", len(list), err)
	}
	if err := svc.KeepFilter(ctx, actor, "valuations", " ", ""); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a filter without a name: %v", err)
	}
	if err := svc.KeepFilter(ctx, actor, "valuations", "甲", "borrower=x"); err != nil {
		t.Fatal(err)
	}
	if list, err := svc.Filters(ctx, actor, "valuations"); err != nil || len(list) != 1 || list[0].Query != "borrower=x" {
		t.Errorf("%+v, %v", list, err)
	}

	paper := appraisal.Evidence{Name: "报价.pdf", Content: []byte("%PDF-")}
	o, err := svc.Override(ctx, actor, a, 5e5, "附报价", paper)
	if err != nil {
		t.Fatal(err)
	}
	if e, err := svc.OverrideFile(ctx, actor, o.ID); err != nil || e.Name != paper.Name || string(e.Content) != "%PDF-" {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := svc.Override(ctx, actor, a, 5e5, "太大", appraisal.Evidence{Name: "x", Content: make([]byte, appraisal.MaxEvidence+1)}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a file too large: %v", err)
	}
}
